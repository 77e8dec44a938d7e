"""Autogenerate: compares a database with the program's MetaData and writes the migration between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyorm.migrations.autogenerate.api import (
    AutogenContext,
    compare_metadata,
    produce_migrations,
    render_python_code,
)
from pyorm.migrations.autogenerate.revision import RevisionContext
from pyorm.migrations.autogenerate.rewriter import Rewriter

if TYPE_CHECKING:
    from pyorm.migrations.autogenerate.compare import comparators
    from pyorm.migrations.autogenerate.render import render_op_text, renderers

__all__ = [
    "AutogenContext",
    "RevisionContext",
    "Rewriter",
    "comparators",
    "compare_metadata",
    "produce_migrations",
    "render_op_text",
    "render_python_code",
    "renderers",
]


def __getattr__(name: str) -> Any:
    """Load the comparators and renderers when somebody registers one of his own."""
    if name == "comparators":
        from pyorm.migrations.autogenerate.compare import comparators

        return comparators
    if name in ("renderers", "render_op_text"):
        from pyorm.migrations.autogenerate import render

        return getattr(render, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
