"""Values that a column cannot keep exactly are refused before they are sent, by name."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid
from typing import Any

import pytest

from pyorm import _coretest as core
from pyorm import exc, types

PG, LITE = 0, 1
UTC = dt.UTC


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


REFUSED: list[tuple[Any, Any, int | None, str]] = [
    (types.SmallInteger(), 2**15, PG, "out of the range of SmallInteger"),
    (types.Integer(), 2**31, PG, "out of the range of Integer"),
    (types.Integer(), -(2**31) - 1, PG, "out of the range of Integer"),
    (types.BigInteger(), 2**63, None, "out of the range of BigInteger"),
    (types.Integer(), 2**63, None, "out of the range of Integer"),
    (types.Integer(), 1.5, None, "takes an int, not 1.5 of type float"),
    (types.Integer(), "abc", None, "takes an int"),
    (types.Integer(), decimal.Decimal("1.5"), None, "takes an int"),
    (types.Float(), "x", None, "takes a float"),
    (types.Float(), 10**400, None, "out of the range of a float"),
    (types.Float(), math.nan, LITE, "SQLite cannot store NaN"),
    (types.REAL(), 1e300, PG, "out of the range of REAL"),
    (types.Numeric(), decimal.Decimal("NaN"), LITE, "SQLite cannot store NaN"),
    (types.Numeric(), decimal.Decimal("1.234567890123456"), LITE, "Numeric over TEXT"),
    (types.Numeric(), decimal.Decimal("1e400"), LITE, "exponents"),
    (types.Numeric(), decimal.Decimal("1e-320"), LITE, "exponents"),
    (types.Numeric(), decimal.Decimal("1e200000"), PG, "beyond PostgreSQL's numeric"),
    (types.Numeric(), "abc", None, "takes a Decimal"),
    (types.Numeric(), object(), None, "takes a Decimal"),
    (types.Boolean(), 5, None, "Value 5 is not None, True, or False"),
    (types.Boolean(), "a", None, "Not a boolean value: 'a'"),
    (types.String(), "a\0b", None, "NUL"),
    (types.String(), "é\0", None, "NUL"),
    (types.Text(), "\ud800", None, "surrogate"),
    (types.String(), 5, PG, "takes a str"),
    (types.LargeBinary(), "text", None, "takes bytes"),
    (types.Date(), "2026-01-01", PG, "takes a date"),
    (types.Date(), "2026-01-01", LITE, "SQLite Date type only accepts Python date objects"),
    (types.Time(), 5, LITE, "SQLite Time type only accepts Python time objects"),
    (types.DateTime(), "x", LITE, "SQLite DateTime type only accepts Python datetime and date"),
    (types.DateTime(), "x", PG, "takes a datetime or date"),
    (types.DateTime(), dt.datetime(2026, 1, 1, tzinfo=UTC), None, "declare DateTime(timezone"),
    (types.Time(), dt.time(1, tzinfo=UTC), PG, "declare Time(timezone=True)"),
    (types.Interval(), 5, None, "takes a timedelta"),
    (types.Interval(), dt.timedelta(days=-10**6), LITE, "outside of the years 1 to 9999"),
    (types.Uuid(), "xyz", None, "is not the text of a UUID"),
    (types.Uuid(), 5, None, "takes a UUID"),
    (types.JSON(), math.nan, None, "cannot be written as JSON"),
    (types.JSON(), object(), None, "cannot be written as JSON"),
    (types.JSON(), "a\0b", PG, "u0000"),
    (types.ARRAY(types.Integer), 5, PG, "takes a list"),
    (types.ARRAY(types.Integer), [[1], [2, 3]], PG, "same length"),
    (types.ARRAY(types.Integer), [1, [2]], PG, "takes an int"),
    (types.ARRAY(types.Integer, dimensions=2), [1], PG, "in place of a list"),
    (types.ARRAY(types.Integer), [[], []], PG, "no empty array inside"),
    (types.ARRAY(types.Integer, dimensions=7), [], PG, "at most 6 dimensions"),
    (types.ARRAY(types.Integer), [2**31], PG, "out of the range of Integer"),
    (types.ARRAY(types.Integer), [1], LITE, "SQLite has no arrays"),
    (types.NullType(), object(), None, "takes a value"),
    (types.TupleType(types.Integer), (1,), None, "part by part"),
]


@pytest.mark.parametrize(("type_", "value", "dialect", "message"), REFUSED)
def test_data_error_names_the_column_when_a_value_does_not_fit(
    type_: Any, value: Any, dialect: int | None, message: str
) -> None:
    for which in (PG, LITE) if dialect is None else (dialect,):
        with pytest.raises(exc.DataError) as info:
            core.types_encode(type_, value, which, column="c", row=3)

        assert message in str(info.value)
        assert "(column t.c, row 3)" in str(info.value)
        assert type(info.value.orig).__name__ == "DataError"


def test_integer_column_of_sqlite_has_64_bits() -> None:
    assert core.types_encode(types.Integer(), 2**40, LITE)[3] == 2**40


@pytest.mark.parametrize(
    ("value", "oid", "size"), [(2**40, 20, 8), (2**31, 20, 8), (2**31 - 1, 23, 4), (-1, 23, 4)]
)
def test_compared_integer_is_as_wide_as_its_value(value: int, oid: int, size: int) -> None:
    sent = core.types_encode(types.SmallInteger(), value, PG, False)

    assert sent[2:] == (oid, value.to_bytes(size, "big", signed=True))


@pytest.mark.parametrize(
    ("value", "expected"), [(True, 1), ("5", 5), (5.0, 5), (decimal.Decimal("5"), 5)]
)
def test_integer_is_taken_from_what_is_exactly_one(value: Any, expected: int) -> None:
    assert core.types_encode(types.Integer(), value, LITE)[3] == expected


def test_float_is_kept_as_it_is_in_a_numeric_of_sqlite() -> None:
    assert core.types_encode(types.Numeric(), 0.1 + 0.2, LITE)[3] == 0.1 + 0.2


def test_naive_datetime_goes_without_zone_when_the_column_has_one() -> None:
    value = dt.datetime(2026, 1, 2, 3, 4, 5)

    assert core.types_encode(types.DateTime(timezone=True), value, PG)[2] == 1114
    text = core.types_encode(types.DateTime(timezone=True), value, LITE)[3]
    assert text == "2026-01-02 03:04:05.000000"
    assert core.types_decode(types.DateTime(timezone=True), text, LITE) == value


def test_aware_datetime_is_written_in_utc_when_sqlite_keeps_it() -> None:
    value = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))

    text = core.types_encode(types.DateTime(timezone=True), value, LITE)[3]

    assert text == "2026-01-02 01:04:05.000000+00:00"


def test_sqlalchemys_ways_are_kept_when_the_profile_asks() -> None:
    value = dt.datetime(2026, 1, 2, 3, tzinfo=UTC)

    text = core.types_encode(types.DateTime(), value, LITE, lenient=True)[3]
    number = core.types_encode(
        types.Numeric(), decimal.Decimal("1.2345678901234567"), LITE, lenient=True
    )[3]

    assert text == "2026-01-02 03:00:00.000000"
    assert number == 1.2345678901234567


@pytest.mark.parametrize(
    ("type_", "wire", "oid", "message"),
    [
        (types.Date(), b"\x7f\xff\xff\xff", 1082, "infinity"),
        (types.Date(), b"\x80\0\0\0", 1082, "-infinity"),
        (types.Date(), (10**7).to_bytes(4, "big"), 1082, "years 1 to 9999"),
        (types.DateTime(), b"\x7f" + b"\xff" * 7, 1114, "infinity"),
        (types.DateTime(), b"\x80" + b"\0" * 7, 1114, "-infinity"),
        (types.DateTime(), (10**18).to_bytes(8, "big"), 1114, "years 1 to 9999"),
        (types.Time(), (86_400_000_000).to_bytes(8, "big"), 1083, "24:00"),
        (types.String(), b"\xff", 1043, "not UTF-8"),
    ],
)
def test_value_that_python_lacks_is_refused_when_it_is_read(
    type_: Any, wire: bytes, oid: int, message: str
) -> None:
    with pytest.raises(exc.DataError, match=message):
        core.types_decode(type_, wire, PG, oid, column="c")


def test_months_count_as_psycopg_counts_them() -> None:
    wire = (5).to_bytes(8, "big") + (1).to_bytes(4, "big") + (14).to_bytes(4, "big")

    expected = dt.timedelta(days=1 + 365 + 60, microseconds=5)
    assert core.types_decode(types.Interval(), wire, PG, 1186) == expected


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (types.Date(), "2026-13-01"),
        (types.Date(), "2026-02-30"),
        (types.DateTime(), "2020"),
        (types.DateTime(), "2026-01-01 25:00"),
        (types.Time(), "12"),
        (types.Interval(), "x"),
    ],
)
def test_text_that_is_no_date_is_refused_when_it_is_read(type_: Any, text: str) -> None:
    with pytest.raises(exc.DataError, match="Couldn't parse"):
        core.types_decode(type_, text, LITE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02", dt.datetime(2026, 1, 2)),
        ("2026-01-02T03:04", dt.datetime(2026, 1, 2, 3, 4)),
        ("2026-01-02 03:04:05.5", dt.datetime(2026, 1, 2, 3, 4, 5, 500_000)),
        ("2026-01-02 03:04:05.1234567", dt.datetime(2026, 1, 2, 3, 4, 5, 123_456)),
        ("2026-01-02 03:04:05Z", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (
            "2026-01-02 03:04:05-05:30",
            dt.datetime(
                2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(-dt.timedelta(hours=5, minutes=30))
            ),
        ),
    ],
)
def test_iso_forms_of_others_are_read_from_sqlite(text: str, expected: dt.datetime) -> None:
    back = core.types_decode(types.DateTime(), text, LITE)

    assert (back, back.utcoffset()) == (expected, expected.utcoffset())


@pytest.mark.parametrize("at", range(26))
def test_datetime_is_read_or_refused_when_one_character_is_another(at: int) -> None:
    written = "2024-02-29 13:47:58.012345"

    for code in (*range(1, 128), 0xE9):
        text = written[:at] + chr(code) + written[at + 1 :]
        try:
            # Other separators before the time than these two are Python's own.
            expected = dt.datetime.fromisoformat(text) if text[10] in " Tt" else None
        except ValueError:
            expected = None
        if text[19] != ".":
            expected = None
        if expected is not None:
            assert core.types_decode(types.DateTime(), text, LITE) == expected
        else:
            with pytest.raises(exc.DataError):
                core.types_decode(types.DateTime(), text, LITE)


@pytest.mark.parametrize("value", ["zz", 3])
def test_lookup_error_lists_the_set_when_a_value_is_not_in_it(value: Any) -> None:
    message = (
        f"'{value}' is not among the defined enum values. Enum name: colour. "
        "Possible values: RED, BLUE"
    )

    for dialect in (PG, LITE):
        with pytest.raises(LookupError) as info:
            core.types_encode(types.Enum(Colour, validate_strings=True), value, dialect)
        assert str(info.value) == message
        with pytest.raises(LookupError):
            core.types_decode(types.Enum(Colour), "zz", dialect)


def test_text_outside_of_the_set_passes_unless_strings_are_validated() -> None:
    assert core.types_encode(types.Enum(Colour), "zz", LITE)[3] == "zz"


def test_enum_of_texts_sends_the_name_of_a_member_that_is_a_text() -> None:
    class Level(str, enum.Enum):  # noqa: UP042 - the older form is what is tested
        LOW = "l"

    assert core.types_encode(types.Enum(Level), Level.LOW, PG)[3] == "LOW"
    assert core.types_decode(types.Enum(Level), "LOW", PG) is Level.LOW


@pytest.mark.parametrize("text", ["", "[1", "{} x", "[1] ]"])
def test_json_errors_are_those_of_json_loads(text: str) -> None:
    import json

    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as info:
        core.types_decode(types.JSON(), text, LITE)

    assert str(info.value) == str(expected.value)


def test_deep_json_is_refused_instead_of_crashing() -> None:
    with pytest.raises(RecursionError):
        core.types_decode(types.JSON(), "[" * 200_000, LITE)


def test_users_serializers_win() -> None:
    dumped = core.types_encode(types.JSON(), [1], PG, json_dumps=lambda value: b'"mine"')[3]
    loaded = core.types_decode(types.JSON(), "[1]", LITE, json_loads=lambda text: text * 2)

    assert (dumped, loaded) == ('"mine"', "[1][1]")


@pytest.mark.parametrize(
    ("stored", "type_", "shown"),
    [
        (1.5, types.Numeric(), "1.5000000000"),
        (1.5, types.Numeric(10, 2), "1.50"),
        (1.239, types.Numeric(10, 2), "1.24"),
        (3, types.Numeric(10, 2), "3.00"),
        (0.1 + 0.2, types.Numeric(), "0.3000000000"),
        (1e-12, types.Numeric(), "1e-12"),
        (1.5, types.Numeric(asdecimal=False), "1.5"),
        (1.5, types.Float(asdecimal=True), "1.5000000000"),
    ],
)
def test_numeric_of_sqlite_is_shown_with_its_scale(stored: Any, type_: Any, shown: str) -> None:
    assert str(core.types_decode(type_, stored, LITE)).lower() == shown


def test_uuid_is_a_plain_one_when_it_is_made_by_its_members() -> None:
    value = core.types_decode(types.Uuid(), uuid.UUID(int=5).bytes, PG, 2950)

    assert value == uuid.UUID(int=5)
    assert {value: 1}[uuid.UUID(int=5)] == 1
    assert value.__getstate__() == uuid.UUID(int=5).__getstate__()
