"""One contender doing one scenario, in a process of its own.

    python -m benchmarks.worker        started by benchmarks.runner, told what by stdin

The first line of stdin is {"contender", "scenario", "database", "target", "scale", "core", "clock",
"server"}.
Each further line asks for a round; the answer is {"value": per unit, "units": n}, in seconds
or bytes, or {"error": text}.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from typing import Any

from benchmarks.clock import CpuClock, WallClock, make_clock
from benchmarks.contenders import Place, load
from benchmarks.work import Sizes


def measure(contender: Any, scenario: str, clock: CpuClock | WallClock) -> dict[str, Any]:
    """Run one round; return its answer."""
    prepared = getattr(contender, scenario)()
    if not callable(prepared):
        return {"value": prepared, "units": 1}
    gc.collect()
    clock.start()
    start = clock()
    units = prepared()
    seconds = getattr(units, "seconds", clock() - start)
    return {"value": seconds / units, "units": int(units)}


def main() -> None:
    """Answer what stdin asks."""
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    if order["core"] is not None:
        os.sched_setaffinity(0, {order["core"]})
    scenario = order["scenario"].lower()
    clock = make_clock(order["clock"], order["server"])
    contender: Any = None
    for _ in sys.stdin:
        try:
            if contender is None:
                place = Place(order["database"], order["target"], Sizes(order["scale"]))
                contender = load(order["contender"], place)
            if hasattr(contender, scenario):
                answer = measure(contender, scenario, clock)
            else:
                answer = {"absent": True}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)
    answers.close()
    # A library's threads (aiosqlite's) would keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
