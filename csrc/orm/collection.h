/*
 * orm/collection.h - collections of related instances, and the changes that travel with them.
 *
 * Place: the value of a relationship slot with uselist is a collection: InstrumentedList, -Set,
 *   -Dict (C subclasses of list, set, dict), or a user's class seen through a CollectionAdapter.
 *   The loader fills them without events; users, backrefs and merge change them with events.
 * Order of the events of each change is the reference's (tests/golden/mutations.json).
 * An initiator token names the attribute and operation that began a change; a handler that
 *   meets its own token again stops, which ends the recursion between the sides of a backref.
 * Unloaded collections: a backref does not load the other side; what it adds or removes is kept
 *   in the instance's pending queue (rare->pending) and applied when the collection is loaded.
 * Ownership: slot -> collection strong; collection -> owner instance by a borrowed head that the
 *   owner's dealloc, the adapter's invalidation or replacement of the collection sets to NULL.
 */
#ifndef ORM_ORM_COLLECTION_H
#define ORM_ORM_COLLECTION_H

#include "orm/orm.h"
#include "orm/relation.h"

/* A new empty collection of the attribute, linked to h but not stored; fires nothing. New
 * reference. */
PyObject *orm_collection_make(orm_head *h, orm_attribute *a);
/* The members of a write-only or dynamic collection that was changed: *out a new list; what the change
   does not say is loaded, which is an error where it cannot be. 1, 0 it was not changed, -1. */
int orm_queued_content(orm_head *h, orm_attribute *a, PyObject **out);
/* Store an empty collection that the loader fills (no history, pending queue kept), firing
 * init_collection if somebody listens. Borrowed from the slot. NULL: exception. */
PyObject *orm_collection_init(orm_head *h, orm_attribute *a);
/* Add a loaded member: no events, no history; DICT asks the keyfunc. fast path for lists. 0 / -1. */
int orm_collection_append_loaded(orm_attribute *a, PyObject *coll, PyObject *member);
/* The collection is loaded: apply the pending queue, take the committed copy it implies. 0 / -1. */
int orm_collection_loaded(orm_head *h, orm_attribute *a);
/* New list of the members, in order (dict: values). */
PyObject *orm_collection_members(orm_attribute *a, PyObject *coll);
/* Number of members; -1 exception. */
Py_ssize_t orm_collection_count(orm_attribute *a, PyObject *coll);

/* The collection holds these members (a list) from now on, whatever container it is. 0 / -1. */
int orm_collection_set_members(orm_head *h, orm_attribute *a, PyObject *members);
/* As if the members of an iterable had been loaded: no events. 0 / -1. */
int orm_collection_set_loaded(orm_head *h, orm_attribute *a, PyObject *members);

/* Changes with events, as the user's own: used by backrefs, merge, orphan handling. `passive`
 * says whether an unloaded collection may be loaded (else it is queued). 0 / -1. */
int orm_relation_append(orm_head *h, uint32_t slot, PyObject *member, PyObject *initiator,
                        int passive);
int orm_relation_remove(orm_head *h, uint32_t slot, PyObject *member, PyObject *initiator,
                        int passive);

/* What the unit of work sees of one relationship slot: lists of instances, identity compared.
 * Scalars and collections alike; pending queue of an unloaded one included. Each is an owned
 * list or NULL (empty). */
typedef struct orm_relhist {
    PyObject *added, *unchanged, *deleted;
    bool known; /* false: nothing is loaded and nothing queued */
} orm_relhist;
int orm_relation_history(orm_head *h, uint32_t slot, int passive, orm_relhist *out); /* 0 / -1 */
void orm_relhist_fini(orm_relhist *hist);

/* Related instances for a cascade, loading as `passive` says: new list. What was removed and
 * not flushed is in it if `with_deleted`; the queue of an unloaded collection is not. */
PyObject *orm_relation_related(orm_head *h, uint32_t slot, int passive, bool with_deleted);

/* Who has this instance as a member: tracked for relationships with delete-orphan. */
/* 1: h has a parent by the relationship; 0: it has none; `unknown` if nobody ever said. */
int orm_has_parent(orm_head *h, const orm_relation *rel, int unknown);
int orm_set_parent(orm_head *h, const orm_relation *rel, orm_head *parent, bool has); /* 0 / -1 */
/* 1: h lacks a parent that a delete-orphan cascade asks for (mapper's rule), 0 not, -1. */
int orm_is_orphan(orm_head *h);
/* It became an orphan by a removal while it was in no session: a flush of it as pending expunges it
 * instead of writing it. */
bool orm_was_orphaned(const orm_head *h);
void orm_forget_orphaned(orm_head *h); /* the user adds it by himself */

/* A collection leaves its owner (replaced, expired): its head pointer goes. Runs no Python. */
void orm_collection_unlink(orm_state *st, PyObject *coll);
int orm_collections_setup(PyObject *module, orm_state *st);

#endif
