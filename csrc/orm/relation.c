/*
 * orm/relation.c - `_core.Relation`: reads the spec of a relationship once, and hands it to the
 * attributes of a class and its subclasses.
 *
 * spec: a dict with every key that `relation_fill` names; grammar beside each of them. Python
 *   makes all Relations of a configuration, links their other sides (`_set_reverse`) and then
 *   calls MapperPlan.set_relation for each: masks of attributes are final from there on.
 * Invariants: nothing of a Relation changes after set_relation, except `lazy_cache`, `unit`.
 * Errors: a spec that is not as promised is a ValueError or KeyError: Python's fault, not the
 *   user's, whose mistakes were found before.
 */
#include "orm/load_int.h"
#include "orm/relation.h"

#include <string.h>

/* --- reading the spec ------------------------------------------------------------------- */

/* A value of the spec, borrowed from it; KeyError. */
static PyObject *
want(PyObject *spec, const char *name)
{
    PyObject *key = PyUnicode_FromString(name);
    PyObject *value = NULL;

    if (key != NULL) {
        value = PyDict_GetItemWithError(spec, key); /* borrow-ok: the caller holds the spec */
        if (value == NULL && !PyErr_Occurred()) {
            PyErr_SetObject(PyExc_KeyError, key);
        }
        Py_DECREF(key);
    }
    return value;
}

/* The value as an owned reference, NULL for None. 0 / -1. */
static int
want_object(PyObject *spec, const char *name, PyObject **out)
{
    PyObject *value = want(spec, name);

    if (value != NULL && value != Py_None) {
        *out = Py_NewRef(value);
    }
    return value == NULL ? -1 : 0;
}

/* Position of a word in a list that ends with NULL; -1 ValueError. */
static int
word(PyObject *value, const char *const *words, const char *what)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (PyUnicode_Check(value) && PyUnicode_CompareWithASCIIString(value, words[i]) == 0) {
            return i;
        }
    }
    PyErr_Format(PyExc_ValueError, "Relation: %s may not be %R", what, value);
    return -1;
}

static int
want_word(PyObject *spec, const char *name, const char *const *words, uint8_t *out)
{
    PyObject *value = want(spec, name);
    int at = value == NULL ? -1 : word(value, words, name);

    *out = at < 0 ? 0 : (uint8_t)at;
    return at < 0 ? -1 : 0;
}

/* A set of words as bits in the order of the list. 0 / -1. */
static int
want_bits(PyObject *spec, const char *name, const char *const *words, uint32_t *out)
{
    PyObject *value = want(spec, name);
    PyObject *all = value == NULL ? NULL : PySequence_Tuple(value);
    int rc = all == NULL ? -1 : 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(all); i++) {
        int at = word(PyTuple_GET_ITEM(all, i), words, name);
        if (at < 0) {
            rc = -1;
        }
        else {
            *out |= 1u << at;
        }
    }
    Py_XDECREF(all);
    return rc;
}

/* A node by value; None: *out stays NULL. 0 / -1. */
static int
want_node(orm_state *st, PyObject *spec, const char *name, orm_node **out)
{
    PyObject *value = want(spec, name);
    orm_node *n = NULL;

    if (value == NULL || value == Py_None) {
        return value == NULL ? -1 : 0;
    }
    /* A class or an alias stands for its ENTITY; everything else for its own node. */
    int rc = orm_coerce_entity(st, value, &n);
    if (rc == 0) {
        n = (orm_node *)Py_XNewRef(orm_node_of(st, value));
    }
    *out = n;
    return n == NULL ? -1 : 0;
}

/* The slot of an attribute key in m; None: -1. -2 exception. */
static int64_t
slot_of(orm_mapper *m, PyObject *key)
{
    int64_t slot = -1;

    if (key != Py_None) {
        slot = orm_mapper_slot(m, key);
        if (slot == -1) {
            PyErr_Format(PyExc_ValueError, "Relation: '%s' has no attribute %R",
                         m->cls->tp_name, key);
            slot = -2;
        }
    }
    return slot;
}

/* ((source key, dest key, source column, dest column), ...). `dest` NULL: columns only. 0 / -1. */
static int
want_pairs(PyObject *spec, const char *name, orm_mapper *source, orm_mapper *dest,
           orm_relpair **out, uint32_t *nout)
{
    PyObject *value = want(spec, name);

    if (value == NULL) {
        return -1;
    }
    if (!PyTuple_Check(value)) {
        PyErr_Format(PyExc_ValueError, "Relation: %s is a tuple", name);
        return -1;
    }
    *out = PyMem_Calloc((size_t)PyTuple_GET_SIZE(value) + 1, sizeof(**out));
    if (*out == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++) {
        PyObject *from, *to, *from_column, *to_column;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(value, i), "OOOO", &from, &to, &from_column,
                              &to_column)) {
            return -1;
        }
        int64_t at = slot_of(source, from);
        int64_t into = at == -2 ? -2 : dest == NULL ? -1 : slot_of(dest, to);
        if (into == -2) {
            return -1;
        }
        (*out)[i] = (orm_relpair){
            .source = (int32_t)at, .dest = (int32_t)into,
            .source_column = Py_NewRef(from_column), .dest_column = Py_NewRef(to_column),
        };
        *nout = (uint32_t)i + 1;
    }
    return 0;
}

static int
want_plan(orm_state *st, PyObject *spec, const char *name, orm_mapper **out)
{
    PyObject *value = want(spec, name);

    if (value != NULL && !Py_IS_TYPE(value, st->MapperPlan)) {
        PyErr_Format(PyExc_ValueError, "Relation: %s is a MapperPlan", name);
        value = NULL;
    }
    *out = (orm_mapper *)value;
    return value == NULL ? -1 : 0;
}

static const char *const directions[] = {"o2m", "m2o", "m2m", NULL};
static const char *const lazies[] = {"select", "joined", "subquery", "selectin", "immediate",
                                     "raise", "raise_on_sql", "noload", "write_only", "dynamic",
                                     NULL};
static const char *const holders[] = {"scalar", "list", "set", "dict", "custom", NULL};
static const char *const cascades[] = {"save-update", "merge", "refresh-expire", "expunge",
                                       "delete", "delete-orphan", NULL};
static const char *const flag_words[] = {
    "viewonly", "post_update", "single_parent", "load_on_pending", "active_history",
    "passive_deletes", "passive_deletes_all", "passive_updates", "use_get", "innerjoin",
    "nested_innerjoin", "distinct_target_key", "omit_join", "self", "sync_backref_off",
    "legacy_orphan", "no_batch", "strict", "subtypes", NULL};

/* "get": the parent's attributes that equal the target's primary key; () without USE_GET. 0 / -1. */
static int
want_get(orm_relation *rel, PyObject *spec)
{
    PyObject *keys = want(spec, "get");
    Py_ssize_t n = rel->flags & ORM_RF_USE_GET ? (Py_ssize_t)rel->target->npk : 0;

    if (keys == NULL) {
        return -1;
    }
    if (!PyTuple_Check(keys) || PyTuple_GET_SIZE(keys) != n) {
        PyErr_SetString(PyExc_ValueError, "Relation: get is a tuple, with use_get as long as the key");
        return -1;
    }
    if (n == 0) {
        return 0;
    }
    rel->get_slots = PyMem_Malloc((size_t)n * sizeof(*rel->get_slots));
    if (rel->get_slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        int64_t slot = slot_of(rel->parent, PyTuple_GET_ITEM(keys, i));
        if (slot == -2) {
            return -1;
        }
        rel->get_slots[i] = (int32_t)slot;
    }
    return 0;
}

/* Which mapper holds the source of a pair, and which its destination. 0 / -1. */
static int
fill_pairs(orm_relation *rel, PyObject *spec)
{
    bool m2o = rel->direction == ORM_REL_M2O;
    orm_mapper *source = m2o ? rel->target : rel->parent;
    orm_mapper *dest = m2o ? rel->parent : rel->target;

    if (rel->direction == ORM_REL_M2M) {
        dest = NULL;
    }
    if (want_get(rel, spec) < 0
        || want_pairs(spec, "pairs", source, dest, &rel->pairs, &rel->npairs) < 0) {
        return -1;
    }
    return want_pairs(spec, "secondary_pairs", rel->target, NULL, &rel->secondary_pairs,
                      &rel->nsecondary_pairs);
}

static int
fill_joins(orm_state *st, orm_relation *rel, PyObject *spec)
{
    if (want_node(st, spec, "target_entity", &rel->target_entity) < 0
        || want_node(st, spec, "primaryjoin", &rel->primaryjoin) < 0
        || want_node(st, spec, "secondaryjoin", &rel->secondaryjoin) < 0
        || want_node(st, spec, "local", &rel->local) < 0
        || want_node(st, spec, "remote", &rel->remote) < 0
        || want_node(st, spec, "secondary_from", &rel->secondary_from) < 0
        || want_object(spec, "secondary", &rel->secondary) < 0
        || want_object(spec, "order_by", &rel->order_by) < 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        orm_node *side = i == 0 ? rel->local : rel->remote;
        if (side != NULL && side->kind == ORM_N_ENTITY && side->aux & ORM_ENTITY_ALIASED) {
            side->aux |= ORM_ENTITY_TEMPLATE;
        }
    }
    if (rel->target_entity == NULL) {
        rel->target_entity = (orm_node *)Py_XNewRef(rel->target->entity);
    }
    if (rel->target_entity == NULL || rel->order_by == NULL || !PyTuple_Check(rel->order_by)) {
        PyErr_SetString(PyExc_ValueError, "Relation: a target without selectable, or no order_by");
        return -1;
    }
    return 0;
}

static int
relation_fill(orm_state *st, orm_relation *rel, PyObject *spec)
{
    uint32_t cascade = 0;
    PyObject *holder = want(spec, "collection");
    PyObject *depth = holder == NULL ? NULL : want(spec, "join_depth");
    int at = 0;

    if (depth == NULL || want_object(spec, "key", &rel->key) < 0
        || want_object(spec, "prop", &rel->prop) < 0
        || want_plan(st, spec, "parent", &rel->parent) < 0
        || want_plan(st, spec, "target", &rel->target) < 0) {
        rel->target = NULL;
        return -1;
    }
    Py_INCREF(rel->target);
    if (rel->key == NULL || !PyUnicode_Check(rel->key)) {
        PyErr_SetString(PyExc_ValueError, "Relation: key is a str");
        return -1;
    }
    int64_t slot = slot_of(rel->parent, rel->key);
    if (slot < 0) {
        return -1;
    }
    rel->slot = (uint32_t)slot;
    at = holder == Py_None ? 0 : word(holder, holders, "collection");
    rel->collection = at < 0 ? 0 : (uint8_t)at;
    rel->join_depth = depth == Py_None ? -1 : (int32_t)PyLong_AsLong(depth);
    if (at < 0 || PyErr_Occurred()
        || want_word(spec, "direction", directions, &rel->direction) < 0
        || want_word(spec, "lazy", lazies, &rel->lazy) < 0
        || want_bits(spec, "cascade", cascades, &cascade) < 0
        || want_bits(spec, "flags", flag_words, &rel->flags) < 0
        || want_object(spec, "factory", &rel->factory) < 0
        || want_object(spec, "keyfunc", &rel->keyfunc) < 0) {
        return -1;
    }
    rel->cascade = (uint8_t)cascade;
    return fill_joins(st, rel, spec) < 0 ? -1 : fill_pairs(rel, spec);
}

/* --- the type --------------------------------------------------------------------------- */

static PyObject *
relation_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    orm_state *st = orm_state_from_type(type);
    orm_relation *rel = NULL;

    if (st == NULL) {
        return NULL;
    }
    if (kwargs != NULL || PyTuple_GET_SIZE(args) != 1 || !PyDict_Check(PyTuple_GET_ITEM(args, 0))) {
        PyErr_SetString(PyExc_TypeError, "Relation(spec): one dict");
        return NULL;
    }
    rel = (orm_relation *)type->tp_alloc(type, 0);
    if (rel != NULL && relation_fill(st, rel, PyTuple_GET_ITEM(args, 0)) < 0) {
        Py_CLEAR(rel);
    }
    return (PyObject *)rel;
}

static int
relation_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_relation *rel = (orm_relation *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(rel->prop);
    Py_VISIT(rel->target);
    Py_VISIT(rel->target_entity);
    Py_VISIT(rel->factory);
    Py_VISIT(rel->keyfunc);
    for (uint32_t i = 0; i < rel->npairs; i++) {
        Py_VISIT(rel->pairs[i].source_column);
        Py_VISIT(rel->pairs[i].dest_column);
    }
    for (uint32_t i = 0; i < rel->nsecondary_pairs; i++) {
        Py_VISIT(rel->secondary_pairs[i].source_column);
        Py_VISIT(rel->secondary_pairs[i].dest_column);
    }
    Py_VISIT(rel->secondary);
    Py_VISIT(rel->primaryjoin);
    Py_VISIT(rel->secondaryjoin);
    Py_VISIT(rel->local);
    Py_VISIT(rel->remote);
    Py_VISIT(rel->secondary_from);
    Py_VISIT(rel->order_by);
    for (uint32_t i = 0; i < rel->nreverse; i++) {
        Py_VISIT(rel->reverse[i]);
    }
    Py_VISIT(rel->lazy_cache);
    Py_VISIT(rel->unit);
    return 0;
}

static void
pairs_drop(orm_relpair **pairs, uint32_t *n)
{
    orm_relpair *old = *pairs;
    uint32_t count = *n;

    *pairs = NULL;
    *n = 0;
    for (uint32_t i = 0; i < count; i++) {
        Py_XDECREF(old[i].source_column);
        Py_XDECREF(old[i].dest_column);
    }
    PyMem_Free(old);
}

static void
reverse_drop(orm_relation *rel)
{
    orm_relation **old = rel->reverse;
    uint32_t n = rel->nreverse;

    rel->reverse = NULL;
    rel->nreverse = 0;
    for (uint32_t i = 0; i < n; i++) {
        Py_XDECREF(old[i]);
    }
    PyMem_Free(old);
}

static int
relation_clear(PyObject *self)
{
    orm_relation *rel = (orm_relation *)self;

    /* target stays until dealloc: what dies meanwhile may still ask whose slots these are. */
    PyMem_Free(rel->get_slots);
    rel->get_slots = NULL;
    pairs_drop(&rel->pairs, &rel->npairs);
    pairs_drop(&rel->secondary_pairs, &rel->nsecondary_pairs);
    reverse_drop(rel);
    Py_CLEAR(rel->prop);
    Py_CLEAR(rel->target_entity);
    Py_CLEAR(rel->factory);
    Py_CLEAR(rel->keyfunc);
    Py_CLEAR(rel->secondary);
    Py_CLEAR(rel->primaryjoin);
    Py_CLEAR(rel->secondaryjoin);
    Py_CLEAR(rel->local);
    Py_CLEAR(rel->remote);
    Py_CLEAR(rel->secondary_from);
    Py_CLEAR(rel->order_by);
    Py_CLEAR(rel->lazy_cache);
    Py_CLEAR(rel->unit);
    return 0;
}

static void
relation_dealloc(PyObject *self)
{
    orm_relation *rel = (orm_relation *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    relation_clear(self);
    Py_CLEAR(rel->target);
    Py_CLEAR(rel->key);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
relation_repr(PyObject *self)
{
    orm_relation *rel = (orm_relation *)self;

    return PyUnicode_FromFormat("<Relation %U, %s>", rel->key, directions[rel->direction]);
}

/* _set_reverse(relations): the other sides, kept in their order. Once, before set_relation. */
static PyObject *
relation_set_reverse(PyObject *self, PyObject *others)
{
    orm_relation *rel = (orm_relation *)self;
    orm_relation **reverse = NULL;
    Py_ssize_t n = PyTuple_Check(others) ? PyTuple_GET_SIZE(others) : -1;

    for (Py_ssize_t i = 0; i < n; i++) {
        if (!Py_IS_TYPE(PyTuple_GET_ITEM(others, i), Py_TYPE(self))) {
            n = -1;
        }
    }
    if (n < 0) {
        PyErr_SetString(PyExc_TypeError, "_set_reverse() takes a tuple of Relations");
        return NULL;
    }
    reverse = PyMem_Calloc((size_t)n + 1, sizeof(*reverse));
    if (reverse == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        reverse[i] = (orm_relation *)Py_NewRef(PyTuple_GET_ITEM(others, i));
    }
    reverse_drop(rel);
    rel->reverse = reverse;
    rel->nreverse = (uint32_t)n;
    Py_RETURN_NONE;
}

static PyMethodDef relation_methods[] = {
    {"_set_reverse", relation_set_reverse, METH_O,
     "_set_reverse($self, relations, /)\n--\n\nThe other sides of the relationship."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef relation_members[] = {
    {"key", Py_T_OBJECT_EX, offsetof(orm_relation, key), Py_READONLY, "Name of the attribute."},
    {"prop", Py_T_OBJECT_EX, offsetof(orm_relation, prop), Py_READONLY, "RelationshipProperty."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot relation_slots[] = {
    {Py_tp_doc, "Relation(spec)\n--\n\nThe frozen facts of one relationship."},
    {Py_tp_new, relation_new},
    {Py_tp_dealloc, relation_dealloc},
    {Py_tp_traverse, relation_traverse},
    {Py_tp_clear, relation_clear},
    {Py_tp_repr, relation_repr},
    {Py_tp_methods, relation_methods},
    {Py_tp_members, relation_members},
    {0, NULL},
};

PyType_Spec orm_relation_spec = {
    .name = "pyorm._core.Relation",
    .basicsize = sizeof(orm_relation),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = relation_slots,
};

/* --- attributes ------------------------------------------------------------------------- */

/* Give the relation to the attribute of this class and of every class that inherits it. */
static void
hand_out(orm_mapper *m, orm_relation *rel, PyObject *prop)
{
    orm_attribute *a = rel->slot < m->nslots ? m->attrs[rel->slot] : NULL;

    if (a == NULL || a->prop != prop) {
        return; /* the class maps the name itself */
    }
    a->kind = rel->collection == ORM_COLL_NONE ? ORM_SLOT_REFERENCE : ORM_SLOT_COLLECTION;
    a->mask |= ORM_L_TYPECHECK;
    if (rel->nreverse > 0) {
        a->mask |= ORM_L_BACKREF;
    }
    if (rel->cascade & (ORM_C_SAVE_UPDATE | ORM_C_DELETE_ORPHAN)) {
        a->mask |= ORM_L_CASCADE;
    }
    if (rel->flags & (ORM_RF_ACTIVE_HISTORY | ORM_RF_SINGLE_PARENT)) {
        a->mask |= ORM_L_ACTIVE;
    }
    if (rel->flags & ORM_RF_LOAD_ON_PENDING) {
        a->flags |= ORM_A_ON_PENDING;
    }
    if (rel->lazy == ORM_LAZY_RAISE || rel->lazy == ORM_LAZY_RAISE_ON_SQL) {
        a->flags |= ORM_A_RAISE;
    }
    Py_XSETREF(a->relation, (orm_relation *)Py_NewRef(rel));
    orm_write_drop(m);
    PyMem_Free(m->relations);
    m->relations = NULL;
    for (uint32_t i = 0; i < m->nchildren; i++) {
        hand_out(m->children[i], rel, prop);
    }
}

/* The target's members need a parent by this relationship. 0 / -1. */
static int
note_orphans(orm_relation *rel)
{
    orm_mapper *m = rel->target;
    orm_relation **all = NULL;

    for (uint32_t i = 0; i < m->norphans; i++) {
        if (m->orphans[i]->prop == rel->prop) {
            Py_SETREF(m->orphans[i], (orm_relation *)Py_NewRef(rel));
            return 0;
        }
    }
    all = PyMem_Realloc(m->orphans, (m->norphans + 1) * sizeof(*all));
    if (all == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    m->orphans = all;
    m->orphans[m->norphans++] = (orm_relation *)Py_NewRef(rel);
    return 0;
}

int
orm_plan_set_relation(orm_mapper *m, PyObject *key, PyObject *relation)
{
    orm_relation *rel = (orm_relation *)relation;
    int64_t slot = orm_mapper_slot(m, key);

    if (slot == -2) {
        return -1;
    }
    if (slot == -1 || !Py_IS_TYPE(relation, m->state->Relation) || rel->slot != slot
        || !ORM_SLOT_IS_RELATION(m->attrs[slot]->kind) || rel->parent != m) {
        PyErr_Format(PyExc_ValueError, "set_relation of '%s': %R is not a relationship of this "
                     "class", m->cls->tp_name, key);
        return -1;
    }
    if (rel->cascade & ORM_C_DELETE_ORPHAN && note_orphans(rel) < 0) {
        return -1;
    }
    orm_sql_new_epoch(m->state);
    hand_out(m, rel, m->attrs[slot]->prop);
    return 0;
}

void
orm_plan_drop_orphans(orm_mapper *m)
{
    orm_relation **old = m->orphans;
    uint32_t n = m->norphans;

    m->orphans = NULL;
    m->norphans = 0;
    for (uint32_t i = 0; i < n; i++) {
        Py_DECREF(old[i]);
    }
    PyMem_Free(old);
}

orm_relation *
orm_attribute_relation(orm_attribute *a)
{
    orm_mapper *m = a->mapper;
    orm_attribute *own = NULL; /* the class's, where a is an alias's */

    if (a->relation != NULL || !ORM_SLOT_IS_RELATION(a->kind)) {
        return a->relation;
    }
    if ((m->attrs[a->slot] == NULL || m->attrs[a->slot]->relation == NULL)
        && orm_configure_now(m) < 0) {
        return NULL;
    }
    own = a->slot < m->nslots ? m->attrs[a->slot] : NULL;
    if (own == NULL || own->relation == NULL) {
        orm_raise_exc(m->state, ORM_EXC_InvalidRequestError,
                      "The relationship '%s.%U' is not configured: call configure_mappers() when "
                      "all classes that it needs are defined", m->cls->tp_name, a->n.key);
        return NULL;
    }
    if (a != own) {
        Py_XSETREF(a->relation, (orm_relation *)Py_NewRef(own->relation));
    }
    return a->relation;
}

const uint32_t *
orm_mapper_relations(orm_mapper *m, uint32_t *n)
{
    if (m->relations == NULL) {
        uint32_t count = 0;

        m->relations = PyMem_Malloc((m->nslots + 1) * sizeof(*m->relations));
        if (m->relations == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        for (uint32_t i = 0; i < m->nslots; i++) {
            if (m->attrs[i] != NULL && m->attrs[i]->relation != NULL) {
                m->relations[count++] = i;
            }
        }
        m->nrelations = count;
    }
    *n = m->nrelations;
    return m->relations;
}
