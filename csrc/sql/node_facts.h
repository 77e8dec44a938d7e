/*
 * node_facts.h - what kinds of nodes are, and the small questions every pass asks of a node.
 *
 * Place: private to sql/, a part of sql_int.h, which includes it. The tables stand in node.c.
 *   Inline, because building and looking up a statement asks them some hundred times.
 */
#ifndef ORM_SQL_NODE_FACTS_H
#define ORM_SQL_NODE_FACTS_H

#include "sql_node.h"

/* What kinds are, and which of their cells are not nodes. */
enum {
    ORM_IS_COLUMN = 1,  /* has a value */
    ORM_IS_FROM = 2,
    ORM_IS_SELECT = 4,  /* returns rows by itself */
    ORM_IS_STMT = 8,
    ORM_CELL_FIRST = 16, /* args[0] is an object */
    ORM_CELL_LAST = 32, /* the last arg is an object: columns cache, or ENTITY's owner */
    ORM_HAS_SLOTS = 64, /* cells by number, most of them NULL: `used` counts */
};
extern const uint8_t orm_kind_facts[ORM_N__COUNT];
extern const uint16_t orm_kind_traits[ORM_N__COUNT];
void orm_node_dealloc(PyObject *self);

static inline int
orm_kind_is_from(unsigned kind)
{
    return orm_kind_facts[kind] & ORM_IS_FROM;
}

static inline int
orm_kind_is_select(unsigned kind)
{
    return orm_kind_facts[kind] & ORM_IS_SELECT;
}

static inline int
orm_kind_is_stmt(unsigned kind)
{
    return orm_kind_facts[kind] & ORM_IS_STMT;
}

static inline int
orm_kind_is_column(unsigned kind)
{
    return orm_kind_facts[kind] & ORM_IS_COLUMN;
}

/* How many cells may be other than NULL. */
static inline Py_ssize_t
orm_node_used(const orm_node *n)
{
    return n->used != 0 ? n->used : n->ob_base.ob_size;
}

static inline uint64_t
orm_hash_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ (h >> 29);
}

/* Is `o` itself a node that users see? Only our final types have this dealloc. */
static inline int
orm_is_node(PyObject *o)
{
    return Py_TYPE(o)->tp_dealloc == orm_node_dealloc;
}

/* IN's list: none, 1, 2 for many elements: an IN of one is another text than an IN of two. 3: the
 * list comes with the execution; 0: not a list. */
static inline unsigned
orm_bind_arity(const orm_node *n)
{
    Py_ssize_t size;

    if (!(n->aux & ORM_BIND_EXPANDING)) {
        return 0;
    }
    if (n->payload == NULL || !PyTuple_CheckExact(n->payload)) {
        return 3;
    }
    size = PyTuple_GET_SIZE(n->payload);
    return size > 2 ? 2 : (unsigned)size;
}

#endif
