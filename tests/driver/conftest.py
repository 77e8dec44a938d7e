"""Fixtures for the tests of the drivers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import PostgresDatabase
from tests.driver.pg_raw import Conn


@pytest.fixture
def pg(pg_db: PostgresDatabase) -> Iterator[Conn]:
    """A connection of the core's driver to an empty database."""
    with Conn(pg_db.url) as conn:
        yield conn


@pytest.fixture
def other(pg_db: PostgresDatabase) -> Iterator[Conn]:
    """A second connection to the same database."""
    with Conn(pg_db.url) as conn:
        yield conn
