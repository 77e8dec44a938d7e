"""Small public values of the attribute layer, which the C core asks for by name.

`History`, the statuses that stand for "no value", the flags that say what a read may do, and
the views behind `inspect(obj).attrs`. Nothing here runs per loaded row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, IntFlag
from typing import Any, NamedTuple

from pyorm import _core


class LoaderCallableStatus(Enum):
    """What stands in the place of a value where there is none."""

    PASSIVE_NO_RESULT = 0
    """The value would have to be loaded, which the caller did not allow."""
    PASSIVE_CLASS_MISMATCH = 1
    ATTR_WAS_SET = 2
    ATTR_EMPTY = 3
    NO_VALUE = 4
    """Nothing is stored, or the old value is not known."""
    NEVER_SET = NO_VALUE


class NotExtension(Enum):
    """`extension_type` of what the mapper itself made."""

    NOT_EXTENSION = "NOT_EXTENSION"


PASSIVE_NO_RESULT = LoaderCallableStatus.PASSIVE_NO_RESULT
PASSIVE_CLASS_MISMATCH = LoaderCallableStatus.PASSIVE_CLASS_MISMATCH
ATTR_WAS_SET = LoaderCallableStatus.ATTR_WAS_SET
ATTR_EMPTY = LoaderCallableStatus.ATTR_EMPTY
NO_VALUE = LoaderCallableStatus.NO_VALUE
NEVER_SET = NO_VALUE


class PassiveFlag(IntFlag):
    """What reading an attribute may do; the bits of the C core."""

    NO_CHANGE = 0
    CALLABLES_OK = 1
    SQL_OK = 2
    RELATED_OBJECT_OK = 4
    INIT_OK = 8
    NON_PERSISTENT_OK = 16
    LOAD_AGAINST_COMMITTED = 32
    NO_AUTOFLUSH = 64
    NO_RAISE = 128
    DEFERRED_HISTORY_LOAD = 256
    INCLUDE_PENDING_MUTATIONS = 512
    PASSIVE_OFF = 31
    PASSIVE_RETURN_NO_VALUE = PASSIVE_OFF & ~INIT_OK
    PASSIVE_NO_INITIALIZE = PASSIVE_RETURN_NO_VALUE & ~CALLABLES_OK
    PASSIVE_NO_FETCH = PASSIVE_OFF & ~SQL_OK
    PASSIVE_NO_FETCH_RELATED = PASSIVE_OFF & ~RELATED_OBJECT_OK
    PASSIVE_ONLY_PERSISTENT = PASSIVE_OFF & ~NON_PERSISTENT_OK


class Symbol(str):
    """A named constant that is its own name."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name."""
        return str(self)

    def __repr__(self) -> str:
        """Show it as a symbol."""
        return f"symbol({str(self)!r})"


OP_REMOVE, OP_REPLACE, OP_MODIFIED, OP_APPEND, OP_BULK_REPLACE = ATTRIBUTE_OPS = tuple(
    Symbol(name) for name in ("REMOVE", "REPLACE", "MODIFIED", "APPEND", "BULK_REPLACE")
)
"""What an event token says of the operation, in the order of the C core's numbers."""
NO_KEY = Symbol("NO_KEY")
"""Stands for the key of a member that has none."""


class History(NamedTuple):
    """What happened to one attribute since the last flush; each part a sequence."""

    added: Any
    unchanged: Any
    deleted: Any

    def __bool__(self) -> bool:
        """Return whether there is anything at all in it."""
        return self != HISTORY_BLANK

    def empty(self) -> bool:
        """Return whether there is neither a change nor a value."""
        return not bool((self.added or self.deleted) or self.unchanged)

    def has_changes(self) -> bool:
        """Return whether something was added or deleted."""
        return bool(self.added or self.deleted)

    def sum(self) -> list[Any]:
        """Return added, unchanged and deleted values in one list."""
        return [*(self.added or ()), *(self.unchanged or ()), *(self.deleted or ())]

    def non_deleted(self) -> list[Any]:
        """Return added and unchanged values."""
        return [*(self.added or ()), *(self.unchanged or ())]

    def non_added(self) -> list[Any]:
        """Return unchanged and deleted values."""
        return [*(self.unchanged or ()), *(self.deleted or ())]


HISTORY_BLANK = History((), (), ())


class AttributeState:
    """One attribute of one instance: `inspect(obj).attrs.name`."""

    __slots__ = ("key", "state")

    def __init__(self, state: Any, key: str) -> None:
        self.state = state
        self.key = key

    @property
    def loaded_value(self) -> Any:
        """The value without loading; `NO_VALUE` where there is none."""
        if hasattr(self._property(), "descriptor"):
            return NO_VALUE  # a synonym or composite keeps none itself
        return _core.loaded_value(self.state.object, self.key, NO_VALUE)

    @property
    def value(self) -> Any:
        """The value, loaded if it must be."""
        return getattr(self.state.object, self.key)

    @property
    def history(self) -> History:
        """The change since the last flush, from what is loaded."""
        return self._history(PassiveFlag.PASSIVE_NO_INITIALIZE)

    def load_history(self) -> History:
        """Return the change since the last flush, loading the old value if it can be."""
        return self._history(PassiveFlag.PASSIVE_OFF ^ PassiveFlag.INIT_OK)

    def _property(self) -> Any:
        return getattr(self.state.mapper, "_props", {}).get(self.key)

    def _history(self, passive: PassiveFlag) -> History:
        prop = self._property()
        own = getattr(prop, "get_history", None)
        if own is not None:
            return own(self.state.object, passive)  # type: ignore[no-any-return]
        key = getattr(prop, "name", self.key)  # a synonym's target
        found: History = self.state.get_history(key, passive)
        return found


class InstanceAttributes(Mapping[str, AttributeState]):
    """`inspect(obj).attrs`: an AttributeState per mapped attribute, by key or by attribute."""

    __slots__ = ("_keys", "_state")

    def __init__(self, state: Any, keys: dict[str, int]) -> None:
        self._state = state
        self._keys: Any = getattr(state.mapper, "_props", keys)

    def __getitem__(self, key: str) -> AttributeState:
        if key not in self._keys:
            raise KeyError(key)
        return AttributeState(self._state, key)

    def __getattr__(self, key: str) -> AttributeState:
        if key not in self._keys:
            raise AttributeError(key)
        return AttributeState(self._state, key)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the attributes, not their keys."""
        return iter(self.values())

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self) -> Any:
        """Return the keys."""
        return list(self._keys)

    def values(self) -> Any:
        """Return an AttributeState per attribute."""
        return [AttributeState(self._state, key) for key in self._keys]

    def items(self) -> Any:
        """Return pairs of key and AttributeState."""
        return list(zip(self._keys, self.values(), strict=True))
