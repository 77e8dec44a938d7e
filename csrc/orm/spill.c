/*
 * orm/spill.c - the live `__dict__` of an entity.
 *
 * Place: the `__dict__` getset that every subclass of Entity has of its own (entity.c).
 * Spill: whoever asks for the dict of a slotted entity gets a real one that holds the loaded
 *   values, the unmapped attributes and `_sa_instance_state`; from then on the entity is DICT
 *   for life and that dict is its storage. pyorm itself never asks.
 * Invariant: making the dict and the InstanceState can run Python (a collection), so both are
 *   made first and the flag is looked at again; filling and committing run none, and a failure
 *   before the commit changes nothing.
 */
#include "orm/orm_int.h"

/* Values and the old dict's items into d. No Python code: exact str keys, no decref to zero. */
static int
spill_fill(orm_entity *e, PyObject *d, PyObject *view)
{
    orm_head *h = &e->head;
    orm_mapper *m = h->mapper;

    if (PyDict_SetItem(d, m->state->s_sa_instance_state, view) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < h->nslots && i < m->nslots; i++) {
        PyObject *v = h->slots[i];
        if (ORM_SLOT_IS_VALUE(v) && m->attrs[i] != NULL
            && PyDict_SetItem(d, m->attrs[i]->n.key, v) < 0) {
            return -1;
        }
    }
    return e->dict == NULL ? 0 : PyDict_Update(d, e->dict);
}

int
orm_entity_spill(orm_entity *e)
{
    orm_head *h = &e->head;
    PyObject *d = NULL;
    PyObject *view = NULL;
    PyObject *old = NULL;
    int rc = orm_entity_ensure(e);

    if (rc <= 0 || h->flags & ORM_H_DICT) {
        return rc < 0 ? -1 : 0;
    }
    d = PyDict_New();
    view = d == NULL ? NULL : orm_state_of(h);
    if (view == NULL) {
        goto error;
    }
    if (h->flags & ORM_H_DICT) {
        /* a finalizer that ran meanwhile was first */
        goto done;
    }
    if (spill_fill(e, d, view) < 0) {
        goto error;
    }
    old = e->dict;
    e->dict = Py_NewRef(d);
    h->flags |= ORM_H_DICT;
    orm_entity_track(e);
    for (uint32_t i = 0; i < h->nslots; i++) {
        if (ORM_SLOT_IS_VALUE(h->slots[i])) {
            PyObject *v = h->slots[i];
            h->slots[i] = NULL;
            Py_DECREF(v); /* the dict holds it */
        }
    }
    Py_XDECREF(old);

done:
    Py_DECREF(view);
    Py_DECREF(d);
    return 0;
error:
    Py_XDECREF(view);
    Py_XDECREF(d);
    return -1;
}

PyObject *
orm_entity_get_dict(PyObject *self, void *Py_UNUSED(closure))
{
    orm_entity *e = (orm_entity *)self;

    if (orm_entity_spill(e) < 0) {
        return NULL;
    }
    if (e->dict == NULL) {
        e->dict = PyDict_New();
        if (e->dict == NULL) {
            return NULL;
        }
        orm_entity_track(e);
    }
    return Py_NewRef(e->dict);
}

int
orm_entity_set_dict(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    orm_entity *e = (orm_entity *)self;
    orm_head *h = &e->head;
    int rc;

    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "cannot delete __dict__");
        return -1;
    }
    if (!PyDict_Check(value)) {
        PyErr_Format(PyExc_TypeError, "__dict__ must be set to a dictionary, not a '%.200s'",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    rc = orm_entity_ensure(e);
    if (rc < 0) {
        return -1;
    }
    PyObject *old = e->dict;
    e->dict = Py_NewRef(value);
    if (rc > 0) {
        h->flags |= ORM_H_DICT;
    }
    orm_entity_track(e);
    for (uint32_t i = 0; i < h->nslots; i++) {
        PyObject *v = h->slots[i];
        if (ORM_SLOT_IS_VALUE(v)) {
            h->slots[i] = NULL;
            Py_DECREF(v);
        }
    }
    Py_XDECREF(old);
    return 0;
}
