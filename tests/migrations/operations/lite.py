"""A SQLite database for tests of rebuilt tables: what it holds, to be compared before and after."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyorm as sa
from pyorm.migrations.operations import Operations
from pyorm.migrations.runtime.migration import MigrationContext


@contextmanager
def migrating(path: Path, **opts: Any) -> Iterator[Operations]:
    """Operations in the transaction of a migration, on an engine of its own that enforces foreign keys."""
    engine = sa.create_engine(f"sqlite:///{path}")

    def enforce(dbapi_connection: Any, record: Any) -> None:
        dbapi_connection.execute("PRAGMA synchronous=OFF")
        dbapi_connection.execute("PRAGMA foreign_keys=ON")

    sa.event.listen(engine, "connect", enforce)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection=connection, opts=opts)
            with context.begin_transaction():
                context._begin_now()
                yield Operations(context)
    finally:
        engine.dispose()


def script(path: Path, sql: str) -> None:
    """Run statements past pyorm."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"PRAGMA synchronous=OFF; BEGIN; {sql}; COMMIT")
    connection.close()


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Run a query past pyorm."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def objects(path: Path) -> dict[tuple[str, str], str]:
    """Every object of the schema with its text, the quotes of a table's name left out."""
    found = ask(path, "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    return {(kind, name): re.sub(r'^(CREATE TABLE )"(\w+)"', r"\1\2", sql) for kind, name, sql in found}


def contents(path: Path, table: str) -> list[tuple[Any, ...]]:
    """Every row of a table with its rowid, if it has one."""
    with_rowid = "WITHOUT ROWID" not in objects(path).get(("table", table), "").upper()
    return ask(path, f'SELECT {"rowid, " if with_rowid else ""}* FROM "{table}" ORDER BY 1')
