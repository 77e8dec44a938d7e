"""Isolation levels: their names, C's numbers, and how to ask a database for the one in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyorm import _core, exc

_LEVELS: dict[str, dict[str, int]] = {
    "postgresql": {
        "AUTOCOMMIT": _core.ISO_AUTOCOMMIT,
        "READ UNCOMMITTED": _core.ISO_READ_UNCOMMITTED,
        "READ COMMITTED": _core.ISO_READ_COMMITTED,
        "REPEATABLE READ": _core.ISO_REPEATABLE_READ,
        "SERIALIZABLE": _core.ISO_SERIALIZABLE,
    },
    "sqlite": {
        "READ UNCOMMITTED": _core.ISO_READ_UNCOMMITTED,
        "SERIALIZABLE": _core.ISO_SERIALIZABLE,
        "AUTOCOMMIT": _core.ISO_AUTOCOMMIT,
        "IMMEDIATE": _core.ISO_IMMEDIATE,
    },
}


def level_names(dialect_name: str) -> tuple[str, ...]:
    """Return the levels of a database."""
    return tuple(_LEVELS[dialect_name])


def isolation_number(dialect_name: str, level: str) -> int:
    """Return C's number of a level, however it is spelled.

    Raises:
        ArgumentError: The database has no such level.
    """
    name = str(level).replace("_", " ").upper()
    try:
        return _LEVELS[dialect_name][name]
    except KeyError:
        valid = ", ".join(level_names(dialect_name))
        raise exc.ArgumentError(
            f"Invalid value {name!r} for isolation_level. Valid isolation levels for "
            f"{dialect_name!r} are {valid}"
        ) from None


def tx_settings(
    dialect_name: str, now: tuple[int, int, int], options: Mapping[str, Any]
) -> tuple[int, int, int] | None:
    """Return (isolation, readonly, deferrable) after execution options; None: they say nothing."""
    isolation, readonly, deferrable = now
    if (level := options.get("isolation_level")) is not None:
        isolation = isolation_number(dialect_name, level)
    if (flag := options.get("postgresql_readonly")) is not None:
        readonly = int(bool(flag))
    if (flag := options.get("postgresql_deferrable")) is not None:
        deferrable = int(bool(flag))
    settings = (isolation, readonly, deferrable)
    return None if settings == now else settings


def read_level(connection: Any) -> str:
    """Ask the database for the level in force, without beginning a transaction."""
    isolation = connection._get_tx()[0]
    name = connection.dialect.name
    if name == "sqlite":
        if isolation == _core.ISO_IMMEDIATE:
            return "IMMEDIATE"
        return "READ UNCOMMITTED" if _ask(connection, "PRAGMA read_uncommitted") else "SERIALIZABLE"
    if isolation != _core.ISO_DEFAULT:
        return next(level for level, number in _LEVELS[name].items() if number == isolation)
    return str(_ask(connection, "SHOW transaction_isolation")).upper()


def _ask(connection: Any, sql: str) -> Any:
    """Return the one value of a query."""
    return ask_rows(connection, sql)[0][0]


def ask_rows(connection: Any, sql: str) -> list[Any]:
    """Return the rows of a query on the driver's connection; nothing begins for it."""
    raw = connection.connection.dbapi_connection
    before, raw.autocommit = raw.autocommit, True
    try:
        cursor = raw.cursor()
        try:
            return list(cursor.execute(sql).fetchall())
        finally:
            cursor.close()
    finally:
        raw.autocommit = before
