/*
 * orm/load_many.c - the related instances of many parents by one SELECT for many of them.
 *
 * Place: lazy.c for the peers of an instance, load_post.c for the entities of a result.
 * Statement: `SELECT key columns, entity WHERE key IN (...)`; the key leads from a row back to its
 *   parent. A many-to-one over the target's primary key has no key columns: its rows are looked up
 *   in the identity map, and what is there already is not asked for, unless the load is narrowed
 *   (and_()) or overwrites.
 * The IN list is the one value that is not the statement's own; it has one shape for every
 *   length on PostgreSQL (an array), and a padded one on SQLite.
 * Filling: what is found goes into the list `found`, for peers, or at once into the slots of the
 *   parents. A row is counted once for its parent, also where joined collections repeat it.
 */
#include "orm/lazy.h"
#include "orm/collection.h"
#include "orm/load_cell.h"
#include "orm/peers.h"
#include "py/collector.h"

/* Parents of one SELECT where the keys are one array: PostgreSQL reads a small table once for all
   of them, and plans once. */
enum { MOST_IN_ARRAY = 4096 };

/* A parent by its key. */
typedef struct many_parent {
    int64_t key;      /* of a key of one whole number */
    uint32_t number;
    bool filled;      /* a reference: it has its one row */
    PyObject *into;   /* owned: list or collection that takes the members; NULL: a reference */
} many_parent;

/* A member that a parent has already. */
typedef struct many_pair {
    const many_parent *parent;
    const PyObject *member;
} many_pair;

/* One SELECT over some of the parents. */
typedef struct many_run {
    orm_session *s;
    orm_state *st;
    PyObject *conn;          /* borrowed */
    orm_relation *rel;
    orm_relloads *loads;     /* borrowed from rel */
    orm_head *const *parents; /* [n] */
    uint32_t n, offset;      /* offset: of parents[0] in `found` */
    uint32_t most;           /* keys of one SELECT */
    PyObject *found;         /* borrowed list, or NULL: into the slots */
    const orm_loader *above; /* borrowed, or NULL */
    PyObject *keys;          /* owned list: what stands in IN */
    PyObject *index;         /* owned dict: key -> number of a parent; or key -> related instance */
    PyObject *targets;       /* owned list: keeps what came alive until it is handed out */
    many_parent *all;        /* owned, [n], of parents by their keys */
    orm_ptrmap ints;         /* whole number -> many_parent, where all keys are */
    bool is_int;
    orm_arena arena;         /* of pairs */
    orm_ptrmap pairs;        /* used where rows can repeat */
    bool repeats;
} many_run;

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b << 32 | b >> 32)) * UINT64_C(0x9E3779B97F4A7C15);

    return h ^ (h >> 31);
}

/* --- running ------------------------------------------------------------------------------ */

/* Compile by the engine's cache, with the keys in the place of the mark, and run. 0 / -1. */
static int
run_statement(many_run *m, orm_compiled **c, orm_result **r)
{
    PyObject *engine = orm_connection_engine(m->conn);
    orm_conn_facts facts = {0};
    orm_compile_opts how = {.dialect = orm_engine_driver(engine)->dialect};
    orm_run_opts run = {.mode = ORM_RUN_WHOLE};
    PyObject *tuple = NULL;
    orm_values vals;
    int rc;

    if (orm_connection_facts(m->conn, &facts) < 0) {
        return -1;
    }
    how.schema_map = facts.schemas;
    how.flags = facts.schemas != NULL ? ORM_COMPILE_SCHEMA_MAP : 0;
    tuple = PyList_AsTuple(m->keys);
    if (tuple == NULL
        || orm_compile_cached(m->st, orm_engine_cache(engine), m->loads->many, &how, c, &vals)
               < 0) {
        Py_XDECREF(tuple);
        return -1;
    }
    for (uint32_t i = 0; i < vals.n; i++) {
        if (vals.v[i] == m->loads->many_mark) {
            vals.v[i] = tuple;
        }
    }
    rc = orm_exec_run(m->conn, *c, vals.v, vals.n, &run, r);
    orm_values_fini(&vals);
    Py_DECREF(tuple);
    if (rc < 0) {
        Py_CLEAR(*c);
    }
    return rc;
}

/* A loader for rows that belong to the load `above`. 0 / -1; fini in any case. */
static int
loader_open(orm_loader *l, orm_session *s, orm_compiled *c, orm_result *r, orm_node *statement,
            const orm_loader *above)
{
    if (above != NULL) {
        l->overwrite = above->overwrite;
        l->token = Py_XNewRef(above->token);
    }
    if (orm_loader_init(l, s, c, r) < 0) {
        return -1;
    }
    l->statement = Py_XNewRef((PyObject *)statement);
    return 0;
}

static int
is_object(const void *value, const void *key)
{
    return value == key;
}

/* 1 the first time, 0 later, -1. */
static int
is_first(orm_ptrmap *seen, PyObject *obj)
{
    uint64_t hash = (uint64_t)(uintptr_t)obj >> 4;

    if (orm_ptrmap_find(seen, hash, is_object, obj) != NULL) {
        return 0;
    }
    if (orm_ptrmap_put(seen, hash, obj) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}

PyObject *
orm_load_list(orm_session *s, orm_compiled *c, orm_result *r, orm_node *statement,
              const orm_loader *above)
{
    orm_loader l = {0};
    orm_ptrmap seen;
    PyObject *list = PyList_New(0);
    const orm_cell *cells = NULL;
    int rc = loader_open(&l, s, c, r, statement, above) < 0 || list == NULL ? -1 : 1;

    orm_ptrmap_init(&seen);
    while (rc > 0 && (rc = orm_result_next(l.r, &cells)) > 0) {
        const orm_root *root = &l.plan->roots[l.plan->nroots - 1];
        PyObject *obj = NULL;

        l.row++;
        obj = orm_loader_entity(&l, &l.plan->ents[root->index], cells);
        rc = obj == NULL ? -1 : obj == Py_None ? 0 : is_first(&seen, obj);
        if (rc > 0 && PyList_Append(list, obj) < 0) {
            rc = -1;
        }
        if (rc < 0) {
            orm_loader_failed(&l); /* while obj is alive */
        }
        Py_XDECREF(obj);
        rc = rc < 0 ? -1 : 1;
    }
    orm_ptrmap_fini(&seen);
    if (rc < 0) {
        orm_loader_failed(&l);
    }
    if (rc < 0 || orm_loader_batch_done(&l) < 0) {
        Py_CLEAR(list);
    }
    orm_loader_fini(&l);
    return list;
}

/* --- by the target's primary key ------------------------------------------------------------ */

/* The key as a user would write it: a value, or a tuple of values. New reference. */
static PyObject *
key_object(const orm_key *k)
{
    return k->kind == ORM_KEY_INT ? PyLong_FromLongLong(k->i) : Py_NewRef(k->obj);
}

/* What the session knows is as good as a row. */
static bool
knows_enough(const many_run *m)
{
    return !m->loads->narrowed && !(m->above != NULL && m->above->overwrite);
}

/* Ask for the rows that parents refer to and the session does not know. 0 / -1. */
static int
collect_targets(many_run *m)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        PyObject *there = NULL;
        orm_head *known = NULL;
        PyObject *key = NULL;
        orm_key k = {0};
        int has = orm_reference_key(m->parents[i], m->rel, ORM_PASSIVE_OFF, &k);

        if (has != 1) {
            rc = has < 0 ? -1 : 0;
            continue;
        }
        rc = knows_enough(m) ? orm_idmap_get(&m->s->map, &k, &there, &known) : 0;
        if (rc == 0 && there == NULL) {
            key = key_object(&k);
            rc = key == NULL ? -1 : PyDict_Contains(m->index, key);
            if (rc == 0 && (PyDict_SetItem(m->index, key, Py_None) < 0
                            || PyList_Append(m->keys, key) < 0)) {
                rc = -1;
            }
            rc = rc < 0 ? -1 : 0;
        }
        else if (rc == 0) {
            rc = PyList_Append(m->targets, there);
        }
        Py_XDECREF(key);
        Py_XDECREF(there);
        orm_key_fini(&k);
    }
    return rc;
}

/* Only the rows that came count: key -> instance. 0 / -1. */
static int
index_targets(many_run *m, PyObject *list)
{
    int rc = 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_of(m->st, PyList_GET_ITEM(list, i));
        orm_key k = {0};
        PyObject *key = h == NULL || orm_key_of(&k, h) < 0 ? NULL : key_object(&k);

        rc = key == NULL ? -1 : PyDict_SetItem(m->index, key, PyList_GET_ITEM(list, i));
        Py_XDECREF(key);
        orm_key_fini(&k);
    }
    return rc;
}

/* What a key leads to: new reference, or NULL. 0 / -1. */
static int
target_of(many_run *m, const orm_key *k, PyObject **out)
{
    orm_head *known = NULL;
    PyObject *key = NULL;
    int rc;

    if (!m->loads->narrowed) {
        return orm_idmap_get(&m->s->map, k, out, &known);
    }
    key = key_object(k);
    rc = key == NULL ? -1 : PyDict_GetItemRef(m->index, key, out);
    Py_XDECREF(key);
    if (*out == Py_None) {
        Py_CLEAR(*out);
    }
    return rc < 0 ? -1 : 0;
}

/* What was found for a parent. Consumes value. 0 / -1. */
static int
hand_out(many_run *m, uint32_t i, PyObject *value)
{
    int rc;

    if (m->found != NULL) {
        return PyList_SetItem(m->found, m->offset + i, value);
    }
    rc = orm_relation_install(m->parents[i], m->parents[i]->mapper->attrs[m->rel->slot], value);
    Py_DECREF(value);
    return rc;
}

static int
hand_out_targets(many_run *m)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        PyObject *there = NULL;
        orm_key k = {0};
        int has = orm_reference_key(m->parents[i], m->rel, ORM_PASSIVE_OFF, &k);

        rc = has < 0 ? -1 : 0;
        if (has == 1) {
            rc = target_of(m, &k, &there);
            orm_key_fini(&k);
        }
        if (rc == 0) {
            rc = hand_out(m, i, there == NULL ? Py_NewRef(Py_None) : there);
        }
    }
    return rc;
}

/* The rows of these keys as instances, kept alive by m->targets. 0 / -1. */
static int
load_keys(many_run *m, Py_ssize_t from, Py_ssize_t to)
{
    PyObject *all = m->keys;
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    PyObject *list = NULL;
    int rc;

    m->keys = PyList_GetSlice(all, from, to);
    rc = m->keys == NULL ? -1 : run_statement(m, &c, &r);
    Py_XDECREF(m->keys);
    m->keys = all;
    if (rc < 0) {
        return -1;
    }
    list = orm_load_list(m->s, c, r, m->loads->many, m->above);
    Py_DECREF(c);
    rc = list == NULL ? -1 : m->loads->narrowed ? index_targets(m, list) : 0;
    if (rc == 0) {
        rc = PyList_Append(m->targets, list);
    }
    Py_XDECREF(list);
    return rc;
}

/* One SELECT per so many keys, not parents: many of these can refer to one row. 0 / -1. */
static int
load_targets(many_run *m)
{
    Py_ssize_t nkeys;
    int rc = collect_targets(m);

    nkeys = PyList_GET_SIZE(m->keys);
    for (Py_ssize_t at = 0; rc == 0 && at < nkeys; at += m->most) {
        rc = load_keys(m, at, nkeys - at < m->most ? nkeys : at + m->most);
    }
    return rc < 0 ? -1 : hand_out_targets(m);
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

/* Number the parents by their key. 0 / -1. */
static int
collect_parents(many_run *m)
{
    int rc = 0;

    m->is_int = m->loads->nkeys == 1;
    for (uint32_t i = 0; i < m->n; i++) {
        m->is_int &= (m->parents[i]->flags & (ORM_H_KEY_INT | ORM_H_TOKEN)) == ORM_H_KEY_INT;
    }
    if (m->is_int && orm_ptrmap_reserve(&m->ints, m->n) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        orm_key k = {0};
        PyObject *key = orm_key_of(&k, m->parents[i]) < 0 ? NULL : key_object(&k);

        if (key == NULL || PyList_Append(m->keys, key) < 0) {
            rc = -1;
        }
        else if (m->is_int) {
            m->all[i].key = k.i;
            rc = orm_ptrmap_put(&m->ints, mix(0, (uint64_t)k.i), &m->all[i]);
            if (rc < 0) {
                PyErr_NoMemory();
            }
        }
        else {
            PyObject *number = PyLong_FromUnsignedLong(i);
            rc = number == NULL ? -1 : PyDict_SetItem(m->index, key, number);
            Py_XDECREF(number);
        }
        Py_XDECREF(key);
        orm_key_fini(&k);
        rc = rc < 0 ? -1 : open_parent(m, &m->all[i], i);
    }
    return rc;
}

static int
is_number(const void *value, const void *key)
{
    return ((const many_parent *)value)->key == *(const int64_t *)key;
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
        const orm_root *root = &l->plan->roots[i];
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

/* The parent that the row belongs to; NULL: it is none of them. 0 / -1. */
static int
parent_of_row(many_run *m, orm_loader *l, const orm_cell *cells, many_parent **out)
{
    int64_t number = 0;
    const orm_cell *cell = NULL;
    const orm_ptrcell *found = NULL;

    *out = NULL;
    if (!m->is_int) {
        return parent_by_object(m, l, cells, out);
    }
    cell = &cells[l->plan->roots[0].index];
    if (!orm_cell_int(cell, l->dec->dialect, &number)) {
        return 0; /* NULL */
    }
    found = orm_ptrmap_find(&m->ints, mix(0, (uint64_t)number), is_number, &number);
    *out = found == NULL ? NULL : found->value;
    return 0;
}

/* The keys of the rows are not whole numbers as the database sends them: look them up as objects.
   0 / -1. */
static int
index_parents(many_run *m)
{
    int rc = 0;

    m->is_int = false;
    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        PyObject *number = PyLong_FromUnsignedLong(i);

        rc = number == NULL ? -1 : PyDict_SetItem(m->index, PyList_GET_ITEM(m->keys, i), number);
        Py_XDECREF(number);
    }
    return rc;
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
    const orm_entplan *p = &l->plan->ents[l->plan->roots[l->plan->nroots - 1].index];
    const orm_cell *cells = NULL;
    int rc = 0;

    m->repeats = l->plan->repeats || m->rel->secondary != NULL || m->loads->what != NULL;
    if (m->is_int && !orm_loader_reads_int(l, l->plan->roots[0].index)) {
        rc = index_parents(m);
    }
    while (rc == 0 && (rc = orm_result_next(l->r, &cells)) > 0) {
        many_parent *parent = NULL;
        PyObject *obj = NULL;

        l->row++;
        obj = orm_loader_entity(l, p, cells);
        rc = obj == NULL ? -1 : parent_of_row(m, l, cells, &parent);
        if (rc == 0 && parent != NULL && obj != Py_None) {
            rc = take_member(m, parent, obj);
        }
        else if (rc == 0) {
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

static int
load_members(many_run *m)
{
    orm_loader l = {0};
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    int rc = -1;

    if (collect_parents(m) < 0 || run_statement(m, &c, &r) < 0) {
        undo_parents(m);
        return -1;
    }
    rc = loader_open(&l, m->s, c, r, m->loads->many, m->above) < 0 ? -1 : read_members(m, &l);
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
        rc = m->loads->nkeys == 0 ? load_targets(m) : load_members(m);
    }
    orm_ptrmap_fini(&m->ints);
    orm_ptrmap_fini(&m->pairs);
    orm_arena_fini(&m->arena);
    for (uint32_t i = 0; m->all != NULL && i < m->n; i++) {
        Py_CLEAR(m->all[i].into);
    }
    PyMem_Free(m->all);
    Py_CLEAR(m->keys);
    Py_CLEAR(m->index);
    Py_CLEAR(m->targets);
    return rc;
}

int
orm_load_many(orm_session *s, PyObject *conn, orm_relation *rel, orm_relloads *loads,
              orm_head *const *parents, uint32_t n, uint32_t chunk, PyObject *found,
              const orm_loader *above)
{
    many_run m = {.s = s, .st = rel->target->state, .conn = conn, .rel = rel, .loads = loads,
                  .found = found, .above = above};
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
    if (loads->nkeys == 0) {
        most = n == 0 ? 1 : n; /* chunks are of keys */
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
