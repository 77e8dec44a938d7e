"""SELECT and what it is built of: one test a feature, each on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    all_,
    and_,
    any_,
    bindparam,
    case,
    collate,
    column,
    desc,
    exc,
    except_,
    except_all,
    exists,
    false,
    func,
    insert,
    intersect,
    intersect_all,
    lateral,
    literal,
    not_,
    or_,
    select,
    text,
    true,
    union,
    union_all,
    values,
)
from pyorm.dialects import postgresql
from pyorm.orm import Session, aliased
from tests.conformance.models import Address, User
from tests.conformance.staff import SALES, STAFF, fill, ids, one


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        fill(made)
        yield made


@pytest.mark.feature("EXPR01")
def test_tables_columns_and_entities_are_selected(users: Engine) -> None:
    table = User.__table__

    with users.connect() as connection:
        assert connection.execute(select(table).where(table.c.id == 1)).one() == (1, "alice", 30)
        assert connection.scalars(select(table.c.name).order_by(table.c.id)).first() == "alice"
    with Session(users) as session:
        assert [u.name for u in session.scalars(select(User).order_by(User.id))][:2] == ["alice", "bob"]
        user, age, number = session.execute(
            select(User, User.age, func.length(User.name)).where(User.id == 2)
        ).one()
        assert (user.name, age, number) == ("bob", 40, 3)


@pytest.mark.feature("EXPR02")
def test_criteria_are_joined_by_and(connection: Connection) -> None:
    query = select(STAFF.c.id).order_by(STAFF.c.id)

    assert connection.scalars(query.where(STAFF.c.id > 1, STAFF.c.id < 4)).all() == [2, 3]
    assert connection.scalars(query.where(STAFF.c.id > 1).filter(STAFF.c.id < 4)).all() == [2, 3]
    assert connection.scalars(query.filter_by(team="a", pay=80)).all() == [2]
    assert connection.scalars(query.filter_by(team=None)).all() == [5]
    joined = query.join(SALES, SALES.c.staff_id == STAFF.c.id)
    assert connection.scalars(joined.filter_by(amount=20, team="a")).all() == [1]
    with pytest.raises(exc.InvalidRequestError, match="nothing"):
        joined.filter_by(nothing=1)
    with pytest.raises(exc.AmbiguousColumnError, match="id"):
        joined.filter_by(id=1)


@pytest.mark.feature("EXPR03")
def test_criteria_are_composed(connection: Connection) -> None:
    a, low = STAFF.c.team == "a", STAFF.c.pay < 90

    assert ids(connection, and_(a, low)) == ids(connection, a & low) == [2]
    assert ids(connection, or_(a, low)) == ids(connection, a | low) == [1, 2, 3, 5]
    assert ids(connection, not_(a)) == ids(connection, ~a) == [3, 4]
    assert ids(connection, not_(or_(a, low))) == []
    assert str(and_(true(), a)) == str(or_(false(), a)) == str(a)
    assert ids(connection, or_(true(), a)) == [1, 2, 3, 4, 5]
    assert ids(connection, and_(false(), a)) == []
    assert ids(connection, true()) == [1, 2, 3, 4, 5]


@pytest.mark.feature("EXPR04")
def test_operators_compute_and_compare(connection: Connection) -> None:
    pay = STAFF.c.pay

    assert one(
        connection, pay == 100, pay != 100, pay < 100, pay > 99, pay <= 100, pay >= 101
    ) == (True, False, False, True, True, False)
    assert one(connection, pay + 1, pay - 1, pay * 2, pay // 3, pay % 7, -pay) == (
        101, 99, 200, 33, 2, -100,
    )  # fmt: skip
    assert one(connection, 1 + pay, 201 - pay, 2 * pay, 250 // pay, 150 % pay) == (
        101, 101, 200, 2, 50,
    )  # fmt: skip
    quotient, power, turned = one(connection, pay / 8, pay**2, 2 ** (pay - 95))
    assert (float(quotient), float(power), float(turned)) == (12.5, 10_000, 32)
    assert str((pay @ 2).compile(dialect=connection.dialect)).startswith("staff.pay @ ")


@pytest.mark.feature("EXPR05")
def test_null_is_compared(connection: Connection) -> None:
    team = STAFF.c.team

    assert ids(connection, team.is_(None)) == ids(connection, team == None) == [5]  # noqa: E711
    assert ids(connection, team.is_not(None)) == ids(connection, team != None) == [1, 2, 3, 4]  # noqa: E711
    assert ids(connection, team.is_distinct_from("a")) == [3, 4, 5]
    assert ids(connection, team.is_not_distinct_from(bindparam("t", None, String))) == [5]
    assert ids(connection, team.is_not_distinct_from("a")) == [1, 2]


@pytest.mark.feature("EXPR06")
def test_lists_tuples_and_subqueries_are_searched(connection: Connection) -> None:
    number = STAFF.c.id
    sold = select(SALES.c.staff_id).where(SALES.c.staff_id.is_not(None))

    assert ids(connection, number.in_([1, 9])) == ids(connection, number.in_((1, 9))) == [1]
    assert ids(connection, number.not_in([1, 9])) == [2, 3, 4, 5]
    assert ids(connection, number.in_(sold)) == [1, 2, 3]
    assert ids(connection, number.not_in(sold)) == [4, 5]
    assert ids(connection, number.in_([])) == []
    assert ids(connection, number.not_in([])) == ids(connection, ~number.in_([])) == [1, 2, 3, 4, 5]


@pytest.mark.feature("EXPR07")
def test_text_is_matched(connection: Connection) -> None:
    connection.execute(insert(STAFF), [{"id": 6, "name": "5%_x"}, {"id": 7, "name": "5/y"}])
    name = STAFF.c.name

    assert ids(connection, name.like("_d_")) == [1]
    assert ids(connection, name.not_like("%d%"), STAFF.c.id < 4) == [2, 3]
    assert ids(connection, name.ilike("aDA")) == [1]
    assert ids(connection, name.not_ilike("%D%"), STAFF.c.id < 6) == [2, 3]
    assert ids(connection, name.startswith("5")) == [6, 7]
    assert ids(connection, name.startswith("5%", autoescape=True)) == [6]
    assert ids(connection, name.endswith("_x", autoescape=True)) == [6]
    assert ids(connection, name.contains("/", autoescape=True)) == [7]
    assert ids(connection, name.contains("%", autoescape=True, escape="^")) == [6]
    assert ids(connection, name.contains("!_", escape="!")) == [6]
    assert ids(connection, name.like("%/%%", escape="/")) == [6]
    assert ids(connection, name.ilike("5!%%", escape="!")) == [6]
    assert ids(connection, ~name.startswith("5"), ~name.endswith("d"), ~name.contains("y")) == [1, 2, 4]


@pytest.mark.feature("EXPR09")
def test_ranges_are_tested(connection: Connection) -> None:
    assert ids(connection, STAFF.c.pay.between(70, 80)) == [2, 3]
    assert ids(connection, ~STAFF.c.pay.between(70, 80)) == [1, 5]
    assert ids(connection, STAFF.c.pay.between(80, 70)) == []
    symmetric = STAFF.c.pay.between(80, 70, symmetric=True)
    if connection.dialect.name == "postgresql":
        assert ids(connection, symmetric) == [2, 3]
    else:
        with pytest.raises(exc.OperationalError, match="syntax error"):
            ids(connection, symmetric)


@pytest.mark.feature("EXPR10")
def test_regular_expressions_are_the_database_s(connection: Connection) -> None:
    name = STAFF.c.name

    assert ids(connection, name.regexp_match("^[AB]")) == [1, 2]
    assert ids(connection, ~name.regexp_match("^[AB]")) == [3, 4, 5]
    if connection.dialect.name == "postgresql":
        assert ids(connection, name.regexp_match("^a", flags="i")) == [1]
        assert ids(connection, name.regexp_match("^a")) == []
        assert one(connection, name.regexp_replace("[a-z]", "-")) == ("A-a",)
        assert one(connection, name.regexp_replace("[a-z]", "-", flags="g")) == ("A--",)
    else:
        with pytest.raises(exc.CompileError, match="does not support regular expression repl"):
            one(connection, name.regexp_replace("[a-z]", "-"))


@pytest.mark.feature("EXPR11")
def test_text_is_searched(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("CREATE VIRTUAL TABLE words USING fts5(body)"))
    else:
        connection.execute(text("CREATE TABLE words (body TEXT)"))
    words = Table("words", MetaData(), Column("body", String))
    connection.execute(insert(words), [{"body": "a red fox"}, {"body": "a blue whale"}])

    found = select(words.c.body).where(words.c.body.match("fox"))

    assert connection.scalars(found).all() == ["a red fox"]


@pytest.mark.feature("EXPR12")
def test_any_and_all_are_postgresql_s(connection: Connection) -> None:
    amounts = select(SALES.c.amount).where(SALES.c.amount < 60).scalar_subquery()

    some, every = STAFF.c.pay / 10 == any_(amounts), STAFF.c.pay > all_(amounts)
    if connection.dialect.name == "postgresql":
        assert ids(connection, STAFF.c.pay - 90 == any_(amounts)) == [1]
        assert ids(connection, every) == [1, 2, 3, 5]
        array = postgresql.array([1, 3])
        assert ids(connection, STAFF.c.id == any_(array)) == [1, 3]
        assert ids(connection, STAFF.c.id != all_(array)) == [2, 4, 5]
    else:
        with pytest.raises(exc.OperationalError, match=r"syntax error|no such function"):
            ids(connection, some)


@pytest.mark.feature("EXPR13")
def test_order_is_modified(connection: Connection) -> None:
    def order(*by: Any) -> list[int]:
        return list(connection.scalars(select(STAFF.c.id).order_by(*by)))

    assert order(STAFF.c.pay.desc().nulls_last()) == [1, 2, 3, 5, 4]
    assert order(STAFF.c.pay.asc().nulls_first()) == [4, 5, 3, 2, 1]
    assert order(desc(STAFF.c.id)) == [5, 4, 3, 2, 1]
    name = "NOCASE" if connection.dialect.name == "sqlite" else "C"
    assert order(STAFF.c.name.collate(name)) == order(collate(STAFF.c.name, name).asc()) == [1, 2, 3, 4, 5]


@pytest.mark.feature("EXPR14")
def test_strings_are_concatenated(connection: Connection) -> None:
    name = STAFF.c.name

    assert one(connection, name + "!", "<" + name, name.concat("?")) == ("Ada!", "<Ada", "Ada?")
    assert one(connection, name + "a" + literal("b") + name) == ("AdaabAda",)
    # SQLite has the function since 3.44.
    if connection.dialect.name == "postgresql":
        assert one(connection, func.concat(name, "-", None, "x")) == ("Ada-x",)


@pytest.mark.feature("EXPR16")
def test_operators_are_made_by_name(connection: Connection) -> None:
    number = STAFF.c.id

    assert ids(connection, number.op("%")(2) == 0) == [2, 4]
    assert ids(connection, number.op("*", precedence=100)(2) + 1 > 9) == [5]
    assert ids(connection, number.op(">", is_comparison=True)(4)) == [5]
    assert ids(connection, number.bool_op("<")(2)) == ids(connection, ~number.bool_op(">=")(2)) == [1]
    typed = STAFF.c.name.op("||", return_type=String())("x")
    assert isinstance(typed.type, String)
    assert one(connection, typed) == ("Adax",)
    assert number.op("%")(2).operator.opstring == "%"


@pytest.mark.feature("EXPR17")
def test_clauses_order_group_and_cut(connection: Connection) -> None:
    teams = (
        select(STAFF.c.team, func.count())
        .group_by(STAFF.c.team)
        .having(func.count() > 1)
        .order_by(STAFF.c.team.desc())
    )

    assert connection.execute(teams).all() == [("b", 2), ("a", 2)]
    several = select(STAFF.c.team).where(STAFF.c.team.is_not(None)).distinct()
    assert connection.scalars(several.order_by(STAFF.c.team)).all() == ["a", "b"]
    pages = select(STAFF.c.id).order_by(STAFF.c.id)
    assert connection.scalars(pages.limit(2).offset(1)).all() == [2, 3]
    assert connection.scalars(pages.offset(3)).all() == [4, 5]
    assert connection.scalars(pages.limit(1).limit(None)).all() == [1, 2, 3, 4, 5]
    assert connection.scalars(pages.order_by(None).order_by(STAFF.c.id.desc())).first() == 5


@pytest.mark.feature("EXPR18")
def test_pages_are_fetched_and_sliced(connection: Connection) -> None:
    query = select(STAFF.c.id).order_by(STAFF.c.since.nulls_last())

    assert connection.scalars(select(STAFF.c.id).order_by(STAFF.c.id).slice(1, 3)).all() == [2, 3]
    if connection.dialect.name == "postgresql":
        assert len(connection.scalars(query.fetch(1)).all()) == 1
        assert sorted(connection.scalars(query.fetch(1, with_ties=True))) == [1, 5]
        assert connection.scalars(query.fetch(1).offset(2)).all() == [2]
    percent = str(query.fetch(10, percent=True).compile(dialect=connection.dialect))
    assert percent.endswith("PERCENT ROWS ONLY")


@pytest.mark.feature("EXPR19")
def test_labels_are_ordered_and_grouped_by(connection: Connection) -> None:
    double = (STAFF.c.pay * 2).label("double")
    size = case((STAFF.c.id < 3, "low"), else_="high").label("size")

    assert connection.scalars(
        select(double).where(STAFF.c.pay.is_not(None)).order_by(double)
    ).all() == [100, 140, 160, 200]
    assert connection.scalars(
        select(double).where(STAFF.c.pay.is_not(None)).order_by(desc("double"))
    ).all() == [200, 160, 140, 100]
    assert connection.execute(select(size, func.count()).group_by(size).order_by(size)).all() == [
        ("high", 3), ("low", 2),
    ]  # fmt: skip
    assert connection.execute(
        select(size, func.count().label("n")).group_by("size").order_by("n")
    ).all() == [("low", 2), ("high", 3)]
    assert "ORDER BY double" in str(select(double).order_by(double))


@pytest.mark.feature("EXPR20")
def test_from_is_composed(connection: Connection) -> None:
    def count(statement: Any) -> int:
        return len(connection.execute(statement).all())

    pair = (STAFF.c.name, SALES.c.amount)
    assert count(select(*pair).join(SALES)) == 4
    assert count(select(*pair).join_from(STAFF, SALES)) == 4
    assert count(select(*pair).outerjoin(SALES)) == 6
    assert count(select(*pair).outerjoin_from(STAFF, SALES)) == 6
    assert count(select(*pair).join_from(STAFF, SALES, full=True)) == 7
    assert count(select(*pair).join(SALES, SALES.c.amount > STAFF.c.pay)) == 3
    assert count(select(*pair).select_from(STAFF.join(SALES))) == 4
    assert count(select(*pair).select_from(STAFF.outerjoin(SALES, full=True))) == 7
    assert count(select(func.count()).select_from(STAFF)) == 1
    with pytest.raises(exc.InvalidRequestError, match="Don't know how to join"):
        str(select(STAFF).join(Table("alone", MetaData(), Column("id", Integer))))


@pytest.mark.feature("EXPR21")
def test_tables_are_derived(connection: Connection) -> None:
    boss = STAFF.alias("boss")
    paid = select(STAFF.c.id, (STAFF.c.pay + 1).label("more")).where(STAFF.c.pay > 75).subquery()
    person = aliased(User, name="person")

    named = select(boss.c.name).join(STAFF, STAFF.c.boss_id == boss.c.id).where(STAFF.c.id == 4)
    assert connection.scalar(named) == "Bob"
    assert connection.execute(select(paid.c.id, paid.c.more).order_by(paid.c.id)).all() == [
        (1, 101), (2, 81),
    ]  # fmt: skip
    assert list(paid.c.keys()) == list(paid.columns.keys()) == ["id", "more"]
    User.metadata.create_all(connection)
    with Session(connection) as session:
        session.add_all([User(id=1, name="x"), Address(id=1, user_id=1, email="e")])
        session.flush()
        query = select(person.name, Address.email).join(Address, Address.user_id == person.id)
        assert session.execute(query).one() == ("x", "e")


@pytest.mark.feature("EXPR23")
def test_subqueries_are_correlated(connection: Connection) -> None:
    sold = select(func.count(SALES.c.id)).where(SALES.c.staff_id == STAFF.c.id)
    auto = select(STAFF.c.id, sold.scalar_subquery().label("n")).order_by(STAFF.c.id)
    named = select(STAFF.c.id, sold.correlate(STAFF).scalar_subquery()).order_by(STAFF.c.id)
    others = select(STAFF.c.id, sold.correlate_except(SALES).scalar_subquery()).order_by(STAFF.c.id)
    alone = select(sold.correlate(None).scalar_subquery()).where(STAFF.c.id == 4)

    expected = [(1, 2), (2, 1), (3, 1), (4, 0), (5, 0)]
    assert connection.execute(auto).all() == expected
    assert connection.execute(named).all() == expected
    assert connection.execute(others).all() == expected
    assert connection.scalar(alone) == 4
    assert ids(connection, exists().where(SALES.c.staff_id == STAFF.c.id)) == [1, 2, 3]
    assert ids(connection, ~select(SALES.c.id).where(SALES.c.staff_id == STAFF.c.id).exists()) == [4, 5]


@pytest.mark.feature("EXPR24")
def test_lateral_sees_what_is_left_of_it(connection: Connection) -> None:
    best = (
        select(SALES.c.amount)
        .where(SALES.c.staff_id == STAFF.c.id)
        .order_by(SALES.c.amount.desc())
        .limit(1)
    )
    first, again = best.lateral("best"), lateral(best, "again")

    for side in (first, again):
        query = select(STAFF.c.id, side.c.amount).join(side, true()).order_by(STAFF.c.id)
        if connection.dialect.name == "postgresql":
            assert connection.execute(query).all() == [(1, 20), (2, 5), (3, 7)]
        else:
            assert "LATERAL" in str(query.compile(dialect=connection.dialect))
            with pytest.raises(exc.OperationalError):
                connection.execute(query)


@pytest.mark.feature("EXPR25")
def test_selects_are_combined_as_sets(connection: Connection) -> None:
    low = select(STAFF.c.id).where(STAFF.c.id < 4)
    high = select(STAFF.c.id).where(STAFF.c.id > 2)

    def run(statement: Any) -> list[int]:
        return sorted(connection.scalars(statement))

    assert run(union(low, high)) == run(low.union(high)) == [1, 2, 3, 4, 5]
    assert run(union_all(low, high)) == run(low.union_all(high)) == [1, 2, 3, 3, 4, 5]
    assert run(intersect(low, high)) == run(low.intersect(high)) == [3]
    assert run(except_(low, high)) == run(low.except_(high)) == [1, 2]
    if connection.dialect.name == "postgresql":
        assert run(intersect_all(low, high)) == run(low.intersect_all(high)) == [3]
        assert run(except_all(low, high)) == run(low.except_all(high)) == [1, 2]
    assert run(union_all(low.limit(1), except_(low, high), high)) == [1, 1, 2, 3, 4, 5]
    assert run(except_(low, union(low.where(STAFF.c.id == 1), high))) == [2]


@pytest.mark.feature("EXPR26")
def test_values_are_a_table(connection: Connection) -> None:
    pairs = values(column("n", Integer), column("word", String), name="pairs").data(
        [(1, "one"), (2, "two")]
    )
    more = values(column("n", Integer), name="more").data([(1,)]).data([(3,)])
    single = values(column("n", Integer)).data([(5,)]).scalar_values()

    joined = select(STAFF.c.name, pairs.c.word).join(pairs, pairs.c.n == STAFF.c.id)
    assert sorted(connection.execute(joined).all()) == [("Ada", "one"), ("Bob", "two")]
    assert sorted(connection.scalars(select(more.c.n))) == [1, 3]
    assert connection.scalar(select(single)) == 5


@pytest.mark.feature("EXPR30")
def test_functions_are_given_a_class() -> None:
    from pyorm.sql.functions import GenericFunction, register_function

    class as_thing(GenericFunction):
        type = Integer()
        name = "as_thing_of"
        inherit_cache = True

    class Plain(GenericFunction):
        type = String()
        package = "mine"
        identifier = "plain"
        inherit_cache = True

    class Late(GenericFunction):
        type = Numeric()
        _register = False
        inherit_cache = True

    register_function("later_on", Late)
    assert isinstance(func.as_thing_of(1), as_thing)
    assert isinstance(func.as_thing_of(1).type, Integer)
    assert str(func.as_thing_of(column("x"))) == "as_thing_of(x)"
    assert isinstance(func.mine.plain().type, String)
    assert isinstance(func.later_on().type, Numeric)


def test_windows_have_partitions_orders_and_frames(connection: Connection) -> None:
    number = STAFF.c.id
    total = func.sum(number)

    def run(expression: Any) -> list[Any]:
        return list(connection.scalars(select(expression).order_by(number)))

    by = STAFF.c.team.is_(None), number < 3
    assert run(func.row_number().over(partition_by=by, order_by=number.desc())) == [2, 1, 2, 1, 1]
    assert run(total.over()) == [15] * 5
    assert run(total.over(order_by=number, rows=(-1, 1))) == [3, 6, 9, 12, 9]
    assert run(total.over(order_by=number, rows=(None, 0))) == [1, 3, 6, 10, 15]
    assert run(total.over(order_by=number, range_=(None, None))) == [15] * 5
    assert run(total.over(order_by=number, range_=(0, 2))) == [6, 9, 12, 9, 5]
    assert run(total.over(order_by=number, groups=(1, None))) == [14, 12, 9, 5, None]
    assert run(total.over(order_by=number, rows=(None, None), exclude="CURRENT ROW")) == [
        14, 13, 12, 11, 10,
    ]  # fmt: skip
