"""Loading along relationships while memory runs out: all of it is loaded, or what was half loaded is unloaded again."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import create_engine, select
from pyorm.engine import Engine
from pyorm.orm import Session, joinedload, lazyload, selectinload, subqueryload, with_loader_criteria
from tests.conformance import blog
from tests.conformance.blog import Post, Tag, User
from tests.faults.walk import Outcome, Work, piece

Steps = Generator[Work, Outcome, None]
ENGINES: dict[str, Engine] = {}
GRAPH = {u: {p: sorted(blog.TAGS[p]) for p in blog.posts_of(u)} for u in range(1, 6)}


@contextmanager
def session_of(url: str, *options: Any) -> Iterator[tuple[Session, Any]]:
    """A session over the filled tables, and a statement whose plans are made."""
    if url not in ENGINES:
        ENGINES[url] = create_engine(url)
        blog.Base.metadata.drop_all(ENGINES[url])
        blog.fill(ENGINES[url])
    statement = select(User).options(*options).order_by(User.id)
    with Session(ENGINES[url]) as warm:
        graph(warm.scalars(statement).unique().all())
    session = Session(ENGINES[url])
    try:
        yield session, statement
    finally:
        session.close()
    assert ENGINES[url].pool.checkedout() == 0


def graph(users: Any) -> dict[int, dict[int, list[int]]]:
    """Return the ids of users, posts and tags."""
    return {u.id: {p.id: [t.id for t in p.tags] for p in u.posts} for u in users}


def loads(url: str, *options: Any) -> Steps:
    """Load users, their posts and tags; whatever failed, the next try brings all."""
    with session_of(url, *options) as (session, statement):
        kept: list[Any] = []

        def work() -> Any:
            kept.extend(session.scalars(statement).unique().all())
            return graph(kept)

        outcome = yield work
        if outcome.done:
            assert outcome.value == GRAPH
        else:
            session.rollback()
            assert graph(session.scalars(statement).unique().all()) == GRAPH


@piece("sqlite")
def load_by_selectin(url: str) -> Steps:
    yield from loads(url, selectinload(User.posts).selectinload(Post.tags))


@piece("sqlite", kinds=("core",))
def load_around_the_statement(url: str) -> Steps:
    yield from loads(url, subqueryload(User.posts).subqueryload(Post.tags))


@piece("sqlite")
def load_by_joins(url: str) -> Steps:
    yield from loads(url, joinedload(User.posts).joinedload(Post.tags))


@piece("sqlite")
def load_lazily_in_batches(url: str) -> Steps:
    yield from loads(url)


@piece("sqlite", kinds=("core",))
def load_lazily_with_options(url: str) -> Steps:
    yield from loads(url, lazyload(User.posts).joinedload(Post.tags))


@piece("sqlite", kinds=("core",))
def load_with_values(url: str) -> Steps:
    yield from loads(url, selectinload(User.posts.and_(Post.id > 0)), with_loader_criteria(Tag, Tag.id > 0))


@piece("sqlite", kinds=("core",))
def load_a_range(url: str) -> Steps:
    engine = create_engine("sqlite://")
    blog.Base.metadata.create_all(engine)
    statement = select(User).options(selectinload(User.posts))
    with Session(engine) as session:
        session.add_all([User(id=n, name="u", posts=[Post(id=n), Post(id=100 + n)]) for n in range(1, 41)])
        session.commit()
        session.scalars(statement).all()
    wanted = {n: [n, 100 + n] for n in range(1, 41)}

    def work() -> Any:
        with Session(engine) as session:
            return {user.id: sorted(post.id for post in user.posts) for user in session.scalars(statement)}

    outcome = yield work
    if outcome.done:
        assert outcome.value == wanted
    else:
        assert work() == wanted
    engine.dispose()
