"""`ClassManager`: what tools find at `cls._sa_class_manager`."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

from pyorm import _core


class ClassManager:
    """A view of a mapped class's instrumentation.

    Attributes:
        class_: the mapped class.
        mapper: its Mapper.
    """

    is_mapped = True

    def __init__(self, class_: type, mapper: Any) -> None:
        """Keep the class weakly: the class itself refers here."""
        self._class = weakref.ref(class_)
        self._mapper = weakref.ref(mapper)
        self.info: dict[Any, Any] = {}

    @property
    def class_(self) -> Any:
        """The mapped class."""
        return self._class()

    @property
    def mapper(self) -> Any:
        """The class's Mapper."""
        return self._mapper()

    def __getitem__(self, key: str) -> Any:
        """Return the attribute of this key."""
        value = getattr(self.class_, key, None)
        if not isinstance(value, _core.InstrumentedAttribute):
            raise KeyError(key)
        return value

    def __contains__(self, key: object) -> bool:
        """Return whether the key is mapped."""
        return key in self.mapper._props

    def __iter__(self) -> Iterator[str]:
        """Iterate over the mapped keys."""
        return iter(self.mapper._props)

    def keys(self) -> list[str]:
        """Return the mapped keys."""
        return list(self.mapper._props)

    def has_state(self, instance: Any) -> bool:
        """Return whether the object is an instance of the mapped class."""
        return isinstance(instance, self.class_)
