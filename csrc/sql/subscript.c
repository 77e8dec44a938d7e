/*
 * subscript.c - `x[i]`: elements and slices of arrays, keys and paths of JSON.
 *
 * Place: expr_ops.c comes here by the operand's type.
 * Ownership: returns new references.
 */
#include "sql_int.h"

static orm_node *
index_value(orm_state *st, PyObject *o)
{
    return o == Py_None ? NULL : orm_coerce_value(st, o, NULL);
}

static orm_node *
slice_node(orm_state *st, PyObject *key)
{
    PySliceObject *s = (PySliceObject *)key;
    PyObject *parts[3] = {s->start, s->stop, s->step};
    orm_node *nodes[3] = {NULL, NULL, NULL};
    orm_node *out = NULL;
    int i;

    for (i = 0; i < 3; i++) {
        nodes[i] = index_value(st, parts[i]);
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
        parts[1] = slice_node(st, key);
    }
    else {
        parts[1] = orm_coerce_value(st, key, NULL);
        type = type->item != NULL && type->scale <= 1 ? type->item : type;
    }
    if (parts[1] != NULL) {
        out = (PyObject *)orm_node_make(st, ORM_N_SUBSCRIPT, ORM_OP_GETITEM, type, NULL, 0, 2,
                                        parts);
        Py_DECREF(parts[1]);
    }
    return out;
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
    r = is_path ? orm_bind_new(st, value, orm_type_builtin(st, ORM_T_STRING), NULL, ORM_BIND_UNIQUE)
                : orm_coerce_value(st, value, NULL);
    if (r != NULL && r->kind == ORM_N_BIND && !is_path) {
        PyObject *body = orm_node_name(st, x);

        Py_SETREF(r, orm_bind_new(st, r->payload, r->type, body, ORM_BIND_UNIQUE));
        Py_XDECREF(body);
    }
    if (r != NULL) {
        out = (PyObject *)orm_binary_new(st, is_path ? ORM_OP_JSON_PATH : ORM_OP_JSON_GETITEM, x, r,
                                         x->type, NULL);
    }
    Py_XDECREF(r);
    Py_DECREF(value);
    return out;
}
