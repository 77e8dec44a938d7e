/*
 * pg_exec.c - one statement on PostgreSQL: chosen way, one packet, its first answer.
 *
 * Place: vtable exec; between exec/ and pg_pipeline.c.
 * Ways: buffered by libpq (the plan bounds the rows, or the caller reads all), streamed
 *   (chunks of 128 rows with libpq >= 17, else single rows), or the simple protocol for a
 *   text of several statements without parameters. All results are binary but the latter's.
 * Second try. A prepared statement can be stale: the pooler gave another server session
 *   (26000, 42P05), or DDL changed its result (0A000). And a type may have no binary output
 *   function (42883). If nothing was open before the segment, it is undone (ROLLBACK
 *   travels first) and sent again once, parsed anew or in text format. Inside an open
 *   transaction the error is the caller's: the transaction has failed.
 */
#include <stdio.h>
#include <string.h>

#include "driver/pg_calls.h"

/* What one try of a statement is made of. */
typedef struct attempt {
    const orm_call *call; /* borrowed */
    pg_stmt *stmt;        /* run by name; NULL unnamed */
    int format;           /* of the result: 1 binary, 0 text */
    bool stream;          /* rows as they come */
} attempt;

bool
orm_pg_may_retry(pg_conn *c, bool was_idle, pg_stmt *s, orm_err *err)
{
    if (!was_idle || c->lost || c->stream != NULL || !c->prepare || !orm_pg_is_stale(c, err)) {
        return false;
    }
    if (c->why == ORM_PG_WHY_PLAN) {
        if (s == NULL) {
            return false;
        }
        orm_pg_stmt_stale(c, s, true);
    }
    else {
        /* Another session (a pooler), or DEALLOCATE behind our back: no name is sure. */
        orm_pg_stmt_rename_all(c);
    }
    orm_pg_prepare_retry(c);
    orm_err_clear(err);
    return true;
}

void
orm_pg_prepare_retry(pg_conn *c)
{
    ORM_COUNT(pg_retry);
    c->rollback_first = c->status != PQTRANS_IDLE;
    c->saves.len = c->saves_sent;
}

/* The statement, behind its prefix, and the Sync. */
static int
send_statement(pg_conn *c, attempt *a, orm_err *err)
{
    const orm_call *call = a->call;
    const orm_sqltext *text = call->text;
    int n = (int)call->nparams;
    int sent;

    if (orm_pg_send_prefix(c, err) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < call->nparams; i++) {
        c->oids[i] = call->params[i].oid;
    }
    if (orm_pg_stmt_use(c, text->id, text->len, text->flags, c->oids, call->nparams, 1,
                        &a->stmt, err) < 0) {
        return -1;
    }
    if (a->stmt != NULL && !a->stmt->ready &&
        orm_pg_send_parse(c, a->stmt, text->sql, c->oids, call->nparams, err) < 0) {
        return -1;
    }
    if (orm_pg_push(c, ORM_PG_MAIN, a->stmt, err) < 0) {
        return -1;
    }
    orm_pg_bind(c, call->params, call->nparams);
    if (a->stmt != NULL) {
        ORM_COUNT(pg_exec_named);
        sent = PQsendQueryPrepared(c->pg, a->stmt->name, n, c->values, c->lengths, c->formats,
                                   a->format);
    }
    else {
        ORM_COUNT(pg_exec_unnamed);
        sent = PQsendQueryParams(c->pg, text->sql, n, c->oids, c->values, c->lengths,
                                 c->formats, a->format);
    }
    if (!sent) {
        return orm_pg_fail_send(c, err);
    }
    return orm_pg_send_sync(c, err);
}

/* Rows as they come; must be asked for after the answers before them were read. */
static void
ask_for_stream(pg_conn *c)
{
    if (c->api.set_chunked_rows != NULL) {
        ORM_COUNT(pg_stream_chunked);
        (void)c->api.set_chunked_rows(c->pg, ORM_PG_CHUNK);
    }
    else {
        ORM_COUNT(pg_stream_single);
        (void)PQsetSingleRowMode(c->pg);
    }
}

/* The user's own DEALLOCATE ALL or DISCARD ALL took our names away. */
static void
watch_tag(pg_conn *c, PGresult *res)
{
    const char *tag = PQcmdStatus(res);
    if (tag[0] == 'D' &&
        (strcmp(tag, "DISCARD ALL") == 0 || strcmp(tag, "DEALLOCATE ALL") == 0)) {
        orm_pg_stmt_forget_all(c);
    }
}

/* The first answer of the statement itself. 0: *cur has it; -1: err, or *cur cannot be. */
static int
take_head(pg_conn *c, const attempt *a, pg_cursor *cur, orm_err *err)
{
    PGresult *res = NULL;

    if (a->stream) {
        ask_for_stream(c);
    }
    if (orm_pg_result(c, a->call->deadline, &res, err) < 0) {
        return -1;
    }
    switch ((int)PQresultStatus(res)) {
    case PGRES_SINGLE_TUPLE:
    case ORM_PG_TUPLES_CHUNK:
        if (orm_pg_cursor_add(cur, res) < 0) {
            return orm_err_nomem(err);
        }
        c->stream = cur;
        return 0;
    case PGRES_TUPLES_OK:
        cur->rowcount = orm_pg_count_of(res);
        if (a->call->mode != ORM_FETCH_NONE) {
            return orm_pg_cursor_add(cur, res) < 0 ? orm_err_nomem(err) : 0;
        }
        break;
    case PGRES_COMMAND_OK:
        cur->rowcount = orm_pg_count_of(res);
        watch_tag(c, res);
        break;
    case PGRES_EMPTY_QUERY:
        break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        /* libpq cannot leave COPY inside a pipeline. */
        c->lost = true;
        orm_err_set(err, ORM_E_PROGRAMMING, "COPY cannot run as an ordinary statement");
        err->lost = true;
        break;
    default:
        orm_pg_fail(c, res, err);
        break;
    }
    PQclear(res);
    return err->code == ORM_OK ? 0 : -1;
}

/* One try. On 0 the cursor has its head, and the line is free unless it streams. */
static int
try_statement(pg_conn *c, attempt *a, pg_cursor *cur, orm_err *err)
{
    const orm_call *call = a->call;

    if (send_statement(c, a, err) < 0) {
        /* Refused half-way: what is in libpq's buffer has no Sync. */
        if (c->first != c->last) {
            c->lost = true;
            err->lost = true;
        }
        return -1;
    }
    if (orm_pg_read_prefix(c, true, call->deadline, err) < 0 || take_head(c, a, cur, err) < 0) {
        if (!c->lost && c->first != c->last) {
            (void)orm_pg_finish(c, call->deadline, err);
        }
        return -1;
    }
    if (c->stream == cur) {
        return 0;
    }
    return orm_pg_finish(c, call->deadline, err);
}

static int
run_tries(pg_conn *c, attempt *a, pg_cursor *cur, orm_err *err)
{
    bool was_idle = c->status == PQTRANS_IDLE;

    c->why = ORM_PG_WHY_OTHER;
    if (try_statement(c, a, cur, err) == 0) {
        return 0;
    }
    if (was_idle && !c->lost && c->why == ORM_PG_WHY_BINARY && err->code == ORM_E_DB) {
        a->format = 0;
        orm_pg_prepare_retry(c);
        orm_err_clear(err);
    }
    else if (!orm_pg_may_retry(c, was_idle, a->stmt, err)) {
        return -1;
    }
    return try_statement(c, a, cur, err);
}

/* Several statements in one text: the simple protocol; the last result counts. */
static int
run_script(pg_conn *c, const orm_call *call, pg_cursor *cur, orm_err *err)
{
    PGresult *last = NULL;

    if (orm_pg_script_run(c, call->text->sql, call->deadline, &last, err) < 0) {
        return -1;
    }
    if (last != NULL) {
        cur->rowcount = orm_pg_count_of(last);
        if (PQresultStatus(last) == PGRES_TUPLES_OK && call->mode != ORM_FETCH_NONE) {
            return orm_pg_cursor_add(cur, last) < 0 ? orm_err_nomem(err) : 0;
        }
        PQclear(last);
    }
    return 0;
}

int
orm_pg_exec(orm_conn *conn, const orm_call *call, orm_cursor **out, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    const orm_sqltext *text = call->text;
    pg_cursor *cur = NULL;
    int rc = -1;
    attempt a = {
        .call = call,
        .format = 1,
        .stream = call->mode == ORM_FETCH_STREAM && (text->flags & ORM_TEXT_BOUNDED) == 0,
    };

    /* Single rows cost libpq a PGresult each, a third of loading an entity: only for flat memory. */
    if (call->mode == ORM_FETCH_WHOLE && c->api.set_chunked_rows != NULL) {
        a.stream = (text->flags & ORM_TEXT_BOUNDED) == 0;
    }

    *out = NULL;
    if (call->nparams > ORM_PG_PARAMS_MOST) {
        return orm_err_set(err, ORM_E_PROGRAMMING,
                           "the statement has %u parameters, PostgreSQL takes at most %u: "
                           "pass a list as one array",
                           call->nparams, ORM_PG_PARAMS_MOST);
    }
    if (orm_pg_enter(c, call->deadline, err) < 0) {
        return -1;
    }
    if (orm_pg_stream_buffer(c, err) < 0 || orm_pg_scratch(c, call->nparams, err) < 0) {
        goto done;
    }
    cur = orm_pg_cursor_new(c, call->deadline);
    if (cur == NULL) {
        orm_err_nomem(err);
        goto done;
    }
    if (call->nparams == 0 && orm_pg_is_script(text->sql, text->len)) {
        rc = run_script(c, call, cur, err);
    }
    else {
        rc = run_tries(c, &a, cur, err);
    }
    cur->in_tx = c->want_tx || c->status != PQTRANS_IDLE;
    if (c->stream != cur) {
        cur->conn = NULL; /* nothing of it is on the line */
    }
done:
    orm_pg_leave(c);
    if (rc < 0) {
        orm_pg_cursor_close((orm_cursor *)cur);
        return -1;
    }
    *out = (orm_cursor *)cur;
    return 0;
}
