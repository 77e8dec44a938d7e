/*
 * lite_user.c - Python callables as SQLite functions, aggregates and collations.
 *
 * Place: methods of DBConnection (dbconn_type.c), over driver/lite_user.h. SQLite calls back
 *   from inside a statement, usually without the GIL, with the connection's lock held: using
 *   the connection inside answers ORM_E_REENTRY.
 * Errors: an exception cannot cross SQLite. Its text becomes the statement's error; the
 *   exception itself is written as unraisable, so that it is not lost.
 */
#include "exec_int.h"

/* A user's function or aggregate class; owned by SQLite until `destroy`. */
typedef struct user_callable {
    PyObject *callable; /* owned */
} user_callable;

static void
destroy(void *user)
{
    user_callable *u = user;
    PyGILState_STATE gil = PyGILState_Ensure();

    Py_XDECREF(u->callable);
    PyMem_Free(u);
    PyGILState_Release(gil);
}

static PyObject *
cell_value(const orm_cell *cell)
{
    switch (cell->kind) {
    case ORM_V_INT:
        return PyLong_FromLongLong(cell->u.i);
    case ORM_V_REAL:
        return PyFloat_FromDouble(cell->u.d);
    case ORM_V_TEXT:
        return PyUnicode_DecodeUTF8(cell->p, cell->len, "surrogateescape");
    case ORM_V_BLOB:
        return PyBytes_FromStringAndSize(cell->p, cell->len);
    default:
        return Py_NewRef(Py_None);
    }
}

static PyObject *
cell_tuple(const orm_cell *args, uint32_t nargs)
{
    PyObject *tuple = PyTuple_New(nargs);

    for (uint32_t i = 0; tuple != NULL && i < nargs; i++) {
        PyObject *value = cell_value(&args[i]);

        if (value == NULL) {
            Py_CLEAR(tuple);
        }
        else {
            PyTuple_SET_ITEM(tuple, i, value);
        }
    }
    return tuple;
}

static void
answer_error(orm_lite_result *result, PyObject *where)
{
    PyErr_WriteUnraisable(where);
    orm_lite_result_error(result, "user-defined function raised exception");
}

/* Hand a Python value to SQLite. Steals `value`; NULL with an exception is an error. */
static void
answer_steal(orm_lite_result *result, PyObject *value, PyObject *where)
{
    if (value == NULL) {
        answer_error(result, where);
        return;
    }
    if (value == Py_None) {
        orm_lite_result_null(result);
    }
    else if (PyLong_Check(value)) {
        long long i = PyLong_AsLongLong(value);

        if (i == -1 && PyErr_Occurred()) {
            answer_error(result, where);
        }
        else {
            orm_lite_result_int(result, i);
        }
    }
    else if (PyFloat_Check(value)) {
        orm_lite_result_real(result, PyFloat_AS_DOUBLE(value));
    }
    else if (PyUnicode_Check(value)) {
        PyObject *bytes = PyUnicode_AsEncodedString(value, "utf-8", "surrogateescape");

        if (bytes == NULL || PyBytes_GET_SIZE(bytes) > INT32_MAX) {
            answer_error(result, where);
        }
        else {
            orm_lite_result_text(result, PyBytes_AS_STRING(bytes),
                                 (int32_t)PyBytes_GET_SIZE(bytes));
        }
        Py_XDECREF(bytes);
    }
    else if (PyBytes_Check(value) && PyBytes_GET_SIZE(value) <= INT32_MAX) {
        orm_lite_result_blob(result, PyBytes_AS_STRING(value), (int32_t)PyBytes_GET_SIZE(value));
    }
    else {
        PyErr_Format(PyExc_TypeError, "a SQLite function cannot return %.100s",
                     Py_TYPE(value)->tp_name);
        answer_error(result, where);
    }
    Py_DECREF(value);
}

static void
call_function(void *user, const orm_cell *args, uint32_t nargs, orm_lite_result *result)
{
    user_callable *u = user;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *tuple = cell_tuple(args, nargs);
    PyObject *value = tuple == NULL ? NULL : PyObject_CallObject(u->callable, tuple);

    Py_XDECREF(tuple);
    answer_steal(result, value, u->callable);
    PyGILState_Release(gil);
}

/* ---- aggregates: the state is one pointer to the instance of the user's class ---- */

static PyObject *
aggregate_instance(user_callable *u, void *state)
{
    PyObject **instance = state;

    if (*instance == NULL) {
        *instance = PyObject_CallNoArgs(u->callable);
    }
    return *instance;
}

static void
step_aggregate(void *user, void *state, const orm_cell *args, uint32_t nargs,
               orm_lite_result *result)
{
    user_callable *u = user;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *instance = aggregate_instance(u, state);
    PyObject *tuple = instance == NULL ? NULL : cell_tuple(args, nargs);
    PyObject *method = tuple == NULL ? NULL : PyObject_GetAttrString(instance, "step");
    PyObject *answer = method == NULL ? NULL : PyObject_CallObject(method, tuple);

    if (answer == NULL) {
        answer_error(result, u->callable);
    }
    Py_XDECREF(tuple);
    Py_XDECREF(method);
    Py_XDECREF(answer);
    PyGILState_Release(gil);
}

static void
final_aggregate(void *user, void *state, orm_lite_result *result)
{
    user_callable *u = user;
    PyObject **slot = state;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *instance = aggregate_instance(u, state);

    answer_steal(result,
                 instance == NULL ? NULL : PyObject_CallMethod(instance, "finalize", NULL),
                 u->callable);
    Py_CLEAR(*slot);
    PyGILState_Release(gil);
}

static int
compare(void *user, const char *a, int32_t alen, const char *b, int32_t blen)
{
    user_callable *u = user;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *answer = PyObject_CallFunction(u->callable, "s#s#", a, (Py_ssize_t)alen, b,
                                             (Py_ssize_t)blen);
    long order = answer == NULL ? -1 : PyLong_AsLong(answer);

    Py_XDECREF(answer);
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable(u->callable);
        order = 0;
    }
    PyGILState_Release(gil);
    return order < 0 ? -1 : order > 0;
}

/* ---- methods of DBConnection ---- */

static user_callable *
keep(PyObject *callable)
{
    user_callable *u = PyMem_Malloc(sizeof(*u));

    if (u == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    u->callable = Py_NewRef(callable);
    return u;
}

/* The SQLite connection, or NULL with NotSupportedError-like exception. */
static orm_conn *
sqlite_only(DBConnection *db)
{
    orm_conn *conn = orm_dbconn_live(db);

    if (conn != NULL && db->driver->dialect != ORM_LITE) {
        PyErr_SetString(PyExc_TypeError, "only SQLite connections have user functions");
        return NULL;
    }
    return conn;
}

static PyObject *
finish(DBConnection *db, int rc, orm_err *err)
{
    PyObject *exc = NULL;

    if (rc == 0) {
        Py_RETURN_NONE;
    }
    exc = orm_dberror_new(db->st, err);
    orm_err_fini(err);
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    return NULL;
}

static PyObject *
create(PyObject *self, PyObject *args, bool aggregate)
{
    DBConnection *db = (DBConnection *)self;
    orm_conn *conn = sqlite_only(db);
    const char *name = NULL;
    PyObject *callable = NULL;
    int nargs = 0;
    int deterministic = 0;
    orm_lite_func func = {0};
    orm_err err;
    int rc;

    if (conn == NULL
        || !PyArg_ParseTuple(args, "siO|p:create_function", &name, &nargs, &callable,
                             &deterministic)) {
        return NULL;
    }
    func.name = name;
    func.nargs = nargs;
    func.deterministic = deterministic;
    if (callable != Py_None) {
        func.user = keep(callable);
        func.destroy = destroy;
        if (func.user == NULL) {
            return NULL;
        }
        if (aggregate) {
            func.step = step_aggregate;
            func.final = final_aggregate;
            func.state_size = sizeof(PyObject *);
        }
        else {
            func.call = call_function;
        }
    }
    orm_err_init(&err);
    ORM_NOGIL_BEGIN
    rc = orm_lite_create_function(conn, &func, &err);
    ORM_NOGIL_END
    return finish(db, rc, &err);
}

PyObject *
orm_dbconn_create_function(PyObject *self, PyObject *args)
{
    return create(self, args, false);
}

PyObject *
orm_dbconn_create_aggregate(PyObject *self, PyObject *args)
{
    return create(self, args, true);
}

PyObject *
orm_dbconn_create_collation(PyObject *self, PyObject *args)
{
    DBConnection *db = (DBConnection *)self;
    orm_conn *conn = sqlite_only(db);
    const char *name = NULL;
    PyObject *callable = NULL;
    user_callable *u = NULL;
    orm_err err;
    int rc;

    if (conn == NULL || !PyArg_ParseTuple(args, "sO:create_collation", &name, &callable)) {
        return NULL;
    }
    if (callable != Py_None && (u = keep(callable)) == NULL) {
        return NULL;
    }
    orm_err_init(&err);
    ORM_NOGIL_BEGIN
    rc = orm_lite_create_collation(conn, name, u == NULL ? NULL : compare, u,
                                   u == NULL ? NULL : destroy, &err);
    ORM_NOGIL_END
    return finish(db, rc, &err);
}

/* ---- REGEXP ---- */

/* `x REGEXP pattern`, which SQLite leaves to its user: re.search(), NULL where one is NULL. */
static void
call_regexp(void *Py_UNUSED(user), const orm_cell *args, uint32_t nargs, orm_lite_result *result)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *pair = cell_tuple(args, nargs);
    PyObject *re = pair == NULL ? NULL : PyImport_ImportModule("re");
    PyObject *value = NULL;

    if (re != NULL
        && (PyTuple_GET_ITEM(pair, 0) == Py_None || PyTuple_GET_ITEM(pair, 1) == Py_None)) {
        value = Py_NewRef(Py_None);
    }
    else if (re != NULL) {
        PyObject *match = PyObject_CallMethod(re, "search", "OO", PyTuple_GET_ITEM(pair, 0),
                                              PyTuple_GET_ITEM(pair, 1));

        value = match == NULL ? NULL : PyBool_FromLong(match != Py_None);
        Py_XDECREF(match);
    }
    answer_steal(result, value, re);
    Py_XDECREF(re);
    Py_XDECREF(pair);
    PyGILState_Release(gil);
}

int
orm_lite_add_regexp(orm_conn *conn, orm_err *err)
{
    orm_lite_func func = {
        .name = "regexp", .nargs = 2, .deterministic = true, .call = call_regexp};

    return orm_lite_create_function(conn, &func, err);
}
