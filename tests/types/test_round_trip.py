"""Every codec, both dialects: what was encoded is what is decoded, over full ranges."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyorm import _coretest as core
from pyorm import exc, types

PG, LITE = 0, 1
TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))
DELTAS = st.timedeltas()


def round_trip(type_: Any, value: Any, dialect: int, **kw: Any) -> Any:
    """Encode, then decode what was encoded."""
    _, _, oid, payload = core.types_encode(type_, value, dialect, **kw)
    return core.types_decode(type_, payload, dialect, oid)


def both(type_: Any, value: Any) -> None:
    """Assert that a value comes back equal and of its class on both dialects."""
    for dialect in (PG, LITE):
        back = round_trip(type_, value, dialect)
        assert back == value
        assert type(back) is type(value)


@given(st.integers(-(2**31), 2**31 - 1))
def test_integer_comes_back(value: int) -> None:
    both(types.Integer(), value)


@given(st.integers(-(2**15), 2**15 - 1))
def test_small_integer_comes_back(value: int) -> None:
    both(types.SmallInteger(), value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_big_integer_comes_back(value: int) -> None:
    both(types.BigInteger(), value)


@given(st.floats(allow_nan=False))
def test_float_comes_back_with_its_sign(value: float) -> None:
    both(types.Float(), value)
    for dialect in (PG, LITE):
        back = round_trip(types.Float(), value, dialect)
        assert math.copysign(1, back) == math.copysign(1, value)


def test_nan_comes_back_from_postgresql() -> None:
    assert math.isnan(round_trip(types.Float(), math.nan, PG))


@given(st.floats(width=32, allow_nan=False))
def test_real_comes_back_when_it_has_32_bits(value: float) -> None:
    both(types.REAL(), value)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_numeric_comes_back_from_postgresql(value: decimal.Decimal) -> None:
    back = round_trip(types.Numeric(), value, PG)

    assert back == value
    if value.as_tuple().exponent <= 0 and value != 0:
        assert str(back) == str(value) or "E" in str(value)


@given(st.integers(-(10**40), 10**40), st.integers(-60, 60))
def test_numeric_keeps_every_digit_on_postgresql(digits: int, exponent: int) -> None:
    value = decimal.Decimal(digits).scaleb(exponent, decimal.Context(prec=100))

    assert round_trip(types.Numeric(), value, PG) == value


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_special_numerics_come_back_from_postgresql(text: str) -> None:
    assert str(round_trip(types.Numeric(), decimal.Decimal(text), PG)) == text


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(-25, 20))
def test_numeric_of_15_digits_comes_back_from_sqlite(digits: int, exponent: int) -> None:
    value = decimal.Decimal(digits).scaleb(exponent)

    assert round_trip(types.Numeric(), value, LITE) == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numeric_comes_back_from_sqlite(value: int) -> None:
    assert round_trip(types.Numeric(), decimal.Decimal(value), LITE) == value


@given(st.booleans())
def test_boolean_comes_back(value: bool) -> None:
    both(types.Boolean(), value)


@given(TEXTS)
def test_text_comes_back(value: str) -> None:
    for type_ in (types.String(), types.Text(), types.Unicode(), types.CHAR(5)):
        both(type_, value)


@given(TEXTS)
def test_text_is_bound_in_place_when_an_owner_keeps_it(value: str) -> None:
    owners: list[Any] = []

    _, _, _, payload = core.types_encode(types.Text(), value, LITE, owners=owners)

    assert payload == value
    assert owners == ([value] if value.isascii() else [])


@given(st.binary())
def test_bytes_come_back(value: bytes) -> None:
    both(types.LargeBinary(), value)
    for other in (bytearray(value), memoryview(value)):
        assert round_trip(types.LargeBinary(), other, PG) == value


@given(st.dates())
def test_date_comes_back(value: dt.date) -> None:
    both(types.Date(), value)


@given(st.datetimes())
def test_naive_datetime_comes_back(value: dt.datetime) -> None:
    both(types.DateTime(), value)


@given(
    st.datetimes(
        min_value=dt.datetime(1, 1, 3),
        max_value=dt.datetime(9999, 12, 29),
        timezones=st.integers(-1439, 1439).map(
            lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
        ),
    )
)
def test_aware_datetime_comes_back_in_utc(value: dt.datetime) -> None:
    for dialect in (PG, LITE):
        back = round_trip(types.DateTime(timezone=True), value, dialect)
        assert back == value
        assert back.tzinfo is dt.UTC


@given(st.times())
def test_time_comes_back(value: dt.time) -> None:
    both(types.Time(), value)


@given(
    st.times(),
    st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))),
)
def test_time_with_zone_comes_back(value: dt.time, zone: dt.timezone) -> None:
    aware = value.replace(tzinfo=zone)

    for dialect in (PG, LITE):
        back = round_trip(types.Time(timezone=True), aware, dialect)
        assert (back, back.utcoffset()) == (aware, aware.utcoffset())


@given(DELTAS)
def test_interval_comes_back_from_postgresql(value: dt.timedelta) -> None:
    assert round_trip(types.Interval(), value, PG) == value


@given(st.timedeltas(dt.timedelta(days=-719162), dt.timedelta(days=2932895)))
def test_interval_comes_back_as_a_time_after_1970(value: dt.timedelta) -> None:
    assert round_trip(types.Interval(), value, LITE) == value
    assert round_trip(types.Interval(native=False), value, PG) == value


@given(st.uuids())
def test_uuid_comes_back(value: uuid.UUID) -> None:
    both(types.Uuid(), value)
    both(types.Uuid(native_uuid=False), value)
    for dialect in (PG, LITE):
        back = round_trip(types.Uuid(), value, dialect)
        assert (hash(back), str(back), back.bytes) == (hash(value), str(value), value.bytes)
        assert back.is_safe is uuid.SafeUUID.unknown
    both(types.Uuid(as_uuid=False), str(value))


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_json_comes_back(value: Any) -> None:
    for dialect in (PG, LITE):
        assert round_trip(types.JSON(), value, dialect) == value


@given(JSON_VALUES)
def test_jsonb_is_read_behind_its_version_byte(value: Any) -> None:
    _, _, _, payload = core.types_encode(types.JSON(), value, PG)

    assert core.types_decode(types.JSON(), b"\1" + payload.encode(), PG, 3802) == value


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"
    BLÅ = (1, 2)  # noqa: PLC2401 - the name is what is tested


@given(st.sampled_from(Colour))
def test_enum_member_comes_back(value: Colour) -> None:
    both(types.Enum(Colour), value)
    assert core.types_encode(types.Enum(Colour), value, PG)[3] == value.name


@given(st.sampled_from(["a", "b", "å"]))
def test_enum_text_comes_back(value: str) -> None:
    both(types.Enum("a", "b", "å"), value)


@given(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1)))
def test_array_of_integers_comes_back(value: list[int | None]) -> None:
    assert round_trip(types.ARRAY(types.Integer), value, PG) == value
    back = round_trip(types.ARRAY(types.Integer, as_tuple=True), value, PG)
    assert back == tuple(value)


@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_array_of_texts_comes_back_in_its_shape(rows: int, columns: int, data: Any) -> None:
    row = st.lists(st.none() | TEXTS, min_size=columns, max_size=columns)
    value = data.draw(st.lists(row, min_size=rows, max_size=rows))

    assert round_trip(types.ARRAY(types.Text, dimensions=2), value, PG) == value


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        (types.Numeric(), [decimal.Decimal("1.50"), None]),
        (types.Uuid(), [uuid.UUID(int=7)]),
        (types.DateTime(), [dt.datetime(2026, 1, 2, 3, 4, 5, 6)]),
        (types.Boolean(), [True, None, False]),
        (types.LargeBinary(), [b"", b"\0"]),
        (types.Date(), [dt.date.min, dt.date.max]),
        (types.Interval(), [dt.timedelta(days=-1, microseconds=1)]),
    ],
)
def test_array_of_scalars_comes_back(type_: Any, values: list[Any]) -> None:
    assert round_trip(types.ARRAY(type_), values, PG) == values


@given(st.lists(st.none() | st.sampled_from(["a", 'q"', "back\\slash", "{}", "NULL", ""])))
def test_array_without_a_number_is_sent_as_text(values: list[str | None]) -> None:
    labels = ["a", 'q"', "back\\slash", "{}", "NULL", ""]

    kind, fmt, oid, payload = core.types_encode(types.ARRAY(types.Enum(*labels)), values, PG)

    assert (kind, fmt, oid) == (3, 0, 0)
    quoted = [
        "NULL" if v is None else '"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for v in values
    ]
    assert payload == "{" + ",".join(quoted) + "}"


def test_array_text_has_braces_where_a_dimension_ends() -> None:
    type_ = types.ARRAY(types.Enum("a", "b"), dimensions=2)

    assert core.types_encode(type_, [["a", "b"], ["b", "a"]], PG)[3] == '{{"a","b"},{"b","a"}}'


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_compared_array_is_as_wide_as_its_widest_value(values: list[int]) -> None:
    kind, _, oid, payload = core.types_encode_array(types.Integer(), values)

    wide = any(not -(2**31) <= value < 2**31 for value in values)
    assert (kind, oid) == (4, 1016 if wide else 1007)
    assert core.types_decode(None, payload, PG, oid) == values


@given(
    st.one_of(
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        TEXTS,
        st.binary(),
        st.booleans(),
        st.none(),
        st.dates(),
        st.datetimes(),
        st.times(),
        st.uuids(),
    )
)
def test_value_without_a_type_comes_back_from_postgresql(value: Any) -> None:
    _, _, oid, payload = core.types_encode(types.NullType(), value, PG)

    assert core.types_decode(None, payload, PG, oid or 25) == value


@given(st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXTS, st.binary()))
def test_value_without_a_type_comes_back_from_sqlite(value: Any) -> None:
    back = round_trip(types.NullType(), value, LITE)

    assert (back, type(back)) == (value, type(value))


@given(st.sampled_from(["1.2.3.4", "10.0.0.0/8", "::1", "2001:db8::/32"]))
def test_network_address_is_written_as_postgresql_does(text: str) -> None:
    import ipaddress

    address = ipaddress.ip_interface(text)
    bits = address.network.prefixlen
    family = 2 if address.version == 4 else 3
    packed = address.ip.packed

    wire = bytes([family, bits, 0, len(packed)]) + packed

    assert core.types_decode(None, wire, PG, 869) == text


def test_every_type_takes_null() -> None:
    for name in types.__all__:
        cls = getattr(types, name)
        if name in ("ARRAY", "TypeDecorator", "UserDefinedType", "to_instance", "NULLTYPE"):
            continue
        if not issubclass(cls, types.TypeEngine) or name in ("JSON", "TupleType", "NumericCommon"):
            continue
        for dialect in (PG, LITE):
            kind, _, _, payload = core.types_encode(cls(), None, dialect)
            assert (kind, payload) == (0, None)
            assert core.types_decode(cls(), None, dialect, 0) is None


def test_json_null_and_sql_null_are_told_apart() -> None:
    assert core.types_encode(types.JSON(), None, PG)[3] == "null"
    assert core.types_encode(types.JSON(none_as_null=True), None, PG)[3] is None
    assert core.types_encode(types.JSON(none_as_null=True), types.JSON.NULL, PG)[3] == "null"
    assert core.types_decode(types.JSON(), None, PG, 114) is None


def test_wire_decides_when_the_declared_family_is_another() -> None:
    _, _, _, numeric = core.types_encode(types.Numeric(), decimal.Decimal("6.50"), PG)

    assert core.types_decode(types.Integer(), numeric, PG, 1700) == decimal.Decimal("6.50")
    assert core.types_decode(types.Float(), numeric, PG, 1700) == 6.5
    _, _, _, double = core.types_encode(types.Float(), 6.5, PG)
    assert core.types_decode(types.Numeric(), double, PG, 701) == decimal.Decimal("6.5")


def test_data_error_is_raised_when_the_wire_is_malformed() -> None:
    for type_, oid in [
        (types.Integer(), 23),
        (types.Float(), 701),
        (types.Numeric(), 1700),
        (types.Boolean(), 16),
        (types.Date(), 1082),
        (types.DateTime(), 1114),
        (types.Time(), 1083),
        (types.Interval(), 1186),
        (types.Uuid(), 2950),
        (types.ARRAY(types.Integer), 1007),
    ]:
        with pytest.raises(exc.DataError, match=r"\(column c\)"):
            core.types_decode(type_, b"\1\2\3", PG, oid, column="c")
