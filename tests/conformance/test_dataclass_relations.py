"""Relationships of mapped dataclasses whose targets are declared later."""

from __future__ import annotations

from typing import Any

from pyorm import ForeignKey, String
from pyorm.orm import DeclarativeBase, Mapped, MappedAsDataclass, Session, mapped_column, relationship


class Base(MappedAsDataclass, DeclarativeBase):
    pass


class Kennel(Base):
    __tablename__ = "kennel"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    dogs: Mapped[list[Dog]] = relationship(default_factory=list, back_populates="kennel")


class Dog(Base):
    __tablename__ = "dog"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    kennel_id: Mapped[int | None] = mapped_column(ForeignKey("kennel.id"), init=False)
    kennel: Mapped[Kennel | None] = relationship(default=None, back_populates="dogs", repr=False)


def test_dataclass_takes_related_objects_when_their_class_comes_later(engine: Any) -> None:
    Base.metadata.create_all(engine)
    kennel = Kennel("north", [Dog("Rex"), Dog(name="Ida")])
    assert kennel.dogs[0].kennel is kennel
    assert repr(kennel.dogs[1]) == "Dog(id=None, name='Ida', kennel_id=None)"

    with Session(engine) as session:
        session.add(kennel)
        session.commit()

        assert [dog.kennel_id for dog in kennel.dogs] == [kennel.id, kennel.id]
        assert Kennel("south").dogs == []
