/*
 * coretest/orm.c - instances, identity map and session operations, driven from pytest.
 *
 * A probe session is a capsule around an orm_session whose operations call a Python object:
 *   on_dirty(instance), autoflush(), load_expired(instance, key) -> {key: value} or None,
 *   load_slot(instance, key) -> (value,) or None.
 * The functions do what the loader, the session and the unit of work do, one step at a time.
 */
#include "coretest/coretest.h"
#include "orm/orm.h"

#define CAPSULE "pyorm._coretest.session"

typedef struct probe {
    orm_session session;  /* first: the operations get a pointer to it */
    orm_state *st;
    PyObject *callbacks;  /* owned: the Python object that answers */
} probe;

static int
call_and_drop(PyObject *result)
{
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int
probe_on_dirty(orm_session *s, orm_head *h)
{
    probe *p = (probe *)s;
    PyObject *obj = orm_head_object(h);
    int rc = obj == NULL ? 0 : call_and_drop(PyObject_CallMethod(p->callbacks, "on_dirty", "O", obj));

    Py_XDECREF(obj);
    return rc;
}

static int
probe_autoflush(orm_session *s)
{
    return call_and_drop(PyObject_CallMethod(((probe *)s)->callbacks, "autoflush", NULL));
}

static PyObject *
ask_loader(orm_session *s, const char *method, orm_head *h, uint32_t slot)
{
    PyObject *obj = orm_head_object(h);
    PyObject *result = NULL;

    if (obj != NULL) {
        result = PyObject_CallMethod(((probe *)s)->callbacks, method, "OO", obj,
                                     h->mapper->attrs[slot]->n.key);
        Py_DECREF(obj);
    }
    return result;
}

/* {key: value} into slots that have no pending change. 0 / -1. */
static int
load_values(orm_head *h, PyObject *values)
{
    PyObject *key = NULL;
    PyObject *value = NULL;
    Py_ssize_t pos = 0;

    while (PyDict_Next(values, &pos, &key, &value)) {
        int64_t slot = orm_mapper_slot(h->mapper, key);
        if (slot < 0) {
            PyErr_SetObject(PyExc_KeyError, key);
            return -1;
        }
        if (!orm_val_is_dirty(h, (uint32_t)slot)
            && orm_val_fill_steal(h, (uint32_t)slot, Py_NewRef(value)) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
probe_load_expired(orm_session *s, orm_head *h, uint32_t slot, int passive)
{
    PyObject *values = NULL;
    int rc = 0;

    if (!(passive & ORM_P_NO_AUTOFLUSH) && s->ops->autoflush(s) < 0) {
        return -1;
    }
    values = ask_loader(s, "load_expired", h, slot);
    if (values == NULL) {
        return -1;
    }
    if (values != Py_None) {
        rc = load_values(h, values);
        h->flags &= ~(uint32_t)ORM_H_EXPIRED;
    }
    Py_DECREF(values);
    return rc;
}

static int
probe_load_slot(orm_session *s, orm_head *h, uint32_t slot, int Py_UNUSED(passive))
{
    PyObject *result = ask_loader(s, "load_slot", h, slot);
    int rc = 0;

    if (result == NULL) {
        return -1;
    }
    if (result != Py_None) {
        rc = orm_val_load_steal(h, slot, Py_NewRef(PyTuple_GetItem(result, 0))) < 0 ? -1 : 1;
    }
    Py_DECREF(result);
    return rc;
}

static int
probe_enter(orm_session *Py_UNUSED(s))
{
    return 0;
}

static void
probe_leave(orm_session *Py_UNUSED(s))
{
}

static bool
probe_listened(orm_session *Py_UNUSED(s))
{
    return false;
}

static int
probe_take(orm_session *s, const char *method, orm_head *h)
{
    PyObject *obj = orm_head_object(h);
    int rc = obj == NULL ? 0 : call_and_drop(PyObject_CallMethod(((probe *)s)->callbacks, method, "O", obj));

    Py_XDECREF(obj);
    return rc;
}

static int
probe_cascade_add(orm_session *s, orm_head *h)
{
    h->session = s;
    h->flags |= ORM_H_NEW;
    return probe_take(s, "cascade_add", h);
}

static int
probe_expunge(orm_session *s, orm_head *h)
{
    h->session = NULL;
    h->flags &= ~(uint32_t)ORM_H_NEW;
    return probe_take(s, "expunge", h);
}

static const orm_session_ops probe_ops = {.on_dirty = probe_on_dirty,
                                          .autoflush = probe_autoflush,
                                          .load_expired = probe_load_expired,
                                          .load_slot = probe_load_slot,
                                          .enter = probe_enter,
                                          .leave = probe_leave,
                                          .listened = probe_listened,
                                          .cascade_add = probe_cascade_add,
                                          .expunge = probe_expunge};

static void
probe_free(PyObject *capsule)
{
    probe *p = PyCapsule_GetPointer(capsule, CAPSULE);

    orm_idmap_fini(&p->session.map);
    Py_XDECREF(p->callbacks);
    PyMem_Free(p);
}

static PyObject *
orm_session_new(PyObject *module, PyObject *callbacks)
{
    probe *p = PyMem_Calloc(1, sizeof(*p));
    PyObject *capsule = NULL;

    if (p == NULL) {
        return PyErr_NoMemory();
    }
    p->session.ops = &probe_ops;
    p->session.owner = callbacks;
    p->session.id = 1;
    p->st = orm_state_from_module(module);
    orm_idmap_init(&p->session.map);
    capsule = PyCapsule_New(p, CAPSULE, probe_free);
    if (capsule == NULL) {
        PyMem_Free(p);
        return NULL;
    }
    p->callbacks = Py_NewRef(callbacks);
    return capsule;
}

static probe *
probe_of(PyObject *capsule)
{
    return PyCapsule_GetPointer(capsule, CAPSULE);
}

/* (class, key values[, token]) into a key. 0 / -1. */
static int
parse_key(probe *p, PyObject *cls, PyObject *values, PyObject *token, orm_key *key,
          orm_mapper **m)
{
    *m = orm_mapper_find(p->st, (PyTypeObject *)cls);
    if (*m == NULL || !PyTuple_Check(values)
        || PyTuple_GET_SIZE(values) != (Py_ssize_t)(*m)->npk) {
        PyErr_SetString(PyExc_TypeError, "a mapped class and its key values");
        return -1;
    }
    return orm_key_init(key, *m, &PyTuple_GET_ITEM(values, 0), token);
}

/* load(session, cls, key values, {key: value}, token) -> what the map holds afterwards */
static PyObject *
orm_load(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *capsule, *cls, *values, *columns, *token = Py_None;
    probe *p = NULL;
    orm_mapper *m = NULL;
    orm_key key = {0};
    PyObject *obj = NULL;
    PyObject *winner = NULL;
    orm_head *h = NULL;
    orm_head *other = NULL;

    if (!PyArg_ParseTuple(args, "OOOO!|O", &capsule, &cls, &values, &PyDict_Type, &columns, &token)
        || (p = probe_of(capsule)) == NULL || parse_key(p, cls, values, token, &key, &m) < 0) {
        return NULL;
    }
    if (orm_idmap_get(&p->session.map, &key, &winner, &other) < 0 || winner != NULL) {
        goto done;
    }
    obj = orm_instance_new(m, &h);
    if (obj == NULL || load_values(h, columns) < 0 || orm_head_set_identity(h, &key) < 0) {
        goto done;
    }
    if (orm_idmap_put(&p->session.map, &p->session, h, &key, &winner, &other) < 0) {
        goto done;
    }
done:
    Py_XDECREF(obj);
    orm_key_fini(&key);
    return winner;
}

static PyObject *
orm_get(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *capsule, *cls, *values, *token = Py_None;
    probe *p = NULL;
    orm_mapper *m = NULL;
    orm_key key = {0};
    PyObject *obj = NULL;
    orm_head *h = NULL;

    if (!PyArg_ParseTuple(args, "OOO|O", &capsule, &cls, &values, &token)
        || (p = probe_of(capsule)) == NULL || parse_key(p, cls, values, token, &key, &m) < 0) {
        return NULL;
    }
    int rc = orm_idmap_get(&p->session.map, &key, &obj, &h);
    orm_key_fini(&key);
    if (rc < 0) {
        return NULL;
    }
    return obj == NULL ? Py_NewRef(Py_None) : obj;
}

static PyObject *
orm_all(PyObject *Py_UNUSED(module), PyObject *capsule)
{
    probe *p = probe_of(capsule);

    return p == NULL ? NULL : orm_idmap_list(&p->session.map);
}

static PyObject *
orm_size(PyObject *Py_UNUSED(module), PyObject *capsule)
{
    probe *p = probe_of(capsule);

    if (p == NULL) {
        return NULL;
    }
    if (orm_tagmap_check(&p->session.map.table) < 0) {
        PyErr_SetString(PyExc_AssertionError, "the identity map's table is broken");
        return NULL;
    }
    return PyLong_FromSize_t(p->session.map.table.used);
}

/* attach(session, instance): as add() of a transient instance */
static PyObject *
orm_attach(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *capsule, *obj;
    probe *p = NULL;
    orm_head *h = NULL;

    if (!PyArg_ParseTuple(args, "OO", &capsule, &obj) || (p = probe_of(capsule)) == NULL
        || (h = orm_head_of(p->st, obj)) == NULL) {
        return NULL;
    }
    h->session = &p->session;
    Py_RETURN_NONE;
}

static PyObject *
orm_expunge(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *capsule, *obj;
    probe *p = NULL;
    orm_head *h = NULL;

    if (!PyArg_ParseTuple(args, "OO", &capsule, &obj) || (p = probe_of(capsule)) == NULL
        || (h = orm_head_of(p->st, obj)) == NULL) {
        return NULL;
    }
    orm_idmap_remove(&p->session.map, h);
    h->session = NULL;
    Py_RETURN_NONE;
}

/* expire(instance[, key[, tag]]) */
static PyObject *
orm_expire(PyObject *module, PyObject *args)
{
    PyObject *obj, *key = NULL;
    int tag = ORM_TAG_EXPIRED;
    orm_head *h = NULL;
    int rc = -1;

    if (!PyArg_ParseTuple(args, "O|Oi", &obj, &key, &tag)
        || (h = orm_head_of(orm_state_from_module(module), obj)) == NULL) {
        return NULL;
    }
    if (key == NULL) {
        rc = orm_head_expire(h);
    }
    else {
        int64_t slot = orm_mapper_slot(h->mapper, key);
        rc = slot < 0 ? -1 : orm_val_expire(h, (uint32_t)slot, tag);
    }
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
orm_commit(PyObject *module, PyObject *obj)
{
    orm_head *h = orm_head_of(orm_state_from_module(module), obj);

    if (h == NULL) {
        return NULL;
    }
    orm_head_commit(h);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"orm_session_new", orm_session_new, METH_O, "A probe session that asks this object."},
    {"orm_load", orm_load, METH_VARARGS, "As the loader: find or make, fill, enter."},
    {"orm_get", orm_get, METH_VARARGS, "Look up by identity."},
    {"orm_all", orm_all, METH_O, "Living instances of the identity map."},
    {"orm_size", orm_size, METH_O, "Entries of the identity map, which is checked."},
    {"orm_attach", orm_attach, METH_VARARGS, "Give the instance a session."},
    {"orm_expunge", orm_expunge, METH_VARARGS, "Take the instance out of the session."},
    {"orm_expire", orm_expire, METH_VARARGS, "Expire an instance or one attribute."},
    {"orm_commit", orm_commit, METH_O, "Current values become the committed ones."},
    {NULL, NULL, 0, NULL},
};

const orm_coretest_room orm_coretest_orm = {.methods = methods};
