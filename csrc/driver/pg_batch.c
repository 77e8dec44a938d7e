/*
 * pg_batch.c - one statement for many parameter sets, as one pipeline.
 *
 * Place: vtable exec_many.
 * All sets travel in one segment: [prefix] [Parse] Bind Execute, Bind Execute, ..., Sync.
 *   So without a transaction they are one, and an error in set k leaves nothing of them.
 * Flow control: at most 32 KiB go to libpq before they are handed to the kernel, and
 *   whatever the kernel does not take is waited for with input read at the same time:
 *   neither side can block the other. Answers are taken as they come, so that memory holds
 *   counts, not results. After the first error no further set is sent.
 * Attribution: answers come in the order of the sets; the failing set's index is exact.
 */
#include <string.h>

#include "driver/pg_calls.h"

typedef struct batch {
    const orm_call *call; /* borrowed */
    uint32_t nsets;       /* parameter sets */
    uint32_t sent;        /* sets given to libpq */
    uint32_t done;        /* sets answered */
    size_t unsent;        /* bytes given to libpq since the last flush */
    bool synced;          /* the Sync is on the line too */
    bool prefix_read;     /* the answers before the first set's were read */
    pg_stmt *stmt;        /* run by name; NULL: the unnamed statement */
    int64_t *counts;      /* per set, or NULL */
    pg_cursor *cur;       /* rows, or NULL: dropped */
    int64_t total;        /* rows changed by all sets */
} batch;

/* What stands before the first set. */
static int
send_head(pg_conn *c, batch *b, orm_err *err)
{
    const orm_call *call = b->call;
    const orm_sqltext *text = call->text;

    if (orm_pg_send_prefix(c, err) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < call->nparams; i++) {
        /* A NULL in the first set may leave its type to the server. */
        c->oids[i] = call->params[i].oid;
    }
    if (orm_pg_stmt_use(c, text->id, text->len, text->flags, c->oids, call->nparams, b->nsets,
                        &b->stmt, err) < 0) {
        return -1;
    }
    if (b->stmt != NULL) {
        if (!b->stmt->ready &&
            orm_pg_send_parse(c, b->stmt, text->sql, c->oids, call->nparams, err) < 0) {
            return -1;
        }
    }
    else {
        /* The unnamed statement lives to the end of the segment: long enough. */
        if (orm_pg_push(c, ORM_PG_CONTROL, NULL, err) < 0) {
            return -1;
        }
        if (!PQsendPrepare(c->pg, "", text->sql, (int)call->nparams, c->oids)) {
            return orm_pg_fail_send(c, err);
        }
    }
    if (orm_pg_push(c, ORM_PG_MAIN, b->stmt, err) < 0) {
        return -1;
    }
    c->items[c->last - 1].count = 0; /* counts the sets as they are sent */
    return 0;
}

/* One more set. */
static int
send_set(pg_conn *c, batch *b, orm_err *err)
{
    uint32_t n = b->call->nparams;

    b->unsent += orm_pg_bind(c, b->call->params + (size_t)b->sent * n, n);
    if (!PQsendQueryPrepared(c->pg, b->stmt != NULL ? b->stmt->name : "", (int)n, c->values,
                             c->lengths, c->formats, 1)) {
        return orm_pg_fail_send(c, err);
    }
    b->sent++;
    c->items[c->last - 1].count++;
    return 0;
}

/* Answer number b->done is a good one. Takes res over. */
static int
take_answer(batch *b, PGresult *res, orm_err *err)
{
    int64_t n = orm_pg_count_of(res);

    if (b->counts != NULL) {
        b->counts[b->done] = n;
    }
    b->total += n > 0 ? n : 0;
    if (b->cur != NULL && PQresultStatus(res) == PGRES_TUPLES_OK) {
        return orm_pg_cursor_add(b->cur, res) < 0 ? orm_err_nomem(err) : 0;
    }
    PQclear(res);
    return 0;
}

/* Take the answers that are here (or, once everything is sent, wait for them). */
static int
read_answers(pg_conn *c, batch *b, orm_err *err)
{
    /* Before the Sync the server sends only what overflows its buffer: never wait then. */
    if (!b->synced && !PQconsumeInput(c->pg)) {
        return orm_pg_fail_lost(c, err);
    }
    if (!b->prefix_read) {
        int rc = orm_pg_read_prefix(c, b->synced, b->call->deadline, err);
        if (rc != 0) {
            return rc < 0 ? -1 : 0;
        }
        b->prefix_read = true;
    }
    while (b->done < b->sent && (b->synced || !PQisBusy(c->pg))) {
        PGresult *res = NULL;
        if (orm_pg_result(c, b->call->deadline, &res, err) < 0) {
            err->row = b->done;
            return -1;
        }
        if (res == NULL) {
            b->done++;
            c->items[c->first].count--;
            continue;
        }
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
            if (take_answer(b, res, err) < 0) {
                return -1;
            }
            continue;
        }
        orm_pg_fail(c, res, err);
        PQclear(res);
        err->row = b->done;
        /* Its NULL is here too, and must be read before anything is sent: libpq steps to
           the next command when something is queued, and the NULL would be lost. */
        if (!c->lost && orm_pg_result(c, b->call->deadline, &res, err) == 0) {
            PQclear(res);
            c->items[c->first].count--;
        }
        return -1;
    }
    return 0;
}

/* Send and read side by side until every set is answered. */
static int
pump(pg_conn *c, batch *b, orm_err *err)
{
    while (b->done < b->nsets) {
        while (b->sent < b->nsets && b->unsent < ORM_PG_FLUSH_BYTES && !c->unflushed) {
            if (send_set(c, b, err) < 0) {
                return -1;
            }
        }
        if (b->sent == b->nsets && !b->synced) {
            b->synced = true;
            if (orm_pg_send_sync(c, err) < 0) {
                return -1;
            }
        }
        else if (b->unsent >= ORM_PG_FLUSH_BYTES || c->unflushed) {
            b->unsent = 0;
            if (orm_pg_flush(c, err) < 0) {
                return -1;
            }
            if (c->unflushed) {
                orm_code code = orm_pg_wait(c, b->call->deadline);
                if (code != ORM_OK) {
                    /* The segment needs its end before it can be cleared. */
                    b->synced = true;
                    if (code != ORM_E_LOST && orm_pg_send_sync(c, err) < 0) {
                        return -1;
                    }
                    err->row = b->done;
                    return orm_pg_interrupt(c, code, err);
                }
            }
        }
        if (read_answers(c, b, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
try_batch(pg_conn *c, batch *b, orm_err *err)
{
    int rc = send_head(c, b, err);
    if (rc == 0) {
        rc = pump(c, b, err);
    }
    else if (c->first != c->last) {
        c->lost = true; /* a head without a Sync */
        err->lost = true;
        return -1;
    }
    if (c->lost || c->first == c->last) {
        return rc;
    }
    if (!b->synced && orm_pg_send_sync(c, err) < 0) {
        return -1;
    }
    /* The answers of the skipped sets are still to come: finish counts them. */
    if (orm_pg_finish(c, b->call->deadline, err) < 0) {
        return -1;
    }
    return rc;
}

static int
run_batch(pg_conn *c, batch *b, orm_err *err)
{
    bool was_idle = c->status == PQTRANS_IDLE;

    c->why = ORM_PG_WHY_OTHER;
    if (try_batch(c, b, err) == 0) {
        return 0;
    }
    if (!orm_pg_may_retry(c, was_idle, b->stmt, err)) {
        return -1;
    }
    if (b->cur != NULL) {
        orm_pg_cursor_close((orm_cursor *)b->cur);
        b->cur = orm_pg_cursor_new(c, b->call->deadline);
        if (b->cur == NULL) {
            return orm_err_nomem(err);
        }
        b->cur->conn = NULL;
    }
    b->sent = b->done = 0;
    b->unsent = 0;
    b->synced = b->prefix_read = false;
    b->total = 0;
    return try_batch(c, b, err);
}

int
orm_pg_exec_many(orm_conn *conn, const orm_call *call, uint32_t nsets, int64_t *counts,
                 int64_t *lastrowids, orm_cursor **rows, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    batch b = {.call = call, .nsets = nsets, .counts = counts};
    int rc = -1;

    (void)lastrowids; /* SQLite's */
    if (rows != NULL) {
        *rows = NULL;
    }
    if (call->nparams > ORM_PG_PARAMS_MOST) {
        return orm_err_set(err, ORM_E_PROGRAMMING,
                           "the statement has %u parameters, PostgreSQL takes at most %u",
                           call->nparams, ORM_PG_PARAMS_MOST);
    }
    if (orm_pg_enter(c, call->deadline, err) < 0) {
        return -1;
    }
    if (orm_pg_stream_buffer(c, err) < 0 || orm_pg_scratch(c, call->nparams, err) < 0) {
        goto done;
    }
    if (rows != NULL) {
        b.cur = orm_pg_cursor_new(c, call->deadline);
        if (b.cur == NULL) {
            orm_err_nomem(err);
            goto done;
        }
        b.cur->conn = NULL; /* nothing of it will be on the line */
    }
    ORM_COUNT(pg_batch);
    rc = nsets == 0 ? 0 : run_batch(c, &b, err);
    if (rc == 0 && rows != NULL) {
        b.cur->rowcount = b.total;
        *rows = (orm_cursor *)b.cur;
        b.cur = NULL;
    }
done:
    orm_pg_leave(c);
    orm_pg_cursor_close((orm_cursor *)b.cur);
    return rc;
}
