/*
 * types/datetime_lite.c - dates, times and durations as SQLite's ISO texts.
 *
 * Written: "2026-11-24", "10:30:00.000000", "2026-11-24 10:30:00.000000", as SQLAlchemy
 *   writes them, so that texts sort like what they mean. DateTime(timezone=True) writes an
 *   aware value in UTC with "+00:00". A duration is the date and time so long after 1970.
 * Read: any ISO form with a blank or T between date and time, with fewer digits of a
 *   fraction, and with Z or an offset; an offset makes the result aware.
 */
#include "types/calendar.h"

#include <stdio.h>
#include <string.h>

/* --- writing --------------------------------------------------------------------------- */

/* `width` digits of v and the character `then` behind them (0: none); answers the end. By hand:
 * one snprintf of a datetime takes as long as the rest of an inserted row. */
static char *
put_digits(char *p, int width, int v, char then)
{
    for (int i = width - 1; i >= 0; i--) {
        p[i] = (char)('0' + v % 10);
        v /= 10;
    }
    p += width;
    if (then != 0) {
        *p++ = then;
    }
    return p;
}

/* Date and time of microseconds since 2000, and "+00:00" if `utc`. 0/-1. */
static int
param_datetime(orm_bindctx *c, orm_param *out, int64_t us, bool utc)
{
    int64_t days = us / US_PER_DAY;
    int64_t rest = us % US_PER_DAY;
    int year, month, day, second;
    char *p = orm_bind_room(c, 40);

    if (p == NULL) {
        return -1;
    }
    if (rest < 0) {
        rest += US_PER_DAY;
        days--;
    }
    date_of(days, &year, &month, &day);
    second = (int)(rest / US_PER_SECOND);
    char *end = put_digits(p, 4, year, '-');
    end = put_digits(end, 2, month, '-');
    end = put_digits(end, 2, day, ' ');
    end = put_digits(end, 2, second / 3600, ':');
    end = put_digits(end, 2, second / 60 % 60, ':');
    end = put_digits(end, 2, second % 60, '.');
    end = put_digits(end, 6, (int)(rest % US_PER_SECOND), 0);
    if (utc) {
        memcpy(end, "+00:00", 6);
        end += 6;
    }
    *end = '\0';
    return param_bytes(out, ORM_V_TEXT, 0, 0, p, (size_t)(end - p));
}

int
orm_date_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    char *p;
    char *end;

    if (!PyObject_TypeCheck(v, types_room(c->st)->dt->DateType)) {
        (void)t;
        return orm_bind_error(c, v, "SQLite Date type only accepts Python date objects as input, "
                                    "not %.200R", v);
    }
    p = orm_bind_room(c, 24);
    if (p == NULL) {
        return -1;
    }
    end = put_digits(p, 4, PyDateTime_GET_YEAR(v), '-');
    end = put_digits(end, 2, PyDateTime_GET_MONTH(v), '-');
    end = put_digits(end, 2, PyDateTime_GET_DAY(v), 0);
    *end = '\0';
    return param_bytes(out, ORM_V_TEXT, 0, 0, p, (size_t)(end - p));
}

int
orm_datetime_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    int64_t us;
    int64_t offset;
    bool aware;

    if (!PyObject_TypeCheck(v, types_room(c->st)->dt->DateType)) {
        return orm_bind_error(c, v, "SQLite DateTime type only accepts Python datetime and date "
                                    "objects as input, not %.200R", v);
    }
    if (orm_datetime_parts(c, t, v, &us, &offset, &aware) < 0) {
        return -1;
    }
    if (!aware || c->lenient) {
        return param_datetime(c, out, us, false);
    }
    if (!(t->flags & ORM_TF_TZ)) {
        return orm_bind_error(c, v,
                              "%.200R has a time zone and the type has none: declare "
                              "DateTime(timezone=True), or store value.replace(tzinfo=None)",
                              v);
    }
    us -= offset;
    if (us < DAYS_MIN * US_PER_DAY || us >= (DAYS_MAX + 1) * US_PER_DAY) {
        return orm_bind_error(c, v, "%.200R in UTC is outside of the years 1 to 9999", v);
    }
    return param_datetime(c, out, us, true);
}

int
orm_time_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    int64_t offset = 0;
    int aware = 0;
    int len;
    char *p;

    if (!PyObject_TypeCheck(v, types_room(c->st)->dt->TimeType)) {
        return orm_bind_error(c, v, "SQLite Time type only accepts Python time objects as input, "
                                    "not %.200R", v);
    }
    if (PyDateTime_TIME_GET_TZINFO(v) != Py_None && !c->lenient) {
        aware = orm_utc_offset(v, &offset);
        if (aware < 0) {
            return -1;
        }
        if (!(t->flags & ORM_TF_TZ) || aware == 0 || offset % (60 * US_PER_SECOND) != 0) {
            return orm_bind_error(c, v,
                                  "%.200R: a time with a time zone needs Time(timezone=True) and "
                                  "an offset in whole minutes", v);
        }
    }
    p = orm_bind_room(c, 40);
    if (p == NULL) {
        return -1;
    }
    len = snprintf(p, 40, "%02d:%02d:%02d.%06d", PyDateTime_TIME_GET_HOUR(v),
                   PyDateTime_TIME_GET_MINUTE(v), PyDateTime_TIME_GET_SECOND(v),
                   PyDateTime_TIME_GET_MICROSECOND(v));
    if (aware > 0) {
        int minutes = (int)(offset / (60 * US_PER_SECOND));

        len += snprintf(p + len, 40 - (size_t)len, "%c%02d:%02d", minutes < 0 ? '-' : '+',
                        abs(minutes) / 60, abs(minutes) % 60);
    }
    return param_bytes(out, ORM_V_TEXT, 0, 0, p, (size_t)len);
}

int
orm_interval_encode_lite(orm_bindctx *c, orm_type *t, PyObject *v, orm_param *out)
{
    int64_t days;

    if (!PyObject_TypeCheck(v, types_room(c->st)->dt->DeltaType)) {
        return orm_bind_type_error(c, t, v, "a timedelta");
    }
    days = (int64_t)PyDateTime_DELTA_GET_DAYS(v) + DAYS_1970;
    if (days < DAYS_MIN || days > DAYS_MAX) {
        return orm_bind_error(c, v, "%.200R after 1970-01-01 is outside of the years 1 to 9999", v);
    }
    return param_datetime(c, out, days * US_PER_DAY + us_of_delta_day(v), false);
}

/* --- reading --------------------------------------------------------------------------- */

/* A position in an ISO text. */
typedef struct iso_text {
    const char *at;  /* next character */
    const char *end; /* one past the last */
} iso_text;

/* Exactly n digits into *out: 0, -1 (no exception). */
static int
read_digits(iso_text *s, int n, int *out)
{
    *out = 0;
    if (s->end - s->at < n) {
        return -1;
    }
    for (int i = 0; i < n; i++) {
        char ch = *s->at++;

        if (ch < '0' || ch > '9') {
            return -1;
        }
        *out = *out * 10 + (ch - '0');
    }
    return 0;
}

static int
read_char(iso_text *s, char ch)
{
    if (s->at < s->end && *s->at == ch) {
        s->at++;
        return 0;
    }
    return -1;
}

static int
days_in_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* YYYY-MM-DD as days since 2000. */
static int
read_date(iso_text *s, int64_t *days)
{
    int year, month, day;

    if (read_digits(s, 4, &year) < 0 || read_char(s, '-') < 0 || read_digits(s, 2, &month) < 0
        || read_char(s, '-') < 0 || read_digits(s, 2, &day) < 0) {
        return -1;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) {
        return -1;
    }
    *days = days_of(year, month, day);
    return 0;
}

/* HH:MM[:SS[.fraction]] as microseconds. */
static int
read_time(iso_text *s, int64_t *us)
{
    int hour, minute, second = 0, digit;
    int64_t unit = US_PER_SECOND;

    *us = 0;
    if (read_digits(s, 2, &hour) < 0 || read_char(s, ':') < 0 || read_digits(s, 2, &minute) < 0) {
        return -1;
    }
    if (read_char(s, ':') == 0) {
        if (read_digits(s, 2, &second) < 0) {
            return -1;
        }
        if (read_char(s, '.') == 0) {
            if (s->at == s->end || *s->at < '0' || *s->at > '9') {
                return -1;
            }
            /* More digits than microseconds are read and left out, as fromisoformat does. */
            while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
                (void)read_digits(s, 1, &digit);
                unit /= 10;
                *us += digit * unit;
            }
        }
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return -1;
    }
    *us += ((int64_t)hour * 3600 + minute * 60 + second) * US_PER_SECOND;
    return 0;
}

/* Z or ±HH[:MM[:SS]]: 1 and *seconds, 0 none, -1 malformed. */
static int
read_zone(iso_text *s, int64_t *seconds)
{
    int hour, minute = 0, second = 0;
    bool west;

    if (s->at == s->end) {
        return 0;
    }
    if (read_char(s, 'Z') == 0) {
        *seconds = 0;
        return 1;
    }
    west = *s->at == '-';
    if (!west && *s->at != '+') {
        return -1;
    }
    s->at++;
    if (read_digits(s, 2, &hour) < 0) {
        return -1;
    }
    if (s->at < s->end && ((void)read_char(s, ':'), read_digits(s, 2, &minute)) < 0) {
        return -1;
    }
    if (s->at < s->end && (read_char(s, ':') < 0 || read_digits(s, 2, &second) < 0)) {
        return -1;
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return -1;
    }
    *seconds = (int64_t)hour * 3600 + minute * 60 + second;
    *seconds = west ? -*seconds : *seconds;
    return 1;
}

/* The text of a cell, or an error for a number where a text was expected. 0/-1 exception. */
static int
iso_of(orm_decctx *c, const orm_cell *cell, const char *what, iso_text *out)
{
    if (cell->kind != ORM_V_TEXT && cell->kind != ORM_V_BLOB) {
        PyObject *value = orm_value_decode_lite(c, NULL, cell);

        if (value != NULL) {
            orm_decode_error(c, "Couldn't parse %s: %.200R is not a text", what, value);
            Py_DECREF(value);
        }
        return -1;
    }
    *out = (iso_text){cell->p, cell->p + cell->len};
    return 0;
}

static PyObject *
raise_not_iso(orm_decctx *c, const orm_cell *cell, const char *what)
{
    PyObject *text = PyUnicode_DecodeUTF8(cell->p, cell->len, "replace");

    if (text != NULL) {
        orm_decode_error(c, "Couldn't parse %s string %.200R", what, text);
        Py_DECREF(text);
    }
    return NULL;
}

PyObject *
orm_date_decode_lite(orm_decctx *c, orm_type *Py_UNUSED(t), const orm_cell *cell)
{
    iso_text s;
    int64_t days;

    if (iso_of(c, cell, "date", &s) < 0) {
        return NULL;
    }
    if (read_date(&s, &days) < 0 || s.at != s.end) {
        return raise_not_iso(c, cell, "date");
    }
    return orm_date_from_days(c, days);
}

/* Date and time into microseconds since 2000 and an offset. 1 aware, 0 naive, -1 malformed. */
static int
read_datetime(iso_text *s, int64_t *us, int64_t *seconds)
{
    int64_t days;
    int64_t time = 0;

    if (read_date(s, &days) < 0) {
        return -1;
    }
    if (s->at < s->end) {
        char between = *s->at++;

        if ((between != ' ' && between != 'T' && between != 't') || read_time(s, &time) < 0) {
            return -1;
        }
    }
    *us = days * US_PER_DAY + time;
    return read_zone(s, seconds);
}

/* Eight characters of which `shape` has the separators, and '0' where digits must be: each digit
   taken together with the one behind it, a byte each, as BYTE counts them. `limit` has 0x76 at
   digits and 0x7f at separators: a digit above 9 and a separator that is not ours reach the
   highest bit of their byte. False: something else. */
static inline bool
read_eight(const char *p, uint64_t shape, uint64_t limit, uint64_t *pairs)
{
    uint64_t v = orm_load64(p) ^ shape;

    *pairs = v * 10 + (v << 8);
    return (((v + limit) | v) & UINT64_C(0x8080808080808080)) == 0;
}
#define BYTE(word, i) ((int)((word) >> (56 - 8 * (i)) & 0xff))

/* fast path: same answer as the rest of orm_datetime_decode_lite, for "YYYY-MM-DD HH:MM:SS.ffffff",
   the form in which they are written. NULL without an exception: read it the long way. */
static PyObject *
decode_written(orm_decctx *c, const iso_text *s)
{
    PyDateTime_CAPI *dt = types_room(c->st)->dt;
    const char *p = s->at;
    uint64_t a, b, second, fraction;

    if (s->end - p != 26
        || !read_eight(p, UINT64_C(0x303030302d30302d), UINT64_C(0x767676767f76767f), &a)
        || !read_eight(p + 8, UINT64_C(0x30302030303a3030), UINT64_C(0x76767f76767f7676), &b)
        || !read_eight(p + 16, UINT64_C(0x3a30302e30303030), UINT64_C(0x7f76767f76767676), &second)
        || !read_eight(p + 18, UINT64_C(0x302e303030303030), UINT64_C(0x767f767676767676),
                       &fraction)) {
        return NULL;
    }
    int year = BYTE(a, 0) * 100 + BYTE(a, 2);
    int month = BYTE(a, 5);
    int day = BYTE(b, 0);
    if (year < 1 || month < 1 || month > 12 || day < 1 || BYTE(b, 3) > 23 || BYTE(b, 6) > 59
        || BYTE(second, 1) > 59 || (day > 28 && day > days_in_month(year, month))) {
        return NULL;
    }
    return dt->DateTime_FromDateAndTime(
        year, month, day, BYTE(b, 3), BYTE(b, 6), BYTE(second, 1),
        BYTE(fraction, 2) * 10000 + BYTE(fraction, 4) * 100 + BYTE(fraction, 6), Py_None,
        dt->DateTimeType);
}

PyObject *
orm_datetime_decode_lite(orm_decctx *c, orm_type *Py_UNUSED(t), const orm_cell *cell)
{
    iso_text s;
    int64_t us;
    int64_t seconds = 0;
    PyObject *zone = NULL;
    PyObject *value = NULL;
    int aware;

    if (iso_of(c, cell, "datetime", &s) < 0) {
        return NULL;
    }
    value = decode_written(c, &s);
    if (value != NULL || PyErr_Occurred()) {
        return value;
    }
    aware = read_datetime(&s, &us, &seconds);
    if (aware < 0 || s.at != s.end) {
        return raise_not_iso(c, cell, "datetime");
    }
    zone = aware ? orm_fixed_zone(c->st, seconds) : Py_NewRef(Py_None);
    if (zone != NULL) {
        value = orm_datetime_from_us(c, us, zone);
        Py_DECREF(zone);
    }
    return value;
}

PyObject *
orm_time_decode_lite(orm_decctx *c, orm_type *Py_UNUSED(t), const orm_cell *cell)
{
    iso_text s;
    int64_t us;
    int64_t seconds = 0;
    PyObject *zone = NULL;
    PyObject *value = NULL;
    int aware;

    if (iso_of(c, cell, "time", &s) < 0) {
        return NULL;
    }
    aware = read_time(&s, &us) < 0 ? -1 : read_zone(&s, &seconds);
    if (aware < 0 || s.at != s.end) {
        return raise_not_iso(c, cell, "time");
    }
    zone = aware ? orm_fixed_zone(c->st, seconds) : Py_NewRef(Py_None);
    if (zone != NULL) {
        value = orm_time_from_us(c, us, zone);
        Py_DECREF(zone);
    }
    return value;
}

PyObject *
orm_interval_decode_lite(orm_decctx *c, orm_type *Py_UNUSED(t), const orm_cell *cell)
{
    iso_text s;
    int64_t us;
    int64_t seconds = 0;

    if (iso_of(c, cell, "interval", &s) < 0) {
        return NULL;
    }
    if (read_datetime(&s, &us, &seconds) != 0 || s.at != s.end) {
        return raise_not_iso(c, cell, "interval");
    }
    return orm_delta_new(c, -DAYS_1970, us);
}
