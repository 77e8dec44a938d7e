/*
 * orm/queued.c - collections that are never in memory: lazy="write_only" and lazy="dynamic".
 *
 * Place: access.c and attribute.c (reads), collection.c (appends, removals), bulk.c (assignment),
 *   relation_history.c (what a flush writes) come here for such a relationship.
 * Its slot stays empty for good. A read gives an object of pyorm/orm/writeonly.py or dynamic.py
 *   that makes statements; changes are told to listeners and backrefs as ever and then wait in
 *   the queue of an unloaded collection (held.c), which is their history.
 * Only "dynamic" may be loaded, when a delete or an assignment has to know its members.
 */
#include "orm/collection_int.h"

#define HAS_IDENTITY(h) (((h)->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)) != 0)

static PyObject *
call_module(orm_head *h, orm_attribute *a, const char *name)
{
    orm_state *st = a->mapper->state;
    PyObject *module = orm_import_once(&st->queued_module, "pyorm.orm.writeonly", NULL);
    PyObject *obj = module == NULL ? NULL : orm_head_object(h);
    PyObject *result = NULL;

    if (obj != NULL) {
        result = PyObject_CallMethod(module, name, "OO", obj, a->relation->prop);
        Py_DECREF(obj);
    }
    else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ReferenceError, "the instance of this InstanceState is gone");
    }
    return result;
}

PyObject *
orm_queued_view(orm_head *h, orm_attribute *a)
{
    return call_module(h, a, "_view");
}

/* An error whose text has the attribute in its middle. Always -1. */
static int
raise_about(orm_attribute *a, const char *format)
{
    PyObject *name = PyObject_Str((PyObject *)a);

    if (name != NULL) {
        orm_raise_exc(a->mapper->state, ORM_EXC_InvalidRequestError, format, name, name);
        Py_DECREF(name);
    }
    return -1;
}

int
orm_queued_refuse_load(orm_attribute *a)
{
    return raise_about(a, "'%U' does not support object population - eager loading cannot be "
                          "applied.");
}

/* --- history ------------------------------------------------------------------------------- */

/* Those of a list whose address is no key of either queue. New list. */
static PyObject *
without_queued(PyObject *list, const orm_held *held)
{
    PyObject *queues[2] = {Py_XNewRef(held == NULL ? NULL : held->added),
                           Py_XNewRef(held == NULL ? NULL : held->removed)};
    PyObject *result = PyList_New(0);

    for (Py_ssize_t i = 0; result != NULL && i < PyList_GET_SIZE(list); i++) {
        PyObject *id = PyLong_FromVoidPtr(PyList_GET_ITEM(list, i));
        int rc = id == NULL ? -1 : 0;

        for (int q = 0; rc == 0 && q < 2; q++) {
            rc = queues[q] == NULL ? 0 : PyDict_Contains(queues[q], id);
        }
        if (rc < 0 || (rc == 0 && PyList_Append(result, PyList_GET_ITEM(list, i)) < 0)) {
            Py_CLEAR(result);
        }
        Py_XDECREF(id);
    }
    Py_XDECREF(queues[0]);
    Py_XDECREF(queues[1]);
    return result;
}

int
orm_queued_members(orm_head *h, orm_attribute *a, int passive, PyObject **out)
{
    int wanted = ORM_P_SQL | ORM_P_CALLABLES;
    PyObject *loaded = NULL;

    *out = NULL;
    if (!HAS_IDENTITY(h) || (passive & wanted) != wanted) {
        return 0;
    }
    if (a->relation->lazy == ORM_LAZY_WRITE_ONLY) {
        return passive & ORM_P_INIT
                   ? raise_about(a, "Attribute %U can't load the existing state from the database "
                                    "for this operation; full iteration is not permitted.  If "
                                    "this is a delete operation, configure passive_deletes=True "
                                    "on the %U relationship in order to resolve this error.")
                   : 0;
    }
    loaded = call_module(h, a, "_load");
    if (loaded == NULL || !PyList_Check(loaded)) {
        Py_XDECREF(loaded);
        return PyErr_Occurred() ? -1 : 0;
    }
    *out = without_queued(loaded, orm_held_find(h, a->slot));
    Py_DECREF(loaded);
    return *out == NULL ? -1 : 0;
}

/* --- assignment ---------------------------------------------------------------------------- */

/* What is in the collection as far as this may know. New list. */
static PyObject *
members_now(orm_head *h, orm_attribute *a)
{
    orm_relhist hist = {0};
    PyObject *list = NULL;

    if (orm_relation_history(h, a->slot, ORM_PASSIVE_OFF & ~ORM_P_INIT, &hist) < 0) {
        return NULL;
    }
    list = hist.unchanged == NULL ? PyList_New(0) : Py_NewRef(hist.unchanged);
    if (list != NULL && hist.added != NULL
        && PyList_SetSlice(list, PyList_GET_SIZE(list), PyList_GET_SIZE(list), hist.added) < 0) {
        Py_CLEAR(list);
    }
    orm_relhist_fini(&hist);
    return list;
}

/* An assignment of nothing is a change, too. 0 / -1. */
static int
note_assigned(orm_head *h, uint32_t slot)
{
    orm_held *held = orm_held_ensure(h, slot);

    if (held != NULL && held->added == NULL) {
        held->added = PyDict_New();
    }
    return held == NULL || held->added == NULL ? -1 : 0;
}

/* Always -1. */
static int
raise_unbound(orm_head *h, orm_attribute *a)
{
    PyObject *text = orm_head_describe(h);

    if (text != NULL) {
        orm_raise_orm(a->mapper->state, "DetachedInstanceError",
                      "Parent instance %U is not bound to a Session, and no contextual session is "
                      "established; lazy load operation of attribute '%U' cannot proceed",
                      text, a->n.key);
        Py_DECREF(text);
    }
    return -1;
}

int
orm_queued_content(orm_head *h, orm_attribute *a, PyObject **out)
{
    const orm_held *held = orm_held_find(h, a->slot);
    orm_relhist hist = {0};

    *out = NULL;
    if (held == NULL || (held->added == NULL && held->removed == NULL)) {
        return 0;
    }
    if (h->session == NULL && HAS_IDENTITY(h) && a->relation->lazy == ORM_LAZY_DYNAMIC) {
        return raise_unbound(h, a);
    }
    if (orm_relation_history(h, a->slot, ORM_PASSIVE_OFF, &hist) < 0) {
        return -1;
    }
    *out = hist.unchanged == NULL ? PyList_New(0) : Py_NewRef(hist.unchanged);
    if (*out != NULL && hist.added != NULL
        && PyList_SetSlice(*out, PyList_GET_SIZE(*out), PyList_GET_SIZE(*out), hist.added) < 0) {
        Py_CLEAR(*out);
    }
    orm_relhist_fini(&hist);
    return *out == NULL ? -1 : 1;
}

int
orm_queued_set(orm_head *h, orm_attribute *a, PyObject *v)
{
    PyObject *obj = orm_head_object(h);
    PyObject *values = NULL;
    PyObject *old = NULL;
    int rc = -1;

    Py_INCREF(a);
    if (HAS_IDENTITY(h) && a->relation->lazy == ORM_LAZY_WRITE_ONLY) {
        raise_about(a, "Collection \"%U\" does not support implicit iteration; collection "
                       "replacement operations can't be used");
    }
    else {
        values = PyDict_Check(v) ? PyDict_Values(v) : PySequence_List(v);
    }
    if (values != NULL && orm_fire_bulk(h, a, values, NULL) == 0) {
        old = members_now(h, a);
    }
    if (old != NULL) {
        rc = orm_collection_exchange(h, a, values, old, NULL);
    }
    if (rc == 0 && PyList_GET_SIZE(values) == 0) {
        rc = note_assigned(h, a->slot);
    }
    Py_XDECREF(old);
    Py_XDECREF(values);
    Py_DECREF(a);
    Py_XDECREF(obj);
    return rc;
}

int
orm_queued_change(orm_head *h, orm_attribute *a, PyObject *member, PyObject *initiator, bool add)
{
    PyObject *value = Py_NewRef(member);
    int rc = add ? orm_fire_append(h, a, &value, initiator, NULL)
                 : orm_fire_remove(h, a, value, initiator, NULL);

    if (rc == 0) {
        rc = orm_held_queue(h, a->slot, value, add);
    }
    Py_DECREF(value);
    return rc;
}

/* --- for Python ---------------------------------------------------------------------------- */

/* _queued_change(instance, attribute, member, add) */
static PyObject *
f_queued_change(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_head *h = NULL;
    orm_attribute *a = NULL;
    uint32_t slot;
    int rc = -1;

    if (nargs != 4 || !Py_IS_TYPE(args[1], st->InstrumentedAttribute)) {
        PyErr_SetString(PyExc_TypeError,
                        "_queued_change() takes (instance, attribute, member, add)");
        return NULL;
    }
    h = orm_head_of(st, args[0]);
    slot = ((orm_attribute *)args[1])->slot;
    if (h == NULL) {
        return NULL;
    }
    if (slot >= h->mapper->nslots || !orm_is_queued(h->mapper->attrs[slot])) {
        PyErr_Format(PyExc_TypeError, "%S is no write-only or dynamic relationship", args[1]);
        return NULL;
    }
    a = (orm_attribute *)Py_NewRef(h->mapper->attrs[slot]);
    rc = orm_queued_change(h, a, args[2], NULL, args[3] == Py_True);
    Py_DECREF(a);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"_queued_change", ORM_METHOD(f_queued_change), METH_FASTCALL,
     "_queued_change($module, instance, attribute, member, add, /)\n--\n\n"
     "A member comes into or leaves a write-only or dynamic collection."},
    {NULL, NULL, 0, NULL},
};

int
orm_queued_setup(PyObject *module)
{
    return PyModule_AddFunctions(module, functions);
}
