/*
 * wire.c - array headers of PostgreSQL's binary format; see wire.h.
 *
 * Everything read here comes from a server and is checked as if it were hostile: sizes are
 * bounded by the bytes that are really there before anybody allocates by them.
 */
#include "base/wire.h"

int
orm_wire_array_head(orm_wire *w, orm_array_head *out)
{
    int32_t ndim = orm_wire_i32(w);
    int32_t flags = orm_wire_i32(w);
    *out = (orm_array_head){
        .ndim = ndim,
        .has_null = flags != 0,
        .elem_oid = (uint32_t)orm_wire_i32(w),
    };
    if (w->bad || ndim < 0 || ndim > ORM_WIRE_MAXDIM || (flags != 0 && flags != 1)) {
        w->bad = true;
        return -1;
    }
    int64_t count = ndim > 0 ? 1 : 0;
    for (int32_t i = 0; i < ndim; i++) {
        out->size[i] = orm_wire_i32(w);
        out->lower[i] = orm_wire_i32(w);
        if (w->bad || out->size[i] < 0 || __builtin_mul_overflow(count, out->size[i], &count)) {
            w->bad = true;
            return -1;
        }
    }
    /* every element, NULL too, has a length word */
    if ((uint64_t)count > orm_wire_left(w) / 4) {
        w->bad = true;
        return -1;
    }
    out->count = count;
    return 0;
}

int
orm_wire_elem(orm_wire *w, const char **p, int32_t *len)
{
    int32_t n = orm_wire_i32(w);
    *p = NULL;
    *len = 0;
    if (w->bad || n < -1) {
        w->bad = true;
        return -1;
    }
    if (n == -1) {
        return 0;
    }
    *p = orm_wire_take(w, (size_t)n);
    if (*p == NULL) {
        return -1;
    }
    *len = n;
    return 1;
}

void
orm_buf_put_array(orm_buf *buf, uint32_t elem_oid, bool has_null, int32_t ndim,
                  const int32_t *sizes)
{
    orm_buf_put32(buf, (uint32_t)ndim);
    orm_buf_put32(buf, has_null ? 1 : 0);
    orm_buf_put32(buf, elem_oid);
    for (int32_t i = 0; i < ndim; i++) {
        orm_buf_put32(buf, (uint32_t)sizes[i]);
        orm_buf_put32(buf, 1); /* lower bound */
    }
}

void
orm_buf_put_array1(orm_buf *buf, uint32_t elem_oid, int32_t n, bool has_null)
{
    /* an array without elements has no dimension at all */
    orm_buf_put_array(buf, elem_oid, has_null, n > 0 ? 1 : 0, &n);
}
