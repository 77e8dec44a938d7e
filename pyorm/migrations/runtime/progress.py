"""How far a long run is, for a person at a terminal; logs and pipes get nothing of it."""

from __future__ import annotations

import sys
import time


class Progress:
    """Counts the revisions of one run.

    Args:
        total: how many there are; a run of one says nothing.
    """

    def __init__(self, total: int) -> None:
        """Start the clock."""
        self._total, self._done = total, 0
        self._began = time.monotonic()

    def advance(self) -> None:
        """Say that one more revision is done, and how long it has been in all."""
        self._done += 1
        if self._total < 2 or not sys.stderr.isatty():
            return
        line = f"{self._done} of {self._total} revisions, {time.monotonic() - self._began:.1f} s"
        try:
            from rich.console import Console
        except ImportError:
            print(line, file=sys.stderr)
            return
        Console(file=sys.stderr).print(line, style="dim", highlight=False)
