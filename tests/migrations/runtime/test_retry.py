"""Locks of tables that are not to be had at once: short waits, tries again, and who is in the way."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pyorm import Engine, create_engine, exc, text
from pyorm.migrations import context
from pyorm.migrations.config import Config
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime import retry
from pyorm.migrations.runtime.environment import EnvironmentContext
from pyorm.migrations.runtime.options import RunOptions, seconds
from pyorm.migrations.util.exc import CommandError
from tests.conftest import PostgresDatabase, SqliteDatabase
from tests.migrations.runtime.graph import Graph, Rev
from tests.migrations.runtime.runs import DEADLINE_S, migrate, migrate_url, until, versions


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let watching and pausing take a tenth of the time."""
    monkeypatch.setattr(retry, "WATCH_S", 0.05)
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.05)


class Hint(logging.Handler):
    """Sets an event when a message with a text is logged."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted, self.event = wanted, threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self.wanted in record.getMessage():
            self.event.set()


@contextmanager
def blocked(url: str, statement: str, until: str) -> Iterator[None]:
    """Hold what a statement locks until a message is logged, or the block ends."""
    hint = Hint(until)
    logging.getLogger("pyorm.migrations").addHandler(hint)
    engine = create_engine(url, connect_args={"application_name": "the blocker"})
    holds, stop = threading.Event(), threading.Event()

    def hold() -> None:
        with engine.connect() as connection:
            connection.execute(text(statement))
            holds.set()
            while not hint.event.wait(0.02) and not stop.is_set():
                pass

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert holds.wait(DEADLINE_S)
    try:
        yield
    finally:
        stop.set()
        thread.join()
        engine.dispose()
        logging.getLogger("pyorm.migrations").removeHandler(hint)


def adding_graph(calls: list[str]) -> Graph:
    """Return two revisions; the second changes the table of the first."""

    def second(op: Operations) -> None:
        calls.append("b")
        op.execute("CREATE TABLE two (id INTEGER)")
        op.execute("ALTER TABLE one ADD COLUMN more INTEGER")

    return Graph(Rev("a", None, lambda op: op.execute("CREATE TABLE one (id INTEGER)")), Rev("b", "a", second))


@pytest.mark.parametrize("per_migration", [False, True])
def test_a_transaction_is_tried_again_and_told_who_was_in_the_way(
    pg_db: PostgresDatabase, caplog: pytest.LogCaptureFixture, per_migration: bool
) -> None:
    calls: list[str] = []
    migrate_url(pg_db.url, adding_graph(calls), "a")
    caplog.set_level(logging.INFO, "pyorm.migrations")

    with blocked(pg_db.url, "SELECT count(*) AS people_who_read FROM one", until="try 2 follows"):
        migrate_url(
            pg_db.url, adding_graph(calls), "b", lock_timeout="250ms", transaction_per_migration=per_migration
        )

    assert len(calls) >= 2
    assert versions(pg_db) == ["b"]
    assert pg_db.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'one'::regclass AND attnum > 0") == [
        ("id",),
        ("more",),
    ]
    told = next(record.getMessage() for record in caplog.records if "try 2 follows" in record.getMessage())
    assert "the blocker, idle in transaction, in a transaction since 20" in told
    assert "people_who_read" in told


def test_it_gives_up_in_the_end_and_leaves_nothing(pg_db: PostgresDatabase, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[str] = []
    migrate_url(pg_db.url, adding_graph(calls), "a")

    with (
        blocked(pg_db.url, "SELECT FROM one", until="never"),
        pytest.raises(exc.LockTimeout),
    ):
        migrate_url(pg_db.url, adding_graph(calls), "b", lock_timeout=0.1, lock_retry="300ms")

    assert versions(pg_db) == ["a"]
    assert pg_db.rows("SELECT to_regclass('two')") == [(None,)]
    assert any("Gave up after" in record.getMessage() for record in caplog.records)


def test_what_a_block_committed_is_not_done_twice_when_the_rest_is_tried_again(pg_db: PostgresDatabase) -> None:
    migrate_url(pg_db.url, adding_graph([]), "a")

    def work(op: Operations) -> None:
        op.execute("CREATE TABLE two (id INTEGER)")
        op.get_bind().execute(text("INSERT INTO two VALUES (1)"))
        with op.get_context().autocommit_block():
            op.execute("INSERT INTO two VALUES (2)")
        op.execute("INSERT INTO two VALUES (3)")
        op.execute("ALTER TABLE one ADD COLUMN more INTEGER")

    with blocked(pg_db.url, "SELECT FROM one", until="try 2 follows"):
        migrate_url(pg_db.url, Graph(Rev("a"), Rev("b", "a", work)), "b", lock_timeout="200ms")

    assert pg_db.rows("SELECT id FROM two ORDER BY id") == [("1",), ("2",), ("3",)]
    assert pg_db.rows("SELECT to_regclass('alembic_version_journal')") == [(None,)]


def test_a_deadlock_is_tried_again(pg_db: PostgresDatabase, caplog: pytest.LogCaptureFixture) -> None:
    pg_db.script("CREATE TABLE one (id int); CREATE TABLE two (id int)")
    has_two, waits = threading.Event(), threading.Event()
    engine = create_engine(pg_db.url)

    def lock_both() -> None:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL deadlock_timeout = '60s'"))
            connection.execute(text("LOCK TABLE one"))
            waits.set()
            assert has_two.wait(DEADLINE_S)
            connection.execute(text("LOCK TABLE two"))

    def work(op: Operations) -> None:
        assert waits.wait(DEADLINE_S)
        op.execute("SET LOCAL deadlock_timeout = '200ms'")
        op.execute("ALTER TABLE two ADD COLUMN more int")
        has_two.set()
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'two'::regclass"
        until(lambda: tries or pg_db.rows(query) == [("1",)])
        tries.append(1)
        op.execute("ALTER TABLE one ADD COLUMN more int")

    tries: list[int] = []
    other = threading.Thread(target=lock_both)
    other.start()
    migrate_url(pg_db.url, Graph(Rev("a", None, work)), "a", lock_timeout="20s")
    other.join(DEADLINE_S)
    engine.dispose()

    assert len(tries) == 2
    assert versions(pg_db) == ["a"]


def test_a_long_wait_outside_of_a_transaction_is_told(
    pg_db: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "TELL_S", 0.2)
    pg_db.script("CREATE TABLE three (id int)")

    def work(op: Operations) -> None:
        with op.get_context().autocommit_block():
            op.execute("CREATE INDEX CONCURRENTLY three_id ON three (id)")

    with blocked(pg_db.url, "INSERT INTO three VALUES (1)", until="Still waiting; in the way: process"):
        migrate_url(pg_db.url, Graph(Rev("a", None, work)), "a")

    assert versions(pg_db) == ["a"]


def test_the_callers_transaction_is_not_tried_again(pg_db: PostgresDatabase) -> None:
    calls: list[str] = []
    migrate_url(pg_db.url, adding_graph(calls), "a")
    engine = create_engine(pg_db.url)

    with (
        blocked(pg_db.url, "SELECT FROM one", until="never"),
        pytest.raises(exc.LockTimeout),
        engine.begin() as connection,
    ):
        connection.execute(text("SET lock_timeout = '100ms'"))
        migrate(connection, adding_graph(calls), "b")

    assert calls == ["b"]
    engine.dispose()


@pytest.mark.parametrize(
    ("session", "option", "expected"),
    [(None, None, "3s"), ("7s", None, "7s"), ("7s", "5s", "5s"), (None, "off", "0"), (None, 0.25, "250ms")],
)
def test_lock_timeout_is_three_seconds_unless_somebody_says_otherwise(
    pg_db: PostgresDatabase, session: str | None, option: Any, expected: str
) -> None:
    seen: list[str] = []

    def work(op: Operations) -> None:
        seen.append(op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar())

    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        if session is not None:
            connection.execute(text(f"SET lock_timeout = '{session}'"))
            connection.commit()
        migrate(connection, Graph(Rev("a", None, work)), "a", **({} if option is None else {"lock_timeout": option}))
        after = connection.exec_driver_sql("SHOW lock_timeout").scalar()
    engine.dispose()

    assert seen == [expected]
    assert after == (session or "0")


def test_a_busy_sqlite_database_is_tried_again(sqlite_db: SqliteDatabase, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyorm.migrations")
    writer = sqlite3.connect(sqlite_db.path, check_same_thread=False)
    writer.execute("CREATE TABLE other (id)")
    writer.execute("BEGIN IMMEDIATE")
    hint = Hint("try 2 follows")
    logging.getLogger("pyorm.migrations").addHandler(hint)
    release = threading.Thread(target=lambda: (hint.event.wait(DEADLINE_S), writer.rollback()))
    release.start()

    migrate_url(f"{sqlite_db.url}?timeout=0.1", adding_graph([]), "b")

    release.join()
    logging.getLogger("pyorm.migrations").removeHandler(hint)
    writer.close()
    assert versions(sqlite_db) == ["b"]


def test_times_are_read_with_their_units() -> None:
    assert [seconds("x", value) for value in ("3s", "250ms", "15min", "1h", "2", 4, 0.5, "1.5s", "10 m")] == [
        3.0, 0.25, 900.0, 3600.0, 2.0, 4.0, 0.5, 1.5, 600.0,
    ]  # fmt: skip
    assert [seconds("x", value) for value in ("off", "0", 0, "none", False, "0ms")] == [None] * 6
    for wrong in ("soon", "3 parsecs", "-1s", ""):
        with pytest.raises(CommandError, match="The option lock_wait is a time such as 3s"):
            seconds("lock_wait", wrong)


def options_of(engine: Engine, config: Config, **opts: Any) -> RunOptions:
    """Return the options of a run that an env.py would configure."""
    with engine.connect() as connection, EnvironmentContext(config, None):
        context.configure(connection=connection, **opts)
        return RunOptions.of(context.get_context())


def test_options_come_from_the_file_where_configure_says_nothing(engine: Engine, tmp_path: Path) -> None:
    ini = tmp_path / "alembic.ini"
    ini.write_text("[alembic]\nlock_timeout = 9s\nlock_wait = 1min\ndeploy_lock = no\nlock_retry = off\n")
    assert options_of(engine, Config(ini), lock_timeout="1s") == RunOptions(
        deploy_lock=False, lock_wait_s=60.0, lock_timeout_s=1.0, lock_timeout_given=True, lock_retry_s=0.0
    )
    toml = tmp_path / "pyproject.toml"
    own = 'script_location = "x"\nlock_timeout = 2\ndeploy_lock = false\nlock_url = "postgresql:///direct"\n'
    toml.write_text(f"[tool.pyorm]\n{own}")
    assert options_of(engine, Config(toml_file=toml)) == RunOptions(
        deploy_lock=False, lock_url="postgresql:///direct", lock_timeout_s=2.0, lock_timeout_given=True
    )
    assert options_of(engine, Config()) == RunOptions()
    with pytest.raises(CommandError, match="deploy_lock is on or off, not 'perhaps'"):
        options_of(engine, Config(), deploy_lock="perhaps")
