"""The exceptions and warnings of pyorm: SQLAlchemy's tree, and below it finer classes.

An error of the database arrives as a subclass of `DBAPIError`. Its `.orig` is the PEP 249
error of the driver; `.statement` and `.params` say what was sent. Finer classes tell apart
what programs must tell apart: `UniqueViolation`, `SerializationError`, `LockTimeout` ...;
each is a subclass of the class that SQLAlchemy raises for the same cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyorm import _dberrors
from pyorm._excbase import (
    AmbiguousColumnError as AmbiguousColumnError,
)
from pyorm._excbase import (
    AmbiguousForeignKeysError as AmbiguousForeignKeysError,
)
from pyorm._excbase import (
    ArgumentError as ArgumentError,
)
from pyorm._excbase import (
    AwaitRequired as AwaitRequired,
)
from pyorm._excbase import (
    Base20DeprecationWarning as Base20DeprecationWarning,
)
from pyorm._excbase import (
    CircularDependencyError as CircularDependencyError,
)
from pyorm._excbase import (
    CompileError as CompileError,
)
from pyorm._excbase import (
    ConcurrentSessionUse as ConcurrentSessionUse,
)
from pyorm._excbase import (
    ConstraintColumnNotFoundError as ConstraintColumnNotFoundError,
)
from pyorm._excbase import (
    DisconnectionError as DisconnectionError,
)
from pyorm._excbase import (
    DontWrapMixin as DontWrapMixin,
)
from pyorm._excbase import (
    DuplicateColumnError as DuplicateColumnError,
)
from pyorm._excbase import (
    HasDescriptionCode as HasDescriptionCode,
)
from pyorm._excbase import (
    IdentifierError as IdentifierError,
)
from pyorm._excbase import (
    IllegalStateChangeError as IllegalStateChangeError,
)
from pyorm._excbase import (
    InvalidatePoolError as InvalidatePoolError,
)
from pyorm._excbase import (
    InvalidRequestError as InvalidRequestError,
)
from pyorm._excbase import (
    LegacyAPIWarning as LegacyAPIWarning,
)
from pyorm._excbase import (
    MissingGreenlet as MissingGreenlet,
)
from pyorm._excbase import (
    MovedIn20Warning as MovedIn20Warning,
)
from pyorm._excbase import (
    MultipleResultsFound as MultipleResultsFound,
)
from pyorm._excbase import (
    NoDBAPILoaded as NoDBAPILoaded,
)
from pyorm._excbase import (
    NoForeignKeysError as NoForeignKeysError,
)
from pyorm._excbase import (
    NoInspectionAvailable as NoInspectionAvailable,
)
from pyorm._excbase import (
    NoReferencedColumnError as NoReferencedColumnError,
)
from pyorm._excbase import (
    NoReferencedTableError as NoReferencedTableError,
)
from pyorm._excbase import (
    NoReferenceError as NoReferenceError,
)
from pyorm._excbase import (
    NoResultFound as NoResultFound,
)
from pyorm._excbase import (
    NoSuchColumnError as NoSuchColumnError,
)
from pyorm._excbase import (
    NoSuchModuleError as NoSuchModuleError,
)
from pyorm._excbase import (
    NoSuchTableError as NoSuchTableError,
)
from pyorm._excbase import (
    ObjectNotExecutableError as ObjectNotExecutableError,
)
from pyorm._excbase import (
    PendingRollbackError as PendingRollbackError,
)
from pyorm._excbase import (
    PoolTimeout as PoolTimeout,
)
from pyorm._excbase import (
    ResourceClosedError as ResourceClosedError,
)
from pyorm._excbase import (
    SADeprecationWarning as SADeprecationWarning,
)
from pyorm._excbase import (
    SAPendingDeprecationWarning as SAPendingDeprecationWarning,
)
from pyorm._excbase import (
    SATestSuiteWarning as SATestSuiteWarning,
)
from pyorm._excbase import (
    SAWarning as SAWarning,
)
from pyorm._excbase import (
    SQLAlchemyError as SQLAlchemyError,
)
from pyorm._excbase import (
    TimeoutError as TimeoutError,
)
from pyorm._excbase import (
    UnboundExecutionError as UnboundExecutionError,
)
from pyorm._excbase import (
    UnreflectableTableError as UnreflectableTableError,
)
from pyorm._excbase import (
    UnsupportedCompilationError as UnsupportedCompilationError,
)
from pyorm._repr import repr_params


class StatementError(SQLAlchemyError):
    """Something failed while a statement was run.

    Args:
        message: what failed.
        statement: the SQL text that was or would have been sent; None: none.
        params: its parameters, or a list of sets of them.
        orig: the exception that was raised underneath.
        hide_parameters: keep the parameters out of the text.
        code: short code of the message.
        ismulti: params is a list of sets; None: look at it.
    """

    statement: str | None = None
    params: Any = None
    orig: BaseException | None = None
    ismulti: bool | None = None
    connection_invalidated: bool = False

    def __init__(
        self,
        message: str,
        statement: str | None,
        params: Any,
        orig: BaseException | None,
        hide_parameters: bool = False,
        code: str | None = None,
        ismulti: bool | None = None,
    ) -> None:
        super().__init__(message, code=code)
        self.statement = statement
        self.params = params
        self.orig = orig
        self.ismulti = ismulti
        self.hide_parameters = hide_parameters
        self.detail: list[str] = []

    def add_detail(self, msg: str) -> None:
        """Put a line in front of the message."""
        self.detail.append(msg)

    def __reduce__(self) -> Any:
        args = (
            self.args[0],
            self.statement,
            self.params,
            self.orig,
            self.hide_parameters,
            self.__dict__.get("code"),
            self.ismulti,
        )
        return self.__class__, args, {"detail": self.detail}

    def _sql_message(self) -> str:
        parts = [f"({line})" for line in self.detail]
        parts.append(self._message())
        if self.statement:
            parts.append(f"[SQL: {self.statement}]")
            if self.params:
                if self.hide_parameters:
                    parts.append("[SQL parameters hidden due to hide_parameters=True]")
                else:
                    shown = repr_params(self.params, is_multi=self.ismulti)
                    parts.append(f"[parameters: {shown}]")
        code = self._code_str()
        if code:
            parts.append(code)
        return "\n".join(parts)


class EmulatedDBAPIException(Exception):
    """Stands in for a PEP 249 error where the driver has none of its own."""

    def __init__(self, message: str, orig: Exception | None = None) -> None:
        super().__init__(message)
        self.orig = orig

    @property
    def driver_exception(self) -> Exception:
        """The exception that the driver raised."""
        return self if self.orig is None else self.orig

    def __reduce__(self) -> Any:
        return self.__class__, (self.args[0], self.orig)


class DBAPIError(StatementError):
    """The driver raised an error while a statement was run.

    The arguments are those of StatementError, with the driver's error in place of the text.

    Attributes:
        orig: the driver's error, a class of `pyorm.dbapi`.
        connection_invalidated: the connection was lost and thrown away.
    """

    code = "dbapi"
    orig: BaseException

    def __init__(
        self,
        statement: str | None,
        params: Any,
        orig: BaseException,
        hide_parameters: bool = False,
        connection_invalidated: bool = False,
        code: str | None = None,
        ismulti: bool | None = None,
    ) -> None:
        cls = orig.__class__
        text = f"({cls.__module__}.{cls.__name__}) {orig}"
        super().__init__(text, statement, params, orig, hide_parameters, code, ismulti)
        self.connection_invalidated = connection_invalidated

    @property
    def driver_exception(self) -> BaseException:
        """The exception of the driver itself: `orig`, unless that is an emulation."""
        found = getattr(self.orig, "driver_exception", None)
        return self.orig if found is None else found

    @property
    def sqlstate(self) -> str | None:
        """PostgreSQL's SQLSTATE; None where there is none."""
        return getattr(self.orig, "sqlstate", None)

    def __reduce__(self) -> Any:
        args = (
            self.statement,
            self.params,
            self.orig,
            self.hide_parameters,
            self.connection_invalidated,
            self.__dict__.get("code"),
            self.ismulti,
        )
        return self.__class__, args, {"detail": self.detail}

    @classmethod
    def instance(
        cls,
        statement: str | None,
        params: Any,
        orig: BaseException,
        dbapi_base_err: type[Exception],
        hide_parameters: bool = False,
        connection_invalidated: bool = False,
        dialect: Any = None,
        ismulti: bool | None = None,
    ) -> BaseException:
        """Wrap an exception as `execute()` does.

        Returns:
            `orig` itself if it is no Exception or asks not to be wrapped; a StatementError
            around an exception that is not the driver's; else the class of this module
            that has the name of the driver's class or of the first known base of it.
        """
        if isinstance(orig, DontWrapMixin) or not isinstance(orig, Exception):
            return orig
        if not isinstance(orig, dbapi_base_err) and statement:
            own = orig.__class__
            text = f"({own.__module__}.{own.__name__}) {orig}"
            code = orig.code if isinstance(orig, SQLAlchemyError) else None
            return StatementError(text, statement, params, orig, hide_parameters, code, ismulti)
        found = cls
        for base in orig.__class__.__mro__:
            known = globals().get(base.__name__)
            if isinstance(known, type) and issubclass(known, DBAPIError):
                found = known
                break
        return found(
            statement, params, orig, hide_parameters, connection_invalidated, None, ismulti
        )


class InterfaceError(DBAPIError):
    """The driver was used wrongly."""

    code = "rvf5"


class DatabaseError(DBAPIError):
    """The database refused or failed."""

    code = "4xp6"


class DataError(DatabaseError):
    """A value does not fit, or cannot be kept exactly."""

    code = "9h9h"


class OperationalError(DatabaseError):
    """The database's operation failed: connection lost, lock, memory, disk."""

    code = "e3q8"


class IntegrityError(DatabaseError):
    """A constraint was violated.

    Attributes:
        constraint: its name, None where the database does not say.
        table: the table's name, likewise.
        columns: names of the columns; empty where the database does not say.
    """

    code = "gkpj"
    _table: Any = None  # the Table that the statement writes to, on SQLite

    @property
    def constraint(self) -> str | None:
        """The name of the violated constraint, or None."""
        said = _diagnostic(self)
        if said.constraint_name is not None or self._table is None or not said.column_name:
            return said.constraint_name
        return _unique_name(self._table, said.table_name, said.column_name.split(", "))

    @property
    def table(self) -> str | None:
        """The name of the table, or None."""
        said = _diagnostic(self)
        if said.table_name is not None or self._table is None or said.constraint_name is None:
            return said.table_name
        names = [constraint.name for constraint in getattr(self._table, "constraints", ())]
        return str(self._table.name) if said.constraint_name in names else None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns; empty where the database does not say."""
        found = _diagnostic(self)
        if found.column_name:
            return tuple(found.column_name.split(", "))
        return _columns_of_detail(found.message_detail)


class InternalError(DatabaseError):
    """The database's state does not allow it."""

    code = "2j85"


class ProgrammingError(DatabaseError):
    """The statement is wrong."""

    code = "f405"


class NotSupportedError(DatabaseError):
    """The database does not know how to do it."""

    code = "tw8g"


def _unique_name(table: Any, name: str | None, columns: list[str]) -> str | None:
    """Return the name of the key, unique constraint or index of a Table over these columns."""
    if name is None or str(table.name) != name:
        return None
    for item in (*getattr(table, "constraints", ()), *getattr(table, "indexes", ())):
        is_unique = item.__visit_name__ in ("primary_key_constraint", "unique_constraint") or (
            item.__visit_name__ == "index" and item.unique
        )
        if is_unique and [column.name for column in item.columns] == columns:
            return item.name  # type: ignore[no-any-return]
    return None


def _diagnostic(error: DBAPIError) -> _dberrors.Diagnostic:
    found = getattr(error.orig, "diag", None)
    return found if isinstance(found, _dberrors.Diagnostic) else _dberrors.Diagnostic()


def _columns_of_detail(detail: str | None) -> tuple[str, ...]:
    """Read the columns out of PostgreSQL's `Key (a, b)=(1, 2) ...`, the same in every language.

    Only the parenthesis before ")=(" is looked at; an expression in it is no column name and
    is given back as the text that it is.
    """
    if not detail or ")=(" not in detail or "(" not in detail:
        return ()
    head = detail.split(")=(", 1)[0]
    names: Sequence[str] = head[head.index("(") + 1 :].split(", ")
    return tuple(_unquote(name) for name in names)


def _unquote(name: str) -> str:
    if len(name) >= 2 and name[0] == name[-1] == '"':
        return name[1:-1].replace('""', '"')
    return name


class UniqueViolation(IntegrityError):
    """A row with this key exists already."""


class ForeignKeyViolation(IntegrityError):
    """The referenced row is missing, or rows still refer to this one."""


class NotNullViolation(IntegrityError):
    """A column that must have a value got NULL."""


class CheckViolation(IntegrityError):
    """A CHECK constraint said no."""


class ExclusionViolation(IntegrityError):
    """An exclusion constraint found a conflicting row."""


class SerializationError(OperationalError):
    """The transaction met another one: roll back and run it again from its beginning."""


class SnapshotTooOld(SerializationError):
    """SQLite: others wrote since this transaction's first read; run it again."""


class DeadlockError(OperationalError):
    """Two transactions waited for each other and this one was chosen to fail."""


class LockTimeout(OperationalError):
    """A lock was not to be had in time."""


class QueryCanceled(OperationalError):
    """The running statement was cancelled."""


class StatementTimeout(QueryCanceled):
    """The statement took longer than it was given."""


class Disconnected(OperationalError):
    """The connection was lost."""


class IdleTimeout(Disconnected):
    """The server ended a session that was idle for too long."""


class NotAvailable(OperationalError):
    """No connection could be made."""


class RoleChanged(OperationalError):
    """The server is not (or no longer) the one that can be written to."""


class CommitOutcomeUnknown(OperationalError):
    """COMMIT was sent and the answer was lost: it may have happened or not."""


class InFailedTransaction(InternalError):
    """An earlier statement of the transaction failed: roll back first."""


class StatementCacheStale(NotSupportedError):
    """A prepared statement no longer fits the tables, or is gone; it was thrown away."""


class DatabaseBusy(OperationalError):
    """SQLite: another connection holds the lock."""


class DatabaseLocked(OperationalError):
    """SQLite: a table is locked by another statement of this process."""


class DatabaseFull(OperationalError):
    """SQLite: the disk or the database's size limit is full."""


class DatabaseIOError(OperationalError):
    """SQLite: reading or writing a file failed."""


class DatabaseCorrupt(DatabaseError):
    """SQLite: the file is damaged."""


class NotADatabase(DatabaseError):
    """SQLite: the file is something else."""


class DatabaseReadOnly(OperationalError):
    """SQLite: the database cannot be written to."""


class CannotOpenDatabase(OperationalError):
    """SQLite: the file cannot be opened."""


# Users and pickles know all of them as members of this module.
for _cls in list(globals().values()):
    if isinstance(_cls, type) and _cls.__module__ == "pyorm._excbase":
        _cls.__module__ = __name__
del _cls
