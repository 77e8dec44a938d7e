"""Tables for people: how scripts are listed at a terminal. Anything else gets plain lines, which programs read."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyorm.migrations.config import Config
    from pyorm.migrations.script import Script

__all__ = ["is_terminal", "show_scripts"]


def is_terminal(config: Config) -> bool:
    """Return whether what a command prints goes to a person's screen, and rich is there to draw on it."""
    stream = config.stdout if config.stdout is not None else sys.stdout
    quiet = config.messaging_opts["quiet"]
    return not quiet and bool(getattr(stream, "isatty", bool)()) and find_spec("rich") is not None


def show_scripts(config: Config, scripts: Iterable[Script], verbose: bool = False, title: str | None = None) -> None:
    """Print a table with a line per script.

    Args:
        config: where it goes.
        scripts: in the order of the lines.
        verbose: also the file of each.
        title: a line above.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for heading in ("revision", "follows", "", "message", *(("file",) if verbose else ())):
        table.add_column(heading, overflow="fold")
    for one in scripts:
        cells = [one.revision, ", ".join(parents_of(one)) or "<base>", ", ".join(marks_of(one)), one.doc or ""]
        table.add_row(*(Text(cell) for cell in (*cells, *((one.path,) if verbose else ()))))
    Console(file=config.stdout if config.stdout is not None else sys.stdout).print(table)


def parents_of(script: Script) -> tuple[str, ...]:
    """Return the revisions that a script follows."""
    down = script.down_revision
    return () if down is None else (down,) if isinstance(down, str) else tuple(down)


def marks_of(script: Script) -> list[str]:
    """Return what is remarkable about a script: its labels, whether it is a head, where branches part or meet."""
    found = [
        word
        for word, is_so in (
            ("current", getattr(script, "_db_current_indicator", None)),
            ("head", script.is_head),
            ("branchpoint", script.is_branch_point),
            ("mergepoint", script.is_merge_point),
        )
        if is_so
    ]
    return [*found, *sorted(script.branch_labels or ())]
