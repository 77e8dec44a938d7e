"""Relationships in statements while memory runs out: a statement is made whole, or MemoryError."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pyorm import _core, and_, func, select
from pyorm.orm import aliased, with_parent
from tests.faults.walk import Outcome, Work, piece
from tests.golden.related import make_related

Steps = Generator[Work, Outcome, None]
MODELS: list[Any] = []


def models() -> Any:
    """Return the classes, mapped once."""
    if not MODELS:
        MODELS.append(make_related("pyorm"))
    return MODELS[0]


@piece()
def join_along_relationships(url: str) -> Steps:
    q = models()
    tag, node = aliased(q.Tag), aliased(q.Node)

    def work() -> Any:
        statement = select(q.Author).join(q.Author.posts.and_(q.Post.score > 1)).outerjoin(q.Post.tags.of_type(tag))
        return str(statement), str(select(q.Node).join(node, q.Node.children))

    outcome = yield work
    if outcome.done:
        assert "JOIN posts ON authors.id = posts.author_id AND posts.score" in outcome.value[0]


@piece()
def ask_whether_related_rows_exist(url: str) -> Steps:
    q = models()

    def work() -> Any:
        found = q.Author.posts.any(q.Post.tags.any(name="x"), score=3)
        return str(and_(found, ~q.Node.children.any(q.Node.name == "x"), q.Author.profile.has()))

    outcome = yield work
    if outcome.done:
        assert outcome.value.count("EXISTS") == 4


@piece()
def compare_with_objects(url: str) -> Steps:
    q = models()
    author, order, tag = q.Author(id=1), q.Order(year=1, number=2), q.Tag(id=3)

    def work() -> Any:
        criteria = [
            q.Post.author == author, q.Post.author != author, q.Line.order != order, q.Post.author == None,  # noqa: E711
            ~q.Post.tags.contains(tag), with_parent(author, q.Author.popular),
        ]  # fmt: skip
        return len(criteria), str(and_(*criteria))

    outcome = yield work
    assert author.id == 1
    if outcome.done:
        assert outcome.value[0] == 6


@piece()
def read_and_copy_a_condition(url: str) -> Steps:
    table = models().Node.__table__
    condition = and_(table.c.id == _core._mark(table.c.parent_id, 3), func.lower(table.c.name) == "x")

    def work() -> Any:
        copied = _core._rewrite(condition, lambda column, marks: table.c.id if marks else None)
        return _core._columns_in(condition), _core._comparisons(condition), str(copied)

    outcome = yield work
    if outcome.done:
        assert outcome.value[2].startswith("nodes.id = nodes.id AND lower(nodes.name)")
