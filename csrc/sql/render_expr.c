/*
 * render_expr.c - expressions: one function per kind, and parentheses.
 *
 * Place: the entry of all rendering below a statement. Operators, columns, functions,
 *   binds have files of their own.
 * Parentheses: an operator inside another is wrapped unless it binds tighter, or is the
 *   same associative operator. Where "any operator" is to be wrapped (CASE's conditions,
 *   SET's values) the caller says ORM_AG_SELF.
 * Depth: every nested rendering is counted and refused beyond ORM_MAX_DEPTH levels; long
 *   chains do not nest (render_op.c).
 */
#include "compile.h"

/* Nested C calls per level of a tree: an operand goes through several functions. */
#define MAX_NESTED (4 * ORM_MAX_DEPTH)

int
orm_render_items(orm_cctx *cc, orm_node *const *v, Py_ssize_t n, const char *sep)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        if (i > 0) {
            orm_buf_puts(cc->out, sep);
        }
        if (orm_render_against(cc, v[i], ORM_OP_COMMA) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_render_list(orm_cctx *cc, const orm_node *list, const char *sep)
{
    return orm_render_items(cc, list->args, nargs(list), sep);
}

static int
render_text(orm_cctx *cc, const orm_node *n)
{
    orm_str s;

    if (orm_str_of(n->payload, &s) < 0) {
        return -1;
    }
    if (memchr(s.p, ORM_MARK, s.n) != NULL) {
        return orm_compile_error(cc, "SQL text may not hold the character 1.");
    }
    orm_put_str(cc, s);
    return 0;
}

static int
render_star(orm_cctx *cc, const orm_node *n)
{
    if (arg(n, 0) != NULL) {
        if (orm_render_fromref(cc, orm_resolve(cc->env, NULL, n->args[0])) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, '.');
    }
    orm_buf_putc(cc->out, '*');
    return 0;
}

static int
render_constant(orm_cctx *cc, const orm_node *n)
{
    bool yes = n->kind == ORM_N_TRUEVAL;

    if (n->kind == ORM_N_NULLVAL) {
        PUTS("NULL");
    } else if (cc->d->native_boolean) {
        orm_buf_puts(cc->out, yes ? "true" : "false");
    } else {
        orm_buf_putc(cc->out, yes ? '1' : '0');
    }
    return 0;
}

static int
render_cast(orm_cctx *cc, const orm_node *n)
{
    const orm_node *x = n->args[0];

    /* Neither database has TRY_CAST; str() shows what was built. */
    if (n->aux == 1 && cc->d->id != ORM_DEFAULT) {
        return orm_unsupported(cc, n);
    }
    if (n->aux == 1) {
        PUTS("TRY_");
    }
    PUTS("CAST(");
    if ((x->kind == ORM_N_BIND ? orm_render_bind(cc, x, ORM_CAST_TYPE, false)
         : orm_render(cc, x)) < 0) {
        return -1;
    }
    PUTS(" AS ");
    if (orm_put_type(cc, n->type) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

static int
render_case(orm_cctx *cc, const orm_node *n)
{
    PUTS("CASE");
    if (n->args[0] != NULL) {
        orm_buf_putc(cc->out, ' ');
        if (orm_render(cc, n->args[0]) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 2; i + 1 < nargs(n); i += 2) {
        PUTS(" WHEN ");
        if (orm_render_against(cc, n->args[i], ORM_AG_SELF) < 0) {
            return -1;
        }
        PUTS(" THEN ");
        if (orm_render(cc, n->args[i + 1]) < 0) {
            return -1;
        }
    }
    if (n->args[1] != NULL) {
        PUTS(" ELSE ");
        if (orm_render(cc, n->args[1]) < 0) {
            return -1;
        }
    }
    PUTS(" END");
    return 0;
}

/* The parts of EXTRACT that SQLite's strftime knows. */
static const char *const EXTRACT_LITE[][2] = {
    {"month", "%m"}, {"day", "%d"},  {"year", "%Y"}, {"second", "%S"}, {"hour", "%H"},
    {"doy", "%j"},   {"minute", "%M"}, {"epoch", "%s"}, {"dow", "%w"},  {"week", "%W"},
};

static int
render_extract_lite(orm_cctx *cc, const orm_node *n, orm_str field)
{
    for (size_t i = 0; i < sizeof(EXTRACT_LITE) / sizeof(EXTRACT_LITE[0]); i++) {
        if (orm_str_eq(orm_lit(EXTRACT_LITE[i][0]), field)) {
            PUTS("CAST(STRFTIME('");
            orm_buf_puts(cc->out, EXTRACT_LITE[i][1]);
            PUTS("', ");
            if (orm_render(cc, n->args[0]) < 0) {
                return -1;
            }
            PUTS(") AS INTEGER)");
            return 0;
        }
    }
    return orm_name_error(cc, "%U is not a valid extract argument.", field);
}

static int
render_extract(orm_cctx *cc, const orm_node *n)
{
    orm_str field;

    if (orm_str_of(n->payload, &field) < 0) {
        return -1;
    }
    for (size_t i = 0; i < field.n; i++) {
        char c = field.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')) {
            return orm_compile_error(cc, "%R is not a field of EXTRACT.", n->payload);
        }
    }
    if (cc->d->id == ORM_LITE) {
        return render_extract_lite(cc, n, field);
    }
    PUTS("EXTRACT(");
    orm_put_str(cc, field);
    PUTS(" FROM ");
    if (orm_render(cc, n->args[0]) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

static int
render_collate(orm_cctx *cc, const orm_node *n)
{
    if (orm_render_against(cc, n->args[0], ORM_AG_COLLATE) < 0) {
        return -1;
    }
    PUTS(" COLLATE ");
    return orm_put_ident(cc, n->payload, 0);
}

static int
render_array(orm_cctx *cc, const orm_node *n)
{
    PUTS("ARRAY[");
    if (orm_render_list(cc, n, ", ") < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ']');
    if (nargs(n) == 0 && cc->d->id == ORM_PG) {
        return orm_put_bind_cast(cc, cc->out, n->type) < 0 ? -1 : 0;
    }
    return 0;
}

static int
render_parens(orm_cctx *cc, const orm_node *n)
{
    orm_buf_putc(cc->out, '(');
    if (orm_render_list(cc, n, ", ") < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

static int
render_subselect(orm_cctx *cc, const orm_node *stmt)
{
    orm_buf_putc(cc->out, '(');
    if (orm_render_statement(cc, stmt, 0) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

static int
render_exists(orm_cctx *cc, const orm_node *n)
{
    const orm_node *stmt = n->args[0];

    if (stmt->kind == ORM_N_SCALAR) {
        stmt = stmt->args[0];
    }
    PUTS("EXISTS ");
    return render_subselect(cc, stmt);
}

static int
render_anyall(orm_cctx *cc, const orm_node *n)
{
    const orm_node *x = n->args[0];

    orm_buf_puts(cc->out, n->op == ORM_OP_ALL ? "ALL " : "ANY ");
    if (x->kind == ORM_N_SCALAR) {
        return orm_render(cc, x);
    }
    if (orm_kind_is_stmt(x->kind)) {
        return render_subselect(cc, x);
    }
    orm_buf_putc(cc->out, '(');
    if (orm_render(cc, x) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

static int
render_apply(orm_cctx *cc, const orm_node *n)
{
    orm_env *before = cc->env;
    int rc;

    cc->env = orm_env_apply(cc, before, n);
    rc = cc->env == NULL ? -1 : orm_render(cc, n->args[0]);
    cc->env = before;
    return rc;
}

static int
render_fromcol(orm_cctx *cc, const orm_node *n)
{
    return orm_render_fromref(cc, orm_resolve(cc->env, NULL, n->args[0]));
}

static int
render_bind(orm_cctx *cc, const orm_node *n)
{
    return orm_render_bind(cc, n, ORM_CAST_TYPE, false);
}

/* The value that this UPDATE sets, read in the same statement. */
static int
render_dmlcol(orm_cctx *cc, const orm_node *n)
{
    const orm_node *values = cc->level == NULL ? NULL : arg(cc->level->stmt, ORM_DML_VALUES);

    for (Py_ssize_t i = 0; values != NULL && i < nargs(values); i++) {
        const orm_node *a = values->args[i];

        if (a->kind == ORM_N_ASSIGN && a->args[0] == n->args[0] && a->args[1] != NULL) {
            return orm_render_against(cc, a->args[1], ORM_AG_SELF);
        }
    }
    return orm_render(cc, n->args[0]);
}

/* A FROM element or a statement where a value is expected. */
static int
render_as_value(orm_cctx *cc, const orm_node *n)
{
    if (orm_kind_is_stmt(n->kind)) {
        return render_subselect(cc, n);
    }
    if (n->kind == ORM_N_VALUES) {
        orm_buf_putc(cc->out, '(');
        if (orm_render_values(cc, n) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, ')');
        return 0;
    }
    if (n->kind == ORM_N_FROMFUNC) {
        return orm_render(cc, n->args[0]);
    }
    return orm_render_fromref(cc, orm_resolve(cc->env, NULL, n));
}

static int
render_child(orm_cctx *cc, const orm_node *n)
{
    return orm_render(cc, n->args[0]);
}

static int
render_scalar(orm_cctx *cc, const orm_node *n)
{
    return n->args[0]->kind == ORM_N_VALUES ? render_as_value(cc, n->args[0])
                                            : render_subselect(cc, n->args[0]);
}

static int
render_grouping(orm_cctx *cc, const orm_node *n)
{
    orm_buf_putc(cc->out, '(');
    if (orm_render(cc, n->args[0]) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

typedef int (*render_fn)(orm_cctx *cc, const orm_node *n);

static const render_fn BY_KIND[ORM_N__COUNT] = {
    [ORM_N_COLUMN] = orm_render_column, [ORM_N_COLREF] = orm_render_column,
    [ORM_N_ATTR] = orm_render_column, [ORM_N_BIND] = render_bind,
    [ORM_N_NULLVAL] = render_constant, [ORM_N_TRUEVAL] = render_constant,
    [ORM_N_FALSEVAL] = render_constant, [ORM_N_TEXT] = render_text, [ORM_N_STAR] = render_star,
    [ORM_N_UNARY] = orm_render_operator, [ORM_N_BINARY] = orm_render_operator,
    [ORM_N_LIST] = orm_render_operator, [ORM_N_FUNC] = orm_render_func,
    [ORM_N_CAST] = render_cast, [ORM_N_TYPECOERCE] = render_child, [ORM_N_CASE] = render_case,
    [ORM_N_LABEL] = render_child, [ORM_N_OVER] = orm_render_over,
    [ORM_N_FILTER] = orm_render_window, [ORM_N_WITHIN] = orm_render_window,
    [ORM_N_AGGORDER] = orm_render_window, [ORM_N_EXTRACT] = render_extract,
    [ORM_N_COLLATE] = render_collate, [ORM_N_TUPLE] = render_parens,
    [ORM_N_ARRAY] = render_array, [ORM_N_ANYALL] = render_anyall,
    [ORM_N_EXISTS] = render_exists, [ORM_N_SCALAR] = render_scalar,
    [ORM_N_GROUPING] = render_grouping, [ORM_N_SUBSCRIPT] = orm_render_subscript,
    [ORM_N_FROMCOL] = render_fromcol, [ORM_N_DMLCOL] = render_dmlcol,
    [ORM_N_CUSTOM] = orm_render_custom, [ORM_N_APPLY] = render_apply,
    [ORM_N_TEXTSTMT] = orm_render_textstmt,
};

int
orm_render(orm_cctx *cc, const orm_node *n)
{
    render_fn fn = BY_KIND[n->kind];
    int rc = 0;

    if (++cc->depth > MAX_NESTED) {
        cc->depth--;
        return orm_compile_error(cc, "The statement nests deeper than %u levels; build lists "
                                     "with and_(*terms) or or_(*terms), or split it.",
                                 (unsigned)ORM_MAX_DEPTH);
    }
    if (cc->st->compiles_hooks != NULL && n->kind != ORM_N_CUSTOM) {
        rc = orm_hook_render(cc, n);
    }
    if (rc == 0) {
        rc = fn != NULL ? fn(cc, n) : render_as_value(cc, n);
    }
    cc->depth--;
    return rc < 0 || cc->out->failed ? (PyErr_Occurred() ? -1 : orm_no_memory()) : 0;
}

/* --- parentheses ------------------------------------------------------------------------ */

/* The operator a node is, with its precedence; no operator: a precedence above all. */
int
orm_operator_precedence(const orm_node *n, int *op)
{
    switch (n->kind) {
    case ORM_N_UNARY:
    case ORM_N_LIST:
        *op = n->op;
        return orm_op_table[n->op].precedence;
    case ORM_N_BINARY:
        *op = n->op;
        return n->op == ORM_OP_CUSTOM ? orm_custom_precedence(n) : orm_op_table[n->op].precedence;
    case ORM_N_EXISTS:
        *op = ORM_OP_EXISTS;
        return orm_op_table[ORM_OP_EXISTS].precedence;
    case ORM_N_COLLATE:
        *op = ORM_AG_COLLATE;
        return ORM_PREC_COLLATE;
    case ORM_N_SUBSCRIPT:
        *op = ORM_OP_GETITEM;
        return orm_op_table[ORM_OP_GETITEM].precedence;
    case ORM_N_APPLY:
    case ORM_N_LABEL:
    case ORM_N_TYPECOERCE:
        return orm_operator_precedence(n->args[0], op);
    case ORM_N_ATTR: /* a mapped expression */
        return orm_operator_precedence(n->args[1], op);
    default:
        *op = ORM_OP_NONE;
        return INT16_MAX;
    }
}

static bool
needs_parens(const orm_node *n, int against, int against_precedence)
{
    int op, precedence = orm_operator_precedence(n, &op);

    if (op == ORM_OP_NONE || against == ORM_AG_NONE) {
        return false;
    }
    if (n->kind == ORM_N_LIST && (nargs(n) < 2 || n->op == ORM_OP_COMMA)) {
        return false;
    }
    if (against == ORM_AG_SELF) {
        return true;
    }
    if (op == against && (op == ORM_OP_GETITEM || op == ORM_OP_COMMA
                          || (op >= 0 && (orm_op_table[op].flags & ORM_OPF_ASSOC)))) {
        return false;
    }
    return precedence <= against_precedence;
}

int
orm_render_under(orm_cctx *cc, const orm_node *n, int against, int precedence)
{
    if (orm_is_json_arrow(cc, n)) {
        return orm_render_json(cc, n, against >= 0 && against != ORM_OP_COMMA);
    }
    if (!needs_parens(n, against, precedence) || orm_writes_own_parens(n)) {
        return orm_render(cc, n);
    }
    orm_buf_putc(cc->out, '(');
    if (orm_render(cc, n) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

int
orm_render_against(orm_cctx *cc, const orm_node *n, int against)
{
    int precedence = against >= 0 ? orm_op_table[against].precedence : ORM_PREC_COLLATE;

    return orm_render_under(cc, n, against, precedence);
}

/* 1: a boolean value that is not a comparison. */
static bool
is_bare_boolean(const orm_node *n)
{
    switch (n->kind) {
    case ORM_N_ATTR:
        return is_bare_boolean(n->args[1]);
    case ORM_N_TYPECOERCE:
        if (n->args[0]->kind == ORM_N_LABEL) { /* _name_expression() */
            return is_bare_boolean(n->args[0]->args[0]);
        }
        return n->type != NULL && n->type->kind == ORM_T_BOOL;
    case ORM_N_COLUMN:
    case ORM_N_COLREF:
    case ORM_N_BIND:
    case ORM_N_FUNC:
    case ORM_N_CAST:
    case ORM_N_CASE:
    case ORM_N_SCALAR:
    case ORM_N_TEXT:
        return n->type != NULL && n->type->kind == ORM_T_BOOL;
    default:
        return false;
    }
}

int
orm_render_criterion_under(orm_cctx *cc, const orm_node *n, int against)
{
    while (n->kind == ORM_N_LABEL) {
        n = n->args[0];
    }
    if (n->kind == ORM_N_APPLY) {
        orm_env *before = cc->env;
        int rc;

        cc->env = orm_env_apply(cc, before, n);
        rc = cc->env == NULL ? -1 : orm_render_criterion_under(cc, n->args[0], against);
        cc->env = before;
        return rc;
    }
    if (cc->d->native_boolean) {
        return orm_render_against(cc, n, against);
    }
    if (n->kind == ORM_N_TRUEVAL || n->kind == ORM_N_FALSEVAL) {
        orm_buf_puts(cc->out, n->kind == ORM_N_TRUEVAL ? "1 = 1" : "0 = 1");
        return 0;
    }
    if (is_bare_boolean(n)) {
        if (orm_render_against(cc, n, ORM_OP_EQ) < 0) {
            return -1;
        }
        PUTS(" = 1");
        return 0;
    }
    return orm_render_against(cc, n, against);
}

int
orm_render_criterion(orm_cctx *cc, const orm_node *n)
{
    return orm_render_criterion_under(cc, n, ORM_AG_NONE);
}
