/*
 * conn_type.c - _core.Connection: the base of pyorm.engine.Connection, and its hot methods.
 *
 * Place: Engine.connect() makes one. Rare methods are in Python (pyorm/engine/base.py) over
 *   the underscored ones here.
 * A Connection that is dropped without close() gives its pooled connection back through the
 *   Checkout's destructor, without I/O.
 */
#include "exec_int.h"

static int
conn_traverse(PyObject *self, visitproc visit, void *arg)
{
    ConnectionObject *c = (ConnectionObject *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(c->engine);
    Py_VISIT(c->handle);
    Py_VISIT(c->transaction);
    Py_VISIT(c->nested);
    Py_VISIT(c->options);
    Py_VISIT(c->dict);
    Py_VISIT(c->dispatch);
    return 0;
}

static int
conn_clear(PyObject *self)
{
    ConnectionObject *c = (ConnectionObject *)self;

    while (c->results != NULL) { /* only when garbage: a result owns its connection */
        orm_result_release_garbage(c->results);
    }
    c->conn = NULL;
    Py_CLEAR(c->handle);
    Py_CLEAR(c->transaction);
    Py_CLEAR(c->nested);
    Py_CLEAR(c->dict);
    return 0;
}

static void
conn_dealloc(PyObject *self)
{
    ConnectionObject *c = (ConnectionObject *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (c->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)conn_clear(self);
    Py_CLEAR(c->dispatch);
    Py_CLEAR(c->options);
    Py_CLEAR(c->engine);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Connection(engine): as engine.connect(). */
static PyObject *
conn_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    orm_state *st = orm_state_from_type(type);
    PyObject *engine = NULL;

    if (st == NULL || !PyArg_ParseTuple(args, "O!:Connection", st->EngineCore, &engine)) {
        return NULL;
    }
    return orm_engine_connect(st, engine, NULL);
}

/* ---- execute ---- */

static int
parse_execute(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **out)
{
    static const orm_args_spec spec = {.fname = "execute",
                                       .names = {"statement", "parameters", "execution_options"},
                                       .npositional = 2,
                                       .nrequired = 1,
                                       .count = 3};

    return orm_args_parse(&spec, args, nargs, kwnames, out);
}

static PyObject *
conn_execute(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *out[3] = {NULL, NULL, NULL};

    if (parse_execute(args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    ((ConnectionObject *)self)->asked++;
    return orm_conn_execute((ConnectionObject *)self, out[0], out[1], out[2]);
}

static PyObject *
then(PyObject *result, const char *method)
{
    PyObject *answer = result == NULL ? NULL : PyObject_CallMethod(result, method, NULL);

    Py_XDECREF(result);
    return answer;
}

static PyObject *
conn_scalar(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return then(conn_execute(self, args, nargs, kwnames), "scalar");
}

static PyObject *
conn_scalars(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return then(conn_execute(self, args, nargs, kwnames), "scalars");
}

static PyObject *
conn_exec_driver_sql(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "exec_driver_sql",
                                       .names = {"statement", "parameters", "execution_options"},
                                       .npositional = 3,
                                       .nrequired = 1,
                                       .count = 3};
    PyObject *out[3] = {NULL, NULL, NULL};

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    ((ConnectionObject *)self)->asked++;
    return orm_conn_execute_raw((ConnectionObject *)self, out[0], out[1], out[2]);
}

/* ---- transactions ---- */

static PyObject *
none_or_error(int rc)
{
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
conn_commit(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return none_or_error(orm_connection_commit(self));
}

static PyObject *
conn_rollback(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return none_or_error(orm_connection_rollback(self));
}

static PyObject *
conn_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return none_or_error(orm_connection_close(self));
}

static PyObject *
conn_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(self);
}

static PyObject *
conn_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    return none_or_error(orm_connection_close(self));
}

static PyObject *
conn_begin_impl(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return none_or_error(orm_conn_ready((ConnectionObject *)self, true));
}

static PyObject *
conn_commit_impl(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return none_or_error(orm_conn_commit_impl((ConnectionObject *)self));
}

static PyObject *
conn_rollback_impl(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return none_or_error(orm_conn_rollback_impl((ConnectionObject *)self));
}

/* _twophase_impl(step): ORM_TWO_*. */
static PyObject *
conn_twophase_impl(PyObject *self, PyObject *arg)
{
    long step = PyLong_AsLong(arg);

    if (step == -1 && PyErr_Occurred()) {
        return NULL;
    }
    return none_or_error(orm_conn_twophase((ConnectionObject *)self, (int)step));
}

/* _savepoint_impl(what, name): 0 set, 1 release, 2 roll back to. */
static PyObject *
conn_savepoint_impl(PyObject *self, PyObject *args)
{
    const char *name = NULL;
    int what = 0;

    if (!PyArg_ParseTuple(args, "is:_savepoint_impl", &what, &name)) {
        return NULL;
    }
    if (what < ORM_SP_SET || what > ORM_SP_ROLLBACK_TO) {
        PyErr_SetString(PyExc_ValueError, "_savepoint_impl: 0, 1 or 2");
        return NULL;
    }
    return none_or_error(orm_connection_savepoint(self, what, name));
}

static PyObject *
conn_next_savepoint(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyUnicode_FromFormat("sa_savepoint_%u", ++((ConnectionObject *)self)->savepoints);
}

static PyObject *
conn_ready(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return none_or_error(orm_conn_ready((ConnectionObject *)self, false));
}

static PyObject *
conn_lose(PyObject *self, PyObject *exc)
{
    orm_conn_lose((ConnectionObject *)self, exc == Py_None ? NULL : exc, false);
    Py_RETURN_NONE;
}

static PyObject *
conn_detach(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    ConnectionObject *c = (ConnectionObject *)self;

    if (orm_conn_ready(c, false) < 0) {
        return NULL;
    }
    return none_or_error(orm_checkout_detach(c->handle));
}

/* _set_tx(isolation, readonly, deferrable): of the transactions to come; -1: unset. */
static PyObject *
conn_set_tx(PyObject *self, PyObject *args)
{
    ConnectionObject *c = (ConnectionObject *)self;
    int isolation, readonly, deferrable;

    if (!PyArg_ParseTuple(args, "iii:_set_tx", &isolation, &readonly, &deferrable)) {
        return NULL;
    }
    c->tx = (orm_tx_opts){.isolation = (uint8_t)isolation,
                          .readonly = (int8_t)readonly,
                          .deferrable = (int8_t)deferrable};
    c->flags = (c->flags & ~(uint32_t)ORM_CF_AUTOCOMMIT)
               | (isolation == ORM_ISO_AUTOCOMMIT ? ORM_CF_AUTOCOMMIT : 0u);
    Py_RETURN_NONE;
}

static PyObject *
conn_get_tx(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    ConnectionObject *c = (ConnectionObject *)self;

    return Py_BuildValue("(iii)", c->tx.isolation, c->tx.readonly, c->tx.deferrable);
}

static PyObject *
conn_set_blocked(PyObject *self, PyObject *arg)
{
    ConnectionObject *c = (ConnectionObject *)self;
    int on = PyObject_IsTrue(arg);

    if (on < 0) {
        return NULL;
    }
    c->flags = (c->flags & ~(uint32_t)ORM_CF_BLOCKED) | (on ? ORM_CF_BLOCKED : 0u);
    Py_RETURN_NONE;
}

static PyObject *
conn_get_flag(PyObject *self, void *closure)
{
    uint32_t flag = (uint32_t)(uintptr_t)closure;

    return PyBool_FromLong((((ConnectionObject *)self)->flags & flag) != 0);
}

static PyObject *
conn_get_connection(PyObject *self, void *Py_UNUSED(closure))
{
    ConnectionObject *c = (ConnectionObject *)self;

    if (c->conn == NULL && orm_conn_ready(c, false) < 0) {
        return NULL;
    }
    return Py_NewRef(c->handle);
}

static PyObject *
conn_get_dispatch(PyObject *self, void *Py_UNUSED(closure))
{
    ConnectionObject *c = (ConnectionObject *)self;

    return Py_NewRef(c->dispatch == NULL ? Py_None : (PyObject *)c->dispatch);
}

static int
conn_set_dispatch(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    ConnectionObject *c = (ConnectionObject *)self;

    if (value == NULL || !PyObject_TypeCheck(value, c->st->Dispatch)) {
        PyErr_SetString(PyExc_TypeError, "a Dispatch is needed");
        return -1;
    }
    Py_XSETREF(c->dispatch, (orm_dispatch *)Py_NewRef(value));
    return 0;
}

static int
conn_set_options(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value == NULL || !PyDict_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "execution options are a dict");
        return -1;
    }
    Py_XSETREF(((ConnectionObject *)self)->options, Py_NewRef(value));
    return 0;
}

static PyObject *
conn_get_options(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(((ConnectionObject *)self)->options);
}

/* _transaction and _nested: None is NULL. closure: the field's offset. */
static PyObject **
object_field(PyObject *self, void *closure)
{
    return (PyObject **)((char *)self + (uintptr_t)closure);
}

static PyObject *
conn_get_object(PyObject *self, void *closure)
{
    PyObject *found = *object_field(self, closure);

    return Py_NewRef(found == NULL ? Py_None : found);
}

static int
conn_set_object(PyObject *self, PyObject *value, void *closure)
{
    PyObject **field = object_field(self, closure);

    Py_XSETREF(*field, value == Py_None ? NULL : Py_XNewRef(value));
    return 0;
}

#define EXECUTE_DOC(name, doc)                                                                \
    name "($self, statement, parameters=None, *, execution_options=None)\n--\n\n" doc

static PyMethodDef conn_methods[] = {
    {"execute", ORM_METHOD(conn_execute), ORM_METH_KW,
     EXECUTE_DOC("execute", "Run a statement and return its Result.")},
    {"scalar", ORM_METHOD(conn_scalar), ORM_METH_KW,
     EXECUTE_DOC("scalar", "The first column of the first row, or None.")},
    {"scalars", ORM_METHOD(conn_scalars), ORM_METH_KW,
     EXECUTE_DOC("scalars", "The first column of every row, as a ScalarResult.")},
    {"exec_driver_sql", ORM_METHOD(conn_exec_driver_sql), ORM_METH_KW,
     "exec_driver_sql($self, statement, parameters=None, execution_options=None)\n--\n\n"
     "Run a text as it stands."},
    {"commit", conn_commit, METH_NOARGS, "commit($self)\n--\n\nCommit the transaction, if any."},
    {"rollback", conn_rollback, METH_NOARGS, "rollback($self)\n--\n\nRoll it back, if any."},
    {"close", conn_close, METH_NOARGS, "close($self)\n--\n\nRoll back and give it to the pool."},
    {"__enter__", conn_enter, METH_NOARGS, NULL},
    {"__exit__", ORM_METHOD(conn_exit), METH_FASTCALL, NULL},
    {"_begin_impl", conn_begin_impl, METH_NOARGS, NULL},
    {"_commit_impl", conn_commit_impl, METH_NOARGS, NULL},
    {"_rollback_impl", conn_rollback_impl, METH_NOARGS, NULL},
    {"_twophase_impl", conn_twophase_impl, METH_O, NULL},
    {"_savepoint_impl", conn_savepoint_impl, METH_VARARGS, NULL},
    {"_next_savepoint", conn_next_savepoint, METH_NOARGS, NULL},
    {"_ready", conn_ready, METH_NOARGS, NULL},
    {"_lose", conn_lose, METH_O, NULL},
    {"_detach", conn_detach, METH_NOARGS, NULL},
    {"_set_tx", conn_set_tx, METH_VARARGS, NULL},
    {"_get_tx", conn_get_tx, METH_NOARGS, NULL},
    {"_set_blocked", conn_set_blocked, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

#define FLAG(name, flag, doc) {name, conn_get_flag, NULL, doc, (void *)(uintptr_t)(flag)}

static PyGetSetDef conn_getset[] = {
    FLAG("closed", ORM_CF_CLOSED, "True once close() was called."),
    FLAG("invalidated", ORM_CF_INVALID, "True while the connection is thrown away."),
    FLAG("_begun", ORM_CF_BEGUN, NULL),
    FLAG("_blocked", ORM_CF_BLOCKED, NULL),
    FLAG("_autocommit", ORM_CF_AUTOCOMMIT, NULL),
    FLAG("_echo", ORM_CF_LOG_INFO, NULL),
    {"connection", conn_get_connection, NULL, "The pooled connection in use.", NULL},
    {"_transaction", conn_get_object, conn_set_object, NULL,
     (void *)offsetof(ConnectionObject, transaction)},
    {"_nested", conn_get_object, conn_set_object, NULL,
     (void *)offsetof(ConnectionObject, nested)},
    {"_options", conn_get_options, conn_set_options, NULL, NULL},
    {"_dispatch", conn_get_dispatch, conn_set_dispatch, NULL, NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef conn_members[] = {
    {"engine", Py_T_OBJECT_EX, offsetof(ConnectionObject, engine), Py_READONLY,
     "The engine it came from."},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(ConnectionObject, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(ConnectionObject, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot conn_slots[] = {
    {Py_tp_doc, (void *)"Connection(engine)\n--\n\nA connection of an engine, in use."},
    {Py_tp_new, conn_new},
    {Py_tp_traverse, conn_traverse},
    {Py_tp_clear, conn_clear},
    {Py_tp_dealloc, conn_dealloc},
    {Py_tp_methods, conn_methods},
    {Py_tp_getset, conn_getset},
    {Py_tp_members, conn_members},
    {0, NULL},
};

static PyType_Spec conn_spec = {
    .name = "pyorm._core.Connection",
    .basicsize = sizeof(ConnectionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = conn_slots,
};

int
orm_connection_setup(PyObject *module, orm_state *st)
{
    return orm_type_add(module, st, &conn_spec, NULL, &st->Connection);
}
