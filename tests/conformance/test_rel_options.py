"""Loader options: what they say of later loads, of which entities, and where they contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import exc, insert, inspect, select, text, update
from pyorm.engine import Engine
from pyorm.orm import (
    Load,
    Session,
    aliased,
    contains_eager,
    defaultload,
    defer,
    immediateload,
    joinedload,
    lazyload,
    load_only,
    raiseload,
    selectinload,
    subqueryload,
)
from pyorm.orm.exc import LoaderStrategyException
from tests.conformance import blog
from tests.conformance.blog import TAGS, Node, Post, Tag, User
from tests.conformance.test_rel_loading import statements

GRAPH = {u: {p: sorted(TAGS[p]) for p in blog.posts_of(u)} for u in range(1, 6)}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over the filled tables."""
    blog.fill(engine)
    with Session(engine) as made:
        yield made


def ids(members: Any) -> list[int]:
    return [member.id for member in members]


def graph(users: Any) -> dict[int, dict[int, list[int]]]:
    return {u.id: {p.id: ids(p.tags) for p in u.posts} for u in users}


def users(session: Session, *options: Any, **execution: Any) -> list[User]:
    statement = select(User).options(*options).order_by(User.id).execution_options(**execution)
    return list(session.scalars(statement).unique().all())


def refused(work: Any) -> str:
    with pytest.raises(exc.InvalidRequestError) as caught:
        work()
    return str(caught.value)


class TestRemembered:
    def test_options_behind_a_lazy_load(self, session: Session) -> None:
        found, count = statements(session, lambda: graph(users(session, lazyload(User.posts).joinedload(Post.tags))))
        assert found == GRAPH
        assert count == 6

    def test_lazyload_is_one_by_one_and_its_children_are_not(self, session: Session) -> None:
        found, count = statements(session, lambda: graph(users(session, lazyload(User.posts).selectinload(Post.tags))))
        assert found == GRAPH
        assert count == 10

    def test_columns_behind_a_lazy_load(self, session: Session) -> None:
        found = users(session, defaultload(User.posts).load_only(Post.title))
        assert {frozenset(inspect(p).unloaded) for u in found for p in u.posts} == {
            frozenset({"author_id", "author", "tags"})
        }

    def test_columns_behind_a_many_to_one(self, session: Session) -> None:
        posts = session.scalars(select(Post).options(defaultload(Post.author).defer(User.name))).all()
        assert {frozenset(inspect(p.author).unloaded) for p in posts} == {frozenset({"name", "posts"})}

    def test_three_levels(self, session: Session) -> None:
        option = lazyload(User.posts).lazyload(Post.tags).joinedload(Tag.posts)
        found, count = statements(
            session,
            lambda: [ids(t.posts) for u in users(session, option) if u.id == 1 for p in u.posts for t in p.tags],
        )
        assert sorted(map(sorted, found)) == [[1, 4, 7, 10], [2, 5, 8, 11], [2, 5, 8, 11]]
        assert count <= 5

    def test_raiseload_behind_a_lazy_load(self, session: Session) -> None:
        found = users(session, lazyload(User.posts).raiseload(Post.tags))
        assert refused(lambda: found[0].posts[0].tags) == "'Post.tags' is not available due to lazy='raise'"

    def test_wildcard_of_a_path_reaches_lazy_loads(self, session: Session) -> None:
        found = users(session, lazyload(User.posts).raiseload("*"))
        assert refused(lambda: found[0].posts[0].tags) == "'Post.tags' is not available due to lazy='raise'"

    def test_wildcard_of_the_statement_ends_at_lazy_loads(self, session: Session) -> None:
        found = users(session, lazyload(User.posts), raiseload("*"))
        assert ids(found[0].posts[0].tags) == TAGS[4]

    @pytest.mark.parametrize("how", [joinedload, selectinload, subqueryload])
    def test_wildcard_of_the_statement_reaches_what_it_loads(self, session: Session, how: Any) -> None:
        found = users(session, how(User.posts), raiseload("*"))
        assert refused(lambda: found[0].posts[0].tags) == "'Post.tags' is not available due to lazy='raise'"

    def test_criteria_of_lazy_loads_have_the_values_of_each_execution(self, session: Session) -> None:
        for least in (4, 8):
            found = users(session, lazyload(User.posts.and_(Post.id > least)), populate_existing=True)
            assert {u.id: ids(u.posts) for u in found} == {
                u: [p for p in blog.posts_of(u) if p > least] for u in range(1, 6)
            }

    def test_criteria_behind_a_post_load(self, session: Session) -> None:
        for least in (1, 2):
            option = selectinload(User.posts).lazyload(Post.tags.and_(Tag.id > least))
            found = users(session, option, populate_existing=True)
            assert graph(found) == {
                u: {p: [t for t in tags if t > least] for p, tags in posts.items()} for u, posts in GRAPH.items()
            }

    def test_criteria_of_a_many_to_one_are_not_answered_by_the_map(self, session: Session) -> None:
        kept = users(session)
        for how in (lazyload, selectinload, joinedload):
            session.expire_all()
            option = how(Post.author.and_(User.id > 2))
            posts = session.scalars(
                select(Post).options(option).order_by(Post.id).execution_options(populate_existing=True)
            ).all()
            assert [p.author and p.author.id for p in posts[:4]] == [None, 3, 4, None]
        assert len(kept) == 5

    def test_an_instance_keeps_the_options_of_its_first_load(self, session: Session) -> None:
        first = users(session, lazyload(User.posts).joinedload(Post.tags))
        users(session)
        found, count = statements(session, lambda: graph(first))
        assert found == GRAPH
        assert count == 5

    def test_options_survive_a_session(self, session: Session) -> None:
        found = users(session, lazyload(User.posts).joinedload(Post.tags))
        assert len(inspect(found[0]).load_options) == 1
        session.expunge_all()
        session.add_all(found)
        assert statements(session, lambda: graph(found)) == (GRAPH, 5)

    def test_options_of_streamed_instances(self, session: Session) -> None:
        statement = select(User).options(lazyload(User.posts).joinedload(Post.tags)).execution_options(yield_per=2)
        found = list(session.scalars(statement))
        assert statements(session, lambda: graph(found)) == (GRAPH, 5)

    def test_peers_of_other_options_are_left_alone(self, session: Session) -> None:
        plain = users(session)
        session.expunge(plain[4])
        session.scalars(select(User).where(User.id == 5).options(defaultload(User.posts).joinedload(Post.tags))).one()
        assert statements(session, lambda: [ids(u.posts) for u in plain[:4]])[1] == 2


class TestAgain:
    def test_refresh_loads_along_what_the_first_load_did(self, session: Session) -> None:
        found = users(session, joinedload(User.posts))
        assert statements(session, lambda: session.refresh(found[0])) == (None, 1)
        assert statements(session, lambda: ids(found[0].posts)) == (blog.posts_of(1), 0)

    def test_an_expired_instance_too(self, session: Session) -> None:
        found = users(session, selectinload(User.posts).joinedload(Post.tags))
        session.expire_all()
        count = statements(session, lambda: (found[0].name, graph(found[:1])))[1]
        assert count <= 3

    def test_refresh_of_a_relationship_by_name(self, session: Session) -> None:
        user = session.get(User, 1)
        assert ids(user.posts) == blog.posts_of(1)
        session.execute(
            update(Post).where(Post.id == 4).values(author_id=2), execution_options={"synchronize_session": False}
        )
        assert statements(session, lambda: session.refresh(user, ["posts"]))[1] == 2
        assert statements(session, lambda: ids(user.posts)) == ([8, 12], 0)

    def test_refresh_of_a_row_that_is_gone(self, session: Session) -> None:
        user = session.get(User, 5)
        session.execute(text("delete from users where id = 5"))
        with pytest.raises(exc.InvalidRequestError, match="Could not refresh instance"):
            session.refresh(user, ["posts"])

    def test_refresh_without_names_leaves_lazy_relationships_to_their_reader(self, session: Session) -> None:
        user = session.get(User, 1)
        ids(user.posts)
        session.refresh(user)
        assert "posts" in inspect(user).unloaded

    def test_get_with_options(self, session: Session) -> None:
        option = selectinload(User.posts).selectinload(Post.tags)
        found, count = statements(session, lambda: graph([session.get(User, 1, options=[option])]))
        assert (found, count) == ({1: GRAPH[1]}, 3)

    def test_get_with_criteria_takes_each_calls_values(self, session: Session) -> None:
        for least in (4, 8):
            option = selectinload(User.posts.and_(Post.id > least))
            user = session.get(User, 1, options=[option], populate_existing=True)
            assert ids(user.posts) == [p for p in blog.posts_of(1) if p > least]

    def test_populate_existing_reaches_what_is_loaded_by_further_selects(self, session: Session) -> None:
        kept = users(session, selectinload(User.posts))
        session.execute(text("update posts set title = 'z'"))
        found = users(session, selectinload(User.posts), populate_existing=True)
        assert {p.title for u in found for p in u.posts} == {"z"}
        assert found == kept

    def test_populate_existing_forgets_lazy_relationships(self, session: Session) -> None:
        user = session.get(User, 1)
        ids(user.posts)
        users(session, populate_existing=True)
        assert "posts" in inspect(user).unloaded


class TestPaths:
    @pytest.mark.parametrize("then", ["joinedload", "selectinload"])
    def test_a_row_that_repeats_its_parent_is_one_member(self, session: Session, then: str) -> None:
        found = users(session, getattr(selectinload(User.posts), then)(Post.tags))
        assert [ids(u.posts) for u in found] == [blog.posts_of(u) for u in range(1, 6)]
        found = users(session, lazyload(User.posts).joinedload(Post.tags), populate_existing=True)
        assert [ids(u.posts) for u in found] == [blog.posts_of(u) for u in range(1, 6)]

    @pytest.mark.parametrize("how", [selectinload, joinedload, immediateload])
    def test_eager_wildcards_end_where_they_came_from(self, session: Session, how: Any) -> None:
        found, count = statements(session, lambda: users(session, how("*")))
        assert [ids(u.posts) for u in found] == [blog.posts_of(u) for u in range(1, 6)]
        assert count <= 16

    @pytest.mark.feature("LOAD07")
    def test_options_of_a_load(self, session: Session) -> None:
        option = Load(User).options(
            load_only(User.name), joinedload(User.posts).options(load_only(Post.title), joinedload(Post.tags))
        )
        found, count = statements(session, lambda: graph(users(session, option)))
        assert (found, count) == (GRAPH, 1)

    @pytest.mark.feature("LOAD07")
    def test_a_wildcard_of_a_load_is_about_its_entity(self, session: Session) -> None:
        found = users(session, Load(User).raiseload("*"))
        assert "lazy='raise'" in refused(lambda: found[0].posts)
        session.expunge_all()
        found = users(session, selectinload(User.posts), Load(User).raiseload("*"))
        assert graph(found) == GRAPH

    def test_defer_all_reaches_joined_and_selectin(self, session: Session) -> None:
        for how in (joinedload, selectinload):
            session.expunge_all()
            user = users(session, how(User.posts), defer("*"))[0]
            assert "name" in inspect(user).unloaded
            assert "title" in inspect(user.posts[0]).unloaded

    @pytest.mark.feature("LOAD05")
    def test_alias_of_the_relationship(self, session: Session) -> None:
        other = aliased(Post)
        statement = (
            select(User)
            .join(User.posts.of_type(other))
            .join(other.tags)
            .options(contains_eager(User.posts.of_type(other)).contains_eager(other.tags))
            .order_by(User.id, other.id, Tag.id)
        )
        found, count = statements(session, lambda: graph(session.scalars(statement).unique()))
        assert found == {u: {p: t for p, t in posts.items() if t} for u, posts in GRAPH.items() if posts}
        assert count == 1

    @pytest.mark.feature("LOAD05")
    def test_alias_as_argument(self, session: Session) -> None:
        other = aliased(Post)
        statement = select(User).join(other, User.posts).where(other.id > 4).order_by(User.id, other.id)
        found = session.scalars(statement.options(contains_eager(User.posts, alias=other))).unique()
        assert {u.id: ids(u.posts) for u in found} == {u: [p for p in blog.posts_of(u) if p > 4] for u in range(1, 5)}

    @pytest.mark.parametrize("how", [joinedload, selectinload])
    def test_of_type_alias(self, session: Session, how: Any) -> None:
        other = aliased(Post)
        found = users(session, how(User.posts.of_type(other)).joinedload(other.tags))
        assert graph(found) == GRAPH

    def test_alias_of_the_entity(self, session: Session) -> None:
        other = aliased(User)
        for option in (joinedload, selectinload, lazyload):
            session.expunge_all()
            statement = select(other).options(option(other.posts).joinedload(Post.tags)).order_by(other.id)
            assert graph(session.scalars(statement).unique()) == GRAPH

    @pytest.mark.feature("LOAD08")
    @pytest.mark.parametrize("how", [joinedload, selectinload, lazyload])
    def test_criteria(self, session: Session, how: Any) -> None:
        for least in (4, 8):
            session.expunge_all()
            found = users(session, how(User.posts.and_(Post.id > least)).selectinload(Post.tags.and_(Tag.id > 1)))
            assert graph(found) == {
                u: {p: [t for t in tags if t > 1] for p, tags in posts.items() if p > least}
                for u, posts in GRAPH.items()
            }

    @pytest.mark.feature("LOAD02")
    def test_inner_joins(self, session: Session) -> None:
        nested = users(session, joinedload(User.posts).joinedload(Post.tags, innerjoin=True))
        assert graph(nested) == {u: {p: t for p, t in posts.items() if t} for u, posts in GRAPH.items()}
        session.expunge_all()
        flat = users(session, joinedload(User.posts).joinedload(Post.tags, innerjoin="unnested"))
        assert graph(flat) == GRAPH

    @pytest.mark.feature("LOAD01")
    def test_chunks(self, session: Session) -> None:
        found, count = statements(session, lambda: users(session, selectinload(User.posts, chunksize=2)))
        assert [ids(u.posts) for u in found] == [blog.posts_of(u) for u in range(1, 6)]
        assert count == 4

    @pytest.mark.feature("LOAD01")
    def test_recursion(self, session: Session) -> None:
        option = selectinload(Node.children, recursion_depth=1)
        root = session.scalars(select(Node).where(Node.id == 1).options(option)).one()
        assert statements(session, lambda: [ids(c.children) for c in root.children]) == ([[4, 5], [6, 7]], 0)


class TestRows:
    """Rows whose columns another statement gives."""

    def test_insert_returning(self, session: Session) -> None:
        statement = insert(User).returning(User).options(selectinload(User.posts))
        user = session.scalars(statement, [{"id": 77, "name": "x"}]).one()
        assert statements(session, lambda: list(user.posts)) == ([], 0)

    def test_update_returning(self, session: Session) -> None:
        statement = update(User).where(User.id == 1).values(name="q").returning(User).options(selectinload(User.posts))
        user = session.scalars(statement).one()
        assert statements(session, lambda: ids(user.posts)) == (blog.posts_of(1), 0)

    def test_returning_with_fewer_columns(self, session: Session) -> None:
        statement = insert(Post).returning(Post).options(load_only(Post.title))
        post = session.scalars(statement, [{"id": 77, "title": "x", "author_id": 1}]).one()
        assert inspect(post).unloaded == {"author_id", "author", "tags"}

    def test_from_statement(self, session: Session) -> None:
        rows = select(User).from_statement(text("SELECT * FROM users ORDER BY id"))
        found, count = statements(
            session, lambda: graph(session.scalars(rows.options(selectinload(User.posts).selectinload(Post.tags))))
        )
        assert (found, count) == (GRAPH, 3)
        session.expunge_all()
        later = session.scalars(rows.options(lazyload(User.posts).joinedload(Post.tags))).all()
        assert statements(session, lambda: graph(later)) == (GRAPH, 5)

    def test_from_statement_contains_eager(self, session: Session) -> None:
        rows = text(
            "SELECT users.id, users.name, posts.id, posts.title, posts.author_id FROM users JOIN posts ON "
            "users.id = posts.author_id order by users.id, posts.id"
        ).columns(User.id, User.name, Post.id, Post.title, Post.author_id)
        statement = select(User).from_statement(rows).options(contains_eager(User.posts))
        found, count = statements(session, lambda: {u.id: ids(u.posts) for u in session.scalars(statement).unique()})
        assert (found, count) == ({u: blog.posts_of(u) for u in range(1, 5)}, 1)

    def test_query(self, session: Session) -> None:
        query = session.query(User).options(joinedload(User.posts)).order_by(User.id).limit(2)
        assert [(u.id, ids(u.posts)) for u in query] == [(1, blog.posts_of(1)), (2, blog.posts_of(2))]

    def test_yield_per(self, session: Session) -> None:
        statement = select(User).order_by(User.id).execution_options(yield_per=2)
        parts, count = statements(
            session,
            lambda: [
                [ids(u.posts) for u in part]
                for part in session.scalars(statement.options(selectinload(User.posts))).partitions()
            ],
        )
        assert parts == [[blog.posts_of(1), blog.posts_of(2)], [blog.posts_of(3), blog.posts_of(4)], [[]]]
        assert count == 4
        for how in (joinedload, subqueryload):
            assert "Can't use yield_per with eager loaders" in refused(
                lambda how=how: session.scalars(statement.options(how(User.posts))).unique().all()
            )
        by_five = select(Post).options(joinedload(Post.author)).execution_options(yield_per=5)
        assert {p.id: p.author.id for p in session.scalars(by_five)} == blog.AUTHOR


class TestRefused:
    @pytest.mark.feature("LOAD20")
    @pytest.mark.parametrize(
        ("options", "text"),
        [
            (
                (joinedload(User.posts), selectinload(User.posts)),
                "selectinload(User.posts) is in conflict with existing strategy joinedload(User.posts)",
            ),
            (
                (joinedload(User.posts).joinedload(Post.tags), joinedload(User.posts).selectinload(Post.tags)),
                "selectinload(User.posts -> Post.tags) is in conflict with existing strategy "
                "joinedload(User.posts -> Post.tags)",
            ),
            (
                (joinedload(User.posts), joinedload(User.posts, innerjoin=True)),
                "joinedload(User.posts) is in conflict with existing strategy joinedload(User.posts)",
            ),
        ],
    )
    def test_contradictions(self, session: Session, options: Any, text: str) -> None:
        assert refused(lambda: users(session, *options)) == f"Loader strategy replacement {text}"

    def test_the_same_thing_twice_is_none(self, session: Session) -> None:
        found = users(session, joinedload(User.posts), joinedload(User.posts).raiseload(Post.tags))
        assert ids(found[0].posts) == blog.posts_of(1)

    @pytest.mark.feature("LOAD20")
    @pytest.mark.parametrize(
        ("option", "text"),
        [
            (
                lambda: Load(User).joinedload(Post.tags),
                'ORM mapped attribute "Post.tags" does not link mapped class "User"',
            ),
            (
                lambda: selectinload(User.posts).options(joinedload(Tag.posts)),
                'ORM mapped entity or attribute "Tag.posts" does not link from relationship "User.posts".',
            ),
            (
                lambda: joinedload(User.posts).load_only(User.name),
                'ORM mapped entity or attribute "User.name" does not link from relationship "User.posts".',
            ),
            (
                lambda: selectinload(User.posts, chunksize=0),
                "'chunksize=0' is not an appropriate input, please use a positive non-zero integer.",
            ),
            (lambda: joinedload("posts"), "Strings are not accepted for attribute names in loader options"),
            (lambda: contains_eager("*"), "contains_eager() takes the relationships that the statement joins"),
        ],
    )
    def test_what_does_not_fit(self, option: Any, text: str) -> None:
        with pytest.raises(exc.ArgumentError) as caught:
            option()
        assert text in str(caught.value)

    def test_recursion_needs_a_relationship_to_itself(self) -> None:
        assert refused(lambda: selectinload(User.posts, recursion_depth=2)) == (
            "recursion_depth option on relationship User.posts not valid for non-self-referential relationship"
        )

    def test_loaders_of_the_other_kind(self) -> None:
        with pytest.raises(
            LoaderStrategyException, match=r'Can.t apply "joined loader" strategy to property "User\.name"'
        ):
            joinedload(User.name)
        with pytest.raises(LoaderStrategyException, match=r'"column loader" strategy to property "User\.posts"'):
            load_only(User.posts)

    def test_alias_and_class_are_not_the_same(self, session: Session) -> None:
        other = aliased(User)
        with pytest.raises(exc.ArgumentError, match="Mapped class User referenced in option joinedload"):
            session.scalars(select(other).options(joinedload(User.posts))).unique().all()

    def test_raise_on_sql_says_so(self, session: Session) -> None:
        found = users(session, selectinload(User.posts), raiseload("*", sql_only=True))
        assert refused(lambda: found[0].posts[0].tags) == "'Post.tags' is not available due to lazy='raise_on_sql'"
        assert found[0].posts[0].author is found[0]
