"""subqueryload: what is loaded along, by one SELECT around the statement of the parents.

    SELECT posts..., anon_1.users_id FROM (SELECT users.id AS users_id FROM users WHERE ...) AS anon_1
    JOIN posts ON anon_1.users_id = posts.author_id

The statement becomes a subquery of the columns that the relationship compares, to which the related table is joined.
What lies behind is loaded around the same statement, with one more JOIN for each relationship between.
"""

from __future__ import annotations

import itertools
from typing import Any

from pyorm import _core
from pyorm.orm import _eager
from pyorm.orm._aliased import AliasedClass
from pyorm.orm._cascade import MANYTOONE
from pyorm.orm._relation_joins import conditions, order, read_from
from pyorm.orm._strategies import _with_subclass
from pyorm.sql.expression import LABEL_STYLE_TABLENAME_PLUS_COL, select


def around_select(statement: Any, number: int, origin: Any) -> tuple[Any, int, Any, Any]:
    """Return the SELECT for all parents that a statement brings.

    Args:
        statement: the Select that brought them, with its values.
        number: of the post among the statement's.
        origin: what the statement itself was made around, as this function returned it; or None.

    Returns:
        The Select of the related entity and the columns that the relationship compares; how many of these count, 0
        where the keys are the related rows' own (many-to-one over their primary key); the attributes of the parent
        that have their values, None where these are its primary key; and the origin of the Select.
    """
    _, _, _, (step, options), arguments, *_ = _eager.posts_of(statement)[number]
    root, hops = arguments["way"]
    if origin is not None:
        statement, root, before = origin
        hops = (*before, *hops)
    prop = hops[-1][0]
    target = prop.entity.entity if step is None or step.of is None or isinstance(step.of, type) else step.of
    left = _inside(statement, *hops[0][:2])
    joins: list[tuple[Any, Any]] = []
    start = left
    for (hop, _, related), (_, has_next, _) in itertools.pairwise(hops):
        right, following = _next(hop, related, has_next)
        joins += conditions(hop, left, right)
        left = following
    last = conditions(prop, left, target)
    on = last[-1][1]
    for criterion in () if step is None else step.criteria:
        on = on & read_from(criterion, prop, target)
    joins += (*last[:-1], (target, on))
    names = _names(prop)
    made = select(target, *(getattr(left, name) for name in names)).select_from(start)
    for right, condition in joins:
        made = made.join(right, condition)
    if prop._join.order_by:
        made = made.order_by(*order(prop, target, last[0][0] if len(last) > 1 else None))
    made = made.options(*_with_subclass(prop, step, options)).set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
    by_target = prop._join.direction is MANYTOONE and prop._use_get
    own = names == tuple(prop.parent.get_property_by_column(c).key for c in prop.parent.primary_key)
    return made, 0 if by_target else len(names), None if own else names, (statement, root, hops)


def _names(prop: Any) -> tuple[str, ...]:
    """Return the attributes of the parent that a relationship compares, those of its key in the key's order."""
    columns = list(prop._join.local_columns)
    keys = [prop.parent._by_column[column].key for column in columns]
    primary = [prop.parent.get_property_by_column(column).key for column in prop.parent.primary_key]
    return tuple(primary if set(primary) == set(keys) else dict.fromkeys(keys))


def _inside(statement: Any, prop: Any, left: Any) -> Any:
    """Return the entity `left` as the statement, as a subquery, has it: with what a relationship compares."""
    inner, ordered = _core._select_inside(statement)
    items, _ = _core._select_parts(statement)
    columns = [getattr(left, name) for name in _names(prop)]
    distinct = _is_distinct(prop)
    if ordered and distinct:
        columns += [column for column in map(_plain, ordered) if not any(column is one for one in columns)]
    inner = inner.with_only_columns(*columns, maintain_column_froms=len(items) > 1 or left is not items[0])
    if distinct:
        inner = inner.distinct()
    subquery = inner.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL).subquery()
    alias = AliasedClass(left, subquery)
    alias._mark_part()
    return alias


def _is_distinct(prop: Any) -> bool:
    """Return whether rows of the parents can repeat what a relationship compares."""
    if prop.distinct_target_key is not None:
        return bool(prop.distinct_target_key)
    columns = set(prop._join.local_columns)
    return any(not columns >= set(table.primary_key) for table in {column.table for column in columns})


def _plain(expression: Any) -> Any:
    """Return what is ordered by, without DESC and its kin."""
    while isinstance(expression, _core.UnaryExpression):
        expression = expression.element
    return expression


def _next(hop: Any, related: Any, left: Any) -> tuple[Any, Any]:
    """Return what is joined to get on along a relationship, and what of it has the following one."""
    if left is not related and not isinstance(left, type):
        return related, left  # one of the classes that with_polymorphic() names
    fresh = AliasedClass(hop.entity.entity)
    fresh._mark_eager()
    return fresh, fresh
