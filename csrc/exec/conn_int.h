/*
 * conn_int.h - struct bodies of Engine, Connection and one execution, private to exec/.
 *
 * Included through exec_int.h.
 */
#ifndef ORM_EXEC_CONN_INT_H
#define ORM_EXEC_CONN_INT_H

#include "exec/pool_int.h"

/* ---- engines ---- */

typedef struct EngineCore {
    PyObject_HEAD
    orm_state *st;
    PoolCore *pool;         /* owned; NULL where there is a base: orm_engine_pool */
    PyObject *dialect;      /* the Python dialect; owned */
    PyObject *url;          /* owned */
    PyObject *options;      /* dict of execution options; owned, never changed in place */
    PyObject *logger;       /* what log lines go to: pyorm.log's object; owned */
    PyObject *dict;         /* Python attributes; owned */
    PyObject *weakrefs;
    struct EngineCore *base; /* of execution_options(): shares its cache and pool; owned, or NULL */
    orm_cache *cache;       /* owned unless base; NULL: no caching */
    orm_dispatch *dispatch; /* owned */
    orm_tx_opts tx;         /* from isolation_level, *_readonly, *_deferrable */
    bool hide_parameters;
    bool lenient;           /* profile "sqlalchemy" */
    uint8_t dialect_id;     /* ORM_PG, ORM_LITE */
    PyObject *json[2];      /* serializer, deserializer, or NULL; owned */
} EngineCore;

/* The pool in use: an engine made by execution_options() has its base's. Borrowed. */
static inline PoolCore *
orm_engine_pool(const EngineCore *e)
{
    return e->base != NULL ? e->base->pool : e->pool;
}

/* ---- connections ---- */

enum {
    ORM_CF_CLOSED = 1,
    ORM_CF_INVALID = 2,     /* the connection was thrown away; next use takes another one */
    ORM_CF_BEGUN = 4,       /* a root transaction is begun */
    ORM_CF_BLOCKED = 8,     /* a `with begin():` block is open whose transaction has ended */
    ORM_CF_LOG_INFO = 16,   /* statements are logged */
    ORM_CF_LOG_DEBUG = 32,  /* rows too */
    ORM_CF_AUTOCOMMIT = 64, /* isolation level AUTOCOMMIT: BEGIN and COMMIT are not sent */
    ORM_CF_TWOPHASE = 128,  /* the root transaction is prepared by name */
    ORM_CF_OWN_TX = 256,    /* tx differs from the engine's: isolation_level of this connection */
    ORM_CF_DEAD_TX = 512,   /* invalidated inside a transaction: rollback() first */
};

typedef struct ConnectionObject {
    PyObject_HEAD
    orm_state *st;
    EngineCore *engine;     /* owned */
    Checkout *handle;       /* owned; NULL: closed or invalidated */
    orm_conn *conn;         /* of handle->db, NULL with handle */
    PyObject *transaction;  /* the Python RootTransaction, or NULL while nobody asked; owned */
    PyObject *nested;       /* the innermost NestedTransaction or NULL; owned */
    PyObject *options;      /* dict of execution options; owned, never changed in place */
    PyObject *dict;         /* Python attributes, or NULL; owned */
    PyObject *weakrefs;
    orm_dispatch *dispatch; /* the engine's, or its own once somebody listens; owned */
    orm_result *results;    /* results not yet read to their end; list */
    orm_tx_opts tx;         /* of the next transaction */
    uint32_t flags;         /* ORM_CF_* */
    uint32_t savepoints;    /* number of the last savepoint name made */
    uint64_t asked;         /* statements that the program ran by this object itself */
} ConnectionObject;

/* Ready to send: open, not blocked, reconnected if invalidated, begun (unless `begin` is
 * false). 0 / -1. */
int orm_conn_ready(ConnectionObject *c, bool begin);
/* A driver's error: handle_error listeners, invalidation, exception. Always -1. */
int orm_conn_raise(ConnectionObject *c, orm_err *err, PyObject *statement, PyObject *params,
                   PyObject *context, bool multi);
int orm_conn_begin(ConnectionObject *c);
/* Without asking a Python Transaction. 0 / -1. */
/* Steps of a two-phase transaction; engine/transaction.py has the same numbers. */
enum { ORM_TWO_BEGIN, ORM_TWO_PREPARED, ORM_TWO_RESUME, ORM_TWO_COMMIT, ORM_TWO_ROLLBACK };
int orm_conn_twophase(ConnectionObject *c, int step); /* 0 / -1 */
int orm_conn_commit_impl(ConnectionObject *c);
int orm_conn_rollback_impl(ConnectionObject *c);
/* execute() and exec_driver_sql(); the arguments may be NULL or None. */
ORM_OWNED PyObject *orm_conn_execute(ConnectionObject *c, PyObject *statement,
                                     PyObject *parameters, PyObject *options);
ORM_OWNED PyObject *orm_conn_execute_raw(ConnectionObject *c, PyObject *statement,
                                         PyObject *parameters, PyObject *options);
/* Throw the connection away. exc may be NULL; lost: it broke, others may have too. */
void orm_conn_lose(ConnectionObject *c, PyObject *exc, bool lost);
/* Read all unread results into memory. 0 / -1. */
int orm_conn_buffer_all(ConnectionObject *c);
/* Read what other results still have unread, so that another statement can run. 0 / -1. */
int orm_conn_free_line(ConnectionObject *c);
/* Whether the Connection still has `conn`, which a statement has just run on. 0; -1 when somebody
 * closed it meanwhile, from another thread or from a callback. */
int orm_conn_still(ConnectionObject *c, const orm_conn *conn);
orm_waiter orm_exec_waiter(void);

/* ---- statements of the user ---- */

/* One execution on its way: what the caller gave, what was compiled, what goes out. */
typedef struct orm_exec {
    ConnectionObject *conn;   /* borrowed */
    PyObject *statement;      /* borrowed */
    PyObject *params;         /* dict, list of dicts, or NULL; borrowed */
    PyObject *options;        /* execution options of this call; borrowed */
    orm_compiled *compiled;   /* borrowed */
    PyObject *const *values;  /* gathered, by bind ordinal */
    orm_node *const *binds;   /* BIND nodes by ordinal, or NULL */
    uint32_t nvalues;
    uint8_t mode;             /* enum orm_run_mode */
    const orm_sqltext *wire;  /* the text; borrowed from compiled; set by run.c */
    double compile_seconds;   /* how long compiling took, for the log; < 0: not measured */
    PyObject *(*describe)(void *arg, int64_t set); /* orm_many.describe, or NULL */
    void *describe_arg;
    const orm_slot *slots;    /* of the text that is sent; set by run.c */
    uint32_t nslots;
    bool many;                /* params is a list of sets */
    bool missing;             /* out: a bind had no value */
    PyObject *context;        /* ExecutionContext, made when somebody asks; owned */
    PyObject *text;           /* the wire text as str, made when somebody asks; owned */
    PyObject *shown;          /* the parameters as users see them, likewise; owned */
} orm_exec;

void orm_exec_fini(orm_exec *x);
/* Borrowed from x; NULL with an exception. */
PyObject *orm_exec_context(orm_exec *x);

/* Run x: events, log, binding, driver. *out: the result, owned by the caller. 0 / -1. */
int orm_exec_statement(orm_exec *x, orm_result **out);

/* bind.c: fill params[x->nslots] for one parameter set (dict or NULL). 0 / -1. */
int orm_bind_set(orm_exec *x, PyObject *set, int64_t row, orm_bindctx *ctx, orm_param *params);
/* The parameters of an execution as users see them: tuple in wire order (PostgreSQL, SQLite
 * alike); a list of tuples for many. New reference. */
ORM_OWNED PyObject *orm_bind_shown(orm_exec *x);

#endif /* ORM_EXEC_CONN_INT_H */
