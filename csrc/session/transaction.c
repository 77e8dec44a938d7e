/*
 * session/transaction.c - the life of a session's transaction: begin, commit, rollback, close.
 *
 * Place: Session methods and SessionTransaction's own come here; connections are tx_conn.c's,
 *   what happens to instances is snapshot.c's.
 * States: ACTIVE -> PREPARED (flushed, COMMIT on its way) -> COMMITTED -> CLOSED;
 *   ACTIVE or PREPARED -> DEACTIVE (rolled back by a failed flush, until rollback()) -> CLOSED.
 * A transaction begins with the first use of the session and has no connection until a
 *   statement needs one.
 */
#include "session/session_int.h"

/* --- begin ------------------------------------------------------------------------------- */

static int
refuse_begin(SessionObject *s, int origin)
{
    if (s->closed) {
        return orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                             "This Session has been permanently closed and is unable to handle "
                             "any more transaction requests.");
    }
    if (s->blocked != NULL) {
        return orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                             "Can't operate on closed transaction inside context manager.  Please "
                             "complete the context manager before emitting further commands.");
    }
    if (origin == ORM_TX_AUTOBEGIN && !s->autobegin) {
        return orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                             "Autobegin is disabled on this Session; please call session.begin() "
                             "to start a new transaction");
    }
    return 0;
}

TxObject *
orm_tx_begin(SessionObject *s, int origin)
{
    TxObject *tx = NULL;
    uint32_t serial = s->serial;

    if (s->tx == NULL && refuse_begin(s, origin) < 0) {
        return NULL;
    }
    if (origin != ORM_TX_SUB && orm_tx_new_serial(s, &serial) < 0) {
        return NULL;
    }
    tx = (TxObject *)s->st->SessionTransaction->tp_alloc(s->st->SessionTransaction, 0);
    if (tx == NULL) {
        return NULL;
    }
    tx->session = s;
    tx->parent = s->tx;
    tx->serial = serial;
    tx->origin = (uint8_t)origin;
    tx->nested = origin == ORM_TX_NESTED;
    s->tx = tx;
    const char *busy = s->busy;
    s->busy = "begin()";
    int rc = orm_session_fire(s, ORM_SEV_after_transaction_create, (PyObject *)tx, NULL);
    s->busy = busy;
    return rc < 0 ? NULL : tx;
}

int
orm_session_autobegin(SessionObject *s)
{
    return s->tx != NULL || orm_tx_begin(s, ORM_TX_AUTOBEGIN) != NULL ? 0 : -1;
}

static int
raise_pending_rollback(orm_state *st, PyObject *cause)
{
    PyObject *text = PyObject_Str(cause);

    if (text == NULL) {
        return -1;
    }
    orm_raise_exc_code(st, ORM_EXC_PendingRollbackError, "7s2a",
                       "This Session's transaction has been rolled back due to a previous "
                       "exception during flush. To begin a new transaction with this Session, "
                       "first issue Session.rollback(). Original exception was: %U", text);
    Py_DECREF(text);
    PyObject *error = PyErr_GetRaisedException();
    PyException_SetCause(error, Py_NewRef(cause));
    PyErr_SetRaisedException(error);
    return -1;
}

int
orm_tx_check_active(TxObject *tx)
{
    orm_state *st;

    if (tx->state == ORM_STX_ACTIVE) {
        return 0;
    }
    if (tx->state == ORM_STX_CLOSED || tx->session == NULL) {
        st = orm_state_from_type(Py_TYPE(tx));
        return st == NULL ? -1
                          : orm_raise_exc(st, ORM_EXC_ResourceClosedError,
                                          "This transaction is closed");
    }
    st = tx->session->st;
    if (tx->state == ORM_STX_DEACTIVE) {
        if (tx->cause != NULL) {
            return raise_pending_rollback(st, tx->cause);
        }
        return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                             "This session is in 'inactive' state, due to the SQL transaction "
                             "being rolled back; no further SQL can be emitted within this "
                             "transaction.");
    }
    return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                         "This session is in '%s' state; no further SQL can be emitted within "
                         "this transaction.",
                         tx->state == ORM_STX_PREPARED ? "prepared" : "committed");
}

int
orm_session_may_change(SessionObject *s, const char *method)
{
    const char *now = s->changing != NULL ? s->changing : s->busy;

    if (now != NULL) {
        return orm_raise_exc(s->st, ORM_EXC_IllegalStateChangeError,
                             "Method '%s' can't be called here; method '%s' is already in "
                             "progress and this would cause an unexpected state change", method,
                             now);
    }
    return 0;
}

/* One change of the transaction at a time: listeners cannot commit inside a commit. */
static int
change_begin(SessionObject *s, const char *method)
{
    if (orm_session_may_change(s, method) < 0) {
        return -1;
    }
    s->changing = method;
    return 0;
}

/* --- end --------------------------------------------------------------------------------- */

/* The innermost transaction is over: give its connections back, uncover its parent. */
static int
tx_end(SessionObject *s, TxObject *tx)
{
    int rc;

    assert(s->tx == tx);
    rc = orm_tx_conns_release(tx);
    orm_tx_hand_over(tx);
    s->tx = tx->parent; /* owned by the session now */
    tx->parent = NULL;
    tx->state = ORM_STX_CLOSED;
    tx->cause = NULL;
    if (s->tx == NULL) {
        s->serial = 0;
    }
    if (tx->in_block) {
        Py_XSETREF(s->blocked, (TxObject *)Py_NewRef(tx));
    }
    if (rc == 0) {
        rc = orm_session_fire(s, ORM_SEV_after_transaction_end, (PyObject *)tx, NULL);
    }
    tx->session = NULL;
    Py_CLEAR(tx->keeper); /* not the last reference: the session is at work */
    return rc;
}

/* End the innermost transaction; consumes the session's reference, keeps a live exception. */
static int
tx_pop(SessionObject *s)
{
    TxObject *tx = s->tx;
    PyObject *cause = tx->cause;
    PyObject *live = PyErr_GetRaisedException();
    int rc = tx_end(s, tx);

    Py_XDECREF(cause);
    Py_DECREF(tx);
    if (live != NULL) {
        if (rc < 0) {
            PyErr_Clear();
        }
        PyErr_SetRaisedException(live);
        rc = -1;
    }
    return rc;
}

/* Close what is inside tx, without COMMIT. */
static int
close_inner(SessionObject *s, TxObject *tx)
{
    int rc = 0;

    while (s->tx != NULL && s->tx != tx) {
        if (tx_pop(s) < 0) {
            rc = -1;
        }
    }
    return rc;
}

int
orm_tx_close(TxObject *tx)
{
    SessionObject *s = tx->session;
    int rc = 0;

    if (s == NULL) {
        return 0;
    }
    Py_INCREF(tx);
    rc = close_inner(s, tx);
    if (s->tx == tx && tx_pop(s) < 0) {
        rc = -1;
    }
    Py_DECREF(tx);
    return rc;
}

/* --- commit ------------------------------------------------------------------------------ */

static int
flush_all(SessionObject *s)
{
    for (int i = 0; i < 100; i++) {
        if (orm_session_is_clean(s)) {
            return 0;
        }
        if (orm_session_flush(s, NULL) < 0) {
            return -1;
        }
    }
    PyObject *cls = PyObject_GetAttrString(
        orm_import_once(&s->st->orm_exc_module, "pyorm.orm.exc", NULL), "FlushError");
    if (cls != NULL) {
        PyErr_SetString(cls, "Over 100 subsequent flushes have occurred within session.commit() - "
                             "is an after_flush() hook creating new objects?");
        Py_DECREF(cls);
    }
    return -1;
}

/* Flush for the innermost transaction's commit; with two phases prepare its connections. 0 / -1. */
static int
prepare_one(SessionObject *s)
{
    TxObject *tx = s->tx;

    if (orm_tx_check_active(tx) < 0
        || orm_session_fire(s, ORM_SEV_before_commit, NULL, NULL) < 0) {
        return -1;
    }
    if (!s->flushing && flush_all(s) < 0) {
        return -1;
    }
    if (s->tx != tx) {
        return orm_raise_exc(s->st, ORM_EXC_IllegalStateChangeError,
                             "A listener of before_commit or of the flush has ended the "
                             "transaction that is being committed");
    }
    if (s->twophase && tx->parent == NULL) {
        if (orm_tx_conns_prepare(tx) < 0) {
            return -1;
        }
        tx->prepared = true;
    }
    tx->state = ORM_STX_PREPARED;
    return 0;
}

/* Commit the innermost transaction. */
static int
commit_one(SessionObject *s)
{
    TxObject *tx = s->tx;
    int rc = tx->prepared && tx->state == ORM_STX_PREPARED ? 0 : prepare_one(s);

    if (rc < 0) {
        return -1;
    }
    tx = s->tx;
    tx->prepared = false;
    if (orm_tx_conns_commit(tx) < 0) {
        return -1; /* stays PREPARED: rollback() is what is left */
    }
    tx->state = ORM_STX_COMMITTED;
    rc = orm_session_fire(s, ORM_SEV_after_commit, NULL, NULL);
    PyObject *live = rc < 0 ? PyErr_GetRaisedException() : NULL;
    if (orm_tx_keep(tx) < 0 && live == NULL) {
        live = PyErr_GetRaisedException();
    }
    PyErr_Clear();
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
    return tx_pop(s);
}

int
orm_tx_prepare(TxObject *tx)
{
    SessionObject *s = tx->session;
    int rc = -1;

    if (s == NULL) {
        return orm_tx_check_active(tx);
    }
    if (!s->twophase || tx->parent != NULL || s->tx != tx) {
        return orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                             "'twophase' mode not enabled, or not root transaction; can't "
                             "prepare.");
    }
    if (change_begin(s, "prepare()") < 0) {
        return -1;
    }
    Py_INCREF(tx);
    rc = prepare_one(s);
    s->changing = NULL;
    if (rc < 0 && tx->session == s && s->tx == tx) {
        PyObject *error = PyErr_GetRaisedException(); /* nobody commits the half of it */
        if (orm_tx_rollback(tx, true) < 0) {
            PyErr_Clear();
        }
        PyErr_SetRaisedException(error);
    }
    Py_DECREF(tx);
    return rc;
}

int
orm_tx_commit(TxObject *tx, bool to_root)
{
    SessionObject *s = tx->session;
    int rc = 0;

    if (s == NULL) {
        return orm_tx_check_active(tx);
    }
    if (change_begin(s, "commit()") < 0) {
        return -1;
    }
    Py_INCREF(tx);
    for (bool last = false; rc == 0 && !last && s->tx != NULL;) {
        last = to_root ? s->tx->parent == NULL : s->tx == tx;
        rc = commit_one(s);
    }
    s->changing = NULL;
    Py_DECREF(tx);
    return rc;
}

/* --- rollback ---------------------------------------------------------------------------- */

/* Database and instances go back to where tx began. */
static int
undo(SessionObject *s, TxObject *tx, bool keep_pending)
{
    PyObject *first = NULL;

    if (tx->state == ORM_STX_ACTIVE || tx->state == ORM_STX_PREPARED) {
        if (orm_tx_conns_rollback(tx) < 0) {
            first = PyErr_GetRaisedException();
        }
        tx->state = ORM_STX_DEACTIVE;
        if (first == NULL && orm_session_fire(s, ORM_SEV_after_rollback, NULL, NULL) < 0) {
            first = PyErr_GetRaisedException();
        }
    }
    else if (s->dirty.live + s->doomed.live > 0
             && orm_warn(s->st, ORM_EXC_SAWarning, 2,
                         "Session's state has been changed on a non-active transaction - this "
                         "state will be discarded.") < 0) {
        first = PyErr_GetRaisedException();
    }
    if (orm_tx_restore(tx, keep_pending) < 0 && first == NULL) {
        first = PyErr_GetRaisedException();
    }
    s->s.write_epoch++;
    PyErr_Clear();
    if (first != NULL) {
        PyErr_SetRaisedException(first);
        return -1;
    }
    return 0;
}

static int
rollback_one(SessionObject *s, TxObject *tx)
{
    int rc = 0;

    Py_INCREF(tx);
    rc = close_inner(s, tx);
    if (rc == 0) {
        rc = undo(s, tx, false);
    }
    if (s->tx == tx && tx_pop(s) < 0) {
        rc = -1;
    }
    if (rc == 0) {
        rc = orm_session_fire(s, ORM_SEV_after_soft_rollback, (PyObject *)tx, NULL);
    }
    Py_DECREF(tx);
    return rc;
}

int
orm_tx_rollback(TxObject *tx, bool to_root)
{
    SessionObject *s = tx->session;
    int rc = 0;

    if (s == NULL) {
        return orm_tx_check_active(tx);
    }
    if (change_begin(s, "rollback()") < 0) {
        return -1;
    }
    Py_INCREF(tx);
    TxObject *target = tx;
    while (to_root && target->parent != NULL) {
        target = target->parent; /* its snapshot covers those of all savepoints inside */
    }
    rc = rollback_one(s, target);
    s->changing = NULL;
    Py_DECREF(tx);
    return rc;
}

void
orm_tx_flush_failed(SessionObject *s)
{
    PyObject *error = PyErr_GetRaisedException();
    TxObject *tx = s->tx;

    while (tx != NULL && tx->origin == ORM_TX_SUB) {
        tx = tx->parent;
    }
    if (tx != NULL && tx->state == ORM_STX_ACTIVE) {
        Py_INCREF(tx);
        if (undo(s, tx, true) < 0) {
            PyErr_Clear(); /* the flush's own error tells more */
        }
        Py_XSETREF(tx->cause, Py_XNewRef(error));
        Py_DECREF(tx);
    }
    if (error != NULL) {
        PyErr_SetRaisedException(error);
    }
}

/* --- the session's own ------------------------------------------------------------------- */

int
orm_session_commit(SessionObject *s)
{
    if (orm_session_autobegin(s) < 0) {
        return -1;
    }
    return orm_tx_commit(s->tx, true);
}

int
orm_session_rollback(SessionObject *s)
{
    return s->tx == NULL ? 0 : orm_tx_rollback(s->tx, true);
}

int
orm_session_close(SessionObject *s, uint8_t how)
{
    int rc = 0;

    if (change_begin(s, "close()") < 0) {
        return -1;
    }
    if (how != ORM_LEFT_RESET && !s->close_resets_only) {
        s->closed = true;
    }
    rc = orm_session_expunge_all(s, how);
    if (close_inner(s, NULL) < 0) {
        rc = -1;
    }
    s->changing = NULL;
    return rc;
}
