"""The current `Operations`, as a module: what migration scripts import.

Every operation is a function of this module, also those that `Operations.register_operation()`
adds; it acts on the database that is migrated in this thread or task. What type checkers read is
op.pyi, written by tools/proxy_stubs.py.
"""

from __future__ import annotations

from typing import Any

from pyorm.migrations.runtime.proxy import OP as _proxy


def __getattr__(name: str) -> Any:
    return _proxy.get(name)


def __dir__() -> list[str]:
    return _proxy.names()
