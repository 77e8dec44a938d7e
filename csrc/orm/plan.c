/*
 * orm/plan.c - MapperPlan: checks the spec, numbers the slots, installs a class's descriptors.
 *
 * Place: `_core.MapperPlan(cls, spec)` (plan_type.c) -> here -> the class: descriptors, tp_alloc,
 *   tp_vectorcall, `__dict__` door, `_sa_plan`. Grammar of spec: plan.h.
 * Invariants: nothing is put on the class before the whole spec was checked. A child's slots are
 *   its parent's and then its own; a late attribute takes the root's next_slot in every present
 *   descendant, so a number never means two attributes of one instance.
 * type -> plan: a table in the module state keyed by the class's address; the plan owns the
 *   class, so the address cannot be used again while the entry is there.
 */
#include "orm/orm_int.h"
#include "orm/relation.h"

#include <string.h>

/* The room's data in the module state. */
typedef struct orm_orm_room {
    orm_ptrmap plans; /* address of a class -> its plan, borrowed */
    bool waiting;     /* a class was mapped since the mappings were configured */
} orm_orm_room;

static int
plan_is_of(const void *value, const void *key)
{
    return ((const orm_mapper *)value)->cls == key;
}

static inline uint64_t
class_hash(const PyTypeObject *cls)
{
    return (uint64_t)(uintptr_t)cls >> 4;
}

static orm_orm_room *
room_of(orm_state *st)
{
    return st->rooms[ORM_ROOM_ORM].data;
}

static void
room_free(void *data)
{
    orm_orm_room *room = data;

    orm_ptrmap_fini(&room->plans);
    PyMem_Free(room);
}

int
orm_plan_setup(PyObject *Py_UNUSED(module), orm_state *st)
{
    orm_orm_room *room = PyMem_Calloc(1, sizeof(*room));

    if (room == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    orm_ptrmap_init(&room->plans);
    st->rooms[ORM_ROOM_ORM] = (orm_room){.data = room, .free = room_free};
    return 0;
}

int
orm_configure_now(orm_mapper *m)
{
    orm_orm_room *room = room_of(m->state);
    PyObject *fn = orm_import_once(&m->state->configure_for, "pyorm.orm._configure",
                                   "configure_for");
    PyObject *all = fn == NULL ? NULL : PyObject_CallOneArg(fn, m->py);

    if (all == Py_True && room != NULL) {
        room->waiting = false;
    }
    Py_XDECREF(all);
    return all == NULL ? -1 : 0;
}

int
orm_configure_for(orm_mapper *m)
{
    orm_orm_room *room = room_of(m->state);

    if (m->ready || room == NULL || !room->waiting || m->py == NULL || m->py == Py_None) {
        return 0;
    }
    return orm_configure_now(m);
}

int
orm_plan_register(orm_mapper *m)
{
    if (orm_ptrmap_put(&room_of(m->state)->plans, class_hash(m->cls), m) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    room_of(m->state)->waiting = true;
    return 0;
}

void
orm_plan_unregister(orm_mapper *m)
{
    orm_orm_room *room = room_of(m->state);

    if (room != NULL && m->cls != NULL) {
        orm_ptrmap_remove(&room->plans, class_hash(m->cls), m);
    }
}

orm_mapper *
orm_mapper_of(orm_state *st, PyTypeObject *cls)
{
    orm_orm_room *room = room_of(st);
    orm_ptrcell *cell =
        room == NULL ? NULL : orm_ptrmap_find(&room->plans, class_hash(cls), plan_is_of, cls);

    return cell == NULL ? NULL : cell->value;
}

orm_mapper *
orm_mapper_find(orm_state *st, PyTypeObject *cls)
{
    PyObject *mro = cls->tp_mro;

    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        orm_mapper *m = orm_mapper_of(st, (PyTypeObject *)PyTuple_GET_ITEM(mro, i));
        if (m != NULL) {
            return m;
        }
    }
    return NULL;
}

int64_t
orm_mapper_slot(const orm_mapper *m, PyObject *key)
{
    PyObject *found = NULL;
    int rc = PyDict_GetItemRef(m->index, key, &found);
    int64_t slot = rc < 0 ? -2 : -1;

    if (rc > 0) {
        slot = PyLong_AsLongLong(found);
        Py_DECREF(found);
    }
    return slot;
}

/* --- checking -------------------------------------------------------------------------- */

static int
spec_error(orm_mapper *m, const char *what)
{
    PyErr_Format(PyExc_ValueError, "MapperPlan of '%s': %s", m->cls->tp_name, what);
    return -1;
}

/* One slot tuple: sizes and types, key interned. 0 / -1. */
static int
check_slot(orm_mapper *m, PyObject *spec)
{
    if (!PyTuple_Check(spec) || PyTuple_GET_SIZE(spec) != 7) {
        return spec_error(m, "a slot is (key, kind, columns, flags, prop, compare, validator)");
    }
    PyObject *key = PyTuple_GET_ITEM(spec, 0);
    PyObject *compare = PyTuple_GET_ITEM(spec, 5);
    PyObject *validator = PyTuple_GET_ITEM(spec, 6);
    if (!PyUnicode_CheckExact(key) || !PyUnicode_CheckExact(PyTuple_GET_ITEM(spec, 1))
        || !PyTuple_Check(PyTuple_GET_ITEM(spec, 2))
        || !PyUnicode_CheckExact(PyTuple_GET_ITEM(spec, 3))) {
        return spec_error(m, "a slot's key, kind and flags are str, its columns a tuple");
    }
    if (PyTuple_Check(validator) && PyTuple_GET_SIZE(validator) == 3) {
        validator = PyTuple_GET_ITEM(validator, 0);
    }
    if ((compare != Py_None && !PyCallable_Check(compare))
        || (validator != Py_None && !PyCallable_Check(validator))) {
        return spec_error(m, "a slot's compare and validator are callables or None");
    }
    return 0;
}

/* The class must be able to carry what the backend needs. 0 / -1. */
static int
check_class(orm_mapper *m)
{
    orm_state *st = m->state;
    bool entity = PyType_IsSubtype(m->cls, st->Entity);
    orm_mapper *first = NULL;
    PyObject *mro = m->cls->tp_mro;

    if (entity == m->foreign) {
        return spec_error(m, entity ? "a class that derives from Entity has backend \"slots\""
                                    : "backend \"slots\" is for classes that derive from Entity");
    }
    if (m->foreign && (m->cls->tp_dictoffset == 0 || m->cls->tp_weaklistoffset == 0)) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "class '%s' cannot be mapped: its instances have no __dict__ or cannot be "
                      "weakly referenced; remove __slots__ or add '__dict__' and '__weakref__'",
                      m->cls->tp_name);
        return -1;
    }
    if (!(m->cls->tp_flags & Py_TPFLAGS_HEAPTYPE) || m->cls->tp_flags & Py_TPFLAGS_IMMUTABLETYPE) {
        return spec_error(m, "attributes cannot be set on this class");
    }
    if (orm_mapper_of(st, m->cls) != NULL) {
        orm_raise_exc(st, ORM_EXC_ArgumentError, "Class '%s' already has a primary mapper defined.",
                      m->cls->tp_name);
        return -1;
    }
    /* Of the mapped classes in the MRO each must be an ancestor of the one before. */
    for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(mro); i++) {
        orm_mapper *next = orm_mapper_of(st, (PyTypeObject *)PyTuple_GET_ITEM(mro, i));
        if (next == NULL) {
            continue;
        }
        /* A concrete class has a plan of its own, without base. */
        if (first != NULL && !PyType_IsSubtype(first->cls, next->cls)) {
            orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                          "Class '%s' inherits from more than one mapped class", m->cls->tp_name);
            return -1;
        }
        first = first == NULL ? next : first;
    }
    if (m->base != NULL && !PyType_IsSubtype(m->cls, m->base->cls)) {
        return spec_error(m, "base is the plan of a class that this one does not derive from");
    }
    return 0;
}

/* --- slots ----------------------------------------------------------------------------- */

/* Room for n attributes; new ones NULL. 0 / -1. */
static int
attrs_grow(orm_mapper *m, uint32_t n)
{
    orm_attribute **attrs = NULL;

    if (n <= m->nslots) {
        return 0;
    }
    attrs = PyMem_Realloc(m->attrs, n * sizeof(*attrs));
    if (attrs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memset(attrs + m->nslots, 0, (n - m->nslots) * sizeof(*attrs));
    m->attrs = attrs;
    m->nslots = n;
    if (m->root != NULL && m->root->next_slot < n) {
        m->root->next_slot = n;
    }
    return 0;
}

/* Put an attribute into its slot and the index; consumes a. 0 / -1. */
static int
attrs_put_steal(orm_mapper *m, orm_attribute *a)
{
    PyObject *number = PyLong_FromUnsignedLong(a->slot);
    int rc = -1;

    if (number != NULL && attrs_grow(m, a->slot + 1) == 0) {
        rc = PyDict_SetItem(m->index, a->n.key, number);
    }
    Py_XDECREF(number);
    if (rc < 0) {
        Py_DECREF(a);
        return -1;
    }
    Py_XSETREF(m->attrs[a->slot], a);
    PyMem_Free(m->relations);
    m->relations = NULL;
    return 0;
}

/* The slot tuple with its key interned: the write table goes by the name's address. */
static PyObject *
intern_key(PyObject *spec)
{
    PyObject *copy = PyTuple_GetSlice(spec, 0, PyTuple_GET_SIZE(spec));
    PyObject *key = NULL;

    /* GetSlice of the whole may hand back the same tuple, which must not be changed. */
    if (copy == spec) {
        Py_DECREF(copy);
        copy = PyTuple_New(PyTuple_GET_SIZE(spec));
        for (Py_ssize_t i = 0; copy != NULL && i < PyTuple_GET_SIZE(spec); i++) {
            PyTuple_SET_ITEM(copy, i, Py_NewRef(PyTuple_GET_ITEM(spec, i)));
        }
    }
    if (copy == NULL) {
        return NULL;
    }
    key = PyTuple_GET_ITEM(copy, 0);
    PyUnicode_InternInPlace(&key);
    PyTuple_SET_ITEM(copy, 0, key);
    return copy;
}

/* Take over the parent's attributes, each with its slot. 0 / -1. */
static int
inherit_slots(orm_mapper *m)
{
    orm_mapper *base = m->base;

    if (base == NULL) {
        return 0;
    }
    if (attrs_grow(m, base->nslots) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < base->nslots; i++) {
        orm_attribute *a = NULL;
        if (base->attrs[i] == NULL) {
            continue;
        }
        if (orm_attribute_inherit(base->attrs[i], m, &a) < 0 || attrs_put_steal(m, a) < 0) {
            return -1;
        }
    }
    return 0;
}

/* This class's own slots: new numbers, or the parent's for a key it replaces. 0 / -1. */
static int
own_slots(orm_mapper *m, PyObject *slots)
{
    uint32_t parents = m->nslots;

    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(slots); i++) {
        PyObject *spec = NULL;
        orm_attribute *a = NULL;
        if (check_slot(m, PyTuple_GET_ITEM(slots, i)) < 0) {
            return -1;
        }
        spec = intern_key(PyTuple_GET_ITEM(slots, i));
        if (spec == NULL) {
            return -1;
        }
        int64_t slot = orm_mapper_slot(m, PyTuple_GET_ITEM(spec, 0));
        if (slot >= (int64_t)parents) {
            PyErr_Format(PyExc_ValueError, "MapperPlan of '%s': key '%U' stands there twice",
                         m->cls->tp_name, PyTuple_GET_ITEM(spec, 0));
            slot = -2;
        }
        if (slot != -2) {
            a = orm_attribute_new(m, spec, slot < 0 ? m->nslots : (uint32_t)slot);
        }
        Py_DECREF(spec);
        if (a == NULL || attrs_put_steal(m, a) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- identity, version, discriminator --------------------------------------------------- */

static int64_t
slot_named(orm_mapper *m, PyObject *key, const char *what)
{
    int64_t slot = PyUnicode_CheckExact(key) ? orm_mapper_slot(m, key) : -1;

    if (slot == -1) {
        PyErr_Format(PyExc_ValueError, "MapperPlan of '%s': %s %R is not a mapped key",
                     m->cls->tp_name, what, key);
    }
    return slot < 0 ? -1 : slot;
}

/* The slot and the node of one item of the primary key. 0 / -1. */
static int
add_primary_key(orm_mapper *m, PyObject *item)
{
    bool pair = PyTuple_Check(item) && PyTuple_GET_SIZE(item) == 2;
    int64_t slot = slot_named(m, pair ? PyTuple_GET_ITEM(item, 0) : item, "primary key");
    orm_attribute *a = slot < 0 ? NULL : m->attrs[slot];
    orm_node *column = NULL;
    orm_node *node = NULL;

    if (a == NULL) {
        return -1;
    }
    node = (orm_node *)Py_XNewRef(a->n.node);
    column = pair && node != NULL ? orm_node_of(m->state, PyTuple_GET_ITEM(item, 1)) : NULL;
    if (pair && node != NULL && column == NULL) {
        Py_DECREF(node);
        return -1;
    }
    if (column != NULL && column != node->args[1]) {
        Py_SETREF(node, orm_attribute_node(a, m->entity, column));
        if (node == NULL) {
            return -1;
        }
    }
    m->pk_nodes[m->npk] = node;
    m->pk[m->npk++] = (uint32_t)slot;
    return 0;
}

static int
set_primary_key(orm_mapper *m, PyObject *keys)
{
    bool inherited = PyTuple_GET_SIZE(keys) == 0 && m->base != NULL;
    uint32_t n = inherited ? m->base->npk : (uint32_t)PyTuple_GET_SIZE(keys);

    if (n == 0) {
        return spec_error(m, "a root class needs a primary key");
    }
    m->pk = PyMem_Malloc(n * sizeof(*m->pk));
    m->pk_nodes = PyMem_Calloc(n, sizeof(*m->pk_nodes));
    if (m->pk == NULL || m->pk_nodes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        PyObject *item = inherited ? m->base->attrs[m->base->pk[i]]->n.key
                                   : PyTuple_GET_ITEM(keys, i);

        if (add_primary_key(m, item) < 0) {
            return -1;
        }
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        m->attrs[m->pk[i]]->flags |= ORM_A_PK;
        m->attrs[m->pk[i]]->mask |= ORM_L_ACTIVE;
    }
    return 0;
}

static int
set_version(orm_mapper *m, PyObject *key)
{
    int64_t slot = -1;

    if (key == Py_None) {
        m->version = m->base == NULL ? -1 : m->base->version;
    }
    else {
        slot = slot_named(m, key, "version");
        if (slot < 0) {
            return -1;
        }
        m->version = (int32_t)slot;
    }
    if (m->version >= 0) {
        m->attrs[m->version]->flags |= ORM_A_VERSION;
        m->attrs[m->version]->mask |= ORM_L_ACTIVE;
    }
    return 0;
}

/* What INSERT, UPDATE and DELETE of the class are about. 0 / -1. */
static int
make_table_entity(orm_mapper *m, PyObject *table)
{
    orm_node *from = table == Py_None || m->entity == NULL ? NULL : orm_node_of(m->state, table);

    if (from == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    orm_node *parts[] = {from, (orm_node *)m->cls};
    Py_XSETREF(m->table_entity, orm_node_make(m->state, ORM_N_ENTITY, ORM_OP_NONE, NULL,
                                              (PyObject *)m, 0, 2, parts));
    return m->table_entity == NULL ? -1 : 0;
}

/* Let the attributes in statements be columns of what the class is read from. 0 / -1. */
static int
move_attributes(orm_mapper *m, PyObject *columns)
{
    for (uint32_t slot = 0; slot < m->nslots; slot++) {
        orm_attribute *a = m->attrs[slot];
        bool plain = a != NULL && a->kind == ORM_SLOT_COLUMN && a->n.node != NULL;
        PyObject *found =
            plain ? PyDict_GetItemWithError(columns, a->n.key) : NULL; /* borrow-ok: m has it */
        orm_node *column = found == NULL ? NULL : orm_node_of(m->state, PyTuple_GET_ITEM(found, 0));
        orm_node *node = column == NULL ? NULL : orm_attribute_node(a, m->entity, column);

        if (node == NULL && PyErr_Occurred()) {
            return -1;
        }
        for (uint32_t i = 0; node != NULL && i < m->npk; i++) {
            if (m->pk[i] == slot) {
                Py_SETREF(m->pk_nodes[i], (orm_node *)Py_NewRef(node));
            }
        }
        if (node != NULL) {
            Py_SETREF(a->n.node, node);
        }
    }
    return 0;
}

int
orm_plan_set_poly(orm_mapper *m, PyObject *selectable, PyObject *plans, PyObject *columns,
                  PyObject *key, PyObject *own_rows)
{
    orm_node *from = orm_node_of(m->state, selectable);
    orm_node *own = own_rows == Py_None ? NULL : orm_node_of(m->state, own_rows);
    int64_t slot = key == Py_None ? m->discriminator : slot_named(m, key, "discriminator");

    if (from == NULL || m->entity == NULL || PyErr_Occurred()) {
        return PyErr_Occurred() ? -1 : spec_error(m, "it is not mapped to anything");
    }
    if (columns != Py_None
        && !(PyTuple_Check(columns) && PyTuple_GET_SIZE(columns) == PyTuple_GET_SIZE(plans) + 1)) {
        return spec_error(m, "set_polymorphic() takes a tuple of dicts of columns");
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(plans); i++) {
        if (!Py_IS_TYPE(PyTuple_GET_ITEM(plans, i), m->state->MapperPlan)) {
            return spec_error(m, "set_polymorphic() takes a tuple of plans");
        }
    }
    /* The node stays the same: all attributes of the class stand on it. Keys name the class. */
    Py_SETREF(m->entity->args[0], (orm_node *)Py_NewRef(from));
    Py_XSETREF(m->selectable, Py_NewRef(selectable));
    Py_XSETREF(m->poly, Py_NewRef(plans));
    m->discriminator = (int32_t)slot;
    Py_XSETREF(m->own_rows, (orm_node *)Py_XNewRef(own));
    Py_XSETREF(m->poly_columns, columns == Py_None ? NULL : Py_NewRef(columns));
    if (m->poly_columns != NULL && move_attributes(m, PyTuple_GET_ITEM(columns, 0)) < 0) {
        return -1;
    }
    Py_CLEAR(m->loads);
    orm_sql_new_epoch(m->state);
    return 0;
}

static int
set_polymorphic(orm_mapper *m, PyObject *spec)
{
    m->discriminator = m->base == NULL ? -1 : m->base->discriminator;
    if (spec == Py_None) {
        return 0;
    }
    if (!PyTuple_Check(spec) || PyTuple_GET_SIZE(spec) != 6) {
        return spec_error(m, "polymorphic is None or (key, identity, single, abstract, table, "
                             "selectin)");
    }
    PyObject *key = PyTuple_GET_ITEM(spec, 0);
    PyObject *identity = PyTuple_GET_ITEM(spec, 1);
    if (key != Py_None) {
        int64_t slot = slot_named(m, key, "discriminator");
        if (slot < 0) {
            return -1;
        }
        m->discriminator = (int32_t)slot;
        m->attrs[slot]->flags |= ORM_A_DISCRIMINATOR;
    }
    m->identity = identity == Py_None ? NULL : Py_NewRef(identity);
    m->single = PyTuple_GET_ITEM(spec, 2) == Py_True;
    m->abstract = PyTuple_GET_ITEM(spec, 3) == Py_True;
    m->selectin = PyTuple_GET_ITEM(spec, 5) == Py_True;
    return make_table_entity(m, PyTuple_GET_ITEM(spec, 4));
}

/* --- the class ------------------------------------------------------------------------- */

int
orm_plan_install(orm_mapper *m, orm_attribute *a)
{
    /* type's own setattr: the metaclass's would map the attribute once more. */
    return PyType_Type.tp_setattro((PyObject *)m->cls, a->n.key, (PyObject *)a);
}

/* The class itself has something else under the name of an attribute that it inherits. */
static bool
is_overridden(const orm_mapper *m, const orm_attribute *a)
{
    PyObject *own = a->flags & ORM_A_INHERITED
                        ? PyDict_GetItemWithError(m->cls->tp_dict, a->n.key) /* borrow-ok */
                        : NULL;

    return own != NULL && !Py_IS_TYPE(own, m->state->InstrumentedAttribute);
}

/* Everything that makes a class mapped; the plan is complete. 0 / -1. */
static int
install_class(orm_mapper *m)
{
    PyTypeObject *cls = m->cls;
    PyTypeObject *meta = Py_TYPE(cls);

    for (uint32_t i = 0; i < m->nslots; i++) {
        if (m->attrs[i] != NULL && !is_overridden(m, m->attrs[i])
            && orm_plan_install(m, m->attrs[i]) < 0) {
            return -1;
        }
    }
    if (PyType_Type.tp_setattro((PyObject *)cls, m->state->s_sa_plan, (PyObject *)m) < 0) {
        return -1;
    }
    if (m->foreign) {
        return 0;
    }
    if (orm_entity_doors(cls) < 0) {
        return -1;
    }
    cls->tp_alloc = orm_entity_alloc;
    cls->tp_vectorcall = orm_entity_vectorcall;
    /* 3.11: a Python metaclass does not inherit the flag, and type's call by tp_call would
       never look at tp_vectorcall. The constructor itself checks for a later Meta.__call__. */
    if (meta->tp_call == PyType_Type.tp_call
        && meta->tp_vectorcall_offset == PyType_Type.tp_vectorcall_offset) {
        meta->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    }
    return 0;
}

static int
add_child(orm_mapper *base, orm_mapper *m)
{
    orm_mapper **children =
        PyMem_Realloc(base->children, (base->nchildren + 1) * sizeof(*children));

    if (children == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    base->children = children;
    base->children[base->nchildren++] = m;
    return 0;
}

/* The ENTITY node that `select(cls)` and the attributes stand on. 0 / -1. */
static int
make_entity(orm_mapper *m, PyObject *selectable)
{
    orm_node *from = NULL;

    if (selectable == Py_None) {
        return 0;
    }
    from = orm_node_of(m->state, selectable);
    if (from == NULL) {
        return -1;
    }
    orm_node *parts[] = {from, (orm_node *)m->cls};
    m->selectable = Py_NewRef(selectable);
    m->entity = orm_node_make(m->state, ORM_N_ENTITY, ORM_OP_NONE, NULL, (PyObject *)m, 0, 2,
                              parts);
    return m->entity == NULL ? -1 : 0;
}

/* How a hierarchy's classes are written is worked out anew. */
static void
forget_units(orm_mapper *m)
{
    Py_CLEAR(m->unit);
    for (uint32_t i = 0; i < m->nchildren; i++) {
        forget_units(m->children[i]);
    }
}

int
orm_plan_fill(orm_mapper *m, PyObject *spec)
{
    PyObject *base = NULL;
    PyObject *backend = NULL;

    if (!PyTuple_Check(spec) || PyTuple_GET_SIZE(spec) != 9) {
        return spec_error(m, "spec is (base, backend, selectable, slots, primary_key, version, "
                             "polymorphic, mapper, manager)");
    }
    base = PyTuple_GET_ITEM(spec, 0);
    backend = PyTuple_GET_ITEM(spec, 1);
    if (base != Py_None && !Py_IS_TYPE(base, m->state->MapperPlan)) {
        return spec_error(m, "base is a MapperPlan or None");
    }
    if (!PyUnicode_Check(backend) || !PyTuple_Check(PyTuple_GET_ITEM(spec, 3))
        || !PyTuple_Check(PyTuple_GET_ITEM(spec, 4))) {
        return spec_error(m, "backend is a str, slots and primary_key are tuples");
    }
    m->base = base == Py_None ? NULL : (orm_mapper *)Py_NewRef(base);
    m->root = m->base == NULL ? m : m->base->root;
    m->foreign = PyUnicode_CompareWithASCIIString(backend, "dict") == 0;
    if (!m->foreign && PyUnicode_CompareWithASCIIString(backend, "slots") != 0) {
        return spec_error(m, "backend is \"slots\" or \"dict\"");
    }
    m->py = Py_NewRef(PyTuple_GET_ITEM(spec, 7));
    m->manager = Py_NewRef(PyTuple_GET_ITEM(spec, 8));
    m->index = PyDict_New();
    if (m->index == NULL || check_class(m) < 0
        || make_entity(m, PyTuple_GET_ITEM(spec, 2)) < 0 || inherit_slots(m) < 0
        || own_slots(m, PyTuple_GET_ITEM(spec, 3)) < 0
        || set_primary_key(m, PyTuple_GET_ITEM(spec, 4)) < 0
        || set_version(m, PyTuple_GET_ITEM(spec, 5)) < 0
        || set_polymorphic(m, PyTuple_GET_ITEM(spec, 6)) < 0) {
        return -1;
    }
    if (orm_plan_register(m) < 0 || (m->base != NULL && add_child(m->base, m) < 0)) {
        return -1;
    }
    for (orm_mapper *up = m->base; up != NULL; up = up->base) {
        Py_CLEAR(up->loads); /* their rows may be of this class from now on */
    }
    if (m->base != NULL) {
        forget_units(m->root); /* the order of the hierarchy's tables may be another one */
        orm_sql_new_epoch(m->state);
    }
    return install_class(m);
}

/* --- late attributes ------------------------------------------------------------------- */

/* The attribute in every descendant that does not map the key itself. 0 / -1. */
static int
hand_down(orm_mapper *m, orm_attribute *a)
{
    for (uint32_t i = 0; i < m->nchildren; i++) {
        orm_mapper *child = (orm_mapper *)Py_NewRef(m->children[i]);
        orm_attribute *copy = NULL;
        int rc = 0;

        Py_CLEAR(child->loads);
        int64_t slot = orm_mapper_slot(child, a->n.key);
        if (slot == -2) {
            rc = -1;
        }
        else if (slot == -1) {
            rc = orm_attribute_inherit(a, child, &copy);
            if (rc == 0) {
                rc = attrs_put_steal(child, copy);
            }
            if (rc == 0) {
                rc = orm_plan_install(child, child->attrs[a->slot]);
            }
        }
        if (rc == 0) {
            rc = hand_down(child, a);
        }
        Py_DECREF(child);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

PyObject *
orm_plan_add(orm_mapper *m, PyObject *slot_spec)
{
    PyObject *spec = NULL;
    orm_attribute *a = NULL;
    int64_t slot;

    if (m->disposed) {
        spec_error(m, "the mapping was disposed of");
        return NULL;
    }
    spec = check_slot(m, slot_spec) < 0 ? NULL : intern_key(slot_spec);
    if (spec == NULL) {
        return NULL;
    }
    slot = orm_mapper_slot(m, PyTuple_GET_ITEM(spec, 0));
    if (slot != -2) {
        a = orm_attribute_new(m, spec, slot < 0 ? m->root->next_slot : (uint32_t)slot);
    }
    Py_DECREF(spec);
    if (a == NULL) {
        return NULL;
    }
    Py_INCREF(a);
    if (ORM_SLOT_IS_RELATION(a->kind)) {
        m->ready = false;
        room_of(m->state)->waiting = true;
    }
    Py_CLEAR(m->loads);
    orm_sql_new_epoch(m->state);
    if (attrs_put_steal(m, a) < 0 || orm_plan_install(m, a) < 0 || hand_down(m, a) < 0) {
        Py_DECREF(a);
        return NULL;
    }
    return (PyObject *)a;
}
