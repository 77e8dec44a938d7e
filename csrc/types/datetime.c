/*
 * types/datetime.c - dates, times and durations: what both dialects need.
 *
 * Python's objects are made through the datetime module's C interface, kept in the room's
 * state. What PostgreSQL can say and Python cannot (infinity, years beyond 9999, 24:00)
 * raises DataError; nothing is cut to fit.
 */
#include "types/calendar.h"

int
orm_utc_offset(PyObject *v, int64_t *us)
{
    PyObject *delta = PyObject_CallMethod(v, "utcoffset", NULL);

    if (delta == NULL) {
        return -1;
    }
    if (delta == Py_None) {
        Py_DECREF(delta);
        return 0;
    }
    *us = PyDateTime_DELTA_GET_DAYS(delta) * US_PER_DAY + us_of_delta_day(delta);
    Py_DECREF(delta);
    return 1;
}

PyObject *
orm_fixed_zone(orm_state *st, int64_t seconds)
{
    PyDateTime_CAPI *dt = types_room(st)->dt;
    PyObject *delta = NULL;
    PyObject *zone = NULL;

    if (seconds == 0) {
        return Py_NewRef(dt->TimeZone_UTC);
    }
    delta = dt->Delta_FromDelta(0, (int)seconds, 0, 1, dt->DeltaType);
    if (delta != NULL) {
        zone = dt->TimeZone_FromTimeZone(delta, NULL);
        Py_DECREF(delta);
    }
    return zone;
}

PyObject *
orm_date_from_days(orm_decctx *c, int64_t days)
{
    PyDateTime_CAPI *dt = types_room(c->st)->dt;
    int year, month, day;

    if (days < DAYS_MIN || days > DAYS_MAX) {
        return orm_decode_error(c, "a date outside of the years 1 to 9999 has no datetime.date");
    }
    date_of(days, &year, &month, &day);
    return dt->Date_FromDate(year, month, day, dt->DateType);
}

PyObject *
orm_datetime_from_us(orm_decctx *c, int64_t us, PyObject *tzinfo)
{
    PyDateTime_CAPI *dt = types_room(c->st)->dt;
    int64_t days = us / US_PER_DAY;
    int64_t rest = us - days * US_PER_DAY;
    int year, month, day;
    uint32_t second;

    if (rest < 0) {
        rest += US_PER_DAY;
        days--;
    }
    if (days < DAYS_MIN || days > DAYS_MAX) {
        return orm_decode_error(c,
                                "a timestamp outside of the years 1 to 9999 has no datetime");
    }
    date_of(days, &year, &month, &day);
    second = (uint32_t)((uint64_t)rest / US_PER_SECOND);
    return dt->DateTime_FromDateAndTime(year, month, day, (int)(second / 3600),
                                        (int)(second / 60 % 60), (int)(second % 60),
                                        (int)(rest - second * US_PER_SECOND), tzinfo,
                                        dt->DateTimeType);
}

PyObject *
orm_time_from_us(orm_decctx *c, int64_t us, PyObject *tzinfo)
{
    PyDateTime_CAPI *dt = types_room(c->st)->dt;
    int second;

    if (us < 0 || us >= US_PER_DAY) {
        return orm_decode_error(c, "the time 24:00 has no datetime.time");
    }
    second = (int)(us / US_PER_SECOND);
    return dt->Time_FromTime(second / 3600, second / 60 % 60, second % 60,
                             (int)(us % US_PER_SECOND), tzinfo, dt->TimeType);
}

PyObject *
orm_delta_new(orm_decctx *c, int64_t days, int64_t us)
{
    PyDateTime_CAPI *dt = types_room(c->st)->dt;
    int64_t rest = us % US_PER_DAY;

    days += us / US_PER_DAY;
    if (rest < 0) {
        rest += US_PER_DAY;
        days--;
    }
    if (days < -999999999 || days > 999999999) {
        return orm_decode_error(c, "an interval of %lld days has no timedelta", (long long)days);
    }
    return dt->Delta_FromDelta((int)days, (int)(rest / US_PER_SECOND), (int)(rest % US_PER_SECOND),
                               0, dt->DeltaType);
}

int
orm_datetime_parts(orm_bindctx *c, orm_type *t, PyObject *v, int64_t *us, int64_t *offset,
                   bool *aware)
{
    PyDateTime_CAPI *dt = types_room(c->st)->dt;
    int rc = 0;

    *offset = 0;
    if (!PyObject_TypeCheck(v, dt->DateTimeType)) {
        if (!PyObject_TypeCheck(v, dt->DateType)) {
            return orm_bind_type_error(c, t, v, "a datetime or date");
        }
        *us = days_of(PyDateTime_GET_YEAR(v), PyDateTime_GET_MONTH(v), PyDateTime_GET_DAY(v))
              * US_PER_DAY;
        *aware = false;
        return 0;
    }
    *us = us_of_datetime(v);
    if (PyDateTime_DATE_GET_TZINFO(v) != Py_None) {
        rc = orm_utc_offset(v, offset);
    }
    *aware = rc > 0;
    return rc < 0 ? -1 : 0;
}
