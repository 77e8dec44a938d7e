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

int
orm_delete_rows(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n)
{
    orm_urow **list = orm_arena_array(&w->arena, n, sizeof(*list));
    uint32_t count = 0;

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
    for (uint32_t i = 0; i < count; i++) {
        orm_wplan *p = list[i]->plan;
        uint64_t *none = orm_arena_array(&w->arena, p->nwords, sizeof(uint64_t));

        if (none == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (uint32_t k = 0; k < p->nwords; k++) {
            none[k] = 0;
        }
        list[i]->shape = i > 0 && list[i - 1]->plan == p ? list[i - 1]->shape
                                                         : orm_wshape_of(p, ORM_OP_DELETE, none);
        if (list[i]->shape == NULL) {
            return -1;
        }
    }
    return orm_run_steps(w, b, list, count) < 0
                   || fire_all(w, b, list, count, ORM_MEV_after_delete) < 0
               ? -1
               : 0;
}
