/*
 * unit/write_pg.c - PostgreSQL: one statement for a whole batch, one array per column.
 *
 * INSERT ... SELECT ... FROM unnest($1, $2) WITH ORDINALITY ORDER BY its number: nextval() is
 *   evaluated in that order, which PostgreSQL promises; the order of RETURNING it does not. So
 *   the returned rows are sorted by the numbered key in the sequence's direction and given to
 *   the rows in order, after a check that there are as many and all differ.
 * UPDATE ... FROM unnest, DELETE ... = ANY: the total of rows is compared with the number of
 *   keys; keys of one batch differ, so an equal total means that each row was met once.
 * Arrays are written in wire form from the encoded values (src/backend/utils/adt/arrayfuncs.c,
 *   array_recv): an element has the same bytes as a parameter of its type in binary format.
 */
#include "unit/unit_int.h"

#include <string.h>

#include "base/wire.h"

#include <stdlib.h>

/* Types whose text is also their binary form. */
static bool
text_is_binary(uint32_t oid)
{
    return oid == 25 || oid == 1043 || oid == 1042 || oid == 114 || oid == 19;
}

enum { OID_JSONB = 3802 };

int64_t
orm_pg_element_size(const orm_param *p, uint32_t oid)
{
    if (p->kind == ORM_V_NULL) {
        return 4;
    }
    if (p->oid != oid || (p->format == 0 && !text_is_binary(oid) && oid != OID_JSONB)) {
        return -1;
    }
    return 4 + (int64_t)p->len + (p->format == 0 && oid == OID_JSONB ? 1 : 0);
}

char *
orm_pg_element_put(char *at, const orm_param *p, uint32_t oid)
{
    bool version = p->kind != ORM_V_NULL && p->format == 0 && oid == OID_JSONB;

    if (p->kind == ORM_V_NULL) {
        orm_store32(at, UINT32_MAX);
        return at + 4;
    }
    orm_store32(at, (uint32_t)p->len + (version ? 1 : 0));
    at += 4;
    if (version) {
        *at++ = 1; /* jsonb_recv's version of the format, then JSON text */
    }
    if (p->len > 0) {
        memcpy(at, p->u.p, (size_t)p->len);
    }
    return at + p->len;
}

/* Column k of the encoded rows as one array parameter. 1 ok, 0 not possible, -1. */
static int
make_array(orm_step *s, const orm_param *params, uint32_t n, uint32_t k, const orm_type *type,
           orm_param *out)
{
    const orm_type *impl = type->impl[ORM_PG] != NULL ? type->impl[ORM_PG] : type;
    uint32_t oid = impl->oid;
    int64_t size = 20;
    bool nulls = false;
    char *bytes = NULL;
    char *at = NULL;

    if (oid == 0 || impl->array_oid == 0 || impl->kind == ORM_T_ARRAY) {
        return 0;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        int64_t one = orm_pg_element_size(&params[(size_t)i * n + k], oid);

        if (one < 0) {
            return 0;
        }
        nulls = nulls || params[(size_t)i * n + k].kind == ORM_V_NULL;
        size += one;
    }
    bytes = size > INT32_MAX ? NULL : orm_arena_alloc(&s->w->batch, (size_t)size);
    if (bytes == NULL) {
        return size > INT32_MAX ? 0 : (PyErr_NoMemory(), -1);
    }
    orm_store32(bytes, 1); /* dimensions */
    orm_store32(bytes + 4, nulls ? 1 : 0);
    orm_store32(bytes + 8, oid);
    orm_store32(bytes + 12, s->count);
    orm_store32(bytes + 16, 1); /* lower bound */
    at = bytes + 20;
    for (uint32_t i = 0; i < s->count; i++) {
        at = orm_pg_element_put(at, &params[(size_t)i * n + k], oid);
    }
    assert(at == bytes + size);
    *out = (orm_param){.kind = ORM_V_BLOB, .format = 1, .oid = impl->array_oid,
                       .len = (int32_t)size, .u.p = bytes};
    return 1;
}

static const orm_type *
param_type(const orm_step *s, uint32_t k)
{
    uint32_t nset = s->shape->nset;
    uint32_t column = k < nset                   ? s->shape->set[k]
                      : k - nset < s->plan->npk ? s->plan->pk[k - nset]
                                                : (uint32_t)s->plan->version;

    return s->plan->cols[column].type;
}

/* Arrays of all columns: 1 and *out, 0 not possible, -1. */
static int
make_arrays(orm_step *s, const orm_param *params, uint32_t n, orm_param **out)
{
    orm_param *arrays = orm_arena_array(&s->w->batch, n, sizeof(orm_param));
    int rc = 1;

    if (arrays == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t k = 0; rc == 1 && k < n; k++) {
        rc = make_array(s, params, n, k, param_type(s, k), &arrays[k]);
    }
    *out = arrays;
    return rc;
}

/* --- keys by order ------------------------------------------------------------------------------- */

/* One returned row and the number it is sorted by. */
typedef struct returned {
    int64_t key;
    PyObject **values; /* nfetch new references, in the batch arena */
} returned;

static int
compare_up(const void *a, const void *b)
{
    int64_t x = ((const returned *)a)->key;
    int64_t y = ((const returned *)b)->key;

    return x < y ? -1 : x > y;
}

static int
compare_down(const void *a, const void *b)
{
    return compare_up(b, a);
}

/* Decode one row; what was decoded is in r->values also on failure. 0 / -1. */
static int
take_row(orm_step *s, orm_result *rows, const orm_cell *cells, uint32_t key_at, returned *r)
{
    uint32_t n = s->shape->nfetch;

    for (uint32_t k = 0; k < n; k++) {
        r->values[k] = orm_result_decode(rows, k, &cells[k]);
        if (r->values[k] == NULL) {
            return -1;
        }
    }
    r->key = PyLong_AsLongLong(r->values[key_at]);
    return r->key == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Read all rows into `list`. *n: how many came. 0 / -1. */
static int
read_returned(orm_step *s, orm_result *rows, uint32_t key_at, returned *list, uint32_t *n)
{
    const orm_cell *cells = NULL;
    int more = orm_result_next(rows, &cells);

    while (more > 0 && *n < s->count) {
        returned *r = &list[*n];

        r->values = orm_arena_array(&s->w->batch, s->shape->nfetch, sizeof(PyObject *));
        if (r->values == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        memset(r->values, 0, s->shape->nfetch * sizeof(PyObject *));
        *n += 1;
        if (take_row(s, rows, cells, key_at, r) < 0) {
            return -1;
        }
        more = orm_result_next(rows, &cells);
    }
    return more < 0 ? -1 : 0;
}

/* Give the returned rows to the rows of the batch, in the order of their numbers. 0 / -1. */
static int
assign(orm_step *s, returned *list, uint32_t n)
{
    uint32_t nfetch = s->shape->nfetch;

    qsort(list, n, sizeof(*list), s->plan->descending ? compare_down : compare_up);
    for (uint32_t i = 0; i < n; i++) {
        if (n != s->count || (i > 0 && list[i].key == list[i - 1].key)) {
            return orm_raise_exc(s->w->st, ORM_EXC_InvalidRequestError,
                                 "INSERT into table %R of %u rows returned %u keys%s: a trigger "
                                 "or a rule changes what is stored",
                                 s->plan->name, s->count, n, n == s->count ? ", not all new" : "");
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        memcpy(s->fetched + (size_t)(s->from + i) * nfetch, list[i].values,
               nfetch * sizeof(PyObject *));
        memset(list[i].values, 0, nfetch * sizeof(PyObject *));
    }
    return 0;
}

static int
take_in_order(orm_step *s, orm_result *rows)
{
    returned *list = orm_arena_array(&s->w->batch, s->count, sizeof(*list));
    uint32_t key_at = 0;
    uint32_t n = 0;
    int rc;

    if (list == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while ((int32_t)s->shape->fetch[key_at] != s->plan->numbered) {
        key_at++;
    }
    rc = read_returned(s, rows, key_at, list, &n);
    if (rc == 0 && n == 0) {
        list[0].values = NULL;
    }
    rc = rc < 0 ? -1 : assign(s, list, n);
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < s->shape->nfetch; k++) {
            Py_XDECREF(list[i].values[k]);
        }
    }
    return rc;
}

/* --- keys by value ------------------------------------------------------------------------------- */

/* One value, or a tuple of the values: a key as an object. Consumes the references. */
static PyObject *
key_object(PyObject **values, uint32_t n)
{
    PyObject *key = n == 1 ? values[0] : PyTuple_New(n);

    for (uint32_t k = 0; n > 1 && k < n; k++) {
        if (key == NULL) {
            Py_DECREF(values[k]);
        }
        else {
            PyTuple_SET_ITEM(key, k, values[k]);
        }
    }
    return key;
}

/* The key that row i of the step is written with. */
static PyObject *
written_key(orm_step *s, uint32_t i)
{
    uint32_t n = s->plan->npk;
    PyObject **values = orm_arena_array(&s->w->batch, n, sizeof(PyObject *));

    for (uint32_t k = 0; values != NULL && k < n; k++) {
        uint32_t at = 0;
        bool null = false;

        while (s->shape->set[at] != s->plan->pk[k]) {
            at++;
        }
        values[k] = orm_written_value(s, i, at, &null);
        if (values[k] == NULL) {
            while (k > 0) {
                Py_DECREF(values[--k]);
            }
            return NULL;
        }
    }
    return values == NULL ? PyErr_NoMemory() : key_object(values, n);
}

/* dict: key of each row of the batch -> its number in the step. NULL: exception. */
static PyObject *
index_keys(orm_step *s)
{
    PyObject *dict = PyDict_New();

    for (uint32_t i = 0; dict != NULL && i < s->count; i++) {
        PyObject *key = written_key(s, s->from + i);
        PyObject *number = key == NULL ? NULL : PyLong_FromUnsignedLong(s->from + i);

        if (number == NULL || PyDict_SetItem(dict, key, number) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(number);
        Py_XDECREF(key);
    }
    return dict;
}

/* The step's row that a returned row belongs to; -1 exception. */
static int64_t
row_of(orm_step *s, orm_result *rows, const orm_cell *cells, PyObject *index)
{
    uint32_t n = s->plan->npk;
    PyObject **values = orm_arena_array(&s->w->batch, n, sizeof(PyObject *));
    PyObject *key = NULL;
    PyObject *found = NULL;
    int64_t row = -1;

    for (uint32_t k = 0; values != NULL && k < n; k++) {
        values[k] = orm_result_decode(rows, s->shape->nfetch + k, &cells[s->shape->nfetch + k]);
        if (values[k] == NULL) {
            while (k > 0) {
                Py_DECREF(values[--k]);
            }
            return -1;
        }
    }
    key = values == NULL ? PyErr_NoMemory() : key_object(values, n);
    found = key == NULL ? NULL : PyDict_GetItemWithError(index, key); /* borrow-ok: used at once */
    if (found != NULL) {
        row = PyLong_AsLongLong(found);
    }
    else if (!PyErr_Occurred()) {
        orm_raise_exc(s->w->st, ORM_EXC_InvalidRequestError,
                      "INSERT into table %R stored the key %R, which no instance was given: a "
                      "trigger or a rule changes what is stored",
                      s->plan->name, key);
    }
    Py_XDECREF(key);
    return row;
}

static int
take_by_key(orm_step *s, orm_result *rows)
{
    PyObject *index = index_keys(s);
    const orm_cell *cells = NULL;
    uint32_t n = s->shape->nfetch;
    int more = index == NULL ? -1 : orm_result_next(rows, &cells);

    while (more > 0) {
        int64_t row = row_of(s, rows, cells, index);

        for (uint32_t k = 0; row >= 0 && k < n; k++) {
            PyObject *v = orm_result_decode(rows, k, &cells[k]);

            if (v == NULL) {
                row = -1;
            }
            else {
                Py_XSETREF(s->fetched[(size_t)row * n + k], v);
            }
        }
        more = row < 0 ? -1 : orm_result_next(rows, &cells);
    }
    Py_XDECREF(index);
    return more;
}

/* --- the statement --------------------------------------------------------------------------------- */

int
orm_write_unnest(orm_step *s)
{
    uint32_t n = orm_wshape_nparams(s->plan, s->shape);
    orm_param *params = orm_encode_batch(s);
    orm_param *arrays = NULL;
    bool returning = s->shape->op == ORM_OP_INSERT && s->shape->nfetch > 0;
    const orm_wtext *t = NULL;
    orm_result *rows = NULL;
    int64_t matched = 0;
    orm_many many = {.nsets = 1, .nparams = n, .counts = &matched};
    int rc = params == NULL ? -1 : make_arrays(s, params, n, &arrays);

    if (rc <= 0) {
        return rc == 0 ? 1 : -1;
    }
    t = orm_wtext_of(s->plan, s->shape, ORM_PG, ORM_WAY_UNNEST, returning, 1, s->base->schema);
    if (t == NULL) {
        return -1;
    }
    many.params = arrays;
    rc = orm_run_text(s, t, &many, returning ? &rows : NULL);
    s->failed = s->count > 1 ? -1 : s->failed;
    if (rc == 0 && returning) {
        rc = s->shape->numbered ? take_in_order(s, rows) : take_by_key(s, rows);
    }
    orm_result_free(rows);
    if (rc == 0 && s->shape->op != ORM_OP_INSERT) {
        s->matched += matched;
    }
    ORM_COUNT_BY(unit_unnest, rc == 0 ? s->count : 0);
    return rc;
}
