/*
 * orm/orm.h - what the loader, the unit of work and the session know about instances.
 *
 * Place: user's classes -> MapperPlan (frozen facts of a class) -> instances. Every mapped
 *   instance has one `orm_head`: inside `orm_entity` where the class derives from Entity, inside
 *   its InstanceState where the class is foreign (imperative mapping of any class). Everything
 *   below speaks of heads; orm_head_object() gives the instance.
 * Values: a slot holds a value or a tag. Loaded values of a spilled or foreign instance lie in
 *   the instance's `__dict__` and the slots keep tags only. Use the accessors; never h->slots.
 * Invariants: `(uintptr_t)slot > ORM_TAG_MAX` is a value; every access checks i < nslots (an
 *   instance can be older than its plan); dirty bit set with no committed value means that the
 *   old value is NO_VALUE (unknown or never there), which is not None.
 * Locking: the GIL; free-threaded builds need the instance's critical section (not supported).
 * Ownership: instance -> mapper strong; instance -> session borrowed, cleared by the session;
 *   the identity map borrows instances and is left before anything of them is released.
 */
#ifndef ORM_ORM_ORM_H
#define ORM_ORM_ORM_H

#include "py/py.h"
#include "base/base.h"
#include "orm/plan.h"

typedef struct orm_session orm_session;
typedef struct orm_rare orm_rare;   /* orm_int.h: what few instances have */
typedef struct orm_peers orm_peers; /* the loader's record of instances that came together */

/* Slot tags. A tag never reaches Python. */
enum {
    ORM_TAG_ABSENT = 0,   /* nothing stored: the attribute's own loader decides what a read does */
    ORM_TAG_EXPIRED = 2,  /* was loaded and is stale: a read refreshes */
    ORM_TAG_DEFERRED = 4, /* left out by an option of the load that made the instance */
    ORM_TAG_RAISE = 6,    /* as DEFERRED, but a read raises (raiseload) */
    ORM_TAG_RAISE_ON_SQL = 5, /* of a relationship: a read raises unless no SQL is needed */
    ORM_TAG_LAZY = 3,     /* of a relationship: a read loads, whatever the mapping says (lazyload) */
    ORM_TAG_MAX = 7
};
#define ORM_SLOT_IS_VALUE(v) ((uintptr_t)(v) > ORM_TAG_MAX)
#define ORM_SLOT_TAG(v) ((int)(uintptr_t)(v))

/* orm_head.flags. */
enum {
    ORM_H_DICT = 1u << 0,     /* values live in the instance's __dict__ (spilled, or foreign) */
    ORM_H_FOREIGN = 1u << 1,  /* the head lies in an InstanceState, not in an orm_entity */
    ORM_H_KEY_INT = 1u << 2,  /* ident.i is the identity */
    ORM_H_KEY_OBJ = 1u << 3,  /* ident.obj is the identity: one value, or a tuple (KEY_MANY) */
    ORM_H_KEY_MANY = 1u << 4, /* with KEY_OBJ: composite primary key */
    ORM_H_TOKEN = 1u << 5,    /* rare->token is the identity token, else it is None */
    ORM_H_IN_MAP = 1u << 6,   /* lies in session->map */
    ORM_H_MODIFIED = 1u << 7, /* an attribute was set since the last flush (net change or not) */
    ORM_H_EXPIRED = 1u << 8,  /* the whole instance was expired and has not been refreshed */
    ORM_H_NEW = 1u << 9,      /* session's: in its set of pending objects */
    ORM_H_DELETING = 1u << 10, /* session's: marked by delete(), not flushed */
    ORM_H_DELETED = 1u << 11,  /* session's: DELETE was flushed */
    ORM_H_LOADING = 1u << 12,  /* loader's: being filled; reads must not start a refresh */
    ORM_H_DEAD = 1u << 13,     /* being deallocated or cleared by the collector */
    /* session's: two 9-bit numbers of the transaction or savepoint (0: not in this transaction) */
    ORM_H_BORN_SHIFT = 14,     /* in which its INSERT was flushed */
    ORM_H_WRITTEN_SHIFT = 23   /* in which its last UPDATE was flushed; in no session: how it left
                                  the last one, ORM_LEFT_* */
};

/* How an instance came to be in no session; only an error asks. */
enum {
    ORM_LEFT_UNKNOWN, ORM_LEFT_CLOSE, ORM_LEFT_RESET, ORM_LEFT_INVALIDATE, ORM_LEFT_EXPUNGE,
    ORM_LEFT_EXPUNGE_ALL, ORM_LEFT_COMMIT, ORM_LEFT_ROLLBACK, ORM_LEFT_DROPPED, ORM_LEFT_MADE,
    ORM_LEFT_PICKLED, ORM_LEFT_COUNT
};

typedef struct orm_head {
    orm_mapper *mapper;   /* owned; NULL until the first use of an instance older than its plan */
    orm_session *session; /* borrowed; NULL: transient or detached */
    orm_rare *rare;       /* owned, PyMem; NULL until something uncommon is stored */
    uint64_t dirty;       /* bit i < 64: slot i has a change pending; higher slots: in rare */
    uint32_t nslots;      /* length of the slot block; may be smaller than mapper->nslots */
    uint32_t flags;       /* ORM_H_* */
    union {
        int64_t i;     /* ORM_H_KEY_INT */
        PyObject *obj; /* ORM_H_KEY_OBJ, owned */
    } ident;             /* identity, valid with one of the two flags */
    PyObject **slots;    /* PyObject_Malloc block of nslots; NULL with nslots 0 */
    orm_peers *peers;    /* who came with it in one result (peers.h); NULL: nobody */
} orm_head;

typedef struct orm_entity {
    PyObject_HEAD
    PyObject *dict;     /* owned; unmapped attributes; all values once ORM_H_DICT; NULL often */
    PyObject *weakrefs; /* weak reference list */
    orm_head head;
} orm_entity;
_Static_assert(sizeof(orm_entity) == 96, "an entity fills one allocator class");

/* Identity keys. --------------------------------------------------------------------- */
typedef struct orm_key {
    orm_mapper *root; /* borrowed: root of the inheritance hierarchy */
    uint64_t hash;    /* of root, values and token */
    int64_t i;        /* kind INT */
    PyObject *obj;    /* kinds ONE, MANY: owned (the value, or a tuple); else NULL */
    PyObject *token;  /* borrowed; NULL: None */
    uint8_t kind;     /* ORM_KEY_* */
    bool known;       /* the hash of obj can be computed again without running Python */
} orm_key;
enum { ORM_KEY_INT, ORM_KEY_ONE, ORM_KEY_MANY };

/* From primary key values in the mapper's order. 0; -1 exception (unhashable). Releases with
   orm_key_fini. One int64 value allocates nothing. */
int orm_key_init(orm_key *k, orm_mapper *m, PyObject *const *values, PyObject *token);
void orm_key_init_int(orm_key *k, orm_mapper *m, int64_t value); /* cannot fail */
void orm_key_fini(orm_key *k);
/* The identity of an instance as a key (k->obj owned); 1, 0 it has none, -1 exception. */
int orm_key_of(orm_key *k, orm_head *h);
/* New tuple (class, (values…), token) as users see it. */
PyObject *orm_key_tuple(const orm_key *k);
/* Give the instance its identity / take it away. Not while it is in a map. 0 / -1. */
int orm_head_set_identity(orm_head *h, const orm_key *k);
void orm_head_drop_identity(orm_head *h);

/* Identity map: borrowed heads, open addressing. ------------------------------------- */
typedef struct orm_idmap {
    orm_tagmap table; /* hash of the key -> head; its version tells whether cells moved */
} orm_idmap;
void orm_idmap_init(orm_idmap *map);
void orm_idmap_fini(orm_idmap *map); /* clears IN_MAP and session of what is left */
/* New reference to the instance, NULL with *out = NULL and 0 when there is none; -1 exception.
   A dying instance counts as none. */
int orm_idmap_get(orm_idmap *map, const orm_key *k, PyObject **obj, orm_head **out);
/* Enter h (complete, with identity); *winner = new reference to what the map holds afterwards:
   h's own instance, or the one another put entered first. 0 / -1. */
int orm_idmap_put(orm_idmap *map, orm_session *s, orm_head *h, const orm_key *k,
                  PyObject **winner, orm_head **winner_head);
void orm_idmap_remove(orm_idmap *map, orm_head *h); /* idempotent; runs no Python */
/* New list of strong references to the living instances. NULL: exception. */
PyObject *orm_idmap_list(orm_idmap *map);

#include "orm/session_ops.h"

/* h dies or is detached: it leaves its peer record. Runs no Python. */
void orm_peers_leave(orm_head *h);

/* Instances. ------------------------------------------------------------------------- */
/* New instance as the loader makes it: no __init__, untracked if it may be, transient. */
PyObject *orm_instance_new(orm_mapper *m, orm_head **out);
/* Its class's polymorphic identity into the discriminator, where nothing is there. 0 / -1. */
int orm_head_identify(orm_head *h);
/* Head of an instance (borrowed from it), mapper resolved, block grown to the plan. NULL with
   exception UnmappedInstanceError if obj is not a mapped instance. */
orm_head *orm_head_of(orm_state *st, PyObject *obj);
/* The same without an exception for what is not mapped: NULL, and PyErr_Occurred() only if
   something else failed. */
orm_head *orm_head_find(orm_state *st, PyObject *obj);
int orm_head_load_pending(orm_head *h); /* its relationships load without an identity. 0 / -1 */
static inline void
orm_head_set_left(orm_head *h, uint32_t how)
{
    h->flags = (h->flags & ~((uint32_t)0x1ff << ORM_H_WRITTEN_SHIFT)) | how << ORM_H_WRITTEN_SHIFT;
}
/* New reference to the instance, or NULL if it is dying (no exception). */
PyObject *orm_head_object(orm_head *h);
/* "<User at 0x7f…>", as error texts name instances. New reference. */
PyObject *orm_head_describe(orm_head *h);
/* The InstanceState view; made at the first call, kept by the instance. New reference. */
PyObject *orm_state_of(orm_head *h);

/* Whether anybody listens to an instance event of the class. */
static inline bool
orm_instance_hears(const orm_mapper *m, int event)
{
    return m->events != NULL && orm_dispatch_get(m->events, event) != NULL;
}

/* Values. `i` is a slot of h->mapper. ------------------------------------------------- */
/* Borrowed value if the slot of an unspilled instance holds one, else NULL. fast path: same
   answer as orm_val_peek. */
static inline PyObject *
orm_val_fast(const orm_head *h, uint32_t i)
{
    PyObject *v = i < h->nslots ? h->slots[i] : NULL;
    return ORM_SLOT_IS_VALUE(v) ? v : NULL;
}
/* Loaded value (new reference) without loading; NULL: not loaded, no exception, *tag (may be
   NULL) is set to ORM_TAG_*. */
PyObject *orm_val_peek(orm_head *h, uint32_t i, int *tag);
/* Store a loaded value: no events, no history, as the loader does. Consumes v. Clears the dirty
   bit and committed value. The caller checks `orm_val_is_dirty` first where it must not
   overwrite. 0 / -1 (dict backend out of memory; v is released). */
int orm_val_load_steal(orm_head *h, uint32_t i, PyObject *v);
/* fast path: same answer as orm_val_load_steal, for a slot of an instance just made. */
static inline int
orm_val_fill_steal(orm_head *h, uint32_t i, PyObject *v)
{
    if (i < h->nslots && h->slots[i] == NULL && !(h->flags & ORM_H_DICT) && h->dirty == 0
        && !PyObject_IS_GC(v)) {
        h->slots[i] = v;
        return 0;
    }
    return orm_val_load_steal(h, i, v);
}
/* Forget the value: slot becomes `tag`; dirty bit and committed value too. 0 / -1. */
int orm_val_expire(orm_head *h, uint32_t i, int tag);
/* Read as an attribute access does: loads, init_scalar, None for absent. New reference. With
   passive flags that forbid what would be needed: *none = 1 and NULL without exception. */
PyObject *orm_val_read(orm_head *h, uint32_t i, int passive, int *none);
/* Set / delete as an attribute access does: events, history, dirty. 0 / -1. */
int orm_val_write(orm_head *h, uint32_t i, PyObject *v);
int orm_val_delete(orm_head *h, uint32_t i);

/* History. --------------------------------------------------------------------------- */
typedef struct orm_history {
    PyObject *added, *unchanged, *deleted; /* owned; at most one value each; NULL: empty */
} orm_history;
int orm_val_is_dirty(const orm_head *h, uint32_t i); /* dirty bit: 1 / 0 */
/* Committed value of a dirty slot, borrowed; NULL: NO_VALUE. */
PyObject *orm_val_old(const orm_head *h, uint32_t i);
/* Net change of one slot; loads nothing unless the flags allow. 0 / -1. */
int orm_val_history(orm_head *h, uint32_t i, int passive, orm_history *out);
void orm_history_fini(orm_history *hist);
/* 1 if any slot has a net change, 0 no, -1 exception; collections: theirs count too. */
int orm_head_has_changes(orm_head *h, bool collections);
/* Dirty with this committed value (owned by the callee; NULL: NO_VALUE): what unpickling and a
 * failed flush give back. 0 / -1. */
int orm_val_restore_old(orm_head *h, uint32_t i, PyObject *old);
/* After a flush: current values become the committed ones; MODIFIED and EXPIRED bits go. */
void orm_head_commit(orm_head *h);
void orm_val_commit(orm_head *h, uint32_t i);
/* Expire everything that is loaded (expire_all, commit). 0 / -1. Fires no event. */
int orm_head_expire(orm_head *h);
/* Set ORM_H_MODIFIED and tell the session once. 0 / -1. */
int orm_head_touch(orm_head *h);

/* Raise an error of pyorm.orm.exc. Always -1. */
int orm_raise_orm(orm_state *st, const char *name, const char *format, ...);

/* Module setup: types of orm/. 0 / -1. */
int orm_orm_setup(PyObject *module, orm_state *st);

#endif
