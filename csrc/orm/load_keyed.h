/*
 * orm/load_keyed.h - SELECTs by primary key: what load_key.c (one instance by its key) and
 *   load_slots.c (attributes of an instance) share.
 *
 * Locking: the GIL.
 */
#ifndef ORM_ORM_LOAD_KEYED_H
#define ORM_ORM_LOAD_KEYED_H

#include "orm/load_int.h"

/* `_core.MapperLoads`: the prepared statements of one class, owned by its plan. */
typedef struct orm_loads {
    PyObject_HEAD
    orm_compiled *get[ORM_NDIALECTS]; /* owned, or NULL: not made yet */
    PyObject *by_slots[ORM_NDIALECTS]; /* owned dict: slot numbers as bytes -> CompiledStatement */
} orm_loads;

/* Room for the key's values. */
typedef struct orm_key_room {
    PyObject *few[8];
    PyObject **v; /* owned references, npk; NULL: not filled */
    uint32_t n;
} orm_key_room;

/* The values of a key. 0 / -1; fini in either case. */
int orm_key_room_fill(orm_key_room *room, const orm_mapper *m, const orm_key *k);
void orm_key_room_fini(orm_key_room *room);
/* The prepared statements of a class: borrowed from the plan, made at the first call; NULL: -1. */
orm_loads *orm_loads_of(orm_mapper *m);
/* SELECT cols WHERE key = values. New reference. */
orm_node *orm_select_by_key(orm_mapper *m, orm_node *const *cols, Py_ssize_t ncols,
                            PyObject *const *values);
/* FOR UPDATE and loader options onto the statement. opts may be NULL. 0 / -1. */
int orm_select_add(orm_node **select, const orm_load_opts *opts);
/* Compile once for all executions, whatever the values. New reference. */
orm_compiled *orm_load_prepare(orm_mapper *m, uint8_t dialect, orm_node *const *cols,
                               Py_ssize_t ncols);
/* The same of a SELECT whose parameters are the key's values. New reference. */
orm_compiled *orm_load_prepare_select(orm_mapper *m, uint8_t dialect, orm_node *select);
/* Compile by the engine's cache and run. 0 / -1. */
int orm_load_run_built(PyObject *conn, orm_mapper *m, orm_node *select, const orm_load_opts *opts,
                       orm_compiled **c, orm_result **r);
/* The prepared statement does not do: options, FOR UPDATE, NULLs in the key, a schema map. */
bool orm_load_asks_for_more(PyObject *conn, const orm_load_opts *opts, const orm_key_room *key);

/* --- load_along.c ------------------------------------------------------------------------- */
/* A refresh of h selects the whole entity: something is loaded along with it. */
bool orm_loads_along(orm_head *h);
/* Do it: slots that hold nothing are filled. 1; 0 there is no row; -1. */
int orm_load_along(orm_session *s, PyObject *conn, orm_head *h, const orm_load_opts *opts);
/* Those of the slots that are relationships and hold nothing, each by its loader. 0 / -1. */
int orm_load_relations(orm_session *s, orm_head *h, const uint32_t *slots, uint32_t n);

#endif
