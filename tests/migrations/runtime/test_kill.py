"""Runs that are killed, fail or lose their connection on the way, and the run that finishes the work."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import create_engine, event, exc
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime.journal import journal_table_name
from pyorm.migrations.util.exc import CommandError
from tests.conftest import CLEAN, Database, PostgresDatabase
from tests.migrations.runtime.graph import Graph, Rev
from tests.migrations.runtime.runs import DEADLINE_S, migrate, migrate_url, versions
from tests.migrations.runtime.victim import main, make_graph

CATALOG = {
    "sqlite": "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2",
    "postgresql": """
    SELECT c.relname, c.relkind, i.indisvalid, pg_get_indexdef(i.indexrelid), array_agg(format('%s %s %s', a.attname,
           format_type(a.atttypid, a.atttypmod), a.attnotnull) ORDER BY a.attnum)
      FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 GROUP BY 1, 2, 3, 4 ORDER BY 1""",
}
ROWS = (
    "SELECT * FROM people ORDER BY id",
    "SELECT * FROM feelings ORDER BY person, mood",
    "SELECT version_num FROM alembic_version",
)
ENUM = "SELECT enumlabel FROM pg_enum ORDER BY enumsortorder"


@pytest.fixture(scope="session")
def spawn() -> Any:
    """Return the context that forks processes from a server with one thread, which has everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.migrations.runtime.victim"])
    return context


def state(db: Database) -> list[Any]:
    """Return everything that a finished run has made."""
    found = [db.rows(CATALOG[db.name]), *(db.rows(query) for query in ROWS)]
    return [*found, db.rows(ENUM)] if db.name == "postgresql" else found


def clean(db: Database) -> None:
    """Remove what a run has made."""
    if db.name == "postgresql":
        db.script(CLEAN)
    else:
        db.path.unlink()  # type: ignore[attr-defined]


def statements(db: Database) -> int:
    """Run undisturbed, and return how many statements there were on the connection that migrates."""
    count = 0

    def counted(*_args: Any) -> None:
        nonlocal count
        count += 1

    engine = create_engine(db.url)
    with engine.connect() as connection:
        event.listen(connection, "before_cursor_execute", counted)
        migrate(connection, make_graph(db.name), "c")
    engine.dispose()
    return count


def kill_points(total: int) -> Iterator[tuple[int, str]]:
    """Yield where to kill: at every second statement, by turns before it is sent and after its answer came."""
    for at in range(1, total + 1, 2):
        yield at, "before" if at % 4 == 1 else "after"


def test_the_next_run_finishes_what_a_killed_one_has_begun(db: Database, spawn: Any) -> None:
    total = statements(db)
    expected = state(db)
    assert total > 30

    for at, when in kill_points(total):
        clean(db)
        victim = spawn.Process(target=main, args=(db.url, db.name, at, when))
        victim.start()
        victim.join(DEADLINE_S)
        assert victim.exitcode == -signal.SIGKILL, (at, when, victim.exitcode)
        migrate_url(db.url, make_graph(db.name), "c")
        assert state(db) == expected, (at, when)


def test_a_run_that_is_killed_again_and_again_comes_to_the_end(db: Database, spawn: Any) -> None:
    total = statements(db)
    expected = state(db)
    clean(db)

    for at in range(10, total, 9):
        victim = spawn.Process(target=main, args=(db.url, db.name, at, "after"))
        victim.start()
        victim.join(DEADLINE_S)
        assert victim.exitcode in (0, -signal.SIGKILL)
    migrate_url(db.url, make_graph(db.name), "c")

    assert state(db) == expected


def broken_once(fails: list[bool], statement: str) -> Any:
    """Return a revision whose last statement fails the first time."""

    def work(op: Operations) -> None:
        op.execute("CREATE TABLE one (id INTEGER)")
        op.get_bind().exec_driver_sql("INSERT INTO one VALUES (1)")
        with op.get_context().autocommit_block():
            op.execute("INSERT INTO one VALUES (2)")
            op.execute(statement)
        op.execute("INSERT INTO one VALUES (3)")
        op.execute("oops" if fails else "INSERT INTO one VALUES (4)")

    return work


def test_a_failed_statement_behind_a_block_is_corrected_and_the_rest_run(db: Database) -> None:
    fails = [True]
    graph = Graph(Rev("a", None, broken_once(fails, "INSERT INTO one VALUES (20)")))

    with pytest.raises(exc.DBAPIError, match="oops"):
        migrate_url(db.url, graph, "a")
    assert db.rows(f"SELECT revision, direction, ops, running FROM {journal_table_name('alembic_version')}") == [
        ("a", "upgrade", "3", "0")
    ]
    fails.clear()
    migrate_url(db.url, graph, "a")

    assert db.rows("SELECT id FROM one ORDER BY id") == [("1",), ("2",), ("3",), ("4",), ("20",)]


def test_the_journal_of_a_version_table_with_a_long_name_is_found_again(db: Database) -> None:
    fails, name = [True], "versions_of_a_program_whose_name_is_as_long_as_names_may_be_v2"
    graph = Graph(Rev("a", None, broken_once(fails, "INSERT INTO one VALUES (20)")))

    with pytest.raises(exc.DBAPIError, match="oops"):
        migrate_url(db.url, graph, "a", version_table=name, version_table_pk=False)
    fails.clear()
    migrate_url(db.url, graph, "a", version_table=name, version_table_pk=False)

    assert db.rows("SELECT id FROM one ORDER BY id") == [("1",), ("2",), ("3",), ("4",), ("20",)]
    assert journal_table_name("v") == "v_journal"
    assert len(journal_table_name(name)) < 60


def test_a_script_that_was_changed_in_its_committed_part_is_refused(db: Database) -> None:
    with pytest.raises(exc.DBAPIError):
        migrate_url(db.url, Graph(Rev("a", None, broken_once([True], "INSERT INTO one VALUES (20)"))), "a")

    with pytest.raises(CommandError, match=r"upgrade of a was broken off after 3 operations .* `stamp a`"):
        migrate_url(db.url, Graph(Rev("a", None, broken_once([], "INSERT INTO one VALUES (21)"))), "a")
    with pytest.raises(CommandError, match=r"upgrade of a was broken off after 3 operations .* `stamp a`"):
        migrate_url(db.url, Graph(Rev("a", None, lambda op: op.execute("CREATE TABLE one (id INTEGER)"))), "a")

    assert db.rows("SELECT id FROM one ORDER BY id") == [("1",), ("2",), ("20",)]


def test_nothing_else_is_run_while_a_revision_is_half_applied(db: Database) -> None:
    half = Rev("b", "a", broken_once([True], "INSERT INTO one VALUES (20)"))
    with pytest.raises(exc.DBAPIError):
        migrate_url(db.url, Graph(Rev("a"), half), "b")
    graph = Graph(Rev("a"), half, Rev("x"))

    with pytest.raises(CommandError, match=r"upgrade of b was broken off .* Finish it first"):
        migrate_url(db.url, graph, "x")
    with pytest.raises(CommandError, match="Finish it first"):
        migrate_url(db.url, graph, plan=graph.downgrade())

    assert versions(db) == ["a"]


def test_an_index_that_failed_is_dropped_and_built_again(pg_db: PostgresDatabase) -> None:
    def work(op: Operations) -> None:
        op.execute("CREATE TABLE one (id INTEGER)")
        op.execute("INSERT INTO one VALUES (1), (1)")
        op.create_index("one_id", "one", ["id"], unique=True, postgresql_concurrently=True, if_not_exists=True)

    with pytest.raises(exc.UniqueViolation):
        migrate_url(pg_db.url, Graph(Rev("a", None, work)), "a")
    assert pg_db.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_id'::regclass") == [("f",)]
    pg_db.script("DELETE FROM one WHERE ctid = '(0,2)'")
    migrate_url(pg_db.url, Graph(Rev("a", None, work)), "a")

    assert pg_db.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_id'::regclass") == [("t",)]
    assert pg_db.rows("SELECT to_regclass('alembic_version_journal')") == [(None,)]


def test_a_lost_connection_is_an_error_and_the_next_run_goes_on(pg_db: PostgresDatabase) -> None:
    loses = [True]

    def work(op: Operations) -> None:
        op.execute("CREATE TABLE one (id INTEGER)")
        with op.get_context().autocommit_block():
            op.execute("CREATE INDEX CONCURRENTLY one_id ON one (id)")
        op.execute("INSERT INTO one VALUES (1)")
        if loses:
            op.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        op.execute("INSERT INTO one VALUES (2)")

    graph = Graph(Rev("a", None, work))
    with pytest.raises(exc.Disconnected):
        migrate_url(pg_db.url, graph, "a")
    loses.clear()
    migrate_url(pg_db.url, graph, "a")

    assert pg_db.rows("SELECT id FROM one ORDER BY id") == [("1",), ("2",)]
    assert versions(pg_db) == ["a"]


def test_a_statement_whose_end_nobody_can_tell_is_not_guessed(pg_db: PostgresDatabase) -> None:
    pg_db.script("CREATE PROCEDURE fails() LANGUAGE plpgsql AS $$ BEGIN COMMIT; RAISE 'fails'; END $$")

    def work(op: Operations) -> None:
        with op.get_context().autocommit_block():
            op.execute("CALL fails()")

    graph = Graph(Rev("a", None, work))
    with pytest.raises(exc.DBAPIError, match="fails"):
        migrate_url(pg_db.url, graph, "a")
    with pytest.raises(CommandError, match=r"broken off while it executed 'CALL fails\(\)'.* running = 0"):
        migrate_url(pg_db.url, graph, "a")
    pg_db.script("UPDATE alembic_version_journal SET running = 0, ops = ops + 1, digest = ''")
    migrate_url(pg_db.url, graph, "a")

    assert versions(pg_db) == ["a"]


def test_a_process_of_the_server_that_still_works_for_the_dead_is_waited_for(
    pg_db: PostgresDatabase, spawn: Any
) -> None:
    pg_db.script("CREATE TABLE counts (n int); INSERT INTO counts VALUES (0); CREATE TABLE gate (id int)")
    blocker = create_engine(pg_db.url)
    with blocker.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE gate")
        victim = spawn.Process(target=wait_in_a_block, args=(pg_db.url,))
        victim.start()
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'UPDATE counts%' AND wait_event_type = 'Lock'"
        while pg_db.rows(query) == [("0",)]:
            assert victim.is_alive()
        victim.kill()
        victim.join(DEADLINE_S)

        with pytest.raises(CommandError, match=r"process \d+ of \w+ is still at work for a deployer that is gone"):
            migrate_url(pg_db.url, counting_graph(), "a", lock_wait=0.6)
        connection.rollback()
    blocker.dispose()
    migrate_url(pg_db.url, counting_graph(), "a")

    assert pg_db.rows("SELECT n FROM counts") == [("1",)]


def counting_graph() -> Graph:
    """Return a revision that adds one to a counter, in an autocommit block, when it gets through a gate."""

    def work(op: Operations) -> None:
        with op.get_context().autocommit_block():
            op.execute("UPDATE counts SET n = n + (SELECT 1 + count(*) FROM gate)")

    return Graph(Rev("a", None, work))


def wait_in_a_block(url: str) -> None:
    """Run it, in a process of its own."""
    migrate_url(url, counting_graph(), "a", lock_timeout="off")
