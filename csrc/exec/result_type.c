/*
 * result_type.c - Result, ScalarResult, MappingResult, TupleResult: the types and their life.
 *
 * Place: orm/ makes Results over its loader (orm_result_object), cursor_result.c over a
 *   running statement, pyorm.engine over any iterable. What the methods do: result_methods.c.
 * Collector: a Result reaches its source's objects; its source never reaches the Result, so
 *   reading a Result makes no cycle.
 */
#include "result_int.h"

ResultObject *
orm_result_alloc(orm_state *st, PyTypeObject *type, orm_shape *shape)
{
    ResultObject *r = (ResultObject *)type->tp_alloc(type, 0);

    if (r != NULL) {
        r->head.st = st;
        r->head.view.shape = (orm_shape *)Py_XNewRef(shape);
        r->head.real = r;
        r->shape = (orm_shape *)Py_XNewRef(shape);
        r->ncols = shape == NULL ? 0 : PyTuple_GET_SIZE(shape->names->keys);
        r->rowcount = -1;
    }
    return r;
}

PyObject *
orm_result_object(orm_state *st, const orm_source *source, void *self, PyObject *shape,
                  const uint8_t *by_identity, Py_ssize_t yield_per, int flags)
{
    PyTypeObject *type = flags & ORM_RESULT_ORM ? st->ChunkedIteratorResult : st->Result;
    ResultObject *r = orm_result_alloc(st, type, (orm_shape *)shape);

    if (r == NULL) {
        return NULL;
    }
    if (by_identity != NULL) {
        r->by_identity = PyMem_Malloc((size_t)r->ncols + 1);
        if (r->by_identity == NULL) {
            Py_DECREF(r);
            PyErr_NoMemory();
            return NULL;
        }
        memcpy(r->by_identity, by_identity, (size_t)r->ncols);
    }
    r->source = source;
    r->self = self;
    r->yield_per = r->ahead = yield_per;
    r->flags = flags;
    return (PyObject *)r;
}

static int
result_traverse(PyObject *self, visitproc visit, void *arg)
{
    ResultObject *r = (ResultObject *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(r->shape);
    Py_VISIT(r->buffer);
    Py_VISIT(r->context);
    Py_VISIT(r->attributes);
    if (r->source != NULL && r->source->traverse != NULL) {
        int rc = r->source->traverse(r->self, visit, arg);

        if (rc != 0) {
            return rc;
        }
    }
    return orm_view_traverse(&r->head.view, visit, arg);
}

static int
result_clear(PyObject *self)
{
    ResultObject *r = (ResultObject *)self;

    orm_result_end(r, true);
    orm_view_clear(&r->head.view);
    Py_CLEAR(r->shape);
    Py_CLEAR(r->context);
    Py_CLEAR(r->attributes);
    return 0;
}

static void
result_dealloc(PyObject *self)
{
    ResultObject *r = (ResultObject *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (r->head.weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)result_clear(self);
    PyMem_Free(r->by_identity);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
result_iternext(PyObject *self)
{
    PyObject *item = NULL;

    (void)orm_view_next((ResultHead *)self, &item);
    return item;
}

/* ---- views ---- */

PyObject *
orm_filter_new(ResultHead *from, PyTypeObject *type, uint8_t kind, Py_ssize_t column)
{
    ResultHead *h = (ResultHead *)type->tp_alloc(type, 0);

    if (h == NULL) {
        return NULL;
    }
    h->st = from->st;
    h->real = (ResultObject *)Py_NewRef(from->real);
    if (orm_view_copy(&h->view, &from->view) < 0) {
        Py_DECREF(h);
        return NULL;
    }
    h->view.kind = kind;
    if (kind == ORM_VIEW_SCALAR) {
        h->view.column = from->view.pick != NULL ? from->view.pick[column] : column;
    }
    return (PyObject *)h;
}

static int
filter_traverse(PyObject *self, visitproc visit, void *arg)
{
    ResultHead *h = (ResultHead *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(h->real);
    return orm_view_traverse(&h->view, visit, arg);
}

static int
filter_clear(PyObject *self)
{
    ResultHead *h = (ResultHead *)self;

    orm_view_clear(&h->view);
    return 0;
}

static void
filter_dealloc(PyObject *self)
{
    ResultHead *h = (ResultHead *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (h->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    orm_view_clear(&h->view);
    Py_CLEAR(h->real);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- a Result over any iterable of tuples ---- */

typedef struct iter_source {
    PyObject *iterator; /* yields sequences; owned */
    PyObject *shape;    /* owned */
} iter_source;

static PyObject *
iter_row(iter_source *s, PyObject *values)
{
    Py_ssize_t n = PyTuple_GET_SIZE(((orm_shape *)s->shape)->names->keys);
    PyObject *tuple = PySequence_Tuple(values);
    PyObject *row = NULL;

    if (tuple != NULL && PyTuple_GET_SIZE(tuple) != n) {
        PyErr_Format(PyExc_ValueError, "a row has %zd values, the result has %zd columns",
                     PyTuple_GET_SIZE(tuple), n);
        Py_CLEAR(tuple);
    }
    row = tuple == NULL ? NULL : orm_row_new(s->shape, n);
    for (Py_ssize_t i = 0; row != NULL && i < n; i++) {
        PyTuple_SET_ITEM(row, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
    }
    Py_XDECREF(tuple);
    if (row != NULL) {
        orm_row_done(row);
    }
    return row;
}

static int
iter_fetch(void *self, PyObject *into, Py_ssize_t n, Py_ssize_t column)
{
    iter_source *s = self;

    for (Py_ssize_t i = 0; n < 0 || i < n; i++) {
        PyObject *values = PyIter_Next(s->iterator);
        PyObject *item = NULL;
        int rc;

        if (values == NULL) {
            return PyErr_Occurred() ? -1 : 0;
        }
        item = iter_row(s, values);
        Py_DECREF(values);
        if (item != NULL && column >= 0) {
            Py_SETREF(item, Py_NewRef(PyTuple_GET_ITEM(item, column)));
        }
        if (item == NULL) {
            return -1;
        }
        rc = PyList_Append(into, item);
        Py_DECREF(item);
        if (rc < 0) {
            return -1;
        }
    }
    return 1;
}

static void
iter_close(void *self)
{
    iter_source *s = self;

    Py_CLEAR(s->iterator);
    Py_CLEAR(s->shape);
    PyMem_Free(s);
}

static int
iter_traverse(void *self, visitproc visit, void *arg)
{
    iter_source *s = self;

    Py_VISIT(s->iterator);
    Py_VISIT(s->shape);
    return 0;
}

static const orm_source iter_ops = {
    .fetch = iter_fetch,
    .close = iter_close,
    .traverse = iter_traverse,
};

/* _result_from_iter(type, keys, iterable, exprs=None): a Result over tuples. */
static PyObject *
result_from_iter(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    PyTypeObject *type = NULL;
    PyObject *keys = NULL;
    PyObject *iterable = NULL;
    PyObject *exprs = Py_None;
    iter_source *s = NULL;
    ResultObject *r = NULL;

    if (!PyArg_ParseTuple(args, "O!O!O|O:_result_from_iter", &PyType_Type, &type, &PyTuple_Type,
                          &keys, &iterable, &exprs)) {
        return NULL;
    }
    if (!PyType_IsSubtype(type, st->Result)) {
        PyErr_SetString(PyExc_TypeError, "_result_from_iter: not a Result class");
        return NULL;
    }
    s = PyMem_Calloc(1, sizeof(*s));
    if (s == NULL) {
        return PyErr_NoMemory();
    }
    s->iterator = PyObject_GetIter(iterable);
    s->shape = s->iterator == NULL
                   ? NULL
                   : orm_shape_new(st, keys, exprs == Py_None ? NULL : exprs);
    r = s->shape == NULL ? NULL : orm_result_alloc(st, type, (orm_shape *)s->shape);
    if (r == NULL) {
        iter_close(s);
        return NULL;
    }
    r->source = &iter_ops;
    r->self = s;
    return (PyObject *)r;
}

static PyMethodDef module_functions[] = {
    {"_result_from_iter", result_from_iter, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* ---- types ---- */

static PyMemberDef result_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(ResultHead, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot result_slots[] = {
    {Py_tp_doc, (void *)"The rows of one statement, read once."},
    {Py_tp_traverse, result_traverse},
    {Py_tp_clear, result_clear},
    {Py_tp_dealloc, result_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, result_iternext},
    {Py_tp_methods, orm_result_methods},
    {Py_tp_members, result_members},
    {Py_tp_getset, orm_result_getset},
    {0, NULL},
};

#define RESULT_FLAGS                                                                          \
    (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE                            \
     | Py_TPFLAGS_DISALLOW_INSTANTIATION)

static PyType_Spec result_spec = {
    .name = "pyorm._core.Result",
    .basicsize = sizeof(ResultObject),
    .flags = RESULT_FLAGS,
    .slots = result_slots,
};

static PyType_Slot chunked_slots[] = {
    {Py_tp_doc, (void *)"The result of an ORM statement, or of an iterable."},
    {Py_tp_traverse, result_traverse},
    {Py_tp_clear, result_clear},
    {Py_tp_dealloc, result_dealloc},
    {0, NULL},
};

static PyType_Spec chunked_spec = {
    .name = "pyorm._core.ChunkedIteratorResult",
    .basicsize = sizeof(ResultObject),
    .flags = RESULT_FLAGS,
    .slots = chunked_slots,
};

static PyType_Spec iterator_spec = {
    .name = "pyorm._core.IteratorResult",
    .basicsize = sizeof(ResultObject),
    .flags = RESULT_FLAGS,
    .slots = chunked_slots,
};

#define FILTER_SLOTS(doc, methods)                                                            \
    {                                                                                         \
        {Py_tp_doc, (void *)doc}, {Py_tp_traverse, filter_traverse},                          \
            {Py_tp_clear, filter_clear}, {Py_tp_dealloc, filter_dealloc},                     \
            {Py_tp_iter, PyObject_SelfIter}, {Py_tp_iternext, result_iternext},               \
            {Py_tp_methods, methods}, {Py_tp_members, result_members},                        \
            {Py_tp_getset, orm_filter_getset}, {0, NULL},                                     \
    }

static PyType_Slot scalar_slots[] =
    FILTER_SLOTS("One column of a result: bare values.", orm_scalars_methods);
static PyType_Slot mapping_slots[] =
    FILTER_SLOTS("A result whose rows are mappings.", orm_mappings_methods);
static PyType_Slot tuple_slots[] =
    FILTER_SLOTS("A result whose rows are exact tuples.", orm_tuples_methods);

#define FILTER_SPEC(name_, slots_)                                                            \
    {                                                                                         \
        .name = name_, .basicsize = sizeof(ResultHead), .flags = RESULT_FLAGS, .slots = slots_ \
    }

static PyType_Spec scalar_spec = FILTER_SPEC("pyorm._core.ScalarResult", scalar_slots);
static PyType_Spec mapping_spec = FILTER_SPEC("pyorm._core.MappingResult", mapping_slots);
static PyType_Spec tuple_spec = FILTER_SPEC("pyorm._core.TupleResult", tuple_slots);

static int
add_public(PyObject *module, orm_state *st, PyType_Spec *spec, PyTypeObject *base,
           PyTypeObject **slot)
{
    if (orm_type_add(module, st, spec, base, slot) < 0) {
        return -1;
    }
    return orm_type_set_module(*slot, "pyorm.engine");
}

int
orm_result_setup(PyObject *module, orm_state *st)
{
    if (add_public(module, st, &result_spec, NULL, &st->Result) < 0
        || add_public(module, st, &chunked_spec, st->Result, &st->ChunkedIteratorResult) < 0
        || add_public(module, st, &iterator_spec, st->Result, &st->IteratorResult) < 0
        || add_public(module, st, &scalar_spec, NULL, &st->ScalarResult) < 0
        || add_public(module, st, &mapping_spec, NULL, &st->MappingResult) < 0
        || add_public(module, st, &tuple_spec, NULL, &st->TupleResult) < 0
        || PyModule_AddFunctions(module, module_functions) < 0) {
        return -1;
    }
    return orm_partitions_setup(module, st) < 0 ? -1 : orm_cursor_result_setup(module, st);
}
