/*
 * pg_tx.c - transactions of a PostgreSQL connection, and giving it back.
 *
 * Place: vtable functions; exec/ calls them for Transaction objects, pool/ for release.
 * BEGIN and SAVEPOINT are only noted: they travel with the next statement. A transaction
 *   in which nothing was sent needs no COMMIT and no ROLLBACK.
 * The server's word. COMMIT succeeded only if its tag is COMMIT and the state after the
 *   Sync is idle: in a failed transaction libpq reports success with the tag ROLLBACK.
 *   A raw COMMIT or BEGIN of the user changes `status` at its Sync and nothing else; with
 *   begin() still in force the next statement begins the next transaction.
 * COMMIT on the line is never cancelled. If its answer cannot be had, the outcome is
 *   unknown, and that has its own code. A link seen broken before COMMIT is sent is only
 *   lost: nothing was committed.
 */
#include <stdio.h>
#include <string.h>

#include "driver/pg_calls.h"

const char *
orm_pg_begin_text(const orm_tx_opts *opts, char text[96], uint64_t *id)
{
    static const char *const levels[] = {
        [ORM_ISO_DEFAULT] = "",
        [ORM_ISO_AUTOCOMMIT] = "",
        [ORM_ISO_READ_UNCOMMITTED] = " ISOLATION LEVEL READ UNCOMMITTED",
        [ORM_ISO_READ_COMMITTED] = " ISOLATION LEVEL READ COMMITTED",
        [ORM_ISO_REPEATABLE_READ] = " ISOLATION LEVEL REPEATABLE READ",
        [ORM_ISO_SERIALIZABLE] = " ISOLATION LEVEL SERIALIZABLE",
        [ORM_ISO_IMMEDIATE] = "", /* SQLite's */
    };
    static const char *const access[] = {"", " READ WRITE", " READ ONLY"};
    static const char *const defer[] = {"", " NOT DEFERRABLE", " DEFERRABLE"};
    unsigned level = opts->isolation < sizeof(levels) / sizeof(levels[0]) ? opts->isolation : 0;
    unsigned ro = (unsigned)(opts->readonly < 0 ? 0 : opts->readonly ? 2 : 1);
    unsigned de = (unsigned)(opts->deferrable < 0 ? 0 : opts->deferrable ? 2 : 1);

    snprintf(text, 96, "BEGIN%s%s%s", levels[level], access[ro], defer[de]);
    *id = ORM_PG_ID_BEGIN + level * 9 + ro * 3 + de;
    return text;
}

int
orm_pg_begin(orm_conn *conn, const orm_tx_opts *opts, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    int rc = 0;

    if (orm_pg_enter(c, ORM_NEVER, err) < 0) {
        return -1;
    }
    if (c->want_tx || c->status != PQTRANS_IDLE) {
        rc = orm_err_set(err, ORM_E_OPEN_TX,
                         "a transaction is already open on this connection: commit or roll "
                         "it back first");
    }
    else {
        c->tx_opts = *opts;
        c->want_tx = opts->isolation != ORM_ISO_AUTOCOMMIT;
    }
    orm_pg_leave(c);
    return rc;
}

/* The transaction is over, or never was. */
static void
clear_tx(pg_conn *c)
{
    c->want_tx = false;
    c->rollback_first = false;
    orm_buf_reset(&c->saves);
}

/* The message says first what is not known, then why. */
static void
tell_unknown(orm_err *err)
{
    orm_buf text = {0};
    orm_buf_puts(&text, "COMMIT was sent and its outcome is not known: ");
    orm_buf_puts(&text, orm_err_message(err));
    if (!text.failed) {
        orm_err_set_text(err, ORM_TEXT_MESSAGE, text.p, text.len);
    }
    orm_buf_fini(&text);
    err->code = ORM_E_COMMIT_UNKNOWN;
}

/* What COMMIT's answer means. rc and err are of the exchange. */
static int
judge_commit(pg_conn *c, int rc, const char *tag, orm_code late, const char *reason,
             orm_err *err)
{
    if (rc < 0 && c->lost && strcmp(tag, "COMMIT") == 0) {
        orm_err_clear(err); /* the server's word came, only the link broke behind it */
        return 0;
    }
    if (rc < 0 && (c->lost || strcmp(err->sqlstate, "40003") == 0)) {
        tell_unknown(err);
        err->lost = true;
        c->lost = true;
        return -1;
    }
    if (rc < 0) {
        return -1; /* a deferred constraint or a serialization failure: rolled back */
    }
    if (strcmp(tag, "COMMIT") != 0) {
        orm_err_set(err, ORM_E_DB,
                    "COMMIT did not commit, the server answered %s: the transaction had "
                    "failed (%s)",
                    tag, reason != NULL ? reason : "the first error is not known");
        memcpy(err->sqlstate, "25P02", 6);
        return -1;
    }
    if (c->status != PQTRANS_IDLE) {
        c->lost = true;
        orm_err_set(err, ORM_E_COMMIT_UNKNOWN,
                    "COMMIT was answered, but the session is not idle after it");
        err->lost = true;
        return -1;
    }
    if (late == ORM_E_SIGNAL || late == ORM_E_CANCELLED) {
        return orm_err_set(err, late, "interrupted while COMMIT ran; the transaction was "
                                      "committed");
    }
    return 0;
}

static int
send_commit(pg_conn *c, orm_mono deadline, orm_err *err)
{
    char tag[32] = "";
    char *reason = c->tx_error; /* the Sync frees it otherwise */

    c->tx_error = NULL;
    c->patient = true;
    c->late = ORM_OK;
    ORM_COUNT(pg_commit_sent);
    int rc = orm_pg_run_control(c, ORM_PG_ID_COMMIT, "COMMIT", tag, deadline, err);
    c->patient = false;
    c->draining = false;
    rc = judge_commit(c, rc, tag, c->late, reason, err);
    orm_free(reason);
    return rc;
}

int
orm_pg_commit(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    int rc;

    /* Before the lock: an idle server that spoke is gone, and nothing is committed. */
    (void)orm_pg_alive(conn);
    if (orm_pg_enter(c, deadline, err) < 0) {
        return -1;
    }
    rc = orm_pg_stream_buffer(c, err);
    if (rc == 0 && c->status != PQTRANS_IDLE) {
        rc = send_commit(c, deadline, err);
    }
    clear_tx(c);
    orm_pg_leave(c);
    return rc;
}

int
orm_pg_rollback(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    orm_err ignored;
    int rc = 0;

    if (orm_pg_enter(c, deadline, err) < 0) {
        return -1;
    }
    if (c->stream != NULL) {
        /* Its rows are of no use any more, and its failure neither. */
        orm_err_init(&ignored);
        orm_pg_stream_cut(c, "the result was closed by a ROLLBACK");
        (void)orm_pg_interrupt(c, ORM_E_CANCELLED, &ignored);
        orm_err_fini(&ignored);
        rc = c->lost ? orm_pg_fail_lost(c, err) : 0;
    }
    if (rc == 0 && c->status != PQTRANS_IDLE) {
        char tag[32] = "";
        c->why = ORM_PG_WHY_OTHER;
        rc = orm_pg_run_control(c, ORM_PG_ID_ROLLBACK, "ROLLBACK", tag, deadline, err);
        if (rc < 0 && !c->lost && orm_pg_is_stale(c, err)) {
            /* Another session behind a pooler does not know the name. */
            orm_err_clear(err);
            orm_pg_stmt_rename_all(c);
            rc = orm_pg_run_control(c, 0, "ROLLBACK", tag, deadline, err);
        }
        if (rc == 0 && c->status != PQTRANS_IDLE) {
            c->lost = true;
            rc = orm_err_set(err, ORM_E_LOST, "the session is not idle after ROLLBACK");
            err->lost = true;
        }
    }
    clear_tx(c);
    orm_pg_leave(c);
    return rc;
}

/* "SAVEPOINT " + the name in double quotes; NUL behind it. -1: no memory or a bad name. */
static int
put_command(orm_buf *buf, const char *verb, const char *name, orm_err *err)
{
    if (*name == '\0') {
        return orm_err_set(err, ORM_E_PROGRAMMING, "savepoint: its name is empty");
    }
    orm_buf_puts(buf, verb);
    orm_buf_putc(buf, '"');
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '"') {
            orm_buf_putc(buf, '"');
        }
        orm_buf_putc(buf, *p);
    }
    orm_buf_put(buf, "\"", 2);
    return buf->failed ? orm_err_nomem(err) : 0;
}

/* The savepoint was noted but not sent: RELEASE and ROLLBACK TO need no server. True: done. */
static bool
settle_noted(pg_conn *c, int what, const char *set)
{
    const char *end = c->saves.p + c->saves.len;
    const char *found = NULL;

    for (const char *sql = c->saves.p; sql < end; sql += strlen(sql) + 1) {
        if (strcmp(sql, set) == 0) {
            found = sql; /* the innermost of that name */
        }
    }
    if (found == NULL) {
        /* An older one: those noted after it go with it. */
        orm_buf_reset(&c->saves);
        return false;
    }
    c->saves.len = (size_t)(found - c->saves.p);
    if (what == ORM_SP_ROLLBACK_TO) {
        c->saves.len += strlen(found) + 1; /* it stays set */
    }
    return true;
}

int
orm_pg_savepoint(orm_conn *conn, int what, const char *name, orm_mono deadline, orm_err *err)
{
    static const char *const verbs[] = {
        [ORM_SP_SET] = "SAVEPOINT ",
        [ORM_SP_RELEASE] = "RELEASE SAVEPOINT ",
        [ORM_SP_ROLLBACK_TO] = "ROLLBACK TO SAVEPOINT ",
    };
    pg_conn *c = (pg_conn *)conn;
    orm_buf sql = {0};
    orm_buf set = {0};
    int rc = -1;

    if (orm_pg_enter(c, deadline, err) < 0) {
        return -1;
    }
    if (what == ORM_SP_SET) {
        size_t before = c->saves.len;
        rc = put_command(&c->saves, verbs[what], name, err);
        if (rc < 0) {
            c->saves.len = before;
            c->saves.failed = false;
        }
        goto done;
    }
    if (put_command(&set, verbs[ORM_SP_SET], name, err) < 0 ||
        put_command(&sql, verbs[what], name, err) < 0) {
        goto done;
    }
    if (settle_noted(c, what, set.p)) {
        rc = 0;
        goto done;
    }
    if (orm_pg_stream_buffer(c, err) == 0) {
        rc = orm_pg_run_control(c, 0, sql.p, NULL, deadline, err);
    }
done:
    orm_buf_fini(&sql);
    orm_buf_fini(&set);
    orm_pg_leave(c);
    return rc;
}

int
orm_pg_tx_state(const orm_conn *conn)
{
    const pg_conn *c = (const pg_conn *)conn;

    if (c->lost || c->epoch != orm_fork_epoch()) {
        return ORM_TX_UNKNOWN;
    }
    if (c->stream != NULL) {
        return c->stream->in_tx ? ORM_TX_OPEN : ORM_TX_IDLE;
    }
    switch (c->status) {
    case PQTRANS_IDLE:
        return c->want_tx ? ORM_TX_PENDING : ORM_TX_IDLE;
    case PQTRANS_INTRANS:
        return ORM_TX_OPEN;
    case PQTRANS_INERROR:
        return ORM_TX_FAILED;
    default:
        return ORM_TX_UNKNOWN;
    }
}

int
orm_pg_release(orm_conn *conn, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    int rc = -1;

    if (orm_pg_enter(c, 0, err) < 0) {
        return -1;
    }
    if (c->stream != NULL || c->first != c->last || c->simple || c->tainted) {
        /* What is still on the line cannot be read without waiting: never repaired. */
        orm_pg_stream_cut(c, "the connection was returned before the result was read");
        orm_err_set(err, ORM_E_INTERFACE, "connection returned with a result unread");
        goto done;
    }
    clear_tx(c);
    if (c->status == PQTRANS_IDLE) {
        rc = 1;
    }
    else if (orm_pg_send_control(c, ORM_PG_MAIN, ORM_PG_ID_ROLLBACK, "ROLLBACK", err) == 0 &&
             orm_pg_send_sync(c, err) == 0) {
        ORM_COUNT(pg_settling);
        rc = 0;
    }
done:
    orm_pg_leave(c);
    return rc;
}

int
orm_pg_settle(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    int rc = 0;

    if (orm_pg_enter(c, deadline, err) < 0) {
        return -1;
    }
    if (c->first != c->last) {
        /* Usually the answer is here already: then this is no wait. */
        bool expecting = c->expecting;
        c->expecting = false;
        if (c->unflushed) {
            c->expecting = expecting;
        }
        else if (!PQconsumeInput(c->pg)) {
            rc = orm_pg_fail_lost(c, err);
        }
        else if (PQisBusy(c->pg)) {
            c->expecting = expecting;
        }
        if (rc == 0) {
            rc = orm_pg_finish(c, deadline, err);
        }
    }
    if (rc == 0 && c->status != PQTRANS_IDLE) {
        rc = orm_err_set(err, ORM_E_INTERFACE, "the session is not idle after ROLLBACK");
    }
    orm_pg_leave(c);
    return rc;
}

int
orm_pg_ping(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    int rc;

    if (orm_pg_enter(c, deadline, err) < 0) {
        return -1;
    }
    rc = orm_pg_stream_buffer(c, err);
    if (rc == 0) {
        /* A Sync alone is answered by ReadyForQuery: the smallest round trip there is. */
        rc = orm_pg_send_sync(c, err);
        if (rc == 0) {
            rc = orm_pg_finish(c, deadline, err);
        }
    }
    orm_pg_leave(c);
    return rc;
}
