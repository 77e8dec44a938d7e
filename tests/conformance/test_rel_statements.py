"""What the statements of eager loads read: no column and no table that nobody asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, Table, event, func, inspect, select, text
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    contains_eager,
    defer,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
    undefer,
)


class Base(DeclarativeBase):
    pass


marks = Table(
    "st_mark",
    Base.metadata,
    Column("user_id", ForeignKey("st_user.id"), primary_key=True),
    Column("tag_id", ForeignKey("st_tag.id"), primary_key=True),
    Column("rank", Integer, nullable=False),
)


class User(Base):
    __tablename__ = "st_user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    bio: Mapped[str | None] = mapped_column(deferred=True)
    posts: Mapped[list[Post]] = relationship(back_populates="user", order_by="Post.id")
    tags: Mapped[list[Tag]] = relationship(secondary=marks, order_by=marks.c.rank, viewonly=True)
    joined_tags: Mapped[list[Tag]] = relationship(
        secondary=marks, order_by=marks.c.rank, viewonly=True, omit_join=False
    )


class Post(Base):
    __tablename__ = "st_post"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("st_user.id"))
    title: Mapped[str]
    user: Mapped[User] = relationship(back_populates="posts")


class Tag(Base):
    __tablename__ = "st_tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


@pytest.fixture
def store(engine: Engine) -> Iterator[tuple[Session, list[str]]]:
    """A session over three users, each with as many posts and tags as its number; the SELECTs that are sent."""
    Base.metadata.create_all(engine)
    sent: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(" ".join(statement.split()))

    with Session(engine) as session:
        session.add_all([Tag(id=n, name=f"t{n}") for n in (1, 2, 3)])
        for n in (1, 2, 3):
            posts = [Post(id=10 * n + k, title=f"p{9 - k}") for k in range(n)]
            session.add(User(id=n, name=f"u{n}", bio=f"b{4 - n}", posts=posts))
        session.flush()
        rows = [{"user_id": u, "tag_id": t, "rank": 9 - t} for u in (1, 2, 3) for t in range(1, u + 1)]
        session.execute(marks.insert(), rows)
        session.commit()
    event.listen(engine, "before_cursor_execute", note)
    with Session(engine) as session:
        yield session, sent
    event.remove(engine, "before_cursor_execute", note)


POSTS = {1: [10], 2: [20, 21], 3: [30, 31, 32]}
TAGS = {1: [1], 2: [2, 1], 3: [3, 2, 1]}


def posts_of(users: Any) -> dict[int, list[int]]:
    return {user.id: [post.id for post in user.posts] for user in users}


def tags_of(users: Any) -> dict[int, list[int]]:
    return {user.id: [tag.id for tag in user.tags] for user in users}


def test_deferred_columns_stay_away_when_a_limited_statement_is_wrapped(store: tuple[Session, list[str]]) -> None:
    session, sent = store
    limited = select(User).options(joinedload(User.posts)).order_by(User.id).limit(2)

    users = session.scalars(limited).unique().all()
    assert posts_of(users) == {1: POSTS[1], 2: POSTS[2]} and "bio" not in sent[-1]
    assert "bio" in inspect(users[0]).unloaded and users[0].bio == "b3"

    session.expunge_all()
    users = session.scalars(limited.options(undefer(User.bio), defer(User.name))).unique().all()
    assert "bio" in sent[-1] and "name" not in sent[-1]
    assert "name" in inspect(users[0]).unloaded and users[0].name == "u1"


def test_what_everything_is_deferred_for_is_true_behind_the_wrapped_statement(store: tuple[Session, list[str]]) -> None:
    session, sent = store
    limited = select(User).options(joinedload(User.posts), defer("*")).order_by(User.id).limit(2)
    users = session.scalars(limited).unique().all()
    assert "name" not in sent[-1] and "title" not in sent[-1]
    assert posts_of(users) == {1: POSTS[1], 2: POSTS[2]}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (lambda: (User.bio,), [3, 2]),
        (lambda: (User.bio.desc(),), [1, 2]),
        (lambda: (func.lower(User.name).desc(),), [3, 2]),
        (lambda: (User.name.desc().nulls_last(),), [3, 2]),
        (lambda: ("name",), [1, 2]),
        (lambda: (text("name desc"),), [3, 2]),
        (lambda: (select(func.count(Post.id)).where(Post.user_id == User.id).scalar_subquery().desc(),), [3, 2]),
    ],
    ids=["a deferred column", "downwards", "an expression", "twice modified", "a name", "text", "a subquery"],
)
def test_order_is_kept_when_a_limited_statement_is_wrapped(
    store: tuple[Session, list[str]], order: Any, expected: list[int]
) -> None:
    session, _ = store
    limited = select(User).options(joinedload(User.posts)).order_by(*order()).limit(2)
    found = session.scalars(limited).unique().all()
    assert [user.id for user in found] == expected
    assert posts_of(found) == {key: POSTS[key] for key in expected}


def test_order_by_a_joined_table_is_kept_when_a_limited_statement_is_wrapped(store: tuple[Session, list[str]]) -> None:
    session, sent = store
    last = select(User).join(User.posts).where(Post.id > 11).order_by(Post.title, User.id.desc())
    found = session.scalars(last.options(joinedload(User.posts)).limit(2)).unique().all()
    assert [user.id for user in found] == [3]  # p7 and p8 of the third
    assert posts_of(found) == {3: POSTS[3]}
    assert sent[-1].count("title AS title") == 1


def test_two_aliases_are_told_apart_when_some_of_their_columns_stay_away(store: tuple[Session, list[str]]) -> None:
    session, sent = store
    one, other = aliased(User), aliased(User)
    pairs = select(one, other).where(one.id < other.id).order_by(one.id, other.id).limit(2)
    rows = session.execute(pairs.options(joinedload(other.posts), defer(other.name, raiseload=True))).unique().all()
    assert [(a.id, b.id, [post.id for post in b.posts]) for a, b in rows] == [(1, 2, POSTS[2]), (1, 3, POSTS[3])]
    assert sent[-1].count(".name AS name") == 1 and "bio" not in sent[-1]


def test_entities_of_contains_eager_are_in_the_wrapped_statement(store: tuple[Session, list[str]]) -> None:
    session, _ = store
    joined = select(User).join(User.posts).order_by(User.id, Post.id).limit(2)
    options = contains_eager(User.posts).defer(Post.title), joinedload(User.tags)
    found = session.scalars(joined.options(*options)).unique().all()
    assert posts_of(found) == {1: [10], 2: [20]} and tags_of(found) == {1: TAGS[1], 2: TAGS[2]}
    assert "title" in inspect(found[0].posts[0]).unloaded


def test_the_secondary_table_is_joined_flat_when_the_join_is_an_inner_one(store: tuple[Session, list[str]]) -> None:
    session, sent = store
    query = select(User).options(joinedload(User.tags, innerjoin=True)).order_by(User.id)
    users = session.scalars(query).unique().all()
    assert tags_of(users) == TAGS and "(" not in sent[-1]

    session.expunge_all()
    nested = joinedload(Post.user).joinedload(User.tags, innerjoin=True)
    posts = session.scalars(select(Post).options(nested).order_by(Post.id)).unique().all()
    assert tags_of(post.user for post in posts) == TAGS and sent[-1].count("(") == 1


def test_criteria_count_in_the_join_when_a_secondary_table_is_joined(store: tuple[Session, list[str]]) -> None:
    session, _ = store
    some = {key: [tag for tag in tags if tag > 1] for key, tags in TAGS.items()}
    for inner in (False, True):
        session.expunge_all()
        option = joinedload(User.tags.and_(Tag.id > 1), innerjoin=inner)
        users = session.scalars(select(User).options(option).order_by(User.id)).unique().all()
        assert tags_of(users) == {key: tags for key, tags in some.items() if tags or not inner}


def test_joins_behind_nested_joins_are_there_when_they_go_on(store: tuple[Session, list[str]]) -> None:
    session, _ = store
    for inner in (False, True):
        session.expunge_all()
        option = joinedload(User.posts).joinedload(Post.user, innerjoin=True).joinedload(User.tags, innerjoin=inner)
        users = session.scalars(select(User).options(option).order_by(User.id)).unique().all()
        assert tags_of(users) == TAGS and posts_of(users) == POSTS


def test_parents_are_not_read_again_when_the_secondary_table_has_their_keys(store: tuple[Session, list[str]]) -> None:
    session, sent = store
    users = session.scalars(select(User).options(selectinload(User.tags)).order_by(User.id)).all()
    assert tags_of(users) == TAGS
    assert "st_user" not in sent[-1] and len(sent) == 2

    session.expunge_all()
    users = session.scalars(select(User).options(selectinload(User.tags.and_(Tag.id > 1)))).all()
    assert tags_of(users) == {key: [tag for tag in tags if tag > 1] for key, tags in TAGS.items()}

    session.expunge_all()
    users = session.scalars(select(User).options(selectinload(User.joined_tags)).order_by(User.id)).all()
    assert {user.id: [tag.id for tag in user.joined_tags] for user in users} == TAGS
    assert "st_user" in sent[-1]
