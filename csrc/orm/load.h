/*
 * orm/load.h - rows become instances: results of statements with entities, get, refresh.
 *
 * Place: session/ has a compiled statement and a begun connection; the load plan that the
 *   compiler's `expand` hook left in `orm_compiled.load` says which columns fill which slots.
 * Row rule: a primary key of NULLs gives None; an instance the session knows keeps what it has
 *   loaded or changed and takes what it lacks; populate_existing overwrites; a new one is
 *   filled, then enters the identity map. If a result ends in an error, the instances that it
 *   brought are expired.
 * Nothing here flushes: autoflush is the session's, before it compiles.
 * Locking: the GIL. Everything can run Python (listeners, codecs, finalizers).
 */
#ifndef ORM_ORM_LOAD_H
#define ORM_ORM_LOAD_H

#include "orm/orm.h"

/* Run a compiled SELECT and give its Python Result; ORM_OWNED. Entities are read completely at
 * the first fetch unless `options` (execution options: dict or NULL) say yield_per or
 * stream_results; populate_existing and identity_token are read from there too. A statement
 * without load plan gives a plain Result. statement: for listeners, or NULL. params: values by
 * bind name, or NULL. s: borrowed; its owner is kept alive by the result. */
PyObject *orm_load_result(orm_session *s, PyObject *conn, orm_compiled *c,
                          PyObject *const *values, uint32_t nvalues, PyObject *statement,
                          PyObject *params, PyObject *options);

/* What get() and refresh() may ask for besides a key. */
typedef struct orm_load_opts {
    bool populate_existing; /* overwrite what an instance of this key holds */
    PyObject *for_update;   /* borrowed: True, or a dict of with_for_update()'s arguments; NULL */
    PyObject *options;      /* borrowed: sequence of loader options, or NULL */
    PyObject *exec_options; /* borrowed: dict of execution options, or NULL */
    bool explicit;          /* Session.refresh(): no row is InvalidRequestError, not
                               ObjectDeletedError */
    bool whole;             /* Session.refresh() without names: listeners get None for names,
                               and nothing of the instance stays changed */
} orm_load_opts;

/* The instance of a key from the database: new reference in *out, NULL if there is no row (or
 * the row is of a class that m is no base of). Looking into the identity map first is the
 * caller's. Without for_update and options the statement is prepared once per mapper and
 * dialect. opts may be NULL. 0 / -1. */
int orm_load_get(orm_session *s, PyObject *conn, orm_mapper *m, const orm_key *k,
                 const orm_load_opts *opts, PyObject **out);

/* Whether a key with some NULLs is one: allow_partial_pks of the Mapper. 1 / 0 / -1. */
int orm_mapper_partial_pk(orm_mapper *m);

/* The SELECT that orm_load_get runs, as a Python Select, for the listeners of do_orm_execute.
 * New reference or NULL. */
PyObject *orm_load_get_statement(orm_mapper *m, const orm_key *k, const orm_load_opts *opts);

/* Load slots of a persistent instance again, by its key: those named, or with slots NULL all
 * that are EXPIRED. Pending changes of these slots are lost. Fires `refresh`. 0; -1 exception,
 * ObjectDeletedError (orm.exc) when there is no row. opts may be NULL; conn NULL: by way of the
 * session's run_load. */
int orm_load_refresh(orm_session *s, PyObject *conn, orm_head *h, const uint32_t *slots,
                     uint32_t n, const orm_load_opts *opts);

/* The slots that refresh() without names loads: columns that are not deferred, and deferred ones
 * that hold a value. Fills `slots` (room for h->mapper->nslots), returns how many. */
uint32_t orm_load_refresh_slots(orm_head *h, uint32_t *slots);

/* The loader of one slot that is DEFERRED, or ABSENT with an attribute that loads by itself:
 * brings the slot and the unloaded ones of its group. 1 filled, 0 nothing to load, -1. */
int orm_load_slot(orm_session *s, PyObject *conn, orm_head *h, uint32_t slot);

/* The loader of a relationship slot that holds nothing: flushes, finds and stores. 1 filled,
 * 0 nothing to load, 2 the flags forbid what would be needed, -1. */
int orm_lazy_load(orm_session *s, orm_head *h, uint32_t slot, int passive);

#endif
