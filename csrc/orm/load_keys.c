/*
 * orm/load_keys.c - the rows of many keys: by a list, or by a range.
 *
 * Place: load_many.c, which knows whose keys they are; orm_load_list also for lazy.c.
 * The IN list is the one value that is not the statement's own; it has one shape for every
 *   length on PostgreSQL (an array), and a padded one on SQLite.
 * Range: whole numbers without a gap between them are asked for as `key BETWEEN first AND last`:
 *   the rows are the same, and the database finds them at once, where it plans each key of a list
 *   and looks for it.
 */
#include "orm/load_many.h"

/* Keys from which on a range is asked for: fewer are as fast, and easier to read in a log. */
enum { LEAST_RANGE = 32 };

bool
orm_keys_are_range(const orm_many_run *m, uint64_t width, uint64_t n)
{
    return n >= LEAST_RANGE && width == n - 1 && m->loads->make_range != NULL;
}

/* The same of m->keys, if they are whole numbers, with the first and last one. */
static bool
keys_are_range(const orm_many_run *m, int64_t *first, int64_t *last)
{
    Py_ssize_t n = PyList_GET_SIZE(m->keys);

    *first = INT64_MAX;
    *last = INT64_MIN;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *key = PyList_GET_ITEM(m->keys, i);
        int over = 1;
        int64_t number = PyLong_CheckExact(key) ? PyLong_AsLongLongAndOverflow(key, &over) : 0;

        if (over != 0) {
            return false;
        }
        *first = number < *first ? number : *first;
        *last = number > *last ? number : *last;
    }
    return orm_keys_are_range(m, (uint64_t)*last - (uint64_t)*first, (uint64_t)n);
}

int
orm_keys_list(orm_many_run *m)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < m->n; i++) {
        orm_key k = {0};
        PyObject *key = orm_key_of(&k, m->parents[i]) < 0 ? NULL : orm_many_key(&k);

        rc = key == NULL ? -1 : PyList_Append(m->keys, key);
        Py_XDECREF(key);
        orm_key_fini(&k);
    }
    return rc;
}

/* Values in the place of marks: up to two of each, borrowed but for what `owned` has. */
typedef struct many_values {
    PyObject *marks[2];
    PyObject *values[2];
    PyObject *owned[2];
} many_values;

/* The statement and what stands in the place of its marks. 0 / -1; owned in any case. */
static int
choose_statement(orm_many_run *m, many_values *v)
{
    int64_t first = m->first;
    int64_t last = (int64_t)((uint64_t)m->first + m->width);

    m->used = m->loads->many;
    if (m->loads->subquery) {
        v->marks[0] = m->above->mark;
        v->values[0] = m->above->keys;
        return 0;
    }
    if (m->is_int ? !orm_keys_are_range(m, m->width, m->n) : !keys_are_range(m, &first, &last)) {
        Py_XSETREF(m->in, PyList_AsTuple(m->keys));
        v->marks[0] = m->loads->many_mark;
        v->values[0] = m->in;
        return m->in == NULL ? -1 : 0;
    }
    if (orm_relloads_range(m->st, m->loads) < 0) {
        return -1;
    }
    ORM_COUNT(load_many_range);
    Py_CLEAR(m->in);
    m->used = m->loads->range;
    v->values[0] = v->owned[0] = PyLong_FromLongLong(first);
    v->values[1] = v->owned[1] = PyLong_FromLongLong(last);
    v->marks[0] = m->loads->range_marks[0];
    v->marks[1] = m->loads->range_marks[1];
    return v->owned[0] == NULL || v->owned[1] == NULL ? -1 : 0;
}

/* A range's keys one by one, where a subqueryload behind is to repeat the statement with them. 0 / -1. */
static int
spell_keys(orm_many_run *m, const orm_compiled *c)
{
    if (m->used != m->loads->range || m->used == NULL || !orm_plan_has_subquery(c->load)) {
        return 0;
    }
    if (PyList_GET_SIZE(m->keys) == 0 && orm_keys_list(m) < 0) {
        return -1;
    }
    m->in = PyList_AsTuple(m->keys);
    return m->in == NULL ? -1 : 0;
}

int
orm_keys_run(orm_many_run *m, orm_compiled **c, orm_result **r)
{
    PyObject *engine = orm_connection_engine(m->conn);
    orm_conn_facts facts = {0};
    orm_compile_opts how = {.dialect = orm_engine_driver(engine)->dialect};
    orm_run_opts run = {.mode = ORM_RUN_WHOLE};
    many_values chosen = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
    orm_values vals;
    int rc = -1;

    if (orm_connection_facts(m->conn, &facts) < 0) {
        return -1;
    }
    how.schema_map = facts.schemas;
    how.flags = facts.schemas != NULL ? ORM_COMPILE_SCHEMA_MAP : 0;
    run.params = m->loads->subquery ? m->above->params : NULL;
    if (choose_statement(m, &chosen) == 0
        && orm_compile_cached(m->st, orm_engine_cache(engine), m->used, &how, c, &vals) == 0) {
        for (uint32_t i = 0; i < vals.n; i++) {
            for (int k = 0; k < 2; k++) {
                if (vals.v[i] == chosen.marks[k] && chosen.marks[k] != NULL) {
                    vals.v[i] = chosen.values[k];
                    break;
                }
            }
        }
        rc = spell_keys(m, *c) < 0 ? -1 : orm_exec_run(m->conn, *c, vals.v, vals.n, &run, r);
        orm_values_fini(&vals);
        if (rc < 0) {
            Py_CLEAR(*c);
        }
    }
    Py_XDECREF(chosen.owned[0]);
    Py_XDECREF(chosen.owned[1]);
    return rc;
}

/* A loader with the facts of `like`, which borrows them. 0 / -1; fini in any case. */
static int
loader_open(orm_loader *l, orm_session *s, orm_compiled *c, orm_result *r, const orm_loader *like)
{
    l->overwrite = like->overwrite;
    l->token = Py_XNewRef(like->token);
    l->statement = Py_XNewRef(like->statement);
    l->mark = Py_XNewRef(like->mark);
    l->keys = Py_XNewRef(like->keys);
    l->params = Py_XNewRef(like->params);
    l->origin = Py_XNewRef(like->origin);
    return orm_loader_init(l, s, c, r);
}

orm_loader
orm_many_facts(const orm_many_run *m)
{
    const orm_loader *above = m->above;
    bool around = m->loads->subquery;

    return (orm_loader){.overwrite = above != NULL && above->overwrite,
                        .token = above == NULL ? NULL : above->token,
                        .statement = (PyObject *)m->loads->many,
                        .mark = around ? above->mark : m->loads->many_mark,
                        .keys = around ? above->keys : m->in,
                        .params = around ? above->params : NULL,
                        .origin = m->loads->origin};
}

int
orm_keys_open(orm_loader *l, const orm_many_run *m, orm_compiled *c, orm_result *r)
{
    orm_loader like = orm_many_facts(m);

    return loader_open(l, m->s, c, r, &like);
}

const orm_entplan *
orm_many_entity(const orm_load_plan *plan)
{
    uint32_t i = 0;

    while (!plan->roots[i].is_entity) {
        i++;
    }
    return &plan->ents[plan->roots[i].index];
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
orm_load_list(orm_session *s, orm_compiled *c, orm_result *r, const orm_loader *like)
{
    orm_loader l = {0};
    orm_ptrmap seen;
    PyObject *list = PyList_New(0);
    const orm_cell *cells = NULL;
    int rc = loader_open(&l, s, c, r, like) < 0 || list == NULL ? -1 : 1;

    orm_ptrmap_init(&seen);
    while (rc > 0 && (rc = orm_result_next(l.r, &cells)) > 0) {
        PyObject *obj = NULL;

        l.row++;
        obj = orm_loader_entity(&l, orm_many_entity(l.plan), cells);
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
