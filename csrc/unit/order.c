/*
 * unit/order.c - which rows are written when: the graph of a flush, filled from relationships
 * (dep_order.c) and from foreign keys that no relationship speaks of; and the run through it.
 *
 * Nodes: SAVE and DEL of each base mapper, then what relationships add. Edges of a foreign key:
 *   everything is saved before anything of the same or a referred table is deleted (hard); the
 *   referred table is saved first and deleted last (soft: the constraint may be deferred, or not
 *   exist in the database).
 * Cycles of tables, and tables that refer to themselves, are split into rows; a row waits for
 *   another one if its foreign key has the value of that row's referred columns. A table that
 *   refers to itself is split only if some row does wait: else the order stays that of add().
 */
#include "unit/dep.h"

/* A row that another one waits for. */
typedef struct row_edge {
    uint32_t base_before, before; /* index of the base, of the row in its list */
    uint32_t base_after, after;
} row_edge;

typedef struct row_edges {
    row_edge *items; /* owned, PyMem */
    uint32_t n, cap;
} row_edges;

static int
push_edge(row_edges *edges, row_edge e)
{
    if (edges->n == edges->cap) {
        uint32_t cap = edges->cap == 0 ? 16 : edges->cap * 2;
        row_edge *items = PyMem_Realloc(edges->items, cap * sizeof(*items));

        if (items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        edges->items = items;
        edges->cap = cap;
    }
    edges->items[edges->n++] = e;
    return 0;
}

static orm_urow **
rows_of(const orm_ubase *b, uint8_t kind, uint32_t *n)
{
    *n = kind == ORM_G_DEL ? b->ndeletes : b->nsaves;
    return kind == ORM_G_DEL ? b->deletes : b->saves;
}

/* Values of some columns of a row as one object: *key new reference, NULL if one is missing or
 * cannot be compared with a key. 0 / -1. */
static int
values_of(orm_state *st, const orm_urow *r, const int32_t *cols, uint32_t n, PyObject **key)
{
    PyObject *tuple = PyTuple_New(n);

    *key = NULL;
    if (tuple == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        orm_wcol *c = &r->plan->cols[cols[i]];
        PyObject *v = orm_row_value(r, c);
        int expression = v == NULL || v == Py_None ? 1 : orm_is_expression(st, c, v);

        if (expression != 0) {
            Py_XDECREF(v);
            Py_DECREF(tuple);
            return expression < 0 ? -1 : 0;
        }
        PyTuple_SET_ITEM(tuple, i, v);
    }
    *key = tuple;
    return 0;
}

/* Positions of the columns that a foreign key names in the table it refers to. 0: one is not
 * there, 1. */
static int
target_columns(const orm_wplan *p, const orm_wfk *fk, int32_t *cols)
{
    for (uint32_t i = 0; i < fk->n; i++) {
        cols[i] = orm_wplan_column(p, PyTuple_GET_ITEM(fk->names, i));
        if (cols[i] < 0) {
            return 0;
        }
    }
    return 1;
}

/* dict: values of the referred columns -> number of the row. NULL: exception. */
static PyObject *
index_targets(orm_work *w, const orm_ubase *b, uint8_t kind, const int32_t *cols, uint32_t n)
{
    PyObject *dict = PyDict_New();
    uint32_t nrows = 0;
    orm_urow **rows = rows_of(b, kind, &nrows);

    for (uint32_t i = 0; dict != NULL && i < nrows; i++) {
        PyObject *key = NULL;
        PyObject *number = NULL;
        int rc = values_of(w->st, rows[i], cols, n, &key);

        if (rc == 0 && key != NULL) {
            number = PyLong_FromUnsignedLong(i);
            rc = number == NULL ? -1 : PyDict_SetItem(dict, key, number);
        }
        Py_XDECREF(number);
        Py_XDECREF(key);
        if (rc < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

/* Edges from the rows of `to` to the rows of `from` that refer to them by one foreign key. */
static int
edges_of_fk(orm_work *w, uint8_t kind, uint32_t from, const orm_wfk *fk, uint32_t to,
            row_edges *edges)
{
    int32_t *cols = orm_arena_array(&w->arena, (size_t)fk->n * 2 + 1, sizeof(int32_t));
    int32_t *own = cols == NULL ? NULL : cols + fk->n;
    PyObject *targets = NULL;
    uint32_t nrows = 0;
    orm_urow **rows = rows_of(&w->bases[from], kind, &nrows);
    int rc = 0;

    if (cols == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < fk->n; i++) {
        own[i] = fk->cols[i];
    }
    if (!target_columns(w->bases[to].plan, fk, cols)) {
        return 0;
    }
    for (uint32_t i = 0; rc == 0 && i < nrows; i++) {
        PyObject *key = NULL;
        PyObject *found = NULL;

        rc = values_of(w->st, rows[i], own, fk->n, &key);
        if (rc == 0 && key != NULL && targets == NULL) {
            targets = index_targets(w, &w->bases[to], kind, cols, fk->n);
            rc = targets == NULL ? -1 : 0;
        }
        if (rc == 0 && key != NULL) {
            found = PyDict_GetItemWithError(targets, key); /* borrow-ok: used at once */
            rc = found == NULL && PyErr_Occurred() ? -1 : 0;
        }
        Py_XDECREF(key);
        if (rc == 0 && found != NULL) {
            uint32_t target = (uint32_t)PyLong_AsUnsignedLong(found);

            if (from == to && target == i) {
                continue; /* a row that refers to itself */
            }
            rc = push_edge(edges, kind == ORM_G_DEL ? (row_edge){from, i, to, target}
                                                    : (row_edge){to, target, from, i});
        }
    }
    Py_XDECREF(targets);
    return rc;
}

/* All edges between the rows of some bases. 0 / -1. */
static int
find_row_edges(orm_work *w, uint8_t kind, const uint32_t *bases, uint32_t n, row_edges *edges)
{
    for (uint32_t i = 0; i < n; i++) {
        const orm_wplan *p = w->bases[bases[i]].plan;

        for (uint32_t f = 0; f < p->nfks; f++) {
            for (uint32_t k = 0; k < n; k++) {
                if (w->bases[bases[k]].plan->table == p->fks[f].table
                    && !orm_fk_covered(w, bases[i], &p->fks[f])
                    && edges_of_fk(w, kind, bases[i], &p->fks[f], bases[k], edges) < 0) {
                    return -1;
                }
            }
        }
    }
    return 0;
}

/* --- the graph ------------------------------------------------------------------------------------- */

/* Row nodes of one base, one after the other. Number of the first; -1 without memory. */
static int64_t
add_row_nodes(orm_work *w, orm_graph *g, uint8_t kind, uint32_t base)
{
    uint32_t count = 0;
    uint32_t first = g->nnodes;

    (void)rows_of(&w->bases[base], kind, &count);
    for (uint32_t r = 0; r < count; r++) {
        if (orm_graph_node(g, kind, base, r) < 0) {
            return -1;
        }
    }
    return first;
}

/* Edges by foreign keys between the rows of one kind in a cycle. 0 / -1. */
static int
split_by_keys(orm_work *w, orm_graph *g, uint8_t kind, const uint32_t *first, uint32_t *bases)
{
    row_edges edges = {0};
    uint32_t n = 0;
    int rc = 0;

    for (uint32_t i = 0; i < w->nbases; i++) {
        if (first[i] != ORM_G_GONE) {
            bases[n++] = i;
        }
    }
    rc = find_row_edges(w, kind, bases, n, &edges);
    for (uint32_t i = 0; rc == 0 && i < edges.n; i++) {
        const row_edge *e = &edges.items[i];

        rc = orm_graph_edge(g, first[e->base_before] + e->before, first[e->base_after] + e->after,
                            true);
    }
    PyMem_Free(edges.items);
    return rc;
}

/* orm_graph_split: the rows of one cycle. */
static int
split_rows(void *arg, orm_graph *g, const uint32_t *nodes, uint32_t n)
{
    orm_work *w = arg;
    uint32_t *made = orm_arena_array(&w->arena, (size_t)w->nbases * 3 + 1, sizeof(*made));
    orm_split s = {.save = made, .del = made + w->nbases};

    if (made == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < w->nbases * 2; i++) {
        made[i] = ORM_G_GONE;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint8_t kind = g->nodes[nodes[i]].kind;
        uint32_t base = g->nodes[nodes[i]].owner;
        int64_t first = 0;

        if (kind != ORM_G_SAVE && kind != ORM_G_DEL) {
            continue;
        }
        first = add_row_nodes(w, g, kind, base);
        if (first < 0) {
            return -1;
        }
        (kind == ORM_G_SAVE ? s.save : s.del)[base] = (uint32_t)first;
    }
    return split_by_keys(w, g, ORM_G_SAVE, s.save, made + (size_t)w->nbases * 2) < 0
                   || split_by_keys(w, g, ORM_G_DEL, s.del, made + (size_t)w->nbases * 2) < 0
                   || orm_proc_split(w, g, nodes, n, &s) < 0
               ? -1
               : 0;
}

static uint32_t
save_node(uint32_t base)
{
    return base * 2;
}

static uint32_t
del_node(uint32_t base)
{
    return base * 2 + 1;
}

/* A table that refers to itself: an edge only where a row waits for another. 0 / -1. */
static int
add_self_edges(orm_work *w, orm_graph *g, uint32_t base)
{
    for (uint8_t kind = ORM_G_SAVE; kind <= ORM_G_DEL; kind++) {
        row_edges edges = {0};
        uint32_t node = kind == ORM_G_SAVE ? save_node(base) : del_node(base);
        int rc = find_row_edges(w, kind, &base, 1, &edges);

        if (rc == 0 && edges.n > 0) {
            rc = orm_graph_edge(g, node, node, true);
        }
        PyMem_Free(edges.items);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* Base `child` has a foreign key to `parent`. 0 / -1. */
static int
add_fk_edges(orm_graph *g, uint32_t child, uint32_t parent)
{
    return orm_graph_edge(g, save_node(parent), save_node(child), true) < 0
                   || orm_graph_edge(g, save_node(child), del_node(parent), false) < 0
                   || orm_graph_edge(g, del_node(child), del_node(parent), true) < 0
               ? -1
               : 0;
}

static int
fill_graph(orm_work *w, orm_graph *g)
{
    for (uint32_t i = 0; i < w->nbases; i++) {
        if (orm_graph_node(g, ORM_G_SAVE, i, ORM_G_ALL) < 0
            || orm_graph_node(g, ORM_G_DEL, i, ORM_G_ALL) < 0) {
            return -1;
        }
    }
    if (orm_proc_edges(w, g) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < w->nbases; i++) {
        const orm_wplan *p = w->bases[i].plan;
        bool self = false;

        if (orm_graph_edge(g, save_node(i), del_node(i), false) < 0) {
            return -1;
        }
        for (uint32_t f = 0; f < p->nfks; f++) {
            for (uint32_t k = 0; k < w->nbases; k++) {
                if (w->bases[k].plan->table != p->fks[f].table
                    || orm_fk_covered(w, i, &p->fks[f])) {
                    continue;
                }
                self = self || k == i;
                if (k != i && add_fk_edges(g, i, k) < 0) {
                    return -1;
                }
            }
        }
        if (self && add_self_edges(w, g, i) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- running ----------------------------------------------------------------------------------------- */

static int
run_rows(orm_work *w, uint8_t kind, orm_ubase *b, orm_urow **rows, uint32_t n)
{
    if (n == 0) {
        return 0;
    }
    if (orm_base_connect(w, b) < 0) {
        return -1;
    }
    return kind == ORM_G_DEL ? orm_delete_rows(w, b, rows, n) : orm_save_rows(w, b, rows, n);
}

/* Nodes of relationships. 0 / -1. */
static int
run_proc(orm_work *w, const orm_gnode *n)
{
    if (n->kind == ORM_G_POST || n->kind == ORM_G_POST_DEL) {
        return orm_post_run(w, &w->bases[n->owner], n->kind == ORM_G_POST_DEL);
    }
    return orm_proc_run(w, w->procs[n->owner], n->kind == ORM_G_PROC_DEL,
                        n->row == ORM_G_ALL ? NULL : w->rows[n->row]);
}

/* Row nodes [from, to) of the order: one base, one kind, one level. */
static int
run_level(orm_work *w, const orm_graph *g, uint32_t from, uint32_t to)
{
    const orm_gnode *first = &g->nodes[g->order[from]];
    orm_ubase *b = &w->bases[first->owner];
    uint32_t count = 0;
    orm_urow **all = rows_of(b, first->kind, &count);
    orm_urow **rows = NULL;

    if (first->row == ORM_G_ALL) {
        return run_rows(w, first->kind, b, all, count);
    }
    rows = orm_arena_array(&w->arena, to - from, sizeof(*rows));
    if (rows == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = from; i < to; i++) {
        rows[i - from] = all[g->nodes[g->order[i]].row];
    }
    return run_rows(w, first->kind, b, rows, to - from);
}

int
orm_run_in_order(orm_work *w)
{
    orm_graph g;
    int rc;

    orm_graph_init(&g);
    rc = fill_graph(w, &g);
    rc = rc < 0 ? -1 : orm_graph_sort(&g, split_rows, w);
    if (rc != 0) {
        if (rc > 0) { /* edges of foreign keys are soft: relationships disagree */
            (void)orm_raise_circular(w, &g);
        }
        if (!PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        rc = -1;
    }
    for (uint32_t i = 0, to; rc == 0 && i < g.norder; i = to) {
        const orm_gnode *n = &g.nodes[g.order[i]];

        to = i + 1;
        if (n->kind != ORM_G_SAVE && n->kind != ORM_G_DEL) {
            rc = run_proc(w, n);
            continue;
        }
        while (n->row != ORM_G_ALL && to < g.norder && g.nodes[g.order[to]].owner == n->owner
               && g.nodes[g.order[to]].kind == n->kind
               && g.nodes[g.order[to]].level == n->level) {
            to++;
        }
        rc = run_level(w, &g, i, to);
    }
    orm_graph_fini(&g);
    return rc;
}
