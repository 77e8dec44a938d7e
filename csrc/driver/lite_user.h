/*
 * lite_user.h - what only SQLite has: the user's functions and collations, extensions, copies.
 *
 * Place: part of driver.h; used by dbapi and dialect event hooks through exec/. The C side
 *   of a Python callable is written there: this folder knows no Python.
 * Locking: the callbacks run inside a statement, connection lock held: a use of the same
 *   connection answers ORM_E_REENTRY. The GIL may be held (the DIRECT way) or not, so a
 *   callback takes it with PyGILState_Ensure, which serves both. No exception may cross.
 */
#ifndef ORM_DRIVER_LITE_USER_H
#define ORM_DRIVER_LITE_USER_H

#include "driver/statement.h"

/* The answer of a user's SQL function; opaque, valid during the call only. */
typedef struct orm_lite_result orm_lite_result;
void orm_lite_result_null(orm_lite_result *);
void orm_lite_result_int(orm_lite_result *, int64_t);
void orm_lite_result_real(orm_lite_result *, double);
/* Both copy the bytes. */
void orm_lite_result_text(orm_lite_result *, const char *, int32_t len);
void orm_lite_result_blob(orm_lite_result *, const char *, int32_t len);
void orm_lite_result_error(orm_lite_result *, const char *message);

/* Answers by one of the above; NULL when it calls none. */
typedef void (*orm_lite_call)(void *user, const orm_cell *args, uint32_t nargs, orm_lite_result *);

typedef struct orm_lite_func {
    const char *name;             /* NUL-terminated */
    int nargs;                    /* -1: any number */
    bool deterministic;           /* same arguments, same answer: usable in indexes */
    orm_lite_call call;           /* scalar function; NULL for an aggregate */
    /* Aggregate: state is `state_size` zeroed bytes per group (state_size > 0). `final` is
     * called once per group, also with a state never stepped. */
    void (*step)(void *user, void *state, const orm_cell *args, uint32_t nargs, orm_lite_result *);
    void (*final)(void *user, void *state, orm_lite_result *);
    size_t state_size;            /* bytes, aggregates only */
    void *user;                   /* first argument of all */
    void (*destroy)(void *user);  /* called once when replaced, closed or refused; may be NULL */
} orm_lite_func;

/* call == NULL and step == NULL: remove the function. */
int orm_lite_create_function(orm_conn *, const orm_lite_func *, orm_err *);
/* cmp as memcmp over UTF-8; NULL removes it. */
int orm_lite_create_collation(orm_conn *, const char *name,
                              int (*cmp)(void *user, const char *a, int32_t alen, const char *b,
                                         int32_t blen),
                              void *user, void (*destroy)(void *user), orm_err *);

/* Rows changed since the connection was opened. GIL ok. */
int64_t orm_lite_total_changes(orm_conn *);
/* Value of one of SQLite's limits (SQLITE_LIMIT_ numbers) and, unless value is negative, set
 * it; the old value, -1 for an unknown limit. */
int orm_lite_limit(orm_conn *, int limit, int value);
/* Allow or forbid loading extensions: 0 or -1. */
int orm_lite_enable_extensions(orm_conn *, bool enable, orm_err *);
/* Load one; entry NULL: the library's default. */
int orm_lite_load_extension(orm_conn *, const char *path, const char *entry, orm_err *);
/* Copy database `from_name` ("main") of one connection over that of another, `pages` at a
 * time (negative: at once); progress, if any, is told after each part and stops it by
 * answering nonzero (ORM_E_SIGNAL). Neither connection may be in a transaction. */
int orm_lite_backup(orm_conn *from, const char *from_name, orm_conn *to, const char *to_name,
                    int pages, int (*progress)(void *user, int status, int remaining, int total),
                    void *user, orm_err *);
/* Told of every statement before it runs, with its values written in; NULL: no more. */
int orm_lite_trace(orm_conn *, void (*trace)(void *user, const char *sql), void *user,
                   void (*destroy)(void *user), orm_err *);

#endif /* ORM_DRIVER_LITE_USER_H */
