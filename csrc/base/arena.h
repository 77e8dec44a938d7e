/*
 * arena.h - memory for anything that lives exactly as long as one statement or result.
 *
 * A bump allocator over a chain of blocks. Nothing is freed alone; mark and rewind, reset
 * or fini free everything behind a point at once. A pointer stays valid until then: blocks
 * never move. Not thread-safe; the owner of the statement owns the arena.
 * Block policy: the first block is ORM_ARENA_FIRST bytes, each further one twice the last
 * up to ORM_ARENA_MOST; a request larger than a quarter of ORM_ARENA_MOST gets a block of
 * its own, so that one big value does not waste the rest of the current block.
 */
#ifndef ORM_BASE_ARENA_H
#define ORM_BASE_ARENA_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define ORM_ARENA_ALIGN 8u
#define ORM_ARENA_FIRST 1024u
#define ORM_ARENA_MOST (64u * 1024u)

typedef struct orm_block {
    struct orm_block *prev; /* the block filled before this one; NULL for the first */
    size_t size;            /* bytes that follow this header */
} orm_block;

typedef struct orm_arena {
    orm_block *block; /* the block being filled; NULL before the first allocation */
    orm_block *big;   /* newest of the blocks made for one request each; NULL none */
    char *at;         /* next free byte in it, 8-byte aligned */
    char *end;        /* one past its last byte */
    size_t next_size; /* bytes of the block to be made next; 0 means ORM_ARENA_FIRST */
    size_t held;      /* bytes of all blocks, headers left out: what a slice limit looks at */
} orm_arena;

typedef struct orm_arena_mark {
    orm_block *block; /* arena->block at the time of the mark */
    orm_block *big;   /* arena->big at the time of the mark */
    char *at;         /* arena->at at the time of the mark */
} orm_arena_mark;

static inline void
orm_arena_init(orm_arena *arena)
{
    *arena = (orm_arena){0};
}

/* Free all blocks; the arena is as after init. */
void orm_arena_fini(orm_arena *arena);
/* Forget all allocations but keep the last common block (the biggest) for reuse. */
void orm_arena_reset(orm_arena *arena);
/* The slow path of orm_arena_alloc: take a new block. */
void *orm_arena_grow(orm_arena *arena, size_t size);

/* `size` bytes, aligned to 8, uninitialised; NULL when memory is out. */
static inline void *
orm_arena_alloc(orm_arena *arena, size_t size)
{
    char *found = arena->at;
    if (__builtin_expect(found == NULL || size > (size_t)(arena->end - found), 0)) {
        return orm_arena_grow(arena, size);
    }
    /* Blocks are multiples of 8 long, so rounding up never passes the end. */
    arena->at = found + ((size + (ORM_ARENA_ALIGN - 1)) & ~(size_t)(ORM_ARENA_ALIGN - 1));
    assert(arena->at <= arena->end);
    return found;
}

/* n * size bytes; NULL when memory is out or the product overflows. */
static inline void *
orm_arena_array(orm_arena *arena, size_t n, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(n, size, &total) ? NULL : orm_arena_alloc(arena, total);
}

/* A copy of `len` bytes and a NUL behind it; NULL when memory is out. */
char *orm_arena_dup(orm_arena *arena, const void *bytes, size_t len);

static inline orm_arena_mark
orm_arena_mark_get(const orm_arena *arena)
{
    return (orm_arena_mark){arena->block, arena->big, arena->at};
}

/* Free everything allocated since the mark. */
void orm_arena_rewind(orm_arena *arena, orm_arena_mark mark);

#endif /* ORM_BASE_ARENA_H */
