/*
 * pg_copy.c - COPY ... FROM STDIN, and texts of several statements: outside the pipeline.
 *
 * Place: vtable copy_in and script; exec() sends scripts here too.
 * libpq knows COPY and multi-statement texts only outside pipeline mode. The line is clean,
 *   a noted BEGIN and savepoints have been sent and answered; then pipeline mode is left,
 *   the work done with the same guarded waits, and entered again. Whatever fails in between
 *   ends in ReadyForQuery, so that the mode can be entered; what does not is lost.
 * COPY sends in pieces, both directions polled; an error the server raises half-way (a bad
 *   row) is noticed between two pieces and ends the sending.
 */
#include <poll.h>
#include <string.h>

#include "driver/pg_calls.h"

#define COPY_PIECE (256 * 1024)

/* BEGIN and savepoints that were only noted, in a segment of their own; then leave. */
static int
open_line(pg_conn *c, orm_mono deadline, orm_err *err)
{
    if (orm_pg_stream_buffer(c, err) < 0 || orm_pg_send_prefix(c, err) < 0) {
        return -1;
    }
    if (c->first != c->last &&
        (orm_pg_send_sync(c, err) < 0 || orm_pg_finish(c, deadline, err) < 0)) {
        return -1;
    }
    return orm_pg_leave_pipeline(c, err);
}

/* Read results to ReadyForQuery, then go back to pipeline mode. The first failure goes to
   err. Keeps the last result with rows, or the last one, in *last where that is not NULL. */
static int
close_line(pg_conn *c, orm_mono deadline, PGresult **last, int64_t *failing, orm_err *err)
{
    int64_t index = 0;

    for (;;) {
        PGresult *res = NULL;
        if (orm_pg_result(c, deadline, &res, err) < 0) {
            return -1; /* drained, and back in pipeline mode; or lost */
        }
        if (res == NULL) {
            break;
        }
        switch ((int)PQresultStatus(res)) {
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
        case PGRES_EMPTY_QUERY:
            if (strcmp(PQcmdStatus(res), "DISCARD ALL") == 0 ||
                strcmp(PQcmdStatus(res), "DEALLOCATE ALL") == 0) {
                orm_pg_stmt_forget_all(c);
            }
            if (last != NULL) {
                PQclear(*last);
                *last = res;
                res = NULL;
            }
            break;
        case PGRES_COPY_IN:
            orm_err_set(err, ORM_E_PROGRAMMING, "COPY FROM STDIN cannot be part of a script");
            (void)PQputCopyEnd(c->pg, "not part of a script");
            break;
        case PGRES_COPY_OUT:
        case PGRES_COPY_BOTH:
            c->lost = true;
            orm_err_set(err, ORM_E_PROGRAMMING, "COPY TO STDOUT cannot be part of a script");
            err->lost = true;
            PQclear(res);
            return -1;
        default:
            orm_pg_fail(c, res, err);
            if (failing != NULL) {
                *failing = index;
            }
            break;
        }
        PQclear(res);
        index++;
    }
    if (orm_pg_enter_pipeline(c, err) < 0) {
        return -1;
    }
    orm_pg_at_sync(c, err);
    return err->code == ORM_OK ? 0 : -1;
}

int
orm_pg_script_run(pg_conn *c, const char *sql, orm_mono deadline, PGresult **last,
                  orm_err *err)
{
    int64_t failing = -1;

    ORM_COUNT(pg_script);
    if (open_line(c, deadline, err) < 0) {
        return -1;
    }
    if (!PQsendQuery(c->pg, sql)) {
        return orm_pg_fail_send(c, err);
    }
    if (orm_pg_flush(c, err) < 0) {
        return -1;
    }
    if (close_line(c, deadline, last, &failing, err) < 0) {
        err->row = failing;
        if (last != NULL) {
            PQclear(*last);
            *last = NULL;
        }
        return -1;
    }
    return 0;
}

int
orm_pg_script(orm_conn *conn, const char *sql, size_t len, orm_mono deadline, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    char *text = orm_strndup(sql, len); /* libpq wants a NUL */
    int rc;

    if (text == NULL) {
        return orm_err_nomem(err);
    }
    if (orm_pg_enter(c, deadline, err) < 0) {
        orm_free(text);
        return -1;
    }
    rc = orm_pg_script_run(c, text, deadline, NULL, err);
    orm_pg_leave(c);
    orm_free(text);
    return rc;
}

/* Hand what libpq holds to the kernel, waiting where it must. */
static int
flush_all(pg_conn *c, orm_mono deadline, orm_err *err)
{
    if (orm_pg_flush(c, err) < 0) {
        return -1;
    }
    while (c->unflushed) {
        orm_code code = orm_pg_wait(c, deadline);
        if (code != ORM_OK) {
            return orm_pg_interrupt(c, code, err);
        }
    }
    return 0;
}

/* All of the data, then the end of it. -1: err set; the line is clean or lost. */
static int
send_data(pg_conn *c, const orm_buf *data, orm_mono deadline, orm_err *err)
{
    size_t at = 0;

    while (at < data->len) {
        size_t n = data->len - at < COPY_PIECE ? data->len - at : COPY_PIECE;
        int rc = PQputCopyData(c->pg, data->p + at, (int)n);
        if (rc < 0) {
            /* On a good link this means that COPY is over: the server refused a row, and
               its reason is read by close_line. */
            return PQstatus(c->pg) == CONNECTION_BAD ? orm_pg_fail_lost(c, err) : 0;
        }
        at += rc > 0 ? n : 0;
        if (flush_all(c, deadline, err) < 0) {
            return -1;
        }
        if (!PQconsumeInput(c->pg)) {
            return orm_pg_fail_lost(c, err);
        }
    }
    if (PQputCopyEnd(c->pg, NULL) < 0) {
        return PQstatus(c->pg) == CONNECTION_BAD ? orm_pg_fail_lost(c, err) : 0;
    }
    return flush_all(c, deadline, err);
}

/* Everything between leaving and entering pipeline mode. */
static int
run_copy(pg_conn *c, const orm_sqltext *text, const orm_buf *data, int64_t *rows,
         orm_mono deadline, orm_err *err)
{
    PGresult *res = NULL;
    PGresult *last = NULL;
    int rc;

    if (!PQsendQuery(c->pg, text->sql)) {
        return orm_pg_fail_send(c, err);
    }
    if (orm_pg_flush(c, err) < 0 || orm_pg_result(c, deadline, &res, err) < 0) {
        return -1;
    }
    if (PQresultStatus(res) == PGRES_COPY_IN) {
        PQclear(res);
        if (send_data(c, data, deadline, err) < 0) {
            return -1;
        }
    }
    else {
        if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
            orm_pg_fail(c, res, err);
        }
        else {
            orm_err_set(err, ORM_E_PROGRAMMING, "copy_in: the statement is not COPY ... FROM "
                                                "STDIN");
        }
        PQclear(res);
    }
    rc = close_line(c, deadline, &last, NULL, err);
    if (rc == 0 && last != NULL) {
        *rows = orm_pg_count_of(last);
    }
    PQclear(last);
    return rc;
}

int
orm_pg_copy_in(orm_conn *conn, const orm_sqltext *text, const orm_buf *data, int64_t *rows,
               orm_mono deadline, orm_err *err)
{
    pg_conn *c = (pg_conn *)conn;
    int rc = -1;

    *rows = 0;
    if (orm_pg_enter(c, deadline, err) < 0) {
        return -1;
    }
    ORM_COUNT(pg_copy_in);
    if (open_line(c, deadline, err) == 0) {
        rc = run_copy(c, text, data, rows, deadline, err);
    }
    orm_pg_leave(c);
    return rc;
}
