/*
 * types/number.c - whole numbers, floating-point numbers, booleans.
 *
 * PostgreSQL: binary, big-endian, with the column's OID and range where the value is
 *   stored; where it is compared, int8, so that an index on a smaller column still serves
 *   and no value is cut. SQLite: 64 bits whatever the column is called.
 * An int is taken from int, from whatever has __index__, and from a float, Decimal or text
 *   that is exactly a whole number; everything else is refused.
 */
#include "types/types_int.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* --- int ------------------------------------------------------------------------------- */

/* v as a new exact int: 1; 0 it is none; -1 exception. */
static int
whole_number(orm_bindctx *c, PyObject *v, PyObject **out)
{
    *out = NULL;
    if (PyIndex_Check(v)) {
        *out = PyNumber_Index(v);
        return *out == NULL ? -1 : 1;
    }
    if (PyFloat_Check(v)) {
        double d = PyFloat_AS_DOUBLE(v);

        if (!isfinite(d) || floor(d) != d) {
            return 0;
        }
        *out = PyLong_FromDouble(d);
        return *out == NULL ? -1 : 1;
    }
    if (PyUnicode_Check(v)) {
        *out = PyLong_FromUnicodeObject(v, 10);
    }
    else if (orm_types_is_decimal(c->st, v)) {
        PyObject *whole = PyNumber_Long(v);
        int same = whole == NULL ? -1 : PyObject_RichCompareBool(whole, v, Py_EQ);

        if (same > 0) {
            *out = whole;
            return 1;
        }
        Py_XDECREF(whole);
    }
    if (*out == NULL && PyErr_Occurred()
        && (PyErr_ExceptionMatches(PyExc_ValueError)
            || PyErr_ExceptionMatches(PyExc_OverflowError))) {
        PyErr_Clear();
    }
    return *out != NULL ? 1 : (PyErr_Occurred() ? -1 : 0);
}

static int
raise_range(orm_bindctx *c, orm_type *t, PyObject *v, int bits)
{
    return orm_bind_error(c, v, "%.200R is out of the range of %.200s (%d bits)", v,
                          Py_TYPE(t->engine)->tp_name, bits);
}

/* v as int64. 0/-1. */
static int
int64_of(orm_bindctx *c, orm_type *t, PyObject *v, int64_t *out)
{
    PyObject *whole = NULL;
    int overflow;
    int rc;

    if (!PyLong_Check(v)) {
        rc = whole_number(c, v, &whole);
        if (rc == 0) {
            return orm_bind_type_error(c, t, v, "an int");
        }
        if (rc < 0) {
            return -1;
        }
        v = whole;
    }
    *out = PyLong_AsLongLongAndOverflow(v, &overflow);
    rc = overflow != 0 ? raise_range(c, t, v, 64) : 0;
    Py_XDECREF(whole);
    return rc;
}

/* Write an int of `size` bytes as binary parameter. 0/-1. */
static int
param_int_pg(orm_bindctx *c, orm_param *out, uint32_t oid, int64_t v, size_t size)
{
    char *p = orm_bind_room(c, size);

    if (p == NULL) {
        return -1;
    }
    switch (size) {
    case 2:
        orm_store16(p, (uint16_t)v);
        break;
    case 4:
        orm_store32(p, (uint32_t)v);
        break;
    default:
        orm_store64(p, (uint64_t)v);
        break;
    }
    return param_bytes(out, ORM_V_BLOB, 1, oid, p, size);
}

int
orm_int_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    int64_t value;

    if (int64_of(c, t, v, &value) < 0) {
        return -1;
    }
    if (t->kind == ORM_T_INT64) {
        return param_int_pg(c, out, OID_INT8, value, 8);
    }
    if (!c->stored) {
        /* int4 where it fits: PostgreSQL has no `int4 << int8`, no `round(numeric, int8)`. */
        return !c->wide && value >= INT32_MIN && value <= INT32_MAX
                   ? param_int_pg(c, out, OID_INT4, value, 4)
                   : param_int_pg(c, out, OID_INT8, value, 8);
    }
    if (t->kind == ORM_T_INT32) {
        if (value < INT32_MIN || value > INT32_MAX) {
            return raise_range(c, t, v, 32);
        }
        return param_int_pg(c, out, OID_INT4, value, 4);
    }
    if (value < INT16_MIN || value > INT16_MAX) {
        return raise_range(c, t, v, 16);
    }
    return param_int_pg(c, out, OID_INT2, value, 2);
}

int
orm_int_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    int64_t value;

    if (int64_of(c, t, v, &value) < 0) {
        return -1;
    }
    return param_int(out, value);
}

PyObject *
orm_int_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_TEXT) {
        PyObject *text = orm_text_from_utf8(c, cell->p, cell->len);
        PyObject *value = text == NULL ? NULL : PyLong_FromUnicodeObject(text, 10);

        Py_XDECREF(text);
        return value;
    }
    switch (cell->len) {
    case 4:
        return PyLong_FromLong((int32_t)orm_load32(cell->p));
    case 8:
        return PyLong_FromLongLong((int64_t)orm_load64(cell->p));
    case 2:
        return PyLong_FromLong((int16_t)orm_load16(cell->p));
    default:
        return orm_decode_malformed(c, t, cell);
    }
}

PyObject *
orm_int_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_INT) {
        return PyLong_FromLongLong(cell->u.i);
    }
    /* SQLite keeps what it was given, whatever the column is called. */
    return orm_value_decode_lite(c, t, cell);
}

/* --- OID: unsigned 32 bits ------------------------------------------------------------- */

int
orm_oid_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    int64_t value;

    if (PyUnicode_Check(v)) { /* a name, which regclass and its like look up */
        return orm_text_encode(c, v, t->oid, out);
    }
    if (int64_of(c, t, v, &value) < 0) {
        return -1;
    }
    if (value < 0 || value > UINT32_MAX) {
        return orm_bind_error(c, v, "%.200R is out of the range of an OID", v);
    }
    return param_int_pg(c, out, t->oid, value, 4);
}

int
orm_oid_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_int_encode_lite(c, t, v, out);
}

PyObject *
orm_oid_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_TEXT || cell->len != 4) {
        return orm_int_decode_pg(c, t, cell);
    }
    return PyLong_FromUnsignedLong(orm_load32(cell->p));
}

PyObject *
orm_oid_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_int_decode_lite(c, t, cell);
}

/* --- float ----------------------------------------------------------------------------- */

/* v as a double. 0/-1. */
static int
double_of(orm_bindctx *c, orm_type *t, PyObject *v, double *out)
{
    if (PyFloat_Check(v)) {
        *out = PyFloat_AS_DOUBLE(v);
        return 0;
    }
    if (PyUnicode_Check(v)) {
        PyObject *value = PyFloat_FromString(v);

        if (value == NULL) {
            return orm_bind_type_error(c, t, v, "a float");
        }
        *out = PyFloat_AS_DOUBLE(value);
        Py_DECREF(value);
        return 0;
    }
    *out = PyFloat_AsDouble(v);
    if (*out == -1.0 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return orm_bind_error(c, v, "%.200R is out of the range of a float", v);
        }
        return orm_bind_type_error(c, t, v, "a float");
    }
    return 0;
}

int
orm_float_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    double value;
    char *p;

    if (double_of(c, t, v, &value) < 0) {
        return -1;
    }
    p = orm_bind_room(c, 8);
    if (p == NULL) {
        return -1;
    }
    if (t->kind == ORM_T_FLOAT32) {
        if (isfinite(value) && fabs(value) > FLT_MAX) {
            return orm_bind_error(c, v, "%.200R is out of the range of REAL", v);
        }
        orm_store_f32(p, (float)value);
        return param_bytes(out, ORM_V_BLOB, 1, OID_FLOAT4, p, 4);
    }
    orm_store_f64(p, value);
    return param_bytes(out, ORM_V_BLOB, 1, OID_FLOAT8, p, 8);
}

int
orm_float_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    double value;

    if (double_of(c, t, v, &value) < 0) {
        return -1;
    }
    if (isnan(value)) {
        return orm_bind_error(c, v, "SQLite cannot store NaN: it would become NULL");
    }
    return param_real(out, value);
}

/* A double as the type wants it: float, or Decimal rounded to its scale. */
static PyObject *
float_result(orm_decctx *c, const orm_type *t, double value)
{
    char text[400];
    int len;

    if (!(t->flags & ORM_TF_ASDECIMAL)) {
        return PyFloat_FromDouble(value);
    }
    if (!isfinite(value)) {
        const char *name = isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";

        return orm_decimal_from_ascii(c->st, name, strlen(name));
    }
    len = snprintf(text, sizeof(text), "%.*f", t->length < 0 || t->length > 60 ? 10 : t->length,
                   value);
    return orm_decimal_from_ascii(c->st, text, (size_t)len);
}

PyObject *
orm_float_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_TEXT) {
        PyObject *text = orm_text_from_utf8(c, cell->p, cell->len);
        PyObject *value = text == NULL ? NULL : PyFloat_FromString(text);

        Py_XDECREF(text);
        return value;
    }
    if (cell->len == 8) {
        return float_result(c, t, orm_load_f64(cell->p));
    }
    if (cell->len == 4) {
        return float_result(c, t, (double)orm_load_f32(cell->p));
    }
    return orm_decode_malformed(c, t, cell);
}

PyObject *
orm_float_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_REAL) {
        return float_result(c, t, cell->u.d);
    }
    if (cell->kind == ORM_V_INT) {
        return float_result(c, t, (double)cell->u.i);
    }
    return orm_value_decode_lite(c, t, cell);
}

/* --- bool ------------------------------------------------------------------------------ */

/* 1, 0, or -1 with an exception. */
static int
truth_of(orm_bindctx *c, PyObject *v)
{
    PyObject *whole = NULL;
    int64_t value;
    int overflow;

    if (PyBool_Check(v)) {
        return v == Py_True;
    }
    if (PyIndex_Check(v)) {
        whole = PyNumber_Index(v);
        if (whole == NULL) {
            return -1;
        }
        value = PyLong_AsLongLongAndOverflow(whole, &overflow);
        Py_DECREF(whole);
        if (overflow != 0 || (value != 0 && value != 1)) {
            return orm_bind_error(c, v, "Value %.200R is not None, True, or False", v);
        }
        return (int)value;
    }
    return orm_bind_error(c, v, "Not a boolean value: %.200R", v);
}

int
orm_bool_encode_pg(orm_bindctx *c, orm_type *Py_UNUSED(t), PyObject *v, orm_param *out)
{
    int truth = truth_of(c, v);
    char *p = truth < 0 ? NULL : orm_bind_room(c, 1);

    if (p == NULL) {
        return -1;
    }
    *p = (char)truth;
    return param_bytes(out, ORM_V_BLOB, 1, OID_BOOL, p, 1);
}

int
orm_bool_encode_lite(orm_bindctx *c, orm_type *Py_UNUSED(t), PyObject *v, orm_param *out)
{
    int truth = truth_of(c, v);

    return truth < 0 ? -1 : param_int(out, truth);
}

PyObject *
orm_bool_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->len != 1) {
        return orm_decode_malformed(c, t, cell);
    }
    if (cell->kind == ORM_V_TEXT) {
        return PyBool_FromLong(cell->p[0] == 't');
    }
    return PyBool_FromLong(cell->p[0]);
}

PyObject *
orm_bool_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_INT) {
        return PyBool_FromLong(cell->u.i != 0);
    }
    if (cell->kind == ORM_V_REAL) {
        return PyBool_FromLong(cell->u.d != 0);
    }
    return orm_value_decode_lite(c, t, cell);
}
