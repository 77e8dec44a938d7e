/*
 * pg_pipeline.c - segments: what is sent in one packet, and the reading of its answers.
 *
 * Place: under pg_exec.c, pg_batch.c and pg_tx.c.
 * A connection stays in pipeline mode from set-up to close, except during COPY and scripts.
 *   A segment is [ROLLBACK] [BEGIN] [Close...] [SAVEPOINT...] [Parse] statement Sync: one
 *   write, one wait. The server skips to the Sync after an error, so a failing BEGIN or
 *   SAVEPOINT also keeps the statement from running.
 * Closes stand behind BEGIN: DEALLOCATE (libpq < 17) before it would open an implicit
 *   transaction first. It cannot run in a failed transaction; then they wait.
 * Every item sent is pushed on the line before the call that sends it can fail half-way;
 *   a refused send leaves a half segment in libpq's buffer: the connection is given up.
 */
#include <stdio.h>
#include <string.h>

#include "driver/pg_calls.h"

int
orm_pg_push(pg_conn *c, pg_item_kind kind, pg_stmt *stmt, orm_err *err)
{
    if (c->last == c->items_cap) {
        uint32_t cap = c->items_cap == 0 ? 16 : c->items_cap * 2;
        pg_item *more = orm_reallocarray(c->items, cap, sizeof(*more));
        if (more == NULL) {
            return orm_err_nomem(err);
        }
        c->items = more;
        c->items_cap = cap;
    }
    c->items[c->last++] = (pg_item){.kind = (uint8_t)kind, .count = 1, .stmt = stmt};
    return 0;
}

int
orm_pg_scratch(pg_conn *c, uint32_t n, orm_err *err)
{
    if (n <= c->values_cap) {
        return 0;
    }
    uint32_t cap = n < 32 ? 32 : n;
    const char **values = orm_reallocarray(c->values, cap, sizeof(*values));
    c->values = values != NULL ? values : c->values;
    int *lengths = orm_reallocarray(c->lengths, cap, sizeof(*lengths));
    c->lengths = lengths != NULL ? lengths : c->lengths;
    int *formats = orm_reallocarray(c->formats, cap, sizeof(*formats));
    c->formats = formats != NULL ? formats : c->formats;
    Oid *oids = orm_reallocarray(c->oids, cap, sizeof(*oids));
    c->oids = oids != NULL ? oids : c->oids;
    if (values == NULL || lengths == NULL || formats == NULL || oids == NULL) {
        return orm_err_nomem(err); /* some are longer than values_cap says: harmless */
    }
    c->values_cap = cap;
    return 0;
}

size_t
orm_pg_bind(pg_conn *c, const orm_param *params, uint32_t n)
{
    size_t bytes = 16;
    for (uint32_t i = 0; i < n; i++) {
        const orm_param *p = &params[i];
        bool null = p->kind == ORM_V_NULL;
        /* An empty value may come with any pointer; NULL would mean SQL NULL. */
        c->values[i] = null ? NULL : p->len == 0 ? "" : p->u.p;
        c->lengths[i] = null ? 0 : p->len;
        c->formats[i] = p->format;
        bytes += 8u + (size_t)c->lengths[i];
    }
    return bytes;
}

int
orm_pg_send_parse(pg_conn *c, pg_stmt *s, const char *sql, const Oid *oids, uint32_t n,
                  orm_err *err)
{
    if (orm_pg_push(c, ORM_PG_PARSE, s, err) < 0) {
        return -1;
    }
    ORM_COUNT(pg_parse_named);
    if (!PQsendPrepare(c->pg, s->name, sql, (int)n, oids)) {
        return orm_pg_fail_send(c, err);
    }
    return 0;
}

int
orm_pg_send_control(pg_conn *c, pg_item_kind kind, uint64_t id, const char *sql, orm_err *err)
{
    pg_stmt *s = NULL;
    int sent;

    if (orm_pg_stmt_use(c, id, strlen(sql), ORM_TEXT_OWN_SHAPE, NULL, 0, 1, &s, err) < 0) {
        return -1;
    }
    if (s != NULL && !s->ready && orm_pg_send_parse(c, s, sql, NULL, 0, err) < 0) {
        return -1;
    }
    if (orm_pg_push(c, kind, s, err) < 0) {
        return -1;
    }
    if (s != NULL) {
        sent = PQsendQueryPrepared(c->pg, s->name, 0, NULL, NULL, NULL, 1);
    }
    else {
        sent = PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 1);
    }
    return sent ? 0 : orm_pg_fail_send(c, err);
}

/* Close messages where libpq can send them, else DEALLOCATE. */
static int
send_closes(pg_conn *c, orm_err *err)
{
    char sql[48];
    const char *end = c->closes.p + c->closes.len;

    for (const char *name = c->closes.p; name < end; name += strlen(name) + 1) {
        int sent;
        if (orm_pg_push(c, ORM_PG_CLOSE, NULL, err) < 0) {
            return -1;
        }
        ORM_COUNT(pg_stmt_close);
        if (c->api.send_close_prepared != NULL) {
            sent = c->api.send_close_prepared(c->pg, name);
        }
        else {
            snprintf(sql, sizeof(sql), "DEALLOCATE %s", name);
            sent = PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 1);
        }
        if (!sent) {
            return orm_pg_fail_send(c, err);
        }
    }
    orm_buf_reset(&c->closes);
    return 0;
}

int
orm_pg_send_prefix(pg_conn *c, orm_err *err)
{
    bool idle = c->status == PQTRANS_IDLE;
    char text[96];
    uint64_t id;

    assert(c->first == c->last); /* the line is clean */
    if (c->rollback_first) {
        c->rollback_first = false;
        idle = true;
        if (orm_pg_send_control(c, ORM_PG_CONTROL, ORM_PG_ID_ROLLBACK, "ROLLBACK", err) < 0) {
            return -1;
        }
    }
    if (c->want_tx && idle) {
        const char *sql = orm_pg_begin_text(&c->tx_opts, text, &id);
        ORM_COUNT(pg_begin_sent);
        if (orm_pg_send_control(c, ORM_PG_CONTROL, id, sql, err) < 0) {
            return -1;
        }
    }
    if (c->closes.len > 0 && c->status != PQTRANS_INERROR && send_closes(c, err) < 0) {
        return -1;
    }
    const char *end = c->saves.p + c->saves.len;
    for (const char *sql = c->saves.p; sql < end; sql += strlen(sql) + 1) {
        if (orm_pg_send_control(c, ORM_PG_CONTROL, 0, sql, err) < 0) {
            return -1;
        }
    }
    /* Sent is sent, whatever becomes of them; the bytes stay for a second try. */
    c->saves_sent = c->saves.len;
    c->saves.len = 0;
    return 0;
}

int
orm_pg_send_sync(pg_conn *c, orm_err *err)
{
    if (orm_pg_push(c, ORM_PG_SYNC, NULL, err) < 0) {
        c->lost = true; /* a segment without an end cannot be read */
        return -1;
    }
    if (!PQpipelineSync(c->pg)) {
        return orm_pg_fail_send(c, err);
    }
    return orm_pg_flush(c, err);
}

void
orm_pg_at_sync(pg_conn *c, const orm_err *err)
{
    c->status = PQtransactionStatus(c->pg);
    if (c->status != PQTRANS_INERROR) {
        orm_free(c->tx_error);
        c->tx_error = NULL;
    }
    else if (c->tx_error == NULL && err != NULL && err->code != ORM_OK) {
        c->tx_error = orm_strdup(orm_err_message(err));
    }
}

/* One result of the item at the head of the line that is not the statement itself. */
static void
judge(pg_conn *c, const pg_item *item, const PGresult *res, orm_err *err)
{
    switch ((int)PQresultStatus(res)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        if (item->kind == ORM_PG_PARSE) {
            item->stmt->ready = true;
        }
        break;
    case PGRES_PIPELINE_ABORTED:   /* the reason came before */
    case PGRES_SINGLE_TUPLE:       /* rows nobody wants any more */
    case ORM_PG_TUPLES_CHUNK:
        break;
    default:
        orm_pg_fail(c, res, err);
        break;
    }
}

int
orm_pg_read_prefix(pg_conn *c, bool wait, orm_mono deadline, orm_err *err)
{
    while (c->items[c->first].kind != ORM_PG_MAIN && c->items[c->first].kind != ORM_PG_SYNC) {
        PGresult *res = NULL;
        if (!wait && PQisBusy(c->pg)) {
            return 1;
        }
        if (orm_pg_result(c, deadline, &res, err) < 0) {
            return -1;
        }
        if (res == NULL) {
            c->first++;
            continue;
        }
        judge(c, &c->items[c->first], res, err);
        PQclear(res);
    }
    return err->code == ORM_OK ? 0 : -1;
}

void
orm_pg_skip_answered(pg_conn *c)
{
    /* A batch whose sets were all answered: its item waits without answers to come. */
    while (c->first < c->last && c->items[c->first].kind == ORM_PG_MAIN &&
           c->items[c->first].count == 0) {
        c->first++;
    }
}

int
orm_pg_finish(pg_conn *c, orm_mono deadline, orm_err *err)
{
    for (orm_pg_skip_answered(c); c->first < c->last; orm_pg_skip_answered(c)) {
        PGresult *res = NULL;
        pg_item *item = &c->items[c->first];
        if (orm_pg_result(c, deadline, &res, err) < 0) {
            return -1; /* the line is clean, or the connection lost */
        }
        if (res == NULL) {
            if (item->count == 0) {
                c->lost = true;
                return orm_err_set(err, ORM_E_INTERFACE, "libpq and the driver are out of step");
            }
            /* An error at the Sync itself (a deferred constraint of an implicit
               transaction) is followed by one NULL, and then by the Sync. */
            if (--item->count == 0 && item->kind != ORM_PG_SYNC) {
                c->first++;
            }
        }
        else if (PQresultStatus(res) == PGRES_PIPELINE_SYNC) {
            c->first++;
            orm_pg_at_sync(c, err);
        }
        else {
            judge(c, item, res, err);
        }
        PQclear(res);
    }
    c->first = c->last = 0;
    return err->code == ORM_OK ? 0 : -1;
}

int
orm_pg_run_control(pg_conn *c, uint64_t id, const char *sql, char *tag, orm_mono deadline,
                   orm_err *err)
{
    if (orm_pg_send_control(c, ORM_PG_MAIN, id, sql, err) < 0 ||
        orm_pg_send_sync(c, err) < 0) {
        return -1;
    }
    if (orm_pg_read_prefix(c, true, deadline, err) == 0) {
        PGresult *res = NULL;
        if (orm_pg_result(c, deadline, &res, err) < 0) {
            return -1;
        }
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_COMMAND_OK) {
            if (tag != NULL) {
                snprintf(tag, 32, "%s", PQcmdStatus(res));
            }
        }
        else if (res != NULL) {
            orm_pg_fail(c, res, err);
        }
        PQclear(res);
    }
    else if (c->first == c->last || c->lost) {
        return -1;
    }
    return orm_pg_finish(c, deadline, err);
}

int
orm_pg_leave_pipeline(pg_conn *c, orm_err *err)
{
    assert(c->first == c->last);
    if (!PQexitPipelineMode(c->pg)) {
        return orm_pg_fail_send(c, err);
    }
    c->simple = true;
    return 0;
}

int
orm_pg_enter_pipeline(pg_conn *c, orm_err *err)
{
    if (!c->simple) {
        return 0;
    }
    if (!PQenterPipelineMode(c->pg)) {
        return orm_pg_fail_send(c, err);
    }
    c->simple = false;
    return 0;
}
