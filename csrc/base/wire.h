/*
 * wire.h - PostgreSQL's binary values: big-endian access with length checks, array headers.
 *
 * A decoder never reads past (p, len): either it checks the exact length first and then
 * loads, or it uses the cursor (orm_wire), which fails stickily. Formats: PostgreSQL's
 * src/backend/utils/adt send and receive functions, documented for arrays in array.h:
 *   int32 ndim; int32 hasnull; int32 element OID; ndim times {int32 size; int32 lower};
 *   then per element int32 length (-1 = NULL) and the bytes.
 */
#ifndef ORM_BASE_WIRE_H
#define ORM_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ && __BYTE_ORDER__ != __ORDER_BIG_ENDIAN__
#error "unknown byte order"
#endif
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define ORM_BE16(v) (v)
#define ORM_BE32(v) (v)
#define ORM_BE64(v) (v)
#else
#define ORM_BE16(v) __builtin_bswap16(v)
#define ORM_BE32(v) __builtin_bswap32(v)
#define ORM_BE64(v) __builtin_bswap64(v)
#endif

/* Loads and stores of a known length: the caller has checked it. */
static inline uint16_t
orm_load16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return ORM_BE16(v);
}

static inline uint32_t
orm_load32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return ORM_BE32(v);
}

static inline uint64_t
orm_load64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return ORM_BE64(v);
}

static inline double
orm_load_f64(const void *p)
{
    uint64_t bits = orm_load64(p);
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static inline float
orm_load_f32(const void *p)
{
    uint32_t bits = orm_load32(p);
    float v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static inline void
orm_store16(void *p, uint16_t v)
{
    v = ORM_BE16(v);
    memcpy(p, &v, sizeof(v));
}

static inline void
orm_store32(void *p, uint32_t v)
{
    v = ORM_BE32(v);
    memcpy(p, &v, sizeof(v));
}

static inline void
orm_store64(void *p, uint64_t v)
{
    v = ORM_BE64(v);
    memcpy(p, &v, sizeof(v));
}

static inline void
orm_store_f64(void *p, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    orm_store64(p, bits);
}

static inline void
orm_store_f32(void *p, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    orm_store32(p, bits);
}

/* Append big-endian. */
static inline void
orm_buf_put16(orm_buf *buf, uint16_t value)
{
    uint16_t wire = ORM_BE16(value);
    orm_buf_put(buf, &wire, sizeof(wire));
}

static inline void
orm_buf_put32(orm_buf *buf, uint32_t value)
{
    uint32_t wire = ORM_BE32(value);
    orm_buf_put(buf, &wire, sizeof(wire));
}

static inline void
orm_buf_put64(orm_buf *buf, uint64_t value)
{
    uint64_t wire = ORM_BE64(value);
    orm_buf_put(buf, &wire, sizeof(wire));
}

/* A reading position that never passes the end. */
typedef struct orm_wire {
    const char *at;  /* next byte */
    const char *end; /* one past the last */
    bool bad;        /* something wanted more bytes than there were; reads give 0 from then on */
} orm_wire;

static inline orm_wire
orm_wire_over(const void *p, size_t len)
{
    return (orm_wire){(const char *)p, (const char *)p + len, false};
}

static inline size_t
orm_wire_left(const orm_wire *w)
{
    return (size_t)(w->end - w->at);
}

/* The next n bytes, or NULL (and bad) when there are fewer. */
static inline const char *
orm_wire_take(orm_wire *w, size_t n)
{
    if (w->bad || orm_wire_left(w) < n) {
        w->bad = true;
        return NULL;
    }
    const char *p = w->at;
    w->at += n;
    return p;
}

static inline int16_t
orm_wire_i16(orm_wire *w)
{
    const char *p = orm_wire_take(w, 2);
    return p == NULL ? 0 : (int16_t)orm_load16(p);
}

static inline int32_t
orm_wire_i32(orm_wire *w)
{
    const char *p = orm_wire_take(w, 4);
    return p == NULL ? 0 : (int32_t)orm_load32(p);
}

static inline int64_t
orm_wire_i64(orm_wire *w)
{
    const char *p = orm_wire_take(w, 8);
    return p == NULL ? 0 : (int64_t)orm_load64(p);
}

#define ORM_WIRE_MAXDIM 6 /* PostgreSQL's MAXDIM */

typedef struct orm_array_head {
    int32_t ndim;                   /* 0: the empty array */
    bool has_null;                  /* the server's word; elements are looked at anyway */
    uint32_t elem_oid;              /* type of the elements */
    int32_t size[ORM_WIRE_MAXDIM];  /* elements per dimension, outermost first */
    int32_t lower[ORM_WIRE_MAXDIM]; /* lower bounds, 1 unless made otherwise */
    int64_t count;                  /* elements in all */
} orm_array_head;

/* Read and check the header: 0, or -1 for a malformed one (w->bad is set then). The count
 * is at most a quarter of the bytes left, so that it can size an allocation. */
int orm_wire_array_head(orm_wire *w, orm_array_head *out);
/* The next length-prefixed element: 1 and (p, len); 0 for NULL; -1 malformed (w->bad). */
int orm_wire_elem(orm_wire *w, const char **p, int32_t *len);

/* Write a header of one dimension; the caller appends n elements with the two below. */
void orm_buf_put_array1(orm_buf *buf, uint32_t elem_oid, int32_t n, bool has_null);
/* As many dimensions as there are sizes, lower bounds 1. */
void orm_buf_put_array(orm_buf *buf, uint32_t elem_oid, bool has_null, int32_t ndim,
                       const int32_t *sizes);

static inline void
orm_buf_put_null(orm_buf *buf)
{
    orm_buf_put32(buf, UINT32_MAX);
}

static inline void
orm_buf_put_elem(orm_buf *buf, const void *p, int32_t len)
{
    orm_buf_put32(buf, (uint32_t)len);
    orm_buf_put(buf, p, (size_t)len);
}

#endif /* ORM_BASE_WIRE_H */
