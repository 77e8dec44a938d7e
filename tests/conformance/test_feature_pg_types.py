"""Ranges, hstore, text search and EXCLUDE of PostgreSQL: one test a feature."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from pyorm import (
    ARRAY,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    cast,
    create_engine,
    exc,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from pyorm.dialects import postgresql as pg
from pyorm.dialects.postgresql import ExcludeConstraint, MultiRange, Range
from pyorm.schema import CreateTable

RANGES = ("INT4RANGE", "INT8RANGE", "NUMRANGE", "DATERANGE", "TSRANGE", "TSTZRANGE")
KINDS = [*RANGES, *(name.replace("RANGE", "MULTIRANGE") for name in RANGES)]


@pytest.fixture
def connection(pg_db: Any) -> Iterator[Connection]:
    engine = create_engine(pg_db.url)
    with engine.connect() as made:
        yield made
    engine.dispose()


def ranges_table() -> Table:
    columns = [Column(kind.lower(), getattr(pg, kind)) for kind in KINDS]
    return Table("ranges", MetaData(), Column("id", Integer, primary_key=True), *columns)


@pytest.mark.feature("PG06", "PG07")
def test_ranges_are_kept_and_asked(connection: Connection) -> None:
    table = ranges_table()
    table.create(connection)
    day, utc = dt.date(2020, 1, 1), dt.UTC
    start = dt.datetime(2020, 1, 1, 2, 3, 4, 5)
    row: dict[str, Any] = {
        "id": 1,
        "int4range": Range(1, 5, bounds="[]"),
        "int8range": Range(None, 2**40),
        "numrange": Range(Decimal("1.5"), Decimal("2.5"), bounds="(]"),
        "daterange": Range(day, None),
        "tsrange": Range(start, start.replace(year=2021)),
        "tstzrange": Range(start.replace(tzinfo=utc), None, bounds="()"),
        "int4multirange": [Range(1, 5), Range(7, 9)],
        "int8multirange": MultiRange([Range(None, 3)]),
        "nummultirange": [],
        "datemultirange": [Range(day, day + dt.timedelta(days=9))],
        "tsmultirange": [Range(empty=True)],
        "tstzmultirange": None,
    }
    connection.execute(insert(table), [row, {**dict.fromkeys(row), "id": 2}])
    connection.execute(insert(table).values(id=3, int4range="[3,9)", int8range=Range(empty=True)))

    kept = connection.execute(select(table).where(table.c.id == 1)).one()._asdict()
    expected = {**row, "int4range": Range(1, 6), "tsmultirange": []}
    assert kept == expected
    assert isinstance(kept["int4multirange"], MultiRange) and isinstance(kept["numrange"].lower, Decimal)
    assert set(connection.execute(select(table).where(table.c.id == 2)).one()[1:]) == {None}
    third = connection.execute(select(table.c.int4range, table.c.int8range).where(table.c.id == 3)).one()
    assert third == (Range(3, 9), Range(empty=True))

    def ids(criterion: Any) -> list[int]:
        return list(connection.execute(select(table.c.id).where(criterion).order_by(table.c.id)).scalars())

    one, many = table.c.int4range, table.c.int4multirange
    assert ids(one.contains(3)) == ids(one.contains(Range(3, 4))) == [1, 3]
    assert ids(one.contained_by(Range(0, 6))) == ids(one == Range(1, 6)) == ids(one.in_([Range(1, 6)])) == [1]
    assert ids(one.overlaps(Range(6, 20))) == ids(one.not_extend_left_of(Range(3, 4))) == [3]
    assert ids(one.strictly_left_of(Range(6, 9))) == ids(one << Range(6, 9)) == [1]
    assert ids(one.strictly_right_of(Range(0, 1))) == ids(one >> Range(0, 1)) == [1, 3]
    assert ids(one.not_extend_right_of(Range(0, 6))) == ids(one.adjacent_to(Range(6, 7))) == [1]
    assert ids(many.contains(8)) == ids(many.contains([Range(1, 2), Range(7, 8)])) == [1]
    assert ids(many.overlaps(Range(8, 20))) == ids(many.contains(Range(7, 8))) == [1]
    assert ids(table.c.daterange.contains(dt.date(2030, 1, 1))) == [1]
    made = select(one + Range(6, 8), one - Range(1, 2), one * Range(2, 3), one.union(Range(6, 7)), func.lower(one))
    first = connection.execute(made.where(table.c.id == 1)).one()
    assert first[:4] == (Range(1, 8), Range(2, 6), Range(2, 3), Range(1, 7))
    assert [str(c["type"]) for c in inspect(connection).get_columns("ranges")][1:] == KINDS


def test_ranges_have_types_without_columns(connection: Connection) -> None:
    values = [
        Range(1, 5), Range(1, 2**40), Range(Decimal(1), None), Range(dt.date(2020, 1, 1), None),
        Range(None, dt.datetime(2020, 1, 1)), Range(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None),
        MultiRange([Range(1, 2)]),
    ]  # fmt: skip

    kinds = [type(literal(v).type).__name__ for v in values]
    assert kinds == ["INT4RANGE", "INT8RANGE", "NUMRANGE", "DATERANGE", "TSRANGE", "TSTZRANGE", "INT4MULTIRANGE"]
    assert list(connection.execute(select(*map(literal, values))).one()) == values
    raw = "SELECT int4range(1, 5), '{[1,2)}'::int4multirange, 'empty'::daterange, numrange(NULL, 2.5)"
    read = connection.exec_driver_sql(raw).one()
    assert read == (Range(1, 5), [Range(1, 2)], Range(empty=True), Range(None, Decimal("2.5"), bounds="()"))
    many = literal([Range(1, 2), None], ARRAY(pg.INT4RANGE))
    assert connection.scalar(select(cast(many, ARRAY(pg.INT4RANGE)))) == [Range(1, 2), None]


def test_ranges_that_do_not_fit_are_refused(connection: Connection) -> None:
    column = Column("r", pg.INT4RANGE)
    table = Table("t", MetaData(), column)
    table.create(connection)

    for value, message in (
        (Range(1, 2**40), "r"), (5, "a Range"), (Range(1, 2, bounds="x"), "bounds are one of"),
        (Range("a", "b"), "int"),
    ):  # fmt: skip
        with pytest.raises((exc.DataError, exc.StatementError), match=message), connection.begin_nested():
            connection.execute(insert(table), {"r": value})
    many = select(literal(["[1,2)"], ARRAY(pg.INT4RANGE)))
    with pytest.raises((exc.DataError, exc.StatementError), match="does not fit among the elements"):
        connection.execute(many)
    with create_engine("sqlite://").connect() as lite:  # noqa: SIM117
        with pytest.raises((exc.DataError, exc.StatementError), match="SQLite has no ranges"):
            lite.execute(select(literal(Range(1, 2), pg.INT4RANGE)))


def test_ranges_answer_as_the_server_does(connection: Connection) -> None:
    ends = [(None, None), (1, 5), (1, None), (None, 5), (5, 8), (4, 6), (1, 1), (6, 8), (2, 3)]
    values = [Range(a, b, bounds=k) for a, b in ends for k in ("[)", "()", "[]", "(]")] + [Range(empty=True)]
    values = [v for v in values if v.empty or holds_something(v)]
    ask = text(
        "SELECT a = b, a @> b, a <@ b, a && b, a << b, a >> b, a -|- b, a * b "
        "FROM (SELECT CAST(:a AS int4range) AS a, CAST(:b AS int4range) AS b) AS pair"
    )

    for a in values:
        for b in values:
            server = connection.execute(ask, {"a": str(a), "b": str(b)}).one()
            mine = (
                a == b, a.contains(b), a.contained_by(b), a.overlaps(b), a << b, a >> b, a.adjacent_to(b), a * b,
            )  # fmt: skip
            assert mine == tuple(server), (str(a), str(b))


def holds_something(value: Range[int]) -> bool:
    """Whether a range is one to the server; one without a number in it is `empty` there."""
    if value.lower is None or value.upper is None:
        return True
    return value.lower + (not value.lower_inc) <= value.upper - (not value.upper_inc)


def test_ranges_are_put_together_and_taken_apart() -> None:
    assert Range(1, 5) + Range(4, 8) == Range(1, 8) == Range(1, 5) + Range(5, 8)
    assert Range(1, 5) - Range(3, 9) == Range(1, 3) and Range(3, 9) - Range(1, 5) == Range(5, 9)
    assert (Range(1, 5) - Range(0, 9)).empty and Range(1, 5) - Range(7, 9) == Range(1, 5)
    assert Range(1, 4, bounds="[]") == Range(1, 5) and Range(1.0, 4.0, bounds="[]") != Range(1.0, 4.0)
    assert 3 in Range(1, 5) and 5 not in Range(1, 5) and 1 not in Range(empty=True)
    assert (str(Range(1, None, bounds="()")), str(Range(empty=True)), str(Range(None, 3))) == ("(1,)", "empty", "[,3)")
    assert bool(Range(1, 2)) and not Range(empty=True) and Range(empty=True).isempty
    assert (Range(1, 2).lower_inc, Range(1, 2).upper_inc, Range(None, 2).lower_inf, Range(1, 2).upper_inf) == (
        True, False, True, False,
    )  # fmt: skip
    with pytest.raises(ValueError, match="Adding non-overlapping and non-adjacent ranges"):
        Range(1, 2) + Range(5, 6)
    with pytest.raises(ValueError, match="Subtracting a strictly inner range"):
        Range(1, 9) - Range(3, 4)


@pytest.mark.feature("PG11")
def test_rows_that_exclude_each_other_are_refused(connection: Connection) -> None:
    meta = MetaData()
    table = Table(
        "stays", meta,
        Column("id", Integer, primary_key=True), Column("room", String), Column("span", pg.INT4RANGE, key="when"),
        ExcludeConstraint(("when", "&&"), name="no_overlap", where="room = 'a'", using="gist", deferrable=True),
        ExcludeConstraint((text("int4range(id, id + 1)"), "&&"), ops={"when": "range_ops"}),
    )  # fmt: skip

    written = " ".join(str(CreateTable(table).compile(dialect=connection.dialect)).split())
    exclude = "CONSTRAINT no_overlap EXCLUDE USING gist (span WITH &&) WHERE (room = 'a') DEFERRABLE"
    assert exclude in written
    assert "EXCLUDE USING gist (int4range(id, id + 1) WITH &&)" in written
    copied = " ".join(str(CreateTable(table.to_metadata(MetaData())).compile(dialect=connection.dialect)).split())
    assert exclude in copied
    table.create(connection)
    connection.execute(insert(table).values(id=1, room="a", when=Range(1, 5)))
    connection.execute(insert(table).values(id=2, room="b", when=Range(1, 5)))
    with pytest.raises(exc.IntegrityError, match="no_overlap"), connection.begin_nested():
        connection.execute(insert(table).values(id=3, room="a", when=Range(4, 6)))
    with pytest.raises(exc.ArgumentError, match="takes pairs of a column and an operator, got 'room'"):
        ExcludeConstraint("room")  # type: ignore[arg-type]
    with pytest.raises(exc.CompileError, match="EXCLUDE is PostgreSQL's"):
        str(CreateTable(table))


@pytest.mark.feature("PG10")
def test_texts_are_searched(connection: Connection) -> None:
    table = Table("d", MetaData(), Column("id", Integer, primary_key=True), Column("body", Text),
                  Column("v", pg.TSVECTOR), Column("q", pg.TSQUERY))  # fmt: skip
    table.create(connection)
    bodies = {1: "the quick brown fox", 2: "a lazy dog sleeps", 3: "foxes and dogs"}
    for id_, body in bodies.items():
        vector = pg.to_tsvector("english", literal(body))
        connection.execute(insert(table).values(id=id_, body=body, v=vector, q="fox & !dog"))
    v = table.c.v

    def ids(query: Any) -> list[int]:
        return list(connection.execute(select(table.c.id).where(v.bool_op("@@")(query)).order_by(table.c.id)).scalars())

    assert ids(pg.to_tsquery("english", "fox & !dog")) == [1]
    assert ids(pg.plainto_tsquery("english", "foxes dogs")) == [3]
    assert ids(pg.phraseto_tsquery("english", "brown fox")) == [1]
    assert ids(pg.websearch_to_tsquery("english", "fox or dog")) == [1, 2, 3]
    assert ids(table.c.q) == [1]
    marked = select(pg.ts_headline("english", table.c.body, pg.to_tsquery("english", "fox"), "StartSel=<,StopSel=>"))
    assert connection.scalar(marked.where(table.c.id == 1)) == "the quick brown <fox>"
    assert connection.scalar(select(pg.to_tsvector("english", "a fox ran"))) == "'fox':2 'ran':3"
    for query in (
        "'a' & ( 'b' | !'c' )", "'a' <-> 'b' <3> 'c'", "'x':*AB | 'it''s'", "!( 'a' | 'b' )", "'a' <-> ( 'b' <-> 'c' )",
    ):  # fmt: skip
        plain = connection.exec_driver_sql(f"SELECT $q${query}$q$::tsquery, $q${query}$q$::tsquery::text").one()
        assert plain[0] == plain[1]
    assert connection.scalar(select(cast("", pg.TSQUERY))) == ""
    assert [str(c["type"]) for c in inspect(connection).get_columns("d")][2:] == ["TSVECTOR", "TSQUERY"]


DOCUMENT: dict[str, Any] = {"a": {"b": [1, 2, {"c": "x"}]}, "s": "t", "k": [1, 2, 3], "n": None}


@pytest.mark.feature("PG01")
def test_documents_are_asked_and_set_in_part(connection: Connection) -> None:
    table = Table("d", MetaData(), Column("id", Integer, primary_key=True), Column("j", pg.JSON), Column("b", pg.JSONB))
    table.create(connection)
    connection.execute(insert(table).values(id=1, j=DOCUMENT, b=DOCUMENT))
    j, b = table.c.j, table.c.b

    answers: list[tuple[Any, Any]] = [
        (j["a"]["b"][0], 1), (j["s"].astext, "t"), (j["a", "b", 2, "c"], "x"), (j["a", "b", 1].astext, "2"),
        (b["a"]["b"][0], 1), (b["s"].astext, "t"), (b["a", "b", 2], {"c": "x"}), (b["a", "b", 1].astext, "2"),
        (b.contains({"s": "t"}), True), (b.contained_by({**DOCUMENT, "more": 1}), True),
        (b.has_key("s"), True), (b.has_any(["s", "z"]), True), (b.has_any(pg.array(["y", "z"])), False),
        (b.has_all(["s", "a"]), True), (b.has_all(pg.array(["s", "z"])), False),
        (b.delete_path(["a", "b"])["a"], {}), (b.delete_path(pg.array(["a", "b"]))["a"], {}),
        (b.path_exists("$.a.b[*] ? (@ > 1)"), True), (b.path_match('$.s == "t"'), True),
        (b["k"][-1], 3), (b["k"][0].as_integer(), 1), (b["s"].as_string(), "t"),
        (b + literal({"q": 1}, pg.JSONB), {**DOCUMENT, "q": 1}), (b["k"].concat(literal([4], pg.JSONB)), [1, 2, 3, 4]),
    ]  # fmt: skip
    for expression, answer in answers:
        assert connection.scalar(select(expression)) == answer, str(expression)

    settings: list[tuple[dict[Any, Any], dict[str, Any]]] = [
        ({b["s"]: "new"}, {"s": "new"}), ({b["a"]["b"]: [9]}, {"a": {"b": [9]}}), ({b["k"][1]: 77}, {"k": [1, 77, 3]}),
        ({b["fresh"]: {"q": 1}, b["s"]: None}, {"fresh": {"q": 1}, "s": None}), ({b["s"]: b["k"][0]}, {"s": 1}),
        ({b["s"]: literal("z", pg.JSONB), "j": [1]}, {"s": "z"}),
    ]  # fmt: skip
    for values, changed in settings:
        nested = connection.begin_nested()
        connection.execute(update(table).where(table.c.id == 1).values(values))
        assert connection.scalar(select(b)) == {**DOCUMENT, **changed}
        nested.rollback()
    text_ = str(update(table).values({b["a"]["b"]: [9]}).compile(dialect=connection.dialect))
    assert text_ == "UPDATE d SET b[$1::TEXT][$2::TEXT]=$3::JSONB"
    with pytest.raises(exc.CompileError, match="Unconsumed column names"):
        connection.execute(update(table).values({j["a"]: 1}))  # json has no subscripts to set


def test_stores_are_asked_by_key(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS hstore")
    table = Table("h", MetaData(), Column("id", Integer, primary_key=True), Column("s", pg.HSTORE))
    table.create(connection)
    store = {"a": "1", "b": None, 'q"\\': "x,y=>'"}
    connection.execute(insert(table), [{"id": 1, "s": store}, {"id": 2, "s": {}}, {"id": 3, "s": None}])
    s = table.c.s

    def ask(expression: Any) -> Any:
        return connection.scalar(select(expression).where(table.c.id == 1))

    assert connection.execute(select(s).order_by(table.c.id)).scalars().all() == [store, {}, None]
    assert ask(s["a"]) == "1" and ask(s["b"]) is None
    assert (ask(s.has_key("b")), ask(s.has_all(["a", "z"])), ask(s.has_any(["a", "z"]))) == (True, False, True)
    assert (ask(s.contains({"a": "1"})), ask(s.contained_by({"a": "1"})), ask(s.defined("b"))) == (True, False, False)
    assert ask(s + {"z": "9"}) == {**store, "z": "9"}
    assert ask(s.delete("a")) == {k: v for k, v in store.items() if k != "a"}
    assert ask(s.delete({"a": "1"})) == ask(s.delete("a")) == ask(s.delete(["a"])) and ask(s.slice(["a"])) == {"a": "1"}
    assert sorted(ask(s.keys())) == sorted(store) and len(ask(s.vals())) == 3
    assert len(ask(s.array())) == 6 and ["a", "1"] in ask(s.matrix())
    assert connection.scalar(select(func.count()).select_from(table).where(s == store)) == 1
    for value, message in (
        (5, "a dict"), ({"a": 1}, "a value of an hstore"), ({1: "a"}, "a key of an hstore"), ({"a": "\0"}, "NUL"),
    ):  # fmt: skip
        with pytest.raises((exc.DataError, exc.StatementError), match=message):
            connection.execute(insert(table), {"id": 9, "s": value})
    assert [str(c["type"]) for c in inspect(connection).get_columns("h")][1] == "HSTORE"


def test_amounts_are_digits(connection: Connection) -> None:
    table = Table("m", MetaData(), Column("id", Integer, primary_key=True), Column("m", pg.MONEY))
    table.create(connection)
    connection.execute(insert(table), [{"id": 1, "m": "12.34"}, {"id": 2, "m": "-1234567.05"}, {"id": 3, "m": None}])

    kept = connection.execute(select(table.c.m).order_by(table.c.id)).scalars().all()
    assert kept == ["12.34", "-1234567.05", None]
