/*
 * unit/unit.h - the unit of work: write what changed in a set of instances, in one go.
 *
 * Place: session/ collects pending, dirty and deleted heads and calls orm_unit_flush inside a
 *   begun transaction; unit/ orders them, writes them by the fewest messages and gives keys
 *   and server-made values back to the instances.
 * Contract: all or nothing for the instances. Nothing of an instance changes before the last
 *   statement has succeeded, except what listeners (before_insert ...) change themselves;
 *   after -1 the session rolls back and all objects are what they were: pending objects stay
 *   pending with the user's values, no key and no version was given out.
 * Order of the write-back after success: values into the instances (orm_val_load_steal,
 *   orm_val_expire), then `switched` and `identity` per instance, then after_* listeners.
 *   Committed state is not reset: the session calls orm_head_commit once it has registered
 *   everything.
 * Errors: what the database refused carries `.instances` (tuple of the instances that may be
 *   the cause) and `.instances_exact` (bool: these and no others). Nothing is run again.
 * Locking: the GIL; released inside exec/ while a statement runs. Listeners, Python defaults
 *   and TypeDecorators may run Python; a flush inside a flush is the session's to refuse.
 */
#ifndef ORM_UNIT_UNIT_H
#define ORM_UNIT_UNIT_H

#include "py/py.h"
#include "orm/orm.h"

/* Mapper events that a flush fires, with (mapper, connection, instance): the first events of
 * the family of mapper events, in this order. */
#define ORM_MAPPER_EVENTS(X) \
    X(before_insert) X(after_insert) X(before_update) X(after_update) X(before_delete) \
    X(after_delete)
enum orm_mapper_event {
#define ORM_EVENT_ENUM(name) ORM_MEV_##name,
    ORM_MAPPER_EVENTS(ORM_EVENT_ENUM)
#undef ORM_EVENT_ENUM
    ORM_MEV_COUNT
};

typedef struct orm_flush {
    orm_state *st;
    orm_session *session; /* never NULL; its map tells which identities are taken */
    /* The Connection for a mapper, borrowed, in a begun transaction; NULL: exception. Asked
     * once per mapper and flush. */
    PyObject *(*connection)(void *arg, orm_mapper *m);
    /* The identity of h is now k: h was pending, or its primary key was changed (then it lies
     * in the map under its old one). The session moves h in its map and keeps what a rollback
     * needs; it calls orm_head_set_identity. NULL: unit/ sets the identity of heads that are
     * in no map itself. 0 / -1. */
    int (*identity)(void *arg, orm_head *h, const orm_key *k);
    /* Pending `h` took over the row of `deleted` (same key deleted and added: an UPDATE, no
     * DELETE). Called before identity(h). NULL: ignored. 0 / -1. */
    int (*switched)(void *arg, orm_head *h, orm_head *deleted);
    /* The flush context (UOWTransaction) for listeners of refresh_flush, borrowed; NULL:
     * exception. */
    PyObject *(*context)(void *arg);
    /* h has been written (or deleted), its identity is given: also of instances that the flush
     * met along relationships. The session registers it. NULL: ignored. 0 / -1. */
    int (*settled)(void *arg, orm_head *h, PyObject *obj, bool deleted);
    void *arg;            /* of the five functions */
    orm_head **pending;   /* in the order in which they were added */
    orm_head **dirty;     /* persistent, with ORM_H_MODIFIED, in any order */
    orm_head **deleted;   /* persistent, marked by delete(), in any order */
    uint32_t npending, ndirty, ndeleted; /* the caller holds strong references to all of them */
} orm_flush;

/* 0: everything is written and given back; -1: exception set. */
int orm_unit_flush(orm_flush *f);

/* Everything that a cascade reaches from h, h left out: depth first, each instance once, while
 * the caller may do what it likes to it. type: one bit ORM_C_* of relation.h; "delete" loads
 * what is not loaded, unless passive_deletes. 0 / -1 (also visit's). */
typedef int (*orm_cascade_visit)(void *arg, orm_head *h, PyObject *obj);
int orm_cascade_walk(orm_head *h, uint8_t type, orm_cascade_visit visit, void *arg);

/* Module setup: types of unit/. 0 / -1. */
int orm_unit_setup(PyObject *module, orm_state *st);

#endif
