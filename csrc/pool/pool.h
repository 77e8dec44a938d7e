/*
 * pool.h - a pool of connections, without Python.
 *
 * Place: between exec/ (which opens, uses and returns connections) and driver/. Every
 *   function is called WITHOUT the GIL; none calls back under the pool's lock.
 * Invariants: an entry is in exactly one state, and a state is a list; one function moves
 *   entries between lists. For QUEUE: idle + settling + returned + busy + used == total <=
 *   size + max_overflow, at every moment the lock is free. A connection is handed out only
 *   when its driver said it is clean (release 1, or settle 0).
 * Fairness: who waits longest is served first; a newcomer never overtakes. What becomes
 *   free is given to the oldest waiter directly. A waiter that gives up at the moment it
 *   was served keeps the entry (time-out) or passes it on (signal): nothing is lost.
 * Locking: one mutex per pool, never held across I/O, a callback or a wait. Lock order:
 *   pool -> connection -> GIL.
 * Forks: pthread_atfork handlers take every pool's lock over the fork and stop the worker
 *   before it; the child forgets every connection (file descriptor closed, nothing sent)
 *   and starts with empty pools.
 */
#ifndef ORM_POOL_POOL_H
#define ORM_POOL_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "driver/driver.h"

typedef struct orm_pool orm_pool;

typedef enum {
    ORM_POOL_QUEUE,  /* size + overflow, waiters queue (QueuePool) */
    ORM_POOL_NULL,   /* a new connection per checkout, closed at checkin (NullPool) */
    ORM_POOL_STATIC, /* one connection, shared by all checkouts (StaticPool) */
    ORM_POOL_THREAD, /* one per key = per thread (SingletonThreadPool) */
} orm_pool_kind;

/* What checkin does with an open transaction. A COMMIT can wait and fail: exec/ commits
   before it calls checkin, and passes ORM_RESET_ROLLBACK here. */
typedef enum {
    ORM_RESET_ROLLBACK, /* roll it back */
    ORM_RESET_NONE,     /* leave it open (reset_on_return=None) */
} orm_pool_reset;

/* One connection that was checked out. The fields are read-only for the user of the pool
   except `user`; they do not change while the entry is checked out. */
typedef struct orm_pooled {
    orm_conn *conn;           /* owned by the pool until detach */
    const orm_driver *driver; /* of conn */
    orm_mono created;         /* when conn was opened, ns */
    orm_mono last_used;       /* last checkout or checkin, ns */
    uint64_t generation;      /* pool generation at which conn was last known good */
    uint64_t number;          /* checkouts of this conn so far; 1 = fresh from open */
    pid_t pid;                /* process that opened conn */
    void *user;               /* exec's record of this conn; NULL at first checkout. Given
                                 to the closed callback when the connection is closed */
} orm_pooled;

typedef struct orm_pool_opts {
    uint8_t kind;         /* orm_pool_kind */
    uint8_t reset;        /* orm_pool_reset */
    bool pre_ping;        /* ping at each checkout of a used connection */
    bool lifo;            /* hand out the connection that came back last */
    int32_t size;         /* QUEUE: kept connections, 0 = no limit at all; THREAD: bound */
    int32_t max_overflow; /* QUEUE: more than size while busy; -1 = no limit */
    int64_t timeout_ms;   /* longest wait of a checkout, opening not counted; 0 = none */
    int64_t recycle_ms;   /* replace a connection older than this (each at 90..100 %); -1 */
    int (*open)(void *arg, orm_mono deadline, const orm_waiter *w, orm_conn **out,
                orm_err *err); /* makes a connection; runs in the thread of checkout */
    void (*closed)(void *arg, void *user); /* conn was closed and `user` is not NULL; any
                            thread, no lock held, no GIL: must not block or take the GIL.
                            In a forked child called at the pool's next use. May be NULL */
    void *arg;            /* of the callbacks; lives until orm_pool_free returned and the
                             last entry came back */
} orm_pool_opts;

typedef struct orm_pool_stats {
    int32_t size, max_overflow;                     /* as configured */
    uint32_t idle;                                  /* clean and waiting */
    uint32_t settling;                              /* ROLLBACK sent or still to send */
    uint32_t busy;                                  /* being opened, settled or pinged */
    uint32_t used;                                  /* checked out */
    uint32_t waiters;                               /* threads waiting for one */
    uint64_t generation;                            /* bumps so far */
    uint64_t checkouts, opens, closes, pings;       /* since the pool was made */
    uint64_t waits, timeouts, handovers, passed_on; /* handover = given to a waiter;
                                          passed_on = given back by one that gave up */
} orm_pool_stats;

/* Makes a pool; opens nothing. NULL: no memory, err filled. `opts` is copied. */
orm_pool *orm_pool_new(const orm_pool_opts *opts, const orm_driver *driver, orm_err *err);

/* Closes the pool (as orm_pool_close) and frees it, at once or when the last entry that is
   checked out comes back. NULL is allowed. */
void orm_pool_free(orm_pool *pool);

/* Takes a connection. `deadline` bounds everything together (ORM_NEVER: the pool's timeout
   bounds the wait, the open callback its own time). `key` is used by THREAD only: a number
   that no other living or dead thread of the process has. `w` may be NULL; it serves
   signals during the wait, and is set on the connection when it is handed out.
   0: *out is checked out. -1: err is ORM_E_POOL_TIMEOUT, _POOL_CLOSED, _SIGNAL, _NOMEM, or
   what the open callback said. STATIC and THREAD hand the same entry out again and count. */
int orm_pool_checkout(orm_pool *pool, uint64_t key, orm_mono deadline, const orm_waiter *w,
                      orm_pooled **out, orm_err *err);

/* Returns an entry: idle, settling, handed to a waiter, or closed. Never waits for the
   server. The caller's pointer is dead afterwards. */
void orm_pool_checkin(orm_pool *pool, orm_pooled *entry);

/* As checkin for a finalizer: no I/O at all in this thread; the pool's worker (started by
   this) or the next checkout does it. */
void orm_pool_checkin_later(orm_pool *pool, orm_pooled *entry);

/* Instead of checkin: closes the connection now. `bump`: it was lost, so idle connections
   made before this moment are pinged before they are handed out. */
void orm_pool_discard(orm_pool *pool, orm_pooled *entry, bool bump);

/* The connection stays in use but is closed at checkin (soft invalidate). */
void orm_pool_retire(orm_pool *pool, orm_pooled *entry);

/* Instead of checkin: the connection leaves the pool and belongs to the caller. NULL: it is
   shared with others (STATIC, THREAD) or of another process, and stays checked out. */
orm_conn *orm_pool_detach(orm_pool *pool, orm_pooled *entry, void **user);

/* Every connection made before now is pinged before it is handed out again. */
void orm_pool_bump(orm_pool *pool);

/* Closes what is idle; what is in use is closed at checkin. The pool stays usable. */
void orm_pool_dispose(orm_pool *pool);

/* One idle connection leaves the pool, not closed. true: *user is its `user`, whose connection
   belongs to the caller; NULL: it had none and was closed. false: nothing is idle. */
bool orm_pool_take_idle(orm_pool *pool, void **user);

/* As dispose, and for good: waiters and later checkouts get _POOL_CLOSED. */
void orm_pool_close(orm_pool *pool);

void orm_pool_read_stats(orm_pool *pool, orm_pool_stats *out);

/* Calls `visit` for every connection that is idle or checked out, under the pool's lock:
   it may count or copy, nothing else. */
void orm_pool_visit(orm_pool *pool, void (*visit)(const orm_pooled *entry, void *arg),
                    void *arg);

/* tx_state of a connection that is checked out says ORM_TX_WINDOW: the worker ends windows
   that are idle, about once a second, as long as there are any. Costs one atomic exchange
   when it watches already. */
void orm_pool_watch(orm_pool *pool);

/* Stops and joins the process' worker, if it runs; it starts again when it is needed. Exit
   handlers call it. */
void orm_pool_stop_worker(void);

#endif
