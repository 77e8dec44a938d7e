"""When a many-to-one is answered by the identity map, and what is found where a column of its condition is NULL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, Integer, String, Table, and_, event, func, insert, inspect, literal, or_, select
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, foreign, mapped_column, relationship, remote


class Base(DeclarativeBase):
    pass


class Seat(Base):
    """Its key has two columns."""

    __tablename__ = "seat"

    line: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)


class Show(Base):
    __tablename__ = "show"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str | None] = mapped_column(String(10))


class Ticket(Base):
    __tablename__ = "ticket"

    id: Mapped[int] = mapped_column(primary_key=True)
    line: Mapped[int | None]
    place: Mapped[int | None]
    show_id: Mapped[int | None]
    code: Mapped[str | None] = mapped_column(String(10))
    late: Mapped[int | None]


loose = Table("loose", Base.metadata, Column("a", Integer), Column("b", Integer), Column("name", String(10)))


class Loose(Base):
    """Its key may be NULL in part."""

    __table__ = loose
    __mapper_args__ = {"primary_key": [loose.c.a, loose.c.b]}  # as documented


BY_KEY = {
    "seat": (Seat, and_(foreign(Ticket.line) == Seat.line, foreign(Ticket.place) == Seat.place)),
    "turned": (Seat, and_(Seat.place == foreign(Ticket.place), Seat.line == foreign(Ticket.line))),
    "place_only": (Seat, and_(remote(Seat.line) == Ticket.line, remote(Seat.place) == foreign(Ticket.place))),
    "line_only": (Seat, and_(remote(Seat.line) == foreign(Ticket.line), remote(Seat.place) == Ticket.place)),
    "show": (Show, foreign(Ticket.show_id) == Show.id),
}
BY_QUERY = {
    "first_place": (Seat, and_(foreign(Ticket.line) == Seat.line, Seat.place == 1)),
    "on_time": (Show, and_(foreign(Ticket.show_id) == Show.id, Ticket.late == 0)),
    "opening": (Show, and_(foreign(Ticket.show_id) == Show.id, Show.code == "a")),
    "by_code": (Show, foreign(Ticket.code) == Show.code),
    "both_codes": (Show, and_(foreign(Ticket.show_id) == Show.id, foreign(Ticket.code) == Show.code)),
    "twice": (Show, and_(foreign(Ticket.show_id) == Show.id, foreign(Ticket.late) == Show.id)),
    "computed": (Show, foreign(Ticket.show_id) == Show.id + 0),
    "either": (Show, or_(foreign(Ticket.show_id) == Show.id, foreign(Ticket.code) == Show.code)),
    "default_show": (Show, Show.id == func.coalesce(foreign(Ticket.show_id), literal(2))),
}
for key, (target, on) in (BY_KEY | BY_QUERY).items():
    setattr(Ticket, key, relationship(target, primaryjoin=on, viewonly=True, uselist=False))
Ticket.equals = relationship(  # type: ignore[attr-defined]  # added after the class statement
    Ticket,
    primaryjoin=remote(foreign(Ticket.show_id)).is_not_distinct_from(Ticket.show_id),
    viewonly=True,
    order_by=remote(Ticket.id),
)
Ticket.loose = relationship(  # type: ignore[attr-defined]  # added after the class statement
    Loose, primaryjoin=and_(foreign(Ticket.line) == Loose.a, foreign(Ticket.place) == Loose.b), viewonly=True
)


@pytest.fixture
def tickets(engine: Engine) -> Engine:
    """Seats (1, 1) and (1, 2), shows 1 "a" and 2 "b"; ticket 1 has all, 2 a code, 3 a line, 4 nothing."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([Seat(line=1, place=1), Seat(line=1, place=2), Show(id=1, code="a"), Show(id=2, code="b")])
        session.add_all(
            [
                Ticket(id=1, line=1, place=1, show_id=1, code="a", late=0),
                Ticket(id=2, code="b"),
                Ticket(id=3, line=1),
                Ticket(id=4),
            ]
        )
        session.execute(insert(loose), [{"a": 1, "b": None, "name": "half"}, {"a": 1, "b": 1, "name": "whole"}])
    return engine


@pytest.fixture
def sent(tickets: Engine) -> Iterator[list[str]]:
    """What is sent, as it is sent."""
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(tickets, "before_cursor_execute", note)
    yield statements
    event.remove(tickets, "before_cursor_execute", note)


@pytest.mark.parametrize("key", BY_KEY)
def test_identity_map_answers_when_the_condition_is_the_key(tickets: Engine, sent: list[str], key: str) -> None:
    with Session(tickets) as session:
        known = [*session.scalars(select(Seat)), *session.scalars(select(Show))]
        ticket = session.get_one(Ticket, 1)
        sent.clear()

        assert getattr(ticket, key) in known
        assert sent == []


@pytest.mark.parametrize("key", BY_KEY)
def test_one_statement_brings_it_when_it_is_not_known(tickets: Engine, sent: list[str], key: str) -> None:
    with Session(tickets) as session:
        ticket = session.get_one(Ticket, 1)
        sent.clear()

        assert inspect(getattr(ticket, key)).identity in ((1, 1), (1,))
        assert len(sent) == 1


@pytest.mark.parametrize("key", [key for key in BY_QUERY if key != "twice"])
def test_database_is_asked_when_the_condition_is_more_or_less_than_the_key(
    tickets: Engine, sent: list[str], key: str
) -> None:
    with Session(tickets) as session:
        known = [*session.scalars(select(Seat)), *session.scalars(select(Show))]
        ticket = session.get_one(Ticket, 1)
        sent.clear()

        assert getattr(ticket, key) in known
        assert len(sent) == 1


def test_both_columns_count_when_two_refer_to_the_same_key(tickets: Engine) -> None:
    with Session(tickets) as session:
        ticket = session.get_one(Ticket, 1)
        assert ticket.twice is None  # type: ignore[attr-defined]

        ticket.late = 1
        session.expire(ticket, ["twice"])
        assert ticket.twice.id == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("key", "ticket_id"), [*((key, 4) for key in BY_KEY), ("by_code", 4), ("both_codes", 2), ("twice", 4)]
)
def test_nothing_is_sent_when_null_can_find_nothing(tickets: Engine, sent: list[str], key: str, ticket_id: int) -> None:
    with Session(tickets) as session:
        ticket = session.get_one(Ticket, ticket_id)
        sent.clear()

        assert getattr(ticket, key) is None
        assert sent == []


@pytest.mark.parametrize("listened", [False, True])
def test_rows_are_found_when_the_condition_holds_for_null(tickets: Engine, listened: bool) -> None:
    with Session(tickets) as session:
        if listened:
            event.listen(session, "do_orm_execute", lambda state: None)
        _, second, _, fourth = session.scalars(select(Ticket).order_by(Ticket.id))

        assert second.either.id == 2 and fourth.either is None  # type: ignore[attr-defined]
        assert fourth.default_show.id == 2  # type: ignore[attr-defined]
        assert [one.id for one in second.equals] == [2, 3, 4]  # type: ignore[attr-defined]
        assert second.by_code.id == 2 and fourth.by_code is None  # type: ignore[attr-defined]


def test_key_that_is_null_in_part_is_looked_for_when_the_mapper_allows_it(tickets: Engine, sent: list[str]) -> None:
    with Session(tickets) as session:
        first, _, third, fourth = session.scalars(select(Ticket).order_by(Ticket.id))
        sent.clear()

        assert first.loose.name == "whole"  # type: ignore[attr-defined]
        assert third.loose.name == "half" and fourth.loose is None  # type: ignore[attr-defined]
        assert len(sent) == 2 and "IS NULL" in sent[1]


@pytest.mark.parametrize(("key", "column", "value"), [("show", "show_id", 2), ("by_code", "code", "b")])
@pytest.mark.parametrize("when", ["before", "after"])
def test_present_value_counts_when_it_is_not_flushed_and_peers_load_along(
    tickets: Engine, key: str, column: str, value: Any, when: str
) -> None:
    with tickets.begin() as connection:
        connection.execute(insert(Ticket), [{"id": n, "show_id": 1, "code": "a"} for n in range(10, 16)])
    with Session(tickets, autoflush=False) as session:
        loaded = session.scalars(select(Ticket).where(Ticket.id >= 10).order_by(Ticket.id)).all()
        if when == "before":
            setattr(loaded[3], column, value)
        assert [getattr(loaded[n], key).id for n in (0, 1)] == [1, 1]
        if when == "after":
            setattr(loaded[3], column, value)

        assert [getattr(one, key).id for one in loaded] == [1, 1, 1, 2, 1, 1]
