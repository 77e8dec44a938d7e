/*
 * session/session.h - the Session: who belongs to it, when it flushes, what a rollback gives back.
 *
 * Place: the last room. It owns the identity map and the sets of pending, changed and deleted
 *   instances, the transaction with its connections, and calls orm/ (load), unit/ (flush) and
 *   exec/ (run). pyorm.orm.Session is a thin Python subclass of `_core.SessionCore`.
 * Nobody includes this but module.c's table of rooms and tests: data flows up to here and ends.
 */
#ifndef ORM_SESSION_SESSION_H
#define ORM_SESSION_SESSION_H

#include "py/py.h"
#include "orm/orm.h"
#include "unit/unit.h"

/* Session events, in the order of the SessionEvents family. */
#define ORM_SESSION_EVENTS(X) \
    X(loaded_as_persistent) X(before_attach) X(after_attach) X(transient_to_pending) \
    X(pending_to_transient) X(pending_to_persistent) X(persistent_to_transient) \
    X(persistent_to_deleted) X(persistent_to_detached) X(detached_to_persistent) \
    X(deleted_to_persistent) X(deleted_to_detached) X(before_flush) X(after_flush) \
    X(after_flush_postexec) X(after_begin) X(before_commit) X(after_commit) X(after_rollback) \
    X(after_soft_rollback) X(after_transaction_create) X(after_transaction_end) \
    X(do_orm_execute) X(after_bulk_update) X(after_bulk_delete)
enum orm_session_event {
#define ORM_EVENT_ENUM(name) ORM_SEV_##name,
    ORM_SESSION_EVENTS(ORM_EVENT_ENUM)
#undef ORM_EVENT_ENUM
    ORM_SEV_COUNT
};
_Static_assert((int)ORM_SEV_loaded_as_persistent == (int)ORM_SEV_LOADED_AS_PERSISTENT, "orm.h");

/* Module setup: types and functions of session/. 0 / -1. */
int orm_session_setup(PyObject *module, orm_state *st);

#endif
