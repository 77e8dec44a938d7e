/*
 * render_select.c - SELECT and set operations.
 *
 * Place: the entry for every statement (orm_render_statement). Before the first word the
 *   FROM list is known (froms.c) and the scope is set: inside, the FROM elements stand for
 *   themselves.
 * Line breaks and blanks are the reference library's: people compare texts.
 */
#include "compile.h"

/* --- parts ------------------------------------------------------------------------------ */

/* 1: a hint or prefix is meant for this database. */
static bool
is_for(orm_cctx *cc, PyObject *dialect)
{
    return dialect == NULL || dialect == Py_None || orm_unicode_equals_ascii(dialect, "*")
           || orm_unicode_equals_ascii(dialect, cc->d->name);
}

int
orm_render_prefixes(orm_cctx *cc, const orm_node *list, bool behind)
{
    for (Py_ssize_t i = 0; list != NULL && i < nargs(list); i++) {
        const orm_node *p = list->args[i];

        if (!is_for(cc, p->payload)) {
            continue;
        }
        if (behind && i == 0) {
            orm_buf_putc(cc->out, ' ');
        }
        if (orm_render(cc, p->args[0]) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, ' ');
    }
    return 0;
}

static int
put_hints(orm_cctx *cc, const orm_node *list)
{
    for (Py_ssize_t i = 0; list != NULL && i < nargs(list); i++) {
        const orm_node *hint = list->args[i];

        if (hint->args[0] != NULL || !is_for(cc, hint->payload)) {
            continue;
        }
        orm_buf_putc(cc->out, ' ');
        if (orm_render(cc, hint->args[1]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
put_distinct_on(orm_cctx *cc, const orm_node *list)
{
    PUTS("DISTINCT ON (");
    if (orm_render_order(cc, list, true) < 0) {
        return -1;
    }
    PUTS(") ");
    return 0;
}

static int
put_distinct(orm_cctx *cc, const orm_node *n)
{
    const orm_node *distinct = n->args[ORM_SEL_DISTINCT], *ext = n->args[ORM_SEL_EXT];

    for (Py_ssize_t i = 0; ext != NULL && i < nargs(ext); i++) {
        if (ext->args[i]->kind == ORM_N_LIST && ext->args[i]->op == ORM_OP_DISTINCT) {
            return cc->d->id == ORM_LITE ? orm_unsupported(cc, ext->args[i])
                                         : put_distinct_on(cc, ext->args[i]);
        }
    }
    if (distinct == NULL) {
        return 0;
    }
    if (nargs(distinct) > 0 && cc->d->id == ORM_PG) {
        return put_distinct_on(cc, distinct);
    }
    PUTS("DISTINCT ");
    return 0;
}

/* Clauses of the program's own: behind everything else. */
static int
put_extensions(orm_cctx *cc, const orm_node *list)
{
    for (Py_ssize_t i = 0; list != NULL && i < nargs(list); i++) {
        if (list->args[i]->kind == ORM_N_LIST) {
            continue;
        }
        orm_buf_putc(cc->out, ' ');
        if (orm_render(cc, list->args[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- the column list -------------------------------------------------------------------- */

static bool
writes_label(const orm_collist *list, const orm_selcol *col, unsigned rf)
{
    if (col->prefix != NULL) {
        return true;
    }
    switch (col->how) {
    case ORM_LBL_NONE:
        return false;
    case ORM_LBL_NAME:
    case ORM_LBL_INNER:
        return rf & ORM_RF_ASFROM;
    default:
        return !(col->renamed && list->style == ORM_LABEL_NONE && !(rf & ORM_RF_ASFROM));
    }
}

static int
put_expression(orm_cctx *cc, const orm_node *expr)
{
    if (expr->kind == ORM_N_BIND) {
        return orm_render_bind(cc, expr, ORM_CAST_TYPE, true);
    }
    return orm_render_column_expression(cc, expr);
}

/* The key under which a Row has the column. */
static int
note_column(orm_cctx *cc, const orm_collist *list, const orm_selcol *col)
{
    orm_str name = col->name;

    if ((col->renamed && list->style == ORM_LABEL_NONE)
        || (col->how == ORM_LBL_INNER && col->plain.n > 0)) {
        name = col->plain;
    } else if (col->how != ORM_LBL_NONE && orm_selcol_name(cc, col, &name) < 0) {
        return -1;
    }
    return orm_add_rescol(cc, name, col->expr->type, col->expr);
}

int
orm_render_selcol(orm_cctx *cc, const orm_collist *list, const orm_selcol *col, unsigned rf)
{
    bool label = writes_label(list, col, rf);
    orm_str name;

    if (label && orm_selcol_name(cc, col, &name) < 0) {
        return -1;
    }
    if (put_expression(cc, col->expr) < 0) {
        return -1;
    }
    if (label) {
        PUTS(" AS ");
        if (orm_put_name(cc, name, 0) < 0) {
            return -1;
        }
    }
    return (rf & ORM_RF_TOP) ? note_column(cc, list, col) : 0;
}

static int
put_columns(orm_cctx *cc, const orm_collist *list, unsigned rf)
{
    for (size_t i = 0; i < list->ncols; i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (orm_render_selcol(cc, list, &list->cols[i], rf) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- the statement ---------------------------------------------------------------------- */

int
orm_render_from_list(orm_cctx *cc, const orm_fromset *froms)
{
    for (size_t i = 0; i < froms->n; i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (orm_render_from(cc, froms->v[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_render_tail(orm_cctx *cc, const orm_node *n)
{
    if (n->args[ORM_SEL_GROUP] != NULL && nargs(n->args[ORM_SEL_GROUP]) > 0) {
        PUTS(" GROUP BY ");
        if (orm_render_order(cc, n->args[ORM_SEL_GROUP], true) < 0) {
            return -1;
        }
    }
    if (n->args[ORM_SEL_HAVING] != NULL) {
        PUTS(" \nHAVING ");
        if (orm_render_criterion(cc, n->args[ORM_SEL_HAVING]) < 0) {
            return -1;
        }
    }
    if (n->args[ORM_SEL_ORDER] != NULL && nargs(n->args[ORM_SEL_ORDER]) > 0) {
        PUTS(" ORDER BY ");
        if (orm_render_order(cc, n->args[ORM_SEL_ORDER], false) < 0) {
            return -1;
        }
    }
    if (cc->d->limit(cc, n) < 0) {
        return -1;
    }
    if (n->args[ORM_SEL_LOCK] != NULL && cc->d->lock != NULL
        && cc->d->lock(cc, n->args[ORM_SEL_LOCK]) < 0) {
        return -1;
    }
    if (put_hints(cc, n->args[ORM_SEL_HINTS]) < 0 || put_extensions(cc, n->args[ORM_SEL_EXT]) < 0) {
        return -1;
    }
    return orm_render_prefixes(cc, n->args[ORM_SEL_SUFFIX], true);
}

static int
put_body(orm_cctx *cc, const orm_node *n, const orm_collist *list, const orm_fromset *froms,
         unsigned rf)
{
    PUTS("SELECT ");
    if (orm_render_prefixes(cc, n->args[ORM_SEL_PREFIX], false) < 0 || put_distinct(cc, n) < 0
        || put_columns(cc, list, rf) < 0) {
        return -1;
    }
    if (froms->n > 0) {
        PUTS(" \nFROM ");
        if (orm_render_from_list(cc, froms) < 0) {
            return -1;
        }
    }
    if (n->args[ORM_SEL_WHERE] != NULL) {
        PUTS(" \nWHERE ");
        if (orm_render_criterion(cc, n->args[ORM_SEL_WHERE]) < 0) {
            return -1;
        }
    }
    return orm_render_tail(cc, n);
}

/* add_cte(): named here whether or not anything selects from them. */
int
orm_render_added_ctes(orm_cctx *cc, const orm_node *list)
{
    orm_str name;

    for (Py_ssize_t i = 0; list != NULL && i < nargs(list); i++) {
        if (orm_render_cte_ref(cc, list->args[i], &name) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_render_select(orm_cctx *cc, const orm_node *n, unsigned rf)
{
    orm_collist *list = orm_columns_of(cc, n);
    orm_level *outer = cc->level, level = {.outer = outer};
    orm_env *env = cc->env;
    orm_fromset froms = {0}, all = {0};
    int rc = -1;

    if (list == NULL) {
        return -1;
    }
    n = list->expanded;
    if (orm_froms_select(cc, n, rf, &froms) < 0 || orm_froms_flatten(cc, &froms, &all) < 0) {
        return -1;
    }
    level.stmt = n;
    level.froms = all.v;
    level.nfroms = all.n;
    level.cols = list;
    cc->level = &level;
    cc->env = orm_env_bound(cc, env, &all);
    if (cc->env != NULL && orm_render_added_ctes(cc, n->args[ORM_SEL_CTES]) == 0) {
        rc = put_body(cc, n, list, &froms, rf);
    }
    cc->level = outer;
    cc->env = env;
    return rc;
}

/* --- set operations --------------------------------------------------------------------- */

/* 1: a member that needs parentheses: a set operation, or one with an order or a limit. */
static bool
is_grouped_member(const orm_node *n)
{
    if (n->kind == ORM_N_COMPOUND) {
        return true;
    }
    return n->kind == ORM_N_SELECT
           && (n->args[ORM_SEL_ORDER] != NULL || n->args[ORM_SEL_LIMIT] != NULL
               || n->args[ORM_SEL_OFFSET] != NULL || n->args[ORM_SEL_FETCH] != NULL);
}

int
orm_render_compound(orm_cctx *cc, const orm_node *n, unsigned rf)
{
    const orm_node *members = n->args[ORM_SEL_COLS];
    orm_level level = {.outer = cc->level, .stmt = n};
    int rc = orm_render_added_ctes(cc, n->args[ORM_SEL_CTES]);

    for (Py_ssize_t i = 0; rc == 0 && i < nargs(members); i++) {
        const orm_node *m = members->args[i];
        bool group;

        while (m->kind == ORM_N_GROUPING || m->kind == ORM_N_SCALAR) {
            m = m->args[0];
        }
        group = is_grouped_member(m);
        orm_buf_puts(cc->out, i > 0 ? orm_op_table[n->op].sql : "");
        if (group && (cc->flags & ORM_R_WIRE) && cc->d->id == ORM_LITE) {
            PUTS("SELECT * FROM "); /* SQLite's grammar has no parentheses here */
        }
        orm_buf_puts(cc->out, group ? "(" : "");
        rc = orm_render_statement(cc, m, (i > 0 ? rf & ~(unsigned)ORM_RF_TOP
                                          : rf) | ORM_RF_COMPOUND);
        orm_buf_puts(cc->out, group ? ")" : "");
    }
    if (rc < 0) {
        return -1;
    }
    level.cols = orm_columns_of(cc, n);
    if (level.cols == NULL) {
        return -1;
    }
    cc->level = &level;
    rc = orm_render_tail(cc, n);
    cc->level = level.outer;
    return rc;
}

/* --- every statement -------------------------------------------------------------------- */

/* Columns that text declares: the result has them in this order. */
static int
note_text_columns(orm_cctx *cc, const orm_node *list)
{
    for (Py_ssize_t i = 0; i < nargs(list); i++) {
        const orm_node *item = list->args[i];
        orm_selcol col = {.item = item, .expr = item};
        orm_str name = {"", 0};

        if (item->kind == ORM_N_LABEL && item->payload != NULL) {
            if (orm_str_of(item->payload, &name) < 0) {
                return -1;
            }
        } else if (orm_export_name(cc, item, item, NULL, 0, &name) < 0) {
            return -1;
        }
        if (orm_add_rescol(cc, name, col.expr->type, item) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_render_statement(orm_cctx *cc, const orm_node *stmt, unsigned rf)
{
    int rc = -1;

    if (++cc->depth > 4 * ORM_MAX_DEPTH) {
        cc->depth--;
        return orm_compile_error(cc, "Statements nest deeper than %u levels.",
                                 (unsigned)ORM_MAX_DEPTH);
    }
    if (cc->st->compiles_hooks != NULL) {
        rc = orm_hook_render(cc, stmt);
        if (rc != 0) {
            cc->depth--;
            return rc < 0 ? -1 : 0;
        }
    }
    switch (stmt->kind) {
    case ORM_N_SELECT:
        rc = orm_render_select(cc, stmt, rf);
        break;
    case ORM_N_COMPOUND:
        rc = orm_render_compound(cc, stmt, rf);
        break;
    case ORM_N_INSERT:
        rc = orm_render_insert(cc, stmt, rf);
        break;
    case ORM_N_UPDATE:
        rc = orm_render_update(cc, stmt, rf);
        break;
    case ORM_N_DELETE:
        rc = orm_render_delete(cc, stmt, rf);
        break;
    case ORM_N_TEXTFROM:
        rc = orm_render(cc, stmt->args[0]);
        if (rc == 0 && (rf & ORM_RF_TOP)) {
            rc = note_text_columns(cc, stmt->args[1]);
        }
        break;
    case ORM_N_FROMSTMT:
        rc = orm_render_statement(cc, stmt->args[ORM_FS_STATEMENT], rf);
        rc = rc < 0 ? -1 : orm_plan_from_statement(cc, stmt);
        break;
    case ORM_N_VALUES:
        rc = orm_render_values(cc, stmt);
        break;
    default:
        rc = orm_render(cc, stmt);
    }
    cc->depth--;
    return rc;
}
