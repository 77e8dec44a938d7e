/*
 * session/tx_type.c - SessionTransaction: what begin(), begin_nested() and get_transaction() give.
 *
 * Place: a handle on one level of the session's transaction; transaction.c does the work. As a
 *   context manager it commits at the end of the block, rolls back after an exception, and once
 *   it has ended inside its block it refuses further statements until the block is left.
 * Ownership: the session owns its innermost transaction, each owns its parent. A transaction that
 *   begin() gave out owns its session until it ends (a cycle that the end breaks, or the
 *   collector); others borrow it, so that a forgotten session goes at once.
 */
#include "session/session_int.h"

static int
tx_traverse(PyObject *self, visitproc visit, void *arg)
{
    TxObject *tx = (TxObject *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(tx->keeper);
    Py_VISIT(tx->parent);
    Py_VISIT(tx->cause);
    Py_VISIT(tx->left);
    Py_VISIT(tx->past);
    for (size_t i = 0; i < tx->nconns; i++) {
        Py_VISIT(tx->conns[i].bind);
        Py_VISIT(tx->conns[i].conn);
        Py_VISIT(tx->conns[i].trans);
    }
    for (size_t i = 0; i < tx->nswitches; i++) {
        Py_VISIT(tx->switches[i].obj);
    }
    return orm_headset_traverse(&tx->deleted, visit, arg);
}

/* Drop everything; connections go back by their own destructors. */
static int
tx_clear(PyObject *self)
{
    TxObject *tx = (TxObject *)self;
    tx_conn *conns = tx->conns;
    size_t n = tx->nconns;

    tx->conns = NULL;
    tx->nconns = 0;
    for (size_t i = 0; i < n; i++) {
        Py_XDECREF(conns[i].trans);
        Py_XDECREF(conns[i].conn);
        Py_XDECREF(conns[i].bind);
    }
    PyMem_Free(conns);
    ORM_HEADSET_EACH(&tx->deleted, cell)
    {
        cell->head->session = NULL;
        orm_head_set_left(cell->head, ORM_LEFT_DROPPED);
    }
    orm_headset_fini(&tx->deleted);
    TxObject *parent = tx->parent;
    tx->parent = NULL; /* not handed anything: the session is gone */
    orm_tx_hand_over(tx);
    Py_XDECREF(parent);
    Py_CLEAR(tx->cause);
    Py_CLEAR(tx->keeper);
    Py_CLEAR(tx->past);
    return 0;
}

static void
tx_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)tx_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
none_or_error(int rc)
{
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

/* Run one of the ends of a transaction inside its session. 0 / -1. */
static int
run_end(TxObject *tx, int (*end)(TxObject *tx, bool to_root))
{
    SessionObject *s = (SessionObject *)Py_XNewRef(tx->session);
    int rc = s == NULL ? 0 : orm_session_enter(s);

    if (rc == 0) {
        rc = end(tx, false);
        if (s != NULL) {
            orm_session_leave(s);
        }
    }
    Py_XDECREF(s);
    return rc;
}

static int
end_close(TxObject *tx, bool to_root)
{
    (void)to_root;
    if (tx->session != NULL && orm_session_may_change(tx->session, "close()") < 0) {
        return -1;
    }
    return orm_tx_close(tx);
}

static int
end_prepare(TxObject *tx, bool to_root)
{
    (void)to_root;
    return orm_tx_prepare(tx);
}

static PyObject *
tx_commit(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return none_or_error(run_end((TxObject *)self, orm_tx_commit));
}

static PyObject *
tx_rollback(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return none_or_error(run_end((TxObject *)self, orm_tx_rollback));
}

static PyObject *
tx_close(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return none_or_error(run_end((TxObject *)self, end_close));
}

static PyObject *
tx_prepare(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return none_or_error(run_end((TxObject *)self, end_prepare));
}

/* connection(bindkey, execution_options=None): the Connection of an engine or mapped class. */
static PyObject *
tx_connection(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "connection",
                                       .names = {"bindkey", "execution_options"},
                                       .count = 2, .npositional = 2, .nrequired = 1};
    TxObject *tx = (TxObject *)self;
    PyObject *out[2];
    PyObject *bind = NULL;
    PyObject *conn = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0 || orm_tx_check_active(tx) < 0) {
        return NULL;
    }
    SessionObject *s = (SessionObject *)Py_NewRef(tx->session);
    bind = PyObject_CallMethod((PyObject *)s, "_bind_of_key", "O", out[0]);
    if (bind != NULL && orm_session_enter(s) == 0) {
        conn = Py_XNewRef(orm_tx_connection(tx, bind, out[1]));
        orm_session_leave(s);
    }
    Py_XDECREF(bind);
    Py_DECREF(s);
    return conn;
}

/* bound_connection(bindkey=None, **kwargs): get_bind(bindkey, **kwargs), looked up. */
static PyObject *
tx_bound_connection(PyObject *self, PyObject *args, PyObject *kwargs)
{
    TxObject *tx = (TxObject *)self;
    PyObject *get_bind = NULL;
    PyObject *bind = NULL;
    PyObject *conn = NULL;

    if (tx->session == NULL) {
        orm_raise_exc(orm_state_from_type(Py_TYPE(self)), ORM_EXC_ResourceClosedError,
                      "This transaction is closed");
        return NULL;
    }
    SessionObject *s = (SessionObject *)Py_NewRef(tx->session);
    get_bind = PyObject_GetAttr((PyObject *)s, s->st->s_get_bind);
    bind = get_bind == NULL ? NULL : PyObject_Call(get_bind, args, kwargs);
    if (bind != NULL) {
        conn = Py_XNewRef(orm_tx_known_connection(tx, bind));
        if (conn == NULL) {
            orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                          "This transaction has not acquired a connection for bind %R", bind);
        }
    }
    Py_XDECREF(get_bind);
    Py_XDECREF(bind);
    Py_DECREF(s);
    return conn;
}

/* --- context manager --------------------------------------------------------------------------- */

static PyObject *
tx_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
    TxObject *tx = (TxObject *)self;

    if (orm_tx_check_active(tx) < 0) {
        return NULL;
    }
    tx->in_block = true;
    return Py_NewRef(self);
}

/* The block is left: statements are welcome again. */
static void
unblock(TxObject *tx, SessionObject *s)
{
    tx->in_block = false;
    if (s != NULL && s->blocked == tx) {
        Py_CLEAR(s->blocked);
    }
}

static PyObject *
tx_exit(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    TxObject *tx = (TxObject *)self;
    SessionObject *s = tx->session;
    bool failed = nargs > 0 && args[0] != Py_None;
    int rc = 0;

    if (s == NULL) {
        /* it ended inside: its session remembers that a block is open */
        orm_state *st = orm_state_from_type(Py_TYPE(self));
        orm_session_room *room = st == NULL ? NULL : orm_session_room_of(st);
        ORM_LIST_EACH(it, &room->sessions)
        {
            SessionObject *one = ORM_LIST_ENTRY(it, SessionObject, link);
            if (one->blocked == tx) {
                s = one;
                break;
            }
        }
        Py_XINCREF(s);
        unblock(tx, s);
        Py_XDECREF(s);
        Py_RETURN_FALSE;
    }
    Py_INCREF(s);
    tx->in_block = false;
    if (!failed && (tx->state == ORM_STX_ACTIVE || tx->prepared)) {
        rc = run_end(tx, orm_tx_commit);
        if (rc < 0 && tx->session != NULL) {
            /* COMMIT or its flush failed */
            PyObject *error = PyErr_GetRaisedException();
            if (run_end(tx, orm_tx_rollback) < 0) {
                PyErr_Clear();
            }
            PyErr_SetRaisedException(error);
        }
    }
    else {
        rc = run_end(tx, orm_tx_rollback);
    }
    unblock(tx, s);
    Py_DECREF(s);
    return rc < 0 ? NULL : Py_NewRef(Py_False);
}

/* --- attributes -------------------------------------------------------------------------------- */

static PyObject *
get_session(PyObject *self, void *Py_UNUSED(closure))
{
    TxObject *tx = (TxObject *)self;

    return Py_NewRef(tx->session == NULL ? Py_None : (PyObject *)tx->session);
}

static PyObject *
get_parent(PyObject *self, void *Py_UNUSED(closure))
{
    TxObject *tx = (TxObject *)self;

    return Py_NewRef(tx->parent == NULL ? Py_None : (PyObject *)tx->parent);
}

static PyObject *
get_is_active(PyObject *self, void *Py_UNUSED(closure))
{
    TxObject *tx = (TxObject *)self;

    return PyBool_FromLong(tx->session != NULL && tx->state == ORM_STX_ACTIVE);
}

static PyObject *
get_origin(PyObject *self, void *Py_UNUSED(closure))
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *cls = st == NULL ? NULL
                               : orm_import_once(&st->tx_origin, "pyorm.orm.session",
                                                 "SessionTransactionOrigin");
    PyObject *number = cls == NULL ? NULL : PyLong_FromLong(((TxObject *)self)->origin);
    PyObject *member = number == NULL ? NULL : PyObject_CallOneArg(cls, number);

    Py_XDECREF(number);
    return member;
}

static PyObject *
get_connections(PyObject *self, void *Py_UNUSED(closure))
{
    return orm_tx_connections((TxObject *)self);
}

static PyMethodDef tx_methods[] = {
    {"commit", tx_commit, METH_NOARGS,
     "commit($self)\n--\n\nFlush, then COMMIT or RELEASE SAVEPOINT; what is inside too."},
    {"rollback", tx_rollback, METH_NOARGS,
     "rollback($self)\n--\n\nROLLBACK, or back to the savepoint; instances go back as well."},
    {"close", tx_close, METH_NOARGS, "close($self)\n--\n\nEnd without COMMIT."},
    {"prepare", tx_prepare, METH_NOARGS, "prepare($self)\n--\n\nThe first step of a two-phase commit."},
    {"connection", ORM_METHOD(tx_connection), ORM_METH_KW,
     "connection($self, bindkey, execution_options=None)\n--\n\nThe Connection of an engine or "
     "mapped class in this transaction."},
    {"bound_connection", ORM_METHOD(tx_bound_connection), METH_VARARGS | METH_KEYWORDS,
     "bound_connection($self, bindkey=None, **kwargs)\n--\n\nThe Connection that this transaction "
     "has for what get_bind() answers; none is acquired."},
    {"__enter__", tx_enter, METH_NOARGS, NULL},
    {"__exit__", ORM_METHOD(tx_exit), METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef tx_getset[] = {
    {"session", get_session, NULL, "The session; None once the transaction has ended.", NULL},
    {"parent", get_parent, NULL, "The transaction around this savepoint, or None.", NULL},
    {"is_active", get_is_active, NULL, "False once it ended or was rolled back.", NULL},
    {"origin", get_origin, NULL, "How it began: a SessionTransactionOrigin.", NULL},
    {"connections", get_connections, NULL, "The connections that take part so far.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef tx_members[] = {
    {"nested", Py_T_BOOL, offsetof(TxObject, nested), Py_READONLY, "Whether it is a savepoint."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot tx_slots[] = {
    {Py_tp_doc, (void *)"One level of a session's transaction."},
    {Py_tp_traverse, tx_traverse},
    {Py_tp_clear, tx_clear},
    {Py_tp_dealloc, tx_dealloc},
    {Py_tp_methods, tx_methods},
    {Py_tp_getset, tx_getset},
    {Py_tp_members, tx_members},
    {0, NULL},
};

PyType_Spec orm_tx_spec = {
    .name = "pyorm._core.SessionTransaction",
    .basicsize = sizeof(TxObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = tx_slots,
};
