/*
 * dml_conflict.c - ON CONFLICT of insert(): target, SET, and the `excluded` pseudo table.
 *
 * Place: methods of Insert. PostgreSQL has one clause, SQLite several in order: each call
 *   adds one.
 */
#include "sql_int.h"

#define SELF ((orm_node *)self)

PyObject *
orm_insert_excluded(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);
    orm_node *t = SELF->args[ORM_DML_TABLE];
    orm_node *alias = NULL;
    PyObject *coll = NULL;

    (void)closure;
    if (st == NULL || SELF->kind != ORM_N_INSERT) {
        if (st != NULL) {
            PyErr_SetString(PyExc_AttributeError, "excluded");
        }
        return NULL;
    }
    while (t->kind == ORM_N_ENTITY) {
        t = t->args[0];
    }
    alias = orm_alias_new(st, ORM_N_ALIAS, t, st->s_excluded, ORM_ALIAS_EXCLUDED);
    coll = alias == NULL ? NULL : orm_from_columns(st, alias);
    Py_XDECREF(alias);
    return coll;
}

/* Index elements: names, columns or expressions, as a LIST. New ref. */
static orm_node *
target_list(orm_state *st, orm_node *stmt, PyObject *elements)
{
    PyObject *fast = PySequence_Tuple(elements);
    PyObject *list = fast == NULL ? NULL : PyList_New(0);
    orm_node *t = stmt->args[ORM_DML_TABLE];
    PyObject *coll = list == NULL ? NULL : orm_from_columns(st, t);
    orm_node *out = NULL;
    Py_ssize_t i;

    for (i = 0; coll != NULL && list != NULL && i < PyTuple_GET_SIZE(fast); i++) {
        PyObject *o = PyTuple_GET_ITEM(fast, i);
        orm_node *n = NULL;

        if (PyUnicode_Check(o)) {
            PyObject *column = orm_collection_get(coll, o);

            n = column != NULL
                    ? (orm_node *)Py_XNewRef((PyObject *)orm_node_of(st, column))
                    : PyErr_Occurred() ? NULL : orm_column_like(st, o);
        }
        else {
            n = orm_coerce_value(st, o, NULL);
        }
        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    if (coll != NULL && list != NULL) {
        out = orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
    }
    Py_XDECREF(coll);
    Py_XDECREF(list);
    Py_XDECREF(fast);
    return out;
}

/* A constraint or index object: its name, or its columns. 0/-1. */
static int
target_of_constraint(orm_state *st, orm_node *stmt, PyObject *constraint, PyObject **name,
                     orm_node **target)
{
    PyObject *columns = NULL;
    int is_index;

    if (PyUnicode_Check(constraint)) {
        *name = PyUnicode_FromObject(constraint);
        return *name == NULL ? -1 : 0;
    }
    is_index = PyObject_HasAttrStringWithError(constraint, "expressions");
    if (is_index > 0) {
        is_index = PyObject_HasAttrStringWithError(constraint, "contains_column");
        is_index = is_index < 0 ? -1 : !is_index;
    }
    if (is_index < 0) {
        return -1;
    }
    if (!is_index) {
        PyObject *n = NULL;

        if (PyObject_GetOptionalAttr(constraint, st->s_name, &n) < 0) {
            return -1;
        }
        if (n != NULL && PyUnicode_Check(n)) {
            *name = PyUnicode_FromObject(n);
            Py_DECREF(n);
            return *name == NULL ? -1 : 0;
        }
        Py_XDECREF(n);
    }
    columns = PyObject_GetAttrString(constraint, is_index ? "expressions" : "columns");
    if (columns == NULL) {
        return -1;
    }
    *target = target_list(st, stmt, columns);
    Py_DECREF(columns);
    return *target == NULL ? -1 : 0;
}

enum { C_CONSTRAINT, C_ELEMENTS, C_INDEX_WHERE, C_SET, C_WHERE };

static orm_node *
set_list(orm_state *st, orm_node *stmt, PyObject *set)
{
    PyObject *list = PyList_New(0);
    PyObject *dict = NULL;
    orm_node *out = NULL;
    int rc = -1;

    if (PyObject_TypeCheck(set, st->ColumnCollection)) { /* set_=stmt.excluded: all columns */
        PyObject *items = PyObject_CallMethod(set, "items", NULL);

        dict = items == NULL ? NULL : PyDict_New();
        if (dict != NULL && PyDict_MergeFromSeq2(dict, items, 1) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(items);
    }
    else if (PyDict_Check(set)) {
        dict = Py_NewRef(set);
    }
    else {
        dict = PyDict_New();
        if (dict != NULL && PyDict_MergeFromSeq2(dict, set, 1) < 0) {
            Py_CLEAR(dict);
        }
    }
    if (list != NULL && dict != NULL) {
        rc = orm_dml_add_row(st, stmt, list, dict);
    }
    if (rc == 0 && PyList_GET_SIZE(list) == 0) {
        PyErr_SetString(PyExc_ValueError, "set parameter dictionary must not be empty");
        rc = -1;
    }
    if (rc == 0) {
        out = orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
    }
    Py_XDECREF(dict);
    Py_XDECREF(list);
    return out;
}

static PyObject *
conflict_common(PyObject *self, PyObject *const *out, int update)
{
    orm_state *st = orm_expr_state(self);
    orm_node *parts[4] = {NULL, NULL, NULL, NULL};
    PyObject *name = NULL;
    PyObject *list = NULL;
    orm_node *n = NULL;
    PyObject *result = NULL;
    int has_constraint = out[C_CONSTRAINT] != NULL && out[C_CONSTRAINT] != Py_None;
    int has_elements = out[C_ELEMENTS] != NULL && out[C_ELEMENTS] != Py_None;
    int i;

    if (st == NULL) {
        return NULL;
    }
    if (has_constraint && has_elements) {
        PyErr_SetString(PyExc_ValueError,
                        "'constraint' and 'index_elements' are mutually exclusive");
        return NULL;
    }
    if (has_constraint
        && target_of_constraint(st, SELF, out[C_CONSTRAINT], &name, &parts[0]) < 0) {
        goto done;
    }
    if (has_elements && (parts[0] = target_list(st, SELF, out[C_ELEMENTS])) == NULL) {
        goto done;
    }
    if (out[C_INDEX_WHERE] != NULL && out[C_INDEX_WHERE] != Py_None
        && (parts[1] = orm_coerce_criterion(st, out[C_INDEX_WHERE])) == NULL) {
        goto done;
    }
    if (update) {
        if (out[C_SET] == NULL || out[C_SET] == Py_None) {
            PyErr_SetString(PyExc_ValueError, "set parameter must be a non-empty dictionary or a "
                                              "ColumnCollection such as the `.c.` collection of a "
                                              "Table object");
            goto done;
        }
        parts[2] = set_list(st, SELF, out[C_SET]);
        if (parts[2] == NULL) {
            goto done;
        }
    }
    if (out[C_WHERE] != NULL && out[C_WHERE] != Py_None
        && (parts[3] = orm_coerce_criterion(st, out[C_WHERE])) == NULL) {
        goto done;
    }
    n = orm_node_make(st, ORM_N_CONFLICT, ORM_OP_NONE, NULL, name, (uint32_t)update, 4, parts);
    list = n == NULL ? NULL : PyList_New(0);
    if (list != NULL && PyList_Append(list, (PyObject *)n) < 0) {
        Py_CLEAR(list);
    }
    if (list != NULL) {
        result = orm_stmt_append(st, SELF, ORM_DML_CONFLICT, list);
    }
done:
    for (i = 0; i < 4; i++) {
        Py_XDECREF(parts[i]);
    }
    Py_XDECREF(name);
    Py_XDECREF(n);
    return result;
}

static const orm_args_spec update_spec = {
    .fname = "on_conflict_do_update",
    .names = {"constraint", "index_elements", "index_where", "set_", "where"},
    .count = 5,
    .npositional = 5};
/* SQLite's method has no `constraint`; by keyword both are one. */
static const orm_args_spec nothing_spec = {
    .fname = "on_conflict_do_nothing",
    .names = {"constraint", "index_elements", "index_where"},
    .count = 3,
    .npositional = 3};

PyObject *
orm_m_on_conflict_update(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *out[5];

    return orm_args_parse(&update_spec, args, nargs, kwnames, out) < 0
               ? NULL
               : conflict_common(self, out, 1);
}

PyObject *
orm_m_on_conflict_nothing(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *out[5] = {NULL};

    return orm_args_parse(&nothing_spec, args, nargs, kwnames, out) < 0
               ? NULL
               : conflict_common(self, out, 0);
}
