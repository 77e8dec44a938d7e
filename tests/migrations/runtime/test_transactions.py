"""Transactions of runs: SQLite's foreign keys, a caller's connection, what stays and what goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Engine, create_engine, event, exc, text
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime import transactions
from pyorm.migrations.runtime.migration import MigrationContext
from pyorm.migrations.util import CommandError
from tests.conftest import Database, SqliteDatabase
from tests.migrations.runtime.graph import Graph, Rev
from tests.migrations.runtime.runs import migrate, versions

FAMILY = """
CREATE TABLE parent (id INTEGER PRIMARY KEY);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent ON DELETE CASCADE);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (10, 1);
"""


@pytest.fixture
def keyed(sqlite_db: SqliteDatabase) -> Iterator[Engine]:
    """An engine whose connections enforce foreign keys, on a parent with a child."""
    sqlite_db.script(FAMILY)
    engine = create_engine(sqlite_db.url)

    @event.listens_for(engine, "connect")
    def enforce(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.autocommit = True
        dbapi_connection.execute("PRAGMA foreign_keys=ON")
        dbapi_connection.autocommit = False

    yield engine
    engine.dispose()


def is_enforced(connection: Any) -> bool:
    """Return whether foreign keys are enforced on a connection, and leave no transaction behind."""
    found = connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    connection.rollback()
    return found


def remake_parent(op: Operations) -> None:
    """Make the parent anew as SQLite's documentation says."""
    assert op.get_bind().exec_driver_sql("PRAGMA foreign_keys").scalar() == 0
    op.execute("CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT)")
    op.execute("INSERT INTO parent_new (id) SELECT id FROM parent")
    op.execute("DROP TABLE parent")
    op.execute("ALTER TABLE parent_new RENAME TO parent")


def test_children_live_on_when_their_parents_table_is_made_anew(sqlite_db: SqliteDatabase, keyed: Engine) -> None:
    with keyed.connect() as connection:
        migrate(connection, Graph(Rev("a", None, remake_parent)), "a")

        assert is_enforced(connection)
    assert sqlite_db.rows("SELECT id, parent FROM child") == [("10", "1")]
    assert versions(sqlite_db) == ["a"]


def test_rows_that_refer_to_nothing_stop_the_commit(sqlite_db: SqliteDatabase, keyed: Engine) -> None:
    graph = Graph(Rev("a", None, lambda op: op.execute("DELETE FROM parent")))
    with keyed.connect() as connection:
        with pytest.raises(CommandError, match=r"refer to nothing: child rowid 10 -> parent\. Everything was rolled"):
            migrate(connection, graph, "a")

        assert is_enforced(connection)
    assert sqlite_db.rows("SELECT id FROM parent") == [("1",)]
    assert sqlite_db.rows("SELECT name FROM sqlite_schema WHERE name LIKE 'alembic%'") == []


def test_rows_that_referred_to_nothing_before_are_no_obstacle(sqlite_db: SqliteDatabase, keyed: Engine) -> None:
    sqlite_db.script("INSERT INTO child VALUES (11, 99)")
    with keyed.connect() as connection:
        migrate(connection, Graph(Rev("a", None, remake_parent)), "a")
    assert versions(sqlite_db) == ["a"]


def test_keys_are_enforced_again_when_a_run_fails(keyed: Engine) -> None:
    with keyed.connect() as connection:
        with pytest.raises(exc.DBAPIError, match="oops"):
            migrate(connection, Graph(Rev("a", None, lambda op: op.execute("oops"))), "a")

        assert is_enforced(connection)
        migrate(connection, Graph(Rev("a")), "a", transaction_per_migration=True)
        assert is_enforced(connection)


def test_keys_are_enforced_in_an_autocommit_block_but_not_in_its_transactions(keyed: Engine) -> None:
    seen: list[int] = []

    def ask(op: Operations) -> None:
        seen.append(op.get_bind().exec_driver_sql("PRAGMA foreign_keys").scalar())

    def work(op: Operations) -> None:
        ask(op)
        with op.get_context().autocommit_block():
            ask(op)
            op.execute("INSERT INTO parent VALUES (2)")
            ask(op)
            with pytest.raises(exc.ForeignKeyViolation):
                op.get_bind().exec_driver_sql("INSERT INTO child VALUES (11, 99)")
        ask(op)

    with keyed.connect() as connection:
        migrate(connection, Graph(Rev("a", None, work)), "a")
        assert seen == [0, 1, 1, 0]
        assert is_enforced(connection)


def test_a_pragma_without_effect_stops_the_run(keyed: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = transactions.ask_rows
    monkeypatch.setattr(
        transactions, "ask_rows", lambda connection, sql: [] if sql.endswith("=OFF") else ask(connection, sql)
    )
    with keyed.connect() as connection, pytest.raises(CommandError, match="foreign_keys=OFF had no effect"):
        migrate(connection, Graph(Rev("a", None, remake_parent)), "a")


def test_a_run_on_sqlite_takes_the_write_lock_before_it_reads(sqlite_db: SqliteDatabase) -> None:
    other = create_engine(f"{sqlite_db.url}?timeout=0.05")

    def work(op: Operations) -> None:
        with other.connect() as connection, pytest.raises(exc.DatabaseBusy):
            connection.execute(text("CREATE TABLE other (id INTEGER)"))

    engine = create_engine(sqlite_db.url)
    with engine.connect() as connection:
        before = connection._get_tx()
        migrate(connection, Graph(Rev("a", None, work)), "a")
        assert connection._get_tx() == before
    engine.dispose()
    other.dispose()


def test_statements_before_the_run_are_part_of_its_transaction(db: Database, engine: Engine) -> None:
    graph = Graph(Rev("a", None, lambda op: op.execute("oops")))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"fn": graph.upgrade("a")})
        with pytest.raises(exc.DBAPIError), context.begin_transaction():
            connection.execute(text("CREATE TABLE mine (id INTEGER)"))
            connection.execute(text("INSERT INTO mine VALUES (1)"))
            context.run_migrations(op=Operations(context))
        graph = Graph(Rev("a"))
        context = MigrationContext.configure(connection, opts={"fn": graph.upgrade("a")})
        with context.begin_transaction():
            connection.execute(text("CREATE TABLE yours (id INTEGER)"))
            connection.execute(text("INSERT INTO yours VALUES (1)"))
            context.run_migrations(op=Operations(context))

    assert db.rows("SELECT id FROM yours") == [("1",)]
    if db.name == "postgresql":
        assert db.rows("SELECT to_regclass('mine')") == [(None,)]


def test_a_run_without_anything_to_do_begins_nothing(db: Database, engine: Engine) -> None:
    graph = Graph(Rev("a"))
    begun: list[str] = []
    with engine.connect() as connection:
        migrate(connection, graph, "a")
        event.listen(connection, "before_cursor_execute", lambda c, cursor, statement, *rest: begun.append(statement))
        event.listen(connection, "commit", lambda c: begun.append("COMMIT"))
        migrate(connection, graph, "a")
        assert not connection.in_transaction()
    assert "COMMIT" not in begun
    assert all(statement.lstrip().startswith(("SELECT", "PRAGMA")) for statement in begun)


def test_a_connection_in_autocommit_is_left_in_it(db: Database, engine: Engine) -> None:
    def work(op: Operations) -> None:
        op.execute("CREATE TABLE one (id INTEGER)")
        with op.get_context().autocommit_block():
            op.execute("INSERT INTO one VALUES (1)")

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        before = connection._get_tx()
        migrate(connection, Graph(Rev("a", None, work)), "a")
        assert connection._get_tx() == before
    assert versions(db) == ["a"]
    assert db.rows("SELECT id FROM one") == [("1",)]


def test_operations_without_revisions_are_one_transaction_with_keys_not_enforced(
    sqlite_db: SqliteDatabase, keyed: Engine
) -> None:
    with keyed.connect() as connection:
        context = MigrationContext.configure(connection)
        with pytest.raises(RuntimeError), context.begin_transaction(), Operations.context(context) as op:
            connection.execute(text("SELECT * FROM parent")).all()
            op.execute("CREATE TABLE other (id INTEGER)")
            op.alter_column("parent", "id", nullable=False)
            raise RuntimeError
        assert is_enforced(connection)
        assert sqlite_db.rows("SELECT name FROM sqlite_schema ORDER BY name") == [("child",), ("parent",)]

        with context.begin_transaction(), Operations.context(context) as op:
            op.alter_column("parent", "id", nullable=False)
            op.drop_table("child")
        assert is_enforced(connection)

    assert sqlite_db.rows("SELECT name FROM sqlite_schema") == [("parent",)]
    assert sqlite_db.rows("SELECT id FROM parent") == [("1",)]


def test_tables_that_refer_to_each_other_are_dropped_when_keys_are_enforced(
    sqlite_db: SqliteDatabase, keyed: Engine
) -> None:
    sqlite_db.script("ALTER TABLE parent ADD COLUMN eldest INTEGER REFERENCES child")
    with keyed.connect() as connection:
        context = MigrationContext.configure(connection)
        with context.begin_transaction(), Operations.context(context) as op:
            op.drop_table("child")
            op.drop_table("parent")

    assert sqlite_db.rows("SELECT name FROM sqlite_schema") == []
