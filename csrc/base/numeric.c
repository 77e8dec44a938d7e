/*
 * numeric.c - PostgreSQL's binary numeric, to and from decimal text; see numeric.h.
 *
 * Both directions are exact: no floating point, no intermediate big integer. A base-10000
 * digit is four decimal digits, aligned to the decimal point, so the conversion is a copy
 * with an offset.
 */
#include "base/numeric.h"

#include <assert.h>

#include "base/wire.h"

#define HEAD_BYTES 8

static unsigned
digit_at(const orm_numeric *num, int64_t i)
{
    return i >= 0 && i < num->ndigits ? orm_load16(num->digits + 2 * i) : 0;
}

int
orm_numeric_read(const void *p, size_t len, orm_numeric *out)
{
    const char *bytes = p;
    if (len < HEAD_BYTES) {
        return -1;
    }
    *out = (orm_numeric){
        .ndigits = orm_load16(bytes),
        .weight = (int16_t)orm_load16(bytes + 2),
        .sign = orm_load16(bytes + 4),
        .dscale = (int16_t)orm_load16(bytes + 6),
        .digits = bytes + HEAD_BYTES,
    };
    switch (out->sign) {
    case ORM_NUMERIC_NAN:
    case ORM_NUMERIC_PINF:
    case ORM_NUMERIC_NINF:
        return len == HEAD_BYTES && out->ndigits == 0 ? 0 : -1;
    case ORM_NUMERIC_POS:
    case ORM_NUMERIC_NEG:
        break;
    default:
        return -1;
    }
    if (len != HEAD_BYTES + 2 * (size_t)out->ndigits || out->dscale < 0
        || out->dscale > ORM_NUMERIC_MAX_SCALE) {
        return -1;
    }
    for (int64_t i = 0; i < out->ndigits; i++) {
        if (digit_at(out, i) > 9999) {
            return -1;
        }
    }
    return 0;
}

/* Four decimal digits of one base-10000 digit. */
static void
spell(unsigned digit, char text[4])
{
    text[0] = (char)('0' + digit / 1000);
    text[1] = (char)('0' + digit / 100 % 10);
    text[2] = (char)('0' + digit / 10 % 10);
    text[3] = (char)('0' + digit % 10);
}

static int
text_of_special(const orm_numeric *num, orm_buf *out)
{
    if (num->sign == ORM_NUMERIC_NAN) {
        orm_buf_puts(out, "NaN");
    }
    else {
        orm_buf_puts(out, num->sign == ORM_NUMERIC_PINF ? "Infinity" : "-Infinity");
    }
    return out->failed ? -1 : 0;
}

int
orm_numeric_text(const orm_numeric *num, orm_buf *out)
{
    char four[4];
    if (num->sign != ORM_NUMERIC_POS && num->sign != ORM_NUMERIC_NEG) {
        return text_of_special(num, out);
    }
    if (num->sign == ORM_NUMERIC_NEG) {
        orm_buf_putc(out, '-');
    }
    bool started = false;
    for (int64_t i = 0; i <= num->weight; i++) {
        spell(digit_at(num, i), four);
        for (int k = 0; k < 4; k++) {
            started = started || four[k] != '0';
            if (started) {
                orm_buf_putc(out, four[k]);
            }
        }
    }
    if (!started) {
        orm_buf_putc(out, '0');
    }
    if (num->dscale > 0) {
        orm_buf_putc(out, '.');
        for (int64_t done = 0; done < num->dscale; done += 4) {
            int64_t left = num->dscale - done;
            spell(digit_at(num, (int64_t)num->weight + 1 + done / 4), four);
            orm_buf_put(out, four, (size_t)(left < 4 ? left : 4));
        }
    }
    return out->failed ? -1 : 0;
}

int
orm_numeric_int64(const orm_numeric *num, int64_t *out)
{
    if (num->sign != ORM_NUMERIC_POS && num->sign != ORM_NUMERIC_NEG) {
        return 0;
    }
    for (int64_t i = num->weight >= 0 ? (int64_t)num->weight + 1 : 0; i < num->ndigits; i++) {
        if (digit_at(num, i) != 0) {
            return 0;
        }
    }
    int64_t value = 0;
    for (int64_t i = 0; i <= num->weight; i++) {
        int64_t digit = digit_at(num, i);
        /* built downwards, so that the smallest int64 fits */
        if (__builtin_mul_overflow(value, 10000, &value)
            || __builtin_sub_overflow(value, digit, &value)) {
            return 0;
        }
    }
    if (num->sign == ORM_NUMERIC_POS && __builtin_sub_overflow(0, value, &value)) {
        return 0;
    }
    *out = value;
    return 1;
}

static int64_t
floor_div4(int64_t a)
{
    return a >= 0 ? a / 4 : -((-a + 3) / 4);
}

int
orm_numeric_put(orm_buf *out, bool negative, const char *digits, size_t n, int64_t exponent)
{
    while (n > 0 && digits[0] == '0') {
        digits++;
        n--;
    }
    if (exponent < -ORM_NUMERIC_MAX_SCALE) {
        return -1;
    }
    int64_t dscale = exponent < 0 ? -exponent : 0;
    if (n > 0 && (n > ORM_NUMERIC_MAX_INT + ORM_NUMERIC_MAX_SCALE || exponent > ORM_NUMERIC_MAX_INT
                  || (int64_t)n + exponent > ORM_NUMERIC_MAX_INT)) {
        return -1;
    }
    /* the first and the last digit stand at these powers of ten */
    int64_t weight = 0, first = 0, ndigits = 0;
    if (n > 0) {
        int64_t top = (int64_t)n - 1 + exponent;
        weight = floor_div4(top);
        first = weight;
        ndigits = first - floor_div4(exponent) + 1;
    }
    size_t start = out->len;
    orm_buf_put16(out, 0);
    orm_buf_put16(out, (uint16_t)(int16_t)weight);
    orm_buf_put16(out, negative && n > 0 ? ORM_NUMERIC_NEG : ORM_NUMERIC_POS);
    orm_buf_put16(out, (uint16_t)dscale);
    int64_t kept = 0; /* digits without trailing zeros: PostgreSQL's normal form */
    for (int64_t i = 0; i < ndigits; i++) {
        int64_t power = (first - i) * 4 + 3; /* of the leftmost of the four */
        unsigned value = 0;
        for (int k = 0; k < 4; k++, power--) {
            int64_t at = (int64_t)n - 1 + exponent - power;
            value = value * 10 + (at >= 0 && at < (int64_t)n ? (unsigned)(digits[at] - '0') : 0);
        }
        assert(value <= 9999);
        orm_buf_put16(out, (uint16_t)value);
        if (value != 0) {
            kept = i + 1;
        }
    }
    if (out->failed) {
        return -1;
    }
    out->len = start + HEAD_BYTES + 2 * (size_t)kept;
    orm_store16(out->p + start, (uint16_t)kept);
    return 0;
}

void
orm_numeric_put_special(orm_buf *out, uint16_t sign)
{
    orm_buf_put16(out, 0);
    orm_buf_put16(out, 0);
    orm_buf_put16(out, sign);
    orm_buf_put16(out, 0);
}
