/*
 * types/hook.c - types with Python around a value: TypeDecorator, bind and result
 *   processors of a class; and types that are another one on a dialect.
 *
 * A hook is asked for once per record and dialect object (`_bind_hook(dialect)`,
 * `_result_hook(dialect)`) and then called with (value, dialect). What a bind hook returns
 * is encoded by the impl type of a TypeDecorator; by its own Python type for a class that
 * brings its own processor, since only that class knows what the driver is to get.
 */
#include "types/types_int.h"

/* The hook of a direction for the context's dialect: 1 and *out (new), 0 none, -1. */
static int
hook_of(orm_state *st, orm_type *t, uint8_t dialect, PyObject *dialect_obj, int result,
        PyObject **out)
{
    PyObject **slot = result ? &t->py_result[dialect] : &t->py_bind[dialect];
    PyObject *name = result ? st->s_result_hook : st->s_bind_hook;
    PyObject *hook = NULL;

    *out = NULL;
    if (t->hook_dialect[dialect] != dialect_obj) {
        /* Another engine's dialect: its processors may differ (serializers, versions). */
        Py_CLEAR(t->py_bind[dialect]);
        Py_CLEAR(t->py_result[dialect]);
        Py_XSETREF(t->hook_dialect[dialect], Py_NewRef(dialect_obj));
    }
    if (*slot == NULL) {
        hook = PyObject_CallMethodOneArg(t->engine, name, dialect_obj);
        if (hook == NULL) {
            return -1;
        }
        Py_XSETREF(*slot, hook);
    }
    if (*slot == Py_None) {
        return 0;
    }
    *out = Py_NewRef(*slot);
    return 1;
}

static PyObject *
call_hook(PyObject *hook, PyObject *value, PyObject *dialect_obj)
{
    PyObject *args[2] = {value, dialect_obj};

    return PyObject_Vectorcall(hook, args, 2, NULL);
}

static int
encode_hook(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    PyObject *dialect_obj = c->dialect_obj == NULL ? Py_None : c->dialect_obj;
    PyObject *hook = NULL;
    PyObject *value = NULL;
    int rc = 0;

    if (t->flags & ORM_TF_PY_BIND) {
        rc = hook_of(c->st, t, c->dialect, dialect_obj, 0, &hook);
    }
    if (rc < 0) {
        return -1;
    }
    value = rc > 0 ? call_hook(hook, v, dialect_obj) : Py_NewRef(v);
    Py_XDECREF(hook);
    if (value == NULL) {
        return -1;
    }
    if (t->kind == ORM_T_DECORATOR) {
        rc = orm_type_encode(c, t->impl[c->dialect], value, out);
    }
    else if (rc == 0) {
        rc = orm_codec_of(t->kind, c->dialect)->encode(c, t, value, out);
    }
    else if (value == Py_None) {
        rc = param_null(out, c->dialect == ORM_PG ? t->oid : 0);
    }
    else if (c->dialect == ORM_LITE) {
        rc = orm_value_encode_lite(c, t, value, out);
    }
    else {
        rc = PyUnicode_Check(value) ? orm_text_encode(c, value, t->oid, out)
                                    : orm_value_encode_pg(c, t, value, out);
    }
    Py_DECREF(value);
    return rc;
}

static PyObject *
decode_inner(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    if (t->kind == ORM_T_DECORATOR) {
        orm_type *impl = t->impl[c->dialect];

        if (cell->kind == ORM_V_NULL && !(impl->flags & ORM_TF_NULL_AWARE)) {
            return Py_NewRef(Py_None);
        }
        return impl->codec[c->dialect]->decode(c, impl, cell);
    }
    if (cell->kind == ORM_V_NULL) {
        return Py_NewRef(Py_None);
    }
    return orm_codec_of(t->kind, c->dialect)->decode(c, t, cell);
}

static PyObject *
decode_hook(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    PyObject *dialect_obj = c->dialect_obj == NULL ? Py_None : c->dialect_obj;
    PyObject *hook = NULL;
    PyObject *value = decode_inner(c, t, cell);
    int rc = 0;

    if (value == NULL || !(t->flags & ORM_TF_PY_RESULT)) {
        return value;
    }
    rc = hook_of(c->st, t, c->dialect, dialect_obj, 1, &hook);
    if (rc < 0) {
        Py_DECREF(value);
        return NULL;
    }
    if (rc > 0) {
        Py_SETREF(value, call_hook(hook, value, dialect_obj));
        Py_DECREF(hook);
    }
    return value;
}

int
orm_hook_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return encode_hook(c, t, v, out);
}

int
orm_hook_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return encode_hook(c, t, v, out);
}

PyObject *
orm_hook_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return decode_hook(c, t, cell);
}

PyObject *
orm_hook_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return decode_hook(c, t, cell);
}

/* --- variants -------------------------------------------------------------------------- */

static PyObject *
decode_variant(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    orm_type *impl = t->impl[c->dialect];

    if (cell->kind == ORM_V_NULL && !(impl->flags & ORM_TF_NULL_AWARE)) {
        return Py_NewRef(Py_None);
    }
    return impl->codec[c->dialect]->decode(c, impl, cell);
}

int
orm_variant_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_type_encode(c, t->impl[c->dialect], v, out);
}

int
orm_variant_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    return orm_type_encode(c, t->impl[c->dialect], v, out);
}

PyObject *
orm_variant_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return decode_variant(c, t, cell);
}

PyObject *
orm_variant_decode_lite(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    return decode_variant(c, t, cell);
}
