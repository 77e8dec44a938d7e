/*
 * render_json.c - subscripts: arrays, JSON by key, index and path.
 *
 * Place: from render_op.c and render_expr.c. How a JSON subscript is written depends on the
 *   database, on JSON or JSONB, and on the type the caller wants: JSON itself, text
 *   (`->>`), or another type (a CAST around `->>`).
 * A JSON arrow inside another operator always has parentheses; inside its CAST if it has one.
 */
#include "compile.h"

enum { AS_JSON, AS_TEXT, AS_OTHER };

static int
wanted(const orm_node *n)
{
    if (n->aux & ORM_JSON_ASTEXT) {
        return AS_TEXT;
    }
    switch (n->type->kind) {
    case ORM_T_JSON:
    case ORM_T_JSONB:
    case ORM_T_NULL:
        return AS_JSON;
    case ORM_T_TEXT:
        return AS_TEXT;
    default:
        return AS_OTHER;
    }
}

static int
put_index(orm_cctx *cc, const orm_node *n)
{
    const orm_node *index = n->args[1];
    int cast = ORM_CAST_NONE;

    if (index->kind != ORM_N_BIND) {
        return orm_render_against(cc, index, ORM_OP_JSON_GETITEM);
    }
    if (n->op == ORM_OP_JSON_GETITEM && index->payload != NULL) {
        cast = PyLong_Check(index->payload) ? ORM_CAST_INT : ORM_CAST_TEXT;
    }
    return orm_render_bind(cc, index, cast, n->op == ORM_OP_JSON_GETITEM);
}

/* x -> y, x ->> y, x #> y, x #>> y. */
static int
put_arrow(orm_cctx *cc, const orm_node *n, int as)
{
    if (orm_render_against(cc, n->args[0], ORM_OP_JSON_GETITEM) < 0) {
        return -1;
    }
    if (n->op == ORM_OP_JSON_PATH) {
        orm_buf_puts(cc->out, as == AS_JSON ? " #> " : " #>> ");
    } else {
        orm_buf_puts(cc->out, as == AS_JSON ? " -> " : " ->> ");
    }
    return put_index(cc, n);
}

static int
put_cast_end(orm_cctx *cc, const orm_node *n)
{
    PUTS(" AS ");
    if (orm_put_type(cc, n->type) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

static bool
is_jsonb_subscript(const orm_cctx *cc, const orm_node *n)
{
    const orm_type *base = n->args[0]->type;

    /* Servers before 14 have no brackets for JSONB; the arrow means the same everywhere. */
    return !(cc->flags & ORM_R_WIRE) && n->op == ORM_OP_JSON_GETITEM && wanted(n) == AS_JSON
        && base != NULL
           && orm_type_impl((orm_type *)base, ORM_PG)->kind == ORM_T_JSONB;
}

/* documents.data[$1]: JSONB subscripting of PostgreSQL. */
static int
put_brackets(orm_cctx *cc, const orm_node *n)
{
    const orm_node *base = n->args[0];
    bool chain = base->kind == ORM_N_BINARY && base->op == ORM_OP_JSON_GETITEM
                 && (cc->d->id == ORM_DEFAULT || is_jsonb_subscript(cc, base));

    if ((chain ? orm_render(cc, base) : orm_render_against(cc, base, ORM_OP_GETITEM)) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, '[');
    if (put_index(cc, n) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ']');
    return 0;
}

int
orm_render_json_target(orm_cctx *cc, const orm_node *n)
{
    int rc;

    if (n->kind != ORM_N_BINARY || n->op != ORM_OP_JSON_GETITEM) {
        bool bare = cc->bare;

        cc->bare = true;
        rc = orm_render(cc, n);
        cc->bare = bare;
        return rc;
    }
    if (orm_render_json_target(cc, n->args[0]) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, '[');
    rc = put_index(cc, n);
    orm_buf_putc(cc->out, ']');
    return rc;
}

static int
render_pg(orm_cctx *cc, const orm_node *n, bool nested)
{
    int as = wanted(n);

    if (is_jsonb_subscript(cc, n)) {
        return put_brackets(cc, n);
    }
    if (as == AS_OTHER) {
        PUTS("CAST(");
    }
    orm_buf_puts(cc->out, nested ? "(" : "");
    if (put_arrow(cc, n, as) < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, nested ? ")" : "");
    return as == AS_OTHER ? put_cast_end(cc, n) : 0;
}

static int
render_lite(orm_cctx *cc, const orm_node *n, bool nested)
{
    int as = wanted(n);

    if (as == AS_TEXT) {
        orm_buf_puts(cc->out, nested ? "(" : "");
        if (put_arrow(cc, n, as) < 0) {
            return -1;
        }
        orm_buf_puts(cc->out, nested ? ")" : "");
        return 0;
    }
    orm_buf_puts(cc->out, as == AS_JSON ? "JSON_QUOTE(JSON_EXTRACT(" : "CAST(JSON_EXTRACT(");
    if (orm_render(cc, n->args[0]) < 0) {
        return -1;
    }
    PUTS(", ");
    if (orm_render(cc, n->args[1]) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    if (as == AS_JSON) {
        orm_buf_putc(cc->out, ')');
        return 0;
    }
    return put_cast_end(cc, n);
}

int
orm_render_json(orm_cctx *cc, const orm_node *n, bool nested)
{
    if (cc->d->id == ORM_PG) {
        return render_pg(cc, n, nested);
    }
    if (cc->d->id == ORM_LITE) {
        return render_lite(cc, n, nested);
    }
    if (wanted(n) == AS_TEXT) {
        return render_lite(cc, n, nested);
    }
    return put_brackets(cc, n);
}

/* 1: a JSON subscript that is written as an operator. */
bool
orm_is_json_arrow(const orm_cctx *cc, const orm_node *n)
{
    if (n->kind != ORM_N_BINARY || (n->op != ORM_OP_JSON_GETITEM && n->op != ORM_OP_JSON_PATH)) {
        return false;
    }
    if (cc->d->id == ORM_PG) {
        return !is_jsonb_subscript(cc, n);
    }
    return wanted(n) == AS_TEXT;
}

/* --- arrays ----------------------------------------------------------------------------- */

static int
put_bound(orm_cctx *cc, const orm_node *n)
{
    return n == NULL ? 0 : orm_render(cc, n);
}

/* x[i], x[a:b]; what is more than a column has parentheses before the bracket. */
int
orm_render_subscript(orm_cctx *cc, const orm_node *n)
{
    const orm_node *base = n->args[0], *index = n->args[1];
    bool wrap = base->kind == ORM_N_FUNC || base->kind == ORM_N_ARRAY;
    int rc;

    orm_buf_puts(cc->out, wrap ? "(" : "");
    rc = wrap ? orm_render(cc, base) : orm_render_against(cc, base, ORM_OP_GETITEM);
    orm_buf_puts(cc->out, wrap ? ")[" : "[");
    if (rc < 0) {
        return -1;
    }
    if (index->kind == ORM_N_SLICE) {
        rc = put_bound(cc, index->args[0]);
        orm_buf_putc(cc->out, ':');
        rc = rc < 0 ? rc : put_bound(cc, arg(index, 1));
    } else {
        rc = orm_render(cc, index);
    }
    orm_buf_putc(cc->out, ']');
    return rc;
}
