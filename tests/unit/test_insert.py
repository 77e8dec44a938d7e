"""INSERT: what is written, what is given back, in which order."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from pyorm import JSON, Column, ForeignKey, Identity, Integer, String, Table, func, inspect, text
from pyorm.exc import DataError, IntegrityError, SAWarning
from pyorm.orm import DeclarativeBase, Mapped, mapped_column
from pyorm.orm.exc import FlushError


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    age: Mapped[int | None]
    scalar: Mapped[int | None] = mapped_column(default=5)
    called: Mapped[int | None] = mapped_column(default=lambda: 7)
    copied: Mapped[int | None] = mapped_column(default=lambda context: context.get_current_parameters()["age"])
    server: Mapped[int | None] = mapped_column(server_default="3")
    sql: Mapped[int | None] = mapped_column(default=text("1+1"))


class Named(Base):
    __tablename__ = "named"
    key: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[int | None]


class Node(Base):
    __tablename__ = "node"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("node.id"))


class Loop(Base):
    __tablename__ = "loop"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    other_id: Mapped[int] = mapped_column(ForeignKey("loop.id", deferrable=True, initially="DEFERRED"))


class Child(Base):
    __tablename__ = "child"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str | None] = mapped_column(ForeignKey("named.key"))


class Token(Base):
    __tablename__ = "token"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[int]
    server: Mapped[int] = mapped_column(server_default="3")


class Always(Base):
    __tablename__ = "always"
    id: Mapped[int] = mapped_column(
        Integer, Identity(always=True, start=10, increment=-1, maxvalue=10), primary_key=True
    )
    number: Mapped[int]


class Document(Base):
    __tablename__ = "document"
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[Any] = mapped_column(JSON, nullable=True)
    other: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)


class Empty(Base):
    __tablename__ = "empty"
    id: Mapped[int] = mapped_column(primary_key=True)


class Partial(Base):
    __table__ = Table(
        "partial",
        Base.metadata,
        Column("id", Integer, primary_key=True),
        Column("hidden", Integer, default=4),
        Column("seen", Integer),
    )
    __mapper_args__ = {"include_properties": ["id", "seen"]}


@pytest.fixture(autouse=True)
def tables(create: Any) -> None:
    create(Base)


def test_defaults_come_back_when_an_instance_is_inserted(session, statements) -> None:
    item = Item(name="x", age=3)

    session.add(item)
    session.flush()

    assert len(statements) == 1
    assert vars(item).items() >= {
        "id": 1, "name": "x", "age": 3, "scalar": 5, "called": 7, "copied": 3, "server": 3, "sql": 2
    }.items()  # fmt: skip


def test_none_counts_as_no_value_when_a_column_has_a_default(session, db) -> None:
    item = Item(name=None, age=None, scalar=None, server=None, sql=None)

    session.add(item)
    session.commit()

    assert db.rows("SELECT name, age, scalar, called, server, sql FROM item") == [(None, None, "5", "7", "3", "2")]


def test_only_neighbours_share_a_statement_when_column_sets_differ(session, statements) -> None:
    items = [Item(name="a"), Item(name="b"), Item(name="c", server=9), Item(name="d"), Item(name="e")]

    session.add_all(items)
    session.flush()

    assert len(statements) == 3
    assert [item.id for item in items] == [1, 2, 3, 4, 5]
    assert [item.server for item in items] == [3, 3, 9, 3, 3]


@pytest.mark.parametrize("count", [1, 4, 5, 300, 2500])
def test_keys_follow_the_order_of_add_when_the_database_makes_them(session, db, count: int) -> None:
    items = [Item(name=f"n{number}", age=number) for number in range(count)]

    session.add_all(items)
    session.commit()

    rows = db.rows("SELECT id, name, age, called FROM item ORDER BY id")
    assert rows == [(str(i.id), i.name, str(i.age), "7") for i in items]


@pytest.mark.parametrize("count", [4, 5, 70, 1234])
def test_rows_arrive_when_the_client_makes_the_keys(session, db, count: int) -> None:
    session.add_all([Named(key=f"k{number:04}", value=None if number % 3 else number) for number in range(count)])
    session.commit()

    rows = db.rows("SELECT key, value FROM named ORDER BY key")
    assert rows == [(f"k{n:04}", None if n % 3 else str(n)) for n in range(count)]


@pytest.mark.parametrize("count", [3, 50])
def test_server_values_find_their_row_when_the_client_makes_the_keys(session, db, count: int) -> None:
    tokens = [Token(number=number) for number in range(count)]
    tokens[1].server = 8

    session.add_all(tokens)
    session.commit()

    assert len({token.id for token in tokens}) == count
    found = dict(db.rows("SELECT number, server FROM token"))
    assert found == {str(n): "8" if n == 1 else "3" for n in range(count)}


@pytest.mark.parametrize("count", [3, 40])
def test_keys_follow_the_order_of_add_when_the_sequence_counts_down(session, db, count: int) -> None:
    rows = [Always(number=number) for number in range(count)]

    session.add_all(rows)
    session.commit()

    assert dict(db.rows("SELECT id, number FROM always")) == {str(row.id): str(row.number) for row in rows}


def test_ways_are_chosen_by_size_when_rows_are_inserted(session, db, counted) -> None:
    for count in (4, 5, 64, 1001):
        session.add_all([Named(key=f"{count}-{number}") for number in range(count)])
        session.flush()

    if db.name == "sqlite":
        assert (counted["rows"], counted["values"]) == (9, 1065)
    else:
        assert (counted["rows"], counted["unnest"], counted["copy"]) == (4, 69, 1001)


def test_keys_are_given_out_when_many_rows_share_a_statement(session, db, counted) -> None:
    documents = [Document(body=[number]) for number in range(1500)]

    session.add_all(documents)
    session.commit()

    found = db.rows("SELECT id, body FROM document ORDER BY id")
    assert found == [(str(d.id), f"[{n}]") for n, d in enumerate(documents)]
    assert counted["values" if db.name == "sqlite" else "copy"] >= 1499


def test_trigger_keeps_its_say_when_many_rows_are_inserted(session, db, counted) -> None:
    if db.name == "sqlite":
        db.script(
            "CREATE TRIGGER twice AFTER INSERT ON document WHEN NEW.body = '[1]'"
            " BEGIN INSERT INTO document (body) VALUES ('[99]'); END"
        )
    else:
        db.script(
            "CREATE FUNCTION twist() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.id = 10000 - NEW.id; RETURN NEW; END $$;"
            "CREATE TRIGGER twist BEFORE INSERT ON document FOR EACH ROW EXECUTE FUNCTION twist()"
        )
    documents = [Document(body=[number]) for number in range(200)]

    session.add_all(documents)
    session.commit()

    found = dict(db.rows("SELECT id, body FROM document"))
    assert [found[str(d.id)] for d in documents] == [f"[{n}]" for n in range(200)]
    assert counted["rows"] == 200


def test_none_is_json_null_when_the_type_says_so(session, db) -> None:
    session.add_all([Document(), Document(body=None, other=None), Document(body={"a": 1})])
    session.commit()

    rows = db.rows("SELECT body, other FROM document ORDER BY id")
    assert rows == [(None, None), ("null", None), ('{"a": 1}', None)]


def test_rows_without_any_column_are_inserted(session) -> None:
    rows = [Empty() for _ in range(3)]

    session.add_all(rows)
    session.flush()

    assert [row.id for row in rows] == [1, 2, 3]


def test_default_of_an_unmapped_column_is_written(session, db) -> None:
    session.add(Partial(seen=1))
    session.commit()

    assert db.rows("SELECT hidden, seen FROM partial") == [("4", "1")]


def test_expression_is_stale_afterwards_when_it_was_inserted(session, db, counted) -> None:
    item = Item(name=func.lower("ABC"), age=1)

    session.add_all([Item(name="first"), item, Item(name="last")])
    session.flush()

    assert "name" in inspect(item).expired_attributes
    assert item.id == 2
    assert counted["expression"] == 1
    assert db.name == "postgresql" or counted["rows"] == 2


def test_key_comes_back_when_it_was_an_expression(session) -> None:
    named = Named(key=func.lower("ABC"), value=1)

    session.add(named)
    session.flush()

    assert named.key == "abc"
    assert inspect(named).identity == ("abc",)


def test_referred_rows_go_first_when_tables_depend_on_each_other(session, statements) -> None:
    session.add_all([Child(key="a"), Named(key="a"), Child(key="a")])
    session.flush()

    assert [statement.split()[2] for statement in statements] == ["named", "child"]


def test_parents_go_first_when_a_table_refers_to_itself(session, statements, db) -> None:
    session.add_all([Node(id=1, parent_id=2), Node(id=2), Node(id=3, parent_id=1), Node(id=4)])
    session.commit()

    assert len(statements) == 3  # 2 and 4, then 1, then 3
    assert len(db.rows("SELECT * FROM node")) == 4


def test_order_of_add_is_kept_when_no_row_waits_for_another(session, statements) -> None:
    session.add_all([Node(id=3), Node(id=1), Node(id=2, parent_id=None)])
    session.flush()

    assert len(statements) == 1


def test_rows_that_refer_to_each_other_are_written_when_the_constraint_is_deferred(session, db) -> None:
    session.add_all([Loop(id=1, other_id=2), Loop(id=2, other_id=1)])
    session.commit()

    assert db.rows("SELECT id, other_id FROM loop ORDER BY id") == [("1", "2"), ("2", "1")]


def test_value_out_of_range_is_refused_with_its_column_and_row(session, db) -> None:
    session.add_all([Named(key="a"), Named(key="b\0")])

    with pytest.raises(DataError, match=r"NUL character.*column named\.key, row 1"):
        session.flush()


def test_missing_key_is_warned_about_and_refused(session) -> None:
    session.add(Named(value=1))

    with (
        pytest.warns(SAWarning, match=r"Column 'named.key' is marked as a member of the primary key"),
        pytest.raises(IntegrityError),
    ):
        session.flush()


def test_null_identity_is_refused(session, db, engine) -> None:
    db.script("DROP TABLE child; DROP TABLE named; CREATE TABLE named (key VARCHAR, value INTEGER)")
    session.add(Named(value=1))

    with (
        pytest.warns(SAWarning),
        pytest.raises(FlushError, match=r"<Named at 0x[0-9a-f]+> has a NULL identity key"),
    ):
        session.flush()
