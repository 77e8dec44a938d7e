/*
 * lock.h - the lock of a connection: bounded waiting, and re-entry is told from contention.
 *
 * Uncontended it costs one atomic exchange each way. A waiter sleeps on a condition until
 * its deadline (monotonic clock). The owner is remembered, so that a callback that comes
 * back into its own connection gets an answer instead of a deadlock.
 * Never wait for one while holding the GIL: use orm_lock_try there.
 */
#ifndef ORM_BASE_LOCK_H
#define ORM_BASE_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/mono.h"

typedef struct orm_lock {
    atomic_int state;         /* 0 free, 1 held, 2 held and somebody may be waiting */
    _Atomic uintptr_t owner;  /* pthread_self() of the holder; 0 when free */
    pthread_mutex_t mutex;    /* guards the sleeping only, not what this lock guards */
    pthread_cond_t freed;     /* signalled by an unlock that found state 2 */
} orm_lock;

/* What taking the lock can answer. */
enum { ORM_LOCK_TAKEN = 0, ORM_LOCK_OWN = 1 /* by this thread already */, ORM_LOCK_BUSY = 2 };

/* 0, or -1 when the system gives no mutex. */
int orm_lock_init(orm_lock *lock);
void orm_lock_fini(orm_lock *lock);
/* Never waits: TAKEN, OWN or BUSY. */
int orm_lock_try(orm_lock *lock);
/* Waits until the deadline: TAKEN, OWN, or BUSY when it passed. */
int orm_lock_take(orm_lock *lock, orm_mono deadline);
void orm_lock_release(orm_lock *lock);
/* Nonzero when this thread holds it. */
int orm_lock_mine(const orm_lock *lock);

#endif /* ORM_BASE_LOCK_H */
