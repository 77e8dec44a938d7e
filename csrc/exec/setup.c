/*
 * setup.c - makes exec's types, in the order in which they need each other, and says which
 *   libraries are linked.
 */
#include "exec_int.h"

static PyObject *
library_versions(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("(iss)", orm_pg_library_version(), orm_lite_library_version(),
                         orm_lite_source_id());
}

static PyMethodDef exec_functions[] = {
    {"library_versions", library_versions, METH_NOARGS,
     "library_versions($module)\n--\n\n"
     "libpq's version as an int, SQLite's version and source id as str."},
    {NULL, NULL, 0, NULL},
};

int
orm_exec_setup(PyObject *module, orm_state *st)
{
    static int (*const parts[])(PyObject *, orm_state *) = {
        orm_dispatch_setup, orm_shape_setup,  orm_row_setup,    orm_rowmap_setup,
        orm_result_setup,   orm_dbconn_setup, orm_dbcursor_setup, orm_poolcore_setup,
        orm_checkout_setup, orm_engine_setup, orm_connection_setup,
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i](module, st) < 0) {
            return -1;
        }
    }
    return PyModule_AddFunctions(module, exec_functions);
}
