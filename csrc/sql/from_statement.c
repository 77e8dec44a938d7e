/*
 * from_statement.c - Select.from_statement(): another statement's rows as this SELECT's items.
 *
 * Place: made from a Select here; render_select.c renders the inner statement in its place and
 *   lets orm/ plan how the rows become the items; orm/load_match.c finds their columns.
 * Invariants: the node keeps items, loader options, execution options and parameters of the
 *   SELECT; its criteria are of no use any more. It is a statement, and no FROM element.
 */
#include "sql_int.h"

/* The statement gives rows: a SELECT, a text, or a DML with RETURNING. */
static bool
gives_rows(const orm_node *n)
{
    switch (n->kind) {
    case ORM_N_INSERT:
    case ORM_N_UPDATE:
    case ORM_N_DELETE:
        return n->args[ORM_DML_RETURNING] != NULL;
    case ORM_N_TEXTSTMT:
        return true;
    default:
        return orm_kind_is_select(n->kind);
    }
}

static orm_node *
coerce_statement(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;
    int rc = PyUnicode_Check(o) ? 0 : orm_coerce_element(st, o, &n);

    if (rc > 0 && gives_rows(n)) {
        return n;
    }
    Py_XDECREF(n);
    if (rc < 0) {
        return NULL;
    }
    if (PyUnicode_Check(o)) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "Textual SQL expression %R should be explicitly declared as text(%R)", o, o);
    }
    else {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "Row returning expression such as a SELECT, a FROM clause, or an "
                      "INSERT/UPDATE/DELETE with RETURNING expected, got %R.", o);
    }
    return NULL;
}

PyObject *
orm_m_from_statement(PyObject *self, PyObject *statement)
{
    orm_state *st = orm_expr_state(self);
    orm_node *select = (orm_node *)self;
    const orm_side *old = (const orm_side *)select->payload;
    orm_node *inner = st == NULL ? NULL : coerce_statement(st, statement);
    orm_node *made = inner == NULL ? NULL
                                   : orm_node_new(st, NULL, ORM_N_FROMSTMT, ORM_FS__COUNT);
    orm_side *side = NULL;

    if (made == NULL) {
        Py_XDECREF(inner);
        return NULL;
    }
    made->args[ORM_FS_STATEMENT] = inner;
    made->args[ORM_FS_COLS] = (orm_node *)Py_XNewRef(select->args[ORM_SEL_COLS]);
    made->args[ORM_FS_OPTIONS] = (orm_node *)Py_XNewRef(select->args[ORM_SEL_OPTIONS]);
    if (old != NULL && (old->options != NULL || old->params != NULL)) {
        side = orm_side_of(st, made, 1);
        if (side == NULL) {
            Py_DECREF(made);
            return NULL;
        }
        side->options = Py_XNewRef(old->options);
        side->params = Py_XNewRef(old->params);
    }
    if (orm_node_seal(st, made) < 0) {
        Py_CLEAR(made);
    }
    return (PyObject *)made;
}

static PyObject *
get_element(PyObject *self, void *closure)
{
    (void)closure;
    return Py_NewRef((PyObject *)((orm_node *)self)->args[ORM_FS_STATEMENT]);
}

PyGetSetDef orm_fromstmt_getset[] = {
    {"element", get_element, NULL, "The statement that gives the rows.", NULL},
    {"column_descriptions", orm_get_column_descriptions, NULL,
     "What the rows hold, as dictionaries.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyMethodDef orm_fromstmt_methods[] = {
    ORM_STMT_METHODS,
    {NULL, NULL, 0, NULL},
};
