/*
 * session/sync.h - instances after UPDATE and DELETE of a mapped class: sync.c.
 */
#ifndef ORM_SESSION_SYNC_H
#define ORM_SESSION_SYNC_H

#include "session/session_int.h"

/* synchronize_session of the options: 0 False, 1 something follows, -1 no such mode (exception). */
int orm_session_sync_mode(SessionObject *s, PyObject *options);
/* Before a statement: *plan owned, with `statement` and `after(result)`; NULL: nobody follows.
   0 / -1. */
int orm_session_sync_begin(SessionObject *s, orm_mapper *m, const orm_node *node,
                           PyObject *statement, PyObject *params, PyObject *options,
                           PyObject **plan);
/* Instances with these primary keys (a list of tuples) expire. 0 / -1. */
int orm_session_sync_keys(SessionObject *s, orm_mapper *m, PyObject *keys);
/* Methods of Session that the plan calls; what they do stands in sync.c. */
PyObject *orm_session_instances(PyObject *self, PyObject *plan);
PyObject *orm_session_follow(PyObject *self, PyObject *const *args, Py_ssize_t nargs);
PyObject *orm_session_forget_all(PyObject *self, PyObject *list);

#endif
