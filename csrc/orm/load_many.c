/*
 * orm/load_many.c - the related instances of many parents by one SELECT for many of them.
 *
 * Place: lazy.c for the peers of an instance, selectinload for the entities of a result.
 * Statement: `SELECT key columns, entity WHERE key IN (...)`; the key leads from a row back to its
 *   parents. A many-to-one over the target's primary key has no key columns: its rows are looked
 *   up in the identity map, and what is there already is not asked for.
 * The IN list is the one value that is not the statement's own; it has one shape for every
 *   length on PostgreSQL (an array), and a padded one on SQLite.
 */
#include "orm/lazy.h"
#include "orm/load_cell.h"
#include "orm/peers.h"
#include "py/collector.h"

/* Parents of one SELECT where the keys are one array: PostgreSQL reads a small table once for all
   of them, and plans once. */
enum { MOST_IN_ARRAY = 4096 };

/* One SELECT over some of the parents. */
typedef struct many_run {
    orm_session *s;
    orm_state *st;
    PyObject *conn;          /* borrowed */
    orm_relation *rel;
    orm_relloads *loads;     /* borrowed from rel */
    orm_head *const *parents; /* [n] */
    uint32_t n, offset;      /* offset: of parents[0] in `found` */
    PyObject *found;         /* borrowed list */
    PyObject *keys;          /* owned list: what stands in IN */
    PyObject *index;         /* owned dict: key -> number of a parent; not used with `ints` */
    orm_ptrmap ints;         /* keys of one whole number -> many_key */
    struct many_key *numbers; /* owned, [n]: entries of `ints`; NULL: keys are something else */
    PyObject *targets;       /* owned list: keeps what came alive until it is handed out */
} many_run;

/* A parent by its number. */
typedef struct many_key {
    int64_t key;
    PyObject *members;       /* borrowed from many_run.found */
} many_key;

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

PyObject *
orm_load_list(orm_session *s, orm_compiled *c, orm_result *r)
{
    orm_loader l = {0};
    PyObject *list = PyList_New(0);
    PyObject *obj = NULL; /* the last one has to live until the loader has heard of a failure */
    const orm_cell *cells = NULL;
    int rc = orm_loader_init(&l, s, c, r) < 0 || list == NULL ? -1 : 1;

    while (rc > 0 && (rc = orm_result_next(l.r, &cells)) > 0) {
        const orm_root *root = &l.plan->roots[l.plan->nroots - 1];

        l.row++;
        Py_XSETREF(obj, orm_loader_entity(&l, &l.plan->ents[root->index], cells));
        rc = obj == NULL || (obj != Py_None && PyList_Append(list, obj) < 0) ? -1 : 1;
    }
    if (rc < 0) {
        orm_loader_failed(&l);
    }
    Py_XDECREF(obj);
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
        rc = orm_idmap_get(&m->s->map, &k, &there, &known);
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

static int
hand_out_targets(many_run *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        PyObject *there = NULL;
        orm_head *known = NULL;
        orm_key k = {0};
        int rc = orm_reference_key(m->parents[i], m->rel, ORM_PASSIVE_OFF, &k);

        if (rc == 1) {
            rc = orm_idmap_get(&m->s->map, &k, &there, &known);
            orm_key_fini(&k);
        }
        if (rc < 0
            || PyList_SetItem(m->found, m->offset + i,
                              there == NULL ? Py_NewRef(Py_None) : there) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
load_targets(many_run *m)
{
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    PyObject *list = NULL;

    if (collect_targets(m) < 0) {
        return -1;
    }
    if (PyList_GET_SIZE(m->keys) > 0) {
        if (run_statement(m, &c, &r) < 0) {
            return -1;
        }
        list = orm_load_list(m->s, c, r);
        Py_DECREF(c);
        if (list == NULL) {
            return -1;
        }
    }
    int rc = hand_out_targets(m);
    Py_XDECREF(list);
    return rc;
}

/* --- by keys of the parents ----------------------------------------------------------------- */

static inline uint64_t
hash_of(int64_t number)
{
    uint64_t h = (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15);

    return h ^ (h >> 32);
}

static int
is_number(const void *value, const void *key)
{
    return ((const many_key *)value)->key == *(const int64_t *)key;
}

/* The parent's key in the IN list and the index. 0 / -1. */
static int
add_parent(many_run *m, uint32_t i, PyObject *members)
{
    orm_key k = {0};
    PyObject *key = orm_key_of(&k, m->parents[i]) < 0 ? NULL : key_object(&k);
    PyObject *number = NULL;
    int rc = key == NULL ? -1 : PyList_Append(m->keys, key);

    if (rc == 0 && m->numbers != NULL) {
        m->numbers[i] = (many_key){.key = k.i, .members = members};
        rc = orm_ptrmap_put(&m->ints, hash_of(k.i), &m->numbers[i]);
        if (rc < 0) {
            PyErr_NoMemory();
        }
    }
    else if (rc == 0) {
        number = PyLong_FromUnsignedLong(i);
        rc = number == NULL ? -1 : PyDict_SetItem(m->index, key, number);
    }
    Py_XDECREF(number);
    Py_XDECREF(key);
    orm_key_fini(&k);
    return rc;
}

/* Index the parents by their key, each with an empty list of members. 0 / -1. */
static int
collect_parents(many_run *m)
{
    bool numbers = m->loads->nkeys == 1;
    int rc = 0;

    for (uint32_t i = 0; numbers && i < m->n; i++) {
        numbers = (m->parents[i]->flags & ORM_H_KEY_INT) != 0;
    }
    if (numbers) {
        m->numbers = PyMem_Malloc(m->n * sizeof(*m->numbers));
        if (m->numbers == NULL || orm_ptrmap_reserve(&m->ints, m->n) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        PyObject *members = PyList_New(0);

        if (members == NULL || PyList_SetItem(m->found, m->offset + i, members) < 0) {
            return -1;
        }
        rc = add_parent(m, i, members);
    }
    return rc;
}

/* The same as members_of_row, for a key of one whole number in the row. */
static PyObject *
members_of_number(many_run *m, int64_t number)
{
    orm_ptrcell *cell = orm_ptrmap_find(&m->ints, hash_of(number), is_number, &number);

    return cell == NULL ? NULL : ((many_key *)cell->value)->members;
}

/* The parent's list of members that the current row belongs to, borrowed; NULL without an
 * exception: to none of them. */
static PyObject *
members_of_row(many_run *m, orm_loader *l, const orm_cell *cells)
{
    PyObject *key = NULL;
    PyObject *number = NULL;
    PyObject *members = NULL;

    if (m->numbers != NULL) {
        uint32_t column = l->plan->roots[0].index;
        int64_t value = 0;
        int overflow = 0;

        if (orm_loader_reads_int(l, column)
            && orm_cell_int(&cells[column], l->dec->dialect, &value)) {
            return members_of_number(m, value);
        }
        key = orm_loader_value(l, column, l->plan->roots[0].label, &cells[column]);
        value = key == NULL || !PyLong_Check(key)
                    ? 0
                    : PyLong_AsLongLongAndOverflow(key, &overflow);
        members = key == NULL || !PyLong_Check(key) || overflow != 0
                      ? NULL
                      : members_of_number(m, value);
        Py_XDECREF(key);
        return members;
    }
    if (m->loads->nkeys == 1) {
        const orm_root *root = &l->plan->roots[0];
        key = orm_loader_value(l, root->index, root->label, &cells[root->index]);
    }
    else {
        key = PyTuple_New(m->loads->nkeys);
        for (uint32_t i = 0; key != NULL && i < m->loads->nkeys; i++) {
            const orm_root *root = &l->plan->roots[i];
            PyObject *v = orm_loader_value(l, root->index, root->label, &cells[root->index]);
            if (v == NULL) {
                Py_CLEAR(key);
            }
            else {
                PyTuple_SET_ITEM(key, i, v);
            }
        }
    }
    if (key == NULL) {
        return NULL;
    }
    if (PyDict_GetItemRef(m->index, key, &number) > 0) {
        members = PyList_GET_ITEM(m->found, m->offset + PyLong_AsLong(number));
        Py_DECREF(number);
    }
    Py_DECREF(key);
    return members;
}

static int
load_members(many_run *m)
{
    orm_loader l = {0};
    orm_compiled *c = NULL;
    orm_result *r = NULL;
    const orm_cell *cells = NULL;
    PyObject *obj = NULL; /* the last one has to live until the loader has heard of a failure */
    int rc = -1;

    if (collect_parents(m) < 0 || run_statement(m, &c, &r) < 0) {
        return -1;
    }
    rc = orm_loader_init(&l, m->s, c, r) < 0 ? -1 : 1;
    const orm_entplan *p =
        rc < 0 ? NULL : &l.plan->ents[l.plan->roots[l.plan->nroots - 1].index];
    while (rc > 0 && (rc = orm_result_next(l.r, &cells)) > 0) {
        PyObject *members = NULL;

        l.row++;
        Py_XSETREF(obj, orm_loader_entity(&l, p, cells));
        members = obj == NULL ? NULL : members_of_row(m, &l, cells);
        if (obj == NULL || (members == NULL && PyErr_Occurred())
            || (members != NULL && obj != Py_None && PyList_Append(members, obj) < 0)) {
            rc = -1;
        }
        /* a row of no parent: its instance may go at once, so it must not be noted */
        if (members == NULL && obj != NULL) {
            rc = rc < 0 || PyList_Append(m->targets, obj) < 0 ? -1 : rc;
        }
    }
    if (rc < 0) {
        orm_loader_failed(&l);
    }
    else {
        rc = orm_loader_batch_done(&l);
    }
    Py_XDECREF(obj);
    orm_loader_fini(&l);
    Py_DECREF(c);
    return rc;
}

/* --- all of them ---------------------------------------------------------------------------- */

static int
load_some(many_run *m)
{
    int rc = -1;

    m->keys = PyList_New(0);
    m->index = PyDict_New();
    m->targets = PyList_New(0);
    orm_ptrmap_init(&m->ints);
    if (m->keys != NULL && m->index != NULL && m->targets != NULL) {
        ORM_COUNT(load_many);
        rc = m->loads->nkeys == 0 ? load_targets(m) : load_members(m);
    }
    Py_CLEAR(m->keys);
    Py_CLEAR(m->index);
    Py_CLEAR(m->targets);
    orm_ptrmap_fini(&m->ints);
    PyMem_Free(m->numbers);
    m->numbers = NULL;
    return rc;
}

int
orm_load_many(orm_session *s, PyObject *conn, orm_relation *rel, orm_relloads *loads,
              orm_head *const *parents, uint32_t n, uint32_t chunk, PyObject *found)
{
    many_run m = {.s = s, .st = rel->target->state, .conn = conn, .rel = rel, .loads = loads,
                  .found = found};
    int collects = orm_gc_pause();
    bool array = orm_engine_driver(orm_connection_engine(conn))->dialect == ORM_PG;
    uint32_t most = chunk != 0 ? chunk : array ? MOST_IN_ARRAY : ORM_PEERS_MAX;
    int rc = 0;

    for (uint32_t i = 0; i < n; i++) { /* a list made with its length holds NULLs until filled */
        if (PyList_GET_ITEM(found, i) == NULL) {
            PyList_SET_ITEM(found, i, Py_NewRef(Py_None));
        }
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
