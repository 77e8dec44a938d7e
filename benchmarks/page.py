"""The tables of docs/performance.md, from the JSON of a run.

    python -m benchmarks.page build/benchmarks.json
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from benchmarks.report import FACTORS, OURS, Results, index, number, ratio
from benchmarks.runner import Series
from benchmarks.scenarios import NONE, POSTGRES, RAW, SCENARIOS, SQLITE, TARGETS, Scenario, Target

TITLES = {SQLITE: "SQLite", POSTGRES: "PostgreSQL", NONE: "Without a database"}
PEER = "sqlalchemy"


def median(results: Results, scenario: Scenario, database: str, contender: str) -> str:
    """Return what a contender measured, or a dash."""
    one = results.get((scenario.name, database, contender))
    if one is None or not one.values:
        return "–"
    return number(statistics.median(one.values) * FACTORS[scenario.unit])


def target_of(scenario: Scenario, database: str, peers: tuple[str, ...]) -> Target | None:
    """Return the target against one of the peers."""
    return next(
        (t for t in TARGETS if t.scenario == scenario.name and t.database == database and t.peer in peers), None
    )


def compared(results: Results, scenario: Scenario, database: str, contender: str) -> float | None:
    """Return pyorm ÷ contender."""
    ours = results.get((scenario.name, database, OURS))
    other = results.get((scenario.name, database, contender))
    if ours is None or other is None or not ours.values or not other.values:
        return None
    return ratio(ours, other)[0]


def raw_limit(target: Target | None, unit: str) -> str:
    """Return the target against the raw driver, as the table shows it."""
    if target is None:
        return ""
    if target.extra:
        return f"≤ {number(target.limit)} + {target.extra:.0f} B"
    return f"≤ {number(target.limit)}" + (f" {unit}" if target.peer == "limit" else "")


def is_met(results: Results, scenario: Scenario, target: Target) -> bool:
    """Say whether a target is met."""
    ours = results[scenario.name, target.database, OURS]
    value = statistics.median(ours.values)
    if target.peer == "limit":
        return value * FACTORS[scenario.unit] <= target.limit
    other = results[scenario.name, target.database, target.peer]
    return target.met(ratio(ours, other)[0], statistics.median(other.values) * FACTORS[scenario.unit])


def line(results: Results, scenario: Scenario, database: str, raw: str) -> str:
    """Return the row of one scenario."""
    against_raw = target_of(scenario, database, (raw, "limit"))
    against_peer = target_of(scenario, database, (PEER,))
    of_raw = compared(results, scenario, database, raw)
    of_peer = compared(results, scenario, database, PEER)
    verdicts = [is_met(results, scenario, t) for t in (against_raw, against_peer) if t is not None]
    cells = [
        f"{scenario.name} {scenario.title}",
        scenario.unit.replace("us", "µs"),
        *(median(results, scenario, database, name) for name in (OURS, raw, PEER)),
        "" if of_raw is None else number(of_raw),
        raw_limit(against_raw, scenario.unit),
        "" if of_peer is None else f"{number(1 / of_peer)}×",
        "" if against_peer is None else f"≥ {number(1 / against_peer.limit)}×",
        "" if not verdicts else "met" if all(verdicts) else "**missed**",
    ]
    return "| " + " | ".join(cells) + " |"


def main(path: Path) -> None:
    """Print the tables."""
    data = json.loads(path.read_text())
    results = index([Series(**{k: v for k, v in one.items() if k != "unit"}) for one in data["series"]])
    targets = [t for t in TARGETS if (t.scenario, t.database, OURS) in results]
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    met = sum(is_met(results, by_name[t.scenario], t) for t in targets)
    print(f"{met} of {len(targets)} targets met.")
    for database, title in TITLES.items():
        raw = RAW.get(database, "plain")
        shown = raw if raw != "plain" else "plain class"
        print(f"\n### {title}\n")
        print(f"| | unit | pyorm | {shown} | SQLAlchemy | ÷ {shown} | target | SQLAlchemy ÷ pyorm | target | |")
        print("|---|---|---:|---:|---:|---:|---:|---:|---:|---|")
        for scenario in SCENARIOS:
            if (scenario.name, database, OURS) in results:
                print(line(results, scenario, database, raw))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
