"""Mapped classes with relationships of every shape, rows for them, and how cases are told.

The same source runs under the reference library (tools/golden_related.py writes related.json)
and under pyorm (the tests compare).
"""

from __future__ import annotations

import warnings
from importlib import import_module
from types import SimpleNamespace
from typing import Any

ERRORS = (AttributeError, NotImplementedError, TypeError)


def make_related(library: str) -> SimpleNamespace:
    """Return the namespace of a library and of classes mapped by it.

    Args:
        library: Import name of the library.
    """
    q = SimpleNamespace(sa=import_module(library), orm=import_module(library + ".orm"))

    class Base(q.orm.DeclarativeBase):
        """The registry of these models."""

    q.Base = Base
    _add_blog(q)
    _add_graphs(q)
    _add_composite(q)
    _add_staff(q)
    _add_animals(q)
    q.orm.configure_mappers()
    return q


def _add_blog(q: Any) -> None:
    """Map authors, their profile (one to one), posts and tags (many to many)."""
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
        posts = orm.relationship("Post", back_populates="author")
        profile = orm.relationship("Profile", uselist=False, back_populates="author")
        popular = orm.relationship(
            "Post", primaryjoin="and_(Author.id == Post.author_id, Post.score > 5)", viewonly=True
        )

    class Profile(q.Base):
        __tablename__ = "profiles"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        author_id = orm.mapped_column(sa.ForeignKey("authors.id"))
        bio = orm.mapped_column(sa.String(50))
        author = orm.relationship("Author", back_populates="profile")

    class Post(q.Base):
        __tablename__ = "posts"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        author_id = orm.mapped_column(sa.ForeignKey("authors.id"))
        title = orm.mapped_column("post_title", sa.String(200))
        score = orm.mapped_column(sa.Integer)
        author = orm.relationship("Author", back_populates="posts")
        tags = orm.relationship("Tag", secondary=links, back_populates="posts")

    class Tag(q.Base):
        __tablename__ = "tags"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        name = orm.mapped_column(sa.String(30))
        posts = orm.relationship("Post", secondary=links, back_populates="tags")

    q.Author, q.Profile, q.Post, q.Tag, q.links = Author, Profile, Post, Tag, links


def _add_graphs(q: Any) -> None:
    """Map a tree, and people who like each other (many to many in one table)."""
    sa, orm = q.sa, q.orm
    liking = sa.Table(
        "likes",
        q.Base.metadata,
        sa.Column("liking", sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("liked", sa.ForeignKey("people.id"), primary_key=True),
    )

    class Node(q.Base):
        __tablename__ = "nodes"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        parent_id = orm.mapped_column(sa.ForeignKey("nodes.id"))
        name = orm.mapped_column(sa.String(30))
        children = orm.relationship("Node", back_populates="parent")
        parent = orm.relationship("Node", back_populates="children", remote_side=[id])

    class Person(q.Base):
        __tablename__ = "people"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        name = orm.mapped_column(sa.String(30))
        likes = orm.relationship(
            "Person",
            secondary=liking,
            primaryjoin=id == liking.c.liking,
            secondaryjoin=id == liking.c.liked,
            back_populates="liked_by",
        )
        liked_by = orm.relationship(
            "Person",
            secondary=liking,
            primaryjoin=id == liking.c.liked,
            secondaryjoin=id == liking.c.liking,
            back_populates="likes",
        )

    q.Node, q.Person = Node, Person


def _add_composite(q: Any) -> None:
    """Map orders and lines, joined by a key of two columns."""
    sa, orm = q.sa, q.orm

    class Order(q.Base):
        __tablename__ = "orders"
        year = orm.mapped_column(sa.Integer, primary_key=True)
        number = orm.mapped_column(sa.Integer, primary_key=True)
        lines = orm.relationship("Line", back_populates="order")

    class Line(q.Base):
        __tablename__ = "lines"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        order_year = orm.mapped_column(sa.Integer)
        order_number = orm.mapped_column(sa.Integer)
        order = orm.relationship("Order", back_populates="lines")
        __table_args__ = (
            sa.ForeignKeyConstraint(
                ["order_year", "order_number"], ["orders.year", "orders.number"]
            ),
        )

    q.Order, q.Line = Order, Line


def _add_staff(q: Any) -> None:
    """Map a hierarchy over joined tables, related from and to its classes."""
    sa, orm = q.sa, q.orm

    class Company(q.Base):
        __tablename__ = "companies"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        name = orm.mapped_column(sa.String(20))
        staff = orm.relationship("Employee", back_populates="company")

    class Employee(q.Base):
        __tablename__ = "employees"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        kind = orm.mapped_column(sa.String(20))
        name = orm.mapped_column(sa.String(20))
        company_id = orm.mapped_column(sa.ForeignKey("companies.id"))
        company = orm.relationship("Company", back_populates="staff")
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "employee"}

    class Manager(Employee):
        __tablename__ = "managers"
        id = orm.mapped_column(sa.ForeignKey("employees.id"), primary_key=True)
        budget = orm.mapped_column(sa.Integer)
        reports = orm.relationship("Report", back_populates="manager")
        team = orm.relationship("Engineer", foreign_keys="Engineer.manager_id", back_populates="manager")
        __mapper_args__ = {"polymorphic_identity": "manager"}

    class Engineer(Employee):
        __tablename__ = "engineers"
        id = orm.mapped_column(sa.ForeignKey("employees.id"), primary_key=True)
        manager_id = orm.mapped_column(sa.ForeignKey("managers.id"))
        manager = orm.relationship("Manager", foreign_keys=manager_id, back_populates="team")
        __mapper_args__ = {"polymorphic_identity": "engineer", "inherit_condition": id == Employee.id}

    class Report(q.Base):
        __tablename__ = "reports"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        manager_id = orm.mapped_column(sa.ForeignKey("managers.id"))
        manager = orm.relationship("Manager", back_populates="reports")

    q.Company, q.Employee, q.Manager, q.Engineer, q.Report = Company, Employee, Manager, Engineer, Report


def _add_animals(q: Any) -> None:
    """Map a hierarchy in one table, related to its classes."""
    sa, orm = q.sa, q.orm

    class Owner(q.Base):
        __tablename__ = "owners"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        animals = orm.relationship("Animal", back_populates="owner")
        dogs = orm.relationship("Dog", viewonly=True)

    class Animal(q.Base):
        __tablename__ = "animals"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        kind = orm.mapped_column(sa.String(20))
        owner_id = orm.mapped_column(sa.ForeignKey("owners.id"))
        owner = orm.relationship("Owner", back_populates="animals")
        __mapper_args__ = {"polymorphic_on": kind, "polymorphic_identity": "animal"}

    class Dog(Animal):
        bark = orm.mapped_column(sa.String(20))
        __mapper_args__ = {"polymorphic_identity": "dog"}

    q.Owner, q.Animal, q.Dog = Owner, Animal, Dog


def fill(q: Any, connection: Any) -> None:
    """Create the tables and insert the rows of all of them."""
    q.Base.metadata.create_all(connection)
    for name, rows in _rows().items():
        table = q.Base.metadata.tables[name]
        keys = [column.key for column in table.c]
        connection.execute(table.insert(), [dict(zip(keys, row, strict=True)) for row in rows])


def _rows() -> dict[str, list[tuple[Any, ...]]]:
    return {
        "authors": [(1, "x", 10), (2, "y", 20), (3, "z", 30), (4, "x", 40), (5, "w", 50)],
        "profiles": [(1, 1, "x"), (2, 4, "plain"), (3, 5, "x")],
        "posts": [
            (1, 1, "x", 9), (2, 1, "b", 2), (3, 2, "x", 1), (4, 3, "d", 7), (5, 5, "e", 6),
            (6, None, "x", 3),
        ],
        "tags": [(1, "x"), (2, "q"), (3, "r"), (4, "s")],
        "post_tags": [(1, 1), (1, 3), (2, 3), (2, 4), (4, 1), (5, 4), (1, 4)],
        "nodes": [(1, None, "r"), (2, 1, "x"), (3, 1, "b"), (4, 2, "x"), (5, 4, "x"), (6, 2, "c")],
        "people": [(1, "x"), (2, "y"), (3, "z")],
        "likes": [(1, 2), (1, 3), (2, 3), (3, 1)],
        "orders": [(1, 2), (1, 3), (2, 1)],
        "lines": [(1, 1, 2), (2, 1, 2), (3, 1, 3), (4, None, None), (5, 1, None)],
        "companies": [(1, "x"), (2, "y")],
        "employees": [
            (1, "manager", "x", 1), (2, "engineer", "b", 1), (3, "engineer", "x", 2), (4, "manager", "d", 2),
            (5, "employee", "e", None),
        ],
        "managers": [(1, 10), (4, 2)],
        "engineers": [(2, 1), (3, 1)],
        "reports": [(1, 1), (2, 1), (3, None)],
        "owners": [(1,), (2,), (3,)],
        "animals": [(1, "dog", 1, "x"), (2, "animal", 1, None), (3, "animal", 2, None), (4, "dog", None, "y")],
    }  # fmt: skip


def tell_row(row: Any) -> list[str]:
    """Return what a row holds: instances by class and key."""
    return [tell_value(value) for value in row]


def tell_value(value: Any) -> str:
    """Return a value as text; of an instance its class and primary key."""
    if hasattr(type(value), "__mapper__"):
        key = type(value).__mapper__.primary_key_from_instance(value)
        return f"{type(value).__name__}{tuple(key)}"
    return repr(value)


def run_case(q: Any, session: Any, make: Any) -> Any:
    """Return the rows of a case in order of their text, or the class of its error."""
    try:
        statement = make()
        result = session.execute(statement)
        if isinstance(statement, (q.sa.Update, q.sa.Delete)):
            return result.rowcount
        return sorted(tell_row(row) for row in result.all())
    except (q.sa.exc.SQLAlchemyError, *ERRORS) as error:
        return type(error).__name__
    finally:
        session.rollback()


def compile_case(q: Any, make: Any, dialect: Any) -> dict[str, Any]:
    """Return the text and parameters of a case, or the class of its error."""
    options = {} if dialect is None else {"dialect": dialect}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compiled = make().compile(**options)
            params = {key: repr(value) for key, value in compiled.params.items()}
        except (q.sa.exc.SQLAlchemyError, *ERRORS) as error:
            return {"error": type(error).__name__}
    return {"text": compiled.string, "params": params, "positions": list(compiled.positiontup or ())}
