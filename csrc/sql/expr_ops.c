/*
 * expr_ops.c - ColumnElement: the operators and methods every expression has.
 *
 * Place: the Python surface over expr.c. One line per operator; what they have in common
 *   (coercion, the comparator's slow path, the result object) stands in `apply`.
 * Comparators: an operand with ORM_F_OVERRIDE asks `self.comparator.operate(op, other)`;
 *   the default Comparator calls `_core.operate`, which comes in below the override test.
 * Identity: `==` builds SQL, hash is identity; bool() of `a == b` tells whether both are one
 *   object, any other expression has none.
 * Ownership: methods return new references. Locking: the GIL; may run Python.
 */
#include "sql_int.h"

#include <string.h>

/* ---- the common path ---------------------------------------------------------------------- */

/* The operator's function on the operand's comparator: an override of a method counts, and so
 * does one of operate(). */
static PyObject *
ask_comparator(orm_state *st, PyObject *self, orm_op op, PyObject *other, PyObject *kwargs,
               int reverse)
{
    PyObject *comparator = PyObject_GetAttr(self, st->s_comparator);
    PyObject *py_op = comparator == NULL ? NULL : orm_operator_object(st, op, NULL);
    PyObject *args = NULL;
    PyObject *out = NULL;

    if (py_op != NULL) {
        args = other == NULL ? PyTuple_Pack(1, comparator)
               : reverse     ? PyTuple_Pack(2, other, comparator)
                             : PyTuple_Pack(2, comparator, other);
    }
    if (args != NULL) {
        out = PyObject_Call(py_op, args, kwargs);
    }
    Py_XDECREF(comparator);
    Py_XDECREF(py_op);
    Py_XDECREF(args);
    return out;
}

static PyObject *
apply(PyObject *self, PyObject *other, orm_op op, int reverse)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : node_of_clause(st, self);

    if (n == NULL) {
        return NULL;
    }
    if (n->flags & ORM_F_OVERRIDE) {
        return ask_comparator(st, self, op, other, NULL, reverse);
    }
    return (PyObject *)orm_operate(st, op, n, other, reverse);
}

static PyObject *
apply_unary(PyObject *self, orm_op op)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);

    if (n == NULL) {
        return NULL;
    }
    if ((n->flags & ORM_F_OVERRIDE) && op != ORM_OP_NOT) {
        return ask_comparator(st, self, op, NULL, NULL, 0);
    }
    return (PyObject *)(op == ORM_OP_NOT ? orm_negate(st, n) : orm_unary_new(st, op, n));
}

/* A method that the type's comparator class has, bound to this expression: 1 found, 0, -1. The
 * class is asked first: an instance hands on to the expression what it has not itself. */
static int
comparator_method(orm_state *st, PyObject *self, const orm_node *n, PyObject *name, PyObject **out)
{
    PyObject *factory = NULL;
    PyObject *comparator = NULL;
    PyObject *there = NULL;
    int rc = n->type == NULL
                 ? 0
                 : PyObject_GetOptionalAttr(n->type->engine, st->s_comparator_factory, &factory);

    if (rc > 0) {
        rc = PyObject_GetOptionalAttr(factory, name, &there);
    }
    if (rc > 0) {
        comparator = PyObject_CallOneArg(factory, self);
        *out = comparator == NULL ? NULL : PyObject_GetAttr(comparator, name);
        rc = *out == NULL ? -1 : 1;
    }
    Py_XDECREF(factory);
    Py_XDECREF(comparator);
    Py_XDECREF(there);
    return rc;
}

/* ---- the escape family -------------------------------------------------------------------- */

/* value with `escape` before each %, _ and escape. New ref. */
static PyObject *
escape_value(PyObject *value, PyObject *escape)
{
    static const char *const special[2] = {"%", "_"};
    PyObject *text = NULL;
    PyObject *doubled = PyUnicode_Concat(escape, escape);
    int i;

    text = doubled == NULL ? NULL : PyUnicode_Replace(value, escape, doubled, -1);
    Py_XDECREF(doubled);
    for (i = 0; text != NULL && i < 2; i++) {
        PyObject *plain = PyUnicode_FromString(special[i]);
        PyObject *with = plain == NULL ? NULL : PyUnicode_Concat(escape, plain);
        PyObject *next = with == NULL || PyUnicode_Compare(plain, escape) == 0
                             ? Py_XNewRef(with == NULL ? NULL : text)
                             : PyUnicode_Replace(text, plain, with, -1);

        Py_XDECREF(plain);
        Py_XDECREF(with);
        Py_SETREF(text, next);
    }
    return text;
}

/* like(other, escape=None), startswith(other, escape=None, autoescape=False) and family. */
static PyObject *
apply_like(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, orm_op op)
{
    static const orm_args_spec spec = {.fname = "like",
                                       .names = {"other", "escape", "autoescape"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 1};
    PyObject *out[3];
    orm_state *st = orm_expr_state(self);
    orm_node *l = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *value = NULL;
    PyObject *escape = NULL;
    orm_node *r = NULL;
    orm_node *result = NULL;
    int autoescape;

    if (l == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0
        || orm_arg_str(&spec, 1, out[1], 1, &escape) < 0) {
        return NULL;
    }
    autoescape = orm_arg_bool(out[2], 0);
    if (autoescape < 0) {
        return NULL;
    }
    value = Py_NewRef(out[0]);
    if (autoescape) {
        if (!PyUnicode_Check(value)) {
            PyErr_SetString(PyExc_TypeError, "String value expected when autoescape=True");
            goto done;
        }
        escape = escape != NULL ? escape : st->s_slash;
        Py_SETREF(value, escape_value(value, escape));
        if (value == NULL) {
            goto done;
        }
    }
    if (l->flags & ORM_F_OVERRIDE) {
        PyObject *kwargs = PyDict_New();
        PyObject *answer = NULL;

        if (kwargs != NULL
            && (escape == NULL || PyDict_SetItem(kwargs, st->s_escape, escape) == 0)) {
            answer = ask_comparator(st, self, op, value, kwargs, 0);
        }
        Py_XDECREF(kwargs);
        Py_DECREF(value);
        return answer;
    }
    r = orm_coerce_operand(st, value, l, op);
    if (r != NULL) {
        result = orm_operate_nodes(st, op, l, r, escape);
    }
done:
    Py_XDECREF(r);
    Py_XDECREF(value);
    return (PyObject *)result;
}

#define LIKE(name, OP)                                                                        \
    static PyObject *m_##name(PyObject *self, PyObject *const *args, Py_ssize_t nargs,        \
                              PyObject *kwnames)                                              \
    {                                                                                         \
        return apply_like(self, args, nargs, kwnames, ORM_OP_##OP);                           \
    }
LIKE(like, LIKE)
LIKE(not_like, NOT_LIKE)
LIKE(ilike, ILIKE)
LIKE(not_ilike, NOT_ILIKE)
LIKE(startswith, STARTSWITH)
LIKE(endswith, ENDSWITH)
LIKE(istartswith, ISTARTSWITH)
LIKE(iendswith, IENDSWITH)
LIKE(icontains, ICONTAINS)
#undef LIKE

/* contains() of arrays and documents is another operator: their comparator's. */
static PyObject *
m_contains(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : node_of_clause(st, self);
    PyObject *method = NULL;
    PyObject *out = NULL;
    int rc = 0;

    if (n == NULL) {
        return NULL;
    }
    if (n->type != NULL && (n->type->kind == ORM_T_ARRAY || n->type->kind == ORM_T_JSONB)) {
        rc = comparator_method(st, self, n, st->s_contains, &method);
    }
    if (rc == 0) {
        return apply_like(self, args, nargs, kwnames, ORM_OP_CONTAINS);
    }
    if (rc > 0) {
        out = PyObject_Vectorcall(method, args, (size_t)nargs, kwnames);
        Py_DECREF(method);
    }
    return out;
}

/* ---- simple binary and unary methods ------------------------------------------------------ */
#define BINARY(name, OP)                                                                      \
    static PyObject *m_##name(PyObject *self, PyObject *other)                                \
    {                                                                                         \
        return apply(self, other, ORM_OP_##OP, 0);                                            \
    }
BINARY(is_, IS)
BINARY(is_not, IS_NOT)
BINARY(is_distinct_from, DISTINCT_FROM)
BINARY(is_not_distinct_from, NOT_DISTINCT_FROM)
BINARY(concat, CONCAT)
BINARY(bitwise_and, BIT_AND)
BINARY(bitwise_or, BIT_OR)
BINARY(bitwise_xor, BIT_XOR)
BINARY(bitwise_lshift, LSHIFT)
BINARY(bitwise_rshift, RSHIFT)
#undef BINARY

#define UNARY(name, OP)                                                                       \
    static PyObject *m_##name(PyObject *self, PyObject *none)                                 \
    {                                                                                         \
        (void)none;                                                                           \
        return apply_unary(self, ORM_OP_##OP);                                                \
    }
UNARY(asc, ASC)
UNARY(desc, DESC)
UNARY(nulls_first, NULLS_FIRST)
UNARY(nulls_last, NULLS_LAST)
UNARY(distinct, DISTINCT)
UNARY(bitwise_not, BIT_NOT)
#undef UNARY

static PyObject *
in_common(PyObject *self, PyObject *other, orm_op op)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);

    if (n == NULL) {
        return NULL;
    }
    if (n->flags & ORM_F_OVERRIDE) {
        return ask_comparator(st, self, op, other, NULL, 0);
    }
    return (PyObject *)orm_in_new(st, op, n, other);
}

static PyObject *
m_in(PyObject *self, PyObject *other)
{
    return in_common(self, other, ORM_OP_IN);
}

static PyObject *
m_not_in(PyObject *self, PyObject *other)
{
    return in_common(self, other, ORM_OP_NOT_IN);
}

orm_node *
orm_between_new(orm_state *st, orm_node *x, PyObject *low, PyObject *high, int symmetric)
{
    orm_node *parts[3] = {x, NULL, NULL};
    orm_op op = symmetric ? ORM_OP_BETWEEN_SYM : ORM_OP_BETWEEN;
    orm_node *n = NULL;

    parts[1] = orm_coerce_operand(st, low, x, ORM_OP_LIKE);
    parts[2] = parts[1] == NULL ? NULL : orm_coerce_operand(st, high, x, ORM_OP_LIKE);
    if (parts[2] != NULL) {
        n = orm_node_make(st, ORM_N_BINARY, op, orm_type_builtin(st, ORM_T_BOOL), NULL, 0, 3,
                          parts);
    }
    Py_XDECREF(parts[1]);
    Py_XDECREF(parts[2]);
    return n;
}

static PyObject *
m_between(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "between",
                                       .names = {"cleft", "cright", "symmetric"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 2};
    PyObject *out[3];
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);
    int symmetric;

    if (x == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    symmetric = orm_arg_bool(out[2], 0);
    return symmetric < 0 ? NULL : (PyObject *)orm_between_new(st, x, out[0], out[1], symmetric);
}

/* match(other, **kw), regexp_match(pattern, flags=None), regexp_replace(pattern, repl, flags) */
static PyObject *
m_match(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "match",
                                       .names = {"other", "postgresql_regconfig"},
                                       .count = 2,
                                       .npositional = 1,
                                       .nrequired = 1};
    PyObject *out[2];
    orm_state *st = orm_expr_state(self);
    orm_node *l = st == NULL ? NULL : orm_node_of(st, self);
    orm_node *r = NULL;
    PyObject *result = NULL;

    if (l == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    r = orm_coerce_operand(st, out[0], l, ORM_OP_MATCH);
    if (r != NULL) {
        result = (PyObject *)orm_operate_nodes(
            st, ORM_OP_MATCH, l, r, out[1] != NULL && PyUnicode_Check(out[1]) ? out[1] : NULL);
    }
    Py_XDECREF(r);
    return result;
}

static PyObject *
m_regexp_match(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "regexp_match",
                                       .names = {"pattern", "flags"},
                                       .count = 2,
                                       .npositional = 2,
                                       .nrequired = 1};
    PyObject *out[2];
    PyObject *flags = NULL;
    orm_state *st = orm_expr_state(self);
    orm_node *l = st == NULL ? NULL : orm_node_of(st, self);
    orm_node *r = NULL;
    PyObject *result = NULL;

    if (l == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0
        || orm_arg_str(&spec, 1, out[1], 1, &flags) < 0) {
        return NULL;
    }
    r = orm_coerce_operand(st, out[0], l, ORM_OP_REGEXP);
    if (r != NULL) {
        result = (PyObject *)orm_operate_nodes(st, ORM_OP_REGEXP, l, r, flags);
    }
    Py_XDECREF(r);
    return result;
}

static PyObject *
m_regexp_replace(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "regexp_replace",
                                       .names = {"pattern", "replacement", "flags"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 2};
    PyObject *out[3];
    PyObject *flags = NULL;
    orm_state *st = orm_expr_state(self);
    orm_node *parts[3] = {NULL, NULL, NULL};
    PyObject *result = NULL;

    parts[0] = st == NULL ? NULL : orm_node_of(st, self);
    if (parts[0] == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0
        || orm_arg_str(&spec, 2, out[2], 1, &flags) < 0) {
        return NULL;
    }
    parts[1] = orm_coerce_operand(st, out[0], parts[0], ORM_OP_LIKE);
    parts[2] = parts[1] == NULL ? NULL : orm_coerce_operand(st, out[1], parts[0], ORM_OP_LIKE);
    if (parts[2] != NULL) {
        result = (PyObject *)orm_node_make(st, ORM_N_BINARY, ORM_OP_REGEXP_REPLACE,
                                           orm_node_type(st, parts[0]), flags, 0, 3, parts);
    }
    Py_XDECREF(parts[1]);
    Py_XDECREF(parts[2]);
    return result;
}

/* ---- any, all, collate, label, cast -------------------------------------------------------- */
static PyObject *
any_all(PyObject *self, orm_op op)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);

    return x == NULL ? NULL : (PyObject *)orm_any_all_new(st, op, x);
}

orm_node *
orm_any_all_new(orm_state *st, orm_op op, orm_node *x)
{
    orm_type *type = orm_node_type(st, x);

    if (x->kind == ORM_N_SCALAR) {
        x = x->args[0]; /* ANY (SELECT ...), without a second pair of parentheses */
    }
    if (type != NULL && type->kind == ORM_T_ARRAY && type->item != NULL) {
        type = type->item;
    }
    return type == NULL ? NULL : orm_node_make(st, ORM_N_ANYALL, op, type, NULL, 0, 1, &x);
}

static PyObject *
m_any(PyObject *self, PyObject *none)
{
    (void)none;
    return any_all(self, ORM_OP_ANY);
}

static PyObject *
m_all(PyObject *self, PyObject *none)
{
    (void)none;
    return any_all(self, ORM_OP_ALL);
}

static PyObject *
m_collate(PyObject *self, PyObject *name)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);

    if (x == NULL) {
        return NULL;
    }
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "collate() takes the name of a collation, got %R", name);
        return NULL;
    }
    return (PyObject *)orm_node_make(st, ORM_N_COLLATE, ORM_OP_NONE, orm_node_type(st, x), name, 0,
                                     1, &x);
}

static PyObject *
m_label(PyObject *self, PyObject *name)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);
    PyObject *text = NULL;
    PyObject *out = NULL;

    if (x == NULL) {
        return NULL;
    }
    if (name != Py_None) {
        if (!PyUnicode_Check(name)) {
            PyErr_Format(PyExc_TypeError, "label() takes a name or None, got %R", name);
            return NULL;
        }
        text = PyUnicode_FromObject(name);
        if (text == NULL) {
            return NULL;
        }
    }
    out = (PyObject *)orm_label_new(st, x, text);
    Py_XDECREF(text);
    return out;
}

static PyObject *
m_cast(PyObject *self, PyObject *type_obj)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);
    orm_type *type = x == NULL ? NULL : orm_type_of(st, type_obj);
    PyObject *out = NULL;

    if (type != NULL) {
        out = (PyObject *)orm_node_make(st, ORM_N_CAST, ORM_OP_NONE, type, NULL, 0, 1, &x);
        Py_DECREF(type);
    }
    return out;
}

/* ---- arithmetic and comparison slots -------------------------------------------------------- */

/* Is `o` an expression of ours? The other operand of a slot may be anything. */
static int
is_ours(PyObject *o)
{
    PyTypeObject *tp = Py_TYPE(o);
    orm_state *st = NULL;

    if (!(tp->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
        return 0;
    }
    if (PyType_GetModuleByDef(tp, orm_module_def()) == NULL) {
        PyErr_Clear();
        return 0;
    }
    st = orm_state_from_type(tp);
    return st != NULL && PyObject_TypeCheck(o, st->ColumnElement);
}

static PyObject *
slot(PyObject *a, PyObject *b, orm_op op)
{
    return is_ours(a) ? apply(a, b, op, 0) : apply(b, a, op, 1);
}

#define SLOT(name, OP)                                                                        \
    static PyObject *n_##name(PyObject *a, PyObject *b)                                       \
    {                                                                                         \
        return slot(a, b, ORM_OP_##OP);                                                       \
    }
SLOT(add, ADD)
SLOT(sub, SUB)
SLOT(mul, MUL)
SLOT(truediv, TRUEDIV)
SLOT(floordiv, FLOORDIV)
SLOT(mod, MOD)
SLOT(lshift, LSHIFT)
SLOT(rshift, RSHIFT)
SLOT(matmul, MATMUL)
#undef SLOT

static PyObject *
n_power(PyObject *a, PyObject *b, PyObject *mod)
{
    (void)mod;
    return slot(a, b, ORM_OP_POW);
}

static PyObject *
logic(PyObject *a, PyObject *b, orm_op op)
{
    orm_state *st = orm_expr_state(is_ours(a) ? a : b);
    PyObject *pair[2] = {a, b};

    return st == NULL ? NULL : (PyObject *)orm_bool_list(st, op, pair, 2);
}

static PyObject *
n_and(PyObject *a, PyObject *b)
{
    return logic(a, b, ORM_OP_AND);
}

static PyObject *
n_or(PyObject *a, PyObject *b)
{
    return logic(a, b, ORM_OP_OR);
}

static PyObject *
n_invert(PyObject *self)
{
    return apply_unary(self, ORM_OP_NOT);
}

static PyObject *
n_negative(PyObject *self)
{
    return apply_unary(self, ORM_OP_NEG);
}

static int
n_bool(PyObject *self)
{
    orm_state *st = orm_expr_state(self);
    orm_node *n = st == NULL ? NULL : orm_node_of(st, self);

    if (n == NULL) {
        return -1;
    }
    if (n->kind == ORM_N_BINARY && (n->op == ORM_OP_EQ || n->op == ORM_OP_NE)) {
        return (n->args[0] == n->args[1]) == (n->op == ORM_OP_EQ);
    }
    PyErr_SetString(PyExc_TypeError, "Boolean value of this clause is not defined");
    return -1;
}

static PyObject *
element_compare(PyObject *self, PyObject *other, int op)
{
    static const uint8_t ops[] = {[Py_LT] = ORM_OP_LT, [Py_LE] = ORM_OP_LE, [Py_EQ] = ORM_OP_EQ,
                                  [Py_NE] = ORM_OP_NE, [Py_GT] = ORM_OP_GT, [Py_GE] = ORM_OP_GE};

    return apply(self, other, (orm_op)ops[op], 0);
}

/* ---- subscripts, by the operand's type ------------------------------------------------------- */
static PyObject *
element_subscript(PyObject *self, PyObject *key)
{
    orm_state *st = orm_expr_state(self);
    orm_node *x = st == NULL ? NULL : orm_node_of(st, self);
    unsigned kind;

    if (x == NULL) {
        return NULL;
    }
    kind = x->type == NULL ? (unsigned)ORM_T_NULL : x->type->kind;
    if (kind == ORM_T_ARRAY) {
        return orm_subscript_array(st, x, key);
    }
    if (kind == ORM_T_JSON || kind == ORM_T_JSONB) {
        return orm_subscript_json(st, x, key);
    }
    if (x->flags & ORM_F_OVERRIDE) {
        return ask_comparator(st, self, ORM_OP_GETITEM, key, NULL, 0);
    }
    PyErr_SetString(PyExc_NotImplementedError,
                    "Operator 'getitem' is not supported on this expression");
    return NULL;
}

static int
element_contains(PyObject *self, PyObject *other)
{
    (void)self;
    (void)other;
    PyErr_SetString(PyExc_NotImplementedError,
                    "Operator 'contains' is not supported on this expression");
    return -1;
}

/* ---- attributes that the type's comparator adds --------------------------------------------- */

static PyObject *
element_getattro(PyObject *self, PyObject *name)
{
    PyObject *found = PyObject_GenericGetAttr(self, name);
    PyObject *error = NULL;
    orm_state *st = NULL;
    orm_node *n = NULL;

    if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)
        || PyUnicode_READ_CHAR(name, 0) == '_') {
        return found;
    }
    error = PyErr_GetRaisedException();
    st = orm_expr_state(self);
    n = st == NULL ? NULL : (Py_TYPE(self)->tp_itemsize != 0 ? (orm_node *)self
                                                              : ((orm_element *)self)->node);
    if (n != NULL && comparator_method(st, self, n, name, &found) > 0) {
        Py_DECREF(error);
        return found;
    }
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        Py_DECREF(error);
        return NULL;
    }
    PyErr_Clear();
    PyErr_SetRaisedException(error);
    return NULL;
}

/* ---- op() ------------------------------------------------------------------------------------ */
#define TWO_NAMES(a, b, fn, flags, doc) {a, ORM_METHOD(fn), flags, doc}, {b, ORM_METHOD(fn), flags, doc}

PyMethodDef orm_column_methods[] = {
    {"is_", m_is_, METH_O, "is_($self, other, /)\n--\n\n`x IS other`."},
    TWO_NAMES("is_not", "isnot", m_is_not, METH_O, "is_not($self, other, /)\n--\n\n`x IS NOT other`."),
    {"is_distinct_from", m_is_distinct_from, METH_O,
     "is_distinct_from($self, other, /)\n--\n\n`x IS DISTINCT FROM other`."},
    TWO_NAMES("is_not_distinct_from", "isnot_distinct_from", m_is_not_distinct_from, METH_O,
              "is_not_distinct_from($self, other, /)\n--\n\n`x IS NOT DISTINCT FROM other`."),
    {"in_", m_in, METH_O, "in_($self, other, /)\n--\n\n`x IN (...)`: values, a SELECT, a bindparam."},
    TWO_NAMES("not_in", "notin_", m_not_in, METH_O, "not_in($self, other, /)\n--\n\n`x NOT IN (...)`."),
    {"between", ORM_METHOD(m_between), ORM_METH_KW,
     "between($self, cleft, cright, symmetric=False)\n--\n\n`x BETWEEN cleft AND cright`."},
    {"like", ORM_METHOD(m_like), ORM_METH_KW, "like($self, other, escape=None)\n--\n\n`x LIKE other`."},
    {"ilike", ORM_METHOD(m_ilike), ORM_METH_KW,
     "ilike($self, other, escape=None)\n--\n\n`x ILIKE other`, case ignored."},
    TWO_NAMES("not_like", "notlike", m_not_like, ORM_METH_KW,
              "not_like($self, other, escape=None)\n--\n\n`x NOT LIKE other`."),
    TWO_NAMES("not_ilike", "notilike", m_not_ilike, ORM_METH_KW,
              "not_ilike($self, other, escape=None)\n--\n\n`x NOT ILIKE other`."),
    {"startswith", ORM_METHOD(m_startswith), ORM_METH_KW,
     "startswith($self, other, escape=None, autoescape=False)\n--\n\n`x LIKE other || '%'`."},
    {"endswith", ORM_METHOD(m_endswith), ORM_METH_KW,
     "endswith($self, other, escape=None, autoescape=False)\n--\n\n`x LIKE '%' || other`."},
    {"contains", ORM_METHOD(m_contains), ORM_METH_KW,
     "contains($self, other, escape=None, autoescape=False)\n--\n\n`x LIKE '%' || other || '%'`."},
    {"istartswith", ORM_METHOD(m_istartswith), ORM_METH_KW,
     "istartswith($self, other, escape=None, autoescape=False)\n--\n\nstartswith(), case ignored."},
    {"iendswith", ORM_METHOD(m_iendswith), ORM_METH_KW,
     "iendswith($self, other, escape=None, autoescape=False)\n--\n\nendswith(), case ignored."},
    {"icontains", ORM_METHOD(m_icontains), ORM_METH_KW,
     "icontains($self, other, escape=None, autoescape=False)\n--\n\ncontains(), case ignored."},
    {"match", ORM_METHOD(m_match), ORM_METH_KW,
     "match($self, other, *, postgresql_regconfig=None)\n--\n\nThe database's full text match."},
    {"regexp_match", ORM_METHOD(m_regexp_match), ORM_METH_KW,
     "regexp_match($self, pattern, flags=None)\n--\n\nThe database's regular expression match."},
    {"regexp_replace", ORM_METHOD(m_regexp_replace), ORM_METH_KW,
     "regexp_replace($self, pattern, replacement, flags=None)\n--\n\nReplace by regular expression."},
    {"concat", m_concat, METH_O, "concat($self, other, /)\n--\n\n`x || other`."},
    {"bitwise_and", m_bitwise_and, METH_O, "bitwise_and($self, other, /)\n--\n\n`x & other`."},
    {"bitwise_or", m_bitwise_or, METH_O, "bitwise_or($self, other, /)\n--\n\n`x | other`."},
    {"bitwise_xor", m_bitwise_xor, METH_O, "bitwise_xor($self, other, /)\n--\n\nBitwise exclusive or."},
    {"bitwise_lshift", m_bitwise_lshift, METH_O, "bitwise_lshift($self, other, /)\n--\n\n`x << other`."},
    {"bitwise_rshift", m_bitwise_rshift, METH_O, "bitwise_rshift($self, other, /)\n--\n\n`x >> other`."},
    {"bitwise_not", m_bitwise_not, METH_NOARGS, "bitwise_not($self)\n--\n\n`~x`."},
    {"asc", m_asc, METH_NOARGS, "asc($self)\n--\n\n`x ASC` for ORDER BY."},
    {"desc", m_desc, METH_NOARGS, "desc($self)\n--\n\n`x DESC` for ORDER BY."},
    TWO_NAMES("nulls_first", "nullsfirst", m_nulls_first, METH_NOARGS,
              "nulls_first($self)\n--\n\n`x NULLS FIRST` for ORDER BY."),
    TWO_NAMES("nulls_last", "nullslast", m_nulls_last, METH_NOARGS,
              "nulls_last($self)\n--\n\n`x NULLS LAST` for ORDER BY."),
    {"distinct", m_distinct, METH_NOARGS, "distinct($self)\n--\n\n`DISTINCT x`, inside an aggregate."},
    {"any_", m_any, METH_NOARGS, "any_($self)\n--\n\n`ANY (x)` for a comparison."},
    {"all_", m_all, METH_NOARGS, "all_($self)\n--\n\n`ALL (x)` for a comparison."},
    {"collate", m_collate, METH_O, "collate($self, collation, /)\n--\n\n`x COLLATE collation`."},
    {"label", m_label, METH_O, "label($self, name, /)\n--\n\n`x AS name`; None makes a name."},
    {"cast", m_cast, METH_O, "cast($self, type_, /)\n--\n\n`CAST(x AS type_)`."},
    {"op", ORM_METHOD(orm_method_op), ORM_METH_KW,
     "op($self, opstring, precedence=0, is_comparison=False, return_type=None, python_impl=None)\n"
     "--\n\nAn operator of the database by its text: x.op('->')(y)."},
    {"bool_op", ORM_METHOD(orm_method_bool_op), ORM_METH_KW,
     "bool_op($self, opstring, precedence=0, python_impl=None)\n--\n\nop() with a Boolean result."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot column_element_slots[] = {
    {0, NULL}, {0, NULL}, {0, NULL}, {0, NULL}, {0, NULL}, /* the life of an element */
    {Py_tp_doc, "ColumnElement()\n--\n\nBase of everything that has a value in SQL."},
    {Py_tp_getattro, element_getattro},
    {Py_tp_richcompare, element_compare},
    {Py_tp_hash, _Py_HashPointer},
    {Py_tp_methods, orm_column_methods},
    {Py_tp_getset, orm_column_getset},
    {Py_nb_add, n_add},
    {Py_nb_subtract, n_sub},
    {Py_nb_multiply, n_mul},
    {Py_nb_true_divide, n_truediv},
    {Py_nb_floor_divide, n_floordiv},
    {Py_nb_remainder, n_mod},
    {Py_nb_power, n_power},
    {Py_nb_lshift, n_lshift},
    {Py_nb_rshift, n_rshift},
    {Py_nb_matrix_multiply, n_matmul},
    {Py_nb_and, n_and},
    {Py_nb_or, n_or},
    {Py_nb_invert, n_invert},
    {Py_nb_negative, n_negative},
    {Py_nb_bool, n_bool},
    {Py_mp_subscript, element_subscript},
    {Py_sq_contains, element_contains},
    {0, NULL},
};

int
orm_column_element_setup(PyObject *module, orm_state *st)
{
    PyType_Slot slots[sizeof(column_element_slots) / sizeof(column_element_slots[0])];
    PyType_Spec spec = {
        .name = "pyorm._core.ColumnElement",
        .basicsize = sizeof(orm_element),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
        .slots = slots,
    };

    memcpy(slots, column_element_slots, sizeof(slots));
    orm_element_life(slots);
    return orm_type_add(module, st, &spec, st->ClauseElement, &st->ColumnElement);
}
