/*
 * unit/writeback.c - what a step's statements gave, into its instances; identities at the end.
 *
 * After a step: values of client defaults, versions, keys and server values that came back are
 *   stored as loaded; what the server changed unseen is marked stale. So a listener, and the
 *   rows that are written next, see complete instances.
 * After a failure: pending instances lose what was given to them (it was absent or None before,
 *   else the statement would have written it). Persistent ones are the session's: its rollback
 *   expires them.
 */
#include "unit/unit_int.h"

#include <string.h>

int
orm_note_given(orm_work *w, orm_urow *r, uint32_t column)
{
    uint32_t nwords = r->plan->nwords;
    PyObject *before = NULL;

    if (r->op != ORM_OP_INSERT) {
        return 0;
    }
    if (r->given == NULL) {
        r->given = orm_arena_array(&w->arena, (size_t)nwords * 2, sizeof(uint64_t));
        if (r->given == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memset(r->given, 0, nwords * 2 * sizeof(uint64_t));
    }
    orm_bit_set(r->given, column);
    before = orm_row_value(r, &r->plan->cols[column]);
    if (before != NULL) {
        orm_bit_set(r->given + nwords, column);
        Py_DECREF(before);
    }
    return 0;
}

/* The attribute of a column is among those that listeners of refresh_flush are told of. 0 / -1. */
static int
note_name(orm_step *s, PyObject *names, uint32_t column)
{
    const orm_wcol *c = &s->plan->cols[column];

    return names == NULL || c->slot < 0
               ? 0
               : PyList_Append(names, s->plan->mapper->attrs[c->slot]->n.key);
}

/* Store one value. names: a list that gets its attribute's name, or NULL. Consumes v. 0 / -1. */
static int
give_steal(orm_step *s, orm_urow *r, uint32_t column, PyObject *v, PyObject *names)
{
    const orm_wcol *c = &r->plan->cols[column];

    if (c->slot < 0 || note_name(s, names, column) < 0 || orm_note_given(s->w, r, column) < 0) {
        Py_DECREF(v);
        return c->slot < 0 ? 0 : -1;
    }
    return orm_val_load_steal(r->h, (uint32_t)c->slot, v);
}

/* Values of client defaults that are no callables. 0 / -1. */
static int
give_scalars(orm_step *s, uint32_t i, PyObject *names)
{
    orm_urow *r = s->rows[i];

    for (uint32_t k = 0; k < s->shape->nset; k++) {
        uint32_t column = s->shape->set[k];
        orm_wcol *c = &s->plan->cols[column];
        const orm_wdefault *d = s->shape->op == ORM_OP_INSERT ? &c->insert : &c->update;
        PyObject *v = NULL;
        int used;

        if (d->kind != ORM_D_SCALAR) {
            continue;
        }
        if (s->shape->op == ORM_OP_INSERT) {
            v = orm_row_value(r, c);
            used = orm_is_absent(c, v);
        }
        else {
            used = orm_net_change(r, c, &v) == 0;
        }
        Py_XDECREF(v);
        if (PyErr_Occurred() || (used && give_steal(s, r, column, Py_NewRef(d->value), names) < 0)) {
            return -1;
        }
    }
    return 0;
}

static int
give_row(orm_step *s, uint32_t i, bool scalars, PyObject *names)
{
    orm_urow *r = s->rows[i];
    orm_wshape *shape = s->shape;

    if (scalars && give_scalars(s, i, names) < 0) {
        return -1;
    }
    for (uint32_t k = 0; k < shape->nmade; k++) {
        PyObject **v = &s->made[(size_t)i * shape->nmade + k];

        if (*v != NULL && give_steal(s, r, shape->made[k], Py_NewRef(*v), names) < 0) {
            return -1;
        }
    }
    if (r->version != NULL
        && give_steal(s, r, (uint32_t)s->plan->version, Py_NewRef(r->version), names) < 0) {
        return -1;
    }
    for (uint32_t k = 0; k < shape->nfetch; k++) {
        PyObject **v = &s->fetched[(size_t)i * shape->nfetch + k];
        PyObject *value = *v;

        *v = NULL;
        bool key = s->plan->cols[shape->fetch[k]].flags & ORM_W_PK; /* not told of */

        if (value != NULL && give_steal(s, r, shape->fetch[k], value, key ? NULL : names) < 0) {
            return -1;
        }
    }
    for (uint32_t k = 0; k < shape->nexpire; k++) {
        uint32_t slot = (uint32_t)s->plan->cols[shape->expire[k]].slot;

        if (orm_note_given(s->w, r, shape->expire[k]) < 0
            || orm_val_expire(r->h, slot, ORM_TAG_EXPIRED) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Give a row its values, then tell listeners of refresh_flush which it got. 0 / -1. */
static int
give_row_and_tell(orm_step *s, uint32_t i, bool scalars)
{
    orm_flush *f = s->w->f;
    PyObject *names = PyList_New(0);
    PyObject *args[3] = {s->rows[i]->obj, NULL, names};
    int rc = names == NULL ? -1 : give_row(s, i, scalars, names);

    if (rc == 0 && PyList_GET_SIZE(names) > 0) {
        args[1] = f->context(f->arg);
        rc = args[1] == NULL ? -1
                             : orm_dispatch_fire(s->rows[i]->h->mapper->events,
                                                 ORM_IEV_REFRESH_FLUSH, args, 3);
    }
    Py_XDECREF(names);
    return rc;
}

int
orm_write_back(orm_step *s)
{
    bool scalars = false;

    for (uint32_t k = 0; k < s->shape->nset; k++) {
        orm_wcol *c = &s->plan->cols[s->shape->set[k]];

        scalars = scalars
                  || (s->shape->op == ORM_OP_INSERT ? c->insert.kind : c->update.kind)
                         == ORM_D_SCALAR;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        bool told = orm_instance_hears(s->rows[i]->h->mapper, ORM_IEV_REFRESH_FLUSH);

        if ((told ? give_row_and_tell(s, i, scalars) : give_row(s, i, scalars, NULL)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- failure ------------------------------------------------------------------------------------- */

/* SQL expressions that a row held before it was written. */
static void
restore_expressions(orm_urow *r)
{
    PyObject *key = NULL;
    PyObject *v = NULL;
    Py_ssize_t at = 0;

    while (r->saved != NULL && PyDict_Next(r->saved, &at, &key, &v)) {
        uint32_t i = (uint32_t)PyLong_AsUnsignedLong(key);

        if (orm_val_load_steal(r->h, (uint32_t)r->plan->cols[i].slot, Py_NewRef(v)) < 0) {
            PyErr_Clear();
        }
    }
}

/* Keys that were copied into instances without a row in the database, the last one first. */
static void
take_back_keys(orm_work *w)
{
    for (uint32_t i = w->nundo; i-- > 0;) {
        orm_undo *u = &w->undo[i];
        int rc = u->value != NULL ? orm_val_load_steal(u->h, u->slot, Py_NewRef(u->value))
                                  : orm_val_expire(u->h, u->slot, u->tag);

        if (rc == 0 && u->dirty) {
            rc = orm_val_restore_old(u->h, u->slot, Py_XNewRef(u->old));
        }
        if (rc < 0) {
            PyErr_Clear(); /* the first error is the one to tell */
        }
    }
}

/* What one row in one table was given. */
static void
take_back_row(orm_urow *r)
{
    if (r->flags & ORM_R_WRITTEN) {
        restore_expressions(r);
    }
    for (uint32_t k = 0; r->given != NULL && k < r->plan->ncols; k++) {
        uint32_t slot = (uint32_t)r->plan->cols[k].slot;
        int rc = 0;

        if (!orm_bit_get(r->given, k)) {
            continue;
        }
        rc = orm_bit_get(r->given + r->plan->nwords, k)
                 ? orm_val_load_steal(r->h, slot, Py_NewRef(Py_None))
                 : orm_val_expire(r->h, slot, ORM_TAG_ABSENT);
        if (rc < 0) {
            PyErr_Clear(); /* the first error is the one to tell */
        }
    }
}

void
orm_take_back(orm_work *w)
{
    PyObject *live = PyErr_GetRaisedException();

    for (uint32_t i = 0; i < w->nrows; i++) {
        orm_urow *r = w->rows[i];

        for (uint32_t k = 0; r->parts != NULL && k < r->plan->nmore; k++) {
            take_back_row(&r->parts[k]);
        }
        take_back_row(r);
    }
    take_back_keys(w);
    PyErr_SetRaisedException(live);
}

/* --- identities ------------------------------------------------------------------------------- */

static int
raise_null_identity(orm_work *w, orm_head *h)
{
    PyObject *cls = orm_import_once(&w->st->flush_error, "pyorm.orm.exc", "FlushError");
    PyObject *who = cls == NULL ? NULL : orm_head_describe(h);

    if (who != NULL) {
        PyErr_Format(cls,
                     "Instance %U has a NULL identity key.  If this is an auto-generated value, "
                     "check that the database table allows generation of new primary key values, "
                     "and that the mapped Column object is configured to expect these generated "
                     "values.  Ensure also that this flush() is not occurring at an inappropriate "
                     "time, such as within a load() event.",
                     who);
    }
    Py_XDECREF(who);
    return -1;
}

/* The key that the instance's values make now. 0 / -1. */
static int
key_of_values(orm_work *w, orm_urow *r, orm_key *k)
{
    orm_wplan *p = r->plan;
    PyObject *inl[4] = {0};
    PyObject **values = inl;
    uint32_t n = 0;
    int rc = 0;

    if (p->npk > 4) {
        values = PyMem_Calloc(p->npk, sizeof(PyObject *));
        if (values == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    for (; rc == 0 && n < p->npk; n++) {
        values[n] = orm_row_value(r, &p->cols[p->pk[n]]);
        if (values[n] == NULL || values[n] == Py_None) {
            Py_CLEAR(values[n]);
            rc = -1;
            break;
        }
    }
    rc = rc < 0 ? raise_null_identity(w, r->h) : orm_key_init(k, p->mapper, values, NULL);
    for (uint32_t i = 0; i < n; i++) {
        Py_DECREF(values[i]);
    }
    if (values != inl) {
        PyMem_Free(values);
    }
    return rc;
}

static int
give_identity(orm_work *w, orm_urow *r)
{
    orm_flush *f = w->f;
    orm_key k;
    int rc;

    if (key_of_values(w, r, &k) < 0) {
        return -1;
    }
    rc = r->switched != NULL && f->switched != NULL ? f->switched(f->arg, r->h, r->switched) : 0;
    if (rc == 0 && f->identity != NULL) {
        rc = f->identity(f->arg, r->h, &k);
    }
    else if (rc == 0 && !(r->h->flags & ORM_H_IN_MAP)) {
        rc = orm_head_set_identity(r->h, &k);
    }
    orm_key_fini(&k);
    return rc;
}

int
orm_give_identities(orm_work *w)
{
    for (uint32_t i = 0; i < w->nrows; i++) {
        orm_urow *r = w->rows[i];
        bool pending = r->op == ORM_OP_INSERT || r->switched != NULL;

        if ((pending || r->flags & ORM_R_REKEYED) && give_identity(w, r) < 0) {
            return -1;
        }
    }
    return 0;
}
