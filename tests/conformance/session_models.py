"""A mapped class and its table, for the tests of sessions."""

from __future__ import annotations

from pyorm import Integer, String
from pyorm.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of the tests' classes."""


class Pet(Base):
    """A row with a unique name."""

    __tablename__ = "pets"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    age: Mapped[int | None] = mapped_column(Integer)


def state_of(instance: object) -> str:
    """Return the one state an instance is in."""
    from pyorm import inspect

    found = inspect(instance)
    names = ("transient", "pending", "persistent", "deleted", "detached")
    (state,) = [name for name in names if getattr(found, name)]
    return state
