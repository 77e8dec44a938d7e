/*
 * coretest.c - the runner of the C tests: `_coretest.names()` and `_coretest.run(name)`.
 *
 * Place: called by module.c when it is compiled as `_coretest`; reads the rooms' tables of
 *   coretest.h. Holds no state: every run starts with an empty orm_check.
 */
#include "coretest/coretest.h"

#pragma weak orm_coretest_self
#pragma weak orm_coretest_base
#pragma weak orm_coretest_wire
#pragma weak orm_coretest_lite
#pragma weak orm_coretest_lite_tx
#pragma weak orm_coretest_lite_user
#pragma weak orm_coretest_driver
#pragma weak orm_coretest_pg
#pragma weak orm_coretest_pool
#pragma weak orm_coretest_pool_pg
#pragma weak orm_coretest_py
#pragma weak orm_coretest_types
#pragma weak orm_coretest_sql
#pragma weak orm_coretest_exec
#pragma weak orm_coretest_orm
#pragma weak orm_coretest_unit
#pragma weak orm_coretest_session

static const struct {
    const char *name;
    const orm_coretest_room *room; /* NULL: not linked in */
} rooms[] = {
#define ROOM(name) {#name, &orm_coretest_##name},
    ORM_CORETEST_ROOMS(ROOM)
#undef ROOM
};
#define NROOMS (sizeof(rooms) / sizeof(rooms[0]))

static const orm_coretest_case *
room_checks(size_t room)
{
    return rooms[room].room == NULL ? NULL : rooms[room].room->checks;
}

PyDoc_STRVAR(names_doc, "names($module)\n--\n\nThe C tests, each as \"room.name\".");

static PyObject *
names(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    PyObject *list = PyList_New(0);

    for (size_t r = 0; list != NULL && r < NROOMS; r++) {
        for (const orm_coretest_case *t = room_checks(r); t != NULL && t->name != NULL; t++) {
            PyObject *name = PyUnicode_FromFormat("%s.%s", rooms[r].name, t->name);

            if (name == NULL || PyList_Append(list, name) < 0) {
                Py_CLEAR(list);
            }
            Py_XDECREF(name);
            if (list == NULL) {
                break;
            }
        }
    }
    return list;
}

PyDoc_STRVAR(run_doc,
             "run($module, name)\n--\n\n"
             "Run one C test; return how many checks held, raise AssertionError with the first\n"
             "that did not, KeyError if there is no such test.");

static PyObject *
run(PyObject *Py_UNUSED(module), PyObject *name)
{
    orm_check check = {0};

    for (size_t r = 0; r < NROOMS; r++) {
        for (const orm_coretest_case *t = room_checks(r); t != NULL && t->name != NULL; t++) {
            PyObject *known = PyUnicode_FromFormat("%s.%s", rooms[r].name, t->name);
            int same = known == NULL ? -1 : PyObject_RichCompareBool(known, name, Py_EQ);

            Py_XDECREF(known);
            if (same < 0) {
                return NULL;
            }
            if (same == 0) {
                continue;
            }
            t->run(&check);
            if (check.file != NULL) {
                return PyErr_Format(PyExc_AssertionError, "%s:%d: %s", check.file, check.line,
                                    check.text);
            }
            return PyLong_FromLong(check.held);
        }
    }
    PyErr_SetObject(PyExc_KeyError, name);
    return NULL;
}

static PyMethodDef runner_methods[] = {
    {"names", names, METH_NOARGS, names_doc},
    {"run", run, METH_O, run_doc},
    {NULL, NULL, 0, NULL},
};

int
orm_coretest_setup(PyObject *module, orm_state *Py_UNUSED(st))
{
    if (PyModule_AddFunctions(module, runner_methods) < 0) {
        return -1;
    }
    for (size_t r = 0; r < NROOMS; r++) {
        if (rooms[r].room != NULL && rooms[r].room->methods != NULL
            && PyModule_AddFunctions(module, rooms[r].room->methods) < 0) {
            return -1;
        }
    }
    return 0;
}
