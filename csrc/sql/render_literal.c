/*
 * render_literal.c - a Python value as SQL text.
 *
 * Place: literal_binds, DDL (server defaults, CHECK), and SQLite's constants. Never on the
 *   way of an ordinary execution.
 * Rule: what cannot be written exactly raises CompileError; nothing is guessed. A str has
 *   its quotes doubled, and NUL is refused. All but the plainest values are written by
 *   their type (`TypeEngine.literal_processor`).
 */
#include "compile.h"

#include <math.h>

static int
put_quoted(orm_cctx *cc, orm_str s)
{
    if (memchr(s.p, '\0', s.n) != NULL || memchr(s.p, ORM_MARK, s.n) != NULL) {
        return orm_compile_error(cc, "A literal string may not hold the characters 0 and 1; "
                                     "bind it as a parameter instead.");
    }
    orm_buf_putc(cc->out, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'') {
            orm_buf_putc(cc->out, '\'');
        }
        orm_buf_putc(cc->out, s.p[i]);
    }
    orm_buf_putc(cc->out, '\'');
    return 0;
}

/* Text made by a type or by Python itself; steals it. */
static int
put_text(orm_cctx *cc, PyObject *text)
{
    orm_str s;
    int rc = text == NULL ? -1 : orm_str_of(text, &s);

    if (rc == 0 && memchr(s.p, ORM_MARK, s.n) != NULL) {
        rc = orm_compile_error(cc, "A literal may not hold the character 1.");
    } else if (rc == 0) {
        orm_put_str(cc, s);
    }
    Py_XDECREF(text);
    return rc;
}

/* By the type's own word, `literal_processor(dialect)(value)`. */
static int
put_by_type(orm_cctx *cc, orm_type *type, PyObject *value)
{
    PyObject *dialect = orm_dialect_object(cc), *processor, *text;

    if (dialect == NULL) {
        return -1;
    }
    processor = PyObject_CallMethod(type->engine, "literal_processor", "O", dialect);
    if (processor == NULL) {
        return -1;
    }
    if (processor == Py_None) {
        Py_DECREF(processor);
        return orm_raise_exc(cc->st, ORM_EXC_CompileError,
                             "No literal value renderer is available for literal value \"%R\" "
                             "with datatype %S", value, type->engine);
    }
    text = PyObject_CallOneArg(processor, value);
    Py_DECREF(processor);
    return put_text(cc, text);
}

/* 1: what the value is says how it is written; the type need not be asked. */
static bool
is_plain(const orm_type *type, PyObject *value)
{
    if (type->flags & ORM_TF_VARIANT) {
        return false; /* another type here, perhaps one with another text (JSON paths) */
    }
    if (type->kind == ORM_T_INT32) {
        return PyLong_Check(value);
    }
    return type->kind == ORM_T_NULL || type->kind == ORM_T_STRING || type->kind == ORM_T_TEXT
           || type->kind == ORM_T_BOOL;
}

int
orm_put_literal(orm_cctx *cc, orm_type *type, PyObject *value)
{
    orm_type *own;
    orm_str s;
    int rc;

    if (value == Py_None) {
        PUTS("NULL");
        return 0;
    }
    if (type != NULL && !is_plain(type, value)) {
        return put_by_type(cc, type, value);
    }
    if (PyBool_Check(value)) {
        if (cc->d->native_boolean) {
            orm_buf_puts(cc->out, value == Py_True ? "true" : "false");
        } else {
            orm_buf_putc(cc->out, value == Py_True ? '1' : '0');
        }
        return 0;
    }
    if (PyLong_Check(value)) {
        return put_text(cc, PyNumber_ToBase(value, 10));
    }
    if (PyFloat_Check(value) && isfinite(PyFloat_AS_DOUBLE(value))) {
        return put_text(cc, PyObject_Repr(value));
    }
    if (PyUnicode_Check(value)) {
        PyObject *bytes = PyUnicode_AsUTF8String(value);

        if (bytes == NULL) {
            return -1;
        }
        s = (orm_str){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
        rc = put_quoted(cc, s);
        Py_DECREF(bytes);
        return rc;
    }
    own = orm_type_for_value(cc->st, value);
    if (own == NULL) {
        return -1;
    }
    rc = put_by_type(cc, own, value);
    Py_DECREF(own);
    return rc;
}
