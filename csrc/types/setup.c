/*
 * types/setup.c - the room's state, the records of bare values and of undeclared columns.
 *
 * The records come from pyorm.types.BUILTIN, imported at the first question, so that
 * `import pyorm._core` needs no Python module. decimal and uuid are imported only when the
 * first value of theirs is made.
 */
#include "types/types_int.h"

#include <stdlib.h>
#include <string.h>

static int
room_traverse(void *data, visitproc visit, void *arg)
{
    orm_types_room *room = data;

    for (int i = 0; i < ORM_B_COUNT; i++) {
        Py_VISIT(room->builtin[i]);
    }
    Py_VISIT(room->decimal);
    Py_VISIT(room->decimal_args);
    Py_VISIT(room->uuid);
    Py_VISIT(room->uuid_unknown);
    Py_VISIT(room->json_scan);
    Py_VISIT(room->json_error);
    Py_VISIT(room->json_dumps);
    Py_VISIT(room->json_null);
    Py_VISIT(room->make_range);
    Py_VISIT(room->multirange);
    Py_VISIT(room->range_types);
    return 0;
}

static void
room_clear(void *data)
{
    orm_types_room *room = data;

    for (int i = 0; i < ORM_B_COUNT; i++) {
        Py_CLEAR(room->builtin[i]);
    }
    Py_CLEAR(room->decimal);
    Py_CLEAR(room->decimal_args);
    Py_CLEAR(room->uuid);
    Py_CLEAR(room->uuid_unknown);
    Py_CLEAR(room->json_scan);
    Py_CLEAR(room->json_error);
    Py_CLEAR(room->json_dumps);
    Py_CLEAR(room->json_null);
    Py_CLEAR(room->make_range);
    Py_CLEAR(room->multirange);
    Py_CLEAR(room->range_types);
}

static void
room_free(void *data)
{
    PyMem_Free(data);
}

/* --- Python's own classes -------------------------------------------------------------- */

PyTypeObject *
orm_types_decimal(orm_state *st)
{
    orm_types_room *room = types_room(st);

    return (PyTypeObject *)orm_import_once((PyObject **)&room->decimal, "decimal", "Decimal");
}

/* The offset of a slot of UUID, or -1 if the class is not laid out as we know it. */
static Py_ssize_t
slot_offset(PyTypeObject *type, const char *name)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)type, name);
    Py_ssize_t offset = -1;

    if (found == NULL) {
        PyErr_Clear();
        return -1;
    }
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;

        if (member->type == Py_T_OBJECT_EX
            && member->offset + (Py_ssize_t)sizeof(PyObject *) <= type->tp_basicsize) {
            offset = member->offset;
        }
    }
    Py_DECREF(found);
    return offset;
}

PyTypeObject *
orm_types_uuid(orm_state *st)
{
    orm_types_room *room = types_room(st);
    PyObject *safe = NULL;
    PyTypeObject *type;

    if (room->uuid != NULL && room->uuid_unknown != NULL) {
        return room->uuid;
    }
    type = (PyTypeObject *)orm_import_once((PyObject **)&room->uuid, "uuid", "UUID");
    if (type == NULL) {
        return NULL;
    }
    safe = orm_import_once(&room->uuid_unknown, "uuid", "SafeUUID");
    if (safe == NULL) {
        return NULL;
    }
    safe = PyObject_GetAttrString(safe, "unknown");
    if (safe == NULL) {
        Py_CLEAR(room->uuid_unknown);
        return NULL;
    }
    Py_SETREF(room->uuid_unknown, safe);
    room->uuid_int = slot_offset(type, "int");
    room->uuid_safe = slot_offset(type, "is_safe");
    if (room->uuid_safe < 0 || type->tp_itemsize != 0) {
        room->uuid_int = -1;
    }
    return type;
}

/* 1 if v's class is *slot, which is filled if the class has this name in this module. */
static int
is_instance_of(PyObject *v, PyTypeObject **slot, const char *module, const char *name)
{
    const char *dot;
    PyObject *key = NULL;
    PyObject *found = NULL;
    int same;

    if (*slot != NULL) {
        return PyObject_TypeCheck(v, *slot);
    }
    /* A value of a class proves that its module is imported: look, do not import. */
    for (PyTypeObject *type = Py_TYPE(v); type != NULL; type = type->tp_base) {
        dot = strrchr(type->tp_name, '.');
        if (strcmp(dot == NULL ? type->tp_name : dot + 1, name) != 0) {
            continue;
        }
        key = PyUnicode_InternFromString(module);
        found = key == NULL ? NULL : PyImport_GetModule(key);
        Py_XDECREF(key);
        if (found == NULL) {
            PyErr_Clear();
            return 0;
        }
        Py_SETREF(found, PyObject_GetAttrString(found, name));
        if (found == NULL) {
            PyErr_Clear();
            return 0;
        }
        same = (PyObject *)type == found;
        if (same) {
            *slot = (PyTypeObject *)found;
            return 1;
        }
        Py_DECREF(found);
    }
    return 0;
}

int
orm_types_is_decimal(orm_state *st, PyObject *v)
{
    return is_instance_of(v, &types_room(st)->decimal, "decimal", "Decimal");
}

int
orm_types_is_uuid(orm_state *st, PyObject *v)
{
    return is_instance_of(v, &types_room(st)->uuid, "uuid", "UUID");
}

/* --- records of bare values ------------------------------------------------------------ */

static const char *const extra_names[ORM_B_COUNT - ORM_T_COUNT] = {"DATETIME_TZ", "TIME_TZ"};

static const char *const builtin_names[ORM_T_COUNT] = {
#define ORM_T_NAME(name) #name,
    ORM_TYPE_KINDS(ORM_T_NAME)
#undef ORM_T_NAME
};

/* The record at an index of room->builtin. Borrowed, NULL with an exception. */
static orm_type *
builtin_at(orm_state *st, int index)
{
    orm_types_room *room = types_room(st);
    PyObject *types = NULL;
    PyObject *engine = NULL;
    orm_type *t = NULL;

    if (room->builtin[index] != NULL) {
        return room->builtin[index];
    }
    types = orm_import_once(&st->builtin_types, "pyorm.types", "BUILTIN");
    if (types == NULL) {
        return NULL;
    }
    engine = PyMapping_GetItemString(types, index < ORM_T_COUNT
                                                ? builtin_names[index]
                                                : extra_names[index - ORM_T_COUNT]);
    if (engine == NULL) {
        return NULL;
    }
    t = orm_type_of(st, engine);
    Py_DECREF(engine);
    if (t != NULL) {
        Py_XSETREF(room->builtin[index], t);
    }
    return t;
}

orm_type *
orm_type_builtin(orm_state *st, orm_type_kind kind)
{
    assert(kind < ORM_T_COUNT);
    return builtin_at(st, kind);
}

/* The index of room->builtin for a value. */
static int
builtin_for_value(orm_state *st, PyObject *v)
{
    PyDateTime_CAPI *dt = types_room(st)->dt;

    if (PyUnicode_Check(v)) {
        return ORM_T_STRING;
    }
    if (PyBool_Check(v)) {
        return ORM_T_BOOL;
    }
    if (PyLong_Check(v)) {
        int overflow;
        long long small = PyLong_AsLongLongAndOverflow(v, &overflow);

        if (overflow != 0 || small > INT32_MAX || small <= INT32_MIN) {
            return ORM_T_INT64;
        }
        return ORM_T_INT32;
    }
    if (PyFloat_Check(v)) {
        return ORM_T_FLOAT;
    }
    if (v == Py_None) {
        return ORM_T_NULL;
    }
    if (PyObject_TypeCheck(v, dt->DateTimeType)) {
        return PyDateTime_DATE_GET_TZINFO(v) == Py_None ? ORM_T_DATETIME : ORM_B_DATETIME_TZ;
    }
    if (PyObject_TypeCheck(v, dt->DateType)) {
        return ORM_T_DATE;
    }
    if (PyObject_TypeCheck(v, dt->TimeType)) {
        return PyDateTime_TIME_GET_TZINFO(v) == Py_None ? ORM_T_TIME : ORM_B_TIME_TZ;
    }
    if (PyObject_TypeCheck(v, dt->DeltaType)) {
        return ORM_T_INTERVAL;
    }
    if (PyBytes_Check(v) || PyByteArray_Check(v) || PyMemoryView_Check(v)) {
        return ORM_T_BYTES;
    }
    if (orm_types_is_decimal(st, v)) {
        return ORM_T_NUMERIC;
    }
    return orm_types_is_uuid(st, v) ? ORM_T_UUID : ORM_T_NULL;
}

/* The type that a value of a class of pyorm's own says it has (`_type_of_value()`); else NULL's. */
static orm_type *
ask_value(orm_state *st, PyObject *v)
{
    PyObject *method = NULL, *engine;
    orm_type *t;

    if (v != Py_None && PyObject_GetOptionalAttrString(v, "_type_of_value", &method) < 0) {
        return NULL;
    }
    if (method == NULL) {
        return (orm_type *)Py_XNewRef(builtin_at(st, ORM_T_NULL));
    }
    engine = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    t = engine == NULL ? NULL : orm_type_of(st, engine);
    Py_XDECREF(engine);
    return t;
}

orm_type *
orm_type_for_value(orm_state *st, PyObject *v)
{
    int index = builtin_for_value(st, v);

    return index == ORM_T_NULL ? ask_value(st, v) : (orm_type *)Py_XNewRef(builtin_at(st, index));
}

/* --- PostgreSQL's numbers -------------------------------------------------------------- */

static const struct {
    uint32_t oid;   /* type */
    uint32_t array; /* array of it */
    uint8_t index;  /* of room->builtin */
} oid_table[] = {
    {OID_BOOL, 1000, ORM_T_BOOL},
    {OID_BYTEA, 1001, ORM_T_BYTES},
    {OID_CHAR, 1002, ORM_T_STRING},
    {OID_NAME, 1003, ORM_T_STRING},
    {OID_INT8, 1016, ORM_T_INT64},
    {OID_INT2, 1005, ORM_T_INT16},
    {OID_INT4, 1007, ORM_T_INT32},
    {OID_TEXT, 1009, ORM_T_TEXT},
    {OID_JSON, 199, ORM_T_JSON},
    {OID_XML, 143, ORM_T_TEXT},
    {OID_FLOAT4, 1021, ORM_T_FLOAT32},
    {OID_FLOAT8, 1022, ORM_T_FLOAT},
    {OID_UNKNOWN, 0, ORM_T_TEXT},
    {OID_BPCHAR, 1014, ORM_T_STRING},
    {OID_VARCHAR, 1015, ORM_T_STRING},
    {OID_DATE, 1182, ORM_T_DATE},
    {OID_TIME, 1183, ORM_T_TIME},
    {OID_TIMESTAMP, 1115, ORM_T_DATETIME},
    {OID_TIMESTAMPTZ, 1185, ORM_B_DATETIME_TZ},
    {OID_INTERVAL, 1187, ORM_T_INTERVAL},
    {OID_TIMETZ, 1270, ORM_B_TIME_TZ},
    {OID_NUMERIC, 1231, ORM_T_NUMERIC},
    {OID_REFCURSOR, 2201, ORM_T_TEXT},
    {OID_UUID, 2951, ORM_T_UUID},
    {OID_JSONB, 3807, ORM_T_JSON},
};

orm_type *
orm_type_for_oid(orm_state *st, uint32_t oid)
{
    for (size_t i = 0; i < sizeof(oid_table) / sizeof(oid_table[0]); i++) {
        if (oid_table[i].oid == oid) {
            return builtin_at(st, oid_table[i].index);
        }
    }
    return builtin_at(st, ORM_T_NULL);
}

orm_type *
orm_type_for_array_oid(orm_state *st, uint32_t oid)
{
    for (size_t i = 0; i < sizeof(oid_table) / sizeof(oid_table[0]); i++) {
        if (oid_table[i].array == oid && oid != 0) {
            return builtin_at(st, oid_table[i].index);
        }
    }
    return NULL;
}

void
orm_type_default_oids(orm_type *t)
{
    static const uint32_t by_kind[ORM_T_COUNT] = {
        [ORM_T_INT16] = OID_INT2,       [ORM_T_INT32] = OID_INT4,
        [ORM_T_INT64] = OID_INT8,       [ORM_T_FLOAT32] = OID_FLOAT4,
        [ORM_T_FLOAT] = OID_FLOAT8,     [ORM_T_NUMERIC] = OID_NUMERIC,
        [ORM_T_BOOL] = OID_BOOL,        [ORM_T_STRING] = OID_VARCHAR,
        [ORM_T_TEXT] = OID_TEXT,        [ORM_T_BYTES] = OID_BYTEA,
        [ORM_T_DATE] = OID_DATE,        [ORM_T_TIME] = OID_TIME,
        [ORM_T_DATETIME] = OID_TIMESTAMP, [ORM_T_INTERVAL] = OID_INTERVAL,
        [ORM_T_UUID] = OID_UUID,        [ORM_T_JSON] = OID_JSON,
        [ORM_T_JSONB] = OID_JSONB,      [ORM_T_INET] = OID_INET,
        [ORM_T_MACADDR] = OID_MACADDR,  [ORM_T_BIT] = OID_BIT,
        [ORM_T_OID] = OID_OID,
        [ORM_T_JSONPATH] = OID_JSONPATH,
    };
    static const struct {
        uint32_t oid;
        uint32_t array;
    } more[] = {
        {OID_INET, 1041}, {OID_CIDR, 651},  {OID_MACADDR, 1040},  {OID_MACADDR8, 775},
        {OID_BIT, 1561},  {OID_VARBIT, 1563}, {OID_OID, 1028},    
        {OID_JSONPATH, 4073}, {OID_REGCLASS, 2210}, {OID_TSVECTOR, 3643},
    };

    t->oid = by_kind[t->kind];
    if (t->flags & ORM_TF_TZ) {
        t->oid = t->kind == ORM_T_TIME ? OID_TIMETZ : OID_TIMESTAMPTZ;
    }
    t->array_oid = 0;
    for (size_t i = 0; i < sizeof(oid_table) / sizeof(oid_table[0]); i++) {
        if (oid_table[i].oid == t->oid) {
            t->array_oid = oid_table[i].array;
        }
    }
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (more[i].oid == t->oid) {
            t->array_oid = more[i].array;
        }
    }
}

/* --- setup ----------------------------------------------------------------------------- */

static PyObject *
type_for_value(PyObject *module, PyObject *value)
{
    orm_type *t = orm_type_for_value(orm_state_from_module(module), value);
    PyObject *engine;

    if (t == NULL) {
        return NULL;
    }
    engine = Py_NewRef(t->engine);
    Py_DECREF(t);
    return engine;
}

static PyMethodDef functions[] = {
    {"type_for_value", type_for_value, METH_O,
     "type_for_value($module, value, /)\n--\n\nThe type that a bare value has in an expression."},
    {NULL, NULL, 0, NULL},
};

int
orm_types_setup(PyObject *module, orm_state *st)
{
    orm_types_room *room = PyMem_Calloc(1, sizeof(*room));

    if (room == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    st->rooms[ORM_ROOM_TYPES] = (orm_room){room, room_traverse, room_clear, room_free};
    room->dt = PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0);
    if (room->dt == NULL || PyModule_AddFunctions(module, functions) < 0) {
        return -1;
    }
    if (orm_record_setup(module, st) < 0) {
        return -1;
    }
    return orm_engine_type_setup(module, st);
}
