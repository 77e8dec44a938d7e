/*
 * mem.h - malloc with checked arithmetic, and with failures on demand for tests.
 *
 * Every allocation of the Python-free folders goes through here. Built with ORM_FAULTS the
 * k-th call from now on can be made to fail, so that a test walks through every branch that
 * answers a failed allocation.
 */
#ifndef ORM_BASE_MEM_H
#define ORM_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* NULL on failure; a size of 0 gives a pointer that must be freed like any other. */
void *orm_malloc(size_t size);
/* n * size bytes of zeros; NULL on failure or when the product overflows. */
void *orm_calloc(size_t n, size_t size);
/* n * size bytes; NULL on failure or when the product overflows. */
void *orm_mallocarray(size_t n, size_t size);
/* As realloc: on failure NULL, and the old block is untouched and still owned by the caller. */
void *orm_realloc(void *old, size_t size);
void *orm_reallocarray(void *old, size_t n, size_t size);
/* NULL is fine. */
void orm_free(void *block);
/* A NUL-terminated copy of `len` bytes; NULL on failure. */
char *orm_strndup(const char *text, size_t len);
char *orm_strdup(const char *text);

/* a + b and a * b into *out; -1 when the result does not fit. */
static inline int
orm_size_add(size_t a, size_t b, size_t *out)
{
    return __builtin_add_overflow(a, b, out) ? -1 : 0;
}

static inline int
orm_size_mul(size_t a, size_t b, size_t *out)
{
    return __builtin_mul_overflow(a, b, out) ? -1 : 0;
}

#ifdef ORM_FAULTS
/* Let the k-th allocation from now on fail (1 = the next one), once; 0 = none fails. */
void orm_fault_set(int64_t k);
/* Allocations since the last orm_fault_set: how far the walk of a test has to go. */
int64_t orm_fault_seen(void);
#endif

#endif /* ORM_BASE_MEM_H */
