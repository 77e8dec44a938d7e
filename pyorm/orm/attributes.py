"""Functions over the attributes of mapped instances, and what they speak of."""

from __future__ import annotations

from typing import Any, TypeAlias

from pyorm._core import (
    AttributeEventToken,
    InstrumentedAttribute,
    del_attribute,
    flag_dirty,
    flag_modified,
    get_attribute,
    get_history,
    has_parent,
    init_collection,
    instance_state,
    set_attribute,
    set_committed_value,
)
from pyorm.orm._symbols import (
    ATTR_EMPTY,
    ATTR_WAS_SET,
    HISTORY_BLANK,
    NEVER_SET,
    NO_KEY,
    NO_VALUE,
    OP_APPEND,
    OP_BULK_REPLACE,
    OP_MODIFIED,
    OP_REMOVE,
    OP_REPLACE,
    PASSIVE_CLASS_MISMATCH,
    PASSIVE_NO_RESULT,
    History,
    LoaderCallableStatus,
    PassiveFlag,
)

QueryableAttribute: TypeAlias = InstrumentedAttribute
CALLABLES_OK = PassiveFlag.CALLABLES_OK
DEFERRED_HISTORY_LOAD = PassiveFlag.DEFERRED_HISTORY_LOAD
INCLUDE_PENDING_MUTATIONS = PassiveFlag.INCLUDE_PENDING_MUTATIONS
INIT_OK = PassiveFlag.INIT_OK
LOAD_AGAINST_COMMITTED = PassiveFlag.LOAD_AGAINST_COMMITTED
NON_PERSISTENT_OK = PassiveFlag.NON_PERSISTENT_OK
NO_AUTOFLUSH = PassiveFlag.NO_AUTOFLUSH
NO_CHANGE = PassiveFlag.NO_CHANGE
NO_RAISE = PassiveFlag.NO_RAISE
PASSIVE_NO_FETCH = PassiveFlag.PASSIVE_NO_FETCH
PASSIVE_NO_FETCH_RELATED = PassiveFlag.PASSIVE_NO_FETCH_RELATED
PASSIVE_NO_INITIALIZE = PassiveFlag.PASSIVE_NO_INITIALIZE
PASSIVE_OFF = PassiveFlag.PASSIVE_OFF
PASSIVE_ONLY_PERSISTENT = PassiveFlag.PASSIVE_ONLY_PERSISTENT
PASSIVE_RETURN_NO_VALUE = PassiveFlag.PASSIVE_RETURN_NO_VALUE
RELATED_OBJECT_OK = PassiveFlag.RELATED_OBJECT_OK
SQL_OK = PassiveFlag.SQL_OK

AttributeEvent = Event = AttributeEventToken

__all__ = [
    "ATTR_EMPTY",
    "ATTR_WAS_SET",
    "CALLABLES_OK",
    "DEFERRED_HISTORY_LOAD",
    "HISTORY_BLANK",
    "INCLUDE_PENDING_MUTATIONS",
    "INIT_OK",
    "LOAD_AGAINST_COMMITTED",
    "NEVER_SET",
    "NON_PERSISTENT_OK",
    "NO_AUTOFLUSH",
    "NO_CHANGE",
    "NO_KEY",
    "NO_RAISE",
    "NO_VALUE",
    "OP_APPEND",
    "OP_BULK_REPLACE",
    "OP_MODIFIED",
    "OP_REMOVE",
    "OP_REPLACE",
    "PASSIVE_CLASS_MISMATCH",
    "PASSIVE_NO_FETCH",
    "PASSIVE_NO_FETCH_RELATED",
    "PASSIVE_NO_INITIALIZE",
    "PASSIVE_NO_RESULT",
    "PASSIVE_OFF",
    "PASSIVE_ONLY_PERSISTENT",
    "PASSIVE_RETURN_NO_VALUE",
    "RELATED_OBJECT_OK",
    "SQL_OK",
    "AttributeEvent",
    "AttributeEventToken",
    "Event",
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
    "get_state_history",
    "has_parent",
    "init_collection",
    "init_state_collection",
    "instance_dict",
    "instance_state",
    "manager_of_class",
    "opt_manager_of_class",
    "set_attribute",
    "set_committed_value",
]  # fmt: skip


def instance_dict(instance: Any) -> dict[str, Any]:
    """Return the instance's `__dict__`: its loaded values, live."""
    found: dict[str, Any] = vars(instance)
    return found


def get_state_history(state: Any, key: str, passive: PassiveFlag = PASSIVE_OFF) -> History:
    """Return the history of one attribute of an InstanceState's instance."""
    found: History = state.get_history(key, passive)
    return found


def init_state_collection(state: Any, dict_: Any, key: str) -> Any:
    """Store an empty collection in an attribute, firing no append; return its CollectionAdapter."""
    return init_collection(state.object, key)


def manager_of_class(cls: type) -> Any:
    """Return the ClassManager of a mapped class, or None."""
    return cls.__dict__.get("_sa_class_manager")


opt_manager_of_class = manager_of_class
