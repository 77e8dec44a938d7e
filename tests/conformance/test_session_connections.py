"""Which connection a session's statements go to: get_bind() calls, options of the session, SessionTransaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Select, String, Table, create_engine, event, exc, inspect, select, text
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
    with_polymorphic,
)


class Base(DeclarativeBase):
    pass


class Worker(Base):
    __tablename__ = "worker"
    __table_args__ = {"schema": "planned"}  # as documented

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(5))
    name: Mapped[str | None] = mapped_column(String(20))
    boss_id: Mapped[int | None] = mapped_column(ForeignKey("planned.worker.id"))
    boss: Mapped[Worker | None] = relationship(remote_side="Worker.id", back_populates="staff")
    staff: Mapped[list[Worker]] = relationship(back_populates="boss", order_by="Worker.id")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "w"}  # as documented


class Chief(Worker):
    __tablename__ = "chief"
    __table_args__ = {"schema": "planned"}  # as documented

    id: Mapped[int] = mapped_column(ForeignKey("planned.worker.id"), primary_key=True)
    level: Mapped[int]
    tags: Mapped[list[Tag]] = relationship(secondary="planned.chief_tag", order_by="Tag.id")
    __mapper_args__ = {"polymorphic_identity": "c"}  # as documented


class Tag(Base):
    __tablename__ = "tag"
    __table_args__ = {"schema": "planned"}  # as documented

    id: Mapped[int] = mapped_column(primary_key=True)


Table(
    "chief_tag",
    Base.metadata,
    Column("chief", ForeignKey("planned.chief.id")),
    Column("tag", ForeignKey("planned.tag.id")),
    schema="planned",
)
TRANSLATE = {"schema_translate_map": {"planned": None}}


@pytest.fixture(params=["engine", "session", "connection"])
def make(request: pytest.FixtureRequest, engine: Engine) -> Any:
    """What makes a session whose tables of the schema `planned` are in none."""
    translated = engine.execution_options(**TRANSLATE)
    Base.metadata.create_all(translated)

    def make_session() -> Session:
        if request.param == "engine":
            return Session(translated)
        if request.param == "session":
            return Session(engine, execution_options=TRANSLATE)
        return Session(engine.connect().execution_options(**TRANSLATE))

    return make_session


def test_schemas_are_translated_in_flushes_and_loads_of_joined_inheritance(make: Any) -> None:
    with make() as session:
        chief = Chief(id=1, name="ann", level=3, tags=[Tag(id=1), Tag(id=2)])
        session.add_all([chief, Worker(id=2, name="bob", boss=chief)])
        session.commit()
    with make() as session:
        workers = session.scalars(select(Worker).order_by(Worker.id)).all()
        assert [(type(one).__name__, one.name) for one in workers] == [("Chief", "ann"), ("Worker", "bob")]
        chief, bob = workers
        assert chief.level == 3  # of the other table
        assert [tag.id for tag in chief.tags] == [1, 2] and chief.staff == [bob] and bob.boss is chief
        session.expire_all()
        assert session.get_one(Chief, 1).level == 3
        session.refresh(chief)

        chief.level, chief.name = 9, "eve"
        chief.tags.pop()
        session.commit()
        loaded = select(Chief).options(selectinload(Chief.tags), joinedload(Chief.staff))
        again = session.scalars(loaded.execution_options(populate_existing=True)).unique().one()
        assert (again.level, again.name, len(again.tags), len(again.staff)) == (9, "eve", 1, 1)
        everyone = with_polymorphic(Worker, "*")
        assert session.scalars(select(everyone.id).order_by(everyone.id)).all() == [1, 2]

        session.delete(chief)
        session.commit()
        assert session.execute(select(Worker.id, Worker.boss_id)).all() == [(2, None)]


def test_schemas_of_a_call_of_get_are_translated(engine: Engine) -> None:
    Base.metadata.create_all(engine.execution_options(**TRANSLATE))
    with Session(engine, execution_options=TRANSLATE) as session, session.begin():
        session.add(Chief(id=1, level=3))
    with Session(engine) as session:
        assert session.get_one(Chief, 1, execution_options=TRANSLATE).level == 3


def test_options_of_the_session_are_those_of_its_connection(engine: Engine) -> None:
    with Session(engine, execution_options={"one": 1, "two": 2}) as session:
        assert session.connection().get_execution_options() == {"one": 1, "two": 2}
        with session.begin_nested():
            assert session.connection().get_execution_options()["one"] == 1
    with Session(engine, execution_options={"one": 1, "two": 2}) as session:
        options = session.connection(execution_options={"two": 3, "three": 4}).get_execution_options()
        assert options == {"one": 1, "two": 3, "three": 4}
        with pytest.warns(exc.SAWarning, match="Connection is already established for the given bind"):
            session.connection(execution_options={"five": 5})


@pytest.fixture
def asked(engine: Engine) -> Iterator[tuple[Session, list[Any]]]:
    """A session whose get_bind() notes mapper and clause."""
    calls: list[Any] = []

    class Routed(Session):
        def get_bind(self, mapper: Any = None, *, clause: Any = None, **kw: Any) -> Any:
            calls.append((None if mapper is None else inspect(mapper).class_, clause))
            return translated

    translated = engine.execution_options(**TRANSLATE)
    Base.metadata.create_all(translated)
    with Session(translated) as session, session.begin():
        chief = Chief(id=1, name="ann", level=3, tags=[Tag(id=1)])
        session.add_all([chief, Worker(id=2, name="bob", boss=chief)])
    with Routed() as session:
        yield session, calls


@pytest.mark.parametrize("listened", [False, True])
def test_get_bind_is_asked_once_for_each_statement(asked: tuple[Session, list[Any]], listened: bool) -> None:
    session, calls = asked
    if listened:
        event.listen(session, "do_orm_execute", lambda state: None)
    bob = session.get_one(Worker, 2)
    steps = [
        lambda: session.execute(select(Worker)),
        lambda: session.execute(select(Worker.id)),
        lambda: session.execute(select(Worker.__table__.c.id)),
        lambda: session.execute(text("SELECT 1")),
        lambda: session.get(Worker, 77),
        lambda: session.refresh(bob),
        lambda: (session.expire(bob), calls.clear(), bob.name),
        lambda: bob.staff,
        lambda: session.query(Worker).count(),
    ]
    for number, step in enumerate(steps):
        calls.clear()
        step()
        assert len(calls) == 1, number
        assert not listened or calls[0][1] is not None, number
        assert calls[0][0] in (Worker, None) and (number not in (0, 1) or isinstance(calls[0][1], Select))
    calls.clear()
    assert session.get_one(Worker, 2) is bob
    assert calls == []


@pytest.mark.feature("SES32")
def test_connections_of_a_transaction_are_those_it_has_acquired(engine: Engine) -> None:
    other = create_engine("sqlite://")
    with Session(engine) as session:
        transaction = session.begin()
        assert transaction.connections == frozenset()
        with pytest.raises(exc.InvalidRequestError, match="has not acquired a connection for bind Engine"):
            transaction.bound_connection()

        connection = session.connection()
        assert transaction.connections == {connection} and isinstance(transaction.connections, frozenset)
        assert transaction.bound_connection() is transaction.bound_connection(Worker) is connection
        assert transaction.bound_connection(bind=engine) is connection
        with pytest.raises(exc.InvalidRequestError, match="has not acquired a connection for bind Engine"):
            transaction.bound_connection(bind=other)
        session.commit()
        assert transaction.connections == {connection}
        with pytest.raises(exc.ResourceClosedError):
            transaction.bound_connection()
    other.dispose()


@pytest.mark.feature("SES32")
def test_savepoint_has_only_what_it_used_itself(engine: Engine) -> None:
    with Session(engine) as session:
        root = session.begin()
        connection = session.connection()
        nested = session.begin_nested()

        assert nested.connections == frozenset() and root.connections == {connection}
        with pytest.raises(exc.InvalidRequestError, match="has not acquired a connection"):
            nested.bound_connection()
        session.execute(text("SELECT 1"))
        assert nested.connections == {connection} and nested.bound_connection() is connection
        nested.rollback()
        assert nested.connections == {connection} and root.bound_connection() is connection


@pytest.mark.feature("SES32")
def test_no_connection_is_checked_out_to_look(engine: Engine) -> None:
    checkouts: list[Any] = []
    event.listen(engine, "checkout", lambda *args: checkouts.append(args))
    with Session(engine) as session:
        transaction = session.begin()
        assert transaction.connections == frozenset()
        with pytest.raises(exc.InvalidRequestError):
            transaction.bound_connection()
        assert checkouts == []
        with Session(engine.connect()) as own:
            inner = own.begin()
            assert own.connection() in inner.connections and inner.bound_connection() is own.bind
            own.bind.close()
