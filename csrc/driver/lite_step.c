/*
 * lite_step.c - running statements: one, one for many parameter sets, a script.
 *
 * A SELECT is stepped to its first row, so that its columns are those of the schema it
 * really runs on, and then belongs to a cursor. Everything else runs to its end here, rows
 * of RETURNING and PRAGMA in memory: its changes are done at the first step anyway, and only
 * its end tells how many.
 * The DIRECT way (the caller holds the GIL) is the same code with the busy handler refusing:
 * where it would have had to sleep, nothing has happened and the answer is 1.
 */
#include "driver/lite_int.h"

#include <assert.h>

#define CHECK_EVERY 64 /* parameter sets or rows between looks at signals and deadline */

static bool
changes_rows(int verb)
{
    return verb == ORM_VERB_INSERT || verb == ORM_VERB_UPDATE || verb == ORM_VERB_DELETE
           || verb == ORM_VERB_DML;
}

/* What the statement that has just ended did, as far as SQLite tells. */
static void
note_counts_locked(orm_conn *conn, int verb, int64_t *count, int64_t *rowid)
{
    *count = changes_rows(verb) ? sqlite3_changes(conn->db) : -1;
    *rowid = (verb == ORM_VERB_INSERT || verb == ORM_VERB_DML) && *count > 0
                 ? sqlite3_last_insert_rowid(conn->db)
                 : 0;
}

/* Step from SQLITE_ROW to the end, keeping the rows or not. 0, or -1 (err filled). */
static int
step_to_end_locked(orm_conn *conn, orm_cursor *cur, bool keep, orm_err *err)
{
    int rc = SQLITE_ROW;
    for (uint32_t seen = 1; rc == SQLITE_ROW; seen++) {
        if (keep && lite_cursor_keep_row_locked(cur) < 0) {
            return orm_err_nomem(err);
        }
        if (seen % CHECK_EVERY == 0 && lite_check_locked(conn, err) < 0) {
            return -1;
        }
        rc = sqlite3_step(cur->stmt->st);
    }
    return rc == SQLITE_DONE ? 0 : lite_fail_locked(conn, rc, err);
}

/* The statement is bound and what it needs has begun. */
static int
run_locked(orm_conn *conn, const orm_call *call, orm_cursor *cur, orm_err *err)
{
    lite_stmt *stmt = cur->stmt;
    int rc = sqlite3_step(stmt->st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return lite_fail_locked(conn, rc, err);
    }
    if (lite_cursor_describe_locked(cur) < 0) {
        return orm_err_nomem(err);
    }
    bool keep = (call->mode & ~ORM_FETCH_DIRECT) != ORM_FETCH_NONE;
    if (rc == SQLITE_ROW && keep && stmt->verb == ORM_VERB_SELECT) {
        cur->pending = true;
        return 0;
    }
    if (rc == SQLITE_ROW && step_to_end_locked(conn, cur, keep, err) < 0) {
        return -1;
    }
    note_counts_locked(conn, stmt->verb, &cur->rowcount, &cur->lastrowid);
    return 0;
}

static int
exec_locked(orm_conn *conn, const orm_call *call, orm_cursor **out, orm_err *err)
{
    lite_stmt *stmt = NULL;
    if (lite_stmt_take_locked(conn, call->text, &stmt, err) < 0) {
        return -1;
    }
    orm_cursor *cur = lite_cursor_new_locked(conn, stmt, call->deadline);
    if (cur == NULL) {
        lite_stmt_give_locked(conn, stmt);
        return orm_err_nomem(err);
    }
    int verb = stmt->verb;
    bool renew_mode = stmt->moves_mode;
    /* Off the list until it runs: what begins now may read all unread results to their end. */
    orm_list_remove(&cur->link);
    int answer = lite_stmt_bind_locked(conn, stmt, call->params, call->nparams, err);
    if (answer == 0 && stmt->st != NULL) {
        answer = lite_before_locked(conn, verb, err);
        bool was_open = lite_in_tx_locked(conn);
        if (answer == 0) {
            answer = run_locked(conn, call, cur, err);
            int rc = answer == 0 ? SQLITE_OK : err->native;
            if (answer < 0 || !cur->pending) {
                sqlite3_reset(stmt->st); /* before the state is looked at */
            }
            lite_after_locked(conn, verb, was_open, rc);
        }
    }
    if (answer < 0 || !cur->pending) {
        lite_cursor_detach_locked(conn, cur);
    }
    else {
        orm_list_push_back(&conn->cursors, &cur->link);
    }
    if (answer == 0 && renew_mode) {
        lite_look_at_journal_locked(conn);
    }
    if (answer < 0) {
        lite_cursor_free(cur);
        return -1;
    }
    *out = cur;
    return 0;
}

int
lite_exec(orm_conn *conn, const orm_call *call, orm_cursor **out, orm_err *err)
{
    *out = NULL;
    bool direct = (call->mode & ORM_FETCH_DIRECT) != 0;
    int entered = direct ? lite_enter_direct(conn, call->deadline, err)
                         : lite_enter(conn, call->deadline, err);
    if (entered != 0) {
        return entered;
    }
    int answer = exec_locked(conn, call, out, err);
    if (answer < 0 && direct && err->code == ORM_E_DB && (err->native & 0xff) == SQLITE_BUSY
        && err->native != SQLITE_BUSY_SNAPSHOT) {
        orm_err_clear(err); /* it would have had to wait, and that needs the GIL released */
        answer = 1;
    }
    lite_leave(conn);
    return answer;
}

/* One parameter set of exec_many; `cur` owns the statement. */
static int
run_set_locked(orm_conn *conn, orm_cursor *cur, const orm_param *params, uint32_t nparams,
               bool keep, orm_err *err)
{
    lite_stmt *stmt = cur->stmt;
    if (lite_stmt_bind_locked(conn, stmt, params, nparams, err) < 0) {
        return -1;
    }
    int rc = sqlite3_step(stmt->st);
    if (rc == SQLITE_ROW) {
        return step_to_end_locked(conn, cur, keep, err);
    }
    return rc == SQLITE_DONE ? 0 : lite_fail_locked(conn, rc, err);
}

static int
run_sets_locked(orm_conn *conn, const orm_call *call, uint32_t nsets, orm_cursor *cur, bool keep,
                int64_t *counts, int64_t *lastrowids, orm_err *err)
{
    lite_stmt *stmt = cur->stmt;
    int64_t total = 0;
    for (uint32_t i = 0; i < nsets; i++) {
        int64_t count, rowid;
        if ((i % CHECK_EVERY == CHECK_EVERY - 1 && lite_check_locked(conn, err) < 0)
            || run_set_locked(conn, cur, call->params + (size_t)i * call->nparams, call->nparams,
                              keep, err) < 0) {
            err->row = i;
            return -1;
        }
        note_counts_locked(conn, stmt->verb, &count, &rowid);
        if (counts != NULL) {
            counts[i] = count;
        }
        if (lastrowids != NULL) {
            lastrowids[i] = rowid;
        }
        total += count > 0 ? count : 0;
        cur->lastrowid = rowid;
        if (i == 0 && lite_cursor_describe_locked(cur) < 0) {
            return orm_err_nomem(err);
        }
        sqlite3_reset(stmt->st);
    }
    cur->rowcount = changes_rows(stmt->verb) ? total : -1;
    return 0;
}

static int
exec_many_locked(orm_conn *conn, const orm_call *call, uint32_t nsets, int64_t *counts,
                 int64_t *lastrowids, orm_cursor **rows, orm_err *err)
{
    lite_stmt *stmt = NULL;
    if (lite_stmt_take_locked(conn, call->text, &stmt, err) < 0) {
        return -1;
    }
    orm_cursor *cur = lite_cursor_new_locked(conn, stmt, call->deadline);
    if (cur == NULL) {
        lite_stmt_give_locked(conn, stmt);
        return orm_err_nomem(err);
    }
    orm_list_remove(&cur->link);
    int answer = 0;
    if (stmt->st != NULL && nsets > 0) {
        answer = lite_before_locked(conn, stmt->verb, err);
        bool was_open = lite_in_tx_locked(conn);
        if (answer == 0) {
            answer = run_sets_locked(conn, call, nsets, cur, rows != NULL, counts, lastrowids, err);
            int rc = answer == 0 ? SQLITE_OK : err->native;
            sqlite3_reset(stmt->st);
            lite_after_locked(conn, stmt->verb, was_open, rc);
        }
    }
    lite_cursor_detach_locked(conn, cur);
    if (answer == 0 && rows != NULL) {
        *rows = cur;
    }
    else {
        lite_cursor_free(cur);
    }
    return answer;
}

int
lite_exec_many(orm_conn *conn, const orm_call *call, uint32_t nsets, int64_t *counts,
               int64_t *lastrowids, orm_cursor **rows, orm_err *err)
{
    if (rows != NULL) {
        *rows = NULL;
    }
    if (lite_enter(conn, call->deadline, err) < 0) {
        return -1;
    }
    int answer = exec_many_locked(conn, call, nsets, counts, lastrowids, rows, err);
    lite_leave(conn);
    return answer;
}

/* One statement of a script, from `at`; *next is behind it. */
static int
script_step_locked(orm_conn *conn, const char *at, const char *end, const char **next, orm_err *err)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(conn->db, at, (int)(end - at) + 1, &st, next);
    if (rc == SQLITE_OK && st != NULL) {
        int verb = orm_sql_verb(at, (size_t)(*next - at));
        bool was_open = lite_in_tx_locked(conn);
        do {
            rc = sqlite3_step(st);
        } while (rc == SQLITE_ROW);
        rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
        if (rc != SQLITE_OK) {
            lite_fail_locked(conn, rc, err); /* before reset, while the message is there */
        }
        sqlite3_finalize(st);
        lite_after_locked(conn, verb, was_open, rc);
    }
    else if (rc != SQLITE_OK) {
        lite_fail_locked(conn, rc, err);
    }
    return rc == SQLITE_OK ? 0 : -1;
}

int
lite_script(orm_conn *conn, const char *sql, size_t len, orm_mono deadline, orm_err *err)
{
    const char *end = sql + len;
    if (len > INT32_MAX - 1 || memchr(sql, '\0', len) != NULL) {
        return orm_err_set(err, ORM_E_PROGRAMMING,
                           "the script contains a NUL character or is longer than 2 GB");
    }
    if (lite_enter(conn, deadline, err) < 0) {
        return -1;
    }
    /* A window ends first: the script may write, or begin a transaction of its own. */
    int answer = lite_before_locked(conn, ORM_VERB_OTHER, err);
    lite_buffer_all_locked(conn);
    for (int64_t i = 0; answer == 0 && sql < end; i++) {
        answer = lite_check_locked(conn, err);
        if (answer == 0) {
            answer = script_step_locked(conn, sql, end, &sql, err);
        }
        if (answer < 0) {
            err->row = i;
        }
    }
    lite_look_at_journal_locked(conn);
    lite_leave(conn);
    return answer;
}

int
lite_ping(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    if (lite_enter(conn, deadline, err) < 0) {
        return -1;
    }
    int answer = lite_run_locked(conn, "SELECT 1", err);
    lite_leave(conn);
    return answer;
}
