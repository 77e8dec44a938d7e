/*
 * conn.c - what a Connection does: check out, begin, commit, roll back, savepoints, errors.
 *
 * Place: below the methods of conn_type.c and the C functions that session/ calls; above the
 *   driver. Python's Transaction objects (pyorm/engine/transaction.py) exist only once
 *   somebody asks for one; they call the same functions through _begin_impl() and so on.
 * States: ORM_CF_BEGUN says that a root transaction is begun on our side; what the database
 *   says is driver->tx_state. BEGIN itself travels with the first statement.
 */
#include "exec_int.h"

int
orm_connection_check(orm_state *st, PyObject *o)
{
    return PyObject_TypeCheck(o, st->Connection);
}

PyObject *
orm_connection_engine(PyObject *conn)
{
    return (PyObject *)((ConnectionObject *)conn)->engine;
}

int
orm_connection_in_transaction(PyObject *conn)
{
    return (((ConnectionObject *)conn)->flags & ORM_CF_BEGUN) != 0;
}

void
orm_connection_freshen(PyObject *conn)
{
    ConnectionObject *c = (ConnectionObject *)conn;

    if (c->conn != NULL && c->handle->db != NULL) {
        (void)orm_engine_pool(c->engine)->driver->freshen(c->conn); /* 0: nothing to end */
    }
}

/* ---- listeners and log ---- */

static int
tell(ConnectionObject *c, int event, PyObject *name)
{
    PyObject *args[3] = {(PyObject *)c, name, Py_None};

    return orm_dispatch_fire(c->dispatch, event, args, name == NULL ? 1 : 3);
}

static int
log_message(ConnectionObject *c, const char *text)
{
    PyObject *answer = NULL;

    if (!(c->flags & ORM_CF_LOG_INFO)) {
        return 0;
    }
    answer = PyObject_CallMethod(c->engine->logger, "message", "Os", (PyObject *)c, text);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* ---- errors ---- */

void
orm_conn_lose(ConnectionObject *c, PyObject *exc, bool lost)
{
    orm_result *r;

    while ((r = c->results) != NULL) {
        orm_result_release(r, true);
    }
    if (c->handle != NULL) {
        Checkout *handle = c->handle;

        c->handle = NULL; /* before the listeners: they see a connection without one */
        c->conn = NULL;
        orm_checkout_discard(handle, exc, lost);
        Py_DECREF(handle);
    }
    c->flags |= ORM_CF_INVALID;
    if (c->flags & ORM_CF_BEGUN) {
        c->flags |= ORM_CF_DEAD_TX;
    }
}

/* handle_error listeners: they may replace the exception and say whether the connection is
 * lost. Steals exc; returns what is to be raised (owned) or NULL. */
static PyObject *
ask_listeners(ConnectionObject *c, PyObject *exc, PyObject *statement, PyObject *params,
              PyObject *context, bool *lost)
{
    PyObject *module = NULL;
    PyObject *answer = NULL;
    PyObject *chosen = NULL;

    if (orm_dispatch_get(c->dispatch, ORM_EV_handle_error) == NULL) {
        return exc;
    }
    module = PyImport_ImportModule("pyorm.engine._errors");
    if (module != NULL) {
        answer = PyObject_CallMethod(module, "handle_error", "OOOOOO", (PyObject *)c, exc,
                                     statement == NULL ? Py_None : statement,
                                     params == NULL ? Py_None : params,
                                     context == NULL ? Py_None : context,
                                     *lost ? Py_True : Py_False);
        Py_DECREF(module);
    }
    if (answer != NULL && PyTuple_Check(answer) && PyTuple_GET_SIZE(answer) == 2) {
        int truth = PyObject_IsTrue(PyTuple_GET_ITEM(answer, 1));

        if (truth >= 0) {
            chosen = Py_NewRef(PyTuple_GET_ITEM(answer, 0));
            *lost = truth;
        }
    }
    Py_XDECREF(answer);
    Py_DECREF(exc);
    return chosen;
}

int
orm_conn_raise(ConnectionObject *c, orm_err *err, PyObject *statement, PyObject *params,
               PyObject *context, bool multi)
{
    unsigned flags = (c->engine->hide_parameters ? ORM_RAISE_HIDE_PARAMETERS : 0u)
                     | (multi ? ORM_RAISE_MULTI : 0u) | (err->lost ? ORM_RAISE_INVALIDATED : 0u);
    bool lost = err->lost;
    PyObject *exc = NULL;

    if (err->code == ORM_E_SIGNAL && PyErr_Occurred()) {
        exc = PyErr_GetRaisedException();
        lost = true; /* the statement was interrupted: nobody knows what is on the line */
    }
    else {
        PyErr_Clear(); /* of making the text or the parameters that are shown */
        exc = orm_error_new(c->st, err, statement, params, flags);
    }
    orm_err_fini(err);
    if (exc == NULL) {
        return -1;
    }
    exc = ask_listeners(c, exc, statement, params, context, &lost);
    if (lost) {
        PyObject *live = exc == NULL ? PyErr_GetRaisedException() : NULL;

        orm_conn_lose(c, exc, true);
        if (live != NULL) {
            PyErr_SetRaisedException(live);
        }
    }
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    return -1;
}

/* ---- being ready ---- */

static int
reconnect(ConnectionObject *c)
{
    if (c->flags & ORM_CF_DEAD_TX) {
        return orm_raise_exc_code(c->st, ORM_EXC_PendingRollbackError, "8s2b",
                                  "Can't reconnect until invalid %stransaction is rolled back.  "
                                  "Please rollback() fully before proceeding",
                                  c->nested != NULL ? "savepoint " : "");
    }
    c->handle = orm_pool_take(orm_engine_pool(c->engine));
    if (c->handle == NULL) {
        return -1;
    }
    c->conn = atomic_load(&c->handle->db->conn);
    c->flags &= ~(uint32_t)ORM_CF_INVALID;
    return 0;
}

/* Users reach the Checkout as `connection.connection`, and may close it. */
static void
notice_return(ConnectionObject *c)
{
    if (c->conn != NULL && c->handle->db == NULL) {
        orm_conn_lose(c, NULL, false);
    }
}

int
orm_conn_ready(ConnectionObject *c, bool begin)
{
    notice_return(c);
    if (c->conn != NULL && (c->flags & (ORM_CF_BEGUN | ORM_CF_BLOCKED)) == ORM_CF_BEGUN) {
        return 0; /* fast path: same answer as below, in the middle of a transaction */
    }
    if (c->flags & ORM_CF_CLOSED) {
        return orm_raise_exc(c->st, ORM_EXC_ResourceClosedError, "This Connection is closed");
    }
    if (c->flags & ORM_CF_TWOPHASE) {
        return orm_raise_exc(c->st, ORM_EXC_InvalidRequestError,
                             "The two-phase transaction of this Connection is prepared: commit() "
                             "or rollback() it before anything else is executed");
    }
    if (c->flags & ORM_CF_BLOCKED) {
        return orm_raise_exc(c->st, ORM_EXC_InvalidRequestError,
                             "Can't operate on closed transaction inside context manager.  Please "
                             "complete the context manager before emitting further commands.");
    }
    if (c->conn == NULL && reconnect(c) < 0) {
        return -1;
    }
    return begin && !(c->flags & ORM_CF_BEGUN) ? orm_conn_begin(c) : 0;
}

int
orm_conn_still(ConnectionObject *c, const orm_conn *conn)
{
    if (c->conn == conn) {
        return 0;
    }
    return orm_raise_exc(c->st, ORM_EXC_ResourceClosedError,
                         "This Connection was closed while its statement ran");
}

/* ---- transactions ---- */

/* Send or note BEGIN, unless a listener has begun by itself, or the driver was told that
 * nothing begins by itself (isolation_level = None). */
static int
begin_in_database(ConnectionObject *c)
{
    const orm_driver *driver = orm_engine_pool(c->engine)->driver;
    DBConnection *db = c->handle->db;
    orm_conn *conn = c->conn;
    orm_err err;
    int rc;

    if ((c->flags & ORM_CF_AUTOCOMMIT) || c->handle->db->autocommit
        || driver->tx_state(c->conn) != ORM_TX_IDLE) {
        return 0;
    }
    orm_err_init(&err);
    orm_dbconn_pin(db);
    ORM_NOGIL_BEGIN
    rc = driver->begin(conn, &c->tx, &err);
    ORM_NOGIL_END
    rc = rc < 0 ? orm_conn_raise(c, &err, NULL, NULL, NULL, false) : orm_conn_still(c, conn);
    orm_dbconn_unpin(db);
    return rc;
}

int
orm_conn_begin(ConnectionObject *c)
{
    bool autocommit = (c->flags & ORM_CF_AUTOCOMMIT) != 0;

    if (c->flags & ORM_CF_BEGUN) {
        return 0;
    }
    if (orm_conn_ready(c, false) < 0) {
        return -1;
    }
    c->flags |= ORM_CF_BEGUN; /* before the listeners: they may execute */
    if (tell(c, ORM_EV_begin, NULL) < 0
        || log_message(c, autocommit
                              ? "BEGIN (implicit; DBAPI should not BEGIN due to autocommit mode)"
                              : "BEGIN (implicit)") < 0
        || orm_conn_ready(c, false) < 0 || begin_in_database(c) < 0) {
        if (!(c->flags & ORM_CF_INVALID)) {
            c->flags &= ~(uint32_t)ORM_CF_BEGUN;
        }
        return -1;
    }
    return 0;
}

typedef int (*end_function)(orm_conn *, orm_mono, orm_err *);

/* Send COMMIT or ROLLBACK. The transaction is over in any case. word NULL: listeners have been
   told. 0 / -1. */
static int
end_impl(ConnectionObject *c, int event, const char *word, end_function end)
{
    DBConnection *db = NULL;
    orm_conn *conn = NULL;
    orm_err err;
    int rc;

    notice_return(c);
    if (!(c->flags & ORM_CF_BEGUN)) {
        return 0;
    }
    if (c->flags & ORM_CF_INVALID) {
        /* The connection went, and the transaction with it. */
        bool dead = c->flags & ORM_CF_DEAD_TX;

        if (event == ORM_EV_commit && dead) {
            return reconnect(c);
        }
        c->flags &= ~(uint32_t)(ORM_CF_BEGUN | ORM_CF_DEAD_TX);
        return 0;
    }
    if (word != NULL && (tell(c, event, NULL) < 0 || log_message(c, word) < 0)) {
        return -1;
    }
    c->flags &= ~(uint32_t)(ORM_CF_BEGUN | ORM_CF_DEAD_TX);
    notice_return(c);
    if (c->conn == NULL) {
        return 0;
    }
    if (event == ORM_EV_rollback) {
        while (c->results != NULL) {
            orm_result_release(c->results, true);
        }
    }
    else if (orm_conn_buffer_all(c) < 0) {
        return -1;
    }
    notice_return(c);
    if (c->conn == NULL) {
        return 0; /* reading the rows that were left found the connection gone */
    }
    conn = c->conn;
    db = c->handle->db;
    orm_err_init(&err);
    orm_dbconn_pin(db);
    ORM_NOGIL_BEGIN
    rc = end(conn, ORM_NEVER, &err);
    ORM_NOGIL_END
    rc = rc < 0 ? orm_conn_raise(c, &err, NULL, NULL, NULL, false) : 0;
    orm_dbconn_unpin(db);
    return rc;
}

int
orm_conn_commit_impl(ConnectionObject *c)
{
    return end_impl(c, ORM_EV_commit,
                    c->flags & ORM_CF_AUTOCOMMIT
                        ? "COMMIT using DBAPI connection.commit(), has no effect due to autocommit "
                          "mode"
                        : "COMMIT",
                    orm_engine_pool(c->engine)->driver->commit);
}

int
orm_conn_rollback_impl(ConnectionObject *c)
{
    return end_impl(c, ORM_EV_rollback,
                    c->flags & ORM_CF_AUTOCOMMIT
                        ? "ROLLBACK using DBAPI connection.rollback(), has no effect due to "
                          "autocommit mode"
                        : "ROLLBACK",
                    orm_engine_pool(c->engine)->driver->rollback);
}

/* A step of a two-phase transaction, whose listeners Python tells. 0 / -1. */
int
orm_conn_twophase(ConnectionObject *c, int step)
{
    const orm_driver *driver = orm_engine_pool(c->engine)->driver;

    switch (step) {
    case ORM_TWO_BEGIN:
        if (orm_conn_ready(c, false) < 0) {
            return -1;
        }
        c->flags |= ORM_CF_BEGUN;
        if (log_message(c, "BEGIN TWOPHASE (implicit)") < 0 || begin_in_database(c) < 0) {
            c->flags &= ~(uint32_t)ORM_CF_BEGUN;
            return -1;
        }
        return 0;
    case ORM_TWO_PREPARED:
        /* The server has no transaction any more: the driver sends nothing, and forgets its own. */
        if (end_impl(c, ORM_EV_commit, NULL, driver->commit) < 0) {
            return -1;
        }
        c->flags |= ORM_CF_BEGUN | ORM_CF_BLOCKED | ORM_CF_TWOPHASE;
        return 0;
    case ORM_TWO_RESUME:
        c->flags &= ~(uint32_t)(ORM_CF_BLOCKED | ORM_CF_TWOPHASE);
        if (orm_conn_ready(c, false) < 0) {
            return -1;
        }
        c->flags |= ORM_CF_BEGUN; /* so that no BEGIN is sent: what follows runs outside */
        return 0;
    case ORM_TWO_COMMIT:
        return end_impl(c, ORM_EV_commit, NULL, driver->commit);
    default:
        return end_impl(c, ORM_EV_rollback, NULL, driver->rollback);
    }
}

/* Through the Python Transaction where there is one, so that it knows. */
static int
end_by(ConnectionObject *c, const char *method, int (*impl)(ConnectionObject *))
{
    PyObject *transaction = Py_XNewRef(c->transaction);
    PyObject *answer = NULL;

    if (transaction == NULL) {
        return impl(c);
    }
    answer = PyObject_CallMethod(transaction, method, NULL);
    Py_DECREF(transaction);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

int
orm_connection_begin(PyObject *conn)
{
    return orm_conn_ready((ConnectionObject *)conn, true);
}

int
orm_connection_commit(PyObject *conn)
{
    return end_by((ConnectionObject *)conn, "commit", orm_conn_commit_impl);
}

int
orm_connection_rollback(PyObject *conn)
{
    return end_by((ConnectionObject *)conn, "rollback", orm_conn_rollback_impl);
}

int
orm_connection_savepoint(PyObject *conn, int what, const char *name)
{
    static const int events[] = {[ORM_SP_SET] = ORM_EV_savepoint,
                                 [ORM_SP_RELEASE] = ORM_EV_release_savepoint,
                                 [ORM_SP_ROLLBACK_TO] = ORM_EV_rollback_savepoint};
    static const char *const words[] = {[ORM_SP_SET] = "SAVEPOINT %s",
                                        [ORM_SP_RELEASE] = "RELEASE SAVEPOINT %s",
                                        [ORM_SP_ROLLBACK_TO] = "ROLLBACK TO SAVEPOINT %s"};
    ConnectionObject *c = (ConnectionObject *)conn;
    PyObject *text = NULL;
    PyObject *shown = NULL;
    DBConnection *db = NULL;
    orm_conn *at = NULL;
    orm_err err;
    int rc = -1;

    notice_return(c);
    if (what == ORM_SP_SET ? orm_conn_ready(c, true) < 0 : c->conn == NULL) {
        return what == ORM_SP_SET ? -1 : 0; /* a lost connection has no savepoints left */
    }
    text = PyUnicode_FromFormat(words[what], name);
    shown = PyUnicode_FromString(name);
    if (text == NULL || shown == NULL || tell(c, events[what], shown) < 0
        || (c->flags & ORM_CF_LOG_INFO && log_message(c, PyUnicode_AsUTF8(text)) < 0)
        || orm_conn_free_line(c) < 0 || (what == ORM_SP_SET && orm_conn_ready(c, true) < 0)) {
        goto done;
    }
    notice_return(c);
    if (c->conn == NULL) {
        rc = 0; /* a listener, or reading what was left, found it gone */
        goto done;
    }
    at = c->conn;
    db = c->handle->db;
    orm_err_init(&err);
    orm_dbconn_pin(db);
    ORM_NOGIL_BEGIN
    rc = orm_engine_pool(c->engine)->driver->savepoint(at, what, name, ORM_NEVER, &err);
    ORM_NOGIL_END
    if (rc < 0) {
        orm_conn_raise(c, &err, text, NULL, NULL, false);
    }
    orm_dbconn_unpin(db);

done:
    Py_XDECREF(text);
    Py_XDECREF(shown);
    return rc;
}

/* ---- opening and closing ---- */

static uint32_t
log_flags(EngineCore *engine)
{
    PyObject *level = NULL;
    long flags = 0;

    if (engine->logger == NULL) {
        return 0;
    }
    level = PyObject_CallMethodNoArgs(engine->logger, engine->st->s_level_flags);
    if (level != NULL) {
        flags = PyLong_AsLong(level);
        Py_DECREF(level);
    }
    if (PyErr_Occurred()) {
        PyErr_Clear(); /* logging must not keep anybody from connecting */
        return 0;
    }
    return (flags & 1 ? ORM_CF_LOG_INFO : 0u) | (flags & 2 ? ORM_CF_LOG_DEBUG : 0u);
}

PyObject *
orm_engine_connect(orm_state *st, PyObject *engine, PyObject *options)
{
    EngineCore *e = (EngineCore *)engine;
    PyTypeObject *type = (PyTypeObject *)orm_import_once(&st->connection_class, "pyorm.engine.base",
                                                         "Connection");
    ConnectionObject *c = type == NULL ? NULL : (ConnectionObject *)type->tp_alloc(type, 0);
    PyObject *args[1] = {(PyObject *)c};
    PyObject *answer = NULL;

    if (c == NULL) {
        return NULL;
    }
    c->st = st;
    c->engine = (EngineCore *)Py_NewRef(engine);
    c->options = Py_NewRef(e->options);
    c->dispatch = (orm_dispatch *)Py_XNewRef((PyObject *)e->dispatch);
    c->tx = e->tx;
    c->flags = log_flags(e) | (e->tx.isolation == ORM_ISO_AUTOCOMMIT ? ORM_CF_AUTOCOMMIT : 0u);
    c->handle = orm_pool_take(orm_engine_pool(e));
    if (c->handle == NULL) {
        goto error;
    }
    c->conn = atomic_load(&c->handle->db->conn);
    if (options != NULL && PyDict_GET_SIZE(options) > 0) {
        answer = PyObject_CallMethod((PyObject *)c, "_apply_options", "O", options);
        if (answer == NULL) {
            goto error;
        }
        Py_DECREF(answer);
    }
    if (orm_dispatch_fire(c->dispatch, ORM_EV_engine_connect, args, 1) < 0) {
        goto error;
    }
    return (PyObject *)c;

error:
    Py_DECREF(c);
    return NULL;
}

int
orm_connection_close(PyObject *conn)
{
    ConnectionObject *c = (ConnectionObject *)conn;
    PyObject *transaction = Py_XNewRef(c->transaction);
    Checkout *handle = NULL;
    bool began = (c->flags & ORM_CF_BEGUN) != 0;
    int rc = 0;

    if (c->flags & ORM_CF_CLOSED) {
        Py_XDECREF(transaction);
        return 0;
    }
    if (transaction != NULL) {
        PyObject *answer = PyObject_CallMethod(transaction, "close", NULL);

        rc = answer == NULL ? -1 : 0;
        Py_XDECREF(answer);
        Py_DECREF(transaction);
    }
    else if (c->flags & ORM_CF_BEGUN) {
        /* The pool rolls back what is open without waiting; here it is only told of. */
        if (!(c->flags & ORM_CF_INVALID)) {
            rc = tell(c, ORM_EV_rollback, NULL) < 0 || log_message(c, "ROLLBACK") < 0 ? -1 : 0;
        }
    }
    while (c->results != NULL) {
        orm_result_release(c->results, true);
    }
    handle = c->handle;
    c->handle = NULL;
    c->conn = NULL;
    if (handle != NULL) {
        handle->was_reset = began;
    }
    c->flags = (c->flags | ORM_CF_CLOSED)
               & ~(uint32_t)(ORM_CF_BEGUN | ORM_CF_DEAD_TX | ORM_CF_INVALID | ORM_CF_BLOCKED
                           | ORM_CF_TWOPHASE);
    if (handle != NULL) {
        PyObject *live = rc < 0 ? PyErr_GetRaisedException() : NULL;

        if (handle->entry == NULL && handle->db != NULL && handle->db->owns) {
            rc = orm_checkout_close_detached(handle) < 0 ? -1 : rc; /* closed for good */
        }
        else if (orm_checkout_return(handle) < 0) {
            rc = -1;
        }
        Py_DECREF(handle);
        if (live != NULL) {
            PyErr_SetRaisedException(live);
            rc = -1;
        }
    }
    return rc;
}
