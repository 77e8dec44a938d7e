"""Kinds of relationships as users declare them: by direction, annotation, mixin, name and subclass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Dict, List, Optional, Set  # noqa: UP035 - the older spellings are what is tested

import pytest

from pyorm import Column, ForeignKey, Integer, Table, exc, inspect, select
from pyorm.engine import Engine
from pyorm.orm import (
    MANYTOMANY,
    MANYTOONE,
    ONETOMANY,
    DeclarativeBase,
    Mapped,
    Session,
    attribute_keyed_dict,
    clear_mappers,
    configure_mappers,
    declared_attr,
    joinedload,
    mapped_column,
    registry,
    relationship,
    selectinload,
    subqueryload,
)
from tests.golden.related import fill, make_related


class Base(DeclarativeBase):
    """The classes of this file."""


post_tags = Table(
    "kinds_post_tags",
    Base.metadata,
    Column("post_id", ForeignKey("kinds_posts.id"), primary_key=True),
    Column("tag_id", ForeignKey("kinds_tags.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "kinds_users"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped[List["Post"]] = relationship(back_populates="author")  # noqa: UP006, UP037
    by_title: Mapped[Dict[str, Post]] = relationship(  # noqa: UP006
        collection_class=attribute_keyed_dict("title"), viewonly=True
    )
    some: Mapped[Set[Post]] = relationship(viewonly=True)  # noqa: UP006
    profile: Mapped[Optional[Profile]] = relationship(back_populates="user")  # noqa: UP045


class Profile(Base):
    __tablename__ = "kinds_profiles"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kinds_users.id"))
    user: Mapped[User] = relationship(back_populates="profile")


class Post(Base):
    __tablename__ = "kinds_posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("kinds_users.id"))
    author: Mapped[User | None] = relationship(back_populates="posts")
    tags: Mapped[list[Tag]] = relationship(secondary=post_tags, back_populates="posts")


class Tag(Base):
    __tablename__ = "kinds_tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    posts: Mapped["set[Post]"] = relationship(  # noqa: UP037 - text in text
        secondary="kinds_post_tags", back_populates="tags"
    )


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session on the tables of this file."""
    Base.metadata.create_all(engine)
    with Session(engine) as made:
        yield made


def graph() -> User:
    """Return a user with a profile and two posts, one of them with two tags."""
    return User(id=1, profile=Profile(id=5), posts=[Post(title="a", tags=[Tag(), Tag()]), Post(title="b")])


@pytest.mark.feature("REL01")
def test_direction_comes_from_the_foreign_keys(session: Session) -> None:
    session.add(graph())
    session.commit()

    user = session.scalars(select(User)).one()

    found = {one.key: one.property.direction for one in (User.posts, User.profile, Post.author, Post.tags)}
    assert found == {"posts": ONETOMANY, "profile": ONETOMANY, "author": MANYTOONE, "tags": MANYTOMANY}
    posts = [(post.title, post.author is user, len(post.tags)) for post in user.posts]
    assert posts == [("a", True, 2), ("b", True, 0)]
    assert user.profile is not None and user.profile.user is user
    assert user.posts[0].tags[0].posts == {user.posts[0]}


@pytest.mark.feature("REL03")
def test_annotation_says_collection_and_cardinality(session: Session) -> None:
    session.add(graph())
    session.commit()

    user = session.scalars(select(User)).one()

    assert [type(value).__name__ for value in (user.posts, user.some, user.by_title, user.posts[0].tags[0].posts)] == [
        "InstrumentedList", "InstrumentedSet", "KeyFuncDict", "InstrumentedSet",
    ]  # fmt: skip
    assert (sorted(user.by_title), len(user.some), type(user.profile)) == (["a", "b"], 2, Profile)
    many = [one.property.uselist for one in (User.posts, User.profile, Post.author, Tag.posts)]
    assert many == [True, False, False, True]
    assert Post.author.property.mapper is inspect(User)


@pytest.mark.feature("DECL17")
def test_mixin_gives_each_class_columns_and_relationships_of_its_own(engine: Engine) -> None:
    class Own(DeclarativeBase):
        """The classes of one test."""

    class Owned:
        owner_note: Mapped[str | None]

        @declared_attr
        def owner_id(cls) -> Mapped[int | None]:
            return mapped_column(ForeignKey("owners.id"))

        @declared_attr
        def owner(cls) -> Mapped[Owner | None]:
            return relationship("Owner", backref=cls.__tablename__)  # type: ignore[attr-defined]

    class Owner(Own):
        __tablename__ = "owners"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Car(Owned, Own):
        __tablename__ = "cars"
        id: Mapped[int] = mapped_column(primary_key=True)

    class Boat(Owned, Own):
        __tablename__ = "boats"
        id: Mapped[int] = mapped_column(primary_key=True)

    Own.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Car(owner=Owner(boats=[Boat(owner_note="x")])))
        session.commit()
        owner = session.scalars(select(Owner)).one()
        told = ([type(one).__name__ for one in (*owner.cars, *owner.boats)], owner.boats[0].owner_note)
    Own.metadata.drop_all(engine)

    assert told == (["Car", "Boat"], "x")
    assert Car.__table__.c.owner_id is not Boat.__table__.c.owner_id
    assert Car.owner.property is not Boat.owner.property


@pytest.mark.feature("DECL23")
def test_names_are_looked_up_late_and_told_apart_by_module() -> None:
    class Own(DeclarativeBase):
        """The classes of one test."""

    def make(module: str, table: str) -> Any:
        attributes = {"__tablename__": table, "__module__": module, "id": Column(Integer, primary_key=True)}
        return type("Item", (Own,), attributes)

    class Order(Own):
        __tablename__ = "orders"
        id: Mapped[int] = mapped_column(primary_key=True)
        first_id: Mapped[int] = mapped_column(ForeignKey("first.id"))
        second_id: Mapped[int] = mapped_column(ForeignKey("second.id"))
        first = relationship("shop.models.Item")
        second = relationship("stock.models.Item", primaryjoin="Order.second_id == stock.models.Item.id")
        third = relationship("models.Item", viewonly=True)

    first, second = make("shop.models", "first"), make("stock.models", "second")
    with pytest.raises(exc.InvalidRequestError, match=r'Multiple classes found for path "models\.Item"'):
        configure_mappers()
    Own.registry.dispose()

    class Again(DeclarativeBase):
        """The same without the ambiguous name."""

    class Line(Again):
        __tablename__ = "lines"
        id: Mapped[int] = mapped_column(primary_key=True)
        item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
        item = relationship("shop.models.Item", order_by="desc(shop.models.Item.id)")

    item = type("Item", (Again,), {
        "__tablename__": "items", "__module__": "shop.models", "id": Column(Integer, primary_key=True),
    })  # fmt: skip
    assert inspect(Line).relationships.item.mapper is inspect(item)
    assert first is not second


@pytest.mark.feature("DECL26")
def test_mappings_are_completed_and_taken_away() -> None:
    mappings = registry()

    def declare() -> tuple[Any, Any]:
        class Parent:
            __tablename__ = "parents"
            id = Column(Integer, primary_key=True)
            children = relationship("Child", backref="parent")

        class Child:
            __tablename__ = "children"
            id = Column(Integer, primary_key=True)
            parent_id = Column(ForeignKey("parents.id"))

        return mappings.mapped(Parent), mappings.mapped(Child)

    parent, child = declare()
    assert not hasattr(child, "parent") and not inspect(parent).configured
    mappings.configure()
    assert inspect(parent).configured and parent(children=[child()]).children[0].parent is not None
    mappings.dispose()
    assert inspect(parent, raiseerr=False) is None and mappings.mappers == frozenset()

    mappings.metadata.clear()
    parent, child = declare()
    configure_mappers()
    assert child.parent.property.direction is MANYTOONE
    mappings.dispose()


def test_clear_mappers_takes_every_mapping_away() -> None:
    import subprocess
    import sys

    program = (
        "from pyorm.orm import *; from pyorm import inspect\n"
        "class Base(DeclarativeBase): pass\n"
        "class A(Base):\n    __tablename__ = 'a'; id: Mapped[int] = mapped_column(primary_key=True)\n"
        "clear_mappers(); print(inspect(A, raiseerr=False))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "None\n" and callable(clear_mappers)


@pytest.mark.feature("INH08")
def test_relationships_lead_to_and_from_subclasses(engine: Engine) -> None:
    q = make_related("pyorm")
    with engine.begin() as connection:
        fill(q, connection)
    told: dict[str, Any] = {}
    strategies = (selectinload, joinedload, subqueryload)
    try:
        for strategy in strategies:
            with Session(engine) as session:
                companies = select(q.Company).order_by(q.Company.id).options(strategy(q.Company.staff))
                managers = select(q.Manager).order_by(q.Manager.id).options(strategy(q.Manager.reports))
                joined = select(q.Company.id, q.Manager.name).join(q.Company.staff.of_type(q.Manager))
                reports = select(q.Report).order_by(q.Report.id).options(strategy(q.Report.manager))
                owners = select(q.Owner).order_by(q.Owner.id)
                owners = owners.options(strategy(q.Owner.dogs), strategy(q.Owner.animals))
                told[strategy.__name__] = [
                    [sorted((type(e).__name__, e.id) for e in c.staff) for c in session.scalars(companies).unique()],
                    [(m.id, len(m.reports), m.company.name) for m in session.scalars(managers).unique()],
                    sorted(tuple(row) for row in session.execute(joined)),
                    [r.manager and (type(r.manager).__name__, r.manager.budget) for r in session.scalars(reports)],
                    [(len(o.dogs), sorted(type(a).__name__ for a in o.animals))
                     for o in session.scalars(owners).unique()],
                ]  # fmt: skip
    finally:
        q.Base.metadata.drop_all(engine)
        q.Base.registry.dispose()

    assert told["selectinload"] == [
        [[("Engineer", 2), ("Manager", 1)], [("Engineer", 3), ("Manager", 4)]],
        [(1, 2, "x"), (4, 0, "y")],
        [(1, "x"), (2, "d")],
        [("Manager", 10), ("Manager", 10), None],
        [(1, ["Animal", "Dog"]), (0, ["Animal"]), (0, [])],
    ]
    assert all(told[s.__name__] == told["selectinload"] for s in strategies)
