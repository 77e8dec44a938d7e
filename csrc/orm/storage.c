/*
 * orm/storage.c - values, dirty bits and committed values of one head.
 *
 * Place: below events and loading; both storage backends behind one set of functions.
 * Invariants: after every function that can run Python (a decref, a dict operation) slots, rare
 *   and flags are read again. Order of a store: new value in the slot -> tracked -> dirty bit ->
 *   the old value released, or kept as the committed one. Memory that a store needs is taken
 *   before it begins, so that it either happens whole or not at all.
 * Locking: the GIL.
 */
#include "orm/collection_int.h"

#include <string.h>

/* --- rare data ------------------------------------------------------------------------- */

orm_rare *
orm_rare_ensure(orm_head *h)
{
    if (h->rare == NULL) {
        h->rare = PyMem_Calloc(1, sizeof(orm_rare));
        if (h->rare == NULL) {
            PyErr_NoMemory();
        }
    }
    return h->rare;
}

int
orm_head_load_pending(orm_head *h)
{
    orm_rare *r = orm_rare_ensure(h);

    if (r == NULL) {
        return -1;
    }
    r->loads_pending = true;
    return 0;
}

int
orm_rare_traverse(orm_rare *r, visitproc visit, void *arg)
{
    if (r == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < r->ncommitted; i++) {
        Py_VISIT(r->committed[i]);
    }
    Py_VISIT(r->token);
    Py_VISIT(r->state);
    Py_VISIT(r->options);
    Py_VISIT(r->path);
    for (const orm_prefetch *p = r->prefetched; p != NULL; p = p->next) {
        Py_VISIT(p->value);
    }
    int rc = orm_held_traverse(r, visit, arg);
    return rc != 0 ? rc : orm_parents_traverse(r, visit, arg);
}

/* Release the committed values; the array is out of reach before the first decref. */
static void
committed_drop(orm_rare *r)
{
    PyObject **values = r->committed;
    uint32_t n = r->ncommitted;

    r->committed = NULL;
    r->ncommitted = 0;
    for (uint32_t i = 0; i < n; i++) {
        Py_XDECREF(values[i]);
    }
    PyMem_Free(values);
}

/* What was loaded ahead goes, one after the other: a value's end may add more. */
static void
prefetched_drop(orm_rare *r)
{
    while (r->prefetched != NULL) {
        orm_prefetch *p = r->prefetched;

        r->prefetched = p->next;
        Py_XDECREF(p->value);
        PyMem_Free(p);
    }
}

void
orm_rare_clear(orm_head *h)
{
    orm_rare *r = h->rare;

    if (r == NULL) {
        return;
    }
    orm_colls_drop(h);
    h->rare = NULL;
    h->flags &= ~(uint32_t)ORM_H_TOKEN;
    committed_drop(r);
    Py_CLEAR(r->token);
    Py_CLEAR(r->state);
    Py_CLEAR(r->options);
    Py_CLEAR(r->path);
    orm_held_clear(r);
    orm_parents_clear(r);
    prefetched_drop(r);
    PyMem_Free(r->more);
    PyMem_Free(r);
}

/* --- dirty bits ------------------------------------------------------------------------ */

/* Make sure that setting the bit and keeping an old value cannot fail. 0 / -1. */
static int
dirty_reserve(orm_head *h, uint32_t i, bool old)
{
    orm_rare *r = NULL;

    if (i >= 64) {
        uint32_t words = (i - 64) / 64 + 1;
        r = orm_rare_ensure(h);
        if (r == NULL) {
            return -1;
        }
        if (r->nmore < words) {
            uint64_t *more = PyMem_Realloc(r->more, words * sizeof(*more));
            if (more == NULL) {
                PyErr_NoMemory();
                return -1;
            }
            memset(more + r->nmore, 0, (words - r->nmore) * sizeof(*more));
            r->more = more;
            r->nmore = words;
        }
    }
    if (old) {
        r = orm_rare_ensure(h);
        if (r == NULL) {
            return -1;
        }
        if (r->ncommitted <= i) {
            uint32_t n = h->nslots > i ? h->nslots : i + 1;
            PyObject **values = PyMem_Realloc(r->committed, n * sizeof(*values));
            if (values == NULL) {
                PyErr_NoMemory();
                return -1;
            }
            memset(values + r->ncommitted, 0, (n - r->ncommitted) * sizeof(*values));
            r->committed = values;
            r->ncommitted = n;
        }
    }
    return 0;
}

/* Set the bit; dirty_reserve was called. */
static void
dirty_set(orm_head *h, uint32_t i)
{
    if (i < 64) {
        h->dirty |= UINT64_C(1) << i;
    }
    else {
        assert(h->rare != NULL && (i - 64) / 64 < h->rare->nmore);
        h->rare->more[(i - 64) / 64] |= UINT64_C(1) << (i % 64);
    }
}

static void
dirty_reset(orm_head *h, uint32_t i)
{
    if (i < 64) {
        h->dirty &= ~(UINT64_C(1) << i);
    }
    else if (h->rare != NULL && (i - 64) / 64 < h->rare->nmore) {
        h->rare->more[(i - 64) / 64] &= ~(UINT64_C(1) << (i % 64));
    }
}

int
orm_val_is_dirty(const orm_head *h, uint32_t i)
{
    return orm_dirty_test(h, i);
}

PyObject *
orm_val_old(const orm_head *h, uint32_t i)
{
    const orm_rare *r = h->rare;

    return r != NULL && i < r->ncommitted && orm_dirty_test(h, i) ? r->committed[i] : NULL;
}

/* Take the committed value out: owned, or NULL. */
static PyObject *
committed_take(orm_head *h, uint32_t i)
{
    orm_rare *r = h->rare;
    PyObject *old = NULL;

    if (r != NULL && i < r->ncommitted) {
        old = r->committed[i];
        r->committed[i] = NULL;
    }
    return old;
}

void
orm_val_commit(orm_head *h, uint32_t i)
{
    if (orm_dirty_test(h, i)) {
        PyObject *old = committed_take(h, i);
        dirty_reset(h, i);
        if (h->rare != NULL && h->rare->nheld > 0) {
            orm_held_drop_queue(h, i);
        }
        Py_XDECREF(old);
    }
}

void
orm_head_commit(orm_head *h)
{
    orm_rare *r = h->rare;

    h->dirty = 0;
    h->flags &= ~(uint32_t)(ORM_H_MODIFIED | ORM_H_EXPIRED);
    if (r != NULL) {
        if (r->more != NULL) {
            memset(r->more, 0, r->nmore * sizeof(*r->more));
        }
        committed_drop(r);
    }
    for (uint32_t i = 0; h->rare != NULL && i < h->rare->nheld; i++) {
        orm_held_drop_queue(h, h->rare->held[i].slot);
    }
}

int
orm_head_touch(orm_head *h)
{
    if (h->flags & ORM_H_MODIFIED) {
        return 0;
    }
    h->flags |= ORM_H_MODIFIED;
    if (h->session != NULL && h->session->ops->on_dirty(h->session, h) < 0) {
        h->flags &= ~(uint32_t)ORM_H_MODIFIED;
        return -1;
    }
    return 0;
}

/* --- block ----------------------------------------------------------------------------- */

int
orm_head_grow(orm_head *h, uint32_t nslots)
{
    PyObject **slots = NULL;

    if (nslots <= h->nslots) {
        return 0;
    }
    slots = PyObject_Realloc(h->slots, nslots * sizeof(*slots));
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(slots + h->nslots, 0, (nslots - h->nslots) * sizeof(*slots));
    h->slots = slots;
    h->nslots = nslots;
    return 0;
}

/* Slot i exists afterwards, as far as the plan has it. 0 / -1. */
static inline int
slot_ensure(orm_head *h, uint32_t i)
{
    assert(i < h->mapper->nslots);
    return i < h->nslots ? 0 : orm_head_grow(h, h->mapper->nslots);
}

int
orm_head_traverse(orm_head *h, visitproc visit, void *arg)
{
    Py_VISIT(h->mapper);
    if (h->flags & ORM_H_KEY_OBJ) {
        Py_VISIT(h->ident.obj);
    }
    for (uint32_t i = 0; i < h->nslots; i++) {
        if (ORM_SLOT_IS_VALUE(h->slots[i])) {
            Py_VISIT(h->slots[i]);
        }
    }
    return orm_rare_traverse(h->rare, visit, arg);
}

void
orm_head_clear_values(orm_head *h)
{
    /* The block may grow or shrink while a value dies: nothing is remembered. */
    for (uint32_t i = 0; i < h->nslots; i++) {
        PyObject *v = h->slots[i];
        h->slots[i] = NULL;
        if (ORM_SLOT_IS_VALUE(v)) {
            Py_DECREF(v);
        }
    }
}

void
orm_head_fini(orm_head *h)
{
    PyObject **slots = h->slots;
    uint32_t nslots = h->nslots;
    PyObject *ident = h->flags & ORM_H_KEY_OBJ ? h->ident.obj : NULL;

    assert(!(h->flags & ORM_H_IN_MAP));
    assert(h->peers == NULL);
    h->slots = NULL;
    h->nslots = 0;
    h->flags &= ~(uint32_t)(ORM_H_KEY_INT | ORM_H_KEY_OBJ | ORM_H_KEY_MANY);
    for (uint32_t i = 0; i < nslots; i++) {
        if (ORM_SLOT_IS_VALUE(slots[i])) {
            Py_DECREF(slots[i]);
        }
    }
    PyObject_Free(slots);
    Py_XDECREF(ident);
    orm_rare_clear(h);
    Py_CLEAR(h->mapper);
}

/* --- values ---------------------------------------------------------------------------- */

static PyObject *
key_of(const orm_head *h, uint32_t i)
{
    orm_attribute *a = i < h->mapper->nslots ? h->mapper->attrs[i] : NULL;

    return a == NULL ? NULL : a->n.key;
}

PyObject *
orm_head_dict(orm_head *h)
{
    PyObject *obj = NULL;
    PyObject *dict = NULL;

    if (!(h->flags & ORM_H_FOREIGN)) {
        orm_entity *e = ORM_ENTITY_OF(h);
        if (e->dict == NULL) {
            /* only after tp_clear took it away */
            e->dict = PyDict_New();
        }
        return Py_XNewRef(e->dict);
    }
    obj = orm_head_object(h);
    if (obj == NULL) {
        PyErr_SetString(PyExc_ReferenceError, "the instance of this InstanceState is gone");
        return NULL;
    }
    dict = PyObject_GenericGetDict(obj, NULL);
    Py_DECREF(obj);
    return dict;
}

/* Value in the instance's dict: new reference or NULL, no exception either way. */
static PyObject *
dict_peek(orm_head *h, uint32_t i)
{
    PyObject *found = NULL;
    PyObject *dict = NULL;
    PyObject *key = key_of(h, i);

    if (key == NULL) {
        return NULL;
    }
    if (h->flags & ORM_H_DICT) {
        dict = orm_head_dict(h);
    }
    else {
        /* a name that was mapped after an instance had it as a plain attribute */
        dict = Py_XNewRef(ORM_ENTITY_OF(h)->dict);
    }
    if (dict == NULL || PyDict_GetItemRef(dict, key, &found) < 0) {
        /* A foreign key of the dict whose __eq__ raised, or the instance is gone. */
        PyErr_Clear();
    }
    Py_XDECREF(dict);
    return found;
}

PyObject *
orm_val_peek(orm_head *h, uint32_t i, int *tag)
{
    PyObject *v = i < h->nslots ? h->slots[i] : NULL;

    if (ORM_SLOT_IS_VALUE(v)) {
        return Py_NewRef(v);
    }
    if (h->flags & ORM_H_DICT
        || (!(h->flags & ORM_H_FOREIGN) && ORM_ENTITY_OF(h)->dict != NULL)) {
        PyObject *found = dict_peek(h, i);
        if (found != NULL) {
            return found;
        }
        v = i < h->nslots ? h->slots[i] : NULL;
    }
    if (tag != NULL) {
        *tag = ORM_SLOT_TAG(v);
    }
    return NULL;
}

bool
orm_value_needs_gc(orm_state *st, PyObject *v)
{
    if (!PyObject_IS_GC(v) || PyUnicode_CheckExact(v)) {
        return false;
    }
    /* Leaves that CPython allocates as GC objects: members of enums, UUIDs. */
    if (Py_TYPE(Py_TYPE(v)) == (PyTypeObject *)st->enum_meta) {
        return false;
    }
    return !orm_is_uuid(st, v);
}

static inline void
track_for(orm_head *h, PyObject *v)
{
    if (PyObject_IS_GC(v) && !(h->flags & ORM_H_FOREIGN)) {
        orm_entity *e = ORM_ENTITY_OF(h);
        if (!PyObject_GC_IsTracked((PyObject *)e) && orm_value_needs_gc(h->mapper->state, v)) {
            orm_entity_track(e);
        }
    }
}

/* Put a value or a tag into the block; what was there is returned, owned if it is a value. */
static PyObject *
slot_swap(orm_head *h, uint32_t i, PyObject *v)
{
    PyObject *old = h->slots[i];

    h->slots[i] = v;
    return old;
}

void
orm_head_set_tag(orm_head *h, uint32_t i, int tag)
{
    if (i < h->nslots) {
        PyObject *old = slot_swap(h, i, (PyObject *)(uintptr_t)tag);
        if (ORM_SLOT_IS_VALUE(old)) {
            Py_DECREF(old);
        }
    }
}

/* Store into the dict of a DICT instance: tag cleared, value set. 0 / -1. */
static int
dict_store(orm_head *h, uint32_t i, PyObject *v)
{
    PyObject *dict = orm_head_dict(h);
    PyObject *key = key_of(h, i);
    int rc = -1;

    if (dict != NULL && key != NULL) {
        rc = PyDict_SetItem(dict, key, v);
        if (rc == 0) {
            orm_head_set_tag(h, i, ORM_TAG_ABSENT);
        }
    }
    Py_XDECREF(dict);
    return rc;
}

/* Delete from the dict; 0 also when the key is not there. */
static int
dict_remove(orm_head *h, uint32_t i)
{
    PyObject *dict = orm_head_dict(h);
    PyObject *key = key_of(h, i);
    int rc = -1;

    if (dict != NULL && key != NULL) {
        rc = PyDict_DelItem(dict, key);
        if (rc < 0 && PyErr_ExceptionMatches(PyExc_KeyError)) {
            PyErr_Clear();
            rc = 0;
        }
    }
    Py_XDECREF(dict);
    return rc;
}

int
orm_val_load_steal(orm_head *h, uint32_t i, PyObject *v)
{
    PyObject *old = NULL;

    if (slot_ensure(h, i) < 0) {
        Py_DECREF(v);
        return -1;
    }
    if (h->flags & ORM_H_DICT) {
        int rc = dict_store(h, i, v);
        Py_DECREF(v);
        if (rc == 0) {
            orm_val_commit(h, i);
        }
        return rc;
    }
    old = slot_swap(h, i, v);
    track_for(h, v);
    if (orm_dirty_test(h, i)) {
        orm_val_commit(h, i);
    }
    if (ORM_SLOT_IS_VALUE(old)) {
        Py_DECREF(old);
    }
    return 0;
}

int
orm_val_expire(orm_head *h, uint32_t i, int tag)
{
    if (slot_ensure(h, i) < 0) {
        return -1;
    }
    if (h->flags & ORM_H_DICT && dict_remove(h, i) < 0) {
        return -1;
    }
    orm_colls_stale(h, i);
    orm_head_set_tag(h, i, tag);
    orm_val_commit(h, i);
    return 0;
}

int
orm_head_expire(orm_head *h)
{
    orm_mapper *m = h->mapper;

    if (orm_head_grow(h, m->nslots) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < m->nslots; i++) {
        orm_attribute *a = m->attrs[i];
        if (a == NULL) {
            continue;
        }
        if (h->flags & ORM_H_DICT && dict_remove(h, i) < 0) {
            return -1;
        }
        /* What loads by itself needs no mark. */
        if (h->rare != NULL && h->rare->colls != NULL) {
            orm_colls_stale(h, i);
        }
        bool own_loader = ORM_SLOT_IS_RELATION(a->kind) || a->flags & ORM_A_DEFERRED;
        orm_head_set_tag(h, i, own_loader ? ORM_TAG_ABSENT : ORM_TAG_EXPIRED);
    }
    orm_head_commit(h);
    h->flags |= ORM_H_EXPIRED;
    return 0;
}

int
orm_val_store(orm_head *h, uint32_t i, PyObject *v)
{
    PyObject *old = NULL;

    if (orm_head_touch(h) < 0 || slot_ensure(h, i) < 0) {
        return -1;
    }
    if (h->flags & ORM_H_DICT) {
        old = orm_dirty_test(h, i) ? NULL : dict_peek(h, i);
        bool keep = old != NULL;
        if (dirty_reserve(h, i, keep) < 0 || dict_store(h, i, v) < 0) {
            Py_XDECREF(old);
            return -1;
        }
        if (keep && !orm_dirty_test(h, i) && dirty_reserve(h, i, true) == 0) {
            /* reserved again: storing ran Python, which may have flushed */
            Py_XSETREF(h->rare->committed[i], Py_NewRef(old));
        }
        dirty_set(h, i);
        Py_XDECREF(old);
        return 0;
    }
    bool clean = !orm_dirty_test(h, i);
    if (clean && dirty_reserve(h, i, ORM_SLOT_IS_VALUE(h->slots[i])) < 0) {
        return -1;
    }
    /* From here to the last line nothing runs Python. */
    old = slot_swap(h, i, Py_NewRef(v));
    track_for(h, v);
    if (clean) {
        dirty_set(h, i);
        if (ORM_SLOT_IS_VALUE(old)) {
            h->rare->committed[i] = old;
            old = NULL;
        }
    }
    if (ORM_SLOT_IS_VALUE(old)) {
        Py_DECREF(old);
    }
    return 0;
}

int
orm_val_remove(orm_head *h, uint32_t i)
{
    PyObject *old = NULL;

    if (orm_head_touch(h) < 0 || slot_ensure(h, i) < 0) {
        return -1;
    }
    old = orm_val_peek(h, i, NULL);
    bool clean = !orm_dirty_test(h, i);
    if (clean && dirty_reserve(h, i, old != NULL) < 0) {
        Py_XDECREF(old);
        return -1;
    }
    if (clean) {
        dirty_set(h, i);
        if (old != NULL) {
            Py_XSETREF(h->rare->committed[i], Py_NewRef(old));
        }
    }
    if (h->flags & ORM_H_DICT && dict_remove(h, i) < 0) {
        Py_XDECREF(old);
        return -1;
    }
    if (old != NULL) {
        /* what was expired stays so: the next read asks the database */
        orm_head_set_tag(h, i, ORM_TAG_ABSENT);
    }
    Py_XDECREF(old);
    return 0;
}

int
orm_val_mark(orm_head *h, uint32_t i)
{
    PyObject *old = NULL;

    if (orm_head_touch(h) < 0 || dirty_reserve(h, i, false) < 0) {
        return -1;
    }
    old = committed_take(h, i);
    dirty_set(h, i);
    Py_XDECREF(old);
    return 0;
}

int
orm_val_restore_old(orm_head *h, uint32_t i, PyObject *old)
{
    if (dirty_reserve(h, i, old != NULL) < 0) {
        Py_XDECREF(old);
        return -1;
    }
    dirty_set(h, i);
    if (old != NULL) {
        Py_XSETREF(h->rare->committed[i], old);
    }
    return 0;
}
