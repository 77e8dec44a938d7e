"""Several deployers: one works, the others wait, then find that nothing is left to do."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest

from pyorm import Engine, create_engine, exc
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime.lock import POLL_S, FileLock, lock_key
from pyorm.migrations.util.exc import CommandError
from tests.conftest import Database, PostgresDatabase, SqliteDatabase
from tests.migrations.runtime.graph import Graph, Rev
from tests.migrations.runtime.runs import DEADLINE_S, Pause, Runner, migrate, migrate_url, until, versions


def pausing_graph(pause: Pause) -> Graph:
    """Return two revisions; the first stops at a point after it has made a table."""

    def first(op: Operations) -> None:
        op.execute("CREATE TABLE one (id INTEGER PRIMARY KEY)")
        op.execute("INSERT INTO one VALUES (1)")
        pause.here()

    return Graph(Rev("a", None, first), Rev("b", "a", lambda op: op.execute("CREATE TABLE two (id INTEGER)")))


def waiting(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what waiting deployers have told."""
    messages = [record.getMessage() for record in caplog.records]
    return [message for message in messages if message.startswith("Waiting for another deployer")]


def test_the_second_deployer_waits_and_does_nothing(
    db: Database, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pyorm.migrations")
    pause = Pause()
    graph = pausing_graph(pause)

    first = Runner(url, graph, "b")
    pause.wait()
    second = Runner(url, graph, "b")
    until(lambda: waiting(caplog))
    pause.go_on()
    first.result()
    second.result()

    assert versions(db) == ["b"]
    assert db.rows("SELECT count(*) FROM one") == [("1",)]
    steps = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Running")]
    assert steps == ["Running upgrade  -> a", "Running upgrade a -> b"]
    told = waiting(caplog)[0]
    assert "since 20" in told
    if db.name == "sqlite":
        assert f"process {os.getpid()}" in told
        assert "upgrade  -> a" in told
    else:
        assert "pyorm migrations: upgrade  -> a" in told
        assert "this machine" in told


def test_waiting_ends_with_an_error_that_names_the_holder(db: Database, url: str) -> None:
    pause = Pause()
    graph = pausing_graph(pause)

    first = Runner(url, graph, "b")
    pause.wait()
    with pytest.raises(CommandError, match=r"holds the migration lock for 0.5 s: process \d+.*lock_wait"):
        migrate_url(url, graph, "b", lock_wait="500ms")
    pause.go_on()
    first.result()

    assert versions(db) == ["b"]


def test_a_database_at_its_head_is_left_alone_without_the_lock(db: Database, url: str) -> None:
    graph = Graph(Rev("a", None, lambda op: op.execute("CREATE TABLE one (id INTEGER)")))
    migrate_url(url, graph, "a")
    pause = Pause()
    more = Graph(*graph.revs.values(), Rev("b", "a", lambda op: pause.here()))
    other = Runner(url, more, "b")
    pause.wait()

    began = time.monotonic()
    migrate_url(url, graph, "a", lock_wait=0.01)

    assert time.monotonic() - began < DEADLINE_S
    pause.go_on()
    other.result()
    assert versions(db) == ["b"]


def test_runs_for_different_version_tables_do_not_wait_for_each_other(pg_db: PostgresDatabase) -> None:
    pause = Pause()
    other = Runner(pg_db.url, pausing_graph(pause), "a", version_table="theirs")
    pause.wait()

    graph = Graph(Rev("z", None, lambda op: op.execute("CREATE TABLE z (id INTEGER)")))
    migrate_url(pg_db.url, graph, "z", lock_wait=0.01)
    pause.go_on()
    other.result()

    assert versions(pg_db) == ["z"]
    assert lock_key("db", "public.alembic_version") != lock_key("db", "public.theirs")
    assert -(2**63) <= lock_key("db", "x") < 2**63


def test_without_the_lock_the_loser_is_told_what_happened(pg_db: PostgresDatabase) -> None:
    graph = Graph(Rev("a"), Rev("b", "a"))
    migrate_url(pg_db.url, graph, "a")
    pause = Pause()
    slow = Graph(Rev("a"), Rev("b", "a", lambda op: pause.here()))
    loser = Runner(pg_db.url, slow, "b", deploy_lock="off")
    pause.wait()

    migrate_url(pg_db.url, graph, "b", deploy_lock=False)
    pause.go_on()

    with pytest.raises(CommandError, match=r"updating 'a' to 'b' in 'alembic_version'; 0 found\. Another deployer"):
        loser.result()


def test_a_run_in_the_callers_transaction_excludes_others_until_its_commit(db: Database, engine: Engine) -> None:
    graph = Graph(Rev("a", None, lambda op: op.execute("CREATE TABLE one (id INTEGER)")))

    with engine.begin() as connection:
        migrate(connection, graph, "a")
        if db.name == "postgresql":
            with pytest.raises(CommandError, match="holds the migration lock"):
                migrate_url(db.url, graph, "a", lock_wait=0.3)
        else:
            with pytest.raises(exc.DatabaseBusy):
                migrate_url(f"{db.url}?timeout=0.1", graph, "a", lock_retry=0.1)
    migrate_url(db.url, graph, "a")

    assert versions(db) == ["a"]


def test_two_runs_in_callers_transactions_wait_for_each_other(pg_db: PostgresDatabase) -> None:
    graph = Graph(Rev("a", None, lambda op: op.execute("CREATE TABLE one (id INTEGER)")))
    one, two = create_engine(pg_db.url), create_engine(pg_db.url)
    with one.begin() as first, two.begin() as second:
        migrate(first, graph, "a")
        with pytest.raises(CommandError, match=r"process \d+"):
            migrate(second, graph, "a", lock_wait=0.1)
    one.dispose()
    two.dispose()


def test_a_lost_lock_stops_the_run_before_it_records_anything(pg_db: PostgresDatabase) -> None:
    def lose(op: Operations) -> None:
        op.execute("CREATE TABLE one (id INTEGER)")
        op.get_bind().exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pyorm migrations%'"
        )

    with pytest.raises(CommandError, match="holds the migration lock was lost"):
        migrate_url(pg_db.url, Graph(Rev("a", None, lose)), "a")

    assert pg_db.rows("SELECT to_regclass('one')") == [(None,)]


def test_a_released_lock_stops_the_run_and_points_at_poolers(
    pg_db: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyorm.migrations.runtime.lock import SessionLock

    held: list[SessionLock] = []
    acquire = SessionLock.acquire
    monkeypatch.setattr(SessionLock, "acquire", lambda self: (acquire(self), held.append(self)))

    def work(op: Operations) -> None:
        held[0].ask(f"SELECT pg_advisory_unlock({held[0].key})")

    with pytest.raises(CommandError, match="lock_url"):
        migrate_url(pg_db.url, Graph(Rev("a", None, work)), "a")


def test_the_lock_goes_over_a_url_of_its_own_where_one_is_given(pg_db: PostgresDatabase) -> None:
    seen: list[Any] = []

    def work(op: Operations) -> None:
        query = "SELECT usename, application_name FROM pg_stat_activity WHERE application_name LIKE 'pyorm migr%'"
        seen.extend(op.get_bind().exec_driver_sql(query).all())

    pg_db.script("DROP ROLE IF EXISTS locker; CREATE ROLE locker LOGIN SUPERUSER")
    migrate_url(
        pg_db.url, Graph(Rev("a", None, work)), "a", lock_url=pg_db.url.replace("postgres@", "locker@")
    )

    assert [tuple(row) for row in seen] == [("locker", "pyorm migrations: upgrade  -> a")]
    pg_db.script("DROP ROLE locker")


def test_who_waits_holds_up_no_index_that_is_built_concurrently(
    pg_db: PostgresDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "pyorm.migrations")
    pause = Pause()

    def work(op: Operations) -> None:
        op.execute("CREATE TABLE one (id INTEGER)")
        pause.here()
        with op.get_context().autocommit_block():
            op.execute("CREATE INDEX CONCURRENTLY one_id ON one (id)")

    graph = Graph(Rev("a", None, work))
    first = Runner(pg_db.url, graph, "a")
    pause.wait()
    second = Runner(pg_db.url, graph, "a")
    until(lambda: waiting(caplog))
    pause.go_on()
    first.result()
    second.result()

    assert pg_db.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_id'::regclass") == [("t",)]
    assert pg_db.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [("0",)]


def test_the_lock_file_is_beside_the_database_and_goes_with_the_run(sqlite_db: SqliteDatabase) -> None:
    told: list[Any] = []
    path = Path(f"{sqlite_db.path}.migrating")

    def work(op: Operations) -> None:
        told.append(json.loads(path.read_text()))

    migrate_url(sqlite_db.url, Graph(Rev("a", None, work)), "a")

    assert told[0]["pid"] == os.getpid()
    assert told[0]["step"] == "upgrade  -> a"
    assert not path.exists()


def test_a_lock_file_of_a_process_that_died_is_no_obstacle(sqlite_db: SqliteDatabase) -> None:
    Path(f"{sqlite_db.path}.migrating").write_text("left behind")

    migrate_url(sqlite_db.url, Graph(Rev("a")), "a", lock_wait=0.01)

    assert versions(sqlite_db) == ["a"]


def test_a_removed_lock_file_stops_the_run(sqlite_db: SqliteDatabase) -> None:
    def work(op: Operations) -> None:
        op.execute("CREATE TABLE one (id INTEGER)")
        Path(f"{sqlite_db.path}.migrating").unlink()

    with pytest.raises(CommandError, match=r"lock file .*test.db.migrating was removed"):
        migrate_url(sqlite_db.url, Graph(Rev("a", None, work)), "a")

    assert sqlite_db.rows("SELECT name FROM sqlite_schema") == []


def test_a_lock_file_is_given_to_one_of_two_that_see_it_removed(tmp_path: Path) -> None:
    first, second = (FileLock(str(tmp_path / "x.db"), 0.0) for _ in range(2))
    assert first.try_acquire()
    assert not second.try_acquire()
    assert str(os.getpid()) in second.holder()
    first.release()
    first.release()
    assert second.try_acquire()
    second.release()
    assert "x.db.migrating" in second.holder()
    assert POLL_S == 0.25


def test_a_database_in_memory_needs_no_lock() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        migrate(connection, Graph(Rev("a")), "a")
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "a"
    engine.dispose()
    assert not Path(":memory:.migrating").exists()
    assert not Path(".migrating").exists()
