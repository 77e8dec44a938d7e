"""The server's own bytes: what it sends is what an encoder writes and a decoder reads."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from pyorm import _coretest as core
from pyorm import types
from pyorm.dialects import postgresql
from tests.driver.pg_raw import Conn

pytestmark = pytest.mark.pg

PG = 0
UTC = dt.UTC
D = decimal.Decimal


class Colour(enum.Enum):
    RED = 1


@pytest.fixture(scope="module")
def conn(pg_url: str) -> Iterator[Conn]:
    """A connection of the driver."""
    with Conn(pg_url) as found:
        yield found


def cell_of(conn: Conn, expression: str) -> tuple[bytes | None, int]:
    """Return the wire value of a SQL expression, and its type."""
    cursor = conn.exec(f"SELECT {expression}")
    try:
        return cursor.rest()[0][0], cursor.columns[0][1]
    finally:
        cursor.close()


BOTH_WAYS: list[tuple[Any, Any, str]] = [
    (types.SmallInteger(), -(2**15), "'-32768'::int2"),
    (types.Integer(), 2**31 - 1, "2147483647::int4"),
    (types.BigInteger(), -(2**63), "'-9223372036854775808'::int8"),
    (types.Float(), 0.1, "0.1::float8"),
    (types.Float(), float("-inf"), "'-infinity'::float8"),
    (types.REAL(), 1.5, "1.5::float4"),
    (types.Numeric(), D("0"), "0::numeric"),
    (types.Numeric(), D("0.000"), "'0.000'::numeric"),
    (types.Numeric(), D("-12345.6700"), "'-12345.6700'::numeric"),
    (types.Numeric(), D("10000"), "10000::numeric"),
    (types.Numeric(), D("0.00012"), "'0.00012'::numeric"),
    (types.Numeric(), D("123456789012345678901234567890.5"), "123456789012345678901234567890.5"),
    (types.Boolean(), True, "true"),
    (types.String(), "a'é😀", "E'a\\'é😀'::varchar"),
    (types.Text(), "", "''::text"),
    (types.LargeBinary(), b"\0\xff", "'\\x00ff'::bytea"),
    (types.Date(), dt.date(1, 1, 1), "'0001-01-01'::date"),
    (types.Date(), dt.date(9999, 12, 31), "'9999-12-31'::date"),
    (types.Date(), dt.date(2000, 2, 29), "'2000-02-29'::date"),
    (types.Time(), dt.time(23, 59, 59, 999999), "'23:59:59.999999'::time"),
    (
        types.Time(timezone=True),
        dt.time(1, 2, 3, tzinfo=dt.timezone(-dt.timedelta(hours=3, minutes=30))),
        "'01:02:03-03:30'::timetz",
    ),
    (
        types.DateTime(),
        dt.datetime(1999, 12, 31, 23, 59, 59, 999999),
        "'1999-12-31 23:59:59.999999'::timestamp",
    ),
    (types.DateTime(), dt.datetime(1, 1, 1), "'0001-01-01'::timestamp"),
    (
        types.DateTime(timezone=True),
        dt.datetime(2026, 11, 24, 6, 0, tzinfo=UTC),
        "'2026-11-24 08:00:00+02'::timestamptz",
    ),
    (
        types.Interval(),
        dt.timedelta(days=-3, seconds=5, microseconds=7),
        "'-3 days 5.000007 s'::interval",
    ),
    (types.Uuid(), uuid.UUID(int=2**127 + 5), "'80000000-0000-0000-0000-000000000005'::uuid"),
    (types.ARRAY(types.Integer), [1, None, 3], "'{1,NULL,3}'::int4[]"),
    (types.ARRAY(types.Text), [], "'{}'::text[]"),
    (types.ARRAY(types.Text), ["a", 'q"', ""], "ARRAY['a','q\"','']"),
    (types.ARRAY(types.Integer, dimensions=2), [[1, 2], [3, 4]], "'{{1,2},{3,4}}'::int4[]"),
    (types.ARRAY(types.Numeric), [D("1.50")], "'{1.50}'::numeric[]"),
    (
        types.ARRAY(types.DateTime(timezone=True)),
        [dt.datetime(2026, 1, 1, tzinfo=UTC)],
        "ARRAY['2026-01-01+00'::timestamptz]",
    ),
]


@pytest.mark.parametrize(("type_", "value", "expression"), BOTH_WAYS)
def test_bytes_are_the_servers(conn: Conn, type_: Any, value: Any, expression: str) -> None:
    wire, oid = cell_of(conn, expression)

    kind, _, sent_oid, payload = core.types_encode(type_, value, PG)

    assert (payload.encode() if kind == 3 else payload) == wire
    assert sent_oid == oid
    back = core.types_decode(type_, wire, PG, oid)
    assert (back, str(back)) == (value, str(value))
    undeclared = core.types_decode(None, wire, PG, oid)
    assert undeclared == value


READ: list[tuple[Any, str, Any]] = [
    (types.Numeric(), "'Infinity'::numeric", D("Infinity")),
    (types.JSON(), """'{"a": [1, 2.5, null]}'::json""", {"a": [1, 2.5, None]}),
    (postgresql.JSONB(), """'{"a": [1, 2.5, null]}'::jsonb""", {"a": [1, 2.5, None]}),
    (postgresql.JSONPATH(), "'$.a'::jsonpath", '$."a"'),
    (postgresql.INET(), "'10.1.2.3/8'::inet", "10.1.2.3/8"),
    (postgresql.INET(), "'::ffff:1.2.3.4'::inet", "::ffff:1.2.3.4"),
    (postgresql.CIDR(), "'10.0.0.0/8'::cidr", "10.0.0.0/8"),
    (postgresql.CIDR(), "'2001:db8::1/128'::cidr", "2001:db8::1/128"),
    (postgresql.MACADDR(), "'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03"),
    (postgresql.MACADDR8(), "'08:00:2b:01:02:03:04:05'::macaddr8", "08:00:2b:01:02:03:04:05"),
    (postgresql.BIT(5), "B'10110'", "10110"),
    (postgresql.BIT(varying=True), "B'101101101'::varbit", "101101101"),
    (postgresql.OID(), "4294967295::oid", 2**32 - 1),
    (postgresql.REGCLASS(), "'pg_class'::regclass", 1259),
    (types.String(), "'a'::char(3)", "a  "),
    (types.String(), "'name'::name", "name"),
    (types.Integer(), "count(*) FROM pg_am WHERE false", 0),
    (types.Integer(), "sum(x) FROM (VALUES (1::int8), (2)) v(x)", D(3)),
    (types.Float(), "avg(x) FROM (VALUES (1), (2)) v(x)", 1.5),
    (types.Numeric(), "1.5::float8", D("1.5")),
    (types.Numeric(asdecimal=False), "1.5::numeric", 1.5),
    (types.Interval(), "'1 year 2 mons 3 days 04:05:06'::interval", dt.timedelta(428, 14706)),
    (
        postgresql.TSVECTOR(),
        "to_tsvector('simple', 'a b''s a') || setweight('c:9'::tsvector, 'A')",
        "'a':1,4 'b':2 'c':13A 's':3",
    ),
]


@pytest.mark.parametrize(("type_", "expression", "expected"), READ)
def test_value_is_read(conn: Conn, type_: Any, expression: str, expected: Any) -> None:
    wire, oid = cell_of(conn, expression)

    value = core.types_decode(type_, wire, PG, oid)

    assert (value, type(value)) == (expected, type(expected))


SENT_AS_TEXT: list[tuple[Any, Any, str]] = [
    (types.JSON(), {"a": "é"}, "json"),
    (postgresql.JSONB(), [1, None], "jsonb"),
    (postgresql.INET(), "10.1.2.3/8", "inet"),
    (postgresql.BIT(3), "101", "bit(3)"),
    (types.Uuid(native_uuid=False), uuid.UUID(int=5), "char(32)"),
    (postgresql.TSVECTOR(), "'a':1", "tsvector"),
    (postgresql.ENUM(Colour, name="colour"), Colour.RED, "pg_temp.colour"),
    (types.ARRAY(postgresql.ENUM(Colour, name="colour")), [Colour.RED, None], "pg_temp.colour[]"),
    (types.ARRAY(postgresql.JSONB()), [{"a": 'q"\\'}, None], "jsonb[]"),
    (types.ARRAY(postgresql.INET(), dimensions=2), [["1.2.3.4"], ["::1"]], "inet[]"),
]


@pytest.mark.parametrize(("type_", "value", "name"), SENT_AS_TEXT)
def test_text_is_what_the_server_takes(conn: Conn, type_: Any, value: Any, name: str) -> None:
    conn.run("DROP TYPE IF EXISTS pg_temp.colour")
    conn.run("CREATE TYPE pg_temp.colour AS ENUM ('RED')")
    kind, fmt, _, payload = core.types_encode(type_, value, PG)

    wire, oid = cell_of_param(conn, name, payload)

    assert (kind, fmt) == (3, 0)
    assert core.types_decode(type_, wire, PG, oid) == value


def cell_of_param(conn: Conn, name: str, text: str) -> tuple[bytes | None, int]:
    """Return the wire value of a text parameter cast to a type."""
    cursor = conn.exec(f"SELECT $1::{name}", text)
    try:
        return cursor.rest()[0][0], cursor.columns[0][1]
    finally:
        cursor.close()


@pytest.mark.parametrize("oid_name", ["inet", "macaddr", "bit", "oid", "tsvector", "jsonb", "uuid"])
def test_array_oid_is_the_servers(conn: Conn, oid_name: str) -> None:
    type_ = getattr(postgresql, oid_name.upper())()

    known = conn.text(f"SELECT typarray::text FROM pg_type WHERE typname = '{oid_name}'")

    assert str(type_._record.array_oid) == known


def test_every_oid_is_the_servers(conn: Conn) -> None:
    for name in types.__all__:
        cls = getattr(types, name)
        if not isinstance(cls, type) or not issubclass(cls, types.TypeEngine):
            continue
        try:
            record = cls()._record
        except (TypeError, AttributeError, Warning):
            continue  # needs arguments
        if record.oid and record.array_oid:
            found = conn.text(f"SELECT typarray::text FROM pg_type WHERE oid = {record.oid}")
            assert found == str(record.array_oid), name
