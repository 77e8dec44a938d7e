/*
 * orm/load_int.h - load plan, options and aliases: what only the loader's files know.
 *
 * Flow: option.c (what the user asked for) + alias.c (entities over other selectables)
 *   -> load_plan.c (columns of a SELECT, and the plan that fills entities from them; compile
 *   time) -> load_match.c (whose columns are another statement's) -> load_rows.c (one row after the other into instances; run time) -> load_result.c
 *   (the rows as a Python Result), load_key.c (get), load_slots.c (refresh,
 *   deferred columns).
 * A plan belongs to its compiled statement, holds no user's value and is never changed, except
 *   that its shape is made at the first execution.
 */
#ifndef ORM_ORM_LOAD_INT_H
#define ORM_ORM_LOAD_INT_H

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
    uint32_t slot;       /* relationship of the parent */
    uint32_t ent;        /* entity plan of what it refers to */
    uint32_t number;     /* among all children of the load plan */
    bool many;           /* a collection */
} orm_child;

/* A relationship that is loaded by a further SELECT once the rows are there. */
typedef struct orm_post {
    uint32_t ent;        /* entity plan of the parents */
    uint32_t slot;       /* the relationship */
    uint8_t how;         /* ORM_LAZY_SELECTIN, _SUBQUERY, _IMMEDIATE */
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
    PyObject *remembered; /* owned: options for later lazy loads of its instances; or NULL */
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
/* An option or a mapping asks for it. 1 / 0 / -1. */
int orm_eager_needed(orm_state *st, const orm_node *options, const orm_node *cols);
/* Ask Python: 1 and *out (new reference): an Expansion; 0: nothing; -1. */
int orm_eager_expand(orm_state *st, orm_node *stmt, PyObject **out);
extern PyMethodDef orm_eager_functions[];
/* An Expansion into the plan; ents: entity plan of each item. 0 / -1. */
int orm_eager_link(orm_load_plan *plan, const uint32_t *ents, PyObject *expansion);

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

/* --- rows (load_rows.c) ------------------------------------------------------------------ */

typedef struct orm_postlist orm_postlist; /* load_post.c: instances that posts are about */
typedef struct orm_tree orm_tree; /* load_tree.c: relationships filled from joined rows */

/* One execution on its way into instances. */
typedef struct orm_loader {
    orm_state *st;
    orm_session *s;          /* borrowed; `owner` keeps it */
    PyObject *owner;         /* owned: the Session object, or NULL */
    orm_compiled *compiled;  /* owned; its plan is ours */
    orm_load_plan *plan;     /* borrowed from compiled, or `matched` */
    orm_load_plan *matched;  /* owned: the plan for this result alone, or NULL */
    orm_result *r;           /* owned; NULL when it was read to its end */
    orm_decoder *decoders;   /* borrowed from r */
    orm_decctx *dec;         /* borrowed from r */
    PyObject *token;         /* owned identity token, or NULL */
    PyObject *context;       /* owned QueryContext for listeners, made when one needs it */
    PyObject *statement;     /* owned, for the context; or NULL */
    bool overwrite;          /* populate_existing */
    int64_t row;             /* number of the row that is read, from 1 */
    orm_head **fresh;        /* owned array of borrowed heads: made or overwritten by this batch;
                                the list that is being filled keeps them alive */
    uint32_t nfresh, capfresh;
    orm_ptrmap seen;         /* heads that this run overwrote or told listeners of; only then used */
    uint64_t nint, nentered; /* rows that took the two fast paths, counted at the end */
    uint8_t *int_key;        /* owned: per entity plan, key columns read without an object */
    struct orm_group **groups; /* owned: per entity plan, its peer record, opened when the first
                                instance comes; NULL: rows are read in batches */
    orm_postlist *posts;     /* owned, per entity plan; NULL: the plan has no posts */
    orm_tree *tree;          /* owned; NULL: the plan has no children */
    bool streams;            /* yield_per or stream_results: nothing is remembered */
} orm_loader;

/* Take over the running result r (also on failure). 0 / -1. */
int orm_loader_init(orm_loader *l, orm_session *s, orm_compiled *c, orm_result *r);
void orm_loader_fini(orm_loader *l);
/* One entity of the current row: new reference, or None. NULL: exception. */
PyObject *orm_loader_entity(orm_loader *l, const orm_entplan *p, const orm_cell *cells);
/* One item of the current row. New reference. */
PyObject *orm_loader_root(orm_loader *l, const orm_root *root, const orm_cell *cells);
/* Any column of the current row. New reference. */
PyObject *orm_loader_value(orm_loader *l, uint32_t column, const char *label,
                           const orm_cell *cell);
/* The batch is complete and goes to the user. 0 / -1: its collections could not be finished. */
int orm_loader_batch_done(orm_loader *l);
/* Of what was brought since `from` (a value of nfresh) only `kept` stays with the user. */
void orm_loader_drop(orm_loader *l, uint32_t from, const orm_head *kept);
/* The result failed with the live exception: expire what this batch brought. Keeps it. */
void orm_loader_failed(orm_loader *l);
/* `load` (event ORM_IEV_LOAD) or `refresh` (names: new set, consumed, or NULL: None). 0 / -1. */
int orm_loader_fire(orm_loader *l, orm_mapper *m, PyObject *obj, int event, PyObject *names_steal);
/* --- further SELECTs (load_post.c) --------------------------------------------------------- */
int orm_posts_prepare(orm_load_plan *plan); /* when the plan is made. 0 / -1 */
orm_postlist *orm_posts_new(uint32_t nents); /* NULL: exception */
void orm_posts_free(orm_postlist *lists, uint32_t nents); /* NULL: no-op */
/* An instance of a plan with posts is in the batch. 0 / -1. */
int orm_posts_note(orm_loader *l, const orm_entplan *p, PyObject *obj, orm_head *h);
/* The batch is complete: load what its instances refer to. 0 / -1. */
int orm_posts_run(orm_loader *l);

/* --- joined entities (load_tree.c) --------------------------------------------------------- */
orm_tree *orm_tree_new(uint32_t nchildren); /* NULL: exception */
void orm_tree_free(orm_tree *t, uint32_t nchildren); /* NULL: no-op */
/* The entities that the current row has for the relationships of obj. 0 / -1. */
int orm_tree_children(orm_loader *l, const orm_entplan *p, PyObject *obj, orm_head *h,
                      const orm_cell *cells);
/* noload: the slot is None, or an empty collection. 0 / -1. */
int orm_tree_leave_empty(orm_head *h, uint32_t slot);
/* A batch ends: collections are complete. 0 / -1; forgets everything in any case. */
int orm_tree_done(orm_tree *t, uint32_t nchildren);
/* The result failed: what was half filled is unloaded again. Keeps the live exception. */
void orm_tree_undo(orm_tree *t, uint32_t nchildren);

/* The listeners of an instance event, borrowed, or NULL. */
static inline PyObject *
orm_instance_listeners(const orm_mapper *m, int event)
{
    return m->events != NULL && Py_SIZE(m->events) > event ? m->events->slot[event] : NULL;
}

/* --- statements by key (load_key.c) ------------------------------------------------------- */
extern PyType_Spec orm_loads_spec;

/* --- attribute.c -------------------------------------------------------------------------- */
/* The attribute `of` as an attribute of an aliased entity; column: what it stands for there. */
orm_attribute *orm_attribute_of_alias(orm_attribute *of, orm_node *entity, orm_node *column);
/* The attribute under another key; number: what tells its node from others of an alias. */
orm_attribute *orm_attribute_proxy(orm_attribute *of, PyObject *key, uint32_t number,
                                   PyObject *behind);
/* _proxy_attribute(attribute, key, number, behind), proxy.c. */
PyObject *orm_fn_proxy_attribute(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
/* The AliasedEntity that the attribute belongs to, borrowed; NULL: the class's own. */
PyObject *orm_attribute_alias(const orm_attribute *a);

int orm_load_setup(PyObject *module, orm_state *st);
#endif
