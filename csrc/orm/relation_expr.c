/*
 * orm/relation_expr.c - from the template of a relationship to conditions, EXISTS and JOINs.
 *
 * Place: relation_ops.c asks for what a user's call means; the loader of joined collections
 *   asks for the same joins. Called while statements are built, never while they render.
 * The middle table of a many-to-many relationship gets a fresh alias in each join; in EXISTS it
 *   stands for itself, unless the target is an alias because a table refers to itself.
 */
#include "orm/load_poly.h"
#include "orm/relation_expr.h"

#include <string.h>

static orm_node *
plain_from(orm_node *n)
{
    while (n != NULL && n->kind == ORM_N_ENTITY) {
        n = n->args[0];
    }
    return n;
}

/* Tables of a join and their aliases: (from, to) by twos. */
typedef struct renamed {
    orm_node *v[2 * 32]; /* borrowed: from; owned: to */
    Py_ssize_t n;
} renamed;

/* A fresh alias of a FROM element; of a join the join of aliases. New ref. */
static orm_node *
alias_in(orm_state *st, orm_node *from, renamed *names)
{
    orm_node *parts[4] = {NULL, NULL, NULL, NULL};
    orm_node *args[1 + 2 * 32];
    orm_node *out = NULL;

    from = plain_from(from);
    if (from->kind != ORM_N_JOIN) {
        parts[0] = from;
        out = orm_node_make(st, ORM_N_ALIAS, ORM_OP_NONE, NULL, NULL, 0, 4, parts);
        if (out != NULL && names->n + 2 <= 2 * 32) {
            names->v[names->n++] = from;
            names->v[names->n++] = (orm_node *)Py_NewRef(out);
        }
        return out;
    }
    if (Py_EnterRecursiveCall(" in the alias of a join")) {
        return NULL;
    }
    parts[0] = alias_in(st, from->args[0], names);
    parts[1] = parts[0] == NULL ? NULL : alias_in(st, from->args[1], names);
    Py_LeaveRecursiveCall();
    if (parts[1] != NULL) {
        args[0] = from->args[2];
        memcpy(args + 1, names->v, (size_t)names->n * sizeof(*args));
        parts[2] = orm_node_make(st, ORM_N_APPLY, ORM_OP_NONE, args[0]->type, NULL, 0,
                                 1 + names->n, args);
    }
    if (parts[2] != NULL) {
        out = orm_node_make(st, ORM_N_JOIN, ORM_OP_NONE, NULL, NULL, from->aux, 4, parts);
    }
    for (int i = 0; i < 3; i++) {
        Py_XDECREF(parts[i]);
    }
    return out;
}

orm_node *
orm_relation_alias(orm_state *st, orm_node *from)
{
    renamed names = {.n = 0};
    orm_node *out = alias_in(st, from, &names);

    for (Py_ssize_t i = 1; i < names.n; i += 2) {
        Py_DECREF(names.v[i]);
    }
    return out;
}

orm_node *
orm_relation_apply(orm_state *st, const orm_relation *rel, orm_node *expr, orm_node *local,
                   orm_node *remote, orm_node *secondary)
{
    orm_node *args[7] = {expr, rel->local, local, rel->remote, remote, rel->secondary_from,
                         secondary};
    Py_ssize_t n = rel->secondary_from != NULL && secondary != NULL ? 7 : 5;

    return orm_node_make(st, ORM_N_APPLY, ORM_OP_NONE, expr->type, NULL, 0, n, args);
}

orm_node *
orm_relation_condition(orm_state *st, const orm_relation *rel, orm_node *local, orm_node *remote,
                       orm_node *secondary)
{
    orm_node *first = orm_relation_apply(st, rel, rel->primaryjoin, local, remote, secondary);
    orm_node *second = NULL;
    orm_node *both = NULL;

    if (first == NULL || rel->secondaryjoin == NULL) {
        return first;
    }
    second = orm_relation_apply(st, rel, rel->secondaryjoin, local, remote, secondary);
    both = second == NULL ? NULL : orm_and(st, first, second);
    Py_XDECREF(second);
    Py_DECREF(first);
    return both;
}

orm_node *
orm_relation_adapt(orm_state *st, orm_node *criterion, orm_node *own, orm_node *remote)
{
    orm_node *args[3] = {criterion, plain_from(own), plain_from(remote)};

    if (args[1] == args[2]) {
        return (orm_node *)Py_NewRef(criterion);
    }
    return orm_node_make(st, ORM_N_APPLY, ORM_OP_NONE, criterion->type, NULL, 0, 3, args);
}

/* a AND b; consumes both, either may be NULL after an error. */
static orm_node *
and_steal(orm_state *st, orm_node *a, orm_node *b)
{
    orm_node *both = a == NULL || b == NULL ? NULL : orm_and(st, a, b);

    Py_XDECREF(a);
    Py_XDECREF(b);
    return both;
}

PyObject *
orm_entity_text(orm_state *st, orm_node *entity)
{
    PyObject *owner = NULL;
    PyObject *text = NULL;

    if (entity->kind == ORM_N_ENTITY && !(entity->aux & ORM_ENTITY_ALIASED)) {
        return PyObject_Str(((orm_mapper *)entity->payload)->py);
    }
    owner = orm_node_wrap(st, entity);
    text = owner == NULL ? NULL : PyObject_Str(owner);
    Py_XDECREF(owner);
    return text;
}

/* --- EXISTS --------------------------------------------------------------------------------- */

/* A LIST of one or two FROMs. */
static orm_node *
from_list(orm_state *st, orm_op op, orm_node *a, orm_node *b)
{
    orm_node *args[2] = {a, b};

    return orm_node_make(st, ORM_N_LIST, op, NULL, NULL, 0, b == NULL ? 1 : 2, args);
}

/* SELECT 1 FROM dest, secondary WHERE where, correlated to everything else. Consumes where. */
static orm_node *
select_one(orm_state *st, orm_node *dest, orm_node *secondary, orm_node *where)
{
    PyObject *one = PyUnicode_FromString("1");
    orm_node *text = NULL;
    orm_node *slots[ORM_SEL__COUNT] = {NULL};
    orm_node *select = NULL;

    if (one != NULL) {
        text = orm_node_make(st, ORM_N_TEXT, ORM_OP_NONE, orm_type_builtin(st, ORM_T_NULL), one, 0,
                             0, NULL);
    }
    if (text != NULL) {
        slots[ORM_SEL_COLS] = from_list(st, ORM_OP_COMMA, text, NULL);
        slots[ORM_SEL_FROM] = from_list(st, ORM_OP_COMMA, dest, secondary);
        slots[ORM_SEL_CORRELATE] = from_list(st, ORM_OP_CORRELATE_EXCEPT, dest, secondary);
        slots[ORM_SEL_WHERE] = where;
    }
    if (slots[ORM_SEL_COLS] != NULL && slots[ORM_SEL_FROM] != NULL
        && slots[ORM_SEL_CORRELATE] != NULL) {
        select = orm_node_make(st, ORM_N_SELECT, ORM_OP_NONE, NULL, NULL, 0, ORM_SEL__COUNT, slots);
    }
    Py_XDECREF(slots[ORM_SEL_COLS]);
    Py_XDECREF(slots[ORM_SEL_FROM]);
    Py_XDECREF(slots[ORM_SEL_CORRELATE]);
    Py_DECREF(where);
    Py_XDECREF(text);
    Py_XDECREF(one);
    return select;
}

/* A fresh alias of what an entity is read from: a class over several tables becomes a subquery. */
static orm_node *
alias_of_entity(orm_state *st, orm_node *entity)
{
    PyObject *fn = NULL;
    PyObject *owner = NULL;
    PyObject *alias = NULL;
    orm_node *out = NULL;

    if (plain_from(entity)->kind != ORM_N_JOIN) {
        return orm_relation_alias(st, entity);
    }
    fn = orm_import_once(&st->aliased, "pyorm.orm._aliased", "aliased");
    owner = fn == NULL ? NULL : Py_NewRef(((orm_mapper *)entity->payload)->cls);
    alias = owner == NULL ? NULL : PyObject_CallOneArg(fn, owner);
    if (alias != NULL && orm_coerce_entity(st, alias, &out) > 0) {
        Py_SETREF(out, (orm_node *)Py_NewRef(plain_from(out)));
    }
    Py_XDECREF(owner);
    Py_XDECREF(alias);
    return out;
}

/* AND a criterion that is written about `own`; consumes where. */
static orm_node *
and_adapted(orm_state *st, orm_node *where, orm_node *criterion, orm_node *own, orm_node *dest)
{
    return where == NULL ? NULL
                         : and_steal(st, where, orm_relation_adapt(st, criterion, own, dest));
}

/* WHERE of the EXISTS: the condition, what restricts a single-table class, the criteria. */
static orm_node *
exists_where(orm_attribute *a, orm_relation *rel, orm_node *dest, orm_node *secondary,
             PyObject *criteria)
{
    orm_state *st = a->mapper->state;
    orm_node *target = orm_attribute_target(a, rel);
    orm_node *own = target->aux & ORM_ENTITY_ALIASED ? rel->target_entity : target;
    orm_node *where = orm_relation_condition(st, rel, orm_attribute_entity(a), dest, secondary);
    orm_node *single = NULL;

    if (where != NULL && own == target) {
        if (orm_criterion_of_join(st, target, &single) < 0) {
            Py_CLEAR(where);
        }
        if (single != NULL) {
            where = and_adapted(st, where, single, own, dest);
            Py_DECREF(single);
        }
    }
    for (Py_ssize_t i = 0; where != NULL && i < PyList_GET_SIZE(criteria); i++) {
        where = and_adapted(st, where, (orm_node *)PyList_GET_ITEM(criteria, i), own, dest);
    }
    return where;
}

orm_node *
orm_relation_exists(orm_attribute *a, orm_relation *rel, PyObject *criteria)
{
    orm_state *st = a->mapper->state;
    orm_node *target = orm_attribute_target(a, rel);
    orm_node *dest = NULL;
    orm_node *secondary = NULL;
    orm_node *where = NULL;
    orm_node *select = NULL;
    orm_node *out = NULL;
    bool aliased = rel->flags & ORM_RF_SELF && !(target->aux & ORM_ENTITY_ALIASED)
                   && !(orm_attribute_entity(a)->aux & ORM_ENTITY_ALIASED);

    dest = aliased ? alias_of_entity(st, target) : (orm_node *)Py_NewRef(target);
    if (dest != NULL && rel->secondary != NULL) {
        orm_node *table = orm_node_of(st, rel->secondary);
        secondary = table == NULL ? NULL
                    : aliased     ? orm_relation_alias(st, table)
                                  : (orm_node *)Py_NewRef(table);
        if (secondary == NULL) {
            Py_CLEAR(dest);
        }
    }
    where = dest == NULL ? NULL : exists_where(a, rel, dest, secondary, criteria);
    if (where != NULL) {
        select = select_one(st, dest, secondary, where);
    }
    if (select != NULL) {
        out = orm_node_make(st, ORM_N_EXISTS, ORM_OP_NONE, orm_type_builtin(st, ORM_T_BOOL), NULL,
                            0, 1, &select);
        Py_DECREF(select);
    }
    Py_XDECREF(secondary);
    Py_XDECREF(dest);
    return out;
}

/* --- JOIN ----------------------------------------------------------------------------------- */

static int
append_join(orm_state *st, PyObject *list, orm_node *l, orm_node *r, orm_node *on, uint32_t aux)
{
    orm_node *args[4] = {l, r, on, NULL};
    orm_node *join = orm_node_make(st, ORM_N_JOIN, ORM_OP_NONE, NULL, NULL, aux, 4, args);
    int rc = join == NULL ? -1 : PyList_Append(list, (PyObject *)join);

    Py_XDECREF(join);
    return rc;
}

/* The named target must be of the related class. 0 / -1. */
static int
check_target(orm_attribute *a, const orm_relation *rel, orm_node *left, orm_node *target)
{
    orm_state *st = a->mapper->state;
    PyObject *one = NULL;
    PyObject *other = NULL;

    if (plain_from(target) == plain_from(left)) {
        one = orm_entity_text(st, left);
        other = one == NULL ? NULL : orm_entity_text(st, target);
        if (other != NULL) {
            orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                          "Can't construct a join from %U to %U, they are the same entity; join to "
                          "aliased(%s), e.g. with of_type()",
                          one, other, rel->target->cls->tp_name);
        }
    }
    else if (target->kind == ORM_N_ENTITY
             && !orm_mapper_isa((orm_mapper *)target->payload, rel->target)
             && !orm_mapper_isa(rel->target, (orm_mapper *)target->payload)) {
        one = orm_entity_text(st, target);
        other = one == NULL ? NULL : PyObject_Str((PyObject *)a);
        if (other != NULL) {
            orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                          "Join target %U does not correspond to the right side of join condition "
                          "%U",
                          one, other);
        }
    }
    else {
        return 0;
    }
    Py_XDECREF(one);
    Py_XDECREF(other);
    return -1;
}

/* ON of the last step: criteria of and_() with it. Consumes on. */
static orm_node *
with_criteria(orm_attribute *a, const orm_relation *rel, orm_node *on, orm_node *target)
{
    orm_state *st = a->mapper->state;

    if (on == NULL || a->criteria == NULL) {
        return on;
    }
    return and_steal(st, on, orm_relation_adapt(st, a->criteria, rel->target_entity, target));
}

/* The restriction of a single-table class that is joined behind the middle table. Consumes on. */
static orm_node *
with_restriction(orm_state *st, orm_node *on, orm_node *target)
{
    orm_node *single = NULL;

    if (on != NULL && orm_criterion_of_join(st, target, &single) < 0) {
        Py_CLEAR(on);
    }
    return single == NULL ? on : and_steal(st, on, single);
}

/* Through the middle table: an outer join takes both tables or neither. 0 / -1. */
static int
join_secondary(orm_attribute *a, orm_relation *rel, orm_node *left, orm_node *target, uint32_t aux,
               PyObject *list)
{
    orm_state *st = a->mapper->state;
    orm_node *table = orm_node_of(st, rel->secondary);
    orm_node *middle = table == NULL ? NULL : orm_relation_alias(st, table);
    orm_node *first = NULL;
    orm_node *second = NULL;
    int rc = -1;

    if (middle != NULL) {
        first = orm_relation_apply(st, rel, rel->primaryjoin, left, target, middle);
        second = with_criteria(
            a, rel, orm_relation_apply(st, rel, rel->secondaryjoin, left, target, middle), target);
    }
    if (first != NULL && second != NULL && aux & ORM_JOIN_OUTER && !(aux & ORM_JOIN_FULL)) {
        second = with_restriction(st, second, target);
        orm_node *args[4] = {middle, target, second, NULL};
        orm_node *right = second == NULL ? NULL : orm_node_make(st, ORM_N_JOIN, ORM_OP_NONE, NULL, NULL, 0, 4, args);

        rc = right == NULL ? -1 : append_join(st, list, left, right, first, aux);
        Py_XDECREF(right);
    }
    else if (first != NULL && second != NULL) {
        rc = append_join(st, list, left, middle, first, 0);
        rc = rc < 0 ? -1 : append_join(st, list, left, target, second, aux);
    }
    Py_XDECREF(first);
    Py_XDECREF(second);
    Py_XDECREF(middle);
    return rc;
}

int
orm_relation_join(orm_attribute *a, orm_node *left, orm_node *target, uint32_t aux, PyObject *list)
{
    orm_state *st = a->mapper->state;
    orm_relation *rel = orm_attribute_relation(a);
    orm_node *on = NULL;
    int rc;

    if (rel == NULL) {
        return -1;
    }
    left = left != NULL ? left : orm_attribute_entity(a);
    target = target != NULL ? target : orm_attribute_target(a, rel);
    if (check_target(a, rel, left, target) < 0) {
        return -1;
    }
    if (rel->secondary != NULL) {
        return join_secondary(a, rel, left, target, aux, list);
    }
    on = with_criteria(a, rel, orm_relation_apply(st, rel, rel->primaryjoin, left, target, NULL),
                       target);
    rc = on == NULL ? -1 : append_join(st, list, left, target, on, aux);
    Py_XDECREF(on);
    return rc;
}
