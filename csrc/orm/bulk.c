/*
 * orm/bulk.c - a collection is replaced whole, or deleted: `user.posts = [...]`, `del user.posts`.
 *
 * Place: access.c. Order: init_collection of the new one -> its type is checked -> bulk_replace ->
 *   the old one is loaded -> history -> the new one is stored -> appends -> members that stay
 *   (append_wo_mutation) -> removes -> dispose_collection.
 * Members are compared by identity: a table of addresses, no hash and no == of instances.
 */
#include "orm/collection_int.h"

/* --- identity sets --------------------------------------------------------------------------- */

static int
is_same(const void *value, const void *key)
{
    return value == key;
}

static uint64_t
address_hash(const PyObject *o)
{
    return (uint64_t)(uintptr_t)o >> 4;
}

static bool
idset_has(const orm_ptrmap *set, const PyObject *o)
{
    return orm_ptrmap_find(set, address_hash(o), is_same, o) != NULL;
}

/* Fill a set with the members of a list; the list keeps them alive. 0 / -1. */
static int
idset_fill(orm_ptrmap *set, PyObject *list)
{
    orm_ptrmap_init(set);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *o = PyList_GET_ITEM(list, i);
        if (!idset_has(set, o) && orm_ptrmap_put(set, address_hash(o), o) < 0) {
            orm_ptrmap_fini(set);
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

/* Those of `list` that are in `other` (or are not), each once if `once`. New list. */
static PyObject *
filter(PyObject *list, const orm_ptrmap *other, bool in, bool once)
{
    PyObject *result = PyList_New(0);
    orm_ptrmap seen;

    orm_ptrmap_init(&seen);
    for (Py_ssize_t i = 0; result != NULL && i < PyList_GET_SIZE(list); i++) {
        PyObject *o = PyList_GET_ITEM(list, i);
        if (idset_has(other, o) != in || (once && idset_has(&seen, o))) {
            continue;
        }
        if (PyList_Append(result, o) < 0
            || (once && orm_ptrmap_put(&seen, address_hash(o), o) < 0)) {
            Py_CLEAR(result);
        }
    }
    orm_ptrmap_fini(&seen);
    if (result == NULL && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return result;
}

int
orm_members_diff(PyObject *now, PyObject *before, orm_relhist *out)
{
    orm_ptrmap now_set, before_set;
    int rc = -1;

    if (PyList_GET_SIZE(before) == 0) { /* what was not there cannot be gone */
        out->added = Py_NewRef(now);
        out->unchanged = PyList_New(0);
        out->deleted = out->unchanged == NULL ? NULL : PyList_New(0);
        if (out->deleted == NULL) {
            orm_relhist_fini(out);
        }
        return out->deleted == NULL ? -1 : 0;
    }
    if (idset_fill(&now_set, now) < 0) {
        return -1;
    }
    if (idset_fill(&before_set, before) == 0) {
        out->added = filter(now, &before_set, false, false);
        out->unchanged = out->added == NULL ? NULL : filter(now, &before_set, true, false);
        out->deleted = out->unchanged == NULL ? NULL : filter(before, &now_set, false, false);
        rc = out->deleted == NULL ? -1 : 0;
        orm_ptrmap_fini(&before_set);
    }
    orm_ptrmap_fini(&now_set);
    if (rc < 0) {
        orm_relhist_fini(out);
    }
    return rc;
}

/* --- what was assigned ------------------------------------------------------------------------ */

enum { DUCK_LIST, DUCK_SET, DUCK_DICT, DUCK_OTHER };
static const char *const duck_names[] = {"list", "set", "dict", "None"};

/* What a type or object counts as: `__emulates__` first, then what it derives from, then its
   methods. -1 exception. */
static int
duck_type(PyObject *type, orm_state *st)
{
    static const char *const methods[] = {"append", "add", "set"};
    static const int kinds[] = {DUCK_LIST, DUCK_SET, DUCK_DICT};
    PyObject *emulates = NULL;
    int rc = PyObject_GetOptionalAttr(type, st->s_emulates, &emulates);

    if (rc < 0) {
        return -1;
    }
    if (rc > 0) {
        int kind = DUCK_OTHER;
        if (PyType_Check(emulates)) {
            PyTypeObject *base = (PyTypeObject *)emulates;
            kind = PyType_IsSubtype(base, &PyList_Type) ? DUCK_LIST
                   : PyType_IsSubtype(base, &PySet_Type) ? DUCK_SET
                   : PyType_IsSubtype(base, &PyDict_Type) ? DUCK_DICT : DUCK_OTHER;
        }
        Py_DECREF(emulates);
        return kind;
    }
    PyTypeObject *cls = (PyTypeObject *)type;
    if (PyType_IsSubtype(cls, &PyList_Type)) {
        return DUCK_LIST;
    }
    if (PyType_IsSubtype(cls, &PySet_Type)) {
        return DUCK_SET;
    }
    if (PyType_IsSubtype(cls, &PyDict_Type)) {
        return DUCK_DICT;
    }
    for (int i = 0; i < 3; i++) {
        int has = PyObject_HasAttrStringWithError(type, methods[i]);
        if (has != 0) {
            return has < 0 ? -1 : kinds[i];
        }
    }
    return DUCK_OTHER;
}

static int
raise_incompatible(PyObject *value, int wanted)
{
    PyErr_Format(PyExc_TypeError, "Incompatible collection type: %s is not %s-like",
                 value == Py_None ? "None" : Py_TYPE(value)->tp_name, duck_names[wanted]);
    return -1;
}

/* The members of an assigned value: *values a new list, *keys a new list for mappings. 0 / -1. */
static int
adapt_value(orm_attribute *a, PyObject *coll, PyObject *v, PyObject **values, PyObject **keys)
{
    orm_state *st = a->mapper->state;
    PyObject *converter = NULL;
    PyObject *converted = NULL;
    int rc = orm_coll_quick(st, coll) != NULL
                 ? 0 : PyObject_GetOptionalAttr(coll, st->s_sa_converter, &converter);
    int given = rc < 0 ? -1 : duck_type((PyObject *)Py_TYPE(v), st);

    if (given < 0) {
        Py_XDECREF(converter);
        return -1;
    }
    if (converter != NULL && converter != Py_None) {
        converted = PyObject_CallOneArg(converter, v);
        *values = converted == NULL ? NULL : PySequence_List(converted);
        Py_XDECREF(converted);
    }
    else {
        int wanted = duck_type((PyObject *)Py_TYPE(coll), st);
        if (wanted < 0 || (wanted != given && raise_incompatible(v, wanted) < 0)) {
            Py_XDECREF(converter);
            return -1;
        }
        if (given == DUCK_DICT && orm_coll_of(st, v) == NULL) {
            *keys = PyMapping_Keys(v);
            *values = *keys == NULL ? NULL : PyMapping_Values(v);
        }
        else {
            if (given == DUCK_DICT) {
                *keys = PyMapping_Keys(v);
            }
            *values = orm_collection_members(a, v);
        }
    }
    Py_XDECREF(converter);
    if (*values != NULL && !PyList_CheckExact(*values)) {
        Py_SETREF(*values, PySequence_List(*values));
    }
    return *values == NULL ? -1 : 0;
}

/* --- replacing ---------------------------------------------------------------------------------- */

/* One value of the new collection; the token is Py_False for what was a member before. 0 / -1. */
static int
take_in(orm_head *h, orm_attribute *a, PyObject *coll, PyObject *member, PyObject *token)
{
    if (coll != NULL) {
        return orm_container_add(a, coll, member, token);
    }
    return token == Py_False ? 0 : orm_queued_change(h, a, member, token, true);
}

int
orm_collection_exchange(orm_head *h, orm_attribute *a, PyObject *values, PyObject *old_members,
                        PyObject *coll)
{
    PyObject *token = orm_event_token(a, ORM_OP_EVENT_BULK_REPLACE);
    PyObject *kept = NULL;
    PyObject *gone = NULL;
    orm_ptrmap before, now;
    int rc = -1;

    if (token == NULL || idset_fill(&before, old_members) < 0) {
        return -1;
    }
    if (idset_fill(&now, values) == 0) {
        kept = filter(old_members, &now, true, true);
        gone = kept == NULL ? NULL : filter(old_members, &now, false, true);
        rc = gone == NULL ? -1 : 0;
        orm_ptrmap_fini(&now);
    }
    Py_INCREF(token);
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(values); i++) {
        PyObject *member = Py_NewRef(PyList_GET_ITEM(values, i));
        rc = take_in(h, a, coll, member, idset_has(&before, member) ? Py_False : token);
        Py_DECREF(member);
    }
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(kept); i++) {
        PyObject *member = Py_NewRef(PyList_GET_ITEM(kept, i));
        rc = orm_fire_wo_mutation(h, a, &member, token, NULL);
        Py_DECREF(member);
    }
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(gone); i++) {
        rc = coll == NULL ? orm_queued_change(h, a, PyList_GET_ITEM(gone, i), token, false)
                          : orm_fire_remove(h, a, PyList_GET_ITEM(gone, i), token, NULL);
    }
    orm_ptrmap_fini(&before);
    Py_DECREF(token);
    Py_XDECREF(kept);
    Py_XDECREF(gone);
    return rc;
}

/* The collection that is replaced, loaded or empty. New reference. */
static PyObject *
old_collection(orm_head *h, orm_attribute *a)
{
    PyObject *old = orm_attribute_read(
        h, a, ORM_PASSIVE_ONLY_PERSISTENT, NULL);

    if (old == NULL && !PyErr_Occurred()) {
        old = orm_collection_empty(h, a);
    }
    return old;
}

/* The old collection becomes a plain container. 0 / -1. */
static int
dispose(orm_head *h, orm_attribute *a, PyObject *old)
{
    orm_state *st = a->mapper->state;
    orm_coll *c = orm_coll_of(st, old);
    PyObject *empty = NULL;

    if (c != NULL && c->flags & ORM_CF_EMPTY) {
        empty = orm_held_take_empty(h, a->slot);
        c->flags &= (uint8_t)~ORM_CF_EMPTY;
    }
    int rc = orm_fire_collection(h, a, ORM_AEV_DISPOSE_COLLECTION, old);
    c = orm_coll_of(st, old);
    if (c != NULL && c->owner == h) {
        orm_coll_unlink(c);
    }
    Py_XDECREF(empty);
    return rc;
}

/* Put the new collection where the old one was. 0 / -1. */
static int
put_new(orm_head *h, orm_attribute *a, PyObject *coll, PyObject *values, PyObject *old)
{
    PyObject *members = orm_collection_members(a, old);
    bool view_only = (a->relation->flags & ORM_RF_VIEWONLY) != 0;
    int rc = members == NULL || (!view_only && orm_head_touch(h) < 0) ? -1 : 0;

    if (rc == 0 && !view_only && !orm_dirty_test(h, a->slot)) {
        rc = orm_val_restore_old(h, a->slot, Py_NewRef(members));
    }
    if (rc == 0) {
        orm_held_drop_queue(h, a->slot);
        rc = view_only ? orm_val_load_steal(h, a->slot, Py_NewRef(coll))
                       : orm_val_store(h, a->slot, coll);
    }
    if (rc == 0) {
        rc = orm_collection_exchange(h, a, values, members, coll);
    }
    if (rc == 0) {
        rc = dispose(h, a, old);
    }
    Py_XDECREF(members);
    return rc;
}

/* Another collection in the place of the present one: of what v holds, or of the members of a
   list if v is NULL. 0 / -1. */
static int
replace(orm_head *h, orm_attribute *a, PyObject *v, PyObject *members)
{
    PyObject *obj = orm_head_object(h);
    PyObject *coll = orm_collection_make(h, a);
    PyObject *values = Py_XNewRef(members);
    PyObject *keys = NULL;
    PyObject *old = NULL;
    int rc = -1;

    Py_INCREF(a);
    if (coll == NULL || orm_fire_collection(h, a, ORM_AEV_INIT_COLLECTION, coll) < 0
        || (v != NULL && adapt_value(a, coll, v, &values, &keys) < 0)
        || orm_fire_bulk(h, a, values, keys) < 0) {
        goto done;
    }
    old = old_collection(h, a);
    if (old != NULL && old == v) {
        rc = 0; /* what an operator in place assigns again */
    }
    else if (old != NULL) {
        rc = put_new(h, a, coll, values, old);
    }
done:
    if (coll != NULL && (rc < 0 || old == v)) {
        PyObject *stored = orm_val_peek(h, a->slot, NULL);
        if (stored != coll) {
            orm_collection_unlink(a->mapper->state, coll);
        }
        Py_XDECREF(stored);
    }
    Py_XDECREF(old);
    Py_XDECREF(keys);
    Py_XDECREF(values);
    Py_XDECREF(coll);
    Py_DECREF(a);
    Py_XDECREF(obj);
    return rc;
}

int
orm_collection_set(orm_head *h, orm_attribute *a, PyObject *v, PyObject *Py_UNUSED(initiator))
{
    return orm_is_queued(a) ? orm_queued_set(h, a, v) : replace(h, a, v, NULL);
}

int
orm_collection_set_members(orm_head *h, orm_attribute *a, PyObject *members)
{
    return orm_is_queued(a) ? orm_queued_set(h, a, members) : replace(h, a, NULL, members);
}

int
orm_collection_delete(orm_head *h, orm_attribute *a)
{
    PyObject *coll = orm_val_peek(h, a->slot, NULL);
    PyObject *members = coll == NULL ? NULL : orm_collection_members(a, coll);
    int rc = 0;

    if (orm_is_queued(a)) {
        PyErr_Format(PyExc_NotImplementedError,
                     "%S cannot be deleted: it is not loaded; remove() its members", (PyObject *)a);
        return -1;
    }
    if (members == NULL || orm_collection_touch(h, a) < 0) {
        rc = coll == NULL ? 0 : -1; /* not loaded: nothing to do */
    }
    for (Py_ssize_t i = 0; rc == 0 && members != NULL && i < PyList_GET_SIZE(members); i++) {
        rc = orm_container_remove(a, coll, PyList_GET_ITEM(members, i), NULL);
    }
    if (rc == 0 && coll != NULL) {
        rc = orm_val_remove(h, a->slot);
    }
    Py_XDECREF(members);
    Py_XDECREF(coll);
    return rc;
}
