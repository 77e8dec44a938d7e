"""No Python frame runs per instance: not in get, add, flush, commit, execute or load."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from pyorm import _core, create_engine, select
from pyorm.orm import Session
from tests.conformance.session_models import Base, Pet


@pytest.fixture
def session():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        made.add_all([Pet(id=i, name=str(i)) for i in range(1, 101)])
        made.commit()
        made.scalars(select(Pet)).all()
        yield made
    engine.dispose()


def frames(call: Callable[[], Any]) -> list[str]:
    """Return the names of the Python functions that run inside a call, without the call itself."""
    names: list[str] = []

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            names.append(frame.f_code.co_name)

    gc.disable()  # its callbacks are Python functions of other programs

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        gc.enable()
    return names[1:]


def test_get_runs_no_python_when_the_map_has_the_instance(session) -> None:
    pet = session.get(Pet, 1)
    before = _core._counters()["session_get_hit"]

    assert frames(lambda: session.get(Pet, 1)) == []
    assert session.get(Pet, 1) is pet
    assert _core._counters()["session_get_hit"] == before + 2


def test_get_runs_no_python_when_it_asks_the_database(session) -> None:
    session.expunge_all()
    session.get(Pet, 1)

    assert frames(lambda: session.get(Pet, 2)) == []


def test_add_flush_and_commit_run_no_python_per_instance(session) -> None:
    made = [Pet(id=i, name=str(i)) for i in range(200, 400)]

    assert frames(lambda: session.add_all(made)) == []
    assert len(frames(session.flush)) <= 2
    for pet in made:
        pet.age = 1
    assert len(frames(session.commit)) <= 2


def test_cached_statement_runs_few_frames(session) -> None:
    statement = select(Pet).where(Pet.id < 50)
    session.scalars(statement).all()
    session.scalars(statement).all()

    assert len(frames(lambda: session.scalars(statement).all())) <= 2


def test_dropped_session_lets_its_instances_go() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    session = Session(engine)
    pending, kept = Pet(id=1, name="a"), Pet(id=2, name="b")
    session.add(kept)
    session.flush()
    session.add(pending)
    watched = weakref.ref(session)

    del session
    gc.collect()

    assert watched() is None
    assert pending._sa_instance_state.session is None and kept._sa_instance_state.session is None
    engine.dispose()


def test_memory_is_flat_over_many_sessions() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)

    def work() -> None:
        with Session(engine) as session:
            pet = Pet(name="x")
            session.add(pet)
            session.flush()
            with session.begin_nested():
                pet.age = 2
            session.delete(pet)
            session.flush()
            session.rollback()

    for _ in range(20):
        work()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(200):
        work()
    gc.collect()

    assert len(gc.get_objects()) - before < 50
    engine.dispose()
