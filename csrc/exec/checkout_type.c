/*
 * checkout_type.c - Checkout and PoolRecord: one use of a pooled connection, and what lives
 * as long as the connection itself.
 *
 * Place: Connection holds a Checkout; users see it as Connection.connection and get one from
 *   Engine.raw_connection() (SQLAlchemy's PoolProxiedConnection and ConnectionPoolEntry).
 * What Checkout has not itself it takes from its DBConnection, so that it can be used in its
 *   place. One that is dropped without close() goes back through the pool's worker: no I/O
 *   happens in a destructor.
 */
#include "exec_int.h"

/* ---- PoolRecord ---- */

static int
record_traverse(PyObject *self, visitproc visit, void *arg)
{
    PoolRecord *record = (PoolRecord *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(record->db);
    Py_VISIT(record->info);
    Py_VISIT(record->record_info);
    Py_VISIT(record->pool);
    return 0;
}

static int
record_clear(PyObject *self)
{
    PoolRecord *record = (PoolRecord *)self;

    /* db stays: the pool's callback reaches it without the GIL. */
    Py_CLEAR(record->info);
    Py_CLEAR(record->record_info);
    Py_CLEAR(record->pool);
    return 0;
}

static void
record_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)record_clear(self);
    Py_CLEAR(((PoolRecord *)self)->db);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
dict_at(PyObject **slot)
{
    if (*slot == NULL && (*slot = PyDict_New()) == NULL) {
        return NULL;
    }
    return Py_NewRef(*slot);
}

static PyObject *
record_get_info(PyObject *self, void *Py_UNUSED(closure))
{
    return dict_at(&((PoolRecord *)self)->info);
}

static PyObject *
record_get_record_info(PyObject *self, void *Py_UNUSED(closure))
{
    return dict_at(&((PoolRecord *)self)->record_info);
}

static PyObject *
record_get_db(PyObject *self, void *Py_UNUSED(closure))
{
    PoolRecord *record = (PoolRecord *)self;

    return Py_NewRef(record->dead ? Py_None : (PyObject *)record->db);
}

static PyGetSetDef record_getset[] = {
    {"info", record_get_info, NULL, "A dict that lives as long as the connection.", NULL},
    {"record_info", record_get_record_info, NULL, "A dict of the entry.", NULL},
    {"dbapi_connection", record_get_db, NULL, "The raw connection, or None.", NULL},
    {"driver_connection", record_get_db, NULL, "The raw connection, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot record_slots[] = {
    {Py_tp_doc, (void *)"What lives as long as one pooled connection."},
    {Py_tp_traverse, record_traverse},
    {Py_tp_clear, record_clear},
    {Py_tp_dealloc, record_dealloc},
    {Py_tp_getset, record_getset},
    {0, NULL},
};

static PyType_Spec record_spec = {
    .name = "pyorm._core.ConnectionPoolEntry",
    .basicsize = sizeof(PoolRecord),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = record_slots,
};

/* ---- Checkout: giving back ---- */

/* Fire reset: (db, record, number), which the family makes a PoolResetState of: 1 = a transaction
 * was ended already, 2 = the connection will be closed. 0 / -1. */
static int
tell_reset(Checkout *c, orm_dispatch *dispatch, PyObject *record, bool terminate)
{
    PyObject *args[3] = {(PyObject *)c->db, record, NULL};
    int rc = -1;

    if (orm_dispatch_get(dispatch, ORM_PEV_reset) == NULL) {
        return 0;
    }
    args[2] = PyLong_FromLong((c->was_reset ? 1 : 0) | (terminate ? 2 : 0));
    if (args[2] != NULL) {
        rc = orm_dispatch_fire(dispatch, ORM_PEV_reset, args, 3);
        Py_DECREF(args[2]);
    }
    return rc;
}

/* The reset that the pool's reset_on_return asks for, and its listeners. 0 / -1. */
static int
reset(Checkout *c)
{
    PoolCore *pool = c->pool;
    PyObject *args[2] = {(PyObject *)c->db, (PyObject *)c->record};
    orm_err err;
    int rc = tell_reset(c, pool->dispatch, (PyObject *)c->record, false);

    if (rc == 0 && pool->reset_commit && c->entry != NULL) {
        orm_err_init(&err);
        ORM_NOGIL_BEGIN
        rc = pool->driver->commit(c->entry->conn, ORM_NEVER, &err);
        ORM_NOGIL_END
        if (rc < 0) {
            orm_raise(pool->st, &err);
            orm_err_fini(&err);
        }
    }
    if (rc == 0) {
        rc = orm_dispatch_fire(pool->dispatch, ORM_PEV_checkin, args, 2);
    }
    return rc;
}

/* Whether this has to wait for those inside the connection; they will see to it then. */
static bool
put_off(Checkout *c, uint8_t how)
{
    DBConnection *db = c->db;

    if (db == NULL || db->pins == 0) {
        return false;
    }
    if (c->late == ORM_LATE_NONE) {
        c->next_late = db->late;
        db->late = (Checkout *)Py_NewRef(c);
    }
    c->late = how > c->late ? how : c->late;
    return true;
}

void
orm_checkout_finish(Checkout *c)
{
    uint8_t how = c->late;

    c->late = ORM_LATE_NONE;
    if (how != ORM_LATE_RETURN) {
        orm_checkout_discard(c, NULL, how == ORM_LATE_LOST);
    }
    else if (orm_checkout_return(c) < 0) {
        PyErr_WriteUnraisable((PyObject *)c);
    }
}

int
orm_checkout_return(Checkout *c)
{
    orm_pooled *entry = c->entry;
    PoolCore *pool = c->pool;
    int rc = 0;

    if (entry == NULL || put_off(c, ORM_LATE_RETURN)) {
        return 0;
    }
    if (pool->dispatch != NULL || pool->reset_commit) {
        rc = reset(c);
        if (rc < 0) {
            PyObject *exc = PyErr_GetRaisedException();

            orm_checkout_discard(c, exc, false);
            PyErr_SetRaisedException(exc);
            return -1;
        }
        if (c->entry != entry) {
            return 0; /* a listener gave it back, or threw it away */
        }
    }
    c->entry = NULL;
    Py_CLEAR(c->db);
    Py_CLEAR(c->record);
    ORM_NOGIL_BEGIN
    orm_pool_checkin(pool->pool, entry);
    ORM_NOGIL_END
    orm_pool_reap(pool, false);
    return 0;
}

/* Throw away. `told`: checkin listeners hear of it, without a connection. */
static void
throw_away(Checkout *c, PyObject *exc, bool lost, bool told)
{
    orm_pooled *entry = c->entry;
    PoolCore *pool = c->pool;
    PyObject *live = PyErr_GetRaisedException();
    PyObject *args[3] = {(PyObject *)c->db, (PyObject *)c->record, exc == NULL ? Py_None : exc};

    if (orm_dispatch_fire(pool->dispatch, ORM_PEV_invalidate, args, 3) < 0) {
        PyErr_WriteUnraisable((PyObject *)c);
    }
    if (c->entry == entry) { /* else a listener gave it back itself */
        PyObject *gone[2] = {Py_None, (PyObject *)c->record};

        c->entry = NULL;
        c->record = NULL;
        Py_XSETREF(c->info, Py_XNewRef(((PoolRecord *)gone[1])->info));
        Py_CLEAR(c->db);
        ORM_NOGIL_BEGIN
        orm_pool_discard(pool->pool, entry, lost);
        ORM_NOGIL_END
        orm_pool_reap(pool, true);
        if (told && orm_dispatch_fire(pool->dispatch, ORM_PEV_checkin, gone, 2) < 0) {
            PyErr_WriteUnraisable((PyObject *)c);
        }
        Py_DECREF(gone[1]);
    }
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
}

void
orm_checkout_discard(Checkout *c, PyObject *exc, bool lost)
{
    if (c->entry != NULL && !put_off(c, lost ? ORM_LATE_LOST : ORM_LATE_DISCARD)) {
        throw_away(c, exc, lost, true);
    }
}

void
orm_checkout_replace(Checkout *c, PyObject *exc)
{
    if (c->entry != NULL && !put_off(c, ORM_LATE_DISCARD)) {
        throw_away(c, exc, false, false);
    }
}

/* ---- Checkout: life ---- */

static int
checkout_traverse(PyObject *self, visitproc visit, void *arg)
{
    Checkout *c = (Checkout *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(c->pool);
    Py_VISIT(c->record);
    Py_VISIT(c->db);
    Py_VISIT(c->info);
    Py_VISIT(c->dispatch);
    return 0;
}

static int
checkout_clear(PyObject *self)
{
    Checkout *c = (Checkout *)self;
    orm_pooled *entry = c->entry;

    c->entry = NULL;
    if (entry != NULL) {
        ORM_NOGIL_BEGIN
        orm_pool_checkin_later(c->pool->pool, entry);
        ORM_NOGIL_END
    }
    Py_CLEAR(c->db);
    Py_CLEAR(c->record);
    Py_CLEAR(c->info);
    Py_CLEAR(c->dispatch);
    Py_CLEAR(c->pool);
    return 0;
}

/* Dropped without close(): the listeners hear of it as if it had been closed. */
static void
checkout_finalize(PyObject *self)
{
    Checkout *c = (Checkout *)self;
    PyObject *live = NULL;

    if (c->entry == NULL || c->pool->dispatch == NULL || c->late != ORM_LATE_NONE) {
        return;
    }
    live = PyErr_GetRaisedException();
    PyObject *args[2] = {(PyObject *)c->db, (PyObject *)c->record};

    if (tell_reset(c, c->pool->dispatch, (PyObject *)c->record, false) < 0
        || orm_dispatch_fire(c->pool->dispatch, ORM_PEV_checkin, args, 2) < 0) {
        PyErr_WriteUnraisable(self);
    }
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
}

static void
checkout_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    if (PyObject_CallFinalizerFromDealloc(self) < 0) {
        return;
    }
    PyObject_GC_UnTrack(self);
    if (((Checkout *)self)->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)checkout_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* The raw connection, borrowed; NULL with InvalidRequestError when it is gone. */
static DBConnection *
checkout_db(Checkout *c)
{
    if (c->db == NULL) {
        orm_state *st = orm_state_from_type(Py_TYPE(c));

        if (st != NULL) {
            orm_raise_exc(st, ORM_EXC_InvalidRequestError, "This connection is closed");
        }
    }
    return c->db;
}

static PyObject *
checkout_getattro(PyObject *self, PyObject *name)
{
    Checkout *c = (Checkout *)self;
    PyObject *found = PyObject_GenericGetAttr(self, name);

    if (found == NULL && c->db != NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        found = PyObject_GetAttr((PyObject *)c->db, name);
    }
    return found;
}

/* ---- Checkout: methods ---- */

static PyObject *
forward(PyObject *self, const char *method)
{
    DBConnection *db = checkout_db((Checkout *)self);

    return db == NULL ? NULL : PyObject_CallMethod((PyObject *)db, method, NULL);
}

static PyObject *
checkout_commit(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return forward(self, "commit");
}

static PyObject *
checkout_rollback(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return forward(self, "rollback");
}

static PyObject *
checkout_cursor(PyObject *self, PyObject *args, PyObject *kwargs)
{
    DBConnection *db = checkout_db((Checkout *)self);
    PyObject *method = NULL;
    PyObject *cursor = NULL;

    if (db == NULL) {
        return NULL;
    }
    method = PyObject_GetAttrString((PyObject *)db, "cursor");
    if (method != NULL) {
        cursor = PyObject_Call(method, args, kwargs);
        Py_DECREF(method);
    }
    return cursor;
}

static PyObject *
checkout_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    Checkout *c = (Checkout *)self;

    if ((c->pool == NULL && c->db != NULL ? orm_checkout_close_detached(c)
                                          : orm_checkout_return(c)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
checkout_invalidate(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "invalidate", .names = {"e", "soft"}, .npositional = 2, .count = 2};
    Checkout *c = (Checkout *)self;
    PyObject *out[2] = {NULL, NULL};
    int soft;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0
        || (soft = orm_arg_bool(out[1], 0)) < 0) {
        return NULL;
    }
    if (c->entry == NULL) {
        if (c->pool == NULL && !soft) {
            Py_CLEAR(c->db); /* detached: whoever else has it may go on */
        }
        Py_RETURN_NONE;
    }
    if (!soft) {
        orm_checkout_discard(c, out[0], false);
        Py_RETURN_NONE;
    }
    PyObject *told[3] = {(PyObject *)c->db, (PyObject *)c->record,
                         out[0] == NULL ? Py_None : out[0]};

    if (orm_dispatch_fire(c->pool->dispatch, ORM_PEV_soft_invalidate, told, 3) < 0) {
        return NULL;
    }
    if (c->entry != NULL) { /* a listener may have closed it */
        c->record->replaced = true;
        ORM_NOGIL_BEGIN
        orm_pool_retire(c->pool->pool, c->entry);
        ORM_NOGIL_END
    }
    Py_RETURN_NONE;
}

int
orm_checkout_close_detached(Checkout *c)
{
    DBConnection *db = c->db;
    PyObject *told[1] = {(PyObject *)db};
    PyObject *answer = NULL;
    int rc = tell_reset(c, c->dispatch, Py_None, true);

    if (c->db != db) {
        return rc; /* a listener closed it */
    }
    c->db = NULL;
    if (rc == 0) {
        rc = orm_dispatch_fire(c->dispatch, ORM_PEV_close_detached, told, 1);
    }
    PyObject *live = PyErr_GetRaisedException();

    answer = PyObject_CallMethod((PyObject *)db, "close", NULL);
    rc = answer == NULL ? -1 : rc;
    Py_XDECREF(answer);
    Py_DECREF(db);
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
    return rc;
}

int
orm_checkout_detach(Checkout *c)
{
    PyObject *told[2] = {(PyObject *)c->db, (PyObject *)c->record};
    PoolCore *pool = c->pool;
    void *user = NULL;
    orm_conn *conn = NULL;

    if (c->entry == NULL) {
        return 0;
    }
    if (c->db->pins > 0) {
        return orm_raise_exc(pool->st, ORM_EXC_InvalidRequestError,
                             "This connection is in use, by another thread or by the caller of "
                             "this function: it cannot be detached now");
    }
    if (orm_dispatch_fire(pool->dispatch, ORM_PEV_detach, told, 2) < 0) {
        return -1;
    }
    if (c->entry == NULL) {
        return 0; /* a listener gave it back */
    }
    ORM_NOGIL_BEGIN
    conn = orm_pool_detach(pool->pool, c->entry, &user);
    ORM_NOGIL_END
    c->entry = NULL;
    Py_XSETREF(c->info, Py_XNewRef(c->record->info));
    c->dispatch = (orm_dispatch *)Py_XNewRef((PyObject *)pool->dispatch);
    orm_pool_keep_info(pool, c->record);
    c->db->owns = true;
    assert(conn == atomic_load(&c->db->conn));
    (void)conn;
    Py_CLEAR(c->record);
    Py_XDECREF((PyObject *)user); /* the entry's reference */
    Py_CLEAR(c->pool);
    return 0;
}

static PyObject *
checkout_detach(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    if (orm_checkout_detach((Checkout *)self) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
checkout_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self);
}

static PyObject *
checkout_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    return checkout_close(self, NULL);
}

static PyObject *
checkout_get_db(PyObject *self, void *Py_UNUSED(closure))
{
    Checkout *c = (Checkout *)self;

    return Py_NewRef(c->db == NULL ? Py_None : (PyObject *)c->db);
}

static PyObject *
checkout_get_info(PyObject *self, void *Py_UNUSED(closure))
{
    Checkout *c = (Checkout *)self;

    return c->record != NULL ? dict_at(&c->record->info) : dict_at(&c->info);
}

static PyObject *
checkout_get_record_info(PyObject *self, void *Py_UNUSED(closure))
{
    Checkout *c = (Checkout *)self;

    return c->record != NULL ? dict_at(&c->record->record_info) : Py_NewRef(Py_None);
}

static PyObject *
checkout_get_record(PyObject *self, void *Py_UNUSED(closure))
{
    Checkout *c = (Checkout *)self;

    return Py_NewRef(c->record == NULL ? Py_None : (PyObject *)c->record);
}

static PyObject *
checkout_get_valid(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((Checkout *)self)->db != NULL);
}

static PyObject *
checkout_get_detached(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((Checkout *)self)->entry == NULL);
}

PyDoc_STRVAR(invalidate_doc, "invalidate($self, e=None, soft=False)\n--\n\n"
                             "Close the connection instead of giving it back; soft: at close().");

static PyMethodDef checkout_methods[] = {
    {"cursor", ORM_METHOD(checkout_cursor), METH_VARARGS | METH_KEYWORDS, NULL},
    {"commit", checkout_commit, METH_NOARGS, "commit($self)\n--\n\nCommit."},
    {"rollback", checkout_rollback, METH_NOARGS, "rollback($self)\n--\n\nRoll back."},
    {"close", checkout_close, METH_NOARGS, "close($self)\n--\n\nGive it back to the pool."},
    {"invalidate", ORM_METHOD(checkout_invalidate), ORM_METH_KW, invalidate_doc},
    {"detach", checkout_detach, METH_NOARGS, "detach($self)\n--\n\nTake it out of the pool."},
    {"__enter__", checkout_enter, METH_NOARGS, NULL},
    {"__exit__", ORM_METHOD(checkout_exit), METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef checkout_getset[] = {
    {"dbapi_connection", checkout_get_db, NULL, "The raw connection, or None.", NULL},
    {"driver_connection", checkout_get_db, NULL, "The raw connection, or None.", NULL},
    {"info", checkout_get_info, NULL, "A dict that lives as long as the connection.", NULL},
    {"record_info", checkout_get_record_info, NULL, "A dict of the pool's entry.", NULL},
    {"_connection_record", checkout_get_record, NULL, "The pool's entry.", NULL},
    {"is_valid", checkout_get_valid, NULL, "False once invalidated or closed.", NULL},
    {"is_detached", checkout_get_detached, NULL, "True outside of a pool.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef checkout_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Checkout, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot checkout_slots[] = {
    {Py_tp_doc, (void *)"A pooled connection in use; close() gives it back."},
    {Py_tp_traverse, checkout_traverse},
    {Py_tp_clear, checkout_clear},
    {Py_tp_dealloc, checkout_dealloc},
    {Py_tp_finalize, checkout_finalize},
    {Py_tp_getattro, checkout_getattro},
    {Py_tp_methods, checkout_methods},
    {Py_tp_getset, checkout_getset},
    {Py_tp_members, checkout_members},
    {0, NULL},
};

static PyType_Spec checkout_spec = {
    .name = "pyorm._core.PoolProxiedConnection",
    .basicsize = sizeof(Checkout),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = checkout_slots,
};

int
orm_checkout_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &record_spec, NULL, &st->PoolRecord) < 0
        || orm_type_set_module(st->PoolRecord, "pyorm.pool") < 0
        || orm_type_add(module, st, &checkout_spec, NULL, &st->Checkout) < 0
        || orm_type_set_module(st->Checkout, "pyorm.pool") < 0) {
        return -1;
    }
    return 0;
}
