/*
 * orm/load_cell.h - whole numbers read from a row without an object: keys of most tables.
 */
#ifndef ORM_ORM_LOAD_CELL_H
#define ORM_ORM_LOAD_CELL_H

#include "orm/load_int.h"

/* The whole number in a cell: 1; 0: it is none that can be read here. */
static inline int
orm_cell_int(const orm_cell *cell, uint8_t dialect, int64_t *out)
{
    if (cell->kind == ORM_V_INT) {
        *out = cell->u.i;
        return 1;
    }
    if (dialect != ORM_PG || cell->kind != ORM_V_BLOB) {
        return 0;
    }
    switch (cell->len) {
    case 4:
        *out = (int32_t)orm_load32(cell->p);
        return 1;
    case 8:
        *out = (int64_t)orm_load64(cell->p);
        return 1;
    case 2:
        *out = (int16_t)orm_load16(cell->p);
        return 1;
    default:
        return 0;
    }
}

/* The values of a result's column are whole numbers that orm_cell_int can read. */
bool orm_loader_reads_int(const orm_loader *l, uint32_t column);

#endif
