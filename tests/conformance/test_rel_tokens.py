"""Identity tokens and binds of what is loaded along with a result."""

from __future__ import annotations

from typing import Any

import pytest

from pyorm import inspect, select
from pyorm.engine import Engine
from pyorm.orm import Session, immediateload, joinedload, lazyload, selectin_polymorphic, selectinload, subqueryload
from tests.conformance import blog
from tests.conformance.blog import AUTHOR, TAGS, Post, User
from tests.conformance.inherit import make_models

ALONG = [selectinload, subqueryload, joinedload, immediateload]


def tokens(session: Session) -> set[Any]:
    return {key[2] for key in session.identity_map.keys()}  # noqa: SIM118


class TestTokens:
    @pytest.mark.parametrize("loader", ALONG)
    def test_collections_have_the_token_of_their_parents(self, engine: Engine, loader: Any) -> None:
        blog.fill(engine)
        options = getattr(loader(User.posts), loader.__name__)(Post.tags)
        with Session(engine) as session:
            statement = select(User).options(options).execution_options(identity_token="t").order_by(User.id)
            users = session.scalars(statement).unique().all()
            assert {u.id: [p.id for p in u.posts] for u in users} == {u.id: blog.posts_of(u.id) for u in users}
            tags = {p.id: [t.id for t in p.tags] for u in users for p in u.posts}
            assert tags == {p: sorted(t) for p, t in TAGS.items()}
            assert tokens(session) == {"t"}

    @pytest.mark.parametrize("loader", ALONG)
    def test_references_have_it(self, engine: Engine, loader: Any) -> None:
        blog.fill(engine)
        with Session(engine) as session:
            other = session.get(User, 1)
            statement = select(Post).options(loader(Post.author)).execution_options(identity_token="t")
            posts = session.scalars(statement).all()
            assert {p.id: p.author.id for p in posts} == AUTHOR
            assert {inspect(p.author).identity_token for p in posts} == {"t"}
            assert all(p.author is not other for p in posts)

    def test_columns_of_subclasses_go_to_the_same_objects(self, engine: Engine) -> None:
        models = make_models()
        models.Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([models.Worker(id=1, job="j"), models.Worker(id=2, job="k")])
            session.commit()
        with Session(engine) as session:
            statement = select(models.Person).options(selectin_polymorphic(models.Person, [models.Worker]))
            people = session.scalars(statement.execution_options(identity_token="t")).all()
            assert sorted(vars(p)["job"] for p in people) == ["j", "k"]
            assert tokens(session) == {"t"}
            assert len(session.identity_map) == 2

    def test_get_expire_and_refresh_keep_it(self, engine: Engine) -> None:
        blog.fill(engine)
        with Session(engine) as session:
            user = session.get(User, 2, identity_token="t")
            session.expire(user)
            assert user.name == "u2"
            session.refresh(user)
            assert inspect(user).identity_token == "t"
            assert session.get(User, 2, identity_token="t") is user
            assert session.get(User, 2) is not user


class TestBinds:
    @pytest.mark.parametrize("loader", [lazyload, selectinload, subqueryload, immediateload])
    def test_loads_go_to_the_bind_of_the_related_class(self, engine: Engine, loader: Any) -> None:
        blog.fill(engine)
        asked: list[Any] = []

        class Routed(Session):
            def get_bind(self, mapper: Any = None, **kw: Any) -> Engine:
                asked.append(None if mapper is None else mapper.class_)
                return engine

        with Routed() as session:
            users = session.scalars(select(User).options(loader(User.posts))).all()
            assert sum(len(u.posts) for u in users) == len(AUTHOR)
        assert asked[0] is User
        assert set(asked[1:]) == {Post}

    def test_binds_by_class(self, engine: Engine) -> None:
        blog.fill(engine)
        for loader in (lazyload, selectinload, subqueryload, joinedload, immediateload):
            with Session(binds={User: engine, Post: engine}) as session:
                users = session.scalars(select(User).options(loader(User.posts))).unique().all()
                assert sum(len(u.posts) for u in users) == len(AUTHOR)
