/*
 * orm/option.c - `_core.LoaderOption`: which columns of an entity a statement loads.
 *
 * Place: Python's load_only(), defer(), undefer() ... check their arguments and make one of
 *   these; Select.options() puts it into an OPTION node; load_plan.c applies it.
 * Key: the entities stand as children of the OPTION node, so that an alias counts by its place
 *   in the statement; the items follow as words. Nothing of it runs Python.
 * Invariants: filled once by `_fill`, immutable afterwards.
 */
#include "orm/load_int.h"

/* The index of an entity among the option's, added if it is new. -1 exception. */
static int64_t
entity_index(orm_option *o, orm_node *entity)
{
    orm_node **grown = NULL;

    for (uint32_t i = 0; i < o->nentities; i++) {
        if (o->entities[i] == entity) {
            return i;
        }
    }
    grown = PyMem_Realloc(o->entities, (o->nentities + 1) * sizeof(*grown));
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    o->entities = grown;
    o->entities[o->nentities] = (orm_node *)Py_NewRef(entity);
    return o->nentities++;
}

/* (entity, attribute): what the entity has no column for; the attribute is its class's. 0 / -1. */
static int
fill_unread(orm_state *st, orm_option *o, PyObject *target, orm_optitem *item)
{
    PyObject *owner = NULL;
    PyObject *attr = NULL;
    orm_node *n = NULL;
    int64_t entity = -1;

    if (PyArg_ParseTuple(target, "OO!", &owner, st->InstrumentedAttribute, &attr)
        && orm_coerce_entity(st, owner, &n) > 0) {
        entity = entity_index(o, n);
        item->entity = (uint32_t)entity;
        item->slot = ((orm_attribute *)attr)->slot;
    }
    Py_XDECREF(n);
    if (entity < 0 && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "a loader option is about a mapped class or alias");
    }
    return entity < 0 ? -1 : 0;
}

/* ("slot", attribute, strategy): one attribute. 0 / -1. */
static int
fill_slot(orm_state *st, orm_option *o, PyObject *target, orm_optitem *item)
{
    orm_node *n = NULL;
    int64_t entity;

    if (PyTuple_CheckExact(target)) {
        return fill_unread(st, o, target, item);
    }
    if (!PyObject_TypeCheck(target, st->InstrumentedAttribute)
        || (n = ((orm_attribute *)target)->n.node) == NULL) {
        PyErr_SetString(PyExc_TypeError, "a loader option is about a mapped column attribute");
        return -1;
    }
    entity = entity_index(o, n->args[0]);
    item->entity = (uint32_t)entity;
    item->slot = ((orm_attribute *)target)->slot;
    return entity < 0 ? -1 : 0;
}

/* Everything of an entity; None: of every entity. 0 / -1. */
static int
fill_entity(orm_state *st, orm_option *o, PyObject *target, orm_optitem *item)
{
    orm_node *n = NULL;
    int64_t entity;
    int rc;

    item->entity = ORM_OPT_ANY;
    if (target == Py_None) {
        return 0;
    }
    rc = orm_coerce_entity(st, target, &n);
    if (rc <= 0) {
        if (rc == 0) {
            PyErr_SetString(PyExc_TypeError, "a loader option is about a mapped class or alias");
        }
        return -1;
    }
    entity = entity_index(o, n);
    Py_DECREF(n);
    item->entity = (uint32_t)entity;
    return entity < 0 ? -1 : 0;
}

/* One (what, target, strategy, group) tuple. 0 / -1. */
static int
fill_item(orm_state *st, orm_option *o, PyObject *spec, orm_optitem *item)
{
    int what, strategy;
    PyObject *target, *group;

    if (!PyTuple_Check(spec)
        || !PyArg_ParseTuple(spec, "iOiO", &what, &target, &strategy, &group)) {
        return -1;
    }
    if (what < ORM_OPT_SLOT || (what > ORM_OPT_EXPR && what != ORM_OPT_SUBCLASS) || strategy < ORM_OPT_LOAD
        || strategy > ORM_OPT_RAISE || (what == ORM_OPT_GROUP) != PyUnicode_CheckExact(group)) {
        PyErr_SetString(PyExc_ValueError, "not an item of a loader option");
        return -1;
    }
    item->what = (uint8_t)what;
    item->strategy = (uint8_t)strategy;
    if (what == ORM_OPT_GROUP) {
        item->group = Py_NewRef(group);
        PyUnicode_InternInPlace(&item->group);
    }
    if (what == ORM_OPT_EXPR) {
        item->expr = (orm_node *)Py_XNewRef(orm_node_of(st, group));
        if (item->expr == NULL) {
            return -1;
        }
    }
    return what == ORM_OPT_SLOT || what == ORM_OPT_EXPR ? fill_slot(st, o, target, item)
                                : fill_entity(st, o, target, item);
}

/* Entities and criteria of items about relationships. 0 / -1. */
static int
fill_nodes(orm_state *st, orm_option *o, PyObject *nodes)
{
    o->nodes = PyMem_Calloc((size_t)PyTuple_GET_SIZE(nodes) + 1, sizeof(*o->nodes));
    if (o->nodes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(nodes); i++) {
        orm_node *n = NULL;
        int rc = orm_coerce_entity(st, PyTuple_GET_ITEM(nodes, i), &n);

        if (rc == 0) {
            n = (orm_node *)Py_XNewRef(orm_node_of(st, PyTuple_GET_ITEM(nodes, i)));
        }
        if (n == NULL) {
            return -1;
        }
        o->nodes[o->nnodes++] = n;
    }
    return 0;
}

static PyObject *
option_fill(PyObject *self, PyObject *args)
{
    orm_option *o = (orm_option *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *items, *words, *nodes;

    if (st == NULL || !PyArg_ParseTuple(args, "O!O!O!:_fill", &PyTuple_Type, &items, &PyTuple_Type,
                                        &words, &PyTuple_Type, &nodes)) {
        return NULL;
    }
    if (o->items != NULL) {
        PyErr_SetString(PyExc_TypeError, "_fill() is called once");
        return NULL;
    }
    o->words = Py_NewRef(words);
    if (fill_nodes(st, o, nodes) < 0) {
        return NULL;
    }
    o->items = PyMem_Calloc((size_t)PyTuple_GET_SIZE(items) + 1, sizeof(*o->items));
    if (o->items == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); i++) {
        o->nitems++;
        if (fill_item(st, o, PyTuple_GET_ITEM(items, i), &o->items[i]) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* --- in statements ------------------------------------------------------------------------ */

/* The OPTION node: its children are the entities, the expressions, and what else counts in the
   key. New reference. */
static orm_node *
option_children(orm_state *st, orm_option *o)
{
    size_t n = o->nentities;
    orm_node **args = PyMem_Malloc((n + o->nitems + o->nnodes + 1) * sizeof(*args));
    orm_node *made = NULL;

    if (args == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (uint32_t i = 0; i < o->nentities; i++) {
        args[i] = o->entities[i];
    }
    for (uint32_t i = 0; i < o->nitems; i++) {
        if (o->items[i].expr != NULL) {
            args[n++] = o->items[i].expr;
        }
    }
    for (uint32_t i = 0; i < o->nnodes; i++) {
        args[n++] = o->nodes[i];
    }
    made = orm_node_make(st, ORM_N_OPTION, ORM_OP_NONE, NULL, (PyObject *)o, 0, (Py_ssize_t)n,
                         args);
    PyMem_Free(args);
    return made;
}

orm_node *
orm_option_node(orm_state *st, PyObject *o, bool *is_option)
{
    orm_option *option = (orm_option *)o;

    *is_option = PyObject_TypeCheck(o, st->LoaderOption);
    if (!*is_option) {
        return NULL;
    }
    return option_children(st, option);
}

orm_node *
orm_option_expression(const orm_node *options, const orm_node *entity, const orm_attribute *a)
{
    orm_node *found = NULL;

    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = (const orm_option *)options->args[i]->payload;

        if (!PyObject_TypeCheck((PyObject *)o, a->mapper->state->LoaderOption)) {
            continue;
        }
        for (uint32_t k = 0; k < o->nitems; k++) {
            const orm_optitem *item = &o->items[k];

            if (item->what == ORM_OPT_EXPR && item->slot == a->slot
                && o->entities[item->entity] == entity) {
                found = item->expr;
            }
        }
    }
    return found;
}

/* Ints as words, other objects by their address. 0 / -1. */
static int
key_of_words(void *k, PyObject *words)
{
    int rc = orm_key_word(k, words == NULL ? 0 : (uint64_t)PyTuple_GET_SIZE(words));

    for (Py_ssize_t i = 0; rc == 0 && words != NULL && i < PyTuple_GET_SIZE(words); i++) {
        PyObject *word = PyTuple_GET_ITEM(words, i);

        rc = PyLong_CheckExact(word) ? orm_key_word(k, (uint64_t)PyLong_AsLongLong(word))
                                     : orm_key_pin(k, word);
    }
    return rc;
}

int
orm_option_key(orm_state *st, void *k, PyObject *payload)
{
    orm_option *o = (orm_option *)payload;
    int rc;

    if (!PyObject_TypeCheck(payload, st->LoaderOption)) {
        return orm_key_pin(k, (PyObject *)Py_TYPE(payload)); /* the program's: no matter of SQL */
    }
    rc = orm_key_word(k, o->nitems);
    rc = rc < 0 ? -1 : key_of_words(k, o->words);
    for (uint32_t i = 0; rc == 0 && i < o->nitems; i++) {
        const orm_optitem *item = &o->items[i];

        rc = orm_key_word(k, (uint64_t)item->entity << 32 | item->slot);
        if (rc == 0) {
            rc = orm_key_word(k, (uint64_t)item->what << 8 | item->strategy);
        }
        if (rc == 0 && item->group != NULL) {
            rc = orm_key_pin(k, item->group);
        }
    }
    return rc;
}

/* --- the type ----------------------------------------------------------------------------- */

static int
option_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_option *o = (orm_option *)self;

    Py_VISIT(Py_TYPE(self));
    for (uint32_t i = 0; i < o->nentities; i++) {
        Py_VISIT(o->entities[i]);
    }
    for (uint32_t i = 0; i < o->nitems; i++) {
        Py_VISIT(o->items[i].expr);
    }
    for (uint32_t i = 0; i < o->nnodes; i++) {
        Py_VISIT(o->nodes[i]);
    }
    Py_VISIT(o->words);
    return 0;
}

static int
option_clear(PyObject *self)
{
    orm_option *o = (orm_option *)self;
    orm_node **entities = o->entities;
    orm_optitem *items = o->items;
    uint32_t nentities = o->nentities;
    uint32_t nitems = o->nitems;

    orm_node **nodes = o->nodes;
    uint32_t nnodes = o->nnodes;

    o->entities = NULL;
    o->items = NULL;
    o->nodes = NULL;
    o->nnodes = 0;
    for (uint32_t i = 0; i < nnodes; i++) {
        Py_DECREF(nodes[i]);
    }
    PyMem_Free(nodes);
    Py_CLEAR(o->words);
    o->nentities = o->nitems = 0;
    for (uint32_t i = 0; i < nentities; i++) {
        Py_DECREF(entities[i]);
    }
    for (uint32_t i = 0; i < nitems; i++) {
        Py_XDECREF(items[i].group);
        Py_XDECREF(items[i].expr);
    }
    PyMem_Free(entities);
    PyMem_Free(items);
    return 0;
}

static void
option_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    option_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* _mark_criteria(include_aliases): the nodes are pairs of an entity and what restricts it. */
static PyObject *
option_mark_criteria(PyObject *self, PyObject *aliases)
{
    orm_option *o = (orm_option *)self;

    if (o->nnodes % 2 != 0) {
        PyErr_SetString(PyExc_TypeError, "criteria are pairs of an entity and an expression");
        return NULL;
    }
    for (uint32_t i = 0; i < o->nnodes; i += 2) {
        if (o->nodes[i]->kind != ORM_N_ENTITY) {
            PyErr_SetString(PyExc_TypeError, "criteria are pairs of an entity and an expression");
            return NULL;
        }
    }
    o->criteria = true;
    o->aliases = aliases == Py_True;
    Py_RETURN_NONE;
}

static PyObject *
option_mark_refresh(PyObject *self, PyObject *Py_UNUSED(unused))
{
    ((orm_option *)self)->refresh = true;
    Py_RETURN_NONE;
}

static PyMethodDef option_methods[] = {
    {"_fill", option_fill, METH_VARARGS,
     "_fill($self, items, words, nodes, /)\n--\n\n"
     "Give the option its items about columns, and key and children of the others."},
    {"_mark_refresh", option_mark_refresh, METH_NOARGS,
     "_mark_refresh($self, /)\n--\n\nSay that the statement refreshes an instance."},
    {"_mark_criteria", option_mark_criteria, METH_O,
     "_mark_criteria($self, include_aliases, /)\n--\n\nSay that the nodes are entities and their criteria."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot option_slots[] = {
    {Py_tp_doc, "Base of the options that say what of an entity is loaded."},
    {Py_tp_dealloc, option_dealloc},
    {Py_tp_traverse, option_traverse},
    {Py_tp_clear, option_clear},
    {Py_tp_methods, option_methods},
    {0, NULL},
};

PyType_Spec orm_option_spec = {
    .name = "pyorm._core.LoaderOption",
    .basicsize = sizeof(orm_option),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = option_slots,
};
