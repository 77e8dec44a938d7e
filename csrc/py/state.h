/*
 * py/state.h - the module state: every object the core keeps, listed once.
 *
 * Place: one `orm_state` lives in each module object (`_core`, `_coretest`). Traverse and
 *   clear are generated from the lists of py/state_lists.h, so that none of the fields can
 *   be forgotten.
 * Room data: what a room keeps besides objects (hash tables, C arrays) it allocates itself
 *   and hands over in st->rooms[ORM_ROOM_x] with the functions that traverse and free it.
 * Locking: the fields are written by setup, or once and lazily with the GIL held (see the
 *   field); afterwards they are read only.
 */
#ifndef ORM_PY_STATE_H
#define ORM_PY_STATE_H

#include "py/own.h"
#include "py/state_lists.h"

#include <stdint.h>

enum {
    ORM_ROOM_TYPES,
    ORM_ROOM_SQL,
    ORM_ROOM_EXEC,
    ORM_ROOM_ORM,
    ORM_ROOM_UNIT,
    ORM_ROOM_SESSION,
    ORM_ROOM_COUNT
};

/* What a room keeps in the state besides single objects. All NULL: nothing. */
typedef struct orm_room {
    void *data;                                              /* its struct, owned by it */
    int (*traverse)(void *data, visitproc visit, void *arg); /* NULL: no objects in it */
    void (*clear)(void *data);                               /* drop objects; NULL likewise */
    void (*free)(void *data);                                /* after clear, frees data */
} orm_room;

typedef struct orm_state {
    PyObject *module; /* borrowed: the module that owns this state */
#define ORM_FIELD(field) PyTypeObject *field; /* a heap type of the core */
    ORM_STATE_TYPES(ORM_FIELD)
#undef ORM_FIELD
#define ORM_FIELD(field, text) PyObject *s_##field; /* an interned name */
    ORM_STATE_STRINGS(ORM_FIELD)
#undef ORM_FIELD
#define ORM_FIELD(field) PyObject *field; /* see the list: NULL until made */
    ORM_STATE_OBJECTS(ORM_FIELD)
#undef ORM_FIELD
    orm_room rooms[ORM_ROOM_COUNT]; /* see orm_room */
} orm_state;

/* The definition of this extension's module (module.c): what PyType_GetModuleByDef needs. */
PyModuleDef *orm_module_def(void);

/* The state of the module object; never NULL for a module of this definition. */
orm_state *orm_state_from_module(PyObject *module);

/* The state behind a type of the core or any Python subclass of one. NULL: exception.
 * 1-9 ns, more for deep subclasses: hot objects keep the pointer instead. */
ORM_RAISES orm_state *orm_state_from_type(PyTypeObject *type);

/* Make the heap type of `spec`, add it to the module under the last part of its name and
 * store it in *slot (a field of the state). base NULL: object. 0/-1. */
ORM_RAISES int orm_type_add(PyObject *module, orm_state *st, PyType_Spec *spec,
                            PyTypeObject *base, PyTypeObject **slot);

/* Set the `__module__` users see, e.g. "pyorm.sql", also on an immutable type. 0/-1. */
ORM_RAISES int orm_type_set_module(PyTypeObject *type, const char *module);

/* Fill *slot with attribute `name` of module `module` unless it is filled. Returns what is
 * in it, borrowed from the state, or NULL with an exception. */
ORM_BORROWED PyObject *orm_import_once(PyObject **slot, const char *module, const char *name);

/* Make the strings and empty tables of the state; called by module.c before any room. */
ORM_RAISES int orm_py_setup(PyObject *module, orm_state *st);

/* The slots of the module definition. */
int orm_state_traverse(PyObject *module, visitproc visit, void *arg);
int orm_state_clear(PyObject *module);
void orm_state_free(void *module);

#endif /* ORM_PY_STATE_H */
