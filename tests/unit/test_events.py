"""before_* and after_* listeners of mappers: order, arguments, what they see and may change."""

from __future__ import annotations

import gc
import sys

import pytest

from pyorm import event, inspect
from pyorm.orm import DeclarativeBase, Mapped, mapped_column

NAMES = ("before_insert", "after_insert", "before_update", "after_update", "before_delete", "after_delete")


@pytest.fixture
def item(create):
    class Base(DeclarativeBase):
        pass

    class Item(Base):
        __tablename__ = "item"
        id: Mapped[int] = mapped_column(primary_key=True)
        a: Mapped[int | None]

    create(Base)
    return Item


@pytest.fixture
def log(item) -> list[tuple[str, int]]:
    seen: list[tuple[str, int]] = []
    for name in NAMES:

        def note(mapper, connection, target, name: str = name) -> None:
            assert mapper is inspect(item)
            assert connection.in_transaction()
            seen.append((name, target.a))

        event.listen(item, name, note)
    return seen


def test_listeners_hear_pending_first_when_instances_are_saved(session, item, log) -> None:
    two, one = item(a=2), item(a=1)
    session.add_all([two, one])
    session.flush()
    three = item(a=3)
    session.add(three)
    one.a, two.a = 10, 20
    session.flush()

    assert log == [
        ("before_insert", 2), ("before_insert", 1), ("after_insert", 2), ("after_insert", 1),
        ("before_insert", 3), ("before_update", 20), ("before_update", 10),
        ("after_insert", 3), ("after_update", 20), ("after_update", 10),
    ]  # fmt: skip


def test_listeners_hear_of_instances_without_net_change(session, item, log, statements) -> None:
    one = item(a=1)
    session.add(one)
    session.flush()
    log.clear()
    statements.clear()

    one.a = 1
    session.flush()

    assert log == [("before_update", 1), ("after_update", 1)]
    assert statements == []


def test_listeners_hear_of_deletes(session, item, log) -> None:
    one = item(a=1)
    session.add(one)
    session.flush()
    log.clear()

    session.delete(one)
    session.flush()

    assert log == [("before_delete", 1), ("after_delete", 1)]


def test_value_is_written_when_before_insert_sets_it(session, item, db) -> None:
    event.listen(item, "before_insert", lambda mapper, connection, target: setattr(target, "a", 77))

    session.add(item(a=5))
    session.commit()

    assert db.rows("SELECT a FROM item") == [("77",)]


def test_key_is_there_when_after_insert_is_called(session, item) -> None:
    keys = []
    event.listen(item, "after_insert", lambda mapper, connection, target: keys.append(target.id))

    session.add_all([item(a=number) for number in range(6)])
    session.flush()

    assert keys == [1, 2, 3, 4, 5, 6]


def test_flush_fails_when_a_listener_raises(session, item, db) -> None:
    def refuse(mapper, connection, target) -> None:
        raise LookupError("no")

    event.listen(item, "after_insert", refuse)
    one = item(a=1)
    session.add(one)

    with pytest.raises(LookupError):
        session.flush()
    session.rollback()

    assert one.id is None
    assert db.rows("SELECT * FROM item") == []


def test_no_python_runs_per_instance_when_nobody_listens(session, item) -> None:
    session.add(item(a=0))
    session.flush()
    rows = [item(a=number) for number in range(100)]
    session.add_all(rows)
    frames = []

    gc.disable()  # its callbacks are Python functions of other programs

    sys.setprofile(lambda frame, kind, arg: frames.append(frame) if kind == "call" else None)
    try:
        session.flush()
    finally:
        sys.setprofile(None)
        gc.enable()

    assert len(frames) < 20, [frame.f_code.co_qualname for frame in frames[:30]]
    assert all(row.id for row in rows)
