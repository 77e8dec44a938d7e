/*
 * session/cascade.h - instances that come into a session, or leave it, because others do.
 *
 * Place: included after session_int.h by the files of session/ that attach instances.
 */
#ifndef ORM_SESSION_CASCADE_H
#define ORM_SESSION_CASCADE_H

#include "session/session_int.h"

#include "orm/collection.h"

/* An instance with all that save-update cascades to. 0 / -1. */
int orm_session_add(SessionObject *s, PyObject *obj);
/* What a cascade (ORM_C_*) reaches from h, loading nothing: new list, h not in it. */
PyObject *orm_session_cascaded(orm_head *h, uint8_t cascade);
/* merge.c */
PyObject *orm_session_merge(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);
PyObject *orm_session_merge_all(PyObject *self, PyObject *const *a, Py_ssize_t n, PyObject *kw);
/* A flush is writing: what comes now is too late for it. 0 / -1 the warning is an error. */
int orm_session_warn_in_flush(SessionObject *s, const char *what);
int orm_session_cascade_add(orm_session *sess, orm_head *h);
int orm_session_expunge_pending(orm_session *sess, orm_head *h);

#endif
