/*
 * froms.c - which FROM elements a SELECT has.
 *
 * Place: called by render_select.c before a word is written, and by render_dml.c for the
 *   FROM of UPDATE and the USING of DELETE.
 * Rule: select_from() elements and joins first, then what the column list names, then what
 *   WHERE names, each once; a JOIN hides its members. Nested SELECTs are not entered. Then
 *   correlation takes out what an enclosing statement provides: by itself only the
 *   immediately enclosing one, and never the last FROM; correlate() sees all levels.
 * Invariants: no recursion along an expression: the walk keeps a stack of its own.
 */
#include "compile.h"

bool
orm_fromset_has(const orm_fromset *set, const orm_node *from)
{
    for (size_t i = 0; i < set->n; i++) {
        if (set->v[i] == from) {
            return true;
        }
    }
    return false;
}

int
orm_fromset_add(orm_cctx *cc, orm_fromset *set, const orm_node *from)
{
    if (orm_fromset_has(set, from)) {
        return 0;
    }
    if (set->n == set->cap) {
        size_t cap = set->cap == 0 ? 8 : set->cap * 2;
        const orm_node **v = orm_arena_array(&cc->arena, cap, sizeof(*v));

        if (v == NULL) {
            return orm_no_memory();
        }
        if (set->n > 0) {
            memcpy(v, set->v, set->n * sizeof(*v));
        }
        set->v = v;
        set->cap = cap;
    }
    set->v[set->n++] = from;
    return 0;
}

/* --- walking an expression -------------------------------------------------------------- */

typedef struct item {
    const orm_node *node;
    orm_env *env;
} item;

typedef struct walk {
    item *v;    /* PyMem */
    size_t n, cap;
} walk;

static int
push(walk *w, const orm_node *node, orm_env *env)
{
    if (node == NULL) {
        return 0;
    }
    if (w->n == w->cap) {
        size_t cap = w->cap == 0 ? 64 : w->cap * 2;
        item *v = PyMem_Realloc(w->v, cap * sizeof(*v));

        if (v == NULL) {
            return orm_no_memory();
        }
        w->v = v;
        w->cap = cap;
    }
    w->v[w->n++] = (item){node, env};
    return 0;
}

/* The FROM a leaf belongs to; NULL: none. An attribute of a class over several tables is all of
   them in a SELECT list, or where they are replaced; elsewhere the one table that has the column. */
static const orm_node *
leaf_from(const orm_node *n, bool columns, const orm_env *env, const orm_env *stop)
{
    const orm_node *sel = NULL;

    switch (n->kind) {
    case ORM_N_COLUMN:
    case ORM_N_STAR:
        sel = arg(n, 0);
        break;
    case ORM_N_ATTR:
        sel = orm_selectable(n->args[0]);
        if (!columns && sel->kind == ORM_N_JOIN && orm_resolve(env, stop, sel) == sel
            && (n->args[1]->kind == ORM_N_COLUMN || n->args[1]->kind == ORM_N_COLREF)) {
            sel = n->args[1]->args[0];
        }
        break;
    case ORM_N_COLREF:
    case ORM_N_FROMCOL:
        sel = n->args[0];
        break;
    default:
        if (orm_kind_is_from(n->kind)) {
            sel = n;
        }
    }
    sel = orm_selectable(sel);
    if (sel != NULL && sel->kind == ORM_N_ALIAS && (sel->aux & ORM_ALIAS_EXCLUDED)) {
        return NULL;
    }
    return sel;
}

/* (f(x)).field: no FROM of its own; what it needs are the tables of the argument. */
static bool
is_field(const orm_node *n)
{
    return n->kind == ORM_N_COLREF && n->args[0]->kind == ORM_N_FROMFUNC
           && (n->args[0]->aux & ORM_FROMFUNC_SCALAR);
}

/* 1: the kind ends the walk here. */
static int
is_leaf(const orm_node *n)
{
    switch (n->kind) {
    case ORM_N_COLUMN:
    case ORM_N_COLREF:
    case ORM_N_ATTR:
    case ORM_N_STAR:
    case ORM_N_FROMCOL:
    case ORM_N_BIND:
    case ORM_N_SCALAR:
    case ORM_N_EXISTS:
    case ORM_N_TEXTSTMT:
    case ORM_N_OPTION:
        return 1;
    default:
        return orm_kind_is_from(n->kind) || orm_kind_is_stmt(n->kind);
    }
}

static int
froms_of(orm_cctx *cc, const orm_node *expr, orm_env *env, bool columns, orm_fromset *set)
{
    walk w = {0};
    const orm_env *stop = env;
    int rc = -1;

    if (push(&w, expr, env) < 0) {
        goto done;
    }
    while (w.n > 0) {
        item it = w.v[--w.n];

        if (is_field(it.node)) {
            it.node = it.node->args[0]->args[0];
        }
        if (is_leaf(it.node)) {
            const orm_node *sel = leaf_from(it.node, columns, it.env, stop);

            if (sel != NULL && orm_fromset_add(cc, set, orm_resolve(it.env, stop, sel)) < 0) {
                goto done;
            }
            continue;
        }
        if (it.node->kind == ORM_N_APPLY) {
            orm_env *inner = orm_env_apply(cc, it.env, it.node);

            if (inner == NULL || push(&w, it.node->args[0], inner) < 0) {
                goto done;
            }
            continue;
        }
        for (Py_ssize_t i = nargs(it.node); i-- > 0;) {
            if (push(&w, it.node->args[i], it.env) < 0) {
                goto done;
            }
        }
    }
    rc = 0;
done:
    PyMem_Free(w.v);
    return rc;
}

int
orm_froms_of(orm_cctx *cc, const orm_node *expr, orm_env *env, orm_fromset *set)
{
    return froms_of(cc, expr, env, false, set);
}

int
orm_froms_of_columns(orm_cctx *cc, const orm_node *cols, orm_env *env, orm_fromset *set)
{
    return froms_of(cc, cols, env, true, set);
}

/* --- lists of FROMs --------------------------------------------------------------------- */

int
orm_froms_members(orm_cctx *cc, const orm_node *from, orm_fromset *out)
{
    /* Left-deep chains of joins are long, right sides are not. */
    from = orm_selectable(from);
    while (from->kind == ORM_N_JOIN) {
        if (orm_fromset_add(cc, out, from) < 0
            || orm_froms_members(cc, from->args[1], out) < 0) {
            return -1;
        }
        from = orm_selectable(from->args[0]);
    }
    return orm_fromset_add(cc, out, from);
}

int
orm_froms_flatten(orm_cctx *cc, const orm_fromset *froms, orm_fromset *out)
{
    for (size_t i = 0; i < froms->n; i++) {
        if (orm_froms_members(cc, froms->v[i], out) < 0) {
            return -1;
        }
    }
    return 0;
}

int
orm_froms_hide(orm_cctx *cc, orm_fromset *set)
{
    orm_fromset hidden = {0};
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        const orm_node *from = set->v[i];

        if (from->kind == ORM_N_JOIN
            && (orm_froms_members(cc, from->args[0], &hidden) < 0
                || orm_froms_members(cc, from->args[1], &hidden) < 0)) {
            return -1;
        }
    }
    for (size_t i = 0; i < set->n; i++) {
        if (!orm_fromset_has(&hidden, set->v[i])) {
            set->v[n++] = set->v[i];
        }
    }
    set->n = n;
    return 0;
}

/* 1: an enclosing statement provides this FROM. `all`: look at every level, else only at the
 * immediately enclosing one; `skip`: leave that one out. */
static int
provided(orm_cctx *cc, const orm_node *from, bool all, bool skip)
{
    const orm_node *means = orm_resolve(cc->env, NULL, from);

    for (const orm_level *l = cc->level; l != NULL; l = l->outer) {
        if (!skip) {
            for (size_t i = 0; i < l->nfroms; i++) {
                if (l->froms[i] == means) {
                    return 1;
                }
            }
        }
        if (!all) {
            return 0;
        }
        skip = false;
    }
    return 0;
}

static int
named_in(const orm_node *list, const orm_node *from)
{
    for (Py_ssize_t i = 0; i < nargs(list); i++) {
        if (orm_selectable(list->args[i]) == from) {
            return 1;
        }
    }
    return 0;
}

static int
correlate_explicit(orm_cctx *cc, const orm_node *list, bool skip, orm_fromset *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        int named = named_in(list, set->v[i]);

        if (list->op == ORM_OP_CORRELATE_EXCEPT) {
            named = !named;
        }
        if (!named || !provided(cc, set->v[i], true, skip)) {
            set->v[n++] = set->v[i];
        }
    }
    set->n = n;
    return 0;
}

static int
correlate_implicit(orm_cctx *cc, orm_fromset *set)
{
    size_t n = 0;

    for (size_t i = 0; i < set->n; i++) {
        if (!provided(cc, set->v[i], false, false)) {
            set->v[n++] = set->v[i];
        }
    }
    if (n == 0) {
        return orm_raise_exc(
            cc->st, ORM_EXC_InvalidRequestError,
            "Select statement returned no FROM clauses due to auto-correlation; specify "
            "correlate(<tables>) to control correlation manually.");
    }
    set->n = n;
    return 0;
}

int
orm_froms_select(orm_cctx *cc, const orm_node *select, unsigned rf, orm_fromset *out)
{
    const orm_node *corr = select->args[ORM_SEL_CORRELATE];
    bool closed = (rf & ORM_RF_ASFROM) && !(rf & ORM_RF_LATERAL);

    if (orm_froms_joined(cc, select, out) < 0) {
        return -1;
    }
    if (select->args[ORM_SEL_COLS] != NULL
        && orm_froms_of_columns(cc, select->args[ORM_SEL_COLS], cc->env, out) < 0) {
        return -1;
    }
    if (select->args[ORM_SEL_WHERE] != NULL
        && orm_froms_of(cc, select->args[ORM_SEL_WHERE], cc->env, out) < 0) {
        return -1;
    }
    if (orm_froms_hide(cc, out) < 0) {
        return -1;
    }
    if (cc->level == NULL) {
        return 0;
    }
    if (corr != NULL) {
        return correlate_explicit(cc, corr, closed, out);
    }
    return closed || out->n < 2 ? 0 : correlate_implicit(cc, out);
}
