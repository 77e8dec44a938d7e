"""Who has a member: delete-orphan with several parents, moved members, parents that are gone; subclasses."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, StaticPool, String, create_engine, event, func, select
from pyorm.orm import Session, attributes, declarative_base, relationship
from pyorm.orm.exc import StaleDataError

Base: Any = declarative_base()


class House(Base):
    """Its rooms do not live without it."""

    __tablename__ = "house"
    id = Column(Integer, primary_key=True)
    kind = Column(String)
    rooms = relationship("Room", back_populates="house", cascade="all, delete-orphan")
    __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "house"}


class Castle(House):
    """A house."""

    __mapper_args__ = {"polymorphic_identity": "castle"}


class Owner(Base):
    """Its rooms do not live without it either."""

    __tablename__ = "owner"
    id = Column(Integer, primary_key=True)
    rooms = relationship("Room", back_populates="owner", cascade="all, delete-orphan")


class Room(Base):
    """Has two parents."""

    __tablename__ = "room"
    id = Column(Integer, primary_key=True)
    house_id = Column(ForeignKey("house.id"))
    owner_id = Column(ForeignKey("owner.id"))
    house = relationship(House, back_populates="rooms")
    owner = relationship(Owner, back_populates="rooms")


@pytest.fixture
def session() -> Iterator[Session]:
    """A session on empty tables."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        yield made


def count(session: Session) -> int:
    """Return how many rooms are in the database."""
    return session.scalar(select(func.count()).select_from(Room)) or 0


def test_pending_member_leaves_when_it_loses_one_of_its_parents(session: Session) -> None:
    house, owner, room = House(), Owner(), Room()
    session.add_all([house, owner])
    house.rooms.append(room)
    owner.rooms.append(room)
    assert room in session
    house.rooms.remove(room)
    assert room not in session


def test_member_that_never_had_a_parent_is_written(session: Session) -> None:
    room = Room()
    session.add(room)
    session.flush()
    assert room in session and count(session) == 1


def test_member_orphaned_outside_a_session_may_come_in(session: Session) -> None:
    house, owner = House(), Owner()
    room = Room(house=house, owner=owner)
    house.rooms.remove(room)
    room.owner = None
    session.add(room)
    session.flush()
    assert room in session


def test_moved_member_is_not_lost_with_its_old_parent(session: Session) -> None:
    room, new = Room(owner=Owner()), House()
    old = House(rooms=[room])
    session.add_all([old, new])
    session.commit()
    new.rooms.append(room)
    assert old.rooms == []
    old.rooms = []
    session.delete(old)
    session.flush()
    assert room.house is new and count(session) == 1


def test_persistent_orphan_is_deleted_however_it_lost_its_parent(session: Session) -> None:
    house = House(rooms=[Room(owner=Owner()), Room(owner=Owner())])
    session.add(house)
    session.commit()
    house.rooms[0].house = None
    session.flush()
    house.rooms.pop()
    session.flush()
    assert count(session) == 0


def test_parent_that_came_back_is_the_parent(session: Session) -> None:
    room = Room(owner=Owner())
    session.add_all([House(rooms=[room]), other := House()])
    session.commit()
    other.rooms.append(room)
    key = other.id
    session.commit()
    session.expunge(other)
    del other
    gc.collect()
    again = session.get(House, key)
    again.rooms.remove(room)
    session.flush()
    assert count(session) == 0


def test_removal_is_refused_when_the_parent_noted_is_gone(session: Session) -> None:
    one, two, room = House(), House(), Room()
    session.add_all([one, two])
    session.commit()
    attributes.set_committed_value(two, "rooms", [room])
    one.rooms.append(room)
    session.expunge_all()
    vars(room).pop("house")
    del one
    gc.collect()
    with pytest.raises(StaleDataError, match=r"along attribute 'rooms', but the parent record has gone stale"):
        two.rooms.remove(room)


def test_subclass_has_listeners_and_tokens_of_its_own() -> None:
    heard: list[Any] = []
    attribute = House.rooms
    listener = lambda target, value, initiator: heard.append(initiator.impl.class_)  # noqa: E731 - removed below
    event.listen(attribute, "append", listener, propagate=True)
    try:
        castle, room = Castle(), Room()
        castle.rooms.append(room)
        room.house = House()
        room.house = castle
    finally:
        event.remove(attribute, "append", listener)
    assert heard == [Castle, Room, Room] and room.house is castle
    castle.rooms.append(Room())
    assert len(heard) == 3
