/*
 * unit/dep_order.c - the order that relationships ask for: nodes and edges of procs.
 *
 *   one-to-many   SAVE(parent) PROC SAVE(target), PROC DEL(target), PROC_DEL SAVE(target),
 *                 SAVE(target) DEL(parent), DEL(target) DEL(parent)
 *   many-to-one   SAVE(target) PROC SAVE(parent), SAVE(parent) DEL(target),
 *                 DEL(parent) DEL(target)
 *   many-to-many  PROC_DEL SAVE(parent), SAVE(both) PROC DEL(target), PROC_DEL DEL(both)
 *   post_update   SAVE(both) PROC POST(holder), PROC_DEL POST_DEL(holder) DEL(both),
 *                 PROC POST_DEL(holder)
 * A proc has nodes only if a row has related instances, or both hierarchies have rows.
 * Cycles: rows of the parent whose related instances are in the flush get a PROC node each; what
 *   was and what is related counts, as the rows are sorted before anything is written.
 */
#include "unit/dep.h"

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

/* --- edges between nodes ------------------------------------------------------------------------- */

typedef struct edges {
    orm_graph *g;
    bool failed; /* without memory */
} edges;

/* before ORM_NO_BASE or after ORM_NO_BASE: there is no such node. */
static void
put(edges *e, uint32_t before, uint32_t after)
{
    if (before != ORM_NO_BASE && after != ORM_NO_BASE) {
        e->failed = orm_graph_edge(e->g, before, after, false) < 0 || e->failed;
    }
}

static void
put_one_to_many(edges *e, const orm_uproc *p, uint32_t save_to, uint32_t del_to)
{
    put(e, save_node(p->base), p->node);
    put(e, p->node, save_to);
    put(e, p->node, del_to);
    put(e, p->node_del, save_to);
    put(e, save_to, del_node(p->base));
    put(e, del_to, del_node(p->base));
    put(e, p->node_del, del_node(p->base));
}

static void
put_many_to_one(edges *e, const orm_uproc *p, uint32_t save_to, uint32_t del_to)
{
    put(e, save_to, p->node);
    put(e, p->node, save_node(p->base));
    put(e, save_node(p->base), del_to);
    put(e, del_node(p->base), del_to);
}

static void
put_many_to_many(edges *e, const orm_uproc *p, uint32_t save_to, uint32_t del_to)
{
    put(e, p->node_del, save_node(p->base));
    put(e, save_node(p->base), p->node);
    put(e, save_to, p->node);
    put(e, p->node, del_to);
    put(e, p->node_del, del_to);
    put(e, p->node_del, del_node(p->base));
}

/* Nodes of the second UPDATE of a hierarchy, made when they are needed first. */
static uint32_t
post_node(edges *e, orm_work *w, uint32_t base)
{
    int64_t save = -1;

    if (base == ORM_NO_BASE) {
        return ORM_NO_BASE;
    }
    if (w->bases[base].post == 0) {
        save = orm_graph_node(e->g, ORM_G_POST, base, ORM_G_ALL);
        if (save < 0 || orm_graph_node(e->g, ORM_G_POST_DEL, base, ORM_G_ALL) < 0) {
            e->failed = true;
            return ORM_NO_BASE;
        }
        w->bases[base].post = (uint32_t)save;
        put(e, save_node(base), (uint32_t)save);
        put(e, (uint32_t)save, del_node(base));
        put(e, (uint32_t)save + 1, del_node(base));
    }
    return w->bases[base].post;
}

static void
put_post_update(edges *e, orm_work *w, const orm_uproc *p, uint32_t save_to, uint32_t del_to)
{
    uint32_t holder = p->rel->direction == ORM_REL_M2O ? p->base : p->target;
    uint32_t post = post_node(e, w, holder);
    uint32_t post_del = post == ORM_NO_BASE ? ORM_NO_BASE : post + 1;

    put(e, save_node(p->base), p->node);
    put(e, save_to, p->node);
    put(e, p->node, post);
    put(e, p->node, post_del);
    put(e, p->node_del, post_del);
    put(e, p->node_del, post);
    put(e, post, del_node(p->base));
    put(e, post, del_to);
    put(e, post_del, del_node(p->base));
    put(e, post_del, del_to);
}

/* Has the proc anything to do, or an order to ask for? */
static void
decide(orm_work *w, orm_uproc *p)
{
    for (uint32_t i = 0; i < w->nbases; i++) {
        p->target = w->bases[i].root == p->rel->target->root ? i : p->target;
    }
    p->setup = p->base != ORM_NO_BASE
               && (p->related || (p->target != ORM_NO_BASE && !p->self));
}

int
orm_proc_edges(orm_work *w, orm_graph *g)
{
    edges e = {.g = g};

    for (uint32_t i = 0; i < w->nprocs && !e.failed; i++) {
        orm_uproc *p = w->procs[i];
        uint32_t save_to = ORM_NO_BASE;
        uint32_t del_to = ORM_NO_BASE;
        int64_t node = -1;
        int64_t node_del = -1;

        decide(w, p);
        if (!p->setup) {
            continue;
        }
        if (p->target != ORM_NO_BASE) {
            save_to = save_node(p->target);
            del_to = del_node(p->target);
        }
        node = orm_graph_node(g, ORM_G_PROC, i, ORM_G_ALL);
        node_del = orm_graph_node(g, ORM_G_PROC_DEL, i, ORM_G_ALL);
        if (node < 0 || node_del < 0) {
            e.failed = true;
            break;
        }
        p->node = (uint32_t)node;
        p->node_del = (uint32_t)node_del;
        if (p->rel->flags & ORM_RF_POST_UPDATE && p->rel->direction != ORM_REL_M2M) {
            put_post_update(&e, w, p, save_to, del_to);
        }
        else if (p->rel->direction == ORM_REL_O2M) {
            put_one_to_many(&e, p, save_to, del_to);
        }
        else if (p->rel->direction == ORM_REL_M2O) {
            put_many_to_one(&e, p, save_to, del_to);
        }
        else {
            put_many_to_many(&e, p, save_to, del_to);
        }
    }
    return e.failed ? -1 : 0;
}

bool
orm_fk_covered(const orm_work *w, uint32_t base, const orm_wfk *fk)
{
    const orm_wplan *plan = w->bases[base].plan;

    for (uint32_t i = 0; i < w->nprocs; i++) {
        const orm_uproc *p = w->procs[i];
        const orm_relation *rel = p->rel;
        uint32_t holder = rel->direction == ORM_REL_M2O ? p->base : p->target;

        if (rel->direction == ORM_REL_M2M || holder != base
            || !(p->setup || rel->flags & ORM_RF_POST_UPDATE)) {
            continue;
        }
        for (uint32_t k = 0; k < rel->npairs; k++) {
            if (rel->pairs[k].dest_column == plan->cols[fk->cols[0]].column) {
                return true;
            }
        }
    }
    return false;
}

/* --- rows in a cycle ------------------------------------------------------------------------------ */

/* Does a row that is saved have a PROC node of its own? A reference to nothing counts. */
static bool
has_node(const orm_urow *r, const orm_relation *rel, PyObject *list)
{
    PyObject *v = NULL;
    bool known;

    if (PyList_GET_SIZE(list) > 0 || rel->collection != ORM_COLL_NONE) {
        return PyList_GET_SIZE(list) > 0;
    }
    v = orm_val_peek(r->h, rel->slot, NULL);
    known = v != NULL;
    Py_XDECREF(v);
    return known;
}

/* Edges of one row that is saved to its related rows, over a PROC node of its own. 0 / -1. */
static int
split_saved(orm_work *w, orm_graph *g, orm_uproc *p, uint32_t number, orm_urow *r,
            const orm_split *s)
{
    bool to_one = p->rel->direction == ORM_REL_M2O;
    uint32_t own = s->save[r->base] + r->at;
    PyObject *list = orm_relation_related(r->h, p->rel->slot,
                                          ORM_PASSIVE_NO_INITIALIZE | ORM_P_NO_AUTOFLUSH, true);
    int64_t node = -1;
    int rc = list == NULL ? -1 : 0;

    if (rc == 0 && has_node(r, p->rel, list)) {
        node = orm_graph_node(g, ORM_G_PROC, number, r->number);
        rc = node < 0
                     || (to_one ? orm_graph_edge(g, (uint32_t)node, own, false)
                                : orm_graph_edge(g, own, (uint32_t)node, false)) < 0
                 ? -1
                 : 0;
    }
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *obj = PyList_GET_ITEM(list, i); /* borrow-ok: nobody else has the list */
        orm_head *h = obj == Py_None ? NULL : orm_head_of(w->st, obj);
        orm_urow *other = h == NULL ? NULL : orm_row_of(w, h);

        if (other == NULL || other->op == ORM_OP_DELETE || other->flags & ORM_R_LISTED
            || s->save[other->base] == ORM_G_GONE) {
            rc = PyErr_Occurred() ? -1 : 0;
            continue;
        }
        rc = to_one ? orm_graph_edge(g, s->save[other->base] + other->at, (uint32_t)node, false)
                    : orm_graph_edge(g, (uint32_t)node, s->save[other->base] + other->at, false);
    }
    Py_XDECREF(list);
    return rc;
}

/* Edges of one row that is deleted to related ones that are deleted. 0 / -1. */
static int
split_deleted(orm_work *w, orm_graph *g, orm_uproc *p, orm_urow *r, const orm_split *s)
{
    uint32_t own = s->del[r->base] + r->at;
    PyObject *list = orm_relation_related(r->h, p->rel->slot, orm_delete_passive(p->rel), true);
    int rc = list == NULL ? -1 : 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *obj = PyList_GET_ITEM(list, i); /* borrow-ok: nobody else has the list */
        orm_head *h = obj == Py_None ? NULL : orm_head_of(w->st, obj);
        orm_urow *other = h == NULL ? NULL : orm_row_of(w, h);
        uint32_t to;

        if (other == NULL || other->op != ORM_OP_DELETE || other->flags & ORM_R_LISTED
            || !ORM_HAS_IDENTITY(other->h) || s->del[other->base] == ORM_G_GONE) {
            rc = PyErr_Occurred() ? -1 : 0;
            continue;
        }
        to = s->del[other->base] + other->at;
        rc = p->rel->direction == ORM_REL_M2O ? orm_graph_edge(g, own, to, false)
                                              : orm_graph_edge(g, to, own, false);
    }
    Py_XDECREF(list);
    return rc;
}

static bool
is_among(const uint32_t *nodes, uint32_t n, uint32_t node)
{
    for (uint32_t i = 0; i < n; i++) {
        if (nodes[i] == node) {
            return true;
        }
    }
    return false;
}

int
orm_proc_split(orm_work *w, orm_graph *g, const uint32_t *nodes, uint32_t n, const orm_split *s)
{
    for (uint32_t i = 0; i < w->nprocs; i++) {
        orm_uproc *p = w->procs[i];
        const orm_ubase *b = p->setup ? &w->bases[p->base] : NULL;

        if (b == NULL || p->rel->direction == ORM_REL_M2M) {
            continue;
        }
        for (uint32_t k = 0; is_among(nodes, n, p->node) && k < b->nsaves; k++) {
            if (orm_mapper_isa(b->saves[k]->h->mapper, p->rel->parent)
                && split_saved(w, g, p, i, b->saves[k], s) < 0) {
                return -1;
            }
        }
        if (p->rel->flags & ORM_RF_POST_UPDATE || p->target == ORM_NO_BASE
            || s->del[p->base] == ORM_G_GONE || s->del[p->target] == ORM_G_GONE) {
            continue;
        }
        for (uint32_t k = 0; k < b->ndeletes; k++) {
            if (orm_mapper_isa(b->deletes[k]->h->mapper, p->rel->parent)
                && split_deleted(w, g, p, b->deletes[k], s) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* --- a cycle that is left --------------------------------------------------------------------------- */

/* A node of the cycle as text: "_SaveUpdateState(<Node at 0x...>)". NULL: exception. */
static PyObject *
node_text(orm_work *w, const orm_gnode *n)
{
    static const char *const kinds[] = {"_OneToManyDP", "_ManyToOneDP", "_ManyToManyDP"};
    bool proc = n->kind == ORM_G_PROC;
    const orm_ubase *b = proc ? NULL : &w->bases[n->owner];
    orm_urow *r = proc                        ? w->rows[n->row]
                  : n->kind == ORM_G_DEL ? b->deletes[n->row]
                                         : b->saves[n->row];
    PyObject *who = orm_head_describe(r->h);
    PyObject *text = NULL;

    if (who != NULL && proc) {
        const orm_relation *rel = w->procs[n->owner]->rel;

        text = PyUnicode_FromFormat("_ProcessState(%s(%s.%U), %U, delete=False)",
                                    kinds[rel->direction], rel->parent->cls->tp_name, rel->key,
                                    who);
    }
    else if (who != NULL) {
        text = PyUnicode_FromFormat("%s(%U)", n->kind == ORM_G_DEL ? "_DeleteState"
                                                                   : "_SaveUpdateState", who);
    }
    Py_XDECREF(who);
    return text;
}

/* Set of the texts of the cycle's nodes, and those texts joined. NULL: exception. */
static PyObject *
cycle_list(orm_work *w, const orm_graph *g)
{
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list != NULL && i < g->ncycle; i++) {
        const orm_gnode *n = &g->nodes[g->cycle[i]];
        PyObject *text = n->row == ORM_G_ALL ? NULL : node_text(w, n);

        if (text == NULL || PyList_Append(list, text) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(text);
    }
    return list;
}

/* List of (text, text) for the edges between nodes of the cycle. NULL: exception. */
static PyObject *
edge_list(const orm_graph *g, PyObject *texts)
{
    PyObject *list = PyList_New(0);
    uint32_t *place = PyMem_Calloc((size_t)g->nnodes + 1, sizeof(*place)); /* 1 + index in texts */

    if (place == NULL) {
        PyErr_NoMemory();
        Py_CLEAR(list);
    }
    for (uint32_t k = 0; list != NULL && k < g->ncycle; k++) {
        place[g->cycle[k]] = k + 1;
    }
    for (uint32_t i = 0; list != NULL && i < g->nedges; i++) {
        const orm_gedge *e = &g->edges[i];
        PyObject *pair = NULL;

        if (e->dead || place[e->before] == 0 || place[e->after] == 0) {
            continue;
        }
        pair = PyTuple_Pack(2, PyList_GET_ITEM(texts, place[e->before] - 1),
                            PyList_GET_ITEM(texts, place[e->after] - 1));
        if (pair == NULL || PyList_Append(list, pair) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(pair);
    }
    PyMem_Free(place);
    return list;
}

int
orm_raise_circular(orm_work *w, const orm_graph *g)
{
    PyObject *texts = cycle_list(w, g);
    PyObject *cycles = texts == NULL ? NULL : PySet_New(texts);
    PyObject *edge_texts = cycles == NULL ? NULL : edge_list(g, texts);
    PyObject *comma = edge_texts == NULL ? NULL : PyUnicode_FromString(", ");
    PyObject *names = comma == NULL ? NULL : PyUnicode_Join(comma, texts);
    PyObject *text = NULL;
    PyObject *exc = NULL;

    if (names != NULL) {
        text = PyUnicode_FromFormat("Circular dependency detected. (%U)", names);
    }
    if (text != NULL) {
        exc = PyObject_CallFunction(orm_exc_class(w->st, ORM_EXC_CircularDependencyError), "OOOO",
                                    Py_None, cycles, edge_texts, text);
    }
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    Py_XDECREF(text);
    Py_XDECREF(names);
    Py_XDECREF(comma);
    Py_XDECREF(edge_texts);
    Py_XDECREF(cycles);
    Py_XDECREF(texts);
    return -1;
}
