/*
 * unit/dep.h - relationships in a flush: which rows they add, in which order, and the keys that
 * travel along them.
 *
 * A relationship of a class that has rows in the flush is a `proc`. presort.c asks each of its
 *   rows what changed (an entry) and registers the related instances: children whose foreign
 *   key changes, orphans to delete. dep_order.c makes the edges. When its turn comes the proc
 *   copies keys (dep.c: one-to-many and many-to-one) or writes rows of the secondary table
 *   (dep_many.c); columns of post_update go to a second UPDATE (post.c).
 * Directions: `parent` is the class that has the attribute. One-to-many: the target has the
 *   foreign key; many-to-one: the parent.
 * Order of work, as edges (dep_order.c has the table): the row with the key is saved before the
 *   proc, the row with the foreign key after it; deletes the other way round.
 * Values: a key that is copied into a persistent instance is a change like the user's own and
 *   goes with the session's rollback; into a pending one it is noted in work->undo or row->given
 *   and taken back when the flush fails.
 */
#ifndef ORM_UNIT_DEP_H
#define ORM_UNIT_DEP_H

#include "orm/collection.h"
#include "unit/graph.h"
#include "unit/unit_int.h"

#define ORM_NO_BASE UINT32_MAX

/* Instances; no Python lists, which the collector would look through while they live. */
typedef struct orm_umembers {
    PyObject **items;    /* in work->arena, owned references; None is left out */
    uint32_t n;
} orm_umembers;

/* What changed along a relationship for one row, as it was at presort. */
struct orm_uentry {
    orm_urow *row;
    orm_uproc *proc;
    orm_umembers added, unchanged, deleted;
    orm_uentry *next;    /* of the proc */
    orm_uentry *of_row;  /* of the row */
    bool rekeyed;        /* columns of the row that the relationship refers to change */
};

/* Pairs of instances whose secondary row one side of a many-to-many has written. */
typedef struct orm_upair {
    const orm_head *a, *b; /* a: of the side whose relation is `first` */
} orm_upair;

struct orm_uproc {
    orm_relation *rel;       /* owned */
    orm_uentry *first, *last;
    uint32_t base, target;   /* indexes of bases; ORM_NO_BASE: no row of it */
    uint32_t node, node_del; /* in the graph; valid if setup */
    bool setup;              /* has nodes in the graph */
    bool related;            /* a row has related instances: what makes `setup` */
    bool self;               /* parent and target are one hierarchy */
    /* many-to-many */
    orm_ubase link;          /* connection for the secondary table */
    orm_ptrmap own_pairs;    /* orm_upair in work->arena */
    orm_uproc *mirror;       /* the other side, met first: its pairs are shared; or NULL */
};

/* presort.c: until nothing is new. 0 / -1. */
int orm_presort(orm_work *w);
/* The procs of a new kind of rows. 0 / -1. */
int orm_kind_procs(orm_work *w, orm_ukind *k);
void orm_procs_fini(orm_work *w);
/* Row of a head, or NULL (exception only when out of memory). */
orm_urow *orm_row_of(orm_work *w, orm_head *h);
/* A new row after orm_row_of has been used. NULL: exception. */
orm_urow *orm_row_join(orm_work *w, orm_head *h, uint8_t op);
/* Whether a flush of this session may write the instance. */
bool orm_is_flushable(const orm_work *w, const orm_head *h);
/* "Object of type <X> not in session, ..." 0 / -1. `refuse`: "will not" or "won't". */
int orm_warn_not_in_session(orm_work *w, const orm_relation *rel, const orm_head *h,
                            const char *operation, const char *refuse);

/* rekey.c: references to rows whose key changes, by many-to-ones without another side: rows that
 * have to follow. 1 some are new, 0, -1. */
int orm_follow_keys(orm_work *w);

/* dep_order.c: nodes and edges of all procs; bases have theirs. 0 / -1. */
int orm_proc_edges(orm_work *w, orm_graph *g);
/* The foreign key `fk` of base `base` is ordered by a relationship. */
bool orm_fk_covered(const orm_work *w, uint32_t base, const orm_wfk *fk);
/* Rows of one cycle: node number of the first row of each base, by kind; ORM_G_GONE: not in it. */
typedef struct orm_split {
    uint32_t *save, *del; /* [nbases] */
} orm_split;
/* PROC nodes of rows and their edges. 0 / -1 (with an exception, or without memory). */
int orm_proc_split(orm_work *w, orm_graph *g, const uint32_t *nodes, uint32_t n,
                   const orm_split *s);
/* CircularDependencyError of g->cycle. -1. */
int orm_raise_circular(orm_work *w, const orm_graph *g);

/* dep.c: all rows of a proc, or one of them. 0 / -1. */
int orm_proc_run(orm_work *w, orm_uproc *p, bool deletes, orm_urow *only);
/* Copy the key of `source` into the foreign key of `dest`; rekeyed: because it changes. 0 / -1. */
int orm_sync_copy(orm_work *w, const orm_relation *rel, orm_head *source, orm_head *dest,
                  PyObject *dest_obj, bool rekeyed);
/* Value of a source column, new reference (None for nothing). NULL: exception. */
PyObject *orm_sync_value(orm_work *w, const orm_relation *rel, const orm_relpair *pair,
                         orm_head *source);
/* The instance may be a member of the relationship: FlushError. 0 / -1. */
int orm_check_member(orm_work *w, const orm_relation *rel, orm_head *h);

/* dep_many.c: secondary rows. 0 / -1. */
int orm_many_run(orm_work *w, orm_uproc *p, bool deletes);
/* post.c */
int orm_post_note(orm_work *w, orm_urow *r, const orm_relation *rel);
int orm_post_run(orm_work *w, orm_ubase *b, bool deletes);

#define ORM_HAS_IDENTITY(h) (((h)->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)) != 0)

/* How a delete may load what hangs on its row. */
static inline int
orm_delete_passive(const orm_relation *rel)
{
    return (rel->flags & (ORM_RF_PASSIVE_DELETES | ORM_RF_PASSIVE_DELETES_ALL)
                ? ORM_PASSIVE_NO_INITIALIZE
                : ORM_PASSIVE_OFF)
           | ORM_P_NO_AUTOFLUSH | ORM_P_COMMITTED | ORM_P_NO_RAISE;
}

#endif
