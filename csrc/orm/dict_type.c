/*
 * orm/dict_type.c - InstrumentedDict, and KeyFuncDict, which knows the key of each member.
 *
 * Place: value of a relationship slot with collection_class=attribute_keyed_dict(...) and the like.
 *   As list_type.c; the members are the values.
 * KeyFuncDict asks its keyfunc when a member is added by a backref, a loader or set(), and when it
 *   is removed; what was put under another key by hand stays there.
 */
#include "orm/collection_int.h"

#define SELF(o) ((orm_idict *)(o))
#define COLL(o) (&((orm_idict *)(o))->coll)

/* --- single members ------------------------------------------------------------------------------ */

/* self[key] = item with events. 0 / -1. */
static int
set_item(PyObject *self, PyObject *key, PyObject *item, PyObject *initiator)
{
    PyObject *old = NULL;
    PyObject *value = NULL;
    int rc;

    if (orm_coll_is_quiet(COLL(self), initiator)) {
        return PyDict_SetItem(self, key, item);
    }
    rc = PyDict_GetItemRef(self, key, &old);
    if (rc > 0) {
        rc = orm_coll_fire_remove(COLL(self), old, initiator, key);
    }
    value = Py_NewRef(item);
    if (rc == 0) {
        rc = orm_coll_fire_append(COLL(self), &value, initiator, key);
    }
    if (rc == 0) {
        rc = PyDict_SetItem(self, key, value);
    }
    Py_DECREF(value);
    Py_XDECREF(old);
    return rc;
}

static int
del_item(PyObject *self, PyObject *key, PyObject *initiator)
{
    PyObject *old = NULL;
    int rc = 0;

    if (!orm_coll_is_quiet(COLL(self), initiator)) {
        rc = PyDict_GetItemRef(self, key, &old);
        if (rc > 0) {
            rc = orm_coll_fire_remove(COLL(self), old, initiator, key);
        }
        Py_XDECREF(old);
    }
    return rc < 0 ? -1 : PyDict_DelItem(self, key);
}

static int
dict_ass_subscript(PyObject *self, PyObject *key, PyObject *value)
{
    return value == NULL ? del_item(self, key, NULL) : set_item(self, key, value, NULL);
}

/* KeyError of a key, also of None. Always -1. */
static int
raise_key(PyObject *key)
{
    PyObject *args = PyTuple_Pack(1, key);

    if (args != NULL) {
        PyErr_SetObject(PyExc_KeyError, args);
        Py_DECREF(args);
    }
    return -1;
}

/* --- KeyFuncDict ---------------------------------------------------------------------------------- */

/* What an error calls the relationship that a member came by. New reference. */
static PyObject *
event_name(orm_state *st, PyObject *item, PyObject *initiator)
{
    orm_attribute *from = orm_initiator_attr(st, initiator);
    orm_head *h = from == NULL ? NULL : orm_head_find(st, item);

    if (from == NULL || PyErr_Occurred()) {
        PyErr_Clear();
        return PyUnicode_FromString("unknown relationship");
    }
    return h != NULL && orm_mapper_isa(h->mapper, from->mapper) ? PyObject_Str((PyObject *)from)
                                                                : Py_NewRef(from->n.key);
}

static int
raise_unpopulated(orm_state *st, PyObject *item, PyObject *initiator)
{
    orm_head *h = orm_head_find(st, item);
    PyObject *text = h == NULL ? PyObject_Repr(item) : orm_head_describe(h);
    PyObject *name = text == NULL ? NULL : event_name(st, item, initiator);

    if (name != NULL) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "In event triggered from population of attribute '%U' (potentially from a "
                      "backref), can't populate value in KeyFuncDict; dictionary key derived from "
                      "%U is not populated. Ensure appropriate state is set up on the %U object "
                      "before assigning to the %U attribute. To skip this assignment entirely, "
                      "Set the \"ignore_unpopulated_attribute=True\" parameter on the mapped "
                      "collection factory.", name, text, text, name);
    }
    Py_XDECREF(name);
    Py_XDECREF(text);
    return -1;
}

static int
warn_none(orm_state *st, PyObject *item, PyObject *initiator)
{
    PyObject *name = event_name(st, item, initiator);
    int rc = -1;

    if (name != NULL) {
        rc = orm_warn(st, ORM_EXC_SAWarning, 2,
                      "Attribute keyed dictionary value for attribute '%U' was None; this will "
                      "raise in a future release. To skip this assignment entirely, Set the "
                      "\"ignore_unpopulated_attribute=True\" parameter on the mapped collection "
                      "factory.", name);
        Py_DECREF(name);
    }
    return rc;
}

/* The key of a member: 1 and *key owned, 0 it has none and is left out, -1. */
static int
key_of(orm_idict *self, PyObject *item, PyObject *initiator, PyObject **key)
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *fn = NULL;
    int rc = 1;

    *key = NULL;
    if (self->keyfunc == NULL) {
        PyErr_SetString(PyExc_TypeError, "this KeyFuncDict was made without a keyfunc");
        return -1;
    }
    fn = Py_NewRef(self->keyfunc);
    *key = PyObject_CallOneArg(fn, item);
    if (*key == NULL) {
        rc = -1;
    }
    else if (*key == orm_no_value(st)) {
        rc = self->ignore_missing ? 0 : raise_unpopulated(st, item, initiator);
    }
    else if (*key == Py_None && orm_is_attribute_key(st, fn)) {
        rc = self->ignore_missing ? 0 : warn_none(st, item, initiator) < 0 ? -1 : 1;
    }
    if (rc <= 0) {
        Py_CLEAR(*key);
    }
    Py_DECREF(fn);
    return rc;
}

/* A class of the user's own may have its own way to put a member under a key. */
static bool
is_plain(orm_idict *self)
{
    return Py_TYPE(self) == orm_state_from_type(Py_TYPE(self))->KeyFuncDict;
}

static int
drop(PyObject *result)
{
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

int
orm_keyed_add(orm_idict *self, PyObject *item, PyObject *initiator)
{
    PyObject *key = NULL;
    int rc = key_of(self, item, initiator, &key);

    if (rc > 0 && is_plain(self)) {
        rc = set_item((PyObject *)self, key, item, initiator);
    }
    else if (rc > 0) {
        rc = drop(PyObject_CallMethod((PyObject *)self, "__setitem__", "OOO", key, item,
                                      initiator == NULL ? Py_None : initiator));
    }
    Py_XDECREF(key);
    return rc;
}

int
orm_keyed_remove(orm_idict *self, PyObject *item, PyObject *initiator)
{
    PyObject *key = NULL;
    PyObject *there = NULL;
    int rc = key_of(self, item, initiator, &key);

    if (rc <= 0) {
        return rc;
    }
    rc = PyDict_GetItemRef((PyObject *)self, key, &there);
    if (rc > 0 && there != item) {
        orm_raise_exc(orm_state_from_type(Py_TYPE(self)), ORM_EXC_InvalidRequestError,
                      "Can not remove '%R': collection holds '%R' for key %R. "
                      "Possible cause: is the KeyFuncDict key function based on mutable "
                      "properties or properties that only obtain values after flush?", item,
                      there, key);
        rc = -1;
    }
    else if (rc == 0) {
        rc = raise_key(key);
    }
    else if (rc > 0) {
        rc = is_plain(self)
                 ? del_item((PyObject *)self, key, initiator)
                 : drop(PyObject_CallMethod((PyObject *)self, "__delitem__", "OO", key,
                                            initiator == NULL ? Py_None : initiator));
    }
    Py_XDECREF(there);
    Py_DECREF(key);
    return rc;
}

/* --- methods --------------------------------------------------------------------------------------- */

static PyObject *
none_or_error(int rc)
{
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
dict_setitem(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("__setitem__", args, nargs, kwnames, 2, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(set_item(self, args[0], args[1], initiator));
}

static PyObject *
dict_delitem(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("__delitem__", args, nargs, kwnames, 1, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(del_item(self, args[0], initiator));
}

static PyObject *
dict_clear(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *items = orm_coll_is_quiet(COLL(self), NULL) ? NULL : PyDict_Items(self);

    for (Py_ssize_t i = 0; items != NULL && i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        if (orm_coll_fire_remove(COLL(self), PyTuple_GET_ITEM(pair, 1), NULL,
                                 PyTuple_GET_ITEM(pair, 0)) < 0) {
            Py_DECREF(items);
            return NULL;
        }
    }
    Py_XDECREF(items);
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyDict_Clear(self);
    Py_RETURN_NONE;
}

static PyObject *
dict_pop(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *item = NULL;
    int rc;

    if (nargs < 1 || nargs > 2) {
        PyErr_Format(PyExc_TypeError, "pop expected 1 or 2 arguments, got %zd", nargs);
        return NULL;
    }
    if (orm_coll_before_pop(COLL(self), NULL) < 0) {
        return NULL;
    }
    rc = PyDict_GetItemRef(self, args[0], &item);
    if (rc == 0 && nargs == 2) {
        return Py_NewRef(args[1]);
    }
    if (rc == 0) {
        rc = raise_key(args[0]);
    }
    if (rc <= 0 || PyDict_DelItem(self, args[0]) < 0
        || (!orm_coll_is_quiet(COLL(self), NULL)
            && orm_coll_fire_remove(COLL(self), item, NULL, args[0]) < 0)) {
        Py_CLEAR(item);
    }
    return item;
}

static PyObject *
dict_popitem(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *fn = NULL;
    PyObject *pair = NULL;

    if (orm_coll_before_pop(COLL(self), NULL) < 0) {
        return NULL;
    }
    fn = PyObject_GetAttrString((PyObject *)&PyDict_Type, "popitem");
    pair = fn == NULL ? NULL : PyObject_CallOneArg(fn, self);
    Py_XDECREF(fn);
    if (pair != NULL && !orm_coll_is_quiet(COLL(self), NULL)
        && orm_coll_fire_remove(COLL(self), PyTuple_GET_ITEM(pair, 1), NULL,
                                PyTuple_GET_ITEM(pair, 0)) < 0) {
        Py_CLEAR(pair);
    }
    return pair;
}

/* What is set to what it is already: told as kept. New reference to the value, or NULL. */
static PyObject *
kept(PyObject *self, PyObject *item)
{
    PyObject *value = Py_NewRef(item);

    if (!orm_coll_is_quiet(COLL(self), NULL)
        && orm_coll_fire_wo_mutation(COLL(self), &value, NULL, NULL) < 0) {
        Py_CLEAR(value);
    }
    return value;
}

static PyObject *
dict_setdefault(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *value = NULL;
    PyObject *dflt = nargs == 2 ? args[1] : Py_None;
    int rc;

    if (nargs < 1 || nargs > 2) {
        PyErr_Format(PyExc_TypeError, "setdefault expected 1 or 2 arguments, got %zd", nargs);
        return NULL;
    }
    rc = PyDict_GetItemRef(self, args[0], &value);
    if (rc < 0) {
        return NULL;
    }
    if (rc == 0) {
        return PyObject_SetItem(self, args[0], dflt) < 0 ? NULL : Py_NewRef(dflt);
    }
    if (value == dflt) {
        PyObject *told = kept(self, value);
        if (told == NULL) {
            Py_CLEAR(value);
        }
        Py_XDECREF(told);
    }
    return value;
}

/* One pair of update(). 0 / -1. */
static int
update_one(PyObject *self, PyObject *key, PyObject *item)
{
    PyObject *there = NULL;
    int rc = PyDict_GetItemRef(self, key, &there);

    if (rc > 0 && there == item) {
        PyObject *told = kept(self, item);
        rc = told == NULL ? -1 : 0;
        Py_XDECREF(told);
    }
    else if (rc >= 0) {
        rc = PyObject_SetItem(self, key, item);
    }
    Py_XDECREF(there);
    return rc;
}

static int
update_from(PyObject *self, PyObject *other)
{
    PyObject *copy = PyDict_New();
    PyObject *key = NULL;
    PyObject *item = NULL;
    Py_ssize_t pos = 0;
    int rc = -1;

    if (copy != NULL) {
        int maps = PyObject_HasAttrStringWithError(other, "keys");
        rc = maps < 0 ? -1 : maps ? PyDict_Update(copy, other) : PyDict_MergeFromSeq2(copy, other, 1);
    }
    while (rc == 0 && PyDict_Next(copy, &pos, &key, &item)) {
        rc = update_one(self, key, item); /* the copy holds both */
    }
    Py_XDECREF(copy);
    return rc;
}

static PyObject *
dict_update(PyObject *self, PyObject *args, PyObject *kwargs)
{
    if (PyTuple_GET_SIZE(args) > 1) {
        PyErr_Format(PyExc_TypeError, "update expected at most 1 argument, got %zd",
                     PyTuple_GET_SIZE(args));
        return NULL;
    }
    if ((PyTuple_GET_SIZE(args) == 1 && update_from(self, PyTuple_GET_ITEM(args, 0)) < 0)
        || (kwargs != NULL && update_from(self, kwargs) < 0)) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
dict_iterator(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *values = PyDict_Values(self);
    PyObject *it = values == NULL ? NULL : PyObject_GetIter(values);

    Py_XDECREF(values);
    return it;
}

static PyObject *
dict_reduce(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    PyObject *items = PyDict_Items(self);
    PyObject *it = items == NULL ? NULL : PyObject_GetIter(items);
    PyObject *result = it == NULL ? NULL : orm_coll_reduce(self, it, true);

    Py_XDECREF(it);
    Py_XDECREF(items);
    return result;
}

/* --- KeyFuncDict's own ---------------------------------------------------------------------------------- */

static int
keyed_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const orm_args_spec spec = {.fname = "KeyFuncDict.__init__",
                                       .names = {"keyfunc", "ignore_unpopulated_attribute"},
                                       .count = 2, .npositional = 1, .nrequired = 1};
    PyObject *out[2];
    int ignore;

    if (orm_args_parse_tuple(&spec, args, kwargs, out) < 0) {
        return -1;
    }
    ignore = orm_arg_bool(out[1], 0);
    if (ignore < 0) {
        return -1;
    }
    SELF(self)->ignore_missing = ignore > 0;
    Py_XSETREF(SELF(self)->keyfunc, Py_XNewRef(out[0]));
    return 0;
}

static PyObject *
keyed_set(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("set", args, nargs, kwnames, 1, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(orm_keyed_add(SELF(self), args[0], initiator));
}

static PyObject *
keyed_remove(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("remove", args, nargs, kwnames, 1, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(orm_keyed_remove(SELF(self), args[0], initiator));
}

/* --- life ---------------------------------------------------------------------------------------------- */

static int
dict_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(SELF(self)->dict);
    Py_VISIT(COLL(self)->lost);
    Py_VISIT(SELF(self)->keyfunc);
    return PyDict_Type.tp_traverse(self, visit, arg);
}

static int
dict_clear_slots(PyObject *self)
{
    Py_CLEAR(SELF(self)->dict);
    Py_CLEAR(COLL(self)->lost);
    Py_CLEAR(SELF(self)->keyfunc);
    return PyDict_Type.tp_clear(self);
}

static void
dict_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    orm_coll_unlink(COLL(self));
    if (SELF(self)->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    Py_CLEAR(SELF(self)->dict);
    Py_CLEAR(COLL(self)->lost);
    Py_CLEAR(SELF(self)->keyfunc);
    PyDict_Type.tp_dealloc(self);
    Py_DECREF(type);
}

static PyMethodDef dict_methods[] = {
    {"__setitem__", ORM_METHOD(dict_setitem), ORM_METH_KW | METH_COEXIST,
     "__setitem__($self, key, item, _sa_initiator=None)\n--\n\nPut a member under a key."},
    {"__delitem__", ORM_METHOD(dict_delitem), ORM_METH_KW | METH_COEXIST,
     "__delitem__($self, key, _sa_initiator=None)\n--\n\nTake the member of a key out."},
    {"clear", dict_clear, METH_NOARGS, "clear($self, /)\n--\n\nTake all members out."},
    {"pop", ORM_METHOD(dict_pop), METH_FASTCALL,
     "pop($self, key, default=..., /)\n--\n\nTake the member of a key out and return it."},
    {"popitem", dict_popitem, METH_NOARGS, "popitem($self, /)\n--\n\nTake the last pair out."},
    {"setdefault", ORM_METHOD(dict_setdefault), METH_FASTCALL,
     "setdefault($self, key, default=None, /)\n--\n\nThe member of a key, put there if need be."},
    {"update", ORM_METHOD(dict_update), METH_VARARGS | METH_KEYWORDS,
     "update($self, *other, **members)\n--\n\nPut members under keys."},
    {"_sa_iterator", dict_iterator, METH_NOARGS, NULL},
    {"__reduce_ex__", dict_reduce, METH_O, NULL},
    {"__setstate__", orm_coll_setstate, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef keyed_methods[] = {
    {"set", ORM_METHOD(keyed_set), ORM_METH_KW,
     "set($self, item, _sa_initiator=None)\n--\n\nPut a member under its own key."},
    {"remove", ORM_METHOD(keyed_remove), ORM_METH_KW,
     "remove($self, item, _sa_initiator=None)\n--\n\nTake a member out."},
    {"_sa_appender", ORM_METHOD(keyed_set), ORM_METH_KW, NULL},
    {"_sa_remover", ORM_METHOD(keyed_remove), ORM_METH_KW, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef dict_members[] = {
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(orm_idict, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_idict, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyMemberDef keyed_members[] = {
    {"keyfunc", Py_T_OBJECT_EX, offsetof(orm_idict, keyfunc), 0, "Key of a member."},
    {"ignore_unpopulated_attribute", Py_T_BOOL, offsetof(orm_idict, ignore_missing), 0,
     "Members without a key value are left out."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot dict_slots[] = {
    {Py_tp_doc, "A dict that is the collection of a mapped instance's relationship."},
    {Py_tp_dealloc, dict_dealloc},
    {Py_tp_traverse, dict_traverse},
    {Py_tp_clear, dict_clear_slots},
    {Py_mp_ass_subscript, dict_ass_subscript},
    {Py_tp_methods, dict_methods},
    {Py_tp_getset, orm_coll_getset},
    {Py_tp_members, dict_members},
    {0, NULL},
};

PyType_Spec orm_idict_spec = {
    .name = "pyorm._core.InstrumentedDict",
    .basicsize = sizeof(orm_idict),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = dict_slots,
};

static PyType_Slot keyed_slots[] = {
    {Py_tp_doc, "KeyFuncDict(keyfunc, *, ignore_unpopulated_attribute=False)\n--\n\n"
                "Members by a key that a function makes of each."},
    {Py_tp_init, keyed_init},
    {Py_tp_dealloc, dict_dealloc},
    {Py_tp_traverse, dict_traverse},
    {Py_tp_clear, dict_clear_slots},
    {Py_tp_methods, keyed_methods},
    {Py_tp_members, keyed_members},
    {0, NULL},
};

PyType_Spec orm_keyed_spec = {
    .name = "pyorm._core.KeyFuncDict",
    .basicsize = sizeof(orm_idict),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = keyed_slots,
};
