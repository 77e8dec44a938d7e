"""INSERT, UPDATE, DELETE and common table expressions: one test a feature, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import (
    CheckConstraint,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    exc,
    func,
    insert,
    literal,
    select,
    update,
)
from pyorm.dialects import postgresql, sqlite
from tests.conformance.staff import SALES, STAFF, fill

TAGS = Table(
    "tags",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Column("hits", Integer, default=7, onupdate=8),
    Column("live", Integer),
    UniqueConstraint("name", name="uq_tags_name"),
    CheckConstraint("hits >= 0"),
)
Index("ix_tags_hits", TAGS.c.hits, unique=True, postgresql_where=TAGS.c.live > 0,
      sqlite_where=TAGS.c.live > 0)  # fmt: skip


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        fill(made)
        TAGS.metadata.create_all(made)
        yield made


def own_insert(connection: Connection) -> Any:
    """Return the database's own insert()."""
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


def tags(connection: Connection) -> list[tuple[Any, ...]]:
    """Return id, name and hits of all tags."""
    query = select(TAGS.c.id, TAGS.c.name, TAGS.c.hits).order_by(TAGS.c.id)
    return [tuple(row) for row in connection.execute(query)]


@pytest.mark.feature("DML01")
def test_values_are_inserted_in_every_form(connection: Connection) -> None:
    connection.execute(insert(TAGS).values({"id": 1, "name": "a"}))
    connection.execute(insert(TAGS).values(id=2, name="b", hits=literal(1) + 1))
    connection.execute(insert(TAGS).values([{"id": 3, "name": "c"}, {"id": 4, "name": "d"}]))
    connection.execute(insert(TAGS).values((5, "e", 5, 1)))
    connection.execute(insert(TAGS).values([(6, "f", 6, 1), (7, "g", 9, 1)]))
    connection.execute(TAGS.insert().values({TAGS.c.id: 8, TAGS.c.name: "h"}))

    assert tags(connection) == [
        (1, "a", 7), (2, "b", 2), (3, "c", 7), (4, "d", 7), (5, "e", 5), (6, "f", 6), (7, "g", 9),
        (8, "h", 7),
    ]  # fmt: skip


@pytest.mark.feature("DML02")
def test_rows_are_updated_with_values_and_expressions(connection: Connection) -> None:
    raised = update(STAFF).where(STAFF.c.team == "a").where(STAFF.c.id > 1)

    assert connection.execute(raised.values(pay=STAFF.c.pay + 5, name="x")).rowcount == 1
    row = connection.execute(select(STAFF.c.pay, STAFF.c.name).where(STAFF.c.id == 2)).one()
    assert row == (85, "x")
    connection.execute(STAFF.update().values({STAFF.c.pay: func.coalesce(STAFF.c.pay, 0) * 2}))
    assert connection.scalars(select(STAFF.c.pay).order_by(STAFF.c.id)).all() == [200, 170, 140, 0, 100]


@pytest.mark.feature("DML03")
def test_rows_are_deleted(connection: Connection) -> None:
    assert connection.execute(delete(SALES).where(SALES.c.amount < 10)).rowcount == 2
    assert connection.execute(SALES.delete().where(SALES.c.id == 1).where(SALES.c.id == 2)).rowcount == 0
    assert connection.execute(delete(SALES)).rowcount == 3


def test_rows_written_are_returned(connection: Connection) -> None:
    rows = [{"id": n, "name": f"n{n}"} for n in (3, 1, 2)]

    made = insert(TAGS).returning(TAGS.c.id, (TAGS.c.hits + 1).label("more"))
    assert connection.execute(made, {"id": 9, "name": "nine"}).one() == (9, 8)
    ordered = insert(TAGS).returning(TAGS.c.name, sort_by_parameter_order=True)
    assert connection.scalars(ordered, rows).all() == ["n3", "n1", "n2"]
    changed = update(TAGS).where(TAGS.c.id < 3).values(hits=5).returning(TAGS)
    assert sorted(connection.execute(changed)) == [(1, "n1", 5, None), (2, "n2", 5, None)]
    gone = delete(TAGS).where(TAGS.c.id == 3).returning(TAGS.c.name)
    assert connection.scalars(gone).all() == ["n3"]


@pytest.mark.feature("DML05")
def test_rows_of_a_select_are_inserted(connection: Connection) -> None:
    source = select(STAFF.c.id, STAFF.c.name).where(STAFF.c.team == "a")

    connection.execute(insert(TAGS).from_select(["id", "name"], source))
    bare = source.with_only_columns(STAFF.c.id + 10, STAFF.c.name + "!")
    connection.execute(
        insert(TAGS).from_select([TAGS.c.id, TAGS.c.name], bare, include_defaults=False)
    )

    assert tags(connection) == [(1, "Ada", 7), (2, "Bob", 7), (11, "Ada!", None), (12, "Bob!", None)]


@pytest.mark.feature("DML06")
def test_set_is_in_the_order_told(connection: Connection) -> None:
    one = update(STAFF).where(STAFF.c.id == 1)

    first = one.ordered_values((STAFF.c.team, "z"), (STAFF.c.pay, 1))
    other = one.ordered_values((STAFF.c.pay, STAFF.c.id + 1), (STAFF.c.team, "y"))

    assert " team=" in str(first).split("pay=")[0]
    assert " pay=" in str(other).split("team=")[0]
    for statement, expected in ((first, ("z", 1)), (other, ("y", 2))):
        connection.execute(statement)
        query = select(STAFF.c.team, STAFF.c.pay).where(STAFF.c.id == 1)
        assert connection.execute(query).one() == expected


@pytest.mark.feature("DML07")
def test_other_tables_take_part(connection: Connection) -> None:
    raised = (
        update(STAFF).values(pay=STAFF.c.pay + SALES.c.amount)
        .where(SALES.c.staff_id == STAFF.c.id, SALES.c.id == 3)
    )  # fmt: skip
    gone = delete(SALES).where(SALES.c.staff_id == STAFF.c.id, STAFF.c.name == "Cy")

    connection.execute(raised)
    assert connection.scalar(select(STAFF.c.pay).where(STAFF.c.id == 2)) == 85
    if connection.dialect.name == "postgresql":
        assert connection.execute(gone).rowcount == 1
        boss = STAFF.alias("boss")
        named = delete(SALES).using(boss).where(SALES.c.staff_id == boss.c.id, boss.c.id == 2)
        assert connection.execute(named).rowcount == 1
    else:
        with pytest.raises((exc.CompileError, NotImplementedError), match="DELETE names one table"):
            connection.execute(gone)


@pytest.mark.feature("DML09")
def test_subselects_are_set_and_compared(connection: Connection) -> None:
    sold = select(func.sum(SALES.c.amount)).where(SALES.c.staff_id == STAFF.c.id).scalar_subquery()

    connection.execute(update(STAFF).values(pay=sold).where(sold > 6))
    assert connection.scalars(select(STAFF.c.pay).order_by(STAFF.c.id)).all() == [30, 80, 7, None, 50]
    largest = select(func.max(SALES.c.amount)).scalar_subquery()
    assert connection.execute(delete(SALES).where(SALES.c.amount == largest)).rowcount == 1


@pytest.mark.feature("DML10", "DML12")
def test_row_is_changed_when_it_is_there(connection: Connection) -> None:
    make = own_insert(connection)
    connection.execute(insert(TAGS), [{"id": 1, "name": "a", "hits": 1, "live": 1}])
    again = make(TAGS).values(id=2, name="a", hits=10, live=1)

    changed = again.on_conflict_do_update(
        index_elements=["name"], set_={"hits": again.excluded.hits + TAGS.c.hits}
    )
    connection.execute(changed)
    assert tags(connection) == [(1, "a", 11)]
    refused = again.on_conflict_do_update(
        index_elements=[TAGS.c.name], set_={TAGS.c.hits: 0}, where=TAGS.c.hits < 5
    )
    assert connection.execute(refused).rowcount == 0
    partial = make(TAGS).values(id=3, name="b", hits=11, live=1)
    partial = partial.on_conflict_do_update(
        index_elements=[TAGS.c.hits], index_where=TAGS.c.live > 0,
        set_={"name": partial.excluded.name},
    )  # fmt: skip
    connection.execute(partial)
    assert tags(connection) == [(1, "b", 11)]
    if connection.dialect.name == "postgresql":
        statement = make(TAGS).values(id=4, name="b", hits=12)
        for constraint in ("uq_tags_name", next(
            c for c in TAGS.constraints if c.name == "uq_tags_name"
        )):  # fmt: skip
            connection.execute(statement.on_conflict_do_update(
                constraint=constraint, set_={"hits": statement.excluded.hits}
            ))  # fmt: skip
        assert tags(connection) == [(1, "b", 12)]
    rows = [{"id": 8, "name": "b", "hits": 20}, {"id": 9, "name": "new", "hits": 21}]
    many = make(TAGS)
    connection.execute(
        many.on_conflict_do_update(index_elements=["name"], set_={"hits": many.excluded.hits}), rows
    )
    assert tags(connection) == [(1, "b", 20), (9, "new", 21)]


@pytest.mark.feature("DML11")
def test_row_is_left_when_it_is_there(connection: Connection) -> None:
    make = own_insert(connection)
    connection.execute(insert(TAGS), {"id": 1, "name": "a"})
    again = make(TAGS).values(id=1, name="a")

    assert connection.execute(again.on_conflict_do_nothing()).rowcount == 0
    assert connection.execute(again.on_conflict_do_nothing(index_elements=["id"])).rowcount == 0
    if connection.dialect.name == "postgresql":
        other = make(TAGS).values(id=2, name="a").on_conflict_do_nothing(constraint="uq_tags_name")
        assert connection.execute(other).rowcount == 0
    with pytest.raises(exc.IntegrityError):
        connection.execute(make(TAGS).values(id=2, name="a").on_conflict_do_nothing(index_elements=["id"]))


@pytest.mark.feature("DML14")
def test_writing_statement_is_a_cte_of_postgresql(pg_db: Any) -> None:
    from pyorm import create_engine

    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        fill(connection)
        gone = delete(SALES).where(SALES.c.amount < 10).returning(SALES.c.amount).cte("gone")
        new = insert(SALES).values(id=50, amount=500).returning(SALES.c.id).cte("new")
        more = update(STAFF).values(pay=1).where(STAFF.c.id == 5).returning(STAFF.c.id).cte("more")

        assert connection.scalar(select(func.sum(gone.c.amount))) == 12
        assert connection.scalar(select(new.c.id)) == 50
        assert connection.scalar(select(more.c.id)) == 5
        assert connection.scalar(select(func.count()).select_from(SALES)) == 4
        assert connection.scalar(select(STAFF.c.pay).where(STAFF.c.id == 5)) == 1
    engine.dispose()


@pytest.mark.feature("DML17")
def test_unknown_columns_are_named(connection: Connection) -> None:
    with pytest.raises(exc.CompileError, match="Unconsumed column names: wrong"):
        connection.execute(insert(TAGS).values(wrong=1))
    with pytest.raises(exc.CompileError, match="Unconsumed column names: wrong"):
        connection.execute(update(TAGS).values(wrong=1))
    connection.execute(insert(TAGS), {"id": 1})
    assert tags(connection) == [(1, None, 7)]


@pytest.mark.feature("EXPR22")
def test_common_tables_are_recursive_nested_and_written(connection: Connection) -> None:
    tree = (
        select(STAFF.c.id, literal(0).label("depth")).where(STAFF.c.boss_id.is_(None))
        .cte("tree", recursive=True)
    )  # fmt: skip
    tree = tree.union_all(
        select(STAFF.c.id, tree.c.depth + 1).join(tree, STAFF.c.boss_id == tree.c.id)
    )
    assert connection.execute(select(tree).order_by(tree.c.id)).all() == [
        (1, 0), (2, 1), (3, 1), (4, 2), (5, 3),
    ]  # fmt: skip
    inner = select(STAFF.c.id).where(STAFF.c.id > 2).cte("inner_ids", nesting=True)
    outer = select(inner.c.id).where(inner.c.id < 5).cte("outer_ids")
    nested = select(outer.c.id).order_by(outer.c.id)
    assert connection.scalars(nested).all() == [3, 4]
    assert str(nested).index("outer_ids AS") < str(nested).index("inner_ids AS")
    unused = select(STAFF.c.id).cte("unused")
    assert connection.scalars(select(SALES.c.id).where(SALES.c.id == 1).add_cte(unused)).all() == [1]
    old = select(SALES.c.id).where(SALES.c.amount < 10).cte("old")
    assert connection.execute(delete(SALES).where(SALES.c.id.in_(select(old.c.id)))).rowcount == 2
    copied = select(SALES.c.id + 100, SALES.c.amount).cte("copied")
    connection.execute(insert(SALES).from_select(["id", "amount"], select(copied)))
    assert connection.scalar(select(func.count()).select_from(SALES)) == 6
    if connection.dialect.name == "postgresql":
        gone = delete(SALES).where(SALES.c.id > 100).returning(SALES.c.id).cte("gone")
        assert connection.scalar(select(func.count()).select_from(gone)) == 3
        silent = delete(SALES).cte("silent")
        assert connection.scalar(select(literal(1)).add_cte(silent)) == 1
        assert connection.scalar(select(func.count()).select_from(SALES)) == 0
