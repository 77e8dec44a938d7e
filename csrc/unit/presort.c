/*
 * unit/presort.c - which rows a flush has besides those the session knows of: what hangs on them
 * along relationships.
 *
 * Every relationship looks at every row of its class once, relationship by relationship in the
 *   order in which they were met, until nothing is new: children that get or lose a parent,
 *   orphans and what a delete cascades to, children of a key that changes. What it found out of
 *   a row stays as an entry, so that nothing is loaded or compared twice.
 * Loading: what a delete has to know is loaded here (unless passive_deletes), and the members
 *   of a changed key without passive_updates.
 * Source: behaviour measured on SQLAlchemy (tests/golden/flushes.json).
 */
#include "unit/dep.h"

enum {
    IN_FLUSH = ORM_P_NO_AUTOFLUSH | ORM_P_COMMITTED | ORM_P_NO_RAISE,
    SAVED_PASSIVE = ORM_PASSIVE_NO_INITIALIZE | IN_FLUSH,
    LOAD_PASSIVE = ORM_PASSIVE_OFF | IN_FLUSH
};

/* --- procs ------------------------------------------------------------------------------------ */

static orm_uproc *
proc_find(const orm_work *w, const orm_relation *rel)
{
    for (uint32_t i = 0; i < w->nprocs; i++) {
        if (w->procs[i]->rel == rel) {
            return w->procs[i];
        }
    }
    return NULL;
}

static orm_uproc *
proc_of(orm_work *w, orm_relation *rel)
{
    orm_uproc *p = proc_find(w, rel);

    if (p != NULL || orm_more_room(&w->procs, &w->capprocs, w->nprocs, sizeof(*w->procs)) < 0) {
        return p;
    }
    p = orm_arena_alloc(&w->arena, sizeof(*p));
    if (p == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *p = (orm_uproc){.rel = (orm_relation *)Py_NewRef(rel),
                     .base = ORM_NO_BASE,
                     .target = ORM_NO_BASE,
                     .self = rel->parent->root == rel->target->root};
    for (uint32_t i = 0; rel->direction == ORM_REL_M2M && i < rel->nreverse; i++) {
        orm_uproc *other = proc_find(w, rel->reverse[i]);

        if (other != NULL && p->mirror == NULL) {
            p->mirror = other->mirror != NULL ? other->mirror : other;
        }
    }
    w->procs[w->nprocs++] = p;
    return p;
}

int
orm_kind_procs(orm_work *w, orm_ukind *k)
{
    uint32_t n = 0;
    orm_mapper *m = k->plan->mapper;
    const uint32_t *slots = orm_mapper_relations(m, &n);

    if (slots == NULL) {
        return -1;
    }
    if (n == 0) {
        return 0;
    }
    k->procs = orm_arena_array(&w->arena, n, sizeof(*k->procs));
    k->done = orm_arena_array(&w->arena, n, sizeof(*k->done));
    if (k->procs == NULL || k->done == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        orm_relation *rel = orm_slot_relation(m, slots[i]);
        orm_uproc *p = rel->flags & ORM_RF_VIEWONLY ? NULL : proc_of(w, rel);

        if (p != NULL) {
            k->done[k->nprocs] = 0;
            k->procs[k->nprocs++] = p;
        }
        else if (PyErr_Occurred()) {
            return -1;
        }
    }
    return 0;
}

static void
members_fini(orm_umembers *m)
{
    uint32_t n = m->n;

    m->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        Py_DECREF(m->items[i]);
    }
}

static void
entry_clear(orm_uentry *e)
{
    members_fini(&e->added);
    members_fini(&e->unchanged);
    members_fini(&e->deleted);
}

void
orm_procs_fini(orm_work *w)
{
    for (uint32_t i = 0; i < w->nprocs; i++) {
        orm_uproc *p = w->procs[i];

        for (orm_uentry *e = p->first; e != NULL; e = e->next) {
            entry_clear(e);
        }
        orm_ptrmap_fini(&p->own_pairs);
        Py_CLEAR(p->link.schema);
        Py_CLEAR(p->rel);
    }
    PyMem_Free(w->procs);
    for (uint32_t i = 0; i < w->nkinds; i++) {
        PyMem_Free(w->kinds[i].queue);
    }
    PyMem_Free(w->kinds);
}

/* --- rows by head -------------------------------------------------------------------------- */

static int
is_row_of(const void *value, const void *key)
{
    return ((const orm_urow *)value)->h == key;
}

static int
map_row(orm_work *w, orm_urow *r)
{
    if (w->by_head.mask == 0) {
        return 0; /* nobody has asked yet */
    }
    if (orm_ptrmap_put(&w->by_head, (uintptr_t)r->h >> 4, r) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

orm_urow *
orm_row_of(orm_work *w, orm_head *h)
{
    orm_ptrcell *cell = NULL;

    /* fast path: same answer as the map's; what a cascade brought lies behind who brought it */
    if (w->guess < w->nrows && w->rows[w->guess]->h == h) {
        ORM_COUNT(unit_next_row);
        return w->rows[w->guess++];
    }
    if (w->by_head.mask == 0) {
        if (orm_ptrmap_reserve(&w->by_head, (size_t)w->nrows + 1) < 0) {
            PyErr_NoMemory();
            return NULL;
        }
        for (uint32_t i = 0; i < w->nrows; i++) {
            if (map_row(w, w->rows[i]) < 0) {
                return NULL;
            }
        }
    }
    cell = orm_ptrmap_find(&w->by_head, (uintptr_t)h >> 4, is_row_of, h);
    if (cell == NULL) {
        return NULL;
    }
    w->guess = ((orm_urow *)cell->value)->number + 1;
    return cell->value;
}

orm_urow *
orm_row_join(orm_work *w, orm_head *h, uint8_t op)
{
    orm_urow *r = orm_row_add(w, h, op);

    return r == NULL || map_row(w, r) < 0 ? NULL : r;
}

bool
orm_is_flushable(const orm_work *w, const orm_head *h)
{
    return h->session == w->f->session && h->flags & (ORM_H_NEW | ORM_H_IN_MAP);
}

int
orm_warn_not_in_session(orm_work *w, const orm_relation *rel, const orm_head *h,
                        const char *operation, const char *refuse)
{
    return orm_warn(w->st, ORM_EXC_SAWarning, 1,
                    "Object of type <%s> not in session, %s operation along '%s.%U' %s proceed%s",
                    h->mapper->cls->tp_name, operation, rel->parent->cls->tp_name, rel->key,
                    refuse, orm_session_flush_note(w->f->session));
}

/* --- registering ----------------------------------------------------------------------------- */

/* Ways to register a related instance. */
enum {
    REG_DELETE = 1, /* to be deleted */
    REG_CANCEL = 2, /* not to be deleted, whatever was said */
    REG_LISTED = 4  /* only its values in memory change */
};

static int
register_head(orm_work *w, orm_head *h, unsigned how)
{
    orm_urow *r = orm_row_of(w, h);
    uint8_t saved = h->flags & ORM_H_NEW ? ORM_OP_INSERT : ORM_OP_UPDATE;

    if (r == NULL) {
        if (PyErr_Occurred()) {
            return -1;
        }
        r = orm_row_join(w, h, how & REG_DELETE ? ORM_OP_DELETE : saved);
        if (r == NULL) {
            return -1;
        }
        r->flags |= how & REG_LISTED ? ORM_R_LISTED : 0;
        return 0;
    }
    if (how & REG_LISTED || !(how & (REG_DELETE | REG_CANCEL))) {
        return 0;
    }
    r->flags &= (uint8_t)~ORM_R_LISTED;
    if ((r->op == ORM_OP_DELETE) != ((how & REG_DELETE) != 0)) {
        r->op = how & REG_DELETE ? ORM_OP_DELETE : saved;
        return orm_row_queue(w, r);
    }
    return 0;
}

static int
register_members(orm_work *w, const orm_relation *rel, const orm_umembers *m, unsigned how,
                 const char *operation)
{
    for (uint32_t i = 0; i < m->n; i++) {
        orm_head *h = orm_head_of(w->st, m->items[i]);
        int rc = h == NULL                  ? -1
                 : orm_is_flushable(w, h)   ? register_head(w, h, how)
                 : h->flags & ORM_H_DELETED ? 0
                                            : orm_warn_not_in_session(w, rel, h, operation,
                                                                      "will not");

        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

static int
on_cascade(void *arg, orm_head *h, PyObject *Py_UNUSED(obj))
{
    orm_work *w = arg;

    return orm_is_flushable(w, h) ? register_head(w, h, REG_DELETE) : 0;
}

/* An instance that no parent has any more (or `always`) is deleted, with what hangs on it. */
static int
delete_orphan(orm_work *w, const orm_relation *rel, PyObject *obj, bool always)
{
    orm_head *h = orm_head_of(w->st, obj);

    if (h == NULL) {
        return -1;
    }
    if (!orm_is_flushable(w, h) || (!always && orm_has_parent(h, rel, 0))) {
        return 0;
    }
    return register_head(w, h, REG_DELETE) < 0
                   || orm_cascade_walk(h, ORM_C_DELETE, on_cascade, w) < 0
               ? -1
               : 0;
}

static int
delete_orphans(orm_work *w, const orm_relation *rel, const orm_umembers *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (delete_orphan(w, rel, m->items[i], false) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The same for a list, which may be NULL. 0 / -1. */
static int
delete_listed(orm_work *w, const orm_relation *rel, PyObject *list, bool always)
{
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(list); i++) {
        PyObject *obj = PyList_GET_ITEM(list, i); /* borrow-ok: nobody else has the list */

        if (obj != Py_None && delete_orphan(w, rel, obj, always) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- entries ----------------------------------------------------------------------------------- */

/* May a history without loading say anything but "unchanged"? */
static bool
may_have_changed(const orm_head *h, uint32_t slot)
{
    return orm_val_is_dirty(h, slot) || h->flags & ORM_H_DICT
           || (h->rare != NULL && orm_val_fast(h, slot) == NULL);
}

/* Does a column that others refer to change in this persistent row? 1, 0, -1. */
static int
is_rekeyed(const orm_urow *r, const orm_relation *rel)
{
    for (uint32_t i = 0; r->op == ORM_OP_UPDATE && i < rel->npairs; i++) {
        orm_history hist = {0};
        int32_t slot = rel->pairs[i].source;
        bool changed;

        if (slot < 0 || !orm_val_is_dirty(r->h, (uint32_t)slot)) {
            continue;
        }
        if (orm_val_history(r->h, (uint32_t)slot, SAVED_PASSIVE, &hist) < 0) {
            return -1;
        }
        changed = hist.deleted != NULL;
        orm_history_fini(&hist);
        if (changed) {
            return 1;
        }
    }
    return 0;
}

/* Members of a list into the arena; the list may be NULL. 0 / -1. */
static int
take_members(orm_work *w, PyObject *list, orm_umembers *out)
{
    Py_ssize_t n = list == NULL ? 0 : PyList_GET_SIZE(list);

    *out = (orm_umembers){0};
    if (n == 0) {
        return 0;
    }
    out->items = orm_arena_array(&w->arena, (size_t)n, sizeof(PyObject *));
    if (out->items == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *obj = PyList_GET_ITEM(list, i);

        if (obj != Py_None) {
            out->items[out->n++] = Py_NewRef(obj);
        }
    }
    return 0;
}

/* None is no member that could be written. 0 / -1 FlushError. */
static int
refuse_none(orm_work *w, const orm_relation *rel, PyObject *added)
{
    Py_ssize_t n = added == NULL || rel->collection == ORM_COLL_NONE ? 0 : PyList_GET_SIZE(added);

    for (Py_ssize_t i = 0; i < n; i++) {
        if (PyList_GET_ITEM(added, i) == Py_None) {
            PyObject *cls = orm_import_once(&w->st->flush_error, "pyorm.orm.exc", "FlushError");

            if (cls != NULL) {
                PyErr_Format(cls, "Can't flush None value found in collection %s.%U: take it out, "
                             "or put an instance of %s in its place", rel->parent->cls->tp_name,
                             rel->key, rel->target->cls->tp_name);
            }
            return -1;
        }
    }
    return 0;
}

/* An entry at the end of the proc's. NULL: without memory. */
static orm_uentry *
entry_new(orm_work *w, orm_uproc *p, orm_urow *r)
{
    orm_uentry *e = orm_arena_alloc(&w->arena, sizeof(*e));

    if (e == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *e = (orm_uentry){.row = r, .proc = p, .of_row = r->entries};
    r->entries = e;
    if (p->last == NULL) {
        p->first = e;
    }
    else {
        p->last->next = e;
    }
    p->last = e;
    return e;
}

/* The entry of a row, its history as far as `passive` lets it be known; *out NULL: nothing is
 * known, or nothing has changed and not `all` is asked for. 0 / -1. */
static int
take_entry(orm_work *w, orm_uproc *p, orm_urow *r, int passive, bool all, orm_uentry **out)
{
    orm_relhist hist = {0};
    orm_uentry *e = r->entries;
    int rc = 0;

    while (e != NULL && e->proc != p) {
        e = e->of_row;
    }
    *out = e;
    if (!all && !may_have_changed(r->h, p->rel->slot)) {
        return 0;
    }
    if (orm_relation_history(r->h, p->rel->slot, passive, &hist) < 0) {
        return -1;
    }
    if (e == NULL && hist.known) {
        e = entry_new(w, p, r);
        rc = e == NULL ? -1 : 0;
    }
    if (e != NULL) {
        entry_clear(e);
        rc = refuse_none(w, p->rel, hist.added) < 0
                     || take_members(w, hist.added, &e->added) < 0
                     || take_members(w, hist.unchanged, &e->unchanged) < 0
                     || take_members(w, hist.deleted, &e->deleted) < 0
                 ? -1
                 : 0;
        p->related = p->related || e->added.n > 0 || e->unchanged.n > 0 || e->deleted.n > 0;
    }
    orm_relhist_fini(&hist);
    *out = e;
    return rc;
}

/* Are there related instances in memory? 1, 0, -1. */
static int
has_related(orm_head *h, const orm_relation *rel)
{
    PyObject *v = orm_val_fast(h, rel->slot);
    Py_ssize_t n = 0;

    v = v != NULL ? Py_NewRef(v) : orm_val_peek(h, rel->slot, NULL);
    if (v != NULL && v != Py_None) {
        n = rel->collection == ORM_COLL_NONE
                ? 1
                : orm_collection_count(h->mapper->attrs[rel->slot], v);
    }
    Py_XDECREF(v);
    return n < 0 ? -1 : n > 0;
}

/* --- one row of one relationship --------------------------------------------------------------- */

static int
save_to_many(orm_work *w, orm_uproc *p, orm_urow *r)
{
    const orm_relation *rel = p->rel;
    int rekeyed = is_rekeyed(r, rel);
    bool load = rekeyed > 0 && !(rel->flags & ORM_RF_PASSIVE_UPDATES);
    orm_uentry *e = NULL;
    int rc = rekeyed < 0 ? -1
                         : take_entry(w, p, r, load ? LOAD_PASSIVE : SAVED_PASSIVE, rekeyed > 0, &e);

    if (rc < 0 || e == NULL) {
        return rc;
    }
    e->rekeyed = rekeyed > 0;
    if (rel->direction == ORM_REL_M2M) {
        return rel->cascade & ORM_C_DELETE_ORPHAN ? delete_orphans(w, rel, &e->deleted)
                                                  : 0;
    }
    rc = register_members(w, rel, &e->added, REG_CANCEL, "add");
    if (rc == 0 && rel->cascade & ORM_C_DELETE_ORPHAN) {
        rc = delete_orphans(w, rel, &e->deleted);
    }
    else if (rc == 0 && !(rel->flags & ORM_RF_PASSIVE_DELETES_ALL)) {
        rc = register_members(w, rel, &e->deleted, 0, "delete");
    }
    if (rc == 0 && e->rekeyed) {
        rc = register_members(w, rel, &e->unchanged,
                              rel->flags & ORM_RF_PASSIVE_UPDATES ? REG_LISTED : 0, "pk change");
    }
    return rc;
}

static int
delete_to_many(orm_work *w, orm_uproc *p, orm_urow *r)
{
    const orm_relation *rel = p->rel;
    orm_uentry *e = NULL;
    int rc = take_entry(w, p, r, orm_delete_passive(rel), true, &e);

    if (rc < 0 || e == NULL || rel->direction == ORM_REL_M2M) {
        return rc;
    }
    if (rel->cascade & ORM_C_DELETE_ORPHAN) {
        rc = delete_orphans(w, rel, &e->deleted);
    }
    else {
        rc = register_members(w, rel, &e->deleted, 0, "delete");
    }
    if (rc == 0 && !(rel->cascade & ORM_C_DELETE)
        && !(rel->flags & ORM_RF_PASSIVE_DELETES_ALL)) {
        rc = register_members(w, rel, &e->unchanged, 0, "delete");
    }
    return rc;
}

/* A many-to-one has no entries: the row's own reference tells. */
static int
save_to_one(orm_work *w, orm_uproc *p, orm_urow *r)
{
    const orm_relation *rel = p->rel;
    orm_relhist hist = {0};
    int rc = 0;

    if (!orm_val_is_dirty(r->h, rel->slot)) {
        return 0;
    }
    p->related = true;
    if (!(rel->cascade & ORM_C_DELETE_ORPHAN)) {
        return 0;
    }
    rc = orm_relation_history(r->h, rel->slot, SAVED_PASSIVE, &hist);
    rc = rc < 0 ? -1 : delete_listed(w, rel, hist.deleted, false);
    orm_relhist_fini(&hist);
    return rc;
}

static int
delete_to_one(orm_work *w, orm_uproc *p, orm_urow *r)
{
    const orm_relation *rel = p->rel;
    bool orphan = (rel->cascade & ORM_C_DELETE_ORPHAN) != 0;
    PyObject *list = NULL;
    int rc = 0;

    p->related = true;
    if (!(rel->cascade & (ORM_C_DELETE | ORM_C_DELETE_ORPHAN))) {
        return 0;
    }
    list = orm_relation_related(r->h, rel->slot, orm_delete_passive(rel), orphan);
    rc = list == NULL ? -1 : delete_listed(w, rel, list, true);
    Py_XDECREF(list);
    return rc;
}

static int
visit_row(orm_work *w, orm_uproc *p, orm_urow *r)
{
    bool one = p->rel->direction == ORM_REL_M2O;

    w->guess = r->number + 1;
    if (r->flags & ORM_R_LISTED || !(r->op != ORM_OP_DELETE || ORM_HAS_IDENTITY(r->h))) {
        return 0;
    }
    if (p->self && !p->related) {
        int related = has_related(r->h, p->rel);

        if (related < 0) {
            return -1;
        }
        p->related = related;
    }
    if (r->op == ORM_OP_DELETE) {
        return one ? delete_to_one(w, p, r) : delete_to_many(w, p, r);
    }
    return one ? save_to_one(w, p, r) : save_to_many(w, p, r);
}

/* --- all of them ------------------------------------------------------------------------------- */

/* New rows of one kind for one relationship: 1 there were some, 0, -1. */
static int
visit_kind(orm_work *w, orm_uproc *p, uint32_t kind)
{
    int any = 0;

    for (uint32_t i = 0; i < w->kinds[kind].nprocs; i++) {
        if (w->kinds[kind].procs[i] != p) {
            continue;
        }
        p->base = w->kinds[kind].base;
        while (w->kinds[kind].done[i] < w->kinds[kind].nqueue) {
            orm_ukind *k = &w->kinds[kind]; /* may move with every row that is added */

            any = 1;
            if (visit_row(w, p, k->queue[k->done[i]++]) < 0) {
                return -1;
            }
        }
    }
    return any;
}

/* All procs once: 1 there were rows that they had not seen, 0, -1. */
static int
visit_all(orm_work *w)
{
    int again = 0;

    for (uint32_t i = 0; i < w->nprocs; i++) {
        for (uint32_t k = 0; k < w->nkinds; k++) {
            int any = visit_kind(w, w->procs[i], k);

            if (any < 0) {
                return -1;
            }
            again = again || any > 0;
        }
    }
    return again;
}

int
orm_presort(orm_work *w)
{
    int again = 1;

    while (again > 0) {
        again = visit_all(w);
        again = again == 0 ? orm_follow_keys(w) : again;
    }
    return again;
}
