/*
 * orm/relation.h - Relation: the frozen facts of one relationship(), shared by the attributes of
 * the class that declares it and of its subclasses.
 *
 * Place: a class statement gives a relationship a slot of kind "relation"; when the mappers are
 *   configured, Python resolves target, direction and join and calls
 *   `plan.set_relation(key, _core.Relation(spec))` once. From then on collections, loader and
 *   unit of work read only this.
 * The join is a template: its columns belong to the placeholders `local`, `remote` and
 *   `secondary`; a use renders it under an APPLY that replaces the placeholders (nothing is
 *   cloned). For a lazy load the local columns are parameters.
 * Columns are given as slots wherever they are mapped. A slot counts in the mapper named beside
 *   it and, because slots extend their parent's prefix, in all its descendants.
 * Ownership: attribute -> relation strong; relation -> target plan and reverse relations strong:
 *   rings that the collector breaks.
 */
#ifndef ORM_ORM_RELATION_H
#define ORM_ORM_RELATION_H

#include "orm/plan.h"

enum { ORM_REL_O2M, ORM_REL_M2O, ORM_REL_M2M };

/* cascade= */
enum {
    ORM_C_SAVE_UPDATE = 1u << 0, ORM_C_MERGE = 1u << 1, ORM_C_REFRESH_EXPIRE = 1u << 2,
    ORM_C_EXPUNGE = 1u << 3, ORM_C_DELETE = 1u << 4, ORM_C_DELETE_ORPHAN = 1u << 5
};

/* lazy= ; also what an option of a statement says. */
enum {
    ORM_LAZY_SELECT, ORM_LAZY_JOINED, ORM_LAZY_SUBQUERY, ORM_LAZY_SELECTIN, ORM_LAZY_IMMEDIATE,
    ORM_LAZY_RAISE, ORM_LAZY_RAISE_ON_SQL, ORM_LAZY_NOLOAD, ORM_LAZY_WRITE_ONLY,
    ORM_LAZY_DYNAMIC, ORM_LAZY_COUNT
};

/* What holds the members of a collection. */
enum { ORM_COLL_NONE /* scalar */, ORM_COLL_LIST, ORM_COLL_SET, ORM_COLL_DICT, ORM_COLL_CUSTOM };

/* orm_relation.flags */
enum {
    ORM_RF_VIEWONLY = 1u << 0,
    ORM_RF_POST_UPDATE = 1u << 1,
    ORM_RF_SINGLE_PARENT = 1u << 2,
    ORM_RF_LOAD_ON_PENDING = 1u << 3,
    ORM_RF_ACTIVE_HISTORY = 1u << 4,
    ORM_RF_PASSIVE_DELETES = 1u << 5,     /* True: what is not loaded is the database's */
    ORM_RF_PASSIVE_DELETES_ALL = 1u << 6, /* "all": nothing is loaded or set to NULL */
    ORM_RF_PASSIVE_UPDATES = 1u << 7,
    ORM_RF_USE_GET = 1u << 8,   /* many-to-one whose join is the target's primary key: the
                                   identity map answers it */
    ORM_RF_INNERJOIN = 1u << 9,
    ORM_RF_NESTED_INNERJOIN = 1u << 10,
    ORM_RF_DISTINCT_TARGET_KEY = 1u << 11,
    ORM_RF_OMIT_JOIN = 1u << 12, /* selectin: the foreign key column of the target is enough */
    ORM_RF_SELF = 1u << 13,      /* target and parent are of one hierarchy */
    ORM_RF_SYNC_BACKREF_OFF = 1u << 14,
    ORM_RF_LEGACY_ORPHAN = 1u << 15,
    ORM_RF_NO_BATCH = 1u << 16,  /* lazy="select" was written out: one by one */
    ORM_RF_STRICT = 1u << 17,    /* the join is comparisons of columns, joined by AND: NULL in one
                                    finds nothing */
    ORM_RF_SUBTYPES = 1u << 18   /* members may be of a subclass: the target is polymorphic, or
                                    enable_typechecks=False */
};

/* A column whose value is copied to another one when related rows are written. */
typedef struct orm_relpair {
    int32_t source;      /* slot of the mapper that holds the value: of `parent` (O2M, M2M), of
                            `target` (M2O, and M2M's second list); -1: not mapped */
    int32_t dest;        /* slot in the mapper of the other side; -1: not mapped, or a column of
                            `secondary` */
    PyObject *source_column, *dest_column; /* owned Columns */
} orm_relpair;

typedef struct orm_relation {
    PyObject_HEAD
    PyObject *key;        /* owned str: name of the attribute */
    PyObject *prop;       /* owned: RelationshipProperty */
    orm_mapper *parent;   /* borrowed: plan of the class that declares it; its attribute owns this */
    orm_mapper *target;   /* owned: plan of the related class */
    orm_node *target_entity; /* owned: ENTITY node of the target (an alias for relationships to
                                aliased classes) */
    uint32_t slot;        /* of the attribute, in `parent` and descendants */
    uint8_t direction;    /* ORM_REL_* */
    uint8_t lazy;         /* ORM_LAZY_* */
    uint8_t collection;   /* ORM_COLL_*; NONE: uselist=False */
    uint8_t cascade;      /* ORM_C_* */
    uint32_t flags;       /* ORM_RF_* */
    int32_t join_depth;   /* -1: not given */
    int32_t omit_slot;    /* unused with OMIT_JOIN off */
    PyObject *factory;    /* owned: collection_class as a callable without argument; NULL: the
                             plain instrumented list */
    PyObject *keyfunc;    /* owned: DICT: key of a member; or NULL */
    orm_relpair *pairs;   /* owned, [npairs]: O2M: parent -> child; M2O: target -> parent;
                             M2M: parent -> secondary */
    uint32_t npairs;
    int32_t *get_slots;   /* owned, PyMem: with USE_GET, by the target's primary key: the slot of
                             `parent` that equals it; else NULL */
    orm_relpair *secondary_pairs; /* owned: M2M: target -> secondary */
    uint32_t nsecondary_pairs;
    PyObject *secondary;  /* owned Table, or NULL */
    orm_node *primaryjoin, *secondaryjoin; /* owned templates; secondaryjoin NULL without M2M */
    orm_node *local, *remote, *secondary_from; /* owned placeholder selectables of the templates;
                             `local` and `remote` are ENTITY nodes */
    PyObject *order_by;   /* owned tuple of expressions over `remote`; () = none */
    struct orm_relation **reverse; /* owned array of owned: other sides (back_populates) */
    uint32_t nreverse;
    PyObject *lazy_cache; /* owned: the loader's statements for this relationship, or NULL */
    PyObject *unit;       /* owned: how unit/ writes rows of `secondary`, made at first use, or NULL */
} orm_relation;

/* The relation of an attribute, resolving the mapping first if need be; borrowed. NULL:
 * exception (the configuration failed), or without one: the attribute is no relationship. */
orm_relation *orm_attribute_relation(orm_attribute *a);
/* The same where the mapping is known to be configured. */
static inline orm_relation *
orm_slot_relation(const orm_mapper *m, uint32_t slot)
{
    orm_attribute *a = slot < m->nslots ? m->attrs[slot] : NULL;
    return a == NULL ? NULL : a->relation;
}
/* Relationship slots of a mapper, in slot order: *n entries, borrowed from the mapper until a
 * relation or attribute is added. NULL: MemoryError. */
const uint32_t *orm_mapper_relations(orm_mapper *m, uint32_t *n);
/* Configure the registry of this class and those that it needs; one test where that is done. A
 * registry that has nothing to do with it and cannot be configured is no error. 0 / -1. */
int orm_configure_for(orm_mapper *m);
/* The same without the test: waits for another thread that is at it. 0 / -1. */
int orm_configure_now(orm_mapper *m);
/* MapperPlan.set_relation. 0 / -1. */
int orm_plan_set_relation(orm_mapper *m, PyObject *key, PyObject *relation);

/* Forget which relationships to the class have delete-orphan. */
void orm_plan_drop_orphans(orm_mapper *m);

extern PyType_Spec orm_relation_spec;

#endif
