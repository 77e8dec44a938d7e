/*
 * orm/relation_ops.c - the operators and methods of a relationship attribute in SQL.
 *
 * Place: `User.posts.any(...)`, `Post.author == user`, `select(User).join(User.posts)`: attribute.c
 *   and sql/'s hooks come here. The methods exist on relationship attributes only: a column's
 *   `any` or `contains` is another thing, so they are found by name, not by the type.
 * Every function configures the mappings first, if need be (orm_attribute_relation).
 */
#include "orm/relation_expr.h"

/* --- criteria ------------------------------------------------------------------------------- */

/* The positional criterion and `name=value` of any() and has(), as a list of nodes. */
static PyObject *
criteria_of(orm_attribute *a, orm_relation *rel, PyObject *args, PyObject *kwargs, const char *name)
{
    orm_state *st = a->mapper->state;
    PyObject *list = PyList_New(0);
    PyObject *target = NULL;
    PyObject *key, *value;
    Py_ssize_t at = 0;

    if (list != NULL && PyTuple_GET_SIZE(args) > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes one criterion and name=value; join several with "
                     "and_()", name);
        Py_CLEAR(list);
    }
    if (list != NULL && PyTuple_GET_SIZE(args) == 1 && PyTuple_GET_ITEM(args, 0) != Py_None) {
        orm_node *one = orm_coerce_criterion(st, PyTuple_GET_ITEM(args, 0));

        if (one == NULL || PyList_Append(list, (PyObject *)one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(one);
    }
    if (list == NULL || kwargs == NULL) {
        return list;
    }
    target = orm_node_wrap(st, orm_attribute_target(a, rel));
    if (target != NULL && PyObject_TypeCheck(target, st->MapperPlan)) {
        Py_SETREF(target, Py_NewRef(((orm_mapper *)target)->cls));
    }
    while (list != NULL && target != NULL && PyDict_Next(kwargs, &at, &key, &value)) {
        PyObject *column = PyObject_GetAttr(target, key);
        PyObject *equal = column == NULL ? NULL : PyObject_RichCompare(column, value, Py_EQ);
        orm_node *one = equal == NULL ? NULL : orm_coerce_criterion(st, equal);

        if (one == NULL || PyList_Append(list, (PyObject *)one) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(column);
        Py_XDECREF(equal);
        Py_XDECREF(one);
    }
    if (target == NULL) {
        Py_CLEAR(list);
    }
    Py_XDECREF(target);
    return list;
}

static PyObject *
exists_method(PyObject *self, PyObject *args, PyObject *kwargs, bool many)
{
    orm_attribute *a = (orm_attribute *)self;
    orm_relation *rel = orm_attribute_relation(a);
    PyObject *criteria = NULL;
    orm_node *out = NULL;

    if (rel == NULL) {
        return NULL;
    }
    if ((rel->collection != ORM_COLL_NONE) != many) {
        orm_raise_exc(a->mapper->state, ORM_EXC_InvalidRequestError,
                      many ? "'any()' not implemented for scalar attributes. Use has()."
                           : "'has()' not implemented for collections. Use any().");
        return NULL;
    }
    criteria = criteria_of(a, rel, args, kwargs, many ? "any" : "has");
    if (criteria != NULL) {
        out = orm_relation_exists(a, rel, criteria);
        Py_DECREF(criteria);
    }
    return (PyObject *)out;
}

static PyObject *
m_any(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return exists_method(self, args, kwargs, true);
}

static PyObject *
m_has(PyObject *self, PyObject *args, PyObject *kwargs)
{
    return exists_method(self, args, kwargs, false);
}

/* EXISTS without criteria. */
static orm_node *
exists_any(orm_attribute *a, orm_relation *rel)
{
    PyObject *none = PyList_New(0);
    orm_node *out = none == NULL ? NULL : orm_relation_exists(a, rel, none);

    Py_XDECREF(none);
    return out;
}

/* The opposite; consumes x. */
static orm_node *
negate_steal(orm_state *st, orm_node *x)
{
    orm_node *out = x == NULL ? NULL : orm_negate(st, x);

    Py_XDECREF(x);
    return out;
}

/* --- instances ------------------------------------------------------------------------------ */

/* obj must be a mapped instance. 0 / -1. */
static int
want_instance(orm_attribute *a, PyObject *obj)
{
    orm_state *st = a->mapper->state;
    PyObject *shown = NULL;

    if (!PyType_Check(obj) && orm_head_find(st, obj) != NULL) {
        return 0;
    }
    if (!PyErr_Occurred()) {
        shown = PyObject_Str((PyObject *)a);
    }
    if (shown != NULL) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "Mapped instance expected for relationship comparison to object.   Classes, "
                      "queries and other SQL elements are not accepted in this context; for "
                      "comparison with a subquery, use %U.has(**criteria).",
                      shown);
        Py_DECREF(shown);
    }
    return -1;
}

/* An attribute of an entity as a node, borrowed. NULL: exception. */
static orm_node *
entity_column(orm_state *st, orm_node *entity, uint32_t slot)
{
    orm_mapper *m = (orm_mapper *)entity->payload;
    orm_attribute *found = slot < m->nslots ? m->attrs[slot] : NULL;

    if (entity->aux & ORM_ENTITY_ALIASED
        && orm_alias_attribute((orm_alias *)entity->args[1], slot, &found) < 0) {
        return NULL;
    }
    if (found == NULL || found->n.node == NULL) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError, "a column of '%s' is not mapped here",
                      m->cls->tp_name);
        return NULL;
    }
    return found->n.node;
}

/* column op bind, with the column's name. New ref. */
static orm_node *
column_with_value(orm_state *st, orm_node *column, orm_op op, PyObject *obj, orm_mapper *m,
                  uint32_t slot)
{
    PyObject *body = Py_XNewRef(orm_node_named(column)->key);
    orm_node *parts[2] = {column, NULL};
    orm_node *out = NULL;

    if (column->kind == ORM_N_ATTR && column->args[1]->kind == ORM_N_COLUMN) {
        Py_XSETREF(body, Py_XNewRef(orm_node_named(column->args[1])->key));
    }
    parts[1] = orm_related_bind(st, obj, m, slot, body, column->type);
    if (parts[1] != NULL) {
        out = orm_node_make(st, ORM_N_BINARY, op, orm_type_builtin(st, ORM_T_BOOL), NULL, 0, 2,
                            parts);
        Py_DECREF(parts[1]);
    }
    Py_XDECREF(body);
    return out;
}

/* (column != value OR column IS NULL), for each foreign key column of a many-to-one. New ref. */
static orm_node *
differs_by_key(orm_attribute *a, orm_relation *rel, PyObject *obj)
{
    orm_state *st = a->mapper->state;
    orm_type *boolean = orm_type_builtin(st, ORM_T_BOOL);
    orm_node *out = NULL;

    for (uint32_t i = 0; i < rel->npairs; i++) {
        orm_node *column = rel->pairs[i].dest < 0 || rel->pairs[i].source < 0
                               ? NULL
                               : entity_column(st, orm_attribute_entity(a),
                                               (uint32_t)rel->pairs[i].dest);
        orm_node *null = column == NULL ? NULL : orm_null(st);
        orm_node *parts[2] = {NULL, NULL};
        orm_node *both = NULL;

        if (null != NULL) {
            orm_node *is_null[2] = {column, null};
            parts[0] = column_with_value(st, column, ORM_OP_NE, obj, rel->target,
                                         (uint32_t)rel->pairs[i].source);
            parts[1] = orm_node_make(st, ORM_N_BINARY, ORM_OP_IS, boolean, NULL, 0, 2, is_null);
        }
        if (parts[0] != NULL && parts[1] != NULL) {
            both = orm_node_make(st, ORM_N_LIST, ORM_OP_OR, boolean, NULL, 0, 2, parts);
        }
        Py_XDECREF(null);
        Py_XDECREF(parts[0]);
        Py_XDECREF(parts[1]);
        if (both != NULL) {
            orm_node *more = orm_and(st, out, both);
            Py_DECREF(both);
            Py_XSETREF(out, more);
        }
        if (both == NULL || out == NULL) {
            Py_CLEAR(out);
            break;
        }
    }
    if (out == NULL && !PyErr_Occurred()) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "'%s.%U' has no foreign key column that is mapped; compare its columns",
                      a->mapper->cls->tp_name, a->n.key);
    }
    return out;
}

/* NOT EXISTS (... AND target's primary key = obj's). New ref. */
static orm_node *
differs_by_exists(orm_attribute *a, orm_relation *rel, PyObject *obj)
{
    orm_state *st = a->mapper->state;
    PyObject *criteria = PyList_New(0);
    orm_node *out = NULL;
    int rc = criteria == NULL ? -1 : 0;

    for (uint32_t i = 0; rc == 0 && i < rel->target->npk; i++) {
        uint32_t slot = rel->target->pk[i];
        orm_node *column = entity_column(st, orm_attribute_target(a, rel), slot);
        orm_node *equal = column == NULL ? NULL
                                         : column_with_value(st, column, ORM_OP_EQ, obj,
                                                             rel->target, slot);

        rc = equal == NULL ? -1 : PyList_Append(criteria, (PyObject *)equal);
        Py_XDECREF(equal);
    }
    if (rc == 0) {
        out = negate_steal(st, orm_relation_exists(a, rel, criteria));
    }
    Py_XDECREF(criteria);
    return out;
}

/* Is it None or SQL NULL? */
static bool
is_null(orm_state *st, PyObject *other)
{
    return other == Py_None
           || (PyObject_TypeCheck(other, st->Null) && ((orm_node *)other)->kind == ORM_N_NULLVAL);
}

static orm_node *
equals(orm_attribute *a, orm_relation *rel, PyObject *other)
{
    orm_state *st = a->mapper->state;

    if (is_null(st, other)) {
        return rel->direction == ORM_REL_M2O
                   ? orm_relation_with_values(a, rel, Py_None, ORM_REL_REMOTE_VALUES)
                   : negate_steal(st, exists_any(a, rel));
    }
    if (rel->collection != ORM_COLL_NONE) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "Can't compare a collection to an object or collection; use contains() to "
                      "test for membership.");
        return NULL;
    }
    return want_instance(a, other) < 0
               ? NULL
               : orm_relation_with_values(a, rel, other, ORM_REL_REMOTE_VALUES);
}

static orm_node *
differs(orm_attribute *a, orm_relation *rel, PyObject *other)
{
    orm_state *st = a->mapper->state;

    if (is_null(st, other)) {
        return rel->direction == ORM_REL_M2O
                   ? negate_steal(
                         st, orm_relation_with_values(a, rel, Py_None, ORM_REL_REMOTE_VALUES))
                   : exists_any(a, rel);
    }
    if (rel->collection != ORM_COLL_NONE) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "Can't compare a collection to an object or collection; use contains() to "
                      "test for membership.");
        return NULL;
    }
    if (want_instance(a, other) < 0) {
        return NULL;
    }
    return rel->direction == ORM_REL_M2O ? differs_by_key(a, rel, other)
                                         : differs_by_exists(a, rel, other);
}

/* == and != as they are without a comparator_factory. */
static PyObject *
compare(orm_attribute *a, PyObject *other, int op)
{
    static const char *const names[] = {"lt", "le", "eq", "ne", "gt", "ge"};
    orm_relation *rel = NULL;

    if (op != Py_EQ && op != Py_NE) {
        PyErr_Format(PyExc_NotImplementedError,
                     "operator %s is not defined for the relationship %S: compare columns, or use "
                     "has() or any()",
                     names[op], (PyObject *)a);
        return NULL;
    }
    rel = orm_attribute_relation(a);
    if (rel == NULL) {
        return NULL;
    }
    return (PyObject *)(op == Py_EQ ? equals(a, rel, other) : differs(a, rel, other));
}

static PyObject *
m_is(PyObject *self, PyObject *other)
{
    return compare((orm_attribute *)self, other, Py_EQ);
}

static PyObject *
m_is_not(PyObject *self, PyObject *other)
{
    return compare((orm_attribute *)self, other, Py_NE);
}

static PyObject *
m_contains(PyObject *self, PyObject *other)
{
    orm_attribute *a = (orm_attribute *)self;
    orm_state *st = a->mapper->state;
    orm_relation *rel = orm_attribute_relation(a);
    orm_node *clause = NULL;

    if (rel == NULL) {
        return NULL;
    }
    if (rel->collection == ORM_COLL_NONE) {
        orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                      "'contains' not implemented for scalar attributes.  Use ==");
        return NULL;
    }
    if (!is_null(st, other) && want_instance(a, other) < 0) {
        return NULL;
    }
    other = is_null(st, other) ? Py_None : other;
    clause = orm_relation_with_values(a, rel, other, ORM_REL_REMOTE_VALUES);
    if (clause != NULL && rel->secondary != NULL && other != Py_None) {
        /* NOT says of the parent, not of one of its rows in the middle table */
        orm_node *opposite = differs_by_exists(a, rel, other);
        orm_node *made = opposite == NULL
                             ? NULL
                             : orm_node_make(st, ORM_N_APPLY, ORM_OP_NONE, clause->type,
                                             (PyObject *)opposite, 0, clause->ob_base.ob_size,
                                             clause->args);
        Py_XDECREF(opposite);
        Py_SETREF(clause, made);
    }
    return (PyObject *)clause;
}

/* --- of_type, and_ -------------------------------------------------------------------------- */

static PyObject *
m_of_type(PyObject *self, PyObject *other)
{
    orm_attribute *a = (orm_attribute *)self;
    orm_state *st = a->mapper->state;
    orm_node *entity = NULL;
    PyObject *inner = NULL;
    PyObject *out = NULL;
    int rc = orm_coerce_entity(st, other, &entity);

    if (rc == 0 && PyObject_GetOptionalAttrString(other, "entity", &inner) > 0) {
        rc = orm_coerce_entity(st, inner, &entity); /* what inspect() says of a class or alias */
        Py_DECREF(inner);
    }
    if (rc == 0 && !PyErr_Occurred()) {
        orm_raise_exc(st, ORM_EXC_ArgumentError,
                      "of_type() takes a mapped class or an alias of one, got %R", other);
    }
    if (rc > 0) {
        out = orm_attribute_variant(a, entity, NULL);
        Py_DECREF(entity);
    }
    return out;
}

static PyObject *
m_and(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    orm_attribute *a = (orm_attribute *)self;
    orm_state *st = a->mapper->state;
    orm_node *all = (orm_node *)Py_XNewRef(a->criteria);
    PyObject *out = NULL;

    for (Py_ssize_t i = 0; i < nargs; i++) {
        orm_node *one = orm_coerce_criterion(st, args[i]);
        orm_node *both = one == NULL ? NULL : orm_and(st, all, one);

        Py_XDECREF(one);
        Py_XSETREF(all, both);
        if (all == NULL) {
            return NULL;
        }
    }
    out = orm_attribute_variant(a, NULL, all);
    Py_XDECREF(all);
    return out;
}

/* --- what a relationship cannot do ---------------------------------------------------------- */

static PyObject *
m_in(PyObject *self, PyObject *Py_UNUSED(args))
{
    (void)self;
    PyErr_SetString(PyExc_NotImplementedError,
                    "in_() not yet supported for relationships.  For a simple many-to-one, use "
                    "in_() against the set of foreign key values.");
    return NULL;
}

static PyObject *
m_refuse(PyObject *self, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    PyErr_Format(PyExc_NotImplementedError,
                 "this operator is not defined for the relationship %S: compare columns, or use "
                 "has() or any()",
                 self);
    return NULL;
}

#define REFUSE(name) {name, ORM_METHOD(m_refuse), METH_VARARGS | METH_KEYWORDS, NULL}
static PyMethodDef methods[] = {
    {"any", ORM_METHOD(m_any), METH_VARARGS | METH_KEYWORDS,
     "any($self, criterion=None, /, **kwargs)\n--\n\nEXISTS a related row with this criterion."},
    {"has", ORM_METHOD(m_has), METH_VARARGS | METH_KEYWORDS,
     "has($self, criterion=None, /, **kwargs)\n--\n\nEXISTS the related row with this criterion."},
    {"contains", m_contains, METH_O,
     "contains($self, other, /)\n--\n\nThe instance is in the collection."},
    {"of_type", m_of_type, METH_O,
     "of_type($self, entity, /)\n--\n\nThe attribute, leading to an alias or a subclass."},
    {"and_", ORM_METHOD(m_and), METH_FASTCALL,
     "and_($self, /, *criteria)\n--\n\nThe attribute with further criteria in ON, for joins and loaders."},
    {"is_", m_is, METH_O, "is_($self, other, /)\n--\n\nAs ==."},
    {"is_not", m_is_not, METH_O, "is_not($self, other, /)\n--\n\nAs !=."},
    {"isnot", m_is_not, METH_O, "isnot($self, other, /)\n--\n\nAs !=."},
    {"in_", m_in, METH_VARARGS, NULL},
    {"not_in", m_in, METH_VARARGS, NULL},
    {"notin_", m_in, METH_VARARGS, NULL},
    REFUSE("like"), REFUSE("ilike"), REFUSE("not_like"), REFUSE("not_ilike"),
    REFUSE("startswith"), REFUSE("endswith"), REFUSE("between"), REFUSE("op"),
    REFUSE("concat"), REFUSE("match"), REFUSE("is_distinct_from"), REFUSE("collate"),
    {NULL, NULL, 0, NULL},
};

/* The relationship attribute that an object is, or stands for (hybrids, synonyms); new, or NULL. */
static orm_attribute *
relationship_of(orm_state *st, PyObject *o)
{
    if (o == NULL || !Py_IS_TYPE(o, st->InstrumentedAttribute)
        || !ORM_SLOT_IS_RELATION(((orm_attribute *)o)->kind)) {
        return NULL;
    }
    return (orm_attribute *)Py_NewRef(o);
}

static PyMethodDef *
find_method(PyObject *name)
{
    for (PyMethodDef *m = methods; m->ml_name != NULL; m++) {
        if (PyUnicode_CompareWithASCIIString(name, m->ml_name) == 0) {
            return m;
        }
    }
    return NULL;
}

int
orm_relation_comparator(orm_attribute *a, PyObject **out)
{
    PyObject *make = NULL;
    int rc = a->prop == NULL ? 0 : PyObject_GetOptionalAttrString(a->prop, "_own_comparator", &make);

    *out = NULL;
    if (rc > 0 && make != Py_None) {
        *out = PyObject_CallOneArg(make, (PyObject *)a);
    }
    rc = rc < 0 || (make != NULL && make != Py_None && *out == NULL) ? -1 : *out != NULL;
    Py_XDECREF(make);
    return rc;
}

int
orm_attribute_comparator(orm_attribute *a, PyObject **out)
{
    int rc = ORM_SLOT_IS_RELATION(a->kind) ? orm_relation_comparator(a, out) : 0;

    return rc != 0 ? rc
                   : PyObject_GetOptionalAttr(a->prop, a->mapper->state->s_comparator, out);
}

PyObject *
orm_relation_compare(orm_attribute *a, PyObject *other, int op)
{
    PyObject *comparator = NULL;
    PyObject *out = NULL;
    int rc = orm_relation_comparator(a, &comparator);

    if (rc <= 0) {
        return rc < 0 ? NULL : compare(a, other, op);
    }
    out = PyObject_RichCompare(comparator, other, op);
    Py_DECREF(comparator);
    return out;
}

int
orm_relation_method(orm_attribute *a, PyObject *name, PyObject **out)
{
    PyMethodDef *m = find_method(name);
    PyObject *comparator = NULL;
    int rc = m == NULL ? 0 : orm_relation_comparator(a, &comparator);

    *out = NULL;
    if (m == NULL || rc < 0) {
        return rc;
    }
    rc = comparator == NULL ? 0 : PyObject_GetOptionalAttr(comparator, name, out);
    Py_XDECREF(comparator);
    if (rc == 0) {
        *out = PyCFunction_NewEx(m, (PyObject *)a, NULL);
    }
    return rc < 0 || *out == NULL ? -1 : 1;
}

/* _relation_method(attribute, name): the method as it is without a comparator_factory. */
static PyObject *
f_relation_method(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_attribute *a = nargs == 2 && PyUnicode_Check(args[1]) ? relationship_of(st, args[0]) : NULL;
    PyMethodDef *m = a == NULL ? NULL : find_method(args[1]);
    PyObject *out = m == NULL ? NULL : PyCFunction_NewEx(m, (PyObject *)a, NULL);

    Py_XDECREF(a);
    if (out == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_TypeError, "_relation_method() takes a relationship and a method of it");
    }
    return out;
}

/* --- hooks of sql/ -------------------------------------------------------------------------- */

/* The FROM that a join names, as an ENTITY or another FROM; what is none: ArgumentError. */
static orm_node *
named_from(orm_state *st, PyObject *o)
{
    orm_node *n = NULL;
    int rc = orm_coerce_entity(st, o, &n);

    if (rc != 0) {
        return n;
    }
    if (!PyObject_TypeCheck(o, st->FromClause)) {
        PyObject *inner = NULL;

        if (PyObject_GetOptionalAttrString(o, "entity", &inner) > 0) {
            rc = orm_coerce_entity(st, inner, &n);
            Py_DECREF(inner);
        }
        if (rc == 0 && !PyErr_Occurred()) {
            orm_raise_exc(st, ORM_EXC_ArgumentError,
                          "Join target, typically a FROM expression, or ORM relationship attribute "
                          "expected, got %R.",
                          o);
        }
        return n;
    }
    return (orm_node *)Py_XNewRef(orm_node_of(st, o));
}

int
orm_relation_join_hook(orm_state *st, PyObject *target, PyObject *on, PyObject *left, uint32_t aux,
                       PyObject *list)
{
    orm_attribute *a = relationship_of(st, on != NULL ? on : target);
    orm_node *l = NULL;
    orm_node *r = NULL;
    int rc = -1;

    if (a == NULL) {
        return 0;
    }
    if (on != NULL && Py_IS_TYPE(target, st->InstrumentedAttribute)) {
        Py_DECREF(a);
        return orm_raise_exc(st, ORM_EXC_InvalidRequestError,
                             "No 'on clause' argument may be passed when joining to a relationship "
                             "path as a target");
    }
    if (left != NULL) {
        l = named_from(st, left);
    }
    if ((left == NULL || l != NULL) && on != NULL) {
        r = named_from(st, target);
    }
    if (!PyErr_Occurred()) {
        rc = orm_relation_join(a, l, r, aux, list);
    }
    Py_XDECREF(l);
    Py_XDECREF(r);
    Py_DECREF(a);
    return rc < 0 ? -1 : 1;
}

orm_node *
orm_relation_late_node(orm_state *st, PyObject *o)
{
    orm_attribute *a = (orm_attribute *)o;
    orm_relation *rel = NULL;
    orm_node *secondary = NULL;

    if (!ORM_SLOT_IS_RELATION(a->kind)) {
        PyErr_Format(PyExc_TypeError, "attribute '%U' has no column", a->n.key);
        return NULL;
    }
    if (a->as_sql != NULL) {
        return a->as_sql;
    }
    rel = orm_attribute_relation(a);
    if (rel == NULL) {
        return NULL;
    }
    if (rel->secondary != NULL) {
        orm_node *table = orm_node_of(st, rel->secondary);

        secondary = table == NULL ? NULL : orm_relation_alias(st, table);
        if (secondary == NULL) {
            return NULL;
        }
    }
    a->as_sql = orm_relation_condition(st, rel, orm_attribute_entity(a),
                                       orm_attribute_target(a, rel), secondary);
    Py_XDECREF(secondary);
    return a->as_sql;
}

/* _with_parent(instance, attribute): criterion that the rows are those related to the instance. */
static PyObject *
f_with_parent(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    orm_state *st = orm_state_from_module(module);
    orm_attribute *a = nargs == 2 ? relationship_of(st, args[1]) : NULL;
    orm_relation *rel = NULL;
    PyObject *out = NULL;

    if (a == NULL) {
        PyErr_SetString(PyExc_TypeError, "_with_parent() takes an instance and a relationship");
        return NULL;
    }
    rel = orm_attribute_relation(a);
    if (rel != NULL && want_instance(a, args[0]) == 0) {
        out = (PyObject *)orm_relation_with_values(a, rel, args[0], ORM_REL_LOCAL_VALUES);
    }
    Py_DECREF(a);
    return out;
}

/* _relation_join(target, on, left, outer, full): the JOINs of one step along a relationship. */
static PyObject *
f_relation_join(PyObject *module, PyObject *args)
{
    orm_state *st = orm_state_from_module(module);
    PyObject *target, *on, *left;
    int outer = 0;
    int full = 0;
    PyObject *list = NULL;
    int rc;

    if (!PyArg_ParseTuple(args, "OOOpp:_relation_join", &target, &on, &left, &outer, &full)) {
        return NULL;
    }
    list = PyList_New(0);
    if (list == NULL) {
        return NULL;
    }
    rc = orm_relation_join_hook(st, target, on == Py_None ? NULL : on,
                                left == Py_None ? NULL : left,
                                (outer ? ORM_JOIN_OUTER : 0u) | (full ? ORM_JOIN_FULL : 0u), list);
    if (rc < 0) {
        Py_CLEAR(list);
    }
    return list;
}

/* _fresh_alias(from): an anonymous alias; of a join the join of aliases. */
static PyObject *
f_fresh_alias(PyObject *module, PyObject *from)
{
    orm_state *st = orm_state_from_module(module);
    orm_node *n = orm_node_of(st, from);

    return n == NULL ? NULL : (PyObject *)orm_relation_alias(st, n);
}

static PyMethodDef functions[] = {
    {"_fresh_alias", f_fresh_alias, METH_O,
     "_fresh_alias($module, from_, /)\n--\n\nAn alias; of a join the join of aliases."},
    {"_relation_method", ORM_METHOD(f_relation_method), METH_FASTCALL,
     "_relation_method($module, attribute, name, /)\n--\n\nThe method, whatever a comparator_factory says."},
    {"_with_parent", ORM_METHOD(f_with_parent), METH_FASTCALL,
     "_with_parent($module, instance, attribute, /)\n--\n\nCriterion: the instance's related rows."},
    {"_relation_join", f_relation_join, METH_VARARGS,
     "_relation_join($module, target, on, left, outer, full, /)\n--\n\nJOINs along a relationship."},
    {NULL, NULL, 0, NULL},
};

int
orm_relation_setup(PyObject *module, orm_state *st)
{
    if (orm_type_add(module, st, &orm_related_value_spec, NULL, &st->RelatedValue) < 0) {
        return -1;
    }
    return PyModule_AddFunctions(module, functions);
}
