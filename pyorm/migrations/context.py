"""The current `EnvironmentContext`, as a module: what an env.py imports.

Every function of `EnvironmentContext` is one of this module, for the environment that runs in
this thread or task.
"""

from __future__ import annotations

from typing import Any

from pyorm.migrations.runtime.proxy import ModuleProxy


def _load() -> type[Any]:
    from pyorm.migrations.runtime.environment import EnvironmentContext

    return EnvironmentContext


_proxy = ModuleProxy(__name__, _load, "EnvironmentContext")


def __getattr__(name: str) -> Any:
    return _load() if name == "EnvironmentContext" else _proxy.get(name)


def __dir__() -> list[str]:
    return ["EnvironmentContext", *_proxy.names()]
