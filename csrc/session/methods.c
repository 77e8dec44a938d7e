/*
 * session/methods.c - the methods and attributes of SessionCore, each one call into a concept.
 *
 * Place: between Python and states.c, flush.c, transaction.c; arguments are taken apart here and
 *   a second thread is refused here.
 */
#include "session/cascade.h"
#include "session/sync.h"

static PyObject *
none_or_error(int rc)
{
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

/* --- instances ----------------------------------------------------------------------------------- */

typedef int (*instance_verb)(SessionObject *s, PyObject *obj);

static PyObject *
with_one(PyObject *self, instance_verb verb, PyObject *obj)
{
    SessionObject *s = (SessionObject *)self;
    int rc = orm_session_enter(s);

    if (rc == 0) {
        rc = verb(s, obj);
        orm_session_leave(s);
    }
    return none_or_error(rc);
}

static PyObject *
with_all(PyObject *self, instance_verb verb, PyObject *iterable)
{
    SessionObject *s = (SessionObject *)self;
    PyObject *iter = NULL;
    PyObject *obj = NULL;
    int rc = orm_session_enter(s);

    if (rc < 0) {
        return NULL;
    }
    iter = PyObject_GetIter(iterable);
    rc = iter == NULL ? -1 : 0;
    while (rc == 0 && (obj = PyIter_Next(iter)) != NULL) {
        rc = verb(s, obj);
        Py_DECREF(obj);
    }
    Py_XDECREF(iter);
    orm_session_leave(s);
    return PyErr_Occurred() ? NULL : none_or_error(rc);
}

/* A method of one argument, given by position or by name. */
static PyObject *
with_argument(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
              const orm_args_spec *spec, instance_verb verb, bool all)
{
    PyObject *out[2] = {NULL, NULL};

    if (nargs == 1 && kwnames == NULL) {
        out[0] = args[0];
    }
    else if (orm_args_parse(spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    if (((SessionObject *)self)->s.writing && verb != orm_session_expunge
        && orm_session_warn_in_flush((SessionObject *)self, spec->fname) < 0) {
        return NULL;
    }
    return all ? with_all(self, verb, out[0]) : with_one(self, verb, out[0]);
}

#define INSTANCE_METHOD(method, text, argument, verb, all)                                     \
    static PyObject *method(PyObject *self, PyObject *const *args, Py_ssize_t nargs,           \
                            PyObject *kwnames)                                                 \
    {                                                                                          \
        static const orm_args_spec spec = {.fname = text, .names = {argument, "_warn"},        \
                                           .count = 2, .npositional = 1, .nrequired = 1};      \
                                                                                               \
        return with_argument(self, args, nargs, kwnames, &spec, verb, all);                    \
    }
INSTANCE_METHOD(m_add, "Session.add", "instance", orm_session_add, false)
INSTANCE_METHOD(m_add_all, "Session.add_all", "instances", orm_session_add, true)
INSTANCE_METHOD(m_delete, "Session.delete", "instance", orm_session_delete, false)
INSTANCE_METHOD(m_delete_all, "Session.delete_all", "instances", orm_session_delete, true)
INSTANCE_METHOD(m_enable_loading, "Session.enable_relationship_loading", "obj",
                orm_session_enable_loading, false)
INSTANCE_METHOD(m_expunge, "Session.expunge", "instance", orm_session_expunge, false)

static int
expunge_all(SessionObject *s, PyObject *Py_UNUSED(obj))
{
    return orm_session_expunge_all(s, ORM_LEFT_EXPUNGE_ALL);
}

static PyObject *
m_expunge_all(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return with_one(self, expunge_all, NULL);
}

/* is_modified(instance, include_collections=True): a net change of any attribute. */
static PyObject *
m_is_modified(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.is_modified",
                                       .names = {"instance", "include_collections"},
                                       .count = 2, .npositional = 2, .nrequired = 1};
    SessionObject *s = (SessionObject *)self;
    PyObject *out[2];
    orm_head *h = NULL;
    int collections;
    int rc;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    collections = orm_arg_bool(out[1], 1);
    h = collections < 0 ? NULL : orm_head_of(s->st, out[0]);
    if (h == NULL || orm_session_enter(s) < 0) {
        return NULL;
    }
    rc = h->flags & ORM_H_MODIFIED ? orm_head_has_changes(h, collections) : 0;
    orm_session_leave(s);
    return rc < 0 ? NULL : PyBool_FromLong(rc);
}

int
orm_session_sq_contains(PyObject *self, PyObject *obj)
{
    SessionObject *s = (SessionObject *)self;
    orm_head *h = orm_head_of(s->st, obj);
    int rc = -1;

    if (h != NULL && orm_session_enter(s) == 0) {
        rc = orm_session_contains(s, h);
        orm_session_leave(s);
    }
    return rc;
}

/* New list: pending, then persistent instances. */
static PyObject *
all_instances(SessionObject *s)
{
    PyObject *list = orm_headset_list(&s->fresh);
    PyObject *kept = list == NULL ? NULL : orm_idmap_list(&s->s.map);

    if (kept == NULL || PyList_SetSlice(list, PyList_GET_SIZE(list), PyList_GET_SIZE(list), kept) < 0) {
        Py_CLEAR(list);
    }
    Py_XDECREF(kept);
    return list;
}

/* A list of instances, unless another thread is at work here. */
static PyObject *
new_list(SessionObject *s, PyObject *(*make)(SessionObject *s))
{
    PyObject *list = NULL;

    if (orm_session_enter(s) < 0) {
        return NULL;
    }
    list = make(s);
    orm_session_leave(s);
    return list;
}

PyObject *
orm_session_iter(PyObject *self)
{
    PyObject *list = new_list((SessionObject *)self, all_instances);
    PyObject *iter = list == NULL ? NULL : PyObject_GetIter(list);

    Py_XDECREF(list);
    return iter;
}

static PyObject *
pending_instances(SessionObject *s)
{
    return orm_headset_list(&s->fresh);
}

static PyObject *
m_new_list(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return new_list((SessionObject *)self, pending_instances);
}

static PyObject *
doomed_instances(SessionObject *s)
{
    return orm_headset_list(&s->doomed);
}

static PyObject *
m_deleted_list(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return new_list((SessionObject *)self, doomed_instances);
}

/* Modified instances that are not marked for deletion. */
static PyObject *
modified_instances(SessionObject *s)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list != NULL && i < s->dirty.used; i++) {
        orm_head *h = s->dirty.cells[i].head;
        /* populate_existing may have taken the changes away. */
        if (h != NULL && h->flags & ORM_H_MODIFIED && !(h->flags & ORM_H_DELETING)
            && PyList_Append(list, s->dirty.cells[i].obj) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *
m_dirty_list(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return new_list((SessionObject *)self, modified_instances);
}

static PyObject *
kept_instances(SessionObject *s)
{
    return orm_idmap_list(&s->s.map);
}

static PyObject *
m_map_list(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return new_list((SessionObject *)self, kept_instances);
}

/* _map_get(plan, values, token): the instance of the identity map, or None. */
static PyObject *
m_map_get(PyObject *self, PyObject *args)
{
    SessionObject *s = (SessionObject *)self;
    PyObject *plan = NULL;
    PyObject *values = NULL;
    PyObject *token = NULL;
    PyObject *obj = NULL;
    orm_head *h = NULL;
    orm_key key = {0};

    if (!PyArg_ParseTuple(args, "O!O!O:_map_get", s->st->MapperPlan, &plan, &PyTuple_Type, &values,
                          &token)) {
        return NULL;
    }
    if (PyTuple_GET_SIZE(values) != (Py_ssize_t)((orm_mapper *)plan)->npk) {
        Py_RETURN_NONE;
    }
    if (orm_session_enter(s) < 0) {
        return NULL;
    }
    int rc = orm_key_init(&key, (orm_mapper *)plan, &PyTuple_GET_ITEM(values, 0), token);

    rc = rc < 0 ? rc : orm_idmap_get(&s->s.map, &key, &obj, &h);
    orm_key_fini(&key);
    orm_session_leave(s);
    return rc < 0 ? NULL : obj == NULL ? Py_NewRef(Py_None) : obj;
}

/* --- flush and transactions --------------------------------------------------------------------- */

static int
flush_objects(SessionObject *s, PyObject *objects)
{
    return orm_session_flush(s, objects == Py_None ? NULL : objects);
}

static PyObject *
m_flush(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.flush", .names = {"objects"},
                                       .count = 1, .npositional = 1, .nrequired = 0};
    PyObject *out[1];

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    return with_one(self, flush_objects, out[0]);
}

static int
autoflush(SessionObject *s, PyObject *Py_UNUSED(obj))
{
    return orm_session_autoflush(s);
}

static PyObject *
m_autoflush(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return with_one(self, autoflush, NULL);
}

static int
commit(SessionObject *s, PyObject *Py_UNUSED(obj))
{
    return orm_session_commit(s);
}

static PyObject *
m_commit(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return with_one(self, commit, NULL);
}

static int
rollback(SessionObject *s, PyObject *Py_UNUSED(obj))
{
    return orm_session_rollback(s);
}

static int
prepare(SessionObject *s, PyObject *Py_UNUSED(obj))
{
    return orm_session_autobegin(s) < 0 ? -1 : orm_tx_prepare(s->tx);
}

static PyObject *
m_prepare(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return with_one(self, prepare, NULL);
}

static PyObject *
m_rollback(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return with_one(self, rollback, NULL);
}

static int
close_session(SessionObject *s, PyObject *Py_UNUSED(obj))
{
    return orm_session_close(s, ORM_LEFT_CLOSE);
}

static PyObject *
m_close(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return with_one(self, close_session, NULL);
}

static int
reset_session(SessionObject *s, PyObject *Py_UNUSED(obj))
{
    return orm_session_close(s, ORM_LEFT_RESET);
}

static PyObject *
m_reset(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return with_one(self, reset_session, NULL);
}

/* Throw the connections away, then close. */
static int
invalidate(SessionObject *s, PyObject *Py_UNUSED(obj))
{
    if (orm_session_may_change(s, "invalidate()") < 0) {
        return -1;
    }
    for (TxObject *tx = s->tx; tx != NULL; tx = tx->parent) {
        for (size_t i = 0; i < tx->nconns; i++) {
            PyObject *answer = PyObject_CallMethod(tx->conns[i].conn, "invalidate", NULL);
            if (answer == NULL) {
                return -1;
            }
            Py_DECREF(answer);
        }
    }
    return orm_session_close(s, ORM_LEFT_INVALIDATE);
}

static PyObject *
m_invalidate(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return with_one(self, invalidate, NULL);
}

/* Begin the transaction or a savepoint in it. Borrowed. */
static TxObject *
begin_level(SessionObject *s, bool nested)
{
    if (s->tx != NULL && !nested) {
        orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                      "A transaction is already begun on this Session.");
        return NULL;
    }
    if (s->tx == NULL && orm_tx_begin(s, ORM_TX_BEGIN) == NULL) {
        return NULL;
    }
    if (!nested) {
        return s->tx;
    }
    if (orm_tx_check_active(s->tx) < 0 || (!s->flushing && orm_session_flush(s, NULL) < 0)
        || orm_session_autobegin(s) < 0 || orm_tx_check_active(s->tx) < 0) {
        return NULL; /* listeners of the flush may have ended it: another one is begun */
    }
    return orm_tx_begin(s, ORM_TX_NESTED);
}

static PyObject *
begin(PyObject *self, bool nested)
{
    SessionObject *s = (SessionObject *)self;
    TxObject *tx = NULL;

    if (orm_session_enter(s) < 0) {
        return NULL;
    }
    tx = (TxObject *)Py_XNewRef((PyObject *)begin_level(s, nested));
    if (tx != NULL && tx->keeper == NULL) {
        tx->keeper = (SessionObject *)Py_NewRef(self);
    }
    orm_session_leave(s);
    return (PyObject *)tx;
}

static PyObject *
m_begin(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "Session.begin", .names = {"nested"},
                                       .count = 1, .npositional = 1, .nrequired = 0};
    PyObject *out[1];
    int nested;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0) {
        return NULL;
    }
    nested = orm_arg_bool(out[0], 0);
    return nested < 0 ? NULL : begin(self, nested);
}

static PyObject *
m_begin_nested(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return begin(self, true);
}

static PyObject *
m_in_transaction(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(((SessionObject *)self)->tx != NULL);
}

static TxObject *
innermost_nested(SessionObject *s)
{
    TxObject *tx = s->tx;

    while (tx != NULL && tx->origin == ORM_TX_SUB) {
        tx = tx->parent;
    }
    return tx != NULL && tx->nested ? tx : NULL;
}

static PyObject *
m_in_nested_transaction(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(innermost_nested((SessionObject *)self) != NULL);
}

static PyObject *
m_get_transaction(PyObject *self, PyObject *Py_UNUSED(unused))
{
    TxObject *tx = ((SessionObject *)self)->tx;

    while (tx != NULL && tx->parent != NULL) {
        tx = tx->parent;
    }
    return Py_NewRef(tx == NULL ? Py_None : (PyObject *)tx);
}

static PyObject *
m_get_nested_transaction(PyObject *self, PyObject *Py_UNUSED(unused))
{
    TxObject *tx = innermost_nested((SessionObject *)self);

    return Py_NewRef(tx == NULL ? Py_None : (PyObject *)tx);
}

/* _connection(bind, execution_options): the Connection of this transaction. */
static PyObject *
m_connection(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    SessionObject *s = (SessionObject *)self;
    PyObject *conn = NULL;

    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "_connection() takes a bind and execution options");
        return NULL;
    }
    if (orm_session_enter(s) < 0) {
        return NULL;
    }
    conn = Py_XNewRef(orm_session_connection(s, args[0], args[1]));
    orm_session_leave(s);
    return conn;
}

static PyObject *
m_enter(PyObject *self, PyObject *Py_UNUSED(unused))
{
    return Py_NewRef(self);
}

static PyObject *
m_exit(PyObject *self, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(nargs))
{
    return with_one(self, close_session, NULL);
}

PyMethodDef orm_session_methods[] = {
    {"get", ORM_METHOD(orm_session_get), ORM_METH_KW,
     "get($self, entity, ident, *, options=None, populate_existing=False, with_for_update=None, "
     "identity_token=None, execution_options=None, bind_arguments=None)\n--\n\n"
     "The instance with this primary key, from the session or the database, or None."},
    {"get_one", ORM_METHOD(orm_session_get_one), ORM_METH_KW,
     "get_one($self, entity, ident, *, options=None, populate_existing=False, "
     "with_for_update=None, identity_token=None, execution_options=None, "
     "bind_arguments=None)\n--\n\nAs get(), but NoResultFound where there is none."},
    {"execute", ORM_METHOD(orm_session_execute), ORM_METH_KW,
     "execute($self, statement, params=None, *, execution_options=None, bind_arguments=None, "
     "_parent_execute_state=None, _add_event=None)\n--\n\nRun a statement; a Result."},
    {"scalar", ORM_METHOD(orm_session_scalar), ORM_METH_KW,
     "scalar($self, statement, params=None, *, execution_options=None, bind_arguments=None, "
     "_parent_execute_state=None, _add_event=None)\n--\n\nFirst column of the first row, or None."},
    {"scalars", ORM_METHOD(orm_session_scalars), ORM_METH_KW,
     "scalars($self, statement, params=None, *, execution_options=None, bind_arguments=None, "
     "_parent_execute_state=None, _add_event=None)\n--\n\nA ScalarResult: first columns only."},
    {"add", ORM_METHOD(m_add), ORM_METH_KW,
     "add($self, instance, *, _warn=True)\n--\n\nPut an instance into the session."},
    {"add_all", ORM_METHOD(m_add_all), ORM_METH_KW, "add_all($self, instances)\n--\n\nAdd several instances."},
    {"delete", ORM_METHOD(m_delete), ORM_METH_KW,
     "delete($self, instance)\n--\n\nMark an instance: the next flush deletes its row."},
    {"delete_all", ORM_METHOD(m_delete_all), ORM_METH_KW,
     "delete_all($self, instances)\n--\n\nMark several instances."},
    {"enable_relationship_loading", ORM_METHOD(m_enable_loading), ORM_METH_KW,
     "enable_relationship_loading($self, obj)\n--\n\nAttach an instance so that its relationships "
     "load by its present foreign keys. It is not written; add() it for that."},
    {"expunge", ORM_METHOD(m_expunge), ORM_METH_KW, "expunge($self, instance)\n--\n\nTake an instance out."},
    {"expunge_all", m_expunge_all, METH_NOARGS, "expunge_all($self)\n--\n\nTake all out."},
    {"merge", ORM_METHOD(orm_session_merge), ORM_METH_KW,
     "merge($self, instance, *, load=True, options=None)\n--\n\n"
     "The session's instance with this one's values, and so along relationships."},
    {"merge_all", ORM_METHOD(orm_session_merge_all), ORM_METH_KW,
     "merge_all($self, instances, *, load=True, options=None)\n--\n\nMerge several instances."},
    {"expire", ORM_METHOD(orm_session_expire), ORM_METH_KW,
     "expire($self, instance, attribute_names=None)\n--\n\nValues are loaded anew when read."},
    {"expire_all", orm_session_expire_all, METH_NOARGS,
     "expire_all($self)\n--\n\nExpire every persistent instance."},
    {"refresh", ORM_METHOD(orm_session_refresh), ORM_METH_KW,
     "refresh($self, instance, attribute_names=None, with_for_update=None)\n--\n\n"
     "Load values anew now."},
    {"is_modified", ORM_METHOD(m_is_modified), ORM_METH_KW,
     "is_modified($self, instance, include_collections=True)\n--\n\nWhether anything differs."},
    {"flush", ORM_METHOD(m_flush), ORM_METH_KW,
     "flush($self, objects=None)\n--\n\nWrite all changes to the database."},
    {"_autoflush", m_autoflush, METH_NOARGS, NULL},
    {"commit", m_commit, METH_NOARGS, "commit($self)\n--\n\nFlush and COMMIT."},
    {"prepare", m_prepare, METH_NOARGS,
     "prepare($self)\n--\n\nFlush, and PREPARE TRANSACTION on every connection of the root "
     "transaction of a session with twophase=True; commit() or rollback() ends it."},
    {"rollback", m_rollback, METH_NOARGS,
     "rollback($self)\n--\n\nROLLBACK; instances go back to what they were."},
    {"begin", ORM_METHOD(m_begin), ORM_METH_KW,
     "begin($self, nested=False)\n--\n\nBegin a transaction; a SessionTransaction."},
    {"begin_nested", m_begin_nested, METH_NOARGS,
     "begin_nested($self)\n--\n\nFlush and set a savepoint; a SessionTransaction."},
    {"close", m_close, METH_NOARGS,
     "close($self)\n--\n\nRoll back what is open, detach all instances."},
    {"reset", m_reset, METH_NOARGS, "reset($self)\n--\n\nAs close(); the session stays usable."},
    {"invalidate", m_invalidate, METH_NOARGS,
     "invalidate($self)\n--\n\nClose, throwing the connections away."},
    {"in_transaction", m_in_transaction, METH_NOARGS, "in_transaction($self)\n--\n\n"},
    {"in_nested_transaction", m_in_nested_transaction, METH_NOARGS,
     "in_nested_transaction($self)\n--\n\n"},
    {"get_transaction", m_get_transaction, METH_NOARGS,
     "get_transaction($self)\n--\n\nThe root SessionTransaction or None."},
    {"get_nested_transaction", m_get_nested_transaction, METH_NOARGS,
     "get_nested_transaction($self)\n--\n\nThe innermost savepoint or None."},
    {"_connection", ORM_METHOD(m_connection), METH_FASTCALL, NULL},
    {"_new_list", m_new_list, METH_NOARGS, NULL},
    {"_dirty_list", m_dirty_list, METH_NOARGS, NULL},
    {"_deleted_list", m_deleted_list, METH_NOARGS, NULL},
    {"_map_list", m_map_list, METH_NOARGS, NULL},
    {"_map_get", m_map_get, METH_VARARGS, NULL},
    {"_subject", orm_session_subject, METH_O, NULL},
    {"_instances", orm_session_instances, METH_O, NULL},
    {"_follow", ORM_METHOD(orm_session_follow), METH_FASTCALL, NULL},
    {"_forget_all", orm_session_forget_all, METH_O, NULL},
    {"__enter__", m_enter, METH_NOARGS, NULL},
    {"__exit__", ORM_METHOD(m_exit), METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

/* --- attributes ------------------------------------------------------------------------------------ */

static PyObject *
get_is_active(PyObject *self, void *Py_UNUSED(closure))
{
    TxObject *tx = ((SessionObject *)self)->tx;

    return PyBool_FromLong(tx == NULL || tx->state == ORM_STX_ACTIVE);
}

static PyObject *
get_info(PyObject *self, void *Py_UNUSED(closure))
{
    SessionObject *s = (SessionObject *)self;

    if (s->info == NULL) {
        s->info = PyDict_New();
    }
    return Py_XNewRef(s->info);
}

static PyObject *
get_hash_key(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(((SessionObject *)self)->s.id);
}

static PyObject *
get_write_epoch(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(((SessionObject *)self)->s.write_epoch);
}

static PyObject *
get_events(PyObject *self, void *Py_UNUSED(closure))
{
    orm_dispatch *events = ((SessionObject *)self)->s.events;

    return Py_NewRef(events == NULL ? Py_None : (PyObject *)events);
}

static int
set_events(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    SessionObject *s = (SessionObject *)self;

    if (value == NULL || !PyObject_TypeCheck(value, s->st->Dispatch)
        || Py_SIZE(value) != ORM_SEV_COUNT) {
        PyErr_SetString(PyExc_TypeError, "a Dispatch of session events is needed");
        return -1;
    }
    Py_XSETREF(s->s.events, (orm_dispatch *)Py_NewRef(value));
    return 0;
}

/* An owned object that may be NULL, shown as None; closure: its offset. */
static PyObject *
get_object(PyObject *self, void *closure)
{
    PyObject *v = *(PyObject **)(void *)((char *)self + (size_t)(uintptr_t)closure);

    return Py_NewRef(v == NULL ? Py_None : v);
}

static int
set_object(PyObject *self, PyObject *value, void *closure)
{
    PyObject **field = (PyObject **)(void *)((char *)self + (size_t)(uintptr_t)closure);

    Py_XSETREF(*field, value == Py_None ? NULL : Py_XNewRef(value));
    return 0;
}
#define OBJECT_FIELD(name, field, doc)                                                         \
    {name, get_object, set_object, doc, (void *)offsetof(SessionObject, field)}

PyGetSetDef orm_session_getset[] = {
    OBJECT_FIELD("bind", bind, "The Engine or Connection, or None."),
    OBJECT_FIELD("_binds", binds, NULL),
    OBJECT_FIELD("_options", options, NULL),
    OBJECT_FIELD("_query_cls", query_cls, NULL),
    {"is_active", get_is_active, NULL, "False between a failed flush and rollback().", NULL},
    {"info", get_info, NULL, "A dict for the program's own use.", NULL},
    {"hash_key", get_hash_key, NULL, "A number no other session of the process has.", NULL},
    {"_write_epoch", get_write_epoch, NULL, NULL, NULL},
    {"_dispatch", get_events, set_events, NULL, NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyMemberDef orm_session_members[] = {
    {"_routed", Py_T_BOOL, offsetof(SessionObject, routed), 0, NULL},
    {"autoflush", Py_T_BOOL, offsetof(SessionObject, autoflush), 0,
     "Whether queries flush first."},
    {"expire_on_commit", Py_T_BOOL, offsetof(SessionObject, expire_on_commit), 0,
     "Whether commit() expires all instances."},
    {"autobegin", Py_T_BOOL, offsetof(SessionObject, autobegin), 0,
     "Whether a transaction begins by itself."},
    {"twophase", Py_T_BOOL, offsetof(SessionObject, twophase), 0,
     "Whether commit() prepares the transactions of all its connections first."},
    {"_flushing", Py_T_BOOL, offsetof(SessionObject, flushing), Py_READONLY, NULL},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(SessionObject, dict), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(SessionObject, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};
