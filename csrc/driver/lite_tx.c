/*
 * lite_tx.c - read windows, transactions and savepoints of SQLite.
 *
 * A transaction that begin() noted starts nothing by itself; each statement begins what it
 * needs (lite_before_locked). Default isolation:
 *   read   a read window: BEGIN (deferred), 1/3 of the cost per read of an autocommit read.
 *          Only where a reader does not block writers (WAL, memory, exclusive locking).
 *          Nothing is ever written in it, so ending it loses nothing.
 *   write  ends the window, then BEGIN IMMEDIATE: the lock is taken under the busy handler
 *          and no snapshot can be too old (SQLITE_BUSY_SNAPSHOT cannot happen).
 *   other  DDL and PRAGMA end the window and run alone, as under Python's sqlite3: many
 *          pragmas do silently nothing within a transaction.
 * SERIALIZABLE and read-only begin once, deferred; IMMEDIATE once, immediately.
 * Law: sqlite3_get_autocommit is the state. Where SQLite rolled back by itself (disk full,
 * OR ROLLBACK), the transaction is FAILED until rollback(): going on would commit the second
 * half of a unit of work whose first half is lost.
 * No statement survives the end of a transaction: unread results are read to their end
 * before COMMIT, closed before ROLLBACK, else they would keep the snapshot and its locks.
 */
#include "driver/lite_int.h"

#include <assert.h>

bool
lite_in_tx_locked(const orm_conn *conn)
{
    return !sqlite3_get_autocommit(conn->db);
}

int
lite_state_locked(const orm_conn *conn)
{
    if (conn->db == NULL || conn->failed) {
        return conn->db == NULL ? ORM_TX_UNKNOWN : ORM_TX_FAILED;
    }
    if (!lite_in_tx_locked(conn)) {
        return conn->begun ? ORM_TX_PENDING : ORM_TX_IDLE;
    }
    return conn->window ? ORM_TX_WINDOW : ORM_TX_OPEN;
}

void
lite_look_at_journal_locked(orm_conn *conn)
{
    static const char attached[] =
        "SELECT count(*) FROM pragma_database_list WHERE name NOT IN ('main', 'temp')";
    char journal[16], locking[16], others[16];
    orm_err ignored;
    if (conn->failed) {
        return; /* nothing may be asked now, and nothing has changed */
    }
    orm_err_init(&ignored);
    const char *file = sqlite3_db_filename(conn->db, "main");
    bool in_memory = file == NULL || file[0] == '\0';
    if (lite_ask_locked(conn, "PRAGMA journal_mode", journal, sizeof(journal), &ignored) < 0
        || lite_ask_locked(conn, "PRAGMA locking_mode", locking, sizeof(locking), &ignored) < 0
        || lite_ask_locked(conn, attached, others, sizeof(others), &ignored) < 0) {
        journal[0] = locking[0] = others[0] = '\0'; /* not known: no windows */
        in_memory = false;
    }
    orm_err_fini(&ignored);
    /* an attached database has a journal mode of its own */
    conn->can_window = !conn->shared_memory && strcmp(others, "0") == 0
                       && (in_memory || strcmp(journal, "wal") == 0
                           || strcmp(locking, "exclusive") == 0);
}

static int
end_window_locked(orm_conn *conn, orm_err *err)
{
    assert(conn->window);
    lite_buffer_all_locked(conn);
    if (lite_run_locked(conn, "COMMIT", err) < 0) {
        return -1;
    }
    conn->window = false;
    ORM_COUNT(lite_window_close);
    return 0;
}

static int
begin_whole_locked(orm_conn *conn, const char *sql, orm_err *err)
{
    lite_buffer_all_locked(conn); /* an autocommit read still open would fix an old snapshot */
    if (lite_run_locked(conn, sql, err) < 0) {
        return -1;
    }
    if (conn->opts.readonly == 1 && !conn->query_only) {
        if (lite_run_locked(conn, "PRAGMA query_only=1", err) < 0) {
            return -1;
        }
        conn->query_only = true;
    }
    return 0;
}

/* Isolation levels that begin one transaction at the first statement and keep it. */
static const char *
whole_begin(const orm_conn *conn)
{
    if (conn->opts.isolation == ORM_ISO_IMMEDIATE) {
        return "BEGIN IMMEDIATE";
    }
    if (conn->opts.isolation == ORM_ISO_SERIALIZABLE || conn->opts.readonly == 1) {
        return "BEGIN";
    }
    return NULL;
}

static int
before_read_locked(orm_conn *conn, orm_err *err)
{
    if (conn->window) {
        if (orm_mono_now() - conn->window_since <= LITE_WINDOW_AGE
            || !orm_list_empty(&conn->cursors)) {
            return 0;
        }
        ORM_COUNT(lite_window_aged);
        if (end_window_locked(conn, err) < 0) {
            return -1;
        }
    }
    if (lite_in_tx_locked(conn) || !conn->use_windows || !conn->can_window) {
        return 0;
    }
    if (lite_run_locked(conn, "BEGIN", err) < 0) {
        return -1;
    }
    conn->window = true;
    conn->window_since = orm_mono_now();
    ORM_COUNT(lite_window_open);
    return 0;
}

static int
before_write_locked(orm_conn *conn, orm_err *err)
{
    if (conn->window && end_window_locked(conn, err) < 0) {
        return -1;
    }
    if (lite_in_tx_locked(conn)) {
        return 0;
    }
    ORM_COUNT(lite_begin_write);
    conn->wrote = true;
    return begin_whole_locked(conn, conn->begin_write, err);
}

static bool
is_write(const orm_conn *conn, int verb)
{
    return verb == ORM_VERB_INSERT || verb == ORM_VERB_UPDATE || verb == ORM_VERB_DELETE
           || (verb == ORM_VERB_DML && !conn->dml_only)
           || (verb == ORM_VERB_SAVEPOINT && !conn->dml_only);
}

int
lite_before_locked(orm_conn *conn, int verb, orm_err *err)
{
    if (conn->failed && verb != ORM_VERB_ROLLBACK) {
        orm_err_set(err, ORM_E_DB,
                    "SQLite has rolled back the transaction after an earlier error: "
                    "call rollback() before going on");
        err->native = SQLITE_ABORT_ROLLBACK;
        return -1;
    }
    if (verb == ORM_VERB_COMMIT || verb == ORM_VERB_SAVEPOINT || verb == ORM_VERB_DDL) {
        lite_buffer_all_locked(conn); /* DDL: a table that is being read is locked */
    }
    if (verb == ORM_VERB_ROLLBACK) {
        lite_close_all_locked(conn);
    }
    if (verb == ORM_VERB_COMMIT || verb == ORM_VERB_ROLLBACK) {
        return 0; /* ends a window as well as a transaction */
    }
    if (!conn->begun || conn->opts.isolation == ORM_ISO_AUTOCOMMIT || verb == ORM_VERB_BEGIN) {
        return conn->window ? end_window_locked(conn, err) : 0;
    }
    const char *whole = whole_begin(conn);
    if (whole != NULL && verb != ORM_VERB_OTHER) {
        return lite_in_tx_locked(conn) ? 0 : begin_whole_locked(conn, whole, err);
    }
    if (verb == ORM_VERB_SELECT) {
        return before_read_locked(conn, err);
    }
    if (is_write(conn, verb)) {
        return before_write_locked(conn, err);
    }
    return conn->window ? end_window_locked(conn, err) : 0;
}

/* Errors after which earlier work of the transaction may be incomplete. */
static bool
spoils_transaction(int rc)
{
    int primary = rc & 0xff;
    return primary == SQLITE_FULL || primary == SQLITE_IOERR || primary == SQLITE_CORRUPT
           || primary == SQLITE_NOTADB;
}

void
lite_after_locked(orm_conn *conn, int verb, bool was_open, int rc)
{
    bool is_open = lite_in_tx_locked(conn);
    bool ends = verb == ORM_VERB_COMMIT || verb == ORM_VERB_ROLLBACK || verb == ORM_VERB_SAVEPOINT;
    if (was_open && !is_open && rc != SQLITE_OK && !conn->window
        && !(ends && verb != ORM_VERB_COMMIT)) {
        conn->failed = true; /* SQLite rolled back by itself */
    }
    if (is_open && !conn->window && spoils_transaction(rc)) {
        conn->failed = true;
    }
    if (!is_open) {
        conn->window = false;
    }
    if (ends && rc == SQLITE_OK && !is_open) {
        conn->failed = false;
    }
}

int
lite_begin(orm_conn *conn, const orm_tx_opts *opts, orm_err *err)
{
    if (lite_enter(conn, orm_mono_now() + LITE_CLOSE_WAIT, err) < 0) {
        return -1;
    }
    int answer = 0;
    if (conn->begun || (lite_in_tx_locked(conn) && !conn->window)) {
        answer = orm_err_set(err, ORM_E_OPEN_TX,
                             "a transaction has already begun on the connection");
    }
    else if (opts->isolation == ORM_ISO_READ_UNCOMMITTED && !conn->uncommitted) {
        answer = lite_run_locked(conn, "PRAGMA read_uncommitted=1", err);
        conn->uncommitted = answer == 0;
    }
    if (answer == 0) {
        conn->opts = *opts;
        conn->begun = true;
    }
    lite_leave(conn);
    return answer;
}

/* The transaction is over: back to what a fresh connection is like. */
static int
settle_locked(orm_conn *conn, orm_err *err)
{
    int answer = 0;
    conn->begun = false;
    conn->window = false;
    conn->failed = false;
    if (conn->query_only) {
        answer = lite_run_locked(conn, "PRAGMA query_only=0", err);
        conn->query_only = answer < 0;
    }
    if (conn->uncommitted && answer == 0) {
        answer = lite_run_locked(conn, "PRAGMA read_uncommitted=0", err);
        conn->uncommitted = answer < 0;
    }
    return answer;
}

int
lite_commit(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    if (lite_enter(conn, deadline, err) < 0) {
        return -1;
    }
    int answer = lite_before_locked(conn, ORM_VERB_COMMIT, err);
    if (answer == 0 && lite_in_tx_locked(conn)) {
        bool window = conn->window;
        answer = lite_run_locked(conn, "COMMIT", err);
        lite_after_locked(conn, ORM_VERB_COMMIT, true, answer < 0 ? err->native : SQLITE_OK);
        if (answer == 0 && window) {
            ORM_COUNT(lite_window_close);
        }
    }
    if (answer == 0) {
        answer = settle_locked(conn, err);
    }
    lite_leave(conn);
    return answer;
}

static int
rollback_locked(orm_conn *conn, orm_err *err)
{
    lite_close_all_locked(conn);
    if (lite_in_tx_locked(conn)) {
        if (conn->window) {
            ORM_COUNT(lite_window_close);
        }
        /* After some errors SQLite has rolled back already and refuses: only the state counts. */
        if (lite_run_locked(conn, "ROLLBACK", err) < 0) {
            if (lite_in_tx_locked(conn)) {
                return -1;
            }
            orm_err_clear(err);
        }
    }
    return settle_locked(conn, err);
}

int
lite_rollback(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    if (lite_enter(conn, deadline, err) < 0) {
        return -1;
    }
    int answer = rollback_locked(conn, err);
    lite_leave(conn);
    return answer;
}

int
lite_savepoint(orm_conn *conn, int what, const char *name, orm_mono deadline, orm_err *err)
{
    static const char *const words[] = {
        [ORM_SP_SET] = "SAVEPOINT \"",
        [ORM_SP_RELEASE] = "RELEASE SAVEPOINT \"",
        [ORM_SP_ROLLBACK_TO] = "ROLLBACK TO SAVEPOINT \"",
    };
    orm_buf sql;
    orm_buf_init(&sql);
    orm_buf_puts(&sql, words[what]);
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '"') {
            orm_buf_putc(&sql, '"');
        }
        orm_buf_putc(&sql, *at);
    }
    orm_buf_putc(&sql, '"');
    int answer = -1;
    if (orm_buf_cstr(&sql) == NULL) {
        orm_err_nomem(err);
    }
    else if (lite_enter(conn, deadline, err) == 0) {
        answer = lite_before_locked(conn, ORM_VERB_SAVEPOINT, err);
        bool was_open = lite_in_tx_locked(conn);
        if (answer == 0) {
            answer = lite_run_locked(conn, sql.p, err);
            int rc = answer < 0 ? err->native : SQLITE_OK;
            lite_after_locked(conn, ORM_VERB_SAVEPOINT, was_open, rc);
        }
        lite_leave(conn);
    }
    orm_buf_fini(&sql);
    return answer;
}

int
lite_freshen(orm_conn *conn)
{
    int ended = 0;
    orm_err ignored;
    orm_err_init(&ignored);
    /* the direct way never sleeps, which is what a caller with the GIL needs */
    if (lite_enter_direct(conn, ORM_NEVER, &ignored) == 0) {
        if (conn->window && orm_list_empty(&conn->cursors)) {
            ended = end_window_locked(conn, &ignored) == 0;
        }
        lite_leave(conn);
    }
    orm_err_fini(&ignored);
    return ended;
}

int
lite_release(orm_conn *conn, orm_err *err)
{
    if (lite_enter(conn, orm_mono_now(), err) < 0) {
        return -1;
    }
    int answer = rollback_locked(conn, err);
    if (answer == 0 && lite_in_tx_locked(conn)) {
        answer = orm_err_set(err, ORM_E_INTERFACE, "ROLLBACK left a transaction open");
    }
    lite_leave(conn);
    return answer < 0 ? -1 : 1;
}
