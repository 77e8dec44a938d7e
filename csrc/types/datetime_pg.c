/*
 * types/datetime_pg.c - dates, times and durations in PostgreSQL's binary form.
 *
 * date: int32 days since 2000-01-01; time: int64 microseconds; timestamp, timestamptz: int64
 * microseconds since 2000-01-01 (of the clock, of UTC); timetz: time and int32 seconds west
 * of Greenwich; interval: int64 microseconds, int32 days, int32 months. The extreme values
 * of date and timestamp are the infinities.
 * A naive datetime for a column with time zone goes as `timestamp`: the server reads it in
 * the session's time zone, as it does with SQLAlchemy. An aware one for a column without
 * raises: which clock was meant is not ours to guess.
 */
#include "types/calendar.h"

static PyObject *
raise_infinite(orm_decctx *c, bool positive)
{
    return orm_decode_error(c, "the database sent '%sinfinity', which has no date in Python",
                            positive ? "" : "-");
}

static int
param_us(orm_bindctx *c, orm_param *out, uint32_t oid, int64_t us)
{
    char *p = orm_bind_room(c, 8);

    if (p == NULL) {
        return -1;
    }
    orm_store64(p, (uint64_t)us);
    return param_bytes(out, ORM_V_BLOB, 1, oid, p, 8);
}

/* --- date ------------------------------------------------------------------------------ */

int
orm_date_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    char *p;

    if (!PyObject_TypeCheck(v, types_room(c->st)->dt->DateType)) {
        return orm_bind_type_error(c, t, v, "a date");
    }
    p = orm_bind_room(c, 4);
    if (p == NULL) {
        return -1;
    }
    orm_store32(p, (uint32_t)days_of(PyDateTime_GET_YEAR(v), PyDateTime_GET_MONTH(v),
                                     PyDateTime_GET_DAY(v)));
    return param_bytes(out, ORM_V_BLOB, 1, OID_DATE, p, 4);
}

PyObject *
orm_date_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    int32_t days;

    if (cell->kind == ORM_V_TEXT) {
        return orm_date_decode_lite(c, t, cell);
    }
    if (cell->len != 4) {
        return orm_decode_malformed(c, t, cell);
    }
    days = (int32_t)orm_load32(cell->p);
    if (days == INT32_MAX || days == INT32_MIN) {
        return raise_infinite(c, days > 0);
    }
    return orm_date_from_days(c, days);
}

/* --- datetime -------------------------------------------------------------------------- */

int
orm_datetime_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    int64_t us;
    int64_t offset;
    bool aware;

    if (orm_datetime_parts(c, t, v, &us, &offset, &aware) < 0) {
        return -1;
    }
    if (!aware) {
        return param_us(c, out, OID_TIMESTAMP, us);
    }
    if (!(t->flags & ORM_TF_TZ)) {
        return orm_bind_error(c, v,
                              "%.200R has a time zone and the type has none: declare "
                              "DateTime(timezone=True), or store value.replace(tzinfo=None)",
                              v);
    }
    return param_us(c, out, OID_TIMESTAMPTZ, us - offset);
}

PyObject *
orm_datetime_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    int64_t us;
    bool zone = t->oid == OID_TIMESTAMPTZ;

    if (cell->kind == ORM_V_TEXT) {
        return orm_datetime_decode_lite(c, t, cell);
    }
    if (cell->len != 8) {
        return orm_decode_malformed(c, t, cell);
    }
    us = (int64_t)orm_load64(cell->p);
    if (us == INT64_MAX || us == INT64_MIN) {
        return raise_infinite(c, us > 0);
    }
    return orm_datetime_from_us(c, us, zone ? types_room(c->st)->dt->TimeZone_UTC : Py_None);
}

/* --- time ------------------------------------------------------------------------------ */

int
orm_time_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    int64_t offset = 0;
    int aware = 0;
    char *p;

    if (!PyObject_TypeCheck(v, types_room(c->st)->dt->TimeType)) {
        return orm_bind_type_error(c, t, v, "a time");
    }
    if (PyDateTime_TIME_GET_TZINFO(v) != Py_None) {
        aware = orm_utc_offset(v, &offset);
        if (aware < 0) {
            return -1;
        }
        if (aware == 0) {
            return orm_bind_error(c, v, "%.200R: without a date its offset from UTC is not known",
                                  v);
        }
    }
    if (!aware) {
        return param_us(c, out, OID_TIME, us_of_time(v));
    }
    if (!(t->flags & ORM_TF_TZ)) {
        return orm_bind_error(c, v,
                              "%.200R has a time zone and the type has none: declare "
                              "Time(timezone=True), or store value.replace(tzinfo=None)",
                              v);
    }
    if (offset % US_PER_SECOND != 0) {
        return orm_bind_error(c, v, "%.200R: PostgreSQL keeps offsets in whole seconds", v);
    }
    p = orm_bind_room(c, 12);
    if (p == NULL) {
        return -1;
    }
    orm_store64(p, (uint64_t)us_of_time(v));
    orm_store32(p + 8, (uint32_t)(int32_t)(-offset / US_PER_SECOND));
    return param_bytes(out, ORM_V_BLOB, 1, OID_TIMETZ, p, 12);
}

PyObject *
orm_time_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    PyObject *zone = NULL;
    PyObject *value = NULL;

    if (cell->kind == ORM_V_TEXT) {
        return orm_time_decode_lite(c, t, cell);
    }
    if (cell->len == 8) {
        return orm_time_from_us(c, (int64_t)orm_load64(cell->p), Py_None);
    }
    if (cell->len != 12) {
        return orm_decode_malformed(c, t, cell);
    }
    zone = orm_fixed_zone(c->st, -(int64_t)(int32_t)orm_load32(cell->p + 8));
    if (zone != NULL) {
        value = orm_time_from_us(c, (int64_t)orm_load64(cell->p), zone);
        Py_DECREF(zone);
    }
    return value;
}

/* --- interval -------------------------------------------------------------------------- */

/* Interval(native=False): a timestamp as long after 1970 as the duration says. */
static int
encode_as_timestamp(orm_bindctx *c, PyObject *v, orm_param *out)
{
    int64_t days = (int64_t)PyDateTime_DELTA_GET_DAYS(v) + DAYS_1970;

    if (days < DAYS_MIN || days > DAYS_MAX) {
        return orm_bind_error(c, v, "%.200R after 1970-01-01 is outside of the years 1 to 9999", v);
    }
    return param_us(c, out, OID_TIMESTAMP, days * US_PER_DAY + us_of_delta_day(v));
}

int
orm_interval_encode_pg(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    char *p;

    if (!PyObject_TypeCheck(v, types_room(c->st)->dt->DeltaType)) {
        return orm_bind_type_error(c, t, v, "a timedelta");
    }
    if (t->oid == OID_TIMESTAMP) {
        return encode_as_timestamp(c, v, out);
    }
    p = orm_bind_room(c, 16);
    if (p == NULL) {
        return -1;
    }
    orm_store64(p, (uint64_t)us_of_delta_day(v));
    orm_store32(p + 8, (uint32_t)PyDateTime_DELTA_GET_DAYS(v));
    orm_store32(p + 12, 0);
    return param_bytes(out, ORM_V_BLOB, 1, OID_INTERVAL, p, 16);
}

PyObject *
orm_interval_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    int64_t us;
    int64_t days;
    int32_t months;

    if (cell->kind == ORM_V_BLOB && cell->len == 8) { /* native=False */
        us = (int64_t)orm_load64(cell->p);
        if (us == INT64_MAX || us == INT64_MIN) {
            return raise_infinite(c, us > 0);
        }
        return orm_delta_new(c, -DAYS_1970, us);
    }
    if (cell->kind == ORM_V_TEXT || cell->len != 16) {
        return orm_decode_malformed(c, t, cell);
    }
    us = (int64_t)orm_load64(cell->p);
    days = (int32_t)orm_load32(cell->p + 8);
    months = (int32_t)orm_load32(cell->p + 12);
    /* A month has no length of its own: 30 days, and a year 365, as psycopg has it. */
    days += (int64_t)(months / 12) * 365 + (int64_t)(months % 12) * 30;
    return orm_delta_new(c, days, us);
}
