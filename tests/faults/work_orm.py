"""Entities without a database while memory runs out."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Generator
from typing import Any

from pyorm.orm import DeclarativeBase, Mapped, mapped_column
from tests.faults.walk import Outcome, Work, piece
from tests.orm.mapping import make_class, slot

Steps = Generator[Work, Outcome, None]


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    age: Mapped[int | None]


def values(person: Person) -> tuple[Any, ...]:
    return (person.id, person.name, person.age)


@piece()
def create_entity(url: str) -> Steps:
    def work() -> Any:
        return Person(id=1, name="ann", age=3)

    outcome = yield work
    assert not outcome.done or values(outcome.value) == (1, "ann", 3)


@piece()
def set_and_delete_attributes(url: str) -> Steps:
    person = Person(id=1, name="ann", age=3)

    def work() -> Any:
        person.name = "bob"
        person.age = 4
        del person.age
        person.extra = "x"  # type: ignore[attr-defined]
        return person.__dict__["name"]

    outcome = yield work
    assert person.name in ("ann", "bob")
    assert person.age in (3, 4, None)
    assert not outcome.done or (person.name, person.age, person.extra) == ("bob", None, "x")  # type: ignore[attr-defined]


@piece()
def ask_for_history(url: str) -> Steps:
    person = Person(id=1, name="ann", age=3)
    person.name = "bob"

    def work() -> Any:
        state = person._sa_instance_state
        history = state.get_history("name", 0)
        return list(history.added), sorted(state.dict), sorted(state.committed_state)

    outcome = yield work
    assert not outcome.done or outcome.value[0] == ["bob"]
    assert values(person) == (1, "bob", 3)


@piece()
def pickle_entity(url: str) -> Steps:
    person = Person(id=1, name="ann", age=3)

    def work() -> Any:
        return pickle.loads(pickle.dumps(person))

    outcome = yield work
    assert not outcome.done or values(outcome.value) == (1, "ann", 3)
    assert values(person) == (1, "ann", 3)


@piece()
def make_plan(url: str) -> Steps:
    def work() -> Any:
        cls = make_class("id", slot("name", compare=lambda a, b: a == b), primary_key=("id",), version="name")
        thing = cls(id=1)
        thing.name = "x"
        return thing.id, thing.name

    outcome = yield work
    assert not outcome.done or outcome.value == (1, "x")


@piece()
def copy_entity(url: str) -> Steps:
    person = Person(id=1, name="ann", age=3)

    def work() -> Any:
        return copy.copy(person)

    outcome = yield work
    assert not outcome.done or values(outcome.value) == (1, "ann", 3)
    assert values(person) == (1, "ann", 3)


@piece(kinds=("core",))
def map_class(url: str) -> Steps:
    def work() -> Any:
        base = type("Own", (DeclarativeBase,), {})
        mapped = type("Thing", (base,), {
            "__tablename__": "things", "__annotations__": {"id": Mapped[int]},
            "id": mapped_column(primary_key=True),
        })
        return mapped(id=4)

    outcome = yield work
    assert not outcome.done or outcome.value.id == 4
