/*
 * session/session_int.h - struct bodies of the Session and its transactions, and what the files
 * of session/ give each other.
 *
 * Where an instance of a session can be, and what keeps it alive:
 *   pending     session->fresh (strong, in add order), ORM_H_NEW
 *   persistent  session->s.map (weak); session->dirty (strong) while ORM_H_MODIFIED;
 *               session->doomed (strong) once delete() marked it, ORM_H_DELETING
 *   deleted     tx->deleted (strong) until the end of the transaction, ORM_H_DELETED
 *   loose       session->loose (strong): enable_relationship_loading()
 *   Nothing else has head->session set; whoever takes an instance out of these clears it.
 * Which transaction an instance was born in, or written in, stands in its head: 9-bit serials
 *   that grow with every savepoint. Rolling back a transaction with serial n concerns all heads
 *   with a serial >= n, also those of inner savepoints released since; a release costs nothing.
 * Locking: the GIL; a call that can release it stands between orm_session_enter and _leave,
 *   and a second thread is refused (ConcurrentSessionUse).
 */
#ifndef ORM_SESSION_SESSION_INT_H
#define ORM_SESSION_SESSION_INT_H

#include "session/headset.h"
#include "session/session.h"

#include "orm/load.h"

typedef struct SessionObject SessionObject;
typedef struct TxObject TxObject;

/* --- struct bodies ---------------------------------------------------------------------- */

enum { ORM_JOIN_CONDITIONAL, ORM_JOIN_ROLLBACK_ONLY, ORM_JOIN_CONTROL_FULLY, ORM_JOIN_SAVEPOINT };

struct SessionObject {
    PyObject_HEAD
    orm_session s;        /* what orm/ and unit/ see; its owner is this object */
    orm_state *st;        /* module state */
    orm_list link;        /* in the room's list of living sessions */
    PyObject *dict;       /* owned: Python attributes; NULL until there is one */
    PyObject *weakrefs;
    PyObject *bind;       /* owned: Engine, Connection, or NULL */
    PyObject *binds;      /* owned: Python's table of binds by mapper and table, or NULL */
    PyObject *options;    /* owned dict of execution options of every statement, or NULL */
    PyObject *info;       /* owned dict or NULL until asked for */
    PyObject *query_cls;  /* owned or NULL: the default Query */
    orm_mapper *last;     /* owned: whom get() was asked for last, or NULL */
    orm_headset fresh;    /* pending instances */
    orm_headset dirty;    /* persistent instances with ORM_H_MODIFIED */
    orm_headset doomed;   /* persistent instances that the next flush deletes */
    orm_headset loose;    /* attached to load relationships only: neither pending nor in the map */
    TxObject *tx;         /* owned: the innermost transaction or savepoint; NULL: none begun */
    TxObject *blocked;    /* owned: a `with` block is open whose transaction has ended */
    uint32_t serial;      /* last serial given to a transaction; 0 outside transactions */
    uint32_t depth;       /* C calls of this session now running (nested by listeners) */
    unsigned long thread; /* who runs them; valid with depth > 0 */
    const char *changing; /* "commit()", "rollback()", "close()": now at work; NULL */
    const char *busy;     /* "flush()", "begin()", "connection()": stands on the transaction; NULL */
    uint8_t join_mode;    /* ORM_JOIN_* */
    uint8_t leaving;      /* ORM_LEFT_*: what takes all instances out now; 0: nothing */
    bool autoflush, expire_on_commit, autobegin;
    bool close_resets_only, closed; /* close() leaves the session usable; it was final */
    bool twophase;        /* commits in two steps: PREPARE TRANSACTION on all connections first */
    bool routed;          /* binds are many, or get_bind() is the user's own: ask Python */
    bool flushing;
};

enum { ORM_TX_BEGIN, ORM_TX_NESTED, ORM_TX_AUTOBEGIN, ORM_TX_SUB }; /* SessionTransaction.origin */
enum { ORM_STX_ACTIVE, ORM_STX_PREPARED, ORM_STX_COMMITTED, ORM_STX_DEACTIVE, ORM_STX_CLOSED };

/* A connection that takes part in a transaction. */
typedef struct tx_conn {
    PyObject *bind;   /* owned: the Engine or Connection it was asked for */
    PyObject *conn;   /* owned Connection */
    PyObject *trans;  /* owned Transaction object; NULL: the Connection's own root transaction */
    bool commits;     /* the session's commit() commits it */
    bool closes;      /* the session checked it out and gives it back */
} tx_conn;

/* A primary key that a flush changed. */
typedef struct tx_switch {
    orm_head *head; /* borrowed from obj */
    PyObject *obj;  /* owned */
    orm_key old;    /* obj owned; token owned by `token` */
    PyObject *token; /* owned or NULL */
} tx_switch;

struct TxObject { /* pyorm.orm.SessionTransaction */
    PyObject_HEAD
    SessionObject *session; /* borrowed; NULL once the session is gone or the transaction closed */
    SessionObject *keeper;  /* owned: the session, from begin() to the end; NULL: nobody asked */
    TxObject *parent;       /* owned; NULL: the root */
    PyObject *cause;        /* owned: what a failed flush raised, or NULL */
    tx_conn *conns;         /* PyMem; usually one */
    size_t nconns;
    PyObject *past;         /* owned frozenset: they, once they are given back; or NULL */
    tx_switch *switches;    /* PyMem */
    size_t nswitches;
    orm_headset deleted;    /* DELETE flushed in this transaction */
    PyObject *left;         /* owned list of weakrefs: born in it, expunged then; or NULL */
    uint32_t serial;        /* see the file's head */
    uint8_t origin;         /* ORM_TX_* */
    uint8_t state;          /* ORM_STX_* */
    bool nested;            /* a savepoint */
    bool marked, in_block;  /* heads with its serial may exist; a `with` block is open */
    bool prepared;          /* flushed, and its connections' transactions are prepared */
};

typedef struct orm_session_room { /* in the module state */
    orm_list sessions; /* all living SessionObjects */
    uint64_t last_id;
} orm_session_room;
orm_session_room *orm_session_room_of(orm_state *st);

#define ORM_SESSION_OF(sess) \
    ((SessionObject *)(void *)((char *)(sess) - offsetof(SessionObject, s)))
#define ORM_HAS_KEY(h) (((h)->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)) != 0)
#define ORM_BORN(h) ((h)->flags >> ORM_H_BORN_SHIFT & 0x1ff)
#define ORM_WRITTEN(h) ((h)->flags >> ORM_H_WRITTEN_SHIFT & 0x1ff)
enum { ORM_SERIAL_MAX = 0x1ff };

/* --- session_type.c --------------------------------------------------------------------- */
extern PyType_Spec orm_session_spec;
/* methods.c */
extern PyMethodDef orm_session_methods[];
extern PyGetSetDef orm_session_getset[];
extern PyMemberDef orm_session_members[];
PyObject *orm_session_iter(PyObject *self);
int orm_session_sq_contains(PyObject *self, PyObject *obj);
/* Refuse a second thread; counts the call. 0 / -1. */
static inline int
orm_session_enter(SessionObject *s)
{
    unsigned long me = PyThread_get_thread_ident();
    if (s->depth > 0 && s->thread != me) {
        return orm_raise_exc(s->st, ORM_EXC_ConcurrentSessionUse,
                             "This Session is in use by another thread: a Session and its objects "
                             "belong to one thread at a time; give each thread a Session of its own");
    }
    s->thread = me;
    s->depth++;
    return 0;
}
#define orm_session_leave(s) ((void)(s)->depth--)

/* --- notify.c: events ------------------------------------------------------------------- */
static inline bool
orm_session_listens(const SessionObject *s, int event)
{
    return orm_dispatch_get(s->s.events, event) != NULL;
}
int orm_session_fire(SessionObject *s, int event, PyObject *a, PyObject *b); /* (session, a, b) */
/* (session, instance) for a change of state. 0 / -1. */
int orm_session_fire_head(SessionObject *s, int event, orm_head *h);
int orm_session_fire_expire(orm_head *h, PyObject *names); /* instance event `expire` */
/* Text of an instance inside an error: *text owned. Always -1, with exception. */
int orm_session_raise_head(SessionObject *s, int exc, const char *format, orm_head *h);

/* --- states.c: add, delete, expunge ------------------------------------------------------- */
int orm_session_attach(SessionObject *s, orm_head *h, PyObject *obj); /* without cascade; 0 / -1 */
int orm_session_delete(SessionObject *s, PyObject *obj);
/* Attach an instance so that its relationships load; it is not written. 0 / -1. */
int orm_session_enable_loading(SessionObject *s, PyObject *obj);
int orm_session_expunge(SessionObject *s, PyObject *obj);
int orm_session_expunge_all(SessionObject *s, uint8_t how); /* ORM_LEFT_* */
/* Take h out of the session; to_transient: its identity goes too. Fires the event. 0 / -1. */
int orm_session_detach(SessionObject *s, orm_head *h, bool to_transient);
/* Enter a head with identity into the map; another instance there is an error. 0 / -1. */
int orm_session_enter_map(SessionObject *s, orm_head *h);
bool orm_session_contains(SessionObject *s, const orm_head *h);
int orm_session_on_dirty(orm_session *sess, orm_head *h);
/* h's row is gone: it is deleted as if a flush had done it. 0 / -1. */
int orm_session_forget_deleted(SessionObject *s, orm_head *h);
/* Forget a change of h: out of the dirty set, flag cleared. */
void orm_session_clean(SessionObject *s, orm_head *h);

/* --- expire.c: expire, refresh, what attributes load -------------------------------------- */
extern const orm_session_ops orm_session_ops_table;
int orm_session_expire_head(SessionObject *s, orm_head *h);
PyObject *orm_session_expire(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);
PyObject *orm_session_expire_all(PyObject *self, PyObject *unused);
PyObject *orm_session_refresh(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);

/* --- get.c ---------------------------------------------------------------------------------- */
PyObject *orm_session_get(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);
PyObject *orm_session_get_one(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);

/* --- execute.c ------------------------------------------------------------------------------ */
PyObject *orm_session_subject(PyObject *self, PyObject *statement);
PyObject *orm_session_execute(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);
PyObject *orm_session_scalar(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);
PyObject *orm_session_scalars(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);

/* --- flush.c -------------------------------------------------------------------------------- */
bool orm_session_is_clean(const SessionObject *s);
int orm_session_flush(SessionObject *s, PyObject *objects);
int orm_session_autoflush(SessionObject *s); /* if enabled, and not now flushing. 0 / -1 */

/* --- transaction.c -------------------------------------------------------------------------- */
extern PyType_Spec orm_tx_spec;
/* Raise IllegalStateChangeError if `method` cannot be called now, by a listener. 0 / -1. */
int orm_session_may_change(SessionObject *s, const char *method);
int orm_session_autobegin(SessionObject *s); /* begin one unless there is one. 0 / -1 */
int orm_tx_check_active(TxObject *tx);       /* it is usable. 0 / -1 */
TxObject *orm_tx_begin(SessionObject *s, int origin); /* borrowed: s->tx */
/* The Connection of a bind within the innermost transaction, borrowed from it. */
PyObject *orm_session_connection(SessionObject *s, PyObject *bind, PyObject *options);
/* The same for a mapper (may be NULL) and clause (may be NULL): by get_bind(). */
PyObject *orm_session_connection_for(SessionObject *s, orm_mapper *m, PyObject *clause,
                                     PyObject *bind_arguments);
int orm_tx_commit(TxObject *tx, bool to_root);
int orm_tx_prepare(TxObject *tx); /* of a two-phase session's root transaction. 0 / -1 */
int orm_tx_rollback(TxObject *tx, bool to_root);
int orm_tx_close(TxObject *tx);
/* A flush failed, with the live exception: roll back the innermost transaction, keep the
   pending instances, remember why. Keeps the exception. */
void orm_tx_flush_failed(SessionObject *s);
int orm_session_commit(SessionObject *s);
int orm_session_rollback(SessionObject *s);
int orm_session_close(SessionObject *s, uint8_t how); /* ORM_LEFT_CLOSE, _RESET, _INVALIDATE */

/* --- tx_conn.c ------------------------------------------------------------------------------ */
PyObject *orm_tx_connection(TxObject *tx, PyObject *bind, PyObject *options); /* borrowed */
PyObject *orm_tx_known_connection(TxObject *tx, PyObject *bind); /* borrowed; NULL: none */
PyObject *orm_tx_connections(TxObject *tx); /* new frozenset */
int orm_tx_conns_prepare(TxObject *tx); /* two-phase: the first step. 0 / -1 */
int orm_tx_conns_commit(TxObject *tx);
int orm_tx_conns_rollback(TxObject *tx);
int orm_tx_conns_release(TxObject *tx); /* close what the session opened, forget all */

/* --- snapshot.c ----------------------------------------------------------------------------- */
int orm_tx_new_serial(SessionObject *s, uint32_t *out); /* 0 / -1: too many savepoints */
/* Instances as they were when tx began; keep_pending: the pending ones stay. 0 / -1, all is done. */
int orm_tx_restore(TxObject *tx, bool keep_pending);
int orm_tx_keep(TxObject *tx); /* after COMMIT or RELEASE. 0 / -1 */
/* tx ends without either: its parent takes over what it remembers. Runs no Python. */
void orm_tx_hand_over(TxObject *tx);
/* h, born in one of s's transactions, is being expunged. 0 / -1. */
int orm_tx_note_left(SessionObject *s, orm_head *h, PyObject *obj);
int orm_tx_note_switch(TxObject *tx, orm_head *h, const orm_key *old);
static inline void
orm_head_set_born(orm_head *h, uint32_t serial)
{
    h->flags = (h->flags & ~((uint32_t)0x1ff << ORM_H_BORN_SHIFT)) | serial << ORM_H_BORN_SHIFT;
}
static inline void
orm_head_set_written(orm_head *h, uint32_t serial)
{
    orm_head_set_left(h, serial); /* the same bits */
}

#endif
