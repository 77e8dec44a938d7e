/*
 * orm/alias.c - `_core.AliasedEntity`: a mapped class that is read from another selectable.
 *
 * Place: `aliased(User)` makes a Python AliasedClass, a subclass of this; it stands in
 *   statements as an ENTITY node of its own, and its attributes are ATTR nodes of that entity.
 *   Nothing is rewritten: rendering looks the columns up in the alias's selectable.
 * Names: everything here begins with an underscore, because the names of an AliasedClass are
 *   the attributes of the mapped class.
 * Ownership: alias -> ENTITY node -> alias (its owner) is a ring that the collector breaks.
 */
#include "orm/load_int.h"

int
orm_coerce_entity(orm_state *st, PyObject *o, orm_node **out)
{
    orm_node *entity = NULL;

    if (PyType_Check(o)) {
        orm_mapper *m = orm_mapper_of(st, (PyTypeObject *)o);
        entity = m == NULL ? NULL : m->entity;
    }
    else if (PyObject_TypeCheck(o, st->AliasedEntity)) {
        entity = ((orm_alias *)o)->entity;
    }
    if (entity == NULL) {
        return 0;
    }
    *out = (orm_node *)Py_NewRef(entity);
    return 1;
}

/* What the slot's attribute stands for in the alias's selectable: 1 and borrowed; 0 nothing. */
static int
column_of(orm_alias *al, orm_attribute *of, orm_node **out)
{
    PyObject *columns = NULL;

    if (ORM_SLOT_IS_RELATION(of->kind)) {
        *out = NULL; /* it has no column */
        return 1;
    }
    *out = of->n.node == NULL ? NULL : of->n.node->args[1];
    if (*out == NULL) {
        return 0;
    }
    /* An expression is rendered with its tables replaced by the selectable. */
    if (al->columns == NULL || of->kind != ORM_SLOT_COLUMN) {
        return 1;
    }
    columns = PyDict_GetItemWithError(al->columns, of->n.key); /* borrow-ok: al->columns has it */
    if (columns == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    *out = orm_node_of(al->mapper->state, PyTuple_GET_ITEM(columns, 0));
    return *out == NULL ? -1 : 1;
}

int
orm_alias_attribute(orm_alias *al, uint32_t slot, orm_attribute **out)
{
    orm_mapper *m = al->mapper;
    orm_attribute *of = slot < m->nslots ? m->attrs[slot] : NULL;
    orm_node *column = NULL;
    int rc;

    *out = NULL;
    if (of == NULL || al->entity == NULL) {
        return 0;
    }
    if (slot >= al->nattrs) {
        orm_attribute **grown = PyMem_Realloc(al->attrs, m->nslots * sizeof(*grown));
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memset(grown + al->nattrs, 0, (m->nslots - al->nattrs) * sizeof(*grown));
        al->attrs = grown;
        al->nattrs = m->nslots;
    }
    if (al->attrs[slot] == NULL) {
        rc = column_of(al, of, &column);
        if (rc <= 0) {
            return rc;
        }
        al->attrs[slot] = orm_attribute_of_alias(of, al->entity, column);
        if (al->attrs[slot] == NULL) {
            return -1;
        }
    }
    *out = al->attrs[slot];
    return 1;
}

/* What makes one or another statement of two aliases of the same class over the same selectable:
   the ENTITYs of the subclasses that it loads, between selectable and owner. New reference. */
static orm_node *
make_entity(orm_alias *al, orm_node *from, PyObject *plans)
{
    Py_ssize_t n = PyTuple_GET_SIZE(plans);
    orm_node **parts = PyMem_Malloc(((size_t)n + 2) * sizeof(*parts));
    orm_node *entity = NULL;

    if (parts == NULL) {
        return (orm_node *)PyErr_NoMemory();
    }
    parts[0] = from;
    for (Py_ssize_t i = 0; i < n; i++) {
        parts[i + 1] = ((orm_mapper *)PyTuple_GET_ITEM(plans, i))->entity;
    }
    parts[n + 1] = (orm_node *)al;
    entity = orm_node_make(al->mapper->state, ORM_N_ENTITY, ORM_OP_NONE, NULL,
                           (PyObject *)al->mapper, ORM_ENTITY_ALIASED, n + 2, parts);
    PyMem_Free(parts);
    return entity;
}

/* _setup(plan, selectable, columns, plans): which class is read from where. columns: dict of
   attribute key -> tuple of columns of the selectable, or None where it is an alias of the mapper's
   own table. plans: of the subclasses that are loaded completely. */
static PyObject *
alias_setup(PyObject *self, PyObject *args)
{
    orm_alias *al = (orm_alias *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *plan, *selectable, *columns, *plans;
    orm_node *from = NULL;

    if (st == NULL || !PyArg_ParseTuple(args, "O!OOO!:_setup", st->MapperPlan, &plan, &selectable,
                                        &columns, &PyTuple_Type, &plans)) {
        return NULL;
    }
    from = orm_node_of(st, selectable);
    if (from == NULL) {
        return NULL;
    }
    if (al->entity != NULL || (columns != Py_None && !PyDict_Check(columns))) {
        PyErr_SetString(PyExc_TypeError, "_setup() is called once, with a dict or None");
        return NULL;
    }
    al->mapper = (orm_mapper *)Py_NewRef(plan);
    al->columns = columns == Py_None ? NULL : Py_NewRef(columns);
    al->entity = make_entity(al, from, plans);
    return al->entity == NULL ? NULL : Py_NewRef(Py_None);
}

/* _set_subclasses(aliases): those of the subclasses that are loaded completely. */
static PyObject *
alias_set_subclasses(PyObject *self, PyObject *aliases)
{
    orm_alias *al = (orm_alias *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));

    for (Py_ssize_t i = 0; st != NULL && PyTuple_Check(aliases) && i < PyTuple_GET_SIZE(aliases);
         i++) {
        if (!PyObject_TypeCheck(PyTuple_GET_ITEM(aliases, i), st->AliasedEntity)) {
            PyErr_SetString(PyExc_TypeError, "_set_subclasses() takes a tuple of aliases");
            return NULL;
        }
        ((orm_alias *)PyTuple_GET_ITEM(aliases, i))->part = true;
    }
    Py_XSETREF(al->subs, PyTuple_Check(aliases) ? Py_NewRef(aliases) : NULL);
    return st == NULL ? NULL : Py_NewRef(Py_None);
}

/* _attribute(key): the attribute of the alias, or None where the class has no such mapped one. */
static PyObject *
alias_attribute(PyObject *self, PyObject *key)
{
    orm_alias *al = (orm_alias *)self;
    int64_t slot = al->mapper == NULL ? -1 : orm_mapper_slot(al->mapper, key);
    orm_attribute *found = NULL;
    int rc;

    if (slot == -2) {
        return NULL;
    }
    rc = slot == -1 ? 0 : orm_alias_attribute(al, (uint32_t)slot, &found);
    if (rc < 0) {
        return NULL;
    }
    return Py_NewRef(rc == 0 ? Py_None : (PyObject *)found);
}

static int
alias_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_alias *al = (orm_alias *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(al->entity);
    Py_VISIT(al->mapper);
    Py_VISIT(al->columns);
    Py_VISIT(al->subs);
    for (uint32_t i = 0; i < al->nattrs; i++) {
        Py_VISIT(al->attrs[i]);
    }
    return 0;
}

static int
alias_clear(PyObject *self)
{
    orm_alias *al = (orm_alias *)self;
    orm_attribute **attrs = al->attrs;
    uint32_t n = al->nattrs;

    al->attrs = NULL;
    al->nattrs = 0;
    for (uint32_t i = 0; i < n; i++) {
        Py_XDECREF(attrs[i]);
    }
    PyMem_Free(attrs);
    Py_CLEAR(al->entity);
    Py_CLEAR(al->columns);
    Py_CLEAR(al->subs);
    Py_CLEAR(al->mapper);
    return 0;
}

static void
alias_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (((orm_alias *)self)->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    alias_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
alias_mark_eager(PyObject *self, PyObject *Py_UNUSED(unused))
{
    ((orm_alias *)self)->eager = true;
    Py_RETURN_NONE;
}

static PyObject *
alias_mark_part(PyObject *self, PyObject *Py_UNUSED(unused))
{
    ((orm_alias *)self)->part = true;
    Py_RETURN_NONE;
}

static PyMethodDef alias_methods[] = {
    {"_setup", alias_setup, METH_VARARGS,
     "_setup($self, plan, selectable, columns, plans, /)\n--\n\nSay which class is read from where."},
    {"_set_subclasses", alias_set_subclasses, METH_O,
     "_set_subclasses($self, aliases, /)\n--\n\nThe aliases of the subclasses that are loaded too."},
    {"_mark_eager", alias_mark_eager, METH_NOARGS,
     "_mark_eager($self, /)\n--\n\nSay that the loader made it: it stands for the class itself."},
    {"_mark_part", alias_mark_part, METH_NOARGS,
     "_mark_part($self, /)\n--\n\nSay that its rows are chosen already: nothing restricts the class there."},
    {"_attribute", alias_attribute, METH_O,
     "_attribute($self, key, /)\n--\n\nThe mapped attribute of a key, as one of the alias; or None."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef alias_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_alias, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot alias_slots[] = {
    {Py_tp_doc, "Base of AliasedClass: a mapped class read from another selectable."},
    {Py_tp_dealloc, alias_dealloc},
    {Py_tp_traverse, alias_traverse},
    {Py_tp_clear, alias_clear},
    {Py_tp_methods, alias_methods},
    {Py_tp_members, alias_members},
    {0, NULL},
};

PyType_Spec orm_alias_spec = {
    .name = "pyorm._core.AliasedEntity",
    .basicsize = sizeof(orm_alias),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = alias_slots,
};
