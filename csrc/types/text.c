/*
 * types/text.c - str and bytes.
 *
 * A str goes out as UTF-8: ASCII by memcpy (or in place, where the context keeps the object
 *   alive), everything else by the encoder below, into the arena. PyUnicode_AsUTF8AndSize is
 *   not used: it would keep a copy inside the user's object for ever.
 * NUL is refused (PostgreSQL has none, and a text parameter would end there), lone
 *   surrogates too (they are no text), both naming the column.
 */
#include "types/types_int.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Copy a text and tell whether no byte has its highest bit set. Eight bytes at a time: most of
   what is loaded are texts, and most texts are short and ASCII. */
static inline bool
copy_ascii(char *to, const char *p, size_t len)
{
    uint64_t seen = 0;
    uint64_t word;
    uint32_t half;

    if (len >= sizeof(word)) {
        for (size_t i = 0; i + sizeof(word) < len; i += sizeof(word)) {
            memcpy(&word, p + i, sizeof(word));
            memcpy(to + i, &word, sizeof(word));
            seen |= word;
        }
        memcpy(&word, p + len - sizeof(word), sizeof(word)); /* overlaps the one before */
        memcpy(to + len - sizeof(word), &word, sizeof(word));
        return ((seen | word) & HIGH_BITS) == 0;
    }
    if (len >= sizeof(half)) {
        memcpy(&half, p, sizeof(half));
        memcpy(to, &half, sizeof(half));
        seen = half;
        memcpy(&half, p + len - sizeof(half), sizeof(half));
        memcpy(to + len - sizeof(half), &half, sizeof(half));
        return ((seen | half) & HIGH_BITS) == 0;
    }
    for (size_t i = 0; i < len; i++) {
        to[i] = p[i];
        seen |= (unsigned char)p[i];
    }
    return (seen & HIGH_BITS) == 0;
}

/* A text that is not ASCII shows it in its first letters more often than not. */
static inline bool
begins_ascii(const char *p, size_t len)
{
    uint64_t word = 0;

    if (len >= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
    }
    return (word & HIGH_BITS) == 0;
}

PyObject *
orm_text_from_utf8(orm_decctx *c, const char *p, Py_ssize_t len)
{
    PyObject *text = NULL;

    if (begins_ascii(p, (size_t)len)) {
        text = PyUnicode_New(len, 127);
        if (text == NULL || copy_ascii(PyUnicode_DATA(text), p, (size_t)len)) {
            return text;
        }
        Py_DECREF(text);
    }
    text = PyUnicode_DecodeUTF8(p, len, "strict");
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        return orm_decode_error(c, "the database sent a text that is not UTF-8");
    }
    return text;
}

static int
raise_nul(orm_bindctx *c, PyObject *v)
{
    return orm_bind_error(c, v, "a text must not contain a NUL character (0x00)");
}

/* Encode v from its canonical form. Returns the end, or NULL at a lone surrogate. */
static char *
write_utf8(PyObject *v, char *to)
{
    int kind = PyUnicode_KIND(v);
    const void *data = PyUnicode_DATA(v);
    Py_ssize_t n = PyUnicode_GET_LENGTH(v);

    for (Py_ssize_t i = 0; i < n; i++) {
        Py_UCS4 ch = PyUnicode_READ(kind, data, i);

        if (ch < 0x80) {
            *to++ = (char)ch;
        }
        else if (ch < 0x800) {
            *to++ = (char)(0xC0 | ch >> 6);
            *to++ = (char)(0x80 | (ch & 0x3F));
        }
        else if (ch < 0x10000) {
            if (ch >= 0xD800 && ch <= 0xDFFF) {
                return NULL;
            }
            *to++ = (char)(0xE0 | ch >> 12);
            *to++ = (char)(0x80 | (ch >> 6 & 0x3F));
            *to++ = (char)(0x80 | (ch & 0x3F));
        }
        else {
            *to++ = (char)(0xF0 | ch >> 18);
            *to++ = (char)(0x80 | (ch >> 12 & 0x3F));
            *to++ = (char)(0x80 | (ch >> 6 & 0x3F));
            *to++ = (char)(0x80 | (ch & 0x3F));
        }
    }
    return to;
}

/* The bytes of an ASCII str: in place if an owner keeps it, else copied. 0/-1. */
static int
ascii_bytes(orm_bindctx *c, PyObject *v, const char **p)
{
    size_t n = (size_t)PyUnicode_GET_LENGTH(v);

    *p = (const char *)PyUnicode_DATA(v);
    if (c->owners != NULL) {
        return PyList_Append(c->owners, v);
    }
    *p = orm_arena_dup(c->arena, *p, n);
    if (*p == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

int
orm_text_to_utf8(orm_bindctx *c, PyObject *v, const char **p, size_t *len)
{
    size_t n = (size_t)PyUnicode_GET_LENGTH(v);
    size_t width;
    char *room = NULL;
    char *end = NULL;

    if (PyUnicode_IS_COMPACT_ASCII(v)) {
        if (memchr(PyUnicode_DATA(v), 0, n) != NULL) {
            return raise_nul(c, v);
        }
        *len = n;
        return ascii_bytes(c, v, p);
    }
    width = PyUnicode_KIND(v) == PyUnicode_1BYTE_KIND   ? 2
            : PyUnicode_KIND(v) == PyUnicode_2BYTE_KIND ? 3
                                                        : 4;
    if (n > (size_t)(INT32_MAX - 1) / width) {
        return orm_bind_error(c, v, "a text of %zu characters is longer than the database takes",
                              n);
    }
    room = orm_bind_room(c, n * width + 1);
    if (room == NULL) {
        return -1;
    }
    end = write_utf8(v, room);
    if (end == NULL) {
        return orm_bind_error(c, v, "a text must not contain half of a surrogate pair");
    }
    *end = 0;
    *p = room;
    *len = (size_t)(end - room);
    return memchr(room, 0, *len) == NULL ? 0 : raise_nul(c, v);
}

int
orm_text_encode(orm_bindctx *c, PyObject *v, uint32_t oid, orm_param *out)
{
    const char *p = NULL;
    size_t len = 0;

    if (orm_text_to_utf8(c, v, &p, &len) < 0) {
        return -1;
    }
    if (len > INT32_MAX - 1) {
        return orm_bind_error(c, v, "a text of %zu bytes is longer than the database takes", len);
    }
    return param_bytes(out, ORM_V_TEXT, 0, oid, p, len);
}

int
orm_str_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    if (!PyUnicode_Check(v)) {
        return orm_bind_type_error(c, t, v, "a str");
    }
    return orm_text_encode(c, v, t->oid, out);
}

int
orm_str_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    if (!PyUnicode_Check(v)) {
        /* SQLite's texts take any value, and programs rely on it: as it is. */
        return orm_value_encode_lite(c, t, v, out);
    }
    return orm_text_encode(c, v, 0, out);
}

PyObject *
orm_str_decode_pg(orm_decctx *c, orm_type *Py_UNUSED(t), const orm_cell *cell)
{
    return orm_text_from_utf8(c, cell->p, cell->len);
}

PyObject *
orm_str_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_TEXT) {
        return orm_text_from_utf8(c, cell->p, cell->len);
    }
    return orm_value_decode_lite(c, t, cell);
}

/* --- bytes ----------------------------------------------------------------------------- */

/* The bytes of any buffer: in place for bytes with an owner, else copied. 0/-1. */
static int
buffer_bytes(orm_bindctx *c, orm_type *t, PyObject *v, const char **p, size_t *len)
{
    Py_buffer view;

    if (PyBytes_Check(v) && c->owners != NULL) {
        *p = PyBytes_AS_STRING(v);
        *len = (size_t)PyBytes_GET_SIZE(v);
        return PyList_Append(c->owners, v);
    }
    if (!PyObject_CheckBuffer(v)) {
        return orm_bind_type_error(c, t, v, "bytes");
    }
    if (PyObject_GetBuffer(v, &view, PyBUF_CONTIG_RO) < 0) {
        return -1;
    }
    *p = orm_arena_dup(c->arena, view.len == 0 ? "" : view.buf, (size_t)view.len);
    *len = (size_t)view.len;
    PyBuffer_Release(&view);
    if (*p == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

int
orm_bytes_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    const char *p = NULL;
    size_t len = 0;

    if (buffer_bytes(c, t, v, &p, &len) < 0) {
        return -1;
    }
    if (len > INT32_MAX - 1) {
        return orm_bind_error(c, v, "a value of %zu bytes is longer than the database takes", len);
    }
    return param_bytes(out, ORM_V_BLOB, 1, OID_BYTEA, p, len);
}

int
orm_bytes_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_bytes_encode_pg(c, t, v, out);
}

static int
hex_digit(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    ch = (char)(ch | 0x20);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

PyObject *
orm_bytes_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    PyObject *value = NULL;

    if (cell->kind != ORM_V_TEXT) {
        return PyBytes_FromStringAndSize(cell->p, cell->len);
    }
    if (cell->len < 2 || cell->p[0] != '\\' || cell->p[1] != 'x' || cell->len % 2 != 0) {
        return orm_decode_malformed(c, t, cell);
    }
    value = PyBytes_FromStringAndSize(NULL, cell->len / 2 - 1);
    for (int32_t i = 2; value != NULL && i < cell->len; i += 2) {
        int high = hex_digit(cell->p[i]);
        int low = hex_digit(cell->p[i + 1]);

        if (high < 0 || low < 0) {
            Py_DECREF(value);
            return orm_decode_malformed(c, t, cell);
        }
        PyBytes_AS_STRING(value)[i / 2 - 1] = (char)(high << 4 | low);
    }
    return value;
}

PyObject *
orm_bytes_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_BLOB || cell->kind == ORM_V_TEXT) {
        return PyBytes_FromStringAndSize(cell->p, cell->len);
    }
    return orm_value_decode_lite(c, t, cell);
}
