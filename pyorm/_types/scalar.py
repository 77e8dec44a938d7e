"""Numbers, texts, bytes, booleans, dates and UUIDs, with their SQL-standard names.

CamelCase types are rendered as each database likes; UPPERCASE types are rendered as they are
written.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyorm._types.base import FLAGS, TypeEngine
from pyorm._types.schema_type import SchemaType


class Integer(TypeEngine):
    """A whole number: 32 bits on PostgreSQL, 64 on SQLite."""

    __visit_name__ = "integer"
    _kind = "INT32"
    _is_generic = True

    @property
    def python_type(self) -> type[int]:
        """int."""
        return int


class SmallInteger(Integer):
    """A whole number of 16 bits."""

    __visit_name__ = "small_integer"
    _kind = "INT16"
    _is_generic = True


class BigInteger(Integer):
    """A whole number of 64 bits."""

    __visit_name__ = "big_integer"
    _kind = "INT64"
    _is_generic = True


class NumericCommon(TypeEngine):
    """What Numeric and Float have in common."""

    _default_decimal_return_scale = 10
    precision: int | None
    scale: int | None = None
    decimal_return_scale: int | None
    asdecimal: bool

    @property
    def _effective_decimal_return_scale(self) -> int:
        """Decimals that a Decimal made from a float has at least."""
        if self.decimal_return_scale is not None:
            return self.decimal_return_scale
        return self._default_decimal_return_scale if self.scale is None else self.scale

    @property
    def python_type(self) -> type[Any]:
        """Decimal or float."""
        if self.asdecimal:
            import decimal

            return decimal.Decimal
        return float


class Numeric(NumericCommon):
    """An exact decimal number.

    Args:
        precision: digits in all.
        scale: digits after the point.
        decimal_return_scale: digits after the point of results on SQLite, `scale` by default.
        asdecimal: give Decimal; False: float.
    """

    __visit_name__ = "numeric"
    _kind = "NUMERIC"
    _is_generic = True
    _is_affinity = True

    def __init__(
        self,
        precision: int | None = None,
        scale: int | None = None,
        decimal_return_scale: int | None = None,
        asdecimal: bool = True,
    ) -> None:
        self.precision = precision
        self.scale = scale
        self.decimal_return_scale = decimal_return_scale
        self.asdecimal = asdecimal

    def _fields(self) -> dict[str, Any]:
        scale = self.scale if self.decimal_return_scale is None else self.decimal_return_scale
        return {
            "precision": self.precision,
            "scale": self.scale,
            "length": scale,
            "flags": FLAGS["ASDECIMAL"] if self.asdecimal else 0,
        }


class Float(NumericCommon):
    """A binary floating-point number.

    Args:
        precision: binary digits, for PostgreSQL's FLOAT(n).
        asdecimal: give Decimal.
        decimal_return_scale: digits after the point of such a Decimal, 10 by default.
    """

    __visit_name__ = "float"
    _kind = "FLOAT"
    _is_generic = True
    _is_affinity = True
    scale = None

    def __init__(
        self,
        precision: int | None = None,
        asdecimal: bool = False,
        decimal_return_scale: int | None = None,
    ) -> None:
        self.precision = precision
        self.asdecimal = asdecimal
        self.decimal_return_scale = decimal_return_scale

    def _fields(self) -> dict[str, Any]:
        return {
            "precision": self.precision,
            "length": self._effective_decimal_return_scale,
            "flags": FLAGS["ASDECIMAL"] if self.asdecimal else 0,
        }


class Double(Float):
    """A floating-point number of double precision."""

    __visit_name__ = "double"
    _is_generic = True


class String(TypeEngine):
    """A text.

    Args:
        length: characters, for DDL; None: no limit.
        collation: name of the collation, for DDL.
        collation_schema: its schema.
    """

    __visit_name__ = "string"
    _kind = "STRING"
    _is_generic = True

    def __init__(
        self,
        length: int | None = None,
        collation: str | None = None,
        collation_schema: str | None = None,
    ) -> None:
        self.length = length
        self.collation = collation
        self.collation_schema = collation_schema

    def _fields(self) -> dict[str, Any]:
        return {"length": self.length}

    @property
    def python_type(self) -> type[str]:
        """str."""
        return str


class Text(String):
    """A text of any length."""

    __visit_name__ = "text"
    _kind = "TEXT"
    _is_generic = True


class Unicode(String):
    """A text; the same as String on both databases."""

    __visit_name__ = "unicode"
    _is_generic = True


class UnicodeText(Text):
    """A text of any length; the same as Text on both databases."""

    __visit_name__ = "unicode_text"
    _is_generic = True


class _Binary(TypeEngine):
    """What the types of bytes have in common."""

    _kind = "BYTES"

    def __init__(self, length: int | None = None) -> None:
        self.length = length

    def _fields(self) -> dict[str, Any]:
        return {"length": self.length}

    @property
    def python_type(self) -> type[bytes]:
        """bytes."""
        return bytes


class LargeBinary(_Binary):
    """Bytes.

    Args:
        length: for databases that want one; neither of the two does.
    """

    __visit_name__ = "large_binary"
    _is_generic = True


class Boolean(SchemaType, TypeEngine):
    """True or False.

    Args:
        create_constraint: add a CHECK (x IN (0, 1)) where the database has no booleans.
        name: of that constraint.
    """

    __visit_name__ = "boolean"
    _kind = "BOOL"
    _is_generic = True
    native = True

    def __init__(self, create_constraint: bool = False, name: str | None = None) -> None:
        self.create_constraint = create_constraint
        self.name = name

    @property
    def python_type(self) -> type[bool]:
        """bool."""
        return bool


class MatchType(Boolean):
    """The result of a MATCH; a Boolean."""


class DateTime(TypeEngine):
    """A date and time of day.

    Args:
        timezone: an instant, with a time zone: aware datetimes in and out.
    """

    __visit_name__ = "datetime"
    _kind = "DATETIME"
    _is_generic = True

    def __init__(self, timezone: bool = False) -> None:
        self.timezone = timezone

    def _fields(self) -> dict[str, Any]:
        return {"flags": FLAGS["TZ"] if self.timezone else 0}

    @property
    def python_type(self) -> type[dt.datetime]:
        """datetime.datetime."""
        return dt.datetime


class Date(TypeEngine):
    """A date."""

    __visit_name__ = "date"
    _kind = "DATE"
    _is_generic = True

    @property
    def python_type(self) -> type[dt.date]:
        """datetime.date."""
        return dt.date


class Time(TypeEngine):
    """A time of day.

    Args:
        timezone: with an offset from UTC.
    """

    __visit_name__ = "time"
    _kind = "TIME"
    _is_generic = True

    def __init__(self, timezone: bool = False) -> None:
        self.timezone = timezone

    def _fields(self) -> dict[str, Any]:
        return {"flags": FLAGS["TZ"] if self.timezone else 0}

    @property
    def python_type(self) -> type[dt.time]:
        """datetime.time."""
        return dt.time


class _AbstractInterval(TypeEngine):
    """What the types of durations have in common."""

    _kind = "INTERVAL"
    _is_affinity = True

    @property
    def python_type(self) -> type[dt.timedelta]:
        """datetime.timedelta."""
        return dt.timedelta


class Interval(_AbstractInterval):
    """A duration: INTERVAL on PostgreSQL, a date after 1970-01-01 on SQLite.

    Args:
        native: use the database's own type where it has one.
        second_precision: decimals of a second, for DDL.
        day_precision: digits of the days; neither of the two databases has it.
    """

    __visit_name__ = "interval"
    _is_generic = True
    epoch = dt.datetime(1970, 1, 1)

    def __init__(
        self,
        native: bool = True,
        second_precision: int | None = None,
        day_precision: int | None = None,
    ) -> None:
        self.native = native
        self.second_precision = second_precision
        self.day_precision = day_precision

    def _fields(self) -> dict[str, Any]:
        return {} if self.native else {"oid": 1114, "array_oid": 1115}

    def __repr__(self) -> str:
        return "Interval()"


class Uuid(TypeEngine):
    """A UUID.

    Args:
        as_uuid: give uuid.UUID; False: str with hyphens.
        native_uuid: use the database's own type where it has one; else CHAR(32) of hex digits.
    """

    __visit_name__ = "uuid"
    _kind = "UUID"
    _is_generic = True
    _is_affinity = True
    length = None
    collation = None

    def __init__(self, as_uuid: bool = True, native_uuid: bool = True) -> None:
        self.as_uuid = as_uuid
        self.native_uuid = native_uuid

    @property
    def native(self) -> bool:
        """Whether the database's own type is wanted."""
        return self.native_uuid

    def _fields(self) -> dict[str, Any]:
        flags = 0 if self.as_uuid else FLAGS["STR_UUID"]
        if self.native_uuid:
            return {"flags": flags}
        return {"flags": flags | FLAGS["CHAR_UUID"], "oid": 1042, "array_oid": 1014}

    @property
    def python_type(self) -> type[Any]:
        """uuid.UUID or str."""
        if not self.as_uuid:
            return str
        import uuid

        return uuid.UUID


# --- SQL-standard names ------------------------------------------------------------------------


class REAL(Float):
    """REAL: 32 bits on PostgreSQL."""

    __visit_name__ = "REAL"
    _kind = "FLOAT32"


class FLOAT(Float):
    """FLOAT or FLOAT(n)."""

    __visit_name__ = "FLOAT"


class DOUBLE(Double):
    """DOUBLE."""

    __visit_name__ = "DOUBLE"


class DOUBLE_PRECISION(Double):
    """DOUBLE PRECISION."""

    __visit_name__ = "DOUBLE_PRECISION"


class NUMERIC(Numeric):
    """NUMERIC."""

    __visit_name__ = "NUMERIC"


class DECIMAL(Numeric):
    """DECIMAL."""

    __visit_name__ = "DECIMAL"


class INTEGER(Integer):
    """INTEGER."""

    __visit_name__ = "INTEGER"


INT = INTEGER


class SMALLINT(SmallInteger):
    """SMALLINT."""

    __visit_name__ = "SMALLINT"


class BIGINT(BigInteger):
    """BIGINT."""

    __visit_name__ = "BIGINT"


class TIMESTAMP(DateTime):
    """TIMESTAMP."""

    __visit_name__ = "TIMESTAMP"


class DATETIME(DateTime):
    """DATETIME."""

    __visit_name__ = "DATETIME"


class DATE(Date):
    """DATE."""

    __visit_name__ = "DATE"


class TIME(Time):
    """TIME."""

    __visit_name__ = "TIME"


class TEXT(Text):
    """TEXT."""

    __visit_name__ = "TEXT"


class CLOB(Text):
    """CLOB."""

    __visit_name__ = "CLOB"


class VARCHAR(String):
    """VARCHAR."""

    __visit_name__ = "VARCHAR"


class NVARCHAR(Unicode):
    """NVARCHAR."""

    __visit_name__ = "NVARCHAR"


class CHAR(String):
    """CHAR."""

    __visit_name__ = "CHAR"

    def _fields(self) -> dict[str, Any]:
        return {"length": self.length, "oid": 1042, "array_oid": 1014}


class NCHAR(Unicode):
    """NCHAR."""

    __visit_name__ = "NCHAR"

    def _fields(self) -> dict[str, Any]:
        return {"length": self.length, "oid": 1042, "array_oid": 1014}


class BLOB(LargeBinary):
    """BLOB."""

    __visit_name__ = "BLOB"


class BINARY(_Binary):
    """BINARY."""

    __visit_name__ = "BINARY"


class VARBINARY(_Binary):
    """VARBINARY."""

    __visit_name__ = "VARBINARY"


class BOOLEAN(Boolean):
    """BOOLEAN."""

    __visit_name__ = "BOOLEAN"


class UUID(Uuid):
    """UUID; on SQLite, too, it is declared so (and stored as hex digits).

    Args:
        as_uuid: give uuid.UUID; False: str with hyphens.
    """

    __visit_name__ = "UUID"

    def __init__(self, as_uuid: bool = True) -> None:
        super().__init__(as_uuid=as_uuid, native_uuid=True)
