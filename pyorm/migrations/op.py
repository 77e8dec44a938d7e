"""The current `Operations`, as a module: what migration scripts import.

Every operation is a function of this module, also those that `Operations.register_operation()`
adds; it acts on the database that is migrated in this thread or task.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pyorm.migrations.runtime.proxy import ModuleProxy


def _load() -> type[Any]:
    cls: type[Any] = import_module("pyorm.migrations.operations").Operations
    return cls


_proxy = ModuleProxy(__name__, _load, "Operations")


def __getattr__(name: str) -> Any:
    return _load() if name == "Operations" else _proxy.get(name)


def __dir__() -> list[str]:
    return ["Operations", *_proxy.names()]
