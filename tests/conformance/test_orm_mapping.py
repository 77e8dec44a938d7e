"""Ways of mapping a class, each through a session's whole life."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import Annotated, Any

import pytest

from pyorm import (
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    exc,
    func,
    inspect,
    literal,
    select,
)
from pyorm.engine import Engine
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    declarative_base,
    declared_attr,
    defer,
    deferred,
    mapped_column,
    registry,
    undefer,
)
from tests.conformance.models import logged

Key = Annotated[int, mapped_column(primary_key=True)]


class Point:
    """A class that knows nothing of databases."""

    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y
        self.note = f"{x}/{y}"

    def norm(self) -> int:
        return self.x * self.x + self.y * self.y


MAPPING = registry()
POINTS = Table(
    "points",
    MAPPING.metadata,
    Column("id", Integer, primary_key=True),
    Column("x", Integer, nullable=False),
    Column("y", Integer),
)
MAPPING.map_imperatively(Point, POINTS)


@pytest.fixture
def points(engine: Engine) -> Engine:
    MAPPING.metadata.create_all(engine)
    return engine


@pytest.mark.feature("DECL12")
class TestImperative:
    """A plain class keeps its values in its own dict."""

    def test_it_lives_in_a_session(self, points: Engine) -> None:
        with Session(points) as session:
            point = Point(3, 4)
            assert vars(point)["x"] == 3 and point.note == "3/4"
            session.add(point)
            session.commit()
            assert "x" not in vars(point) and point.note == "3/4"
            assert (point.id, point.x, point.norm()) == (1, 3, 25)
            assert session.get(Point, 1) is point

            point.x = 5
            assert inspect(point).attrs.x.history.deleted == [3] and point in session.dirty
            with logged(points) as words:
                session.flush()
            assert words == ["UPDATE"]
            session.rollback()
            assert point.x == 3
            session.delete(point)
            session.commit()
            assert inspect(point).detached and session.get(Point, 1) is None

    def test_loading_does_not_call_init(self, points: Engine) -> None:
        with Session(points) as session:
            session.add(Point(1, 2))
            session.commit()
        with Session(points) as session:
            loaded = session.scalars(select(Point)).one()
            assert not hasattr(loaded, "note") and loaded.norm() == 5
            session.expire(loaded, ["y"])
            assert inspect(loaded).unloaded == {"y"} and loaded.y == 2

    def test_savepoints_restore_it(self, points: Engine) -> None:
        with Session(points) as session:
            point = Point(1, 2)
            session.add(point)
            session.flush()
            savepoint = session.begin_nested()
            point.x = 9
            other = Point(7, 7)
            session.add(other)
            session.flush()
            savepoint.rollback()
            assert point.x == 1 and inspect(other).transient and other.x == 7

    def test_it_is_pickled_merged_and_aliased(self, points: Engine) -> None:
        with Session(points) as session:
            session.add_all([Point(1, 2), Point(3, 4)])
            session.commit()
            first = session.get(Point, 1)
            assert first.x == 1
            data = pickle.dumps(first)
            other = aliased(Point)
            row = session.execute(select(Point, other).join(other, other.x > Point.x)).one()
            assert row.Point is first and row[1].x == 3
        back = pickle.loads(data)
        assert inspect(back).detached and back.x == 1
        back.y = 20
        with Session(points) as session:
            merged = session.merge(back)
            assert merged is not back and merged.y == 20
            session.commit()
            session.add(Point(8, 8))
            session.commit()
            assert session.scalar(select(func.count(Point.id))) == 3

    def test_a_primary_key_or_class_that_is_mapped_twice_is_refused(self) -> None:
        with pytest.raises(exc.ArgumentError, match="already has a primary mapper defined"):
            MAPPING.map_imperatively(Point, POINTS)

    def test_its_attributes_are_those_of_the_properties(self, engine: Engine) -> None:
        mapping = registry()
        table = Table(
            "renamed", mapping.metadata,
            Column("id", Integer, primary_key=True), Column("long_name", String(20)),
            Column("hidden", String(20)),
        )

        class Thing:
            pass

        mapping.map_imperatively(
            Thing, table,
            properties={"name": table.c.long_name},
            exclude_properties=["hidden"],
        )
        mapping.metadata.create_all(engine)
        with Session(engine) as session:
            thing = Thing()
            thing.name = "x"
            session.add(thing)
            session.commit()
            assert thing.name == "x" and not hasattr(Thing, "hidden")
            assert session.scalars(select(Thing).where(Thing.name == "x")).one() is thing


class TestDeclarative:
    def test_mixins_give_each_class_its_own_columns(self, engine: Engine) -> None:
        class Base(DeclarativeBase):
            pass

        class Stamped:
            made: Mapped[datetime] = mapped_column(DateTime, default=datetime(2020, 1, 1))
            note = Column(String(10))

        class Named:
            @declared_attr.directive
            def __tablename__(cls) -> str:
                return cls.__name__.lower() + "s"

            @declared_attr
            def owner_id(cls) -> Mapped[int | None]:
                return mapped_column(ForeignKey("owners.id"))

        class Owner(Stamped, Base):
            __tablename__ = "owners"
            id: Mapped[int] = mapped_column(primary_key=True)

        class Thing(Stamped, Named, Base):
            id: Mapped[int] = mapped_column(primary_key=True)

        class Other(Named, Stamped, Base):
            id: Mapped[int] = mapped_column(primary_key=True)
            note: Mapped[str] = mapped_column(default="own")

        assert Thing.__table__.c.made is not Owner.__table__.c.made
        assert Thing.__tablename__ == "things" and Other.__table__.name == "others"
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([Thing(owner_id=1), Other(owner_id=1), Owner(id=1, note="x")])
            session.commit()
            assert session.get(Thing, 1).made == datetime(2020, 1, 1)
            assert session.get(Other, 1).note == "own" and session.get(Owner, 1).note == "x"

    def test_a_late_attribute_is_there_on_loaded_objects_too(self, engine: Engine) -> None:
        base: Any = declarative_base()

        class Late(base):
            __tablename__ = "late"
            id = Column(Integer, primary_key=True)

        first = Late(id=1)
        Late.name = Column(String(20))
        Late.size = mapped_column(Integer)
        base.metadata.create_all(engine)
        with Session(engine) as session:
            assert first.name is None
            first.name = "early"
            session.add_all([first, Late(id=2, name="b", size=3)])
            session.commit()
            assert (first.name, first.size) == ("early", None)
            loaded = session.scalars(select(Late).where(Late.size == 3)).one()
            loaded.size = 4
            session.commit()
            assert loaded.size == 4

    def test_a_table_given_whole(self, engine: Engine) -> None:
        base: Any = declarative_base()
        table = Table("whole", base.metadata, Column("id", Integer, primary_key=True), Column("a", Integer))

        class Whole(base):
            __table__ = table
            b = table.c.a

        base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(Whole(b=5))
            session.commit()
            assert session.scalars(select(Whole.b)).one() == 5

    def test_recipes_of_columns_and_types_of_annotations(self, engine: Engine) -> None:
        class Base(DeclarativeBase):
            type_annotation_map = {str: String(77)}

        class Noted(Base):
            __tablename__ = "noted"
            id: Mapped[Key]
            text: Mapped[str]
            maybe: Mapped[str | None] = mapped_column("other_name", index=True)

        columns = Noted.__table__.c
        assert columns.id.primary_key and columns.text.type.length == 77
        assert not columns.text.nullable and columns.other_name.nullable
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(Noted(text="x", maybe="y"))
            session.commit()
            assert session.scalars(select(Noted.maybe).where(Noted.maybe == "y")).one() == "y"

    def test_deferred_columns_of_the_mapping_load_when_read(self, engine: Engine) -> None:
        base: Any = declarative_base()

        class Book(base):
            __tablename__ = "books"
            id = Column(Integer, primary_key=True)
            title = Column(String(20))
            body = deferred(Column(String(100)))
            notes = mapped_column(String(10), deferred=True)

        base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(Book(title="t", body="b", notes="n"))
            session.commit()
            session.expunge_all()
            book = session.scalars(select(Book)).one()
            assert inspect(book).unloaded == {"body", "notes"}
            with logged(engine) as words:
                assert (book.body, book.notes) == ("b", "n")
            assert words == ["SELECT", "SELECT"]
            session.expunge_all()
            book = session.scalars(select(Book).options(undefer(Book.body), defer(Book.title))).one()
            with logged(engine) as words:
                assert book.body == "b"
            assert words == [] and inspect(book).unloaded == {"title", "notes"}

    def test_abstract_classes_and_metadata_of_their_own(self) -> None:
        class Base(DeclarativeBase):
            metadata = MetaData(schema=None)

        class Keyed(Base):
            __abstract__ = True
            id: Mapped[int] = mapped_column(primary_key=True)

        class Real(Keyed):
            __tablename__ = "real"

        assert set(Base.metadata.tables) == {"real"} and not hasattr(Keyed, "__table__")
        assert inspect(Real).local_table is Real.__table__
        assert [c.key for c in inspect(Real).column_attrs] == ["id"]
        assert {m.class_ for m in Base.registry.mappers} == {Real}

    def test_defaults_are_filled_by_the_flush(self, engine: Engine) -> None:
        base: Any = declarative_base()

        class Filled(base):
            __tablename__ = "filled"
            id = Column(Integer, primary_key=True)
            fixed = Column(Integer, default=7)
            called = Column(Integer, default=lambda: 8)
            ctx = Column(Integer, default=lambda context: context.get_current_parameters()["fixed"] + 2)
            server = Column(Integer, server_default="11")
            changed = Column(Integer, default=0, onupdate=12)

        base.metadata.create_all(engine)
        with Session(engine) as session:
            one = Filled()
            session.add(one)
            session.flush()
            found = (one.fixed, one.called, one.ctx, one.server, one.changed)
            assert found == (7, 8, 9, 11, 0)
            one.fixed = 1
            session.flush()
            assert one.changed == 12


def test_a_disposed_registry_leaves_plain_classes() -> None:
    mapping = registry()

    class Plain:
        pass

    mapping.map_imperatively(
        Plain, Table("plain", mapping.metadata, Column("id", Integer, primary_key=True))
    )
    assert inspect(Plain).class_ is Plain
    mapping.dispose()
    with pytest.raises(exc.NoInspectionAvailable):
        inspect(Plain)


@pytest.mark.parametrize("rows", [1, 20])
def test_values_inside_sql_defaults_stay_inside(engine: Engine, rows: int) -> None:
    base: Any = declarative_base()

    class Filled(base):
        __tablename__ = "filled"
        id = Column(Integer, primary_key=True)
        before = Column(Integer)
        number = Column(Integer, default=select(literal(10)).scalar_subquery())
        words = Column(String(20), default=func.lower("IT'S"), onupdate=func.upper("it's"))
        after = Column(Integer)

    base.metadata.create_all(engine)
    with Session(engine) as session:
        made = [Filled(before=i, after=-i) for i in range(rows)]
        session.add_all(made)
        session.flush()
        for i, one in enumerate(made):
            assert (one.before, one.number, one.words, one.after) == (i, 10, "it's", -i)
            one.after = 100
        session.flush()
        assert {(one.words, one.after) for one in made} == {("IT'S", 100)}
