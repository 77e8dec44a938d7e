"""from_statement(): rows of another statement become entities; set operations of Query."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from pyorm import (
    Date,
    String,
    bindparam,
    case,
    exc,
    func,
    insert,
    inspect,
    literal,
    or_,
    select,
    text,
    union,
    update,
)
from pyorm.engine import Engine
from pyorm.orm import DeclarativeBase, Mapped, Session, aliased, column_property, defer, load_only, mapped_column
from tests.conformance.models import Address, User, logged


class DayBase(DeclarativeBase):
    pass


class Day(DayBase):
    """A column whose name differs from its key, and a type that SQLite keeps as text."""

    __tablename__ = "days"

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column("day_label", String(20))
    date: Mapped[datetime.date | None] = mapped_column(Date)


@pytest.fixture
def days(engine: Engine):
    """A session; the table has days 1 to 3."""
    DayBase.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Day(id=n, label=f"day {n}", date=datetime.date(2024, 1, n)) for n in (1, 2, 3)])
        session.commit()
        session.expunge_all()
        yield session


@pytest.fixture
def s(users: Engine):
    """A session on three users; alice has an address."""
    with Session(users) as session:
        session.add(Address(user_id=1, email="a@x"))
        session.commit()
        yield session


def values(day: Any) -> dict[str, Any]:
    """Return what is loaded of an instance."""
    state = inspect(day)
    return {key: getattr(day, key) for key in state.mapper.attrs.keys() if key not in state.unloaded}  # noqa: SIM118


WHOLE = {"id": 1, "label": "day 1", "date": datetime.date(2024, 1, 1)}


class TestStatementsOfManyKinds:
    @pytest.mark.feature("LOAD15")
    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            (lambda: text("SELECT * FROM days WHERE id = 1"), WHOLE),
            (lambda: text("SELECT date, id, day_label FROM days WHERE id = 1"), WHOLE),
            (
                lambda: text("SELECT id AS days_id, date AS days_date FROM days WHERE id = 1"),
                {"id": 1, "date": WHOLE["date"]},
            ),
            (lambda: text("SELECT id FROM days WHERE id = 1"), {"id": 1}),
            (
                lambda: text("SELECT id AS a, date AS b, day_label AS c FROM days WHERE id = 1").columns(
                    Day.id, Day.date, Day.label
                ),
                WHOLE,
            ),
            (lambda: select(Day.__table__).where(Day.id == 1), WHOLE),
            (lambda: select(Day).where(Day.id == 1), WHOLE),
            (lambda: select(aliased(Day)).limit(1).order_by(text("id")), WHOLE),
            (lambda: select(Day.label, Day.id).where(Day.id == 1), {"id": 1, "label": "day 1"}),
            (lambda: union(select(Day).where(Day.id == 1), select(Day).where(Day.id == 1)), WHOLE),
        ],
    )  # fmt: skip
    def test_rows_become_entities_when_columns_match(self, days: Session, statement: Any, expected: Any) -> None:
        day = days.scalars(select(Day).from_statement(statement())).one()

        assert values(day) == expected
        assert days.get(Day, 1) is day

    def test_column_is_loaded_at_access_when_the_statement_lacks_it(self, days: Session) -> None:
        day = days.scalars(select(Day).from_statement(text("SELECT id FROM days WHERE id = 2"))).one()

        assert day.label == "day 2" and day.date == datetime.date(2024, 1, 2)

    def test_written_rows_become_entities_when_a_write_returns_them(self, days: Session) -> None:
        made = days.scalars(
            select(Day).from_statement(insert(Day).values(id=9, label="new").returning(Day))
        ).one()
        changed = days.scalars(
            select(Day)
            .from_statement(update(Day).where(Day.id == 9).values(label="newer").returning(Day))
            .execution_options(populate_existing=True)
        ).one()

        assert changed is made and made.label == "newer"
        days.commit()
        assert days.get(Day, 9).label == "newer"

    def test_entities_and_columns_stand_side_by_side(self, days: Session) -> None:
        statement = text("SELECT days.*, 5 AS k FROM days WHERE id < 3 ORDER BY id")

        rows = days.execute(select(Day.id, Day, func.max(Day.id).label("k")).from_statement(statement)).all()

        assert [(row[0], row.Day.label, row.k) for row in rows] == [(1, "day 1", 5), (2, "day 2", 5)]

    def test_text_takes_parameters_when_they_are_named(self, days: Session) -> None:
        statement = select(Day).from_statement(text("SELECT * FROM days WHERE id < :top ORDER BY id"))

        assert [d.id for d in days.scalars(statement, {"top": 3})] == [1, 2]
        assert [d.id for d in days.scalars(statement.params(top=2))] == [1]
        assert str(statement) == "SELECT * FROM days WHERE id < :top ORDER BY id"

    def test_options_hold_when_the_statement_is_text(self, days: Session) -> None:
        statement = select(Day).options(defer(Day.label)).from_statement(text("SELECT * FROM days WHERE id = 1"))

        assert values(days.scalars(statement).one()) == {"id": 1, "date": WHOLE["date"]}

    def test_it_describes_the_items_of_its_select(self) -> None:
        statement = select(Day, Day.id).from_statement(text("SELECT * FROM days"))

        assert [d["name"] for d in statement.column_descriptions] == ["Day", "id"]
        assert str(statement.element) == "SELECT * FROM days"


class TestRefusals:
    def test_missing_key_is_named_when_the_rows_lack_it(self, days: Session) -> None:
        with pytest.raises(exc.NoSuchColumnError, match=r"column 'days\.id'"):
            days.scalars(select(Day).from_statement(text("SELECT date FROM days"))).all()

    def test_missing_column_is_named_when_the_rows_lack_it(self, days: Session) -> None:
        with pytest.raises(exc.NoSuchColumnError, match=r"column 'days\.day_label'"):
            days.execute(select(Day.id, Day.label).from_statement(text("SELECT id FROM days"))).all()

    @pytest.mark.parametrize(
        ("statement", "message"),
        [
            ("SELECT 1", "should be explicitly declared as text"),
            (Day.id, "Row returning expression"),
            (3, "Row returning"),
        ],
    )  # fmt: skip
    def test_it_takes_no_statement_when_it_gives_no_rows(self, statement: Any, message: str) -> None:
        with pytest.raises(exc.ArgumentError, match=message):
            select(Day).from_statement(statement)

    @pytest.mark.parametrize(
        "change",
        [
            lambda q: q.filter(User.id == 1),
            lambda q: q.filter_by(id=1),
            lambda q: q.order_by(User.id),
            lambda q: q.limit(1),
            lambda q: q.offset(1),
            lambda q: q[0],
            lambda q: q.distinct(),
            lambda q: q.group_by(User.id),
            lambda q: q.having(User.id == 1),
            lambda q: q.join(Address),
        ],
    )
    def test_query_takes_no_clause_when_it_has_a_full_statement(self, s: Session, change: Any) -> None:
        query = s.query(User).from_statement(text("SELECT * FROM users"))

        with pytest.raises(exc.InvalidRequestError, match="existing full statement"):
            change(query)

    @pytest.mark.parametrize("method", ["count", "exists", "subquery", "cte"])
    def test_query_is_no_subquery_when_it_has_a_full_statement(self, s: Session, method: str) -> None:
        query = s.query(User).from_statement(text("SELECT * FROM users"))

        with pytest.raises(exc.InvalidRequestError, match="uses from_statement"):
            getattr(query, method)()


def test_query_runs_the_full_statement_when_one_is_given(s: Session) -> None:
    query = s.query(User).from_statement(text("SELECT * FROM users WHERE id < :top ORDER BY id"))

    assert [u.name for u in query.params(top=3)] == ["alice", "bob"]
    assert query.params(top=3).first().name == "alice"
    assert query.params(top=2).one().name == "alice"
    assert query.params(top=2).scalar().name == "alice"


class TestSetOperationsOfQuery:
    @pytest.fixture
    def parts(self, s: Session):
        """Queries of alice and of bob."""
        return s.query(User).filter(User.id == 1), s.query(User).filter(User.id == 2)

    def test_clauses_speak_of_the_whole_when_they_follow_a_union(self, parts: Any) -> None:
        both = parts[0].union(parts[1])

        assert [u.name for u in both.order_by(User.name.desc())] == ["bob", "alice"]
        assert both.filter(User.name == "bob").one().id == 2
        assert both.filter(or_(User.id == 1, User.id == 3)).filter(User.name == "bob").all() == []
        assert both.filter_by(name="alice").one().id == 1
        assert both.filter(User.id.in_([2, 3])).one().id == 2
        assert both.order_by(case((User.id == 1, 5), else_=1), User.id).first().id == 2
        assert both.count() == 2 and len(both.limit(1).all()) == 1

    def test_text_selects_from_the_union_as_a_subquery(self, parts: Any) -> None:
        shown = " ".join(str(parts[0].union_all(parts[1])).split())

        assert shown.startswith("SELECT anon_1.users_id AS anon_1_users_id, anon_1.users_name AS anon_1_users_name")
        assert "UNION ALL SELECT users.id AS users_id" in shown and shown.endswith(") AS anon_1")

    def test_other_operations_give_their_rows(self, s: Session, parts: Any) -> None:
        everyone = s.query(User)

        assert [u.id for u in everyone.except_(parts[0]).order_by(User.id)] == [2, 3]
        assert everyone.intersect(parts[1]).one().id == 2
        assert [u.id for u in parts[0].union(parts[1]).union(everyone).order_by(User.id)] == [1, 2, 3]
        assert [u.id for u in parts[0].union(select(User).where(User.id == 3)).order_by(User.id)] == [1, 3]

    def test_columns_and_literals_are_items_when_queries_of_them_unite(self, s: Session) -> None:
        def named(kind: str) -> Any:
            return s.query(User.id, literal(kind).label("kind")).filter(User.id == 1)

        rows = named("a").union(named("b")).order_by("kind").all()

        assert [(row.id, row.kind) for row in rows] == [(1, "a"), (1, "b")]
        assert s.query(User.id).union_all(s.query(User.id)).count() == 6

    def test_items_change_when_with_entities_follows_a_union(self, parts: Any) -> None:
        both = parts[0].union(parts[1])

        assert both.with_entities(func.max(User.id)).scalar() == 2
        joined = both.join(Address, Address.user_id == User.id).add_columns(Address.email)
        assert [(row.User.id, row.email) for row in joined] == [(1, "a@x")]

    def test_options_and_aliases_hold_when_queries_unite(self, s: Session, parts: Any) -> None:
        other = aliased(User)
        s.expunge_all()

        user = parts[0].union(parts[1]).options(load_only(User.name)).order_by(User.id).first()
        twice = s.query(other).filter(other.id == 3).union(s.query(other).filter(other.id == 3))

        assert "age" in inspect(user).unloaded
        assert twice.filter(other.name == "carol").one().id == 3

    def test_parameters_of_the_first_query_are_kept(self, s: Session, parts: Any) -> None:
        first = s.query(User).filter(User.id == bindparam("who")).params(who=3)

        assert [u.id for u in first.union(parts[0]).order_by(User.id)] == [1, 3]


class TestQueryLikeItsModel:
    @pytest.mark.feature("QRY05")
    def test_query_becomes_a_part_of_others_when_it_is_composed(self, s: Session) -> None:
        old = s.query(User).filter(User.age >= 30)
        oldest = s.query(func.max(User.age))

        part = old.subquery("old")
        common = old.with_entities(User.id).cte("common")

        assert [row.name for row in s.query(part.c.name).order_by(part.c.id)] == ["alice", "bob"]
        assert [row.id for row in s.query(common.c.id).order_by(common.c.id)] == [1, 2]
        assert s.query(User).filter(User.age == oldest.scalar_subquery()).one().name == "bob"
        assert s.query(User.id, oldest.label("top")).filter(User.id == 1).one() == (1, 40)
        assert [u.id for u in old.union(s.query(User).filter(User.id == 3)).order_by(User.id)] == [1, 2, 3]

    def test_entities_are_given_once_when_a_join_repeats_them(self, s: Session) -> None:
        s.add(Address(user_id=1, email="b@x"))
        s.flush()

        assert len(s.query(User).join(Address).all()) == 1
        assert len(s.query(User, Address).join(Address).all()) == 2
        assert len(s.query(User.id).join(Address).all()) == 2
        assert s.query(User).join(Address).one().id == 1
        assert len(s.query(User).join(Address).yield_per(5).all()) == 2

    def test_slices_count_from_the_offset_when_they_are_cut_again(self, s: Session) -> None:
        query = s.query(User).order_by(User.id)

        assert [u.id for u in query.slice(1, 3)[1:2]] == [3]
        assert [u.id for u in query.limit(3).offset(1)[0:1]] == [2]
        assert [u.id for u in s.scalars(select(User).order_by(User.id).slice(1, 3).slice(1, 2))] == [3]

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            (lambda q: q.limit(1), r"limit\(\)"),
            (lambda q: q.order_by(User.id), r"order_by\(\)"),
            (lambda q: q.group_by(User.id), r"group_by\(\)"),
            (lambda q: q.distinct(), r"distinct\(\)"),
            (lambda q: q.join(Address), r"join\(\)"),
        ],
    )
    def test_writes_are_refused_when_a_clause_does_not_fit(self, s: Session, change: Any, named: str) -> None:
        for write in (lambda q: q.delete(), lambda q: q.update({"age": 1})):
            with pytest.raises(exc.InvalidRequestError, match=f"when {named}"):
                write(change(s.query(User)))

    def test_writes_are_refused_when_the_strategy_or_subject_is_none(self, s: Session) -> None:
        with pytest.raises(exc.ArgumentError, match="Valid strategies"):
            s.query(User).delete(synchronize_session="sometimes")
        with pytest.raises(exc.ArgumentError, match="subject table"):
            s.query(User.id).delete()

    def test_select_from_is_refused_when_criteria_stand(self, s: Session) -> None:
        with pytest.raises(exc.InvalidRequestError, match="select_from"):
            s.query(User).filter(User.id == 1).select_from(Address)

    @pytest.mark.filterwarnings("ignore::pyorm.exc.LegacyAPIWarning")
    def test_get_takes_options_and_refuses_criteria(self, s: Session) -> None:
        s.expunge_all()

        user = s.query(User).options(load_only(User.name)).get(1)

        assert "age" in inspect(user).unloaded
        with pytest.raises(exc.InvalidRequestError, match="existing criterion"):
            s.query(User).filter(User.id == 1).get(1)
        with pytest.raises(exc.InvalidRequestError, match="single mapped class"):
            s.query(User.id).get(1)

    def test_rows_are_tuples_when_asked_for(self, s: Session) -> None:
        row = s.query(User).filter(User.id == 1).tuples().one()

        assert row.User.id == 1 and s.query(User, Address).is_single_entity is False

    def test_descriptions_name_the_entity_when_an_expression_is_selected(self, s: Session) -> None:
        found = s.query(User, Address.email.label("m"), func.count(User.id), literal(1)).column_descriptions

        assert [d.get("entity") for d in found] == [User, Address, User, None]

    def test_changes_are_gone_from_dirty_when_populate_existing_took_them(self, s: Session) -> None:
        user = s.get(User, 1)
        user.name = "changed"

        with s.no_autoflush:
            s.query(User).populate_existing().filter(User.id == 1).one()

        assert user.name == "alice" and user not in s.dirty
        with logged(s.get_bind()) as sent:
            s.flush()
        assert sent == []


def test_mapped_expression_keeps_its_values_when_instances_are_loaded(engine: Engine) -> None:
    class Base(DeclarativeBase):
        pass

    class Number(Base):
        __tablename__ = "numbers"

        id: Mapped[int] = mapped_column(primary_key=True)

    Number.twice = column_property(Number.__table__.c.id * 2 + 1)
    Base.metadata.create_all(engine)

    with Session(engine) as session:
        session.add(Number(id=4))
        session.commit()

        assert session.get(Number, 4).twice == 9
        assert session.scalars(select(Number).where(Number.twice > 5, Number.id < 7)).one().twice == 9
        session.refresh(session.get(Number, 4))
        assert session.execute(select(Number.twice)).scalar() == 9
