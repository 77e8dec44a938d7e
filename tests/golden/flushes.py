"""All golden flush cases by name; tests/golden/flushes.json holds what the reference sends for each."""

from __future__ import annotations

from typing import Any

from tests.golden import flush_cycles, flush_family, flush_inherit, flush_keys, flush_links, flush_loads
from tests.golden.flush_kit import CASES, Kit

MODULES = (flush_family, flush_links, flush_cycles, flush_keys, flush_inherit, flush_loads)

__all__ = ["CASES", "MODULES", "run"]


def run(name: str, library: str, url: str, **options: Any) -> list[Any]:
    """Run one case on an empty database, leave an empty one; answer its log."""
    kit = Kit(library, url, **options)
    try:
        CASES[name](kit)
        return kit.finish()
    finally:
        kit.close()
