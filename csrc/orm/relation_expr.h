/*
 * orm/relation_expr.h - relationships in SQL: what `User.posts` means in a statement.
 *
 * Files: relation_expr.c (template -> condition between two FROMs, joins), relation_ops.c (the
 *   operators and methods of the attribute), relation_value.c (values of instances as binds).
 * A use is APPLY(template, placeholder -> FROM ...): nothing of the template is copied, except
 *   where columns become values of an instance.
 * All nodes returned are new references; NULL: exception.
 */
#ifndef ORM_ORM_RELATION_EXPR_H
#define ORM_ORM_RELATION_EXPR_H

#include "orm/load_int.h"
#include "orm/relation.h"

/* The ENTITY that the attribute is read from, borrowed: the class's or an alias's. */
static inline orm_node *
orm_attribute_entity(const orm_attribute *a)
{
    return a->entity != NULL ? a->entity : a->n.node == NULL ? NULL : a->n.node->args[0];
}
/* The ENTITY on the other side, borrowed: of_type()'s, else the relationship's own. */
static inline orm_node *
orm_attribute_target(const orm_attribute *a, const orm_relation *rel)
{
    return a->of_type != NULL ? a->of_type : rel->target_entity;
}

/* `expr` (of the template) with the placeholders replaced; secondary may be NULL. */
orm_node *orm_relation_apply(orm_state *st, const orm_relation *rel, orm_node *expr,
                             orm_node *local, orm_node *remote, orm_node *secondary);
/* The whole condition: primaryjoin AND secondaryjoin, between these FROMs. */
orm_node *orm_relation_condition(orm_state *st, const orm_relation *rel, orm_node *local,
                                 orm_node *remote, orm_node *secondary);
/* A fresh anonymous alias of a FROM element. */
orm_node *orm_relation_alias(orm_state *st, orm_node *from);
/* A criterion written about `own`, about `remote` instead (of_type, aliases). */
orm_node *orm_relation_adapt(orm_state *st, orm_node *criterion, orm_node *own, orm_node *remote);
/* EXISTS (SELECT 1 FROM target WHERE condition AND criterion); criterion: list of nodes. */
orm_node *orm_relation_exists(orm_attribute *a, orm_relation *rel, PyObject *criteria);
/* JOINs along the attribute, appended to the list. left, target: borrowed or NULL. 0 / -1. */
int orm_relation_join(orm_attribute *a, orm_node *left, orm_node *target, uint32_t aux,
                      PyObject *list);
/* The condition with the columns of one side as values of an instance; None: NULL. */
enum { ORM_REL_REMOTE_VALUES, ORM_REL_LOCAL_VALUES };
orm_node *orm_relation_with_values(orm_attribute *a, orm_relation *rel, PyObject *obj, int which);
/* A bind whose value is what the attribute of the instance holds when it is executed; `body`
 * names it (NULL: param). */
orm_node *orm_related_bind(orm_state *st, PyObject *obj, orm_mapper *m, uint32_t slot,
                           PyObject *body, orm_type *type);
/* The attribute with another target, and with further criteria; either may be NULL. */
PyObject *orm_attribute_variant(orm_attribute *a, orm_node *of_type, orm_node *criterion);
/* "Mapper[User(users)]", "aliased(User)": what messages call an entity. New str. */
PyObject *orm_entity_text(orm_state *st, orm_node *entity);

/* relation_ops.c: of sql's hooks (sql/sql.h), and of attribute.c. */
int orm_relation_join_hook(orm_state *st, PyObject *target, PyObject *on, PyObject *left,
                           uint32_t aux, PyObject *list);
orm_node *orm_relation_late_node(orm_state *st, PyObject *o);
/* What comparator_factory= makes of the attribute: 1 and *out (new), 0 there is none, -1. */
int orm_relation_comparator(orm_attribute *a, PyObject **out);
/* The same of any attribute; without a factory the property's own comparator. 1 / 0 / -1. */
int orm_attribute_comparator(orm_attribute *a, PyObject **out);
/* A method of relationship attributes: 1 and *out (new), 0 no such name, -1. */
int orm_relation_method(orm_attribute *a, PyObject *name, PyObject **out);
PyObject *orm_relation_compare(orm_attribute *a, PyObject *other, int op);
int orm_relation_setup(PyObject *module, orm_state *st);
extern PyType_Spec orm_related_value_spec;

#endif
