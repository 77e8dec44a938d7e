/*
 * lock.c - the connection lock; see lock.h.
 *
 * The word `state` alone decides who holds the lock; mutex and condition only put waiters
 * to sleep. A waiter writes 2 while it holds the mutex and before it sleeps, so an unlock
 * that reads 2 finds it asleep once it has the mutex itself: no wake-up is lost.
 * Source: Ulrich Drepper, Futexes Are Tricky, mutex2, with a condition for the futex.
 */
#include "base/lock.h"

#include <errno.h>
#include <time.h>

static uintptr_t
self(void)
{
    return (uintptr_t)pthread_self();
}

int
orm_lock_init(orm_lock *lock)
{
    pthread_condattr_t attr;
    atomic_init(&lock->state, 0);
    atomic_init(&lock->owner, 0);
    if (pthread_mutex_init(&lock->mutex, NULL) != 0) {
        return -1;
    }
    int failed = pthread_condattr_init(&attr);
    if (failed == 0) {
#ifndef __APPLE__ /* there the wait is relative to the monotonic clock anyway */
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
#endif
        failed = pthread_cond_init(&lock->freed, &attr);
        pthread_condattr_destroy(&attr);
    }
    if (failed != 0) {
        pthread_mutex_destroy(&lock->mutex);
        return -1;
    }
    return 0;
}

void
orm_lock_fini(orm_lock *lock)
{
    pthread_cond_destroy(&lock->freed);
    pthread_mutex_destroy(&lock->mutex);
}

int
orm_lock_mine(const orm_lock *lock)
{
    /* Only this thread writes its own id here, so a relaxed read cannot be wrong. */
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) == self();
}

int
orm_lock_try(orm_lock *lock)
{
    int free_state = 0;
    if (atomic_compare_exchange_strong_explicit(&lock->state, &free_state, 1,
                                                memory_order_acquire, memory_order_relaxed)) {
        atomic_store_explicit(&lock->owner, self(), memory_order_relaxed);
        return ORM_LOCK_TAKEN;
    }
    return orm_lock_mine(lock) ? ORM_LOCK_OWN : ORM_LOCK_BUSY;
}

/* Sleep until somebody unlocks; nonzero when the deadline passed. The mutex is held. */
static int
sleep_locked(orm_lock *lock, orm_mono deadline)
{
    if (deadline == ORM_NEVER) {
        pthread_cond_wait(&lock->freed, &lock->mutex);
        return 0;
    }
#ifdef __APPLE__
    orm_mono left = deadline - orm_mono_now();
    struct timespec span = {left > 0 ? left / ORM_MONO_S : 0, left > 0 ? left % ORM_MONO_S : 0};
    return pthread_cond_timedwait_relative_np(&lock->freed, &lock->mutex, &span) == ETIMEDOUT;
#else
    struct timespec until = {deadline / ORM_MONO_S, deadline % ORM_MONO_S};
    return pthread_cond_timedwait(&lock->freed, &lock->mutex, &until) == ETIMEDOUT;
#endif
}

int
orm_lock_take(orm_lock *lock, orm_mono deadline)
{
    int answer = orm_lock_try(lock);
    if (answer != ORM_LOCK_BUSY) {
        return answer;
    }
    pthread_mutex_lock(&lock->mutex);
    while (atomic_exchange_explicit(&lock->state, 2, memory_order_acquire) != 0) {
        if (sleep_locked(lock, deadline)) {
            pthread_mutex_unlock(&lock->mutex);
            return ORM_LOCK_BUSY; /* state stays 2: one wake-up too many does no harm */
        }
    }
    pthread_mutex_unlock(&lock->mutex);
    atomic_store_explicit(&lock->owner, self(), memory_order_relaxed);
    return ORM_LOCK_TAKEN;
}

void
orm_lock_release(orm_lock *lock)
{
    atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
    if (atomic_exchange_explicit(&lock->state, 0, memory_order_release) == 2) {
        pthread_mutex_lock(&lock->mutex);
        pthread_cond_signal(&lock->freed);
        pthread_mutex_unlock(&lock->mutex);
    }
}
