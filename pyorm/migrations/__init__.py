"""Schema migrations: revisions, operations, autogenerate. Needs the extra `migrations`.

Its modules are imported at their first use: `from pyorm.migrations import op` in a script,
`from pyorm.migrations import context` in an env.py.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULES = (
    "autogenerate",
    "command",
    "config",
    "context",
    "ddl",
    "environment",
    "migration",
    "op",
    "operations",
    "runtime",
    "script",
    "util",
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(_MODULES)
