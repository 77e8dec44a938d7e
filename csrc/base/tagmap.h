/*
 * tagmap.h - open-addressing table of pointers in cells of eight bytes.
 *
 * The identity map's: half as large as ptrmap.h, whose rules it shares (linear probing, power of
 * two, at most 2/3 full, removal shifts back). A cell is a pointer with a tag: 19 bits of the
 * hash, in the 16 bits above the addresses of processes and in the 3 that alignment leaves free.
 * The tag is compared before anything behind the pointer is read; up to 2^19 cells it also tells
 * where a search starts, so that growing and removing read no value. Larger tables ask `hash_of`.
 * The table owns nothing it points to. It may hold two equal values: put never looks.
 * A cell pointer or position is valid until the next put, reserve, remove or clear; watch
 * `version` when something in between may run foreign code.
 */
#ifndef ORM_BASE_TAGMAP_H
#define ORM_BASE_TAGMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t orm_tagcell; /* 0: empty */

/* The hash that a value was put with; false: it cannot be told any more. */
typedef bool (*orm_tagmap_hash)(void *value, uint64_t *hash);

typedef struct orm_tagmap {
    orm_tagcell *cells;      /* owned; NULL before the first put */
    size_t mask;             /* number of cells - 1; 0 while cells is NULL */
    size_t used;             /* cells that hold a value */
    uint64_t version;        /* incremented whenever cells may have moved */
    orm_tagmap_hash hash_of; /* runs no Python */
} orm_tagmap;

#define ORM_TAG_BITS 19u
#define ORM_TAG_POINTER UINT64_C(0x0000fffffffffff8)

/* Nonzero when `value` is the one that `key` describes; called only on equal tags. */
typedef int (*orm_tagmap_eq)(const void *value, const void *key);

void orm_tagmap_init(orm_tagmap *map, orm_tagmap_hash hash_of);
void orm_tagmap_fini(orm_tagmap *map);
/* Room for n values in all without another allocation; -1 (map unchanged) without memory. */
int orm_tagmap_reserve(orm_tagmap *map, size_t n);
/* Add a value (never NULL, aligned to 8); -1 without memory, and then the map is unchanged. */
int orm_tagmap_put(orm_tagmap *map, uint64_t hash, void *value);
/* Take the value out of a cell of this map. */
void orm_tagmap_remove_cell(orm_tagmap *map, orm_tagcell *cell);
/* Take this very pointer out; 1 it was there, 0 it was not. */
int orm_tagmap_remove(orm_tagmap *map, uint64_t hash, const void *value);
/* Take out every value that `gone` accepts, asked once for each; `gone` may not touch the map. */
void orm_tagmap_sweep(orm_tagmap *map, bool (*gone)(void *value, void *arg), void *arg);
/* Whole-structure check for tests: 0 when every invariant holds, else -1. */
int orm_tagmap_check(const orm_tagmap *map);

/* What decides the place and the tag: the low bits, as they are. Whoever makes the hash decides
 * what lies beside what. */
static inline uint32_t
orm_tagmap_spread(uint64_t hash)
{
    return (uint32_t)hash;
}

/* The tag of a hash, where it stands in a cell. */
static inline uint64_t
orm_tagmap_tag(uint32_t spread)
{
    return (uint64_t)(spread & 7) | (uint64_t)(spread >> 3 & 0xffff) << 48;
}

static inline void *
orm_tagmap_value(orm_tagcell cell)
{
    return (void *)(uintptr_t)(cell & ORM_TAG_POINTER);
}

/* Values that a table of `ncells` may hold: two thirds, so one cell at least stays empty. */
static inline size_t
orm_tagmap_limit(size_t ncells)
{
    return ncells - ncells / 3 - 1;
}

/* fast path: same answer as orm_tagmap_put, into the empty cell where the search for this hash
 * ended, the map being as it was then. False: put it the long way, nothing has changed. */
static inline bool
orm_tagmap_put_at(orm_tagmap *map, orm_tagcell *cell, uint64_t hash, void *value)
{
    uint64_t address = (uint64_t)(uintptr_t)value;

    if (map->used >= orm_tagmap_limit(map->mask + 1) || (address & ~ORM_TAG_POINTER) != 0) {
        return false;
    }
    *cell = address | orm_tagmap_tag(orm_tagmap_spread(hash));
    map->used++;
    return true;
}

/* The first cell with this hash's tag that `equal` accepts; NULL when there is none. */
static inline orm_tagcell *
orm_tagmap_find(const orm_tagmap *map, uint64_t hash, orm_tagmap_eq equal, const void *key)
{
    uint32_t spread = orm_tagmap_spread(hash);
    uint64_t tag = orm_tagmap_tag(spread);

    if (map->used == 0) {
        return NULL;
    }
    for (size_t i = spread & map->mask;; i = (i + 1) & map->mask) {
        orm_tagcell cell = map->cells[i];

        if (cell == 0) {
            return NULL;
        }
        if ((cell & ~ORM_TAG_POINTER) == tag && equal(orm_tagmap_value(cell), key)) {
            return &map->cells[i];
        }
    }
}

/* Walk: *pos starts at 0; the next value or NULL at the end. The map must not change. */
static inline void *
orm_tagmap_next(const orm_tagmap *map, size_t *pos)
{
    while (map->cells != NULL && *pos <= map->mask) {
        orm_tagcell cell = map->cells[(*pos)++];

        if (cell != 0) {
            return orm_tagmap_value(cell);
        }
    }
    return NULL;
}

#endif /* ORM_BASE_TAGMAP_H */
