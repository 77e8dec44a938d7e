/*
 * types/engine_type.c - `_core.TypeEngine`, the base of pyorm.types' classes.
 *
 * Fixed size, so that any Python class can derive from it. It keeps the record, which is
 * made at the first question and stays: a type's arguments are not changed afterwards. What
 * changes one on purpose (Enum's name by its MetaData) deletes `_record`.
 */
#include "types/types_int.h"

static int
engine_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((orm_type_engine *)self)->record);
    return 0;
}

static int
engine_clear(PyObject *self)
{
    Py_CLEAR(((orm_type_engine *)self)->record);
    return 0;
}

static void
engine_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    (void)engine_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
engine_get_record(PyObject *self, void *Py_UNUSED(closure))
{
    orm_state *st = orm_state_from_type(Py_TYPE(self));

    return st == NULL ? NULL : (PyObject *)orm_type_of(st, self);
}

static int
engine_set_record(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    if (value != NULL) {
        PyErr_SetString(PyExc_AttributeError, "_record can only be deleted");
        return -1;
    }
    return engine_clear(self);
}

static PyGetSetDef engine_getset[] = {
    {"_record", engine_get_record, engine_set_record,
     "What the core knows of this type; equal types share it.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot engine_slots[] = {
    {Py_tp_doc, "Base of all SQL types."},
    {Py_tp_traverse, engine_traverse},
    {Py_tp_clear, engine_clear},
    {Py_tp_dealloc, engine_dealloc},
    {Py_tp_getset, engine_getset},
    {0, NULL},
};

static PyType_Spec engine_spec = {
    .name = "pyorm._core.TypeEngine",
    .basicsize = sizeof(orm_type_engine),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = engine_slots,
};

int
orm_engine_type_setup(PyObject *module, orm_state *st)
{
    return orm_type_add(module, st, &engine_spec, NULL, &st->TypeEngine);
}
