/*
 * counters.h - what happened how often, so that a test can prove which path ran.
 *
 * One line per counter below, grouped by room; a room adds its lines to its own block. The
 * counters, and the fork epoch, are the only mutable variables of static storage in the
 * core: process-wide, relaxed atomics, never read to decide anything.
 */
#ifndef ORM_BASE_COUNTERS_H
#define ORM_BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* clang-format off */
#define ORM_COUNTERS(X)                                                                  \
    /* driver, SQLite */                                                                 \
    X(lite_open)           /* connections opened */                                      \
    X(lite_close)          /* connections closed */                                      \
    X(lite_prepare)        /* statements compiled by SQLite */                           \
    X(lite_cache_hit)      /* statements found in the statement cache */                 \
    X(lite_cache_evict)    /* statements finalised to make room */                       \
    X(lite_window_open)    /* read windows begun */                                      \
    X(lite_window_close)   /* read windows ended */                                      \
    X(lite_window_aged)    /* of these: for being older than 100 ms */                   \
    X(lite_begin_write)    /* BEGIN IMMEDIATE, or BEGIN before DML */                    \
    X(lite_slice)          /* slices stepped into an arena */                            \
    X(lite_direct)         /* rows handed out without a copy */                          \
    X(lite_buffer_rest)    /* unread results read to their end for a COMMIT or a write */\
    X(lite_busy_wait)      /* sleeps in the busy handler */                              \
    /* driver, PostgreSQL */                                                             \
    X(pg_open)            /* connections opened */                                       \
    X(pg_close)           /* connections closed */                                       \
    X(pg_begin_sent)      /* BEGINs sent */                                              \
    X(pg_commit_sent)     /* COMMITs sent */                                             \
    X(pg_settling)        /* releases that had to send ROLLBACK */                       \
    X(pg_parse_named)     /* statements given a name */                                  \
    X(pg_exec_named)      /* statements run by name */                                   \
    X(pg_exec_unnamed)    /* statements run unnamed */                                   \
    X(pg_stmt_evict)      /* names given up to make room */                              \
    X(pg_stmt_close)      /* Closes sent */                                              \
    X(pg_stmt_stale)      /* names given up because the plan was stale */                \
    X(pg_retry)           /* segments sent a second time */                              \
    X(pg_stream_chunked)  /* results streamed in chunks */                               \
    X(pg_stream_single)   /* results streamed row by row */                              \
    X(pg_stream_buffered) /* streams read to their end for another call */               \
    X(pg_batch)           /* batches of parameter sets */                                \
    X(pg_copy_in)         /* COPY FROM STDIN */                                          \
    X(pg_script)          /* texts of several statements */                              \
    X(pg_cancel)          /* cancel requests */                                          \
    X(pg_alive_spoke)     /* idle servers that had something to say */                   \
    X(pg_alive_recent)    /* connections not looked at: they were a moment ago */        \
    /* pool */                                                                           \
    X(pool_open)          /* connections the open callback was asked for */              \
    X(pool_close)         /* connections closed or forgotten */                          \
    X(pool_checkout)      /* entries handed out */                                       \
    X(pool_settle)        /* entries settled at checkout */                              \
    X(pool_ping)          /* entries pinged at checkout */                               \
    X(pool_recycle)       /* entries closed for age, retirement or dispose */            \
    X(pool_wait)          /* threads that had to wait */                                 \
    X(pool_handover)      /* entries given to a waiter */                                \
    X(pool_passed_on)     /* of these: passed on by a waiter that gave up */             \
    X(pool_timeout)       /* waits that timed out */                                     \
    X(pool_later)         /* entries returned by finalizers */                           \
    X(pool_worker)        /* starts of the worker thread */                              \
    X(pool_window)        /* idle read windows the worker saw */                         \
    X(pool_fork)          /* forks seen by the child */                                  \
    /* py, types */                                                                      \
    /* sql */                                                                            \
    /* exec */                                                                           \
    X(exec_statements)     /* compiled statements run */                                 \
    X(exec_batches)        /* batches of the unit of work run */                         \
    /* orm */                                                                            \
    X(orm_construct_fast)  /* instances made by vectorcall */                            \
    X(load_int_key)        /* rows whose key was read without an object */               \
    X(load_by_text)       /* classes of rows known by their discriminator's bytes */      \
    X(load_shared_int)     /* whole numbers that are the object of the row before */      \
    X(load_entered)        /* instances entered without asking the map again */          \
    X(load_prepared)       /* statements by key run without a tree */                    \
    X(load_many)           /* SELECTs for the related instances of many parents */       \
    X(load_many_range)     /* of them, by first and last key */                           \
    X(load_many_by_object) /* rows of those whose key was an object first */             \
    X(lazy_get)            /* many-to-one loads of one row by key */                     \
    X(lazy_one)            /* relationship loads for one parent */                       \
    X(lazy_batch)          /* relationship loads for the peers of an instance */         \
    X(lazy_prefetched)     /* relationships that a batch had loaded before */            \
    /* unit */                                                                           \
    X(unit_flush)          /* flushes */                                                 \
    X(unit_rows)           /* rows written by one execution each */                      \
    X(unit_unnest)         /* rows written from arrays, PostgreSQL */                    \
    X(unit_values)         /* rows written 100 per execution, SQLite */                  \
    X(unit_copy)           /* rows copied in, PostgreSQL */                              \
    X(unit_expression)     /* rows written through sql/ */                               \
    X(unit_next_row)       /* rows of related instances found behind the last one */     \
    /* session */                                                                        \
    X(session_get_hit)     /* get() answered from the identity map by the fast path */   \
    /* end */
/* clang-format on */

typedef enum orm_counter {
#define ORM_COUNTER_ENUM(name) ORM_C_##name,
    ORM_COUNTERS(ORM_COUNTER_ENUM)
#undef ORM_COUNTER_ENUM
    ORM_NCOUNTERS
} orm_counter;

extern _Atomic uint64_t orm_counter_cells[ORM_NCOUNTERS];

/* ORM_COUNT(lite_open): one more. */
#define ORM_COUNT(name) ORM_COUNT_BY(name, 1)
#define ORM_COUNT_BY(name, n) \
    ((void)atomic_fetch_add_explicit(&orm_counter_cells[ORM_C_##name], (n), memory_order_relaxed))

/* i < ORM_NCOUNTERS. */
uint64_t orm_counter_value(int i);
const char *orm_counter_name(int i);

/* How many forks lie between the first process and this one: a connection remembers the
 * value of its birth and is foreign wherever it differs. Reading it costs no system call.
 * orm_fork_watch registers the handler; call it before the value is first kept. */
void orm_fork_watch(void);
uint32_t orm_fork_epoch(void);

#endif /* ORM_BASE_COUNTERS_H */
