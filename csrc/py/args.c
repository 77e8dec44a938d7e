/*
 * py/args.c - see args.h.
 *
 * Names are compared as ASCII (a few ns each): keyword names of a call are interned, but a
 * per-module table of interned parameter names would need the state in every caller.
 */
#include "py/py.h"

#include <string.h>

static int
raise_too_many(const orm_args_spec *spec, Py_ssize_t given)
{
    if (spec->npositional == 0) {
        PyErr_Format(PyExc_TypeError, "%s() takes no positional arguments but %zd %s given",
                     spec->fname, given, given == 1 ? "was" : "were");
    }
    else {
        PyErr_Format(PyExc_TypeError, "%s() takes %s%d positional argument%s but %zd %s given",
                     spec->fname, spec->nrequired < spec->npositional ? "at most " : "",
                     spec->npositional, spec->npositional == 1 ? "" : "s", given,
                     given == 1 ? "was" : "were");
    }
    return -1;
}

/* Give one keyword argument its place in out. 0/-1. */
static int
place_keyword(const orm_args_spec *spec, PyObject *name, PyObject *value, PyObject **out)
{
    if (!PyUnicode_Check(name)) {
        PyErr_Format(PyExc_TypeError, "%s() keywords must be strings", spec->fname);
        return -1;
    }
    for (int i = spec->nposonly; i < spec->count; i++) {
        if (!orm_unicode_equals_ascii(name, spec->names[i])) {
            continue;
        }
        if (out[i] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'",
                         spec->fname, name);
            return -1;
        }
        out[i] = value;
        return 0;
    }
    for (int i = 0; i < spec->nposonly; i++) {
        if (orm_unicode_equals_ascii(name, spec->names[i])) {
            PyErr_Format(PyExc_TypeError,
                         "%s() got a positional-only argument passed as keyword argument: '%U'",
                         spec->fname, name);
            return -1;
        }
    }
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", spec->fname,
                 name);
    return -1;
}

static int
check_required(const orm_args_spec *spec, PyObject *const *out)
{
    for (int i = 0; i < spec->count; i++) {
        int required = i < spec->nrequired || (spec->required_kw >> i & 1) != 0;

        if (required && out[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() missing 1 required %s argument: '%s'",
                         spec->fname, i < spec->npositional ? "positional" : "keyword-only",
                         spec->names[i]);
            return -1;
        }
    }
    return 0;
}

/* Place the positional arguments and clear the other places. 0/-1. */
static int
place_positional(const orm_args_spec *spec, PyObject *const *args, Py_ssize_t nargs,
                 PyObject **out)
{
    assert(spec->count <= ORM_ARGS_MAX && spec->npositional <= spec->count);
    if (nargs > spec->npositional) {
        return raise_too_many(spec, nargs);
    }
    for (Py_ssize_t i = 0; i < nargs; i++) {
        out[i] = args[i];
    }
    for (Py_ssize_t i = nargs; i < spec->count; i++) {
        out[i] = NULL;
    }
    return 0;
}

int
orm_args_parse(const orm_args_spec *spec, PyObject *const *args, Py_ssize_t nargs,
               PyObject *kwnames, PyObject **out)
{
    nargs = PyVectorcall_NARGS(nargs);
    if (place_positional(spec, args, nargs, out) < 0) {
        return -1;
    }
    if (kwnames != NULL) {
        Py_ssize_t nkw = PyTuple_GET_SIZE(kwnames);

        for (Py_ssize_t i = 0; i < nkw; i++) {
            if (place_keyword(spec, PyTuple_GET_ITEM(kwnames, i), args[nargs + i], out) < 0) {
                return -1;
            }
        }
    }
    else if (nargs >= spec->nrequired && spec->required_kw == 0) {
        return 0;
    }
    return check_required(spec, out);
}

int
orm_args_parse_tuple(const orm_args_spec *spec, PyObject *args, PyObject *kwargs, PyObject **out)
{
    PyObject *key = NULL;
    PyObject *value = NULL;
    Py_ssize_t pos = 0;

    if (place_positional(spec, &PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), out) < 0) {
        return -1;
    }
    while (kwargs != NULL && PyDict_Next(kwargs, &pos, &key, &value)) {
        if (place_keyword(spec, key, value, out) < 0) {
            return -1;
        }
    }
    return check_required(spec, out);
}

int
orm_arg_bool(PyObject *v, int dflt)
{
    return v == NULL ? dflt : PyObject_IsTrue(v);
}

static int
raise_wrong_type(const orm_args_spec *spec, int i, const char *wanted, PyObject *v)
{
    PyErr_Format(PyExc_TypeError, "%s() argument '%s' must be %s, not %.100s", spec->fname,
                 spec->names[i], wanted, Py_TYPE(v)->tp_name);
    return -1;
}

int
orm_arg_str(const orm_args_spec *spec, int i, PyObject *v, int none_ok, PyObject **out)
{
    *out = NULL;
    if (v == NULL || (none_ok && v == Py_None)) {
        return 0;
    }
    if (!PyUnicode_Check(v)) {
        return raise_wrong_type(spec, i, none_ok ? "str or None" : "str", v);
    }
    *out = v;
    return 0;
}

int
orm_arg_int64(const orm_args_spec *spec, int i, PyObject *v, int64_t *out)
{
    long long value;

    if (v == NULL) {
        return 0;
    }
    if (!PyIndex_Check(v)) {
        return raise_wrong_type(spec, i, "int", v);
    }
    value = PyLong_AsLongLong(v);
    if (value == -1 && PyErr_Occurred()) {
        return -1;
    }
    *out = value;
    return 0;
}
