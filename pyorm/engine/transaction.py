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
