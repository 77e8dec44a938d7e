"""Statements of every shape on both databases, their rows told by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyorm import (
    Column,
    Connection,
    Engine,
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
    column,
    delete,
    exists,
    extract,
    false,
    func,
    insert,
    intersect,
    literal,
    literal_column,
    not_,
    null,
    or_,
    select,
    text,
    true,
    tuple_,
    union,
    union_all,
    update,
    values,
)
from pyorm.dialects import postgresql, sqlite
from tests.conformance.staff import ROWS, SALES, STAFF, fill


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        fill(made)
        yield made


def upsert(connection: Connection) -> Any:
    """Return the database's own insert()."""
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


def ids(connection: Connection, *criteria: Any) -> list[int]:
    """Return the ids of the staff that the criteria let through."""
    return list(connection.scalars(select(STAFF.c.id).where(*criteria).order_by(STAFF.c.id)))


# ---- lists -----------------------------------------------------------------------------------------------------


@pytest.mark.feature("CONN30")
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 1000, 5000])
def test_list_of_any_length_is_compared(connection: Connection, size: int) -> None:
    wanted = list(range(2, 2 + size))
    inside = [i for i in range(1, 6) if i in wanted]

    assert ids(connection, STAFF.c.id.in_(wanted)) == inside
    assert ids(connection, STAFF.c.id.not_in(wanted)) == [i for i in range(1, 6) if i not in inside]
    assert ids(connection, not_(STAFF.c.id.in_(wanted))) == [
        i for i in range(1, 6) if i not in inside
    ]
    statement = select(STAFF.c.id).where(STAFF.c.id.in_(bindparam("some", expanding=True)))
    assert sorted(connection.scalars(statement, {"some": wanted})) == inside


def test_null_in_a_list_is_sql_s_null(connection: Connection) -> None:
    assert ids(connection, STAFF.c.pay.in_([100, None])) == [1]
    assert ids(connection, STAFF.c.pay.not_in([100, None])) == []
    assert ids(connection, STAFF.c.pay.in_([None])) == []
    assert ids(connection, STAFF.c.pay.in_([])) == []
    assert ids(connection, STAFF.c.pay.not_in([])) == [1, 2, 3, 4, 5]


def test_lists_of_text_dates_and_rows_are_compared(connection: Connection) -> None:
    assert ids(connection, STAFF.c.name.in_(["Ada", "Di", "it's"])) == [1, 4]
    assert ids(connection, STAFF.c.since.in_([dt.date(2020, 1, 5), dt.date(1999, 1, 1)])) == [1, 5]
    assert ids(connection, STAFF.c.name.in_(select(STAFF.c.name).where(STAFF.c.pay > 75))) == [1, 2]
    pairs = tuple_(STAFF.c.id, STAFF.c.team)
    for chosen in ([], [(1, "a")], [(1, "a"), (3, "a"), (3, "b")]):
        expected = [i for i, t in ((1, "a"), (2, "a"), (3, "b")) if (i, t) in chosen]
        assert ids(connection, pairs.in_(chosen)) == expected


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.none() | st.integers(1, 6), max_size=9), min_size=1, max_size=4))
def test_lists_of_changing_lengths_share_a_statement(
    connection: Connection, lists: list[list[int | None]]
) -> None:
    for wanted in lists:
        expected = [row[0] for row in ROWS if row[0] in wanted]
        assert ids(connection, STAFF.c.id.in_(wanted)) == expected
        both = ids(connection, STAFF.c.id.in_(wanted), STAFF.c.team.in_(["a", "b"]))
        assert both == [i for i in expected if i != 5]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_criteria_mean_what_they_mean_in_python(connection: Connection, data: Any) -> None:
    def atom() -> tuple[Any, Any]:
        n = data.draw(st.integers(0, 6))
        kind = data.draw(st.integers(0, 4))
        return [
            (STAFF.c.id > n, lambda row: row[0] > n),
            (STAFF.c.id == n, lambda row: row[0] == n),
            (STAFF.c.boss_id.is_(None), lambda row: row[1] is None),
            (STAFF.c.id.between(n, n + 2), lambda row: n <= row[0] <= n + 2),
            (STAFF.c.name.like("%d%"), lambda row: "d" in row[2].lower()
                if connection.dialect.name == "sqlite" else "d" in row[2]),
        ][kind]  # fmt: skip

    def tree(depth: int) -> tuple[Any, Any]:
        kind = data.draw(st.integers(0, 3)) if depth else 0
        if kind == 0:
            return atom()
        left, right = tree(depth - 1), tree(depth - 1)
        if kind == 1:
            return and_(left[0], right[0]), lambda row: left[1](row) and right[1](row)
        if kind == 2:
            return or_(left[0], right[0]), lambda row: left[1](row) or right[1](row)
        return not_(left[0]), lambda row: not left[1](row)

    criterion, meaning = tree(3)

    assert ids(connection, criterion) == [row[0] for row in ROWS if meaning(row)]


# ---- joins, subqueries, sets -----------------------------------------------------------------------------------


def test_joins_find_their_way_along_keys(connection: Connection) -> None:
    boss = STAFF.alias("boss")
    pairs = select(STAFF.c.name, boss.c.name).join(boss, STAFF.c.boss_id == boss.c.id)
    outer = (
        select(STAFF.c.name, func.coalesce(func.sum(SALES.c.amount), 0).label("sold"))
        .join_from(STAFF, SALES, isouter=True)
        .group_by(STAFF.c.name)
        .having(func.count(SALES.c.id) < 2)
        .order_by(STAFF.c.name)
    )
    full = select(STAFF.c.name, SALES.c.amount).select_from(
        STAFF.join(SALES, STAFF.c.id == SALES.c.staff_id, full=True)
    )

    assert connection.execute(pairs.order_by(STAFF.c.id)).all() == [
        ("Bob", "Ada"), ("Cy", "Ada"), ("Di", "Bob"), ("Ed", "Di"),
    ]  # fmt: skip
    assert connection.execute(outer).all() == [("Bob", 5), ("Cy", 7), ("Di", 0), ("Ed", 0)]
    assert len(connection.execute(full).all()) == 7


def test_subqueries_answer_in_every_place(connection: Connection) -> None:
    sold = (
        select(SALES.c.staff_id, func.sum(SALES.c.amount).label("total"))
        .group_by(SALES.c.staff_id)
        .subquery("sold")
    )
    scalar = (
        select(func.count()).select_from(SALES).where(SALES.c.staff_id == STAFF.c.id)
        .scalar_subquery()
    )  # fmt: skip

    joined = select(STAFF.c.name, sold.c.total).join(sold, sold.c.staff_id == STAFF.c.id)
    assert connection.execute(joined.order_by(sold.c.total)).all() == [
        ("Bob", 5), ("Cy", 7), ("Ada", 30),
    ]  # fmt: skip
    counted = select(STAFF.c.id, scalar.label("n")).order_by(scalar.desc(), STAFF.c.id).limit(2)
    assert connection.execute(counted).all() == [(1, 2), (2, 1)]
    assert ids(connection, exists().where(SALES.c.staff_id == STAFF.c.id)) == [1, 2, 3]
    assert ids(connection, ~exists().where(SALES.c.staff_id == STAFF.c.id)) == [4, 5]
    assert ids(connection, STAFF.c.pay == select(func.max(STAFF.c.pay)).scalar_subquery()) == [1]


def test_sets_are_united_and_cut(connection: Connection) -> None:
    low = select(STAFF.c.id).where(STAFF.c.id < 4)
    high = select(STAFF.c.id).where(STAFF.c.id > 2)

    def run(statement: Any) -> list[int]:
        return list(connection.scalars(statement.order_by("id")))

    assert run(union(low, high)) == [1, 2, 3, 4, 5]
    assert run(union_all(low, high)) == [1, 2, 3, 3, 4, 5]
    assert run(intersect(low, high)) == [3]
    assert run(low.except_(high)) == [1, 2]
    assert run(union(low, high).limit(2)) == [1, 2]
    inner = union(low, high).subquery()
    assert connection.scalar(select(func.count()).select_from(inner)) == 5
    nested = union_all(low.where(STAFF.c.id == 1), intersect(low, high))
    assert sorted(connection.scalars(nested)) == [1, 3]


def test_rows_under_a_root_are_found_by_recursion(connection: Connection) -> None:
    tree = (
        select(STAFF.c.id, STAFF.c.name, literal(0).label("depth"))
        .where(STAFF.c.boss_id.is_(None))
        .cte("tree", recursive=True)
    )
    tree = tree.union_all(
        select(STAFF.c.id, STAFF.c.name, tree.c.depth + 1).join(tree, STAFF.c.boss_id == tree.c.id)
    )

    rows = connection.execute(select(tree.c.name, tree.c.depth).order_by(tree.c.id)).all()
    assert rows == [("Ada", 0), ("Bob", 1), ("Cy", 1), ("Di", 2), ("Ed", 3)]


def test_named_subqueries_are_used_twice(connection: Connection) -> None:
    paid = select(STAFF).where(STAFF.c.pay > bindparam("least")).cte("paid")
    other = paid.alias("other")
    statement = (
        select(paid.c.name, other.c.name)
        .join(other, and_(paid.c.team == other.c.team, paid.c.id < other.c.id))
    )  # fmt: skip

    assert connection.execute(statement, {"least": 60}).all() == [("Ada", "Bob")]
    assert connection.execute(statement, {"least": 90}).all() == []


def test_windows_number_and_sum(connection: Connection) -> None:
    number = func.row_number().over(partition_by=STAFF.c.team, order_by=STAFF.c.pay.desc())
    running = func.sum(STAFF.c.id).over(order_by=STAFF.c.id, rows=(None, 0))
    statement = select(STAFF.c.id, number.label("n"), running.label("r")).where(
        STAFF.c.team.is_not(None), STAFF.c.pay.is_not(None)
    )

    assert connection.execute(statement.order_by(STAFF.c.id)).all() == [
        (1, 1, 1), (2, 2, 3), (3, 1, 6),
    ]  # fmt: skip


def test_expressions_compute(connection: Connection) -> None:
    size = case((STAFF.c.pay >= 90, "big"), (STAFF.c.pay.is_(None), "none"), else_="small")
    row = connection.execute(
        select(
            size.label("size"),
            (STAFF.c.pay * 2 + 1) % 10,
            STAFF.c.pay / 3,
            STAFF.c.pay // 3,
            -STAFF.c.pay,
            STAFF.c.name + "!" + literal("?"),
            func.upper(STAFF.c.name),
            cast(STAFF.c.pay, String),
            extract("year", STAFF.c.since),
            STAFF.c.name.concat("x"),
            literal_column("1 + 1", Integer).label("two"),
            null(),
            true(),
            false(),
        ).where(STAFF.c.id == 1)
    ).one()

    assert row[0] == "big" and row[1] == 1 and row[3] == 33 and row[4] == -100
    assert abs(float(row[2]) - 100 / 3) < 1e-6
    assert tuple(row[5:11]) == ("Ada!?", "ADA", "100", 2020, "Adax", 2)
    assert (row[11], bool(row[12]), bool(row[13])) == (None, True, False)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda c: c.name.like("_d%"), {"sqlite": [1, 5], "postgresql": [1, 5]}),
        (lambda c: c.name.ilike("A%"), [1]),
        (lambda c: c.name.startswith("B"), [2]),
        (lambda c: c.name.endswith("y"), [3]),
        (lambda c: c.name.contains("d"), {"sqlite": [1, 4, 5], "postgresql": [1, 5]}),
        (lambda c: c.name.icontains("D"), [1, 4, 5]),
        (lambda c: c.name.contains("%", autoescape=True), []),
        (lambda c: c.name.regexp_match("^[AB]"), [1, 2]),
        (lambda c: c.pay.between(70, 80), [2, 3]),
        (lambda c: ~c.pay.between(70, 80), [1, 5]),
        (lambda c: c.pay != 100, [2, 3, 5]),
        (lambda c: c.pay.is_distinct_from(None), [1, 2, 3, 5]),
        (lambda c: c.active, [1, 2, 5]),
        (lambda c: ~c.active, [3]),
        (lambda c: c.active.is_(True), [1, 2, 5]),
        (lambda c: c.active == False, [3]),  # noqa: E712 - the operator is what is tested
        (lambda c: c.active.is_not(None), [1, 2, 3, 5]),
        (lambda c: c.team == None, [5]),  # noqa: E711 - likewise
        (lambda c: c.since > dt.date(2020, 6, 1), [2, 4]),
        (lambda c: c.id.bitwise_and(1) == 1, [1, 3, 5]),
        (lambda c: (c.id << 1) > 7, [4, 5]),
        (lambda c: c.id.op("%")(2) == 0, [2, 4]),
    ],
)
def test_operator_lets_the_right_rows_through(
    connection: Connection, make: Any, expected: Any
) -> None:
    if isinstance(expected, dict):
        expected = expected[connection.dialect.name]

    assert ids(connection, make(STAFF.c)) == expected


def test_pages_follow_each_other(connection: Connection) -> None:
    ordered = select(STAFF.c.id).order_by(STAFF.c.id)

    pages = [connection.scalars(ordered.limit(2).offset(n)).all() for n in (0, 2, 4, 6)]

    assert pages == [[1, 2], [3, 4], [5], []]
    assert connection.scalars(ordered.offset(3)).all() == [4, 5]
    assert connection.scalars(ordered.limit(0)).all() == []
    teams = select(STAFF.c.team).distinct().order_by(STAFF.c.team.nulls_first())
    assert connection.scalars(teams).all() == [None, "a", "b"]
    by_two = select(STAFF.c.id).order_by(STAFF.c.team.desc().nulls_last(), STAFF.c.pay.asc())
    assert connection.scalars(by_two).all()[2:] == [2, 1, 5]


# ---- writing ---------------------------------------------------------------------------------------------------


def test_rows_of_a_select_and_of_values_are_inserted(connection: Connection) -> None:
    source = select(STAFF.c.id + 100, STAFF.c.id, literal(1)).where(STAFF.c.team == "a")

    connection.execute(insert(SALES).from_select(["id", "staff_id", "amount"], source))
    many = insert(SALES).values([{"id": 201, "amount": 3}, {"id": 202, "amount": None}])
    returned = connection.scalars(many.returning(SALES.c.id)).all()

    found = select(SALES).where(SALES.c.id > 100).order_by(SALES.c.id)
    assert connection.execute(found).all() == [
        (101, 1, 1), (102, 2, 1), (201, None, 3), (202, None, None),
    ]  # fmt: skip
    assert returned == [201, 202]
    cte = select(SALES.c.id).where(SALES.c.id > 200).cte("old")
    gone = delete(SALES).where(SALES.c.id.in_(select(cte.c.id)))
    assert connection.execute(gone).rowcount == 2


def test_existing_row_gives_way_or_stays_on_conflict(connection: Connection) -> None:
    make = upsert(connection)
    base = make(STAFF).values(id=9, name="Ada", pay=1)
    changed = base.on_conflict_do_update(
        index_elements=["name"],
        set_={"pay": base.excluded.pay + STAFF.c.pay, "team": "z"},
        where=STAFF.c.pay < bindparam("most"),
    )

    assert connection.execute(base.on_conflict_do_nothing()).rowcount == 0
    assert connection.execute(changed, {"most": 50}).rowcount == 0
    assert connection.execute(changed, {"most": 500}).rowcount == 1
    row = connection.execute(select(STAFF.c.id, STAFF.c.pay, STAFF.c.team).where(STAFF.c.id == 1))
    assert row.one() == (1, 101, "z")
    many = make(STAFF).on_conflict_do_update(
        index_elements=[STAFF.c.name], set_={"pay": make(STAFF).excluded.pay}
    )
    connection.execute(many, [
        {"id": 50, "name": "Bob", "pay": 5}, {"id": 51, "name": "New", "pay": 6},
    ])
    paid = select(STAFF.c.name, STAFF.c.pay).where(STAFF.c.pay < 10).order_by(STAFF.c.pay)
    assert connection.execute(paid).all() == [("Bob", 5), ("New", 6)]


def test_rows_are_updated_from_other_tables(connection: Connection) -> None:
    sums = (
        select(SALES.c.staff_id, func.sum(SALES.c.amount).label("n"))
        .group_by(SALES.c.staff_id)
        .subquery()
    )
    from_sums = update(STAFF).values(pay=sums.c.n).where(sums.c.staff_id == STAFF.c.id)
    one = select(SALES.c.amount).where(SALES.c.staff_id == STAFF.c.id).order_by(SALES.c.id)
    correlated = (
        update(STAFF).where(STAFF.c.id < 3).values(pay=one.limit(1).scalar_subquery())
        .returning(STAFF.c.id, STAFF.c.pay)
    )  # fmt: skip

    assert connection.execute(from_sums).rowcount == 3
    pays = select(STAFF.c.pay).order_by(STAFF.c.id)
    assert connection.scalars(pays).all() == [30, 5, 7, None, 50]
    assert sorted(connection.execute(correlated).all()) == [(1, 10), (2, 5)]


@pytest.mark.feature("CONN25")
def test_many_sets_are_run_as_one_statement(connection: Connection) -> None:
    result = connection.execute(
        update(STAFF).where(STAFF.c.id == bindparam("which")).values(pay=bindparam("new")),
        [{"which": 1, "new": 11}, {"which": 2, "new": None}, {"which": 77, "new": 5}],
    )
    gone = connection.execute(
        delete(SALES).where(SALES.c.id == bindparam("n")), [{"n": 1}, {"n": 2}, {"n": 9}]
    )

    assert (result.rowcount, gone.rowcount) == (2, 2)
    assert connection.scalars(select(STAFF.c.pay).order_by(STAFF.c.id)).all()[:2] == [11, None]


def test_thousands_of_rows_are_inserted_at_once(connection: Connection) -> None:
    rows = [{"id": n, "amount": n % 7} for n in range(1000, 6000)]

    result = connection.execute(insert(SALES), rows)

    assert result.rowcount == 5000
    counted = select(func.count(), func.sum(SALES.c.amount)).where(SALES.c.id >= 1000)
    assert connection.execute(counted).one() == (5000, sum(n % 7 for n in range(1000, 6000)))
    keys = connection.scalars(
        insert(SALES).returning(SALES.c.id), [{"amount": n} for n in range(300)]
    ).all() if connection.dialect.name == "sqlite" else []  # fmt: skip
    assert keys == sorted(keys)


# ---- one shape, many values ------------------------------------------------------------------------------------


def test_cached_statement_takes_the_values_of_each_execution(connection: Connection) -> None:
    answers = []
    for low, name in ((1, "Bob"), (4, "Ed"), (0, "nobody")):
        statement = select(STAFF.c.id, literal(name)).where(STAFF.c.id > low, STAFF.c.name == name)
        answers.append(connection.execute(statement).all())

    assert answers == [[(2, "Bob")], [(5, "Ed")], []]


def test_shared_parameter_is_one_value_in_all_places(connection: Connection) -> None:
    shared = bindparam("x", 2)
    twice = select(STAFF.c.id).where(or_(STAFF.c.id == shared, STAFF.c.boss_id == shared))
    apart = select(STAFF.c.id).where(
        or_(STAFF.c.id == bindparam("x", 2), STAFF.c.boss_id == bindparam("y", 1))
    )

    assert sorted(connection.scalars(twice)) == [2, 4]
    assert sorted(connection.scalars(twice, {"x": 1})) == [1, 2, 3]
    assert sorted(connection.scalars(twice.params(x=4))) == [4, 5]
    assert sorted(connection.scalars(apart)) == [2, 3]


def test_text_takes_named_parameters(connection: Connection) -> None:
    statement = text("SELECT id, name FROM staff WHERE id > :low AND name <> '\\:no' ORDER BY id")

    assert connection.execute(statement, {"low": 3}).all() == [(4, "Di"), (5, "Ed")]
    typed = statement.bindparams(low=4).columns(STAFF.c.id, STAFF.c.name)
    row = connection.execute(typed).one()
    assert row._mapping[STAFF.c.name] == "Ed"
    listed = text("SELECT id FROM staff WHERE id IN :ids ORDER BY id").bindparams(
        bindparam("ids", expanding=True)
    )
    assert connection.scalars(listed, {"ids": [1, 5, 8]}).all() == [1, 5]
    sub = typed.subquery("s")
    assert connection.scalar(select(sub.c.name).where(sub.c.id == 5)) == "Ed"


def test_values_are_a_table(connection: Connection) -> None:
    pairs = values(Column("n", Integer), Column("word", String), name="pairs").data(
        [(1, "one"), (2, "two")]
    )

    joined = select(STAFF.c.name, pairs.c.word).join(pairs, pairs.c.n == STAFF.c.id)
    assert sorted(connection.execute(joined).all()) == [("Ada", "one"), ("Bob", "two")]


@pytest.mark.feature("RES19")
def test_value_is_found_by_its_column_or_label(connection: Connection) -> None:
    total = func.count().label("total")
    boss = STAFF.alias("boss")
    row = connection.execute(
        select(STAFF.c.name, boss.c.name, total)
        .join(boss, STAFF.c.boss_id == boss.c.id)
        .where(STAFF.c.id == 2)
        .group_by(STAFF.c.name, boss.c.name)
    ).one()

    assert row._mapping[STAFF.c.name] == "Bob"
    assert row._mapping[boss.c.name] == "Ada"
    assert row._mapping[total] == row.total == 1
    assert row._fields == ("name", "name_1", "total")


@pytest.mark.parametrize("keys", [[(1, "a"), (2, "z")], [(2, "b")], []])
def test_parameter_of_rows_is_compared_with_a_tuple(engine: Engine, keys: list[tuple[int, str]]) -> None:
    rows = [(1, "a"), (2, "b"), (3, "c")]
    pairs = values(column("x", Integer), column("y", String), name="pairs").data(rows)
    statement = select(pairs.c.x).where(tuple_(pairs.c.x, pairs.c.y).in_(bindparam("keys", expanding=True)))

    with engine.connect() as connection:
        found = connection.scalars(statement, {"keys": keys}).all()

    assert found == [x for x, y in rows if (x, y) in keys]
