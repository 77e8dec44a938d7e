"""The events of schema objects: around CREATE and DROP, when a parent is found, on reflection.

Targets are Table, Column, constraints and MetaData, as objects or as classes. An object has a
Dispatch of its own only when somebody listens to it.
"""

from __future__ import annotations

from typing import Any

from pyorm.event import ClassDispatch, Family, register_family

_ARGUMENTS = {
    "before_create": ("target", "connection"),
    "after_create": ("target", "connection"),
    "before_drop": ("target", "connection"),
    "after_drop": ("target", "connection"),
    "before_parent_attach": ("target", "parent"),
    "after_parent_attach": ("target", "parent"),
    "column_reflect": ("inspector", "table", "column_info"),
}


def _resolve(target: Any, name: str) -> Any:
    from pyorm.schema._base import SchemaItem

    is_ours = issubclass(target, SchemaItem) if isinstance(target, type) else isinstance(target, SchemaItem)
    return target.dispatch if is_ours else None


SCHEMA = Family("schema", _ARGUMENTS, _resolve, options=("retval",))
register_family(SCHEMA)
dispatch = ClassDispatch(SCHEMA)


def fire(item: Any, name: str, *args: Any, **kw: Any) -> None:
    """Call the listeners of one event of a schema object and of its class."""
    if not SCHEMA.is_heard:
        return
    own = item.__dict__.get("_dispatch")
    if own is None:
        cls = type(item)
        own = cls.__dict__.get("_class_dispatch") or cls.dispatch
    for function in getattr(own, name):
        function(*args, **kw)
