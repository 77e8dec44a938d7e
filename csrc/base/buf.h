/*
 * buf.h - a growing byte buffer whose failure is remembered.
 *
 * A writer makes many small puts and looks at `failed` once at the end: after the first
 * failed allocation every further put does nothing. Zero-initialised is initialised.
 * `p` may move at every put: keep offsets, not pointers.
 */
#ifndef ORM_BASE_BUF_H
#define ORM_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct orm_buf {
    char *p;     /* owned; NULL while cap is 0. Not NUL-terminated, see orm_buf_cstr */
    size_t len;  /* bytes written */
    size_t cap;  /* bytes allocated */
    bool failed; /* an allocation failed: the content is incomplete */
} orm_buf;

static inline void
orm_buf_init(orm_buf *buf)
{
    *buf = (orm_buf){0};
}

void orm_buf_fini(orm_buf *buf);
/* Length 0, not failed; the memory stays. */
void orm_buf_reset(orm_buf *buf);
/* Make room for `more` bytes behind len; -1 (and failed) when memory is out. */
int orm_buf_reserve(orm_buf *buf, size_t more);

static inline void
orm_buf_put(orm_buf *buf, const void *bytes, size_t len)
{
    if (buf->cap - buf->len < len && orm_buf_reserve(buf, len) < 0) {
        return;
    }
    if (len > 0) { /* memcpy(NULL, ..., 0) is undefined */
        memcpy(buf->p + buf->len, bytes, len);
        buf->len += len;
    }
}

static inline void
orm_buf_putc(orm_buf *buf, char byte)
{
    if (buf->cap == buf->len && orm_buf_reserve(buf, 1) < 0) {
        return;
    }
    buf->p[buf->len++] = byte;
}

static inline void
orm_buf_puts(orm_buf *buf, const char *text)
{
    orm_buf_put(buf, text, strlen(text));
}

/* `len` bytes to be filled by the caller, counted as written; NULL when failed. */
char *orm_buf_extend(orm_buf *buf, size_t len);
void orm_buf_printf(orm_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void orm_buf_vprintf(orm_buf *buf, const char *format, va_list args);
/* Put a NUL behind the content (not counted in len) and return p; NULL when failed. */
const char *orm_buf_cstr(orm_buf *buf);
/* Hand the memory over, NUL behind it: the caller frees it with orm_free. NULL when failed
 * (then the buffer is empty and freed). *len may be NULL. */
char *orm_buf_steal(orm_buf *buf, size_t *len);

#endif /* ORM_BASE_BUF_H */
