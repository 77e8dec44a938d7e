/*
 * orm/load_post.c - relationships that a statement loads by further SELECTs: selectinload and its
 * kin.
 *
 * Place: rows became instances (load_rows.c notes those of entity plans with posts); when a batch
 *   is complete, each post loads its relationship for all of them that lack it, many at a time
 *   (load_many.c), outer relationships before what they lead to. With populate_existing all are
 *   loaded again.
 * Statements: the relationship's own where nothing more is said of it; else one made for this
 *   post by _strategies.py and kept by the plan. A criterion of and_() holds values, so such a
 *   post is worked out from the statement that is executed, each time.
 */
#include "orm/lazy.h"

/* The instances of one entity plan in this batch. */
struct orm_postlist {
    PyObject *objects;  /* owned list: keeps them alive */
    orm_ptrmap seen;    /* heads of the first `nseen` of them: asked only for known instances */
    Py_ssize_t nseen;
};

static int
is_same(const void *value, const void *key)
{
    return value == key;
}

orm_postlist *
orm_posts_new(uint32_t nents)
{
    orm_postlist *lists = PyMem_Calloc(nents + 1, sizeof(*lists));

    if (lists == NULL) {
        PyErr_NoMemory();
    }
    return lists;
}

void
orm_posts_free(orm_postlist *lists, uint32_t nents)
{
    for (uint32_t i = 0; lists != NULL && i < nents; i++) {
        Py_CLEAR(lists[i].objects);
        orm_ptrmap_fini(&lists[i].seen);
    }
    PyMem_Free(lists);
}

/* The instances in the list, by their heads. 0 / -1. */
static int
see_all(orm_loader *l, orm_postlist *list)
{
    for (; list->nseen < PyList_GET_SIZE(list->objects); list->nseen++) {
        orm_head *h = orm_head_of(l->st, PyList_GET_ITEM(list->objects, list->nseen));

        if (h == NULL) {
            return -1;
        }
        if (orm_ptrmap_put(&list->seen, (uint64_t)(uintptr_t)h >> 4, h) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

int
orm_posts_note(orm_loader *l, const orm_entplan *p, PyObject *obj, orm_head *h, bool is_new)
{
    orm_postlist *list = &l->posts[p->index];

    if (list->objects == NULL) {
        list->objects = PyList_New(0);
        orm_ptrmap_init(&list->seen);
        list->nseen = 0;
        if (list->objects == NULL) {
            return -1;
        }
    }
    if (!is_new) {
        if (see_all(l, list) < 0) {
            return -1;
        }
        if (orm_ptrmap_find(&list->seen, (uint64_t)(uintptr_t)h >> 4, is_same, h) != NULL) {
            return 0;
        }
    }
    return PyList_Append(list->objects, obj);
}

/* --- running ------------------------------------------------------------------------------ */

/* Nothing is said but that it is loaded. */
static bool
is_plain(const orm_post *post)
{
    return PyTuple_GET_ITEM(post->what, 0) == Py_None && PyTuple_GET_SIZE(PyTuple_GET_ITEM(post->what, 1)) == 0
           && PyDict_GET_SIZE(post->arguments) == 0;
}

/* The statement of a post: new reference. */
static orm_relloads *
loads_for(orm_loader *l, orm_post *post, orm_relation *rel)
{
    orm_relloads *loads = NULL;

    if (post->plain) {
        loads = (orm_relloads *)Py_XNewRef(orm_relloads_of(l->st, rel));
        if (loads != NULL && orm_relloads_many(l->st, rel, loads) < 0) {
            Py_CLEAR(loads);
        }
        return loads;
    }
    if (post->loads != NULL) {
        return (orm_relloads *)Py_NewRef(post->loads);
    }
    loads = orm_relloads_for(l->st, rel, post, l->statement, (uint32_t)(post - l->plan->posts));
    if (loads != NULL && !post->has_values) {
        Py_XSETREF(post->loads, Py_NewRef(loads));
    }
    return loads;
}

/* The instances that lack the relationship: heads (PyMem) and their number; -1. */
static int64_t
who_lacks(orm_loader *l, const orm_post *post, PyObject *objects, orm_head ***out)
{
    Py_ssize_t n = PyList_GET_SIZE(objects);
    orm_head **heads = PyMem_Malloc(((size_t)n + 1) * sizeof(*heads));
    int64_t found = 0;

    *out = heads;
    if (heads == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        orm_head *h = orm_head_of(l->st, PyList_GET_ITEM(objects, i));
        PyObject *v = NULL;
        if (h == NULL) {
            return -1;
        }
        if (h->session != l->s || !(h->flags & ORM_H_IN_MAP)
            || !orm_mapper_isa(h->mapper, post->mapper)
            || orm_slot_relation(h->mapper, post->slot) == NULL) {
            continue;
        }
        if (!l->overwrite) {
            v = orm_val_peek(h, post->slot, NULL);
            if (v != NULL || orm_val_is_dirty(h, post->slot)) {
                Py_XDECREF(v);
                continue;
            }
        }
        heads[found++] = h;
    }
    return found;
}

static int
run_post(orm_loader *l, orm_post *post, PyObject *objects)
{
    orm_relation *rel = orm_slot_relation(post->mapper, post->slot);
    orm_head **heads = NULL;
    orm_relloads *loads = NULL;
    PyObject *conn = NULL;
    int64_t n = who_lacks(l, post, objects, &heads);
    int rc = n < 0 ? -1 : 0;

    if (n > 0) {
        conn = l->s->ops->connection(l->s, rel->target);
        loads = conn == NULL ? NULL : loads_for(l, post, rel);
        rc = loads == NULL ? -1
                           : orm_load_many(l->s, conn, rel, loads, heads, (uint32_t)n,
                                           post->chunk, NULL, l);
    }
    Py_XDECREF(loads);
    Py_XDECREF(conn);
    PyMem_Free(heads);
    return rc;
}

/* chunksize among the arguments; 0: not given. -1 exception. */
static long
chunk_of(const orm_post *post)
{
    PyObject *v = PyDict_GetItemString(post->arguments, "chunksize"); /* borrow-ok: the dict's */

    return v == NULL ? 0 : PyLong_AsLong(v);
}

int
orm_posts_prepare(orm_load_plan *plan)
{
    for (uint32_t i = 0; i < plan->nposts; i++) {
        orm_post *post = &plan->posts[i];
        long chunk = chunk_of(post);

        if (chunk < 0 && PyErr_Occurred()) {
            return -1;
        }
        post->chunk = chunk <= 0 ? 0 : (uint32_t)chunk;
        post->plain = is_plain(post);
    }
    return 0;
}

int
orm_posts_run(orm_loader *l)
{
    orm_load_plan *plan = l->plan;
    int rc = Py_EnterRecursiveCall(" while loading relationships");

    if (rc != 0) {
        return -1;
    }
    for (uint32_t i = 0; rc == 0 && i < plan->nposts; i++) {
        PyObject *objects = Py_XNewRef(l->posts[plan->posts[i].ent].objects);

        if (objects != NULL) {
            rc = run_post(l, &plan->posts[i], objects);
            Py_DECREF(objects);
        }
    }
    for (uint32_t i = 0; i < plan->nents; i++) {
        Py_CLEAR(l->posts[i].objects);
        orm_ptrmap_fini(&l->posts[i].seen);
    }
    Py_LeaveRecursiveCall();
    return rc;
}
