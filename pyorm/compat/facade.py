"""A module that has no file: its names are those of other modules, looked up when they are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any


class Facade(ModuleType):
    """A module under another library's name.

    Args:
        name: the name it is imported by.
        sources: modules in which a name is looked for, in order.
        version: what `__version__` says; None leaves it to the sources.
    """

    def __init__(self, name: str, sources: Sequence[str], version: str | None = None) -> None:
        super().__init__(name, f"pyorm under the name {name}.")
        self.__path__: list[str] = []
        self._sources = tuple(sources)
        if version is not None:
            self.__version__ = version

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        for source in self._sources:
            try:
                return getattr(importlib.import_module(source), name)
            except AttributeError:
                continue
        try:
            return importlib.import_module(f"{self.__name__}.{name}")
        except ModuleNotFoundError:
            pass
        raise AttributeError(
            f"module {self.__name__!r} has no attribute {name!r}: it is pyorm's {' and '.join(self._sources)}"
        )

    @property
    def __all__(self) -> list[str]:
        """The public names of all sources."""
        return [name for name in dir(self) if not name.startswith("_")]

    def __dir__(self) -> list[str]:
        names = set(vars(self))
        for source in self._sources:
            module = importlib.import_module(source)
            names.update(getattr(module, "__all__", None) or dir(module))
        return sorted(names)
