"""Loader options as data: paths from an entity along relationships, and what is said at their end.

A path is a root entity and steps; a step is a relationship, perhaps narrowed to a subclass or an
alias (`of_type()`) or by criteria (`and_()`). An item says something about columns of the path's
last entity, about its last relationship, or about all relationships there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pyorm import _core, exc
from pyorm.orm.relationships import RelationshipProperty

# What an item is about. The first four and SUBCLASS are numbers of the core. CAME is no option: it tells a statement
# for many parents by which relationships they were reached, so that eager loading by mapping or wildcard ends. JOINS
# says whether what is loaded eagerly may be joined.
SLOT, ALL, GROUP, EXPR, RELATION, RELATIONS, SUBCLASS, CAME, JOINS = range(9)
SIMPLE = frozenset({SLOT, ALL, GROUP, EXPR, SUBCLASS})  # the core reads them where they have no path
# What is to happen with a column: numbers of the core.
LOAD, DEFER, RAISE = range(3)


def class_of(entity: Any) -> Any:
    """Return the mapped class that an option names.

    Raises:
        ArgumentError: it is none.
    """
    cls = getattr(entity, "class_", entity)
    if not isinstance(cls, type) or _core.mapper_plan(cls) is None:
        raise exc.ArgumentError(f"Expected mapped class or mapper, got: {entity!r}")
    return cls


class Step(NamedTuple):
    """One relationship of a path."""

    attr: Any  # the attribute of the class that it starts from
    key: str
    entity: Any  # the class or alias that it starts from
    of: Any  # the entity that it leads to, where of_type() or an alias says so; else None
    criteria: tuple[Any, ...]

    @property
    def narrows(self) -> bool:
        """Whether not every related row is meant."""
        return bool(self.criteria) or self.of is not None


class Item(NamedTuple):
    """What an option says."""

    root: Any  # class or alias; None: every entity of the statement
    steps: tuple[Step, ...]
    what: int
    target: Any  # SLOT, EXPR: the attribute; else None
    strategy: Any  # of columns LOAD, DEFER, RAISE; of relationships lazy='s word, "contains_eager", "default"
    extra: tuple[tuple[str, Any], ...] = ()  # arguments, sorted by name

    def argument(self, name: str, default: Any = None) -> Any:
        """Return an argument of the option."""
        return dict(self.extra).get(name, default)

    @property
    def has_values(self) -> bool:
        """Whether it holds an expression, whose values are those of the statement that is executed."""
        return self.what == EXPR or any(step.criteria for step in self.steps)

    def leads_along(self, prop: Any) -> bool:
        """Return whether the path begins with a relationship."""
        return bool(self.steps) and self.steps[0].key == prop.key

    def below(self) -> Item:
        """Return the item as it is said of the first step's entity."""
        first = self.steps[0]
        root = first.of if first.of is not None else target_of(first)
        return self._replace(root=root, steps=self.steps[1:])


def target_of(step: Step) -> Any:
    """Return the entity that a step leads to."""
    return step.of if step.of is not None else step.attr.property.entity.entity


def entity_of(attr: Any) -> Any:
    """Return the class or alias that an attribute belongs to."""
    parent = attr.parent  # what inspect() says
    return getattr(parent, "entity", None) or parent.class_


def same_entity(one: Any, other: Any) -> bool:
    """Return whether an option about `one` is about the entity `other` of a statement."""
    if one is None or one is other:
        return True
    if isinstance(one, type) and isinstance(other, type):
        return issubclass(other, one) or issubclass(one, other)
    aliased = isinstance(other, _core.AliasedEntity)
    if isinstance(one, type) or not aliased:
        return False
    return any(getattr(other, m.class_.__name__, None) is one for m in other._aliased_insp.with_polymorphic_mappers)


def step_of(attr: Any, wanted: str) -> Step:
    """Return the step that an attribute stands for.

    Raises:
        ArgumentError: it is no relationship.
    """
    found = attr if hasattr(attr, "property") else getattr(attr, "__clause_element__", lambda: None)()
    prop = getattr(found, "property", None)
    if prop is None:
        raise exc.ArgumentError(f"expected ORM mapped attribute for loader strategy argument, got {attr!r}")
    if not isinstance(prop, RelationshipProperty):
        raise exc.ArgumentError(
            f'"{entity_name(entity_of(found))}.{prop.key}" is a column and no relationship: {wanted}() does not apply; '
            "load_only(), defer() and undefer() are for columns"
        )
    of = getattr(found, "_of_type", None)
    if of is not None:
        of = getattr(of, "entity", of)
    return Step(found, prop.key, entity_of(found), of, tuple(getattr(found, "_extra_criteria", ())))


def entity_name(entity: Any) -> str:
    """Return how messages name an entity."""
    if entity is None:
        return "every entity"
    return entity.__name__ if isinstance(entity, type) else str(entity)


def key_of(items: tuple[Item, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return what of path items counts in a statement's key.

    Returns:
        Ints and objects that are compared by address, and the expressions and entities that count by structure: their
        numbers are among the ints.
    """
    words: list[Any] = []
    nodes: list[Any] = []
    for item in items:
        words += (item.what, _entity_word(item.root, nodes), len(item.steps), _word(item.strategy))
        for step in item.steps:
            words += (_word(step.key), _entity_word(step.entity, nodes), _entity_word(step.of, nodes), len(nodes))
            nodes += step.criteria
        words.append(-1 if item.target is None else _word(getattr(item.target, "key", id(item.target))))
        for name, value in item.extra:
            words += (_word(name), _extra_word(value, nodes))
    return tuple(words), tuple(nodes)


def _word(value: Any) -> Any:
    import sys

    return sys.intern(value) if isinstance(value, str) else int(value)


def _entity_word(entity: Any, nodes: list[Any]) -> int:
    if entity is None:
        return -1
    for number, node in enumerate(nodes):
        if node is entity:
            return number
    nodes.append(entity)
    return len(nodes) - 1


def _extra_word(value: Any, nodes: list[Any]) -> Any:
    if isinstance(value, (type, _core.AliasedEntity)):
        return _entity_word(value, nodes)
    if value is None or isinstance(value, (bool, int)):
        return -1 if value is None else int(value)
    return _word(value) if isinstance(value, str) else value
