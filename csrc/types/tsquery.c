/*
 * types/tsquery.c - PostgreSQL's tsquery and money as texts.
 *
 * Place: results only; parameters go as text through opaque.c. A tsquery comes as the number
 *   of its nodes and the nodes in prefix order, an operator's right side first; it is written
 *   as PostgreSQL writes it: 'a' & ( 'b' | !'c' ). Money comes as an int64 of hundredths.
 * Source: PostgreSQL, Text Search Types; tsquerysend and cash_send.
 */
#include "types/types_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { VALUE = 1, OPERATOR = 2 };
enum { NOT = 1, AND = 2, OR = 3, PHRASE = 4 };

typedef struct query {
    orm_wire w;
    int32_t left; /* nodes not read yet */
    int depth;    /* of the recursion */
} query;

static int put_node(query *q, orm_buf *out, int parent, bool right_of_phrase);

/* A lexeme in quotes, with its weights behind it. 0/-1 (malformed). */
static int
put_value(query *q, orm_buf *out)
{
    const char *head = orm_wire_take(&q->w, 2);
    const char *text = q->w.at;
    const char *end = head == NULL ? NULL : memchr(text, 0, orm_wire_left(&q->w));

    if (end == NULL) {
        return -1;
    }
    (void)orm_wire_take(&q->w, (size_t)(end - text) + 1);
    orm_buf_putc(out, '\'');
    for (const char *p = text; p < end; p++) {
        if (*p == '\'' || *p == '\\') {
            orm_buf_putc(out, *p);
        }
        orm_buf_putc(out, *p);
    }
    orm_buf_putc(out, '\'');
    if (head[0] != 0 || head[1] != 0) {
        orm_buf_putc(out, ':');
    }
    if (head[1] != 0) {
        orm_buf_putc(out, '*');
    }
    for (int bit = 3; bit >= 0; bit--) {
        if (head[0] & (1 << bit)) {
            orm_buf_putc(out, "DCBA"[bit]);
        }
    }
    return 0;
}

/* left op right; the wire has the right side first. 0/-1. */
static int
put_binary(query *q, orm_buf *out, int op, int priority)
{
    int distance = op == PHRASE ? orm_wire_i16(&q->w) : 0;
    orm_buf right = {0};
    int rc = put_node(q, &right, priority, op == PHRASE);

    if (rc == 0) {
        rc = put_node(q, out, priority, false);
    }
    if (rc == 0 && op == PHRASE && distance != 1) {
        orm_buf_printf(out, " <%d> ", distance);
    }
    else if (rc == 0) {
        orm_buf_puts(out, op == AND ? " & " : op == OR ? " | " : " <-> ");
    }
    if (rc == 0) {
        orm_buf_put(out, right.p == NULL ? "" : right.p, right.len);
    }
    if (right.failed) {
        out->failed = true;
    }
    orm_buf_fini(&right);
    return rc;
}

/* One node and what is below it. 0/-1 (malformed or too deep). */
static int
put_node(query *q, orm_buf *out, int parent, bool right_of_phrase)
{
    static const int priorities[] = {0, 4, 2, 1, 3}; /* NOT, AND, OR, PHRASE */
    const char *kind = orm_wire_take(&q->w, 1);
    const char *op;
    bool parentheses;
    int rc;

    if (kind == NULL || q->left-- <= 0 || ++q->depth > 1000) {
        return -1;
    }
    if (*kind == VALUE) {
        q->depth--;
        return put_value(q, out);
    }
    op = orm_wire_take(&q->w, 1);
    if (*kind != OPERATOR || op == NULL || *op < NOT || *op > PHRASE) {
        return -1;
    }
    parentheses = priorities[(int)*op] < parent || (*op == PHRASE && right_of_phrase);
    orm_buf_puts(out, parentheses ? "( " : "");
    if (*op == NOT) {
        orm_buf_putc(out, '!');
        rc = put_node(q, out, priorities[NOT], false);
    }
    else {
        rc = put_binary(q, out, *op, priorities[(int)*op]);
    }
    orm_buf_puts(out, parentheses ? " )" : "");
    q->depth--;
    return rc;
}

PyObject *
orm_tsquery_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    query q = {.w = orm_wire_over(cell->p, (size_t)cell->len)};
    PyObject *text = NULL;
    orm_buf buf = {0};

    if (cell->kind == ORM_V_TEXT) {
        return orm_text_from_utf8(c, cell->p, cell->len);
    }
    q.left = orm_wire_i32(&q.w);
    if (q.left > 0 && put_node(&q, &buf, -1, false) < 0) {
        text = orm_decode_malformed(c, t, cell);
    }
    else if (buf.failed) {
        PyErr_NoMemory();
    }
    else {
        text = orm_text_from_utf8(c, buf.p == NULL ? "" : buf.p, (Py_ssize_t)buf.len);
    }
    orm_buf_fini(&buf);
    return text;
}

PyObject *
orm_money_decode_pg(orm_decctx *c, orm_type *t, const orm_cell *cell)
{
    orm_wire w = orm_wire_over(cell->p, (size_t)cell->len);
    int64_t cents = orm_wire_i64(&w);
    uint64_t size = cents < 0 ? 0 - (uint64_t)cents : (uint64_t)cents;
    char text[32];
    int n;

    if (cell->kind == ORM_V_TEXT) {
        return orm_text_from_utf8(c, cell->p, cell->len);
    }
    if (w.bad) {
        return orm_decode_malformed(c, t, cell);
    }
    n = snprintf(text, sizeof(text), "%s%" PRIu64 ".%02d", cents < 0 ? "-" : "", size / 100,
                 (int)(size % 100));
    return orm_text_from_utf8(c, text, n);
}
