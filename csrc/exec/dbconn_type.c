/*
 * dbconn_type.c - DBConnection: the raw connection under pyorm.dbapi.Connection.
 *
 * Place: over one orm_conn. pyorm.dbapi.connect() makes one that owns its orm_conn; a pool's
 *   looks at an orm_conn of the pool, which nulls the pointer when it closes it.
 * PEP 249's rule that a transaction begins by itself is kept with driver->begin before the
 *   first statement, unless `autocommit` is set or the database is in a transaction already.
 * Locking: the orm_conn's own lock; `conn` is atomic because the pool's worker nulls it.
 */
#include "exec_int.h"

orm_conn *
orm_dbconn_live(DBConnection *db)
{
    orm_conn *conn = atomic_load_explicit(&db->conn, memory_order_acquire);

    if (conn == NULL) {
        orm_err err;
        PyObject *exc = NULL;

        orm_err_init(&err);
        orm_err_set(&err, ORM_E_INTERFACE, "the connection is closed");
        exc = orm_dberror_new(db->st, &err);
        orm_err_fini(&err);
        if (exc != NULL) {
            PyErr_SetRaisedException(exc);
        }
    }
    return conn;
}

PyTypeObject *
orm_dbconn_class(orm_state *st)
{
    return (PyTypeObject *)orm_import_once(&st->dbapi_class, "pyorm.dbapi", "Connection");
}

DBConnection *
orm_dbconn_new(orm_state *st, PyTypeObject *type, orm_conn *conn, const orm_driver *driver,
               bool owns)
{
    DBConnection *db = (DBConnection *)type->tp_alloc(type, 0);

    if (db == NULL) {
        return NULL;
    }
    db->st = st;
    db->driver = driver;
    db->owns = owns;
    db->row_factory = Py_NewRef(Py_None);
    db->tx = (orm_tx_opts){.isolation = ORM_ISO_DEFAULT, .readonly = -1, .deferrable = -1};
    db->style = driver->dialect == ORM_PG ? ORM_STYLE_FORMAT : ORM_STYLE_NATIVE;
    atomic_store(&db->conn, conn);
    return db;
}

/* Raise the driver's own error. Always -1. */
static int
raise_db(orm_state *st, orm_err *err)
{
    PyObject *exc = NULL;

    if (err->code == ORM_E_SIGNAL && PyErr_Occurred()) {
        orm_err_fini(err);
        return -1;
    }
    exc = orm_dberror_new(st, err);
    orm_err_fini(err);
    if (exc != NULL) {
        PyErr_SetRaisedException(exc);
    }
    return -1;
}

void
orm_dbconn_pin(DBConnection *db)
{
    Py_INCREF(db);
    db->pins++;
}

static void
close_conn(DBConnection *db)
{
    orm_conn *conn = NULL;

    if (db->pins > 0) {
        db->close_late = true;
        return;
    }
    conn = atomic_exchange(&db->conn, NULL);
    if (conn != NULL && db->owns) {
        ORM_NOGIL_BEGIN
        db->driver->close(conn);
        ORM_NOGIL_END
    }
}

void
orm_dbconn_unpin(DBConnection *db)
{
    assert(db->pins > 0);
    if (--db->pins == 0 && (db->late != NULL || db->close_late)) {
        PyObject *live = PyErr_GetRaisedException();
        Checkout *c;

        while ((c = db->late) != NULL) {
            db->late = c->next_late;
            c->next_late = NULL;
            orm_checkout_finish(c);
            Py_DECREF(c);
        }
        if (db->close_late) {
            db->close_late = false;
            close_conn(db);
        }
        if (live != NULL) {
            PyErr_SetRaisedException(live);
        }
    }
    Py_DECREF(db);
}

int
orm_dbconn_begin(DBConnection *db)
{
    orm_conn *conn = orm_dbconn_live(db);
    orm_err err;
    int rc;

    if (conn == NULL) {
        return -1;
    }
    if (db->autocommit || db->driver->tx_state(conn) != ORM_TX_IDLE) {
        return 0;
    }
    orm_err_init(&err);
    orm_dbconn_pin(db);
    ORM_NOGIL_BEGIN
    rc = db->driver->begin(conn, &db->tx, &err);
    ORM_NOGIL_END
    rc = rc < 0 ? raise_db(db->st, &err) : 0;
    orm_dbconn_unpin(db);
    return rc;
}

/* ---- opening ---- */

/* Fill keys and values (arrays of n) from a dict of str; the texts live as long as the dict. */
static int
dsn_from_dict(PyObject *dict, const char **keys, const char **values)
{
    PyObject *key = NULL;
    PyObject *value = NULL;
    Py_ssize_t pos = 0;
    Py_ssize_t i = 0;

    while (PyDict_Next(dict, &pos, &key, &value)) {
        if (!PyUnicode_Check(key) || !PyUnicode_Check(value)) {
            PyErr_SetString(PyExc_TypeError, "connection parameters are str");
            return -1;
        }
        keys[i] = PyUnicode_AsUTF8(key);
        values[i] = PyUnicode_AsUTF8(value);
        if (keys[i] == NULL || values[i] == NULL) {
            return -1;
        }
        i++;
    }
    return 0;
}

const orm_driver *
orm_driver_named(PyObject *name)
{
    if (orm_unicode_equals_ascii(name, "postgresql")) {
        return orm_driver_pg();
    }
    if (orm_unicode_equals_ascii(name, "sqlite")) {
        return orm_driver_lite();
    }
    PyErr_Format(PyExc_ValueError, "no driver named %R: postgresql, sqlite", name);
    return NULL;
}

/* DBConnection(driver, dsn, timeout): connect; `timeout` seconds for all of it. */
static PyObject *
db_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    orm_state *st = orm_state_from_type(type);
    PyObject *name = NULL;
    PyObject *dsn = NULL;
    double timeout = 10.0;
    const orm_driver *driver = NULL;
    const char **keys = NULL;
    DBConnection *db = NULL;
    orm_conn *conn = NULL;
    orm_err err;
    int rc = -1;

    if (st == NULL
        || !PyArg_ParseTuple(args, "UO!|d:Connection", &name, &PyDict_Type, &dsn, &timeout)) {
        return NULL;
    }
    driver = orm_driver_named(name);
    if (driver == NULL) {
        return NULL;
    }
    keys = PyMem_Calloc((size_t)PyDict_GET_SIZE(dsn) * 2 + 1, sizeof(char *));
    if (keys == NULL) {
        return PyErr_NoMemory();
    }
    if (dsn_from_dict(dsn, keys, keys + PyDict_GET_SIZE(dsn)) == 0) {
        orm_dsn d = {.keys = keys,
                     .values = keys + PyDict_GET_SIZE(dsn),
                     .n = (uint32_t)PyDict_GET_SIZE(dsn)};
        orm_waiter waiter = orm_exec_waiter();

        orm_err_init(&err);
        ORM_NOGIL_BEGIN
        rc = driver->open(&d, orm_mono_after(timeout), &waiter, &conn, &err);
        ORM_NOGIL_END
        if (rc < 0) {
            raise_db(st, &err);
        }
    }
    PyMem_Free(keys);
    if (rc == 0) {
        db = orm_dbconn_new(st, type, conn, driver, true);
        if (db == NULL) {
            driver->close(conn);
        }
    }
    return (PyObject *)db;
}

/* ---- life ---- */

static int
db_traverse(PyObject *self, visitproc visit, void *arg)
{
    DBConnection *db = (DBConnection *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(db->dict);
    Py_VISIT(db->row_factory);
    Py_VISIT(db->json[0]);
    Py_VISIT(db->json[1]);
    return 0;
}

static int
db_clear(PyObject *self)
{
    DBConnection *db = (DBConnection *)self;

    Py_CLEAR(db->dict);
    Py_CLEAR(db->row_factory);
    Py_CLEAR(db->json[0]);
    Py_CLEAR(db->json[1]);
    return 0;
}

static void
db_dealloc(PyObject *self)
{
    DBConnection *db = (DBConnection *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (db->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    close_conn(db);
    (void)db_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- methods ---- */

typedef int (*end_function)(orm_conn *, orm_mono, orm_err *);

static PyObject *
end_transaction(DBConnection *db, end_function end)
{
    orm_conn *conn = orm_dbconn_live(db);
    orm_err err;
    int rc;

    if (conn == NULL) {
        return NULL;
    }
    orm_err_init(&err);
    orm_dbconn_pin(db);
    ORM_NOGIL_BEGIN
    rc = end(conn, ORM_NEVER, &err);
    ORM_NOGIL_END
    if (rc < 0) {
        raise_db(db->st, &err);
    }
    orm_dbconn_unpin(db);
    if (rc < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
db_commit(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    DBConnection *db = (DBConnection *)self;

    return end_transaction(db, db->driver->commit);
}

static PyObject *
db_rollback(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    DBConnection *db = (DBConnection *)self;

    return end_transaction(db, db->driver->rollback);
}

static PyObject *
db_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    DBConnection *db = (DBConnection *)self;

    if (!db->owns && atomic_load(&db->conn) != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "this connection belongs to a pool: close what raw_connection() "
                        "returned, or detach() it first");
        return NULL;
    }
    close_conn(db);
    Py_RETURN_NONE;
}

static PyObject *
db_cancel(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    DBConnection *db = (DBConnection *)self;
    orm_conn *conn = orm_dbconn_live(db);

    if (conn == NULL) {
        return NULL;
    }
    db->driver->cancel(conn);
    Py_RETURN_NONE;
}

static PyObject *
db_script(PyObject *self, PyObject *sql)
{
    DBConnection *db = (DBConnection *)self;
    orm_conn *conn = orm_dbconn_live(db);
    PyObject *bytes = NULL;
    orm_err err;
    int rc;

    if (conn == NULL) {
        return NULL;
    }
    if (!PyUnicode_Check(sql)) {
        PyErr_SetString(PyExc_TypeError, "a script is a str");
        return NULL;
    }
    bytes = PyUnicode_AsUTF8String(sql);
    if (bytes == NULL) {
        return NULL;
    }
    orm_err_init(&err);
    orm_dbconn_pin(db);
    ORM_NOGIL_BEGIN
    rc = db->driver->script(conn, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes),
                            ORM_NEVER, &err);
    ORM_NOGIL_END
    Py_DECREF(bytes);
    if (rc < 0) {
        raise_db(db->st, &err);
    }
    orm_dbconn_unpin(db);
    if (rc < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
db_ping(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    DBConnection *db = (DBConnection *)self;
    orm_conn *conn = orm_dbconn_live(db);
    orm_err err;
    int rc;

    if (conn == NULL) {
        return NULL;
    }
    orm_err_init(&err);
    orm_dbconn_pin(db);
    ORM_NOGIL_BEGIN
    rc = db->driver->ping(conn, orm_mono_after(5.0), &err);
    ORM_NOGIL_END
    if (rc < 0) {
        raise_db(db->st, &err);
    }
    orm_dbconn_unpin(db);
    if (rc < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static const char *const tx_names[] = {
    [ORM_TX_IDLE] = "idle", [ORM_TX_PENDING] = "pending", [ORM_TX_WINDOW] = "window",
    [ORM_TX_OPEN] = "open", [ORM_TX_FAILED] = "failed",   [ORM_TX_UNKNOWN] = "unknown",
};

static PyObject *
get_tx_state(PyObject *self, void *Py_UNUSED(closure))
{
    DBConnection *db = (DBConnection *)self;
    orm_conn *conn = atomic_load(&db->conn);

    return PyUnicode_FromString(conn == NULL ? "closed" : tx_names[db->driver->tx_state(conn)]);
}

static PyObject *
get_in_transaction(PyObject *self, void *Py_UNUSED(closure))
{
    DBConnection *db = (DBConnection *)self;
    orm_conn *conn = atomic_load(&db->conn);
    int state = conn == NULL ? ORM_TX_IDLE : db->driver->tx_state(conn);

    return PyBool_FromLong(state == ORM_TX_OPEN || state == ORM_TX_FAILED);
}

static PyObject *
get_closed(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(atomic_load(&((DBConnection *)self)->conn) == NULL);
}

static PyObject *
get_waits(PyObject *self, void *Py_UNUSED(closure))
{
    DBConnection *db = (DBConnection *)self;
    orm_conn *conn = orm_dbconn_live(db);

    return conn == NULL ? NULL : PyLong_FromUnsignedLongLong(db->driver->waits(conn));
}

static PyObject *
get_driver(PyObject *self, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(((DBConnection *)self)->driver->name);
}

static PyObject *
get_autocommit(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((DBConnection *)self)->autocommit);
}

static int
set_autocommit(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    int on = value == NULL ? -1 : PyObject_IsTrue(value);

    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "autocommit cannot be deleted");
    }
    if (on < 0) {
        return -1;
    }
    ((DBConnection *)self)->autocommit = on;
    return 0;
}

static PyMethodDef db_methods[] = {
    {"commit", db_commit, METH_NOARGS, "commit($self)\n--\n\nCommit the transaction."},
    {"rollback", db_rollback, METH_NOARGS, "rollback($self)\n--\n\nRoll back."},
    {"close", db_close, METH_NOARGS, "close($self)\n--\n\nClose the connection."},
    {"cancel", db_cancel, METH_NOARGS, "cancel($self)\n--\n\nStop the running statement."},
    {"_script", db_script, METH_O, "_script($self, sql)\n--\n\nRun several statements."},
    {"_create_function", orm_dbconn_create_function, METH_VARARGS, NULL},
    {"_create_aggregate", orm_dbconn_create_aggregate, METH_VARARGS, NULL},
    {"_create_collation", orm_dbconn_create_collation, METH_VARARGS, NULL},
    {"ping", db_ping, METH_NOARGS, "ping($self)\n--\n\nOne round trip; raises if it fails."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef db_getset[] = {
    {"autocommit", get_autocommit, set_autocommit, "Nothing begins by itself.", NULL},
    {"closed", get_closed, NULL, "True once the connection is closed.", NULL},
    {"in_transaction", get_in_transaction, NULL, "True inside a transaction.", NULL},
    {"_tx_state", get_tx_state, NULL, "The transaction's state, in a word.", NULL},
    {"_waits", get_waits, NULL, "Times the connection waited so far.", NULL},
    {"_driver", get_driver, NULL, "postgresql or sqlite.", NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef db_members[] = {
    {"_style", Py_T_UBYTE, offsetof(DBConnection, style), 0, "0: native, 1: %s."},
    {"_isolation", Py_T_UBYTE, offsetof(DBConnection, tx.isolation), 0, NULL},
    {"_owns", Py_T_BOOL, offsetof(DBConnection, owns), Py_READONLY, NULL},
    {"row_factory", Py_T_OBJECT_EX, offsetof(DBConnection, row_factory), 0, NULL},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(DBConnection, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(DBConnection, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot db_slots[] = {
    {Py_tp_doc, (void *)"A connection of the driver."},
    {Py_tp_new, db_new},
    {Py_tp_traverse, db_traverse},
    {Py_tp_clear, db_clear},
    {Py_tp_dealloc, db_dealloc},
    {Py_tp_methods, db_methods},
    {Py_tp_getset, db_getset},
    {Py_tp_members, db_members},
    {0, NULL},
};

static PyType_Spec db_spec = {
    .name = "pyorm._core.DBConnection",
    .basicsize = sizeof(DBConnection),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = db_slots,
};

int
orm_dbconn_setup(PyObject *module, orm_state *st)
{
    return orm_type_add(module, st, &db_spec, NULL, &st->DBConnection);
}
