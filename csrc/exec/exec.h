/*
 * exec/exec.h - where SQL meets a connection: what orm/, unit/ and session/ may use.
 *
 * Place: sql/ (orm_compiled, gathered values) -> exec/ (bind) -> driver/ -> exec/ (cells,
 *   rows) -> orm/ (entities) or the user (Row).
 * Objects: an engine, a connection, a shape and a Python Result are PyObjects of exec's
 *   types and travel as PyObject *; orm_result is plain C: one running or buffered result
 *   of one statement, read cell by cell, no Row objects.
 * Errors: every function that fails has set a Python exception (ORM_RAISES); a database's
 *   error is already wrapped as pyorm.exc.*, with statement and parameters, handle_error
 *   listeners asked and the connection invalidated where it was lost.
 * Locking: all functions are called with the GIL; exec/ releases it around the driver.
 *   Anything here can run Python (listeners, codecs): re-read borrowed pointers afterwards.
 */
#ifndef ORM_EXEC_H
#define ORM_EXEC_H

#include "driver/driver.h"
#include "py/py.h"
#include "sql/sql.h"
#include "types/types.h"

/* Create exec's types in the module. 0 / -1. */
int orm_exec_setup(PyObject *module, orm_state *st);

/* ---- Events -------------------------------------------------------------------------
 * A Dispatch holds, for one target (an engine, a session, a mapper, ...), one immutable
 * tuple of listeners or NULL per event of its family. pyorm.event replaces a tuple whole;
 * C reads it by the event's number: its position in the family's tuple of names.
 */
typedef struct orm_dispatch {
    PyObject_VAR_HEAD          /* ob_size: number of events of the family */
    PyObject *family;          /* the family's Python object (pyorm.event.Family); owned */
    PyObject *names;           /* tuple of str, event number -> name; owned */
    PyObject *parents;         /* tuple of Dispatch whose listeners come first; owned */
    PyObject *book;            /* Python's record of own listeners (dict) or NULL; owned */
    PyObject *weakrefs;        /* children are held weakly by their parents' book */
    PyObject *slot[];          /* listeners of event i: tuple (never empty) or NULL; owned */
} orm_dispatch;

/* The listeners of an event, borrowed, or NULL when nobody listens (also when d is NULL). */
static inline PyObject *
orm_dispatch_get(const orm_dispatch *d, int event)
{
    return d == NULL ? NULL : d->slot[event];
}

/* Call every listener of an event with the same arguments, results dropped. 0 / -1. */
int orm_dispatch_fire(orm_dispatch *d, int event, PyObject *const *args, size_t nargs);

/* Events of Engine, Connection and Dialect, in the order of EngineEvents.names. */
#define ORM_ENGINE_EVENTS(X) \
    X(before_execute) X(after_execute) X(before_cursor_execute) X(after_cursor_execute) \
    X(handle_error) X(engine_connect) X(set_connection_execution_options) \
    X(set_engine_execution_options) X(engine_disposed) X(begin) X(rollback) X(commit) \
    X(savepoint) X(rollback_savepoint) X(release_savepoint) X(do_connect) \
    X(begin_twophase) X(prepare_twophase) X(commit_twophase) X(rollback_twophase)
enum orm_engine_event {
#define ORM_EVENT_ENUM(name) ORM_EV_##name,
    ORM_ENGINE_EVENTS(ORM_EVENT_ENUM)
#undef ORM_EVENT_ENUM
    ORM_EV_ENGINE_COUNT
};

/* ---- Engines and connections -------------------------------------------------------- */

/* Engine and Connection are thin Python subclasses of these; 1 if `o` is one. */
int orm_engine_check(orm_state *st, PyObject *o);
int orm_connection_check(orm_state *st, PyObject *o);

/* What a session needs of an engine; both borrowed from it. */
const orm_driver *orm_engine_driver(PyObject *engine);
orm_cache *orm_engine_cache(PyObject *engine); /* NULL: query_cache_size=0 */

/* The engine of a connection, borrowed. */
PyObject *orm_connection_engine(PyObject *conn);

/* Check out a connection: a new Connection in its initial state (no transaction). `options`
 * is a dict of execution options laid over the engine's, or NULL. Waits on the pool. */
ORM_OWNED PyObject *orm_engine_connect(orm_state *st, PyObject *engine, PyObject *options);

/* Roll back what is open and give the connection back to the pool. 0 / -1; in either case
 * the Connection is closed. Closing twice is allowed. */
int orm_connection_close(PyObject *conn);

/* Begin the root transaction (autobegin: nothing if one is begun). No round trip. 0 / -1. */
int orm_connection_begin(PyObject *conn);

/* End the root transaction; nothing if none was begun. On -1 of commit the transaction is
 * over as well, or its outcome unknown (exc.CommitOutcomeUnknown). 0 / -1. */
int orm_connection_commit(PyObject *conn);
int orm_connection_rollback(PyObject *conn);

/* Savepoints by name: ORM_SP_SET, ORM_SP_RELEASE, ORM_SP_ROLLBACK_TO (driver.h). SET begins
 * the root transaction where none is begun. 0 / -1. */
int orm_connection_savepoint(PyObject *conn, int what, const char *name);

/* The next read sees what others committed since: ends SQLite's read window if one is open and
 * idle. Never waits. */
void orm_connection_freshen(PyObject *conn);

/* 1 if a root transaction is begun, else 0. */
int orm_connection_in_transaction(PyObject *conn);

/* ---- Running a compiled statement ---------------------------------------------------- */

typedef struct orm_result orm_result; /* one statement's result; free with orm_result_free */

enum orm_run_mode {
    ORM_RUN_AUTO,   /* buffered where the plan bounds the rows, else streamed */
    ORM_RUN_BUFFER, /* the database library holds all rows; the connection is free */
    ORM_RUN_STREAM, /* rows arrive while they are read; the connection is occupied */
    ORM_RUN_NONE,   /* rows, if any, are dropped */
    ORM_RUN_WHOLE,  /* the caller reads to the end at once: whichever is faster */
};

typedef struct orm_run_opts {
    PyObject *params;    /* borrowed: dict of values by bind name that win over the gathered
                            ones, a list of such dicts (executemany), or NULL */
    PyObject *options;   /* borrowed: execution options of this call (dict) or NULL; read only
                            for events, the connection's own are not consulted again */
    PyObject *statement; /* borrowed: the statement object, for listeners; NULL: no
                            before_execute/after_execute (the caller fired them) */
    uint8_t mode;        /* enum orm_run_mode */
    bool keep_binds;     /* the caller's values outlive the result: SQLite binds in place */
} orm_run_opts;

/* Run `c` with the values that the key walk gathered (borrowed, by bind ordinal; nvalues must
 * be c->nbinds). Begins the root transaction where none is begun. On success *out is the
 * result (rows not yet read), owned by the caller; it holds references to conn and c.
 * 0 / -1. Every other unread streamed result of the connection is buffered first. */
int orm_exec_run(PyObject *conn, orm_compiled *c, PyObject *const *values, uint32_t nvalues,
                 const orm_run_opts *opts, orm_result **out);

/* The next row: 1 and *cells (c->ncols cells, valid until the next call on this result or
 * its end), 0 at the end (the connection is free then), -1. */
int orm_result_next(orm_result *r, const orm_cell **cells);

/* Nobody looks at the current row's cells any more; the next row, the end and orm_result_free
 * say so too. Until then the connection outlives whoever closes it. */
void orm_result_settle(orm_result *r);

/* One value of the current row as a Python object, by the codec chosen for the column when
 * the result began; column < orm_result_ncols(r). */
ORM_OWNED PyObject *orm_result_decode(orm_result *r, uint32_t column, const orm_cell *cell);

/* The codecs behind orm_result_decode, for a loader that decodes by itself: ncols decoders, and
 * the context in which it sets `column`. Valid while r is. */
orm_decoder *orm_result_decoders(orm_result *r, orm_decctx **context);

uint32_t orm_result_ncols(const orm_result *r);
/* The name that the database gave a column; valid while r is. */
const char *orm_result_colname(const orm_result *r, uint32_t column);
const orm_type *orm_result_coltype(const orm_result *r, uint32_t column);
int64_t orm_result_rowcount(const orm_result *r);  /* -1: unknown */
int64_t orm_result_lastrowid(const orm_result *r); /* SQLite; 0 elsewhere */

/* Read what is left into memory, so that the connection can run other statements. 0 / -1. */
int orm_result_buffer(orm_result *r);

/* Close and free; unread rows are dropped. Never raises, keeps a live exception. NULL: no-op. */
void orm_result_free(orm_result *r);

/* Run one statement for many sets of encoded parameters (the unit of work). */
typedef struct orm_many {
    const orm_compiled *compiled; /* its wire text is run; or NULL: `text` */
    const orm_sqltext *text;      /* a text without compiled form (INSERT ... unnest) */
    const orm_param *params;      /* nsets * nparams, alive until the call (and *rows) ends */
    uint32_t nsets, nparams;
    int64_t *counts;              /* out, per set: affected rows; or NULL */
    int64_t *lastrowids;          /* out, per set (SQLite); or NULL */
    const orm_type *const *types; /* of the RETURNING columns where compiled is NULL */
    uint32_t ntypes;
    PyObject *(*describe)(void *arg, int64_t set); /* new ref: parameters of a set (-1: all)
                                     for logs, listeners and exceptions; NULL: shown as () */
    void *arg;                    /* describe's */
    bool quiet;                   /* the core's own question to a catalogue: no listeners, no log */
    int64_t failed;               /* out: index of the set that failed, or -1 if not known */
} orm_many;

/* What unit/ must know of a connection besides its driver. */
typedef struct orm_conn_facts {
    bool observed;       /* statements are logged, or cursor listeners see them */
    bool lenient;        /* profile "sqlalchemy" */
    uint32_t max_params; /* most parameters of one statement */
    PyObject *schemas;   /* borrowed: schema_translate_map in force, or NULL */
    uint64_t asked;      /* statements that the program ran by the Connection itself */
} orm_conn_facts;
/* 0 / -1 (closed). */
int orm_connection_facts(PyObject *conn, orm_conn_facts *out);
/* How this connection encodes values that are stored; everything is copied into `arena`. */
void orm_connection_bindctx(PyObject *conn, orm_arena *arena, orm_bindctx *out);

/* 0 / -1 with the exception set. rows: NULL, or receives the RETURNING rows of all sets in
 * order of the sets. */
int orm_exec_many(PyObject *conn, orm_many *many, orm_result **rows);

/* COPY ... FROM STDIN with data in the format that `text` names; *rows = rows copied. */
int orm_exec_copy(PyObject *conn, const orm_sqltext *text, const orm_buf *data, int64_t *rows);

/* ---- Rows and Results for the user ---------------------------------------------------- */

/* A shape: the names and columns that the rows of one result share.
 * keys: tuple of str. exprs: tuple of the objects by which a column may be looked up besides
 * its name, position by position (an object, a tuple of objects, or None), or NULL.
 * prefix: what a missing name's error says; NULL for the usual text. */
ORM_OWNED PyObject *orm_shape_new(orm_state *st, PyObject *keys, PyObject *exprs);

/* A Row of `shape` with n empty cells: the caller stores owned references with
 * PyTuple_SET_ITEM, all of them, without running Python in between that could reach the
 * row, then calls orm_row_done, which tracks it if a cell needs the collector. */
ORM_OWNED PyObject *orm_row_new(PyObject *shape, Py_ssize_t n);
void orm_row_done(PyObject *row);

/* A source of rows behind a Python Result. `self` belongs to the Result from orm_result_object
 * on, and is given back by close exactly once. */
typedef struct orm_source {
    /* Append up to n items (-1: all) to the list `into`: Rows of the result's shape, or, if
     * column >= 0, the bare values of that column. 1: there may be more; 0: the end, everything
     * of the database is released; -1. */
    int (*fetch)(void *self, PyObject *into, Py_ssize_t n, Py_ssize_t column);
    /* Release everything; called once, from close(), at the end's error or dealloc. */
    void (*close)(void *self);
    /* Garbage collection of what self holds; may be NULL. */
    int (*traverse)(void *self, visitproc visit, void *arg);
    /* The number of affected rows, -1 unknown; may be NULL. */
    int64_t (*rowcount)(void *self);
} orm_source;

enum {
    ORM_RESULT_NEEDS_UNIQUE = 1, /* joined eager loading of collections: unique() or error */
    ORM_RESULT_SINGLE = 2,       /* one column (an entity): scalars() never builds Rows */
    ORM_RESULT_ORM = 4,          /* an ORM result: type ChunkedIteratorResult */
};

/* A Python Result over a source. by_identity: one bool per column, unique() compares the
 * column's values by identity (entities); NULL: by equality. yield_per: rows per fetch, 0 =
 * all at once. On failure `self` stays the caller's. */
ORM_OWNED PyObject *orm_result_object(orm_state *st, const orm_source *source, void *self,
                                      PyObject *shape, const uint8_t *by_identity,
                                      Py_ssize_t yield_per, int flags);

/* The Core Result (CursorResult) over a running result; takes r over (also on failure). */
ORM_OWNED PyObject *orm_cursor_result(orm_state *st, orm_result *r, PyObject *statement);

#endif /* ORM_EXEC_H */
