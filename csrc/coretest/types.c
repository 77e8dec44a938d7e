/*
 * coretest/types.c - the codecs for pytest: a value to its parameter, a cell to its value.
 *
 * Everything goes through memory: encode gives (kind, format, oid, payload), decode takes
 * a payload (None, int, float, str for text format, bytes for binary).
 */
#include "coretest/coretest.h"
#include "types/types.h"

#include <string.h>

/* What a parameter carries, as a Python object. */
static PyObject *
payload_of(const orm_param *param, uint8_t dialect)
{
    if (param->kind == ORM_V_NULL) {
        return Py_NewRef(Py_None);
    }
    if (dialect == ORM_LITE && param->kind == ORM_V_INT) {
        return PyLong_FromLongLong(param->u.i);
    }
    if (dialect == ORM_LITE && param->kind == ORM_V_REAL) {
        return PyFloat_FromDouble(param->u.d);
    }
    if (param->kind == ORM_V_TEXT) {
        return PyUnicode_DecodeUTF8(param->u.p, param->len, "strict");
    }
    return PyBytes_FromStringAndSize(param->u.p, param->len);
}

static PyObject *
param_tuple(const orm_param *param, uint8_t dialect)
{
    PyObject *payload = payload_of(param, dialect);

    if (payload == NULL) {
        return NULL;
    }
    return Py_BuildValue("(iikN)", (int)param->kind, (int)param->format,
                         (unsigned long)param->oid, payload);
}

enum { A_TYPE, A_VALUE, A_DIALECT, A_STORED, A_COLUMN, A_ROW, A_DUMPS, A_OWNERS, A_LENIENT,
       A_DIALECT_OBJ, A_COUNT };

static const orm_args_spec encode_args = {
    .fname = "types_encode",
    .names = {"type", "value", "dialect", "stored", "column", "row", "json_dumps", "owners",
              "lenient", "dialect_obj"},
    .count = A_COUNT,
    .npositional = 4,
    .nrequired = 3,
};

static PyObject *
encode(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *a[A_COUNT];
    PyObject *result = NULL;
    orm_type *t = NULL;
    orm_arena arena;
    orm_param param;
    int64_t dialect = 0;
    int64_t row = -1;

    if (orm_args_parse(&encode_args, args, nargs, kwnames, a) < 0
        || orm_arg_int64(&encode_args, A_DIALECT, a[A_DIALECT], &dialect) < 0
        || orm_arg_int64(&encode_args, A_ROW, a[A_ROW], &row) < 0) {
        return NULL;
    }
    t = orm_type_of(st, a[A_TYPE]);
    if (t == NULL) {
        return NULL;
    }
    orm_arena_init(&arena);
    orm_bindctx c = {
        .st = st,
        .arena = &arena,
        .dialect = (uint8_t)dialect,
        .stored = (uint8_t)orm_arg_bool(a[A_STORED], 1),
        .lenient = (uint8_t)orm_arg_bool(a[A_LENIENT], 0),
        .dialect_obj = a[A_DIALECT_OBJ],
        .json_dumps = a[A_DUMPS],
        .owners = a[A_OWNERS],
        .column = a[A_COLUMN],
        .table = a[A_COLUMN] == NULL ? NULL : "t",
        .row = row,
    };
    if (orm_type_encode(&c, t, a[A_VALUE], &param) == 0) {
        result = param_tuple(&param, (uint8_t)dialect);
    }
    orm_arena_fini(&arena);
    Py_DECREF(t);
    return result;
}

static PyObject *
encode_array(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *type = NULL;
    PyObject *values = NULL;
    PyObject *result = NULL;
    orm_type *t = NULL;
    orm_arena arena;
    orm_param param;

    if (!PyArg_ParseTuple(args, "OO", &type, &values)) {
        return NULL;
    }
    t = orm_type_of(st, type);
    if (t == NULL) {
        return NULL;
    }
    orm_arena_init(&arena);
    orm_bindctx c = {.st = st, .arena = &arena, .dialect = ORM_PG, .row = -1};
    if (orm_type_encode_array(&c, t, values, &param) == 0) {
        result = param_tuple(&param, ORM_PG);
    }
    orm_arena_fini(&arena);
    Py_DECREF(t);
    return result;
}

/* A cell over the memory of `payload`. 0/-1. */
static int
cell_of(PyObject *payload, orm_cell *cell)
{
    memset(cell, 0, sizeof(*cell));
    if (payload == Py_None) {
        cell->kind = ORM_V_NULL;
    }
    else if (PyLong_Check(payload)) {
        cell->kind = ORM_V_INT;
        cell->u.i = PyLong_AsLongLong(payload);
    }
    else if (PyFloat_Check(payload)) {
        cell->kind = ORM_V_REAL;
        cell->u.d = PyFloat_AS_DOUBLE(payload);
    }
    else if (PyUnicode_Check(payload)) {
        Py_ssize_t len;

        cell->kind = ORM_V_TEXT;
        cell->p = PyUnicode_AsUTF8AndSize(payload, &len); /* utf8-ok: short-lived */
        cell->len = (int32_t)len;
    }
    else {
        cell->kind = ORM_V_BLOB;
        cell->p = PyBytes_AsString(payload);
        cell->len = (int32_t)PyBytes_Size(payload);
    }
    return PyErr_Occurred() ? -1 : 0;
}

enum { D_TYPE, D_PAYLOAD, D_DIALECT, D_OID, D_LOADS, D_COLUMN, D_DIALECT_OBJ, D_COUNT };

static const orm_args_spec decode_args = {
    .fname = "types_decode",
    .names = {"type", "payload", "dialect", "oid", "json_loads", "column", "dialect_obj"},
    .count = D_COUNT,
    .npositional = 4,
    .nrequired = 3,
};

static PyObject *
decode(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *a[D_COUNT];
    PyObject *result = NULL;
    orm_type *t = NULL;
    orm_decoder decoder;
    orm_cell cell;
    int64_t dialect = 0;
    int64_t oid = 0;

    if (orm_args_parse(&decode_args, args, nargs, kwnames, a) < 0
        || orm_arg_int64(&decode_args, D_DIALECT, a[D_DIALECT], &dialect) < 0
        || orm_arg_int64(&decode_args, D_OID, a[D_OID], &oid) < 0
        || cell_of(a[D_PAYLOAD], &cell) < 0) {
        return NULL;
    }
    if (a[D_TYPE] != Py_None) {
        t = orm_type_of(st, a[D_TYPE]);
        if (t == NULL) {
            return NULL;
        }
    }
    orm_decctx c = {
        .st = st,
        .dialect = (uint8_t)dialect,
        .dialect_obj = a[D_DIALECT_OBJ],
        .json_loads = a[D_LOADS],
        .column = a[D_COLUMN] == NULL ? NULL : PyUnicode_AsUTF8(a[D_COLUMN]),
    };
    if (orm_decoder_pick(st, t, (uint8_t)dialect, (uint32_t)oid, &decoder) == 0) {
        if (cell.kind == ORM_V_NULL && !decoder.null_aware) {
            result = Py_NewRef(Py_None);
        }
        else {
            result = decoder.fn(&c, decoder.type, &cell);
        }
    }
    Py_XDECREF(t);
    return result;
}

static PyObject *
record(PyObject *module, PyObject *type)
{
    return (PyObject *)orm_type_of(orm_state_from_module(module), type);
}

static PyMethodDef methods[] = {
    {"types_encode", ORM_METHOD(encode), ORM_METH_KW, "(kind, format, oid, payload) of a value"},
    {"types_encode_array", encode_array, METH_VARARGS, "the same of an array of a type"},
    {"types_decode", ORM_METHOD(decode), ORM_METH_KW, "the value of a payload"},
    {"types_record", record, METH_O, "the record of a type"},
    {NULL, NULL, 0, NULL},
};

const orm_coretest_room orm_coretest_types = {.methods = methods};
