/*
 * render_cte.c - WITH: common table expressions, in the order they need each other.
 *
 * Place: a reference to a CTE anywhere renders its body at first sight into a buffer of its
 *   own; the statement puts all of them before its text when it is complete.
 * Invariants: a CTE is written once. A recursive CTE is a chain of nodes: the one that
 *   unites restates the one that its body names, and both have one name. A nested CTE
 *   (nesting=True) goes into the text of the CTE whose body named it.
 */
#include "compile.h"

static const orm_node *
restated(const orm_node *cte)
{
    const orm_node *r = arg(cte, 1);

    return r != NULL && r->kind == ORM_N_CTE ? r : NULL;
}

static const orm_node *
first_of(const orm_node *cte)
{
    while (restated(cte) != NULL) {
        cte = restated(cte);
    }
    return cte;
}

static int
cte_name(orm_cctx *cc, const orm_node *cte, orm_str *name)
{
    cte = first_of(cte);
    if (cte->payload != NULL) {
        return orm_str_of(cte->payload, name);
    }
    return orm_anon_name(cc, cte, 0, orm_lit("anon"), name);
}

/* --- the body --------------------------------------------------------------------------- */

/* tree(id, name): what a recursive CTE and one over VALUES have to say. */
static int
put_columns(orm_cctx *cc, const orm_node *stmt)
{
    const orm_collist *list;
    orm_str name;

    orm_buf_putc(cc->out, '(');
    if (stmt->kind == ORM_N_VALUES) {
        for (Py_ssize_t i = 0; i < nargs(stmt->args[0]); i++) {
            const orm_node *column = orm_origin_column(stmt->args[0]->args[i]);

            orm_buf_puts(cc->out, i > 0 ? ", " : "");
            if (orm_put_ident(cc, orm_node_named(column)->name, 0) < 0) {
                return -1;
            }
        }
        orm_buf_putc(cc->out, ')');
        return 0;
    }
    list = orm_columns_of(cc, stmt);
    for (size_t i = 0; list != NULL && i < list->ncols; i++) {
        orm_buf_puts(cc->out, i > 0 ? ", " : "");
        if (orm_selcol_name(cc, &list->cols[i], &name) < 0 || orm_put_name(cc, name, 0) < 0) {
            return -1;
        }
    }
    orm_buf_putc(cc->out, ')');
    return list == NULL ? -1 : 0;
}

/* WITH in front of what cc->out holds from `at` on: every CTE that `wanted` accepts. */
static int
splice(orm_cctx *cc, size_t at, uint32_t level)
{
    orm_buf tail = {0};
    bool any = false, recursive = false;

    for (orm_cte *c = cc->ctes; c != NULL; c = c->next) {
        if (c->done && !c->written && c->level >= level && (level == 0 || c->nesting)) {
            recursive |= c->recursive;
            any = true;
        }
    }
    if (!any) {
        return 0;
    }
    orm_buf_put(&tail, cc->out->p + at, cc->out->len - at);
    cc->out->len = at;
    orm_buf_puts(cc->out, recursive ? "WITH RECURSIVE " : "WITH ");
    any = false;
    for (orm_cte *c = cc->ctes; c != NULL; c = c->next) {
        if (!c->done || c->written || c->level < level || (level > 0 && !c->nesting)) {
            continue;
        }
        orm_buf_puts(cc->out, any ? ", \n" : "");
        orm_buf_put(cc->out, c->text.p, c->text.len);
        c->written = any = true;
    }
    PUTS("\n ");
    orm_buf_put(cc->out, tail.p, tail.len);
    cc->out->failed |= tail.failed;
    orm_buf_fini(&tail);
    return cc->out->failed ? orm_no_memory() : 0;
}

int
orm_splice_ctes(orm_cctx *cc, size_t at)
{
    return splice(cc, at, 0);
}

static int
put_body(orm_cctx *cc, orm_cte *c)
{
    const orm_node *stmt = c->node->args[0];
    size_t at;
    int rc;

    if (orm_put_name(cc, c->name, 0) < 0) {
        return -1;
    }
    if ((c->recursive || stmt->kind == ORM_N_VALUES) && put_columns(cc, stmt) < 0) {
        return -1;
    }
    PUTS(" AS ");
    if (c->node->aux & ORM_CTE_NOT_MATERIALIZED) {
        PUTS("NOT MATERIALIZED ");
    } else if (c->node->aux & ORM_CTE_MATERIALIZED) {
        PUTS("MATERIALIZED ");
    }
    if (orm_render_prefixes(cc, c->node->args[ORM_CTE_PREFIX], false) < 0) {
        return -1;
    }
    PUTS("\n(");
    at = cc->out->len;
    cc->cte_level++;
    rc = stmt->kind == ORM_N_VALUES ? orm_render_values(cc, stmt)
                                    : orm_render_statement(cc, stmt, ORM_RF_ASFROM);
    if (rc == 0) {
        rc = splice(cc, at, cc->cte_level);
    }
    cc->cte_level--;
    orm_buf_putc(cc->out, ')');
    return rc < 0 ? rc : orm_render_prefixes(cc, c->node->args[ORM_CTE_SUFFIX], true);
}

/* Move to the end of the list: what its body needs was put there before. */
static void
put_last(orm_cctx *cc, orm_cte *c)
{
    orm_cte **p = &cc->ctes;

    while (*p != c) {
        p = &(*p)->next;
    }
    *p = c->next;
    c->next = NULL;
    for (p = &cc->ctes; *p != NULL; p = &(*p)->next) {
    }
    *p = c;
}

static int
render_cte(orm_cctx *cc, orm_cte *c)
{
    orm_buf *out = cc->out;
    orm_env *env = cc->env;
    orm_level *level = cc->level;
    bool bare = cc->bare;
    int rc;

    c->text.len = 0;
    cc->out = &c->text;
    cc->env = NULL;
    cc->level = NULL;
    cc->bare = (cc->flags & ORM_R_NOTABLE) != 0;
    rc = put_body(cc, c);
    cc->out = out;
    cc->env = env;
    cc->level = level;
    cc->bare = bare;
    c->done = true;
    put_last(cc, c);
    return c->text.failed ? orm_no_memory() : rc;
}

/* 1: `cte` is a later form of `older`. */
static bool
is_later(const orm_node *cte, const orm_node *older)
{
    for (; cte != NULL; cte = restated(cte)) {
        if (cte == older) {
            return true;
        }
    }
    return false;
}

int
orm_render_cte_ref(orm_cctx *cc, const orm_node *cte, orm_str *name)
{
    orm_cte *c;

    if (cte_name(cc, cte, name) < 0) {
        return -1;
    }
    for (c = cc->ctes; c != NULL; c = c->next) {
        if (!orm_str_eq(c->name, *name)) {
            continue;
        }
        if (is_later(c->node, cte)) {
            return 0;
        }
        if (is_later(cte, c->node)) {
            /* Its older form was met first: the younger one is what is written. */
            c->node = cte;
            c->done = false;
            return render_cte(cc, c);
        }
        return orm_name_error(cc, "Multiple, unrelated CTEs found with the same name: '%U'", *name);
    }
    c = orm_arena_alloc(&cc->arena, sizeof(*c));
    if (c == NULL) {
        return orm_no_memory();
    }
    *c = (orm_cte){.node = cte, .name = *name, .level = cc->cte_level, .next = cc->ctes};
    c->recursive = cte->aux & ORM_CTE_RECURSIVE;
    c->nesting = cte->aux & ORM_CTE_NESTING;
    cc->ctes = c;
    return render_cte(cc, c);
}
