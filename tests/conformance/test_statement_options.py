"""Execution options of one ORM statement, and identities of several databases in one session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import create_engine, delete, event, inspect, select, update
from pyorm.engine import Engine
from pyorm.exc import InvalidRequestError
from pyorm.orm import Session, immediateload, joinedload, selectinload, subqueryload
from pyorm.orm.util import identity_key
from tests.conformance import blog
from tests.conformance.blog import Post, User

pytestmark = pytest.mark.feature("LOAD13")


def sent_to(engine: Engine) -> list[str]:
    """Return the list that takes the first word of each statement from now on."""
    sent: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        sent.append(statement.split(maxsplit=1)[0])

    event.listen(engine, "before_cursor_execute", note)
    return sent


@pytest.fixture
def filled(engine: Engine) -> Engine:
    blog.fill(engine)
    return engine


class TestAutoflush:
    @pytest.mark.parametrize("flushes", [True, False])
    def test_a_statement_flushes_when_its_options_do_not_forbid_it(self, filled: Engine, flushes: bool) -> None:
        with Session(filled) as session:
            session.add(User(id=99, name="new"))
            ids = session.scalars(select(User.id).execution_options(autoflush=flushes)).all()
            assert ((99 in ids), len(session.new)) == ((True, 0) if flushes else (False, 1))

    @pytest.mark.parametrize("loader", [selectinload, subqueryload, immediateload, joinedload])
    def test_loads_along_with_it_flush_as_little(self, filled: Engine, loader: Any) -> None:
        with Session(filled) as session:
            session.add(User(id=99, name="new"))
            found = session.scalars(select(User).options(loader(User.posts)), execution_options={"autoflush": False})
            assert 99 not in {user.id for user in found.unique()} and len(session.new) == 1

    @pytest.mark.parametrize("flushes", [True, False])
    def test_get_and_dml_flush_when_their_options_do_not_forbid_it(self, filled: Engine, flushes: bool) -> None:
        options = {"autoflush": flushes}
        with Session(filled) as session:
            session.add(User(id=99, name="new"))
            assert session.get_one(User, 2, execution_options=options).id == 2
            assert len(session.new) == (not flushes)
        with Session(filled) as session:
            session.add(User(id=99, name="new"))
            result: Any = session.execute(update(User).where(User.id == 99).values(name="x"), execution_options=options)
            assert result.rowcount == flushes and len(session.new) == (not flushes)

    def test_query_says_it_too(self, filled: Engine) -> None:
        with Session(filled) as session:
            session.add(User(id=99, name="new"))
            assert session.query(User).autoflush(False).filter(User.id == 99).count() == 0
            assert session.query(User).execution_options(autoflush=False).filter(User.id == 99).count() == 0
            assert session.query(User).filter(User.id == 99).count() == 1


class TestPopulateExisting:
    @pytest.mark.parametrize("loader", [selectinload, subqueryload, joinedload, immediateload])
    def test_what_is_loaded_along_is_overwritten_too(self, filled: Engine, loader: Any) -> None:
        with Session(filled, autoflush=False) as session:
            user = session.scalars(select(User).where(User.id == 2).options(selectinload(User.posts))).one()
            kept = [post.title for post in user.posts]
            user.name = user.posts[0].title = "here"
            statement = select(User).where(User.id == 2).options(loader(User.posts))
            assert session.scalars(statement).unique().one().name == "here"
            again = session.scalars(statement, execution_options={"populate_existing": True}).unique().one()
            assert again is user and user.name == "u2"
            if loader is not immediateload:
                assert [post.title for post in user.posts] == kept and not session.dirty

    def test_get_and_query_and_session_say_it_too(self, filled: Engine) -> None:
        options = {"populate_existing": True}
        with Session(filled, autoflush=False) as session:
            user = session.get_one(User, 1)
            for again in (
                lambda: session.get(User, 1, populate_existing=True),
                lambda: session.get(User, 1, execution_options=options),
                lambda: session.query(User).populate_existing().filter_by(id=1).one(),
            ):
                user.name = "here"
                assert again() is user and user.name == "u1"


class TestYieldPer:
    def test_parts_are_loaded_with_what_goes_along(self, filled: Engine) -> None:
        sent = sent_to(filled)
        statement = select(User).order_by(User.id).options(selectinload(User.posts)).limit(4)
        with Session(filled) as session:
            parts = session.scalars(statement.execution_options(yield_per=2)).partitions()
            found = [[(user.id, [post.id for post in user.posts]) for user in part] for part in parts]
        assert found == [[(n, blog.posts_of(n)) for n in part] for part in ((1, 2), (3, 4))]
        assert sent.count("SELECT") == 3

    @pytest.mark.parametrize("loader", [joinedload, subqueryload])
    def test_what_needs_all_rows_is_refused(self, filled: Engine, loader: Any) -> None:
        statement = select(User).options(loader(User.posts)).execution_options(yield_per=2)
        with Session(filled) as session, pytest.raises(InvalidRequestError, match="yield_per"):
            session.scalars(statement).all()


class TestListeners:
    def test_options_of_a_statement_are_seen_by_what_it_loads_along_and_no_later(self, filled: Engine) -> None:
        seen: list[tuple[bool, bool, dict[str, Any]]] = []
        with Session(filled) as session:

            @event.listens_for(session, "do_orm_execute")
            def note(state: Any) -> None:
                seen.append((state.is_relationship_load, state.is_column_load, dict(state.execution_options)))

            statement = select(User).options(selectinload(User.posts)).execution_options(mine=1)
            users = session.scalars(statement, execution_options={"populate_existing": True}).all()
            session.expire(users[0])
            assert users[0].name
        given = {"mine": 1, "populate_existing": True}
        assert seen[:2] == [(False, False, given), (True, False, given)]
        assert all("mine" not in options for _, _, options in seen[2:]) and len(seen) > 2

    def test_bind_arguments_go_to_get_bind_of_that_statement(self, filled: Engine) -> None:
        asked: list[Any] = []

        class Routed(Session):
            def get_bind(self, mapper: Any = None, *, shard: Any = None, **kw: Any) -> Engine:
                asked.append((None if mapper is None else mapper.class_, shard))
                return filled

        with Routed() as session:
            session.scalars(select(User), bind_arguments={"shard": "a"}).all()
            session.get(User, 77, bind_arguments={"shard": "b"})
            session.execute(update(User).values(name="n"), bind_arguments={"shard": "c"})
            session.connection(bind_arguments={"shard": "d"})
            session.scalars(select(Post)).all()
        assert asked == [(User, "a"), (User, "b"), (User, "c"), (None, "d"), (Post, None)]


# --- identities of several databases -------------------------------------------------------------------------------


@pytest.fixture
def shards(engine: Engine) -> Iterator[dict[str, Engine]]:
    """Two databases with rows of the same keys."""
    other = create_engine("sqlite://")
    engines = {"here": engine, "there": other}
    for name, one in engines.items():
        blog.Base.metadata.create_all(one)
        with Session(one) as session:
            session.add_all([User(id=n, name=name, posts=[Post(id=n, title=name), Post(id=n + 10)]) for n in (1, 2)])
            session.commit()
    yield engines
    other.dispose()


def sharded(shards: dict[str, Engine]) -> Session:
    """A session whose statements go where their token says, and those of a relationship where its parent is from."""

    class Sharded(Session):
        def get_bind(self, mapper: Any = None, *, instance: Any = None, shard_id: Any = None, **kw: Any) -> Engine:
            if shard_id is None and instance is not None:
                shard_id = inspect(instance).identity_token
            return shards[shard_id or "here"]

    session = Sharded()

    @event.listens_for(session, "do_orm_execute")
    def route(state: Any) -> Any:
        token = state.execution_options.get("identity_token")
        if state.is_relationship_load and state.lazy_loaded_from is not None:
            token = state.lazy_loaded_from.identity_token
        if token is None:
            return None
        state.update_execution_options(identity_token=token)
        return state.invoke_statement(bind_arguments={**state.bind_arguments, "shard_id": token})

    return session


@pytest.mark.feature("SES24")
class TestIdentityTokens:
    @pytest.mark.parametrize("loader", [None, selectinload, joinedload, subqueryload])
    def test_equal_keys_of_two_databases_are_two_objects(self, shards: dict[str, Engine], loader: Any) -> None:
        statement = select(User).order_by(User.id)
        if loader is not None:
            statement = statement.options(loader(User.posts))
        with sharded(shards) as session:
            found = {
                name: session.scalars(statement.execution_options(identity_token=name)).unique().all()
                for name in shards
            }
            for name, users in found.items():
                assert [(user.id, user.name) for user in users] == [(1, name), (2, name)]
                assert {inspect(user).identity_token for user in users} == {name}
                posts = [post for user in users for post in user.posts]
                assert sorted(post.id for post in posts) == [1, 2, 11, 12]
                assert {inspect(post).identity_token for post in posts} == {name}
                assert {post.title for post in posts if post.id < 10} == {name}
                assert all(post.author is user for user in users for post in user.posts)
            assert len(session.identity_map) == 12

    def test_get_goes_where_its_token_says(self, shards: dict[str, Engine]) -> None:
        with sharded(shards) as session:
            here, there = (session.get_one(User, 1, identity_token=name) for name in shards)
            assert (here.name, there.name) == ("here", "there") and here is not there
            assert session.get(User, 1, identity_token="there") is there
            post = session.scalars(select(Post).where(Post.id == 1).execution_options(identity_token="there")).one()
            assert post.author is there

    def test_keys_name_their_token(self, shards: dict[str, Engine]) -> None:
        with sharded(shards) as session:
            user = session.get_one(User, 2, identity_token="there")
            assert inspect(user).identity_key == (User, (2,), "there")
            assert identity_key(User, 2, identity_token="there") == identity_key(instance=user)
            assert identity_key(instance=user) == inspect(user).identity_key
            assert Session.identity_key(User, (2,)) == (User, (2,), None)

    def test_an_object_keeps_its_token_for_life(self, filled: Engine) -> None:
        with Session(filled) as session:
            user = session.get_one(User, 2, identity_token="t")
            user.name = "written"
            session.commit()
            assert user.name == "written"
            session.refresh(user)
            session.expunge(user)
            session.add(user)
            assert session.merge(user) is user and inspect(user).identity_token == "t"
            assert session.get(User, 2) is not user

    @pytest.mark.parametrize("how", ["evaluate", "fetch", "auto"])
    def test_objects_of_a_token_follow_dml_that_names_it(self, filled: Engine, how: str) -> None:
        options = {"synchronize_session": how, "identity_token": "t"}
        with Session(filled) as session:
            plain, user = session.get_one(User, 5), session.get_one(User, 5, identity_token="t")
            session.execute(update(User).where(User.id == 5).values(name="n"), execution_options=options)
            assert (vars(user)["name"], vars(plain)["name"]) == ("n", "u5")
            session.execute(delete(Post).where(Post.author_id == 5))
            session.execute(delete(User).where(User.id == 5), execution_options=options)
            assert user not in session and plain in session


def test_an_expired_collection_is_loaded_once_when_options_load_it_along(filled: Engine) -> None:
    with Session(filled) as session:
        user = session.scalars(select(User).where(User.id == 2).options(selectinload(User.posts))).one()
        session.expire(user)
        sent = sent_to(filled)
        assert [post.id for post in user.posts] == blog.posts_of(2)
        assert sent.count("SELECT") == 2  # the row, and what goes along
