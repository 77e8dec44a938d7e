/*
 * subscript.c - `x[i]`: elements and slices of arrays, keys and paths of JSON.
 *
 * Place: expr_ops.c comes here by the operand's type.
 * Ownership: returns new references.
 */
#include "sql_int.h"

/* An index: an expression, or a bind that is called after what it is an index of. */
static orm_node *
index_value(orm_state *st, orm_node *x, PyObject *o)
{
    PyObject *body = o == Py_None ? NULL : orm_bind_body(st, x);
    orm_node *n = NULL;

    if (o != Py_None && (body != NULL || !PyErr_Occurred())) {
        n = orm_coerce_value_named(st, o, NULL, body);
    }
    Py_XDECREF(body);
    return n;
}

static orm_node *
slice_node(orm_state *st, orm_node *x, PyObject *key)
{
    PySliceObject *s = (PySliceObject *)key;
    PyObject *parts[3] = {s->start, s->stop, s->step};
    orm_node *nodes[3] = {NULL, NULL, NULL};
    orm_node *out = NULL;
    int i;

    for (i = 0; i < 3; i++) {
        nodes[i] = index_value(st, x, parts[i]);
        if (nodes[i] == NULL && PyErr_Occurred()) {
            goto done;
        }
    }
    out = orm_node_make(st, ORM_N_SLICE, ORM_OP_NONE, NULL, NULL, 0, 3, nodes);
done:
    for (i = 0; i < 3; i++) {
        Py_XDECREF(nodes[i]);
    }
    return out;
}

PyObject *
orm_subscript_array(orm_state *st, orm_node *x, PyObject *key)
{
    orm_type *type = x->type;
    orm_node *parts[2] = {x, NULL};
    PyObject *out = NULL;

    if (PySlice_Check(key)) {
        parts[1] = slice_node(st, x, key);
    }
    else {
        parts[1] = index_value(st, x, key);
        type = type->item != NULL && type->scale <= 1 ? type->item : type;
    }
    if (parts[1] != NULL) {
        out = (PyObject *)orm_node_make(st, ORM_N_SUBSCRIPT, ORM_OP_GETITEM, type, NULL, 0, 2,
                                        parts);
        Py_DECREF(parts[1]);
    }
    return out;
}

/* The type of a JSON key (0), position (1) or path (2). New ref. */
static orm_type *
json_index_type(orm_state *st, int which)
{
    PyObject *types = orm_import_once(&st->json_index_types, "pyorm._types.json_path", "INDEX_TYPES");

    return types == NULL ? NULL : orm_type_of(st, PyTuple_GET_ITEM(types, which));
}

/* A plain key, position or path as a bind that is called after the document. */
static orm_node *
json_index(orm_state *st, orm_node *x, PyObject *value, int which)
{
    orm_type *type = json_index_type(st, which);
    PyObject *body = type == NULL ? NULL : orm_bind_body(st, x);
    orm_node *n = NULL;

    if (type != NULL && (body != NULL || !PyErr_Occurred())) {
        n = orm_bind_new(st, value, type, body, ORM_BIND_UNIQUE);
    }
    Py_XDECREF(type);
    Py_XDECREF(body);
    return n;
}

PyObject *
orm_subscript_json(orm_state *st, orm_node *x, PyObject *key)
{
    int is_path = PyTuple_Check(key) || PyList_Check(key);
    PyObject *value = is_path ? PySequence_Tuple(key) : Py_NewRef(key);
    orm_node *r = NULL;
    PyObject *out = NULL;

    if (value == NULL) {
        return NULL;
    }
    r = is_path || PyUnicode_Check(value) || PyLong_Check(value)
            ? json_index(st, x, value, is_path ? 2 : PyLong_Check(value))
            : index_value(st, x, value);
    if (r != NULL) {
        out = (PyObject *)orm_binary_new(st, is_path ? ORM_OP_JSON_PATH : ORM_OP_JSON_GETITEM, x, r,
                                         x->type, NULL);
    }
    Py_XDECREF(r);
    Py_DECREF(value);
    return out;
}
