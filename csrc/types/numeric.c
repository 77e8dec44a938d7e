/*
 * types/numeric.c - Decimal, exactly.
 *
 * PostgreSQL: its binary numeric, built from and into the decimal text (base/numeric.h).
 * SQLite has no decimals: whole numbers within 64 bits are stored as integers, others as
 *   8-byte floats, which keep 15 significant digits. More raises DataError; so does a value
 *   whose exponent a float does not reach. Read back, the shortest text of 15 digits is
 *   the number that was stored; it is padded with zeros to the scale, as SQLAlchemy does,
 *   and rounded to a scale that was asked for.
 */
#include "types/types_int.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SCALE 10 /* zeros SQLAlchemy shows after a Numeric without scale on SQLite */

/* A decimal text taken apart: (-1)^negative * digits * 10^exponent, or a special value. */
typedef struct decimal_parts {
    bool negative;
    uint16_t special;   /* ORM_NUMERIC_NAN, _PINF, _NINF or 0 */
    const char *digits; /* n ASCII digits in the arena or `room` */
    size_t n;
    int64_t exponent;
} decimal_parts;

PyObject *
orm_decimal_from_ascii(orm_state *st, const char *p, size_t len)
{
    orm_types_room *room = types_room(st);
    PyTypeObject *type = orm_types_decimal(st);
    PyObject *text = NULL;
    PyObject *args = NULL;
    PyObject *value = NULL;

    if (type == NULL) {
        return NULL;
    }
    text = PyUnicode_New((Py_ssize_t)len, 127);
    if (text == NULL) {
        return NULL;
    }
    memcpy(PyUnicode_DATA(text), p, len);
    /* fast path: same answer as a fresh tuple; ours only while nobody else holds it. */
    if (room->decimal_args != NULL && Py_REFCNT(room->decimal_args) == 1) {
        args = room->decimal_args;
        room->decimal_args = NULL;
        PyTuple_SET_ITEM(args, 0, text);
    }
    else {
        args = PyTuple_Pack(1, text);
        Py_DECREF(text);
        if (args == NULL) {
            return NULL;
        }
    }
    value = type->tp_new(type, args, NULL);
    if (Py_REFCNT(args) == 1 && room->decimal_args == NULL) {
        Py_DECREF(PyTuple_GET_ITEM(args, 0));
        PyTuple_SET_ITEM(args, 0, NULL);
        room->decimal_args = args;
    }
    else {
        Py_DECREF(args);
    }
    return value;
}

/* Read what str(Decimal) gives: [-]digits[.digits][E[+-]digits], NaN, sNaN, Infinity.
 * `room` has space for len digits. 0, -1 for anything else (no exception). */
static int
parse_decimal(const char *p, size_t len, char *room, decimal_parts *out)
{
    const char *end = p + len;
    bool after_point = false;

    *out = (decimal_parts){.digits = room};
    if (p < end && (*p == '-' || *p == '+')) {
        out->negative = *p++ == '-';
    }
    if (p < end && (*p == 'N' || *p == 's')) {
        out->special = ORM_NUMERIC_NAN;
        return 0;
    }
    if (p < end && *p == 'I') {
        out->special = out->negative ? ORM_NUMERIC_NINF : ORM_NUMERIC_PINF;
        return 0;
    }
    for (; p < end && *p != 'E' && *p != 'e'; p++) {
        if (*p == '.' && !after_point) {
            after_point = true;
        }
        else if (*p >= '0' && *p <= '9') {
            room[out->n++] = *p;
            out->exponent -= after_point;
        }
        else {
            return -1;
        }
    }
    if (p < end) {
        char *stop;
        long long exponent = strtoll(p + 1, &stop, 10);

        if (stop != end) {
            return -1;
        }
        out->exponent += exponent;
    }
    return out->n == 0 ? -1 : 0;
}

/* Take v apart; *text is the str whose digits are meant, owned. 0/-1. */
static int
decimal_parts_of(orm_bindctx *c, orm_type *t, PyObject *v, decimal_parts *out)
{
    PyObject *text = NULL;
    PyObject *number = NULL;
    char *room = NULL;
    Py_ssize_t len;
    int rc = -1;

    if (PyFloat_Check(v)) {
        text = PyFloat_Type.tp_repr(v); /* the shortest text that is this float */
    }
    else if (PyIndex_Check(v)) {
        number = PyNumber_Index(v);
        text = number == NULL ? NULL : PyNumber_ToBase(number, 10);
    }
    else if (orm_types_is_decimal(c->st, v)) {
        text = PyObject_Str(v);
    }
    else if (PyUnicode_Check(v)) {
        PyTypeObject *type = orm_types_decimal(c->st);

        number = type == NULL ? NULL : PyObject_CallOneArg((PyObject *)type, v);
        if (number == NULL) {
            return orm_bind_type_error(c, t, v, "a Decimal");
        }
        text = PyObject_Str(number);
    }
    else {
        return orm_bind_type_error(c, t, v, "a Decimal");
    }
    if (text == NULL) {
        goto done;
    }
    len = PyUnicode_GET_LENGTH(text);
    room = PyUnicode_IS_COMPACT_ASCII(text) ? orm_bind_room(c, (size_t)len + 4) : NULL;
    if (room == NULL) {
        goto done;
    }
    if (parse_decimal((const char *)PyUnicode_DATA(text), (size_t)len, room, out) < 0) {
        /* float writes "nan" and "inf" in lower case */
        if (PyFloat_Check(v) && isnan(PyFloat_AS_DOUBLE(v))) {
            out->special = ORM_NUMERIC_NAN;
        }
        else if (PyFloat_Check(v) && isinf(PyFloat_AS_DOUBLE(v))) {
            out->special = PyFloat_AS_DOUBLE(v) > 0 ? ORM_NUMERIC_PINF : ORM_NUMERIC_NINF;
        }
        else {
            orm_bind_type_error(c, t, v, "a Decimal");
            goto done;
        }
    }
    rc = 0;

done:
    Py_XDECREF(text);
    Py_XDECREF(number);
    return rc;
}

int
orm_numeric_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    decimal_parts parts;
    orm_buf buf;

    if (decimal_parts_of(c, t, v, &parts) < 0) {
        return -1;
    }
    orm_buf_init(&buf);
    if (parts.special != 0) {
        orm_numeric_put_special(&buf, parts.special);
    }
    else if (orm_numeric_put(&buf, parts.negative, parts.digits, parts.n, parts.exponent) < 0
             && !buf.failed) {
        orm_buf_fini(&buf);
        return orm_bind_error(c, v, "a number of so many digits is beyond PostgreSQL's numeric");
    }
    return orm_bind_buf(c, &buf, ORM_V_BLOB, 1, OID_NUMERIC, out);
}

PyObject *
orm_numeric_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    orm_numeric number;
    PyObject *value = NULL;
    orm_buf buf;

    if (cell->kind == ORM_V_TEXT) {
        return orm_decimal_from_ascii(c->st, cell->p, (size_t)cell->len);
    }
    if (orm_numeric_read(cell->p, (size_t)cell->len, &number) < 0) {
        return orm_decode_malformed(c, t, cell);
    }
    orm_buf_init(&buf);
    if (orm_numeric_text(&number, &buf) < 0) {
        orm_buf_fini(&buf);
        return PyErr_NoMemory();
    }
    if (t->kind == ORM_T_NULL || (t->flags & ORM_TF_ASDECIMAL)) {
        value = orm_decimal_from_ascii(c->st, buf.p, buf.len);
    }
    else {
        const char *text = orm_buf_cstr(&buf);

        value = text == NULL ? PyErr_NoMemory()
                             : PyFloat_FromDouble(PyOS_string_to_double(text, NULL, NULL));
    }
    orm_buf_fini(&buf);
    return value;
}

/* --- SQLite ---------------------------------------------------------------------------- */

static int
raise_not_exact(orm_bindctx *c, PyObject *v)
{
    return orm_bind_error(c, v,
                          "SQLite keeps 15 significant digits of a Numeric, and %.200R has more: "
                          "declare the column as a TypeDecorator that stores Numeric over TEXT",
                          v);
}

/* The whole number that the parts are, if it is one within 64 bits: 1, else 0. */
static int
parts_int64(const decimal_parts *parts, int64_t *out)
{
    uint64_t value = 0;
    int64_t zeros = parts->exponent;
    size_t n = parts->n;

    /* Zeros behind the point say nothing. */
    while (zeros < 0 && n > 0 && parts->digits[n - 1] == '0') {
        n--;
        zeros++;
    }
    if (n == 0) {
        *out = 0;
        return 1;
    }
    if (zeros < 0 || zeros > 18) {
        return 0;
    }
    for (size_t i = 0; i < n + (size_t)zeros; i++) {
        unsigned digit = i < n ? (unsigned)(parts->digits[i] - '0') : 0;

        if (value > ((uint64_t)INT64_MAX + parts->negative - digit) / 10) {
            return 0;
        }
        value = value * 10 + digit;
    }
    *out = (int64_t)(parts->negative ? 0 - value : value);
    return 1;
}

static size_t
significant_digits(const decimal_parts *parts)
{
    size_t first = 0;
    size_t last = parts->n;

    while (first < last && parts->digits[first] == '0') {
        first++;
    }
    while (last > first && parts->digits[last - 1] == '0') {
        last--;
    }
    return last - first;
}

int
orm_numeric_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    decimal_parts parts;
    int64_t whole;
    double value;

    if (PyFloat_Check(v)) {
        /* A float is what it is: it is stored as the same float. */
        return orm_float_encode_lite(c, t, v, out);
    }
    if (decimal_parts_of(c, t, v, &parts) < 0) {
        return -1;
    }
    if (parts.special == ORM_NUMERIC_NAN) {
        return orm_bind_error(c, v, "SQLite cannot store NaN: it would become NULL");
    }
    if (parts.special != 0) {
        return param_real(out, parts.special == ORM_NUMERIC_PINF ? HUGE_VAL : -HUGE_VAL);
    }
    if (parts_int64(&parts, &whole)) {
        return param_int(out, whole);
    }
    if (significant_digits(&parts) > DBL_DIG && !c->lenient) {
        return raise_not_exact(c, v);
    }
    value = PyFloat_AsDouble(v);
    if (value == -1.0 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError)
            && !PyErr_ExceptionMatches(PyExc_OverflowError)) {
            return -1;
        }
        PyErr_Clear();
        return raise_not_exact(c, v);
    }
    if ((!isfinite(value) || fabs(value) < DBL_MIN) && !c->lenient) {
        return orm_bind_error(c, v, "%.200R is beyond the exponents that SQLite's numbers reach",
                              v);
    }
    return param_real(out, value);
}

/* Decimal of a double by its 15 digits, with `scale` decimals at least. */
static PyObject *
decimal_of_double(orm_decctx *c, const orm_type *t, double value)
{
    char text[400];
    char exact[64];
    const char *point;
    int decimals = 0;
    int scale = t->length >= 0 && t->length <= 60 ? t->length : -1;
    int len;

    if (!isfinite(value)) {
        const char *name = isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";

        return orm_decimal_from_ascii(c->st, name, strlen(name));
    }
    len = snprintf(exact, sizeof(exact), "%.15g", value);
    if (strchr(exact, 'e') != NULL) {
        /* Far from one: no zeros are shown, but a scale that was asked for still counts. */
        if (scale < 0 || fabs(value) > 1) {
            return orm_decimal_from_ascii(c->st, exact, (size_t)len);
        }
    }
    else {
        point = strchr(exact, '.');
        decimals = point == NULL ? 0 : (int)(exact + len - point - 1);
    }
    if (scale < 0) {
        scale = decimals > DEFAULT_SCALE ? decimals : DEFAULT_SCALE;
    }
    if (decimals <= scale && strchr(exact, 'e') == NULL) {
        /* The fifteen digits, then zeros: more digits of the double would be noise. */
        len = snprintf(text, sizeof(text), "%s%s%.*s", exact, decimals == 0 && scale > 0 ? "." : "",
                       scale - decimals,
                       "000000000000000000000000000000000000000000000000000000000000");
    }
    else {
        len = snprintf(text, sizeof(text), "%.*f", scale, value);
    }
    return orm_decimal_from_ascii(c->st, text, (size_t)len);
}

PyObject *
orm_numeric_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    char text[96];
    int scale = t->length >= 0 && t->length <= 60 ? t->length : DEFAULT_SCALE;
    int len;

    if (cell->kind != ORM_V_INT && cell->kind != ORM_V_REAL) {
        return cell->kind == ORM_V_TEXT && (t->flags & ORM_TF_ASDECIMAL)
                   ? orm_decimal_from_ascii(c->st, cell->p, (size_t)cell->len)
                   : orm_value_decode_lite(c, t, cell);
    }
    if (!(t->flags & ORM_TF_ASDECIMAL)) {
        return PyFloat_FromDouble(cell->kind == ORM_V_INT ? (double)cell->u.i : cell->u.d);
    }
    if (cell->kind == ORM_V_REAL) {
        return decimal_of_double(c, t, cell->u.d);
    }
    len = snprintf(text, sizeof(text), "%lld%s%.*s", (long long)cell->u.i, scale > 0 ? "." : "",
                   scale, "000000000000000000000000000000000000000000000000000000000000");
    return orm_decimal_from_ascii(c->st, text, (size_t)len);
}
