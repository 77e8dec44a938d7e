/*
 * session/cascade.c - save-update: who comes into a session comes with what it refers to.
 *
 * Place: Session.add, and a relationship whose parent is in a session (orm/hooks.c, through
 *   orm_session_ops.cascade_add).
 * The walk is a stack, not recursion: each instance's related ones are put on it in reverse, so
 *   that instances come in the order of a depth-first walk along the attributes as mapped, which
 *   is the order of their INSERTs. What is in the session already ends its branch.
 * Not loaded: what a relationship has not loaded stays out. What was removed and not flushed
 *   comes too: the flush must write its new foreign key.
 */
#include "session/cascade.h"

/* An instance on the stack, or a marker. */
typedef struct walk {
    PyObject **stack; /* owned references, PyMem */
    size_t n, cap;
    orm_ptrmap seen;  /* addresses of heads that were put on it */
    PyObject *held;   /* owned list: keeps what `seen` knows alive */
} walk;

static int
is_same(const void *value, const void *key)
{
    return value == key;
}

static int
push(walk *w, PyObject *obj)
{
    if (w->n == w->cap) {
        size_t cap = w->cap == 0 ? 16 : w->cap * 2;
        PyObject **stack = PyMem_Realloc(w->stack, cap * sizeof(*stack));
        if (stack == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        w->stack = stack;
        w->cap = cap;
    }
    w->stack[w->n++] = Py_NewRef(obj);
    return 0;
}

/* Remember h: 1 it is new here, 0 it was met before, -1. */
static int
see(walk *w, orm_head *h, PyObject *obj)
{
    uint64_t hash = (uint64_t)(uintptr_t)h >> 4;

    if (orm_ptrmap_find(&w->seen, hash, is_same, h) != NULL) {
        return 0;
    }
    if (PyList_Append(w->held, obj) < 0) {
        return -1;
    }
    if (orm_ptrmap_put(&w->seen, hash, h) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}

/* A member that the relationship is not for. Always -1. */
static int
raise_foreign(orm_head *h, const orm_relation *rel, PyObject *obj)
{
    PyErr_Format(PyExc_AssertionError,
                 "Attribute '%U' on class '%R' doesn't handle objects of type '%R'", rel->key,
                 h->mapper->cls, Py_TYPE(obj));
    return -1;
}

/* The related instances of one relationship onto the stack, the last first. 0 / -1. */
static int
push_related(SessionObject *s, walk *w, orm_head *h, const orm_relation *rel)
{
    PyObject *related = orm_relation_related(h, rel->slot, ORM_PASSIVE_NO_INITIALIZE, true);
    int rc = related == NULL ? -1 : 0;

    for (Py_ssize_t i = rc == 0 ? PyList_GET_SIZE(related) : 0; rc == 0 && i-- > 0;) {
        PyObject *obj = PyList_GET_ITEM(related, i);
        orm_head *m = orm_head_of(s->st, obj);
        if (m == NULL) {
            rc = -1;
        }
        else if (!orm_session_contains(s, m)) {
            rc = orm_mapper_isa(m->mapper, rel->target) ? push(w, obj) : raise_foreign(h, rel, obj);
        }
    }
    Py_XDECREF(related);
    return rc;
}

/* Everything that h cascades to. 0 / -1. */
static int
push_all(SessionObject *s, walk *w, orm_head *h)
{
    uint32_t n = 0;
    const uint32_t *slots = orm_mapper_relations(h->mapper, &n);
    int rc = slots == NULL ? -1 : 0;

    for (uint32_t i = n; rc == 0 && i-- > 0;) {
        /* read again: a custom collection's iterator may have mapped something */
        slots = orm_mapper_relations(h->mapper, &n);
        const orm_relation *rel =
            slots == NULL || i >= n ? NULL : orm_slot_relation(h->mapper, slots[i]);
        if (rel != NULL && rel->cascade & ORM_C_SAVE_UPDATE) {
            Py_INCREF((PyObject *)(uintptr_t)rel);
            rc = push_related(s, w, h, rel);
            Py_DECREF((PyObject *)(uintptr_t)rel);
        }
        rc = slots == NULL ? -1 : rc;
    }
    return rc;
}

/* Attach one instance of the stack and push what follows from it. 0 / -1. */
static int
visit(SessionObject *s, walk *w, PyObject *obj, bool root)
{
    orm_head *h = orm_head_of(s->st, obj);
    int fresh = h == NULL ? -1 : see(w, h, obj);

    if (fresh <= 0) {
        return fresh;
    }
    if (root) {
        orm_forget_orphaned(h);
    }
    if ((root || !orm_session_contains(s, h)) && orm_session_attach(s, h, obj) < 0) {
        return -1;
    }
    return h->mapper->nrelations == 0 && h->mapper->relations != NULL ? 0 : push_all(s, w, h);
}

int
orm_session_add(SessionObject *s, PyObject *obj)
{
    walk w = {0};
    orm_head *h = NULL;
    int rc = 0;
    bool root = true;

    h = orm_head_of(s->st, obj);
    if (h == NULL || orm_configure_for(h->mapper) < 0) {
        return -1;
    }
    w.held = PyList_New(0);
    if (w.held == NULL) {
        return -1;
    }
    orm_ptrmap_init(&w.seen);
    rc = push(&w, obj);
    while (rc == 0 && w.n > 0) {
        PyObject *next = w.stack[--w.n];
        rc = visit(s, &w, next, root);
        root = false;
        Py_DECREF(next);
    }
    while (w.n > 0) {
        Py_DECREF(w.stack[--w.n]);
    }
    PyMem_Free(w.stack);
    orm_ptrmap_fini(&w.seen);
    Py_DECREF(w.held);
    return rc;
}

static int
collect(void *list, orm_head *Py_UNUSED(h), PyObject *obj)
{
    return PyList_Append(list, obj);
}

PyObject *
orm_session_cascaded(orm_head *h, uint8_t cascade)
{
    PyObject *list = PyList_New(0);

    if (list != NULL && orm_cascade_walk(h, cascade, collect, list) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

int
orm_session_warn_in_flush(SessionObject *s, const char *what)
{
    return orm_warn(s->st, ORM_EXC_SAWarning, 2,
                    "Usage of the '%s()' operation is not currently supported within the "
                    "execution stage of the flush process. Results may not be consistent.  "
                    "Consider using alternative event listeners or connection-level operations "
                    "instead.", what);
}

/* --- for orm/ ------------------------------------------------------------------------------ */

int
orm_session_cascade_add(orm_session *sess, orm_head *h)
{
    SessionObject *s = (SessionObject *)Py_NewRef(ORM_SESSION_OF(sess));
    PyObject *obj = orm_head_object(h);
    int rc = orm_session_enter(s);

    if (rc == 0) {
        rc = obj == NULL ? 0 : orm_session_add(s, obj);
        orm_session_leave(s);
    }
    Py_XDECREF(obj);
    Py_DECREF(s);
    return rc;
}

int
orm_session_expunge_pending(orm_session *sess, orm_head *h)
{
    SessionObject *s = (SessionObject *)Py_NewRef(ORM_SESSION_OF(sess));
    PyObject *obj = orm_head_object(h);
    int rc = orm_session_enter(s);

    if (rc == 0) {
        rc = obj == NULL ? 0 : orm_session_expunge(s, obj);
        orm_session_leave(s);
    }
    Py_XDECREF(obj);
    Py_DECREF(s);
    return rc;
}
