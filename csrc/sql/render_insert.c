/*
 * render_insert.c - INSERT, RETURNING, ON CONFLICT.
 *
 * Place: from render_select.c's dispatch. Which columns and values: dml_columns.c.
 * Names of binds: a value for a column is called as the column's key, in row m of several
 *   rows `key_m<m>`, inside a CTE it is counted (`param_1`).
 * RETURNING nobody asked for: where the database has no other way to tell a primary key
 *   that it made (PostgreSQL), unless the statement is one of executemany or inline().
 */
#include "compile.h"

/* --- values ----------------------------------------------------------------------------- */

/* The type of the column that is written; the NULL type where it is not known. Borrowed. */
static orm_type *
column_type(orm_cctx *cc, const orm_setcol *col)
{
    orm_node *node = col->column == NULL ? NULL : orm_node_of(cc->st, col->column);

    return node != NULL && node->type != NULL ? node->type : orm_type_builtin(cc->st, ORM_T_NULL);
}

/* A value that the execution brings, or a Python default makes. */
static int
put_named(orm_cctx *cc, const orm_setcol *col)
{
    orm_type *type = column_type(cc, col);
    orm_bindrec *rec;

    rec = type == NULL ? NULL : orm_bind_by_name(cc, col->bind, type);
    if (rec == NULL) {
        return -1;
    }
    rec->stored = true;
    rec->column = col->column;
    rec->dflt = col->dflt;
    if (col->dflt != NULL) {
        rec->flags &= ~(uint32_t)ORM_BIND_REQUIRED;
    }
    return orm_put_typed_marker(cc, rec);
}

/* 1: a bind that stands for a value given with its column, not one that the user named. */
bool
orm_is_plain_value(const orm_node *bind, orm_str key)
{
    orm_str name;

    if (bind->aux & ORM_BIND_UNIQUE) {
        return true;
    }
    if (orm_str_of(orm_bind_name(bind), &name) < 0) {
        PyErr_Clear();
        return false;
    }
    return orm_str_eq(name, key) && !(bind->aux & ORM_BIND_NO_VALUE);
}

/* A value given in VALUES or SET. */
int
orm_render_set_value(orm_cctx *cc, const orm_setcol *col)
{
    const orm_node *x = col->value;
    orm_bindrec *rec;

    if (x == NULL) {
        return put_named(cc, col);
    }
    if (x->kind != ORM_N_BIND || (cc->flags & ORM_R_LITERALS)) {
        return orm_render_against(cc, x, ORM_AG_SELF);
    }
    if (col->part != NULL || !orm_is_plain_value(x, col->bind)) {
        rec = orm_bind_record(cc, x);
    } else if (cc->cte_level > 0) {
        orm_str name;

        if (orm_anon_name(cc, x, 1, orm_lit("param"), &name) < 0) {
            return -1;
        }
        rec = orm_bind_as(cc, x, name);
    } else {
        rec = orm_bind_as(cc, x, col->bind);
    }
    if (rec == NULL) {
        return -1;
    }
    if (rec->type == NULL || rec->type->kind == ORM_T_NULL) {
        rec->type = column_type(cc, col);
    }
    rec->stored = true;
    rec->column = col->column;
    return orm_put_typed_marker(cc, rec);
}

static int
put_row(orm_cctx *cc, const orm_setcol *cols, size_t n)
{
    orm_buf_putc(cc->out, '(');
    for (size_t i = 0; i < n; i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (orm_render_set_value(cc, &cols[i]) < 0) {
            return -1;
        }
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

int
orm_put_setcol_name(orm_cctx *cc, const orm_setcol *col)
{
    int quote = col->column == NULL ? 0 : ((ColumnObject *)col->column)->quote;

    return orm_put_name(cc, col->name, quote);
}

static int
put_names(orm_cctx *cc, const orm_setcol *cols, size_t n)
{
    PUTS(" (");
    for (size_t i = 0; i < n; i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (orm_put_setcol_name(cc, &cols[i]) < 0) {
            return -1;
        }
    }
    orm_buf_putc(cc->out, ')');
    return 0;
}

/* Values of several rows are called key_m0, key_m1, ... */
static int
number_binds(orm_cctx *cc, orm_setcol *cols, size_t n, Py_ssize_t row)
{
    for (size_t i = 0; i < n; i++) {
        size_t room = cols[i].bind.n + 24;
        char *p = orm_arena_alloc(&cc->arena, room);

        if (p == NULL) {
            return orm_no_memory();
        }
        cols[i].bind.n = (size_t)snprintf(p, room, "%.*s_m%zd", (int)cols[i].bind.n,
                                          cols[i].bind.p, row);
        cols[i].bind.p = p;
    }
    return 0;
}

/* The first row says which columns are written: every other row has the same. */
static int
check_row(orm_cctx *cc, const orm_setcol *first, size_t nfirst, const orm_setcol *cols, size_t n,
          Py_ssize_t row)
{
    size_t i = 0;

    while (i < nfirst && i < n && first[i].column == cols[i].column) {
        i++;
    }
    if (i == nfirst && i == n) {
        return 0;
    }
    for (size_t k = i; k < n; k++) {
        if (i == nfirst || cols[k].column == first[i].column) { /* columns have one order */
            return orm_raise_exc(cc->st, ORM_EXC_CompileError,
                                 "Row %zd of a multi-row INSERT has a value for column %S that its first row "
                                 "has none for; give each row the same keys", row, cols[i].column);
        }
    }
    return orm_raise_exc(cc->st, ORM_EXC_CompileError,
                         "INSERT value for column %S is explicitly rendered as a boundparameter in the "
                         "VALUES clause; a Python-side value or SQL expression is required",
                         first[i].column);
}

static int
put_rows(orm_cctx *cc, const orm_node *n, const orm_node *rows)
{
    orm_setcol *cols, *first = NULL;
    size_t ncols, nfirst = 0;

    for (Py_ssize_t i = 0; i < nargs(rows); i++) {
        if (orm_dml_columns(cc, n, rows->args[i], &cols, &ncols) < 0) {
            return -1;
        }
        if (i == 0) {
            if (put_names(cc, cols, ncols) < 0) {
                return -1;
            }
            PUTS(" VALUES ");
            first = cols;
            nfirst = ncols;
        } else if (check_row(cc, first, nfirst, cols, ncols, i) < 0) {
            return -1;
        }
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (number_binds(cc, cols, ncols, i) < 0 || put_row(cc, cols, ncols) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- INSERT ... SELECT ------------------------------------------------------------------ */

/* A default as a column of the SELECT: an expression, or a bind that exec/ fills. */
static orm_node *
default_item(orm_cctx *cc, const orm_setcol *col)
{
    orm_type *type = column_type(cc, col);
    PyObject *name;
    orm_node *bind;
    orm_bindrec *rec;

    if (col->value != NULL) {
        return (orm_node *)Py_NewRef((PyObject *)col->value);
    }
    name = type == NULL ? NULL : PyUnicode_FromStringAndSize(col->bind.p, (Py_ssize_t)col->bind.n);
    bind = name == NULL ? NULL : orm_bind_new(cc->st, NULL, type, name, 0);
    Py_XDECREF(name);
    rec = bind == NULL ? NULL : orm_bind_record(cc, bind);
    if (rec == NULL) {
        Py_XDECREF(bind);
        return NULL;
    }
    rec->stored = true;
    rec->column = col->column;
    rec->dflt = col->dflt;
    return bind;
}

/* The SELECT with the defaults of columns it does not fill behind its own columns. */
static const orm_node *
with_defaults(orm_cctx *cc, const orm_node *select, const orm_setcol *cols, size_t n)
{
    PyObject *list = PyList_New(0);
    orm_node *cells = NULL, *made = NULL;

    for (size_t i = 0; list != NULL && i < n; i++) {
        orm_node *item = default_item(cc, &cols[i]);

        if (item == NULL || PyList_Append(list, (PyObject *)item) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(item);
    }
    if (list != NULL) {
        cells = orm_list_extend(cc->st, select->args[ORM_SEL_COLS], ORM_OP_COMMA, list);
    }
    if (cells != NULL) {
        made = orm_stmt_copy(cc->st, (orm_node *)select);
    }
    if (made != NULL) {
        Py_SETREF(made->args[ORM_SEL_COLS], (orm_node *)Py_NewRef((PyObject *)cells));
        if (orm_node_seal(cc->st, made) < 0) {
            Py_CLEAR(made);
        }
    }
    Py_XDECREF(list);
    Py_XDECREF(cells);
    return orm_keep(cc, (PyObject *)made) < 0 ? NULL : made;
}

/* Names in the order they were given, then those that defaults fill. */
/* Is FROM the last clause of a SELECT, or of the last one of a set operation? */
static bool
ends_in_from(const orm_node *select)
{
    static const uint8_t later[] = {ORM_SEL_WHERE, ORM_SEL_GROUP, ORM_SEL_HAVING, ORM_SEL_ORDER,
                                    ORM_SEL_LIMIT, ORM_SEL_OFFSET, ORM_SEL_FETCH};
    const orm_node *parts;

    for (size_t i = 0; i < sizeof(later); i++) {
        if (orm_kind_is_select(select->kind) && select->kind != ORM_N_TEXTFROM
            && select->args[later[i]] != NULL) {
            return false;
        }
    }
    if (select->kind == ORM_N_COMPOUND) {
        parts = select->args[ORM_SEL_COLS];
        return ends_in_from(parts->args[nargs(parts) - 1]);
    }
    return select->kind == ORM_N_SELECT;
}

static int
put_from_select(orm_cctx *cc, const orm_node *n)
{
    const orm_node *names = n->args[ORM_DML_VALUES], *select = n->args[ORM_DML_SELECT];
    orm_setcol *cols;
    size_t ncols, given = 0, extra = 0;
    orm_setcol *sorted;

    if (orm_dml_columns(cc, n, names, &cols, &ncols) < 0) {
        return -1;
    }
    sorted = orm_arena_array(&cc->arena, ncols + 1, sizeof(*sorted));
    if (sorted == NULL) {
        return orm_no_memory();
    }
    for (Py_ssize_t i = 0; i < nargs(names); i++) {
        for (size_t k = 0; k < ncols; k++) {
            if (orm_assign_is_for(names->args[i], cols[k].column)) {
                sorted[given++] = cols[k];
                break;
            }
        }
    }
    for (size_t k = 0; k < ncols && (names->aux & ORM_LIST_DEFAULTS); k++) {
        if (cols[k].dflt != NULL || cols[k].expr_default) {
            sorted[given + extra++] = cols[k];
        }
    }
    if (put_names(cc, sorted, given + extra) < 0) {
        return -1;
    }
    if (extra > 0 && select->kind == ORM_N_SELECT) {
        select = with_defaults(cc, select, sorted + given, extra);
        if (select == NULL) {
            return -1;
        }
    }
    orm_buf_putc(cc->out, ' ');
    if (orm_render_statement(cc, select, ORM_RF_INSERT) < 0) {
        return -1;
    }
    if ((cc->flags & ORM_R_WIRE) && cc->d->id == ORM_LITE && n->args[ORM_DML_CONFLICT] != NULL
        && ends_in_from(select)) {
        PUTS(" WHERE 1"); /* else SQLite reads ON as the last table's join condition */
    }
    return 0;
}

/* --- RETURNING -------------------------------------------------------------------------- */

int
orm_render_returning(orm_cctx *cc, const orm_node *n, unsigned rf)
{
    const orm_collist *list;
    bool bare = cc->bare;
    int rc = 0;

    if (n->args[ORM_DML_RETURNING] == NULL || nargs(n->args[ORM_DML_RETURNING]) == 0) {
        return 0;
    }
    list = orm_columns_of(cc, n);
    if (list == NULL) {
        return -1;
    }
    PUTS(" RETURNING ");
    cc->bare = bare || cc->d->returning_bare;
    for (size_t i = 0; rc == 0 && i < list->ncols; i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        rc = orm_render_selcol(cc, list, &list->cols[i], rf & ORM_RF_TOP);
    }
    cc->bare = bare;
    return rc;
}

static int
is_primary_key(PyObject *column)
{
    PyObject *v = NULL;
    int rc = PyObject_GetOptionalAttrString(column, "primary_key", &v);

    if (rc > 0) {
        rc = PyObject_IsTrue(v);
        Py_DECREF(v);
    }
    return rc;
}

static bool
is_client_side(const orm_setcol *cols, size_t n, PyObject *column)
{
    for (size_t i = 0; i < n; i++) {
        if (cols[i].column == column) {
            return cols[i].value == NULL || cols[i].value->kind == ORM_N_BIND;
        }
    }
    return false;
}

/* 1: return_defaults() asks for the column: it names it, or no column at all. */
static bool
is_asked_for(const orm_node *asked, const orm_node *column)
{
    if (asked == NULL || nargs(asked) == 0) {
        return asked != NULL;
    }
    for (Py_ssize_t i = 0; i < nargs(asked); i++) {
        const orm_node *base = orm_origin_column(asked->args[i]);

        if (base == column) {
            return true;
        }
    }
    return false;
}

/* Primary key columns that the server fills, and what return_defaults() asks for. */
static int
put_implicit_returning(orm_cctx *cc, const orm_node *n, const orm_setcol *cols, size_t ncols,
                       unsigned rf)
{
    const orm_node *table = orm_selectable(n->args[ORM_DML_TABLE]);
    const orm_node *asked = n->args[ORM_DML_DEFAULTS];
    PyObject *columns;
    bool any = false;

    if (!(rf & ORM_RF_TOP) || (n->aux & ORM_DMLF_INLINE) || table->kind != ORM_N_TABLE) {
        return 0;
    }
    if (asked == NULL && (!cc->d->implicit_returning
                          || (cc->opts != NULL && (cc->opts->flags & ORM_COMPILE_MANY)))) {
        return 0;
    }
    columns = orm_node_table(table)->columns;
    for (Py_ssize_t i = 0; columns != NULL && i < orm_collection_size(columns); i++) {
        PyObject *column = orm_collection_item(columns, i);
        int pk = is_primary_key(column);
        orm_node *node;
        orm_str name;

        if (pk < 0) {
            return -1;
        }
        node = orm_node_of(cc->st, column);
        if ((!pk && !is_asked_for(asked, node)) || is_client_side(cols, ncols, column)) {
            continue;
        }
        orm_buf_puts(cc->out, any ? ", " : " RETURNING ");
        any = true;
        if (node == NULL || orm_render(cc, node) < 0
            || orm_str_of(((orm_named *)column)->name, &name) < 0
            || orm_add_rescol(cc, name, node->type, node) < 0) {
            return -1;
        }
    }
    cc->implicit_returning = any;
    return 0;
}

/* --- INSERT ----------------------------------------------------------------------------- */

static int
put_values(orm_cctx *cc, const orm_node *n, orm_setcol **cols, size_t *ncols)
{
    if (orm_dml_columns(cc, n, n->args[ORM_DML_VALUES], cols, ncols) < 0) {
        return -1;
    }
    if (*ncols == 0) {
        orm_buf_puts(cc->out, cc->d->default_values ? " DEFAULT VALUES" : " () VALUES ()");
        return 0;
    }
    if (put_names(cc, *cols, *ncols) < 0) {
        return -1;
    }
    PUTS(" VALUES ");
    return put_row(cc, *cols, *ncols);
}

static int
put_insert(orm_cctx *cc, const orm_node *n, unsigned rf)
{
    const orm_node *values = n->args[ORM_DML_VALUES];
    bool rows = values != NULL && (values->aux & ORM_LIST_ROWS);
    bool single = !rows && n->args[ORM_DML_SELECT] == NULL;
    orm_setcol *cols = NULL;
    size_t ncols = 0;
    int rc;

    PUTS("INSERT ");
    if (orm_render_prefixes(cc, n->args[ORM_DML_PREFIX], false) < 0) {
        return -1;
    }
    PUTS("INTO ");
    if (orm_render_fromref(cc, n->args[ORM_DML_TABLE]) < 0) {
        return -1;
    }
    if (rows && (n->aux & ORM_DMLF_SORT_RETURNING)) {
        return orm_compile_error(cc, "RETURNING cannot be deterministically sorted when using an "
                                     "INSERT which includes multi-row values().");
    }
    if (n->args[ORM_DML_SELECT] != NULL) {
        rc = put_from_select(cc, n);
    } else {
        rc = rows ? put_rows(cc, n, values) : put_values(cc, n, &cols, &ncols);
    }
    if (rc < 0 || orm_render_conflict(cc, n) < 0 || orm_render_returning(cc, n, rf) < 0) {
        return -1;
    }
    if (n->args[ORM_DML_RETURNING] != NULL && n->args[ORM_DML_DEFAULTS] != NULL) {
        return orm_compile_error(cc, "Can't compile statement that includes returning() and "
                                     "return_defaults() simultaneously");
    }
    if (single && n->args[ORM_DML_RETURNING] == NULL) {
        return put_implicit_returning(cc, n, cols, ncols, rf);
    }
    return 0;
}

int
orm_render_insert(orm_cctx *cc, const orm_node *n, unsigned rf)
{
    orm_level level = {.outer = NULL, .stmt = n};
    orm_level *outer = cc->level;
    orm_env *env = cc->env;
    orm_fromset target = {0};
    int rc = -1;

    if (orm_fromset_add(cc, &target, orm_selectable(n->args[ORM_DML_TABLE])) < 0) {
        return -1;
    }
    cc->level = &level; /* provides nothing: a SELECT inside names what it needs */
    cc->env = orm_env_bound(cc, env, &target);
    if (cc->env != NULL && orm_render_added_ctes(cc, n->args[ORM_DML_CTES]) == 0) {
        rc = put_insert(cc, n, rf);
    }
    cc->level = outer;
    cc->env = env;
    return rc;
}
