"""Which columns of its table a class leaves unmapped: `include_properties`, `exclude_properties`, `column_prefix`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from pyorm import exc
from pyorm.orm._inherit import column_of


def as_set(given: Any) -> set[Any] | None:
    """Return the names and columns of an argument of the Mapper as a set; None: it was not given."""
    if given is None:
        return None
    return {given} if isinstance(given, str) else {one if isinstance(one, str) else column_of(one) for one in given}


def leaves_out(include: set[Any] | None, exclude: set[Any] | None, name: str, column: Any) -> bool:
    """Return whether the lists leave a column unmapped.

    Args:
        include: `include_properties`, or None.
        exclude: `exclude_properties`, or None.
        name: the column's key, or the attribute's name where the class declares it.
        column: the column itself, which the lists may hold too.
    """

    def holds(names: Iterable[Any]) -> bool:
        return any(one == name if isinstance(one, str) else one is column for one in names)

    return (include is not None and not holds(include)) or (exclude is not None and holds(exclude))


def apply_to_declared(cls: type, columns: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the declared attributes that the Mapper maps, under their final names.

    Only a column that has its attribute's name and no options follows the arguments; anything else was given its
    name by the program, and stays.

    Args:
        cls: the class.
        columns: what the class declares, by attribute name.
        arguments: the Mapper's arguments.
    """
    prefix: str = arguments.get("column_prefix") or ""
    include = as_set(arguments.get("include_properties"))
    exclude = as_set(arguments.get("exclude_properties"))
    if not prefix and include is None and exclude is None:
        return columns
    kept: dict[str, Any] = {}
    for name, value in columns.items():
        column = getattr(value, "columns", (value,))[0]
        is_declared = hasattr(column, "primary_key")
        is_out = is_declared and leaves_out(include, exclude, name, column)
        if is_out:
            _warn(cls, name)
        if value is not column or not is_declared or column.key != name:
            kept[name] = value
        elif not is_out:
            kept[prefix + name] = value
    return kept


def _warn(cls: type, name: str) -> None:
    warnings.warn(
        f"Attribute '{name}' declared on class {cls!r} is excluded from the mapping by the exclude_properties / "
        "include_properties mapper arguments; excluding attributes that are declared on the class is deprecated: a "
        "column of another name, or with options, stays mapped.  Declare a column that is in the Table and not mapped "
        "with Unmapped[] and unmapped_column().",
        exc.SADeprecationWarning,
        stacklevel=6,
    )
