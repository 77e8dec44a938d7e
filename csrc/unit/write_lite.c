/*
 * unit/write_lite.c - SQLite: INSERTs of 100 rows per execution, for rows whose keys are known.
 *
 * Keys are known because the client made them, or because the row before was stored in this
 * transaction: the write lock is held, no trigger inserts elsewhere, so the next row would get
 * the next number. That number is then given, which is what SQLite itself would do.
 * Half of the time per row of one row per execution: SQLite steps less, binds the same.
 */
#include "unit/unit_int.h"

#include <string.h>

enum { ROWS_PER_STATEMENT = 100 };

/* The parameters of the text: those of each row, with the key where its column stands. */
static orm_param *
with_keys(orm_step *s, const orm_param *params, int64_t first)
{
    uint32_t n = s->shape->nset;
    orm_param *all = orm_arena_array(&s->w->batch, (size_t)s->count * (n + 1), sizeof(orm_param));
    uint32_t at = 0; /* where the key stands among the columns of a row */

    if (all == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    while (at < n && s->shape->set[at] < s->plan->numbered) {
        at++;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        orm_param *to = all + (size_t)i * (n + 1);
        const orm_param *from = params + (size_t)i * n;

        memcpy(to, from, at * sizeof(orm_param));
        to[at] = (orm_param){.kind = ORM_V_INT, .u.i = first + i};
        memcpy(to + at + 1, from + at, (n - at) * sizeof(orm_param));
    }
    return all;
}

/* Run the full statements, then the rest row by row: two texts, however many rows there are. */
static int
run_texts(orm_step *s, const orm_param *params, uint32_t nparams, uint32_t per)
{
    uint32_t full = s->count / per;

    for (uint32_t round = 0; round < 2; round++) {
        uint32_t rows = round == 0 ? per : 1;
        const orm_wtext *t = NULL;
        orm_many many = {.params = params + (round == 0 ? 0 : (size_t)full * per * nparams),
                         .nsets = round == 0 ? full : s->count % per,
                         .nparams = nparams * rows};

        if (many.nsets == 0) {
            continue;
        }
        t = orm_wtext_of(s->plan, s->shape, ORM_LITE, ORM_WAY_VALUES, false, rows,
                         s->base->schema);
        if (t == NULL || orm_run_text(s, t, &many, NULL) < 0) {
            s->failed = -1; /* a set is many rows */
            return -1;
        }
    }
    return 0;
}

/* The key of row `from` - 1 of the step: the last one stored. */
static int
last_key(const orm_step *s, int64_t *key)
{
    *key = PyLong_AsLongLong(s->fetched[s->from - 1]);
    return *key == -1 && PyErr_Occurred() ? -1 : 0;
}

int
orm_write_values(orm_step *s)
{
    uint32_t n = s->shape->nset + (s->shape->key_only ? 1 : 0);
    uint32_t per = s->base->facts.max_params / (n == 0 ? 1 : n);
    orm_param *params = NULL;
    int64_t before = 0;

    per = per < ROWS_PER_STATEMENT ? per : ROWS_PER_STATEMENT;
    if (per < 2) {
        return orm_write_rows(s);
    }
    params = orm_encode_batch(s);
    if (params == NULL) {
        return -1;
    }
    if (s->shape->key_only) {
        if (last_key(s, &before) < 0) {
            return -1;
        }
        if (before > INT64_MAX - (int64_t)s->count) {
            orm_arena_reset(&s->w->batch);
            return orm_write_rows(s); /* SQLite looks for free numbers by itself */
        }
        params = with_keys(s, params, before + 1);
        if (params == NULL) {
            return -1;
        }
    }
    if (run_texts(s, params, n, per) < 0) {
        return -1;
    }
    for (uint32_t i = 0; s->shape->key_only && i < s->count; i++) {
        s->fetched[s->from + i] = PyLong_FromLongLong(before + 1 + i);
        if (s->fetched[s->from + i] == NULL) {
            return -1;
        }
    }
    ORM_COUNT_BY(unit_values, s->count);
    return 0;
}
