/*
 * waiter.c - threads that wait for a connection, oldest first, each with a deadline.
 *
 * Place: under orm_pool_checkout.
 * Hand-over. Whoever frees an entry gives it to the oldest waiter under the pool's lock:
 *   it takes the waiter out of the queue, writes waiter->entry and wakes it. From then on
 *   the entry is the waiter's, whatever else happens to it: at its deadline it looks once
 *   more under the lock and takes what it was given; after a signal it passes it on to the
 *   next. So an entry is never given to nobody and never to two.
 * A waiter sleeps in poll() on a pipe of its own, or in the driver's kind of wait hook (an
 *   event loop), in slices of 100 ms so that signal handlers run.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "pool/pool_int.h"

#define SLICE_MS 100

static void
wake(const pool_waiter *waiter)
{
    char byte = 1;
    ssize_t put = write(waiter->fds[1], &byte, 1);
    (void)put; /* a full pipe is readable already */
}

static void
unqueue_locked(orm_pool *pool, pool_waiter *waiter)
{
    if (waiter->queued) {
        orm_list_remove(&waiter->link);
        waiter->queued = false;
        pool->nwaiters--;
    }
}

void
orm_pool_hand_locked(orm_pool *pool, pool_entry *e)
{
    assert(!orm_list_empty(&pool->waiters));
    pool_waiter *waiter = ORM_LIST_ENTRY(pool->waiters.next, pool_waiter, link);

    unqueue_locked(pool, waiter);
    waiter->entry = e;
    pool->handovers++;
    ORM_COUNT(pool_handover);
    wake(waiter);
}

void
orm_pool_wake_all_locked(orm_pool *pool)
{
    while (!orm_list_empty(&pool->waiters)) {
        pool_waiter *waiter = ORM_LIST_ENTRY(pool->waiters.next, pool_waiter, link);
        unqueue_locked(pool, waiter);
        waiter->retry = true;
        wake(waiter);
    }
}

/* One slice of sleep. ORM_OK: woken, _TIMEOUT: the deadline passed, _SIGNAL. */
static orm_code
sleep_on(int fd, orm_mono deadline, const orm_waiter *w)
{
    for (;;) {
        int ms = orm_mono_left_ms(deadline, SLICE_MS);
        int rc;
        if (w != NULL && w->wait != NULL) {
            rc = w->wait(w->arg, fd, POLLIN, ms);
        }
        else {
            struct pollfd p = {.fd = fd, .events = POLLIN};
            rc = poll(&p, 1, ms);
        }
        if (rc > 0) {
            return ORM_OK;
        }
        if (rc < 0 && w != NULL && w->wait != NULL) {
            return ORM_E_SIGNAL; /* the event loop's way to say: stop, an exception is set */
        }
        if (w != NULL && w->check != NULL && w->check(w->arg) < 0) {
            return ORM_E_SIGNAL;
        }
        if (orm_mono_now() >= deadline) {
            return ORM_E_TIMEOUT;
        }
        if (rc < 0 && errno != EINTR) {
            return ORM_E_TIMEOUT; /* poll cannot work: no use to wait */
        }
    }
}

static int
fail_timeout(orm_pool *pool, orm_err *err)
{
    pool->timeouts++;
    ORM_COUNT(pool_timeout);
    return orm_err_set(
        err, ORM_E_POOL_TIMEOUT,
        "QueuePool limit of size %d overflow %d reached, connection timed out, timeout %.2f "
        "(in use %u, being opened or settled %u, others waiting %u)",
        pool->opts.size, pool->opts.max_overflow, (double)pool->opts.timeout_ms / 1000.0,
        pool->counts[ORM_POOL_USED], pool->counts[ORM_POOL_BUSY], pool->nwaiters);
}

int
orm_pool_wait_locked(orm_pool *pool, orm_mono deadline, const orm_waiter *w, pool_entry **out,
                     orm_err *err)
{
    pool_waiter waiter = {.fds = {-1, -1}};
    int rc = 0;

    *out = NULL;
    if (orm_mono_now() >= deadline) {
        return fail_timeout(pool, err);
    }
    if (pipe2(waiter.fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        return orm_err_set(err, ORM_E_NOMEM, "no file descriptors for a waiting thread");
    }
    orm_list_init(&waiter.link);
    orm_list_push_back(&pool->waiters, &waiter.link);
    waiter.queued = true;
    pool->nwaiters++;
    pool->waits++;
    ORM_COUNT(pool_wait);
    pthread_mutex_unlock(&pool->mutex);
    orm_code code = sleep_on(waiter.fds[0], deadline, w);
    pthread_mutex_lock(&pool->mutex);
    unqueue_locked(pool, &waiter);
    if (code == ORM_E_SIGNAL) {
        if (waiter.entry != NULL) {
            pool_entry *given = waiter.entry;
            pool->passed_on++;
            ORM_COUNT(pool_passed_on);
            /* Not tested yet, so back to where it came from; nothing to close means that
               give cannot refuse it. */
            pthread_mutex_unlock(&pool->mutex);
            orm_pool_give(pool, given, (orm_pool_state)given->came_from);
            pthread_mutex_lock(&pool->mutex);
        }
        rc = orm_err_set(err, ORM_E_SIGNAL, "interrupted while waiting for a connection");
    }
    else if (waiter.entry != NULL) {
        waiter.entry->owner = pthread_self();
        waiter.entry->saw_generation = pool->generation;
        waiter.entry->saw_epoch = pool->epoch;
        *out = waiter.entry; /* also at the very moment of its deadline */
    }
    else if (code == ORM_E_TIMEOUT && !waiter.retry) {
        rc = fail_timeout(pool, err);
    }
    close(waiter.fds[0]);
    close(waiter.fds[1]);
    return rc;
}
