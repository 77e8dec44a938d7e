"""Joins and criteria along relationships, as functions."""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc
from pyorm.orm.relationships import RelationshipProperty
from pyorm.sql import join as _core_join

__all__ = ["join", "outerjoin", "with_parent"]


def join(left: Any, right: Any, onclause: Any = None, isouter: bool = False, full: bool = False) -> Any:
    """Join two mapped classes, aliases or FROM elements.

    Args:
        left, right: the two sides.
        onclause: a relationship attribute of the left side, or a criterion; by foreign keys where it is left out.
        isouter: LEFT OUTER JOIN.
        full: FULL OUTER JOIN.

    Returns:
        A Join, for `select_from()` and as a side of further joins.

    Raises:
        ArgumentError, InvalidRequestError: the relationship does not lead from left to right.

    Notes:
        `select(User).join(User.posts)` says the same in most cases.
    """
    if isinstance(onclause, RelationshipProperty):
        onclause = onclause.class_attribute
    if not is_relationship(onclause):
        return _core_join(left, right, onclause, isouter=isouter, full=full)
    start = None if isinstance(left, _core.FromClause) else left
    for step in _core._relation_join(right, onclause, start, isouter, full):
        left = _core_join(left, step.right, step.onclause, isouter=step.isouter, full=step.full)
    return left


def outerjoin(left: Any, right: Any, onclause: Any = None, full: bool = False) -> Any:
    """Join two mapped classes, aliases or FROM elements, keeping rows of the left side that match nothing.

    See join().
    """
    return join(left, right, onclause, True, full)


def is_relationship(value: Any) -> bool:
    """Return whether an object is a relationship attribute of a class or alias."""
    return isinstance(value, _core.InstrumentedAttribute) and isinstance(value.property, RelationshipProperty)


def with_parent(instance: object, prop: Any, from_entity: Any = None) -> Any:
    """Return the criterion that related rows belong to an object.

    Args:
        instance: the object on the parent's side; its key is read when the statement is executed.
        prop: the relationship attribute that leads from it: `User.posts`. With of_type() the criterion is about the
            alias.
        from_entity: the alias that stands for the parent's class in the statement; not needed to compare with an
            object.

    Raises:
        ArgumentError: `prop` is no relationship of a mapped class.
        UnmappedInstanceError: `instance` is not mapped.

    Example:
        `select(Post).where(with_parent(user, User.posts))`
    """
    if isinstance(prop, str):
        raise exc.ArgumentError("with_parent() accepts class-bound mapped attributes, not strings")
    if isinstance(prop, RelationshipProperty):
        prop = prop.class_attribute
    if not is_relationship(prop):
        raise exc.ArgumentError(f"with_parent() takes a relationship attribute such as User.posts, got {prop!r}")
    del from_entity
    return _core._with_parent(instance, prop)


def related_entity(attribute: Any) -> Any:
    """Return the class or alias that a relationship attribute leads to."""
    of_type = attribute._of_type
    return attribute.property.entity.entity if of_type is None else of_type


def parent_property(instance: object, target: Any) -> Any:
    """Return the one relationship of the object's class that leads to a mapper.

    Raises:
        InvalidRequestError: there is none.
    """
    from pyorm.orm._registry import object_mapper

    for found in object_mapper(instance).relationships:
        if found.mapper is target:
            return found.class_attribute
    raise exc.InvalidRequestError(
        f"Could not locate a property which relates instances of class '{target.class_.__name__}' to instances of "
        f"class '{type(instance).__name__}'"
    )


def eager_joins(wanted: bool) -> Any:
    """Return the option that lets a statement join what is loaded eagerly, or leaves it for later."""
    from pyorm.orm._load_option import Load
    from pyorm.orm._paths import JOINS, Item

    return Load._make(None, (), (Item(None, (), JOINS, None, "joined" if wanted else "select", ()),))
