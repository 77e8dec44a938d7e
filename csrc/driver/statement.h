/*
 * statement.h - what goes into a driver and comes out of it: options, values, texts, rows.
 *
 * Place: part of driver.h, which is what other folders include. Plain data without
 *   functions of its own but for two readers (orm_dsn_get, orm_sql_verb). Nothing here owns
 *   memory: who filled a pointer keeps it alive as long as the field's comment says.
 */
#ifndef ORM_DRIVER_STATEMENT_H
#define ORM_DRIVER_STATEMENT_H

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
 *   optimize      1: PRAGMA optimize when a connection that wrote is closed
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

/* Look at the first words of a text. WITH answers UNKNOWN: only the database can tell. */
int orm_sql_verb(const char *sql, size_t len);

enum {
    ORM_FETCH_BUFFER = 0, /* the whole result will be read now */
    ORM_FETCH_STREAM = 1, /* rows are wanted as they come, memory stays flat */
    ORM_FETCH_NONE = 2,   /* rows, if any, are thrown away */
    ORM_FETCH_WHOLE = 3,  /* read to its end at once: buffered or streamed, as is faster */
    ORM_FETCH_DIRECT = 16 /* SQLite, GIL held: see exec and fetch */
};

typedef struct orm_call {
    const orm_sqltext *text; /* borrowed: must outlive the cursor */
    const orm_param *params; /* nparams of them (exec_many: nsets * nparams, row major) */
    uint32_t nparams;        /* parameters of one execution */
    uint8_t mode;            /* ORM_FETCH_BUFFER … _WHOLE; exec on SQLite also _DIRECT */
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

#endif /* ORM_DRIVER_STATEMENT_H */
