/*
 * tagmap.c - growing and removing; see tagmap.h.
 */
#include "base/tagmap.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

#define SMALLEST 8u /* cells of the first table */

void
orm_tagmap_init(orm_tagmap *map, orm_tagmap_hash hash_of)
{
    *map = (orm_tagmap){.hash_of = hash_of};
}

void
orm_tagmap_fini(orm_tagmap *map)
{
    orm_free(map->cells);
    orm_tagmap_init(map, map->hash_of);
}

/* As much of the spread hash as a table of this mask needs. False: it cannot be told. */
static bool
spread_of(const orm_tagmap *map, size_t mask, orm_tagcell cell, uint32_t *out)
{
    uint64_t hash = 0;

    *out = (uint32_t)(cell & 7) | (uint32_t)(cell >> 48) << 3;
    if (mask >> ORM_TAG_BITS != 0) {
        if (!map->hash_of(orm_tagmap_value(cell), &hash)) {
            return false;
        }
        *out = orm_tagmap_spread(hash);
    }
    return true;
}

static void
place(orm_tagcell *cells, size_t mask, uint32_t spread, orm_tagcell cell)
{
    size_t i = spread & mask;

    while (cells[i] != 0) {
        i = (i + 1) & mask;
    }
    cells[i] = cell;
}

/* Every value of the first `n` cells, a power of two, to where it is found in the whole table. Goes
 * round from behind a cell that was always empty: when a value is taken out, those before it in its
 * chain are placed, and the cell that it leaves is behind them, so that no value passes one that is
 * still to be moved. What nobody can look for any more stays where it is. */
static void
settle(orm_tagmap *map, size_t n, size_t empty)
{
    for (size_t i = (empty + 1) & (n - 1); i != empty; i = (i + 1) & (n - 1)) {
        orm_tagcell cell = map->cells[i];
        uint32_t spread = 0;

        if (cell != 0 && spread_of(map, map->mask, cell, &spread)) {
            map->cells[i] = 0;
            place(map->cells, map->mask, spread, cell);
        }
    }
}

int
orm_tagmap_reserve(orm_tagmap *map, size_t n)
{
    size_t before = map->cells == NULL ? 0 : map->mask + 1;
    size_t ncells = before == 0 ? SMALLEST : before;
    size_t bytes = 0;
    size_t empty = 0;
    orm_tagcell *cells = NULL;

    while (orm_tagmap_limit(ncells) < n) {
        if (orm_size_mul(ncells, 2, &ncells) < 0) {
            return -1;
        }
    }
    if (ncells == before) {
        return 0;
    }
    /* In place: a large table is mapped anew, not copied, and no smaller ones are left behind. */
    if (orm_size_mul(ncells, sizeof(*cells), &bytes) < 0
        || (cells = orm_realloc(map->cells, bytes)) == NULL) {
        return -1;
    }
    memset(cells + before, 0, bytes - before * sizeof(*cells));
    map->cells = cells;
    map->mask = ncells - 1;
    map->version++;
    while (cells[empty] != 0) {
        empty++;
    }
    if (before > 0) {
        settle(map, before, empty);
    }
    return 0;
}

int
orm_tagmap_put(orm_tagmap *map, uint64_t hash, void *value)
{
    uint32_t spread = orm_tagmap_spread(hash);
    uint64_t address = (uint64_t)(uintptr_t)value;

    assert(value != NULL);
    if ((address & ~ORM_TAG_POINTER) != 0) {
        return -1; /* beyond what systems give without being asked for it */
    }
    if ((map->cells == NULL || map->used >= orm_tagmap_limit(map->mask + 1))
        && orm_tagmap_reserve(map, map->used + 1) < 0) {
        return -1;
    }
    place(map->cells, map->mask, spread, address | orm_tagmap_tag(spread));
    map->used++;
    return 0;
}

void
orm_tagmap_remove_cell(orm_tagmap *map, orm_tagcell *cell)
{
    size_t mask = map->mask;
    size_t hole = (size_t)(cell - map->cells);

    assert(cell >= map->cells && cell <= map->cells + map->mask && *cell != 0);
    for (size_t i = (hole + 1) & mask; map->cells[i] != 0; i = (i + 1) & mask) {
        uint32_t spread = 0;

        /* Cell i may fill the hole unless its search starts behind the hole: distances are
         * taken modulo the table, so that wrapping round needs no case of its own. What nobody
         * can look for any more stays where it is. */
        if (spread_of(map, mask, map->cells[i], &spread)
            && ((i - (spread & mask)) & mask) >= ((i - hole) & mask)) {
            map->cells[hole] = map->cells[i];
            hole = i;
        }
    }
    map->cells[hole] = 0;
    map->used--;
    map->version++;
}

void
orm_tagmap_sweep(orm_tagmap *map, bool (*gone)(void *value, void *arg), void *arg)
{
    size_t empty = 0;
    size_t left = 0;

    for (size_t i = 0; map->cells != NULL && i <= map->mask; i++) {
        if (map->cells[i] == 0) {
            empty = i;
        }
        else if (gone(orm_tagmap_value(map->cells[i]), arg)) {
            map->cells[i] = 0;
        }
        else {
            left++;
        }
    }
    if (left > 0 && left < map->used) {
        settle(map, map->mask + 1, empty);
    }
    map->used = left;
    map->version++;
}

static int
same_pointer(const void *value, const void *key)
{
    return value == key;
}

int
orm_tagmap_remove(orm_tagmap *map, uint64_t hash, const void *value)
{
    orm_tagcell *cell = orm_tagmap_find(map, hash, same_pointer, value);

    if (cell == NULL) {
        return 0;
    }
    orm_tagmap_remove_cell(map, cell);
    return 1;
}

int
orm_tagmap_check(const orm_tagmap *map)
{
    size_t seen = 0;

    if (map->cells == NULL) {
        return map->used == 0 && map->mask == 0 ? 0 : -1;
    }
    for (size_t i = 0; i <= map->mask; i++) {
        uint32_t spread = 0;

        if (map->cells[i] == 0) {
            continue;
        }
        seen++;
        if (!spread_of(map, map->mask, map->cells[i], &spread)) {
            return -1;
        }
        /* no empty cell between where the search starts and where the value is */
        for (size_t j = spread & map->mask; j != i; j = (j + 1) & map->mask) {
            if (map->cells[j] == 0) {
                return -1;
            }
        }
    }
    return seen == map->used && seen <= orm_tagmap_limit(map->mask + 1) ? 0 : -1;
}
