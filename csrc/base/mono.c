/*
 * mono.c - the monotonic clock; see mono.h.
 */
#include "base/mono.h"

#include <time.h>

orm_mono
orm_mono_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (orm_mono)now.tv_sec * ORM_MONO_S + now.tv_nsec;
}

orm_mono
orm_mono_after(double seconds)
{
    /* the comparison is false for NaN and infinity too */
    if (!(seconds < 9e9)) {
        return ORM_NEVER;
    }
    orm_mono now = orm_mono_now();
    if (seconds <= 0) {
        return now;
    }
    orm_mono span = (orm_mono)(seconds * 1e9);
    return span > ORM_NEVER - now ? ORM_NEVER : now + span;
}

int
orm_mono_left_ms(orm_mono deadline, int cap_ms)
{
    if (deadline == ORM_NEVER) {
        return cap_ms;
    }
    orm_mono now = orm_mono_now();
    if (deadline <= now) {
        return 0;
    }
    int64_t ms = (deadline - now - 1) / ORM_MONO_MS + 1;
    return ms < cap_ms ? (int)ms : cap_ms;
}
