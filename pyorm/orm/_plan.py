"""From a configured Mapper to the one tuple tree that the C plan takes."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from pyorm import _core, event, exc
from pyorm.orm.properties import MUTABLE_TYPES, ColumnProperty, MappedColumn, MapperProperty
from pyorm.orm.relationships import RelationshipProperty
from pyorm.types import TypeDecorator, TypeEngine


def build(mapper: Any) -> Any:
    """Make the class's MapperPlan and install its attributes.

    Args:
        mapper: the Mapper, completely collected.

    Returns:
        The `_core.MapperPlan`; the attributes stand on the class afterwards.
    """
    base = mapper.inherits if not mapper.concrete else None
    own = [p for p in mapper._props.values() if base is None or not _is_the_parents(mapper, base, p)]
    slots = tuple(_slot(mapper, prop) for prop in own if isinstance(prop, ColumnProperty))
    slots += tuple(_relation_slot(mapper, prop) for prop in own if isinstance(prop, RelationshipProperty))
    version = mapper._by_column[mapper.version_id_col].key if mapper.version_id_col is not None else None
    spec = (
        None if base is None else base.plan,
        "slots" if issubclass(mapper.class_, _core.Entity) else "dict",
        mapper.selectable,
        slots,
        tuple((_key_of(mapper, column), column) for column in mapper.primary_key),
        version,
        (
            mapper._polymorphic_key,
            mapper.polymorphic_identity,
            mapper.single and mapper.polymorphic_on is not None,
            mapper.polymorphic_abstract,
            mapper.local_table,
            mapper.polymorphic_load == "selectin",
        ),
        mapper,
        mapper.class_manager,
    )
    return _core.MapperPlan(mapper.class_, spec)


def _is_the_parents(mapper: Any, base: Any, prop: MapperProperty) -> bool:
    """Return whether the subclass takes the attribute as its parent has it."""
    same = base._props.get(prop.key) is prop
    return same and mapper.validators.get(prop.key) == base.validators.get(prop.key)


def add(mapper: Any, prop: MapperProperty) -> None:
    """Map a late attribute."""
    if isinstance(prop, ColumnProperty):
        mapper.plan.add_attribute(_slot(mapper, prop))
    elif isinstance(prop, RelationshipProperty):
        mapper.plan.add_attribute(_relation_slot(mapper, prop))


def link_mutable(mapper: Any, prop: MapperProperty) -> None:
    """Let an attribute keep its values as what `pyorm.ext.mutable` says of its column's type."""
    if not isinstance(prop, ColumnProperty):
        return
    type_ = getattr(prop.columns[0], "type", None)
    cls = getattr(type_, "_mutable_class", None)
    for sqltype, wanted in MUTABLE_TYPES:
        if cls is None and isinstance(type_, sqltype):
            cls = wanted
    if cls is not None:
        cls.associate_with_attribute(getattr(mapper.class_, prop.key))


def _key_of(mapper: Any, column: Any) -> str:
    try:
        return str(mapper._by_column[column].key)
    except KeyError:
        raise exc.ArgumentError(
            f"Primary key column {column} of {mapper} is not mapped to an attribute: it may not be excluded"
        ) from None


def _slot(mapper: Any, prop: ColumnProperty) -> tuple[Any, ...]:
    column = prop.columns[0]
    is_column = isinstance(column, (_core.ColumnClause, _core.ColumnRef))
    flags = ""
    if prop.deferred:
        flags += "d"
    if prop.raiseload:
        flags += "r"
    if prop._query_expression:
        flags += "q"
    if prop.active_history or _is_key(mapper, column):
        flags += "a"
    kind = "column" if is_column else "expression"
    validator = _validator(mapper, prop.key)
    return (prop.key, kind, tuple(prop.columns), flags, prop, _comparison(column), validator)


def _relation_slot(mapper: Any, prop: RelationshipProperty) -> tuple[Any, ...]:
    """Return the slot of a relationship: what it refers to is said when the mappings are configured."""
    return (prop.key, "relation", (), "a" if prop.active_history else "", prop, None, _validator(mapper, prop.key))


def _validator(mapper: Any, key: str) -> tuple[Callable[..., Any], bool, bool] | None:
    """Return the `@validates` method of a key as the plan takes it, or None."""
    if key not in mapper.validators:
        return None
    method, options = mapper.validators[key]
    return method, bool(options.get("include_removes")), bool(options.get("include_backrefs", True))


def _is_key(mapper: Any, column: Any) -> bool:
    if column is mapper.version_id_col:
        return True
    for one in mapper.primary_key:  # noqa: SIM110 - any() would make a generator for each column
        if one is column:
            return True
    return False


def _comparison(column: Any) -> Callable[[Any, Any], bool] | None:
    """Return the type's own comparison, or None where it is `==`: the plan compares that without a call."""
    type_ = column.type
    own = type(type_).compare_values
    if own is TypeDecorator.compare_values:  # asks the type that it decorates
        own = type(type_.impl_instance).compare_values
    return None if own is TypeEngine.compare_values else type_.compare_values


def link_reconstructor(cls: type) -> None:
    """Call the `@reconstructor` method of a class, or of its nearest base, after each load."""
    for base in cls.__mro__:
        for value in vars(base).values():
            if type(value) is FunctionType and hasattr(value, "__sa_reconstructor__"):
                event.listen(cls, "load", lambda instance, context, method=value: method(instance))
                return


def collect_validators(cls: type) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return `@validates` methods by attribute key, base classes first."""
    found: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}
    for base in reversed(cls.__mro__):
        if base is object or base is _core.Entity:
            continue
        for value in vars(base).values():
            if isinstance(value, MappedColumn):  # asks its column for what it has not
                continue
            for name in getattr(value, "__sa_validators__", ()):
                found[name] = (value, value.__sa_validation_opts__)
    return found
