"""TypeDecorator, UserDefinedType, variants: Python around a value, asked once per dialect."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from pyorm import _coretest as core
from pyorm import exc, types
from pyorm.dialects import postgresql, sqlite

PG, LITE = 0, 1
DIALECTS = {PG: postgresql.dialect(), LITE: sqlite.dialect()}


def encode(type_: Any, value: Any, dialect: int) -> Any:
    """Return the payload of a value."""
    return core.types_encode(type_, value, dialect, dialect_obj=DIALECTS[dialect])[3]


def decode(type_: Any, payload: Any, dialect: int, oid: int = 0) -> Any:
    """Return the value of a payload."""
    return core.types_decode(type_, payload, dialect, oid, dialect_obj=DIALECTS[dialect])


class Upper(types.TypeDecorator):
    impl = types.String
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return None if value is None else f"{value.upper()}@{dialect.name}"

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return "nothing" if value is None else value.lower()


class Portable(types.TypeDecorator):
    """GUID recipe: native on PostgreSQL, text elsewhere."""

    impl = types.CHAR
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(types.Uuid())
        return dialect.type_descriptor(types.CHAR(36))

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return None if value is None else str(value)


class Document(types.TypeDecorator):
    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return json.dumps(value)

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return json.loads(value)


class Epoch(types.TypeDecorator):
    """A datetime kept as a number."""

    impl = types.Integer
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> Any:
        return int(value.timestamp())

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        return dt.datetime.fromtimestamp(value, dt.UTC)


class Point(types.UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **kw: Any) -> str:
        return "POINT"

    def bind_processor(self, dialect: Any) -> Any:
        return lambda value: f"({value[0]},{value[1]})"

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        return lambda value: tuple(map(int, value.strip("()").split(",")))


@pytest.mark.parametrize("dialect", [PG, LITE])
def test_decorator_sees_value_dialect_and_none(dialect: int) -> None:
    name = DIALECTS[dialect].name

    assert encode(Upper(), "abc", dialect) == f"ABC@{name}"
    assert encode(Upper(), None, dialect) is None
    assert decode(Upper(), "ABC", dialect) == "abc"
    assert decode(Upper(), None, dialect) == "nothing"


def test_decorator_uses_another_type_per_dialect() -> None:
    text = "12345678-1234-5678-1234-567812345678"

    assert encode(Portable(), text, PG) == bytes.fromhex(text.replace("-", ""))
    assert encode(Portable(), text, LITE) == text
    assert decode(Portable(), bytes.fromhex(text.replace("-", "")), PG, 2950) == text
    assert Portable()._record.oid == 2950


def test_decorator_may_store_none_as_a_value() -> None:
    assert encode(Document(), None, LITE) == "null"
    assert decode(Document(), "null", LITE) is None


def test_decorator_stacks_on_the_codec_of_its_impl() -> None:
    value = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)

    assert decode(Epoch(), encode(Epoch(), value, PG), PG, 23) == value
    assert decode(Epoch(), encode(Epoch(), value, LITE), LITE) == value


def test_decorator_without_hooks_is_its_impl() -> None:
    class Plain(types.TypeDecorator):
        impl = types.Integer
        cache_ok = True

    assert encode(Plain(), 5, LITE) == 5
    assert Plain()._record.flags == 0


def test_array_of_decorated_elements() -> None:
    array = types.ARRAY(Epoch())
    value = [dt.datetime(2026, 1, 2, tzinfo=dt.UTC), None]

    class NoneSafe(Epoch):
        def process_bind_param(self, value: Any, dialect: Any) -> Any:
            return None if value is None else super().process_bind_param(value, dialect)

        def process_result_value(self, value: Any, dialect: Any) -> Any:
            return None if value is None else super().process_result_value(value, dialect)

    array = types.ARRAY(NoneSafe())

    assert decode(array, encode(array, value, PG), PG, 1007) == value


@pytest.mark.feature("TYPE18")
@pytest.mark.parametrize("dialect", [PG, LITE])
def test_user_defined_type_processes_both_ways(dialect: int) -> None:
    assert encode(Point(), (1, 2), dialect) == "(1,2)"
    assert decode(Point(), "(1,2)", dialect, 600) == (1, 2)
    assert encode(Point(), None, dialect) is None


def test_processors_are_made_once_per_dialect_object() -> None:
    made: list[str] = []

    class Counting(types.UserDefinedType):
        cache_ok = False

        def get_col_spec(self, **kw: Any) -> str:
            return "X"

        def bind_processor(self, dialect: Any) -> Any:
            made.append(dialect.name)
            return lambda value: value + 1

    record = Counting()
    keep = core.types_record(record)
    for value in range(3):
        assert core.types_encode(record, value, LITE, dialect_obj=DIALECTS[LITE])[3] == value + 1

    assert keep.flags & 5 == 5
    assert made == ["sqlite"] * 3  # a foreign record is made anew each time


def test_processor_of_a_builtins_subclass_replaces_its_own() -> None:
    class Cents(types.Numeric):
        def bind_processor(self, dialect: Any) -> Any:
            return lambda value: int(value * 100)

        def result_processor(self, dialect: Any, coltype: Any) -> Any:
            return lambda value: value / 100

    assert encode(Cents(), 5, LITE) == 500
    assert decode(Cents(asdecimal=False), 500, LITE) == 5.0


def test_exception_of_a_hook_comes_through() -> None:
    class Failing(types.TypeDecorator):
        impl = types.String
        cache_ok = True

        def process_bind_param(self, value: Any, dialect: Any) -> Any:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        encode(Failing(), "x", PG)


@pytest.mark.feature("TYPE17")
def test_variant_is_used_on_its_dialect_only() -> None:
    type_ = types.String().with_variant(types.Integer(), "sqlite")

    assert encode(type_, "5", PG) == "5"
    assert encode(type_, "5", LITE) == 5
    assert decode(type_, 5, LITE) == 5
    assert encode(type_, None, LITE) is None
    json_type = types.JSON().with_variant(postgresql.JSONB(), "postgresql")
    assert encode(json_type, None, PG) == "null"
    assert decode(json_type, None, PG, 3802) is None


def test_variant_of_a_decorator_replaces_it() -> None:
    type_ = Upper().with_variant(types.Text(), "postgresql")

    assert encode(type_, "abc", PG) == "abc"
    assert encode(type_, "abc", LITE) == "ABC@sqlite"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: types.String().with_variant(types.Text()), "At least one dialect name"),
        (
            lambda: types.String()
            .with_variant(types.Text(), "sqlite")
            .with_variant(types.Text(), "sqlite"),
            "already present",
        ),
        (
            lambda: types.String().with_variant(
                types.Text().with_variant(types.Text(), "sqlite"), "sqlite"
            ),
            "already has variants",
        ),
    ],
)
def test_variant_is_refused_when_it_makes_no_sense(make: Any, message: str) -> None:
    with pytest.raises(exc.ArgumentError, match=message):
        make()


@pytest.mark.feature("TYPE12")
@pytest.mark.parametrize("dialect", [PG, LITE])
def test_pickle_type_takes_any_object(dialect: int) -> None:
    value = {"a": [1, (2, 3)]}

    payload = encode(types.PickleType(), value, dialect)

    assert isinstance(payload, bytes)
    assert decode(types.PickleType(), payload, dialect, 17) == value
    assert encode(types.PickleType(), None, dialect) is None
    assert decode(types.PickleType(), None, dialect, 17) is None


def test_pickle_type_compares_as_told() -> None:
    assert types.PickleType(comparator=lambda x, y: True).compare_values(1, 2)
    assert not types.PickleType().compare_values(1, 2)


def test_domain_has_the_values_of_its_type() -> None:
    domain = postgresql.DOMAIN("positive", types.Integer)

    assert decode(domain, encode(domain, 5, PG), PG, 23) == 5
    assert domain._record.kind == "INT32"


def test_sqlite_types_keep_another_form() -> None:
    compact = sqlite.DATETIME(
        storage_format="%(year)04d%(month)02d%(day)02d%(hour)02d%(minute)02d%(second)02d",
        regexp=r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})",
    )
    value = dt.datetime(2026, 1, 2, 3, 4, 5)

    assert encode(compact, value, LITE) == "20260102030405"
    assert decode(compact, "20260102030405", LITE) == value
    short = sqlite.TIME(truncate_microseconds=True)
    assert encode(short, dt.time(1, 2, 3, 4), LITE) == "01:02:03"
    assert decode(short, "01:02:03", LITE) == dt.time(1, 2, 3)
    with pytest.raises(ValueError, match="only one of"):
        sqlite.TIME(truncate_microseconds=True, storage_format="x")


@pytest.mark.parametrize(
    ("type_", "value", "postgres", "lite"),
    [
        (types.Integer(), 5, "5", "5"),
        (types.String(), "a'b", "'a''b'", "'a''b'"),
        (types.Boolean(), True, "true", "1"),
        (types.Float(), 1.5, "1.5", "1.5"),
        (types.Date(), dt.date(2020, 1, 2), "'2020-01-02'", "'2020-01-02'"),
        (types.Time(), dt.time(3), "'03:00:00'", "'03:00:00.000000'"),
        (
            types.DateTime(),
            dt.datetime(2020, 1, 2, 3, 4, 5, 6),
            "'2020-01-02 03:04:05.000006'",
            "'2020-01-02 03:04:05.000006'",
        ),
        (types.Enum("a", name="q"), "a", "'a'", "'a'"),
        (Upper(), "x", "'X@postgresql'", "'X@sqlite'"),
    ],
)
def test_literal_is_sqlalchemys(type_: Any, value: Any, postgres: str, lite: str) -> None:
    assert type_.literal_processor(DIALECTS[PG])(value) == postgres
    assert type_.literal_processor(DIALECTS[LITE])(value) == lite
