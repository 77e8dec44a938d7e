/*
 * session/headset.h - an ordered set of instances that keeps them alive.
 *
 * Place: the pending, changed and deleted instances of a session. Membership is a flag in the
 *   head, so adding does not look; the order is that of adding.
 */
#ifndef ORM_SESSION_HEADSET_H
#define ORM_SESSION_HEADSET_H

#include "orm/orm.h"
#include "py/py.h"

typedef struct orm_headcell {
    orm_head *head; /* borrowed from obj; NULL: taken out */
    PyObject *obj;  /* owned */
} orm_headcell;
typedef struct orm_headset {
    orm_headcell *cells; /* in the order of adding; PyMem */
    size_t used, cap;    /* cells in use (also the empty ones), cells allocated */
    size_t live;         /* members */
    orm_ptrmap index;    /* head -> cell number + 1; filled at the first removal only */
    bool indexed;        /* `index` is complete */
} orm_headset;
/* Add a head that is no member (its flags tell the caller). 0 / -1. */
int orm_headset_add(orm_headset *set, orm_head *h, PyObject *obj);
/* Take a head out; its reference is handed to the caller. NULL: it was not there. */
PyObject *orm_headset_take(orm_headset *set, const orm_head *h);
bool orm_headset_has(orm_headset *set, const orm_head *h);
/* Move everything into *to (empty, uninitialised); set is empty afterwards. */
void orm_headset_move(orm_headset *set, orm_headset *to);
/* Append all of `from` to `set`; from is empty afterwards. 0 / -1 (nothing changed). */
int orm_headset_splice(orm_headset *set, orm_headset *from);
void orm_headset_fini(orm_headset *set); /* drops the references */
int orm_headset_traverse(orm_headset *set, visitproc visit, void *arg);
/* New list of the instances. */
PyObject *orm_headset_list(const orm_headset *set);
#define ORM_HEADSET_EACH(set, cell)                                                  \
    for (orm_headcell *cell = (set)->cells, *cell##_end = cell + (set)->used;        \
         cell < cell##_end; cell++)                                                  \
        if (cell->head != NULL)

#endif
