/*
 * orm/load_poly.h - entities whose rows may be of subclasses, and making SELECT lists.
 *
 * Place: load_plan.c, load_poly.c and load_criteria.c make statements of entities (compile time);
 *   load_rows.c asks for the class of a row (run time); load_match.c copies a plan.
 */
#ifndef ORM_ORM_LOAD_POLY_H
#define ORM_ORM_LOAD_POLY_H

#include "orm/load_int.h"

/* A class that rows of an entity may be of. */
typedef struct orm_variant {
    orm_mapper *mapper;  /* owned */
    const char *text;    /* borrowed from mapper->identity, which is a str; else NULL */
    Py_ssize_t len;
    orm_fill *fill;      /* owned: what the class has besides the entity's own, columns first */
    uint32_t nfill, ncolumns;
    int32_t post;        /* what loads the rest of its columns, once the rows are there; -1 */
    orm_entplan *whole;  /* owned: how a concrete class, which shares no slots, is loaded; or NULL */
} orm_variant;

/* A class whose columns come by a SELECT of their own: polymorphic_load="selectin", or an option. */
typedef struct orm_polypost {
    orm_mapper *mapper;  /* owned */
    bool by_option;
    PyObject *select;    /* owned: made at the first execution; None: there is nothing to load */
    PyObject *options;   /* owned tuple of the statement's loader options */
} orm_polypost;

/* Which class a row is of, by its discriminator (load_poly.c). */
struct orm_poly {
    uint32_t column;     /* result column of the discriminator */
    bool has_columns;    /* some variant has columns in the result */
    bool has_whole;      /* some variant is of a concrete class */
    uint32_t n, last;    /* variants; the one that was taken last: only a short cut */
    orm_variant *variants; /* owned */
    PyObject *numbers;   /* owned dict: identity -> index of its variant */
    orm_polypost *posts; /* owned, [nposts] */
    uint32_t nposts;
    bool borrowed;       /* a copy of load_match.c: the posts are the original's */
};

/* What becomes of one slot in this statement. */
enum { ORM_FATE_LOAD, ORM_FATE_OWN /* as the class says: no mark */, ORM_FATE_DEFER, ORM_FATE_RAISE };

/* A SELECT list being made. */
typedef struct orm_builder {
    orm_state *st;
    PyObject *cols;          /* owned list of nodes: the new SELECT list */
    const orm_node *options; /* LIST of OPTION, or NULL */
    orm_load_plan *plan;     /* owned until handed over; NULL: not the statement itself */
} orm_builder;

/* ORM_FATE_* of an attribute of an entity by the options, or -1. */
int orm_slot_fate(const orm_node *options, const orm_node *entity, const orm_attribute *a);
/* Every option must be about an entity of the list. 0 / -1. */
int orm_options_check(orm_state *st, const orm_node *options, const orm_node *cols);
/* What a SELECT with options reads of each item of its list: a tuple of tuples of columns. Without
 * options it is all that an entity has. New reference. */
PyObject *orm_columns_by_options(orm_state *st, const orm_node *stmt);
/* Number of a column that is in the list from `from` on already; -1: it is not. */
Py_ssize_t orm_builder_find(const orm_builder *b, const orm_node *n, Py_ssize_t from);
/* The same, added where it is not. -1: exception. */
Py_ssize_t orm_builder_put(orm_builder *b, orm_node *n, Py_ssize_t from);
void orm_entplan_fini(orm_entplan *p);

/* --- subclasses (load_poly.c) -------------------------------------------------------------- */
/* The i-th column of a slot of class `of` (the entity's, or a subclass that it loads) as the entity
   has it: 1 and a new reference; 0: it has none; -1. */
int orm_entity_column(const orm_node *entity, orm_mapper *of, uint32_t slot, uint32_t i,
                      orm_node **out);
/* The column of an alias that an attribute of its class stands for, borrowed; NULL: as its name says. */
orm_node *orm_alias_column(const orm_node *alias, const orm_node *attr);
/* The plan of an entity's own rows, or of those of a concrete subclass `m`: its columns are put into
   the list. 0 / -1. */
int orm_entplan_make(orm_builder *b, orm_node *entity, orm_mapper *m, orm_entplan *p);
/* Columns of class `m`, and plan entries with p. 0 / -1. */
int orm_slots_expand(orm_builder *b, orm_node *entity, orm_mapper *m, orm_entplan *p);
/* The copy of a plan for other result columns, whose arrays `to` has already. 0 / -1. */
int orm_entplan_match(const orm_entplan *from, const uint32_t *found, orm_entplan *to);
/* Columns of the subclasses that the entity loads (its own stand in the list from `from` on), and
   with p, how its rows are told apart. 0 / -1. */
int orm_poly_expand(orm_builder *b, orm_node *entity, orm_entplan *p, Py_ssize_t from);
void orm_poly_free(orm_poly *poly);
/* A copy for the result whose column number i is found[i] (ORM_NO_COLUMN: it has none). 0 / -1. */
int orm_poly_match(const orm_poly *from, const uint32_t *found, orm_poly **out);
#define ORM_NO_COLUMN UINT32_MAX
int orm_poly_traverse(orm_poly *poly, visitproc visit, void *arg);
struct orm_loader;
/* The variant of a row: 0; -1 exception: an unknown identity. */
int orm_poly_pick(struct orm_loader *l, const orm_entplan *p, const orm_cell *cells,
                  const orm_variant **out);
/* The plan that loads a row: the variant's own of a concrete class, else p. NULL: exception. */
const orm_entplan *orm_poly_whole(struct orm_loader *l, const orm_entplan *p,
                                  const orm_cell *cells);
/* load_poly_post.c: which variants have posts (plan time), and their SELECTs for a batch. 0 / -1. */
int orm_poly_posts_make(const orm_node *options, const orm_node *entity, orm_poly *poly);
int orm_poly_posts_run(struct orm_loader *l);
/* Whether an option asks for the SELECT of a class of its own. */
bool orm_option_selects(const orm_node *options, const orm_node *entity, const orm_mapper *m);
/* Whether the entity loads the columns of a subclass by itself. */
bool orm_entity_loads(const orm_node *entity, const orm_mapper *m);
/* The variant of a class, or NULL. */
const orm_variant *orm_poly_of(orm_poly *poly, const orm_mapper *m);
/* --- criteria of classes (load_criteria.c) -------------------------------------------------- */
int orm_criteria_apply(orm_state *st, const orm_node *top, orm_node *stmt,
                       orm_node **out); /* restrict_stmt of sql/ */
int orm_criterion_of_join(orm_state *st, const orm_node *entity, orm_node **out);
/* The same with what options of the statement say: restrict_join of sql/. */
int orm_criteria_of_join(orm_state *st, const orm_node *top, const orm_node *target, orm_node **out);

#endif
