/*
 * render_from.c - elements of a FROM list: tables, aliases, joins, subqueries, VALUES,
 *   functions.
 *
 * Place: from render_select.c and render_dml.c. The name of an alias is fixed before its
 *   body is written: generated names are counted in that order.
 */
#include "compile.h"

static int
put_alias_name(orm_cctx *cc, const orm_node *named)
{
    orm_str name;

    PUTS(" AS ");
    return orm_from_name(cc, named, &name) < 0 ? -1 : orm_put_name(cc, name, 0);
}

/* (x, y): the columns of VALUES or a function, with their types when asked. */
static int
put_column_names(orm_cctx *cc, const orm_node *list, bool types)
{
    orm_buf_putc(cc->out, '(');
    for (Py_ssize_t i = 0; list != NULL && i < nargs(list); i++) {
        const orm_node *base = orm_origin_column(list->args[i]);

        if (i > 0) {
            PUTS(", ");
        }
        if (base->kind == ORM_N_COLUMN) {
            if (orm_put_ident(cc, orm_node_named(base)->name, orm_node_column(base)->quote) < 0) {
                return -1;
            }
        } else if (base->payload != NULL && orm_put_ident(cc, base->payload, 0) < 0) {
            return -1;
        }
        if (types && base->type != NULL) {
            orm_buf_putc(cc->out, ' ');
            if (orm_put_type(cc, base->type) < 0) {
                return -1;
            }
        }
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

/* --- VALUES ----------------------------------------------------------------------------- */

static int
put_row(orm_cctx *cc, const orm_node *row)
{
    orm_buf_putc(cc->out, '(');
    for (Py_ssize_t i = 0; i < nargs(row); i++) {
        const orm_node *x = row->args[i];

        if (i > 0) {
            PUTS(", ");
        }
        if ((x->kind == ORM_N_BIND ? orm_render_bind(cc, x, ORM_CAST_TYPE, true)
                                   : orm_render_against(cc, x, ORM_OP_COMMA)) < 0) {
            return -1;
        }
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

int
orm_render_values(orm_cctx *cc, const orm_node *n)
{
    const orm_node *rows = n->args[1];
    unsigned before = cc->flags;
    int rc = 0;

    PUTS("VALUES ");
    if (n->aux & ORM_VALUES_LITERAL) {
        cc->flags |= ORM_R_LITERALS;
    }
    for (Py_ssize_t i = 0; rc == 0 && rows != NULL && i < nargs(rows); i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        rc = put_row(cc, rows->args[i]);
    }
    cc->flags = before;
    return rc;
}

/* SQLite has no column list behind an alias: its own names are replaced inside. */
static int
put_values_lite(orm_cctx *cc, const orm_node *n, const orm_node *named)
{
    PUTS("(SELECT ");
    for (Py_ssize_t i = 0; i < nargs(n->args[0]); i++) {
        const orm_node *column = orm_origin_column(n->args[0]->args[i]);

        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        orm_buf_printf(cc->out, "column%zd AS ", i + 1);
        if (orm_put_ident(cc, orm_node_named(column)->name, 0) < 0) {
            return -1;
        }
    }
    PUTS(" FROM (");
    if (orm_render_values(cc, n) < 0) {
        return -1;
    }
    PUTS("))");
    return named->payload == NULL ? 0 : put_alias_name(cc, named);
}

static int
put_values_from(orm_cctx *cc, const orm_node *n, const orm_node *named)
{
    orm_str name;

    if ((cc->flags & ORM_R_WIRE) && cc->d->id == ORM_LITE) {
        return put_values_lite(cc, n, named);
    }

    if (named->payload != NULL && orm_from_name(cc, named, &name) < 0) {
        return -1;
    }
    if (n->aux & ORM_VALUES_LATERAL) {
        PUTS("LATERAL ");
    }
    orm_buf_putc(cc->out, '(');
    if (orm_render_values(cc, n) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ')');
    if (named->payload == NULL) {
        return 0;
    }
    if (put_alias_name(cc, named) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, ' ');
    return put_column_names(cc, n->args[0], false);
}

/* --- functions -------------------------------------------------------------------------- */

static int
put_function(orm_cctx *cc, const orm_node *n, const orm_node *named)
{
    bool derived = n->aux & (ORM_FROMFUNC_DERIVED | ORM_FROMFUNC_TYPES);
    orm_str name;

    if ((n->aux & ORM_FROMFUNC_IMPLICIT) == 0 && orm_from_name(cc, named, &name) < 0) {
        return -1;
    }
    if (n->aux & ORM_FROMFUNC_LATERAL) {
        PUTS("LATERAL ");
    }
    if (orm_render(cc, n->args[0]) < 0) {
        return -1;
    }
    if (n->aux & ORM_FROMFUNC_ORDINALITY) {
        PUTS(" WITH ORDINALITY");
    }
    if (n->aux & ORM_FROMFUNC_IMPLICIT) {
        return 0;
    }
    if (put_alias_name(cc, named) < 0) {
        return -1;
    }
    return derived ? put_column_names(cc, arg(n, 1), n->aux & ORM_FROMFUNC_TYPES) : 0;
}

/* --- aliases and subqueries ------------------------------------------------------------- */

static int
put_subquery(orm_cctx *cc, const orm_node *n, const orm_node *named)
{
    const orm_node *stmt = n->args[0];
    bool lateral = n->kind == ORM_N_LATERAL;
    orm_str name;

    if (orm_from_name(cc, named, &name) < 0) {
        return -1;
    }
    if (lateral) {
        PUTS("LATERAL ");
    }
    if (stmt->kind == ORM_N_FROMFUNC) {
        if (orm_render(cc, stmt->args[0]) < 0) {
            return -1;
        }
    } else if (stmt->kind == ORM_N_VALUES) {
        return put_values_from(cc, stmt, named);
    } else {
        orm_buf_putc(cc->out, '(');
        if (orm_render_statement(cc, stmt, ORM_RF_ASFROM | (lateral ? ORM_RF_LATERAL : 0)) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, ')');
    }
    return put_alias_name(cc, named);
}

static int
put_sampling(orm_cctx *cc, const orm_node *n)
{
    PUTS(" TABLESAMPLE ");
    if (orm_render(cc, n->args[1]) < 0) {
        return -1;
    }
    if (arg(n, 2) != NULL) {
        PUTS(" REPEATABLE (");
        if (orm_render(cc, n->args[2]) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, ')');
    }
    return 0;
}

/* An alias of an alias is written as one alias of what is innermost. */
static int
put_alias(orm_cctx *cc, const orm_node *n)
{
    const orm_node *inner = orm_selectable(n->args[0]);
    orm_str name;
    int rc;

    while (inner->kind == ORM_N_ALIAS) {
        inner = orm_selectable(inner->args[0]);
    }
    if (orm_from_name(cc, n, &name) < 0) {
        return -1;
    }
    switch (inner->kind) {
    case ORM_N_SUBQUERY:
    case ORM_N_LATERAL:
        return put_subquery(cc, inner, n);
    case ORM_N_VALUES:
        return put_values_from(cc, inner, n);
    case ORM_N_FROMFUNC:
        return put_function(cc, inner, n);
    case ORM_N_JOIN:
        orm_buf_putc(cc->out, '(');
        rc = orm_render_from(cc, inner);
        orm_buf_putc(cc->out, ')');
        break;
    case ORM_N_TABLE:
    case ORM_N_CTE:
        rc = orm_render_fromref(cc, inner);
        break;
    default:
        rc = orm_render_from(cc, inner);
    }
    if (rc < 0 || put_alias_name(cc, n) < 0) {
        return -1;
    }
    return (n->aux & ORM_ALIAS_SAMPLE) ? put_sampling(cc, n) : 0;
}

/* --- joins ------------------------------------------------------------------------------ */

static int
put_join_right(orm_cctx *cc, const orm_node *join)
{
    const orm_node *right = orm_selectable(join->args[1]);
    int rc;

    if (join->aux & ORM_JOIN_FULL) {
        PUTS(" FULL OUTER JOIN ");
    } else if (join->aux & ORM_JOIN_OUTER) {
        PUTS(" LEFT OUTER JOIN ");
    } else {
        PUTS(" JOIN ");
    }
    if (right->kind == ORM_N_JOIN) {
        orm_buf_putc(cc->out, '(');
        rc = orm_render_from(cc, right);
        orm_buf_putc(cc->out, ')');
    } else {
        rc = orm_render_from(cc, right);
    }
    if (rc < 0) {
        return -1;
    }
    PUTS(" ON ");
    return orm_render_criterion(cc, join->args[2]);
}

/* Left-deep chains are written from the left without recursion. */
static int
put_joins(orm_cctx *cc, const orm_node *n)
{
    const orm_node **spine, *at = n;
    size_t depth = 0;
    int rc;

    while (at->kind == ORM_N_JOIN) {
        depth++;
        at = orm_selectable(at->args[0]);
    }
    spine = orm_arena_array(&cc->arena, depth, sizeof(*spine));
    if (spine == NULL) {
        return orm_no_memory();
    }
    at = n;
    for (size_t i = depth; i-- > 0; at = orm_selectable(at->args[0])) {
        spine[i] = at;
    }
    rc = orm_render_from(cc, at);
    for (size_t i = 0; rc == 0 && i < depth; i++) {
        rc = put_join_right(cc, spine[i]);
    }
    return rc;
}

/* with_hint(table, text): PostgreSQL knows ONLY; SQLite has no hints of tables. */
static int
put_hint(orm_cctx *cc, const orm_node *table)
{
    const orm_node *stmt = cc->level == NULL ? NULL : cc->level->stmt;
    const orm_node *hints = stmt == NULL || stmt->kind != ORM_N_SELECT
                                ? NULL : stmt->args[ORM_SEL_HINTS];

    for (Py_ssize_t i = 0; cc->d->id == ORM_PG && hints != NULL && i < nargs(hints); i++) {
        const orm_node *hint = hints->args[i], *text = hint->args[1];

        if (hint->args[0] == NULL || orm_selectable(hint->args[0]) != table
            || (hint->payload != NULL && !orm_unicode_equals_ascii(hint->payload, cc->d->name))) {
            continue;
        }
        if (text->kind != ORM_N_TEXT || !orm_unicode_equals_ascii(text->payload, "ONLY")) {
            return orm_compile_error(cc, "PostgreSQL has no hint of a table but ONLY.");
        }
        PUTS("ONLY ");
    }
    return 0;
}

int
orm_render_from(orm_cctx *cc, const orm_node *n)
{
    n = orm_selectable(n);
    switch (n->kind) {
    case ORM_N_ALIAS:
        return put_alias(cc, n);
    case ORM_N_SUBQUERY:
    case ORM_N_LATERAL:
        return put_subquery(cc, n, n);
    case ORM_N_JOIN:
        return put_joins(cc, n);
    case ORM_N_VALUES:
        return put_values_from(cc, n, n);
    case ORM_N_FROMFUNC:
        return put_function(cc, n, n);
    case ORM_N_TABLE:
        return put_hint(cc, n) < 0 ? -1 : orm_render_fromref(cc, n);
    case ORM_N_CTE:
        return orm_render_fromref(cc, n);
    default:
        return orm_render(cc, n);
    }
}
