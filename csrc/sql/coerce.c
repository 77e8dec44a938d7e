/*
 * coerce.c - Python objects to nodes, by the role they are given in.
 *
 * Place: at the entry of every constructor and method. The same object means different
 *   things: a str is a value beside an operator, a name in ORDER BY, an error in WHERE.
 * What is an expression: an object of ClauseElement's family; else what its
 *   `__clause_element__()` returns; else what orm/ says of it (a mapped class).
 * Ownership: new references throughout. Locking: the GIL; may run Python.
 */
#include "sql_int.h"

int
orm_coerce_element(orm_state *st, PyObject *o, orm_node **out)
{
    const orm_sql_orm_ops *ops = NULL;
    PyObject *method = NULL;
    PyObject *answer = NULL;
    int rc;

    *out = NULL;
    if (orm_is_node(o)) {
        *out = (orm_node *)Py_NewRef(o);
        return 1;
    }
    if (is_clause(st, o)) {
        *out = (orm_node *)Py_XNewRef(node_of_clause(st, o));
        return *out == NULL ? -1 : 1;
    }
    ops = sql_room(st)->orm_ops;
    if (ops != NULL && ops->coerce_entity != NULL) {
        rc = ops->coerce_entity(st, o, out);
        if (rc != 0) {
            return rc;
        }
    }
    rc = PyObject_GetOptionalAttr(o, st->s_clause_element, &method);
    if (rc <= 0) {
        return rc;
    }
    if (PyType_Check(o)) { /* an unmapped class that defines the protocol for its instances */
        Py_DECREF(method);
        return 0;
    }
    answer = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    if (answer == NULL) {
        return -1;
    }
    if (answer == o) {
        Py_DECREF(answer);
        return 0;
    }
    rc = Py_EnterRecursiveCall(" in __clause_element__");
    if (rc == 0) {
        rc = orm_coerce_element(st, answer, out);
        Py_LeaveRecursiveCall();
    }
    else {
        rc = -1;
    }
    Py_DECREF(answer);
    return rc;
}

orm_node *
orm_as_scalar(orm_state *st, orm_node *n)
{
    PyObject *cols = NULL;
    orm_type *type = NULL;
    orm_node *out = NULL;

    if (!orm_kind_is_select(n->kind)) {
        return (orm_node *)Py_NewRef((PyObject *)n);
    }
    cols = orm_stmt_columns(st, n);
    if (cols == NULL) {
        return NULL;
    }
    if (PyList_GET_SIZE(cols) > 0) {
        type = orm_node_type(st, (orm_node *)PyList_GET_ITEM(cols, 0));
    }
    else {
        type = orm_type_builtin(st, ORM_T_NULL);
    }
    out = orm_node_make(st, ORM_N_SCALAR, ORM_OP_NONE, type, NULL, 0, 1, &n);
    Py_DECREF(cols);
    return out;
}

static orm_node *
constant_of(orm_state *st, PyObject *o)
{
    if (o == Py_None) {
        return orm_single(st, ORM_N_NULLVAL);
    }
    return orm_single(st, o == Py_True ? ORM_N_TRUEVAL : ORM_N_FALSEVAL);
}

static int
is_comparison(orm_op op)
{
    return (orm_op_table[op].flags & ORM_OPF_COMPARE) && !(orm_op_table[op].flags & ORM_OPF_LIKE);
}

/* A FROM element beside an operator stands for its row only where a CTE or table has one
 * column; SQLAlchemy refuses it, except functions in FROM. */
static orm_node *
refuse_as_value(orm_state *st, PyObject *o)
{
    orm_raise_exc(st, ORM_EXC_ArgumentError,
                  "SQL expression element or literal value expected, got %R.%s", o,
                  PyObject_TypeCheck(o, st->FromClause)
                      ? " To create a column expression from a FROM clause row as a whole, use "
                        "the .table_valued() method."
                      : "");
    return NULL;
}

/* The same bind, called "param": it stands beside no column. Consumes `n`. */
orm_node *
orm_bind_unnamed(orm_state *st, orm_node *n)
{
    if (n != NULL && n->kind == ORM_N_BIND && (n->aux & ORM_BIND_UNIQUE)) {
        Py_SETREF(n, orm_bind_new(st, n->payload, n->type, NULL, n->aux));
    }
    return n;
}

/* A Python tuple beside a row value: a row value of binds, each of its column's type. */
static orm_node *
row_value(orm_state *st, PyObject *o, orm_node *peer, orm_op op)
{
    PyObject *values = PySequence_Tuple(o);
    orm_node *row = values == NULL ? NULL
                                   : orm_node_new(st, NULL, ORM_N_TUPLE, PyTuple_GET_SIZE(values));
    Py_ssize_t i;

    if (row == NULL) {
        Py_XDECREF(values);
        return NULL;
    }
    row->type = (orm_type *)Py_XNewRef((PyObject *)peer->type);
    for (i = 0; i < PyTuple_GET_SIZE(values); i++) {
        orm_node *side = i < peer->ob_base.ob_size ? peer->args[i] : NULL;

        row->args[i] = orm_bind_unnamed(
            st, orm_coerce_operand(st, PyTuple_GET_ITEM(values, i), side, op));
        if (row->args[i] == NULL) {
            Py_CLEAR(row);
            break;
        }
    }
    if (row != NULL) {
        (void)orm_node_seal(st, row);
    }
    Py_DECREF(values);
    return row;
}

orm_node *
orm_coerce_operand(orm_state *st, PyObject *o, orm_node *peer, orm_op op)
{
    orm_node *n = NULL;
    orm_node *out = NULL;
    orm_type *type = NULL;
    PyObject *body = NULL;
    int rc = 0;

    /* plain values first: they are what stands there most often */
    if (!PyUnicode_CheckExact(o) && !PyLong_CheckExact(o)) {
        if (o == Py_None || ((o == Py_True || o == Py_False) && is_comparison(op))) {
            return constant_of(st, o);
        }
        rc = orm_coerce_element(st, o, &n);
    }
    if (rc < 0) {
        return NULL;
    }
    if (rc > 0) {
        if (orm_kind_is_select(n->kind)) {
            out = orm_as_scalar(st, n);
            Py_DECREF(n);
            return out;
        }
        if (orm_kind_is_from(n->kind) && n->kind != ORM_N_FROMFUNC && n->kind != ORM_N_ENTITY) {
            Py_DECREF(n);
            return refuse_as_value(st, o);
        }
        if (n->kind == ORM_N_BIND && n->type->kind == ORM_T_NULL && peer != NULL
            && peer->type != NULL && peer->type->kind != ORM_T_NULL
            && (n->aux & ORM_BIND_NO_VALUE || is_comparison(op))) {
            /* an untyped bindparam takes the type of what it is compared with */
            out = orm_bind_typed(st, n, peer->type);
            Py_DECREF(n);
            return out;
        }
        return n;
    }
    if (peer == NULL) {
        return orm_coerce_value(st, o, NULL);
    }
    if (peer->kind == ORM_N_TUPLE && (PyTuple_Check(o) || PyList_Check(o))) {
        return row_value(st, o, peer, op);
    }
    type = orm_coerce_compared(st, orm_node_type(st, peer), op, o);
    if (type == NULL) {
        return NULL;
    }
    body = orm_bind_body(st, peer);
    n = body == NULL && PyErr_Occurred() ? NULL : orm_bind_new(st, o, type, body, ORM_BIND_UNIQUE);
    Py_XDECREF(body);
    Py_DECREF(type);
    return n;
}

/* The same bind with a type: named binds keep their identity by name. */
orm_node *
orm_bind_typed(orm_state *st, orm_node *bind, orm_type *type)
{
    return orm_bind_new(st, bind->payload, type, orm_bind_name(bind),
                        bind->aux & ~(uint32_t)ORM_BIND_NO_VALUE);
}

orm_node *
orm_coerce_value(orm_state *st, PyObject *o, orm_type *type)
{
    return orm_coerce_value_named(st, o, type, NULL);
}

orm_node *
orm_coerce_value_named(orm_state *st, PyObject *o, orm_type *type, PyObject *body)
{
    orm_node *n = NULL;
    orm_node *out = NULL;
    orm_type *own = NULL;
    int rc;

    if (o == Py_None) {
        return orm_single(st, ORM_N_NULLVAL);
    }
    rc = PyUnicode_CheckExact(o) || PyLong_CheckExact(o) ? 0 : orm_coerce_element(st, o, &n);
    if (rc < 0) {
        return NULL;
    }
    if (rc > 0) {
        if (orm_kind_is_select(n->kind)) {
            out = orm_as_scalar(st, n);
            Py_DECREF(n);
            return out;
        }
        return n;
    }
    own = type != NULL ? (orm_type *)Py_NewRef((PyObject *)type) : orm_type_for_value(st, o);
    if (own == NULL) {
        return NULL;
    }
    n = orm_bind_new(st, o, own, body, ORM_BIND_UNIQUE);
    Py_DECREF(own);
    return n;
}

orm_node *
orm_coerce_criterion(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;
    orm_node *out = NULL;
    int rc;

    if (o == Py_None || o == Py_True || o == Py_False) {
        return constant_of(st, o);
    }
    rc = orm_coerce_element(st, o, &n);
    if (rc < 0) {
        return NULL;
    }
    if (rc == 0 || orm_kind_is_from(n->kind)) {
        Py_XDECREF(n);
        if (PyUnicode_Check(o)) {
            orm_raise_exc(st, ORM_EXC_ArgumentError,
                          "Textual SQL expression %R should be explicitly declared as text(%R)", o,
                          o);
            return NULL;
        }
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "SQL expression for WHERE/HAVING role expected, got %R.", o);
        return NULL;
    }
    if (orm_is_plain_boolean(n)) {
        out = orm_unary_new(st, ORM_OP_IS_TRUE, n);
        Py_DECREF(n);
        return out;
    }
    if (orm_kind_is_select(n->kind)) {
        out = orm_as_scalar(st, n);
        Py_DECREF(n);
        return out;
    }
    return n;
}

static int
append_node(PyObject *list, orm_node *n)
{
    int rc = n == NULL ? -1 : PyList_Append(list, (PyObject *)n);

    Py_XDECREF(n);
    return rc;
}

/* The columns of a table or alias, as nodes. */
static int
spread_from(orm_state *st, orm_node *from, PyObject *list)
{
    PyObject *coll = orm_from_columns(st, from);
    Py_ssize_t i;
    int rc = coll == NULL ? -1 : 0;

    for (i = 0; rc == 0 && i < orm_collection_size(coll); i++) {
        orm_node *n = orm_node_of(st, orm_collection_item(coll, i));

        rc = n == NULL ? -1 : PyList_Append(list, (PyObject *)n);
    }
    Py_XDECREF(coll);
    return rc;
}

int
orm_coerce_columns(orm_state *st, PyObject *o, PyObject *list)
{
    orm_node *n = NULL;
    int rc;

    if (o == Py_None || o == Py_True || o == Py_False) {
        return append_node(list, constant_of(st, o));
    }
    rc = orm_coerce_element(st, o, &n);
    if (rc < 0) {
        return -1;
    }
    if (rc > 0) {
        if (n->kind == ORM_N_ENTITY || orm_kind_is_column(n->kind) || n->kind == ORM_N_TEXTSTMT) {
            return append_node(list, n);
        }
        if (orm_kind_is_from(n->kind)) {
            rc = spread_from(st, n, list);
            Py_DECREF(n);
            return rc;
        }
        if (orm_kind_is_select(n->kind)) {
            rc = append_node(list, orm_as_scalar(st, n));
            Py_DECREF(n);
            return rc;
        }
        Py_DECREF(n);
    }
    if (PyList_Check(o) || PyTuple_Check(o)) {
        return orm_raise_exc(st, ORM_EXC_ArgumentError,
                             "Column expression, FROM clause, or other columns clause element "
                             "expected, got %R. Did you mean to say select(%s)?",
                             o, "*columns");
    }
    if (PyUnicode_Check(o)) {
        return orm_raise_exc(st, ORM_EXC_ArgumentError,
                             "Textual column expression %R should be explicitly declared with "
                             "text(%R), or use column(%R) for more specificity",
                             o, o, o);
    }
    return orm_raise_exc(st, ORM_EXC_ArgumentError,
                         "Column expression, FROM clause, or other columns clause element "
                         "expected, got %R.",
                         o);
}

orm_node *
orm_coerce_order(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;
    orm_node *out = NULL;
    int rc;

    if (PyUnicode_Check(o)) {
        PyObject *name = PyUnicode_FromObject(o);

        if (name == NULL) {
            return NULL;
        }
        n = orm_node_make(st, ORM_N_LABELREF, ORM_OP_NONE, orm_type_builtin(st, ORM_T_NULL), name,
                          0, 0, NULL);
        Py_DECREF(name);
        return n;
    }
    rc = orm_coerce_element(st, o, &n);
    if (rc < 0) {
        return NULL;
    }
    if (rc > 0 && orm_kind_is_select(n->kind)) {
        out = orm_as_scalar(st, n);
        Py_DECREF(n);
        return out;
    }
    if (rc > 0 && (orm_kind_is_column(n->kind) || n->kind == ORM_N_TEXTSTMT)) {
        return n;
    }
    Py_XDECREF(n);
    orm_raise_exc(st, ORM_EXC_ArgumentError, "ORDER BY / GROUP BY expression expected, got %R.", o);
    return NULL;
}

orm_node *
orm_coerce_from(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;
    int rc = orm_coerce_element(st, o, &n);

    if (rc < 0) {
        return NULL;
    }
    if (rc > 0) {
        if (orm_kind_is_from(n->kind) || n->kind == ORM_N_TEXTSTMT || n->kind == ORM_N_FUNC
            || (n->kind == ORM_N_CUSTOM)) {
            return n;
        }
        if (orm_kind_is_select(n->kind)) {
            Py_DECREF(n);
            orm_raise_exc(st, ORM_EXC_ArgumentError,
                          "FROM expression, such as a Table or alias() object expected, got %R. "
                          "To create a FROM clause from a SELECT use its subquery() method: "
                          "select(...).subquery()",
                          o);
            return NULL;
        }
        Py_DECREF(n);
    }
    orm_raise_exc(st, ORM_EXC_ArgumentError,
                  "FROM expression, such as a Table or alias() object expected, got %R.", o);
    return NULL;
}

orm_node *
orm_coerce_statement(orm_state *st, PyObject *o, const char *what)
{
    orm_node *n = NULL;
    int rc = orm_coerce_element(st, o, &n);

    if (rc < 0) {
        return NULL;
    }
    if (rc > 0) {
        orm_node *inner = n;

        if (n->kind == ORM_N_SCALAR) {
            inner = n->args[0];
        }
        if (orm_kind_is_select(inner->kind) || inner->kind == ORM_N_VALUES
            || inner->kind == ORM_N_CUSTOM || inner->kind == ORM_N_CTE
            || inner->kind == ORM_N_SUBQUERY) {
            Py_INCREF(inner);
            Py_DECREF(n);
            return inner;
        }
        Py_DECREF(n);
    }
    orm_raise_exc(st, ORM_EXC_ArgumentError, "%s expected, got %R.", what, o);
    return NULL;
}

orm_node *
orm_coerce_limit(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;
    PyObject *number = NULL;
    int rc = PyLong_CheckExact(o) ? 0 : orm_coerce_element(st, o, &n);

    if (rc != 0) {
        return n;
    }
    number = PyNumber_Index(o);
    if (number == NULL) {
        PyErr_Clear();
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "LIMIT / OFFSET takes an int or an expression, got %R", o);
        return NULL;
    }
    n = orm_bind_new(st, number, orm_type_builtin(st, ORM_T_INT32), st->s_param,
                     ORM_BIND_UNIQUE | ORM_BIND_LIMIT);
    Py_DECREF(number);
    return n;
}

/* fast path: same answer as orm_coerce_columns for one expression object. Borrowed, or NULL. */
orm_node *
orm_plain_column(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;

    if (!orm_is_node(o) && !PyObject_TypeCheck(o, st->ColumnElement)) {
        return NULL;
    }
    n = orm_is_node(o) ? (orm_node *)o : ((orm_element *)o)->node;
    return n != NULL && orm_kind_is_column(n->kind) ? n : NULL;
}

/* A LIST of old's items and these; each has to be an orm_plain_column. NULL without an
 * exception: one is not. */
orm_node *
orm_list_of_columns(orm_state *st, orm_node *old, PyObject *const *args, Py_ssize_t nargs)
{
    orm_node *items[16];
    Py_ssize_t a = old == NULL ? 0 : old->ob_base.ob_size;
    Py_ssize_t i;

    if (a + nargs > 16) {
        return NULL;
    }
    for (i = 0; i < nargs; i++) {
        items[a + i] = orm_plain_column(st, args[i]);
        if (items[a + i] == NULL) {
            return NULL;
        }
    }
    for (i = 0; i < a; i++) {
        items[i] = old->args[i];
    }
    return orm_node_make(st, ORM_N_LIST, ORM_OP_COMMA, NULL, NULL, old == NULL ? 0 : old->aux,
                         a + nargs, items);
}

/* ---- lists ------------------------------------------------------------------------------- */
orm_node *
orm_list_node(orm_state *st, orm_op op, orm_type *type, uint32_t aux, PyObject *list)
{
    return orm_node_make(st, ORM_N_LIST, op, type, NULL, aux, PyList_GET_SIZE(list),
                         (orm_node *const *)((PyListObject *)list)->ob_item);
}

orm_node *
orm_list_extend(orm_state *st, orm_node *old, orm_op op, PyObject *list)
{
    Py_ssize_t a = old == NULL ? 0 : old->ob_base.ob_size;
    Py_ssize_t b = PyList_GET_SIZE(list);
    orm_node *n = orm_node_new(st, NULL, ORM_N_LIST, a + b);
    Py_ssize_t i;

    if (n == NULL) {
        return NULL;
    }
    n->op = (uint8_t)op;
    n->aux = old == NULL ? 0 : old->aux;
    for (i = 0; i < a; i++) {
        n->args[i] = (orm_node *)Py_NewRef(old->args[i]);
    }
    for (i = 0; i < b; i++) {
        n->args[a + i] = (orm_node *)Py_NewRef(PyList_GET_ITEM(list, i));
    }
    if (orm_node_seal(st, n) < 0) {
        Py_DECREF(n);
        return NULL;
    }
    return n;
}
