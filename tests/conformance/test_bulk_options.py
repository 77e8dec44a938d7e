"""Options of bulk methods, rows with different keys, and entities that INSERT gives back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import event, exc, func, insert, inspect, select
from pyorm.dialects import postgresql, sqlite
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    """Base of the class below."""


class Item(Base):
    """A row with a default of the program and one of the database."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    n: Mapped[int | None] = mapped_column(server_default="7")
    d: Mapped[int | None] = mapped_column(default=5)
    touched: Mapped[int | None] = mapped_column(onupdate=9)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over an empty table."""
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        yield made


@pytest.fixture
def verbs(session: Session) -> list[str]:
    """The first words of the statements from now on."""
    heard: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda c, k, sql, *_: heard.append(sql.split()[0]))
    return heard


def rows(session: Session, prefix: str = "") -> list[tuple[Any, ...]]:
    """Return name, n and d of the rows with a prefix."""
    query = select(Item.name, Item.n, Item.d).where(Item.name.startswith(prefix)).order_by(Item.name)
    return [tuple(row) for row in session.execute(query)]


# --- INSERT … RETURNING entities ---


def test_rows_with_other_keys_keep_their_values(session: Session) -> None:
    given = [{"name": "a"}, {"name": "b", "n": 1}, {"name": "c"}]

    found = session.scalars(insert(Item).returning(Item), given).all()

    assert [(item.name, item.n) for item in found] == [("a", 7), ("b", 1), ("c", 7)]
    assert found[1] is session.get(Item, found[1].id)
    columns = session.execute(insert(Item).returning(Item.name, Item.n), [{"name": "d"}, {"name": "e", "n": 2}]).all()
    assert [tuple(row) for row in columns] == [("d", 7), ("e", 2)]


def test_pages_of_entities(session: Session, verbs: list[str]) -> None:
    given = [{"name": f"p{number}"} for number in range(10)]
    statement = insert(Item).returning(Item)

    found = session.scalars(statement, given, execution_options={"insertmanyvalues_page_size": 3}).all()

    assert sorted(item.name for item in found) == sorted(row["name"] for row in given)
    assert verbs.count("INSERT") == 4


def test_entities_in_the_order_of_the_rows(session: Session) -> None:
    given = [{"name": name} for name in ("z", "a", "m")]
    found = session.scalars(insert(Item).returning(Item, sort_by_parameter_order=True), given).all()
    assert [item.name for item in found] == ["z", "a", "m"]


def test_more_parameters_than_a_statement_takes(session: Session) -> None:
    given = [{"name": f"{number:05}", "n": number, "d": 1} for number in range(12_000)]
    found = session.scalars(
        insert(Item).returning(Item), given, execution_options={"insertmanyvalues_page_size": 20_000}
    ).all()
    assert len(found) == 12_000


def test_upsert_returns_entities(session: Session, engine: Engine) -> None:
    make = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
    known = Item(name="a", n=1)
    session.add(known)
    session.flush()
    statement = make(Item).on_conflict_do_update(index_elements=[Item.name], set_={"n": 99}).returning(Item)

    found = session.scalars(
        statement, [{"name": "a"}, {"name": "b"}], execution_options={"populate_existing": True}
    ).all()

    assert [(item.name, item.n) for item in found] == [("a", 99), ("b", 7)]
    assert found[0] is known


def test_none_of_a_column_with_a_default(session: Session) -> None:
    session.execute(insert(Item), [{"name": "a", "n": None}, {"name": "b", "n": 1}])
    session.execute(insert(Item), [{"name": "c", "n": None}], execution_options={"render_nulls": True})
    assert rows(session) == [("a", 7, 5), ("b", 1, 5), ("c", None, 5)]


# --- bulk methods ---


def test_bulk_insert_mappings_options(session: Session, verbs: list[str]) -> None:
    given = [{"name": "a", "n": None}, {"name": "b", "n": 1}, {"name": "c", "n": None}]

    session.bulk_insert_mappings(Item, given)
    assert verbs.count("INSERT") == 3
    assert rows(session) == [("a", 7, 5), ("b", 1, 5), ("c", 7, 5)]
    assert "id" not in given[0]

    verbs.clear()
    session.bulk_insert_mappings(Item, [{**row, "name": "x" + str(row["name"])} for row in given], render_nulls=True)
    assert verbs.count("INSERT") == 1
    assert rows(session, "x") == [("xa", None, 5), ("xb", 1, 5), ("xc", None, 5)]

    more: list[dict[str, Any]] = [{"name": "r1"}, {"name": "r2"}, {"name": "r3", "n": 3}]
    session.bulk_insert_mappings(Item, more, return_defaults=True)
    assert [session.get_one(Item, row["id"]).name for row in more] == ["r1", "r2", "r3"]
    assert sorted(more[0]) == ["id", "name"]


def test_bulk_save_objects_options(session: Session, verbs: list[str]) -> None:
    plain, keyed = Item(name="plain"), Item(name="keyed")
    session.bulk_save_objects([plain])
    session.bulk_save_objects([keyed], return_defaults=True)
    assert (inspect(plain).transient, inspect(keyed).detached) == (True, True)
    assert session.get_one(Item, keyed.id).name == "keyed"
    session.commit()
    first = session.scalars(select(Item).where(Item.name == "plain")).one()
    assert first.name == "plain"
    session.expunge_all()

    for ordered, wanted in ((True, ["INSERT", "UPDATE", "INSERT"]), (False, ["INSERT", "UPDATE"])):
        first.n = 10 + ordered
        verbs.clear()
        session.bulk_save_objects(
            [Item(name=f"x{ordered}"), first, Item(name=f"y{ordered}")], preserve_order=ordered
        )
        assert [verb for verb in verbs if verb in ("INSERT", "UPDATE")] == wanted

    heard: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda c, k, sql, *_: heard.append(sql))
    first.n = 1
    session.bulk_save_objects([first])
    session.bulk_save_objects([first], update_changed_only=False)
    assert ["name" in sql.split("WHERE")[0] for sql in heard] == [False, True]


def test_bulk_update_needs_the_primary_key(session: Session) -> None:
    with pytest.raises(
        exc.InvalidRequestError, match=r"No primary key value supplied for column\(s\) items\.id"
    ) as caught:
        session.bulk_update_mappings(Item, [{"name": "x"}])
    assert caught.value.code == "bupq"


# --- Query ---


def test_merge_result_brings_entities_of_another_session(session: Session, engine: Engine) -> None:
    session.add_all([Item(id=101, name="a"), Item(id=102, name="b")])
    session.commit()
    with Session(engine) as other:
        cached = other.query(Item).order_by(Item.id).all()
    session.expunge_all()

    merged = list(session.query(Item).merge_result(cached, load=False))
    pairs = list(session.query(Item.n, Item).merge_result([(3, cached[0]), (4, None)], load=False))

    assert [item.name for item in merged] == ["a", "b"]
    assert all(item in session for item in merged)
    assert (pairs[0].n, pairs[0].Item, pairs[1].Item) == (3, merged[0], None)
    assert tuple(session.query(Item).get_children()) == ()


# --- a value of SQL beats onupdate ---


def test_expression_of_a_column_with_onupdate(session: Session) -> None:
    item = Item(name="a")
    session.add(item)
    session.flush()

    item.touched = func.abs(-8)
    session.flush()
    assert item.touched == 8

    item.name = "b"
    session.flush()
    assert item.touched == 9
