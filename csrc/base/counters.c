/*
 * counters.c - the cells behind ORM_COUNT, their names, and the fork epoch.
 *
 * All the mutable static storage of the core is here (and, for tests of failed
 * allocations, in mem.c). The fork epoch is written only by the handler in a child, when
 * that child has one thread.
 */
#include "base/counters.h"

#include <pthread.h>

_Atomic uint64_t orm_counter_cells[ORM_NCOUNTERS];

static _Atomic uint32_t fork_epoch;                        /* forks behind this process */
static pthread_once_t fork_once = PTHREAD_ONCE_INIT; /* the handler is registered once */

uint64_t
orm_counter_value(int i)
{
    return atomic_load_explicit(&orm_counter_cells[i], memory_order_relaxed);
}

const char *
orm_counter_name(int i)
{
    static const char *const names[] = {
#define ORM_COUNTER_NAME(name) #name,
        ORM_COUNTERS(ORM_COUNTER_NAME)
#undef ORM_COUNTER_NAME
    };
    return names[i];
}

static void
note_fork(void)
{
    atomic_fetch_add_explicit(&fork_epoch, 1, memory_order_relaxed);
}

static void
register_handler(void)
{
    pthread_atfork(NULL, NULL, note_fork);
}

void
orm_fork_watch(void)
{
    pthread_once(&fork_once, register_handler);
}

uint32_t
orm_fork_epoch(void)
{
    return atomic_load_explicit(&fork_epoch, memory_order_relaxed);
}
