"""Let one allocation after the other fail in a piece of work, and look at what is left.

    python -m tests.faults.walk NAME core|python URL [K]

A piece of work is a generator function in a module work_*.py of this folder, marked with
@piece. It gets a URL, makes what the work needs and yields the work, a function. The
function runs with the k-th allocation failing; then the generator goes on, with the outcome as the
value of its `yield`, and asserts what must hold whether the work was done or not. The walk
ends with the k for which nothing was left to fail; there the work has to succeed.

Each walk has a process of its own: it says how far it came even if the work crashes.
Failing allocations are the core's own ("core") and CPython's ("python").
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import pickle
import re
import sys
import traceback
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyorm import _core

MOST = 20_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work ended."""

    value: Any = None
    """What it returned."""
    error: BaseException | None = None
    """What it raised instead."""

    @property
    def done(self) -> bool:
        """Whether the work was done."""
        return self.error is None


Work = Callable[[], Any]
Piece = Callable[[str], Generator[Work, Outcome, None]]

PIECES: dict[str, Piece] = {}
BACKENDS: dict[str, tuple[str, ...]] = {}
KINDS: dict[str, tuple[str, ...]] = {}


def piece(*backends: str, kinds: tuple[str, ...] = ("core", "python")) -> Callable[[Piece], Piece]:
    """Mark a piece of work.

    Args:
        backends: which databases it works with; none: it needs none.
        kinds: whose allocations may fail. What is mostly Python code leaves out "python":
            CPython 3.11 crashes by itself when an iterator over a dict gets no memory.
    """

    def mark(function: Piece) -> Piece:
        assert function.__name__ not in PIECES, function.__name__
        PIECES[function.__name__] = function
        BACKENDS[function.__name__] = backends
        KINDS[function.__name__] = kinds
        return function

    return mark


def load_pieces() -> None:
    """Import every work_*.py."""
    for path in sorted(Path(__file__).parent.glob("work_*.py")):
        importlib.import_module(f"tests.faults.{path.stem}")


def is_shortage(error: BaseException) -> bool:
    """Say whether an exception comes from a failed allocation.

    CPython 3.11 itself loses some: a Python function whose frame got no memory "returned NULL
    without setting an exception", pickle calls it a failed import, and a missing import spec
    an ImportError. Nothing of the kind may come out of a function of the core.
    """
    seen: BaseException | None = error
    while seen is not None:
        original = getattr(seen, "orig", None)
        if isinstance(seen, MemoryError) or isinstance(original, MemoryError):
            return True
        if isinstance(seen, SystemError):
            return str(seen).startswith("<function ")
        if "out of memory" in str(seen) or isinstance(seen, pickle.PicklingError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def run(work: Work, fault: Callable[[int], int], k: int) -> tuple[Outcome, int]:
    """Run the work with the k-th allocation failing; also return how many there were."""
    fault(k)
    try:
        value = work()
    except BaseException as error:
        seen = fault(0)
        return Outcome(error=error), seen
    seen = fault(0)
    return Outcome(value), seen


def step(function: Piece, url: str, fault: Callable[[int], int], k: int) -> bool:
    """Do the piece with the k-th allocation failing; whether there was a k-th one."""
    lost: list[Any] = []
    generator = function(url)
    try:
        return judge(generator, lost, fault, k)
    finally:
        generator.close()


def judge(
    generator: Generator[Work, Outcome, None], lost: list[Any], fault: Callable[[int], int], k: int
) -> bool:
    """Do the work of a piece and look at its outcome; whether there was a k-th allocation."""
    work = next(generator)
    sys.unraisablehook = lost.append
    try:
        outcome, seen = run(work, fault, k)
    finally:
        sys.unraisablehook = sys.__unraisablehook__
    if outcome.error is not None and not is_shortage(outcome.error):
        raise AssertionError(f"not a shortage of memory: {outcome.error!r}") from outcome.error
    for one in lost:
        assert isinstance(one.exc_value, MemoryError), f"lost in {one.object!r}: {one.exc_value!r}"
    if k > seen:
        assert outcome.done, "fails without a failing allocation"
    if outcome.error is not None:
        # What its frames hold is not the work's any more.
        outcome.error.__traceback__ = outcome.error.__context__ = outcome.error.__cause__ = None
        gc.collect()
    try:
        generator.send(outcome)
    except StopIteration:
        return seen >= k
    raise AssertionError("a piece of work yields once")


def walk(name: str, url: str, kind: str, ks: Iterable[int]) -> tuple[int, dict[str, int]]:
    """Walk through a piece of work.

    Returns:
        How many allocations failed, and what was wrong: the text, and the k it came with first.
    """
    function, fault = PIECES[name], getattr(_core, f"_fault_{kind}")
    for _ in range(3):  # imports, caches and interned names are there from now on
        step(function, url, fault, MOST + 1)
    gc.collect()
    failed, wrong = 0, {}
    for k in ks:
        print(k, end="\r", flush=True)
        try:
            if not step(function, url, fault, k):
                break
        except AssertionError as error:
            text = "".join(traceback.format_exception(error)[-8:])
            wrong.setdefault(re.sub(r"0x\w+", "0x", text), k)
            if len(wrong) > 20:
                break
        failed += 1
    return failed, wrong


def main(arguments: list[str]) -> int:
    """Walk; `NAME KIND URL [K]`."""
    faulthandler.enable()
    load_pieces()
    name, kind, url, *only = arguments
    failed, wrong = walk(name, url, kind, map(int, only) if only else range(1, MOST))
    for text, k in wrong.items():
        print(f"{name}, allocation {k} of {kind}:\n{text}", file=sys.stderr)
    print(f"\n{failed} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    # The pieces import this module by its name: there is to be one PIECES.
    from tests.faults.walk import main as named_main

    raise SystemExit(named_main(sys.argv[1:]))
