/*
 * unit/cascade.c - everything that a cascade reaches from an instance.
 *
 * Depth first, relationships in the order of the class, members in their order: the order of the
 *   SELECTs where something is loaded. Every instance once. No recursion: a chain of 100,000
 *   instances is a stack in memory of that length.
 */
#include "unit/dep.h"

/* An instance whose relationships are being followed. */
typedef struct frame {
    orm_head *h;       /* borrowed from obj */
    PyObject *obj;     /* owned */
    PyObject *list;    /* owned: members of the relationship being followed, or NULL */
    Py_ssize_t member; /* next of them */
    uint32_t relation; /* next relationship: index into the mapper's list */
} frame;

typedef struct walk {
    uint8_t type;      /* ORM_C_* */
    frame *frames;     /* PyMem, [n] */
    uint32_t n, cap;
    orm_ptrmap seen;   /* heads */
} walk;

static int
is_same(const void *value, const void *key)
{
    return value == key;
}

/* 1: h was not seen before, 0, -1. */
static int
first_sight(walk *k, orm_head *h)
{
    if (orm_ptrmap_find(&k->seen, (uintptr_t)h >> 4, is_same, h) != NULL) {
        return 0;
    }
    if (orm_ptrmap_put(&k->seen, (uintptr_t)h >> 4, h) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}

static int
push(walk *k, orm_head *h, PyObject *obj)
{
    if (orm_more_room(&k->frames, &k->cap, k->n, sizeof(*k->frames)) < 0) {
        return -1;
    }
    k->frames[k->n++] = (frame){.h = h, .obj = Py_NewRef(obj)};
    return 0;
}

static void
pop(walk *k)
{
    frame f = k->frames[--k->n];

    Py_XDECREF(f.list);
    Py_DECREF(f.obj);
}

/* The members of the next relationship that cascades: 1, 0 there is none, -1. */
static int
next_list(walk *k)
{
    frame *f = &k->frames[k->n - 1];
    uint32_t n = 0;
    const uint32_t *slots = orm_mapper_relations(f->h->mapper, &n);

    if (slots == NULL) {
        return -1;
    }
    while (f->relation < n) {
        const orm_relation *rel = orm_slot_relation(f->h->mapper, slots[f->relation++]);
        bool load = k->type == ORM_C_DELETE
                    && !(rel->flags & (ORM_RF_PASSIVE_DELETES | ORM_RF_PASSIVE_DELETES_ALL));
        int passive = load ? ORM_PASSIVE_OFF | ORM_P_NO_RAISE : ORM_PASSIVE_NO_INITIALIZE;

        if (rel->cascade & k->type) {
            PyObject *list = orm_relation_related(f->h, rel->slot, passive, false);

            f = &k->frames[k->n - 1]; /* loading may run Python, but nothing pushes here */
            f->list = list;
            f->member = 0;
            return list == NULL ? -1 : 1;
        }
    }
    return 0;
}

/* The next member of the innermost list. 0 / -1. */
static int
step(walk *k, orm_cascade_visit visit, void *arg)
{
    frame *f = &k->frames[k->n - 1];
    PyObject *obj = PyList_GET_ITEM(f->list, f->member++);
    orm_head *h = NULL;
    int fresh = 0;

    if (obj == Py_None) {
        return 0;
    }
    h = orm_head_of(f->h->mapper->state, obj);
    fresh = h == NULL ? -1 : first_sight(k, h);
    if (fresh <= 0) {
        return fresh;
    }
    return visit(arg, h, obj) < 0 ? -1 : push(k, h, obj);
}

int
orm_cascade_walk(orm_head *h, uint8_t type, orm_cascade_visit visit, void *arg)
{
    walk k = {.type = type};
    PyObject *obj = orm_head_object(h);
    int rc = obj == NULL ? 0 : first_sight(&k, h);

    rc = rc > 0 ? push(&k, h, obj) : rc;
    while (rc == 0 && k.n > 0) {
        frame *f = &k.frames[k.n - 1];

        if (f->list != NULL && f->member < PyList_GET_SIZE(f->list)) {
            rc = step(&k, visit, arg);
            continue;
        }
        Py_CLEAR(f->list);
        rc = next_list(&k);
        if (rc == 0) {
            pop(&k);
        }
        rc = rc < 0 ? -1 : 0;
    }
    while (k.n > 0) {
        pop(&k);
    }
    PyMem_Free(k.frames);
    orm_ptrmap_fini(&k.seen);
    Py_XDECREF(obj);
    return rc;
}
