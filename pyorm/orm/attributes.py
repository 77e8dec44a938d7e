"""Functions over the attributes of mapped instances, and what they speak of."""

from __future__ import annotations

from typing import Any

from pyorm._core import (
    AttributeEventToken,
    InstrumentedAttribute,
    del_attribute,
    flag_dirty,
    flag_modified,
    get_attribute,
    get_history,
    instance_state,
    set_attribute,
    set_committed_value,
)
from pyorm.orm._symbols import (
    NO_KEY,
    NO_VALUE,
    OP_APPEND,
    OP_BULK_REPLACE,
    OP_MODIFIED,
    OP_REMOVE,
    OP_REPLACE,
    History,
    LoaderCallableStatus,
    PassiveFlag,
)

__all__ = [
    "NO_KEY",
    "NO_VALUE",
    "OP_APPEND",
    "OP_BULK_REPLACE",
    "OP_MODIFIED",
    "OP_REMOVE",
    "OP_REPLACE",
    "AttributeEventToken",
    "History",
    "InstrumentedAttribute",
    "LoaderCallableStatus",
    "PassiveFlag",
    "QueryableAttribute",
    "del_attribute",
    "flag_dirty",
    "flag_modified",
    "get_attribute",
    "get_history",
    "instance_dict",
    "instance_state",
    "manager_of_class",
    "set_attribute",
    "set_committed_value",
]

QueryableAttribute = InstrumentedAttribute


def instance_dict(instance: Any) -> dict[str, Any]:
    """Return the instance's `__dict__`: its loaded values, live."""
    found: dict[str, Any] = vars(instance)
    return found


def manager_of_class(cls: type) -> Any:
    """Return the ClassManager of a mapped class, or None."""
    return cls.__dict__.get("_sa_class_manager")
