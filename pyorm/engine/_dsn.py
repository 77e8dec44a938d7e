"""From a URL and connect_args to what the native drivers connect with.

PostgreSQL takes libpq's keywords as they are; SQLite a path and pragmas (csrc/driver/
statement.h). Driver names in URLs (`+psycopg`, `+pysqlite`, ...) all mean the native driver;
arguments that only another driver has are accepted where ignoring them changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pyorm import exc
from pyorm.engine.url import URL

DRIVERS = {
    "postgresql": ("pyorm", "psycopg", "psycopg2", "psycopg_async", "asyncpg", "pg8000"),
    "sqlite": ("pyorm", "pysqlite", "aiosqlite", "pysqlite_numeric"),
}
PROFILES = ("sqlalchemy", "default", "pyorm")

_SQLITE_PRAGMAS = (
    "journal_mode",
    "synchronous",
    "cache_size",
    "mmap_size",
    "foreign_keys",
    "wal_autocheckpoint",
    "journal_size_limit",
    "locking_mode",
)
_SQLITE_ARGS = (*_SQLITE_PRAGMAS, "timeout", "cached_statements", "optimize")
_SQLITE_IGNORED = ("check_same_thread", "detect_types", "isolation_level", "autocommit")
_POSTGRES_NAMES = {"database": "dbname", "username": "user"}


def dialect_of(url: URL) -> Any:
    """Return the dialect class for a URL.

    Raises:
        NoSuchModuleError: There is no such dialect, or no such driver of it.
    """
    name = url.get_backend_name()
    driver = url.drivername.partition("+")[2]
    if name not in DRIVERS:
        raise exc.NoSuchModuleError(f"Can't load plugin: sqlalchemy.dialects:{name}")
    if driver and driver not in DRIVERS[name]:
        raise exc.NoSuchModuleError(f"Can't load plugin: sqlalchemy.dialects:{name}.{driver}")
    if name == "postgresql":
        from pyorm.dialects.postgresql.base import dialect as postgresql

        return postgresql
    from pyorm.dialects.sqlite.base import dialect as sqlite

    return sqlite


def connection_parameters(
    url: URL, connect_args: Mapping[str, Any], profile: str
) -> dict[str, str]:
    """Return the driver's parameters of a URL, as text.

    Args:
        connect_args: The caller's own; they win over the URL's.
        profile: Which defaults apply, see docs/differences.md.
    """
    if url.get_backend_name() == "postgresql":
        return _postgres_parameters(url, connect_args)
    return _sqlite_parameters(url, connect_args, profile)


def as_text(value: Any) -> str:
    """Return a parameter's value as the drivers read it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def _postgres_parameters(url: URL, connect_args: Mapping[str, Any]) -> dict[str, str]:
    parts = url.translate_connect_args(username="user", database="dbname")
    found: dict[str, Any] = {name: str(value) for name, value in parts.items()}
    for name, value in url.query.items():
        if name == "host" and not isinstance(value, str):
            _set_hosts(found, value)
        elif name == "host" and _has_port(value):
            _set_hosts(found, (value,))
        else:
            found[name] = value if isinstance(value, str) else ",".join(value)
    for name, value in connect_args.items():
        found[_POSTGRES_NAMES.get(name, name)] = value
    threshold = found.pop("prepare_threshold", "")
    if threshold is None:
        found["prepare"] = "off"
    settings = found.pop("server_settings", None)
    if settings:
        flags = " ".join(f"-c {name}={value}" for name, value in settings.items())
        found["options"] = f"{found.get('options', '')} {flags}".strip()
    return {name: as_text(value) for name, value in found.items() if value is not None}


def _has_port(host: str) -> bool:
    return ":" in host and not host.startswith("/") and host.rpartition(":")[2].isdigit()


def _set_hosts(found: dict[str, Any], hosts: Any) -> None:
    """Write `host=h1:p1&host=h2:p2` as libpq's two lists."""
    default = str(found.pop("port", "") or "")
    pairs = [
        (host.rpartition(":")[0], host.rpartition(":")[2]) if _has_port(host) else (host, default)
        for entry in hosts
        for host in entry.split(",")
    ]
    found["host"] = ",".join(host for host, _ in pairs)
    if any(port for _, port in pairs):
        found["port"] = ",".join(port for _, port in pairs)


def _sqlite_parameters(url: URL, connect_args: Mapping[str, Any], profile: str) -> dict[str, str]:
    if url.username or url.host or url.password or url.port:
        raise exc.ArgumentError(
            f"Invalid SQLite URL: {url}\n"
            "Valid SQLite URL forms are sqlite:///:memory: or sqlite:////absolute/path/to/file.db"
        )
    given = dict(url.query)
    given.update(connect_args)
    found: dict[str, str] = {}
    uri = as_text(given.pop("uri", "")).lower() in ("1", "true", "yes", "on")
    rest: dict[str, Any] = {}
    for name, value in given.items():
        if name in _SQLITE_ARGS:
            found[name] = as_text(value)
        elif name not in _SQLITE_IGNORED:
            rest[name] = value
    database = url.database or ":memory:"
    if uri:
        found["uri"] = "1"
        pairs = [f"{quote(name)}={quote(as_text(value))}" for name, value in sorted(rest.items())]
        rest = {}
        if pairs:
            database += ("&" if "?" in database else "?") + "&".join(pairs)
    elif database != ":memory:":
        database = os.path.abspath(database)
    if rest:
        raise exc.ArgumentError(
            f"unknown connection argument(s) for SQLite: {', '.join(map(repr, sorted(rest)))}"
        )
    found["database"] = database
    return {**_sqlite_profile(profile), **found}


def _sqlite_profile(profile: str) -> dict[str, str]:
    """Return what a profile sets where nobody says otherwise."""
    if profile == "sqlalchemy":
        return {"dml_only": "1", "write_begin": "DEFERRED"}
    settings = {"wal_on_create": "1", "read_windows": "1"}
    if profile == "pyorm":
        settings["foreign_keys"] = "1"
    return settings


def is_memory_database(url: URL) -> bool:
    """Say whether a SQLite URL means a database in memory, private to one connection."""
    if not url.database or url.database == ":memory:":
        return True
    return url.query.get("mode") == "memory" or url.database.startswith("file::memory:")
