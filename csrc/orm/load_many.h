/*
 * orm/load_many.h - one SELECT for many parents: what load_many.c, load_targets.c and load_keys.c
 *   share.
 *
 * Place: load_many.c says whose related instances are meant and hands them out, load_keys.c asks
 *   for the rows of their keys.
 */
#ifndef ORM_ORM_LOAD_MANY_H
#define ORM_ORM_LOAD_MANY_H

#include "orm/lazy.h"

/* A parent by its key. */
typedef struct many_parent {
    int64_t key;      /* of a key of one whole number */
    uint32_t number;
    bool filled;      /* a reference: it has its one row */
    struct many_parent *next; /* another one with the same key; or NULL */
    PyObject *into;   /* owned: list or collection that takes the members; NULL: a reference */
} many_parent;

/* One SELECT over some of the parents. */
typedef struct many_run {
    orm_session *s;
    orm_state *st;
    PyObject *conn;          /* borrowed */
    orm_relation *rel;
    orm_relloads *loads;     /* borrowed from rel */
    orm_head *const *parents; /* [n] */
    uint32_t n, offset;      /* offset: of parents[0] in `found` */
    uint32_t most;           /* keys of one SELECT */
    PyObject *found;         /* borrowed list, or NULL: into the slots */
    const orm_loader *above; /* borrowed, or NULL */
    PyObject *path;          /* borrowed: listeners are asked, with `above`; or NULL */
    PyObject *keys;          /* owned list: what stands in IN */
    PyObject *index;         /* owned dict: key -> number of a parent; or key -> related instance */
    PyObject *targets;       /* owned list: keeps what came alive until it is handed out */
    orm_node *used;          /* borrowed from loads: the statement that was run */
    PyObject *marks;         /* owned tuple: see orm_loader; of `used`, where it can be repeated; or NULL */
    many_parent *all;        /* owned, [n], of parents by their keys */
    bool is_int;             /* all keys are whole numbers */
    int64_t first;           /* of them */
    uint64_t width;          /* the last one - first */
    uint32_t *numbers;       /* owned, [width + 1]: number of a parent + 1, where keys are close */
    orm_ptrmap ints;         /* whole number -> many_parent, where they are not */
    orm_arena arena;         /* of pairs */
    orm_ptrmap pairs;        /* used where rows can repeat */
    bool repeats;
} many_run;

/* n whole numbers, each there once, from the first to first + width: they are asked for as a
 * range. */
bool orm_keys_are_range(const many_run *m, uint64_t width, uint64_t n);
/* Compile by the engine's cache, with the keys in the place of the marks, and run: where m->is_int,
 * those from m->first to first + width if they are a range, else m->keys. 0 / -1. */
int orm_keys_run(many_run *m, orm_compiled **c, orm_result **r);
/* The same through the listeners: new reference, the Result; NULL: exception. */
PyObject *orm_keys_ask(many_run *m);
/* A loader for the rows of that statement. 0 / -1; fini in any case. */
int orm_keys_open(orm_loader *l, const many_run *m, orm_compiled *c, orm_result *r);
/* Its instances as a list, as orm_load_list gives them. */
PyObject *orm_keys_list(const many_run *m, orm_compiled *c, orm_result *r);
/* The key in a row of a range is none of those that a list would have: the row is not meant. */
bool orm_keys_lack(const many_run *m, const orm_loader *l, const orm_cell *cell);
/* The entity whose instances the rows are: it stands among key columns. */
const orm_entplan *orm_rows_entity(const orm_load_plan *plan);
/* The key as a user would write it: a value, or a tuple of values. New reference. */
static inline PyObject *
orm_key_object(const orm_key *k)
{
    return k->kind == ORM_KEY_INT ? PyLong_FromLongLong(k->i) : Py_NewRef(k->obj);
}
/* A many-to-one over the target's primary key (load_targets.c). 0 / -1. */
int orm_load_targets(many_run *m);

#endif
