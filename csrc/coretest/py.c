/*
 * coretest/py.c - the argument parser and the errors, for pytest.
 */
#include "coretest/coretest.h"

#include <string.h>

static const orm_args_spec args_spec = {
    .fname = "f",
    .names = {"a", "b", "c", "d"},
    .count = 4,
    .npositional = 3,
    .nposonly = 1,
    .nrequired = 2,
    .required_kw = 1u << 3,
};

static PyObject *
parsed(PyObject *const *out)
{
    PyObject *list = PyList_New(0);

    for (int i = 0; list != NULL && i < 4; i++) {
        if (PyList_Append(list, out[i] == NULL ? Py_Ellipsis : out[i]) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* def f(a, /, b, c=..., *, d): the arguments as a list. */
static PyObject *
parse(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *out[4];

    return orm_args_parse(&args_spec, args, nargs, kwnames, out) < 0 ? NULL : parsed(out);
}

static PyObject *
parse_tuple(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    PyObject *out[4];

    return orm_args_parse_tuple(&args_spec, args, kwargs, out) < 0 ? NULL : parsed(out);
}

enum { E_CODE, E_MESSAGE, E_SQLSTATE, E_NATIVE, E_STATEMENT, E_PARAMS, E_FLAGS, E_DETAIL, E_TABLE,
       E_COLUMN, E_CONSTRAINT, E_HINT, E_LOST, E_COUNT };

static const orm_args_spec raise_spec = {
    .fname = "py_raise",
    .names = {"code", "message", "sqlstate", "native", "statement", "params", "flags", "detail",
              "table", "column", "constraint", "hint", "lost"},
    .count = E_COUNT,
    .npositional = 2,
    .nrequired = 2,
};

static void
set_text(orm_err *err, int which, PyObject *text)
{
    Py_ssize_t len = 0;
    const char *p = NULL;

    if (text != NULL) {
        p = PyUnicode_AsUTF8AndSize(text, &len); /* utf8-ok: short-lived */
    }

    if (p != NULL) {
        orm_err_set_text(err, which, p, (size_t)len);
    }
}

static PyObject *
raise(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    PyObject *a[E_COUNT];
    PyObject *message = NULL;
    int64_t code = 0;
    int64_t native = 0;
    int64_t flags = 0;
    orm_err err;

    if (orm_args_parse(&raise_spec, args, nargs, kwnames, a) < 0
        || orm_arg_int64(&raise_spec, E_CODE, a[E_CODE], &code) < 0
        || orm_arg_int64(&raise_spec, E_NATIVE, a[E_NATIVE], &native) < 0
        || orm_arg_int64(&raise_spec, E_FLAGS, a[E_FLAGS], &flags) < 0
        || orm_arg_str(&raise_spec, E_MESSAGE, a[E_MESSAGE], 0, &message) < 0) {
        return NULL;
    }
    orm_err_init(&err);
    (void)orm_err_set(&err, (orm_code)code, "%s", PyUnicode_AsUTF8(message));
    err.native = (int)native;
    err.lost = orm_arg_bool(a[E_LOST], 0) > 0;
    if (a[E_SQLSTATE] != NULL) {
        snprintf(err.sqlstate, sizeof(err.sqlstate), "%s", PyUnicode_AsUTF8(a[E_SQLSTATE]));
    }
    set_text(&err, ORM_TEXT_DETAIL, a[E_DETAIL]);
    set_text(&err, ORM_TEXT_TABLE, a[E_TABLE]);
    set_text(&err, ORM_TEXT_COLUMN, a[E_COLUMN]);
    set_text(&err, ORM_TEXT_CONSTRAINT, a[E_CONSTRAINT]);
    set_text(&err, ORM_TEXT_HINT, a[E_HINT]);
    orm_raise_statement(orm_state_from_module(module), &err, a[E_STATEMENT], a[E_PARAMS],
                        (unsigned)flags);
    orm_err_fini(&err);
    return NULL;
}

/* Call a function and let what it raises become the error of a statement. */
static PyObject *
raise_in_statement(PyObject *module, PyObject *args)
{
    PyObject *function = NULL;
    PyObject *statement = NULL;
    PyObject *params = NULL;
    PyObject *result = NULL;

    if (!PyArg_ParseTuple(args, "OOO", &function, &statement, &params)) {
        return NULL;
    }
    result = PyObject_CallNoArgs(function);
    if (result == NULL) {
        orm_raise_in_statement(orm_state_from_module(module), statement, params, 0);
    }
    return result;
}

static PyObject *
raise_by_name(PyObject *module, PyObject *args)
{
    const char *code = NULL;
    const char *text = NULL;

    if (!PyArg_ParseTuple(args, "zs", &code, &text)) {
        return NULL;
    }
    if (code == NULL) {
        orm_raise_exc(orm_state_from_module(module), ORM_EXC_ArgumentError, "%s", text);
    }
    else {
        orm_raise_exc_code(orm_state_from_module(module), ORM_EXC_ArgumentError, code, "%s", text);
    }
    return NULL;
}

/* Codes by name, so that tests do not repeat the numbers. */
static PyObject *
codes(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused))
{
    PyObject *dict = PyDict_New();

    for (int i = ORM_OK; dict != NULL && i <= ORM_E_OPEN_TX; i++) {
        PyObject *value = PyLong_FromLong(i);

        if (value == NULL || PyDict_SetItemString(dict, orm_code_name((orm_code)i), value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    return dict;
}

static PyMethodDef methods[] = {
    {"py_parse", ORM_METHOD(parse), ORM_METH_KW, "def f(a, /, b, c=..., *, d)"},
    {"py_parse_tuple", ORM_METHOD(parse_tuple), METH_VARARGS | METH_KEYWORDS, "the same"},
    {"py_raise", ORM_METHOD(raise), ORM_METH_KW, "raise what an orm_err becomes"},
    {"py_raise_in_statement", raise_in_statement, METH_VARARGS, "(function, statement, params)"},
    {"py_raise_by_name", raise_by_name, METH_VARARGS, "(code or None, text): ArgumentError"},
    {"py_codes", codes, METH_NOARGS, "{name: code}"},
    {NULL, NULL, 0, NULL},
};

const orm_coretest_room orm_coretest_py = {.methods = methods};
