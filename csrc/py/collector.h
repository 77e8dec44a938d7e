/*
 * py/collector.h - when Python's collector may run during a long C call.
 */
#ifndef ORM_PY_COLLECTOR_H
#define ORM_PY_COLLECTOR_H

#include <Python.h>

/* From 3.12 on a collection waits until the running C call is over; 3.11 begins one in the middle,
   again and again while a result is loaded, of which nothing is garbage. This makes 3.11 wait as
   well. Answers what to hand to orm_gc_resume. */
static inline int
orm_gc_pause(void)
{
#if PY_VERSION_HEX < 0x030C0000
    return PyGC_Disable();
#else
    return 0;
#endif
}

static inline void
orm_gc_resume(int was_enabled)
{
    if (was_enabled) {
        PyGC_Enable();
    }
}

#endif /* ORM_PY_COLLECTOR_H */
