"""Two to eight deployers at once, threads and processes: everything is applied once, and nothing is left behind."""

from __future__ import annotations

import multiprocessing
import random
from typing import Any

import pytest

from pyorm.migrations.operations import Operations
from tests.conftest import Database, PostgresDatabase, SqliteDatabase
from tests.migrations.runtime.graph import Graph, Rev
from tests.migrations.runtime.runs import DEADLINE_S, Runner, migrate_url, versions

RACES, RACES_A_TEST = 100, 10
LEFT_BEHIND = """
SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database
        WHERE datname = current_database())),
       (SELECT count(*) FROM pg_index WHERE NOT indisvalid),
       to_regclass('alembic_version_journal')"""


def race_graph(kind: str) -> Graph:
    """Return two revisions that each count how often they ran; the second has a block."""

    def first(op: Operations) -> None:
        op.execute("CREATE TABLE runs (revision TEXT, step TEXT)")
        op.execute("INSERT INTO runs VALUES ('a', 'only')")

    def second(op: Operations) -> None:
        op.execute("INSERT INTO runs VALUES ('b', 'before')")
        with op.get_context().autocommit_block():
            op.execute("INSERT INTO runs VALUES ('b', 'inside')")
            if kind == "postgresql":
                op.execute("CREATE INDEX CONCURRENTLY runs_index ON runs (revision)")
        op.get_bind().exec_driver_sql("INSERT INTO runs VALUES ('b', 'after')")

    return Graph(Rev("a", None, first), Rev("b", "a", second))


def deploy(url: str, kind: str) -> None:
    """Deploy, in a process of its own."""
    migrate_url(url, race_graph(kind), "b", lock_wait=60)


def race(db: Database, context: Any, chance: random.Random) -> None:
    """Let two to eight deployers go at once; some of them processes."""
    racers: list[Any] = []
    for _ in range(chance.choice((2, 2, 2, 3, 3, 4, 8))):
        if chance.random() < 0.3:
            process = context.Process(target=deploy, args=(db.url, db.name))
            process.start()
            racers.append(process)
        else:
            racers.append(Runner(db.url, race_graph(db.name), "b", lock_wait=60))
    for racer in racers:
        if isinstance(racer, Runner):
            racer.result()
        else:
            racer.join(DEADLINE_S)
            assert racer.exitcode == 0


@pytest.mark.thread
@pytest.mark.parametrize("part", range(RACES // RACES_A_TEST // 2))
def test_everything_is_applied_once_when_several_deploy_at_once(db: Database, part: int) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.migrations.runtime.victim", __name__])
    chance = random.Random(part)

    for _ in range(RACES_A_TEST):
        race(db, context, chance)
        expected = [("a", "only"), ("b", "after"), ("b", "before"), ("b", "inside")]
        assert db.rows("SELECT revision, step FROM runs ORDER BY 1, 2") == expected
        assert versions(db) == ["b"]
        if isinstance(db, PostgresDatabase):
            assert db.rows(LEFT_BEHIND) == [("0", "0", None)]
            db.script("DROP TABLE runs, alembic_version")
        elif isinstance(db, SqliteDatabase):
            assert [path.name for path in db.path.parent.iterdir()] == [db.path.name]
            db.path.unlink()
