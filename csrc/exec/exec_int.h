/*
 * exec_int.h - everything that is private to exec/: results, raw SQL, setup; the rest by
 *   subject in pool_int.h, conn_int.h and row_int.h.
 *
 * Who holds whom: Engine -> PoolCore -> orm_pool -> pooled entry -> PoolRecord (entry->user)
 *   -> DBConnection. Connection -> Engine, Checkout. Checkout -> PoolCore, pooled entry.
 *   orm_result -> Connection, compiled. Nothing points back up with a strong reference.
 */
#ifndef ORM_EXEC_INT_H
#define ORM_EXEC_INT_H

#include "exec/conn_int.h"
#include "exec/row_int.h"

/* ---- results ---- */

struct orm_result {
    orm_state *st;
    ConnectionObject *owner;   /* owned; NULL for a pyorm.dbapi cursor */
    DBConnection *db;          /* owned: keeps the orm_conn's wrapper */
    orm_compiled *compiled;    /* owned, or NULL */
    const orm_driver *driver;
    orm_cursor *cursor;        /* NULL once everything is read or buffered */
    orm_result *prev, *next;   /* among owner->results, while cursor is there */
    orm_batch batch;           /* what is being read */
    uint32_t at;               /* next row of the batch */
    uint32_t ncols;
    orm_cell *scratch;         /* ncols cells; in arena */
    orm_cell *kept;            /* rows read by orm_result_buffer; in arena, or NULL */
    uint32_t nkept;            /* rows in kept */
    orm_decoder *decoders;     /* ncols; in arena */
    orm_decctx dec;
    char **names;              /* ncols; column names as the database gave them; in arena */
    PyObject *json_loads;      /* owned: dec borrows it */
    PyObject *dialect;         /* owned: dec borrows it */
    PyObject *owners;          /* list of objects whose memory is bound, or NULL; owned */
    orm_type **types;          /* of statements without compiled form; borrowed; in arena */
    char *text;                /* copy of a raw statement's text; in arena */
    orm_sqltext wire;          /* of a raw statement: points to `text` */
    orm_arena arena;           /* parameters and everything above */
    int64_t rowcount, lastrowid;
    bool direct;               /* rows may be fetched with the GIL held */
    bool ended;                /* the last row was handed out */
    bool busy;                 /* the driver is fetching: nobody else may */
    bool lent;                 /* somebody looks at the cells of the current row; db is pinned */
    bool dying;                /* released while busy or lent: closed when that is over */
    bool broken;               /* closed under us: reading raises */
};

orm_result *orm_result_begin(orm_state *st, ConnectionObject *owner, DBConnection *db);
/* Take what the head of a result says: columns, decoders. 0 / -1. */
int orm_result_open(orm_result *r, orm_cursor *cursor);
/* Close the cursor, leave the owner's list; what is unread is lost (`broken`) or was read. */
void orm_result_release(orm_result *r, bool broken);
/* The same where nobody can be reading: what owns the result is garbage. */
void orm_result_release_garbage(orm_result *r);
/* One row as a Row of shape, a tuple (shape NULL); 1, 0 end, -1. */
int orm_result_row(orm_result *r, PyObject *shape, PyObject **row);

/* Placeholder styles of raw SQL. */
enum {
    ORM_STYLE_NATIVE,  /* as the database wants it: $1; ? and :name */
    ORM_STYLE_FORMAT,  /* %s and %(name)s, %% is a percent sign; PostgreSQL only */
};

/* Whether a raw text is looked through for placeholders. */
enum {
    ORM_PARAMS_NONE,  /* no: sent as it stands */
    ORM_PARAMS_GIVEN, /* yes; a lone % is an error in FORMAT style */
    ORM_PARAMS_EMPTY, /* yes, but none were given: a lone % is a percent sign */
};

/* raw.c: a raw text (str) to wire text. *text: new bytes; *order: new tuple of what each wire
 * placeholder takes, an int (position) or a str (name). 0 / -1. */
int orm_raw_prepare(orm_state *st, PyObject *sql, uint8_t dialect, uint8_t style, int params,
                    PyObject **text, PyObject **order);

/* raw_run.c: run a raw text. params: NULL, a tuple, list or dict of one execution, or with
 * `many` a list of these. `look`: ORM_PARAMS_*. The error is the driver's own
 * (pyorm.dbapi.Error) where owner is NULL, else wrapped. 0 / -1. */
int orm_raw_run(DBConnection *db, ConnectionObject *owner, PyObject *sql, PyObject *params,
                bool many, int look, uint8_t mode, orm_result **out);
/* Send one statement of `r` and take the head of its result. 1 failed: err is filled; 0 / -1
 * with an exception. */
int orm_result_send(orm_result *r, orm_conn *conn, const orm_sqltext *text,
                    const orm_param *params, uint32_t nparams, uint8_t mode, orm_err *err);
/* The same for nsets sets; want_rows: the result has the RETURNING rows. */
int orm_result_send_many(orm_result *r, orm_conn *conn, const orm_sqltext *text,
                         const orm_param *params, uint32_t nparams, uint32_t nsets,
                         int64_t *counts, int64_t *lastrowids, bool want_rows, orm_err *err);

/* Setup of the parts. */
int orm_dispatch_setup(PyObject *module, orm_state *st);
int orm_dbconn_setup(PyObject *module, orm_state *st);
int orm_dbcursor_setup(PyObject *module, orm_state *st);
int orm_poolcore_setup(PyObject *module, orm_state *st);
int orm_checkout_setup(PyObject *module, orm_state *st);
int orm_engine_setup(PyObject *module, orm_state *st);
int orm_connection_setup(PyObject *module, orm_state *st);
int orm_result_setup(PyObject *module, orm_state *st);

#endif /* ORM_EXEC_INT_H */
