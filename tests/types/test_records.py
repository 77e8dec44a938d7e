"""Records: one per equal types while one lives, and nothing that stays behind."""

from __future__ import annotations

import copy
import enum
import gc
import pickle
import sys
import warnings
from typing import Any

import pytest

from pyorm import _core, exc, types
from pyorm.dialects import postgresql


class Colour(enum.Enum):
    RED = 1


class Cached(types.TypeDecorator):
    impl = types.String
    cache_ok = True

    def __init__(self, salt: str = "", length: int | None = None) -> None:
        super().__init__(length=length)
        self.salt = salt


EQUAL: list[tuple[Any, Any]] = [
    (lambda: types.Integer(), lambda: types.Integer()),
    (lambda: types.String(5), lambda: types.String(length=5)),
    (lambda: types.Numeric(10, 2), lambda: types.Numeric(10, 2)),
    (lambda: types.Enum("a", "b", name="q"), lambda: types.Enum("a", "b", name="q")),
    (lambda: types.ARRAY(types.Integer), lambda: types.ARRAY(types.Integer())),
    (lambda: Cached("x"), lambda: Cached("x")),
    (
        lambda: types.String(5).with_variant(types.Text(), "postgresql"),
        lambda: types.String(5).with_variant(types.Text(), "postgresql"),
    ),
]

DIFFERENT: list[tuple[Any, Any]] = [
    (lambda: types.String(5), lambda: types.String(6)),
    (lambda: types.String(5), lambda: types.VARCHAR(5)),
    (lambda: types.Integer(), lambda: types.INTEGER()),
    (lambda: types.DateTime(), lambda: types.DateTime(timezone=True)),
    (lambda: types.Enum("a", name="q"), lambda: types.Enum("b", name="q")),
    (lambda: types.Enum(Colour), lambda: types.Enum("RED", name="colour")),
    (  # the same values, but a CHECK for one of them
        lambda: types.Enum("a", native_enum=False, length=9),
        lambda: types.Enum("a", native_enum=False, length=9, create_constraint=True),
    ),
    (lambda: types.Enum("a", name="q"), lambda: types.Enum("a", name="q", renamed_from={"a": "b"})),
    (lambda: types.Enum("a", name="q"), lambda: types.Enum("a", name="q", inherit_schema=False)),
    (lambda: postgresql.ENUM("a", name="q"), lambda: postgresql.ENUM("a", name="q", create_type=False)),
    (
        lambda: postgresql.DOMAIN("d", types.Integer, check="VALUE > 0"),
        lambda: postgresql.DOMAIN("d", types.Integer, check="VALUE > 1"),
    ),
    (lambda: postgresql.DOMAIN("d", types.Integer), lambda: postgresql.DOMAIN("d", types.Integer, create_type=False)),
    (lambda: types.ARRAY(types.Integer), lambda: types.ARRAY(types.String)),
    (lambda: Cached("x"), lambda: Cached("y")),
    (lambda: Cached("x", 1), lambda: Cached("x", 2)),
    (lambda: types.JSON(), lambda: postgresql.JSONB()),
    (lambda: types.JSON(), lambda: types.JSON(none_as_null=True)),
    (lambda: types.String(5), lambda: types.String(5).with_variant(types.Text(), "sqlite")),
    (
        lambda: types.String(5).with_variant(types.Text(), "sqlite"),
        lambda: types.String(5).with_variant(types.Text(), "postgresql"),
    ),
    (lambda: types.String(5), lambda: types.String(5).evaluates_none()),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_types_share_a_record(one: Any, other: Any) -> None:
    first, second = one(), other()

    assert first._record is second._record


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_types_have_their_own_records(one: Any, other: Any) -> None:
    first, second = one(), other()

    assert first._record is not second._record


def test_class_stands_for_its_instance() -> None:
    assert types.ARRAY(types.Integer).item_type._record is types.Integer()._record


def test_record_dies_with_its_types() -> None:
    class Short(types.String):
        pass

    one, other = Short(5), Short(5)
    gc.collect()
    assert one._record is other._record
    address = id(one._record)
    before = len([o for o in gc.get_objects() if type(o) is _core.TypeRecord])

    del one, other
    gc.collect()

    after = [o for o in gc.get_objects() if type(o) is _core.TypeRecord]
    assert len(after) < before
    assert address not in map(id, after)
    assert repr(Short(5)._record) == "<type record STRING of Short(length=5)>"


def test_no_record_is_left_when_many_types_are_made() -> None:
    gc.collect()
    before = len([o for o in gc.get_objects() if type(o) is _core.TypeRecord])

    for length in range(1000):
        assert types.String(10**6 + length)._record.length == 10**6 + length
        types.Enum("a", str(length), name="x")._record  # noqa: B018 - the look is the act
    gc.collect()

    after = len([o for o in gc.get_objects() if type(o) is _core.TypeRecord])
    assert after <= before + 1


def test_references_are_even_when_a_record_is_asked_for() -> None:
    type_ = types.String(12345)
    record = type_._record
    before = sys.getrefcount(record)

    for _ in range(1000):
        type_._record  # noqa: B018 - the look is the act

    assert sys.getrefcount(record) == before


@pytest.mark.feature("TYPE15")
def test_type_warns_once_per_class_when_cache_ok_is_not_set() -> None:
    class Careless(types.TypeDecorator):
        impl = types.String

    with pytest.warns(exc.SAWarning, match="will not produce a cache key"):
        record = Careless()._record
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = Careless()._record

    assert record is not other
    assert record.flags & _core.type_flags["UNCACHEABLE"]


def test_type_is_not_cached_when_its_arguments_cannot_be_hashed() -> None:
    record = Cached(salt={})._record  # type: ignore[arg-type]

    assert record.flags & _core.type_flags["UNCACHEABLE"]


@pytest.mark.parametrize(
    "type_",
    [
        types.String(5),
        types.Enum("a", name="q"),
        types.ARRAY(types.Integer),
        types.String(5).with_variant(types.Text(), "sqlite"),
        Cached("x", 3),
    ],
)
def test_type_survives_copy_and_pickle(type_: Any) -> None:
    record = type_._record

    assert copy.copy(type_)._record is record
    assert copy.deepcopy(type_)._record is record
    assert pickle.loads(pickle.dumps(type_))._record is record
    assert type_.copy()._record is record


def test_something_else_is_refused_by_name() -> None:
    with pytest.raises(exc.ArgumentError, match="5 is not a SQL type"):
        types.ARRAY(5)  # type: ignore[arg-type]


def test_broken_description_is_refused() -> None:
    class Broken(types.Integer):
        spec: Any = ()

        def _record_spec(self) -> Any:
            return self.spec

    good = (None, "INT32", 0, None, None, None, None, None, None, None, None)
    for spec in [
        (),
        5,
        (None, "NOPE", *good[2:]),
        (None, "INT32", -5, *good[3:]),
        (None, "INT32", "x", *good[3:]),
        (*good[:9], 5, None),
        (None, "ARRAY", *good[2:]),
        (None, "DECORATOR", *good[2:]),
        (None, "ENUM", *good[2:]),
    ]:
        broken = Broken()
        broken.spec = spec
        with pytest.raises((TypeError, ValueError)):
            broken._record  # noqa: B018 - the look is the act


def test_value_has_its_type() -> None:
    import datetime as dt
    import decimal
    import uuid

    utc = dt.UTC
    pairs = [
        (1, "Integer()"),
        (2**31, "BigInteger()"),
        (-(2**31), "BigInteger()"),
        (1.5, "Double()"),
        ("x", "String()"),
        (b"", "LargeBinary()"),
        (True, "Boolean()"),
        (None, "NullType()"),
        ([], "NullType()"),
        (object(), "NullType()"),
        (dt.datetime(2020, 1, 1), "DateTime()"),
        (dt.datetime(2020, 1, 1, tzinfo=utc), "DateTime(timezone=True)"),
        (dt.date(2020, 1, 1), "Date()"),
        (dt.time(), "Time()"),
        (dt.timedelta(), "Interval()"),
        (decimal.Decimal(1), "Numeric()"),
        (uuid.UUID(int=1), "Uuid()"),
    ]

    assert [repr(_core.type_for_value(value)) for value, _ in pairs] == [text for _, text in pairs]


@pytest.mark.parametrize(
    ("type_", "python_type"),
    [
        (types.Integer(), int),
        (types.String(), str),
        (types.Float(), float),
        (types.Boolean(), bool),
        (types.LargeBinary(), bytes),
        (types.Enum(Colour), Colour),
        (types.ARRAY(types.Integer), list),
        (types.JSON(), object),
        (types.Uuid(as_uuid=False), str),
    ],
)
def test_python_type_is_that_of_the_values(type_: Any, python_type: type) -> None:
    assert type_.python_type is python_type


@pytest.mark.parametrize(
    ("type_", "generic"),
    [
        (types.VARCHAR(5), "String(length=5)"),
        (types.INTEGER(), "Integer()"),
        (types.BIGINT(), "BigInteger()"),
        (types.NUMERIC(5, 1), "Numeric(precision=5, scale=1)"),
        (types.TIMESTAMP(timezone=True), "DateTime(timezone=True)"),
        (postgresql.BYTEA(), "LargeBinary()"),
        (postgresql.ENUM("a", name="q"), "Enum('a', name='q')"),
    ],
)
def test_generic_type_is_the_camel_case_one(type_: Any, generic: str) -> None:
    assert repr(type_.as_generic()) == generic
