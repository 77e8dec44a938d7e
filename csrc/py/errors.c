/*
 * py/errors.c - exceptions by name: the classes of pyorm.exc and how C raises them.
 *
 * The classes are looked up once, all together, in the order of ORM_EXC_CLASSES.
 * What a driver reports goes through errors_db.c.
 */
#include "py/py.h"

static const char *const class_names[ORM_EXC_COUNT] = {
#define ORM_EXC_TEXT(name) #name,
    ORM_EXC_CLASSES(ORM_EXC_TEXT)
#undef ORM_EXC_TEXT
};

/* Fill st->exc_classes. 0/-1. */
static int
load_classes(orm_state *st)
{
    PyObject *classes = NULL;
    PyObject *module = orm_import_once(&st->exc_module, "pyorm.exc", NULL);

    if (module == NULL) {
        return -1;
    }
    classes = PyTuple_New(ORM_EXC_COUNT);
    if (classes == NULL) {
        return -1;
    }
    for (int i = 0; i < ORM_EXC_COUNT; i++) {
        PyObject *cls = PyObject_GetAttrString(module, class_names[i]);

        if (cls == NULL) {
            Py_DECREF(classes);
            return -1;
        }
        PyTuple_SET_ITEM(classes, i, cls);
    }
    Py_XSETREF(st->exc_classes, classes);
    return 0;
}

PyObject *
orm_exc_class(orm_state *st, orm_exc which)
{
    assert(which < ORM_EXC_COUNT);
    if (st->exc_classes == NULL && load_classes(st) < 0) {
        return NULL;
    }
    return PyTuple_GET_ITEM(st->exc_classes, which);
}

int
orm_raise_exc(orm_state *st, orm_exc which, const char *format, ...)
{
    PyObject *cls = NULL;
    va_list args;

    cls = orm_exc_class(st, which);
    if (cls == NULL) {
        return -1;
    }
    va_start(args, format);
    PyErr_FormatV(cls, format, args);
    va_end(args);
    return -1;
}

int
orm_raise_exc_code(orm_state *st, orm_exc which, const char *code, const char *format, ...)
{
    PyObject *cls = NULL;
    PyObject *message = NULL;
    PyObject *exc = NULL;
    PyObject *code_text = NULL;
    va_list args;

    cls = orm_exc_class(st, which);
    if (cls == NULL) {
        return -1;
    }
    va_start(args, format);
    message = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (message == NULL) {
        return -1;
    }
    exc = PyObject_CallOneArg(cls, message);
    code_text = exc == NULL ? NULL : PyUnicode_FromString(code);
    if (code_text != NULL && PyObject_SetAttrString(exc, "code", code_text) == 0) {
        PyErr_SetObject(cls, exc);
    }
    Py_XDECREF(code_text);
    Py_XDECREF(exc);
    Py_DECREF(message);
    return -1;
}

int
orm_warn(orm_state *st, orm_exc which, int stacklevel, const char *format, ...)
{
    PyObject *cls = NULL;
    PyObject *message = NULL;
    PyObject *warn = NULL;
    PyObject *result = NULL;
    va_list args;

    cls = orm_exc_class(st, which);
    if (cls == NULL) {
        return -1;
    }
    va_start(args, format);
    message = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (message == NULL) {
        return -1;
    }
    warn = PyImport_ImportModule("warnings");
    if (warn != NULL) {
        result = PyObject_CallMethod(warn, "warn", "OOi", message, cls, stacklevel);
    }
    Py_XDECREF(warn);
    Py_DECREF(message);
    if (result == NULL) {
        return -1;
    }
    Py_DECREF(result);
    return 0;
}
