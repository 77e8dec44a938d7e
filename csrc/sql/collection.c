/*
 * collection.c - ColumnCollection: the columns of a FROM element by key, in order.
 *
 * Place: `table.c`, `subquery.c`, `select.selected_columns`. Filled by its owner, read only
 *   for users (a Table under construction adds and removes).
 * Invariants: `keys[i]` is the key of `cols[i]`; `index` maps a key to the first column that
 *   has it. Two columns may share a key in a statement's collection, never in a table's.
 * Attributes: a method wins over a column of the same name, as everywhere in Python.
 * Ownership: owns its lists. Locking: the GIL.
 */
#include "sql_int.h"

typedef struct CollectionObject {
    PyObject_HEAD
    PyObject *keys;  /* list of str, owned */
    PyObject *cols;  /* list of column objects, owned */
    PyObject *index; /* dict: key -> column, owned */
} CollectionObject;

PyObject *
orm_collection_new(orm_state *st)
{
    PyTypeObject *tp = st->ColumnCollection;
    CollectionObject *self = (CollectionObject *)tp->tp_alloc(tp, 0);

    if (self == NULL) {
        return NULL;
    }
    self->keys = PyList_New(0);
    self->cols = PyList_New(0);
    self->index = PyDict_New();
    if (self->keys == NULL || self->cols == NULL || self->index == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

int
orm_collection_add(orm_state *st, PyObject *coll, PyObject *key, PyObject *column)
{
    CollectionObject *self = (CollectionObject *)coll;
    int has;

    (void)st;
    if (PyList_Append(self->keys, key) < 0 || PyList_Append(self->cols, column) < 0) {
        return -1;
    }
    has = PyDict_Contains(self->index, key);
    if (has < 0) {
        return -1;
    }
    return has ? 0 : PyDict_SetItem(self->index, key, column);
}

int
orm_collection_remove(PyObject *coll, PyObject *column)
{
    CollectionObject *self = (CollectionObject *)coll;
    Py_ssize_t i;

    for (i = 0; i < PyList_GET_SIZE(self->cols); i++) {
        if (PyList_GET_ITEM(self->cols, i) == column) {
            if (PyDict_DelItem(self->index, PyList_GET_ITEM(self->keys, i)) < 0
                || PySequence_DelItem(self->cols, i) < 0) {
                return -1;
            }
            return PySequence_DelItem(self->keys, i);
        }
    }
    return 0;
}

/* Like orm_collection_add; a column of the same key gives its place to the new one. */
int
orm_collection_put(orm_state *st, PyObject *coll, PyObject *key, PyObject *column)
{
    CollectionObject *self = (CollectionObject *)coll;
    PyObject *old = PyDict_GetItemWithError(self->index, key); /* borrow-ok: compared only */
    Py_ssize_t i;

    if (old == NULL) {
        return PyErr_Occurred() ? -1 : orm_collection_add(st, coll, key, column);
    }
    for (i = 0; i < PyList_GET_SIZE(self->cols); i++) {
        if (PyList_GET_ITEM(self->cols, i) == old) {
            if (PyDict_SetItem(self->index, key, column) < 0) {
                return -1;
            }
            return PyList_SetItem(self->cols, i, Py_NewRef(column));
        }
    }
    return 0;
}

Py_ssize_t
orm_collection_size(PyObject *coll)
{
    return PyList_GET_SIZE(((CollectionObject *)coll)->cols);
}

PyObject *
orm_collection_item(PyObject *coll, Py_ssize_t i)
{
    return PyList_GET_ITEM(((CollectionObject *)coll)->cols, i);
}

PyObject *
orm_collection_get(PyObject *coll, PyObject *key)
{
    return PyDict_GetItemWithError(((CollectionObject *)coll)->index, key); /* borrow-ok: doc */
}

/* ---- the type ---------------------------------------------------------------------------- */
static PyObject *
collection_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_state_from_type(type);
    PyObject *source = NULL;
    PyObject *self = NULL;
    PyObject *fast = NULL;
    Py_ssize_t i;

    if (st == NULL || !PyArg_UnpackTuple(args, "ColumnCollection", 0, 1, &source)) {
        return NULL;
    }
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        if (PyDict_GetItemStringRef(kwargs, "columns", &source) < 0) {
            return NULL;
        }
        Py_XDECREF(source); /* borrow-ok: owned by kwargs */
    }
    self = orm_collection_new(st);
    if (self == NULL || source == NULL || source == Py_None) {
        return self;
    }
    fast = PySequence_Fast(source, "ColumnCollection() expects (key, column) pairs");
    if (fast == NULL) {
        goto error;
    }
    for (i = 0; i < PySequence_Fast_GET_SIZE(fast); i++) {
        PyObject *pair = PySequence_Fast_GET_ITEM(fast, i);

        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
            PyErr_SetString(PyExc_TypeError, "ColumnCollection() expects (key, column) pairs");
            goto error;
        }
        if (orm_collection_add(st, self, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1))
            < 0) {
            goto error;
        }
    }
    Py_DECREF(fast);
    return self;
error:
    Py_XDECREF(fast);
    Py_DECREF(self);
    return NULL;
}

static int
collection_traverse(PyObject *o, visitproc visit, void *arg)
{
    CollectionObject *self = (CollectionObject *)o;

    Py_VISIT(Py_TYPE(o));
    Py_VISIT(self->keys);
    Py_VISIT(self->cols);
    Py_VISIT(self->index);
    return 0;
}

/* The lists stay, emptied: a finalizer may still iterate. */
static int
collection_clear(PyObject *o)
{
    CollectionObject *self = (CollectionObject *)o;

    if (self->index != NULL) {
        PyDict_Clear(self->index);
    }
    if (self->cols != NULL) {
        (void)PyList_SetSlice(self->cols, 0, PyList_GET_SIZE(self->cols), NULL);
    }
    if (self->keys != NULL) {
        (void)PyList_SetSlice(self->keys, 0, PyList_GET_SIZE(self->keys), NULL);
    }
    return 0;
}

static void
collection_dealloc(PyObject *o)
{
    CollectionObject *self = (CollectionObject *)o;
    PyTypeObject *tp = Py_TYPE(o);

    PyObject_GC_UnTrack(o);
    Py_CLEAR(self->keys);
    Py_CLEAR(self->cols);
    Py_CLEAR(self->index);
    tp->tp_free(o);
    Py_DECREF(tp);
}

static PyObject *
collection_getattro(PyObject *o, PyObject *name)
{
    PyObject *found = NULL;

    if (_PyType_Lookup(Py_TYPE(o), name) == NULL) {
        found = orm_collection_get(o, name);
        if (found != NULL || PyErr_Occurred()) {
            return Py_XNewRef(found);
        }
        if (PyUnicode_READ_CHAR(name, 0) != '_') {
            PyErr_Format(PyExc_AttributeError,
                         "No column %R here; the keys are: %R", name,
                         ((CollectionObject *)o)->keys);
            return NULL;
        }
    }
    return PyObject_GenericGetAttr(o, name);
}

static Py_ssize_t
collection_length(PyObject *o)
{
    return orm_collection_size(o);
}

static PyObject *
collection_subset(PyObject *o, PyObject *which)
{
    CollectionObject *self = (CollectionObject *)o;
    orm_state *st = orm_state_from_type(Py_TYPE(o));
    PyObject *out = st == NULL ? NULL : orm_collection_new(st);
    PyObject *keys = PyObject_GetItem(self->keys, which);
    PyObject *cols = PyObject_GetItem(self->cols, which);
    Py_ssize_t i;

    for (i = 0; out != NULL && keys != NULL && cols != NULL && i < PyList_GET_SIZE(keys); i++) {
        if (orm_collection_add(st, out, PyList_GET_ITEM(keys, i), PyList_GET_ITEM(cols, i)) < 0) {
            Py_CLEAR(out);
        }
    }
    if (keys == NULL || cols == NULL) {
        Py_CLEAR(out);
    }
    Py_XDECREF(keys);
    Py_XDECREF(cols);
    return out;
}

static PyObject *
collection_subscript(PyObject *o, PyObject *key)
{
    CollectionObject *self = (CollectionObject *)o;
    PyObject *found = NULL;

    if (PySlice_Check(key)) {
        return collection_subset(o, key);
    }
    if (PyIndex_Check(key)) {
        return PyObject_GetItem(self->cols, key);
    }
    if (PyTuple_Check(key)) {
        orm_state *st = orm_state_from_type(Py_TYPE(o));
        PyObject *out = st == NULL ? NULL : orm_collection_new(st);
        Py_ssize_t i;

        for (i = 0; out != NULL && i < PyTuple_GET_SIZE(key); i++) {
            PyObject *k = PyTuple_GET_ITEM(key, i);
            PyObject *c = collection_subscript(o, k);
            PyObject *name = c == NULL ? NULL : PyObject_GetAttr(c, st->s_key);

            if (name == NULL || orm_collection_add(st, out, name, c) < 0) {
                Py_CLEAR(out);
            }
            Py_XDECREF(name);
            Py_XDECREF(c);
        }
        return out;
    }
    found = orm_collection_get(o, key);
    if (found == NULL && !PyErr_Occurred()) {
        PyErr_SetObject(PyExc_KeyError, key);
    }
    return Py_XNewRef(found);
}

static int
collection_contains(PyObject *o, PyObject *key)
{
    if (!PyUnicode_Check(key)) {
        orm_state *st = orm_state_from_type(Py_TYPE(o));

        return st == NULL ? -1
                          : orm_raise_exc(st, ORM_EXC_ArgumentError,
                                          "__contains__ requires a string argument; use "
                                          "contains_column() for a column object");
    }
    return PyDict_Contains(((CollectionObject *)o)->index, key);
}

static PyObject *
collection_iter(PyObject *o)
{
    return PyObject_GetIter(((CollectionObject *)o)->cols);
}

static PyObject *
collection_keys(PyObject *o, PyObject *none)
{
    (void)none;
    return PySequence_List(((CollectionObject *)o)->keys);
}

static PyObject *
collection_values(PyObject *o, PyObject *none)
{
    (void)none;
    return PySequence_List(((CollectionObject *)o)->cols);
}

static PyObject *
collection_items(PyObject *o, PyObject *none)
{
    CollectionObject *self = (CollectionObject *)o;
    PyObject *out = PyList_New(PyList_GET_SIZE(self->cols));
    Py_ssize_t i;

    (void)none;
    for (i = 0; out != NULL && i < PyList_GET_SIZE(self->cols); i++) {
        PyObject *pair =
            PyTuple_Pack(2, PyList_GET_ITEM(self->keys, i), PyList_GET_ITEM(self->cols, i));

        if (pair == NULL) {
            Py_CLEAR(out);
            break;
        }
        PyList_SET_ITEM(out, i, pair);
    }
    return out;
}

static PyObject *
collection_get(PyObject *o, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *found = NULL;

    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "get() takes a key and an optional default");
        return NULL;
    }
    found = orm_collection_get(o, args[0]);
    if (found == NULL && PyErr_Occurred()) {
        return NULL;
    }
    return Py_NewRef(found != NULL ? found : nargs == 2 ? args[1] : Py_None);
}

static PyObject *
collection_contains_column(PyObject *o, PyObject *column)
{
    CollectionObject *self = (CollectionObject *)o;
    Py_ssize_t i;

    if (PyUnicode_Check(column)) {
        orm_state *st = orm_state_from_type(Py_TYPE(o));

        if (st != NULL) {
            orm_raise_exc(st, ORM_EXC_ArgumentError,
                          "contains_column cannot be used with string arguments. Use "
                          "``col_name in table.c`` instead.");
        }
        return NULL;
    }
    for (i = 0; i < PyList_GET_SIZE(self->cols); i++) {
        if (PyList_GET_ITEM(self->cols, i) == column) {
            Py_RETURN_TRUE;
        }
    }
    Py_RETURN_FALSE;
}

static PyObject *
collection_corresponding(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "corresponding_column",
                                       .names = {"column", "require_embedded"},
                                       .count = 2,
                                       .npositional = 2,
                                       .nrequired = 1};
    PyObject *out[2];
    PyObject *found = NULL;
    orm_state *st = orm_state_from_type(Py_TYPE(o));

    if (st == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    if (orm_collection_corresponding(st, o, out[0], &found) < 0) {
        return NULL;
    }
    return found == NULL ? Py_NewRef(Py_None) : found;
}

static PyObject *
collection_self(PyObject *o, PyObject *none)
{
    (void)none;
    return Py_NewRef(o);
}

static PyObject *
collection_repr(PyObject *o)
{
    return PyUnicode_FromFormat("ColumnCollection(%R)", ((CollectionObject *)o)->keys);
}

/* Equal when the same columns stand in the same order; == of a column is an expression. */
static PyObject *
collection_compare(PyObject *a, PyObject *b, int op)
{
    Py_ssize_t i;
    int same;

    if ((op != Py_EQ && op != Py_NE) || Py_TYPE(b) != Py_TYPE(a)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    same = orm_collection_size(a) == orm_collection_size(b);
    for (i = 0; same && i < orm_collection_size(a); i++) {
        same = orm_collection_item(a, i) == orm_collection_item(b, i);
    }
    return PyBool_FromLong(same == (op == Py_EQ));
}

PyDoc_STRVAR(collection_doc,
             "ColumnCollection(columns=None)\n--\n\n"
             "The columns of a FROM element, by attribute, key and position, in order.");

static PyMethodDef collection_methods[] = {
    {"keys", collection_keys, METH_NOARGS, "keys($self)\n--\n\nThe keys, in order."},
    {"values", collection_values, METH_NOARGS, "values($self)\n--\n\nThe columns, in order."},
    {"items", collection_items, METH_NOARGS, "items($self)\n--\n\nPairs (key, column), in order."},
    {"get", ORM_METHOD(collection_get), METH_FASTCALL,
     "get($self, key, default=None, /)\n--\n\nThe column of a key, or the default."},
    {"contains_column", collection_contains_column, METH_O,
     "contains_column($self, column)\n--\n\nTrue if this very column object is here."},
    {"corresponding_column", ORM_METHOD(collection_corresponding), ORM_METH_KW,
     "corresponding_column($self, column, require_embedded=False)\n--\n\n"
     "The column here that stands for the given one, or None."},
    {"as_readonly", collection_self, METH_NOARGS, "as_readonly($self)\n--\n\nThis collection."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot collection_slots[] = {
    {Py_tp_doc, (void *)collection_doc},
    {Py_tp_new, collection_new},
    {Py_tp_dealloc, collection_dealloc},
    {Py_tp_traverse, collection_traverse},
    {Py_tp_clear, collection_clear},
    {Py_tp_getattro, collection_getattro},
    {Py_tp_iter, collection_iter},
    {Py_tp_repr, collection_repr},
    {Py_tp_richcompare, collection_compare},
    {Py_tp_hash, _Py_HashPointer},
    {Py_tp_methods, collection_methods},
    {Py_mp_length, collection_length},
    {Py_mp_subscript, collection_subscript},
    {Py_sq_contains, collection_contains},
    {0, NULL},
};

static PyType_Spec collection_spec = {
    .name = "pyorm._core.ColumnCollection",
    .basicsize = sizeof(CollectionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = collection_slots,
};

int
orm_collection_setup(PyObject *module, orm_state *st)
{
    return orm_type_add(module, st, &collection_spec, NULL, &st->ColumnCollection);
}
