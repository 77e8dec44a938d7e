/*
 * froms_join.c - SELECT.join(): which FROM a join starts from, and its ON.
 *
 * Place: called by froms.c. A SELECT keeps its joins in call order, left side and ON often
 *   not given: this file folds them into the select_from() list as JOIN nodes.
 * Rule: a left side that is given is found in the list, or added. One that is not given is
 *   the only FROM that can be joined: by the tables that ON names, or by a foreign key;
 *   select_from() elements if there are any, else the FROMs of the column list.
 * Ownership: the JOIN nodes made here live in the run's keep list.
 */
#include "compile.h"

/* 1: `from` provides everything that `wanted` needs apart from `right`. */
static int
covers(orm_cctx *cc, const orm_node *from, const orm_node *right, const orm_fromset *wanted)
{
    orm_fromset have = {0};

    if (orm_froms_members(cc, from, &have) < 0 || orm_froms_members(cc, right, &have) < 0) {
        return -1;
    }
    for (size_t i = 0; i < wanted->n; i++) {
        if (!orm_fromset_has(&have, wanted->v[i])) {
            return 0;
        }
    }
    return 1;
}

/* The ON between two FROMs by foreign key: 1 and *on (kept), 0 there is none, -1. */
static int
infer_on(orm_cctx *cc, const orm_node *left, const orm_node *right, bool must, orm_node **on)
{
    PyObject *none;

    *on = orm_join_condition(cc->st, (orm_node *)left, (orm_node *)right);
    if (*on != NULL) {
        return orm_keep(cc, (PyObject *)*on) < 0 ? -1 : 1;
    }
    none = orm_exc_class(cc->st, ORM_EXC_NoForeignKeysError);
    if (none == NULL || must || !PyErr_ExceptionMatches(none)) {
        return -1;
    }
    PyErr_Clear();
    return 0;
}

/* Index of the FROM that `right` joins to; n: none; -1 error, also when there are several. */
static Py_ssize_t
find_left(orm_cctx *cc, const orm_fromset *set, const orm_node *right, const orm_node *on)
{
    orm_fromset wanted = {0};
    Py_ssize_t found = (Py_ssize_t)set->n;

    if (on != NULL && orm_froms_of(cc, on, cc->env, &wanted) < 0) {
        return -1;
    }
    for (size_t i = 0; i < set->n; i++) {
        orm_node *inferred;
        int fits;

        if (set->v[i] == right) {
            continue;
        }
        if (on == NULL) {
            fits = infer_on(cc, set->v[i], right, false, &inferred);
        } else {
            fits = set->n == 1 || wanted.n == 0 ? 1 : covers(cc, set->v[i], right, &wanted);
        }
        if (fits < 0) {
            return -1;
        }
        if (fits && found < (Py_ssize_t)set->n) {
            return orm_raise_exc(
                cc->st, ORM_EXC_InvalidRequestError,
                "Can't determine which FROM clause to join from, there are multiple FROMS "
                "which can join to this entity. Please use the .select_from() method to "
                "establish an explicit left side, as well as providing an explicit ON clause "
                "if not present already to help resolve the ambiguity.");
        }
        if (fits) {
            found = (Py_ssize_t)i;
        }
    }
    return found;
}

/* What the mapping restricts the joined class by belongs into ON. 0 / -1. */
static int
restrict_on(orm_cctx *cc, const orm_node *target, orm_node **on)
{
    const orm_sql_orm_ops *ops = orm_sql_get_orm_ops(cc->st);
    orm_node *more = NULL;

    if (ops == NULL || (target->kind != ORM_N_ENTITY && target->kind != ORM_N_JOIN)) {
        return 0;
    }
    if (ops->restrict_join(cc->st, cc->stmt, target, &more) < 0) {
        return -1;
    }
    if (more != NULL) {
        *on = orm_and(cc->st, *on, more);
        Py_DECREF(more);
        cc->has_default_sql = true; /* the mapping's values */
        return orm_keep(cc, (PyObject *)*on);
    }
    return 0;
}

/* Put JOIN(left, right) at `at` of the list (n: behind it). */
static int
put_join(orm_cctx *cc, orm_fromset *set, Py_ssize_t at, const orm_node *left,
         const orm_node *join)
{
    const orm_node *right = orm_selectable(join->args[1]);
    orm_node *on = join->args[2], *made;
    orm_node *args[4];

    if ((on == NULL && infer_on(cc, left, right, true, &on) < 0)
        || restrict_on(cc, join->args[1], &on) < 0) {
        return -1;
    }
    args[0] = (orm_node *)left;
    args[1] = (orm_node *)right;
    args[2] = on;
    args[3] = NULL;
    made = orm_node_make(cc->st, ORM_N_JOIN, ORM_OP_NONE, NULL, NULL, join->aux, 4, args);
    if (orm_keep(cc, (PyObject *)made) < 0) {
        return -1;
    }
    if (at < (Py_ssize_t)set->n) {
        set->v[at] = made;
        return 0;
    }
    return orm_fromset_add(cc, set, made);
}

static int
no_left(orm_cctx *cc, const orm_node *right)
{
    PyObject *shown = orm_node_wrap(cc->st, (orm_node *)right);
    PyObject *mapper = NULL;

    if (shown != NULL && PyType_Check(shown)
        && PyObject_GetOptionalAttrString(shown, "__mapper__", &mapper) > 0) {
        Py_SETREF(shown, mapper);
    }
    if (shown != NULL) {
        orm_raise_exc(cc->st, ORM_EXC_InvalidRequestError,
                      "Don't know how to join to %R. Please use the .select_from() method to "
                      "establish an explicit left side, as well as providing an explicit ON "
                      "clause if not present already to help resolve the ambiguity.",
                      shown);
        Py_DECREF(shown);
    }
    return -1;
}

/* A left side that the caller named: where it is in the list, or n. */
static Py_ssize_t
find_given(orm_cctx *cc, const orm_fromset *set, const orm_node *left)
{
    for (size_t i = 0; i < set->n; i++) {
        orm_fromset members = {0};

        if (orm_froms_members(cc, set->v[i], &members) < 0) {
            return -1;
        }
        if (orm_fromset_has(&members, left)) {
            return (Py_ssize_t)i;
        }
    }
    return (Py_ssize_t)set->n;
}

static int
fold(orm_cctx *cc, const orm_node *select, orm_fromset *set, const orm_node *join)
{
    const orm_node *left = orm_selectable(join->args[0]);
    const orm_node *right = orm_selectable(join->args[1]);
    orm_fromset named = {0};
    Py_ssize_t at;

    if (left != NULL) {
        at = find_given(cc, set, left);
        return at < 0 ? -1
                      : put_join(cc, set, at, at < (Py_ssize_t)set->n ? set->v[at] : left, join);
    }
    if (set->n > 0) {
        at = find_left(cc, set, right, join->args[2]);
        if (at < 0) {
            return -1;
        }
        return at < (Py_ssize_t)set->n ? put_join(cc, set, at, set->v[at], join)
                                       : no_left(cc, join->args[1]);
    }
    if (orm_froms_of_columns(cc, select->args[ORM_SEL_COLS], cc->env, &named) < 0) {
        return -1;
    }
    at = find_left(cc, &named, right, join->args[2]);
    if (at < 0) {
        return -1;
    }
    return at < (Py_ssize_t)named.n ? put_join(cc, set, (Py_ssize_t)set->n, named.v[at], join)
                                    : no_left(cc, join->args[1]);
}

int
orm_froms_joined(orm_cctx *cc, const orm_node *select, orm_fromset *out)
{
    const orm_node *from = select->args[ORM_SEL_FROM], *joins = select->args[ORM_SEL_JOINS];

    for (Py_ssize_t i = 0; from != NULL && i < nargs(from); i++) {
        if (orm_fromset_add(cc, out, orm_selectable(from->args[i])) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; joins != NULL && i < nargs(joins); i++) {
        if (fold(cc, select, out, joins->args[i]) < 0) {
            return -1;
        }
    }
    return 0;
}
