"""Finds pyorm's modules under the names of SQLAlchemy and Alembic."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from pyorm.compat.facade import Facade
from pyorm.compat.modules import FACADES, NOT_THERE, ROOT_MODULES, VERSIONS

ROOTS = tuple(ROOT_MODULES)
"""The names that are resolved: `sqlalchemy` and `alembic`."""


class Finder:
    """A finder for `sys.meta_path`, and the loader of what it finds.

    A module of pyorm is returned as it is; a package below which facades stand is a facade, too, since
    `from package import module` asks for the module by the package's own name. A second import finds the same facade.
    """

    def __init__(self) -> None:
        self._facades: dict[str, Facade] = {}
        self._specs: dict[str, Any] = {}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of `sqlalchemy…` or `alembic…`; None for any other name.

        Raises:
            ModuleNotFoundError: pyorm has no such module; the message says what to use instead, if anything.
        """
        del path, target
        if name.partition(".")[0] not in ROOT_MODULES:
            return None
        if name in _SOURCES or _exists(own_name(name)):
            is_package = name in _SOURCES or _is_package(own_name(name))
            return ModuleSpec(name, self, is_package=is_package)  # type: ignore[arg-type]
        reason = NOT_THERE.get(name, f"pyorm has no module {own_name(name)!r}")
        raise ModuleNotFoundError(f"No module named {name!r}: {reason}", name=name)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return pyorm's module, or the facade."""
        name = spec.name
        if name in _SOURCES:
            if name not in self._facades:
                self._facades[name] = Facade(name, _SOURCES[name], VERSIONS.get(name))
            return self._facades[name]
        module = importlib.import_module(own_name(name))
        self._specs[name] = (module.__spec__, module.__loader__, module.__package__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give a module of pyorm its own spec back, which the import system has replaced."""
        spec = module.__spec__
        if spec is not None and spec.name in self._specs:
            module.__spec__, module.__loader__, module.__package__ = self._specs[spec.name]


def own_name(name: str) -> str:
    """Return the name of pyorm's module: `pyorm.orm` for `sqlalchemy.orm`."""
    root, _dot, rest = name.partition(".")
    return ROOT_MODULES[root] + (f".{rest}" if rest else "")


def _sources() -> dict[str, Sequence[str]]:
    """Return the modules that are facades, and where each looks names up."""
    found: dict[str, Sequence[str]] = {name: (own,) for name, own in ROOT_MODULES.items()}
    for name in FACADES:
        parent = name.rpartition(".")[0]
        while parent not in found and parent not in FACADES:
            found[parent] = (own_name(parent),)
            parent = parent.rpartition(".")[0]
    return {**found, **FACADES}


_SOURCES = _sources()


def _exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # a parent that is not there
        return False


def _is_package(name: str) -> bool:
    spec = find_spec(name)
    return spec is not None and spec.submodule_search_locations is not None
