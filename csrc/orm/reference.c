/*
 * orm/reference.c - set and delete of a relationship to one.
 *
 * Place: access.c, for the user's own writes; backref.c, for the other side's.
 * The old value is wanted by the other side, so it is looked for where that costs no statement:
 *   in the slot, or through the foreign key in the identity map; with active history also in the
 *   database.
 */
#include "orm/collection_int.h"

PyObject *
orm_no_result(orm_state *st)
{
    return orm_import_once(&st->no_result, "pyorm.orm._symbols", "PASSIVE_NO_RESULT");
}

/* The value before a change: itself, NO_VALUE or PASSIVE_NO_RESULT. New reference. */
static PyObject *
value_before(orm_head *h, orm_attribute *a)
{
    int passive = a->mask & ORM_L_ACTIVE
                      ? ORM_PASSIVE_ONLY_PERSISTENT | ORM_P_NO_AUTOFLUSH | ORM_P_COMMITTED
                      : ORM_PASSIVE_NO_FETCH | ORM_P_COMMITTED | ORM_P_NO_RAISE;
    int none = 0;
    PyObject *old = orm_attribute_read(h, a, passive & ~ORM_P_INIT, &none);

    if (old == NULL && !PyErr_Occurred()) {
        orm_state *st = a->mapper->state;
        old = Py_XNewRef(none == 2 ? orm_no_result(st) : orm_no_value(st));
    }
    return old;
}

/* A change of a value that could not be had: remembered as such, which is not "never set". 0 / -1. */
static int
note_unknown(orm_head *h, orm_attribute *a, PyObject *old)
{
    if (old != a->mapper->state->no_result || orm_dirty_test(h, a->slot)
        || a->relation->flags & ORM_RF_VIEWONLY) {
        return 0;
    }
    return orm_head_touch(h) < 0 ? -1 : orm_val_restore_old(h, a->slot, Py_NewRef(old));
}

/* Set v with `old` known. 0 / -1. */
static int
replace(orm_head *h, orm_attribute *a, PyObject *v, PyObject *old, PyObject *initiator)
{
    PyObject *value = Py_NewRef(v);
    int rc = orm_fire_replace(h, a, &value, old, initiator);

    if (rc == 0) {
        rc = note_unknown(h, a, old);
    }
    if (rc == 0) {
        /* of a viewonly relationship nothing is ever written */
        rc = a->relation->flags & ORM_RF_VIEWONLY
                 ? orm_val_load_steal(h, a->slot, Py_NewRef(value))
                 : orm_val_store(h, a->slot, value);
    }
    Py_DECREF(value);
    return rc;
}

int
orm_reference_set(orm_head *h, orm_attribute *a, PyObject *v, PyObject *initiator)
{
    PyObject *old = value_before(h, a);
    int rc = old == NULL ? -1 : replace(h, a, v, old, initiator);

    Py_XDECREF(old);
    return rc;
}

int
orm_reference_pop(orm_head *h, orm_attribute *a, PyObject *expected, PyObject *initiator)
{
    PyObject *old = value_before(h, a);
    int rc = old == NULL ? -1 : 0;

    if (old == expected || (rc == 0 && old == a->mapper->state->no_result)) {
        rc = replace(h, a, Py_None, old, initiator);
    }
    Py_XDECREF(old);
    return rc;
}

int
orm_reference_delete(orm_head *h, orm_attribute *a)
{
    orm_state *st = a->mapper->state;
    PyObject *old = value_before(h, a);
    PyObject *stored = NULL;
    int rc = old == NULL ? -1 : orm_fire_remove(h, a, old, NULL, NULL);

    if (rc == 0) {
        stored = orm_val_peek(h, a->slot, NULL);
        rc = note_unknown(h, a, old) < 0 ? -1 : orm_val_remove(h, a->slot);
    }
    if (rc == 0 && stored == NULL && old != st->no_result) {
        PyObject *name = PyObject_Str((PyObject *)a);
        if (name != NULL) {
            PyErr_Format(PyExc_AttributeError, "%U object does not have a value", name);
            Py_DECREF(name);
        }
        rc = -1;
    }
    Py_XDECREF(stored);
    Py_XDECREF(old);
    return rc;
}

/* --- of either kind -------------------------------------------------------------------------- */

int
orm_relation_write(orm_head *h, orm_attribute *a, PyObject *v, PyObject *initiator)
{
    if (orm_attribute_relation(a) == NULL) {
        return -1;
    }
    return a->kind == ORM_SLOT_COLLECTION ? orm_collection_set(h, a, v, initiator)
                                          : orm_reference_set(h, a, v, initiator);
}

int
orm_relation_delete(orm_head *h, orm_attribute *a)
{
    if (orm_attribute_relation(a) == NULL) {
        return -1;
    }
    return a->kind == ORM_SLOT_COLLECTION ? orm_collection_delete(h, a)
                                          : orm_reference_delete(h, a);
}

/* The attribute of a slot, owned; NULL: it is not a (configured) relationship. */
static orm_attribute *
relation_attr(orm_head *h, uint32_t slot)
{
    orm_attribute *a = slot < h->mapper->nslots ? h->mapper->attrs[slot] : NULL;

    if (a == NULL || orm_attribute_relation(a) == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "the attribute is not a relationship");
        }
        return NULL;
    }
    return (orm_attribute *)Py_NewRef(a);
}

int
orm_relation_append(orm_head *h, uint32_t slot, PyObject *member, PyObject *initiator,
                    int passive)
{
    orm_attribute *a = relation_attr(h, slot);
    int rc = -1;

    if (a != NULL) {
        rc = a->kind == ORM_SLOT_COLLECTION
                 ? orm_collection_append(h, a, member, initiator, passive)
                 : orm_reference_set(h, a, member, initiator);
        Py_DECREF(a);
    }
    return rc;
}

int
orm_relation_remove(orm_head *h, uint32_t slot, PyObject *member, PyObject *initiator,
                    int passive)
{
    orm_attribute *a = relation_attr(h, slot);
    int rc = -1;

    if (a != NULL) {
        rc = a->kind == ORM_SLOT_COLLECTION
                 ? orm_collection_take(h, a, member, initiator, passive, true)
                 : orm_reference_pop(h, a, member, initiator);
        Py_DECREF(a);
    }
    return rc;
}
