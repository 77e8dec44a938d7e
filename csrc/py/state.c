/*
 * py/state.c - the life of the module state.
 *
 * Everything here is generated from the lists in state.h: traverse, clear, the interned
 * strings. The module owns the state; a room's data goes after all objects are cleared.
 */
#include "py/py.h"

#include <string.h>

orm_state *
orm_state_from_module(PyObject *module)
{
    orm_state *st = PyModule_GetState(module);

    assert(st != NULL);
    return st;
}

orm_state *
orm_state_from_type(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(type, orm_module_def()); /* borrow-ok: type owns it */

    return module == NULL ? NULL : orm_state_from_module(module);
}

int
orm_type_add(PyObject *module, orm_state *Py_UNUSED(st), PyType_Spec *spec, PyTypeObject *base,
             PyTypeObject **slot)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, (PyObject *)base);

    if (type == NULL) {
        return -1;
    }
    Py_XSETREF(*slot, (PyTypeObject *)type);
    return PyModule_AddType(module, *slot);
}

int
orm_type_set_module(PyTypeObject *type, const char *module)
{
    PyObject *name = PyUnicode_InternFromString(module);
    int rc;

    if (name == NULL) {
        return -1;
    }
    /* tp_dict directly: an immutable type refuses setattr, and it is not yet in use. */
    rc = PyDict_SetItemString(type->tp_dict, "__module__", name);
    Py_DECREF(name);
    PyType_Modified(type);
    return rc;
}

PyObject *
orm_import_once(PyObject **slot, const char *module, const char *name)
{
    PyObject *found = NULL;
    PyObject *mod = NULL;

    if (*slot != NULL) {
        return *slot;
    }
    mod = PyImport_ImportModule(module);
    if (mod == NULL) {
        return NULL;
    }
    found = name == NULL ? Py_NewRef(mod) : PyObject_GetAttrString(mod, name);
    Py_DECREF(mod);
    if (found == NULL) {
        return NULL;
    }
    if (*slot != NULL) {
        /* The import ran Python, which may have come here first. */
        Py_DECREF(found);
        return *slot;
    }
    *slot = found;
    return found;
}

int
orm_py_setup(PyObject *module, orm_state *st)
{
#define ORM_ENTRY(field, text) {offsetof(orm_state, s_##field), text},
    static const struct {
        size_t offset;
        const char *text;
    } strings[] = {ORM_STATE_STRINGS(ORM_ENTRY)};
#undef ORM_ENTRY

    st->module = module;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        PyObject *text = PyUnicode_InternFromString(strings[i].text);

        if (text == NULL) {
            return -1;
        }
        *(PyObject **)((char *)st + strings[i].offset) = text;
    }
    return 0;
}

int
orm_state_traverse(PyObject *module, visitproc visit, void *arg)
{
    orm_state *st = PyModule_GetState(module);

    if (st == NULL) {
        return 0;
    }
#define ORM_VISIT(field) Py_VISIT(st->field);
    ORM_STATE_TYPES(ORM_VISIT)
    ORM_STATE_OBJECTS(ORM_VISIT)
#undef ORM_VISIT
    for (int i = 0; i < ORM_ROOM_COUNT; i++) {
        orm_room *room = &st->rooms[i];

        if (room->data != NULL && room->traverse != NULL) {
            int rc = room->traverse(room->data, visit, arg);

            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

int
orm_state_clear(PyObject *module)
{
    orm_state *st = PyModule_GetState(module);

    if (st == NULL) {
        return 0;
    }
    for (int i = ORM_ROOM_COUNT - 1; i >= 0; i--) {
        orm_room *room = &st->rooms[i];

        if (room->data != NULL && room->clear != NULL) {
            room->clear(room->data);
        }
    }
#define ORM_CLEAR(field) Py_CLEAR(st->field);
    ORM_STATE_OBJECTS(ORM_CLEAR)
    ORM_STATE_TYPES(ORM_CLEAR)
#undef ORM_CLEAR
    return 0;
}

void
orm_state_free(void *module)
{
    orm_state *st = PyModule_GetState((PyObject *)module);

    if (st == NULL) {
        return;
    }
    (void)orm_state_clear((PyObject *)module);
#define ORM_CLEAR(field, text) Py_CLEAR(st->s_##field);
    ORM_STATE_STRINGS(ORM_CLEAR)
#undef ORM_CLEAR
    for (int i = ORM_ROOM_COUNT - 1; i >= 0; i--) {
        orm_room *room = &st->rooms[i];

        if (room->data != NULL && room->free != NULL) {
            room->free(room->data);
        }
        memset(room, 0, sizeof(*room));
    }
}
