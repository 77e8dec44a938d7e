"""The current `EnvironmentContext`, as a module: what an env.py imports.

Every function of `EnvironmentContext` is one of this module, for the environment that runs in
this thread or task. What type checkers read is context.pyi, written by tools/proxy_stubs.py.
"""

from __future__ import annotations

from typing import Any

from pyorm.migrations.runtime.proxy import CONTEXT as _proxy


def __getattr__(name: str) -> Any:
    return _proxy.get(name)


def __dir__() -> list[str]:
    return _proxy.names()
