"""Users, posts and tags: the graph that the tests of relationships load and write."""

from __future__ import annotations

from typing import Any

from pyorm import Column, ForeignKey, Integer, String, Table, insert
from pyorm.engine import Engine
from pyorm.orm import declarative_base, relationship

Base: Any = declarative_base()

post_tags = Table(
    "post_tags",
    Base.metadata,
    Column("post_id", ForeignKey("posts.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class User(Base):
    """A user has posts, in the order of their id."""

    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String(50))
    posts = relationship("Post", back_populates="author", order_by="Post.id")


class Post(Base):
    """A post has an author and tags."""

    __tablename__ = "posts"
    id = Column(Integer, primary_key=True)
    title = Column(String(50))
    author_id = Column(ForeignKey("users.id"))
    author = relationship("User", back_populates="posts")
    tags = relationship("Tag", secondary=post_tags, back_populates="posts", order_by="Tag.id")


class Tag(Base):
    """A tag has posts."""

    __tablename__ = "tags"
    id = Column(Integer, primary_key=True)
    name = Column(String(50))
    posts = relationship("Post", secondary=post_tags, back_populates="tags")


class Node(Base):
    """A node has a parent and children."""

    __tablename__ = "nodes"
    id = Column(Integer, primary_key=True)
    parent_id = Column(ForeignKey("nodes.id"))
    children = relationship("Node", back_populates="parent", order_by="Node.id")
    parent = relationship("Node", back_populates="children", remote_side="Node.id")


AUTHOR = {post: 1 + post % 4 for post in range(1, 13)}
TAGS = {post: [1 + (post + j) % 3 for j in range(post % 3)] for post in range(1, 13)}


def posts_of(user: int) -> list[int]:
    """Return the ids of a user's posts."""
    return [post for post, author in AUTHOR.items() if author == user]


def fill(engine: Engine) -> None:
    """Create the tables; five users, twelve posts, three tags, a binary tree of seven nodes."""
    Base.metadata.create_all(engine)
    with engine.begin() as conn:
        conn.execute(insert(User.__table__), [{"id": i, "name": f"u{i}"} for i in range(1, 6)])
        conn.execute(insert(Post.__table__), [{"id": p, "title": f"p{p}", "author_id": a} for p, a in AUTHOR.items()])
        conn.execute(insert(Tag.__table__), [{"id": i, "name": f"t{i}"} for i in range(1, 4)])
        conn.execute(insert(post_tags), [{"post_id": p, "tag_id": t} for p, ts in TAGS.items() for t in ts])
        conn.execute(insert(Node.__table__), [{"id": i, "parent_id": i // 2 or None} for i in range(1, 8)])
