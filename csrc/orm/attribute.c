/*
 * orm/attribute.c - InstrumentedAttribute: what a class has under a mapped name.
 *
 * Place: the class attribute itself: `User.name` is this object (a ColumnElement whose node is
 *   an ATTR), `user.name` goes through its descriptor functions. One per mapped class, also for
 *   inherited names, so that one pointer test says whether an instance has the slot.
 * Reads: tp_getattro of Entity stays object's, so methods, properties and patched classes keep
 *   their meaning and speed. Fast read: class pointer, slot, value. Everything else: access.c.
 * Ownership: the plan owns its attributes, an attribute its plan; `cls` is borrowed for the
 *   pointer test and NULLed when the plan loses the class. The collector breaks the ring.
 */
#include "orm/load_int.h"
#include "orm/relation_expr.h"

#include <string.h>

/* --- the descriptor -------------------------------------------------------------------- */

/* Head of an instance of this attribute's class or of a subclass. NULL: exception. */
static orm_head *
head_for(orm_attribute *a, PyObject *obj)
{
    orm_head *h = orm_head_of(a->mapper->state, obj);

    if (h != NULL && !orm_mapper_isa(h->mapper, a->mapper)) {
        PyErr_Format(PyExc_TypeError, "descriptor '%U' for '%.100s' objects doesn't apply to a "
                     "'%.100s' object", a->n.key,
                     a->cls == NULL ? "unmapped" : a->cls->tp_name, Py_TYPE(obj)->tp_name);
        return NULL;
    }
    return h;
}

/* Read through a foreign instance's dict. 1 and *out, 0 not there, -1. */
static int
foreign_peek(orm_attribute *a, PyObject *obj, PyObject **out)
{
    PyObject *dict = PyObject_GenericGetDict(obj, NULL);
    int rc;

    if (dict == NULL) {
        return -1;
    }
    rc = PyDict_GetItemRef(dict, a->n.key, out);
    Py_DECREF(dict);
    return rc;
}

static PyObject *
attribute_get(PyObject *self, PyObject *obj, PyObject *Py_UNUSED(type))
{
    orm_attribute *a = (orm_attribute *)self;
    orm_head *h = NULL;
    PyObject *v = NULL;

    if (obj == NULL) {
        return Py_NewRef(self);
    }
    if (Py_TYPE(obj) == a->cls && !a->foreign) {
        h = &((orm_entity *)obj)->head;
        v = orm_val_fast(h, a->slot);
        if (v != NULL) {
            return Py_NewRef(v);
        }
        /* fast path: same answer as orm_attribute_read where nothing could bring a value */
        if (a->slot < h->nslots && h->slots[a->slot] == NULL
            && ((orm_entity *)obj)->dict == NULL && !ORM_SLOT_IS_RELATION(a->kind)
            && !(a->flags & ORM_A_DEFERRED) && !(a->mask & ORM_L_DISPATCH)) {
            return Py_NewRef(Py_None);
        }
    }
    else if (a->foreign) {
        int rc = a->kind == ORM_SLOT_COLLECTION ? 0 : foreign_peek(a, obj, &v);
        if (rc != 0) {
            return rc < 0 ? NULL : v;
        }
    }
    h = head_for(a, obj);
    return h == NULL ? NULL : orm_attribute_read(h, a, ORM_PASSIVE_OFF, NULL);
}

static int
attribute_set(PyObject *self, PyObject *obj, PyObject *value)
{
    orm_attribute *a = (orm_attribute *)self;
    orm_head *h = head_for(a, obj);

    if (h == NULL) {
        return -1;
    }
    return value == NULL ? orm_attribute_delete(h, a) : orm_attribute_write(h, a, value);
}

/* --- birth ----------------------------------------------------------------------------- */

static orm_attribute *
attribute_alloc(orm_mapper *m, PyObject *key, uint32_t slot)
{
    PyTypeObject *type = m->state->InstrumentedAttribute;
    orm_attribute *a = (orm_attribute *)type->tp_alloc(type, 0);

    if (a != NULL) {
        a->mapper = (orm_mapper *)Py_NewRef(m);
        a->cls = m->cls;
        a->n.key = Py_NewRef(key);
        a->slot = slot;
        a->foreign = m->foreign;
        memset(a->hooks_at, 0xff, sizeof(a->hooks_at));
    }
    return a;
}

/* The ATTR node over the first column, and the name it has in SQL. 0 / -1. */
static int
attribute_seal(orm_attribute *a)
{
    orm_state *st = a->mapper->state;
    orm_node *column = NULL;
    orm_node *node = NULL;

    a->n.name = Py_NewRef(a->n.key);
    if (ORM_SLOT_IS_RELATION(a->kind)) {
        a->entity = (orm_node *)Py_XNewRef(a->mapper->entity);
        return 0;
    }
    if (a->columns == NULL || PyTuple_GET_SIZE(a->columns) == 0 || a->mapper->entity == NULL) {
        return 0;
    }
    column = orm_node_of(st, PyTuple_GET_ITEM(a->columns, 0));
    if (column == NULL) {
        return -1;
    }
    if (column->kind == ORM_N_COLUMN && orm_node_named(column)->name != NULL) {
        Py_SETREF(a->n.name, Py_NewRef(orm_node_named(column)->name));
    }
    node = orm_node_new(st, NULL, ORM_N_ATTR, 2);
    if (node == NULL) {
        return -1;
    }
    node->args[0] = (orm_node *)Py_NewRef(a->mapper->entity);
    node->args[1] = (orm_node *)Py_NewRef(column);
    node->aux = a->slot;
    node->payload = Py_NewRef(a);
    node->type = (orm_type *)Py_XNewRef(column->type);
    if (orm_node_seal(st, node) < 0 || orm_column_await_type(column, node) < 0) {
        Py_DECREF(node);
        return -1;
    }
    a->n.node = node;
    return 0;
}

/* Flags of a slot by its letters. 0 / -1 ValueError. */
static int
parse_flags(orm_attribute *a, PyObject *letters)
{
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(letters); i++) {
        switch (PyUnicode_READ_CHAR(letters, i)) {
        case 'd':
            a->flags |= ORM_A_DEFERRED;
            break;
        case 'r':
            a->flags |= ORM_A_RAISE;
            break;
        case 'a':
            a->mask |= ORM_L_ACTIVE;
            break;
        case 'q':
            a->flags |= ORM_A_QUERY;
            break;
        case 't':
            a->flags |= ORM_A_ON_PENDING;
            break;
        default:
            PyErr_Format(PyExc_ValueError, "slot '%U' of '%s': unknown flag in '%U'", a->n.key,
                         a->mapper->cls->tp_name, letters);
            return -1;
        }
    }
    return 0;
}

/* callable, or (callable, include_removes, include_backrefs). */
static void
set_validator(orm_attribute *a, PyObject *validator)
{
    a->validates = ORM_V_BACKREFS;
    if (PyTuple_Check(validator)) {
        bool removes = PyTuple_GET_ITEM(validator, 1) == Py_True;
        bool backrefs = PyTuple_GET_ITEM(validator, 2) == Py_True;
        a->validates = (uint8_t)((removes ? ORM_V_REMOVES : 0) | (backrefs ? ORM_V_BACKREFS : 0));
        validator = PyTuple_GET_ITEM(validator, 0);
    }
    a->validator = Py_NewRef(validator);
    a->mask |= ORM_L_VALIDATOR;
}

void
orm_attribute_fix_hooks(orm_attribute *a)
{
    for (int i = 0; i < ORM_AEV_COUNT; i++) {
        if (a->hooks_at[i] == UINT32_MAX) {
            PyObject *fns = orm_dispatch_get(a->dispatch, i);
            a->hooks_at[i] = fns == NULL ? 0 : (uint32_t)PyTuple_GET_SIZE(fns);
        }
    }
}

static int
parse_kind(orm_attribute *a, PyObject *kind)
{
    static const char *const names[] = {"column", "expression", "relation"};

    for (uint8_t i = 0; i < 3; i++) {
        if (PyUnicode_CompareWithASCIIString(kind, names[i]) == 0) {
            a->kind = i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "slot '%U' of '%s': unknown kind '%U'", a->n.key,
                 a->mapper->cls->tp_name, kind);
    return -1;
}

orm_attribute *
orm_attribute_new(orm_mapper *m, PyObject *spec, uint32_t slot)
{
    PyObject *key = PyTuple_GET_ITEM(spec, 0);
    PyObject *columns = PyTuple_GET_ITEM(spec, 2);
    PyObject *compare = PyTuple_GET_ITEM(spec, 5);
    PyObject *validator = PyTuple_GET_ITEM(spec, 6);
    orm_attribute *a = attribute_alloc(m, key, slot);

    if (a == NULL) {
        return NULL;
    }
    if (parse_kind(a, PyTuple_GET_ITEM(spec, 1)) < 0
        || parse_flags(a, PyTuple_GET_ITEM(spec, 3)) < 0) {
        goto error;
    }
    if (!ORM_SLOT_IS_RELATION(a->kind) && PyTuple_GET_SIZE(columns) == 0) {
        PyErr_Format(PyExc_ValueError, "slot '%U' of '%s' has no column", key, m->cls->tp_name);
        goto error;
    }
    a->columns = Py_NewRef(columns);
    a->prop = Py_NewRef(PyTuple_GET_ITEM(spec, 4));
    a->compare = compare == Py_None ? NULL : Py_NewRef(compare);
    if (validator != Py_None) {
        set_validator(a, validator);
    }
    if (ORM_SLOT_IS_RELATION(a->kind)) {
        a->mask |= ORM_L_TYPECHECK; /* writes take the long way, which configures the mapping */
    }
    if (attribute_seal(a) < 0) {
        goto error;
    }
    return a;
error:
    Py_DECREF(a);
    return NULL;
}

int
orm_attribute_inherit(orm_attribute *from, orm_mapper *m, orm_attribute **out)
{
    orm_attribute *a = attribute_alloc(m, from->n.key, from->slot);

    if (a == NULL) {
        return -1;
    }
    a->kind = from->kind;
    a->flags = from->flags | ORM_A_INHERITED;
    a->mask = from->mask & (uint16_t)~ORM_L_DISPATCH; /* pyorm.event hands listeners down */
    a->columns = Py_XNewRef(from->columns);
    a->prop = Py_XNewRef(from->prop);
    a->compare = Py_XNewRef(from->compare);
    a->validator = Py_XNewRef(from->validator);
    a->validates = from->validates;
    a->relation = (orm_relation *)Py_XNewRef(from->relation);
    if (attribute_seal(a) < 0) {
        Py_DECREF(a);
        return -1;
    }
    *out = a;
    return 0;
}

orm_node *
orm_attribute_node(orm_attribute *a, orm_node *entity, orm_node *column)
{
    orm_node *args[] = {entity, column};

    return orm_node_make(a->mapper->state, ORM_N_ATTR, ORM_OP_NONE, column->type, (PyObject *)a,
                         a->slot, 2, args);
}

/* An attribute that is no descriptor: of another entity, or under another key. aux: the node's. */
static orm_attribute *
stand_in(orm_attribute *of, orm_node *entity, orm_node *column, PyObject *key, uint32_t aux)
{
    orm_mapper *m = of->mapper;
    orm_attribute *a = attribute_alloc(m, key, of->slot);
    orm_node *args[] = {entity, column};

    if (a == NULL) {
        return NULL;
    }
    a->cls = NULL;
    a->kind = of->kind;
    a->flags = of->flags;
    a->columns = Py_XNewRef(of->columns);
    a->prop = Py_XNewRef(of->prop);
    a->relation = (orm_relation *)Py_XNewRef(of->relation);
    a->n.name = Py_NewRef(of->n.name);
    a->n.node = orm_node_make(m->state, ORM_N_ATTR, ORM_OP_NONE, column->type, (PyObject *)a,
                              aux, 2, args);
    if (a->n.node == NULL) {
        Py_CLEAR(a);
    }
    return a;
}

/* A relationship of another entity, or with another target: of itself it has no column. */
static orm_attribute *
relation_stand_in(orm_attribute *of, orm_node *entity, PyObject *key)
{
    orm_attribute *a = attribute_alloc(of->mapper, key, of->slot);

    if (a != NULL) {
        a->cls = NULL;
        a->kind = of->kind;
        a->flags = of->flags;
        a->prop = Py_XNewRef(of->prop);
        a->relation = (orm_relation *)Py_XNewRef(of->relation);
        a->n.name = Py_NewRef(of->n.name);
        a->entity = (orm_node *)Py_XNewRef(entity);
    }
    return a;
}

PyObject *
orm_attribute_variant(orm_attribute *of, orm_node *of_type, orm_node *criterion)
{
    orm_attribute *a = relation_stand_in(of, of->entity, of->n.key);

    if (a != NULL) {
        a->of_type = (orm_node *)Py_XNewRef(of_type != NULL ? of_type : of->of_type);
        a->criteria = (orm_node *)Py_XNewRef(criterion != NULL ? criterion : of->criteria);
    }
    return (PyObject *)a;
}

orm_attribute *
orm_attribute_of_alias(orm_attribute *of, orm_node *entity, orm_node *column)
{
    if (ORM_SLOT_IS_RELATION(of->kind)) {
        return relation_stand_in(of, entity, of->n.key);
    }
    return stand_in(of, entity, column, of->n.key, of->slot);
}

orm_attribute *
orm_attribute_proxy(orm_attribute *of, PyObject *key, uint32_t number, PyObject *behind)
{
    orm_attribute *a = stand_in(of, of->n.node->args[0], of->n.node->args[1], key, number);

    if (a != NULL && behind != Py_None) {
        a->behind = Py_NewRef(behind);
    }
    return a;
}

PyObject *
orm_attribute_alias(const orm_attribute *a)
{
    orm_node *entity = orm_attribute_entity(a);

    return entity != NULL && entity->aux & ORM_ENTITY_ALIASED ? orm_entity_owner(entity) : NULL;
}

void
orm_attribute_unbind(orm_attribute *a)
{
    a->cls = NULL;
}

/* --- collector ------------------------------------------------------------------------- */

static int
attribute_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_attribute *a = (orm_attribute *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(a->n.node);
    Py_VISIT(a->mapper);
    Py_VISIT(a->prop);
    Py_VISIT(a->columns);
    Py_VISIT(a->compare);
    Py_VISIT(a->dispatch);
    Py_VISIT(a->validator);
    Py_VISIT(a->relation);
    Py_VISIT(a->entity);
    Py_VISIT(a->of_type);
    Py_VISIT(a->criteria);
    Py_VISIT(a->as_sql);
    Py_VISIT(a->behind);
    for (int i = 0; i < ORM_OP_EVENT_COUNT; i++) {
        Py_VISIT(a->tokens[i]);
    }
    return 0;
}

static int
attribute_clear(PyObject *self)
{
    orm_attribute *a = (orm_attribute *)self;

    /* key, mapper and class stay: a descriptor can be reached while garbage is taken apart.
       The plan's own tp_clear breaks the ring between them. */
    Py_CLEAR(a->n.node);
    Py_CLEAR(a->prop);
    Py_CLEAR(a->columns);
    Py_CLEAR(a->compare);
    Py_CLEAR(a->validator);
    Py_CLEAR(a->relation);
    Py_CLEAR(a->entity);
    Py_CLEAR(a->of_type);
    Py_CLEAR(a->criteria);
    Py_CLEAR(a->as_sql);
    Py_CLEAR(a->behind);
    a->mask &= (uint16_t)~(ORM_L_DISPATCH | ORM_L_VALIDATOR);
    Py_CLEAR(a->dispatch);
    for (int i = 0; i < ORM_OP_EVENT_COUNT; i++) {
        Py_CLEAR(a->tokens[i]);
    }
    return 0;
}

static void
attribute_dealloc(PyObject *self)
{
    orm_attribute *a = (orm_attribute *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (a->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    attribute_clear(self);
    Py_CLEAR(a->n.name);
    Py_CLEAR(a->n.key);
    Py_CLEAR(a->mapper);
    type->tp_free(self);
    Py_DECREF(type);
}

/* --- what users see -------------------------------------------------------------------- */

static PyObject *
attribute_repr(PyObject *self)
{
    orm_attribute *a = (orm_attribute *)self;

    return PyUnicode_FromFormat("<pyorm.orm.attributes.InstrumentedAttribute object at %p>",
                                (void *)a);
}

/* What stands before the dot: the class's name, or what str() of an alias says. */
static PyObject *
owner_name(const orm_attribute *a)
{
    PyObject *alias = orm_attribute_alias(a);

    if (alias != NULL) {
        return PyObject_Str(alias);
    }
    return a->mapper->cls == NULL ? PyUnicode_FromString("unmapped")
                                  : PyType_GetName(a->mapper->cls);
}

/* "User.name": the SQL text is that of the column, which str() of a clause element shows. */
static PyObject *
attribute_str(PyObject *self)
{
    orm_attribute *a = (orm_attribute *)self;
    PyObject *name = owner_name(a);
    PyObject *text = name == NULL ? NULL : PyUnicode_FromFormat("%U.%U", name, a->n.key);

    Py_XDECREF(name);
    return text;
}

/* What the attribute has not the property's comparator may have, or the column: `nullable`,
   `primary_key`, `table`, a comparator's own methods. */
static PyObject *
attribute_getattro(PyObject *self, PyObject *name)
{
    orm_attribute *a = (orm_attribute *)self;
    PyObject *found = NULL;
    PyObject *comparator = NULL;
    PyObject *cls_name = NULL;
    const char *asked = "Comparator";
    int rc = 0;

    if (ORM_SLOT_IS_RELATION(a->kind) && orm_relation_method(a, name, &found) != 0) {
        return found;
    }
    if (a->prop != NULL && PyUnicode_CompareWithASCIIString(name, "__doc__") == 0) {
        rc = PyObject_GetOptionalAttrString(a->prop, "doc", &found);
        if (rc != 0 && found != Py_None) {
            return found;
        }
        Py_CLEAR(found);
        rc = 0;
    }
    found = Py_TYPE(self)->tp_base->tp_getattro(self, name);
    if (found != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)
        || (PyUnicode_GET_LENGTH(name) > 1 && PyUnicode_READ_CHAR(name, 0) == '_'
            && PyUnicode_READ_CHAR(name, 1) == '_')) {
        return found;
    }
    PyErr_Clear();
    if (a->behind != NULL) {
        rc = PyObject_GetOptionalAttr(a->behind, name, &found);
    }
    if (rc == 0 && a->prop != NULL) {
        rc = orm_attribute_comparator(a, &comparator);
    }
    if (comparator != NULL && comparator != self) {
        rc = PyObject_GetOptionalAttr(comparator, name, &found);
    }
    if (comparator != NULL && ORM_SLOT_IS_RELATION(a->kind) && comparator != self) {
        asked = strrchr(Py_TYPE(comparator)->tp_name, '.');
        asked = asked == NULL ? Py_TYPE(comparator)->tp_name : asked + 1;
    }
    Py_XDECREF(comparator);
    if (rc == 1 && found == NULL) { /* the comparator was the attribute itself */
        rc = 0;
    }
    if (rc == 0 && a->columns != NULL && PyTuple_GET_SIZE(a->columns) > 0) {
        rc = PyObject_GetOptionalAttr(PyTuple_GET_ITEM(a->columns, 0), name, &found);
    }
    if (rc == 0) {
        cls_name = owner_name(a);
        if (cls_name != NULL) {
            PyErr_Format(PyExc_AttributeError,
                         "Neither 'InstrumentedAttribute' object nor '%s' object "
                         "associated with %U.%U has an attribute '%U'",
                         asked, cls_name, a->n.key, name);
            Py_DECREF(cls_name);
        }
    }
    return found;
}

static PyObject *
attribute_compare(PyObject *self, PyObject *other, int op)
{
    orm_attribute *a = (orm_attribute *)self;

    if (ORM_SLOT_IS_RELATION(a->kind)) {
        return orm_relation_compare(a, other, op);
    }
    return Py_TYPE(self)->tp_base->tp_richcompare(self, other, op);
}

static Py_hash_t
attribute_hash(PyObject *self)
{
    return Py_TYPE(self)->tp_base->tp_hash(self);
}

static PyObject *
get_key(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(((orm_attribute *)self)->n.key);
}

static PyObject *
get_class(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;
    PyObject *alias = orm_attribute_alias(a);

    if (alias != NULL) {
        return Py_NewRef(alias);
    }
    return Py_NewRef(a->mapper->cls == NULL ? Py_None : (PyObject *)a->mapper->cls);
}

static PyObject *
get_property(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;

    return Py_NewRef(a->prop == NULL ? Py_None : a->prop);
}

static PyObject *
get_parent(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;
    PyObject *alias = orm_attribute_alias(a);

    if (alias != NULL) {
        return PyObject_GetAttr(alias, a->mapper->state->s_aliased_insp);
    }
    return Py_NewRef(a->mapper->py == NULL ? Py_None : a->mapper->py);
}

/* The entity that of_type() named, as users see it; None. */
static PyObject *
get_of_type(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;
    PyObject *shown = a->of_type == NULL ? Py_NewRef(Py_None)
                                         : orm_node_wrap(a->mapper->state, a->of_type);

    if (shown != NULL && PyObject_TypeCheck(shown, a->mapper->state->MapperPlan)) {
        Py_SETREF(shown, Py_NewRef(((orm_mapper *)shown)->cls));
    }
    return shown;
}

/* What and_() added, as a tuple of one criterion or of none. */
static PyObject *
get_extra_criteria(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;

    return a->criteria == NULL ? PyTuple_New(0) : PyTuple_Pack(1, a->criteria);
}

static PyObject *
get_self(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self);
}

static PyObject *
get_extension_type(PyObject *self, void *Py_UNUSED(closure))
{
    orm_state *st = ((orm_attribute *)self)->mapper->state;
    PyObject *cls = orm_import_once(&st->not_extension, "pyorm.orm._symbols", "NotExtension");

    return cls == NULL ? NULL : PyObject_GetAttrString(cls, "NOT_EXTENSION");
}

static PyObject *
get_slot(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLong(((orm_attribute *)self)->slot);
}

static PyObject *
get_comparator(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;
    PyObject *found = NULL;
    int rc = a->prop == NULL ? 0 : orm_attribute_comparator(a, &found);

    return rc == 0 ? PyObject_GetAttrString(Py_None, "comparator") : found;
}

static PyObject *
get_true(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    return Py_NewRef(Py_True);
}

static PyObject *
get_active_history(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(((orm_attribute *)self)->mask & ORM_L_ACTIVE);
}

/* A listener with active_history=True: sets load the old value first from now on. */
static int
set_active_history(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    int truth = value == NULL ? 0 : PyObject_IsTrue(value);

    if (truth > 0) {
        ((orm_attribute *)self)->mask |= ORM_L_ACTIVE;
    }
    return truth < 0 ? -1 : 0;
}

static PyObject *
get_dispatch(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;

    return Py_NewRef(a->dispatch == NULL ? Py_None : (PyObject *)a->dispatch);
}

/* pyorm.event gives the attribute its Dispatch at the first registration. */
static int
set_dispatch(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;
    bool none = value == NULL || value == Py_None;

    if (!none && !Py_IS_TYPE(value, a->mapper->state->Dispatch)) {
        PyErr_SetString(PyExc_TypeError, "dispatch must be a Dispatch or None");
        return -1;
    }
    if (!none && Py_SIZE(value) != ORM_AEV_COUNT) {
        PyErr_SetString(PyExc_ValueError, "not a Dispatch of AttributeEvents");
        return -1;
    }
    if (none) {
        a->mask &= (uint16_t)~ORM_L_DISPATCH;
    }
    else {
        a->mask |= ORM_L_DISPATCH;
    }
    Py_XSETREF(a->dispatch, none ? NULL : (orm_dispatch *)Py_NewRef(value));
    return 0;
}

static PyObject *
get_info(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = (orm_attribute *)self;

    return PyObject_GetAttrString(a->prop == NULL ? Py_None : a->prop, "info");
}

static PyGetSetDef attribute_getset[] = {
    {"key", get_key, NULL, "Name of the attribute on the class.", NULL},
    {"class_", get_class, NULL, "The mapped class.", NULL},
    {"property", get_property, NULL, "The MapperProperty.", NULL},
    {"prop", get_property, NULL, "The MapperProperty.", NULL},
    {"parent", get_parent, NULL, "The Mapper of the class, or what inspect() says of the alias.", NULL},
    {"_parententity", get_parent, NULL, "The Mapper of the class, or what inspect() says of the alias.", NULL},
    {"_of_type", get_of_type, NULL, "The entity that of_type() named, or None.", NULL},
    {"_extra_criteria", get_extra_criteria, NULL, "What and_() added.", NULL},
    {"expression", get_self, NULL, "The attribute as a SQL expression: itself.", NULL},
    {"extension_type", get_extension_type, NULL, "Always NOT_EXTENSION.", NULL},
    {"_slot", get_slot, NULL, "Its place in an instance.", NULL},
    {"impl", get_self, NULL, "What stores the values: the attribute itself.", NULL},
    {"comparator", get_comparator, NULL, "The property's comparator.", NULL},
    {"is_attribute", get_true, NULL, "Always True.", NULL},
    {"active_history", get_active_history, set_active_history, "Whether a set loads the old value.", NULL},
    {"dispatch", get_dispatch, set_dispatch, "Listeners, or None before the first.", NULL},
    {"info", get_info, NULL, "The property's info.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyObject *
attribute_clause_element(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return Py_NewRef(self);
}

static PyMethodDef attribute_methods[] = {
    {"__clause_element__", attribute_clause_element, METH_NOARGS, "The attribute itself."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef attribute_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_attribute, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot attribute_slots[] = {
    {Py_tp_doc, "A mapped attribute of a class: descriptor and SQL expression in one."},
    {Py_tp_dealloc, attribute_dealloc},
    {Py_tp_traverse, attribute_traverse},
    {Py_tp_clear, attribute_clear},
    {Py_tp_repr, attribute_repr},
    {Py_tp_str, attribute_str},
    {Py_tp_getattro, attribute_getattro},
    {Py_tp_richcompare, attribute_compare},
    {Py_tp_hash, attribute_hash},
    {Py_tp_descr_get, attribute_get},
    {Py_tp_descr_set, attribute_set},
    {Py_tp_getset, attribute_getset},
    {Py_tp_methods, attribute_methods},
    {Py_tp_members, attribute_members},
    {0, NULL},
};

PyType_Spec orm_attribute_spec = {
    .name = "pyorm._core.InstrumentedAttribute",
    .basicsize = sizeof(orm_attribute),
    /* Not immutable: ColumnElement, which users may subclass, is not either. */
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = attribute_slots,
};
