/*
 * orm/list_type.c - InstrumentedList: a list that tells the instance it belongs to of changes.
 *
 * Place: value of a relationship slot. Without an owner it is a list and nothing else.
 * Each method tells first and changes then, member by member in the reference's order; sorting and
 *   reversing tell nothing. A listener may change this very list: sizes and items are read again
 *   after each call.
 */
#include "orm/collection_int.h"

#define SELF(o) ((orm_ilist *)(o))
#define COLL(o) (&((orm_ilist *)(o))->coll)

int
orm_parse_initiator(const char *fname, PyObject *const *args, Py_ssize_t nargs,
                    PyObject *kwnames, Py_ssize_t n, PyObject **initiator)
{
    Py_ssize_t nkw = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);

    *initiator = nargs == n + 1 ? args[n] : NULL;
    if (nargs < n || nargs > n + 1 || nkw > 1 || (nkw == 1 && nargs == n + 1)
        || (nkw == 1
            && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "_sa_initiator")
                   != 0)) {
        PyErr_Format(PyExc_TypeError, "%s() takes %zd argument%s and _sa_initiator (%zd given)",
                     fname, n, n == 1 ? "" : "s", nargs + nkw);
        return -1;
    }
    if (nkw == 1) {
        *initiator = args[nargs];
    }
    *initiator = orm_initiator_arg(*initiator);
    return 0;
}

/* --- single members ----------------------------------------------------------------------- */

int
orm_ilist_append(orm_ilist *self, PyObject *item, PyObject *initiator)
{
    PyObject *value = NULL;
    int rc;

    if (orm_coll_is_quiet(&self->coll, initiator)) {
        return PyList_Append((PyObject *)self, item);
    }
    value = Py_NewRef(item);
    rc = orm_coll_fire_append(&self->coll, &value, initiator, NULL);
    if (rc == 0) {
        rc = PyList_Append((PyObject *)self, value);
    }
    Py_DECREF(value);
    return rc;
}

/* Delete the first item that equals. 0 / -1 ValueError. */
static int
delete_equal(PyObject *self, PyObject *item)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(self); i++) {
        PyObject *it = Py_NewRef(PyList_GET_ITEM(self, i));
        int same = PyObject_RichCompareBool(it, item, Py_EQ);
        Py_DECREF(it);
        if (same < 0) {
            return -1;
        }
        if (same > 0) {
            return PyList_SetSlice(self, i, i + 1, NULL);
        }
    }
    PyErr_SetString(PyExc_ValueError, "list.remove(x): x not in list");
    return -1;
}

int
orm_ilist_remove(orm_ilist *self, PyObject *item, PyObject *initiator)
{
    if (!orm_coll_is_quiet(&self->coll, initiator)
        && orm_coll_fire_remove(&self->coll, item, initiator, NULL) < 0) {
        return -1;
    }
    return delete_equal((PyObject *)self, item);
}

static int
insert(PyObject *self, Py_ssize_t at, PyObject *item)
{
    PyObject *value = Py_NewRef(item);
    PyObject *key = NULL;
    int rc = 0;

    if (!orm_coll_is_quiet(COLL(self), NULL)) {
        key = PyLong_FromSsize_t(at);
        rc = key == NULL ? -1 : orm_coll_fire_append(COLL(self), &value, NULL, key);
        Py_XDECREF(key);
    }
    if (rc == 0) {
        rc = PyList_Insert(self, at, value);
    }
    Py_DECREF(value);
    return rc;
}

/* self[at] = item (item NULL: del), at within the list. 0 / -1. */
static int
assign(PyObject *self, Py_ssize_t at, PyObject *item)
{
    bool quiet = orm_coll_is_quiet(COLL(self), NULL);
    PyObject *key = quiet ? NULL : PyLong_FromSsize_t(at);
    PyObject *old = NULL;
    PyObject *value = NULL;
    int rc = !quiet && key == NULL ? -1 : 0;

    if (at < 0 || at >= PyList_GET_SIZE(self)) {
        PyErr_Format(PyExc_IndexError, "list assignment index out of range");
        rc = -1;
    }
    if (rc == 0 && !quiet) {
        old = Py_NewRef(PyList_GET_ITEM(self, at));
        if (item == NULL || old != Py_None) {
            rc = orm_coll_fire_remove(COLL(self), old, NULL, key);
        }
    }
    value = Py_XNewRef(item);
    if (rc == 0 && !quiet && value != NULL) {
        rc = orm_coll_fire_append(COLL(self), &value, NULL, key);
    }
    if (rc == 0) {
        rc = value == NULL ? PyList_SetSlice(self, at, at + 1, NULL)
                           : PyList_SetItem(self, at, Py_NewRef(value));
    }
    Py_XDECREF(value);
    Py_XDECREF(old);
    Py_XDECREF(key);
    return rc;
}

/* --- slices --------------------------------------------------------------------------------- */

static int
delete_slice(PyObject *self, PyObject *slice)
{
    PyObject *gone = PyList_Type.tp_as_mapping->mp_subscript(self, slice);
    int rc = gone == NULL ? -1 : 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(gone); i++) {
        rc = orm_coll_fire_remove(COLL(self), PyList_GET_ITEM(gone, i), NULL, NULL);
    }
    Py_XDECREF(gone);
    return rc < 0 ? -1 : PyList_Type.tp_as_mapping->mp_ass_subscript(self, slice, NULL);
}

/* self[start:stop] = values, step 1: removals, then insertions. 0 / -1. */
static int
assign_range(PyObject *self, Py_ssize_t start, Py_ssize_t stop, PyObject *values)
{
    int rc = 0;

    for (Py_ssize_t i = start; rc == 0 && i < stop; i++) {
        if (PyList_GET_SIZE(self) > start) {
            rc = assign(self, start, NULL);
        }
    }
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(values); i++) {
        rc = insert(self, start + i, PyList_GET_ITEM(values, i));
    }
    return rc;
}

static int
assign_slice(PyObject *self, PyObject *slice, PyObject *value)
{
    Py_ssize_t start, stop, step, n;
    PyObject *values = NULL;
    int rc = 0;

    if (PySlice_Unpack(slice, &start, &stop, &step) < 0) {
        return -1;
    }
    n = PySlice_AdjustIndices(PyList_GET_SIZE(self), &start, &stop, step);
    if (step == 1 && value == self) {
        return 0;
    }
    values = PySequence_List(value);
    if (values == NULL) {
        return -1;
    }
    if (step == 1) {
        rc = assign_range(self, start, stop < start ? start : stop, values);
    }
    else if (PyList_GET_SIZE(values) != n) {
        PyErr_Format(PyExc_ValueError,
                     "attempt to assign sequence of size %zd to extended slice of size %zd",
                     PyList_GET_SIZE(values), n);
        rc = -1;
    }
    for (Py_ssize_t i = 0; rc == 0 && step != 1 && i < n; i++) {
        rc = assign(self, start + i * step, PyList_GET_ITEM(values, i));
    }
    Py_DECREF(values);
    return rc;
}

static int
list_ass_subscript(PyObject *self, PyObject *index, PyObject *value)
{
    Py_ssize_t at;

    if (orm_coll_is_quiet(COLL(self), NULL)) {
        return PyList_Type.tp_as_mapping->mp_ass_subscript(self, index, value);
    }
    if (PySlice_Check(index)) {
        return value == NULL ? delete_slice(self, index) : assign_slice(self, index, value);
    }
    if (!PyIndex_Check(index)) {
        return PyList_Type.tp_as_mapping->mp_ass_subscript(self, index, value);
    }
    at = PyNumber_AsSsize_t(index, PyExc_IndexError);
    if (at == -1 && PyErr_Occurred()) {
        return -1;
    }
    return assign(self, at < 0 ? at + PyList_GET_SIZE(self) : at, value);
}

static int
list_ass_item(PyObject *self, Py_ssize_t at, PyObject *value)
{
    return orm_coll_is_quiet(COLL(self), NULL)
               ? PyList_Type.tp_as_sequence->sq_ass_item(self, at, value)
               : assign(self, at, value);
}

/* --- methods ---------------------------------------------------------------------------------- */

static PyObject *
none_or_error(int rc)
{
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
list_append(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("append", args, nargs, kwnames, 1, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(orm_ilist_append(SELF(self), args[0], initiator));
}

static PyObject *
list_remove(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *initiator = NULL;

    if (orm_parse_initiator("remove", args, nargs, kwnames, 1, &initiator) < 0) {
        return NULL;
    }
    return none_or_error(orm_ilist_remove(SELF(self), args[0], initiator));
}

static PyObject *
list_insert(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t at;

    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "insert expected 2 arguments, got %zd", nargs);
        return NULL;
    }
    at = PyNumber_AsSsize_t(args[0], NULL);
    if (at == -1 && PyErr_Occurred()) {
        return NULL;
    }
    return none_or_error(insert(self, at, args[1]));
}

/* Append every member of an iterable through the class's own append. 0 / -1. */
static int
extend(PyObject *self, PyObject *iterable)
{
    PyObject *values = PySequence_List(iterable);
    bool plain = Py_TYPE(self) == orm_state_from_type(Py_TYPE(self))->InstrumentedList;
    int rc = values == NULL ? -1 : 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(values); i++) {
        PyObject *value = PyList_GET_ITEM(values, i);
        if (plain) {
            rc = orm_ilist_append(SELF(self), value, NULL);
        }
        else {
            PyObject *done = PyObject_CallMethod(self, "append", "O", value);
            rc = done == NULL ? -1 : 0;
            Py_XDECREF(done);
        }
    }
    Py_XDECREF(values);
    return rc;
}

static PyObject *
list_extend(PyObject *self, PyObject *iterable)
{
    return none_or_error(extend(self, iterable));
}

static PyObject *
list_inplace_concat(PyObject *self, PyObject *other)
{
    return extend(self, other) < 0 ? NULL : Py_NewRef(self);
}

static PyObject *
list_pop(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t at = -1;
    PyObject *item = NULL;
    PyObject *key = NULL;
    int rc = 0;

    if (nargs > 1) {
        PyErr_Format(PyExc_TypeError, "pop expected at most 1 argument, got %zd", nargs);
        return NULL;
    }
    if (nargs == 1) {
        at = PyNumber_AsSsize_t(args[0], PyExc_IndexError);
        if (at == -1 && PyErr_Occurred()) {
            return NULL;
        }
    }
    key = nargs == 1 ? Py_NewRef(args[0]) : PyLong_FromLong(-1);
    if (key == NULL || orm_coll_before_pop(COLL(self), NULL) < 0) {
        Py_XDECREF(key);
        return NULL;
    }
    if (PyList_GET_SIZE(self) == 0) {
        PyErr_SetString(PyExc_IndexError, "pop from empty list");
        rc = -1;
    }
    at = at < 0 ? at + PyList_GET_SIZE(self) : at;
    if (rc == 0 && (at < 0 || at >= PyList_GET_SIZE(self))) {
        PyErr_SetString(PyExc_IndexError, "pop index out of range");
        rc = -1;
    }
    if (rc == 0) {
        item = Py_NewRef(PyList_GET_ITEM(self, at));
        rc = PyList_SetSlice(self, at, at + 1, NULL);
    }
    if (rc == 0 && !orm_coll_is_quiet(COLL(self), NULL)) {
        rc = orm_coll_fire_remove(COLL(self), item, NULL, key);
    }
    Py_DECREF(key);
    if (rc < 0) {
        Py_CLEAR(item);
    }
    return item;
}

static PyObject *
list_clear(PyObject *self, PyObject *Py_UNUSED(unused))
{
    for (Py_ssize_t i = 0; !orm_coll_is_quiet(COLL(self), NULL) && i < PyList_GET_SIZE(self); i++) {
        PyObject *item = Py_NewRef(PyList_GET_ITEM(self, i));
        int rc = orm_coll_fire_remove(COLL(self), item, NULL, NULL);
        Py_DECREF(item);
        if (rc < 0) {
            return NULL;
        }
    }
    return none_or_error(PyList_SetSlice(self, 0, PY_SSIZE_T_MAX, NULL));
}

static PyObject *
list_iterator(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyObject_GetIter(self);
}

static PyObject *
list_reduce(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    PyObject *items = PyObject_GetIter(self);
    PyObject *result = items == NULL ? NULL : orm_coll_reduce(self, items, false);

    Py_XDECREF(items);
    return result;
}

/* --- life ------------------------------------------------------------------------------------- */

static int
list_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(SELF(self)->dict);
    Py_VISIT(COLL(self)->lost);
    return PyList_Type.tp_traverse(self, visit, arg);
}

static int
list_clear_slots(PyObject *self)
{
    Py_CLEAR(SELF(self)->dict);
    Py_CLEAR(COLL(self)->lost);
    return PyList_Type.tp_clear(self);
}

static void
list_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    orm_coll_unlink(COLL(self));
    if (SELF(self)->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    Py_CLEAR(SELF(self)->dict);
    Py_CLEAR(COLL(self)->lost);
    PyList_Type.tp_dealloc(self);
    Py_DECREF(type);
}

static PyMethodDef list_methods[] = {
    {"append", ORM_METHOD(list_append), ORM_METH_KW,
     "append($self, item, _sa_initiator=None)\n--\n\nAdd a member at the end."},
    {"remove", ORM_METHOD(list_remove), ORM_METH_KW,
     "remove($self, item, _sa_initiator=None)\n--\n\nTake the first equal member out."},
    {"insert", ORM_METHOD(list_insert), METH_FASTCALL,
     "insert($self, index, item, /)\n--\n\nAdd a member before an index."},
    {"extend", list_extend, METH_O, "extend($self, iterable, /)\n--\n\nAdd members at the end."},
    {"pop", ORM_METHOD(list_pop), METH_FASTCALL,
     "pop($self, index=-1, /)\n--\n\nTake a member out and return it."},
    {"clear", list_clear, METH_NOARGS, "clear($self, /)\n--\n\nTake all members out."},
    {"_sa_appender", ORM_METHOD(list_append), ORM_METH_KW, NULL},
    {"_sa_remover", ORM_METHOD(list_remove), ORM_METH_KW, NULL},
    {"_sa_iterator", list_iterator, METH_NOARGS, NULL},
    {"__reduce_ex__", list_reduce, METH_O, NULL},
    {"__setstate__", orm_coll_setstate, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef list_members[] = {
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(orm_ilist, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_ilist, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot list_slots[] = {
    {Py_tp_doc, "A list that is the collection of a mapped instance's relationship."},
    {Py_tp_dealloc, list_dealloc},
    {Py_tp_traverse, list_traverse},
    {Py_tp_clear, list_clear_slots},
    {Py_mp_ass_subscript, list_ass_subscript},
    {Py_sq_ass_item, list_ass_item},
    {Py_sq_inplace_concat, list_inplace_concat},
    {Py_tp_methods, list_methods},
    {Py_tp_getset, orm_coll_getset},
    {Py_tp_members, list_members},
    {0, NULL},
};

PyType_Spec orm_ilist_spec = {
    .name = "pyorm._core.InstrumentedList",
    .basicsize = sizeof(orm_ilist),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = list_slots,
};
