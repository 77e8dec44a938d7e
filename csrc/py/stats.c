/*
 * py/stats.c - `_core._counters()`: the counters of base/ as a dict.
 *
 * Place: read by tests and benchmarks to prove which path ran; nothing in the core reads a
 *   counter. Tests compare two readings: the counters are never reset.
 */
#include "py/py.h"

#include "base/counters.h"

PyDoc_STRVAR(counters_doc,
             "_counters($module)\n--\n\n"
             "How often the core's counted events have happened in this process, by name.");

static PyObject *
read_counters(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    PyObject *dict = PyDict_New();

    for (int i = 0; dict != NULL && i < ORM_NCOUNTERS; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(orm_counter_value(i));

        if (value == NULL || PyDict_SetItemString(dict, orm_counter_name(i), value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    return dict;
}

static PyMethodDef stats_methods[] = {
    {"_counters", read_counters, METH_NOARGS, counters_doc},
    {NULL, NULL, 0, NULL},
};

int orm_stats_setup(PyObject *module, orm_state *st); /* called by module.c alone */

int
orm_stats_setup(PyObject *module, orm_state *Py_UNUSED(st))
{
    return PyModule_AddFunctions(module, stats_methods);
}
