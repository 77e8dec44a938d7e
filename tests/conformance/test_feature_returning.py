"""What INSERT, UPDATE and DELETE give back: RETURNING, keys, defaults; rows of one INSERT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    exc,
    func,
    insert,
    literal,
    select,
    update,
)
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column

META = MetaData()
ITEMS = Table(
    "items", META,
    Column("id", Integer, primary_key=True), Column("a", Integer), Column("s", String, default="made"),
    Column("z", Integer, server_default="7"), Column("o", Integer, onupdate=99),
)  # fmt: skip
PAIRS = Table(
    "pairs", META, Column("x", Integer, primary_key=True), Column("y", Integer, primary_key=True),
    Column("v", Integer),
)  # fmt: skip
FIVE = [{"id": i, "a": i * 10} for i in (5, 3, 4, 1, 2)]


class Base(DeclarativeBase):
    """Base of the mapped class."""


class Item(Base):
    """The same table, mapped."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int | None]


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        META.create_all(made)
        yield made


def rows(connection: Connection, *columns: Any) -> list[tuple[Any, ...]]:
    query = select(*columns or ITEMS.c).order_by(ITEMS.c.id)
    return [tuple(row) for row in connection.execute(query)]


@pytest.mark.feature("DML04")
def test_all_three_give_rows_back(connection: Connection) -> None:
    made = insert(ITEMS).values(id=9, a=1).returning(ITEMS.c.id, ITEMS.c.z, (ITEMS.c.a + 1).label("more"))
    assert connection.execute(made).mappings().one() == {"id": 9, "z": 7, "more": 2}
    whole = insert(ITEMS).values(id=10).returning(ITEMS)
    assert connection.execute(whole).one() == (10, None, "made", 7, None)
    both = insert(ITEMS).values(id=11).returning(ITEMS.c.id).returning(ITEMS.c.s)
    assert connection.execute(both).one() == (11, "made")
    connection.execute(delete(ITEMS))

    in_order = insert(ITEMS).returning(ITEMS.c.id, ITEMS.c.a, sort_by_parameter_order=True)
    assert connection.execute(in_order, FIVE).all() == [(p["id"], p["a"]) for p in FIVE]
    connection.execute(delete(ITEMS))
    keyless = insert(ITEMS).returning(ITEMS.c.a, sort_by_parameter_order=True)
    many = [{"a": n * 7 % 1000} for n in range(1500)]
    options = {"insertmanyvalues_page_size": 100}
    assert connection.scalars(keyless, many, execution_options=options).all() == [p["a"] for p in many]
    assert len(connection.execute(insert(ITEMS).returning(ITEMS.c.id), many).all()) == 1500
    connection.execute(delete(ITEMS))

    connection.execute(insert(ITEMS), FIVE)
    changed = update(ITEMS).where(ITEMS.c.id < 3).values(a=ITEMS.c.a + 1).returning(ITEMS.c.id, ITEMS.c.a, ITEMS.c.o)
    assert sorted(connection.execute(changed).all()) == [(1, 11, 99), (2, 21, 99)]
    gone = delete(ITEMS).where(ITEMS.c.id == 3).returning(ITEMS.c.a)
    assert connection.execute(gone).scalar_one() == 30
    copied = insert(ITEMS).from_select(["a"], select(literal(5))).returning(ITEMS.c.a, ITEMS.c.s)
    assert connection.execute(copied).one() == (5, "made")
    with Session(connection) as session:
        entity = session.scalars(insert(Item).returning(Item), [{"id": 70, "a": 1}, {"id": 71, "a": 2}]).all()
        assert [(type(e), e.id, e.a) for e in entity] == [(Item, 70, 1), (Item, 71, 2)]
        assert session.scalars(update(Item).where(Item.id == 70).values(a=3).returning(Item)).one().a == 3
        assert session.execute(delete(Item).where(Item.id == 71).returning(Item.id)).scalar_one() == 71


def test_rows_of_many_updates_are_refused(connection: Connection) -> None:
    sets = [{"k": 1}, {"k": 2}]

    for word, statement in (("UPDATE", update(ITEMS).values(a=1)), ("DELETE", delete(ITEMS))):
        asked = statement.where(ITEMS.c.id == bindparam("k")).returning(ITEMS.c.id)
        with pytest.raises(exc.InvalidRequestError, match=f"{word}..RETURNING is not supported when executemany"):
            connection.execute(asked, sets)
        assert connection.execute(asked, sets[:1]).all() == []
    several = insert(ITEMS).values([{"id": 1}, {"id": 2}]).returning(ITEMS.c.id, sort_by_parameter_order=True)
    with pytest.raises(exc.CompileError, match="RETURNING cannot be deterministically sorted"):
        connection.execute(several)


def test_rows_of_one_insert_have_one_set_of_keys(connection: Connection) -> None:
    def run(*values: Any) -> list[tuple[Any, ...]]:
        connection.execute(delete(ITEMS))
        connection.execute(insert(ITEMS).values(list(values)))
        return rows(connection)

    assert run({"id": 1, "a": 1}, {"id": 2, "a": func.abs(-3)}) == [(1, 1, "made", 7, None), (2, 3, "made", 7, None)]
    # A default fills what a later or the first row leaves out.
    assert run({"id": 1}, {"id": 2, "s": "x"}) == [(1, None, "made", 7, None), (2, None, "x", 7, None)]
    assert run({"id": 1, "s": "x"}, {"id": 2}) == [(1, None, "x", 7, None), (2, None, "made", 7, None)]
    assert run((1, 2, "s", 3, 4), (2, 3, "t", 4, 5)) == [(1, 2, "s", 3, 4), (2, 3, "t", 4, 5)]
    for less in ([{"id": 1, "a": 1}, {"id": 2}], [{"id": 1, "z": 1}, {"id": 2}], [(1, 2), (2,)]):
        with pytest.raises(exc.CompileError, match=r"INSERT value for column items\.[az] is explicitly rendered"):
            connection.execute(insert(ITEMS).values(less))
    with pytest.raises(exc.CompileError, match=r"Row 1 .* has a value for column items\.a that its first row has none"):
        connection.execute(insert(ITEMS).values([{"id": 1}, {"id": 2, "a": 5}]))


def test_keys_are_told_where_they_are_known(connection: Connection) -> None:
    def key(statement: Any, *params: Any) -> tuple[Any, ...]:
        return tuple(connection.execute(statement, *params).inserted_primary_key)

    assert key(insert(ITEMS).values(id=8, a=5)) == (8,)
    assert key(insert(ITEMS).values(a=5)) != (None,)
    assert key(insert(ITEMS), {"id": 30}) == (30,)
    assert key(insert(PAIRS), {"x": 5, "y": 6}) == (5, 6)
    computed = insert(PAIRS).values(x=func.abs(-4), y=7)
    assert key(computed.return_defaults()) == (4, 7)
    for unknown in (
        insert(ITEMS).values([{"id": 31}, {"id": 32}]), insert(ITEMS).inline().values(a=1),
        insert(ITEMS).from_select(["id", "a"], select(literal(40), literal(6))),
    ):  # fmt: skip
        assert key(unknown) == (None,)
    many = connection.execute(insert(ITEMS), [{"id": 50}, {"id": 51}])
    assert [tuple(row) for row in many.inserted_primary_key_rows] == [(50,), (51,)]
    with pytest.raises(exc.InvalidRequestError, match="executemany call"):
        many.inserted_primary_key  # noqa: B018


def test_defaults_are_returned_to_who_asks(connection: Connection) -> None:
    def told(statement: Any, *params: Any) -> Any:
        return connection.execute(statement, *params)

    result = told(insert(ITEMS).values(id=1001).return_defaults())
    assert not result.returns_rows
    assert result.returned_defaults._asdict() == {"a": None, "z": 7, "o": None}
    assert told(insert(ITEMS).values(id=1002).return_defaults(ITEMS.c.z)).returned_defaults == (7,)
    more = insert(ITEMS).values(id=1003).return_defaults(ITEMS.c.z, supplemental_cols=[ITEMS.c.o])
    assert told(more).returned_defaults._asdict() == {"z": 7, "o": None}
    expression = insert(ITEMS).values(id=1004, a=func.abs(-5)).return_defaults("a")
    assert told(expression).returned_defaults == (5,)
    ordered = insert(ITEMS).return_defaults(ITEMS.c.z, sort_by_parameter_order=True)
    many = told(ordered, [{"a": 1}, {"a": 2}, {"a": 3}])
    assert [row.z for row in many.returned_defaults_rows] == [7, 7, 7]
    keys = [next(iter(row)) for row in many.inserted_primary_key_rows]
    assert connection.scalars(select(ITEMS.c.a).where(ITEMS.c.id.in_(keys)).order_by(ITEMS.c.a)).all() == [1, 2, 3]
    assert keys == sorted(keys) and None not in keys
    with pytest.raises(exc.InvalidRequestError, match="returned_defaults_rows"):
        many.returned_defaults  # noqa: B018
    with pytest.raises(exc.InvalidRequestError, match=r"return_defaults\(\) is already configured"):
        insert(ITEMS).return_defaults().returning(ITEMS.c.id)
    with pytest.raises(exc.CompileError, match=r"returning\(\) and return_defaults\(\) simultaneously"):
        told(insert(ITEMS).values(id=9).returning(ITEMS.c.id).return_defaults())
    with pytest.raises(exc.ArgumentError, match="no column 'nope' in the table"):
        insert(ITEMS).return_defaults("nope")
