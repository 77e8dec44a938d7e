/*
 * unit/unit_plan.h - how the instances of one class are written: columns, shapes, texts.
 *
 * Place: private to unit/. A plan is made once per mapper (plan_type.c), a shape once per set
 *   of columns that are written together (shape.c), a text once per shape, dialect and way over
 *   the wire (text.c). A flush only looks them up.
 * Ownership: mapper -> plan -> shapes -> texts; a plan borrows its mapper.
 */
#ifndef ORM_UNIT_UNIT_PLAN_H
#define ORM_UNIT_UNIT_PLAN_H

#include "exec/exec.h"
#include "orm/orm.h"

enum {
    ORM_W_PK = 1u << 0,
    ORM_W_VERSION = 1u << 1,
    ORM_W_AUTO = 1u << 2,       /* numbered by the database */
    ORM_W_SERVER = 1u << 3,     /* the server makes a value at INSERT */
    ORM_W_SERVER_UPD = 1u << 4, /* ... and at UPDATE */
    ORM_W_COMPUTED = 1u << 5,   /* never written */
    ORM_W_NONE = 1u << 6,       /* None is a value of its own (JSON null) */
    ORM_W_SYSTEM = 1u << 10,    /* a system column of PostgreSQL: xmin as a version */
    ORM_W_COPIED = 1u << 9,     /* takes the value of a column of a parent's table */
    ORM_W_WRAPPED = 1u << 8,    /* the type wraps its placeholder in SQL: written through sql/ */
    ORM_W_FILL = 1u << 7        /* INSERT names the column also where the instance has no value:
                                   a client default, or NULL */
};

/* Kinds of defaults. */
enum {
    ORM_D_NONE,
    ORM_D_SCALAR,  /* the value */
    ORM_D_CALL,    /* callable without argument */
    ORM_D_CONTEXT, /* callable with the execution context */
    ORM_D_SQL,     /* expression, part of the statement's text */
    ORM_D_SEQUENCE /* PostgreSQL: as SQL; SQLite: none */
};

typedef struct orm_wdefault {
    uint8_t kind;       /* ORM_D_* */
    PyObject *value;    /* owned, NULL with NONE */
    PyObject *text[ORM_NDIALECTS]; /* owned str of SQL and SEQUENCE, made at first use; None: the
                                      database has no such thing */
} orm_wdefault;

/* One column of the table. */
typedef struct orm_wcol {
    PyObject *column;     /* owned: Column */
    orm_type *type;       /* owned */
    PyObject *name;       /* owned str, for messages */
    PyObject *quoted[ORM_NDIALECTS]; /* owned str: the name in SQL */
    PyTypeObject *plain;  /* owned: last type of a value seen here that is no SQL expression */
    int32_t slot;         /* of the attribute; -1: not mapped */
    uint32_t flags;       /* ORM_W_* */
    orm_wdefault insert, update; /* client defaults */
} orm_wcol;

/* A foreign key of the table, as far as the order of rows needs it. */
typedef struct orm_wfk {
    uint16_t *cols;       /* owned, [n]: columns of this table */
    uint32_t n;
    PyObject *table;      /* owned: the referred Table */
    PyObject *names;      /* owned tuple of str: names of its columns */
} orm_wfk;

/* Ways over the wire that need a text of their own. */
enum { ORM_WAY_ROWS, ORM_WAY_UNNEST, ORM_WAY_VALUES, ORM_WAY_COPY };

/* The text of a shape for one dialect and way. */
typedef struct orm_wtext {
    orm_sqltext text;     /* owned bytes */
    PyObject *schema;     /* owned str: schema in the place of the table's own, or NULL */
    uint32_t rows;        /* VALUES: rows of the text; else 1 */
    uint8_t dialect, way;
    bool returning;       /* has RETURNING: the shape's `fetch`; of UNNEST without a numbered key
                             among them also the key, by which rows are told apart */
} orm_wtext;

enum { ORM_OP_INSERT, ORM_OP_UPDATE, ORM_OP_DELETE };

/* A set of columns written together by one operation: one statement per dialect and way. */
typedef struct orm_wshape {
    uint8_t op;           /* ORM_OP_* */
    uint64_t *bits;       /* owned, plan->nwords: written columns, the key of the shape */
    uint16_t *set;        /* owned, [nset]: written columns in the table's order */
    uint32_t nset;
    uint16_t *fetch;      /* owned, [nfetch]: columns whose values come back with the row */
    uint32_t nfetch;
    uint16_t *expire;     /* owned, [nexpire]: mapped columns that are stale afterwards */
    uint32_t nexpire;
    uint16_t *made;       /* owned, [nmade]: written columns whose default is a callable */
    uint32_t nmade;
    const orm_type **types; /* owned array of borrowed: of the columns in `fetch`, then of the key */
    orm_wtext **texts;    /* owned */
    uint32_t ntexts;
    bool key_only;        /* fetch is the numbered key alone */
    bool numbered;        /* the numbered key is in `fetch` */
} orm_wshape;

/* What one database's catalogue says of the table (catalog.c). */
typedef struct orm_wfacts {
    PyObject *engine;     /* owned weak reference */
    PyObject *schema;     /* owned str: as orm_ubase.schema, or NULL */
    orm_mono asked;       /* when; what is too old is asked again */
    bool ordered;         /* ids are given in the order of the rows: no trigger, one sequence */
    bool rowid;           /* SQLite: the key is the rowid */
    bool plain;           /* PostgreSQL: COPY does what INSERT does */
    bool numbered;        /* PostgreSQL: nextval of `sequence` may be called by this role */
    char *sequence;       /* owned, quoted for nextval; NULL: none */
} orm_wfacts;

/* A value that goes from one attribute to another before a row is inserted. */
typedef struct orm_wcopy {
    uint32_t from, to;    /* slots */
} orm_wcopy;

/* `_core.UnitPlan`: how the instances of one class are written. mapper->unit owns it. A class over
   several tables has one for the root's table, and one in `more` for each further table. */
typedef struct orm_wplan {
    PyObject_HEAD
    orm_state *st;
    orm_mapper *mapper;   /* borrowed: its owner */
    PyObject *table;      /* owned: Table */
    PyObject *name;       /* owned str: name of the table, for messages */
    char *name_utf8;      /* owned copy of it */
    orm_wcol *cols;       /* owned, [ncols] */
    uint32_t ncols;
    uint32_t nwords;      /* 64-bit words of a column set */
    uint32_t nslots;      /* mapper->nslots when this was made: more means late attributes */
    uint16_t *pk;         /* owned, [npk]: columns of the identity, in its order */
    uint32_t npk;
    int32_t version;      /* column or -1 */
    int32_t numbered;     /* column numbered by the database or -1 */
    PyObject *generator;  /* owned: makes versions; None: counts; False: the server */
    uint8_t eager;        /* 0 never, 1 INSERT, 2 UPDATE too: fetch what the server made */
    bool confirm;         /* warn when DELETE meets too few rows */
    bool batch;           /* false: each row is saved alone, between its own listeners */
    bool descending;      /* the numbered column's sequence counts downwards */
    orm_wfk *fks;         /* owned, [nfks] */
    uint32_t nfks;
    orm_wshape **shapes;  /* owned */
    uint32_t nshapes;
    orm_wfacts **facts;   /* owned, one per engine that was written to */
    uint32_t nfacts;
    struct orm_wplan *like; /* owned: the parent class's plan of the same table, with the same
                               columns: shapes and texts are its; NULL: own ones */
    struct orm_wplan **more; /* owned, [nmore]: of the tables of subclasses, parents' first */
    uint32_t nmore;
    uint32_t order;       /* place of the table among those of the hierarchy; the root's is 0 */
    orm_wcopy *copies;    /* owned, [ncopies]: of a plan in `more` */
    uint32_t ncopies;
    bool passive;         /* of a plan in `more`: a changed key comes by ON UPDATE CASCADE */
    bool secondary;       /* of a many-to-many's own table: pk are the columns it writes */
    uint64_t work_id;     /* flush that last looked for the class's kind, and what it found; */
    uint32_t kind_at;     /* only a short cut: another thread's flush may look meanwhile */
} orm_wplan;

/* The plan of a mapper, borrowed from it; made at first use or when attributes came. */
orm_wplan *orm_wplan_of(orm_state *st, orm_mapper *m);
/* The plan of a many-to-many's secondary table, borrowed from the relation. NULL: exception. */
orm_wplan *orm_wplan_secondary(orm_state *st, struct orm_relation *rel);
/* The plan whose shapes and texts a plan uses. */
static inline orm_wplan *
orm_wplan_writer(orm_wplan *p)
{
    return p->like == NULL ? p : p->like;
}
/* The column of a slot; -1. */
int32_t orm_wplan_slot_column(const orm_wplan *p, uint32_t slot);
/* The column of a mapped Column's name; -1. */
int32_t orm_wplan_column(const orm_wplan *p, PyObject *name);
/* The shape of these written columns, borrowed from the plan. */
orm_wshape *orm_wshape_of(orm_wplan *p, uint8_t op, const uint64_t *bits);
void orm_wshape_free(orm_wshape *s);
extern PyType_Spec orm_wplan_spec;

/* text.c: the text of a shape, borrowed from it. `rows`: rows of a VALUES text. */
const orm_wtext *orm_wtext_of(orm_wplan *p, orm_wshape *s, uint8_t dialect, uint8_t way,
                              bool returning, uint32_t rows, PyObject *schema);
void orm_wtext_free(orm_wtext *t);
/* Parameters of one set of the shape: written columns, then the key (and version) in WHERE. */
uint32_t orm_wshape_nparams(const orm_wplan *p, const orm_wshape *s);
/* SQL text of a default, borrowed; None where the dialect has none. */
PyObject *orm_default_text(orm_wplan *p, orm_wdefault *d, uint8_t dialect);
/* A number for a text, unique in the process: sql/ counts from 1, unit/ from 2^62, a driver
   for its own texts from 2^63. */
uint64_t orm_unit_text_id(orm_state *st);

static inline bool
orm_bit_get(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

static inline void
orm_bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

#endif
