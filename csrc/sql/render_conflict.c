/*
 * render_conflict.c - ON CONFLICT, the same words on PostgreSQL and SQLite.
 *
 * Place: from render_insert.c, between VALUES and RETURNING.
 * The conflict target names columns without their table. SQLite finds a partial index only
 * if the condition's constants stand in the text, so there the values are written in.
 */
#include "compile.h"

static int
put_target_column(orm_cctx *cc, const orm_node *x)
{
    const orm_node *base = orm_origin_column(x);

    if (base->kind == ORM_N_COLUMN) {
        return orm_put_ident(cc, orm_node_named(base)->name, orm_node_column(base)->quote);
    }
    if (x->kind == ORM_N_LABELREF) {
        return orm_put_ident(cc, x->payload, 0);
    }
    return orm_render_against(cc, x, ORM_AG_SELF);
}

static int
put_target(orm_cctx *cc, const orm_node *c)
{
    bool bare = cc->bare, constants = cc->constants;
    int rc = 0;

    if (c->payload != NULL) {
        if (cc->d->id == ORM_LITE) {
            return orm_compile_error(cc, "SQLite knows no ON CONFLICT ON CONSTRAINT; name the "
                                         "columns with index_elements.");
        }
        PUTS(" ON CONSTRAINT ");
        return orm_put_ident(cc, c->payload, 0);
    }
    if (c->args[0] == NULL) {
        return 0;
    }
    cc->bare = true;
    PUTS(" (");
    for (Py_ssize_t i = 0; rc == 0 && i < nargs(c->args[0]); i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        rc = put_target_column(cc, c->args[0]->args[i]);
    }
    orm_buf_putc(cc->out, ')');
    if (rc == 0 && c->args[1] != NULL) {
        PUTS(" WHERE ");
        cc->constants = cc->d->id == ORM_LITE;
        rc = orm_render_criterion(cc, c->args[1]);
        cc->constants = constants;
    }
    cc->bare = bare;
    return rc;
}

static int
put_assignment(orm_cctx *cc, const orm_node *n, const orm_node *a)
{
    const orm_node *table = orm_selectable(n->args[ORM_DML_TABLE]);
    const orm_node *base = a->args[0] == NULL ? NULL : orm_origin_column(a->args[0]);
    const orm_node *value = a->args[1];
    PyObject *column = base != NULL && base->kind == ORM_N_COLUMN ? base->payload : NULL;
    orm_bindrec *rec;
    orm_str name;
    int rc;

    if (column == NULL && a->payload != NULL && table->kind == ORM_N_TABLE) {
        column = orm_collection_get(orm_node_table(table)->columns, a->payload);
    }
    rc = column != NULL ? orm_put_ident(cc, ((orm_named *)column)->name,
                                        ((ColumnObject *)column)->quote)
                        : orm_put_ident(cc, a->payload, 0);
    if (rc < 0) {
        return -1;
    }
    PUTS(" = ");
    if (value->kind != ORM_N_BIND) {
        return orm_render_against(cc, value, ORM_AG_SELF);
    }
    if (orm_str_of(column != NULL ? ((orm_named *)column)->key : a->payload, &name) < 0) {
        return -1;
    }
    if (!orm_is_plain_value(value, name)) {
        return orm_render(cc, value);
    }
    if (orm_anon_name(cc, value, 1, orm_lit("param"), &name) < 0) {
        return -1;
    }
    rec = orm_bind_as(cc, value, name);
    if (rec == NULL) {
        return -1;
    }
    rec->stored = true;
    rec->column = column;
    if (column != NULL && rec->type->kind == ORM_T_NULL
        && ((ColumnObject *)column)->type != NULL) {
        rec->type = ((ColumnObject *)column)->type;
    }
    return orm_put_typed_marker(cc, rec);
}

static int
put_clause(orm_cctx *cc, const orm_node *n, const orm_node *c)
{
    const orm_node *set = c->args[2];

    PUTS(" ON CONFLICT");
    if (put_target(cc, c) < 0) {
        return -1;
    }
    if (c->aux != 1) {
        PUTS(" DO NOTHING");
        return 0;
    }
    PUTS(" DO UPDATE SET ");
    for (Py_ssize_t i = 0; set != NULL && i < nargs(set); i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (put_assignment(cc, n, set->args[i]) < 0) {
            return -1;
        }
    }
    if (c->args[3] != NULL) {
        PUTS(" WHERE ");
        return orm_render_criterion(cc, c->args[3]);
    }
    return 0;
}

int
orm_render_conflict(orm_cctx *cc, const orm_node *n)
{
    const orm_node *list = n->args[ORM_DML_CONFLICT];

    for (Py_ssize_t i = 0; list != NULL && i < nargs(list); i++) {
        if (put_clause(cc, n, list->args[i]) < 0) {
            return -1;
        }
    }
    return 0;
}
