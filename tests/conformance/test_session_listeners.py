"""Listeners of Query.update() and delete(), and of pickling."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from pyorm import event, inspect
from pyorm.orm import Session
from tests.conformance.session_models import Base, Pet


@pytest.fixture
def session(engine) -> Iterator[Session]:
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        made.add(Pet(id=1, name="Rex", age=3))
        made.commit()
        yield made


def test_bulk_listeners_hear_of_query_update_and_delete_when_they_ran(session) -> None:
    heard: list[tuple[object, ...]] = []
    event.listen(
        session, "after_bulk_update",
        lambda c: heard.append(("update", c.session, c.mapper, c.values, c.result.rowcount)),
    )
    event.listen(
        session, "after_bulk_delete",
        lambda c: heard.append(("delete", c.session, c.mapper, c.query, c.result.rowcount)),
    )
    query = session.query(Pet).filter(Pet.name == "Rex")

    query.update({"age": 4})
    query.delete()

    mapper = inspect(Pet)
    assert heard == [("update", session, mapper, {"age": 4}, 1), ("delete", session, mapper, query, 1)]


def test_listeners_of_pickling_see_the_state_when_an_instance_is_copied(session) -> None:
    heard: list[tuple[object, ...]] = []
    dumped = lambda target, state: heard.append(("pickle", target, state["key"]))  # noqa: E731
    loaded = lambda target, state: heard.append(("unpickle", target, state["key"]))  # noqa: E731
    pet = session.get(Pet, 1)
    event.listen(Pet, "pickle", dumped)
    event.listen(Pet, "unpickle", loaded)

    copy = pickle.loads(pickle.dumps(pet))
    event.remove(Pet, "pickle", dumped)
    event.remove(Pet, "unpickle", loaded)

    assert heard == [("pickle", pet, inspect(pet).key), ("unpickle", copy, inspect(pet).key)]
