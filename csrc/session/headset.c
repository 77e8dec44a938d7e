/*
 * session/headset.c - an ordered set of instances that keeps them alive.
 *
 * Place: pending, changed and deleted instances of a session. Membership is a flag of the head,
 *   so adding is an append; only taking a single one out needs to find it, and the index for
 *   that is made at the first such removal.
 * Dropping references can run Python: cells are emptied first, references dropped afterwards.
 */
#include "session/session_int.h"

static uint64_t
head_hash(const orm_head *h)
{
    return (uintptr_t)h >> 4;
}

typedef struct cell_key {
    const orm_headset *set;
    const orm_head *head;
} cell_key;

static int
is_cell_of(const void *value, const void *key)
{
    const cell_key *k = key;

    return k->set->cells[(uintptr_t)value - 1].head == k->head;
}

/* Close the gaps. The index is void afterwards. */
static void
compact(orm_headset *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->used; i++) {
        if (set->cells[i].head != NULL) {
            set->cells[n++] = set->cells[i];
        }
    }
    set->used = n;
    set->indexed = false;
    orm_ptrmap_clear(&set->index);
}

int
orm_headset_add(orm_headset *set, orm_head *h, PyObject *obj)
{
    if (set->used == set->cap) {
        if (set->live < set->used / 2) {
            compact(set);
        }
        else {
            size_t cap = set->cap == 0 ? 8 : set->cap * 2;
            orm_headcell *cells = PyMem_Realloc(set->cells, cap * sizeof(*cells));
            if (cells == NULL) {
                PyErr_NoMemory();
                return -1;
            }
            set->cells = cells;
            set->cap = cap;
        }
    }
    if (set->indexed
        && orm_ptrmap_put(&set->index, head_hash(h), (void *)(uintptr_t)(set->used + 1)) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    set->cells[set->used++] = (orm_headcell){.head = h, .obj = Py_NewRef(obj)};
    set->live++;
    return 0;
}

/* The cell of a head, or NULL. Without memory for the index: by walking. */
static orm_headcell *
find(orm_headset *set, const orm_head *h)
{
    cell_key key = {.set = set, .head = h};

    if (!set->indexed && set->used > 8 && orm_ptrmap_reserve(&set->index, set->cap) == 0) {
        for (size_t i = 0; i < set->used; i++) {
            if (set->cells[i].head != NULL) {
                (void)orm_ptrmap_put(&set->index, head_hash(set->cells[i].head),
                                     (void *)(uintptr_t)(i + 1)); /* reserved above */
            }
        }
        set->indexed = true;
    }
    if (set->indexed) {
        orm_ptrcell *cell = orm_ptrmap_find(&set->index, head_hash(h), is_cell_of, &key);
        return cell == NULL ? NULL : &set->cells[(uintptr_t)cell->value - 1];
    }
    for (size_t i = 0; i < set->used; i++) {
        if (set->cells[i].head == h) {
            return &set->cells[i];
        }
    }
    return NULL;
}

bool
orm_headset_has(orm_headset *set, const orm_head *h)
{
    return set->live > 0 && find(set, h) != NULL;
}

PyObject *
orm_headset_take(orm_headset *set, const orm_head *h)
{
    orm_headcell *cell = set->live == 0 ? NULL : find(set, h);
    PyObject *obj = NULL;

    if (cell == NULL) {
        return NULL;
    }
    obj = cell->obj;
    if (set->indexed) {
        uintptr_t number = (uintptr_t)(cell - set->cells) + 1;
        (void)orm_ptrmap_remove(&set->index, head_hash(h), (void *)number);
    }
    *cell = (orm_headcell){0};
    set->live--;
    if (set->live == 0) {
        set->used = 0;
    }
    return obj;
}

void
orm_headset_move(orm_headset *set, orm_headset *to)
{
    *to = *set;
    *set = (orm_headset){0};
}

int
orm_headset_splice(orm_headset *set, orm_headset *from)
{
    size_t cap = set->used + from->live;
    orm_headcell *cells = NULL;

    if (from->live == 0) {
        return 0;
    }
    if (set->live == 0) {
        orm_headset_fini(set);
        orm_headset_move(from, set);
        return 0;
    }
    if (cap > set->cap) {
        cells = PyMem_Realloc(set->cells, cap * sizeof(*cells));
        if (cells == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        set->cells = cells;
        set->cap = cap;
    }
    for (size_t i = 0; i < from->used; i++) {
        if (from->cells[i].head != NULL) {
            set->cells[set->used++] = from->cells[i];
            set->live++;
        }
    }
    set->indexed = false;
    orm_ptrmap_clear(&set->index);
    from->used = from->live = 0;
    orm_headset_fini(from);
    return 0;
}

void
orm_headset_fini(orm_headset *set)
{
    orm_headset old = *set;

    *set = (orm_headset){0};
    orm_ptrmap_fini(&old.index);
    for (size_t i = 0; i < old.used; i++) {
        Py_XDECREF(old.cells[i].obj);
    }
    PyMem_Free(old.cells);
}

int
orm_headset_traverse(orm_headset *set, visitproc visit, void *arg)
{
    for (size_t i = 0; i < set->used; i++) {
        Py_VISIT(set->cells[i].obj);
    }
    return 0;
}

PyObject *
orm_headset_list(const orm_headset *set)
{
    PyObject *list = PyList_New((Py_ssize_t)set->live);
    Py_ssize_t n = 0;

    for (size_t i = 0; list != NULL && i < set->used; i++) {
        if (set->cells[i].head != NULL && n < (Py_ssize_t)set->live) {
            PyList_SET_ITEM(list, n++, Py_NewRef(set->cells[i].obj));
        }
    }
    return list;
}
