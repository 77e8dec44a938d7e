/*
 * orm/parents.c - who has an instance as a member: what delete-orphan and moved members need.
 *
 * Place: hooks.c notes each change of a one-to-many, and of what says single_parent; the unit of
 *   work asks at flush time whether a removed member has found another parent.
 * Loading notes nothing: an instance with an identity that nobody spoke of is taken to have a
 *   parent (`unknown`). A parent is remembered by its InstanceState, which outlives it.
 */
#include "orm/collection_int.h"

static orm_parent *
parent_find(const orm_head *h, const orm_relation *rel)
{
    const orm_rare *r = h->rare;

    for (uint32_t i = 0; r != NULL && i < r->nparents; i++) {
        if (r->parents[i].rel == rel) {
            return &r->parents[i];
        }
    }
    return NULL;
}

/* The entry of a relation (NULL: the one of `outside`), made if need be. NULL: MemoryError. */
static orm_parent *
parent_ensure(orm_head *h, const orm_relation *rel)
{
    orm_parent *found = parent_find(h, rel);
    orm_rare *r = found == NULL ? orm_rare_ensure(h) : NULL;

    if (found != NULL || r == NULL) {
        return found;
    }
    found = PyMem_Realloc(r->parents, (r->nparents + 1) * sizeof(*found));
    if (found == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    r->parents = found;
    r->parents[r->nparents] =
        (orm_parent){.rel = (orm_relation *)Py_XNewRef((PyObject *)(uintptr_t)rel)};
    return &r->parents[r->nparents++];
}

int
orm_has_parent(orm_head *h, const orm_relation *rel, int unknown)
{
    const orm_parent *p = parent_find(h, rel);

    return p == NULL ? unknown : p->view != NULL;
}

/* Hash of the identity; 0: it has none. */
static uint64_t
identity_of(orm_head *h)
{
    bool known = true;

    return h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ) ? orm_head_hash(h, &known) : 0;
}

/* The parent noted is another one than `parent`, by identity. 1 / 0 / -1 it is gone: error. */
static int
is_other(orm_head *h, const orm_parent *p, orm_head *parent)
{
    orm_view *view = (orm_view *)p->view;
    orm_head *last = orm_view_head(view);
    uint64_t then = last == NULL ? view->last_hash : identity_of(last);
    bool same = last == parent || identity_of(parent) == then;

    if (same || last != NULL) {
        return !same;
    }
    PyObject *member = orm_head_describe(h);
    PyObject *owner = orm_head_describe(parent);
    if (member != NULL && owner != NULL) {
        orm_raise_orm(h->mapper->state, "StaleDataError",
                      "Removing state %U from parent state %U along attribute '%U', but the "
                      "parent record has gone stale, can't be sure this is the most recent "
                      "parent.", member, owner, p->rel->key);
    }
    Py_XDECREF(member);
    Py_XDECREF(owner);
    return -1;
}

int
orm_set_parent(orm_head *h, const orm_relation *rel, orm_head *parent, bool has)
{
    PyObject *view = NULL;
    PyObject *old = NULL;
    orm_parent *p = NULL;

    if (has) {
        view = orm_state_of(parent);
        if (view == NULL) {
            return -1;
        }
    }
    p = parent_ensure(h, rel);
    if (p == NULL) {
        Py_XDECREF(view);
        return -1;
    }
    if (!has && p->view != NULL) {
        int other = is_other(h, p, parent);
        if (other != 0) {
            return other < 0 ? -1 : 0;
        }
    }
    old = p->view;
    p->view = view;
    if (view != NULL && !(h->flags & ORM_H_FOREIGN)) {
        orm_entity_track(ORM_ENTITY_OF(h));
    }
    Py_XDECREF(old);
    return 0;
}

int
orm_note_orphaned(orm_head *h)
{
    orm_parent *p = parent_ensure(h, NULL);

    if (p == NULL) {
        return -1;
    }
    p->outside = true;
    return 0;
}

void
orm_forget_orphaned(orm_head *h)
{
    orm_parent *p = parent_find(h, NULL);

    if (p != NULL) {
        p->outside = false;
    }
}

bool
orm_was_orphaned(const orm_head *h)
{
    const orm_parent *p = parent_find(h, NULL);

    return p != NULL && p->outside;
}

int
orm_is_orphan(orm_head *h)
{
    bool known = (h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)) != 0;
    bool possible = false;
    bool legacy = false;

    for (orm_mapper *m = h->mapper; m != NULL; m = m->base) {
        for (uint32_t i = 0; i < m->norphans; i++) {
            const orm_relation *rel = m->orphans[i];
            bool has = orm_has_parent(h, rel, known);
            possible = true;
            legacy = (rel->flags & ORM_RF_LEGACY_ORPHAN) != 0;
            if (has == legacy) {
                return !has; /* legacy: one parent is enough; else each of them is needed */
            }
        }
    }
    return legacy && possible;
}

int
orm_parents_traverse(const orm_rare *r, visitproc visit, void *arg)
{
    for (uint32_t i = 0; i < r->nparents; i++) {
        Py_VISIT(r->parents[i].rel);
        Py_VISIT(r->parents[i].view);
    }
    return 0;
}

void
orm_parents_clear(orm_rare *r)
{
    orm_parent *parents = r->parents;
    uint32_t n = r->nparents;

    r->parents = NULL;
    r->nparents = 0;
    for (uint32_t i = 0; i < n; i++) {
        Py_XDECREF(parents[i].rel);
        Py_XDECREF(parents[i].view);
    }
    PyMem_Free(parents);
}

PyObject *
orm_parents_dict(orm_head *h)
{
    PyObject *d = PyDict_New();

    for (uint32_t i = 0; d != NULL && h->rare != NULL && i < h->rare->nparents; i++) {
        const orm_parent *p = &h->rare->parents[i];
        PyObject *id = p->rel == NULL ? NULL : PyLong_FromVoidPtr(p->rel->prop);
        if (p->rel == NULL) {
            continue;
        }
        if (id == NULL || PyDict_SetItem(d, id, p->view == NULL ? Py_False : p->view) < 0) {
            Py_CLEAR(d);
        }
        Py_XDECREF(id);
    }
    return d;
}
