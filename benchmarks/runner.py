"""Start the contenders, let their rounds alternate, collect what they measure."""

from __future__ import annotations

import compileall
import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.clock import CPU, WALL
from benchmarks.contenders import BY_NAME, Entry
from benchmarks.places import Places
from benchmarks.scenarios import POSTGRES, Scenario

ROOT = Path(__file__).resolve().parent.parent
ROUND_TIMEOUT_S = 120
IMPORT = "import time; start = time.{0}(); {1}; print(time.{0}() - start)"
IMPORT_CLOCKS = {WALL: "perf_counter", CPU: "process_time"}


@dataclass(slots=True)
class Series:
    """What one contender measured in one scenario on one database.

    Attributes:
        values: seconds or bytes per unit, one per round, warm-ups left out.
        error: why there are none; None if all is well.
    """

    scenario: str
    database: str
    contender: str
    values: list[float] = field(default_factory=list)
    error: str | None = None


class Worker:
    """A process that runs one contender in one scenario."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        """Start the process and tell it what it is."""
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(self.order) + "\n")
        return process

    def round(self) -> dict[str, Any]:
        """Run one round; return the answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write("round\n")
            self.process.stdin.flush()
            ready, _, _ = select.select([self.process.stdout], [], [], ROUND_TIMEOUT_S)
            if not ready:
                self.process.kill()
                return {"error": f"no answer within {ROUND_TIMEOUT_S} s"}
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            return {"error": f"the process ended with status {self.process.wait()}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def restart(self) -> None:
        """Begin again in a new process."""
        self.close()
        self.process = self.start()

    def close(self) -> str:
        """End the process; return what it wrote to stderr."""
        return self.process.communicate()[1]


def measure_import(entry: Entry, core: int | None, clock: str) -> dict[str, Any]:
    """Return what importing takes in a process that has imported nothing."""
    command = [sys.executable, "-c", IMPORT.format(IMPORT_CLOCKS[clock], entry.imports)]
    pin = None if core is None else (lambda: os.sched_setaffinity(0, {core}))
    run = subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, check=False, preexec_fn=pin
    )
    if run.returncode != 0:
        return {"error": (run.stderr.strip().splitlines() or ["failed"])[-1]}
    return {"value": float(run.stdout)}


def run_scenario(
    scenario: Scenario,
    database: str,
    contenders: list[str],
    places: Places,
    rounds: int,
    clock: str,
) -> list[Series]:
    """Run one scenario on one database with all contenders that can; return their series."""
    # What pip installed has its bytecode written; the working copy must not pay for it here.
    compileall.compile_dir(ROOT / "pyorm", quiet=2)
    series = [Series(scenario.name, database, name) for name in contenders]
    workers: dict[str, Worker] = {}
    imports = scenario.name == "S16i"
    if not imports:
        for name in contenders:
            target = places.target(database, name)
            workers[name] = Worker({
                "contender": name, "scenario": scenario.name, "database": database,
                "target": target, "scale": places.sizes.scale, "core": places.core, "clock": clock,
                "server": places.server_pid() if database == POSTGRES else None,
            })
    absent: set[str] = set()
    warm_ups = scenario.warm_ups
    for number in range(warm_ups + min(rounds, scenario.rounds)):
        for one in series:
            if one.error or one.contender in absent:
                continue
            answer = (
                measure_import(BY_NAME[one.contender], places.core, clock)
                if imports
                else one_round(scenario, database, workers[one.contender], places)
            )
            if answer.get("absent"):
                absent.add(one.contender)
            elif "error" in answer:
                one.error = answer["error"]
            elif number >= warm_ups:
                one.values.append(answer["value"])
    for worker in workers.values():
        worker.close()
    return [one for one in series if one.contender not in absent]


def one_round(
    scenario: Scenario, database: str, worker: Worker, places: Places
) -> dict[str, Any]:
    """Run one round of one contender, and look at what it wrote."""
    target = worker.order["target"]
    if scenario.fresh and worker.order.get("used"):
        worker.restart()
    worker.order["used"] = True
    try:
        places.reset(scenario, database, target)
    except Exception as error:
        return {"error": f"not reset: {error}"}
    answer = worker.round()
    if "value" in answer:
        wrong = places.check(scenario, database, target)
        if wrong is not None:
            return {"error": wrong}
    return answer
