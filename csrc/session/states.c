/*
 * session/states.c - the state machine of an instance: transient, pending, persistent, deleted,
 * detached.
 *
 * Place: Session.add, delete, expunge; flush and rollback move instances by the same functions.
 * Events come in SQLAlchemy's order: before_attach, after_attach, then the name of the change.
 * Listeners run Python, so flags are read again after each.
 */
#include "session/cascade.h"

bool
orm_session_contains(SessionObject *s, const orm_head *h)
{
    return h->session == &s->s && h->flags & (ORM_H_NEW | ORM_H_IN_MAP);
}

/* --- attaching --------------------------------------------------------------------------- */

/* 1: h is to be attached now (before_attach was fired); 0: it is ours already; -1. */
static int
before_attach(SessionObject *s, orm_head *h, PyObject *obj)
{
    if (orm_session_autobegin(s) < 0) {
        return -1;
    }
    if (h->session == &s->s) {
        return 0;
    }
    if (h->session != NULL) {
        PyObject *text = orm_head_describe(h);
        if (text != NULL) {
            orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                          "Object '%U' is already attached to session '%llu' (this is '%llu')",
                          text, (unsigned long long)h->session->id,
                          (unsigned long long)s->s.id);
            Py_DECREF(text);
        }
        return -1;
    }
    orm_head_set_left(h, ORM_LEFT_UNKNOWN); /* those bits are a serial again */
    return orm_session_fire(s, ORM_SEV_before_attach, obj, NULL) < 0 ? -1 : 1;
}

/* h is pending or persistent from now on, or out of the session. The caller holds a reference. */
static void
no_longer_loose(SessionObject *s, orm_head *h)
{
    PyObject *held = orm_headset_take(&s->loose, h);

    Py_XDECREF(held);
}

int
orm_session_enable_loading(SessionObject *s, PyObject *obj)
{
    orm_head *h = orm_head_of(s->st, obj);
    int attach = h == NULL ? -1 : before_attach(s, h, obj);

    if (attach < 0 || orm_head_load_pending(h) < 0) {
        return -1;
    }
    if (attach == 0 || h->session != NULL) {
        return 0; /* a member, or a listener has made it one */
    }
    if (orm_headset_add(&s->loose, h, obj) < 0) {
        return -1;
    }
    h->session = &s->s;
    return orm_session_fire(s, ORM_SEV_after_attach, obj, NULL);
}

/* A transient instance becomes pending. 0 / -1. */
static int
save(SessionObject *s, orm_head *h, PyObject *obj)
{
    int attach = before_attach(s, h, obj);

    if (attach < 0) {
        return -1;
    }
    if (h->flags & ORM_H_NEW) {
        return 0;
    }
    if (h->session != NULL && h->session != &s->s) {
        return orm_session_raise_head(s, ORM_EXC_InvalidRequestError,
                                      "Object '%U' was attached to another session by a listener",
                                      h);
    }
    if (orm_headset_add(&s->fresh, h, obj) < 0) {
        return -1;
    }
    h->flags |= ORM_H_NEW;
    h->session = &s->s;
    no_longer_loose(s, h);
    if (attach > 0
        && (orm_session_fire(s, ORM_SEV_after_attach, obj, NULL) < 0
            || orm_session_fire(s, ORM_SEV_transient_to_pending, obj, NULL) < 0)) {
        return -1;
    }
    return 0;
}

int
orm_session_enter_map(SessionObject *s, orm_head *h)
{
    orm_key key = {0};
    PyObject *winner = NULL;
    orm_head *at = NULL;
    int rc = -1;

    if (h->flags & ORM_H_IN_MAP) {
        return 0;
    }
    if (orm_key_of(&key, h) < 0 || orm_idmap_put(&s->s.map, &s->s, h, &key, &winner, &at) < 0) {
        goto done;
    }
    if (at != h) {
        PyObject *text = orm_head_describe(h);
        PyObject *tuple = orm_key_tuple(&key);
        if (text != NULL && tuple != NULL) {
            orm_raise_exc(s->st, ORM_EXC_InvalidRequestError,
                          "Can't attach instance %U; another instance with key %R is already "
                          "present in this session.", text, tuple);
        }
        Py_XDECREF(text);
        Py_XDECREF(tuple);
        goto done;
    }
    no_longer_loose(s, h);
    rc = 0;
done:
    Py_XDECREF(winner);
    orm_key_fini(&key);
    return rc;
}

/* A detached instance becomes persistent; one that delete() marked is unmarked. 0 / -1. */
static int
update(SessionObject *s, orm_head *h, PyObject *obj)
{
    bool in_map = h->flags & ORM_H_IN_MAP;
    int attach;

    if (h->flags & ORM_H_DELETED) {
        return orm_session_raise_head(
            s, ORM_EXC_InvalidRequestError,
            "Instance '%U' has been deleted.  Use the make_transient() function to send this "
            "object back to the transient state.", h);
    }
    attach = before_attach(s, h, obj);
    if (attach < 0) {
        return -1;
    }
    if (h->flags & ORM_H_DELETING) {
        PyObject *held = orm_headset_take(&s->doomed, h);
        h->flags &= ~(uint32_t)ORM_H_DELETING;
        Py_XDECREF(held);
    }
    if (orm_session_enter_map(s, h) < 0) {
        return -1;
    }
    if (attach == 0 && in_map) {
        return 0;
    }
    if (h->flags & ORM_H_MODIFIED && orm_headset_add(&s->dirty, h, obj) < 0) {
        orm_idmap_remove(&s->s.map, h);
        h->session = NULL;
        return -1;
    }
    if (attach > 0 && orm_session_fire(s, ORM_SEV_after_attach, obj, NULL) < 0) {
        return -1;
    }
    return attach > 0 ? orm_session_fire(s, ORM_SEV_detached_to_persistent, obj, NULL) : 0;
}

int
orm_session_attach(SessionObject *s, orm_head *h, PyObject *obj)
{
    return ORM_HAS_KEY(h) ? update(s, h, obj) : save(s, h, obj);
}

/* Mark an instance that lies in the map; attach: it is the session's since now. 0 / -1. */
static int
mark_attached(SessionObject *s, orm_head *h, PyObject *obj, int attach)
{
    if (orm_headset_add(&s->doomed, h, obj) < 0) {
        return -1;
    }
    h->flags |= ORM_H_DELETING;
    if (attach > 0 && h->flags & ORM_H_MODIFIED && orm_headset_add(&s->dirty, h, obj) < 0) {
        return -1;
    }
    return attach > 0 ? orm_session_fire(s, ORM_SEV_after_attach, obj, NULL) : 0;
}

/* Mark one more instance. 0 / -1. */
static int
mark_deleted(SessionObject *s, orm_head *h, PyObject *obj)
{
    int attach = before_attach(s, h, obj);

    if (attach < 0) {
        return -1;
    }
    if (h->flags & (ORM_H_DELETING | ORM_H_DELETED)) {
        return 0;
    }
    return orm_session_enter_map(s, h) < 0 ? -1 : mark_attached(s, h, obj, attach);
}

/* What a delete cascades to, before anything is marked: loading may fail, or flush. */
static int
collect_cascade(void *list, orm_head *h, PyObject *obj)
{
    return ORM_HAS_KEY(h) ? PyList_Append(list, obj) : 0; /* a pending one has no row */
}

int
orm_session_delete(SessionObject *s, PyObject *obj)
{
    orm_head *h = orm_head_of(s->st, obj);
    PyObject *list = NULL;
    int attach = 0;
    int rc = -1;

    if (h == NULL) {
        return -1;
    }
    if (!ORM_HAS_KEY(h)) {
        return orm_session_raise_head(s, ORM_EXC_InvalidRequestError,
                                      "Instance '%U' is not persisted", h);
    }
    attach = before_attach(s, h, obj);
    if (attach < 0) {
        return -1;
    }
    if (h->flags & (ORM_H_DELETING | ORM_H_DELETED)) {
        return 0;
    }
    if (orm_session_enter_map(s, h) < 0) {
        return -1;
    }
    list = PyList_New(0);
    if (list != NULL) {
        rc = orm_cascade_walk(h, ORM_C_DELETE, collect_cascade, list);
    }
    rc = rc < 0 ? -1 : mark_attached(s, h, obj, attach);
    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *member = PyList_GET_ITEM(list, i); /* borrow-ok: nobody else has the list */
        orm_head *other = orm_head_of(s->st, member);
        rc = other == NULL ? -1 : mark_deleted(s, other, member);
    }
    Py_XDECREF(list);
    return rc;
}

/* --- dirty ------------------------------------------------------------------------------- */

int
orm_session_on_dirty(orm_session *sess, orm_head *h)
{
    SessionObject *s = ORM_SESSION_OF(sess);
    PyObject *obj = NULL;
    int rc = -1;

    if (!(h->flags & ORM_H_IN_MAP)) {
        return 0; /* pending ones are held anyway, deleted ones are not written again */
    }
    if (orm_session_enter(s) < 0) {
        return -1;
    }
    if (orm_session_autobegin(s) == 0) {
        obj = orm_head_object(h);
        rc = obj == NULL ? 0 : orm_headset_add(&s->dirty, h, obj);
        Py_XDECREF(obj);
    }
    orm_session_leave(s);
    return rc;
}

void
orm_session_clean(SessionObject *s, orm_head *h)
{
    if (h->flags & ORM_H_MODIFIED) {
        PyObject *held = orm_headset_take(&s->dirty, h);
        h->flags &= ~(uint32_t)ORM_H_MODIFIED;
        Py_XDECREF(held);
    }
}

/* --- leaving ----------------------------------------------------------------------------- */

/* What takes instances out now: ORM_LEFT_*. */
static uint32_t
how_it_leaves(const SessionObject *s)
{
    return s->leaving != 0        ? s->leaving
           : s->changing == NULL ? ORM_LEFT_EXPUNGE
                                 : ORM_LEFT_ROLLBACK;
}

int
orm_session_detach(SessionObject *s, orm_head *h, bool to_transient)
{
    const uint32_t serials = ((uint32_t)0x1ff << ORM_H_BORN_SHIFT)
                             | ((uint32_t)0x1ff << ORM_H_WRITTEN_SHIFT);
    PyObject *obj = orm_head_object(h);
    PyObject *held[5] = {obj, NULL, NULL, NULL, orm_headset_take(&s->loose, h)};
    bool pending = !ORM_HAS_KEY(h);
    bool deleted = h->flags & ORM_H_DELETED;
    int event = pending ? ORM_SEV_pending_to_transient
                : to_transient && !deleted ? ORM_SEV_persistent_to_transient
                : deleted ? ORM_SEV_deleted_to_detached
                          : ORM_SEV_persistent_to_detached;
    int rc = 0;

    if (h->flags & ORM_H_NEW) {
        held[1] = orm_headset_take(&s->fresh, h);
    }
    if (h->flags & ORM_H_MODIFIED) {
        held[2] = orm_headset_take(&s->dirty, h); /* it stays modified: add() takes it up again */
    }
    if (h->flags & ORM_H_DELETING) {
        held[3] = orm_headset_take(&s->doomed, h);
    }
    for (TxObject *tx = deleted ? s->tx : NULL; tx != NULL; tx = tx->parent) {
        PyObject *kept = orm_headset_take(&tx->deleted, h);
        if (kept != NULL) {
            Py_DECREF(kept); /* obj is held */
            break;
        }
    }
    if (h->peers != NULL) {
        orm_peers_leave(h);
    }
    if (!to_transient && !pending && !deleted && ORM_BORN(h) != 0 && obj != NULL
        && s->changing == NULL) {
        rc = orm_tx_note_left(s, h, obj);
    }
    orm_idmap_remove(&s->s.map, h);
    h->session = NULL;
    h->flags &= ~(uint32_t)(ORM_H_NEW | ORM_H_DELETING | serials);
    orm_head_set_left(h, how_it_leaves(s));
    if (to_transient) {
        h->flags &= ~(uint32_t)ORM_H_DELETED;
        orm_head_drop_identity(h);
    }
    if (obj != NULL && rc == 0) {
        rc = orm_session_fire(s, event, obj, NULL);
    }
    for (int i = 0; i < 5; i++) {
        Py_XDECREF(held[i]);
    }
    return rc;
}

int
orm_session_forget_deleted(SessionObject *s, orm_head *h)
{
    PyObject *obj = orm_head_object(h);
    PyObject *held[2] = {NULL, NULL};
    int rc = -1;

    if (obj == NULL || s->tx == NULL || orm_headset_add(&s->tx->deleted, h, obj) < 0) {
        Py_XDECREF(obj);
        return PyErr_Occurred() ? -1 : 0;
    }
    if (h->flags & ORM_H_MODIFIED) {
        held[0] = orm_headset_take(&s->dirty, h);
    }
    if (h->flags & ORM_H_DELETING) {
        held[1] = orm_headset_take(&s->doomed, h);
    }
    orm_idmap_remove(&s->s.map, h);
    h->flags = (h->flags & ~(uint32_t)(ORM_H_DELETING | ORM_H_MODIFIED)) | ORM_H_DELETED;
    rc = orm_session_fire(s, ORM_SEV_persistent_to_deleted, obj, NULL);
    Py_XDECREF(held[0]);
    Py_XDECREF(held[1]);
    Py_DECREF(obj);
    return rc;
}

/* Detach those of a list that are pending, or those that are not. 0 / -1. */
static int
detach_some(SessionObject *s, PyObject *list, bool pending)
{
    int rc = 0;

    for (Py_ssize_t i = 0; rc == 0 && i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_find(s->st, PyList_GET_ITEM(list, i));
        if (h != NULL && h->session == &s->s && ((h->flags & ORM_H_NEW) != 0) == pending) {
            rc = orm_session_detach(s, h, false);
        }
    }
    return rc;
}

/* h leaves with all that expunge cascades to: the persistent ones, then the pending ones. */
static int
expunge_cascaded(SessionObject *s, orm_head *h)
{
    PyObject *list = orm_session_cascaded(h, ORM_C_EXPUNGE);
    int rc = list == NULL ? -1 : orm_session_detach(s, h, false);

    if (rc == 0) {
        rc = detach_some(s, list, false);
    }
    if (rc == 0) {
        rc = detach_some(s, list, true);
    }
    Py_XDECREF(list);
    return rc;
}

int
orm_session_expunge(SessionObject *s, PyObject *obj)
{
    orm_head *h = orm_head_of(s->st, obj);

    if (h == NULL) {
        return -1;
    }
    if (h->session != &s->s) {
        return orm_session_raise_head(s, ORM_EXC_InvalidRequestError,
                                      "Instance %U is not present in this Session", h);
    }
    return expunge_cascaded(s, h);
}

/* Detach every instance of a list (consumed; NULL: an exception). 0 / -1 with the first error. */
static int
detach_list(SessionObject *s, PyObject *list)
{
    PyObject *first = NULL;

    if (list == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        orm_head *h = orm_head_find(s->st, PyList_GET_ITEM(list, i));
        if (h == NULL || h->session != &s->s) {
            continue; /* a listener took it out */
        }
        bool deleted = h->flags & ORM_H_DELETED;
        if (orm_session_detach(s, h, false) < 0 && first == NULL) {
            first = PyErr_GetRaisedException();
        }
        if (deleted) {
            h->flags &= ~(uint32_t)ORM_H_DELETED; /* its DELETE is rolled back */
        }
        PyErr_Clear();
    }
    Py_DECREF(list);
    if (first != NULL) {
        PyErr_SetRaisedException(first);
        return -1;
    }
    return 0;
}

/* What orm_session_detach sees to besides the map: then it is not for detach_clean. */
#define NOT_CLEAN \
    ((uint32_t)(ORM_H_NEW | ORM_H_MODIFIED | ORM_H_DELETING | ORM_H_DELETED))

/* fast path: same answer as orm_session_detach, for an instance without changes whose leaving
   nobody hears. True: it is out, but for its cell. */
static bool
leave_clean(void *value, void *session)
{
    const uint32_t gone = (uint32_t)ORM_H_IN_MAP | (uint32_t)0x1ff << ORM_H_BORN_SHIFT
                          | (uint32_t)0x1ff << ORM_H_WRITTEN_SHIFT;
    orm_head *h = value;

    if (h->flags & NOT_CLEAN) {
        return false;
    }
    if (h->peers != NULL) {
        orm_peers_leave(h);
    }
    h->session = NULL;
    h->flags = (h->flags & ~gone)
               | (uint32_t)((SessionObject *)session)->leaving << ORM_H_WRITTEN_SHIFT;
    return true;
}

/* All that are clean, each touched once, in the order of the map; no reference is taken, for no
   Python runs. The others stay in the map. */
static void
detach_clean(SessionObject *s)
{
    if (orm_dispatch_get(s->s.events, ORM_SEV_persistent_to_detached) == NULL) {
        orm_tagmap_sweep(&s->s.map.table, leave_clean, s);
    }
}

int
orm_session_expunge_all(SessionObject *s, uint8_t how)
{
    uint8_t before = s->leaving;

    s->leaving = how;
    detach_clean(s);
    int rc = detach_list(s, orm_idmap_list(&s->s.map));

    if (rc == 0) {
        rc = detach_list(s, orm_headset_list(&s->fresh));
    }
    if (rc == 0 && s->loose.live > 0) {
        rc = detach_list(s, orm_headset_list(&s->loose));
    }
    s->leaving = before;
    return rc;
}
