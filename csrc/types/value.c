/*
 * types/value.c - values without a declared type: by Python's type, by the wire's type.
 *
 * The kinds NULL and USER. A parameter takes the type of its value; a text is sent with OID
 * 0, so that PostgreSQL infers its type from the place where it stands. A result column
 * takes the type that the database says.
 */
#include "types/types_int.h"

#include <string.h>

int
orm_value_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    orm_type *found = NULL;
    uint8_t stored = c->stored;
    int rc;

    if (PyUnicode_Check(v)) {
        return orm_text_encode(c, v, t->oid, out);
    }
    if (v == Py_None) {
        return param_null(out, t->oid);
    }
    if (PyList_Check(v) || PyTuple_Check(v)) {
        return orm_array_encode_pg(c, t, v, out);
    }
    found = orm_type_for_value(c->st, v);
    if (found == NULL) {
        return -1;
    }
    if (found->kind == ORM_T_NULL) {
        rc = orm_bind_type_error(c, t, v, "a value that the database has a type for");
    }
    else {
        if (PyLong_Check(v) && !PyBool_Check(v)) {
            /* 23 for what fits: int4 meets int8 columns as well as the other way round. */
            c->stored = found->kind == ORM_T_INT32;
        }
        rc = orm_type_encode(c, found, v, out);
        c->stored = stored;
    }
    Py_DECREF(found);
    return rc;
}

int
orm_value_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    orm_type *found = NULL;
    int rc;

    if (PyUnicode_Check(v)) {
        return orm_text_encode(c, v, 0, out);
    }
    if (v == Py_None) {
        return param_null(out, 0);
    }
    found = orm_type_for_value(c->st, v);
    if (found == NULL) {
        return -1;
    }
    if (found->kind == ORM_T_NULL && PyIndex_Check(v)) {
        rc = orm_int_encode_lite(c, found, v, out);
    }
    else if (found->kind == ORM_T_NULL) {
        rc = orm_bind_type_error(c, t, v, "a value that SQLite has a storage class for");
    }
    else {
        rc = orm_type_encode(c, found, v, out);
    }
    Py_DECREF(found);
    return rc;
}

/* Bytes of a type nobody knows here: most types of extensions are sent as text. */
static PyObject *
decode_unknown(const orm_cell *cell)
{
    PyObject *text = NULL;

    if (memchr(cell->p, 0, (size_t)cell->len) != NULL) {
        return PyBytes_FromStringAndSize(cell->p, cell->len);
    }
    text = PyUnicode_DecodeUTF8(cell->p, cell->len, "strict");
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        return PyBytes_FromStringAndSize(cell->p, cell->len);
    }
    return text;
}

PyObject *
orm_value_decode_pg(orm_decctx *Py_UNUSED(c), orm_type *Py_UNUSED(t), const orm_cell *cell)
{
    return decode_unknown(cell);
}

PyObject *
orm_value_decode_lite(orm_decctx *c, orm_type *Py_UNUSED(t), const orm_cell *cell)
{
    switch (cell->kind) {
    case ORM_V_INT:
        return PyLong_FromLongLong(cell->u.i);
    case ORM_V_REAL:
        return PyFloat_FromDouble(cell->u.d);
    case ORM_V_TEXT:
        return orm_text_from_utf8(c, cell->p, cell->len);
    case ORM_V_BLOB:
        return PyBytes_FromStringAndSize(cell->p, cell->len);
    default:
        return Py_NewRef(Py_None);
    }
}

/* --- tuples: their parts are parameters of their own ----------------------------------- */

int
orm_tuple_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *Py_UNUSED(out))
{
    return orm_bind_type_error(c, t, v, "single values: a row value is bound part by part");
}

int
orm_tuple_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_tuple_encode_pg(c, t, v, out);
}

PyObject *
orm_tuple_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_pg(c, t, cell);
}

PyObject *
orm_tuple_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return orm_value_decode_lite(c, t, cell);
}
