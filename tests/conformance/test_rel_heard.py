"""`do_orm_execute` hears of loads of relationships, and the program's own options reach it there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from pyorm import event, exc, inspect, select
from pyorm.engine import Engine
from pyorm.orm import (
    ORMExecuteState,
    Session,
    UserDefinedOption,
    defer,
    immediateload,
    joinedload,
    lazyload,
    selectin_polymorphic,
    selectinload,
    subqueryload,
    with_loader_criteria,
)
from tests.conformance import blog
from tests.conformance.blog import AUTHOR, TAGS, Node, Post, User
from tests.conformance.inherit import make_models
from tests.conformance.models import logged

LOADERS = [selectinload, subqueryload, immediateload, lazyload]
POSTS = "ORM Path[Mapper[User(users)] -> User.posts]"
POST_TAGS = "ORM Path[Mapper[User(users)] -> User.posts -> Mapper[Post(posts)] -> Post.tags]"


class Mark(UserDefinedOption):
    """An option that goes with lazy loads."""

    propagate_to_loaders = True


class Once(UserDefinedOption):
    """An option that does not."""


class Event(NamedTuple):
    relationship: bool
    column: bool
    path: str | None
    mapper: str
    lazy: bool
    options: dict[str, Any]
    payloads: list[Any]


def told(state: ORMExecuteState) -> Event:
    path = state.loader_strategy_path
    return Event(
        state.is_relationship_load,
        state.is_column_load,
        None if path is None else str(path),
        str(state.bind_mapper),
        state.lazy_loaded_from is not None,
        dict(state.execution_options),
        [option.payload for option in state.user_defined_options],
    )


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over the filled tables."""
    blog.fill(engine)
    with Session(engine) as made:
        yield made


def heard(session: Session, work: Callable[[], Any], also: Any = None) -> tuple[Any, list[Event]]:
    """Return what `work()` returns and what a listener was told."""
    events: list[Event] = []

    def listen(state: ORMExecuteState) -> Any:
        events.append(told(state))
        return None if also is None else also(state)

    event.listen(session, "do_orm_execute", listen)
    try:
        return work(), events
    finally:
        event.remove(session, "do_orm_execute", listen)


def graph(session: Session, *options: Any, **execution: Any) -> dict[int, dict[int, list[int]]]:
    statement = select(User).where(User.id < 4).options(*options).order_by(User.id).execution_options(**execution)
    return {u.id: {p.id: [t.id for t in p.tags] for p in u.posts} for u in session.scalars(statement).unique()}


GRAPH = {u: {p: sorted(TAGS[p]) for p in blog.posts_of(u)} for u in range(1, 4)}


class TestRelationships:
    @pytest.mark.parametrize("loader", [selectinload, subqueryload])
    def test_each_statement_is_heard_with_its_way_and_options(self, session: Session, loader: Any) -> None:
        options = getattr(loader(User.posts), loader.__name__)(Post.tags)
        found, events = heard(session, lambda: graph(session, options, flavour=1))
        assert found == GRAPH
        assert events == [
            Event(False, False, None, "Mapper[User(users)]", False, {"flavour": 1}, []),
            Event(True, False, POSTS, "Mapper[Post(posts)]", False, {"flavour": 1}, []),
            Event(True, False, POST_TAGS, "Mapper[Tag(tags)]", False, {"flavour": 1}, []),
        ]

    def test_immediateload_is_heard_one_by_one(self, session: Session) -> None:
        options = immediateload(User.posts).immediateload(Post.tags)
        found, events = heard(session, lambda: graph(session, options, flavour=1))
        assert found == GRAPH
        assert [e for e in events if e.path == POSTS] == [
            Event(True, False, POSTS, "Mapper[Post(posts)]", True, {"flavour": 1}, [])
        ] * 3
        assert sum(e.path == POST_TAGS for e in events) == sum(len(posts) for posts in GRAPH.values())

    def test_lazy_loads_are_heard_one_by_one(self, session: Session) -> None:
        found, events = heard(session, lambda: graph(session, flavour=1))
        assert found == GRAPH
        one = Event(True, False, POSTS, "Mapper[Post(posts)]", True, {}, [])
        assert [e for e in events if e.path == POSTS] == [one] * 3

    def test_below_a_joined_one_the_way_is_whole(self, session: Session) -> None:
        found, events = heard(session, lambda: graph(session, joinedload(User.posts).selectinload(Post.tags)))
        assert found == GRAPH
        assert [e.path for e in events] == [None, POST_TAGS]

    def test_recursion_goes_the_same_way_again(self, session: Session) -> None:
        statement = select(Node).where(Node.id == 1).options(selectinload(Node.children, recursion_depth=1))
        (root,), events = heard(session, lambda: session.scalars(statement).all())
        assert [len(n.children) for n in root.children] == [2, 2]
        assert [e.path for e in events[1:]] == ["ORM Path[Mapper[Node(nodes)] -> Node.children]"] * 2

    @pytest.mark.parametrize("loader", [selectinload, subqueryload, immediateload])
    def test_many_to_one(self, session: Session, loader: Any) -> None:
        statement = select(Post).options(loader(Post.author))
        posts, events = heard(session, lambda: session.scalars(statement).all())
        assert {p.id: p.author.id for p in posts} == AUTHOR
        assert len(events) == (5 if loader is immediateload else 2)
        assert {e.path for e in events[1:]} == {"ORM Path[Mapper[Post(posts)] -> Post.author]"}

    @pytest.mark.parametrize("loader", [selectinload, subqueryload, immediateload])
    def test_populate_existing_loads_again(self, session: Session, loader: Any) -> None:
        users = session.scalars(select(User).options(loader(User.posts)).order_by(User.id)).all()
        users[0].posts.pop()
        statement = select(User).options(loader(User.posts)).execution_options(populate_existing=True)
        with session.no_autoflush:
            _, events = heard(session, lambda: session.scalars(statement).all())
        assert [p.id for p in users[0].posts] == blog.posts_of(1)
        assert all(e.options["populate_existing"] for e in events)

    def test_selectin_statement_takes_its_keys_as_a_parameter(self, session: Session) -> None:
        keys: list[Any] = []
        heard(session, lambda: graph(session, selectinload(User.posts)), lambda s: keys.append(s.parameters))
        assert keys[1] == {"primary_keys": [1, 2, 3]}

    def test_chunks_are_heard_each(self, session: Session) -> None:
        _, events = heard(session, lambda: graph(session, selectinload(User.posts, chunksize=2)))
        assert sum(e.path == POSTS for e in events) == 2

    def test_get_is_heard_with_an_empty_way(self, engine: Engine) -> None:
        blog.fill(engine)
        with Session(engine) as session:
            user, events = heard(session, lambda: session.get(User, 1, options=[selectinload(User.posts), Mark("g")]))
            assert [p.id for p in user.posts] == blog.posts_of(1)
        assert [(e.relationship, e.path, e.payloads) for e in events] == [
            (False, "ORM Path[]", ["g"]),
            (True, POSTS, ["g"]),
        ]

    def test_columns_of_subclasses_are_no_relationship(self, engine: Engine) -> None:
        models = make_models()
        models.Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([models.Worker(id=1, job="j"), models.Client(id=2, debt=3)])
            session.commit()
            statement = select(models.Person).options(
                selectin_polymorphic(models.Person, [models.Worker, models.Client]), Once("o")
            )
            people, events = heard(session, lambda: session.scalars(statement.order_by(models.Person.id)).all())
            assert [{**vars(p)}.keys() & {"job", "debt"} for p in people] == [{"job"}, {"debt"}]
        assert [(e.relationship, e.column, e.path, e.payloads) for e in events] == [
            (False, False, None, ["o"]),
            (False, False, "ORM Path[]", ["o"]),
            (False, False, "ORM Path[]", ["o"]),
        ]

    def test_statements_are_the_same_without_listeners(self, session: Session) -> None:
        with logged(session.get_bind()) as quiet:
            graph(session, selectinload(User.posts).selectinload(Post.tags))
        session.expunge_all()
        with logged(session.get_bind()) as listened:
            heard(session, lambda: graph(session, selectinload(User.posts).selectinload(Post.tags)))
        assert listened == quiet


class TestChanges:
    @pytest.mark.parametrize("loader", LOADERS)
    @pytest.mark.parametrize("where", ["top", "load"])
    def test_criteria_are_added(self, session: Session, loader: Any, where: str) -> None:
        def narrow(state: ORMExecuteState) -> None:
            if state.is_relationship_load == (where == "load"):
                state.statement = state.statement.options(with_loader_criteria(Post, Post.id > 5))

        found, _ = heard(session, lambda: graph(session, loader(User.posts)), narrow)
        assert found == {u: {p: ts for p, ts in posts.items() if p > 5} for u, posts in GRAPH.items()}

    @pytest.mark.parametrize("loader", [selectinload, subqueryload, immediateload])
    def test_options_that_a_listener_adds_to_the_statement_reach_its_loads(self, session: Session, loader: Any) -> None:
        def add(state: ORMExecuteState) -> None:
            if not state.is_relationship_load:
                state.update_execution_options(flavour=2)

        _, events = heard(session, lambda: graph(session, loader(User.posts)), add)
        assert [e.options.get("flavour") for e in events if e.path == POSTS][-1] == 2

    def test_options_of_a_load_are_its_own(self, session: Session) -> None:
        seen: list[Any] = []

        def add(state: ORMExecuteState) -> None:
            if state.is_relationship_load:
                state.update_execution_options(flavour=3)
            seen.append(dict(state.local_execution_options))

        heard(session, lambda: session.scalars(select(User).options(selectinload(User.posts))).all(), add)
        assert seen == [{}, {"flavour": 3}]

    def test_listener_answers_a_load(self, session: Session) -> None:
        def answer(state: ORMExecuteState) -> Any:
            if not state.is_relationship_load:
                return None
            frozen = state.invoke_statement().freeze()
            return frozen()

        found, _ = heard(session, lambda: graph(session, selectinload(User.posts).selectinload(Post.tags)), answer)
        assert found == GRAPH

    def test_listener_that_answers_with_other_rows_is_told(self, session: Session) -> None:
        def answer(state: ORMExecuteState) -> Any:
            return session.connection().execute(select(Post.id)) if state.is_relationship_load else None

        with pytest.raises(TypeError, match="answered the load of a relationship with other rows"):
            heard(session, lambda: graph(session, selectinload(User.posts)), answer)

    def test_error_of_a_listener_leaves_nothing_half_loaded(self, session: Session) -> None:
        def fail(state: ORMExecuteState) -> None:
            if state.is_relationship_load:
                raise exc.InvalidRequestError("no")

        users = session.scalars(select(User).order_by(User.id)).all()
        with pytest.raises(exc.InvalidRequestError, match="no"):
            heard(session, lambda: graph(session, selectinload(User.posts)), fail)
        assert "posts" in inspect(users[0]).unloaded
        assert [p.id for p in users[0].posts] == blog.posts_of(1)


@pytest.mark.feature("LOAD19")
class TestOwnOptions:
    def test_payload_and_class_flag(self) -> None:
        assert (Once("x").payload, Once().payload, Once("x").propagate_to_loaders) == ("x", None, False)

    @pytest.mark.parametrize("loader", [selectinload, subqueryload])
    def test_loads_along_have_all_options(self, session: Session, loader: Any) -> None:
        options = getattr(loader(User.posts), loader.__name__)(Post.tags)
        _, events = heard(session, lambda: graph(session, options, Mark("m"), Once("o")))
        assert [e.payloads for e in events] == [["m", "o"]] * 3

    @pytest.mark.parametrize("loader", [lazyload, immediateload])
    def test_lazy_loads_have_those_that_propagate(self, session: Session, loader: Any) -> None:
        _, events = heard(session, lambda: graph(session, loader(User.posts), Mark("m"), Once("o")))
        assert events[0].payloads == ["m", "o"]
        assert {tuple(e.payloads) for e in events[1:]} == {("m",)}
        assert any("Post.tags" in str(e.path) for e in events)

    def test_each_statement_has_its_own_object(self, session: Session) -> None:
        for number in range(3):
            _, events = heard(session, lambda number=number: graph(session, selectinload(User.posts), Mark(number)))
            assert {tuple(e.payloads) for e in events} == {(number,)}
            session.expunge_all()

    def test_lazy_many_to_one_has_it(self, session: Session) -> None:
        posts = session.scalars(select(Post).options(Mark("m")).where(Post.id < 3)).all()
        _, events = heard(session, lambda: [p.author.id for p in posts])
        assert [e.payloads for e in events] == [["m"]] * 2

    def test_expired_and_deferred_columns_have_it(self, session: Session) -> None:
        statement = select(User).options(Mark("m"), Once("o"), defer(User.name)).where(User.id == 2)
        user = session.scalars(statement).one()
        _, events = heard(session, lambda: user.name)
        session.expire(user, ["name"])
        _, more = heard(session, lambda: user.name)
        assert [(e.column, e.path, e.payloads) for e in events + more] == [(True, "ORM Path[]", ["m"])] * 2

    def test_statements_that_differ_in_it_share_their_compiled_form(self, session: Session) -> None:
        def size() -> int:
            entries: int = session.get_bind()._cache_stats()["entries"]
            return entries

        graph(session, selectinload(User.posts), Mark(0))
        before = size()
        for number in range(5):
            session.expunge_all()
            graph(session, selectinload(User.posts), Mark(number))
        assert size() == before

    def test_recipe_of_a_cache(self, session: Session) -> None:
        """What is marked is asked of the database once, lazy loads included."""
        kept: dict[Any, Any] = {}

        def cached(state: ORMExecuteState) -> Any:
            for option in state.user_defined_options:
                key = (option.payload, str(state.statement), str(state.parameters), str(state.loader_strategy_path))
                if state.lazy_loaded_from is not None:
                    key = (*key, state.lazy_loaded_from.identity)
                if key not in kept:
                    kept[key] = state.invoke_statement().freeze()
                return kept[key]()
            return None

        event.listen(session, "do_orm_execute", cached)
        assert graph(session, Mark("r")) == GRAPH
        session.expunge_all()
        with logged(session.get_bind()) as words:
            users = session.scalars(select(User).where(User.id < 4).options(Mark("r")).order_by(User.id)).all()
            assert [len(u.posts) for u in users] == [len(GRAPH[u]) for u in GRAPH]
        assert words == []
