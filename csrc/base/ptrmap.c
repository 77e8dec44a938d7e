/*
 * ptrmap.c - growing and removing; see ptrmap.h.
 */
#include "base/ptrmap.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

#define SMALLEST 8u /* cells of the first table */

void
orm_ptrmap_fini(orm_ptrmap *map)
{
    orm_free(map->cells);
    orm_ptrmap_init(map);
}

void
orm_ptrmap_clear(orm_ptrmap *map)
{
    if (map->cells != NULL) {
        memset(map->cells, 0, (map->mask + 1) * sizeof(orm_ptrcell));
    }
    map->used = 0;
    map->version++;
}

static void
place(orm_ptrcell *cells, size_t mask, uint64_t hash, void *value)
{
    size_t i = orm_ptrmap_start(hash, mask);
    while (cells[i].value != NULL) {
        i = (i + 1) & mask;
    }
    cells[i] = (orm_ptrcell){hash, value};
}

int
orm_ptrmap_reserve(orm_ptrmap *map, size_t n)
{
    size_t ncells = map->cells == NULL ? SMALLEST : map->mask + 1;
    while (orm_ptrmap_limit(ncells) < n) {
        if (orm_size_mul(ncells, 2, &ncells) < 0) {
            return -1;
        }
    }
    if (map->cells != NULL && ncells == map->mask + 1) {
        return 0;
    }
    orm_ptrcell *cells = orm_calloc(ncells, sizeof(orm_ptrcell));
    if (cells == NULL) {
        return -1;
    }
    for (size_t i = 0; map->cells != NULL && i <= map->mask; i++) {
        if (map->cells[i].value != NULL) {
            place(cells, ncells - 1, map->cells[i].hash, map->cells[i].value);
        }
    }
    orm_free(map->cells);
    map->cells = cells;
    map->mask = ncells - 1;
    map->version++;
    return 0;
}

int
orm_ptrmap_put(orm_ptrmap *map, uint64_t hash, void *value)
{
    assert(value != NULL);
    if ((map->cells == NULL || map->used >= orm_ptrmap_limit(map->mask + 1))
        && orm_ptrmap_reserve(map, map->used + 1) < 0) {
        return -1;
    }
    place(map->cells, map->mask, hash, value);
    map->used++;
    return 0;
}

void
orm_ptrmap_remove_cell(orm_ptrmap *map, orm_ptrcell *cell)
{
    assert(cell >= map->cells && cell <= map->cells + map->mask && cell->value != NULL);
    size_t mask = map->mask;
    size_t hole = (size_t)(cell - map->cells);
    for (size_t i = (hole + 1) & mask; map->cells[i].value != NULL; i = (i + 1) & mask) {
        size_t start = orm_ptrmap_start(map->cells[i].hash, mask);
        /* Cell i may fill the hole unless its search starts behind the hole: distances are
         * taken modulo the table, so that wrapping round needs no case of its own. */
        if (((i - start) & mask) >= ((i - hole) & mask)) {
            map->cells[hole] = map->cells[i];
            hole = i;
        }
    }
    map->cells[hole] = (orm_ptrcell){0, NULL};
    map->used--;
    map->version++;
}

static int
same_pointer(const void *value, const void *key)
{
    return value == key;
}

int
orm_ptrmap_remove(orm_ptrmap *map, uint64_t hash, const void *value)
{
    orm_ptrcell *cell = orm_ptrmap_find(map, hash, same_pointer, value);
    if (cell == NULL) {
        return 0;
    }
    orm_ptrmap_remove_cell(map, cell);
    return 1;
}

int
orm_ptrmap_check(const orm_ptrmap *map)
{
    if (map->cells == NULL) {
        return map->used == 0 && map->mask == 0 ? 0 : -1;
    }
    size_t seen = 0;
    for (size_t i = 0; i <= map->mask; i++) {
        if (map->cells[i].value == NULL) {
            continue;
        }
        seen++;
        /* no empty cell between where the search starts and where the value is */
        for (size_t j = orm_ptrmap_start(map->cells[i].hash, map->mask); j != i;
             j = (j + 1) & map->mask) {
            if (map->cells[j].value == NULL) {
                return -1;
            }
        }
    }
    return seen == map->used && seen <= orm_ptrmap_limit(map->mask + 1) ? 0 : -1;
}
