/*
 * orm/load_cell.h - whole numbers read from a row without an object: keys of most tables; and those
 *   that rows share.
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

enum { ORM_ROWS_TO_SHARE = 16 }; /* from this row on it pays to look for equal numbers */
/* From here on the last whole number of each column is kept. 0 / -1. */
int orm_lasts_keep(orm_loader *l);
void orm_lasts_free(orm_loader *l);

/* fast path: the number of the row before is its object, else as the decoder says. */
static inline PyObject *
orm_loader_decode(orm_loader *l, const orm_decoder *d, uint32_t column, const orm_cell *cell)
{
    orm_lastint *last = l->lasts == NULL ? NULL : &l->lasts[column];
    int64_t number = 0;
    PyObject *v = NULL;

    if (last == NULL || last->misses >= ORM_LAST_OFF
        || !orm_cell_int(cell, l->dec->dialect, &number)) {
        return d->fn(l->dec, d->type, cell);
    }
    if (last->obj != NULL && last->number == number) {
        last->misses = 0;
        l->nshared++;
        return Py_NewRef(last->obj);
    }
    v = d->fn(l->dec, d->type, cell);
    if (v != NULL) {
        Py_XSETREF(last->obj, Py_NewRef(v));
        last->number = number;
        last->misses++;
    }
    return v;
}

#endif
