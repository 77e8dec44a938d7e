/*
 * func_methods.c - what is hung on a function call: OVER, FILTER, WITHIN GROUP, aliases that
 *   make it a FROM element.
 *
 * Place: methods of Function and FunctionElement, and the module functions over(),
 *   funcfilter(), within_group(), aggregate_order_by().
 * Ownership: returns new references. Locking: the GIL.
 */
#include "sql_int.h"

/* ---- lists of ORDER BY expressions ------------------------------------------------------------ */

/* None: NULL without error; a sequence or one expression: a LIST. */
static orm_node *
order_list(orm_state *st, PyObject *o)
{
    PyObject *list = NULL;
    PyObject *fast = NULL;
    orm_node *out = NULL;
    Py_ssize_t i;

    if (o == NULL || o == Py_None) {
        return NULL;
    }
    list = PyList_New(0);
    fast = PyList_Check(o) || PyTuple_Check(o) ? PySequence_Tuple(o) : PyTuple_Pack(1, o);
    for (i = 0; list != NULL && fast != NULL && i < PyTuple_GET_SIZE(fast); i++) {
        orm_node *n = orm_coerce_order(st, PyTuple_GET_ITEM(fast, i));

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    if (list != NULL && fast != NULL) {
        out = orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
    }
    Py_XDECREF(list);
    Py_XDECREF(fast);
    return out;
}

/* ---- frames ------------------------------------------------------------------------------------ */

/* One bound of a frame tuple: its kind, and the distance in *out. -1 with an exception. */
static int
frame_bound(orm_state *st, PyObject *o, int is_range, orm_node **out)
{
    PyObject *distance = NULL;
    int overflow = 0;
    long long sign;

    *out = NULL;
    if (o == Py_None) {
        return ORM_BOUND_UNBOUNDED;
    }
    if (!PyLong_Check(o)) {
        return orm_raise_exc(st, ORM_EXC_ArgumentError,
                             is_range ? "When using a tuple to specify a range only integer or none values are "
                                        "allowed in the range frame. To specify a different type use the "
                                        "FrameClause directly. Got %R"
                                      : "Integer or None expected for values in rows/groups frame, got %R",
                             o);
    }
    sign = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (sign == -1 && PyErr_Occurred()) {
        return -1;
    }
    sign = overflow != 0 ? overflow : sign;
    if (sign == 0) {
        return ORM_BOUND_CURRENT;
    }
    distance = sign < 0 ? PyNumber_Negative(o) : Py_NewRef(o);
    *out = distance == NULL ? NULL : orm_coerce_value(st, distance, NULL);
    Py_XDECREF(distance);
    return *out == NULL ? -1 : sign < 0 ? ORM_BOUND_PRECEDING : ORM_BOUND_FOLLOWING;
}

/* One bound of a FrameClause, (type, distance), which has checked itself: as frame_bound. */
static int
frame_object_bound(orm_state *st, PyObject *pair, orm_node **out)
{
    long kind;

    *out = NULL;
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "a frame's bound must be a pair");
        return -1;
    }
    kind = PyLong_AsLong(PyTuple_GET_ITEM(pair, 0));
    if (kind < ORM_BOUND_UNBOUNDED || kind > ORM_BOUND_FOLLOWING) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "a frame's bound has a type that does not exist");
        }
        return -1;
    }
    if (kind >= ORM_BOUND_PRECEDING) {
        *out = orm_coerce_value(st, PyTuple_GET_ITEM(pair, 1), NULL);
        if (*out == NULL) {
            return -1;
        }
    }
    return (int)kind;
}

/* Both bounds of a tuple or a FrameClause: kinds and distances. 0/-1. */
static int
frame_bounds(orm_state *st, PyObject *spec, int is_range, int *kinds, orm_node **out)
{
    PyObject *pairs = NULL;
    int i;

    if (!PyTuple_Check(spec) && PyObject_GetOptionalAttrString(spec, "_bounds", &pairs) < 0) {
        return -1;
    }
    if (pairs == NULL) {
        pairs = Py_NewRef(spec);
    }
    if (!PyTuple_Check(pairs) || PyTuple_GET_SIZE(pairs) != 2) {
        Py_DECREF(pairs);
        return orm_raise_exc(st, ORM_EXC_ArgumentError, "2-tuple expected for range/rows/groups");
    }
    for (i = 0; i < 2; i++) {
        PyObject *bound = PyTuple_GET_ITEM(pairs, i);

        kinds[i] = pairs == spec ? frame_bound(st, bound, is_range, &out[i])
                                 : frame_object_bound(st, bound, &out[i]);
        if (kinds[i] < 0) {
            Py_DECREF(pairs);
            return -1;
        }
    }
    Py_DECREF(pairs);
    return 0;
}

static int
exclude_code(orm_state *st, PyObject *o)
{
    static const char *const words[] = {"CURRENT ROW", "GROUP", "TIES", "NO OTHERS"};
    PyObject *upper = NULL;
    int i;

    if (o == NULL || o == Py_None) {
        return 0;
    }
    upper = PyUnicode_Check(o) ? PyObject_CallMethod(o, "upper", NULL) : NULL;
    for (i = 0; upper != NULL && i < 4; i++) {
        if (orm_unicode_equals_ascii(upper, words[i])) {
            Py_DECREF(upper);
            return i + 1;
        }
    }
    Py_XDECREF(upper);
    return PyErr_Occurred() ? -1
                            : orm_raise_exc(st, ORM_EXC_ArgumentError,
                                            "'exclude' takes CURRENT ROW, GROUP, TIES or NO "
                                            "OTHERS, got %R",
                                            o);
}

/* rows=, range_=, groups=: at most one of them. NULL without error: none. */
static orm_node *
frame_node(orm_state *st, PyObject *const *specs, PyObject *exclude)
{
    static const uint32_t units[] = {ORM_FRAME_ROWS, ORM_FRAME_RANGE, ORM_FRAME_GROUPS};
    orm_node *bounds[2] = {NULL, NULL};
    orm_node *out = NULL;
    PyObject *spec = NULL;
    uint32_t aux = 0;
    int kinds[2], ex, i;

    for (i = 0; i < 3; i++) {
        if (specs[i] != NULL && specs[i] != Py_None) {
            if (spec != NULL) {
                orm_raise_exc(st, ORM_EXC_ArgumentError,
                              "only one of 'rows', 'range_', or 'groups' may be provided");
                return NULL;
            }
            spec = specs[i];
            aux = units[i];
        }
    }
    if (spec == NULL) {
        if (exclude != NULL && exclude != Py_None) {
            orm_raise_exc(st, ORM_EXC_ArgumentError, "'exclude' requires that one of 'rows', 'range_', or "
                                                     "'groups' is also specified");
        }
        return NULL;
    }
    ex = frame_bounds(st, spec, aux == ORM_FRAME_RANGE, kinds, bounds) < 0
             ? -1
             : exclude_code(st, exclude);
    if (ex >= 0) {
        aux |= (uint32_t)kinds[0] << ORM_FRAME_LO | (uint32_t)kinds[1] << ORM_FRAME_HI
               | (uint32_t)ex << ORM_FRAME_EXCLUDE;
        out = orm_node_make(st, ORM_N_FRAME, ORM_OP_NONE, NULL, NULL, aux, 2, bounds);
    }
    Py_XDECREF(bounds[0]);
    Py_XDECREF(bounds[1]);
    return out;
}

/* ---- OVER, FILTER, WITHIN GROUP ------------------------------------------------------------------- */
enum { O_ELEMENT, O_PARTITION, O_ORDER, O_RANGE, O_ROWS, O_GROUPS, O_EXCLUDE };

static PyObject *
over_new(orm_state *st, orm_node *x, PyObject *const *out)
{
    PyObject *frames[3] = {out[O_ROWS], out[O_RANGE], out[O_GROUPS]};
    orm_node *parts[4] = {x, NULL, NULL, NULL};
    PyObject *n = NULL;
    int i;

    parts[1] = order_list(st, out[O_PARTITION]);
    if (!PyErr_Occurred()) {
        parts[2] = order_list(st, out[O_ORDER]);
    }
    if (!PyErr_Occurred()) {
        parts[3] = frame_node(st, frames, out[O_EXCLUDE]);
    }
    if (!PyErr_Occurred()) {
        n = (PyObject *)orm_node_make(st, ORM_N_OVER, ORM_OP_NONE, orm_node_type(st, x), NULL, 0, 4,
                                      parts);
    }
    for (i = 1; i < 4; i++) {
        Py_XDECREF(parts[i]);
    }
    return n;
}

static PyObject *
m_over(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "over",
        .names = {"partition_by", "order_by", "range_", "rows", "groups", "exclude"},
        .count = 6};
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *out[7];

    if (x == NULL || orm_args_parse(&spec, args, nargs, kwnames, out + 1) < 0) {
        return NULL;
    }
    return over_new(st, x, out);
}

static PyObject *
f_over(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "over",
        .names = {"element", "partition_by", "order_by", "range_", "rows", "groups", "exclude"},
        .count = 7,
        .npositional = 3,
        .nrequired = 1};
    orm_state *st = orm_state_from_module(module);
    PyObject *out[7];
    orm_node *x = NULL;
    PyObject *n = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    x = orm_coerce_value(st, out[0], NULL);
    if (x != NULL) {
        n = over_new(st, x, out);
        Py_DECREF(x);
    }
    return n;
}

static PyObject *
filter_new(orm_state *st, orm_node *x, PyObject *const *criteria, Py_ssize_t n)
{
    orm_node *base = x->kind == ORM_N_FILTER ? x->args[0] : x;
    orm_node *pair[2] = {base, NULL};
    orm_node *more = NULL;
    PyObject *out = NULL;

    if (n == 0) {
        return Py_NewRef((PyObject *)x);
    }
    more = orm_bool_list(st, ORM_OP_AND, criteria, n);
    pair[1] = more == NULL ? NULL : orm_and(st, x->kind == ORM_N_FILTER ? x->args[1] : NULL, more);
    if (pair[1] != NULL) {
        out = (PyObject *)orm_node_make(st, ORM_N_FILTER, ORM_OP_NONE, orm_node_type(st, x), NULL, 0,
                                        2, pair);
    }
    Py_XDECREF(more);
    Py_XDECREF(pair[1]);
    return out;
}

static PyObject *
m_filter(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);

    return x == NULL ? NULL : filter_new(st, x, args, nargs);
}

static PyObject *
f_funcfilter(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *x = nargs < 1 ? NULL : orm_node_of(st, args[0]);

    if (x == NULL) {
        if (nargs < 1) {
            PyErr_SetString(PyExc_TypeError, "funcfilter() takes a function and criteria");
        }
        return NULL;
    }
    return filter_new(st, x, args + 1, nargs - 1);
}

static PyObject *
ordered_new(orm_state *st, orm_kind kind, orm_node *x, PyObject *const *order, Py_ssize_t n)
{
    PyObject *tuple = PyTuple_New(n);
    orm_node *pair[2] = {x, NULL};
    orm_type *type = orm_node_type(st, x);
    PyObject *out = NULL;
    Py_ssize_t i;

    for (i = 0; tuple != NULL && i < n; i++) {
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(order[i]));
    }
    pair[1] = tuple == NULL ? NULL : order_list(st, tuple);
    if (pair[1] != NULL) {
        if (kind == ORM_N_WITHIN && type->kind == ORM_T_NULL && n > 0) {
            type = orm_node_type(st, pair[1]->args[0]); /* ordered-set aggregates */
        }
        out = (PyObject *)orm_node_make(st, kind, ORM_OP_NONE, type, NULL, 0, 2, pair);
    }
    Py_XDECREF(tuple);
    Py_XDECREF(pair[1]);
    return out;
}

static PyObject *
m_within_group(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);

    return x == NULL ? NULL : ordered_new(st, ORM_N_WITHIN, x, args, nargs);
}

static PyObject *
m_aggregate_order_by(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);
    orm_node *inner = NULL;
    orm_node *copy = NULL;
    PyObject *order = NULL;

    if (x == NULL) {
        return NULL;
    }
    if (x->kind != ORM_N_FUNC || x->ob_base.ob_size == 0) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "aggregate_order_by() is for functions with an argument");
        return NULL;
    }
    /* the order belongs to the last argument, as in string_agg(x, ',' ORDER BY y) */
    inner = x->args[x->ob_base.ob_size - 1];
    order = ordered_new(st, ORM_N_AGGORDER, inner, args, nargs);
    copy = order == NULL ? NULL : orm_node_new(st, NULL, ORM_N_FUNC, x->ob_base.ob_size);
    if (copy != NULL) {
        Py_ssize_t i;

        copy->aux = x->aux;
        copy->type = (orm_type *)Py_XNewRef((PyObject *)x->type);
        copy->payload = Py_XNewRef(x->payload);
        for (i = 0; i < x->ob_base.ob_size; i++) {
            copy->args[i] = (orm_node *)Py_NewRef(
                i == x->ob_base.ob_size - 1 ? order : (PyObject *)x->args[i]);
        }
        (void)orm_node_seal(st, copy);
    }
    Py_XDECREF(order);
    return (PyObject *)copy;
}

static PyObject *
f_within_group(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *x = nargs < 1 ? NULL : orm_node_of(st, args[0]);

    if (x == NULL) {
        if (nargs < 1) {
            PyErr_SetString(PyExc_TypeError, "within_group() takes a function and an order");
        }
        return NULL;
    }
    return ordered_new(st, ORM_N_WITHIN, x, args + 1, nargs - 1);
}

static PyObject *
f_aggregate_order_by(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *x = nargs < 2 ? NULL : orm_coerce_value(st, args[0], NULL);
    PyObject *out = NULL;

    if (x == NULL) {
        if (nargs < 2) {
            PyErr_SetString(PyExc_TypeError,
                            "aggregate_order_by() takes an expression and an order");
        }
        return NULL;
    }
    out = ordered_new(st, ORM_N_AGGORDER, x, args + 1, nargs - 1);
    Py_DECREF(x);
    return out;
}

/* ---- functions in FROM -------------------------------------------------------------------------- */

/* The COLUMN node of a str or column object. New ref. */
orm_node *
orm_column_like(orm_state *st, PyObject *o)
{
    PyObject *made = NULL;
    orm_node *n = NULL;

    if (PyUnicode_Check(o)) {
        made = PyObject_CallOneArg((PyObject *)st->ColumnClause, o);
        n = made == NULL ? NULL : orm_node_of(st, made);
        Py_XINCREF(n);
        Py_XDECREF(made);
        return n;
    }
    return (orm_node *)Py_XNewRef((PyObject *)orm_node_of(st, o));
}

orm_node *
orm_fromfunc_new(orm_state *st, orm_node *f, orm_node *columns, PyObject *name, uint32_t aux)
{
    orm_node *parts[3] = {f, columns, NULL};

    return orm_node_make(st, ORM_N_FROMFUNC, ORM_OP_NONE, NULL, name, aux, 3, parts);
}

static PyObject *
m_table_valued(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "table_valued",
                                       .names = {"name", "with_ordinality", "joins_implicitly"},
                                       .count = 3};
    orm_state *st = orm_expr_state(self);
    orm_node *f = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *list = PyList_New(0);
    PyObject *out[3];
    PyObject *name = NULL;
    orm_node *columns = NULL;
    PyObject *result = NULL;
    uint32_t aux = 0;
    Py_ssize_t i;

    if (f == NULL || list == NULL
        || orm_args_parse(&spec, args + nargs, 0, kwnames, out) < 0) {
        goto done;
    }
    name = out[0] == Py_None ? NULL : out[0];
    for (i = 0; i < nargs + 1; i++) {
        PyObject *item = i < nargs ? args[i] : out[1];
        orm_node *c = NULL;

        if (item == NULL || item == Py_None) {
            continue;
        }
        aux |= i == nargs ? ORM_FROMFUNC_ORDINALITY : 0;
        c = orm_column_like(st, item);
        if (c == NULL || PyList_Append(list, (PyObject *)c) < 0) {
            Py_XDECREF(c);
            goto done;
        }
        Py_DECREF(c);
    }
    if (out[2] != NULL && PyObject_IsTrue(out[2]) > 0) {
        aux |= ORM_FROMFUNC_IMPLICIT;
    }
    columns = orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
    if (columns != NULL) {
        result = (PyObject *)orm_fromfunc_new(st, f, columns, name, aux);
    }
done:
    Py_XDECREF(columns);
    Py_XDECREF(list);
    return result;
}

/* A FROM element as one column of its own name. */
static PyObject *
fromcol_new(orm_state *st, orm_node *from, orm_type *type)
{
    return (PyObject *)orm_node_make(st, ORM_N_FROMCOL, ORM_OP_NONE, type, NULL, 0, 1, &from);
}

static PyObject *
m_column_valued(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "column_valued",
                                       .names = {"name", "joins_implicitly"},
                                       .count = 2,
                                       .npositional = 1};
    orm_state *st = orm_expr_state(self);
    orm_node *f = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *out[2];
    orm_node *from = NULL;
    PyObject *result = NULL;
    int implicit;

    if (f == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    implicit = orm_arg_bool(out[1], 0);
    from = orm_fromfunc_new(st, f, NULL, out[0] == Py_None ? NULL : out[0],
                            ORM_FROMFUNC_SCALAR | (implicit > 0 ? ORM_FROMFUNC_IMPLICIT : 0));
    if (from != NULL) {
        result = fromcol_new(st, from, orm_node_type(st, f));
        Py_DECREF(from);
    }
    return result;
}

/* (f(x)).name: one field of the row that a function returns, as a value. */
static PyObject *
m_scalar_table_valued(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "scalar_table_valued",
                                       .names = {"name", "type_"},
                                       .count = 2,
                                       .npositional = 2,
                                       .nrequired = 1};
    orm_state *st = orm_expr_state(self);
    orm_node *f = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *out[2];
    PyObject *made = NULL;
    orm_node *pair[2] = {NULL, NULL};
    PyObject *result = NULL;

    if (f == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    made = PyObject_CallFunctionObjArgs((PyObject *)st->ColumnClause, out[0], out[1], NULL);
    pair[1] = made == NULL ? NULL : orm_node_of(st, made);
    pair[0] = pair[1] == NULL ? NULL : orm_fromfunc_new(st, f, NULL, NULL, ORM_FROMFUNC_SCALAR);
    if (pair[0] != NULL) {
        result = (PyObject *)orm_node_make(st, ORM_N_COLREF, ORM_OP_NONE, pair[1]->type,
                                           orm_node_named(pair[1])->name, 0, 2, pair);
    }
    Py_XDECREF(pair[0]);
    Py_XDECREF(made);
    return result;
}

static PyObject *
m_function_alias(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "alias",
                                       .names = {"name", "joins_implicitly"},
                                       .count = 2,
                                       .npositional = 1};
    orm_state *st = orm_expr_state(self);
    orm_node *f = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *out[2];

    if (f == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    return (PyObject *)orm_fromfunc_new(
        st, f, NULL, out[0] == Py_None ? NULL : out[0],
        ORM_FROMFUNC_SCALAR
            | (out[1] != NULL && PyObject_IsTrue(out[1]) > 0 ? ORM_FROMFUNC_IMPLICIT : 0));
}

static PyObject *
m_function_select(PyObject *self, PyObject *none)
{
    orm_state *st = orm_expr_state(self);

    (void)none;
    return st == NULL ? NULL : (PyObject *)orm_select_new(st, &self, 1);
}

/* TableValuedAlias: name, derived columns, LATERAL. */
static PyObject *
fromfunc_again(PyObject *self, PyObject *name, uint32_t more)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = (orm_node *)self;

    return st == NULL ? NULL
                      : (PyObject *)orm_fromfunc_new(st, n->args[0], n->args[1],
                                                     name == NULL || name == Py_None ? n->payload
                                                                                     : name,
                                                     n->aux | more);
}

static PyObject *
fromfunc_alias(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "alias", .names = {"name"}, .count = 1, .npositional = 1};
    PyObject *out[1];

    return orm_args_parse(&spec, args, nargs, kwnames, out) < 0 ? NULL
                                                                 : fromfunc_again(self, out[0], 0);
}

static PyObject *
fromfunc_lateral(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "lateral", .names = {"name"}, .count = 1, .npositional = 1};
    PyObject *out[1];

    return orm_args_parse(&spec, args, nargs, kwnames, out) < 0
               ? NULL
               : fromfunc_again(self, out[0], ORM_FROMFUNC_LATERAL);
}

static PyObject *
fromfunc_render_derived(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "render_derived", .names = {"name", "with_types"}, .count = 2, .npositional = 2};
    PyObject *out[2];
    int types;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    types = orm_arg_bool(out[1], 0);
    return types < 0 ? NULL
                     : fromfunc_again(self, out[0],
                                      ORM_FROMFUNC_DERIVED | (types ? ORM_FROMFUNC_TYPES : 0));
}

PyObject *
orm_fromfunc_column(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);

    (void)closure;
    return st == NULL ? NULL
                      : fromcol_new(st, (orm_node *)self,
                                    orm_node_type(st, ((orm_node *)self)->args[0]));
}

PyMethodDef orm_fromfunc_methods[] = {
    {"alias", ORM_METHOD(fromfunc_alias), ORM_METH_KW, "alias($self, name=None)\n--\n\nUnder another name."},
    {"lateral", ORM_METHOD(fromfunc_lateral), ORM_METH_KW, "lateral($self, name=None)\n--\n\nLATERAL."},
    {"render_derived", ORM_METHOD(fromfunc_render_derived), ORM_METH_KW,
     "render_derived($self, name=None, with_types=False)\n--\n\n`AS name(column, ...)`."},
    {NULL, NULL, 0, NULL},
};

PyMethodDef orm_function_methods[] = {
    {"over", ORM_METHOD(m_over), ORM_METH_KW,
     "over($self, *, partition_by=None, order_by=None, rows=None, range_=None, groups=None, exclude=None)\n--\n\n"
     "The function over a window."},
    {"filter", ORM_METHOD(m_filter), METH_FASTCALL, "filter($self, /, *criterion)\n--\n\n`FILTER (WHERE ...)`."},
    {"within_group", ORM_METHOD(m_within_group), METH_FASTCALL,
     "within_group($self, /, *order_by)\n--\n\n`WITHIN GROUP (ORDER BY ...)`."},
    {"aggregate_order_by", ORM_METHOD(m_aggregate_order_by), METH_FASTCALL,
     "aggregate_order_by($self, /, *order_by)\n--\n\nORDER BY inside the aggregate."},
    {"table_valued", ORM_METHOD(m_table_valued), ORM_METH_KW,
     "table_valued($self, /, *expr, name=None, with_ordinality=None, joins_implicitly=False)\n--\n\n"
     "The function as a FROM element with these columns."},
    {"column_valued", ORM_METHOD(m_column_valued), ORM_METH_KW,
     "column_valued($self, name=None, *, joins_implicitly=False)\n--\n\nThe function in FROM, as one column."},
    {"scalar_table_valued", ORM_METHOD(m_scalar_table_valued), ORM_METH_KW,
     "scalar_table_valued($self, name, type_=None)\n--\n\nOne field of the function's row, as a value."},
    {"alias", ORM_METHOD(m_function_alias), ORM_METH_KW,
     "alias($self, name=None, *, joins_implicitly=False)\n--\n\nThe function as a FROM element."},
    {"select", m_function_select, METH_NOARGS, "select($self)\n--\n\nA SELECT of this function."},
    {NULL, NULL, 0, NULL},
};

static PyObject *
function_clauses(PyObject *self, void *closure)
{
    PyObject *clauses = ((FunctionObject *)self)->clauses;

    (void)closure;
    return clauses == NULL ? PyTuple_New(0) : Py_NewRef(clauses);
}

PyGetSetDef orm_function_getset[] = {
    {"clauses", function_clauses, NULL, "The arguments.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef over_functions[] = {
    {"over", ORM_METHOD(f_over), ORM_METH_KW,
     "over($module, element, partition_by=None, order_by=None, *, rows=None, range_=None, groups=None, "
     "exclude=None)\n--\n\nA function over a window."},
    {"funcfilter", ORM_METHOD(f_funcfilter), METH_FASTCALL,
     "funcfilter($module, func, /, *criterion)\n--\n\nFILTER."},
    {"within_group", ORM_METHOD(f_within_group), METH_FASTCALL,
     "within_group($module, element, /, *order_by)\n--\n\nWITHIN GROUP."},
    {"aggregate_order_by", ORM_METHOD(f_aggregate_order_by), METH_FASTCALL,
     "aggregate_order_by($module, target, /, *order_by)\n--\n\nORDER BY inside an aggregate."},
    {NULL, NULL, 0, NULL},
};

int
orm_func_methods_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, over_functions);
}
