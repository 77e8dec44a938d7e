/*
 * unit/collect.c - heads become rows, rows are put under the base mapper they belong to.
 *
 * Order: pending rows as they were added, persistent ones by primary key; both kinds of one
 *   hierarchy are one list, because that is the order in which ids are given and locks taken.
 */
#include "unit/dep.h"

#include <stdlib.h>

/* --- rows ------------------------------------------------------------------------------------- */

int
orm_more_room(void *items, uint32_t *cap, uint32_t used, size_t size)
{
    void **array = items;
    uint32_t room = *cap == 0 ? 16 : *cap * 2;
    void *fresh = NULL;

    if (used < *cap) {
        return 0;
    }
    fresh = *cap > UINT32_MAX / 2 ? NULL : PyMem_Realloc(*array, room * size);
    if (fresh == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *array = fresh;
    *cap = room;
    return 0;
}

/* The base of a plan's hierarchy in this flush; made when it is met first. -1: exception. */
static int64_t
base_of(orm_work *w, orm_wplan *p)
{
    for (uint32_t i = 0; i < w->nbases; i++) {
        if (w->bases[i].root == p->mapper->root) {
            return i;
        }
    }
    if (orm_more_room(&w->bases, &w->capbases, w->nbases, sizeof(*w->bases)) < 0) {
        return -1;
    }
    w->bases[w->nbases] = (orm_ubase){.root = p->mapper->root, .plan = p};
    return w->nbases++;
}

/* The kind of a plan's rows in this flush; made when it is met first. NULL: exception. */
static orm_ukind *
kind_of(orm_work *w, orm_wplan *p)
{
    int64_t base = -1;

    if (p->work_id == w->id) {
        return &w->kinds[p->kind_at];
    }
    for (uint32_t i = 0; i < w->nkinds; i++) {
        if (w->kinds[i].plan == p) {
            return &w->kinds[i];
        }
    }
    base = base_of(w, p);
    if (base < 0 || PyList_Append(w->plans, (PyObject *)p) < 0
        || orm_more_room(&w->kinds, &w->capkinds, w->nkinds, sizeof(*w->kinds)) < 0) {
        return NULL;
    }
    p->work_id = w->id;
    p->kind_at = w->nkinds;
    w->kinds[w->nkinds] = (orm_ukind){.plan = p, .base = (uint32_t)base};
    if (orm_kind_procs(w, &w->kinds[w->nkinds++]) < 0) {
        return NULL;
    }
    return &w->kinds[w->nkinds - 1];
}

static int
queue_row(orm_ukind *k, orm_urow *r)
{
    if (k->nprocs == 0) {
        return 0;
    }
    if (orm_more_room(&k->queue, &k->capqueue, k->nqueue, sizeof(*k->queue)) < 0) {
        return -1;
    }
    k->queue[k->nqueue++] = r;
    return 0;
}

int
orm_row_queue(orm_work *w, orm_urow *r)
{
    orm_ukind *k = kind_of(w, r->plan);

    return k == NULL ? -1 : queue_row(k, r);
}

orm_urow *
orm_row_add(orm_work *w, orm_head *h, uint8_t op)
{
    orm_wplan *p = (orm_wplan *)h->mapper->unit;
    orm_ukind *k = NULL;
    orm_urow *r = NULL;

    if (p == NULL || p->work_id != w->id) {
        p = orm_wplan_of(w->st, h->mapper); /* runs Python at most once per class */
    }
    k = p == NULL ? NULL : kind_of(w, p);
    if (k == NULL
        || orm_more_room(&w->rows, &w->caprows, w->nrows, sizeof(*w->rows)) < 0) {
        return NULL;
    }
    r = orm_arena_alloc(&w->arena, sizeof(*r));
    if (r == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *r = (orm_urow){.h = h, .obj = orm_head_object(h), .plan = p, .base = k->base, .op = op,
                    .number = w->nrows};
    if (r->obj == NULL) {
        PyErr_SetString(PyExc_ReferenceError, "an instance died while it was being flushed");
        return NULL;
    }
    w->rows[w->nrows++] = r;
    if (orm_parts_make(w, r) < 0 || (op == ORM_OP_INSERT && orm_head_identify(h) < 0)) {
        return NULL;
    }
    return queue_row(k, r) < 0 ? NULL : r;
}

static int
add_rows(orm_work *w, orm_head **heads, uint32_t n, uint8_t op)
{
    for (uint32_t i = 0; i < n; i++) {
        if (orm_row_add(w, heads[i], op) == NULL) {
            return -1;
        }
    }
    return 0;
}

/* Is the row in no list: it is the database's, or never was in it? */
static bool
is_idle(const orm_urow *r)
{
    return r->flags & ORM_R_LISTED
           || (r->op == ORM_OP_DELETE && !(r->h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)));
}

/* How many rows each base has, and room for them. 0 / -1. */
static int
make_lists(orm_work *w)
{
    for (uint32_t i = 0; i < w->nrows; i++) {
        const orm_urow *r = w->rows[i];
        orm_ubase *b = &w->bases[r->base];

        if (!is_idle(r)) {
            b->npending += r->op == ORM_OP_INSERT ? 1 : 0;
            b->nsaves += r->op != ORM_OP_DELETE ? 1 : 0;
            b->ndeletes += r->op == ORM_OP_DELETE ? 1 : 0;
        }
    }
    for (uint32_t i = 0; i < w->nbases; i++) {
        orm_ubase *b = &w->bases[i];

        b->saves = orm_arena_array(&w->arena, (size_t)b->nsaves + 1, sizeof(orm_urow *));
        b->deletes = orm_arena_array(&w->arena, (size_t)b->ndeletes + 1, sizeof(orm_urow *));
        if (b->saves == NULL || b->deletes == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

/* Pending rows in the order in which they were added, then the others; all deletes. */
static void
place_rows(orm_work *w)
{
    for (uint32_t i = 0; i < w->nbases; i++) {
        w->bases[i].nsaves = w->bases[i].npending;
        w->bases[i].npending = w->bases[i].ndeletes = 0;
    }
    for (uint32_t i = 0; i < w->nrows; i++) {
        orm_urow *r = w->rows[i];
        orm_ubase *b = &w->bases[r->base];

        if (is_idle(r)) {
            continue;
        }
        if (r->op == ORM_OP_DELETE) {
            b->deletes[b->ndeletes++] = r;
        }
        else if (r->op == ORM_OP_INSERT) {
            b->saves[b->npending++] = r;
        }
        else {
            b->saves[b->nsaves++] = r;
        }
    }
}

int
orm_collect(orm_work *w)
{
    orm_flush *f = w->f;

    w->plans = PyList_New(0);
    return w->plans == NULL || add_rows(w, f->pending, f->npending, ORM_OP_INSERT) < 0
                   || add_rows(w, f->dirty, f->ndirty, ORM_OP_UPDATE) < 0
                   || add_rows(w, f->deleted, f->ndeleted, ORM_OP_DELETE) < 0
               ? -1
               : 0;
}

int
orm_fill_lists(orm_work *w)
{
    if (make_lists(w) < 0) {
        return -1;
    }
    place_rows(w);
    for (uint32_t i = 0; i < w->nbases; i++) {
        orm_ubase *b = &w->bases[i];

        if (orm_sort_by_key(w->st, b->saves + b->npending, b->nsaves - b->npending) < 0
            || orm_sort_by_key(w->st, b->deletes, b->ndeletes) < 0) {
            return -1;
        }
        for (uint32_t k = 0; k < b->nsaves; k++) {
            b->saves[k]->at = k;
        }
        for (uint32_t k = 0; k < b->ndeletes; k++) {
            b->deletes[k]->at = k;
        }
    }
    return 0;
}

/* --- sorting by key ------------------------------------------------------------------------------ */

static int
compare_ints(const void *a, const void *b)
{
    int64_t x = (*(orm_urow *const *)a)->h->ident.i;
    int64_t y = (*(orm_urow *const *)b)->h->ident.i;

    return x < y ? -1 : x > y;
}

/* "Could not sort objects by primary key" in the place of the live TypeError. -1. */
static int
raise_unsortable(orm_state *st)
{
    PyObject *cause = NULL;

    if (!PyErr_ExceptionMatches(PyExc_TypeError)) {
        return -1;
    }
    cause = PyErr_GetRaisedException();
    orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                  "Could not sort objects by primary key; primary key values must be sortable in "
                  "Python (was: %S)",
                  cause);
    Py_DECREF(cause);
    return -1;
}

/* Any other kind of key: Python's own sort of (key, position). */
static int
sort_objects(orm_state *st, orm_urow **rows, uint32_t n)
{
    PyObject *list = PyList_New(n);
    orm_urow **copy = PyMem_Calloc((size_t)n + 1, sizeof(*copy));
    int rc = list == NULL || copy == NULL ? -1 : 0;

    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        PyObject *key = NULL;
        PyObject *pair = NULL;

        copy[i] = rows[i];
        key = rows[i]->h->flags & ORM_H_KEY_INT ? PyLong_FromLongLong(rows[i]->h->ident.i)
                                                : Py_NewRef(rows[i]->h->ident.obj);
        pair = key == NULL ? NULL : Py_BuildValue("(NI)", key, i);
        if (pair == NULL) {
            rc = -1;
            break;
        }
        PyList_SET_ITEM(list, i, pair);
    }
    if (rc == 0 && PyList_Sort(list) < 0) {
        rc = raise_unsortable(st);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        PyObject *pair = PyList_GET_ITEM(list, i); /* borrow-ok: nobody else has the list */

        rows[i] = copy[PyLong_AsUnsignedLong(PyTuple_GET_ITEM(pair, 1))];
    }
    if (copy == NULL && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    PyMem_Free(copy);
    Py_XDECREF(list);
    return rc;
}

int
orm_sort_by_key(orm_state *st, orm_urow **rows, uint32_t n)
{
    bool sorted = true;

    for (uint32_t i = 0; i < n; i++) {
        if (!(rows[i]->h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ))) {
            return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                                 "Instance %R is not persisted: it has no identity", rows[i]->obj);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!(rows[i]->h->flags & ORM_H_KEY_INT)) {
            return n > 1 ? sort_objects(st, rows, n) : 0;
        }
        sorted = sorted && (i == 0 || rows[i - 1]->h->ident.i <= rows[i]->h->ident.i);
    }
    if (!sorted) {
        qsort(rows, n, sizeof(*rows), compare_ints);
    }
    return 0;
}

/* --- connections ---------------------------------------------------------------------------------- */

/* What the translate map makes of the table's schema, into b->schema. 0 / -1. */
static int
translate_schema(orm_ubase *b)
{
    PyObject *own = PyObject_GetAttrString(b->plan->table, "schema");
    PyObject *to = NULL;

    if (own == NULL) {
        return -1;
    }
    to = PyObject_GetItem(b->facts.schemas, own);
    Py_DECREF(own);
    if (to == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_KeyError)) {
            return -1;
        }
        PyErr_Clear();
        return 0;
    }
    if (to == Py_None) {
        Py_SETREF(to, PyUnicode_FromString(""));
    }
    b->schema = to;
    return to == NULL ? -1 : 0;
}

int
orm_base_connect(orm_work *w, orm_ubase *b)
{
    if (b->conn != NULL) {
        return 0;
    }
    b->conn = w->f->connection(w->f->arg, b->plan->mapper);
    if (b->conn == NULL || orm_connection_facts(b->conn, &b->facts) < 0) {
        return -1;
    }
    b->dialect = orm_engine_driver(orm_connection_engine(b->conn))->dialect;
    return b->facts.schemas == NULL ? 0 : translate_schema(b);
}
