/*
 * dml_returning.c - what INSERT, UPDATE and DELETE give back: returning(), return_defaults().
 *
 * Place: methods of the DML statements. What return_defaults() asks for is written by
 *   render_insert.c and kept by exec/, which gives the result no rows for it.
 * Ownership: methods return a new statement. Locking: the GIL.
 */
#include "sql_int.h"

#define SELF ((orm_node *)self)

/* A statement has one or the other. */
static int
refuse_after_defaults(orm_state *st, const orm_node *stmt)
{
    if (stmt->args[ORM_DML_DEFAULTS] == NULL) {
        return 0;
    }
    return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                         "return_defaults() is already configured on this statement");
}

/* With the flag of sort_by_parameter_order, if it is wanted; steals stmt, which may be NULL. */
static PyObject *
sorted_if(orm_state *st, PyObject *stmt, int sorted)
{
    PyObject *result = stmt;

    if (stmt != NULL && sorted) {
        result = orm_stmt_with_aux(st, (orm_node *)stmt,
                                   ((orm_node *)stmt)->aux | ORM_DMLF_SORT_RETURNING);
        Py_DECREF(stmt);
    }
    return result;
}

PyObject *
orm_m_returning(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "returning", .names = {"sort_by_parameter_order"}, .count = 1};
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    PyObject *out[1];
    int sorted = 0;

    if (list == NULL || orm_args_parse(&spec, args + nargs, 0, kwnames, out) < 0
        || (sorted = orm_arg_bool(out[0], 0)) < 0 || refuse_after_defaults(st, SELF) < 0) {
        Py_XDECREF(list);
        return NULL;
    }
    for (Py_ssize_t i = 0; list != NULL && i < nargs; i++) {
        if (orm_coerce_columns(st, args[i], list) < 0) {
            Py_CLEAR(list);
        }
    }
    return list == NULL ? NULL
                        : sorted_if(st, orm_stmt_append(st, SELF, ORM_DML_RETURNING, list), sorted);
}

/* The column of the table that a name or a column stands for, to the list. */
static int
append_column(orm_state *st, const orm_node *stmt, PyObject *key, PyObject *list)
{
    orm_node *column = NULL;
    PyObject *name = NULL;
    int rc = orm_dml_resolve_key(st, (orm_node *)stmt, key, &column, &name);

    if (rc == 0 && column == NULL) {
        rc = orm_raise_exc(st, ORM_EXC_ArgumentError, "no column %R in the table", key);
    }
    if (rc == 0) {
        rc = PyList_Append(list, (PyObject *)column);
    }
    Py_XDECREF(column);
    Py_XDECREF(name);
    return rc;
}

PyObject *
orm_m_return_defaults(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "return_defaults",
                                       .names = {"supplemental_cols", "sort_by_parameter_order"},
                                       .count = 2};
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    PyObject *more = NULL;
    PyObject *out[2];
    int rc, sorted = 0;

    rc = list == NULL ? -1 : orm_args_parse(&spec, args + nargs, 0, kwnames, out);
    rc = rc < 0 ? rc : refuse_after_defaults(st, SELF);
    rc = rc < 0 ? rc : (sorted = orm_arg_bool(out[1], 0));
    for (Py_ssize_t i = 0; rc >= 0 && i < nargs; i++) {
        rc = append_column(st, SELF, args[i], list);
    }
    if (rc >= 0 && nargs > 0 && out[0] != NULL && out[0] != Py_None) { /* without names: all */
        more = PySequence_Fast(out[0], "supplemental_cols is a sequence of columns");
        rc = more == NULL ? -1 : 0;
        for (Py_ssize_t i = 0; rc >= 0 && i < PySequence_Fast_GET_SIZE(more); i++) {
            PyObject *key = Py_NewRef(PySequence_Fast_GET_ITEM(more, i));

            rc = append_column(st, SELF, key, list);
            Py_DECREF(key);
        }
        Py_XDECREF(more);
    }
    if (rc < 0) {
        Py_XDECREF(list);
        return NULL;
    }
    return sorted_if(st, orm_stmt_append(st, SELF, ORM_DML_DEFAULTS, list), sorted);
}

/* Several rows, rows of a SELECT, or inline(): nobody asks which keys they got. */
PyObject *
orm_dml_is_unkeyed(PyObject *self, void *closure)
{
    const orm_node *values = SELF->args[ORM_DML_VALUES];

    (void)closure;
    return PyBool_FromLong(SELF->kind == ORM_N_INSERT
                           && (SELF->args[ORM_DML_SELECT] != NULL
                               || (SELF->aux & ORM_DMLF_INLINE)
                               || (values != NULL && (values->aux & ORM_LIST_ROWS))));
}
