/*
 * stmt_cache.c - see stmt_cache.h.
 */
#include "driver/stmt_cache.h"

#include <assert.h>

#define ENTRY(node) ORM_LIST_ENTRY(node, orm_stmt_entry, lru)

/* FNV-1a with a final mix; only a starting point, the bytes are compared. */
static uint64_t
hash_bytes(const char *bytes, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 29);
}

orm_stmt_key
orm_stmt_key_of(uint64_t id, const char *sql, size_t len)
{
    if (id != 0) {
        return (orm_stmt_key){.id = id, .hash = id};
    }
    return (orm_stmt_key){.hash = hash_bytes(sql, len), .sql = sql, .len = len};
}

static int
same_key(const void *value, const void *wanted)
{
    const orm_stmt_key *a = &((const orm_stmt_entry *)value)->key;
    const orm_stmt_key *b = wanted;
    if (a->id != b->id || b->id != 0) {
        return a->id == b->id;
    }
    return a->len == b->len && memcmp(a->sql, b->sql, a->len) == 0;
}

int
orm_stmt_cache_init(orm_stmt_cache *cache, uint32_t limit)
{
    orm_list_init(&cache->lru);
    orm_ptrmap_init(&cache->map);
    cache->limit = limit;
    return limit == 0 ? 0 : orm_ptrmap_reserve(&cache->map, limit);
}

void
orm_stmt_cache_fini(orm_stmt_cache *cache)
{
    assert(orm_list_empty(&cache->lru));
    orm_ptrmap_fini(&cache->map);
}

orm_stmt_entry *
orm_stmt_cache_take(orm_stmt_cache *cache, const orm_stmt_key *key)
{
    orm_ptrcell *cell = orm_ptrmap_find(&cache->map, key->hash, same_key, key);
    if (cell == NULL) {
        return NULL;
    }
    orm_stmt_entry *entry = cell->value;
    orm_ptrmap_remove_cell(&cache->map, cell);
    orm_list_remove(&entry->lru);
    return entry;
}

orm_stmt_entry *
orm_stmt_cache_pop(orm_stmt_cache *cache)
{
    if (orm_list_empty(&cache->lru)) {
        return NULL;
    }
    orm_stmt_entry *oldest = ENTRY(cache->lru.prev);
    orm_list_remove(&oldest->lru);
    orm_ptrmap_remove(&cache->map, oldest->key.hash, oldest);
    return oldest;
}

orm_stmt_entry *
orm_stmt_cache_give(orm_stmt_cache *cache, orm_stmt_entry *entry)
{
    if (cache->limit == 0
        || orm_ptrmap_find(&cache->map, entry->key.hash, same_key, &entry->key) != NULL) {
        return entry;
    }
    orm_stmt_entry *oldest = cache->map.used >= cache->limit ? orm_stmt_cache_pop(cache) : NULL;
    if (orm_ptrmap_put(&cache->map, entry->key.hash, entry) < 0) {
        return entry; /* cannot happen: init made the room, and nothing was evicted then */
    }
    orm_list_push_front(&cache->lru, &entry->lru);
    return oldest;
}
