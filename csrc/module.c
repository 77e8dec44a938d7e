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
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#ifdef ORM_CORETEST
#define MODULE_NAME "pyorm._coretest"
#define MODULE_INIT PyInit__coretest
#define MODULE_DOC "The core's internals, for tests."
#else
#define MODULE_NAME "pyorm._core"
#define MODULE_INIT PyInit__core
#define MODULE_DOC "The core of pyorm, in C."
#endif

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = MODULE_NAME,
    .m_doc = MODULE_DOC,
    .m_size = 0,
};

PyMODINIT_FUNC MODULE_INIT(void); /* -Wmissing-prototypes asks for it */

PyMODINIT_FUNC
MODULE_INIT(void)
{
    return PyModuleDef_Init(&module_def);
}
