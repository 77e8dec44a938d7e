"""Values as SQL text, for DDL and for `literal_binds`: never for statements that are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm._types.base import TypeEngine


def quote_text(value: str) -> str:
    """Return a text as a SQL literal; a backslash needs nothing in standard strings."""
    return "'" + value.replace("'", "''") + "'"


def literal_processor(type_: TypeEngine, dialect: Any) -> Callable[[Any], str] | None:
    """Return the function that renders values of a type, or None."""
    name = getattr(dialect, "name", "default")
    kind = type_.dialect_impl(dialect)._record.kind if dialect is not None else type_._record.kind
    if kind == "DATETIME":
        return _datetime_lite if name == "sqlite" else _datetime
    if kind == "TUPLE":
        parts = [part.literal_processor(dialect) for part in type_.types]  # type: ignore[attr-defined]
        return None if None in parts else lambda values: _row(values, parts)
    if kind == "TIME":
        return _time_lite if name == "sqlite" else _time
    if kind == "BOOL":
        return _boolean_pg if name == "postgresql" else _boolean
    if kind == "UUID":
        is_native = name == "postgresql" and getattr(type_, "native_uuid", True)
        return _uuid_pg if is_native else _uuid
    if kind == "INTERVAL":
        return _interval_pg if name == "postgresql" else None
    if kind == "ENUM":
        return lambda value: quote_text(type_._label_of(value))  # type: ignore[attr-defined]
    if kind == "ARRAY":
        inner = type_.item_type.literal_processor(dialect)  # type: ignore[attr-defined]
        if inner is None:
            return None
        return lambda value: _array(value, inner, "ARRAY" if name == "postgresql" else "")
    return _BY_KIND.get(kind)


def _number(value: Any) -> str:
    return str(value)


def _integer(value: Any) -> str:
    return str(int(value))


def _float(value: Any) -> str:
    return repr(float(value)) if isinstance(value, float) else str(value)


def _text(value: Any) -> str:
    return quote_text(str(value))


def _date(value: Any) -> str:
    return f"'{value.isoformat()}'"


def _datetime(value: Any) -> str:
    return f"'{value.isoformat().replace('T', ' ')}'"


def _datetime_lite(value: Any) -> str:
    """Write a moment as SQLite's DateTime stores it, so that they compare as texts."""
    if not hasattr(value, "hour"):
        return f"'{value.isoformat()} 00:00:00.000000'"
    if value.tzinfo is not None:
        from datetime import UTC

        value = value.astimezone(UTC)
    return f"'{value.isoformat(sep=' ', timespec='microseconds')}'"


def _row(values: Any, parts: list[Any]) -> str:
    shown = ("NULL" if v is None else part(v) for v, part in zip(values, parts, strict=True))
    return f"({', '.join(shown)})"


def _time(value: Any) -> str:
    return f"'{value.isoformat()}'"


def _time_lite(value: Any) -> str:
    return f"'{value.isoformat(timespec='microseconds')}'"


def _boolean(value: Any) -> str:
    return "1" if value else "0"


def _boolean_pg(value: Any) -> str:
    return "true" if value else "false"


def _uuid(value: Any) -> str:
    return quote_text(value.hex if hasattr(value, "hex") else str(value).replace("-", ""))


def _uuid_pg(value: Any) -> str:
    return quote_text(str(value))


def _bytes(value: Any) -> str:
    return quote_text(bytes(value).decode())


def _interval_pg(value: Any) -> str:
    return f"make_interval(secs=>{value.total_seconds()})"


def _array(value: Any, inner: Callable[[Any], str], word: str) -> str:
    shown = [
        _array(item, inner, "") if isinstance(item, (list, tuple)) else inner(item)
        for item in value
    ]
    return f"{word}[{', '.join(shown)}]"


_BY_KIND: dict[str, Callable[[Any], str]] = {
    "INT16": _integer,
    "INT32": _integer,
    "INT64": _integer,
    "NUMERIC": _number,
    "FLOAT": _float,
    "FLOAT32": _float,
    "STRING": _text,
    "TEXT": _text,
    "BYTES": _bytes,
    "DATE": _date,
    "INET": _text,
    "MACADDR": _text,
    "OPAQUE": _text,
}
