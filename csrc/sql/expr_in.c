/*
 * expr_in.c - IN: of values, of expressions, of rows, of a parameter, of a SELECT.
 *
 * Place: in_() and not_in() of an expression (expr_ops.c, operators.c). Plain values become one
 *   expanding bind that holds a tuple of them; anything else a list of expressions.
 * Ownership: new references. Locking: the GIL; may run Python.
 */
#include "sql_int.h"

/* 1: an item is an expression, 0, -1. */
static int
any_element(orm_state *st, PyObject *fast)
{
    Py_ssize_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < PySequence_Fast_GET_SIZE(fast); i++) {
        PyObject *o = PySequence_Fast_GET_ITEM(fast, i);

        /* values are mostly plain: ask for the protocol only of what is not */
        if (!PyLong_CheckExact(o) && !PyUnicode_CheckExact(o)) {
            rc = is_clause(st, o) ? 1 : PyObject_HasAttrWithError(o, st->s_clause_element);
        }
    }
    return rc;
}

static PyObject *
first_value(PyObject *tuple)
{
    Py_ssize_t i;

    for (i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        if (PyTuple_GET_ITEM(tuple, i) != Py_None) {
            return PyTuple_GET_ITEM(tuple, i);
        }
    }
    return NULL;
}

/* The type of a row's values, part by part. New reference. */
static orm_type *
row_type(orm_state *st, orm_node *row)
{
    Py_ssize_t n = row->ob_base.ob_size;
    PyObject *parts = PyTuple_New(n);
    PyObject *types = parts == NULL ? NULL : PyImport_ImportModule("pyorm.types");
    PyObject *cls = types == NULL ? NULL : PyObject_GetAttrString(types, "TupleType");
    PyObject *made = NULL;
    orm_type *type = NULL;

    for (Py_ssize_t i = 0; cls != NULL && i < n; i++) {
        PyTuple_SET_ITEM(parts, i, Py_NewRef(orm_node_type(st, row->args[i])->engine));
    }
    made = cls == NULL ? NULL : PyObject_CallObject(cls, parts);
    type = made == NULL ? NULL : orm_type_of(st, made);
    Py_XDECREF(made);
    Py_XDECREF(cls);
    Py_XDECREF(types);
    Py_XDECREF(parts);
    return type;
}

/* IN of plain values: one expanding bind that holds a tuple of them. */
static orm_node *
in_values(orm_state *st, orm_op op, orm_node *l, PyObject *values)
{
    PyObject *tuple = PySequence_Tuple(values);
    PyObject *first = tuple == NULL ? NULL : first_value(tuple);
    PyObject *body = NULL;
    orm_type *type = NULL;
    orm_node *bind = NULL;
    orm_node *out = NULL;
    uint32_t aux = ORM_BIND_UNIQUE | ORM_BIND_EXPANDING;

    if (tuple == NULL) {
        return NULL;
    }
    if (l->kind == ORM_N_TUPLE) {
        aux |= (uint32_t)l->ob_base.ob_size << ORM_BIND_TUPLE_SHIFT;
        type = row_type(st, l);
    }
    else {
        type = first == NULL ? (orm_type *)Py_XNewRef(orm_node_type(st, l))
                             : orm_coerce_compared(st, orm_node_type(st, l), op, first);
    }
    body = type == NULL ? NULL : orm_bind_body(st, l);
    if (type != NULL && (body != NULL || !PyErr_Occurred())) {
        bind = orm_bind_new(st, tuple, type, body, aux);
    }
    if (bind != NULL) {
        out = orm_binary_new(st, op, l, bind, orm_type_builtin(st, ORM_T_BOOL), NULL);
    }
    Py_XDECREF(bind);
    Py_XDECREF(body);
    Py_XDECREF(type);
    Py_DECREF(tuple);
    return out;
}

/* IN with expressions among the items: a plain list of them. */
static orm_node *
in_elements(orm_state *st, orm_op op, orm_node *l, PyObject *fast)
{
    PyObject *list = PyList_New(0);
    orm_node *items = NULL;
    orm_node *out = NULL;
    Py_ssize_t i;

    for (i = 0; list != NULL && i < PySequence_Fast_GET_SIZE(fast); i++) {
        orm_node *n = orm_coerce_operand(st, PySequence_Fast_GET_ITEM(fast, i), l, op);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    if (list != NULL) {
        items = orm_list_node(st, ORM_OP_COMMA, NULL, ORM_LIST_GROUPED, list);
    }
    if (items != NULL) {
        out = orm_binary_new(st, op, l, items, orm_type_builtin(st, ORM_T_BOOL), NULL);
    }
    Py_XDECREF(items);
    Py_XDECREF(list);
    return out;
}

/* `(x, y) IN (:rows)`: the bind, its items rows as wide as the tuple. New ref. */
static orm_node *
bind_of_rows(orm_state *st, orm_node *l, orm_node *r)
{
    orm_type *type = row_type(st, l);
    uint32_t aux = (r->aux & 0xffffu & ~(uint32_t)ORM_BIND_NO_VALUE) | ORM_BIND_EXPANDING;
    orm_node *out = NULL;

    if (type != NULL) {
        out = orm_bind_new(st, r->payload, type, orm_bind_name(r),
                           aux | (uint32_t)l->ob_base.ob_size << ORM_BIND_TUPLE_SHIFT);
        Py_DECREF(type);
    }
    return out;
}

/* The right side of IN that is an expression: a SELECT, an expanding bind, text. */
static orm_node *
in_element(orm_state *st, orm_op op, orm_node *l, orm_node *r)
{
    orm_node *right = NULL;
    orm_node *out = NULL;

    switch (r->kind) {
    case ORM_N_SCALAR:
    case ORM_N_SUBQUERY:
        right = (orm_node *)Py_NewRef(r->args[0]);
        break;
    case ORM_N_BIND:
        if (l->kind == ORM_N_TUPLE) {
            right = bind_of_rows(st, l, r);
        }
        else if (!(r->aux & ORM_BIND_EXPANDING)) {
            right = orm_bind_new(st, r->payload, orm_node_type(st, l), orm_bind_name(r),
                                 (r->aux & ~(uint32_t)ORM_BIND_NO_VALUE) | ORM_BIND_EXPANDING);
        }
        else if (r->type->kind == ORM_T_NULL) {
            right = orm_bind_new(st, r->payload, orm_node_type(st, l), orm_bind_name(r),
                                 r->aux & ~(uint32_t)ORM_BIND_NO_VALUE);
        }
        else {
            right = (orm_node *)Py_NewRef(r);
        }
        break;
    case ORM_N_SELECT:
    case ORM_N_COMPOUND:
    case ORM_N_TEXTFROM:
    case ORM_N_TEXTSTMT:
    case ORM_N_TEXT:
    case ORM_N_VALUES:
    case ORM_N_FUNC:
    case ORM_N_CUSTOM:
    case ORM_N_LIST:
    case ORM_N_TUPLE:
    case ORM_N_GROUPING:
        right = (orm_node *)Py_NewRef(r);
        break;
    default:
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "IN expression list, SELECT construct, or bound parameter object expected, "
                      "got %R.",
                      (PyObject *)r);
        return NULL;
    }
    if (right != NULL) {
        out = orm_binary_new(st, op, l, right, orm_type_builtin(st, ORM_T_BOOL), NULL);
    }
    Py_XDECREF(right);
    return out;
}

orm_node *
orm_in_new(orm_state *st, orm_op op, orm_node *l, PyObject *seq)
{
    orm_node *r = NULL;
    orm_node *out = NULL;
    PyObject *fast = NULL;
    int rc = 0;

    if (!PyList_CheckExact(seq) && !PyTuple_CheckExact(seq)) {
        rc = orm_coerce_element(st, seq, &r);
        if (rc < 0) {
            return NULL;
        }
    }
    if (rc > 0) {
        out = in_element(st, op, l, r);
        Py_DECREF(r);
        return out;
    }
    rc = PyUnicode_Check(seq) || PyBytes_Check(seq) || PyType_Check(seq)
             ? 0
             : PyObject_HasAttrStringWithError(seq, "__iter__");
    if (rc < 0) {
        return NULL;
    }
    if (rc == 0) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "IN expression list, SELECT construct, or bound parameter object expected, "
                      "got %R.",
                      seq);
        return NULL;
    }
    fast = PySequence_Tuple(seq); /* a snapshot: the user may change the list */
    if (fast == NULL) {
        return NULL;
    }
    rc = any_element(st, fast);
    if (rc >= 0) {
        out = rc > 0 ? in_elements(st, op, l, fast) : in_values(st, op, l, fast);
    }
    Py_DECREF(fast);
    return out;
}
