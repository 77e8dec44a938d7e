/*
 * orm/view_getset.c - the attributes and methods of InstanceState.
 *
 * Place: state_view.c's type. Names and answers are SQLAlchemy's. A view whose instance is gone
 *   answers like a transient instance without attributes; `obj()` is None then.
 */
#include "orm/peers.h"
#include "orm/collection_int.h"

#define HAS_IDENTITY(h) (((h)->flags & (ORM_H_KEY_INT | ORM_H_KEY_OBJ)) != 0)

static orm_head *
head_of(PyObject *self)
{
    return orm_view_head((orm_view *)self);
}

static PyObject *
view_object(PyObject *self)
{
    orm_head *h = head_of(self);
    PyObject *obj = h == NULL ? NULL : orm_head_object(h);

    return obj == NULL ? Py_NewRef(Py_None) : obj;
}

static PyObject *
get_object(PyObject *self, void *Py_UNUSED(closure))
{
    return view_object(self);
}

static PyObject *
call_obj(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return view_object(self);
}

static PyObject *
get_dict(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *obj = view_object(self);
    PyObject *dict = obj == Py_None ? PyDict_New()
                                    : PyObject_GetAttr(obj, ((orm_view *)self)->st->s_dunder_dict);

    Py_DECREF(obj);
    return dict;
}

static PyObject *
get_mapper(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    return Py_NewRef(h == NULL || h->mapper->py == NULL ? Py_None : h->mapper->py);
}

static PyObject *
get_manager(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    return Py_NewRef(h == NULL || h->mapper->manager == NULL ? Py_None : h->mapper->manager);
}

static PyObject *
get_class(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    return Py_NewRef(h == NULL || h->mapper->cls == NULL ? Py_None : (PyObject *)h->mapper->cls);
}

static PyObject *
get_key(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);
    orm_key key = {0};
    int rc = h == NULL ? 0 : orm_key_of(&key, h);
    PyObject *result = NULL;

    if (rc >= 0) {
        result = rc == 0 ? Py_NewRef(Py_None) : orm_key_tuple(&key);
    }
    orm_key_fini(&key);
    return result;
}

static PyObject *
get_identity(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *key = get_key(self, NULL);
    PyObject *values = NULL;

    if (key == NULL || key == Py_None) {
        return key;
    }
    values = Py_NewRef(PyTuple_GET_ITEM(key, 1));
    Py_DECREF(key);
    return values;
}

static PyObject *
get_identity_token(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    return Py_NewRef(h != NULL && h->flags & ORM_H_TOKEN ? h->rare->token : Py_None);
}

/* --- where the instance stands --------------------------------------------------------- */

enum {
    IS_TRANSIENT, IS_PENDING, IS_PERSISTENT, IS_DELETED, IS_DETACHED, HAS_KEY, WAS_DELETED,
    IS_MODIFIED, IS_EXPIRED
};

static PyObject *
get_flag(PyObject *self, void *closure)
{
    orm_head *h = head_of(self);
    bool key = h != NULL && HAS_IDENTITY(h);
    bool attached = h != NULL && h->session != NULL;
    bool deleted = h != NULL && h->flags & ORM_H_DELETED;
    bool answer = false;

    switch ((int)(intptr_t)closure) {
    case IS_TRANSIENT:
        answer = !key && !attached;
        break;
    case IS_PENDING:
        answer = !key && attached;
        break;
    case IS_PERSISTENT:
        answer = key && attached && !deleted;
        break;
    case IS_DELETED:
        answer = key && attached && deleted;
        break;
    case IS_DETACHED:
        answer = key && !attached;
        break;
    case HAS_KEY:
        answer = key;
        break;
    case WAS_DELETED:
        answer = deleted;
        break;
    case IS_MODIFIED:
        answer = h != NULL && h->flags & ORM_H_MODIFIED;
        break;
    case IS_EXPIRED:
        answer = h != NULL && h->flags & ORM_H_EXPIRED;
        break;
    default:
        break;
    }
    return PyBool_FromLong(answer);
}

static PyObject *
get_session(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);
    PyObject *owner = h == NULL || h->session == NULL ? NULL : h->session->owner;

    return Py_NewRef(owner == NULL ? Py_None : owner);
}

static PyObject *
get_session_id(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    if (h == NULL || h->session == NULL) {
        Py_RETURN_NONE;
    }
    return PyLong_FromUnsignedLongLong(h->session->id);
}

static PyObject *
get_async_session(PyObject *self, void *Py_UNUSED(closure))
{
    /* The asyncio extension knows which AsyncSession a session belongs to. */
    PyObject *session = get_session(self, NULL);
    PyObject *modules = NULL;
    PyObject *fn = NULL;
    PyObject *result = NULL;

    if (session == Py_None) {
        return session;
    }
    modules = PyImport_GetModule(((orm_view *)self)->st->s_asyncio_module);
    if (modules == NULL) {
        Py_DECREF(session);
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    fn = PyObject_GetAttrString(modules, "async_session");
    result = fn == NULL ? NULL : PyObject_CallOneArg(fn, session);
    Py_XDECREF(fn);
    Py_DECREF(modules);
    Py_DECREF(session);
    return result;
}

/* --- sets of keys ---------------------------------------------------------------------- */

enum { KEYS_EXPIRED, KEYS_UNLOADED, KEYS_UNMODIFIED };

/* New set of the keys whose slot is in the state asked for. */
static PyObject *
get_keys(PyObject *self, void *closure)
{
    orm_head *h = head_of(self);
    PyObject *set = PySet_New(NULL);

    for (uint32_t i = 0; set != NULL && h != NULL && i < h->mapper->nslots; i++) {
        orm_attribute *a = h->mapper->attrs[i];
        int tag = ORM_TAG_ABSENT;
        bool in = false;
        if (a == NULL) {
            continue;
        }
        if ((intptr_t)closure == KEYS_UNMODIFIED) {
            in = !orm_dirty_test(h, i);
        }
        else {
            PyObject *v = orm_val_peek(h, i, &tag);
            bool dirty = orm_dirty_test(h, i);
            in = (intptr_t)closure == KEYS_EXPIRED
                     ? v == NULL && tag == ORM_TAG_EXPIRED
                     : v == NULL && !dirty;
            Py_XDECREF(v);
        }
        if (in && PySet_Add(set, a->n.key) < 0) {
            Py_CLEAR(set);
        }
    }
    return set;
}

static PyObject *
get_committed_state(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    return h == NULL ? PyDict_New() : orm_committed_dict(h);
}

static PyObject *
get_info(PyObject *self, void *Py_UNUSED(closure))
{
    orm_view *view = (orm_view *)self;

    if (view->info == NULL) {
        view->info = PyDict_New();
    }
    return Py_XNewRef(view->info);
}

static PyObject *
get_parents(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    return h == NULL ? PyDict_New() : orm_parents_dict(h);
}

static PyObject *
get_load_options(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    PyObject *said = h == NULL ? NULL : orm_remembered(h);

    return said == NULL ? PyTuple_New(0) : Py_NewRef(PyTuple_GET_ITEM(said, 0));
}

static PyObject *
get_load_path(PyObject *self, void *Py_UNUSED(closure))
{
    orm_head *h = head_of(self);

    return Py_NewRef(h == NULL || h->rare == NULL || h->rare->path == NULL ? Py_None
                                                                         : h->rare->path);
}

static PyObject *
get_true(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    return Py_NewRef(Py_True);
}

/* --- methods --------------------------------------------------------------------------- */

static PyObject *
call_unmodified_intersection(PyObject *self, PyObject *keys)
{
    PyObject *set = get_keys(self, (void *)(intptr_t)KEYS_UNMODIFIED);
    PyObject *result = NULL;

    if (set != NULL) {
        result = PyObject_CallMethod(set, "intersection", "O", keys);
        Py_DECREF(set);
    }
    return result;
}

static PyObject *
call_get_history(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "get_history", .names = {"key", "passive"},
                                       .count = 2, .npositional = 2, .nrequired = 2};
    orm_view *view = (orm_view *)self;
    orm_head *h = head_of(self);
    PyObject *out[2];
    int64_t slot;
    int64_t passive = 0;
    orm_history hist;
    PyObject *result = NULL;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0
        || orm_arg_int64(&spec, 1, out[1], &passive) < 0) {
        return NULL;
    }
    if (h == NULL) {
        PyErr_SetString(PyExc_ReferenceError, "the instance of this InstanceState is gone");
        return NULL;
    }
    slot = orm_slot_or_keyerror(h, out[0]);
    if (slot >= 0 && ORM_SLOT_IS_RELATION(h->mapper->attrs[slot]->kind)) {
        return orm_relation_history_tuple(h, (uint32_t)slot, (int)passive);
    }
    if (slot < 0 || orm_val_history(h, (uint32_t)slot, (int)passive, &hist) < 0) {
        return NULL;
    }
    result = orm_history_tuple(view->st, &hist);
    orm_history_fini(&hist);
    return result;
}

PyMethodDef orm_view_methods[] = {
    {"obj", call_obj, METH_NOARGS, "obj($self, /)\n--\n\nThe instance, or None if it is gone."},
    {"get_history", ORM_METHOD(call_get_history), ORM_METH_KW,
     "get_history($self, key, passive)\n--\n\nHistory of one attribute."},
    {"unmodified_intersection", call_unmodified_intersection, METH_O,
     "unmodified_intersection($self, keys, /)\n--\n\nThose of the keys that are not modified."},
    {"__reduce__", orm_view_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#define FLAG(name, which, doc) {name, get_flag, NULL, doc, (void *)(intptr_t)(which)}
#define KEYS(name, which, doc) {name, get_keys, NULL, doc, (void *)(intptr_t)(which)}

PyGetSetDef orm_view_getset[] = {
    {"object", get_object, NULL, "The instance, or None if it is gone.", NULL},
    {"dict", get_dict, NULL, "The instance's __dict__.", NULL},
    {"mapper", get_mapper, NULL, "The Mapper of the instance's class.", NULL},
    {"manager", get_manager, NULL, "The ClassManager of the instance's class.", NULL},
    {"class_", get_class, NULL, "The mapped class.", NULL},
    {"key", get_key, NULL, "(class, primary key values, token), or None.", NULL},
    {"identity_key", get_key, NULL, "(class, primary key values, token), or None.", NULL},
    {"identity", get_identity, NULL, "Primary key values as a tuple, or None.", NULL},
    {"identity_token", get_identity_token, NULL, "The identity token, or None.", NULL},
    FLAG("transient", IS_TRANSIENT, "No identity, no session."),
    FLAG("pending", IS_PENDING, "In a session, not yet in the database."),
    FLAG("persistent", IS_PERSISTENT, "In a session and in the database."),
    FLAG("deleted", IS_DELETED, "DELETE was flushed, the transaction goes on."),
    FLAG("detached", IS_DETACHED, "Has an identity, no session."),
    FLAG("has_identity", HAS_KEY, "Has an identity."),
    FLAG("was_deleted", WAS_DELETED, "Is or was deleted."),
    FLAG("modified", IS_MODIFIED, "An attribute was set since the last flush."),
    FLAG("expired", IS_EXPIRED, "The whole instance was expired and not refreshed."),
    {"session", get_session, NULL, "The Session, or None.", NULL},
    {"session_id", get_session_id, NULL, "The session's hash key, or None.", NULL},
    {"async_session", get_async_session, NULL, "The AsyncSession, or None.", NULL},
    KEYS("expired_attributes", KEYS_EXPIRED, "Keys that the next read refreshes."),
    KEYS("unloaded", KEYS_UNLOADED, "Keys without a value."),
    KEYS("unloaded_expirable", KEYS_UNLOADED, "Keys without a value."),
    KEYS("unmodified", KEYS_UNMODIFIED, "Keys without a pending change."),
    {"committed_state", get_committed_state, NULL, "{key: value before the change}.", NULL},
    {"attrs", orm_view_attrs, NULL, "An AttributeState per attribute.", NULL},
    {"info", get_info, NULL, "A dict for the user.", NULL},
    {"parents", get_parents, NULL, "What holds the instance in a collection.", NULL},
    {"load_options", get_load_options, NULL, "Loader options it was loaded with.", NULL},
    {"load_path", get_load_path, NULL, "Path it was loaded by, or None.", NULL},
    {"is_instance", get_true, NULL, "Always True.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
