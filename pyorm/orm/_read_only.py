"""What `mapper.attrs` and its kin are: properties by key, which nobody changes there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class ReadOnlyProperties(Mapping[str, Any]):
    """Properties by key; also as attributes."""

    __slots__ = ("_data",)

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Wrap a mapping."""
        object.__setattr__(self, "_data", dict(data))

    def __getitem__(self, key: str) -> Any:
        """Return the property of this key."""
        return self._data[key]

    def __getattr__(self, key: str) -> Any:
        """Return the property of this key."""
        try:
            return self._data[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        """Refuse: the collection is a view."""
        raise TypeError("the collection of properties is read-only")

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the properties, not their keys."""
        return iter(self._data.values())

    def __contains__(self, key: object) -> bool:
        """Return whether the key is here."""
        return key in self._data

    def __len__(self) -> int:
        """Return the number of properties."""
        return len(self._data)

    def keys(self) -> Any:
        """Return the keys."""
        return list(self._data)

    def values(self) -> Any:
        """Return the properties."""
        return list(self._data.values())

    def items(self) -> Any:
        """Return pairs of key and property."""
        return list(self._data.items())

    def get(self, key: str, default: Any = None) -> Any:
        """Return the property of this key, or the default."""
        return self._data.get(key, default)

    def __dir__(self) -> list[str]:
        """List the keys besides the methods."""
        return [*super().__dir__(), *self._data]


__all__ = ["ReadOnlyProperties"]
