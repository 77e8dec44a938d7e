/*
 * mem.c - malloc with checked arithmetic; see mem.h.
 *
 * With ORM_FAULTS every allocation passes through `refuse`, which counts down to the one
 * that shall fail. The counters are atomics, because drivers allocate without the GIL.
 */
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef ORM_FAULTS
#include <stdatomic.h>

static _Atomic int64_t fault_left; /* 1: the next allocation fails; 0 or less: none */
static _Atomic int64_t fault_seen; /* allocations since orm_fault_set */

void
orm_fault_set(int64_t k)
{
    atomic_store(&fault_seen, 0);
    atomic_store(&fault_left, k);
}

int64_t
orm_fault_seen(void)
{
    return atomic_load(&fault_seen);
}

static bool
refuse(void)
{
    atomic_fetch_add(&fault_seen, 1);
    return atomic_fetch_sub(&fault_left, 1) == 1;
}
#else
static inline bool
refuse(void)
{
    return false;
}
#endif

void *
orm_malloc(size_t size)
{
    return refuse() ? NULL : malloc(size > 0 ? size : 1);
}

void *
orm_calloc(size_t n, size_t size)
{
    if (refuse()) {
        return NULL;
    }
    /* calloc checks the product itself */
    return n > 0 && size > 0 ? calloc(n, size) : calloc(1, 1);
}

void *
orm_mallocarray(size_t n, size_t size)
{
    size_t total;
    return orm_size_mul(n, size, &total) < 0 ? NULL : orm_malloc(total);
}

void *
orm_realloc(void *old, size_t size)
{
    return refuse() ? NULL : realloc(old, size > 0 ? size : 1);
}

void *
orm_reallocarray(void *old, size_t n, size_t size)
{
    size_t total;
    return orm_size_mul(n, size, &total) < 0 ? NULL : orm_realloc(old, total);
}

void
orm_free(void *block)
{
    free(block);
}

char *
orm_strndup(const char *text, size_t len)
{
    size_t size;
    if (orm_size_add(len, 1, &size) < 0) {
        return NULL;
    }
    char *copy = orm_malloc(size);
    if (copy != NULL) {
        if (len > 0) {
            memcpy(copy, text, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

char *
orm_strdup(const char *text)
{
    return orm_strndup(text, strlen(text));
}
