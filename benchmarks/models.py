"""Makes the two classes of the benchmark, for any library with SQLAlchemy's shape."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from benchmarks.work import KINDS


def map_author(sa: ModuleType, orm: ModuleType, base: Any, table: str) -> type:
    """Return a mapped class over author or author_w."""

    class Author(base):
        __tablename__ = table
        id = orm.mapped_column(sa.Integer, primary_key=True)
        name = orm.mapped_column(sa.String(100), nullable=False)
        email = orm.mapped_column(sa.String(100), nullable=False)
        age = orm.mapped_column(sa.Integer, nullable=False)
        balance = orm.mapped_column(sa.Float, nullable=False)
        active = orm.mapped_column(sa.Boolean, nullable=False)
        created = orm.mapped_column(sa.DateTime, nullable=False)
        bio = orm.mapped_column(sa.Text, nullable=False)

        def shout(self) -> str:
            """What a method costs to call."""
            return "!"

    Author.__name__ = Author.__qualname__ = table.title().replace("_", "")
    return Author


def map_posts(sa: ModuleType, orm: ModuleType, base: Any) -> tuple[type, type]:
    """Return classes over author and post that refer to each other."""
    author = map_author(sa, orm, base, "author")

    class Post(base):
        __tablename__ = "post"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        author_id = orm.mapped_column(sa.ForeignKey("author.id"), nullable=False)
        title = orm.mapped_column(sa.String(200), nullable=False)
        body = orm.mapped_column(sa.Text, nullable=False)
        views = orm.mapped_column(sa.Integer, nullable=False)
        author = orm.relationship(lambda: author_class, back_populates="posts")

    author_class: Any = author
    author_class.posts = orm.relationship(Post, back_populates="author")
    return author, Post


def map_tree(sa: ModuleType, orm: ModuleType, base: Any) -> tuple[type, type, type]:
    """Return classes over root, branch and leaf, each with the collection of the next."""

    class Leaf(base):
        __tablename__ = "leaf"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        branch_id = orm.mapped_column(sa.ForeignKey("branch.id"), nullable=False)
        name = orm.mapped_column(sa.String(40), nullable=False)
        weight = orm.mapped_column(sa.Integer, nullable=False)

    class Branch(base):
        __tablename__ = "branch"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        root_id = orm.mapped_column(sa.ForeignKey("root.id"), nullable=False)
        name = orm.mapped_column(sa.String(40), nullable=False)
        leaves = orm.relationship(Leaf)

    class Root(base):
        __tablename__ = "root"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        name = orm.mapped_column(sa.String(40), nullable=False)
        branches = orm.relationship(Branch)

    return Root, Branch, Leaf


def map_staff(sa: ModuleType, orm: ModuleType, base: Any) -> type:
    """Return the base of a hierarchy with joined tables; its subclasses are loaded with it."""

    class Staff(base):
        __tablename__ = "staff"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        kind = orm.mapped_column(sa.String(10), nullable=False)
        name = orm.mapped_column(sa.String(40), nullable=False)
        __mapper_args__ = {  # noqa: RUF012
            "polymorphic_on": "kind", "polymorphic_identity": "staff", "with_polymorphic": "*",
        }

    for kind in KINDS:
        key = sa.ForeignKey("staff.id")
        type(kind.title(), (Staff,), {
            "__tablename__": kind,
            "id": orm.mapped_column(key, primary_key=True),
            f"{kind}_level": orm.mapped_column(sa.Integer, nullable=False),
            f"{kind}_note": orm.mapped_column(sa.String(40), nullable=False),
            "__mapper_args__": {"polymorphic_identity": kind},
        })
    return Staff


def map_reading(sa: ModuleType, orm: ModuleType, base: Any) -> type:
    """Return a mapped class over reading."""

    class Reading(base):
        __tablename__ = "reading"
        id = orm.mapped_column(sa.Integer, primary_key=True)
        sensor = orm.mapped_column(sa.Integer, nullable=False)
        label = orm.mapped_column(sa.String(40), nullable=False)

    return Reading


def map_twenty(sa: ModuleType, orm: ModuleType) -> list[type]:
    """Declare and configure 20 models of 8 columns, each with a foreign key to the one before."""
    base = orm.declarative_base()
    made: list[type] = []
    for number in range(20):
        namespace: dict[str, Any] = {
            "__tablename__": f"model_{number}",
            "id": orm.mapped_column(sa.Integer, primary_key=True),
            "name": orm.mapped_column(sa.String(100), nullable=False, index=True),
            "email": orm.mapped_column(sa.String(100), unique=True),
            "age": orm.mapped_column(sa.Integer, default=0),
            "balance": orm.mapped_column(sa.Numeric(10, 2)),
            "active": orm.mapped_column(sa.Boolean, default=True),
            "created": orm.mapped_column(sa.DateTime),
        }
        if made:
            key = sa.ForeignKey(f"model_{number - 1}.id")
            namespace["previous_id"] = orm.mapped_column(key)
        made.append(type(f"Model{number}", (base,), namespace))
    orm.configure_mappers()
    return made
