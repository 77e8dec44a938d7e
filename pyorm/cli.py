"""The console script `pyorm`. Its commands need the extra `migrations`, and say so where it is missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

# What the extra brings, by the names of its modules.
NEEDED = ("click", "mako", "rich")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        argv: the arguments; the process's by default.

    Raises:
        SystemExit: With the command's status; 2 where the extra is not installed.
    """
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(
            f"pyorm: the command line needs {', '.join(missing)}; pip install 'pyorm[migrations]' brings "
            f"{'it' if len(missing) == 1 else 'them'}",
            file=sys.stderr,
        )
        raise SystemExit(2)
    from pyorm.migrations.cli import main as run

    run(argv, prog="pyorm")
