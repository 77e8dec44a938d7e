"""Mapped classes of the tests of sessions and queries, and a log of statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyorm import Column, ForeignKey, Integer, String, event
from pyorm.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(50))
    age: Mapped[int | None]


class Address(Base):
    __tablename__ = "addresses"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    email: Mapped[str] = mapped_column(String(100), unique=True)


class Stock(Base):
    """A composite key."""

    __tablename__ = "stock"

    shelf = Column(Integer, primary_key=True, autoincrement=False)
    code = Column(String(10), primary_key=True)
    amount = Column(Integer)


@contextmanager
def logged(engine: object) -> Iterator[list[str]]:
    """Collect the first word of each statement that runs inside the block."""
    words: list[str] = []

    def listen(conn, cursor, statement, parameters, context, executemany) -> None:
        words.append(statement.split()[0])

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield words
    finally:
        event.remove(engine, "before_cursor_execute", listen)
