/*
 * numeric.h - PostgreSQL's binary numeric, to and from decimal text, exactly.
 *
 * Wire form (numeric_send in PostgreSQL's numeric.c): int16 ndigits, weight, sign, dscale,
 * then ndigits base-10000 digits; value = sum digit[i] * 10000^(weight - i). dscale is how
 * many decimals are shown, so 1.50 and 1.5 differ only there. Sign words: 0x0000 +, 0x4000
 * -, 0xC000 NaN, 0xD000 Infinity, 0xF000 -Infinity.
 */
#ifndef ORM_BASE_NUMERIC_H
#define ORM_BASE_NUMERIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    ORM_NUMERIC_POS = 0x0000,
    ORM_NUMERIC_NEG = 0x4000,
    ORM_NUMERIC_NAN = 0xC000,
    ORM_NUMERIC_PINF = 0xD000,
    ORM_NUMERIC_NINF = 0xF000
};

/* PostgreSQL's own limits: digits before and after the point. */
#define ORM_NUMERIC_MAX_INT 131072
#define ORM_NUMERIC_MAX_SCALE 16383

typedef struct orm_numeric {
    uint16_t sign;      /* one of the ORM_NUMERIC_ words */
    int16_t weight;     /* power of 10000 of the first digit */
    int16_t dscale;     /* decimals shown, 0..16383 */
    uint16_t ndigits;   /* base-10000 digits */
    const char *digits; /* borrowed: ndigits big-endian int16, checked to be 0..9999 */
} orm_numeric;

/* Check (p, len) completely; 0, or -1 for a malformed value. */
int orm_numeric_read(const void *p, size_t len, orm_numeric *out);

/* Append the plain decimal text with exactly dscale decimals ("-0.050", "NaN", "Infinity").
 * 0, or -1 when memory is out (buf->failed). */
int orm_numeric_text(const orm_numeric *num, orm_buf *out);

/* 1 and *out when the value is an integer (no nonzero decimals) within int64; else 0. */
int orm_numeric_int64(const orm_numeric *num, int64_t *out);

/* Append the wire form of (-1)^negative * digits * 10^exponent, where `digits` are `n` ASCII
 * digits (leading zeros allowed, n = 0 is zero). dscale becomes max(0, -exponent).
 * 0; -1 when beyond PostgreSQL's limits or memory is out (then buf->failed). */
int orm_numeric_put(orm_buf *out, bool negative, const char *digits, size_t n, int64_t exponent);
/* Append a special value: ORM_NUMERIC_NAN, _PINF or _NINF. */
void orm_numeric_put_special(orm_buf *out, uint16_t sign);

#endif /* ORM_BASE_NUMERIC_H */
