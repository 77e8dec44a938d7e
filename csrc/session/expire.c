/*
 * session/expire.c - stale attributes: expire, refresh, and the loads that an attribute starts.
 *
 * Place: Session.expire, expire_all, refresh; and orm_session_ops, by which orm/ asks for a load
 *   when an expired or deferred attribute is read. The SELECTs are the loader's.
 * A load that a read starts flushes first (autoflush), as a query does.
 */
#include "session/cascade.h"

/* --- expire ---------------------------------------------------------------------------------- */

static int
check_persistent(SessionObject *s, orm_head *h)
{
    if (h->session == &s->s && h->flags & ORM_H_IN_MAP) {
        return 0;
    }
    return orm_session_raise_head(s, ORM_EXC_InvalidRequestError,
                                  "Instance '%U' is not persistent within this Session", h);
}

int
orm_session_expire_head(SessionObject *s, orm_head *h)
{
    PyObject *held = h->flags & ORM_H_MODIFIED ? orm_headset_take(&s->dirty, h) : NULL;
    int rc = orm_head_expire(h);

    s->s.write_epoch++;
    if (rc == 0) {
        rc = orm_session_fire_expire(h, NULL);
    }
    Py_XDECREF(held);
    return rc;
}

/* h expires with all that refresh-expire cascades to. 0 / -1. */
static int
expire_cascaded(SessionObject *s, orm_head *h)
{
    PyObject *list = orm_session_cascaded(h, ORM_C_REFRESH_EXPIRE);
    int rc = list == NULL ? -1 : orm_session_expire_head(s, h);

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        orm_head *other = orm_head_find(s->st, PyList_GET_ITEM(list, i));
        if (other != NULL && other->session == &s->s && other->flags & ORM_H_IN_MAP) {
            rc = orm_session_expire_head(s, other); /* a pending one has nothing to be loaded */
        }
    }
    Py_XDECREF(list);
    return rc;
}

/* A composite's name stands for those of its columns, a synonym's for its target's: the mapper
   knows. New tuple, or NULL. */
static PyObject *
own_names(orm_head *h, PyObject *given)
{
    PyObject *names = PySequence_Tuple(given);

    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        int64_t slot = orm_mapper_slot(h->mapper, PyTuple_GET_ITEM(names, i));

        if (slot == -1 && h->mapper->py != NULL && h->mapper->py != Py_None) {
            Py_SETREF(names, PyObject_CallMethod(h->mapper->py, "_names_with_slots", "(O)", names));
            return names;
        }
        if (slot == -2) {
            Py_CLEAR(names);
        }
    }
    return names;
}

/* The slots of a sequence of names (new tuple in *names). Returns the number, -1 exception. */
static Py_ssize_t
slots_of(orm_head *h, PyObject *given, PyObject **names, uint32_t **slots)
{
    Py_ssize_t n;

    *slots = NULL;
    *names = own_names(h, given);
    if (*names == NULL) {
        return -1;
    }
    n = PyTuple_GET_SIZE(*names);
    *slots = PyMem_Calloc((size_t)n + 1, sizeof(**slots));
    if (*slots == NULL) {
        Py_CLEAR(*names);
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *name = PyTuple_GET_ITEM(*names, i);
        int64_t slot = orm_mapper_slot(h->mapper, name);
        if (slot < 0) {
            if (slot == -1) {
                PyErr_SetObject(PyExc_KeyError, name);
            }
            Py_CLEAR(*names);
            PyMem_Free(*slots);
            *slots = NULL;
            return -1;
        }
        (*slots)[i] = (uint32_t)slot;
    }
    return n;
}

static int
expire_slots(SessionObject *s, orm_head *h, const uint32_t *slots, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        orm_attribute *a = h->mapper->attrs[slots[i]];
        bool own_loader = ORM_SLOT_IS_RELATION(a->kind) || a->flags & ORM_A_DEFERRED;
        if (orm_val_expire(h, slots[i], own_loader ? ORM_TAG_ABSENT : ORM_TAG_EXPIRED) < 0) {
            return -1;
        }
    }
    s->s.write_epoch++;
    return 0;
}

/* expire(instance, attribute_names=None) */
PyObject *
orm_session_expire(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {.fname = "expire",
                                       .names = {"instance", "attribute_names"},
                                       .count = 2, .npositional = 2, .nrequired = 1};
    SessionObject *s = (SessionObject *)self;
    PyObject *out[2];
    PyObject *names = NULL;
    uint32_t *slots = NULL;
    orm_head *h = NULL;
    int rc = -1;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0 || orm_session_enter(s) < 0) {
        return NULL;
    }
    h = orm_head_of(s->st, out[0]);
    if (h == NULL || check_persistent(s, h) < 0) {
        goto done;
    }
    if (out[1] == NULL || out[1] == Py_None) {
        rc = expire_cascaded(s, h);
        goto done;
    }
    Py_ssize_t n = slots_of(h, out[1], &names, &slots);
    if (n >= 0 && expire_slots(s, h, slots, n) == 0) {
        rc = orm_session_fire_expire(h, names);
    }
done:
    PyMem_Free(slots);
    Py_XDECREF(names);
    orm_session_leave(s);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *
orm_session_expire_all(PyObject *self, PyObject *Py_UNUSED(unused))
{
    SessionObject *s = (SessionObject *)self;
    PyObject *list = NULL;
    int rc = 0;

    if (orm_session_enter(s) < 0) {
        return NULL;
    }
    list = orm_idmap_list(&s->s.map);
    rc = list == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_find(s->st, PyList_GET_ITEM(list, i));
        if (h != NULL && h->session == &s->s) {
            rc = orm_session_expire_head(s, h);
        }
    }
    for (TxObject *tx = s->tx; tx != NULL; tx = tx->parent) {
        for (size_t i = 0; i < tx->nconns; i++) {
            orm_connection_freshen(tx->conns[i].conn);
        }
    }
    s->s.write_epoch++;
    Py_XDECREF(list);
    orm_session_leave(s);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

/* --- refresh --------------------------------------------------------------------------------- */

/* The connection to load h from (owned). NULL where get_bind() is to be asked once, with the statement
   that listeners of do_orm_execute see. 0 / -1. */
static int
connection_to_load(SessionObject *s, orm_head *h, PyObject **conn)
{
    *conn = NULL;
    if (s->routed && orm_session_listens(s, ORM_SEV_do_orm_execute)) {
        return 0;
    }
    *conn = Py_XNewRef(orm_session_connection_for(s, h->mapper, NULL, NULL));
    return *conn == NULL ? -1 : 0;
}

/* Load `n` slots (of refresh()'s choice if slots is NULL) again. 0 / -1. */
static int
refresh_head(SessionObject *s, orm_head *h, const uint32_t *slots, Py_ssize_t n,
             const orm_load_opts *opts)
{
    PyObject *conn = NULL;
    uint32_t *own = NULL;
    int rc = -1;

    if (connection_to_load(s, h, &conn) < 0) {
        return -1;
    }
    for (TxObject *tx = s->tx; tx != NULL; tx = tx->parent) {
        for (size_t i = 0; i < tx->nconns; i++) {
            orm_connection_freshen(tx->conns[i].conn);
        }
    }
    s->s.write_epoch++;
    if (slots == NULL) {
        own = PyMem_Malloc((h->mapper->nslots + 1) * sizeof(*own));
        if (own == NULL) {
            PyErr_NoMemory();
            goto done;
        }
        n = (Py_ssize_t)orm_load_refresh_slots(h, own);
        slots = own;
    }
    rc = orm_load_refresh(&s->s, conn, h, slots, (uint32_t)n, opts);
done:
    PyMem_Free(own);
    Py_XDECREF(conn);
    return rc;
}

/* Read a relationship that refresh() named, or that is loaded with its parent. 0 / -1. */
static int
load_relation(orm_head *h, uint32_t slot)
{
    PyObject *v = orm_val_read(h, slot, ORM_PASSIVE_OFF | ORM_P_NO_AUTOFLUSH, NULL);

    Py_XDECREF(v);
    return v == NULL && PyErr_Occurred() ? -1 : 0;
}

/* Relationships that come with every load of h. 0 / -1. */
static int
load_eager_relations(orm_head *h)
{
    uint32_t n = 0;
    const uint32_t *slots = orm_mapper_relations(h->mapper, &n);
    int rc = slots == NULL ? -1 : 0;

    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const orm_relation *rel = NULL;

        slots = orm_mapper_relations(h->mapper, &n);
        rel = slots == NULL || i >= n ? NULL : orm_slot_relation(h->mapper, slots[i]);
        if (rel != NULL && rel->lazy >= ORM_LAZY_JOINED && rel->lazy <= ORM_LAZY_IMMEDIATE) {
            rc = load_relation(h, rel->slot);
        }
    }
    return rc;
}

/* The named columns in one SELECT, of the primary key if there are none; then the named
   relationships. 0 / -1. */
static int
refresh_named(SessionObject *s, orm_head *h, uint32_t *slots, Py_ssize_t n,
              const orm_load_opts *opts)
{
    uint32_t *columns = PyMem_Malloc(((size_t)n + h->mapper->npk) * sizeof(*columns));
    Py_ssize_t ncolumns = 0;
    int rc = 0;

    if (columns == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!ORM_SLOT_IS_RELATION(h->mapper->attrs[slots[i]]->kind)) {
            columns[ncolumns++] = slots[i];
        }
    }
    for (uint32_t i = 0; ncolumns == 0 && i < h->mapper->npk; i++) {
        columns[i] = h->mapper->pk[i];
    }
    rc = refresh_head(s, h, columns, ncolumns == 0 ? h->mapper->npk : ncolumns, opts);
    for (Py_ssize_t i = 0; rc == 0 && i < n; i++) {
        if (ORM_SLOT_IS_RELATION(h->mapper->attrs[slots[i]]->kind)) {
            rc = load_relation(h, slots[i]);
        }
    }
    PyMem_Free(columns);
    return rc;
}

/* refresh(instance, attribute_names=None, with_for_update=None) */
PyObject *
orm_session_refresh(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const orm_args_spec spec = {
        .fname = "refresh", .names = {"instance", "attribute_names", "with_for_update"},
        .count = 3, .npositional = 3, .nrequired = 1};
    SessionObject *s = (SessionObject *)self;
    orm_load_opts opts = {.populate_existing = true, .explicit = true};
    PyObject *out[3];
    PyObject *names = NULL;
    uint32_t *slots = NULL;
    Py_ssize_t n = 0;
    orm_head *h = NULL;
    int rc = -1;

    if (orm_args_parse(&spec, args, nargs, kwnames, out) < 0 || orm_session_enter(s) < 0) {
        return NULL;
    }
    h = orm_head_of(s->st, out[0]);
    if (h == NULL || check_persistent(s, h) < 0) {
        goto done;
    }
    if (out[2] != NULL && out[2] != Py_None && out[2] != Py_False) {
        opts.for_update = out[2];
    }
    if (out[1] != NULL && out[1] != Py_None) {
        n = slots_of(h, out[1], &names, &slots);
        if (n < 0 || expire_slots(s, h, slots, n) < 0 || orm_session_fire_expire(h, names) < 0) {
            goto done;
        }
    }
    else if (expire_cascaded(s, h) < 0) {
        goto done;
    }
    /* after it expired: its own changes are forgotten, those of others are written */
    if (orm_session_autoflush(s) < 0) {
        goto done;
    }
    opts.whole = slots == NULL;
    if (slots != NULL) {
        rc = n == 0 ? 0 : refresh_named(s, h, slots, n, &opts);
    }
    else {
        rc = refresh_head(s, h, NULL, 0, &opts);
        rc = rc < 0 ? rc : load_eager_relations(h);
    }
done:
    PyMem_Free(slots);
    Py_XDECREF(names);
    orm_session_leave(s);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

/* --- what orm/ asks for -------------------------------------------------------------------- */

static int
ops_autoflush(orm_session *sess)
{
    SessionObject *s = ORM_SESSION_OF(sess);
    int rc = orm_session_enter(s);

    if (rc == 0) {
        rc = orm_session_autoflush(s);
        orm_session_leave(s);
    }
    return rc;
}

/* Flush if the flags allow, then connection_to_load(). 0 / -1. */
static int
load_connection(SessionObject *s, orm_head *h, int passive, PyObject **conn)
{
    if (!(passive & ORM_P_NO_AUTOFLUSH) && orm_session_autoflush(s) < 0) {
        return -1;
    }
    return connection_to_load(s, h, conn);
}

static int
ops_load_expired(orm_session *sess, orm_head *h, uint32_t slot, int passive)
{
    SessionObject *s = (SessionObject *)Py_NewRef(ORM_SESSION_OF(sess));
    PyObject *obj = orm_head_object(h);
    PyObject *conn = NULL;
    int tag = ORM_TAG_ABSENT;
    int rc = orm_session_enter(s);

    if (rc == 0) {
        rc = load_connection(s, h, passive, &conn);
        if (rc == 0) {
            /* the flush may have brought the value */
            PyObject *v = orm_val_peek(h, slot, &tag);
            if (v == NULL && tag == ORM_TAG_EXPIRED) {
                rc = orm_load_refresh(sess, conn, h, NULL, 0, NULL);
            }
            Py_XDECREF(v);
        }
        orm_session_leave(s);
    }
    Py_XDECREF(conn);
    Py_XDECREF(obj);
    Py_DECREF(s);
    return rc;
}

static int
ops_load_slot(orm_session *sess, orm_head *h, uint32_t slot, int passive)
{
    SessionObject *s = (SessionObject *)Py_NewRef(ORM_SESSION_OF(sess));
    PyObject *obj = orm_head_object(h);
    PyObject *conn = NULL;
    int rc = orm_session_enter(s);

    if (rc == 0 && ORM_SLOT_IS_RELATION(h->mapper->attrs[slot]->kind)) {
        rc = orm_lazy_load(sess, h, slot, passive);
        orm_session_leave(s);
    }
    else if (rc == 0) {
        rc = load_connection(s, h, passive, &conn) < 0 ? -1 : orm_load_slot(sess, conn, h, slot);
        orm_session_leave(s);
    }
    Py_XDECREF(conn);
    Py_XDECREF(obj);
    Py_DECREF(s);
    return rc;
}

static int
ops_enter(orm_session *sess)
{
    return orm_session_enter(ORM_SESSION_OF(sess));
}

static void
ops_leave(orm_session *sess)
{
    orm_session_leave(ORM_SESSION_OF(sess));
}

static bool
ops_listened(orm_session *sess)
{
    return orm_session_listens(ORM_SESSION_OF(sess), ORM_SEV_do_orm_execute);
}

/* Whoever starts a load has flushed already, or does not want it. */
static PyObject *
ops_run_load(orm_session *sess, orm_head *h, const orm_attribute *relation, orm_mapper *m,
             PyObject *statement)
{
    SessionObject *s = ORM_SESSION_OF(sess);
    PyObject *run = orm_import_once(&s->st->run_load, "pyorm.orm._execute", "run_load");
    PyObject *obj = run == NULL ? NULL : orm_head_object(h);
    PyObject *result = NULL;
    PyObject *along = sess->along;
    bool autoflush = s->autoflush;

    if (obj != NULL) {
        s->autoflush = false;
        sess->along = NULL;
        result = PyObject_CallFunctionObjArgs(run, (PyObject *)s, statement, m->py, obj,
                                              relation == NULL ? Py_None : relation->n.key,
                                              along == NULL ? Py_None : along, NULL);
        sess->along = along;
        s->autoflush = autoflush;
    }
    Py_XDECREF(obj);
    return result;
}

static PyObject *
ops_run_along(orm_session *sess, orm_mapper *m, PyObject *statement, PyObject *params,
              PyObject *path, PyObject *options, PyObject *along)
{
    SessionObject *s = ORM_SESSION_OF(sess);
    PyObject *run = orm_import_once(&s->st->run_along, "pyorm.orm._execute", "run_along");
    PyObject *result = NULL;
    bool autoflush = s->autoflush;

    if (run != NULL) {
        s->autoflush = false;
        result = PyObject_CallFunctionObjArgs(run, (PyObject *)s, statement, m->py,
                                              params == NULL ? Py_None : params,
                                              path == NULL ? Py_None : path,
                                              options == NULL ? Py_None : options,
                                              along == NULL ? Py_None : along, NULL);
        s->autoflush = autoflush;
    }
    return result;
}

static PyObject *
ops_connection(orm_session *sess, orm_mapper *m)
{
    return Py_XNewRef(orm_session_connection_for(ORM_SESSION_OF(sess), m, NULL, NULL));
}

const orm_session_ops orm_session_ops_table = {
    .on_dirty = orm_session_on_dirty,
    .autoflush = ops_autoflush,
    .load_expired = ops_load_expired,
    .load_slot = ops_load_slot,
    .enter = ops_enter,
    .leave = ops_leave,
    .listened = ops_listened,
    .run_load = ops_run_load,
    .run_along = ops_run_along,
    .connection = ops_connection,
    .cascade_add = orm_session_cascade_add,
    .expunge = orm_session_expunge_pending,
};
