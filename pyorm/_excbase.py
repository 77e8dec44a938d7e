"""The errors and warnings that have nothing to do with a statement; shown by `pyorm.exc`."""

from __future__ import annotations

from typing import Any, ClassVar

ERROR_PAGE = "docs/errors.md"
"""Where the short codes in messages are explained."""


class HasDescriptionCode:
    """Mixin: a message may carry a short code, which its text names at the end."""

    code: str | None = None
    _what_are_we: ClassVar[str] = "error"

    def __init__(self, *args: Any, **kw: Any) -> None:
        code = kw.pop("code", None)
        if code is not None:
            self.code = code
        super().__init__(*args, **kw)

    def _code_str(self) -> str:
        if not self.code:
            return ""
        return f"(Background on this {self._what_are_we} at: {ERROR_PAGE}#{self.code})"

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self._code_str()}" if self.code else message


class SQLAlchemyError(HasDescriptionCode, Exception):
    """Base of all errors of pyorm."""

    def _message(self) -> str:
        return str(self.args[0]) if len(self.args) == 1 else str(self.args)

    def _sql_message(self) -> str:
        message = self._message()
        return f"{message} {self._code_str()}" if self.code else message

    def __str__(self) -> str:
        return self._sql_message()


class ArgumentError(SQLAlchemyError):
    """A function was called with arguments that make no sense; usually a bug in the caller."""


class DuplicateColumnError(ArgumentError):
    """A Table got two columns of one name without being told to replace."""


class ConstraintColumnNotFoundError(ArgumentError):
    """A constraint names a column that its table does not have."""


class ObjectNotExecutableError(ArgumentError):
    """Something was given to execute() that is no statement."""

    def __init__(self, target: Any) -> None:
        super().__init__(f"Not an executable object: {target!r}")
        self.target = target

    def __reduce__(self) -> Any:
        return self.__class__, (self.target,)


class NoSuchModuleError(ArgumentError):
    """A URL names a dialect or driver that does not exist."""


class NoForeignKeysError(ArgumentError):
    """No foreign keys were found to join two selectables on."""


class AmbiguousForeignKeysError(ArgumentError):
    """Several foreign keys could join two selectables."""


class CircularDependencyError(SQLAlchemyError):
    """Things that must be put in order depend on each other in a circle.

    Args:
        message: what was to be sorted.
        cycles: the elements in circles.
        edges: the dependencies between them.
    """

    def __init__(
        self,
        message: str,
        cycles: Any,
        edges: Any,
        msg: str | None = None,
        code: str | None = None,
    ) -> None:
        if msg is None:
            names = ", ".join(repr(cycle) for cycle in cycles)
            message = f"{message} ({names})"
        else:
            message = msg
        super().__init__(message, code=code)
        self.cycles = cycles
        self.edges = edges

    def __reduce__(self) -> Any:
        args = (None, self.cycles, self.edges, self.args[0], self.__dict__.get("code"))
        return self.__class__, args


class CompileError(SQLAlchemyError):
    """A statement cannot be turned into SQL text."""


class UnsupportedCompilationError(CompileError):
    """The dialect has no text for this kind of element."""

    code = "l7de"

    def __init__(self, compiler: Any, element_type: type, message: str | None = None) -> None:
        more = f": {message}" if message else ""
        super().__init__(f"Compiler {compiler!r} can't render element of type {element_type}{more}")
        self.compiler = compiler
        self.element_type = element_type
        self.message = message

    def __reduce__(self) -> Any:
        return self.__class__, (self.compiler, self.element_type, self.message)


class IdentifierError(SQLAlchemyError):
    """A name is longer than the database keeps."""


class DisconnectionError(SQLAlchemyError):
    """A pool listener says: this connection is dead, try another."""

    invalidate_pool: bool = False


class InvalidatePoolError(DisconnectionError):
    """A pool listener says: all connections of the pool are dead."""

    invalidate_pool: bool = True


class TimeoutError(SQLAlchemyError):
    """The pool gave no connection in time."""

    code = "3o7r"


class PoolTimeout(TimeoutError):
    """The pool gave no connection before the deadline; the message says who holds them."""


class InvalidRequestError(SQLAlchemyError):
    """pyorm was asked for something that it cannot do in this state."""


class IllegalStateChangeError(InvalidRequestError):
    """A session is already changing its state."""


class ConcurrentSessionUse(IllegalStateChangeError):
    """Two threads or tasks are inside one session at the same time."""


class NoInspectionAvailable(InvalidRequestError):
    """inspect() knows nothing of the object."""


class PendingRollbackError(InvalidRequestError):
    """A transaction failed and must be rolled back before anything else."""


class ResourceClosedError(InvalidRequestError):
    """A connection, cursor or result was used after it was closed."""


class NoSuchColumnError(InvalidRequestError, KeyError):
    """A row or result has no column of that name."""


class AmbiguousColumnError(InvalidRequestError):
    """Several columns of a row have that name."""


class NoResultFound(InvalidRequestError):
    """A row was required and there was none."""


class MultipleResultsFound(InvalidRequestError):
    """One row was required and there were more."""


class NoReferenceError(InvalidRequestError):
    """A foreign key points at something that cannot be found."""

    table_name: str


class NoReferencedTableError(NoReferenceError):
    """A foreign key points at a table that its MetaData does not have."""

    def __init__(self, message: str, tname: str) -> None:
        super().__init__(message)
        self.table_name = tname

    def __reduce__(self) -> Any:
        return self.__class__, (self.args[0], self.table_name)


class NoReferencedColumnError(NoReferenceError):
    """A foreign key points at a column that its table does not have."""

    def __init__(self, message: str, tname: str, cname: str) -> None:
        super().__init__(message)
        self.table_name = tname
        self.column_name = cname

    def __reduce__(self) -> Any:
        return self.__class__, (self.args[0], self.table_name, self.column_name)


class NoSuchTableError(InvalidRequestError):
    """The database has no such table."""


class UnreflectableTableError(InvalidRequestError):
    """A table exists but cannot be reflected."""


class UnboundExecutionError(InvalidRequestError):
    """SQL was to be run and there is no engine or connection for it."""


class NoDBAPILoaded(InvalidRequestError):
    """A dialect without a driver was asked to connect."""


class AwaitRequired(InvalidRequestError):
    """An asynchronous engine was used through the blocking interface."""

    code = "xd1r"


class MissingGreenlet(InvalidRequestError):
    """A blocking call was made under asyncio outside the greenlet that can wait for it."""

    code = "xd2s"


class DontWrapMixin:
    """Mixin: an exception of a bind or result processor that arrives as it is."""


class SAWarning(HasDescriptionCode, RuntimeWarning):
    """Issued at run time."""

    _what_are_we = "warning"


class SADeprecationWarning(HasDescriptionCode, DeprecationWarning):
    """Issued for use of what will go away."""

    deprecated_since: str | None = None
    _what_are_we = "warning"


class SAPendingDeprecationWarning(PendingDeprecationWarning):
    """Issued for use of what will be deprecated."""

    deprecated_since: str | None = None


class Base20DeprecationWarning(SADeprecationWarning):
    """Issued for use of what is of the 1.x style."""

    deprecated_since: str | None = "1.4"


class LegacyAPIWarning(Base20DeprecationWarning):
    """Issued for what works and has a better successor."""


class MovedIn20Warning(Base20DeprecationWarning):
    """Issued for what has moved to another place."""


class SATestSuiteWarning(Warning):
    """Issued by the test suite only; DeprecationWarning is not meant."""
