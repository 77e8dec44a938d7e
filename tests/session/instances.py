"""How tests/refcounts makes the types of session/."""

from __future__ import annotations

from pyorm import _core

INSTANCES = {
    "SessionCore": lambda: _core.SessionCore(),
    "SessionTransaction": lambda: _begun(),
}
UNMADE: dict[str, str] = {}

_kept = _core.SessionCore()


def _begun() -> object:
    """Return a transaction that has begun; the one before ends."""
    _kept.rollback()
    return _kept.begin()
