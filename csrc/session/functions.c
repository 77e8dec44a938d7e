/*
 * session/functions.c - object_session() and its family, and the setup of session/.
 *
 * Place: exported under their public names by pyorm.orm.session.
 */
#include "session/session_int.h"

orm_session_room *
orm_session_room_of(orm_state *st)
{
    return st->rooms[ORM_ROOM_SESSION].data;
}

static PyObject *
fn_object_session(PyObject *module, PyObject *obj)
{
    orm_head *h = orm_head_of(orm_state_from_module(module), obj);

    if (h == NULL) {
        return NULL;
    }
    PyObject *owner = h->session == NULL ? NULL : h->session->owner;
    return Py_NewRef(owner == NULL ? Py_None : owner);
}

static PyObject *
fn_was_deleted(PyObject *module, PyObject *obj)
{
    orm_head *h = orm_head_of(orm_state_from_module(module), obj);

    return h == NULL ? NULL : PyBool_FromLong((h->flags & ORM_H_DELETED) != 0);
}

/* Every slot with one tag gets another. 0 / -1. */
static int
replace_tags(orm_head *h, int from, int to)
{
    for (uint32_t i = 0; i < h->mapper->nslots; i++) {
        orm_attribute *a = h->mapper->attrs[i];
        int tag = ORM_TAG_MAX;
        PyObject *v = a == NULL ? NULL : orm_val_peek(h, i, &tag);
        Py_XDECREF(v);
        if (a != NULL && v == NULL && tag == from && !orm_val_is_dirty(h, i)
            && !(to == ORM_TAG_EXPIRED
                 && (ORM_SLOT_IS_RELATION(a->kind) || a->flags & ORM_A_DEFERRED))
            && orm_val_expire(h, i, to) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *
fn_make_transient(PyObject *module, PyObject *obj)
{
    orm_head *h = orm_head_of(orm_state_from_module(module), obj);

    if (h == NULL) {
        return NULL;
    }
    if (h->session != NULL) {
        SessionObject *s = (SessionObject *)Py_NewRef(ORM_SESSION_OF(h->session));
        int rc = orm_session_enter(s);
        if (rc == 0) {
            rc = orm_session_may_change(s, "make_transient()");
            rc = rc < 0 ? rc : orm_session_detach(s, h, false);
            orm_session_leave(s);
        }
        Py_DECREF(s);
        if (rc < 0) {
            return NULL;
        }
    }
    h->flags &= ~(uint32_t)(ORM_H_DELETED | ORM_H_EXPIRED);
    orm_head_drop_identity(h);
    return replace_tags(h, ORM_TAG_EXPIRED, ORM_TAG_ABSENT) < 0 ? NULL : Py_NewRef(Py_None);
}

/* The key of an instance's present primary key values. 0 / -1. */
static int
key_of_values(orm_head *h, orm_key *key)
{
    orm_mapper *m = h->mapper;
    PyObject **values = PyMem_Calloc(m->npk, sizeof(*values));
    int rc = -1;

    if (values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = 0; i < m->npk; i++) {
        values[i] = orm_val_peek(h, m->pk[i], NULL);
        if (values[i] == NULL) {
            values[i] = Py_NewRef(Py_None);
        }
    }
    rc = orm_key_init(key, m, values, NULL);
    for (uint32_t i = 0; i < m->npk; i++) {
        Py_DECREF(values[i]);
    }
    PyMem_Free(values);
    return rc;
}

static PyObject *
fn_make_transient_to_detached(PyObject *module, PyObject *obj)
{
    orm_state *st = orm_state_from_module(module);
    orm_head *h = orm_head_of(st, obj);
    orm_key key = {0};
    int rc = -1;

    if (h == NULL) {
        return NULL;
    }
    if (h->session != NULL || ORM_HAS_KEY(h)) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError, "Given object must be transient");
        return NULL;
    }
    if (key_of_values(h, &key) == 0) {
        rc = orm_head_set_identity(h, &key);
        orm_key_fini(&key);
    }
    if (rc == 0) {
        h->flags &= ~(uint32_t)ORM_H_DELETED;
        orm_head_set_left(h, ORM_LEFT_MADE);
        orm_head_commit(h);
        rc = replace_tags(h, ORM_TAG_ABSENT, ORM_TAG_EXPIRED);
    }
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

/* New list of the living sessions. */
static PyObject *
fn_sessions(PyObject *module, PyObject *Py_UNUSED(unused))
{
    orm_session_room *room = orm_session_room_of(orm_state_from_module(module));
    PyObject *list = PyList_New(0);

    if (list == NULL) {
        return NULL;
    }
    ORM_LIST_EACH(it, &room->sessions)
    {
        SessionObject *s = ORM_LIST_ENTRY(it, SessionObject, link);
        if (PyList_Append(list, (PyObject *)s) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyMethodDef functions[] = {
    {"object_session", fn_object_session, METH_O,
     "object_session(instance, /)\n--\n\nThe session an instance belongs to, or None."},
    {"was_deleted", fn_was_deleted, METH_O,
     "was_deleted(instance, /)\n--\n\nWhether a flush deleted the instance."},
    {"make_transient", fn_make_transient, METH_O,
     "make_transient(instance, /)\n--\n\nTake the instance out of its session and its identity "
     "away: add() inserts it again."},
    {"make_transient_to_detached", fn_make_transient_to_detached, METH_O,
     "make_transient_to_detached(instance, /)\n--\n\nGive a new instance the identity of its "
     "primary key, as if it had been loaded and detached; what is not set is expired."},
    {"_sessions", fn_sessions, METH_NOARGS, "_sessions()\n--\n\nThe living sessions."},
    {NULL, NULL, 0, NULL},
};

/* A module constant: tuple of event names. 0 / -1. */
static int
add_names(PyObject *module, const char *constant, const char *const *names, Py_ssize_t n)
{
    PyObject *tuple = PyTuple_New(n);

    for (Py_ssize_t i = 0; tuple != NULL && i < n; i++) {
        PyObject *name = PyUnicode_InternFromString(names[i]);
        if (name == NULL) {
            Py_CLEAR(tuple);
            break;
        }
        PyTuple_SET_ITEM(tuple, i, name);
    }
    return PyModule_Add(module, constant, tuple);
}

static void
room_free(void *data)
{
    PyMem_Free(data);
}

int
orm_session_setup(PyObject *module, orm_state *st)
{
#define ORM_EVENT_NAME(name) #name,
    static const char *const session_names[] = {ORM_SESSION_EVENTS(ORM_EVENT_NAME)};
    /* the mapper's own six, then the instance's, as orm/plan.h numbers them */
    static const char *const mapper_names[ORM_IEV_END] = {
        ORM_MAPPER_EVENTS(ORM_EVENT_NAME)
        [ORM_IEV_LOAD] = "load", [ORM_IEV_REFRESH] = "refresh", [ORM_IEV_EXPIRE] = "expire",
        [ORM_IEV_REFRESH_FLUSH] = "refresh_flush", [ORM_IEV_INIT] = "init",
        [ORM_IEV_INIT_FAILURE] = "init_failure", [ORM_IEV_PICKLE] = "pickle",
        [ORM_IEV_UNPICKLE] = "unpickle"};
#undef ORM_EVENT_NAME
    orm_session_room *room = PyMem_Calloc(1, sizeof(*room));

    if (room == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    orm_list_init(&room->sessions);
    st->rooms[ORM_ROOM_SESSION] = (orm_room){.data = room, .free = room_free};
    st->execute_kwnames = Py_BuildValue("(s)", "execution_options");
    if (st->execute_kwnames == NULL
        || orm_type_add(module, st, &orm_session_spec, NULL, &st->SessionCore) < 0
        || orm_type_add(module, st, &orm_tx_spec, NULL, &st->SessionTransaction) < 0
        || orm_type_set_module(st->SessionTransaction, "pyorm.orm.session") < 0
        || add_names(module, "SESSION_EVENTS", session_names, ORM_SEV_COUNT) < 0
        || add_names(module, "MAPPER_EVENTS", mapper_names, ORM_IEV_END) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}
