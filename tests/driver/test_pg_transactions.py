"""Transactions of the PostgreSQL driver: what is sent when, and what COMMIT's answer means."""

from __future__ import annotations

import pytest

from tests.driver.pg_raw import Conn, DriverError


def make_table(conn: Conn) -> None:
    conn.run("CREATE TABLE t (id int PRIMARY KEY, v text)")


def count(conn: Conn) -> int:
    return int(conn.text("SELECT count(*)::text FROM t") or "")


def test_begin_and_get_wait_once_when_the_transaction_starts(pg: Conn) -> None:
    before = pg.waits

    pg.do("begin")
    pending = pg.state
    pg.rows("SELECT 1")

    assert pending == "pending"
    assert pg.state == "open"
    assert pg.waits - before == 1


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_nothing_is_sent_when_a_transaction_was_empty(pg: Conn, end: str) -> None:
    before = pg.waits

    pg.do("begin")
    pg.do("savepoint", "a")
    pg.do(end)

    assert pg.waits == before
    assert pg.state == "idle"


def test_begin_carries_its_options_when_sent(pg: Conn) -> None:
    pg.do("begin", "serializable")

    assert pg.text("SHOW transaction_isolation") == "serializable"


def test_statements_commit_themselves_when_autocommit(pg: Conn, other: Conn) -> None:
    make_table(pg)
    pg.do("begin", "autocommit")

    pg.run("INSERT INTO t VALUES (1)")

    assert pg.state == "idle"
    assert count(other) == 1


def test_begin_is_refused_when_a_transaction_is_open(pg: Conn) -> None:
    pg.do("begin")

    with pytest.raises(DriverError) as caught:
        pg.do("begin")

    assert caught.value.code == "ORM_E_OPEN_TX"


def test_commit_fails_when_the_transaction_had_failed(pg: Conn) -> None:
    make_table(pg)
    pg.do("begin")
    pg.run("INSERT INTO t VALUES (1)")
    with pytest.raises(DriverError, match="22012"):
        pg.rows("SELECT 1/0")
    failed = pg.state

    with pytest.raises(DriverError) as caught:
        pg.do("commit")

    assert failed == "failed"
    assert caught.value.sqlstate == "25P02"
    assert "division by zero" in caught.value.message
    assert pg.state == "idle"
    assert count(pg) == 0


def test_commit_reports_the_constraint_when_it_was_deferred(pg: Conn) -> None:
    pg.run("CREATE TABLE t (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    pg.do("begin")
    pg.run("INSERT INTO t VALUES (1), (1)")

    with pytest.raises(DriverError) as caught:
        pg.do("commit")

    assert caught.value.sqlstate == "23505"
    assert caught.value.constraint == "t_id_key"
    assert pg.state == "idle"
    assert count(pg) == 0


def test_deferred_constraint_is_reported_when_there_is_no_transaction(pg: Conn) -> None:
    # The error comes at the Sync, behind the statement's own good answer.
    pg.run("CREATE TABLE t (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)")

    with pytest.raises(DriverError) as caught:
        pg.run("INSERT INTO t VALUES (1), (1)")

    assert caught.value.sqlstate == "23505"
    assert count(pg) == 0


def test_state_is_the_servers_when_the_user_commits_by_text(pg: Conn, other: Conn) -> None:
    make_table(pg)
    pg.do("begin")
    pg.run("INSERT INTO t VALUES (1)")

    pg.run("COMMIT")

    assert count(other) == 1
    assert pg.state == "pending"  # begin() is in force: the next statement begins anew
    pg.run("INSERT INTO t VALUES (2)")
    pg.do("rollback")
    assert count(other) == 1


def test_state_is_the_servers_when_the_user_begins_by_text(pg: Conn) -> None:
    pg.run("BEGIN")
    opened = pg.state
    pg.do("rollback")

    assert opened == "open"
    assert pg.state == "idle"


def test_savepoint_travels_with_the_next_statement_when_set(pg: Conn) -> None:
    make_table(pg)
    pg.do("begin")
    before = pg.waits

    pg.do("savepoint", 'a "b"')
    pg.run("INSERT INTO t VALUES (1)")
    waits = pg.waits - before
    pg.do("rollback_to", 'a "b"')
    pg.do("commit")

    assert waits == 1
    assert count(pg) == 0


def test_savepoint_needs_no_server_when_released_before_it_was_sent(pg: Conn) -> None:
    make_table(pg)
    pg.do("begin")
    before = pg.waits

    pg.do("savepoint", "a")
    pg.do("savepoint", "b")
    pg.do("rollback_to", "b")
    pg.do("release_sp", "a")

    assert pg.waits == before
    pg.run("INSERT INTO t VALUES (1)")
    with pytest.raises(DriverError, match="3B001"):
        pg.do("release_sp", "b")


def test_transaction_goes_on_when_rolled_back_to_a_savepoint(pg: Conn) -> None:
    make_table(pg)
    pg.do("begin")
    pg.run("INSERT INTO t VALUES (1)")
    pg.do("savepoint", "a")
    with pytest.raises(DriverError, match="23505"):
        pg.run("INSERT INTO t VALUES (1)")

    pg.do("rollback_to", "a")
    pg.do("release_sp", "a")
    pg.run("INSERT INTO t VALUES (2)")
    pg.do("commit")

    assert count(pg) == 2


def test_release_waits_for_nothing_when_a_transaction_is_open(pg: Conn, other: Conn) -> None:
    make_table(pg)
    pg.do("begin")
    pg.run("INSERT INTO t VALUES (1)")
    before = pg.waits

    verdict = pg.do("release")

    assert verdict == 0
    assert pg.waits == before
    assert pg.do("settle", seconds=5.0) == 0
    assert pg.state == "idle"
    assert count(other) == 0


def test_release_sends_nothing_when_clean(pg: Conn) -> None:
    pg.do("begin")

    assert pg.do("release") == 1
    assert pg.state == "idle"


def test_release_refuses_when_a_result_is_unread(pg: Conn) -> None:
    pg.do("begin")
    cursor = pg.exec("SELECT generate_series(1, 100000)", mode=1)

    with pytest.raises(DriverError, match="unread"):
        pg.do("release")

    cursor.close()


def test_ping_waits_once_and_keeps_the_transaction_when_open(pg: Conn) -> None:
    pg.do("begin")
    pg.do("savepoint", "a")
    pg.rows("SELECT 1")
    pg.do("savepoint", "b")
    before = pg.waits

    pg.do("ping")

    assert pg.waits - before == 1
    pg.rows("SELECT 1")
    pg.do("release_sp", "b")
    assert pg.state == "open"
