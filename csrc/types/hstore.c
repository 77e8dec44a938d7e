/*
 * types/hstore.c - PostgreSQL's hstore (an extension): a dict of texts.
 *
 * Out: as text, whose type the server infers: the type's number differs from database to
 *   database. In: binary, a count, then key and value with their lengths, -1 for NULL.
 * Ownership: what a parameter points into is copied into the statement's arena.
 * Source: PostgreSQL, hstore.
 */
#include "types/types_int.h"

#include <string.h>

/* Append a text in quotes. 0/-1. */
static int
put_quoted(orm_bindctx *c, PyObject *whole, PyObject *text, const char *what, orm_buf *buf)
{
    Py_ssize_t n;
    const char *p;

    if (!PyUnicode_Check(text)) {
        return orm_bind_error(c, whole, "%s of an hstore must be a str, got %.200R", what, text);
    }
    p = PyUnicode_AsUTF8AndSize(text, &n); /* utf8-ok: copied below, NUL refused */
    if (p == NULL) {
        return -1;
    }
    if (memchr(p, 0, (size_t)n) != NULL) {
        return orm_bind_error(c, whole, "%s of an hstore holds a NUL: %.200R", what, text);
    }
    orm_buf_putc(buf, '"');
    for (Py_ssize_t i = 0; i < n; i++) {
        if (p[i] == '"' || p[i] == '\\') {
            orm_buf_putc(buf, '\\');
        }
        orm_buf_putc(buf, p[i]);
    }
    orm_buf_putc(buf, '"');
    return 0;
}

int
orm_hstore_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    PyObject *key, *value, *copy;
    Py_ssize_t at = 0;
    orm_buf buf = {0};
    int rc = 0;

    if (PyUnicode_Check(v)) {
        return orm_text_encode(c, v, 0, out);
    }
    if (!PyDict_Check(v)) {
        return orm_bind_type_error(c, t, v, "a dict of str");
    }
    copy = PyDict_Copy(v);
    if (copy == NULL) {
        return -1;
    }
    orm_buf_puts(&buf, "");
    while (rc == 0 && PyDict_Next(copy, &at, &key, &value)) {
        orm_buf_puts(&buf, buf.len > 0 ? ", " : "");
        rc = put_quoted(c, v, key, "a key", &buf);
        orm_buf_puts(&buf, "=>");
        if (rc == 0 && value == Py_None) {
            orm_buf_puts(&buf, "NULL");
        }
        else if (rc == 0) {
            rc = put_quoted(c, v, value, "a value", &buf);
        }
    }
    Py_DECREF(copy);
    if (rc < 0) {
        orm_buf_fini(&buf);
        return -1;
    }
    return orm_bind_buf(c, &buf, ORM_V_TEXT, 0, 0, out);
}

int
orm_hstore_encode_lite(orm_bindctx *c, orm_type *Py_UNUSED(t), PyObject *v, orm_param *Py_UNUSED(out))
{
    return orm_bind_error(c, v, "SQLite has no hstore: use JSON");
}

PyObject *
orm_hstore_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    orm_wire w = orm_wire_over(cell->p, (size_t)cell->len);
    int32_t n = orm_wire_i32(&w);
    PyObject *out = cell->kind == ORM_V_TEXT ? orm_decode_malformed(c, t, cell) : PyDict_New();

    for (int32_t i = 0; out != NULL && i < n; i++) {
        const char *p;
        int32_t len;
        PyObject *key = NULL, *value = NULL;

        if (orm_wire_elem(&w, &p, &len) == 1) {
            key = orm_text_from_utf8(c, p, len);
        }
        if (key != NULL) {
            int got = orm_wire_elem(&w, &p, &len);

            value = got == 0 ? Py_NewRef(Py_None) : got == 1 ? orm_text_from_utf8(c, p, len) : NULL;
        }
        if (value == NULL || PyDict_SetItem(out, key, value) < 0) {
            Py_CLEAR(out);
            if (!PyErr_Occurred()) {
                (void)orm_decode_malformed(c, t, cell);
            }
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return out;
}

PyObject *
orm_hstore_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}
