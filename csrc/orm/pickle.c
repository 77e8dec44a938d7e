/*
 * orm/pickle.c - copying and pickling of instances and of their InstanceState.
 *
 * Place: object.__reduce_ex__ and copy call Entity.__getstate__ and __setstate__; pickle calls
 *   InstanceState.__reduce__. There is no __copy__ and no __reduce_ex__: classes with their own
 *   __reduce__ or __setstate__ must be reached.
 * An unpickled InstanceState has no owner: it keeps what the pickle said in `saved` until an
 *   instance takes it over (__setstate__, or found in a dict a user's __setstate__ filled). A
 *   shallow copy is handed the living original's state, which is ignored: the copy is transient.
 */
#include "orm/collection_int.h"

/* A str-keyed item into a dict, value consumed; NULL value: -1. */
static int
put_steal(PyObject *d, const char *key, PyObject *value)
{
    int rc = value == NULL ? -1 : PyDict_SetItemString(d, key, value);

    Py_XDECREF(value);
    return rc;
}

/* Attributes in `__slots__` of the class: new dict, or NULL without exception if there are none. */
static PyObject *
slots_state(PyObject *self)
{
    PyObject *copyreg = PyImport_ImportModule("copyreg");
    PyObject *names = NULL;
    PyObject *state = NULL;

    names = copyreg == NULL
                ? NULL
                : PyObject_CallMethod(copyreg, "_slotnames", "O", (PyObject *)Py_TYPE(self));
    Py_XDECREF(copyreg);
    if (names == NULL || !PyList_Check(names) || PyList_GET_SIZE(names) == 0) {
        goto done;
    }
    state = PyDict_New();
    for (Py_ssize_t i = 0; state != NULL && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = Py_NewRef(PyList_GET_ITEM(names, i));
        PyObject *v = NULL;
        int found = PyObject_GetOptionalAttr(self, name, &v);
        if (found < 0 || (found > 0 && PyDict_SetItem(state, name, v) < 0)) {
            Py_CLEAR(state);
        }
        Py_XDECREF(v);
        Py_DECREF(name);
    }
done:
    Py_XDECREF(names);
    return state;
}

PyObject *
orm_entity_getstate(PyObject *self, PyObject *Py_UNUSED(unused))
{
    orm_entity *e = (orm_entity *)self;
    orm_head *h = &e->head;
    PyObject *d = NULL;
    PyObject *view = NULL;
    PyObject *slots = NULL;
    int rc = orm_entity_ensure(e);

    if (rc < 0) {
        return NULL;
    }
    d = e->dict == NULL ? PyDict_New() : PyDict_Copy(e->dict);
    if (d == NULL) {
        return NULL;
    }
    if (rc > 0 && !(h->flags & ORM_H_DICT)) {
        view = orm_state_of(h);
        if (view == NULL || PyDict_SetItem(d, h->mapper->state->s_sa_instance_state, view) < 0) {
            goto error;
        }
        for (uint32_t i = 0; i < h->nslots && i < h->mapper->nslots; i++) {
            orm_attribute *a = h->mapper->attrs[i];
            PyObject *v = orm_val_fast(h, i);
            if (a != NULL && v != NULL && PyDict_SetItem(d, a->n.key, v) < 0) {
                goto error;
            }
        }
    }
    slots = slots_state(self);
    if (slots != NULL) {
        PyObject *pair = PyTuple_Pack(2, d, slots);
        Py_DECREF(slots);
        Py_XDECREF(view);
        Py_DECREF(d);
        return pair;
    }
    if (PyErr_Occurred()) {
        goto error;
    }
    Py_XDECREF(view);
    return d;
error:
    Py_XDECREF(view);
    Py_DECREF(d);
    return NULL;
}

/* One item of a state dict: mapped name -> loaded value, InstanceState -> taken over if nobody
   owns it, anything else -> plain attribute. */
static int
setstate_item(orm_entity *e, PyObject *key, PyObject *value)
{
    orm_head *h = &e->head;
    orm_mapper *m = h->mapper;
    int64_t slot = -1;

    if (m != NULL) {
        if (PyUnicode_Check(key) && Py_IS_TYPE(value, m->state->InstanceState)
            && PyUnicode_Compare(key, m->state->s_sa_instance_state) == 0) {
            return orm_view_apply((orm_view *)value, h);
        }
        slot = PyUnicode_CheckExact(key) ? orm_mapper_slot(m, key) : -1;
        if (slot == -2) {
            return -1;
        }
        if (slot >= 0) {
            bool dirty = orm_dirty_test(h, (uint32_t)slot);
            /* the state may have come first and have said what is dirty */
            PyObject *old = dirty ? Py_XNewRef(orm_val_old(h, (uint32_t)slot)) : NULL;
            if (orm_val_load_steal(h, (uint32_t)slot, Py_NewRef(value)) < 0
                || orm_collection_relink(h, (uint32_t)slot, value) < 0) {
                Py_XDECREF(old);
                return -1;
            }
            return dirty ? orm_val_restore_old(h, (uint32_t)slot, old) : 0;
        }
    }
    if (e->dict == NULL) {
        e->dict = PyDict_New();
        if (e->dict == NULL) {
            return -1;
        }
    }
    PyObject *dict = Py_NewRef(e->dict);
    int rc = PyDict_SetItem(dict, key, value);
    Py_DECREF(dict);
    orm_entity_track(e);
    return rc;
}

PyObject *
orm_entity_setstate(PyObject *self, PyObject *state)
{
    orm_entity *e = (orm_entity *)self;
    PyObject *d = state;
    PyObject *slots = NULL;
    PyObject *copy = NULL;
    PyObject *key = NULL;
    PyObject *value = NULL;
    Py_ssize_t pos = 0;

    if (orm_entity_ensure(e) < 0) {
        return NULL;
    }
    if (PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 2) {
        d = PyTuple_GET_ITEM(state, 0);
        slots = PyTuple_GET_ITEM(state, 1);
    }
    if ((d != Py_None && !PyDict_Check(d)) || (slots != NULL && !PyDict_Check(slots))) {
        PyErr_Format(PyExc_TypeError, "%.200s.__setstate__() takes what __getstate__() returned",
                     Py_TYPE(self)->tp_name);
        return NULL;
    }
    if (d != Py_None) {
        /* storing runs Python, which could change the caller's dict */
        copy = PyDict_Copy(d);
        if (copy == NULL) {
            return NULL;
        }
        /* the state last: `unpickle` listeners see the values */
        for (int last = 0; last < 2; last++, pos = 0) {
            while (PyDict_Next(copy, &pos, &key, &value)) {
                bool is_state = e->head.mapper != NULL
                                && Py_IS_TYPE(value, e->head.mapper->state->InstanceState);
                if (is_state == (last == 1) && setstate_item(e, key, value) < 0) {
                    Py_DECREF(copy);
                    return NULL;
                }
            }
        }
        Py_DECREF(copy);
    }
    pos = 0;
    while (slots != NULL && PyDict_Next(slots, &pos, &key, &value)) {
        if (PyObject_SetAttr(self, key, value) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* --- InstanceState --------------------------------------------------------------------- */

PyObject *
orm_committed_dict(orm_head *h)
{
    PyObject *d = PyDict_New();

    for (uint32_t i = 0; d != NULL && i < h->mapper->nslots; i++) {
        orm_attribute *a = h->mapper->attrs[i];
        if (a == NULL || !orm_dirty_test(h, i)) {
            continue;
        }
        PyObject *old = orm_val_old(h, i);
        if (old == NULL) {
            old = orm_no_value(h->mapper->state);
        }
        if (old == NULL || PyDict_SetItem(d, a->n.key, old) < 0) {
            Py_CLEAR(d);
        }
    }
    return d;
}

/* {key: tag} of the slots that are expired or deferred. New reference. */
static PyObject *
tags_dict(orm_head *h)
{
    PyObject *d = PyDict_New();

    for (uint32_t i = 0; d != NULL && i < h->nslots && i < h->mapper->nslots; i++) {
        orm_attribute *a = h->mapper->attrs[i];
        PyObject *v = h->slots[i];
        if (a == NULL || ORM_SLOT_IS_VALUE(v) || v == NULL) {
            continue;
        }
        PyObject *tag = PyLong_FromLong(ORM_SLOT_TAG(v));
        if (tag == NULL || PyDict_SetItem(d, a->n.key, tag) < 0) {
            Py_CLEAR(d);
        }
        Py_XDECREF(tag);
    }
    return d;
}

/* Events `pickle` and `unpickle`: (instance, dict of the state). 0 / -1. */
static int
tell(orm_head *h, int event, PyObject *state)
{
    orm_dispatch *events = h->mapper->events;
    PyObject *args[2] = {NULL, state};
    int rc;

    if (events == NULL || orm_dispatch_get(events, event) == NULL) {
        return 0;
    }
    args[0] = orm_head_object(h);
    if (args[0] == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_INCREF(events);
    rc = orm_dispatch_fire(events, event, args, 2);
    Py_DECREF(events);
    Py_DECREF(args[0]);
    return rc;
}

PyObject *
orm_view_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    orm_view *view = (orm_view *)self;
    orm_head *h = orm_view_head(view);
    PyObject *d = NULL;
    PyObject *rebuild = NULL;
    PyObject *result = NULL;
    orm_key key = {0};
    int rc;

    if (h == NULL && view->saved == NULL) {
        PyErr_SetString(PyExc_TypeError,
                        "cannot pickle an InstanceState whose instance is gone");
        return NULL;
    }
    rebuild = PyObject_GetAttrString(view->st->module, "_instance_state_rebuild");
    if (rebuild == NULL) {
        return NULL;
    }
    if (h == NULL) {
        result = Py_BuildValue("O(O)", rebuild, view->saved);
        Py_DECREF(rebuild);
        return result;
    }
    d = PyDict_New();
    if (d == NULL || PyDict_SetItemString(d, "class_", (PyObject *)h->mapper->cls) < 0) {
        goto done;
    }
    rc = orm_key_of(&key, h);
    if (rc < 0 || (rc > 0 && put_steal(d, "key", orm_key_tuple(&key)) < 0)) {
        goto done;
    }
    if (put_steal(d, "committed_state", orm_committed_dict(h)) < 0
        || put_steal(d, "tags", tags_dict(h)) < 0
        || put_steal(d, "modified", PyBool_FromLong(h->flags & ORM_H_MODIFIED)) < 0
        || put_steal(d, "expired", PyBool_FromLong(h->flags & ORM_H_EXPIRED)) < 0
        || (view->info != NULL && PyDict_SetItemString(d, "info", view->info) < 0)
        || (view->parents != NULL && PyDict_SetItemString(d, "parents", view->parents) < 0)) {
        goto done;
    }
    if (tell(h, ORM_IEV_PICKLE, d) == 0) {
        result = Py_BuildValue("O(O)", rebuild, d);
    }
done:
    orm_key_fini(&key);
    Py_XDECREF(d);
    Py_DECREF(rebuild);
    return result;
}

PyObject *
orm_view_rebuild(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_view *view = NULL;

    if (nargs != 1 || !PyDict_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "_instance_state_rebuild() takes one dict");
        return NULL;
    }
    view = (orm_view *)orm_view_new(orm_state_from_module(module));
    if (view != NULL) {
        view->saved = Py_NewRef(args[0]);
    }
    return (PyObject *)view;
}

/* Identity from a saved key (class, values, token). 0 / -1. */
static int
apply_key(orm_head *h, PyObject *saved)
{
    orm_key key = {0};
    PyObject *values = NULL;
    int rc = -1;

    if (!PyTuple_Check(saved) || PyTuple_GET_SIZE(saved) != 3
        || !PyTuple_Check(PyTuple_GET_ITEM(saved, 1))
        || PyTuple_GET_SIZE(PyTuple_GET_ITEM(saved, 1)) != (Py_ssize_t)h->mapper->npk) {
        PyErr_Format(PyExc_ValueError, "the pickled identity key of '%s' does not fit its mapping",
                     h->mapper->cls->tp_name);
        return -1;
    }
    values = PyTuple_GET_ITEM(saved, 1);
    if (h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)) {
        return 0;
    }
    if (orm_key_init(&key, h->mapper, &PyTuple_GET_ITEM(values, 0), PyTuple_GET_ITEM(saved, 2))
        == 0) {
        rc = orm_head_set_identity(h, &key);
        orm_head_set_left(h, ORM_LEFT_PICKLED);
    }
    orm_key_fini(&key);
    return rc;
}

/* Dirty slots from a saved {key: committed}. Names that are not mapped any more are left out. */
static int
apply_committed(orm_head *h, PyObject *saved)
{
    PyObject *none = orm_no_value(h->mapper->state);
    PyObject *key = NULL;
    PyObject *old = NULL;
    Py_ssize_t pos = 0;

    while (none != NULL && PyDict_Next(saved, &pos, &key, &old)) {
        int64_t slot = orm_mapper_slot(h->mapper, key);
        if (slot >= 0
            && orm_val_restore_old(h, (uint32_t)slot, old == none ? NULL : Py_NewRef(old)) < 0) {
            return -1;
        }
    }
    return none == NULL ? -1 : 0;
}

static int
apply_tags(orm_head *h, PyObject *saved)
{
    PyObject *key = NULL;
    PyObject *tag = NULL;
    Py_ssize_t pos = 0;

    while (PyDict_Next(saved, &pos, &key, &tag)) {
        int64_t slot = orm_mapper_slot(h->mapper, key);
        long value = PyLong_AsLong(tag);
        if (value == -1 && PyErr_Occurred()) {
            return -1;
        }
        if (slot >= 0 && value >= 0 && value <= ORM_TAG_MAX
            && orm_val_fast(h, (uint32_t)slot) == NULL) {
            orm_head_set_tag(h, (uint32_t)slot, (int)value);
        }
    }
    return 0;
}

/* An entry of the saved dict, borrowed from it, or NULL. 0 / -1. */
static int
saved_entry(PyObject *saved, const char *name, PyObject **value)
{
    int rc = PyDict_GetItemStringRef(saved, name, value);

    Py_XDECREF(*value); /* borrow-ok: the caller holds saved */
    return rc < 0 ? -1 : 0;
}

int
orm_view_apply_saved(orm_view *view, orm_head *h, PyObject *saved)
{
    PyObject *key, *committed, *tags, *info, *parents, *modified, *expired;

    if (saved_entry(saved, "key", &key) < 0
        || saved_entry(saved, "committed_state", &committed) < 0
        || saved_entry(saved, "tags", &tags) < 0 || saved_entry(saved, "info", &info) < 0
        || saved_entry(saved, "parents", &parents) < 0
        || saved_entry(saved, "modified", &modified) < 0
        || saved_entry(saved, "expired", &expired) < 0) {
        return -1;
    }
    if (key != NULL && apply_key(h, key) < 0) {
        return -1;
    }
    if (committed != NULL && PyDict_Check(committed) && apply_committed(h, committed) < 0) {
        return -1;
    }
    if (tags != NULL && PyDict_Check(tags) && apply_tags(h, tags) < 0) {
        return -1;
    }
    if (modified == Py_True) {
        h->flags |= ORM_H_MODIFIED;
    }
    if (expired == Py_True) {
        h->flags |= ORM_H_EXPIRED;
    }
    if (info != NULL) {
        Py_XSETREF(view->info, Py_NewRef(info));
    }
    if (parents != NULL) {
        Py_XSETREF(view->parents, Py_NewRef(parents));
    }
    return 0;
}

int
orm_view_apply(orm_view *view, orm_head *h)
{
    PyObject *saved = view->saved;
    PyObject *before = NULL;
    int rc = 0;

    if (view->owner != NULL || view->foreign || saved == NULL || h->flags & ORM_H_FOREIGN) {
        return 0; /* somebody's: the new instance stays transient */
    }
    if (orm_rare_ensure(h) == NULL) {
        return -1;
    }
    /* Spilling may have made a fresh one a moment ago. */
    before = h->rare->state;
    if (before != NULL) {
        ((orm_view *)before)->owner = NULL;
    }
    view->owner = ORM_ENTITY_OF(h);
    h->rare->state = Py_NewRef(view);
    view->saved = NULL;
    orm_entity_track(view->owner);
    rc = orm_view_apply_saved(view, h, saved);
    if (rc == 0) {
        rc = tell(h, ORM_IEV_UNPICKLE, saved);
    }
    Py_DECREF(saved);
    Py_XDECREF(before);
    return rc;
}
