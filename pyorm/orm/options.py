"""Loader options: which columns of an entity a statement loads.

    select(User).options(load_only(User.name))
    select(User, Address).options(Load(User).defer(User.bio), undefer_group("notes"))

An option names attributes of entities that the statement selects. What it leaves out is
loaded when it is read, or refused with `raiseload=True`. The primary key is always loaded.
"""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc

__all__ = ["Load", "defer", "load_only", "undefer", "undefer_group", "with_expression"]

# What an item is about, and what is to happen: the numbers of the core.
_SLOT, _ALL, _GROUP, _EXPR = range(4)
_LOAD, _DEFER, _RAISE = range(3)

_Item = tuple[int, Any, int, Any]


class Load(_core.LoaderOption):
    """Options about one entity; each method returns a new object with one option more.

    Args:
        entity: A mapped class or an alias that the statement selects.
    """

    _entity: Any
    _items: tuple[_Item, ...]

    def __init__(self, entity: Any) -> None:
        """Begin without options.

        Raises:
            ArgumentError: `entity` is neither mapped nor an alias.
        """
        if not isinstance(entity, _core.AliasedEntity) and (
            not isinstance(entity, type) or _core.mapper_plan(entity) is None
        ):
            inner = getattr(entity, "entity", None)  # inspect() of a class or an alias
            if inner is None:
                raise exc.ArgumentError(f"Expected mapped class or alias for a loader option, got {entity!r}")
            entity = inner
        self._entity, self._items = entity, ()
        self._fill(())

    @classmethod
    def _make(cls, entity: Any, items: tuple[_Item, ...]) -> Load:
        made = cls.__new__(cls)
        made._entity, made._items = entity, items
        made._fill(items)
        return made

    def _with(self, items: tuple[_Item, ...]) -> Load:
        for what, target, _, _ in items:
            if what in (_SLOT, _EXPR) and self._entity is not None and target.class_ is not self._entity:
                raise exc.ArgumentError(
                    f"Attribute {target} does not belong to {_show(self._entity)}, which this Load() is about"
                )
        if self._entity is not None:
            items = tuple((w, t if w in (_SLOT, _EXPR) else self._entity, s, g) for w, t, s, g in items)
        return self._make(self._entity, self._items + items)

    def load_only(self, *attrs: Any, raiseload: bool = False) -> Load:
        """Load only these columns; see `load_only()`."""
        return self._with(_only(attrs, raiseload, self._entity))

    def defer(self, key: Any, raiseload: bool = False) -> Load:
        """Leave the column out; see `defer()`."""
        return self._with(_about(key, _RAISE if raiseload else _DEFER, self._entity))

    def undefer(self, key: Any) -> Load:
        """Load the column; see `undefer()`."""
        return self._with(_about(key, _LOAD, self._entity))

    def undefer_group(self, name: str) -> Load:
        """Load the columns of a group; see `undefer_group()`."""
        return self._with(((_GROUP, self._entity, _LOAD, name),))

    def with_expression(self, key: Any, expression: Any) -> Load:
        """Load an attribute from an expression; see `with_expression()`."""
        return self._with((_from_expression(key, expression),))

    def options(self, *opts: Load) -> Load:
        """Add the options of others about the same entity."""
        made = self
        for other in opts:
            made = made._with(other._items)
        return made

    def _refuse(self, first: Any) -> None:
        """Refuse a statement that selects no entity this is about."""
        for what, target, strategy, _ in self._items:
            if what not in (_SLOT, _EXPR):
                continue
            shown = f"{'undefer' if strategy == _LOAD else 'defer'}({target})"
            if first is None:
                raise exc.ArgumentError(
                    f"Query has only expression-based entities; attribute loader option {shown} can't be applied here."
                )
            raise exc.ArgumentError(
                f"Mapped class {_show(target.class_)} referenced in option {shown} does not apply to any of the "
                f"root entities in this query, e.g. {_show(first)}. Please specify the full path from one of the "
                "root entities to the target attribute. "
            )

    def __repr__(self) -> str:
        """Show the entity and what is said of it."""
        return f"<Load of {_show(self._entity)}, {len(self._items)} option(s)>"


def _show(entity: Any) -> str:
    if entity is None:
        return "every entity"
    return entity.__name__ if isinstance(entity, type) else str(entity)


def _attribute(key: Any) -> Any:
    """Return the mapped column attribute that the user named."""
    found = key
    if not isinstance(found, _core.InstrumentedAttribute):
        found = getattr(key, "__clause_element__", lambda: None)()
    if not isinstance(found, _core.InstrumentedAttribute):
        raise exc.ArgumentError("expected ORM mapped attribute for loader strategy argument")
    return found


def _attributes(key: Any) -> list[Any]:
    """Return the column attributes that the user named: a composite's are several."""
    parts = getattr(key, "_comparable_elements", None)
    return [_attribute(key)] if parts is None else parts


def _about(key: Any, strategy: int, entity: Any) -> tuple[_Item, ...]:
    if isinstance(key, str) and key == "*":
        return ((_ALL, entity, strategy, None),)
    return tuple((_SLOT, attribute, strategy, None) for attribute in _attributes(key))


def _from_expression(key: Any, expression: Any) -> _Item:
    clause = expression
    while not isinstance(clause, _core.ClauseElement) and hasattr(clause, "__clause_element__"):
        clause = clause.__clause_element__()
    if isinstance(clause, (_core.Select, _core.CompoundSelect)):
        clause = clause.scalar_subquery()
    if not isinstance(clause, _core.ClauseElement):
        clause = _core.literal(clause)
    return (_EXPR, _attribute(key), _LOAD, clause)


def with_expression(key: Any, expression: Any) -> Load:
    """Load an attribute from an expression of this statement.

    Args:
        key: an attribute that is mapped with `query_expression()`.
        expression: what it is loaded from.

    Returns:
        An option for `Select.options()`. Objects that the session has loaded already keep what they have,
        unless `populate_existing` says otherwise.
    """
    return Load._make(None, (_from_expression(key, expression),))


def _only(attrs: tuple[Any, ...], raiseload: bool, entity: Any) -> tuple[_Item, ...]:
    found = [part for attr in attrs for part in _attributes(attr)]
    if entity is None:
        if not found:
            raise exc.ArgumentError("load_only() takes at least one attribute")
        entity = found[0].class_
    rest = (_ALL, entity, _RAISE if raiseload else _DEFER, None)
    return (*((_SLOT, attr, _LOAD, None) for attr in found), rest)


def load_only(*attrs: Any, raiseload: bool = False) -> Load:
    """Load only the given columns of an entity, and its primary key.

    Args:
        *attrs: Column attributes of one class or alias.
        raiseload: Refuse to load the others at access, instead of loading them.

    Returns:
        An option for `Select.options()`.

    Raises:
        ArgumentError: An argument is no mapped attribute.

    Notes:
        Each column left out costs one SELECT when it is read; several `load_only()` add up.
    """
    return Load._make(None, _only(attrs, raiseload, None))


def defer(key: Any, *, raiseload: bool = False) -> Load:
    """Leave a column out of the SELECT; it is loaded when it is read.

    Args:
        key: A column attribute, or "*" for every column of every entity.
        raiseload: Refuse to load it at access.
    """
    return Load._make(None, _about(key, _RAISE if raiseload else _DEFER, None))


def undefer(key: Any) -> Load:
    """Load a column that the mapping defers.

    Args:
        key: A column attribute, or "*" for every column of every entity.
    """
    return Load._make(None, _about(key, _LOAD, None))


def undefer_group(name: str) -> Load:
    """Load the columns that the mapping defers under this group's name.

    Args:
        name: `deferred_group=` of mapped_column(), `group=` of deferred().
    """
    return Load._make(None, ((_GROUP, None, _LOAD, name),))
