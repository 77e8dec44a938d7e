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
orm_keys_are_range(const many_run *m, uint64_t width, uint64_t n)
{
    return n >= LEAST_RANGE && width == n - 1 && m->loads->make_range != NULL;
}

/* The same of m->keys, if they are whole numbers, with the first and last one. */
static bool
keys_are_range(const many_run *m, int64_t *first, int64_t *last)
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

/* The statement and what stands in the place of its marks. 0 / -1; new references in any case. */
static int
choose_statement(many_run *m, PyObject **values)
{
    int64_t first = m->first;
    int64_t last = (int64_t)((uint64_t)m->first + m->width);
    bool range = m->is_int ? orm_keys_are_range(m, m->width, m->n) : keys_are_range(m, &first, &last);

    m->used = m->loads->many;
    if (!range) {
        values[0] = PyList_AsTuple(m->keys);
        return values[0] == NULL ? -1 : 0;
    }
    if (orm_relloads_range(m->st, m->loads) < 0) {
        return -1;
    }
    ORM_COUNT(load_many_range);
    m->used = m->loads->range;
    values[0] = PyLong_FromLongLong(first);
    values[1] = PyLong_FromLongLong(last);
    return values[0] == NULL || values[1] == NULL ? -1 : 0;
}

int
orm_keys_run(many_run *m, orm_compiled **c, orm_result **r)
{
    PyObject *engine = orm_connection_engine(m->conn);
    orm_conn_facts facts = {0};
    orm_compile_opts how = {.dialect = orm_engine_driver(engine)->dialect};
    orm_run_opts run = {.mode = ORM_RUN_WHOLE};
    PyObject *values[2] = {NULL, NULL};
    orm_values vals;
    int rc = -1;

    if (orm_connection_facts(m->conn, &facts) < 0) {
        return -1;
    }
    how.schema_map = facts.schemas;
    how.flags = facts.schemas != NULL ? ORM_COMPILE_SCHEMA_MAP : 0;
    if (choose_statement(m, values) == 0
        && orm_compile_cached(m->st, orm_engine_cache(engine), m->used, &how, c, &vals) == 0) {
        for (uint32_t i = 0; i < vals.n; i++) {
            PyObject *mark = vals.v[i];

            if (mark == m->loads->many_mark || mark == m->loads->range_marks[0]) {
                vals.v[i] = values[0];
            }
            else if (mark == m->loads->range_marks[1]) {
                vals.v[i] = values[1];
            }
        }
        rc = orm_exec_run(m->conn, *c, vals.v, vals.n, &run, r);
        orm_values_fini(&vals);
        if (rc < 0) {
            Py_CLEAR(*c);
        }
    }
    Py_XDECREF(values[0]);
    Py_XDECREF(values[1]);
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

int
orm_keys_open(orm_loader *l, const many_run *m, orm_compiled *c, orm_result *r)
{
    return loader_open(l, m->s, c, r, m->used, m->above);
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
