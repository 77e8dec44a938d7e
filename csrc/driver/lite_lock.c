/*
 * lite_lock.c - who is inside a SQLite connection, how it waits, how it is stopped.
 *
 * Every call takes the connection's lock for its whole length (SQLite is opened with
 * NOMUTEX, so this is the only lock). Waiting for another connection's file lock happens in
 * the busy handler: sleeps of 1 to 100 ms, bounded by the timeout option and the call's
 * deadline, interrupted by signals and by cancel.
 * Cursors whose owner closes them while another thread is inside go on a lock-free stack
 * that whoever leaves the connection empties; a closer that finds the connection free after
 * pushing empties it itself, so nothing stays there with an open read lock.
 */
#include "driver/lite_int.h"

#include <assert.h>
#include <poll.h>

#define LOCK_TIME (100 * ORM_MONO_MS) /* between looks at signals while another thread is inside */
#define CHECK_TIME (50 * ORM_MONO_MS) /* between looks at signals while stepping */

static void
bury_dead_locked(orm_conn *conn)
{
    orm_cursor *cur = atomic_exchange(&conn->dead, NULL);
    while (cur != NULL) {
        orm_cursor *next = cur->next_dead;
        lite_cursor_detach_locked(conn, cur);
        lite_cursor_free(cur);
        cur = next;
    }
}

static int
entered(orm_conn *conn, orm_mono deadline)
{
    conn->deadline = deadline;
    conn->signalled = false;
    conn->check_at = 0;
    atomic_store_explicit(&conn->cancelled, false, memory_order_relaxed);
    if (atomic_load_explicit(&conn->dead, memory_order_relaxed) != NULL) {
        bury_dead_locked(conn);
    }
    return 0;
}

static int
refuse_own(orm_err *err)
{
    return orm_err_set(err, ORM_E_REENTRY,
                       "the connection is running the statement that called this function: "
                       "use another connection inside SQL functions and hooks");
}

static int
check_process(const orm_conn *conn, orm_err *err)
{
    if (conn->epoch != orm_fork_epoch() || conn->db == NULL) {
        return orm_err_set(err, ORM_E_FORKED,
                           "the connection was opened before a fork: "
                           "a child process must open its own");
    }
    return 0;
}

int
lite_enter(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    if (check_process(conn, err) < 0) {
        return -1;
    }
    int taken = orm_lock_try(&conn->lock);
    while (taken == ORM_LOCK_BUSY) {
        orm_mono now = orm_mono_now();
        if (now >= deadline) {
            return orm_err_set(err, ORM_E_REENTRY,
                               "another thread was using the connection until the deadline passed");
        }
        taken = orm_lock_take(&conn->lock, orm_mono_earlier(deadline, now + LOCK_TIME));
        if (taken == ORM_LOCK_BUSY && conn->waiter.check != NULL
            && conn->waiter.check(conn->waiter.arg) < 0) {
            return orm_err_set(err, ORM_E_SIGNAL, "stopped by a signal");
        }
    }
    return taken == ORM_LOCK_OWN ? refuse_own(err) : entered(conn, deadline);
}

int
lite_enter_direct(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    if (check_process(conn, err) < 0) {
        return -1;
    }
    switch (orm_lock_try(&conn->lock)) {
    case ORM_LOCK_TAKEN:
        entered(conn, deadline);
        conn->direct = true;
        return 0;
    case ORM_LOCK_OWN:
        return refuse_own(err);
    default:
        return 1;
    }
}

void
lite_leave(orm_conn *conn)
{
    assert(orm_lock_mine(&conn->lock));
    conn->direct = false;
    for (;;) {
        if (atomic_load_explicit(&conn->dead, memory_order_acquire) != NULL) {
            bury_dead_locked(conn);
        }
        atomic_store_explicit(&conn->state, (uint8_t)lite_state_locked(conn), memory_order_relaxed);
        bool doomed = conn->doomed;
        orm_lock_release(&conn->lock);
        if (doomed) {
            lite_conn_free(conn);
            return;
        }
        /* somebody may have pushed a cursor after we looked and seen us still inside */
        if (atomic_load_explicit(&conn->dead, memory_order_acquire) == NULL
            || orm_lock_try(&conn->lock) != ORM_LOCK_TAKEN) {
            return;
        }
    }
}

int
lite_busy_handler(void *arg, int count)
{
    static const uint8_t sleeps_ms[] = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100};
    enum { NSLEEPS = sizeof(sleeps_ms) };
    orm_conn *conn = arg;
    if (conn->direct) {
        return 0; /* the caller comes back without the GIL */
    }
    orm_mono now = orm_mono_now();
    if (count == 0) {
        conn->busy_until = orm_mono_earlier(
            conn->busy_timeout == ORM_NEVER ? ORM_NEVER : now + conn->busy_timeout, conn->deadline);
    }
    if (now >= conn->busy_until) {
        return 0;
    }
    int ms = orm_mono_left_ms(conn->busy_until, sleeps_ms[count < NSLEEPS ? count : NSLEEPS - 1]);
    atomic_fetch_add_explicit(&conn->waits, 1, memory_order_relaxed);
    ORM_COUNT(lite_busy_wait);
    if (conn->waiter.wait != NULL) {
        conn->waiter.wait(conn->waiter.arg, -1, 0, ms);
    }
    else {
        poll(NULL, 0, ms); /* a signal ends it early: then check looks */
    }
    if (conn->waiter.check != NULL && conn->waiter.check(conn->waiter.arg) < 0) {
        conn->signalled = true;
        return 0;
    }
    return !atomic_load_explicit(&conn->cancelled, memory_order_relaxed);
}

int
lite_check_locked(orm_conn *conn, orm_err *err)
{
    orm_mono now = orm_mono_now();
    if (now >= conn->check_at) {
        /* check takes the GIL: never in the first moments of a call, and seldom after them */
        if (conn->check_at > 0 && conn->waiter.check != NULL
            && conn->waiter.check(conn->waiter.arg) < 0) {
            conn->signalled = true;
        }
        conn->check_at = now + CHECK_TIME;
    }
    if (conn->signalled) {
        return orm_err_set(err, ORM_E_SIGNAL, "stopped by a signal");
    }
    if (atomic_load_explicit(&conn->cancelled, memory_order_relaxed)) {
        return orm_err_set(err, ORM_E_CANCELLED, "the statement was cancelled");
    }
    if (now >= conn->deadline) {
        return orm_err_set(err, ORM_E_TIMEOUT, "the statement did not end before its deadline");
    }
    return 0;
}

/* A step may go on for ever without giving a row. */
int
lite_progress_handler(void *arg)
{
    orm_conn *conn = arg;
    orm_err ignored; /* what stopped it is found again when the step has failed */

    orm_err_init(&ignored);
    int stop = lite_check_locked(conn, &ignored) < 0;
    orm_err_fini(&ignored);
    return stop;
}

void
lite_set_waiter(orm_conn *conn, const orm_waiter *waiter)
{
    conn->waiter = waiter == NULL ? (orm_waiter){.wake_fd = -1} : *waiter;
}

void
lite_cancel(orm_conn *conn)
{
    atomic_store_explicit(&conn->cancelled, true, memory_order_relaxed);
    if (conn->db != NULL) {
        sqlite3_interrupt(conn->db);
    }
}
