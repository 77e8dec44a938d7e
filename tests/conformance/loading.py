"""Mapped classes and helpers of the loader's tests, on any database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import ForeignKey, Integer, String, event, insert
from pyorm.orm import DeclarativeBase, Mapped, mapped_column
from pyorm.types import TypeDecorator


class Picky(TypeDecorator[str]):
    """A text that refuses one value when it is read."""

    impl = String
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        """Raise for "boom"."""
        if value == "boom":
            raise ValueError("this value cannot be read")
        return value


class Base(DeclarativeBase):
    """The registry of the loader's tests."""


class User(Base):
    """A user with deferred columns, alone and in a group."""

    __tablename__ = "load_users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    nick: Mapped[str | None] = mapped_column("nick_name", String(50))
    bio: Mapped[str | None] = mapped_column(String(50), deferred=True)
    left: Mapped[str | None] = mapped_column(String(50), deferred_group="sides")
    right: Mapped[str | None] = mapped_column(String(50), deferred_group="sides")


class Address(Base):
    """An address of a user."""

    __tablename__ = "load_addresses"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("load_users.id"))
    email: Mapped[Any] = mapped_column(Picky(50))


class Pair(Base):
    """A composite key, of a number and a text."""

    __tablename__ = "load_pairs"
    a: Mapped[int] = mapped_column(Integer, primary_key=True)
    b: Mapped[str] = mapped_column(String(10), primary_key=True)
    value: Mapped[str | None] = mapped_column(String(10))


def fill(engine: Any, users: int = 3) -> None:
    """Create the tables with some rows: user n is "user n", with address n * 10."""
    Base.metadata.create_all(engine)
    numbers = range(1, users + 1)
    with engine.begin() as connection:
        connection.execute(
            insert(User.__table__),
            [
                {"id": n, "name": f"user {n}", "nick_name": f"u{n}", "bio": "b", "left": "l", "right": "r"}
                for n in numbers
            ],
        )
        connection.execute(
            insert(Address.__table__), [{"id": n * 10, "user_id": n, "email": f"{n}@x"} for n in numbers]
        )
        connection.execute(
            insert(Pair.__table__), [{"a": 1, "b": "x", "value": "1x"}, {"a": 1, "b": "y", "value": "1y"}]
        )


@contextmanager
def counted(engine: Any) -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile, transactions apart."""
    sent: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
