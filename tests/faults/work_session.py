"""Sessions while memory runs out: what was not flushed is still pending, what was not loaded can be."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import ForeignKey, create_engine, delete, select, text, update
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    make_transient_to_detached,
    mapped_column,
    relationship,
)
from tests.faults.walk import Outcome, Work, piece

Steps = Generator[Work, Outcome, None]
BOTH = ("sqlite", "postgresql")
ENGINES: dict[str, Engine] = {}


class Base(DeclarativeBase):
    pass


class Pet(Base):
    __tablename__ = "pets"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Box(Base):
    __tablename__ = "boxes"
    id: Mapped[int] = mapped_column(primary_key=True)
    things: Mapped[list[Thing]] = relationship(cascade="all")


class Thing(Base):
    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    box_id: Mapped[int | None] = mapped_column(ForeignKey("boxes.id"))


@contextmanager
def session_of(url: str) -> Iterator[Session]:
    """A session over two pets; the table has them, and only them, afterwards."""
    if url not in ENGINES:
        ENGINES[url] = create_engine(url)
        Base.metadata.drop_all(ENGINES[url])
        Base.metadata.create_all(ENGINES[url])
        with Session(ENGINES[url]) as session:
            session.add_all([Pet(id=1, name="tom"), Pet(id=2, name="jerry")])
            session.commit()
    engine = ENGINES[url]
    session = Session(engine)
    try:
        yield session
    finally:
        session.close()
    assert engine.pool.checkedout() == 0
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM pets WHERE id > 2"))
        rows = connection.execute(text("SELECT id, name FROM pets ORDER BY id")).all()
    assert rows == [(1, "tom"), (2, "jerry")]


@piece(*BOTH)
def get_by_key(url: str) -> Steps:
    with session_of(url) as session:

        def work() -> Any:
            pet = session.get(Pet, 1)
            return pet.name if pet else None

        outcome = yield work
        assert not outcome.done or outcome.value == "tom"
        session.rollback()
        assert work() == "tom"


@piece(*BOTH)
def load_entities(url: str) -> Steps:
    with session_of(url) as session:

        def work() -> Any:
            return [(pet.id, pet.name) for pet in session.scalars(select(Pet).order_by(Pet.id))]

        outcome = yield work
        assert not outcome.done or outcome.value == [(1, "tom"), (2, "jerry")]
        session.rollback()
        assert work() == [(1, "tom"), (2, "jerry")]


@piece(*BOTH)
def flush_new(url: str) -> Steps:
    with session_of(url) as session:
        pets = [Pet(id=10 + i, name=f"pet {i}") for i in range(7)]
        session.add_all(pets)

        def work() -> Any:
            session.flush()

        outcome = yield work
        if not outcome.done:
            session.rollback()
            assert all(pet not in session or pet in session.new for pet in pets)
            session.add_all(pets)
            session.flush()
        assert all(session.get(Pet, pet.id) is pet for pet in pets)
        session.rollback()


@piece(*BOTH)
def flush_changes(url: str) -> Steps:
    with session_of(url) as session:
        pet = session.get(Pet, 1)
        assert pet is not None
        pet.name = "thomas"

        def work() -> Any:
            session.flush()

        yield work
        session.rollback()
        assert pet.name == "tom"


@piece(*BOTH, kinds=("core",))
def follow_an_update(url: str) -> Steps:
    with session_of(url) as session:
        pets = list(session.scalars(select(Pet).order_by(Pet.id)))

        def work() -> Any:
            session.execute(update(Pet).where(Pet.id == 1).values(name="thomas"))
            session.execute(update(Pet).where(Pet.name.like("j%")).values(name="j" + Pet.name))
            session.execute(delete(Pet).where(Pet.id == 2))

        outcome = yield work
        assert not outcome.done or (pets[0].name == "thomas" and pets[1] not in session)
        session.rollback()
        assert [pet.name for pet in pets] == ["tom", "jerry"]


@piece(*BOTH)
def delete_entity(url: str) -> Steps:
    with session_of(url) as session:
        pet = session.get(Pet, 2)

        def work() -> Any:
            session.delete(pet)
            session.flush()

        yield work
        session.rollback()
        assert session.get(Pet, 2) is pet


@piece(*BOTH)
def roll_back_and_expire(url: str) -> Steps:
    with session_of(url) as session:
        pet = session.get(Pet, 1)
        assert pet is not None

        def work() -> Any:
            pet.name = "x"
            session.expire(pet)
            session.rollback()
            return pet.name

        outcome = yield work
        assert not outcome.done or outcome.value == "tom"
        session.rollback()
        assert pet.name == "tom"


@piece(*BOTH)
def merge_graph(url: str) -> Steps:
    with session_of(url) as session:
        known = Box(id=1, things=[Thing(id=1), Thing(id=2)])
        for one in (*known.things, known):
            make_transient_to_detached(one)

        def work() -> Any:
            fresh = session.merge(Box(things=[Thing(), Thing()]))
            session.expunge(fresh)
            same = session.merge(known, load=False)
            found = len(fresh.things), [thing.id for thing in same.things]
            session.expire(same)
            session.expunge_all()
            return found

        outcome = yield work
        assert session.autoflush
        assert not outcome.done or outcome.value == (2, [1, 2])
        session.rollback()
        session.expunge_all()
        assert work() == (2, [1, 2])
