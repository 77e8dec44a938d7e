/*
 * types/uuid.c - uuid.UUID, or its text where as_uuid=False.
 *
 * PostgreSQL: 16 bytes. CHAR(32) of hex digits on SQLite and with native_uuid=False. A UUID is
 *   made by allocating it and storing its two slots, whose offsets setup.c found and
 *   checked; where the class looks different it is called.
 */
#include "types/types_int.h"

#include <string.h>

static int
hex_value(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    ch = (char)(ch | 0x20);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* Read 32 hex digits, hyphens and braces between them left out. 0, -1 (no exception). */
static int
parse_hex(const char *p, size_t len, unsigned char out[16])
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        int digit;

        if (p[i] == '-' || p[i] == '{' || p[i] == '}') {
            continue;
        }
        digit = hex_value(p[i]);
        if (digit < 0 || n == 32) {
            return -1;
        }
        out[n / 2] = (unsigned char)(n % 2 == 0 ? digit << 4 : out[n / 2] | digit);
        n++;
    }
    return n == 32 ? 0 : -1;
}

/* The 16 bytes of a UUID or of its text. 0/-1. */
static int
bytes_of(orm_bindctx *c, orm_type *t, PyObject *v, unsigned char out[16])
{
    PyObject *number = NULL;
    int rc;

    if (PyUnicode_Check(v)) {
        if (PyUnicode_IS_COMPACT_ASCII(v)
            && parse_hex(PyUnicode_DATA(v), (size_t)PyUnicode_GET_LENGTH(v), out) == 0) {
            return 0;
        }
        return orm_bind_error(c, v, "%.200R is not the text of a UUID", v);
    }
    if (!orm_types_is_uuid(c->st, v)) {
        return orm_bind_type_error(c, t, v, "a UUID");
    }
    number = PyObject_GetAttrString(v, "int");
    if (number == NULL) {
        return -1;
    }
    /* A subclass may answer with anything. */
    rc = PyLong_Check(number) ? orm_long_to_bytes(number, out, 16)
                              : orm_bind_type_error(c, t, v, "a UUID");
    Py_DECREF(number);
    return rc;
}

static void
write_hex(const unsigned char bytes[16], bool hyphens, char *to)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (hyphens && (i == 4 || i == 6 || i == 8 || i == 10)) {
            *to++ = '-';
        }
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
}

static int
encode_hex(orm_bindctx *c, const unsigned char bytes[16], uint32_t oid, orm_param *out)
{
    char *p = orm_bind_room(c, 33);

    if (p == NULL) {
        return -1;
    }
    write_hex(bytes, false, p);
    p[32] = 0;
    return param_bytes(out, ORM_V_TEXT, 0, oid, p, 32);
}

int
orm_uuid_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    unsigned char bytes[16];
    char *p;

    if (bytes_of(c, t, v, bytes) < 0) {
        return -1;
    }
    if (t->flags & ORM_TF_CHAR_UUID) {
        return encode_hex(c, bytes, t->oid, out);
    }
    p = orm_bind_room(c, 16);
    if (p == NULL) {
        return -1;
    }
    memcpy(p, bytes, 16);
    return param_bytes(out, ORM_V_BLOB, 1, OID_UUID, p, 16);
}

int
orm_uuid_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    unsigned char bytes[16];

    return bytes_of(c, t, v, bytes) < 0 ? -1 : encode_hex(c, bytes, 0, out);
}

/* UUID of 16 bytes, or its text. */
static PyObject *
uuid_result(orm_decctx *c, const orm_type *t, const unsigned char bytes[16])
{
    orm_types_room *room = types_room(c->st);
    PyTypeObject *type = NULL;
    PyObject *number = NULL;
    PyObject *value = NULL;

    if (t->flags & ORM_TF_STR_UUID) {
        value = PyUnicode_New(36, 127);
        if (value != NULL) {
            write_hex(bytes, true, PyUnicode_DATA(value));
        }
        return value;
    }
    type = orm_types_uuid(c->st);
    number = type == NULL ? NULL : orm_long_from_bytes(bytes, 16, 0);
    if (number == NULL) {
        return NULL;
    }
    if (room->uuid_int < 0) {
        PyObject *args = PyTuple_New(0);
        PyObject *kwargs = Py_BuildValue("{s:O}", "int", number);

        if (args != NULL && kwargs != NULL) {
            value = PyObject_Call((PyObject *)type, args, kwargs);
        }
        Py_XDECREF(args);
        Py_XDECREF(kwargs);
        Py_DECREF(number);
        return value;
    }
    /* fast path: same answer as UUID(int=number) */
    value = type->tp_alloc(type, 0);
    if (value == NULL) {
        Py_DECREF(number);
        return NULL;
    }
    *(PyObject **)((char *)value + room->uuid_int) = number;
    *(PyObject **)((char *)value + room->uuid_safe) = Py_NewRef(room->uuid_unknown);
    return value;
}

PyObject *
orm_uuid_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    unsigned char bytes[16];

    if (cell->len == 16 && cell->kind != ORM_V_TEXT) {
        memcpy(bytes, cell->p, 16);
        return uuid_result(c, t, bytes);
    }
    if (parse_hex(cell->p, (size_t)cell->len, bytes) < 0) {
        return orm_decode_malformed(c, t, cell);
    }
    return uuid_result(c, t, bytes);
}

PyObject *
orm_uuid_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_TEXT || (cell->kind == ORM_V_BLOB && cell->len == 16)) {
        return orm_uuid_decode_pg(c, t, cell);
    }
    /* A number: the column's affinity took 32 decimal digits for one; they are lost. */
    return orm_decode_malformed(c, t, cell);
}
