/*
 * arena.c - blocks behind the bump allocator; see arena.h for the policy.
 */
#include "base/arena.h"

#include <string.h>

#include "base/mem.h"

/* Bytes in front of a block's data, a multiple of the alignment. */
#define HEAD ((sizeof(orm_block) + ORM_ARENA_ALIGN - 1) & ~(size_t)(ORM_ARENA_ALIGN - 1))

static char *
block_data(orm_block *block)
{
    return (char *)block + HEAD;
}

static orm_block *
block_new(orm_arena *arena, size_t size)
{
    size_t total;
    if (orm_size_add(size, HEAD, &total) < 0) {
        return NULL;
    }
    orm_block *block = orm_malloc(total);
    if (block != NULL) {
        block->size = size;
        arena->held += size;
    }
    return block;
}

/* Free the blocks from `block` down to, but without, `stop`. */
static void
free_blocks(orm_arena *arena, orm_block *block, const orm_block *stop)
{
    while (block != stop) {
        orm_block *prev = block->prev;
        arena->held -= block->size;
        orm_free(block);
        block = prev;
    }
}

void
orm_arena_fini(orm_arena *arena)
{
    free_blocks(arena, arena->block, NULL);
    free_blocks(arena, arena->big, NULL);
    orm_arena_init(arena);
}

void
orm_arena_reset(orm_arena *arena)
{
    orm_block *keep = arena->block;
    free_blocks(arena, arena->big, NULL);
    arena->big = NULL;
    if (keep == NULL) {
        return;
    }
    free_blocks(arena, keep->prev, NULL);
    keep->prev = NULL;
    arena->at = block_data(keep);
    arena->end = arena->at + keep->size;
}

void *
orm_arena_grow(orm_arena *arena, size_t size)
{
    size_t rounded;
    if (orm_size_add(size, ORM_ARENA_ALIGN - 1, &rounded) < 0) {
        return NULL;
    }
    rounded &= ~(size_t)(ORM_ARENA_ALIGN - 1);
    if (rounded > ORM_ARENA_MOST / 4) {
        /* a block of its own: the free rest of the current one stays in use */
        orm_block *alone = block_new(arena, rounded);
        if (alone == NULL) {
            return NULL;
        }
        alone->prev = arena->big;
        arena->big = alone;
        return block_data(alone);
    }
    size_t want = arena->next_size > 0 ? arena->next_size : ORM_ARENA_FIRST;
    while (want < rounded) {
        want *= 2;
    }
    orm_block *block = block_new(arena, want);
    if (block == NULL) {
        return NULL;
    }
    arena->next_size = want < ORM_ARENA_MOST ? want * 2 : ORM_ARENA_MOST;
    block->prev = arena->block;
    arena->block = block;
    arena->at = block_data(block) + rounded;
    arena->end = block_data(block) + want;
    return block_data(block);
}

char *
orm_arena_dup(orm_arena *arena, const void *bytes, size_t len)
{
    size_t size;
    if (orm_size_add(len, 1, &size) < 0) {
        return NULL;
    }
    char *copy = orm_arena_alloc(arena, size);
    if (copy != NULL) {
        if (len > 0) {
            memcpy(copy, bytes, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

void
orm_arena_rewind(orm_arena *arena, orm_arena_mark mark)
{
    free_blocks(arena, arena->block, mark.block);
    free_blocks(arena, arena->big, mark.big);
    arena->big = mark.big;
    arena->block = mark.block;
    arena->at = mark.at;
    arena->end = mark.block == NULL ? NULL : block_data(mark.block) + mark.block->size;
}
