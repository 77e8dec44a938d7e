/*
 * coretest/wire.c - tests of PostgreSQL's binary values: access, arrays, numeric.
 *
 * Decoders read what a server sent: every truncation of a good value and every flipped bit
 * must be refused or decoded within bounds, which AddressSanitizer watches (each case is
 * copied to a block of its exact size).
 */
#include "coretest/coretest.h"

#include "base/base.h"

static void
stores_load_back_when_at_the_edges(orm_check *c)
{
    char at[9] = {0};

    orm_store16(at + 1, 0x8001);
    ORM_CHECK(c, (unsigned char)at[1] == 0x80 && orm_load16(at + 1) == 0x8001);
    orm_store32(at + 1, 0x80000001u);
    ORM_CHECK(c, orm_load32(at + 1) == 0x80000001u && (unsigned char)at[4] == 1);
    orm_store64(at + 1, UINT64_C(0x0102030405060708));
    ORM_CHECK(c, at[1] == 1 && at[8] == 8 && orm_load64(at + 1) == UINT64_C(0x0102030405060708));
    orm_store_f64(at + 1, -0.0);
    ORM_CHECK(c, (unsigned char)at[1] == 0x80 && orm_load_f64(at + 1) == 0.0);
    orm_store_f32(at, 1.5f);
    ORM_CHECK(c, orm_load_f32(at) == 1.5f);
}

/* {{1,NULL},{3,4}} of int4 */
static void
put_array(orm_buf *buf)
{
    static const int32_t sizes[] = {2, 2};
    orm_buf_put_array(buf, 23, true, 2, sizes);
    for (uint32_t i = 1; i <= 4; i++) {
        char word[4];
        orm_store32(word, i);
        if (i == 2) {
            orm_buf_put_null(buf);
        }
        else {
            orm_buf_put_elem(buf, word, 4);
        }
    }
}

/* Decode completely: elements, or -1 where the value is malformed. */
static int64_t
walk_array(const char *p, size_t len)
{
    orm_wire w = orm_wire_over(p, len);
    orm_array_head head;
    if (orm_wire_array_head(&w, &head) < 0) {
        return -1;
    }
    uint64_t sum = 0;
    for (int64_t i = 0; i < head.count; i++) {
        const char *elem;
        int32_t n;
        if (orm_wire_elem(&w, &elem, &n) < 0) {
            return -1;
        }
        for (int32_t k = 0; k < n; k++) {
            sum += (unsigned char)elem[k];
        }
    }
    return (int64_t)(sum & 0xffff);
}

static void
array_reads_back_when_it_has_dimensions_and_nulls(orm_check *c)
{
    orm_buf buf;
    orm_buf_init(&buf);
    put_array(&buf);
    orm_wire w = orm_wire_over(buf.p, buf.len);
    orm_array_head head;

    ORM_CHECK(c, orm_wire_array_head(&w, &head) == 0 && head.ndim == 2 && head.count == 4);
    ORM_CHECK(c, head.elem_oid == 23 && head.has_null && head.size[1] == 2 && head.lower[0] == 1);
    const char *p;
    int32_t len;
    ORM_CHECK(c, orm_wire_elem(&w, &p, &len) == 1 && len == 4 && orm_load32(p) == 1);
    ORM_CHECK(c, orm_wire_elem(&w, &p, &len) == 0 && p == NULL);
    ORM_CHECK(c, orm_wire_elem(&w, &p, &len) == 1 && orm_wire_elem(&w, &p, &len) == 1);
    ORM_CHECK(c, orm_wire_left(&w) == 0 && orm_wire_elem(&w, &p, &len) == -1 && w.bad);

    orm_buf_reset(&buf);
    orm_buf_put_array1(&buf, 25, 0, false);
    w = orm_wire_over(buf.p, buf.len);
    ORM_CHECK(c, orm_wire_array_head(&w, &head) == 0 && head.ndim == 0 && head.count == 0);
    orm_buf_fini(&buf);
}

static void
array_is_refused_when_cut_or_with_false_sizes(orm_check *c)
{
    orm_buf buf;
    orm_buf_init(&buf);
    put_array(&buf);
    for (size_t len = 0; len < buf.len; len++) {
        char *exact = orm_malloc(len);
        memcpy(exact, buf.p, len);
        ORM_CHECK(c, walk_array(exact, len) == -1);
        orm_free(exact);
    }
    for (size_t bit = 0; bit < buf.len * 8; bit++) {
        char *exact = orm_malloc(buf.len);
        memcpy(exact, buf.p, buf.len);
        exact[bit / 8] ^= (char)(1 << bit % 8);
        walk_array(exact, buf.len);
        orm_free(exact);
    }
    orm_wire w;
    orm_array_head head;
    orm_store32(buf.p + 12, 0x7fffffff); /* 2^31 - 1 times 2 elements in 60 bytes */
    w = orm_wire_over(buf.p, buf.len);
    ORM_CHECK(c, orm_wire_array_head(&w, &head) == -1 && w.bad);
    orm_store32(buf.p, 7); /* more dimensions than PostgreSQL has */
    w = orm_wire_over(buf.p, buf.len);
    ORM_CHECK(c, orm_wire_array_head(&w, &head) == -1);
    orm_buf_fini(&buf);
}

/* Write sign, digits and exponent, read them back as text. */
static bool
numeric_is(bool negative, const char *digits, int64_t exponent, const char *text)
{
    orm_buf wire, out;
    orm_numeric num;
    orm_buf_init(&wire);
    orm_buf_init(&out);
    bool same = orm_numeric_put(&wire, negative, digits, strlen(digits), exponent) == 0
                && orm_numeric_read(wire.p, wire.len, &num) == 0 && orm_numeric_text(&num, &out) == 0
                && strcmp(orm_buf_cstr(&out), text) == 0;
    orm_buf_fini(&wire);
    orm_buf_fini(&out);
    return same;
}

static void
numeric_keeps_value_and_scale_when_written_and_read(orm_check *c)
{
    ORM_CHECK(c, numeric_is(false, "0", 0, "0") && numeric_is(false, "", 0, "0"));
    ORM_CHECK(c, numeric_is(true, "0", -3, "0.000")); /* there is no negative zero */
    ORM_CHECK(c, numeric_is(false, "150", -2, "1.50") && numeric_is(true, "15", -1, "-1.5"));
    ORM_CHECK(c, numeric_is(false, "12345", 0, "12345"));
    ORM_CHECK(c, numeric_is(false, "12345678", -4, "1234.5678"));
    ORM_CHECK(c, numeric_is(false, "1", -5, "0.00001"));
    ORM_CHECK(c, numeric_is(false, "10000", -8, "0.00010000"));
    ORM_CHECK(c, numeric_is(false, "1", 9, "1000000000"));
    ORM_CHECK(c, numeric_is(false, "00012", 3, "12000"));
    ORM_CHECK(c, numeric_is(true, "99999999999999999999", -10, "-9999999999.9999999999"));
}

static void
numeric_is_in_normal_form_when_zeros_trail(orm_check *c)
{
    orm_buf wire;
    orm_numeric num;
    orm_buf_init(&wire);

    orm_numeric_put(&wire, false, "100000000", 9, 0);
    orm_numeric_read(wire.p, wire.len, &num);

    ORM_CHECK(c, num.ndigits == 1 && num.weight == 2 && wire.len == 10);
    orm_buf_fini(&wire);
}

static void
numeric_is_refused_when_beyond_the_limits(orm_check *c)
{
    orm_buf wire;
    orm_buf_init(&wire);

    ORM_CHECK(c, orm_numeric_put(&wire, false, "1", 1, ORM_NUMERIC_MAX_INT - 1) == 0);
    orm_buf_reset(&wire);
    ORM_CHECK(c, orm_numeric_put(&wire, false, "1", 1, ORM_NUMERIC_MAX_INT) == -1);
    ORM_CHECK(c, orm_numeric_put(&wire, false, "1", 1, -ORM_NUMERIC_MAX_SCALE) == 0);
    orm_buf_reset(&wire);
    ORM_CHECK(c, orm_numeric_put(&wire, false, "1", 1, -ORM_NUMERIC_MAX_SCALE - 1) == -1);
    ORM_CHECK(c, orm_numeric_put(&wire, false, "1", 1, INT64_MAX) == -1);
    ORM_CHECK(c, orm_numeric_put(&wire, false, "1", 1, INT64_MIN) == -1);
    ORM_CHECK(c, wire.len == 0);
    orm_buf_fini(&wire);
}

static void
numeric_reads_specials_and_refuses_garbage(orm_check *c)
{
    orm_buf wire, out;
    orm_numeric num;
    orm_buf_init(&wire);
    orm_buf_init(&out);
    orm_numeric_put_special(&wire, ORM_NUMERIC_NINF);
    ORM_CHECK(c, orm_numeric_read(wire.p, wire.len, &num) == 0);
    orm_numeric_text(&num, &out);
    ORM_CHECK(c, strcmp(orm_buf_cstr(&out), "-Infinity") == 0);

    orm_buf_reset(&wire);
    orm_numeric_put(&wire, true, "1234567890123", 13, -4);
    for (size_t len = 0; len < wire.len; len++) {
        ORM_CHECK(c, orm_numeric_read(wire.p, len, &num) == -1);
    }
    for (size_t bit = 0; bit < wire.len * 8; bit++) {
        char *exact = orm_malloc(wire.len);
        memcpy(exact, wire.p, wire.len);
        exact[bit / 8] ^= (char)(1 << bit % 8);
        orm_buf_reset(&out);
        if (orm_numeric_read(exact, wire.len, &num) == 0) {
            ORM_CHECK(c, orm_numeric_text(&num, &out) == 0);
        }
        orm_free(exact);
    }
    orm_store16(wire.p + 8, 10000); /* no digit of base 10000 */
    ORM_CHECK(c, orm_numeric_read(wire.p, wire.len, &num) == -1);
    orm_buf_fini(&wire);
    orm_buf_fini(&out);
}

static bool
int64_of(bool negative, const char *digits, int64_t exponent, int64_t *out)
{
    orm_buf wire;
    orm_numeric num;
    orm_buf_init(&wire);
    bool is = orm_numeric_put(&wire, negative, digits, strlen(digits), exponent) == 0
              && orm_numeric_read(wire.p, wire.len, &num) == 0 && orm_numeric_int64(&num, out) == 1;
    orm_buf_fini(&wire);
    return is;
}

static void
numeric_becomes_int64_when_it_is_one(orm_check *c)
{
    int64_t n = 0;

    ORM_CHECK(c, int64_of(true, "9223372036854775808", 0, &n) && n == INT64_MIN);
    ORM_CHECK(c, int64_of(false, "9223372036854775807", 0, &n) && n == INT64_MAX);
    ORM_CHECK(c, !int64_of(false, "9223372036854775808", 0, &n));
    ORM_CHECK(c, !int64_of(true, "9223372036854775809", 0, &n));
    ORM_CHECK(c, int64_of(false, "1200", -2, &n) && n == 12);
    ORM_CHECK(c, !int64_of(false, "1201", -2, &n) && !int64_of(false, "1", -2, &n));
    ORM_CHECK(c, int64_of(false, "0", -2, &n) && n == 0);
    ORM_CHECK(c, int64_of(false, "7", 5, &n) && n == 700000);
}

static const orm_coretest_case checks[] = {
    {"stores_load_back_when_at_the_edges", stores_load_back_when_at_the_edges},
    {"array_reads_back_when_it_has_dimensions_and_nulls",
     array_reads_back_when_it_has_dimensions_and_nulls},
    {"array_is_refused_when_cut_or_with_false_sizes", array_is_refused_when_cut_or_with_false_sizes},
    {"numeric_keeps_value_and_scale_when_written_and_read",
     numeric_keeps_value_and_scale_when_written_and_read},
    {"numeric_is_in_normal_form_when_zeros_trail", numeric_is_in_normal_form_when_zeros_trail},
    {"numeric_is_refused_when_beyond_the_limits", numeric_is_refused_when_beyond_the_limits},
    {"numeric_reads_specials_and_refuses_garbage", numeric_reads_specials_and_refuses_garbage},
    {"numeric_becomes_int64_when_it_is_one", numeric_becomes_int64_when_it_is_one},
    {NULL, NULL},
};

const orm_coretest_room orm_coretest_wire = {.checks = checks};
