/*
 * types/json.c - JSON and JSONB documents.
 *
 * Out: the engine's json_serializer, or json.dumps (NaN refused: it is no JSON); sent as
 *   text. None is the JSON value null unless the type says none_as_null; JSON.NULL always is.
 * In: the engine's json_deserializer, or the scanner of json.JSONDecoder called directly,
 *   which is three times as fast as json.loads and says the same of errors.
 * PostgreSQL's binary jsonb has a version byte 1 in front of the text.
 */
#include "types/types_int.h"

#include <string.h>

/* JSON.NULL, borrowed from the state. */
static PyObject *
json_null(orm_state *st)
{
    return orm_import_once(&types_room(st)->json_null, "pyorm._types.document", "JSON_NULL");
}

static PyObject *
dumps(orm_bindctx *c, PyObject *v)
{
    PyObject *function = c->json_dumps;
    PyObject *kwargs = NULL;
    PyObject *args = NULL;
    PyObject *text = NULL;

    if (function != NULL && function != Py_None) {
        return PyObject_CallOneArg(function, v);
    }
    function = orm_import_once(&types_room(c->st)->json_dumps, "json", "dumps");
    if (function == NULL) {
        return NULL;
    }
    args = PyTuple_Pack(1, v);
    kwargs = Py_BuildValue("{s:O}", "allow_nan", Py_False);
    if (args != NULL && kwargs != NULL) {
        text = PyObject_Call(function, args, kwargs);
    }
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    if (text == NULL
        && (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_TypeError)
            || PyErr_ExceptionMatches(PyExc_RecursionError))) {
        orm_bind_error(c, v, "%.200R cannot be written as JSON", v);
    }
    return text;
}

/* PostgreSQL's jsonb refuses \u0000 only after the round trip, and aborts the transaction. */
static int
has_escaped_nul(const char *p, size_t len)
{
    const char *at = p;
    const char *end = p + len;

    while ((at = memmem(at, (size_t)(end - at), "\\u0000", 6)) != NULL) {
        size_t backslashes = 0;

        for (const char *back = at; back > p && back[-1] == '\\'; back--) {
            backslashes++;
        }
        if (backslashes % 2 == 0) {
            return 1;
        }
        at += 2;
    }
    return 0;
}

static int
encode_json(orm_bindctx *c, orm_type *t, PyObject *v, uint32_t oid, orm_param *out)
{
    PyObject *null = json_null(c->st);
    PyObject *text = NULL;
    PyObject *owners = c->owners;
    int rc = -1;

    if (null == NULL) {
        return -1;
    }
    if (v == null) {
        v = Py_None;
    }
    else if (v == Py_None && (t->flags & ORM_TF_NONE_AS_NULL)) {
        return param_null(out, oid);
    }
    text = dumps(c, v);
    if (text == NULL) {
        return -1;
    }
    c->owners = NULL; /* the text is ours and short-lived: copy it */
    if (PyBytes_Check(text)) { /* orjson and its like */
        Py_SETREF(text, PyUnicode_FromEncodedObject(text, "utf-8", "strict"));
    }
    if (text != NULL && !PyUnicode_Check(text)) {
        orm_bind_error(c, v, "json_serializer must return str or bytes, not %.100s",
                       Py_TYPE(text)->tp_name);
    }
    else if (text != NULL && orm_text_encode(c, text, oid, out) == 0) {
        rc = 0;
        if (c->dialect == ORM_PG && has_escaped_nul(out->u.p, (size_t)out->len)) {
            rc = orm_bind_error(c, v, "a JSON document must not contain the character \\u0000");
        }
    }
    c->owners = owners;
    Py_XDECREF(text);
    return rc;
}

int
orm_json_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return encode_json(c, t, v, t->oid, out);
}

int
orm_json_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return encode_json(c, t, v, 0, out);
}

/* Raise json.JSONDecodeError as json.loads would; NULL. */
static PyObject *
raise_decode_error(orm_state *st, const char *what, PyObject *text, Py_ssize_t at)
{
    PyObject *cls = orm_import_once(&types_room(st)->json_error, "json", "JSONDecodeError");
    PyObject *exc = NULL;

    if (cls != NULL) {
        exc = PyObject_CallFunction(cls, "sOn", what, text, at);
    }
    if (exc != NULL) {
        PyErr_SetObject(cls, exc);
        Py_DECREF(exc);
    }
    return NULL;
}

static PyObject *
scanner(orm_state *st)
{
    orm_types_room *room = types_room(st);
    PyObject *cls = NULL;
    PyObject *decoder = NULL;

    if (room->json_scan != NULL) {
        return room->json_scan;
    }
    if (orm_import_once(&cls, "json", "JSONDecoder") == NULL) {
        return NULL;
    }
    decoder = PyObject_CallNoArgs(cls);
    Py_DECREF(cls);
    if (decoder == NULL) {
        return NULL;
    }
    Py_XSETREF(room->json_scan, PyObject_GetAttrString(decoder, "scan_once"));
    Py_DECREF(decoder);
    return room->json_scan;
}

static Py_ssize_t
skip_space(PyObject *text, Py_ssize_t at)
{
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    Py_ssize_t n = PyUnicode_GET_LENGTH(text);

    while (at < n) {
        Py_UCS4 ch = PyUnicode_READ(kind, data, at);

        if (ch != ' ' && ch != '\n' && ch != '\r' && ch != '\t') {
            break;
        }
        at++;
    }
    return at;
}

/* json.loads of a str. */
static PyObject *
loads(orm_state *st, PyObject *text)
{
    PyObject *scan = scanner(st);
    PyObject *start = NULL;
    PyObject *pair = NULL;
    PyObject *value = NULL;
    PyObject *args[2];
    Py_ssize_t at;

    if (scan == NULL) {
        return NULL;
    }
    at = skip_space(text, 0);
    start = PyLong_FromSsize_t(at);
    if (start == NULL) {
        return NULL;
    }
    args[0] = text;
    args[1] = start;
    pair = PyObject_Vectorcall(scan, args, 2, NULL);
    Py_DECREF(start);
    if (pair == NULL) {
        if (PyErr_ExceptionMatches(PyExc_StopIteration)) {
            PyErr_Clear();
            return raise_decode_error(st, "Expecting value", text, at);
        }
        return NULL;
    }
    value = Py_NewRef(PyTuple_GET_ITEM(pair, 0));
    at = skip_space(text, PyLong_AsSsize_t(PyTuple_GET_ITEM(pair, 1)));
    Py_DECREF(pair);
    if (at != PyUnicode_GET_LENGTH(text)) {
        Py_DECREF(value);
        return raise_decode_error(st, "Extra data", text, at);
    }
    return value;
}

static PyObject *
decode_text(orm_decctx *c, const char *p, Py_ssize_t len)
{
    PyObject *text = orm_text_from_utf8(c, p, len);
    PyObject *value = NULL;

    if (text == NULL) {
        return NULL;
    }
    if (c->json_loads != NULL && c->json_loads != Py_None) {
        value = PyObject_CallOneArg(c->json_loads, text);
    }
    else {
        value = loads(c->st, text);
    }
    Py_DECREF(text);
    return value;
}

PyObject *
orm_json_decode_pg(orm_decctx *c, orm_type *Py_UNUSED(t), const orm_cell *cell)
{
    if (cell->kind == ORM_V_NULL) {
        return Py_NewRef(Py_None);
    }
    if (cell->kind == ORM_V_BLOB && cell->len > 0 && cell->p[0] == 1) {
        return decode_text(c, cell->p + 1, cell->len - 1);
    }
    return decode_text(c, cell->p, cell->len);
}

PyObject *
orm_json_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (cell->kind == ORM_V_TEXT || cell->kind == ORM_V_BLOB) {
        return decode_text(c, cell->p, cell->len);
    }
    return orm_value_decode_lite(c, t, cell); /* json_extract() gives numbers as they are */
}
