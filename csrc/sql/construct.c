/*
 * construct.c - the functions that make expressions: and_, case, cast, bindparam, literal ...
 *
 * Place: `pyorm.sql` re-exports them. Each parses its arguments, coerces them by role and
 *   makes one node; what a node means stands in sql_node.h.
 * Ownership: returns new references. Locking: the GIL.
 */
#include "sql_int.h"

static orm_state *
state_of(PyObject *module)
{
    return orm_state_from_module(module);
}

/* ---- booleans ------------------------------------------------------------------------------ */
static PyObject *
bool_function(PyObject *module, PyObject *const *args, Py_ssize_t nargs, orm_op op)
{
    orm_state *st = state_of(module);

    if (nargs == 0
        && orm_warn(st, ORM_EXC_SADeprecationWarning, 1,
                    "Invoking %s() without arguments is deprecated, and will be disallowed in a "
                    "future release.   For an empty %s() construct, use '%s(%s(), *args)' or "
                    "'%s(%s, *args)'.",
                    orm_op_table[op].py, orm_op_table[op].py, orm_op_table[op].py,
                    op == ORM_OP_AND ? "true" : "false", orm_op_table[op].py,
                    op == ORM_OP_AND ? "True" : "False")
               < 0) {
        return NULL;
    }
    return (PyObject *)orm_bool_list(st, op, args, nargs);
}

static PyObject *
f_and(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return bool_function(module, args, nargs, ORM_OP_AND);
}

static PyObject *
f_or(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    return bool_function(module, args, nargs, ORM_OP_OR);
}

static PyObject *
f_not(PyObject *module, PyObject *arg)
{
    orm_state *st = state_of(module);
    orm_node *n = NULL;
    PyObject *out = NULL;

    if (orm_coerce_element(st, arg, &n) == 0) {
        n = orm_coerce_criterion(st, arg);
    }
    if (n != NULL) {
        if (orm_kind_is_select(n->kind)) {
            Py_SETREF(n, orm_as_scalar(st, n));
        }
        out = n == NULL ? NULL : (PyObject *)orm_negate(st, n);
    }
    Py_XDECREF(n);
    return out;
}

static PyObject *
f_null(PyObject *module, PyObject *none)
{
    (void)none;
    return (PyObject *)orm_single(state_of(module), ORM_N_NULLVAL);
}

static PyObject *
f_true(PyObject *module, PyObject *none)
{
    (void)none;
    return (PyObject *)orm_single(state_of(module), ORM_N_TRUEVAL);
}

static PyObject *
f_false(PyObject *module, PyObject *none)
{
    (void)none;
    return (PyObject *)orm_single(state_of(module), ORM_N_FALSEVAL);
}

/* ---- casts ------------------------------------------------------------------------------------ */
static PyObject *
cast_common(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
            orm_kind kind, uint32_t aux)
{
    static const orm_args_spec spec = {.fname = "cast",
                                       .names = {"expression", "type_"},
                                       .count = 2,
                                       .npositional = 2,
                                       .nrequired = 2};
    orm_state *st = state_of(module);
    PyObject *out[2];
    orm_type *type = NULL;
    orm_node *x = NULL;
    PyObject *result = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    type = orm_type_of(st, out[1]);
    x = type == NULL ? NULL : orm_coerce_value(st, out[0], type);
    if (x != NULL) {
        if (kind == ORM_N_TYPECOERCE && x->kind == ORM_N_BIND && x->type != type) {
            Py_SETREF(x, orm_bind_typed(st, x, type));
        }
        result = x == NULL ? NULL
                           : (PyObject *)orm_node_make(st, kind, ORM_OP_NONE, type, NULL, aux, 1, &x);
    }
    Py_XDECREF(type);
    Py_XDECREF(x);
    return result;
}

static PyObject *
f_cast(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return cast_common(module, args, nargs, kwnames, ORM_N_CAST, 0);
}

static PyObject *
f_try_cast(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return cast_common(module, args, nargs, kwnames, ORM_N_CAST, 1);
}

static PyObject *
f_type_coerce(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return cast_common(module, args, nargs, kwnames, ORM_N_TYPECOERCE, 0);
}

/* _name_expression(owner, expr, key): the fixed-size object `owner` stands for the expression,
   which is called `key` where it is selected and is itself everywhere else. A LABEL inside of a
   TYPECOERCE says so: its key is the structure, so that every evaluation of a hybrid finds the
   compiled form of the first one. */
static PyObject *
f_name_expression(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = state_of(module);
    orm_node *x = NULL;
    orm_node *label = NULL;
    orm_node *named = NULL;
    int rc;

    if (nargs != 3 || !PyObject_TypeCheck(args[0], st->ColumnElement)
        || Py_TYPE(args[0])->tp_itemsize != 0 || !PyUnicode_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "_name_expression() takes (owner, expression, key)");
        return NULL;
    }
    rc = orm_coerce_element(st, args[1], &x);
    if (rc == 0) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "the expression of '%U' is no SQL expression: got %R", args[2], args[1]);
    }
    if (rc > 0) {
        Py_SETREF(x, orm_as_scalar(st, x));
    }
    label = rc <= 0 || x == NULL ? NULL : orm_label_new(st, x, args[2]);
    named = label == NULL ? NULL
                          : orm_node_make(st, ORM_N_TYPECOERCE, ORM_OP_NONE, label->type, NULL, 0, 1,
                                          &label);
    if (named != NULL) {
        Py_XSETREF(((orm_element *)args[0])->node, (orm_node *)Py_NewRef(named));
    }
    Py_XDECREF(x);
    Py_XDECREF(label);
    Py_XDECREF(named);
    return named == NULL ? NULL : Py_NewRef(Py_None);
}

/* ---- values ------------------------------------------------------------------------------------- */
static PyObject *
f_literal(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "literal",
                                       .names = {"value", "type_", "literal_execute"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 1};
    orm_state *st = state_of(module);
    PyObject *out[3];
    orm_type *type = NULL;
    orm_node *n = NULL;
    int inl;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    inl = orm_arg_bool(out[2], 0);
    type = inl < 0 ? NULL
                   : out[1] != NULL && out[1] != Py_None ? orm_type_of(st, out[1])
                                                          : orm_type_for_value(st, out[0]);
    if (type != NULL) {
        n = orm_bind_new(st, out[0], type, NULL,
                         ORM_BIND_UNIQUE | (inl ? ORM_BIND_LITERAL_EXECUTE : 0));
        Py_DECREF(type);
    }
    return (PyObject *)n;
}

static PyObject *
f_literal_column(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "literal_column",
                                       .names = {"text", "type_"},
                                       .count = 2,
                                       .npositional = 2,
                                       .nrequired = 1};
    orm_state *st = state_of(module);
    PyObject *out[2];
    PyObject *text = NULL;
    orm_type *type = NULL;
    orm_node *n = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0
        || orm_arg_str(&spec, 0, out[0], 0, &text) < 0) {
        return NULL;
    }
    type = out[1] != NULL && out[1] != Py_None
               ? orm_type_of(st, out[1])
               : (orm_type *)Py_XNewRef(orm_type_builtin(st, ORM_T_NULL));
    text = type == NULL ? NULL : PyUnicode_FromObject(text);
    if (text != NULL) {
        n = orm_node_make(st, ORM_N_TEXT, ORM_OP_NONE, type, text, ORM_FRAGMENT_COLUMN, 0, NULL);
        Py_DECREF(text);
    }
    Py_XDECREF(type);
    return (PyObject *)n;
}

/* The type of a bindparam: given, by its value, by the items of an expanding one. */
static orm_type *
bind_type(orm_state *st, PyObject *type_obj, PyObject *value, int expanding)
{
    if (type_obj != NULL && type_obj != Py_None) {
        return orm_type_of(st, type_obj);
    }
    if (value != NULL && expanding && (PyTuple_Check(value) || PyList_Check(value))) {
        if (PySequence_Fast_GET_SIZE(value) > 0) {
            return orm_type_for_value(st, PySequence_Fast_GET_ITEM(value, 0));
        }
        value = NULL;
    }
    if (value == NULL) {
        return (orm_type *)Py_XNewRef(orm_type_builtin(st, ORM_T_NULL));
    }
    return orm_type_for_value(st, value);
}

static PyObject *
f_bindparam(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "bindparam",
        .names = {"key", "value", "type_", "unique", "required", "quote", "callable_", "expanding",
                  "isoutparam", "literal_execute"},
        .count = 10,
        .npositional = 3,
        .nrequired = 1};
    enum { KEY, VALUE, TYPE, UNIQUE, REQUIRED, QUOTE, CALLABLE, EXPANDING, OUTPARAM, LITERAL };
    orm_state *st = state_of(module);
    PyObject *out[10];
    PyObject *value = NULL;
    PyObject *name = NULL;
    orm_type *type = NULL;
    orm_node *n = NULL;
    uint32_t aux = 0;
    int unique, required, expanding, literal;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    unique = orm_arg_bool(out[UNIQUE], 0);
    expanding = orm_arg_bool(out[EXPANDING], 0);
    literal = orm_arg_bool(out[LITERAL], 0);
    out[CALLABLE] = out[CALLABLE] == Py_None ? NULL : out[CALLABLE];
    required = orm_arg_bool(out[REQUIRED], out[VALUE] == NULL && out[CALLABLE] == NULL);
    if (unique < 0 || required < 0 || expanding < 0 || literal < 0) {
        return NULL;
    }
    if (required && out[VALUE] == Py_None) {
        out[VALUE] = NULL;
    }
    value = out[CALLABLE] != NULL ? Py_NewRef(out[CALLABLE]) : Py_XNewRef(out[VALUE]);
    if (value != NULL && expanding && out[CALLABLE] == NULL && value != Py_None) {
        Py_SETREF(value, PySequence_Tuple(value)); /* a snapshot */
        if (value == NULL) {
            return NULL;
        }
    }
    type = bind_type(st, out[TYPE], out[CALLABLE] != NULL ? NULL : value, expanding);
    if (out[KEY] == Py_None) {
        unique = 1;
        name = Py_NewRef(st->s_param);
    }
    else if (!PyUnicode_Check(out[KEY])) {
        PyErr_Format(PyExc_TypeError, "bindparam() takes a name or None, got %R", out[KEY]);
    }
    else {
        name = PyUnicode_FromObject(out[KEY]);
    }
    aux = (unique ? ORM_BIND_UNIQUE : 0) | (required ? ORM_BIND_REQUIRED : 0)
          | (out[CALLABLE] != NULL ? ORM_BIND_CALLABLE : 0) | (expanding ? ORM_BIND_EXPANDING : 0)
          | (literal ? ORM_BIND_LITERAL_EXECUTE : 0);
    if (name != NULL && type != NULL) {
        n = orm_bind_new(st, value, type, name, aux);
    }
    Py_XDECREF(name);
    Py_XDECREF(type);
    Py_XDECREF(value);
    return (PyObject *)n;
}

/* ---- CASE ------------------------------------------------------------------------------------- */
static int
add_when(orm_state *st, PyObject *list, PyObject *when, PyObject *then, orm_node *value,
         orm_type **type)
{
    orm_node *a = value != NULL ? orm_bind_unnamed(
                                      st, orm_coerce_operand(st, when, value, ORM_OP_LIKE))
                                : orm_coerce_criterion(st, when);
    orm_node *b = a == NULL ? NULL : orm_coerce_value(st, then, NULL);
    int rc = b == NULL || PyList_Append(list, (PyObject *)a) < 0
                     || PyList_Append(list, (PyObject *)b) < 0
                 ? -1
                 : 0;

    if (rc == 0 && b->type != NULL && b->type->kind != ORM_T_NULL && *type == NULL) {
        *type = (orm_type *)Py_NewRef((PyObject *)b->type);
    }
    Py_XDECREF(a);
    Py_XDECREF(b);
    return rc;
}

/* One positional argument: (when, then), or a dict of them. */
static int
add_whens(orm_state *st, PyObject *list, PyObject *arg, orm_node *value, orm_type **type)
{
    PyObject *when = NULL;
    PyObject *then = NULL;
    Py_ssize_t pos = 0;

    if (PyDict_Check(arg)) {
        PyObject *copy = PyDict_Copy(arg); /* coercion may run Python */
        int rc = copy == NULL ? -1 : 0;

        while (rc == 0 && PyDict_Next(copy, &pos, &when, &then)) {
            rc = add_when(st, list, when, then, value, type);
        }
        Py_XDECREF(copy);
        return rc;
    }
    if (PyTuple_Check(arg) && PyTuple_GET_SIZE(arg) == 2) {
        return add_when(st, list, PyTuple_GET_ITEM(arg, 0), PyTuple_GET_ITEM(arg, 1), value, type);
    }
    return orm_raise_exc(st, ORM_EXC_ArgumentError,
                         "case() takes (condition, result) tuples or one dictionary of them, "
                         "got %R",
                         arg);
}

static PyObject *
f_case(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    orm_state *st = state_of(module);
    Py_ssize_t nk = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    PyObject *list = PyList_New(0);
    orm_node *value = NULL;
    orm_node *other = NULL;
    orm_type *type = NULL;
    orm_node *n = NULL;
    Py_ssize_t i;

    if (list == NULL) {
        return NULL;
    }
    for (i = 0; i < nk; i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        PyObject *v = args[nargs + i];

        if (orm_unicode_equals_ascii(name, "value")) {
            value = v == Py_None ? NULL : orm_coerce_value(st, v, NULL);
            if (value == NULL && v != Py_None) {
                goto done;
            }
        }
        else if (orm_unicode_equals_ascii(name, "else_")) {
            other = v == Py_None ? NULL : orm_coerce_value(st, v, NULL);
            if (other == NULL && v != Py_None) {
                goto done;
            }
        }
        else {
            PyErr_Format(PyExc_TypeError, "case() got an unexpected keyword argument '%U'", name);
            goto done;
        }
    }
    for (i = 0; i < nargs; i++) {
        if (add_whens(st, list, args[i], value, &type) < 0) {
            goto done;
        }
    }
    if (type == NULL) {
        type = (orm_type *)Py_XNewRef(other != NULL ? orm_node_type(st, other)
                                                    : orm_type_builtin(st, ORM_T_NULL));
    }
    n = type == NULL ? NULL : orm_node_new(st, NULL, ORM_N_CASE, 2 + PyList_GET_SIZE(list));
    if (n != NULL) {
        n->type = (orm_type *)Py_NewRef((PyObject *)type);
        n->args[0] = (orm_node *)Py_XNewRef((PyObject *)value);
        n->args[1] = (orm_node *)Py_XNewRef((PyObject *)other);
        for (i = 0; i < PyList_GET_SIZE(list); i++) {
            n->args[2 + i] = (orm_node *)Py_NewRef(PyList_GET_ITEM(list, i));
        }
        (void)orm_node_seal(st, n);
    }
done:
    Py_DECREF(list);
    Py_XDECREF(value);
    Py_XDECREF(other);
    Py_XDECREF(type);
    return (PyObject *)n;
}

/* ---- small ones ----------------------------------------------------------------------------------- */

/* Nodes of positional values; NULL with an exception. */
static PyObject *
value_list(orm_state *st, PyObject *const *args, Py_ssize_t nargs, orm_type *type)
{
    PyObject *list = PyList_New(0);
    Py_ssize_t i;

    for (i = 0; list != NULL && i < nargs; i++) {
        orm_node *n = orm_coerce_value(st, args[i], type);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    return list;
}

static orm_node *
node_of_list(orm_state *st, orm_kind kind, orm_type *type, PyObject *list)
{
    return orm_node_make(st, kind, ORM_OP_NONE, type, NULL, 0, PyList_GET_SIZE(list),
                         (orm_node *const *)((PyListObject *)list)->ob_item);
}

static PyObject *
f_tuple(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    orm_state *st = state_of(module);
    PyObject *list = value_list(st, args, nargs, NULL);
    orm_node *n = NULL;

    if (kwnames != NULL && PyTuple_GET_SIZE(kwnames) > 1) {
        PyErr_SetString(PyExc_TypeError, "tuple_() takes expressions and types=");
        Py_CLEAR(list);
    }
    if (list != NULL) {
        n = node_of_list(st, ORM_N_TUPLE, orm_type_builtin(st, ORM_T_NULL), list);
        Py_DECREF(list);
    }
    return (PyObject *)n;
}

static PyObject *
f_array(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "array",
                                       .names = {"clauses", "type_"},
                                       .count = 2,
                                       .npositional = 1,
                                       .nrequired = 1};
    orm_state *st = state_of(module);
    PyObject *out[2];
    PyObject *fast = NULL;
    PyObject *list = NULL;
    PyObject *cls = NULL;
    PyObject *instance = NULL;
    orm_type *item = NULL;
    orm_type *type = NULL;
    orm_node *n = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    fast = PySequence_Tuple(out[0]);
    if (fast == NULL) {
        return NULL;
    }
    if (out[1] != NULL && out[1] != Py_None) {
        item = orm_type_of(st, out[1]);
    }
    list = item == NULL && PyErr_Occurred()
               ? NULL
               : value_list(st, &PyTuple_GET_ITEM(fast, 0), PyTuple_GET_SIZE(fast), item);
    if (list != NULL && item == NULL) {
        item = (orm_type *)Py_XNewRef(PyList_GET_SIZE(list) > 0
                                          ? orm_node_type(st, (orm_node *)PyList_GET_ITEM(list, 0))
                                          : orm_type_builtin(st, ORM_T_NULL));
    }
    cls = item == NULL || list == NULL ? NULL
                                       : orm_import_once(&st->array_class, "pyorm.types", "ARRAY");
    instance = cls == NULL ? NULL : PyObject_CallOneArg(cls, item->engine);
    type = instance == NULL ? NULL : orm_type_of(st, instance);
    if (type != NULL) {
        n = node_of_list(st, ORM_N_ARRAY, type, list);
    }
    Py_XDECREF(instance);
    Py_XDECREF(type);
    Py_XDECREF(item);
    Py_XDECREF(list);
    Py_DECREF(fast);
    return (PyObject *)n;
}

static PyObject *
f_extract(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "extract",
                                       .names = {"field", "expr"},
                                       .count = 2,
                                       .npositional = 2,
                                       .nrequired = 2};
    orm_state *st = state_of(module);
    PyObject *out[2];
    PyObject *field = NULL;
    orm_node *x = NULL;
    PyObject *n = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0
        || orm_arg_str(&spec, 0, out[0], 0, &field) < 0) {
        return NULL;
    }
    x = orm_coerce_value(st, out[1], NULL);
    if (x != NULL) {
        n = (PyObject *)orm_node_make(st, ORM_N_EXTRACT, ORM_OP_NONE,
                                      orm_type_builtin(st, ORM_T_INT32), field, 0, 1, &x);
        Py_DECREF(x);
    }
    return n;
}

/* Operators as functions: desc("x") takes a name too. */
static PyObject *
order_function(PyObject *module, PyObject *arg, orm_op op)
{
    orm_state *st = state_of(module);
    orm_node *x = orm_coerce_order(st, arg);
    PyObject *n = x == NULL ? NULL : (PyObject *)orm_unary_new(st, op, x);

    Py_XDECREF(x);
    return n;
}

#define ORDER(name, OP)                                                                       \
    static PyObject *f_##name(PyObject *module, PyObject *arg)                                \
    {                                                                                         \
        return order_function(module, arg, ORM_OP_##OP);                                      \
    }
ORDER(asc, ASC)
ORDER(desc, DESC)
ORDER(nulls_first, NULLS_FIRST)
ORDER(nulls_last, NULLS_LAST)
ORDER(distinct, DISTINCT)
ORDER(bitwise_not, BIT_NOT)
#undef ORDER

static PyObject *
f_any(PyObject *module, PyObject *arg)
{
    orm_state *st = state_of(module);
    orm_node *x = orm_coerce_value(st, arg, NULL);
    PyObject *n = x == NULL ? NULL : (PyObject *)orm_any_all_new(st, ORM_OP_ANY, x);

    Py_XDECREF(x);
    return n;
}

static PyObject *
f_all(PyObject *module, PyObject *arg)
{
    orm_state *st = state_of(module);
    orm_node *x = orm_coerce_value(st, arg, NULL);
    PyObject *n = x == NULL ? NULL : (PyObject *)orm_any_all_new(st, ORM_OP_ALL, x);

    Py_XDECREF(x);
    return n;
}

static PyObject *
f_between(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "between",
                                       .names = {"expr", "lower_bound", "upper_bound", "symmetric"},
                                       .count = 4,
                                       .npositional = 4,
                                       .nrequired = 3};
    orm_state *st = state_of(module);
    PyObject *out[4];
    orm_node *x = NULL;
    PyObject *n = NULL;
    int symmetric;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    symmetric = orm_arg_bool(out[3], 0);
    x = symmetric < 0 ? NULL : orm_coerce_value(st, out[0], NULL);
    if (x != NULL) {
        n = (PyObject *)orm_between_new(st, x, out[1], out[2], symmetric);
        Py_DECREF(x);
    }
    return n;
}

static PyObject *
f_collate(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = state_of(module);
    orm_node *x = NULL;
    PyObject *n = NULL;

    if (nargs != 2 || !PyUnicode_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "collate() takes an expression and a collation's name");
        return NULL;
    }
    x = orm_coerce_value(st, args[0], NULL);
    if (x != NULL) {
        n = (PyObject *)orm_node_make(st, ORM_N_COLLATE, ORM_OP_NONE, orm_node_type(st, x), args[1],
                                      0, 1, &x);
        Py_DECREF(x);
    }
    return n;
}

static PyObject *
f_label(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = state_of(module);
    orm_node *x = NULL;
    orm_type *type = NULL;
    PyObject *n = NULL;

    if (nargs < 2 || nargs > 3 || (args[0] != Py_None && !PyUnicode_Check(args[0]))) {
        PyErr_SetString(PyExc_TypeError, "Label() takes a name, an expression and a type");
        return NULL;
    }
    x = orm_coerce_value(st, args[1], NULL);
    if (x != NULL) {
        type = nargs == 3 && args[2] != Py_None ? orm_type_of(st, args[2])
                                                : (orm_type *)Py_XNewRef(orm_node_type(st, x));
    }
    if (type != NULL) {
        n = (PyObject *)orm_node_make(st, ORM_N_LABEL, ORM_OP_NONE, type,
                                      args[0] == Py_None ? NULL : args[0], 0, 1, &x);
        Py_DECREF(type);
    }
    Py_XDECREF(x);
    return n;
}

/* from_dml_column(col): the value that this UPDATE sets for a column. */
static PyObject *
f_from_dml_column(PyObject *module, PyObject *arg)
{
    orm_state *st = state_of(module);
    orm_node *x = NULL;
    PyObject *n = NULL;
    int rc = orm_coerce_element(st, arg, &x);

    if (rc == 0 || (rc > 0 && !orm_kind_is_column(x->kind))) {
        orm_raise_exc(st, ORM_EXC_ArgumentError, "from_dml_column() takes a column, got %R", arg);
    }
    else if (rc > 0) {
        n = (PyObject *)orm_node_make(st, ORM_N_DMLCOL, ORM_OP_NONE, x->type, NULL, 0, 1, &x);
    }
    Py_XDECREF(x);
    return n;
}

#define KW(name, fn, doc) {name, ORM_METHOD(fn), ORM_METH_KW, name doc}
/* _apply(expr, from, to): expr with each column of `from` read from `to`, found when rendered. */
static PyObject *
f_apply(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *parts[3] = {NULL, NULL, NULL};
    PyObject *out = NULL;

    if (nargs != 3) {
        PyErr_SetString(PyExc_TypeError, "_apply() takes an expression and two FROM elements");
        return NULL;
    }
    parts[0] = orm_coerce_value(st, args[0], NULL);
    parts[1] = parts[0] == NULL ? NULL : orm_coerce_from(st, args[1]);
    parts[2] = parts[1] == NULL ? NULL : orm_coerce_from(st, args[2]);
    if (parts[2] != NULL) {
        out = (PyObject *)orm_node_make(st, ORM_N_APPLY, ORM_OP_NONE, orm_node_type(st, parts[0]),
                                        NULL, 0, 3, parts);
    }
    Py_XDECREF(parts[0]);
    Py_XDECREF(parts[1]);
    Py_XDECREF(parts[2]);
    return out;
}

static PyMethodDef construct_functions[] = {
    {"and_", ORM_METHOD(f_and), METH_FASTCALL, "and_($module, /, *clauses)\n--\n\nAll of the criteria."},
    {"or_", ORM_METHOD(f_or), METH_FASTCALL, "or_($module, /, *clauses)\n--\n\nAny of the criteria."},
    {"not_", f_not, METH_O, "not_($module, clause, /)\n--\n\nThe opposite."},
    {"null", f_null, METH_NOARGS, "null($module)\n--\n\nSQL NULL."},
    {"true", f_true, METH_NOARGS, "true($module)\n--\n\nSQL true."},
    {"false", f_false, METH_NOARGS, "false($module)\n--\n\nSQL false."},
    KW("cast", f_cast, "($module, expression, type_)\n--\n\nCAST."),
    KW("try_cast", f_try_cast, "($module, expression, type_)\n--\n\nTRY_CAST."),
    KW("type_coerce", f_type_coerce, "($module, expression, type_)\n--\n\nA type on the Python side only."),
    {"_name_expression", ORM_METHOD(f_name_expression), METH_FASTCALL,
     "_name_expression($module, owner, expression, key, /)\n--\n\nLet an object stand for an expression."},
    KW("literal", f_literal, "($module, value, type_=None, literal_execute=False)\n--\n\nA bound value."),
    KW("literal_column", f_literal_column, "($module, text, type_=None)\n--\n\nSQL text as a column."),
    KW("bindparam", f_bindparam,
       "($module, key, value=None, type_=None, unique=False, required=None, quote=None, "
       "callable_=None, expanding=False, isoutparam=False, literal_execute=False)\n--\n\n"
       "A named parameter."),
    KW("case", f_case, "($module, /, *whens, value=None, else_=None)\n--\n\nCASE."),
    KW("tuple_", f_tuple, "($module, /, *clauses, types=None)\n--\n\nA row value."),
    KW("array_literal", f_array, "($module, clauses, *, type_=None)\n--\n\nPostgreSQL's ARRAY[...]."),
    KW("extract", f_extract, "($module, field, expr)\n--\n\nEXTRACT(field FROM expr)."),
    {"asc", f_asc, METH_O, "asc($module, column, /)\n--\n\n`x ASC`."},
    {"desc", f_desc, METH_O, "desc($module, column, /)\n--\n\n`x DESC`."},
    {"nulls_first", f_nulls_first, METH_O, "nulls_first($module, column, /)\n--\n\n`x NULLS FIRST`."},
    {"nulls_last", f_nulls_last, METH_O, "nulls_last($module, column, /)\n--\n\n`x NULLS LAST`."},
    {"distinct", f_distinct, METH_O, "distinct($module, expr, /)\n--\n\n`DISTINCT x`."},
    {"bitwise_not", f_bitwise_not, METH_O, "bitwise_not($module, expr, /)\n--\n\n`~x`."},
    {"any_", f_any, METH_O, "any_($module, expr, /)\n--\n\n`ANY (x)`."},
    {"all_", f_all, METH_O, "all_($module, expr, /)\n--\n\n`ALL (x)`."},
    KW("between", f_between, "($module, expr, lower_bound, upper_bound, symmetric=False)\n--\n\nBETWEEN."),
    {"collate", ORM_METHOD(f_collate), METH_FASTCALL,
     "collate($module, expression, collation, /)\n--\n\n`x COLLATE c`."},
    {"_apply", ORM_METHOD(f_apply), METH_FASTCALL,
     "_apply($module, expr, from_, to, /)\n--\n\nThe expression, read from another FROM element."},
    {"_label", ORM_METHOD(f_label), METH_FASTCALL, "_label($module, name, element, type_=None, /)\n--\n\nA label."},
    {"from_dml_column", f_from_dml_column, METH_O,
     "from_dml_column($module, column, /)\n--\n\nThe value that this UPDATE sets for a column."},
    {NULL, NULL, 0, NULL},
};

int
orm_constructs_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, construct_functions);
}
