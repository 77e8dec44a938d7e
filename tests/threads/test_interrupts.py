"""Ctrl-C while the database works: the statement stops, the connection is clean or gone."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pyorm import text
from pyorm.engine import Engine
from tests.conftest import PostgresDatabase

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(1000)",
}
SLOW = {
    "sqlite": ENDLESS["sqlite"].replace("FROM n)", "FROM n WHERE i < 3000000)"),
    "postgresql": "SELECT 3000000 FROM pg_sleep(0.5)",
}


@contextmanager
def signalled(after_s: float, number: signal.Signals = signal.SIGINT) -> Iterator[None]:
    """Send this process a signal after a while, from another thread.

    A program that was started in the background ignores SIGINT; here it is heard.
    """
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(after_s, os.kill, (os.getpid(), number))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("after_s", [0.0005, 0.01, 0.1, 0.3])
def test_connection_works_on_when_a_statement_is_interrupted(engine: Engine, after_s: float) -> None:
    begun = time.monotonic()
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))

        with pytest.raises(KeyboardInterrupt), signalled(after_s):
            connection.execute(text(ENDLESS[engine.dialect.name])).all()

        connection.rollback()
        answer = connection.execute(text("SELECT 42")).scalar()
    assert answer == 42
    assert time.monotonic() - begun < 10
    assert engine.pool.checkedout() == 0


def test_server_stops_working_when_a_statement_is_interrupted(engine: Engine, db: PostgresDatabase) -> None:
    with engine.connect() as connection, pytest.raises(KeyboardInterrupt), signalled(0.2):
        connection.execute(text(ENDLESS[engine.dialect.name]))

    if db.name == "postgresql":
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)%' AND state = 'active'"
        mine = " AND pid <> pg_backend_pid() AND datname = current_database()"
        assert db.rows(running + mine) == [("0",)]


def test_statement_goes_on_when_a_signal_handler_only_counts(engine: Engine) -> None:
    counted: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: counted.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        with engine.connect() as connection:
            answer = connection.execute(text(SLOW[engine.dialect.name])).scalar()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert answer == 3000000
    assert counted


def test_handler_may_use_another_connection_when_it_runs_inside_a_wait(engine: Engine) -> None:
    seen: list[object] = []

    def handler(*_: object) -> None:
        with engine.connect() as other:
            seen.append(other.execute(text("SELECT 5")).scalar())

    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with engine.connect() as connection:
            answer = connection.execute(text(SLOW[engine.dialect.name])).scalar()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert (answer, seen) == (3000000, [5])


def test_connection_is_clean_when_its_own_handler_uses_it(engine: Engine) -> None:
    raised: list[BaseException] = []
    with engine.connect() as connection:

        def handler(*_: object) -> None:
            try:
                connection.execute(text("SELECT 5")).scalar()
            except Exception as error:
                raised.append(error)

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            answer = connection.execute(text(SLOW[engine.dialect.name])).scalar()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

        assert answer == 3000000
        assert connection.execute(text("SELECT 42")).scalar() == 42
    assert len(raised) == 1
