/*
 * orm/coll_events.c - what the instrumented containers have in common: events before a change,
 * `_sa_adapter`, pickling.
 *
 * Place: list_type.c, set_type.c, dict_type.c and the adapter call here; hooks.c does the work.
 * Pickle: a container comes back as its members; the instance that holds it links it again. Until
 *   its own state has arrived, which is after its members, no change is told.
 */
#include "orm/collection_int.h"

/* Before any event: a stale container warns, an empty one is stored. 0 / -1. */
static int
wake(orm_coll *c)
{
    if (c->flags & ORM_CF_STALE
        && orm_warn(c->owner->mapper->state, ORM_EXC_SAWarning, 2,
                    "This collection has been invalidated.") < 0) {
        return -1;
    }
    return c->flags & ORM_CF_EMPTY ? orm_collection_store_empty(c) : 0;
}

enum { TELL_APPEND, TELL_REMOVE, TELL_KEPT, TELL_POP };

/* The instance it belonged to is gone. Always -1. */
static int
raise_lost(const orm_coll *c)
{
    orm_state *st = c->lost->mapper->state;
    PyObject *name = PyObject_Str((PyObject *)c->lost);
    PyObject *cls = c->lost->cls == NULL ? PyUnicode_FromString("?") : PyType_GetName(c->lost->cls);

    if (name != NULL && cls != NULL) {
        orm_raise_orm(st, "ObjectDereferencedError",
                      "Can't emit change event for attribute '%U' - parent object of type <%U> "
                      "has been garbage collected.", name, cls);
    }
    Py_XDECREF(name);
    Py_XDECREF(cls);
    return -1;
}

/* One event of a linked container. The owner is kept alive meanwhile. 0 / -1. */
static int
tell(orm_coll *c, int what, PyObject **item, PyObject *initiator, PyObject *key)
{
    orm_attribute *a = NULL;
    PyObject *obj = NULL;
    orm_head *h = c->owner;
    int rc = -1;

    if (orm_coll_is_quiet(c, initiator)) {
        return 0;
    }
    if (h == NULL) {
        return raise_lost(c);
    }
    obj = orm_head_object(h);
    a = (orm_attribute *)Py_XNewRef(orm_coll_attr(c));
    if (obj == NULL || a == NULL || a->kind != ORM_SLOT_COLLECTION) {
        Py_XDECREF(obj);
        Py_XDECREF(a);
        return 0; /* the instance dies, or is not mapped any more */
    }
    if (what != TELL_KEPT && wake(c) < 0) {
        goto done;
    }
    switch (what) {
    case TELL_APPEND:
        rc = orm_fire_append(h, a, item, initiator, key);
        break;
    case TELL_REMOVE:
        rc = orm_fire_remove(h, a, *item, initiator, key);
        break;
    case TELL_KEPT:
        rc = orm_fire_wo_mutation(h, a, item, initiator, key);
        break;
    default:
        rc = orm_collection_touch(h, a);
        break;
    }
done:
    Py_DECREF(a);
    Py_DECREF(obj);
    return rc;
}

int
orm_coll_fire_append(orm_coll *c, PyObject **item, PyObject *initiator, PyObject *key)
{
    return tell(c, TELL_APPEND, item, initiator, key);
}

int
orm_coll_fire_remove(orm_coll *c, PyObject *item, PyObject *initiator, PyObject *key)
{
    return tell(c, TELL_REMOVE, &item, initiator, key);
}

int
orm_coll_fire_wo_mutation(orm_coll *c, PyObject **item, PyObject *initiator, PyObject *key)
{
    return tell(c, TELL_KEPT, item, initiator, key);
}

int
orm_coll_before_pop(orm_coll *c, PyObject *initiator)
{
    return tell(c, TELL_POP, NULL, initiator, NULL);
}

/* --- attributes ------------------------------------------------------------------------------- */

static PyObject *
get_adapter(PyObject *self, void *Py_UNUSED(closure))
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    orm_coll *c = st == NULL ? NULL : orm_coll_of(st, self);

    if (c == NULL || c->owner == NULL) {
        return st == NULL ? NULL : Py_NewRef(Py_None);
    }
    return orm_adapter_for(st, self);
}

PyGetSetDef orm_coll_getset[] = {
    {"_sa_adapter", get_adapter, NULL, "The CollectionAdapter, or None.", NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* --- pickling ----------------------------------------------------------------------------------- */

PyObject *
orm_coll_reduce(PyObject *self, PyObject *items, bool pairs)
{
    /* A set has no way to get members one by one: a list of them is an argument. */
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *rebuild =
        st == NULL ? NULL : PyObject_GetAttrString(st->module, "_collection_rebuild");
    PyObject *state = rebuild == NULL ? NULL : PyObject_GenericGetDict(self, NULL);
    PyObject *result = NULL;

    if (state != NULL && PyObject_TypeCheck(self, st->KeyFuncDict)) {
        orm_idict *keyed = (orm_idict *)self;
        state = Py_BuildValue("(NOO)", state, keyed->keyfunc == NULL ? Py_None : keyed->keyfunc,
                              keyed->ignore_missing ? Py_True : Py_False);
    }
    if (state != NULL && PyList_CheckExact(items)) {
        result = Py_BuildValue("O(OO)O", rebuild, Py_TYPE(self), items, state);
    }
    else if (state != NULL) {
        result = Py_BuildValue("O(O)OOO", rebuild, Py_TYPE(self), state,
                               pairs ? Py_None : items, pairs ? items : Py_None);
    }
    Py_XDECREF(state);
    Py_XDECREF(rebuild);
    return result;
}

PyObject *
orm_coll_rebuild(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    PyTypeObject *type = nargs >= 1 && nargs <= 2 && PyType_Check(args[0]) ? (PyTypeObject *)args[0] : NULL;
    PyObject *empty = NULL;
    PyObject *self = NULL;

    if (type == NULL
        || !(PyType_IsSubtype(type, st->InstrumentedList)
             || PyType_IsSubtype(type, st->InstrumentedSet)
             || PyType_IsSubtype(type, st->InstrumentedDict))) {
        PyErr_SetString(PyExc_TypeError, "_collection_rebuild() takes an instrumented class");
        return NULL;
    }
    empty = PyTuple_New(0);
    self = empty == NULL ? NULL : type->tp_new(type, empty, NULL);
    Py_XDECREF(empty);
    if (self != NULL) {
        orm_coll_of(st, self)->flags |= ORM_CF_UNPICKLED;
    }
    for (Py_ssize_t i = 0; self != NULL && nargs == 2 && PyList_Check(args[1])
                           && i < PyList_GET_SIZE(args[1]); i++) {
        if (!PySet_Check(self) || PySet_Add(self, PyList_GET_ITEM(args[1], i)) < 0) {
            Py_CLEAR(self);
        }
    }
    return self;
}

PyObject *
orm_coll_setstate(PyObject *self, PyObject *state)
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *dict = st == NULL ? NULL : PyObject_GenericGetDict(self, NULL);
    int rc = -1;

    if (dict != NULL && PyTuple_Check(state) && PyTuple_GET_SIZE(state) == 3
        && PyObject_TypeCheck(self, st->KeyFuncDict)) {
        orm_idict *keyed = (orm_idict *)self;
        Py_XSETREF(keyed->keyfunc, Py_NewRef(PyTuple_GET_ITEM(state, 1)));
        keyed->ignore_missing = PyTuple_GET_ITEM(state, 2) == Py_True;
        state = PyTuple_GET_ITEM(state, 0);
    }
    if (dict != NULL && PyDict_Check(state)) {
        orm_coll_of(st, self)->flags &= (uint8_t)~ORM_CF_UNPICKLED;
        rc = PyDict_Update(dict, state);
    }
    else if (dict != NULL) {
        PyErr_SetString(PyExc_TypeError, "__setstate__() takes a dict");
    }
    Py_XDECREF(dict);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}
