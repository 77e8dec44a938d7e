/*
 * orm/collection_int.h - what the files of collections, references and their events know of each
 * other.
 *
 * Layers: storage -> parents, held (what an instance keeps beside its slots) -> hooks (validator,
 *   cascade, backref and listeners of one change) -> reference, collection (one slot) -> the
 *   types list_type, set_type, dict_type, adapter_type.
 * A change is told before it is made: what a hook returns is what the container then takes.
 * `initiator` is an AttributeEventToken, or NULL for a change that begins here; Py_False inside
 *   the types means "no events".
 */
#ifndef ORM_ORM_COLLECTION_INT_H
#define ORM_ORM_COLLECTION_INT_H

#include "orm/collection.h"
#include "orm/orm_int.h"

/* --- what makes an object the collection of an instance --------------------------------- */

enum {
    ORM_CF_EMPTY = 1u << 0,    /* not stored in the slot yet: the owner's `held` keeps it */
    ORM_CF_STALE = 1u << 1,    /* the slot was expired: a change warns */
    ORM_CF_UNPICKLED = 1u << 2 /* members still arrive from a pickle: no events */
};

typedef struct orm_coll {
    orm_head *owner;             /* borrowed; NULL: a plain container */
    struct orm_coll *next;       /* of the owner's list rare->colls */
    struct orm_coll **link;      /* where the pointer to this one lies; NULL without owner */
    orm_attribute *lost;         /* owned: the attribute it was of when its owner died; or NULL */
    uint32_t slot;               /* of the attribute, in the owner's mapper */
    uint8_t flags;               /* ORM_CF_* */
} orm_coll;

typedef struct orm_ilist {
    PyListObject base;
    orm_coll coll;
    PyObject *dict, *weakrefs;
} orm_ilist;

typedef struct orm_iset {
    PySetObject base; /* has a weak reference list itself */
    orm_coll coll;
    PyObject *dict;
} orm_iset;

typedef struct orm_idict {
    PyDictObject base;
    orm_coll coll;
    PyObject *dict, *weakrefs;
    PyObject *keyfunc;   /* KeyFuncDict: owned callable or NULL */
    bool ignore_missing; /* KeyFuncDict: members without a key value are left out */
} orm_idict;

/* `_core.CollectionAdapter`: of a user's own container, which keeps it as `_sa_adapter`, or a
   view of one of the types above, made when asked for. */
typedef struct orm_adapter {
    PyObject_HEAD
    orm_coll coll;     /* of a user's container; owner NULL in a view */
    PyObject *ref;     /* owned weak reference to the user's container; NULL in a view */
    PyObject *viewed;  /* owned: the instrumented container a view speaks of; NULL else */
    PyObject *weakrefs;
} orm_adapter;

/* The link of a container, borrowed from it; NULL (no exception): it has none. */
orm_coll *orm_coll_of(orm_state *st, PyObject *obj);
/* The same for the exact C types only: no Python runs. */
orm_coll *orm_coll_quick(orm_state *st, PyObject *obj);
/* The attribute of a linked container, borrowed; NULL without owner. */
static inline orm_attribute *
orm_coll_attr(const orm_coll *c)
{
    return c->owner == NULL || c->slot >= c->owner->mapper->nslots
               ? NULL : c->owner->mapper->attrs[c->slot];
}
int orm_coll_link(orm_coll *c, orm_head *h, uint32_t slot); /* 0 / -1 MemoryError */
void orm_coll_unlink(orm_coll *c);
/* h dies: its collections lose it, and say so when they are changed. Runs no Python. */
void orm_colls_drop(orm_head *h);
/* The slot was expired: what users still hold of it is stale. */
void orm_colls_stale(orm_head *h, uint32_t slot);
/* __reduce_ex__ of the types: members by an iterator (items of a mapping: pairs), and what the
   container's own __dict__ says. */
PyObject *orm_coll_reduce(PyObject *self, PyObject *items, bool pairs);
PyObject *orm_coll_setstate(PyObject *self, PyObject *state);
PyObject *orm_coll_rebuild(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
extern PyGetSetDef orm_coll_getset[];

/* --- events of a container, called by the types before they change ---------------------- */
/* *item (owned) may be replaced. 0 / -1: nothing is to be changed. */
int orm_coll_fire_append(orm_coll *c, PyObject **item, PyObject *initiator, PyObject *key);
int orm_coll_fire_remove(orm_coll *c, PyObject *item, PyObject *initiator, PyObject *key);
int orm_coll_fire_wo_mutation(orm_coll *c, PyObject **item, PyObject *initiator, PyObject *key);
int orm_coll_before_pop(orm_coll *c, PyObject *initiator); /* history is kept; no event */
static inline bool
orm_coll_is_quiet(const orm_coll *c, PyObject *initiator)
{
    return (c->owner == NULL && c->lost == NULL) || initiator == Py_False
           || c->flags & ORM_CF_UNPICKLED;
}

/* --- held.c: what an instance keeps beside its slots ------------------------------------ */
typedef struct orm_held {
    uint32_t slot;
    PyObject *empty;   /* owned: collection a read gave out that nobody has filled; or NULL */
    PyObject *added;   /* owned dict id -> instance: queue of an unloaded collection; or NULL */
    PyObject *removed; /* owned dict id -> instance; or NULL */
} orm_held;
orm_held *orm_held_find(const orm_head *h, uint32_t slot); /* NULL: nothing is held */
orm_held *orm_held_ensure(orm_head *h, uint32_t slot);     /* NULL: MemoryError */
int orm_held_queue(orm_head *h, uint32_t slot, PyObject *member, bool add); /* 0 / -1 */
/* Forget the queue of a slot. */
void orm_held_drop_queue(orm_head *h, uint32_t slot);
/* Take the empty collection of a slot out: owned, or NULL. */
PyObject *orm_held_take_empty(orm_head *h, uint32_t slot);
int orm_held_traverse(const orm_rare *r, visitproc visit, void *arg);
void orm_held_clear(orm_rare *r);

/* --- queued.c: relationships that are never in memory ------------------------------------ */
static inline bool
orm_is_queued(const orm_attribute *a)
{
    return a->kind == ORM_SLOT_COLLECTION && a->relation != NULL
           && a->relation->lazy >= ORM_LAZY_WRITE_ONLY;
}
PyObject *orm_queued_view(orm_head *h, orm_attribute *a); /* what a read gives; new reference */
int orm_queued_refuse_load(orm_attribute *a);             /* always -1 */
/* Members that the queue does not name, from the database: *out a new list, or NULL where they
   are not asked for. -1: exception, also where they may not be loaded. */
int orm_queued_members(orm_head *h, orm_attribute *a, int passive, PyObject **out);
int orm_queued_set(orm_head *h, orm_attribute *a, PyObject *v); /* 0 / -1 */
/* A member is told and queued. 0 / -1. */
int orm_queued_change(orm_head *h, orm_attribute *a, PyObject *member, PyObject *initiator,
                      bool add);
int orm_queued_setup(PyObject *module);
/* bulk.c: appends, kept members, removals; coll NULL: into the queue. 0 / -1. */
int orm_collection_exchange(orm_head *h, orm_attribute *a, PyObject *values,
                            PyObject *old_members, PyObject *coll);

/* --- parents.c --------------------------------------------------------------------------- */
typedef struct orm_parent {
    orm_relation *rel; /* owned: the relationship by which it is a member */
    PyObject *view;    /* owned InstanceState of the parent; NULL: it was removed from it */
    bool outside;      /* rel NULL: became an orphan without a session */
} orm_parent;
static inline bool
orm_relation_tracks(const orm_relation *rel)
{
    return rel->direction == ORM_REL_O2M || rel->flags & ORM_RF_SINGLE_PARENT;
}
int orm_parents_traverse(const orm_rare *r, visitproc visit, void *arg);
void orm_parents_clear(orm_rare *r);
int orm_note_orphaned(orm_head *h); /* without a session: a later flush leaves it out. 0 / -1 */
/* {id of the relation: InstanceState or False}: InstanceState.parents. New dict. */
PyObject *orm_parents_dict(orm_head *h);

/* --- hooks.c ----------------------------------------------------------------------------- */
/* Before value (owned, may be replaced) becomes a member / the value of a reference; before
   `item` leaves. The dirty bit and committed value are set as part of it. 0 / -1. */
int orm_fire_append(orm_head *h, orm_attribute *a, PyObject **value, PyObject *initiator,
                    PyObject *key);
int orm_fire_remove(orm_head *h, orm_attribute *a, PyObject *item, PyObject *initiator,
                    PyObject *key);
int orm_fire_wo_mutation(orm_head *h, orm_attribute *a, PyObject **item, PyObject *initiator,
                         PyObject *key);
/* `old`: the old value or the symbol that stands for it. Storing is left to the caller. */
bool orm_is_nothing(const orm_state *st, const PyObject *v); /* None or such a symbol */
int orm_fire_replace(orm_head *h, orm_attribute *a, PyObject **value, PyObject *old,
                     PyObject *initiator);
/* bulk_replace listeners and validator: `values` is a list that they may change. */
int orm_fire_bulk(orm_head *h, orm_attribute *a, PyObject *values, PyObject *keys);
/* init_collection (dispose: dispose_collection) with (instance, collection, adapter). */
int orm_fire_collection(orm_head *h, orm_attribute *a, int event, PyObject *coll);
/* The collection is about to change: dirty bit, copy of the members as committed value. */
int orm_collection_touch(orm_head *h, orm_attribute *a);

/* --- backref.c --------------------------------------------------------------------------- */
int orm_backref_append(orm_head *h, orm_attribute *a, PyObject *child, PyObject *initiator);
int orm_backref_remove(orm_head *h, orm_attribute *a, PyObject *child, PyObject *initiator);
int orm_backref_set(orm_head *h, orm_attribute *a, PyObject *child, PyObject *old,
                    PyObject *initiator);

/* --- reference.c, collection.c: one slot, with an initiator ------------------------------- */
int orm_relation_write(orm_head *h, orm_attribute *a, PyObject *v, PyObject *initiator);
int orm_relation_delete(orm_head *h, orm_attribute *a);
int orm_reference_set(orm_head *h, orm_attribute *a, PyObject *v, PyObject *initiator);
/* Set to None if `old` is the value (pop of a backref). */
int orm_reference_pop(orm_head *h, orm_attribute *a, PyObject *old, PyObject *initiator);
int orm_reference_delete(orm_head *h, orm_attribute *a);
int orm_collection_set(orm_head *h, orm_attribute *a, PyObject *v, PyObject *initiator);
int orm_collection_delete(orm_head *h, orm_attribute *a);
int orm_collection_append(orm_head *h, orm_attribute *a, PyObject *member, PyObject *initiator,
                          int passive);
/* ValueError, KeyError and IndexError of a member that is not there are swallowed if `pop`. */
int orm_collection_take(orm_head *h, orm_attribute *a, PyObject *member, PyObject *initiator,
                          int passive, bool pop);
/* What a read of an unloaded collection gives: an empty one that is not stored. New reference. */
PyObject *orm_collection_empty(orm_head *h, orm_attribute *a);
/* An empty collection that was handed out gets its first change: it goes into the slot. */
int orm_collection_store_empty(orm_coll *c);
/* A container that came back from a pickle or copy belongs to h. 0 / -1. */
int orm_collection_relink(orm_head *h, uint32_t slot, PyObject *coll);
/* Add or remove a member of a container through its own methods; initiator NULL, a token, or
   Py_False. 0 / -1. */
int orm_container_add(orm_attribute *a, PyObject *coll, PyObject *member, PyObject *initiator);
int orm_container_remove(orm_attribute *a, PyObject *coll, PyObject *member,
                         PyObject *initiator);

PyObject *orm_no_result(orm_state *st); /* borrowed PASSIVE_NO_RESULT, or NULL */
/* Both lists by identity: added, unchanged, deleted. 0 / -1. */
int orm_members_diff(PyObject *now, PyObject *before, orm_relhist *out);
/* Net change of a reference. 0 / -1. */
int orm_reference_history(orm_head *h, uint32_t slot, int passive, orm_history *out);
/* History of a relationship as users see it. */
PyObject *orm_relation_history_tuple(orm_head *h, uint32_t slot, int passive);

/* --- the types ----------------------------------------------------------------------------- */
int orm_ilist_append(orm_ilist *self, PyObject *item, PyObject *initiator);
int orm_ilist_remove(orm_ilist *self, PyObject *item, PyObject *initiator);
int orm_iset_add(orm_iset *self, PyObject *item, PyObject *initiator);
int orm_iset_remove(orm_iset *self, PyObject *item, PyObject *initiator);
int orm_keyed_add(orm_idict *self, PyObject *item, PyObject *initiator);
int orm_keyed_remove(orm_idict *self, PyObject *item, PyObject *initiator);
/* The `_sa_initiator` argument of a method: None counts as not given. */
static inline PyObject *
orm_initiator_arg(PyObject *v)
{
    return v == Py_None ? NULL : v;
}
/* The last positional or the `_sa_initiator` keyword of a vectorcall with `n` arguments of its
   own before it. 0 / -1 TypeError. */
int orm_parse_initiator(const char *fname, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *kwnames, Py_ssize_t n, PyObject **initiator);
extern PyType_Spec orm_ilist_spec, orm_iset_spec, orm_idict_spec, orm_keyed_spec, orm_adapter_spec;
extern PyType_Spec orm_token_spec, orm_keyfunc_spec;
bool orm_is_attribute_key(orm_state *st, PyObject *fn);
PyObject *orm_adapter_for(orm_state *st, PyObject *coll); /* new reference; NULL: exception */

/* --- event tokens ---------------------------------------------------------------------------- */
typedef struct orm_token {
    PyObject_HEAD
    orm_attribute *attr; /* owned */
    int op;              /* ORM_OP_EVENT_* */
} orm_token;
/* The attribute's token of an operation, borrowed from it; NULL: exception. */
PyObject *orm_event_token(orm_attribute *a, int op);
/* The attribute that an initiator names; NULL: it is no token of ours. */
orm_attribute *orm_initiator_attr(orm_state *st, PyObject *initiator);

#endif
