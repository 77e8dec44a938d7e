"""Names that need quotes, and tables that are more than a list of columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.dialects import postgresql
from tests.conftest import Database, PostgresDatabase
from tests.migrations.autogenerate.comparing import apply, check_law, differences, kinds


@pytest.fixture
def connection(db: Database) -> Iterator[Any]:
    engine = sa.create_engine(db.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def pg_connection(pg_db: PostgresDatabase) -> Iterator[Any]:
    engine = sa.create_engine(pg_db.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def quoted(more: bool, comment: str | None, schema: str | None = None) -> sa.MetaData:
    """Return a table all of whose names need quotes; with a column, a key and an index more."""
    metadata = sa.MetaData()
    target = f"{schema}.User.Id" if schema else "User.Id"
    table = sa.Table(
        "User", metadata, sa.Column("Id", sa.Integer, primary_key=True),
        sa.Column("order", sa.String(5), server_default="a:b"), sa.Column("my col", sa.Integer),
        sa.Column('q"t', sa.Integer), sa.Column("größe", sa.Text),
        sa.UniqueConstraint("order", "my col", name="Uq Odd"),
        sa.CheckConstraint('"my col" > 0 AND "order" <> \'x:y\'', name="Ck"),
        sa.ForeignKeyConstraint(["my col"], [target]), schema=schema, comment=comment,
    )  # fmt: skip
    sa.Index("Ix Odd", table.c.order, table.c["my col"].desc())
    sa.Index("ix2", sa.func.lower(table.c["größe"]), table.c['q"t'])
    if more:
        table.append_column(sa.Column("New Col", sa.Integer, index=True))
        table.append_constraint(sa.UniqueConstraint('q"t'))
    return metadata


def test_names_that_need_quotes_are_names_like_others(connection: Any) -> None:
    comment = "a 'quoted' \\ comment" if connection.dialect.name == "postgresql" else None

    check_law(
        connection, quoted(False, comment), quoted(True, comment),
        ["AddColumnOp", "CreateUniqueConstraintOp", "CreateIndexOp"],
    )  # fmt: skip


def test_names_that_need_quotes_stand_in_schemas_of_such_names(pg_connection: Any) -> None:
    pg_connection.exec_driver_sql('CREATE SCHEMA "App X"')

    check_law(
        pg_connection, quoted(False, "a", "App X"), quoted(True, "a", "App X"),
        ["AddColumnOp", "CreateUniqueConstraintOp", "CreateIndexOp"],
    )  # fmt: skip


def test_partitions_heirs_and_domains_are_compared_and_made_again(pg_connection: Any) -> None:
    for statement in (
        "CREATE TABLE part (id int, d date, PRIMARY KEY (id, d)) PARTITION BY RANGE (d)",
        "CREATE TABLE part_2020 PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
        "CREATE INDEX part_ix ON part (id)",
        "CREATE DOMAIN posint AS int CHECK (VALUE > 0) DEFAULT 1",
        "CREATE TABLE parent (a int PRIMARY KEY, CHECK (a > 0))",
        "CREATE TABLE child (b int) INHERITS (parent)",
        "CREATE TABLE dom (x posint, y posint[])",
        "CREATE VIEW v AS SELECT 1 AS x",
        "CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x",
    ):
        pg_connection.exec_driver_sql(statement)
    model = sa.MetaData()
    sa.Table(
        "part", model, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("d", sa.Date, primary_key=True), sa.Index("part_ix", "id"), postgresql_partition_by="RANGE (d)",
    )  # fmt: skip
    sa.Table(
        "parent", model, sa.Column("a", sa.Integer, primary_key=True, autoincrement=False), sa.CheckConstraint("a > 0")
    )
    sa.Table("child", model, sa.Column("b", sa.Integer), postgresql_inherits="parent")
    domain = postgresql.DOMAIN("posint", sa.Integer, check="VALUE > 0", create_type=False)
    sa.Table("dom", model, sa.Column("x", domain), sa.Column("y", postgresql.ARRAY(domain)))

    assert kinds(differences(pg_connection, model)) == []
    drop = differences(pg_connection, sa.MetaData())
    assert kinds(drop) == ["DropTableOp", "DropIndexOp", "DropTableOp", "DropTableOp", "DropTableOp"]
    apply(pg_connection, drop)
    apply(pg_connection, drop.reverse())
    assert kinds(differences(pg_connection, model)) == []
