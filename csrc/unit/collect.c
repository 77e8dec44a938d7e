/*
 * unit/collect.c - heads become rows, rows are put under the base mapper they belong to.
 *
 * Order: pending rows as they were added, persistent ones by primary key; both kinds of one
 *   hierarchy are one list, because that is the order in which ids are given and locks taken.
 */
#include "unit/unit_int.h"

#include <stdlib.h>

/* --- rows ------------------------------------------------------------------------------------- */

/* The base of a plan's hierarchy in this flush; made when it is met first. NULL: no memory. */
static orm_ubase *
base_of(orm_work *w, orm_wplan *p)
{
    if (p->work_id == w->id) {
        return &w->bases[p->base_at];
    }
    if (PyList_Append(w->plans, (PyObject *)p) < 0) {
        return NULL;
    }
    p->work_id = w->id;
    for (uint32_t i = 0; i < w->nbases; i++) {
        if (w->bases[i].root == p->mapper->root) {
            p->base_at = i;
            return &w->bases[i];
        }
    }
    if ((w->nbases & (w->nbases - 1)) == 0) { /* 0, 1, 2, 4, ...: the array is full */
        uint32_t cap = w->nbases == 0 ? 1 : w->nbases * 2;
        orm_ubase *bases = PyMem_Realloc(w->bases, cap * sizeof(*bases));

        if (bases == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        w->bases = bases;
    }
    p->base_at = w->nbases;
    w->bases[w->nbases] = (orm_ubase){.root = p->mapper->root, .plan = p};
    return &w->bases[w->nbases++];
}

static int
add_rows(orm_work *w, orm_head **heads, uint32_t n, uint8_t op)
{
    for (uint32_t i = 0; i < n; i++) {
        orm_head *h = heads[i];
        orm_urow *r = &w->rows[w->nrows];
        orm_wplan *p = (orm_wplan *)h->mapper->unit;
        orm_ubase *b = NULL;

        if (p == NULL || p->work_id != w->id) {
            p = orm_wplan_of(w->st, h->mapper); /* runs Python at most once per class */
        }
        b = p == NULL ? NULL : base_of(w, p);
        if (b == NULL) {
            return -1;
        }
        *r = (orm_urow){.h = h, .obj = orm_head_object(h), .plan = p,
                        .base = (uint32_t)(b - w->bases), .op = op};
        if (r->obj == NULL) {
            PyErr_SetString(PyExc_ReferenceError, "an instance died while it was being flushed");
            return -1;
        }
        w->nrows++;
        b->npending += op == ORM_OP_INSERT ? 1 : 0;
        b->nsaves += op != ORM_OP_DELETE ? 1 : 0;
        b->ndeletes += op == ORM_OP_DELETE ? 1 : 0;
    }
    return 0;
}

/* Rows to the lists of their bases: counts become positions while the lists are filled. */
static int
fill_lists(orm_work *w)
{
    for (uint32_t i = 0; i < w->nbases; i++) {
        orm_ubase *b = &w->bases[i];

        b->saves = orm_arena_array(&w->arena, (size_t)b->nsaves + 1, sizeof(orm_urow *));
        b->deletes = orm_arena_array(&w->arena, (size_t)b->ndeletes + 1, sizeof(orm_urow *));
        if (b->saves == NULL || b->deletes == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        b->nsaves = b->ndeletes = 0;
    }
    for (uint32_t i = 0; i < w->nrows; i++) {
        orm_urow *r = &w->rows[i];
        orm_ubase *b = &w->bases[r->base];

        if (r->op == ORM_OP_DELETE) {
            b->deletes[b->ndeletes++] = r;
        }
        else {
            b->saves[b->nsaves++] = r;
        }
    }
    return 0;
}

int
orm_collect(orm_work *w)
{
    orm_flush *f = w->f;
    size_t n = (size_t)f->npending + f->ndirty + f->ndeleted;

    w->plans = PyList_New(0);
    w->rows = orm_arena_array(&w->arena, n + 1, sizeof(orm_urow));
    if (w->plans == NULL || w->rows == NULL) {
        return w->plans == NULL ? -1 : (PyErr_NoMemory(), -1);
    }
    if (add_rows(w, f->pending, f->npending, ORM_OP_INSERT) < 0
        || add_rows(w, f->dirty, f->ndirty, ORM_OP_UPDATE) < 0
        || add_rows(w, f->deleted, f->ndeleted, ORM_OP_DELETE) < 0 || fill_lists(w) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < w->nbases; i++) {
        orm_ubase *b = &w->bases[i];

        if (orm_sort_by_key(w->st, b->saves + b->npending, b->nsaves - b->npending) < 0
            || orm_sort_by_key(w->st, b->deletes, b->ndeletes) < 0) {
            return -1;
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
