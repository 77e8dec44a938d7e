"""Time what takes a few nanoseconds: unrolled, and with the empty loop taken off.

By processor time: nothing here waits, and a difference of two short times bears no guests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.work import COLUMNS, author_row

TIMES = 20
ROUNDS = 20_000


class Net(int):
    """A number of units that brings its own time: the loop's is already taken off."""

    seconds: float

    @classmethod
    def of(cls, units: int, seconds: float) -> Net:
        """Return the units with the time they took."""
        net = cls(units)
        net.seconds = max(seconds, 1e-12)
        return net


def compiled(body: str, names: dict[str, Any]) -> Callable[[], float]:
    """Return a function that runs the body ROUNDS times and returns the seconds."""
    source = (
        f"def timed({', '.join(names)}):\n"
        "    def run():\n"
        "        start = clock()\n"
        f"        for _ in range({ROUNDS}):\n"
        f"            {body}\n"
        "        return clock() - start\n"
        "    return run\n"
    )
    space: dict[str, Any] = {"clock": time.process_time}
    exec(source, space)
    run: Callable[[], float] = space["timed"](**names)
    return run


def loop(statement: str, **names: Any) -> Callable[[], Net]:
    """Return what times a statement over these names."""
    full = compiled("; ".join([statement] * TIMES), names)
    empty = compiled("pass", names)

    def run() -> Net:
        return Net.of(TIMES * ROUNDS, full() - empty())

    return run


def construct(cls: type) -> Callable[[], Net]:
    """Return what times `cls(name=…, …)` with the seven columns besides the key."""
    values = dict(zip(COLUMNS[1:], author_row(7)[1:], strict=True))
    call = f"cls({', '.join(f'{name}={name}' for name in values)})"
    full = compiled(call, {"cls": cls, **values})
    empty = compiled("pass", {"cls": cls, **values})

    def run() -> Net:
        return Net.of(ROUNDS, full() - empty())

    return run
