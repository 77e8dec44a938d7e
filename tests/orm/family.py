"""Two classes and their relationship, mapped without a database."""

from __future__ import annotations

from typing import Any

from pyorm import Column, ForeignKey, Integer, String, event
from pyorm.orm import declarative_base, relationship

Base: Any = declarative_base()


class Parent(Base):
    """Has a list of children, whose orphans are deleted."""

    __tablename__ = "parent"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    children = relationship("Child", back_populates="parent", cascade="all, delete-orphan")


class Child(Base):
    """Has one parent."""

    __tablename__ = "child"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    parent_id = Column(ForeignKey("parent.id"))
    parent = relationship("Parent", back_populates="children")

    def __repr__(self) -> str:
        return str(self.name)


def event_token() -> Any:
    """Return the initiator of an append that nobody else knows."""
    base: Any = declarative_base()
    owner: Any = type(
        "Owner", (base,), {"__tablename__": "owner", "id": Column(Integer, primary_key=True), "name": Column(String)}
    )
    found: list[Any] = []
    event.listen(owner.name, "set", lambda target, value, old, initiator: found.append(initiator))
    owner().name = "x"
    return found.pop()


def collection_adapter() -> Any:
    """Return the adapter of a collection whose instance nobody else holds."""
    parent = Parent()
    return parent.children._sa_adapter
