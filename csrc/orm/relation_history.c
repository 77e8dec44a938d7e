/*
 * orm/relation_history.c - what changed in a relationship: lists of instances, by identity.
 *
 * Place: the unit of work, cascades and `inspect(obj).attrs.x.history` ask here. Of an unloaded
 *   collection the queue is the history.
 */
#include "orm/collection_int.h"

void
orm_relhist_fini(orm_relhist *hist)
{
    Py_CLEAR(hist->added);
    Py_CLEAR(hist->unchanged);
    Py_CLEAR(hist->deleted);
}

/* [value], consumed; NULL stays NULL. 0 / -1. */
static int
in_list(PyObject **value)
{
    PyObject *list = NULL;

    if (*value == NULL) {
        return 0;
    }
    list = PyList_New(1);
    if (list == NULL) {
        return -1;
    }
    PyList_SET_ITEM(list, 0, *value);
    *value = list;
    return 0;
}

/* The old value of a reference that was set without having been loaded, from the database: not
   what a simple many-to-one needs. New reference; NULL without exception: nobody can say. */
static PyObject *
load_old(orm_head *h, orm_attribute *a, PyObject *current)
{
    orm_relation *rel = a->relation;
    orm_session *s = h->session;
    PyObject *old = NULL;
    PyObject *symbol = a->mapper->state->no_result;
    int rc;

    if (s == NULL || h->flags & ORM_H_LOADING || !(h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ))
        || (rel->direction == ORM_REL_M2O && rel->flags & ORM_RF_USE_GET)) {
        return NULL;
    }
    /* The loader fills the slot: for that long the value stands aside. */
    if (orm_val_expire(h, a->slot, ORM_TAG_ABSENT) < 0) {
        return NULL;
    }
    rc = s->ops->load_slot(s, h, a->slot,
                           (ORM_PASSIVE_OFF & ~ORM_P_INIT) | ORM_P_COMMITTED | ORM_P_NO_AUTOFLUSH);
    PyObject *error = rc < 0 ? PyErr_GetRaisedException() : NULL;
    old = rc == 1 ? orm_val_peek(h, a->slot, NULL) : NULL;
    if (current != NULL ? orm_val_load_steal(h, a->slot, Py_NewRef(current)) < 0
                        : orm_val_expire(h, a->slot, ORM_TAG_ABSENT) < 0) {
        Py_XDECREF(error);
        Py_CLEAR(old);
        return NULL;
    }
    if (orm_val_restore_old(h, a->slot, Py_NewRef(symbol)) < 0) {
        Py_CLEAR(old);
    }
    if (error != NULL) {
        PyErr_SetRaisedException(error);
    }
    return old;
}

/* One value: nothing stored and an old value known is a deletion; an old value that could not be
   had is told as None added. */
static int
reference_change(orm_head *h, orm_attribute *a, int passive, orm_history *out)
{
    orm_state *st = a->mapper->state;
    PyObject *current = orm_val_peek(h, a->slot, NULL);
    PyObject *old = Py_XNewRef(orm_val_old(h, a->slot));
    bool dirty = orm_dirty_test(h, a->slot);
    int none = 0;

    *out = (orm_history){0};
    if (current == NULL && (!dirty || old == NULL)) {
        /* with INIT_OK a read would give None for nothing; history says nothing then */
        current = orm_attribute_read(h, a, passive & ~ORM_P_INIT, &none);
        dirty = dirty && orm_dirty_test(h, a->slot);
        if (current == NULL && (PyErr_Occurred() || !dirty || none == 2
                                || !(passive & ORM_P_CALLABLES))) {
            Py_XDECREF(old);
            return PyErr_Occurred() ? -1 : 0;
        }
    }
    if (dirty && old != NULL && old == st->no_result) {
        PyObject *loaded = load_old(h, a, current);
        if (loaded == NULL && PyErr_Occurred()) {
            Py_XDECREF(current);
            Py_DECREF(old);
            return -1;
        }
        if (loaded != NULL) {
            Py_SETREF(old, loaded);
        }
    }
    if (!dirty || (current != NULL && current == old)) {
        out->unchanged = current;
        Py_XDECREF(old);
        return 0;
    }
    if (old == NULL || old == st->no_result) {
        Py_CLEAR(old);
        current = current == NULL ? Py_NewRef(Py_None) : current;
    }
    out->added = current;
    out->deleted = old;
    return 0;
}

int
orm_reference_history(orm_head *h, uint32_t slot, int passive, orm_history *out)
{
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[slot]);
    int rc = reference_change(h, a, passive, out);

    Py_DECREF(a);
    return rc;
}

static int
reference_history(orm_head *h, uint32_t slot, int passive, orm_relhist *out)
{
    orm_history hist;

    if (orm_reference_history(h, slot, passive, &hist) < 0) {
        return -1;
    }
    *out = (orm_relhist){hist.added, hist.unchanged, hist.deleted, true};
    out->known = hist.added != NULL || hist.unchanged != NULL || hist.deleted != NULL;
    if (in_list(&out->added) < 0 || in_list(&out->unchanged) < 0 || in_list(&out->deleted) < 0) {
        orm_relhist_fini(out);
        return -1;
    }
    return 0;
}

/* The queue of an unloaded collection. 0 / -1. */
static int
queue_history(orm_head *h, uint32_t slot, orm_relhist *out)
{
    const orm_held *held = orm_held_find(h, slot);

    if (held == NULL || (held->added == NULL && held->removed == NULL)) {
        return 0;
    }
    out->known = true;
    PyObject *added = Py_XNewRef(held->added);
    PyObject *removed = Py_XNewRef(held->removed);
    out->added = added == NULL ? PyList_New(0) : PyDict_Values(added);
    out->deleted = removed == NULL ? PyList_New(0) : PyDict_Values(removed);
    bool failed = out->added == NULL || out->deleted == NULL;
    Py_XDECREF(added);
    Py_XDECREF(removed);
    if (failed) {
        orm_relhist_fini(out);
    }
    return failed ? -1 : 0;
}

static int
collection_history(orm_head *h, orm_attribute *a, int passive, orm_relhist *out)
{
    PyObject *coll = orm_val_peek(h, a->slot, NULL);
    PyObject *before = NULL;
    PyObject *now = NULL;
    int rc = 0;

    if (coll == NULL && orm_is_queued(a)) {
        rc = orm_queued_members(h, a, passive, &out->unchanged);
        out->known = out->unchanged != NULL;
        return rc < 0 ? -1 : queue_history(h, a->slot, out);
    }
    if (coll == NULL) {
        coll = orm_attribute_read(h, a, passive, NULL);
        if (coll == NULL) {
            return PyErr_Occurred() ? -1 : queue_history(h, a->slot, out);
        }
    }
    out->known = true;
    now = orm_collection_members(a, coll);
    Py_DECREF(coll);
    if (now == NULL) {
        return -1;
    }
    if (!orm_dirty_test(h, a->slot)) {
        out->unchanged = now;
        return 0;
    }
    before = Py_XNewRef(orm_val_old(h, a->slot));
    if (before == NULL) {
        out->added = now;
        return 0;
    }
    if (PyList_CheckExact(before)) {
        rc = orm_members_diff(now, before, out);
    }
    else { /* flag_modified or a raw value */
        PyObject *list = orm_collection_members(a, before);
        rc = list == NULL ? -1 : orm_members_diff(now, list, out);
        Py_XDECREF(list);
    }
    Py_DECREF(before);
    Py_DECREF(now);
    return rc;
}

int
orm_relation_history(orm_head *h, uint32_t slot, int passive, orm_relhist *out)
{
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[slot]);
    int rc;

    *out = (orm_relhist){0};
    rc = a->kind == ORM_SLOT_COLLECTION ? collection_history(h, a, passive, out)
                                        : reference_history(h, slot, passive, out);
    Py_DECREF(a);
    return rc;
}

/* Append those of `more` (may be NULL) to a list; None is no instance. 0 / -1. */
static int
extend(PyObject *list, PyObject *more)
{
    for (Py_ssize_t i = 0; more != NULL && i < PyList_GET_SIZE(more); i++) {
        if (PyList_GET_ITEM(more, i) != Py_None
            && PyList_Append(list, PyList_GET_ITEM(more, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What a history says of a collection that is not loaded is its queue: leave it out. */
static void
drop_queue(orm_head *h, uint32_t slot, orm_relhist *hist)
{
    PyObject *coll = NULL;

    if (h->mapper->attrs[slot]->kind == ORM_SLOT_COLLECTION && hist->unchanged == NULL
        && !orm_is_queued(h->mapper->attrs[slot])) {
        coll = orm_val_peek(h, slot, NULL);
        if (coll == NULL) {
            orm_relhist_fini(hist);
        }
        Py_XDECREF(coll);
    }
}

PyObject *
orm_relation_related(orm_head *h, uint32_t slot, int passive, bool with_deleted)
{
    orm_relhist hist;
    PyObject *list = NULL;

    if (orm_relation_history(h, slot, passive & ~ORM_P_INIT, &hist) < 0) {
        return NULL;
    }
    drop_queue(h, slot, &hist);
    list = PyList_New(0);
    if (list != NULL
        && (extend(list, hist.added) < 0 || extend(list, hist.unchanged) < 0
            || (with_deleted && extend(list, hist.deleted) < 0))) {
        Py_CLEAR(list);
    }
    orm_relhist_fini(&hist);
    return list;
}

/* A History part: () for NULL. New reference. */
static PyObject *
part(PyObject *list)
{
    return list == NULL ? PyTuple_New(0) : Py_NewRef(list);
}

PyObject *
orm_relation_history_tuple(orm_head *h, uint32_t slot, int passive)
{
    orm_state *st = h->mapper->state;
    PyObject *cls = orm_import_once(&st->history_type, "pyorm.orm._symbols", "History");
    PyObject *parts[3] = {NULL, NULL, NULL};
    PyObject *result = NULL;
    orm_relhist hist;

    if (cls == NULL || orm_relation_history(h, slot, passive, &hist) < 0) {
        return NULL;
    }
    if (!(passive & ORM_P_PENDING)) {
        drop_queue(h, slot, &hist); /* it is shown to who asks for it */
    }
    parts[0] = part(hist.added);
    parts[1] = parts[0] == NULL ? NULL : part(hist.unchanged);
    parts[2] = parts[1] == NULL ? NULL : part(hist.deleted);
    if (parts[2] != NULL) {
        result = PyObject_CallFunctionObjArgs(cls, parts[0], parts[1], parts[2], NULL);
    }
    for (int i = 0; i < 3; i++) {
        Py_XDECREF(parts[i]);
    }
    orm_relhist_fini(&hist);
    return result;
}
