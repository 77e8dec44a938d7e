/*
 * bind.c - the bind plan at work: one set of values to encoded parameters.
 *
 * Place: run.c calls it per parameter set, with the slots of the text that will be sent.
 * Where a value comes from, in this order: the caller's parameters by name; what the key
 *   walk gathered from the statement; the default= or onupdate= of the column it is stored
 *   into. None of them: "A value is required for bind parameter" (cd3x).
 * A default that was made is put into the set's dict, so that the context of a later callable
 *   and `last_inserted_params()` see it.
 * Lists (IN): the slots say which item each placeholder takes, or that the list goes whole, as
 *   one PostgreSQL array.
 */
#include "exec_int.h"

/* ---- values ---- */

static int
raise_missing(orm_exec *x, const orm_slot *slot, int64_t row)
{
    orm_state *st = x->conn->st;

    x->missing = true; /* the code stands behind the whole message, see run.c */
    if (row >= 0) {
        return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                             "A value is required for bind parameter %R, in parameter group %lld",
                             slot->name, (long long)row);
    }
    return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                         "A value is required for bind parameter %R", slot->name);
}

/* Put the statement's own values beside the caller's: a default's callable sees the row. */
static int
fill_row(orm_exec *x, PyObject *set)
{
    for (uint32_t i = 0; i < x->nslots; i++) {
        const orm_slot *slot = &x->slots[i];
        PyObject *value = slot->bind < x->nvalues ? x->values[slot->bind] : NULL;

        if (!slot->stored || value == NULL || (slot->flags & ORM_BIND_CALLABLE)) {
            continue;
        }
        if (PyDict_SetDefault(set, slot->name, value) == NULL) {
            return -1;
        }
    }
    return 0;
}

/* The ExecutionContext that a default's callable gets, borrowed from x. */
static PyObject *
default_context(orm_exec *x, const orm_slot *slot, PyObject *set)
{
    PyObject *context = orm_exec_context(x); /* borrow-ok: x owns it */

    if (context != NULL
        && (PyObject_SetAttrString(context, "current_column", slot->dflt) < 0
            || PyObject_SetAttrString(context, "_current_bind", slot->name) < 0)) {
        return NULL;
    }

    if (context == NULL || (PyDict_Check(set) && fill_row(x, set) < 0) || PyObject_SetAttrString(context, "current_parameters", set) < 0) {
        return NULL;
    }
    return context;
}

/* The value of a column's default= (INSERT) or onupdate= (UPDATE), a new reference. */
static PyObject *
make_default(orm_exec *x, const orm_slot *slot, PyObject *set)
{
    orm_state *st = x->conn->st;
    bool update = x->compiled->verb == ORM_VERB_UPDATE;
    PyObject *dflt = PyObject_GetAttr(slot->dflt, update ? st->s_onupdate : st->s_default);
    PyObject *callable = NULL;
    PyObject *value = NULL;
    PyObject *context = NULL;
    int is_callable;

    if (dflt == NULL) {
        return NULL;
    }
    value = PyObject_GetAttr(dflt, st->s_arg);
    callable = value == NULL ? NULL : PyObject_GetAttr(dflt, st->s_is_callable);
    is_callable = callable == NULL ? -1 : PyObject_IsTrue(callable);
    Py_XDECREF(callable);
    Py_DECREF(dflt);
    if (is_callable < 0) {
        Py_CLEAR(value);
    }
    else if (is_callable) {
        context = default_context(x, slot, set);
        Py_SETREF(value, context == NULL ? NULL : PyObject_CallOneArg(value, context));
    }
    return value;
}

/* 1 and a new reference; 0: nowhere to be found; -1. */
static int
find_value(orm_exec *x, const orm_slot *slot, PyObject *set, PyObject **value)
{
    PyObject *found = NULL;

    *value = NULL;
    if (set != NULL) {
        found = PyDict_GetItemWithError(set, slot->name); /* borrow-ok: owned at once */
        if (found == NULL && PyErr_Occurred()) {
            return -1;
        }
    }
    if (found == NULL && slot->bind != ORM_SLOT_BY_NAME && slot->bind < x->nvalues) {
        found = x->values[slot->bind];
        if (found != NULL && (slot->flags & ORM_BIND_CALLABLE)) {
            *value = PyObject_CallNoArgs(found);
            return *value == NULL ? -1 : 1;
        }
    }
    if (found != NULL) {
        *value = Py_NewRef(found);
        return 1;
    }
    if (slot->value != NULL) {
        *value = slot->flags & ORM_BIND_CALLABLE ? PyObject_CallNoArgs(slot->value)
                                                 : Py_NewRef(slot->value);
        return *value == NULL ? -1 : 1;
    }
    if (slot->dflt == NULL) {
        return 0;
    }
    *value = make_default(x, slot, set == NULL ? Py_None : set);
    if (*value == NULL || (set != NULL && PyDict_SetItem(set, slot->name, *value) < 0)) {
        Py_CLEAR(*value);
        return -1;
    }
    return 1;
}

/* The item of a list that a slot takes; a shorter list repeats its last one. Steals list. */
static PyObject *
item_of(const orm_slot *slot, PyObject *list)
{
    PyObject *items = PySequence_Fast(list, "IN needs a sequence of values");
    PyObject *item = NULL;
    Py_ssize_t n;

    Py_DECREF(list);
    if (items == NULL) {
        return NULL;
    }
    n = PySequence_Fast_GET_SIZE(items);
    if (n == 0) {
        item = Py_NewRef(Py_None); /* the text of an empty list compares with NULL */
    }
    else {
        Py_ssize_t at = slot->item < n ? slot->item : n - 1;

        item = Py_NewRef(PySequence_Fast_GET_ITEM(items, at));
        if (slot->part >= 0) {
            Py_SETREF(item, PySequence_GetItem(item, slot->part));
        }
    }
    Py_DECREF(items);
    return item;
}

/* ---- one set ---- */

/* What an error message says about where the value goes. */
static void
name_target(orm_bindctx *ctx, const orm_slot *slot)
{
    const ColumnObject *column = (const ColumnObject *)slot->column;

    ctx->stored = slot->stored;
    ctx->column = column == NULL ? slot->name : column->n.name;
    ctx->table = NULL;
    if (column != NULL && column->table != NULL) {
        /* borrow-ok: the table owns its name; NULL only without memory. */
        ctx->table = PyUnicode_AsUTF8(((TableObject *)column->table)->n.name);
        if (ctx->table == NULL) {
            PyErr_Clear();
        }
    }
}

static int
encode_slot(orm_exec *x, const orm_slot *slot, PyObject *set, orm_bindctx *ctx, orm_param *out)
{
    PyObject *value = NULL;
    int rc = find_value(x, slot, set, &value);

    if (rc <= 0) {
        return rc < 0 ? -1 : raise_missing(x, slot, ctx->row);
    }
    if (slot->item >= 0) {
        value = item_of(slot, value);
        if (value == NULL) {
            return -1;
        }
    }
    name_target(ctx, slot);
    rc = orm_type_encode(ctx, slot->type, value, out);
    Py_DECREF(value);
    return rc;
}

int
orm_bind_set(orm_exec *x, PyObject *set, int64_t row, orm_bindctx *ctx, orm_param *params)
{
    ctx->row = row;
    for (uint32_t i = 0; i < x->nslots; i++) {
        if (encode_slot(x, &x->slots[i], set, ctx, &params[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- what users see ---- */

static PyObject *
shown_set(orm_exec *x, PyObject *set)
{
    PyObject *tuple = PyTuple_New(x->nslots);

    for (uint32_t i = 0; tuple != NULL && i < x->nslots; i++) {
        const orm_slot *slot = &x->slots[i];
        PyObject *value = NULL;
        int rc = find_value(x, slot, set, &value);

        if (rc > 0 && slot->item >= 0) {
            value = item_of(slot, value);
            rc = value == NULL ? -1 : 1;
        }
        if (rc < 0) {
            Py_CLEAR(tuple);
        }
        else {
            PyTuple_SET_ITEM(tuple, i, rc == 0 ? Py_NewRef(Py_None) : value);
        }
    }
    return tuple;
}

PyObject *
orm_bind_shown(orm_exec *x)
{
    PyObject *list = NULL;

    if (x->params == NULL || PyDict_Check(x->params)) {
        return shown_set(x, x->params);
    }
    list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < PyList_GET_SIZE(x->params); i++) {
        PyObject *one = shown_set(x, PyList_GET_ITEM(x->params, i));

        if (one == NULL || PyList_Append(list, one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    return list;
}
