/*
 * unit/shape.c - shapes: which columns one statement writes, fetches and leaves stale.
 *
 * Place: save.c asks for the shape of a row's written columns; a plan keeps every shape it ever
 *   met, so that rows compare shapes by pointer and texts are made once.
 * What an INSERT fetches: the key where the database makes it, and, unless the mapper says
 *   eager_defaults=False, every mapped column whose value the statement does not write but the
 *   server makes. What an UPDATE fetches: with eager_defaults=True the same for its own server
 *   values; otherwise those become stale.
 */
#include "unit/unit_int.h"

#include <string.h>

void
orm_wshape_free(orm_wshape *s)
{
    for (uint32_t i = 0; i < s->ntexts; i++) {
        orm_wtext_free(s->texts[i]);
    }
    PyMem_Free(s->bits);
    PyMem_Free(s->set);
    PyMem_Free(s->fetch);
    PyMem_Free(s->expire);
    PyMem_Free(s->made);
    PyMem_Free(s->types);
    PyMem_Free(s->texts);
    PyMem_Free(s);
}

static bool
is_sql_default(const orm_wdefault *d)
{
    return d->kind == ORM_D_SQL || d->kind == ORM_D_SEQUENCE;
}

/* Columns of an INSERT that it does not write: does the server make a value, and is it wanted? */
static void
place_unwritten(const orm_wplan *p, orm_wshape *s, uint16_t i)
{
    const orm_wcol *c = &p->cols[i];
    bool key = (c->flags & ORM_W_PK) != 0;
    bool made = (c->flags & (ORM_W_AUTO | ORM_W_SERVER | ORM_W_COMPUTED)) != 0
                || is_sql_default(&c->insert);

    if (c->slot < 0 || !made) {
        return;
    }
    if (key || p->eager > 0) {
        s->fetch[s->nfetch++] = i;
    }
    else {
        s->expire[s->nexpire++] = i;
    }
}

/* Columns of an UPDATE that it does not write. */
static void
place_unchanged(const orm_wplan *p, orm_wshape *s, uint16_t i)
{
    const orm_wcol *c = &p->cols[i];
    bool server_version = (c->flags & ORM_W_VERSION) != 0 && p->generator == Py_False;

    if (c->slot < 0
        || !(c->flags & ORM_W_SERVER_UPD || is_sql_default(&c->update) || server_version)) {
        return;
    }
    if (p->eager == 2 || server_version) {
        s->fetch[s->nfetch++] = i;
    }
    else {
        s->expire[s->nexpire++] = i;
    }
}

static bool
is_callable(const orm_wdefault *d)
{
    return d->kind == ORM_D_CALL || d->kind == ORM_D_CONTEXT;
}

static int
fill_shape(const orm_wplan *p, orm_wshape *s, const uint64_t *bits)
{
    size_t n = (size_t)p->ncols + 1;

    s->bits = PyMem_Calloc(p->nwords, sizeof(uint64_t));
    s->set = PyMem_Calloc(n, sizeof(uint16_t));
    s->fetch = PyMem_Calloc(n, sizeof(uint16_t));
    s->expire = PyMem_Calloc(n, sizeof(uint16_t));
    s->made = PyMem_Calloc(n, sizeof(uint16_t));
    s->types = PyMem_Calloc(n + p->npk, sizeof(orm_type *));
    if (s->bits == NULL || s->set == NULL || s->fetch == NULL || s->expire == NULL
        || s->made == NULL || s->types == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    memcpy(s->bits, bits, p->nwords * sizeof(uint64_t));
    for (uint16_t i = 0; i < p->ncols; i++) {
        const orm_wcol *c = &p->cols[i];

        if (orm_bit_get(bits, i)) {
            s->set[s->nset++] = i;
            if (is_callable(s->op == ORM_OP_INSERT ? &c->insert : &c->update)) {
                s->made[s->nmade++] = i;
            }
        }
        else if (s->op == ORM_OP_INSERT) {
            place_unwritten(p, s, i);
        }
        else if (s->op == ORM_OP_UPDATE) {
            place_unchanged(p, s, i);
        }
    }
    for (uint32_t i = 0; i < s->nfetch; i++) {
        s->types[i] = p->cols[s->fetch[i]].type;
    }
    for (uint32_t k = 0; k < p->npk; k++) {
        s->types[s->nfetch + k] = p->cols[p->pk[k]].type;
    }
    for (uint32_t i = 0; i < s->nfetch; i++) {
        s->numbered = s->numbered || (int32_t)s->fetch[i] == p->numbered;
    }
    s->key_only = s->nfetch == 1 && (p->cols[s->fetch[0]].flags & ORM_W_AUTO) != 0;
    return 0;
}

orm_wshape *
orm_wshape_of(orm_wplan *p, uint8_t op, const uint64_t *bits)
{
    orm_wshape **shapes = NULL;
    orm_wshape *s = NULL;

    for (uint32_t i = 0; i < p->nshapes; i++) {
        if (p->shapes[i]->op == op
            && memcmp(p->shapes[i]->bits, bits, p->nwords * sizeof(uint64_t)) == 0) {
            return p->shapes[i];
        }
    }
    shapes = PyMem_Realloc(p->shapes, (p->nshapes + 1) * sizeof(*shapes));
    s = shapes == NULL ? NULL : PyMem_Calloc(1, sizeof(*s));
    if (shapes != NULL) {
        p->shapes = shapes;
    }
    if (s == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    s->op = op;
    if (fill_shape(p, s, bits) < 0) {
        orm_wshape_free(s);
        return NULL;
    }
    p->shapes[p->nshapes++] = s;
    return s;
}

uint32_t
orm_wshape_nparams(const orm_wplan *p, const orm_wshape *s)
{
    uint32_t where = s->op == ORM_OP_INSERT ? 0 : p->npk + (p->version >= 0 ? 1 : 0);

    return s->nset + where;
}
