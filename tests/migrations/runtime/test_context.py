"""A run against a database: versions, transactions, branches, what is told."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pyorm import Engine, exc, text
from pyorm.migrations.runtime.migration import MigrationContext
from pyorm.migrations.util.exc import CommandError
from tests.conftest import Database
from tests.migrations.runtime.graph import Graph, Rev


def sql(context_of: dict[str, Any], statement: str) -> Any:
    """Return a revision's function that executes a statement."""

    def work(**_kw: Any) -> None:
        context_of["context"].execute(statement)

    return work


def make_graph(holder: dict[str, Any]) -> Graph:
    """Return a, then b1 and b2, merged by m; beside them x1, x2 that needs b1."""

    def rev(name: str, down: Any = None, dependencies: Any = None) -> Rev:
        up = sql(holder, f"CREATE TABLE t_{name} (id INTEGER)")
        return Rev(name, down, up, sql(holder, f"DROP TABLE t_{name}"), dependencies)

    return Graph(rev("a"), rev("b2", "a"), rev("b1", "a"), rev("x1"), rev("x2", "x1", "b1"), rev("m", ("b1", "b2")))


def run(connection: Any, plan: Any, holder: dict[str, Any], **opts: Any) -> MigrationContext:
    """Run a plan as env.py does."""
    context = MigrationContext.configure(connection, opts={"fn": plan, **opts})
    holder["context"] = context
    with context.begin_transaction():
        context.run_migrations()
    return context


def table_names(db: Database) -> set[str]:
    """Return the tables that revisions have made."""
    query = {
        "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 't\\_%' ESCAPE '\\'",
        "postgresql": "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 't\\_%'",
    }[db.name]
    return {str(row[0]) for row in db.rows(query)}


def versions(db: Database) -> set[str]:
    """Return the rows of the version table."""
    return {str(row[0]) for row in db.rows("SELECT version_num FROM alembic_version")}


def test_branches_and_merges_leave_one_row_per_head(db: Database, engine: Engine) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)
    with engine.connect() as connection:
        for targets, rows in (
            (["a"], {"a"}),
            (["b1", "b2"], {"b1", "b2"}),
            (["b2", "x2"], {"b2", "x2"}),
            (["m", "x2"], {"m", "x2"}),
        ):
            run(connection, graph.upgrade(*targets), holder)
            assert versions(db) == rows
        assert table_names(db) == {"t_a", "t_b1", "t_b2", "t_x1", "t_x2", "t_m"}
        for keep, rows in ((["b1", "b2", "x2"], {"b2", "x2"}), (["x1", "b1"], {"x1", "b1"}), ([], set())):
            run(connection, graph.downgrade(*keep), holder)
            assert versions(db) == rows
        assert table_names(db) == set()


def test_nothing_stays_when_the_last_of_several_revisions_fails(db: Database, engine: Engine) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)
    graph.revs["m"].up = sql(holder, "CREATE TABLE t_m (id INTEGER NONSENSE oops")

    with engine.connect() as connection, pytest.raises(exc.DBAPIError):
        run(connection, graph.upgrade("m"), holder)

    assert table_names(db) == set()
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_heads() == ()


@pytest.mark.feature("AL-ENV05")
def test_done_revisions_stay_when_each_has_its_transaction(db: Database, engine: Engine) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)
    graph.revs["m"].up = sql(holder, "CREATE TABLE t_m (id INTEGER NONSENSE oops")

    with engine.connect() as connection, pytest.raises(exc.DBAPIError):
        run(connection, graph.upgrade("m"), holder, transaction_per_migration=True)

    assert table_names(db) == {"t_a", "t_b1", "t_b2"}
    assert versions(db) == {"b1", "b2"}

    graph = make_graph(holder)
    graph.revs["m"].up = sql(holder, "CREATE TABLE t_m (id INTEGER NONSENSE oops")
    with engine.connect() as connection, pytest.raises(exc.DBAPIError):
        run(connection, graph.upgrade("m"), holder, transactional_ddl=False)
    assert versions(db) == {"b1", "b2"}


def test_the_callers_transaction_is_used_and_not_ended(db: Database, engine: Engine) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)

    with engine.connect() as connection:
        with connection.begin() as transaction:
            run(connection, graph.upgrade("m"), holder)
            assert transaction.is_active
            assert connection.scalar(text("SELECT count(*) FROM t_m")) == 0
            transaction.rollback()
        assert MigrationContext.configure(connection).get_current_heads() == ()
    with engine.begin() as connection:
        run(connection, graph.upgrade("m"), holder)
    assert versions(db) == {"m"}


@pytest.mark.feature("AL-ENV15")
def test_version_table_has_the_name_schema_and_key_that_are_wanted(db: Database, engine: Engine) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)
    schema = "main" if db.name == "sqlite" else "meta"
    if db.name == "postgresql":
        db.script("CREATE SCHEMA meta")

    with engine.connect() as connection:
        run(
            connection,
            graph.upgrade("a"),
            holder,
            version_table="versions",
            version_table_schema=schema,
            version_table_pk=False,
        )
        assert db.rows(f"SELECT version_num FROM {schema}.versions") == [("a",)]
        run(connection, graph.upgrade("x1"), holder)

    if db.name == "sqlite":
        keyed = "SELECT name FROM sqlite_schema WHERE sql LIKE '%PRIMARY KEY%' ORDER BY 1"
        assert db.rows(keyed) == [("alembic_version",)]
    else:
        keyed = "SELECT conname FROM pg_constraint WHERE contype = 'p' AND conname LIKE '%version%pkc'"
        assert db.rows(keyed) == [("alembic_version_pkc",)]


def test_a_revision_is_logged_and_told_to_listeners(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)
    told: list[Any] = []

    def listen(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
        told.append((ctx is holder["context"], ctx._in_connection_transaction(), sorted(heads), run_args))

    caplog.set_level(logging.INFO, "pyorm.migrations")
    with engine.connect() as connection:
        run(connection, graph.upgrade("b1"), holder, on_version_apply=listen)

    assert told == [(True, True, ["a"], {}), (True, True, ["b1"], {})]
    messages = [record.getMessage() for record in caplog.records]
    assert messages[1:] == ["Will assume transactional DDL.", "Running upgrade  -> a", "Running upgrade a -> b1"]
    assert messages[0] in ("Context impl SQLiteImpl.", "Context impl PostgresqlImpl.")


@pytest.mark.parametrize("change", ["DELETE FROM alembic_version", "UPDATE alembic_version SET version_num = 'z'"])
def test_a_version_row_that_somebody_else_changed_is_an_error_that_says_so(
    db: Database, engine: Engine, change: str
) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)
    with engine.connect() as connection:
        run(connection, graph.upgrade("a"), holder)
        graph.revs["b1"].up = sql(holder, change)
        text = r"expected to match one row when updating 'a' to 'b1'.* 0 found.*deployer"
        with pytest.raises(CommandError, match=text):
            run(connection, graph.upgrade("b1"), holder)
    assert versions(db) == {"a"}


def test_a_version_row_that_is_there_already_is_an_error_that_says_so(db: Database, engine: Engine) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)
    with engine.connect() as connection:
        run(connection, graph.upgrade("a"), holder)
        graph.revs["x1"].up = sql(holder, "INSERT INTO alembic_version VALUES ('x1')")
        with pytest.raises(CommandError, match=r"inserting 'x1' into 'alembic_version'; the row was there.*deployer"):
            run(connection, graph.upgrade("x1"), holder)
    assert versions(db) == {"a"}


def test_current_revision_is_an_error_when_there_are_several(db: Database, engine: Engine) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() is None
        context = run(connection, graph.upgrade("a"), holder)
        assert context.get_current_revision() == "a"
        assert not connection.in_transaction()
        run(connection, graph.upgrade("b1", "b2"), holder)
        with pytest.raises(CommandError, match=r"'alembic_version' has more than one head .* get_current_heads"):
            context.get_current_revision()
        assert sorted(context.get_current_heads()) == ["b1", "b2"]


def test_arguments_that_name_no_database_are_refused(engine: Engine) -> None:
    with pytest.raises(CommandError, match="Connection, url, or dialect_name is required"):
        MigrationContext.configure()
    with pytest.raises(CommandError, match=r"expected to be a sqlalchemy.engine.Connection instance, got Engine"):
        MigrationContext.configure(engine)
    with pytest.raises(CommandError, match="through a connection"):
        MigrationContext.configure(dialect_name="postgresql").get_current_heads()


def test_autocommit_block_commits_what_came_before_and_each_statement(db: Database, engine: Engine) -> None:
    holder: dict[str, Any] = {}
    graph = make_graph(holder)

    def work(**_kw: Any) -> None:
        context = holder["context"]
        context.execute("CREATE TABLE t_one (id INTEGER)")
        with context.autocommit_block():
            assert "t_one" in table_names(db)
            context.execute("CREATE TABLE t_two (id INTEGER)")
            assert "t_two" in table_names(db)
        context.execute("CREATE TABLE t_three (id INTEGER)")
        context.execute("oops")

    graph.revs["b1"].up = work
    with engine.connect() as connection, pytest.raises(exc.DBAPIError):
        run(connection, graph.upgrade("b1"), holder)

    assert table_names(db) == {"t_a", "t_one", "t_two"}
    assert versions(db) == {"a"}


def test_autocommit_block_is_refused_in_the_callers_transaction(engine: Engine) -> None:
    with engine.begin() as connection:
        context = MigrationContext.configure(connection)
        with pytest.raises(CommandError, match=r"open already when context.configure\(\)"), context.autocommit_block():
            raise AssertionError("not entered")
