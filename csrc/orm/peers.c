/*
 * orm/peers.c - the peer record: chunks of cells, one cell per instance.
 *
 * Layout: a group is a ring of chunks that grow (4, 16, 64, 256, 1024 cells); the head points to
 *   its cell, the cell to its chunk, the chunk to its group, so that leaving costs nothing and
 *   a small result stays small. Cells are never used twice: their order is that of the rows.
 */
#include "orm/peers.h"
#include "orm/orm_int.h"

typedef struct orm_chunk {
    struct orm_chunk *next; /* in the order of the rows; the last one's is NULL */
    orm_group *group;
    uint32_t used, cap;     /* cells taken, cells there are */
    orm_peers *cells;       /* behind the chunk, in the same block */
} orm_chunk;

struct orm_peers { /* a cell */
    orm_head *h;       /* borrowed; NULL: it left */
    orm_chunk *chunk;
};

struct orm_group {
    orm_chunk *first, *last;
    size_t living;    /* cells with an instance */
    uint64_t touched; /* slots that were loaded for one of them; bit 63: any slot from there on */
    PyObject *options; /* owned: what its instances remember of their load; or NULL */
    bool open;        /* the loader enters instances */
};

enum { FIRST_CELLS = 4, MOST_CELLS = 1024 };

static void
group_free(orm_group *g)
{
    for (orm_chunk *c = g->first; c != NULL;) {
        orm_chunk *next = c->next;

        PyMem_Free(c);
        c = next;
    }
    Py_XDECREF(g->options);
    PyMem_Free(g);
}

orm_group *
orm_group_open(PyObject *options)
{
    orm_group *g = PyMem_Calloc(1, sizeof(*g));

    if (g == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    g->options = Py_XNewRef(options);
    g->open = true;
    return g;
}

void
orm_group_close(orm_group *g)
{
    if (g != NULL) {
        g->open = false;
        if (g->living == 0) {
            group_free(g);
        }
    }
}

static orm_chunk *
chunk_add(orm_group *g)
{
    uint32_t cap = g->last == NULL ? FIRST_CELLS : g->last->cap * 4;
    orm_chunk *c = NULL;

    cap = cap > MOST_CELLS ? MOST_CELLS : cap;
    c = PyMem_Malloc(sizeof(*c) + cap * sizeof(orm_peers));
    if (c == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *c = (orm_chunk){.group = g, .cap = cap, .cells = (orm_peers *)(c + 1)};
    if (g->last == NULL) {
        g->first = c;
    }
    else {
        g->last->next = c;
    }
    g->last = c;
    return c;
}

int
orm_group_enter(orm_group *g, orm_head *h)
{
    orm_chunk *c = g->last;

    if (h->peers != NULL) {
        return 0;
    }
    if (c == NULL || c->used == c->cap) {
        c = chunk_add(g);
        if (c == NULL) {
            return -1;
        }
    }
    h->peers = &c->cells[c->used++];
    *h->peers = (orm_peers){.h = h, .chunk = c};
    g->living++;
    return 0;
}

/* h lives on without its record: its options go with it, if there is memory for them. */
static void
take_options(orm_head *h, const orm_group *g)
{
    PyObject *live = PyErr_GetRaisedException();
    orm_rare *r = h->flags & ORM_H_DEAD || g->options == NULL ? NULL : orm_rare_ensure(h);

    if (r != NULL && r->options == NULL) {
        r->options = Py_NewRef(g->options);
    }
    PyErr_Clear();
    PyErr_SetRaisedException(live);
}

PyObject *
orm_remembered(const orm_head *h)
{
    if (h->rare != NULL && h->rare->options != NULL) {
        return h->rare->options;
    }
    return h->peers == NULL ? NULL : h->peers->chunk->group->options;
}

void
orm_peers_leave(orm_head *h)
{
    orm_peers *cell = h->peers;
    orm_group *g = NULL;

    h->peers = NULL;
    if (cell == NULL) {
        return;
    }
    g = cell->chunk->group;
    take_options(h, g);
    cell->h = NULL;
    if (--g->living == 0 && !g->open) {
        group_free(g);
    }
}

bool
orm_peers_touch(orm_head *h, uint32_t slot)
{
    uint64_t bit = UINT64_C(1) << (slot > 63 ? 63 : slot);
    orm_group *g = NULL;
    bool again;

    if (h->peers == NULL) {
        return false;
    }
    g = h->peers->chunk->group;
    again = (g->touched & bit) != 0 && g->living > 1;
    g->touched |= bit;
    return again;
}

orm_head *
orm_peers_next(const orm_head *h, orm_peers **at)
{
    orm_peers *cell = *at;

    do {
        orm_chunk *c = cell->chunk;

        if (++cell == c->cells + c->used) {
            c = c->next == NULL ? c->group->first : c->next;
            cell = c->cells;
        }
        if (cell == h->peers) {
            return NULL;
        }
    } while (cell->h == NULL);
    *at = cell;
    return cell->h;
}

size_t
orm_peers_count(const orm_head *h)
{
    return h->peers == NULL ? 0 : h->peers->chunk->group->living;
}
