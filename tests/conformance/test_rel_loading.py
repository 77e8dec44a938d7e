"""Loading along relationships: what comes, and by how many statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import exc, select
from pyorm.engine import Engine
from pyorm.orm import (
    Session,
    contains_eager,
    defaultload,
    immediateload,
    joinedload,
    lazyload,
    noload,
    raiseload,
    selectinload,
)
from tests.conformance import blog
from tests.conformance.blog import TAGS, Node, Post, Tag, User
from tests.conformance.models import logged


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over the filled tables."""
    blog.fill(engine)
    with Session(engine) as made:
        yield made


def statements(session: Session, work: Any) -> tuple[Any, int]:
    """Return what `work()` returns and how many SELECTs it took."""
    with logged(session.get_bind()) as words:
        result = work()
    return result, words.count("SELECT")


def tags_of(posts: Any) -> dict[int, list[int]]:
    return {p.id: [t.id for t in p.tags] for p in posts}


class TestLazy:
    def test_first_touch_loads_one_second_touch_loads_the_rest(self, session: Session) -> None:
        posts = session.scalars(select(Post).order_by(Post.id)).all()
        _, first = statements(session, lambda: posts[0].tags)
        _, second = statements(session, lambda: posts[1].tags)
        found, rest = statements(session, lambda: tags_of(posts))
        assert (first, second, rest) == (1, 1, 0)
        assert found == {p: sorted(t) for p, t in TAGS.items()}

    def test_many_to_one_asks_the_identity_map_first(self, session: Session) -> None:
        users = session.scalars(select(User)).all()
        posts = session.scalars(select(Post)).all()
        names, count = statements(session, lambda: {p.author.name for p in posts})
        assert count == 0
        assert names == {u.name for u in users if u.id < 5}

    def test_many_to_one_of_many_rows_takes_two_statements(self, session: Session) -> None:
        posts = session.scalars(select(Post)).all()
        authors, count = statements(session, lambda: {p.id: p.author.id for p in posts})
        assert count == 2
        assert authors == blog.AUTHOR

    def test_what_was_loaded_ahead_is_not_used_after_a_flush(self, session: Session) -> None:
        users = session.scalars(select(User).where(User.id < 4).order_by(User.id)).all()
        assert [len(u.posts) for u in users[:2]] == [3, 3]
        session.add(Post(id=99, title="new", author_id=users[2].id))
        session.flush()
        assert [p.id for p in users[2].posts] == [*blog.posts_of(3), 99]

    def test_lazy_loads_of_children_are_batched_over_all_parents(self, session: Session) -> None:
        users = session.scalars(select(User).order_by(User.id)).all()
        found, count = statements(session, lambda: {u.id: tags_of(u.posts) for u in users})
        assert found == {u: {p: sorted(TAGS[p]) for p in blog.posts_of(u)} for u in range(1, 6)}
        assert count <= 6

    def test_loop_over_n_users_takes_two_and_one_per_500(self, engine: Engine) -> None:
        blog.fill(engine)
        with Session(engine) as session:
            session.add_all([User(id=i, name=f"u{i}") for i in range(6, 502)])
            session.commit()
        with Session(engine) as session:
            users, count = statements(session, lambda: [len(u.posts) for u in session.scalars(select(User))])
        assert len(users) == 501
        assert count == 3


class TestEager:
    @pytest.mark.parametrize("how", [joinedload, selectinload, immediateload])
    def test_collection_of_each_parent(self, session: Session, how: Any) -> None:
        statement = select(User).options(how(User.posts)).order_by(User.id)
        users, count = statements(session, lambda: session.scalars(statement).unique().all())
        found, later = statements(session, lambda: {u.id: [p.id for p in u.posts] for u in users})
        assert found == {u: blog.posts_of(u) for u in range(1, 6)}
        assert (count, later) == (1 if how is joinedload else 2, 0)

    @pytest.mark.parametrize("how", [joinedload, selectinload])
    @pytest.mark.parametrize("then", ["joinedload", "selectinload"])
    def test_two_levels(self, session: Session, how: Any, then: str) -> None:
        statement = select(User).options(getattr(how(User.posts), then)(Post.tags)).order_by(User.id)
        users, count = statements(session, lambda: session.scalars(statement).unique().all())
        found, later = statements(session, lambda: {u.id: tags_of(u.posts) for u in users})
        assert found == {u: {p: sorted(TAGS[p]) for p in blog.posts_of(u)} for u in range(1, 6)}
        assert (count, later) == (1 + (how is selectinload) + (then == "selectinload"), 0)

    @pytest.mark.feature("LOAD02")
    def test_limit_counts_parents_not_rows(self, session: Session) -> None:
        statement = select(User).options(joinedload(User.posts)).order_by(User.name.desc()).limit(2).offset(1)
        users, count = statements(session, lambda: session.scalars(statement).unique().all())
        assert [(u.id, [p.id for p in u.posts]) for u in users] == [(4, blog.posts_of(4)), (3, blog.posts_of(3))]
        assert count == 1

    def test_joined_collection_needs_unique(self, session: Session) -> None:
        with pytest.raises(exc.InvalidRequestError, match="unique"):
            session.scalars(select(User).options(joinedload(User.posts))).all()

    def test_reference_by_inner_join(self, session: Session) -> None:
        statement = select(Post).options(joinedload(Post.author, innerjoin=True)).order_by(Post.id)
        posts, count = statements(session, lambda: session.scalars(statement).all())
        authors, later = statements(session, lambda: {p.id: p.author.id for p in posts})
        assert authors == blog.AUTHOR
        assert (count, later) == (1, 0)

    def test_tree_by_levels(self, session: Session) -> None:
        statement = select(Node).where(Node.id == 1).options(selectinload(Node.children, recursion_depth=-1))
        root, count = statements(session, lambda: session.scalars(statement).one())
        found, later = statements(session, lambda: [[g.id for g in c.children] for c in root.children])
        assert found == [[4, 5], [6, 7]]
        assert (count, later) == (4, 0)

    def test_populate_existing_replaces_a_collection(self, session: Session) -> None:
        user = session.get(User, 1)
        user.posts = []
        statement = select(User).where(User.id == 1).options(joinedload(User.posts))
        with session.no_autoflush:
            session.scalars(statement.execution_options(populate_existing=True)).unique().all()
        assert [p.id for p in user.posts] == blog.posts_of(1)

    def test_loaded_collection_is_left_alone(self, session: Session) -> None:
        user = session.get(User, 1)
        mine = user.posts[:1]
        user.posts = mine
        with session.no_autoflush:
            session.scalars(select(User).options(selectinload(User.posts))).all()
        assert user.posts == mine

    def test_columns_of_the_related_entity(self, session: Session) -> None:
        statement = select(User).options(joinedload(User.posts).load_only(Post.title)).where(User.id == 1)
        user = session.scalars(statement).unique().one()
        _, count = statements(session, lambda: user.posts[0].title)
        assert count == 0
        _, count = statements(session, lambda: user.posts[0].author_id)
        assert count == 1


class TestContainsEager:
    @pytest.mark.feature("LOAD05")
    def test_takes_what_the_statement_joins(self, session: Session) -> None:
        statement = (
            select(User)
            .join(Post, Post.author_id == User.id)
            .where(Post.id.in_([1, 5]))
            .options(contains_eager(User.posts))
            .order_by(Post.id)
        )
        users, count = statements(session, lambda: session.scalars(statement).unique().all())
        assert [(u.id, [p.id for p in u.posts]) for u in users] == [(2, [1, 5])]
        assert count == 1


class TestRefused:
    @pytest.mark.feature("LOAD04")
    def test_raiseload_names_the_attribute(self, session: Session) -> None:
        user = session.scalars(select(User).options(raiseload(User.posts)).limit(1)).one()
        with pytest.raises(exc.InvalidRequestError, match=r"'User\.posts' is not available due to lazy='raise'"):
            user.posts  # noqa: B018

    @pytest.mark.feature("LOAD04")
    def test_raiseload_of_sql_lets_the_identity_map_answer(self, session: Session) -> None:
        users = session.scalars(select(User)).all()
        posts = session.scalars(select(Post).options(raiseload("*", sql_only=True))).all()
        assert {p.author.id for p in posts} == {u.id for u in users} - {5}
        with pytest.raises(exc.InvalidRequestError, match=r"'Post.tags' is not available"):
            posts[0].tags  # noqa: B018

    @pytest.mark.feature("LOAD04")
    def test_noload_is_empty(self, session: Session) -> None:
        user = session.scalars(select(User).options(noload(User.posts)).where(User.id == 1)).one()
        assert user.posts == []

    def test_option_about_nothing_selected(self, session: Session) -> None:
        with pytest.raises(exc.ArgumentError, match=r"Mapped class Tag referenced in option joinedload"):
            session.scalars(select(User).options(joinedload(Tag.posts))).all()

    def test_option_that_does_not_follow(self) -> None:
        with pytest.raises(exc.ArgumentError, match=r'"Tag\.posts" does not link from relationship "User\.posts"'):
            joinedload(User.posts).joinedload(Tag.posts)

    @pytest.mark.feature("LOAD04")
    def test_wildcard_gives_way_to_a_named_one(self, session: Session) -> None:
        statement = select(User).options(lazyload("*"), defaultload(User.posts), joinedload(User.posts))
        users = session.scalars(statement).unique().all()
        _, count = statements(session, lambda: [len(u.posts) for u in users])
        assert count == 0

