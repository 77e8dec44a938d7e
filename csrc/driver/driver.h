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
#include "driver/lite_user.h"
#include "driver/statement.h"

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
     * thread is inside the connection the work is left to that thread. Never from a
     * callback of the very statement that the cursor is running. */
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
    /* Several statements in one NUL-terminated text, no parameters, rows thrown away, no
     * BEGIN added. err->row is the index of the failing one where it is known. */
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

/* Versions of the libraries that are linked: libpq's as it counts (150020 is 15.20), SQLite's as text, and the id
 * of SQLite's source: two different ones in a process are two copies, which break each other's file locks. */
int orm_pg_library_version(void);
const char *orm_lite_library_version(void);
const char *orm_lite_source_id(void);

const orm_driver *orm_driver_pg(void);
const orm_driver *orm_driver_lite(void);

#endif /* ORM_DRIVER_DRIVER_H */
