/*
 * render_op.c - operators: UNARY, BINARY and LIST nodes.
 *
 * Place: from render_expr.c. Text and precedence come from sql_ops.h's table; operators
 *   marked CALL have a form of their own, in render_like.c and below.
 * Invariants: no recursion along a chain. Nested ANDs (where().where()) and left-deep sums
 *   are gathered into a list of operands first. More than CHAIN_MOST operands of AND or OR
 *   go to SQLite as a balanced tree: its parser refuses a chain deeper than 1000.
 */
#include "compile.h"

#define CHAIN_MOST 500

/* The operands of nested lists and chains of one associative operator, in order. */
typedef struct chain {
    const orm_node **v; /* PyMem */
    size_t n, cap;
} chain;

static int
chain_add(chain *c, const orm_node *n)
{
    if (c->n == c->cap) {
        size_t cap = c->cap == 0 ? 16 : c->cap * 2;
        const orm_node **v = PyMem_Realloc(c->v, cap * sizeof(*v));

        if (v == NULL) {
            return orm_no_memory();
        }
        c->v = v;
        c->cap = cap;
    }
    c->v[c->n++] = n;
    return 0;
}

/* Flatten without recursion: `todo` holds what is still to be looked at, last first. */
static int
gather(const orm_node *root, chain *out)
{
    chain todo = {0};
    int rc = chain_add(&todo, root);

    while (rc == 0 && todo.n > 0) {
        const orm_node *n = todo.v[--todo.n];
        bool same = n->kind == root->kind && n->op == root->op
                    && (n == root || !(n->aux & ORM_LIST_GROUPED) || n->kind != ORM_N_LIST)
                    && !(n != root && (n->flags & ORM_F_HOOK));

        if (!same) {
            rc = chain_add(out, n);
            continue;
        }
        for (Py_ssize_t i = nargs(n); rc == 0 && i-- > 0;) {
            rc = chain_add(&todo, n->args[i]);
        }
    }
    PyMem_Free(todo.v);
    return rc;
}

static int
render_operand(orm_cctx *cc, const orm_node *n, int op)
{
    if (op == ORM_OP_AND || op == ORM_OP_OR) {
        return orm_render_criterion_under(cc, n, op);
    }
    return orm_render_against(cc, n, op);
}

/* ((a OR b) OR (c OR d)): half and half, so that the depth is the logarithm. */
static int
render_balanced(orm_cctx *cc, const orm_node *const *v, size_t n, int op)
{
    size_t half = n / 2;

    if (n == 1) {
        return render_operand(cc, v[0], op);
    }
    orm_buf_putc(cc->out, '(');
    if (render_balanced(cc, v, half, op) < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, orm_op_table[op].sql);
    if (render_balanced(cc, v + half, n - half, op) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

static int
render_chain(orm_cctx *cc, const orm_node *n)
{
    chain c = {0};
    int rc = gather(n, &c);

    if (rc == 0 && c.n > CHAIN_MOST && (cc->flags & ORM_R_WIRE) && cc->d->id == ORM_LITE
        && (n->op == ORM_OP_AND || n->op == ORM_OP_OR)) {
        rc = render_balanced(cc, c.v, c.n, n->op);
        c.n = 0;
    }
    for (size_t i = 0; rc == 0 && i < c.n; i++) {
        if (i > 0) {
            orm_buf_puts(cc->out, orm_op_table[n->op].sql);
        }
        rc = render_operand(cc, c.v[i], n->op);
    }
    PyMem_Free(c.v);
    return rc;
}

static int
render_list(orm_cctx *cc, const orm_node *n)
{
    int rc;

    if (n->op != ORM_OP_COMMA) {
        return render_chain(cc, n);
    }
    if (n->aux & ORM_LIST_GROUPED) {
        orm_buf_putc(cc->out, '(');
    }
    rc = orm_render_list(cc, n, ", ");
    if (n->aux & ORM_LIST_GROUPED) {
        orm_buf_putc(cc->out, ')');
    }
    return rc;
}

/* --- unary ------------------------------------------------------------------------------ */

/* x is true, x is false, where x is a boolean value and not a comparison. */
static int
render_truth(orm_cctx *cc, const orm_node *n)
{
    if (cc->d->native_boolean) {
        if (n->op == ORM_OP_IS_FALSE) {
            PUTS("NOT ");
        }
        return orm_render_against(cc, n->args[0], ORM_OP_NOT);
    }
    if (orm_render_against(cc, n->args[0], ORM_OP_EQ) < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, n->op == ORM_OP_IS_FALSE ? " = 0" : " = 1");
    return 0;
}

static int
render_unary(orm_cctx *cc, const orm_node *n)
{
    const orm_op_info *info = &orm_op_table[n->op];

    if (n->op == ORM_OP_IS_TRUE || n->op == ORM_OP_IS_FALSE) {
        return render_truth(cc, n);
    }
    if (info->flags & ORM_OPF_SUFFIX) {
        const orm_node *inner = n->args[0];
        bool bare = inner->kind == ORM_N_UNARY /* x DESC NULLS LAST */
                    && (orm_op_table[inner->op].flags & ORM_OPF_SUFFIX);

        if ((bare ? orm_render(cc, inner) : orm_render_against(cc, inner, n->op)) < 0) {
            return -1;
        }
        orm_buf_puts(cc->out, info->sql);
        return 0;
    }
    orm_buf_puts(cc->out, info->sql);
    return orm_render_against(cc, n->args[0], n->op);
}

/* --- binary ----------------------------------------------------------------------------- */

int
orm_custom_precedence(const orm_node *n)
{
    return (int16_t)(n->aux >> 16);
}

static int
render_custom_op(orm_cctx *cc, const orm_node *n)
{
    int precedence = orm_custom_precedence(n);
    orm_str text;

    if (orm_str_of(n->payload, &text) < 0) {
        return -1;
    }
    if (memchr(text.p, ORM_MARK, text.n) != NULL) {
        return orm_compile_error(cc, "An operator may not hold the character 1.");
    }
    if (orm_render_under(cc, n->args[0], ORM_OP_CUSTOM, precedence) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ' ');
    orm_put_str(cc, text);
    orm_buf_putc(cc->out, ' ');
    return orm_render_under(cc, n->args[1], ORM_OP_CUSTOM, precedence);
}

/* Right side of IN: values in one bind, expressions, a SELECT. */
static int
render_in(orm_cctx *cc, const orm_node *n)
{
    const orm_node *right = n->args[1];
    bool negate = n->op == ORM_OP_NOT_IN;
    int rc;

    if (negate) {
        orm_buf_putc(cc->out, '(');
    }
    if (orm_render_against(cc, n->args[0], n->op) < 0) {
        return -1;
    }
    if (right->kind == ORM_N_BIND && (right->aux & ORM_BIND_EXPANDING)) {
        rc = orm_render_in_bind(cc, right, negate);
    } else {
        orm_buf_puts(cc->out, negate ? " NOT IN " : " IN ");
        if (orm_kind_is_stmt(right->kind) && right->kind != ORM_N_TEXTSTMT) {
            orm_buf_putc(cc->out, '(');
            rc = orm_render_statement(cc, right, 0);
            orm_buf_putc(cc->out, ')');
        } else if (right->kind == ORM_N_LIST || right->kind == ORM_N_TUPLE
                   || right->kind == ORM_N_SCALAR || right->kind == ORM_N_GROUPING) {
            rc = orm_render(cc, right);
        } else {
            orm_buf_putc(cc->out, '(');
            rc = orm_render(cc, right);
            orm_buf_putc(cc->out, ')');
        }
    }
    if (negate) {
        orm_buf_putc(cc->out, ')');
    }
    return rc;
}

static int
render_between(orm_cctx *cc, const orm_node *n)
{
    if (orm_render_against(cc, n->args[0], n->op) < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, orm_op_table[n->op].sql);
    if (orm_render_against(cc, n->args[1], ORM_OP_AND) < 0) {
        return -1;
    }
    PUTS(" AND ");
    return orm_render_against(cc, n->args[2], ORM_OP_AND);
}

static bool
is_number(const orm_node *n, bool *integer)
{
    int kind = n->type == NULL ? ORM_T_NULL : n->type->kind;

    *integer = kind == ORM_T_INT16 || kind == ORM_T_INT32 || kind == ORM_T_INT64;
    return *integer || kind == ORM_T_NUMERIC || kind == ORM_T_FLOAT || kind == ORM_T_FLOAT32;
}

/* `/` never drops a fraction: the right side is made a number that is not an integer. */
static int
render_truediv(orm_cctx *cc, const orm_node *n)
{
    const orm_node *right = n->args[1];
    bool integer, number = is_number(right, &integer);

    if (orm_render_against(cc, n->args[0], n->op) < 0) {
        return -1;
    }
    PUTS(" / ");
    if (cc->d->id == ORM_LITE) {
        orm_buf_putc(cc->out, '(');
        if (orm_render_against(cc, right, ORM_OP_ADD) < 0) {
            return -1;
        }
        PUTS(" + 0.0)");
        return 0;
    }
    PUTS("CAST(");
    if (orm_render(cc, right) < 0) {
        return -1;
    }
    PUTS(" AS ");
    if (integer || !number) {
        PUTS("NUMERIC");
    } else if (orm_put_type(cc, right->type) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

/* ANY and ALL stand on the right: `ANY (x) < y` is `y > ANY (x)`. */
static int
render_mirrored(orm_cctx *cc, const orm_node *n, const char *text)
{
    switch (n->op) {
    case ORM_OP_LT:
        text = " > ";
        break;
    case ORM_OP_LE:
        text = " >= ";
        break;
    case ORM_OP_GT:
        text = " < ";
        break;
    case ORM_OP_GE:
        text = " <= ";
        break;
    default:
        break;
    }
    if (orm_render_against(cc, n->args[1], n->op) < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, text);
    return orm_render_against(cc, n->args[0], n->op);
}

static int
render_infix(orm_cctx *cc, const orm_node *n, const char *text)
{
    const orm_node *left = n->args[0];
    int rc;

    if (left->kind == ORM_N_ANYALL && n->args[1]->kind != ORM_N_ANYALL) {
        return render_mirrored(cc, n, text);
    }

    /* `$1 IS NULL`: nothing else tells the server the type. */
    if (left->kind == ORM_N_BIND && (n->op == ORM_OP_IS || n->op == ORM_OP_IS_NOT)) {
        rc = orm_render_bind(cc, left, ORM_CAST_TYPE, true);
    } else {
        rc = orm_render_against(cc, left, n->op);
    }
    if (rc < 0) {
        return -1;
    }
    orm_buf_puts(cc->out, text);
    return orm_render_against(cc, n->args[1], n->op);
}

static int
render_floordiv(orm_cctx *cc, const orm_node *n)
{
    bool left, right;

    is_number(n->args[0], &left);
    is_number(n->args[1], &right);
    if (left && right) {
        return render_infix(cc, n, " / ");
    }
    PUTS("FLOOR(");
    if (render_infix(cc, n, " / ") < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

static int
render_pow(orm_cctx *cc, const orm_node *n)
{
    orm_buf_puts(cc->out, cc->d->id == ORM_PG ? "power(" : "pow(");
    if (orm_render_list(cc, n, ", ") < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

/* SQLite has no XOR: (a | b) - (a & b). */
static int
render_xor_lite(orm_cctx *cc, const orm_node *n)
{
    static const int ops[2] = {ORM_OP_BIT_OR, ORM_OP_BIT_AND};

    orm_buf_putc(cc->out, '(');
    for (int i = 0; i < 2; i++) {
        orm_buf_puts(cc->out, i > 0 ? " - (" : "(");
        if (orm_render_against(cc, n->args[0], ops[i]) < 0) {
            return -1;
        }
        orm_buf_puts(cc->out, orm_op_table[ops[i]].sql);
        if (orm_render_against(cc, n->args[1], ops[i]) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, ')');
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

/* What a database writes with other words. */
static const char *
infix_text(orm_cctx *cc, const orm_node *n)
{
    if (cc->d->id == ORM_LITE && n->op == ORM_OP_DISTINCT_FROM) {
        return " IS NOT ";
    }
    if (cc->d->id == ORM_LITE && n->op == ORM_OP_NOT_DISTINCT_FROM) {
        return " IS ";
    }
    if (cc->d->id == ORM_PG && n->op == ORM_OP_BIT_XOR) {
        return " # ";
    }
    return orm_op_table[n->op].sql;
}

/* a + b + c + ...: left-deep chains of an operator that needs no parentheses. */
static int
render_left_chain(orm_cctx *cc, const orm_node *n)
{
    chain spine = {0};
    const orm_node *at = n;
    const char *text = infix_text(cc, n);
    int rc = 0;

    while (rc == 0 && at->kind == ORM_N_BINARY && at->op == n->op) {
        rc = chain_add(&spine, at);
        at = at->args[0];
    }
    rc = rc == 0 ? orm_render_against(cc, at, n->op) : rc;
    while (rc == 0 && spine.n > 0) {
        orm_buf_puts(cc->out, text);
        rc = orm_render_against(cc, spine.v[--spine.n]->args[1], n->op);
    }
    PyMem_Free(spine.v);
    return rc;
}

static int
render_binary(orm_cctx *cc, const orm_node *n)
{
    switch (n->op) {
    case ORM_OP_CUSTOM:
        return render_custom_op(cc, n);
    case ORM_OP_IN:
    case ORM_OP_NOT_IN:
        return render_in(cc, n);
    case ORM_OP_BETWEEN:
    case ORM_OP_NOT_BETWEEN:
    case ORM_OP_BETWEEN_SYM:
    case ORM_OP_NOT_BETWEEN_SYM:
        return render_between(cc, n);
    case ORM_OP_TRUEDIV:
        return render_truediv(cc, n);
    case ORM_OP_FLOORDIV:
        return render_floordiv(cc, n);
    case ORM_OP_POW:
        return render_pow(cc, n);
    case ORM_OP_JSON_GETITEM:
    case ORM_OP_JSON_PATH:
        return orm_render_json(cc, n, false);
    case ORM_OP_GETITEM:
        return orm_render_subscript(cc, n);
    case ORM_OP_BIT_XOR:
        if (cc->d->id == ORM_LITE) {
            return render_xor_lite(cc, n);
        }
        break;
    default:
        break;
    }
    if (orm_op_table[n->op].flags & (ORM_OPF_LIKE | ORM_OPF_CALL) && n->op != ORM_OP_BIT_XOR) {
        return orm_render_like(cc, n);
    }
    if (orm_op_table[n->op].flags & ORM_OPF_ASSOC) {
        return render_left_chain(cc, n);
    }
    return render_infix(cc, n, infix_text(cc, n));
}

int
orm_render_operator(orm_cctx *cc, const orm_node *n)
{
    switch (n->kind) {
    case ORM_N_UNARY:
        return render_unary(cc, n);
    case ORM_N_LIST:
        return render_list(cc, n);
    default:
        return render_binary(cc, n);
    }
}
