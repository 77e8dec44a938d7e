"""Join conditions as templates: their columns belong to placeholders.

A use of a relationship renders the template with the placeholders replaced by what they stand for
there: nothing is copied, and a table that refers to itself needs no alias of its own.
"""

from __future__ import annotations

from typing import Any

from pyorm import _core
from pyorm.orm._aliased import AliasedClass
from pyorm.orm._join_search import columns, plain_column
from pyorm.orm.relationships import REMOTE


class _Side:
    """One mapped side: its placeholder, and the placeholder's column for each of its columns."""

    def __init__(self, entity: Any) -> None:
        mapper, selectable = entity.mapper, entity.selectable
        if entity.is_aliased_class:
            self.alias = AliasedClass(mapper.class_, selectable.alias(), adapt_on_names=entity._adapt_on_names)
        else:
            self.alias = AliasedClass(mapper.class_)
        self.entity, self.mapper = entity, mapper
        self.selectable = self.alias._aliased_insp.selectable
        self.columns = frozenset(selectable.c)

    def find(self, column: Any) -> Any:
        """Return what stands for the column in the placeholder, or None."""
        prop = self.mapper._by_column.get(column)
        if prop is not None:
            found = self.alias._attribute(prop.key)
            if found is not None:
                return found
        return self.selectable.corresponding_column(column) if column in self.columns else None


def make(prop: Any, join: Any) -> dict[str, Any]:
    """Return the parts of a Relation's spec that speak of placeholders."""
    local, remote = _Side(prop.parent), _Side(prop._entity)
    middle: Any = None if join.secondary is None else join.secondary.alias()
    between = columns(join.secondary)

    def find(column: Any, sides: tuple[_Side, ...]) -> Any:
        # A join as `secondary` may have the table of a side in it: there the side is meant.
        found = _first(sides[:1] if column in between else sides, column)
        return middle.corresponding_column(column) if found is None and column in between else found

    def replace_primary(column: Any, marks: int) -> Any:
        return find(column, (remote, local) if marks & REMOTE and middle is None else (local, remote))

    def replace_secondary(column: Any, marks: int) -> Any:
        return find(column, (remote, local))

    def replace_order(column: Any, marks: int) -> Any:
        return find(plain_column(column), (remote,))

    primary = _core._rewrite(join.primaryjoin, replace_primary)
    secondary = None if middle is None else _core._rewrite(join.secondaryjoin, replace_secondary)
    if _core._has_subquery(primary):
        primary = _applied(primary, prop, local, remote)
    return {
        "local": local.alias,
        "remote": remote.alias,
        "secondary_from": middle,
        "primaryjoin": primary,
        "secondaryjoin": secondary,
        "order_by": tuple(_core._rewrite(one, replace_order) for one in join.order_by),
    }


def _first(sides: tuple[_Side, ...], column: Any) -> Any:
    for side in sides:
        found = side.find(column)
        if found is not None:
            return found
    return None


def _applied(expr: Any, prop: Any, local: _Side, remote: _Side) -> Any:
    """Let what a nested SELECT takes from outside mean the placeholders too."""
    expr = _core._apply(expr, prop.parent.selectable, local.selectable)
    if prop._entity.selectable is not prop.parent.selectable:
        expr = _core._apply(expr, prop._entity.selectable, remote.selectable)
    return expr


__all__ = ["make"]
