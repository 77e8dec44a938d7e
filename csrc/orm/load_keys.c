/*
 * orm/load_keys.c - the rows of many keys: by a list, or by a range.
 *
 * Place: load_many.c, which knows whose keys they are; orm_load_list also for lazy.c.
 * The IN list is the one value that is not the statement's own; it has one shape for every
 *   length on PostgreSQL (an array), and a padded one on SQLite.
 * Range: whole numbers without a gap between them are asked for as `key BETWEEN first AND last`:
 *   the rows are the same, and the database finds them at once, where it plans each key of a list
 *   and looks for it. SQLite stores 5.5 and '7x' also in columns of whole numbers: such a row is
 *   in the range and not in the list, so it is passed over before it becomes an instance.
 */
#include <math.h>

#include "orm/load_many.h"

/* Keys from which on a range is asked for: fewer are as fast, and easier to read in a log. */
enum { LEAST_RANGE = 32 };

bool
orm_keys_are_range(const many_run *m, uint64_t width, uint64_t n)
{
    return n >= LEAST_RANGE && width == n - 1 && m->loads->make_range != NULL;
}

bool
orm_keys_lack(const many_run *m, const orm_loader *l, const orm_cell *cell)
{
    if (l->dec->dialect != ORM_LITE || m->used == NULL || m->used != m->loads->range) {
        return false;
    }
    return cell->kind == ORM_V_REAL ? floor(cell->u.d) != cell->u.d : cell->kind > ORM_V_REAL;
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
    if (m->loads->subquery) {
        return 0;
    }
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

/* Keys, or what stands for those of the statement that is repeated, in the place of the marks. */
static void
place_values(const many_run *m, orm_values *vals, PyObject *const *values)
{
    PyObject *marks = m->loads->subquery ? m->above->marks : NULL;

    for (uint32_t i = 0; i < vals->n; i++) {
        PyObject *mark = vals->v[i];

        for (Py_ssize_t k = 0; marks != NULL && k < PyTuple_GET_SIZE(marks); k += 2) {
            if (mark == PyTuple_GET_ITEM(marks, k)) {
                vals->v[i] = PyTuple_GET_ITEM(marks, k + 1);
            }
        }
        if (values[0] == NULL) {
            continue;
        }
        if (mark == m->loads->many_mark || mark == m->loads->range_marks[0]) {
            vals->v[i] = values[0];
        }
        else if (mark == m->loads->range_marks[1]) {
            vals->v[i] = values[1];
        }
    }
}

/* m->marks, if a load that goes along repeats this statement. 0 / -1. */
static int
keep_marks(many_run *m, const orm_compiled *c, PyObject *const *values)
{
    const orm_relloads *loads = m->loads;
    PyObject *marks = NULL;

    if (c->load == NULL || !orm_plan_has_subquery(c->load)) {
        return 0;
    }
    marks = loads->subquery ? Py_XNewRef(m->above->marks)
            : values[1] == NULL
                ? PyTuple_Pack(2, loads->many_mark, values[0])
                : PyTuple_Pack(4, loads->range_marks[0], values[0], loads->range_marks[1], values[1]);
    Py_XSETREF(m->marks, marks);
    return marks == NULL && PyErr_Occurred() ? -1 : 0;
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
    run.params = m->loads->subquery ? m->above->params : NULL;
    if (choose_statement(m, values) == 0
        && orm_compile_cached(m->st, orm_engine_cache(engine), m->used, &how, c, &vals) == 0) {
        place_values(m, &vals, values);
        rc = keep_marks(m, *c, values);
        rc = rc < 0 ? -1 : orm_exec_run(m->conn, *c, vals.v, vals.n, &run, r);
        orm_values_fini(&vals);
        if (rc < 0) {
            Py_CLEAR(*c);
        }
    }
    Py_XDECREF(values[0]);
    Py_XDECREF(values[1]);
    return rc;
}

PyObject *
orm_keys_ask(many_run *m)
{
    bool around = m->loads->subquery;
    PyObject *params = around ? Py_XNewRef(m->above->params) : PyDict_New();
    PyObject *along = Py_BuildValue("OO", m->path,
                                    m->loads->origin == NULL ? Py_None : m->loads->origin);
    PyObject *result = NULL;

    if (along != NULL && (around || (params != NULL
                                     && PyDict_SetItemString(params, "primary_keys", m->keys) == 0))) {
        result = m->s->ops->run_along(m->s, m->rel->target, (PyObject *)m->loads->many, params,
                                      m->path, m->above->options, along);
    }
    Py_XDECREF(along);
    Py_XDECREF(params);
    return result;
}

/* A loader with the facts of `like`, which borrows them. 0 / -1; fini in any case. */
static int
loader_open(orm_loader *l, orm_session *s, orm_compiled *c, orm_result *r, const orm_loader *like)
{
    l->overwrite = like->overwrite;
    l->token = Py_XNewRef(like->token);
    l->statement = Py_XNewRef(like->statement);
    l->marks = Py_XNewRef(like->marks);
    l->params = Py_XNewRef(like->params);
    l->origin = Py_XNewRef(like->origin);
    return orm_loader_init(l, s, c, r);
}

/* What the loader of this run is to know, borrowed. */
static orm_loader
facts_of(const many_run *m)
{
    const orm_loader *above = m->above;

    return (orm_loader){.overwrite = above != NULL && above->overwrite,
                        .token = above == NULL ? NULL : above->token,
                        .statement = (PyObject *)m->used,
                        .marks = m->marks,
                        .params = m->loads->subquery ? above->params : NULL,
                        .origin = m->loads->origin};
}

int
orm_keys_open(orm_loader *l, const many_run *m, orm_compiled *c, orm_result *r)
{
    orm_loader like = facts_of(m);

    return loader_open(l, m->s, c, r, &like);
}

/* orm_load_list, without the rows that are not meant. */
static PyObject *load_list(orm_session *s, orm_compiled *c, orm_result *r, const orm_loader *like,
                           const many_run *m);

PyObject *
orm_keys_list(const many_run *m, orm_compiled *c, orm_result *r)
{
    orm_loader like = facts_of(m);

    return load_list(m->s, c, r, &like, m);
}

const orm_entplan *
orm_rows_entity(const orm_load_plan *plan)
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

static PyObject *
load_list(orm_session *s, orm_compiled *c, orm_result *r, const orm_loader *like, const many_run *m)
{
    orm_loader l = {0};
    orm_ptrmap seen;
    PyObject *list = PyList_New(0);
    const orm_cell *cells = NULL;
    int rc = loader_open(&l, s, c, r, like) < 0 || list == NULL ? -1 : 1;

    orm_ptrmap_init(&seen);
    while (rc > 0 && (rc = orm_result_next(l.r, &cells)) > 0) {
        PyObject *obj = NULL;
        const orm_entplan *p = orm_rows_entity(l.plan);

        l.row++;
        if (m != NULL && orm_keys_lack(m, &l, &cells[p->ident[0]])) {
            rc = 1;
            continue;
        }
        obj = orm_loader_entity(&l, p, cells);
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

PyObject *
orm_load_list(orm_session *s, orm_compiled *c, orm_result *r, const orm_loader *like)
{
    return load_list(s, c, r, like, NULL);
}
