/*
 * func.c - SQL functions: `func.name(...)`, what is known about some of them, and what is
 *   hung on a call: OVER, FILTER, WITHIN GROUP, use in FROM.
 *
 * Place: `pyorm.func` is the one object made here. A name that the table below knows gives a
 *   typed result; a name registered by a Python class calls the class; any other name is
 *   rendered as it stands.
 * Ownership: returns new references. Locking: the GIL.
 */
#include "sql_int.h"

/* ---- known functions ------------------------------------------------------------------------ */
enum rule { R_NULL, R_INT, R_NUMERIC, R_STRING, R_DATE, R_TIME, R_DATETIME, R_FIRST, R_ARRAY, R_ORDERED };

#define KNOWN(X) \
    X(count, R_INT, ORM_FUNC_AGGREGATE) \
    X(sum, R_FIRST, ORM_FUNC_AGGREGATE) \
    X(min, R_FIRST, ORM_FUNC_AGGREGATE) \
    X(max, R_FIRST, ORM_FUNC_AGGREGATE) \
    X(coalesce, R_FIRST, 0) \
    X(now, R_DATETIME, 0) \
    X(concat, R_STRING, 0) \
    X(char_length, R_INT, 0) \
    X(random, R_NULL, 0) \
    X(pow, R_FIRST, 0) \
    X(current_date, R_DATE, ORM_FUNC_NOPARENS) \
    X(current_time, R_TIME, ORM_FUNC_NOPARENS) \
    X(current_timestamp, R_DATETIME, ORM_FUNC_NOPARENS) \
    X(localtime, R_DATETIME, ORM_FUNC_NOPARENS) \
    X(localtimestamp, R_DATETIME, ORM_FUNC_NOPARENS) \
    X(sysdate, R_DATETIME, ORM_FUNC_NOPARENS) \
    X(current_user, R_STRING, ORM_FUNC_NOPARENS) \
    X(session_user, R_STRING, ORM_FUNC_NOPARENS) \
    X(user, R_STRING, ORM_FUNC_NOPARENS) \
    X(array_agg, R_ARRAY, ORM_FUNC_AGGREGATE) \
    X(aggregate_strings, R_STRING, ORM_FUNC_AGGREGATE) \
    X(mode, R_ORDERED, ORM_FUNC_AGGREGATE) \
    X(percentile_cont, R_ORDERED, ORM_FUNC_AGGREGATE) \
    X(percentile_disc, R_ORDERED, ORM_FUNC_AGGREGATE) \
    X(rank, R_INT, 0) \
    X(dense_rank, R_INT, 0) \
    X(percent_rank, R_NUMERIC, 0) \
    X(cume_dist, R_NUMERIC, 0) \
    X(cube, R_NULL, 0) \
    X(rollup, R_NULL, 0) \
    X(grouping_sets, R_NULL, 0)

static const struct known {
    const char *name; /* as written after func. */
    uint8_t rule;     /* type of the result */
    uint8_t flags;    /* ORM_FUNC_* */
} known[] = {
#define X(name, rule, flags) {#name, rule, flags},
    KNOWN(X)
#undef X
};

/* Index into known, or -1. The names are interned once, in a dict of the room. */
static int
known_index(orm_state *st, PyObject *name)
{
    orm_sqlroom *room = sql_room(st);
    PyObject *found = NULL;
    size_t i;

    if (room->func_names == NULL) {
        room->func_names = PyDict_New();
        for (i = 0; room->func_names != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
            PyObject *number = PyLong_FromSize_t(i);

            if (number == NULL
                || PyDict_SetItemString(room->func_names, known[i].name, number) < 0) {
                Py_CLEAR(room->func_names);
            }
            Py_XDECREF(number);
        }
        if (room->func_names == NULL) {
            return -2;
        }
    }
    found = PyDict_GetItemWithError(room->func_names, name); /* borrow-ok: read at once */
    return found == NULL ? (PyErr_Occurred() ? -2 : -1) : (int)PyLong_AsLong(found);
}

static orm_type *
array_of(orm_state *st, orm_type *item)
{
    PyObject *cls = orm_import_once(&st->array_class, "pyorm.types", "ARRAY");
    PyObject *instance = NULL;
    orm_type *type = NULL;

    if (item->kind == ORM_T_ARRAY) {
        return (orm_type *)Py_NewRef((PyObject *)item);
    }
    instance = cls == NULL ? NULL : PyObject_CallOneArg(cls, item->engine);
    type = instance == NULL ? NULL : orm_type_of(st, instance);
    Py_XDECREF(instance);
    return type;
}

/* Result type of a known function. New ref. */
static orm_type *
result_type(orm_state *st, enum rule rule, PyObject *args)
{
    static const uint8_t kinds[] = {
        [R_NULL] = ORM_T_NULL,       [R_INT] = ORM_T_INT32,     [R_NUMERIC] = ORM_T_NUMERIC,
        [R_STRING] = ORM_T_STRING,   [R_DATE] = ORM_T_DATE,     [R_TIME] = ORM_T_TIME,
        [R_DATETIME] = ORM_T_DATETIME, [R_FIRST] = ORM_T_NULL,  [R_ARRAY] = ORM_T_NULL,
        [R_ORDERED] = ORM_T_NULL};
    orm_type *first = NULL;
    Py_ssize_t i;

    if (rule == R_FIRST || rule == R_ARRAY) {
        for (i = 0; i < PyList_GET_SIZE(args); i++) {
            first = orm_node_type(st, (orm_node *)PyList_GET_ITEM(args, i));
            if (first != NULL && first->kind != ORM_T_NULL) {
                return rule == R_ARRAY ? array_of(st, first)
                                       : (orm_type *)Py_NewRef((PyObject *)first);
            }
        }
    }
    return (orm_type *)Py_XNewRef((PyObject *)orm_type_builtin(st, (orm_type_kind)kinds[rule]));
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* The class registered for a name (func.name of a GenericFunction), borrowed, or NULL. */
static PyObject *
registered(orm_state *st, PyObject *name)
{
    PyObject *lower = NULL;
    PyObject *found = NULL;

    if (st->function_registry == NULL || PyDict_GET_SIZE(st->function_registry) == 0) {
        return NULL;
    }
    if (PyUnicode_Check(name)) {
        lower = PyObject_CallMethod(name, "lower", NULL);
    }
    else {
        lower = Py_NewRef(name);
    }
    if (lower != NULL) {
        found = PyDict_GetItemWithError(st->function_registry, lower); /* borrow-ok: kept by it */
        Py_DECREF(lower);
    }
    return found;
}

static PyObject *
call_nodes(orm_state *st, PyObject *name, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *list = PyList_New(0);
    PyObject *body = PyTuple_Check(name) ? PyTuple_GET_ITEM(name, PyTuple_GET_SIZE(name) - 1) : name;
    Py_ssize_t i;

    for (i = 0; list != NULL && i < nargs; i++) {
        orm_node *n = orm_coerce_value_named(st, args[i], NULL, body);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    return list;
}

orm_node *
orm_function_new(orm_state *st, PyObject *name, PyObject *const *args, Py_ssize_t nargs,
                 PyObject *type_obj)
{
    int k = PyUnicode_Check(name) ? known_index(st, name) : -1;
    PyObject *list = k == -2 ? NULL : call_nodes(st, name, args, nargs);
    orm_type *type = NULL;
    orm_node *star = NULL;
    orm_node *n = NULL;
    uint32_t aux = 0;

    if (list == NULL) {
        return NULL;
    }
    if (k >= 0) {
        aux = known[k].flags | ORM_FUNC_GENERIC | (uint32_t)(k + 1) << ORM_FUNC_ID_SHIFT;
        if (k == 0 && PyList_GET_SIZE(list) == 0) {
            star = orm_node_make(st, ORM_N_STAR, ORM_OP_NONE, NULL, NULL, 0, 0, NULL);
            if (star == NULL || PyList_Append(list, (PyObject *)star) < 0) {
                goto done;
            }
        }
    }
    type = type_obj != NULL && type_obj != Py_None
               ? orm_type_of(st, type_obj)
               : result_type(st, k >= 0 ? (enum rule)known[k].rule : R_NULL, list);
    if (type == NULL) {
        goto done;
    }
    n = orm_node_make(st, ORM_N_FUNC, ORM_OP_NONE, type, name, aux, PyList_GET_SIZE(list),
                      (orm_node *const *)((PyListObject *)list)->ob_item);
    if (n != NULL && (aux & ORM_FUNC_AGGREGATE)) {
        n->flags |= ORM_F_AGGREGATE;
    }
done:
    Py_XDECREF(star);
    Py_XDECREF(type);
    Py_DECREF(list);
    return n;
}

/* `func` and `func.name`: one type; `name` NULL for func itself. */
typedef struct FuncObject {
    PyObject_HEAD
    PyObject *name; /* owned: str, tuple of str, or NULL */
} FuncObject;

static PyObject *
func_getattro(PyObject *self, PyObject *attr)
{
    PyObject *name = ((FuncObject *)self)->name;
    PyObject *exact = NULL;
    PyObject *full = NULL;
    FuncObject *out = NULL;
    Py_ssize_t n = PyUnicode_GET_LENGTH(attr);

    if (n >= 2 && PyUnicode_READ_CHAR(attr, 0) == '_' && PyUnicode_READ_CHAR(attr, 1) == '_') {
        return PyObject_GenericGetAttr(self, attr);
    }
    exact = n > 1 && PyUnicode_READ_CHAR(attr, n - 1) == '_' ? PyUnicode_Substring(attr, 0, n - 1)
                                                             : Py_NewRef(attr);
    if (exact == NULL) {
        return NULL;
    }
    if (name == NULL) {
        full = Py_NewRef(exact);
    }
    else if (PyUnicode_Check(name)) {
        full = PyTuple_Pack(2, name, exact);
    }
    else {
        PyObject *one = PyTuple_Pack(1, exact);

        full = one == NULL ? NULL : PySequence_Concat(name, one);
        Py_XDECREF(one);
    }
    Py_DECREF(exact);
    if (full != NULL) {
        out = (FuncObject *)Py_TYPE(self)->tp_alloc(Py_TYPE(self), 0);
        if (out != NULL) {
            out->name = Py_NewRef(full);
        }
        Py_DECREF(full);
    }
    return (PyObject *)out;
}

static PyObject *
func_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *name = ((FuncObject *)self)->name;
    PyObject *type_obj = NULL;
    PyObject *cls = NULL;

    if (st == NULL) {
        return NULL;
    }
    if (name == NULL) {
        PyErr_SetString(PyExc_TypeError, "name a function: func.name(...)");
        return NULL;
    }
    cls = registered(st, name);
    if (cls != NULL) {
        PyObject *out = NULL;

        Py_INCREF(cls);
        out = PyObject_Call(cls, args, kwargs);
        Py_DECREF(cls);
        return out;
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        type_obj = PyDict_GetItemWithError(kwargs, st->s_type_); /* borrow-ok: caller's */
    }
    return (PyObject *)orm_function_new(st, name, &PyTuple_GET_ITEM(args, 0),
                                        PyTuple_GET_SIZE(args), type_obj);
}

static int
func_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((FuncObject *)self)->name);
    return 0;
}

static void
func_dealloc(PyObject *self)
{
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_CLEAR(((FuncObject *)self)->name);
    tp->tp_free(self);
    Py_DECREF(tp);
}

static PyObject *
func_repr(PyObject *self)
{
    PyObject *name = ((FuncObject *)self)->name;

    return name == NULL ? PyUnicode_FromString("func") : PyUnicode_FromFormat("func(%R)", name);
}

static PyType_Slot func_slots[] = {
    {Py_tp_doc, "Makes SQL functions: func.name(...), func.package.name(...)."},
    {Py_tp_getattro, func_getattro},
    {Py_tp_call, func_call},
    {Py_tp_traverse, func_traverse},
    {Py_tp_dealloc, func_dealloc},
    {Py_tp_repr, func_repr},
    {0, NULL},
};

static PyType_Spec func_spec = {
    .name = "pyorm._core.FunctionGenerator",
    .basicsize = sizeof(FuncObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = func_slots,
};

/* register_function(identifier, fn, package="_default"): what func.identifier() calls. */
static PyObject *
register_function(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "register_function",
                                       .names = {"identifier", "fn", "package"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 2};
    orm_state *st = orm_state_from_module(module);
    PyObject *out[3];
    PyObject *lower = NULL;
    PyObject *key = NULL;
    int rc;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    if (st->function_registry == NULL) {
        st->function_registry = PyDict_New();
        if (st->function_registry == NULL) {
            return NULL;
        }
    }
    lower = PyObject_CallMethod(out[0], "lower", NULL);
    if (lower == NULL) {
        return NULL;
    }
    key = out[2] == NULL || (PyUnicode_Check(out[2])
                             && orm_unicode_equals_ascii(out[2], "_default"))
              ? Py_NewRef(lower)
              : PyTuple_Pack(2, out[2], lower);
    Py_DECREF(lower);
    rc = key == NULL ? -1 : PyDict_SetItem(st->function_registry, key, out[1]);
    Py_XDECREF(key);
    if (rc < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef func_functions[] = {
    {"register_function", ORM_METHOD(register_function), ORM_METH_KW,
     "register_function($module, identifier, fn, package='_default')\n--\n\n"
     "Let func.identifier() call `fn`."},
    {NULL, NULL, 0, NULL},
};

int
orm_func_setup(PyObject *module, orm_state *st)
{
    PyObject *func = NULL;

    if (orm_type_add(module, st, &func_spec, NULL, &st->FunctionGenerator) < 0) {
        return -1;
    }
    func = st->FunctionGenerator->tp_alloc(st->FunctionGenerator, 0);
    if (func == NULL || PyModule_Add(module, "func", func) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, func_functions);
}
