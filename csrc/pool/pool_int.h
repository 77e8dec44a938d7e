/*
 * pool_int.h - what the files of the pool share.
 *
 * Place: private to csrc/pool/. pool.c moves entries, waiter.c lets threads wait for one,
 *   prepare.c makes an entry fit to be handed out, reaper.c has the process' worker thread,
 *   the list of all pools and the handlers of fork.
 * States. An entry is in exactly one list; orm_pool_move_locked is the only function that
 *   puts it there. BUSY is a state with an owner: the thread that opens, settles, pings or
 *   closes it, without the pool's lock, and nobody else touches it.
 * Memory: a pool lives while its owner, an entry or a thread inside holds a reference;
 *   references are counted under the mutex.
 */
#ifndef ORM_POOL_POOL_INT_H
#define ORM_POOL_POOL_INT_H

#include <pthread.h>

#include "pool/pool.h"

#define ORM_POOL_RESET_WAIT (5 * ORM_MONO_S) /* longest settle or ping of one connection */

typedef enum {
    ORM_POOL_IDLE,     /* clean */
    ORM_POOL_SETTLING, /* the driver's release said 0: settle must follow */
    ORM_POOL_RETURNED, /* by a finalizer: release must follow, then settle */
    ORM_POOL_BUSY,     /* owned by a thread inside the pool; conn may be NULL */
    ORM_POOL_USED,     /* checked out */
    ORM_POOL_FOREIGN,  /* checked out when this process was forked; not counted */
    ORM_POOL_NSTATES
} orm_pool_state;

typedef struct pool_entry {
    orm_pooled pub;     /* what users of the pool see; first */
    orm_list link;      /* in pool->lists[state] */
    uint8_t state;      /* orm_pool_state */
    uint8_t came_from;  /* BUSY: the state it had, BUSY itself for a fresh entry */
    bool retired;       /* close it at checkin */
    uint32_t uses;      /* STATIC, THREAD: checkouts that are out */
    uint64_t key;       /* THREAD: whose it is */
    uint64_t epoch;     /* pool->epoch at its opening: an older one is closed at checkin */
    orm_mono expires;   /* recycle: not handed out after this; ORM_NEVER */
    uint64_t saw_generation; /* pool->generation when it became BUSY: what test() compares */
    uint64_t saw_epoch; /* pool->epoch then */
    pthread_t owner;    /* BUSY: the thread; what a forked child may still use */
} pool_entry;

/* A thread that waits for an entry; lives on its stack. */
typedef struct pool_waiter {
    orm_list link;     /* in pool->waiters while queued */
    pool_entry *entry; /* what it was given (BUSY); NULL nothing yet */
    bool queued;       /* still in the list */
    bool retry;        /* STATIC: the shared entry changed, look again */
    int fds[2];        /* pipe: the giver writes one byte */
} pool_waiter;

struct orm_pool {
    pthread_mutex_t mutex;     /* of everything below */
    orm_pool_opts opts;        /* fixed */
    const orm_driver *driver;  /* fixed */
    orm_list lists[ORM_POOL_NSTATES]; /* entries by state; IDLE: next to hand out first */
    uint32_t counts[ORM_POOL_NSTATES]; /* their lengths */
    orm_list waiters;          /* pool_waiter, oldest first */
    uint32_t nwaiters;         /* length of waiters */
    uint32_t refs;             /* owner, entries, threads inside */
    uint64_t generation;       /* bumped when connections are suspect: ping older ones */
    uint64_t epoch;            /* bumped by dispose: close older ones */
    bool closed;               /* for good */
    atomic_bool watched;       /* the worker looks after read windows */
    uint64_t checkouts, opens, closes, pings, waits, timeouts, handovers, passed_on; /* stats */
    orm_list registered;       /* in the process' list of pools; guarded by its lock */
    orm_list orphans;          /* entries of the parent process that a fork left here, conn
                                  forgotten; their `user` still has to be told */
};

/* --- pool.c ------------------------------------------------------------------------------ */

/* The one mover. `back`: at the end of the list. */
void orm_pool_move_locked(orm_pool *pool, pool_entry *e, orm_pool_state state);
/* A new entry without connection, BUSY and owned by this thread; NULL: no memory. */
pool_entry *orm_pool_add_locked(orm_pool *pool);
/* Take a BUSY entry out for good and free it; its connection is gone already. */
void orm_pool_drop_locked(orm_pool *pool, pool_entry *e);
/* Where a BUSY entry goes: to the oldest waiter, else to `state` (if it has a connection and
   there is room), else away. false: it has a connection nobody wants: close it, call again. */
bool orm_pool_give_locked(orm_pool *pool, pool_entry *e, orm_pool_state state);
/* The same, closing what is unwanted; lock not held. */
void orm_pool_give(orm_pool *pool, pool_entry *e, orm_pool_state state);
/* The entry, coming back, may be kept (as far as the pool can tell without I/O). */
bool orm_pool_stays_locked(const orm_pool *pool, const pool_entry *e);
/* What checkin does with an entry that is BUSY: clean, keep, close. Lock not held; uses up
   this thread's reference to the pool. */
void orm_pool_put_back(orm_pool *pool, pool_entry *e, bool stays);
/* Entries that count against the size. */
uint32_t orm_pool_total_locked(const orm_pool *pool);
/* Drop a reference; the last one frees the pool. unref: lock not held; leave: lock held,
   not afterwards. */
void orm_pool_unref(orm_pool *pool);
void orm_pool_leave_locked(orm_pool *pool);
/* Tell the closed callback about what a fork left; lock not held. */
void orm_pool_bury(orm_pool *pool);

/* --- prepare.c: lock not held, the entry is BUSY and ours ------------------------------- */

/* Make it fit to be handed out: 0, or -1 with the entry's connection closed. */
int orm_pool_prepare(orm_pool *pool, pool_entry *e, orm_mono deadline, const orm_waiter *w,
                     orm_err *err);
/* Close its connection, if there is one, and tell the callback. */
void orm_pool_close_entry(orm_pool *pool, pool_entry *e);
/* Give it back to the driver: IDLE or SETTLING, or BUSY when it was closed. */
orm_pool_state orm_pool_clean(orm_pool *pool, pool_entry *e);

/* --- waiter.c ------------------------------------------------------------------------------ */

/* Wait in the queue; lock held before and after, not during. 0: *out is a BUSY entry, or
   NULL: look again. -1: err. */
int orm_pool_wait_locked(orm_pool *pool, orm_mono deadline, const orm_waiter *w,
                         pool_entry **out, orm_err *err);
/* Serve the oldest waiter with e. Its thread must find waiters not empty. */
void orm_pool_hand_locked(orm_pool *pool, pool_entry *e);
/* All waiters look again (close, or the shared entry changed). */
void orm_pool_wake_all_locked(orm_pool *pool);

/* --- reaper.c ------------------------------------------------------------------------------ */

int orm_pool_register(orm_pool *pool, orm_err *err);
void orm_pool_unregister(orm_pool *pool);
/* There is work for the worker; starts it. Lock not held. */
void orm_pool_call_worker(void);

#endif /* ORM_POOL_POOL_INT_H */
