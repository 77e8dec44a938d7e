"""Each kind of difference is found once, by the operation that settles it, and is not reported where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.dialects import postgresql
from tests.migrations.autogenerate.comparing import check_law, differences, flat, kinds


@pytest.fixture
def connection(engine: Any) -> Iterator[Any]:
    with engine.connect() as connection:
        yield connection


def one(*items: Any, **kw: Any) -> sa.MetaData:
    """Return a MetaData with a table `t`: an id, and what is given."""
    metadata = sa.MetaData()
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), *items, **kw)
    return metadata


def two(*items: Any) -> sa.MetaData:
    """Return a MetaData with tables `p` and `t`; `t` has a column `p_id` and what is given."""
    metadata = sa.MetaData()
    sa.Table(
        "p", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.Integer),
        sa.UniqueConstraint("code", name="uq_code"),
    )  # fmt: skip
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("p_id", sa.Integer), *items)
    return metadata


Pair = Callable[[], tuple[sa.MetaData, sa.MetaData]]

BOTH: dict[str, tuple[Pair, list[str]]] = {
    "a column comes": (lambda: (one(), one(sa.Column("x", sa.Integer))), ["AddColumnOp"]),
    "a column goes": (lambda: (one(sa.Column("x", sa.String(5))), one()), ["DropColumnOp"]),
    "NOT NULL comes": (
        lambda: (one(sa.Column("x", sa.Integer)), one(sa.Column("x", sa.Integer, nullable=False))),
        ["AlterColumnOp"],
    ),
    "a length": (
        lambda: (one(sa.Column("x", sa.String(5))), one(sa.Column("x", sa.String(6)))),
        ["AlterColumnOp"],
    ),
    "a scale": (
        lambda: (one(sa.Column("x", sa.Numeric(10, 2))), one(sa.Column("x", sa.Numeric(10, 3)))),
        ["AlterColumnOp"],
    ),
    "a type": (
        lambda: (one(sa.Column("x", sa.Integer)), one(sa.Column("x", sa.BigInteger))),
        ["AlterColumnOp"],
    ),
    "a default": (
        lambda: (one(sa.Column("x", sa.String(5), server_default="a")),
                 one(sa.Column("x", sa.String(5), server_default="b"))),
        ["AlterColumnOp"],
    ),
    "a default comes": (
        lambda: (one(sa.Column("x", sa.Integer)), one(sa.Column("x", sa.Integer, server_default=sa.text("1 + 1")))),
        ["AlterColumnOp"],
    ),
    "a unique constraint comes": (
        lambda: (one(sa.Column("x", sa.Integer)), one(sa.Column("x", sa.Integer), sa.UniqueConstraint("x", name="u"))),
        ["CreateUniqueConstraintOp"],
    ),
    "an unnamed unique constraint": (
        lambda: (one(sa.Column("x", sa.Integer)), one(sa.Column("x", sa.Integer, unique=True))),
        ["CreateUniqueConstraintOp"],
    ),
    "columns of a unique constraint": (
        lambda: (
            one(sa.Column("x", sa.Integer), sa.UniqueConstraint("x", name="u")),
            one(sa.Column("x", sa.Integer), sa.UniqueConstraint("x", "id", name="u")),
        ),
        ["DropConstraintOp", "CreateUniqueConstraintOp"],
    ),
    "an index comes": (
        lambda: (one(sa.Column("x", sa.Integer)), one(sa.Column("x", sa.Integer, index=True))),
        ["CreateIndexOp"],
    ),
    "an index becomes unique": (
        lambda: (
            one(sa.Column("x", sa.Integer), sa.Index("ix", "x")),
            one(sa.Column("x", sa.Integer), sa.Index("ix", "x", unique=True)),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's expression": (
        lambda: (
            one(sa.Column("x", sa.String(9)), sa.Index("ix", sa.text("lower(x)"))),
            one(sa.Column("x", sa.String(9)), sa.Index("ix", sa.text("upper(x)"))),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's order": (
        lambda: (
            one(sa.Column("x", sa.String(9)), sa.Index("ix", sa.text("x"))),
            one(sa.Column("x", sa.String(9)), sa.Index("ix", sa.text("x DESC"))),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's predicate": (
        lambda: (
            one(sa.Column("x", sa.Integer),
                sa.Index("ix", "x", postgresql_where=sa.text("x > 1"), sqlite_where=sa.text("x > 1"))),
            one(sa.Column("x", sa.Integer),
                sa.Index("ix", "x", postgresql_where=sa.text("x > 2"), sqlite_where=sa.text("x > 2"))),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's name": (
        lambda: (
            one(sa.Column("x", sa.Integer), sa.Index("ix1", "x")),
            one(sa.Column("x", sa.Integer), sa.Index("ix2", "x")),
        ),
        ["RenameIndexOp"],
    ),
    "a check's text": (
        lambda: (
            one(sa.Column("x", sa.Integer), sa.CheckConstraint("x > 1", name="ck")),
            one(sa.Column("x", sa.Integer), sa.CheckConstraint("x > 2", name="ck")),
        ),
        ["DropConstraintOp", "CreateCheckConstraintOp"],
    ),
    "an unnamed check": (
        lambda: (
            one(sa.Column("x", sa.Integer), sa.CheckConstraint("x > 1")),
            one(sa.Column("x", sa.Integer), sa.CheckConstraint("x > 1"), sa.CheckConstraint("x < 9")),
        ),
        ["CreateCheckConstraintOp"],
    ),
    "a foreign key comes": (
        lambda: (two(), two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="fk"))),
        ["CreateForeignKeyOp"],
    ),
    "a foreign key's action": (
        lambda: (
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="fk")),
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="fk", ondelete="CASCADE", onupdate="SET NULL")),
        ),
        ["DropConstraintOp", "CreateForeignKeyOp"],
    ),
    "a foreign key's timing": (
        lambda: (
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="fk")),
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="fk", deferrable=True, initially="DEFERRED")),
        ),
        ["DropConstraintOp", "CreateForeignKeyOp"],
    ),
    "a foreign key's target": (
        lambda: (
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"])),
            two(sa.ForeignKeyConstraint(["p_id"], ["p.code"])),
        ),
        ["DropConstraintOp", "CreateForeignKeyOp"],
    ),
    "a generated column": (
        lambda: (
            one(sa.Column("a", sa.Integer), sa.Column("x", sa.Integer, sa.Computed("a * 2", persisted=True)),
                sa.Index("ix", "x")),
            one(sa.Column("a", sa.Integer), sa.Column("x", sa.Integer, sa.Computed("a * 3", persisted=True)),
                sa.Index("ix", "x")),
        ),
        ["DropIndexOp", "DropColumnOp", "AddColumnOp", "CreateIndexOp"],
    ),
    "values of an enum that is a VARCHAR": (
        lambda: (
            one(sa.Column("x", sa.Enum("a", "b", name="ck_x", native_enum=False, create_constraint=True, length=9))),
            one(sa.Column("x", sa.Enum("a", "c", name="ck_x", native_enum=False, create_constraint=True, length=9))),
        ),
        ["DropConstraintOp", "CreateCheckConstraintOp"],
    ),
}  # fmt: skip


@pytest.mark.feature("AL-AUTO02")
@pytest.mark.feature("AL-AUTO03")
@pytest.mark.feature("AL-AUTO05")
@pytest.mark.feature("AL-AUTO07")
@pytest.mark.feature("AL-AUTO08")
@pytest.mark.parametrize("case", BOTH)
def test_difference_is_found_once_when_the_model_changes(connection: Any, case: str) -> None:
    make, expected = BOTH[case]
    before, after = make()

    check_law(connection, before, after, expected)


@pytest.mark.feature("AL-AUTO01")
def test_tables_are_created_and_dropped_in_the_order_of_their_keys(connection: Any) -> None:
    before, after = sa.MetaData(), sa.MetaData()
    for metadata, first, second in ((before, "b1", "a1"), (after, "b2", "a2")):
        sa.Table(
            second, metadata, sa.Column("id", sa.ForeignKey(f"{first}.id"), primary_key=True),
            sa.Column("x", sa.Integer, index=True),
        )  # fmt: skip
        sa.Table(first, metadata, sa.Column("id", sa.Integer, primary_key=True))

    upgrade = check_law(
        connection, before, after,
        ["CreateTableOp", "CreateTableOp", "CreateIndexOp", "DropIndexOp", "DropTableOp", "DropTableOp"],
    )  # fmt: skip

    assert [o.table_name for o in flat(upgrade)] == ["b2", "a2", "a2", "a1", "a1", "b1"]


@pytest.mark.feature("AL-AUTO12")
def test_keys_of_a_cycle_come_after_its_tables(connection: Any) -> None:
    before, after = sa.MetaData(), sa.MetaData()
    for name, other in (("a", "b"), ("b", "a")):
        sa.Table(
            name, after, sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("o", sa.ForeignKey(f"{other}.id", name=f"fk_{name}")),
        )  # fmt: skip
    late = ["CreateForeignKeyOp"] if connection.dialect.name == "postgresql" else []

    before.create_all(connection)
    upgrade = differences(connection, after)

    assert kinds(upgrade) == ["CreateTableOp", "CreateTableOp", *late]


def test_nothing_is_reported_when_the_database_has_what_is_implied(connection: Any) -> None:
    metadata = sa.MetaData(naming_convention={"uq": "uq_%(table_name)s_%(column_0_name)s", "pk": "pk_%(table_name)s"})
    sa.Table(
        "t", metadata, sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("b", sa.Boolean(create_constraint=True)),
        sa.Column("e", sa.Enum("a", "b", name="kind")), sa.Column("v", sa.Enum("a", "b", name="vk", native_enum=False)),
        sa.Column("n", sa.Numeric(5)), sa.Column("f", sa.Float), sa.Column("d", sa.DateTime(timezone=True)),
        sa.Column("u", sa.Uuid), sa.Column("j", sa.JSON), sa.Column("l", sa.LargeBinary), sa.Column("i", sa.Interval),
        sa.Column("s", sa.String(3), unique=True, index=False, comment=""), sa.Column("c", sa.CHAR(2)),
        sa.Column("q", sa.Integer, server_default=sa.null()), sa.Column("w", sa.DateTime, server_default=sa.func.now()),
        sa.Column("parent", sa.ForeignKey("t.id")), sa.CheckConstraint("n > 0"),
        sa.CheckConstraint("s IN ('a', 'b')", name="in_list"), comment="",
    )  # fmt: skip
    metadata.create_all(connection)
    connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")

    assert kinds(differences(connection, metadata)) == []


def test_array_and_server_types_are_equal_when_they_are_the_same(connection: Any) -> None:
    types = [sa.Integer(), sa.SmallInteger(), sa.Text(), sa.Date(), sa.Time(), sa.Double(), sa.REAL(), sa.DECIMAL(8, 3)]
    if connection.dialect.name == "postgresql":
        types += [
            postgresql.ARRAY(sa.String(4)), postgresql.JSONB(), postgresql.INET(), postgresql.INTERVAL(precision=3),
            postgresql.INTERVAL(fields="DAY TO SECOND"), postgresql.BIT(3), postgresql.BIT(5, varying=True),
            postgresql.TSVECTOR(), postgresql.TIMESTAMP(precision=2), postgresql.TIME(timezone=True, precision=1),
            postgresql.INT4RANGE(), sa.String(5, collation="C"), postgresql.MONEY(), postgresql.BYTEA(),
        ]  # fmt: skip
    metadata = one(*(sa.Column(f"c{n}", type_) for n, type_ in enumerate(types)))
    metadata.create_all(connection)

    assert kinds(differences(connection, metadata)) == []
