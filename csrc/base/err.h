/*
 * err.h - what failed, carried without Python from a driver to py/errors.c.
 *
 * An orm_err belongs to the caller of the function that fills it: orm_err_init before,
 * orm_err_fini after. A function that returns -1 has filled it; a function that returns 0
 * has not touched it. A filled error is never overwritten by a later, secondary failure:
 * orm_err_set on a filled error keeps the first (orm_err_clear first to replace it).
 * Texts are copies, so that an error outlives the result or connection it came from.
 */
#ifndef ORM_BASE_ERR_H
#define ORM_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum orm_code {
    ORM_OK = 0,
    ORM_E_NOMEM,          /* an allocation failed; connections stay as they were */
    ORM_E_INTERFACE,      /* used wrongly from inside: closed cursor, wrong state */
    ORM_E_PROGRAMMING,    /* the caller's text or arguments: two statements, too few values */
    ORM_E_DATA,           /* a value that cannot be stored or read exactly */
    ORM_E_DB,             /* the database said so: sqlstate (PostgreSQL) or native (SQLite) */
    ORM_E_UNAVAILABLE,    /* no connection could be made */
    ORM_E_LOST,           /* an existing connection broke; `lost` is set too */
    ORM_E_TIMEOUT,        /* the call's deadline passed */
    ORM_E_SIGNAL,         /* the waiter's check said stop; a Python exception is set */
    ORM_E_CANCELLED,      /* cancel() was called from another thread */
    ORM_E_FORKED,         /* the connection was opened by another process */
    ORM_E_COMMIT_UNKNOWN, /* COMMIT was sent and no answer came */
    ORM_E_POOL_TIMEOUT,   /* no connection became free before the deadline */
    ORM_E_POOL_CLOSED,    /* the pool was disposed of */
    ORM_E_REENTRY,        /* the connection is in use by this very thread, or by another one */
    ORM_E_OPEN_TX,        /* not possible inside an open transaction */
} orm_code;

/* Index of orm_err.text; all but MESSAGE are NULL where the database does not say. */
enum {
    ORM_TEXT_MESSAGE,
    ORM_TEXT_DETAIL,
    ORM_TEXT_HINT,
    ORM_TEXT_CONTEXT,
    ORM_TEXT_SCHEMA,
    ORM_TEXT_TABLE,
    ORM_TEXT_COLUMN, /* several columns: joined by ", " */
    ORM_TEXT_CONSTRAINT,
    ORM_TEXT_DATATYPE,
    ORM_ERR_NTEXT
};

typedef struct orm_err {
    orm_code code;             /* ORM_OK: nothing failed */
    int native;                /* SQLite: extended result code; PostgreSQL: 0; open: errno or 0 */
    char sqlstate[6];          /* PostgreSQL: five characters and NUL; "" where none came */
    bool lost;                 /* the connection can only be closed now */
    int64_t row;               /* failing parameter set or statement of a batch, from 0; -1 none */
    char *text[ORM_ERR_NTEXT]; /* owned copies or NULL; see the ORM_TEXT_ indexes */
} orm_err;

void orm_err_init(orm_err *err);
/* Frees the texts; the struct may be initialised again. */
void orm_err_fini(orm_err *err);
/* Back to "nothing failed". */
void orm_err_clear(orm_err *err);

/* Set code and message; always returns -1, so that `return orm_err_set(...)` reads well.
 * On a filled error the first one stays. Without memory for the text the code becomes
 * ORM_E_NOMEM. */
int orm_err_set(orm_err *err, orm_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int orm_err_vset(orm_err *err, orm_code code, const char *format, va_list args);
/* Shorthand: ORM_E_NOMEM with a text that needs no memory. Returns -1. */
int orm_err_nomem(orm_err *err);

/* Replace one text by a copy of `len` bytes; NULL clears it. Loss for want of memory is
 * silent: the error itself matters more than its details. */
void orm_err_set_text(orm_err *err, int which, const char *text, size_t len);
/* The text or "". */
const char *orm_err_text(const orm_err *err, int which);
/* The message: never NULL, also for an error without any text. */
const char *orm_err_message(const orm_err *err);
/* Move: *to must be clear, *from is clear afterwards. */
void orm_err_move(orm_err *to, orm_err *from);
/* "ORM_E_TIMEOUT" and so on, for logs and tests. */
const char *orm_code_name(orm_code code);

#endif /* ORM_BASE_ERR_H */
