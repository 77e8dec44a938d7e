/*
 * render_order.c - ORDER BY and GROUP BY items: labels and names of the column list.
 *
 * Place: from render_select.c and the windows of render_func.c.
 * Rule: in ORDER BY a Label that is selected is written as its name, also below DESC and
 *   NULLS LAST; anywhere deeper, and in GROUP BY, as its expression. A string names a label
 *   or a column of the list, else a column of a FROM element. In a set operation a column
 *   of the first SELECT is written as its name.
 */
#include "compile.h"

/* The column of the list that is this very item; NULL. */
static const orm_selcol *
selected(const orm_level *level, const orm_node *n)
{
    for (size_t i = 0; level != NULL && level->cols != NULL && i < level->cols->ncols; i++) {
        if (level->cols->cols[i].item == n) {
            return &level->cols->cols[i];
        }
    }
    return NULL;
}

static int
put_selcol_name(orm_cctx *cc, const orm_selcol *col)
{
    orm_str name;

    if (orm_selcol_name(cc, col, &name) < 0) {
        return -1;
    }
    return orm_put_name(cc, name, 0);
}

static bool
is_called(const orm_selcol *col, orm_str name)
{
    if (col->renamed) {
        return orm_str_eq(col->plain, name);
    }
    return (col->how == ORM_LBL_NAME || col->how == ORM_LBL_FIXED) && orm_str_eq(col->name, name);
}

static int
unresolved(orm_cctx *cc, const orm_node *n)
{
    return orm_compile_error(cc, "Can't resolve label reference for ORDER BY / GROUP BY / "
                                 "DISTINCT etc. Textual SQL expression %R should be explicitly "
                                 "declared as text(%R)", n->payload, n->payload);
}

/* A name given as a string. */
static int
put_named(orm_cctx *cc, const orm_node *n)
{
    const orm_level *level = cc->level;
    orm_str name;

    if (level == NULL || orm_str_of(n->payload, &name) < 0) {
        return level == NULL ? unresolved(cc, n) : -1;
    }
    for (size_t i = 0; level->cols != NULL && i < level->cols->ncols; i++) {
        const orm_selcol *col = &level->cols->cols[i];

        if (!is_called(col, name)) {
            continue;
        }
        if (col->item->kind == ORM_N_LABEL || level->stmt->kind == ORM_N_COMPOUND) {
            return orm_put_name(cc, name, 0);
        }
        return orm_render(cc, col->expr);
    }
    for (size_t i = 0; i < level->nfroms; i++) {
        PyObject *columns, *found;
        int rc;

        if (level->froms[i]->kind == ORM_N_JOIN || level->froms[i]->kind == ORM_N_TEXT) {
            continue;
        }
        columns = orm_from_columns(cc->st, (orm_node *)level->froms[i]);
        if (columns == NULL) {
            return -1;
        }
        found = orm_collection_get(columns, n->payload);
        Py_DECREF(columns);
        if (found != NULL) {
            orm_node *column = orm_node_of(cc->st, found);

            rc = column == NULL ? -1 : orm_render(cc, column);
            return rc;
        }
    }
    return unresolved(cc, n);
}

/* In a set operation's ORDER BY only names of the result mean anything. */
static const orm_selcol *
result_column(const orm_level *level, const orm_node *n)
{
    if (level == NULL || level->stmt->kind != ORM_N_COMPOUND || level->cols == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < level->cols->ncols; i++) {
        const orm_selcol *col = &level->cols->cols[i];

        if (col->item == n || col->expr == n) {
            return col;
        }
    }
    return NULL;
}

static int
put_item(orm_cctx *cc, const orm_node *n, bool group, int against)
{
    const orm_selcol *col;

    if (n->kind == ORM_N_UNARY && (orm_op_table[n->op].flags & ORM_OPF_SUFFIX)) {
        if (put_item(cc, n->args[0], group, n->op) < 0) {
            return -1;
        }
        orm_buf_puts(cc->out, orm_op_table[n->op].sql);
        return 0;
    }
    if (n->kind == ORM_N_LABELREF) {
        return put_named(cc, n);
    }
    col = result_column(cc->level, n);
    if (col != NULL) {
        return put_selcol_name(cc, col);
    }
    if (n->kind == ORM_N_LABEL && !group && (col = selected(cc->level, n)) != NULL) {
        return put_selcol_name(cc, col);
    }
    return orm_render_against(cc, n, against);
}

int
orm_render_order(orm_cctx *cc, const orm_node *list, bool group)
{
    for (Py_ssize_t i = 0; i < nargs(list); i++) {
        if (i > 0) {
            PUTS(", ");
        }
        if (put_item(cc, list->args[i], group, ORM_OP_COMMA) < 0) {
            return -1;
        }
    }
    return 0;
}
