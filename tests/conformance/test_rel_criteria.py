"""with_loader_criteria(): a class is restricted wherever a statement, or a load that it starts, reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, delete, event, exc, func, insert, select, update
from pyorm.engine import Engine
from pyorm.orm import (
    Session,
    aliased,
    contains_eager,
    declarative_base,
    defaultload,
    joinedload,
    lazyload,
    relationship,
    selectinload,
    subqueryload,
    with_loader_criteria,
)
from tests.conformance import blog
from tests.conformance.blog import TAGS, Node, Post, Tag, User
from tests.conformance.test_rel_loading import statements

Soft: Any = declarative_base()


class Deletable:
    """A mixin whose rows can be marked as deleted."""

    gone = Column(Integer, default=0)


class Box(Deletable, Soft):
    """A box has things."""

    __tablename__ = "boxes"
    id = Column(Integer, primary_key=True)
    things = relationship("Thing", back_populates="box", order_by="Thing.id")


class Thing(Deletable, Soft):
    """A thing lies in a box."""

    __tablename__ = "things"
    id = Column(Integer, primary_key=True)
    box_id = Column(ForeignKey("boxes.id"))
    box = relationship("Box", back_populates="things")


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over the filled tables."""
    blog.fill(engine)
    with Session(engine) as made:
        yield made


def ids(members: Any) -> list[int]:
    return [member.id for member in members]


def users(session: Session, *options: Any) -> list[User]:
    return list(session.scalars(select(User).options(*options).order_by(User.id)).unique().all())


def graph(found: Any) -> dict[int, dict[int, list[int]]]:
    return {u.id: {p.id: ids(p.tags) for p in u.posts} for u in found}


def expected(least: int, tag: int = 0) -> dict[int, dict[int, list[int]]]:
    return {
        u: {p: [t for t in sorted(TAGS[p]) if t > tag] for p in blog.posts_of(u) if p > least} for u in range(1, 6)
    }


class TestOneStatement:
    def test_rows(self, session: Session) -> None:
        for least in (2, 4):
            assert ids(users(session, with_loader_criteria(User, User.id > least))) == list(range(least + 1, 6))

    def test_several_are_all_meant(self, session: Session) -> None:
        both = (with_loader_criteria(User, User.id > 2), with_loader_criteria(User, lambda cls: cls.id < 5))
        assert ids(users(session, *both)) == [3, 4]

    def test_joins_have_it_in_on(self, session: Session) -> None:
        option = with_loader_criteria(Post, Post.id > 10)
        inner = select(User).join(User.posts).options(option).order_by(User.id)
        assert ids(session.scalars(inner)) == [1, 4]
        outer = select(User).outerjoin(User.posts).options(option).order_by(User.id)
        assert ids(session.scalars(outer)) == [1, 2, 3, 4, 5]

    def test_aliases_only_when_asked_for(self, session: Session) -> None:
        other = aliased(User)
        rows = select(other).order_by(other.id)
        assert ids(session.scalars(rows.options(with_loader_criteria(User, User.id > 2)))) == [1, 2, 3, 4, 5]
        with_aliases = with_loader_criteria(User, User.id > 2, include_aliases=True)
        assert ids(session.scalars(rows.options(with_aliases))) == [3, 4, 5]
        post = aliased(Post)
        joined = select(User).join(User.posts.of_type(post)).order_by(User.id)
        option = with_loader_criteria(Post, lambda cls: cls.id > 10, include_aliases=True)
        assert ids(session.scalars(joined.options(option))) == [1, 4]

    def test_subqueries(self, session: Session) -> None:
        option = with_loader_criteria(User, User.id > 2)
        inner = select(User.id).subquery()
        assert session.scalar(select(func.count(inner.c.id)).options(option)) == 3
        posts = select(Post).where(Post.author_id.in_(select(User.id))).order_by(Post.id)
        assert ids(session.scalars(posts.options(option))) == [2, 3, 6, 7, 10, 11]
        having = select(User).where(User.posts.any()).options(with_loader_criteria(Post, Post.id == 1))
        assert ids(session.scalars(having)) == [2]

    def test_columns_and_counts(self, session: Session) -> None:
        option = with_loader_criteria(User, User.id > 2)
        assert session.scalar(select(func.count(User.id)).options(option)) == 3
        assert session.scalar(select(func.count()).select_from(User).options(option)) == 3
        query = session.query(User).options(option)
        assert (ids(query.order_by(User.id)), query.count()) == ([3, 4, 5], 3)

    def test_update_and_delete(self, session: Session) -> None:
        changed = update(User).where(User.id < 5).values(name="z").options(with_loader_criteria(User, User.id > 2))
        assert session.execute(changed).rowcount == 2
        gone = delete(Post).where(Post.id < 3).options(with_loader_criteria(Post, Post.id > 12))
        assert session.execute(gone).rowcount == 0

    def test_text_shows_it(self) -> None:
        statement = select(User.name).options(with_loader_criteria(User, User.id > 2))
        assert str(statement) == "SELECT users.name \nFROM users \nWHERE users.id > :id_1"


class TestLoads:
    @pytest.mark.feature("LOAD09")
    @pytest.mark.parametrize("how", [joinedload, selectinload, subqueryload, lazyload])
    def test_each_loader(self, session: Session, how: Any) -> None:
        for least in (4, 8):
            session.expunge_all()
            option = with_loader_criteria(Post, lambda cls, least=least: cls.id > least)
            assert graph(users(session, how(User.posts), option)) == expected(least)

    def test_at_every_depth(self, session: Session) -> None:
        for path in (selectinload(User.posts).joinedload(Post.tags), defaultload(User.posts).joinedload(Post.tags)):
            session.expunge_all()
            both = (with_loader_criteria(Post, Post.id > 4), with_loader_criteria(Tag, Tag.id > 1))
            assert graph(users(session, path, *both)) == expected(4, 1)

    def test_joined_behind_a_limit(self, session: Session) -> None:
        option = with_loader_criteria(Tag, Tag.id > 1)
        statement = (
            select(User).options(joinedload(User.posts).joinedload(Post.tags), option).order_by(User.id).limit(2)
        )
        found, count = statements(session, lambda: graph(session.scalars(statement).unique()))
        assert found == {u: posts for u, posts in expected(0, 1).items() if u < 3}
        assert count == 1

    def test_contains_eager(self, session: Session) -> None:
        statement = (
            select(User)
            .join(User.posts)
            .join(Post.tags)
            .options(with_loader_criteria(Tag, Tag.id == 1), contains_eager(User.posts).contains_eager(Post.tags))
        )
        found = graph(session.scalars(statement).unique())
        assert found == {u: {p: [1] for p in blog.posts_of(u) if 1 in TAGS[p]} for u in range(1, 5)}

    def test_lazy_many_to_one(self, session: Session) -> None:
        option = with_loader_criteria(User, User.id > 2)
        posts = session.scalars(select(Post).options(option).order_by(Post.id)).all()
        assert [p.author and p.author.id for p in posts] == [a if a > 2 else None for a in blog.AUTHOR.values()]

    def test_not_into_loaders_if_told_so(self, session: Session) -> None:
        option = with_loader_criteria(Post, Post.id > 4, propagate_to_loaders=False)
        assert graph(users(session, option)) == expected(0)

    def test_get_is_restricted_refresh_is_not(self, session: Session) -> None:
        option = with_loader_criteria(User, User.id > 2)
        assert session.get(User, 1, options=[option]) is None
        found = session.scalars(select(User).options(with_loader_criteria(User, User.name == "u1"))).one()
        session.execute(update(User).values(name="x"))
        session.expire(found)
        assert found.name == "x"
        session.refresh(found)

    def test_recursion(self, session: Session) -> None:
        options = (selectinload(Node.children, recursion_depth=-1), with_loader_criteria(Node, Node.id != 2))
        root = session.scalars(select(Node).where(Node.id == 1).options(*options)).one()
        assert {c.id: ids(c.children) for c in root.children} == {3: [6, 7]}


class TestEverywhere:
    def test_mixin_by_listener(self, engine: Engine) -> None:
        Soft.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all(
                [Box(id=i, gone=i % 2, things=[Thing(id=10 * i + j, gone=j % 2) for j in range(3)]) for i in range(4)]
            )
            session.commit()
        with Session(engine) as session:

            @event.listens_for(session, "do_orm_execute")
            def restrict(state: Any) -> None:
                if state.is_select and not state.is_column_load and not state.is_relationship_load:
                    option = with_loader_criteria(Deletable, lambda cls: cls.gone == 0, include_aliases=True)
                    state.statement = state.statement.options(option)

            found = {b.id: ids(b.things) for b in session.scalars(select(Box).order_by(Box.id))}
            assert found == {0: [0, 2], 2: [20, 22]}
            joined = session.execute(select(Box.id, Thing.id).join(Box.things).order_by(Thing.id)).all()
            assert [tuple(row) for row in joined] == [(0, 0), (0, 2), (2, 20), (2, 22)]

    def test_a_class_that_lacks_the_attribute_is_refused_when_it_is_read(self, session: Session) -> None:
        option = with_loader_criteria(blog.Base, lambda cls: cls.title != "p1")
        assert len(session.scalars(select(Post).options(option)).all()) == 11
        with pytest.raises(exc.InvalidRequestError, match="asks User for an attribute that the class does not have"):
            session.scalars(select(User).options(option)).all()

    @pytest.mark.parametrize("given", ["User", 5])
    def test_what_is_no_class(self, given: Any) -> None:
        with pytest.raises(exc.ArgumentError, match="takes a mapped class, or a base or mixin"):
            with_loader_criteria(given, User.id > 2)

    def test_what_is_no_criterion(self) -> None:
        with pytest.raises(exc.ArgumentError, match="takes a SQL expression or a lambda"):
            with_loader_criteria(User, lambda cls: "id > 2")

    def test_rows_of_insert_are_not_restricted(self, session: Session) -> None:
        statement = insert(User).returning(User).options(with_loader_criteria(User, User.id > 100))
        assert session.scalars(statement, [{"id": 77, "name": "x"}]).one().id == 77
