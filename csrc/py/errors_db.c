/*
 * py/errors_db.c - what a driver reported, as an exception.
 *
 * orm_err (driver) -> class (orm_err_class, pure) -> PEP 249 error with the database's own
 * words (orm_dberror_new) -> class of pyorm.exc around it (orm_error_new).
 * Errors that are not the database's (no connection free, used by two threads) have no
 * PEP 249 error: they are raised with their text alone.
 * Passwords: a text that quotes a connection string loses what follows "password=" or
 *   stands between ":" and "@" of a URL before it reaches any exception.
 */
#include "py/errors_int.h"

#include <string.h>

/* PEP 249's class of one of ours: the base that it shares its name with. */
static const char *
dbapi_class_name(orm_exc which)
{
    switch (which) {
    case ORM_EXC_InterfaceError:
        return "InterfaceError";
    case ORM_EXC_DataError:
        return "DataError";
    case ORM_EXC_IntegrityError:
    case ORM_EXC_UniqueViolation:
    case ORM_EXC_ForeignKeyViolation:
    case ORM_EXC_NotNullViolation:
    case ORM_EXC_CheckViolation:
    case ORM_EXC_ExclusionViolation:
        return "IntegrityError";
    case ORM_EXC_InternalError:
    case ORM_EXC_InFailedTransaction:
        return "InternalError";
    case ORM_EXC_ProgrammingError:
        return "ProgrammingError";
    case ORM_EXC_NotSupportedError:
    case ORM_EXC_StatementCacheStale:
        return "NotSupportedError";
    case ORM_EXC_DatabaseError:
    case ORM_EXC_DatabaseCorrupt:
    case ORM_EXC_NotADatabase:
        return "DatabaseError";
    default:
        return "OperationalError";
    }
}

static int
is_dbapi_class(orm_exc which)
{
    return which >= ORM_EXC_DBAPIError && which <= ORM_EXC_CannotOpenDatabase;
}

static orm_exc
class_of_database(const orm_err *err)
{
    orm_exc which;

    if (err->sqlstate[0] == 0) {
        return err->native != 0 ? orm_class_of_native(err->native) : ORM_EXC_DatabaseError;
    }
    which = orm_class_of_sqlstate(err->sqlstate);
    /* 0A000 is every missing feature; only this one is cured by preparing again. */
    if (which == ORM_EXC_NotSupportedError
        && strstr(orm_err_text(err, ORM_TEXT_MESSAGE), "cached plan") != NULL) {
        return ORM_EXC_StatementCacheStale;
    }
    if (which == ORM_EXC_QueryCanceled
        && strstr(orm_err_text(err, ORM_TEXT_MESSAGE), "statement timeout") != NULL) {
        return ORM_EXC_StatementTimeout;
    }
    return which;
}

orm_exc
orm_err_class(const orm_err *err)
{
    orm_exc which;

    switch (err->code) {
    case ORM_E_PROGRAMMING:
        return ORM_EXC_ProgrammingError;
    case ORM_E_DATA:
        return ORM_EXC_DataError;
    case ORM_E_DB:
        return class_of_database(err);
    case ORM_E_UNAVAILABLE:
        /* native is an errno unless SQLite could not open; no connect gives EFAULT. */
        return (err->native & 0xff) == 14 ? ORM_EXC_CannotOpenDatabase : ORM_EXC_NotAvailable;
    case ORM_E_LOST:
        which = err->sqlstate[0] != 0 ? orm_class_of_sqlstate(err->sqlstate)
                                      : ORM_EXC_Disconnected;
        return which == ORM_EXC_IdleTimeout || which == ORM_EXC_RoleChanged
                   ? which
                   : ORM_EXC_Disconnected;
    case ORM_E_TIMEOUT:
        return ORM_EXC_StatementTimeout;
    case ORM_E_CANCELLED:
        return ORM_EXC_QueryCanceled;
    case ORM_E_COMMIT_UNKNOWN:
        return ORM_EXC_CommitOutcomeUnknown;
    case ORM_E_POOL_TIMEOUT:
        return ORM_EXC_PoolTimeout;
    case ORM_E_REENTRY:
        return ORM_EXC_ConcurrentSessionUse;
    case ORM_E_POOL_CLOSED:
    case ORM_E_OPEN_TX:
        return ORM_EXC_InvalidRequestError;
    default: /* INTERFACE, FORKED; NOMEM and SIGNAL never ask */
        return ORM_EXC_InterfaceError;
    }
}

/* Overwrite the secret that ends before one of `stops` with stars. */
static void
mask_until(char *at, const char *stops)
{
    while (*at != 0 && strchr(stops, *at) == NULL) {
        *at++ = '*';
    }
}

/* See the head of the file. In place: a mask is as long as what it hides. */
static void
mask_secrets(char *text)
{
    char *at = text;

    while ((at = strstr(at, "password=")) != NULL) {
        at += strlen("password=");
        if (*at == '\'') {
            mask_until(at + 1, "'");
        }
        else {
            mask_until(at, " &\"'\n");
        }
    }
    at = text;
    while ((at = strstr(at, "://")) != NULL) {
        char *colon;
        char *end;

        at += 3;
        end = at + strcspn(at, "/ \"\n");
        colon = memchr(at, ':', (size_t)(end - at));
        if (colon != NULL && memchr(colon, '@', (size_t)(end - colon)) != NULL) {
            mask_until(colon + 1, "@");
        }
    }
}

/* The text of the error as users read it: message, detail, hint. */
static PyObject *
full_message(const orm_err *err)
{
    PyObject *text = NULL;
    const char *detail = orm_err_text(err, ORM_TEXT_DETAIL);
    const char *hint = orm_err_text(err, ORM_TEXT_HINT);
    char *raw = NULL;
    orm_buf buf;

    orm_buf_init(&buf);
    orm_buf_puts(&buf, orm_err_message(err));
    if (detail[0] != 0) {
        orm_buf_printf(&buf, "\nDETAIL:  %s", detail);
    }
    if (hint[0] != 0) {
        orm_buf_printf(&buf, "\nHINT:  %s", hint);
    }
    raw = orm_buf_steal(&buf, NULL);
    if (raw == NULL) {
        return PyErr_NoMemory();
    }
    mask_secrets(raw);
    /* The server's words may quote anything, also bytes that are no UTF-8. */
    text = PyUnicode_DecodeUTF8(raw, (Py_ssize_t)strlen(raw), "backslashreplace");
    orm_free(raw);
    return text;
}

/* The Diagnostic of the error. */
static PyObject *
make_diagnostic(const orm_err *err, PyObject *module)
{
    static const uint8_t order[] = {
        ORM_TEXT_MESSAGE, ORM_TEXT_DETAIL, ORM_TEXT_HINT,       ORM_TEXT_CONTEXT,  ORM_TEXT_SCHEMA,
        ORM_TEXT_TABLE,   ORM_TEXT_COLUMN, ORM_TEXT_CONSTRAINT, ORM_TEXT_DATATYPE,
    };
    enum { NFIELDS = sizeof(order) + 1 };
    PyObject *fields[NFIELDS] = {NULL};
    PyObject *cls = NULL;
    PyObject *diag = NULL;

    for (size_t i = 0; i < NFIELDS; i++) {
        const char *text = i < sizeof(order) ? err->text[order[i]] : err->sqlstate;

        if (text == NULL || text[0] == 0) {
            fields[i] = Py_NewRef(Py_None);
        }
        else {
            fields[i] = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "backslashreplace");
        }
        if (fields[i] == NULL) {
            goto done;
        }
    }
    cls = PyObject_GetAttrString(module, "Diagnostic");
    if (cls != NULL) {
        diag = PyObject_Vectorcall(cls, fields, NFIELDS, NULL);
    }

done:
    for (size_t i = 0; i < NFIELDS; i++) {
        Py_XDECREF(fields[i]);
    }
    Py_XDECREF(cls);
    return diag;
}

PyObject *
orm_dberror_new(orm_state *st, const orm_err *err)
{
    orm_exc which = orm_err_class(err);
    PyObject *module = orm_import_once(&st->dbapi_module, "pyorm._dberrors", NULL);
    PyObject *cls = NULL;
    PyObject *args = NULL;
    PyObject *kwargs = NULL;
    PyObject *message = NULL;
    PyObject *diag = NULL;
    PyObject *exc = NULL;

    if (module == NULL) {
        return NULL;
    }
    cls = PyObject_GetAttrString(module, dbapi_class_name(which));
    message = cls == NULL ? NULL : full_message(err);
    diag = message == NULL ? NULL : make_diagnostic(err, module);
    if (diag == NULL) {
        goto done;
    }
    args = PyTuple_Pack(1, message);
    if (err->sqlstate[0] != 0) {
        kwargs = Py_BuildValue("{s:s,s:O}", "sqlstate", err->sqlstate, "diag", diag);
    }
    else if (err->native != 0 && err->code == ORM_E_DB) {
        kwargs = Py_BuildValue("{s:i,s:z,s:O}", "native", err->native, "native_name",
                               orm_name_of_native(err->native), "diag", diag);
    }
    else {
        kwargs = Py_BuildValue("{s:O}", "diag", diag);
    }
    if (args != NULL && kwargs != NULL) {
        exc = PyObject_Call(cls, args, kwargs);
    }

done:
    Py_XDECREF(cls);
    Py_XDECREF(message);
    Py_XDECREF(diag);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return exc;
}

/* An error that no database had a part in: pyorm.exc.<which>(message). */
static PyObject *
plain_error_new(orm_state *st, const orm_err *err, orm_exc which)
{
    PyObject *cls = orm_exc_class(st, which);
    PyObject *message = cls == NULL ? NULL : full_message(err);
    PyObject *exc = NULL;

    if (message != NULL) {
        exc = PyObject_CallOneArg(cls, message);
        Py_DECREF(message);
    }
    return exc;
}

static PyObject *
or_none(PyObject *o)
{
    return o == NULL ? Py_None : o;
}

PyObject *
orm_error_new(orm_state *st, const orm_err *err, PyObject *statement, PyObject *params,
              unsigned flags)
{
    orm_exc which;
    PyObject *cls = NULL;
    PyObject *orig = NULL;
    PyObject *exc = NULL;

    if (err->code == ORM_E_NOMEM) {
        return PyObject_CallNoArgs(PyExc_MemoryError);
    }
    which = orm_err_class(err);
    if (!is_dbapi_class(which)) {
        return plain_error_new(st, err, which);
    }
    cls = orm_exc_class(st, which);
    orig = cls == NULL ? NULL : orm_dberror_new(st, err);
    if (orig == NULL) {
        return NULL;
    }
    exc = PyObject_CallFunction(cls, "OOOOOOO", or_none(statement), or_none(params), orig,
                                (flags & ORM_RAISE_HIDE_PARAMETERS) ? Py_True : Py_False,
                                (flags & ORM_RAISE_INVALIDATED) || err->lost ? Py_True : Py_False,
                                Py_None, (flags & ORM_RAISE_MULTI) ? Py_True : Py_False);
    if (exc != NULL) {
        PyException_SetCause(exc, Py_NewRef(orig));
    }
    Py_DECREF(orig);
    return exc;
}

int
orm_raise_statement(orm_state *st, const orm_err *err, PyObject *statement, PyObject *params,
                    unsigned flags)
{
    PyObject *live = NULL;
    PyObject *exc = NULL;

    assert(err->code != ORM_OK);
    if (err->code == ORM_E_SIGNAL && PyErr_Occurred()) {
        return -1;
    }
    if (err->code == ORM_E_NOMEM) {
        if (!PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        return -1;
    }
    live = PyErr_GetRaisedException();
    exc = orm_error_new(st, err, statement, params, flags);
    if (exc == NULL) {
        Py_XDECREF(live);
        return -1;
    }
    if (live != NULL) {
        PyException_SetContext(exc, live); /* steals */
    }
    PyErr_SetObject((PyObject *)Py_TYPE(exc), exc);
    Py_DECREF(exc);
    return -1;
}

int
orm_raise(orm_state *st, const orm_err *err)
{
    return orm_raise_statement(st, err, NULL, NULL, 0);
}

/* Give a DataError of an encoder the statement it was for. 1 done, 0 not such a one, -1. */
static int
complete_statement_error(orm_state *st, PyObject *exc, PyObject *statement, PyObject *params,
                         unsigned flags)
{
    PyObject *cls = orm_exc_class(st, ORM_EXC_StatementError);
    PyObject *known = NULL;
    int missing;

    if (cls == NULL) {
        return -1;
    }
    if (!PyObject_TypeCheck(exc, (PyTypeObject *)cls)) {
        return 0;
    }
    known = PyObject_GetAttrString(exc, "statement");
    if (known == NULL) {
        return -1;
    }
    missing = known == Py_None;
    Py_DECREF(known);
    if (missing
        && (PyObject_SetAttrString(exc, "statement", or_none(statement)) < 0
            || PyObject_SetAttrString(exc, "params", or_none(params)) < 0
            || PyObject_SetAttrString(
                   exc, "hide_parameters",
                   (flags & ORM_RAISE_HIDE_PARAMETERS) ? Py_True : Py_False) < 0)) {
        return -1;
    }
    return 1;
}

int
orm_raise_in_statement(orm_state *st, PyObject *statement, PyObject *params, unsigned flags)
{
    PyObject *live = PyErr_GetRaisedException();
    PyObject *base = NULL;
    PyObject *outer = NULL;
    PyObject *module = NULL;
    int rc;

    assert(live != NULL);
    rc = complete_statement_error(st, live, statement, params, flags);
    if (rc > 0) {
        PyErr_SetRaisedException(live); /* steals */
        return -1;
    }
    base = rc < 0 ? NULL : orm_exc_class(st, ORM_EXC_DBAPIError);
    module = base == NULL ? NULL : orm_import_once(&st->dbapi_module, "pyorm._dberrors", NULL);
    if (module != NULL) {
        PyObject *dberror = PyObject_GetAttrString(module, "Error");

        if (dberror != NULL) {
            outer = PyObject_CallMethod(
                base, "instance", "OOOOOOOO", or_none(statement), or_none(params), live, dberror,
                (flags & ORM_RAISE_HIDE_PARAMETERS) ? Py_True : Py_False, Py_False, Py_None,
                (flags & ORM_RAISE_MULTI) ? Py_True : Py_False);
            Py_DECREF(dberror);
        }
    }
    if (outer == NULL) {
        Py_DECREF(live);
        return -1;
    }
    if (outer != live) {
        PyException_SetCause(outer, Py_NewRef(live));
    }
    Py_DECREF(live);
    PyErr_SetRaisedException(outer);
    return -1;
}
