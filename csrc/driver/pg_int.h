/*
 * pg_int.h - what the files of the PostgreSQL driver share.
 *
 * Place: private to csrc/driver/pg_*.c. Flow of a statement: pg_exec.c asks pg_prepared.c
 *   under which name it runs, pg_pipeline.c puts what has to travel before it (ROLLBACK,
 *   BEGIN, SAVEPOINT, Close, Parse), then the statement, then Sync into one packet;
 *   pg_wait.c waits; pg_result.c keeps what came.
 * The line. Everything sent is an item in conn->items until its answer was read. A line
 *   without items is clean: only then may a new segment start. PQgetResult answers each
 *   item with one or more results and a NULL, a Sync with PGRES_PIPELINE_SYNC alone.
 * Truth. conn->status is PQtransactionStatus as it was at the last Sync: between Syncs
 *   libpq's own word is old (COMMIT of a failed transaction still says INTRANS).
 * Locking: conn->lock is held by every function that touches `pg`; functions named
 *   orm_pg_* (pg_calls.h) expect it held unless they say otherwise.
 * Ownership: a connection owns its statements; a cursor owns its results and can outlive
 *   the connection, which then clears cursor->conn.
 */
#ifndef ORM_DRIVER_PG_INT_H
#define ORM_DRIVER_PG_INT_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "driver/driver.h"

#define ORM_PG_NAMED_MOST 128u         /* named statements per connection */
#define ORM_PG_NAMED_BYTES (1u << 20)  /* bytes of SQL of all named statements */
#define ORM_PG_NAMED_TEXT (64u * 1024) /* a longer text is never named */
#define ORM_PG_SEEN_MOST 256u          /* texts remembered because they ran once */
#define ORM_PG_CHUNK 128               /* rows per chunk or batch of a streamed result */
#define ORM_PG_TUPLES_CHUNK 12         /* PGRES_TUPLES_CHUNK of libpq 17 */
#define ORM_PG_SOME_COLS 8             /* columns described without an allocation */
#define ORM_PG_PARAMS_MOST 65535u      /* the protocol counts parameters in 16 bits */
#define ORM_PG_FLUSH_BYTES (32u * 1024) /* batches hand this much at a time to the kernel */

/* Functions of libpq 17 and later, found at run time; NULL where this libpq is older. */
typedef struct pg_api {
    int (*set_chunked_rows)(PGconn *, int);       /* PQsetChunkedRowsMode */
    int (*send_close_prepared)(PGconn *, const char *); /* PQsendClosePrepared */
    void *(*cancel_create)(PGconn *);             /* PQcancelCreate; PGcancelConn is unknown
                                                     to the headers of libpq 15 */
    int (*cancel_start)(void *);                  /* PQcancelStart */
    PostgresPollingStatusType (*cancel_poll)(void *); /* PQcancelPoll */
    int (*cancel_socket)(const void *);           /* PQcancelSocket */
    void (*cancel_finish)(void *);                /* PQcancelFinish */
} pg_api;

/* One statement this connection has met: counted while it is unnamed, named later. */
typedef struct pg_stmt {
    orm_list lru;          /* in conn->named or conn->seen, latest use first */
    struct pg_stmt *chain; /* next in its bucket */
    uint64_t id;           /* orm_sqltext.id, or ORM_PG_OWN_ID + n for BEGIN and the like */
    uint64_t hash;         /* of id and oids */
    uint32_t bytes;        /* of its SQL */
    uint32_t uses;         /* executions so far */
    bool ready;            /* the server has it under `name` */
    char name[16];         /* "" while unnamed */
    uint32_t noids;        /* parameters */
    uint32_t oids[];       /* their types: another list is another statement */
} pg_stmt;

#define ORM_PG_OWN_ID ORM_TEXT_ID_DRIVER /* ids above are this driver's own */
#define ORM_PG_ID_ROLLBACK (ORM_PG_OWN_ID + 1)
#define ORM_PG_ID_COMMIT (ORM_PG_OWN_ID + 2)
#define ORM_PG_ID_BEGIN (ORM_PG_OWN_ID + 16) /* + index of the combination of options */

/* Errors that a second try can avoid. The server names the function that raised them, in
   no language; the messages are translated. */
typedef enum {
    ORM_PG_WHY_OTHER,
    ORM_PG_WHY_PLAN,   /* "cached plan must not change result type" */
    ORM_PG_WHY_BINARY, /* a result column's type has no binary form */
} pg_why;

/* What an item on the line is. */
typedef enum {
    ORM_PG_CONTROL, /* BEGIN, SAVEPOINT, ROLLBACK: a command whose only answer is ok */
    ORM_PG_PARSE,   /* Parse of a statement to be named */
    ORM_PG_CLOSE,   /* Close or DEALLOCATE */
    ORM_PG_MAIN,    /* the statement itself, `count` times */
    ORM_PG_SYNC,    /* end of a segment */
} pg_item_kind;

typedef struct pg_item {
    uint8_t kind;   /* pg_item_kind */
    uint32_t count; /* MAIN: executions not answered yet; else 1 */
    pg_stmt *stmt;  /* PARSE: becomes ready by a good answer; borrowed, never evicted while
                       it is on the line (it is the latest of its list) */
} pg_item;

typedef struct pg_conn {
    PGconn *pg;             /* owned */
    orm_lock lock;          /* of everything below but the atomics */
    uint32_t epoch;         /* orm_fork_epoch() of the process that opened it */
    orm_waiter waiter;      /* how to wait; wake_fd also read by cancel() */
    atomic_int cancelled;   /* cancel() was called since the current call began */
    _Atomic uint64_t waits; /* times the connection blocked for an answer */
    bool expecting;         /* something was sent since the last counted wait */
    bool unflushed;         /* libpq still holds bytes to send */
    bool simple;            /* left pipeline mode for COPY or a script */
    bool lost;              /* only close() is possible */
    bool tainted;           /* answers may be trusted, the backend not (53200, XX...):
                               release() closes it */
    bool patient;           /* COMMIT is on the line: a deadline or signal does not cancel
                               it, it only shortens the wait */
    orm_code late;          /* what happened while patient; ORM_OK nothing */
    bool draining;          /* clearing the line after a cancel: no signal checks */
    bool prepare;           /* statements may be named; false behind transaction poolers */
    bool want_tx;           /* begin() was called; commit() and rollback() end it */
    orm_tx_opts tx_opts;    /* of begin() */
    bool rollback_first;    /* the next segment starts with ROLLBACK: retry of a stale plan */
    uint8_t why;            /* pg_why of the last failed result */
    int status;             /* PGTransactionStatusType at the last Sync */
    orm_buf saves;          /* SAVEPOINT commands that travel next, NUL after each */
    size_t saves_sent;      /* bytes of saves that travelled last: a retry sends them again */
    orm_buf closes;         /* names to be closed by the next segment, NUL after each */
    pg_item *items;         /* ring without wrap: items[first..last) are on the line */
    uint32_t first, last;   /* see items */
    uint32_t items_cap;     /* allocated items */
    orm_list named;         /* pg_stmt with a name */
    orm_list seen;          /* pg_stmt that ran unnamed */
    uint32_t nnamed, nseen; /* lengths of both */
    size_t named_bytes;     /* SQL bytes of the named ones */
    pg_stmt **buckets;      /* ORM_PG_BUCKETS chains */
    uint32_t next_name;     /* number of the next name; never used twice */
    struct pg_cursor *stream; /* the cursor whose rows are on the line; NULL none */
    const char **values;    /* scratch of one execution: values_cap pointers, */
    int *lengths;           /*   lengths, */
    int *formats;           /*   formats */
    Oid *oids;              /*   and types */
    uint32_t values_cap;    /* see values */
    orm_mono seen_alive;    /* when orm_pg_alive last looked at the socket; 0 never */
    char fatal_state[6];    /* SQLSTATE of a FATAL that came without being asked; "" none */
    char *fatal_text;       /* its message, owned */
    char *tx_error;         /* what made the open transaction fail, owned; NULL nothing */
    pg_api api;             /* see pg_api */
} pg_conn;

#define ORM_PG_BUCKETS 256u /* a power of two; 384 statements at most */

typedef struct pg_cursor {
    pg_conn *conn;      /* borrowed; NULL once nothing more comes from the line */
    PGresult *head;     /* describes the columns; owned unless it is in res; NULL no rows */
    bool head_owned;    /* head is not in res */
    PGresult **res;     /* results [0..nres), owned; those before `next` were handed out */
    PGresult *inline_res; /* res of a buffered result: no allocation */
    uint32_t nres, cap; /* used and allocated entries of res */
    uint32_t next;      /* first result not handed out */
    uint32_t window;    /* first result of the batch that is out */
    bool one_each;      /* the batch that is out has one row per result */
    bool in_tx;         /* the statement ran inside a transaction block */
    uint8_t kind;       /* ORM_V_BLOB or ORM_V_TEXT: of all columns, as libpq asks for them */
    orm_coldesc *cols;  /* room for the head's columns; NULL while there is no head. Owned
                           unless it is some_cols */
    bool cols_made;     /* cols is filled: done when asked for, as few ask */
    orm_coldesc some_cols[ORM_PG_SOME_COLS]; /* cols of narrow results: no allocation */
    int64_t rowcount;   /* from the command tag; -1 unknown */
    int64_t streamed;   /* rows that came in pieces */
    orm_mono deadline;  /* of the statement */
    orm_err err;        /* failed while others read it to its end; given to the next fetch
                           after the rows that came */
} pg_cursor;

#endif /* ORM_DRIVER_PG_INT_H */
