/*
 * module.c - the entry point of pyorm._core, and of pyorm._coretest.
 *
 * Place: imported by pyorm/__init__.py; calls the setup of each folder, in the order in
 *   which the folders depend on each other, and does nothing else.
 * Two modules from one file: with ORM_CORETEST defined this file becomes the entry point
 *   of `_coretest`, which links the same objects and adds the functions of coretest/, so
 *   that tests reach what no Python program sees. Each of the two has its own types and
 *   state: an object of one is foreign to the other.
 * Ownership: the module object owns the state; it lives as long as any type of the module.
 */
#include "py/py.h"

#ifdef ORM_CORETEST
#define MODULE_NAME "pyorm._coretest"
#define MODULE_INIT PyInit__coretest
#define MODULE_DOC "The core's internals, for tests."
#else
#define MODULE_NAME "pyorm._core"
#define MODULE_INIT PyInit__core
#define MODULE_DOC "The core of pyorm, in C."
#endif

/* One line per room, in the order of the layers. Weak: a room that is not linked in is
 * skipped, so that each can be built and tested beside the others. */
#define ORM_ROOMS(X)                                                                          \
    X(orm_py_setup)                                                                           \
    X(orm_types_setup)                                                                        \
    X(orm_sql_setup)                                                                          \
    X(orm_exec_setup)                                                                         \
    X(orm_orm_setup)                                                                          \
    X(orm_unit_setup)                                                                         \
    X(orm_session_setup)                                                                      \
    X(orm_stats_setup)                                                                        \
    X(orm_faults_setup)                                                                       \
    X(orm_coretest_setup)

#define ORM_DECLARE(setup) int setup(PyObject *module, orm_state *st) __attribute__((weak));
ORM_ROOMS(ORM_DECLARE)
#undef ORM_DECLARE

typedef int (*room_setup)(PyObject *module, orm_state *st);

static int
module_exec(PyObject *module)
{
#define ORM_LIST(setup) setup,
    static const room_setup rooms[] = {ORM_ROOMS(ORM_LIST)};
#undef ORM_LIST
    orm_state *st = orm_state_from_module(module);

    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        if (rooms[i] != NULL && rooms[i](module, st) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    ORM_MODULE_SLOTS
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = MODULE_NAME,
    .m_doc = MODULE_DOC,
    .m_size = sizeof(orm_state),
    .m_slots = module_slots,
    .m_traverse = orm_state_traverse,
    .m_clear = orm_state_clear,
    .m_free = orm_state_free,
};

PyModuleDef *
orm_module_def(void)
{
    return &module_def;
}

PyMODINIT_FUNC MODULE_INIT(void); /* -Wmissing-prototypes asks for it */

PyMODINIT_FUNC
MODULE_INIT(void)
{
    return PyModuleDef_Init(&module_def);
}
