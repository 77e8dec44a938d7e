/*
 * render_func.c - functions, their windows and modifiers.
 *
 * Place: from render_expr.c. A function whose name differs between databases stands in the
 *   table below; every other is written as it was called.
 */
#include "compile.h"

/* Names that a database knows under another one. NULL: as it is. */
static const struct {
    const char *name;                 /* as in func.<name> */
    const char *text[ORM_DEFAULT + 1]; /* by dialect */
} RENAMED[] = {
    {"aggregate_strings", {"string_agg", "group_concat", NULL}},
    {"char_length", {NULL, "length", NULL}},
    {"pow", {"power", NULL, NULL}},
    {"rollup", {"ROLLUP", "ROLLUP", "ROLLUP"}},
    {"cube", {"CUBE", "CUBE", "CUBE"}},
    {"grouping_sets", {"GROUPING SETS", "GROUPING SETS", "GROUPING SETS"}},
};

/* Functions whose first of several arguments is a text search configuration. */
static const char *const TEXT_SEARCH[] = {
    "to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery",
    "websearch_to_tsquery", "ts_headline",
};

static bool
is_text_search(orm_str name)
{
    for (size_t i = 0; i < sizeof(TEXT_SEARCH) / sizeof(TEXT_SEARCH[0]); i++) {
        if (orm_str_eq(orm_lit(TEXT_SEARCH[i]), name)) {
            return true;
        }
    }
    return false;
}

/* A function's name is quoted only for characters that no plain name has. */
static int
put_function_name(orm_cctx *cc, PyObject *part)
{
    orm_str s;
    bool plain = true;

    if (orm_str_of(part, &s) < 0) {
        return -1;
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        plain &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
                 || (i > 0 && ((c >= '0' && c <= '9') || c == '$'));
    }
    return orm_put_name(cc, s, plain ? 2 : 1);
}

static int
put_arguments(orm_cctx *cc, const orm_node *n, orm_str name)
{
    bool search = nargs(n) > 1 && is_text_search(name);

    for (Py_ssize_t i = 0; i < nargs(n); i++) {
        const orm_node *x = n->args[i];
        int rc;

        if (i > 0) {
            PUTS(", ");
        }
        if (x->kind == ORM_N_BIND && i == 1 && orm_str_eq(name, orm_lit("aggregate_strings"))) {
            rc = orm_render_constant_bind(cc, x);
        } else if (x->kind == ORM_N_BIND) {
            /* Nothing but the value tells the server the type of an argument. */
            rc = orm_render_bind(cc, x, search && i == 0 ? ORM_CAST_REGCONFIG : ORM_CAST_TYPE,
                                 true);
        } else {
            rc = orm_render_against(cc, x, ORM_OP_COMMA);
        }
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

/* CURRENT_TIMESTAMP and its kind: a word without parentheses. */
static int
put_word(orm_cctx *cc, orm_str name)
{
    bool upper = !orm_str_eq(name, orm_lit("sysdate"));

    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        orm_buf_putc(cc->out, upper && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
    return 0;
}

static int
put_packaged_name(orm_cctx *cc, PyObject *parts)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts); i++) {
        if (i > 0) {
            orm_buf_putc(cc->out, '.');
        }
        if (put_function_name(cc, PyTuple_GET_ITEM(parts, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

static const char *
other_name(orm_cctx *cc, orm_str name)
{
    for (size_t i = 0; i < sizeof(RENAMED) / sizeof(RENAMED[0]); i++) {
        if (orm_str_eq(orm_lit(RENAMED[i].name), name)) {
            return RENAMED[i].text[cc->d->id];
        }
    }
    return NULL;
}

int
orm_render_func(orm_cctx *cc, const orm_node *n)
{
    orm_str name = {"", 0};
    const char *other;
    int rc;

    if (PyTuple_Check(n->payload)) {
        rc = put_packaged_name(cc, n->payload);
    } else {
        if (orm_str_of(n->payload, &name) < 0) {
            return -1;
        }
        if (n->aux & ORM_FUNC_NOPARENS) {
            return put_word(cc, name);
        }
        if (cc->d->id == ORM_LITE && nargs(n) == 0 && orm_str_eq(name, orm_lit("now"))) {
            PUTS("CURRENT_TIMESTAMP");
            return 0;
        }
        other = other_name(cc, name);
        rc = 0;
        if (other != NULL) {
            orm_buf_puts(cc->out, other);
        } else {
            rc = put_function_name(cc, n->payload);
        }
    }
    if (rc < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, '(');
    if (nargs(n) == 0 && orm_str_eq(name, orm_lit("count"))) {
        orm_buf_putc(cc->out, '*');
    }
    if (put_arguments(cc, n, name) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

/* --- windows ---------------------------------------------------------------------------- */

static int
put_frame_bound(orm_cctx *cc, unsigned how, const orm_node *value, bool lower)
{
    switch (how) {
    case ORM_BOUND_UNBOUNDED:
        orm_buf_puts(cc->out, lower ? "UNBOUNDED PRECEDING" : "UNBOUNDED FOLLOWING");
        return 0;
    case ORM_BOUND_CURRENT:
        PUTS("CURRENT ROW");
        return 0;
    default:
        if (orm_render(cc, value) < 0) {
            return -1;
        }
        orm_buf_puts(cc->out, how == ORM_BOUND_PRECEDING ? " PRECEDING" : " FOLLOWING");
        return 0;
    }
}

static int
put_frame(orm_cctx *cc, const orm_node *frame)
{
    static const char *const units[] = {"", "ROWS", "RANGE", "GROUPS"};
    static const char *const excludes[] = {"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                           " EXCLUDE TIES", " EXCLUDE NO OTHERS"};
    unsigned exclude = (frame->aux >> ORM_FRAME_EXCLUDE) & 7;

    orm_buf_puts(cc->out, units[frame->aux & ORM_FRAME_UNIT]);
    PUTS(" BETWEEN ");
    if (put_frame_bound(cc, (frame->aux >> ORM_FRAME_LO) & 7, arg(frame, 0), true) < 0) {
        return -1;
    }
    PUTS(" AND ");
    if (put_frame_bound(cc, (frame->aux >> ORM_FRAME_HI) & 7, arg(frame, 1), false) < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, excludes[exclude <= 4 ? exclude : 0]);
    return 0;
}

int
orm_render_over(orm_cctx *cc, const orm_node *n)
{
    const orm_node *partition = arg(n, 1), *order = arg(n, 2), *frame = arg(n, 3);
    const char *sep = "";

    if (orm_render(cc, n->args[0]) < 0) {
        return -1;
    }
    PUTS(" OVER (");
    if (partition != NULL && nargs(partition) > 0) {
        PUTS("PARTITION BY ");
        if (orm_render_list(cc, partition, ", ") < 0) {
            return -1;
        }
        sep = " ";
    }
    if (order != NULL && nargs(order) > 0) {
        orm_buf_puts(cc->out, sep);
        PUTS("ORDER BY ");
        if (orm_render_order(cc, order, true) < 0) {
            return -1;
        }
        sep = " ";
    }
    if (frame != NULL) {
        orm_buf_puts(cc->out, sep);
        if (put_frame(cc, frame) < 0) {
            return -1;
        }
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

int
orm_render_window(orm_cctx *cc, const orm_node *n)
{
    if (orm_render(cc, n->args[0]) < 0) {
        return -1;
    }
    switch (n->kind) {
    case ORM_N_FILTER:
        PUTS(" FILTER (WHERE ");
        if (orm_render_criterion(cc, n->args[1]) < 0) {
            return -1;
        }
        break;
    case ORM_N_WITHIN:
        PUTS(" WITHIN GROUP (ORDER BY ");
        if (orm_render_order(cc, n->args[1], true) < 0) {
            return -1;
        }
        break;
    default:
        PUTS(" ORDER BY ");
        return orm_render_order(cc, n->args[1], true);
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}
