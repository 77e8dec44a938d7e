/*
 * orm/lazy.h - relationships that load by themselves, and many at once.
 *
 * Place: access.c asks (through the session's load_slot) when a relationship slot of an instance
 *   holds nothing. lazy.c answers from the identity map, from what a batch brought before, by one
 *   SELECT for this instance, or by one for its peers (peers.h); load_many.c is that one SELECT,
 *   which selectinload uses too.
 * Rule of the peer record: the first touch of a relationship in a result is the plain load; the
 *   second one loads up to 500 peers; lazy="select" written out (ORM_RF_NO_BATCH), viewonly and
 *   load_on_pending relationships are always loaded one by one. A value that was loaded ahead is
 *   used only while the session's write epoch is the one it was loaded in.
 * Statements are made by pyorm/orm/_strategies.py once per relationship and kept by it; where the
 *   instance remembers options of its load ((options, {Relation: statements or None})), once per relationship and kept there.
 */
#ifndef ORM_ORM_LAZY_H
#define ORM_ORM_LAZY_H

#include "orm/load_int.h"
#include "orm/peers.h"
#include "orm/relation.h"

/* The statements of one relationship, `_core.RelationLoads`: relation->lazy_cache, or those of
 * instances that remember options. */
typedef struct orm_relloads {
    PyObject_HEAD
    orm_node *one;        /* owned SELECT for one parent; its parameters are the marks below */
    PyObject *one_marks;  /* owned tuple of (mark, attribute key of the parent) */
    orm_compiled *ones[ORM_NDIALECTS]; /* owned: `one`, compiled; NULL: not yet */
    int32_t *from[ORM_NDIALECTS]; /* owned, [compiled->nbinds]: index into one_marks; -1: the
                             statement's own value */
    PyObject *own[ORM_NDIALECTS]; /* owned tuple: the statement's own values by ordinal */
    orm_node *many;       /* owned SELECT for many: key columns, then the entity; NULL: not yet */
    PyObject *many_mark;  /* owned: value of its IN parameter */
    uint32_t nkeys;       /* key columns of `many` */
    PyObject *make_range; /* owned: makes the next three; NULL: keys are no whole numbers */
    orm_node *range;      /* owned: `many` for all keys from one to another; NULL: not yet */
    PyObject *range_marks[2]; /* owned: values of its parameters */
    PyObject *what;       /* owned: (Step or None, options about the related entity); NULL: nothing is
                             said */
    bool strict;          /* with `one`: NULL in a mark finds nothing (ORM_RF_STRICT) */
    bool narrowed;        /* of_type() or and_(): not every related row is meant */
    bool subquery;        /* `many` holds the statement of the parents, and begins with the entity; it
                             has no mark */
    PyObject *names;      /* owned tuple: attributes of the parent whose values the key columns have; NULL:
                             they are its primary key */
    PyObject *origin;     /* owned: see orm_loader.origin; of `subquery` */
    bool asks_more;       /* options say what is loaded behind: a known row lacks it perhaps */
} orm_relloads;

extern PyType_Spec orm_relloads_spec;
/* Borrowed from the relation; made at the first call. NULL: exception. */
orm_relloads *orm_relloads_of(orm_state *st, orm_relation *rel);
/* The same with what h remembers of its load (peers.h). New reference. */
orm_relloads *orm_relloads_for_head(orm_head *h, orm_relation *rel);

/* With the statement for one parent. 0 / -1. */
int orm_relloads_one(orm_state *st, orm_relation *rel, orm_relloads *loads);
/* And compiled for the dialect, for what needs no engine's cache. 0 / -1. */
int orm_relloads_prepare(orm_state *st, orm_relation *rel, orm_relloads *loads, uint8_t dialect);
/* With the statement for many parents. 0 / -1. */
int orm_relloads_many(orm_state *st, orm_relation *rel, orm_relloads *loads);
/* And the one for a range of keys, where there is one. 0 / -1. */
int orm_relloads_range(orm_state *st, orm_relloads *loads);
/* A statement for many parents as a post of a load plan wants it; number: of the post. New
 * reference. */
orm_relloads *orm_relloads_for(const orm_loader *l, orm_relation *rel, const orm_post *post,
                               uint32_t number);
/* The same for subqueryload: around the statement that l is of. */
orm_relloads *orm_relloads_around(const orm_loader *l, const orm_post *post, uint32_t number);
/* Instances of the entity of the rows, each once, Nones left out, as a new list. Consumes r. like: what
 * the loader is to know: statement, token, overwrite and what belongs to them. */
PyObject *orm_load_list(orm_session *s, orm_compiled *c, orm_result *r, const orm_loader *like);

/* Load the related instances of n parents by SELECTs over at most `chunk` (0: 500) of them, with
 * the statement of `loads` (orm_relloads_many, orm_relloads_for); parents must be
 * persistent in s and kept alive by the caller. found: NULL: what comes goes into their slots, which
 * hold nothing that is to be kept; or a list of n, filled with a list of instances
 * or, for what is not to many, an instance or None. above: the load that this one belongs to, whose
 * populate_existing and identity token it takes over; or NULL. path: the way to what is loaded:
 * the SELECTs go through the listeners of do_orm_execute; or NULL. 0 / -1. */
int orm_load_many(orm_session *s, PyObject *conn, orm_relation *rel, orm_relloads *loads,
                  orm_head *const *parents, uint32_t n, uint32_t chunk, PyObject *found,
                  const orm_loader *above, PyObject *path);

/* Put what was found (list, instance or None; borrowed) into the slot as its loaded value. 0 / -1. */
int orm_relation_install(orm_head *h, orm_attribute *a, PyObject *value);

/* The key of the row that h refers to by a many-to-one relationship over the target's primary
 * key. 1 (fini it), 0: it refers to none, 2: the flags forbid loading its columns, -1. */
int orm_reference_key(orm_head *h, const orm_relation *rel, int passive, orm_key *k);

/* Ahead of being asked for: value (consumed) for the slot, valid while the stamp is. 0 / -1. */
int orm_prefetch_put(orm_head *h, uint32_t slot, uint64_t epoch, PyObject *value);
/* What lies there: new reference, taken out; NULL: nothing, or stale. */
PyObject *orm_prefetch_take(orm_head *h, uint32_t slot, uint64_t epoch);

#endif
