"""Connection.execute with statements: parameters, defaults, keys, streaming, options, the cache."""

from __future__ import annotations

import gc
import logging
import re
import sys

import pytest

from pyorm import Column, Integer, MetaData, String, Table, _core, event, exc
from pyorm.engine import Engine, create_engine

insert, select, text, update = _core.insert, _core.select, _core.text, _core.update


@pytest.fixture
def things(db, engine: Engine) -> Table:
    number = "SERIAL PRIMARY KEY" if db.name == "postgresql" else "INTEGER PRIMARY KEY"
    db.script(f"CREATE TABLE things (id {number}, a VARCHAR, b INTEGER, c INTEGER)")
    calls: list[int] = []

    def next_c(context) -> int:
        calls.append(1)
        return context.get_current_parameters()["b"] * 10

    table = Table(
        "things",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("a", String),
        Column("b", Integer, default=7, onupdate=lambda: 8),
        Column("c", Integer, default=next_c),
    )
    table.info["calls"] = calls
    return table


@pytest.fixture
def connection(engine: Engine):
    with engine.connect() as made:
        yield made


@pytest.mark.feature("CONN01")
def test_rows_come_when_a_statement_is_executed(connection, things: Table) -> None:
    connection.execute(insert(things), {"a": "x", "b": 1, "c": 2})

    assert connection.execute(select(things)).all() == [(1, "x", 1, 2)]
    assert connection.scalar(select(things.c.a)) == "x"
    assert connection.scalars(select(things.c.b)).all() == [1]
    assert connection.execute(text("SELECT :x AS y"), {"x": "v"}).one().y == "v"


@pytest.mark.feature("RES19")
def test_values_are_found_by_column_when_the_statement_names_it(connection, things) -> None:
    connection.execute(insert(things), {"a": "x", "b": 1, "c": 2})
    label = things.c.b.label("bee")

    row = connection.execute(select(label, things.c.a)).one()

    assert row._mapping[things.c.a] == row._mapping["a"] == "x"
    assert row._mapping[label] == row._mapping[things.c.b] == row.bee == 1
    assert things.c.a in row._mapping
    assert things.c.id not in row._mapping
    with pytest.raises(exc.NoSuchColumnError, match=re.escape("things.id")):
        _ = row._mapping[things.c.id]
    for _ in range(2):
        alias = things.alias()
        row = connection.execute(select(alias.c.a, alias.c.b)).one()
        assert row._mapping[alias.c.b] == 1
        assert connection.execute(select(alias)).one()._mapping[alias.c.a] == "x"
        assert connection.execute(select(alias.c.a)).scalars(alias.c.a).one() == "x"
    assert connection.execute(text("SELECT a FROM things")).one()._mapping[things.c.a] == "x"


@pytest.mark.feature("RES12")
def test_the_key_is_known_when_a_row_was_inserted(connection, things: Table) -> None:
    first = connection.execute(insert(things), {"a": "x"})
    second = connection.execute(insert(things).values(id=50, a="y"))

    assert first.inserted_primary_key == (1,)
    assert first.inserted_primary_key.id == 1
    assert second.inserted_primary_key == (50,)
    assert first.is_insert
    assert not first.returns_rows
    assert first.inserted_primary_key_rows == [(1,)]


def test_defaults_are_made_when_nobody_gives_a_value(connection, things: Table) -> None:
    mine = {"a": "x"}

    result = connection.execute(insert(things), mine)
    connection.execute(insert(things).values(a="y", b=3))
    connection.execute(insert(things), [{"a": "p"}, {"a": "q"}])

    assert mine == {"a": "x"}
    assert result.last_inserted_params() == {"a": "x", "b": 7, "c": 70}
    rows = connection.execute(select(things.c.a, things.c.b, things.c.c)).all()
    assert rows == [("x", 7, 70), ("y", 3, 30), ("p", 7, 70), ("q", 7, 70)]
    assert len(things.info["calls"]) == 4
    connection.execute(update(things).where(things.c.a == "x").values(a="z"))
    assert connection.scalar(select(things.c.b).where(things.c.a == "z")) == 8


@pytest.mark.feature("CONN25")
def test_every_set_is_inserted_when_a_list_is_given(connection, things: Table) -> None:
    result = connection.execute(insert(things), [{"a": f"n{i}", "b": i} for i in range(500)])

    assert result.rowcount == 500
    assert connection.execute(select(things)).all()[-1][1:3] == ("n499", 499)


@pytest.mark.feature("CONN26")
def test_rows_come_in_order_when_a_list_is_inserted_with_returning(connection, things) -> None:
    statement = insert(things).returning(things.c.id, things.c.a)

    rows = connection.execute(statement, [{"a": f"n{i}"} for i in range(20)]).all()

    assert [row.a for row in rows] == [f"n{i}" for i in range(20)]
    assert [row.id for row in rows] == sorted(row.id for row in rows)


@pytest.mark.feature("CONN30")
def test_lists_are_compared_when_in_has_any_length(connection, things: Table) -> None:
    connection.execute(insert(things), [{"id": i, "a": f"n{i}"} for i in range(1, 41)])

    def ids(values) -> list[int]:
        return sorted(connection.scalars(select(things.c.id).where(things.c.id.in_(values))))

    for wanted in ([], [3], [3, 4], list(range(1, 8)), list(range(1, 41))):
        assert ids(wanted) == wanted
    names = select(things.c.id).where(things.c.a.in_(["n1", "n'2", "n3"]))
    assert sorted(connection.scalars(names)) == [1, 3]
    pairs = _core.tuple_(things.c.id, things.c.a).in_([(1, "n1"), (2, "x")])
    assert connection.scalars(select(things.c.id).where(pairs)).all() == [1]


@pytest.mark.feature("CONN34")
def test_the_missing_parameter_is_named_when_a_value_is_missing(connection, things) -> None:
    with pytest.raises(exc.StatementError, match="A value is required for bind parameter 'x'") as e:
        connection.execute(text("SELECT :x"), {"y": 1})
    assert e.value.code == "cd3x"
    assert str(e.value).count("cd3x") == 1
    assert "[SQL: SELECT" in str(e.value)
    with pytest.raises(exc.StatementError, match="'a', in parameter group 1"):
        connection.execute(insert(things), [{"a": "x", "b": 1}, {"b": 2}])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([1], "List argument must consist only of dictionaries"),
        ((1,), "List argument must consist only of dictionaries"),
        (5, "mapping or list expected for parameters"),
    ],
)
def test_argument_error_when_parameters_are_no_dicts(connection, parameters, message) -> None:
    with pytest.raises(exc.ArgumentError, match=message):
        connection.execute(text("SELECT :x"), parameters)


def test_a_deprecation_warning_when_the_list_of_parameters_is_empty(connection) -> None:
    with pytest.warns(exc.SADeprecationWarning, match="Empty parameter sequence"):
        assert connection.execute(text("SELECT 1"), []).scalar() == 1


@pytest.mark.parametrize("thing", ["SELECT 1", 5, None])
def test_object_not_executable_when_it_is_no_statement(connection, thing) -> None:
    with pytest.raises(exc.ObjectNotExecutableError, match="Not an executable object"):
        connection.execute(thing)


@pytest.mark.feature("CONN17")
@pytest.mark.feature("CONN18")
def test_rows_come_in_batches_when_they_are_streamed(connection, things: Table) -> None:
    connection.execute(insert(things), [{"a": "x"} for _ in range(10)])

    streamed = connection.execute(select(things.c.id), execution_options={"stream_results": True})
    assert streamed.scalars().all() == list(range(1, 11))
    batches = connection.execute(select(things.c.id), execution_options={"yield_per": 4})
    assert [len(batch) for batch in batches.partitions()] == [4, 4, 2]
    own = select(things.c.id).execution_options(yield_per=6)
    assert [len(batch) for batch in connection.execute(own).partitions()] == [6, 4]


@pytest.mark.feature("CONN29")
@pytest.mark.feature("LOG02")
def test_the_log_says_where_the_text_came_from_when_a_statement_is_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine(url)
    caplog.set_level(logging.INFO, "pyorm.engine")

    with engine.connect() as connection:
        for value in (1, 2):
            connection.execute(text("SELECT :x"), {"x": value})

    texts = [record.getMessage() for record in caplog.records]
    mark = "?" if engine.name == "sqlite" else "$1"
    assert texts[1] == texts[3] == f"SELECT {mark}"
    assert re.fullmatch(r"\[generated in \d\.\d{5}s\] \(1,\)", texts[2])
    assert re.fullmatch(r"\[cached since [\d.e-]+s ago\] \(2,\)", texts[4])
    engine.dispose()


@pytest.mark.feature("ENG26")
@pytest.mark.feature("ENG27")
def test_the_text_is_made_once_when_statements_are_alike(url: str) -> None:
    engine = create_engine(url)
    uncached = create_engine(url, query_cache_size=0)

    with engine.connect() as connection:
        before = engine._cache_stats()["misses"]
        for value in range(5):
            connection.execute(select(_core.literal(value)))
        connection.execute(select(_core.literal(9)), execution_options={"compiled_cache": None})
        assert engine._cache_stats()["misses"] == before + 1
    with uncached.connect() as connection:
        assert connection.scalar(select(_core.literal(3))) == 3
    engine.dispose()
    uncached.dispose()


@pytest.mark.feature("CONN20")
def test_another_schema_is_meant_when_it_is_translated(db, engine: Engine) -> None:
    if db.name == "postgresql":
        db.script("CREATE SCHEMA other; CREATE TABLE other.t (id INTEGER)")
    table = Table("t", MetaData(), Column("id", Integer), schema="mine")
    with engine.connect() as connection:
        if db.name == "sqlite":
            connection.exec_driver_sql("ATTACH DATABASE ':memory:' AS other")
            connection.exec_driver_sql("CREATE TABLE other.t (id INTEGER)")
            connection.commit()
        connection.execution_options(schema_translate_map={"mine": "other"})
        connection.execute(insert(table), {"id": 5})
        assert connection.execute(select(table)).all() == [(5,)]
        assert connection.schema_for_object(table) == "other"


@pytest.mark.feature("EVT10")
def test_listeners_see_and_replace_when_a_statement_is_executed(engine: Engine) -> None:
    seen: list[object] = []

    @event.listens_for(engine, "before_execute", retval=True)
    def before(conn, clauseelement, multiparams, params, execution_options):
        seen.append(("before", params))
        return clauseelement, multiparams, {"x": "two"}

    @event.listens_for(engine, "after_execute")
    def after(conn, clauseelement, multiparams, params, execution_options, result):
        seen.append(("after", params))

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def cursor(conn, cursor, statement, parameters, context, executemany):
        seen.append(parameters)
        return "/* mine */ " + statement, ("three",)

    with engine.connect() as connection:
        result = connection.execute(text("SELECT :x || '!'"), {"x": "one"})
        assert result.scalar() == "three!"
    assert seen == [("before", {"x": "one"}), ("two",), ("after", {"x": "two"})]


def test_few_python_frames_run_when_a_cached_statement_is_executed(connection, things) -> None:
    def run() -> object:
        return connection.execute(select(things).where(things.c.id == 5)).first()

    run()
    run()
    frames: list[str] = []

    def count(frame, kind: str, arg: object) -> None:
        if kind == "call":
            frames.append(frame.f_code.co_qualname)

    gc.disable()  # its callbacks are Python functions of other programs

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
        gc.enable()

    assert len(frames) <= 2, frames


def test_the_value_is_named_when_it_does_not_fit_its_column(connection, things: Table) -> None:
    with pytest.raises(exc.StatementError) as caught:
        connection.execute(insert(things), {"a": "x", "b": "no number"})

    assert "things.b" in str(caught.value)
    connection.rollback()
    assert connection.execute(select(things)).all() == []
