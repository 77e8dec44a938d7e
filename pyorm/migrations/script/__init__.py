"""Revision scripts: their graph, the files they are in, and the plans of runs."""

from __future__ import annotations

__all__ = ["Script", "ScriptDirectory"]


def __getattr__(name: str) -> object:
    """Load the directory of scripts at its first use."""
    if name in __all__:
        from pyorm.migrations.script import base

        return getattr(base, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
