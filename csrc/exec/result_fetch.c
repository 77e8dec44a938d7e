/*
 * result_fetch.c - from a source's rows to what the user gets: views, uniqueness, buffering.
 *
 * Place: below the methods of the Result family (result_type.c), above the sources (Core's
 *   cursor, orm/'s loader, an iterable).
 * Flow: source -> buffer (only when rows are asked for one by one) -> unique -> view.
 *   Where all rows are asked for at once there is no buffer and, for a scalar view, no Row.
 * Invariant: the buffer holds Rows of the source's shape (bare values where the source has
 *   one column), so that any view may read on where another one stopped.
 */
#include "result_int.h"

/* Rows fetched ahead when the user reads one by one. */
#define AHEAD 64

int
orm_result_check(ResultObject *r)
{
    if (r->no_rows) {
        return orm_raise_exc(r->head.st, ORM_EXC_ResourceClosedError,
                             "This result object does not return rows. It has been closed "
                             "automatically.");
    }
    if (r->closed) {
        return orm_raise_exc(r->head.st, ORM_EXC_ResourceClosedError,
                             "This result object is closed.");
    }
    return 0;
}

void
orm_result_end(ResultObject *r, bool hard)
{
    const orm_source *source = r->source;
    void *self = r->self;

    if (hard) {
        r->closed = true;
        Py_CLEAR(r->buffer);
    }
    if (r->reading) {
        r->ending = true; /* from another thread, or from what the source calls */
        return;
    }
    if (source != NULL) {
        if (source->rowcount != NULL) {
            r->rowcount = source->rowcount(self);
        }
        r->source = NULL;
        r->self = NULL;
        source->close(self);
    }
}

/* ---- views ---- */

void
orm_view_clear(orm_view *v)
{
    Py_CLEAR(v->seen);
    Py_CLEAR(v->strategy);
    Py_CLEAR(v->shape);
    PyMem_Free(v->pick);
    v->pick = NULL;
}

int
orm_view_traverse(orm_view *v, visitproc visit, void *arg)
{
    Py_VISIT(v->seen);
    Py_VISIT(v->strategy);
    Py_VISIT(v->shape);
    return 0;
}

int
orm_view_copy(orm_view *to, const orm_view *from)
{
    *to = *from;
    to->pick = NULL;
    if (from->pick != NULL) {
        to->pick = PyMem_Malloc(sizeof(int32_t) * (size_t)from->npick);
        if (to->pick == NULL) {
            memset(to, 0, sizeof(*to));
            PyErr_NoMemory();
            return -1;
        }
        memcpy(to->pick, from->pick, sizeof(int32_t) * (size_t)from->npick);
    }
    Py_XINCREF(to->shape);
    Py_XINCREF(to->strategy);
    to->seen = NULL; /* each view remembers for itself */
    return 0;
}

/* What two equal items have in common: entities by identity, everything else by value. */
static PyObject *
unique_key(ResultObject *r, const orm_view *v, PyObject *item)
{
    PyObject *key = NULL;
    Py_ssize_t n;

    if (v->strategy != NULL) {
        return PyObject_CallOneArg(v->strategy, item);
    }
    if (r->by_identity == NULL) {
        return Py_NewRef(item);
    }
    if (v->kind == ORM_VIEW_SCALAR) {
        return r->by_identity[v->column] ? PyLong_FromVoidPtr(item) : Py_NewRef(item);
    }
    n = PyTuple_GET_SIZE(item);
    key = PyTuple_New(n);
    for (Py_ssize_t i = 0; key != NULL && i < n; i++) {
        PyObject *value = PyTuple_GET_ITEM(item, i); /* borrow-ok: item owns it */
        Py_ssize_t at = v->pick != NULL ? v->pick[i] : i;

        value = r->by_identity[at] ? PyLong_FromVoidPtr(value) : Py_NewRef(value);
        if (value == NULL) {
            Py_CLEAR(key);
        }
        else {
            PyTuple_SET_ITEM(key, i, value);
        }
    }
    return key;
}

/* 1: not seen before, and noted; 0: seen; -1. */
static int
note_unique(ResultObject *r, orm_view *v, PyObject *item)
{
    PyObject *key = NULL;
    int known = -1;

    if (v->seen == NULL && (v->seen = PySet_New(NULL)) == NULL) {
        return -1;
    }
    key = unique_key(r, v, item);
    if (key != NULL) {
        known = PySet_Contains(v->seen, key);
        if (known == 0 && PySet_Add(v->seen, key) < 0) {
            known = -1;
        }
        Py_DECREF(key);
    }
    return known < 0 ? -1 : !known;
}

static PyObject *
pick_columns(const orm_view *v, PyObject *row)
{
    PyObject *made = orm_row_new((PyObject *)v->shape, v->npick);

    for (Py_ssize_t i = 0; made != NULL && i < v->npick; i++) {
        PyTuple_SET_ITEM(made, i, Py_NewRef(PyTuple_GET_ITEM(row, v->pick[i])));
    }
    if (made != NULL) {
        orm_row_done(made);
    }
    return made;
}

/* The part of a row that the view is about; a new reference. MAPPING follows after unique. */
static PyObject *
narrow(const orm_view *v, PyObject *row)
{
    if (v->kind == ORM_VIEW_SCALAR) {
        return Py_NewRef(PyTuple_GET_ITEM(row, v->column));
    }
    return v->pick != NULL ? pick_columns(v, row) : Py_NewRef(row);
}

/* The same for an item of the buffer, which is a bare value where there is one column. */
static PyObject *
narrow_ahead(ResultObject *r, const orm_view *v, PyObject *item)
{
    PyObject *row = NULL;
    PyObject *part = NULL;

    if (r->ncols != 1) {
        return narrow(v, item);
    }
    if (v->kind == ORM_VIEW_SCALAR) {
        return Py_NewRef(item);
    }
    row = orm_row_new((PyObject *)r->shape, 1);
    if (row != NULL) {
        PyTuple_SET_ITEM(row, 0, Py_NewRef(item));
        orm_row_done(row);
        part = narrow(v, row);
        Py_DECREF(row);
    }
    return part;
}

/* Last step, steals `item`. */
static PyObject *
finish_steal(orm_state *st, const orm_view *v, PyObject *item)
{
    PyObject *made = item;

    if (v->kind == ORM_VIEW_MAPPING) {
        made = orm_rowmap_new(st, item);
        Py_DECREF(item);
    }
    else if (v->kind == ORM_VIEW_TUPLE) {
        made = PyTuple_GetSlice(item, 0, PyTuple_GET_SIZE(item));
        Py_DECREF(item);
    }
    return made;
}

static int
require_unique(ResultObject *r, const orm_view *v)
{
    if ((r->flags & ORM_RESULT_NEEDS_UNIQUE) && !v->unique) {
        return orm_raise_exc(r->head.st, ORM_EXC_InvalidRequestError,
                             "The unique() method must be invoked on this Result, as it contains "
                             "results that include joined eager loads against collections");
    }
    return 0;
}

/* ---- pulling ---- */

/* Append up to n raw items (-1: all) of the source to `into`. column: as orm_source.fetch.
 * 0 / -1; the source is released at its end. */
static int
pull(ResultObject *r, PyObject *into, Py_ssize_t n, Py_ssize_t column)
{
    int rc;

    if (r->source == NULL) {
        return 0;
    }
    if (r->reading) {
        return orm_raise_exc(r->head.st, ORM_EXC_InvalidRequestError,
                             "This result is being read already, by another thread or by the "
                             "caller of this function; give each reader a result of its own");
    }
    r->reading = true;
    rc = r->source->fetch(r->self, into, n, column);
    r->reading = false;
    if (rc > 0 && r->ending) {
        rc = r->closed ? orm_result_check(r) : 0;
    }
    r->ending = false;
    if (rc <= 0) {
        PyObject *live = rc < 0 ? PyErr_GetRaisedException() : NULL;

        orm_result_end(r, false);
        if (live != NULL) {
            PyErr_SetRaisedException(live);
        }
    }
    return rc < 0 ? -1 : 0;
}

/* The next item of the buffer, filled where it is empty; 1, 0, -1. */
static int
next_row(ResultObject *r, PyObject **row)
{
    *row = NULL;
    if (r->buffer == NULL || r->at >= PyList_GET_SIZE(r->buffer)) {
        PyObject *fresh = NULL;

        if (r->source == NULL) {
            Py_CLEAR(r->buffer);
            return 0;
        }
        fresh = PyList_New(0);
        if (fresh == NULL
            || pull(r, fresh, r->ahead > 0 ? r->ahead : AHEAD, r->ncols == 1 ? 0 : -1) < 0) {
            Py_XDECREF(fresh);
            return -1;
        }
        Py_XSETREF(r->buffer, fresh);
        r->at = 0;
        if (PyList_GET_SIZE(fresh) == 0) {
            return 0;
        }
    }
    *row = Py_NewRef(PyList_GET_ITEM(r->buffer, r->at));
    r->at++;
    return 1;
}

int
orm_view_next(ResultHead *h, PyObject **item)
{
    ResultObject *r = h->real;
    orm_view *v = &h->view;
    PyObject *row = NULL;
    int rc = orm_result_check(r);

    *item = NULL;
    if (rc < 0 || require_unique(r, v) < 0) {
        return -1;
    }
    while ((rc = next_row(r, &row)) > 0) {
        PyObject *part = narrow_ahead(r, v, row);

        Py_DECREF(row);
        if (part == NULL) {
            return -1;
        }
        if (v->unique && (rc = note_unique(r, v, part)) <= 0) {
            Py_DECREF(part);
            if (rc < 0) {
                return -1;
            }
            continue;
        }
        *item = finish_steal(h->st, v, part);
        return *item == NULL ? -1 : 1;
    }
    return rc;
}

/* Everything at once: straight from the source, no Row for a scalar view. */
static PyObject *
take_all(ResultHead *h)
{
    ResultObject *r = h->real;
    orm_view *v = &h->view;
    bool scalar = v->kind == ORM_VIEW_SCALAR;
    bool raw = !v->unique && (scalar || (v->kind == ORM_VIEW_ROW && v->pick == NULL));
    PyObject *list = PyList_New(0);
    Py_ssize_t kept = 0;

    if (list == NULL || pull(r, list, -1, scalar ? v->column : -1) < 0) {
        Py_XDECREF(list);
        return NULL;
    }
    if (raw) {
        return list;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *item = PyList_GET_ITEM(list, i); /* borrow-ok: list owns it */
        int fresh = 1;

        item = scalar ? Py_NewRef(item) : narrow(v, item);
        if (item != NULL && v->unique) {
            fresh = note_unique(r, v, item);
        }
        if (item != NULL && fresh > 0) {
            item = finish_steal(h->st, v, item);
        }
        if (item == NULL || fresh < 0) {
            Py_XDECREF(item);
            Py_DECREF(list);
            return NULL;
        }
        if (fresh > 0) {
            PyList_SetItem(list, kept++, item); /* kept <= i: nothing unread is dropped */
        }
        else {
            Py_DECREF(item);
        }
    }
    if (PyList_SetSlice(list, kept, PyList_GET_SIZE(list), NULL) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

PyObject *
orm_view_take(ResultHead *h, Py_ssize_t n)
{
    ResultObject *r = h->real;
    PyObject *list = NULL;
    PyObject *item = NULL;
    int rc = 0;

    if (orm_result_check(r) < 0 || require_unique(r, &h->view) < 0) {
        return NULL;
    }
    if (n < 0 && r->yield_per == 0
        && (r->buffer == NULL || r->at >= PyList_GET_SIZE(r->buffer))) {
        return take_all(h);
    }
    list = PyList_New(0);
    while (list != NULL && (n < 0 || PyList_GET_SIZE(list) < n)
           && (rc = orm_view_next(h, &item)) > 0) {
        rc = PyList_Append(list, item);
        Py_DECREF(item);
        if (rc < 0) {
            break;
        }
    }
    if (rc < 0) {
        Py_CLEAR(list);
    }
    return list;
}
