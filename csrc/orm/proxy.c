/*
 * orm/proxy.c - attributes that hold no value of their own: what a synonym is on the class.
 *
 * Place: Python's descriptors of synonym() and hybrid_property ask for one when they are read on
 *   a mapped class or an alias and mean a mapped attribute. It is an InstrumentedAttribute of the
 *   same slot, entity and property, under a name of its own.
 * Key: of a class the node's address counts, so Python makes one and keeps it; of an alias the
 *   number counts, which is another for each name and slot.
 */
#include "orm/load_int.h"

/* aux of such a node: no slot. */
#define NUMBERED 0x80000000u

PyObject *
orm_fn_proxy_attribute(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_attribute *of = NULL;
    long number;

    if (nargs != 4 || !Py_IS_TYPE(args[0], st->InstrumentedAttribute)
        || !PyUnicode_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "_proxy_attribute() takes (attribute, key, number, behind)");
        return NULL;
    }
    number = PyLong_AsLong(args[2]);
    if (number == -1 && PyErr_Occurred()) {
        return NULL;
    }
    of = (orm_attribute *)args[0];
    if (of->n.node == NULL) {
        PyErr_Format(PyExc_ValueError, "attribute '%U' has no column to stand for", of->n.key);
        return NULL;
    }
    return (PyObject *)orm_attribute_proxy(of, args[1], NUMBERED | (uint32_t)number, args[3]);
}
