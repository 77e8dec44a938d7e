/*
 * unit/flush.c - orm_unit_flush: collect, presort, write in order, hand out identities; and the
 * setup.
 *
 * Failure anywhere takes back what pending instances were given; the statements that ran are
 *   undone by the session's rollback.
 */
#include "unit/dep.h"

/* The room's data in the module state. */
typedef struct unit_room {
    uint64_t next_text; /* first field: text.c counts texts with it */
    uint64_t next_work; /* number of the last flush */
} unit_room;

static void
work_fini(orm_work *w)
{
    PyObject *live = PyErr_GetRaisedException();

    orm_procs_fini(w);
    for (uint32_t i = 0; i < w->nundo; i++) {
        Py_CLEAR(w->undo[i].value);
        Py_CLEAR(w->undo[i].old);
        Py_CLEAR(w->undo[i].obj);
    }
    PyMem_Free(w->undo);
    for (uint32_t i = 0; i < w->nrows; i++) {
        Py_CLEAR(w->rows[i]->version);
        Py_CLEAR(w->rows[i]->saved);
        Py_CLEAR(w->rows[i]->obj);
    }
    PyMem_Free(w->rows);
    orm_ptrmap_fini(&w->by_head);
    for (uint32_t i = 0; i < w->nbases; i++) {
        orm_ptrmap_fini(&w->bases[i].deleting);
        Py_CLEAR(w->bases[i].schema);
    }
    PyMem_Free(w->bases);
    Py_CLEAR(w->plans);
    orm_arena_fini(&w->batch);
    orm_arena_fini(&w->arena);
    if (live != NULL) {
        PyErr_SetRaisedException(live);
    }
}

/* Tell the session of every row that is written, or gone. 0 / -1. */
static int
settle(orm_work *w)
{
    for (uint32_t i = 0; w->f->settled != NULL && i < w->nrows; i++) {
        orm_urow *r = w->rows[i];

        if (w->f->settled(w->f->arg, r->h, r->obj, r->op == ORM_OP_DELETE) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_unit_flush(orm_flush *f)
{
    unit_room *room = f->st->rooms[ORM_ROOM_UNIT].data;
    orm_work w = {.f = f, .st = f->st, .id = ++room->next_work};
    int rc;

    orm_arena_init(&w.arena);
    orm_arena_init(&w.batch);
    rc = orm_collect(&w);
    rc = rc < 0 ? -1 : orm_presort(&w);
    rc = rc < 0 ? -1 : orm_fill_lists(&w);
    rc = rc < 0 ? -1 : orm_run_in_order(&w);
    rc = rc < 0 ? -1 : orm_give_identities(&w);
    rc = rc < 0 ? -1 : settle(&w);
    if (rc < 0) {
        orm_take_back(&w);
    }
    work_fini(&w);
    ORM_COUNT(unit_flush);
    return rc;
}

static void
room_free(void *data)
{
    PyMem_Free(data);
}

int
orm_unit_setup(PyObject *module, orm_state *st)
{
    unit_room *room = PyMem_Calloc(1, sizeof(*room));

    if (room == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    st->rooms[ORM_ROOM_UNIT] = (orm_room){.data = room, .free = room_free};
    return orm_type_add(module, st, &orm_wplan_spec, NULL, &st->UnitPlan);
}
