/*
 * orm/backref.c - the other side of a relationship follows a change, without being loaded.
 *
 * Place: hooks.c, in the middle of the listeners of the side that began.
 * Recursion between the sides ends by tokens: the side that began hands its token on, and who is
 *   asked to do what that token already did stops. A collection is not loaded for this: what it
 *   misses waits in its queue (held.c).
 */
#include "orm/collection_int.h"

/* The attribute of the other side on a member. NULL with KeyError: it is not of that class. */
static orm_attribute *
other_side(orm_head *h, const orm_relation *reverse)
{
    int64_t slot = reverse->slot;

    if (!orm_mapper_isa(h->mapper, reverse->parent)) {
        /* Of another class: its attribute of that name will see that it is a conflict. */
        slot = orm_mapper_slot(h->mapper, reverse->key);
        if (slot < 0 || h->mapper->attrs[slot]->relation == NULL) {
            if (!PyErr_Occurred()) {
                PyErr_SetObject(PyExc_KeyError, reverse->key);
            }
            return NULL;
        }
    }
    return h->mapper->attrs[slot];
}

/* The token that op of the attribute itself would have is the initiator. 1 / 0 / -1. */
static int
is_own_token(orm_attribute *a, int op, PyObject *initiator)
{
    PyObject *token = orm_event_token(a, op);

    return token == NULL ? -1 : token == initiator;
}

/* A change that came from a third attribute may not go on to this side. 0 / -1 ValueError. */
static int
check_conflict(orm_head *h, orm_attribute *a, orm_attribute *other, PyObject *initiator)
{
    orm_attribute *from = orm_initiator_attr(a->mapper->state, initiator);

    if (from == NULL || from->relation == a->relation || from->relation == other->relation) {
        return 0;
    }
    PyObject *text = orm_head_describe(h);
    PyObject *names[3] = {PyObject_Str((PyObject *)from), PyObject_Str((PyObject *)other),
                          PyObject_Str((PyObject *)a)};
    if (text != NULL && names[0] != NULL && names[1] != NULL && names[2] != NULL) {
        PyErr_Format(PyExc_ValueError,
                     "Bidirectional attribute conflict detected: Passing object %U to attribute "
                     "\"%U\" triggers a modify event on attribute \"%U\" via the backref \"%U\".",
                     text, names[0], names[1], names[2]);
    }
    Py_XDECREF(text);
    for (int i = 0; i < 3; i++) {
        Py_XDECREF(names[i]);
    }
    return -1;
}

/* Whether a member's side was where this append began. 1 / 0 / -1. */
static int
append_began_at(orm_attribute *other, PyObject *initiator)
{
    if (other->kind != ORM_SLOT_COLLECTION) {
        return is_own_token(other, ORM_OP_EVENT_REPLACE, initiator);
    }
    int rc = is_own_token(other, ORM_OP_EVENT_APPEND, initiator);
    return rc == 0 ? is_own_token(other, ORM_OP_EVENT_BULK_REPLACE, initiator) : rc;
}

/* obj becomes a member / the value on the other side of child. 0 / -1. */
static int
append_to(orm_head *h, orm_attribute *a, const orm_relation *reverse, PyObject *child,
          PyObject *initiator)
{
    orm_head *ch = orm_head_of(a->mapper->state, child);
    orm_attribute *other = ch == NULL ? NULL : other_side(ch, reverse);
    PyObject *obj = NULL;
    int rc = -1;

    if (other == NULL || check_conflict(h, a, other, initiator) < 0) {
        return -1;
    }
    int began = append_began_at(other, initiator);
    if (began != 0) {
        return began < 0 ? -1 : 0;
    }
    obj = orm_head_object(h);
    Py_INCREF(other);
    if (obj != NULL) {
        rc = other->kind == ORM_SLOT_COLLECTION
                 ? orm_collection_append(ch, other, obj, initiator, ORM_PASSIVE_NO_FETCH)
                 : orm_reference_set(ch, other, obj, initiator);
    }
    Py_DECREF(other);
    Py_XDECREF(obj);
    return rc;
}

int
orm_backref_append(orm_head *h, orm_attribute *a, PyObject *child, PyObject *initiator)
{
    PyObject *held = NULL;
    int rc = 0;

    if (child == Py_None) {
        return 0;
    }
    held = Py_NewRef(child);
    for (uint32_t i = 0; rc == 0 && i < a->relation->nreverse; i++) {
        rc = append_to(h, a, a->relation->reverse[i], held, initiator);
    }
    Py_DECREF(held);
    return rc;
}

/* A member that is in the collection twice keeps its parent when one of them goes. */
static int
is_twice(orm_head *h, orm_attribute *a, PyObject *child)
{
    PyObject *coll = orm_val_peek(h, a->slot, NULL);
    PyObject *members = NULL;
    int count = 0;

    if (coll == NULL || Py_TYPE(coll) == a->mapper->state->InstrumentedSet) {
        Py_XDECREF(coll);
        return 0;
    }
    /* fast path: same answer as a copy of the members gives */
    members = Py_TYPE(coll) == a->mapper->state->InstrumentedList
                  ? Py_NewRef(coll) : orm_collection_members(a, coll);
    for (Py_ssize_t i = 0; members != NULL && count < 2 && i < PyList_GET_SIZE(members); i++) {
        count += PyList_GET_ITEM(members, i) == child;
    }
    bool failed = members == NULL;
    Py_DECREF(coll);
    Py_XDECREF(members);
    return failed ? -1 : count > 1;
}

static int
remove_from(orm_head *h, orm_attribute *a, const orm_relation *reverse, PyObject *child,
            PyObject *initiator)
{
    orm_head *ch = orm_head_of(a->mapper->state, child);
    orm_attribute *other = ch == NULL ? NULL : other_side(ch, reverse);
    PyObject *obj = NULL;
    int rc;

    if (other == NULL) {
        return -1;
    }
    bool many = other->kind == ORM_SLOT_COLLECTION;
    rc = is_own_token(other, ORM_OP_EVENT_REMOVE, initiator);
    if (rc == 0) {
        rc = is_own_token(other, many ? ORM_OP_EVENT_BULK_REPLACE : ORM_OP_EVENT_REPLACE,
                          initiator);
    }
    if (rc == 0 && !many && a->kind == ORM_SLOT_COLLECTION) {
        rc = is_twice(h, a, child);
    }
    if (rc != 0) {
        return rc < 0 ? -1 : 0;
    }
    obj = orm_head_object(h);
    Py_INCREF(other);
    rc = -1;
    if (obj != NULL) {
        rc = many ? orm_collection_take(ch, other, obj, initiator, ORM_PASSIVE_NO_FETCH, true)
                  : orm_reference_pop(ch, other, obj, initiator);
    }
    Py_DECREF(other);
    Py_XDECREF(obj);
    return rc;
}

int
orm_backref_remove(orm_head *h, orm_attribute *a, PyObject *child, PyObject *initiator)
{
    PyObject *held = NULL;
    int rc = 0;

    held = Py_NewRef(child);
    for (uint32_t i = 0; rc == 0 && i < a->relation->nreverse; i++) {
        rc = remove_from(h, a, a->relation->reverse[i], held, initiator);
    }
    Py_DECREF(held);
    return rc;
}

/* The instance leaves the side of the value it had, for nothing (`only_leaves`) or another one. */
static int
leave_old(orm_head *h, orm_attribute *a, const orm_relation *reverse, PyObject *old,
          bool only_leaves, PyObject *initiator)
{
    orm_head *oh = orm_head_of(a->mapper->state, old);
    orm_attribute *other = oh == NULL ? NULL : other_side(oh, reverse);
    PyObject *token = other == NULL ? NULL : orm_event_token(a, ORM_OP_EVENT_REPLACE);
    PyObject *obj = NULL;
    int rc;

    if (token == NULL) {
        return -1;
    }
    bool many = other->kind == ORM_SLOT_COLLECTION;
    rc = is_own_token(other, ORM_OP_EVENT_REMOVE, initiator);
    if (rc == 0 && !many) {
        rc = is_own_token(other, ORM_OP_EVENT_REPLACE, initiator);
    }
    if (rc == 0 && only_leaves && orm_is_queued(other)) {
        rc = is_own_token(other, ORM_OP_EVENT_BULK_REPLACE, initiator); /* it goes there already */
    }
    if (rc != 0) {
        return rc < 0 ? -1 : 0;
    }
    obj = orm_head_object(h);
    Py_INCREF(other);
    Py_INCREF(token);
    rc = -1;
    if (obj != NULL) {
        rc = many ? orm_collection_take(oh, other, obj, token, ORM_PASSIVE_NO_FETCH, true)
                  : orm_reference_pop(oh, other, obj, token);
    }
    Py_DECREF(token);
    Py_DECREF(other);
    Py_XDECREF(obj);
    return rc;
}

int
orm_backref_set(orm_head *h, orm_attribute *a, PyObject *child, PyObject *old,
                PyObject *initiator)
{
    PyObject *held[2] = {NULL, NULL};
    int rc = 0;

    if (child == old) {
        return 0;
    }
    held[0] = Py_NewRef(child);
    held[1] = Py_NewRef(old);
    for (uint32_t i = 0; rc == 0 && i < a->relation->nreverse; i++) {
        const orm_relation *reverse = a->relation->reverse[i];
        if (!orm_is_nothing(a->mapper->state, old)) {
            rc = leave_old(h, a, reverse, old, child == Py_None, initiator);
        }
        if (rc == 0 && child != Py_None) {
            rc = append_to(h, a, reverse, child, initiator);
        }
    }
    Py_DECREF(held[0]);
    Py_DECREF(held[1]);
    return rc;
}
