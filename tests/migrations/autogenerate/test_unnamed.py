"""SQLite's constraints without a name: scripts drop them by the name they would have, and bring them back without."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.migrations.autogenerate.api import AutogenContext, compare_metadata, produce_migrations
from pyorm.migrations.autogenerate.render import render_body
from pyorm.migrations.operations.base import Operations
from pyorm.migrations.runtime.migration import MigrationContext

_TABLES = """
    CREATE TABLE p (id INTEGER NOT NULL PRIMARY KEY);
    CREATE TABLE t (
        id INTEGER NOT NULL PRIMARY KEY, a INTEGER UNIQUE REFERENCES p, b INTEGER CHECK (b > 0), c INTEGER,
        CHECK ("b" < 9), CHECK (a < b), UNIQUE (b, c), FOREIGN KEY (c) REFERENCES p (id) ON DELETE CASCADE,
        CONSTRAINT t_c_check CHECK (c > 1), CHECK (c > 2)
    )
"""


@pytest.fixture
def connection() -> Iterator[Any]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        for statement in _TABLES.split(";"):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("INSERT INTO p VALUES (1)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1, 1, 5, NULL)")
        connection.commit()
        yield connection
    engine.dispose()


def bare() -> sa.MetaData:
    """Return the tables with none but the named constraint."""
    metadata = sa.MetaData()
    sa.Table("p", metadata, sa.Column("id", sa.Integer, primary_key=True))
    columns = [sa.Column(name, sa.Integer) for name in "abc"]
    named = sa.CheckConstraint("c > 1", name="t_c_check")
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), *columns, named)
    return metadata


def sources(connection: Any, metadata: sa.MetaData, **opts: Any) -> tuple[str, str]:
    context = MigrationContext.configure(connection, opts={"target_metadata": metadata, **opts})
    script = produce_migrations(context, metadata)
    found = []
    for container in (script.upgrade_ops, script.downgrade_ops):
        found.append("    " + render_body(AutogenContext(context, autogenerate=False), container))
    connection.rollback()
    return found[0], found[1]


def run(connection: Any, source: str) -> None:
    context = MigrationContext.configure(connection)
    with context.begin_transaction(), Operations.context(context) as op:
        exec(textwrap.dedent(source), {"op": op, "sa": sa})
    connection.commit()


def constraints(connection: Any) -> list[Any]:
    """Return what SQLite says of the constraints, and every check with its name."""
    inspector = sa.inspect(connection)
    keys = sorted((k["constrained_columns"], k["options"], k["name"]) for k in inspector.get_foreign_keys("t"))
    uniques = sorted((u["column_names"], u["name"]) for u in inspector.get_unique_constraints("t"))
    checks = sorted((c["sqltext"].replace('"', ""), str(c["name"])) for c in inspector.get_check_constraints("t"))
    connection.rollback()
    return [keys, uniques, checks]


@pytest.mark.parametrize("as_batch", [False, True])
def test_script_drops_unnamed_constraints_and_brings_them_back_unnamed(connection: Any, as_batch: bool) -> None:
    before = constraints(connection)
    up, down = sources(connection, bare(), render_as_batch=as_batch)

    for _ in range(2):
        run(connection, up)
        assert constraints(connection) == [[], [], [("c > 1", "t_c_check")]]
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, bare()) == []
        connection.rollback()

        run(connection, down)
        assert constraints(connection) == before

    assert connection.exec_driver_sql("SELECT * FROM t").all() == [(1, 1, 5, None)]
    assert "drop_constraint(None" not in up


def test_name_says_what_the_constraint_demands_when_several_would_have_it(connection: Any) -> None:
    up, _down = sources(connection, bare())
    dropped = [line.split('"')[1] for line in up.splitlines() if "drop_constraint" in line]

    plain = {"t_a_key", "t_b_c_key", "t_a_fkey", "t_c_fkey", "t_check"}
    assert plain < set(dropped)
    others = sorted(set(dropped) - plain)
    assert [name[: name.rindex("_")] for name in others] == ["t_b_check", "t_b_check", "t_c_check"]
    assert len(set(others)) == 3


def test_drop_is_refused_when_the_name_may_mean_several(connection: Any) -> None:
    with pytest.raises(ValueError, match=r"that 't_b_check' may mean: 't_b_check_\w{8}' for CHECK \(b > 0\), 't_b_che"):
        run(connection, 'op.drop_constraint("t_b_check", "t", type_="check")')
    with pytest.raises(ValueError, match=r"No such constraint: 't_a_key'.*; it has 't_c_check', 't_pkey', 't_a_key'"):
        run(connection, 'op.drop_constraint("t_a_key", "t", type_="check")')


def test_the_constraint_that_has_the_name_goes_first(connection: Any) -> None:
    run(connection, 'op.drop_constraint("t_c_check", "t", type_="check")')

    assert ("c > 2", "None") in constraints(connection)[2] and ("c > 1", "t_c_check") not in constraints(connection)[2]
