/*
 * row_type.c - Row: one row of a result, a tuple with names.
 *
 * Place: made by the decoding loop (rows.c) and by orm/'s loader; read by users.
 * Layout: a subclass of tuple whose item array has one cell more than Py_SIZE says: the
 *   row's shape, owned, or NULL for a Row made from a plain sequence. So everything that
 *   takes a tuple takes a Row, and a row costs eight bytes more than one.
 * Invariants: allocation, traversal, `__sizeof__` and pickling are our own, since tuple's
 *   would miss the cell; tuple's other slots never look behind Py_SIZE.
 * Collector: a row is tracked if and only if an item is a GC object, decided once.
 */
#include "row_int.h"

static PyObject *
row_alloc(PyTypeObject *type, Py_ssize_t n)
{
    PyTupleObject *row = PyObject_GC_NewVar(PyTupleObject, type, n + 1);

    if (row == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i <= n; i++) {
        row->ob_item[i] = NULL;
    }
    Py_SET_SIZE(row, n);
#if PY_VERSION_HEX >= 0x030E0000
    row->ob_hash = -1;
#endif
    return (PyObject *)row;
}

PyObject *
orm_row_new(PyObject *shape, Py_ssize_t n)
{
    orm_shape *s = (orm_shape *)shape;
    PyObject *row = row_alloc(s->st->Row, n);

    if (row != NULL) {
        *orm_row_cell(row) = Py_NewRef(shape);
    }
    return row;
}

void
orm_row_done(PyObject *row)
{
    Py_ssize_t n = Py_SIZE(row);

    for (Py_ssize_t i = 0; i < n; i++) {
        if (PyObject_IS_GC(PyTuple_GET_ITEM(row, i))) {
            PyObject_GC_Track(row);
            return;
        }
    }
}

/* Row(sequence): without names. */
static PyObject *
row_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *sequence = NULL;
    PyObject *items = NULL;
    PyObject *row = NULL;

    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "Row() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_UnpackTuple(args, "Row", 0, 1, &sequence)) {
        return NULL;
    }
    items = sequence == NULL ? PyTuple_New(0) : PySequence_Tuple(sequence);
    if (items == NULL) {
        return NULL;
    }
    row = row_alloc(type, PyTuple_GET_SIZE(items));
    if (row != NULL) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); i++) {
            PyTuple_SET_ITEM(row, i, Py_NewRef(PyTuple_GET_ITEM(items, i)));
        }
        orm_row_done(row);
    }
    Py_DECREF(items);
    return row;
}

static void
row_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyTupleObject *row = (PyTupleObject *)self;

    PyObject_GC_UnTrack(self);
    for (Py_ssize_t i = 0, n = Py_SIZE(self); i <= n; i++) {
        Py_XDECREF(row->ob_item[i]);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static int
row_traverse(PyObject *self, visitproc visit, void *arg)
{
    PyTupleObject *row = (PyTupleObject *)self;

    Py_VISIT(Py_TYPE(self));
    for (Py_ssize_t i = 0, n = Py_SIZE(self); i <= n; i++) {
        Py_VISIT(row->ob_item[i]);
    }
    return 0;
}

static PyObject *
row_getattro(PyObject *self, PyObject *name)
{
    orm_shape *shape = orm_row_shape(self);
    PyObject *found = NULL;
    int32_t at;

    if (shape == NULL) {
        return PyObject_GenericGetAttr(self, name);
    }
    /* fast path: same answer as below; the table has no name that the class defines. */
    at = orm_names_quick(shape->names, name);
    if (at >= 0) {
        return Py_NewRef(PyTuple_GET_ITEM(self, at));
    }
    found = PyObject_GenericGetAttr(self, name);
    if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return found;
    }
    PyErr_Clear();
    at = orm_names_find(shape->names, name);
    if (at >= 0) {
        return Py_NewRef(PyTuple_GET_ITEM(self, at));
    }
    if (at == ORM_AT_MISSING) {
        PyErr_Format(PyExc_AttributeError, "Could not locate column in row for column %R", name);
    }
    else if (at == ORM_AT_AMBIGUOUS) {
        (void)orm_shape_complain(shape->st, name, at);
    }
    return NULL;
}

static int
row_setattro(PyObject *Py_UNUSED(self), PyObject *name, PyObject *Py_UNUSED(value))
{
    PyErr_Format(PyExc_AttributeError, "can't set attribute %R: a Row is immutable", name);
    return -1;
}

static PyObject *
row_tuple(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyTuple_GetSlice(self, 0, Py_SIZE(self));
}

static PyObject *
row_keys(PyObject *self, void *Py_UNUSED(closure))
{
    orm_shape *shape = orm_row_shape(self);

    return shape == NULL ? PyTuple_New(0) : Py_NewRef(shape->names->keys);
}

static PyObject *
row_asdict(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    orm_shape *shape = orm_row_shape(self);
    PyObject *dict = PyDict_New();

    if (dict == NULL || shape == NULL) {
        return dict;
    }
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        PyObject *key = PyTuple_GET_ITEM(shape->names->keys, i); /* borrow-ok: shape owns it */

        if (PyDict_SetItem(dict, key, PyTuple_GET_ITEM(self, i)) < 0) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return dict;
}

static PyObject *
row_mapping(PyObject *self, void *Py_UNUSED(closure))
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));

    return st == NULL ? NULL : orm_rowmap_new(st, self);
}

static PyObject *
row_key_to_index(PyObject *self, void *Py_UNUSED(closure))
{
    orm_shape *shape = orm_row_shape(self);

    return shape == NULL ? PyDict_New() : PyDict_Copy(shape->names->index);
}

/* (rebuild, (names, values)): a shape's objects are not pickled, names are enough. */
static PyObject *
row_reduce(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *rebuild = NULL;
    PyObject *names = NULL;
    PyObject *values = NULL;
    PyObject *result = NULL;

    if (st == NULL) {
        return NULL;
    }
    rebuild = PyObject_GetAttrString(st->module, "_rebuild_row");
    names = orm_row_shape(self) == NULL ? Py_NewRef(Py_None) : row_keys(self, NULL);
    values = row_tuple(self, NULL);
    if (rebuild != NULL && names != NULL && values != NULL) {
        result = Py_BuildValue("O(OO)", rebuild, names, values);
    }
    Py_XDECREF(rebuild);
    Py_XDECREF(names);
    Py_XDECREF(values);
    return result;
}

static PyObject *
row_reduce_ex(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    return row_reduce(self, NULL);
}

/* _rebuild_row(names, values): unpickle. */
static PyObject *
rebuild_row(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *names = NULL;
    PyObject *values = NULL;
    PyObject *shape = NULL;
    PyObject *row = NULL;

    if (!PyArg_ParseTuple(args, "OO!:_rebuild_row", &names, &PyTuple_Type, &values)) {
        return NULL;
    }
    if (names == Py_None) {
        return PyObject_CallOneArg((PyObject *)st->Row, values);
    }
    if (!PyTuple_Check(names) || PyTuple_GET_SIZE(names) != PyTuple_GET_SIZE(values)) {
        PyErr_SetString(PyExc_TypeError, "_rebuild_row: names and values do not match");
        return NULL;
    }
    shape = orm_shape_new(st, names, NULL);
    if (shape == NULL) {
        return NULL;
    }
    row = orm_row_new(shape, PyTuple_GET_SIZE(values));
    if (row != NULL) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(values); i++) {
            PyTuple_SET_ITEM(row, i, Py_NewRef(PyTuple_GET_ITEM(values, i)));
        }
        orm_row_done(row);
    }
    Py_DECREF(shape);
    return row;
}

static PyObject *
row_sizeof(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    size_t items = ((size_t)Py_SIZE(self) + 1) * sizeof(PyObject *);

    return PyLong_FromSize_t(offsetof(PyTupleObject, ob_item) + items);
}

static PyObject *
row_getnewargs(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyErr_Format(PyExc_AttributeError, "'%.100s' object has no attribute '__getnewargs__'",
                 Py_TYPE(self)->tp_name);
    return NULL;
}

PyDoc_STRVAR(asdict_doc, "_asdict($self)\n--\n\nThe values by name, as a new dict.");
PyDoc_STRVAR(tuple_doc, "_tuple($self)\n--\n\nThe values as an exact tuple.");

static PyMethodDef row_methods[] = {
    {"_asdict", row_asdict, METH_NOARGS, asdict_doc},
    {"_tuple", row_tuple, METH_NOARGS, tuple_doc},
    {"tuple", row_tuple, METH_NOARGS, tuple_doc},
    {"__reduce__", row_reduce, METH_NOARGS, NULL},
    {"__reduce_ex__", row_reduce_ex, METH_O, NULL},
    {"__getnewargs__", row_getnewargs, METH_NOARGS, NULL},
    {"__sizeof__", row_sizeof, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
row_get_tuple(PyObject *self, void *Py_UNUSED(closure))
{
    return row_tuple(self, NULL);
}

static PyGetSetDef row_getset[] = {
    {"_fields", row_keys, NULL, "The names of the row's columns, in order.", NULL},
    {"_mapping", row_mapping, NULL, "The row as a mapping by name or by column.", NULL},
    {"_key_to_index", row_key_to_index, NULL, NULL, NULL},
    {"_t", row_get_tuple, NULL, "The values as an exact tuple.", NULL},
    {"t", row_get_tuple, NULL, "The values as an exact tuple.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(row_doc, "Row(values=(), /)\n--\n\n"
                      "One row of a result: a tuple whose values also answer to names.");

static PyType_Slot row_slots[] = {
    {Py_tp_doc, (void *)row_doc},
    {Py_tp_new, row_new},
    {Py_tp_dealloc, row_dealloc},
    {Py_tp_traverse, row_traverse},
    {Py_tp_getattro, row_getattro},
    {Py_tp_setattro, row_setattro},
    {Py_tp_methods, row_methods},
    {Py_tp_getset, row_getset},
    {0, NULL},
};

static PyType_Spec row_spec = {
    .name = "pyorm._core.Row",
    .basicsize = 0, /* tuple's */
    .itemsize = 0,
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = row_slots,
};

static PyMethodDef module_functions[] = {
    {"_rebuild_row", rebuild_row, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int
orm_row_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &row_spec, &PyTuple_Type, &st->Row) < 0
        || orm_type_set_module(st->Row, "pyorm.engine") < 0
        || PyModule_AddFunctions(module, module_functions) < 0) {
        return -1;
    }
    return 0;
}
