"""A SELECT as a subquery of the one that its collections are joined to: LIMIT counts its rows, not the joined ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import _core
from pyorm.orm import _narrow
from pyorm.orm._aliased import AliasedClass
from pyorm.orm._load_option import Load
from pyorm.sql.expression import select

_MODIFIERS = ("asc_op", "desc_op", "nulls_first_op", "nulls_last_op")


def wrapped(
    statement: Any,
    listed: tuple[Any, ...],
    entities: tuple[Any, ...],
    options: tuple[Load, ...],
    order: tuple[Any, ...],
    shown: int,
) -> tuple[Any, dict[Any, Any], Any]:
    """Make a SELECT around the statement.

    Args:
        statement: the Select, without options.
        listed: the items of its list, and further entities that it joins.
        entities: the same; None in the place of what is no entity.
        options: what is said of the columns of these: those that are deferred stay away.
        order: its ORDER BY.
        shown: how many items the new list has.

    Returns:
        The SELECT; what each entity is in it; the ORDER BY, of which the subquery has what is no column of its list.
    """
    options = (*options, Load._make(None, (), ()))  # there are some in any case: the mapping defers too
    parts = _core._select_columns(select(*listed).options(*options))
    columns = [column for part in parts for column in part]
    further = _sorted_by(columns, order)
    columns += further
    added = (one for one in entities[shown:] if one is not None)
    statement = statement.add_columns(*added, *further).options(*options)
    subquery = _core._select_as_loaded(statement).subquery()
    exported = list(subquery.c)
    moved: dict[Any, Any] = {}
    items = []
    at = 0
    for part, entity in zip(parts, entities, strict=True):
        if entity is None:
            items.append(exported[at])
        else:
            if entity not in moved:
                _move(entity, subquery, moved)
            items.append(moved[entity])
        at += len(part)
    return select(*items[:shown]), moved, tuple(_around(one, columns, subquery, moved) for one in order)


def moved_option(option: Load, moved: dict[Any, Any]) -> Load:
    """Return an option about a related entity's columns as one about what the entity is in the subquery."""
    items = option._items
    kept = (_narrow.about(one, moved[one.root]) if one.root in moved else one for one in items)
    return Load._make(None, (), tuple(kept))


def _move(entity: Any, subquery: Any, moved: dict[Any, Any]) -> None:
    """Note what an entity of a statement, and each of its subclasses, is in the statement's subquery."""
    if isinstance(entity, type):
        moved[entity] = AliasedClass(entity, subquery)
        return
    moved[entity] = made = AliasedClass._moved(entity, subquery)
    for mapper in made._aliased_insp.with_polymorphic_mappers:
        cls = mapper.class_
        if _narrow.has_part(entity, cls):
            moved[_narrow.part_of(entity, cls)] = _narrow.part_of(made, cls)


def _unmodified(one: Any) -> tuple[Any, list[Callable[[Any], Any]]]:
    """Return an item of ORDER BY without its direction, and what gives it back, the inner one first."""
    modifiers: list[Callable[[Any], Any]] = []
    while getattr(getattr(one, "modifier", None), "__name__", "") in _MODIFIERS:
        modifiers.insert(0, one.modifier)
        one = one.element
    return one, modifiers


def _sorted_by(columns: list[Any], order: tuple[Any, ...]) -> list[Any]:
    """Return what the ORDER BY compares that is no column of the list."""
    found: list[Any] = []
    for one in order:
        what, _ = _unmodified(one)
        if not isinstance(what, (_core.LabelReference, _core.TextClause)) and _place(what, [*columns, *found]) is None:
            found.append(what)
    return found


def _around(one: Any, columns: list[Any], subquery: Any, moved: dict[Any, Any]) -> Any:
    """Return an item of the statement's ORDER BY as one of the SELECT around it."""
    what, modifiers = _unmodified(one)
    at = _place(what, columns)
    if at is not None:
        what = list(subquery.c)[at]
    elif isinstance(what, _core.LabelReference) and what.text in subquery.c:
        what = subquery.c[what.text]
    else:
        for entity, alias in moved.items():
            what = _core._apply(what, entity, alias)
    for modify in modifiers:
        what = modify(what)
    return what


def _place(what: Any, columns: list[Any]) -> int | None:
    for at, column in enumerate(columns):
        if column is what:
            return at
    return None
