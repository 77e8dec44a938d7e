/*
 * lite_result.c - cursors: rows in slices, rows one by one, rows read ahead.
 *
 * A slice is stepped without the GIL into the cursor's arena and ends after 1 ms, 128
 * rows or 1 MB, so that the thread that decodes it gets the GIL in good time; batch size
 * itself costs nothing. The DIRECT way hands out pointers into SQLite's own row.
 * States of a cursor: active (owns a statement, in conn->cursors, conn set) -> detached
 * (conn NULL: kept rows, then `late`, then the end). Detaching needs the connection's lock;
 * `conn` is stored last with release order, so that whoever reads NULL sees the kept rows.
 */
#include "driver/lite_int.h"

#include <assert.h>

#define SLICE_ROWS 128u
#define SLICE_BYTES (1024u * 1024u)
#define SLICE_TIME ORM_MONO_MS
#define CLOCK_EVERY 16u /* rows between looks at the clock: 31 ns each */

static uint32_t
ncols_of(const orm_cursor *cur)
{
    return cur->head == NULL ? 0 : cur->head->n;
}

orm_cursor *
lite_cursor_new_locked(orm_conn *conn, lite_stmt *stmt, orm_mono deadline)
{
    orm_cursor *cur = orm_calloc(1, sizeof(*cur));
    if (cur != NULL) {
        atomic_init(&cur->conn, conn);
        cur->stmt = stmt;
        cur->deadline = deadline;
        cur->rowcount = -1;
        orm_err_init(&cur->late);
        orm_list_init(&cur->link);
        orm_list_push_back(&conn->cursors, &cur->link);
    }
    return cur;
}

int
lite_cursor_describe_locked(orm_cursor *cur)
{
    lite_head_drop(cur->head);
    cur->head = sqlite3_column_count(cur->stmt->st) == 0 ? NULL : lite_stmt_head_locked(cur->stmt);
    return cur->head == NULL && sqlite3_column_count(cur->stmt->st) != 0 ? -1 : 0;
}

void
lite_cursor_detach_locked(orm_conn *conn, orm_cursor *cur)
{
    orm_list_remove(&cur->link);
    if (cur->stmt != NULL) {
        lite_stmt_give_locked(conn, cur->stmt);
        cur->stmt = NULL;
    }
    cur->pending = false;
    atomic_store_explicit(&cur->conn, NULL, memory_order_release);
}

void
lite_cursor_free(orm_cursor *cur)
{
    assert(cur->stmt == NULL);
    lite_head_drop(cur->head);
    orm_arena_fini(&cur->arena);
    orm_arena_fini(&cur->kept_arena);
    orm_free(cur->cells);
    orm_err_fini(&cur->late);
    orm_free(cur);
}

/* Column i of the current row, pointing into SQLite; -1 no memory.

   One look-up of the column, then its value: sqlite3_column_text and the like would look it
   up at each call. What they lock besides is this connection's mutex; a connection is opened
   without one, and everybody who comes here holds its own lock. */
static inline int
look_at_cell(sqlite3_stmt *st, int i, orm_cell *cell)
{
    sqlite3_value *v = sqlite3_column_value(st, i);

    cell->p = NULL;
    cell->len = 0;
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        cell->kind = ORM_V_INT;
        cell->u.i = sqlite3_value_int64(v);
        return 0;
    case SQLITE_FLOAT:
        cell->kind = ORM_V_REAL;
        cell->u.d = sqlite3_value_double(v);
        return 0;
    case SQLITE_TEXT:
        cell->kind = ORM_V_TEXT;
        cell->p = (const char *)sqlite3_value_text(v); /* may convert from UTF-16 */
        cell->len = sqlite3_value_bytes(v);
        return cell->p == NULL ? -1 : 0;
    case SQLITE_BLOB:
        cell->kind = ORM_V_BLOB;
        cell->p = sqlite3_value_blob(v);
        cell->len = sqlite3_value_bytes(v);
        if (cell->p == NULL && cell->len > 0) {
            return -1;
        }
        cell->p = cell->p == NULL ? "" : cell->p;
        return 0;
    default:
        cell->kind = ORM_V_NULL;
        return 0;
    }
}

/* The current row into cells, its bytes copied into the arena; -1 no memory. */
static int
copy_row(sqlite3_stmt *st, uint32_t ncols, orm_arena *arena, orm_cell *cells)
{
    for (uint32_t i = 0; i < ncols; i++) {
        if (look_at_cell(st, (int)i, &cells[i]) < 0) {
            return -1;
        }
        if (cells[i].p != NULL) {
            char *copy = orm_arena_alloc(arena, cells[i].len > 0 ? (size_t)cells[i].len : 1);
            if (copy == NULL) {
                return -1;
            }
            memcpy(copy, cells[i].p, (size_t)cells[i].len);
            cells[i].p = copy;
        }
    }
    return 0;
}

int
lite_cursor_keep_row_locked(orm_cursor *cur)
{
    if (cur->head == NULL && lite_cursor_describe_locked(cur) < 0) {
        return -1;
    }
    uint32_t ncols = ncols_of(cur);
    lite_kept *kept = cur->kept_end;
    if (kept == NULL || kept->nrows == kept->cap) {
        uint32_t cap = kept == NULL ? 8 : kept->cap < SLICE_ROWS ? kept->cap * 2 : SLICE_ROWS;
        size_t size = sizeof(*kept) + (size_t)cap * ncols * sizeof(orm_cell);
        lite_kept *fresh = orm_arena_alloc(&cur->kept_arena, size);
        if (fresh == NULL) {
            return -1;
        }
        *fresh = (lite_kept){.cap = cap};
        if (kept == NULL) {
            cur->kept = fresh;
        }
        else {
            kept->next = fresh;
        }
        cur->kept_end = kept = fresh;
    }
    orm_cell *cells = &kept->cells[(size_t)kept->nrows * ncols];
    if (copy_row(cur->stmt->st, ncols, &cur->kept_arena, cells) < 0) {
        return -1;
    }
    kept->nrows++;
    return 0;
}

/* The cursor's statement failed with rc: tell it, now or (late) after the rows in hand. */
static int
step_failed_locked(orm_conn *conn, orm_cursor *cur, int rc, orm_err *err)
{
    /* what the last call left: the failed step itself may have rolled back */
    bool was_open = atomic_load_explicit(&conn->state, memory_order_relaxed) == ORM_TX_OPEN;
    lite_fail_locked(conn, rc, err);
    lite_cursor_detach_locked(conn, cur);
    lite_after_locked(conn, ORM_VERB_SELECT, was_open, rc);
    return -1;
}

int
lite_cursor_buffer_locked(orm_conn *conn, orm_cursor *cur, orm_err *err)
{
    ORM_COUNT(lite_buffer_rest);
    int rc = cur->pending ? SQLITE_ROW : sqlite3_step(cur->stmt->st);
    while (rc == SQLITE_ROW) {
        if (lite_cursor_keep_row_locked(cur) < 0) {
            rc = SQLITE_NOMEM;
            break;
        }
        rc = sqlite3_step(cur->stmt->st);
    }
    if (rc != SQLITE_DONE) {
        return step_failed_locked(conn, cur, rc, err);
    }
    lite_cursor_detach_locked(conn, cur);
    return 0;
}

void
lite_buffer_all_locked(orm_conn *conn)
{
    while (!orm_list_empty(&conn->cursors)) {
        orm_cursor *cur = ORM_LIST_ENTRY(conn->cursors.next, orm_cursor, link);
        /* its reader is told, not whoever ends the transaction */
        lite_cursor_buffer_locked(conn, cur, &cur->late);
    }
}

void
lite_close_all_locked(orm_conn *conn)
{
    while (!orm_list_empty(&conn->cursors)) {
        orm_cursor *cur = ORM_LIST_ENTRY(conn->cursors.next, orm_cursor, link);
        cur->closed = true;
        lite_cursor_detach_locked(conn, cur);
    }
}

/* Rows read ahead: all of one block, or one row in the DIRECT way. */
static int
fetch_kept(orm_cursor *cur, bool one, orm_batch *batch, orm_err *err)
{
    lite_kept *kept = cur->kept;
    while (kept != NULL && kept->given == kept->nrows) {
        cur->kept = kept = kept->next;
    }
    batch->ncols = ncols_of(cur);
    if (kept != NULL) {
        batch->cells = &kept->cells[(size_t)kept->given * batch->ncols];
        batch->nrows = one ? 1 : kept->nrows - kept->given;
        kept->given += batch->nrows;
        batch->last = kept->given == kept->nrows && kept->next == NULL
                      && cur->late.code == ORM_OK && !cur->closed;
        return 0;
    }
    cur->kept_end = NULL;
    if (cur->late.code != ORM_OK) {
        orm_err_move(err, &cur->late);
        cur->closed = true;
        return -1;
    }
    if (cur->closed) {
        return orm_err_set(err, ORM_E_INTERFACE,
                           "the result was closed before all of its rows were read: "
                           "by ROLLBACK, by an error or with its connection");
    }
    batch->last = true;
    return 0;
}

/* Room for one more row after n rows; -1 no memory. */
static int
grow_cells(orm_cursor *cur, uint32_t nrows, uint32_t ncols)
{
    size_t want = ((size_t)nrows + 1) * ncols;
    if (want <= cur->cap) {
        return 0;
    }
    size_t cap = nrows == 0 ? want : (size_t)nrows * 2 * ncols;
    cap = nrows > 0 && cap < (size_t)CLOCK_EVERY * ncols ? (size_t)CLOCK_EVERY * ncols : cap;
    orm_cell *cells = orm_reallocarray(cur->cells, cap, sizeof(orm_cell));
    if (cells == NULL) {
        return -1;
    }
    cur->cells = cells;
    cur->cap = (uint32_t)cap;
    return 0;
}

static int
fetch_slice_locked(orm_conn *conn, orm_cursor *cur, orm_batch *batch, orm_err *err)
{
    sqlite3_stmt *st = cur->stmt->st;
    uint32_t ncols = ncols_of(cur);
    uint32_t n = 0;
    orm_mono until = orm_mono_now() + SLICE_TIME;
    ORM_COUNT(lite_slice);
    orm_arena_reset(&cur->arena);
    if (conn->deadline != ORM_NEVER && until - SLICE_TIME >= conn->deadline) {
        cur->closed = true;
        lite_cursor_detach_locked(conn, cur);
        return orm_err_set(err, ORM_E_TIMEOUT, "the result was not read before its deadline");
    }
    int rc = cur->pending ? SQLITE_ROW : sqlite3_step(st);
    cur->pending = false;
    while (rc == SQLITE_ROW) {
        if (grow_cells(cur, n, ncols) < 0
            || copy_row(st, ncols, &cur->arena, &cur->cells[(size_t)n * ncols]) < 0) {
            rc = SQLITE_NOMEM;
            break;
        }
        n++;
        if (n == SLICE_ROWS || cur->arena.held >= SLICE_BYTES
            || (n % CLOCK_EVERY == 0 && orm_mono_now() >= until)) {
            break;
        }
        rc = sqlite3_step(st);
    }
    batch->ncols = ncols;
    batch->nrows = n;
    batch->cells = cur->cells;
    if (rc == SQLITE_ROW) {
        return 0;
    }
    if (rc == SQLITE_DONE) {
        batch->last = true;
        lite_cursor_detach_locked(conn, cur);
        return 0;
    }
    if (n > 0) { /* these rows are good: the error comes with the next fetch */
        step_failed_locked(conn, cur, rc, &cur->late);
        return 0;
    }
    cur->closed = true;
    return step_failed_locked(conn, cur, rc, err);
}

/* fast path: same answer as fetch_slice_locked, row by row and without copies. */
static int
fetch_direct_locked(orm_conn *conn, orm_cursor *cur, orm_batch *batch, orm_err *err)
{
    sqlite3_stmt *st = cur->stmt->st;
    uint32_t ncols = ncols_of(cur);
    int rc = cur->pending ? SQLITE_ROW : sqlite3_step(st);
    cur->pending = false;
    batch->ncols = ncols;
    if (rc == SQLITE_DONE) {
        batch->last = true;
        lite_cursor_detach_locked(conn, cur);
        return 0;
    }
    if (rc == SQLITE_ROW && grow_cells(cur, 0, ncols) < 0) {
        rc = SQLITE_NOMEM;
    }
    for (uint32_t i = 0; rc == SQLITE_ROW && i < ncols; i++) {
        if (look_at_cell(st, (int)i, &cur->cells[i]) < 0) {
            rc = SQLITE_NOMEM;
        }
    }
    if (rc != SQLITE_ROW) {
        cur->closed = true;
        return step_failed_locked(conn, cur, rc, err);
    }
    ORM_COUNT(lite_direct);
    batch->nrows = 1;
    batch->cells = cur->cells;
    return 0;
}

int
lite_fetch(orm_cursor *cur, int flags, orm_batch *batch, orm_err *err)
{
    bool direct = (flags & ORM_FETCH_DIRECT) != 0;
    *batch = (orm_batch){0};
    orm_conn *conn = atomic_load_explicit(&cur->conn, memory_order_acquire);
    if (conn == NULL) {
        return fetch_kept(cur, direct, batch, err);
    }
    int entered = direct ? lite_enter_direct(conn, cur->deadline, err)
                         : lite_enter(conn, cur->deadline, err);
    if (entered != 0) {
        return entered < 0 ? -1 : 0; /* 1: no rows and not the last: come without the GIL */
    }
    int answer;
    if (cur->stmt == NULL) { /* detached while we waited */
        answer = fetch_kept(cur, direct, batch, err);
    }
    else {
        answer = direct ? fetch_direct_locked(conn, cur, batch, err)
                        : fetch_slice_locked(conn, cur, batch, err);
    }
    lite_leave(conn);
    return answer;
}

const orm_cell *
lite_row(const orm_batch *batch, uint32_t i, orm_cell *scratch)
{
    (void)scratch;
    assert(i < batch->nrows);
    return &batch->cells[(size_t)i * batch->ncols];
}

void
lite_cursor_close(orm_cursor *cur)
{
    orm_conn *conn = atomic_load_explicit(&cur->conn, memory_order_acquire);
    if (conn == NULL) {
        lite_cursor_free(cur);
        return;
    }
    if (conn->epoch != orm_fork_epoch()) {
        return; /* the parent's statement: touching it could touch the parent's files */
    }
    if (orm_lock_try(&conn->lock) == ORM_LOCK_TAKEN) {
        lite_cursor_detach_locked(conn, cur);
        lite_cursor_free(cur);
        lite_leave(conn);
        return;
    }
    cur->next_dead = atomic_load_explicit(&conn->dead, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&conn->dead, &cur->next_dead, cur,
                                                  memory_order_release, memory_order_relaxed)) {
    }
    /* cur may be gone from here on; if everybody left meanwhile, the burial is ours */
    if (orm_lock_try(&conn->lock) == ORM_LOCK_TAKEN) {
        lite_leave(conn);
    }
}

const orm_coldesc *
lite_columns(orm_cursor *cur, uint32_t *n)
{
    *n = ncols_of(cur);
    return cur->head == NULL ? NULL : cur->head->cols;
}

int64_t
lite_rowcount(orm_cursor *cur)
{
    return cur->rowcount;
}

int64_t
lite_lastrowid(orm_cursor *cur)
{
    return cur->lastrowid;
}
