"""Engines, connections and results while memory runs out."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Time,
    Uuid,
    create_engine,
    insert,
    select,
    text,
    update,
)  # fmt: skip
from pyorm.engine import Engine
from pyorm.pool import NullPool
from tests.faults.walk import Outcome, Work, piece

Steps = Generator[Work, Outcome, None]
META = MetaData()
THINGS = Table("things", META, Column("id", Integer, primary_key=True), Column("name", String))
ROWS = [(1, "a"), (2, "b"), (3, "c")]
VALUES = Table(
    "vals", META,
    Column("id", Integer, primary_key=True), Column("i", Integer), Column("f", Float), Column("s", String),
    Column("b", LargeBinary), Column("n", Numeric(12, 2)), Column("t", Boolean), Column("d", Date),
    Column("ts", DateTime), Column("ti", Time), Column("iv", Interval), Column("u", Uuid), Column("j", JSON),
)  # fmt: skip
VALUE = {
    "id": 1, "i": 2**31 - 1, "f": 1.5, "s": "aß€😀", "b": b"\0\1", "n": decimal.Decimal("1234567.25"),
    "t": True, "d": dt.date(2020, 2, 29), "ts": dt.datetime(2020, 1, 2, 3, 4, 5, 6), "ti": dt.time(1, 2, 3),
    "iv": dt.timedelta(days=3, seconds=4), "u": uuid.UUID(int=5), "j": {"a": [1, None, "x" * 50]},
}  # fmt: skip
BOTH = ("sqlite", "postgresql")
ENGINES: dict[str, Engine] = {}


def engine_of(url: str) -> Engine:
    """The engine of the whole walk, its tables filled."""
    if url not in ENGINES:
        engine = ENGINES[url] = create_engine(url)
        with engine.begin() as connection:
            META.drop_all(connection)
            META.create_all(connection)
            connection.execute(insert(THINGS), [{"id": id, "name": name} for id, name in ROWS])
    return ENGINES[url]


@contextmanager
def connected(url: str) -> Iterator[Any]:
    """A connection; afterwards the pool is whole and the next connection works."""
    engine = engine_of(url)
    connection = engine.connect()
    try:
        yield connection
    finally:
        connection.close()
    assert engine.pool.checkedout() == 0
    with engine.connect() as fresh:
        assert [tuple(row) for row in fresh.execute(select(THINGS).order_by(THINGS.c.id))] == ROWS


def works_or_closed(connection: Any) -> None:
    """The connection answers, after a rollback; or it is closed or invalidated."""
    if connection.closed or connection.invalidated:
        return
    connection.rollback()
    if not connection.invalidated:
        assert connection.execute(text("SELECT 42")).scalar() == 42


@piece(*BOTH)
def open_and_close(url: str) -> Steps:
    engine_of(url)
    engine = create_engine(url, poolclass=NullPool)

    def work() -> Any:
        with engine.connect() as connection:
            return connection.exec_driver_sql("SELECT 1").scalar()

    outcome = yield work
    assert not outcome.done or outcome.value == 1
    assert work() == 1
    engine.dispose()


@piece(*BOTH, kinds=("core",))
def make_engine(url: str) -> Steps:
    def work() -> Any:
        engine = create_engine(url, pool_size=2)
        name = engine.dialect.name
        engine.dispose()
        return name

    outcome = yield work
    assert not outcome.done or outcome.value in BOTH


@piece(*BOTH)
def check_out_and_in(url: str) -> Steps:
    engine = engine_of(url)

    def work() -> Any:
        connection = engine.connect()
        connection.close()

    yield work
    with connected(url) as connection:
        works_or_closed(connection)


@piece(*BOTH)
def select_rows(url: str) -> Steps:
    with connected(url) as connection:

        def work() -> Any:
            return connection.execute(select(THINGS).where(THINGS.c.id > 0).order_by(THINGS.c.id)).all()

        outcome = yield work
        assert not outcome.done or outcome.value == ROWS
        works_or_closed(connection)


@piece(*BOTH)
def fetch_in_every_shape(url: str) -> Steps:
    statement = select(THINGS).order_by(THINGS.c.id)
    with connected(url) as connection:

        def work() -> Any:
            run = connection.execute
            first = run(statement).first()
            with connection.execution_options(yield_per=1).execute(statement) as stream:
                parts = [list(part) for part in stream.partitions(2)]
            return [
                first, parts, run(statement).mappings().all(), run(statement).scalars().all(),
                run(statement).columns("name").all(), run(statement).unique().all(),
                run(statement).fetchmany(2), run(statement).keys(), first._asdict(), first._mapping["id"],
            ]  # fmt: skip

        outcome = yield work
        assert not outcome.done or (outcome.value[0] == (1, "a") and outcome.value[3] == [1, 2, 3])
        works_or_closed(connection)


@piece(*BOTH)
def insert_row(url: str) -> Steps:
    with connected(url) as connection:

        def work() -> Any:
            with connection.begin() as transaction:
                found = connection.execute(insert(THINGS).values(id=9, name="new"))
                assert found.rowcount == 1
                row = connection.execute(select(THINGS.c.name).where(THINGS.c.id == 9)).scalar_one()
                transaction.rollback()
            return row

        outcome = yield work
        assert not outcome.done or outcome.value == "new"
        works_or_closed(connection)


@piece(*BOTH)
def insert_many_and_commit(url: str) -> Steps:
    with connected(url) as connection:
        new = [{"id": id, "name": str(id)} for id in range(10, 30)]

        def work() -> Any:
            connection.execute(insert(THINGS), new)
            connection.commit()

        outcome = yield work
        works_or_closed(connection)
        if connection.invalidated:
            connection.rollback()
        count = len(connection.execute(select(THINGS.c.id).where(THINGS.c.id >= 10)).all())
        # A commit that has reached the database may fail to say so; a part is never kept.
        assert count == len(new) if outcome.done else count in (0, len(new))
        connection.execute(THINGS.delete().where(THINGS.c.id >= 10))
        connection.commit()


@piece(*BOTH)
def update_and_roll_back(url: str) -> Steps:
    with connected(url) as connection:

        def work() -> Any:
            connection.execute(update(THINGS).values(name="z").where(THINGS.c.id == 1))
            nested = connection.begin_nested()
            connection.execute(update(THINGS).values(name="y"))
            nested.rollback()
            name = connection.execute(select(THINGS.c.name).where(THINGS.c.id == 1)).scalar()
            connection.rollback()
            return name

        outcome = yield work
        assert not outcome.done or outcome.value == "z"
        works_or_closed(connection)


@piece(*BOTH)
def values_of_every_type(url: str) -> Steps:
    with connected(url) as connection:

        def work() -> Any:
            connection.execute(insert(VALUES), VALUE)
            return connection.execute(select(VALUES)).mappings().one()

        outcome = yield work
        assert not outcome.done or dict(outcome.value) == VALUE
        works_or_closed(connection)


@piece(*BOTH)
def raw_statements(url: str) -> Steps:
    holder = "%s" if url.startswith("postgresql") else "?"
    with connected(url) as connection:

        def work() -> Any:
            return connection.exec_driver_sql(f"SELECT {holder}, name FROM things ORDER BY id", ("x",)).all()

        outcome = yield work
        assert not outcome.done or outcome.value == [("x", "a"), ("x", "b"), ("x", "c")]
        works_or_closed(connection)


@piece(*BOTH)
def cursor_of_the_driver(url: str) -> Steps:
    engine = engine_of(url)

    def work() -> Any:
        raw = engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("SELECT id, name FROM things ORDER BY id")
            found = cursor.fetchone(), cursor.fetchall(), cursor.description[1][0]
            cursor.close()
            return found
        finally:
            raw.close()

    outcome = yield work
    assert not outcome.done or outcome.value == ((1, "a"), [(2, "b"), (3, "c")], "name")
    with connected(url) as connection:
        works_or_closed(connection)


@piece(*BOTH)
def errors_of_the_database(url: str) -> Steps:
    with connected(url) as connection:

        def work() -> Any:
            try:
                connection.execute(insert(THINGS), {"id": 1, "name": "again"})
            except Exception as error:
                connection.rollback()
                return type(error).__name__, error.orig is not None, "things" in str(error)  # type: ignore[attr-defined]
            return "no error"

        outcome = yield work
        if outcome.done:
            assert outcome.value[0] in ("IntegrityError", "UniqueViolation", "MemoryError"), outcome.value
        works_or_closed(connection)


@piece(*BOTH, kinds=("core",))
def make_and_drop_tables(url: str) -> Steps:
    with connected(url) as connection:
        meta = MetaData()
        Table("fresh", meta, Column("a", Integer, primary_key=True), Column("b", String(5), index=True))

        def work() -> Any:
            meta.create_all(connection)
            meta.drop_all(connection)

        yield work
        works_or_closed(connection)
        meta.drop_all(connection)
        connection.commit()
