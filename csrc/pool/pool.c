/*
 * pool.c - the pool's states and the way of an entry through them.
 *
 * Place: the public functions of pool.h; waits in waiter.c, does I/O in prepare.c.
 *
 *            checkout                 prepared
 *     IDLE ------------> BUSY ---------------------> USED
 *     SETTLING -------->  |  <----------------------- |
 *     RETURNED -------->  |        checkin            |
 *     (new) ----------->  +--> waiter, IDLE, SETTLING, or closed
 *
 * Under the lock only lists are touched. Between two states an entry is BUSY and owned by
 *   one thread, which may then do I/O without the lock.
 * Fairness: an entry that becomes free goes to the oldest waiter; a newcomer finds a free
 *   one only when nobody waits.
 * Source of the shape: PgBouncer's lists of server connections with one mover.
 */
#include <stdlib.h>
#include <unistd.h>

#include "pool/pool_int.h"

/* --- states ---------------------------------------------------------------------------- */

void
orm_pool_move_locked(orm_pool *pool, pool_entry *e, orm_pool_state state)
{
    orm_list_remove(&e->link);
    pool->counts[e->state]--;
    if (state == ORM_POOL_BUSY) {
        e->came_from = e->state == ORM_POOL_USED ? ORM_POOL_BUSY : e->state;
        e->owner = pthread_self();
        e->saw_generation = pool->generation;
        e->saw_epoch = pool->epoch;
    }
    e->state = (uint8_t)state;
    pool->counts[state]++;
    if (state == ORM_POOL_IDLE && pool->opts.lifo) {
        orm_list_push_front(&pool->lists[state], &e->link);
    }
    else {
        orm_list_push_back(&pool->lists[state], &e->link);
    }
}

pool_entry *
orm_pool_add_locked(orm_pool *pool)
{
    pool_entry *e = orm_calloc(1, sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    e->pub.driver = pool->driver;
    e->state = e->came_from = ORM_POOL_BUSY;
    e->owner = pthread_self();
    orm_list_init(&e->link);
    orm_list_push_back(&pool->lists[ORM_POOL_BUSY], &e->link);
    pool->counts[ORM_POOL_BUSY]++;
    pool->refs++;
    return e;
}

void
orm_pool_drop_locked(orm_pool *pool, pool_entry *e)
{
    assert(e->pub.conn == NULL);
    orm_list_remove(&e->link);
    pool->counts[e->state]--;
    pool->refs--; /* never the last one: the caller is inside */
    orm_free(e);
}

uint32_t
orm_pool_total_locked(const orm_pool *pool)
{
    uint32_t total = 0;
    for (int s = 0; s < ORM_POOL_FOREIGN; s++) {
        total += pool->counts[s];
    }
    return total;
}

static bool
has_room_locked(const orm_pool *pool)
{
    const orm_pool_opts *o = &pool->opts;
    if (o->kind != ORM_POOL_QUEUE || o->size == 0 || o->max_overflow < 0) {
        return true;
    }
    return orm_pool_total_locked(pool) < (uint32_t)(o->size + o->max_overflow);
}

/* One more clean connection may be kept. */
static bool
keeps_one_more_locked(const orm_pool *pool)
{
    uint32_t kept = pool->counts[ORM_POOL_IDLE] + pool->counts[ORM_POOL_SETTLING] +
                    pool->counts[ORM_POOL_RETURNED];
    if (pool->closed || pool->opts.kind == ORM_POOL_NULL) {
        return false;
    }
    return pool->opts.kind != ORM_POOL_QUEUE || pool->opts.size == 0 ||
           kept < (uint32_t)pool->opts.size;
}

bool
orm_pool_give_locked(orm_pool *pool, pool_entry *e, orm_pool_state state)
{
    bool shared = pool->opts.kind == ORM_POOL_STATIC || pool->opts.kind == ORM_POOL_THREAD;

    if (!shared && !pool->closed && !orm_list_empty(&pool->waiters)) {
        e->came_from = (uint8_t)(e->pub.conn == NULL ? ORM_POOL_BUSY : state);
        orm_pool_hand_locked(pool, e);
        return true;
    }
    if (e->pub.conn == NULL) {
        orm_pool_drop_locked(pool, e);
    }
    else if (!keeps_one_more_locked(pool)) {
        return false;
    }
    else {
        orm_pool_move_locked(pool, e, state);
    }
    if (shared) {
        orm_pool_wake_all_locked(pool);
    }
    return true;
}

/* give_locked to its end: what nobody wants is closed, without the lock for as long. */
static void
settle_place_locked(orm_pool *pool, pool_entry *e, orm_pool_state state)
{
    if (!orm_pool_give_locked(pool, e, state)) {
        pthread_mutex_unlock(&pool->mutex);
        orm_pool_close_entry(pool, e);
        pthread_mutex_lock(&pool->mutex);
        (void)orm_pool_give_locked(pool, e, ORM_POOL_IDLE); /* an empty one is never refused */
    }
}

void
orm_pool_give(orm_pool *pool, pool_entry *e, orm_pool_state state)
{
    pthread_mutex_lock(&pool->mutex);
    settle_place_locked(pool, e, state);
    pthread_mutex_unlock(&pool->mutex);
}

static pool_entry *
first_of_locked(orm_pool *pool, orm_pool_state state)
{
    orm_list *list = &pool->lists[state];
    return orm_list_empty(list) ? NULL : ORM_LIST_ENTRY(list->next, pool_entry, link);
}

/* --- making and ending a pool ------------------------------------------------------------ */

orm_pool *
orm_pool_new(const orm_pool_opts *opts, const orm_driver *driver, orm_err *err)
{
    orm_pool *pool = orm_calloc(1, sizeof(*pool));
    if (pool == NULL || pthread_mutex_init(&pool->mutex, NULL) != 0) {
        orm_free(pool);
        orm_err_nomem(err);
        return NULL;
    }
    pool->opts = *opts;
    pool->driver = driver;
    pool->refs = 1;
    for (int s = 0; s < ORM_POOL_NSTATES; s++) {
        orm_list_init(&pool->lists[s]);
    }
    orm_list_init(&pool->waiters);
    orm_list_init(&pool->registered);
    orm_list_init(&pool->orphans);
    if (orm_pool_register(pool, err) < 0) {
        pthread_mutex_destroy(&pool->mutex);
        orm_free(pool);
        return NULL;
    }
    return pool;
}

void
orm_pool_leave_locked(orm_pool *pool)
{
    bool last = --pool->refs == 0;

    pthread_mutex_unlock(&pool->mutex);
    if (last) {
        orm_pool_unregister(pool);
        pthread_mutex_destroy(&pool->mutex);
        orm_free(pool);
    }
}

void
orm_pool_unref(orm_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    orm_pool_leave_locked(pool);
}

void
orm_pool_bury(orm_pool *pool)
{
    for (;;) {
        pthread_mutex_lock(&pool->mutex);
        orm_list *node = orm_list_pop_front(&pool->orphans);
        pthread_mutex_unlock(&pool->mutex);
        if (node == NULL) {
            return;
        }
        pool_entry *e = ORM_LIST_ENTRY(node, pool_entry, link);
        if (e->pub.user != NULL && pool->opts.closed != NULL) {
            pool->opts.closed(pool->opts.arg, e->pub.user);
        }
        orm_free(e);
        orm_pool_unref(pool); /* the caller holds another */
    }
}

static const orm_pool_state kept[] = {ORM_POOL_IDLE, ORM_POOL_SETTLING, ORM_POOL_RETURNED};

/* Something that waits in the pool, as BUSY; NULL: nothing does. */
static pool_entry *
take_kept_locked(orm_pool *pool)
{
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        pool_entry *e = first_of_locked(pool, kept[i]);
        if (e != NULL) {
            orm_pool_move_locked(pool, e, ORM_POOL_BUSY);
            return e;
        }
    }
    return NULL;
}

void
orm_pool_dispose(orm_pool *pool)
{
    pool_entry *e;

    orm_pool_bury(pool);
    pthread_mutex_lock(&pool->mutex);
    pool->epoch++;
    while ((e = take_kept_locked(pool)) != NULL) {
        pthread_mutex_unlock(&pool->mutex);
        orm_pool_close_entry(pool, e);
        pthread_mutex_lock(&pool->mutex);
        (void)orm_pool_give_locked(pool, e, ORM_POOL_IDLE);
    }
    pthread_mutex_unlock(&pool->mutex);
}

bool
orm_pool_take_idle(orm_pool *pool, void **user)
{
    pool_entry *e;

    *user = NULL;
    pthread_mutex_lock(&pool->mutex);
    e = take_kept_locked(pool);
    pthread_mutex_unlock(&pool->mutex);
    if (e == NULL) {
        return false;
    }
    if (e->pub.user != NULL) {
        *user = e->pub.user;
        e->pub.conn = NULL;
        e->pub.user = NULL;
    }
    orm_pool_close_entry(pool, e); /* nothing, unless nobody has seen it yet */
    orm_pool_give(pool, e, ORM_POOL_BUSY);
    return true;
}

void
orm_pool_close(orm_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->closed = true;
    orm_pool_wake_all_locked(pool);
    pthread_mutex_unlock(&pool->mutex);
    orm_pool_dispose(pool);
}

void
orm_pool_free(orm_pool *pool)
{
    if (pool != NULL) {
        orm_pool_close(pool);
        orm_pool_unref(pool);
    }
}

/* --- checkout ------------------------------------------------------------------------------ */

static int
fail_closed(orm_err *err)
{
    return orm_err_set(err, ORM_E_POOL_CLOSED, "the pool is closed");
}

/* A free entry as BUSY: clean, else one to be settled, else a new one. NULL: all are in use
   (err untouched), or no memory (err set). */
static pool_entry *
take_free_locked(orm_pool *pool, orm_err *err)
{
    pool_entry *e = take_kept_locked(pool);

    if (e != NULL || !has_room_locked(pool)) {
        return e;
    }
    e = orm_pool_add_locked(pool);
    if (e == NULL) {
        orm_err_nomem(err);
    }
    return e;
}

/* When a wait that begins now ends. */
static orm_mono
wait_end(const orm_pool *pool, orm_mono deadline)
{
    return orm_mono_earlier(deadline, orm_mono_now() + pool->opts.timeout_ms * ORM_MONO_MS);
}

/* QUEUE, NULL: an entry as BUSY; lock held. NULL: err set. */
static pool_entry *
acquire_locked(orm_pool *pool, orm_mono deadline, const orm_waiter *w, orm_err *err)
{
    for (orm_mono until = 0;;) {
        pool_entry *e = NULL;
        if (pool->closed) {
            fail_closed(err);
            return NULL;
        }
        if (orm_list_empty(&pool->waiters)) {
            e = take_free_locked(pool, err);
        }
        if (e != NULL || err->code != ORM_OK) {
            return e;
        }
        until = until == 0 ? wait_end(pool, deadline) : until;
        if (orm_pool_wait_locked(pool, until, w, &e, err) < 0) {
            return NULL;
        }
        if (e != NULL) {
            return e;
        }
    }
}

/* STATIC, THREAD: the entry of this key in a list; NULL none. */
static pool_entry *
find_locked(orm_pool *pool, orm_pool_state state, uint64_t key)
{
    ORM_LIST_EACH(it, &pool->lists[state]) {
        pool_entry *e = ORM_LIST_ENTRY(it, pool_entry, link);
        if (e->key == key) {
            return e;
        }
    }
    return NULL;
}

/* STATIC, THREAD: the entry of this key, USED already or as BUSY; lock held. */
static pool_entry *
acquire_shared_locked(orm_pool *pool, uint64_t key, orm_mono deadline, const orm_waiter *w,
                      orm_err *err)
{
    static const orm_pool_state order[] = {ORM_POOL_USED, ORM_POOL_IDLE, ORM_POOL_SETTLING,
                                           ORM_POOL_RETURNED};

    for (orm_mono until = 0;;) {
        if (pool->closed) {
            fail_closed(err);
            return NULL;
        }
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
            pool_entry *e = find_locked(pool, order[i], key);
            if (e != NULL && (e->state != ORM_POOL_USED || !e->retired)) {
                if (e->state != ORM_POOL_USED) {
                    orm_pool_move_locked(pool, e, ORM_POOL_BUSY);
                }
                return e;
            }
        }
        if (find_locked(pool, ORM_POOL_BUSY, key) == NULL) {
            pool_entry *e = orm_pool_add_locked(pool);
            if (e == NULL) {
                orm_err_nomem(err);
                return NULL;
            }
            e->key = key;
            return e;
        }
        /* Another thread opens or cleans it: it wakes all when it is done. */
        pool_entry *ignored;
        until = until == 0 ? wait_end(pool, deadline) : until;
        if (orm_pool_wait_locked(pool, until, w, &ignored, err) < 0) {
            return NULL;
        }
    }
}

/* THREAD: over the bound, the idle one of some other thread goes. Lock held, released and
   taken again. */
static void
trim_threads_locked(orm_pool *pool)
{
    while (pool->opts.kind == ORM_POOL_THREAD && pool->opts.size > 0 &&
           orm_pool_total_locked(pool) > (uint32_t)pool->opts.size) {
        pool_entry *e = first_of_locked(pool, ORM_POOL_IDLE);
        e = e != NULL ? e : first_of_locked(pool, ORM_POOL_SETTLING);
        if (e == NULL) {
            return;
        }
        orm_pool_move_locked(pool, e, ORM_POOL_BUSY);
        pthread_mutex_unlock(&pool->mutex);
        orm_pool_close_entry(pool, e);
        pthread_mutex_lock(&pool->mutex);
        (void)orm_pool_give_locked(pool, e, ORM_POOL_IDLE);
    }
}

static void
hand_out_locked(orm_pool *pool, pool_entry *e)
{
    if (e->state != ORM_POOL_USED) {
        orm_pool_move_locked(pool, e, ORM_POOL_USED);
        if (pool->opts.kind == ORM_POOL_STATIC || pool->opts.kind == ORM_POOL_THREAD) {
            orm_pool_wake_all_locked(pool);
        }
    }
    e->uses++;
    e->pub.number++;
    e->pub.last_used = orm_mono_now();
    pool->checkouts++;
    ORM_COUNT(pool_checkout);
}

int
orm_pool_checkout(orm_pool *pool, uint64_t key, orm_mono deadline, const orm_waiter *w,
                  orm_pooled **out, orm_err *err)
{
    bool shared = pool->opts.kind == ORM_POOL_STATIC || pool->opts.kind == ORM_POOL_THREAD;
    int rc = -1;

    *out = NULL;
    pthread_mutex_lock(&pool->mutex);
    pool->refs++;
    if (!orm_list_empty(&pool->orphans)) {
        pthread_mutex_unlock(&pool->mutex);
        orm_pool_bury(pool);
        pthread_mutex_lock(&pool->mutex);
    }
    pool_entry *e = shared ? acquire_shared_locked(
                                 pool, pool->opts.kind == ORM_POOL_STATIC ? 0 : key, deadline, w, err)
                           : acquire_locked(pool, deadline, w, err);
    if (e != NULL && e->state == ORM_POOL_USED) {
        hand_out_locked(pool, e); /* shared, and out already */
        *out = &e->pub;
        rc = 0;
    }
    else if (e != NULL) {
        pthread_mutex_unlock(&pool->mutex);
        rc = orm_pool_prepare(pool, e, deadline, w, err);
        pthread_mutex_lock(&pool->mutex);
        if (rc == 0) {
            hand_out_locked(pool, e);
            trim_threads_locked(pool);
            *out = &e->pub;
        }
        else {
            (void)orm_pool_give_locked(pool, e, ORM_POOL_IDLE); /* the slot is free again */
        }
    }
    orm_pool_leave_locked(pool);
    return rc;
}

/* --- checkin ------------------------------------------------------------------------------- */

bool
orm_pool_stays_locked(const orm_pool *pool, const pool_entry *e)
{
    return !pool->closed && !e->retired && e->epoch == pool->epoch &&
           pool->opts.kind != ORM_POOL_NULL && e->pub.conn != NULL &&
           (e->expires == ORM_NEVER || orm_mono_now() < e->expires);
}

/* The last user of the entry is done with it: BUSY, a reference for this thread, and true;
   *stays: orm_pool_stays_locked. False: others still use it, or it was another process'. */
static bool
take_back(orm_pool *pool, pool_entry *e, bool *stays)
{
    bool last = false;

    pthread_mutex_lock(&pool->mutex);
    if (e->state == ORM_POOL_FOREIGN) {
        if (--e->uses > 0) {
            pthread_mutex_unlock(&pool->mutex);
            return false;
        }
        orm_list_remove(&e->link);
        pool->counts[ORM_POOL_FOREIGN]--;
        pool->refs++;
        pthread_mutex_unlock(&pool->mutex);
        orm_pool_close_entry(pool, e); /* of another process: forgotten */
        orm_free(e);
        orm_pool_unref(pool); /* the entry's */
        orm_pool_unref(pool); /* this thread's */
        return false;
    }
    assert(e->state == ORM_POOL_USED && e->uses > 0);
    if (--e->uses == 0) {
        orm_pool_move_locked(pool, e, ORM_POOL_BUSY);
        pool->refs++;
        last = true;
        *stays = orm_pool_stays_locked(pool, e);
    }
    pthread_mutex_unlock(&pool->mutex);
    return last;
}

void
orm_pool_put_back(orm_pool *pool, pool_entry *e, bool stays)
{
    orm_pool_state state = ORM_POOL_BUSY;

    if (stays) {
        state = orm_pool_clean(pool, e);
    }
    else {
        orm_pool_close_entry(pool, e);
    }
    pthread_mutex_lock(&pool->mutex);
    settle_place_locked(pool, e, state);
    orm_pool_leave_locked(pool);
}

void
orm_pool_checkin(orm_pool *pool, orm_pooled *entry)
{
    pool_entry *e = (pool_entry *)entry;
    bool stays;

    if (take_back(pool, e, &stays)) {
        e->pub.last_used = orm_mono_now();
        orm_pool_put_back(pool, e, stays);
    }
}

void
orm_pool_checkin_later(orm_pool *pool, orm_pooled *entry)
{
    pool_entry *e = (pool_entry *)entry;
    bool stays; /* for the worker to find out */

    if (!take_back(pool, e, &stays)) {
        return;
    }
    ORM_COUNT(pool_later);
    pthread_mutex_lock(&pool->mutex);
    /* A waiter cleans it in its own thread; else, wanted or not, the worker does. */
    bool unwanted = !orm_pool_give_locked(pool, e, ORM_POOL_RETURNED);
    if (unwanted) {
        orm_pool_move_locked(pool, e, ORM_POOL_RETURNED);
    }
    bool left = pool->counts[ORM_POOL_RETURNED] > 0;
    pthread_mutex_unlock(&pool->mutex);
    if (left) {
        orm_pool_call_worker();
    }
    orm_pool_unref(pool);
}

void
orm_pool_discard(orm_pool *pool, orm_pooled *entry, bool bump)
{
    pool_entry *e = (pool_entry *)entry;
    bool stays; /* it does not */

    if (bump) {
        orm_pool_bump(pool);
    }
    orm_pool_retire(pool, entry); /* for those who share it */
    if (take_back(pool, e, &stays)) {
        orm_pool_close_entry(pool, e);
        orm_pool_give(pool, e, ORM_POOL_BUSY);
        orm_pool_unref(pool);
    }
}

void
orm_pool_retire(orm_pool *pool, orm_pooled *entry)
{
    pthread_mutex_lock(&pool->mutex);
    ((pool_entry *)entry)->retired = true;
    pthread_mutex_unlock(&pool->mutex);
}

orm_conn *
orm_pool_detach(orm_pool *pool, orm_pooled *entry, void **user)
{
    pool_entry *e = (pool_entry *)entry;
    orm_conn *conn = entry->conn;
    bool stays; /* it does not */

    *user = NULL;
    pthread_mutex_lock(&pool->mutex);
    bool alone = e->state == ORM_POOL_USED && e->uses == 1;
    pthread_mutex_unlock(&pool->mutex);
    if (!alone || !take_back(pool, e, &stays)) {
        return NULL;
    }
    *user = e->pub.user;
    e->pub.conn = NULL;
    e->pub.user = NULL;
    orm_pool_give(pool, e, ORM_POOL_BUSY);
    orm_pool_unref(pool);
    return conn;
}

/* --- looking ------------------------------------------------------------------------------- */

void
orm_pool_bump(orm_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->generation++;
    pthread_mutex_unlock(&pool->mutex);
}

void
orm_pool_read_stats(orm_pool *pool, orm_pool_stats *out)
{
    pthread_mutex_lock(&pool->mutex);
    *out = (orm_pool_stats){
        .size = pool->opts.size,
        .max_overflow = pool->opts.max_overflow,
        .idle = pool->counts[ORM_POOL_IDLE],
        .settling = pool->counts[ORM_POOL_SETTLING] + pool->counts[ORM_POOL_RETURNED],
        .busy = pool->counts[ORM_POOL_BUSY],
        .used = pool->counts[ORM_POOL_USED],
        .waiters = pool->nwaiters,
        .generation = pool->generation,
        .checkouts = pool->checkouts,
        .opens = pool->opens,
        .closes = pool->closes,
        .pings = pool->pings,
        .waits = pool->waits,
        .timeouts = pool->timeouts,
        .handovers = pool->handovers,
        .passed_on = pool->passed_on,
    };
    pthread_mutex_unlock(&pool->mutex);
}

void
orm_pool_visit(orm_pool *pool, void (*visit)(const orm_pooled *entry, void *arg), void *arg)
{
    pthread_mutex_lock(&pool->mutex);
    for (int s = 0; s <= ORM_POOL_USED; s++) {
        ORM_LIST_EACH(it, &pool->lists[s]) {
            const pool_entry *e = ORM_LIST_ENTRY(it, pool_entry, link);
            if (s != ORM_POOL_BUSY && e->pub.conn != NULL) {
                visit(&e->pub, arg);
            }
        }
    }
    pthread_mutex_unlock(&pool->mutex);
}
