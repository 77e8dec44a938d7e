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
#include "orm/orm_int.h"

/* --- options (option.c) ------------------------------------------------------------------ */

enum { ORM_OPT_SLOT, ORM_OPT_ALL, ORM_OPT_GROUP, ORM_OPT_EXPR }; /* what an item is about */
enum { ORM_OPT_LOAD, ORM_OPT_DEFER, ORM_OPT_RAISE };   /* what is to happen */

typedef struct orm_optitem {
    uint32_t entity;    /* index into the option's entities, or ORM_OPT_ANY: every entity */
    uint8_t what;       /* ORM_OPT_SLOT, _ALL, _GROUP, _EXPR */
    uint8_t strategy;   /* ORM_OPT_LOAD, _DEFER, _RAISE */
    uint32_t slot;      /* of ORM_OPT_SLOT and _EXPR */
    PyObject *group;    /* owned interned str, of ORM_OPT_GROUP; else NULL */
    orm_node *expr;     /* owned, of ORM_OPT_EXPR: what the slot is loaded from, a child of the
                           OPTION node behind the entities; else NULL */
} orm_optitem;
#define ORM_OPT_ANY UINT32_MAX

/* `_core.LoaderOption`, which Python's Load subclasses: filled once, then never changed. */
typedef struct orm_option {
    PyObject_HEAD
    orm_node **entities; /* owned array of owned ENTITY nodes, in the OPTION node as children */
    uint32_t nentities;
    uint32_t nitems;
    orm_optitem *items;  /* owned array */
} orm_option;

extern PyType_Spec orm_option_spec;
orm_node *orm_option_node(orm_state *st, PyObject *o, bool *is_option);
/* What the options say the slot of an entity is loaded from: borrowed, or NULL. */
orm_node *orm_option_expression(const orm_node *options, const orm_node *entity,
                                const orm_attribute *a);
int orm_option_key(orm_state *st, void *k, PyObject *payload);

/* --- aliases (alias.c) ------------------------------------------------------------------- */

/* `_core.AliasedEntity`: a mapped class read from another selectable. */
typedef struct orm_alias {
    PyObject_HEAD
    orm_node *entity;      /* owned ENTITY node whose owner this is; NULL until it is set up */
    orm_mapper *mapper;    /* owned */
    PyObject *columns;     /* owned dict key -> tuple of columns of the selectable, beginning with
                              the one that the attribute stands for; NULL: an alias of the mapper's
                              own table, which has them all */
    bool part;             /* one of another alias's subclasses: not a restriction of its own */
    PyObject *subs;        /* owned tuple of orm_alias: with_polymorphic()'s subclasses; or NULL */
    orm_attribute **attrs; /* owned array of owned attributes by slot, made when asked for */
    uint32_t nattrs;
    PyObject *weakrefs;
} orm_alias;

extern PyType_Spec orm_alias_spec;
/* The attribute of a slot: 1 and borrowed from the alias; 0: its selectable has no such column;
   -1. */
int orm_alias_attribute(orm_alias *al, uint32_t slot, orm_attribute **out);
int orm_coerce_entity(orm_state *st, PyObject *o, orm_node **out);

/* --- the plan (load_plan.c) -------------------------------------------------------------- */

enum {
    ORM_FILL_COLUMN,   /* decode a column into the slot */
    ORM_FILL_DEFERRED, /* mark: an option left the column out, a read loads it */
    ORM_FILL_RAISE,    /* mark: likewise, and a read raises */
    ORM_FILL_EXPIRED   /* mark: the selectable does not have the column */
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
    uint32_t ncols;      /* columns of the result; with `wanted`: its length */
    PyObject *wanted;    /* owned list of nodes that the numbers of columns are about, where the
                            columns are another statement's: load_match.c finds them. Else NULL */
    PyObject *shape;     /* owned: of the rows, made at the first execution; or NULL */
} orm_load_plan;

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
/* The batch is with the user: its instances are complete. */
void orm_loader_batch_done(orm_loader *l);
/* Of what was brought since `from` (a value of nfresh) only `kept` stays with the user. */
void orm_loader_drop(orm_loader *l, uint32_t from, const orm_head *kept);
/* The result failed with the live exception: expire what this batch brought. Keeps it. */
void orm_loader_failed(orm_loader *l);
/* `load` (event ORM_IEV_LOAD) or `refresh` (names: new set, consumed, or NULL: None). 0 / -1. */
int orm_loader_fire(orm_loader *l, orm_mapper *m, PyObject *obj, int event, PyObject *names_steal);
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
