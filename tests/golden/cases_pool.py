"""Golden cases: which events a pool fires, in which order, for every class of pool.

A case is a function of an engine and a log. The same source runs under the reference library,
which writes tests/golden/pool_events.json, and under pyorm. Connections are numbered in the order
in which they are first seen; "|" marks where the program stands.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from importlib import import_module
from typing import Any

EVENTS = (
    "connect", "first_connect", "checkout", "checkin", "reset", "invalidate", "soft_invalidate", "close", "detach",
    "close_detached",
)  # fmt: skip
POOLS = ("QueuePool", "NullPool", "StaticPool", "SingletonThreadPool", "AssertionPool")


class Log(list[str]):
    """What happened, and which connection has which number."""

    def __init__(self, sa: Any) -> None:
        super().__init__()
        self.sa = sa
        self.seen: list[object] = []

    def number(self, connection: object) -> str:
        """Return a connection's number; "-" where there is none."""
        if connection is None:
            return "-"
        for number, known in enumerate(self.seen, 1):
            if known is connection:
                return str(number)
        self.seen.append(connection)
        return str(len(self.seen))

    def noter(self, name: str) -> Callable[..., None]:
        """Return a listener."""

        def note(connection: object, *rest: Any) -> None:
            more = ""
            if name == "reset":
                state = rest[1]
                more = f" {state.transaction_was_reset} {state.terminate_only} {state.asyncio_safe}"
            elif name in ("invalidate", "soft_invalidate"):
                more = f" {type(rest[1]).__name__}"
            self.append(f"{name} {self.number(connection)}{more}")

        return note

    def dicts(self, proxy: Any) -> None:
        """Note the two dicts of a connection."""
        self.append(f"{dict(proxy.info)} {dict(proxy.record_info)}")

    def mark(self, proxy: Any) -> None:
        """Put something into the two dicts."""
        proxy.info["life"] = "connection"
        proxy.record_info["life"] = "record"


def use_twice_and_dispose(engine: Any, log: Log) -> None:
    for _ in range(2):
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        log.append("|")
    old = engine.pool
    engine.dispose()
    log.append(f"| {engine.pool is old} {type(engine.pool) is type(old)}")
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT 1")


def invalidate(engine: Any, log: Log) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        log.mark(connection.connection)
        connection.invalidate()
        log.append("|")
        connection.rollback()
        connection.exec_driver_sql("SELECT 1")
        log.dicts(connection.connection)
    log.append("|")
    with engine.connect() as connection:
        log.dicts(connection.connection)


def invalidate_when_it_comes_back(engine: Any, log: Log) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        log.mark(connection.connection)
        connection.connection.invalidate(soft=True)
        connection.exec_driver_sql("SELECT 1")
    with engine.connect() as connection:
        log.dicts(connection.connection)


def invalidate_the_raw_connection(engine: Any, log: Log) -> None:
    proxy = engine.raw_connection()
    log.mark(proxy)
    proxy.invalidate(ValueError("mine"))
    log.append(f"| {proxy.is_valid} {proxy.dbapi_connection} {dict(proxy.info)} {proxy.record_info}")
    proxy.close()
    proxy = engine.raw_connection()
    log.dicts(proxy)
    proxy.close()


def detach(engine: Any, log: Log) -> None:
    connection = engine.connect()
    connection.exec_driver_sql("SELECT 1")
    log.mark(connection.connection)
    connection.detach()
    log.append(f"| {dict(connection.info)} {connection.connection.record_info}")
    connection.exec_driver_sql("SELECT 1")
    connection.close()
    log.append("|")
    with engine.connect() as connection:
        log.dicts(connection.connection)


def detach_the_raw_connection(engine: Any, log: Log) -> None:
    proxy = engine.raw_connection()
    proxy.detach()
    log.append("|")
    proxy.cursor().execute("SELECT 1")
    proxy.close()
    log.append("|")
    proxy = engine.raw_connection()
    proxy.detach()
    proxy.invalidate()
    log.append("|")
    proxy.close()


def raw_connection(engine: Any, log: Log) -> None:
    for _ in range(2):
        proxy = engine.raw_connection()
        proxy.cursor().execute("SELECT 1")
        proxy.close()
        log.append("|")
        proxy.close()


def end_the_transaction_or_not(engine: Any, log: Log) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.commit()
    log.append("|")
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        connection.rollback()
    log.append("|")
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    log.append("|")
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("SELECT 1")


def dispose_without_closing(engine: Any, log: Log) -> None:
    held = engine.connect()
    held.exec_driver_sql("SELECT 1")
    engine.dispose(close=False)
    log.append("|")
    held.exec_driver_sql("SELECT 1")
    held.close()
    log.append("|")
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    log.append("|")
    engine.dispose(close=False)


def listener_refuses_a_connection(engine: Any, log: Log) -> None:
    calls: list[int] = []

    def refuse(*_: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise log.sa.exc.DisconnectionError("gone")

    log.sa.event.listen(engine, "checkout", refuse)
    for _ in range(2):
        with engine.connect():
            log.append("|")


def listener_refuses_all_connections(engine: Any, log: Log) -> None:
    def refuse(*_: object) -> None:
        raise log.sa.exc.DisconnectionError("gone")

    log.sa.event.listen(engine, "checkout", refuse)
    engine.connect()


def listener_raises(engine: Any, log: Log) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no")

    log.sa.event.listen(engine, "checkout", refuse)
    try:
        engine.connect()
    except ValueError:
        log.append("|")
    log.sa.event.remove(engine, "checkout", refuse)
    with engine.connect():
        log.append("|")


def forget_to_close(engine: Any, log: Log) -> None:
    connection = engine.connect()
    connection.exec_driver_sql("SELECT 1")
    del connection
    gc.collect()
    with engine.connect():
        pass


CASES: dict[str, Callable[[Any, Log], None]] = {
    case.__name__: case
    for case in (
        use_twice_and_dispose, invalidate, invalidate_when_it_comes_back, invalidate_the_raw_connection, detach,
        detach_the_raw_connection, raw_connection, end_the_transaction_or_not, dispose_without_closing,
        listener_refuses_a_connection, listener_refuses_all_connections, listener_raises, forget_to_close,
    )
}  # fmt: skip
# Where pyorm differs on purpose; docs/differences.md says why.
LATER_THERE = {("StaticPool", "invalidate_when_it_comes_back"), ("NullPool", "forget_to_close")}


def run_case(library: str, url: str, pool: str, case: str) -> list[str]:
    """Run one case on one class of pool and return its log."""
    sa = import_module(library)
    engine = sa.create_engine(url, poolclass=getattr(sa.pool, pool))
    log = Log(sa)
    for name in EVENTS:
        sa.event.listen(engine, name, log.noter(name))
    try:
        CASES[case](engine, log)
    except Exception as error:
        log.append(f"{type(error).__name__}: {error}")
    end = list(log)
    engine.dispose()
    return end


def run_all(library: str, url: str) -> dict[str, list[str]]:
    """Run every case on every class of pool."""
    return {
        f"{pool} {case}": run_case(library, url, pool, case)
        for pool in POOLS
        for case in CASES
        if (pool, case) not in LATER_THERE
    }
