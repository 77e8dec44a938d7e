"""Hybrids and synonyms: attributes whose class side is SQL; both databases."""

from __future__ import annotations

import pytest

from pyorm import Column, Float, Integer, MetaData, String, Table, case, exc, func, insert, inspect, select, type_coerce
from pyorm import update as update_
from pyorm.engine import Engine
from pyorm.ext.hybrid import Comparator, hybrid_method, hybrid_property
from pyorm.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    load_only,
    mapped_column,
    registry,
    synonym,
    synonym_for,
)


class Base(DeclarativeBase):
    """Base of the tests' classes."""


class Insensitive(Comparator):
    """Compares without regard to case."""

    def __eq__(self, other: object):
        return func.lower(self.__clause_element__()) == func.lower(other)

    __hash__ = Comparator.__hash__


class Doubled:
    """A mixin with a hybrid."""

    @hybrid_property
    def double(self):
        return self.first * 2


class Span(Doubled, Base):
    """From first to last."""

    __tablename__ = "spans"
    id: Mapped[int] = mapped_column(primary_key=True)
    first: Mapped[int]
    last: Mapped[int]
    label: Mapped[str | None] = mapped_column("tag", String(20))
    title: Mapped[str] = synonym("label")

    @property
    def shown(self) -> str:
        return f"<{self.label}>"

    framed = synonym("label", descriptor=shown)

    @synonym_for("first")
    @property
    def start(self) -> str:
        return f"at {self.first}"

    @hybrid_property
    def length(self):
        """How long it is."""
        return self.last - self.first

    @length.setter
    def length(self, value: int) -> None:
        self.last = self.first + value

    @hybrid_property
    def name(self):
        return self.label

    @name.inplace.setter
    def _name_set(self, value: str) -> None:
        self.label = value

    @name.inplace.deleter
    def _name_del(self) -> None:
        self.label = None

    @hybrid_property
    def half(self):
        return abs(self.length) / 2

    @half.inplace.expression
    @classmethod
    def _half(cls):
        return type_coerce(func.abs(cls.length) / 2, Float)

    @hybrid_property
    def folded(self):
        return self.label.lower()

    @folded.comparator
    def folded(cls):
        return Insensitive(cls.label)

    @hybrid_property
    def both(self):
        return self.first

    @both.update_expression
    def both(cls, value):
        return [(cls.first, value), (cls.last, cls.last + value)]

    @hybrid_method
    def holds(self, point: int):
        return (self.first <= point) & (point < self.last)

    @hybrid_method
    def begins_by(self, point: int):
        return bool(self.first <= point)

    @begins_by.expression
    def begins_by(cls, point: int):
        return case((cls.first <= point, True), else_=False)


class Pair(Base):
    """Two columns and a hybrid over both."""

    __tablename__ = "pairs"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[str]
    b: Mapped[str]

    @hybrid_property
    def whole(self):
        return f"{self.a} {self.b}"

    @whole.inplace.bulk_dml
    @classmethod
    def _whole(cls, mapping, value):
        mapping["a"], mapping["b"] = value.split(" ")


@pytest.fixture
def s(engine: Engine):
    """A session; spans 1 to 5 (Ab) and 2 to 12 (cd)."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Span(first=1, last=5, label="Ab"), Span(first=2, length=10, name="cd")])
        session.commit()
        yield session


def sql(statement: object) -> str:
    """Return the text on one line."""
    return str(statement).replace("\n", "")


def again(s: Session, key: int = 1) -> Span:
    """Load an instance anew."""
    return s.get_one(Span, key, populate_existing=True)


class TestHybridProperty:
    def test_instances_compute_with_values(self, s: Session) -> None:
        first = s.get_one(Span, 1)
        assert (first.length, first.name, first.half, first.folded, first.double) == (4, "Ab", 2.0, "ab", 2)

    @pytest.mark.feature("EXT01")
    def test_every_function_of_a_hybrid(self, s: Session) -> None:
        assert s.execute(select(Span.length, Span.name, Span.half).order_by(Span.id)).all() == [
            (4, "Ab", 2.0), (10, "cd", 5.0),
        ]  # fmt: skip
        one = s.get_one(Span, 1)
        one.length = 20
        one.name = "new"
        assert (one.last, one.label) == (21, "new")
        del one.name
        assert one.label is None
        with pytest.raises(AttributeError, match="can't set attribute"):
            one.half = 3
        with pytest.raises(AttributeError, match="can't delete attribute"):
            del one.half
        assert s.scalars(select(Span.id).where(Span.folded == "CD")).all() == [2]
        s.execute(update_(Span).where(Span.id == 2).values({Span.both: 5}))
        assert (again(s, 2).first, again(s, 2).last) == (5, 17)
        s.query(Span).filter(Span.id == 2).update({"both": 6})
        assert (again(s, 2).first, again(s, 2).last) == (6, 23)

    def test_sql_text_when_selected_and_compared(self) -> None:
        assert sql(select(Span.length)) == "SELECT spans.last - spans.first AS length FROM spans"
        assert sql(select(Span.name).where(Span.length * 2 > 3).order_by(Span.length)) == (
            "SELECT spans.tag FROM spans WHERE (spans.last - spans.first) * :param_1 > :param_2 "
            "ORDER BY spans.last - spans.first"
        )
        assert sql(select(Span.length.label("q"))) == "SELECT spans.last - spans.first AS q FROM spans"
        assert sql(select(Span.double)) == "SELECT spans.first * :first_1 AS double FROM spans"
        assert sql(select(func.max(Span.length))) == "SELECT max(spans.last - spans.first) AS max_1 FROM spans"

    def test_of_an_alias(self, s: Session) -> None:
        other = aliased(Span)
        statement = select(other.length, other.name).where(other.holds(3)).order_by(other.id)
        assert sql(statement).startswith("SELECT spans_1.last - spans_1.first AS length, spans_1.tag FROM spans AS")
        assert s.execute(statement).all() == [(4, "Ab"), (10, "cd")]

    def test_rows_and_subqueries_have_its_name(self, s: Session) -> None:
        assert s.execute(select(Span.length, Span.name)).first()._fields == ("length", "name")
        assert select(Span.length, Span.name).subquery().c.keys() == ["length", "name"]
        assert s.scalars(select(Span.id).filter_by(length=4)).all() == [1]
        assert s.query(Span.id).filter_by(name="cd").all() == [(2,)]

    def test_a_value_that_changes_between_two_uses(self, s: Session) -> None:
        found = [s.scalars(select(Span.id).where(Span.holds(point))).all() for point in (1, 11)]
        assert found == [[1], [2]]

    def test_facts_of_the_class_side(self) -> None:
        assert (Span.length.key, str(Span.length), Span.length.class_, Span.name.key) == (
            "length", "Span.length", Span, "name",
        )  # fmt: skip
        assert Span.length.__doc__ == "How long it is."
        known = inspect(Span).all_orm_descriptors
        assert known["length"].extension_type.name == "HYBRID_PROPERTY"
        assert known["holds"].extension_type.name == "HYBRID_METHOD"
        assert known["first"].extension_type.name == "NOT_EXTENSION"

    def test_update_writes_the_column_that_it_means(self, s: Session) -> None:
        s.execute(update_(Span).where(Span.id == 1).values({Span.name: "x"}))
        assert again(s).label == "x"
        s.execute(update_(Span).where(Span.id == 1).values(name="y"))
        assert again(s).label == "y"

    def test_a_subclass_changes_one_of_its_functions(self) -> None:
        class Wide(Span):
            __abstract__ = True

            @Span.length.overrides.getter
            def length(self):
                return 100

            @Span.name.setter
            def name(self, value: str) -> None:
                self.label = value.upper()

        assert Wide.__dict__["length"].fset is Span.__dict__["length"].fset
        assert Wide.__dict__["length"].fget(None) == 100
        assert Wide.__dict__["name"].fget is Span.__dict__["name"].fget
        assert Wide.__dict__["name"].fset is not Span.__dict__["name"].fset

    def test_insert_from_dicts_sets_what_bulk_dml_says(self, s: Session) -> None:
        s.execute(insert(Pair), [{"whole": "x y"}, {"whole": "v w"}])
        assert s.execute(select(Pair.a, Pair.b).order_by(Pair.id)).all() == [("x", "y"), ("v", "w")]


class TestHybridMethod:
    @pytest.mark.feature("EXT02")
    def test_python_on_the_instance_and_sql_on_the_class(self, s: Session) -> None:
        one = s.get_one(Span, 1)
        assert (one.holds(3), one.holds(9), one.begins_by(0)) == (True, False, False)
        assert s.scalars(select(Span.id).where(Span.holds(11))).all() == [2]
        assert sql(select(Span.id).where(Span.holds(3))) == (
            "SELECT spans.id FROM spans WHERE spans.first <= :first_1 AND spans.last > :last_1"
        )
        assert s.scalars(select(Span.begins_by(1)).order_by(Span.id)).all() == [True, False]


class TestSynonym:
    @pytest.mark.feature("DECL31")
    def test_reads_writes_and_selects_its_target(self, s: Session) -> None:
        assert sql(select(Span.title)) == "SELECT spans.tag FROM spans"
        assert s.execute(select(Span.title, Span.framed, Span.start).order_by(Span.id)).all() == [
            ("Ab", "Ab", 1), ("cd", "cd", 2),
        ]  # fmt: skip
        one = s.get_one(Span, 1)
        assert (one.title, one.framed, one.start) == ("Ab", "<Ab>", "at 1")
        one.title = "z"
        assert inspect(one).attrs.label.history.added == ["z"]
        assert inspect(one).attrs.title.value == "z" and inspect(one).attrs.title.history.added == ["z"]

    def test_criteria_order_options_and_values(self, s: Session) -> None:
        assert s.scalars(select(Span.id).filter_by(title="cd")).all() == [2]
        assert [x.id for x in s.query(Span).filter_by(title="Ab")] == [1]
        assert s.scalars(select(Span.id).order_by(Span.title.desc())).all() == [2, 1]
        s.expunge_all()
        found = s.scalars(select(Span).options(load_only(Span.title)).order_by(Span.id)).first()
        assert inspect(found).unloaded >= {"first", "last"} and "label" not in inspect(found).unloaded
        assert s.query(Span).filter(Span.title == "cd").update({"title": "k"}) == 1
        s.execute(update_(Span).where(Span.title == "k").values({Span.title: "m"}))
        assert s.scalars(select(Span.label).order_by(Span.id)).all() == ["Ab", "m"]
        assert Span(title="new").label == "new"

    def test_two_names_of_one_column_of_an_alias(self, s: Session) -> None:
        other = aliased(Span)
        for attribute in (other.label, other.title, other.framed, other.name):
            row = s.execute(select(attribute).order_by(other.id)).first()
            assert row._fields == (attribute.key,) and row[0] == "Ab"

    def test_is_listed(self) -> None:
        mapper = inspect(Span)
        assert sorted(mapper.synonyms.keys()) == ["framed", "start", "title"]
        assert {"framed", "start", "title"} <= set(mapper.attrs.keys())
        assert "title" in mapper.all_orm_descriptors.keys()  # noqa: SIM118
        assert (Span.title.key, str(Span.title), Span.title.property) == ("title", "Span.title", Span.label.property)
        assert select(Span.title).subquery().c.keys() == ["title"]

    def test_imperative_and_over_a_column_of_its_name(self) -> None:
        class Job:
            @property
            def state(self) -> str:
                return f"<{self._state}>"

        table = Table("jobs", MetaData(), Column("id", Integer, primary_key=True), Column("state", String))
        registry().map_imperatively(Job, table, properties={"state": synonym("_state", map_column=True)})
        assert sorted(inspect(Job).attrs.keys()) == ["_state", "id", "state"]
        assert sql(select(Job.state)) == "SELECT jobs.state FROM jobs"
        assert Job(_state="x").state == "<x>"

    def test_refusals(self) -> None:
        class Job:
            pass

        table = Table("jobs", MetaData(), Column("id", Integer, primary_key=True))
        with pytest.raises(exc.ArgumentError, match="no column on table 'jobs' named 'state'"):
            registry().map_imperatively(Job, table, properties={"state": synonym("_state", map_column=True)})
        with pytest.raises(AttributeError, match="'nothing', which Loose does not have"):

            class Loose(Base):
                __tablename__ = "loose"
                id: Mapped[int] = mapped_column(primary_key=True)
                other = synonym("nothing")

            _ = Loose.other
