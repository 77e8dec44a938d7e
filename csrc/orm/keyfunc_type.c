/*
 * orm/keyfunc_type.c - AttributeKey: the key of a member of a dictionary collection is the value of
 * one of its attributes, or of several.
 *
 * Place: keyfunc of attribute_keyed_dict() and column_keyed_dict(), called for every loaded member,
 *   without a Python frame. Names are known at once, or `resolve(member)` gives them at the first
 *   call (a column's attribute is known when mappers are configured).
 * A single attribute that nobody has set gives NO_VALUE, which KeyFuncDict refuses or leaves out.
 */
#include "orm/collection_int.h"

typedef struct keyfunc {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *names;   /* owned tuple of str; NULL until resolved */
    PyObject *resolve; /* owned callable or NULL */
} keyfunc;

/* Value of one attribute; NO_VALUE where it was never set. New reference. */
static PyObject *
value_of(orm_state *st, PyObject *member, PyObject *name)
{
    PyObject *v = PyObject_GetAttr(member, name);
    orm_head *h = NULL;
    PyObject *stored = NULL;
    int64_t slot = -1;

    if (v != Py_None) {
        return v;
    }
    h = orm_head_find(st, member);
    slot = h == NULL ? -1 : orm_mapper_slot(h->mapper, name);
    if (PyErr_Occurred()) {
        Py_DECREF(v);
        return NULL;
    }
    stored = slot < 0 ? NULL : orm_val_peek(h, (uint32_t)slot, NULL);
    if (slot >= 0 && stored == NULL) {
        Py_SETREF(v, Py_XNewRef(orm_no_value(st)));
    }
    Py_XDECREF(stored);
    return v;
}

static PyObject *
keyfunc_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    keyfunc *fn = (keyfunc *)self;
    orm_state *st = orm_state_from_type(Py_TYPE(self));
    PyObject *names = NULL;
    PyObject *key = NULL;

    if (PyVectorcall_NARGS(nargsf) != 1 || (kwnames != NULL && PyTuple_GET_SIZE(kwnames) > 0)) {
        PyErr_SetString(PyExc_TypeError, "a key function takes one member");
        return NULL;
    }
    if (fn->names == NULL) {
        PyObject *found = fn->resolve == NULL ? NULL : PyObject_CallOneArg(fn->resolve, args[0]);
        if (found == NULL || !PyTuple_Check(found) || PyTuple_GET_SIZE(found) == 0) {
            Py_XDECREF(found);
            if (!PyErr_Occurred()) {
                PyErr_SetString(PyExc_TypeError, "AttributeKey: names are a tuple of str");
            }
            return NULL;
        }
        Py_XSETREF(fn->names, found);
    }
    names = Py_NewRef(fn->names);
    if (PyTuple_GET_SIZE(names) == 1) {
        key = value_of(st, args[0], PyTuple_GET_ITEM(names, 0));
    }
    else {
        key = PyTuple_New(PyTuple_GET_SIZE(names));
        for (Py_ssize_t i = 0; key != NULL && i < PyTuple_GET_SIZE(names); i++) {
            PyObject *v = PyObject_GetAttr(args[0], PyTuple_GET_ITEM(names, i));
            if (v == NULL) {
                Py_CLEAR(key);
            }
            else {
                PyTuple_SET_ITEM(key, i, v);
            }
        }
    }
    Py_DECREF(names);
    return key;
}

bool
orm_is_attribute_key(orm_state *st, PyObject *fn)
{
    return Py_IS_TYPE(fn, st->AttributeKey);
}

static PyObject *
keyfunc_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const orm_args_spec spec = {.fname = "AttributeKey", .names = {"names", "resolve"},
                                       .count = 2, .npositional = 2};
    PyObject *out[2];
    keyfunc *fn = NULL;

    if (orm_args_parse_tuple(&spec, args, kwargs, out) < 0) {
        return NULL;
    }
    if (out[0] != NULL && out[0] != Py_None && !PyTuple_Check(out[0])) {
        PyErr_SetString(PyExc_TypeError, "AttributeKey: names are a tuple of str");
        return NULL;
    }
    fn = (keyfunc *)type->tp_alloc(type, 0);
    if (fn != NULL) {
        fn->call = keyfunc_call;
        fn->names = out[0] == Py_None ? NULL : Py_XNewRef(out[0]);
        fn->resolve = out[1] == Py_None ? NULL : Py_XNewRef(out[1]);
    }
    return (PyObject *)fn;
}

static int
keyfunc_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((keyfunc *)self)->names);
    Py_VISIT(((keyfunc *)self)->resolve);
    return 0;
}

static int
keyfunc_clear(PyObject *self)
{
    Py_CLEAR(((keyfunc *)self)->names);
    Py_CLEAR(((keyfunc *)self)->resolve);
    return 0;
}

static void
keyfunc_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    keyfunc_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
keyfunc_reduce(PyObject *self, PyObject *Py_UNUSED(unused))
{
    keyfunc *fn = (keyfunc *)self;

    return Py_BuildValue("O(OO)", Py_TYPE(self), fn->names == NULL ? Py_None : fn->names,
                         fn->resolve == NULL ? Py_None : fn->resolve);
}

static PyMethodDef keyfunc_methods[] = {
    {"__reduce__", keyfunc_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef keyfunc_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(keyfunc, call), Py_READONLY, NULL},
    {"names", Py_T_OBJECT_EX, offsetof(keyfunc, names), Py_READONLY, "Names of the attributes."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot keyfunc_slots[] = {
    {Py_tp_doc, "AttributeKey(names=None, resolve=None)\n--\n\n"
                "Key of a member by its attributes."},
    {Py_tp_new, keyfunc_new},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_dealloc, keyfunc_dealloc},
    {Py_tp_traverse, keyfunc_traverse},
    {Py_tp_clear, keyfunc_clear},
    {Py_tp_methods, keyfunc_methods},
    {Py_tp_members, keyfunc_members},
    {0, NULL},
};

PyType_Spec orm_keyfunc_spec = {
    .name = "pyorm._core.AttributeKey",
    .basicsize = sizeof(keyfunc),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE
             | Py_TPFLAGS_HAVE_VECTORCALL,
    .slots = keyfunc_slots,
};
