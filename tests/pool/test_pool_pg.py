"""The pool over real connections: settling, a server that kills them, threads, fork.

What needs exact moments is tested in C (csrc/coretest/pool.c), with a driver that plays.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import _coretest
from tests.conftest import PostgresDatabase
from tests.driver.pg_raw import Conn, dsn_of


class Pool:
    """A pool of the core, without an engine."""

    def __init__(self, url: str, size: int, overflow: int = 0, timeout_ms: int = 10_000) -> None:
        self.capsule = _coretest.pool_new(dsn_of(url), size, overflow, timeout_ms)

    def take(self) -> tuple[object, Conn]:
        """Check out: the entry, and its connection."""
        entry, capsule = _coretest.pool_take(self.capsule)
        conn = Conn.__new__(Conn)
        conn.capsule, conn.open = capsule, False
        return entry, conn

    def give(self, entry: object, how: str = "now") -> None:
        """Return it."""
        _coretest.pool_give(self.capsule, entry, how)

    def stats(self) -> dict[str, int]:
        """Some of its numbers."""
        return dict(_coretest.pool_stats(self.capsule))

    def fill(self, n: int) -> list[str]:
        """Open n connections and return them; the processes that serve them."""
        taken = [self.take() for _ in range(n)]
        pids = [str(conn.pid) for _, conn in taken]
        for entry, _ in taken:
            self.give(entry)
        return pids


@pytest.fixture
def make_pool(pg_db: PostgresDatabase) -> Iterator[Callable[..., Pool]]:
    """A function that makes a pool on an empty database."""
    made: list[Pool] = []

    def make(size: int, **more: Any) -> Pool:
        made.append(Pool(pg_db.url, size, **more))
        return made[-1]

    yield make
    for pool in made:
        _coretest.pool_free(pool.capsule)


@pytest.fixture
def witness(pg_db: PostgresDatabase) -> Iterator[Conn]:
    """A connection beside the pool."""
    with Conn(pg_db.url) as conn:
        yield conn


def kill(witness: Conn, pids: list[str]) -> None:
    for pid in pids:
        witness.rows("SELECT pg_terminate_backend($1::int, 5000)", pid)


def in_transaction(witness: Conn) -> int:
    return int(
        witness.text(
            "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%'"
        )
        or ""
    )


def test_transaction_is_undone_when_its_connection_returns(
    make_pool: Callable[..., Pool], witness: Conn
) -> None:
    witness.run("CREATE TABLE t (a int)")
    pool = make_pool(1)
    entry, conn = pool.take()
    conn.do("begin")
    conn.run("INSERT INTO t VALUES (1)")

    pool.give(entry)
    settling = pool.stats()["settling"]
    entry, conn = pool.take()

    assert settling == 1
    assert conn.state == "idle"
    assert witness.text("SELECT count(*)::text FROM t") == "0"
    assert pool.stats()["opens"] == 1
    pool.give(entry)


def test_connection_is_replaced_when_it_returns_with_an_unread_result(
    make_pool: Callable[..., Pool],
) -> None:
    pool = make_pool(1)
    entry, conn = pool.take()
    cursor = conn.exec("SELECT generate_series(1, 100000)", mode=1)

    pool.give(entry)
    entry, conn = pool.take()

    assert conn.text("SELECT 'fine'") == "fine"
    assert pool.stats()["opens"] == 2
    cursor.close()
    pool.give(entry)


def test_no_checkout_fails_when_the_server_killed_all_idle_connections(
    make_pool: Callable[..., Pool], witness: Conn
) -> None:
    pool = make_pool(10)
    kill(witness, pool.fill(10))

    taken = [pool.take() for _ in range(10)]

    assert [conn.text("SELECT 'fine'") for _, conn in taken] == ["fine"] * 10
    assert pool.stats()["opens"] == 20
    for entry, _ in taken:
        pool.give(entry)


def test_socket_is_not_looked_at_again_when_it_was_a_moment_ago(
    make_pool: Callable[..., Pool], witness: Conn
) -> None:
    pool = make_pool(1)
    pids = pool.fill(1)

    before = _coretest._counters()["pg_alive_recent"]
    for _ in range(200):  # some of them follow each other within a fifth of a millisecond
        pool.give(pool.take()[0])
    spared = _coretest._counters()["pg_alive_recent"] - before
    kill(witness, pids)
    entry, conn = pool.take()

    assert 0 < spared < 200
    assert conn.text("SELECT 'fine'") == "fine"
    pool.give(entry)


def test_finalizers_transaction_is_undone_when_nobody_takes_its_connection(
    make_pool: Callable[..., Pool], witness: Conn
) -> None:
    pool = make_pool(1)
    entry, conn = pool.take()
    conn.do("begin")
    conn.rows("SELECT 1")
    open_before = in_transaction(witness)

    pool.give(entry, "later")
    while in_transaction(witness) > 0:
        pass

    assert open_before == 1
    assert pool.stats()["used"] == 0


def test_nothing_is_lost_when_many_threads_share_a_few_connections(
    make_pool: Callable[..., Pool], witness: Conn
) -> None:
    witness.run("CREATE TABLE t (n int)")
    witness.run("INSERT INTO t VALUES (0)")
    pool = make_pool(2, overflow=1)

    def work() -> None:
        for _ in range(50):
            entry, conn = pool.take()
            conn.do("begin")
            conn.run("UPDATE t SET n = n + 1", key=1)
            conn.do("commit")
            pool.give(entry)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    stats = pool.stats()
    assert witness.text("SELECT n::text FROM t") == "400"
    assert stats["used"] == stats["busy"] == 0
    assert stats["idle"] + stats["settling"] <= 2
    assert stats["waits"] > 0


def test_both_processes_go_on_when_the_program_forks(
    make_pool: Callable[..., Pool], witness: Conn
) -> None:
    pool = make_pool(2)
    idle = pool.fill(2)
    child = os.fork()
    if child == 0:
        entry, conn = pool.take()
        fine = conn.text("SELECT 'fine'") == "fine" and str(conn.pid) not in idle
        pool.give(entry)
        os._exit(0 if fine else 1)
    status = os.waitpid(child, 0)[1]

    assert os.waitstatus_to_exitcode(status) == 0
    assert sorted(pool.fill(2)) == sorted(idle)
    assert pool.stats()["opens"] == 2
