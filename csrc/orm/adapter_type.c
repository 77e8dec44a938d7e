/*
 * orm/adapter_type.c - `_core.CollectionAdapter`, which stands between an instance and a container
 * of a user's own class, and AttributeEventToken, the `initiator` of events.
 *
 * Place: a user's container keeps its adapter as `_sa_adapter`; the methods that pyorm.orm.
 *   collections puts around the class's own call fire_append_event and the like. Of the
 *   instrumented types an adapter is a view that is made when somebody asks for it.
 */
#include "orm/collection_int.h"

static orm_adapter *
self_of(PyObject *self)
{
    return (orm_adapter *)self;
}

/* The link this adapter speaks of, borrowed. */
static orm_coll *
link_of(PyObject *self)
{
    orm_adapter *ad = self_of(self);

    return ad->viewed == NULL ? &ad->coll : orm_coll_of(orm_state_from_type(Py_TYPE(self)), ad->viewed);
}

/* The container. New reference; NULL without exception: it is gone. */
static PyObject *
data_of(PyObject *self)
{
    orm_adapter *ad = self_of(self);
    PyObject *data = NULL;

    if (ad->viewed != NULL) {
        return Py_NewRef(ad->viewed);
    }
    if (ad->ref != NULL && PyWeakref_GetRef(ad->ref, &data) < 0) {
        PyErr_Clear();
    }
    return data;
}

PyObject *
orm_adapter_for(orm_state *st, PyObject *coll)
{
    PyObject *found = NULL;
    orm_adapter *ad = NULL;
    bool own = PyObject_TypeCheck(coll, st->InstrumentedList)
               || PyObject_TypeCheck(coll, st->InstrumentedSet)
               || PyObject_TypeCheck(coll, st->InstrumentedDict);

    if (!own) {
        if (PyObject_GetOptionalAttr(coll, st->s_sa_adapter, &found) < 0) {
            return NULL;
        }
        if (found != NULL && Py_IS_TYPE(found, st->CollectionAdapter)) {
            return found;
        }
        Py_XDECREF(found);
    }
    ad = (orm_adapter *)st->CollectionAdapter->tp_alloc(st->CollectionAdapter, 0);
    if (ad == NULL) {
        return NULL;
    }
    if (own) {
        ad->viewed = Py_NewRef(coll);
        return (PyObject *)ad;
    }
    ad->ref = PyWeakref_NewRef(coll, NULL);
    if (ad->ref == NULL || PyObject_SetAttr(coll, st->s_sa_adapter, (PyObject *)ad) < 0) {
        Py_CLEAR(ad);
    }
    return (PyObject *)ad;
}

/* --- attributes -------------------------------------------------------------------------------- */

static PyObject *
none_or(PyObject *v)
{
    return v == NULL ? Py_NewRef(Py_None) : v;
}

static PyObject *
get_data(PyObject *self, void *Py_UNUSED(closure))
{
    return none_or(data_of(self));
}

static PyObject *
get_owner_state(PyObject *self, void *Py_UNUSED(closure))
{
    orm_coll *c = link_of(self);

    return c == NULL || c->owner == NULL ? Py_NewRef(Py_None) : orm_state_of(c->owner);
}

static PyObject *
get_attr(PyObject *self, void *Py_UNUSED(closure))
{
    orm_coll *c = link_of(self);
    orm_attribute *a = c == NULL ? NULL : orm_coll_attr(c);

    return Py_NewRef(a == NULL ? Py_None : (PyObject *)a);
}

static PyObject *
get_key(PyObject *self, void *Py_UNUSED(closure))
{
    orm_coll *c = link_of(self);
    orm_attribute *a = c == NULL ? NULL : orm_coll_attr(c);

    return Py_NewRef(a == NULL ? Py_None : a->n.key);
}

/* Whether the instance's attribute holds this very container: not while it is being replaced. */
static PyObject *
get_referenced(PyObject *self, void *Py_UNUSED(closure))
{
    orm_coll *c = link_of(self);
    PyObject *data = data_of(self);
    PyObject *stored = c == NULL || c->owner == NULL ? NULL : orm_val_peek(c->owner, c->slot, NULL);
    PyObject *answer = PyBool_FromLong(data != NULL && stored == data);

    Py_XDECREF(stored);
    Py_XDECREF(data);
    return answer;
}

static PyObject *
get_flag(PyObject *self, void *closure)
{
    orm_coll *c = link_of(self);

    return PyBool_FromLong(c != NULL && c->flags & (uint8_t)(intptr_t)closure);
}

static PyObject *
get_self(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(self);
}

/* --- methods ----------------------------------------------------------------------------------- */

/* The container and its attribute, both owned. 0 / -1 ReferenceError. */
static int
want_both(PyObject *self, PyObject **data, orm_attribute **a)
{
    orm_coll *c = link_of(self);

    *a = c == NULL ? NULL : (orm_attribute *)Py_XNewRef(orm_coll_attr(c));
    *data = *a == NULL ? NULL : data_of(self);
    if (*data == NULL) {
        Py_CLEAR(*a);
        PyErr_SetString(PyExc_ReferenceError, "the collection belongs to no instance any more");
        return -1;
    }
    return 0;
}

static PyObject *
change(PyObject *self, PyObject *member, PyObject *initiator, bool add)
{
    PyObject *data = NULL;
    orm_attribute *a = NULL;
    int rc;

    if (want_both(self, &data, &a) < 0) {
        return NULL;
    }
    rc = add ? orm_container_add(a, data, member, initiator)
             : orm_container_remove(a, data, member, initiator);
    Py_DECREF(data);
    Py_DECREF(a);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
append_with_event(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "append_with_event(item, initiator=None)");
        return NULL;
    }
    return change(self, args[0], nargs == 2 ? orm_initiator_arg(args[1]) : NULL, true);
}

static PyObject *
remove_with_event(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 1 || nargs > 2) {
        PyErr_SetString(PyExc_TypeError, "remove_with_event(item, initiator=None)");
        return NULL;
    }
    return change(self, args[0], nargs == 2 ? orm_initiator_arg(args[1]) : NULL, false);
}

static PyObject *
append_without_event(PyObject *self, PyObject *item)
{
    return change(self, item, Py_False, true);
}

static PyObject *
remove_without_event(PyObject *self, PyObject *item)
{
    return change(self, item, Py_False, false);
}

static PyObject *
members(PyObject *self)
{
    PyObject *data = NULL;
    orm_attribute *a = NULL;
    PyObject *list = NULL;

    if (want_both(self, &data, &a) < 0) {
        return NULL;
    }
    list = orm_collection_members(a, data);
    Py_DECREF(data);
    Py_DECREF(a);
    return list;
}

static PyObject *
clear_all(PyObject *self, PyObject *initiator)
{
    PyObject *list = members(self);
    PyObject *result = list == NULL ? NULL : Py_NewRef(Py_None);

    for (Py_ssize_t i = 0; result != NULL && i < PyList_GET_SIZE(list); i++) {
        Py_DECREF(result);
        result = change(self, PyList_GET_ITEM(list, i), initiator, false);
    }
    Py_XDECREF(list);
    return result;
}

static PyObject *
clear_with_event(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return clear_all(self, nargs == 1 ? orm_initiator_arg(args[0]) : NULL);
}

static PyObject *
clear_without_event(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return clear_all(self, Py_False);
}

/* fire_*_event(item, initiator=None, key=None): what instrumented methods call. */
enum { FIRE_APPEND, FIRE_REMOVE, FIRE_KEPT };

static PyObject *
fire(PyObject *self, PyObject *const *args, Py_ssize_t nargs, int what)
{
    orm_coll *c = link_of(self);
    PyObject *item = NULL;
    PyObject *initiator = nargs > 1 ? orm_initiator_arg(args[1]) : NULL;
    PyObject *key = nargs > 2 ? args[2] : NULL;
    int rc = 0;

    if (nargs < 1 || nargs > 3) {
        PyErr_SetString(PyExc_TypeError, "fire_*_event(item, initiator=None, key=NO_KEY)");
        return NULL;
    }
    item = Py_NewRef(args[0]);
    if (c != NULL) {
        rc = what == FIRE_APPEND   ? orm_coll_fire_append(c, &item, initiator, key)
             : what == FIRE_REMOVE ? orm_coll_fire_remove(c, item, initiator, key)
                                   : orm_coll_fire_wo_mutation(c, &item, initiator, key);
    }
    if (rc < 0) {
        Py_CLEAR(item);
    }
    else if (what == FIRE_REMOVE) {
        Py_SETREF(item, Py_NewRef(Py_None));
    }
    return item;
}

static PyObject *
fire_append_event(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return fire(self, args, nargs, FIRE_APPEND);
}

static PyObject *
fire_remove_event(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return fire(self, args, nargs, FIRE_REMOVE);
}

static PyObject *
fire_append_wo_mutation_event(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    return fire(self, args, nargs, FIRE_KEPT);
}

static PyObject *
fire_pre_remove_event(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_coll *c = link_of(self);
    PyObject *initiator = nargs == 1 ? orm_initiator_arg(args[0]) : NULL;

    if (c != NULL && orm_coll_before_pop(c, initiator) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
adapter_iter(PyObject *self)
{
    PyObject *list = members(self);
    PyObject *it = list == NULL ? NULL : PyObject_GetIter(list);

    Py_XDECREF(list);
    return it;
}

static Py_ssize_t
adapter_len(PyObject *self)
{
    PyObject *list = members(self);
    Py_ssize_t n = list == NULL ? -1 : PyList_GET_SIZE(list);

    Py_XDECREF(list);
    return n;
}

static int
adapter_bool(PyObject *Py_UNUSED(self))
{
    return 1;
}

/* --- life ---------------------------------------------------------------------------------------- */

static int
adapter_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self_of(self)->ref);
    Py_VISIT(self_of(self)->viewed);
    Py_VISIT(self_of(self)->coll.lost);
    return 0;
}

static int
adapter_clear(PyObject *self)
{
    Py_CLEAR(self_of(self)->ref);
    Py_CLEAR(self_of(self)->viewed);
    Py_CLEAR(self_of(self)->coll.lost);
    return 0;
}

static void
adapter_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    orm_coll_unlink(&self_of(self)->coll);
    if (self_of(self)->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    adapter_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

/* A pickled container comes back without an adapter; its instance gives it one. */
static PyObject *
adapter_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    PyObject *none = PyObject_GetAttrString(orm_state_from_type(Py_TYPE(self))->module,
                                            "_no_adapter");
    PyObject *result = none == NULL ? NULL : Py_BuildValue("O()", none);

    Py_XDECREF(none);
    return result;
}

static PyMethodDef adapter_methods[] = {
    {"append_with_event", ORM_METHOD(append_with_event), METH_FASTCALL,
     "append_with_event($self, item, initiator=None, /)\n--\n\nAdd a member, firing events."},
    {"remove_with_event", ORM_METHOD(remove_with_event), METH_FASTCALL,
     "remove_with_event($self, item, initiator=None, /)\n--\n\nTake a member out, firing events."},
    {"append_without_event", append_without_event, METH_O,
     "append_without_event($self, item, /)\n--\n\nAdd a member silently."},
    {"remove_without_event", remove_without_event, METH_O,
     "remove_without_event($self, item, /)\n--\n\nTake a member out silently."},
    {"clear_with_event", ORM_METHOD(clear_with_event), METH_FASTCALL,
     "clear_with_event($self, initiator=None, /)\n--\n\nTake all members out, firing events."},
    {"clear_without_event", clear_without_event, METH_NOARGS,
     "clear_without_event($self, /)\n--\n\nTake all members out silently."},
    {"fire_append_event", ORM_METHOD(fire_append_event), METH_FASTCALL,
     "fire_append_event($self, item, initiator=None, key=None, /)\n--\n\n"
     "Tell that a member arrives; returns what is to be added."},
    {"fire_remove_event", ORM_METHOD(fire_remove_event), METH_FASTCALL,
     "fire_remove_event($self, item, initiator=None, key=None, /)\n--\n\n"
     "Tell that a member leaves."},
    {"fire_append_wo_mutation_event", ORM_METHOD(fire_append_wo_mutation_event), METH_FASTCALL,
     "fire_append_wo_mutation_event($self, item, initiator=None, key=None, /)\n--\n\n"
     "Tell that a member that is there is added again."},
    {"fire_pre_remove_event", ORM_METHOD(fire_pre_remove_event), METH_FASTCALL,
     "fire_pre_remove_event($self, initiator=None, /)\n--\n\nKeep history before a removal."},
    {"__reduce__", adapter_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef adapter_getset[] = {
    {"data", get_data, NULL, "The container, or None if it is gone.", NULL},
    {"owner_state", get_owner_state, NULL, "InstanceState of the instance, or None.", NULL},
    {"attr", get_attr, NULL, "The attribute, or None.", NULL},
    {"_key", get_key, NULL, "Name of the attribute, or None.", NULL},
    {"_data", get_data, NULL, "The container, or None if it is gone.", NULL},
    {"_referenced_by_owner", get_referenced, NULL,
     "Whether the instance's attribute holds the container.", NULL},
    {"empty", get_flag, NULL, "Whether it was handed out and never changed.",
     (void *)(intptr_t)ORM_CF_EMPTY},
    {"invalidated", get_flag, NULL, "Whether its attribute was expired.",
     (void *)(intptr_t)ORM_CF_STALE},
    {"_sa_adapter", get_self, NULL, "Itself.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef adapter_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_adapter, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot adapter_slots[] = {
    {Py_tp_doc, "Stands between an instance and a collection of any class."},
    {Py_tp_dealloc, adapter_dealloc},
    {Py_tp_traverse, adapter_traverse},
    {Py_tp_clear, adapter_clear},
    {Py_tp_iter, adapter_iter},
    {Py_sq_length, adapter_len},
    {Py_nb_bool, adapter_bool},
    {Py_tp_methods, adapter_methods},
    {Py_tp_getset, adapter_getset},
    {Py_tp_members, adapter_members},
    {0, NULL},
};

PyType_Spec orm_adapter_spec = {
    .name = "pyorm._core.CollectionAdapter",
    .basicsize = sizeof(orm_adapter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = adapter_slots,
};

/* --- AttributeEventToken --------------------------------------------------------------------------- */

static int
token_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((orm_token *)self)->attr);
    return 0;
}

static int
token_clear(PyObject *self)
{
    Py_CLEAR(((orm_token *)self)->attr);
    return 0;
}

static void
token_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    token_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
token_impl(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = ((orm_token *)self)->attr;

    return Py_NewRef(a == NULL ? Py_None : (PyObject *)a);
}

static PyObject *
token_key(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = ((orm_token *)self)->attr;

    return Py_NewRef(a == NULL ? Py_None : a->n.key);
}

static PyObject *
token_parent(PyObject *self, void *Py_UNUSED(closure))
{
    orm_attribute *a = ((orm_token *)self)->attr;

    return Py_NewRef(a == NULL || a->prop == NULL ? Py_None : a->prop);
}

static PyObject *
token_op(PyObject *self, void *Py_UNUSED(closure))
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *ops = st == NULL ? NULL : orm_import_once(&st->event_ops, "pyorm.orm._symbols",
                                                        "ATTRIBUTE_OPS");

    return ops == NULL ? NULL : Py_NewRef(PyTuple_GET_ITEM(ops, ((orm_token *)self)->op));
}

/* hasparent(state): whether the instance is known to have a parent by this attribute. */
static PyObject *
token_hasparent(PyObject *self, PyObject *state)
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    orm_attribute *a = ((orm_token *)self)->attr;
    orm_head *h = NULL;

    if (st == NULL || !Py_IS_TYPE(state, st->InstanceState)) {
        PyErr_SetString(PyExc_TypeError, "hasparent() takes an InstanceState");
        return NULL;
    }
    h = orm_view_head((orm_view *)state);
    return PyBool_FromLong(h != NULL && a != NULL && a->relation != NULL
                           && orm_has_parent(h, a->relation, 0) > 0);
}

static PyMethodDef token_methods[] = {
    {"hasparent", token_hasparent, METH_O,
     "hasparent($self, state, /)\n--\n\nWhether it is a member of a parent's attribute."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef token_getset[] = {
    {"impl", token_impl, NULL, "The InstrumentedAttribute.", NULL},
    {"key", token_key, NULL, "Name of the attribute.", NULL},
    {"op", token_op, NULL, "OP_APPEND, OP_REMOVE, OP_REPLACE, OP_BULK_REPLACE or OP_MODIFIED.", NULL},
    {"parent_token", token_parent, NULL, "The attribute's property.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot token_slots[] = {
    {Py_tp_doc, "Says which attribute and operation an event comes from."},
    {Py_tp_dealloc, token_dealloc},
    {Py_tp_traverse, token_traverse},
    {Py_tp_clear, token_clear},
    {Py_tp_methods, token_methods},
    {Py_tp_getset, token_getset},
    {0, NULL},
};

PyType_Spec orm_token_spec = {
    .name = "pyorm._core.AttributeEventToken",
    .basicsize = sizeof(orm_token),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = token_slots,
};

static PyObject *
no_adapter(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    Py_RETURN_NONE;
}

static PyMethodDef collection_functions[] = {
    {"_collection_rebuild", ORM_METHOD(orm_coll_rebuild), METH_FASTCALL, NULL},
    {"_no_adapter", no_adapter, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

int
orm_collections_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &orm_token_spec, NULL, &st->AttributeEventToken) < 0
        || orm_type_add(module, st, &orm_adapter_spec, NULL, &st->CollectionAdapter) < 0
        || orm_type_add(module, st, &orm_ilist_spec, &PyList_Type, &st->InstrumentedList) < 0
        || orm_type_add(module, st, &orm_iset_spec, &PySet_Type, &st->InstrumentedSet) < 0
        || orm_type_add(module, st, &orm_idict_spec, &PyDict_Type, &st->InstrumentedDict) < 0
        || orm_type_add(module, st, &orm_keyfunc_spec, NULL, &st->AttributeKey) < 0
        || orm_type_add(module, st, &orm_keyed_spec, st->InstrumentedDict, &st->KeyFuncDict) < 0) {
        return -1;
    }
    if (orm_type_set_module(st->AttributeEventToken, "pyorm.orm.attributes") < 0
        || orm_type_set_module(st->CollectionAdapter, "pyorm.orm.collections") < 0
        || orm_type_set_module(st->InstrumentedList, "pyorm.orm.collections") < 0
        || orm_type_set_module(st->InstrumentedSet, "pyorm.orm.collections") < 0
        || orm_type_set_module(st->InstrumentedDict, "pyorm.orm.collections") < 0
        || orm_type_set_module(st->KeyFuncDict, "pyorm.orm.collections") < 0) {
        return -1;
    }
    return orm_queued_setup(module) < 0 ? -1 : PyModule_AddFunctions(module, collection_functions);
}
