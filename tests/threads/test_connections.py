"""Several threads and the same connection, or the same pool."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import Column, Integer, MetaData, Table, create_engine, exc, insert, select, text, update
from pyorm.engine import Engine

SUMS = Table("sums", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer))


def in_threads(count: int, work: Callable[[int], None], limit_s: float = 60) -> list[BaseException]:
    """Run work(number) in threads that start together; return what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(limit_s)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return raised


@pytest.fixture
def pooled(url: str) -> Iterator[Engine]:
    engine = create_engine(url, pool_size=5, max_overflow=0)
    with engine.begin() as connection:
        SUMS.create(connection)
        connection.execute(insert(SUMS), {"id": 1, "n": 0})
    yield engine
    engine.dispose()


@pytest.mark.thread
def test_sum_is_right_when_threads_outnumber_the_pool(pooled: Engine) -> None:
    def work(number: int) -> None:
        for _ in range(20):
            with pooled.begin() as connection:
                connection.execute(update(SUMS).values(n=SUMS.c.n + 1).where(SUMS.c.id == 1))

    raised = in_threads(16, work)

    assert raised == []
    with pooled.connect() as connection:
        assert connection.execute(select(SUMS.c.n)).scalar() == 16 * 20
    assert pooled.pool.checkedout() == 0
    assert pooled.pool.checkedin() <= 5


@pytest.mark.thread
def test_answers_are_never_mixed_when_two_threads_use_one_connection(pooled: Engine) -> None:
    refused: list[BaseException] = []
    with pooled.connect() as connection:

        def work(number: int) -> None:
            for k in range(300):
                wanted = number * 1000 + k
                try:
                    got = connection.execute(text("SELECT :x + 0"), {"x": wanted}).scalar()
                except (exc.DBAPIError, exc.InvalidRequestError) as error:
                    refused.append(error)
                else:
                    assert got == wanted

        raised = in_threads(4, work)
        connection.rollback()
        answer = connection.execute(text("SELECT 7")).scalar()

    assert raised == []
    assert answer == 7
    assert all("thread" in str(error) or "closed" in str(error) for error in refused), refused[:3]


@pytest.mark.thread
def test_nothing_breaks_when_one_thread_closes_what_others_use(pooled: Engine) -> None:
    for _ in range(20):
        connection = pooled.connect()

        def work(number: int, connection: Any = connection) -> None:
            for k in range(50):
                if number == 0 and k == 25:
                    connection.close()
                    return
                try:
                    connection.execute(select(SUMS)).all()
                except (exc.DBAPIError, exc.InvalidRequestError):
                    pass

        raised = in_threads(3, work)
        connection.close()

        assert [error for error in raised if not isinstance(error, exc.SQLAlchemyError)] == []
    with pooled.connect() as connection:
        assert connection.execute(select(SUMS.c.n)).scalar() == 0


@pytest.mark.thread
def test_pool_serves_the_next_when_it_is_disposed_of_under_load(pooled: Engine) -> None:
    def work(number: int) -> None:
        for _ in range(30):
            if number == 0:
                pooled.dispose()
            else:
                with pooled.connect() as connection:
                    assert connection.execute(text("SELECT 1")).scalar() == 1

    raised = in_threads(6, work)

    assert raised == []
    assert pooled.pool.checkedout() == 0


@pytest.mark.thread
def test_results_of_one_connection_are_read_by_another_thread(pooled: Engine) -> None:
    with pooled.begin() as connection:
        connection.execute(insert(SUMS), [{"id": i, "n": i} for i in range(2, 2000)])
    with pooled.connect() as connection:
        result = connection.execution_options(yield_per=50).execute(select(SUMS.c.id).order_by(SUMS.c.id))
        seen: list[int] = []
        lock = threading.Lock()

        def work(number: int) -> None:
            while True:
                with lock:
                    rows = result.fetchmany(50)
                    if not rows:
                        return
                    seen.extend(row.id for row in rows)

        raised = in_threads(3, work)

    assert raised == []
    assert seen == list(range(1, 2000))


@pytest.mark.thread
def test_nothing_breaks_when_threads_read_one_result_without_a_lock(pooled: Engine) -> None:
    with pooled.begin() as connection:
        connection.execute(insert(SUMS), [{"id": i, "n": i} for i in range(2, 5000)])
    with pooled.connect() as connection:
        result = connection.execution_options(yield_per=10).execute(select(SUMS.c.id, SUMS.c.n))
        wrong: list[Any] = []

        def work(number: int) -> None:
            for row in result:
                if row.id not in (row.n, 1):
                    wrong.append(row)

        in_threads(3, work)

    assert wrong == []
    with pooled.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
