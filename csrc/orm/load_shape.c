/*
 * orm/load_shape.c - what the items of a row are called.
 *
 * Place: load_plan.c asks for the name of each item when a statement is compiled; the shape of
 *   the rows, which all Rows of the statement share, is made at its first execution.
 * Rules: an entity is called by its class or alias, a column by its key, a function by its name;
 *   what comes twice gets a number, but for entities, whose name is then ambiguous.
 */
#include "orm/load_int.h"

/* --- names of the items ------------------------------------------------------------------- */

PyObject *
orm_root_key(orm_state *st, orm_node *item)
{
    orm_node *inner = item;

    if (item->kind == ORM_N_ENTITY) {
        PyObject *owner = orm_node_wrap(st, item);
        PyObject *name = NULL;

        if (owner != NULL && item->aux & ORM_ENTITY_ALIASED) {
            PyObject *insp = PyObject_GetAttr(owner, st->s_aliased_insp);
            name = insp == NULL ? NULL : PyObject_GetAttr(insp, st->s_name);
            Py_XDECREF(insp);
            if (name == Py_None) {
                Py_SETREF(name, Py_NewRef(st->s_no_label));
            }
        }
        else if (owner != NULL) {
            name = PyType_GetName((PyTypeObject *)owner);
        }
        Py_XDECREF(owner);
        return name;
    }
    if (item->kind == ORM_N_LABEL && item->payload != NULL) {
        return Py_NewRef(item->payload);
    }
    while (inner->kind == ORM_N_CAST || inner->kind == ORM_N_TYPECOERCE
           || inner->kind == ORM_N_APPLY) {
        inner = inner->args[0];
    }
    switch (inner->kind) {
    case ORM_N_LIST:
        return orm_is_bundle(inner) ? PyObject_GetAttr(inner->payload, st->s_name)
                                    : Py_NewRef(st->s_no_label);
    case ORM_N_LABEL: /* _name_expression() */
        return Py_NewRef(inner->payload == NULL ? st->s_no_label : inner->payload);
    case ORM_N_COLUMN:
    case ORM_N_ATTR:
        return Py_NewRef(orm_node_named(inner)->key);
    case ORM_N_COLREF:
    case ORM_N_TEXT:
        return Py_NewRef(inner->payload);
    case ORM_N_FUNC:
        if (PyTuple_Check(inner->payload)) {
            return Py_NewRef(PyTuple_GET_ITEM(inner->payload,
                                              PyTuple_GET_SIZE(inner->payload) - 1));
        }
        return Py_NewRef(inner->payload);
    default:
        return Py_NewRef(st->s_no_label);
    }
}

/* A name not yet in `taken` (a set): the key, or the key with a number. New reference. */
static PyObject *
free_key(PyObject *taken, PyObject *key)
{
    PyObject *name = Py_NewRef(key);
    int known = PySet_Contains(taken, name);

    for (int n = 1; known > 0; n++) {
        Py_SETREF(name, PyUnicode_FromFormat("%U_%d", key, n));
        known = name == NULL ? -1 : PySet_Contains(taken, name);
    }
    if (known < 0 || PySet_Add(taken, name) < 0) {
        Py_CLEAR(name);
    }
    return name;
}

PyObject *
orm_load_plan_shape(orm_state *st, orm_load_plan *plan)
{
    PyObject *keys = NULL;
    PyObject *exprs = NULL;
    PyObject *taken = NULL;
    PyObject *shape = NULL;

    if (plan->shape != NULL) {
        return plan->shape;
    }
    keys = PyTuple_New(plan->nroots);
    exprs = PyTuple_New(plan->nroots);
    taken = PySet_New(NULL);
    if (keys == NULL || exprs == NULL || taken == NULL) {
        goto done;
    }
    for (uint32_t i = 0; i < plan->nroots; i++) {
        const orm_root *root = &plan->roots[i];
        /* The same entity again keeps its name, which then is ambiguous. */
        PyObject *key = root->is_entity ? Py_NewRef(root->key) : free_key(taken, root->key);

        if (key == NULL) {
            goto done;
        }
        PyTuple_SET_ITEM(keys, i, key);
        PyTuple_SET_ITEM(exprs, i, Py_NewRef(root->expr));
    }
    shape = orm_shape_new(st, keys, exprs);
    Py_XSETREF(plan->shape, shape);
done:
    Py_XDECREF(keys);
    Py_XDECREF(exprs);
    Py_XDECREF(taken);
    return plan->shape;
}
