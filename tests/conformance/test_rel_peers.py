"""Batched lazy loads: never a stale value, nothing kept alive, no Python per row; and loads that listeners see."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, create_engine, delete, event, select, text, update
from pyorm.engine import Engine
from pyorm.orm import Session, declarative_base, joinedload, lazyload, relationship, selectinload
from tests.conformance import blog
from tests.conformance.blog import Post, User
from tests.conformance.test_rel_loading import statements

Plain: Any = declarative_base()


class Shelf(Plain):
    """A shelf whose relationships say how they are loaded."""

    __tablename__ = "shelves"
    id = Column(Integer, primary_key=True)
    one_by_one = relationship("Book", lazy="select", viewonly=False, overlaps="refused,batched,refused_sql")
    batched = relationship("Book", overlaps="one_by_one,refused,refused_sql")
    refused = relationship("Book", lazy="raise", overlaps="one_by_one,batched,refused_sql")
    refused_sql = relationship("Book", lazy="raise_on_sql", overlaps="one_by_one,batched,refused")


class Book(Plain):
    """A book."""

    __tablename__ = "books"
    id = Column(Integer, primary_key=True)
    shelf_id = Column(ForeignKey("shelves.id"))


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over the filled tables."""
    blog.fill(engine)
    with Session(engine) as made:
        yield made


def ids(members: Any) -> list[int]:
    return [member.id for member in members]


def ahead(session: Session) -> list[User]:
    """Return five users; what the last three refer to is loaded ahead."""
    found = list(session.scalars(select(User).order_by(User.id)))
    assert [ids(u.posts) for u in found[:2]] == [blog.posts_of(1), blog.posts_of(2)]
    return found


CHANGES = {
    "flush": lambda s: (s.add(Post(id=99, author_id=3)), s.flush()),
    "statement": lambda s: s.execute(text("insert into posts (id, author_id) values (99, 3)")),
    "bulk": lambda s: s.execute(
        update(Post).where(Post.id == 2).values(author_id=4), execution_options={"synchronize_session": False}
    ),
    "delete": lambda s: s.execute(delete(Post).where(Post.id == 6), execution_options={"synchronize_session": False}),
    "driver": lambda s: s.connection().exec_driver_sql("insert into posts (id, author_id) values (99, 3)"),
    "expire": lambda s: (s.execute(text("insert into posts (id, author_id) values (99, 3)")), s.expire_all()),
    "commit": lambda s: (s.add(Post(id=99, author_id=3)), s.commit()),
}


class TestNeverStale:
    @pytest.mark.parametrize("change", CHANGES)
    def test_after_a_change(self, session: Session, change: str) -> None:
        found = ahead(session)
        CHANGES[change](session)
        now = list(session.scalars(select(Post.id).where(Post.author_id == 3).order_by(Post.id)))
        assert ids(found[2].posts) == now
        assert now != blog.posts_of(3)

    def test_after_a_savepoint_is_undone(self, session: Session) -> None:
        found = list(session.scalars(select(User).order_by(User.id)))
        with session.begin_nested() as savepoint:
            session.add(Post(id=99, author_id=3))
            session.flush()
            assert [len(u.posts) for u in found[:2]] == [3, 3]
            savepoint.rollback()
        assert ids(found[2].posts) == blog.posts_of(3)

    def test_detached_instances_do_not_answer(self, session: Session) -> None:
        found = ahead(session)
        session.expunge(found[2])
        with pytest.raises(Exception, match="is not bound to a Session; lazy load operation of attribute 'posts'"):
            found[2].posts  # noqa: B018

    def test_members_loaded_ahead_are_the_sessions_own(self, session: Session) -> None:
        found = ahead(session)
        post = session.get(Post, blog.posts_of(3)[0])
        assert found[2].posts[0] is post


class TestLives:
    def test_nothing_is_kept_by_what_was_loaded_ahead(self, session: Session) -> None:
        found = ahead(session)
        refs = [weakref.ref(u) for u in found]
        del found
        session.expunge_all()
        gc.collect()
        assert [ref() for ref in refs] == [None] * 5

    def test_a_ring_through_a_value_loaded_ahead_is_collected(self, session: Session) -> None:
        posts = list(session.scalars(select(Post).order_by(Post.id)))
        assert [p.author.id for p in posts[:2]] == [2, 3]
        posts[0].author.note = posts  # the values loaded ahead lead back to their owners
        refs = [weakref.ref(p) for p in posts]
        session.expunge_all()
        del posts
        gc.collect()
        assert [ref() for ref in refs] == [None] * 12

    def test_peers_that_die_are_passed_over(self, session: Session) -> None:
        found = list(session.scalars(select(User).order_by(User.id)))
        assert len(found[0].posts) == 3
        del found[1:4]
        gc.collect()
        assert statements(session, lambda: ids(found[1].posts)) == ([], 1)

    def test_options_with_values_are_collected(self, session: Session) -> None:
        user = session.get(User, 1)
        statement = select(Post).options(lazyload(Post.author.and_(User.id == user.id)))
        posts = list(session.scalars(statement))
        user.note = posts
        refs = [weakref.ref(p) for p in posts]
        session.expunge_all()
        del posts, user, statement
        gc.collect()
        assert {ref() for ref in refs} == {None}


class TestMapped:
    def test_lazy_select_written_out_is_one_by_one(self, engine: Engine) -> None:
        Plain.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([Shelf(id=i) for i in range(1, 6)])
            session.commit()
            found = list(session.scalars(select(Shelf)))
            assert statements(session, lambda: [len(s.one_by_one) for s in found])[1] == 5
            assert statements(session, lambda: [len(s.batched) for s in found])[1] == 2
            for key, why in (("refused", "raise"), ("refused_sql", "raise_on_sql")):
                with pytest.raises(Exception, match=f"'Shelf.{key}' is not available due to lazy='{why}'"):
                    getattr(found[0], key)
            assert session.scalars(select(Shelf).options(lazyload(Shelf.refused))).all()[0] is found[0]


class TestListeners:
    def test_lazy_loads_are_seen(self, session: Session) -> None:
        seen: list[tuple[bool, bool, Any, str]] = []

        @event.listens_for(session, "do_orm_execute")
        def listen(state: Any) -> None:
            lazy = state.lazy_loaded_from
            seen.append(
                (state.is_relationship_load, state.is_column_load, lazy and lazy.obj(), str(state.loader_strategy_path))
            )

        users = list(session.scalars(select(User).order_by(User.id)))
        assert [ids(u.posts) for u in users[:2]] == [blog.posts_of(1), blog.posts_of(2)]
        assert users[0].posts[0].author is users[0]
        path = "ORM Path[Mapper[User(users)] -> User.posts]"
        assert seen == [(False, False, None, "None"), (True, False, users[0], path), (True, False, users[1], path)]

    def test_a_listener_can_answer(self, session: Session) -> None:
        users = list(session.scalars(select(User).order_by(User.id)))

        @event.listens_for(session, "do_orm_execute")
        def listen(state: Any) -> None:
            if state.is_relationship_load:
                state.statement = state.statement.where(Post.id > 4)

        assert ids(users[0].posts) == [p for p in blog.posts_of(1) if p > 4]

    def test_many_to_one(self, session: Session) -> None:
        posts = list(session.scalars(select(Post).order_by(Post.id)))
        seen: list[bool] = []
        event.listen(session, "do_orm_execute", lambda state: seen.append(state.is_relationship_load))
        assert [p.author.id for p in posts] == list(blog.AUTHOR.values())
        assert seen == [True] * 4


class TestFrames:
    @pytest.mark.parametrize("how", ["lazy", "selectin", "joined"])
    def test_no_frame_per_row(self, engine: Engine, how: str) -> None:
        blog.fill(engine)
        counts = []
        option = {"lazy": (), "selectin": (selectinload(User.posts),), "joined": (joinedload(User.posts),)}[how]
        with Session(engine) as session:
            session.add_all([User(id=i, posts=[Post(id=10 * i + j) for j in range(3)]) for i in range(10, 310)])
            session.commit()

        def work(least: int) -> int:
            frames = 0

            def count(frame: Any, what: str, arg: Any) -> None:
                nonlocal frames
                frames += what == "call"

            with Session(engine) as session:
                statement = select(User).where(User.id >= least).options(*option)
                gc.collect()
                gc.disable()  # others' callbacks of the collector are frames too
                sys.setprofile(count)
                try:
                    found = session.scalars(statement).unique().all()
                    total = 0
                    for user in found:
                        total += len(user.posts)
                finally:
                    sys.setprofile(None)
                    gc.enable()
            assert total == 3 * len(found)
            return frames

        for least in (10, 300, 10, 300):
            counts.append(work(least))
        assert counts[2] == counts[3]


class TestProfile:
    def test_profile_sqlalchemy_loads_one_by_one(self, engine: Engine) -> None:
        blog.fill(engine)
        with Session(create_engine(engine.url, profile="sqlalchemy")) as session:
            found = list(session.scalars(select(User).order_by(User.id)))
            assert statements(session, lambda: [len(u.posts) for u in found])[1] == 5
            session.get_bind().dispose()

    def test_next_transaction_reads_anew(self, engine: Engine) -> None:
        blog.fill(engine)
        with Session(engine, expire_on_commit=False) as session:
            found = ahead(session)
            session.commit()
            with engine.begin() as other:
                other.exec_driver_sql("update posts set author_id = 5 where id = 2")
            assert ids(found[2].posts) == [6, 10]

    def test_instances_with_a_dict_are_peers_too(self, session: Session) -> None:
        found = list(session.scalars(select(User).order_by(User.id)))
        assert vars(found[1])["name"] == "u2"
        assert statements(session, lambda: [ids(u.posts) for u in found])[1] == 2
