/*
 * dml_columns.c - which columns INSERT and UPDATE write, and where each value comes from.
 *
 * Place: before render_insert.c and render_update.c write a word. From VALUES, from the
 *   parameter names of the execution, and from the defaults of the schema.
 * Order: the table's, then names the table does not have (lightweight tables). A column
 *   without a value gets its SQL default written in, or a bind whose value exec/ makes by
 *   calling the Python default (`dflt`), or is left to the server.
 * Ownership: everything borrowed from the tree, the schema and the run's keep list.
 */
#include "compile.h"

typedef struct building {
    orm_cctx *cc;
    orm_setcol *v; /* arena */
    size_t n, cap;
    uint8_t *used; /* arena: assigns that found their column */
} building;

static orm_setcol *
add(building *b)
{
    if (b->n == b->cap) {
        size_t cap = b->cap == 0 ? 16 : b->cap * 2;
        orm_setcol *v = orm_arena_array(&b->cc->arena, cap, sizeof(*v));

        if (v == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        if (b->n > 0) {
            memcpy(v, b->v, b->n * sizeof(*v));
        }
        b->v = v;
        b->cap = cap;
    }
    b->v[b->n] = (orm_setcol){0};
    return &b->v[b->n++];
}

/* The Column that an ASSIGN names by an expression; NULL: by key. */
static PyObject *
assigned_column(const orm_node *assign)
{
    const orm_node *base = assign->args[0] == NULL ? NULL : orm_origin_column(assign->args[0]);

    return base != NULL && base->kind == ORM_N_COLUMN ? base->payload : NULL;
}

bool
orm_assign_is_for(const orm_node *assign, PyObject *column)
{
    orm_named *named = (orm_named *)column;
    PyObject *target = assigned_column(assign), *key = named->key != NULL ? named->key
        : named->name;

    if (target != NULL) {
        return target == column;
    }
    if (assign->payload == NULL || key == NULL) {
        return false;
    }
    return PyUnicode_Compare(assign->payload, key) == 0;
}

static const orm_node *
find_assign(building *b, const orm_node *assigns, PyObject *column)
{
    for (Py_ssize_t i = 0; assigns != NULL && i < nargs(assigns); i++) {
        if (orm_assign_is_for(assigns->args[i], column)) {
            b->used[i] = 1;
            return assigns->args[i];
        }
    }
    return NULL;
}

static int
in_keys(orm_cctx *cc, PyObject *key)
{
    PyObject *keys = cc->opts == NULL ? NULL : cc->opts->column_keys;

    if (keys == NULL || key == NULL) {
        return 0;
    }
    return PySequence_Contains(keys, key);
}

static int
fill_names(orm_setcol *col, PyObject *column)
{
    orm_named *named = (orm_named *)column;

    col->column = column;
    if (orm_str_of(named->name, &col->name) < 0) {
        return -1;
    }
    return orm_str_of(named->key != NULL ? named->key : named->name, &col->bind);
}

/* --- defaults --------------------------------------------------------------------------- */

/* 1: attribute is there and true; -1. */
static int
flag_of(PyObject *o, const char *name)
{
    PyObject *v = NULL;
    int rc = PyObject_GetOptionalAttrString(o, name, &v);

    if (rc > 0) {
        rc = PyObject_IsTrue(v);
        Py_DECREF(v);
    }
    return rc;
}

/* The SQL of a default: an expression, or a sequence's next value. */
static int
default_expression(building *b, PyObject *dflt, const orm_node **out)
{
    int sequence = flag_of(dflt, "is_sequence");
    PyObject *expr;
    orm_node *node;

    if (sequence < 0) {
        return -1;
    }
    expr = sequence ? PyObject_CallMethod(dflt, "next_value", NULL)
                    : PyObject_GetAttrString(dflt, "arg");
    if (orm_keep(b->cc, expr) < 0 || orm_coerce_element(b->cc->st, expr, &node) < 0) {
        return -1;
    }
    node = orm_as_scalar(b->cc->st, node);
    b->cc->has_default_sql = true;
    *out = node;
    return orm_keep(b->cc, (PyObject *)node);
}

/* A column that nothing gives a value for: its default, if it has one. */
static int
add_default(building *b, PyObject *column, const char *attribute)
{
    PyObject *dflt = NULL;
    orm_setcol *col;
    int rc = PyObject_GetOptionalAttrString(column, attribute, &dflt), sql, sequence;

    if (rc <= 0 || dflt == Py_None) {
        Py_XDECREF(dflt);
        return rc < 0 ? -1 : 0;
    }
    if (orm_keep(b->cc, dflt) < 0) {
        return -1;
    }
    sql = flag_of(dflt, "is_clause_element");
    sequence = flag_of(dflt, "is_sequence");
    if (sql < 0 || sequence < 0) {
        return -1;
    }
    if (sequence && b->cc->d->id != ORM_PG) {
        return 0; /* no sequences there: the column is filled by the server */
    }
    col = add(b);
    if (col == NULL || fill_names(col, column) < 0) {
        return -1;
    }
    if (sql || sequence) {
        col->expr_default = true;
        return default_expression(b, dflt, &col->value);
    }
    col->dflt = column;
    return 0;
}

/* --- assembling ------------------------------------------------------------------------- */

static int
add_column(building *b, const orm_node *assigns, PyObject *column, bool all, const char *dflt)
{
    const orm_node *assign = find_assign(b, assigns, column);
    orm_named *named = (orm_named *)column;
    orm_setcol *col;
    int given;

    if (assign != NULL) {
        col = add(b);
        if (col == NULL || fill_names(col, column) < 0) {
            return -1;
        }
        col->value = assign->args[1];
        return 0;
    }
    given = all ? 1 : in_keys(b->cc, named->key != NULL ? named->key : named->name);
    if (given < 0) {
        return -1;
    }
    if (given) {
        col = add(b);
        return col == NULL ? -1 : fill_names(col, column);
    }
    return dflt == NULL ? 0 : add_default(b, column, dflt);
}

/* A column of another table, as of a class whose rows lie in several. */
static int
refuse_other_table(building *b, const orm_node *column)
{
    return orm_raise_exc(b->cc->st, ORM_EXC_CompileError,
                         "Backend does not support additional tables in the SET clause; cannot "
                         "include columns from table(s) '%U' in SET clause",
                         orm_node_named(column->args[0])->name);
}

/* Names that belong to no column of the table. */
static int
refuse_unused(building *b, const orm_node *assigns)
{
    bool update = b->cc->level != NULL && b->cc->level->stmt->kind == ORM_N_UPDATE;
    PyObject *names = PyUnicode_FromString(""), *next;

    for (Py_ssize_t i = 0; names != NULL && i < nargs(assigns); i++) {
        const orm_node *column = assigns->args[i]->args[0];

        column = column == NULL ? NULL : orm_origin_column(column);
        if (!b->used[i] && update && column != NULL && column->kind == ORM_N_COLUMN
            && column->args[0] != NULL && column->args[0]->kind == ORM_N_TABLE) {
            Py_DECREF(names);
            return refuse_other_table(b, column);
        }
    }
    for (Py_ssize_t i = 0; names != NULL && i < nargs(assigns); i++) {
        PyObject *column = assigned_column(assigns->args[i]);
        PyObject *name = assigns->args[i]->payload;

        if (b->used[i]) {
            continue;
        }
        if (name == NULL && column != NULL) {
            name = ((orm_named *)column)->name;
        }
        next = PyUnicode_FromFormat("%U%s%S", names, PyUnicode_GET_LENGTH(names) > 0 ? ", " : "",
                                    name == NULL ? Py_None : name);
        Py_DECREF(names);
        names = next;
    }
    if (names == NULL) {
        return -1;
    }
    if (PyUnicode_GET_LENGTH(names) > 0) {
        orm_raise_exc(b->cc->st, ORM_EXC_CompileError, "Unconsumed column names: %U", names);
        Py_DECREF(names);
        return -1;
    }
    Py_DECREF(names);
    return 0;
}

/* ordered_values(): the caller's order, nothing added before. */
static int
add_in_given_order(building *b, const orm_node *assigns, PyObject *columns)
{
    for (Py_ssize_t i = 0; i < nargs(assigns); i++) {
        const orm_node *a = assigns->args[i];
        PyObject *column = assigned_column(a);
        orm_setcol *col;

        if (column == NULL && a->payload != NULL) {
            column = orm_collection_get(columns, a->payload);
        }
        if (column == NULL) {
            continue;
        }
        col = add(b);
        if (col == NULL || fill_names(col, column) < 0) {
            return -1;
        }
        col->value = a->args[1];
        b->used[i] = 1;
    }
    return 0;
}

/* The column whose subscript an ASSIGN sets (`t.c.doc["a"]["b"]` of JSONB), or NULL. */
static const orm_node *
subscripted(const orm_node *assign)
{
    const orm_node *n = assign->args[0];

    while (n != NULL && n->kind == ORM_N_BINARY && n->op == ORM_OP_JSON_GETITEM) {
        n = n->args[0];
    }
    if (n == NULL || n == assign->args[0]) {
        return NULL;
    }
    n = orm_origin_column(n);
    return n != NULL && n->kind == ORM_N_COLUMN && n->type != NULL
           && orm_type_impl(n->type, ORM_PG)->kind == ORM_T_JSONB ? n : NULL;
}

/* Subscripts that are set, in the order given, behind whole columns. */
static int
add_subscripts(building *b, const orm_node *assigns)
{
    if (b->cc->d->id != ORM_PG) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < nargs(assigns); i++) {
        const orm_node *column = b->used[i] ? NULL : subscripted(assigns->args[i]);
        orm_setcol *col = column == NULL ? NULL : add(b);

        if (column == NULL) {
            continue;
        }
        if (col == NULL || fill_names(col, column->payload) < 0) {
            return -1;
        }
        col->part = assigns->args[i]->args[0];
        col->value = assigns->args[i]->args[1];
        b->used[i] = 1;
    }
    return 0;
}

static bool
has_column(const building *b, PyObject *column)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->v[i].column == column) {
            return true;
        }
    }
    return false;
}

int
orm_dml_columns(orm_cctx *cc, const orm_node *n, const orm_node *assigns, orm_setcol **out,
                size_t *nout)
{
    building b = {.cc = cc};
    const orm_node *table = orm_selectable(n->args[ORM_DML_TABLE]);
    bool update = n->kind == ORM_N_UPDATE;
    bool ordered = assigns != NULL && (assigns->aux & ORM_LIST_ORDERED);
    bool all = assigns == NULL && (cc->opts == NULL || cc->opts->column_keys == NULL);
    PyObject *columns;
    int rc = 0;

    while (table->kind == ORM_N_ALIAS) {
        table = orm_selectable(table->args[0]);
    }
    columns = table->kind == ORM_N_TABLE ? Py_XNewRef(orm_node_table(table)->columns) : NULL;
    b.used = orm_arena_alloc(&cc->arena, assigns == NULL ? 1 : (size_t)nargs(assigns) + 1);
    if (columns == NULL || b.used == NULL) {
        Py_XDECREF(columns);
        return columns == NULL ? orm_compile_error(cc, "INSERT and UPDATE need a table.")
                               : orm_no_memory();
    }
    memset(b.used, 0, assigns == NULL ? 1 : (size_t)nargs(assigns) + 1);
    if (ordered) {
        rc = add_in_given_order(&b, assigns, columns);
    }
    for (Py_ssize_t i = 0; rc == 0 && i < orm_collection_size(columns); i++) {
        PyObject *column = orm_collection_item(columns, i);

        if (!ordered || !has_column(&b, column)) {
            rc = add_column(&b, ordered ? NULL : assigns, column, all,
                            all ? NULL : update ? "onupdate" : "default");
        }
    }
    if (rc == 0 && assigns != NULL && update) {
        rc = add_subscripts(&b, assigns);
    }
    if (rc == 0 && assigns != NULL) {
        rc = refuse_unused(&b, assigns);
    }
    Py_DECREF(columns);
    *out = b.v;
    *nout = b.n;
    return rc;
}
