"""Python frames and round trips of the common operations, counted on both databases.

The bounds are the project's promise; how many frames the same work takes elsewhere stands in
the benchmarks.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pyorm import create_engine, insert, select
from pyorm.engine import Engine
from pyorm.orm import Session
from tests.conformance.models import Base, User


def frames(call: Callable[[], Any]) -> list[str]:
    """Return the Python functions that a call enters, without the call itself.

    The collector rests meanwhile: its callbacks are Python functions of other programs.
    """
    names: list[str] = []

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            code = frame.f_code
            names.append(f"{code.co_filename.rpartition('/')[2]}:{code.co_name}")

    gc.disable()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        gc.enable()
    return names[1:]


@pytest.fixture
def many(tables: Engine) -> Engine:
    """The engine; 300 users."""
    with tables.begin() as connection:
        rows = [{"name": str(i), "age": i} for i in range(300)]
        connection.execute(insert(User.__table__), rows)
    return tables


def test_rows_become_objects_without_python(many: Engine) -> None:
    with Session(many) as session:
        statement = select(User).order_by(User.id)
        session.scalars(statement.limit(3)).all()
        session.scalars(statement).all()
        session.expunge_all()

        few = frames(lambda: session.scalars(statement.limit(3)).all())
        lots = frames(lambda: session.scalars(statement.limit(300)).all())

        assert len(lots) == len(few)
        assert len(frames(lambda: session.scalars(statement).all())) <= 10


def test_a_flush_writes_objects_without_python(many: Engine) -> None:
    with Session(many) as session:
        session.add_all([User(name="warm"), User(name="warm")])
        session.flush()

        def counted(n: int) -> list[str]:
            objects = [User(name="x", age=1) for _ in range(n)]
            insertion = frames(lambda: (session.add_all(objects), session.flush()))
            for one in objects:
                one.name = "y"
            change = frames(session.flush)
            for one in objects:
                session.delete(one)
            return insertion + change + frames(session.flush)

        counted(2)
        counted(200)  # statements of a batch are compiled once
        assert counted(200) == counted(2) == []


def test_construction_and_attributes_are_free_of_python(many: Engine) -> None:
    with Session(many) as session:
        alice = session.get(User, 1)
        session.expire(alice)

        def work() -> None:
            user = User(name="x", age=3)
            user.name = "y"
            assert user.age == 3 and user.id is None
            del user.age
            alice.name = "z"
            assert alice.name == "z" and alice.age == 0

        work()
        assert frames(work) == []


def test_a_get_is_at_most_two_frames(many: Engine) -> None:
    with Session(many) as session:
        alice = session.get(User, 1)

        assert len(frames(lambda: session.get(User, 1))) <= 2
        assert session.get(User, 1) is alice
        session.get(User, 2)
        assert len(frames(lambda: session.get(User, 3))) <= 10


def test_a_cached_statement_is_at_most_ten_frames(many: Engine) -> None:
    with Session(many) as session, many.connect() as connection:
        table = User.__table__

        def orm() -> None:
            session.execute(select(User.name).where(User.id == 5)).all()

        def core() -> None:
            connection.execute(select(table.c.name).where(table.c.id == 5)).all()

        orm()
        core()
        assert len(frames(orm)) <= 10
        assert len(frames(core)) <= 10


def test_a_commit_and_the_refresh_after_it_are_few_frames(many: Engine) -> None:
    with Session(many) as session:
        kept = session.scalars(select(User)).all()
        session.commit()

        def commit() -> None:
            session.commit()
            assert session.get(User, 1).name == "0"

        commit()
        assert len(frames(commit)) <= 10 and len(kept) == 300


@pytest.mark.pg
def test_one_wait_for_a_session_that_gets_one_object(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(User(id=1, name="x"))
        session.commit()
        session.get(User, 1)
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        before = raw._waits

    with Session(engine) as session:
        assert session.get(User, 1).name == "x"

    assert raw._waits - before == 1
    engine.dispose()
