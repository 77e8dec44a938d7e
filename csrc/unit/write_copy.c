/*
 * unit/write_copy.c - PostgreSQL: many rows by binary COPY, with keys taken from the sequence.
 *
 * Chosen only where the catalogue proved that COPY does what INSERT would do (catalog.c) and
 *   nobody listens. COPY gives nothing back, so the keys are taken before, by nextval() for each
 *   row: another session may take numbers in between, therefore they are read, never computed.
 * Format: PostgreSQL's documentation of COPY, "Binary Format": a signature, per row the number
 *   of fields and each with its length, at the end -1.
 */
#include "unit/unit_int.h"

#include "base/wire.h"

#include <string.h>

static const char SIGNATURE[11] = "PGCOPY\n\377\r\n"; /* with its NUL */

/* --- keys ----------------------------------------------------------------------------------------- */

static const char TAKE_KEYS[] =
    "SELECT array_agg(nextval($1::pg_catalog.regclass)) FROM pg_catalog.generate_series(1, $2)";

/* The elements of an int8[] as numbers. 0 / -1. */
static int
read_keys(orm_step *s, const orm_cell *cell, int64_t *keys)
{
    orm_wire w = orm_wire_over(cell->p, (size_t)cell->len);
    orm_array_head head;
    const char *p = NULL;
    int32_t len = 0;

    if (orm_wire_array_head(&w, &head) == 0 && head.count == (int64_t)s->count) {
        uint32_t n = 0;

        while (n < s->count && orm_wire_elem(&w, &p, &len) == 1 && len == 8) {
            keys[n++] = (int64_t)orm_load64(p);
        }
        if (n == s->count) {
            return 0;
        }
    }
    return orm_raise_exc(s->w->st, ORM_EXC_InvalidRequestError,
                         "the sequence of table %R did not give %u numbers", s->plan->name,
                         s->count);
}

/* One number per row, in the order in which they were taken. NULL: exception. */
static int64_t *
take_keys(orm_step *s, const orm_wfacts *facts)
{
    orm_sqltext text = {.sql = TAKE_KEYS, .len = sizeof(TAKE_KEYS) - 1, .verb = ORM_VERB_SELECT,
                        .flags = ORM_TEXT_BOUNDED};
    int64_t *keys = orm_arena_array(&s->w->batch, s->count, sizeof(int64_t));
    char *number = orm_arena_alloc(&s->w->batch, 4);
    size_t len = strlen(facts->sequence);
    char *sequence = orm_arena_dup(&s->w->batch, facts->sequence, len); /* facts may be asked anew */
    orm_param params[2] = {{.kind = ORM_V_TEXT, .oid = 25, .len = (int32_t)len, .u.p = sequence},
                           {.kind = ORM_V_BLOB, .format = 1, .oid = 23, .len = 4, .u.p = number}};
    orm_many many = {.text = &text, .params = params, .nsets = 1, .nparams = 2, .quiet = true};
    orm_result *rows = NULL;
    const orm_cell *cells = NULL;
    int rc;

    if (keys == NULL || number == NULL || sequence == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    orm_store32(number, s->count);
    rc = orm_exec_many(s->base->conn, &many, &rows);
    rc = rc < 0 ? -1 : orm_result_next(rows, &cells);
    rc = rc <= 0 ? -1 : read_keys(s, &cells[0], keys);
    orm_result_free(rows);
    return rc < 0 ? NULL : keys;
}

/* A key as a parameter of its column's type: `room` has 8 bytes. 0 / -1 out of range. */
static int
key_param(orm_step *s, int64_t key, char *room, orm_param *out)
{
    uint32_t oid = orm_type_oid(s->plan->cols[s->plan->numbered].type);

    *out = (orm_param){.kind = ORM_V_BLOB, .format = 1, .oid = oid, .u.p = room};
    if (oid == 20) {
        orm_store64(room, (uint64_t)key);
        out->len = 8;
    }
    else if (oid == 23 && key == (int32_t)key) {
        orm_store32(room, (uint32_t)key);
        out->len = 4;
    }
    else if (oid == 21 && key == (int16_t)key) {
        orm_store16(room, (uint16_t)key);
        out->len = 2;
    }
    else {
        return orm_raise_exc(s->w->st, ORM_EXC_DataError,
                             "the sequence of table %R gave %lld, which column %R cannot hold",
                             s->plan->name, (long long)key,
                             s->plan->cols[s->plan->numbered].name);
    }
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------------ */

/* Field of one row behind the buffer. 0 ok, 1 no binary form, -1 no memory. */
static int
put_field(orm_buf *data, const orm_param *p, uint32_t oid)
{
    int64_t size = orm_pg_element_size(p, oid);
    char *at = size < 0 ? NULL : orm_buf_extend(data, (size_t)size);

    if (at == NULL) {
        return size < 0 ? 1 : -1;
    }
    (void)orm_pg_element_put(at, p, oid);
    return 0;
}

/* Row i of the batch, its key where the column stands. As put_field; -1: exception set or no
 * memory. */
static int
put_row(orm_step *s, orm_buf *data, const orm_param *params, const int64_t *keys, uint32_t i)
{
    uint32_t n = 0;
    int rc = 0;

    orm_buf_put16(data, (uint16_t)(s->shape->nset + (keys != NULL ? 1 : 0)));
    for (uint32_t c = 0; rc == 0 && c < s->plan->ncols; c++) {
        uint32_t oid = orm_type_oid(s->plan->cols[c].type);
        char room[8];
        orm_param key;

        if (orm_bit_get(s->shape->bits, c)) {
            rc = put_field(data, &params[n++], oid);
        }
        else if (keys != NULL && (int32_t)c == s->plan->numbered) {
            rc = key_param(s, keys[i], room, &key);
            rc = rc < 0 ? -1 : put_field(data, &key, oid);
        }
    }
    return rc;
}

static int
put_rows(orm_step *s, orm_buf *data, const orm_param *params, const int64_t *keys)
{
    int rc = 0;

    orm_buf_put(data, SIGNATURE, sizeof(SIGNATURE));
    orm_buf_put32(data, 0); /* flags */
    orm_buf_put32(data, 0); /* length of the header's extension */
    for (uint32_t i = 0; rc == 0 && i < s->count; i++) {
        rc = put_row(s, data, params + (size_t)i * s->shape->nset, keys, i);
    }
    orm_buf_put16(data, UINT16_MAX);
    if (rc == 0 && data->failed) {
        rc = -1;
    }
    if (rc < 0 && !PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    return rc;
}

/* --- errors ----------------------------------------------------------------------------------------- */

/* The row that CONTEXT names, "COPY t, line 3" in any language: the number behind the last word
 * of that first clause. -1: none. */
static int64_t
line_of(const char *context)
{
    const char *at = context == NULL ? NULL : strstr(context, ", ");

    while (at != NULL && *at != '\0' && *at != '\n') {
        int64_t line = 0;

        if (*at == ' ' && at[1] >= '1' && at[1] <= '9') {
            for (at++; *at >= '0' && *at <= '9'; at++) {
                line = line * 10 + (*at - '0');
            }
            return line - 1;
        }
        at++;
    }
    return -1;
}

/* s->failed from the live exception, which stays. */
static void
find_line(orm_step *s)
{
    static const char *const path[] = {"orig", "diag", "context"};
    PyObject *exc = PyErr_GetRaisedException();
    PyObject *at = Py_XNewRef(exc);

    for (size_t i = 0; at != NULL && i < sizeof(path) / sizeof(path[0]); i++) {
        Py_SETREF(at, PyObject_GetAttrString(at, path[i]));
    }
    if (at != NULL && PyUnicode_Check(at)) {
        s->failed = line_of(PyUnicode_AsUTF8(at));
    }
    Py_XDECREF(at);
    PyErr_Clear();
    PyErr_SetRaisedException(exc);
}

/* --- the way ----------------------------------------------------------------------------------------- */

static int
keep_keys(orm_step *s, const int64_t *keys)
{
    for (uint32_t i = 0; i < s->count; i++) {
        s->fetched[s->from + i] = PyLong_FromLongLong(keys[i]);
        if (s->fetched[s->from + i] == NULL) {
            return -1;
        }
    }
    return 0;
}

int
orm_write_copy(orm_step *s)
{
    orm_wfacts *facts = orm_wfacts_of(s->w, s->base, s->plan);
    orm_param *params = facts == NULL ? NULL : orm_encode_batch(s);
    const orm_wtext *t = NULL;
    int64_t *keys = NULL;
    int64_t copied = 0;
    orm_buf data = {0};
    int rc = -1;

    if (params == NULL) {
        return -1;
    }
    t = orm_wtext_of(s->plan, s->shape, ORM_PG, ORM_WAY_COPY, false, 1, s->base->schema);
    if (t == NULL) {
        return -1;
    }
    if (s->shape->key_only) {
        keys = take_keys(s, facts);
        if (keys == NULL) {
            return -1;
        }
    }
    rc = put_rows(s, &data, params, keys);
    if (rc == 0) {
        rc = orm_exec_copy(s->base->conn, &t->text, &data, &copied);
        if (rc < 0) {
            find_line(s);
        }
    }
    if (rc == 0 && copied != (int64_t)s->count) {
        rc = orm_raise_exc(s->w->st, ORM_EXC_InvalidRequestError,
                           "COPY into table %R stored %lld rows of %u", s->plan->name,
                           (long long)copied, s->count);
    }
    if (rc == 0 && keys != NULL) {
        rc = keep_keys(s, keys);
    }
    orm_buf_fini(&data);
    ORM_COUNT_BY(unit_copy, rc == 0 ? s->count : 0);
    return rc;
}
