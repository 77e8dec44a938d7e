/*
 * compile.h - one compile run: its state, and the concepts the renderer's files share.
 * Place: tree (sql_node.h) -> froms* (which FROMs a SELECT has) -> render_* (text with
 *   private markers, names*, scope*) -> text_finish.c (markers become placeholders) -> plan*
 *   (slots, result columns). Private to sql/.
 * Invariants: nothing of the tree is changed or cloned. Everything a run makes lives in its
 *   arena or in its `keep` list and dies with the run, except what plan.c hands over.
 *   A bind is written as \x01occurrence\x01 until the text is complete.
 * Errors: functions return -1 or NULL with a Python exception. Locking: the GIL.
 */
#ifndef ORM_SQL_COMPILE_H
#define ORM_SQL_COMPILE_H

#include "dialect.h"

#define ORM_MARK '\x01'

/* What a run makes and for whom. */
enum {
    ORM_R_WIRE = 1,      /* the text for the driver; otherwise the text for people */
    ORM_R_LITERALS = 2,  /* values are written into the text */
    ORM_R_NOTABLE = 4,   /* columns without their table (DDL) */
};

/* --- names ------------------------------------------------------------------------------ */

/* A generated name: counted per body, in the order of first use. */
typedef struct orm_anon {
    const void *id; /* whose name it is */
    uint32_t part;  /* which of its names */
    orm_str body;   /* what is counted */
    orm_str name;   /* body_N, shortened if too long */
} orm_anon;

/* The name of (id, part) with this body: `anon_1`, `users_1`. */
int orm_anon_name(orm_cctx *cc, const void *id, uint32_t part, orm_str body, orm_str *out);
/* A name that may be shortened to the dialect's length (tablename_columnname). */
int orm_short_name(orm_cctx *cc, orm_str name, orm_str *out);

/* --- scopes ----------------------------------------------------------------------------- */

/* A list of FROM elements under construction. */
typedef struct orm_fromset {
    const orm_node **v; /* arena */
    size_t n, cap;
} orm_fromset;

/* What a selectable means here, innermost first. */
typedef struct orm_env {
    struct orm_env *outer;         /* NULL: outermost */
    const orm_node *apply;         /* APPLY: its pairs are substituted at once; NULL: bound */
    const orm_node *const *bound;  /* selectables that stand for themselves from here on */
    size_t nbound;                 /* of bound */
} orm_env;

/* What `sel` is replaced by, looking no further out than `stop` (NULL: to the end). */
const orm_node *orm_resolve(const orm_env *env, const orm_env *stop, const orm_node *sel);
const orm_node *orm_resolve_entity(const orm_env *env, const orm_env *stop, const orm_node *sel,
                                   const orm_node **entity /* out: the last replacement's, or NULL */);
/* The selectable of an ENTITY, ALIAS of ...: skips ENTITY nodes. */
const orm_node *orm_selectable(const orm_node *from);
/* Push an APPLY, or bound selectables; in the arena. NULL: exception. */
orm_env *orm_env_apply(orm_cctx *cc, orm_env *outer, const orm_node *apply);
orm_env *orm_env_bound(orm_cctx *cc, orm_env *outer, const orm_fromset *set);
/* The table column or other leaf that a COLREF or ATTR ends in. */
const orm_node *orm_origin_column(const orm_node *expr);

/* --- statements being rendered ---------------------------------------------------------- */

/* One column of a SELECT list and what it is called. */
enum {
    ORM_LBL_NONE,  /* text, *: no name is ever written */
    ORM_LBL_NAME,  /* the column's own name: written only in a subquery */
    ORM_LBL_FIXED, /* a name that is always written */
    ORM_LBL_ANON,  /* a counted name, always written */
    ORM_LBL_INNER, /* a name that the inner SELECT counted: written only in a subquery */
};
typedef struct orm_selcol {
    const orm_node *item;  /* as it stands in the list: a LABEL or the expression */
    const orm_node *expr;  /* the expression, LABEL taken off */
    const void *id;        /* ANON, INNER: whose counted name */
    orm_str name;          /* NAME, FIXED: the name; ANON, INNER: what is counted */
    uint32_t part;         /* ANON, INNER: which of the owner's names */
    uint8_t how;           /* ORM_LBL_* */
    bool renamed;          /* ANON because the plain name was taken; `plain` has it */
    orm_str plain;         /* the name it had before; INNER: the column's below -x, for Row */
    const orm_node *prefix; /* TABLENAME style: selectable whose name goes before */
} orm_selcol;

typedef struct orm_collist {
    const orm_node *stmt;     /* whose columns */
    const orm_node *expanded; /* SELECT with its entities replaced by columns; else stmt */
    orm_selcol *cols;         /* arena; ncols */
    size_t ncols;
    orm_label_style style;
    struct orm_collist *next; /* chain of the run */
} orm_collist;

typedef struct orm_level {
    struct orm_level *outer;        /* enclosing statement; NULL: none */
    const orm_node *stmt;           /* SELECT, COMPOUND, INSERT, UPDATE, DELETE */
    const orm_node *const *froms;   /* every selectable it provides, join members too */
    size_t nfroms;
    orm_collist *cols;              /* SELECT: its columns, for ORDER BY "name" */
    orm_env *env;                   /* scope the statement stands in */
} orm_level;

int orm_fromset_add(orm_cctx *cc, orm_fromset *set, const orm_node *from);
bool orm_fromset_has(const orm_fromset *set, const orm_node *from);

/* FROM elements an expression names, in order, under `env` up to `stop`. */
int orm_froms_of(orm_cctx *cc, const orm_node *expr, orm_env *env, orm_fromset *set);
/* Of a SELECT list: an attribute of a class over several tables brings all. */
int orm_froms_of_columns(orm_cctx *cc, const orm_node *cols, orm_env *env, orm_fromset *set);
/* FROM list of a SELECT: what is written, joins made, correlation taken out. */
int orm_froms_select(orm_cctx *cc, const orm_node *select, unsigned rf, orm_fromset *out);
/* Members of JOINs that are in the list are not written by themselves: take them out. */
int orm_froms_hide(orm_cctx *cc, orm_fromset *set);
/* Selectables that `from` provides: itself, and both sides of a JOIN. */
int orm_froms_members(orm_cctx *cc, const orm_node *from, orm_fromset *out);
/* Everything a list of FROM elements provides: members of joins too. */
int orm_froms_flatten(orm_cctx *cc, const orm_fromset *froms, orm_fromset *out);
/* select_from() elements with the SELECT's joins folded in, in order. */
int orm_froms_joined(orm_cctx *cc, const orm_node *select, orm_fromset *out);

/* The statement with the criteria that the mapping adds, or itself; NULL. */
const orm_node *orm_restricted(orm_cctx *cc, const orm_node *stmt);
/* Columns of a SELECT or of a COMPOUND's first SELECT, made once per run. */
orm_collist *orm_columns_of(orm_cctx *cc, const orm_node *stmt);
/* The name of a column where it is written `AS name`, or read from outside. */
int orm_selcol_name(orm_cctx *cc, const orm_selcol *col, orm_str *out);
/* How a selectable names what it exports as `expr`, a column of `own` or NULL: fills `out`. 0 / -1. */
int orm_export_col(orm_cctx *cc, const orm_node *sel, const orm_node *expr, const orm_node *own,
                   uint32_t position, orm_selcol *out);
/* The name of a selectable before a column: a table's without its schema. */
int orm_from_name(orm_cctx *cc, const orm_node *sel, orm_str *out);
/* FROMSTMT, its statement rendered: orm/ plans how the rows become its items. 0 / -1. */
int orm_plan_from_statement(orm_cctx *cc, const orm_node *stmt);
/* The name under which selectable `sel` exports `expr` (args[1] of a COLREF). */
int orm_export_name(orm_cctx *cc, const orm_node *sel, const orm_node *expr, const orm_node *own,
                    uint32_t position, orm_str *out);

/* --- binds ------------------------------------------------------------------------------ */

typedef struct orm_bindrec {
    orm_node *node;      /* borrowed BIND (the last one of this name), or NULL: comes by name */
    orm_str name;        /* final name */
    orm_type *type;      /* borrowed */
    uint32_t flags;      /* ORM_BIND_* */
    uint32_t ordinal;    /* gather ordinal, ORM_SLOT_BY_NAME */
    uint32_t number;     /* $n, 1 and up in the order of first use; given by text_finish.c */
    bool seen;           /* text_finish.c: it is in the text */
    uint32_t index;      /* its place in the run's list */
    bool unique;         /* its name was counted */
    PyObject *column;    /* borrowed: Column that the value is stored into, or NULL */
    PyObject *dflt;      /* borrowed: Column whose Python default gives the value, or NULL */
    PyObject *value;     /* borrowed: what a bind inside a default's SQL holds, or NULL */
    bool stored;         /* the value is stored, not compared */
} orm_bindrec;
/* How an occurrence is cast where the text shows casts, or the context has no type. */
enum { ORM_CAST_TYPE, ORM_CAST_NONE, ORM_CAST_TEXT, ORM_CAST_INT, ORM_CAST_REGCONFIG };
/* How an expanding bind is written on the wire. */
enum { ORM_IN_NONE, ORM_IN_ONE, ORM_IN_ARRAY, ORM_IN_LIST,
       ORM_IN_TOKEN /* text for people: a POSTCOMPILE token, also of other constants */ };

typedef struct orm_occ {
    uint32_t rec;     /* index of the bindrec */
    uint8_t cast;     /* ORM_CAST_* */
    uint8_t in;       /* ORM_IN_* */
    bool force;       /* cast on the wire too: nothing else says the type */
    uint32_t arity;   /* IN of tuples: values per row, else 0 */
} orm_occ;
/* --- the run ---------------------------------------------------------------------------- */

/* Flags of a nested rendering. */
enum {
    ORM_RF_ASFROM = 1,   /* in a FROM: columns are written with AS */
    ORM_RF_LATERAL = 2,  /* may name its neighbours */
    ORM_RF_TOP = 4,      /* the statement itself: result columns are noted */
    ORM_RF_COMPOUND = 8, /* a member of a set operation */
    ORM_RF_INSERT = 16,  /* the SELECT of INSERT ... SELECT */
};

typedef struct orm_cte {
    const orm_node *node;   /* CTE; the youngest form that was met */
    orm_str name;           /* final name */
    orm_buf text;           /* name AS (...) */
    bool recursive, nesting; /* as the node says */
    bool done;              /* its body is rendered */
    bool written;           /* stands in a WITH */
    uint32_t level;         /* how many CTE bodies it was met in */
    struct orm_cte *next;   /* in the order they are written */
} orm_cte;

struct orm_cctx {
    orm_state *st;
    const orm_dialect *d;
    const orm_compile_opts *opts;  /* borrowed */
    const orm_values *values;      /* borrowed: ordinals and values of binds, or NULL */
    const orm_node *stmt;          /* borrowed: what is compiled */
    unsigned flags;                /* ORM_R_* */
    orm_arena arena;
    orm_buf main, *out;            /* text; where it goes at the moment */
    orm_env *env;                  /* innermost scope */
    orm_level *level;              /* innermost statement */
    unsigned depth;                /* nested renderings */
    bool bare;                     /* columns without their table */
    bool uncacheable;              /* a value was written into the text */
    const orm_node *target;        /* UPDATE, DELETE, INSERT: the table, else NULL */
    PyObject *dialect_obj;         /* owned; made at first need */
    PyObject *keep;                /* list of objects made on the way (new nodes, strings) */
    orm_ptrmap anon_map; /* generated names by (id, part, body) */
    orm_ptrmap counters;           /* body -> counter */
    uint32_t nshort;               /* names that were shortened */
    orm_bindrec **recs; size_t nrecs, caprecs;
    orm_ptrmap rec_by_node, rec_by_name;
    uint32_t next_ordinal;         /* where the search for an ordinal starts */
    bool constants;                /* the place takes no parameters */
    bool plain_binds;              /* inside bind_expression(): binds are not wrapped again */
    bool plain_columns;            /* inside column_expression(): likewise */
    const orm_node *plain_node;    /* a @compiles hook asks for the usual text of this node */
    PyObject *compiler;            /* owned: the SQLCompiler of hooks; NULL before the first */
    orm_occ *occs; size_t noccs, capoccs;
    orm_collist *collists;         /* chain */
    orm_cte *ctes;                 /* chain, in the order they are written */
    uint32_t cte_level;            /* > 0: inside a CTE's body */
    bool has_default_sql;          /* a default or mapped attribute is SQL: its binds keep their values */
    orm_rescol *cols; uint32_t ncols, capcols; /* result plan; owned until handed over */
    bool cols_known;               /* the result plan says all there is */
    void *load; void (*load_free)(void *); /* load plan of orm/ */
    int (*load_traverse)(void *, visitproc, void *);
    bool implicit_returning;       /* RETURNING was added for the primary key */
    const orm_node *expanded;      /* top SELECT after orm/ expanded its entities */
};

/* Set up and tear down; compile the statement into cc->main. */
int orm_cctx_init(orm_cctx *cc, orm_state *st, const orm_node *stmt, const orm_compile_opts *opts,
                  const orm_values *values, unsigned flags);
void orm_cctx_fini(orm_cctx *cc);
int orm_cctx_run(orm_cctx *cc);

/* `compile()` of every element (METH_FASTCALL|METH_KEYWORDS). */
PyObject *orm_element_compile(PyObject *self, PyObject *const *args, Py_ssize_t n,
                              PyObject *kwnames);
/* Types and functions of the renderer; called by orm_sql_setup. 0 / -1. */
int orm_render_setup(PyObject *module, orm_state *st);

#include "render.h"

#endif
