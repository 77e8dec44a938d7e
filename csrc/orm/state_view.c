/*
 * orm/state_view.c - InstanceState: life of the view, and the home of foreign instances' heads.
 *
 * Place: `inspect(obj)`, `obj._sa_instance_state`. For an entity it is a view with a borrowed
 *   pointer (no cycle), made at the first request and kept by the entity. For an instance of a
 *   foreign class it lies in the instance's `__dict__`, holds the head, and knows the instance
 *   by a weak reference. What users see of it: view_getset.c.
 * Invariants: an entity's view has `owner` until the entity dies; a foreign view belongs to the
 *   one instance its weak reference names: found in another one's dict (copy.copy), that one
 *   gets a new view. A view made by unpickling has neither until an instance takes it.
 */
#include "orm/orm_int.h"

PyObject *
orm_view_new(orm_state *st)
{
    PyTypeObject *type = st->InstanceState;
    orm_view *view = (orm_view *)type->tp_alloc(type, 0);

    if (view != NULL) {
        view->st = st;
    }
    return (PyObject *)view;
}

PyObject *
orm_state_of(orm_head *h)
{
    orm_state *st = h->mapper->state;
    PyObject *view = NULL;

    if (h->flags & ORM_H_FOREIGN) {
        return Py_NewRef(ORM_VIEW_OF(h));
    }
    if (h->rare != NULL && h->rare->state != NULL) {
        return Py_NewRef(h->rare->state);
    }
    if (orm_rare_ensure(h) == NULL) {
        return NULL;
    }
    view = orm_view_new(st);
    if (view == NULL) {
        return NULL;
    }
    if (h->rare == NULL && orm_rare_ensure(h) == NULL) {
        Py_DECREF(view);
        return NULL;
    }
    if (h->rare->state != NULL) {
        /* the allocation ran a finalizer that asked for it too */
        Py_DECREF(view);
        return Py_NewRef(h->rare->state);
    }
    ((orm_view *)view)->owner = ORM_ENTITY_OF(h);
    h->rare->state = view;
    orm_entity_track(ORM_ENTITY_OF(h));
    return Py_NewRef(view);
}

orm_head *
orm_view_head(orm_view *view)
{
    if (view->foreign) {
        return &view->own;
    }
    return view->owner == NULL ? NULL : &view->owner->head;
}

/* --- foreign instances ----------------------------------------------------------------- */

/* Make the view the home of obj's head. 0 / -1. */
static int
foreign_bind(orm_view *view, PyObject *obj, orm_mapper *m)
{
    PyObject *ref = PyWeakref_NewRef(obj, NULL);

    if (ref == NULL) {
        return -1;
    }
    view->own.mapper = (orm_mapper *)Py_NewRef(m);
    view->own.flags = ORM_H_FOREIGN | ORM_H_DICT;
    view->foreign = true;
    Py_XSETREF(view->ref, ref);
    if (orm_head_grow(&view->own, m->nslots) < 0) {
        return -1;
    }
    if (view->saved != NULL) {
        PyObject *saved = view->saved;
        view->saved = NULL;
        int rc = orm_view_apply_saved(view, &view->own, saved);
        Py_DECREF(saved);
        return rc;
    }
    return 0;
}

/* Whether the view lies in the dict of the instance it belongs to. */
static bool
is_view_of(orm_view *view, PyObject *obj)
{
    PyObject *target = NULL;
    bool same;

    if (view->ref == NULL || PyWeakref_GetRef(view->ref, &target) < 0) {
        PyErr_Clear();
        return false;
    }
    same = target == obj;
    Py_XDECREF(target);
    return same;
}

orm_head *
orm_foreign_head(orm_state *st, PyObject *obj, bool make)
{
    orm_mapper *m = orm_mapper_find(st, Py_TYPE(obj));
    PyObject *dict = NULL;
    PyObject *view = NULL;
    orm_head *h = NULL;

    if (m == NULL || !m->foreign) {
        return NULL;
    }
    dict = PyObject_GenericGetDict(obj, NULL);
    if (dict == NULL || PyDict_GetItemRef(dict, st->s_sa_instance_state, &view) < 0) {
        goto done;
    }
    if (view != NULL && Py_IS_TYPE(view, st->InstanceState)) {
        orm_view *found = (orm_view *)view;
        if (found->foreign && is_view_of(found, obj)) {
            h = &found->own;
            if (h->nslots < m->nslots && orm_head_grow(h, m->nslots) < 0) {
                h = NULL;
            }
            goto done;
        }
        if (!found->foreign && found->owner == NULL && found->saved != NULL && make) {
            h = foreign_bind(found, obj, m) < 0 ? NULL : &found->own;
            goto done;
        }
    }
    if (make) {
        Py_XSETREF(view, orm_view_new(st));
        if (view != NULL && foreign_bind((orm_view *)view, obj, m) == 0
            && PyDict_SetItem(dict, st->s_sa_instance_state, view) == 0) {
            h = &((orm_view *)view)->own;
        }
    }
done:
    Py_XDECREF(view); /* the dict holds it */
    Py_XDECREF(dict);
    return h;
}

/* --- life ------------------------------------------------------------------------------ */

static int
view_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_view *view = (orm_view *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(view->ref);
    Py_VISIT(view->info);
    Py_VISIT(view->parents);
    Py_VISIT(view->saved);
    return view->foreign ? orm_head_traverse(&view->own, visit, arg) : 0;
}

/* A foreign head leaves the session. Runs no Python. */
static void
view_leave(orm_view *view)
{
    orm_head *h = &view->own;

    h->flags |= ORM_H_DEAD;
    if (view->foreign && h->peers != NULL) {
        orm_peers_leave(h);
    }
    if (view->foreign && h->session != NULL) {
        orm_idmap_remove(&h->session->map, h);
        h->session = NULL;
    }
}

static int
view_clear(PyObject *self)
{
    orm_view *view = (orm_view *)self;

    view_leave(view);
    Py_CLEAR(view->info);
    Py_CLEAR(view->parents);
    Py_CLEAR(view->saved);
    Py_CLEAR(view->ref);
    if (view->foreign) {
        view->own.dirty = 0;
        orm_head_clear_values(&view->own);
        orm_rare_clear(&view->own);
    }
    return 0;
}

static void
view_dealloc(PyObject *self)
{
    orm_view *view = (orm_view *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    view_leave(view);
    if (view->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    view_clear(self);
    if (view->foreign) {
        orm_head_fini(&view->own);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef view_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_view, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot view_slots[] = {
    {Py_tp_doc, "What the ORM knows about one mapped instance."},
    {Py_tp_dealloc, view_dealloc},
    {Py_tp_traverse, view_traverse},
    {Py_tp_clear, view_clear},
    {Py_tp_methods, orm_view_methods},
    {Py_tp_getset, orm_view_getset},
    {Py_tp_members, view_members},
    {0, NULL},
};

PyType_Spec orm_view_spec = {
    .name = "pyorm._core.InstanceState",
    .basicsize = sizeof(orm_view),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = view_slots,
};
