/*
 * stmt_cache.h - compiled statements of one connection, by least recent use.
 *
 * An entry *leaves* the cache while its statement runs (take) and comes back afterwards
 * (give): the same text running twice at once simply compiles a second time, and nothing
 * that is running can be evicted. The cache knows nothing of databases: an entry is a
 * struct of the driver that begins with orm_stmt_entry.
 * Locking: the connection's lock. Ownership: the cache owns the entries in it, and the
 * texts of their keys always belong to the entries.
 */
#ifndef ORM_DRIVER_STMT_CACHE_H
#define ORM_DRIVER_STMT_CACHE_H

#include "base/base.h"

/* What a text is found by: its process-wide id, or its bytes where it has none. */
typedef struct orm_stmt_key {
    uint64_t id;     /* 0: the bytes decide */
    uint64_t hash;   /* of id or bytes, by orm_stmt_key_of */
    const char *sql; /* the bytes; NULL when id is not 0 */
    size_t len;      /* of them */
} orm_stmt_key;

typedef struct orm_stmt_entry {
    orm_list lru;     /* in orm_stmt_cache.lru, newest first; alone while taken */
    orm_stmt_key key; /* sql points to memory of the entry */
} orm_stmt_entry;

typedef struct orm_stmt_cache {
    orm_list lru;    /* entries, newest first */
    orm_ptrmap map;  /* key.hash -> orm_stmt_entry */
    uint32_t limit;  /* most entries kept; 0 keeps none */
} orm_stmt_cache;

orm_stmt_key orm_stmt_key_of(uint64_t id, const char *sql, size_t len);

/* -1 without memory: room for all entries is taken at once, so that give never fails. */
int orm_stmt_cache_init(orm_stmt_cache *cache, uint32_t limit);
/* The cache must be empty: see orm_stmt_cache_pop. */
void orm_stmt_cache_fini(orm_stmt_cache *cache);
/* The entry, which the caller then owns; NULL when there is none. */
orm_stmt_entry *orm_stmt_cache_take(orm_stmt_cache *cache, const orm_stmt_key *key);
/* Put an entry back as the newest. Returns an entry that the caller must free: the oldest,
 * or this one where its key is there already or nothing is kept; NULL when all fit. */
orm_stmt_entry *orm_stmt_cache_give(orm_stmt_cache *cache, orm_stmt_entry *entry);
/* Take any entry out, the oldest first; NULL when the cache is empty. */
orm_stmt_entry *orm_stmt_cache_pop(orm_stmt_cache *cache);

#endif /* ORM_DRIVER_STMT_CACHE_H */
