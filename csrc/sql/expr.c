/*
 * expr.c - what an operator makes of two operands: result types, NULL, IN, negation, AND/OR.
 *
 * Place: between the Python-visible operators (expr_ops.c) and the nodes. Everything about
 *   an operator that is a fact stands in sql_ops.h's table; here is what follows from it.
 * Invariants: `x == None` is another node than `x == value` (IS NULL), so that no value
 *   decides a statement's text. A list given to IN is snapshotted.
 * Slow path: an operand whose type or attribute has a comparator of its own (ORM_F_OVERRIDE)
 *   asks Python first; its comparator comes back here through `_core.operate`.
 * Ownership: returns new references; arguments are borrowed.
 */
#include "sql_int.h"

/* ---- types of results -------------------------------------------------------------------- */

/* Kinds that count as one when a value's type is compared with a column's. */
enum { FAM_NONE, FAM_INT, FAM_FLOAT, FAM_NUMERIC, FAM_BOOL, FAM_STRING, FAM_BYTES, FAM_DATE,
       FAM_TIME, FAM_DATETIME, FAM_INTERVAL, FAM_JSON, FAM_RANGE, FAM_OWN };

static const uint8_t family_of_kind[ORM_T_COUNT] = {
    [ORM_T_NULL] = FAM_NONE,         [ORM_T_INT16] = FAM_INT,
    [ORM_T_INT32] = FAM_INT,         [ORM_T_INT64] = FAM_INT,
    [ORM_T_FLOAT32] = FAM_FLOAT,     [ORM_T_FLOAT] = FAM_FLOAT,
    [ORM_T_NUMERIC] = FAM_NUMERIC,   [ORM_T_BOOL] = FAM_BOOL,
    [ORM_T_STRING] = FAM_STRING,     [ORM_T_TEXT] = FAM_STRING,
    [ORM_T_ENUM] = FAM_STRING,       [ORM_T_BYTES] = FAM_BYTES,
    [ORM_T_DATE] = FAM_DATE,         [ORM_T_TIME] = FAM_TIME,
    [ORM_T_DATETIME] = FAM_DATETIME, [ORM_T_INTERVAL] = FAM_INTERVAL,
    [ORM_T_JSON] = FAM_JSON,         [ORM_T_JSONB] = FAM_JSON,
    [ORM_T_UUID] = FAM_OWN,          [ORM_T_ARRAY] = FAM_OWN,
    [ORM_T_INET] = FAM_OWN,          [ORM_T_MACADDR] = FAM_OWN,
    [ORM_T_BIT] = FAM_OWN,           [ORM_T_OID] = FAM_OWN,
    [ORM_T_JSONPATH] = FAM_OWN,      [ORM_T_HSTORE] = FAM_OWN,
    [ORM_T_RANGE] = FAM_RANGE,       [ORM_T_MULTIRANGE] = FAM_RANGE,
    [ORM_T_OPAQUE] = FAM_OWN,        [ORM_T_USER] = FAM_OWN,
    [ORM_T_DECORATOR] = FAM_OWN,     [ORM_T_TUPLE] = FAM_OWN,
};

/* left family, right family, operators (bit: + - * / // %), result kind. Not listed: left's.
 * RIGHT: the right operand's own type. NARROW: the right's if its class is the left's or
 * derived from it (BigInteger of Integer, Double of Float), else the left's. */
enum { O_ADD = 1, O_SUB = 2, O_MUL = 4, O_DIV = 8, O_FLOOR = 16, O_MOD = 32,
       O_BASIC = O_ADD | O_SUB | O_MUL };
enum { RIGHT = ORM_T_COUNT, NARROW };
static const struct {
    uint8_t left, right, ops, result;
} arithmetic[] = {
    {FAM_INT, FAM_INT, O_DIV, ORM_T_NUMERIC},
    {FAM_INT, FAM_INT, O_BASIC | O_FLOOR, NARROW},
    {FAM_INT, FAM_NUMERIC, O_BASIC | O_DIV | O_FLOOR, RIGHT},
    {FAM_INT, FAM_FLOAT, O_BASIC | O_DIV, RIGHT},
    {FAM_NUMERIC, FAM_NUMERIC, O_BASIC | O_DIV, NARROW},
    {FAM_FLOAT, FAM_FLOAT, O_BASIC | O_DIV, NARROW},
    {FAM_INT, FAM_DATE, O_ADD, ORM_T_DATE},
    {FAM_INT, FAM_INTERVAL, O_MUL, ORM_T_INTERVAL},
    {FAM_NUMERIC, FAM_INTERVAL, O_MUL, ORM_T_INTERVAL},
    {FAM_FLOAT, FAM_INTERVAL, O_MUL, ORM_T_INTERVAL},
    {FAM_DATE, FAM_INT, O_ADD | O_SUB, ORM_T_DATE},
    {FAM_DATE, FAM_DATE, O_SUB, ORM_T_INT32},
    {FAM_DATE, FAM_DATETIME, O_SUB, ORM_T_INTERVAL},
    {FAM_DATE, FAM_INTERVAL, O_ADD | O_SUB, ORM_T_DATETIME},
    {FAM_DATE, FAM_TIME, O_ADD, ORM_T_DATETIME},
    {FAM_TIME, FAM_DATE, O_ADD, ORM_T_DATETIME},
    {FAM_TIME, FAM_TIME, O_SUB, ORM_T_INTERVAL},
    {FAM_DATETIME, FAM_DATETIME, O_SUB, ORM_T_INTERVAL},
    {FAM_DATETIME, FAM_DATE, O_SUB, ORM_T_INTERVAL},
    {FAM_INTERVAL, FAM_DATE, O_ADD, ORM_T_DATETIME},
    {FAM_INTERVAL, FAM_DATETIME, O_ADD, ORM_T_DATETIME},
    {FAM_INTERVAL, FAM_TIME, O_ADD, ORM_T_TIME},
};

static unsigned
arith_bit(orm_op op)
{
    switch (op) {
    case ORM_OP_ADD:
        return O_ADD;
    case ORM_OP_SUB:
        return O_SUB;
    case ORM_OP_MUL:
        return O_MUL;
    case ORM_OP_TRUEDIV:
        return O_DIV;
    case ORM_OP_FLOORDIV:
        return O_FLOOR;
    case ORM_OP_MOD:
        return O_MOD;
    default:
        return 0;
    }
}

static orm_type *
arithmetic_type(orm_state *st, unsigned result, orm_type *a, orm_type *b)
{
    switch (result) {
    case RIGHT:
        return b;
    case NARROW:
        return PyType_IsSubtype(Py_TYPE(b->engine), Py_TYPE(a->engine)) ? b : a;
    default:
        return orm_type_builtin(st, (orm_type_kind)result);
    }
}

orm_type *
orm_op_result_type(orm_state *st, orm_op *op, orm_type *a, orm_type *b)
{
    unsigned flags = (unsigned)orm_op_table[*op].flags;
    uint8_t fa = family_of_kind[a->kind];
    uint8_t fb = family_of_kind[b->kind];
    size_t i;

    if (flags & ORM_OPF_BOOL) {
        return orm_type_builtin(st, ORM_T_BOOL);
    }
    if (*op == ORM_OP_ADD
        && (fa == FAM_STRING || (fa == FAM_NONE && fb == FAM_STRING) || fa == FAM_BYTES)) {
        *op = ORM_OP_CONCAT;
        return fa == FAM_NONE ? b : a;
    }
    if (*op == ORM_OP_ADD && (a->kind == ORM_T_ARRAY || a->kind == ORM_T_JSONB)) {
        *op = ORM_OP_CONCAT;
        return a;
    }
    if (flags & ORM_OPF_ARITH) {
        for (i = 0; i < sizeof(arithmetic) / sizeof(arithmetic[0]); i++) {
            if (arithmetic[i].left == fa && arithmetic[i].right == fb
                && (arithmetic[i].ops & arith_bit(*op))) {
                return arithmetic_type(st, arithmetic[i].result, a, b);
            }
        }
        return fa == FAM_NONE && (arith_bit(*op) & (O_ADD | O_MUL)) ? b : a;
    }
    if (*op == ORM_OP_CONCAT && fa == FAM_NONE) {
        return fb == FAM_NONE ? orm_type_builtin(st, ORM_T_NULL) : b;
    }
    return a;
}

/* The type has a word of its own about foreign values: TypeDecorator, user types. */
static orm_type *
ask_coerce_compared(orm_state *st, orm_type *t, orm_op op, PyObject *value)
{
    PyObject *method = NULL;
    PyObject *py_op = NULL;
    PyObject *answer = NULL;
    orm_type *out = NULL;
    int rc = PyObject_GetOptionalAttr(t->engine, st->s_coerce_compared_value, &method);

    if (rc < 0) {
        return NULL;
    }
    if (rc == 0) {
        return (orm_type *)Py_NewRef((PyObject *)t);
    }
    py_op = orm_operator_object(st, op, NULL);
    answer = py_op == NULL ? NULL : PyObject_CallFunctionObjArgs(method, py_op, value, NULL);
    if (answer != NULL) {
        out = orm_type_of(st, answer);
    }
    Py_DECREF(method);
    Py_XDECREF(py_op);
    Py_XDECREF(answer);
    return out;
}

orm_type *
orm_coerce_compared(orm_state *st, orm_type *t, orm_op op, PyObject *value)
{
    uint8_t family = family_of_kind[t->kind];
    orm_type *own = NULL;

    /* fast path: same answer as below for the commonest pairs */
    if ((family == FAM_STRING && PyUnicode_CheckExact(value))
        || (family == FAM_INT && PyLong_CheckExact(value))) {
        return (orm_type *)Py_NewRef((PyObject *)t);
    }
    if (t->kind == ORM_T_DECORATOR || t->kind == ORM_T_USER) {
        return ask_coerce_compared(st, t, op, value);
    }
    if (family == FAM_OWN) {
        return (orm_type *)Py_NewRef((PyObject *)t);
    }
    own = orm_type_for_value(st, value);
    if (own == NULL) {
        return NULL;
    }
    if (own->kind == ORM_T_NULL || family_of_kind[own->kind] == family) {
        Py_DECREF(own);
        return (orm_type *)Py_NewRef((PyObject *)t);
    }
    return own;
}

orm_type *
orm_node_type(orm_state *st, const orm_node *n)
{
    return n->type != NULL ? n->type : orm_type_builtin(st, ORM_T_NULL);
}

/* ---- constructors ------------------------------------------------------------------------ */
orm_node *
orm_single(orm_state *st, orm_kind kind)
{
    orm_sqlroom *room = sql_room(st);
    int i = kind == ORM_N_NULLVAL ? 0 : kind == ORM_N_TRUEVAL ? 1 : 2;

    if (room->singles[i] == NULL) {
        orm_type *type = orm_type_builtin(st, i == 0 ? ORM_T_NULL : ORM_T_BOOL);

        if (type == NULL) {
            return NULL;
        }
        room->singles[i] = orm_node_make(st, kind, ORM_OP_NONE, type, NULL, 0, 0, NULL);
    }
    return (orm_node *)Py_XNewRef(room->singles[i]);
}

orm_node *
orm_binary_new(orm_state *st, orm_op op, orm_node *l, orm_node *r, orm_type *type,
               PyObject *payload)
{
    orm_node *n = orm_node_new(st, NULL, ORM_N_BINARY, 2);

    if (n == NULL) {
        return NULL;
    }
    n->op = (uint8_t)op;
    n->args[0] = (orm_node *)Py_NewRef(l);
    n->args[1] = (orm_node *)Py_NewRef(r);
    n->type = (orm_type *)Py_NewRef(type);
    n->payload = Py_XNewRef(payload);
    if (orm_node_seal(st, n) < 0) {
        Py_DECREF(n);
        return NULL;
    }
    return n;
}

orm_node *
orm_unary_new(orm_state *st, orm_op op, orm_node *x)
{
    orm_type *type = (orm_op_table[op].flags & ORM_OPF_BOOL) ? orm_type_builtin(st, ORM_T_BOOL)
                                                             : orm_node_type(st, x);

    if (type == NULL) {
        return NULL;
    }
    return orm_node_make(st, ORM_N_UNARY, op, type, NULL, 0, 1, &x);
}

orm_node *
orm_bind_new(orm_state *st, PyObject *value, orm_type *type, PyObject *body, uint32_t aux)
{
    orm_node *n = orm_node_new(st, NULL, ORM_N_BIND, 1);

    if (n == NULL) {
        return NULL;
    }
    n->aux = aux | (value == NULL ? ORM_BIND_NO_VALUE : 0);
    n->payload = Py_XNewRef(value);
    n->type = (orm_type *)Py_NewRef(type);
    n->args[0] = (orm_node *)Py_NewRef(body != NULL ? body : st->s_param);
    if (orm_node_seal(st, n) < 0) {
        Py_DECREF(n);
        return NULL;
    }
    return n;
}

orm_node *
orm_and(orm_state *st, orm_node *a, orm_node *b)
{
    orm_node *pair[2] = {a, b};

    if (a == NULL) {
        return (orm_node *)Py_NewRef(b);
    }
    return orm_node_make(st, ORM_N_LIST, ORM_OP_AND, orm_type_builtin(st, ORM_T_BOOL), NULL, 0, 2,
                         pair);
}

orm_node *
orm_label_new(orm_state *st, orm_node *x, PyObject *name)
{
    return orm_node_make(st, ORM_N_LABEL, ORM_OP_NONE, orm_node_type(st, x), name, 0, 1, &x);
}

/* NOT of an expression read from elsewhere; its payload is the opposite, where that is another
 * expression. */
static orm_node *
negate_applied(orm_state *st, orm_node *x)
{
    orm_node *inner = NULL;
    orm_node *out = NULL;
    Py_ssize_t i;

    if (x->payload != NULL) {
        return (orm_node *)Py_NewRef(x->payload);
    }
    if (Py_EnterRecursiveCall(" in not_()")) {
        return NULL;
    }
    inner = orm_negate(st, x->args[0]);
    Py_LeaveRecursiveCall();
    if (inner != NULL) {
        out = orm_node_new(st, NULL, ORM_N_APPLY, x->ob_base.ob_size);
    }
    if (out != NULL) {
        out->aux = x->aux;
        out->type = (orm_type *)Py_XNewRef(inner->type);
        out->args[0] = (orm_node *)Py_NewRef(inner);
        for (i = 1; i < x->ob_base.ob_size; i++) {
            out->args[i] = (orm_node *)Py_NewRef(x->args[i]);
        }
        (void)orm_node_seal(st, out);
    }
    Py_XDECREF(inner);
    return out;
}

/* NOT x, as an operator of its own where one exists. */
orm_node *
orm_negate(orm_state *st, orm_node *x)
{
    orm_op neg;
    orm_node *n = NULL;

    switch (x->kind) {
    case ORM_N_TRUEVAL:
        return orm_single(st, ORM_N_FALSEVAL);
    case ORM_N_FALSEVAL:
        return orm_single(st, ORM_N_TRUEVAL);
    case ORM_N_APPLY: /* NOT goes inside, where it may have an operator of its own */
        return negate_applied(st, x);
    case ORM_N_BINARY:
    case ORM_N_UNARY:
        if (x->kind == ORM_N_UNARY && x->op == ORM_OP_NOT) {
            return (orm_node *)Py_NewRef(x->args[0]);
        }
        neg = orm_op_table[x->op].negation;
        if (neg != ORM_OP_NONE) {
            n = orm_node_make(st, (orm_kind)x->kind, neg, x->type, x->payload, x->aux,
                              x->ob_base.ob_size, x->args);
            return n;
        }
        break;
    default:
        if (x->type != NULL && x->type->kind == ORM_T_BOOL && orm_is_plain_boolean(x)) {
            return orm_unary_new(st, ORM_OP_IS_FALSE, x);
        }
    }
    return orm_unary_new(st, ORM_OP_NOT, x);
}

/* A Boolean value that is no comparison: a column, a function. Where there is no boolean type
 * it has to be written `x = 1`. */
int
orm_is_plain_boolean(const orm_node *x)
{
    switch (x->kind) {
    case ORM_N_COLUMN:
    case ORM_N_COLREF:
    case ORM_N_ATTR:
    case ORM_N_BIND:
    case ORM_N_FUNC:
    case ORM_N_CAST:
    case ORM_N_CASE:
    case ORM_N_TYPECOERCE:
    case ORM_N_TEXT:
    case ORM_N_LABEL:
        return x->type != NULL && x->type->kind == ORM_T_BOOL;
    default:
        return 0;
    }
}

/* and_(), or_(): constants fold, one term stays alone. */
orm_node *
orm_bool_list(orm_state *st, orm_op op, PyObject *const *items, Py_ssize_t n)
{
    unsigned zero = op == ORM_OP_AND ? ORM_N_FALSEVAL : ORM_N_TRUEVAL;  /* decides alone */
    unsigned unit = op == ORM_OP_AND ? ORM_N_TRUEVAL : ORM_N_FALSEVAL; /* changes nothing */
    orm_node *small[8];
    orm_node **terms = n <= 8 ? small : PyMem_New(orm_node *, n);
    orm_node *out = NULL;
    Py_ssize_t kept = 0;
    Py_ssize_t i;

    if (terms == NULL) {
        return (orm_node *)PyErr_NoMemory();
    }
    for (i = 0; i < n; i++) {
        orm_node *c = orm_coerce_criterion(st, items[i]);

        if (c == NULL) {
            goto done;
        }
        if (c->kind == zero) {
            out = c;
            goto done;
        }
        if (c->kind == unit) {
            Py_DECREF(c);
            continue;
        }
        terms[kept++] = c;
    }
    if (kept == 0) {
        out = orm_single(st, (orm_kind)unit);
    }
    else if (kept == 1) {
        out = (orm_node *)Py_NewRef(terms[0]);
    }
    else {
        out = orm_node_make(st, ORM_N_LIST, op, orm_type_builtin(st, ORM_T_BOOL), NULL, 0, kept,
                            terms);
    }
done:
    for (i = 0; i < kept; i++) {
        Py_DECREF(terms[i]);
    }
    if (terms != small) {
        PyMem_Free(terms);
    }
    return out;
}

/* ---- operators --------------------------------------------------------------------------- */

/* `x = NULL` and friends: the forms that None, True and False have. */
static orm_node *
compare_constant(orm_state *st, orm_op op, orm_node *l, orm_node *r)
{
    int is_null = r->kind == ORM_N_NULLVAL;

    if ((op == ORM_OP_EQ || op == ORM_OP_NE) && is_null) {
        op = op == ORM_OP_EQ ? ORM_OP_IS : ORM_OP_IS_NOT;
    }
    else if (!(orm_op_table[op].flags & ORM_OPF_EQUAL) && op != ORM_OP_IS && op != ORM_OP_IS_NOT
             && op != ORM_OP_DISTINCT_FROM && op != ORM_OP_NOT_DISTINCT_FROM) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "Only '='/'!=', 'is_()'/'is_not()', 'is_distinct_from()'/"
                      "'is_not_distinct_from()' operators can be used with None/True/False");
        return NULL;
    }
    return orm_binary_new(st, op, l, r, orm_type_builtin(st, ORM_T_BOOL), NULL);
}

orm_node *
orm_operate_nodes(orm_state *st, orm_op op, orm_node *l, orm_node *r, PyObject *payload)
{
    orm_type *type = NULL;

    if ((orm_op_table[op].flags & ORM_OPF_COMPARE) && !(orm_op_table[op].flags & ORM_OPF_CALL)
        && (r->kind == ORM_N_NULLVAL || r->kind == ORM_N_TRUEVAL || r->kind == ORM_N_FALSEVAL)
        && op != ORM_OP_IN && op != ORM_OP_NOT_IN && op != ORM_OP_LIKE && op != ORM_OP_NOT_LIKE) {
        return compare_constant(st, op, l, r);
    }
    type = orm_op_result_type(st, &op, orm_node_type(st, l), orm_node_type(st, r));
    return type == NULL ? NULL : orm_binary_new(st, op, l, r, type, payload);
}

orm_node *
orm_operate(orm_state *st, orm_op op, orm_node *l, PyObject *other, int reverse)
{
    orm_node *lowered = NULL;
    orm_node *r = NULL;
    orm_node *out = NULL;

    if (l->kind == ORM_N_SELECT || l->kind == ORM_N_COMPOUND) {
        lowered = orm_as_scalar(st, l);
        if (lowered == NULL) {
            return NULL;
        }
        l = lowered;
    }
    r = orm_coerce_operand(st, other, l, op);
    if (r != NULL) {
        out = reverse ? orm_operate_nodes(st, op, r, l, NULL)
                      : orm_operate_nodes(st, op, l, r, NULL);
    }
    Py_XDECREF(r);
    Py_XDECREF(lowered);
    return out;
}

/* ---- names ------------------------------------------------------------------------------- */
PyObject *
orm_node_name(orm_state *st, const orm_node *n)
{
    for (;;) {
        switch (n->kind) {
        case ORM_N_COLUMN:
        case ORM_N_ATTR:
            return Py_XNewRef(orm_node_named(n)->name);
        case ORM_N_COLREF:
        case ORM_N_LABEL:
            return Py_XNewRef(n->payload);
        case ORM_N_TEXT:
            return n->aux & ORM_FRAGMENT_COLUMN ? Py_XNewRef(n->payload) : NULL;
        case ORM_N_FUNC:
            if (n->payload != NULL && PyTuple_Check(n->payload)) {
                return Py_NewRef(
                    PyTuple_GET_ITEM(n->payload, PyTuple_GET_SIZE(n->payload) - 1));
            }
            return Py_XNewRef(n->payload);
        case ORM_N_CAST:
        case ORM_N_TYPECOERCE:
        case ORM_N_GROUPING:
        case ORM_N_DMLCOL:
            n = n->args[0];
            continue;
        case ORM_N_FROMCOL:
            return Py_XNewRef(n->args[0]->payload);
        case ORM_N_LIST: /* a bundle of orm/ */
        case ORM_N_CUSTOM: {
            PyObject *name = NULL;

            if (n->payload == NULL
                || PyObject_GetOptionalAttr(n->payload, st->s_name, &name) < 0) {
                PyErr_Clear();
                return NULL;
            }
            if (name != NULL && !PyUnicode_CheckExact(name)) {
                Py_CLEAR(name);
            }
            return name;
        }
        default:
            return NULL;
        }
    }
}

/* What the anonymous bind beside `n` is called after: the key of a column, the name of a
 * function; NULL without an error: "param". New ref. */
PyObject *
orm_bind_body(orm_state *st, const orm_node *n)
{
    switch (n->kind) {
    case ORM_N_ATTR:
        return n->args[1] == NULL ? NULL : orm_bind_body(st, n->args[1]);
    case ORM_N_COLUMN:
    case ORM_N_DMLCOL:
        return orm_node_key(st, n);
    case ORM_N_COLREF:
    case ORM_N_TEXT:
    case ORM_N_FUNC:
    case ORM_N_FROMCOL:
    case ORM_N_CUSTOM:
        return orm_node_name(st, n);
    default:
        return NULL;
    }
}

PyObject *
orm_node_key(orm_state *st, const orm_node *n)
{
    if (n->kind == ORM_N_COLUMN || n->kind == ORM_N_ATTR) {
        PyObject *key = orm_node_named(n)->key;

        return Py_XNewRef(key != NULL ? key : orm_node_named(n)->name);
    }
    return orm_node_name(st, n);
}
