/*
 * pg_result.c - results of PostgreSQL: buffered, streamed, or the rows of a batch.
 *
 * Place: made by pg_exec.c and pg_batch.c, read by exec/ through the vtable.
 * One representation: a cursor is a queue of PGresults. A buffered statement has one; a
 *   streamed one gets chunks of 128 rows (libpq >= 17) or single rows, of which up to 128
 *   that are here already make one batch; a batch of sets has one result per set. A batch
 *   is either one result, or a run of results with one row each.
 * A streamed cursor owns the line: whoever needs the connection next first reads the rest
 *   into the cursor's queue. A failure met then belongs to the cursor: its next fetch gives
 *   the rows that came, then the error.
 * Memory: the cells of a batch point into PGresults that live until the next fetch. The
 *   first result stays to the end: the column descriptions point into it.
 */
#include <stdlib.h>
#include <string.h>

#include "driver/pg_calls.h"

/* Rows of a streamed result that nobody wants are read this long before the statement is
   cancelled: below it a cancel costs more than it saves. */
#define READ_ON (50 * ORM_MONO_MS)

pg_cursor *
orm_pg_cursor_new(pg_conn *c, orm_mono deadline)
{
    pg_cursor *cur = orm_calloc(1, sizeof(*cur));
    if (cur == NULL) {
        return NULL;
    }
    cur->conn = c;
    cur->res = &cur->inline_res;
    cur->cap = 1;
    cur->rowcount = -1;
    cur->deadline = deadline;
    orm_err_init(&cur->err);
    return cur;
}

/* The result that describes the columns. The room for the descriptions is made now, so that
   columns() cannot fail. */
static int
set_head(pg_cursor *cur, PGresult *res)
{
    size_t ncols = (size_t)PQnfields(res);

    cur->cols = cur->some_cols;
    if (ncols > ORM_PG_SOME_COLS) {
        cur->cols = orm_mallocarray(ncols, sizeof(*cur->cols));
        if (cur->cols == NULL) {
            return -1;
        }
    }
    cur->head = res;
    cur->kind = PQbinaryTuples(res) ? ORM_V_BLOB : ORM_V_TEXT;
    return 0;
}

int
orm_pg_cursor_add(pg_cursor *cur, PGresult *res)
{
    if (cur->head == NULL && set_head(cur, res) < 0) {
        PQclear(res);
        return -1;
    }
    if (cur->nres == cur->cap) {
        uint32_t cap = cur->cap < 16 ? 16 : cur->cap * 2;
        PGresult **old = cur->res == &cur->inline_res ? NULL : cur->res;
        PGresult **more = orm_reallocarray(old, cap, sizeof(*more));
        if (more == NULL) {
            PQclear(res);
            return -1;
        }
        if (old == NULL) {
            memcpy(more, cur->res, cur->nres * sizeof(*more));
        }
        cur->res = more;
        cur->cap = cap;
    }
    cur->res[cur->nres++] = res;
    cur->streamed += PQntuples(res);
    return 0;
}

/* Free what was handed out; the head stays. */
static void
drop_used(pg_cursor *cur)
{
    for (uint32_t i = 0; i < cur->next; i++) {
        if (cur->res[i] == cur->head) {
            cur->head_owned = true;
        }
        else {
            PQclear(cur->res[i]);
        }
    }
    memmove(cur->res, cur->res + cur->next, (cur->nres - cur->next) * sizeof(*cur->res));
    cur->nres -= cur->next;
    cur->next = 0;
}

int64_t
orm_pg_count_of(PGresult *res)
{
    const char *n = PQcmdTuples(res); /* "" for commands without a count */
    return *n == '\0' ? -1 : strtoll(n, NULL, 10);
}

/* The statement answered its last result: read on to the Sync, the line is free then. */
static int
end_stream(pg_cursor *cur, orm_err *err)
{
    pg_conn *c = cur->conn;
    int rc = orm_pg_finish(c, cur->deadline, err);
    if (c->stream == cur) {
        c->stream = NULL;
    }
    cur->conn = NULL;
    return rc;
}

/* Next result of a streamed statement into the queue. 1: rows came; 0: the end; -1. */
static int
pull(pg_cursor *cur, orm_err *err)
{
    pg_conn *c = cur->conn;
    PGresult *res = NULL;

    if (orm_pg_result(c, cur->deadline, &res, err) < 0) {
        /* Interrupted or lost: nothing of it is on the line any more. */
        c->stream = NULL;
        cur->conn = NULL;
        return -1;
    }
    ExecStatusType status = PQresultStatus(res);
    if (status == PGRES_SINGLE_TUPLE || (int)status == ORM_PG_TUPLES_CHUNK) {
        if (orm_pg_cursor_add(cur, res) == 0) {
            return 1;
        }
        /* A hole in the rows must not be read over: the result ends here. */
        orm_err_nomem(err);
        return end_stream(cur, err);
    }
    if (status == PGRES_TUPLES_OK) {
        /* In chunks the tag stands on the last chunk, or here. */
        cur->rowcount = orm_pg_count_of(res);
        cur->rowcount = cur->rowcount < 0 ? cur->streamed : cur->rowcount;
        if (cur->head == NULL && set_head(cur, res) == 0) {
            cur->head_owned = true;
            res = NULL;
        }
        else if (cur->head == NULL) {
            orm_err_nomem(err);
        }
    }
    else {
        orm_pg_fail(c, res, err);
    }
    PQclear(res);
    return end_stream(cur, err) < 0 ? -1 : 0;
}

int
orm_pg_stream_buffer(pg_conn *c, orm_err *err)
{
    pg_cursor *cur = c->stream;
    int rc = 1;

    if (cur == NULL) {
        return 0;
    }
    ORM_COUNT(pg_stream_buffered);
    while (rc == 1) {
        rc = pull(cur, &cur->err);
    }
    if (c->lost) {
        return orm_pg_fail_lost(c, err);
    }
    if (cur->err.code == ORM_E_SIGNAL) {
        /* The exception is set in this thread: whoever called has to hear of it now. */
        return orm_err_set(err, ORM_E_SIGNAL, "interrupted while an open result was read");
    }
    return 0;
}

void
orm_pg_stream_cut(pg_conn *c, const char *message)
{
    pg_cursor *cur = c->stream;
    if (cur == NULL) {
        return;
    }
    orm_err_set(&cur->err, ORM_E_INTERFACE, "%s", message);
    cur->conn = NULL;
    c->stream = NULL;
}

/* Rows that are here without waiting, up to a batch of them. */
static int
pull_batch(pg_cursor *cur, orm_err *err)
{
    pg_conn *c = cur->conn;
    int rc;

    if (orm_pg_enter(c, cur->deadline, err) < 0) {
        return -1;
    }
    /* Another thread may have read it to its end while this one waited for the lock. */
    rc = cur->conn == NULL ? 0 : pull(cur, err);
    while (rc == 1 && cur->nres < ORM_PG_CHUNK && PQntuples(cur->res[0]) == 1 &&
           !PQisBusy(c->pg)) {
        rc = pull(cur, &cur->err); /* a failure is told after the rows before it */
    }
    if (rc == 0 && cur->nres == 0 && cur->err.code != ORM_OK) {
        rc = -1;
        orm_err_move(err, &cur->err);
    }
    orm_pg_leave(c);
    return cur->nres > 0 ? 0 : rc;
}

int
orm_pg_fetch(orm_cursor *cursor, int flags, orm_batch *batch, orm_err *err)
{
    pg_cursor *cur = (pg_cursor *)cursor;

    (void)flags; /* ORM_FETCH_DIRECT is SQLite's */
    *batch = (orm_batch){.impl = cur, .last = true};
    drop_used(cur);
    if (cur->nres == 0 && cur->conn != NULL && pull_batch(cur, err) < 0) {
        return -1;
    }
    /* Sets of a batch may return no row at all. */
    while (cur->next < cur->nres && PQntuples(cur->res[cur->next]) == 0) {
        cur->next++;
    }
    if (cur->next == cur->nres) {
        if (cur->err.code != ORM_OK) {
            orm_err_move(err, &cur->err);
            return -1;
        }
        return 0;
    }
    cur->window = cur->next;
    uint32_t rows = (uint32_t)PQntuples(cur->res[cur->next]);
    cur->next++;
    cur->one_each = rows == 1;
    while (cur->one_each && cur->next < cur->nres && PQntuples(cur->res[cur->next]) == 1) {
        cur->next++;
        rows++;
    }
    batch->nrows = rows;
    batch->ncols = (uint32_t)PQnfields(cur->res[cur->window]);
    batch->last = cur->next == cur->nres && cur->conn == NULL && cur->err.code == ORM_OK;
    return 0;
}

const orm_cell *
orm_pg_row(const orm_batch *batch, uint32_t i, orm_cell *scratch)
{
    const pg_cursor *cur = batch->impl;
    const PGresult *res = cur->res[cur->window + (cur->one_each ? i : 0)];
    int row = cur->one_each ? 0 : (int)i;
    int ncols = (int)batch->ncols;

    assert(i < batch->nrows);
    assert(ncols == 0 || PQfformat(res, ncols - 1) == (cur->kind == ORM_V_BLOB));
    for (int col = 0; col < ncols; col++) {
        orm_cell *cell = &scratch[col];
        cell->len = PQgetlength(res, row, col);
        if (cell->len == 0 && PQgetisnull(res, row, col)) {
            cell->kind = ORM_V_NULL;
            cell->p = NULL;
        }
        else {
            cell->kind = cur->kind;
            cell->p = PQgetvalue(res, row, col);
        }
    }
    return scratch;
}

/* The line is still full of rows that nobody wants. */
static void
abandon(pg_cursor *cur)
{
    pg_conn *c = cur->conn;
    orm_err err;

    orm_err_init(&err);
    if (orm_pg_enter(c, ORM_NEVER, &err) < 0) {
        if (c->stream == cur) {
            c->stream = NULL; /* the connection is lost or another process' */
        }
        orm_err_fini(&err);
        return;
    }
    if (cur->conn != NULL) {
        c->stream = NULL;
        if (cur->in_tx) {
            /* A cancel would make the transaction fail: read on to the end. */
            (void)orm_pg_finish(c, cur->deadline, &err);
        }
        else {
            orm_mono soon = orm_mono_earlier(cur->deadline, orm_mono_now() + READ_ON);
            (void)orm_pg_finish(c, soon, &err); /* at the deadline it cancels */
        }
    }
    orm_pg_leave(c);
    orm_err_fini(&err);
}

void
orm_pg_cursor_close(orm_cursor *cursor)
{
    pg_cursor *cur = (pg_cursor *)cursor;
    if (cur == NULL) {
        return;
    }
    if (cur->conn != NULL) {
        abandon(cur);
    }
    for (uint32_t i = 0; i < cur->nres; i++) {
        PQclear(cur->res[i]);
    }
    if (cur->head_owned) {
        PQclear(cur->head);
    }
    if (cur->res != &cur->inline_res) {
        orm_free(cur->res);
    }
    if (cur->cols != cur->some_cols) {
        orm_free(cur->cols);
    }
    orm_err_fini(&cur->err);
    orm_free(cur);
}

const orm_coldesc *
orm_pg_columns(orm_cursor *cursor, uint32_t *n)
{
    pg_cursor *cur = (pg_cursor *)cursor;
    uint32_t ncols = cur->head == NULL ? 0 : (uint32_t)PQnfields(cur->head);

    for (uint32_t i = 0; i < ncols && !cur->cols_made; i++) {
        int col = (int)i;
        cur->cols[i] = (orm_coldesc){
            .name = PQfname(cur->head, col),
            .oid = PQftype(cur->head, col),
            .typmod = PQfmod(cur->head, col),
            .format = (uint8_t)PQfformat(cur->head, col),
            .table_col = (int16_t)PQftablecol(cur->head, col),
            .table_oid = PQftable(cur->head, col),
        };
    }
    cur->cols_made = true;
    *n = ncols;
    return cur->cols;
}

int64_t
orm_pg_rowcount(orm_cursor *cursor)
{
    return ((pg_cursor *)cursor)->rowcount;
}

int64_t
orm_pg_lastrowid(orm_cursor *cursor)
{
    (void)cursor;
    return 0;
}
