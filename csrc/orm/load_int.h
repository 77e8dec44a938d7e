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
#include "orm/load_plan.h"

/* --- rows (load_rows.c) ------------------------------------------------------------------ */

typedef struct orm_postlist orm_postlist; /* load_post.c: instances that posts are about */
typedef struct orm_tree orm_tree; /* load_tree.c: relationships filled from joined rows */

/* The whole number that a column had in the row before: rows of one parent come together, and share
 * the object of its key. */
typedef struct orm_lastint {
    PyObject *obj;   /* owned; NULL: none yet */
    int64_t number;  /* what it is */
    uint8_t misses;  /* rows since it served; ORM_LAST_OFF: not asked any more */
} orm_lastint;

enum { ORM_LAST_OFF = 8 };

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
    uint32_t nlasts;         /* columns in `lasts` */
    uint64_t nint, nentered, nshared; /* rows and values that took the fast paths, counted at the end */
    orm_lastint *lasts;      /* owned, per column; NULL: too few rows yet */
    uint8_t *int_key;        /* owned: per entity plan, key columns read without an object */
    struct orm_group **groups; /* owned: per entity plan, its peer record, opened when the first
                                instance comes; NULL: rows are read in batches */
    orm_postlist *posts;     /* owned, per entity plan; NULL: the plan has no posts */
    orm_tree *tree;          /* owned; NULL: the plan has no children */
    PyObject *later;         /* owned list: what is remembered in this run, where it holds values */
    PyObject *params;        /* owned dict of values by bind name, or NULL */
    PyObject *marks;         /* owned tuple: values of `statement` that stand for others, each followed by
                                the other; or NULL */
    PyObject *origin;        /* owned: what `statement`, made by subqueryload, was made around: (Select,
                                entity, way), as _around.py has it; or NULL */
    PyObject *path;          /* owned tuple: the way to what is loaded (orm_post.path), where this is a
                                load of relationships that listeners see; or NULL */
    PyObject *options;       /* owned dict of execution options, for further loads; or NULL */
    bool streams;            /* yield_per or stream_results: no peers */
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
/* A new instance is complete and in the map. 0 / -1. */
int orm_loader_tell_loaded(orm_loader *l, orm_mapper *m, PyObject *obj);
/* Set of the keys that have no value. New reference. */
PyObject *orm_unloaded_keys(orm_head *h);
/* The instance takes what the statement says of its later lazy loads. 0 / -1. */
int orm_loader_remember(orm_loader *l, const orm_entplan *p, orm_head *h);
/* --- further SELECTs (load_post.c) --------------------------------------------------------- */
int orm_posts_prepare(orm_load_plan *plan); /* when the plan is made. 0 / -1 */
bool orm_plan_has_subquery(const orm_load_plan *plan); /* a post is subqueryload's */
orm_postlist *orm_posts_new(uint32_t nents); /* NULL: exception */
void orm_posts_free(orm_postlist *lists, uint32_t nents); /* NULL: no-op */
void orm_posts_forget(orm_loader *l); /* drop what only they need to know */
/* An instance of a plan with posts is in the batch; is_new: for the first time. 0 / -1. */
int orm_posts_note(orm_loader *l, const orm_entplan *p, PyObject *obj, orm_head *h, bool is_new);
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
