"""A mapped schema for the unit of work, and what a test sees of its statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import Engine, _core, event
from pyorm.orm import Session


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as made:
        yield made


@pytest.fixture
def create(engine: Engine) -> Callable[[Any], None]:
    """Create the tables of a declarative base."""
    return lambda base: base.metadata.create_all(engine)


@pytest.fixture
def statements(engine: Engine) -> list[str]:
    """The first words of every statement that changes something, as they are sent."""
    seen: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_conn: Any, _cursor: Any, statement: str, _params: Any, _context: Any, _many: bool) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            seen.append(statement)

    return seen


class Counted:
    """How many rows went which way since the object was made."""

    def __init__(self) -> None:
        self._before = _core._counters()

    def __getitem__(self, name: str) -> int:
        return _core._counters()[f"unit_{name}"] - self._before[f"unit_{name}"]


@pytest.fixture
def counted() -> Counted:
    return Counted()
