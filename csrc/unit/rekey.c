/*
 * unit/rekey.c - references that have to follow a primary key that changes.
 *
 * A one-to-many sees to its own members (presort.c). A many-to-one without such another side
 *   does not know who refers to the changed row: the session's instances are asked, by what
 *   they have loaded (passive_updates) or by loading it.
 * Only a flush that changes a primary key comes here.
 */
#include "unit/dep.h"

/* Does the UPDATE of this row change its primary key? */
static bool
changes_key(const orm_urow *r)
{
    const orm_mapper *m = r->h->mapper;

    if (r->op != ORM_OP_UPDATE || !ORM_HAS_IDENTITY(r->h)) {
        return false;
    }
    for (uint32_t k = 0; k < m->npk; k++) {
        if (orm_val_is_dirty(r->h, m->pk[k])) {
            return true;
        }
    }
    return false;
}

/* Is nobody else responsible for who refers by this relationship? */
static bool
is_followed(const orm_relation *rel)
{
    bool passive = (rel->flags & ORM_RF_PASSIVE_UPDATES) != 0;

    if (rel->direction != ORM_REL_M2O || rel->flags & ORM_RF_VIEWONLY) {
        return false;
    }
    for (uint32_t i = 0; i < rel->nreverse; i++) {
        if (passive || !(rel->reverse[i]->flags & ORM_RF_PASSIVE_UPDATES)) {
            return false;
        }
    }
    return true;
}

/* One reference of one instance. 0 / -1. */
static int
follow_reference(orm_work *w, orm_head *h, PyObject *obj, const orm_relation *rel)
{
    bool passive = (rel->flags & ORM_RF_PASSIVE_UPDATES) != 0;
    int flags = (passive ? ORM_PASSIVE_NO_INITIALIZE : ORM_PASSIVE_OFF) | ORM_P_NO_AUTOFLUSH;
    int none = 0;
    PyObject *value = orm_val_read(h, rel->slot, flags, &none);
    orm_head *target = NULL;
    orm_urow *to = NULL;
    int rc = value == NULL && PyErr_Occurred() ? -1 : 0;

    if (value != NULL && value != Py_None) {
        target = orm_head_of(w->st, value);
        to = target == NULL ? NULL : orm_row_of(w, target);
        rc = PyErr_Occurred() ? -1 : 0;
    }
    if (to != NULL && changes_key(to)) {
        orm_urow *r = orm_row_of(w, h);

        if (r == NULL) {
            r = orm_row_join(w, h, ORM_OP_UPDATE);
            rc = r == NULL ? -1 : 0;
            if (r != NULL && passive) {
                r->flags |= ORM_R_LISTED;
            }
        }
        rc = rc < 0 ? -1 : orm_sync_copy(w, rel, target, h, obj, true);
    }
    Py_XDECREF(value);
    return rc;
}

static int
follow_head(orm_work *w, orm_head *h, PyObject *obj)
{
    uint32_t n = 1;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        /* read again: a load may have mapped something */
        const uint32_t *slots = orm_mapper_relations(h->mapper, &n);
        const orm_relation *rel = NULL;

        if (slots == NULL || i >= n) {
            return slots == NULL ? -1 : 0;
        }
        rel = orm_slot_relation(h->mapper, slots[i]);
        if (rel != NULL && is_followed(rel)) {
            Py_INCREF((PyObject *)(uintptr_t)rel);
            rc = follow_reference(w, h, obj, rel);
            Py_DECREF((PyObject *)(uintptr_t)rel);
        }
    }
    return rc;
}

int
orm_follow_keys(orm_work *w)
{
    uint32_t before = w->nrows;
    PyObject *list = NULL;
    bool any = false;
    int rc = 0;

    for (; w->nfollowed < before; w->nfollowed++) {
        any = any || changes_key(w->rows[w->nfollowed]);
    }
    if (!any) {
        return 0;
    }
    list = orm_idmap_list(&w->f->session->map);
    rc = list == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *obj = PyList_GET_ITEM(list, i); /* borrow-ok: nobody else has the list */
        orm_head *h = orm_head_of(w->st, obj);

        rc = h == NULL ? -1 : follow_head(w, h, obj);
    }
    Py_XDECREF(list);
    return rc < 0 ? -1 : w->nrows > before;
}
