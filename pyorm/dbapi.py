"""PEP 249 over pyorm's own drivers: the same connections that engines use.

`connect()` takes what `create_engine()` takes: a URL, or keyword arguments of the driver.
PostgreSQL statements are written with `%s`, `%(name)s` or `$1`; SQLite's with `?` or `:name`.
SQLite connections have what the standard library's `sqlite3` offers for functions,
collations, row factories and `isolation_level`.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from pyorm import _core
from pyorm._dberrors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)
from pyorm.engine._dsn import connection_parameters
from pyorm.engine.url import URL, make_url

__all__ = [
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "Binary",
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Row",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 1
paramstyle = "pyformat"

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:
    """Return the local date of a time in seconds since the epoch."""
    return datetime.date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:
    """Return the local time of day of a time in seconds since the epoch."""
    return datetime.time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:
    """Return the local date and time of a time in seconds since the epoch."""
    return datetime.datetime(*time.localtime(ticks)[:6])


class _TypeSet:
    """PEP 249's type object: equal to every type code of its kind (PostgreSQL's OIDs)."""

    def __init__(self, *oids: int) -> None:
        self.oids = frozenset(oids)

    def __eq__(self, other: object) -> bool:
        return other in self.oids if isinstance(other, int) else other is self

    def __hash__(self) -> int:
        return hash(self.oids)


STRING = _TypeSet(18, 19, 25, 1042, 1043)
BINARY = _TypeSet(17)
NUMBER = _TypeSet(20, 21, 23, 700, 701, 1700)
DATETIME = _TypeSet(1082, 1083, 1114, 1184, 1186, 1266)
ROWID = _TypeSet(26)


class Cursor(_core.DBCursor):
    """A cursor of a Connection."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Connection(_core.DBConnection):
    """A connection of the driver.

    As a context manager it commits, or rolls back after an exception; it does not close.
    """

    Error = Error
    Warning = Warning
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    def cursor(self, factory: Callable[[Any], Any] | None = None, **kw: Any) -> Any:
        """Return a new cursor."""
        return Cursor(self) if factory is None else factory(self)

    def execute(self, sql: str, parameters: Any = None) -> Any:
        """Run a statement on a new cursor, and return the cursor."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any]) -> Any:
        """Run a statement for every parameter set on a new cursor."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql_script: str) -> Any:
        """Commit, then run several statements."""
        return self.cursor().executescript(sql_script)

    @property
    def isolation_level(self) -> str | None:
        """As in `sqlite3`: None means that nothing begins by itself."""
        return None if self.autocommit else self.__dict__.get("_level", "")

    @isolation_level.setter
    def isolation_level(self, value: str | None) -> None:
        if value is None:
            if self.in_transaction:
                self.commit()
            self.autocommit = True
            return
        level = str(value).upper()
        if level not in ("", "DEFERRED", "IMMEDIATE", "EXCLUSIVE"):
            raise ValueError("isolation_level is None, '', 'DEFERRED', 'IMMEDIATE' or 'EXCLUSIVE'")
        self.autocommit = False
        self.__dict__["_level"] = level
        immediate = level in ("IMMEDIATE", "EXCLUSIVE")
        self._isolation = _core.ISO_IMMEDIATE if immediate else _core.ISO_DEFAULT

    def create_function(
        self,
        name: str,
        narg: int,
        func: Callable[..., Any] | None,
        *,
        deterministic: bool = False,
    ) -> None:
        """Make a SQL function of a callable (SQLite); None removes it."""
        self._create_function(name, narg, func, deterministic)

    def create_aggregate(self, name: str, n_arg: int, aggregate_class: type | None) -> None:
        """Make an aggregate of a class with `step()` and `finalize()` (SQLite)."""
        self._create_aggregate(name, n_arg, aggregate_class)

    def create_collation(self, name: str, func: Callable[[str, str], int] | None) -> None:
        """Make a collation of a function that compares two strings (SQLite)."""
        self._create_collation(name, func)

    def interrupt(self) -> None:
        """Stop the running statement, from any thread."""
        self.cancel()

    def iterdump(self) -> Any:
        """Yield the SQL text that makes the SQLite database again."""
        rows = self.execute(
            "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND "
            "name NOT LIKE 'sqlite_%' ORDER BY type = 'table' DESC, rowid"
        ).fetchall()
        yield "BEGIN TRANSACTION;"
        for name, kind, sql in rows:
            yield f"{sql};"
            if kind == "table":
                yield from self._dump_table(str(name))
        yield "COMMIT;"

    def _dump_table(self, name: str) -> Any:
        quoted = '"' + name.replace('"', '""') + '"'
        columns = [row[1] for row in self.execute(f"PRAGMA table_info({quoted})").fetchall()]
        values = "||','||".join('quote("' + c.replace('"', '""') + '")' for c in columns)
        literal = "'" + f"INSERT INTO {quoted} VALUES(".replace("'", "''") + "'"
        for (text,) in self.execute(f"SELECT {literal}||{values}||')' FROM {quoted}"):
            yield f"{text};"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()


class Row(tuple[Any, ...]):
    """A `row_factory` whose rows are also read by column name."""

    __slots__ = ()
    _names: tuple[str, ...] = ()

    def __new__(cls, cursor: Any, values: Iterable[Any]) -> Row:
        names = tuple(column[0] for column in cursor.description)
        kind = type("Row", (cls,), {"__slots__": (), "_names": names})
        return tuple.__new__(kind, values)

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return tuple.__getitem__(self, key)
        lowered = key.lower()
        for position, name in enumerate(self._names):
            if name.lower() == lowered:
                return tuple.__getitem__(self, position)
        raise IndexError("No item with that key")

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return list(self._names)


def connect(
    dsn: str | URL = "", *, profile: str = "sqlalchemy", autocommit: bool = False, **kw: Any
) -> Connection:
    """Connect to a database.

    Args:
        dsn: A URL; or a path or ":memory:" for SQLite; or "" with PostgreSQL's keywords
            (`host=…, dbname=…`).
        profile: Which defaults apply, as for `create_engine()`.
        autocommit: Nothing begins by itself.
        kw: Arguments of the driver; they win over the URL's.
    """
    if isinstance(dsn, URL) or "://" in dsn:
        url = make_url(dsn)
    elif dsn:
        url = URL.create("sqlite", database=dsn)
    else:
        url = URL.create("sqlite" if "database" in kw and len(kw) == 1 else "postgresql")
    level = kw.pop("isolation_level", "")
    timeout = float(kw.get("connect_timeout") or url.query.get("connect_timeout") or 10.0)
    parameters = connection_parameters(url, kw, profile)
    connection = connect_with(url.get_backend_name(), parameters, timeout=timeout)
    if connection._driver == "sqlite" and level != "":
        connection.isolation_level = level
    if autocommit:
        connection.autocommit = True
    return connection


def connect_with(
    driver: str, parameters: Mapping[str, Any], *, timeout: float = 10.0
) -> Connection:
    """Connect with a driver's own parameters (all of them text)."""
    from pyorm.engine._dsn import as_text

    texts = {name: as_text(value) for name, value in parameters.items()}
    return Connection(driver, texts, timeout)
