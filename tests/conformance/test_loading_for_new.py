"""Relationships of instances that have no row yet: enable_relationship_loading(), load_on_pending."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import ForeignKey, event, exc, inspect
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, mapped_column, object_session, relationship
from pyorm.orm.exc import DetachedInstanceError, UnmappedInstanceError


class Base(DeclarativeBase):
    pass


class House(Base):
    __tablename__ = "house"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    cats: Mapped[list[Cat]] = relationship(back_populates="house", order_by="Cat.id")
    eager_cats: Mapped[list[Cat]] = relationship(viewonly=True, load_on_pending=True, order_by="Cat.id")


class Cat(Base):
    __tablename__ = "cat"

    id: Mapped[int] = mapped_column(primary_key=True)
    house_id: Mapped[int | None] = mapped_column(ForeignKey("house.id"))
    name: Mapped[str | None]
    house: Mapped[House | None] = relationship(back_populates="cats")
    eager_house: Mapped[House | None] = relationship(load_on_pending=True, overlaps="house,cats")


@pytest.fixture
def houses(engine: Engine) -> Engine:
    """House 1 with cats 1 and 2, house 2 without."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([House(id=1, name="red"), House(id=2, name="blue")])
        session.add_all([Cat(id=1, house_id=1, name="tom"), Cat(id=2, house_id=1, name="kit")])
    return engine


@pytest.fixture
def statements(houses: Engine) -> Iterator[list[str]]:
    """What is sent, as it is sent."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(houses, "before_cursor_execute", note)
    yield sent
    event.remove(houses, "before_cursor_execute", note)


@pytest.fixture
def session(houses: Engine) -> Iterator[Session]:
    with Session(houses) as made:
        yield made


@pytest.mark.feature("SES21")
def test_many_to_one_loads_when_a_transient_instance_is_enabled(session: Session, statements: list[str]) -> None:
    cat = Cat(id=9, house_id=1)

    session.enable_relationship_loading(cat)

    assert cat.house is not None and cat.house.name == "red"
    assert len(statements) == 1
    assert cat.house is session.get(House, 1)
    assert len(statements) == 1


@pytest.mark.feature("SES21")
def test_collection_loads_when_a_transient_instance_is_enabled(session: Session, statements: list[str]) -> None:
    house = House(id=1)

    session.enable_relationship_loading(house)

    assert [cat.name for cat in house.cats] == ["tom", "kit"]
    assert len(statements) == 1


@pytest.mark.feature("SES21")
def test_it_is_attached_and_never_written_when_it_is_not_added(session: Session, statements: list[str]) -> None:
    cat = Cat(id=9, house_id=1, name="new")
    session.enable_relationship_loading(cat)

    assert object_session(cat) is session and inspect(cat).pending
    assert cat not in session and not session.new and not session.dirty
    session.commit()

    assert statements == []
    assert inspect(cat).key is None


@pytest.mark.feature("SES21")
def test_add_makes_it_pending_and_flush_writes_it(session: Session) -> None:
    told: list[str] = []
    for name in ("before_attach", "after_attach", "transient_to_pending", "pending_to_persistent"):
        event.listen(session, name, lambda _s, _i, name=name: told.append(name))
    cat = Cat(id=9, house_id=1)

    session.enable_relationship_loading(cat)
    session.add(cat)
    session.flush()

    assert told == ["before_attach", "after_attach", "pending_to_persistent"]
    assert cat in session and inspect(cat).persistent
    session.rollback()
    assert inspect(cat).transient and object_session(cat) is None


@pytest.mark.feature("SES21")
def test_pending_instance_loads_and_stays_pending_when_enabled(session: Session, statements: list[str]) -> None:
    cat = Cat(id=9, house_id=1)
    other = Cat(id=10, house_id=1)
    session.add_all([cat, other])

    session.enable_relationship_loading(cat)

    assert cat.house is not None and other.house is None
    assert len(statements) == 1 and inspect(cat).pending


@pytest.mark.feature("SES21")
def test_nothing_is_loaded_when_the_key_is_not_set(session: Session, statements: list[str]) -> None:
    cat, house = Cat(id=9), House()
    session.enable_relationship_loading(cat)
    session.enable_relationship_loading(house)

    assert cat.house is None and house.cats == []
    assert statements == []


@pytest.mark.feature("SES21")
def test_detached_instance_loads_when_enabled(session: Session, statements: list[str]) -> None:
    cat = session.get_one(Cat, 1)
    session.expunge(cat)
    with pytest.raises(DetachedInstanceError, match="lazy load operation of attribute 'house'"):
        cat.house  # noqa: B018  # reading is what is tested

    session.enable_relationship_loading(cat)
    cat.name = "changed"

    assert cat.house is not None and cat.house.id == 1
    assert inspect(cat).persistent and cat not in session
    with pytest.raises(exc.InvalidRequestError, match="is not persistent within this Session"):
        session.refresh(cat)
    session.flush()
    assert not any(one.startswith("UPDATE") for one in statements)

    session.add(cat)
    session.flush()
    assert sum(one.startswith("UPDATE") for one in statements) == 1
    assert session.identity_map[inspect(cat).key] is cat


@pytest.mark.feature("SES21")
def test_errors_when_it_cannot_be_attached(session: Session, houses: Engine) -> None:
    cat = Cat(id=9, house_id=1)
    session.enable_relationship_loading(cat)
    session.enable_relationship_loading(cat)

    with Session(houses) as other, pytest.raises(exc.InvalidRequestError, match="is already attached to session"):
        other.enable_relationship_loading(cat)
    with pytest.raises(exc.InvalidRequestError, match="is not persisted"):
        session.delete(cat)
    with pytest.raises(UnmappedInstanceError, match=r"Class 'builtins.object' is not mapped"):
        session.enable_relationship_loading(object())


@pytest.mark.feature("SES21")
@pytest.mark.parametrize("end", ["expunge", "expunge_all", "close", "drop"])
def test_it_is_transient_again_when_the_session_lets_it_go(houses: Engine, end: str) -> None:
    session: Session | None = Session(houses)
    assert session is not None
    cats = [Cat(id=n, house_id=1) for n in range(20, 32)]
    for cat in cats:
        session.enable_relationship_loading(cat)

    if end == "expunge":
        for cat in cats:
            session.expunge(cat)
    elif end == "drop":
        session = None
        gc.collect(0)
    else:
        getattr(session, end)()

    assert all(inspect(cat).transient and object_session(cat) is None for cat in cats)
    assert cats[0].house is None


@pytest.mark.feature("SES21")
def test_session_keeps_it_alive_until_it_leaves(session: Session) -> None:
    cat = Cat(id=9, house_id=1)
    session.enable_relationship_loading(cat)
    ref = weakref.ref(cat)
    del cat
    assert ref() is not None

    session.expunge(ref())
    assert ref() is None


@pytest.mark.feature("SES21")
def test_listener_may_add_it_while_it_is_attached(session: Session) -> None:
    event.listen(session, "before_attach", lambda s, cat: None if cat in s else s.add(cat), once=True)
    cat = Cat(id=9, house_id=1)

    session.enable_relationship_loading(cat)

    assert cat in session.new


def test_pending_instance_loads_when_load_on_pending_is_set(session: Session, statements: list[str]) -> None:
    cat, house = Cat(id=9, house_id=1), House(id=1)
    session.add_all([cat, house])

    assert cat.eager_house is not None and cat.eager_house.name == "red"
    assert [one.name for one in house.eager_cats] == ["tom", "kit"]
    assert inspect(cat).pending and inspect(house).pending
    assert len(statements) == 2


def test_load_on_pending_gives_nothing_when_the_key_is_not_set(session: Session, statements: list[str]) -> None:
    cat, house = Cat(id=9), House()
    session.add_all([cat, house])

    assert cat.eager_house is None and house.eager_cats == []
    assert statements == []


def test_load_on_pending_is_not_for_transient_instances(houses: Engine, statements: list[str]) -> None:
    assert Cat(id=9, house_id=1).eager_house is None
    assert statements == []


def test_old_value_is_known_when_a_pending_reference_is_set(session: Session) -> None:
    cat = Cat(id=9, house_id=1)
    session.add(cat)
    with session.no_autoflush:
        red = cat.eager_house
        cat.eager_house = session.get_one(House, 2)

    history = inspect(cat).attrs.eager_house.history
    assert history.deleted == [red] and red is not None and red.id == 1
    session.flush()
    assert cat.house_id == 2
