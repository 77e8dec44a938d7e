"""Events of mapping: which are fired, in which order, for whom (learnt from the reference)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import Column, Integer, MetaData, String, Table, event, exc
from pyorm.orm import (
    EXT_SKIP,
    DeclarativeBase,
    Mapper,
    configure_mappers,
    registry,
    relationship,
)
from pyorm.orm.interfaces import MapperProperty
from pyorm.schema import ForeignKey

PER_MAPPER = ("instrument_class", "after_mapper_constructed", "before_mapper_configured", "mapper_configured")
PER_CLASS = ("class_instrument", "class_uninstrument", "attribute_instrument")


def name_of(value: Any) -> str:
    """Return what a log shows of an argument."""
    if isinstance(value, type):
        return value.__name__
    return value if isinstance(value, str) else type(value).__name__


class Log(list[str]):
    """What listeners were called with; takes its listeners away again."""

    def __init__(self) -> None:
        super().__init__()
        self.added: list[tuple[Any, str, Callable[..., None]]] = []

    def listen(self, target: Any, *names: str, **options: Any) -> None:
        for name in names:

            def note(*args: Any, name: str = name) -> None:
                self.append(" ".join([name, *map(name_of, args)]))

            event.listen(target, name, note, **options)
            self.added.append((target, name, note))

    def taken(self) -> list[str]:
        """Return the log and begin a new one."""
        found = list(self)
        self.clear()
        return found


@pytest.fixture
def log() -> Iterator[Log]:
    configure_mappers()
    made = Log()
    yield made
    for target, name, function in made.added:
        event.remove(target, name, function)


def make_base() -> Any:
    class Base(DeclarativeBase):
        pass

    return Base


@pytest.mark.feature("EVT04")
def test_all_mappings_are_heard_of(log: Log) -> None:
    log.listen(Mapper, *PER_MAPPER, "before_configured", "after_configured")

    class Thing(make_base()):
        __tablename__ = "things"
        id = Column(Integer, primary_key=True)

    assert log.taken() == ["instrument_class Mapper Thing", "after_mapper_constructed Mapper Thing"]
    Thing()
    assert log.taken() == [
        "before_configured",
        "before_mapper_configured Mapper Thing",
        "mapper_configured Mapper Thing",
        "after_configured",
    ]
    Thing()
    configure_mappers()
    assert log.taken() == []
    registry().map_imperatively(type("Plain", (), {}), Table("p", MetaData(), Column("id", Integer, primary_key=True)))
    assert log.taken() == ["instrument_class Mapper Plain", "after_mapper_constructed Mapper Plain"]


@pytest.mark.feature("EVT04", "EVT14")
def test_a_base_is_heard_of_where_it_propagates(log: Log) -> None:
    base, other = make_base(), make_base()
    log.listen(base, *PER_MAPPER, *PER_CLASS, propagate=True)
    log.listen(other, *PER_MAPPER, *PER_CLASS)

    class Thing(base):
        __tablename__ = "things"
        id = Column(Integer, primary_key=True)
        name = Column(String(10))

    class Silent(other):
        __tablename__ = "silent"
        id = Column(Integer, primary_key=True)

    assert log.taken() == [
        "instrument_class Mapper Thing", "class_instrument Thing", "after_mapper_constructed Mapper Thing",
    ]  # fmt: skip
    configure_mappers()
    assert log.taken() == [
        "before_mapper_configured Mapper Thing",
        "attribute_instrument Thing id InstrumentedAttribute",
        "attribute_instrument Thing name InstrumentedAttribute",
        "mapper_configured Mapper Thing",
    ]
    Thing.late = Column(Integer)
    assert log.taken() == ["attribute_instrument Thing late InstrumentedAttribute"]
    base.registry.dispose()
    assert log.taken() == ["class_uninstrument Thing"]


@pytest.mark.feature("EVT04")
def test_one_class_and_its_mapper_are_targets(log: Log) -> None:
    base = make_base()

    class Thing(base):
        __tablename__ = "things"
        id = Column(Integer, primary_key=True)

    class Child(base):
        __tablename__ = "children"
        id = Column(Integer, primary_key=True)

    log.listen(Thing, "mapper_configured")
    log.listen(Thing.__mapper__, "before_mapper_configured")
    configure_mappers()

    assert log == ["before_mapper_configured Mapper Thing", "mapper_configured Mapper Thing"]


def test_registry_and_base_are_told_of_their_configuration(log: Log) -> None:
    base = make_base()
    log.listen(base, "before_configured", "after_configured")
    log.listen(base.registry, "after_configured")

    class Thing(base):
        __tablename__ = "things"
        id = Column(Integer, primary_key=True)

    base.registry.configure()
    base.registry.configure()

    assert log == ["before_configured registry", "after_configured registry", "after_configured registry"]


@pytest.mark.feature("EVT04")
def test_a_mapping_waits_while_a_listener_skips_it() -> None:
    configure_mappers()
    skipping = [True]

    class Thing(make_base()):
        __tablename__ = "things"
        id = Column(Integer, primary_key=True)

    @event.listens_for(Thing, "before_mapper_configured", retval=True)
    def skip(mapper: Mapper, cls: type) -> Any:
        return EXT_SKIP if skipping else None

    configure_mappers()
    assert not Thing.__mapper__.configured
    skipping.clear()
    configure_mappers()
    assert Thing.__mapper__.configured


def test_a_property_that_a_listener_adds_is_mapped() -> None:
    base = make_base()

    @event.listens_for(base, "mapper_configured", propagate=True)
    def add(mapper: Mapper, cls: type) -> None:
        if cls.__name__ == "Parent":
            Child.extra = Column(Integer)

    class Parent(base):
        __tablename__ = "parents"
        id = Column(Integer, primary_key=True)
        children = relationship("Child", back_populates="parent")

    class Child(base):
        __tablename__ = "children"
        id = Column(Integer, primary_key=True)
        parent_id = Column(ForeignKey("parents.id"))
        parent = relationship("Parent", back_populates="children")

    configure_mappers()

    assert Child(extra=1).extra == 1
    assert isinstance(Parent.__mapper__.attrs["children"], MapperProperty)


def test_mappings_are_whole_when_a_listener_raises() -> None:
    configure_mappers()
    base = make_base()

    @event.listens_for(base, "mapper_configured", propagate=True, once=True)
    def refuse(mapper: Mapper, cls: type) -> None:
        raise ValueError("not this one")

    class Thing(base):
        __tablename__ = "things"
        id = Column(Integer, primary_key=True)

    with pytest.raises(ValueError, match="not this one"):
        configure_mappers()
    configure_mappers()
    assert Thing.__mapper__.configured and Thing(id=1).id == 1


def test_what_cannot_be_listened_to_is_refused() -> None:
    with pytest.raises(exc.InvalidRequestError, match="No such event 'mapper_configured'"):
        event.listen(object(), "mapper_configured", lambda *_: None)
    with pytest.raises(exc.InvalidRequestError, match="No such event 'before_configured'"):
        event.listen(int, "before_configured", lambda *_: None)
