/*
 * prepare.c - what happens to one connection between two users: clean, test, open, close.
 *
 * Place: called by pool.c and reaper.c, without the pool's lock, for an entry that is BUSY
 *   and belongs to the calling thread. All I/O of the pool is here.
 * A connection is handed out only when its driver said that it is clean; a dead one is
 *   closed and replaced in the same slot, so that the pool's total does not move. One that
 *   was found dead bumps the generation: all idle ones older than that are pinged before
 *   they are handed out.
 */
#include <unistd.h>

#include "pool/pool_int.h"

/* Part of the recycle time that is spread over connections, so that they do not all expire
   at once: a tenth. */
static orm_mono
expiry_of(const orm_pool *pool, const pool_entry *e)
{
    if (pool->opts.recycle_ms < 0) {
        return ORM_NEVER;
    }
    uint64_t noise = ((uint64_t)(uintptr_t)e ^ (uint64_t)e->pub.created) *
                     UINT64_C(0x9E3779B97F4A7C15);
    orm_mono whole = pool->opts.recycle_ms * ORM_MONO_MS;
    return e->pub.created + whole - (orm_mono)((noise >> 44) % 1024) * (whole / 10240);
}

void
orm_pool_close_entry(orm_pool *pool, pool_entry *e)
{
    orm_conn *conn = e->pub.conn;
    void *user = e->pub.user;

    e->pub.conn = NULL;
    e->pub.user = NULL;
    if (conn == NULL) {
        return;
    }
    if (e->pub.pid == getpid()) {
        pool->driver->close(conn);
    }
    else {
        pool->driver->forget(conn);
    }
    ORM_COUNT(pool_close);
    pthread_mutex_lock(&pool->mutex);
    pool->closes++;
    pthread_mutex_unlock(&pool->mutex);
    if (user != NULL && pool->opts.closed != NULL) {
        pool->opts.closed(pool->opts.arg, user);
    }
}

orm_pool_state
orm_pool_clean(orm_pool *pool, pool_entry *e)
{
    orm_err err;
    int verdict;

    orm_err_init(&err);
    if (pool->opts.reset == ORM_RESET_NONE) {
        int tx = pool->driver->tx_state(e->pub.conn);
        if (tx == ORM_TX_OPEN || tx == ORM_TX_FAILED || tx == ORM_TX_WINDOW) {
            return ORM_POOL_IDLE; /* asked for: reset_on_return=None */
        }
    }
    verdict = pool->driver->release(e->pub.conn, &err);
    if (verdict < 0) {
        if (err.lost) {
            orm_pool_bump(pool);
        }
        orm_pool_close_entry(pool, e);
    }
    orm_err_fini(&err);
    return verdict > 0 ? ORM_POOL_IDLE : verdict == 0 ? ORM_POOL_SETTLING : ORM_POOL_BUSY;
}

static orm_mono
bounded(orm_mono deadline)
{
    return orm_mono_earlier(deadline, orm_mono_now() + ORM_POOL_RESET_WAIT);
}

/* Finish what its last user left. 0 clean; -1 closed; 1 not clean and not asked to be. */
static int
settle(orm_pool *pool, pool_entry *e, orm_mono deadline, orm_err *err)
{
    orm_pool_state state = (orm_pool_state)e->came_from;

    if (state == ORM_POOL_RETURNED) {
        state = orm_pool_clean(pool, e);
        if (state == ORM_POOL_BUSY) {
            return -1;
        }
    }
    if (state == ORM_POOL_SETTLING) {
        ORM_COUNT(pool_settle);
        if (pool->driver->settle(e->pub.conn, bounded(deadline), err) < 0) {
            orm_pool_close_entry(pool, e);
            return -1;
        }
    }
    e->came_from = ORM_POOL_IDLE;
    return 0;
}

/* Alive as far as the pool can and should know. 0, or -1: closed. */
static int
test(orm_pool *pool, pool_entry *e, orm_mono deadline, orm_err *err)
{
    if (e->retired || e->epoch != e->saw_epoch ||
        (e->expires != ORM_NEVER && orm_mono_now() >= e->expires)) {
        ORM_COUNT(pool_recycle);
        orm_pool_close_entry(pool, e);
        return -1;
    }
    bool alive = pool->driver->alive(e->pub.conn);
    if (alive && (pool->opts.pre_ping || e->pub.generation != e->saw_generation)) {
        pthread_mutex_lock(&pool->mutex);
        pool->pings++;
        pthread_mutex_unlock(&pool->mutex);
        ORM_COUNT(pool_ping);
        alive = pool->driver->ping(e->pub.conn, bounded(deadline), err) == 0;
        e->pub.generation = e->saw_generation;
    }
    if (!alive) {
        /* What killed it may have killed others: ping those that are as old. */
        orm_pool_bump(pool);
        orm_pool_close_entry(pool, e);
        return -1;
    }
    return 0;
}

static int
open_entry(orm_pool *pool, pool_entry *e, orm_mono deadline, const orm_waiter *w, orm_err *err)
{
    orm_conn *conn = NULL;

    pthread_mutex_lock(&pool->mutex);
    e->pub.generation = pool->generation;
    e->epoch = pool->epoch;
    pool->opens++;
    pthread_mutex_unlock(&pool->mutex);
    ORM_COUNT(pool_open);
    if (pool->opts.open(pool->opts.arg, deadline, w, &conn, err) < 0) {
        return -1;
    }
    e->pub.conn = conn;
    e->pub.driver = pool->driver;
    e->pub.created = e->pub.last_used = orm_mono_now();
    e->pub.number = 0;
    e->pub.pid = getpid();
    e->pub.user = NULL;
    e->retired = false;
    e->expires = expiry_of(pool, e);
    return 0;
}

int
orm_pool_prepare(orm_pool *pool, pool_entry *e, orm_mono deadline, const orm_waiter *w,
                 orm_err *err)
{
    if (e->pub.conn != NULL) {
        pool->driver->set_waiter(e->pub.conn, w);
        if (settle(pool, e, deadline, err) == 0 && test(pool, e, deadline, err) == 0) {
            return 0;
        }
        if (err->code == ORM_E_SIGNAL) {
            orm_pool_close_entry(pool, e); /* an exception is set: no second try */
            return -1;
        }
        orm_err_clear(err); /* nobody asked about the dead one */
    }
    return open_entry(pool, e, deadline, w, err);
}
