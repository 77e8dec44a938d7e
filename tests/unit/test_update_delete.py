"""UPDATE and DELETE: net changes, versions, counts, keys that change, rows taken over."""

from __future__ import annotations

import pytest

from pyorm import FetchedValue, inspect, text
from pyorm.exc import SAWarning
from pyorm.orm import DeclarativeBase, Mapped, mapped_column
from pyorm.orm.exc import StaleDataError


class Base(DeclarativeBase):
    pass


class Plain(Base):
    __tablename__ = "plain"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int | None]
    b: Mapped[str | None]


class Touched(Base):
    __tablename__ = "touched"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int | None]
    called: Mapped[int | None] = mapped_column(onupdate=lambda: 9)
    sql: Mapped[int | None] = mapped_column(onupdate=text("2+1"))
    server: Mapped[int | None] = mapped_column(server_onupdate=FetchedValue())


class Eager(Base):
    __tablename__ = "eager"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int | None]
    sql: Mapped[int | None] = mapped_column(onupdate=text("2+1"))
    __mapper_args__ = {"eager_defaults": True}


class Versioned(Base):
    __tablename__ = "versioned"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    a: Mapped[int | None]
    __mapper_args__ = {"version_id_col": version}


class Lettered(Base):
    __tablename__ = "lettered"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column()
    a: Mapped[int | None]
    __mapper_args__ = {
        "version_id_col": version,
        "version_id_generator": lambda before: (before or "") + "x",
        "confirm_deleted_rows": False,
    }


class Pair(Base):
    __tablename__ = "pair"
    x: Mapped[int] = mapped_column(primary_key=True)
    y: Mapped[str] = mapped_column(primary_key=True)
    a: Mapped[int | None]


@pytest.fixture(autouse=True)
def tables(create) -> None:
    create(Base)


def stored(session, cls, count: int, **values):
    """Make and flush instances."""
    made = [cls(**values) for _ in range(count)]
    session.add_all(made)
    session.flush()
    return made


def test_only_net_changes_are_written_when_attributes_were_set(session, statements) -> None:
    one, same, back = stored(session, Plain, 3, a=1, b="x")
    statements.clear()

    one.b = "y"
    same.a = 1
    back.a = 5
    back.a = 1
    session.flush()

    assert len(statements) == 1
    assert "b =" in statements[0]
    assert "a =" not in statements[0]


def test_rows_are_updated_by_key_when_several_changed(session, statements, db) -> None:
    made = stored(session, Plain, 4, a=1)
    statements.clear()

    for number in (3, 0, 2):
        made[number].a = 10 + number
    made[1].b = "other"
    session.commit()

    assert [("a =" in s, "b =" in s) for s in statements] == [(True, False), (False, True), (True, False)]
    assert db.rows("SELECT a FROM plain ORDER BY id") == [("10",), ("1",), ("12",), ("13",)]


@pytest.mark.parametrize("count", [99, 100, 1500])
def test_every_row_gets_its_own_value_when_many_are_updated(session, db, counted, count: int) -> None:
    made = stored(session, Versioned, count, a=0)

    for number, one in enumerate(made):
        one.a = number if number % 2 else None
    made[0].a = 7
    session.commit()

    rows = db.rows("SELECT id, a, version FROM versioned ORDER BY id")
    expected = [(str(o.id), "7" if n == 0 else str(n) if n % 2 else None) for n, o in enumerate(made)]
    assert [row[:2] for row in rows] == expected
    assert {row[2] for row in rows} <= {"1", "2"}
    if db.name == "postgresql":
        assert (counted["rows"] >= 99) == (count == 99)


def test_deleted_attribute_is_null_when_flushed(session, db) -> None:
    (one,) = stored(session, Plain, 1, a=1, b="x")

    del one.b
    session.commit()

    assert db.rows("SELECT a, b FROM plain") == [("1", None)]


def test_onupdate_is_written_when_anything_changed(session, db) -> None:
    one, given, untouched = stored(session, Touched, 3, a=1)

    one.a = 2
    given.a, given.called = 2, 4
    session.flush()

    assert (one.called, given.called) == (9, 4)
    assert {"sql", "server"} <= inspect(one).expired_attributes
    assert not inspect(untouched).expired_attributes
    session.commit()
    assert db.rows("SELECT called, sql FROM touched ORDER BY id") == [("9", "3"), ("4", "3"), (None, None)]


def test_server_values_are_fetched_when_defaults_are_eager(session, statements) -> None:
    (one,) = stored(session, Eager, 1, a=1)
    statements.clear()

    one.a = 2
    session.flush()

    assert "RETURNING" in statements[0]
    assert vars(one)["sql"] == 3


def test_expression_is_written_alone_and_stale_afterwards(session, statements, db) -> None:
    made = stored(session, Plain, 3, a=1)
    statements.clear()

    made[0].a = 5
    made[1].a = Plain.a + 10
    made[2].a = 6
    session.flush()

    assert len(statements) == 3
    assert "a" in inspect(made[1]).expired_attributes
    session.commit()
    assert db.rows("SELECT a FROM plain ORDER BY id") == [("5",), ("11",), ("6",)]


def test_version_counts_and_is_checked_when_rows_are_updated(session) -> None:
    made = stored(session, Versioned, 3, a=1)
    assert [one.version for one in made] == [1, 1, 1]

    made[0].a = 2
    made[2].a = 2
    session.flush()
    assert [one.version for one in made] == [2, 1, 2]

    made[1].version = 50
    session.flush()
    made[1].a = 3
    session.flush()
    assert made[1].version == 51


def test_generator_makes_the_versions_when_one_is_given(session) -> None:
    (one,) = stored(session, Lettered, 1, a=1)

    one.a = 2
    session.flush()

    assert one.version == "xx"


@pytest.mark.parametrize("count", [3, 120])
def test_stale_rows_are_named_when_a_version_has_changed(session, count: int) -> None:
    made = stored(session, Versioned, count, a=1)
    session.connection().exec_driver_sql("UPDATE versioned SET version = 7 WHERE id = 2")

    for one in made:
        one.a = 2
    with pytest.raises(StaleDataError) as caught:
        session.flush()

    assert str(caught.value) == (
        f"UPDATE statement on table 'versioned' expected to update {count} row(s); {count - 1} were matched."
    )
    assert made[1] in caught.value.instances
    assert caught.value.instances_exact == (len(caught.value.instances) == 1)
    assert len(caught.value.instances) in (1, count)


def test_missing_row_is_an_error_when_it_is_updated(session) -> None:
    (one,) = stored(session, Plain, 1, a=1)
    session.connection().exec_driver_sql("DELETE FROM plain")

    one.a = 2
    with pytest.raises(StaleDataError, match=r"expected to update 1 row\(s\); 0 were matched") as caught:
        session.flush()

    assert caught.value.instances == (one,)


@pytest.mark.parametrize("count", [9, 10, 1200])
def test_rows_are_deleted_by_key(session, db, counted, count: int) -> None:
    made = stored(session, Plain, count + 1, a=1)
    written = counted["rows"]

    for one in made[1:]:
        session.delete(one)
    session.commit()

    assert db.rows("SELECT id FROM plain") == [(str(made[0].id),)]
    assert counted["rows"] - written == (count if db.name == "sqlite" or count < 10 else 0)


def test_composite_keys_are_matched_whole_when_rows_are_written(session, db) -> None:
    made = [Pair(x=number % 7, y=f"y{number}", a=0) for number in range(240)]
    session.add_all(made)
    session.flush()

    for number, one in enumerate(made[:120]):
        one.a = number
    for one in made[120:]:
        session.delete(one)
    session.commit()

    assert dict(db.rows("SELECT y, a FROM pair")) == {f"y{n}": str(n) for n in range(120)}


def test_missing_rows_are_warned_about_when_deleted(session) -> None:
    made = stored(session, Plain, 3, a=1)
    session.connection().exec_driver_sql("DELETE FROM plain WHERE id = 1")

    for one in made:
        session.delete(one)
    with pytest.warns(SAWarning, match=r"DELETE statement on table 'plain' expected to delete 3 row\(s\); 2 were"):
        session.flush()


def test_version_is_checked_when_rows_are_deleted(session) -> None:
    (one,) = stored(session, Versioned, 1, a=1)
    session.connection().exec_driver_sql("UPDATE versioned SET version = 7")

    session.delete(one)
    with pytest.raises(StaleDataError, match=r"DELETE statement on table 'versioned' expected to delete 1"):
        session.flush()


def test_missing_rows_are_fine_when_the_mapper_does_not_confirm(session) -> None:
    (one,) = stored(session, Lettered, 1, a=1)
    session.connection().exec_driver_sql("UPDATE lettered SET version = 'q'")

    session.delete(one)
    session.flush()


def test_old_key_is_matched_when_the_key_changes(session, db) -> None:
    (one,) = stored(session, Plain, 1, a=1)
    before = one.id

    one.id = 100
    session.flush()

    assert inspect(one).identity == (100,)
    assert before != 100
    session.commit()
    assert db.rows("SELECT id FROM plain") == [("100",)]


def test_row_is_taken_over_when_its_key_is_deleted_and_added(session, statements, db) -> None:
    (old,) = stored(session, Plain, 1, a=1, b="old")
    statements.clear()

    session.delete(old)
    new = Plain(id=old.id, a=2)
    session.add(new)
    session.commit()

    assert [statement.split()[0] for statement in statements] == ["UPDATE"]
    assert db.rows("SELECT a, b FROM plain") == [("2", "old")]


def test_conflict_is_warned_about_when_a_key_is_taken(session) -> None:
    (old,) = stored(session, Plain, 1, a=1)
    session.add(Plain(id=old.id))

    with (
        pytest.warns(SAWarning, match=r"New instance <Plain at .*> with identity key .* conflicts with persistent"),
        pytest.raises(Exception, match=r"(?i)unique"),
    ):
        session.flush()
