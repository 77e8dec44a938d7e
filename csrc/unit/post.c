/*
 * unit/post.c - post_update: foreign keys that are written by an UPDATE of their own, when both
 * rows exist; and before DELETEs, so that no row refers to one that goes.
 *
 * A second UPDATE counts the version once per flush: not for a row that this flush has written.
 */
#include "unit/dep.h"

#include <string.h>

/* Note a foreign key's column in the row of the table that has it: 1, 0 it has none, -1. */
static int
note_column(orm_work *w, orm_urow *r, uint32_t slot)
{
    int32_t column = orm_wplan_slot_column(r->plan, slot);

    if (column < 0) {
        return 0;
    }
    if (r->post == NULL) {
        r->post = orm_arena_array(&w->arena, r->plan->nwords, sizeof(uint64_t));
        if (r->post == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memset(r->post, 0, r->plan->nwords * sizeof(uint64_t));
    }
    orm_bit_set(r->post, (uint32_t)column);
    return 1;
}

int
orm_post_note(orm_work *w, orm_urow *r, const orm_relation *rel)
{
    for (uint32_t i = 0; i < rel->npairs; i++) {
        int rc = rel->pairs[i].dest < 0 ? 1 : note_column(w, r, (uint32_t)rel->pairs[i].dest);

        for (uint32_t k = 0; rc == 0 && r->parts != NULL && k < r->plan->nmore; k++) {
            rc = note_column(w, &r->parts[k], (uint32_t)rel->pairs[i].dest);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* The shape of a row's second UPDATE. 0 / -1. */
static int
shape_row(orm_urow *r)
{
    orm_wplan *p = r->plan;

    for (uint32_t i = 0; i < p->ncols; i++) {
        uint8_t kind = p->cols[i].update.kind;

        if (kind >= ORM_D_SCALAR && kind <= ORM_D_CONTEXT) {
            orm_bit_set(r->post, i);
        }
    }
    if (p->version >= 0 && p->generator != Py_False && !(r->flags & ORM_R_WRITTEN)
        && r->op != ORM_OP_DELETE) {
        orm_bit_set(r->post, (uint32_t)p->version);
        Py_CLEAR(r->version);
        if (orm_next_version(r) < 0) {
            return -1;
        }
    }
    r->shape = orm_wshape_of(p, ORM_OP_UPDATE, r->post);
    return r->shape == NULL ? -1 : 0;
}

/* The second UPDATEs of one table. list has room for all rows. 0 / -1. */
static int
run_table(orm_work *w, orm_ubase *b, orm_urow **list, uint32_t n)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (list[i]->post != NULL && !(list[i]->flags & ORM_R_TAKEN)) {
            list[count++] = list[i];
            if (shape_row(list[i]) < 0) {
                return -1;
            }
        }
    }
    return count == 0 ? 0
           : orm_base_connect(w, b) < 0 || orm_run_steps(w, b, list, count) < 0 ? -1
                                                                                : 0;
}

int
orm_post_run(orm_work *w, orm_ubase *b, bool deletes)
{
    orm_urow **rows = deletes ? b->deletes : b->saves;
    uint32_t n = deletes ? b->ndeletes : b->nsaves;
    orm_urow **list = orm_arena_array(&w->arena, (size_t)n + 1, sizeof(*list));
    int rc = 0;

    if (list == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t order = 0; rc == 0 && order != UINT32_MAX;
         order = orm_parts_next(rows, n, order, false)) {
        rc = run_table(w, b, list, orm_parts_pick(rows, n, order, list));
    }
    return rc;
}
