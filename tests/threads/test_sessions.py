"""A second thread inside a session: refused at every entry, with a message that says what to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import create_engine, event, exc, func, select, text, update
from pyorm.engine import Engine
from pyorm.orm import Session, close_all_sessions, defer, make_transient
from tests.conformance.session_models import Base, Pet

MESSAGE = (
    "This Session is in use by another thread: a Session and its objects belong to one thread at a "
    "time; give each thread a Session of its own"
)


@pytest.fixture
def filled(engine: Engine) -> Iterator[Engine]:
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Pet(id=number, name=f"pet {number}", age=number) for number in range(1, 9)])
        session.commit()
    yield engine


class Stage:
    """A session with an instance in each state, and results that are half read."""

    def __init__(self, engine: Engine) -> None:
        self.session = session = Session(engine)
        pets = list(session.scalars(select(Pet).order_by(Pet.id).options(defer(Pet.age))))
        self.clean, self.expired, self.changed, self.doomed, self.fifth = pets[:5]
        self.changed.name = "changed"
        session.delete(self.doomed)
        session.expire(self.expired)
        self.pending = Pet(id=50, name="pending")
        session.add(self.pending)
        self.stranger = Pet(name="stranger")
        with session.no_autoflush:
            self.streamed = session.scalars(select(Pet), execution_options={"yield_per": 2})
            self.unread = session.execute(select(Pet, Pet.id))
        self.transaction = session.get_transaction()


ENTRIES: dict[str, Callable[[Stage], Any]] = {
    "add": lambda s: s.session.add(s.stranger),
    "add_all": lambda s: s.session.add_all([s.stranger]),
    "begin": lambda s: s.session.begin(),
    "begin_nested": lambda s: s.session.begin_nested(),
    "bulk_insert_mappings": lambda s: s.session.bulk_insert_mappings(Pet, [{"name": "bulk"}]),
    "bulk_save_objects": lambda s: s.session.bulk_save_objects([Pet(name="bulk")]),
    "close": lambda s: s.session.close(),
    "close_all_sessions": lambda s: close_all_sessions(),
    "commit": lambda s: s.session.commit(),
    "connection": lambda s: s.session.connection(),
    "contains": lambda s: s.clean in s.session,
    "deferred": lambda s: s.clean.age,
    "delete": lambda s: s.session.delete(s.clean),
    "delete_all": lambda s: s.session.delete_all([s.clean]),
    "deleted": lambda s: list(s.session.deleted),
    "dirty": lambda s: list(s.session.dirty),
    "execute": lambda s: s.session.execute(text("SELECT 1")),
    "exit": lambda s: s.session.__exit__(None, None, None),
    "expire": lambda s: s.session.expire(s.clean),
    "expire_all": lambda s: s.session.expire_all(),
    "expired": lambda s: s.expired.name,
    "expunge": lambda s: s.session.expunge(s.clean),
    "expunge_all": lambda s: s.session.expunge_all(),
    "fetch": lambda s: s.unread.all(),
    "fetch_streamed": lambda s: next(s.streamed),
    "flush": lambda s: s.session.flush(),
    "get": lambda s: s.session.get(Pet, 1),
    "get_one": lambda s: s.session.get_one(Pet, 1),
    "get_unknown": lambda s: s.session.get(Pet, 99),
    "identity_map": lambda s: s.session.identity_map.values(),
    "invalidate": lambda s: s.session.invalidate(),
    "is_modified": lambda s: s.session.is_modified(s.changed),
    "iterate": lambda s: list(s.session),
    "make_transient": lambda s: make_transient(s.clean),
    "merge": lambda s: s.session.merge(Pet(id=1, name="merged")),
    "new": lambda s: list(s.session.new),
    "query_all": lambda s: s.session.query(Pet).all(),
    "query_count": lambda s: s.session.query(Pet).count(),
    "query_first": lambda s: s.session.query(Pet).first(),
    "query_iterate": lambda s: next(iter(s.session.query(Pet))),
    "query_update": lambda s: s.session.query(Pet).update({"age": 1}),
    "refresh": lambda s: s.session.refresh(s.clean),
    "reset": lambda s: s.session.reset(),
    "rollback": lambda s: s.session.rollback(),
    "scalar": lambda s: s.session.scalar(select(func.count(Pet.id))),
    "scalars": lambda s: s.session.scalars(select(Pet)),
    "set": lambda s: setattr(s.clean, "name", "set"),
    "transaction_close": lambda s: s.transaction.close(),
    "transaction_commit": lambda s: s.transaction.commit(),
    "transaction_connection": lambda s: s.transaction.connection(Pet),
    "transaction_rollback": lambda s: s.transaction.rollback(),
    "update": lambda s: s.session.execute(update(Pet).values(age=2)),
}


def test_other_threads_are_refused_when_a_flush_is_running(filled: Engine) -> None:
    stage = Stage(filled)
    inside, leave = threading.Event(), threading.Event()
    answers: dict[str, object] = {}

    @event.listens_for(stage.session, "before_flush")
    def wait(*_: object) -> None:
        inside.set()
        assert leave.wait(30)

    def other() -> None:
        assert inside.wait(30)
        for name, entry in ENTRIES.items():
            try:
                answers[name] = entry(stage)
            except exc.ConcurrentSessionUse as error:
                answers[name] = str(error)
            except BaseException as error:
                answers[name] = error
        leave.set()

    thread = threading.Thread(target=other)
    thread.start()
    stage.session.flush()
    thread.join(30)

    assert {name: said for name, said in answers.items() if said != MESSAGE} == {}
    assert stage.changed.name == "changed"
    assert stage.pending in stage.session
    stage.session.commit()
    assert stage.session.scalar(select(func.count(Pet.id))) == 8
    stage.session.close()


def test_the_session_goes_on_when_another_thread_was_refused(filled: Engine) -> None:
    stage = Stage(filled)
    inside, leave = threading.Event(), threading.Event()

    @event.listens_for(stage.session, "before_flush", once=True)
    def wait(*_: object) -> None:
        inside.set()
        assert leave.wait(30)

    def other() -> None:
        assert inside.wait(30)
        with pytest.raises(exc.IllegalStateChangeError, match="belong to one thread"):
            stage.session.commit()
        leave.set()

    thread = threading.Thread(target=other)
    thread.start()
    stage.session.flush()
    thread.join(30)

    assert [pet.id for pet in stage.streamed] and len(stage.unread.all()) == 8
    stage.session.rollback()
    assert stage.changed.name == "pet 3"
    stage.session.close()


def test_a_session_may_wander_when_one_thread_uses_it_after_the_other(url: str) -> None:
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    session = Session(engine)
    session.add(Pet(id=1, name="one"))
    found: list[object] = []

    def work() -> None:
        session.commit()
        found.append(session.get_one(Pet, 1).name)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)

    assert found == ["one"] and session.get_one(Pet, 1).name == "one"
    session.close()
    engine.dispose()
