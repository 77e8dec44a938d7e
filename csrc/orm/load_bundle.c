/*
 * orm/load_bundle.c - several columns as one value of a row: Bundle and composite().
 *
 * Place: Python gives `_bundle(columns, owner, number)` what stands in a SELECT for the owner: a
 *   LIST with the owner as payload, which elsewhere is a list of columns. load_plan.c makes a root
 *   with parts of it; the parts' values become a Row, or what the owner's processor makes of them.
 * Key: a LIST's payload is not in it, so the number stands for the owner: two owners with one
 *   number must make the same of the same columns.
 * Python runs per row where the owner asks for it (`_row_processor`), as its class is Python's.
 */
#include "orm/load_int.h"

/* The low bits of a LIST's aux are flags. */
#define NUMBER_SHIFT 4

PyObject *
orm_fn_bundle(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *columns = NULL;
    orm_node *made = NULL;
    long number;

    if (nargs != 3 || !PyTuple_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "_bundle() takes (tuple of columns, owner, number)");
        return NULL;
    }
    number = PyLong_AsLong(args[2]);
    columns = number == -1 && PyErr_Occurred() ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; columns != NULL && i < PyTuple_GET_SIZE(args[0]); i++) {
        PyObject *o = PyTuple_GET_ITEM(args[0], i);
        orm_node *n = NULL;
        int rc = orm_coerce_entity(st, o, &n);

        if (rc == 0) {
            n = (orm_node *)Py_XNewRef(orm_node_of(st, o));
        }
        if (rc < 0 || n == NULL || PyList_Append(columns, (PyObject *)n) < 0) {
            Py_CLEAR(columns);
        }
        Py_XDECREF(n);
    }
    if (columns != NULL) {
        made = orm_node_make(st, ORM_N_LIST, ORM_OP_COMMA, NULL, args[1],
                             (uint32_t)number << NUMBER_SHIFT, PyList_GET_SIZE(columns),
                             (orm_node *const *)((PyListObject *)columns)->ob_item);
        Py_DECREF(columns);
    }
    return (PyObject *)made;
}

uint32_t
orm_bundle_leaves(const orm_node *cols)
{
    uint32_t n = 0;

    for (Py_ssize_t i = 0; i < Py_SIZE(cols); i++) {
        n += orm_is_bundle(cols->args[i]) ? orm_bundle_leaves(cols->args[i]) : 1;
    }
    return n;
}

int
orm_bundle_finish(orm_state *st, const orm_node *item, orm_root *root)
{
    PyObject *keys = PyTuple_New(root->nparts);
    PyObject *exprs = PyTuple_New(root->nparts);
    int rc = -1;

    if (keys == NULL || exprs == NULL) {
        goto done;
    }
    for (uint32_t i = 0; i < root->nparts; i++) {
        PyTuple_SET_ITEM(keys, i, Py_NewRef(root->parts[i].key));
        PyTuple_SET_ITEM(exprs, i, Py_NewRef(root->parts[i].expr));
    }
    root->make = PyObject_CallMethod(item->payload, "_row_processor", "(O)", keys);
    if (root->make == Py_None) {
        Py_CLEAR(root->make);
        root->shape = orm_shape_new(st, keys, exprs);
    }
    rc = root->make == NULL && root->shape == NULL ? -1 : 0;
done:
    Py_XDECREF(keys);
    Py_XDECREF(exprs);
    return rc;
}

void
orm_root_fini(orm_root *root)
{
    for (uint32_t i = 0; i < root->nparts; i++) {
        orm_root_fini(&root->parts[i]);
    }
    PyMem_Free(root->parts);
    Py_XDECREF(root->make);
    Py_XDECREF(root->shape);
    Py_XDECREF(root->key);
    Py_XDECREF(root->expr);
}

int
orm_root_traverse(const orm_root *root, visitproc visit, void *arg)
{
    for (uint32_t i = 0; i < root->nparts; i++) {
        int rc = orm_root_traverse(&root->parts[i], visit, arg);
        if (rc != 0) {
            return rc;
        }
    }
    Py_VISIT(root->make);
    Py_VISIT(root->shape);
    Py_VISIT(root->expr);
    return 0;
}

/* A bundle of the current row. New reference. */
static PyObject *
bundle_value(orm_loader *l, const orm_root *root, const orm_cell *cells)
{
    PyObject *values = PyTuple_New(root->nparts);
    PyObject *result = NULL;

    if (values == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < root->nparts; i++) {
        PyObject *v = orm_loader_root(l, &root->parts[i], cells);
        if (v == NULL) {
            Py_DECREF(values);
            return NULL;
        }
        PyTuple_SET_ITEM(values, i, v);
    }
    if (root->make != NULL) {
        result = PyObject_CallOneArg(root->make, values);
    }
    else if ((result = orm_row_new(root->shape, root->nparts)) != NULL) {
        for (uint32_t i = 0; i < root->nparts; i++) {
            PyTuple_SET_ITEM(result, i, Py_NewRef(PyTuple_GET_ITEM(values, i)));
        }
        orm_row_done(result);
    }
    Py_DECREF(values);
    return result;
}

PyObject *
orm_loader_root(orm_loader *l, const orm_root *root, const orm_cell *cells)
{
    if (root->is_entity) {
        return orm_loader_entity(l, &l->plan->ents[root->index], cells);
    }
    if (root->parts != NULL) {
        return bundle_value(l, root, cells);
    }
    return orm_loader_value(l, root->index, root->label, &cells[root->index]);
}
