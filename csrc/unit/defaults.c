/*
 * unit/defaults.c - values that Python makes for a row: callable defaults, versions.
 *
 * Made before a step is encoded and kept in step->made until they are written back. A default
 * that takes the execution context gets one with the row's parameters so far: what the instance
 * has, and the defaults made before it, in the order of the table's columns.
 */
#include "unit/unit_int.h"

/* dict: what is known of the row by column key. NULL: exception. */
static PyObject *
current_parameters(orm_step *s, uint32_t i)
{
    PyObject *dict = PyDict_New();

    for (uint32_t k = 0; dict != NULL && k < s->shape->nset; k++) {
        bool null = false;
        PyObject *v = orm_written_value(s, i, k, &null);
        int rc = v == NULL && PyErr_Occurred() ? -1 : 0;

        if (v != NULL) { /* NULL: a default that is not made yet */
            PyObject *key = PyObject_GetAttrString(s->plan->cols[s->shape->set[k]].column, "key");

            rc = key == NULL ? -1 : PyDict_SetItem(dict, key, v);
            Py_XDECREF(key);
            Py_DECREF(v);
        }
        if (rc < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static PyObject *
call_with_context(orm_step *s, uint32_t i, PyObject *function)
{
    orm_state *st = s->w->st;
    PyObject *make = orm_import_once(&st->unit_context, "pyorm.orm._unit", "default_context");
    PyObject *parameters = make == NULL ? NULL : current_parameters(s, i);
    PyObject *context = NULL;
    PyObject *value = NULL;

    if (parameters != NULL) {
        context = PyObject_CallFunctionObjArgs(
            make, s->base->conn, parameters,
            s->shape->op == ORM_OP_INSERT ? Py_True : Py_False, NULL);
    }
    if (context != NULL) {
        value = PyObject_CallOneArg(function, context);
    }
    Py_XDECREF(parameters);
    Py_XDECREF(context);
    return value;
}

/* Does the row need the default of this column? 1, 0, -1. */
static int
needs_default(const orm_step *s, uint32_t i, const orm_wcol *c)
{
    PyObject *v = NULL;
    int changed;
    bool absent;

    if (s->shape->op == ORM_OP_UPDATE) {
        changed = orm_net_change(s->rows[i], c, &v);
        Py_XDECREF(v);
        return changed < 0 ? -1 : changed == 0;
    }
    v = orm_row_value(s->rows[i], c);
    absent = orm_is_absent(c, v);
    Py_XDECREF(v);
    return absent;
}

int
orm_make_defaults(orm_step *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        for (uint32_t k = 0; k < s->shape->nmade; k++) {
            orm_wcol *c = &s->plan->cols[s->shape->made[k]];
            orm_wdefault *d = s->shape->op == ORM_OP_INSERT ? &c->insert : &c->update;
            int needed = needs_default(s, i, c);
            PyObject *v = NULL;

            if (needed <= 0) {
                if (needed < 0) {
                    return -1;
                }
                continue;
            }
            v = d->kind == ORM_D_CALL ? PyObject_CallNoArgs(d->value)
                                      : call_with_context(s, i, d->value);
            if (v == NULL) {
                return -1;
            }
            s->made[(size_t)i * s->shape->nmade + k] = v;
        }
    }
    return 0;
}

/* --- versions ---------------------------------------------------------------------------------- */

/* The version before: of the row an UPDATE meets. NULL without exception: none. */
static PyObject *
version_before(const orm_urow *r, const orm_wcol *c)
{
    orm_head *h = r->switched != NULL ? r->switched : r->h;
    int none = 0;

    if (r->op == ORM_OP_INSERT) {
        return NULL;
    }
    return orm_val_read(h, (uint32_t)c->slot, ORM_PASSIVE_OFF, &none);
}

int
orm_next_version(orm_urow *r)
{
    orm_wplan *p = r->plan;
    orm_wcol *c = &p->cols[p->version];
    PyObject *given = NULL;
    PyObject *before = NULL;
    PyObject *one = NULL;

    if (c->slot < 0) {
        return orm_raise_exc(p->st, ORM_EXC_InvalidRequestError,
                             "%.200s: the version column %R is not mapped",
                             p->mapper->cls->tp_name, c->name);
    }
    if (r->op == ORM_OP_INSERT) {
        given = orm_row_value(r, c);
        if (given != NULL && given != Py_None) {
            r->version = given; /* the first version is the user's to choose */
            return 0;
        }
        Py_CLEAR(given);
    }
    before = version_before(r, c);
    if (before == NULL && PyErr_Occurred()) {
        return -1;
    }
    if (p->generator != Py_None) {
        r->version = PyObject_CallOneArg(p->generator, before == NULL ? Py_None : before);
    }
    else {
        one = PyLong_FromLong(1);
        r->version = one == NULL || before == NULL || before == Py_None
                         ? Py_XNewRef(one)
                         : PyNumber_Add(before, one);
    }
    Py_XDECREF(one);
    Py_XDECREF(before);
    return r->version == NULL ? -1 : 0;
}
