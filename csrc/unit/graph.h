/*
 * unit/graph.h - the order of a flush: nodes, edges, levels. No Python.
 *
 * A node is one kind of work for all rows of one owner (SAVE of a mapper's rows), an edge says
 * "before". The sort gives every node a level, 1 + the highest level before it, so that what
 * stands on one level is a subset that may be written in one batch.
 * Cycles: only nodes in a cycle are split into one node per row, with edges from the rows as
 * they are; the caller's callback makes them. Two gates, one before and one behind the rows,
 * stand in the place of the split nodes for everything outside of the cycle, so that a split
 * costs edges in proportion to its rows.
 * Soft edges come from foreign keys alone (no relationship says so): where rows still form a
 * cycle they are dropped, because the constraint may be deferred; a cycle of hard edges is the
 * caller's error to report.
 */
#ifndef ORM_UNIT_GRAPH_H
#define ORM_UNIT_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

/* Kinds of nodes. Owners of SAVE, DEL, POST are mappers' hierarchies, of PROC relationships. */
enum {
    ORM_G_SAVE,     /* INSERT and UPDATE of rows */
    ORM_G_DEL,      /* DELETE of rows */
    ORM_G_PROC,     /* keys along a relationship of rows that are saved */
    ORM_G_PROC_DEL, /* ... of rows that are deleted */
    ORM_G_POST,     /* post_update: the second UPDATE of rows that are saved */
    ORM_G_POST_DEL, /* ... the UPDATE before the DELETE of rows that are deleted */
    ORM_G_GATE      /* stands before or behind a split cycle; no work of its own */
};

#define ORM_G_ALL UINT32_MAX /* orm_gnode.row: all rows of the owner */
#define ORM_G_GONE UINT32_MAX /* orm_gnode.level: split into rows */

typedef struct orm_gnode {
    uint8_t kind;       /* ORM_G_* */
    uint32_t owner;     /* index of what the rows belong to, the caller's numbering */
    uint32_t row;       /* one row of it, the caller's numbering, or ORM_G_ALL */
    uint32_t level;     /* written by the sort; ORM_G_GONE: it was split */
    uint32_t component; /* strongly connected component, while sorting */
} orm_gnode;

typedef struct orm_gedge {
    uint32_t before, after; /* node numbers */
    bool soft;              /* may be dropped to break a cycle */
    bool dead;              /* replaced or dropped by the sort */
} orm_gedge;

typedef struct orm_graph {
    orm_gnode *nodes; /* owned */
    orm_gedge *edges; /* owned */
    uint32_t nnodes, nedges, capnodes, capedges;
    uint32_t *order;  /* owned; the sort's answer: norder node numbers by level, on one level
                         in the order in which they were added; gates and split nodes left out */
    uint32_t norder;
    uint32_t *cycle;  /* owned; after the sort answered 1: ncycle nodes of a cycle */
    uint32_t ncycle;
} orm_graph;

void orm_graph_init(orm_graph *g);
void orm_graph_fini(orm_graph *g);
/* Number of the new node; -1 without memory. */
int64_t orm_graph_node(orm_graph *g, uint8_t kind, uint32_t owner, uint32_t row);
/* `before` stands before `after`; doubles are allowed. 0 / -1 without memory. */
int orm_graph_edge(orm_graph *g, uint32_t before, uint32_t after, bool soft);

/* Make the row nodes of n nodes that form one cycle, and the edges between those rows. Other
 * edges are given to them by the sort. 0 / -1: the sort gives up with the same answer. */
typedef int (*orm_graph_split)(void *arg, orm_graph *g, const uint32_t *nodes, uint32_t n);

/* 0: g->order is filled; 1: a cycle of hard edges is left among rows, g->cycle; -1: without
 * memory, or split failed. Once per graph. */
int orm_graph_sort(orm_graph *g, orm_graph_split split, void *arg);

#endif
