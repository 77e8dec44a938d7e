/*
 * orm/entity.c - Entity: the base type of mapped classes, its birth, growth and death.
 *
 * Place: Python classes derive from Entity; mapping a class (plan.c) sets its tp_alloc,
 *   tp_vectorcall and `__dict__` getset. Values: storage.c. `__dict__`: spill.c.
 * Layout: fixed header, no tp_new, tp_itemsize 0: `__slots__`, ABCs, dataclasses, Generic,
 *   copy and pickle work because object's own machinery sees nothing unusual.
 * Collector: an entity starts untracked and is tracked when something that can form a cycle
 *   arrives. Whether it is tracked is asked of the collector, never remembered:
 *   subtype_dealloc tracks an object again whose __del__ brought it back.
 * Death: the identity map is left and the InstanceState's pointer cleared before anything that
 *   can run Python; still the map must refuse refcount 0, because subtype_dealloc's trashcan
 *   parks entities before our dealloc runs.
 */
#include "orm/collection_int.h"

#include <string.h>

void
orm_entity_track(orm_entity *e)
{
    if (!PyObject_GC_IsTracked((PyObject *)e)) {
        PyObject_GC_Track(e);
    }
}

/* --- birth ----------------------------------------------------------------------------- */

PyObject *
orm_entity_make(orm_state *st, PyTypeObject *type, orm_mapper *m)
{
    /* On 3.11 this very call can run a collection: nothing is held across it. */
    orm_entity *e = PyObject_GC_New(orm_entity, type);

    if (e == NULL) {
        return NULL;
    }
    e->dict = NULL;
    e->weakrefs = NULL;
    e->head = (orm_head){0};
    if ((size_t)type->tp_basicsize > sizeof(*e)) { /* `__slots__` of the class */
        memset(e + 1, 0, (size_t)type->tp_basicsize - sizeof(*e));
    }
    if (m == NULL) {
        m = orm_mapper_find(st, type);
    }
    if (m == NULL) {
        PyObject_GC_Track(e);
        return (PyObject *)e;
    }
    e->head.mapper = (orm_mapper *)Py_NewRef(m);
    if (m->nslots > 0) {
        PyObject **slots = PyObject_Malloc(m->nslots * sizeof(*slots));
        if (slots == NULL) {
            Py_DECREF(e);
            return PyErr_NoMemory();
        }
        for (uint32_t i = 0; i < m->nslots; i++) { /* few: a call of memset costs more */
            slots[i] = NULL;
        }
        e->head.slots = slots;
        e->head.nslots = m->nslots;
    }
    return (PyObject *)e;
}

PyObject *
orm_entity_alloc(PyTypeObject *type, Py_ssize_t Py_UNUSED(n))
{
    orm_state *st = orm_state_from_type(type);

    return st == NULL ? NULL : orm_entity_make(st, type, NULL);
}

int
orm_entity_is_plain(PyTypeObject *cls)
{
    return cls->tp_new == PyBaseObject_Type.tp_new && !(cls->tp_flags & Py_TPFLAGS_IS_ABSTRACT);
}

/* Values that were plain attributes before their name was mapped move into their slots. */
static int
adopt_mapped_names(orm_entity *e, uint32_t from)
{
    for (uint32_t i = from; e->dict != NULL && i < e->head.mapper->nslots; i++) {
        orm_attribute *a = e->head.mapper->attrs[i];
        PyObject *v = NULL;
        int found = a == NULL ? 0 : PyDict_GetItemRef(e->dict, a->n.key, &v);
        if (found < 0) {
            return -1;
        }
        if (found == 0) {
            continue;
        }
        if (PyDict_DelItem(e->dict, a->n.key) < 0) {
            Py_DECREF(v);
            return -1;
        }
        if (orm_val_load_steal(&e->head, i, v) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_entity_ensure(orm_entity *e)
{
    orm_head *h = &e->head;

    if (h->mapper == NULL) {
        orm_state *st = orm_state_from_type(Py_TYPE(e));
        orm_mapper *m = st == NULL ? NULL : orm_mapper_find(st, Py_TYPE(e));
        if (m == NULL) {
            return st == NULL ? -1 : 0;
        }
        h->mapper = (orm_mapper *)Py_NewRef(m);
    }
    if (h->nslots < h->mapper->nslots) {
        uint32_t from = h->nslots;
        if (orm_head_grow(h, h->mapper->nslots) < 0) {
            return -1;
        }
        if (e->dict != NULL && !(h->flags & ORM_H_DICT) && adopt_mapped_names(e, from) < 0) {
            return -1;
        }
    }
    if (e->dict != NULL && !(h->flags & ORM_H_DICT)) {
        if (PyDict_GET_SIZE(e->dict) == 0 && Py_REFCNT(e->dict) == 1) {
            /* made by object.__new__ of 3.11 and 3.12; costs memory and method calls */
            Py_CLEAR(e->dict);
        }
        else {
            /* object.__setattr__ of 3.13 puts things there unseen */
            orm_entity_track(e);
        }
    }
    return 1;
}

PyObject *
orm_instance_new(orm_mapper *m, orm_head **out)
{
    PyTypeObject *cls = m->cls;
    PyObject *obj = NULL;
    orm_head *h = NULL;

    if (!m->foreign && orm_entity_is_plain(cls)) {
        obj = orm_entity_make(m->state, cls, m);
        if (obj != NULL) {
            *out = &((orm_entity *)obj)->head;
        }
        return obj;
    }
    PyObject *args = PyTuple_New(0);
    obj = args == NULL ? NULL : cls->tp_new(cls, args, NULL);
    Py_XDECREF(args);
    if (obj == NULL) {
        return NULL;
    }
    h = orm_head_of(m->state, obj);
    if (h == NULL) {
        Py_DECREF(obj);
        return NULL;
    }
    *out = h;
    return obj;
}

/* A user's __setstate__ may have put an unpickled InstanceState into the dict: take it over.
   0 / -1. */
static int
adopt_state(orm_entity *e)
{
    orm_state *st = e->head.mapper->state;
    PyObject *view = NULL;
    int rc = e->dict == NULL ? 0 : PyDict_GetItemRef(e->dict, st->s_sa_instance_state, &view);

    if (rc > 0 && Py_IS_TYPE(view, st->InstanceState)
        && (e->head.rare == NULL || e->head.rare->state != view)) {
        rc = orm_view_apply((orm_view *)view, &e->head);
    }
    Py_XDECREF(view);
    return rc < 0 ? -1 : 0;
}

orm_head *
orm_head_find(orm_state *st, PyObject *obj)
{
    if (ORM_IS_ENTITY(st, obj)) {
        orm_entity *e = (orm_entity *)obj;
        int rc = orm_entity_ensure(e);
        if (rc <= 0 || (e->head.flags & ORM_H_DICT && adopt_state(e) < 0)) {
            return NULL;
        }
        return &e->head;
    }
    return orm_foreign_head(st, obj, true);
}

orm_head *
orm_head_of(orm_state *st, PyObject *obj)
{
    orm_head *h = orm_head_find(st, obj);

    if (h == NULL && !PyErr_Occurred()) {
        PyObject *module = orm_import_once(&st->orm_exc_module, "pyorm.orm.exc", NULL);
        PyObject *cls =
            module == NULL ? NULL : PyObject_GetAttrString(module, "UnmappedInstanceError");
        PyObject *error = cls == NULL ? NULL : PyObject_CallOneArg(cls, obj);
        if (error != NULL) {
            PyErr_SetObject(cls, error);
        }
        Py_XDECREF(error);
        Py_XDECREF(cls);
    }
    return h;
}

PyObject *
orm_head_object(orm_head *h)
{
    if (h->flags & ORM_H_FOREIGN) {
        PyObject *obj = NULL;
        if (ORM_VIEW_OF(h)->ref == NULL || PyWeakref_GetRef(ORM_VIEW_OF(h)->ref, &obj) < 0) {
            PyErr_Clear();
        }
        return obj;
    }
    PyObject *e = (PyObject *)ORM_ENTITY_OF(h);
    /* Dying, or parked in the trashcan: nobody may have it any more. */
    return Py_REFCNT(e) > 0 && !(h->flags & ORM_H_DEAD) ? Py_NewRef(e) : NULL;
}

PyObject *
orm_head_describe(orm_head *h)
{
    PyObject *obj = orm_head_object(h);
    PyObject *name = PyType_GetName(h->mapper->cls);
    PyObject *text = name == NULL ? NULL : PyUnicode_FromFormat("<%U at %p>", name, (void *)obj);

    Py_XDECREF(name);
    Py_XDECREF(obj);
    return text;
}

/* --- collector and death --------------------------------------------------------------- */

static int
entity_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_entity *e = (orm_entity *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(e->dict);
    return orm_head_traverse(&e->head, visit, arg);
}

/* Leave everything that could find the entity. Runs no Python. */
static void
entity_leave(orm_entity *e)
{
    orm_head *h = &e->head;

    h->flags |= ORM_H_DEAD;
    orm_colls_drop(h);
    if (h->peers != NULL) {
        orm_peers_leave(h);
    }
    if (h->session != NULL) {
        if (h->flags & ORM_H_IN_MAP) {
            orm_idmap_remove(&h->session->map, h);
        }
        h->session = NULL;
    }
}

/* What the InstanceState remembers of an instance that dies. Runs no Python. */
static void
note_identity(orm_head *h, PyObject *view)
{
    bool known = true;

    ((orm_view *)view)->last_hash =
        h->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ) ? orm_head_hash(h, &known) : 0;
}

static int
entity_clear(PyObject *self)
{
    orm_entity *e = (orm_entity *)self;
    orm_head *h = &e->head;

    /* Alive until the last reference goes: only the map is left, the mapper stays. */
    if (h->session != NULL && h->flags & ORM_H_IN_MAP) {
        orm_idmap_remove(&h->session->map, h);
    }
    orm_colls_drop(h);
    orm_head_clear_values(h);
    Py_CLEAR(e->dict);
    orm_rare *r = h->rare;
    if (r != NULL) {
        if (r->state != NULL) {
            note_identity(h, r->state);
            ((orm_view *)r->state)->owner = NULL;
        }
        h->dirty = 0;
        orm_rare_clear(h);
    }
    return 0;
}

static void
entity_dealloc(PyObject *self)
{
    orm_entity *e = (orm_entity *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    entity_leave(e);
    if (e->head.rare != NULL && e->head.rare->state != NULL) {
        note_identity(&e->head, e->head.rare->state);
        ((orm_view *)e->head.rare->state)->owner = NULL;
    }
    if (e->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    orm_head_fini(&e->head);
    Py_CLEAR(e->dict);
    type->tp_free(self);
    Py_DECREF(type);
}

/* --- the class: __dict__ doors, __init_subclass__ -------------------------------------- */

int
orm_entity_doors(PyTypeObject *cls)
{
    static PyGetSetDef def = {
        "__dict__", orm_entity_get_dict, orm_entity_set_dict,
        "The instance's attributes: loaded values, others, and its InstanceState.", NULL};
    PyObject *descr = NULL;
    int rc = 0;

    /* Its own for each class: a plain mixin in front of the base brings a __dict__ descriptor
       that would be found first, and inspect.getattr_static asks for __objclass__. */
    descr = PyDescr_NewGetSet(cls, &def);
    if (descr == NULL) {
        return -1;
    }
    rc = PyDict_SetItemString(cls->tp_dict, "__dict__", descr);
    PyType_Modified(cls);
    Py_DECREF(descr);
    return rc;
}

static PyObject *
entity_init_subclass(PyObject *cls, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_state_from_type((PyTypeObject *)cls);
    PyObject *super = NULL;
    PyObject *method = NULL;
    PyObject *result = NULL;

    if (st == NULL || orm_entity_doors((PyTypeObject *)cls) < 0) {
        return NULL;
    }
    super = PyObject_CallFunctionObjArgs((PyObject *)&PySuper_Type, st->Entity, cls, NULL);
    method = super == NULL ? NULL : PyObject_GetAttrString(super, "__init_subclass__");
    if (method != NULL) {
        result = PyObject_Call(method, args, kwargs);
    }
    Py_XDECREF(method);
    Py_XDECREF(super);
    return result;
}

/* --- __class__ ------------------------------------------------------------------------- */

static PyObject *
entity_get_class(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(Py_TYPE(self));
}

static int
entity_set_class(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    orm_entity *e = (orm_entity *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    orm_mapper *to = NULL;
    PyObject *descr = NULL;

    if (st == NULL || orm_entity_ensure(e) < 0) {
        return -1;
    }
    if (value == NULL || !PyType_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "__class__ must be set to a class");
        return -1;
    }
    to = orm_mapper_find(st, (PyTypeObject *)value);
    if ((to == NULL) != (e->head.mapper == NULL)
        || (to != NULL && to->root != e->head.mapper->root)) {
        PyErr_Format(PyExc_TypeError,
                     "__class__ assignment: '%s' and '%s' are not mapped in one hierarchy",
                     Py_TYPE(self)->tp_name, ((PyTypeObject *)value)->tp_name);
        return -1;
    }
    if (to != NULL && orm_head_grow(&e->head, to->nslots) < 0) {
        return -1;
    }
    /* tp_dict of static types is not readable on 3.12 and later. */
    descr = _PyType_Lookup(&PyBaseObject_Type, st->s_dunder_class); /* borrow-ok: static type */
    if (descr == NULL || Py_TYPE(descr)->tp_descr_set(descr, self, value) < 0) {
        return -1;
    }
    if (to != NULL) {
        Py_SETREF(e->head.mapper, (orm_mapper *)Py_NewRef(to));
    }
    return 0;
}

/* --- _sa_instance_state, __sizeof__ ---------------------------------------------------- */

static PyObject *
entity_get_state(PyObject *self, void *Py_UNUSED(closure))
{
    orm_entity *e = (orm_entity *)self;
    int rc = orm_entity_ensure(e);

    if (rc > 0) {
        if (e->head.flags & ORM_H_DICT && adopt_state(e) < 0) {
            return NULL;
        }
        return orm_state_of(&e->head);
    }
    if (rc == 0) {
        PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute '_sa_instance_state'",
                     Py_TYPE(self)->tp_name);
    }
    return NULL;
}

static int
entity_set_state(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    orm_entity *e = (orm_entity *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    int rc = st == NULL ? -1 : orm_entity_ensure(e);

    if (rc < 0) {
        return -1;
    }
    if (rc == 0 || value == NULL || !Py_IS_TYPE(value, st->InstanceState)) {
        PyErr_SetString(PyExc_TypeError, "_sa_instance_state must be an InstanceState");
        return -1;
    }
    return orm_view_apply((orm_view *)value, &e->head);
}

static PyObject *
entity_sizeof(PyObject *self, PyObject *Py_UNUSED(unused))
{
    orm_entity *e = (orm_entity *)self;
    size_t size = (size_t)Py_TYPE(self)->tp_basicsize + e->head.nslots * sizeof(PyObject *);

    if (e->head.rare != NULL) {
        size += sizeof(orm_rare) + e->head.rare->ncommitted * sizeof(PyObject *)
                + e->head.rare->nmore * sizeof(uint64_t);
    }
    return PyLong_FromSize_t(size);
}

static PyMethodDef entity_methods[] = {
    {"__init_subclass__", ORM_METHOD(entity_init_subclass),
     METH_VARARGS | METH_KEYWORDS | METH_CLASS, NULL},
    {"__getstate__", orm_entity_getstate, METH_NOARGS, "Loaded values, others, InstanceState."},
    {"__setstate__", orm_entity_setstate, METH_O, "Take over what __getstate__ returned."},
    {"__sizeof__", entity_sizeof, METH_NOARGS, "Bytes of the instance and its slot block."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef entity_getset[] = {
    {"__dict__", orm_entity_get_dict, orm_entity_set_dict, NULL, NULL},
    {"__class__", entity_get_class, entity_set_class, NULL, NULL},
    {"_sa_instance_state", entity_get_state, entity_set_state, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef entity_members[] = {
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(orm_entity, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_entity, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot entity_slots[] = {
    {Py_tp_doc, "Entity(**kwargs)\n--\n\nBase of the classes that the ORM maps."},
    {Py_tp_dealloc, entity_dealloc},
    {Py_tp_traverse, entity_traverse},
    {Py_tp_clear, entity_clear},
    {Py_tp_setattro, orm_entity_setattro},
    {Py_tp_init, orm_entity_init},
    {Py_tp_methods, entity_methods},
    {Py_tp_getset, entity_getset},
    {Py_tp_members, entity_members},
    {0, NULL},
};

PyType_Spec orm_entity_spec = {
    .name = "pyorm._core.Entity",
    .basicsize = sizeof(orm_entity),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = entity_slots,
};
