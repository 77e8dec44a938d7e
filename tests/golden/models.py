"""Mapped classes over the golden tables, declared the same way in both libraries."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any


def make_models(library: str, *, plain: bool = False) -> SimpleNamespace:
    """Return the namespace of a library's `orm` module and classes mapped by it.

    Args:
        library: Import name of the library.
        plain: Without relationships and inheritance.
    """
    q = SimpleNamespace(sa=import_module(library), orm=import_module(library + ".orm"))

    class Base(q.orm.DeclarativeBase):
        """The registry of these models."""

    q.Base = Base
    _add_blog(q, related=not plain)
    if not plain:
        _add_staff(q)
    return q


def _add_blog(q: Any, *, related: bool) -> None:
    """Map authors, posts, tags (many to many) and nodes (a tree)."""
    sa, orm = q.sa, q.orm
    links = sa.Table(
        "post_tags",
        q.Base.metadata,
        sa.Column("post_id", sa.ForeignKey("posts.id"), primary_key=True),
        sa.Column("tag_id", sa.ForeignKey("tags.id"), primary_key=True),
    )

    class Author(q.Base):
        __tablename__ = "authors"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        name = orm.mapped_column(sa.String(50))
        age = orm.mapped_column(sa.Integer)
        if related:
            posts = orm.relationship("Post", back_populates="author")

    class Post(q.Base):
        __tablename__ = "posts"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        author_id = orm.mapped_column(sa.ForeignKey("authors.id"))
        title = orm.mapped_column("post_title", sa.String(200))
        if related:
            author = orm.relationship("Author", back_populates="posts")
            tags = orm.relationship("Tag", secondary=links)

    class Tag(q.Base):
        __tablename__ = "tags"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        name = orm.mapped_column(sa.String(30))

    class Node(q.Base):
        __tablename__ = "nodes"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        parent_id = orm.mapped_column(sa.ForeignKey("nodes.id"))
        name = orm.mapped_column(sa.String(30))
        if related:
            children = orm.relationship("Node", back_populates="parent")
            parent = orm.relationship("Node", back_populates="children", remote_side=[id])

    q.Author, q.Post, q.Tag, q.Node, q.links = Author, Post, Tag, Node, links


def _add_staff(q: Any) -> None:
    """Map a joined-table hierarchy and a single-table one."""
    sa, orm = q.sa, q.orm

    class Employee(q.Base):
        __tablename__ = "employees"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        name = orm.mapped_column(sa.String(30))
        kind = orm.mapped_column(sa.String(10))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "employee"}

    class Manager(Employee):
        __tablename__ = "managers"
        id = orm.mapped_column(sa.ForeignKey("employees.id"), primary_key=True)
        budget = orm.mapped_column(sa.Integer)
        __mapper_args__ = {"polymorphic_identity": "manager"}

    class Animal(q.Base):
        __tablename__ = "animals"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        kind = orm.mapped_column(sa.String(10))
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "animal"}

    class Dog(Animal):
        bark = orm.mapped_column(sa.String(10))
        __mapper_args__ = {"polymorphic_identity": "dog"}

    q.Employee, q.Manager, q.Animal, q.Dog = Employee, Manager, Animal, Dog
