"""Collections and their other sides while memory runs out."""

from __future__ import annotations

import pickle
from collections.abc import Generator
from typing import Any

from pyorm import Column, ForeignKey, Integer, String
from pyorm.orm import Session, attribute_keyed_dict, attributes, configure_mappers, declarative_base, relationship
from tests.faults.walk import Outcome, Work, piece

Steps = Generator[Work, Outcome, None]
Base: Any = declarative_base()


class Owner(Base):
    __tablename__ = "owner"
    id = Column(Integer, primary_key=True)
    things = relationship("Thing", back_populates="owner", cascade="all, delete-orphan")
    bag = relationship("Item", collection_class=set, back_populates="owner")
    shelf = relationship("Book", collection_class=attribute_keyed_dict("name"), back_populates="owner")


class Thing(Base):
    __tablename__ = "thing"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    owner_id = Column(ForeignKey("owner.id"))
    owner = relationship(Owner, back_populates="things")


class Item(Base):
    __tablename__ = "item"
    id = Column(Integer, primary_key=True)
    owner_id = Column(ForeignKey("owner.id"))
    owner = relationship(Owner, back_populates="bag")


class Book(Base):
    __tablename__ = "book"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    owner_id = Column(ForeignKey("owner.id"))
    owner = relationship(Owner, back_populates="shelf")


configure_mappers()


def check(owner: Owner, members: list[Any]) -> None:
    """A member that says it is the owner's may be missing, but nothing else is in its collections."""
    for one in [*owner.things, *owner.bag, *owner.shelf.values()]:
        assert one in members
    assert all(one.owner in (None, owner) for one in members)


@piece()
def change_list(url: str) -> Steps:
    owner, members = Owner(), [Thing(name=str(i)) for i in range(4)]

    def work() -> Any:
        owner.things.append(members[0])
        owner.things.extend(members[1:3])
        owner.things[0:1] = [members[3]]
        owner.things.remove(members[1])
        owner.things = [members[0], members[3]]
        return owner.things.pop()

    outcome = yield work
    check(owner, members)
    assert not outcome.done or (owner.things == members[:1] and members[3].owner is None)


@piece()
def change_set_and_dictionary(url: str) -> Steps:
    owner, items, books = Owner(), [Item() for _ in range(3)], [Book(name=str(i)) for i in range(3)]

    def work() -> Any:
        owner.bag.update(items[:2])
        owner.bag &= {items[0]}
        owner.bag = {items[2]}
        owner.shelf.set(books[0])
        owner.shelf.update({"1": books[1]})
        books[2].owner = owner
        del owner.shelf["0"]
        return owner.shelf.popitem()

    outcome = yield work
    check(owner, [*items, *books])
    assert not outcome.done or (owner.bag == {items[2]} and list(owner.shelf) == ["1"])


@piece()
def follow_the_other_side(url: str) -> Steps:
    one, two, thing = Owner(), Owner(), Thing()

    def work() -> Any:
        thing.owner = one
        thing.owner = two
        thing.owner = None
        thing.owner = one
        return attributes.get_history(one, "things"), attributes.get_history(thing, "owner")

    outcome = yield work
    assert thing.owner in (None, one, two) and two.things in ([], [thing])
    assert not outcome.done or outcome.value == (([thing], [], []), ([one], (), ()))


@piece()
def cascade_into_a_session(url: str) -> Steps:
    session, owner = Session(), Owner()
    owner.things = [Thing(), Thing()]
    late = Thing()

    def work() -> Any:
        session.add(owner)
        owner.things.append(late)
        owner.things.remove(owner.things[0])
        return len(session.new)

    outcome = yield work
    assert len(session.new) <= 4
    assert not outcome.done or outcome.value == 3
    session.expunge_all()


@piece()
def pickle_a_graph(url: str) -> Steps:
    owner = Owner(things=[Thing(name="a")])
    owner.shelf.set(Book(name="b"))

    def work() -> Any:
        return pickle.loads(pickle.dumps(owner))

    outcome = yield work
    if outcome.done:
        again = outcome.value
        assert again.things[0].owner is again and again.shelf["b"].owner is again


@piece()
def load_members(url: str) -> Steps:
    owner, things, books = Owner(), [Thing() for _ in range(3)], [Book(name=str(i)) for i in range(3)]

    def work() -> Any:
        attributes.set_committed_value(owner, "things", things)
        attributes.set_committed_value(owner, "shelf", books)
        return owner.things == things and len(owner.shelf)

    outcome = yield work
    assert not outcome.done or outcome.value == 3
