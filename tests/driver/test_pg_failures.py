"""The PostgreSQL driver when something breaks: links, servers, deadlines, signals, forks."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.conftest import PostgresDatabase
from tests.driver.pg_proxy import Proxy
from tests.driver.pg_raw import STREAM, Conn, DriverError, dsn_of

ProxyMaker = Callable[[Callable[[bytes], str]], tuple[Conn, Proxy]]


@pytest.fixture
def through_proxy(pg_db: PostgresDatabase) -> Iterator[ProxyMaker]:
    """A function that connects through a proxy with the given judgement."""
    made: list[tuple[Conn, Proxy]] = []

    def connect(on_request: Callable[[bytes], str]) -> tuple[Conn, Proxy]:
        proxy = Proxy(pg_db.url, on_request)
        url = "postgresql:///" + dict(dsn_of(pg_db.url))["dbname"]
        user = dict(dsn_of(pg_db.url)).get("user", "root")
        conn = Conn(url, host="127.0.0.1", port=proxy.port, user=user, sslmode="disable")
        made.append((conn, proxy))
        return conn, proxy

    yield connect
    for conn, proxy in made:
        conn.close()
        proxy.close()


def kill(other: Conn, victim: Conn) -> None:
    """Terminate a backend, and wait until it is gone."""
    other.rows("SELECT pg_terminate_backend($1::int, 5000)", str(victim.pid))


def judge(at: bytes, verdict: str) -> Callable[[bytes], str]:
    return lambda piece: verdict if at in piece else "pass"


def test_outcome_is_unknown_when_the_link_breaks_behind_commit(
    through_proxy: ProxyMaker, pg: Conn
) -> None:
    pg.run("CREATE TABLE t (a int)")
    conn, proxy = through_proxy(judge(b"COMMIT", "answer"))
    conn.do("begin")
    conn.run("INSERT INTO t VALUES (1)")

    with pytest.raises(DriverError) as caught:
        conn.do("commit")

    assert caught.value.code == "ORM_E_COMMIT_UNKNOWN"
    assert caught.value.lost
    assert proxy.server_closed.wait(5.0)
    # It was committed in fact: to say "lost" and run it again would have been wrong.
    assert pg.text("SELECT count(*)::text FROM t") == "1"


def test_link_is_lost_when_it_broke_before_commit(
    through_proxy: ProxyMaker, pg: Conn
) -> None:
    pg.run("CREATE TABLE t (a int)")
    conn, proxy = through_proxy(lambda piece: "pass")
    conn.do("begin")
    conn.run("INSERT INTO t VALUES (1)")
    proxy.cut()
    assert proxy.server_closed.wait(5.0)

    with pytest.raises(DriverError) as caught:
        conn.do("commit")

    assert caught.value.code == "ORM_E_LOST"
    assert pg.text("SELECT count(*)::text FROM t") == "0"


def test_connection_is_given_up_when_the_server_never_answers(through_proxy: ProxyMaker) -> None:
    conn, _ = through_proxy(judge(b"SELECT 'held'", "hold"))
    begun = time.monotonic()

    with pytest.raises(DriverError) as caught:
        conn.exec("SELECT 'held'", seconds=0.1)

    assert caught.value.code == "ORM_E_TIMEOUT"
    assert caught.value.lost  # the cancel request met no proxy: the line is not clean
    assert time.monotonic() - begun < 6.0


def test_death_is_seen_without_a_round_trip_when_idle(pg: Conn, other: Conn) -> None:
    alive = pg.do("alive")
    kill(other, pg)
    before = pg.waits

    assert alive == 1
    assert pg.do("alive") == 0
    assert pg.waits == before
    with pytest.raises(DriverError) as caught:
        pg.rows("SELECT 1")
    assert (caught.value.code, caught.value.sqlstate) == ("ORM_E_LOST", "57P01")


def test_servers_last_words_are_told_when_it_ends_a_transaction(pg: Conn, other: Conn) -> None:
    pg.do("begin")
    pg.rows("SELECT 1")
    kill(other, pg)

    with pytest.raises(DriverError) as caught:
        pg.do("commit")

    assert (caught.value.code, caught.value.sqlstate) == ("ORM_E_LOST", "57P01")
    assert "administrator" in caught.value.message
    assert pg.state == "unknown"


def test_statement_ends_at_its_deadline_when_it_runs_too_long(pg: Conn) -> None:
    begun = time.monotonic()

    with pytest.raises(DriverError) as caught:
        pg.exec("SELECT pg_sleep(60)", seconds=0.05)

    assert caught.value.code == "ORM_E_TIMEOUT"
    assert not caught.value.lost
    assert time.monotonic() - begun < 5.0
    assert pg.text("SELECT 'fine'") == "fine"


def test_transaction_has_failed_when_a_statement_in_it_was_cancelled(pg: Conn) -> None:
    pg.do("begin")

    with pytest.raises(DriverError):
        pg.exec("SELECT pg_sleep(60)", seconds=0.05)

    assert pg.state == "failed"
    pg.do("rollback")
    assert pg.text("SELECT 'fine'") == "fine"


def test_statement_ends_when_another_thread_cancels_it(pg: Conn, other: Conn) -> None:
    def cancel() -> None:
        running = "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%sleep(60)%'"
        while other.text(running + " AND state = 'active' AND pid <> pg_backend_pid()") == "0":
            pass
        pg.do("cancel")

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(DriverError) as caught:
        pg.exec("SELECT pg_sleep(60)")
    thread.join()

    assert caught.value.code == "ORM_E_CANCELLED"
    assert pg.text("SELECT 'fine'") == "fine"


def test_cancel_hits_nothing_when_no_statement_runs(pg: Conn) -> None:
    pg.do("cancel")

    assert pg.text("SELECT 'fine'") == "fine"


def test_statement_ends_when_a_signal_handler_raises(pg: Conn) -> None:
    pg.do("interrupt", "check")
    with pytest.raises(DriverError) as caught:
        pg.exec("SELECT pg_sleep(60)")
    pg.do("interrupt")

    assert caught.value.code == "ORM_E_SIGNAL"
    assert pg.text("SELECT 'fine'") == "fine"


def test_connection_is_given_up_when_the_event_loop_stops_waiting_for_good(pg: Conn) -> None:
    pg.do("interrupt", "hook")

    with pytest.raises(DriverError) as caught:
        pg.exec("SELECT pg_sleep(60)")

    assert caught.value.code == "ORM_E_SIGNAL"
    assert caught.value.lost  # nobody waits until the line is clean


def test_commit_is_finished_when_a_signal_handler_raises(pg: Conn, other: Conn) -> None:
    # A deferred trigger makes COMMIT itself take a while.
    pg.do(
        "script",
        """CREATE TABLE t (a int);
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION slow()""",
    )
    pg.do("begin")
    pg.run("INSERT INTO t VALUES (1)")
    pg.do("interrupt", "check")

    with pytest.raises(DriverError) as caught:
        pg.do("commit")

    assert caught.value.code == "ORM_E_SIGNAL"
    assert "was committed" in caught.value.message
    assert other.text("SELECT count(*)::text FROM t") == "1"


def test_stream_is_cancelled_at_its_deadline_when_rows_stop(pg: Conn) -> None:
    sql = "SELECT g FROM generate_series(1, 3) g WHERE g < 2 OR pg_sleep(60) IS NULL"
    with pytest.raises(DriverError, match="deadline"):
        pg.exec(sql, mode=STREAM, seconds=0.2).rest()

    assert pg.text("SELECT 'fine'") == "fine"


def test_nobody_is_there_when_the_server_refuses(pg_url: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = str(free.getsockname()[1])

    with pytest.raises(DriverError) as caught:
        Conn("postgresql:///x", host="127.0.0.1", port=port)

    assert caught.value.code == "ORM_E_UNAVAILABLE"
    assert "refused" in caught.value.message


def test_connecting_ends_at_its_deadline_when_nobody_answers() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = str(silent.getsockname()[1])
        begun = time.monotonic()

        with pytest.raises(DriverError) as caught:
            Conn("postgresql:///x", seconds=0.2, host="127.0.0.1", port=port)

    assert caught.value.code == "ORM_E_UNAVAILABLE"
    assert time.monotonic() - begun < 2.0


def test_next_host_is_tried_when_one_is_silent(pg_db: PostgresDatabase) -> None:
    pairs = dict(dsn_of(pg_db.url))
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        hosts = f"127.0.0.1,{pairs['host']}"
        ports = f"{silent.getsockname()[1]},{pairs.get('port', '5432')}"

        with Conn(pg_db.url, host=hosts, port=ports, connect_timeout="1") as conn:
            assert conn.text("SELECT 'fine'") == "fine"


def test_unknown_database_is_told_when_connecting(pg_url: str) -> None:
    with pytest.raises(DriverError, match="does not exist"):
        Conn(pg_url, dbname="no_such_database_here")


def test_parents_session_lives_when_a_forked_child_forgets_it(pg: Conn) -> None:
    answers = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"nothing"
        try:
            pg.rows("SELECT 1")
        except DriverError as error:
            said = error.code.encode()
        pg.do("close")
        os.write(answers[1], said)
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(answers[0], 100) == b"ORM_E_FORKED"
    assert pg.text("SELECT 'fine'") == "fine"
    os.close(answers[0])
    os.close(answers[1])
