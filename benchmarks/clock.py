"""What the benchmark calls time: the clock's on the wall, or the processor's.

On a machine that does other things besides, time on the wall measures those too. Processor
time does not: that of this process and, where a PostgreSQL server works for it, that of the
server's processes. Everything runs on one core, so the two agree on an idle machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

WALL, CPU = "wall", "cpu"

Clock = Callable[[], float]


def children(pid: int) -> Iterator[int]:
    """Yield the processes whose parent is `pid`."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        # Gone meanwhile is nobody's child.
        with suppress(OSError):
            # The name, in parentheses, may hold blanks.
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                yield int(status.parent.name)


class CpuClock:
    """Processor seconds of this process, and of the server's as they were at `start()`.

    Args:
        server: pid of PostgreSQL's first process; None without a server.
    """

    def __init__(self, server: int | None) -> None:
        self.server = server
        self.watched: list[Path] = []

    def start(self) -> None:
        """Look which processes the server has now: a backend of ours is there by then."""
        if self.server is not None:
            self.watched = [Path(f"/proc/{pid}/schedstat") for pid in children(self.server)]

    def __call__(self) -> float:
        """Return the seconds so far; only differences mean something."""
        elsewhere = 0
        for path in self.watched:
            with suppress(OSError):
                elsewhere += int(path.read_text().split()[0])
        return time.process_time() + elsewhere * 1e-9


class WallClock:
    """Seconds on the wall."""

    def start(self) -> None:
        """Nothing has to be looked up."""

    def __call__(self) -> float:
        """Return the seconds so far."""
        return time.perf_counter()


def make_clock(kind: str, server: int | None) -> CpuClock | WallClock:
    """Return the clock of a run."""
    return CpuClock(server) if kind == CPU else WallClock()
