"""Write tests/golden/revisions.json: what the reference library makes of random revision graphs.

Run it in an environment that has the reference library; pyorm's tests only read what it wrote.
Each question is asked under several hash seeds: where the answers differ, each of them is one
that the reference gives, and all are written.

Usage: python tools/golden_revisions.py [directory]
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "alembic"
GRAPHS = 220
HASH_SEEDS = ("0", "1", "2", "3")

Row = list[Any]
"""Revision id, parents, dependencies, labels; lists, as JSON has no tuples."""


def make_rows(rng: random.Random) -> list[Row]:
    """Return a random graph, in an order in which files may be read.

    Every graph has at least one root. Ids share beginnings so that some partial ids are ambiguous.
    """
    size = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20))
    spread = rng.random()
    with_deps = rng.random() < 0.5
    with_labels = rng.random() < 0.6
    ids: list[str] = []
    while len(ids) < size:
        made = rng.choice(("abc", "abc1", "ff", "")) + "".join(rng.choices("0123456789abcdef", k=8))
        if made not in ids:
            ids.append(made)
    rows: list[Row] = []
    for number, revision in enumerate(ids):
        before = ids[:number]
        parents: list[str] = []
        if before and rng.random() > 0.08:
            parents = [before[-1] if rng.random() > spread else rng.choice(before)]
            while rng.random() < 0.15 and len(parents) < len(before):
                parents.append(rng.choice([b for b in before if b not in parents]))
        others = [b for b in before if b not in parents]
        deps = [rng.choice(others)] if with_deps and others and rng.random() < 0.25 else []
        labels = [f"lab{number}"] if with_labels and not deps and rng.random() < 0.2 else []
        rows.append([revision, parents, deps, labels])
    order = rng.random()
    if order < 0.3:
        rows.reverse()
    elif order < 0.7:
        rng.shuffle(rows)
    if with_labels and with_deps:
        for row in rows:
            named = [r[3][0] for r in rows if r[3] and [r[0]] == row[2]]
            if named and rng.random() < 0.5:
                row[2] = named
    return rows


def real_heads_of(rows: list[Row], chosen: set[str]) -> list[str]:
    """Return what the version table holds when exactly `chosen` and what they need were run."""
    labels = {label: row[0] for row in rows for label in row[3]}
    parents = {row[0]: [*row[1], *(labels.get(d, d) for d in row[2])] for row in rows}
    done: set[str] = set()
    todo = list(chosen)
    while todo:
        revision = todo.pop()
        if revision not in done:
            done.add(revision)
            todo.extend(parents[revision])
    return sorted(done - {p for r in done for p in parents[r]})


def make_idents(rng: random.Random, rows: list[Row]) -> list[str]:
    """Return what somebody may write for a revision of the graph."""
    ids = [row[0] for row in rows]
    labels = [label for row in rows for label in row[3]]
    one = rng.choice(ids)
    idents = ["head", "heads", "base", "current", one, one[:4], one[:3], one[:6], "zzzzzz", "zz", f"{one}@head"]
    idents += [f"{one}@base", f"{one}@heads", f"{one}@{rng.choice(ids)}"]
    for label in labels[:2]:
        idents += [label, f"{label}@head", f"{label}@heads", f"{label}@base", f"{label}@{rng.choice(ids)}"]
        idents += [f"{label}@{rng.choice(ids)[:5]}"]
    return idents


def make_targets(rng: random.Random, rows: list[Row], kind: str) -> list[str]:
    """Return targets of an upgrade, a downgrade or a stamp."""
    ids = [row[0] for row in rows]
    labels = [label for row in rows for label in row[3]]
    some = rng.choice(ids)
    targets = ["head", "heads", "base", some, rng.choice(ids), rng.choice(ids)[:5], "+1", "+2", "-1", "-2", "-9"]
    targets += [f"{some}+1", f"{some}-1", f"{some}+2", f"{some}-2", f"{some}@head", "zzzzzz", f"{some}@base"]
    targets += [f"{some}@+1", f"{some}@-1", "head-1", "base+1", "heads-1", "current", "current+1"]
    for label in labels[:2]:
        targets += [f"{label}@head", f"{label}@base", f"{label}@+1", f"{label}@-1", label, f"{label}@{some}"]
        targets += [f"{label}@head-1", f"{label}@{some}+1", f"{label}@{some}-1", f"{label}@heads", f"{label}-1"]
    if kind == "stamp":
        targets = [t for t in targets if "+" not in t and "-" not in t]
    if kind == "downgrade":
        targets = [t for t in targets if not t.endswith(("@head", "@heads", "@" + some))]
    return rng.sample(targets, min(8, len(targets)))


def make_questions(rng: random.Random, rows: list[Row]) -> Iterator[Row]:
    """Yield [kind, arguments…] of everything that is asked of a graph."""
    ids = [row[0] for row in rows]
    yield ["shape"]
    for ident in make_idents(rng, rows):
        yield ["resolve", ident]
        if rng.random() < 0.3:
            yield ["one", ident]
    for label in sorted(label for row in rows for label in row[3]):
        yield ["current_head", label]
    yield ["current_head", None]
    for _ in range(4):
        upper = rng.choice(("heads", "head", rng.choice(ids), rng.choice(ids)))
        lower = rng.choice(("base", rng.choice(ids), rng.choice(ids)))
        yield ["range", upper, lower]
    for kind in ("upgrade", "downgrade", "stamp"):
        for target in make_targets(rng, rows, kind):
            heads = real_heads_of(rows, set(rng.sample(ids, rng.choice((0, 1, 1, min(2, len(ids)))))))
            yield [kind, heads, target]
    heads = real_heads_of(rows, set(rng.sample(ids, min(2, len(ids)))))
    yield ["current", heads]


class Answers:
    """The reference library's answers about one graph."""

    def __init__(self, rows: list[Row], engine: Any) -> None:
        revision = import_module(LIBRARY + ".script.revision")
        base = import_module(LIBRARY + ".script.base")
        self.migration = import_module(LIBRARY + ".runtime.migration")
        self.engine = engine
        scripts = []
        for id_, parents, deps, labels in rows:
            module = ModuleType(id_)
            module.__dict__.update(
                revision=id_,
                down_revision=scalar(parents),
                depends_on=scalar(deps),
                branch_labels=scalar(labels),
                upgrade=upgrade,
                downgrade=downgrade,
                __doc__=f"message {id_}",
            )
            scripts.append(base.Script(module, id_, f"{id_}.py"))
        self.directory = base.ScriptDirectory(".")
        self.map = self.directory.revision_map = revision.RevisionMap(lambda: scripts)

    def shape(self) -> Any:
        map_ = self.map
        every = list(self.directory.walk_revisions())
        return {
            "heads": list(map_.heads),
            "bases": list(map_.bases),
            "real_heads": sorted(map_._real_heads),
            "real_bases": sorted(map_._real_bases),
            "walk": [r.revision for r in every],
            "branch_points": [r.revision for r in every if r.is_branch_point],
            "merge_points": [r.revision for r in every if r.is_merge_point],
            "labels": {r.revision: sorted(r.branch_labels) for r in every},
        }

    def resolve(self, ident: str) -> Any:
        return [r and r.revision for r in self.directory.get_revisions(ident)]

    def one(self, ident: str) -> Any:
        found = self.directory.get_revision(ident)
        return found and found.revision

    def current_head(self, label: str | None) -> Any:
        return self.map.get_current_head(label)

    def range(self, upper: str, lower: str) -> Any:
        return [r.revision for r in self.directory.walk_revisions(lower, upper)]

    def current(self, heads: list[str]) -> Any:
        return sorted(r.revision for r in self.directory.get_all_current(tuple(heads)))

    def upgrade(self, heads: list[str], target: str) -> Any:
        return self.run(heads, lambda rev, _: self.directory._upgrade_revs(target, rev))

    def downgrade(self, heads: list[str], target: str) -> Any:
        return self.run(heads, lambda rev, _: self.directory._downgrade_revs(target, rev))

    def stamp(self, heads: list[str], target: str) -> Any:
        return self.run(heads, lambda rev, _: self.directory._stamp_revs(target, rev))

    def run(self, heads: list[str], fn: Callable[[Any, Any], Any]) -> Any:
        """Run a plan against a version table that holds `heads`; return each step."""
        applied = []

        def applied_step(*, ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
            applied.append([list(step.up_revision_ids), list(step.down_revision_ids), sorted(heads)])

        with self.engine.connect() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
            connection.commit()
            opts = {"fn": fn, "on_version_apply": [applied_step], "script": self.directory}
            context = self.migration.MigrationContext.configure(connection, opts=opts)
            context._ensure_version_table()
            for head in heads:
                connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (head,))
            logs: list[str] = []
            plan = list(fn(context.get_current_heads(), context))
            logs = [str(step) for step in plan]
            context.run_migrations()
            connection.rollback()
        return [logs, applied]


def upgrade() -> None:
    """Change nothing: only the plan and the version table matter."""


def downgrade() -> None:
    """Change nothing, the other way."""


def scalar(value: list[str]) -> Any:
    """Return what a file says: None, a string, or a tuple."""
    return None if not value else value[0] if len(value) == 1 else tuple(value)


def answer(rows: list[Row], engine: Any, question: Row) -> Any:
    """Return the answer, or {"class": class, "error": text}."""
    try:
        return getattr(Answers(rows, engine), question[0])(*question[1:])
    except Exception as error:
        return {"class": type(error).__name__, "error": str(error)}


def ask_all() -> list[Any]:
    """Return [rows, [[question, answer]…]] of every graph."""
    warnings.simplefilter("ignore")
    engine = import_module("sqlalchemy").create_engine("sqlite://")
    rng = random.Random(20)
    asked = []
    for _ in range(GRAPHS):
        rows = make_rows(rng)
        asked.append([rows, [[q, answer(rows, engine, q)] for q in make_questions(rng, rows)]])
    return asked


def main(directory: str | None = None) -> None:
    """Ask under each hash seed and write the file."""
    runs = []
    for seed in HASH_SEEDS:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, __file__, "--ask"]
        runs.append(json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout))
    graphs = []
    for number, (rows, asked) in enumerate(runs[0]):
        merged = []
        for index, (question, _) in enumerate(asked):
            answers: list[Any] = []
            for run in runs:
                if run[number][1][index][1] not in answers:
                    answers.append(run[number][1][index][1])
            merged.append([question, answers])
        graphs.append({"rows": rows, "asked": merged})
    content = {"library": LIBRARY, "version": import_module(LIBRARY).__version__}
    path = Path(directory or ROOT / "tests" / "golden") / "revisions.json"
    lines = ",\n".join(json.dumps(graph, separators=(",", ":")) for graph in graphs)
    path.write_text(f'{json.dumps(content)[:-1]}, "graphs": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    if sys.argv[1:] == ["--ask"]:
        json.dump(ask_all(), sys.stdout)
    else:
        main(*sys.argv[1:])
