"""Statements over aliases that are made anew find the compiled form of the first one."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import create_engine, insert, select
from pyorm.orm import Session, aliased, contains_eager
from tests.conformance import blog
from tests.conformance.blog import AUTHOR, Post, User


@pytest.fixture
def session() -> Any:
    engine = create_engine("sqlite://")
    blog.fill(engine)
    with Session(engine) as made:
        made.scalars(select(aliased(Post).author_id)).all()  # the foreign key's type is known from now on
        yield made


def entries(session: Session) -> int:
    found: int = session.get_bind()._cache_stats()["entries"]
    return found


def test_attributes_of_new_aliases_hit_the_cache(session: Session) -> None:
    sizes = set()
    for number in (1, 2, 3):
        mine, other = aliased(User), aliased(Post)
        statement = select(mine, other.title, mine.id).join(other, other.author_id == mine.id)
        row = session.execute(statement.where(other.id == number)).one()
        assert (row[0].id, row._mapping[other.title], row._mapping[mine.id]) == (
            AUTHOR[number], f"p{number}", AUTHOR[number],
        )  # fmt: skip
        sizes.add(entries(session))
    assert len(sizes) == 1


def test_options_about_a_new_alias_hit_the_cache(session: Session) -> None:
    sizes = set()
    for number in (1, 2, 3):
        other = aliased(Post)
        statement = select(User).join(User.posts.of_type(other)).options(contains_eager(User.posts.of_type(other)))
        user = session.scalars(statement.where(other.id == number)).unique().one()
        assert [p.id for p in user.posts] == [number]
        session.expunge_all()
        sizes.add(entries(session))
    assert len(sizes) == 1


def test_crossed_aliases_are_told_apart(session: Session) -> None:
    one, two = aliased(User), aliased(User)
    straight = select(one.id, two.id).where(one.id == 1, two.id == 2)
    crossed = select(one.id, two.id).where(two.id == 1, one.id == 2)
    assert session.execute(straight).one() == (1, 2)
    assert session.execute(crossed).one() == (2, 1)


def test_attributes_of_one_alias_are_told_apart(session: Session) -> None:
    session.execute(insert(User).values(id=77, name="77"))
    one = aliased(User)
    assert session.scalar(select(one.id).where(one.id == 77)) == 77
    two = aliased(User)
    assert session.scalar(select(two.name).where(two.id == 77)) == "77"
