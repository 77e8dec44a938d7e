"""Relationships of every shape on both databases: written, loaded by each strategy, changed.

The expected values are those that the reference gives for the same program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pyorm import Column, ForeignKey, ForeignKeyConstraint, Integer, String, Table, and_, exc, func, join, select
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Session,
    aliased,
    foreign,
    immediateload,
    joinedload,
    lazyload,
    relationship,
    remote,
    selectinload,
    subqueryload,
)

STRATEGIES = (lazyload, selectinload, joinedload, subqueryload, immediateload)


def make_base() -> Any:
    """Return a declarative base with a registry of its own."""

    class Base(DeclarativeBase):
        """The classes of one test."""

    return Base


@contextmanager
def session_for(engine: Engine, base: Any) -> Iterator[Session]:
    """Give a session on the tables of these classes; drop them afterwards."""
    base.metadata.create_all(engine)
    try:
        with Session(engine) as session:
            yield session
    finally:
        base.metadata.drop_all(engine)
        base.registry.dispose()


def by_each_strategy(session: Session, statement: Any, attribute: Any, tell: Callable[[Any], Any]) -> Any:
    """Return what `tell` says of the rows' instances; each strategy must say the same."""
    session.commit()
    told: list[Any] = []
    for strategy in STRATEGIES:
        session.expunge_all()
        found = session.scalars(statement.options(strategy(attribute))).unique().all()
        told.append([tell(one) for one in found])
    assert all(one == told[0] for one in told)
    return told[0]


@pytest.mark.feature("REL06")
def test_a_tree_refers_to_itself_in_both_directions(engine: Engine) -> None:
    base = make_base()

    class Node(base):  # type: ignore[misc,valid-type]
        __tablename__ = "nodes"
        id = Column(Integer, primary_key=True)
        parent_id = Column(ForeignKey("nodes.id"))
        name = Column(String(10))
        children = relationship("Node", back_populates="parent", order_by="Node.name.desc()", join_depth=2)
        parent = relationship("Node", back_populates="children", remote_side=[id])

    with session_for(engine, base) as session:
        session.add(Node(name="r", children=[Node(name="a", children=[Node(name="a1")]), Node(name="b")]))
        roots = by_each_strategy(
            session, select(Node).where(Node.parent == None), Node.children,  # noqa: E711
            lambda n: [(c.name, c.parent is n, [g.name for g in c.children]) for c in n.children],
        )  # fmt: skip
        parents = by_each_strategy(
            session, select(Node).order_by(Node.name), Node.parent, lambda n: n.parent and n.parent.name
        )

        assert roots == [[("b", True, []), ("a", True, ["a1"])]]
        assert parents == ["r", "a", "r", None]


@pytest.mark.feature("REL07")
def test_many_to_many_is_ordered_and_written_once(engine: Engine) -> None:
    base = make_base()
    links = Table("links", base.metadata, Column("a_id", ForeignKey("a.id")), Column("b_id", ForeignKey("b.id")))

    class A(base):  # type: ignore[misc,valid-type]
        __tablename__ = "a"
        id = Column(Integer, primary_key=True)
        bs = relationship("B", secondary=links, back_populates="as_", order_by="B.name")

    class B(base):  # type: ignore[misc,valid-type]
        __tablename__ = "b"
        id = Column(Integer, primary_key=True)
        name = Column(String(10))
        as_ = relationship("A", secondary="links", back_populates="bs", collection_class=set)

    with session_for(engine, base) as session:
        y, x = B(name="y"), B(name="x")
        session.add_all([A(id=1, bs=[y, x]), A(id=2, bs=[y])])
        told = by_each_strategy(session, select(A).order_by(A.id), A.bs, lambda a: [b.name for b in a.bs])
        back = by_each_strategy(
            session, select(B).order_by(B.name), B.as_, lambda b: (type(b.as_).__name__, sorted(a.id for a in b.as_))
        )

        assert told == [["x", "y"], ["y"]]
        assert back == [("InstrumentedSet", [1]), ("InstrumentedSet", [1, 2])]
        assert session.scalar(select(func.count()).select_from(links)) == 3


def test_many_to_many_within_one_table(engine: Engine) -> None:
    base = make_base()
    keys = [Column(name, ForeignKey("people.id")) for name in ("who", "whom")]
    pairs = Table("likes", base.metadata, *keys)

    class Person(base):  # type: ignore[misc,valid-type]
        __tablename__ = "people"
        id = Column(Integer, primary_key=True)
        name = Column(String(10))
        likes = relationship(
            "Person", secondary=pairs, primaryjoin=id == pairs.c.who, secondaryjoin=id == pairs.c.whom,
            backref="liked_by", order_by=name,
        )  # fmt: skip

    with session_for(engine, base) as session:
        a, b, c = (Person(name=name) for name in "abc")
        a.likes, b.likes = [c, b], [a]
        session.add(a)
        session.commit()
        told = by_each_strategy(
            session, select(Person).order_by(Person.name), Person.likes,
            lambda p: ([q.name for q in p.likes], sorted(q.name for q in p.liked_by)),
        )  # fmt: skip

        assert told == [(["b", "c"], ["b"]), (["a"], ["a"]), ([], ["a"])]


def test_composite_keys_join_both_ways(engine: Engine) -> None:
    base = make_base()

    class Order(base):  # type: ignore[misc,valid-type]
        __tablename__ = "orders"
        year = Column(Integer, primary_key=True, autoincrement=False)
        number = Column(Integer, primary_key=True, autoincrement=False)
        lines = relationship("Line", back_populates="order", order_by="Line.id")

    class Line(base):  # type: ignore[misc,valid-type]
        __tablename__ = "lines"
        id = Column(Integer, primary_key=True)
        year = Column(Integer)
        number = Column(Integer)
        order = relationship("Order", back_populates="lines")
        __table_args__ = (ForeignKeyConstraint(["year", "number"], ["orders.year", "orders.number"]),)

    with session_for(engine, base) as session:
        session.add_all([Order(year=1, number=2, lines=[Line(), Line()]), Order(year=1, number=3, lines=[Line()])])
        lines = by_each_strategy(session, select(Order).order_by(Order.number), Order.lines, lambda o: len(o.lines))
        orders = by_each_strategy(session, select(Line).order_by(Line.id), Line.order, lambda n: n.order.number)
        last = session.scalars(select(Line).order_by(Line.id.desc())).first()
        last.order = None
        session.flush()

        assert (lines, orders) == ([2, 1], [2, 2, 3])
        assert (last.year, last.number) == (None, None)


@pytest.mark.feature("REL04")
def test_several_paths_are_told_apart(engine: Engine) -> None:
    base = make_base()

    class Place(base):  # type: ignore[misc,valid-type]
        __tablename__ = "places"
        id = Column(Integer, primary_key=True)
        name = Column(String(10))
        leaving = relationship("Trip", foreign_keys="Trip.from_id", back_populates="origin", order_by="Trip.id")
        coming = relationship("Trip", primaryjoin="Place.id == Trip.to_id", back_populates="target", order_by="Trip.id")

    class Trip(base):  # type: ignore[misc,valid-type]
        __tablename__ = "trips"
        id = Column(Integer, primary_key=True)
        from_id = Column(ForeignKey("places.id"))
        to_id = Column(ForeignKey("places.id"))
        origin = relationship("Place", foreign_keys=from_id, back_populates="leaving")
        target = relationship("Place", foreign_keys=[to_id], back_populates="coming")

    with session_for(engine, base) as session:
        x, y = Place(name="x"), Place(name="y")
        ways = enumerate([(x, y), (y, x), (x, x)], 1)
        session.add_all([Trip(id=number, origin=origin, target=target) for number, (origin, target) in ways])
        session.commit()
        told = by_each_strategy(
            session, select(Place).order_by(Place.name), Place.leaving,
            lambda p: ([t.id for t in p.leaving], [t.id for t in p.coming]),
        )  # fmt: skip

        assert told == [([1, 3], [2, 3]), ([2], [1])]


@pytest.mark.feature("REL05")
@pytest.mark.feature("REL10")
def test_conditions_of_ones_own_are_read_only_relationships(engine: Engine) -> None:
    base = make_base()

    class Shop(base):  # type: ignore[misc,valid-type]
        __tablename__ = "shops"
        id = Column(Integer, primary_key=True)
        city = Column(String(10))
        in_boston = relationship(
            "Visit", primaryjoin="and_(Shop.id == Visit.shop_id, Visit.city == 'Boston')", viewonly=True
        )
        same_city = relationship(
            "Visit", primaryjoin="and_(Shop.id == foreign(Visit.shop_id), Shop.city == Visit.city)", viewonly=True
        )
        any_case = relationship(
            "Visit", primaryjoin="func.lower(Shop.city) == foreign(func.lower(Visit.city))", viewonly=True,
            order_by="Visit.id",
        )  # fmt: skip
        later = relationship(
            "Visit", primaryjoin="Shop.id < foreign(Visit.shop_id)", viewonly=True, order_by="Visit.id"
        )

    class Visit(base):  # type: ignore[misc,valid-type]
        __tablename__ = "visits"
        id = Column(Integer, primary_key=True)
        shop_id = Column(ForeignKey("shops.id"))
        city = Column(String(10))

    with session_for(engine, base) as session:
        session.add_all([Shop(id=1, city="Boston"), Shop(id=2, city="york")])
        session.flush()
        rows = [(1, 1, "Boston"), (2, 1, "York"), (3, 2, "York"), (4, 2, "Boston")]
        session.add_all([Visit(id=id, shop_id=shop, city=city) for id, shop, city in rows])
        every = select(Shop).order_by(Shop.id)

        assert {
            key: by_each_strategy(session, every, getattr(Shop, key), lambda s, k=key: [v.id for v in getattr(s, k)])
            for key in ("in_boston", "same_city", "any_case", "later")
        } == {
            "in_boston": [[1], [4]],
            "same_city": [[1], []],
            "any_case": [[1, 4], [2, 3]],
            "later": [[3, 4], []],
        }


@pytest.mark.feature("REL18")
def test_materialized_path_is_joined_by_like(engine: Engine) -> None:
    base = make_base()

    class Node(base):  # type: ignore[misc,valid-type]
        __tablename__ = "nodes"
        id = Column(Integer, primary_key=True)
        path = Column(String(10))
        below = relationship(
            "Node", viewonly=True, primaryjoin=remote(foreign(path)).like(path.concat("/%")), order_by=path
        )
        above = relationship(
            "Node", viewonly=True, uselist=True, order_by=path,
            primaryjoin=path.like(remote(foreign(path)).concat("/%")),
        )

    with session_for(engine, base) as session:
        session.add_all([Node(path=path) for path in ("1", "1/2", "1/2/3", "1/4", "2")])
        every = select(Node).order_by(Node.path)
        below = by_each_strategy(session, every, Node.below, lambda n: [d.path for d in n.below])
        above = by_each_strategy(session, every, Node.above, lambda n: [d.path for d in n.above])

        assert below == [["1/2", "1/2/3", "1/4"], ["1/2/3"], [], [], []]
        assert above == [[], ["1"], ["1", "1/2"], ["1"], []]


@pytest.mark.feature("REL18")
def test_relationship_to_an_alias_of_a_subquery(engine: Engine) -> None:
    base = make_base()

    class A(base):  # type: ignore[misc,valid-type]
        __tablename__ = "a"
        id = Column(Integer, primary_key=True)

    class B(base):  # type: ignore[misc,valid-type]
        __tablename__ = "b"
        id = Column(Integer, primary_key=True)
        a_id = Column(ForeignKey("a.id"))
        size = Column(Integer)

    rank = func.row_number().over(order_by=B.size.desc(), partition_by=B.a_id).label("rank")
    ranked = select(B, rank).subquery()
    largest = aliased(B, ranked)
    A.largest = relationship(  # type: ignore[attr-defined]
        largest, primaryjoin=and_(A.id == largest.a_id, ranked.c.rank < 3), viewonly=True, order_by=largest.size
    )

    with session_for(engine, base) as session:
        session.add_all([A(id=1), A(id=2)])
        session.flush()
        session.add_all([B(a_id=1, size=size) for size in (5, 1, 9)] + [B(a_id=2, size=3)])
        told = by_each_strategy(session, select(A).order_by(A.id), A.largest, lambda a: [b.size for b in a.largest])  # type: ignore[attr-defined]
        rows = session.execute(select(A.id, largest.size).join(A.largest).order_by(largest.size)).all()  # type: ignore[attr-defined]

        assert told == [[5, 9], [3]]
        assert rows == [(2, 3), (1, 5), (1, 9)]


@pytest.mark.feature("REL18")
def test_join_stands_as_secondary(engine: Engine) -> None:
    base = make_base()

    class A(base):  # type: ignore[misc,valid-type]
        __tablename__ = "a"
        id = Column(Integer, primary_key=True)
        b_id = Column(ForeignKey("b.id"))

    class B(base):  # type: ignore[misc,valid-type]
        __tablename__ = "b"
        id = Column(Integer, primary_key=True)
        d_id = Column(ForeignKey("d.id"))

    class C(base):  # type: ignore[misc,valid-type]
        __tablename__ = "c"
        id = Column(Integer, primary_key=True)
        a_id = Column(ForeignKey("a.id"))
        d_id = Column(ForeignKey("d.id"))

    class D(base):  # type: ignore[misc,valid-type]
        __tablename__ = "d"
        id = Column(Integer, primary_key=True)

    A.d = relationship(  # type: ignore[attr-defined]
        D, secondary=join(B, D, B.d_id == D.id).join(C, C.d_id == D.id),
        primaryjoin=and_(A.b_id == B.id, A.id == C.a_id), secondaryjoin=D.id == B.d_id, uselist=False, viewonly=True,
    )  # fmt: skip

    with session_for(engine, base) as session:
        for rows in ([D(id=7)], [B(id=3, d_id=7)], [A(id=1, b_id=3), A(id=2, b_id=3)], [C(id=1, a_id=1, d_id=7)]):
            session.add_all(rows)
            session.flush()
        told = by_each_strategy(session, select(A).order_by(A.id), A.d, lambda a: a.d and a.d.id)  # type: ignore[attr-defined]

        assert told == [7, None]
        assert session.execute(select(A.id, D.id).join(A.d)).all() == [(1, 7)]  # type: ignore[attr-defined]
        assert session.scalars(select(A.id).where(A.d.has(D.id == 7))).all() == [1]  # type: ignore[attr-defined]


@pytest.mark.feature("REL11")
@pytest.mark.parametrize(
    ("posts", "author", "expected"),
    [
        (None, None, (True, True)), (None, False, (True, False)), (False, None, (False, True)),
        (False, False, (False, False)), (True, True, (True, True)),
    ],
)  # fmt: skip
def test_sync_backref_turns_one_side_off(posts: Any, author: Any, expected: tuple[bool, bool]) -> None:
    base = make_base()

    class User(base):  # type: ignore[misc,valid-type]
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)
        posts_ = relationship("Post", back_populates="author_", sync_backref=posts)

    class Post(base):  # type: ignore[misc,valid-type]
        __tablename__ = "posts"
        id = Column(Integer, primary_key=True)
        user_id = Column(ForeignKey("users.id"))
        author_ = relationship("User", back_populates="posts_", sync_backref=author)

    user, appended, set_by_author = User(), Post(), Post()
    user.posts_.append(appended)
    set_by_author.author_ = user

    assert (appended.author_ is user, set_by_author in user.posts_) == expected
    base.registry.dispose()


def test_viewonly_side_neither_tells_nor_is_told() -> None:
    base = make_base()

    class User(base):  # type: ignore[misc,valid-type]
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)
        posts = relationship("Post", back_populates="author", viewonly=True)

    class Post(base):  # type: ignore[misc,valid-type]
        __tablename__ = "posts"
        id = Column(Integer, primary_key=True)
        user_id = Column(ForeignKey("users.id"))
        author = relationship("User", back_populates="posts")

    user, post = User(), Post()
    user.posts.append(post)
    Post(author=user)

    assert (post.author, user.posts) == (None, [post])
    base.registry.dispose()


def test_object_compared_before_its_flush_counts_with_its_key(engine: Engine) -> None:
    base = make_base()

    class User(base):  # type: ignore[misc,valid-type]
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)
        posts = relationship("Post", back_populates="author")

    class Post(base):  # type: ignore[misc,valid-type]
        __tablename__ = "posts"
        id = Column(Integer, primary_key=True)
        user_id = Column(ForeignKey("users.id"))
        author = relationship("User", back_populates="posts")

    with session_for(engine, base) as session:
        user = User(posts=[Post(), Post()])
        statement = select(Post).where(Post.author == user)
        with pytest.raises(exc.StatementError, match="no value has been set for this column"):
            session.scalars(statement).all()
        session.add(user)
        flushed = len(session.scalars(statement).all())
        session.commit()
        expired = len(session.scalars(statement).all())
        _ = user.id
        session.expunge(user)
        detached = len(session.scalars(statement).all())

        assert (flushed, expired, detached) == (2, 2, 2)


def test_object_that_is_detached_and_expired_has_no_key(engine: Engine) -> None:
    base = make_base()

    class User(base):  # type: ignore[misc,valid-type]
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)

    class Post(base):  # type: ignore[misc,valid-type]
        __tablename__ = "posts"
        id = Column(Integer, primary_key=True)
        user_id = Column(ForeignKey("users.id"))
        author = relationship("User")

    with session_for(engine, base) as session:
        user = User()
        session.add(user)
        session.commit()
        session.expunge(user)
        statement = select(Post).where(Post.author == user)

        with pytest.raises(exc.StatementError, match="detached and the value was expired"):
            session.scalars(statement).all()


def test_object_without_a_key_warns_and_finds_nothing(engine: Engine) -> None:
    base = make_base()

    class User(base):  # type: ignore[misc,valid-type]
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)

    class Post(base):  # type: ignore[misc,valid-type]
        __tablename__ = "posts"
        id = Column(Integer, primary_key=True)
        user_id = Column(ForeignKey("users.id"))
        author = relationship("User")

    with session_for(engine, base) as session:
        session.add(Post())
        session.flush()

        with pytest.warns(exc.SAWarning, match=r"Got None for value of column users\.id"):
            found = session.scalars(select(Post).where(Post.author == User(id=None))).all()

        assert found == []
