/*
 * orm/load_post.c - relationships that a statement loads by further SELECTs: selectinload and its
 * kin.
 *
 * Place: rows became instances (load_rows.c notes those of entity plans with posts); when a batch
 *   is complete, each post loads its relationship for all of them that lack it, many at a time
 *   (load_many.c), outer relationships before what they lead to. With populate_existing all are
 *   loaded again.
 * Listeners of do_orm_execute see each of these SELECTs, with the way to the relationship.
 * subqueryload repeats the statement of the rows, also where all of them have the relationship: what
 *   lies behind it is found there.
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

void
orm_posts_forget(orm_loader *l)
{
    Py_CLEAR(l->params);
    Py_CLEAR(l->marks);
    Py_CLEAR(l->origin);
    Py_CLEAR(l->path);
    Py_CLEAR(l->options);
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

    if (post->how == ORM_LAZY_SUBQUERY) {
        return orm_relloads_around(l, post, (uint32_t)(post - l->plan->posts));
    }
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
    loads = orm_relloads_for(l, rel, post, (uint32_t)(post - l->plan->posts));
    if (loads != NULL && !post->has_values) {
        Py_XSETREF(post->loads, Py_NewRef(loads));
    }
    return loads;
}

/* The instances that lack the relationship: heads (PyMem) and their number; -1. *any: some can have it. */
static int64_t
who_lacks(orm_loader *l, const orm_post *post, PyObject *objects, orm_head ***out, bool *any)
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
        *any = true;
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

/* The way to the relationship of a post, from the entity of the program's statement. New reference. */
static PyObject *
path_of(const orm_loader *l, const orm_post *post)
{
    Py_ssize_t n = PyTuple_GET_SIZE(post->path);
    Py_ssize_t above = l->path == NULL ? 0 : PyTuple_GET_SIZE(l->path);

    if (above >= n && above > 0 && n > 0 && PyDict_GET_SIZE(post->arguments) > 0
        && PyTuple_GET_ITEM(l->path, above - 1) == PyTuple_GET_ITEM(post->path, n - 1)) {
        return Py_NewRef(l->path); /* recursion_depth: the same again */
    }
    return l->path == NULL ? Py_NewRef(post->path) : PySequence_Concat(l->path, post->path);
}

/* immediateload where somebody listens: each by itself, as if it were read. 0 / -1. */
static int
load_each(orm_loader *l, const orm_post *post, orm_head *const *heads, int64_t n, PyObject *path)
{
    PyObject *along = Py_BuildValue("OO", path, l->options == NULL ? Py_None : l->options);
    int rc = along == NULL ? -1 : 0;

    for (int64_t i = 0; rc >= 0 && i < n; i++) {
        if (l->overwrite && orm_val_expire(heads[i], post->slot, ORM_TAG_ABSENT) < 0) {
            rc = -1;
            break;
        }
        l->s->along = along;
        rc = orm_lazy_load(l->s, heads[i], post->slot, ORM_PASSIVE_OFF | ORM_P_NO_AUTOFLUSH);
        l->s->along = NULL;
    }
    Py_XDECREF(along);
    return rc < 0 ? -1 : 0;
}

static int
run_post(orm_loader *l, orm_post *post, PyObject *objects)
{
    orm_relation *rel = orm_slot_relation(post->mapper, post->slot);
    orm_head **heads = NULL;
    orm_relloads *loads = NULL;
    PyObject *conn = NULL;
    PyObject *path = NULL;
    bool any = false;
    int64_t n = who_lacks(l, post, objects, &heads, &any);
    int rc = n < 0 ? -1 : 0;

    if (rc == 0 && any && l->s->ops->listened(l->s)) {
        path = path_of(l, post);
        rc = path == NULL ? -1 : 0;
    }
    if (rc == 0 && path != NULL && post->how == ORM_LAZY_IMMEDIATE) {
        rc = load_each(l, post, heads, n, path);
    }
    else if (rc == 0 && (n > 0 || (any && post->how == ORM_LAZY_SUBQUERY))) {
        conn = l->s->ops->connection(l->s, rel->target);
        loads = conn == NULL ? NULL : loads_for(l, post, rel);
        rc = loads == NULL ? -1
                           : orm_load_many(l->s, conn, rel, loads, heads, (uint32_t)n,
                                           post->chunk, NULL, l, path);
    }
    Py_XDECREF(path);
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

bool
orm_plan_has_subquery(const orm_load_plan *plan)
{
    for (uint32_t i = 0; i < plan->nposts; i++) {
        if (plan->posts[i].how == ORM_LAZY_SUBQUERY) {
            return true;
        }
    }
    return false;
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
    /* those of subqueryload first: they belong to the rows, the others to the complete batch */
    for (uint32_t i = 0; rc == 0 && i < 2 * plan->nposts; i++) {
        orm_post *post = &plan->posts[i % plan->nposts];
        PyObject *objects = Py_XNewRef(l->posts[post->ent].objects);

        if (objects != NULL && (post->how == ORM_LAZY_SUBQUERY) == (i < plan->nposts)) {
            rc = run_post(l, post, objects);
        }
        Py_XDECREF(objects);
    }
    for (uint32_t i = 0; i < plan->nents; i++) {
        Py_CLEAR(l->posts[i].objects);
        orm_ptrmap_fini(&l->posts[i].seen);
    }
    Py_LeaveRecursiveCall();
    return rc;
}
