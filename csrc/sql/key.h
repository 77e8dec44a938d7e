/*
 * key.h - one run of the key walk.
 *
 * Place: key.c writes it, cache.c uses it. Lives on the C stack of one look-up.
 */
#ifndef ORM_SQL_KEY_H
#define ORM_SQL_KEY_H

#include "sql_int.h"

#define ORM_KEY_INLINE 96 /* words, pins and stack cells before anything is allocated */

typedef struct orm_sqlkey {
    orm_state *st;
    const uint64_t *ref;     /* compare with these words; NULL: store */
    const uint64_t *at;      /* next word of ref; NULL when storing */
    const uint64_t *end;     /* behind ref's last word */
    uint32_t nwords, wcap;   /* words stored; room in `words` */
    uint64_t *words;         /* the key, when storing */
    PyObject **pins;         /* borrowed: objects whose address is in `words` */
    uint32_t npins, pcap;
    const orm_node **stack;  /* nodes still to be walked */
    uint32_t scap;
    const orm_node **seen;   /* binds, aliases, labels in order of first sight */
    uint32_t nseen, seencap;
    uint32_t *slots;         /* open addressing over seen (index + 1); NULL while few */
    uint32_t nslots;         /* power of two */
    orm_values *vals;        /* gathered on the way */
    uint64_t winl[ORM_KEY_INLINE];
    PyObject *pinl[ORM_KEY_INLINE];
    const orm_node *sinl[ORM_KEY_INLINE];
    const orm_node *seeninl[16];
} orm_sqlkey;

void orm_sqlkey_init(orm_sqlkey *k, orm_state *st, orm_values *vals);
int orm_sqlkey_text(orm_sqlkey *k, PyObject *text);
/* Compare with these words, instead of storing. */
static inline void
orm_sqlkey_hold(orm_sqlkey *k, const uint64_t *words, uint32_t n)
{
    k->ref = words;
    k->at = words;
    k->end = words + n;
}
void orm_sqlkey_fini(orm_sqlkey *k); /* not the values */
/* 0 walked (and equal to ref), 1 differs from ref, -1 no memory. */
int orm_sqlkey_walk(orm_sqlkey *k, const orm_node *root);

#endif
