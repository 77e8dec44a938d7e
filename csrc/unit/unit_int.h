/*
 * unit/unit_int.h - what only the files of unit/ know.
 *
 * Data flow of one flush: collect.c (heads -> rows) -> presort.c (rows that hang on them along
 *   relationships) -> order.c, dep_order.c (graph: which rows when) -> dep.c, dep_many.c, post.c
 *   (keys along relationships), save.c / delete.c (events, column sets, steps: runs of rows with
 *   one shape)
 *   -> values.c, defaults.c (encode into the batch arena) -> write_*.c (the way over the wire)
 *   -> writeback.c (keys and server-made values into the instances) -> flush.c (identities).
 * Ownership: rows and steps lie in work->arena and die with the flush; parameters lie in
 *   work->batch and die with each batch. Rows hold their instance strongly.
 */
#ifndef ORM_UNIT_UNIT_INT_H
#define ORM_UNIT_UNIT_INT_H

#include "exec/exec.h"
#include "orm/orm.h"
#include "unit/unit.h"
#include "unit/unit_plan.h"

typedef struct orm_uproc orm_uproc;   /* dep.h: a relationship in a flush */
typedef struct orm_uentry orm_uentry; /* dep.h: what changed along it for one row */

/* --- one flush ------------------------------------------------------------------------------ */

enum {
    ORM_R_EXPRESSION = 1, /* a value is a SQL expression: written alone */
    ORM_R_WRITTEN = 2,    /* a statement was run for it (or nothing had to be) */
    ORM_R_REKEYED = 4,    /* UPDATE changed the primary key */
    ORM_R_TAKEN = 8,      /* DELETE: another row took this one over, nothing is deleted */
    ORM_R_LISTED = 16,    /* not written: the database changes its foreign key by itself */
    ORM_R_CASCADED = 32   /* the database has changed its primary key along a foreign key */
};

/* One instance in a flush. */
typedef struct orm_urow {
    orm_head *h;          /* borrowed: obj owns it */
    PyObject *obj;        /* owned instance */
    orm_wplan *plan;      /* borrowed */
    orm_wshape *shape;    /* borrowed from plan; NULL: nothing to write */
    orm_head *switched;   /* row switch: the deleted head whose row this one takes over */
    PyObject *version;    /* owned: version this row is written with, or NULL */
    PyObject *saved;      /* owned dict column number -> SQL expression it held, or NULL */
    uint64_t *given;      /* in work->arena, [2 * plan->nwords], or NULL: columns whose values an
                             INSERT gave back; then those of them that were None, not absent */
    PyObject **values;    /* row of a secondary table, in work->arena: owned value per column of
                             the plan, then of its key in WHERE; NULL: the instance has them */
    orm_uentry *entries;  /* what changed along relationships, newest first */
    uint64_t *post;       /* in work->arena: columns of a second UPDATE, or NULL */
    uint32_t base;        /* index of its base in the flush */
    struct orm_urow *parts; /* in work->arena, [plan->nmore]: its rows in further tables */
    uint32_t number;      /* index in work->rows */
    uint32_t at;          /* index in its base's saves or deletes */
    uint8_t op;           /* ORM_OP_* */
    uint8_t flags;        /* ORM_R_* */
} orm_urow;

/* All rows of one inheritance hierarchy. */
typedef struct orm_ubase {
    orm_mapper *root;     /* borrowed */
    orm_wplan *plan;      /* borrowed: the first plan met, for the order of tables */
    PyObject *conn;       /* borrowed from the flush's caller; NULL until asked */
    orm_conn_facts facts; /* of conn */
    PyObject *schema;     /* owned str: what schema_translate_map makes of the table's schema ("":
                             none), or NULL: its own */
    uint8_t dialect;      /* of conn */
    orm_urow **saves;     /* pending in add order, then persistent by key */
    orm_urow **deletes;   /* by key */
    uint32_t nsaves, npending, ndeletes;
    orm_ptrmap deleting;  /* address of a head -> its row in `deletes`; filled at first use */
    uint32_t post;        /* number of the POST node, POST_DEL is the next; 0: there is none */
} orm_ubase;

/* All rows of one class. */
typedef struct orm_ukind {
    orm_wplan *plan;      /* borrowed from work->plans */
    uint32_t base;        /* index of its base */
    orm_urow **queue;     /* owned, PyMem: rows for presort, [nqueue] */
    uint32_t nqueue, capqueue;
    orm_uproc **procs;    /* in work->arena: its relationships that write, [nprocs] */
    uint32_t *done;       /* in work->arena: rows of the queue that each of them has seen */
    uint32_t nprocs;
} orm_ukind;

/* A value that an instance without a row of its own had before a key was copied into it. */
typedef struct orm_undo {
    orm_head *h;          /* borrowed: obj owns it */
    PyObject *obj;        /* owned */
    PyObject *value;      /* owned, or NULL: it had `tag` */
    PyObject *old;        /* owned committed value, with `dirty`; NULL: NO_VALUE */
    uint32_t slot;
    uint8_t tag;
    bool dirty;
} orm_undo;

typedef struct orm_work {
    orm_flush *f;
    orm_state *st;
    orm_arena arena;      /* rows, lists: the whole flush */
    orm_arena batch;      /* parameters of the batch being written */
    orm_urow **rows;      /* PyMem, [nrows]: pending, dirty, deleted in the order of the flush,
                             then what presort added; they lie in `arena` */
    uint32_t nrows, caprows;
    uint32_t nfollowed;   /* rows whose changed keys rekey.c has followed */
    orm_ptrmap by_head;   /* address of a head -> its row; filled at the first wrong guess */
    uint32_t guess;       /* number of the row that is probably asked for next */
    PyObject *plans;      /* owned list of the plans in use: a class may get a new one meanwhile */
    orm_ubase *bases;     /* PyMem, [nbases] */
    uint32_t nbases, capbases;
    orm_ukind *kinds;     /* PyMem, [nkinds] */
    uint32_t nkinds, capkinds;
    orm_uproc **procs;    /* PyMem, [nprocs]: relationships, in the order in which they were met */
    uint32_t nprocs, capprocs;
    orm_undo *undo;       /* PyMem, [nundo] */
    uint32_t nundo, capundo;
    uint64_t id;          /* number of this flush */
} orm_work;

/* A run of rows that share a shape and are written together. */
typedef struct orm_step {
    orm_work *w;
    orm_ubase *base;
    orm_wplan *plan;
    orm_wshape *shape;
    orm_urow **rows;      /* [n], in the order of the statement */
    uint32_t n;
    uint32_t from;        /* first row of the batch being written */
    uint32_t count;       /* rows of that batch */
    PyObject **fetched;   /* [n * shape->nfetch] owned or NULL: what came back, row major */
    PyObject **made;      /* [n * shape->nmade] owned or NULL: values of callable defaults */
    int64_t failed;       /* row of the batch that failed, -1 not known */
    int64_t matched;      /* rows that UPDATE or DELETE met so far */
    uint8_t *missed;      /* [n] in work->arena: 1 a row known not to have been met; or NULL */
} orm_step;

/* parts.c: classes over several tables. The rows of one table that may be written now: for each
 * table in the hierarchy's order, or the other way round; parts take the state of their row. */
int orm_parts_make(orm_work *w, orm_urow *r);
bool orm_parts_any(orm_urow *const *rows, uint32_t n);
/* The shapes of parts, before those of their rows. 1: an UPDATE writes some part; 0; -1. */
int orm_parts_shape(orm_work *w, orm_urow *r);
/* Rows or parts that are in the table of this order, into list (room for n). Answers how many. */
uint32_t orm_parts_pick(orm_urow *const *rows, uint32_t n, uint32_t order, orm_urow **list);
/* The next order behind (or before) this one; UINT32_MAX: there is none. */
uint32_t orm_parts_next(orm_urow *const *rows, uint32_t n, uint32_t order, bool down);
/* Values of parents' keys into attributes of other names, before an INSERT. 0 / -1. */
int orm_parts_copy(orm_work *w, orm_urow **list, uint32_t n);
/* save.c: the shape of one row: 0 nothing is written, 1, -1. `more`: a part of it is. */
int orm_row_shape(orm_work *w, orm_urow *r, const orm_urow *before, bool more);
/* collect.c: heads to rows; and, after presort, rows to the lists of their bases. 0 / -1. */
int orm_collect(orm_work *w);
int orm_fill_lists(orm_work *w);
/* A row for a head that has none; borrowed. NULL: exception. */
orm_urow *orm_row_add(orm_work *w, orm_head *h, uint8_t op);
/* Give presort the row once more. 0 / -1. */
int orm_row_queue(orm_work *w, orm_urow *r);
/* Room for one more item of `size` bytes in a PyMem array. 0 / -1. */
int orm_more_room(void *items, uint32_t *cap, uint32_t used, size_t size);
/* Ask for the base's connection once. 0 / -1. */
int orm_base_connect(orm_work *w, orm_ubase *b);
/* Sort rows by identity. 0 / -1. */
int orm_sort_by_key(orm_state *st, orm_urow **rows, uint32_t n);
/* order.c: run everything in order of the graph. 0 / -1. */
int orm_run_in_order(orm_work *w);
/* save.c, delete.c: rows of one base that may be written now. 0 / -1. */
int orm_save_rows(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n);
int orm_delete_rows(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n);
/* 1: an UPDATE of the row has to write the column; *value is a new reference, NULL: NULL, and
 * was set for 1 only. 0: no net change; -1. */
int orm_net_change(const orm_urow *r, const orm_wcol *c, PyObject **value);
/* Write runs of rows with the same shape, in the order given. 0 / -1. */
int orm_run_steps(orm_work *w, orm_ubase *b, orm_urow **rows, uint32_t n);
/* Fire a mapper event for a row. 0 / -1. */
int orm_fire(orm_work *w, orm_ubase *b, orm_urow *r, int event);
/* write.c: all batches of a step, by the best way; fills step->fetched. 0 / -1. */
int orm_step_write(orm_step *s);
/* write_expr.c: one row with SQL expressions among its values. 0 / -1. */
int orm_write_expression(orm_step *s);

/* values.c */
/* 1: v is a SQL expression; 0; -1. c may remember the type. */
int orm_is_expression(orm_state *st, orm_wcol *c, PyObject *v);
/* Value of a mapped column without loading, new reference; NULL: none (no exception). */
static inline PyObject *
orm_row_value(const orm_urow *r, const orm_wcol *c)
{
    PyObject *v = NULL;

    if (r->values != NULL) {
        return Py_XNewRef(r->values[c - r->plan->cols]);
    }
    if (c->slot >= 0) {
        v = orm_val_fast(r->h, (uint32_t)c->slot);
        v = v != NULL ? Py_NewRef(v) : orm_val_peek(r->h, (uint32_t)c->slot, NULL);
    }
    return v;
}
/* Whether an INSERT takes v (may be NULL) for "no value". */
static inline bool
orm_is_absent(const orm_wcol *c, PyObject *v)
{
    return v == NULL || (v == Py_None && !(c->flags & ORM_W_NONE));
}
/* The value that row i of the step writes into the k-th column of its shape, new reference;
 * *null: it is NULL without asking the type. */
PyObject *orm_written_value(orm_step *s, uint32_t i, uint32_t k, bool *null);
/* The value that identifies row i: k-th key column, or the old version behind them. */
PyObject *orm_where_value(orm_step *s, uint32_t i, uint32_t k);
/* Encode rows [from, from + count) of the step into the batch arena, row major; lowers count
 * where the batch gets too big. NULL: exception. */
orm_param *orm_encode_batch(orm_step *s);
/* orm_many.describe: parameters as users see them. */
PyObject *orm_describe_set(void *step, int64_t set);

/* defaults.c: make the callable defaults of all rows of a step. 0 / -1. */
int orm_make_defaults(orm_step *s);
/* The version that a row is written with, into r->version. 0 / -1. */
int orm_next_version(orm_urow *r);

/* writeback.c */
int orm_write_back(orm_step *s);  /* keys, defaults, server values into the instances */
void orm_take_back(orm_work *w);  /* pending instances as they were; keeps a live exception */
int orm_note_given(orm_work *w, orm_urow *r, uint32_t column); /* of a pending row. 0 / -1 */
int orm_give_identities(orm_work *w);

/* attribution.c: put .instances on the live exception. Keeps it in any case. */
void orm_attribute_error(orm_step *s);
/* StaleDataError, or a warning where the mapper asks for no more. 0 / -1. */
int orm_check_count(orm_step *s);

/* catalog.c: what the base's database says of the table; asked once. NULL: exception. */
orm_wfacts *orm_wfacts_of(orm_work *w, orm_ubase *b, orm_wplan *p);

/* write_*.c: the batch [from, from + count) of a step; they may lower count. 0 / -1. */
int orm_write_rows(orm_step *s);   /* one execution per row: pipeline, prepared statement */
int orm_write_unnest(orm_step *s); /* PostgreSQL: one statement, an array per column.
                                      1: the values do not go into arrays, nothing was sent */
int orm_write_values(orm_step *s); /* SQLite: 100 rows per execution */
int orm_write_copy(orm_step *s);   /* PostgreSQL: COPY with keys taken from the sequence before;
                                      1: the values have no binary form, nothing was sent */
/* Bytes that an encoded value takes in an array or a COPY row of type `oid`, its length word
 * included; -1: it has no binary form. And those bytes, behind `at`; answers the end. */
int64_t orm_pg_element_size(const orm_param *p, uint32_t oid);
char *orm_pg_element_put(char *at, const orm_param *p, uint32_t oid);
/* Run a text for encoded sets; describes itself to logs. 0 / -1, s->failed set. */
int orm_run_text(orm_step *s, const orm_wtext *t, orm_many *many, orm_result **rows);

#endif
