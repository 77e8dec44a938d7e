/*
 * rowmap_type.c - RowMapping: a row as a read-only mapping; RMKeyView: a result's keys.
 *
 * Place: made by `row._mapping` and by Result.mappings(). Keys are names, or the objects
 *   that were selected (Column, label, mapped attribute).
 * pyorm.engine registers RowMapping as a collections.abc.Mapping and RMKeyView as a KeysView.
 */
#include "row_int.h"

/* ---- RMKeyView ---- */

PyObject *
orm_rowkeys_new(orm_state *st, orm_shape *shape)
{
    RowKeysObject *view = PyObject_GC_New(RowKeysObject, st->RowKeys);

    if (view != NULL) {
        view->shape = (orm_shape *)Py_NewRef(shape);
        PyObject_GC_Track(view);
    }
    return (PyObject *)view;
}

static int
keys_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((RowKeysObject *)self)->shape);
    return 0;
}

static void
keys_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_XDECREF(((RowKeysObject *)self)->shape);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
keys_tuple(PyObject *self)
{
    return ((RowKeysObject *)self)->shape->names->keys;
}

static Py_ssize_t
keys_length(PyObject *self)
{
    return PyTuple_GET_SIZE(keys_tuple(self));
}

static PyObject *
keys_item(PyObject *self, Py_ssize_t i)
{
    return PySequence_GetItem(keys_tuple(self), i);
}

static PyObject *
keys_iter(PyObject *self)
{
    return PyObject_GetIter(keys_tuple(self));
}

static int
keys_contains(PyObject *self, PyObject *key)
{
    int32_t at = PyLong_Check(key) ? ORM_AT_MISSING
                                   : orm_shape_find(((RowKeysObject *)self)->shape, key);

    return at == ORM_AT_ERROR ? -1 : at != ORM_AT_MISSING;
}

static PyObject *
keys_repr(PyObject *self)
{
    PyObject *list = PySequence_List(keys_tuple(self));
    PyObject *repr = list == NULL ? NULL : PyUnicode_FromFormat("RMKeyView(%R)", list);

    Py_XDECREF(list);
    return repr;
}

/* Equal to another view by order, to any other collection as a set of names. */
static PyObject *
keys_richcompare(PyObject *self, PyObject *other, int op)
{
    PyObject *mine = NULL;
    PyObject *theirs = NULL;
    PyObject *result = NULL;

    if (op != Py_EQ && op != Py_NE) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    if (Py_TYPE(other) == Py_TYPE(self)) {
        return PyObject_RichCompare(keys_tuple(self), keys_tuple(other), op);
    }
    if (PyList_Check(other) || PyTuple_Check(other)) {
        theirs = PySequence_Tuple(other);
        result = theirs == NULL ? NULL : PyObject_RichCompare(keys_tuple(self), theirs, op);
        Py_XDECREF(theirs);
        return result;
    }
    if (!PyAnySet_Check(other) && !PyDictKeys_Check(other)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    mine = PySet_New(keys_tuple(self));
    theirs = PySet_New(other);
    if (mine != NULL && theirs != NULL) {
        result = PyObject_RichCompare(mine, theirs, op);
    }
    Py_XDECREF(mine);
    Py_XDECREF(theirs);
    return result;
}

/* `op` with both sides as sets: the other one may be any iterable, as for the keys of a dict. */
static PyObject *
keys_as_sets(PyObject *left, PyObject *right, binaryfunc op)
{
    PyObject *a = PySet_New(left);
    PyObject *b = a == NULL ? NULL : PySet_New(right);
    PyObject *result = b == NULL ? NULL : op(a, b);

    Py_XDECREF(a);
    Py_XDECREF(b);
    return result;
}

static PyObject *
keys_or(PyObject *left, PyObject *right)
{
    return keys_as_sets(left, right, PyNumber_Or);
}

static PyObject *
keys_and(PyObject *left, PyObject *right)
{
    return keys_as_sets(left, right, PyNumber_And);
}

static PyObject *
keys_subtract(PyObject *left, PyObject *right)
{
    return keys_as_sets(left, right, PyNumber_Subtract);
}

static PyObject *
keys_xor(PyObject *left, PyObject *right)
{
    return keys_as_sets(left, right, PyNumber_Xor);
}

static PyType_Slot keys_slots[] = {
    {Py_tp_doc, (void *)"The names of a result's columns, in order."},
    {Py_tp_traverse, keys_traverse},
    {Py_tp_dealloc, keys_dealloc},
    {Py_tp_iter, keys_iter},
    {Py_tp_repr, keys_repr},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, keys_richcompare},
    {Py_sq_length, keys_length},
    {Py_sq_item, keys_item},
    {Py_sq_contains, keys_contains},
    {Py_nb_or, keys_or},
    {Py_nb_and, keys_and},
    {Py_nb_subtract, keys_subtract},
    {Py_nb_xor, keys_xor},
    {0, NULL},
};

static PyType_Spec keys_spec = {
    .name = "pyorm._core.RMKeyView",
    .basicsize = sizeof(RowKeysObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = keys_slots,
};

/* ---- RowMapping ---- */

PyObject *
orm_rowmap_new(orm_state *st, PyObject *row)
{
    RowMappingObject *mapping = PyObject_GC_New(RowMappingObject, st->RowMapping);

    if (mapping != NULL) {
        mapping->row = Py_NewRef(row);
        PyObject_GC_Track(mapping);
    }
    return (PyObject *)mapping;
}

static int
mapping_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((RowMappingObject *)self)->row);
    return 0;
}

static void
mapping_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_XDECREF(((RowMappingObject *)self)->row);
    type->tp_free(self);
    Py_DECREF(type);
}

static orm_shape *
mapping_shape(PyObject *self)
{
    return orm_row_shape(((RowMappingObject *)self)->row);
}

static Py_ssize_t
mapping_length(PyObject *self)
{
    return Py_SIZE(((RowMappingObject *)self)->row);
}

/* A position is not a key of a mapping. */
static int32_t
mapping_find(PyObject *self, PyObject *key)
{
    orm_shape *shape = mapping_shape(self);

    return shape == NULL || PyLong_Check(key) ? ORM_AT_MISSING : orm_shape_find(shape, key);
}

static PyObject *
mapping_subscript(PyObject *self, PyObject *key)
{
    int32_t at = mapping_find(self, key);

    if (at < 0) {
        orm_state *st = orm_state_from_type(Py_TYPE(self));

        if (st != NULL) {
            orm_shape_complain(st, key, at);
        }
        return NULL;
    }
    return Py_NewRef(PyTuple_GET_ITEM(((RowMappingObject *)self)->row, at));
}

static int
mapping_contains(PyObject *self, PyObject *key)
{
    int32_t at = mapping_find(self, key);

    return at == ORM_AT_ERROR ? -1 : at >= 0;
}

static PyObject *
mapping_keys(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    orm_shape *shape = mapping_shape(self);

    return shape == NULL ? PyTuple_New(0) : orm_rowkeys_new(shape->st, shape);
}

static PyObject *
mapping_iter(PyObject *self)
{
    PyObject *keys = mapping_keys(self, NULL);
    PyObject *iter = keys == NULL ? NULL : PyObject_GetIter(keys);

    Py_XDECREF(keys);
    return iter;
}

static PyObject *
mapping_values(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PySequence_List(((RowMappingObject *)self)->row);
}

static PyObject *
mapping_items(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *row = ((RowMappingObject *)self)->row;
    orm_shape *shape = orm_row_shape(row);
    PyObject *list = PyList_New(0);

    for (Py_ssize_t i = 0; list != NULL && shape != NULL && i < Py_SIZE(row); i++) {
        PyObject *pair = PyTuple_Pack(2, PyTuple_GET_ITEM(shape->names->keys, i),
                                      PyTuple_GET_ITEM(row, i));

        if (pair == NULL || PyList_Append(list, pair) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(pair);
    }
    return list;
}

static PyObject *
mapping_get(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    int32_t at;

    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "get() takes one or two arguments");
        return NULL;
    }
    at = mapping_find(self, args[0]);
    if (at >= 0) {
        return Py_NewRef(PyTuple_GET_ITEM(((RowMappingObject *)self)->row, at));
    }
    if (at != ORM_AT_MISSING) {
        return mapping_subscript(self, args[0]); /* raises what there is to raise */
    }
    return Py_NewRef(nargs == 2 ? args[1] : Py_None);
}

static PyObject *
mapping_dict(PyObject *self)
{
    PyObject *row = ((RowMappingObject *)self)->row;
    orm_shape *shape = orm_row_shape(row);
    PyObject *dict = PyDict_New();

    for (Py_ssize_t i = 0; dict != NULL && shape != NULL && i < Py_SIZE(row); i++) {
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(shape->names->keys, i),
                           PyTuple_GET_ITEM(row, i)) < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyObject *
mapping_repr(PyObject *self)
{
    PyObject *dict = mapping_dict(self);
    PyObject *repr = dict == NULL ? NULL : PyObject_Repr(dict);

    Py_XDECREF(dict);
    return repr;
}

static PyObject *
mapping_richcompare(PyObject *self, PyObject *other, int op)
{
    PyObject *mine = NULL;
    PyObject *theirs = NULL;
    PyObject *result = NULL;

    if ((op != Py_EQ && op != Py_NE)
        || (Py_TYPE(other) != Py_TYPE(self) && !PyDict_Check(other))) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    mine = mapping_dict(self);
    theirs = PyDict_Check(other) ? Py_NewRef(other) : mapping_dict(other);
    if (mine != NULL && theirs != NULL) {
        result = PyObject_RichCompare(mine, theirs, op);
    }
    Py_XDECREF(mine);
    Py_XDECREF(theirs);
    return result;
}

static PyObject *
mapping_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_BuildValue("O(O)", Py_TYPE(self), ((RowMappingObject *)self)->row);
}

/* RowMapping(row): for unpickling. */
static PyObject *
mapping_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    orm_state *st = orm_state_from_type(type);
    PyObject *row = NULL;

    if (st == NULL || !PyArg_ParseTuple(args, "O!:RowMapping", st->Row, &row)) {
        return NULL;
    }
    return orm_rowmap_new(st, row);
}

PyDoc_STRVAR(get_doc, "get($self, key, default=None, /)\n--\n\n"
                      "The value of a name or column, or the default.");

static PyMethodDef mapping_methods[] = {
    {"keys", mapping_keys, METH_NOARGS, "keys($self)\n--\n\nThe names, in order."},
    {"values", mapping_values, METH_NOARGS, "values($self)\n--\n\nThe values, in order."},
    {"items", mapping_items, METH_NOARGS, "items($self)\n--\n\nPairs of name and value."},
    {"get", ORM_METHOD(mapping_get), METH_FASTCALL, get_doc},
    {"__reduce__", mapping_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot mapping_slots[] = {
    {Py_tp_doc, (void *)"RowMapping(row, /)\n--\n\nA row as a read-only mapping."},
    {Py_tp_new, mapping_new},
    {Py_tp_traverse, mapping_traverse},
    {Py_tp_dealloc, mapping_dealloc},
    {Py_tp_iter, mapping_iter},
    {Py_tp_repr, mapping_repr},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, mapping_richcompare},
    {Py_mp_length, mapping_length},
    {Py_mp_subscript, mapping_subscript},
    {Py_sq_contains, mapping_contains},
    {Py_tp_methods, mapping_methods},
    {0, NULL},
};

static PyType_Spec mapping_spec = {
    .name = "pyorm._core.RowMapping",
    .basicsize = sizeof(RowMappingObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = mapping_slots,
};

int
orm_rowmap_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &keys_spec, NULL, &st->RowKeys) < 0
        || orm_type_set_module(st->RowKeys, "pyorm.engine") < 0
        || orm_type_add(module, st, &mapping_spec, NULL, &st->RowMapping) < 0
        || orm_type_set_module(st->RowMapping, "pyorm.engine") < 0) {
        return -1;
    }
    return 0;
}
