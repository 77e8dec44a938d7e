/*
 * session/notify.c - telling listeners of sessions and instances what happened.
 *
 * Place: states, transactions and flushes call these; without a listener each is one load and
 *   a branch. Listeners run Python: whoever calls re-reads what it holds.
 */
#include "session/session_int.h"

int
orm_session_fire(SessionObject *s, int event, PyObject *a, PyObject *b)
{
    PyObject *args[3] = {(PyObject *)s, a, b};
    orm_dispatch *events = NULL;
    int rc;

    if (!orm_session_listens(s, event)) {
        return 0;
    }
    events = (orm_dispatch *)Py_NewRef(s->s.events);
    rc = orm_dispatch_fire(events, event, args, a == NULL ? 1 : b == NULL ? 2 : 3);
    Py_DECREF(events);
    return rc;
}

int
orm_session_fire_head(SessionObject *s, int event, orm_head *h)
{
    PyObject *obj = NULL;
    int rc;

    if (!orm_session_listens(s, event)) {
        return 0;
    }
    obj = orm_head_object(h);
    if (obj == NULL) {
        return 0;
    }
    rc = orm_session_fire(s, event, obj, NULL);
    Py_DECREF(obj);
    return rc;
}

int
orm_session_fire_expire(orm_head *h, PyObject *names)
{
    orm_dispatch *events = h->mapper->events;
    PyObject *args[2] = {NULL, names == NULL ? Py_None : names};
    int rc;

    if (orm_dispatch_get(events, ORM_IEV_EXPIRE) == NULL) {
        return 0;
    }
    args[0] = orm_head_object(h);
    if (args[0] == NULL) {
        return 0;
    }
    Py_INCREF(events);
    rc = orm_dispatch_fire(events, ORM_IEV_EXPIRE, args, 2);
    Py_DECREF(events);
    Py_DECREF(args[0]);
    return rc;
}

int
orm_session_raise_head(SessionObject *s, int exc, const char *format, orm_head *h)
{
    PyObject *text = orm_head_describe(h);

    if (text != NULL) {
        orm_raise_exc(s->st, (orm_exc)exc, format, text);
        Py_DECREF(text);
    }
    return -1;
}
