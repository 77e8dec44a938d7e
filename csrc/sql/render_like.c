/*
 * render_like.c - operators over strings that are more than one word: LIKE and its family,
 *   ILIKE, MATCH, regular expressions.
 *
 * Place: from render_op.c. `contains`, `startswith`, `endswith` build their pattern in SQL
 *   around a bound value and write parentheses around themselves wherever they stand, as
 *   NOT IN does.
 */
#include "compile.h"

enum { P_NONE, P_STARTS, P_ENDS, P_CONTAINS };

/* What a member of the family is made of. */
typedef struct form {
    uint8_t pattern; /* P_* */
    bool fold;       /* case does not count */
    bool negate;
} form;

static form
form_of(int op)
{
    switch (op) {
    case ORM_OP_NOT_LIKE:
        return (form){P_NONE, false, true};
    case ORM_OP_ILIKE:
        return (form){P_NONE, true, false};
    case ORM_OP_NOT_ILIKE:
        return (form){P_NONE, true, true};
    case ORM_OP_STARTSWITH:
        return (form){P_STARTS, false, false};
    case ORM_OP_NOT_STARTSWITH:
        return (form){P_STARTS, false, true};
    case ORM_OP_ENDSWITH:
        return (form){P_ENDS, false, false};
    case ORM_OP_NOT_ENDSWITH:
        return (form){P_ENDS, false, true};
    case ORM_OP_CONTAINS:
        return (form){P_CONTAINS, false, false};
    case ORM_OP_NOT_CONTAINS:
        return (form){P_CONTAINS, false, true};
    case ORM_OP_ISTARTSWITH:
        return (form){P_STARTS, true, false};
    case ORM_OP_NOT_ISTARTSWITH:
        return (form){P_STARTS, true, true};
    case ORM_OP_IENDSWITH:
        return (form){P_ENDS, true, false};
    case ORM_OP_NOT_IENDSWITH:
        return (form){P_ENDS, true, true};
    case ORM_OP_ICONTAINS:
        return (form){P_CONTAINS, true, false};
    case ORM_OP_NOT_ICONTAINS:
        return (form){P_CONTAINS, true, true};
    default:
        return (form){P_NONE, false, false};
    }
}

bool
orm_writes_own_parens(const orm_node *n)
{
    while (n->kind == ORM_N_LABEL || n->kind == ORM_N_APPLY) {
        n = n->args[0];
    }
    return n->kind == ORM_N_BINARY
           && (n->op == ORM_OP_NOT_IN || form_of(n->op).pattern != P_NONE);
}

/* `x`, or lower(x) where case does not count and the database has no ILIKE. */
static int
put_folded(orm_cctx *cc, const orm_node *x, bool fold, int against)
{
    int rc;

    if (!fold) {
        return orm_render_against(cc, x, against);
    }
    PUTS("lower(");
    rc = orm_render(cc, x);
    orm_buf_putc(cc->out, ')');
    return rc;
}

static int
put_escape(orm_cctx *cc, const orm_node *n)
{
    if (n->payload == NULL || !PyUnicode_Check(n->payload)) {
        return 0;
    }
    PUTS(" ESCAPE ");
    return orm_put_literal(cc, NULL, n->payload);
}

static int
render_like_form(orm_cctx *cc, const orm_node *n)
{
    form f = form_of(n->op);
    bool wrap = f.pattern != P_NONE && n != cc->stmt; /* alone it needs no parentheses */
    bool ilike = f.fold && cc->d->id == ORM_PG, lower = f.fold && !ilike;

    if (wrap) {
        orm_buf_putc(cc->out, '(');
    }
    if (put_folded(cc, n->args[0], lower, ORM_OP_LIKE) < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, f.negate ? " NOT " : " ");
    orm_buf_puts(cc->out, ilike ? "ILIKE " : "LIKE ");
    if (f.pattern == P_ENDS || f.pattern == P_CONTAINS) {
        PUTS("'%' || ");
    }
    if (put_folded(cc, n->args[1], lower, f.pattern != P_NONE ? ORM_OP_CONCAT : ORM_OP_LIKE) < 0) {
        return -1;
    }
    if (f.pattern == P_STARTS || f.pattern == P_CONTAINS) {
        PUTS(" || '%'");
    }
    if (put_escape(cc, n) < 0) {
        return -1;
    }
    if (wrap) {
        orm_buf_putc(cc->out, ')');
    }
    return 0;
}

/* --- full text -------------------------------------------------------------------------- */

static int
render_match(orm_cctx *cc, const orm_node *n)
{
    if (n->op == ORM_OP_NOT_MATCH) {
        PUTS("NOT ");
    }
    if (orm_render_against(cc, n->args[0], ORM_OP_MATCH) < 0) {
        return -1;
    }
    if (cc->d->id != ORM_PG) {
        PUTS(" MATCH ");
        return orm_render_against(cc, n->args[1], ORM_OP_MATCH);
    }
    PUTS(" @@ plainto_tsquery(");
    if (n->payload != NULL) {
        if (orm_put_literal(cc, NULL, n->payload) < 0) {
            return -1;
        }
        PUTS(", ");
    }
    if (orm_render(cc, n->args[1]) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

/* --- regular expressions ---------------------------------------------------------------- */

static int
render_regexp_pg(orm_cctx *cc, const orm_node *n)
{
    bool negate = n->op == ORM_OP_NOT_REGEXP;
    bool fold = n->payload != NULL && orm_unicode_equals_ascii(n->payload, "i");
    int rc;

    orm_buf_puts(cc->out, negate ? " !~" : " ~");
    orm_buf_puts(cc->out, fold ? "* " : " ");
    if (n->payload == NULL || fold) {
        return orm_render_against(cc, n->args[1], n->op);
    }
    PUTS("CONCAT('(?', ");
    if (orm_put_literal(cc, NULL, n->payload) < 0) {
        return -1;
    }
    PUTS(", ')', ");
    rc = orm_render(cc, n->args[1]);
    orm_buf_putc(cc->out, ')');
    return rc;
}

static int
render_regexp(orm_cctx *cc, const orm_node *n)
{
    static const char *const words[2][2] = {{" REGEXP ", " NOT REGEXP "},
                                            {" <regexp> ", " <not regexp> "}};

    if (orm_render_against(cc, n->args[0], n->op) < 0) {
        return -1;
    }
    if (cc->d->id == ORM_PG) {
        return render_regexp_pg(cc, n);
    }
    orm_buf_puts(cc->out, words[cc->d->id == ORM_DEFAULT][n->op == ORM_OP_NOT_REGEXP]);
    return orm_render_against(cc, n->args[1], n->op);
}

static int
render_regexp_replace(orm_cctx *cc, const orm_node *n)
{
    if (cc->d->id == ORM_LITE) {
        return orm_compile_error(cc, "sqlite dialect does not support regular expression "
                                     "replacements");
    }
    orm_buf_puts(cc->out, cc->d->id == ORM_PG ? "REGEXP_REPLACE(" : "<regexp replace>(");
    if (orm_render_items(cc, n->args, nargs(n), ", ") < 0) {
        return -1;
    }
    if (n->payload != NULL && cc->d->id == ORM_PG) {
        PUTS(", ");
        if (orm_put_literal(cc, NULL, n->payload) < 0) {
            return -1;
        }
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

int
orm_render_like(orm_cctx *cc, const orm_node *n)
{
    switch (n->op) {
    case ORM_OP_MATCH:
    case ORM_OP_NOT_MATCH:
        return render_match(cc, n);
    case ORM_OP_REGEXP:
    case ORM_OP_NOT_REGEXP:
        return render_regexp(cc, n);
    case ORM_OP_REGEXP_REPLACE:
        return render_regexp_replace(cc, n);
    default:
        return render_like_form(cc, n);
    }
}
