"""Instructions per object of a graph, at several sizes: the work must grow with the objects alone.

    python -m benchmarks.linear                  # 10³, 10⁴, 10⁵ objects under callgrind, 10⁶ timed
    python -m benchmarks.linear --sizes 1000

Callgrind counts instructions, which do not depend on what else the machine does. Each size is run
twice, with the work once and twice over; the difference is one run of it. The collector is off
while objects are made: what it does grows with all that is alive.
"""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

import pyorm
from benchmarks import models
from benchmarks.work import BRANCHES, INDEXES, LEAVES, tree_rows
from pyorm import orm

PER_ROOT = 1 + BRANCHES + BRANCHES * LEAVES
SIZES = (1_000, 10_000, 100_000)


class Graph:
    """Roots, branches and leaves in a SQLite file."""

    def __init__(self, path: Path, objects: int) -> None:
        base: Any = orm.declarative_base()
        self.root, self.branch, self.leaf = models.map_tree(pyorm, orm, base)
        self.engine = pyorm.create_engine(f"sqlite:///{path}")
        self.rows = tree_rows(max(1, objects // PER_ROOT))
        base.metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            for index in INDEXES[:2]:  # of branch and leaf
                connection.exec_driver_sql(index)

    def fill(self) -> None:
        """Insert the rows of the graph."""
        with self.engine.begin() as connection:
            for cls, rows in zip((self.root, self.branch, self.leaf), self.rows, strict=True):
                names = [column.name for column in cls.__table__.columns]
                connection.execute(pyorm.insert(cls), [dict(zip(names, r, strict=True)) for r in rows])

    def load(self) -> None:
        """Load everything, level by level."""
        eager = orm.selectinload(self.root.branches).selectinload(self.branch.leaves)
        with orm.Session(self.engine) as session:
            found = session.scalars(pyorm.select(self.root).options(eager)).all()
            assert len(found) == len(self.rows[0])

    def flush(self) -> None:
        """Make the objects, flush them, and take it back."""
        roots, branches, leaves = self.rows
        made = [self.root(id=key, name=name) for key, name in roots]
        under = [self.branch(id=key, name=name) for key, _, name in branches]
        for one, (_, owner, _) in zip(under, branches, strict=True):
            made[owner - 1].branches.append(one)
        for key, owner, name, weight in leaves:
            under[owner - 1].leaves.append(self.leaf(id=key, name=name, weight=weight))
        with orm.Session(self.engine) as session:
            session.add_all(made)
            session.flush()
            session.rollback()


def work(what: str, objects: int, times: int) -> float:
    """Do the work so often; return the seconds of the last time."""
    with tempfile.TemporaryDirectory() as directory:
        graph = Graph(Path(directory) / "graph.db", objects)
        if what == "load":
            graph.fill()
        begun = 0.0
        if what == "flush":
            gc.disable()
        for _ in range(times):
            begun = time.perf_counter()
            getattr(graph, what)()
        return time.perf_counter() - begun


def instructions(what: str, objects: int, times: int) -> int:
    """Return the instructions of a process that does the work so often."""
    here = [sys.executable, "-m", "benchmarks.linear", "--work", what]
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *here]
    command += ["--sizes", str(objects), "--times", str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1])


@click.command()
@click.option("--sizes", default=",".join(map(str, SIZES)), help="Numbers of objects.")
@click.option("--timed", default=1_000_000, help="Objects of the run that is timed; 0: none.")
@click.option("--work", "what", default="", hidden=True)
@click.option("--times", default=1, hidden=True)
def main(sizes: str, timed: int, what: str, times: int) -> None:
    """Print the instructions per object of loading and flushing a graph of three levels."""
    counts = [int(size) for size in sizes.split(",")]
    if what:
        work(what, counts[0], times)
        return
    for name in ("load", "flush"):
        per_object = []
        for count in counts:
            once, twice = (instructions(name, count, n) for n in (1, 2))
            per_object.append((twice - once) / (count // PER_ROOT * PER_ROOT))
            click.echo(f"{name:5} {count:>9,} objects: {per_object[-1]:8,.0f} instructions each")
        click.echo(f"{name:5} spread: {max(per_object) / min(per_object) - 1:.1%}")
        if timed:
            click.echo(f"{name:5} {timed:>9,} objects: {work(name, timed, 1) / timed * 1e6:8.2f} µs each")


if __name__ == "__main__":
    main()
