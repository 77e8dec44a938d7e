"""The command line: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.chart import write_chart
from benchmarks.clock import CPU, WALL
from benchmarks.contenders import ENTRIES
from benchmarks.places import Places
from benchmarks.report import about, print_report, read_json, write_json
from benchmarks.runner import Series, run_scenario
from benchmarks.scenarios import NONE, POSTGRES, ROLLBACK, SCENARIOS, SQLITE, Scenario
from benchmarks.work import Sizes


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Compare pyorm with SQLAlchemy, raw drivers and other ORMs on the same work.",
    )
    parser.add_argument("--scenarios", help="S1,S5,… (all otherwise); --list tells what they do")
    parser.add_argument("--contenders", help="pyorm,sqlalchemy,… (all installed otherwise)")
    parser.add_argument("--databases", default=",".join((SQLITE, POSTGRES, NONE, ROLLBACK)),
                        help="of %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="that count; %(default)s otherwise")
    parser.add_argument("--scale", type=float, default=0.5,
                        help="of what is written and streamed; 0.1 is a quick look")
    parser.add_argument("--clock", choices=(WALL, CPU), default=WALL,
                        help="cpu: processor time of client and server, for a machine that does"
                        " other things besides; %(default)s otherwise")
    parser.add_argument("--postgres", metavar="URL", help="a server; its own is started otherwise")
    parser.add_argument("--no-pin", action="store_true", help="let the kernel choose the core")
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks.json"),
                        help="where the figures go; %(default)s")
    parser.add_argument("--svg", type=Path,
                        help="where the chart goes; docs/benchmarks.svg if everything is measured,"
                        " build/benchmarks.svg otherwise")
    parser.add_argument("--read", type=Path, metavar="JSON", help="print an earlier run instead")
    parser.add_argument("--list", action="store_true", help="list scenarios and contenders")
    options = parser.parse_args()
    if options.svg is None:
        whole = options.read is None and options.scenarios is None and options.contenders is None
        options.svg = Path("docs" if whole else "build") / "benchmarks.svg"
    if options.clock == CPU and options.postgres:
        parser.error("--clock cpu counts the processor time of a server of its own; leave --postgres out")
    return options


def print_list() -> None:
    """Print what can be chosen."""
    for scenario in SCENARIOS:
        where = ", ".join(scenario.databases)
        print(f"{scenario.name:6} {scenario.title} [{scenario.unit}; {where}]")
    for entry in ENTRIES:
        state = "" if entry.is_installed() else "  (not installed)"
        print(f"{entry.name:12} {', '.join(entry.databases)}{state}")


def choose_core(options: argparse.Namespace) -> int | None:
    """Return the core that everything runs on; None where that cannot be said.

    A client and its server on two cores wait for the kernel to wake each other: a round trip
    then takes 25 or 85 µs, as it happens. On one core they take turns.
    """
    if options.no_pin or not hasattr(os, "sched_setaffinity"):
        return None
    return max(os.sched_getaffinity(0))


def pairs(options: argparse.Namespace) -> list[tuple[Scenario, str]]:
    """Return what to run: scenarios with databases."""
    wanted = options.scenarios.split(",") if options.scenarios else None
    databases = options.databases.split(",")
    found = []
    for scenario in SCENARIOS:
        if wanted is not None and scenario.name not in wanted:
            continue
        for database in scenario.databases:
            if database in databases:
                found.append((scenario, database))
            if database == SQLITE and ROLLBACK in databases and scenario.journal:
                found.append((scenario, ROLLBACK))
    return found


def contenders_of(options: argparse.Namespace, scenario: Scenario, database: str) -> list[str]:
    """Return who takes part."""
    wanted = options.contenders.split(",") if options.contenders else None
    return [
        entry.name
        for entry in ENTRIES
        if (wanted is None or entry.name in wanted)
        and database in entry.databases
        and (scenario.name != "S16i" or entry.imports)
        and entry.is_installed()
    ]


def run(options: argparse.Namespace) -> list[Series]:
    """Run everything; print a line per scenario as it is done."""
    series: list[Series] = []
    places = Places(Sizes(options.scale), choose_core(options), options.postgres)
    try:
        for scenario, database in pairs(options):
            names = contenders_of(options, scenario, database)
            print(f"{scenario.name} on {database}: {', '.join(names)}", file=sys.stderr, flush=True)
            series += run_scenario(scenario, database, names, places, options.rounds,
                                   options.clock)
        server = None
        if any(one.database == POSTGRES for one in series):
            server = places.execute_postgres(places.server(), "SHOW server_version")[0][0]
    finally:
        places.close()
    named = list(dict.fromkeys(one.contender for one in series))
    chosen = {key: value for key, value in vars(options).items() if isinstance(value, (int, float, str))}
    for path in (options.json, options.svg):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_json(options.json, series, about(named, chosen, server))
    return series


def main() -> int:
    """Run, or read, and print."""
    options = parse()
    if options.list:
        print_list()
        return 0
    series = read_json(options.read) if options.read else run(options)
    write_chart(options.svg, series)
    print_report(series)
    print(f"\n{options.read or options.json}, {options.svg}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
