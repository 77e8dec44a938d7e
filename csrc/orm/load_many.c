/*
 * orm/load_many.c - the related instances of many parents by one SELECT for many of them.
 *
 * Place: lazy.c for the peers of an instance, load_post.c for the entities of a result.
 * Statement: `SELECT key columns, entity WHERE key IN (...)`; the key leads from a row back to its
 *   parent. A many-to-one over the target's primary key has no key columns: its rows are looked up
 *   in the identity map, and what is there already is not asked for, unless the load is narrowed
 *   (and_()), overwrites, or options of the statement say what is loaded behind it.
 * Filling: what is found goes into the list `found`, for peers, or at once into the slots of the
 *   parents. A row is counted once for its parent, also where joined collections repeat it.
 * subqueryload: the statement is made around that of the parents, so one SELECT brings what all of
 *   them refer to; its key columns stand behind the entity, and hold what the relationship
 *   compares, which several parents can share.
 */
#include "orm/collection.h"
#include "orm/load_cell.h"
#include "orm/load_many.h"
#include "orm/peers.h"
#include "py/collector.h"

/* Parents of one SELECT where the keys are one array: PostgreSQL reads a small table once for all
   of them, and plans once. */
enum { MOST_IN_ARRAY = 4096 };

/* A member that a parent has already. */
typedef struct many_pair {
    const many_parent *parent;
    const PyObject *member;
} many_pair;

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b << 32 | b >> 32)) * UINT64_C(0x9E3779B97F4A7C15);

    return h ^ (h >> 31);
}

/* --- by keys of the parents ----------------------------------------------------------------- */

/* Where the parent's members go. 0 / -1. */
static int
open_parent(many_run *m, many_parent *p, uint32_t i)
{
    orm_attribute *a = m->parents[i]->mapper->attrs[m->rel->slot];

    p->number = i;
    if (m->found != NULL) {
        p->into = PyList_New(0);
        return p->into == NULL ? -1
                               : PyList_SetItem(m->found, m->offset + i, Py_NewRef(p->into));
    }
    if (a->kind == ORM_SLOT_COLLECTION) {
        p->into = Py_XNewRef(orm_collection_init(m->parents[i], a));
        return p->into == NULL ? -1 : 0;
    }
    return orm_val_load_steal(m->parents[i], m->rel->slot, Py_NewRef(Py_None));
}

/* The keys of the parents as whole numbers; false: they are others. */
static bool
read_ints(many_run *m)
{
    int64_t first = INT64_MAX;
    int64_t last = INT64_MIN;

    for (uint32_t i = 0; i < m->n; i++) {
        const orm_head *h = m->parents[i];

        if ((h->flags & (ORM_H_KEY_INT | ORM_H_TOKEN)) != ORM_H_KEY_INT) {
            return false;
        }
        m->all[i].key = h->ident.i;
        first = h->ident.i < first ? h->ident.i : first;
        last = h->ident.i > last ? h->ident.i : last;
    }
    m->first = first;
    m->width = (uint64_t)last - (uint64_t)first;
    return m->loads->nkeys == 1;
}

/* From whole numbers to parents: by their place where they are close, else by a table. 0 / -1. */
static int
index_ints(many_run *m)
{
    int rc = 0;

    if (m->width / 4 < m->n) {
        m->numbers = PyMem_Calloc(m->width + 1, sizeof(*m->numbers));
        for (uint32_t i = 0; m->numbers != NULL && i < m->n; i++) {
            m->numbers[(uint64_t)m->all[i].key - (uint64_t)m->first] = i + 1;
        }
        rc = m->numbers == NULL ? -1 : 0;
    }
    else {
        rc = orm_ptrmap_reserve(&m->ints, m->n);
        for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
            rc = orm_ptrmap_put(&m->ints, mix(0, (uint64_t)m->all[i].key), &m->all[i]);
        }
    }
    if (rc < 0) {
        PyErr_NoMemory();
    }
    return rc;
}

/* m->keys: the keys of the parents as objects. 0 / -1. */
static int
list_keys(many_run *m)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        orm_key k = {0};
        PyObject *key = orm_key_of(&k, m->parents[i]) < 0 ? NULL : orm_key_object(&k);

        rc = key == NULL ? -1 : PyList_Append(m->keys, key);
        Py_XDECREF(key);
        orm_key_fini(&k);
    }
    return rc;
}

/* From keys as objects to the numbers of parents. 0 / -1. */
static int
index_keys(many_run *m)
{
    int rc = PyList_GET_SIZE(m->keys) > 0 ? 0 : list_keys(m);

    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        PyObject *number = PyLong_FromUnsignedLong(i);

        rc = number == NULL ? -1 : PyDict_SetItem(m->index, PyList_GET_ITEM(m->keys, i), number);
        Py_XDECREF(number);
    }
    return rc;
}

/* What the relationship of a parent compares, as rows have it: new reference; None: there is nothing
   that it could refer to. NULL: exception. */
static PyObject *
compared_values(many_run *m, orm_head *h)
{
    Py_ssize_t n = PyTuple_GET_SIZE(m->loads->names);
    PyObject *key = n == 1 ? NULL : PyTuple_New(n);

    if (n > 1 && key == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        int64_t slot = orm_mapper_slot(h->mapper, PyTuple_GET_ITEM(m->loads->names, i));
        PyObject *v = slot < 0 ? NULL : orm_val_peek(h, (uint32_t)slot, NULL);

        if (v == NULL || v == Py_None) {
            Py_XDECREF(v);
            Py_XDECREF(key);
            return slot == -1 && PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
        }
        if (n == 1) {
            return v;
        }
        PyTuple_SET_ITEM(key, i, v);
    }
    return key;
}

/* Number the parents by what the relationship compares. 0 / -1. */
static int
collect_by_values(many_run *m)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        PyObject *key = compared_values(m, m->parents[i]);
        PyObject *number = NULL;
        PyObject *other = NULL;

        rc = key == NULL ? -1 : key == Py_None ? 0 : PyDict_GetItemRef(m->index, key, &other);
        if (rc > 0) {
            m->all[i].next = &m->all[PyLong_AsLong(other)];
        }
        if (rc >= 0 && key != Py_None) {
            number = PyLong_FromUnsignedLong(i);
            rc = number == NULL ? -1 : PyDict_SetItem(m->index, key, number);
        }
        Py_XDECREF(number);
        Py_XDECREF(other);
        Py_XDECREF(key);
        rc = rc < 0 ? -1 : open_parent(m, &m->all[i], i);
    }
    return rc;
}

/* Number the parents by their key. 0 / -1. */
static int
collect_parents(many_run *m)
{
    int rc = 0;

    if (m->loads->names != NULL) {
        return collect_by_values(m);
    }
    m->is_int = read_ints(m) && m->n > 0;
    if (m->path != NULL || !m->is_int || !orm_keys_are_range(m, m->width, m->n)) {
        rc = list_keys(m);
    }
    if (rc == 0) {
        rc = m->is_int ? index_ints(m) : index_keys(m);
    }
    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        rc = open_parent(m, &m->all[i], i);
    }
    return rc;
}

static int
is_number(const void *value, const void *key)
{
    return ((const many_parent *)value)->key == *(const int64_t *)key;
}

static inline many_parent *
parent_by_int(const many_run *m, int64_t number)
{
    uint64_t at = (uint64_t)number - (uint64_t)m->first;
    const orm_ptrcell *found = NULL;

    if (m->numbers != NULL) {
        return at <= m->width && m->numbers[at] != 0 ? &m->all[m->numbers[at] - 1] : NULL;
    }
    found = orm_ptrmap_find(&m->ints, mix(0, (uint64_t)number), is_number, &number);
    return found == NULL ? NULL : found->value;
}

/* The parent of a row whose key is no plain whole number, by Python objects. 0, NULL: none; -1. */
static int
parent_by_object(many_run *m, orm_loader *l, const orm_cell *cells, many_parent **out)
{
    PyObject *key = m->loads->nkeys == 1 ? NULL : PyTuple_New(m->loads->nkeys);
    PyObject *number = NULL;
    int rc = m->loads->nkeys == 1 || key != NULL ? 0 : -1;

    ORM_COUNT(load_many_by_object);
    for (uint32_t i = 0; rc == 0 && i < m->loads->nkeys; i++) {
        const orm_root *root = &l->plan->roots[i + (m->loads->subquery ? 1 : 0)];
        PyObject *v = orm_loader_value(l, root->index, root->label, &cells[root->index]);

        if (v == NULL) {
            rc = -1;
        }
        else if (key == NULL) {
            key = v;
        }
        else {
            PyTuple_SET_ITEM(key, i, v);
        }
    }
    if (rc == 0) {
        rc = PyDict_GetItemRef(m->index, key, &number);
    }
    if (rc > 0) {
        *out = &m->all[PyLong_AsLong(number)];
        Py_DECREF(number);
    }
    Py_XDECREF(key);
    return rc < 0 ? -1 : 0;
}

/* Where the one key column of a row is. */
static uint32_t
key_column(const many_run *m, const orm_loader *l)
{
    return l->plan->roots[m->loads->subquery ? 1 : 0].index;
}

/* The parent that the row belongs to; NULL: it is none of them. 0 / -1. */
static int
parent_of_row(many_run *m, orm_loader *l, const orm_cell *cells, many_parent **out)
{
    int64_t number = 0;
    const orm_cell *cell = NULL;

    *out = NULL;
    if (!m->is_int) {
        return parent_by_object(m, l, cells, out);
    }
    cell = &cells[key_column(m, l)];
    if (orm_cell_int(cell, l->dec->dialect, &number)) {
        *out = parent_by_int(m, number); /* else the key is NULL */
    }
    return 0;
}

static int
is_pair(const void *value, const void *key)
{
    const many_pair *a = value;
    const many_pair *b = key;

    return a->parent == b->parent && a->member == b->member;
}

/* 1 the first time that this parent has this member, 0 later, -1. */
static int
is_new_member(many_run *m, const many_parent *p, const PyObject *member)
{
    many_pair key = {.parent = p, .member = member};
    uint64_t hash = mix((uintptr_t)p >> 4, (uintptr_t)member >> 4);
    many_pair *pair = NULL;

    if (orm_ptrmap_find(&m->pairs, hash, is_pair, &key) != NULL) {
        return 0;
    }
    pair = orm_arena_alloc(&m->arena, sizeof(*pair));
    if (pair != NULL) {
        *pair = key;
    }
    if (pair == NULL || orm_ptrmap_put(&m->pairs, hash, pair) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}

/* A reference takes the first row; another instance in a later one is a warning. 0 / -1. */
static int
take_reference(many_run *m, many_parent *p, PyObject *obj)
{
    orm_head *h = m->parents[p->number];

    if (p->filled) {
        return orm_warn(m->st, ORM_EXC_SAWarning, 1,
                        "Multiple rows returned with uselist=False for eagerly-loaded attribute "
                        "'%s.%U' ", h->mapper->cls->tp_name, m->rel->key);
    }
    p->filled = true;
    return orm_val_load_steal(h, m->rel->slot, Py_NewRef(obj));
}

/* A row's instance for its parent. 0 / -1. */
static int
take_member(many_run *m, many_parent *p, PyObject *obj)
{
    int rc = m->repeats ? is_new_member(m, p, obj) : 1;

    if (rc <= 0) {
        return rc;
    }
    if (p->into == NULL) {
        return take_reference(m, p, obj);
    }
    return m->found != NULL
               ? PyList_Append(p->into, obj)
               : orm_collection_append_loaded(m->parents[p->number]->mapper->attrs[m->rel->slot],
                                              p->into, obj);
}

/* All rows. 0 / -1. */
static int
read_members(many_run *m, orm_loader *l)
{
    const orm_entplan *p = orm_rows_entity(l->plan);
    const orm_cell *cells = NULL;
    bool ranged = m->used == m->loads->range && !m->loads->subquery;
    int rc = 0;

    m->repeats = l->plan->repeats || m->rel->secondary != NULL || m->loads->narrowed
                 || m->loads->names != NULL;
    if (m->is_int && !orm_loader_reads_int(l, key_column(m, l))) {
        m->is_int = false; /* not as the database sends them: look them up as objects */
        rc = index_keys(m);
    }
    while (rc == 0 && (rc = orm_result_next(l->r, &cells)) > 0) {
        many_parent *parent = NULL;
        PyObject *obj = NULL;

        l->row++;
        if (ranged && orm_keys_lack(m, l, &cells[key_column(m, l)])) {
            rc = 0;
            continue;
        }
        obj = orm_loader_entity(l, p, cells);
        rc = obj == NULL ? -1 : parent_of_row(m, l, cells, &parent);
        for (many_parent *one = parent; rc == 0 && one != NULL && obj != Py_None; one = one->next) {
            rc = take_member(m, one, obj);
        }
        if (rc == 0 && (parent == NULL || obj == Py_None)) {
            /* nobody holds it, and what the batch brought must live until the batch is done */
            rc = PyList_Append(m->targets, obj);
        }
        if (rc < 0) {
            orm_loader_failed(l); /* while obj is alive */
        }
        Py_XDECREF(obj);
    }
    return rc;
}

/* What was filled halfway is unloaded again. Keeps the live exception. */
static void
undo_parents(many_run *m)
{
    PyObject *live = PyErr_GetRaisedException();

    for (uint32_t i = 0; m->found == NULL && i < m->n; i++) {
        if (orm_val_expire(m->parents[i], m->rel->slot, ORM_TAG_ABSENT) < 0) {
            PyErr_Clear(); /* the first error is the one that counts */
        }
    }
    PyErr_SetRaisedException(live);
}

/* Collections take what was queued for them. 0 / -1. */
static int
close_parents(many_run *m)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && m->found == NULL && i < m->n; i++) {
        if (m->all[i].into != NULL) {
            rc = orm_collection_loaded(m->parents[i],
                                       m->parents[i]->mapper->attrs[m->rel->slot]);
        }
    }
    return rc;
}

/* The key that a row of a Result has for its parent. New reference. */
static PyObject *
key_of_row(const many_run *m, PyObject *row)
{
    Py_ssize_t from = m->loads->subquery ? 1 : 0;
    Py_ssize_t n = m->loads->nkeys;

    if (!PyTuple_Check(row) || PyTuple_GET_SIZE(row) <= n) {
        PyErr_SetString(PyExc_TypeError, "a listener answered the load of a relationship with other rows");
        return NULL;
    }
    return n == 1 ? Py_NewRef(PyTuple_GET_ITEM(row, from)) : PyTuple_GetSlice(row, from, from + n);
}

/* One row of what listeners gave. 0 / -1. */
static int
take_row(many_run *m, PyObject *row)
{
    PyObject *key = key_of_row(m, row);
    PyObject *number = NULL;
    PyObject *obj = key == NULL ? NULL : PyTuple_GET_ITEM(row, m->loads->subquery ? 0 : m->loads->nkeys);
    int rc = obj == NULL ? -1 : PyDict_GetItemRef(m->index, key, &number);

    if (rc > 0 && obj != Py_None) {
        for (many_parent *p = &m->all[PyLong_AsLong(number)]; rc >= 0 && p != NULL; p = p->next) {
            rc = take_member(m, p, obj);
        }
    }
    Py_XDECREF(number);
    Py_XDECREF(key);
    return rc < 0 ? -1 : 0;
}

/* Through the listeners. 0 / -1. */
static int
load_by_listeners(many_run *m)
{
    PyObject *result = m->is_int && index_keys(m) < 0 ? NULL : orm_keys_ask(m);
    PyObject *unique = result == NULL ? NULL : PyObject_CallMethod(result, "unique", NULL);
    PyObject *rows = unique == NULL ? NULL : PyObject_CallMethod(unique, "all", NULL);
    int rc = rows == NULL || !PyList_Check(rows) ? -1 : 0;

    m->repeats = true;
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(rows); i++) {
        rc = take_row(m, PyList_GET_ITEM(rows, i));
    }
    if (rc < 0 && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "a listener answered the load of a relationship with no rows");
    }
    Py_XDECREF(rows);
    Py_XDECREF(unique);
    Py_XDECREF(result);
    return rc;
}

static int
load_members(many_run *m)
{
    orm_loader l = {0};
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    int rc = -1;

    if (collect_parents(m) < 0
        || (m->path != NULL ? load_by_listeners(m) : orm_keys_run(m, &c, &r)) < 0) {
        undo_parents(m);
        return -1;
    }
    if (m->path != NULL) {
        return close_parents(m);
    }
    rc = orm_keys_open(&l, m, c, r) < 0 ? -1 : read_members(m, &l);
    if (rc < 0) {
        orm_loader_failed(&l);
    }
    else {
        rc = orm_loader_batch_done(&l);
    }
    orm_loader_fini(&l);
    Py_DECREF(c);
    if (rc < 0) {
        undo_parents(m);
        return -1;
    }
    return close_parents(m);
}

/* --- all of them ---------------------------------------------------------------------------- */

static int
load_some(many_run *m)
{
    int rc = -1;

    m->keys = PyList_New(0);
    m->index = PyDict_New();
    m->targets = PyList_New(0);
    m->all = PyMem_Calloc(m->n + 1, sizeof(*m->all));
    orm_ptrmap_init(&m->ints);
    orm_ptrmap_init(&m->pairs);
    orm_arena_init(&m->arena);
    if (m->all == NULL) {
        PyErr_NoMemory();
    }
    else if (m->keys != NULL && m->index != NULL && m->targets != NULL) {
        ORM_COUNT(load_many);
        rc = m->loads->nkeys == 0 ? orm_load_targets(m) : load_members(m);
    }
    orm_ptrmap_fini(&m->ints);
    orm_ptrmap_fini(&m->pairs);
    orm_arena_fini(&m->arena);
    for (uint32_t i = 0; m->all != NULL && i < m->n; i++) {
        Py_CLEAR(m->all[i].into);
    }
    PyMem_Free(m->all);
    PyMem_Free(m->numbers);
    m->numbers = NULL;
    m->is_int = false;
    Py_CLEAR(m->keys);
    Py_CLEAR(m->marks);
    Py_CLEAR(m->index);
    Py_CLEAR(m->targets);
    return rc;
}

int
orm_load_many(orm_session *s, PyObject *conn, orm_relation *rel, orm_relloads *loads,
              orm_head *const *parents, uint32_t n, uint32_t chunk, PyObject *found,
              const orm_loader *above, PyObject *path)
{
    many_run m = {.s = s, .st = rel->target->state, .conn = conn, .rel = rel, .loads = loads,
                  .found = found, .above = above, .path = path};
    int collects = orm_gc_pause();
    bool array = orm_engine_driver(orm_connection_engine(conn))->dialect == ORM_PG;
    uint32_t most = chunk != 0 ? chunk : array ? MOST_IN_ARRAY : ORM_PEERS_MAX;
    int rc = 0;

    for (uint32_t i = 0; found != NULL && i < n; i++) { /* made with its length it holds NULLs */
        if (PyList_GET_ITEM(found, i) == NULL) {
            PyList_SET_ITEM(found, i, Py_NewRef(Py_None));
        }
    }
    m.most = most;
    if (loads->nkeys == 0 || loads->subquery) {
        most = n == 0 ? 1 : n; /* chunks are of keys; or there are none */
    }
    if (loads->subquery && n == 0) { /* for the sake of what lies behind */
        m.parents = parents;
        rc = load_some(&m);
    }
    for (uint32_t at = 0; rc == 0 && at < n; at += most) {
        m.parents = parents + at;
        m.offset = at;
        m.n = n - at < most ? n - at : most;
        rc = load_some(&m);
    }
    orm_gc_resume(collects);
    return rc;
}
