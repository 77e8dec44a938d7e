"""Nothing is left behind by an encoder, a decoder or an error: memory is flat over many runs."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import gc
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from pyorm import _coretest as core
from pyorm import exc, types
from pyorm.dialects import postgresql as pg

pytestmark = pytest.mark.leak

PG, LITE = 0, 1
RUNS = 200


class Colour(enum.Enum):
    RED = 1


class Shouting(types.TypeDecorator):
    impl = types.String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return value.upper()

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return value.lower()


VALUES: list[tuple[Any, Any]] = [
    (types.Integer(), 123456),
    (types.Integer(), "123456"),
    (types.Float(), 1.5),
    (types.Float(asdecimal=True), 1.5),
    (types.Numeric(), decimal.Decimal("12345.678")),
    (types.Boolean(), True),
    (types.String(), "some text that is not shared"),
    (types.String(), "nöt äscii"),
    (types.LargeBinary(), b"some bytes"),
    (types.LargeBinary(), bytearray(b"some bytes")),
    (types.Date(), dt.date(2026, 1, 2)),
    (types.Time(), dt.time(1, 2, 3)),
    (types.DateTime(), dt.datetime(2026, 1, 2)),
    (types.DateTime(timezone=True), dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
    (
        types.Time(timezone=True),
        dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    ),
    (types.Interval(), dt.timedelta(1, 2, 3)),
    (types.Uuid(), uuid.UUID(int=2**100)),
    (types.Uuid(as_uuid=False), str(uuid.UUID(int=2**100))),
    (types.JSON(), {"a": [1, None, "x" * 50]}),
    (types.Enum(Colour), Colour.RED),
    (types.PickleType(), {"a": 1}),
    (Shouting(), "abc"),
    (types.String().with_variant(types.Text(), "sqlite"), "abc"),
    (types.NullType(), "abc"),
]
ARRAYS: list[tuple[Any, Any]] = [
    (types.ARRAY(types.Integer), [1, None, 300]),
    (types.ARRAY(types.Text, as_tuple=True), ["a", "b" * 50]),
    (types.ARRAY(types.Uuid, dimensions=2), [[uuid.UUID(int=2**90)]]),
]


POSTGRES: list[tuple[Any, Any]] = [
    (pg.INT4RANGE(), pg.Range(1000, 5000, bounds="[)")),
    (pg.NUMRANGE(), pg.Range(decimal.Decimal("1.5"), None, bounds="(]")),
    (pg.DATERANGE(), pg.Range(empty=True)),
    (pg.INT8MULTIRANGE(), pg.MultiRange([pg.Range(2**40, 2**41), pg.Range(2**42, None)])),
]
# {"a key": "a value", "n": None}, as the server sends it; a parameter is sent as text.
STORE = b"\0\0\0\2" b"\0\0\0\5a key\0\0\0\7a value" b"\0\0\0\1n\xff\xff\xff\xff"
# 'ab':*A & !'c', as the server sends it: operators before their operands, the right one first.
TSQUERY = (
    b"\0\0\0\4" b"\2\2" b"\2\1" b"\1\0\0c\0" b"\1\x08\1ab\0"
)  # fmt: skip


def blocks_of(function: Callable[[], object]) -> int:
    """Return how many memory blocks stay behind after many calls: of three rounds the least,
    since Python's own caches and free lists grow now and then."""
    found = []
    for _ in range(3):
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(RUNS):
            function()
        gc.collect()
        found.append(sys.getallocatedblocks() - before)
    return min(found)


def there_and_back(type_: Any, value: Any, dialect: int) -> None:
    """Encode and decode once."""
    _, _, oid, payload = core.types_encode(type_, value, dialect)
    core.types_decode(type_, payload, dialect, oid)


@pytest.mark.parametrize("dialect", [PG, LITE])
@pytest.mark.parametrize(("type_", "value"), VALUES)
def test_memory_is_flat_when_values_travel(type_: Any, value: Any, dialect: int) -> None:
    assert blocks_of(lambda: there_and_back(type_, value, dialect)) < RUNS // 4


@pytest.mark.parametrize(("type_", "value"), ARRAYS)
def test_memory_is_flat_when_arrays_travel(type_: Any, value: Any) -> None:
    assert blocks_of(lambda: there_and_back(type_, value, PG)) < RUNS // 4


@pytest.mark.parametrize(("type_", "value"), POSTGRES)
def test_memory_is_flat_when_values_of_postgresql_travel(type_: Any, value: Any) -> None:
    assert blocks_of(lambda: there_and_back(type_, value, PG)) < RUNS // 4


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (pg.INT4RANGE(), pg.Range(1, 2**40)),
        (pg.INT4RANGE(), pg.Range("a", "b")),
        (pg.INT4RANGE(), 5),
        (pg.INT8MULTIRANGE(), [pg.Range(1, 2), 5]),
        (pg.HSTORE(), {"a": 1}),
        (pg.HSTORE(), {1: "a"}),
    ],
)
def test_memory_is_flat_when_values_of_postgresql_are_refused(type_: Any, value: Any) -> None:
    def refused() -> None:
        with pytest.raises(exc.DataError):
            core.types_encode(type_, value, PG, column="c")

    assert blocks_of(refused) < RUNS // 4


def test_memory_is_flat_when_stores_travel() -> None:
    value = {"a key": "a value", "n": None}

    def travel() -> None:
        core.types_encode(pg.HSTORE(), value, PG)
        assert core.types_decode(pg.HSTORE(), STORE, PG, 0) == value

    def malformed() -> None:
        with pytest.raises(exc.DataError):
            core.types_decode(pg.HSTORE(), STORE[:-5], PG, 0)

    travel()
    assert blocks_of(travel) < RUNS // 4 and blocks_of(malformed) < RUNS // 4


def test_memory_is_flat_when_search_queries_are_read() -> None:
    def read() -> None:
        assert core.types_decode(pg.TSQUERY(), TSQUERY, PG, 3615) == "'ab':*A & !'c'"

    def malformed() -> None:
        with pytest.raises(exc.DataError):
            core.types_decode(pg.TSQUERY(), TSQUERY[:-3], PG, 3615)

    read()
    assert blocks_of(read) < RUNS // 4 and blocks_of(malformed) < RUNS // 4


@pytest.mark.parametrize(("type_", "value"), VALUES)
def test_references_are_even_when_values_travel(type_: Any, value: Any) -> None:
    for dialect in (PG, LITE):
        there_and_back(type_, value, dialect)
        before = sys.getrefcount(value)
        for _ in range(50):
            there_and_back(type_, value, dialect)
        assert abs(sys.getrefcount(value) - before) < 5


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (types.Integer(), "x"),
        (types.Numeric(), "x"),
        (types.String(), "a\0"),
        (types.Uuid(), "x"),
        (types.Boolean(), "x"),
        (types.JSON(), object()),
        (types.DateTime(), "x"),
        (types.ARRAY(types.Integer), [1, "x"]),
    ],
)
def test_memory_is_flat_when_values_are_refused(type_: Any, value: Any) -> None:
    def refused() -> None:
        with pytest.raises(exc.DataError):
            core.types_encode(type_, value, PG, column="c")

    assert blocks_of(refused) < RUNS // 4


@pytest.mark.parametrize(
    ("type_", "oid"),
    [(types.Integer(), 23), (types.Numeric(), 1700), (types.ARRAY(types.Integer), 1007)],
)
def test_memory_is_flat_when_the_wire_is_malformed(type_: Any, oid: int) -> None:
    def refused() -> None:
        with pytest.raises(exc.DataError):
            core.types_decode(type_, b"\0\0\0\1\0\0\0\0\0", PG, oid)

    assert blocks_of(refused) < RUNS // 4


def test_memory_is_flat_when_database_errors_are_raised() -> None:
    def failed() -> None:
        with pytest.raises(exc.UniqueViolation):
            core.py_raise(
                core.py_codes()["ORM_E_DB"], "x", sqlstate="23505", statement="S", params=(1,)
            )

    assert blocks_of(failed) < RUNS // 4


def test_memory_is_flat_when_calls_are_parsed() -> None:
    def call() -> None:
        core.py_parse(1, 2, d=4)
        with pytest.raises(TypeError):
            core.py_parse(1, 2)

    assert blocks_of(call) < RUNS // 4
