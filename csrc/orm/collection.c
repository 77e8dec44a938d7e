/*
 * orm/collection.c - the collection in a slot: made, stored, loaded, replaced, and changed from
 * outside by backrefs.
 *
 * Place: access.c (reads and writes of a slot), the loader (init, append_loaded, loaded), backref.c
 *   (append, remove), against the containers of list_type.c, set_type.c, dict_type.c or a user's.
 * A collection that was replaced is a plain container from then on; one whose slot expired stays
 *   linked and warns when it is changed.
 * Committed value: a list of the members before the first change.
 */
#include "orm/collection_int.h"

/* --- links --------------------------------------------------------------------------------- */

orm_coll *
orm_coll_quick(orm_state *st, PyObject *obj)
{
    PyTypeObject *type = Py_TYPE(obj);

    if (type == st->InstrumentedList) {
        return &((orm_ilist *)obj)->coll;
    }
    if (type == st->InstrumentedSet) {
        return &((orm_iset *)obj)->coll;
    }
    if (type == st->InstrumentedDict || type == st->KeyFuncDict) {
        return &((orm_idict *)obj)->coll;
    }
    return NULL;
}

orm_coll *
orm_coll_of(orm_state *st, PyObject *obj)
{
    orm_coll *c = orm_coll_quick(st, obj);
    PyObject *adapter = NULL;

    if (c != NULL) {
        return c;
    }
    if (PyObject_TypeCheck(obj, st->InstrumentedList)) {
        return &((orm_ilist *)obj)->coll;
    }
    if (PyObject_TypeCheck(obj, st->InstrumentedSet)) {
        return &((orm_iset *)obj)->coll;
    }
    if (PyObject_TypeCheck(obj, st->InstrumentedDict)) {
        return &((orm_idict *)obj)->coll;
    }
    if (PyObject_GetOptionalAttr(obj, st->s_sa_adapter, &adapter) < 0) {
        PyErr_Clear();
    }
    if (adapter != NULL && Py_IS_TYPE(adapter, st->CollectionAdapter)) {
        c = &((orm_adapter *)adapter)->coll;
    }
    Py_XDECREF(adapter); /* borrow-ok: the container holds it */
    return c;
}

void
orm_coll_unlink(orm_coll *c)
{
    if (c->link != NULL) {
        *c->link = c->next;
        if (c->next != NULL) {
            c->next->link = c->link;
        }
    }
    c->owner = NULL;
    c->next = NULL;
    c->link = NULL;
}

int
orm_coll_link(orm_coll *c, orm_head *h, uint32_t slot)
{
    orm_rare *r = orm_rare_ensure(h);

    if (r == NULL) {
        return -1;
    }
    orm_coll_unlink(c);
    Py_CLEAR(c->lost);
    c->owner = h;
    c->slot = slot;
    c->next = r->colls;
    c->link = &r->colls;
    if (c->next != NULL) {
        c->next->link = &c->next;
    }
    r->colls = c;
    return 0;
}

void
orm_colls_drop(orm_head *h)
{
    while (h->rare != NULL && h->rare->colls != NULL) {
        orm_coll *c = h->rare->colls;
        /* what was changed is known to be: a change of its collection is a change of nobody */
        if (h->mapper != NULL && c->lost == NULL && !(h->flags & ORM_H_MODIFIED)) {
            c->lost = (orm_attribute *)Py_XNewRef(orm_coll_attr(c));
        }
        orm_coll_unlink(c);
    }
}

void
orm_colls_stale(orm_head *h, uint32_t slot)
{
    for (orm_coll *c = h->rare == NULL ? NULL : h->rare->colls; c != NULL; c = c->next) {
        if (c->slot == slot && !(c->flags & ORM_CF_EMPTY)) {
            c->flags |= ORM_CF_STALE;
        }
    }
}

void
orm_collection_unlink(orm_state *st, PyObject *coll)
{
    orm_coll *c = orm_coll_of(st, coll);

    if (c != NULL) {
        orm_coll_unlink(c);
    }
}

/* --- birth --------------------------------------------------------------------------------- */

/* An empty container of the relationship's kind. New reference. */
static PyObject *
make_container(orm_attribute *a)
{
    orm_state *st = a->mapper->state;
    orm_relation *rel = a->relation;

    if (rel->factory != NULL) {
        PyObject *factory = Py_NewRef(rel->factory);
        PyObject *coll = PyObject_CallNoArgs(factory);
        Py_DECREF(factory);
        return coll;
    }
    PyTypeObject *type = rel->collection == ORM_COLL_SET ? st->InstrumentedSet
                         : rel->collection == ORM_COLL_DICT ? st->KeyFuncDict
                                                            : st->InstrumentedList;
    return rel->collection == ORM_COLL_DICT && rel->keyfunc != NULL
               ? PyObject_CallOneArg((PyObject *)type, rel->keyfunc)
               : PyObject_CallNoArgs((PyObject *)type);
}

PyObject *
orm_collection_make(orm_head *h, orm_attribute *a)
{
    orm_state *st = a->mapper->state;
    PyObject *coll = make_container(a);
    orm_coll *c = coll == NULL ? NULL : orm_coll_of(st, coll);

    if (c == NULL && coll != NULL) {
        PyObject *adapter = orm_adapter_for(st, coll);
        c = adapter == NULL ? NULL : &((orm_adapter *)adapter)->coll;
        Py_XDECREF(adapter); /* borrow-ok: the container holds it */
    }
    if (c == NULL || orm_coll_link(c, h, a->slot) < 0) {
        Py_XDECREF(coll);
        return NULL;
    }
    return coll;
}

PyObject *
orm_collection_empty(orm_head *h, orm_attribute *a)
{
    orm_held *held = orm_held_find(h, a->slot);
    PyObject *coll = NULL;

    if (held != NULL && held->empty != NULL) {
        return Py_NewRef(held->empty);
    }
    coll = orm_collection_make(h, a);
    held = coll == NULL ? NULL : orm_held_ensure(h, a->slot);
    if (held == NULL) {
        Py_XDECREF(coll);
        return NULL;
    }
    orm_coll_of(a->mapper->state, coll)->flags |= ORM_CF_EMPTY;
    PyObject *before = held->empty;
    held->empty = Py_NewRef(coll);
    Py_XDECREF(before);
    if (!(h->flags & ORM_H_FOREIGN)) {
        orm_entity_track(ORM_ENTITY_OF(h));
    }
    if (orm_fire_collection(h, a, ORM_AEV_INIT_COLLECTION, coll) < 0) {
        Py_CLEAR(coll);
    }
    return coll;
}

int
orm_collection_store_empty(orm_coll *c)
{
    orm_head *h = c->owner;
    uint32_t slot = c->slot;
    PyObject *coll = NULL;

    c->flags &= (uint8_t)~ORM_CF_EMPTY;
    coll = h == NULL ? NULL : orm_held_take_empty(h, slot);
    return coll == NULL ? 0 : orm_val_load_steal(h, slot, coll);
}

int
orm_collection_relink(orm_head *h, uint32_t slot, PyObject *coll)
{
    orm_attribute *a = h->mapper->attrs[slot];
    orm_state *st = h->mapper->state;
    orm_coll *c = NULL;

    if (!ORM_SLOT_IS_RELATION(a->kind) || orm_configure_for(h->mapper) < 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    if (h->mapper->attrs[slot]->kind != ORM_SLOT_COLLECTION) {
        return 0;
    }
    c = orm_coll_of(st, coll);
    if (c == NULL && PyObject_HasAttrWithError(coll, st->s_sa_appender) > 0) {
        PyObject *adapter = orm_adapter_for(st, coll);
        c = adapter == NULL ? NULL : &((orm_adapter *)adapter)->coll;
        Py_XDECREF(adapter); /* borrow-ok: the container holds it */
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    /* A shallow copy shares its original's container, which stays the original's. */
    return c == NULL || c->owner != NULL ? 0 : orm_coll_link(c, h, slot);
}

/* --- members ------------------------------------------------------------------------------- */

/* All members by the container's own iterator. New list. */
static PyObject *
members_by_method(PyObject *coll, orm_state *st)
{
    PyObject *iterator = NULL;
    PyObject *list = NULL;
    int rc = PyObject_GetOptionalAttr(coll, st->s_sa_iterator, &iterator);

    if (rc < 0) {
        return NULL;
    }
    if (rc == 0) {
        if (PyDict_Check(coll)) {
            return PyDict_Values(coll);
        }
        return PySequence_List(coll);
    }
    PyObject *it = PyObject_CallNoArgs(iterator);
    list = it == NULL ? NULL : PySequence_List(it);
    Py_XDECREF(it);
    Py_DECREF(iterator);
    return list;
}

PyObject *
orm_collection_members(orm_attribute *a, PyObject *coll)
{
    orm_state *st = a->mapper->state;

    if (Py_TYPE(coll) == st->InstrumentedList || PyList_CheckExact(coll)) {
        return PyList_GetSlice(coll, 0, PyList_GET_SIZE(coll));
    }
    if (Py_TYPE(coll) == st->InstrumentedSet) {
        return PySequence_List(coll);
    }
    if (Py_TYPE(coll) == st->KeyFuncDict || Py_TYPE(coll) == st->InstrumentedDict) {
        return PyDict_Values(coll);
    }
    return members_by_method(coll, st);
}

Py_ssize_t
orm_collection_count(orm_attribute *a, PyObject *coll)
{
    PyObject *members = NULL;
    Py_ssize_t n = -1;

    if (orm_coll_quick(a->mapper->state, coll) != NULL) {
        return PyObject_Size(coll);
    }
    members = orm_collection_members(a, coll);
    n = members == NULL ? -1 : PyList_GET_SIZE(members);
    Py_XDECREF(members);
    return n;
}

/* coll._sa_appender(member, _sa_initiator=initiator) or its remover. 0 / -1. */
static int
call_role(orm_state *st, PyObject *coll, PyObject *role, PyObject *member, PyObject *initiator)
{
    PyObject *names = PyTuple_Pack(1, st->s_sa_initiator);
    PyObject *args[3] = {coll, member, initiator == NULL ? Py_None : initiator};
    PyObject *result =
        names == NULL ? NULL : PyObject_VectorcallMethod(role, args, 2, names);

    Py_XDECREF(names);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

int
orm_container_add(orm_attribute *a, PyObject *coll, PyObject *member, PyObject *initiator)
{
    orm_state *st = a->mapper->state;
    PyTypeObject *type = Py_TYPE(coll);

    if (type == st->InstrumentedList) {
        return orm_ilist_append((orm_ilist *)coll, member, initiator);
    }
    if (type == st->InstrumentedSet) {
        return orm_iset_add((orm_iset *)coll, member, initiator);
    }
    if (type == st->KeyFuncDict) {
        return orm_keyed_add((orm_idict *)coll, member, initiator);
    }
    return call_role(st, coll, st->s_sa_appender, member, initiator);
}

int
orm_container_remove(orm_attribute *a, PyObject *coll, PyObject *member, PyObject *initiator)
{
    orm_state *st = a->mapper->state;
    PyTypeObject *type = Py_TYPE(coll);

    if (type == st->InstrumentedList) {
        return orm_ilist_remove((orm_ilist *)coll, member, initiator);
    }
    if (type == st->InstrumentedSet) {
        return orm_iset_remove((orm_iset *)coll, member, initiator);
    }
    if (type == st->KeyFuncDict) {
        return orm_keyed_remove((orm_idict *)coll, member, initiator);
    }
    return call_role(st, coll, st->s_sa_remover, member, initiator);
}

/* --- loading ------------------------------------------------------------------------------- */

PyObject *
orm_collection_init(orm_head *h, orm_attribute *a)
{
    PyObject *coll = NULL;
    PyObject *queue[2] = {NULL, NULL};
    PyObject *empty = NULL;
    int rc;

    if (orm_is_queued(a)) {
        orm_queued_refuse_load(a);
        return NULL;
    }
    coll = orm_collection_make(h, a);
    if (coll == NULL || orm_fire_collection(h, a, ORM_AEV_INIT_COLLECTION, coll) < 0) {
        Py_XDECREF(coll);
        return NULL;
    }
    empty = orm_held_take_empty(h, a->slot);
    if (empty != NULL) {
        orm_coll *c = orm_coll_of(a->mapper->state, empty);
        c->flags &= (uint8_t)~ORM_CF_EMPTY;
        orm_coll_unlink(c);
    }
    orm_held *held = orm_held_find(h, a->slot);
    if (held != NULL) {
        queue[0] = held->added;
        queue[1] = held->removed;
        held->added = held->removed = NULL;
    }
    rc = orm_val_load_steal(h, a->slot, coll);
    held = orm_held_find(h, a->slot);
    if (held != NULL && held->added == NULL && held->removed == NULL) {
        held->added = queue[0];
        held->removed = queue[1];
        queue[0] = queue[1] = NULL;
    }
    Py_XDECREF(queue[0]);
    Py_XDECREF(queue[1]);
    Py_XDECREF(empty);
    return rc < 0 ? NULL : coll; /* borrow-ok: the slot holds it */
}

int
orm_collection_append_loaded(orm_attribute *a, PyObject *coll, PyObject *member)
{
    orm_state *st = a->mapper->state;

    if (Py_TYPE(coll) == st->InstrumentedList) {
        return PyList_Append(coll, member); /* fast path: same answer as orm_container_add */
    }
    return orm_container_add(a, coll, member, Py_False);
}

/* Apply one queue. What cannot be removed was not there. 0 / -1. */
static int
apply_queue(orm_attribute *a, PyObject *coll, PyObject *queue, bool add)
{
    PyObject *members = queue == NULL ? NULL : PyDict_Values(queue);
    int rc = queue != NULL && members == NULL ? -1 : 0;

    for (Py_ssize_t i = 0; rc == 0 && members != NULL && i < PyList_GET_SIZE(members); i++) {
        PyObject *member = PyList_GET_ITEM(members, i);
        rc = add ? orm_container_add(a, coll, member, Py_False)
                 : orm_container_remove(a, coll, member, Py_False);
        if (rc < 0 && !add
            && (PyErr_ExceptionMatches(PyExc_ValueError)
                || PyErr_ExceptionMatches(PyExc_LookupError))) {
            PyErr_Clear();
            rc = 0;
        }
    }
    Py_XDECREF(members);
    return rc;
}

int
orm_collection_loaded(orm_head *h, orm_attribute *a)
{
    orm_held *held = orm_held_find(h, a->slot);
    PyObject *added = NULL;
    PyObject *removed = NULL;
    PyObject *coll = NULL;
    int rc;

    if (held == NULL || (held->added == NULL && held->removed == NULL)) {
        return 0;
    }
    added = held->added;
    removed = held->removed;
    held->added = held->removed = NULL;
    coll = orm_val_peek(h, a->slot, NULL);
    rc = coll == NULL ? 0 : orm_collection_touch(h, a);
    if (rc == 0 && coll != NULL) {
        rc = apply_queue(a, coll, added, true);
    }
    if (rc == 0 && coll != NULL) {
        rc = apply_queue(a, coll, removed, false);
    }
    Py_XDECREF(coll);
    Py_XDECREF(added);
    Py_XDECREF(removed);
    return rc;
}

int
orm_collection_set_loaded(orm_head *h, orm_attribute *a, PyObject *members)
{
    PyObject *list = PyDict_Check(members) ? PyDict_Values(members) : PySequence_List(members);
    PyObject *coll = list == NULL ? NULL : Py_XNewRef(orm_collection_init(h, a));
    int rc = coll == NULL ? -1 : 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        rc = orm_collection_append_loaded(a, coll, PyList_GET_ITEM(list, i));
    }
    if (rc == 0) {
        rc = orm_collection_loaded(h, a);
    }
    Py_XDECREF(coll);
    Py_XDECREF(list);
    return rc;
}

/* --- changes from outside ------------------------------------------------------------------- */

int
orm_collection_touch(orm_head *h, orm_attribute *a)
{
    PyObject *coll = NULL;
    PyObject *members = NULL;

    if (a->relation->flags & ORM_RF_VIEWONLY) {
        return 0; /* nothing of it is ever written */
    }
    if (orm_dirty_test(h, a->slot)) {
        return orm_head_touch(h);
    }
    coll = orm_val_peek(h, a->slot, NULL);
    if (coll != NULL) {
        members = orm_collection_members(a, coll);
        Py_DECREF(coll);
        if (members == NULL) {
            return -1;
        }
    }
    if (orm_head_touch(h) < 0) {
        Py_XDECREF(members);
        return -1;
    }
    return orm_val_restore_old(h, a->slot, members);
}

/* The collection as a read with these flags gives it; *queued: it may not be loaded. New
   reference, or NULL: *queued or an exception. */
static PyObject *
get_collection(orm_head *h, orm_attribute *a, int passive, bool *queued)
{
    PyObject *coll = orm_is_queued(a) ? NULL : orm_attribute_read(h, a, passive, NULL);

    *queued = coll == NULL && !PyErr_Occurred();
    return coll;
}

int
orm_collection_append(orm_head *h, orm_attribute *a, PyObject *member, PyObject *initiator,
                      int passive)
{
    bool queued = false;
    PyObject *coll = get_collection(h, a, passive, &queued);
    int rc = -1;

    if (coll != NULL) {
        rc = orm_container_add(a, coll, member, initiator);
        Py_DECREF(coll);
    }
    else if (queued) {
        rc = orm_queued_change(h, a, member, initiator, true);
    }
    return rc;
}

int
orm_collection_take(orm_head *h, orm_attribute *a, PyObject *member, PyObject *initiator,
                      int passive, bool pop)
{
    bool queued = false;
    PyObject *coll = get_collection(h, a, passive, &queued);
    int rc = -1;

    if (coll != NULL) {
        rc = orm_container_remove(a, coll, member, initiator);
        Py_DECREF(coll);
    }
    else if (queued) {
        rc = orm_queued_change(h, a, member, initiator, false);
    }
    if (rc < 0 && pop
        && (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_KeyError)
            || PyErr_ExceptionMatches(PyExc_IndexError))) {
        PyErr_Clear();
        rc = 0;
    }
    return rc;
}
