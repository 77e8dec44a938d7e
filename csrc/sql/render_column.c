/*
 * render_column.c - columns, through substitutions, and the names before them.
 *
 * Place: from render_expr.c, with the scope (scope.c) of the place in the text.
 * Rule: the column's name first, then its selectable's: generated names are counted in
 *   that order. A column whose selectable is replaced here is looked up in the replacement
 *   by its base column, never by name.
 */
#include "compile.h"

/* --- names of selectables --------------------------------------------------------------- */

/* What an anonymous alias of `sel` counts: the table's name, else `anon`. */
static int
alias_body(const orm_node *sel, orm_str *out)
{
    sel = orm_selectable(sel);
    *out = orm_lit("anon");
    switch (sel->kind) {
    case ORM_N_TABLE:
        return orm_str_of(orm_node_named(sel)->name, out);
    case ORM_N_ALIAS:
    case ORM_N_SUBQUERY:
        return sel->payload != NULL ? orm_str_of(sel->payload, out) : 0;
    default:
        return 0;
    }
}

int
orm_from_name(orm_cctx *cc, const orm_node *sel, orm_str *out)
{
    orm_str body;

    sel = orm_selectable(sel);
    if (sel->kind == ORM_N_TABLE) {
        return orm_str_of(orm_node_named(sel)->name, out);
    }
    if (sel->kind == ORM_N_CTE) {
        return orm_render_cte_ref(cc, sel, out);
    }
    if (sel->payload != NULL && PyUnicode_Check(sel->payload)) {
        return orm_str_of(sel->payload, out);
    }
    body = orm_lit("anon");
    if (sel->kind == ORM_N_ALIAS && alias_body(sel->args[0], &body) < 0) {
        return -1;
    }
    return orm_anon_name(cc, sel, 0, body, out);
}

static int
put_schema(orm_cctx *cc, const TableObject *table)
{
    PyObject *schema = table->schema, *mapped = NULL;
    int rc;

    if (cc->opts != NULL && cc->opts->schema_map != NULL) {
        /* The map is not a part of the key: such a text serves one execution. */
        cc->uncacheable = true;
        rc = PyDict_GetItemRef(cc->opts->schema_map, schema != NULL ? schema : Py_None, &mapped);
        if (rc < 0 || (mapped != NULL && orm_keep(cc, mapped) < 0)) {
            return -1;
        }
        schema = mapped == NULL ? schema : mapped == Py_None ? NULL : mapped;
    }
    if (schema == NULL) {
        return 0;
    }
    if (orm_put_ident(cc, schema, table->quote_schema) < 0) {
        return -1;
    }
    orm_buf_putc(cc->out, '.');
    return 0;
}

int
orm_render_fromref(orm_cctx *cc, const orm_node *sel)
{
    orm_str name;

    sel = orm_selectable(sel);
    if (sel->kind == ORM_N_TABLE) {
        const TableObject *table = orm_node_table(sel);

        if (put_schema(cc, table) < 0) {
            return -1;
        }
        return orm_put_ident(cc, table->n.name, table->quote);
    }
    if (orm_from_name(cc, sel, &name) < 0) {
        return -1;
    }
    return orm_put_name(cc, name, 0);
}

/* --- columns ---------------------------------------------------------------------------- */

/* 1: `sel` exports the base column. */
static int
exports(orm_cctx *cc, const orm_node *sel, const orm_node *base)
{
    const orm_collist *list;

    sel = orm_selectable(sel);
    switch (sel->kind) {
    case ORM_N_TABLE:
        return base->kind == ORM_N_COLUMN && base->args[0] == sel;
    case ORM_N_ALIAS:
        return exports(cc, sel->args[0], base);
    case ORM_N_SUBQUERY:
    case ORM_N_CTE:
    case ORM_N_LATERAL:
        list = orm_columns_of(cc, sel->args[0]);
        if (list == NULL) {
            return -1;
        }
        for (size_t i = 0; i < list->ncols; i++) {
            if (orm_origin_column(list->cols[i].expr) == base) {
                return 1;
            }
        }
        return 0;
    case ORM_N_JOIN: {
        int rc = exports(cc, sel->args[0], base);

        return rc != 0 ? rc : exports(cc, sel->args[1], base);
    }
    default:
        return 0;
    }
}

/* The member of a JOIN that exports the base column; `sel` itself if it is no JOIN. */
static const orm_node *
member_with(orm_cctx *cc, const orm_node *sel, const orm_node *base)
{
    sel = orm_selectable(sel);
    while (sel->kind == ORM_N_JOIN) {
        int rc = exports(cc, sel->args[1], base);

        if (rc < 0) {
            return NULL;
        }
        sel = orm_selectable(sel->args[rc ? 1 : 0]);
    }
    return sel;
}

/* `sel.name`, the name quoted as the column asks. */
static int
put_column(orm_cctx *cc, const orm_node *sel, orm_str name, int quote)
{
    bool bare = cc->bare || sel == NULL
                || (sel->kind == ORM_N_VALUES && sel->payload == NULL);

    if (!bare) {
        if (orm_render_fromref(cc, sel) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, '.');
    }
    return orm_put_name(cc, name, quote);
}

/* `expr`, a column of `own`, as it is reached through `sel`. */
static int
put_through(orm_cctx *cc, const orm_node *sel, const orm_node *expr, const orm_node *own,
            uint32_t position)
{
    const orm_node *base = orm_origin_column(expr);
    orm_str name;
    int quote = base->kind == ORM_N_COLUMN ? orm_node_column(base)->quote : 0;

    sel = member_with(cc, sel, base);
    if (sel == NULL || orm_export_name(cc, sel, expr, own, position, &name) < 0) {
        return -1;
    }
    return put_column(cc, sel, name, quote);
}

static int
render_table_column(orm_cctx *cc, const orm_node *n)
{
    const orm_node *table = arg(n, 0), *sel;
    const ColumnObject *column = orm_node_column(n);
    orm_str name;

    if (orm_str_of(column->n.name, &name) < 0) {
        return -1;
    }
    if (table == NULL) {
        if (column->flags & ORM_COL_LITERAL) {
            orm_put_str(cc, name);
            return 0;
        }
        return put_column(cc, NULL, name, column->quote);
    }
    sel = orm_resolve(cc->env, NULL, table);
    if (sel == orm_selectable(table)) {
        return put_column(cc, sel, name, column->quote);
    }
    return put_through(cc, sel, n, NULL, UINT32_MAX);
}

/* (f(x)).key: a set-returning function's field, the function written in place. */
static int
render_function_field(orm_cctx *cc, const orm_node *sel, const orm_node *expr)
{
    orm_str name;

    orm_buf_putc(cc->out, '(');
    if (orm_render(cc, sel->args[0]) < 0 || orm_export_name(cc, sel, expr, NULL, 0, &name) < 0) {
        return -1;
    }
    PUTS(").");
    return orm_put_name(cc, name, 0);
}

static int
render_colref(orm_cctx *cc, const orm_node *n)
{
    const orm_node *own = orm_selectable(n->args[0]), *sel;

    if (own->kind == ORM_N_FROMFUNC && (own->aux & ORM_FROMFUNC_SCALAR)) {
        return render_function_field(cc, own, n->args[1]);
    }
    sel = orm_resolve(cc->env, NULL, own);
    return put_through(cc, sel, n->args[1], NULL, sel == own ? n->aux : UINT32_MAX);
}

/* An expression mapped as an attribute: its tables mean the entity's selectable. */
static int
render_mapped_expression(orm_cctx *cc, const orm_node *expr, const orm_node *sel)
{
    orm_fromset froms = {0};
    orm_node *args[17], *made;
    Py_ssize_t n = 1;
    orm_env *env;
    int rc;

    cc->has_default_sql = true; /* the mapping's values: the key stops at the attribute */
    if (orm_froms_of(cc, expr, cc->env, &froms) < 0) {
        return -1;
    }
    args[0] = (orm_node *)expr;
    for (size_t i = 0; i < froms.n && n + 1 < 17; i++) {
        if (froms.v[i] != sel) {
            args[n++] = (orm_node *)froms.v[i];
            args[n++] = (orm_node *)sel;
        }
    }
    if (n == 1) {
        return orm_render(cc, expr);
    }
    made = orm_node_make(cc->st, ORM_N_APPLY, ORM_OP_NONE, expr->type, NULL, 0, n, args);
    if (orm_keep(cc, (PyObject *)made) < 0) {
        return -1;
    }
    env = cc->env;
    cc->env = orm_env_apply(cc, env, made);
    rc = cc->env == NULL ? -1 : orm_render(cc, expr);
    cc->env = env;
    return rc;
}

static int
render_attr(orm_cctx *cc, const orm_node *n)
{
    const orm_node *own = orm_selectable(n->args[0]), *expr = n->args[1];
    const orm_node *entity = NULL;
    const orm_node *sel = orm_resolve_entity(cc->env, NULL, own, &entity);
    const orm_node *there = entity == NULL ? NULL : orm_sql_get_orm_ops(cc->st)->alias_column(entity, n);

    if (there != NULL && there->kind == ORM_N_COLREF && orm_selectable(there->args[0]) == sel) {
        return put_through(cc, sel, there->args[1], NULL, there->aux);
    }
    if (there == NULL && PyErr_Occurred()) {
        return -1;
    }
    if (expr->kind == ORM_N_COLREF && orm_selectable(expr->args[0]) == own) {
        return put_through(cc, sel, expr->args[1], NULL, sel == own ? expr->aux : UINT32_MAX);
    }
    if (expr->kind == ORM_N_COLUMN || expr->kind == ORM_N_COLREF) {
        if (sel == own && own->kind == ORM_N_TABLE) {
            return orm_render_column(cc, expr);
        }
        if (sel == own && own->kind == ORM_N_JOIN) {
            /* A class over several tables: the column belongs to one of them. */
            return orm_render_column(cc, expr);
        }
        return put_through(cc, sel, expr, own, UINT32_MAX);
    }
    return render_mapped_expression(cc, expr, sel);
}

int
orm_render_column(orm_cctx *cc, const orm_node *n)
{
    switch (n->kind) {
    case ORM_N_COLUMN:
        return render_table_column(cc, n);
    case ORM_N_COLREF:
        return render_colref(cc, n);
    default:
        return render_attr(cc, n);
    }
}
