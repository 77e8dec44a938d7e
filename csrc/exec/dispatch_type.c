/*
 * dispatch_type.c - Dispatch: who listens to the events of one target.
 *
 * Place: pyorm.event writes it, C reads `slot[event]`. Attributes: every event's name
 *   answers with its tuple of listeners (empty: nobody), so `dispatch.before_insert` can be
 *   tested for truth.
 * Invariant: slot[i] is NULL or a non-empty tuple that nobody changes; a change replaces it.
 */
#include "exec_int.h"

int
orm_dispatch_fire(orm_dispatch *d, int event, PyObject *const *args, size_t nargs)
{
    PyObject *listeners = orm_dispatch_get(d, event); /* borrow-ok: owned below */
    int rc = 0;

    if (listeners == NULL) {
        return 0;
    }
    /* A listener may remove itself, and make its caller let go of the arguments. */
    Py_INCREF(listeners);
    for (size_t k = 0; k < nargs; k++) {
        Py_XINCREF(args[k]);
    }
    for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(listeners); i++) {
        PyObject *answer = PyObject_Vectorcall(PyTuple_GET_ITEM(listeners, i), args, nargs, NULL);

        rc = answer == NULL ? -1 : 0;
        Py_XDECREF(answer);
    }
    for (size_t k = 0; k < nargs; k++) {
        Py_XDECREF(args[k]);
    }
    Py_DECREF(listeners);
    return rc;
}

/* Dispatch(family, names, parents=()). */
static PyObject *
dispatch_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *family = NULL;
    PyObject *names = NULL;
    PyObject *parents = NULL;
    orm_dispatch *d = NULL;

    if (!PyArg_ParseTuple(args, "OO!|O!:Dispatch", &family, &PyTuple_Type, &names, &PyTuple_Type,
                          &parents)) {
        return NULL;
    }
    d = (orm_dispatch *)type->tp_alloc(type, PyTuple_GET_SIZE(names));
    if (d == NULL) {
        return NULL;
    }
    d->family = Py_NewRef(family);
    d->names = Py_NewRef(names);
    d->parents = parents == NULL ? PyTuple_New(0) : Py_NewRef(parents);
    if (d->parents == NULL) {
        Py_CLEAR(d);
    }
    return (PyObject *)d;
}

static int
dispatch_traverse(PyObject *self, visitproc visit, void *arg)
{
    orm_dispatch *d = (orm_dispatch *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(d->family);
    Py_VISIT(d->names);
    Py_VISIT(d->parents);
    Py_VISIT(d->book);
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_VISIT(d->slot[i]);
    }
    return 0;
}

static int
dispatch_clear(PyObject *self)
{
    orm_dispatch *d = (orm_dispatch *)self;

    Py_CLEAR(d->family);
    Py_CLEAR(d->parents);
    Py_CLEAR(d->book);
    for (Py_ssize_t i = 0; i < Py_SIZE(self); i++) {
        Py_CLEAR(d->slot[i]);
    }
    return 0;
}

static void
dispatch_dealloc(PyObject *self)
{
    orm_dispatch *d = (orm_dispatch *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (d->weakrefs != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    (void)dispatch_clear(self);
    Py_CLEAR(d->names);
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t
event_number(orm_dispatch *d, PyObject *name)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(d->names); i++) {
        PyObject *one = PyTuple_GET_ITEM(d->names, i); /* borrow-ok: names are immutable */

        if (one == name || (PyUnicode_Check(one) && PyUnicode_Compare(one, name) == 0)) {
            return i;
        }
    }
    return -1;
}

static PyObject *
dispatch_getattro(PyObject *self, PyObject *name)
{
    orm_dispatch *d = (orm_dispatch *)self;
    Py_ssize_t i = event_number(d, name);

    if (i < 0) {
        return PyObject_GenericGetAttr(self, name);
    }
    return d->slot[i] == NULL ? PyTuple_New(0) : Py_NewRef(d->slot[i]);
}

PyDoc_STRVAR(replace_doc, "_replace($self, name, listeners, /)\n--\n\n"
                          "Set the tuple of listeners of an event; empty: nobody listens.");

static PyObject *
dispatch_replace(PyObject *self, PyObject *args)
{
    orm_dispatch *d = (orm_dispatch *)self;
    PyObject *name = NULL;
    PyObject *listeners = NULL;
    Py_ssize_t i;

    if (!PyArg_ParseTuple(args, "UO!:_replace", &name, &PyTuple_Type, &listeners)) {
        return NULL;
    }
    i = event_number(d, name);
    if (i < 0) {
        PyErr_SetObject(PyExc_KeyError, name);
        return NULL;
    }
    Py_XSETREF(d->slot[i], PyTuple_GET_SIZE(listeners) == 0 ? NULL : Py_NewRef(listeners));
    Py_RETURN_NONE;
}

static PyMethodDef dispatch_methods[] = {
    {"_replace", dispatch_replace, METH_VARARGS, replace_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef dispatch_members[] = {
    {"_family", Py_T_OBJECT_EX, offsetof(orm_dispatch, family), Py_READONLY, NULL},
    {"_names", Py_T_OBJECT_EX, offsetof(orm_dispatch, names), Py_READONLY, NULL},
    {"_parents", Py_T_OBJECT_EX, offsetof(orm_dispatch, parents), Py_READONLY, NULL},
    {"_book", Py_T_OBJECT_EX, offsetof(orm_dispatch, book), 0, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(orm_dispatch, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(dispatch_doc, "Dispatch(family, names, parents=(), /)\n--\n\n"
                           "The listeners of one target's events.");

static PyType_Slot dispatch_slots[] = {
    {Py_tp_doc, (void *)dispatch_doc},
    {Py_tp_new, dispatch_new},
    {Py_tp_traverse, dispatch_traverse},
    {Py_tp_clear, dispatch_clear},
    {Py_tp_dealloc, dispatch_dealloc},
    {Py_tp_getattro, dispatch_getattro},
    {Py_tp_methods, dispatch_methods},
    {Py_tp_members, dispatch_members},
    {0, NULL},
};

static PyType_Spec dispatch_spec = {
    .name = "pyorm._core.Dispatch",
    .basicsize = sizeof(orm_dispatch),
    .itemsize = sizeof(PyObject *),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = dispatch_slots,
};

/* The names of a family whose numbers C knows. */
static int
add_names(PyObject *module, const char *as, const char *const *names, Py_ssize_t n)
{
    PyObject *tuple = PyTuple_New(n);

    if (tuple == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *name = PyUnicode_InternFromString(names[i]);

        if (name == NULL) {
            Py_DECREF(tuple);
            return -1;
        }
        PyTuple_SET_ITEM(tuple, i, name);
    }
    return PyModule_Add(module, as, tuple);
}

int
orm_dispatch_setup(PyObject *module, orm_state *st)
{
#define ORM_EVENT_NAME(name) #name,
    static const char *const engine[] = {ORM_ENGINE_EVENTS(ORM_EVENT_NAME)};
    static const char *const pool[] = {ORM_POOL_EVENTS(ORM_EVENT_NAME)};
#undef ORM_EVENT_NAME

    if (orm_type_add(module, st, &dispatch_spec, NULL, &st->Dispatch) < 0
        || add_names(module, "ENGINE_EVENTS", engine, ORM_EV_ENGINE_COUNT) < 0
        || add_names(module, "POOL_EVENTS", pool, ORM_PEV_COUNT) < 0) {
        return -1;
    }
    return 0;
}
