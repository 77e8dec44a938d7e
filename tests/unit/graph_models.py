"""Mapped classes that hang on each other in every way: for tests of flushes over graphs."""

from __future__ import annotations

from pyorm import Column, ForeignKey, Table
from pyorm.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


links = Table(
    "links",
    Base.metadata,
    Column("child_id", ForeignKey("children.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class Parent(Base):
    __tablename__ = "parents"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    children: Mapped[list[Child]] = relationship(back_populates="parent", order_by="Child.id")


class Child(Base):
    __tablename__ = "children"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(unique=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("parents.id"))
    parent: Mapped[Parent | None] = relationship(back_populates="children")
    tags: Mapped[list[Tag]] = relationship(secondary=links, back_populates="children")


class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    children: Mapped[list[Child]] = relationship(secondary=links, back_populates="tags")


class Owned(Base):
    __tablename__ = "owned"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owners.id"))


class Owner(Base):
    __tablename__ = "owners"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(unique=True)
    things: Mapped[list[Owned]] = relationship(cascade="all, delete-orphan", order_by=Owned.id)


class Node(Base):
    __tablename__ = "nodes"
    id: Mapped[int] = mapped_column(primary_key=True)
    up_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
    down: Mapped[list[Node]] = relationship(back_populates="up", cascade="all, delete-orphan")
    up: Mapped[Node | None] = relationship(back_populates="down", remote_side=id)


class Team(Base):
    __tablename__ = "teams"
    id: Mapped[int] = mapped_column(primary_key=True)
    leader_id: Mapped[int | None] = mapped_column(ForeignKey("people.id", use_alter=True, name="fk_lead"))
    leader: Mapped[Person | None] = relationship(foreign_keys=leader_id, post_update=True)
    members: Mapped[list[Person]] = relationship(foreign_keys="Person.team_id", post_update=True)


class Person(Base):
    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
