/*
 * lite_int.h - the SQLite driver's own structs; included by lite_*.c only.
 *
 * The files: lite_open.c (opening, pragmas, closing), lite_lock.c (who is inside, waiting,
 * cancelling), lite_err.c (result codes to orm_err), lite_tx.c (windows and transactions),
 * lite_stmt.c (compiled statements), lite_step.c (running), lite_result.c (cursors),
 * lite_func.c (functions of the user), lite_extra.c (copies, limits, trace), lite.c (vtable).
 * Locking: everything in orm_conn is guarded by `lock`, but for the atomics. Functions that
 * end in _locked want it held.
 * Statements in use belong to a cursor, all others to the cache. Between two calls on the
 * connection every statement that is not owned by a cursor in `cursors` is reset.
 */
#ifndef ORM_DRIVER_LITE_INT_H
#define ORM_DRIVER_LITE_INT_H

#include <sqlite3.h>

#include "driver/driver.h"
#include "driver/stmt_cache.h"

#define LITE_WINDOW_AGE (100 * ORM_MONO_MS) /* a read window older than this is renewed */
#define LITE_CLOSE_WAIT (5 * ORM_MONO_S)    /* close waits so long for the connection's user */

/* Names and declared types of a result's columns, shared by a statement and its cursors. */
typedef struct lite_head {
    _Atomic uint32_t refs; /* the statement's, and one per cursor */
    uint32_t n;            /* columns */
    int reprepared;        /* SQLITE_STMTSTATUS_REPREPARE when this was read: stale if it differs */
    orm_coldesc cols[];    /* n; the texts stand behind them in the same block */
} lite_head;

/* A compiled statement. */
typedef struct lite_stmt {
    orm_stmt_entry entry; /* first: the cache's part; key.sql is `sql` */
    sqlite3_stmt *st;     /* NULL for a text without a statement (empty, comments) */
    char *sql;            /* owned copy for keys by bytes; NULL for keys by id */
    lite_head *head;      /* made when first needed; NULL before */
    uint32_t nparams;     /* the highest parameter number */
    uint8_t verb;         /* ORM_VERB_, never UNKNOWN: SQLite told */
    bool moves_mode;      /* a PRAGMA or ATTACH that may change whether windows are possible */
} lite_stmt;

/* Rows that were read ahead, in the order of the result. */
typedef struct lite_kept {
    struct lite_kept *next; /* NULL: the last */
    uint32_t nrows;         /* rows in here */
    uint32_t given;         /* of these handed out already (one by one in the DIRECT way) */
    uint32_t cap;           /* rows there is room for */
    orm_cell cells[];       /* nrows * ncols */
} lite_kept;

struct orm_cursor {
    orm_list link;              /* in conn->cursors while active; alone otherwise */
    _Atomic(struct orm_conn *) conn; /* NULL: detached, nothing to read from the database */
    orm_cursor *next_dead;      /* chain of conn->dead */
    lite_stmt *stmt;            /* owned while active; NULL otherwise */
    lite_head *head;            /* a reference; NULL: no columns */
    bool pending;               /* the statement stands on a row that nobody has seen */
    bool closed;                /* rows were lost to a ROLLBACK or close: fetch is an error */
    orm_mono deadline;          /* of the call */
    int64_t rowcount;           /* rows changed; -1 */
    int64_t lastrowid;          /* rowid inserted last; 0 */
    orm_arena arena;            /* bytes of the slice handed out last */
    orm_cell *cells;            /* malloc'ed cells of that slice, or of one row */
    uint32_t cap;               /* cells allocated */
    orm_arena kept_arena;       /* bytes and cells of `kept` */
    lite_kept *kept, *kept_end; /* rows read ahead; NULL none */
    orm_err late;               /* what stopped the reading ahead; told after the kept rows */
};

/* Who is told of statements; all NULL: nobody. */
typedef struct lite_trace {
    void (*call)(void *user, const char *sql);
    void *user;                  /* first argument of both */
    void (*destroy)(void *user); /* NULL: nothing to do */
} lite_trace;

struct orm_conn {
    sqlite3 *db;                /* NULL after forget or a failed open */
    orm_lock lock;              /* guards all that follows, but for the atomics */
    uint32_t epoch;             /* orm_fork_epoch() of the opening process */
    orm_stmt_cache cache;       /* lite_stmt that are not running */
    orm_list cursors;           /* active cursors */
    _Atomic(orm_cursor *) dead; /* cursors closed while another thread was inside */
    bool doomed;                /* closed from inside a callback: freed when the call ends */

    bool use_windows;           /* option read_windows */
    bool can_window;            /* the journal mode allows a long reader */
    bool shared_memory;         /* shared cache or memdb: table locks, so no windows */
    bool dml_only;              /* option dml_only */
    bool optimize;              /* option optimize: PRAGMA optimize at close, if `wrote` */
    char begin_write[24];       /* "BEGIN IMMEDIATE" or what write_begin says */
    orm_mono busy_timeout;      /* ns to wait for locks of other connections */
    uint32_t max_params;        /* SQLITE_LIMIT_VARIABLE_NUMBER */

    lite_trace trace;           /* set by orm_lite_trace */

    orm_tx_opts opts;           /* of the transaction noted by begin */
    bool begun;                 /* begin was called and not ended by commit, rollback */
    bool window;                /* the open transaction is a read window */
    bool failed;                /* work of the open transaction is lost: only rollback */
    bool query_only;            /* PRAGMA query_only is on for this transaction */
    bool uncommitted;           /* PRAGMA read_uncommitted is on for this transaction */
    bool wrote;                 /* a write transaction was begun in this connection's life */
    orm_mono window_since;      /* when the window was begun */
    _Atomic uint8_t state;      /* ORM_TX_ as of the last call's end */

    orm_waiter waiter;          /* zeros: poll, no checks */
    orm_mono deadline;          /* of the running call */
    orm_mono busy_until;        /* of the lock being waited for */
    orm_mono check_at;          /* when to look at signals again; 0 at the start of a call */
    bool direct;                /* the caller holds the GIL: never sleep */
    bool signalled;             /* the waiter's check said stop */
    atomic_bool cancelled;      /* cancel was called during the running call */
    _Atomic uint64_t waits;     /* sleeps */
};

/* --- lite_lock.c: who is inside ------------------------------------------------------- */
/* Take the connection for one call: 0, or -1 with the reason. */
int lite_enter(orm_conn *conn, orm_mono deadline, orm_err *err);
/* As lite_enter but never waits: 0; 1 somebody else is inside; -1 with the reason. */
int lite_enter_direct(orm_conn *conn, orm_mono deadline, orm_err *err);
/* The call is over. `conn` may be gone afterwards if it was closed from inside. */
void lite_leave(orm_conn *conn);
int lite_busy_handler(void *conn, int count);
/* May the running call go on? 0, or -1: cancelled, signal, deadline. */
int lite_check_locked(orm_conn *conn, orm_err *err);
/* SQLite asks every LITE_PROGRESS_OPS of its steps; not 0: stop with SQLITE_INTERRUPT. */
enum { LITE_PROGRESS_OPS = 20000 };
int lite_progress_handler(void *conn);
void lite_set_waiter(orm_conn *conn, const orm_waiter *waiter);
void lite_cancel(orm_conn *conn);

/* --- lite_err.c ------------------------------------------------------------------------ */
/* Fill err from the connection's last error; `rc` as returned. Always -1. */
int lite_fail_locked(orm_conn *conn, int rc, orm_err *err);
/* Details of a constraint's message. */
void lite_parse_constraint(orm_err *err, const char *message);

/* --- lite_stmt.c ----------------------------------------------------------------------- */
/* A compiled statement from the cache or newly made; 0, or -1 (SQLITE_BUSY in native). */
int lite_stmt_take_locked(orm_conn *conn, const orm_sqltext *text, lite_stmt **out, orm_err *err);
/* Reset it and put it back into the cache. */
void lite_stmt_give_locked(orm_conn *conn, lite_stmt *stmt);
void lite_stmt_free(lite_stmt *stmt);
/* Bind one row of parameters without copying them. */
int lite_stmt_bind_locked(orm_conn *conn, lite_stmt *stmt, const orm_param *params, uint32_t n,
                          orm_err *err);
/* The head of the statement as it is now, one reference for the caller; NULL no memory. */
lite_head *lite_stmt_head_locked(lite_stmt *stmt);
void lite_head_drop(lite_head *head);
/* Run a fixed text without parameters and rows. */
int lite_run_locked(orm_conn *conn, const char *sql, orm_err *err);
/* First column of the first row of `sql` as text into out ("" for none); 0 or -1. */
int lite_ask_locked(orm_conn *conn, const char *sql, char *out, size_t size, orm_err *err);

/* --- lite_tx.c ------------------------------------------------------------------------- */
/* Begin, renew or end what a statement of this verb needs before it runs. */
int lite_before_locked(orm_conn *conn, int verb, orm_err *err);
/* Look at the connection after a statement of this verb, failed or not. */
void lite_after_locked(orm_conn *conn, int verb, bool was_open, int rc);
/* In a transaction, window or not. */
bool lite_in_tx_locked(const orm_conn *conn);
int lite_state_locked(const orm_conn *conn);
void lite_look_at_journal_locked(orm_conn *conn);
int lite_begin(orm_conn *, const orm_tx_opts *, orm_err *);
int lite_commit(orm_conn *, orm_mono, orm_err *);
int lite_rollback(orm_conn *, orm_mono, orm_err *);
int lite_savepoint(orm_conn *, int what, const char *name, orm_mono, orm_err *);
int lite_freshen(orm_conn *);
int lite_release(orm_conn *, orm_err *);

/* --- lite_step.c ----------------------------------------------------------------------- */
int lite_exec(orm_conn *, const orm_call *, orm_cursor **, orm_err *);
int lite_exec_many(orm_conn *, const orm_call *, uint32_t nsets, int64_t *counts,
                   int64_t *lastrowids, orm_cursor **rows, orm_err *);
int lite_script(orm_conn *, const char *sql, size_t len, orm_mono, orm_err *);
int lite_ping(orm_conn *, orm_mono, orm_err *);

/* --- lite_result.c --------------------------------------------------------------------- */
/* A cursor over a statement it then owns, in conn->cursors; NULL no memory. */
orm_cursor *lite_cursor_new_locked(orm_conn *conn, lite_stmt *stmt, orm_mono deadline);
/* Give the statement back and take the cursor off the connection; kept rows stay. */
void lite_cursor_detach_locked(orm_conn *conn, orm_cursor *cur);
/* Read what is left into memory and detach: 0, or -1 (the cursor keeps the error too). */
int lite_cursor_buffer_locked(orm_conn *conn, orm_cursor *cur, orm_err *err);
/* Append the row the statement stands on to the kept rows; -1 no memory. */
int lite_cursor_keep_row_locked(orm_cursor *cur);
/* Take a reference to the statement's columns; -1 no memory. */
int lite_cursor_describe_locked(orm_cursor *cur);
void lite_cursor_free(orm_cursor *cur);
/* Buffer or close all active cursors, so that nothing reads across the end of a transaction. */
void lite_buffer_all_locked(orm_conn *conn);
void lite_close_all_locked(orm_conn *conn);
int lite_fetch(orm_cursor *, int flags, orm_batch *, orm_err *);
const orm_cell *lite_row(const orm_batch *, uint32_t i, orm_cell *scratch);
void lite_cursor_close(orm_cursor *);
const orm_coldesc *lite_columns(orm_cursor *, uint32_t *n);
int64_t lite_rowcount(orm_cursor *);
int64_t lite_lastrowid(orm_cursor *);

/* --- lite_extra.c ---------------------------------------------------------------------- */
void lite_trace_drop(orm_conn *conn);

/* --- lite_open.c ----------------------------------------------------------------------- */
int lite_open(const orm_dsn *, orm_mono deadline, const orm_waiter *, orm_conn **, orm_err *);
void lite_close(orm_conn *);
void lite_forget(orm_conn *);
/* Free a connection nobody is inside of. */
void lite_conn_free(orm_conn *conn);

#endif /* ORM_DRIVER_LITE_INT_H */
