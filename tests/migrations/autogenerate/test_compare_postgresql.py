"""Kinds of differences that only PostgreSQL has: found once, applied, not found again, taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pyorm as sa
from pyorm.dialects import postgresql
from pyorm.dialects.postgresql import ExcludeConstraint
from tests.conftest import PostgresDatabase
from tests.migrations.autogenerate.comparing import apply, check_law, differences, flat, kinds
from tests.migrations.autogenerate.test_compare import one, two


@pytest.fixture
def connection(pg_db: PostgresDatabase) -> Iterator[Any]:
    engine = sa.create_engine(pg_db.url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def ranges(*items: Any) -> sa.MetaData:
    """Return a table with a range and an integer."""
    return one(sa.Column("r", postgresql.INT4RANGE), sa.Column("n", sa.Integer), *items)


def free(**options: Any) -> sa.MetaData:
    """Return a MetaData with a sequence `s`, without one where an option says so."""
    metadata = sa.MetaData()
    if options.pop("present", True):
        sa.Sequence("s", metadata=metadata, **options)
    return metadata


def mood(*labels: str, **kw: Any) -> sa.MetaData:
    """Return a table with an enum column."""
    return one(sa.Column("x", sa.Enum(*labels, name="mood", **kw.pop("type", {})), **kw))


Pair = Callable[[], tuple[sa.MetaData, sa.MetaData]]

CASES: dict[str, tuple[Pair, list[str]]] = {
    "a primary key's columns": (
        lambda: (
            one(sa.Column("x", sa.Integer, nullable=False)),
            one(sa.Column("x", sa.Integer, primary_key=True, autoincrement=False)),
        ),
        ["DropConstraintOp", "CreatePrimaryKeyOp"],
    ),
    "a primary key's name": (
        lambda: (one(), one(sa.PrimaryKeyConstraint("id", name="pk_of_t"))),
        ["RenameConstraintOp"],
    ),
    "a unique constraint's INCLUDE": (
        lambda: (
            ranges(sa.UniqueConstraint("n", name="u")),
            ranges(sa.UniqueConstraint("n", name="u", postgresql_include=["id"])),
        ),
        ["DropConstraintOp", "CreateUniqueConstraintOp"],
    ),
    "NULLS NOT DISTINCT": (
        lambda: (
            ranges(sa.UniqueConstraint("n", name="u")),
            ranges(sa.UniqueConstraint("n", name="u", postgresql_nulls_not_distinct=True)),
        ),
        ["DropConstraintOp", "CreateUniqueConstraintOp"],
    ),
    "a unique constraint's timing": (
        lambda: (
            ranges(sa.UniqueConstraint("n", name="u")),
            ranges(sa.UniqueConstraint("n", name="u", deferrable=True, initially="DEFERRED")),
        ),
        ["DropConstraintOp", "CreateUniqueConstraintOp"],
    ),
    "a foreign key's name": (
        lambda: (
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="a")),
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="b")),
        ),
        ["RenameConstraintOp"],
    ),
    "MATCH FULL": (
        lambda: (
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="a")),
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="a", match="FULL")),
        ),
        ["DropConstraintOp", "CreateForeignKeyOp"],
    ),
    "columns that ON DELETE sets NULL": (
        lambda: (
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="a", ondelete="SET NULL")),
            two(sa.ForeignKeyConstraint(["p_id"], ["p.id"], name="a", ondelete="SET NULL (p_id)")),
        ),
        ["DropConstraintOp", "CreateForeignKeyOp"],
    ),
    "an EXCLUDE constraint comes": (
        lambda: (ranges(), ranges(ExcludeConstraint(("r", "&&"), name="x", where=sa.text("n > 0")))),
        ["CreateExcludeConstraintOp"],
    ),
    "an EXCLUDE constraint's predicate": (
        lambda: (
            ranges(ExcludeConstraint(("r", "&&"), name="x", where=sa.text("n > 0"))),
            ranges(ExcludeConstraint(("r", "&&"), name="x", where=sa.text("n > 1"))),
        ),
        ["DropConstraintOp", "CreateExcludeConstraintOp"],
    ),
    "an index's method": (
        lambda: (
            ranges(sa.Index("ix", "n")),
            ranges(sa.Index("ix", "n", postgresql_using="hash")),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's INCLUDE": (
        lambda: (ranges(sa.Index("ix", "n")), ranges(sa.Index("ix", "n", postgresql_include=["id"]))),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's operator class": (
        lambda: (
            one(sa.Column("x", sa.Text), sa.Index("ix", "x")),
            one(sa.Column("x", sa.Text), sa.Index("ix", "x", postgresql_ops={"x": "text_pattern_ops"})),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's storage parameter": (
        lambda: (
            ranges(sa.Index("ix", "n", postgresql_with={"fillfactor": 70})),
            ranges(sa.Index("ix", "n", postgresql_with={"fillfactor": 80})),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's NULLS NOT DISTINCT": (
        lambda: (
            ranges(sa.Index("ix", "n", unique=True)),
            ranges(sa.Index("ix", "n", unique=True, postgresql_nulls_not_distinct=True)),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "an index's sort order as an expression": (
        lambda: (
            ranges(sa.Index("ix", sa.text("n"))),
            ranges(sa.Index("ix", sa.desc(sa.column("n")).nulls_last())),
        ),
        ["DropIndexOp", "CreateIndexOp"],
    ),
    "identity options": (
        lambda: (
            one(sa.Column("x", sa.Integer, sa.Identity(start=5, increment=2))),
            one(sa.Column("x", sa.Integer, sa.Identity(always=True, maxvalue=99, cycle=True))),
        ),
        ["AlterColumnOp"],
    ),
    "identity comes": (
        lambda: (
            one(sa.Column("x", sa.Integer, nullable=False)),
            one(sa.Column("x", sa.Integer, sa.Identity())),
        ),
        ["AlterColumnOp"],
    ),
    "a comment of a column": (
        lambda: (one(sa.Column("x", sa.Integer, comment="a")), one(sa.Column("x", sa.Integer, comment="b"))),
        ["AlterColumnOp"],
    ),
    "a comment of a column goes": (
        lambda: (one(sa.Column("x", sa.Integer, comment="a")), one(sa.Column("x", sa.Integer))),
        ["AlterColumnOp"],
    ),
    "a comment of a table": (lambda: (one(comment="a"), one(comment="b")), ["CreateTableCommentOp"]),
    "a comment of a table goes": (lambda: (one(comment="a"), one()), ["DropTableCommentOp"]),
    "a collation": (
        lambda: (one(sa.Column("x", sa.Text)), one(sa.Column("x", sa.Text(collation="C")))),
        ["AlterColumnOp"],
    ),
    "an array": (
        lambda: (
            one(sa.Column("x", postgresql.ARRAY(sa.Integer))),
            one(sa.Column("x", postgresql.ARRAY(sa.BigInteger))),
        ),
        ["AlterColumnOp"],
    ),
    "a type that needs USING, with a default": (
        lambda: (
            one(sa.Column("x", sa.String(9), server_default="1")),
            one(sa.Column("x", sa.Integer, server_default="2")),
        ),
        ["AlterColumnOp", "AlterColumnOp", "AlterColumnOp"],
    ),
    "a boolean that becomes an integer": (
        lambda: (one(sa.Column("x", sa.Boolean)), one(sa.Column("x", sa.Integer))),
        ["AlterColumnOp"],
    ),
    "types on both sides of a foreign key": (
        lambda: (
            two(sa.ForeignKeyConstraint(["p_id"], ["p.code"], name="fk")),
            _keyed_by(sa.Boolean),
        ),
        ["DropConstraintOp", "AlterColumnOp", "AlterColumnOp", "CreateForeignKeyOp"],
    ),
    "types that no cast reaches on both sides of a foreign key": (
        lambda: (
            two(sa.ForeignKeyConstraint(["p_id"], ["p.code"], name="fk")),
            _keyed_by(sa.Date),
        ),
        [
            "DropConstraintOp", "DropConstraintOp", "DropColumnOp", "AddColumnOp", "CreateUniqueConstraintOp",
            "DropColumnOp", "AddColumnOp", "CreateForeignKeyOp",
        ],
    ),
    "a sequence comes": (lambda: (free(present=False), free(start=7)), ["CreateSequenceOp"]),
    "a sequence goes": (lambda: (free(increment=3, cycle=True), free(present=False)), ["DropSequenceOp"]),
    "a sequence's options": (lambda: (free(), free(increment=2, cache=5)), ["AlterSequenceOp"]),
    "an enum comes with its table": (
        lambda: (sa.MetaData(), mood("a", "b")),
        ["CreateEnumOp", "CreateTableOp"],
    ),
    "an enum comes with a column": (lambda: (one(), mood("a", "b")), ["CreateEnumOp", "AddColumnOp"]),
    "an enum goes with its column": (lambda: (mood("a", "b"), one()), ["DropColumnOp", "DropEnumOp"]),
    "an enum takes the place of a text": (
        lambda: (one(sa.Column("x", sa.Text, server_default="a")), mood("a", "b", server_default="b")),
        ["CreateEnumOp", "AlterColumnOp", "AlterColumnOp", "AlterColumnOp"],
    ),
    "an enum loses a value": (lambda: (mood("a", "b", "c"), mood("a", "c")), ["ReplaceEnumOp"]),
    "an enum gains values": (lambda: (mood("b", "d"), mood("a", "b", "c", "d", "e")), ["AddEnumValueOp"] * 3),
    "an enum's order": (lambda: (mood("a", "b"), mood("b", "a")), ["ReplaceEnumOp"]),
    "a check in another spelling": (
        lambda: (
            one(sa.Column("x", sa.String(9)), sa.CheckConstraint("x IN ('a', 'b')", name="c")),
            one(sa.Column("x", sa.String(9)), sa.CheckConstraint("(x = 'a') OR x = 'b'", name="c")),
        ),
        ["DropConstraintOp", "CreateCheckConstraintOp"],
    ),
    "a generated column whose type changes": (
        lambda: (
            one(sa.Column("a", sa.Integer), sa.Column("x", sa.Text, sa.Computed("a::text"))),
            one(sa.Column("a", sa.Integer), sa.Column("x", sa.Text, sa.Computed("(a + 1)::text"))),
        ),
        ["DropColumnOp", "AddColumnOp"],
    ),
}


def _keyed_by(type_: Any) -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(
        "p", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", type_),
        sa.UniqueConstraint("code", name="uq_code"),
    )  # fmt: skip
    sa.Table(
        "t", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("p_id", type_),
        sa.ForeignKeyConstraint(["p_id"], ["p.code"], name="fk"),
    )  # fmt: skip
    return metadata


@pytest.mark.feature("AL-AUTO04")
@pytest.mark.feature("AL-AUTO09")
@pytest.mark.feature("AL-AUTO10")
@pytest.mark.parametrize("case", CASES)
def test_difference_is_found_once_and_taken_back(connection: Any, case: str) -> None:
    make, expected = CASES[case]
    before, after = make()

    check_law(connection, before, after, expected)


def test_enum_values_are_added_where_they_stand(connection: Any) -> None:
    mood("b", "d").create_all(connection)

    found = differences(connection, mood("a", "b", "c", "d", "e"))

    assert [(o.value, o.before, o.after, o.new_values()) for o in flat(found)] == [
        ("a", "b", None, ["a", "b", "d"]),
        ("c", None, "b", ["a", "b", "c", "d"]),
        ("e", None, "d", ["a", "b", "c", "d", "e"]),
    ]


@pytest.mark.feature("AL-AUTO11")
def test_columns_that_number_themselves_are_not_reported(connection: Any) -> None:
    connection.exec_driver_sql("CREATE TABLE t (id serial PRIMARY KEY, x int GENERATED BY DEFAULT AS IDENTITY)")
    connection.exec_driver_sql("CREATE TABLE u (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
    connection.exec_driver_sql("CREATE TABLE v (id int PRIMARY KEY)")
    metadata = one(sa.Column("x", sa.Integer, sa.Identity()))
    for name in ("u", "v"):
        sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True))

    assert kinds(differences(connection, metadata)) == []


@pytest.mark.feature("AL-AUTO25")
def test_spelling_of_casts_and_empty_comments_is_no_difference(connection: Any) -> None:
    def model(index: str, computed: str, comment: str | None) -> sa.MetaData:
        return one(
            sa.Column("s", sa.String(9), comment=comment), sa.Column("c", sa.Text, sa.Computed(computed)),
            sa.Index("ix", sa.text(index)), comment=comment,
        )  # fmt: skip

    model("lower(s)", "upper(s)", None).create_all(connection)

    assert kinds(differences(connection, model("lower((s)::text)", "upper(s::text)", ""))) == []


@pytest.mark.feature("AL-AUTO06")
def test_named_check_comes_and_goes(connection: Any) -> None:
    named = one(sa.CheckConstraint("id > 0", name="ck"))

    check_law(connection, one(), named, ["CreateCheckConstraintOp"])
    named.drop_all(connection)
    check_law(connection, named, one(), ["DropConstraintOp"])


def test_sequence_of_serial_goes_with_an_identity_and_comes_back(connection: Any) -> None:
    def numbers() -> list[tuple[Any, ...]]:
        sql = "SELECT sequencename::text, data_type::text, start_value, increment_by, last_value FROM pg_sequences"
        return [tuple(row) for row in connection.exec_driver_sql(sql)]

    serial, identity = one(), sa.MetaData()
    sa.Table("t", identity, sa.Column("id", sa.Integer, sa.Identity(start=5, increment=3), primary_key=True))
    serial.create_all(connection)
    connection.exec_driver_sql("INSERT INTO t SELECT generate_series(1, 9)")
    upgrade = differences(connection, identity)
    apply(connection, upgrade)
    assert numbers() == [("t_id_seq", "integer", 5, 3, None)]
    assert connection.exec_driver_sql("INSERT INTO t DEFAULT VALUES RETURNING id").scalar() == 10
    apply(connection, upgrade.reverse())
    assert numbers() == [("t_id_seq", "integer", 1, 1, None)]
    assert connection.exec_driver_sql("INSERT INTO t DEFAULT VALUES RETURNING id").scalar() == 11
    connection.exec_driver_sql("DROP TABLE t")
    assert numbers() == []


def test_key_that_repeats_another_one_comes_back_with_its_table(connection: Any) -> None:
    run = connection.exec_driver_sql
    run("CREATE TABLE t (id int PRIMARY KEY, n int)")
    run("ALTER TABLE t ADD CONSTRAINT again UNIQUE (id), ADD CONSTRAINT n1 UNIQUE (n), ADD CONSTRAINT n2 UNIQUE (n)")
    names = "SELECT conname::text FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY 1"
    before = run(names).scalars().all()
    upgrade = differences(connection, sa.MetaData())
    apply(connection, upgrade)
    apply(connection, upgrade.reverse())
    assert run(names).scalars().all() == before == ["again", "n1", "n2", "t_pkey"]
