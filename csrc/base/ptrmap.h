/*
 * ptrmap.h - open-addressing table from a 64-bit hash to a pointer.
 *
 * The probing of caches and of sets of pointers (the identity map's is tagmap.h): linear probing over cells of
 * (hash, value), power-of-two size, at most 2/3 full, so at least one cell is always
 * empty and every probe ends. Removal shifts the following cells back: no tombstones, so
 * a table that lives for days does not degrade. Equality beyond the hash is the caller's:
 * a function passed to find, inlined where it is a constant.
 * The table owns nothing it points to. It may hold two equal values: put never looks.
 * A cell pointer or position is valid until the next put, reserve, remove or clear; watch
 * `version` when something in between may run foreign code.
 * Source of the removal: Knuth, The Art of Computer Programming vol. 3, 6.4, algorithm R.
 */
#ifndef ORM_BASE_PTRMAP_H
#define ORM_BASE_PTRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct orm_ptrcell {
    uint64_t hash; /* the whole hash: compared before the caller's equality */
    void *value;   /* NULL: the cell is empty */
} orm_ptrcell;

typedef struct orm_ptrmap {
    orm_ptrcell *cells; /* owned; NULL before the first put */
    size_t mask;        /* number of cells - 1; 0 while cells is NULL */
    size_t used;        /* cells that hold a value */
    uint64_t version;   /* incremented whenever cells may have moved */
} orm_ptrmap;

/* Nonzero when `value` is the one that `key` describes; called only on equal hashes. */
typedef int (*orm_ptrmap_eq)(const void *value, const void *key);

static inline void
orm_ptrmap_init(orm_ptrmap *map)
{
    *map = (orm_ptrmap){0};
}

void orm_ptrmap_fini(orm_ptrmap *map);
/* Remove everything; the memory stays. */
void orm_ptrmap_clear(orm_ptrmap *map);
/* Room for n values in all without another allocation; -1 (map unchanged) without memory. */
int orm_ptrmap_reserve(orm_ptrmap *map, size_t n);
/* Add a value (never NULL); -1 without memory, and then the map is unchanged. */
int orm_ptrmap_put(orm_ptrmap *map, uint64_t hash, void *value);
/* Take the value out of a cell of this map. */
void orm_ptrmap_remove_cell(orm_ptrmap *map, orm_ptrcell *cell);
/* Take this very pointer out; 1 it was there, 0 it was not. */
int orm_ptrmap_remove(orm_ptrmap *map, uint64_t hash, const void *value);
/* Whole-structure check for tests: 0 when every invariant holds, else -1. */
int orm_ptrmap_check(const orm_ptrmap *map);

/* Where the search for a hash starts: spreads hashes that differ only in high bits. */
static inline size_t
orm_ptrmap_start(uint64_t hash, size_t mask)
{
    return (size_t)((hash * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & mask;
}

/* Values that a table of `ncells` may hold: two thirds, so one cell at least stays empty. */
static inline size_t
orm_ptrmap_limit(size_t ncells)
{
    return ncells - ncells / 3 - 1;
}

/* The first cell with this hash that `equal` accepts; NULL when there is none. */
static inline orm_ptrcell *
orm_ptrmap_find(const orm_ptrmap *map, uint64_t hash, orm_ptrmap_eq equal, const void *key)
{
    if (map->used == 0) {
        return NULL;
    }
    size_t mask = map->mask;
    for (size_t i = orm_ptrmap_start(hash, mask);; i = (i + 1) & mask) {
        orm_ptrcell *cell = &map->cells[i];
        if (cell->value == NULL) {
            return NULL;
        }
        if (cell->hash == hash && equal(cell->value, key)) {
            return cell;
        }
    }
}

/* Walk: *pos starts at 0; the next value or NULL at the end. The map must not change. */
static inline void *
orm_ptrmap_next(const orm_ptrmap *map, size_t *pos)
{
    if (map->cells != NULL) {
        while (*pos <= map->mask) {
            void *value = map->cells[(*pos)++].value;
            if (value != NULL) {
                return value;
            }
        }
    }
    return NULL;
}

#endif /* ORM_BASE_PTRMAP_H */
