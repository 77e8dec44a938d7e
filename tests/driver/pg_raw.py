"""The PostgreSQL driver of the core, as Python functions: no engine, no types, no pool."""

from __future__ import annotations

from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pyorm import _coretest

OWN_SHAPE, NO_PREPARE, BOUNDED = 1, 2, 4
BUFFER, STREAM, NONE = 0, 1, 2
TX = ("idle", "pending", "window", "open", "failed", "unknown")
NEVER = -1.0

Row = tuple[bytes | None, ...]


class DriverError(Exception):
    """A call that failed, with the fields of the core's error."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(f"{fields['code']} {fields['sqlstate']}: {fields['message']}")
        self.code: str = fields["code"]
        self.sqlstate: str = fields["sqlstate"]
        self.message: str = fields["message"]
        self.detail: str = fields["detail"]
        self.table: str = fields["table"]
        self.column: str = fields["column"]
        self.constraint: str = fields["constraint"]
        self.lost: bool = fields["lost"]
        self.row: int = fields["row"]


def call(function: str, *args: object) -> Any:
    """Call a function of `_coretest`; its RuntimeError becomes a DriverError."""
    try:
        return getattr(_coretest, function)(*args)
    except RuntimeError as error:
        raise DriverError(error.args[0]) from None


def dsn_of(url: str, **more: str) -> tuple[tuple[str, str], ...]:
    """Return libpq's keywords and values for a URL."""
    parts = urlsplit(url)
    pairs = dict(parse_qsl(parts.query))
    found = {
        "host": parts.hostname,
        "port": str(parts.port) if parts.port else None,
        "user": parts.username,
        "password": parts.password,
        "dbname": unquote(parts.path.lstrip("/")) or None,
    }
    pairs |= {key: unquote(value) for key, value in found.items() if value}
    return tuple((pairs | more).items())


class Cursor:
    """One running statement."""

    def __init__(self, capsule: object) -> None:
        self.capsule = capsule

    def fetch(self) -> tuple[list[Row], bool]:
        """Return the next batch of rows, and whether it was the last."""
        rows, last = call("pg_fetch", self.capsule)
        return rows, last

    def rest(self) -> list[Row]:
        """Return all rows that are left."""
        found: list[Row] = []
        last = False
        while not last:
            rows, last = self.fetch()
            found += rows
        return found

    @property
    def rowcount(self) -> int:
        """Rows changed or found, as the server said."""
        return int(call("pg_info", self.capsule)[0])

    @property
    def columns(self) -> list[tuple[str, int, int]]:
        """Name, type and format of each column."""
        return list(call("pg_info", self.capsule)[1])

    def close(self) -> None:
        """Free it."""
        call("pg_close_cursor", self.capsule)


class Conn:
    """One connection, closed at the end of a `with` block."""

    def __init__(self, url: str, seconds: float = 10.0, **more: str) -> None:
        self.capsule = call("pg_open", dsn_of(url, **more), seconds)
        self.open = True

    def __enter__(self) -> Conn:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it once."""
        if self.open:
            self.open = False
            self.do("close")

    def do(self, what: str, arg: str = "", seconds: float = NEVER) -> int:
        """Call a small function of the driver by name."""
        return int(call("pg_do", self.capsule, what, arg, seconds))

    def exec(
        self,
        sql: str,
        *params: str | None,
        key: int = 0,
        flags: int = 0,
        mode: int = BUFFER,
        seconds: float = NEVER,
    ) -> Cursor:
        """Run a statement; `key` is the identity of its text, 0 none."""
        return Cursor(call("pg_exec", self.capsule, sql, params, key, flags, mode, seconds))

    def rows(self, sql: str, *params: str | None, key: int = 0, flags: int = 0) -> list[Row]:
        """Run a statement and return all its rows."""
        cursor = self.exec(sql, *params, key=key, flags=flags)
        try:
            return cursor.rest()
        finally:
            cursor.close()

    def text(self, sql: str, *params: str | None, key: int = 0, flags: int = 0) -> str | None:
        """Run a statement that yields one text; return it."""
        value = self.rows(sql, *params, key=key, flags=flags)[0][0]
        return None if value is None else value.decode()

    def run(self, sql: str, *params: str | None, key: int = 0) -> int:
        """Run a statement; return its row count."""
        cursor = self.exec(sql, *params, key=key)
        try:
            return cursor.rowcount
        finally:
            cursor.close()

    def many(
        self, sql: str, sets: list[tuple[str | None, ...]], key: int = 0, rows: bool = False
    ) -> tuple[list[int], list[Row] | None]:
        """Run a statement for every set of parameters: counts, and the rows returned."""
        counts, found = call("pg_many", self.capsule, sql, sets, key, rows, NEVER)
        return counts, found

    def copy(self, sql: str, data: bytes) -> int:
        """COPY FROM STDIN; the number of rows."""
        return int(call("pg_copy", self.capsule, sql, data, NEVER))

    @property
    def state(self) -> str:
        """State of the transaction."""
        return TX[self.do("tx_state")]

    @property
    def waits(self) -> int:
        """Round trips so far."""
        return self.do("waits")

    @property
    def pid(self) -> int:
        """Process of the server."""
        return self.do("pid")
