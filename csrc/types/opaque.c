/*
 * types/opaque.c - PostgreSQL types that are texts in Python.
 *
 * Parameters go as text and the server parses them. Results are binary on the wire and are
 * written here as PostgreSQL writes them: inet and cidr, macaddr, bit strings, tsvector;
 * jsonpath is its text behind a version byte.
 */
#include "types/types_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

int
orm_opaque_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    PyObject *text = NULL;
    PyObject *owners = c->owners;
    int rc;

    if (PyUnicode_Check(v)) {
        return orm_text_encode(c, v, t->oid, out);
    }
    /* ipaddress objects and their like: their text is what the server reads. */
    text = PyObject_Str(v);
    if (text == NULL) {
        return -1;
    }
    c->owners = NULL;
    rc = orm_text_encode(c, text, t->oid, out);
    c->owners = owners;
    Py_DECREF(text);
    return rc;
}

int
orm_opaque_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_opaque_encode_pg(c, t, v, out);
}

/* 'lexeme':1A,2 ...; binary: int32 n, then per lexeme its text with NUL, uint16 count,
 * uint16 positions with the weight in the upper two bits. */
static PyObject *
decode_tsvector(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    static const char *const weights[] = {"", "C", "B", "A"};
    orm_wire w = orm_wire_over(cell->p, (size_t)cell->len);
    int32_t n = orm_wire_i32(&w);
    PyObject *text = NULL;
    orm_buf buf;

    orm_buf_init(&buf);
    for (int32_t i = 0; i < n && !w.bad; i++) {
        const char *end = memchr(w.at, 0, orm_wire_left(&w));
        const char *lexeme = w.at;
        int count;

        if (end == NULL) {
            w.bad = true;
            break;
        }
        (void)orm_wire_take(&w, (size_t)(end - lexeme) + 1);
        orm_buf_puts(&buf, i > 0 ? " '" : "'");
        for (const char *p = lexeme; p < end; p++) {
            if (*p == '\'' || *p == '\\') {
                orm_buf_putc(&buf, *p);
            }
            orm_buf_putc(&buf, *p);
        }
        orm_buf_putc(&buf, '\'');
        count = (uint16_t)orm_wire_i16(&w);
        for (int k = 0; k < count && !w.bad; k++) {
            uint16_t position = (uint16_t)orm_wire_i16(&w);

            orm_buf_printf(&buf, "%c%d%s", k == 0 ? ':' : ',', position & 0x3FFF,
                           weights[position >> 14]);
        }
    }
    if (w.bad) {
        orm_decode_malformed(c, t, cell);
    }
    else if (buf.failed) {
        PyErr_NoMemory();
    }
    else {
        text = orm_text_from_utf8(c, buf.p == NULL ? "" : buf.p, (Py_ssize_t)buf.len);
    }
    orm_buf_fini(&buf);
    return text;
}

PyObject *
orm_opaque_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_TEXT) {
        return orm_text_from_utf8(c, cell->p, cell->len);
    }
    if (t->oid == OID_TSVECTOR) {
        return decode_tsvector(c, t, cell);
    }
    if (t->oid == OID_TSQUERY) {
        return orm_tsquery_decode_pg(c, t, cell);
    }
    if (t->oid == OID_MONEY) {
        return orm_money_decode_pg(c, t, cell);
    }
    if (cell->len > 0 && cell->p[0] == 1) { /* jsonpath's version */
        return orm_text_from_utf8(c, cell->p + 1, cell->len - 1);
    }
    return orm_value_decode_pg(c, t, cell);
}

PyObject *
orm_opaque_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}

PyObject *
orm_tsvector_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return decode_tsvector(c, t, cell);
}

/* --- inet, cidr ------------------------------------------------------------------------ */

int
orm_inet_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_opaque_encode_pg(c, t, v, out);
}

int
orm_inet_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_opaque_encode_pg(c, t, v, out);
}

/* Binary: family (2, 3), bits of the netmask, 1 for cidr, length, address. */
PyObject *
orm_inet_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    char text[INET6_ADDRSTRLEN + 5];
    const unsigned char *p = (const unsigned char *)cell->p;
    int most;

    if (cell->kind == ORM_V_TEXT) {
        return orm_text_from_utf8(c, cell->p, cell->len);
    }
    if (cell->len < 4 || cell->len != 4 + p[3] || (p[3] != 4 && p[3] != 16)) {
        return orm_decode_malformed(c, t, cell);
    }
    if (inet_ntop(p[3] == 4 ? AF_INET : AF_INET6, p + 4, text, INET6_ADDRSTRLEN) == NULL) {
        return orm_decode_malformed(c, t, cell);
    }
    most = p[3] * 8;
    if (p[2] != 0 || p[1] != most) {
        size_t n = strlen(text);

        snprintf(text + n, sizeof(text) - n, "/%d", p[1]);
    }
    return PyUnicode_FromString(text);
}

PyObject *
orm_inet_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}

/* --- macaddr, macaddr8 ----------------------------------------------------------------- */

int
orm_macaddr_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_opaque_encode_pg(c, t, v, out);
}

int
orm_macaddr_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_opaque_encode_pg(c, t, v, out);
}

PyObject *
orm_macaddr_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    char text[3 * 8 + 1]; /* snprintf's NUL behind the last colon */

    if (cell->kind == ORM_V_TEXT) {
        return orm_text_from_utf8(c, cell->p, cell->len);
    }
    if (cell->len != 6 && cell->len != 8) {
        return orm_decode_malformed(c, t, cell);
    }
    for (int i = 0; i < cell->len; i++) {
        snprintf(text + 3 * i, 4, "%02x:", (unsigned char)cell->p[i]);
    }
    return PyUnicode_FromStringAndSize(text, 3 * cell->len - 1);
}

PyObject *
orm_macaddr_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}

/* --- bit, bit varying ------------------------------------------------------------------ */

int
orm_bit_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    if (!PyUnicode_Check(v)) {
        return orm_bind_type_error(c, t, v, "a str of 0 and 1");
    }
    return orm_text_encode(c, v, t->oid, out);
}

int
orm_bit_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_bit_encode_pg(c, t, v, out);
}

PyObject *
orm_bit_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    PyObject *text = NULL;
    int32_t n;

    if (cell->kind == ORM_V_TEXT) {
        return orm_text_from_utf8(c, cell->p, cell->len);
    }
    n = cell->len < 4 ? -1 : (int32_t)orm_load32(cell->p);
    if (n < 0 || cell->len - 4 != n / 8 + (n % 8 != 0)) {
        return orm_decode_malformed(c, t, cell);
    }
    text = PyUnicode_New(n, 127);
    for (int32_t i = 0; text != NULL && i < n; i++) {
        unsigned char byte = (unsigned char)cell->p[4 + i / 8];

        ((char *)PyUnicode_DATA(text))[i] = (byte >> (7 - i % 8) & 1) ? '1' : '0';
    }
    return text;
}

PyObject *
orm_bit_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}
