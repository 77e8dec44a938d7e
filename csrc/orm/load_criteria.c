/*
 * orm/load_criteria.c - what statements over single-table classes are restricted by.
 *
 * Place: the compiler asks once per statement with something mapped in it. The criterion of each
 *   class that the columns, select_from() or WHERE name is added to WHERE, once per entity, in
 *   that order; that of the target of a JOIN belongs into its ON (froms_join.c asks for it).
 * with_loader_criteria(): criteria that options of the statement give for classes come to the same
 *   places, in the statement and in all SELECTs inside; aliases are meant only with
 *   include_aliases, but for those of joins that the loader wrote.
 * Values: those of options are the statement's, as the options stand in its key; the identities of the class and its subclasses; they are the mapping's, not the
 *   statement's, and mapping a further subclass ends the compiled statements of before.
 */
#include "orm/load_poly.h"
#include "orm/load_option.h"

typedef struct found {
    const orm_node **v; /* PyMem: ENTITY nodes, each once */
    size_t n, cap;
} found;

static int
note(found *f, const orm_node *entity)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->v[i] == entity) {
            return 0;
        }
    }
    if (f->n == f->cap) {
        size_t cap = f->cap == 0 ? 8 : f->cap * 2;
        const orm_node **v = PyMem_Realloc(f->v, cap * sizeof(*v));

        if (v == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        f->v = v;
        f->cap = cap;
    }
    f->v[f->n++] = entity;
    return 0;
}

static bool
is_restricted(const orm_node *entity)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;

    if (entity->aux & ORM_ENTITY_TEMPLATE) {
        return false;
    }
    if (entity->aux & ORM_ENTITY_ALIASED && ((orm_alias *)orm_entity_owner(entity))->part) {
        return false;
    }
    return m->single && !m->disposed;
}

/* --- with_loader_criteria() ------------------------------------------------------------------ */

/* The pair of an option that is nearest to the mapper: index of its ENTITY in nodes, or -1. */
static int64_t
nearest_pair(const orm_option *o, const orm_mapper *m)
{
    for (; m != NULL; m = m->base) {
        for (uint32_t i = 0; i < o->nnodes; i += 2) {
            if (o->nodes[i]->payload == (PyObject *)m) {
                return i;
            }
        }
    }
    return -1;
}

static const orm_option *
criteria_option(orm_state *st, const orm_node *node)
{
    const orm_option *o = (const orm_option *)node->payload;

    return PyObject_TypeCheck((PyObject *)o, st->LoaderOption) && o->criteria ? o : NULL;
}

/* The options of the statement that is compiled, or NULL. */
static const orm_node *
options_of(const orm_node *top)
{
    int cols = 0;
    int options = 0;

    return orm_parts_of(top, &cols, &options) ? top->args[options] : NULL;
}

/* The option is about this occurrence of the class. */
static bool
is_about(const orm_option *o, const orm_node *entity)
{
    const orm_alias *al = entity->aux & ORM_ENTITY_ALIASED
                              ? (const orm_alias *)orm_entity_owner(entity)
                              : NULL;

    if (al != NULL && (al->part || (!al->eager && !o->aliases))) {
        return false;
    }
    return nearest_pair(o, (const orm_mapper *)entity->payload) >= 0;
}

/* The class of an instance that the statement refreshes. */
static bool
is_refreshed(orm_state *st, const orm_node *top, const orm_node *entity)
{
    const orm_node *options = options_of(top);
    const orm_node *cols = options == NULL || top->kind != ORM_N_SELECT ? NULL
                                                                        : top->args[ORM_SEL_COLS];

    if (cols == NULL || Py_SIZE(cols) == 0 || cols->args[0] != entity) {
        return false;
    }
    for (Py_ssize_t i = 0; i < Py_SIZE(options); i++) {
        const orm_option *o = (const orm_option *)options->args[i]->payload;

        if (PyObject_TypeCheck((PyObject *)o, st->LoaderOption) && o->refresh) {
            return true;
        }
    }
    return false;
}

static bool
is_asked_for(orm_state *st, const orm_node *top, const orm_node *entity)
{
    const orm_node *options = options_of(top);

    if (options == NULL || is_refreshed(st, top, entity)) {
        return false;
    }
    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = criteria_option(st, options->args[i]);

        if (o != NULL && is_about(o, entity)) {
            return true;
        }
    }
    return false;
}

/* What the options say of an entity onto *where (owned; NULL: nothing yet). 0 / -1. */
static int
add_asked_for(orm_state *st, const orm_node *top, orm_node *entity, orm_node **where)
{
    const orm_node *options = is_asked_for(st, top, entity) ? options_of(top) : NULL;

    for (Py_ssize_t i = 0; options != NULL && i < Py_SIZE(options); i++) {
        const orm_option *o = criteria_option(st, options->args[i]);
        int64_t at = o == NULL || !is_about(o, entity)
                         ? -1
                         : nearest_pair(o, (const orm_mapper *)entity->payload);
        orm_node *one = NULL;

        if (at < 0) {
            continue;
        }
        if (o->nodes[at + 1]->kind == ORM_N_ENTITY) {
            return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                                 "with_loader_criteria(): its lambda asks %s for an attribute that "
                                 "the class does not have; give criteria for the classes that have it",
                                 ((orm_mapper *)entity->payload)->cls->tp_name);
        }
        one = (orm_node *)Py_NewRef(o->nodes[at + 1]);
        if (o->nodes[at] != entity) {
            orm_node *args[3] = {one, o->nodes[at], entity};
            one = orm_node_make(st, ORM_N_APPLY, ORM_OP_NONE, args[0]->type, NULL, 0, 3, args);
            Py_DECREF(args[0]);
        }
        if (one == NULL) {
            return -1;
        }
        Py_XSETREF(*where, orm_and(st, *where, one));
        Py_DECREF(one);
        if (*where == NULL) {
            return -1;
        }
    }
    return 0;
}

/* --- entities ---------------------------------------------------------------------------------- */

/* A statement of its own, or what wraps one. */
static bool
is_statement(const orm_node *n)
{
    switch (n->kind) {
    case ORM_N_SELECT:
    case ORM_N_COMPOUND:
    case ORM_N_TEXTFROM:
    case ORM_N_INSERT:
    case ORM_N_UPDATE:
    case ORM_N_DELETE:
    case ORM_N_FROMSTMT:
    case ORM_N_TEXTSTMT:
        return true;
    default:
        return false;
    }
}

/* Entities of single-table classes that an expression names, first those that stand first; SELECTs
   inside are statements of their own. No recursion along chains: the stack is ours. 0 / -1. */
static int
look_in(orm_state *st, const orm_node *top, found *f, const orm_node *expr)
{
    found stack = {0};
    int rc = expr == NULL || !(expr->flags & ORM_F_ORM) ? 0 : 1;

    if (rc > 0) {
        rc = note(&stack, expr) < 0 ? -1 : 0;
    }
    while (rc == 0 && stack.n > 0) {
        const orm_node *n = stack.v[--stack.n];
        Py_ssize_t first = 0;
        Py_ssize_t end = 0;

        if (n->kind == ORM_N_ATTR) {
            n = n->args[0];
        }
        if (n->kind == ORM_N_ENTITY) {
            rc = is_restricted(n) || is_asked_for(st, top, n) ? note(f, n) : 0;
            continue;
        }
        if (is_statement(n) || n->kind == ORM_N_COLREF) {
            continue;
        }
        end = orm_node_children(n, &first);
        if (n->kind == ORM_N_APPLY) {
            end = 1; /* the FROMs that it reads from are named elsewhere, or correlated */
        }
        for (Py_ssize_t i = end; rc == 0 && i > first; i--) {
            const orm_node *child = n->args[i - 1];

            if (child != NULL && child->flags & ORM_F_ORM) {
                rc = note(&stack, child);
            }
        }
    }
    PyMem_Free(stack.v);
    return rc;
}

/* The criterion of an entity. New reference, or NULL. */
static orm_node *
criterion_of(orm_state *st, const orm_node *entity)
{
    const orm_mapper *m = (const orm_mapper *)entity->payload;
    PyObject *from = entity->aux & ORM_ENTITY_ALIASED
                         ? orm_node_wrap(st, entity->args[0])
                         : Py_NewRef(Py_None);
    PyObject *made = from == NULL ? NULL
                                  : PyObject_CallMethod(m->py, "_single_criterion", "O", from);
    orm_node *node = made == NULL ? NULL : orm_node_of(st, made);

    Py_XINCREF(node);
    Py_XDECREF(made);
    Py_XDECREF(from);
    return node;
}

int
orm_criterion_of_join(orm_state *st, const orm_node *entity, orm_node **out)
{
    *out = NULL;
    if (entity->kind == ORM_N_ENTITY && is_restricted(entity)) {
        *out = criterion_of(st, entity);
        return *out == NULL ? -1 : 0;
    }
    return 0;
}

/* Entities of a JOIN that the loader or a relationship wrote: what options say of them. 0 / -1. */
static int
add_of_inner(orm_state *st, const orm_node *top, orm_node *target, orm_node **where)
{
    while (target->kind == ORM_N_JOIN) { /* a left side may be a JOIN too, a right side seldom */
        if (target->args[1]->kind == ORM_N_JOIN
                ? add_of_inner(st, top, target->args[1], where) < 0
                : target->args[1]->kind == ORM_N_ENTITY
                      && add_asked_for(st, top, target->args[1], where) < 0) {
            return -1;
        }
        target = target->args[0];
        if (target == NULL) {
            return 0;
        }
    }
    return target->kind == ORM_N_ENTITY ? add_asked_for(st, top, target, where) : 0;
}

int
orm_criteria_of_join(orm_state *st, const orm_node *top, const orm_node *target, orm_node **out)
{
    if (orm_criterion_of_join(st, target, out) < 0) {
        return -1;
    }
    if (add_of_inner(st, top, (orm_node *)target, out) < 0) {
        Py_CLEAR(*out);
        return -1;
    }
    return 0;
}

static bool
has_entity(const orm_node *target, const orm_node *entity)
{
    while (target != NULL && target->kind == ORM_N_JOIN) {
        if (has_entity(target->args[1], entity)) {
            return true;
        }
        target = target->args[0];
    }
    return target == entity;
}

/* The target of one of the statement's JOINs. */
static bool
is_joined(const orm_node *stmt, const orm_node *entity)
{
    const orm_node *joins = stmt->kind == ORM_N_SELECT ? stmt->args[ORM_SEL_JOINS] : NULL;

    for (Py_ssize_t i = 0; joins != NULL && i < Py_SIZE(joins); i++) {
        if (has_entity(joins->args[i]->args[1], entity)) {
            return true;
        }
    }
    return false;
}

static int
find_entities(orm_state *st, const orm_node *top, const orm_node *stmt, found *f)
{
    if (stmt->kind == ORM_N_SELECT) {
        return look_in(st, top, f, stmt->args[ORM_SEL_COLS]) < 0
                       || look_in(st, top, f, stmt->args[ORM_SEL_FROM]) < 0
                       || look_in(st, top, f, stmt->args[ORM_SEL_WHERE]) < 0
                   ? -1
                   : 0;
    }
    return stmt->kind == ORM_N_UPDATE || stmt->kind == ORM_N_DELETE
               ? look_in(st, top, f, stmt->args[ORM_DML_TABLE])
               : 0;
}

/* A copy of the statement with another WHERE. New reference. */
static orm_node *
with_where(orm_state *st, orm_node *stmt, int cell, orm_node *where)
{
    orm_node *made = orm_node_new(st, NULL, stmt->kind, Py_SIZE(stmt));

    if (made == NULL) {
        return NULL;
    }
    made->op = stmt->op;
    made->aux = stmt->aux;
    made->type = (orm_type *)Py_XNewRef(stmt->type);
    for (Py_ssize_t i = 0; i < Py_SIZE(stmt); i++) {
        made->args[i] = (orm_node *)Py_XNewRef(i == cell ? where : stmt->args[i]);
    }
    if (orm_node_seal(st, made) < 0) {
        Py_CLEAR(made);
    }
    return made;
}

int
orm_criteria_apply(orm_state *st, const orm_node *top, orm_node *stmt, orm_node **out)
{
    int cell = stmt->kind == ORM_N_SELECT ? ORM_SEL_WHERE : ORM_DML_WHERE;
    orm_node *where = NULL;
    found f = {0};
    bool any = false;
    int rc;

    *out = NULL;
    rc = stmt->flags & ORM_F_ORM ? find_entities(st, top, stmt, &f) : 0;
    where = f.n > 0 ? (orm_node *)Py_XNewRef(stmt->args[cell]) : NULL;
    for (size_t i = 0; rc == 0 && i < f.n; i++) {
        orm_node *one = NULL;

        if (is_joined(stmt, f.v[i])) {
            continue;
        }
        if (is_restricted(f.v[i])) {
            one = criterion_of(st, f.v[i]);
            if (one == NULL) {
                rc = -1;
                break;
            }
            Py_XSETREF(where, orm_and(st, where, one));
            Py_DECREF(one);
            rc = where == NULL ? -1 : 0;
        }
        rc = rc < 0 ? -1 : add_asked_for(st, top, (orm_node *)(uintptr_t)f.v[i], &where);
        any = true;
    }
    if (rc == 0 && any) {
        *out = with_where(st, stmt, cell, where);
        rc = *out == NULL ? -1 : 0;
    }
    Py_XDECREF(where);
    PyMem_Free(f.v);
    return rc;
}
