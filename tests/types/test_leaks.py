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
