/*
 * orm/session_ops.h - what orm/ asks of a session, as a table of functions; a part of orm.h.
 *
 * Place: orm/ never includes session/: reads that load, changes that are noted and instances that
 *   follow their parents go through the table of the session that an instance is in.
 */
#ifndef ORM_ORM_SESSION_OPS_H
#define ORM_ORM_SESSION_OPS_H

/* What orm/ asks of a session. ------------------------------------------------------- */
/* Passive flags, as SQLAlchemy's PASSIVE_*: what a read may do. */
enum {
    ORM_P_CALLABLES = 1, ORM_P_SQL = 2, ORM_P_RELATED = 4, ORM_P_INIT = 8,
    ORM_P_NON_PERSISTENT = 16, ORM_P_COMMITTED = 32, ORM_P_NO_AUTOFLUSH = 64,
    ORM_P_NO_RAISE = 128, ORM_P_DEFERRED_HISTORY = 256, ORM_P_PENDING = 512,
    ORM_PASSIVE_OFF = 31,
    ORM_PASSIVE_RETURN_NO_VALUE = 31 & ~8,
    ORM_PASSIVE_NO_INITIALIZE = 31 & ~8 & ~1,
    ORM_PASSIVE_NO_FETCH = 31 & ~2,
    ORM_PASSIVE_NO_FETCH_RELATED = 31 & ~4,
    ORM_PASSIVE_ONLY_PERSISTENT = 31 & ~16
};
typedef struct orm_session_ops {
    /* ORM_H_MODIFIED was just set on h: keep its instance alive until the flush. 0 / -1. */
    int (*on_dirty)(orm_session *s, orm_head *h);
    /* Before a load that a read starts. 0 / -1. */
    int (*autoflush)(orm_session *s);
    /* Refresh all EXPIRED slots of h (asked for `slot`), autoflush included unless the flags
       say no. 0: slots are values or ABSENT; -1 exception (ObjectDeletedError …). */
    int (*load_expired)(orm_session *s, orm_head *h, uint32_t slot, int passive);
    /* Run the loader of one slot that is ABSENT or DEFERRED and whose attribute loads by itself
       (deferred column, lazy relationship). 1: slot was filled; 0: nothing to load; -1. */
    int (*load_slot)(orm_session *s, orm_head *h, uint32_t slot, int passive);
    /* Rows are about to become instances of s: refuse a second thread. 0: leave() follows. -1. */
    int (*enter)(orm_session *s);
    void (*leave)(orm_session *s);
    /* Somebody listens to statements (do_orm_execute): loads that orm/ starts go by run_load. */
    bool (*listened)(orm_session *s);
    /* Run a SELECT that orm/ made for the sake of h through the listeners of do_orm_execute, and
       then, unless one of them answers, in the database. `relation` NULL: columns of h, the rows
       are their values; else the attribute whose related instances the rows are (a lazy
       relationship load calls it so), and m their mapper. New reference: the Result. */
    PyObject *(*run_load)(orm_session *s, orm_head *h, const orm_attribute *relation,
                          orm_mapper *m, PyObject *statement);
    /* The same for a SELECT that loads relationships of many instances, or columns of subclasses, with
       values by name (dict or NULL). path: the way to the relationship; NULL: columns. options:
       execution options, or NULL. along: what the further loads are to know, or NULL. New reference:
       the Result. */
    PyObject *(*run_along)(orm_session *s, orm_mapper *m, PyObject *statement, PyObject *params,
                           PyObject *path, PyObject *options, PyObject *along);
    /* The connection that instances of m are loaded by, in a begun transaction. New reference. */
    PyObject *(*connection)(orm_session *s, orm_mapper *m);
    /* h, which is in no session, or not in this one yet, comes in with what cascades from it.
       0 / -1. */
    int (*cascade_add)(orm_session *s, orm_head *h);
    /* A pending h leaves, as by expunge(). 0 / -1. */
    int (*expunge)(orm_session *s, orm_head *h);
} orm_session_ops;

struct orm_session {
    const orm_session_ops *ops; /* never NULL */
    orm_idmap map;              /* persistent instances */
    PyObject *owner;            /* borrowed: the Session object; NULL while it dies */
    uint64_t write_epoch;       /* bumped by flush, DML, raw SQL, expire, refresh, rollback */
    uint64_t id;                /* `hash_key`; unique in the process */
    bool one_by_one;            /* lazy loads are never batched over peers */
    bool writing;               /* a flush is writing: changes of relationships warn */
    PyObject *along;            /* borrowed: (path, execution options) of the next run_load, which takes it;
                                   NULL: a read of an attribute */
    bool autoflushing;          /* the flush that runs was not asked for by name */
    orm_dispatch *events;       /* owned by the Session object: listeners, or NULL: nobody ever asked */
};
/* What a warning of a flush ends with: where an autoflush gave it, how to have none. */
static inline const char *
orm_session_flush_note(const orm_session *s)
{
    return !s->autoflushing
               ? ""
               : " (This warning originated from the Session 'autoflush' process, which was invoked "
                 "automatically in response to a user-initiated operation. Consider using "
                 "``no_autoflush`` context manager if this warning happened while initializing "
                 "objects.)";
}
/* The one session event that the loader fires, with (session, instance): the first of the family. */
enum { ORM_SEV_LOADED_AS_PERSISTENT = 0 };

#endif
