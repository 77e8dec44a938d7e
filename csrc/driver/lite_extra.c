/*
 * lite_extra.c - what Python's sqlite3 connections can do besides running SQL.
 *
 * Counters, limits, extensions, copying a database while it is in use, and the trace of
 * statements. All take the connection's lock like any other call.
 */
#include "driver/lite_int.h"

int64_t
orm_lite_total_changes(orm_conn *conn)
{
    return conn->db == NULL ? 0 : sqlite3_total_changes(conn->db);
}

int
orm_lite_limit(orm_conn *conn, int limit, int value)
{
    orm_err ignored;
    int old = -1;
    orm_err_init(&ignored);
    if (lite_enter(conn, orm_mono_now() + LITE_CLOSE_WAIT, &ignored) == 0) {
        old = sqlite3_limit(conn->db, limit, value);
        conn->max_params = (uint32_t)sqlite3_limit(conn->db, SQLITE_LIMIT_VARIABLE_NUMBER, -1);
        lite_leave(conn);
    }
    orm_err_fini(&ignored);
    return old;
}

int
orm_lite_enable_extensions(orm_conn *conn, bool enable, orm_err *err)
{
    if (lite_enter(conn, orm_mono_now() + LITE_CLOSE_WAIT, err) < 0) {
        return -1;
    }
    int rc = sqlite3_enable_load_extension(conn->db, enable);
    int answer = rc == SQLITE_OK ? 0 : lite_fail_locked(conn, rc, err);
    lite_leave(conn);
    return answer;
}

int
orm_lite_load_extension(orm_conn *conn, const char *path, const char *entry, orm_err *err)
{
    char *message = NULL; /* SQLite's */
    if (lite_enter(conn, orm_mono_now() + LITE_CLOSE_WAIT, err) < 0) {
        return -1;
    }
    int rc = sqlite3_load_extension(conn->db, path, entry, &message);
    if (rc != SQLITE_OK) {
        orm_err_set(err, ORM_E_DB, "%s", message == NULL ? sqlite3_errstr(rc) : message);
        err->native = rc;
        sqlite3_free(message);
    }
    lite_leave(conn);
    return rc == SQLITE_OK ? 0 : -1;
}

/* Both connections are entered. Sleeping for a lock is the busy handler's, as always. */
static int
copy_locked(orm_conn *to, sqlite3_backup *backup, int pages,
            int (*progress)(void *user, int status, int remaining, int total), void *user,
            orm_err *err)
{
    for (int tries = 0;;) {
        int rc = sqlite3_backup_step(backup, pages);
        if (progress != NULL
            && progress(user, rc, sqlite3_backup_remaining(backup),
                        sqlite3_backup_pagecount(backup)) != 0) {
            return orm_err_set(err, ORM_E_SIGNAL, "the copy was stopped by its progress function");
        }
        if (rc == SQLITE_DONE) {
            return 0;
        }
        if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
            if (!lite_busy_handler(to, tries++)) {
                return lite_fail_locked(to, rc, err);
            }
        }
        else if (rc != SQLITE_OK) {
            return lite_fail_locked(to, rc, err);
        }
        else {
            tries = 0;
        }
    }
}

int
orm_lite_backup(orm_conn *from, const char *from_name, orm_conn *to, const char *to_name,
                int pages, int (*progress)(void *user, int status, int remaining, int total),
                void *user, orm_err *err)
{
    if (from == to) {
        return orm_err_set(err, ORM_E_PROGRAMMING, "a database cannot be copied onto itself");
    }
    /* in the order of their addresses, so that two copies in opposite directions cannot wait
     * for each other */
    orm_conn *first = from < to ? from : to;
    orm_conn *second = from < to ? to : from;
    if (lite_enter(first, ORM_NEVER, err) < 0) {
        return -1;
    }
    if (lite_enter(second, ORM_NEVER, err) < 0) {
        lite_leave(first);
        return -1;
    }
    int answer = -1;
    lite_buffer_all_locked(to);
    if ((lite_in_tx_locked(to) && !to->window) || (lite_in_tx_locked(from) && !from->window)) {
        orm_err_set(err, ORM_E_OPEN_TX,
                    "a database cannot be copied inside a transaction: end it first");
    }
    else if (lite_before_locked(from, ORM_VERB_OTHER, err) == 0
             && lite_before_locked(to, ORM_VERB_OTHER, err) == 0) { /* windows end */
        sqlite3_backup *backup = sqlite3_backup_init(to->db, to_name, from->db, from_name);
        answer = backup == NULL ? lite_fail_locked(to, sqlite3_errcode(to->db), err)
                                : copy_locked(to, backup, pages, progress, user, err);
        sqlite3_backup_finish(backup);
        lite_look_at_journal_locked(to);
    }
    lite_leave(second);
    lite_leave(first);
    return answer;
}

static void
drop_trace(lite_trace *trace)
{
    if (trace->destroy != NULL) {
        trace->destroy(trace->user);
    }
    *trace = (lite_trace){0};
}

void
lite_trace_drop(orm_conn *conn)
{
    drop_trace(&conn->trace);
}

static int
on_statement(unsigned event, void *arg, void *st, void *text)
{
    const orm_conn *conn = arg;
    const char *plain = text; /* begins with "--" for a trigger's statements */
    (void)event;
    char *expanded = plain[0] == '-' && plain[1] == '-' ? NULL : sqlite3_expanded_sql(st);
    conn->trace.call(conn->trace.user, expanded == NULL ? plain : expanded);
    sqlite3_free(expanded);
    return 0;
}

int
orm_lite_trace(orm_conn *conn, void (*trace)(void *user, const char *sql), void *user,
               void (*destroy)(void *user), orm_err *err)
{
    lite_trace fresh = {.call = trace, .user = user, .destroy = destroy};
    if (lite_enter(conn, orm_mono_now() + LITE_CLOSE_WAIT, err) < 0) {
        drop_trace(&fresh);
        return -1;
    }
    sqlite3_trace_v2(conn->db, trace == NULL ? 0 : SQLITE_TRACE_STMT,
                     trace == NULL ? NULL : on_statement, conn);
    drop_trace(&conn->trace);
    conn->trace = fresh;
    lite_leave(conn);
    return 0;
}
