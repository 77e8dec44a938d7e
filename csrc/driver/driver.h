/*
 * driver.h - the whole database contract: one vtable, two implementations.
 *
 * Place: below exec/ (which gathers parameters and decodes cells) and pool/ (which keeps
 *   connections); above libpq and SQLite. No Python here: values arrive as orm_param and
 *   leave as orm_cell.
 * GIL: every function is called WITHOUT the GIL, except those marked "GIL ok", which
 *   neither block nor take more than a few hundred nanoseconds, and the ORM_FETCH_DIRECT
 *   way of exec and fetch.
 * Locking: a connection has a lock of its own, taken by every function that talks to the
 *   database. A second thread waits for it until its deadline, then ORM_E_REENTRY; the
 *   owner coming back from a callback gets ORM_E_REENTRY at once.
 * Truth: tx_state() is what the database said last, never what we remember sending.
 * Failing functions return -1 and fill the orm_err (base/err.h), connection lock held, so
 *   that nobody else's error is read.
 * Fork: a connection of another process answers ORM_E_FORKED; close() on it is forget().
 */
#ifndef ORM_DRIVER_DRIVER_H
#define ORM_DRIVER_DRIVER_H

#include "base/base.h"

typedef struct orm_conn orm_conn;     /* one per driver; cast only inside it */
typedef struct orm_cursor orm_cursor; /* one running statement and its result */

/* --- opening ------------------------------------------------------------------------- */

/* What a URL says, as text pairs made by exec/. PostgreSQL: libpq keywords as they are.
 * SQLite (all optional; numbers and booleans as text, "1"/"0"):
 *   database      path; "" or ":memory:" is a private database in memory
 *   uri           1: `database` is a file: URI
 *   timeout       seconds to wait for other connections' locks, "5.0" unless given
 *   journal_mode, synchronous, cache_size, mmap_size, foreign_keys, wal_autocheckpoint,
 *   journal_size_limit, locking_mode   pragmas; the value is read back, a difference is an
 *                 error (journal_mode: kept as it is while another connection is busy)
 *   wal_on_create 1: WAL for a database file that has no page yet
 *   read_windows  1: reads in a deferred transaction (WAL and memory databases only)
 *   write_begin   what a transaction of default isolation begins a write with: "IMMEDIATE"
 *                 unless given; "DEFERRED" or "" is pysqlite's way
 *   dml_only      1: pysqlite's way: only INSERT, UPDATE, DELETE, REPLACE begin a transaction
 *   cached_statements  size of the statement cache, "128" unless given
 * Unknown keys are an error. */
typedef struct orm_dsn {
    const char *const *keys;   /* n NUL-terminated texts, borrowed for the call */
    const char *const *values; /* n NUL-terminated texts, borrowed for the call */
    uint32_t n;                /* pairs */
} orm_dsn;

/* The value of a key, NULL when it is not there. */
const char *orm_dsn_get(const orm_dsn *dsn, const char *key);

/* How a driver waits. Copied by set_waiter/open; `arg` must outlive its use. */
typedef struct orm_waiter {
    /* Wait until fd is ready for `events` (poll's bits), at most timeout_ms; answers as
     * poll does. NULL: poll. fd -1: only sleep. */
    int (*wait)(void *arg, int fd, short events, int timeout_ms);
    /* Called without the GIL at least every 100 ms of waiting: signals. -1: an exception is
     * set, give up with ORM_E_SIGNAL. NULL: nothing to check (not the main thread). */
    int (*check)(void *arg);
    void *arg;   /* of both */
    int wake_fd; /* readable when cancel() was called; -1 none */
} orm_waiter;

/* --- values -------------------------------------------------------------------------- */

/* orm_param, orm_cell and the kinds ORM_V_: base/value.h. */

typedef struct orm_coldesc {
    const char *name;     /* NUL-terminated, owned by the cursor */
    uint32_t oid;         /* PostgreSQL: type; SQLite 0 */
    int32_t typmod;       /* PostgreSQL: type modifier; SQLite -1 */
    uint8_t format;       /* PostgreSQL: 0 text, 1 binary; SQLite 0 */
    int16_t table_col;    /* PostgreSQL: attribute number, 0 = an expression */
    uint32_t table_oid;   /* PostgreSQL: table, 0 = an expression */
    const char *decltype; /* SQLite: declared type of the column, NULL for expressions; PG NULL */
} orm_coldesc;

/* --- statements ---------------------------------------------------------------------- */

/* The first word of a statement, comments skipped. UNKNOWN: the driver finds out. */
enum {
    ORM_VERB_UNKNOWN,
    ORM_VERB_SELECT,   /* also VALUES, EXPLAIN, WITH that reads */
    ORM_VERB_INSERT,   /* also REPLACE */
    ORM_VERB_UPDATE,
    ORM_VERB_DELETE,
    ORM_VERB_DML,      /* other changes of rows: MERGE, WITH before a DML */
    ORM_VERB_DDL,      /* CREATE, ALTER, DROP, ... */
    ORM_VERB_OTHER,    /* PRAGMA, SET, VACUUM, ATTACH, CALL, ... */
    ORM_VERB_BEGIN,    /* BEGIN, START TRANSACTION */
    ORM_VERB_COMMIT,   /* COMMIT, END */
    ORM_VERB_ROLLBACK, /* ROLLBACK, ABORT; not ROLLBACK TO */
    ORM_VERB_SAVEPOINT /* SAVEPOINT, RELEASE, ROLLBACK TO */
};

/* Look at the first words of a text. WITH answers UNKNOWN: only the database can tell. */
int orm_sql_verb(const char *sql, size_t len);

enum {
    ORM_TEXT_OWN_SHAPE = 1,  /* the ORM's own statement: PostgreSQL names it at first use */
    ORM_TEXT_NO_PREPARE = 2, /* PostgreSQL: always unnamed, a custom plan each time */
    ORM_TEXT_BOUNDED = 4,    /* few rows: libpq buffers them */
    ORM_TEXT_UNIQUE_GET = 8  /* at most one row, found by key */
};

/* The text that goes over the wire; frozen, usually part of a compiled statement. */
typedef struct orm_sqltext {
    const char *sql; /* NUL-terminated */
    size_t len;      /* bytes without the NUL */
    uint64_t id;     /* unique in the process: key of the statement caches. 0: keyed by the
                      * text's bytes in SQLite, not cached in PostgreSQL */
    uint8_t verb;    /* ORM_VERB_ */
    uint8_t flags;   /* ORM_TEXT_ */
} orm_sqltext;

enum {
    ORM_FETCH_BUFFER = 0, /* the whole result will be read now */
    ORM_FETCH_STREAM = 1, /* rows are wanted as they come, memory stays flat */
    ORM_FETCH_NONE = 2,   /* rows, if any, are thrown away */
    ORM_FETCH_DIRECT = 16 /* SQLite, GIL held: see exec and fetch */
};

typedef struct orm_call {
    const orm_sqltext *text; /* borrowed: must outlive the cursor */
    const orm_param *params; /* nparams of them (exec_many: nsets * nparams, row major) */
    uint32_t nparams;        /* parameters of one execution */
    uint8_t mode;            /* ORM_FETCH_BUFFER, _STREAM, _NONE; exec on SQLite also _DIRECT */
    orm_mono deadline;       /* of the statement and of reading its result; ORM_NEVER */
} orm_call;

/* Some rows of a result. */
typedef struct orm_batch {
    uint32_t nrows;        /* 0 together with `last`: the end */
    uint32_t ncols;        /* cells per row */
    bool last;             /* nothing comes after these rows */
    const void *impl;      /* the driver's own (PGresult) */
    const orm_cell *cells; /* nrows * ncols, row major; NULL: ask row() for each */
} orm_batch;

/* --- transactions -------------------------------------------------------------------- */

enum {
    ORM_ISO_DEFAULT,
    ORM_ISO_AUTOCOMMIT,
    ORM_ISO_READ_UNCOMMITTED,
    ORM_ISO_READ_COMMITTED,
    ORM_ISO_REPEATABLE_READ,
    ORM_ISO_SERIALIZABLE, /* SQLite: BEGIN (deferred), kept to the end */
    ORM_ISO_IMMEDIATE     /* SQLite: BEGIN IMMEDIATE at the first statement */
};

typedef struct orm_tx_opts {
    uint8_t isolation; /* ORM_ISO_ */
    int8_t readonly;   /* 1, 0; -1 not given */
    int8_t deferrable; /* 1, 0; -1 not given. SQLite ignores it */
} orm_tx_opts;

enum {
    ORM_TX_IDLE,    /* no transaction, none noted */
    ORM_TX_PENDING, /* begin() was called, nothing sent: BEGIN comes with a statement */
    ORM_TX_WINDOW,  /* SQLite: a read window is open; ending it loses nothing */
    ORM_TX_OPEN,    /* in a transaction */
    ORM_TX_FAILED,  /* only rollback() is possible */
    ORM_TX_UNKNOWN  /* the connection is lost or busy in the middle of something */
};

enum { ORM_SP_SET, ORM_SP_RELEASE, ORM_SP_ROLLBACK_TO };

/* --- the vtable ---------------------------------------------------------------------- */

typedef struct orm_driver {
    const char *name; /* "postgresql", "sqlite" */
    uint8_t dialect;  /* ORM_PG, ORM_LITE */

    /* Connect and set up. The waiter is copied (NULL: poll, no checks). */
    int (*open)(const orm_dsn *, orm_mono deadline, const orm_waiter *, orm_conn **, orm_err *);
    /* Closes open cursors, rolls back, frees. Bounded: 5 s at most. Never fails. */
    void (*close)(orm_conn *);

    /* Note that a transaction begins. PostgreSQL: BEGIN travels with the first statement.
     * SQLite: DEFAULT begins what each statement needs (read window, write). */
    int (*begin)(orm_conn *, const orm_tx_opts *, orm_err *);
    /* Unread results are read to their end first. No transaction: 0, nothing is sent. */
    int (*commit)(orm_conn *, orm_mono deadline, orm_err *);
    /* Unread results are closed first. No transaction: 0, nothing is sent. */
    int (*rollback)(orm_conn *, orm_mono deadline, orm_err *);
    /* `what` is ORM_SP_; the driver quotes the name. SET opens the transaction that begin()
     * noted. PostgreSQL: SET travels with the next statement. */
    int (*savepoint)(orm_conn *, int what, const char *name, orm_mono deadline, orm_err *);

    /* Run one statement. On 0 the head of the result is known: columns(); rows by fetch.
     * A statement without rows has run to its end. mode ORM_FETCH_DIRECT (SQLite): the
     * caller holds the GIL and the statement is short; where the driver would have to wait
     * nothing has happened and it returns 1: call again without the GIL. */
    int (*exec)(orm_conn *, const orm_call *, orm_cursor **, orm_err *);
    /* Next rows; the batch's cells are valid until the next fetch on the cursor, or its
     * close. flags 0: a batch (SQLite: a slice of about 1 ms). ORM_FETCH_DIRECT (SQLite):
     * the caller holds the GIL; one row, cells valid until the next call on the connection;
     * nrows 0 without `last` means it would have to wait: call again without the flag. */
    int (*fetch)(orm_cursor *, int flags, orm_batch *, orm_err *);
    /* Cells of row i of a batch; `scratch` has room for ncols cells. GIL ok. */
    const orm_cell *(*row)(const orm_batch *, uint32_t i, orm_cell *scratch);
    /* Frees the cursor; drains or cancels what is unread. SQLite: GIL ok; where another
     * thread is inside the connection the work is left to that thread. */
    void (*cursor_close)(orm_cursor *);
    /* n descriptions, owned by the cursor. GIL ok. */
    const orm_coldesc *(*columns)(orm_cursor *, uint32_t *n);
    /* Rows changed (DML), -1 unknown or not DML. GIL ok. */
    int64_t (*rowcount)(orm_cursor *);
    /* SQLite: rowid of the last row this statement inserted, 0 none. PG: 0. GIL ok. */
    int64_t (*lastrowid)(orm_cursor *);

    /* Run one statement for every parameter set. counts: rows changed per set (or NULL);
     * lastrowids: SQLite, per set (or NULL); rows: a cursor over the RETURNING rows of all
     * sets in order (or NULL: they are thrown away). On -1 err->row is the failing set;
     * sets before it have run. */
    int (*exec_many)(orm_conn *, const orm_call *, uint32_t nsets, int64_t *counts,
                     int64_t *lastrowids, orm_cursor **rows, orm_err *);
    /* PostgreSQL: COPY ... FROM STDIN with all of `data`. SQLite: NULL. */
    int (*copy_in)(orm_conn *, const orm_sqltext *, const orm_buf *data, int64_t *rows,
                   orm_mono deadline, orm_err *);
    /* Several statements in one text, no parameters, rows thrown away, no BEGIN added.
     * err->row is the index of the failing one where it is known. */
    int (*script)(orm_conn *, const char *sql, size_t len, orm_mono deadline, orm_err *);

    /* ORM_TX_. GIL ok. */
    int (*tx_state)(const orm_conn *);
    /* End a read window that no result is using, so that the next read sees what others
     * committed since (refresh, expire_all, the pool's reaper): 1 it was open, 0 nothing to
     * do or in use. Never blocks. PostgreSQL: always 0. GIL ok. */
    int (*freshen)(orm_conn *);
    /* Give the connection back: 1 idle and clean; 0 ROLLBACK sent, settle() must follow
     * (the pool's state SETTLING); -1 close it. Never blocks on the network. */
    int (*release)(orm_conn *, orm_err *);
    /* Read what release() left outstanding: 0 idle and clean, -1 close it. */
    int (*settle)(orm_conn *, orm_mono deadline, orm_err *);
    /* 1 as far as can be seen without a round trip, 0 dead. GIL ok. */
    int (*alive)(orm_conn *);
    /* One round trip. */
    int (*ping)(orm_conn *, orm_mono deadline, orm_err *);

    /* Replaces the waiter (copied; NULL: poll, no checks). GIL ok. */
    void (*set_waiter)(orm_conn *, const orm_waiter *);
    /* Stop the running statement: from any thread. GIL ok. */
    void (*cancel)(orm_conn *);
    /* sqlite3 * or PGconn *. GIL ok. */
    void *(*native)(orm_conn *);
    /* In a forked child: give up the memory and file descriptors without a word to the
     * database. Instead of close(). */
    void (*forget)(orm_conn *);
    /* Times this connection blocked so far (round trips; SQLite: sleeps). GIL ok. */
    uint64_t (*waits)(const orm_conn *);
    /* Most parameters of one statement. GIL ok. */
    uint32_t (*max_params)(const orm_conn *);
} orm_driver;

const orm_driver *orm_driver_pg(void);
const orm_driver *orm_driver_lite(void);

/* --- SQLite only --------------------------------------------------------------------- */

/* The answer of a user's SQL function; opaque, valid during the call only. */
typedef struct orm_lite_result orm_lite_result;
void orm_lite_result_null(orm_lite_result *);
void orm_lite_result_int(orm_lite_result *, int64_t);
void orm_lite_result_real(orm_lite_result *, double);
/* Both copy the bytes. */
void orm_lite_result_text(orm_lite_result *, const char *, int32_t len);
void orm_lite_result_blob(orm_lite_result *, const char *, int32_t len);
void orm_lite_result_error(orm_lite_result *, const char *message);

/* Called without the GIL (or with it, in the DIRECT way: PyGILState_Ensure serves both),
 * connection lock held: using the connection inside answers ORM_E_REENTRY. No exception may
 * cross: answer by orm_lite_result_error. */
typedef void (*orm_lite_call)(void *user, const orm_cell *args, uint32_t nargs, orm_lite_result *);

typedef struct orm_lite_func {
    const char *name;             /* NUL-terminated */
    int nargs;                    /* -1: any number */
    bool deterministic;           /* same arguments, same answer: usable in indexes */
    orm_lite_call call;           /* scalar function; NULL for an aggregate */
    /* Aggregate: state is `state_size` zeroed bytes per group (state_size > 0). `final` is
     * called once per group, also with a state never stepped. */
    void (*step)(void *user, void *state, const orm_cell *args, uint32_t nargs, orm_lite_result *);
    void (*final)(void *user, void *state, orm_lite_result *);
    size_t state_size;            /* bytes, aggregates only */
    void *user;                   /* first argument of all */
    void (*destroy)(void *user);  /* called once when replaced, closed or refused; may be NULL */
} orm_lite_func;

/* call == NULL and step == NULL: remove the function. */
int orm_lite_create_function(orm_conn *, const orm_lite_func *, orm_err *);
/* cmp as memcmp over UTF-8; NULL removes it. */
int orm_lite_create_collation(orm_conn *, const char *name,
                              int (*cmp)(void *user, const char *a, int32_t alen, const char *b,
                                         int32_t blen),
                              void *user, void (*destroy)(void *user), orm_err *);

#endif /* ORM_DRIVER_DRIVER_H */
