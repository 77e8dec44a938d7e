/*
 * orm/peers.h - the peer record: which instances of one class came together in one result.
 *
 * Place: the loader opens a record per entity of a result and enters what it brings; when a
 *   relationship of one of them is read for the second time in the record, lazy.c asks for the
 *   next living ones that lack it and loads up to 500 of them with one SELECT.
 * What was loaded for the others lies with each of them (orm_rare.prefetched), stamped with the
 *   session's write epoch, and is used only while that is unchanged.
 * Options of the load that later loads of the instances need lie with the record; one that leaves
 *   it while it lives takes them along (orm_rare.options).
 * Order: that of the rows; a batch begins behind the instance that was read and wraps round.
 * Ownership: a record lives while one of its instances does, or its loader. Instances are
 *   borrowed and leave when they die or are detached. Runs no Python. Locking: the GIL.
 */
#ifndef ORM_ORM_PEERS_H
#define ORM_ORM_PEERS_H

#include "orm/orm.h"

typedef struct orm_group orm_group; /* the record */

enum { ORM_PEERS_MAX = 500 }; /* instances of one batch */

/* A new record, held open by its loader until orm_group_close; options: (options, {}) or NULL. NULL:
 * MemoryError. */
orm_group *orm_group_open(PyObject *options);
void orm_group_close(orm_group *g); /* NULL: no-op */
/* h came with this result; one that has peers already stays with them. 0 / -1 MemoryError. */
int orm_group_enter(orm_group *g, orm_head *h);
/* What h remembers of its load, (options, {}): borrowed, or NULL: nothing. */
PyObject *orm_remembered(const orm_head *h);
/* Note that this slot of h is loaded; false: it is the record's first one, or h is alone. */
bool orm_peers_touch(orm_head *h, uint32_t slot);
/* The next peer behind `at` (begin with h->peers), wrapping round; NULL: back at h. *next is the
 * position to go on from. */
orm_head *orm_peers_next(const orm_head *h, orm_peers **at);
/* Instances in h's record that live, h included; 0: it has none. */
size_t orm_peers_count(const orm_head *h);

#endif
