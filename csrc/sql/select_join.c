/*
 * select_join.c - join(), outerjoin(), join_from(), outerjoin_from() of a SELECT.
 *
 * Place: methods of Select. A JOIN is kept as the call gave it, left side and ON often open;
 *   froms_join.c folds them into the FROM list when the statement is rendered. A relationship
 *   attribute as target or ON is orm/'s: its hook gives the JOINs.
 * Ownership: methods return a new statement. Locking: the GIL.
 */
#include "sql_int.h"

#define SELF ((orm_node *)self)

/* A join's target: a FROM element. New ref. */
static orm_node *
join_target(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;
    int rc = orm_coerce_element(st, o, &n);

    if (rc > 0 && orm_kind_is_column(n->kind) && n->kind != ORM_N_FUNC && n->kind != ORM_N_CUSTOM) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "Join target %S does not refer to a mapped entity", o);
    }
    else if (rc == 0) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "Join target, typically a FROM expression, or ORM relationship attribute "
                      "expected, got %R.",
                      o);
    }
    Py_XDECREF(n);
    return PyErr_Occurred() ? NULL : orm_coerce_from(st, o);
}

/* The JOIN of a call that says nothing of relationships, appended to the list. 0 / -1. */
static int
plain_join(orm_state *st, PyObject *list, PyObject *left, PyObject *target, PyObject *on,
           uint32_t aux)
{
    orm_node *l = left == NULL ? NULL : orm_coerce_from(st, left);
    orm_node *r = l == NULL && left != NULL ? NULL : join_target(st, target);
    orm_node *criterion = NULL;
    orm_node *join = NULL;
    int rc = -1;

    if (r != NULL && on != NULL) {
        criterion = orm_coerce_criterion(st, on);
    }
    if (r != NULL && (on == NULL || criterion != NULL)) {
        join = orm_join_new(st, l, r, criterion, aux);
        rc = join == NULL ? -1 : PyList_Append(list, (PyObject *)join);
    }
    Py_XDECREF(l);
    Py_XDECREF(r);
    Py_XDECREF(criterion);
    Py_XDECREF(join);
    return rc;
}

static PyObject *
join_common(PyObject *self, PyObject *left, PyObject *target, PyObject *on, int outer, int full)
{
    orm_state *st = orm_expr_state(self);
    const orm_sql_orm_ops *ops = NULL;
    uint32_t aux = (outer ? ORM_JOIN_OUTER : 0) | (full ? ORM_JOIN_FULL : 0);
    PyObject *list = NULL;
    int rc = 0;

    if (st == NULL || outer < 0 || full < 0) {
        return NULL;
    }
    on = on == Py_None ? NULL : on;
    list = PyList_New(0);
    ops = sql_room(st)->orm_ops;
    if (list != NULL && ops != NULL && ops->join != NULL) {
        rc = ops->join(st, target, on, left, aux, list);
    }
    if (list != NULL && rc == 0) {
        rc = plain_join(st, list, left, target, on, aux);
    }
    if (rc < 0) {
        Py_CLEAR(list);
    }
    return list == NULL ? NULL : orm_stmt_append(st, SELF, ORM_SEL_JOINS, list);
}

PyObject *
orm_m_join(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "join",
                                       .names = {"target", "onclause", "isouter", "full"},
                                       .count = 4,
                                       .npositional = 2,
                                       .nrequired = 1};
    PyObject *out[4];

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    return join_common(self, NULL, out[0], out[1], orm_arg_bool(out[2], 0), orm_arg_bool(out[3], 0));
}

PyObject *
orm_m_outerjoin(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "outerjoin",
                                       .names = {"target", "onclause", "full"},
                                       .count = 3,
                                       .npositional = 2,
                                       .nrequired = 1};
    PyObject *out[3];

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    return join_common(self, NULL, out[0], out[1], 1, orm_arg_bool(out[2], 0));
}

PyObject *
orm_m_join_from(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "join_from",
                                       .names = {"from_", "target", "onclause", "isouter", "full"},
                                       .count = 5,
                                       .npositional = 3,
                                       .nrequired = 2};
    PyObject *out[5];

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    return join_common(self, out[0], out[1], out[2], orm_arg_bool(out[3], 0),
                       orm_arg_bool(out[4], 0));
}

PyObject *
orm_m_outerjoin_from(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "outerjoin_from",
                                       .names = {"from_", "target", "onclause", "full"},
                                       .count = 4,
                                       .npositional = 3,
                                       .nrequired = 2};
    PyObject *out[4];

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    return join_common(self, out[0], out[1], out[2], 1, orm_arg_bool(out[3], 0));
}
