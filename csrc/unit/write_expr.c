/*
 * unit/write_expr.c - a row with a SQL expression among its values, written alone through sql/.
 *
 * `obj.count = Model.count + 1`: the statement is built as a tree, compiled through the engine's
 *   cache and run like any other. What the expression made is not known to the client: a key
 *   comes back by RETURNING, any other column is stale afterwards.
 * Also the way of types that wrap their placeholder in SQL (bind_expression).
 */
#include "unit/unit_int.h"

/* Nodes of one statement under construction. */
typedef struct builder {
    orm_step *s;
    orm_state *st;
    orm_node **items;  /* owned, in the batch arena: ASSIGNs, then RETURNING's columns */
    uint32_t n;        /* filled */
    uint16_t *columns; /* in the batch arena: columns that RETURNING gives, [nreturned] */
    uint32_t nreturned;
} builder;

static orm_node *
column_node(builder *b, uint32_t i)
{
    orm_node *n = orm_node_of(b->st, b->s->plan->cols[i].column); /* borrowed */

    return n == NULL ? NULL : (orm_node *)Py_NewRef((PyObject *)n);
}

/* A value as a bind of the column's type. Consumes v. */
static orm_node *
bind_steal(builder *b, uint32_t i, PyObject *v, bool null)
{
    orm_wcol *c = &b->s->plan->cols[i];
    orm_node *n = NULL;

    if (v == NULL) {
        return NULL;
    }
    n = null ? orm_node_make(b->st, ORM_N_NULLVAL, ORM_OP_NONE, c->type, NULL, 0, 0, NULL)
             : orm_bind_new(b->st, v, c->type, c->name, ORM_BIND_UNIQUE);
    Py_DECREF(v);
    return n;
}

/* The node of an expression that an attribute holds. */
static orm_node *
expression_node(builder *b, PyObject *v)
{
    PyObject *inner = NULL;
    orm_node *n = NULL;

    if (PyObject_TypeCheck(v, b->st->ClauseElement)) {
        n = orm_node_of(b->st, v); /* borrow-ok: owned at once */
        return n == NULL ? NULL : (orm_node *)Py_NewRef((PyObject *)n);
    }
    inner = PyObject_CallMethod(v, "__clause_element__", NULL);
    n = inner == NULL ? NULL : orm_node_of(b->st, inner);
    Py_XINCREF((PyObject *)n);
    Py_XDECREF(inner);
    return n;
}

/* column = value, taking value over. 0 / -1. */
static int
add_assign(builder *b, uint32_t i, orm_node *value)
{
    orm_node *pair[2] = {value == NULL ? NULL : column_node(b, i), value};
    orm_node *assign = NULL;

    if (pair[0] != NULL) {
        assign = orm_node_make(b->st, ORM_N_ASSIGN, ORM_OP_NONE, NULL, NULL, 0, 2, pair);
    }
    Py_XDECREF((PyObject *)pair[0]);
    Py_XDECREF((PyObject *)value);
    if (assign == NULL) {
        return -1;
    }
    b->items[b->n++] = assign;
    return 0;
}

/* An expression among the row's values for column i: 1 and a new reference, 0, -1. */
static int
held_expression(builder *b, uint32_t i, PyObject **v)
{
    orm_urow *r = b->s->rows[0];
    orm_wcol *c = &b->s->plan->cols[i];
    int rc = 0;

    *v = NULL;
    if (c->slot < 0 || c->flags & ORM_W_COMPUTED || orm_bit_get(b->s->shape->bits, i)) {
        return 0;
    }
    if (r->op == ORM_OP_UPDATE) {
        rc = orm_net_change(r, c, v);
    }
    else {
        *v = orm_row_value(r, c);
        rc = *v != NULL;
    }
    rc = rc <= 0 || *v == NULL ? rc < 0 ? -1 : 0 : orm_is_expression(b->st, c, *v);
    if (rc <= 0) {
        Py_CLEAR(*v);
    }
    return rc;
}

/* Remember the expression: after success it gives way, after a failure it comes back. */
static int
save_expression(builder *b, uint32_t i, PyObject *v)
{
    orm_urow *r = b->s->rows[0];
    PyObject *key = PyLong_FromUnsignedLong(i);
    int rc = -1;

    if (r->saved == NULL) {
        r->saved = PyDict_New();
    }
    if (key != NULL && r->saved != NULL) {
        rc = PyDict_SetItem(r->saved, key, v);
    }
    Py_XDECREF(key);
    return rc;
}

/* All ASSIGNs, in the table's order. 0 / -1. */
static int
add_assigns(builder *b)
{
    uint32_t written = 0;

    for (uint32_t i = 0; i < b->s->plan->ncols; i++) {
        PyObject *v = NULL;
        bool null = false;
        int rc;

        if (orm_bit_get(b->s->shape->bits, i)) {
            v = orm_written_value(b->s, 0, written++, &null);
            if (add_assign(b, i, bind_steal(b, i, v, null)) < 0) {
                return -1;
            }
            continue;
        }
        rc = held_expression(b, i, &v);
        if (rc > 0) {
            rc = save_expression(b, i, v) < 0 ? -1 : add_assign(b, i, expression_node(b, v));
            if (rc == 0 && b->s->plan->cols[i].flags & ORM_W_PK) {
                b->columns[b->nreturned++] = (uint16_t)i;
            }
            Py_DECREF(v);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* A LIST of the items [from, b->n); the items are released. */
static orm_node *
list_of(builder *b, uint32_t from)
{
    orm_node *list = orm_node_make(b->st, ORM_N_LIST, ORM_OP_COMMA, NULL, NULL, 0,
                                   (Py_ssize_t)(b->n - from), b->items + from);

    while (b->n > from) {
        Py_DECREF((PyObject *)b->items[--b->n]);
    }
    return list;
}

static orm_node *
returning_list(builder *b)
{
    for (uint32_t k = 0; k < b->nreturned; k++) {
        b->items[b->n] = column_node(b, b->columns[k]);
        if (b->items[b->n] == NULL) {
            return NULL;
        }
        b->n++;
    }
    return list_of(b, 0);
}

/* key = $1 AND version = $2 */
static orm_node *
where_node(builder *b)
{
    orm_wplan *p = b->s->plan;
    orm_node *all = NULL;

    for (uint32_t k = 0; k < p->npk + (p->version >= 0 ? 1 : 0); k++) {
        uint32_t column = k < p->npk ? p->pk[k] : (uint32_t)p->version;
        orm_node *sides[2] = {column_node(b, column),
                              bind_steal(b, column, orm_where_value(b->s, 0, k), false)};
        orm_node *equal = NULL;

        if (sides[0] != NULL && sides[1] != NULL) {
            equal = orm_node_make(b->st, ORM_N_BINARY, ORM_OP_EQ,
                                  orm_type_builtin(b->st, ORM_T_BOOL), NULL, 0, 2, sides);
        }
        Py_XDECREF((PyObject *)sides[0]);
        Py_XDECREF((PyObject *)sides[1]);
        if (equal == NULL) {
            Py_CLEAR(all);
            return NULL;
        }
        Py_XSETREF(all, orm_and(b->st, all, equal));
        Py_DECREF((PyObject *)equal);
        if (all == NULL) {
            return NULL;
        }
    }
    return all;
}

static orm_node *
build_statement(builder *b)
{
    bool update = b->s->shape->op == ORM_OP_UPDATE;
    orm_node *args[ORM_DML__COUNT] = {0};
    orm_node *table = orm_node_of(b->st, b->s->plan->table); /* borrowed */
    orm_node *statement = NULL;

    if (table == NULL) {
        return NULL;
    }
    args[ORM_DML_TABLE] = (orm_node *)Py_NewRef((PyObject *)table);
    if (add_assigns(b) == 0) {
        args[ORM_DML_VALUES] = list_of(b, 0);
    }
    for (uint32_t k = 0; k < b->s->shape->nfetch; k++) {
        b->columns[b->nreturned++] = b->s->shape->fetch[k];
    }
    if (args[ORM_DML_VALUES] != NULL && b->nreturned > 0) {
        args[ORM_DML_RETURNING] = returning_list(b);
    }
    if (args[ORM_DML_VALUES] != NULL && update) {
        args[ORM_DML_WHERE] = where_node(b);
    }
    if (args[ORM_DML_VALUES] != NULL && (args[ORM_DML_RETURNING] != NULL || b->nreturned == 0)
        && (args[ORM_DML_WHERE] != NULL || !update)) {
        statement = orm_node_make(b->st, update ? ORM_N_UPDATE : ORM_N_INSERT, ORM_OP_NONE, NULL,
                                  NULL, 0, ORM_DML__COUNT, args);
    }
    for (uint32_t i = 0; i < ORM_DML__COUNT; i++) {
        Py_XDECREF((PyObject *)args[i]);
    }
    return statement;
}

/* --- running ------------------------------------------------------------------------------------- */

/* What came back and what became stale, into the instance. 0 / -1. */
static int
give_back(builder *b, orm_result *rows)
{
    orm_step *s = b->s;
    orm_urow *r = s->rows[0];
    const orm_cell *cells = NULL;
    int more = b->nreturned > 0 ? orm_result_next(rows, &cells) : 0;
    PyObject *key = NULL;
    PyObject *old = NULL;
    Py_ssize_t at = 0;

    if (more < 0) {
        return -1;
    }
    while (r->saved != NULL && PyDict_Next(r->saved, &at, &key, &old)) {
        uint32_t i = (uint32_t)PyLong_AsUnsignedLong(key);

        if (orm_val_expire(r->h, (uint32_t)s->plan->cols[i].slot, ORM_TAG_EXPIRED) < 0) {
            return -1;
        }
    }
    for (uint32_t k = 0; more > 0 && k < b->nreturned; k++) {
        uint32_t i = b->columns[k];
        PyObject *v = orm_result_decode(rows, k, &cells[k]);
        uint32_t fetched = b->nreturned - s->shape->nfetch;

        if (v == NULL) {
            return -1;
        }
        if (k >= fetched) {
            s->fetched[k - fetched] = v;
        }
        else if (orm_val_load_steal(r->h, (uint32_t)s->plan->cols[i].slot, v) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
run_statement(builder *b, orm_node *statement)
{
    orm_step *s = b->s;
    orm_compile_opts opts = {.dialect = s->base->dialect,
                             .flags = s->base->facts.schemas != NULL ? ORM_COMPILE_SCHEMA_MAP : 0,
                             .schema_map = s->base->facts.schemas};
    orm_run_opts run = {.mode = ORM_RUN_BUFFER};
    orm_compiled *compiled = NULL;
    orm_values values;
    orm_result *rows = NULL;
    int rc = orm_compile_cached(b->st, orm_engine_cache(orm_connection_engine(s->base->conn)),
                                statement, &opts, &compiled, &values);

    if (rc == 0) {
        rc = orm_exec_run(s->base->conn, compiled, values.v, values.n, &run, &rows);
    }
    if (rc == 0) {
        s->matched = orm_result_rowcount(rows);
        rc = give_back(b, rows);
    }
    orm_result_free(rows);
    if (compiled != NULL) {
        orm_values_fini(&values);
        Py_DECREF((PyObject *)compiled);
    }
    return rc;
}

int
orm_write_expression(orm_step *s)
{
    builder b = {.s = s, .st = s->w->st};
    size_t room = (size_t)s->plan->ncols * 2 + 1;
    orm_node *statement = NULL;
    int rc = -1;

    b.items = orm_arena_array(&s->w->batch, room, sizeof(orm_node *));
    b.columns = orm_arena_array(&s->w->batch, room, sizeof(uint16_t));
    s->count = 1;
    if (b.items == NULL || b.columns == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    statement = build_statement(&b);
    while (b.n > 0) {
        Py_DECREF((PyObject *)b.items[--b.n]);
    }
    rc = statement == NULL ? -1 : run_statement(&b, statement);
    Py_XDECREF((PyObject *)statement);
    if (rc < 0) {
        orm_attribute_error(s);
    }
    else if (s->shape->op == ORM_OP_UPDATE) {
        rc = orm_check_count(s);
    }
    orm_arena_reset(&s->w->batch);
    ORM_COUNT_BY(unit_expression, rc == 0 ? 1 : 0);
    return rc;
}
