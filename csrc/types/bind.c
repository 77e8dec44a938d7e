/*
 * types/bind.c - what all encoders and decoders share: arena, errors that name the column.
 *
 * A value that cannot be kept is refused before anything is sent: DataError with what is
 * wrong, table, column and row. exec/ adds statement and parameters.
 */
#include "types/types_int.h"

#include <stdarg.h>

char *
orm_bind_room(orm_bindctx *c, size_t size)
{
    char *p = orm_arena_alloc(c->arena, size);

    if (p == NULL) {
        PyErr_NoMemory();
    }
    return p;
}

int
orm_bind_buf(orm_bindctx *c, orm_buf *buf, uint8_t kind, uint8_t format, uint32_t oid,
             orm_param *out)
{
    char *p = NULL;

    if (buf->failed || buf->len > INT32_MAX - 1) {
        if (buf->failed) {
            PyErr_NoMemory();
        }
        else {
            orm_bind_error(c, NULL, "a value of %zu bytes is longer than the database takes",
                           buf->len);
        }
        orm_buf_fini(buf);
        return -1;
    }
    p = orm_arena_dup(c->arena, buf->p == NULL ? "" : buf->p, buf->len);
    if (p == NULL) {
        PyErr_NoMemory();
        orm_buf_fini(buf);
        return -1;
    }
    param_bytes(out, kind, format, oid, p, buf->len);
    orm_buf_fini(buf);
    return 0;
}

/* Raise DataError with `message`, a str that is consumed (NULL: exception set). -1. */
static int
raise_data_error(orm_state *st, PyObject *message)
{
    PyObject *utf8 = NULL;
    orm_err err;

    if (message == NULL) {
        return -1;
    }
    utf8 = PyUnicode_AsEncodedString(message, "utf-8", "backslashreplace");
    Py_DECREF(message);
    if (utf8 == NULL) {
        return -1;
    }
    orm_err_init(&err);
    (void)orm_err_set(&err, ORM_E_DATA, "%s", PyBytes_AS_STRING(utf8));
    orm_raise(st, &err);
    orm_err_fini(&err);
    Py_DECREF(utf8);
    return -1;
}

/* " (column t.c, row 3)" or less, as far as it is known. New str or NULL. */
static PyObject *
where_bound(const orm_bindctx *c)
{
    PyObject *row = NULL;
    PyObject *where = NULL;

    if (c->column == NULL) {
        return PyUnicode_FromString("");
    }
    row = c->row < 0 ? PyUnicode_FromString("")
                     : PyUnicode_FromFormat(", row %lld", (long long)c->row);
    if (row != NULL) {
        where = PyUnicode_FromFormat(" (column %s%s%U%U)", c->table == NULL ? "" : c->table,
                                     c->table == NULL ? "" : ".", c->column, row);
        Py_DECREF(row);
    }
    return where;
}

int
orm_bind_error(orm_bindctx *c, PyObject *Py_UNUSED(v), const char *format, ...)
{
    PyObject *what = NULL;
    PyObject *where = NULL;
    PyObject *message = NULL;
    PyObject *cause = NULL;
    va_list args;

    /* What went wrong inside a conversion stays visible as the context. */
    cause = PyErr_GetRaisedException();
    va_start(args, format);
    what = PyUnicode_FromFormatV(format, args);
    va_end(args);
    where = what == NULL ? NULL : where_bound(c);
    if (where != NULL) {
        message = PyUnicode_Concat(what, where);
        if (message != NULL && cause != NULL) {
            PyErr_SetRaisedException(Py_NewRef(cause));
        }
        raise_data_error(c->st, message);
    }
    Py_XDECREF(what);
    Py_XDECREF(where);
    Py_XDECREF(cause);
    return -1;
}

int
orm_bind_type_error(orm_bindctx *c, orm_type *t, PyObject *v, const char *wanted)
{
    return orm_bind_error(c, v, "%.200s takes %s, not %.200R of type %.100s",
                          Py_TYPE(t->engine)->tp_name, wanted, v, Py_TYPE(v)->tp_name);
}

PyObject *
orm_decode_error(orm_decctx *c, const char *format, ...)
{
    PyObject *what = NULL;
    PyObject *message = NULL;
    va_list args;

    va_start(args, format);
    what = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (what == NULL) {
        return NULL;
    }
    if (c->column == NULL) {
        message = Py_NewRef(what);
    }
    else if (c->row == 0) {
        message = PyUnicode_FromFormat("%U (column %s)", what, c->column);
    }
    else {
        message = PyUnicode_FromFormat("%U (column %s, row %lld)", what, c->column,
                                       (long long)c->row);
    }
    Py_DECREF(what);
    raise_data_error(c->st, message);
    return NULL;
}

PyObject *
orm_decode_malformed(orm_decctx *c, const orm_type *t, const orm_cell *cell)
{
    return orm_decode_error(c, "the database sent %d bytes that are no value of %.200s",
                            (int)cell->len, Py_TYPE(t->engine)->tp_name);
}
