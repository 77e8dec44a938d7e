/*
 * unit/values.c - from an instance's values to encoded parameters.
 *
 * Place: write_*.c ask for a batch of a step, encoded once by the columns' codecs into the
 *   batch arena: the written columns of each row, then key and version of its WHERE.
 * Values are not remembered between deciding what is written and encoding it: only listeners
 *   and defaults run in between, and what they change is what the user wants written.
 */
#include "unit/unit_int.h"

#define BATCH_BYTES (4u * 1024 * 1024) /* encoded values of one batch, about */

int
orm_is_expression(orm_state *st, orm_wcol *c, PyObject *v)
{
    PyTypeObject *type = Py_TYPE(v);
    PyObject *method = NULL;
    int found;

    if (type == c->plain || PyLong_CheckExact(v) || PyUnicode_CheckExact(v) || v == Py_None) {
        return 0;
    }
    if (PyObject_TypeCheck(v, st->ClauseElement)) {
        return 1;
    }
    found = PyObject_GetOptionalAttrString((PyObject *)type, "__clause_element__", &method);
    Py_XDECREF(method);
    if (found == 0) {
        Py_XSETREF(c->plain, (PyTypeObject *)Py_NewRef(type));
    }
    return found;
}

/* --- what is written --------------------------------------------------------------------------- */

/* The value of a client default for row i, new reference. made[] has those of callables. */
static PyObject *
default_value(const orm_step *s, uint32_t i, uint32_t column, const orm_wdefault *d)
{
    if (d->kind == ORM_D_SCALAR) {
        return Py_NewRef(d->value);
    }
    for (uint32_t k = 0; k < s->shape->nmade; k++) {
        if (s->shape->made[k] == column) {
            return Py_XNewRef(s->made[(size_t)i * s->shape->nmade + k]);
        }
    }
    return NULL;
}

/* Of an INSERT: the instance's value, else the default, else NULL. */
static PyObject *
inserted_value(orm_step *s, uint32_t i, uint32_t column, bool *null)
{
    orm_wcol *c = &s->plan->cols[column];
    PyObject *v = orm_row_value(s->rows[i], c);

    if (!orm_is_absent(c, v)) {
        return v;
    }
    if (c->insert.kind >= ORM_D_SCALAR && c->insert.kind <= ORM_D_CONTEXT) {
        Py_XDECREF(v);
        return default_value(s, i, column, &c->insert);
    }
    if (v == NULL) {
        v = Py_NewRef(Py_None);
        *null = (c->flags & ORM_W_NONE) != 0;
    }
    return v;
}

/* Of an UPDATE: the changed value, else the onupdate default. NULL: exception. */
static PyObject *
updated_value(orm_step *s, uint32_t i, uint32_t column, bool *null)
{
    orm_wcol *c = &s->plan->cols[column];
    PyObject *v = NULL;
    int changed = 1;

    if (c->update.kind >= ORM_D_SCALAR && c->update.kind <= ORM_D_CONTEXT) {
        changed = orm_net_change(s->rows[i], c, &v);
    }
    else {
        v = orm_row_value(s->rows[i], c);
    }
    if (changed < 0) {
        return NULL;
    }
    if (changed == 0) {
        return default_value(s, i, column, &c->update);
    }
    if (v == NULL) { /* deleted: `del obj.x` */
        v = Py_NewRef(Py_None);
        *null = true;
    }
    return v;
}

PyObject *
orm_written_value(orm_step *s, uint32_t i, uint32_t k, bool *null)
{
    uint32_t column = s->shape->set[k];

    *null = false;
    if ((int32_t)column == s->plan->version && s->rows[i]->version != NULL) {
        return Py_NewRef(s->rows[i]->version);
    }
    return s->shape->op == ORM_OP_INSERT ? inserted_value(s, i, column, null)
                                         : updated_value(s, i, column, null);
}

/* --- what identifies ------------------------------------------------------------------------------ */

/* The version that the row has in the database as far as the instance knows. */
static PyObject *
old_version(const orm_urow *r, const orm_wcol *c)
{
    orm_head *h = r->switched != NULL ? r->switched : r->h;
    uint32_t slot = (uint32_t)c->slot;
    PyObject *v = NULL;
    int none = 0;

    if (orm_val_is_dirty(h, slot)) {
        v = orm_val_old(h, slot); /* borrow-ok: owned at once */
        if (v != NULL) {
            return Py_NewRef(v);
        }
    }
    v = orm_val_read(h, slot, ORM_PASSIVE_OFF, &none); /* expired: it has to be loaded */
    return v;
}

/* The row lies in the database under the key that the instance's values make, and not under its
 * identity: inserted or rekeyed by this flush, or by the database along a foreign key. */
static bool
has_new_key(const orm_urow *r)
{
    const uint8_t rekeyed = ORM_R_REKEYED | ORM_R_WRITTEN;

    return r->flags & ORM_R_CASCADED || (r->flags & rekeyed) == rekeyed
           || (r->op == ORM_OP_INSERT && r->flags & ORM_R_WRITTEN);
}

PyObject *
orm_where_value(orm_step *s, uint32_t i, uint32_t k)
{
    const orm_urow *r = s->rows[i];
    const orm_head *h = r->switched != NULL ? r->switched : r->h;

    if (r->values != NULL) {
        return Py_NewRef(r->values[s->plan->ncols + k]);
    }
    if (k == s->plan->npk) {
        const orm_wcol *c = &s->plan->cols[s->plan->version];
        PyObject *v = old_version(r, c);

        if (v != NULL && c->flags & ORM_W_SYSTEM) {
            Py_SETREF(v, PyObject_Str(v)); /* it is compared as text */
        }
        return v;
    }
    if (has_new_key(r)) {
        return orm_row_value(r, &s->plan->cols[s->plan->pk[k]]);
    }
    if (h->flags & ORM_H_KEY_INT) {
        return PyLong_FromLongLong(h->ident.i);
    }
    return Py_NewRef(h->flags & ORM_H_KEY_MANY ? PyTuple_GET_ITEM(h->ident.obj, k)
                                               : h->ident.obj);
}

static uint32_t
where_column(const orm_wplan *p, uint32_t k)
{
    return k < p->npk ? p->pk[k] : (uint32_t)p->version;
}

/* --- encoding -------------------------------------------------------------------------------------- */

/* One value of one column. 0 / -1. Consumes v. */
static int
encode_steal(orm_bindctx *ctx, orm_wcol *c, PyObject *v, bool null, orm_param *out)
{
    int rc = 0;

    if (v == NULL) {
        if (PyErr_Occurred()) {
            return -1;
        }
        v = Py_NewRef(Py_None); /* a later default took back the value that made this one idle */
    }
    ctx->column = c->name;
    if (null) {
        *out = (orm_param){.kind = ORM_V_NULL};
    }
    else {
        rc = orm_type_encode(ctx, c->type, v, out);
    }
    if (rc == 0 && out->kind == ORM_V_NULL && ctx->dialect == ORM_PG) {
        out->oid = orm_type_oid(c->type); /* the first row's types are everybody's */
    }
    Py_DECREF(v);
    return rc;
}

static int
encode_row(orm_step *s, orm_bindctx *ctx, uint32_t i, orm_param *out)
{
    uint32_t nset = s->shape->nset;
    uint32_t n = orm_wshape_nparams(s->plan, s->shape);

    for (uint32_t k = 0; k < n; k++) {
        uint32_t column = k < nset ? s->shape->set[k] : where_column(s->plan, k - nset);
        bool null = false;
        PyObject *v = k < nset ? orm_written_value(s, i, k, &null)
                               : orm_where_value(s, i, k - nset);

        if (encode_steal(ctx, &s->plan->cols[column], v, null, &out[k]) < 0) {
            return -1;
        }
    }
    return 0;
}

orm_param *
orm_encode_batch(orm_step *s)
{
    uint32_t n = orm_wshape_nparams(s->plan, s->shape);
    orm_param *params = orm_arena_array(&s->w->batch, (size_t)s->count * n + 1, sizeof(orm_param));
    orm_bindctx ctx;

    if (params == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    orm_connection_bindctx(s->base->conn, &s->w->batch, &ctx);
    ctx.table = s->plan->name_utf8;
    for (uint32_t i = 0; i < s->count; i++) {
        ctx.row = s->n > 1 ? (int64_t)s->from + i : -1;
        if (encode_row(s, &ctx, s->from + i, params + (size_t)i * n) < 0) {
            s->failed = i;
            return NULL;
        }
        if (s->w->batch.held > BATCH_BYTES) {
            s->count = i + 1; /* what does not fit is the next batch's */
        }
    }
    return params;
}

/* --- what users see -------------------------------------------------------------------------------- */

static PyObject *
describe_row(orm_step *s, uint32_t i)
{
    uint32_t n = orm_wshape_nparams(s->plan, s->shape);
    PyObject *tuple = PyTuple_New(n);

    for (uint32_t k = 0; tuple != NULL && k < n; k++) {
        bool null = false;
        PyObject *v = k < s->shape->nset ? orm_written_value(s, i, k, &null)
                                         : orm_where_value(s, i, k - s->shape->nset);

        if (v == NULL) {
            Py_CLEAR(tuple);
        }
        else {
            PyTuple_SET_ITEM(tuple, k, v);
        }
    }
    return tuple;
}

PyObject *
orm_describe_set(void *step, int64_t set)
{
    orm_step *s = step;
    PyObject *list = NULL;

    if (set >= 0 || s->count == 1) {
        return describe_row(s, s->from + (set >= 0 ? (uint32_t)set : 0));
    }
    list = PyList_New(s->count);
    for (uint32_t i = 0; list != NULL && i < s->count; i++) {
        PyObject *row = describe_row(s, s->from + i);

        if (row == NULL) {
            Py_CLEAR(list);
        }
        else {
            PyList_SET_ITEM(list, i, row);
        }
    }
    return list;
}
