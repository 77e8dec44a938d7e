/*
 * pool_int.h - struct bodies of the raw connection, the pool and its checkouts, private to
 *   exec/. Included through exec_int.h.
 *
 * Lifetime of an orm_conn: the pool owns it; a DBConnection looks at it while the pool has it
 *   (the closed callback nulls the pointer), or owns it (pyorm.dbapi.connect, detach).
 */
#ifndef ORM_EXEC_POOL_INT_H
#define ORM_EXEC_POOL_INT_H

#include <stdatomic.h>

#include "exec/exec.h"
#include "pool/pool.h"

/* Events of a pool, in the order of pyorm.event's pool family. */
#define ORM_POOL_EVENTS(X) \
    X(connect) X(first_connect) X(checkout) X(checkin) X(reset) X(invalidate) \
    X(soft_invalidate) X(close) X(detach) X(close_detached)
enum orm_pool_event {
#define ORM_EVENT_ENUM(name) ORM_PEV_##name,
    ORM_POOL_EVENTS(ORM_EVENT_ENUM)
#undef ORM_EVENT_ENUM
    ORM_PEV_COUNT
};

/* ---- the raw connection (pyorm.dbapi.Connection) ---- */

typedef struct DBConnection {
    PyObject_HEAD
    orm_state *st;
    _Atomic(orm_conn *) conn; /* NULL: closed. Nulled without the GIL by the closed callback */
    const orm_driver *driver;
    PyObject *dict;           /* attributes that users set on it, or NULL; owned */
    PyObject *weakrefs;
    PyObject *row_factory;    /* callable (cursor, tuple) or NULL; owned */
    PyObject *json[2];        /* dumps, loads of the engine, or NULL; owned */
    PyObject *isolation;      /* what `isolation_level` shows ("" = implicit BEGIN), or None */
    orm_tx_opts tx;           /* options of the transactions begun implicitly */
    struct Checkout *late;    /* to be given back or thrown away when nobody is inside; list of
                                 owned references */
    uint32_t pins;            /* calls inside `conn`, and results whose cells are in use */
    bool close_late;          /* close() came while it was pinned */
    bool owns;                /* dealloc and close() close the orm_conn */
    bool autocommit;          /* nothing begins implicitly */
    bool lenient;             /* profile "sqlalchemy" */
    uint8_t style;            /* ORM_STYLE_*: how placeholders of raw SQL are written */
} DBConnection;

/* The living orm_conn, or NULL with an InterfaceError-like exception. */
orm_conn *orm_dbconn_live(DBConnection *db);
/* Begin a transaction by itself, as PEP 249 has it, where none is begun. 0 / -1. */
int orm_dbconn_begin(DBConnection *db);
/* Keep the orm_conn alive while C code is inside it without the GIL, or holds cells of it across
 * Python code. What closes it meanwhile, from another thread or from a callback, takes effect
 * with the last unpin, which keeps a live exception. */
void orm_dbconn_pin(DBConnection *db);
void orm_dbconn_unpin(DBConnection *db);
/* The vtable of "postgresql" or "sqlite"; NULL: ValueError. */
const orm_driver *orm_driver_named(PyObject *name);
ORM_OWNED DBConnection *orm_dbconn_new(orm_state *st, PyTypeObject *type, orm_conn *conn,
                                       const orm_driver *driver, bool owns);
/* lite_user.c: methods (name, nargs, callable, deterministic), (name, callable). */
PyObject *orm_dbconn_create_function(PyObject *self, PyObject *args);
/* Give a SQLite connection its REGEXP. 0 / -1. */
int orm_lite_add_regexp(orm_conn *conn, orm_err *err);
PyObject *orm_dbconn_create_aggregate(PyObject *self, PyObject *args);
PyObject *orm_dbconn_create_collation(PyObject *self, PyObject *args);
/* The class DBConnections are made of: pyorm.dbapi.Connection; borrowed. */
PyTypeObject *orm_dbconn_class(orm_state *st);

/* ---- the pool ---- */

/* What lives as long as one pooled connection: ConnectionPoolEntry. */
typedef struct PoolRecord {
    PyObject_HEAD
    struct PoolRecord *next_closed; /* link of PoolCore.closed */
    DBConnection *db;               /* owned */
    PyObject *info;                 /* dict, cleared with the connection; made at first use */
    PyObject *record_info;          /* dict; made at first use */
    PyObject *pool;                 /* weak reference to the PoolCore */
    orm_mono created;               /* monotonic ns */
    bool dead;                      /* the connection was closed */
    bool replaced;                  /* another connection takes its place: record_info stays */
} PoolRecord;

typedef struct PoolCore {
    PyObject_HEAD
    orm_state *st;
    const orm_driver *driver;
    orm_pool *pool;          /* owned */
    orm_dispatch *dispatch;  /* pool events or NULL; owned */
    orm_dispatch *engine_dispatch; /* of the engine, for do_connect; or NULL; owned */
    PyObject *creator;       /* callable making a DBConnection, or NULL; owned */
    PyObject *opened;        /* dict: address of an orm_conn -> DBConnection made by creator or
                                do_connect, until its record exists; owned */
    PyObject *spare;         /* list of record_info dicts of connections that were replaced, for
                                the next ones; owned */
    PyObject *json[2];       /* for the DBConnections, or NULL; owned */
    PyObject *dict;          /* Python attributes; owned */
    PyObject *weakrefs;
    char **keys, **values;   /* the DSN, n texts each; owned */
    uint32_t n;              /* pairs of the DSN */
    _Atomic(PoolRecord *) closed; /* records whose connection was closed, to be released with
                                     the GIL; pushed by any thread */
    double connect_timeout;  /* seconds for one connect */
    orm_tx_opts tx;          /* copied into new DBConnections */
    bool lenient;            /* likewise */
    bool connected;          /* first_connect listeners have run */
    uint8_t style;           /* ORM_STYLE_* of new DBConnections */
    bool reset_commit;       /* reset_on_return="commit" */
    bool reset_none;         /* reset_on_return=None */
    bool single;             /* AssertionPool: a second checkout is AssertionError */
    bool keeps_info;         /* record_info outlives the connection: QUEUE, THREAD */
} PoolCore;

/* One checked-out connection: PoolProxiedConnection. */
typedef struct Checkout {
    PyObject_HEAD
    PoolCore *pool;     /* owned; NULL after detach */
    orm_pooled *entry;  /* the pool's; NULL once returned, invalidated or detached */
    PoolRecord *record; /* owned; NULL likewise */
    DBConnection *db;   /* owned; NULL once returned or invalidated */
    PyObject *info;     /* of a detached or invalidated connection; owned */
    orm_dispatch *dispatch; /* of the pool it was detached from; NULL before, or none; owned */
    PyObject *weakrefs;
    struct Checkout *next_late; /* link of DBConnection.late */
    uint8_t late;       /* ORM_LATE_*: what to do when db is not pinned any more */
    bool was_reset;     /* its Connection ended a transaction when it gave this back */
} Checkout;

enum { ORM_LATE_NONE, ORM_LATE_RETURN, ORM_LATE_DISCARD, ORM_LATE_LOST };

ORM_OWNED Checkout *orm_pool_take(PoolCore *pool);
/* Give back: reset listeners, rollback. 0 / -1 (the connection is closed then). */
int orm_checkout_return(Checkout *c);
/* Throw away; `lost`: the other idle ones are pinged before use. exc may be NULL. Never fails.
 * _replace: the same where another connection is taken at once: checkin is not told. */
void orm_checkout_replace(Checkout *c, PyObject *exc);
void orm_checkout_discard(Checkout *c, PyObject *exc, bool lost);
/* Close a detached one for good: reset and close_detached listeners. 0 / -1. */
int orm_checkout_close_detached(Checkout *c);
/* Take the connection out of its pool: the Checkout owns it. 0 / -1. */
int orm_checkout_detach(Checkout *c);
/* What orm_checkout_return or _discard put off. Never fails. */
void orm_checkout_finish(Checkout *c);
/* Keep the record_info of a connection for the one that takes its place. Never fails. */
void orm_pool_keep_info(PoolCore *pool, PoolRecord *record);
/* Release the records of closed connections; `replaced`: new ones take their places. */
void orm_pool_reap(PoolCore *pool, bool replaced);

#endif /* ORM_EXEC_POOL_INT_H */
