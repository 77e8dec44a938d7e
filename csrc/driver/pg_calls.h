/*
 * pg_calls.h - functions of the PostgreSQL driver's files, for each other.
 *
 * Place: private to csrc/driver/pg_*.c; the structs and the invariants stand in pg_int.h.
 * Unless it says otherwise a function expects conn->lock to be held. The functions of the
 *   vtable, which take the lock themselves, come last; driver.h says what they do.
 */
#ifndef ORM_DRIVER_PG_CALLS_H
#define ORM_DRIVER_PG_CALLS_H

#include "driver/pg_int.h"

/* --- pg_wait.c: the only places that block --------------------------------------------- */

/* Wait until fd is ready. ORM_OK, _TIMEOUT, _SIGNAL, _CANCELLED or _LOST. No lock needed. */
orm_code orm_pg_poll(const orm_waiter *w, atomic_int *cancelled, int fd, short events,
                     orm_mono deadline);
/* One guarded wait for the server; sends and receives what can be. */
orm_code orm_pg_wait(pg_conn *c, orm_mono deadline);
/* Hand libpq's output to the kernel, as far as it takes it. -1: lost. */
int orm_pg_flush(pg_conn *c, orm_err *err);
/* PQgetResult without blocking in libpq; *out may become NULL as there. On -1 the line is
   clean again or the connection lost, and err says why. */
int orm_pg_result(pg_conn *c, orm_mono deadline, PGresult **out, orm_err *err);
/* Read and drop everything up to the last Sync. -1: the connection is lost. */
int orm_pg_drain(pg_conn *c, orm_mono deadline);
/* A wait ended with `code`: cancel what runs and clear the line. Always -1. */
int orm_pg_interrupt(pg_conn *c, orm_code code, orm_err *err);
/* Lock, check the process and the state; every entry point begins with it. */
int orm_pg_enter(pg_conn *c, orm_mono deadline, orm_err *err);
void orm_pg_leave(pg_conn *c);

/* --- pg_cancel.c ------------------------------------------------------------------------ */

/* Ask the server to stop what runs, wait until it took the request. -1: not reached. */
int orm_pg_cancel_running(pg_conn *c, orm_mono deadline);

/* --- pg_error.c -------------------------------------------------------------------------- */

/* A failed result becomes err. Always -1. */
int orm_pg_fail(pg_conn *c, const PGresult *res, orm_err *err);
/* The link broke: err gets the server's last words. Always -1. */
int orm_pg_fail_lost(pg_conn *c, orm_err *err);
/* PQsend... refused: no memory, or the link is broken. Always -1. */
int orm_pg_fail_send(pg_conn *c, orm_err *err);
/* The notice receiver: keeps a FATAL, drops the rest. arg is the pg_conn. */
void orm_pg_notice(void *arg, const PGresult *res);
/* The failure means that a prepared statement is stale: result type, 26000, 42P05. */
bool orm_pg_is_stale(const pg_conn *c, const orm_err *err);

/* --- pg_prepared.c ----------------------------------------------------------------------- */

/* Look the statement up and count `times` uses. *out: entry to run by name (`ready` says
   whether it must be parsed first), or NULL: run unnamed. -1: no memory. */
int orm_pg_stmt_use(pg_conn *c, uint64_t id, size_t bytes, uint8_t flags, const Oid *oids,
                    uint32_t noids, uint32_t times, pg_stmt **out, orm_err *err);
/* The server does not have it, or not as it should be: forget the name, count from there. */
void orm_pg_stmt_stale(pg_conn *c, pg_stmt *s, bool close);
/* It is not known which of the names the server has: new ones for all. */
void orm_pg_stmt_rename_all(pg_conn *c);
/* DISCARD ALL and DEALLOCATE ALL: the server has none of them any more. */
void orm_pg_stmt_forget_all(pg_conn *c);
void orm_pg_stmt_free_all(pg_conn *c);

/* --- pg_pipeline.c ----------------------------------------------------------------------- */

/* Remember that an item is on the line. -1: no memory, nothing changed. */
int orm_pg_push(pg_conn *c, pg_item_kind kind, pg_stmt *stmt, orm_err *err);
/* Make room for n parameters in values, lengths, formats, oids. */
int orm_pg_scratch(pg_conn *c, uint32_t n, orm_err *err);
/* One set of parameters into the scratch arrays; returns the bytes they take. */
size_t orm_pg_bind(pg_conn *c, const orm_param *params, uint32_t n);
/* What travels before a statement: ROLLBACK, BEGIN, Closes, SAVEPOINTs. */
int orm_pg_send_prefix(pg_conn *c, orm_err *err);
/* Parse of s under its name. */
int orm_pg_send_parse(pg_conn *c, pg_stmt *s, const char *sql, const Oid *oids, uint32_t n,
                      orm_err *err);
/* One command without parameters; id 0: never named. */
int orm_pg_send_control(pg_conn *c, pg_item_kind kind, uint64_t id, const char *sql,
                        orm_err *err);
/* Sync, and everything to the kernel as far as it goes. */
int orm_pg_send_sync(pg_conn *c, orm_err *err);
/* Read the answers up to the MAIN item or, where there is none, the Sync. 1: `wait` is
   false and they are not all here. */
int orm_pg_read_prefix(pg_conn *c, bool wait, orm_mono deadline, orm_err *err);
/* Step over MAIN items without answers to come. */
void orm_pg_skip_answered(pg_conn *c);
/* Read the rest of the segment, dropping results; the first failure goes to err (err may
   already be filled: it stays). Sets status. 0, or -1 when err is filled. */
int orm_pg_finish(pg_conn *c, orm_mono deadline, orm_err *err);
/* Command, Sync and its answers, nothing before it. tag: 32 bytes or NULL. */
int orm_pg_run_control(pg_conn *c, uint64_t id, const char *sql, char *tag,
                       orm_mono deadline, orm_err *err);
/* status at a Sync: also keeps or forgets why the transaction failed. */
void orm_pg_at_sync(pg_conn *c, const orm_err *err);
/* Leave and enter pipeline mode; the line must be clean. */
int orm_pg_leave_pipeline(pg_conn *c, orm_err *err);
int orm_pg_enter_pipeline(pg_conn *c, orm_err *err);

/* --- pg_exec.c, pg_tx.c, pg_copy.c, pg_script.c -------------------------------------------- */

/* BEGIN with its options: its text and the id of its statement. */
const char *orm_pg_begin_text(const orm_tx_opts *opts, char text[96], uint64_t *id);
/* The segment failed with a stale statement and nothing was open before it: make the next
   try start afresh. true: try again. */
bool orm_pg_may_retry(pg_conn *c, bool was_idle, pg_stmt *s, orm_err *err);
/* The next segment undoes the failed one first, and sends its savepoints again. */
void orm_pg_prepare_retry(pg_conn *c);
/* Inside exec: several statements by the simple protocol; *last: the last result with rows,
   or the last one. */
int orm_pg_script_run(pg_conn *c, const char *sql, orm_mono deadline, PGresult **last,
                      orm_err *err);
/* More than one statement stands in the text (quotes, dollar quotes and comments known). */
bool orm_pg_is_script(const char *sql, size_t len);

/* --- pg_result.c ------------------------------------------------------------------------ */

/* An empty cursor of the connection; NULL: no memory. */
pg_cursor *orm_pg_cursor_new(pg_conn *c, orm_mono deadline);
/* Takes the result over; on -1 it is freed. */
int orm_pg_cursor_add(pg_cursor *cur, PGresult *res);
/* Read a streamed result to its end, so that the line is free: at an error the cursor keeps
   it. -1: the line did not become clean; err filled. */
int orm_pg_stream_buffer(pg_conn *c, orm_err *err);
/* The connection goes away or is rolled back: the cursor keeps what it has and says
   `message` afterwards. */
void orm_pg_stream_cut(pg_conn *c, const char *message);
/* Rows of the command tag; -1 where it names none. */
int64_t orm_pg_count_of(PGresult *res);

/* --- the vtable --------------------------------------------------------------------------- */

int orm_pg_begin(orm_conn *conn, const orm_tx_opts *opts, orm_err *err);
int orm_pg_commit(orm_conn *conn, orm_mono deadline, orm_err *err);
int orm_pg_rollback(orm_conn *conn, orm_mono deadline, orm_err *err);
int orm_pg_savepoint(orm_conn *conn, int what, const char *name, orm_mono deadline,
                     orm_err *err);
int orm_pg_tx_state(const orm_conn *conn);
int orm_pg_release(orm_conn *conn, orm_err *err);
int orm_pg_settle(orm_conn *conn, orm_mono deadline, orm_err *err);
int orm_pg_ping(orm_conn *conn, orm_mono deadline, orm_err *err);
int orm_pg_exec(orm_conn *conn, const orm_call *call, orm_cursor **out, orm_err *err);
int orm_pg_exec_many(orm_conn *conn, const orm_call *call, uint32_t nsets, int64_t *counts,
                     int64_t *lastrowids, orm_cursor **rows, orm_err *err);
int orm_pg_fetch(orm_cursor *cursor, int flags, orm_batch *batch, orm_err *err);
const orm_cell *orm_pg_row(const orm_batch *batch, uint32_t i, orm_cell *scratch);
void orm_pg_cursor_close(orm_cursor *cursor);
const orm_coldesc *orm_pg_columns(orm_cursor *cursor, uint32_t *n);
int64_t orm_pg_rowcount(orm_cursor *cursor);
int64_t orm_pg_lastrowid(orm_cursor *cursor);
int orm_pg_copy_in(orm_conn *conn, const orm_sqltext *text, const orm_buf *data,
                   int64_t *rows, orm_mono deadline, orm_err *err);
int orm_pg_script(orm_conn *conn, const char *sql, size_t len, orm_mono deadline,
                  orm_err *err);
int orm_pg_open(const orm_dsn *dsn, orm_mono deadline, const orm_waiter *waiter,
                orm_conn **out, orm_err *err);
void orm_pg_close(orm_conn *conn);
void orm_pg_forget(orm_conn *conn);
void orm_pg_set_waiter(orm_conn *conn, const orm_waiter *waiter);
int orm_pg_alive(orm_conn *conn);
void orm_pg_cancel(orm_conn *conn);

#endif /* ORM_DRIVER_PG_CALLS_H */
