"""Values, types, listeners and finalisers that close, re-enter or delete what is at work.

Whatever they do, the answer is right or an exception, and the pool is whole afterwards.
"""

from __future__ import annotations

import datetime as dt
import decimal
import gc
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyorm import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    bindparam,
    event,
    exc,
    insert,
    select,
    text,
    types,
)  # fmt: skip
from pyorm.engine import Connection, Engine

THINGS = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("name", String))
ROWS = 2000

Deed = Callable[[], object]


@pytest.fixture
def filled(engine: Engine) -> Iterator[Engine]:
    with engine.begin() as connection:
        THINGS.create(connection)
        connection.execute(insert(THINGS), [{"id": i, "name": f"name {i} {'x' * 30}"} for i in range(ROWS)])
    yield engine
    gc.collect()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM things")).scalar() == ROWS
    assert engine.pool.checkedout() == 0


class Once:
    """Does its deed at the n-th call, once, and keeps what that raised."""

    def __init__(self, deed: Deed, at: int = 1) -> None:
        self.deed, self.left = deed, at
        self.raised: BaseException | None = None
        self.done = False

    def __call__(self, *_: object, **__: object) -> None:
        self.left -= 1
        if self.left == 0:
            try:
                self.deed()
            except Exception as error:
                self.raised = error
            self.done = True


def deeds(connection: Connection, result: list[Any]) -> dict[str, Deed]:
    """What somebody can do to a connection and its results from inside."""
    return {
        "close": connection.close,
        "invalidate": connection.invalidate,
        "rollback": connection.rollback,
        "commit": connection.commit,
        "detach": connection.detach,
        "execute": lambda: connection.execute(select(THINGS)).all(),
        "stream": lambda: connection.execution_options(yield_per=1).execute(select(THINGS)).fetchone(),
        "raw": lambda: connection.exec_driver_sql("SELECT 1").scalar(),
        "raw close": lambda: connection.connection.close(),
        "raw invalidate": lambda: connection.connection.invalidate(),
        "dispose": connection.engine.dispose,
        "savepoint": lambda: connection.begin_nested().rollback(),
        "fetch": lambda: result and result[0].fetchone(),
        "fetchall": lambda: result and result[0].fetchall(),
        "result close": lambda: result and result[0].close(),
        "collect": gc.collect,
    }


NAMES = [
    "close", "invalidate", "rollback", "commit", "detach", "execute", "stream", "raw", "raw close", "raw invalidate",
    "dispose", "savepoint", "fetch", "fetchall", "result close", "collect",
]  # fmt: skip
ALLOWED = (exc.SQLAlchemyError, RuntimeError)


def attempt(work: Callable[[], Any]) -> Any:
    """Do the work; None where it raises what it may."""
    try:
        return work()
    except ALLOWED:
        return None


def evil_type(once: Once, *, binds: bool) -> Any:
    class Evil(TypeDecorator):
        impl = String
        cache_ok = False

        def process_bind_param(self, value: Any, dialect: Any) -> Any:
            if binds:
                once()
            return value

        def process_result_value(self, value: Any, dialect: Any) -> Any:
            if not binds:
                once()
            return value

    return Evil()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("at", [1, 3])
def test_parameter_survives_when_its_type_attacks(filled: Engine, name: str, at: int) -> None:
    connection = filled.connect()
    once = Once(deeds(connection, [])[name], at)
    evil = evil_type(once, binds=True)
    statement = select(THINGS.c.id).where(
        THINGS.c.name.in_([bindparam(None, f"name {i} {'x' * 30}", type_=evil) for i in range(5)])
    )

    found = attempt(lambda: connection.execute(statement).scalars().all())
    connection.close()

    assert once.done
    assert found is None or sorted(found) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", NAMES)
def test_executemany_survives_when_its_type_attacks(filled: Engine, name: str) -> None:
    connection = filled.connect()
    once = Once(deeds(connection, [])[name], 3)
    table = Table("things", MetaData(), Column("id", Integer), Column("name", evil_type(once, binds=True)))

    attempt(lambda: connection.execute(insert(table), [{"id": ROWS + i, "name": "new"} for i in range(5)]))
    attempt(connection.rollback)
    connection.close()

    assert once.done
    with filled.begin() as again:
        again.execute(THINGS.delete().where(THINGS.c.id >= ROWS))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [None, 1, 100])
def test_row_survives_when_its_type_attacks(filled: Engine, name: str, size: int | None) -> None:
    connection = filled.connect()
    kept: list[Any] = []
    once = Once(deeds(connection, kept)[name], 5)
    table = Table("things", MetaData(), Column("id", Integer), Column("name", evil_type(once, binds=False)))
    options = {} if size is None else {"yield_per": size}

    kept.append(connection.execution_options(**options).execute(select(table.c.name, table.c.id).order_by(table.c.id)))
    seen: list[Any] = []
    attempt(lambda: seen.extend(kept[0]))
    kept.clear()
    connection.close()

    assert once.done
    assert all(row.name == f"name {row.id} {'x' * 30}" for row in seen)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "happening",
    ["before_cursor_execute", "after_cursor_execute", "before_execute", "after_execute", "begin", "commit", "rollback"],
)
def test_statement_survives_when_a_listener_attacks(filled: Engine, happening: str, name: str) -> None:
    connection = filled.connect()
    once = Once(deeds(connection, [])[name])
    if happening in ("commit", "rollback"):
        connection.execute(text("SELECT 1"))
    takes = {"before_cursor_execute": 6, "after_cursor_execute": 6, "before_execute": 5, "after_execute": 6}
    listeners = {
        6: lambda a, b, c, d, e, f: once(), 5: lambda a, b, c, d, e: once(), 1: lambda a: once(),
    }  # fmt: skip
    event.listen(connection, happening, listeners[takes.get(happening, 1)])

    attempt(lambda: connection.execute(select(THINGS)).fetchone())
    attempt(connection.rollback if happening == "rollback" else connection.commit)
    attempt(connection.close)

    assert once.done


@pytest.mark.parametrize("happening", ["reset", "checkin", "invalidate", "detach"])
@pytest.mark.parametrize("deed", ["close", "invalidate", "detach"])
def test_return_to_the_pool_survives_when_a_listener_attacks(filled: Engine, happening: str, deed: str) -> None:
    raw = filled.raw_connection()
    once = Once(lambda: getattr(raw, deed)())
    listeners = {
        "reset": lambda a, b, c: once(), "checkin": lambda a, b: once(),
        "invalidate": lambda a, b, c: once(), "detach": lambda a, b: once(),
    }  # fmt: skip
    listener = listeners[happening]
    event.listen(filled, happening, listener)
    try:
        if happening == "detach":
            attempt(raw.detach)
        elif happening == "invalidate":
            attempt(raw.invalidate)
        attempt(raw.close)
    finally:
        event.remove(filled, happening, listener)

    assert once.done


@pytest.mark.parametrize("name", ["close", "invalidate", "execute", "rollback", "fetch", "result close"])
def test_rows_survive_when_a_finaliser_attacks(filled: Engine, name: str) -> None:
    connection = filled.connect()
    kept: list[Any] = []
    once = Once(deeds(connection, kept)[name])

    class Late:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            once()

    kept.append(connection.execution_options(yield_per=100).execute(select(THINGS).order_by(THINGS.c.id)))
    before = gc.get_threshold()
    seen: list[Any] = []
    try:
        gc.set_threshold(1)
        Late()
        attempt(lambda: seen.extend(kept[0]))
    finally:
        gc.set_threshold(*before)
    kept.clear()
    attempt(connection.close)

    assert all(row.name == f"name {row.id} {'x' * 30}" for row in seen)


class EvilStr(str):
    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __str__(self) -> str:
        raise ZeroDivisionError

    def __len__(self) -> int:
        return 10**9


class EvilInt(int):
    def __index__(self) -> int:
        raise ZeroDivisionError

    def __bool__(self) -> bool:
        raise ZeroDivisionError


class EvilBytes(bytes):
    def __len__(self) -> int:
        return 10**9


class EvilUuid(uuid.UUID):
    int = property(lambda self: "no number", lambda self, value: None)  # type: ignore[assignment]


class EvilDecimal(decimal.Decimal):
    def as_tuple(self) -> Any:
        return None


class EvilDate(dt.date):
    year = property(lambda self: 10**30)  # type: ignore[assignment]


class EvilZone(dt.tzinfo):
    def utcoffset(self, when: Any) -> Any:
        return "no offset"


class EvilDict(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        return 7


class EvilList(list):  # type: ignore[type-arg]
    def __iter__(self) -> Any:
        self.clear()
        return iter([1, 2])

    def __len__(self) -> int:
        return 10**9


VALUES = [
    (String, EvilStr("abc")), (Integer, EvilInt(5)), (types.LargeBinary, EvilBytes(b"abc")),
    (types.Uuid, EvilUuid(int=5)), (types.Numeric, EvilDecimal("1.5")), (types.Date, EvilDate(2020, 1, 1)),
    (types.DateTime(timezone=True), dt.datetime(2020, 1, 1, tzinfo=EvilZone())), (types.JSON, EvilDict(a=1)),
    (types.JSON, EvilList([1])), (types.JSON, {"a": EvilInt(5), "b": EvilStr("x")}), (types.Boolean, EvilInt(1)),
    (types.Float, EvilInt(3)), (types.Interval, EvilInt(3)), (types.Time, EvilStr("x")),
    (types.LargeBinary, bytearray(b"abc")),
    (types.LargeBinary, memoryview(b"abcdef")[::2]),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_value_is_bound_or_refused_when_its_class_lies(filled: Engine, number: int) -> None:
    kind, value = VALUES[number]
    with filled.connect() as connection:
        try:
            connection.execute(select(bindparam("x", value, type_=kind))).scalar()
        except (exc.SQLAlchemyError, ZeroDivisionError, TypeError, ValueError):
            pass
        connection.rollback()

        assert connection.execute(text("SELECT 42")).scalar() == 42


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_untyped_value_is_bound_or_refused_when_its_class_lies(filled: Engine, number: int) -> None:
    with filled.connect() as connection:
        try:
            connection.execute(text("SELECT :x"), {"x": VALUES[number][1]}).scalar()
        except (exc.SQLAlchemyError, ZeroDivisionError, TypeError, ValueError):
            pass
        connection.rollback()

        assert connection.execute(text("SELECT 42")).scalar() == 42


class EvilMapping:
    """Changes while it is looked at."""

    def __init__(self) -> None:
        self.asked = 0

    def keys(self) -> Any:
        self.asked += 1
        return ["id", "name"] if self.asked < 2 else []

    def __getitem__(self, key: str) -> Any:
        if key == "name":
            raise ZeroDivisionError
        return 1

    def __len__(self) -> int:
        return -5  # noqa: PLE0303 - that is what is evil


@pytest.mark.parametrize(
    "parameters",
    [
        EvilMapping(),
        [EvilMapping(), EvilMapping()],
        EvilList([{"id": 1}]),
        [{"id": 1}, 7],
        {1: 2},
        [{1: 2}],
        [[1, 2]],
        7,
    ],
    ids=repr,
)
def test_parameters_are_refused_when_they_are_no_mapping(filled: Engine, parameters: Any) -> None:
    with filled.connect() as connection:
        try:
            connection.execute(select(THINGS).where(THINGS.c.id == bindparam("id")), parameters).all()
        except (exc.SQLAlchemyError, ZeroDivisionError, TypeError, ValueError):
            pass
        connection.rollback()

        assert connection.execute(text("SELECT 42")).scalar() == 42
