/*
 * coretest/pg.c - the PostgreSQL driver as pytest sees it.
 *
 * Place: tests/driver/test_pg_*.py drive the vtable of csrc/driver/pg_*.c through these
 *   functions, with nothing in between: connections and cursors are capsules, parameters
 *   text or None, cells bytes or None. A failed call raises RuntimeError with the fields of
 *   the orm_err in a dict.
 * GIL: released around every call that can wait, as exec/ does.
 */
#include <libpq-fe.h>

#include "coretest/coretest.h"
#include "driver/driver.h"

#define CONN "pg_conn"
#define CURSOR "pg_cursor"
#define MAX_PARAMS 16

static PyObject *
raise_err(orm_err *err)
{
    PyObject *fields = Py_BuildValue(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:O,s:L}", "code", orm_code_name(err->code), "sqlstate",
        err->sqlstate, "message", orm_err_message(err), "detail",
        orm_err_text(err, ORM_TEXT_DETAIL), "table", orm_err_text(err, ORM_TEXT_TABLE), "column",
        orm_err_text(err, ORM_TEXT_COLUMN), "constraint",
        orm_err_text(err, ORM_TEXT_CONSTRAINT), "lost", err->lost ? Py_True : Py_False, "row",
        (long long)err->row);
    if (fields != NULL) {
        PyErr_SetObject(PyExc_RuntimeError, fields);
        Py_DECREF(fields);
    }
    orm_err_fini(err);
    return NULL;
}

static orm_conn *
conn_of(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, CONN);
}

static orm_mono
deadline_of(double seconds)
{
    return seconds < 0 ? ORM_NEVER : orm_mono_after(seconds);
}

PyDoc_STRVAR(open_doc, "pg_open($module, pairs, seconds)\n--\n\n"
                       "Connect with the (key, value) pairs; the capsule of the connection.");

static PyObject *
pg_open(PyObject *Py_UNUSED(m), PyObject *args)
{
    PyObject *pairs;
    double seconds;
    const char *keys[MAX_PARAMS], *values[MAX_PARAMS];
    orm_conn *conn = NULL;
    orm_err err;
    int rc;

    if (!PyArg_ParseTuple(args, "O!d", &PyTuple_Type, &pairs, &seconds)) {
        return NULL;
    }
    orm_dsn dsn = {keys, values, (uint32_t)PyTuple_GET_SIZE(pairs)};
    for (uint32_t i = 0; i < dsn.n && i < MAX_PARAMS; i++) {
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(pairs, i), "ss", &keys[i], &values[i])) {
            return NULL;
        }
    }
    orm_err_init(&err);
    Py_BEGIN_ALLOW_THREADS
    rc = orm_driver_pg()->open(&dsn, deadline_of(seconds), NULL, &conn, &err);
    Py_END_ALLOW_THREADS
    if (rc < 0) {
        return raise_err(&err);
    }
    orm_err_fini(&err);
    return PyCapsule_New(conn, CONN, NULL);
}

/* Text parameters of one execution; the strings stay owned by the tuple. */
static int
bind(PyObject *params, orm_param *out)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(params); i++) {
        PyObject *v = PyTuple_GET_ITEM(params, i);
        out[i] = (orm_param){.kind = ORM_V_NULL};
        if (v != Py_None) {
            Py_ssize_t n;
            out[i].u.p = PyUnicode_AsUTF8AndSize(v, &n); /* utf8-ok: the tests own them */
            if (out[i].u.p == NULL) {
                return -1;
            }
            out[i].kind = ORM_V_TEXT;
            out[i].len = (int32_t)n;
        }
    }
    return 0;
}

/* Append the rows of a batch to a list. */
static int
append_rows(const orm_batch *batch, PyObject *list)
{
    orm_cell cells[64];

    for (uint32_t i = 0; i < batch->nrows; i++) {
        const orm_cell *row = orm_driver_pg()->row(batch, i, cells);
        PyObject *tuple = PyTuple_New(batch->ncols);
        for (uint32_t k = 0; tuple != NULL && k < batch->ncols; k++) {
            PyObject *v = row[k].kind == ORM_V_NULL
                              ? Py_NewRef(Py_None)
                              : PyBytes_FromStringAndSize(row[k].p, row[k].len);
            if (v == NULL) {
                Py_CLEAR(tuple);
                break;
            }
            PyTuple_SET_ITEM(tuple, k, v);
        }
        if (tuple == NULL || PyList_Append(list, tuple) < 0) {
            Py_XDECREF(tuple);
            return -1;
        }
        Py_DECREF(tuple);
    }
    return 0;
}

PyDoc_STRVAR(exec_doc, "pg_exec($module, conn, sql, params, id, flags, mode, seconds)\n--\n\n"
                       "Run one statement; the capsule of its cursor.");

static PyObject *
pg_exec(PyObject *Py_UNUSED(m), PyObject *args)
{
    PyObject *capsule, *params;
    const char *sql;
    Py_ssize_t len;
    unsigned long long id;
    int flags, mode, rc;
    double seconds;
    orm_param bound[MAX_PARAMS];
    orm_cursor *cursor = NULL;
    orm_err err;

    if (!PyArg_ParseTuple(args, "Os#O!Kiid", &capsule, &sql, &len, &PyTuple_Type, &params, &id,
                          &flags, &mode, &seconds)) {
        return NULL;
    }
    orm_conn *conn = conn_of(capsule);
    if (conn == NULL || bind(params, bound) < 0) {
        return NULL;
    }
    orm_sqltext text = {.sql = sql, .len = (size_t)len, .id = id, .flags = (uint8_t)flags};
    orm_call call = {.text = &text,
                     .params = bound,
                     .nparams = (uint32_t)PyTuple_GET_SIZE(params),
                     .mode = (uint8_t)mode,
                     .deadline = deadline_of(seconds)};
    orm_err_init(&err);
    Py_BEGIN_ALLOW_THREADS
    rc = orm_driver_pg()->exec(conn, &call, &cursor, &err);
    Py_END_ALLOW_THREADS
    if (rc < 0) {
        return raise_err(&err);
    }
    orm_err_fini(&err);
    return PyCapsule_New(cursor, CURSOR, NULL);
}

PyDoc_STRVAR(fetch_doc, "pg_fetch($module, cursor)\n--\n\n(rows, last) of the next batch.");

static PyObject *
pg_fetch(PyObject *Py_UNUSED(m), PyObject *capsule)
{
    orm_cursor *cursor = PyCapsule_GetPointer(capsule, CURSOR);
    orm_batch batch;
    orm_err err;
    int rc;

    if (cursor == NULL) {
        return NULL;
    }
    orm_err_init(&err);
    Py_BEGIN_ALLOW_THREADS
    rc = orm_driver_pg()->fetch(cursor, 0, &batch, &err);
    Py_END_ALLOW_THREADS
    if (rc < 0) {
        return raise_err(&err);
    }
    orm_err_fini(&err);
    PyObject *rows = PyList_New(0);
    if (rows == NULL || append_rows(&batch, rows) < 0) {
        Py_XDECREF(rows);
        return NULL;
    }
    return Py_BuildValue("NO", rows, batch.last ? Py_True : Py_False);
}

PyDoc_STRVAR(skim_doc, "pg_skim($module, cursor)\n--\n\n"
                       "Read to the end without keeping anything: (rows, batches, bytes).");

static PyObject *
pg_skim(PyObject *Py_UNUSED(m), PyObject *capsule)
{
    orm_cursor *cursor = PyCapsule_GetPointer(capsule, CURSOR);
    const orm_driver *d = orm_driver_pg();
    long long rows = 0, batches = 0, bytes = 0;
    orm_batch batch = {0};
    orm_cell cells[64];
    orm_err err;
    int rc = 0;

    if (cursor == NULL) {
        return NULL;
    }
    orm_err_init(&err);
    Py_BEGIN_ALLOW_THREADS
    while (rc == 0 && !batch.last) {
        rc = d->fetch(cursor, 0, &batch, &err);
        for (uint32_t i = 0; rc == 0 && i < batch.nrows; i++) {
            bytes += d->row(&batch, i, cells)[0].len;
            rows++;
        }
        batches++;
    }
    Py_END_ALLOW_THREADS
    if (rc < 0) {
        return raise_err(&err);
    }
    orm_err_fini(&err);
    return Py_BuildValue("LLL", rows, batches, bytes);
}

PyDoc_STRVAR(info_doc, "pg_info($module, cursor)\n--\n\n"
                       "(rowcount, [(name, oid, format)]) of a cursor.");

static PyObject *
pg_info(PyObject *Py_UNUSED(m), PyObject *capsule)
{
    orm_cursor *cursor = PyCapsule_GetPointer(capsule, CURSOR);
    uint32_t n;

    if (cursor == NULL) {
        return NULL;
    }
    const orm_coldesc *cols = orm_driver_pg()->columns(cursor, &n);
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < n; i++) {
        PyObject *one = Py_BuildValue("sIi", cols[i].name, cols[i].oid, (int)cols[i].format);
        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    return Py_BuildValue("LN", (long long)orm_driver_pg()->rowcount(cursor), list);
}

PyDoc_STRVAR(close_cursor_doc, "pg_close_cursor($module, cursor)\n--\n\nFree a cursor.");

static PyObject *
pg_close_cursor(PyObject *Py_UNUSED(m), PyObject *capsule)
{
    orm_cursor *cursor = PyCapsule_GetPointer(capsule, CURSOR);
    if (cursor == NULL || PyCapsule_SetName(capsule, "closed") < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    orm_driver_pg()->cursor_close(cursor);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

PyDoc_STRVAR(many_doc, "pg_many($module, conn, sql, sets, id, rows, seconds)\n--\n\n"
                       "Run one statement for every tuple of sets: (counts, rows or None).");

static PyObject *
pg_many(PyObject *Py_UNUSED(m), PyObject *args)
{
    PyObject *capsule, *sets, *list = NULL, *found = NULL, *answer = NULL;
    const char *sql;
    Py_ssize_t len;
    unsigned long long id;
    int want_rows, rc;
    double seconds;
    orm_cursor *cursor = NULL;
    orm_err err;

    if (!PyArg_ParseTuple(args, "Os#O!Kpd", &capsule, &sql, &len, &PyList_Type, &sets, &id,
                          &want_rows, &seconds)) {
        return NULL;
    }
    orm_conn *conn = conn_of(capsule);
    Py_ssize_t nsets = PyList_GET_SIZE(sets);
    Py_ssize_t width = nsets == 0 ? 0 : PyTuple_GET_SIZE(PyList_GET_ITEM(sets, 0));
    orm_param *bound = PyMem_Calloc((size_t)(nsets * width) + 1, sizeof(*bound));
    int64_t *counts = PyMem_Calloc((size_t)nsets + 1, sizeof(*counts));
    if (conn == NULL || bound == NULL || counts == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < nsets; i++) {
        if (bind(PyList_GET_ITEM(sets, i), bound + i * width) < 0) {
            goto done;
        }
    }
    orm_sqltext text = {.sql = sql, .len = (size_t)len, .id = id};
    orm_call call = {.text = &text,
                     .params = bound,
                     .nparams = (uint32_t)width,
                     .deadline = deadline_of(seconds)};
    orm_err_init(&err);
    Py_BEGIN_ALLOW_THREADS
    rc = orm_driver_pg()->exec_many(conn, &call, (uint32_t)nsets, counts, NULL,
                                    want_rows ? &cursor : NULL, &err);
    Py_END_ALLOW_THREADS
    if (rc < 0) {
        raise_err(&err);
        goto done;
    }
    orm_err_fini(&err);
    list = PyList_New(nsets);
    for (Py_ssize_t i = 0; list != NULL && i < nsets; i++) {
        PyList_SET_ITEM(list, i, PyLong_FromLongLong(counts[i]));
    }
    found = want_rows ? PyList_New(0) : Py_NewRef(Py_None);
    for (orm_batch batch = {0}; cursor != NULL && found != NULL && !batch.last;) {
        if (orm_driver_pg()->fetch(cursor, 0, &batch, &err) < 0 ||
            append_rows(&batch, found) < 0) {
            Py_CLEAR(found);
        }
    }
    if (list != NULL && found != NULL) {
        answer = PyTuple_Pack(2, list, found);
    }
done:
    Py_XDECREF(list);
    Py_XDECREF(found);
    PyMem_Free(bound);
    PyMem_Free(counts);
    orm_driver_pg()->cursor_close(cursor);
    return answer;
}

PyDoc_STRVAR(copy_doc, "pg_copy($module, conn, sql, data, seconds)\n--\n\nCOPY FROM STDIN.");

static PyObject *
pg_copy(PyObject *Py_UNUSED(m), PyObject *args)
{
    PyObject *capsule;
    const char *sql;
    Py_buffer data;
    double seconds;
    int64_t rows = -1;
    orm_err err;
    int rc;

    if (!PyArg_ParseTuple(args, "Osy*d", &capsule, &sql, &data, &seconds)) {
        return NULL;
    }
    orm_conn *conn = conn_of(capsule);
    orm_sqltext text = {.sql = sql, .len = strlen(sql)};
    orm_buf buf = {.p = data.buf, .len = (size_t)data.len, .cap = (size_t)data.len};
    orm_err_init(&err);
    Py_BEGIN_ALLOW_THREADS
    rc = orm_driver_pg()->copy_in(conn, &text, &buf, &rows, deadline_of(seconds), &err);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    if (rc < 0) {
        return raise_err(&err);
    }
    orm_err_fini(&err);
    return PyLong_FromLongLong(rows);
}

/* A waiter whose check says at once that a signal handler raised. */
static int
raise_always(void *arg)
{
    (void)arg;
    return -1;
}

/* A wait hook that fails at its first call, as an event loop whose task was cancelled. */
static int
wait_never(void *arg, int fd, short events, int timeout_ms)
{
    (void)arg;
    (void)fd;
    (void)events;
    (void)timeout_ms;
    return -1;
}

/* how: "check", "hook", or "" to wait in the plain way again. */
static long long
set_interrupt(orm_conn *conn, const char *how)
{
    orm_waiter w = {.check = strcmp(how, "check") == 0 ? raise_always : NULL,
                    .wait = strcmp(how, "hook") == 0 ? wait_never : NULL,
                    .wake_fd = -1};
    orm_driver_pg()->set_waiter(conn, &w);
    return 0;
}

PyDoc_STRVAR(do_doc, "pg_do($module, conn, what, arg, seconds)\n--\n\n"
                     "Call one of the small functions of the driver by name; its answer.");

static PyObject *
pg_do(PyObject *Py_UNUSED(m), PyObject *args)
{
    PyObject *capsule;
    const char *what, *arg;
    const orm_driver *d = orm_driver_pg();
    double seconds;
    orm_err err;
    long long rc = -2;

    if (!PyArg_ParseTuple(args, "Ossd", &capsule, &what, &arg, &seconds)) {
        return NULL;
    }
    orm_conn *conn = conn_of(capsule);
    orm_mono at = deadline_of(seconds);
    orm_tx_opts opts = {.readonly = -1, .deferrable = -1};
    if (conn == NULL) {
        return NULL;
    }
    opts.isolation = strcmp(arg, "serializable") == 0 ? ORM_ISO_SERIALIZABLE
                     : strcmp(arg, "autocommit") == 0 ? ORM_ISO_AUTOCOMMIT
                                                      : ORM_ISO_DEFAULT;
    orm_err_init(&err);
    Py_BEGIN_ALLOW_THREADS
#define IS(name) (strcmp(what, name) == 0)
    rc = IS("begin")         ? d->begin(conn, &opts, &err)
         : IS("commit")      ? d->commit(conn, at, &err)
         : IS("rollback")    ? d->rollback(conn, at, &err)
         : IS("savepoint")   ? d->savepoint(conn, ORM_SP_SET, arg, at, &err)
         : IS("release_sp")  ? d->savepoint(conn, ORM_SP_RELEASE, arg, at, &err)
         : IS("rollback_to") ? d->savepoint(conn, ORM_SP_ROLLBACK_TO, arg, at, &err)
         : IS("script")      ? d->script(conn, arg, strlen(arg), at, &err)
         : IS("release")     ? d->release(conn, &err)
         : IS("settle")      ? d->settle(conn, at, &err)
         : IS("ping")        ? d->ping(conn, at, &err)
         : IS("alive")       ? d->alive(conn)
         : IS("tx_state")    ? d->tx_state(conn)
         : IS("waits")       ? (long long)d->waits(conn)
         : IS("pid")         ? PQbackendPID(d->native(conn))
         : IS("fd")          ? PQsocket(d->native(conn))
         : IS("interrupt")   ? set_interrupt(conn, arg)
         : IS("cancel")      ? (d->cancel(conn), 0)
         : IS("close")       ? (d->close(conn), 0)
         : IS("forget")      ? (d->forget(conn), 0)
                             : -2;
#undef IS
    Py_END_ALLOW_THREADS
    if (rc == -1) {
        return raise_err(&err);
    }
    orm_err_fini(&err);
    if (rc == -2) {
        PyErr_SetString(PyExc_KeyError, what);
        return NULL;
    }
    return PyLong_FromLongLong(rc);
}

#ifdef ORM_FAULTS
PyDoc_STRVAR(fault_doc, "pg_fault($module, k)\n--\n\n"
                        "Let the k-th allocation of the core from now on fail (0: none); how "
                        "many there were\nsince the last call.");

static PyObject *
pg_fault(PyObject *Py_UNUSED(m), PyObject *arg)
{
    long long k = PyLong_AsLongLong(arg);
    if (k == -1 && PyErr_Occurred()) {
        return NULL;
    }
    int64_t seen = orm_fault_seen();
    orm_fault_set(k);
    return PyLong_FromLongLong(seen);
}
#endif

static PyMethodDef methods[] = {
#ifdef ORM_FAULTS
    {"pg_fault", pg_fault, METH_O, fault_doc},
#endif
    {"pg_open", pg_open, METH_VARARGS, open_doc},
    {"pg_exec", pg_exec, METH_VARARGS, exec_doc},
    {"pg_fetch", pg_fetch, METH_O, fetch_doc},
    {"pg_skim", pg_skim, METH_O, skim_doc},
    {"pg_info", pg_info, METH_O, info_doc},
    {"pg_close_cursor", pg_close_cursor, METH_O, close_cursor_doc},
    {"pg_many", pg_many, METH_VARARGS, many_doc},
    {"pg_copy", pg_copy, METH_VARARGS, copy_doc},
    {"pg_do", pg_do, METH_VARARGS, do_doc},
    {NULL, NULL, 0, NULL},
};

const orm_coretest_room orm_coretest_pg = {.methods = methods};
