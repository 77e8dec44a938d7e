"""The errors of PEP 249, which the drivers raise; `pyorm.dbapi` shows them.

An error of the database carries what the database said: `sqlstate` and `diag` on PostgreSQL,
`sqlite_errorcode` and `sqlite_errorname` on SQLite, and on both the names of the constraint,
table and columns it is about, where they are known.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Diagnostic(NamedTuple):
    """What the database said of an error, field by field; None where it said nothing."""

    message_primary: str | None = None
    message_detail: str | None = None
    message_hint: str | None = None
    context: str | None = None
    schema_name: str | None = None
    table_name: str | None = None
    column_name: str | None = None
    """Of several columns (SQLite's unique constraints): joined by ", "."""
    constraint_name: str | None = None
    datatype_name: str | None = None
    sqlstate: str | None = None


class Warning(Exception):
    """An important warning, e.g. data truncated while it was inserted."""

    __module__ = "pyorm.dbapi"


class Error(Exception):
    """Base of all errors of the driver.

    Args:
        message: what the database or the driver said.
        sqlstate: PostgreSQL's five characters.
        native: SQLite's extended result code.
        native_name: its name, e.g. "SQLITE_CONSTRAINT_UNIQUE".
        diag: the fields of the database's answer.
    """

    __module__ = "pyorm.dbapi"

    def __init__(
        self,
        message: str = "",
        *,
        sqlstate: str | None = None,
        native: int | None = None,
        native_name: str | None = None,
        diag: Diagnostic | None = None,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.diag = diag if diag is not None else Diagnostic(sqlstate=sqlstate)
        if native is not None:
            self.sqlite_errorcode = native
            self.sqlite_errorname = native_name

    def __reduce__(self) -> Any:
        return _rebuild, (type(self).__name__, self.args, self.__dict__)

    @property
    def pgcode(self) -> str | None:
        """The SQLSTATE under the name that psycopg2 gave it."""
        return self.sqlstate

    @property
    def pgerror(self) -> str | None:
        """The message under the name that psycopg2 gave it."""
        return str(self) if self.sqlstate is not None else None


class InterfaceError(Error):
    """The driver was used wrongly."""

    __module__ = "pyorm.dbapi"


class DatabaseError(Error):
    """The database refused or failed."""

    __module__ = "pyorm.dbapi"


class DataError(DatabaseError):
    """A value does not fit: out of range, division by zero, malformed."""

    __module__ = "pyorm.dbapi"


class OperationalError(DatabaseError):
    """The database's operation failed: connection lost, lock, memory, disk."""

    __module__ = "pyorm.dbapi"


class IntegrityError(DatabaseError):
    """A constraint was violated."""

    __module__ = "pyorm.dbapi"


class InternalError(DatabaseError):
    """The database's state does not allow it, e.g. a failed transaction."""

    __module__ = "pyorm.dbapi"


class ProgrammingError(DatabaseError):
    """The statement is wrong: syntax, unknown table, wrong number of parameters."""

    __module__ = "pyorm.dbapi"


class NotSupportedError(DatabaseError):
    """The database does not know how to do it."""

    __module__ = "pyorm.dbapi"


def _rebuild(name: str, args: tuple[Any, ...], state: dict[str, Any]) -> Error:
    """Make an error again from its pickle."""
    error: Error = globals()[name](*args)
    error.__dict__.update(state)
    return error
