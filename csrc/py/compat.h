/*
 * py/compat.h - the only place that knows which CPython this is (3.11 to 3.13, 3.14 in reach).
 *
 * Place: included by py/py.h before everything else; besides it only py/collector.h (when
 *   the collector runs) and exec/row_type.c (a tuple has its hash) test PY_VERSION_HEX.
 * What stands here: functions of newer Pythons written with older ones, under their own
 *   names where an older Python has nothing of the name, and the mutex and critical
 *   section that mean nothing where there is a GIL.
 * Invariant: each shim has the meaning of the newer function, errors included.
 */
#ifndef ORM_PY_COMPAT_H
#define ORM_PY_COMPAT_H

#include <stddef.h>

#if PY_VERSION_HEX < 0x030B0000
#error "pyorm needs Python 3.11 or newer"
#endif

/* Member descriptors: 3.12 has them in Python.h under the Py_ names. */
#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_T_INT T_INT
#define Py_T_UINT T_UINT
#define Py_T_UBYTE T_UBYTE
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_BOOL T_BOOL
#define Py_READONLY READONLY
#endif

/* PyErr_GetRaisedException (3.12): the live exception as one owned object, or NULL. */
#if PY_VERSION_HEX < 0x030C0000
static inline PyObject *
PyErr_GetRaisedException(void)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;

    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) {
        return NULL;
    }
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
        Py_DECREF(traceback);
    }
    Py_DECREF(type);
    return value;
}

static inline void
PyErr_SetRaisedException(PyObject *exc)
{
    if (exc == NULL) {
        PyErr_Clear();
        return;
    }
    PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exc)), exc, PyException_GetTraceback(exc));
}
#endif

#if PY_VERSION_HEX < 0x030D0000

/* PyDict_GetItemRef (3.13): 1 found and *result is new, 0 missing and NULL, -1 error. */
static inline int
PyDict_GetItemRef(PyObject *dict, PyObject *key, PyObject **result)
{
    PyObject *found = PyDict_GetItemWithError(dict, key); /* borrow-ok: owned at once */

    *result = Py_XNewRef(found);
    if (found != NULL) {
        return 1;
    }
    return PyErr_Occurred() ? -1 : 0;
}

static inline int
PyDict_GetItemStringRef(PyObject *dict, const char *key, PyObject **result)
{
    PyObject *name = PyUnicode_FromString(key);
    int rc;

    if (name == NULL) {
        *result = NULL;
        return -1;
    }
    rc = PyDict_GetItemRef(dict, name, result);
    Py_DECREF(name);
    return rc;
}

/* PyList_GetItemRef (3.13): a new reference. */
static inline PyObject *
PyList_GetItemRef(PyObject *list, Py_ssize_t index)
{
    return Py_XNewRef(PyList_GetItem(list, index)); /* borrow-ok: owned at once */
}

/* PyWeakref_GetRef (3.13): 1 alive and *result is new, 0 dead and NULL, -1 error. */
static inline int
PyWeakref_GetRef(PyObject *ref, PyObject **result)
{
    PyObject *target = PyWeakref_GetObject(ref); /* borrow-ok: owned at once */

    if (target == NULL) {
        *result = NULL;
        return -1;
    }
    if (target == Py_None) {
        *result = NULL;
        return 0;
    }
    *result = Py_NewRef(target);
    return 1;
}

/* PyObject_GetOptionalAttr (3.13): 1 found, 0 no such attribute (no exception), -1 error. */
static inline int
PyObject_GetOptionalAttr(PyObject *obj, PyObject *name, PyObject **result)
{
    return _PyObject_LookupAttr(obj, name, result);
}

static inline int
PyObject_GetOptionalAttrString(PyObject *obj, const char *name, PyObject **result)
{
    PyObject *text = PyUnicode_FromString(name);
    int rc;

    if (text == NULL) {
        *result = NULL;
        return -1;
    }
    rc = _PyObject_LookupAttr(obj, text, result);
    Py_DECREF(text);
    return rc;
}

/* PyObject_HasAttrWithError (3.13): 1 has it, 0 has not, -1 the attribute could not be asked for. */
static inline int
PyObject_HasAttrWithError(PyObject *obj, PyObject *name)
{
    PyObject *value = NULL;
    int rc = PyObject_GetOptionalAttr(obj, name, &value);

    Py_XDECREF(value);
    return rc;
}

static inline int
PyObject_HasAttrStringWithError(PyObject *obj, const char *name)
{
    PyObject *value = NULL;
    int rc = PyObject_GetOptionalAttrString(obj, name, &value);

    Py_XDECREF(value);
    return rc;
}

/* PyModule_Add (3.13): steals value in every case, also when it is NULL with an exception. */
static inline int
PyModule_Add(PyObject *module, const char *name, PyObject *value)
{
    int rc = PyModule_AddObjectRef(module, name, value);

    Py_XDECREF(value);
    return rc;
}

/* PyUnicode_EqualToUTF8 (3.13) for ASCII texts only, which is what names are. */
#define orm_unicode_equals_ascii(str, ascii) (PyUnicode_CompareWithASCIIString(str, ascii) == 0)

#define Py_BEGIN_CRITICAL_SECTION(op) {
#define Py_END_CRITICAL_SECTION() }
#define Py_BEGIN_CRITICAL_SECTION2(a, b) {
#define Py_END_CRITICAL_SECTION2() }

#else

#define orm_unicode_equals_ascii(str, ascii) PyUnicode_EqualToUTF8(str, ascii)

#endif /* < 3.13 */

/* The mutex of objects that threads share without the GIL's help: nothing where there is a
 * GIL, since none of them is held across code that releases it. */
#ifdef Py_GIL_DISABLED
typedef PyMutex orm_pymutex;
#define ORM_PYMUTEX_LOCK(m) PyMutex_Lock(m)
#define ORM_PYMUTEX_UNLOCK(m) PyMutex_Unlock(m)
#else
typedef char orm_pymutex;
#define ORM_PYMUTEX_LOCK(m) ((void)(m))
#define ORM_PYMUTEX_UNLOCK(m) ((void)(m))
#endif

/* The int of a little-endian or big-endian magnitude (unsigned), e.g. a UUID's 128 bits. */
static inline PyObject *
orm_long_from_bytes(const unsigned char *bytes, size_t n, int little_endian)
{
#if PY_VERSION_HEX < 0x030D0000
    return _PyLong_FromByteArray(bytes, n, little_endian, 0);
#else
    return PyLong_FromUnsignedNativeBytes(
        bytes, n, little_endian ? Py_ASNATIVEBYTES_LITTLE_ENDIAN : Py_ASNATIVEBYTES_BIG_ENDIAN);
#endif
}

/* Write a non-negative int into n big-endian bytes. 0, or -1 with OverflowError. */
static inline int
orm_long_to_bytes(PyObject *value, unsigned char *bytes, size_t n)
{
#if PY_VERSION_HEX < 0x030D0000
    return _PyLong_AsByteArray((PyLongObject *)value, bytes, n, 0, 0);
#else
    Py_ssize_t need = PyLong_AsNativeBytes(
        value, bytes, (Py_ssize_t)n,
        Py_ASNATIVEBYTES_BIG_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER
            | Py_ASNATIVEBYTES_REJECT_NEGATIVE);

    if (need > (Py_ssize_t)n) {
        PyErr_SetString(PyExc_OverflowError, "int too big to convert");
        return -1;
    }
    return need < 0 ? -1 : 0;
#endif
}

/* What the module says of itself where Python asks: one interpreter, and the GIL stays. */
#if PY_VERSION_HEX >= 0x030C0000
#define ORM_MODULE_SLOTS                                                                      \
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#else
#define ORM_MODULE_SLOTS
#endif

#endif /* ORM_PY_COMPAT_H */
