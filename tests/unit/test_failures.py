"""A flush that fails: which instances it is about, and that nothing of them has changed."""

from __future__ import annotations

import pytest

from pyorm import ForeignKey, func, inspect
from pyorm.exc import IntegrityError
from pyorm.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Named(Base):
    __tablename__ = "named"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    number: Mapped[int | None] = mapped_column(default=4)
    made: Mapped[int | None] = mapped_column(server_default="3")


class Keyed(Base):
    __tablename__ = "keyed"
    a: Mapped[int] = mapped_column(primary_key=True)
    b: Mapped[str] = mapped_column(primary_key=True)


class Last(Base):
    __tablename__ = "last"
    id: Mapped[int] = mapped_column(primary_key=True)
    named_id: Mapped[int | None] = mapped_column(ForeignKey("named.id"))
    name: Mapped[str | None] = mapped_column(unique=True)


@pytest.fixture(autouse=True)
def tables(create) -> None:
    create(Base)


def failing(session) -> IntegrityError:
    with pytest.raises(IntegrityError) as caught:
        session.flush()
    return caught.value


@pytest.mark.parametrize("position", [0, 1, 2])
def test_instance_is_named_when_a_small_batch_fails(session, position: int) -> None:
    rows = [Named(name="a"), Named(name="b"), Named(name="c")]
    session.add(Named(name="taken"))
    session.flush()
    rows[position].name = "taken"

    session.add_all(rows)
    error = failing(session)

    assert error.instances == (rows[position],)
    assert error.instances_exact is True


def test_candidates_have_the_key_when_one_statement_wrote_all(session, db) -> None:
    rows = [Keyed(a=number % 10, b=f"b{number}") for number in range(80)]
    rows[50].a, rows[50].b = 7, "b7"

    session.add_all(rows)
    error = failing(session)

    assert {rows[7], rows[50]} <= set(error.instances)
    assert error.instances_exact is False
    assert len(error.instances) == (2 if db.name == "postgresql" else 80)


def test_line_is_named_when_rows_were_copied(session, db) -> None:
    rows = [Keyed(a=number, b="b") for number in range(1500)]
    rows[1400].a = 5

    session.add_all(rows)
    error = failing(session)

    assert rows[1400] in error.instances
    assert error.instances_exact is (db.name == "postgresql")


def test_pending_instances_are_unchanged_when_a_later_statement_fails(session) -> None:
    first = [Named(name=f"n{number}") for number in range(10)]
    first[3].made = None
    expression = Last(name=func.lower("X"))
    session.add_all([*first, expression, Last(name="same"), Last(name="same")])
    before = expression.name

    failing(session)

    for one in first:
        assert vars(one).keys() - {"_sa_instance_state"} == {"name"} | ({"made"} if one is first[3] else set())
        assert inspect(one).identity is None
    assert first[3].made is None
    assert expression.name is before


def test_flush_works_when_the_cause_of_a_failure_is_gone(session, db) -> None:
    rows = [Named(name=f"n{number % 9}") for number in range(10)]
    session.add_all(rows)
    failing(session)
    session.rollback()

    rows[9].name = "n9"
    session.add_all(rows)
    session.commit()

    assert dict(db.rows("SELECT id, name FROM named")) == {str(row.id): row.name for row in rows}


def test_whole_batch_is_named_when_nothing_tells_the_row(session, db) -> None:
    rows = [Last(name=f"n{number}") for number in range(20)]
    session.add_all(rows)
    if db.name == "sqlite":
        db.script("CREATE TRIGGER no BEFORE INSERT ON last WHEN NEW.name = 'n7' BEGIN SELECT RAISE(ABORT, 'no'); END")
    else:
        db.script("ALTER TABLE last ADD CHECK (name <> 'n7')")

    error = failing(session)

    assert rows[7] in error.instances
    assert error.instances_exact is (db.name == "sqlite")
    assert len(error.instances) == (1 if db.name == "sqlite" else 20)
