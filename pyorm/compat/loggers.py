"""Loggers carry the other libraries' names while those names are pyorm's.

An `alembic.ini` sets levels for `sqlalchemy.engine` and `alembic`, and `fileConfig` disables every
logger that it does not name. So the loggers are renamed, not copied: `pyorm.migrations.…` is
`alembic.…`, and engines made meanwhile log as `sqlalchemy.engine.Engine`.
"""

from __future__ import annotations

import importlib
import logging

from pyorm import log

_OWN, _ALIAS = "pyorm.migrations", "alembic"
_MODULES = ("pyorm.migrations.runtime.migration", "pyorm.migrations.autogenerate.compare.run")
"""Modules whose loggers must exist before they are renamed."""


class Aliases:
    """The loggers that are renamed at the moment."""

    def __init__(self) -> None:
        self._renamed: dict[str, str] = {}

    def apply(self) -> None:
        """Rename the loggers of migrations, and let new engines log as `sqlalchemy`."""
        log.ROOT = "sqlalchemy"
        for module in _MODULES:
            importlib.import_module(module)
        names = [name for name in logging.root.manager.loggerDict if _is_below(name, _OWN)]
        for name in names:
            if isinstance(logging.root.manager.loggerDict[name], logging.Logger):
                alias = _ALIAS + name[len(_OWN) :]
                self._renamed[alias] = name
                _rename(name, alias)

    def take_back(self) -> None:
        """Give every logger its own name back."""
        log.ROOT = "pyorm"
        for alias, name in self._renamed.items():
            _rename(alias, name)
        self._renamed.clear()


def _is_below(name: str, root: str) -> bool:
    return name == root or name.startswith(root + ".")


def _rename(old: str, new: str) -> None:
    """Move a logger to another name, and below the logger that is the new name's nearest parent."""
    loggers = logging.root.manager.loggerDict
    logger = loggers.pop(old)
    assert isinstance(logger, logging.Logger)
    logger.name = new
    loggers[new] = logger
    logger.parent = _nearest(new.rpartition(".")[0])
    for name, other in loggers.items():
        if isinstance(other, logging.Logger) and name.startswith(new + "."):
            other.parent = _nearest(name.rpartition(".")[0])


def _nearest(name: str) -> logging.Logger:
    if not name:
        return logging.root
    return logging.getLogger(name)
