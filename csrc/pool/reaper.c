/*
 * reaper.c - the process' one worker thread, the list of its pools, and fork.
 *
 * Place: pools register here; finalizers and open read windows ask for the worker.
 * Worker. It starts when there is work that no user's thread will do: connections returned
 *   by finalizers (orm_pool_checkin_later) and SQLite read windows left open. Everything
 *   else (settling, recycling, pinging) is done by whoever needs the connection next, so
 *   that most programs never have this thread. It gets no signals and no GIL.
 * Fork. pthread_atfork takes no argument, hence the one static variable here, `registry`.
 *   Before a fork the worker is stopped and joined, and every pool is locked, so that the
 *   child copies no half-done list. The child forgets what is idle (descriptors closed,
 *   nothing sent); what is checked out becomes FOREIGN: its holders get ORM_E_FORKED from
 *   the driver and return it, only then is it forgotten. The parent goes on.
 * Lock order: registry -> pool.
 */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "pool/pool_int.h"

#define WINDOW_TICK (1 * ORM_MONO_S)

static struct {
    pthread_once_t once;    /* sets up changed and the fork handlers */
    pthread_mutex_t lock;   /* of everything here */
    pthread_cond_t changed; /* stop or work was set; monotonic clock */
    orm_list pools;         /* every pool of the process */
    bool running;           /* thread is valid and not joined */
    bool stop;              /* the worker shall end */
    bool work;              /* some pool has work */
    bool atfork;            /* the handlers are registered */
    pthread_t thread;       /* the worker */
} registry = {
    .once = PTHREAD_ONCE_INIT,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .pools = {&registry.pools, &registry.pools},
};

/* --- the worker -------------------------------------------------------------------------- */

/* An entry that a finalizer returned, as BUSY, with a reference to its pool; NULL none. */
static pool_entry *
find_returned(orm_pool **owner, bool *stays)
{
    ORM_LIST_EACH(it, &registry.pools) {
        orm_pool *pool = ORM_LIST_ENTRY(it, orm_pool, registered);
        pool_entry *e = NULL;
        pthread_mutex_lock(&pool->mutex);
        if (pool->refs > 0 && !orm_list_empty(&pool->lists[ORM_POOL_RETURNED])) {
            e = ORM_LIST_ENTRY(pool->lists[ORM_POOL_RETURNED].next, pool_entry, link);
            orm_pool_move_locked(pool, e, ORM_POOL_BUSY);
            *stays = orm_pool_stays_locked(pool, e);
            pool->refs++;
        }
        pthread_mutex_unlock(&pool->mutex);
        if (e != NULL) {
            *owner = pool;
            return e;
        }
    }
    return NULL;
}

/* Ends the read windows of connections that are checked out but idle; how many there were.
   The driver's freshen never blocks: it may run under the pool's lock, which keeps the
   connection from being closed meanwhile. */
static unsigned
close_windows(void)
{
    unsigned open = 0;
    ORM_LIST_EACH(it, &registry.pools) {
        orm_pool *pool = ORM_LIST_ENTRY(it, orm_pool, registered);
        if (!atomic_exchange(&pool->watched, false)) {
            continue; /* cleared first: a window opened from here on sets it again */
        }
        unsigned here = 0;
        pthread_mutex_lock(&pool->mutex);
        ORM_LIST_EACH(node, &pool->lists[ORM_POOL_USED]) {
            pool_entry *e = ORM_LIST_ENTRY(node, pool_entry, link);
            if (pool->driver->tx_state(e->pub.conn) == ORM_TX_WINDOW) {
                here++;
                ORM_COUNT(pool_window);
                (void)pool->driver->freshen(e->pub.conn);
            }
        }
        pthread_mutex_unlock(&pool->mutex);
        if (here > 0) {
            atomic_store(&pool->watched, true);
        }
        open += here;
    }
    return open;
}

static bool
any_watched(void)
{
    ORM_LIST_EACH(it, &registry.pools) {
        if (atomic_load(&ORM_LIST_ENTRY(it, orm_pool, registered)->watched)) {
            return true;
        }
    }
    return false;
}

/* Until there is work, the tick of the windows comes, or the end; registry locked. */
static void
sleep_locked(orm_mono tick)
{
    while (!registry.stop && !registry.work) {
        if (!any_watched()) {
            pthread_cond_wait(&registry.changed, &registry.lock);
            return; /* look again: a pool may be watched now */
        }
        struct timespec until = {tick / ORM_MONO_S, tick % ORM_MONO_S};
        if (pthread_cond_timedwait(&registry.changed, &registry.lock, &until) == ETIMEDOUT) {
            return;
        }
    }
}

static void *
work(void *unused)
{
    orm_mono tick = orm_mono_now() + WINDOW_TICK;

    (void)unused;
    pthread_mutex_lock(&registry.lock);
    while (!registry.stop) {
        orm_pool *pool = NULL;
        bool stays;
        pool_entry *e = find_returned(&pool, &stays);
        registry.work = e != NULL;
        if (e != NULL) {
            pthread_mutex_unlock(&registry.lock);
            orm_pool_put_back(pool, e, stays);
            pthread_mutex_lock(&registry.lock);
            continue;
        }
        if (orm_mono_now() >= tick) {
            close_windows();
            tick = orm_mono_now() + WINDOW_TICK;
        }
        sleep_locked(tick);
    }
    pthread_mutex_unlock(&registry.lock);
    return NULL;
}

static void
start_locked(void)
{
    sigset_t all, old;

    if (registry.running) {
        return;
    }
    registry.stop = false;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    /* Without a thread the next checkout does the work. */
    registry.running = pthread_create(&registry.thread, NULL, work, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (registry.running) {
        ORM_COUNT(pool_worker);
    }
}

void
orm_pool_call_worker(void)
{
    pthread_mutex_lock(&registry.lock);
    registry.work = true;
    start_locked();
    pthread_cond_signal(&registry.changed);
    pthread_mutex_unlock(&registry.lock);
}

void
orm_pool_watch(orm_pool *pool)
{
    if (!atomic_exchange(&pool->watched, true)) {
        orm_pool_call_worker();
    }
}

void
orm_pool_stop_worker(void)
{
    pthread_mutex_lock(&registry.lock);
    bool joins = registry.running && !registry.stop;
    pthread_t thread = registry.thread;
    registry.stop = joins ? true : registry.stop;
    pthread_cond_signal(&registry.changed);
    pthread_mutex_unlock(&registry.lock);
    if (joins) {
        pthread_join(thread, NULL);
        pthread_mutex_lock(&registry.lock);
        registry.running = false;
        pthread_mutex_unlock(&registry.lock);
    }
}

/* --- fork ---------------------------------------------------------------------------------- */

static void
before_fork(void)
{
    orm_pool_stop_worker();
    pthread_mutex_lock(&registry.lock);
    ORM_LIST_EACH(it, &registry.pools) {
        pthread_mutex_lock(&ORM_LIST_ENTRY(it, orm_pool, registered)->mutex);
    }
}

static void
after_fork_in_parent(void)
{
    bool work_left = registry.work;
    ORM_LIST_EACH(it, &registry.pools) {
        orm_pool *pool = ORM_LIST_ENTRY(it, orm_pool, registered);
        work_left = work_left || pool->counts[ORM_POOL_RETURNED] > 0 || pool->watched;
        pthread_mutex_unlock(&pool->mutex);
    }
    pthread_mutex_unlock(&registry.lock);
    if (work_left) {
        orm_pool_call_worker();
    }
}

/* This process never had it: close the descriptor, keep `user` for the closed callback. */
static void
orphan(orm_pool *pool, pool_entry *e)
{
    if (e->pub.conn != NULL) {
        pool->driver->forget(e->pub.conn);
        e->pub.conn = NULL;
    }
    orm_list_remove(&e->link);
    pool->counts[e->state]--;
    orm_list_push_back(&pool->orphans, &e->link);
}

static void
reset_in_child(orm_pool *pool)
{
    static const orm_pool_state idle[] = {ORM_POOL_IDLE, ORM_POOL_SETTLING, ORM_POOL_RETURNED};

    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        ORM_LIST_EACH_SAFE(it, next, &pool->lists[idle[i]]) {
            orphan(pool, ORM_LIST_ENTRY(it, pool_entry, link));
        }
    }
    ORM_LIST_EACH_SAFE(it, next, &pool->lists[ORM_POOL_BUSY]) {
        pool_entry *e = ORM_LIST_ENTRY(it, pool_entry, link);
        /* The thread that forks can be inside the open callback: it comes back for it. */
        if (!pthread_equal(e->owner, pthread_self())) {
            orphan(pool, e);
        }
    }
    ORM_LIST_EACH_SAFE(it, next, &pool->lists[ORM_POOL_USED]) {
        orm_pool_move_locked(pool, ORM_LIST_ENTRY(it, pool_entry, link), ORM_POOL_FOREIGN);
    }
    while (!orm_list_empty(&pool->waiters)) {
        pool_waiter *waiter = ORM_LIST_ENTRY(pool->waiters.next, pool_waiter, link);
        orm_list_remove(&waiter->link);
        waiter->queued = false;
        waiter->retry = true;
    }
    pool->nwaiters = 0;
}

static void
after_fork_in_child(void)
{
    ORM_COUNT(pool_fork);
    registry.running = false;
    registry.stop = false;
    registry.work = false;
    pthread_cond_init(&registry.changed, NULL);
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) == 0) {
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&registry.changed, &attr);
        pthread_condattr_destroy(&attr);
    }
    ORM_LIST_EACH(it, &registry.pools) {
        orm_pool *pool = ORM_LIST_ENTRY(it, orm_pool, registered);
        reset_in_child(pool);
        /* Locked by the thread that forked, which is this one. */
        pthread_mutex_unlock(&pool->mutex);
    }
    pthread_mutex_unlock(&registry.lock);
}

static void
set_up_once(void)
{
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) == 0) {
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&registry.changed, &attr);
        pthread_condattr_destroy(&attr);
    }
    registry.atfork =
        pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
}

int
orm_pool_register(orm_pool *pool, orm_err *err)
{
    pthread_once(&registry.once, set_up_once);
    if (!registry.atfork) {
        return orm_err_set(err, ORM_E_NOMEM, "no memory for the pool's fork handlers");
    }
    pthread_mutex_lock(&registry.lock);
    orm_list_push_back(&registry.pools, &pool->registered);
    pthread_mutex_unlock(&registry.lock);
    return 0;
}

void
orm_pool_unregister(orm_pool *pool)
{
    pthread_mutex_lock(&registry.lock);
    orm_list_remove(&pool->registered);
    pthread_mutex_unlock(&registry.lock);
}
