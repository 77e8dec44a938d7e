/*
 * plan.h - what plan.c, plan_wire.c and compiler_type.c share: the frozen side.
 *
 * Place: private to sql/. Ownership: as said with each function. Locking: the GIL.
 */
#ifndef ORM_SQL_PLAN_H
#define ORM_SQL_PLAN_H

#include "compile.h"

extern PyType_Spec orm_compiled_spec;
extern PyType_Spec orm_compiler_spec;

/* What a slot says about an occurrence; new references in it. 0 / -1. */
int orm_slot_fill(orm_cctx *cc, const orm_occ *occ, orm_slot *slot);
/* Drops the references of n slots and frees the array (NULL: no-op). */
void orm_slots_free(orm_slot *slots, uint32_t n);
/* Keep what is needed to make the text for lists of any length. 0 / -1. */
int orm_wire_prepare(orm_cctx *cc, orm_compiled *c, const orm_buf *text, const orm_finished *f);

#endif
