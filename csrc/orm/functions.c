/*
 * orm/functions.c - the functions of pyorm.orm.attributes, and the setup of orm/.
 *
 * Place: `flag_modified(obj, "key")` and its family by key instead of by descriptor; exported
 *   under their public names by pyorm.orm. Each takes any mapped instance.
 */
#include "orm/load_int.h"
#include "orm/collection_int.h"

int64_t
orm_slot_or_keyerror(orm_head *h, PyObject *key)
{
    int64_t slot = orm_mapper_slot(h->mapper, key);

    if (slot == -1) {
        PyErr_SetObject(PyExc_KeyError, key);
    }
    return slot;
}

/* Head and slot of (instance, key, …) with n arguments. 0 / -1. */
static int
head_and_slot(orm_state *st, const char *name, PyObject *const *args, Py_ssize_t nargs,
              Py_ssize_t n, orm_head **h, int64_t *slot)
{
    if (nargs != n) {
        PyErr_Format(PyExc_TypeError, "%s() takes %zd positional arguments but %zd were given",
                     name, n, nargs);
        return -1;
    }
    *h = orm_head_of(st, args[0]);
    *slot = *h == NULL ? -1 : orm_slot_or_keyerror(*h, args[1]);
    return *slot < 0 ? -1 : 0;
}

static PyObject *
none_or_error(int rc)
{
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
fn_instance_state(PyObject *module, PyObject *obj)
{
    orm_head *h = orm_head_of(orm_state_from_module(module), obj);

    return h == NULL ? NULL : orm_state_of(h);
}

static PyObject *
fn_find_state(PyObject *module, PyObject *obj)
{
    orm_head *h = orm_head_find(orm_state_from_module(module), obj);

    if (h == NULL) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    return orm_state_of(h);
}

static PyObject *
fn_get_attribute(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_head *h = NULL;
    int64_t slot;

    if (head_and_slot(orm_state_from_module(module), "get_attribute", args, nargs, 2, &h, &slot)
        < 0) {
        return NULL;
    }
    return orm_val_read(h, (uint32_t)slot, ORM_PASSIVE_OFF, NULL);
}

static PyObject *
fn_set_attribute(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_head *h = NULL;
    int64_t slot;

    if (head_and_slot(orm_state_from_module(module), "set_attribute", args,
                      nargs == 4 ? 3 : nargs, 3, &h, &slot) < 0) {
        return NULL;
    }
    if (nargs == 4 && args[3] != Py_None && ORM_SLOT_IS_RELATION(h->mapper->attrs[slot]->kind)) {
        orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[slot]);
        int rc = orm_relation_write(h, a, args[2], args[3]);
        Py_DECREF(a);
        return none_or_error(rc);
    }
    return none_or_error(orm_val_write(h, (uint32_t)slot, args[2]));
}

static PyObject *
fn_del_attribute(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_head *h = NULL;
    int64_t slot;

    if (head_and_slot(orm_state_from_module(module), "del_attribute", args, nargs, 2, &h, &slot)
        < 0) {
        return NULL;
    }
    return none_or_error(orm_val_delete(h, (uint32_t)slot));
}

static PyObject *
fn_set_committed_value(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_head *h = NULL;
    int64_t slot;

    if (head_and_slot(orm_state_from_module(module), "set_committed_value", args, nargs, 3, &h,
                      &slot) < 0) {
        return NULL;
    }
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[slot]);
    int rc = ORM_SLOT_IS_RELATION(a->kind) && orm_attribute_relation(a) == NULL ? -1
             : a->kind == ORM_SLOT_COLLECTION
                 ? orm_collection_set_loaded(h, a, args[2])
                 : orm_val_load_steal(h, (uint32_t)slot, Py_NewRef(args[2]));
    Py_DECREF(a);
    return none_or_error(rc);
}

static PyObject *
fn_init_collection(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_head *h = NULL;
    int64_t slot;

    if (head_and_slot(st, "init_collection", args, nargs, 2, &h, &slot) < 0) {
        return NULL;
    }
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[slot]);
    PyObject *adapter = NULL;
    if (ORM_SLOT_IS_RELATION(a->kind) && orm_attribute_relation(a) != NULL
        && a->kind == ORM_SLOT_COLLECTION) {
        PyObject *coll = Py_XNewRef(orm_collection_init(h, a));
        adapter = coll == NULL ? NULL : orm_adapter_for(st, coll);
        Py_XDECREF(coll);
    }
    else if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_TypeError, "init_collection(): '%U' is not a collection", a->n.key);
    }
    Py_DECREF(a);
    return adapter;
}

/* has_parent(cls, obj, key, optimistic=False) */
static PyObject *
fn_has_parent(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_mapper *m = nargs < 3 || nargs > 4 || !PyType_Check(args[0])
                        ? NULL : orm_mapper_find(st, (PyTypeObject *)args[0]);
    orm_head *h = m == NULL ? NULL : orm_head_of(st, args[1]);
    int optimistic = nargs == 4 ? PyObject_IsTrue(args[3]) : 0;
    int64_t slot = h == NULL || optimistic < 0 ? -2 : orm_mapper_slot(m, args[2]);

    if (slot >= 0 && orm_attribute_relation(m->attrs[slot]) != NULL) {
        return PyBool_FromLong(orm_has_parent(h, m->attrs[slot]->relation, optimistic) > 0);
    }
    if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError,
                        "has_parent() takes a mapped class, an instance and the key of a relationship");
    }
    return NULL;
}

static PyObject *
fn_flag_modified(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_head *h = NULL;
    int64_t slot;
    PyObject *v = NULL;

    if (head_and_slot(st, "flag_modified", args, nargs, 2, &h, &slot) < 0) {
        return NULL;
    }
    orm_attribute *a = (orm_attribute *)Py_NewRef(h->mapper->attrs[slot]);
    int rc = orm_attribute_fire_modified(h, a);
    if (rc == 0) {
        v = orm_val_peek(h, (uint32_t)slot, NULL);
        if (v == NULL) {
            rc = orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                               "Can't flag attribute '%U' modified; it's not present in the "
                               "object state", a->n.key);
        }
        else {
            rc = orm_val_mark(h, (uint32_t)slot);
        }
    }
    Py_XDECREF(v);
    Py_DECREF(a);
    return none_or_error(rc);
}

static PyObject *
fn_flag_dirty(PyObject *module, PyObject *obj)
{
    orm_head *h = orm_head_of(orm_state_from_module(module), obj);

    return h == NULL ? NULL : none_or_error(orm_head_touch(h));
}

static PyObject *
fn_get_history(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "get_history", .names = {"obj", "key", "passive"},
                                       .count = 3, .npositional = 3, .nrequired = 2};
    orm_state *st = orm_state_from_module(module);
    PyObject *out[3];
    int64_t passive = ORM_PASSIVE_OFF;
    orm_history hist;
    PyObject *result = NULL;
    orm_head *h = NULL;
    int64_t slot;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0
        || orm_arg_int64(&spec, 2, out[2], &passive) < 0
        || head_and_slot(st, "get_history", out, 2, 2, &h, &slot) < 0) {
        return NULL;
    }
    if (ORM_SLOT_IS_RELATION(h->mapper->attrs[slot]->kind)) {
        return orm_relation_history_tuple(h, (uint32_t)slot, (int)passive);
    }
    if (orm_val_history(h, (uint32_t)slot, (int)passive, &hist) < 0) {
        return NULL;
    }
    result = orm_history_tuple(st, &hist);
    orm_history_fini(&hist);
    return result;
}

static PyObject *
fn_has_changes(PyObject *module, PyObject *obj)
{
    orm_head *h = orm_head_of(orm_state_from_module(module), obj);
    int rc = h == NULL ? -1 : orm_head_has_changes(h, true);

    return rc < 0 ? NULL : PyBool_FromLong(rc);
}

/* The value without loading, or a default: AttributeState.loaded_value. */
static PyObject *
fn_loaded_value(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_head *h = NULL;
    int64_t slot;
    PyObject *v = NULL;

    if (head_and_slot(orm_state_from_module(module), "loaded_value", args, nargs, 3, &h, &slot)
        < 0) {
        return NULL;
    }
    v = orm_val_peek(h, (uint32_t)slot, NULL);
    return v == NULL ? Py_NewRef(args[2]) : v;
}

static PyObject *
fn_mapper_plan(PyObject *module, PyObject *cls)
{
    orm_mapper *m = NULL;

    if (!PyType_Check(cls)) {
        PyErr_SetString(PyExc_TypeError, "mapper_plan() takes a class");
        return NULL;
    }
    m = orm_mapper_find(orm_state_from_module(module), (PyTypeObject *)cls);
    return Py_NewRef(m == NULL ? Py_None : (PyObject *)m);
}

static PyObject *
fn_prepare_class(PyObject *module, PyObject *cls)
{
    orm_state *st = orm_state_from_module(module);

    if (!PyType_Check(cls) || !PyType_IsSubtype((PyTypeObject *)cls, st->Entity)) {
        PyErr_SetString(PyExc_TypeError, "prepare_class() takes a class that derives from Entity");
        return NULL;
    }
    return none_or_error(orm_entity_doors((PyTypeObject *)cls));
}

static PyObject *
fn_track(PyObject *module, PyObject *obj)
{
    if (ORM_IS_ENTITY(orm_state_from_module(module), obj)) {
        orm_entity_track((orm_entity *)obj);
    }
    Py_RETURN_NONE;
}

PyObject *
orm_view_attrs(PyObject *self, void *Py_UNUSED(closure))
{
    orm_view *view = (orm_view *)self;
    PyObject *cls = orm_import_once(&view->st->attrs_view, "pyorm.orm._symbols",
                                    "InstanceAttributes");
    orm_head *h = orm_view_head(view);

    if (cls == NULL) {
        return NULL;
    }
    if (h == NULL) {
        PyErr_SetString(PyExc_ReferenceError, "the instance of this InstanceState is gone");
        return NULL;
    }
    return PyObject_CallFunctionObjArgs(cls, self, h->mapper->index, NULL);
}

PyMethodDef orm_orm_functions[] = {
    {"_instance_state_rebuild", ORM_METHOD(orm_view_rebuild), METH_FASTCALL, NULL},
    {"instance_state", fn_instance_state, METH_O,
     "instance_state(instance, /)\n--\n\nIts InstanceState; UnmappedInstanceError."},
    {"find_state", fn_find_state, METH_O,
     "find_state(obj, /)\n--\n\nIts InstanceState; None for what is not mapped."},
    {"get_attribute", ORM_METHOD(fn_get_attribute), METH_FASTCALL,
     "get_attribute(instance, key, /)\n--\n\nThe value, loaded if it must be."},
    {"set_attribute", ORM_METHOD(fn_set_attribute), METH_FASTCALL,
     "set_attribute(instance, key, value, initiator=None, /)\n--\n\nSet with events."},
    {"del_attribute", ORM_METHOD(fn_del_attribute), METH_FASTCALL,
     "del_attribute(instance, key, /)\n--\n\nDelete with events."},
    {"set_committed_value", ORM_METHOD(fn_set_committed_value), METH_FASTCALL,
     "set_committed_value(instance, key, value, /)\n--\n\nSet as if loaded: no history."},
    {"init_collection", ORM_METHOD(fn_init_collection), METH_FASTCALL,
     "init_collection(instance, key, /)\n--\n\nStore an empty collection; its CollectionAdapter."},
    {"has_parent", ORM_METHOD(fn_has_parent), METH_FASTCALL,
     "has_parent(cls, obj, key, optimistic=False, /)\n--\n\n"
     "Whether obj is known to be a member of an instance of cls."},
    {"flag_modified", ORM_METHOD(fn_flag_modified), METH_FASTCALL,
     "flag_modified(instance, key, /)\n--\n\nThe attribute counts as changed."},
    {"flag_dirty", fn_flag_dirty, METH_O,
     "flag_dirty(instance, /)\n--\n\nThe instance goes through the next flush."},
    {"get_history", ORM_METHOD(fn_get_history), ORM_METH_KW,
     "get_history(obj, key, passive=31)\n--\n\nHistory of one attribute."},
    {"has_changes", fn_has_changes, METH_O,
     "has_changes(instance, /)\n--\n\nWhether any attribute has a net change."},
    {"loaded_value", ORM_METHOD(fn_loaded_value), METH_FASTCALL,
     "loaded_value(instance, key, default, /)\n--\n\nThe value without loading."},
    {"mapper_plan", fn_mapper_plan, METH_O,
     "mapper_plan(cls, /)\n--\n\nMapperPlan of the class or its nearest mapped base, or None."},
    {"_proxy_attribute", ORM_METHOD(orm_fn_proxy_attribute), METH_FASTCALL,
     "_proxy_attribute(attribute, key, number, behind, /)\n--\n\n"
     "The attribute under another name: a synonym of it on its class or alias."},
    {"_bundle", ORM_METHOD(orm_fn_bundle), METH_FASTCALL,
     "_bundle(columns, owner, number, /)\n--\n\nColumns that are one value of a row."},
    {"prepare_class", fn_prepare_class, METH_O,
     "prepare_class(cls, /)\n--\n\nGive a new class its __dict__ door (metaclasses call it)."},
    {"track", fn_track, METH_O,
     "track(obj, /)\n--\n\nLet the collector see an entity that becomes a class attribute."},
    {NULL, NULL, 0, NULL},
};

/* The names of the AttributeEvents family, in the order of enum orm_attr_event. 0 / -1. */
static int
add_event_names(PyObject *module)
{
    static const char *const names[ORM_AEV_COUNT] = {
        "append", "append_wo_mutation", "bulk_replace", "dispose_collection", "init_collection",
        "init_scalar", "modified", "remove", "set"};
    PyObject *tuple = PyTuple_New(ORM_AEV_COUNT);

    for (int i = 0; tuple != NULL && i < ORM_AEV_COUNT; i++) {
        PyObject *name = PyUnicode_InternFromString(names[i]);
        if (name == NULL) {
            Py_CLEAR(tuple);
            break;
        }
        PyTuple_SET_ITEM(tuple, i, name);
    }
    return PyModule_Add(module, "ATTRIBUTE_EVENTS", tuple);
}

int
orm_orm_setup(PyObject *module, orm_state *st)
{
    if (orm_plan_setup(module, st) < 0
        || orm_import_once(&st->enum_meta, "enum", "EnumMeta") == NULL
        || orm_type_add(module, st, &orm_entity_spec, NULL, &st->Entity) < 0
        || orm_type_add(module, st, &orm_attribute_spec, st->ColumnElement,
                        &st->InstrumentedAttribute) < 0
        || orm_type_add(module, st, &orm_plan_spec, NULL, &st->MapperPlan) < 0
        || orm_type_add(module, st, &orm_view_spec, NULL, &st->InstanceState) < 0
        || orm_collections_setup(module, st) < 0
        || orm_load_setup(module, st) < 0) {
        return -1;
    }
    if (orm_type_set_module(st->InstrumentedAttribute, "pyorm.orm.attributes") < 0
        || orm_type_set_module(st->InstanceState, "pyorm.orm.state") < 0
        || orm_type_set_module(st->Entity, "pyorm.orm") < 0) {
        return -1;
    }
    return add_event_names(module) < 0 ? -1 : PyModule_AddFunctions(module, orm_orm_functions);
}
