/*
 * orm/load_tell.c - the loader tells listeners: `load`, `refresh`, loaded_as_persistent.
 *
 * Place: load_rows.c and load_slots.c come here when an instance is complete. Listeners run Python
 *   and can do anything; the caller holds the instance.
 * Locking: the GIL.
 */
#include "orm/load_int.h"

/* What listeners get besides the instance. Borrowed from the loader, or NULL. */
static PyObject *
context_of(orm_loader *l)
{
    PyObject *cls = NULL;

    if (l->context == NULL) {
        cls = orm_import_once(&l->st->query_context, "pyorm.orm.context", "QueryContext");
        if (cls != NULL) {
            l->context = PyObject_CallFunctionObjArgs(
                cls, l->owner == NULL ? Py_None : l->owner,
                l->statement == NULL ? Py_None : l->statement,
                l->overwrite ? Py_True : Py_False, NULL);
        }
    }
    return l->context;
}

int
orm_loader_fire(orm_loader *l, orm_mapper *m, PyObject *obj, int event, PyObject *names_steal)
{
    PyObject *context = NULL;
    PyObject *args[] = {obj, NULL, names_steal == NULL ? Py_None : names_steal};
    int rc = 0;

    if (orm_instance_listeners(m, event) != NULL) {
        context = context_of(l);
        args[1] = context;
        rc = context == NULL
                 ? -1
                 : orm_dispatch_fire(m->events, event, args, event == ORM_IEV_REFRESH ? 3 : 2);
    }
    Py_XDECREF(names_steal);
    return rc;
}

int
orm_loader_tell_loaded(orm_loader *l, orm_mapper *m, PyObject *obj)
{
    PyObject *args[] = {l->owner, obj};

    if (m->events != NULL && orm_loader_fire(l, m, obj, ORM_IEV_LOAD, NULL) < 0) {
        return -1;
    }
    if (l->owner == NULL
        || orm_dispatch_get(l->s->events, ORM_SEV_LOADED_AS_PERSISTENT) == NULL) {
        return 0;
    }
    return orm_dispatch_fire(l->s->events, ORM_SEV_LOADED_AS_PERSISTENT, args, 2);
}

PyObject *
orm_unloaded_keys(orm_head *h)
{
    PyObject *set = PySet_New(NULL);

    for (uint32_t i = 0; set != NULL && i < h->mapper->nslots; i++) {
        orm_attribute *a = h->mapper->attrs[i];
        PyObject *v = a == NULL ? NULL : orm_val_peek(h, i, NULL);

        if (a != NULL && v == NULL && PySet_Add(set, a->n.key) < 0) {
            Py_CLEAR(set);
        }
        Py_XDECREF(v);
    }
    return set;
}
