/*
 * lite_err.c - SQLite's result codes and messages to orm_err.
 *
 * SQLite has no fields for the constraint of an error, only its message, whose forms have
 * been the same since 3.7.17 (2013) and are in no way translated:
 *   UNIQUE constraint failed: t.a, t.b      (also for PRIMARY KEY)
 *   UNIQUE constraint failed: index 'name'  (an index over expressions)
 *   NOT NULL constraint failed: t.a
 *   CHECK constraint failed: name           (the expression where it has no name)
 *   FOREIGN KEY constraint failed
 *   cannot store TEXT value in INTEGER column t.a   (STRICT tables)
 */
#include "driver/lite_int.h"

static void
set_text(orm_err *err, int which, const char *from, const char *to)
{
    orm_err_set_text(err, which, from, (size_t)(to - from));
}

/* "t.a, t.b": the table once, the columns joined. Names may contain dots and commas: the
 * table is what stands before the last dot of the first item, and an item ends where a
 * comma is followed by the same table again. */
static void
parse_columns(orm_err *err, const char *list)
{
    orm_buf columns;
    orm_buf again;
    const char *end = list + strlen(list);
    const char *comma = strstr(list, ", ");
    const char *dot = NULL;
    for (const char *at = list; at < (comma == NULL ? end : comma); at++) {
        dot = *at == '.' ? at : dot;
    }
    if (dot == NULL) {
        return;
    }
    orm_buf_init(&columns);
    orm_buf_init(&again);
    orm_buf_puts(&again, ", ");
    orm_buf_put(&again, list, (size_t)(dot + 1 - list));
    const char *next_table = orm_buf_cstr(&again);
    const char *at = dot + 1;
    const char *next = NULL;
    while (next_table != NULL && (next = strstr(at, next_table)) != NULL) {
        orm_buf_put(&columns, at, (size_t)(next - at));
        orm_buf_puts(&columns, ", ");
        at = next + again.len;
    }
    orm_buf_puts(&columns, at);
    if (!columns.failed && next_table != NULL) {
        set_text(err, ORM_TEXT_TABLE, list, dot);
        orm_err_set_text(err, ORM_TEXT_COLUMN, columns.p, columns.len);
    }
    orm_buf_fini(&columns);
    orm_buf_fini(&again);
}

/* Behind `prefix`, or NULL when the message begins otherwise. */
static const char *
behind(const char *message, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(message, prefix, len) == 0 ? message + len : NULL;
}

void
lite_parse_constraint(orm_err *err, const char *message)
{
    const char *rest;
    if ((rest = behind(message, "UNIQUE constraint failed: index '")) != NULL) {
        const char *quote = strrchr(rest, '\'');
        set_text(err, ORM_TEXT_CONSTRAINT, rest, quote == NULL ? rest + strlen(rest) : quote);
    }
    else if ((rest = behind(message, "UNIQUE constraint failed: ")) != NULL
             || (rest = behind(message, "NOT NULL constraint failed: ")) != NULL) {
        parse_columns(err, rest);
    }
    else if ((rest = behind(message, "CHECK constraint failed: ")) != NULL) {
        orm_err_set_text(err, ORM_TEXT_CONSTRAINT, rest, strlen(rest));
    }
    else if (behind(message, "cannot store ") != NULL
             && (rest = strstr(message, " column ")) != NULL) {
        parse_columns(err, rest + strlen(" column "));
    }
}

/* An error that is about our own wish to stop, not about the database. */
static int
stopped(orm_conn *conn, int rc, orm_err *err)
{
    int primary = rc & 0xff;
    if (primary != SQLITE_BUSY && primary != SQLITE_INTERRUPT) {
        return 0;
    }
    if (conn->signalled) {
        return orm_err_set(err, ORM_E_SIGNAL, "stopped by a signal");
    }
    if (conn->deadline != ORM_NEVER && orm_mono_now() >= conn->deadline) {
        return orm_err_set(err, ORM_E_TIMEOUT, "%s",
                           primary == SQLITE_BUSY
                               ? "the database was locked by another connection until the deadline"
                               : "the statement did not end before its deadline");
    }
    if (atomic_load_explicit(&conn->cancelled, memory_order_relaxed)) {
        return orm_err_set(err, ORM_E_CANCELLED, "the statement was cancelled");
    }
    return 0;
}

int
lite_fail_locked(orm_conn *conn, int rc, orm_err *err)
{
    if (err->code != ORM_OK) {
        return -1; /* the first error stays */
    }
    /* Where the connection speaks of another error (a failed open, a code of our own), only
     * the code's general text is left. */
    bool told = conn->db != NULL && (sqlite3_errcode(conn->db) & 0xff) == (rc & 0xff);
    int extended = told ? sqlite3_extended_errcode(conn->db) : rc;
    if ((rc & 0xff) == SQLITE_NOMEM) {
        orm_err_nomem(err);
    }
    else if (stopped(conn, rc, err) == 0) {
        const char *message = told ? sqlite3_errmsg(conn->db) : sqlite3_errstr(rc);
        orm_err_set(err, ORM_E_DB, "%s", message);
        if ((extended & 0xff) == SQLITE_CONSTRAINT) {
            lite_parse_constraint(err, message);
        }
    }
    err->native = extended;
    return -1;
}
