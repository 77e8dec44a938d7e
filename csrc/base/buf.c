/*
 * buf.c - the growing byte buffer; see buf.h.
 */
#include "base/buf.h"

#include <stdio.h>

#include "base/mem.h"

void
orm_buf_fini(orm_buf *buf)
{
    orm_free(buf->p);
    orm_buf_init(buf);
}

void
orm_buf_reset(orm_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->p == NULL) {
        buf->cap = 0; /* a failed buffer had its capacity hidden */
    }
}

/* Remember the failure; cap 0 sends every later inline put here, where it is refused. */
static int
fail(orm_buf *buf)
{
    orm_free(buf->p);
    *buf = (orm_buf){.failed = true};
    return -1;
}

int
orm_buf_reserve(orm_buf *buf, size_t more)
{
    size_t need, cap;
    if (buf->failed) {
        return -1;
    }
    if (buf->cap - buf->len >= more) {
        return 0;
    }
    if (orm_size_add(buf->len, more, &need) < 0
        || orm_size_add(buf->cap, buf->cap / 2 + 64, &cap) < 0) {
        return fail(buf);
    }
    if (cap < need) {
        cap = need;
    }
    char *p = orm_realloc(buf->p, cap);
    if (p == NULL) {
        return fail(buf);
    }
    buf->p = p;
    buf->cap = cap;
    return 0;
}

char *
orm_buf_extend(orm_buf *buf, size_t len)
{
    if (orm_buf_reserve(buf, len > 0 ? len : 1) < 0) {
        return NULL;
    }
    char *p = buf->p + buf->len;
    buf->len += len;
    return p;
}

void
orm_buf_vprintf(orm_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    if (len < 0) {
        fail(buf);
    }
    /* one more byte: vsnprintf writes its NUL, which is not counted */
    else if (orm_buf_reserve(buf, (size_t)len + 1) == 0) {
        vsnprintf(buf->p + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void
orm_buf_printf(orm_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    orm_buf_vprintf(buf, format, args);
    va_end(args);
}

const char *
orm_buf_cstr(orm_buf *buf)
{
    if (orm_buf_reserve(buf, 1) < 0) {
        return NULL;
    }
    buf->p[buf->len] = '\0';
    return buf->p;
}

char *
orm_buf_steal(orm_buf *buf, size_t *len)
{
    if (orm_buf_cstr(buf) == NULL) {
        orm_buf_fini(buf);
        return NULL;
    }
    char *p = buf->p;
    if (len != NULL) {
        *len = buf->len;
    }
    orm_buf_init(buf);
    return p;
}
