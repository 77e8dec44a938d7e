/*
 * unit/parts.c - instances whose row is spread over several tables (joined inheritance).
 *
 * Place: collect.c gives such a row its parts, one per further table, each with the plan of that
 *   table; save.c and delete.c go through the tables in the hierarchy's order. In one table the
 *   rows of all classes stand in the order of the flush, so that those of one shape are one batch.
 * Values: all parts read the same instance. A part is found by the identity, column by column;
 *   where the root's key was changed, by the new one if the database has handed it down.
 * The version stands in the root's table: a change of any part counts it.
 */
#include "unit/unit_int.h"

int
orm_parts_make(orm_work *w, orm_urow *r)
{
    uint32_t n = r->plan->nmore;

    if (n == 0) {
        return 0;
    }
    r->parts = orm_arena_array(&w->arena, n, sizeof(*r->parts));
    if (r->parts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        r->parts[i] = (orm_urow){.h = r->h, .obj = r->obj, .plan = r->plan->more[i],
                                 .base = r->base, .op = r->op, .number = r->number, .at = r->at};
    }
    return 0;
}

bool
orm_parts_any(orm_urow *const *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (rows[i]->parts != NULL) {
            return true;
        }
    }
    return false;
}

/* Whether the row's key is changed by this flush. 1, 0, -1. */
static int
is_rekeyed(const orm_urow *r)
{
    for (uint32_t k = 0; r->op == ORM_OP_UPDATE && r->switched == NULL && k < r->plan->npk; k++) {
        PyObject *v = NULL;
        int changed = orm_net_change(r, &r->plan->cols[r->plan->pk[k]], &v);

        Py_XDECREF(v);
        if (changed != 0) {
            return changed;
        }
    }
    return 0;
}

int
orm_parts_shape(orm_work *w, orm_urow *r)
{
    int rekeyed = is_rekeyed(r);
    bool any = false;

    for (uint32_t i = 0; rekeyed >= 0 && i < r->plan->nmore; i++) {
        orm_urow *part = &r->parts[i];
        int rc;

        part->op = r->op;
        part->switched = r->switched;
        part->shape = NULL;
        if (rekeyed && part->plan->passive) {
            part->flags |= ORM_R_CASCADED;
        }
        rc = orm_row_shape(w, part, NULL, false);
        if (rc < 0) {
            return -1;
        }
        any = any || rc > 0;
    }
    return rekeyed < 0 ? -1 : any;
}

uint32_t
orm_parts_pick(orm_urow *const *rows, uint32_t n, uint32_t order, orm_urow **list)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (order == 0) {
            list[count++] = rows[i];
            continue;
        }
        for (uint32_t k = 0; rows[i]->parts != NULL && k < rows[i]->plan->nmore; k++) {
            if (rows[i]->parts[k].plan->order == order) {
                list[count++] = &rows[i]->parts[k];
            }
        }
    }
    return count;
}

uint32_t
orm_parts_next(orm_urow *const *rows, uint32_t n, uint32_t order, bool down)
{
    uint32_t found = down && order > 0 ? 0 : UINT32_MAX;

    if (down && order == 0) {
        return UINT32_MAX;
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; rows[i]->parts != NULL && k < rows[i]->plan->nmore; k++) {
            uint32_t one = rows[i]->parts[k].plan->order;

            if (down ? one < order && one > found : one > order && one < found) {
                found = one;
            }
        }
    }
    return found;
}

int
orm_parts_copy(orm_work *w, orm_urow **list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const orm_wplan *p = list[i]->plan;

        for (uint32_t k = 0; k < p->ncopies; k++) {
            PyObject *v = orm_val_peek(list[i]->h, p->copies[k].from, NULL);
            int32_t column = orm_wplan_slot_column(p, p->copies[k].to);

            if (v == NULL) {
                continue;
            }
            if (column >= 0 && orm_note_given(w, list[i], (uint32_t)column) < 0) {
                Py_DECREF(v);
                return -1;
            }
            if (orm_val_load_steal(list[i]->h, p->copies[k].to, v) < 0) {
                return -1;
            }
        }
    }
    return 0;
}
