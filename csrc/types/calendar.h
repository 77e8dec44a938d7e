/*
 * types/calendar.h - days and microseconds of the Gregorian calendar, for both dialects.
 *
 * Days are counted from 2000-01-01, PostgreSQL's epoch. The algorithms are the well-known
 * ones over 400-year eras that begin in March.
 */
#ifndef ORM_TYPES_CALENDAR_H
#define ORM_TYPES_CALENDAR_H

#include "types/types_int.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_SECOND)
#define DAYS_1970 (-10957)     /* 1970-01-01 */
#define DAYS_MIN (-730119)     /* 0001-01-01, Python's first day */
#define DAYS_MAX 2921939       /* 9999-12-31, its last */

/* Days since 2000-01-01. */
static inline int64_t
days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468 + DAYS_1970;
}

/* The date of a day between DAYS_MIN and DAYS_MAX. Unsigned and 32 bits wide: a division by a
   constant is then a multiplication and a shift. */
static inline void
date_of(int64_t days, int *year, int *month, int *day)
{
    uint32_t z = (uint32_t)(days - DAYS_1970 + 719468); /* since 0000-03-01 */
    uint32_t era = z / 146097;
    uint32_t doe = z - era * 146097;
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

/* Microseconds since 2000-01-01 00:00 of the clock that a datetime shows. */
static inline int64_t
us_of_datetime(PyObject *v)
{
    int64_t days = days_of(PyDateTime_GET_YEAR(v), PyDateTime_GET_MONTH(v), PyDateTime_GET_DAY(v));
    int64_t seconds = PyDateTime_DATE_GET_HOUR(v) * 3600 + PyDateTime_DATE_GET_MINUTE(v) * 60
                      + PyDateTime_DATE_GET_SECOND(v);

    return days * US_PER_DAY + seconds * US_PER_SECOND + PyDateTime_DATE_GET_MICROSECOND(v);
}

static inline int64_t
us_of_time(PyObject *v)
{
    int64_t seconds = PyDateTime_TIME_GET_HOUR(v) * 3600 + PyDateTime_TIME_GET_MINUTE(v) * 60
                      + PyDateTime_TIME_GET_SECOND(v);

    return seconds * US_PER_SECOND + PyDateTime_TIME_GET_MICROSECOND(v);
}

/* Exact: at most 10^9 days, which is 8.64e19 and does not fit; see orm_delta_us. */
static inline int64_t
us_of_delta_day(PyObject *v)
{
    return PyDateTime_DELTA_GET_SECONDS(v) * US_PER_SECOND + PyDateTime_DELTA_GET_MICROSECONDS(v);
}

/* datetime.c, common to both dialects. */

/* Microseconds that an aware datetime or time is ahead of UTC: 1 and *us, 0 naive, -1. */
int orm_utc_offset(PyObject *v, int64_t *us);
/* A datetime of microseconds since 2000 (within Python's years, checked), naive or in UTC. */
PyObject *orm_datetime_from_us(orm_decctx *c, int64_t us, PyObject *tzinfo);
/* A time of microseconds since midnight; 24:00 and beyond raise. */
PyObject *orm_time_from_us(orm_decctx *c, int64_t us, PyObject *tzinfo);
PyObject *orm_date_from_days(orm_decctx *c, int64_t days);
/* A tzinfo that is `seconds` ahead of UTC: UTC itself for 0. New reference. */
PyObject *orm_fixed_zone(orm_state *st, int64_t seconds);
/* timedelta of days and microseconds, normalised. */
PyObject *orm_delta_new(orm_decctx *c, int64_t days, int64_t us);

/* What a DateTime column takes: datetime, or a date at midnight. Sets *us to the clock and
 * *offset to what it is ahead of UTC, *aware to whether it says so. 0/-1. */
int orm_datetime_parts(orm_bindctx *c, orm_type *t, PyObject *v, int64_t *us, int64_t *offset,
                       bool *aware);

#endif /* ORM_TYPES_CALENDAR_H */
