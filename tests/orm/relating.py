"""Pairs of classes with relationships, for tests that need no database."""

from __future__ import annotations

from typing import Any

from pyorm import Column, ForeignKey, Integer, String
from pyorm.orm import DeclarativeBase

MADE: list[Any] = []
"""Registries of the running test; forget() disposes of them."""


def make_base() -> Any:
    """Return a declarative base with a registry of its own."""

    class Base(DeclarativeBase):
        """The classes of one test."""

    MADE.append(Base.registry)
    return Base


def make_pair(user: Any = None, post: Any = None, *, key: bool = True, base: Any = None) -> tuple[Any, Any]:
    """Return the classes User and Post with these relationships `posts` and `author`."""
    base = make_base() if base is None else base
    attributes = {"__tablename__": "users", "id": Column(Integer, primary_key=True), "name": Column(String(20))}
    user_class = type("User", (base,), attributes if user is None else {**attributes, "posts": user})
    column = Column(Integer, *([ForeignKey("users.id")] if key else []))
    attributes = {"__tablename__": "posts", "id": Column(Integer, primary_key=True), "author_id": column}
    post_class = type("Post", (base,), attributes if post is None else {**attributes, "author": post})
    return user_class, post_class


def forget() -> None:
    """Dispose of what the test mapped: a configuration that fails is remembered."""
    while MADE:
        MADE.pop().dispose(cascade=True)
