"""Small immutable containers that several modules share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

K = TypeVar("K")
V = TypeVar("V")

__all__ = ["EMPTY_DICT", "immutabledict"]


class immutabledict(dict[K, V]):
    """A dict that refuses changes; `union()` and `|` make new ones."""

    __slots__ = ()

    def _refuse(self, *args: Any, **kw: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__} object is immutable and/or readonly")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore
    __ior__ = _refuse

    def union(self, other: Mapping[Any, Any] | None = None, /, **kw: Any) -> immutabledict[K, V]:
        """Return this dict with the items of others laid over it."""
        if not other and not kw:
            return self
        merged = dict(self)
        merged.update(other or {}, **kw)
        return type(self)(merged)

    def merge_with(self, *dicts: Mapping[Any, Any] | None) -> immutabledict[K, V]:
        """Return this dict with the items of each given dict laid over it, in order."""
        merged: dict[Any, Any] = {}
        for other in dicts:
            if other:
                merged.update(other)
        return self.union(merged)

    def copy(self) -> immutabledict[K, V]:
        """Return this object: nothing can change it."""
        return self

    def __or__(self, other: Any) -> Any:
        return type(self)(dict.__or__(self, other))

    def __ror__(self, other: Any) -> Any:
        return type(self)(dict.__ror__(self, other))

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> Any:
        return type(self), (dict(self),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict.__repr__(self)})"


EMPTY_DICT: immutabledict[Any, Any] = immutabledict()
