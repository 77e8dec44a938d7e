"""A many-to-one relationship over a composite key that copies only some of its columns (foreign() on some)."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import String, select
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    immediateload,
    joinedload,
    lazyload,
    mapped_column,
    relationship,
    selectinload,
    subqueryload,
)


class Base(DeclarativeBase):
    pass


class Room(Base):
    __tablename__ = "room"

    house: Mapped[str] = mapped_column(String(10), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


class Guest(Base):
    __tablename__ = "guest"

    id: Mapped[int] = mapped_column(primary_key=True)
    house: Mapped[str] = mapped_column(String(10))
    room_number: Mapped[int | None]
    room: Mapped[Room | None] = relationship(
        primaryjoin="and_(remote(Room.house) == Guest.house, remote(Room.number) == foreign(Guest.room_number))"
    )


@pytest.mark.parametrize("how", [lazyload, selectinload, joinedload, subqueryload, immediateload])
def test_row_is_found_when_part_of_its_key_is_not_copied(engine: Any, how: Any) -> None:
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Room(house="a", number=1), Room(house="b", number=1)])
        session.add_all([Guest(id=n, house=house, room_number=1) for n, house in enumerate("aba", 1)])
        session.add_all([Guest(id=4, house="c", room_number=1), Guest(id=5, house="a")])
        session.commit()

    with Session(engine) as session:
        guests = session.scalars(select(Guest).order_by(Guest.id).options(how(Guest.room))).all()
        rooms = [guest.room for guest in guests]

        assert [room and room.house for room in rooms] == ["a", "b", "a", None, None]
        assert rooms[0] is rooms[2]


def test_only_the_copied_part_is_written_when_the_row_is_set(engine: Any) -> None:
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        guest = Guest(id=1, house="a", room=Room(house="a", number=7))
        session.add(guest)
        session.commit()
        assert (guest.house, guest.room_number) == ("a", 7)

        guest.room = None
        session.commit()

        assert (guest.house, guest.room_number) == ("a", None)
