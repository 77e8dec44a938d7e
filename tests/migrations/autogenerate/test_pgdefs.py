"""Definitions of PostgreSQL's catalog: what is read from them is what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations.autogenerate.pgdefs import as_it_was
from tests.conftest import PostgresDatabase

CONDITIONS = (
    "s IN ('a', 'b')",
    "s IN ('it''s', 'ARRAY[')",
    "s::text = ANY (ARRAY['a', 'b'])",
    "c IN ('a', 'b')",
    "n IN (1, 2) AND s NOT IN ('a', 'b')",
    "n = ANY (ARRAY[1, n])",
    "ARRAY[s, 'x'] @> ARRAY['a']::varchar[]",
    "d IN ('2020-01-01', '2021-01-01')",
)


@pytest.fixture
def connection(pg_db: PostgresDatabase) -> Iterator[Any]:
    engine = sa.create_engine(pg_db.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("pretty", ["true", "false"])
def test_condition_is_read_as_it_was(connection: Any, condition: str, pretty: str) -> None:
    """The server writes `x IN (…)` of VARCHAR in a form that it reads as another expression."""
    run = connection.exec_driver_sql
    read = f"SELECT pg_get_expr(conbin, conrelid, {pretty}) FROM pg_constraint WHERE conname = 'k'"
    run("CREATE TABLE t (n int, s varchar(9), c char(9), d date)")
    run(f"ALTER TABLE t ADD CONSTRAINT k CHECK ({condition})")
    first = str(run(read).scalar())
    run("ALTER TABLE t DROP CONSTRAINT k")
    run(f"ALTER TABLE t ADD CONSTRAINT k CHECK ({as_it_was(first)})")
    assert run(read).scalar() == first
