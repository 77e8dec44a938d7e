"""Warnings of a flush, and what they end with when an autoflush gave them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import pytest

from pyorm import ForeignKey, String, event, exc, select, text
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

NOTE = (
    " (This warning originated from the Session 'autoflush' process, which was invoked automatically in response to a "
    "user-initiated operation. Consider using ``no_autoflush`` context manager if this warning happened while "
    "initializing objects.)"
)


class Base(DeclarativeBase):
    pass


class Crew(Base):
    __tablename__ = "crew"

    code: Mapped[str] = mapped_column(String(10), primary_key=True)
    members: Mapped[list[Sailor]] = relationship(back_populates="crew", cascade="")


class Sailor(Base):
    __tablename__ = "sailor"

    id: Mapped[int] = mapped_column(primary_key=True)
    crew_code: Mapped[str | None] = mapped_column(ForeignKey("crew.code"))
    crew: Mapped[Crew | None] = relationship(back_populates="members", cascade="")


def outside_one_way(session: Session) -> None:
    session.get_one(Crew, "a").members = [Sailor()]


def outside_other_way(session: Session) -> None:
    session.get_one(Sailor, 1).crew = Crew(code="b")


def outside_in_queue(session: Session) -> None:
    Sailor(crew=session.get_one(Crew, "a"))


def known_key(session: Session) -> None:
    session.info["held"] = session.get_one(Crew, "a")
    session.add(Crew(code="a"))


def no_row(session: Session) -> None:
    sailor = session.get_one(Sailor, 1)
    session.execute(text("DELETE FROM sailor"))
    session.delete(sailor)


def no_key(session: Session) -> None:
    session.add(Crew())


WARNINGS: list[tuple[Callable[[Session], None], str]] = [
    (outside_one_way, "Object of type <Sailor> not in session, add operation along 'Crew.members' will not proceed"),
    (outside_other_way, "Object of type <Crew> not in session, add operation along 'Sailor.crew' won't proceed"),
    (outside_in_queue, "Object of type <Sailor> not in session, add operation along 'Crew.members' will not proceed"),
    (known_key, "New instance <Crew at 0x"),
    (no_row, "DELETE statement on table 'sailor' expected to delete 1 row(s); 0 were matched."),
    (no_key, "Column 'crew.code' is marked as a member of the primary key for table 'crew'"),
]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on a crew with one sailor."""
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        made.add_all([Crew(code="a"), Sailor(id=1, crew_code="a")])
        made.commit()
        yield made


def warnings_of(session: Session, flush: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            flush()
        except exc.IntegrityError:
            session.rollback()
    assert all(one.category is exc.SAWarning for one in caught)
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(("change", "starts"), WARNINGS)
def test_warning_has_a_note_when_an_autoflush_gave_it(
    session: Session, change: Callable[[Session], None], starts: str
) -> None:
    change(session)

    (message,) = warnings_of(session, lambda: session.execute(select(Crew.code)).all())

    assert message.startswith(starts) and message.endswith(NOTE)


@pytest.mark.parametrize(("change", "starts"), WARNINGS)
def test_warning_has_no_note_when_a_flush_was_asked_for(
    session: Session, change: Callable[[Session], None], starts: str
) -> None:
    change(session)

    (message,) = warnings_of(session, session.flush)

    assert message.startswith(starts) and "autoflush" not in message


def test_warning_has_no_note_when_an_autoflush_failed_before(session: Session) -> None:
    session.add_all([Sailor(id=1), Sailor(id=1)])
    with pytest.raises(exc.IntegrityError, match="Query-invoked autoflush"):
        session.execute(select(Crew.code))
    session.rollback()
    outside_one_way(session)

    (message,) = warnings_of(session, session.flush)

    assert not message.endswith(NOTE)


def test_reading_a_reference_does_not_flush_when_its_key_is_null(session: Session) -> None:
    sailor = Sailor(id=2)
    session.add(sailor)
    session.commit()
    flushed: list[object] = []
    event.listen(session, "before_flush", lambda *args: flushed.append(args))
    assert sailor.crew_code is None
    session.add(Crew(code="new"))

    assert sailor.crew is None
    assert flushed == []
