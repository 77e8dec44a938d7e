/*
 * coretest/base.c - tests of csrc/base/: memory, buffers, hash table, lock, clock.
 *
 * Wire format and numeric are in coretest/wire.c. Random numbers come from a fixed seed.
 */
#include "coretest/coretest.h"

#include <math.h>
#include <pthread.h>

#include "base/base.h"

/* xorshift64*: the same sequence in every run. */
static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void
arena_keeps_every_allocation_apart_when_sizes_vary(orm_check *c)
{
    enum { N = 3000 };
    static const size_t most[] = {1, 24, 300, 5000, 40000};
    orm_arena arena;
    orm_arena_init(&arena);
    uint64_t seed = 1;
    unsigned char **blocks = orm_mallocarray(N, sizeof(*blocks));
    size_t *sizes = orm_mallocarray(N, sizeof(*sizes));

    for (size_t i = 0; i < N; i++) {
        sizes[i] = next_random(&seed) % (most[next_random(&seed) % 5] + 1);
        blocks[i] = orm_arena_alloc(&arena, sizes[i]);
        if (!ORM_CHECK(c, blocks[i] != NULL && (uintptr_t)blocks[i] % ORM_ARENA_ALIGN == 0)) {
            goto done;
        }
        memset(blocks[i], (int)(i % 251), sizes[i]);
    }
    bool intact = true;
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < sizes[i]; k++) {
            intact = intact && blocks[i][k] == i % 251;
        }
    }
    ORM_CHECK(c, intact);
done:
    orm_free(blocks);
    orm_free(sizes);
    orm_arena_fini(&arena);
}

static void
arena_gives_back_everything_behind_a_mark_when_rewound(orm_check *c)
{
    orm_arena arena;
    orm_arena_init(&arena);

    orm_arena_mark start = orm_arena_mark_get(&arena);
    char *kept = orm_arena_dup(&arena, "kept", 4);
    orm_arena_mark mark = orm_arena_mark_get(&arena);
    size_t held = arena.held;
    for (int round = 0; round < 100; round++) {
        orm_arena_alloc(&arena, 100);
        orm_arena_alloc(&arena, 100000); /* a block of its own */
        orm_arena_alloc(&arena, 3000);
        orm_arena_rewind(&arena, mark);
    }

    ORM_CHECK(c, strcmp(kept, "kept") == 0);
    ORM_CHECK(c, arena.held == held);
    orm_arena_rewind(&arena, start);
    ORM_CHECK(c, arena.held == 0 && arena.block == NULL && arena.big == NULL);
    orm_arena_fini(&arena);
}

static void
arena_keeps_one_common_block_when_reset(orm_check *c)
{
    orm_arena arena;
    orm_arena_init(&arena);

    for (int i = 0; i < 1000; i++) {
        orm_arena_alloc(&arena, 500);
    }
    orm_arena_alloc(&arena, 1 << 20);
    orm_arena_reset(&arena);
    size_t held = arena.held;
    void *first = orm_arena_alloc(&arena, 500);

    ORM_CHECK(c, held > 0 && held <= ORM_ARENA_MOST);
    ORM_CHECK(c, first != NULL && arena.held == held);
    ORM_CHECK(c, orm_arena_array(&arena, SIZE_MAX / 2, 3) == NULL);
    ORM_CHECK(c, orm_arena_alloc(&arena, SIZE_MAX) == NULL);
    orm_arena_fini(&arena);
}

static void
buffer_holds_what_was_put_when_it_grows(orm_check *c)
{
    orm_buf buf;
    orm_buf_init(&buf);

    for (int i = 0; i < 1000; i++) {
        orm_buf_printf(&buf, "%d,", i);
    }
    orm_buf_putc(&buf, 'x');
    orm_buf_puts(&buf, "yz");
    memcpy(orm_buf_extend(&buf, 3), "end", 3);

    size_t len;
    char *text = orm_buf_steal(&buf, &len);
    ORM_CHECK(c, strncmp(text, "0,1,2,3,", 8) == 0);
    ORM_CHECK(c, len == 3890 + 6 && strcmp(text + len - 10, "999,xyzend") == 0);
    ORM_CHECK(c, buf.p == NULL && buf.len == 0 && !buf.failed);
    orm_free(text);
}

static void
buffer_stays_failed_when_a_size_overflows(orm_check *c)
{
    orm_buf buf;
    orm_buf_init(&buf);
    orm_buf_puts(&buf, "before");

    ORM_CHECK(c, orm_buf_reserve(&buf, SIZE_MAX - 2) < 0);
    orm_buf_puts(&buf, "after");
    orm_buf_putc(&buf, '!');

    ORM_CHECK(c, buf.failed && buf.len == 0);
    ORM_CHECK(c, orm_buf_cstr(&buf) == NULL && orm_buf_steal(&buf, NULL) == NULL);
    ORM_CHECK(c, !buf.failed); /* stealing starts afresh */
    orm_buf_fini(&buf);
}

static void
error_keeps_the_first_when_a_second_follows(orm_check *c)
{
    orm_err err, other;
    orm_err_init(&err);
    orm_err_init(&other);
    char longer[600];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';

    ORM_CHECK(c, orm_err_set(&err, ORM_E_DATA, "%s!", longer) == -1);
    orm_err_set(&err, ORM_E_DB, "second");
    orm_err_set_text(&err, ORM_TEXT_TABLE, "users", 5);

    ORM_CHECK(c, err.code == ORM_E_DATA && strlen(orm_err_message(&err)) == 600);
    orm_err_move(&other, &err);
    ORM_CHECK(c, err.code == ORM_OK && strcmp(orm_err_text(&err, ORM_TEXT_TABLE), "") == 0);
    ORM_CHECK(c, strcmp(orm_err_text(&other, ORM_TEXT_TABLE), "users") == 0);
    orm_err_clear(&other);
    orm_err_nomem(&other);
    ORM_CHECK(c, strcmp(orm_err_message(&other), "out of memory") == 0);
    for (int code = ORM_OK; code <= ORM_E_OPEN_TX; code++) {
        ORM_CHECK(c, strncmp(orm_code_name((orm_code)code), "ORM_", 4) == 0);
        ORM_CHECK(c, strcmp(orm_code_name((orm_code)code), "ORM_E_?") != 0);
    }
    orm_err_fini(&err);
    orm_err_fini(&other);
}

static void
list_keeps_order_when_nodes_move(orm_check *c)
{
    struct item {
        int id;
        orm_list node;
    } items[4];
    orm_list head, other;
    orm_list_init(&head);
    orm_list_init(&other);
    for (int i = 0; i < 4; i++) {
        items[i].id = i;
        orm_list_push_back(i % 2 == 0 ? &head : &other, &items[i].node);
    }

    orm_list_splice(&head, &other);
    orm_list_remove(&items[0].node);
    orm_list_remove(&items[0].node); /* twice does no harm */
    orm_list_push_front(&head, &items[0].node);

    int seen = 0;
    ORM_LIST_EACH(it, &head) {
        seen = seen * 10 + ORM_LIST_ENTRY(it, struct item, node)->id + 1;
    }
    ORM_CHECK(c, seen == 1324 && orm_list_empty(&other));
    ORM_LIST_EACH_SAFE(it, following, &head) {
        orm_list_remove(it);
    }
    ORM_CHECK(c, orm_list_empty(&head) && orm_list_pop_front(&head) == NULL);
}

/* What the table is compared with: values by key, and which of them are in the table. */
typedef struct thing {
    uint64_t key;  /* what equality compares */
    uint64_t hash; /* few different ones, so that chains form */
    bool there;    /* in the table */
} thing;

static int
same_thing(const void *value, const void *key)
{
    return ((const thing *)value)->key == *(const uint64_t *)key;
}

static bool
agrees(const orm_ptrmap *map, const thing *things, size_t n)
{
    size_t there = 0;
    for (size_t i = 0; i < n; i++) {
        orm_ptrcell *cell = orm_ptrmap_find(map, things[i].hash, same_thing, &things[i].key);
        there += things[i].there;
        if ((cell != NULL) != things[i].there || (cell != NULL && cell->value != &things[i])) {
            return false;
        }
    }
    size_t walked = 0;
    for (size_t pos = 0; orm_ptrmap_next(map, &pos) != NULL; walked++) {
    }
    return there == map->used && walked == there && orm_ptrmap_check(map) == 0;
}

static void
ptrmap_agrees_with_a_model_when_60000_random_steps_ran(orm_check *c)
{
    enum { N = 400, STEPS = 60000 };
    thing things[N];
    orm_ptrmap map;
    orm_ptrmap_init(&map);
    uint64_t seed = 7;
    for (uint64_t i = 0; i < N; i++) {
        /* a third collide in the whole hash, a third in its low bits */
        uint64_t hash = i % 3 == 0 ? i % 5 : i % 3 == 1 ? (i % 7) << 40 : next_random(&seed);
        things[i] = (thing){.key = i, .hash = hash};
    }

    for (int step = 0; step < STEPS; step++) {
        thing *t = &things[next_random(&seed) % N];
        /* phases that mostly fill and phases that mostly empty */
        bool put = next_random(&seed) % 100 < (step / 5000 % 2 == 0 ? 70u : 30u);
        if (put && !t->there) {
            ORM_CHECK(c, orm_ptrmap_put(&map, t->hash, t) == 0);
            t->there = true;
        }
        else if (!put) {
            ORM_CHECK(c, orm_ptrmap_remove(&map, t->hash, t) == (t->there ? 1 : 0));
            t->there = false;
        }
        if (step % 500 == 0 && !ORM_CHECK(c, agrees(&map, things, N))) {
            break;
        }
    }
    ORM_CHECK(c, agrees(&map, things, N));
    orm_ptrmap_clear(&map);
    ORM_CHECK(c, map.used == 0 && orm_ptrmap_check(&map) == 0);
    orm_ptrmap_fini(&map);
}

static void
ptrmap_shifts_back_round_the_end_when_a_chain_wraps(orm_check *c)
{
    thing things[6];
    orm_ptrmap map;
    orm_ptrmap_init(&map);
    orm_ptrmap_reserve(&map, 4);
    size_t mask = map.mask;
    /* hashes whose search starts in the last cell but one */
    uint64_t hash = 0;
    for (size_t found = 0; found < 4; hash++) {
        if (orm_ptrmap_start(hash, mask) == mask - 1) {
            things[found] = (thing){.key = found, .hash = hash, .there = true};
            orm_ptrmap_put(&map, hash, &things[found++]);
        }
    }

    for (size_t gone = 0; gone < 4; gone++) {
        orm_ptrmap_remove(&map, things[gone].hash, &things[gone]);
        things[gone].there = false;
        ORM_CHECK(c, agrees(&map, things, 4));
    }
    orm_ptrmap_fini(&map);
}

static void
ptrmap_is_unchanged_when_growing_is_impossible(orm_check *c)
{
    thing one = {.key = 1, .hash = 11, .there = true};
    orm_ptrmap map;
    orm_ptrmap_init(&map);
    orm_ptrmap_put(&map, one.hash, &one);
    uint64_t version = map.version;

    ORM_CHECK(c, orm_ptrmap_reserve(&map, SIZE_MAX / 2) < 0);

    ORM_CHECK(c, agrees(&map, &one, 1) && map.version == version);
    orm_ptrmap_fini(&map);
}

static bool
hash_of_thing(void *value, uint64_t *hash)
{
    *hash = ((thing *)value)->hash;
    return true;
}

static bool
tags_agree(const orm_tagmap *map, const thing *things, size_t n)
{
    size_t there = 0;
    for (size_t i = 0; i < n; i++) {
        orm_tagcell *cell = orm_tagmap_find(map, things[i].hash, same_thing, &things[i].key);
        there += things[i].there;
        if ((cell != NULL) != things[i].there || (cell != NULL && orm_tagmap_value(*cell) != &things[i])) {
            return false;
        }
    }
    size_t walked = 0;
    for (size_t pos = 0; orm_tagmap_next(map, &pos) != NULL; walked++) {
    }
    return there == map->used && walked == there && orm_tagmap_check(map) == 0;
}

static void
tagmap_agrees_with_a_model_when_60000_random_steps_ran(orm_check *c)
{
    enum { N = 400, STEPS = 60000 };
    thing things[N];
    orm_tagmap map;
    orm_tagmap_init(&map, hash_of_thing);
    uint64_t seed = 7;
    for (uint64_t i = 0; i < N; i++) {
        /* a third collide in the whole hash, a third in its low bits */
        uint64_t hash = i % 3 == 0 ? i % 5 : i % 3 == 1 ? (i % 7) << 40 : next_random(&seed);
        things[i] = (thing){.key = i, .hash = hash};
    }

    for (int step = 0; step < STEPS; step++) {
        thing *t = &things[next_random(&seed) % N];
        /* phases that mostly fill and phases that mostly empty */
        bool put = next_random(&seed) % 100 < (step / 5000 % 2 == 0 ? 70u : 30u);
        if (put && !t->there) {
            ORM_CHECK(c, orm_tagmap_put(&map, t->hash, t) == 0);
            t->there = true;
        }
        else if (!put) {
            ORM_CHECK(c, orm_tagmap_remove(&map, t->hash, t) == (t->there ? 1 : 0));
            t->there = false;
        }
        if (step % 500 == 0 && !ORM_CHECK(c, tags_agree(&map, things, N))) {
            break;
        }
    }
    ORM_CHECK(c, tags_agree(&map, things, N));
    orm_tagmap_fini(&map);
}

static bool
is_of_residue(void *value, void *residue)
{
    thing *t = value;
    if (t->key % 4 != *(uint64_t *)residue) {
        return false;
    }
    t->there = false;
    return true;
}

static void
tagmap_finds_what_is_left_when_it_was_swept(orm_check *c)
{
    enum { N = 300 };
    thing things[N];
    orm_tagmap map;
    uint64_t seed = 11;
    orm_tagmap_init(&map, hash_of_thing);
    orm_tagmap_sweep(&map, is_of_residue, &seed); /* empty: nothing happens */

    for (uint64_t i = 0; i < N; i++) { /* many in one chain, some beyond the table's end */
        things[i] = (thing){.key = i, .hash = i % 2 == 0 ? i % 6 : next_random(&seed)};
        things[i].there = orm_tagmap_put(&map, things[i].hash, &things[i]) == 0;
    }
    for (uint64_t residue = 0; residue < 4; residue++) {
        uint64_t version = map.version;
        orm_tagmap_sweep(&map, is_of_residue, &residue);
        ORM_CHECK(c, tags_agree(&map, things, N));
        ORM_CHECK(c, map.used == N - (residue + 1) * N / 4 && map.version != version);
    }
    orm_tagmap_fini(&map);
}

static void
tagmap_finds_everything_when_tags_do_not_tell_the_place(orm_check *c)
{
    enum { N = 700000 }; /* more than 2^20 cells */
    thing *things = orm_calloc(N, sizeof(*things));
    orm_tagmap map;
    uint64_t seed = 13;

    orm_tagmap_init(&map, hash_of_thing);
    for (size_t i = 0; ORM_CHECK(c, things != NULL) && i < N; i++) {
        things[i] = (thing){.key = i, .hash = i % 2 == 0 ? i : next_random(&seed)};
        things[i].there = orm_tagmap_put(&map, things[i].hash, &things[i]) == 0;
    }
    ORM_CHECK(c, map.mask + 1 == (size_t)1 << 21 && tags_agree(&map, things, N));
    for (size_t i = 0; i < N; i += 3) {
        things[i].there = orm_tagmap_remove(&map, things[i].hash, &things[i]) == 0;
    }
    ORM_CHECK(c, tags_agree(&map, things, N));
    for (uint64_t residue = 0; residue < 3; residue++) {
        orm_tagmap_sweep(&map, is_of_residue, &residue);
        ORM_CHECK(c, tags_agree(&map, things, N));
    }
    orm_tagmap_fini(&map);
    orm_free(things);
}

static void
tagmap_is_unchanged_when_a_value_cannot_be_put(orm_check *c)
{
    thing one = {.key = 1, .hash = 11, .there = true};
    orm_tagmap map;
    orm_tagmap_init(&map, hash_of_thing);
    orm_tagmap_put(&map, one.hash, &one);
    uint64_t version = map.version;

    ORM_CHECK(c, orm_tagmap_reserve(&map, SIZE_MAX / 2) < 0);
    ORM_CHECK(c, orm_tagmap_put(&map, 12, (char *)&one + 1) < 0);
    ORM_CHECK(c, orm_tagmap_put(&map, 12, (void *)(uintptr_t)(UINT64_C(1) << 50)) < 0);

    ORM_CHECK(c, tags_agree(&map, &one, 1) && map.version == version);
    orm_tagmap_fini(&map);
}

/* Two threads add to a plain integer under the lock. */
typedef struct contest {
    orm_lock lock;
    long sum; /* guarded by lock */
    atomic_int ready;
} contest;

static void *
add_under_lock(void *arg)
{
    contest *all = arg;
    atomic_fetch_add(&all->ready, 1);
    while (atomic_load(&all->ready) < 2) {
    }
    for (int i = 0; i < 20000; i++) {
        if (orm_lock_take(&all->lock, ORM_NEVER) == ORM_LOCK_TAKEN) {
            all->sum++;
            orm_lock_release(&all->lock);
        }
    }
    return NULL;
}

static void
lock_lets_one_in_when_two_threads_race(orm_check *c)
{
    contest all = {.sum = 0};
    pthread_t threads[2];
    orm_lock_init(&all.lock);

    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, add_under_lock, &all);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }

    ORM_CHECK(c, all.sum == 40000 && atomic_load(&all.lock.owner) == 0);
    orm_lock_fini(&all.lock);
}

static void *
try_from_elsewhere(void *arg)
{
    orm_lock *lock = arg;
    bool refused = orm_lock_try(lock) == ORM_LOCK_BUSY && !orm_lock_mine(lock)
                   && orm_lock_take(lock, orm_mono_now() + ORM_MONO_MS) == ORM_LOCK_BUSY;
    return refused ? arg : NULL;
}

static void
lock_tells_its_owner_from_others_when_held(orm_check *c)
{
    orm_lock lock;
    pthread_t thread;
    void *refused = NULL;
    orm_lock_init(&lock);

    ORM_CHECK(c, orm_lock_try(&lock) == ORM_LOCK_TAKEN && orm_lock_mine(&lock));
    ORM_CHECK(c, orm_lock_try(&lock) == ORM_LOCK_OWN);
    ORM_CHECK(c, orm_lock_take(&lock, ORM_NEVER) == ORM_LOCK_OWN);
    pthread_create(&thread, NULL, try_from_elsewhere, &lock);
    pthread_join(thread, &refused);
    ORM_CHECK(c, refused == &lock);
    orm_lock_release(&lock);
    ORM_CHECK(c, !orm_lock_mine(&lock) && orm_lock_try(&lock) == ORM_LOCK_TAKEN);
    orm_lock_release(&lock);
    orm_lock_fini(&lock);
}

static void
deadline_never_comes_when_the_span_is_no_number(orm_check *c)
{
    orm_mono now = orm_mono_now();

    ORM_CHECK(c, orm_mono_after(INFINITY) == ORM_NEVER && orm_mono_after(NAN) == ORM_NEVER);
    ORM_CHECK(c, orm_mono_after(1e300) == ORM_NEVER);
    ORM_CHECK(c, orm_mono_after(-5) >= now && orm_mono_after(-5) <= orm_mono_now());
    ORM_CHECK(c, orm_mono_left_ms(ORM_NEVER, 100) == 100 && orm_mono_left_ms(now, 100) == 0);
    ORM_CHECK(c, orm_mono_left_ms(orm_mono_now() + 10 * ORM_MONO_S, 100) == 100);
    ORM_CHECK(c, orm_mono_left_ms(orm_mono_now() + 1000, 100) <= 1);
}

static void
sizes_are_refused_when_their_product_overflows(orm_check *c)
{
    ORM_CHECK(c, orm_mallocarray(SIZE_MAX / 2, 3) == NULL);
    ORM_CHECK(c, orm_reallocarray(NULL, SIZE_MAX / 4, 5) == NULL);
    void *none = orm_calloc(0, 8);
    char *text = orm_strdup("text");
    ORM_CHECK(c, none != NULL && strcmp(text, "text") == 0);
    orm_free(none);
    orm_free(text);
}

#ifdef ORM_FAULTS
static void
content_is_kept_or_refused_whole_when_any_allocation_fails(orm_check *c)
{
    bool reached = true;
    for (int64_t k = 1; reached && k < 1000; k++) {
        thing things[64];
        orm_arena arena;
        orm_buf buf;
        orm_ptrmap map;
        orm_arena_init(&arena);
        orm_buf_init(&buf);
        orm_ptrmap_init(&map);
        orm_fault_set(k);
        for (uint64_t i = 0; i < 64; i++) {
            things[i] = (thing){.key = i, .hash = i * 7};
            things[i].there = orm_ptrmap_put(&map, things[i].hash, &things[i]) == 0;
            orm_buf_printf(&buf, "%20d", (int)i);
            char *copy = orm_arena_dup(&arena, "some text that takes its room", 29);
            ORM_CHECK(c, copy == NULL || copy[28] == 'm');
        }
        reached = orm_fault_seen() >= k;
        orm_fault_set(0);
        ORM_CHECK(c, agrees(&map, things, 64));
        ORM_CHECK(c, buf.failed ? buf.len == 0 : buf.len == 64 * 20);
        orm_ptrmap_fini(&map);
        orm_buf_fini(&buf);
        orm_arena_fini(&arena);
    }
    ORM_CHECK(c, !reached);
}
#endif

static const orm_coretest_case checks[] = {
    {"arena_keeps_every_allocation_apart_when_sizes_vary",
     arena_keeps_every_allocation_apart_when_sizes_vary},
    {"arena_gives_back_everything_behind_a_mark_when_rewound",
     arena_gives_back_everything_behind_a_mark_when_rewound},
    {"arena_keeps_one_common_block_when_reset", arena_keeps_one_common_block_when_reset},
    {"buffer_holds_what_was_put_when_it_grows", buffer_holds_what_was_put_when_it_grows},
    {"buffer_stays_failed_when_a_size_overflows", buffer_stays_failed_when_a_size_overflows},
    {"error_keeps_the_first_when_a_second_follows", error_keeps_the_first_when_a_second_follows},
    {"list_keeps_order_when_nodes_move", list_keeps_order_when_nodes_move},
    {"ptrmap_agrees_with_a_model_when_60000_random_steps_ran",
     ptrmap_agrees_with_a_model_when_60000_random_steps_ran},
    {"tagmap_agrees_with_a_model_when_60000_random_steps_ran",
     tagmap_agrees_with_a_model_when_60000_random_steps_ran},
    {"tagmap_finds_what_is_left_when_it_was_swept", tagmap_finds_what_is_left_when_it_was_swept},
    {"tagmap_finds_everything_when_tags_do_not_tell_the_place",
     tagmap_finds_everything_when_tags_do_not_tell_the_place},
    {"tagmap_is_unchanged_when_a_value_cannot_be_put", tagmap_is_unchanged_when_a_value_cannot_be_put},
    {"ptrmap_shifts_back_round_the_end_when_a_chain_wraps",
     ptrmap_shifts_back_round_the_end_when_a_chain_wraps},
    {"ptrmap_is_unchanged_when_growing_is_impossible",
     ptrmap_is_unchanged_when_growing_is_impossible},
    {"lock_lets_one_in_when_two_threads_race", lock_lets_one_in_when_two_threads_race},
    {"lock_tells_its_owner_from_others_when_held", lock_tells_its_owner_from_others_when_held},
    {"deadline_never_comes_when_the_span_is_no_number",
     deadline_never_comes_when_the_span_is_no_number},
    {"sizes_are_refused_when_their_product_overflows",
     sizes_are_refused_when_their_product_overflows},
#ifdef ORM_FAULTS
    {"content_is_kept_or_refused_whole_when_any_allocation_fails",
     content_is_kept_or_refused_whole_when_any_allocation_fails},
#endif
    {NULL, NULL},
};

const orm_coretest_room orm_coretest_base = {.checks = checks};
