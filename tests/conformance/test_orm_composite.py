"""composite(): several columns as one value; both databases."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any

import pytest

from pyorm import Integer, exc, insert, inspect, select
from pyorm import update as update_
from pyorm.engine import Engine
from pyorm.ext.mutable import MutableComposite, MutableDict
from pyorm.orm import CompositeProperty, DeclarativeBase, Mapped, Session, aliased, composite, load_only, mapped_column
from pyorm.types import JSON


class Base(DeclarativeBase):
    """Base of the tests' classes."""


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    y: int


class Pair:
    """An ordinary class."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __composite_values__(self) -> tuple[Any, Any]:
        return self.x, self.y

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pair) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self) -> int:
        return hash((self.x, self.y))


@dataclasses.dataclass
class Moving(MutableComposite):
    """Tells when a part changes."""

    x: int
    y: int

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        self.changed()


class Sum(CompositeProperty.Comparator):
    """Compares the sums of the parts."""

    def __gt__(self, other: Any):
        first, second = self.__clause_element__().clauses
        return first + second > other.x + other.y


class Line(Base):
    """Every way to say the columns."""

    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[Point] = composite(mapped_column("x1"), mapped_column("y1"))
    end: Mapped[Point | None] = composite(mapped_column("x2", nullable=True), mapped_column("y2", nullable=True))
    pair = composite(Pair, mapped_column("x3", Integer), mapped_column("y3", Integer))
    x4: Mapped[int | None]
    y4: Mapped[int | None]
    named: Mapped[Pair] = composite("x4", "y4", comparator_factory=Sum)
    moving: Mapped[Moving | None] = composite(
        mapped_column("x5", Integer, nullable=True), mapped_column("y5", Integer, nullable=True)
    )
    data: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSON))


class Dot(Base):
    """A dataclass says all columns."""

    __tablename__ = "dots"
    id: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[Point] = composite()
    other: Mapped[Point] = composite(column_template="other_%s")


@pytest.fixture
def s(engine: Engine):
    """A session."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session


@pytest.fixture
def line(s: Session) -> Line:
    """A line in the database."""
    made = Line(start=Point(1, 2), end=Point(3, 4), pair=Pair(5, 6), named=Pair(7, 8), moving=Moving(1, 1), data={})
    s.add(made)
    s.commit()
    return made


def sql(statement: object) -> str:
    """Return the text on one line."""
    return str(statement).replace("\n", "")


def test_columns_come_from_the_composite() -> None:
    columns = Line.__table__.c
    assert columns.keys()[:7] == ["id", "x1", "y1", "x2", "y2", "x4", "y4"]
    assert sorted(columns.keys()[7:]) == ["data", "x3", "x5", "y3", "y5"]
    assert not columns.x1.nullable and columns.x2.nullable and isinstance(columns.x1.type, Integer)
    assert inspect(Line).composites.keys() == ["start", "end", "pair", "named", "moving"]


@pytest.mark.feature("ATTR18")
def test_a_dataclass_says_its_columns_by_a_template(s: Session) -> None:
    assert Dot.__table__.c.keys() == ["id", "x", "y", "other_x", "other_y"]
    s.add(Dot(place=Point(1, 2), other=Point(3, 4)))
    s.commit()
    dot = s.scalars(select(Dot).where(Dot.other == Point(3, 4))).one()
    assert (dot.place, dot.other, dot.other_x) == (Point(1, 2), Point(3, 4), 3)


class TestValues:
    @pytest.mark.feature("DECL32")
    def test_are_read_compared_selected_and_none(self, s: Session, line: Line) -> None:
        assert (line.start, line.end, line.pair, line.named) == (Point(1, 2), Point(3, 4), Pair(5, 6), Pair(7, 8))
        assert line.start is line.start
        assert s.execute(select(Line.start, Line.id)).all() == [(Point(1, 2), 1)]
        assert s.scalars(select(Line.id).where(Line.start == Point(1, 2))).all() == [1]
        line.end = None
        s.commit()
        assert line.end is None and line.x2 is None
        assert Line().start == Point(None, None) and Line().end is None

    def test_an_assignment_is_a_change_of_the_columns(self, s: Session, line: Line) -> None:
        assert inspect(line).attrs.start.history == ((), [Point(1, 2)], ())
        line.start = Point(9, 9)
        assert inspect(line).attrs.start.history == ([Point(9, 9)], (), [Point(1, 2)])
        assert line.x1 == 9 and line in s.dirty
        s.rollback()
        assert line.start == Point(1, 2)
        s.expire(line, ["start"])
        assert "x1" in inspect(line).unloaded and line.start == Point(1, 2)
        line.x1 = 5
        assert line.start == Point(5, 2)

    def test_rows_of_insert_and_update(self, s: Session, line: Line) -> None:
        s.execute(insert(Line), [{"start": Point(1, 1), "pair": Pair(0, 0)}, {"start": Point(2, 2), "pair": None}])
        assert s.scalars(select(Line.start).order_by(Line.id)).all() == [Point(1, 2), Point(1, 1), Point(2, 2)]
        s.execute(update_(Line).where(Line.id == 1).values({Line.start: Point(2, 3)}))
        assert s.scalar(select(Line.start).where(Line.id == 1)) == Point(2, 3)
        s.query(Line).filter(Line.id == 1).update({"start": Point(4, 4)})
        assert line.start == Point(4, 4)

    def test_a_part_that_changes_in_place(self, s: Session, line: Line) -> None:
        line.moving.x = 50
        assert line in s.dirty
        s.commit()
        assert (line.moving, s.scalar(select(Line.x5))) == (Moving(50, 1), 50)
        old = line.moving
        line.moving = Moving(2, 2)
        s.commit()
        old.x = 7
        assert line not in s.dirty

    @pytest.mark.feature("ATTR17")
    def test_every_mutable_value_tells(self, s: Session, line: Line) -> None:
        line.data["k"] = 1
        line.moving.y = 9
        s.commit()
        assert (line.data, line.moving) == ({"k": 1}, Moving(1, 9))


class TestSql:
    def test_text(self) -> None:
        assert sql(select(Line.start)) == "SELECT lines.x1, lines.y1 FROM lines"
        assert sql(select(aliased(Line, name="q").start)) == "SELECT q.x1, q.y1 FROM lines AS q"
        assert sql(Line.start == Point(1, 2)) == "lines.x1 = :x1_1 AND lines.y1 = :y1_1"
        assert sql(Line.start != Point(1, 2)) == "lines.x1 != :x1_1 AND lines.y1 != :y1_1"
        assert sql(Line.start == None) == "lines.x1 IS NULL AND lines.y1 IS NULL"  # noqa: E711
        assert sql(Line.named > Pair(1, 2)) == "lines.x4 + lines.y4 > :param_1"
        assert sql(select(Line.id).order_by(Line.start)).endswith("ORDER BY lines.x1, lines.y1")
        for op, text in ((operator.lt, "<"), (operator.le, "<="), (operator.ge, ">=")):
            assert sql(op(Line.start, Point(1, 2))) == f"lines.x1 {text} :x1_1 AND lines.y1 {text} :y1_1"

    def test_two_composites_of_the_same_columns(self, s: Session, line: Line) -> None:
        assert type(s.scalar(select(Line.named))) is Pair and type(s.scalar(select(Line.start))) is Point
        assert s.execute(select(Line.start)).first()._fields == ("start",)
        assert s.query(Line.start, Line.pair).all() == [(Point(1, 2), Pair(5, 6))]
        assert s.scalars(select(Line).filter_by(start=Point(1, 2))).one() is line

    def test_options_are_about_its_columns(self, s: Session, line: Line) -> None:
        s.expunge_all()
        found = s.scalars(select(Line).options(load_only(Line.start))).one()
        assert not {"x1", "y1"} & inspect(found).unloaded and "x3" in inspect(found).unloaded

    def test_refusals(self) -> None:
        with pytest.raises(NotImplementedError, match="comparator_factory"):
            Line.start.in_([Point(1, 2)])
        with pytest.raises(exc.ArgumentError, match="no dataclass: give its columns"):

            class Empty(Base):
                __tablename__ = "empty"
                id: Mapped[int] = mapped_column(primary_key=True)
                place: Mapped[Pair] = composite()
