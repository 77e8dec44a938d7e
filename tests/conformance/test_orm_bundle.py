"""Bundle, mapped expressions and query_expression(): what is loaded besides columns; both databases."""

from __future__ import annotations

import pytest

from pyorm import exc, func, inspect, literal, select, text
from pyorm.engine import Engine
from pyorm.orm import (
    Bundle,
    DeclarativeBase,
    DictBundle,
    Load,
    Mapped,
    Session,
    aliased,
    column_property,
    defer,
    load_only,
    mapped_column,
    query_expression,
    undefer,
    undefer_group,
    with_expression,
)
from tests.conformance.models import logged


class Base(DeclarativeBase):
    """Base of the tests' classes."""


class Item(Base):
    """Columns, expressions, groups."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int]
    b: Mapped[int]
    number: Mapped[int] = column_property(select(func.count(literal(1))).scalar_subquery())
    asked: Mapped[int | None] = query_expression()
    seven: Mapped[int] = query_expression(default_expr=literal(7))
    big: Mapped[str | None] = mapped_column(deferred=True)
    g1: Mapped[str | None] = mapped_column(deferred_group="g")
    g2: Mapped[str | None] = mapped_column(deferred_group="g")
    guarded: Mapped[str | None] = mapped_column(deferred_raiseload=True)


Item.both = column_property(Item.a + Item.b)
Item.less = column_property(Item.a - Item.b, deferred=True)


class Words(Bundle):
    """Makes a text of the columns."""

    def create_row_processor(self, query, procs, labels):
        def process(row):
            return ", ".join(f"{label}={proc(row)}" for label, proc in zip(labels, procs, strict=True))

        return process


@pytest.fixture
def s(engine: Engine):
    """A session; items (1, 2) and (3, 4)."""
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Item(a=1, b=2, big="B", g1="x", g2="y", guarded="R"), Item(a=3, b=4)])
        session.commit()
        yield session


def sql(statement: object) -> str:
    """Return the text on one line."""
    return str(statement).replace("\n", "")


def first(s: Session, *options: Load) -> Item:
    """Load the first item anew."""
    s.expunge_all()
    return s.scalars(select(Item).options(*options).order_by(Item.id).limit(1)).one()


class TestBundle:
    @pytest.mark.feature("LOAD14")
    def test_a_row_has_a_row_or_what_the_class_makes(self, s: Session) -> None:
        bundle = Bundle("pair", Item.a, Item.b)
        row = s.execute(select(bundle, Item.id).order_by(bundle.c.a.desc())).first()
        assert row == ((3, 4), 2) and row._fields == ("pair", "id") and row.pair.b == 4
        assert row.pair._fields == ("a", "b") and bundle.c.keys() == ["a", "b"]
        by_id = select(DictBundle("d", Item.a, Item.b), Words("w", Item.a)).order_by(Item.id)
        assert s.execute(by_id).all() == [({"a": 1, "b": 2}, "a=1"), ({"a": 3, "b": 4}, "a=3")]

    def test_nested_single_and_of_entities(self, s: Session) -> None:
        nested = Bundle("outer", Item.id, Bundle("inner", Item.a, Item.b))
        row = s.execute(select(nested).order_by(Item.id)).first()
        assert row == ((1, (1, 2)),) and row.outer.inner.b == 2
        single = Bundle("one", Item.id, Item.a, single_entity=True)
        assert s.query(single).order_by(Item.id).all() == [(1, 1), (2, 3)]
        assert s.execute(select(single).order_by(Item.id)).all() == [((1, 1),), ((2, 3),)]
        found = s.execute(select(Bundle("e", Item, Item.a)).order_by(Item.id)).first().e
        assert found.Item is s.get(Item, 1) and found.a == 1

    def test_in_query_scalars_mappings_and_subqueries(self, s: Session) -> None:
        bundle = Bundle("pair", Item.a, Item.b)
        assert s.query(bundle).order_by(Item.id).first() == ((1, 2),)
        assert s.scalars(select(bundle).order_by(Item.id)).all() == [(1, 2), (3, 4)]
        assert s.execute(select(bundle).where(bundle.c.a == 1)).mappings().all() == [{"pair": (1, 2)}]
        assert select(bundle).subquery().c.keys() == ["a", "b"]
        assert sql(select(bundle).where(bundle.c.a == 1).order_by(bundle.c.b)) == (
            "SELECT items.a, items.b FROM items WHERE items.a = :a_1 ORDER BY items.b"
        )
        assert s.execute(select(Bundle("s", (Item.a + Item.b).label("sum"))).order_by(Item.id)).first().s.sum == 3
        assert s.execute(select(Bundle("z", aliased(Item).a))).all() == [((1,),), ((3,),)]

    def test_names_and_classes_of_the_same_columns_stay_apart(self, s: Session) -> None:
        for name in ("p", "q"):
            assert s.execute(select(Bundle(name, Item.a))).first()._fields == (name,)
        assert s.execute(select(DictBundle("p", Item.a)).order_by(Item.id)).first() == ({"a": 1},)

    def test_not_with_a_statement_of_the_users(self, s: Session) -> None:
        with pytest.raises(exc.InvalidRequestError, match=r"cannot be selected with from_statement\(\)"):
            s.execute(select(Bundle("p", Item.a)).from_statement(text("SELECT a FROM items")))


class TestExpressions:
    @pytest.mark.feature("DECL29")
    def test_are_loaded_selected_and_deferred(self, s: Session) -> None:
        item = first(s)
        assert (item.both, item.number) == (3, 1) and "less" in inspect(item).unloaded
        assert item.less == -1
        assert sql(select(Item.id).where(Item.both * 2 > Item.both).order_by(Item.both)) == (
            "SELECT items.id FROM items WHERE (items.a + items.b) * :param_1 > items.a + items.b "
            "ORDER BY items.a + items.b"
        )
        assert s.execute(select(Item.both, Item.number)).first()._fields == ("both", "number")

    def test_of_aliases_and_subqueries(self, s: Session) -> None:
        inner = select(Item).subquery()
        assert set(inner.c.keys()) == {"number", "seven", "id", "a", "b", "big", "g1", "g2", "guarded", "both"}
        assert s.scalars(select(inner.c.both).order_by(inner.c.id)).all() == [3, 7]
        other = aliased(Item, select(Item).where(Item.id == 2).subquery())
        assert s.execute(select(other.both, other.number, other.a).where(other.both > 0)).all() == [(7, 1, 3)]
        assert [(x.id, x.both) for x in s.scalars(select(other))] == [(2, 7)]
        assert sql(select(aliased(Item, name="k").both)) == "SELECT k.a + k.b AS anon_1 FROM items AS k"


class TestQueryExpression:
    @pytest.mark.feature("DECL30")
    @pytest.mark.feature("LOAD10")
    def test_a_statement_says_what_is_loaded(self, s: Session) -> None:
        assert (first(s).asked, first(s).seven, Item().asked) == (None, 7, None)
        for factor in (10, 20):
            item = first(s, with_expression(Item.asked, Item.a * factor))
            assert (item.asked, item.seven) == (factor, 7)
        assert first(s, with_expression(Item.seven, literal(3))).seven == 3
        assert first(s, Load(Item).with_expression(Item.asked, select(func.max(Item.b)).scalar_subquery())).asked == 4

    def test_objects_that_are_there_keep_what_they_have(self, s: Session) -> None:
        item = first(s, with_expression(Item.asked, Item.a * 10))
        statement = select(Item).options(with_expression(Item.asked, Item.a * 30)).order_by(Item.id)
        assert s.scalars(statement).first() is item and item.asked == 10
        s.scalars(statement.execution_options(populate_existing=True)).all()
        assert item.asked == 30
        s.expire(item)
        assert item.asked is None

    def test_text(self) -> None:
        statement = select(Item.id).where(Item.asked > 5)
        assert sql(statement) == "SELECT items.id FROM items WHERE NULL > :param_1"
        loaded = sql(select(Item).options(with_expression(Item.asked, Item.a * 10)))
        assert ", items.a * :a_1 AS anon_" in loaded

    def test_only_of_what_is_selected(self, s: Session) -> None:
        with pytest.raises(exc.ArgumentError, match=r"does not apply|can't be applied"):
            s.execute(select(Item.id).options(with_expression(Item.asked, literal(1))))


class TestDeferred:
    @pytest.mark.feature("LOAD06")
    def test_options_choose_columns(self, s: Session, engine: Engine) -> None:
        def read(*names: str, options: tuple[Load, ...] = ()) -> tuple[list[object], int]:
            with logged(engine) as words:
                item = first(s, *options)
                values = [getattr(item, name) for name in names]
            return values, words.count("SELECT")

        assert read("big") == (["B"], 2)
        assert read("g1", "g2") == (["x", "y"], 2)
        assert read("g1", "g2", options=(undefer_group("g"),)) == (["x", "y"], 1)
        assert read("g1", "big", "less", "guarded", options=(undefer("*"),)) == (["x", "B", -1, "R"], 1)
        assert read("g1", "big", options=(Load(Item).undefer_group("g").undefer(Item.big),)) == (["x", "B"], 1)
        assert read("a", "id", options=(load_only(Item.a),)) == ([1, 1], 1)
        assert read("a", "b", options=(load_only(Item.a),)) == ([1, 2], 2)

    def test_refused_columns(self, s: Session) -> None:
        for key, option in (
            ("b", load_only(Item.a, raiseload=True)),
            ("a", defer(Item.a, raiseload=True)),
            ("a", defer("*", raiseload=True)),
        ):
            item = first(s, option)
            with pytest.raises(exc.InvalidRequestError, match=f"'Item.{key}' is not available due to raiseload=True"):
                getattr(item, key)
        with pytest.raises(exc.InvalidRequestError, match=r"'Item\.guarded' is not available"):
            _ = first(s).guarded
        assert first(s, undefer(Item.guarded)).guarded == "R"
