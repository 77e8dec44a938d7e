/*
 * orm/orm_int.h - what only the files of orm/ know: rare data, InstanceState's body, and the
 * functions by which entity, storage, attributes and plan call each other.
 *
 * Layers inside the folder: plan, identity, idmap -> storage (values of one head) -> entity and
 * spill (the Python object) -> access (events, loading) -> attribute, construct, state view.
 */
#ifndef ORM_ORM_INT_H
#define ORM_ORM_INT_H

#include "orm/orm.h"

/* What few instances have. PyMem; freed with the head. */
struct orm_rare {
    PyObject **committed; /* owned values of dirty slots, [ncommitted]; NULL entry: NO_VALUE */
    uint32_t ncommitted;
    uint32_t nmore;       /* words in `more` */
    uint64_t *more;       /* dirty bits of the slots from 64 on; NULL: none was ever set */
    PyObject *token;      /* owned identity token, with ORM_H_TOKEN */
    PyObject *state;      /* owned InstanceState of an entity, NULL until asked for */
    PyObject *options;    /* owned tuple: loader options the instance was loaded with; or NULL */
    PyObject *path;       /* owned: where in the query it was loaded; or NULL */
    uint64_t hash;        /* hash of the identity where computing it could run Python */
    struct orm_coll *colls;     /* the instance's collections, each in it by itself; borrowed */
    struct orm_held *held;      /* owned [nheld]: collections not stored yet, pending queues */
    struct orm_parent *parents; /* owned [nparents]: who has the instance as a member */
    uint32_t nheld, nparents;
    bool has_hash;        /* `hash` is valid */
    bool loads_pending;   /* relationships are loaded although it has no identity */
    struct orm_prefetch *prefetched; /* owned list: relationships loaded ahead; or NULL */
};

/* What a batch for the peers of an instance brought for it (lazy.c). PyMem. */
typedef struct orm_prefetch {
    struct orm_prefetch *next;
    PyObject *value;      /* owned: list of members, or an instance or None */
    uint64_t epoch;       /* write epoch of the session in which it was loaded */
    uint32_t slot;
} orm_prefetch;

/* InstanceState: a view of an entity, or the home of a foreign instance's head. */
typedef struct orm_view {
    PyObject_HEAD
    orm_state *st;
    orm_entity *owner;  /* borrowed, NULLed by the entity's dealloc; NULL for foreign */
    PyObject *ref;      /* foreign: owned weak reference to the instance */
    PyObject *weakrefs;
    PyObject *info;     /* owned dict or NULL */
    PyObject *parents;  /* owned dict or NULL */
    PyObject *saved;    /* owned dict: what a pickle said, until an instance takes it; or NULL */
    uint64_t last_hash; /* of the identity of an instance that is gone; 0: it had none */
    orm_head own;       /* foreign: the head; else unused */
    bool foreign;
} orm_view;

#define ORM_ENTITY_OF(h) ((orm_entity *)((char *)(h) - offsetof(orm_entity, head)))
#define ORM_VIEW_OF(h) ((orm_view *)((char *)(h) - offsetof(orm_view, own)))

/* identity.c's hash of keys. */
static inline uint64_t
orm_hash_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ (h >> 29);
}

/* Four keys that follow each other lie beside each other in the identity map: tables are mostly
 * read in the order of their keys. Which of the four places is whose depends on the rest of the key,
 * so that keys of one step share the places too. */
static inline uint64_t
orm_hash_int(const orm_mapper *root, int64_t i)
{
    uint64_t h = orm_hash_mix((uintptr_t)root >> 4, (uint64_t)i >> 2);

    return (h & ~UINT64_C(3)) | (((uint64_t)i ^ h) & 3);
}

static inline int
orm_dirty_test(const orm_head *h, uint32_t i)
{
    if (i < 64) {
        return (int)(h->dirty >> i & 1);
    }
    const orm_rare *r = h->rare;
    uint32_t word = (i - 64) / 64;
    return r != NULL && word < r->nmore ? (int)(r->more[word] >> (i % 64) & 1) : 0;
}

/* --- storage.c: values of one head, without events ------------------------------------ */
orm_rare *orm_rare_ensure(orm_head *h); /* NULL: MemoryError */
int orm_rare_traverse(orm_rare *r, visitproc visit, void *arg);
void orm_rare_clear(orm_head *h);       /* drop contents and the block */
int orm_head_grow(orm_head *h, uint32_t nslots); /* slot block; new slots ABSENT. 0 / -1 */
int orm_head_traverse(orm_head *h, visitproc visit, void *arg); /* mapper, identity, rare, slots */
void orm_head_clear_values(orm_head *h); /* one slot after the other: NULL first, then drop */
void orm_head_fini(orm_head *h); /* values, block, rare, identity, mapper; not the map */
/* New reference to the __dict__ of a DICT instance; NULL with an exception. */
PyObject *orm_head_dict(orm_head *h);
/* Store with history and dirty bit; no events. 0 / -1 with nothing changed. */
int orm_val_store(orm_head *h, uint32_t i, PyObject *v);
/* fast path: same answer as orm_val_store, for one more change of an attribute. */
static inline int
orm_val_store_again(orm_head *h, uint32_t i, PyObject *v)
{
    if ((h->flags & (ORM_H_MODIFIED | ORM_H_DICT)) == ORM_H_MODIFIED && i < h->nslots && i < 64
        && h->dirty >> i & 1 && !PyObject_IS_GC(v)) {
        PyObject *old = h->slots[i];
        h->slots[i] = Py_NewRef(v);
        if (ORM_SLOT_IS_VALUE(old)) {
            Py_DECREF(old);
        }
        return 0;
    }
    return orm_val_store(h, i, v);
}
/* Remove with history and dirty bit: a value becomes ABSENT, a tag stays. 0 / -1. */
int orm_val_remove(orm_head *h, uint32_t i);
/* Set the dirty bit with committed value NO_VALUE, whatever it was (flag_modified). 0 / -1. */
int orm_val_mark(orm_head *h, uint32_t i);
void orm_head_set_tag(orm_head *h, uint32_t i, int tag);
/* Whether a value can take part in a reference cycle that the collector must see. */
bool orm_value_needs_gc(orm_state *st, PyObject *v);

/* --- entity.c ------------------------------------------------------------------------- */
#define ORM_IS_ENTITY(st, o) PyObject_TypeCheck(o, (st)->Entity)
void orm_entity_track(orm_entity *e);
PyObject *orm_entity_alloc(PyTypeObject *type, Py_ssize_t n); /* tp_alloc of mapped classes */
PyObject *orm_entity_make(orm_state *st, PyTypeObject *type, orm_mapper *m);
int orm_entity_ensure(orm_entity *e); /* 1 mapped, 0 class not mapped, -1 exception */
int orm_entity_doors(PyTypeObject *cls); /* the class's own __dict__ getset. 0 / -1 */
int orm_entity_is_plain(PyTypeObject *cls); /* loader and constructor may skip cls.__new__ */
extern PyType_Spec orm_entity_spec;

/* --- spill.c, pickle.c ---------------------------------------------------------------- */
int orm_entity_spill(orm_entity *e);
PyObject *orm_entity_get_dict(PyObject *self, void *closure);
int orm_entity_set_dict(PyObject *self, PyObject *value, void *closure);
PyObject *orm_entity_getstate(PyObject *self, PyObject *unused);
PyObject *orm_entity_setstate(PyObject *self, PyObject *state);
/* Give what an ownerless view saved to the head. 0 / -1. */
int orm_view_apply(orm_view *view, orm_head *h);
int orm_view_apply_saved(orm_view *view, orm_head *h, PyObject *saved); /* unconditionally */
PyObject *orm_view_reduce(PyObject *self, PyObject *unused);
PyObject *orm_view_rebuild(PyObject *module, PyObject *const *args, Py_ssize_t nargs);

/* --- write_table.c, construct.c ------------------------------------------------------- */
int orm_entity_setattro(PyObject *self, PyObject *name, PyObject *value);
/* The attribute behind a name of the class, borrowed; NULL: ask the class. Runs no Python. */
orm_attribute *orm_write_find(orm_mapper *m, PyObject *name);
int orm_write_refresh(orm_mapper *m); /* build for the current version tag; 1 usable, 0 not, -1 */
void orm_write_drop(orm_mapper *m);
PyObject *orm_entity_vectorcall(PyObject *cls, PyObject *const *args, size_t nargsf,
                                PyObject *kwnames);
/* A new instance of the program's: its discriminator is the class's identity. 0; -1 also where the
   class is polymorphic_abstract. */
int orm_head_born(orm_head *h);
int orm_entity_init(PyObject *self, PyObject *args, PyObject *kwargs);

/* --- attribute.c, access.c, history.c ------------------------------------------------- */
orm_attribute *orm_attribute_new(orm_mapper *m, PyObject *spec, uint32_t slot);
int orm_attribute_inherit(orm_attribute *from, orm_mapper *m, orm_attribute **out);
/* Listeners added from now on run after validator, cascade and backref. */
void orm_attribute_fix_hooks(orm_attribute *a);
/* The ATTR node of the attribute over another of its columns, or of another entity. New ref. */
orm_node *orm_attribute_node(orm_attribute *a, orm_node *entity, orm_node *column);
void orm_attribute_unbind(orm_attribute *a); /* its class goes away */
PyObject *orm_attribute_read(orm_head *h, orm_attribute *a, int passive, int *none);
int orm_attribute_write(orm_head *h, orm_attribute *a, PyObject *v);
int orm_attribute_delete(orm_head *h, orm_attribute *a);
/* Call one entry of a listener tuple: fn, (fn,) whose result replaces *value (owned), or
   (fn, replaces) that gets `key=` too. 0 / -1. */
int orm_call_entry(orm_state *st, PyObject *entry, PyObject *const *args, size_t nargs,
                   PyObject *key, PyObject **value);
int orm_attribute_fire_modified(orm_head *h, orm_attribute *a);
/* `(mask & ~ACTIVE) == 0`, and what active history asks for is already there. */
static inline bool
orm_attribute_is_quiet(const orm_attribute *a, const orm_head *h)
{
    if (a->mask == 0) {
        return true;
    }
    return a->mask == ORM_L_ACTIVE
        && (orm_val_fast(h, a->slot) != NULL
            || !(h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)));
}
PyObject *orm_no_value(orm_state *st); /* borrowed LoaderCallableStatus.NO_VALUE, or NULL */
PyObject *orm_history_tuple(orm_state *st, const orm_history *hist); /* new History */

/* --- plan.c ---------------------------------------------------------------------------- */
int orm_plan_setup(PyObject *module, orm_state *st);
int orm_plan_register(orm_mapper *m);
void orm_plan_unregister(orm_mapper *m);
int orm_plan_fill(orm_mapper *m, PyObject *spec);  /* check spec, map the class. 0 / -1 */
/* What a SELECT of the class reads, and the tuple of plans that it loads completely. 0 / -1. */
int orm_plan_set_poly(orm_mapper *m, PyObject *selectable, PyObject *plans, PyObject *columns,
                      PyObject *key, PyObject *own_rows);
PyObject *orm_plan_add(orm_mapper *m, PyObject *slot_spec); /* new ref: the attribute */
extern PyType_Spec orm_plan_spec;
extern PyType_Spec orm_attribute_spec;
int orm_plan_install(orm_mapper *m, orm_attribute *a); /* descriptor onto the class */

/* --- state view ------------------------------------------------------------------------ */
extern PyType_Spec orm_view_spec;
extern PyMethodDef orm_view_methods[];
extern PyGetSetDef orm_view_getset[];
PyObject *orm_view_new(orm_state *st);
orm_head *orm_view_head(orm_view *view); /* NULL: its instance is gone */
PyObject *orm_view_attrs(PyObject *self, void *closure);
/* Head of a foreign instance; makes the InstanceState if `make`. NULL without exception: no
   state; with: error. */
orm_head *orm_foreign_head(orm_state *st, PyObject *obj, bool make);

/* --- functions.c ------------------------------------------------------------------------ */
extern PyMethodDef orm_orm_functions[];
/* Public InstanceState and History API need these. */
PyObject *orm_committed_dict(orm_head *h); /* {key: committed value or NO_VALUE}; new */
/* Slot of a key of an instance; KeyError as -1. */
int64_t orm_slot_or_keyerror(orm_head *h, PyObject *key);

/* --- identity.c ------------------------------------------------------------------------ */
uint64_t orm_head_hash(orm_head *h, bool *found); /* runs no Python */
bool orm_is_uuid(orm_state *st, PyObject *v);
#endif
