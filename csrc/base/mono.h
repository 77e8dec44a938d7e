/*
 * mono.h - monotonic time and deadlines, in nanoseconds.
 *
 * A deadline is a point of the monotonic clock, never a duration: it is handed down
 * unchanged and means the same everywhere. Wall-clock jumps do not touch it.
 */
#ifndef ORM_BASE_MONO_H
#define ORM_BASE_MONO_H

#include <stdint.h>

typedef int64_t orm_mono;

/* A deadline that never comes. */
#define ORM_NEVER INT64_MAX
#define ORM_MONO_MS INT64_C(1000000)
#define ORM_MONO_S INT64_C(1000000000)

/* Nanoseconds since some fixed point. */
orm_mono orm_mono_now(void);
/* The deadline `seconds` from now; ORM_NEVER for infinity, NaN or more than 292 years. */
orm_mono orm_mono_after(double seconds);
/* Milliseconds until the deadline, rounded up, within 0..cap_ms: a timeout for poll(). */
int orm_mono_left_ms(orm_mono deadline, int cap_ms);

static inline orm_mono
orm_mono_earlier(orm_mono a, orm_mono b)
{
    return a < b ? a : b;
}

#endif /* ORM_BASE_MONO_H */
