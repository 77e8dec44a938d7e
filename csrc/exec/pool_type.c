/*
 * pool_type.c - PoolCore: the Python face of a C pool; pyorm.pool's classes derive from it.
 *
 * Place: Engine -> PoolCore.connect() -> Checkout (checkout_type.c) -> orm_conn.
 * Opening: the C pool calls `open_one` in the thread that checks out, without the GIL. It
 *   opens by the DSN itself; with `creator` or listeners of do_connect it takes the GIL and
 *   lets Python make a DBConnection, whose orm_conn it takes over.
 * Closing: the pool may close a connection in any thread; `closed_one` then nulls the pointer
 *   of its DBConnection and pushes the record on a stack that the next thread with the GIL
 *   empties (orm_pool_reap). No Python object is touched without the GIL.
 */
#include "exec_int.h"

#include <math.h>

static int
check_signals(void *Py_UNUSED(arg))
{
    PyGILState_STATE gil = PyGILState_Ensure();
    int rc = PyErr_CheckSignals();

    PyGILState_Release(gil);
    return rc;
}

orm_waiter
orm_exec_waiter(void)
{
    return (orm_waiter){.check = check_signals, .wake_fd = -1};
}

/* ---- callbacks of the C pool ---- */

/* With the GIL: let Python make the connection. */
static int
open_by_python(PoolCore *pool, orm_conn **out, orm_err *err)
{
    PyObject *made = PyObject_CallMethod((PyObject *)pool, "_make_connection", NULL);
    DBConnection *db = NULL;
    PyObject *key = NULL;
    orm_conn *conn = NULL;
    int rc = -1;

    if (made == NULL) {
        goto done;
    }
    if (!PyObject_TypeCheck(made, pool->st->DBConnection)) {
        PyErr_Format(PyExc_TypeError,
                     "the pool's creator returned %.100s; it must return a connection made by "
                     "pyorm.dbapi.connect()",
                     Py_TYPE(made)->tp_name);
        goto done;
    }
    db = (DBConnection *)made;
    conn = orm_dbconn_live(db);
    if (conn == NULL) {
        goto done;
    }
    if (db->driver != pool->driver) {
        PyErr_Format(PyExc_TypeError, "the pool is for %s, its creator connected to %s",
                     pool->driver->name, db->driver->name);
        goto done;
    }
    key = PyLong_FromVoidPtr(conn);
    if (key != NULL && PyDict_SetItem(pool->opened, key, made) == 0) {
        db->owns = false; /* the pool closes it from now on */
        *out = conn;
        rc = 0;
    }

done:
    Py_XDECREF(key);
    Py_XDECREF(made);
    return rc < 0 ? orm_err_set(err, ORM_E_SIGNAL, "a Python exception is set") : 0;
}

static int
open_one(void *arg, orm_mono deadline, const orm_waiter *w, orm_conn **out, orm_err *err)
{
    PoolCore *pool = arg;
    orm_dsn dsn = {.keys = (const char *const *)pool->keys,
                   .values = (const char *const *)pool->values,
                   .n = pool->n};

    int rc;

    if (pool->creator != NULL
        || orm_dispatch_get(pool->engine_dispatch, ORM_EV_do_connect) != NULL) {
        PyGILState_STATE gil = PyGILState_Ensure();

        rc = open_by_python(pool, out, err);
        PyGILState_Release(gil);
    }
    else {
        deadline = orm_mono_earlier(deadline, orm_mono_after(pool->connect_timeout));
        rc = pool->driver->open(&dsn, deadline, w, out, err);
    }
    if (rc == 0 && pool->driver->dialect == ORM_LITE && orm_lite_add_regexp(*out, err) < 0) {
        pool->driver->close(*out);
        *out = NULL;
        rc = -1;
    }
    return rc;
}

static void
closed_one(void *arg, void *user)
{
    PoolCore *pool = arg;
    PoolRecord *record = user;
    PoolRecord *head = atomic_load(&pool->closed);

    atomic_store(&record->db->conn, NULL);
    do {
        record->next_closed = head;
    } while (!atomic_compare_exchange_weak(&pool->closed, &head, record));
}

void
orm_pool_keep_info(PoolCore *pool, PoolRecord *record)
{
    if (pool->keeps_info && record->record_info != NULL
        && PyList_Append(pool->spare, record->record_info) < 0) {
        PyErr_WriteUnraisable((PyObject *)pool);
    }
}

void
orm_pool_reap(PoolCore *pool, bool replaced)
{
    PoolRecord *record = NULL;
    PyObject *live = NULL;

    if (atomic_load(&pool->closed) == NULL) {
        return;
    }
    record = atomic_exchange(&pool->closed, NULL);
    live = PyErr_GetRaisedException();

    while (record != NULL) {
        PoolRecord *next = record->next_closed;
        PyObject *args[2] = {(PyObject *)record->db, (PyObject *)record};

        if (replaced || record->replaced) {
            orm_pool_keep_info(pool, record);
        }
        if (orm_dispatch_fire(pool->dispatch, ORM_PEV_close, args, 2) < 0) {
            PyErr_WriteUnraisable((PyObject *)pool);
        }
        record->dead = true;
        Py_DECREF(record); /* the pool's reference */
        record = next;
    }
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
}

/* ---- taking one ---- */

static PoolRecord *
record_new(PoolCore *pool, orm_pooled *entry)
{
    orm_state *st = pool->st;
    PyObject *key = PyLong_FromVoidPtr(entry->conn);
    PoolRecord *record = NULL;
    PyObject *db = NULL;

    if (key == NULL) {
        return NULL;
    }
    db = Py_XNewRef(PyDict_GetItemWithError(pool->opened, key)); /* borrow-ok: owned at once */
    if (db != NULL) {
        (void)PyDict_DelItem(pool->opened, key);
    }
    else if (!PyErr_Occurred()) {
        PyTypeObject *type = orm_dbconn_class(st);

        db = type == NULL ? NULL
                          : (PyObject *)orm_dbconn_new(st, type, entry->conn, pool->driver, false);
    }
    Py_DECREF(key);
    if (db == NULL) {
        return NULL;
    }
    record = (PoolRecord *)st->PoolRecord->tp_alloc(st->PoolRecord, 0);
    if (record == NULL) {
        Py_DECREF(db);
        return NULL;
    }
    record->db = (DBConnection *)db;
    record->created = entry->created;
    if (PyList_GET_SIZE(pool->spare) > 0) {
        Py_ssize_t last = PyList_GET_SIZE(pool->spare) - 1;

        record->record_info = Py_NewRef(PyList_GET_ITEM(pool->spare, last));
        if (PyList_SetSlice(pool->spare, last, last + 1, NULL) < 0) {
            Py_CLEAR(record);
            return NULL;
        }
    }
    record->pool = PyWeakref_NewRef((PyObject *)pool, NULL);
    if (record->pool == NULL) {
        Py_CLEAR(record);
        return NULL;
    }
    record->db->tx = pool->tx;
    record->db->lenient = pool->lenient;
    record->db->style = pool->style;
    for (int i = 0; i < 2; i++) {
        Py_XSETREF(record->db->json[i], Py_XNewRef(pool->json[i]));
    }
    return record;
}

/* A connection that was just opened: make its record, tell the listeners. */
static int
first_time(PoolCore *pool, orm_pooled *entry)
{
    PoolRecord *record = record_new(pool, entry);
    PyObject *args[2];
    int rc;

    if (record == NULL) {
        return -1;
    }
    args[0] = (PyObject *)record->db;
    args[1] = (PyObject *)record;
    entry->user = record; /* the entry's reference */
    if (!pool->connected) {
        pool->connected = true;
        if (orm_dispatch_fire(pool->dispatch, ORM_PEV_first_connect, args, 2) < 0) {
            return -1;
        }
    }
    rc = orm_dispatch_fire(pool->dispatch, ORM_PEV_connect, args, 2);
    if (rc == 0 && pool->driver->tx_state(entry->conn) == ORM_TX_OPEN && !pool->reset_none) {
        /* A listener's statements must not leave the first user inside a transaction. */
        orm_err err;

        orm_err_init(&err);
        ORM_NOGIL_BEGIN
        rc = pool->driver->commit(entry->conn, ORM_NEVER, &err);
        ORM_NOGIL_END
        if (rc < 0) {
            orm_raise(pool->st, &err);
            orm_err_fini(&err);
        }
    }
    return rc;
}

static void
discard_entry(PoolCore *pool, orm_pooled *entry)
{
    PyObject *live = PyErr_GetRaisedException();

    ORM_NOGIL_BEGIN
    orm_pool_discard(pool->pool, entry, false);
    ORM_NOGIL_END
    orm_pool_reap(pool, true);
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
}

static orm_pooled *
take_entry(PoolCore *pool)
{
    orm_waiter waiter = orm_exec_waiter();
    uint64_t key = PyThreadState_GetID(PyThreadState_Get());
    orm_pooled *entry = NULL;
    orm_err err;
    int rc;

    if (pool->pool == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the pool was not set up: call its __init__");
        return NULL;
    }
    orm_pool_reap(pool, false);
    orm_err_init(&err);
    ORM_NOGIL_BEGIN
    rc = orm_pool_checkout(pool->pool, key, ORM_NEVER, &waiter, &entry, &err);
    ORM_NOGIL_END
    if (rc < 0) {
        if (pool->single && err.code == ORM_E_POOL_TIMEOUT) {
            PyErr_SetString(PyExc_AssertionError, "connection is already checked out");
        }
        else {
            orm_raise(pool->st, &err);
        }
        orm_err_fini(&err);
        return NULL;
    }
    orm_pool_reap(pool, true); /* what was found dead or too old, and replaced */
    if (entry->user == NULL && first_time(pool, entry) < 0) {
        discard_entry(pool, entry);
        return NULL;
    }
    return entry;
}

/* checkout listeners; 1: one asked for another connection, 0, -1. */
static int
tell_checkout(PoolCore *pool, Checkout *c)
{
    PyObject *args[3] = {(PyObject *)c->db, (PyObject *)c->record, (PyObject *)c};
    PyObject *cls = NULL;

    if (orm_dispatch_fire(pool->dispatch, ORM_PEV_checkout, args, 3) == 0) {
        return 0;
    }
    PyObject *live = PyErr_GetRaisedException(); /* the class may have to be imported */

    cls = orm_exc_class(pool->st, ORM_EXC_DisconnectionError);
    if (cls == NULL) {
        PyErr_Clear();
    }
    PyErr_SetRaisedException(live);
    return cls != NULL && PyErr_ExceptionMatches(cls) ? 1 : -1;
}

static Checkout *
checkout_new(PoolCore *pool)
{
    orm_state *st = pool->st;
    orm_pooled *entry = take_entry(pool);
    Checkout *c = NULL;

    if (entry == NULL) {
        return NULL;
    }
    c = (Checkout *)st->Checkout->tp_alloc(st->Checkout, 0);
    if (c == NULL) {
        discard_entry(pool, entry);
        return NULL;
    }
    c->pool = (PoolCore *)Py_NewRef(pool);
    c->entry = entry;
    c->record = (PoolRecord *)Py_NewRef((PyObject *)entry->user);
    c->db = (DBConnection *)Py_NewRef(c->record->db);
    return c;
}

static Checkout *
take(PoolCore *pool)
{
    Checkout *c = NULL;

    for (int attempt = 0; attempt < 2; attempt++) {
        c = checkout_new(pool);
        int rc = c == NULL ? -1 : tell_checkout(pool, c);

        if (c == NULL || rc == 0) {
            return c;
        }
        PyObject *exc = PyErr_GetRaisedException();

        if (rc > 0) {
            orm_checkout_replace(c, exc);
        }
        else {
            orm_checkout_discard(c, exc, false);
        }
        Py_DECREF(c);
        if (rc < 0) {
            PyErr_SetRaisedException(exc);
            return NULL;
        }
        Py_XDECREF(exc);
    }
    c = checkout_new(pool); /* a third one is opened, and given up: the order of events */
    if (c != NULL) {
        orm_checkout_discard(c, NULL, false);
        Py_DECREF(c);
        orm_raise_exc(pool->st, ORM_EXC_InvalidRequestError, "This connection is closed");
    }
    return NULL;
}

Checkout *
orm_pool_take(PoolCore *pool)
{
    Checkout *c = NULL;

    Py_INCREF(pool); /* Engine.dispose() in another thread may put a new one in its place */
    c = take(pool);
    Py_DECREF(pool);
    return c;
}

/* ---- configuration ---- */

static char **
copy_texts(PyObject *dict, bool values)
{
    char **texts = PyMem_Calloc((size_t)PyDict_GET_SIZE(dict) + 1, sizeof(char *));
    PyObject *key = NULL;
    PyObject *value = NULL;
    Py_ssize_t pos = 0;
    Py_ssize_t i = 0;

    if (texts == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    while (PyDict_Next(dict, &pos, &key, &value)) {
        const char *text = NULL;

        if (!PyUnicode_Check(key) || !PyUnicode_Check(value)) {
            PyErr_SetString(PyExc_TypeError, "connection parameters are str");
        }
        else {
            text = PyUnicode_AsUTF8(values ? value : key);
        }
        texts[i] = text == NULL ? NULL : orm_strdup(text);
        if (texts[i] == NULL) {
            if (!PyErr_Occurred()) {
                PyErr_NoMemory();
            }
            while (i > 0) {
                orm_free(texts[--i]);
            }
            PyMem_Free(texts);
            return NULL;
        }
        i++;
    }
    return texts;
}

static void
free_texts(char **texts, uint32_t n)
{
    for (uint32_t i = 0; texts != NULL && i < n; i++) {
        orm_free(texts[i]);
    }
    PyMem_Free(texts);
}

static int64_t
as_ms(double seconds)
{
    return seconds < 0 || isnan(seconds) ? -1
           : seconds > 1e12              ? INT64_MAX / 2
                                         : (int64_t)(seconds * 1000.0);
}

/* _configure(driver, dsn, creator, kind, reset, pre_ping, lifo, size, max_overflow, timeout,
 * recycle, connect_timeout, json_dumps, json_loads, lenient, style): once, from __init__. */
static PyObject *
pool_configure(PyObject *self, PyObject *args)
{
    PoolCore *pool = (PoolCore *)self;
    PyObject *name = NULL;
    PyObject *dsn = NULL;
    PyObject *creator = NULL;
    PyObject *json[2] = {NULL, NULL};
    const char *reset = NULL;
    int kind, pre_ping, lifo, size, max_overflow, lenient, style;
    double timeout, recycle;
    orm_pool_opts opts = {0};
    orm_err err;

    if (!PyArg_ParseTuple(args, "UO!OizppiidddOOpi:_configure", &name, &PyDict_Type, &dsn,
                          &creator, &kind, &reset, &pre_ping, &lifo, &size, &max_overflow,
                          &timeout, &recycle, &pool->connect_timeout, &json[0], &json[1],
                          &lenient, &style)) {
        return NULL;
    }
    if (pool->pool != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the pool is configured already");
        return NULL;
    }
    pool->driver = orm_driver_named(name);
    pool->keys = pool->driver == NULL ? NULL : copy_texts(dsn, false);
    pool->values = pool->keys == NULL ? NULL : copy_texts(dsn, true);
    if (pool->values == NULL) {
        return NULL;
    }
    pool->n = (uint32_t)PyDict_GET_SIZE(dsn);
    Py_XSETREF(pool->creator, creator == Py_None ? NULL : Py_NewRef(creator));
    for (int i = 0; i < 2; i++) {
        Py_XSETREF(pool->json[i], json[i] == Py_None ? NULL : Py_NewRef(json[i]));
    }
    pool->lenient = lenient;
    pool->style = (uint8_t)style;
    pool->reset_commit = reset != NULL && strcmp(reset, "commit") == 0;
    pool->reset_none = reset == NULL;
    pool->keeps_info = kind == ORM_POOL_QUEUE || kind == ORM_POOL_THREAD;
    opts = (orm_pool_opts){.kind = (uint8_t)kind,
                           .reset = reset == NULL ? ORM_RESET_NONE : ORM_RESET_ROLLBACK,
                           .pre_ping = pre_ping,
                           .lifo = lifo,
                           .size = size,
                           .max_overflow = max_overflow,
                           .timeout_ms = as_ms(timeout),
                           .recycle_ms = as_ms(recycle),
                           .open = open_one,
                           .closed = closed_one,
                           .arg = pool};
    orm_err_init(&err);
    pool->pool = orm_pool_new(&opts, pool->driver, &err);
    if (pool->pool == NULL) {
        orm_raise(pool->st, &err);
        orm_err_fini(&err);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
pool_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    orm_state *st = orm_state_from_type(type);
    PoolCore *pool = st == NULL ? NULL : (PoolCore *)type->tp_alloc(type, 0);

    if (pool != NULL) {
        pool->st = st;
        pool->tx = (orm_tx_opts){.isolation = ORM_ISO_DEFAULT, .readonly = -1, .deferrable = -1};
        pool->opened = PyDict_New();
        pool->spare = PyList_New(0);
        if (pool->opened == NULL || pool->spare == NULL) {
            Py_CLEAR(pool);
        }
    }
    return (PyObject *)pool;
}

static int
pool_traverse(PyObject *self, visitproc visit, void *arg)
{
    PoolCore *pool = (PoolCore *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(pool->dispatch);
    Py_VISIT(pool->engine_dispatch);
    Py_VISIT(pool->creator);
    Py_VISIT(pool->opened);
    Py_VISIT(pool->spare);
    Py_VISIT(pool->json[0]);
    Py_VISIT(pool->json[1]);
    Py_VISIT(pool->dict);
    return 0;
}

static int
pool_clear(PyObject *self)
{
    PoolCore *pool = (PoolCore *)self;

    Py_CLEAR(pool->dispatch);
    Py_CLEAR(pool->engine_dispatch);
    Py_CLEAR(pool->creator);
    Py_CLEAR(pool->json[0]);
    Py_CLEAR(pool->json[1]);
    Py_CLEAR(pool->dict);
    return 0;
}

static void
pool_dealloc(PyObject *self)
{
    PoolCore *pool = (PoolCore *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (pool->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    if (pool->pool != NULL) {
        ORM_NOGIL_BEGIN
        orm_pool_free(pool->pool);
        ORM_NOGIL_END
        pool->pool = NULL;
    }
    Py_CLEAR(pool->dispatch); /* nobody is told: the pool is gone already */
    orm_pool_reap(pool, false);
    (void)pool_clear(self);
    Py_CLEAR(pool->opened);
    Py_CLEAR(pool->spare);
    free_texts(pool->keys, pool->n);
    free_texts(pool->values, pool->n);
    type->tp_free(self);
    Py_DECREF(type);
}

/* ---- methods ---- */

static PyObject *
pool_connect(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return (PyObject *)orm_pool_take((PoolCore *)self);
}

/* The idle connections leave the pool without being closed: they live as long as somebody has
 * the DBConnection, which owns them from now on. */
static PyObject *
pool_abandon(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PoolCore *pool = (PoolCore *)self;
    void *user = NULL;

    while (pool->pool != NULL && orm_pool_take_idle(pool->pool, &user)) {
        PoolRecord *record = user;

        if (record != NULL) {
            record->db->owns = true;
            Py_DECREF(record); /* the entry's reference */
        }
    }
    orm_pool_reap(pool, false);
    Py_RETURN_NONE;
}

static PyObject *
pool_dispose(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PoolCore *pool = (PoolCore *)self;

    if (pool->pool != NULL) {
        ORM_NOGIL_BEGIN
        orm_pool_dispose(pool->pool);
        ORM_NOGIL_END
    }
    orm_pool_reap(pool, false);
    Py_RETURN_NONE;
}

static PyObject *
pool_bump(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    orm_pool_bump(((PoolCore *)self)->pool);
    Py_RETURN_NONE;
}

static PyObject *
pool_stats(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PoolCore *pool = (PoolCore *)self;
    orm_pool_stats s = {0};

    if (pool->pool != NULL) {
        orm_pool_read_stats(pool->pool, &s);
    }
    return Py_BuildValue("{sisisIsIsIsIsIsKsKsKsKsKsKsK}", "size", s.size, "max_overflow",
                         s.max_overflow, "idle", s.idle, "settling", s.settling, "busy", s.busy,
                         "used", s.used, "waiters", s.waiters, "generation", s.generation,
                         "checkouts", s.checkouts, "opens", s.opens, "closes", s.closes, "pings",
                         s.pings, "waits", s.waits, "timeouts", s.timeouts);
}

static PyObject *
pool_get_dispatch(PyObject *self, void *Py_UNUSED(closure))
{
    PoolCore *pool = (PoolCore *)self;

    return Py_NewRef(pool->dispatch == NULL ? Py_None : (PyObject *)pool->dispatch);
}

static int
set_dispatch(orm_state *st, orm_dispatch **slot, PyObject *value)
{
    if (value == NULL || !PyObject_TypeCheck(value, st->Dispatch)) {
        PyErr_SetString(PyExc_TypeError, "a Dispatch is needed");
        return -1;
    }
    Py_XSETREF(*slot, (orm_dispatch *)Py_NewRef(value));
    return 0;
}

static int
pool_set_dispatch(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    PoolCore *pool = (PoolCore *)self;

    return set_dispatch(pool->st, &pool->dispatch, value);
}

static PyObject *
pool_get_engine_dispatch(PyObject *self, void *Py_UNUSED(closure))
{
    PoolCore *pool = (PoolCore *)self;

    return Py_NewRef(pool->engine_dispatch == NULL ? Py_None : (PyObject *)pool->engine_dispatch);
}

static int
pool_set_engine_dispatch(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    PoolCore *pool = (PoolCore *)self;

    return set_dispatch(pool->st, &pool->engine_dispatch, value);
}

static PyMethodDef pool_methods[] = {
    {"connect", pool_connect, METH_NOARGS, "connect($self)\n--\n\nCheck a connection out."},
    {"_configure", pool_configure, METH_VARARGS, NULL},
    {"_dispose", pool_dispose, METH_NOARGS, NULL},
    {"_abandon", pool_abandon, METH_NOARGS, NULL},
    {"_bump", pool_bump, METH_NOARGS, NULL},
    {"_stats", pool_stats, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef pool_getset[] = {
    {"_dispatch", pool_get_dispatch, pool_set_dispatch, NULL, NULL},
    {"_engine_dispatch", pool_get_engine_dispatch, pool_set_engine_dispatch, NULL, NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef pool_members[] = {
    {"_isolation", Py_T_UBYTE, offsetof(PoolCore, tx.isolation), 0, NULL},
    {"_single", Py_T_BOOL, offsetof(PoolCore, single), 0, NULL},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(PoolCore, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(PoolCore, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot pool_slots[] = {
    {Py_tp_doc, (void *)"The C side of a connection pool."},
    {Py_tp_new, pool_new},
    {Py_tp_traverse, pool_traverse},
    {Py_tp_clear, pool_clear},
    {Py_tp_dealloc, pool_dealloc},
    {Py_tp_methods, pool_methods},
    {Py_tp_getset, pool_getset},
    {Py_tp_members, pool_members},
    {0, NULL},
};

static PyType_Spec pool_spec = {
    .name = "pyorm._core.PoolCore",
    .basicsize = sizeof(PoolCore),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = pool_slots,
};

int
orm_poolcore_setup(PyObject *module, orm_state *st)
{
    static const struct {
        const char *name;
        int value;
    } kinds[] = {{"POOL_QUEUE", ORM_POOL_QUEUE},
                 {"POOL_NULL", ORM_POOL_NULL},
                 {"POOL_STATIC", ORM_POOL_STATIC},
                 {"POOL_THREAD", ORM_POOL_THREAD}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (PyModule_AddIntConstant(module, kinds[i].name, kinds[i].value) < 0) {
            return -1;
        }
    }
    return orm_type_add(module, st, &pool_spec, NULL, &st->PoolCore);
}
