"""A forked child has its parent's connections in memory and never touches them on the wire."""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pyorm import Column, Integer, MetaData, Table, exc, insert, select, text
from pyorm.engine import Engine

THINGS = Table("things", MetaData(), Column("id", Integer, primary_key=True))
ROWS = 5000  # more than a driver reads ahead


@pytest.fixture
def filled(engine: Engine) -> Engine:
    with engine.begin() as connection:
        THINGS.create(connection)
        connection.execute(insert(THINGS), [{"id": i} for i in range(ROWS)])
    return engine


def in_child(work: Callable[[], Any], limit_s: int = 20) -> None:
    """Fork, work in the child, and assert that it ends well."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads may be running
        pid = os.fork()
    if pid == 0:
        signal.alarm(limit_s)
        status = 1
        try:
            os.close(read)
            work()
            status = 0
        except BaseException:
            os.write(write, traceback.format_exc().encode()[-4000:])
        finally:
            os._exit(status)
    os.close(write)
    with open(read, "rb") as said:
        text_of = said.read().decode()
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"child ends with {status}\n{text_of}"


@contextmanager
def busy(engine: Engine) -> Iterator[Any]:
    """A connection in the middle of a transaction; unharmed when the block ends."""
    with engine.connect() as connection:
        connection.execute(insert(THINGS), {"id": ROWS})
        yield connection
        assert connection.execute(select(THINGS.c.id).where(THINGS.c.id == ROWS)).scalar() == ROWS
        connection.commit()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM things")).scalar() == ROWS + 1


def test_parent_goes_on_when_a_child_exits(filled: Engine) -> None:
    with busy(filled):
        in_child(lambda: None)


def test_child_gets_an_error_that_says_fork_when_it_uses_an_inherited_connection(filled: Engine) -> None:
    with busy(filled) as connection:

        def work() -> None:
            with pytest.raises(exc.DBAPIError, match=r"(?i)fork"):
                connection.execute(text("SELECT 1"))
            with pytest.raises(exc.DBAPIError, match=r"(?i)fork"):
                connection.exec_driver_sql("SELECT 1")

        in_child(work)


def test_child_has_connections_of_its_own_when_it_uses_the_engine(filled: Engine) -> None:
    filled.connect().close()

    def work() -> None:
        with filled.connect() as own:
            assert own.execute(text("SELECT count(*) FROM things")).scalar() == ROWS

    in_child(work)
    with filled.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM things")).scalar() == ROWS


def test_parent_goes_on_when_a_child_closes_everything(filled: Engine) -> None:
    with busy(filled) as connection:

        def work() -> None:
            for close in (connection.rollback, connection.close, filled.dispose):
                try:
                    close()
                except exc.DBAPIError as error:
                    assert "fork" in str(error).lower()

        in_child(work)


def test_parent_goes_on_when_a_child_collects_garbage(filled: Engine) -> None:
    held: list[Any] = []
    with busy(filled) as connection:
        held.append(connection.execute(select(THINGS)))

        def work() -> None:
            import gc

            held.clear()
            gc.collect()

        in_child(work)


def test_result_in_the_child_raises_when_it_was_open_at_the_fork(filled: Engine) -> None:
    with busy(filled) as connection:
        result = connection.execution_options(yield_per=10).execute(select(THINGS))
        assert result.fetchone() is not None

        def work() -> None:
            with pytest.raises((exc.DBAPIError, exc.InvalidRequestError)):
                while result.fetchmany(100):
                    pass

        in_child(work)
        result.close()
