"""Turn series into ratios, tables and a JSON file."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import sqlite3
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.contenders import BY_NAME
from benchmarks.runner import Series
from benchmarks.scenarios import ROLLBACK, SCENARIOS, TARGETS, Target

FACTORS = {"us": 1e6, "ns": 1e9, "ms": 1e3, "bytes": 1.0, "MB": 1e-6, "count": 1.0}
UNITS = {scenario.name: scenario.unit for scenario in SCENARIOS}
OURS = "pyorm"
Results = dict[tuple[str, str, str], Series]


def index(series: list[Series]) -> Results:
    """Return the series by (scenario, database, contender)."""
    return {(one.scenario, one.database, one.contender): one for one in series}


def ratio(ours: Series, other: Series) -> tuple[float, float, float]:
    """Return (median, least, greatest) of ours ÷ other, round by round.

    The rounds alternate, so that the two values of a pair were measured one after the other.
    """
    pairs = [a / b for a, b in zip(ours.values, other.values, strict=False) if b]
    return statistics.median(pairs), min(pairs), max(pairs)


def number(value: float) -> str:
    """Return a value with three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(rows: list[list[str]]) -> str:
    """Return rows as columns of one width: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def cell(results: Results, scenario: str, database: str, contender: str, unit: str) -> str:
    """Return 'median (pyorm ÷ it)' of one contender."""
    one = results.get((scenario, database, contender))
    if one is None:
        return ""
    if one.error:
        return "failed"
    text = number(statistics.median(one.values) * FACTORS[unit])
    ours = results.get((scenario, database, OURS))
    if contender != OURS and ours is not None and ours.values:
        middle, least, most = ratio(ours, one)
        text += f"  ×{number(middle)} [{number(least)}–{number(most)}]"
    return text


def print_measures(results: Results, database: str) -> None:
    """Print what everybody measured on one database."""
    names = list(dict.fromkeys(c for _, d, c in results if d == database))
    if not names:
        return
    rows = [["scenario", "unit", *names]]
    for scenario in SCENARIOS:
        cells = [cell(results, scenario.name, database, name, scenario.unit) for name in names]
        if any(cells):
            rows.append([f"{scenario.name} {scenario.title}", scenario.unit, *cells])
    heading = {"none": "without a database"}.get(database, database)
    print(f"\n{heading}: median per unit; × = pyorm ÷ it, median [least–most] over the rounds\n")
    print(table(rows))


def judge(target: Target, results: Results) -> list[str] | None:
    """Return the line of one target; None if what it compares was not measured."""
    ours = results.get((target.scenario, target.database, OURS))
    if ours is None:
        return None
    label = [target.scenario, target.database, target.peer, target.describe()]
    if not ours.values:
        return [*label, "failed", "", "MISSED"]
    if target.peer == "limit":
        unit = UNITS[target.scenario]
        value = statistics.median(ours.values) * FACTORS[unit]
        text = number(value) if unit == "count" else f"{number(value)} {unit}"
        return [*label, text, "", "met" if value <= target.limit else "MISSED"]
    peer = results.get((target.scenario, target.database, target.peer))
    if peer is None or not peer.values:
        return None
    middle, least, most = ratio(ours, peer)
    met = target.met(middle, statistics.median(peer.values))
    spread = f"{number(least)}–{number(most)}"
    return [*label, number(middle), spread, "met" if met else "MISSED"]


def print_targets(results: Results) -> None:
    """Print where pyorm must be beside where it is."""
    lines = [line for target in TARGETS if (line := judge(target, results)) is not None]
    if not lines:
        return
    print("\nTargets: pyorm ÷ peer, median [spread]\n")
    head = ["scenario", "database", "peer", "target", "measured", "spread", ""]
    print(table([head, *lines]))
    met = sum(line[-1] == "met" for line in lines)
    print(f"\n{met} of {len(lines)} met")


def print_failures(series: list[Series]) -> None:
    """Print why series are missing."""
    for one in series:
        if one.error:
            print(f"failed: {one.contender} {one.scenario} on {one.database}: {one.error}")


def versions(contenders: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, version) of what took part."""
    for name in contenders:
        for distribution in BY_NAME[name].versions:
            try:
                yield distribution, importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def about(contenders: list[str], options: dict[str, Any], server: str | None) -> dict[str, Any]:
    """Return what the JSON file says of the run besides the series."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": sys.version,
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": server,
        "versions": dict(versions(contenders)),
        "options": options,
    }


def write_json(path: Path, series: list[Series], head: dict[str, Any]) -> None:
    """Write the run to a file."""
    units = {scenario.name: scenario.unit for scenario in SCENARIOS}
    rows = [{**asdict(one), "unit": units[one.scenario]} for one in series]
    text = json.dumps({**head, "series": rows}, indent=1)
    path.write_text(text + "\n")


def read_json(path: Path) -> list[Series]:
    """Read the series of a run."""
    rows = json.loads(path.read_text())["series"]
    return [Series(**{k: v for k, v in row.items() if k != "unit"}) for row in rows]


def print_report(series: list[Series]) -> None:
    """Print everything: targets last, so that they stand above the prompt."""
    results = index(series)
    for database in ("sqlite", "postgresql", "none", ROLLBACK):
        print_measures(results, database)
    print_targets(results)
    print_failures(series)
