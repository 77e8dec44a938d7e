"""Listeners of sessions, mappers and instances that close, roll back, expunge or flush what is at work.

Whatever they do: no crash, an exception of the library or none, a session that works after close(), a pool
that is whole, and instances that nobody keeps.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import Integer, String, event, exc, func, select, text
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, make_transient, mapped_column, object_session


class Base(DeclarativeBase):
    """Base of this file's class."""


class Beast(Base):
    __tablename__ = "beasts"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str | None] = mapped_column(String(50))
    made: Mapped[int | None] = mapped_column(Integer, default=lambda: 1)
    note: Mapped[str | None] = mapped_column(String(50), deferred=True)


ROWS = 20
SESSION_EVENTS = (
    "before_flush", "after_flush", "after_flush_postexec", "after_begin", "before_commit", "after_commit",
    "after_rollback", "after_soft_rollback", "after_transaction_create", "after_transaction_end", "do_orm_execute",
    "before_attach", "after_attach", "transient_to_pending", "pending_to_transient", "pending_to_persistent",
    "persistent_to_transient", "loaded_as_persistent", "persistent_to_deleted", "deleted_to_persistent",
    "deleted_to_detached", "persistent_to_detached", "detached_to_persistent",
)  # fmt: skip
INSTANCE_EVENTS = (
    "before_insert", "after_insert", "before_update", "after_update", "before_delete", "after_delete", "load",
    "refresh", "refresh_flush", "expire", "init",
)  # fmt: skip


class Wish(Exception):
    """What a listener raises."""


def target_of(session: Session, args: tuple[Any, ...]) -> Any:
    """Return the instance that an event is about, or one of the session."""
    for one in args:
        if isinstance(one, Beast):
            return one
    return next(iter(session), None)


def on_target(deed: Callable[[Session, Any], Any]) -> Callable[[Session, tuple[Any, ...]], Any]:
    def run(session: Session, args: tuple[Any, ...]) -> Any:
        target = target_of(session, args)
        return None if target is None else deed(session, target)

    return run


def raise_wish(session: Session, args: tuple[Any, ...]) -> None:
    raise Wish


DEEDS: dict[str, Callable[[Session, tuple[Any, ...]], Any]] = {
    "raise": raise_wish,
    "close": lambda s, a: s.close(),
    "commit": lambda s, a: s.commit(),
    "rollback": lambda s, a: s.rollback(),
    "flush": lambda s, a: s.flush(),
    "invalidate": lambda s, a: s.invalidate(),
    "begin_nested": lambda s, a: s.begin_nested(),
    "expunge": on_target(lambda s, t: s.expunge(t)),
    "expunge_all": lambda s, a: s.expunge_all(),
    "expire": on_target(lambda s, t: s.expire(t)),
    "expire_all": lambda s, a: s.expire_all(),
    "refresh": on_target(lambda s, t: s.refresh(t)),
    "delete": on_target(lambda s, t: s.delete(t)),
    "add": lambda s, a: s.add(Beast(id=1000 + len(s.new), name="more")),
    "make_transient": on_target(lambda s, t: make_transient(t)),
    "set": on_target(lambda s, t: (setattr(t, "name", "evil"), delattr(t, "name"))),
    "empty dict": on_target(lambda s, t: t.__dict__.clear()),
    "query": lambda s, a: s.scalars(select(Beast).execution_options(populate_existing=True)).all(),
    "read": on_target(lambda s, t: (t.name, t.note)),
    "get": lambda s, a: s.get(Beast, 3, populate_existing=True),
    "merge": lambda s, a: s.merge(Beast(id=4, name="merged")),
    "dispose": lambda s, a: s.bind.dispose(),
    "close connection": lambda s, a: s.connection().close(),
    "close transaction": lambda s, a: s.get_transaction() and s.get_transaction().close(),
    "roll savepoint back": lambda s, a: s.get_nested_transaction() and s.get_nested_transaction().rollback(),
    "collect": lambda s, a: gc.collect(),
}


class Listener:
    """Does its deed at the first calls of one event, without meeting itself."""

    def __init__(self, session: Session, deed: Callable[[Session, tuple[Any, ...]], Any]) -> None:
        self.session, self.deed = session, deed
        self.calls = 0
        self.inside = False
        self.raised: list[BaseException] = []

    def __call__(self, *args: Any) -> None:
        self.calls += 1
        if self.inside or self.calls > 3:
            return
        self.inside = True
        try:
            self.deed(self.session, args)
        except BaseException as error:
            self.raised.append(error)
            raise
        finally:
            self.inside = False


def life(session: Session) -> Iterator[Callable[[], Any]]:
    """Yield steps that fire every event."""
    keep: dict[str, Any] = {}
    yield lambda: keep.update(all=session.scalars(select(Beast).order_by(Beast.id)).all())
    yield lambda: session.add_all([Beast(id=100 + number, name="new") for number in range(3)])
    yield lambda: [setattr(beast, "name", "changed") for beast in keep["all"][:4]]
    yield lambda: [session.delete(beast) for beast in keep["all"][4:7]]
    yield session.flush
    yield lambda: session.refresh(keep["all"][0])
    yield lambda: keep["all"][1].note
    yield lambda: session.expunge(keep["all"][10])
    yield lambda: session.add(keep["all"][10])
    yield session.rollback
    yield lambda: session.add(Beast(id=200, name="later"))
    yield session.begin_nested
    yield lambda: session.add(Beast(id=201, name="nested"))
    yield session.rollback
    yield lambda: [beast.name for beast in session.query(Beast).limit(3)]
    yield lambda: session.delete(session.get_one(Beast, 9))
    yield session.commit
    yield lambda: keep["all"][2].name
    yield session.close


@pytest.fixture
def filled(engine: Engine) -> Iterator[Engine]:
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Beast(id=number, name=f"beast {number}", note="n") for number in range(1, ROWS + 1)])
        session.commit()
    yield engine


def accepted(error: BaseException) -> bool:
    """Return whether an exception is one that a program may see here, with a text."""
    if isinstance(error, Wish):
        return True
    known = isinstance(error, (exc.SQLAlchemyError, AttributeError, RuntimeError)) and bool(str(error))
    return known and not isinstance(error, (SystemError, RecursionError))


def check_after(engine: Engine, session: Session) -> None:
    """Require that everything works as if nothing had been done to it."""
    session.close()
    gc.collect()
    assert engine.pool.checkedout() == 0
    with Session(engine) as fresh:
        rows = fresh.scalar(select(func.count()).select_from(Beast))
        assert rows is not None and rows >= ROWS - 10
        beast = Beast(id=5000, name="after")
        fresh.add(beast)
        fresh.flush()
        assert fresh.get(Beast, 5000) is beast
        fresh.rollback()
    session.add(Beast(id=5001, name="again"))
    session.flush()
    assert session.scalar(text("SELECT count(*) FROM beasts WHERE id = 5001")) == 1
    session.rollback()
    session.close()


def live_and_suffer(engine: Engine, target: Any, name: str, deed: str) -> None:
    """Live a session's life with one listener that does its deed."""
    session = Session(engine)
    listener = Listener(session, DEEDS[deed])
    event.listen(session if target is Session else target, name, listener)
    try:
        for step in life(session):
            try:
                step()
            except KeyError as error:
                assert error.args == ("all",) and listener.calls  # the first step failed
            except BaseException as error:
                if not accepted(error):
                    raise
    finally:
        event.remove(session if target is Session else target, name, listener)
    assert all(accepted(error) for error in listener.raised), listener.raised
    check_after(engine, session)


@pytest.mark.parametrize("deed", DEEDS)
def test_session_survives_its_listeners(filled: Engine, deed: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exc.SAWarning)
        for name in SESSION_EVENTS:
            live_and_suffer(filled, Session, name, deed)


@pytest.mark.parametrize("deed", DEEDS)
def test_session_survives_listeners_of_its_instances(filled: Engine, deed: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exc.SAWarning)
        for name in INSTANCE_EVENTS:
            live_and_suffer(filled, Beast, name, deed)


@pytest.mark.parametrize("method", ["commit", "rollback", "close", "invalidate"])
@pytest.mark.parametrize(
    "name", ["after_flush", "before_insert", "after_insert", "refresh_flush", "pending_to_persistent"]
)
def test_error_says_what_is_at_work(filled: Engine, name: str, method: str) -> None:
    session = Session(filled)
    target: Any = Beast if name in INSTANCE_EVENTS else session
    listener = Listener(session, lambda s, args: getattr(s, method)())
    event.listen(target, name, listener)
    session.add(Beast(id=100, name="new"))
    try:
        text_of = rf"Method '{method}\(\)' can't be called here; method 'flush"
        with pytest.raises(exc.IllegalStateChangeError, match=text_of):
            session.flush()
    finally:
        event.remove(target, name, listener)

    session.rollback()
    assert session.scalar(select(func.count()).select_from(Beast)) == ROWS
    session.close()


def test_nothing_is_kept_of_sessions_with_hostile_listeners(filled: Engine) -> None:
    def suffer() -> None:
        for name, deed in (("before_flush", "close"), ("after_flush", "raise"), ("after_begin", "rollback")):
            live_and_suffer(filled, Session, name, deed)
        gc.collect()

    def alive() -> tuple[int, int]:
        found = gc.get_objects()
        return sum(type(one) is Session for one in found), sum(isinstance(one, Beast) for one in found)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exc.SAWarning)
        suffer()
        before = alive()
        suffer()
    assert alive() == before


def test_object_session_is_none_when_the_listener_expunged_it(filled: Engine) -> None:
    session = Session(filled)

    @event.listens_for(session, "loaded_as_persistent")
    def expunge(inner: Session, beast: Beast) -> None:
        inner.expunge(beast)

    beasts = session.scalars(select(Beast)).all()

    assert len(beasts) == ROWS and all(object_session(beast) is None for beast in beasts)
    assert [beast.name for beast in beasts[:2]] == ["beast 1", "beast 2"]
    session.close()
