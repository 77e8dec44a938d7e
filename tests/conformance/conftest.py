"""The tables of models.py in an empty database, three users in them, a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyorm import insert
from pyorm.engine import Engine
from pyorm.orm import Session
from tests.conformance.models import Base, User


@pytest.fixture
def tables(engine: Engine) -> Engine:
    """The engine; the tables exist and are empty."""
    Base.metadata.create_all(engine)
    return engine


@pytest.fixture
def users(tables: Engine) -> Engine:
    """The engine; alice (1, aged 30), bob (2, 40) and carol (3, no age) are in `users`."""
    rows = [("alice", 30), ("bob", 40), ("carol", None)]
    with tables.begin() as connection:
        connection.execute(insert(User.__table__), [{"name": n, "age": a} for n, a in rows])
    return tables


@pytest.fixture
def session(tables: Engine) -> Iterator[Session]:
    """A session on `tables`."""
    with Session(tables) as made:
        yield made
