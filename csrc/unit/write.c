/*
 * unit/write.c - how a step goes over the wire: the choice of the way, and the plain one.
 *
 * The crossovers were measured (rows per batch, local socket):
 *   PostgreSQL INSERT  < 5 one pipeline; from 5 on INSERT ... SELECT unnest(...); more than
 *                      1,000 rows COPY, where the catalogue proves that it does the same
 *   PostgreSQL UPDATE  from 100 on UPDATE ... FROM unnest(...); DELETE from 10 on = ANY(...)
 *   SQLite             one prepared statement for all rows; from 64 rows with known keys on,
 *                      100 rows per execution
 * The way is chosen from facts before anything is sent, never changed after an error.
 */
#include "unit/unit_int.h"

#include <string.h>

enum {
    UNNEST_INSERT_FROM = 5,
    UNNEST_UPDATE_FROM = 100,
    UNNEST_DELETE_FROM = 10,
    VALUES_FROM = 64,
    COPY_ABOVE = 1000,
    KEYS_PER_BATCH = 1000,   /* UPDATE, DELETE: locks are taken in the order of the plan */
    ROWS_PER_BATCH = 10000
};

/* --- one execution per row --------------------------------------------------------------------- */

int
orm_run_text(orm_step *s, const orm_wtext *t, orm_many *many, orm_result **rows)
{
    int rc;

    many->text = &t->text;
    many->types = (const orm_type *const *)s->shape->types;
    many->ntypes = s->shape->nfetch + s->plan->npk;
    many->describe = orm_describe_set;
    many->arg = s;
    rc = orm_exec_many(s->base->conn, many, rows);
    if (rc < 0) {
        s->failed = many->nsets == s->count ? many->failed : -1;
    }
    return rc;
}

/* The key of each row, by SQLite's last_insert_rowid. */
static int
take_rowids(orm_step *s, const int64_t *rowids)
{
    for (uint32_t i = 0; i < s->count; i++) {
        PyObject *key = PyLong_FromLongLong(rowids[i]);

        if (key == NULL) {
            return -1;
        }
        s->fetched[s->from + i] = key;
    }
    return 0;
}

/* The RETURNING rows: one per set that met a row. */
static int
take_rows(orm_step *s, orm_result *rows, const int64_t *counts)
{
    uint32_t n = s->shape->nfetch;

    for (uint32_t i = 0; i < s->count; i++) {
        const orm_cell *cells = NULL;
        int rc = counts[i] == 0 ? 0 : orm_result_next(rows, &cells);

        if (rc < 0) {
            return -1;
        }
        if (rc == 0 && s->shape->op == ORM_OP_INSERT) {
            s->failed = i;
            return orm_raise_exc(s->w->st, ORM_EXC_InvalidRequestError,
                                 "INSERT into table %R stored no row for %R: a trigger or a rule "
                                 "took it away",
                                 s->plan->name, s->rows[s->from + i]->obj);
        }
        for (uint32_t k = 0; rc > 0 && k < n; k++) {
            PyObject *v = orm_result_decode(rows, k, &cells[k]);

            if (v == NULL) {
                return -1;
            }
            s->fetched[(size_t)(s->from + i) * n + k] = v;
        }
    }
    return 0;
}

/* UPDATE and DELETE: which rows were met. */
static int
take_counts(orm_step *s, const int64_t *counts)
{
    for (uint32_t i = 0; i < s->count; i++) {
        s->matched += counts[i];
        if (counts[i] == 0) {
            if (s->missed == NULL) {
                s->missed = orm_arena_alloc(&s->w->arena, s->n);
                if (s->missed == NULL) {
                    PyErr_NoMemory();
                    return -1;
                }
                memset(s->missed, 0, s->n);
            }
            s->missed[s->from + i] = 1;
        }
    }
    return 0;
}

/* SQLite gives a lone key as the row's number; a table without such a key has to be asked. */
static int
by_rowid(const orm_step *s)
{
    const orm_wfacts *facts = NULL;

    if (s->base->dialect != ORM_LITE || s->shape->op != ORM_OP_INSERT || !s->shape->key_only) {
        return 0;
    }
    facts = orm_wfacts_of(s->w, s->base, s->plan);
    return facts == NULL ? -1 : facts->rowid;
}

int
orm_write_rows(orm_step *s)
{
    orm_param *params = orm_encode_batch(s);
    int rowid = params == NULL ? -1 : by_rowid(s);
    bool returning = s->shape->nfetch > 0 && rowid == 0;
    const orm_wtext *t = NULL;
    orm_result *rows = NULL;
    int64_t *numbers = NULL;
    orm_many many = {.params = params,
                     .nsets = s->count,
                     .nparams = orm_wshape_nparams(s->plan, s->shape)};
    int rc = -1;

    if (rowid < 0) {
        return -1;
    }
    t = orm_wtext_of(s->plan, s->shape, s->base->dialect, ORM_WAY_ROWS, returning, 1,
                     s->base->schema);
    numbers = orm_arena_array(&s->w->batch, s->count, sizeof(int64_t));
    if (t == NULL || numbers == NULL) {
        return t == NULL ? -1 : (PyErr_NoMemory(), -1);
    }
    if (rowid > 0) {
        many.lastrowids = numbers;
    }
    else {
        many.counts = numbers;
    }
    rc = orm_run_text(s, t, &many, returning ? &rows : NULL);
    if (rc == 0 && rowid > 0) {
        rc = take_rowids(s, numbers);
    }
    else if (rc == 0) {
        rc = returning ? take_rows(s, rows, numbers) : 0;
        rc = rc == 0 && s->shape->op != ORM_OP_INSERT ? take_counts(s, numbers) : rc;
    }
    orm_result_free(rows);
    ORM_COUNT_BY(unit_rows, rc == 0 ? s->count : 0);
    return rc;
}

/* --- the choice ----------------------------------------------------------------------------------- */

typedef int (*write_way)(orm_step *s);

/* Does the statement change or need what arrays cannot give row by row? */
static bool
wants_rows(const orm_step *s)
{
    for (uint32_t i = 0; s->shape->op == ORM_OP_UPDATE && i < s->shape->nset; i++) {
        if (s->plan->cols[s->shape->set[i]].flags & ORM_W_PK) {
            return true; /* keys move: the order of the rows matters */
        }
    }
    return s->shape->op == ORM_OP_UPDATE ? s->shape->nfetch > 0 : false;
}

/* The rows have keys that come back from the database equal to what was sent, without a doubt. */
static bool
key_is_exact(const orm_wplan *p, const orm_wshape *s)
{
    for (uint32_t k = 0; k < p->npk; k++) {
        const orm_type *t = p->cols[p->pk[k]].type;

        if (!orm_bit_get(s->bits, p->pk[k])) {
            return false; /* the server makes it, in no order that is known */
        }
        if (t->kind != ORM_T_INT32 && t->kind != ORM_T_INT64 && t->kind != ORM_T_UUID
            && !((t->kind == ORM_T_STRING || t->kind == ORM_T_TEXT) && t->oid != 1042)) {
            return false;
        }
    }
    return true;
}

/* PostgreSQL INSERT of many rows: may what comes back be told apart, by the order of the keys
 * that the database makes, or by the keys that the client made? 1, 0, -1. */
static int
is_ordered(const orm_step *s, orm_wfacts **facts)
{
    *facts = orm_wfacts_of(s->w, s->base, s->plan);
    if (*facts == NULL) {
        return -1;
    }
    if (s->shape->nfetch == 0) {
        return 1;
    }
    return s->shape->numbered ? (*facts)->ordered : key_is_exact(s->plan, s->shape);
}

static bool
may_copy(const orm_step *s, const orm_wfacts *facts, uint32_t left)
{
    bool key = s->shape->key_only && facts->numbered;

    for (uint32_t i = 0; i < s->plan->ncols; i++) {
        if (!orm_bit_get(s->shape->bits, i) && s->plan->cols[i].insert.kind >= ORM_D_SQL) {
            return false; /* a default of the mapping, which the table need not have */
        }
    }
    return left > COPY_ABOVE && facts->plain && !s->base->facts.lenient
           && !s->base->facts.observed && (s->shape->nfetch == 0 || key);
}

/* The way of the next rows; *count: how many of them. NULL: exception. */
static write_way
choose_pg(orm_step *s, uint32_t left, uint32_t *count)
{
    static const uint32_t from[] = {UNNEST_INSERT_FROM, UNNEST_UPDATE_FROM, UNNEST_DELETE_FROM};
    uint32_t most = s->shape->op == ORM_OP_INSERT ? ROWS_PER_BATCH : KEYS_PER_BATCH;
    uint32_t n = orm_wshape_nparams(s->plan, s->shape);
    orm_wfacts *facts = NULL;
    int ordered = 1;

    *count = left < most ? left : most;
    if (*count < from[s->shape->op] || n == 0 || wants_rows(s)) {
        return orm_write_rows;
    }
    if (s->shape->op == ORM_OP_INSERT) {
        ordered = is_ordered(s, &facts);
        if (ordered > 0 && may_copy(s, facts, left)) {
            return orm_write_copy;
        }
    }
    return ordered < 0 ? NULL : ordered == 0 ? orm_write_rows : orm_write_unnest;
}

static write_way
choose_lite(orm_step *s, uint32_t left, uint32_t *count)
{
    int rowid = 0;

    *count = left < ROWS_PER_BATCH ? left : ROWS_PER_BATCH;
    if (s->shape->op != ORM_OP_INSERT || *count < VALUES_FROM || s->base->facts.observed) {
        return orm_write_rows;
    }
    if (s->shape->nfetch == 0) {
        return s->shape->nset == 0 ? orm_write_rows : orm_write_values;
    }
    rowid = by_rowid(s);
    if (rowid < 0) {
        return NULL;
    }
    if (rowid == 0 || !orm_wfacts_of(s->w, s->base, s->plan)->ordered) {
        return orm_write_rows;
    }
    if (s->from == 0) {
        *count = 1; /* its key is the first of a run, and the write lock is held from now on */
        return orm_write_rows;
    }
    return orm_write_values;
}

int
orm_step_write(orm_step *s)
{
    int rc = 0;

    while (rc == 0 && s->from < s->n) {
        write_way way = s->base->dialect == ORM_PG ? choose_pg(s, s->n - s->from, &s->count)
                                                   : choose_lite(s, s->n - s->from, &s->count);

        s->failed = -1;
        rc = way == NULL ? -1 : way(s);
        if (rc == 1) { /* these values do not go that way */
            orm_arena_reset(&s->w->batch);
            rc = orm_write_rows(s);
        }
        if (rc < 0) {
            orm_attribute_error(s);
        }
        orm_arena_reset(&s->w->batch);
        s->from += s->count;
    }
    if (rc == 0 && s->shape->op != ORM_OP_INSERT) {
        rc = orm_check_count(s);
    }
    return rc;
}
