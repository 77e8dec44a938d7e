/*
 * unit/dep_many.c - rows of the secondary table of a many-to-many.
 *
 * A pair of instances is one row: {columns that refer to the parent, columns that refer to the
 *   target}. Rows are collected from all entries and written as batches, deletes first: by the
 *   same steps as instances' rows, whose values they carry with them.
 * Two sides: whatever one side of the relationship has written, the other leaves out. The same
 *   member twice within one side is two rows, and the database's to judge; unless the other side
 *   knows of one only, which then counts.
 */
#include "unit/dep.h"

#include <string.h>

/* Rows of one operation. */
typedef struct rowlist {
    orm_urow **rows; /* PyMem; the rows lie in work->arena */
    uint32_t n, cap;
} rowlist;

typedef struct many {
    orm_work *w;
    orm_uproc *p;
    orm_wplan *plan;
    uint64_t *bits;     /* columns that a row of each operation writes: INSERT */
    uint64_t *update_bits;
    rowlist ops[3];     /* by ORM_OP_* */
    orm_upair *fresh;   /* PyMem: pairs of this run, for the other side to leave out */
    uint32_t nfresh, capfresh;
    orm_ptrmap seen;    /* index + 1 in `fresh`, as a pointer: INSERTs of this run */
} many;

/* --- pairs ----------------------------------------------------------------------------------- */

static uint64_t
pair_hash(const orm_upair *pair)
{
    return ((uintptr_t)pair->a >> 4) * UINT64_C(0x9E3779B97F4A7C15) + ((uintptr_t)pair->b >> 4);
}

static int
is_pair(const void *value, const void *key)
{
    const orm_upair *x = value;
    const orm_upair *y = key;

    return x->a == y->a && x->b == y->b;
}

/* The set that both sides share. */
static orm_ptrmap *
pairs_of(orm_uproc *p)
{
    return p->mirror != NULL ? &p->mirror->own_pairs : &p->own_pairs;
}

static orm_upair
pair_of(const orm_uproc *p, const orm_head *parent, const orm_head *target)
{
    return p->mirror != NULL ? (orm_upair){target, parent} : (orm_upair){parent, target};
}

/* Has the other side written the row of these two? */
static bool
is_written(const many *m, const orm_head *parent, const orm_head *target)
{
    orm_upair pair = pair_of(m->p, parent, target);
    orm_ptrmap *set = pairs_of(m->p);

    return set->used > 0 && orm_ptrmap_find(set, pair_hash(&pair), is_pair, &pair) != NULL;
}

/* What is looked for in `seen`. */
typedef struct wanted {
    const many *m;
    orm_upair pair;
} wanted;

static int
is_seen(const void *value, const void *key)
{
    const wanted *k = key;

    return is_pair(&k->m->fresh[(uintptr_t)value - 1], &k->pair);
}

/* How often the other side has added this pair; it is -1 if it has not looked at it. */
static int64_t
count_mirrored(const many *m, PyObject *parent, orm_head *target)
{
    const orm_urow *r = orm_row_of(m->w, target);
    int64_t n = -1;

    for (const orm_uentry *e = r == NULL ? NULL : r->entries; e != NULL; e = e->of_row) {
        bool other = e->proc == m->p->mirror || e->proc->mirror == m->p;

        for (uint32_t i = 0; other && i < e->added.n; i++) {
            n = n < 0 ? 0 : n;
            n += e->added.items[i] == parent;
        }
    }
    return n;
}

/* Is this INSERT one more of a pair that the other side has only once? */
static bool
is_surplus(const many *m, const orm_urow *parent, orm_head *target)
{
    wanted key = {m, pair_of(m->p, parent->h, target)};

    if (m->seen.used == 0
        || orm_ptrmap_find(&m->seen, pair_hash(&key.pair), is_seen, &key) == NULL) {
        return false;
    }
    return count_mirrored(m, parent->obj, target) == 1;
}

static int
note_pair(many *m, const orm_head *parent, const orm_head *target, uint8_t op)
{
    if (m->p->rel->nreverse == 0) {
        return 0;
    }
    if (orm_more_room(&m->fresh, &m->capfresh, m->nfresh, sizeof(*m->fresh)) < 0) {
        return -1;
    }
    m->fresh[m->nfresh++] = pair_of(m->p, parent, target);
    if (op == ORM_OP_INSERT
        && orm_ptrmap_put(&m->seen, pair_hash(&m->fresh[m->nfresh - 1]),
                          (void *)(uintptr_t)m->nfresh)
               < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

/* What this run has written is known to the other side from now on. 0 / -1. */
static int
share_pairs(many *m)
{
    orm_ptrmap *set = pairs_of(m->p);
    orm_upair *kept = orm_arena_array(&m->w->arena, (size_t)m->nfresh + 1, sizeof(*kept));

    if (kept == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < m->nfresh; i++) {
        kept[i] = m->fresh[i];
        if (orm_ptrmap_put(set, pair_hash(&kept[i]), &kept[i]) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

/* --- values ------------------------------------------------------------------------------------ */

/* The value that a column of the instance had before this flush, new reference. */
static PyObject *
old_value(orm_work *w, const orm_relation *rel, const orm_relpair *pair, orm_head *h)
{
    PyObject *old = NULL;

    if (pair->source >= 0 && orm_val_is_dirty(h, (uint32_t)pair->source)) {
        old = orm_val_old(h, (uint32_t)pair->source); /* borrow-ok: owned at once */
        if (old != NULL) {
            return Py_NewRef(old);
        }
    }
    return orm_sync_value(w, rel, pair, h);
}

/* The columns that refer to one of the two, into the row. `first`: number of the side's first
 * pair among the key columns of the plan. 0 / -1. */
static int
fill_side(many *m, orm_urow *r, const orm_relpair *pairs, uint32_t n, uint32_t first, orm_head *h,
          uint8_t op)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t column = m->plan->pk[first + i];

        r->values[column] = orm_sync_value(m->w, m->p->rel, &pairs[i], h);
        if (r->values[column] == NULL) {
            return -1;
        }
        if (op != ORM_OP_INSERT) {
            PyObject *v = op == ORM_OP_UPDATE ? old_value(m->w, m->p->rel, &pairs[i], h)
                                              : Py_NewRef(r->values[column]);

            r->values[m->plan->ncols + first + i] = v;
            if (v == NULL) {
                return -1;
            }
        }
    }
    return 0;
}

static void
row_fini(const many *m, orm_urow *r)
{
    for (uint32_t i = 0; i < m->plan->ncols + m->plan->npk; i++) {
        Py_CLEAR(r->values[i]);
    }
    Py_CLEAR(r->obj);
}

static int
add_row(many *m, orm_urow *parent, orm_head *target, uint8_t op)
{
    const orm_relation *rel = m->p->rel;
    size_t room = (size_t)m->plan->ncols + m->plan->npk;
    rowlist *list = &m->ops[op];
    orm_urow *r = orm_arena_alloc(&m->w->arena, sizeof(*r));
    PyObject **values = orm_arena_array(&m->w->arena, room, sizeof(*values));

    if (r == NULL || values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(values, 0, room * sizeof(*values));
    *r = (orm_urow){.h = parent->h, .obj = Py_NewRef(parent->obj), .plan = m->plan,
                    .values = values, .op = op};
    if (orm_more_room(&list->rows, &list->cap, list->n, sizeof(*list->rows)) < 0) {
        Py_CLEAR(r->obj);
        return -1;
    }
    list->rows[list->n++] = r;
    r->shape = orm_wshape_of(m->plan, op, op == ORM_OP_UPDATE ? m->update_bits
                                          : op == ORM_OP_INSERT ? m->bits
                                                                : m->bits + m->plan->nwords);
    return r->shape == NULL || fill_side(m, r, rel->pairs, rel->npairs, 0, parent->h, op) < 0
                   || fill_side(m, r, rel->secondary_pairs, rel->nsecondary_pairs, rel->npairs,
                                target, op) < 0
               ? -1
               : 0;
}

/* A row for each of the members. `what`: the operation as warnings name it. 0 / -1. */
static int
add_members(many *m, orm_urow *parent, const orm_umembers *list, uint8_t op, const char *what)
{
    const orm_relation *rel = m->p->rel;

    for (uint32_t i = 0; i < list->n; i++) {
        orm_head *h = orm_head_of(m->w->st, list->items[i]);
        int rc = 0;

        if (h == NULL) {
            return -1;
        }
        if ((op != ORM_OP_UPDATE && is_written(m, parent->h, h))
            || (op == ORM_OP_INSERT && is_surplus(m, parent, h))) {
            continue;
        }
        if (!orm_is_flushable(m->w, h)) {
            rc = h->flags & ORM_H_DELETED
                     ? 0
                     : orm_warn_not_in_session(m->w, rel, h, what, "won't");
        }
        else {
            rc = orm_check_member(m->w, rel, h) < 0 ? -1 : add_row(m, parent, h, op);
            rc = rc < 0 ? -1 : note_pair(m, parent->h, h, op);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

static int
add_entry(many *m, orm_uentry *e)
{
    orm_urow *r = e->row;

    if (r->op == ORM_OP_DELETE) {
        return add_members(m, r, &e->deleted, ORM_OP_DELETE, "delete") < 0
                       || add_members(m, r, &e->unchanged, ORM_OP_DELETE, "delete") < 0
                   ? -1
                   : 0;
    }
    if (add_members(m, r, &e->added, ORM_OP_INSERT, "add") < 0
        || add_members(m, r, &e->deleted, ORM_OP_DELETE, "delete") < 0) {
        return -1;
    }
    return e->rekeyed && !(m->p->rel->flags & ORM_RF_PASSIVE_UPDATES)
               ? add_members(m, r, &e->unchanged, ORM_OP_UPDATE, "pk change")
               : 0;
}

/* --- writing ------------------------------------------------------------------------------------- */

/* Which columns INSERT, UPDATE (and DELETE: none) write. 0 / -1. */
static int
make_bits(many *m)
{
    const orm_wplan *p = m->plan;

    m->bits = orm_arena_array(&m->w->arena, (size_t)p->nwords * 3, sizeof(uint64_t));
    if (m->bits == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(m->bits, 0, (size_t)p->nwords * 3 * sizeof(uint64_t));
    m->update_bits = m->bits + (size_t)p->nwords * 2;
    for (uint32_t i = 0; i < p->ncols; i++) {
        if (p->cols[i].flags & (ORM_W_PK | ORM_W_FILL)) {
            orm_bit_set(m->bits, i);
        }
        if (p->cols[i].flags & ORM_W_PK
            || (p->cols[i].update.kind >= ORM_D_SCALAR
                && p->cols[i].update.kind <= ORM_D_CONTEXT)) {
            orm_bit_set(m->update_bits, i);
        }
    }
    return 0;
}

static int
write_rows(many *m)
{
    static const uint8_t order[] = {ORM_OP_DELETE, ORM_OP_UPDATE, ORM_OP_INSERT};
    orm_ubase *link = &m->p->link;

    for (size_t i = 0; i < sizeof(order); i++) {
        rowlist *list = &m->ops[order[i]];

        if (list->n > 0
            && (orm_base_connect(m->w, link) < 0
                || orm_run_steps(m->w, link, list->rows, list->n) < 0)) {
            return -1;
        }
    }
    return 0;
}

int
orm_many_run(orm_work *w, orm_uproc *p, bool deletes)
{
    many m = {.w = w, .p = p};
    int rc = 0;

    m.plan = orm_wplan_secondary(w->st, p->rel);
    if (m.plan == NULL || PyList_Append(w->plans, (PyObject *)m.plan) < 0 || make_bits(&m) < 0) {
        return -1;
    }
    p->link.root = p->rel->target->root;
    p->link.plan = m.plan;
    for (orm_uentry *e = p->first; rc == 0 && e != NULL; e = e->next) {
        if ((e->row->op == ORM_OP_DELETE) == deletes
            && !(e->row->flags & (ORM_R_TAKEN | ORM_R_LISTED))) {
            rc = add_entry(&m, e);
        }
    }
    rc = rc < 0 ? -1 : write_rows(&m);
    rc = rc < 0 ? -1 : share_pairs(&m);
    for (size_t op = 0; op < 3; op++) {
        for (uint32_t i = 0; i < m.ops[op].n; i++) {
            row_fini(&m, m.ops[op].rows[i]);
        }
        PyMem_Free(m.ops[op].rows);
    }
    PyMem_Free(m.fresh);
    orm_ptrmap_fini(&m.seen);
    return rc;
}
