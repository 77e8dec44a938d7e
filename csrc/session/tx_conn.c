/*
 * session/tx_conn.c - the connections of a transaction.
 *
 * Place: transaction.c begins and ends; get, execute and flush ask here for the Connection of an
 *   engine. It is checked out at the first statement that needs it, and its BEGIN travels with
 *   that statement. A savepoint is set when the first statement inside it needs its connection.
 * A Connection given by the user takes part as join_transaction_mode says: what began before the
 *   session came is not committed by it.
 */
#include "session/session_int.h"

/* --- asking the Connection's Python methods (rare: savepoints, joined transactions) --------- */

static int
ask_bool(PyObject *conn, const char *method)
{
    PyObject *answer = PyObject_CallMethod(conn, method, NULL);
    int truth = answer == NULL ? -1 : PyObject_IsTrue(answer);

    Py_XDECREF(answer);
    return truth;
}

static int
tell(PyObject *trans, const char *method)
{
    PyObject *answer = PyObject_CallMethod(trans, method, NULL);

    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* How the session takes part in what the user's Connection has begun. 0 / -1. */
static int
join(SessionObject *s, tx_conn *c)
{
    int inner = ask_bool(c->conn, "in_nested_transaction");
    int mode = s->join_mode;

    if (inner < 0) {
        return -1;
    }
    if (mode == ORM_JOIN_CONDITIONAL) {
        mode = inner ? ORM_JOIN_SAVEPOINT : ORM_JOIN_ROLLBACK_ONLY;
    }
    c->commits = mode != ORM_JOIN_ROLLBACK_ONLY;
    c->trans = PyObject_CallMethod(c->conn,
                                   mode == ORM_JOIN_SAVEPOINT ? "begin_nested"
                                   : inner                    ? "get_nested_transaction"
                                                              : "get_transaction",
                                   NULL);
    return c->trans == NULL ? -1 : 0;
}

static int
apply_options(PyObject *conn, PyObject *options)
{
    PyObject *method = NULL;
    PyObject *args = NULL;
    PyObject *answer = NULL;

    if (options == NULL || options == Py_None || PyObject_Size(options) <= 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    method = PyObject_GetAttrString(conn, "execution_options");
    args = method == NULL ? NULL : PyTuple_New(0);
    PyObject *kw = args == NULL ? NULL : PyDict_New();
    if (kw != NULL && PyDict_Update(kw, options) == 0) {
        answer = PyObject_Call(method, args, kw);
    }
    Py_XDECREF(kw);
    Py_XDECREF(args);
    Py_XDECREF(method);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

/* The session's options, and those given for this connection, which win. 0 / -1. */
static int
apply_all_options(SessionObject *s, PyObject *conn, PyObject *options)
{
    PyObject *all = NULL;
    int rc = 0;

    if (s->options == NULL) {
        return apply_options(conn, options);
    }
    all = PyDict_Copy(s->options);
    if (all == NULL
        || (options != NULL && options != Py_None && PyDict_Update(all, options) < 0)) {
        rc = -1;
    }
    rc = rc < 0 ? rc : apply_options(conn, all);
    Py_XDECREF(all);
    return rc;
}

/* Begin on a Connection without a transaction. 0 / -1. */
static int
begin_root(SessionObject *s, tx_conn *c)
{
    if (!s->twophase) {
        return orm_connection_begin(c->conn);
    }
    c->trans = PyObject_CallMethod(c->conn, "begin_twophase", NULL);
    return c->trans == NULL ? -1 : 0;
}

/* --- the first statement on a bind --------------------------------------------------------- */

static int
open_root(TxObject *tx, tx_conn *c, PyObject *options)
{
    SessionObject *s = tx->session;
    int begun;

    if (!orm_connection_check(s->st, c->bind)) {
        if (!orm_engine_check(s->st, c->bind)) {
            PyErr_Format(PyExc_AttributeError, "'%.200s' object has no attribute 'connect'",
                         Py_TYPE(c->bind)->tp_name);
            return -1;
        }
        c->conn = orm_engine_connect(s->st, c->bind, NULL);
        c->closes = c->commits = true;
        return c->conn == NULL || apply_all_options(s, c->conn, options) < 0 ? -1 : begin_root(s, c);
    }
    c->conn = Py_NewRef(c->bind);
    if (apply_all_options(s, c->conn, options) < 0) {
        return -1;
    }
    begun = orm_connection_in_transaction(c->conn);
    if (begun && !s->twophase) {
        return join(s, c);
    }
    c->commits = true;
    return begin_root(s, c);
}

static int
open_nested(TxObject *tx, tx_conn *c, PyObject *options)
{
    PyObject *conn = orm_tx_connection(tx->parent, c->bind, options);

    if (conn == NULL) {
        return -1;
    }
    c->conn = Py_NewRef(conn);
    c->commits = true;
    c->trans = PyObject_CallMethod(conn, "begin_nested", NULL);
    return c->trans == NULL ? -1 : 0;
}

static void
conn_fini(tx_conn *c)
{
    PyObject *live = PyErr_GetRaisedException();

    if (c->closes && c->conn != NULL && orm_connection_close(c->conn) < 0) {
        PyErr_Clear();
    }
    Py_CLEAR(c->trans);
    Py_CLEAR(c->conn);
    Py_CLEAR(c->bind);
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
}

/* The entry of a bind: for a Connection also the one its engine was opened for. */
static tx_conn *
find(TxObject *tx, PyObject *bind)
{
    for (size_t i = 0; i < tx->nconns; i++) {
        if (tx->conns[i].bind == bind || tx->conns[i].conn == bind) {
            return &tx->conns[i];
        }
    }
    return NULL;
}

PyObject *
orm_tx_known_connection(TxObject *tx, PyObject *bind)
{
    while (tx->origin == ORM_TX_SUB && tx->parent != NULL) {
        tx = tx->parent;
    }
    tx_conn *known = find(tx, bind);

    return known == NULL ? NULL : known->conn;
}

PyObject *
orm_tx_connections(TxObject *tx)
{
    PyObject *list = NULL;
    PyObject *set = NULL;

    if (tx->past != NULL) {
        return Py_NewRef(tx->past);
    }
    list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < tx->nconns; i++) {
        if (PyList_Append(list, tx->conns[i].conn) < 0) {
            Py_CLEAR(list);
        }
    }
    set = list == NULL ? NULL : PyFrozenSet_New(list);
    Py_XDECREF(list);
    return set;
}

PyObject *
orm_tx_connection(TxObject *tx, PyObject *bind, PyObject *options)
{
    tx_conn *known = NULL;
    tx_conn c = {0};
    tx_conn *grown = NULL;
    PyObject *conn = NULL;
    int rc;

    if (orm_tx_check_active(tx) < 0) {
        return NULL;
    }
    if (tx->origin == ORM_TX_SUB) {
        return orm_tx_connection(tx->parent, bind, options);
    }
    known = find(tx, bind);
    if (known != NULL) {
        if (options != NULL && options != Py_None && PyObject_Size(options) > 0
            && orm_warn(tx->session->st, ORM_EXC_SAWarning, 2,
                        "Connection is already established for the given bind; execution_options "
                        "ignored") < 0) {
            return NULL;
        }
        return known->conn;
    }
    c.bind = Py_NewRef(bind);
    Py_INCREF(tx);
    SessionObject *s = (SessionObject *)Py_NewRef(tx->session);
    const char *busy = s->busy;
    s->busy = "connection()";
    rc = tx->nested ? open_nested(tx, &c, options) : open_root(tx, &c, options);
    if (rc == 0) {
        grown = PyMem_Realloc(tx->conns, (tx->nconns + 1) * sizeof(*grown));
        if (grown == NULL) {
            PyErr_NoMemory();
            rc = -1;
        }
    }
    if (rc < 0) {
        conn_fini(&c);
        s->busy = busy;
        Py_DECREF(s);
        Py_DECREF(tx);
        return NULL;
    }
    tx->conns = grown;
    tx->conns[tx->nconns++] = c;
    conn = c.conn;
    rc = orm_session_fire(s, ORM_SEV_after_begin, (PyObject *)tx, conn);
    s->busy = busy;
    Py_DECREF(s);
    Py_DECREF(tx);
    return rc < 0 ? NULL : conn;
}

PyObject *
orm_session_connection(SessionObject *s, PyObject *bind, PyObject *options)
{
    return orm_session_autobegin(s) < 0 ? NULL : orm_tx_connection(s->tx, bind, options);
}

PyObject *
orm_session_connection_for(SessionObject *s, orm_mapper *m, PyObject *clause,
                           PyObject *bind_arguments)
{
    PyObject *bind = NULL;
    PyObject *conn = NULL;

    if (!s->routed && s->bind != NULL && bind_arguments == NULL) {
        return orm_session_connection(s, s->bind, NULL);
    }
    /* session._route(mapper, clause, bind_arguments) -> get_bind(...) of the user */
    bind = PyObject_CallMethod((PyObject *)s, "_route", "OOO",
                               m == NULL || m->py == NULL ? Py_None : m->py,
                               clause == NULL ? Py_None : clause,
                               bind_arguments == NULL ? Py_None : bind_arguments);
    if (bind != NULL) {
        conn = orm_session_connection(s, bind, NULL);
        Py_DECREF(bind); /* conn's entry holds it */
    }
    return conn;
}

/* --- ending ------------------------------------------------------------------------------ */

int
orm_tx_conns_prepare(TxObject *tx)
{
    for (size_t i = 0; i < tx->nconns; i++) {
        tx_conn *c = &tx->conns[i];
        if (c->commits && (c->trans == NULL || tell(c->trans, "prepare") < 0)) {
            return -1;
        }
    }
    return 0;
}

int
orm_tx_conns_commit(TxObject *tx)
{
    for (size_t i = 0; i < tx->nconns; i++) {
        tx_conn *c = &tx->conns[i];
        if (!c->commits) {
            continue;
        }
        PyObject *held = Py_NewRef(c->conn);
        int rc = c->trans != NULL ? tell(c->trans, "commit") : orm_connection_commit(held);
        Py_DECREF(held);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_tx_conns_rollback(TxObject *tx)
{
    PyObject *first = NULL;

    for (size_t i = 0; i < tx->nconns; i++) {
        tx_conn *c = &tx->conns[i];
        PyObject *held = Py_NewRef(c->conn);
        int rc = c->trans != NULL ? tell(c->trans, "rollback") : orm_connection_rollback(held);
        Py_DECREF(held);
        if (rc < 0 && first == NULL) {
            first = PyErr_GetRaisedException();
        }
        PyErr_Clear();
    }
    if (first != NULL) {
        PyErr_SetRaisedException(first);
        return -1;
    }
    return 0;
}

int
orm_tx_conns_release(TxObject *tx)
{
    tx_conn *conns = tx->conns;
    size_t n = tx->nconns;
    PyObject *first = NULL;

    if (n > 0 && Py_REFCNT(tx) > 1) { /* else nobody can ask */
        PyObject *past = orm_tx_connections(tx);

        PyErr_Clear(); /* no memory to remember them */
        Py_XSETREF(tx->past, past);
    }
    tx->conns = NULL;
    tx->nconns = 0;
    tx->session->s.write_epoch++; /* what was loaded ahead is of this transaction */
    for (size_t i = 0; i < n; i++) {
        tx_conn *c = &conns[i];
        int rc = 0;
        if (tx->state != ORM_STX_COMMITTED && c->commits && !c->closes) {
            /* close() without commit(): what the session began on the user's Connection */
            rc = c->trans != NULL ? tell(c->trans, "close") : orm_connection_rollback(c->conn);
        }
        if (tx->state != ORM_STX_COMMITTED && c->closes && c->trans != NULL && !tx->nested) {
            rc = tell(c->trans, "close"); /* what is prepared would outlive the connection */
        }
        if (c->closes && c->conn != NULL) {
            rc = orm_connection_close(c->conn);
            c->closes = false;
        }
        if (rc < 0 && first == NULL) {
            first = PyErr_GetRaisedException();
        }
        PyErr_Clear();
        conn_fini(c);
    }
    PyMem_Free(conns);
    if (first != NULL) {
        PyErr_SetRaisedException(first);
        return -1;
    }
    return 0;
}
