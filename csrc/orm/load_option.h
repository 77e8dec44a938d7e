/*
 * orm/load_option.h - loader options and aliases: what a statement says of its entities.
 *
 * Place: Python's Load and aliased() make them, Select.options() and the FROM list take them,
 *   load_plan.c and load_eager.c read them when the statement is compiled.
 * Nothing of them changes once it is made.
 */
#ifndef ORM_ORM_LOAD_OPTION_H
#define ORM_ORM_LOAD_OPTION_H

#include "orm/orm.h"

/* --- options (option.c) ------------------------------------------------------------------ */

/* What an item is about. */
enum { ORM_OPT_SLOT, ORM_OPT_ALL, ORM_OPT_GROUP, ORM_OPT_EXPR,
       ORM_OPT_SUBCLASS = 6 /* the columns of a class, by a SELECT of their own */ };
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
    PyObject *words;     /* owned tuple: what of the items about relationships counts in the key, ints
                            and objects compared by address; or NULL */
    orm_node **nodes;    /* owned array of owned: their entities and criteria, in the OPTION node
                            behind the entities */
    uint32_t nnodes;
    bool criteria;       /* with_loader_criteria(): `nodes` are pairs of an ENTITY and its criterion */
    bool aliases;        /* and they are about aliases too */
    bool refresh;        /* the statement refreshes an instance: criteria are not about its class */
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
    bool eager;            /* of a join that the loader wrote: it stands for the class itself */
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

#endif
