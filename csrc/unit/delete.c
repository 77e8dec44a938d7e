/*
 * unit/delete.c - DELETEs of rows that may be deleted now.
 *
 * before_delete listeners, one or more statements by key (and version), after_delete listeners.
 * A row that a pending instance took over (row switch) is not deleted, and nobody is told.
 */
#include "unit/unit_int.h"

static int
fire_all(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n, int event)
{
    for (uint32_t i = 0; i < n; i++) {
        if (orm_fire(w, b, rows[i], event) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The shapes of DELETEs of rows of one table. 0 / -1. */
static int
shape_rows(orm_work *w, orm_urow **rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        orm_wplan *p = orm_wplan_writer(rows[i]->plan);
        uint64_t *none = NULL;

        if (i > 0 && orm_wplan_writer(rows[i - 1]->plan) == p) {
            rows[i]->shape = rows[i - 1]->shape;
            continue;
        }
        none = orm_arena_array(&w->arena, p->nwords, sizeof(uint64_t));
        if (none == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (uint32_t k = 0; k < p->nwords; k++) {
            none[k] = 0;
        }
        rows[i]->shape = orm_wshape_of(p, ORM_OP_DELETE, none);
        if (rows[i]->shape == NULL) {
            return -1;
        }
    }
    return 0;
}

int
orm_delete_rows(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n)
{
    orm_urow **list = orm_arena_array(&w->arena, (size_t)n * 2, sizeof(*list));
    orm_urow **table = list == NULL ? NULL : list + n;
    uint32_t count = 0;
    uint32_t order;

    if (list == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!(rows[i]->flags & ORM_R_TAKEN)) {
            list[count++] = rows[i];
        }
    }
    if (fire_all(w, b, list, count, ORM_MEV_before_delete) < 0) {
        return -1;
    }
    order = orm_parts_next(list, count, UINT32_MAX, true);
    for (; order != UINT32_MAX; order = orm_parts_next(list, count, order, true)) {
        uint32_t m = orm_parts_pick(list, count, order, table);

        if (shape_rows(w, table, m) < 0 || orm_run_steps(w, b, table, m) < 0) {
            return -1;
        }
    }
    return fire_all(w, b, list, count, ORM_MEV_after_delete);
}
