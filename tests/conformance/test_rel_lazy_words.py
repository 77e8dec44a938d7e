"""`lazy=` of a relationship, its `innerjoin=`, and what turns batched lazy loads off."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pyorm import Column, ForeignKey, Integer, select
from pyorm.engine import Engine
from pyorm.exc import ArgumentError, InvalidRequestError
from pyorm.orm import Session, contains_eager, declarative_base, joinedload, lazyload, relationship, selectinload
from pyorm.orm.exc import LoaderStrategyException
from tests.conformance import blog
from tests.conformance.blog import Post, User
from tests.conformance.models import logged


def make_family(lazy: Any) -> SimpleNamespace:
    """Return classes Parent and Child, whose relationships are loaded so."""
    Base: Any = declarative_base()

    class Parent(Base):
        __tablename__ = "parent"
        id = Column(Integer, primary_key=True)
        children = relationship(
            "Child", order_by="Child.id", lazy=lazy, back_populates="parent", passive_deletes=lazy in ("write_only",)
        )

    class Child(Base):
        __tablename__ = "child"
        id = Column(Integer, primary_key=True)
        parent_id = Column(ForeignKey("parent.id"))
        parent = relationship(
            "Parent", lazy="select" if lazy in ("write_only", "dynamic") else lazy, back_populates="children"
        )

    return SimpleNamespace(Base=Base, Parent=Parent, Child=Child)


def fill(engine: Engine, family: SimpleNamespace) -> None:
    """Three parents: two children, one, none."""
    family.Base.metadata.create_all(engine)
    with engine.begin() as conn:
        conn.execute(family.Parent.__table__.insert(), [{"id": i} for i in (1, 2, 3)])
        conn.execute(family.Child.__table__.insert(), [{"id": i, "parent_id": p} for i, p in ((1, 1), (2, 1), (3, 2))])


# how many SELECTs to load the parents, and to read their children
COUNTS: dict[Any, tuple[int, int]] = {
    "select": (1, 3), True: (1, 3), "joined": (1, 0), False: (1, 0), "subquery": (2, 0), "selectin": (2, 0),
    "immediate": (2, 0), "noload": (1, 0), None: (1, 0), "write_only": (1, 3), "dynamic": (1, 3),
}  # fmt: skip


@pytest.mark.feature("REL15")
class TestWords:
    @pytest.mark.parametrize("lazy", COUNTS, ids=str)
    @pytest.mark.filterwarnings("ignore:The ``noload``")
    def test_word_says_how_and_when_it_is_loaded(self, engine: Engine, lazy: Any) -> None:
        family = make_family(lazy)
        fill(engine, family)
        with Session(engine) as session:
            with logged(engine) as words:
                parents = session.scalars(select(family.Parent).order_by(family.Parent.id)).unique().all()
            first = words.count("SELECT")
            with logged(engine) as words:
                found = [
                    [c.id for c in (session.scalars(p.children.select()) if lazy == "write_only" else p.children)]
                    for p in parents
                ]
            assert (first, words.count("SELECT")) == COUNTS[lazy]
        assert found == ([[], [], []] if lazy in ("noload", None) else [[1, 2], [3], []])
        assert family.Parent.children.property.lazy == lazy

    @pytest.mark.parametrize("lazy", ["noload", None])
    @pytest.mark.filterwarnings("ignore:The ``noload``")
    def test_noload_leaves_empty_until_an_option_says_otherwise(self, engine: Engine, lazy: Any) -> None:
        family = make_family(lazy)
        fill(engine, family)
        with Session(engine) as session:
            child = session.get(family.Child, 1)
            assert child.parent is None
            session.expire(child)
            assert child.parent is None
        for loader in (lazyload, selectinload, joinedload):
            with Session(engine) as session:
                child = session.scalars(select(family.Child).options(loader(family.Child.parent)).limit(1)).one()
                assert child.parent.id == 1

    @pytest.mark.parametrize(("lazy", "word"), [("raise", "raise"), ("raise_on_sql", "raise_on_sql")])
    def test_raise_refuses_by_its_name(self, engine: Engine, lazy: str, word: str) -> None:
        family = make_family(lazy)
        fill(engine, family)
        with Session(engine) as session:
            parent = session.get(family.Parent, 1)
            with pytest.raises(InvalidRequestError, match=f"'Parent.children' is not available due to lazy='{word}'"):
                parent.children  # noqa: B018
            child = session.get(family.Child, 1)
            if lazy == "raise":
                with pytest.raises(InvalidRequestError, match=r"'Child.parent' is not available due to lazy='raise'"):
                    child.parent  # noqa: B018
            else:
                assert child.parent is parent

    def test_unknown_word_is_refused(self, engine: Engine) -> None:
        with pytest.raises((ArgumentError, LoaderStrategyException), match="bogus"):
            make_family("bogus").Base.registry.configure()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session over the filled tables."""
    blog.fill(engine)
    with Session(engine) as made:
        yield made


def reads(session: Session, *options: Any) -> int:
    """Return how many SELECTs reading a relationship of five users takes."""
    users = session.scalars(select(User).options(*options)).all()
    with logged(session.get_bind()) as words:
        assert [len(u.posts) for u in users] == [len(blog.posts_of(u.id)) for u in users]
    return words.count("SELECT")


class TestBatches:
    def test_session_turns_batches_off(self, engine: Engine, session: Session) -> None:
        assert reads(session) == 2
        for lazy, count in (("select", 5), (None, 2)):
            with Session(engine, lazy=lazy) as other:
                assert reads(other) == count

    def test_many_to_one_of_such_a_session(self, engine: Engine, session: Session) -> None:
        with Session(engine, lazy="select") as other:
            posts = other.scalars(select(Post)).all()
            with logged(engine) as words:
                assert {p.author.id for p in posts} == {1, 2, 3, 4}
        assert words.count("SELECT") == 4

    def test_option_turns_them_off(self, session: Session) -> None:
        assert reads(session, lazyload(User.posts)) == 5

    def test_other_words_are_refused(self, engine: Engine) -> None:
        with pytest.raises(ArgumentError, match="takes \"select\" or None, got 'joined'"):
            Session(engine, lazy="joined")


def make_chain(first: Any, second: Any) -> SimpleNamespace:
    """Return classes X, Y and Z, joined eagerly one to the next."""
    Base: Any = declarative_base()

    class X(Base):
        __tablename__ = "x"
        id = Column(Integer, primary_key=True)
        y_id = Column(ForeignKey("y.id"))
        y = relationship("Y", lazy="joined", innerjoin=first)

    class Y(Base):
        __tablename__ = "y"
        id = Column(Integer, primary_key=True)
        z_id = Column(ForeignKey("z.id"))
        z = relationship("Z", lazy="joined", innerjoin=second)

    class Z(Base):
        __tablename__ = "z"
        id = Column(Integer, primary_key=True)

    return SimpleNamespace(Base=Base, X=X, Y=Y, Z=Z)


def joins(statement: Any) -> str:
    """Return the statement behind FROM, on one line."""
    return " ".join(str(statement).split("FROM x", 1)[1].split())


OUTER = "LEFT OUTER JOIN y AS y_1 ON y_1.id = x.y_id LEFT OUTER JOIN z AS z_1 ON z_1.id = y_1.z_id"
NESTED = "LEFT OUTER JOIN (y AS y_1 JOIN z AS z_1 ON z_1.id = y_1.z_id) ON y_1.id = x.y_id"
INNER = "JOIN y AS y_1 ON y_1.id = x.y_id JOIN z AS z_1 ON z_1.id = y_1.z_id"
MIXED = "JOIN y AS y_1 ON y_1.id = x.y_id LEFT OUTER JOIN z AS z_1 ON z_1.id = y_1.z_id"
JOINS = {
    (False, False): OUTER, (False, True): NESTED, (False, "nested"): NESTED, (False, "unnested"): OUTER,
    (True, False): MIXED, (True, True): INNER, (True, "nested"): INNER, (True, "unnested"): INNER,
    ("nested", True): INNER, ("unnested", False): MIXED, ("unnested", "unnested"): INNER,
}  # fmt: skip


@pytest.mark.feature("REL16")
class TestInnerJoin:
    @pytest.mark.parametrize("words", JOINS, ids=str)
    def test_mapping_says_how_it_is_joined(self, words: Any) -> None:
        assert joins(select(make_chain(*words).X)) == JOINS[words]

    @pytest.mark.parametrize("mapped", [False, True, "nested", "unnested"])
    @pytest.mark.parametrize("words", JOINS, ids=str)
    def test_option_wins_over_the_mapping(self, words: Any, mapped: Any) -> None:
        chain = make_chain(mapped, mapped)
        option = joinedload(chain.X.y, innerjoin=words[0]).joinedload(chain.Y.z, innerjoin=words[1])
        assert joins(select(chain.X).options(option)) == JOINS[words]

    @pytest.mark.parametrize("words", [(False, True), (False, "unnested"), (True, True)], ids=str)
    def test_rows_without_the_related_one(self, engine: Engine, words: Any) -> None:
        chain = make_chain(*words)
        chain.Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([chain.X(id=1, y=chain.Y(id=1, z=chain.Z(id=1))), chain.X(id=2)])
            session.commit()
            found = session.scalars(select(chain.X).order_by(chain.X.id)).all()
            rows = [(x.id, x.y and x.y.z.id) for x in found]
        assert rows == ([(1, 1)] if words[0] else [(1, 1), (2, None)])


class TestContained:
    def test_contained_entities_go_into_the_subquery_of_a_limit(self, session: Session) -> None:
        statement = (
            select(Post)
            .join(Post.author)
            .options(contains_eager(Post.author).load_only(User.name), joinedload(Post.tags))
            .order_by(Post.id)
            .limit(4)
        )
        with logged(session.get_bind()) as words:
            posts = session.scalars(statement).unique().all()
            assert [(p.id, p.author.name) for p in posts] == [(p, f"u{blog.AUTHOR[p]}") for p in range(1, 5)]
            assert [[t.id for t in p.tags] for p in posts] == [sorted(blog.TAGS[p]) for p in range(1, 5)]
        assert words.count("SELECT") == 1

    def test_joined_below_a_contained_one(self, session: Session) -> None:
        statement = (
            select(User)
            .join(User.posts)
            .options(contains_eager(User.posts).joinedload(Post.tags))
            .order_by(User.id, Post.id)
            .limit(3)
        )
        users = session.scalars(statement).unique().all()
        pairs = sorted((u, p) for p, u in blog.AUTHOR.items())[:3]
        assert [(u.id, p.id) for u in users for p in u.posts] == pairs
        assert [[t.id for t in p.tags] for u in users for p in u.posts] == [sorted(blog.TAGS[p]) for _, p in pairs]
