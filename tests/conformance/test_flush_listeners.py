"""`refresh_flush`: an instance got values while it was flushed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, FetchedValue, Integer, String, event, func, select
from pyorm.engine import Engine
from pyorm.orm import InstanceState, Session, UOWTransaction, declarative_base

Base: Any = declarative_base()


class Made(Base):
    """Every kind of default."""

    __tablename__ = "made"
    id = Column(Integer, primary_key=True)
    name = Column(String(50))
    called = Column(Integer, default=lambda: 5)
    scalar = Column(Integer, default=6)
    server = Column(Integer, server_default="7")
    updated = Column(Integer, onupdate=lambda: 9)
    changed = Column(Integer, server_onupdate=FetchedValue())


class Plain(Base):
    """Nothing but a key."""

    __tablename__ = "plain"
    id = Column(Integer, primary_key=True)
    name = Column(String(50))


class Counted(Base):
    """A key and a version that the program makes."""

    __tablename__ = "counted"
    id = Column(Integer, primary_key=True, default=lambda: 44)
    name = Column(String(50))
    version = Column(Integer)
    __mapper_args__ = {"version_id_col": version}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        yield made


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    seen: list[Any] = []

    def note(target: Any, context: Any, names: Any) -> None:
        assert isinstance(context, UOWTransaction) and target.id is not None
        seen.append((type(target).__name__, sorted(names)))

    for cls in (Made, Plain, Counted):
        event.listen(cls, "refresh_flush", note)
    yield seen
    for cls in (Made, Plain, Counted):
        event.remove(cls, "refresh_flush", note)


@pytest.mark.feature("EVT05")
def test_listener_hears_which_values_a_flush_made(session: Session, heard: list[Any]) -> None:
    made, plain, counted = Made(name="a"), Plain(name="a"), Counted(name="a")
    session.add_all([made, plain, counted])
    session.flush()
    assert sorted(heard) == [("Counted", ["id", "version"]), ("Made", ["called", "scalar", "server"])]

    heard.clear()
    made.name = plain.name = counted.name = "b"
    session.flush()
    assert sorted(heard) == [("Counted", ["version"]), ("Made", ["updated"])]

    heard.clear()
    session.add(Made(name="c", called=1, scalar=2, server=3, updated=4, changed=5))
    session.delete(plain)
    session.flush()
    assert heard == []


def test_listener_sees_each_instance_of_a_batch(session: Session, heard: list[Any]) -> None:
    order: list[str] = []

    def note(target: Any, context: Any, names: Any) -> None:
        order.append(f"refresh_flush {target.id} {target.called} {target.server}")
        target.name = f"named {target.id}"

    def after(mapper: Any, connection: Any, target: Any) -> None:
        order.append(f"after_insert {target.id}")

    event.listen(Made, "refresh_flush", note)
    event.listen(Made, "after_insert", after)
    try:
        session.add_all([Made(id=number) for number in range(1, 9)])
        session.flush()
    finally:
        event.remove(Made, "refresh_flush", note)
        event.remove(Made, "after_insert", after)
    assert order == [f"refresh_flush {number} 5 7" for number in range(1, 9)] + [
        f"after_insert {number}" for number in range(1, 9)
    ]
    assert not session.dirty  # what a listener sets now is part of the flush, and too late to be written
    session.commit()
    assert session.scalars(select(Made.name).distinct()).all() == [None]


def test_listener_gets_the_state_when_it_asks_for_it(session: Session) -> None:
    seen: list[Any] = []

    def note(state: Any, context: Any, names: Any) -> None:
        seen.append((state, context.session))

    event.listen(Made, "refresh_flush", note, raw=True)
    try:
        session.add(Made())
        session.flush()
    finally:
        event.remove(Made, "refresh_flush", note)
    assert isinstance(seen[0][0], InstanceState) and seen[0][1] is session


def test_flush_fails_when_a_listener_raises(session: Session) -> None:
    def refuse(*args: Any) -> None:
        raise ValueError("not so")

    event.listen(Made, "refresh_flush", refuse)
    made = Made(name="a")
    session.add(made)
    try:
        with pytest.raises(ValueError, match="not so"):
            session.flush()
    finally:
        event.remove(Made, "refresh_flush", refuse)
    session.rollback()

    assert made.id is None and made.called is None
    assert session.scalar(select(func.count()).select_from(Made)) == 0
