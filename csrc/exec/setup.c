/*
 * setup.c - makes exec's types, in the order in which they need each other.
 */
#include "exec_int.h"

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
    return 0;
}
