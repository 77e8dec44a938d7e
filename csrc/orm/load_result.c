/*
 * orm/load_result.c - the rows of a statement with entities as a Python Result.
 *
 * Place: session/ runs a compiled statement here; exec/'s Result asks the source for items.
 * Reading: without yield_per and stream_results everything is read at the first fetch, so that
 *   the connection is free afterwards and no instance can vanish between two rows; else each
 *   fetch reads as many rows as were asked for, and what was handed out is held by the user
 *   alone.
 * Items: the bare value where the rows have one column, a Row else; no Python frame per row.
 */
#include "orm/load_int.h"
#include "orm/relation.h"
#include "py/collector.h"

typedef struct load_source {
    orm_loader l;
    bool batches;     /* yield_per or stream_results */
    bool started;     /* the first fetch was made */
    PyObject *ready;  /* owned list of items read ahead of being asked for, or NULL */
    Py_ssize_t at;    /* next item of ready */
} load_source;

/* --- reading ------------------------------------------------------------------------------ */

/* A Row of the current row's values. New reference. */
static PyObject *
make_row(orm_loader *l, const orm_cell *cells)
{
    orm_load_plan *plan = l->plan;
    uint32_t n = plan->nroots;
    PyObject *few[16];
    PyObject **values = n <= 16 ? few : PyMem_Malloc(n * sizeof(*values));
    PyObject *row = NULL;
    uint32_t made = 0;

    if (values == NULL) {
        return PyErr_NoMemory();
    }
    /* Values first: making them runs Python, which must not see a Row with empty cells. */
    for (; made < n; made++) {
        values[made] = orm_loader_root(l, &plan->roots[made], cells);
        if (values[made] == NULL) {
            break;
        }
    }
    row = made < n ? NULL : orm_row_new(plan->shape, n);
    if (row == NULL) {
        orm_loader_failed(l);
    }
    for (uint32_t i = 0; i < made; i++) {
        if (row != NULL) {
            PyTuple_SET_ITEM(row, i, values[i]);
        }
        else {
            Py_DECREF(values[i]);
        }
    }
    if (row != NULL) {
        orm_row_done(row);
    }
    if (values != few) {
        PyMem_Free(values);
    }
    return row;
}

/* One column of the current row, the others loaded and dropped. New reference. */
static PyObject *
one_of_row(orm_loader *l, const orm_cell *cells, Py_ssize_t column)
{
    uint32_t from = l->nfresh;
    PyObject *kept = NULL;
    const orm_head *h = NULL;

    for (uint32_t i = 0; i < l->plan->nroots; i++) {
        PyObject *v = orm_loader_root(l, &l->plan->roots[i], cells);

        if (v == NULL) {
            orm_loader_failed(l);
            Py_XDECREF(kept);
            return NULL;
        }
        if (i == (uint32_t)column) {
            kept = v;
            h = v != Py_None && l->plan->roots[i].is_entity ? orm_head_of(l->st, v) : NULL;
        }
        else {
            orm_loader_drop(l, from, h);
            Py_DECREF(v);
        }
    }
    return kept;
}

/* Append up to n rows (-1: all) as items. 1 there may be more, 0 the end, -1. */
static int
read_rows(load_source *s, PyObject *into, Py_ssize_t n, Py_ssize_t column)
{
    orm_loader *l = &s->l;
    orm_load_plan *plan = l->plan;
    bool single = plan->nroots == 1 && column >= 0;
    const orm_entplan *only =
        single && plan->roots[0].is_entity ? &plan->ents[plan->roots[0].index] : NULL;
    const orm_cell *cells = NULL;
    int collects = s->batches ? 0 : orm_gc_pause();
    int rc = 1;

    for (Py_ssize_t i = 0; n < 0 || i < n; i++) {
        PyObject *item = NULL;

        rc = orm_result_next(l->r, &cells);
        if (rc <= 0) {
            break;
        }
        l->row++;
        if (only != NULL) {
            item = orm_loader_entity(l, only, cells);
        }
        else if (single) {
            item = orm_loader_root(l, &plan->roots[0], cells);
        }
        else {
            item = column < 0 ? make_row(l, cells) : one_of_row(l, cells, column);
        }
        rc = item == NULL ? -1 : PyList_Append(into, item);
        if (rc < 0) {
            orm_loader_failed(l);
            Py_XDECREF(item);
            break;
        }
        Py_DECREF(item);
        rc = 1;
    }
    orm_result_settle(l->r);
    if (rc < 0) {
        orm_loader_failed(l);
    }
    else if (orm_loader_batch_done(l) < 0) {
        rc = -1;
    }
    orm_gc_resume(collects);
    return rc;
}

/* An item of `ready` in the form that is asked for. New reference. */
static PyObject *
convert(load_source *s, PyObject *item, Py_ssize_t column)
{
    PyObject *row = NULL;

    if (s->l.plan->nroots > 1) {
        return Py_NewRef(column < 0 ? item : PyTuple_GET_ITEM(item, column));
    }
    if (column >= 0) {
        return Py_NewRef(item);
    }
    row = orm_row_new(s->l.plan->shape, 1);
    if (row != NULL) {
        PyTuple_SET_ITEM(row, 0, Py_NewRef(item));
        orm_row_done(row);
    }
    return row;
}

/* Hand out what was read ahead. 1 / 0 / -1. */
static int
hand_out(load_source *s, PyObject *into, Py_ssize_t n, Py_ssize_t column)
{
    Py_ssize_t left = PyList_GET_SIZE(s->ready) - s->at;
    Py_ssize_t end = n < 0 || n > left ? PyList_GET_SIZE(s->ready) : s->at + n;

    for (; s->at < end; s->at++) {
        PyObject *item = convert(s, PyList_GET_ITEM(s->ready, s->at), column);
        int rc = item == NULL ? -1 : PyList_Append(into, item);

        Py_XDECREF(item);
        if (rc < 0) {
            return -1;
        }
    }
    return s->at < PyList_GET_SIZE(s->ready);
}

static int
fetch_inside(load_source *s, PyObject *into, Py_ssize_t n, Py_ssize_t column)
{
    int rc;

    if (s->batches) {
        return read_rows(s, into, n, column);
    }
    if (s->started) {
        return hand_out(s, into, n, column);
    }
    s->started = true;
    if (n < 0) {
        return read_rows(s, into, -1, column);
    }
    s->ready = PyList_New(0);
    rc = s->ready == NULL ? -1 : read_rows(s, s->ready, -1, s->l.plan->nroots == 1 ? 0 : -1);
    return rc < 0 ? -1 : hand_out(s, into, n, column);
}

static int
source_fetch(void *self, PyObject *into, Py_ssize_t n, Py_ssize_t column)
{
    load_source *s = self;
    orm_session *owner = s->l.s;
    int rc;

    if (owner->ops->enter(owner) < 0) {
        return -1;
    }
    rc = fetch_inside(s, into, n, column);
    owner->ops->leave(owner);
    return rc;
}

static void
source_close(void *self)
{
    load_source *s = self;

    orm_loader_fini(&s->l);
    Py_CLEAR(s->ready);
    PyMem_Free(s);
}

static int
source_traverse(void *self, visitproc visit, void *arg)
{
    load_source *s = self;

    Py_VISIT(s->l.owner);
    Py_VISIT(s->l.compiled);
    Py_VISIT(s->l.token);
    Py_VISIT(s->l.context);
    Py_VISIT(s->l.statement);
    Py_VISIT(s->l.later);
    Py_VISIT(s->l.params);
    Py_VISIT(s->l.origin);
    Py_VISIT(s->l.path);
    Py_VISIT(s->l.options);
    Py_VISIT(s->ready);
    return 0;
}

static const orm_source load_source_ops = {
    .fetch = source_fetch,
    .close = source_close,
    .traverse = source_traverse,
};

/* --- running ------------------------------------------------------------------------------ */

/* What execution options say of loading. */
typedef struct load_options {
    Py_ssize_t yield_per; /* 0: not given */
    bool stream;          /* stream_results */
    bool overwrite;       /* populate_existing */
    PyObject *token;      /* owned, or NULL */
} load_options;

/* A truth value among the options; 0 where it is not given. -1 exception. */
static int
option_true(PyObject *options, PyObject *name)
{
    PyObject *v = NULL;
    int rc = PyDict_GetItemRef(options, name, &v);

    if (rc > 0) {
        rc = PyObject_IsTrue(v);
        Py_DECREF(v);
    }
    return rc;
}

static int
read_options(orm_state *st, PyObject *options, load_options *out)
{
    PyObject *v = NULL;
    int rc;

    *out = (load_options){0};
    if (options == NULL || options == Py_None || PyDict_GET_SIZE(options) == 0) {
        return 0;
    }
    rc = PyDict_GetItemRef(options, st->s_yield_per, &v);
    if (rc > 0 && v != Py_None) {
        out->yield_per = PyNumber_AsSsize_t(v, PyExc_OverflowError);
        rc = out->yield_per == -1 && PyErr_Occurred() ? -1 : 1;
    }
    Py_XDECREF(v);
    if (rc >= 0) {
        rc = option_true(options, st->s_stream_results);
        out->stream = rc > 0 || out->yield_per > 0;
    }
    if (rc >= 0) {
        rc = option_true(options, st->s_populate_existing);
        out->overwrite = rc > 0;
    }
    if (rc >= 0) {
        rc = PyDict_GetItemRef(options, st->s_identity_token, &out->token);
    }
    if (rc >= 0 && out->token == Py_None) {
        Py_CLEAR(out->token);
    }
    return rc < 0 ? -1 : 0;
}

/* What a load of relationships that went through listeners knows: (path, origin or None). 0 / -1. */
static int
read_along(orm_state *st, PyObject *options, orm_loader *l)
{
    PyObject *along = NULL;
    int rc = options == NULL || options == Py_None
                 ? 0
                 : PyDict_GetItemRef(options, st->s_along, &along);

    if (rc > 0 && PyTuple_Check(along) && PyTuple_GET_SIZE(along) == 2) {
        PyObject *origin = PyTuple_GET_ITEM(along, 1);

        l->path = Py_NewRef(PyTuple_GET_ITEM(along, 0));
        l->origin = origin == Py_None ? NULL : Py_NewRef(origin);
    }
    Py_XDECREF(along);
    return rc < 0 ? -1 : 0;
}

PyObject *
orm_load_result(orm_session *s, PyObject *conn, orm_compiled *c, PyObject *const *values,
                uint32_t nvalues, PyObject *statement, PyObject *params, PyObject *options)
{
    orm_state *st = orm_state_from_type(Py_TYPE(c));
    orm_load_plan *plan = c->load;
    load_options opts = {0};
    orm_run_opts run = {.params = params, .options = options, .statement = statement};
    load_source *source = NULL;
    orm_result *r = NULL;
    PyObject *result = NULL;

    if (st == NULL || read_options(st, options, &opts) < 0
        || (plan != NULL && orm_load_plan_shape(st, plan) == NULL)) {
        goto done;
    }
    if (plan != NULL && opts.yield_per > 0 && (plan->repeats || orm_plan_has_subquery(plan))) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "Can't use yield_per with eager loaders that require uniquing or row "
                      "buffering, e.g. joinedload() against collections or subqueryload().  "
                      "Consider the selectinload() strategy for better flexibility in loading "
                      "objects.");
        goto done;
    }
    run.mode = opts.stream ? ORM_RUN_STREAM : plan != NULL ? ORM_RUN_WHOLE : ORM_RUN_AUTO;
    if (orm_exec_run(conn, c, values, nvalues, &run, &r) < 0) {
        goto done;
    }
    if (plan == NULL) {
        result = orm_cursor_result(st, r, statement);
        goto done;
    }
    source = PyMem_Calloc(1, sizeof(*source));
    if (source == NULL) {
        orm_result_free(r);
        PyErr_NoMemory();
        goto done;
    }
    source->batches = opts.stream;
    source->l.overwrite = opts.overwrite;
    source->l.token = Py_XNewRef(opts.token); /* before: which keys are read fast hangs on it */
    source->l.streams = opts.stream;
    if (orm_loader_init(&source->l, s, c, r) < 0) {
        source_close(source);
        goto done;
    }
    source->l.statement = Py_XNewRef(statement);
    source->l.params = Py_XNewRef(params);
    source->l.options = options == Py_None ? NULL : Py_XNewRef(options);
    if (read_along(st, options, &source->l) < 0) {
        source_close(source);
        goto done;
    }
    result = orm_result_object(st, &load_source_ops, source, plan->shape, plan->by_identity,
                               opts.yield_per,
                               ORM_RESULT_ORM | (plan->nroots == 1 ? ORM_RESULT_SINGLE : 0)
                                   | (plan->repeats ? ORM_RESULT_NEEDS_UNIQUE : 0));
    if (result == NULL) {
        source_close(source);
    }
done:
    Py_XDECREF(opts.token);
    return result;
}
