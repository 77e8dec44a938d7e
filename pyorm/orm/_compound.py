"""Set operations of `Query`: what follows `query.union(…)` speaks of the union's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyorm import _core
from pyorm.inspection import inspect
from pyorm.orm._aliased import AliasedClass
from pyorm.orm.options import Load


def is_entity(item: Any) -> bool:
    """Return whether `item` is a mapped class or an alias of one."""
    found = inspect(item, raiseerr=False)
    return bool(getattr(found, "is_mapper", False) or getattr(found, "is_aliased_class", False))


class Compound:
    """The rows of a set operation, in place of the entities that its first query selects.

    Attributes:
        subquery: The set operation as a FROM element.
        items: What to select from it, one for each item of the first query.
    """

    def __init__(self, entities: Sequence[Any], subquery: Any) -> None:
        """Find each item of the first query among the columns of the set operation."""
        self.subquery = subquery
        self._aliases: dict[Any, Any] = {}
        self._sources: list[Any] = []
        self.items = []
        columns = list(subquery.c)
        position = 0
        for entity in entities:
            if is_entity(entity):
                self.items.append(self._alias_of(entity))
                position += len(list(_core.select(entity).selected_columns))
                continue
            if isinstance(entity, _core.InstrumentedAttribute):
                self._alias_of(entity.class_)
                self.items.append(self.adapt(entity))
            else:
                self.items.append(columns[position])
                self._note(getattr(entity, "table", None))
            position += 1

    def _note(self, source: Any) -> None:
        if source is not None and not any(source is known for known in self._sources):
            self._sources.append(source)

    def _alias_of(self, entity: Any) -> Any:
        if entity not in self._aliases:
            found = inspect(entity)
            name = found.name if found.is_aliased_class else entity.__name__
            self._aliases[entity] = AliasedClass(found.mapper.class_, self.subquery, name)
            self._note(found.selectable)
        return self._aliases[entity]

    def adapt(self, clause: Any) -> Any:
        """Return the clause with the entities' columns read from the set operation."""
        if isinstance(clause, (type, AliasedClass)):
            return self._aliases.get(clause, clause)
        if isinstance(clause, _core.InstrumentedAttribute):
            alias = self._aliases.get(clause.class_)
            return clause if alias is None else getattr(alias, clause.key)
        if isinstance(clause, Load):
            return self._adapt_option(clause)
        if isinstance(clause, _core.Label):
            return self.adapt(clause.element).label(clause.name)
        if not isinstance(clause, _core.ColumnElement) and hasattr(clause, "__clause_element__"):
            clause = clause.__clause_element__()
        if isinstance(clause, _core.ColumnElement):
            for source in self._sources:
                clause = _core._apply(clause, source, self.subquery)
        return clause

    def _adapt_option(self, option: Load) -> Load:
        items = []
        for item in option._items:
            steps = tuple(s._replace(entity=self.adapt(s.entity)) if n == 0 else s for n, s in enumerate(item.steps))
            target = item.target if steps or item.target is None else self.adapt(item.target)
            items.append(item._replace(root=item.root and self.adapt(item.root), steps=steps, target=target))
        return Load._make(option._root and self.adapt(option._root), option._steps, tuple(items))
