/*
 * render_update.c - UPDATE and DELETE.
 *
 * Place: from render_select.c's dispatch. Other tables that the criterion or the values
 *   name make the FROM of UPDATE and the USING of DELETE; a SELECT inside correlates to the
 *   target and to them.
 */
#include "compile.h"

/* Every FROM the statement names apart from its target. */
static int
other_froms(orm_cctx *cc, const orm_node *n, const orm_node *target, orm_fromset *out)
{
    const orm_node *values = n->args[ORM_DML_VALUES], *using = n->args[ORM_DML_USING];
    orm_fromset named = {0};

    for (Py_ssize_t i = 0; using != NULL && i < nargs(using); i++) {
        if (orm_fromset_add(cc, &named, orm_selectable(using->args[i])) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; values != NULL && i < nargs(values); i++) {
        const orm_node *value = arg(values->args[i], 1);

        if (value != NULL && orm_froms_of(cc, value, cc->env, &named) < 0) {
            return -1;
        }
    }
    if (n->args[ORM_DML_WHERE] != NULL
        && orm_froms_of(cc, n->args[ORM_DML_WHERE], cc->env, &named) < 0) {
        return -1;
    }
    if (orm_froms_hide(cc, &named) < 0) {
        return -1;
    }
    for (size_t i = 0; i < named.n; i++) {
        if (named.v[i] != target && orm_fromset_add(cc, out, named.v[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- SET -------------------------------------------------------------------------------- */

static int
put_set(orm_cctx *cc, const orm_node *n)
{
    orm_setcol *cols;
    size_t ncols;

    if (orm_dml_columns(cc, n, n->args[ORM_DML_VALUES], &cols, &ncols) < 0) {
        return -1;
    }
    PUTS(" SET ");
    for (size_t i = 0; i < ncols; i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if ((cols[i].part != NULL ? orm_render_json_target(cc, cols[i].part)
                                  : orm_put_setcol_name(cc, &cols[i])) < 0) {
            return -1;
        }
        orm_buf_putc(cc->out, '=');
        if (orm_render_set_value(cc, &cols[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
put_where(orm_cctx *cc, const orm_node *n)
{
    if (n->args[ORM_DML_WHERE] == NULL) {
        return 0;
    }
    PUTS(" WHERE ");
    return orm_render_criterion(cc, n->args[ORM_DML_WHERE]);
}

static int
put_update(orm_cctx *cc, const orm_node *n, const orm_fromset *others, unsigned rf)
{
    PUTS("UPDATE ");
    if (orm_render_prefixes(cc, n->args[ORM_DML_PREFIX], false) < 0
        || orm_render_from(cc, n->args[ORM_DML_TABLE]) < 0 || put_set(cc, n) < 0) {
        return -1;
    }
    if (others->n > 0) {
        PUTS(" FROM ");
        if (orm_render_from_list(cc, others) < 0) {
            return -1;
        }
    }
    return put_where(cc, n) < 0 ? -1 : orm_render_returning(cc, n, rf);
}

static int
put_delete(orm_cctx *cc, const orm_node *n, const orm_fromset *others, unsigned rf)
{
    PUTS("DELETE ");
    if (orm_render_prefixes(cc, n->args[ORM_DML_PREFIX], false) < 0) {
        return -1;
    }
    PUTS("FROM ");
    if (orm_render_from(cc, n->args[ORM_DML_TABLE]) < 0) {
        return -1;
    }
    if (others->n > 0) {
        if (cc->d->id == ORM_LITE) {
            PyErr_SetString(PyExc_NotImplementedError,
                            "SQLite's DELETE names one table only; select the keys in a "
                            "subquery: delete(t).where(t.c.id.in_(select(...))).");
            return -1;
        }
        orm_buf_puts(cc->out, cc->d->id == ORM_PG ? " USING " : " , ");
        if (orm_render_from_list(cc, others) < 0) {
            return -1;
        }
    }
    return put_where(cc, n) < 0 ? -1 : orm_render_returning(cc, n, rf);
}

static int
render_modify(orm_cctx *cc, const orm_node *n, unsigned rf)
{
    const orm_node *target = orm_selectable(n->args[ORM_DML_TABLE]);
    orm_level level = {.outer = cc->level};
    orm_env *env = cc->env;
    orm_fromset others = {0}, all = {0};
    int rc = -1;

    n = orm_restricted(cc, n);
    if (n == NULL) {
        return -1;
    }
    level.stmt = n;
    if (other_froms(cc, n, target, &others) < 0 || orm_froms_members(cc, target, &all) < 0
        || orm_froms_flatten(cc, &others, &all) < 0) {
        return -1;
    }
    level.froms = all.v;
    level.nfroms = all.n;
    cc->level = &level;
    cc->env = orm_env_bound(cc, env, &all);
    if (cc->env != NULL && orm_render_added_ctes(cc, n->args[ORM_DML_CTES]) == 0) {
        rc = n->kind == ORM_N_UPDATE ? put_update(cc, n, &others, rf)
                                     : put_delete(cc, n, &others, rf);
    }
    cc->level = level.outer;
    cc->env = env;
    return rc;
}

int
orm_render_update(orm_cctx *cc, const orm_node *n, unsigned rf)
{
    return render_modify(cc, n, rf);
}

int
orm_render_delete(orm_cctx *cc, const orm_node *n, unsigned rf)
{
    return render_modify(cc, n, rf);
}
