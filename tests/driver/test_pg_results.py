"""Results and batches of the PostgreSQL driver."""

from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

import pytest

from pyorm import _coretest
from tests.driver.pg_raw import BOUNDED, NONE, STREAM, Conn, DriverError, call

# AddressSanitizer keeps what was freed in a quarantine of this size.
QUARANTINE_KIB = 512 * 1024 if "ASAN_OPTIONS" in os.environ else 0
BIG = "SELECT g, repeat('x', 100) FROM generate_series(1, {n}) g"


def resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def streamed() -> int:
    counters = _coretest._counters()
    return counters["pg_stream_single"] + counters["pg_stream_chunked"]


def test_columns_are_described_when_a_result_has_none_of_its_rows_read(pg: Conn) -> None:
    cursor = pg.exec("SELECT 1 AS a, NULL::text AS b", mode=STREAM)

    assert cursor.columns == [("a", 23, 1), ("b", 25, 1)]
    assert cursor.rest() == [(b"\0\0\0\1", None)]
    assert cursor.rowcount == 1
    cursor.close()


def test_empty_result_has_columns_when_streamed(pg: Conn) -> None:
    cursor = pg.exec("SELECT 1 AS a WHERE false", mode=STREAM)

    assert cursor.fetch() == ([], True)
    assert cursor.columns == [("a", 23, 1)]
    cursor.close()


@pytest.mark.parametrize(("sql", "count"), [("UPDATE t SET a = 1", 2), ("CREATE TABLE u ()", -1)])
def test_rowcount_is_the_tags_when_there_are_no_rows(pg: Conn, sql: str, count: int) -> None:
    pg.run("CREATE TABLE t (a int)")
    pg.run("INSERT INTO t VALUES (1), (2)")

    assert pg.run(sql) == count


def test_rows_are_dropped_when_nobody_wants_them(pg: Conn) -> None:
    cursor = pg.exec("SELECT 1", mode=NONE)

    assert cursor.fetch() == ([], True)
    assert cursor.rowcount == 1
    cursor.close()


def test_memory_stays_flat_when_a_million_rows_are_streamed(pg: Conn) -> None:
    before, ways = resident_kib(), streamed()

    cursor = pg.exec(BIG.format(n=1_000_000), mode=STREAM)
    rows, batches, _ = call("pg_skim", cursor.capsule)
    cursor.close()

    assert rows == 1_000_000
    assert batches < 100_000  # rows that are here come together
    assert resident_kib() - before < 8 * 1024 + QUARANTINE_KIB
    assert streamed() == ways + 1


def test_result_is_buffered_when_the_text_says_bounded(pg: Conn) -> None:
    ways = streamed()

    cursor = pg.exec("SELECT 1", flags=BOUNDED, mode=STREAM)
    cursor.close()

    assert streamed() == ways


def test_stream_is_buffered_when_another_statement_comes(pg: Conn) -> None:
    pg.do("begin")
    cursor = pg.exec(BIG.format(n=10_000), mode=STREAM)
    first, _ = cursor.fetch()

    between = pg.text("SELECT 'between'")
    rest = cursor.rest()

    assert between == "between"
    assert len(first) + len(rest) == 10_000
    assert rest[-1][0] == (10_000).to_bytes(4)
    cursor.close()


def test_stream_gives_its_rows_before_the_error_when_it_fails_half_way(pg: Conn) -> None:
    pg.do("begin")
    cursor = pg.exec("SELECT 1 / (5000 - g) FROM generate_series(1, 9000) g", mode=STREAM)

    rows = 0
    with pytest.raises(DriverError, match="22012"):
        while True:
            batch, last = cursor.fetch()
            rows += len(batch)
            assert not last

    cursor.close()
    # libpq drops the chunk that was not full when the error came.
    assert 4999 - 127 <= rows <= 4999
    assert pg.state == "failed"


def test_stream_keeps_its_error_when_another_statement_met_it(pg: Conn) -> None:
    cursor = pg.exec("SELECT 1 / (5000 - g) FROM generate_series(1, 9000) g", mode=STREAM)

    assert pg.text("SELECT 'fine'") == "fine"

    with pytest.raises(DriverError, match="22012"):
        cursor.rest()
    cursor.close()


def test_transaction_stays_open_when_a_stream_is_abandoned_in_it(pg: Conn) -> None:
    pg.do("begin")
    cursor = pg.exec(BIG.format(n=100_000), mode=STREAM)
    cursor.fetch()
    cursor.close()

    assert pg.state == "open"
    assert pg.text("SELECT 'fine'") == "fine"


def test_statement_is_cancelled_when_an_endless_stream_is_abandoned(pg: Conn) -> None:
    cursor = pg.exec("SELECT generate_series(1, 1000000000000)", mode=STREAM)
    cursor.fetch()
    cursor.close()

    assert pg.state == "idle"
    assert pg.text("SELECT 'fine'") == "fine"


def test_stream_is_closed_when_its_transaction_is_rolled_back(pg: Conn) -> None:
    pg.do("begin")
    cursor = pg.exec("SELECT generate_series(1, 1000000000000)", mode=STREAM)
    cursor.fetch()

    pg.do("rollback")

    assert pg.state == "idle"
    with pytest.raises(DriverError, match="ROLLBACK"):
        cursor.rest()
    cursor.close()


def test_stream_is_read_to_its_end_when_its_transaction_commits(pg: Conn) -> None:
    pg.do("begin")
    cursor = pg.exec(BIG.format(n=5000), mode=STREAM)

    pg.do("commit")

    assert len(cursor.rest()) == 5000
    cursor.close()


def test_cursor_outlives_its_connection_when_that_is_closed(pg: Conn) -> None:
    whole = pg.exec("SELECT 1")
    stream = pg.exec(BIG.format(n=100_000), mode=STREAM)

    pg.close()

    assert whole.rest() == [(b"\0\0\0\1",)]
    with pytest.raises(DriverError, match="closed"):
        stream.rest()
    whole.close()
    stream.close()


def test_batch_counts_each_set_when_all_run(pg: Conn) -> None:
    pg.run("CREATE TABLE t (a int)")
    pg.run("INSERT INTO t SELECT g % 3 FROM generate_series(1, 300) g")
    before = pg.waits

    counts, _ = pg.many("UPDATE t SET a = a WHERE a = $1", [("0",), ("7",), ("1",)])

    assert counts == [100, 0, 100]
    assert pg.waits - before == 1


def test_batch_returns_rows_in_the_order_of_its_sets(pg: Conn) -> None:
    pg.run("CREATE TABLE t (id serial, v text)")
    sets: list[tuple[str | None, ...]] = [(f"v{i}",) for i in range(3000)]

    counts, rows = pg.many("INSERT INTO t (v) VALUES ($1) RETURNING v", sets, rows=True)

    assert counts == [1] * 3000
    assert rows == [(f"v{i}".encode(),) for i in range(3000)]


def test_batch_keeps_the_order_when_sets_return_none_or_several_rows(pg: Conn) -> None:
    _, rows = pg.many(
        "SELECT $1::text FROM generate_series(1, $1::int)",
        [("1",), ("0",), ("3",), ("1",), ("1",), ("0",)],
        rows=True,
    )

    assert rows == [(b"1",), (b"3",), (b"3",), (b"3",), (b"1",), (b"1",)]


def test_batch_names_the_failing_set_when_one_fails(pg: Conn) -> None:
    pg.run("CREATE TABLE t (id int PRIMARY KEY)")
    sets: list[tuple[str | None, ...]] = [(str(i),) for i in range(20_000)]
    sets[12_345] = ("7",)

    with pytest.raises(DriverError) as caught:
        pg.many("INSERT INTO t VALUES ($1)", sets)

    assert caught.value.row == 12_345
    assert caught.value.constraint == "t_pkey"
    assert pg.state == "idle"
    assert pg.text("SELECT count(*)::text FROM t") == "0"


def test_batch_does_not_block_when_both_directions_are_full(pg: Conn) -> None:
    # 40 MB each way, far more than the sockets' buffers hold.
    text = "x" * 20_000

    counts, rows = pg.many("SELECT $1::text", [(text,)] * 2000, rows=True)

    assert rows is not None
    assert len(counts) == len(rows) == 2000
    assert rows[-1] == (text.encode(),)


def test_batch_is_undone_when_its_statement_was_stale(pg: Conn, other: Conn) -> None:
    pg.run("CREATE TABLE t (a int)")
    sql = "INSERT INTO t VALUES ($1) RETURNING *"
    pg.many(sql, [("1",)], key=1, rows=True)
    pg.many(sql, [("1",)], key=1, rows=True)
    other.run("ALTER TABLE t ADD b int")

    _, rows = pg.many(sql, [("2",), ("3",)], key=1, rows=True)

    assert rows == [(b"\0\0\0\2", None), (b"\0\0\0\3", None)]
    assert pg.text("SELECT count(*)::text FROM t") == "4"


def test_connection_is_serialised_when_threads_share_it(pg: Conn) -> None:
    found: list[str | None] = []

    def work(me: int) -> None:
        for i in range(200):
            value = f"{me}-{i}"
            if pg.text("SELECT $1", value, key=1) != value:
                found.append(value)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == []
