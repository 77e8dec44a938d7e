/*
 * pg_wait.c - the only places where a PostgreSQL connection blocks.
 *
 * Place: under every function that needs an answer. libpq is used in non-blocking mode
 *   only; what blocks is poll() here, or the waiter's own function (an event loop).
 * A wait ends when the socket is ready, the deadline passed, cancel() was called, or the
 *   waiter's check says that a signal handler raised; it looks at the last two at least
 *   every 100 ms. While sending, input is read too: if both sides only wrote, both would
 *   block on full buffers.
 * After a deadline, cancel or signal the running statement is cancelled and the line read
 *   to its last Sync (1 s after a signal, else 5 s). What does not become clean in that
 *   time is lost: it is closed, never repaired.
 * Counting: a wait is counted once per flight (something was sent since the last one), so
 *   that tests count round trips, whatever the number of packets in an answer.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "driver/pg_calls.h"

#define SLICE_MS 100
#define DRAIN_AFTER_SIGNAL (1 * ORM_MONO_S)
#define DRAIN_AFTER_DEADLINE (5 * ORM_MONO_S)

/* One poll of the socket and, where there is one, the wake-up descriptor: as poll. */
static int
poll_once(const orm_waiter *w, int fd, short events, int timeout_ms)
{
    if (w->wait != NULL) {
        return w->wait(w->arg, fd, events, timeout_ms);
    }
    struct pollfd fds[2] = {
        {.fd = fd, .events = events},
        {.fd = w->wake_fd, .events = POLLIN}, /* poll skips a negative one */
    };
    int rc = poll(fds, w->wake_fd >= 0 ? 2 : 1, timeout_ms);
    if (rc > 0 && (fds[1].revents & POLLIN) != 0) {
        char bytes[8];
        ssize_t got = read(w->wake_fd, bytes, sizeof(bytes));
        (void)got; /* it was readable; that is all it had to say */
    }
    return rc > 0 && fds[0].revents == 0 ? 0 : rc;
}

orm_code
orm_pg_poll(const orm_waiter *w, atomic_int *cancelled, int fd, short events,
            orm_mono deadline)
{
    for (;;) {
        int rc = poll_once(w, fd, events, orm_mono_left_ms(deadline, SLICE_MS));
        if (rc < 0 && w->wait != NULL) {
            return ORM_E_SIGNAL; /* the event loop's way to say: stop, an exception is set */
        }
        if (rc < 0 && errno != EINTR) {
            return ORM_E_LOST;
        }
        if (cancelled != NULL && atomic_load_explicit(cancelled, memory_order_acquire)) {
            return ORM_E_CANCELLED;
        }
        if (rc > 0) {
            return ORM_OK;
        }
        if (w->check != NULL && w->check(w->arg) < 0) {
            return ORM_E_SIGNAL;
        }
        if (orm_mono_now() >= deadline) {
            return ORM_E_TIMEOUT;
        }
    }
}

orm_code
orm_pg_wait(pg_conn *c, orm_mono deadline)
{
    /* While clearing the line after a cancel nothing may interrupt but the deadline. */
    orm_waiter quiet = {.wait = NULL, .check = NULL, .arg = NULL, .wake_fd = -1};
    short events = (short)(POLLIN | (c->unflushed ? POLLOUT : 0));
    if (c->expecting) {
        c->expecting = false;
        atomic_fetch_add_explicit(&c->waits, 1, memory_order_relaxed);
    }
    if (c->draining) {
        quiet.wait = c->waiter.wait;
        quiet.arg = c->waiter.arg;
    }
    orm_code code = orm_pg_poll(c->draining ? &quiet : &c->waiter,
                                c->draining ? NULL : &c->cancelled, PQsocket(c->pg), events,
                                deadline);
    if (code != ORM_OK) {
        return code;
    }
    if (c->unflushed) {
        int rc = PQflush(c->pg);
        c->unflushed = rc > 0;
        if (rc < 0) {
            /* The server may have said why before it closed. */
            (void)PQconsumeInput(c->pg);
            return ORM_E_LOST;
        }
    }
    return PQconsumeInput(c->pg) ? ORM_OK : ORM_E_LOST;
}

int
orm_pg_flush(pg_conn *c, orm_err *err)
{
    int rc = PQflush(c->pg);
    c->unflushed = rc > 0;
    c->expecting = true;
    if (rc < 0) {
        (void)PQconsumeInput(c->pg);
        return orm_pg_fail_lost(c, err);
    }
    return 0;
}

int
orm_pg_interrupt(pg_conn *c, orm_code code, orm_err *err)
{
    bool reached;

    if (code == ORM_E_LOST) {
        return orm_pg_fail_lost(c, err);
    }
    if (c->draining) {
        c->lost = true; /* the line did not become clean in time */
        return orm_err_set(err, ORM_E_LOST, "connection to the server: no answer after the "
                                            "statement was cancelled; it will be closed");
    }
    orm_mono limit = orm_mono_now() +
                     (code == ORM_E_SIGNAL ? DRAIN_AFTER_SIGNAL : DRAIN_AFTER_DEADLINE);
    reached = orm_pg_cancel_running(c, limit) == 0;
    c->draining = true;
    if (!reached || orm_pg_drain(c, limit) < 0) {
        c->lost = true;
    }
    c->draining = false;
    if (code == ORM_E_TIMEOUT) {
        orm_err_set(err, code, "statement cancelled: its deadline passed before the server "
                               "answered");
    }
    else if (code == ORM_E_CANCELLED) {
        orm_err_set(err, code, "statement cancelled by another thread");
    }
    else {
        orm_err_set(err, code, "statement cancelled: a signal handler raised");
    }
    err->lost = c->lost;
    return -1;
}

int
orm_pg_result(pg_conn *c, orm_mono deadline, PGresult **out, orm_err *err)
{
    *out = NULL;
    while (PQisBusy(c->pg)) {
        orm_code code = orm_pg_wait(c, deadline);
        if (code == ORM_E_LOST && !PQisBusy(c->pg)) {
            break; /* the last words came in before the end */
        }
        if (code != ORM_OK && code != ORM_E_LOST && c->patient && c->late == ORM_OK) {
            c->late = code;
            deadline = orm_mono_now() + DRAIN_AFTER_DEADLINE;
            c->draining = true; /* its owner clears it with patient */
            continue;
        }
        if (code != ORM_OK) {
            return orm_pg_interrupt(c, code, err);
        }
    }
    PGresult *res = PQgetResult(c->pg);
    if (PQstatus(c->pg) == CONNECTION_BAD &&
        (res == NULL || PQresultStatus(res) == PGRES_FATAL_ERROR)) {
        int rc = orm_pg_fail(c, res, err);
        PQclear(res);
        return rc;
    }
    *out = res;
    return 0;
}

/* Without pipeline mode the line is clean when PQgetResult says NULL. */
static int
drain_simple(pg_conn *c, orm_mono deadline)
{
    orm_err err;
    PGresult *res = NULL;
    int rc;

    orm_err_init(&err);
    for (;;) {
        rc = orm_pg_result(c, deadline, &res, &err);
        if (rc < 0 || res == NULL) {
            break;
        }
        ExecStatusType status = PQresultStatus(res);
        PQclear(res);
        if (status == PGRES_COPY_IN) {
            /* A cancelled COPY: libpq waits for our end of it. */
            if (PQputCopyEnd(c->pg, "cancelled") != 1 || orm_pg_flush(c, &err) < 0) {
                rc = -1;
                break;
            }
        }
        else if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            rc = -1;
            break;
        }
    }
    orm_err_fini(&err);
    if (rc == 0) {
        c->status = PQtransactionStatus(c->pg);
        /* orm_pg_enter_pipeline cannot fail on an idle connection. */
        rc = PQenterPipelineMode(c->pg) ? 0 : -1;
        c->simple = false;
    }
    return rc;
}

int
orm_pg_drain(pg_conn *c, orm_mono deadline)
{
    orm_err err;
    int rc = 0;

    if (c->simple) {
        return drain_simple(c, deadline);
    }
    orm_err_init(&err);
    for (orm_pg_skip_answered(c); c->first < c->last && rc == 0; orm_pg_skip_answered(c)) {
        PGresult *res = NULL;
        pg_item *item = &c->items[c->first];
        rc = orm_pg_result(c, deadline, &res, &err);
        if (rc < 0) {
            break;
        }
        ExecStatusType status = PQresultStatus(res);
        if (res == NULL) {
            if (item->count == 0) {
                rc = -1; /* out of step with libpq: nothing can be trusted */
            }
            else if (--item->count == 0 && item->kind != ORM_PG_SYNC) {
                c->first++; /* as in orm_pg_finish */
            }
        }
        else if (status == PGRES_PIPELINE_SYNC) {
            if (item->kind != ORM_PG_SYNC) {
                rc = -1;
            }
            c->first++;
            orm_pg_at_sync(c, NULL);
        }
        else if (item->kind == ORM_PG_PARSE && status == PGRES_COMMAND_OK) {
            item->stmt->ready = true;
        }
        PQclear(res);
    }
    orm_err_fini(&err);
    if (c->first == c->last) {
        c->first = c->last = 0;
    }
    return rc;
}

int
orm_pg_enter(pg_conn *c, orm_mono deadline, orm_err *err)
{
    if (c->epoch != orm_fork_epoch()) {
        return orm_err_set(err, ORM_E_FORKED,
                           "connection to PostgreSQL was opened before a fork: a child "
                           "process must open its own");
    }
    int taken = orm_lock_try(&c->lock);
    while (taken == ORM_LOCK_BUSY && orm_mono_now() < deadline) {
        orm_mono slice = orm_mono_now() + SLICE_MS * ORM_MONO_MS;
        taken = orm_lock_take(&c->lock, orm_mono_earlier(deadline, slice));
        if (taken == ORM_LOCK_BUSY && c->waiter.check != NULL &&
            c->waiter.check(c->waiter.arg) < 0) {
            return orm_err_set(err, ORM_E_SIGNAL, "interrupted while another thread used the "
                                                  "connection");
        }
    }
    if (taken != ORM_LOCK_TAKEN) {
        return orm_err_set(err, ORM_E_REENTRY, "%s",
                           taken == ORM_LOCK_OWN
                               ? "connection to PostgreSQL is already in use by this thread"
                               : "connection to PostgreSQL is in use by another thread");
    }
    if (c->lost) {
        orm_pg_fail_lost(c, err);
        orm_lock_release(&c->lock);
        return -1;
    }
    atomic_store_explicit(&c->cancelled, 0, memory_order_relaxed);
    return 0;
}

void
orm_pg_leave(pg_conn *c)
{
    orm_lock_release(&c->lock);
}
