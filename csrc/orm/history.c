/*
 * orm/history.c - what changed: net change per slot, and History as users see it.
 *
 * Place: storage keeps the dirty bit and the committed value; the unit of work and get_history()
 *   ask here. A value set and set back is dirty but no change; a value set without the old one
 *   being known (NO_VALUE) is a change with nothing deleted.
 * Comparing: the slot's own `compare` (a type that compares values its own way), else identity,
 *   else ==, all of which may run Python.
 */
#include "orm/collection_int.h"

void
orm_history_fini(orm_history *hist)
{
    Py_CLEAR(hist->added);
    Py_CLEAR(hist->unchanged);
    Py_CLEAR(hist->deleted);
}

/* Whether two values are the same in the database. 1 / 0 / -1. */
static int
same_value(const orm_attribute *a, PyObject *x, PyObject *y)
{
    PyObject *result = NULL;
    int rc;

    if (ORM_SLOT_IS_RELATION(a->kind) || x == y) {
        return x == y;
    }
    if (a->compare == NULL) {
        result = PyObject_RichCompare(x, y, Py_EQ);
    }
    else {
        PyObject *args[] = {x, y};
        result = PyObject_Vectorcall(a->compare, args, 2, NULL);
    }
    if (result == NULL) {
        return -1;
    }
    rc = PyObject_IsTrue(result);
    Py_DECREF(result);
    return rc;
}

int
orm_val_history(orm_head *h, uint32_t i, int passive, orm_history *out)
{
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[i]);
    PyObject *current = NULL;
    PyObject *old = NULL;
    int same = 0;

    *out = (orm_history){NULL, NULL, NULL};
    if (a->kind == ORM_SLOT_REFERENCE && a->relation != NULL) {
        same = orm_reference_history(h, i, passive, out);
        Py_DECREF(a);
        return same;
    }
    current = orm_val_peek(h, i, NULL);
    if (current == NULL && !orm_dirty_test(h, i)) {
        /* not loaded: load it if the flags allow, so that it can be shown as unchanged */
        current = orm_attribute_read(h, a, passive & ~ORM_P_INIT, NULL);
        if (current == NULL && PyErr_Occurred()) {
            Py_DECREF(a);
            return -1;
        }
    }
    if (!orm_dirty_test(h, i)) {
        out->unchanged = current;
        Py_DECREF(a);
        return 0;
    }
    old = Py_XNewRef(orm_val_old(h, i));
    if (current != NULL && old != NULL) {
        same = same_value(a, current, old);
    }
    if (same > 0) {
        out->unchanged = current;
        Py_DECREF(old);
    }
    else if (same < 0) {
        Py_DECREF(current);
        Py_DECREF(old);
    }
    else {
        if (current == NULL && old == NULL) {
            current = Py_NewRef(Py_None); /* deleted without anybody knowing the value */
        }
        out->added = current;
        out->deleted = old;
    }
    Py_DECREF(a);
    return same < 0 ? -1 : 0;
}

/* Members came or went; a queue of what is not loaded does not count. 1 / 0 / -1. */
static int
collection_has_changes(orm_head *h, uint32_t i)
{
    PyObject *coll = orm_val_peek(h, i, NULL);
    orm_relhist hist;
    int some = 0;

    if (coll != NULL) {
        if (orm_relation_history(h, i, ORM_PASSIVE_NO_INITIALIZE, &hist) < 0) {
            Py_DECREF(coll);
            return -1;
        }
        some = (hist.added != NULL && PyList_GET_SIZE(hist.added) > 0)
               || (hist.deleted != NULL && PyList_GET_SIZE(hist.deleted) > 0);
        orm_relhist_fini(&hist);
        Py_DECREF(coll);
    }
    return some;
}

int
orm_head_has_changes(orm_head *h, bool collections)
{
    for (uint32_t i = 0; i < h->mapper->nslots; i++) {
        orm_history hist;
        if (h->mapper->attrs[i] == NULL || !orm_dirty_test(h, i)) {
            continue;
        }
        if (h->mapper->attrs[i]->kind == ORM_SLOT_COLLECTION) {
            int some = collections ? collection_has_changes(h, i) : 0;
            if (some != 0) {
                return some;
            }
            continue;
        }
        if (orm_val_history(h, i, ORM_PASSIVE_NO_INITIALIZE, &hist) < 0) {
            return -1;
        }
        bool changed = hist.added != NULL || hist.deleted != NULL;
        orm_history_fini(&hist);
        if (changed) {
            return 1;
        }
    }
    return 0;
}

/* () or [value]. New reference. */
static PyObject *
as_sequence(PyObject *value)
{
    PyObject *list = NULL;

    if (value == NULL) {
        return PyTuple_New(0);
    }
    list = PyList_New(1);
    if (list != NULL) {
        PyList_SET_ITEM(list, 0, Py_NewRef(value));
    }
    return list;
}

PyObject *
orm_history_tuple(orm_state *st, const orm_history *hist)
{
    PyObject *cls = orm_import_once(&st->history_type, "pyorm.orm._symbols", "History");
    PyObject *added = NULL;
    PyObject *unchanged = NULL;
    PyObject *deleted = NULL;
    PyObject *result = NULL;

    if (cls == NULL) {
        return NULL;
    }
    added = as_sequence(hist->added);
    unchanged = added == NULL ? NULL : as_sequence(hist->unchanged);
    deleted = unchanged == NULL ? NULL : as_sequence(hist->deleted);
    if (deleted != NULL) {
        result = PyObject_CallFunctionObjArgs(cls, added, unchanged, deleted, NULL);
    }
    Py_XDECREF(added);
    Py_XDECREF(unchanged);
    Py_XDECREF(deleted);
    return result;
}
