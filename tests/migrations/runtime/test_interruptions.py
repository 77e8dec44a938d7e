"""A run that an error or a lost connection breaks off at any statement leaves its process able to go on."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import create_engine, event, exc
from pyorm.migrations.runtime.migration import MigrationContext
from tests.conftest import Database, PostgresDatabase
from tests.migrations.runtime.runs import migrate, until
from tests.migrations.runtime.test_kill import clean, state, statements
from tests.migrations.runtime.victim import make_graph


class Interruption(Exception):
    """What breaks a run off."""


def broken_off(db: Database, engine: Any, at: int, strike: Any) -> None:
    """Run, and call `strike` at a statement; the connection is in order afterwards, in its old settings."""
    count = 0

    def counted(conn: Any, *_args: Any) -> None:
        nonlocal count
        count += 1
        if count == at:
            strike(conn)

    with engine.connect() as connection:
        before = connection._get_tx()
        event.listen(connection, "before_cursor_execute", counted)
        with pytest.raises((Interruption, exc.DBAPIError)):
            migrate(connection, make_graph(db.name), "c")
        assert not connection.in_transaction()
        assert connection._get_tx() == before
        event.remove(connection, "before_cursor_execute", counted)
        migrate(connection, make_graph(db.name), "c")


def test_the_same_connection_finishes_what_an_error_broke_off(db: Database) -> None:
    def strike(_connection: Any) -> None:
        raise Interruption

    total = statements(db)
    expected = state(db)
    engine = create_engine(db.url)
    for at in range(1, total + 1, 3):
        engine.dispose()
        clean(db)
        broken_off(db, engine, at, strike)
        assert state(db) == expected, at
    engine.dispose()


def test_the_same_engine_finishes_what_a_lost_connection_broke_off(pg_db: PostgresDatabase) -> None:
    def strike(_connection: Any) -> None:
        pids = "SELECT pid FROM pg_stat_activity WHERE application_name = 'the victim' AND datname = current_database()"
        pg_db.script(f"SELECT pg_terminate_backend(pid, 5000) FROM ({pids}) AS found")

    total = statements(pg_db)
    expected = state(pg_db)
    engine = create_engine(pg_db.url, connect_args={"application_name": "the victim"})
    for at in range(2, total + 1, 3):
        engine.dispose()
        clean(pg_db)
        broken_off(pg_db, engine, at, strike)
        assert state(pg_db) == expected, at
    engine.dispose()


def test_what_a_run_holds_is_given_up_when_it_fails(pg_db: PostgresDatabase) -> None:
    def strike(_connection: Any) -> None:
        raise Interruption

    engine = create_engine(pg_db.url)
    broken_off(pg_db, engine, 20, strike)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_heads() == ("c",)
    engine.dispose()
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    until(lambda: pg_db.rows(query) == [("0",)])
    assert pg_db.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [("0",)]
