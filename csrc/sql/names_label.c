/*
 * names_label.c - what the columns of a SELECT are called, inside it and from outside.
 *
 * Place: render_select.c writes the names, render_column.c reads them through a subquery,
 *   plan.c makes result keys of them.
 * Rules: a column keeps its name, and a name that is taken is counted (`id_1`; the same
 *   column again `id__1`); functions are counted by their name, other expressions as
 *   `anon_1`. Whether a name is written (`AS`) is decided where it is written. Names are
 *   counted at first use, so a list says only how to name; orm_selcol_name names.
 * Ownership: the lists live in the run's arena and are made once per statement and run.
 */
#include "compile.h"

static const orm_str ANON = {"anon", 4};

static int
set_named(orm_selcol *col, int how, PyObject *name)
{
    col->how = (uint8_t)how;
    return orm_str_of(name, &col->name);
}

static void
set_anon(orm_selcol *col, const void *id, orm_str body)
{
    col->how = ORM_LBL_ANON;
    col->id = id;
    col->part = 0;
    col->name = body;
}

/* A function's own name: the last part of a packaged one. */
static int
function_name(const orm_node *n, orm_str *out)
{
    PyObject *name = n->payload;

    if (PyTuple_Check(name)) {
        name = PyTuple_GET_ITEM(name, PyTuple_GET_SIZE(name) - 1);
    }
    return orm_str_of(name, out);
}

static int describe(orm_cctx *cc, const orm_node *expr, orm_selcol *col);

/* -x, x DESC: anonymous; of a column, the name is not even written outside of a subquery. */
static int
describe_unary(orm_cctx *cc, const orm_node *expr, orm_selcol *col)
{
    orm_selcol inner = {0};

    if (describe(cc, expr->args[0], &inner) < 0) {
        return -1;
    }
    set_anon(col, expr, ANON);
    if (inner.how == ORM_LBL_NAME || inner.how == ORM_LBL_INNER) {
        col->how = ORM_LBL_INNER;
        col->plain = inner.how == ORM_LBL_NAME ? inner.name : inner.plain; /* what a Row calls it */
    }
    return 0;
}

/* CAST(x): called as x, and the name is always written. */
static int
describe_wrapped(orm_cctx *cc, const orm_node *expr, orm_selcol *col)
{
    orm_selcol inner = {0};

    if (describe(cc, expr->args[0], &inner) < 0) {
        return -1;
    }
    if (inner.how == ORM_LBL_NAME) {
        col->how = ORM_LBL_FIXED;
        col->name = inner.name;
        return 0;
    }
    if (inner.how == ORM_LBL_FIXED) {
        *col = (orm_selcol){.item = col->item, .expr = col->expr, .how = inner.how,
                            .id = expr, .name = inner.name};
        return 0;
    }
    set_anon(col, expr, ANON);
    return 0;
}

/* A named expression: a column keeps its own name. */
static int
describe_named(orm_cctx *cc, const orm_node *label, orm_selcol *col)
{
    if (label->args[0]->kind == ORM_N_ATTR || label->args[0]->kind == ORM_N_COLUMN) {
        return describe(cc, label->args[0], col);
    }
    return set_named(col, ORM_LBL_FIXED, label->payload);
}

/* How an expression that is not a LABEL is called. */
static int
describe(orm_cctx *cc, const orm_node *expr, orm_selcol *col)
{
    orm_str body;

    switch (expr->kind) {
    case ORM_N_COLUMN:
        return set_named(col, ORM_LBL_NAME, orm_node_named(expr)->name);
    case ORM_N_COLREF:
        return orm_export_col(cc, expr->args[0], expr->args[1], NULL, expr->aux, col);
    case ORM_N_ATTR:
        if (expr->args[1]->kind == ORM_N_LABEL && expr->args[1]->payload != NULL
            && !(expr->args[0]->aux & ORM_ENTITY_ALIASED)) {
            return set_named(col, ORM_LBL_FIXED, expr->args[1]->payload);
        }
        if (describe(cc, expr->args[1], col) < 0) {
            return -1;
        }
        if (col->how == ORM_LBL_ANON) {
            col->id = expr; /* the same expression of another entity is counted apart */
        }
        return 0;
    case ORM_N_APPLY:
        return describe(cc, expr->args[0], col);
    case ORM_N_FROMCOL:
        col->how = ORM_LBL_NONE;
        return 0;
    case ORM_N_TEXT:
        col->how = ORM_LBL_NONE;
        return orm_str_of(expr->payload, &col->name);
    case ORM_N_STAR:
    case ORM_N_TEXTSTMT:
        col->how = ORM_LBL_NONE;
        return 0;
    case ORM_N_TYPECOERCE:
        if (expr->args[0]->kind == ORM_N_LABEL && expr->args[0]->payload != NULL) {
            return describe_named(cc, expr->args[0], col); /* _name_expression() */
        }
        return describe_wrapped(cc, expr, col);
    case ORM_N_CAST:
        return describe_wrapped(cc, expr, col);
    case ORM_N_UNARY:
        return describe_unary(cc, expr, col);
    case ORM_N_FUNC:
        if (function_name(expr, &body) < 0) {
            return -1;
        }
        set_anon(col, expr, body);
        return 0;
    case ORM_N_WITHIN:
        if (expr->args[0]->kind == ORM_N_FUNC) {
            if (function_name(expr->args[0], &body) < 0) {
                return -1;
            }
            set_anon(col, expr, body);
            return 0;
        }
        break;
    case ORM_N_TUPLE:
        return orm_compile_error(cc, "Most backends don't support SELECTing from a tuple() "
                                     "object.  If this is an ORM query, consider using the "
                                     "Bundle object.");
    default:
        break;
    }
    set_anon(col, expr, ANON);
    return 0;
}

/* An anonymous label counts under the name of what it labels. */
static int
describe_label(orm_cctx *cc, const orm_node *label, orm_selcol *col)
{
    orm_selcol inner = {0};

    if (label->payload != NULL) {
        return set_named(col, ORM_LBL_FIXED, label->payload);
    }
    if (describe(cc, label->args[0], &inner) < 0) {
        return -1;
    }
    set_anon(col, label, inner.how == ORM_LBL_NONE || inner.how == ORM_LBL_INNER ? ANON
             : inner.name);
    return 0;
}

/* The selectable that a column belongs to, for `table_column` names. */
static const orm_node *
owner_of(const orm_node *expr)
{
    switch (expr->kind) {
    case ORM_N_COLUMN:
    case ORM_N_COLREF:
        return orm_selectable(arg(expr, 0));
    case ORM_N_ATTR: {
        const orm_node *sel = orm_selectable(expr->args[0]);

        return sel->kind == ORM_N_JOIN ? owner_of(expr->args[1]) : sel;
    }
    default:
        return NULL;
    }
}

/* --- taken names ------------------------------------------------------------------------ */

static uint32_t
times_before(const orm_collist *list, size_t i)
{
    uint32_t n = 0;

    for (size_t k = 0; k < i; k++) {
        n += list->cols[k].expr == list->cols[i].expr;
    }
    return n;
}

static bool
taken_before(const orm_collist *list, size_t i)
{
    orm_str name = list->cols[i].name;

    for (size_t k = 0; k < i; k++) {
        const orm_selcol *c = &list->cols[k];

        if ((c->how == ORM_LBL_NAME || c->how == ORM_LBL_FIXED) && orm_str_eq(c->name, name)) {
            return true;
        }
        if (c->renamed && orm_str_eq(c->plain, name)) {
            return true;
        }
    }
    return false;
}

/* A name that is taken becomes a counted one. */
static int
rename_taken(orm_cctx *cc, orm_collist *list, size_t i)
{
    orm_selcol *col = &list->cols[i];
    uint32_t times;
    char *body;

    if ((col->how != ORM_LBL_NAME && col->how != ORM_LBL_FIXED)
        || col->item->kind == ORM_N_LABEL || !taken_before(list, i)) {
        return 0;
    }
    times = times_before(list, i);
    col->plain = col->name;
    col->renamed = true;
    col->id = col->expr;
    col->part = times;
    col->how = ORM_LBL_ANON;
    if (times > 0) {
        body = orm_arena_alloc(&cc->arena, col->name.n + 1);
        if (body == NULL) {
            return orm_no_memory();
        }
        memcpy(body, col->name.p, col->name.n);
        body[col->name.n] = '_';
        col->name = (orm_str){body, col->name.n + 1};
    }
    return 0;
}

/* TABLENAME style: `table_column` for every column of a selectable. */
static int
prefix_names(orm_cctx *cc, orm_collist *list)
{
    for (size_t i = 0; i < list->ncols; i++) {
        orm_selcol *col = &list->cols[i];

        if (col->how == ORM_LBL_NAME && col->item->kind != ORM_N_LABEL) {
            col->prefix = owner_of(col->expr);
        }
        if (col->prefix != NULL) {
            col->part = times_before(list, i);
        }
    }
    (void)cc;
    return 0;
}

/* `table_column`, counted when the same column stands in the list again. */
static int
prefixed_name(orm_cctx *cc, const orm_selcol *col, orm_str *out)
{
    orm_str table, whole;
    char *p;

    if (orm_from_name(cc, col->prefix, &table) < 0) {
        return -1;
    }
    if (col->prefix->kind == ORM_N_TABLE && orm_node_table(col->prefix)->schema != NULL) {
        orm_str schema;
        char *q;

        if (orm_str_of(orm_node_table(col->prefix)->schema, &schema) < 0) {
            return -1;
        }
        q = orm_arena_alloc(&cc->arena, schema.n + 1 + table.n);
        if (q == NULL) {
            return orm_no_memory();
        }
        for (size_t i = 0; i < schema.n; i++) {
            q[i] = schema.p[i] == '.' ? '_' : schema.p[i];
        }
        q[schema.n] = '_';
        memcpy(q + schema.n + 1, table.p, table.n);
        table = (orm_str){q, schema.n + 1 + table.n};
    }
    p = orm_arena_alloc(&cc->arena, table.n + col->name.n + 2);
    if (p == NULL) {
        return orm_no_memory();
    }
    memcpy(p, table.p, table.n);
    p[table.n] = '_';
    memcpy(p + table.n + 1, col->name.p, col->name.n);
    whole = (orm_str){p, table.n + 1 + col->name.n};
    if (col->part > 0) {
        p[whole.n++] = '_';
        return orm_anon_name(cc, col->expr, col->part, whole, out);
    }
    return orm_short_name(cc, whole, out);
}

int
orm_selcol_name(orm_cctx *cc, const orm_selcol *col, orm_str *out)
{
    if (col->prefix != NULL) {
        return prefixed_name(cc, col, out);
    }
    if (col->how == ORM_LBL_ANON || col->how == ORM_LBL_INNER) {
        return orm_anon_name(cc, col->id, col->part, col->name, out);
    }
    *out = col->name;
    return 0;
}

/* --- lists ------------------------------------------------------------------------------ */

/* The node that holds a statement's columns; NULL: the statement returns none. */
static const orm_node *
column_list(const orm_node *stmt)
{
    switch (stmt->kind) {
    case ORM_N_SELECT:
        return stmt->args[ORM_SEL_COLS];
    case ORM_N_INSERT:
    case ORM_N_UPDATE:
    case ORM_N_DELETE:
        return stmt->args[ORM_DML_RETURNING];
    case ORM_N_TEXTFROM:
        return stmt->args[1];
    default:
        return NULL;
    }
}

int
orm_plan_from_statement(orm_cctx *cc, const orm_node *stmt)
{
    const orm_sql_orm_ops *ops = orm_sql_get_orm_ops(cc->st);
    orm_node *made = NULL;

    if (ops == NULL) {
        orm_compile_error(cc, "from_statement() is of mapped entities, but no mapping is set up.");
        return -1;
    }
    return ops->expand(cc, (orm_node *)stmt, stmt == cc->stmt, &made);
}

const orm_node *
orm_restricted(orm_cctx *cc, const orm_node *stmt)
{
    const orm_sql_orm_ops *ops = orm_sql_get_orm_ops(cc->st);
    orm_node *made = NULL;

    if (ops == NULL || !(stmt->flags & ORM_F_ORM)) {
        return stmt;
    }
    if (ops->restrict_stmt(cc->st, cc->stmt, (orm_node *)stmt, &made) < 0) {
        return NULL;
    }
    if (made == NULL) {
        return stmt;
    }
    cc->has_default_sql = true; /* the mapping's values */
    return orm_keep(cc, (PyObject *)made) < 0 ? NULL : made;
}

/* Replace ENTITYs of a SELECT list by columns; orm/ knows how. Borrowed from `keep`. */
static const orm_node *
expand(orm_cctx *cc, const orm_node *stmt)
{
    const orm_node *cols = column_list(stmt);
    const orm_sql_orm_ops *ops;
    orm_node *made = NULL;
    bool needed = false;

    for (Py_ssize_t i = 0; cols != NULL && i < nargs(cols); i++) {
        needed |= cols->args[i]->kind == ORM_N_ENTITY
                  || (cols->args[i]->kind == ORM_N_LIST && cols->args[i]->payload != NULL);
    }
    /* Attributes alone: their rows have names and a plan of orm/'s too. */
    needed |= stmt == cc->stmt && stmt->kind == ORM_N_SELECT && stmt->flags & ORM_F_ORM;
    ops = orm_sql_get_orm_ops(cc->st);
    if (!needed || (ops == NULL && stmt->kind != ORM_N_SELECT)) {
        return stmt;
    }
    if (ops == NULL) {
        orm_compile_error(cc, "This statement selects mapped entities, but no mapping is set up.");
        return NULL;
    }
    if (ops->expand(cc, (orm_node *)stmt, stmt == cc->stmt, &made) < 0) {
        return NULL;
    }
    if (made == NULL) {
        return stmt;
    }
    cc->has_default_sql = true; /* values in the joins of relationships are the mapping's */
    return orm_keep(cc, (PyObject *)made) < 0 ? NULL : made;
}

static int
fill(orm_cctx *cc, orm_collist *list, const orm_node *cols)
{
    list->ncols = cols == NULL ? 0 : (size_t)nargs(cols);
    list->cols = orm_arena_array(&cc->arena, list->ncols + 1, sizeof(*list->cols));
    if (list->cols == NULL) {
        return orm_no_memory();
    }
    for (size_t i = 0; i < list->ncols; i++) {
        orm_selcol *col = &list->cols[i];
        const orm_node *item = cols->args[i];

        *col = (orm_selcol){.item = item, .expr = item};
        if (item->kind == ORM_N_LABEL) {
            col->expr = item->args[0];
        }
        if ((item->kind == ORM_N_LABEL ? describe_label(cc, item, col)
             : describe(cc, item, col)) < 0) {
            return -1;
        }
        if (list->style != ORM_LABEL_TABLENAME && rename_taken(cc, list, i) < 0) {
            return -1;
        }
    }
    return list->style == ORM_LABEL_TABLENAME ? prefix_names(cc, list) : 0;
}

orm_collist *
orm_columns_of(orm_cctx *cc, const orm_node *stmt)
{
    orm_collist *list;

    while (stmt->kind == ORM_N_COMPOUND) {
        stmt = stmt->args[ORM_SEL_COLS]->args[0];
    }
    for (list = cc->collists; list != NULL; list = list->next) {
        if (list->stmt == stmt || list->expanded == stmt) {
            return list;
        }
    }
    list = orm_arena_alloc(&cc->arena, sizeof(*list));
    if (list == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *list = (orm_collist){.stmt = stmt};
    list->style = stmt->kind == ORM_N_SELECT ? (stmt->aux & ORM_SELF_LABELS)
        : ORM_LABEL_DISAMBIGUATE;
    list->expanded = expand(cc, stmt);
    if (list->expanded != NULL && stmt->kind == ORM_N_SELECT) {
        list->expanded = orm_restricted(cc, list->expanded);
    }
    if (list->expanded == NULL || fill(cc, list, column_list(list->expanded)) < 0) {
        return NULL;
    }
    list->next = cc->collists;
    cc->collists = list;
    return list;
}

/* --- from outside ----------------------------------------------------------------------- */

/* The column of a list that `expr` stands for: the very item, else the same base column, of the
   same selectable if there are several. */
static const orm_selcol *
find_column(const orm_collist *list, const orm_node *expr, const orm_node *own, uint32_t position)
{
    const orm_node *base = orm_origin_column(expr);

    if (position < list->ncols
        && (list->cols[position].item == expr || list->cols[position].expr == expr
            || orm_origin_column(list->cols[position].expr) == base)) {
        return &list->cols[position];
    }
    for (size_t i = 0; i < list->ncols; i++) {
        if (list->cols[i].item == expr || list->cols[i].expr == expr) {
            return &list->cols[i];
        }
    }
    own = own == NULL ? owner_of(expr) : own;
    for (size_t i = 0; own != NULL && i < list->ncols; i++) {
        if (orm_origin_column(list->cols[i].expr) == base && owner_of(list->cols[i].expr) == own) {
            return &list->cols[i];
        }
    }
    for (size_t i = 0; i < list->ncols; i++) {
        if (orm_origin_column(list->cols[i].expr) == base) {
            return &list->cols[i];
        }
    }
    return NULL;
}

/* A column of VALUES, of a function or of text: by its own name. */
static int
own_name(const orm_node *expr, orm_selcol *out)
{
    const orm_node *base = orm_origin_column(expr);

    if (base->kind == ORM_N_COLUMN) {
        return set_named(out, ORM_LBL_NAME, orm_node_named(base)->name);
    }
    out->how = ORM_LBL_NAME;
    return base->payload != NULL && PyUnicode_Check(base->payload)
               ? orm_str_of(base->payload, &out->name) : 0;
}

int
orm_export_col(orm_cctx *cc, const orm_node *sel, const orm_node *expr, const orm_node *own,
               uint32_t position, orm_selcol *out)
{
    const orm_collist *list;
    const orm_selcol *col;

    sel = orm_selectable(sel);
    switch (sel->kind) {
    case ORM_N_ALIAS:
        return orm_export_col(cc, sel->args[0], expr, own, position, out);
    case ORM_N_SUBQUERY:
    case ORM_N_CTE:
    case ORM_N_LATERAL:
        if (!orm_kind_is_stmt(sel->args[0]->kind) && sel->args[0]->kind != ORM_N_TEXTFROM) {
            return orm_export_col(cc, sel->args[0], expr, own, position, out);
        }
        list = orm_columns_of(cc, sel->args[0]);
        break;
    case ORM_N_SELECT:
    case ORM_N_COMPOUND:
        list = orm_columns_of(cc, sel);
        break;
    case ORM_N_JOIN:
    case ORM_N_TABLE:
        if (expr->kind == ORM_N_COLREF) {
            return orm_export_col(cc, expr->args[0], expr->args[1], NULL, expr->aux, out);
        }
        return own_name(expr, out);
    default:
        return own_name(expr, out);
    }
    if (list == NULL) {
        return -1;
    }
    col = find_column(list, expr, own, position);
    if (col == NULL) {
        return own_name(expr, out);
    }
    out->how = col->how == ORM_LBL_ANON || col->how == ORM_LBL_INNER || col->prefix != NULL
                   ? ORM_LBL_INNER : ORM_LBL_NAME;
    out->id = col->id;
    out->part = col->part;
    out->name = col->name;
    if (col->prefix != NULL) {
        out->how = ORM_LBL_NAME;
        return prefixed_name(cc, col, &out->name);
    }
    return 0;
}

int
orm_export_name(orm_cctx *cc, const orm_node *sel, const orm_node *expr, const orm_node *own,
                uint32_t position, orm_str *out)
{
    orm_selcol col = {.item = expr, .expr = expr};

    if (orm_export_col(cc, sel, expr, own, position, &col) < 0) {
        return -1;
    }
    return orm_selcol_name(cc, &col, out);
}
