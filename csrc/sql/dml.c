/*
 * dml.c - insert(), update(), delete(): construction, VALUES in all forms.
 *
 * Place: the slots of DML statements; ON CONFLICT stands in dml_conflict.c,
 *   RETURNING in dml_returning.c. Which columns a
 *   statement without VALUES writes is known at execution (column_keys of the options).
 * Values: each is an ASSIGN of a column (resolved by key where the table has it) and a
 *   value; a plain value becomes a bind called like the column, typed like it.
 * Ownership: methods return a new statement. Locking: the GIL.
 */
#include "sql_int.h"

#define SELF ((orm_node *)self)

/* ---- construction ------------------------------------------------------------------------------ */
static PyObject *
dml_new(PyObject *module, PyObject *table, orm_kind kind, uint32_t aux)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = NULL;
    orm_node *t = NULL;
    int rc = orm_coerce_element(st, table, &t);

    if (rc < 0) {
        return NULL;
    }
    if (rc == 0 || (t->kind != ORM_N_TABLE && t->kind != ORM_N_ENTITY && t->kind != ORM_N_ALIAS
                    && t->kind != ORM_N_CTE && t->kind != ORM_N_JOIN && t->kind != ORM_N_CUSTOM)) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "subject table for an INSERT, UPDATE or DELETE expected, got %R.", table);
        Py_XDECREF(t);
        return NULL;
    }
    if (t->kind == ORM_N_ENTITY && orm_sql_get_orm_ops(st) != NULL) {
        Py_SETREF(t, (orm_node *)Py_NewRef(orm_sql_get_orm_ops(st)->dml_target(t)));
    }
    n = orm_node_new(st, NULL, kind, ORM_DML__COUNT);
    if (n == NULL) {
        Py_DECREF(t);
        return NULL;
    }
    n->aux = aux;
    n->args[ORM_DML_TABLE] = t;
    (void)orm_node_seal(st, n);
    return (PyObject *)n;
}

static PyObject *
f_insert(PyObject *module, PyObject *table)
{
    return dml_new(module, table, ORM_N_INSERT, 0);
}

static PyObject *
f_dialect_insert(PyObject *module, PyObject *table)
{
    return dml_new(module, table, ORM_N_INSERT, ORM_DMLF_DIALECT);
}

static PyObject *
f_update(PyObject *module, PyObject *table)
{
    return dml_new(module, table, ORM_N_UPDATE, 0);
}

static PyObject *
f_delete(PyObject *module, PyObject *table)
{
    return dml_new(module, table, ORM_N_DELETE, 0);
}

#define TABLE_METHOD(name)                                                                    \
    PyObject *orm_m_table_##name(PyObject *self, PyObject *none)                              \
    {                                                                                         \
        orm_state *st = orm_expr_state(self);                                                 \
        (void)none;                                                                           \
        return st == NULL ? NULL : f_##name(st->module, self);                                \
    }
TABLE_METHOD(insert)
TABLE_METHOD(update)
TABLE_METHOD(delete)
#undef TABLE_METHOD

/* ---- assignments ------------------------------------------------------------------------------------ */

/* What a key of values() is: the column node (or NULL) and the key's text (or NULL). 0/-1. */
int
orm_dml_resolve_key(orm_state *st, orm_node *stmt, PyObject *key, orm_node **column, PyObject **name)
{
    orm_node *table = stmt->args[ORM_DML_TABLE];
    PyObject *found = NULL;
    int rc;

    *column = NULL;
    *name = NULL;
    if (!PyUnicode_Check(key)) {
        rc = orm_coerce_element(st, key, column);
        if (rc == 0) {
            return orm_raise_exc(st, ORM_EXC_ArgumentError,
                                 "values() keys are column names or columns, got %R", key);
        }
        if (rc > 0 && ((*column)->kind == ORM_N_COLUMN || (*column)->kind == ORM_N_ATTR)) {
            *name = orm_node_key(st, *column);
        }
        return rc < 0 || PyErr_Occurred() ? -1 : 0;
    }
    *name = PyUnicode_FromObject(key);
    if (*name == NULL) {
        return -1;
    }
    if (table->kind == ORM_N_ENTITY) {
        PyObject *owner = orm_node_wrap(st, table);

        rc = owner == NULL ? -1 : PyObject_GetOptionalAttr(owner, *name, &found);
        Py_XDECREF(owner);
        if (rc > 0 && is_clause(st, found)) {
            *column = (orm_node *)Py_XNewRef((PyObject *)orm_node_of(st, found));
        }
        Py_XDECREF(found);
        return rc < 0 || PyErr_Occurred() ? -1 : 0;
    }
    {
        PyObject *coll = orm_from_columns(st, table);

        if (coll == NULL) {
            return -1;
        }
        found = orm_collection_get(coll, *name);
        if (found != NULL) {
            *column = (orm_node *)Py_XNewRef((PyObject *)orm_node_of(st, found));
        }
        Py_DECREF(coll);
    }
    return PyErr_Occurred() ? -1 : 0;
}

/* The value beside a column: an expression, or a bind called like the key. */
static orm_node *
assigned_value(orm_state *st, PyObject *value, orm_node *column, PyObject *name, Py_ssize_t row)
{
    orm_node *n = NULL;
    orm_node *out = NULL;
    orm_type *type = NULL;
    PyObject *bind_name = NULL;
    int rc = value == Py_None || PyUnicode_CheckExact(value) || PyLong_CheckExact(value)
                 ? 0
                 : orm_coerce_element(st, value, &n);

    if (rc < 0) {
        return NULL;
    }
    type = column != NULL ? orm_node_type(st, column) : orm_type_builtin(st, ORM_T_NULL);
    if (rc > 0) {
        if (n->kind == ORM_N_BIND && n->type->kind == ORM_T_NULL && type->kind != ORM_T_NULL) {
            out = orm_bind_typed(st, n, type);
        }
        else {
            out = orm_as_scalar(st, n);
        }
        Py_DECREF(n);
        return out;
    }
    if (name == NULL) {
        return orm_bind_new(st, value, type, NULL, ORM_BIND_UNIQUE);
    }
    if (type->kind == ORM_T_NULL && column == NULL && value != Py_None) {
        type = NULL;
    }
    bind_name = row < 0 ? Py_NewRef(name) : PyUnicode_FromFormat("%U_m%zd", name, row);
    if (bind_name != NULL) {
        orm_type *own = type != NULL ? (orm_type *)Py_NewRef((PyObject *)type)
                                     : orm_type_for_value(st, value);

        out = own == NULL ? NULL : orm_bind_new(st, value, own, bind_name, 0);
        Py_XDECREF(own);
        Py_DECREF(bind_name);
    }
    return out;
}

static orm_node *
assign_new(orm_state *st, orm_node *column, PyObject *name, orm_node *value)
{
    orm_node *pair[2] = {column, value};

    return orm_node_make(st, ORM_N_ASSIGN, ORM_OP_NONE, NULL, name, 0, 2, pair);
}

/* Same target: the same column, or the same key without a column. */
static int
same_target(const orm_node *a, const orm_node *b)
{
    if (a->args[0] != NULL || b->args[0] != NULL) {
        return a->args[0] == b->args[0];
    }
    return a->payload != NULL && b->payload != NULL
           && PyUnicode_Compare(a->payload, b->payload) == 0;
}

/* Put an assignment into the list, in the place of an older one for the same target. */
static int
put_assign(PyObject *list, orm_node *assign)
{
    Py_ssize_t i;

    for (i = 0; i < PyList_GET_SIZE(list); i++) {
        if (same_target((orm_node *)PyList_GET_ITEM(list, i), assign)) {
            return PyList_SetItem(list, i, Py_NewRef((PyObject *)assign));
        }
    }
    return PyList_Append(list, (PyObject *)assign);
}

static int add_assign(orm_state *st, orm_node *stmt, PyObject *list, PyObject *key,
                      PyObject *value, Py_ssize_t row);

/* What stands for several columns (a composite, a hybrid with an update_expression) says which:
   `_expand_values(value)` gives pairs. 1 assigned, 0 an ordinary key, -1. */
static int
add_expanded(orm_state *st, orm_node *stmt, PyObject *list, PyObject *key, PyObject *value,
             Py_ssize_t row)
{
    orm_node *table = stmt->args[ORM_DML_TABLE];
    PyObject *owner = NULL;
    PyObject *what = NULL;
    PyObject *expand = NULL;
    PyObject *pairs = NULL;
    int rc = 0;

    if (PyUnicode_Check(key)) {
        if (table->kind != ORM_N_ENTITY) {
            return 0;
        }
        owner = orm_node_wrap(st, table);
        rc = owner == NULL ? -1 : PyObject_GetOptionalAttr(owner, key, &what);
        Py_XDECREF(owner);
    }
    else {
        what = Py_NewRef(key);
        rc = 1;
    }
    if (rc > 0 && !Py_IS_TYPE(what, st->InstrumentedAttribute) && !orm_is_node(what)) {
        rc = PyObject_GetOptionalAttr(what, st->s_expand_values, &expand);
    }
    Py_XDECREF(what);
    if (expand == NULL) {
        return rc < 0 ? -1 : 0;
    }
    pairs = PyObject_CallOneArg(expand, value);
    Py_DECREF(expand);
    if (pairs == NULL) {
        return -1;
    }
    if (!PyList_Check(pairs)) {
        PyErr_SetString(PyExc_TypeError, "_expand_values() returns a list of pairs");
        rc = -1;
    }
    for (Py_ssize_t i = 0; rc >= 0 && i < PyList_GET_SIZE(pairs); i++) {
        PyObject *target = NULL;
        PyObject *v = NULL;

        rc = PyArg_ParseTuple(PyList_GET_ITEM(pairs, i), "OO", &target, &v)
                 ? add_assign(st, stmt, list, target, v, row)
                 : -1;
    }
    Py_DECREF(pairs);
    return rc < 0 ? -1 : 1;
}

static int
add_assign(orm_state *st, orm_node *stmt, PyObject *list, PyObject *key, PyObject *value,
           Py_ssize_t row)
{
    orm_node *column = NULL;
    PyObject *name = NULL;
    orm_node *v = NULL;
    orm_node *assign = NULL;
    int rc = value == NULL ? 0 : add_expanded(st, stmt, list, key, value, row);

    if (rc != 0) {
        return rc < 0 ? -1 : 0;
    }
    rc = -1;
    if (orm_dml_resolve_key(st, stmt, key, &column, &name) < 0) {
        goto done;
    }
    if (column != NULL && column->kind == ORM_N_ATTR && column->args[1]->kind == ORM_N_COLUMN) {
        Py_XSETREF(name, orm_node_key(st, column->args[1])); /* an attribute: its column's key */
    }
    v = value == NULL ? NULL : assigned_value(st, value, column, name, row);
    if (value != NULL && v == NULL) {
        goto done;
    }
    assign = assign_new(st, column, name, v);
    rc = assign == NULL ? -1 : put_assign(list, assign);
done:
    Py_XDECREF(column);
    Py_XDECREF(name);
    Py_XDECREF(v);
    Py_XDECREF(assign);
    return rc;
}

/* One row's values: a dict, or a sequence in the table's column order. */
static int
add_row(orm_state *st, orm_node *stmt, PyObject *list, PyObject *row, Py_ssize_t number)
{
    PyObject *key = NULL;
    PyObject *value = NULL;
    PyObject *coll = NULL;
    PyObject *fast = NULL;
    Py_ssize_t pos = 0;
    Py_ssize_t i;
    int rc = 0;

    if (PyDict_Check(row)) {
        PyObject *copy = PyDict_Copy(row); /* coercion may run Python */

        rc = copy == NULL ? -1 : 0;
        while (rc == 0 && PyDict_Next(copy, &pos, &key, &value)) {
            rc = add_assign(st, stmt, list, key, value, number);
        }
        Py_XDECREF(copy);
        return rc;
    }
    coll = orm_from_columns(st, stmt->args[ORM_DML_TABLE]);
    fast = coll == NULL ? NULL : PySequence_Fast(row, "values() takes a dictionary or a tuple");
    for (i = 0; rc == 0 && fast != NULL && i < PySequence_Fast_GET_SIZE(fast); i++) {
        if (i >= orm_collection_size(coll)) {
            rc = orm_raise_exc(st, ORM_EXC_ArgumentError, "values() got %zd values, the table has "
                                                          "%zd columns",
                               PySequence_Fast_GET_SIZE(fast), orm_collection_size(coll));
            break;
        }
        rc = add_assign(st, stmt, list, orm_collection_item(coll, i),
                        PySequence_Fast_GET_ITEM(fast, i), number);
    }
    rc = fast == NULL ? -1 : rc;
    Py_XDECREF(coll);
    Py_XDECREF(fast);
    return rc;
}

/* The assignments a statement has already, as a new list. */
static PyObject *
present_values(orm_node *stmt)
{
    orm_node *old = stmt->args[ORM_DML_VALUES];
    PyObject *list = PyList_New(0);
    Py_ssize_t i;

    for (i = 0; list != NULL && old != NULL && i < old->ob_base.ob_size; i++) {
        if (PyList_Append(list, (PyObject *)old->args[i]) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* Is this a list of rows? A list (not tuple) whose first item is a dict, list or tuple. */
static int
is_rows(PyObject *o)
{
    PyObject *first = NULL;

    if (!PyList_Check(o) && !PyTuple_Check(o)) {
        return 0;
    }
    if (PySequence_Fast_GET_SIZE(o) == 0) {
        return PyList_Check(o);
    }
    first = PySequence_Fast_GET_ITEM(o, 0);
    return PyDict_Check(first) || (PyList_Check(o) && (PyTuple_Check(first) || PyList_Check(first)));
}

/* Rows after those that are there; `over`: rows over what values() said of one. */
static PyObject *
multi_values(orm_state *st, PyObject *self, PyObject *rows, bool over)
{
    orm_node *old = SELF->args[ORM_DML_VALUES];
    PyObject *all = NULL;
    orm_node *value = NULL;
    Py_ssize_t i;

    if (SELF->kind != ORM_N_INSERT) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "UPDATE construct does not support multiple parameter sets.");
        return NULL;
    }
    over = over && old != NULL && !(old->aux & ORM_LIST_ROWS);
    if (!over && old != NULL && !(old->aux & ORM_LIST_ROWS)) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "Can't mix single and multiple VALUES formats in one INSERT statement");
        return NULL;
    }
    all = over ? PyList_New(0) : present_values(SELF);
    for (i = 0; all != NULL && i < PySequence_Fast_GET_SIZE(rows); i++) {
        PyObject *list = over ? present_values(SELF) : PyList_New(0);
        orm_node *row = NULL;

        if (list != NULL
            && add_row(st, SELF, list, PySequence_Fast_GET_ITEM(rows, i), PyList_GET_SIZE(all)) == 0) {
            row = orm_list_node(st, ORM_OP_COMMA, NULL, 0, list);
        }
        Py_XDECREF(list);
        if (row == NULL || PyList_Append(all, (PyObject *)row) < 0) {
            Py_CLEAR(all);
        }
        Py_XDECREF(row);
    }
    if (all != NULL) {
        value = orm_list_node(st, ORM_OP_COMMA, NULL, ORM_LIST_ROWS, all);
        Py_DECREF(all);
    }
    return value == NULL ? NULL : orm_stmt_with(st, SELF, ORM_DML_VALUES, value);
}

static PyObject *
m_values(PyObject *self, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = NULL;
    orm_node *old = SELF->args[ORM_DML_VALUES];
    orm_node *value = NULL;
    PyObject *arg = NULL;
    int rc = 0;

    if (st == NULL) {
        return NULL;
    }
    if (SELF->args[ORM_DML_SELECT] != NULL) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "This construct already inserts from a SELECT");
        return NULL;
    }
    if (PyTuple_GET_SIZE(args) == 1) {
        arg = PyTuple_GET_ITEM(args, 0);
        if (is_rows(arg)) {
            return multi_values(st, self, arg, false);
        }
    }
    else if (PyTuple_GET_SIZE(args) > 1) {
        orm_raise_exc(st, ORM_EXC_ArgumentError, "Only a single dictionary/tuple or list of "
                                                 "dictionaries/tuples is accepted positionally.");
        return NULL;
    }
    if (old != NULL && (old->aux & ORM_LIST_ROWS)) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "Can't mix single and multiple VALUES formats in one INSERT statement");
        return NULL;
    }
    list = present_values(SELF);
    if (list != NULL && arg != NULL) {
        rc = add_row(st, SELF, list, arg, -1);
    }
    if (list != NULL && rc == 0 && kwargs != NULL) {
        rc = add_row(st, SELF, list, kwargs, -1);
    }
    if (list != NULL && rc == 0) {
        value = orm_list_node(st, ORM_OP_COMMA, NULL, old == NULL ? 0 : old->aux, list);
    }
    Py_XDECREF(list);
    return value == NULL ? NULL : orm_stmt_with(st, SELF, ORM_DML_VALUES, value);
}

/* _rows(list): the parameters of several rows as VALUES; what values() said stands in each. */
static PyObject *
m_rows(PyObject *self, PyObject *rows)
{
    orm_state *st = orm_expr_state(self);

    if (st != NULL && !PyList_Check(rows)) {
        PyErr_SetString(PyExc_TypeError, "_rows() takes a list of dicts");
        return NULL;
    }
    return st == NULL ? NULL : multi_values(st, self, rows, true);
}

/* ordered_values((key, value), ...): SET in this order. */
static PyObject *
m_ordered_values(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    orm_node *value = NULL;
    Py_ssize_t i;

    for (i = 0; list != NULL && i < nargs; i++) {
        if (!PyTuple_Check(args[i]) || PyTuple_GET_SIZE(args[i]) != 2) {
            orm_raise_exc(st, ORM_EXC_ArgumentError, "ordered_values() takes (key, value) tuples");
            Py_CLEAR(list);
        }
        else if (add_assign(st, SELF, list, PyTuple_GET_ITEM(args[i], 0),
                            PyTuple_GET_ITEM(args[i], 1), -1)
                 < 0) {
            Py_CLEAR(list);
        }
    }
    if (list != NULL) {
        value = orm_list_node(st, ORM_OP_COMMA, NULL, ORM_LIST_ORDERED, list);
        Py_DECREF(list);
    }
    return value == NULL ? NULL : orm_stmt_with(st, SELF, ORM_DML_VALUES, value);
}

static PyObject *
m_from_select(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "from_select",
                                       .names = {"names", "select", "include_defaults"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 2};
    orm_state *st = orm_expr_state(self);
    PyObject *out[3];
    PyObject *fast = NULL;
    PyObject *list = NULL;
    orm_node *select = NULL;
    orm_node *names = NULL;
    orm_node *c = NULL;
    int defaults;
    Py_ssize_t i;

    if (st == NULL || orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    defaults = orm_arg_bool(out[2], 1);
    select = defaults < 0 ? NULL : orm_coerce_statement(st, out[1], "SELECT construct");
    fast = select == NULL ? NULL : PySequence_Tuple(out[0]);
    list = fast == NULL ? NULL : PyList_New(0);
    for (i = 0; list != NULL && i < PyTuple_GET_SIZE(fast); i++) {
        if (add_assign(st, SELF, list, PyTuple_GET_ITEM(fast, i), NULL, -1) < 0) {
            Py_CLEAR(list);
        }
    }
    if (list != NULL) {
        names = orm_list_node(st, ORM_OP_COMMA, NULL, defaults ? ORM_LIST_DEFAULTS : 0, list);
    }
    c = names == NULL ? NULL : orm_stmt_copy(st, SELF);
    if (c != NULL) {
        c->aux |= ORM_DMLF_INLINE;
        Py_XSETREF(c->args[ORM_DML_VALUES], (orm_node *)Py_NewRef((PyObject *)names));
        Py_XSETREF(c->args[ORM_DML_SELECT], (orm_node *)Py_NewRef((PyObject *)select));
        (void)orm_node_seal(st, c);
    }
    Py_XDECREF(names);
    Py_XDECREF(list);
    Py_XDECREF(fast);
    Py_XDECREF(select);
    return (PyObject *)c;
}

/* ---- FROM, prefixes ---------------------------------------------------------------------------- */
static PyObject *
m_inline(PyObject *self, PyObject *none)
{
    orm_state *st = orm_expr_state(self);

    (void)none;
    return st == NULL ? NULL : orm_stmt_with_aux(st, SELF, SELF->aux | ORM_DMLF_INLINE);
}

static PyObject *
m_using(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    Py_ssize_t i;

    for (i = 0; list != NULL && i < nargs; i++) {
        orm_node *n = orm_coerce_from(st, args[i]);

        if (n == NULL || PyList_Append(list, (PyObject *)n) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(n);
    }
    return list == NULL ? NULL : orm_stmt_append(st, SELF, ORM_DML_USING, list);
}

static PyObject *
m_prefix_with(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return orm_stmt_prefixes(self, args, nargs, kwnames, ORM_DML_PREFIX);
}

static PyObject *
m_with_hint(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "with_hint",
                                       .names = {"text", "selectable", "dialect_name"},
                                       .count = 3,
                                       .npositional = 3,
                                       .nrequired = 1};
    PyObject *out[3];

    return orm_args_parse(&spec, args, nargs, kwnames, out) < 0
               ? NULL
               : orm_stmt_hint(self, out[1] == Py_None ? NULL : out[1], out[0], out[2],
                               ORM_DML_HINTS);
}

static PyObject *
m_add_cte(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return orm_stmt_add_cte(self, args, nargs, kwnames, ORM_DML_CTES);
}

/* ---- looking at a statement ------------------------------------------------------------------------------ */
static PyObject *
get_table(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);
    orm_node *t = SELF->args[ORM_DML_TABLE];

    (void)closure;
    while (t->kind == ORM_N_ENTITY) {
        t = t->args[0];
    }
    return st == NULL ? NULL : orm_node_wrap(st, t);
}

static PyObject *
get_where(PyObject *self, void *closure)
{
    orm_node *w = SELF->args[ORM_DML_WHERE];

    (void)closure;
    return w == NULL ? Py_NewRef(Py_None) : orm_node_wrap(orm_expr_state(self), w);
}

static PyObject *
get_is_dml(PyObject *self, void *closure)
{
    (void)self;
    (void)closure;
    Py_RETURN_TRUE;
}

static PyObject *
get_exported(PyObject *self, void *closure)
{
    orm_state *st = orm_expr_state(self);
    PyObject *list = st == NULL ? NULL : orm_stmt_columns(st, SELF);
    PyObject *coll = list == NULL ? NULL : orm_collection_new(st);
    Py_ssize_t i;

    (void)closure;
    for (i = 0; coll != NULL && i < PyList_GET_SIZE(list); i++) {
        orm_node *n = (orm_node *)PyList_GET_ITEM(list, i);
        PyObject *key = orm_node_key(st, n);
        PyObject *o = orm_node_wrap(st, n);

        if (o == NULL || orm_collection_add(st, coll, key != NULL ? key : st->s_no_label, o) < 0) {
            Py_CLEAR(coll);
        }
        Py_XDECREF(key);
        Py_XDECREF(o);
    }
    Py_XDECREF(list);
    return coll;
}

/* What SET or VALUES of one row assigns: a list of (name or None, column or None, value or None). */
static PyObject *
get_assigned(PyObject *self, void *Py_UNUSED(closure))
{
    orm_state *st = orm_expr_state(self);
    orm_node *values = st == NULL ? NULL : SELF->args[ORM_DML_VALUES];
    PyObject *list = st == NULL ? NULL : PyList_New(0);
    Py_ssize_t n = values == NULL || values->aux & ORM_LIST_ROWS ? 0 : Py_SIZE(values);

    for (Py_ssize_t i = 0; list != NULL && i < n; i++) {
        orm_node *a = values->args[i];
        PyObject *column = a->args[0] == NULL ? Py_NewRef(Py_None) : orm_node_wrap(st, a->args[0]);
        PyObject *value = a->args[1] == NULL ? Py_NewRef(Py_None) : orm_node_wrap(st, a->args[1]);
        PyObject *item = column == NULL || value == NULL
                             ? NULL
                             : PyTuple_Pack(3, a->payload == NULL ? Py_None : a->payload, column,
                                            value);

        if (item == NULL || PyList_Append(list, item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
        Py_XDECREF(column);
        Py_XDECREF(value);
    }
    return list;
}

PyGetSetDef orm_dml_getset[] = {
    {"_assigned", get_assigned, NULL, "What is assigned: (name, column, value) of each.", NULL},
    {"table", get_table, NULL, "The table written to.", NULL},
    {"whereclause", get_where, NULL, "The WHERE criterion, or None.", NULL},
    {"is_dml", get_is_dml, NULL, "True.", NULL},
    {"exported_columns", get_exported, NULL, "The columns of RETURNING.", NULL},
    {"_is_unkeyed", orm_dml_is_unkeyed, NULL, "True for an INSERT that tells no primary key.", NULL},
    {"excluded", orm_insert_excluded, NULL, "The values proposed for insertion, in ON CONFLICT.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define FAST(name, fn, doc) {name, ORM_METHOD(fn), METH_FASTCALL, name doc}
#define KW(name, fn, doc) {name, ORM_METHOD(fn), ORM_METH_KW, name doc}
#define DML_COMMON                                                                            \
    KW("returning", orm_m_returning, "($self, /, *cols, sort_by_parameter_order=False)\n--\n\nRETURNING."), \
        KW("prefix_with", m_prefix_with, "($self, /, *prefixes, dialect='*')\n--\n\nText after the verb."), \
        KW("with_hint", m_with_hint, "($self, text, selectable=None, dialect_name='*')\n--\n\nA hint."), \
        KW("add_cte", m_add_cte, "($self, /, *ctes, nest_here=False)\n--\n\nAdd CTEs."),      \
        KW("cte", orm_m_cte, "($self, name=None, recursive=False, nesting=False, *, materialized=None)\n--\n\nWITH."), \
        ORM_STMT_METHODS
#define VALUES_COMMON                                                                         \
    {"values", ORM_METHOD(m_values), METH_VARARGS | METH_KEYWORDS,                            \
     "values($self, /, *args, **kwargs)\n--\n\nValues by column."},                           \
        KW("return_defaults", orm_m_return_defaults,                                              \
           "($self, /, *cols, supplemental_cols=None, sort_by_parameter_order=False)\n--\n\n" \
           "Fetch what the server generates."),                                               \
        {"inline", m_inline, METH_NOARGS, "inline($self)\n--\n\nNothing is fetched back."}
#define WHERE_COMMON                                                                          \
    FAST("where", orm_m_where, "($self, /, *whereclause)\n--\n\nAdd criteria, joined by AND."), \
        FAST("filter", orm_m_where, "($self, /, *criteria)\n--\n\nwhere()."),                 \
        {"filter_by", ORM_METHOD(orm_m_filter_by), METH_VARARGS | METH_KEYWORDS,              \
         "filter_by($self, **kwargs)\n--\n\nCriteria by column name."}

PyMethodDef orm_insert_methods[] = {
    {"_rows", m_rows, METH_O, "_rows($self, rows, /)\n--\n\nRows over what values() said."},
    VALUES_COMMON,
    KW("from_select", m_from_select, "($self, names, select, include_defaults=True)\n--\n\nINSERT ... SELECT."),
    KW("on_conflict_do_update", orm_m_on_conflict_update,
       "($self, constraint=None, index_elements=None, index_where=None, set_=None, where=None)\n--\n\n"
       "ON CONFLICT DO UPDATE."),
    KW("on_conflict_do_nothing", orm_m_on_conflict_nothing,
       "($self, constraint=None, index_elements=None, index_where=None)\n--\n\nON CONFLICT DO NOTHING."),
    DML_COMMON,
    {NULL, NULL, 0, NULL},
};
PyMethodDef orm_update_methods[] = {
    VALUES_COMMON,
    WHERE_COMMON,
    FAST("ordered_values", m_ordered_values, "($self, /, *args)\n--\n\nSET in this order."),
    FAST("using", m_using, "($self, /, *froms)\n--\n\nMore FROM elements."),
    DML_COMMON,
    {NULL, NULL, 0, NULL},
};
PyMethodDef orm_delete_methods[] = {
    WHERE_COMMON,
    FAST("using", m_using, "($self, /, *froms)\n--\n\nMore FROM elements."),
    DML_COMMON,
    {NULL, NULL, 0, NULL},
};

static PyMethodDef dml_functions[] = {
    {"insert", f_insert, METH_O, "insert($module, table, /)\n--\n\nINSERT."},
    {"dialect_insert", f_dialect_insert, METH_O,
     "dialect_insert($module, table, /)\n--\n\nThe insert() of postgresql and sqlite."},
    {"update", f_update, METH_O, "update($module, table, /)\n--\n\nUPDATE."},
    {"delete", f_delete, METH_O, "delete($module, table, /)\n--\n\nDELETE."},
    {NULL, NULL, 0, NULL},
};

int
orm_dml_setup(PyObject *module, orm_state *st)
{
    (void)st;
    return PyModule_AddFunctions(module, dml_functions);
}

/* For dml_conflict.c: assignments of set_. */
int
orm_dml_add_row(orm_state *st, orm_node *stmt, PyObject *list, PyObject *row)
{
    return add_row(st, stmt, list, row, -1);
}
