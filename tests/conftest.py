"""Fixtures for every test: the databases.

`sqlite_url`, `pg_url`: a database to connect to, PostgreSQL's shared by the whole run.
`db`, `url`, `engine`: what tests/conformance uses; the test runs once on each database and
finds it empty. A PostgreSQL that cannot be started fails the test; nothing skips.
"""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.cluster import Cluster, Psql, with_database

# They need a library in which allocations fail: `make faults` builds it and runs them.
collect_ignore = [] if os.environ.get("PYORM_FAULTS") else ["faults"]

BACKENDS = ("sqlite", "postgresql")

# Removes everything a test can have made in a database, and whoever is still connected.
# An empty database is left alone. It takes 1 to 3 ms; to drop and create a database, 250.
CLEAN = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $clean$
DECLARE schema record;
BEGIN
    FOR schema IN SELECT oid, nspname FROM pg_namespace
        WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'
    LOOP
        IF schema.nspname <> 'public'
            OR EXISTS (SELECT FROM pg_class WHERE relnamespace = schema.oid)
            OR EXISTS (SELECT FROM pg_type WHERE typnamespace = schema.oid)
            OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = schema.oid)
            OR EXISTS (SELECT FROM pg_collation WHERE collnamespace = schema.oid)
        THEN EXECUTE format('DROP SCHEMA %I CASCADE', schema.nspname);
        END IF;
    END LOOP;
    CREATE SCHEMA IF NOT EXISTS public;
END $clean$;
"""


class Database(Protocol):
    """What a conformance test knows about the database it runs on."""

    name: str
    """"sqlite" or "postgresql"."""
    url: str
    """What create_engine() takes."""

    def script(self, sql: str) -> object:
        """Run statements, past pyorm."""

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run one query past pyorm; each value as text, None for NULL."""


class PostgresDatabase:
    """A database on the PostgreSQL server."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = url
        self.psql = Psql(url)
        self.script = self.psql.script
        self.rows = self.psql.rows


class SqliteDatabase:
    """A database in a file."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def script(self, sql: str) -> None:
        """Run statements, past pyorm."""
        connection = sqlite3.connect(self.path)
        try:
            connection.executescript(sql)
        finally:
            connection.close()

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run one query past pyorm; each value as text, None for NULL."""
        connection = sqlite3.connect(self.path)
        try:
            found = connection.execute(sql).fetchall()
            connection.commit()
        finally:
            connection.close()
        return [tuple(None if v is None else str(v) for v in row) for row in found]


@pytest.fixture(autouse=True, scope="module")
def rest_of_the_heap(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep what other tests left out of the collections of a module that imports `gc`: each walks all of it."""
    if getattr(request.module, "gc", None) is not gc:
        yield
        return
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def pg_server_url() -> Iterator[str]:
    """A URL of the PostgreSQL server's own database; the server starts at the first use."""
    given = os.environ.get("PYORM_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    cluster = Cluster.start()
    yield cluster.url("postgres")
    cluster.stop()


def make_database(server_url: str, name: str) -> Iterator[str]:
    """Make a database and yield its URL; drop it afterwards."""
    # Several test runs may use one server.
    name = f"pyorm_{name}_{os.getpid()}"
    admin = Psql(server_url)
    admin.script(f"DROP DATABASE IF EXISTS {name}")
    admin.script(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield with_database(server_url, name)
    admin.script(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


@pytest.fixture(scope="session")
def pg_url(pg_server_url: str) -> Iterator[str]:
    """The URL of a PostgreSQL database that all tests of the run share."""
    yield from make_database(pg_server_url, "shared")


@pytest.fixture(scope="session")
def pg_clean_database(pg_server_url: str) -> Iterator[PostgresDatabase]:
    """The PostgreSQL database that `pg_db` empties for each test."""
    for url in make_database(pg_server_url, "clean"):
        database = PostgresDatabase(url)
        yield database
        database.psql.close()


@pytest.fixture
def pg_db(pg_clean_database: PostgresDatabase) -> PostgresDatabase:
    """An empty PostgreSQL database."""
    pg_clean_database.script(CLEAN)
    return pg_clean_database


@pytest.fixture
def sqlite_db(tmp_path: Path) -> SqliteDatabase:
    """A SQLite database whose file does not exist yet."""
    return SqliteDatabase(tmp_path / "test.db")


@pytest.fixture
def sqlite_url(sqlite_db: SqliteDatabase) -> str:
    """The URL of a SQLite database whose file does not exist yet."""
    return sqlite_db.url


@pytest.fixture(params=BACKENDS)
def db(request: pytest.FixtureRequest) -> Database:
    """An empty database; the test runs once on each kind."""
    fixture = "pg_db" if request.param == "postgresql" else "sqlite_db"
    database: Database = request.getfixturevalue(fixture)
    return database


@pytest.fixture
def url(db: Database) -> str:
    """The URL of `db`."""
    return db.url


@pytest.fixture
def engine(url: str) -> Iterator[object]:
    """An engine on `db`, disposed of after the test."""
    from pyorm import create_engine

    made = create_engine(url)
    yield made
    made.dispose()
