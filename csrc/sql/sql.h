/*
 * sql.h - what the rest of the library may ask of sql/: compile a statement, through the
 *   cache or without it.
 *
 * Place: exec/ calls orm_compile_cached with each statement and gets SQL bytes, one slot
 *   per placeholder, the result columns, and the values in gather order. orm/ sets
 *   orm_sql_orm_ops once.
 * Ownership: an orm_compiled is a Python object, frozen, shared between executions.
 *   Locking: the GIL, which makes a look-up atomic because the key walk runs no Python.
 */
#ifndef ORM_SQL_H
#define ORM_SQL_H

#include "base/base.h"
#include "sql_node.h"

typedef struct orm_cache orm_cache; /* compiled cache of one engine */
typedef struct orm_cctx orm_cctx;   /* one compile run; sql_int.h */

/* What str(stmt) shows; not a database. Beside ORM_PG and ORM_LITE in every `dialect`. */
enum { ORM_DEFAULT = ORM_NDIALECTS };

#define ORM_SLOT_BY_NAME UINT32_MAX /* orm_slot.bind: the value comes by name with the execution */
enum {
    ORM_SLOT_WHOLE = -1, /* orm_slot.item: the bind's value as it is */
    ORM_SLOT_ARRAY = -2  /* orm_slot.item: the list goes as one array; `type` is the array's */
};

/* One placeholder position of the wire text. */
typedef struct orm_slot {
    uint32_t bind;    /* gather ordinal: index into the values, or ORM_SLOT_BY_NAME */
    uint32_t flags;   /* ORM_BIND_* of the bind */
    int32_t item;     /* ORM_SLOT_WHOLE, _ARRAY, or the list's item: the last one if it is shorter */
    int32_t part;     /* IN of tuples: which value of the item; else -1 */
    uint8_t stored;   /* 1: the value is stored into `column`, 0: it is compared */
    orm_type *type;   /* owned */
    PyObject *name;   /* owned, interned: the bind's final name */
    PyObject *column; /* owned: the Column the value is stored into (table and name for messages), or NULL */
    PyObject *dflt;   /* owned: Column whose default= / onupdate= makes the value where none is given, or NULL */
    PyObject *value;  /* owned: value of a bind inside a default's SQL, which no gather sees, or NULL */
} orm_slot;

/* The text to send for one set of values. */
typedef struct orm_wiretext {
    orm_sqltext text;      /* owned bytes */
    const orm_slot *slots; /* nslots, in placeholder order */
    uint32_t nslots;
} orm_wiretext;

/* One column of the result. */
typedef struct orm_rescol {
    PyObject *name;   /* owned: key in Row */
    orm_type *type;   /* owned */
    orm_node *expr;   /* owned; the expression, for look-up by column when it is pinned (COLUMN, ATTR), else NULL */
} orm_rescol;

typedef struct orm_compile_opts {
    uint8_t dialect;          /* ORM_PG, ORM_LITE, ORM_DEFAULT (what str() shows) */
    uint8_t flags;            /* ORM_COMPILE_* */
    PyObject *column_keys;    /* borrowed; sorted tuple of str for INSERT/UPDATE without VALUES, or NULL */
    PyObject *schema_map;     /* borrowed; schema_translate_map, or NULL. Only its presence is in the key */
} orm_compile_opts;
enum { ORM_COMPILE_MANY = 1 /* for executemany */, ORM_COMPILE_SCHEMA_MAP = 2 };

typedef struct orm_compiled {
    PyObject_HEAD
    orm_sqltext wire;   /* owned bytes, id unique in the process */
    orm_slot *slots;    /* owned; nslots, in placeholder order */
    orm_rescol *cols;   /* owned; ncols; NULL when the statement returns no rows */
    uint32_t nslots, ncols;
    uint32_t nbinds;    /* values that a gather yields */
    uint8_t verb;       /* ORM_VERB_* */
    uint8_t uncacheable;
    PyObject *names;    /* exec/'s names of the result's columns, made at the first execution,
                         * or NULL; owned, holds str only */
    uint8_t implicit_returning; /* INSERT: RETURNING gives the primary key, nobody asked for rows */
    void *load;         /* load plan of orm/, or NULL */
    void (*load_free)(void *);
    int (*load_traverse)(void *, visitproc, void *); /* of the objects that `load` owns */
    void *render;       /* what the renderer keeps: holes, IN variants; owned by render_free */
    void (*render_free)(void *);
    /* key of the cache entry: written by cache.c, read by nobody else */
    uint64_t hash;
    uint64_t *key;      /* owned; nkey words */
    PyObject **pins;    /* owned refs to all whose address is in the key; npins */
    uint32_t nkey, npins;
    size_t bytes;       /* what this entry weighs in the cache */
    uint64_t hits;
    uint8_t used;       /* second chance */
} orm_compiled;

/* What orm/ gives sql/ (the other direction of the include order). */
typedef struct orm_sql_orm_ops {
    /* `o` is not an expression: 1 and a new ENTITY or ATTR node when it is a mapped class or alias, 0, -1. */
    int (*coerce_entity)(orm_state *st, PyObject *o, orm_node **out);
    /* Append the columns that an entity of a subquery's list becomes, as expand orders them:
     * of a column it is the column, of a mapped expression the attribute. `options`: those of a
     * SELECT with ORM_SELF_AS_LOADED, else NULL. 0 / -1. */
    int (*entity_columns)(orm_state *st, orm_node *entity, const orm_node *options,
                          PyObject *list);
    /* Words of an OPTION's payload into the key: orm_key_word / orm_key_pin on `k`; no Python code. */
    int (*option_key)(orm_state *st, void *k, PyObject *payload);
    /* Called once per statement whose columns hold ENTITYs, and for a SELECT that is the
     * statement itself if anything of orm/ is in it, before anything of it is rendered.
     * *out: a new SELECT (caller owns) with ATTR columns in the place of ENTITYs, eager joins
     * added, wrapped where LIMIT asks for it, or NULL to leave it as it is. `top`: it is the statement itself; then the load plan goes to
     * the compiled form by orm_cctx_set_load. 0 / -1. */
    int (*expand)(orm_cctx *cc, orm_node *select, int top, orm_node **out);
    /* What the mapping restricts the statement (SELECT, UPDATE, DELETE) by: *out is a new one with
     * more criteria in WHERE, or NULL; and the criterion of what a JOIN leads to, or NULL. top: the
     * statement that is compiled, whose options count. The values of the mapping's criteria are not gathered. 0 / -1. */
    int (*restrict_stmt)(orm_state *st, const orm_node *top, orm_node *stmt, orm_node **out);
    int (*restrict_join)(orm_state *st, const orm_node *top, const orm_node *target, orm_node **out);
    /* The ENTITY that INSERT, UPDATE and DELETE of a mapped class are about; borrowed. */
    orm_node *(*dml_target)(orm_node *entity);
    /* The OPTION node of a loader option, its entities as children: new ref, or NULL; *is_option
     * false: `o` is none, which is no error. */
    orm_node *(*make_option)(orm_state *st, PyObject *o, bool *is_option);
    /* A JOIN whose target or ON (NULL: none) is a relationship attribute: JOIN nodes appended to
     * the list. left: what join_from() names, or NULL; aux: ORM_JOIN_*. 1; 0 it is none; -1. */
    int (*join)(orm_state *st, PyObject *target, PyObject *on, PyObject *left, uint32_t aux,
                PyObject *list);
    /* What a clause element of orm/ without a node stands for: borrowed from it. NULL: exception,
     * or without one: it is not of orm/. */
    orm_node *(*late_node)(orm_state *st, PyObject *o);
    /* The column of an alias that an ATTR of its class stands for, borrowed from it; NULL: the one of
     * the same name, or with an exception. */
    orm_node *(*alias_column)(const orm_node *alias, const orm_node *attr);
} orm_sql_orm_ops;
int orm_sql_set_orm_ops(orm_state *st, const orm_sql_orm_ops *ops);
const orm_sql_orm_ops *orm_sql_get_orm_ops(orm_state *st); /* NULL: not set */
/* What statements mean has changed (a class was mapped further): none compiled before is used
 * again. */
void orm_sql_new_epoch(orm_state *st);
/* The load plan of the statement being compiled; freed with `free` also when compiling fails. */
void orm_cctx_set_load(orm_cctx *cc, void *load, void (*free)(void *),
                       int (*traverse)(void *, visitproc, void *));
orm_state *orm_cctx_state(orm_cctx *cc);

/* A copy of an expression with other columns: fn gets each COLUMN, COLREF and ATTR outside of
 * nested SELECTs and returns a new reference, to the leaf itself if it stays. Where one side of
 * `=` became NULL, it is IS NULL. New ref; NULL: exception. */
typedef orm_node *(*orm_replace_fn)(orm_state *st, void *ctx, orm_node *leaf);
orm_node *orm_node_replace(orm_state *st, orm_node *n, orm_replace_fn fn, void *ctx);
orm_node *orm_null(orm_state *st); /* SQL NULL: new ref */
/* The column of a FROM element that stands for a column, else that one itself. New ref; NULL: exception. */
orm_node *orm_sql_column_in(orm_state *st, orm_node *from, orm_node *column);
/* New refs: any object as a criterion of WHERE; NOT x, as an operator of its own if there is one. */
orm_node *orm_coerce_criterion(orm_state *st, PyObject *o);
orm_node *orm_negate(orm_state *st, orm_node *x);
int orm_key_word(void *k, uint64_t w);
int orm_key_pin(void *k, PyObject *o);

/* Cache of one engine; the limits are DESIGN's 500 entries and 32 MiB unless given (0). */
orm_cache *orm_cache_new(orm_state *st, uint32_t max_entries, size_t max_bytes);
void orm_cache_free(orm_cache *c);
void orm_cache_clear(orm_cache *c);
int orm_cache_traverse(orm_cache *c, visitproc visit, void *arg);
typedef struct orm_cache_stats {
    uint64_t hits, misses, rejected /* equal hash, other key */, evictions, uncacheable, memo_hits;
    uint32_t entries;
    size_t bytes;
} orm_cache_stats;
void orm_cache_get_stats(const orm_cache *c, orm_cache_stats *out);

/* Values of one execution by bind ordinal: borrowed from the statement (immutable) or from `hold`. */
typedef struct orm_values {
    PyObject **v;        /* NULL: no value, comes by name with the execution */
    orm_node **binds;    /* the BIND node of each: name, type, callable flag */
    uint32_t n, cap;
    PyObject *inl[16];   /* first storage of v */
    orm_node *binl[16];  /* first storage of binds */
} orm_values;
void orm_values_fini(orm_values *vals);

/* 0 with a new ref in *out and the statement's values in `vals` (init by the callee, fini by the caller). */
int orm_compile_cached(orm_state *st, orm_cache *cache, orm_node *stmt, const orm_compile_opts *opts,
                       orm_compiled **out, orm_values *vals);
/* The renderer, without a cache. New ref. `binds` gives the ordinals (from the key walk). */
int orm_compile(orm_state *st, orm_node *stmt, const orm_compile_opts *opts, const orm_values *binds, orm_compiled **out);
/* What users see: str(stmt), stmt.compile(...). New refs; params, positiontup may be NULL pointers. */
enum { ORM_STRING_CASTS = 1, ORM_STRING_LITERAL_BINDS = 2 };
int orm_compile_string(orm_state *st, orm_node *stmt, uint8_t dialect, unsigned flags,
                       PyObject **text, PyObject **params, PyObject **positiontup);

/* The wire text for these values (by ordinal; NULL where a value comes by name, then `named`, a
 * dict, is asked): the compiled's own, or where it holds lists the variant for their lengths.
 * Borrowed from c. 0 / -1. */
int orm_compiled_wire(orm_state *st, orm_compiled *c, PyObject *const *values, PyObject *named,
                      const orm_wiretext **out);

/* What a statement carries beside its structure: its execution_options(), and the params() of
 * itself and of the statements in it; dicts, borrowed from it, NULL where it has none. 0/-1. */
int orm_stmt_extras(orm_state *st, orm_node *stmt, PyObject **options, PyObject **params);
/* Its second half alone. 0/-1. */
int orm_stmt_late_params(orm_state *st, orm_node *stmt, PyObject **params);

int orm_sql_setup(PyObject *module, orm_state *st);

#endif
