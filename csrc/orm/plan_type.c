/*
 * orm/plan_type.c - `_core.MapperPlan`: life of the plan and what Python sees of it.
 *
 * The plan is born by MapperPlan(cls, spec) (plan.c fills it) and lives as long as its class:
 * class -> `_sa_plan` -> plan -> class is a ring that the collector breaks. Instances hold their
 * plan strongly; a plan that was cleared has no attributes left, and everything that dies after
 * it reads only its state pointer and its (then empty) tables. The plan holds the module until
 * its own end: when the interpreter exits, types lose their module before instances die.
 */
#include "orm/orm_int.h"
#include "orm/relation.h"

static PyObject *
plan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_state_from_type(type);
    orm_mapper *m = NULL;

    if (st == NULL) {
        return NULL;
    }
    if (kwargs != NULL || PyTuple_GET_SIZE(args) != 2 || !PyType_Check(PyTuple_GET_ITEM(args, 0))) {
        PyErr_SetString(PyExc_TypeError, "MapperPlan(cls, spec)");
        return NULL;
    }
    m = (orm_mapper *)type->tp_alloc(type, 0);
    if (m == NULL) {
        return NULL;
    }
    m->state = st;
    m->module = Py_NewRef(st->module);
    m->cls = (PyTypeObject *)Py_NewRef(PyTuple_GET_ITEM(args, 0));
    m->version = -1;
    m->discriminator = -1;
    if (orm_plan_fill(m, PyTuple_GET_ITEM(args, 1)) < 0) {
        Py_DECREF(m);
        return NULL;
    }
    return (PyObject *)m;
}

static int
plan_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_mapper *m = (orm_mapper *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(m->module);
    Py_VISIT(m->cls);
    Py_VISIT(m->base);
    for (uint32_t i = 0; i < m->nslots; i++) {
        Py_VISIT(m->attrs[i]);
    }
    Py_VISIT(m->index);
    Py_VISIT(m->entity);
    Py_VISIT(m->table_entity);
    for (uint32_t i = 0; m->pk_nodes != NULL && i < m->npk; i++) {
        Py_VISIT(m->pk_nodes[i]);
    }
    Py_VISIT(m->poly);
    Py_VISIT(m->poly_columns);
    Py_VISIT(m->own_rows);
    Py_VISIT(m->selectable);
    Py_VISIT(m->identity);
    Py_VISIT(m->py);
    Py_VISIT(m->manager);
    Py_VISIT(m->events);
    Py_VISIT(m->unit);
    Py_VISIT(m->loads);
    for (uint32_t i = 0; i < m->norphans; i++) {
        Py_VISIT(m->orphans[i]);
    }
    return 0;
}

/* Leave the module's table, the parent's list and the class's constructor. Runs no Python. */
static void
plan_leave(orm_mapper *m)
{
    orm_plan_unregister(m);
    if (m->base != NULL) {
        for (uint32_t i = 0; i < m->base->nchildren; i++) {
            if (m->base->children[i] == m) {
                m->base->children[i] = m->base->children[--m->base->nchildren];
                break;
            }
        }
    }
    for (uint32_t i = 0; i < m->nslots; i++) {
        if (m->attrs[i] != NULL) {
            orm_attribute_unbind(m->attrs[i]);
        }
    }
    orm_write_drop(m);
    m->writes_off = true;
}

static int
plan_clear(PyObject *self)
{
    orm_mapper *m = (orm_mapper *)self;
    orm_attribute **attrs = m->attrs;
    uint32_t nslots = m->nslots;

    plan_leave(m);
    m->attrs = NULL;
    m->nslots = 0;
    for (uint32_t i = 0; i < nslots; i++) {
        Py_XDECREF(attrs[i]);
    }
    PyMem_Free(attrs);
    Py_CLEAR(m->index);
    Py_CLEAR(m->entity);
    Py_CLEAR(m->table_entity);
    for (uint32_t i = 0; m->pk_nodes != NULL && i < m->npk; i++) {
        Py_CLEAR(m->pk_nodes[i]);
    }
    Py_CLEAR(m->poly);
    Py_CLEAR(m->poly_columns);
    Py_CLEAR(m->own_rows);
    Py_CLEAR(m->selectable);
    Py_CLEAR(m->identity);
    Py_CLEAR(m->py);
    Py_CLEAR(m->manager);
    Py_CLEAR(m->events);
    Py_CLEAR(m->unit);
    Py_CLEAR(m->loads);
    orm_plan_drop_orphans(m);
    Py_CLEAR(m->cls);
    Py_CLEAR(m->base);
    return 0;
}

static void
plan_dealloc(PyObject *self)
{
    orm_mapper *m = (orm_mapper *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (m->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    plan_clear(self);
    PyMem_Free(m->children);
    PyMem_Free(m->pk);
    PyMem_Free(m->pk_nodes);
    PyMem_Free(m->relations);
    Py_CLEAR(m->module);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
plan_repr(PyObject *self)
{
    orm_mapper *m = (orm_mapper *)self;

    return PyUnicode_FromFormat("<MapperPlan of %s, %u slots>",
                                m->cls == NULL ? "nothing" : m->cls->tp_name,
                                (unsigned int)m->nslots);
}

static PyObject *
plan_add_attribute(PyObject *self, PyObject *spec)
{
    return orm_plan_add((orm_mapper *)self, spec);
}

/* set_relation(key, relation) */
static PyObject *
plan_set_relation(PyObject *self, PyObject *args)
{
    PyObject *key, *relation;

    if (!PyArg_ParseTuple(args, "UO:set_relation", &key, &relation)
        || orm_plan_set_relation((orm_mapper *)self, key, relation) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* set_polymorphic(selectable, plans, columns, key, own_rows) */
static PyObject *
plan_set_polymorphic(PyObject *self, PyObject *args)
{
    PyObject *selectable, *plans, *columns, *key, *own;

    if (!PyArg_ParseTuple(args, "OO!OOO:set_polymorphic", &selectable, &PyTuple_Type, &plans,
                          &columns, &key, &own)
        || orm_plan_set_poly((orm_mapper *)self, selectable, plans, columns, key, own) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* One attribute of this class, by key. */
static PyObject *
plan_attribute(PyObject *self, PyObject *key)
{
    orm_mapper *m = (orm_mapper *)self;
    int64_t slot = m->index == NULL ? -1 : orm_mapper_slot(m, key);

    if (slot == -1) {
        PyErr_SetObject(PyExc_KeyError, key);
    }
    return slot < 0 ? NULL : Py_NewRef(m->attrs[slot]);
}

/* The mapping is configured: listeners added from now on run after the validators. */
static PyObject *
plan_configured(PyObject *self, PyObject *Py_UNUSED(unused))
{
    orm_mapper *m = (orm_mapper *)self;

    for (uint32_t i = 0; i < m->nslots; i++) {
        orm_attribute *a = m->attrs[i];
        if (a != NULL && (a->validator != NULL || ORM_SLOT_IS_RELATION(a->kind))) {
            orm_attribute_fix_hooks(a);
        }
    }
    m->ready = true;
    Py_RETURN_NONE;
}

/* Take the mapping away: descriptors leave the class, instances keep what is in their slots. */
static PyObject *
plan_dispose(PyObject *self, PyObject *Py_UNUSED(unused))
{
    orm_mapper *m = (orm_mapper *)self;

    if (m->disposed) {
        Py_RETURN_NONE;
    }
    for (uint32_t i = 0; i < m->nslots; i++) {
        orm_attribute *a = m->attrs[i];
        PyObject *there = NULL;
        int rc = a == NULL ? 0 : PyDict_GetItemRef(m->cls->tp_dict, a->n.key, &there);
        if (rc > 0 && there == (PyObject *)a) {
            rc = PyType_Type.tp_setattro((PyObject *)m->cls, a->n.key, NULL);
        }
        Py_XDECREF(there);
        if (rc < 0) {
            return NULL;
        }
    }
    m->disposed = true;
    plan_leave(m);
    m->cls->tp_vectorcall = NULL;
    if (PyType_Type.tp_setattro((PyObject *)m->cls, m->state->s_sa_plan, NULL) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
or_none(void *obj)
{
    return Py_NewRef(obj == NULL ? Py_None : (PyObject *)obj);
}

static PyObject *
plan_get_class(PyObject *self, void *Py_UNUSED(closure))
{
    return or_none(((orm_mapper *)self)->cls);
}

static PyObject *
plan_get_base(PyObject *self, void *Py_UNUSED(closure))
{
    return or_none(((orm_mapper *)self)->base);
}

static PyObject *
plan_get_mapper(PyObject *self, void *Py_UNUSED(closure))
{
    return or_none(((orm_mapper *)self)->py);
}

static PyObject *
plan_get_manager(PyObject *self, void *Py_UNUSED(closure))
{
    return or_none(((orm_mapper *)self)->manager);
}

static PyObject *
plan_get_slots(PyObject *self, void *Py_UNUSED(closure))
{
    orm_mapper *m = (orm_mapper *)self;

    return m->index == NULL ? PyDict_New() : PyDict_Copy(m->index);
}

static PyObject *
plan_get_nslots(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(((orm_mapper *)self)->nslots);
}

static PyObject *
plan_get_fast_writes(PyObject *self, void *Py_UNUSED(closure))
{
    orm_mapper *m = (orm_mapper *)self;

    return PyBool_FromLong(m->writes != NULL && !m->writes_off);
}

static PyObject *
plan_get_events(PyObject *self, void *Py_UNUSED(closure))
{
    return or_none(((orm_mapper *)self)->events);
}

static int
plan_set_events(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    orm_mapper *m = (orm_mapper *)self;
    bool none = value == NULL || value == Py_None;

    if (!none && !PyObject_TypeCheck(value, m->state->Dispatch)) {
        PyErr_SetString(PyExc_TypeError, "events must be a Dispatch or None");
        return -1;
    }
    Py_XSETREF(m->events, none ? NULL : (orm_dispatch *)Py_NewRef(value));
    return 0;
}

static PyMethodDef plan_methods[] = {
    {"add_attribute", plan_add_attribute, METH_O,
     "add_attribute($self, slot, /)\n--\n\nMap one more attribute; returns it."},
    {"set_relation", plan_set_relation, METH_VARARGS,
     "set_relation($self, key, relation, /)\n--\n\nWhat a relationship attribute stands for."},
    {"set_polymorphic", plan_set_polymorphic, METH_VARARGS,
     "set_polymorphic($self, selectable, plans, columns, key, own_rows, /)\n--\n\nWhat a SELECT of the "
     "class reads, the subclasses that it loads completely, and how rows are told apart."},
    {"attribute", plan_attribute, METH_O,
     "attribute($self, key, /)\n--\n\nThe InstrumentedAttribute of a key; KeyError."},
    {"configured", plan_configured, METH_NOARGS,
     "configured($self, /)\n--\n\nThe mapping is configured: order of listeners from now on."},
    {"dispose", plan_dispose, METH_NOARGS,
     "dispose($self, /)\n--\n\nRemove the mapping from the class."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef plan_getset[] = {
    {"class_", plan_get_class, NULL, "The mapped class.", NULL},
    {"base", plan_get_base, NULL, "Plan of the mapped parent class, or None.", NULL},
    {"mapper", plan_get_mapper, NULL, "The Python Mapper.", NULL},
    {"manager", plan_get_manager, NULL, "The Python ClassManager, or None.", NULL},
    {"slots", plan_get_slots, NULL, "A new dict: key -> slot number.", NULL},
    {"nslots", plan_get_nslots, NULL, "Length of an instance's slot block.", NULL},
    {"events", plan_get_events, plan_set_events, "Listeners of mapper events, or None.", NULL},
    {"has_write_table", plan_get_fast_writes, NULL, "Whether writes go by the table now.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef plan_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_mapper, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot plan_slots[] = {
    {Py_tp_doc, "MapperPlan(cls, spec)\n--\n\nThe frozen facts of one mapped class."},
    {Py_tp_new, plan_new},
    {Py_tp_dealloc, plan_dealloc},
    {Py_tp_traverse, plan_traverse},
    {Py_tp_clear, plan_clear},
    {Py_tp_repr, plan_repr},
    {Py_tp_methods, plan_methods},
    {Py_tp_getset, plan_getset},
    {Py_tp_members, plan_members},
    {0, NULL},
};

PyType_Spec orm_plan_spec = {
    .name = "pyorm._core.MapperPlan",
    .basicsize = sizeof(orm_mapper),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};
