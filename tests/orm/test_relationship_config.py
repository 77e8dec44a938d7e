"""What `relationship()` says, and what configuration makes of it: no database, no loading."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from pyorm import Column, ForeignKey, Integer, MetaData, Table, exc, inspect
from pyorm.orm import (
    MANYTOMANY,
    MANYTOONE,
    ONETOMANY,
    Mapped,
    configure_mappers,
    mapped_column,
    registry,
    relationship,
)
from tests.orm.relating import MADE, forget, make_base, make_pair


@pytest.fixture(autouse=True)
def _forget() -> Any:
    yield
    forget()


def names(columns: Any) -> list[str]:
    """Return columns as sorted text."""
    return sorted(str(column) for column in columns)


def test_direction_and_pairs_come_from_the_foreign_key() -> None:
    user, post = make_pair(relationship("Post", back_populates="author"), relationship("User", back_populates="posts"))

    configure_mappers()

    posts, author = user.posts.property, post.author.property
    assert (posts.direction, author.direction) == (ONETOMANY, MANYTOONE)
    assert (posts.uselist, author.uselist) == (True, False)
    assert str(posts.primaryjoin) == "users.id = posts.author_id"
    assert [names(pair) for pair in author.local_remote_pairs] == [["posts.author_id", "users.id"]]
    assert posts.remote_side == {post.__table__.c.author_id}
    assert posts.local_columns == {user.__table__.c.id}
    assert author._reverse_property == {posts}
    assert author._use_get


def test_a_name_a_callable_and_a_class_are_the_same_target() -> None:
    user, post = make_pair(relationship(lambda: post))
    post.author = relationship(user, viewonly=True)
    post.owner = relationship("User", viewonly=True)

    assert inspect(user).relationships.posts.mapper is inspect(post)
    assert post.author.property.mapper is post.owner.property.mapper is inspect(user)


def test_secondary_makes_many_to_many() -> None:
    base = make_base()
    links = Table("links", base.metadata, Column("near", ForeignKey("a.id")), Column("far", ForeignKey("b.id")))

    class A(base):  # type: ignore[misc,valid-type]
        __tablename__ = "a"
        id = Column(Integer, primary_key=True)
        others = relationship("B", secondary=links, backref="back")

    class B(base):  # type: ignore[misc,valid-type]
        __tablename__ = "b"
        id = Column(Integer, primary_key=True)

    configure_mappers()

    assert A.others.property.direction is B.back.property.direction is MANYTOMANY  # type: ignore[attr-defined]
    assert str(B.back.property.primaryjoin) == "b.id = links.far"  # type: ignore[attr-defined]
    assert str(B.back.property.secondaryjoin) == "a.id = links.near"  # type: ignore[attr-defined]


def test_remote_side_turns_a_self_reference_around() -> None:
    base = make_base()

    class Node(base):  # type: ignore[misc,valid-type]
        __tablename__ = "nodes"
        id = Column(Integer, primary_key=True)
        parent_id = Column(ForeignKey("nodes.id"))
        children = relationship("Node", back_populates="parent")
        parent = relationship("Node", back_populates="children", remote_side=[id])

    configure_mappers()

    assert Node.children.property.direction is ONETOMANY
    assert Node.parent.property.direction is MANYTOONE
    assert names(Node.parent.property.local_columns) == ["nodes.parent_id"]


def test_annotations_say_target_and_cardinality() -> None:
    base = make_base()

    class Author(base):  # type: ignore[misc,valid-type]
        __tablename__ = "authors"
        id: Mapped[int] = mapped_column(primary_key=True)
        books: Mapped[list[Book]] = relationship(back_populates="author")
        kept: Mapped[set[Book]] = relationship(viewonly=True)
        newest: Mapped[Book | None] = relationship(viewonly=True)

    class Book(base):  # type: ignore[misc,valid-type]
        __tablename__ = "books"
        id: Mapped[int] = mapped_column(primary_key=True)
        author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
        author: Mapped[Author] = relationship(back_populates="books")
        reader: Mapped[Optional[Author]] = relationship(viewonly=True)  # noqa: UP045

    configure_mappers()

    assert [Author.books.property.uselist, Author.kept.property.uselist, Author.newest.property.uselist] == [
        True, True, False,
    ]  # fmt: skip
    assert Author.kept.property.collection_class is set
    assert Book.author.property.mapper is Book.reader.property.mapper is inspect(Author)


def test_imperative_properties_take_relationships() -> None:
    metadata, mappings = MetaData(), registry()
    MADE.append(mappings)
    users = Table("users", metadata, Column("id", Integer, primary_key=True))
    posts = Table("posts", metadata, Column("id", Integer, primary_key=True), Column("uid", ForeignKey("users.id")))

    class User:
        """A plain class."""

    class Post:
        """Another."""

    mappings.map_imperatively(User, users, properties={"posts": relationship(Post, backref="user")})
    mappings.map_imperatively(Post, posts)
    configure_mappers()

    assert Post.user.property.direction is MANYTOONE  # type: ignore[attr-defined]
    assert inspect(User).relationships.keys() == ["posts"]


def test_an_ambiguous_path_names_what_to_write() -> None:
    base = make_base()

    class A(base):  # type: ignore[misc,valid-type]
        __tablename__ = "a"
        id = Column(Integer, primary_key=True)

    class B(base):  # type: ignore[misc,valid-type]
        __tablename__ = "b"
        id = Column(Integer, primary_key=True)
        one = Column(ForeignKey("a.id"))
        two = Column(ForeignKey("a.id"))
        a = relationship(A)

    with pytest.raises(exc.AmbiguousForeignKeysError) as caught:
        configure_mappers()

    assert "relationship B.a" in str(caught.value)
    assert "b.one -> a.id; b.two -> a.id; write foreign_keys=[b.one] or foreign_keys=[b.two]" in str(caught.value)
