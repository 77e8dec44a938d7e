/*
 * schema_obj.c - ColumnClause and TableClause: `column("x")`, `table("t", ...)`, and what
 *   schema's Column and Table derive from.
 *
 * Place: the C side of columns and tables: names, type, table, referenced columns. What a
 *   definition says besides (nullable, defaults, constraints) is the Python subclass's.
 * Invariants: identity of a column is the address of its node. The node of a column sealed
 *   before its table took it gets the table afterwards, once; both cells are outside of the
 *   hash. `type` may become known late (a ForeignKey's column); the node follows.
 * Locking: the GIL.
 */
#include "sql_int.h"

/* ---- columns ----------------------------------------------------------------------------- */

/* Interned exact str of `name` (a str or quoted_name), and its quote flag; a plain str has
 * none. 0/-1. */
static int
take_name(orm_state *st, PyObject *name, PyObject **out, uint8_t *quote)
{
    PyObject *text = NULL;

    *quote = 0;
    if (name == NULL || name == Py_None) {
        Py_CLEAR(*out);
        return 0;
    }
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "a name must be a str, got %R", name);
        return -1;
    }
    if (!PyUnicode_CheckExact(name)) {
        PyObject *mark = NULL;
        int rc = PyObject_GetOptionalAttr(name, st->s_quote, &mark);

        if (rc < 0) {
            return -1;
        }
        if (rc > 0 && mark != Py_None) {
            *quote = PyObject_IsTrue(mark) ? 1 : 2;
        }
        Py_XDECREF(mark);
        text = PyUnicode_FromObject(name); /* an exact str: the walk of keys runs no Python */
    }
    else {
        text = Py_NewRef(name);
    }
    if (text == NULL) {
        return -1;
    }
    PyUnicode_InternInPlace(&text);
    Py_XSETREF(*out, text);
    return 0;
}

/* New ref. The name as Python sees it: a quoted_name where it says whether it is quoted, so
 * that whoever copies the name into other SQL (DDL, a migration) quotes it alike. */
static PyObject *
marked_name(PyObject *name, uint8_t quote)
{
    PyObject *module, *out;

    if (name == NULL || quote == 0) {
        return Py_NewRef(name == NULL ? Py_None : name);
    }
    module = PyImport_ImportModule("pyorm.schema._base");
    if (module == NULL) {
        return NULL;
    }
    out = PyObject_CallMethod(module, "quoted_name", "OO", name, quote == 1 ? Py_True : Py_False);
    Py_DECREF(module);
    return out;
}

orm_node *
orm_column_seal(orm_state *st, ColumnObject *c)
{
    orm_node *n = orm_node_new(st, st->Node, ORM_N_COLUMN, 1);

    if (n == NULL) {
        return NULL;
    }
    n->type = (orm_type *)Py_XNewRef(c->type != NULL ? c->type : orm_type_builtin(st, ORM_T_NULL));
    n->payload = Py_NewRef((PyObject *)c);
    if (n->type == NULL) {
        Py_DECREF(n);
        return NULL;
    }
    if (c->table != NULL) {
        n->args[0] = (orm_node *)Py_XNewRef(((orm_element *)c->table)->node);
    }
    if (orm_node_seal(st, n) < 0) {
        Py_DECREF(n);
        return NULL;
    }
    c->n.node = n;
    return n;
}

static int
column_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const orm_args_spec spec = {.fname = "column",
                                       .names = {"text", "type_", "is_literal", "_selectable"},
                                       .count = 4,
                                       .npositional = 4,
                                       .nrequired = 1};
    ColumnObject *c = (ColumnObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *out[4];

    if (st == NULL || orm_args_parse_tuple(&spec, args, kwargs, out) < 0
        || take_name(st, out[0], &c->n.name, &c->quote) < 0) {
        return -1;
    }
    Py_XSETREF(c->n.key, Py_XNewRef(c->n.name));
    if (out[2] != NULL && PyObject_IsTrue(out[2])) {
        c->flags |= ORM_COL_LITERAL;
    }
    Py_CLEAR(c->type);
    if (out[1] != NULL && out[1] != Py_None) {
        c->type = orm_type_of(st, out[1]);
        if (c->type == NULL) {
            return -1;
        }
    }
    return 0;
}

static int
column_traverse(PyObject *self, visitproc visit, void *arg)
{
    ColumnObject *c = (ColumnObject *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(c->n.node);
    Py_VISIT(c->n.name);
    Py_VISIT(c->n.key);
    Py_VISIT(c->type);
    Py_VISIT(c->table);
    Py_VISIT(c->fks);
    Py_VISIT(c->waiting);
    return 0;
}

static int
column_clear(PyObject *self)
{
    ColumnObject *c = (ColumnObject *)self;

    Py_CLEAR(c->n.node);
    Py_CLEAR(c->table);
    Py_CLEAR(c->fks);
    Py_CLEAR(c->waiting);
    return 0;
}

static void
column_dealloc(PyObject *self)
{
    ColumnObject *c = (ColumnObject *)self;
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (c->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)column_clear(self);
    Py_CLEAR(c->n.name);
    Py_CLEAR(c->n.key);
    Py_CLEAR(c->type);
    tp->tp_free(self);
    Py_DECREF(tp);
}

static PyObject *
column_get_name(PyObject *self, void *unused)
{
    ColumnObject *c = (ColumnObject *)self;

    (void)unused;
    return marked_name(c->n.name, c->quote);
}

static int
column_set_name(PyObject *self, PyObject *value, void *unused)
{
    ColumnObject *c = (ColumnObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    uint8_t asked = c->n.name == NULL ? c->quote : 0; /* Column(quote=) of a class that names it */

    (void)unused;
    if (st == NULL || take_name(st, value, &c->n.name, &c->quote) < 0) {
        return -1;
    }
    c->quote = c->quote == 0 ? asked : c->quote;
    return 0;
}

static PyObject *
named_get_key(PyObject *self, void *unused)
{
    PyObject *key = ((orm_named *)self)->key;

    (void)unused;
    return Py_NewRef(key == NULL ? Py_None : key);
}

static int
named_set_key(PyObject *self, PyObject *value, void *unused)
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    uint8_t quote = 0;

    (void)unused;
    return st == NULL ? -1 : take_name(st, value, &((orm_named *)self)->key, &quote);
}

static PyObject *
column_get_table(PyObject *self, void *unused)
{
    PyObject *table = ((ColumnObject *)self)->table;

    (void)unused;
    return Py_NewRef(table == NULL ? Py_None : table);
}

static int
column_set_table(PyObject *self, PyObject *value, void *unused)
{
    ColumnObject *c = (ColumnObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    orm_node *table = NULL;

    (void)unused;
    if (st == NULL) {
        return -1;
    }
    if (value != NULL && value != Py_None) {
        if (!PyObject_TypeCheck(value, st->FromClause)) {
            PyErr_Format(PyExc_TypeError, "a column's table must be a FROM clause, got %R", value);
            return -1;
        }
        table = orm_node_of(st, value);
        if (table == NULL) {
            return -1;
        }
        Py_XSETREF(c->table, Py_NewRef(value));
    }
    else {
        Py_CLEAR(c->table);
    }
    if (c->n.node == NULL) {
        return orm_column_seal(st, c) == NULL ? -1 : 0;
    }
    Py_XSETREF(c->n.node->args[0], (orm_node *)Py_XNewRef(table));
    return 0;
}

int
orm_column_await_type(orm_node *column, orm_node *node)
{
    ColumnObject *c = NULL;

    if (column->kind != ORM_N_COLUMN || column->type->kind != ORM_T_NULL) {
        return 0;
    }
    c = (ColumnObject *)column->payload;
    if (c->waiting == NULL && (c->waiting = PyList_New(0)) == NULL) {
        return -1;
    }
    return PyList_Append(c->waiting, (PyObject *)node);
}

static void
take_type(orm_node *n, orm_type *type)
{
    Py_XSETREF(n->type, (orm_type *)Py_NewRef(type));
    n->flags = (uint16_t)((n->flags & ~(ORM_F_UNCACHEABLE | ORM_F_OVERRIDE))
                          | (type->flags & ORM_TF_UNCACHEABLE ? ORM_F_UNCACHEABLE : 0)
                          | (type->flags & ORM_TF_COMPARATOR ? ORM_F_OVERRIDE : 0));
}

static int
column_set_type(PyObject *self, PyObject *value, void *unused)
{
    ColumnObject *c = (ColumnObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    orm_type *type = st == NULL || value == NULL ? NULL : orm_type_of(st, value);

    (void)unused;
    if (type == NULL) {
        if (value == NULL) {
            PyErr_SetString(PyExc_AttributeError, "a column's type cannot be deleted");
        }
        return -1;
    }
    if (c->n.node != NULL) {
        take_type(c->n.node, type);
    }
    if (type->kind != ORM_T_NULL) {
        for (Py_ssize_t i = 0; c->waiting != NULL && i < PyList_GET_SIZE(c->waiting); i++) {
            take_type((orm_node *)PyList_GET_ITEM(c->waiting, i), type);
        }
        Py_CLEAR(c->waiting);
    }
    Py_XSETREF(c->type, type);
    return 0;
}

static PyObject *
column_get_type(PyObject *self, void *unused)
{
    ColumnObject *c = (ColumnObject *)self;
    orm_type *type = c->type;

    (void)unused;
    if (type == NULL) {
        orm_state *st = orm_state_from_type(Py_TYPE(self));

        type = st == NULL ? NULL : orm_type_builtin(st, ORM_T_NULL);
    }
    return type == NULL ? NULL : Py_NewRef(type->engine);
}

static PyObject *
column_get_quote(PyObject *self, void *unused)
{
    uint8_t quote = ((ColumnObject *)self)->quote;

    (void)unused;
    if (quote == 0) {
        Py_RETURN_NONE;
    }
    return PyBool_FromLong(quote == 1);
}

static int
column_set_quote(PyObject *self, PyObject *value, void *unused)
{
    (void)unused;
    if (value != Py_None && value != Py_True && value != Py_False) {
        PyErr_SetString(PyExc_TypeError, "a column's quote must be True, False or None");
        return -1;
    }
    ((ColumnObject *)self)->quote = value == Py_None ? 0 : value == Py_True ? 1 : 2;
    return 0;
}

static PyObject *
column_get_is_literal(PyObject *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(((ColumnObject *)self)->flags & ORM_COL_LITERAL);
}

/* schema's ForeignKey tells which columns this one references: a tuple of columns or None. */
static PyObject *
column_set_references(PyObject *self, PyObject *value)
{
    ColumnObject *c = (ColumnObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *tuple = NULL;
    Py_ssize_t i;

    if (st == NULL) {
        return NULL;
    }
    if (value == Py_None) {
        Py_CLEAR(c->fks);
        Py_RETURN_NONE;
    }
    tuple = PySequence_Tuple(value);
    for (i = 0; tuple != NULL && i < PyTuple_GET_SIZE(tuple); i++) {
        if (!PyObject_TypeCheck(PyTuple_GET_ITEM(tuple, i), st->ColumnClause)) {
            PyErr_SetString(PyExc_TypeError, "_set_references() takes columns");
            Py_CLEAR(tuple);
        }
    }
    if (tuple == NULL) {
        return NULL;
    }
    Py_XSETREF(c->fks, tuple);
    Py_RETURN_NONE;
}

static PyMethodDef column_methods[] = {
    {"_set_references", column_set_references, METH_O,
     "_set_references($self, columns, /)\n--\n\nThe columns this one's foreign keys refer to."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef column_getset[] = {
    {"name", column_get_name, column_set_name, "The column's name in the database.", NULL},
    {"key", named_get_key, named_set_key, "The column's name in `table.c`.", NULL},
    {"table", column_get_table, column_set_table, "The table, or None.", NULL},
    {"type", column_get_type, column_set_type, "The column's type.", NULL},
    {"quote", column_get_quote, column_set_quote, "True always quotes, False never, None by need.", NULL},
    {"is_literal", column_get_is_literal, NULL, "True if the name is SQL text.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef column_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(ColumnObject, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *
object_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    return type->tp_alloc(type, 0);
}

static PyType_Slot column_slots[] = {
    {Py_tp_doc, "ColumnClause(text, type_=None, is_literal=False)\n--\n\n"
                "A column by name; see column()."},
    {Py_tp_new, object_new},
    {Py_tp_init, column_init},
    {Py_tp_dealloc, column_dealloc},
    {Py_tp_traverse, column_traverse},
    {Py_tp_clear, column_clear},
    {Py_tp_methods, column_methods},
    {Py_tp_getset, column_getset},
    {Py_tp_members, column_members},
    {0, NULL},
};

static PyType_Spec column_spec = {
    .name = "pyorm._core.ColumnClause",
    .basicsize = sizeof(ColumnObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = column_slots,
};

/* ---- tables ------------------------------------------------------------------------------ */
static PyObject *
table_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    TableObject *self = (TableObject *)object_new(type, args, kwargs);
    orm_state *st = orm_state_from_type(type);
    orm_node *n = NULL;

    if (self == NULL || st == NULL) {
        Py_XDECREF(self);
        return NULL;
    }
    self->columns = orm_collection_new(st);
    n = orm_node_new(st, st->Node, ORM_N_TABLE, 0);
    if (self->columns == NULL || n == NULL) {
        Py_XDECREF(n);
        Py_DECREF(self);
        return NULL;
    }
    n->payload = Py_NewRef((PyObject *)self);
    self->n.node = n;
    if (orm_node_seal(st, n) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *
table_attach(PyObject *self, PyObject *column)
{
    TableObject *t = (TableObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    ColumnObject *c = (ColumnObject *)column;

    if (st == NULL) {
        return NULL;
    }
    if (!PyObject_TypeCheck(column, st->ColumnClause)) {
        PyErr_Format(PyExc_TypeError, "a table takes columns, got %R", column);
        return NULL;
    }
    if (c->n.key == NULL) {
        orm_raise_exc(st, ORM_EXC_ArgumentError, "Column must be constructed with a non-blank "
                                                 "name or assign a non-blank .name before adding "
                                                 "to a Table.");
        return NULL;
    }
    if (column_set_table(column, self, NULL) < 0
        || orm_collection_put(st, t->columns, c->n.key, column) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
table_detach(PyObject *self, PyObject *column)
{
    TableObject *t = (TableObject *)self;

    if (orm_collection_remove(t->columns, column) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int
table_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    TableObject *t = (TableObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *schema = NULL;
    Py_ssize_t i;

    if (st == NULL) {
        return -1;
    }
    if (PyTuple_GET_SIZE(args) < 1) {
        PyErr_SetString(PyExc_TypeError, "table() missing 1 required argument: 'name'");
        return -1;
    }
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        if (PyDict_GetItemStringRef(kwargs, "schema", &schema) < 0) {
            return -1;
        }
        Py_XDECREF(schema); /* borrow-ok: kwargs is the caller's */
        if (schema == NULL || PyDict_GET_SIZE(kwargs) > 1) {
            orm_raise_exc(st, ORM_EXC_ArgumentError, "Unsupported argument(s): %R", kwargs);
            return -1;
        }
    }
    if (take_name(st, PyTuple_GET_ITEM(args, 0), &t->n.name, &t->quote) < 0
        || take_name(st, schema, &t->schema, &t->quote_schema) < 0) {
        return -1;
    }
    if (t->n.key == NULL) {
        t->n.key = Py_XNewRef(t->n.name);
    }
    for (i = 1; i < PyTuple_GET_SIZE(args); i++) {
        PyObject *done = table_attach(self, PyTuple_GET_ITEM(args, i));

        if (done == NULL) {
            return -1;
        }
        Py_DECREF(done);
    }
    return 0;
}

static int
table_traverse(PyObject *self, visitproc visit, void *arg)
{
    TableObject *t = (TableObject *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(t->n.node);
    Py_VISIT(t->n.name);
    Py_VISIT(t->n.key);
    Py_VISIT(t->schema);
    Py_VISIT(t->columns);
    return 0;
}

static int
table_clear(PyObject *self)
{
    TableObject *t = (TableObject *)self;

    Py_CLEAR(t->n.node);
    Py_CLEAR(t->columns);
    return 0;
}

static void
table_dealloc(PyObject *self)
{
    TableObject *t = (TableObject *)self;
    PyTypeObject *tp = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (t->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)table_clear(self);
    Py_CLEAR(t->n.name);
    Py_CLEAR(t->n.key);
    Py_CLEAR(t->schema);
    tp->tp_free(self);
    Py_DECREF(tp);
}

static PyObject *
table_get_name(PyObject *self, void *unused)
{
    TableObject *t = (TableObject *)self;

    (void)unused;
    return marked_name(t->n.name, t->quote);
}

static PyObject *
table_get_schema(PyObject *self, void *unused)
{
    TableObject *t = (TableObject *)self;

    (void)unused;
    return marked_name(t->schema, t->quote_schema);
}

static int
table_set_name(PyObject *self, PyObject *value, void *unused)
{
    TableObject *t = (TableObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));

    (void)unused;
    return st == NULL ? -1 : take_name(st, value, &t->n.name, &t->quote);
}

static int
table_set_schema(PyObject *self, PyObject *value, void *unused)
{
    TableObject *t = (TableObject *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));

    (void)unused;
    return st == NULL ? -1 : take_name(st, value, &t->schema, &t->quote_schema);
}

static PyObject *
table_get_fullname(PyObject *self, void *unused)
{
    TableObject *t = (TableObject *)self;

    (void)unused;
    if (t->schema == NULL) {
        return Py_NewRef(t->n.name == NULL ? Py_None : t->n.name);
    }
    return PyUnicode_FromFormat("%U.%U", t->schema, t->n.name);
}

static PyObject *
table_get_description(PyObject *self, void *unused)
{
    return table_get_fullname(self, unused);
}

static PyObject *
table_get_columns(PyObject *self, void *unused)
{
    PyObject *columns = ((TableObject *)self)->columns;

    (void)unused;
    if (columns == NULL) { /* the collector has cleared it */
        PyErr_SetString(PyExc_AttributeError, "c");
        return NULL;
    }
    return Py_NewRef(columns);
}

static PyMethodDef table_methods[] = {
    {"_attach", table_attach, METH_O, "_attach($self, column, /)\n--\n\nTake a column."},
    {"_detach", table_detach, METH_O, "_detach($self, column, /)\n--\n\nGive a column up."},
    {"append_column", table_attach, METH_O,
     "append_column($self, column, /)\n--\n\nAdd a column to this table()."},
    {"insert", orm_m_table_insert, METH_NOARGS, "insert($self)\n--\n\nINSERT into this table."},
    {"update", orm_m_table_update, METH_NOARGS, "update($self)\n--\n\nUPDATE of this table."},
    {"delete", orm_m_table_delete, METH_NOARGS, "delete($self)\n--\n\nDELETE from this table."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef table_getset[] = {
    {"name", table_get_name, table_set_name, "The table's name.", NULL},
    {"key", named_get_key, named_set_key, "The table's key in its MetaData.", NULL},
    {"schema", table_get_schema, table_set_schema, "The table's schema, or None.", NULL},
    {"fullname", table_get_fullname, NULL, "Schema and name.", NULL},
    {"description", table_get_description, NULL, "Schema and name.", NULL},
    {"c", table_get_columns, NULL, "The columns by key.", NULL},
    {"columns", table_get_columns, NULL, "The columns by key.", NULL},
    {"exported_columns", table_get_columns, NULL, "The columns by key.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef table_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(TableObject, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot table_slots[] = {
    {Py_tp_doc, "TableClause(name, *columns, schema=None)\n--\n\nA table by name; see table()."},
    {Py_tp_new, table_new},
    {Py_tp_init, table_init},
    {Py_tp_dealloc, table_dealloc},
    {Py_tp_traverse, table_traverse},
    {Py_tp_clear, table_clear},
    {Py_tp_methods, table_methods},
    {Py_tp_getset, table_getset},
    {Py_tp_members, table_members},
    {0, NULL},
};

static PyType_Spec table_spec = {
    .name = "pyorm._core.TableClause",
    .basicsize = sizeof(TableObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = table_slots,
};

int
orm_schema_objects_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &column_spec, st->ColumnElement, &st->ColumnClause) < 0) {
        return -1;
    }
    return orm_type_add(module, st, &table_spec, st->FromClause, &st->TableClause);
}
