"""Transaction objects of a Connection.

A connection's transaction exists in C as soon as something was executed; these objects are
made when a program asks for one (`begin()`, `begin_nested()`, `get_transaction()`). They keep
SQLAlchemy's rules: a block whose transaction has ended refuses further statements until the
block is left, ending an inner savepoint cancels the ones inside it.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from pyorm import exc

if TYPE_CHECKING:
    from pyorm.engine.base import Connection

_SET, _RELEASE, _ROLLBACK_TO = 0, 1, 2
_BEGIN, _PREPARED, _RESUME, _COMMIT, _ROLLBACK = range(5)


class Transaction:
    """A transaction that is begun; use it as a context manager, or commit() it."""

    __slots__ = ("_in_block", "connection", "is_active")

    _word = "transaction"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_active = True
        self._in_block = False

    @property
    def is_valid(self) -> bool:
        """False once it has ended or the connection was lost."""
        return self.is_active and not self.connection.invalidated

    def commit(self) -> None:
        """Commit; raises InvalidRequestError where it is over already."""
        if not self.is_active:
            raise exc.InvalidRequestError(f"This {self._word} is inactive")
        try:
            self._do_commit()
        finally:
            self._end()

    def rollback(self) -> None:
        """Roll back; warns where it is over already."""
        if not self.is_active:
            if not self._is_current():
                self._warn_twice()
            return
        try:
            self._do_rollback()
        finally:
            self._end()

    def close(self) -> None:
        """Roll back unless it is over."""
        if self.is_active:
            self.rollback()

    def __enter__(self) -> Self:
        self._in_block = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._in_block = False
        was_active = self.is_active
        self.connection._set_blocked(False)
        if not was_active:
            return
        if kind is not None:
            self.rollback()
            return
        try:
            self.commit()
        except BaseException:
            if self.is_active:
                self.rollback()
            raise

    def _end(self) -> None:
        """Note that it is over; inside its block nothing may be executed any more."""
        self.is_active = False
        if self._in_block:
            self.connection._set_blocked(True)

    def _warn_twice(self) -> None:
        import warnings

        warnings.warn(
            f"{self._word} already deassociated from connection", exc.SAWarning, stacklevel=3
        )

    def _is_current(self) -> bool:
        return False

    def _do_commit(self) -> None:
        raise AssertionError("only subclasses are made")

    def _do_rollback(self) -> None:
        raise AssertionError("only subclasses are made")


class RootTransaction(Transaction):
    """The outermost transaction of a connection."""

    __slots__ = ()

    def __init__(self, connection: Connection) -> None:
        connection._begin_impl()
        super().__init__(connection)
        connection._transaction = self

    def _do_commit(self) -> None:
        self.connection._commit_impl()

    def _do_rollback(self) -> None:
        self.connection._rollback_impl()

    def _end(self) -> None:
        super()._end()
        connection = self.connection
        if connection._transaction is self:
            connection._transaction = None
        nested = connection._nested
        while nested is not None:
            nested.is_active = False
            if nested._in_block:
                connection._set_blocked(True)
            nested = nested._outer
        connection._nested = None


class TwoPhaseTransaction(RootTransaction):
    """A root transaction that is committed in two steps: prepare(), then commit().

    Between the two the database keeps it under its name, also over a crash, until somebody
    commits it or rolls it back; nothing else can be executed on the connection. commit() without
    prepare() commits at once.

    Attributes:
        xid: its name in the database.
    """

    __slots__ = ("_is_prepared", "xid")

    def __init__(self, connection: Connection, xid: str) -> None:
        for listener in connection.dispatch.begin_twophase:
            listener(connection, xid)
        connection._twophase_impl(_BEGIN)
        Transaction.__init__(self, connection)
        self.xid = xid
        self._is_prepared = False
        connection._transaction = self

    def prepare(self) -> None:
        """Write the transaction down under its name, so that a commit() cannot fail any more.

        Raises:
            InvalidRequestError: It is over, or prepared already.
            DBAPIError: The database refuses; the transaction is rolled back.
        """
        if not self.is_active:
            raise exc.InvalidRequestError("This transaction is inactive")
        if self._is_prepared:
            raise exc.InvalidRequestError(f"This transaction is prepared already, as {self.xid!r}")
        connection = self.connection
        for listener in connection.dispatch.prepare_twophase:
            listener(connection, self.xid)
        connection.exec_driver_sql(f"PREPARE TRANSACTION {quote_xid(self.xid)}")
        self._is_prepared = True
        connection._twophase_impl(_PREPARED)

    def _do_commit(self) -> None:
        connection = self.connection
        for listener in connection.dispatch.commit_twophase:
            listener(connection, self.xid, self._is_prepared)
        if self._is_prepared:
            self._finish("COMMIT")
        else:
            connection._twophase_impl(_COMMIT)

    def _do_rollback(self) -> None:
        connection = self.connection
        for listener in connection.dispatch.rollback_twophase:
            listener(connection, self.xid, self._is_prepared)
        if self._is_prepared:
            self._finish("ROLLBACK")
        else:
            connection._twophase_impl(_ROLLBACK)

    def _finish(self, verb: str) -> None:
        """End what is prepared, by its name; the server has no transaction open."""
        run_outside(self.connection, f"{verb} PREPARED {quote_xid(self.xid)}")


def run_outside(connection: Connection, sql: str) -> None:
    """Execute what the server refuses inside a transaction, on a connection without one."""
    connection._twophase_impl(_RESUME)
    try:
        connection.exec_driver_sql(sql)
    finally:
        connection._twophase_impl(_ROLLBACK)


def quote_xid(xid: str) -> str:
    """Return the name of a prepared transaction as a literal of SQL.

    Raises:
        ArgumentError: It is no string of 1 to 199 bytes, which is what PostgreSQL takes.
    """
    if not isinstance(xid, str) or not 0 < len(xid.encode()) < 200 or "\0" in xid:
        raise exc.ArgumentError(
            f"The name of a two-phase transaction is a string of 1 to 199 bytes, not {xid!r}"
        )
    text = xid.replace("'", "''").replace("\\", "\\\\")
    return f"E'{text}'" if "\\" in xid else f"'{text}'"


class NestedTransaction(Transaction):
    """A SAVEPOINT."""

    __slots__ = ("_name", "_outer")

    _word = "nested transaction"

    def __init__(self, connection: Connection) -> None:
        connection._begin_impl()
        self._name = connection._next_savepoint()
        connection._savepoint_impl(_SET, self._name)
        super().__init__(connection)
        self._outer: NestedTransaction | None = connection._nested
        connection._nested = self

    def _do_commit(self) -> None:
        self.connection._savepoint_impl(_RELEASE, self._name)

    def _do_rollback(self) -> None:
        self.connection._savepoint_impl(_ROLLBACK_TO, self._name)

    def _end(self) -> None:
        super()._end()
        connection = self.connection
        if connection._nested is self:
            connection._nested = self._outer
        else:
            self._warn_twice()
