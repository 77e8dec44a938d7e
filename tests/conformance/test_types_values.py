"""Values through Core: written, read, compared and refused on both databases."""

from __future__ import annotations

import datetime as dt
import enum
import math
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyorm import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Engine,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    PickleType,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    TypeDecorator,
    Unicode,
    UnicodeText,
    Uuid,
    cast,
    create_engine,
    exc,
    func,
    insert,
    literal,
    null,
    select,
    text,
    type_coerce,
)

UTC = dt.UTC
DAY, MOMENT = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 23, 59, 59, 123456)
TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)
MANY = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Color(enum.Enum):
    red = "R"
    green = "G"


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


def table_of(connection: Connection, type_: Any) -> Table:
    """Make a table with a column of the type in the connection's transaction."""
    table = Table(
        "kept", MetaData(), Column("id", Integer, primary_key=True), Column("value", type_)
    )
    table.metadata.drop_all(connection)
    table.metadata.create_all(connection)
    return table


def keep(connection: Connection, table: Table, values: list[Any]) -> list[Any]:
    """Write values, in one and in many statements; return what is read."""
    connection.execute(table.delete())
    sets = [{"id": i, "value": value} for i, value in enumerate(values)]
    for one in sets[:1]:
        connection.execute(insert(table), one)
    if len(sets) > 1:
        connection.execute(insert(table), sets[1:])
    return list(connection.scalars(select(table.c.value).order_by(table.c.id)))


def same(got: Any, expected: Any) -> bool:
    """Return whether two values are equal, of one class, and of one sign."""
    if isinstance(expected, float) and isinstance(got, float):
        if math.isnan(expected):
            return math.isnan(got)
        return got == expected and math.copysign(1, got) == math.copysign(1, expected)
    return type(got) is type(expected) and got == expected


# Per type, values that both databases keep exactly.
KEPT: list[tuple[Any, list[Any]]] = [
    (Integer, [0, 1, -1, 2**31 - 1, -(2**31)]),
    (SmallInteger, [0, 2**15 - 1, -(2**15)]),
    (BigInteger, [0, 2**63 - 1, -(2**63)]),
    (Float, [0.0, 1.5, 1e308, 5e-324, math.inf, -math.inf, 0.1]),
    (Double, [1 / 3]),
    (Boolean, [True, False]),
    (String(40), ["", "x", "ünï©ødé 🐘", "it's \"q\" \\ %s :x $1 ?", " pad "]),
    (Text, ["a" * 100_000, "line\nline\ttab"]),
    (Unicode(10), ["ä"]),
    (UnicodeText, ["é" * 1000]),
    (LargeBinary, [b"", b"\x00\xff\\'", bytes(range(256)) * 40]),
    (Numeric(10, 2), [Decimal("0.00"), Decimal("-99999999.99"), Decimal("0.01")]),
    (Numeric(15, 0), [Decimal("999999999999999")]),
    (Numeric(10, 2, asdecimal=False), [0.25, -1.5]),
    (Float(asdecimal=True), [Decimal("0.5000000000")]),
    (Date, [DAY, dt.date.min, dt.date.max]),
    (Time, [dt.time(0, 0), dt.time(23, 59, 59, 999999)]),
    (DateTime, [MOMENT, dt.datetime(1, 1, 1), dt.datetime.max, dt.datetime(2024, 1, 1)]),
    (Interval, [dt.timedelta(0), dt.timedelta(days=400, microseconds=1), -dt.timedelta(1)]),
    (Uuid, [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]),
    (Uuid(as_uuid=False), ["12345678-1234-5678-1234-567812345678"]),
    (JSON, [{"a": [1, 2.5, None, True, {"b": "ü"}]}, [], "text", 5, 1.5, True, {}]),
    (Enum(Color), [Color.red, Color.green]),
    (Enum("red", "green", name="words"), ["red", "green"]),
    (PickleType, [{"any": (1, 2)}, [Color.red]]),
]


def name_of(value: Any) -> str:
    """Name a parameter of a test by its type."""
    if isinstance(value, list):
        return "values"
    return value.__name__ if isinstance(value, type) else str(value)


COMPARED = [(type_, values) for type_, values in KEPT if type_ not in (JSON, PickleType)]


@pytest.mark.feature("TYPE01", "TYPE02", "TYPE06")
@pytest.mark.parametrize(("type_", "values"), KEPT, ids=name_of)
def test_value_comes_back_exactly_when_it_is_stored(
    connection: Connection, type_: Any, values: list[Any]
) -> None:
    table = table_of(connection, type_)

    back = keep(connection, table, [*values, None])

    assert back[-1] is None
    for got, expected in zip(back, values, strict=False):
        assert same(got, expected), (got, expected)


@pytest.mark.parametrize(("type_", "values"), COMPARED, ids=name_of)
def test_row_is_found_when_its_value_is_compared(
    connection: Connection, type_: Any, values: list[Any]
) -> None:
    table = table_of(connection, type_)
    keep(connection, table, values)
    ids = select(table.c.id).order_by(table.c.id)

    for i, value in enumerate(values):
        assert connection.scalars(ids.where(table.c.value == value)).all() == [i]
        assert i not in connection.scalars(ids.where(table.c.value != value)).all()
    found = connection.scalars(ids.where(table.c.value.in_(values))).all()
    assert found == list(range(len(values)))
    assert connection.scalars(ids.where(table.c.value.is_(None))).all() == []


@pytest.mark.parametrize(("type_", "values"), KEPT, ids=name_of)
def test_values_come_back_when_returned_by_the_statement_that_writes(
    connection: Connection, type_: Any, values: list[Any]
) -> None:
    table = table_of(connection, type_)
    wanted = [*values, None]

    one = connection.execute(
        insert(table).values(id=100, value=wanted[0]).returning(table.c.value)
    ).scalar_one()
    many = connection.scalars(
        insert(table).returning(table.c.value),
        [{"id": i, "value": value} for i, value in enumerate(wanted)],
    ).all()
    updated = connection.scalar(
        table.update().where(table.c.id == 100).values(value=wanted[-2]).returning(table.c.value)
    )

    assert same(one, wanted[0])
    assert len(many) == len(wanted)
    assert all(same(got, expected) for got, expected in zip(many, wanted, strict=True))
    assert same(updated, wanted[-2])


NUMBERS: dict[str, tuple[Any, Any]] = {
    "integer": (Integer, st.integers(-(2**31), 2**31 - 1)),
    "bigint": (BigInteger, st.integers(-(2**63), 2**63 - 1)),
    "float": (Float, st.floats(allow_nan=False).map(lambda f: f or 0.0)),
    "text": (Text, TEXTS),
    "bytes": (LargeBinary, st.binary(max_size=60)),
    "numeric": (Numeric(12, 3), st.decimals(-(10**8), 10**8, places=3)),
    "date": (Date, st.dates()),
    "time": (Time, st.times()),
    "datetime": (DateTime, st.datetimes()),
    "interval": (Interval, st.timedeltas(dt.timedelta(-700_000), dt.timedelta(2_000_000))),
    "uuid": (Uuid, st.uuids()),
    "json": (
        JSON,
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS
            | st.floats(allow_nan=False, allow_infinity=False).map(lambda f: f or 0.0),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
            max_leaves=8,
        ).filter(lambda value: value is not None),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", NUMBERS)
def test_any_value_comes_back_exactly_when_it_is_stored(connection: Connection, kind: str) -> None:
    type_, strategy = NUMBERS[kind]
    table = table_of(connection, type_)

    @MANY
    @given(st.lists(st.none() | strategy, min_size=1, max_size=25))
    def check(values: list[Any]) -> None:
        back = keep(connection, table, values)
        assert [repr(v) for v in back] == [repr(v) for v in values] or back == values

    check()


# ---- what cannot be kept ---------------------------------------------------------------------------------------

REFUSED: list[tuple[Any, Any, str]] = [
    (BigInteger, 2**63, "out of range|64 bits"),
    (Integer, 2**64, "out of range|64 bits"),
    (Integer, "five", "five"),
    (Integer, 1.5, "1.5"),
    (Integer, object, "object"),
    (Float, "x", "'x'"),
    (Boolean, "yes", "yes"),
    (Boolean, 2, "2"),
    (Text, "a\0b", "NUL|zero"),
    (Text, "\ud800", "surrogate"),
    (LargeBinary, "text", "text"),
    (Date, "2024-01-01", "2024-01-01"),
    (DateTime, "now", "now"),
    (Time, 5, "5"),
    (Interval, 5, "5"),
    (Uuid, "zz", "zz"),
    (Enum("red", "green", name="words2", validate_strings=True), "blue", "blue"),
    (Enum(Color), 5, "5"),
    (JSON, {1, 2}, "cannot be written as JSON"),
    (Numeric(10, 2), "x", "x"),
]


@pytest.mark.parametrize(
    ("type_", "value", "message"), REFUSED, ids=[f"{name_of(t)}-{i}" for i, (t, _, _) in enumerate(REFUSED)]
)
def test_value_is_refused_with_its_column_when_it_cannot_be_kept(
    connection: Connection, type_: Any, value: Any, message: str
) -> None:
    table = table_of(connection, type_)

    with pytest.raises(exc.StatementError, match=message) as one:
        connection.execute(insert(table), {"id": 1, "value": value})
    with pytest.raises(exc.StatementError, match=message):
        connection.execute(
            insert(table), [{"id": 1, "value": None}, {"id": 2, "value": value}]
        )

    assert "value" in str(one.value)
    assert one.value.statement.startswith("INSERT INTO kept")
    assert connection.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize(("type_", "value"), [(Integer, 2**31), (SmallInteger, 2**15)])
def test_small_columns_have_their_ranges_on_postgresql(
    pg_db: Any, type_: Any, value: int
) -> None:
    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        table = table_of(connection, type_)

        with pytest.raises(exc.DataError, match=r"column kept.value") as info:
            connection.execute(insert(table), [{"id": 1, "value": 1}, {"id": 2, "value": value}])

        assert "row 1" in str(info.value)
        # A comparison is no storage: no row has such a value.
        assert connection.scalars(select(table.c.id).where(table.c.value == value)).all() == []
    engine.dispose()


def test_comparison_beyond_all_integers_is_refused(connection: Connection) -> None:
    table = table_of(connection, BigInteger)

    with pytest.raises(exc.DataError, match="9223372036854775808"):
        connection.execute(select(table).where(table.c.value == 2**63))


def test_nan_is_kept_by_postgresql_and_refused_by_sqlite(connection: Connection) -> None:
    table = table_of(connection, Float)

    if connection.dialect.name == "postgresql":
        assert math.isnan(keep(connection, table, [math.nan])[0])
        return
    with pytest.raises(exc.DataError, match=r"(?i)nan"):
        keep(connection, table, [math.nan])


def test_more_digits_than_sqlite_keeps_are_refused(connection: Connection) -> None:
    table = table_of(connection, Numeric(30, 10))
    long = Decimal("12345678901234567890.1234567891")

    if connection.dialect.name == "postgresql":
        special = [Decimal("NaN")]
        assert keep(connection, table, [long]) == [long]
        assert keep(connection, table, special)[0].is_nan()
        return
    with pytest.raises(exc.DataError, match=r"(?s)digits.*TEXT"):
        keep(connection, table, [long])
    with pytest.raises(exc.DataError, match="NaN"):
        keep(connection, table, [Decimal("NaN")])


# ---- time ------------------------------------------------------------------------------------------------------


@pytest.mark.feature("TYPE05")
def test_moment_with_a_zone_comes_back_as_the_same_moment(connection: Connection) -> None:
    table = table_of(connection, DateTime(timezone=True))
    east = dt.timezone(dt.timedelta(hours=5, minutes=30))
    moments = [MOMENT.replace(tzinfo=UTC), MOMENT.replace(tzinfo=east)]

    back = keep(connection, table, moments)

    assert back == moments
    assert [moment.utcoffset() for moment in back] == [dt.timedelta(0)] * 2
    found = select(table.c.id).where(table.c.value == moments[1].astimezone(UTC))
    assert connection.scalars(found).all() == [1]


def test_moment_with_a_zone_is_refused_when_the_column_has_none(connection: Connection) -> None:
    table = table_of(connection, DateTime)

    with pytest.raises(exc.DataError, match=r"kept.value"):
        keep(connection, table, [MOMENT.replace(tzinfo=UTC)])


def test_zone_is_dropped_when_the_profile_is_sqlalchemy_s(tmp_path: Any) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/x.db", profile="sqlalchemy")
    with engine.connect() as connection:
        table = table_of(connection, DateTime(timezone=True))

        assert keep(connection, table, [MOMENT.replace(tzinfo=UTC)]) == [MOMENT]
    engine.dispose()


def test_infinite_moments_of_postgresql_are_refused_when_read(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    with engine.connect() as connection:
        for name in ("infinity", "-infinity"):
            with pytest.raises(exc.DataError, match=r"infinity|too (large|small)|range"):
                connection.execute(text(f"SELECT '{name}'::timestamp AS t")).all()
            connection.rollback()
            with pytest.raises(exc.DataError, match=r"infinity|too (large|small)|range"):
                connection.execute(text(f"SELECT '{name}'::date AS t")).all()
            connection.rollback()
        with pytest.raises(exc.DataError, match="outside of the years 1 to 9999"):
            connection.execute(text("SELECT '10000-01-01'::date AS t")).all()
    engine.dispose()


# ---- JSON, NULL ------------------------------------------------------------------------------------------------


@pytest.mark.feature("TYPE24")
def test_none_is_sql_null_or_json_null_as_the_type_says(connection: Connection) -> None:
    table = Table(
        "docs",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("json", JSON),
        Column("sql", JSON(none_as_null=True)),
    )
    table.metadata.create_all(connection)

    connection.execute(insert(table), {"id": 1, "json": None, "sql": None})
    connection.execute(insert(table), {"id": 2, "json": JSON.NULL, "sql": JSON.NULL})
    connection.execute(insert(table).values(id=3, json=null(), sql=null()))
    connection.execute(insert(table), {"id": 4, "json": {"a": None}, "sql": []})
    rows = connection.execute(
        select(table.c.id, table.c.json.is_(None), table.c.sql.is_(None)).order_by(table.c.id)
    ).all()
    values = connection.execute(select(table.c.json, table.c.sql).order_by(table.c.id)).all()

    assert [tuple(map(bool, row[1:])) for row in rows] == [
        (False, True), (False, False), (True, True), (False, False),
    ]  # fmt: skip
    assert values == [(None, None), (None, None), (None, None), ({"a": None}, [])]


def test_null_of_every_type_is_none_when_it_is_read(connection: Connection) -> None:
    types = [type_ for type_, _ in KEPT]

    row = connection.execute(
        select(*[cast(null(), type_).label(f"c{i}") for i, type_ in enumerate(types)
                 if not isinstance(type_, Enum)])
    ).one()  # fmt: skip

    assert set(row) == {None}


# ---- values without a column -----------------------------------------------------------------------------------


def test_values_without_a_column_come_back(connection: Connection) -> None:
    values = [5, 2**40, 1.5, True, "text", b"bytes", Decimal("1.25"), DAY, MOMENT, dt.time(1, 2),
              uuid.UUID(int=5), None]  # fmt: skip

    row = connection.execute(select(*[literal(v).label(f"c{i}") for i, v in enumerate(values)]))

    assert list(row.one()) == values


def test_values_of_text_statements_come_back(connection: Connection) -> None:
    is_lite = connection.dialect.name == "sqlite"
    sql = "SELECT :a + 1, :b || 'x', :c" if is_lite else "SELECT :a + 1, :b || 'x', CAST(:c AS text)"

    assert connection.execute(text(sql), {"a": 1, "b": "b", "c": None}).one() == (2, "bx", None)
    bound = text("SELECT :day AS day, :n AS n").bindparams(day=DAY).columns(day=Date, n=Integer)
    assert connection.execute(bound, {"n": 7}).one() == (DAY, 7)


def test_function_s_type_decides_what_comes_back(connection: Connection) -> None:
    table = table_of(connection, Numeric(10, 2))
    keep(connection, table, [Decimal("1.25"), Decimal("2.25"), None])

    row = connection.execute(
        select(
            func.sum(table.c.value),
            func.max(table.c.value),
            func.count(table.c.value),
            func.coalesce(table.c.value, Decimal("0.00")).label("c"),
        ).group_by(table.c.value).order_by(table.c.value.desc().nulls_last()).limit(1)
    ).one()  # fmt: skip

    assert tuple(row) == (Decimal("2.25"), Decimal("2.25"), 1, Decimal("2.25"))
    assert connection.scalar(select(type_coerce(table.c.value, Float))) == 1.25


# ---- the user's own types --------------------------------------------------------------------------------------


class Shouted(TypeDecorator):
    """Text that is kept in capitals and read in small letters."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else value.upper()

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        return "nothing" if value is None else value.lower()


class Cents(TypeDecorator):
    """Money as whole cents in the database."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        return None if value is None else int(value * 100)

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value) / 100


@pytest.mark.feature("TYPE14")
def test_decorated_type_changes_values_on_both_ways(connection: Connection) -> None:
    table = table_of(connection, Shouted(20))

    assert keep(connection, table, ["Ab", "cD", None]) == ["ab", "cd", "nothing"]
    kept = connection.exec_driver_sql("SELECT value FROM kept ORDER BY id").scalars().all()
    assert kept == ["AB", "CD", None]
    query = select(table.c.value, func.max(table.c.value)).where(table.c.value == "aB")
    assert connection.execute(query.group_by(table.c.value)).all() == [("ab", "ab")]
    assert connection.scalars(
        select(table.c.id).where(table.c.value.in_(["AB", "cd"])).order_by(table.c.id)
    ).all() == [0, 1]


def test_decorated_integers_are_compared_in_lists(connection: Connection) -> None:
    table = table_of(connection, Cents)
    values = [Decimal("1.25"), Decimal("3"), Decimal("0.5")]

    assert keep(connection, table, values) == values
    for size in range(4):
        query = select(table.c.id).where(table.c.value.in_(values[:size]))
        assert connection.scalars(query.order_by(table.c.id)).all() == list(range(size))
    changed = table.update().where(table.c.value == Decimal("3")).values(value=Decimal("4.75"))
    assert connection.scalar(changed.returning(table.c.value)) == Decimal("4.75")


# ---- arrays ----------------------------------------------------------------------------------------------------


@pytest.mark.feature("TYPE11")
def test_arrays_come_back_from_postgresql(pg_db: Any) -> None:
    engine = create_engine(pg_db.url)
    cases: list[tuple[Any, list[Any]]] = [
        (ARRAY(Integer), [[], [1, None, -5], [2**31 - 1]]),
        (ARRAY(Text), [["a", "", 'q"uote', "NULL", "a,b{}\\", None]]),
        (ARRAY(Numeric(10, 2)), [[Decimal("1.50"), None]]),
        (ARRAY(DateTime), [[MOMENT]]),
        (ARRAY(Uuid), [[uuid.UUID(int=9)]]),
        (ARRAY(Integer, dimensions=2), [[[1, 2], [3, 4]]]),
        (ARRAY(Boolean), [[True, False]]),
        (ARRAY(LargeBinary), [[b"\x00", b""]]),
        (ARRAY(Enum(Color, name="color_kind")), [[Color.red, None]]),
    ]
    with engine.connect() as connection:
        for type_, values in cases:
            table = table_of(connection, type_)
            assert keep(connection, table, [*values, None]) == [*values, None]
            connection.rollback()
        table = table_of(connection, ARRAY(Integer))
        keep(connection, table, [[1, 2], [3]])
        ids = select(table.c.id)
        assert connection.scalars(ids.where(table.c.value == [1, 2])).all() == [0]
        assert connection.scalars(ids.where(table.c.value[1] == 3)).all() == [1]
        assert connection.scalars(ids.where(literal(3) == func.any(table.c.value))).all() == [1]
        assert connection.scalar(select(table.c.value[1:1]).where(table.c.id == 0)) == [1]
    engine.dispose()
