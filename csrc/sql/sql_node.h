/*
 * sql_node.h - the one node struct of every SQL expression, FROM element and statement.
 *
 * Place: made by the constructors of sql/ and by orm/ (ATTR, ENTITY, OPTION); read by the
 *   key walk, the renderer and the load plan. The one struct body of sql/ that other
 *   folders see.
 * Invariants: immutable after orm_node_seal, except the cells named "cache" below, which
 *   are filled once and never part of the key. `args` holds nodes; the cells marked (obj)
 *   in the kind list hold other Python objects. NULL args only where a kind says so.
 *   `payload` of a kind marked `owner` is the Python object that users see in the node's
 *   place (Column, Table, InstrumentedAttribute, custom element): use orm_node_wrap.
 * Ownership: a node owns type, payload and args. Locking: none; immutable.
 * length-ok: the list of kinds is one table.
 */
#ifndef ORM_SQL_NODE_H
#define ORM_SQL_NODE_H

#include "py/py.h"
#include "types/types.h"
#include "sql_bits.h"
#include "sql_ops.h"

/* X(NAME, key traits): what the node means, its args, payload, aux. [..] = repeated,
 * ? = may be NULL, (obj) = any Python object. Traits (ORM_K_*) drive the key walk. */
#define ORM_KINDS(X) \
    /* leaves */ \
    X(COLUMN, PIN)          /* args: table?; payload: owner (orm_named) */ \
    X(COLREF, TEXT|AUX)     /* args: selectable, inner expression; aux: position; payload: key */ \
    X(ATTR, ATTR|AUX)       /* args: entity, column expr; aux: slot; payload: owner (orm_named) */ \
    X(BIND, ORDINAL|TYPE|AUX) /* args: name or anonymous body (obj str); payload: value?; ORM_BIND_* */ \
    X(NULLVAL, 0)           /* NULL */ \
    X(TRUEVAL, 0) \
    X(FALSEVAL, 0) \
    X(TEXT, TEXT|TYPE|AUX)  /* literal_column, fragments; payload: text as it stands; ORM_FRAGMENT_* */ \
    X(STAR, 0)              /* args: selectable? */ \
    X(LABELREF, TEXT)       /* ORDER BY / GROUP BY "name"; payload: the name */ \
    /* expressions */ \
    X(UNARY, TYPE|AUX)      /* args: operand; op */ \
    X(BINARY, TYPE|TEXT|AUX) /* args: left, right, third? (BETWEEN's upper bound); op; payload: \
                             * ESCAPE char, regexp flags, or the text of CUSTOM */ \
    X(LIST, TYPE|AUX)       /* args: [expr]; op AND OR COMMA CONCAT ADD ...; ORM_LIST_* */ \
    X(FUNC, TYPE|TEXT|AUX)  /* args: [argument]; payload: name, "pkg.name" is a tuple; ORM_FUNC_* */ \
    X(CAST, TYPE|AUX)       /* args: expr; type: target; aux 1: TRY_CAST */ \
    X(TYPECOERCE, TYPE)     /* args: expr; type: the Python side type */ \
    X(CASE, TYPE)           /* args: value?, else?, [when, then] */ \
    X(LABEL, ORDINAL|TEXT|TYPE) /* args: expr; payload: name?, NULL is anonymous */ \
    X(OVER, TYPE|AUX)       /* args: func, partition LIST?, order LIST?, FRAME? */ \
    X(FRAME, AUX)           /* args: lower?, upper?; aux: ORM_FRAME_* */ \
    X(FILTER, TYPE)         /* args: func, criterion */ \
    X(WITHIN, TYPE)         /* args: func, order LIST */ \
    X(AGGORDER, TYPE)       /* args: expr, order LIST (aggregate_order_by) */ \
    X(EXTRACT, TEXT|TYPE)   /* args: expr; payload: field */ \
    X(COLLATE, TEXT|TYPE)   /* args: expr; payload: collation name */ \
    X(TUPLE, TYPE)          /* args: [expr] */ \
    X(ARRAY, TYPE)          /* args: [expr]; type: ARRAY */ \
    X(ANYALL, TYPE)         /* args: expr or select; op ANY or ALL */ \
    X(EXISTS, 0)            /* args: select */ \
    X(SCALAR, TYPE)         /* args: select; the scalar subquery */ \
    X(GROUPING, TYPE)       /* args: expr; parentheses the user asked for */ \
    X(SUBSCRIPT, TYPE)      /* args: expr, index or SLICE */ \
    X(SLICE, 0)             /* args: start?, stop?, step? */ \
    X(FROMCOL, TYPE)        /* args: selectable; a FROM element read as one column (column_valued) */ \
    X(DMLCOL, TYPE)         /* args: COLUMN; from_dml_column(): the value this UPDATE sets */ \
    X(CUSTOM, CLASS|TYPE|AUX) /* args: [child]; payload: owner; aux: ORM_CUSTOM_* */ \
    X(APPLY, TYPE)          /* args: expr, [from, to]; payload: the expression that NOT gives?; aux: marks (rewrite.c) */ \
    /* FROM elements; cell `cache` (obj) is their ColumnCollection */ \
    X(TABLE, PIN)           /* args: none; payload: owner (TableObject) */ \
    X(ALIAS, ORDINAL|TEXT|AUX) /* args: element, sampling?, seed?, cache; payload: name?; ORM_ALIAS_* */ \
    X(SUBQUERY, ORDINAL|TEXT) /* args: statement, cache; payload: name? */ \
    X(CTE, ORDINAL|TEXT|AUX) /* args: statement, restated CTE?, nested CTE LIST?, prefix LIST?, suffix LIST?, cache; payload: name?; ORM_CTE_* */ \
    X(LATERAL, ORDINAL|TEXT) /* args: statement, FROMFUNC ..., cache; payload: name? */ \
    X(JOIN, AUX)            /* args: left?, right, on?, cache; aux: ORM_JOIN_*; left NULL: infer (SELECT's JOINS only) */ \
    X(VALUES, ORDINAL|TEXT|AUX) /* args: column LIST, [row LIST] LIST, cache; payload: name?; ORM_VALUES_* */ \
    X(FROMFUNC, ORDINAL|TEXT|AUX) /* args: func, column LIST?, cache; payload: name?; ORM_FROMFUNC_* */ \
    X(ENTITY, ENTITY)       /* args: selectable, ENTITYs of subclasses loaded too..., owner (obj)?; \
                             * payload: mapper (obj); aux 1: aliased */ \
    X(TEXTFROM, AUX)        /* args: TEXTSTMT, column LIST; aux 1: positional */ \
    /* statements: slots ORM_SEL_*, ORM_DML_*; payload: StmtSide? (never in the key) */ \
    X(SELECT, AUX) \
    X(COMPOUND, AUX)        /* SELECT's slots; COLS: LIST of statements; op UNION ... */ \
    X(INSERT, AUX) \
    X(UPDATE, AUX) \
    X(DELETE, AUX) \
    X(FROMSTMT, AUX)        /* ORM_FS_*: another statement's rows as a SELECT's items */ \
    X(TEXTSTMT, STEXT)      /* args: text with :names (obj), [BIND] */ \
    /* parts of statements */ \
    X(ASSIGN, TEXT)         /* args: column expr?, value; payload: key when given by name */ \
    X(CONFLICT, TEXT|AUX)   /* args: target LIST?, index_where?, set LIST?, where?; payload: constraint name?; aux 1: UPDATE */ \
    X(FORUPDATE, AUX)       /* args: [of]; aux: ORM_LOCK_* */ \
    X(PREFIX, TEXT)         /* args: text; payload: dialect name? */ \
    X(HINT, TEXT)           /* args: selectable?, TEXT; payload: dialect name? */ \
    X(OPTION, OPTION|AUX)       /* loader options; payload: option record of orm/ (obj); args: [criterion] */

/* Key traits. */
enum {
    ORM_K_PIN = 1,      /* the node's own address is the key; children are not entered */
    ORM_K_ORDINAL = 2,  /* identity counts: ordinal of first sight, body only then */
    ORM_K_TYPE = 4,     /* type pointer */
    ORM_K_TEXT = 8,     /* payload: str (or tuple of str), by content */
    ORM_K_AUX = 16,     /* aux word */
    ORM_K_CLASS = 32,   /* Py_TYPE(payload) */
    ORM_K_ENTITY = 64,  /* pinned mapper; aliased: by ordinal, and then args[0] too */
    ORM_K_OPTION = 128, /* payload's own key: orm/ answers through orm_sql_orm_ops */
    ORM_K_STEXT = 256,  /* args[0]: str, by content */
    ORM_K_ATTR = 512,   /* pinned like a column; of an aliased entity: slot and entity */
};

typedef enum {
#define X(NAME, traits) ORM_N_##NAME,
    ORM_KINDS(X)
#undef X
    ORM_N__COUNT
} orm_kind;

/* node->flags: the low 12 bits go up to every parent (the seal ORs them). */
enum {
    ORM_F_BIND = 1,         /* a bind below */
    ORM_F_ANON = 2,         /* an element whose identity counts below */
    ORM_F_ORM = 4,          /* ATTR, ENTITY or OPTION below */
    ORM_F_AGGREGATE = 8,
    ORM_F_SUBQUERY = 16,    /* a SELECT below */
    ORM_F_UNCACHEABLE = 32, /* compile each time */
    ORM_F_HOOK = 64,        /* a Python hook may render below (CUSTOM, @compiles) */
    ORM_F_EXPANDING = 128,  /* an expanding bind below */
    ORM_F_LATE = 256,       /* params() values of a statement here or below */
    ORM_F_UP = 0x0fff,
    ORM_F_OVERRIDE = 0x1000, /* operators of this node ask Python (comparator) */
    ORM_F_BOOLEAN = 0x2000,  /* criterion: NOT, AND, OR render it without `= 1` */
    ORM_F_EXECUTED = 0x4000, /* a statement that the cache has seen: the next time it memoises */
};

#define ORM_MAX_DEPTH 500u
#define ORM_MAX_WEIGHT (1u << 20)

typedef struct orm_node {
    PyObject_VAR_HEAD       /* ob_size: number of args */
    uint64_t hash;          /* structure without values and without identities */
    uint8_t kind;           /* orm_kind */
    uint8_t op;             /* orm_op; ORM_OP_NONE */
    uint16_t flags;         /* ORM_F_* */
    uint16_t depth;         /* saturating; a child with the same associative op adds 0 */
    uint16_t used;          /* statements with slots: slots from here on are NULL; else 0 */
    uint32_t weight;        /* saturating count of nodes reached with repetition */
    uint32_t aux;           /* meaning by kind */
    orm_type *type;         /* SQL type; NULL for FROM elements and statement parts */
    PyObject *payload;      /* meaning by kind, or NULL */
    struct orm_node *args[]; /* children */
} orm_node;

/* SELECT and COMPOUND: args by slot, each NULL when not given. */
enum {
    ORM_SEL_COLS,      /* LIST COMMA of column expressions and ENTITYs; COMPOUND: of statements */
    ORM_SEL_FROM,      /* LIST of select_from() elements */
    ORM_SEL_JOINS,     /* LIST of JOIN, in call order; left or on NULL: to be inferred */
    ORM_SEL_WHERE,     /* one criterion; where() chains AND(old, new) */
    ORM_SEL_GROUP,     /* LIST */
    ORM_SEL_HAVING,    /* one criterion */
    ORM_SEL_ORDER,     /* LIST */
    ORM_SEL_LIMIT,     /* BIND or expression */
    ORM_SEL_OFFSET,    /* BIND or expression */
    ORM_SEL_FETCH,     /* BIND or expression; ORM_SELF_TIES, _PERCENT */
    ORM_SEL_DISTINCT,  /* LIST of ON expressions (empty: plain DISTINCT) */
    ORM_SEL_LOCK,      /* FORUPDATE */
    ORM_SEL_CORRELATE, /* LIST of FROMs; op CORRELATE or CORRELATE_EXCEPT; empty list: correlate(None) */
    ORM_SEL_PREFIX,    /* LIST of PREFIX */
    ORM_SEL_SUFFIX,    /* LIST of PREFIX */
    ORM_SEL_HINTS,     /* LIST of HINT */
    ORM_SEL_CTES,      /* LIST of add_cte() CTEs; aux of the LIST 1: nest_here */
    ORM_SEL_OPTIONS,   /* LIST of OPTION */
    ORM_SEL_EXT,       /* LIST of syntax extensions (CUSTOM) */
    ORM_SEL__COUNT
};
/* aux of SELECT/COMPOUND. */
enum { ORM_SELF_LABELS = 3 /* mask: orm_label_style */, ORM_SELF_TIES = 4, ORM_SELF_PERCENT = 8,
       ORM_SELF_AS_LOADED = 16 /* its options say which columns of an entity it has */ };
typedef enum { ORM_LABEL_DISAMBIGUATE, ORM_LABEL_NONE, ORM_LABEL_TABLENAME } orm_label_style;

/* INSERT, UPDATE, DELETE: args by slot. */
enum {
    ORM_DML_TABLE,     /* TABLE, ALIAS or ENTITY */
    ORM_DML_VALUES,    /* LIST of ASSIGN, or LIST with ORM_LIST_ROWS of such LISTs */
    ORM_DML_SELECT,    /* INSERT..FROM: a statement; its target names are VALUES' ASSIGNs with value NULL */
    ORM_DML_WHERE,     /* one criterion */
    ORM_DML_USING,     /* LIST: FROM elements named by using() */
    ORM_DML_RETURNING, /* LIST */
    ORM_DML_CONFLICT,  /* LIST of CONFLICT */
    ORM_DML_CTES,      /* LIST of CTE */
    ORM_DML_PREFIX,    /* LIST of PREFIX */
    ORM_DML_HINTS,     /* LIST of HINT */
    ORM_DML_OPTIONS,   /* LIST of OPTION */
    ORM_DML_DEFAULTS,  /* LIST: return_defaults() columns (empty: all) */
    ORM_DML__COUNT
};
/* FROMSTMT: args by slot. */
enum {
    ORM_FS_STATEMENT, /* gives the rows: SELECT, COMPOUND, TEXTFROM, TEXTSTMT, DML with RETURNING */
    ORM_FS_COLS,      /* LIST: the items of the SELECT */
    ORM_FS_OPTIONS,   /* LIST of OPTION */
    ORM_FS__COUNT
};
enum { ORM_DMLF_INLINE = 1, ORM_DMLF_SORT_RETURNING = 2, ORM_DMLF_RENDER_NULLS = 4, ORM_DMLF_DIALECT = 8 /* on_conflict's insert() */ };

/* Fixed-size Python objects that stand for a node; the first three structs are prefixes. */
typedef struct orm_element { PyObject_HEAD orm_node *node; /* owned; NULL until sealed */ } orm_element;
typedef struct orm_named {
    PyObject_HEAD
    orm_node *node;    /* owned; NULL until sealed */
    PyObject *name;    /* interned str: the name in SQL; quoted_name keeps its class in `quote` */
    PyObject *key;     /* interned str: the name in Python */
} orm_named;
typedef struct ColumnObject { /* ColumnClause; schema's Column subclasses it in Python */
    orm_named n;
    orm_type *type;    /* owned; NULL is NullType, not asked yet */
    PyObject *table;   /* owned; the TableClause, or NULL */
    PyObject *fks;     /* owned; tuple of ColumnObjects this one references, NULL: ask `foreign_keys` */
    PyObject *waiting; /* owned; list of attributes' nodes that take the type when it arrives, or NULL */
    PyObject *weakrefs;
    uint8_t quote;     /* 0 by need, 1 always, 2 never */
    uint8_t flags;     /* ORM_COL_* */
} ColumnObject;
enum { ORM_COL_LITERAL = 1 /* literal text */, ORM_COL_PRIMARY_KEY = 2, ORM_COL_INT_VIRTUAL = 4 };
typedef struct TableObject { /* TableClause; schema's Table subclasses it in Python */
    orm_named n;
    PyObject *schema;  /* owned; interned str or NULL */
    PyObject *columns; /* owned; ColumnCollection */
    PyObject *weakrefs;
    uint8_t quote, quote_schema; /* as ColumnObject.quote */
} TableObject;

/* A node with the column's type: it changes with it where the column has none yet. 0/-1. */
int orm_column_await_type(orm_node *column, orm_node *node);
/* Borrowed. The node of an expression object; NULL with an exception for anything else. */
orm_node *orm_node_of(orm_state *st, PyObject *o);
/* New ref. The Python object that users see for a node. */
PyObject *orm_node_wrap(orm_state *st, orm_node *n);
/* New, unsealed: args NULL. `type` (borrowed) may be NULL. Python type by kind when tp is NULL. */
orm_node *orm_node_new(orm_state *st, PyTypeObject *tp, orm_kind kind, Py_ssize_t nargs);
/* Computes hash, depth, weight, flags, and hands the node to the collector. 0/-1. */
int orm_node_seal(orm_state *st, orm_node *n);
/* -1 with CompileError when the tree is over ORM_MAX_DEPTH or ORM_MAX_WEIGHT: before any pass. */
int orm_node_check_limits(orm_state *st, const orm_node *n);
/* Which args are nodes: [*first, return value). Cells marked (obj) lie outside. */
Py_ssize_t orm_node_children(const orm_node *n, Py_ssize_t *first);
/* New refs, sealed; children are borrowed. */
orm_node *orm_node_make(orm_state *st, orm_kind kind, orm_op op, orm_type *type, PyObject *payload,
                        uint32_t aux, Py_ssize_t nargs, orm_node *const *args);
orm_node *orm_bind_new(orm_state *st, PyObject *value, orm_type *type, PyObject *body, uint32_t aux);
orm_node *orm_and(orm_state *st, orm_node *a /*NULL ok*/, orm_node *b);

static inline PyObject *
orm_entity_owner(const orm_node *n) { return (PyObject *)n->args[n->ob_base.ob_size - 1]; }
static inline orm_named *orm_node_named(const orm_node *n) { return (orm_named *)n->payload; }
static inline ColumnObject *orm_node_column(const orm_node *n) { return (ColumnObject *)n->payload; }
static inline TableObject *orm_node_table(const orm_node *n) { return (TableObject *)n->payload; }
static inline PyObject *orm_bind_name(const orm_node *n) { return (PyObject *)n->args[0]; }

#endif
