"""CASE, casts, parameters, text, hints, locks: what stands inside a SELECT, a test a feature line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import (
    LABEL_STYLE_DISAMBIGUATE_ONLY,
    LABEL_STYLE_NONE,
    LABEL_STYLE_TABLENAME_PLUS_COL,
    Connection,
    Date,
    Engine,
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
    distinct,
    exc,
    extract,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    try_cast,
    tuple_,
    type_coerce,
)
from tests.conformance.staff import SALES, STAFF, fill, ids, one


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        fill(made)
        yield made


@pytest.mark.feature("EXPR34")
def test_case_chooses(connection: Connection) -> None:
    searched = case((STAFF.c.pay >= 90, "big"), (STAFF.c.pay.is_(None), "none"), else_="small")
    simple = case({"a": 1, "b": 2}, value=STAFF.c.team, else_=0)
    bare = case((STAFF.c.id == 1, STAFF.c.name))

    query = select(searched, simple, bare).order_by(STAFF.c.id)
    assert connection.execute(query).all() == [
        ("big", 1, "Ada"), ("small", 1, None), ("small", 2, None), ("none", 2, None),
        ("small", 0, None),
    ]  # fmt: skip


@pytest.mark.feature("EXPR35")
def test_casts_are_the_database_s_or_python_s(connection: Connection) -> None:
    assert one(connection, cast(STAFF.c.pay, String), STAFF.c.pay.cast(String), cast("5", Integer)) == (
        "100", "100", 5,
    )  # fmt: skip
    coerced = type_coerce(STAFF.c.name, String)
    assert "CAST" not in str(select(coerced))
    assert one(connection, coerced, type_coerce(STAFF.c.pay, Integer)) == ("Ada", 100)
    assert str(try_cast(STAFF.c.name, Integer)) == "TRY_CAST(staff.name AS INTEGER)"
    with pytest.raises(exc.UnsupportedCompilationError):
        connection.execute(select(try_cast(STAFF.c.name, Integer)))


@pytest.mark.feature("EXPR36")
def test_values_are_bound_as_told(connection: Connection) -> None:
    calls: list[int] = []

    def called() -> int:
        calls.append(1)
        return len(calls) + 1

    assert one(connection, literal(5), literal("x", String), literal(None)) == (5, "x", None)
    needed = select(STAFF.c.name).where(STAFF.c.id == bindparam("n", required=True))
    assert connection.scalar(needed, {"n": 2}) == "Bob"
    with pytest.raises(exc.StatementError, match="A value is required for bind parameter 'n'"):
        connection.execute(needed)
    late = select(STAFF.c.name).where(STAFF.c.id == bindparam("n", callable_=called, type_=Integer))
    assert [connection.scalar(late), connection.scalar(late)] == ["Bob", "Cy"]
    some = select(STAFF.c.id).where(STAFF.c.id.in_(bindparam("some", expanding=True)))
    assert sorted(connection.scalars(some, {"some": [1, 3]})) == [1, 3]
    pair = [STAFF.c.id == bindparam("same", 1, unique=True), STAFF.c.id == bindparam("same", 2, unique=True)]
    assert ids(connection, or_(*pair)) == [1, 2]


@pytest.mark.feature("EXPR37")
def test_scalar_elements_are_written(connection: Connection) -> None:
    row = one(connection, null(), true(), false(), extract("year", STAFF.c.since), STAFF.c.pay)
    assert (row[0], bool(row[1]), bool(row[2]), row[3]) == (None, True, False, 2020)
    assert connection.scalar(select(func.count(distinct(STAFF.c.team)))) == 2
    assert connection.scalar(select(func.count(STAFF.c.team.distinct()))) == 2
    pair = tuple_(STAFF.c.id, STAFF.c.team)
    assert ids(connection, pair.in_([(1, "a"), (2, "b"), (3, "b")])) == [1, 3]
    assert ids(connection, pair.in_(select(STAFF.c.id, STAFF.c.team).where(STAFF.c.pay > 75))) == [1, 2]
    assert ids(connection, pair == tuple_(3, "b")) == [3]


@pytest.mark.feature("EXPR38", "EXPR40")
def test_text_has_parameters_and_columns(connection: Connection) -> None:
    plain = text("SELECT id, since FROM staff WHERE id = :n")

    typed = plain.bindparams(n=1).columns(id=Integer, since=Date)
    assert connection.execute(typed).one() == (1, dt.date(2020, 1, 5))
    again = plain.bindparams(bindparam("n", 2, Integer)).columns(STAFF.c.id, STAFF.c.since)
    assert connection.execute(again).one()._mapping[STAFF.c.since] == dt.date(2021, 2, 5)
    assert connection.execute(again, {"n": 3}).one() == (3, None)
    derived, common = typed.subquery("d"), typed.cte("c")
    joined = select(STAFF.c.name, derived.c.since).join(derived, derived.c.id == STAFF.c.id)
    assert connection.execute(joined).one() == ("Ada", dt.date(2020, 1, 5))
    assert connection.execute(select(common.c.id, common.c.since)).one() == (1, dt.date(2020, 1, 5))


@pytest.mark.feature("EXPR41")
def test_hints_are_written_raw(connection: Connection) -> None:
    query = select(STAFF.c.id).order_by(STAFF.c.id)
    name = connection.dialect.name

    assert connection.scalars(query.prefix_with("/* first */")).first() == 1
    assert connection.scalars(query.suffix_with("/* last */")).first() == 1
    assert connection.scalars(query.with_statement_hint("/* hint */")).first() == 1
    for other, there in ((name, True), ("mysql", False)):
        written = [
            query.prefix_with("/* x */", dialect=other),
            query.suffix_with("/* x */", dialect=other),
            query.with_statement_hint("/* x */", other),
        ]
        for statement in written:
            assert ("/* x */" in str(statement.compile(dialect=connection.dialect))) is there
    if name == "sqlite":
        hinted = query.with_hint(STAFF, "ONLY", "postgresql")
        assert connection.scalars(hinted).first() == 1
    else:
        only = query.with_hint(STAFF, "ONLY", "postgresql")
        assert "FROM ONLY staff" in str(only.compile(dialect=connection.dialect))
        assert connection.scalars(only).first() == 1


@pytest.mark.feature("EXPR42")
def test_rows_are_locked(connection: Connection) -> None:
    query = select(STAFF.c.id).where(STAFF.c.id == 1)
    ways: list[tuple[dict[str, Any], str]] = [
        ({}, " FOR UPDATE"),
        ({"nowait": True}, " FOR UPDATE NOWAIT"),
        ({"read": True}, " FOR SHARE"),
        ({"of": STAFF}, " FOR UPDATE OF staff"),
        ({"of": STAFF.c.id, "skip_locked": True}, " FOR UPDATE OF staff SKIP LOCKED"),
        ({"key_share": True}, " FOR NO KEY UPDATE"),
        ({"key_share": True, "read": True}, " FOR KEY SHARE"),
    ]

    for arguments, words in ways:
        statement = query.with_for_update(**arguments)
        written = str(statement.compile(dialect=connection.dialect))
        assert written.endswith(words) is (connection.dialect.name == "postgresql")
        assert connection.scalars(statement).all() == [1]


def test_columns_are_chosen_anew(connection: Connection) -> None:
    query = select(STAFF.c.id, STAFF.c.name).where(STAFF.c.id == 1)

    assert connection.execute(query.with_only_columns(STAFF.c.pay)).one() == (100,)
    assert connection.execute(query.add_columns(STAFF.c.team)).one() == (1, "Ada", "a")
    both = select(STAFF.c.id, SALES.c.amount).join(SALES).where(SALES.c.id == 3)
    kept = both.with_only_columns(SALES.c.amount, maintain_column_froms=True)
    assert connection.execute(kept).one() == (5,)


@pytest.mark.feature("EXPR44")
def test_labels_follow_the_style(connection: Connection) -> None:
    both = select(STAFF.c.id, SALES.c.id).join(SALES).where(SALES.c.id == 3)

    def keys(style: Any) -> list[str]:
        return list(connection.execute(both.set_label_style(style)).keys())

    assert list(connection.execute(both).keys()) == ["id", "id_1"]
    assert keys(LABEL_STYLE_DISAMBIGUATE_ONLY) == ["id", "id_1"]
    assert keys(LABEL_STYLE_TABLENAME_PLUS_COL) == ["staff_id", "sales_id"]
    assert keys(LABEL_STYLE_NONE) == ["id", "id"]
    assert both.subquery().c.keys() == ["id", "id_1"]


def test_values_are_given_later(connection: Connection) -> None:
    query = select(STAFF.c.name).where(STAFF.c.id == bindparam("n"))

    assert connection.scalar(query.params(n=1)) == "Ada"
    assert connection.scalar(query.params({"n": 2})) == "Bob"
    assert connection.scalar(query.params(n=1).params(n=3)) == "Cy"
    assert connection.scalar(query.params(n=1), {"n": 4}) == "Di"


@pytest.mark.feature("EXPR55")
def test_clause_has_no_truth() -> None:
    with pytest.raises(TypeError, match="Boolean value of this clause is not defined"):
        bool(STAFF.c.id > 5)
    with pytest.raises(TypeError, match="Boolean value of this clause is not defined"):
        bool(and_(STAFF.c.id > 5, STAFF.c.pay > 5))
    assert bool(STAFF.c.id == STAFF.c.id)
    assert not bool(STAFF.c.id == STAFF.c.pay)


@pytest.mark.feature("EXPR28")
def test_functions_of_any_name_are_called(connection: Connection) -> None:
    schema = "main" if connection.dialect.name == "sqlite" else "pg_catalog"

    assert one(connection, func.upper(STAFF.c.name), func.abs(-3), func.coalesce(None, STAFF.c.pay)) == (
        "ADA", 3, 100,
    )  # fmt: skip
    if connection.dialect.name == "postgresql":
        assert one(connection, func.pg_catalog.lower(STAFF.c.name)) == ("ada",)
    assert str(getattr(func, schema).lower("x")).startswith(f"{schema}.lower(")
    typed = func.lower(STAFF.c.name, type_=String(5))
    assert isinstance(typed.type, String) and typed.type.length == 5
    assert one(connection, func.min(STAFF.c.since), func.length("four", type_=Integer)) == (
        dt.date(2020, 1, 5), 4,
    )  # fmt: skip
    assert str(func.current_timestamp()) == "CURRENT_TIMESTAMP"
    assert one(connection, literal_column("1 + 1", Integer)) == (2,)
