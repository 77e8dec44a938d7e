"""Programs written for SQLAlchemy and Alembic run under pyorm without an edit.

`install_as_sqlalchemy()` makes `import sqlalchemy` and `import alembic` find pyorm for the rest of
the process. `names_resolved()` does so for a while: migrations use it around an environment and
its scripts. The modules found are pyorm's own, so classes are the same under both names; what has
no module of that name is a facade that looks names up in several modules.

An attribute or module that pyorm lacks raises AttributeError or ImportError, which names it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from pyorm.compat.finder import ROOTS, Finder
from pyorm.compat.loggers import Aliases

__all__ = ["install_as_sqlalchemy", "is_installed", "names_resolved"]


class _State:
    """Whether names are resolved, how often, and what stood in their place. The lock guards all of it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.users = 0
        self.for_good = False
        self.finder = Finder()
        self.loggers = Aliases()
        self.replaced: dict[str, ModuleType] = {}


_state = _State()


def _is_root(name: str) -> bool:
    return name.partition(".")[0] in ROOTS


def is_installed() -> bool:
    """Return whether `import sqlalchemy` finds pyorm at this moment."""
    return _state.finder in sys.meta_path


def install_as_sqlalchemy() -> None:
    """Make `import sqlalchemy` and `import alembic` find pyorm, for the rest of the process.

    Call it before anything imports them; a second call does nothing.

    Raises:
        RuntimeError: SQLAlchemy or Alembic themselves have been imported, and who did so holds their classes.
    """
    with _state.lock:
        foreign = sorted(name for name in sys.modules if name in ROOTS and not is_installed())
        if foreign:
            raise RuntimeError(
                f"{' and '.join(foreign)} has been imported already; call pyorm.compat.install_as_sqlalchemy() before "
                "the first import of it, for example at the top of the program's main module"
            )
        if not _state.for_good:
            _state.for_good = True
            _enter(True)


@contextmanager
def names_resolved(loggers: bool = True) -> Iterator[None]:
    """Let `import sqlalchemy` and `import alembic` find pyorm inside a `with` block.

    Modules of the real libraries that were imported before are put back afterwards. Blocks may be nested, and
    entered by several threads: the names are pyorm's until the last one leaves.

    Args:
        loggers: whether pyorm's loggers carry the other libraries' names meanwhile, if this block is the outermost.
    """
    with _state.lock:
        _enter(loggers)
    try:
        yield
    finally:
        with _state.lock:
            _leave()


def _enter(loggers: bool) -> None:
    _state.users += 1
    if _state.users > 1:
        return
    _state.replaced = {name: module for name, module in sys.modules.items() if _is_root(name)}
    for name in _state.replaced:
        del sys.modules[name]
    sys.meta_path.insert(0, _state.finder)
    if loggers:
        _state.loggers.apply()


def _leave() -> None:
    _state.users -= 1
    if _state.users:
        return
    _state.loggers.take_back()
    sys.meta_path.remove(_state.finder)
    for name in [name for name in sys.modules if _is_root(name)]:
        del sys.modules[name]
    sys.modules.update(_state.replaced)
    _state.replaced = {}
