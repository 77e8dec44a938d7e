/*
 * orm/held.c - what few instances keep beside their slots: collections that a read gave out and
 * nobody has filled, and the queues of collections that are not loaded.
 *
 * Place: access.c asks for empty collections, collection.c fills and applies queues.
 * An empty collection is no value: `vars()` does not show it, a load replaces it. It moves into
 *   its slot at its first change.
 * A queue is two dicts id -> instance, which keeps order and compares by identity; what is added
 *   and removed again leaves no trace.
 */
#include "orm/collection_int.h"

orm_held *
orm_held_find(const orm_head *h, uint32_t slot)
{
    const orm_rare *r = h->rare;

    for (uint32_t i = 0; r != NULL && i < r->nheld; i++) {
        if (r->held[i].slot == slot) {
            return &r->held[i];
        }
    }
    return NULL;
}

orm_held *
orm_held_ensure(orm_head *h, uint32_t slot)
{
    orm_held *found = orm_held_find(h, slot);
    orm_rare *r = found == NULL ? orm_rare_ensure(h) : NULL;

    if (found != NULL || r == NULL) {
        return found;
    }
    found = PyMem_Realloc(r->held, (r->nheld + 1) * sizeof(*found));
    if (found == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    r->held = found;
    r->held[r->nheld] = (orm_held){.slot = slot};
    return &r->held[r->nheld++];
}

PyObject *
orm_held_take_empty(orm_head *h, uint32_t slot)
{
    orm_held *held = orm_held_find(h, slot);
    PyObject *empty = held == NULL ? NULL : held->empty;

    if (held != NULL) {
        held->empty = NULL;
    }
    return empty;
}

void
orm_held_drop_queue(orm_head *h, uint32_t slot)
{
    orm_held *held = orm_held_find(h, slot);
    PyObject *added = held == NULL ? NULL : held->added;
    PyObject *removed = held == NULL ? NULL : held->removed;

    if (held != NULL) {
        held->added = held->removed = NULL;
    }
    Py_XDECREF(added);
    Py_XDECREF(removed);
}

/* Move a member from one queue to the other's absence: 1 it was in `from`, 0 not, -1. */
static int
queue_take(PyObject *from, PyObject *id)
{
    int rc = from == NULL ? 0 : PyDict_Contains(from, id);

    if (rc > 0 && PyDict_DelItem(from, id) < 0) {
        rc = -1;
    }
    return rc;
}

int
orm_held_queue(orm_head *h, uint32_t slot, PyObject *member, bool add)
{
    orm_held *held = orm_held_ensure(h, slot);
    PyObject *id = held == NULL ? NULL : PyLong_FromVoidPtr(member);
    PyObject *other = NULL;
    PyObject *own = NULL;
    int rc;

    if (id == NULL) {
        return -1;
    }
    other = Py_XNewRef(add ? held->removed : held->added);
    rc = queue_take(other, id);
    Py_XDECREF(other);
    held = rc == 0 ? orm_held_ensure(h, slot) : NULL; /* it may have moved */
    if (held != NULL) {
        PyObject **queue = add ? &held->added : &held->removed;
        if (*queue == NULL) {
            *queue = PyDict_New();
        }
        own = Py_XNewRef(*queue);
        rc = own == NULL || PyDict_SetItem(own, id, member) < 0 ? -1 : 0;
        Py_XDECREF(own);
    }
    Py_DECREF(id);
    return rc < 0 || PyErr_Occurred() ? -1 : 0;
}

int
orm_held_traverse(const orm_rare *r, visitproc visit, void *arg)
{
    for (uint32_t i = 0; i < r->nheld; i++) {
        Py_VISIT(r->held[i].empty);
        Py_VISIT(r->held[i].added);
        Py_VISIT(r->held[i].removed);
    }
    return 0;
}

void
orm_held_clear(orm_rare *r)
{
    orm_held *held = r->held;
    uint32_t n = r->nheld;

    r->held = NULL;
    r->nheld = 0;
    for (uint32_t i = 0; i < n; i++) {
        Py_XDECREF(held[i].empty);
        Py_XDECREF(held[i].added);
        Py_XDECREF(held[i].removed);
    }
    PyMem_Free(held);
}
