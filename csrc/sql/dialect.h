/*
 * dialect.h - what databases write differently: one table, and the functions it points to.
 *
 * Place: included by compile.h. The rows stand in dialect.c, their functions in
 *   dialect_*.c. Errors: 0, or -1 with a Python exception. Locking: the GIL.
 */
#ifndef ORM_SQL_DIALECT_H
#define ORM_SQL_DIALECT_H

#include "sql_int.h"

/* A piece of text with its length; lives in the arena or in a Python str. */
typedef struct orm_str {
    const char *p; /* UTF-8, not NUL-terminated */
    size_t n;      /* bytes */
} orm_str;

/* --- dialects --------------------------------------------------------------------------- */

enum { ORM_STYLE_NAMED, ORM_STYLE_QMARK, ORM_STYLE_DOLLAR };

typedef struct orm_dialect {
    const char *name;           /* "postgresql", "sqlite", "default" */
    uint8_t id;                 /* ORM_PG, ORM_LITE, ORM_DEFAULT */
    uint8_t style;              /* ORM_STYLE_*: placeholders of the text for people */
    bool native_boolean;        /* TRUE and FALSE exist and a boolean column is a criterion */
    bool returning_bare;        /* RETURNING names columns without their table */
    bool implicit_returning;    /* INSERT returns the primary key without being asked */
    bool default_values;        /* INSERT ... DEFAULT VALUES */
    uint16_t name_length;       /* longest generated name, characters */
    const char *const *reserved; /* words that are quoted, sorted; NULL at the end */
    /* LIMIT, OFFSET, FETCH of a SELECT; writes nothing when there is none. 0 / -1. */
    int (*limit)(orm_cctx *cc, const orm_node *select);
    /* FOR UPDATE; NULL: not written. */
    int (*lock)(orm_cctx *cc, const orm_node *lock);
} orm_dialect;

const orm_dialect *orm_dialect_of(uint8_t id);
/* ORM_PG ... by the name of a dialect; -1 unknown. */
int orm_dialect_id(const char *name);

/* An identifier, quoted if it has to be (quote: 0 by need, 1 always, 2 never). */
int orm_put_name(orm_cctx *cc, orm_str name, int quote);
int orm_put_ident(orm_cctx *cc, PyObject *name, int quote);
void orm_quote_into(orm_buf *out, const orm_dialect *d, orm_str name, int quote);

/* The dialect's Python object, borrowed from the run (None: default); NULL: exception. */
PyObject *orm_dialect_object(orm_cctx *cc);
/* The type's name in CAST; its name behind `$1::`, 0 written, 1 none, -1. */
int orm_put_type(orm_cctx *cc, orm_type *type);
int orm_put_bind_cast(orm_cctx *cc, orm_buf *out, orm_type *type);

/* LIMIT and FOR UPDATE of single databases (dialect_limit.c). */
int orm_limit_pg(orm_cctx *cc, const orm_node *select);
int orm_limit_lite(orm_cctx *cc, const orm_node *select);
int orm_limit_default(orm_cctx *cc, const orm_node *select);
int orm_lock_pg(orm_cctx *cc, const orm_node *lock);
int orm_lock_default(orm_cctx *cc, const orm_node *lock);

#endif
