/*
 * types/range.c - PostgreSQL's ranges and multiranges.
 *
 * Place: between pyorm.dialects.postgresql.Range (attributes lower, upper, bounds, empty) and
 *   the wire's binary form: a byte of flags, then the bounds that are not infinite, each with
 *   its length. A multirange is a count and that many ranges, each with its length. Bounds
 *   are encoded and decoded by the codec of the type's item. A str goes as text: the server
 *   parses it.
 * Ownership: what a parameter points into is copied into the statement's arena.
 * Source: PostgreSQL, Range Types; the wire form is that of range_send and multirange_send.
 */
#include "types/types_int.h"

#include <string.h>

enum { EMPTY = 1, LOWER_INC = 2, UPPER_INC = 4, LOWER_INF = 8, UPPER_INF = 16 };

/* --- parameters ------------------------------------------------------------------------ */

/* Append one bound in the item's binary form; None is none. 1: written, 0: infinite, -1. */
static int
put_bound(orm_bindctx *c, orm_type *t, PyObject *range, const char *name, orm_buf *buf)
{
    PyObject *v = PyObject_GetAttrString(range, name);
    orm_param param;
    int rc;

    if (v == NULL || v == Py_None) {
        Py_XDECREF(v);
        return v == NULL ? -1 : 0;
    }
    rc = orm_type_encode(c, t->item, v, &param);
    if (rc == 0 && (param.format != 1 || param.oid != orm_type_impl(t->item, ORM_PG)->oid)) {
        rc = orm_bind_error(c, v, "%.200R does not fit as a bound of %.200R", v, t->engine);
    }
    Py_DECREF(v);
    if (rc < 0) {
        return -1;
    }
    orm_buf_put_elem(buf, param.u.p, param.len);
    return 1;
}

/* 1/0/-1: whether the attribute `empty` is true. */
static int
is_empty(PyObject *range)
{
    PyObject *flag = PyObject_GetAttrString(range, "empty");
    int truth = flag == NULL ? -1 : PyObject_IsTrue(flag);

    Py_XDECREF(flag);
    return truth;
}

/* The inclusive ends as flags; -1 for what is not one of [) [] (] (). */
static int
bound_flags(orm_bindctx *c, PyObject *range)
{
    PyObject *bounds = PyObject_GetAttrString(range, "bounds");
    Py_UCS4 first = 0, last = 0;

    if (bounds == NULL) {
        return -1;
    }
    if (PyUnicode_Check(bounds) && PyUnicode_GET_LENGTH(bounds) == 2) {
        first = PyUnicode_READ_CHAR(bounds, 0);
        last = PyUnicode_READ_CHAR(bounds, 1);
    }
    if ((first != '[' && first != '(') || (last != ']' && last != ')')) {
        (void)orm_bind_error(c, range, "a range's bounds are one of '[)', '[]', '(]', '()', not %.200R",
                             bounds);
        Py_DECREF(bounds);
        return -1;
    }
    Py_DECREF(bounds);
    return (first == '[' ? LOWER_INC : 0) | (last == ']' ? UPPER_INC : 0);
}

/* One range. 0/-1. */
static int
put_range(orm_bindctx *c, orm_type *t, PyObject *range, orm_buf *buf)
{
    orm_buf parts = {0};
    int empty, flags, lower, upper;

    if (PyUnicode_Check(range) || !PyObject_HasAttrString(range, "bounds")) {
        return orm_bind_type_error(c, t, range, "a Range");
    }
    empty = is_empty(range);
    if (empty != 0) {
        if (empty > 0) {
            orm_buf_putc(buf, EMPTY);
        }
        return empty > 0 ? 0 : -1;
    }
    flags = bound_flags(c, range);
    lower = flags < 0 ? -1 : put_bound(c, t, range, "lower", &parts);
    upper = lower < 0 ? -1 : put_bound(c, t, range, "upper", &parts);
    if (upper < 0 || parts.failed) {
        orm_buf_fini(&parts);
        if (upper >= 0) {
            PyErr_NoMemory();
        }
        return -1;
    }
    flags |= (lower == 0 ? LOWER_INF : 0) | (upper == 0 ? UPPER_INF : 0);
    orm_buf_putc(buf, (char)flags);
    orm_buf_put(buf, parts.p == NULL ? "" : parts.p, parts.len);
    orm_buf_fini(&parts);
    return 0;
}

/* A count and ranges; a single Range counts as one. 0/-1. */
static int
put_ranges(orm_bindctx *c, orm_type *t, PyObject *v, orm_buf *buf)
{
    PyObject *list = PyList_Check(v) || PyTuple_Check(v) ? PySequence_Tuple(v) : PyTuple_Pack(1, v);
    int rc = list == NULL ? -1 : 0;

    if (rc == 0) {
        orm_buf_put32(buf, (uint32_t)PyTuple_GET_SIZE(list));
    }
    for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(list); i++) {
        orm_buf one = {0};

        rc = put_range(c, t, PyTuple_GET_ITEM(list, i), &one); /* borrow-ok: a tuple of our own */
        if (rc == 0 && !one.failed) {
            orm_buf_put_elem(buf, one.p, (int32_t)one.len);
        }
        else if (rc == 0) {
            PyErr_NoMemory();
            rc = -1;
        }
        orm_buf_fini(&one);
    }
    Py_XDECREF(list);
    return rc;
}

static int
encode(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out,
       int (*put)(orm_bindctx *, orm_type *, PyObject *, orm_buf *))
{
    PyObject *owners = c->owners;
    uint8_t stored = c->stored;
    orm_buf buf = {0};
    int rc;

    if (PyUnicode_Check(v)) {
        return orm_text_encode(c, v, t->oid, out);
    }
    c->owners = NULL; /* the bounds are copied into the buffer anyway */
    c->stored = 1;    /* and have the size that the range's bounds have */
    rc = put(c, t, v, &buf);
    c->owners = owners;
    c->stored = stored;
    if (rc < 0) {
        orm_buf_fini(&buf);
        return -1;
    }
    return orm_bind_buf(c, &buf, ORM_V_BLOB, 1, t->oid, out);
}

int
orm_range_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return encode(c, t, v, out, put_range);
}

int
orm_multirange_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return encode(c, t, v, out, put_ranges);
}

int
orm_range_encode_lite(orm_bindctx *c, orm_type *Py_UNUSED(t), PyObject *v, orm_param *Py_UNUSED(out))
{
    return orm_bind_error(c, v, "SQLite has no ranges: use two columns");
}

int
orm_multirange_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_range_encode_lite(c, t, v, out);
}

/* --- results --------------------------------------------------------------------------- */

/* The next bound; None where it is infinite. New reference. */
static PyObject *
read_bound(orm_decctx *c, orm_type *t, const orm_decoder *decoder, orm_wire *w, bool infinite)
{
    orm_cell cell = {.kind = ORM_V_BLOB};

    if (infinite) {
        return Py_NewRef(Py_None);
    }
    if (orm_wire_elem(w, &cell.p, &cell.len) <= 0) {
        return orm_decode_error(c, "the database sent a malformed %.200R", t->engine);
    }
    return decoder->fn(c, decoder->type, &cell);
}

/* The Range that n bytes say. New reference. */
static PyObject *
read_range(orm_decctx *c, orm_type *t, const orm_decoder *decoder, const char *p, int32_t n)
{
    static const char *const bounds[] = {"()", "[)", "(]", "[]"};
    orm_wire w = orm_wire_over(p, (size_t)n);
    PyObject *make = orm_import_once(&types_room(c->st)->make_range, "pyorm._types.ranges", "make_range");
    const char *flags = orm_wire_take(&w, 1);
    PyObject *lower, *upper = NULL, *out = NULL;

    if (make == NULL) {
        return NULL;
    }
    if (flags == NULL) {
        return orm_decode_error(c, "the database sent a malformed %.200R", t->engine);
    }
    if (*flags & EMPTY) {
        return PyObject_CallFunction(make, "OOsO", Py_None, Py_None, "[)", Py_True);
    }
    lower = read_bound(c, t, decoder, &w, (*flags & LOWER_INF) != 0);
    if (lower != NULL) {
        upper = read_bound(c, t, decoder, &w, (*flags & UPPER_INF) != 0);
    }
    if (upper != NULL) {
        out = PyObject_CallFunction(make, "OOsO", lower, upper,
                                    bounds[(*flags & (LOWER_INC | UPPER_INC)) >> 1], Py_False);
    }
    Py_XDECREF(lower);
    Py_XDECREF(upper);
    return out;
}

/* The decoder of the bounds. 0/-1. */
static int
pick(orm_decctx *c, orm_type *t, const orm_cell *cell, orm_decoder *decoder)
{
    if (cell->kind == ORM_V_TEXT) {
        (void)orm_decode_malformed(c, t, cell);
        return -1;
    }
    return orm_decoder_pick(c->st, t->item, ORM_PG, orm_type_impl(t->item, ORM_PG)->oid, decoder);
}

PyObject *
orm_range_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    orm_decoder decoder;

    return pick(c, t, cell, &decoder) < 0 ? NULL : read_range(c, t, &decoder, cell->p, cell->len);
}

PyObject *
orm_multirange_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    orm_wire w = orm_wire_over(cell->p, (size_t)cell->len);
    PyObject *cls = NULL, *list = NULL, *out;
    orm_decoder decoder;
    int32_t n;

    if (pick(c, t, cell, &decoder) < 0) {
        return NULL;
    }
    cls = orm_import_once(&types_room(c->st)->multirange, "pyorm._types.ranges", "MultiRange");
    list = cls == NULL ? NULL : PyList_New(0);
    n = orm_wire_i32(&w);
    for (int32_t i = 0; list != NULL && i < n; i++) {
        const char *p;
        int32_t len;
        PyObject *one = orm_wire_elem(&w, &p, &len) <= 0
                            ? orm_decode_error(c, "the database sent a malformed %.200R", t->engine)
                            : read_range(c, t, &decoder, p, len);

        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    if (list == NULL) {
        return NULL;
    }
    out = w.bad ? orm_decode_malformed(c, t, cell) : PyObject_CallOneArg(cls, list);
    Py_DECREF(list);
    return out;
}

PyObject *
orm_range_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}

PyObject *
orm_multirange_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}
