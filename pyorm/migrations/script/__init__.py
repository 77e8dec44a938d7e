"""Revision scripts: their graph, the files they are in, and the plans of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyorm.migrations.script.base import Script as Script
    from pyorm.migrations.script.base import ScriptDirectory as ScriptDirectory

__all__ = ["Script", "ScriptDirectory"]


def __getattr__(name: str) -> Any:
    """Load the directory of scripts at its first use."""
    if name in __all__:
        from pyorm.migrations.script import base

        return getattr(base, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
