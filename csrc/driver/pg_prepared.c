/*
 * pg_prepared.c - which statements have a name on a connection.
 *
 * Place: asked by pg_exec.c and pg_batch.c before they send.
 * Policy (measured: naming costs one planning once and saves one at every later use, so it
 *   pays from the second use on): a text runs unnamed at its first use, and is named at its
 *   second; the ORM's own shapes and this driver's BEGIN, COMMIT, ROLLBACK at their first;
 *   batches count every set. 128 named statements per connection, and 1 MiB of SQL; the
 *   one unused for the longest time gives way, and its Close travels with the next segment.
 *   Nothing is named where the server's sessions are not ours (transaction poolers), when
 *   the text says so, or when it is longer than 64 KiB.
 * Key: (id of the text, types of the parameters). Ids are unique in the process and never
 *   used twice, so texts are neither kept nor compared.
 * Names are numbers that are never used twice: a name whose fate is unknown (interrupted
 *   Parse, stale plan) is left behind and does no harm.
 */
#include <stdio.h>
#include <string.h>

#include "driver/pg_calls.h"

static uint64_t
hash_of(uint64_t id, const Oid *oids, uint32_t noids)
{
    uint64_t h = id * UINT64_C(0x9E3779B97F4A7C15);
    for (uint32_t i = 0; i < noids; i++) {
        h = (h ^ oids[i]) * UINT64_C(0xFF51AFD7ED558CCD);
        h ^= h >> 29;
    }
    return h ^ (h >> 32);
}

static pg_stmt **
bucket_of(pg_conn *c, uint64_t hash)
{
    return &c->buckets[hash & (ORM_PG_BUCKETS - 1)];
}

static pg_stmt *
find(pg_conn *c, uint64_t hash, uint64_t id, const Oid *oids, uint32_t noids)
{
    for (pg_stmt *s = *bucket_of(c, hash); s != NULL; s = s->chain) {
        if (s->hash == hash && s->id == id && s->noids == noids &&
            (noids == 0 || memcmp(s->oids, oids, noids * sizeof(Oid)) == 0)) {
            return s;
        }
    }
    return NULL;
}

/* The server's copy of a name must go: with the next segment. */
static void
note_close(pg_conn *c, const char *name)
{
    orm_buf_put(&c->closes, name, strlen(name) + 1);
    if (c->closes.failed) {
        /* Without memory for the note the server keeps one statement more: harmless. */
        orm_buf_reset(&c->closes);
    }
}

/* Take it out of its list, bucket and counts, and free it. */
static void
drop(pg_conn *c, pg_stmt *s)
{
    pg_stmt **at = bucket_of(c, s->hash);
    while (*at != s) {
        at = &(*at)->chain;
    }
    *at = s->chain;
    orm_list_remove(&s->lru);
    if (s->name[0] != '\0') {
        c->nnamed--;
        c->named_bytes -= s->bytes;
    }
    else {
        c->nseen--;
    }
    orm_free(s);
}

static pg_stmt *
oldest(orm_list *list)
{
    return ORM_LIST_ENTRY(list->prev, pg_stmt, lru);
}

static pg_stmt *
add_seen(pg_conn *c, uint64_t id, uint64_t hash, size_t bytes, const Oid *oids, uint32_t noids)
{
    if (c->nseen >= ORM_PG_SEEN_MOST) {
        drop(c, oldest(&c->seen));
    }
    pg_stmt *s = orm_malloc(sizeof(*s) + noids * sizeof(Oid));
    if (s == NULL) {
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    s->id = id;
    s->hash = hash;
    s->bytes = (uint32_t)bytes;
    s->noids = noids;
    if (noids > 0) {
        memcpy(s->oids, oids, noids * sizeof(Oid));
    }
    orm_list_init(&s->lru);
    orm_list_push_front(&c->seen, &s->lru);
    s->chain = *bucket_of(c, hash);
    *bucket_of(c, hash) = s;
    c->nseen++;
    return s;
}

/* Move it from seen to named, making room first. */
static void
give_name(pg_conn *c, pg_stmt *s)
{
    while (c->nnamed > 0 && (c->nnamed >= ORM_PG_NAMED_MOST ||
                             c->named_bytes + s->bytes > ORM_PG_NAMED_BYTES)) {
        pg_stmt *victim = oldest(&c->named);
        if (victim->ready) {
            note_close(c, victim->name);
        }
        ORM_COUNT(pg_stmt_evict);
        drop(c, victim);
    }
    orm_list_remove(&s->lru);
    c->nseen--;
    snprintf(s->name, sizeof(s->name), "orm_%x", ++c->next_name);
    s->ready = false;
    orm_list_push_front(&c->named, &s->lru);
    c->nnamed++;
    c->named_bytes += s->bytes;
}

int
orm_pg_stmt_use(pg_conn *c, uint64_t id, size_t bytes, uint8_t flags, const Oid *oids,
                uint32_t noids, uint32_t times, pg_stmt **out, orm_err *err)
{
    *out = NULL;
    if (!c->prepare || id == 0 || (flags & ORM_TEXT_NO_PREPARE) != 0 ||
        bytes > ORM_PG_NAMED_TEXT) {
        return 0;
    }
    uint64_t hash = hash_of(id, oids, noids);
    pg_stmt *s = find(c, hash, id, oids, noids);
    if (s == NULL) {
        s = add_seen(c, id, hash, bytes, oids, noids);
        if (s == NULL) {
            return orm_err_nomem(err);
        }
    }
    s->uses = s->uses > UINT32_MAX - times ? UINT32_MAX : s->uses + times;
    if (s->name[0] == '\0') {
        if (s->uses < 2 && (flags & ORM_TEXT_OWN_SHAPE) == 0) {
            return 0;
        }
        give_name(c, s);
    }
    else if (c->named.next != &s->lru) {
        orm_list_remove(&s->lru);
        orm_list_push_front(&c->named, &s->lru);
    }
    *out = s;
    return 0;
}

void
orm_pg_stmt_stale(pg_conn *c, pg_stmt *s, bool close)
{
    ORM_COUNT(pg_stmt_stale);
    if (close && s->ready) {
        note_close(c, s->name);
    }
    /* Same entry, new name: the next use parses it again. */
    snprintf(s->name, sizeof(s->name), "orm_%x", ++c->next_name);
    s->ready = false;
}

void
orm_pg_stmt_rename_all(pg_conn *c)
{
    ORM_LIST_EACH(it, &c->named) {
        orm_pg_stmt_stale(c, ORM_LIST_ENTRY(it, pg_stmt, lru), false);
    }
    orm_buf_reset(&c->closes);
}

void
orm_pg_stmt_forget_all(pg_conn *c)
{
    ORM_LIST_EACH(it, &c->named) {
        ORM_LIST_ENTRY(it, pg_stmt, lru)->ready = false;
    }
    orm_buf_reset(&c->closes);
}

void
orm_pg_stmt_free_all(pg_conn *c)
{
    while (!orm_list_empty(&c->named)) {
        drop(c, oldest(&c->named));
    }
    while (!orm_list_empty(&c->seen)) {
        drop(c, oldest(&c->seen));
    }
}
