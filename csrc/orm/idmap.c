/*
 * orm/idmap.c - the identity map: one instance per row and session, held weakly.
 *
 * Place: the loader enters what it has completed, get() asks, dying instances leave.
 * Borrowed heads: an instance leaves the map before anything of it is released. Between its
 *   last decref and our dealloc there is code (subclass __slots__, the trashcan) that can run
 *   Python, so a look-up must also refuse instances whose refcount is 0.
 * Re-entry: comparing unusual key values can run Python, which can move the cells: the probe
 *   holds what it compares and starts again when the table's version has changed.
 * Locking: the GIL. A free-threaded build needs a mutex never held across a decref.
 */
#include "orm/orm_int.h"

static bool
hash_of_head(void *value, uint64_t *hash)
{
    bool known = false;

    *hash = orm_head_hash(value, &known);
    return known;
}

void
orm_idmap_init(orm_idmap *map)
{
    orm_tagmap_init(&map->table, hash_of_head);
}

void
orm_idmap_fini(orm_idmap *map)
{
    size_t pos = 0;
    orm_head *h = NULL;

    while ((h = orm_tagmap_next(&map->table, &pos)) != NULL) {
        h->flags &= ~(uint32_t)ORM_H_IN_MAP;
        h->session = NULL;
        orm_head_set_left(h, ORM_LEFT_DROPPED);
    }
    orm_tagmap_fini(&map->table);
}

/* Whether two key values are equal. 1 / 0; -2: only Python can tell. */
static int
value_equal(orm_state *st, PyObject *a, PyObject *b)
{
    if (a == b) {
        return 1;
    }
    if (Py_TYPE(a) != Py_TYPE(b)) {
        return -2;
    }
    if (PyUnicode_CheckExact(a) || PyLong_CheckExact(a) || PyBytes_CheckExact(a)) {
        return PyObject_RichCompareBool(a, b, Py_EQ); /* builtins: cannot fail */
    }
    if (orm_is_uuid(st, a)) {
        PyObject *x = PyObject_GetAttr(a, st->s_int);
        PyObject *y = PyObject_GetAttr(b, st->s_int);
        int same = x != NULL && y != NULL ? PyObject_RichCompareBool(x, y, Py_EQ) : -1;
        if (same < 0) {
            PyErr_Clear();
            same = -2;
        }
        Py_XDECREF(x);
        Py_XDECREF(y);
        return same;
    }
    return -2;
}

/* As value_equal, for the whole key. */
static int
key_matches(const orm_head *h, const orm_key *k)
{
    orm_state *st = k->root->state;
    PyObject *token = h->flags & ORM_H_TOKEN ? h->rare->token : NULL;
    int same = 1;

    if (h->mapper->root != k->root || (token == NULL) != (k->token == NULL)) {
        return 0;
    }
    if (token != NULL) {
        same = value_equal(st, token, k->token);
        if (same == 0) {
            return 0;
        }
    }
    if (k->kind == ORM_KEY_INT) {
        return h->flags & ORM_H_KEY_INT && h->ident.i == k->i ? same : 0;
    }
    if (!(h->flags & ORM_H_KEY_OBJ)
        || ((h->flags & ORM_H_KEY_MANY) != 0) != (k->kind == ORM_KEY_MANY)) {
        return 0;
    }
    if (k->kind == ORM_KEY_ONE) {
        int one = value_equal(st, h->ident.obj, k->obj);
        return one == 1 ? same : one;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(k->obj); i++) {
        int one = value_equal(st, PyTuple_GET_ITEM(h->ident.obj, i),
                              PyTuple_GET_ITEM(k->obj, i));
        if (one == 0) {
            return 0;
        }
        same = one == 1 ? same : one;
    }
    return same;
}

/* Ask Python. 1 / 0 / -1. The caller looks at the table's version afterwards. */
static int
key_matches_slowly(orm_head *h, const orm_key *k)
{
    PyObject *token = Py_XNewRef(h->flags & ORM_H_TOKEN ? h->rare->token : NULL);
    PyObject *ident = Py_XNewRef(h->flags & ORM_H_KEY_OBJ ? h->ident.obj : NULL);
    int same = 1;

    if (token != NULL) {
        same = PyObject_RichCompareBool(token, k->token, Py_EQ);
    }
    if (same > 0 && ident != NULL) {
        same = PyObject_RichCompareBool(ident, k->obj, Py_EQ);
    }
    Py_XDECREF(token);
    Py_XDECREF(ident);
    return same;
}

/* The cell of a key, dying or not. 1 found, 0 not, -1 exception. */
static int
find_cell(orm_idmap *map, const orm_key *k, orm_tagcell **out)
{
    orm_tagmap *t = &map->table;
    uint32_t spread = orm_tagmap_spread(k->hash);
    uint64_t tag = orm_tagmap_tag(spread);

again:
    *out = NULL;
    if (t->used == 0) {
        return 0;
    }
    for (size_t i = spread & t->mask;; i = (i + 1) & t->mask) {
        orm_tagcell *cell = &t->cells[i];
        if (*cell == 0) {
            return 0;
        }
        if ((*cell & ~ORM_TAG_POINTER) != tag) {
            continue;
        }
        orm_head *h = orm_tagmap_value(*cell);
        int same = key_matches(h, k);
        if (same == -2) {
            /* hold the instance: the comparison may drop the last reference to it */
            uint64_t version = t->version;
            PyObject *obj = orm_head_object(h);
            if (obj == NULL) {
                continue;
            }
            same = key_matches_slowly(h, k);
            bool moved = t->version != version;
            Py_DECREF(obj);
            if (same < 0) {
                return -1;
            }
            if (moved || t->version != version) {
                goto again;
            }
        }
        if (same > 0) {
            *out = cell;
            return 1;
        }
    }
}

int
orm_idmap_get(orm_idmap *map, const orm_key *k, PyObject **obj, orm_head **out)
{
    orm_tagcell *cell = NULL;
    int found = find_cell(map, k, &cell);

    *obj = NULL;
    *out = NULL;
    if (found <= 0) {
        return found;
    }
    *obj = orm_head_object(orm_tagmap_value(*cell));
    if (*obj != NULL) {
        *out = orm_tagmap_value(*cell);
    }
    return 0;
}

int
orm_idmap_put(orm_idmap *map, orm_session *s, orm_head *h, const orm_key *k, PyObject **winner,
              orm_head **winner_head)
{
    orm_tagcell *cell = NULL;
    int found = find_cell(map, k, &cell);

    *winner = NULL;
    *winner_head = NULL;
    if (found < 0) {
        return -1;
    }
    if (found > 0) {
        orm_head *other = orm_tagmap_value(*cell);
        PyObject *obj = orm_head_object(other);
        if (obj != NULL) {
            *winner = obj;
            *winner_head = other;
            return 0;
        }
        /* It is dying: its own removal will find that the entry is not its any more. */
        orm_tagmap_remove_cell(&map->table, cell);
        other->flags &= ~(uint32_t)ORM_H_IN_MAP;
    }
    if (orm_tagmap_put(&map->table, k->hash, h) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    h->flags |= ORM_H_IN_MAP;
    h->session = s;
    *winner = orm_head_object(h);
    *winner_head = h;
    assert(*winner != NULL);
    return 0;
}

void
orm_idmap_remove(orm_idmap *map, orm_head *h)
{
    bool known = false;
    uint64_t hash;

    if (!(h->flags & ORM_H_IN_MAP)) {
        return;
    }
    hash = orm_head_hash(h, &known);
    if (!known || !orm_tagmap_remove(&map->table, hash, h)) {
        /* at exit the module's names are gone before the last instances */
        for (size_t i = 0; map->table.cells != NULL && i <= map->table.mask; i++) {
            if (orm_tagmap_value(map->table.cells[i]) == h) {
                orm_tagmap_remove_cell(&map->table, &map->table.cells[i]);
                break;
            }
        }
    }
    h->flags &= ~(uint32_t)ORM_H_IN_MAP;
}

PyObject *
orm_idmap_list(orm_idmap *map)
{
    size_t n = map->table.used;
    PyObject *list = PyList_New(0);
    PyObject **objs = NULL;
    size_t found = 0;
    size_t pos = 0;
    orm_head *h = NULL;

    if (list == NULL) {
        return NULL;
    }
    /* All references first: appending can run a collection that moves the cells. */
    objs = PyMem_Malloc((map->table.used + 1) * sizeof(*objs));
    if (objs == NULL) {
        Py_DECREF(list);
        return PyErr_NoMemory();
    }
    while (found < n && (h = orm_tagmap_next(&map->table, &pos)) != NULL) {
        PyObject *obj = orm_head_object(h);
        if (obj != NULL) {
            objs[found++] = obj;
        }
    }
    for (size_t i = 0; i < found; i++) {
        if (list != NULL && PyList_Append(list, objs[i]) < 0) {
            Py_CLEAR(list);
        }
        Py_DECREF(objs[i]);
    }
    PyMem_Free(objs);
    return list;
}
