"""Which types a column's values can be cast to: what is said of that is what PostgreSQL does."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.dialects import postgresql
from pyorm.migrations.autogenerate.pgtypes import can_cast, needs_using, using
from tests.conftest import PostgresDatabase
from tests.migrations.autogenerate.comparing import apply, differences, kinds
from tests.migrations.autogenerate.test_compare import one

SAMPLES: dict[str, tuple[str, ...]] = {
    "integer": ("1", "101"), "smallint": ("1",), "double precision": ("1",), "numeric(10,2)": ("1.50",),
    "boolean": ("true",), "date": ("2020-01-01",), "timestamp without time zone": ("2020-01-01 10:00",),
    "timestamp with time zone": ("2020-01-01 10:00",), "time without time zone": ("10:00",),
    "interval": ("1 day", "10:00"), "json": ("1", "true", "{}"), "jsonb": ("1", "true"), "bytea": ("abc",),
    "uuid": ("11111111-1111-1111-1111-111111111111",), "int4range": ("[1,5)",), "inet": ("127.0.0.1",),
    "bit(4)": ("1010",), "macaddr": ("08:00:2b:01:02:03",), "point": ("(1,2)",), "xml": ("<a/>",), "money": ("1",),
    "text": ("a",), "character varying(50)": ("a",),
}  # fmt: skip
# Pairs in which the server happens to read what it wrote of something else.
MEANINGLESS = {("date", "macaddr"), ("point", "int4range"), ("point", "money"), ("money", "interval")}
TRIED = {("numeric(10,2)", "bit(4)")}  # whole numbers are


@pytest.fixture
def connection(pg_db: PostgresDatabase) -> Iterator[Any]:
    engine = sa.create_engine(pg_db.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def casts(connection: Any, old: str, new: str, value: str) -> bool:
    """Return whether the server changes a column with this value from one type to the other."""
    run = connection.exec_driver_sql
    clause = f" USING {using('c', old, new)}" if needs_using(old, new) else ""
    run("SAVEPOINT s")
    try:
        run(f"CREATE TABLE t (c {old})")
        run(f"INSERT INTO t VALUES ('{value}')")
        run(f"ALTER TABLE t ALTER c TYPE {new}{clause}")
    except sa.exc.DBAPIError:
        return False
    finally:
        run("ROLLBACK TO SAVEPOINT s")
    return True


@pytest.mark.parametrize("old", SAMPLES)
def test_server_casts_what_can_be_cast_and_nothing_else(connection: Any, old: str) -> None:
    for new in SAMPLES:
        if old == new or (old, new) in MEANINGLESS | TRIED or old in ("text", "character varying(50)"):
            assert can_cast(old, new) is ((old, new) not in MEANINGLESS)
        else:
            assert can_cast(old, new) is any(casts(connection, old, new, value) for value in SAMPLES[old]), (old, new)


def test_column_of_which_no_value_can_be_cast_is_dropped_and_added(
    connection: Any, caplog: pytest.LogCaptureFixture
) -> None:
    before = one(sa.Column("c", postgresql.INT4RANGE, comment="note"), sa.Index("i", "c"))
    after = one(sa.Column("c", sa.Boolean, comment="note"), sa.Index("i", "c"))
    before.create_all(connection)
    connection.exec_driver_sql("INSERT INTO t VALUES (1, '[1,5)')")
    with caplog.at_level(logging.WARNING):
        upgrade = differences(connection, after)
    assert kinds(upgrade) == ["DropIndexOp", "DropColumnOp", "AddColumnOp", "CreateIndexOp"]
    assert "from int4range to boolean, which no cast makes, on 't.c'" in caplog.text
    assert "its values are lost" in caplog.text
    apply(connection, upgrade)
    assert kinds(differences(connection, after)) == []
    apply(connection, upgrade.reverse())
    assert kinds(differences(connection, before)) == []
