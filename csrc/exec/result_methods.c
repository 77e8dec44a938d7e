/*
 * result_methods.c - the methods of Result, ScalarResult, MappingResult and TupleResult.
 *
 * Place: thin: each reads its arguments and calls result_fetch.c. One function serves every
 *   class of the family that has the method, since all begin with a ResultHead.
 */
#include "result_int.h"

/* ---- many ---- */

static PyObject *
result_all(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return orm_view_take((ResultHead *)self, -1);
}

/* The `size` of fetchmany and partitions: NULL or None is the default. -1 on error. */
static Py_ssize_t
read_size(PyObject *size, Py_ssize_t dflt)
{
    Py_ssize_t n;

    if (size == NULL || size == Py_None) {
        return dflt;
    }
    n = PyNumber_AsSsize_t(size, PyExc_OverflowError);
    if (n == -1 && PyErr_Occurred()) {
        return -1;
    }
    return n < 0 ? 0 : n;
}

static PyObject *
result_fetchmany(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "fetchmany", .names = {"size"}, .npositional = 1, .count = 1};
    ResultHead *h = (ResultHead *)self;
    PyObject *size = NULL;
    Py_ssize_t n;

    if (orm_args_parse(&spec, args, nargs, kwnames, &size) < 0) {
        return NULL;
    }
    /* PEP 249's arraysize is 1; yield_per() replaces it. */
    n = read_size(size, h->real->yield_per > 0 ? h->real->yield_per : 1);
    return n < 0 ? NULL : orm_view_take(h, n);
}

static PyObject *
result_fetchone(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *item = NULL;
    int rc = orm_view_next((ResultHead *)self, &item);

    if (rc < 0) {
        return NULL;
    }
    return rc == 0 ? Py_NewRef(Py_None) : item;
}

/* ---- one ---- */

enum { NONE_RAISES = 1, SECOND_RAISES = 2 };

/* The first item, with the checks of one(), one_or_none() and first(). The result is closed
 * afterwards in any case but an exception of the database. */
static PyObject *
only_one(ResultHead *h, int checks)
{
    ResultObject *r = h->real;
    Py_ssize_t ahead = r->ahead;
    PyObject *item = NULL;
    PyObject *second = NULL;
    int rc;

    r->ahead = checks & SECOND_RAISES ? 2 : 1; /* no need to fetch what nobody reads */
    rc = orm_view_next(h, &item);
    if (rc > 0 && (checks & SECOND_RAISES)) {
        rc = orm_view_next(h, &second) < 0 ? -1 : 1;
    }
    r->ahead = ahead;
    if (rc < 0) {
        Py_XDECREF(item);
        return NULL;
    }
    if (rc == 0) {
        if (checks & NONE_RAISES) {
            orm_raise_exc(h->st, ORM_EXC_NoResultFound,
                          "No row was found when one was required");
            return NULL;
        }
        Py_RETURN_NONE;
    }
    orm_result_end(r, true);
    if (second != NULL) {
        Py_DECREF(second);
        Py_DECREF(item);
        orm_raise_exc(h->st, ORM_EXC_MultipleResultsFound,
                      checks & NONE_RAISES
                          ? "Multiple rows were found when exactly one was required"
                          : "Multiple rows were found when one or none was required");
        return NULL;
    }
    return item;
}

static PyObject *
result_first(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return only_one((ResultHead *)self, 0);
}

static PyObject *
result_one(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return only_one((ResultHead *)self, NONE_RAISES | SECOND_RAISES);
}

static PyObject *
result_one_or_none(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return only_one((ResultHead *)self, SECOND_RAISES);
}

/* The same for the first column. */
static PyObject *
only_scalar(ResultHead *h, int checks)
{
    ResultHead scalar = {.st = h->st, .real = h->real};
    PyObject *item = NULL;

    if (orm_result_check(h->real) < 0 || orm_view_copy(&scalar.view, &h->view) < 0) {
        return NULL;
    }
    scalar.view.kind = ORM_VIEW_SCALAR;
    scalar.view.column = h->view.pick != NULL ? h->view.pick[0] : 0;
    item = only_one(&scalar, checks);
    orm_view_clear(&scalar.view);
    return item;
}

static PyObject *
result_scalar(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return only_scalar((ResultHead *)self, 0);
}

static PyObject *
result_scalar_one(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return only_scalar((ResultHead *)self, NONE_RAISES | SECOND_RAISES);
}

static PyObject *
result_scalar_one_or_none(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return only_scalar((ResultHead *)self, SECOND_RAISES);
}

/* ---- views ---- */

static PyObject *
result_scalars(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "scalars", .names = {"index"}, .npositional = 1, .count = 1};
    ResultHead *h = (ResultHead *)self;
    PyObject *index = NULL;
    int32_t column = 0;

    if (orm_args_parse(&spec, args, nargs, kwnames, &index) < 0
        || orm_result_check(h->real) < 0) {
        return NULL;
    }
    if (index != NULL) {
        column = orm_shape_require(h->view.shape, index);
        if (column < 0) {
            return NULL;
        }
    }
    return orm_filter_new(h, h->st->ScalarResult, ORM_VIEW_SCALAR, column);
}

static PyObject *
result_mappings(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    ResultHead *h = (ResultHead *)self;

    return orm_filter_new(h, h->st->MappingResult, ORM_VIEW_MAPPING, 0);
}

static PyObject *
result_tuples(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    ResultHead *h = (ResultHead *)self;

    return orm_filter_new(h, h->st->TupleResult, ORM_VIEW_TUPLE, 0);
}

/* A shape of some columns of another one. */
static orm_shape *
pick_shape(ResultHead *h, const int32_t *pick, Py_ssize_t n)
{
    orm_shape *from = h->view.shape;
    PyObject *keys = PyTuple_New(n);
    orm_names *names = NULL;
    PyObject *shape = NULL;

    for (Py_ssize_t i = 0; keys != NULL && i < n; i++) {
        PyTuple_SET_ITEM(keys, i, Py_NewRef(PyTuple_GET_ITEM(from->names->keys, pick[i])));
    }
    names = keys == NULL ? NULL : orm_names_new(h->st, keys, true);
    shape = names == NULL ? NULL : orm_shape_pick(from, names, pick, n);
    Py_XDECREF(keys);
    Py_XDECREF(names);
    return (orm_shape *)shape;
}

static PyObject *
result_columns(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    ResultHead *h = (ResultHead *)self;
    int32_t *pick = NULL;
    orm_shape *shape = NULL;

    if (orm_result_check(h->real) < 0) {
        return NULL;
    }
    pick = PyMem_Malloc(sizeof(int32_t) * (size_t)(nargs + 1));
    if (pick == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < nargs; i++) {
        pick[i] = orm_shape_require(h->view.shape, args[i]);
        if (pick[i] < 0) {
            goto error;
        }
    }
    shape = pick_shape(h, pick, nargs);
    if (shape == NULL) {
        goto error;
    }
    for (Py_ssize_t i = 0; i < nargs && h->view.pick != NULL; i++) {
        pick[i] = h->view.pick[pick[i]]; /* columns() of columns(): positions in the source */
    }
    PyMem_Free(h->view.pick);
    h->view.pick = pick;
    h->view.npick = nargs;
    Py_XSETREF(h->view.shape, shape);
    return Py_NewRef(self);

error:
    PyMem_Free(pick);
    return NULL;
}

static PyObject *
result_unique(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "unique", .names = {"strategy"}, .npositional = 1, .count = 1};
    ResultHead *h = (ResultHead *)self;
    PyObject *strategy = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, &strategy) < 0) {
        return NULL;
    }
    h->view.unique = true;
    Py_CLEAR(h->view.seen);
    Py_XSETREF(h->view.strategy, strategy == Py_None ? NULL : Py_XNewRef(strategy));
    return Py_NewRef(self);
}

static PyObject *
result_yield_per(PyObject *self, PyObject *num)
{
    ResultHead *h = (ResultHead *)self;
    Py_ssize_t n = PyNumber_AsSsize_t(num, PyExc_OverflowError);

    if (n == -1 && PyErr_Occurred()) {
        return NULL;
    }
    h->real->yield_per = h->real->ahead = n > 0 ? n : 0;
    return Py_NewRef(self);
}

static PyObject *
result_keys(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    ResultHead *h = (ResultHead *)self;

    if (h->real->no_rows && orm_result_check(h->real) < 0) {
        return NULL;
    }
    return orm_rowkeys_new(h->st, h->view.shape);
}

/* ---- partitions ---- */

static PyObject *
result_partitions(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "partitions", .names = {"size"}, .npositional = 1, .count = 1};
    ResultHead *h = (ResultHead *)self;
    PyObject *size = NULL;
    PartitionsObject *p = NULL;
    Py_ssize_t n;

    if (orm_args_parse(&spec, args, nargs, kwnames, &size) < 0) {
        return NULL;
    }
    n = read_size(size, h->real->yield_per > 0 ? h->real->yield_per : 1);
    if (n < 0) {
        return NULL;
    }
    p = PyObject_GC_New(PartitionsObject, h->st->Partitions);
    if (p != NULL) {
        p->result = Py_NewRef(self);
        p->size = n > 0 ? n : 1;
        PyObject_GC_Track(p);
    }
    return (PyObject *)p;
}

static PyObject *
partitions_next(PyObject *self)
{
    PartitionsObject *p = (PartitionsObject *)self;
    PyObject *list = orm_view_take((ResultHead *)p->result, p->size);

    if (list != NULL && PyList_GET_SIZE(list) == 0) {
        Py_CLEAR(list);
    }
    return list;
}

static int
partitions_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((PartitionsObject *)self)->result);
    return 0;
}

static void
partitions_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_XDECREF(((PartitionsObject *)self)->result);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot partitions_slots[] = {
    {Py_tp_traverse, partitions_traverse},
    {Py_tp_dealloc, partitions_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, partitions_next},
    {0, NULL},
};

static PyType_Spec partitions_spec = {
    .name = "pyorm._core.Partitions",
    .basicsize = sizeof(PartitionsObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = partitions_slots,
};

int
orm_partitions_setup(PyObject *module, orm_state *st)
{
    return orm_type_add(module, st, &partitions_spec, NULL, &st->Partitions);
}

/* ---- life ---- */

static PyObject *
result_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    orm_result_end(((ResultHead *)self)->real, true);
    Py_RETURN_NONE;
}

static PyObject *
result_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self);
}

static PyObject *
result_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    return result_close(self, NULL);
}

static PyObject *
result_get_closed(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((ResultHead *)self)->real->closed);
}

static PyObject *
result_get_soft_closed(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((ResultHead *)self)->real->source == NULL);
}

static PyObject *
result_get_attributes(PyObject *self, void *Py_UNUSED(closure))
{
    ResultObject *r = ((ResultHead *)self)->real;

    if (r->attributes == NULL && (r->attributes = PyDict_New()) == NULL) {
        return NULL;
    }
    return Py_NewRef(r->attributes);
}

/* freeze() and merge() are rare: pyorm.engine.result does them. */
static PyObject *
call_python(const char *name, PyObject *self, PyObject *extra)
{
    PyObject *module = PyImport_ImportModule("pyorm.engine.result");
    PyObject *found = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    PyObject *result = NULL;

    if (found != NULL) {
        result = extra == NULL ? PyObject_CallOneArg(found, self)
                               : PyObject_CallFunctionObjArgs(found, self, extra, NULL);
    }
    Py_XDECREF(module);
    Py_XDECREF(found);
    return result;
}

static PyObject *
result_freeze(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return call_python("_freeze", self, NULL);
}

static PyObject *
result_merge(PyObject *self, PyObject *args)
{
    return call_python("_merge", self, args);
}

#define KW(name, fn, sig, doc) {name, ORM_METHOD(fn), ORM_METH_KW, name sig "\n--\n\n" doc}
#define NO(name, fn, doc) {name, fn, METH_NOARGS, name "($self)\n--\n\n" doc}

#define COMMON_METHODS                                                                        \
    NO("all", result_all, "All remaining items as a list."),                                  \
        NO("fetchall", result_all, "All remaining items as a list."),                         \
        KW("fetchmany", result_fetchmany, "($self, size=None)", "Up to size items."),         \
        NO("first", result_first, "The first item or None; closes the result."),              \
        NO("one", result_one, "The only item; NoResultFound, MultipleResultsFound."),         \
        NO("one_or_none", result_one_or_none, "The only item or None."),                      \
        KW("unique", result_unique, "($self, strategy=None)", "Drop what was seen before."),  \
        KW("partitions", result_partitions, "($self, size=None)", "Iterate over lists."),     \
        {"yield_per", result_yield_per, METH_O, "yield_per($self, num)\n--\n\nRows per fetch."}, \
        NO("close", result_close, "Close the result; reading raises from now on."),           \
        NO("__enter__", result_enter, ""),                                                    \
        {"__exit__", ORM_METHOD(result_exit), METH_FASTCALL, NULL}

#define ROW_METHODS                                                                           \
    NO("fetchone", result_fetchone, "The next item or None."),                                \
        NO("keys", result_keys, "The names of the columns."),                                 \
        {"columns", ORM_METHOD(result_columns), METH_FASTCALL,                                \
         "columns($self, *col_expressions)\n--\n\nOnly these columns, in this order."}

#define SCALAR_METHODS                                                                        \
    NO("scalar", result_scalar, "First column of the first row, or None."),                   \
        NO("scalar_one", result_scalar_one, "First column of the only row."),                 \
        NO("scalar_one_or_none", result_scalar_one_or_none, "The same, None if there is none.")

PyMethodDef orm_result_methods[] = {
    COMMON_METHODS,
    ROW_METHODS,
    SCALAR_METHODS,
    KW("scalars", result_scalars, "($self, index=0)", "One column as bare values."),
    NO("mappings", result_mappings, "Rows as mappings."),
    NO("tuples", result_tuples, "Rows as exact tuples."),
    NO("freeze", result_freeze, "A callable that makes the result again."),
    {"merge", result_merge, METH_VARARGS, "merge($self, *others)\n--\n\nResults one after another."},
    {NULL, NULL, 0, NULL},
};

PyMethodDef orm_scalars_methods[] = {COMMON_METHODS, {NULL, NULL, 0, NULL}};
PyMethodDef orm_mappings_methods[] = {COMMON_METHODS, ROW_METHODS, {NULL, NULL, 0, NULL}};
PyMethodDef orm_tuples_methods[] = {COMMON_METHODS, ROW_METHODS, SCALAR_METHODS,
                                   {NULL, NULL, 0, NULL}};

PyGetSetDef orm_result_getset[] = {
    {"closed", result_get_closed, NULL, "True once close() or first() closed it.", NULL},
    {"_soft_closed", result_get_soft_closed, NULL, "True once all rows were fetched.", NULL},
    {"_attributes", result_get_attributes, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyGetSetDef orm_filter_getset[] = {
    {"closed", result_get_closed, NULL, "True once close() or first() closed it.", NULL},
    {"_soft_closed", result_get_soft_closed, NULL, "True once all rows were fetched.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
