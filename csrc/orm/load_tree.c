/*
 * orm/load_tree.c - related instances in the same row: joined eager loading, contains_eager.
 *
 * Place: load_rows.c has found the instance of an entity plan and comes here for the entities
 *   that the plan has as children; each is an entity of the row like any other.
 * Rule: at the first sight of (instance, relationship) in a run it is decided whether the slot is
 *   filled: yes if it holds nothing and has no pending change, or with populate_existing. A
 *   collection begins empty and takes each related instance once; no row overwrites a reference.
 *   A slot that is not filled is walked all the same: its instances may lack something.
 * Ownership: what was decided is remembered with a strong reference to the parent, so that an
 *   instance cannot die between two of its rows; orm_tree_done gives everything back.
 */
#include "orm/load_int.h"
#include "orm/collection.h"
#include "orm/relation.h"

/* What was decided for one relationship slot of one instance. */
typedef struct tree_slot {
    PyObject *obj;     /* owned: the parent */
    orm_head *h;       /* of obj */
    PyObject *coll;    /* owned: collection in build; NULL: a reference, or not filled */
    orm_attribute *a;  /* borrowed from the parent's mapper */
    PyObject *only;    /* owned: what the reference was filled with; NULL: nothing yet */
    bool fill;
    struct tree_slot *next; /* of the run */
} tree_slot;

/* A collection has this member already. */
typedef struct tree_pair {
    const tree_slot *slot;
    const PyObject *member;
} tree_pair;

struct orm_tree {
    orm_arena arena;
    orm_ptrmap slots;  /* (head, slot number) -> tree_slot */
    orm_ptrmap pairs;  /* (tree_slot, member) -> tree_pair */
    tree_slot *first;  /* all, youngest first */
    PyObject *kept;    /* owned list or NULL: instances that no slot took, which must live as long as
                          the batch may fail */
    tree_slot **last;  /* [children of the plan]: whom the last row was about */
};

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b << 32 | b >> 32)) * UINT64_C(0x9E3779B97F4A7C15);

    return h ^ (h >> 31);
}

orm_tree *
orm_tree_new(uint32_t nchildren)
{
    orm_tree *t = PyMem_Calloc(1, sizeof(*t));

    if (t != NULL) {
        t->last = PyMem_Calloc(nchildren + 1, sizeof(*t->last));
    }
    if (t == NULL || t->last == NULL) {
        PyMem_Free(t);
        PyErr_NoMemory();
        return NULL;
    }
    orm_arena_init(&t->arena);
    orm_ptrmap_init(&t->slots);
    orm_ptrmap_init(&t->pairs);
    return t;
}

/* Forget everything; what was held dies now and can run Python. */
static void
tree_empty(orm_tree *t, uint32_t nchildren)
{
    tree_slot *all = t->first;
    PyObject *kept = t->kept;

    t->first = NULL;
    t->kept = NULL;
    memset(t->last, 0, nchildren * sizeof(*t->last));
    orm_ptrmap_clear(&t->slots);
    orm_ptrmap_clear(&t->pairs);
    for (tree_slot *s = all; s != NULL; s = s->next) {
        Py_CLEAR(s->coll);
        Py_CLEAR(s->only);
        Py_CLEAR(s->obj);
    }
    orm_arena_reset(&t->arena);
    Py_XDECREF(kept);
}

void
orm_tree_free(orm_tree *t, uint32_t nchildren)
{
    if (t != NULL) {
        tree_empty(t, nchildren);
        orm_ptrmap_fini(&t->slots);
        orm_ptrmap_fini(&t->pairs);
        orm_arena_fini(&t->arena);
        PyMem_Free(t->last);
        PyMem_Free(t);
    }
}

int
orm_tree_done(orm_tree *t, uint32_t nchildren)
{
    int rc = 0;

    for (tree_slot *s = t->first; rc == 0 && s != NULL; s = s->next) {
        if (s->coll != NULL) {
            rc = orm_collection_loaded(s->h, s->a);
        }
    }
    tree_empty(t, nchildren);
    return rc;
}

void
orm_tree_undo(orm_tree *t, uint32_t nchildren)
{
    for (tree_slot *s = t->first; s != NULL; s = s->next) {
        if (s->fill && orm_val_expire(s->h, s->a->slot, ORM_TAG_ABSENT) < 0) {
            PyErr_Clear(); /* the first error is the one that counts */
        }
    }
    tree_empty(t, nchildren);
}

/* --- deciding ----------------------------------------------------------------------------- */

typedef struct slot_key {
    const orm_head *h;
    uint32_t slot;
} slot_key;

static int
is_slot(const void *value, const void *key)
{
    const tree_slot *s = value;
    const slot_key *k = key;

    return s->h == k->h && s->a->slot == k->slot;
}

/* Whether this run fills the slot. */
static bool
is_to_fill(const orm_loader *l, orm_head *h, uint32_t slot)
{
    PyObject *v = NULL;

    if (l->overwrite) {
        return true;
    }
    if (orm_val_is_dirty(h, slot)) {
        return false;
    }
    v = orm_val_peek(h, slot, NULL);
    Py_XDECREF(v);
    return v == NULL;
}

/* First sight: NULL with an exception. */
static tree_slot *
slot_add(orm_loader *l, const orm_child *c, PyObject *obj, orm_head *h)
{
    orm_tree *t = l->tree;
    tree_slot *s = orm_arena_alloc(&t->arena, sizeof(*s));

    if (s == NULL || orm_ptrmap_put(&t->slots, mix((uintptr_t)h >> 4, c->slot), s) < 0) {
        PyErr_NoMemory();
        return NULL;
    }
    *s = (tree_slot){.obj = Py_NewRef(obj), .h = h, .a = h->mapper->attrs[c->slot],
                     .next = t->first};
    t->first = s;
    s->fill = is_to_fill(l, h, c->slot);
    if (s->fill && c->many) {
        s->coll = Py_XNewRef(orm_collection_init(h, s->a));
        return s->coll == NULL ? NULL : s;
    }
    return s;
}

/* What was or is now decided for the child of this parent. */
static tree_slot *
slot_of(orm_loader *l, const orm_child *c, PyObject *obj, orm_head *h)
{
    orm_tree *t = l->tree;
    tree_slot *s = t->last[c->number];
    slot_key key = {.h = h, .slot = c->slot};
    orm_ptrcell *cell = NULL;

    if (s != NULL && s->h == h) {
        return s;
    }
    cell = orm_ptrmap_find(&t->slots, mix((uintptr_t)h >> 4, c->slot), is_slot, &key);
    s = cell != NULL ? cell->value : slot_add(l, c, obj, h);
    t->last[c->number] = s;
    return s;
}

/* --- storing ------------------------------------------------------------------------------ */

static int
is_pair(const void *value, const void *key)
{
    const tree_pair *a = value;
    const tree_pair *b = key;

    return a->slot == b->slot && a->member == b->member;
}

/* A member of a collection, once. 0 / -1. */
static int
add_member(orm_tree *t, tree_slot *s, PyObject *member)
{
    tree_pair key = {.slot = s, .member = member};
    uint64_t hash = mix((uintptr_t)s >> 4, (uintptr_t)member >> 4);
    tree_pair *pair = NULL;

    if (orm_ptrmap_find(&t->pairs, hash, is_pair, &key) != NULL) {
        return 0;
    }
    pair = orm_arena_alloc(&t->arena, sizeof(*pair));
    if (pair == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    *pair = key;
    if (orm_ptrmap_put(&t->pairs, hash, pair) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return orm_collection_append_loaded(s->a, s->coll, member);
}

/* A reference: the first row fills it, another instance in a later one is a warning. 0 / -1. */
static int
set_reference(orm_loader *l, tree_slot *s, PyObject *value)
{
    if (s->only == NULL) {
        s->only = Py_NewRef(value);
        return orm_val_load_steal(s->h, s->a->slot, Py_NewRef(value));
    }
    if (s->only == value || value == Py_None) {
        return 0;
    }
    return orm_warn(l->st, ORM_EXC_SAWarning, 1,
                    "Multiple rows returned with uselist=False for eagerly-loaded attribute "
                    "'%s.%U' ", s->h->mapper->cls->tp_name, s->a->n.key);
}

/* An instance that nobody holds lives to the end of the batch. 0 / -1. */
static int
keep_alive(orm_tree *t, PyObject *related)
{
    if (related == Py_None || Py_REFCNT(related) > 1) {
        return 0;
    }
    if (t->kept == NULL && (t->kept = PyList_New(0)) == NULL) {
        return -1;
    }
    return PyList_Append(t->kept, related);
}

int
orm_tree_children(orm_loader *l, const orm_entplan *p, PyObject *obj, orm_head *h,
                  const orm_cell *cells)
{
    for (uint32_t i = 0; i < p->nchildren; i++) {
        const orm_child *c = &p->children[i];
        tree_slot *s = NULL;

        if (!orm_mapper_isa(h->mapper, c->mapper)) {
            continue; /* of a subclass that the instance is not of */
        }
        s = slot_of(l, c, obj, h);
        PyObject *related = s == NULL ? NULL
                                      : orm_loader_entity(l, &l->plan->ents[c->ent], cells);
        int rc = related == NULL ? -1 : 0;

        if (rc == 0 && s->fill) {
            if (!c->many) {
                rc = set_reference(l, s, related);
            }
            else if (related != Py_None) {
                rc = add_member(l->tree, s, related);
            }
        }
        if (rc == 0) {
            rc = keep_alive(l->tree, related);
        }
        if (rc < 0) {
            orm_loader_failed(l); /* while it is alive */
        }
        Py_XDECREF(related);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_tree_leave_empty(orm_head *h, uint32_t slot)
{
    orm_attribute *a = h->mapper->attrs[slot];

    if (a->kind == ORM_SLOT_COLLECTION) {
        return orm_collection_init(h, a) == NULL ? -1 : orm_collection_loaded(h, a);
    }
    return orm_val_load_steal(h, slot, Py_NewRef(Py_None));
}
