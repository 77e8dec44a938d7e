/*
 * orm/load_plan.h - the load plan: which column of a row fills which slot, and what is loaded along;
 *   a part of load_int.h.
 *
 * A plan belongs to its compiled statement, holds no user's value and is never changed, except
 * that its shape and the statements of its posts are made at the first execution.
 */
#ifndef ORM_ORM_LOAD_PLAN_H
#define ORM_ORM_LOAD_PLAN_H

#include "orm/load.h"
#include "orm/load_option.h"
#include "orm/orm_int.h"

/* --- the plan (load_plan.c) -------------------------------------------------------------- */

enum {
    ORM_FILL_COLUMN,   /* decode a column into the slot */
    ORM_FILL_DEFERRED, /* mark: an option left the column out, a read loads it */
    ORM_FILL_RAISE,    /* mark: likewise, and a read raises */
    ORM_FILL_EXPIRED,  /* mark: the selectable does not have the column */
    ORM_FILL_RAISE_ON_SQL, /* mark of a relationship: a read that needs SQL raises */
    ORM_FILL_NOLOAD,   /* a relationship stays empty */
    ORM_FILL_LAZY      /* a relationship that the mapping loads eagerly is left to its reader */
};
/* When an entry applies to an instance that the session knew before this result. */
enum {
    ORM_FILL_PARTIAL = 1 /* to a slot that holds no value and no pending change */
};

typedef struct orm_fill {
    uint32_t slot;
    uint32_t column; /* result column, of ORM_FILL_COLUMN */
    uint8_t kind;    /* ORM_FILL_* */
    uint8_t policy;  /* ORM_FILL_PARTIAL; always: all entries of a new or overwritten instance */
    char *label;     /* owned (PyMem) "table.column" for messages, of ORM_FILL_COLUMN */
} orm_fill;

typedef struct orm_poly orm_poly; /* load_poly.h: which class a row is of */
/* A related entity in the same row. */
typedef struct orm_child {
    orm_mapper *mapper;  /* owned: whose relationship it is: the plan's, or a subclass's */
    uint32_t slot;       /* relationship of the parent */
    uint32_t ent;        /* entity plan of what it refers to */
    uint32_t number;     /* among all children of the load plan */
    bool many;           /* a collection */
} orm_child;

/* A relationship that is loaded by a further SELECT once the rows are there. */
typedef struct orm_post {
    uint32_t ent;        /* entity plan of the parents */
    uint32_t slot;       /* the relationship */
    orm_mapper *mapper;  /* owned: whose relationship it is: the plan's, or a subclass's */
    uint8_t how;         /* ORM_LAZY_SELECTIN, _SUBQUERY, _IMMEDIATE */
    PyObject *path;      /* owned tuple: the way from the statement's entity: Mapper, relationship, ... */
    PyObject *what;      /* owned: (Step or None, options of the related entity) */
    PyObject *arguments; /* owned dict: recursion_depth, chunksize */
    uint32_t chunk;      /* parents of one SELECT; 0: as many as there may be */
    bool plain;          /* the relationship's own statement does it */
    bool has_values;     /* criteria: worked out at each execution */
    PyObject *loads;     /* owned: its statement, made at the first execution; or NULL */
} orm_post;

/* How one entity is found in a row and filled from it. */
typedef struct orm_entplan {
    orm_mapper *mapper;  /* owned */
    orm_node *entity;    /* owned: which entity of the statement this is */
    uint32_t *ident;     /* owned: result columns of the primary key, mapper->npk */
    uint32_t nident;
    bool partial_pk;     /* a primary key with some NULLs is one */
    uint32_t index;      /* of this plan in orm_load_plan.ents */
    orm_fill *fill;      /* owned, columns first */
    uint32_t nfill;
    uint32_t ncolumns;   /* entries of kind ORM_FILL_COLUMN */
    orm_poly *poly;      /* owned: instances may be of subclasses; NULL: always of `mapper` */
    orm_child *children; /* owned: joined entities, in slot order; NULL: none */
    uint32_t nchildren;
    PyObject *remembered; /* owned: (options, {}) for later lazy loads of its instances (lazy.h);
                             or NULL */
    uint32_t remembered_at; /* its number in the plan */
    bool remembers_values; /* they hold values: worked out from the statement that is executed */
    bool has_posts;      /* load_post.c wants to know its instances */
    bool peers;          /* has relationships: what comes together is remembered (peers.h) */
} orm_entplan;

/* One item of the user's rows. */
typedef struct orm_root {
    bool is_entity;
    uint32_t index;  /* of the entity plan, or of the result column */
    PyObject *key;   /* owned str: name in the Row before duplicates are counted */
    const char *label; /* its UTF-8, borrowed from key, for messages */
    struct orm_root *parts; /* owned: of a bundle, what it combines; else NULL */
    uint32_t nparts;
    PyObject *make;  /* owned, of a bundle: called with a tuple of the parts; NULL: a Row of them */
    PyObject *shape; /* owned, of a bundle's Row; or NULL */
    PyObject *expr;  /* owned: what it is looked up by, besides its name */
} orm_root;

typedef struct orm_load_plan {
    orm_root *roots;     /* owned */
    orm_entplan *ents;   /* owned; one per entity, however often it stands in the list */
    uint8_t *by_identity; /* owned: per root, whether unique() compares by identity */
    uint32_t nroots, nents;
    orm_post *posts;     /* owned; outer relationships before what they lead to */
    uint32_t nposts;
    uint32_t nchildren;  /* of all entity plans */
    bool repeats;        /* a child is a collection: rows repeat their parents */
    uint32_t ncols;      /* columns of the result; with `wanted`: its length */
    PyObject *wanted;    /* owned list of nodes that the numbers of columns are about, where the
                            columns are another statement's: load_match.c finds them. Else NULL */
    PyObject *shape;     /* owned: of the rows, made at the first execution; or NULL */
} orm_load_plan;

/* --- what is loaded along (load_eager.c) -------------------------------------------------- */
struct orm_relation;
/* The mapping loads it along with its parent. */
bool orm_relation_is_eager(const struct orm_relation *rel);
/* An option or a mapping asks for it. 1 / 0 / -1. */
int orm_eager_needed(orm_state *st, const orm_node *options, const orm_node *cols);
/* Ask Python: 1 and *out (new reference): an Expansion; 0: nothing; -1. */
int orm_eager_expand(orm_state *st, orm_node *stmt, PyObject **out);
/* The cells of a statement with its items and its loader options; false: it has none. */
bool orm_parts_of(const orm_node *stmt, int *cols, int *options);
/* The same where the columns are not ours to write: 1, *all (new reference): the items, and behind
   them the entities of contains_eager(), and *out as above; 0; -1. */
int orm_eager_of_rows(orm_state *st, const orm_node *cols, const orm_node *options, orm_node **all,
                      PyObject **out);
extern PyMethodDef orm_eager_functions[];
/* An Expansion into the plan; ents: entity plan of each item. 0 / -1. */
int orm_eager_link(orm_state *st, orm_load_plan *plan, const uint32_t *ents, PyObject *expansion);

extern const orm_sql_orm_ops orm_load_sql_ops;

/* "users.name", or "User.key" for what is no column of a table. PyMem, NULL: exception. */
char *orm_attribute_label(const orm_attribute *a);
/* A LIST that stands for one value of a row, made by Bundle or composite(). */
static inline bool
orm_is_bundle(const orm_node *n)
{
    return n->kind == ORM_N_LIST && n->payload != NULL;
}
/* load_bundle.c */
PyObject *orm_fn_bundle(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
uint32_t orm_bundle_leaves(const orm_node *cols); /* items, those of bundles in their place */
int orm_bundle_finish(orm_state *st, const orm_node *item, orm_root *root); /* parts are made */
void orm_root_fini(orm_root *root);
int orm_root_traverse(const orm_root *root, visitproc visit, void *arg);
/* The name of an item in the row, before duplicates are counted. New reference. */
PyObject *orm_root_key(orm_state *st, orm_node *item);
/* The rows' shape. Borrowed from the plan, or NULL with an exception. */
PyObject *orm_load_plan_shape(orm_state *st, orm_load_plan *plan);

/* --- rows of other statements (load_match.c) ----------------------------------------------- */
/* A copy of the plan with the columns of this result, whose decoders are chosen anew where the
   statement gave no types. Its objects are those of `plan`, which must outlive it. PyMem;
   NULL: exception. */
orm_load_plan *orm_load_plan_match(orm_state *st, const orm_load_plan *plan,
                                   const orm_compiled *c, orm_result *r);
void orm_load_plan_unmatch(orm_load_plan *plan);

#endif
