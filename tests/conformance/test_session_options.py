"""Every option of Session() does what it says."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import create_engine, event, exc, inspect, select, text
from pyorm.engine import Engine
from pyorm.orm import Session
from tests.conformance.session_models import Base, Pet

pytestmark = pytest.mark.feature("SES01")


@pytest.fixture
def pets(engine: Engine) -> Engine:
    """The engine; tom is in the table."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Pet(name="tom"))
    return engine


def names(engine: Engine) -> list[str]:
    """Return the committed names."""
    with engine.connect() as connection:
        return list(connection.scalars(select(Pet.name).order_by(Pet.id)))


def test_bind_is_an_engine_or_a_connection(pets: Engine) -> None:
    assert Session(pets).bind is pets
    with pets.connect() as connection, Session(bind=connection) as session:
        assert session.connection() is connection
    with pytest.raises(exc.UnboundExecutionError, match=r"Could not locate a bind|not bound"):
        Session().execute(select(Pet))


@pytest.mark.parametrize("on", [True, False])
def test_autoflush(pets: Engine, on: bool) -> None:
    with Session(pets, autoflush=on) as session:
        session.add(Pet(name="new"))
        assert len(session.scalars(select(Pet)).all()) == (2 if on else 1)


@pytest.mark.parametrize("on", [True, False])
def test_expire_on_commit(pets: Engine, on: bool) -> None:
    with Session(pets, expire_on_commit=on) as session:
        pet = session.get_one(Pet, 1)
        session.commit()
        assert ("name" in inspect(pet).unloaded) is on


def test_autobegin(pets: Engine) -> None:
    with Session(pets, autobegin=False) as session:
        with pytest.raises(exc.InvalidRequestError, match="Autobegin is disabled on this Session"):
            session.scalar(text("SELECT 1"))
        with session.begin():
            assert session.scalar(text("SELECT 1")) == 1


def test_twophase(pets: Engine) -> None:
    """Whole in test_twophase.py; here: the option is taken, and asked for at the first statement."""
    with Session(pets, twophase=True) as session:
        assert session.twophase
        if pets.dialect.name == "sqlite":
            with pytest.raises(NotImplementedError, match="two-phase"):
                session.add(Pet(name="new"))
                session.commit()
        else:
            session.add(Pet(name="new"))
            session.commit()
            assert names(pets) == ["tom", "new"]


def test_binds(pets: Engine) -> None:
    with Session(binds={Pet: pets}) as session:
        assert session.get_one(Pet, 1).name == "tom"
        assert session.get_bind(Pet) is pets
        assert dict(session.binds) == {Pet: pets}


def test_info(pets: Engine) -> None:
    given = {"a": 1}
    session = Session(pets, info=given)
    session.info["b"] = 2
    assert (session.info, given) == ({"a": 1, "b": 2}, {"a": 1})


@pytest.mark.parametrize(
    ("mode", "kept"),
    [("rollback_only", True), ("create_savepoint", True), ("control_fully", False), ("conditional_savepoint", True)],
)
def test_join_transaction_mode(pets: Engine, mode: Any, kept: bool) -> None:
    """commit() of the session: the program's transaction goes on, unless it is given away."""
    with pets.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode=mode) as session:
            session.add(Pet(name=mode))
            session.commit()
        assert outer.is_active is kept
        if kept:
            outer.rollback()
    assert names(pets) == (["tom"] if kept else ["tom", mode])
    with pytest.raises(exc.ArgumentError, match="invalid selection for join_transaction_mode"):
        Session(pets, join_transaction_mode="other")  # type: ignore[arg-type]


@pytest.mark.parametrize("on", [True, False])
def test_close_resets_only(pets: Engine, on: bool) -> None:
    session = Session(pets, close_resets_only=on)
    session.close()
    if on:
        assert session.scalar(text("SELECT 1")) == 1
        session.close()
        return
    with pytest.raises(exc.InvalidRequestError, match="permanently closed"):
        session.scalar(text("SELECT 1"))


def test_execution_options(pets: Engine) -> None:
    heard: list[Any] = []

    with Session(pets, execution_options={"mark": 7}) as session:

        @event.listens_for(session, "do_orm_execute")
        def hear(state: Any) -> None:
            heard.append(state.execution_options.get("mark"))

        session.scalars(select(Pet)).all()
        session.execute(select(Pet), execution_options={"mark": 8})
        assert session.execution_options == {"mark": 7}
    assert heard == [7, 8]


def test_options_that_are_gone_are_refused() -> None:
    engine: Iterator[Engine] | Engine = create_engine("sqlite://")
    with pytest.raises(exc.ArgumentError, match="'future' parameter"):
        Session(engine, future=False)  # type: ignore[arg-type]
    with pytest.raises(exc.ArgumentError, match="autocommit=True is no longer supported"):
        Session(engine, autocommit=True)  # type: ignore[arg-type]
    with warnings.catch_warnings(), pytest.raises(TypeError):
        Session(engine, nothing=1)  # type: ignore[call-arg]
