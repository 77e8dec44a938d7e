/*
 * orm/plan.h - MapperPlan: the frozen facts of one mapped class, and its attributes.
 *
 * Place: Python's configuration builds one tuple tree and calls `_core.MapperPlan(cls, spec)`
 *   once; C checks it entirely, copies what it needs and reads no Python mapper afterwards.
 *
 * spec = (base, backend, selectable, slots, primary_key, version, polymorphic, mapper, manager)
 *   base         MapperPlan of the mapped parent class, or None
 *   backend      "slots" (cls derives from Entity) | "dict" (any other class)
 *   selectable   FromClause that `select(cls)` selects from, or None (an abstract mapping)
 *   slots        tuple of slot, columns first, relationships after. Only what this class adds;
 *                a key of the parent again replaces its column, kind and flags in the same slot
 *   primary_key  tuple of keys or of (key, column) where the column is not the attribute's first,
 *                in the order of the identity; () = the parent's
 *   version      key or None
 *   polymorphic  None | (key of the discriminator or None, identity of this class or None,
 *                whether statements over the class are restricted to its identities,
 *                whether the class has no instances of its own, the class's own table, whether
 *                its columns come by a SELECT of their own: polymorphic_load="selectin")
 *   mapper       the Python Mapper: InstanceState.mapper, attribute.parent; kept, never read
 *   manager      the Python ClassManager or None: `_sa_class_manager`; kept, never read
 * slot = (key, kind, columns, flags, prop, compare, validator)
 *   key          str
 *   kind         "column" | "expression" (column_property over SQL, query_expression)
 *                | "relation" (relationship; set_relation says later whether to one or many)
 *   columns      tuple of ColumnElement; columns[0] is what the attribute stands for in SQL;
 *                () only for "relation"
 *   flags        str of letters: "d" deferred (the attribute loads by itself), "r" raises
 *                instead of loading, "a" active history (primary key and version have it by
 *                themselves), "q" loaded only where an option says from what, "t" its loader is tried even on an instance without identity
 *   prop         the Python MapperProperty: attribute.property
 *   compare      callable(a, b) -> bool for the net change, or None: a is b, else a == b
 *   validator    callable(instance, key, value) -> value, or (callable, include_removes,
 *                include_backrefs), or None; with include_removes a fourth argument says
 *                whether the value leaves
 * Late attributes: plan.add_attribute(slot) -> InstrumentedAttribute.
 * Relationships: plan.set_relation(key, Relation) when the mappers are configured (relation.h).
 *
 * Slots: a child extends its parent's prefix; a late attribute takes the root's `next_slot` in
 *   every present descendant, so numbers may have gaps (attr NULL).
 * Ownership: plan -> class strong; class -> plan by `__dict__['_sa_plan']` and module state's
 *   table type -> plan (borrowed, removed when the plan dies). The collector breaks the ring.
 */
#ifndef ORM_ORM_PLAN_H
#define ORM_ORM_PLAN_H

#include "py/py.h"
#include "exec/exec.h"
#include "sql/sql_node.h"

typedef struct orm_mapper orm_mapper;
typedef struct orm_attribute orm_attribute;

/* Listener mask of an attribute; 0 is the fast path. */
enum {
    ORM_L_DISPATCH = 1u << 0,   /* has a Dispatch: events may have listeners */
    ORM_L_VALIDATOR = 1u << 1,  /* validators run after `set` listeners */
    ORM_L_ACTIVE = 1u << 2,     /* active history: the old value is loaded before a set */
    ORM_L_BACKREF = 1u << 3,    /* C handler: the other side of a relationship */
    ORM_L_CASCADE = 1u << 4,    /* C handler: save-update and orphan tracking */
    ORM_L_TYPECHECK = 1u << 5,  /* the value must be an instance of the related class */
    ORM_L_MUTABLE = 1u << 6     /* coercer for ext.mutable */
};

/* Events of attributes, numbers of the AttributeEvents family, in the order of its names. An
   entry of the tuple is a callable (its result is dropped) or a 1-tuple (callable,) whose result
   replaces the value (retval=True). */
enum orm_attr_event {
    ORM_AEV_APPEND, ORM_AEV_APPEND_WO_MUTATION, ORM_AEV_BULK_REPLACE, ORM_AEV_DISPOSE_COLLECTION,
    ORM_AEV_INIT_COLLECTION, ORM_AEV_INIT_SCALAR, ORM_AEV_MODIFIED, ORM_AEV_REMOVE, ORM_AEV_SET,
    ORM_AEV_COUNT
};

/* Events of instances, in the same Dispatch as the mapper's own six (orm_mapper.events), after
   them. `load` and `refresh` are the loader's, with (instance, context) and (instance, context,
   names or None); `expire` is the session's, with (instance, names or None). */
enum orm_instance_event {
    ORM_IEV_LOAD = 6, ORM_IEV_REFRESH, ORM_IEV_EXPIRE, ORM_IEV_REFRESH_FLUSH, ORM_IEV_INIT,
    ORM_IEV_INIT_FAILURE, ORM_IEV_PICKLE, ORM_IEV_UNPICKLE, ORM_IEV_END
};

/* What an event token says about the operation that fired the event. */
enum {
    ORM_OP_EVENT_REMOVE, ORM_OP_EVENT_REPLACE, ORM_OP_EVENT_MODIFIED, ORM_OP_EVENT_APPEND,
    ORM_OP_EVENT_BULK_REPLACE, ORM_OP_EVENT_COUNT
};

enum { ORM_SLOT_COLUMN, ORM_SLOT_EXPRESSION, ORM_SLOT_REFERENCE, ORM_SLOT_COLLECTION };
#define ORM_SLOT_IS_RELATION(kind) ((kind) >= ORM_SLOT_REFERENCE)

/* orm_attribute.flags */
enum {
    ORM_A_PK = 1u << 0, ORM_A_VERSION = 1u << 1, ORM_A_DEFERRED = 1u << 2, ORM_A_RAISE = 1u << 3,
    ORM_A_ON_PENDING = 1u << 4, ORM_A_DISCRIMINATOR = 1u << 5, ORM_A_INHERITED = 1u << 6,
    ORM_A_QUERY = 1u << 7 /* query_expression: loaded only from what an option says */
};

/* orm_attribute.validates */
enum { ORM_V_REMOVES = 1u << 0, ORM_V_BACKREFS = 1u << 1 };

/* What a class has under a mapped name: descriptor and SQL expression in one. */
struct orm_attribute {
    orm_named n;          /* a ColumnElement; n.node is the ATTR node, n.key the mapped name,
                             n.name the column's name in SQL */
    PyTypeObject *cls;    /* borrowed: mapper->cls, for the one pointer test of a read */
    orm_mapper *mapper;   /* owned: the plan of the class whose attribute this is */
    PyObject *prop;       /* owned: MapperProperty */
    PyObject *columns;    /* owned tuple */
    PyObject *compare;    /* owned callable or NULL */
    orm_dispatch *dispatch; /* owned or NULL: nobody ever asked to listen */
    PyObject *validator;  /* owned callable or NULL */
    PyObject *behind;     /* owned: of a stand-in the hybrid that it came from, asked for the names
                             it lacks; or NULL */
    uint32_t hooks_at[ORM_AEV_COUNT]; /* so many listeners of an event run before validator,
                              cascade and backref: those that were there when the mapping was
                              configured; until then all */
    PyObject *weakrefs;
    PyObject *tokens[ORM_OP_EVENT_COUNT]; /* owned event tokens, made at first use */
    uint32_t slot;        /* index into the slot block */
    uint16_t mask;        /* ORM_L_* */
    uint8_t kind;         /* ORM_SLOT_* */
    uint8_t flags;        /* ORM_A_* */
    uint8_t validates;    /* ORM_V_*: what else the validator is called for */
    bool foreign;         /* the class is not an Entity: values in the instance's dict */
    struct orm_relation *relation; /* owned; NULL: no relationship, or not configured yet */
    /* Of a relationship, which has no n.node; NULL otherwise. */
    orm_node *entity;     /* owned: the ENTITY it is read from, the class's or an alias's */
    orm_node *of_type;    /* owned: the ENTITY that of_type() named, or NULL */
    orm_node *criteria;   /* owned: what and_() added, or NULL */
    orm_node *as_sql;     /* owned: its join as a criterion, once somebody selected it; or NULL */
};

/* One entry of the write table: name -> attribute, by pointer of the interned name. */
typedef struct orm_write_entry {
    PyObject *name;      /* borrowed from attr */
    orm_attribute *attr; /* borrowed from the plan */
} orm_write_entry;

struct orm_mapper {
    PyObject_HEAD
    orm_state *state;       /* module state, for slots without a module argument */
    PyObject *module;       /* owned until dealloc: keeps `state` while instances die at exit */
    PyTypeObject *cls;      /* owned: the mapped class */
    orm_mapper *base;       /* owned: parent's plan, or NULL */
    orm_mapper *root;       /* borrowed (the chain of bases owns it); itself for a root */
    orm_mapper **children;  /* borrowed plans that name this one as base; leave when they die */
    uint32_t nchildren;
    uint32_t nslots;        /* length of a new instance's slot block */
    uint32_t next_slot;     /* root only: first number no descendant uses */
    orm_attribute **attrs;  /* owned, [nslots], NULL = gap; may move when attributes are added */
    PyObject *index;        /* owned dict key -> int slot */
    orm_node *entity;       /* owned ENTITY node, NULL without a selectable */
    orm_node *table_entity; /* owned ENTITY node over the class's own table: the target of INSERT,
                               UPDATE and DELETE; the same as `entity` where that is the table */
    PyObject *selectable;   /* owned or NULL */
    uint32_t *pk;           /* owned slot numbers of the identity, [npk] */
    orm_node **pk_nodes;    /* owned, [npk]: what the identity's columns are in statements */
    uint32_t npk;
    int32_t version;        /* slot or -1 */
    int32_t discriminator;  /* slot of polymorphic_on or -1 */
    PyObject *identity;     /* owned polymorphic identity or NULL */
    PyObject *poly;         /* owned tuple: plans of the subclasses that a SELECT of the class loads
                               completely, in their order; or NULL */
    PyObject *poly_columns; /* owned tuple of dicts, of the class and of each of poly: key -> tuple
                               of columns of what a SELECT reads instead of the tables; or NULL */
    orm_node *own_rows;     /* owned: what tells rows of the class from those of concrete subclasses,
                               in SELECTs by key; or NULL */
    bool single;            /* statements over the class get the criterion of its identities */
    bool selectin;          /* polymorphic_load="selectin" */
    bool abstract;          /* polymorphic_abstract: no instance is of exactly this class */
    PyObject *py;           /* owned: the Python Mapper or None */
    PyObject *manager;      /* owned: the Python ClassManager or None */
    orm_dispatch *events;   /* owned: mapper events (before_insert ...), NULL: nobody ever asked */
    PyObject *unit;         /* owned: how unit/ writes this class, made at its first flush, or NULL */
    PyObject *loads;        /* owned: the loader's own statements (load_key.c), or NULL */
    orm_write_entry *writes; /* owned open-addressed table, write_mask + 1 cells; NULL: not built */
    uint32_t write_mask;
    unsigned int write_tag; /* tp_version_tag the table was built under; 0: use no table */
    uint32_t *relations;    /* owned: slots that are relationships; NULL: not counted yet */
    uint32_t nrelations;
    struct orm_relation **orphans; /* owned array of owned: relationships to this class with
                               delete-orphan */
    uint32_t norphans;
    PyObject *weakrefs;
    bool writes_off;        /* the class has no version tag any more: no table is kept */
    bool foreign;           /* backend "dict" */
    bool ready;             /* configured: its relationships are known */
    bool disposed;          /* dispose() was called: instances keep values, nothing is loaded */
};

/* The plan of exactly this class, borrowed, or NULL; of it or its nearest mapped base. */
orm_mapper *orm_mapper_of(orm_state *st, PyTypeObject *cls);
orm_mapper *orm_mapper_find(orm_state *st, PyTypeObject *cls);
/* Slot of a key (exact str); -1 not mapped; -2 exception. */
int64_t orm_mapper_slot(const orm_mapper *m, PyObject *key);
static inline bool
orm_mapper_isa(const orm_mapper *m, const orm_mapper *base)
{
    while (m != NULL && m != base) {
        m = m->base;
    }
    return m != NULL;
}

#endif
