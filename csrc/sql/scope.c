/*
 * scope.c - what a selectable means at the place where it is written.
 *
 * Place: asked by the FROM derivation and by the rendering of columns.
 * Model: a chain of entries from the innermost outwards. A `bound` entry lists selectables
 *   that stand in a FROM list there: they mean themselves, and the search ends. An APPLY
 *   entry replaces a selectable, and the search goes on outwards with the replacement.
 *   That is lexical scoping: an inner FROM shadows a substitution, substitutions compose.
 * Ownership: entries live in the run's arena and borrow the nodes.
 */
#include "compile.h"

const orm_node *
orm_selectable(const orm_node *from)
{
    while (from != NULL && from->kind == ORM_N_ENTITY) {
        from = from->args[0];
    }
    return from;
}

const orm_node *
orm_origin_column(const orm_node *expr)
{
    for (;;) {
        if ((expr->kind == ORM_N_COLREF || expr->kind == ORM_N_ATTR) && expr->args[1] != NULL) {
            expr = expr->args[1];
        } else if (expr->kind == ORM_N_LABEL) {
            expr = expr->args[0];
        } else {
            return expr;
        }
    }
}

const orm_node *
orm_resolve(const orm_env *env, const orm_env *stop, const orm_node *sel)
{
    const orm_node *entity = NULL;

    return orm_resolve_entity(env, stop, sel, &entity);
}

const orm_node *
orm_resolve_entity(const orm_env *env, const orm_env *stop, const orm_node *sel,
                   const orm_node **entity)
{
    *entity = NULL;
    sel = orm_selectable(sel);
    for (; env != NULL && env != stop; env = env->outer) {
        if (env->apply == NULL) {
            for (size_t i = 0; i < env->nbound; i++) {
                if (env->bound[i] == sel) {
                    return sel;
                }
            }
            continue;
        }
        for (Py_ssize_t i = 1; i + 1 < nargs(env->apply); i += 2) {
            if (orm_selectable(env->apply->args[i]) == sel) {
                *entity = env->apply->args[i + 1];
                *entity = (*entity)->kind == ORM_N_ENTITY ? *entity : NULL;
                sel = orm_selectable(env->apply->args[i + 1]);
                break;
            }
        }
    }
    return sel;
}

orm_env *
orm_env_apply(orm_cctx *cc, orm_env *outer, const orm_node *apply)
{
    orm_env *env = orm_arena_alloc(&cc->arena, sizeof(*env));

    if (env == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *env = (orm_env){.outer = outer, .apply = apply};
    return env;
}

orm_env *
orm_env_bound(orm_cctx *cc, orm_env *outer, const orm_fromset *set)
{
    orm_env *env = orm_arena_alloc(&cc->arena, sizeof(*env));

    if (env == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *env = (orm_env){.outer = outer, .bound = set->v, .nbound = set->n};
    return env;
}
