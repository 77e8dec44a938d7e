"""Result and Row: how rows are fetched, what a row answers to, what is refused and how."""

from __future__ import annotations

import gc
import pickle
import sys
import weakref
from collections.abc import Mapping

import pytest

from pyorm import exc
from pyorm.engine import Engine, Row, RowMapping

THREE = "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' UNION ALL SELECT 3, 'z' ORDER BY 1"


@pytest.fixture
def connection(engine: Engine):
    with engine.connect() as made:
        yield made


@pytest.fixture
def three(connection):
    return lambda: connection.exec_driver_sql(THREE)


@pytest.fixture
def run(connection):
    return connection.exec_driver_sql


@pytest.mark.feature("RES01")
def test_rows_are_named_tuples_when_a_result_is_iterated(three) -> None:
    rows = list(three())

    assert rows == [(1, "x"), (2, "y"), (3, "z")]
    first = rows[0]
    assert isinstance(first, (Row, tuple))
    assert (first.a, first.b, first[0], first[-1]) == (1, "x", 1, "x")
    a, b = first
    assert (a, b) == (1, "x")
    with pytest.raises(AttributeError, match="Could not locate column in row for column 'zz'"):
        _ = first.zz
    with pytest.raises(TypeError):
        _ = first["a"]
    with pytest.raises(AttributeError):
        first.a = 5


@pytest.mark.feature("RES02")
def test_the_number_of_rows_is_checked_when_one_is_asked_for(three, run) -> None:
    assert three().all() == three().fetchall() == [(1, "x"), (2, "y"), (3, "z")]
    assert three().first() == (1, "x")
    assert run("SELECT 1 WHERE 1 = 0").first() is None
    assert run("SELECT 5").one() == (5,)
    assert run("SELECT 1 WHERE 1 = 0").one_or_none() is None
    with pytest.raises(exc.NoResultFound, match="No row was found when one was required"):
        run("SELECT 1 WHERE 1 = 0").one()
    with pytest.raises(exc.MultipleResultsFound, match="exactly one was required"):
        three().one()
    with pytest.raises(exc.MultipleResultsFound, match="one or none was required"):
        three().one_or_none()


@pytest.mark.feature("RES03")
def test_bare_values_come_when_scalars_are_asked_for(three, run) -> None:
    assert three().scalars().all() == [1, 2, 3]
    assert three().scalars(1).all() == list(three().scalars("b")) == ["x", "y", "z"]
    assert three().scalar() == three().scalars().first() == 1
    assert run("SELECT 5").scalar_one() == run("SELECT 5").scalar_one_or_none() == 5
    assert run("SELECT 1 WHERE 1 = 0").scalar() is None
    with pytest.raises(exc.NoResultFound):
        run("SELECT 1 WHERE 1 = 0").scalar_one()
    with pytest.raises(exc.MultipleResultsFound):
        three().scalar_one_or_none()
    with pytest.raises(IndexError):
        three().scalars(5)


@pytest.mark.feature("RES04")
def test_rows_are_mappings_when_mappings_are_asked_for(three) -> None:
    first = three().mappings().first()

    assert isinstance(first, (RowMapping, Mapping))
    assert dict(first) == {"a": 1, "b": "x"} == first
    assert first["b"] == first.get("b") == "x"
    assert first.get("zz", 7) == 7
    assert "a" in first
    assert "zz" not in first
    assert list(first) == list(first.keys()) == ["a", "b"]
    assert list(first.values()) == [1, "x"]
    assert list(first.items()) == [("a", 1), ("b", "x")]
    assert len(first) == 2
    assert repr(first) == "{'a': 1, 'b': 'x'}"
    assert [m["a"] for m in three().mappings().fetchmany(2)] == [1, 2]
    with pytest.raises(exc.NoSuchColumnError, match="Could not locate column in row for column"):
        _ = first["zz"]
    with pytest.raises(KeyError):
        _ = first[0]


@pytest.mark.feature("RES05")
def test_rows_come_in_pieces_when_fetch_is_used(three) -> None:
    result = three()

    assert result.fetchone() == (1, "x")
    assert result.fetchmany(1) == [(2, "y")]
    assert result.fetchmany() == [(3, "z")]
    assert result.fetchmany(5) == []
    assert result.fetchone() is None
    assert result.fetchall() == []


@pytest.mark.feature("RES06")
@pytest.mark.feature("RES10")
def test_lists_come_when_partitions_are_asked_for(three) -> None:
    assert list(three().partitions(2)) == [[(1, "x"), (2, "y")], [(3, "z")]]
    assert list(three().scalars().partitions(2)) == [[1, 2], [3]]
    assert list(three().yield_per(2).partitions()) == [[(1, "x"), (2, "y")], [(3, "z")]]
    assert three().yield_per(2).fetchmany() == [(1, "x"), (2, "y")]
    assert three().yield_per(2).all() == [(1, "x"), (2, "y"), (3, "z")]


@pytest.mark.feature("RES07")
def test_repeated_rows_are_dropped_when_unique_is_asked_for(run) -> None:
    sql = "SELECT 1 AS a, 1 AS b UNION ALL SELECT 1, 1 UNION ALL SELECT 1, 2"

    assert run(sql).unique().all() == [(1, 1), (1, 2)]
    assert list(run(sql).unique()) == [(1, 1), (1, 2)]
    assert run(sql).scalars().unique().all() == [1]
    assert run(sql).unique().scalars().all() == [1]
    assert run(sql).unique(lambda row: row.b == 9).all() == [(1, 1)]
    assert run(sql).unique().scalar_one() == 1


@pytest.mark.feature("RES08")
def test_columns_are_chosen_when_columns_are_named(three) -> None:
    assert three().columns("b", 0).all() == [("x", 1), ("y", 2), ("z", 3)]
    row = three().columns("b").first()
    assert row.b == "x"
    assert row._fields == ("b",)
    assert three().columns("b", "a").columns("a").all() == [(1,), (2,), (3,)]
    assert three().columns("b").scalars().all() == ["x", "y", "z"]
    assert three().columns("b").mappings().all() == [{"b": "x"}, {"b": "y"}, {"b": "z"}]
    with pytest.raises(exc.NoSuchColumnError):
        three().columns("zz")


@pytest.mark.feature("RES09")
def test_rows_can_be_read_again_when_a_result_was_frozen(three) -> None:
    frozen = three().freeze()

    assert frozen().all() == frozen().all() == [(1, "x"), (2, "y"), (3, "z")]
    assert frozen().first().b == "x"
    merged = three().merge(three())
    assert merged.scalars().all() == [1, 2, 3, 1, 2, 3]


@pytest.mark.feature("RES16")
def test_reading_raises_when_a_result_is_closed(three) -> None:
    with three() as result:
        assert not result.closed
        assert result.fetchone() == (1, "x")
    assert result.closed
    for read in (result.all, result.first, result.one, result.fetchone, result.scalar):
        with pytest.raises(exc.ResourceClosedError, match="This result object is closed"):
            read()
    assert list(result.keys()) == ["a", "b"]


def test_first_closes_and_all_does_not_when_a_result_is_read(three) -> None:
    result = three()
    result.all()
    assert result.all() == []
    assert result.first() is None
    with pytest.raises(exc.NoResultFound):
        result.one()
    assert not result.closed

    result = three()
    result.first()
    assert result.closed
    with pytest.raises(exc.ResourceClosedError):
        result.all()


def test_reading_raises_when_a_statement_returns_no_rows(db, run) -> None:
    db.script("CREATE TABLE t (id INTEGER PRIMARY KEY)")

    result = run("INSERT INTO t VALUES (1), (2)")

    assert (result.rowcount, result.returns_rows, result.closed) == (2, False, False)
    for read in (result.all, result.first, result.keys, result.scalar):
        with pytest.raises(exc.ResourceClosedError, match="does not return rows"):
            read()
    with pytest.raises(exc.InvalidRequestError, match="not an insert"):
        _ = result.inserted_primary_key


@pytest.mark.feature("RES11")
def test_rowcount_is_what_the_database_says_when_rows_change(db, run) -> None:
    db.script("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER)")
    run("INSERT INTO t VALUES (1, 1), (2, 1), (3, 2)")

    assert run("UPDATE t SET a = 5 WHERE a = 1").rowcount == 2
    assert run("DELETE FROM t WHERE a = 9").rowcount == 0
    result = run("DELETE FROM t")
    assert result.rowcount == 3
    assert result.supports_sane_rowcount()
    assert result.supports_sane_multi_rowcount()


@pytest.mark.feature("RES18")
@pytest.mark.feature("RES20")
def test_a_row_is_a_tuple_in_every_way_when_it_is_used_as_one(run) -> None:
    row = run("SELECT 1 AS a, 'x' AS b, NULL AS c").one()

    assert row == (1, "x", None)
    assert hash(row) == hash((1, "x", None))
    assert row < (2,)
    assert row[0:2] == (1, "x")
    assert type(row[0:2]) is tuple
    assert row + (5,) == (1, "x", None, 5)  # noqa: RUF005 - the operator is what is tested
    assert len(row) == 3
    assert "x" in row
    assert repr(row) == "(1, 'x', None)"
    assert row.count(1) == 1
    assert row.index("x") == 1
    assert row._fields == ("a", "b", "c")
    assert row._asdict() == {"a": 1, "b": "x", "c": None}
    assert "%s %s %s" % row == "1 x None"  # noqa: UP031 - the operator is what is tested
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(row, protocol))
        assert again == row
        assert (again.b, again._mapping["a"]) == ("x", 1)


@pytest.mark.feature("RES21")
def test_exact_tuples_come_when_they_are_asked_for(three) -> None:
    row = three().first()

    assert type(row._tuple()) is type(row.tuple()) is type(row.t) is type(row._t) is tuple
    assert row.t == (1, "x")
    assert [type(r) for r in three().tuples()] == [tuple] * 3


def test_the_later_column_wins_when_raw_sql_gives_two_one_name(run) -> None:
    result = run("SELECT 1 AS a, 2 AS a, 3 AS b")

    assert list(result.keys()) == ["a", "a", "b"]
    assert repr(result.keys()) == "RMKeyView(['a', 'a', 'b'])"
    row = result.one()
    assert (row.a, row._mapping["a"], row.b) == (2, 2, 3)


def test_a_method_is_meant_when_a_column_has_its_name(run) -> None:
    row = run("SELECT 7 AS \"count\", 8 AS \"index\", 9 AS t").one()

    assert row.count(7) == 1
    assert row._mapping["count"] == 7
    assert row.t == (7, 8, 9)


def test_two_results_can_be_read_in_turn_when_one_is_not_at_its_end(engine: Engine) -> None:
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n"
    with engine.connect().execution_options(stream_results=True) as connection:
        first = connection.exec_driver_sql(sql)
        assert first.fetchone() == (1,)
        second = connection.exec_driver_sql(sql)
        assert second.fetchone() == (1,)
        connection.commit()
        assert len(first.all()) == 999
        assert len(second.all()) == 999


def test_reading_raises_when_the_connection_was_closed_before(engine: Engine) -> None:
    connection = engine.connect()
    result = connection.execution_options(stream_results=True).exec_driver_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) SELECT i FROM n"
    )
    result.fetchone()
    connection.close()

    with pytest.raises(exc.ResourceClosedError):
        for _ in range(10_000):
            result.fetchone()


def test_no_python_frame_runs_when_rows_are_fetched(connection) -> None:
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i, 'x' AS a FROM n"
    result = connection.exec_driver_sql(sql)
    frames = 0

    def count(frame, event: str, arg: object) -> None:
        nonlocal frames
        frames += event == "call"

    gc.disable()  # a collection would run the finalizers of whatever earlier tests have left
    sys.setprofile(count)
    try:
        rows = result.all()
    finally:
        sys.setprofile(None)
        gc.enable()

    assert len(rows) == 500
    assert frames == 0


def test_rows_are_tracked_only_when_they_hold_what_the_collector_needs(run) -> None:
    row = run("SELECT 1 AS a, 'x' AS b").one()

    assert not gc.is_tracked(row)
    assert sys.getsizeof(row) == sys.getsizeof((1, "x")) + 8
    assert gc.is_tracked(Row((1, [])))


def test_a_result_is_freed_at_once_when_it_is_dropped(three) -> None:
    gc.collect()
    gc.disable()
    try:
        result = three()
        for _ in result:
            break
        reference = weakref.ref(result)
        del result
        assert reference() is None
    finally:
        gc.enable()
