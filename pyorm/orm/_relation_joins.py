"""A relationship as a join: its template with the placeholders replaced by what they stand for here."""

from __future__ import annotations

from typing import Any

from pyorm import _core


def conditions(prop: Any, left: Any, right: Any, middle: Any = None) -> list[tuple[Any, Any]]:
    """Return what is joined to get from one entity to the related one.

    Args:
        prop: a configured RelationshipProperty.
        left: the entity or alias that has the relationship.
        right: the entity or alias that it refers to.
        middle: what the secondary table is read from; None: a new alias of it.

    Returns:
        Pairs of a FROM element and its ON clause: (right, condition), or, with a secondary table, what that is
        read from and then `right`.
    """
    template = prop._template
    primary = _core._apply(template["primaryjoin"], template["local"], left)
    if template["secondaryjoin"] is None:
        return [(right, _core._apply(primary, template["remote"], right))]
    middle = _core._fresh_alias(prop.secondary) if middle is None else middle
    primary = _core._apply(primary, template["secondary_from"], middle)
    secondary = _core._apply(template["secondaryjoin"], template["remote"], right)
    return [(middle, primary), (right, _core._apply(secondary, template["secondary_from"], middle))]


def read_from(criterion: Any, prop: Any, right: Any) -> Any:
    """Return a criterion over the related class as one over the related entity here."""
    return _core._apply(criterion, prop.entity.entity, right)


def order(prop: Any, right: Any, middle: Any = None) -> list[Any]:
    """Return the relationship's `order_by` as expressions over the related entity here."""
    template = prop._template
    found = []
    for one in template["order_by"]:
        expr = _core._apply(one, template["remote"], right)
        found.append(expr if middle is None else _core._apply(expr, template["secondary_from"], middle))
    return found
