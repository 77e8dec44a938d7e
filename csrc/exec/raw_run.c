/*
 * raw_run.c - sending statements to the driver, and running raw SQL with Python values.
 *
 * Place: the one place that calls driver->exec and driver->exec_many; run.c comes here with
 *   compiled statements and encoded parameters, raw SQL with values whose types are guessed
 *   from Python (a str is sent without a type: the server infers it).
 * Memory: parameters and a raw text live in the result's arena, until it is freed.
 */
#include "exec_int.h"

int
orm_result_send(orm_result *r, orm_conn *conn, const orm_sqltext *text, const orm_param *params,
                uint32_t nparams, uint8_t mode, orm_err *err)
{
    orm_call call = {.text = text,
                     .params = params,
                     .nparams = nparams,
                     .mode = mode,
                     .deadline = ORM_NEVER};
    orm_cursor *cursor = NULL;
    int rc = 1;

    if (r->driver->dialect == ORM_LITE
        && (text->flags & (ORM_TEXT_UNIQUE_GET | ORM_TEXT_BOUNDED))) {
        /* fast path: same answer as below; a statement of microseconds keeps the GIL. */
        call.mode = ORM_FETCH_DIRECT;
        rc = r->driver->exec(conn, &call, &cursor, err);
        r->direct = rc == 0;
        call.mode = mode;
    }
    if (rc > 0) {
        ORM_NOGIL_BEGIN
        rc = r->driver->exec(conn, &call, &cursor, err);
        ORM_NOGIL_END
    }
    if (rc < 0) {
        return 1;
    }
    return orm_result_open(r, cursor);
}

int
orm_result_send_many(orm_result *r, orm_conn *conn, const orm_sqltext *text,
                     const orm_param *params, uint32_t nparams, uint32_t nsets, int64_t *counts,
                     int64_t *lastrowids, bool want_rows, orm_err *err)
{
    orm_call call = {.text = text,
                     .params = params,
                     .nparams = nparams,
                     .mode = want_rows ? ORM_FETCH_BUFFER : ORM_FETCH_NONE,
                     .deadline = ORM_NEVER};
    orm_cursor *cursor = NULL;
    int rc;

    ORM_NOGIL_BEGIN
    rc = r->driver->exec_many(conn, &call, nsets, counts, lastrowids, want_rows ? &cursor : NULL,
                              err);
    ORM_NOGIL_END
    if (rc < 0) {
        return 1;
    }
    if (cursor == NULL) {
        r->ended = true;
        return 0;
    }
    return orm_result_open(r, cursor);
}

/* ---- raw values ---- */

static int
encode_raw(orm_bindctx *ctx, PyObject *value, orm_param *out)
{
    orm_type *type = orm_type_for_value(ctx->st, value);
    int rc = type == NULL ? -1 : orm_type_encode(ctx, type, value, out);

    if (rc == 0 && PyUnicode_Check(value)) {
        out->oid = 0;
    }
    Py_XDECREF(type);
    return rc;
}

static int
raise_count(orm_state *st, Py_ssize_t want, Py_ssize_t got)
{
    orm_err err;
    PyObject *exc = NULL;

    orm_err_init(&err);
    orm_err_set(&err, ORM_E_PROGRAMMING,
                "the statement has %zd placeholders, but %zd parameters were given", want, got);
    exc = orm_dberror_new(st, &err);
    orm_err_fini(&err);
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    return -1;
}

/* The value for one placeholder, a new reference. */
static PyObject *
value_for(PyObject *set, PyObject *what)
{
    if (PyLong_Check(what)) {
        return PySequence_GetItem(set, PyLong_AsSsize_t(what));
    }
    return PyObject_GetItem(set, what);
}

/* One set of parameters, in the order of the placeholders. 0 / -1. */
static int
encode_set(orm_bindctx *ctx, PyObject *order, PyObject *set, orm_param *params)
{
    Py_ssize_t n = PyTuple_GET_SIZE(order);
    bool named = n > 0 && PyUnicode_Check(PyTuple_GET_ITEM(order, 0));

    if (set != NULL && !PyDict_Check(set) && !PyMapping_Check(set) && !PySequence_Check(set)) {
        PyErr_Format(PyExc_TypeError, "parameters are a tuple, a list or a dict, not %.100s",
                     Py_TYPE(set)->tp_name);
        return -1;
    }
    if (set == NULL || (PySequence_Check(set) && !PyDict_Check(set))) {
        Py_ssize_t got = set == NULL ? 0 : PySequence_Size(set);

        if (got < 0) {
            return -1;
        }
        /* Named placeholders also take values in order, as SQLite's driver allows. */
        if (got != n) {
            return raise_count(ctx->st, n, got);
        }
        named = false;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *what = PyTuple_GET_ITEM(order, i); /* borrow-ok: order owns it */
        PyObject *value = NULL;
        int rc;

        if (named || (PyLong_Check(what) && !PyDict_Check(set))) {
            value = value_for(set, what);
        }
        else if (!PyDict_Check(set)) {
            value = PySequence_GetItem(set, i);
        }
        else {
            return raise_count(ctx->st, n, 0);
        }
        rc = value == NULL ? -1 : encode_raw(ctx, value, &params[i]);
        Py_XDECREF(value);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* All sets, into the result's arena. *nsets: how many. NULL: exception. */
static orm_param *
encode_all(orm_result *r, PyObject *order, PyObject *params, bool many, uint32_t *nsets)
{
    Py_ssize_t n = PyTuple_GET_SIZE(order);
    Py_ssize_t sets = many ? PySequence_Size(params) : 1;
    orm_bindctx ctx = {.st = r->st,
                       .arena = &r->arena,
                       .dialect = r->driver->dialect,
                       .stored = 1,
                       .lenient = r->dec.lenient,
                       .dialect_obj = r->dialect,
                       .json_dumps = r->owner != NULL ? r->owner->engine->json[0]
                                                      : r->db->json[0],
                       .row = -1};
    orm_param *out = NULL;

    if (sets < 0) {
        return NULL;
    }
    out = orm_arena_array(&r->arena, (size_t)(sets * n) + 1, sizeof(orm_param));
    if (out == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < sets; i++) {
        PyObject *set = many ? PySequence_GetItem(params, i) : Py_XNewRef(params);
        int rc;

        ctx.row = many ? i : -1;
        rc = many && set == NULL ? -1 : encode_set(&ctx, order, set, out + i * n);
        Py_XDECREF(set);
        if (rc < 0) {
            return NULL;
        }
    }
    *nsets = (uint32_t)sets;
    return out;
}

static int
raise_raw(orm_result *r, orm_err *err, PyObject *sql, PyObject *params, bool many)
{
    PyObject *exc = NULL;

    if (r->owner != NULL) {
        return orm_conn_raise(r->owner, err, sql, params, NULL, many);
    }
    if (err->code == ORM_E_SIGNAL && PyErr_Occurred()) {
        orm_err_fini(err);
        return -1;
    }
    exc = orm_dberror_new(r->st, err);
    orm_err_fini(err);
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    return -1;
}

/* Counts of a batch added up; -1 where one is unknown. */
static int64_t
total(const int64_t *counts, uint32_t n)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (counts[i] < 0) {
            return -1;
        }
        sum += counts[i];
    }
    return sum;
}

int
orm_raw_run(DBConnection *db, ConnectionObject *owner, PyObject *sql, PyObject *params, bool many,
            int look, uint8_t mode, orm_result **out)
{
    orm_state *st = db->st;
    orm_conn *conn = orm_dbconn_live(db);
    orm_result *r = conn == NULL ? NULL : orm_result_begin(st, owner, db);
    PyObject *text = NULL;
    PyObject *order = NULL;
    orm_param *encoded = NULL;
    uint32_t nsets = 1;
    orm_err err;
    int rc = -1;

    if (r == NULL) {
        return -1;
    }
    orm_err_init(&err);
    orm_dbconn_pin(db); /* values may run Python code, which may close it */
    if (orm_raw_prepare(st, sql, db->driver->dialect, db->style, look, &text, &order) < 0) {
        goto done;
    }
    r->text = orm_arena_dup(&r->arena, PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text));
    if (r->text == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    r->wire = (orm_sqltext){.sql = r->text, .len = (size_t)PyBytes_GET_SIZE(text)};
    r->wire.verb = (uint8_t)orm_sql_verb(r->wire.sql, r->wire.len);
    encoded = encode_all(r, order, params, many, &nsets);
    if (encoded == NULL) {
        if (owner != NULL) {
            orm_raise_in_statement(st, sql, params,
                                   owner->engine->hide_parameters ? ORM_RAISE_HIDE_PARAMETERS : 0);
        }
        goto done;
    }
    if (many) {
        int64_t *counts = orm_arena_array(&r->arena, (size_t)nsets + 1, sizeof(int64_t));

        if (counts == NULL) {
            PyErr_NoMemory();
            goto done;
        }
        rc = orm_result_send_many(r, conn, &r->wire, encoded, (uint32_t)PyTuple_GET_SIZE(order),
                                  nsets, counts, NULL, false, &err);
        r->rowcount = rc == 0 ? total(counts, nsets) : -1;
    }
    else {
        rc = orm_result_send(r, conn, &r->wire, encoded, (uint32_t)PyTuple_GET_SIZE(order), mode,
                             &err);
    }
    if (rc > 0) {
        rc = raise_raw(r, &err, sql, params, many);
    }
    else if (rc == 0 && owner != NULL) {
        rc = orm_conn_still(owner, conn);
    }

done:
    Py_XDECREF(text);
    Py_XDECREF(order);
    if (rc < 0) {
        orm_result_free(r);
    }
    else {
        *out = r;
    }
    orm_dbconn_unpin(db);
    return rc < 0 ? -1 : 0;
}
