"""Mapping classes without a database: what `pyorm.orm` does with the C plan, by hand."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from pyorm import _core


class Column:
    """Stands for a column where no SQL is made."""


def slot(
    key: str,
    kind: str = "column",
    flags: str = "",
    compare: Callable[..., Any] | None = None,
    validator: Callable[..., Any] | None = None,
) -> tuple[Any, ...]:
    """Return one slot of a plan's spec."""
    columns = () if kind == "relation" else (Column(),)
    return (key, kind, columns, flags, None, compare, validator)


def map_class(
    cls: type,
    *keys: str | tuple[Any, ...],
    base: Any = None,
    primary_key: tuple[str, ...] | None = None,
    version: str | None = None,
    core: Any = _core,
    mapper: Any = None,
) -> Any:
    """Map a class; the first key is the primary key unless another is given.

    Returns:
        The MapperPlan.
    """
    slots = tuple(slot(key) if isinstance(key, str) else key for key in keys)
    if primary_key is None:
        primary_key = () if base is not None else (slots[0][0],)
    backend = "slots" if issubclass(cls, core.Entity) else "dict"
    spec = (base, backend, None, slots, primary_key, version, None, mapper, None)
    return core.MapperPlan(cls, spec)


def make_class(*keys: str | tuple[Any, ...], core: Any = _core, **options: Any) -> Any:
    """Return a new class with these attributes, mapped."""
    cls = type("Thing", (core.Entity,), {})
    map_class(cls, *(keys or ("id", "name", "other")), core=core, **options)
    return cls


def leave_no_garbage() -> None:
    """Collect until nothing is left that only the collector can free."""
    for _ in range(3):
        gc.collect()


class Probe:
    """Answers for the probe session of `_coretest` and remembers what it was asked."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.dirty: list[Any] = []
        self.rows: dict[str, Any] = {}
        self.lazy: dict[str, Any] = {}

    def on_dirty(self, instance: Any) -> None:
        self.log.append(("dirty",))
        self.dirty.append(instance)

    def autoflush(self) -> None:
        self.log.append(("autoflush",))

    def load_expired(self, instance: Any, key: str) -> dict[str, Any]:
        self.log.append(("expired", key))
        return dict(self.rows)

    def load_slot(self, instance: Any, key: str) -> tuple[Any] | None:
        self.log.append(("slot", key))
        return (self.lazy[key],) if key in self.lazy else None
