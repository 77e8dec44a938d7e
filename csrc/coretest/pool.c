/*
 * coretest/pool.c - the pool with a driver that only remembers what was asked of it.
 *
 * The waiter's wait hook runs in the waiting thread in place of poll(): a hook that returns
 * a connection to the pool and then says "time is up" is the exact moment in which a
 * hand-over and a deadline meet, without a second thread. Three real threads with random
 * steps look for what nobody thought of; a connection knows whether it is out twice.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coretest/coretest.h"
#include "pool/pool.h"

typedef struct fake_ctx {
    atomic_int opened, closed, forgotten, pinged, settled, told; /* what happened how often */
    atomic_int clashes;  /* a connection was used by two at once */
    atomic_int fail_open; /* opens to refuse */
    orm_pool *pool;      /* under test */
    orm_pooled *held;    /* what the hook returns to the pool */
    bool gives;          /* the hook returns `held` */
    bool interrupts;     /* check says: a signal handler raised */
    bool ready;          /* the hook answers 1: the pipe can be read */
} fake_ctx;

typedef struct fake_conn {
    fake_ctx *ctx;     /* of the test */
    atomic_int out;    /* checked out now */
    bool dead;         /* alive says no */
    bool deaf;         /* ping fails */
    int release_says;  /* answer of release */
} fake_conn;

/* --- the driver ---------------------------------------------------------------------------- */

static int
fake_open(void *arg, orm_mono deadline, const orm_waiter *w, orm_conn **out, orm_err *err)
{
    fake_ctx *ctx = arg;
    (void)deadline;
    (void)w;
    if (atomic_load(&ctx->fail_open) > 0) {
        atomic_fetch_sub(&ctx->fail_open, 1);
        return orm_err_set(err, ORM_E_UNAVAILABLE, "nobody there");
    }
    fake_conn *conn = orm_calloc(1, sizeof(*conn));
    if (conn == NULL) {
        return orm_err_nomem(err);
    }
    conn->ctx = ctx;
    conn->release_says = 1;
    atomic_fetch_add(&ctx->opened, 1);
    *out = (orm_conn *)conn;
    return 0;
}

static void
fake_close(orm_conn *conn)
{
    fake_conn *f = (fake_conn *)conn;
    if (atomic_load(&f->out) != 0) {
        atomic_fetch_add(&f->ctx->clashes, 1);
    }
    atomic_fetch_add(&f->ctx->closed, 1);
    orm_free(f);
}

static void
fake_forget(orm_conn *conn)
{
    fake_conn *f = (fake_conn *)conn;
    atomic_fetch_add(&f->ctx->forgotten, 1);
    orm_free(f);
}

static int
fake_release(orm_conn *conn, orm_err *err)
{
    fake_conn *f = (fake_conn *)conn;
    if (f->release_says < 0) {
        orm_err_set(err, ORM_E_LOST, "lost");
        err->lost = true;
    }
    return f->release_says;
}

static int
fake_settle(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    (void)deadline;
    (void)err;
    atomic_fetch_add(&((fake_conn *)conn)->ctx->settled, 1);
    return 0;
}

static int
fake_alive(orm_conn *conn)
{
    return !((fake_conn *)conn)->dead;
}

static int
fake_ping(orm_conn *conn, orm_mono deadline, orm_err *err)
{
    fake_conn *f = (fake_conn *)conn;
    (void)deadline;
    atomic_fetch_add(&f->ctx->pinged, 1);
    return f->deaf ? orm_err_set(err, ORM_E_LOST, "no answer") : 0;
}

static int
fake_tx_state(const orm_conn *conn)
{
    (void)conn;
    return ORM_TX_IDLE;
}

static void
fake_set_waiter(orm_conn *conn, const orm_waiter *w)
{
    (void)conn;
    (void)w;
}

static void
fake_closed(void *arg, void *user)
{
    (void)user;
    atomic_fetch_add(&((fake_ctx *)arg)->told, 1);
}

static const orm_driver fake_driver = {
    .name = "fake",
    .close = fake_close,
    .release = fake_release,
    .settle = fake_settle,
    .alive = fake_alive,
    .ping = fake_ping,
    .tx_state = fake_tx_state,
    .set_waiter = fake_set_waiter,
    .forget = fake_forget,
};

/* --- helpers ------------------------------------------------------------------------------- */

static orm_pool_opts
queue_opts(fake_ctx *ctx, int size, int overflow)
{
    return (orm_pool_opts){.kind = ORM_POOL_QUEUE,
                           .size = size,
                           .max_overflow = overflow,
                           .recycle_ms = -1,
                           .open = fake_open,
                           .closed = fake_closed,
                           .arg = ctx};
}

static orm_pool *
make_pool(fake_ctx *ctx, const orm_pool_opts *opts)
{
    orm_err err;
    orm_err_init(&err);
    ctx->pool = orm_pool_new(opts, &fake_driver, &err);
    orm_err_fini(&err);
    return ctx->pool;
}

/* Take one; NULL and the code in *code when there was none. */
static orm_pooled *
take(orm_pool *pool, uint64_t key, const orm_waiter *w, orm_code *code)
{
    orm_pooled *entry = NULL;
    orm_err err;
    orm_err_init(&err);
    (void)orm_pool_checkout(pool, key, ORM_NEVER, w, &entry, &err);
    if (code != NULL) {
        *code = err.code;
    }
    orm_err_fini(&err);
    return entry;
}

/* The wait hook: see the head of this file. */
static int
hook_wait(void *arg, int fd, short events, int timeout_ms)
{
    fake_ctx *ctx = arg;
    (void)fd;
    (void)events;
    (void)timeout_ms;
    if (ctx->gives) {
        ctx->gives = false;
        orm_pool_checkin(ctx->pool, ctx->held);
    }
    return ctx->ready ? 1 : 0;
}

static int
hook_check(void *arg)
{
    return ((fake_ctx *)arg)->interrupts ? -1 : 0;
}

/* --- one thread ---------------------------------------------------------------------------- */

static void
connection_is_reused_when_returned(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 2, 0);
    orm_pool *pool = make_pool(&ctx, &opts);

    orm_pooled *first = take(pool, 0, NULL, NULL);
    orm_conn *conn = first->conn;
    first->user = &ctx;
    orm_pool_checkin(pool, first);
    orm_pooled *again = take(pool, 0, NULL, NULL);

    ORM_CHECK(c, again->conn == conn && again->number == 2 && again->user == &ctx);
    ORM_CHECK(c, ctx.opened == 1);
    orm_pool_checkin(pool, again);
    orm_pool_free(pool);
    ORM_CHECK(c, ctx.closed == 1 && ctx.told == 1);
}

static void
order_is_fifo_unless_lifo_is_asked_for(orm_check *c)
{
    for (int lifo = 0; lifo < 2; lifo++) {
        fake_ctx ctx = {0};
        orm_pool_opts opts = queue_opts(&ctx, 2, 0);
        opts.lifo = lifo;
        orm_pool *pool = make_pool(&ctx, &opts);
        orm_pooled *a = take(pool, 0, NULL, NULL);
        orm_pooled *b = take(pool, 0, NULL, NULL);
        orm_pooled *expected = lifo ? b : a;

        orm_pool_checkin(pool, a);
        orm_pool_checkin(pool, b);
        orm_pooled *next = take(pool, 0, NULL, NULL);

        ORM_CHECK(c, next == expected);
        orm_pool_checkin(pool, next);
        orm_pool_free(pool);
    }
}

static void
overflow_is_closed_when_returned(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 1, 1);
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *a = take(pool, 0, NULL, NULL);
    orm_pooled *b = take(pool, 0, NULL, NULL);
    orm_code code;

    ORM_CHECK(c, take(pool, 0, NULL, &code) == NULL && code == ORM_E_POOL_TIMEOUT);
    orm_pool_checkin(pool, a);
    orm_pool_checkin(pool, b);

    orm_pool_stats stats;
    orm_pool_read_stats(pool, &stats);
    ORM_CHECK(c, stats.idle == 1 && stats.used == 0 && stats.timeouts == 1);
    ORM_CHECK(c, ctx.closed == 1);
    orm_pool_free(pool);
}

static void
settling_is_settled_when_taken_again(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 1, 0);
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *a = take(pool, 0, NULL, NULL);
    orm_pool_stats stats;

    ((fake_conn *)a->conn)->release_says = 0;
    orm_pool_checkin(pool, a);
    orm_pool_read_stats(pool, &stats);
    ORM_CHECK(c, stats.settling == 1 && stats.idle == 0 && ctx.settled == 0);
    a = take(pool, 0, NULL, NULL);

    ORM_CHECK(c, ctx.settled == 1 && ctx.opened == 1);
    orm_pool_checkin(pool, a);
    orm_pool_free(pool);
}

static void
dead_one_is_replaced_and_older_ones_are_pinged(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 2, 0);
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *a = take(pool, 0, NULL, NULL);
    orm_pooled *b = take(pool, 0, NULL, NULL);

    ((fake_conn *)a->conn)->dead = true;
    orm_pool_checkin(pool, a);
    orm_pool_checkin(pool, b);
    a = take(pool, 0, NULL, NULL); /* finds the dead one */
    ORM_CHECK(c, ctx.closed == 1 && ctx.opened == 3 && ctx.pinged == 0);
    b = take(pool, 0, NULL, NULL); /* as old as the dead one */
    ORM_CHECK(c, ctx.pinged == 1 && ctx.opened == 3);
    orm_pool_checkin(pool, b);
    b = take(pool, 0, NULL, NULL); /* known to be good since */

    ORM_CHECK(c, ctx.pinged == 1);
    orm_pool_checkin(pool, a);
    orm_pool_checkin(pool, b);
    orm_pool_free(pool);
    ORM_CHECK(c, ctx.closed == 3);
}

static void
slot_is_free_again_when_open_fails(orm_check *c)
{
    fake_ctx ctx = {.fail_open = 1};
    orm_pool_opts opts = queue_opts(&ctx, 1, 0);
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_code code;

    ORM_CHECK(c, take(pool, 0, NULL, &code) == NULL && code == ORM_E_UNAVAILABLE);
    orm_pooled *a = take(pool, 0, NULL, &code);

    ORM_CHECK(c, a != NULL);
    orm_pool_checkin(pool, a);
    orm_pool_free(pool);
}

static void
old_one_is_replaced_when_recycle_time_is_over(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 1, 0);
    opts.recycle_ms = 0;
    orm_pool *pool = make_pool(&ctx, &opts);

    orm_pool_checkin(pool, take(pool, 0, NULL, NULL));
    orm_pool_checkin(pool, take(pool, 0, NULL, NULL));

    ORM_CHECK(c, ctx.opened == 2 && ctx.closed == 2);
    orm_pool_free(pool);
}

static void
dispose_spares_what_is_out_until_it_returns(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 2, 0);
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *a = take(pool, 0, NULL, NULL);
    orm_pooled *b = take(pool, 0, NULL, NULL);

    orm_pool_checkin(pool, b);
    orm_pool_dispose(pool);
    ORM_CHECK(c, ctx.closed == 1);
    orm_pool_checkin(pool, a);
    ORM_CHECK(c, ctx.closed == 2);
    a = take(pool, 0, NULL, NULL);
    a->user = &ctx;
    orm_conn *conn = a->conn;
    void *user = NULL;
    orm_pool_checkin(pool, a);

    ORM_CHECK(c, orm_pool_take_idle(pool, &user) && user == &ctx);
    ORM_CHECK(c, !orm_pool_take_idle(pool, &user) && user == NULL);
    ORM_CHECK(c, ctx.closed == 2 && ctx.forgotten == 0);
    orm_pool_free(pool);
    ORM_CHECK(c, ctx.closed == 2); /* the connection is ours now */
    fake_close(conn);
}

static void
closed_pool_says_so_and_takes_back(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 1, 0);
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *a = take(pool, 0, NULL, NULL);
    orm_code code;

    orm_pool_close(pool);
    ORM_CHECK(c, take(pool, 0, NULL, &code) == NULL && code == ORM_E_POOL_CLOSED);
    orm_pool_free(pool); /* lives on until a comes back */
    orm_pool_checkin(pool, a);

    ORM_CHECK(c, ctx.closed == 1);
}

static void
null_pool_opens_each_time(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 0, 0);
    opts.kind = ORM_POOL_NULL;
    orm_pool *pool = make_pool(&ctx, &opts);

    orm_pool_checkin(pool, take(pool, 0, NULL, NULL));
    orm_pool_checkin(pool, take(pool, 0, NULL, NULL));

    ORM_CHECK(c, ctx.opened == 2 && ctx.closed == 2);
    orm_pool_free(pool);
}

static void
static_pool_shares_one(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 0, 0);
    opts.kind = ORM_POOL_STATIC;
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *a = take(pool, 1, NULL, NULL);
    orm_pooled *b = take(pool, 2, NULL, NULL);

    ORM_CHECK(c, a == b && ctx.opened == 1);
    orm_pool_checkin(pool, a);
    orm_pool_stats stats;
    orm_pool_read_stats(pool, &stats);
    ORM_CHECK(c, stats.used == 1);
    orm_pool_checkin(pool, b);
    ORM_CHECK(c, ctx.closed == 0);
    orm_pool_free(pool);
    ORM_CHECK(c, ctx.closed == 1);
}

static void
thread_pool_keeps_one_per_key_up_to_its_size(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 2, 0);
    opts.kind = ORM_POOL_THREAD;
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *a = take(pool, 1, NULL, NULL);
    orm_pooled *same = take(pool, 1, NULL, NULL);
    orm_conn *conn = a->conn;

    ORM_CHECK(c, a == same);
    orm_pool_checkin(pool, a);
    orm_pool_checkin(pool, same);
    orm_pooled *other = take(pool, 2, NULL, NULL);
    ORM_CHECK(c, other->conn != conn);
    a = take(pool, 1, NULL, NULL);
    ORM_CHECK(c, a->conn == conn);
    orm_pool_checkin(pool, a);
    orm_pooled *third = take(pool, 3, NULL, NULL);
    ORM_CHECK(c, ctx.closed == 1); /* the idle one of key 1 made room */
    orm_pool_checkin(pool, other);
    orm_pool_checkin(pool, third);
    orm_pool_free(pool);
    ORM_CHECK(c, ctx.closed == 3);
}

/* --- the moment of hand-over ----------------------------------------------------------------- */

static void
waiter_keeps_what_it_was_given_at_its_deadline(orm_check *c)
{
    fake_ctx ctx = {.gives = true};
    orm_waiter w = {.wait = hook_wait, .check = hook_check, .arg = &ctx, .wake_fd = -1};
    orm_pool_opts opts = queue_opts(&ctx, 1, 0);
    opts.timeout_ms = 1;
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_code code;

    ctx.held = take(pool, 0, NULL, NULL);
    /* The hook returns the connection and says that nothing was ready, to the deadline. */
    orm_pooled *given = take(pool, 0, &w, &code);

    orm_pool_stats stats;
    orm_pool_read_stats(pool, &stats);
    ORM_CHECK(c, given != NULL && code == ORM_OK);
    ORM_CHECK(c, stats.handovers == 1 && stats.timeouts == 0 && stats.used == 1);
    orm_pool_checkin(pool, given);
    orm_pool_free(pool);
}

static void
waiter_passes_on_what_it_was_given_at_a_signal(orm_check *c)
{
    fake_ctx ctx = {.gives = true, .interrupts = true};
    orm_waiter w = {.wait = hook_wait, .check = hook_check, .arg = &ctx, .wake_fd = -1};
    orm_pool_opts opts = queue_opts(&ctx, 1, 0);
    opts.timeout_ms = 1000;
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_code code;

    ctx.held = take(pool, 0, NULL, NULL);
    ORM_CHECK(c, take(pool, 0, &w, &code) == NULL && code == ORM_E_SIGNAL);

    orm_pool_stats stats;
    orm_pool_read_stats(pool, &stats);
    ORM_CHECK(c, stats.passed_on == 1 && stats.idle == 1 && stats.busy == 0);
    orm_pooled *next = take(pool, 0, NULL, NULL);
    ORM_CHECK(c, next != NULL && ctx.opened == 1);
    orm_pool_checkin(pool, next);
    orm_pool_free(pool);
}

/* --- several threads ------------------------------------------------------------------------- */

typedef struct runner {
    fake_ctx *ctx;   /* of the test */
    uint64_t seed;   /* of its random steps */
    int steps;       /* to take */
    int order;       /* waiters_are_served_in_order: its place */
    atomic_int *turn; /* and the counter of those served */
    bool in_order;   /* what it found */
    uint32_t most;   /* most connections it saw at once */
} runner;

static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* One of the ways a connection can come back. */
static void
bring_back(orm_pool *pool, orm_pooled *entry, uint64_t dice)
{
    fake_conn *conn = (fake_conn *)entry->conn;

    conn->dead = dice % 13 == 0;
    conn->deaf = dice % 17 == 0;
    conn->release_says = dice % 11 == 0 ? -1 : dice % 3 == 0 ? 0 : 1;
    atomic_store(&conn->out, 0);
    switch (dice % 16) {
    case 0:
        orm_pool_discard(pool, entry, dice % 32 == 0);
        break;
    case 1:
        orm_pool_retire(pool, entry);
        orm_pool_checkin(pool, entry);
        break;
    case 2:
    case 3:
        orm_pool_checkin_later(pool, entry);
        break;
    default:
        orm_pool_checkin(pool, entry);
        break;
    }
}

static void *
run_random(void *arg)
{
    runner *r = arg;
    orm_pool *pool = r->ctx->pool;

    for (int i = 0; i < r->steps; i++) {
        uint64_t dice = next_random(&r->seed);
        orm_pooled *entry = NULL;
        orm_pool_stats stats;
        orm_err err;
        orm_err_init(&err);
        orm_mono deadline = orm_mono_now() + (orm_mono)(dice % 50) * 1000;
        if (dice % 97 == 0) {
            atomic_store(&r->ctx->fail_open, 1);
        }
        if (orm_pool_checkout(pool, 0, deadline, NULL, &entry, &err) == 0) {
            if (atomic_exchange(&((fake_conn *)entry->conn)->out, 1) != 0) {
                atomic_fetch_add(&r->ctx->clashes, 1);
            }
            if (dice % 5 == 0) {
                sched_yield();
            }
            bring_back(pool, entry, next_random(&r->seed));
        }
        if (dice % 1009 == 0) {
            orm_pool_dispose(pool);
        }
        orm_pool_read_stats(pool, &stats);
        uint32_t total = stats.idle + stats.settling + stats.busy + stats.used;
        r->most = total > r->most ? total : r->most;
        orm_err_fini(&err);
    }
    return NULL;
}

static void
three_threads_never_share_or_lose_one(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 1, 1);
    opts.timeout_ms = 1000;
    orm_pool *pool = make_pool(&ctx, &opts);
    pthread_t threads[3];
    runner runners[3];
    orm_pool_stats stats;

    for (int i = 0; i < 3; i++) {
        runners[i] = (runner){.ctx = &ctx, .seed = 88172645463325252u + (uint64_t)i,
                              .steps = 33334};
        pthread_create(&threads[i], NULL, run_random, &runners[i]);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        ORM_CHECK(c, runners[i].most <= 2);
    }
    orm_pool_stop_worker();
    orm_pool_read_stats(pool, &stats);
    ORM_CHECK(c, stats.used == 0 && stats.busy == 0 && stats.waiters == 0);
    ORM_CHECK(c, stats.handovers > 0);
    orm_pool_free(pool);
    ORM_CHECK(c, ctx.clashes == 0);
    ORM_CHECK(c, ctx.opened == ctx.closed);
}

static void *
run_waiting(void *arg)
{
    runner *r = arg;
    orm_pooled *entry = NULL;
    orm_err err;

    orm_err_init(&err);
    if (orm_pool_checkout(r->ctx->pool, 0, ORM_NEVER, NULL, &entry, &err) == 0) {
        r->in_order = atomic_fetch_add(r->turn, 1) == r->order;
        orm_pool_checkin(r->ctx->pool, entry);
    }
    orm_err_fini(&err);
    return NULL;
}

static void
waiters_are_served_in_order(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 1, 0);
    opts.timeout_ms = 10000;
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *held = take(pool, 0, NULL, NULL);
    atomic_int turn = 0;
    pthread_t threads[8];
    runner runners[8];
    orm_pool_stats stats;

    for (int i = 0; i < 8; i++) {
        runners[i] = (runner){.ctx = &ctx, .order = i, .turn = &turn};
        pthread_create(&threads[i], NULL, run_waiting, &runners[i]);
        do {
            sched_yield();
            orm_pool_read_stats(pool, &stats);
        } while (stats.waiters != (uint32_t)i + 1);
    }
    orm_pool_checkin(pool, held);

    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        ORM_CHECK(c, runners[i].in_order);
    }
    ORM_CHECK(c, ctx.opened == 1);
    orm_pool_free(pool);
}

/* --- fork ------------------------------------------------------------------------------------- */

/* In the child: what was idle is forgotten, what is out is foreign, and the pool works. */
static int
judge_child(fake_ctx *ctx, orm_pool *pool, orm_pooled *out)
{
    orm_pool_stats stats;
    orm_pool_read_stats(pool, &stats);
    if (stats.idle != 0 || stats.used != 0 || ctx->forgotten != 1 || ctx->told != 0) {
        return 1;
    }
    orm_pooled *fresh = take(pool, 0, NULL, NULL);
    if (fresh == NULL || ctx->told != 1 || ctx->closed != 0) {
        return 2;
    }
    orm_pool_checkin(pool, out);
    if (ctx->forgotten != 2 || ctx->closed != 0) {
        return 3;
    }
    orm_pool_checkin_later(pool, fresh); /* a new worker starts here */
    orm_pool_free(pool);
    orm_pool_stop_worker();
    return ctx->closed == 1 ? 0 : 4;
}

static void
child_starts_empty_when_forked(orm_check *c)
{
    fake_ctx ctx = {0};
    orm_pool_opts opts = queue_opts(&ctx, 3, 0);
    orm_pool *pool = make_pool(&ctx, &opts);
    orm_pooled *out = take(pool, 0, NULL, NULL);
    orm_pooled *later = take(pool, 0, NULL, NULL);
    orm_pool_stats stats;
    int status = -1;

    later->user = &ctx;
    orm_pool_checkin_later(pool, later); /* so the worker runs when the fork comes */
    do {
        sched_yield();
        orm_pool_read_stats(pool, &stats);
    } while (stats.idle != 1);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(judge_child(&ctx, pool, out));
    }
    waitpid(pid, &status, 0);

    ORM_CHECK(c, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    orm_pool_read_stats(pool, &stats);
    ORM_CHECK(c, stats.idle == 1 && stats.used == 1 && ctx.forgotten == 0);
    orm_pool_checkin(pool, out);
    orm_pool_free(pool);
    orm_pool_stop_worker();
}

#ifdef ORM_FAULTS
/* A pool's whole life, the k-th allocation failing; false when there was none. */
static bool
whole_life(orm_check *c, int64_t k)
{
    fake_ctx ctx = {.gives = true};
    orm_waiter w = {.wait = hook_wait, .check = hook_check, .arg = &ctx, .wake_fd = -1};
    orm_pool_opts opts = queue_opts(&ctx, 1, 0);
    opts.timeout_ms = 1;
    orm_code code = ORM_OK;
    orm_pool_stats stats;

    orm_fault_set(k);
    orm_pool *pool = make_pool(&ctx, &opts);
    ctx.held = pool == NULL ? NULL : take(pool, 0, NULL, &code);
    orm_pooled *next = ctx.held == NULL ? NULL : take(pool, 0, &w, &code);
    bool reached = orm_fault_seen() >= k;
    orm_fault_set(0);
    ORM_CHECK(c, pool == NULL || next != NULL || code == ORM_E_NOMEM);
    if (pool != NULL) {
        next = next == NULL ? take(pool, 0, NULL, NULL) : next;
        ORM_CHECK(c, next != NULL);
        orm_pool_checkin(pool, next);
        orm_pool_read_stats(pool, &stats);
        ORM_CHECK(c, stats.idle == 1 && stats.busy == 0 && stats.used == 0);
    }
    orm_pool_free(pool);
    ORM_CHECK(c, ctx.opened == ctx.closed);
    return reached;
}

static void
nothing_is_lost_when_any_allocation_fails(orm_check *c)
{
    int64_t k = 1;
    while (whole_life(c, k) && k < 100) {
        k++;
    }
    ORM_CHECK(c, k > 3 && k < 100);
}
#endif

#define CASE(name) {#name, name}
static const orm_coretest_case checks[] = {
    CASE(connection_is_reused_when_returned),
    CASE(order_is_fifo_unless_lifo_is_asked_for),
    CASE(overflow_is_closed_when_returned),
    CASE(settling_is_settled_when_taken_again),
    CASE(dead_one_is_replaced_and_older_ones_are_pinged),
    CASE(slot_is_free_again_when_open_fails),
    CASE(old_one_is_replaced_when_recycle_time_is_over),
    CASE(dispose_spares_what_is_out_until_it_returns),
    CASE(closed_pool_says_so_and_takes_back),
    CASE(null_pool_opens_each_time),
    CASE(static_pool_shares_one),
    CASE(thread_pool_keeps_one_per_key_up_to_its_size),
    CASE(waiter_keeps_what_it_was_given_at_its_deadline),
    CASE(waiter_passes_on_what_it_was_given_at_a_signal),
    CASE(three_threads_never_share_or_lose_one),
    CASE(waiters_are_served_in_order),
    CASE(child_starts_empty_when_forked),
#ifdef ORM_FAULTS
    CASE(nothing_is_lost_when_any_allocation_fails),
#endif
    {NULL, NULL},
};

const orm_coretest_room orm_coretest_pool = {.checks = checks};
