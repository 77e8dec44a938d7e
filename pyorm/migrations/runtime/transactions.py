"""Transactions of a run: one scope object for both databases and for SQL as text.

A scope begins when its first statement needs it, not when it is entered: so a run can look at
the version table, find nothing to do and leave without having begun anything, and it can wait for
another deployer without holding a transaction open.

SQLite: a table is changed there by making it anew, and with foreign keys enforced dropping the old
one would delete the rows that refer to it. `PRAGMA foreign_keys` does nothing inside a transaction.
So it is switched off before the transaction begins and read back, `foreign_key_check` must find
nothing before the commit, and it is restored afterwards. The transaction begins with BEGIN
IMMEDIATE, so that what is read in it is what is written upon.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pyorm import _core, exc
from pyorm.engine._isolation import ask_rows
from pyorm.migrations.util.exc import CommandError

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext


class TextScope:
    """A transaction in the text of an offline run: BEGIN and COMMIT, as the dialect's impl writes them."""

    def __init__(self, context: MigrationContext) -> None:
        """Nothing is written yet."""
        self._context = context

    def __enter__(self) -> Self:
        self._context.impl.emit_begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self._context.impl.emit_commit()


class Scope:
    """The transaction of a run, or of one of its steps; begun when it is needed."""

    def __init__(self, context: MigrationContext) -> None:
        """Nothing is begun yet."""
        self._context = context
        self._connection = context.connection
        self._foreign_keys: ForeignKeys | None = None
        self._settings: Any = None
        self._has_begun = False

    def __enter__(self) -> Self:
        self._context._scopes.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._context._scopes.remove(self)
        try:
            if kind is None:
                self.commit()
            else:
                self.rollback()
        finally:
            self._context._end_run()

    def begin(self) -> None:
        """Begin for real, unless it is begun; on SQLite with foreign keys not enforced."""
        self._has_begun = True
        is_sqlite = self._connection.dialect.name == "sqlite"
        if is_sqlite and self._connection.in_transaction() and _is_idle(self._connection):
            self._connection.rollback()  # something was only read, and the database has no transaction yet
        if self._connection.in_transaction():
            return
        if is_sqlite:
            self._foreign_keys = ForeignKeys(self._connection)
            self._foreign_keys.disable()
            self._settings = self._connection._get_tx()
            if self._settings[0] != _core.ISO_AUTOCOMMIT:
                self._connection._set_tx(_core.ISO_IMMEDIATE, *self._settings[1:])
        try:
            self._connection.begin()
            self._context._transaction_began()
        except BaseException:
            self.rollback()
            raise

    def begin_once(self) -> None:
        """Begin before the first operation of a program that runs operations without revisions."""
        if not self._has_begun:
            self.begin()

    def commit(self) -> None:
        """Commit what is begun.

        Raises:
            CommandError: SQLite: rows refer to rows that are not there; everything is rolled back.
        """
        if not self._connection.in_transaction():
            self._restore()
            return
        try:
            if self._foreign_keys is not None:
                self._foreign_keys.check()
            self._connection.commit()
        except BaseException:
            self.rollback()
            raise
        self._restore()

    def rollback(self) -> None:
        """Roll back what is begun."""
        try:
            if self._connection.in_transaction():
                self._connection.rollback()
        finally:
            self._restore()

    def _restore(self) -> None:
        foreign_keys, self._foreign_keys = self._foreign_keys, None
        settings, self._settings = self._settings, None
        if settings is not None:
            self._connection._set_tx(*settings)
        if foreign_keys is not None and not self._connection.invalidated:
            foreign_keys.restore()


def _is_idle(connection: Any) -> bool:
    """Return whether the database is in no transaction, whatever the connection promised: BEGIN comes with a write."""
    return connection.connection.dbapi_connection._tx_state in ("window", "pending")


class ForeignKeys:
    """The enforcement of foreign keys on a connection to SQLite, switched off for a while."""

    def __init__(self, connection: Any) -> None:
        """Read whether they are enforced."""
        self._connection = connection
        self._was_on = self._read()
        self._broken_before: set[tuple[Any, ...]] = set()

    def disable(self) -> None:
        """Switch it off and make sure that it is.

        Raises:
            CommandError: SQLite did not obey.
        """
        if not self._was_on:
            return
        ask_rows(self._connection, "PRAGMA foreign_keys=OFF")
        if self._read():
            raise CommandError(
                "PRAGMA foreign_keys=OFF had no effect: a transaction is open on the connection already, or "
                "SQLite was built to ignore it. Making a table anew would delete the rows that refer to it; "
                "nothing was done."
            )
        self._broken_before = {tuple(row) for row in ask_rows(self._connection, "PRAGMA foreign_key_check")}

    def check(self) -> None:
        """Look for rows that refer to nothing and did not before the run; only where keys are enforced.

        Raises:
            CommandError: There are some; it names table, rowid and the table they refer to.
        """
        if not self._was_on:
            return
        rows = self._connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        broken = [row for row in rows if tuple(row) not in self._broken_before]
        if broken:
            told = "; ".join(f"{table} rowid {rowid} -> {parent}" for table, rowid, parent, _key in broken[:10])
            more = f" and {len(broken) - 10} more" if len(broken) > 10 else ""
            raise CommandError(
                f"The migration leaves rows whose foreign keys refer to nothing: {told}{more}. Everything was rolled "
                "back; correct these rows in the migration, then run it again."
            )

    def restore(self) -> None:
        """Switch it on again where it was on."""
        if self._was_on:
            ask_rows(self._connection, "PRAGMA foreign_keys=ON")

    def _read(self) -> bool:
        rows = ask_rows(self._connection, "PRAGMA foreign_keys")
        return bool(rows and rows[0][0])


def join_transaction(connection: Any) -> None:
    """Let what follows be part of the transaction that the caller has begun on a connection.

    With SQLite's usual isolation a DDL statement would otherwise run alone, outside of it, until
    something is written; one BEGIN IMMEDIATE makes it all one transaction. Does nothing elsewhere.
    """
    if connection.dialect.name != "sqlite" or connection._get_tx()[0] == _core.ISO_AUTOCOMMIT:
        return
    if connection.connection.dbapi_connection._tx_state != "open":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


class Block:
    """A stretch without a transaction inside of a run's; entered, statements commit by themselves.

    What was open is committed first, and a new transaction begins afterwards unless an error leaves
    the block. Inside, `begin()` and `commit()` put single statements into transactions of their own.

    Args:
        context: the run's; its innermost scope is the transaction.
    """

    def __init__(self, context: MigrationContext) -> None:
        """Nothing is committed yet."""
        self._context, self._connection = context, context.connection
        self._is_scoped = bool(context._scopes)
        self._scope = context._scopes[-1] if context._scopes else Scope(context)
        self._settings: Any = None

    def __enter__(self) -> Self:
        self._scope.commit()
        self._settings = self._connection._get_tx()
        try:
            self._become_autocommit()
            self._mark(True)
        except BaseException:
            self._leave_autocommit()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self._scope.rollback()
            elif self._connection.in_transaction():
                self._connection.commit()
            if not self._connection.invalidated:
                self._become_autocommit()
                with nullcontext() if kind is None else suppress(exc.DBAPIError):
                    self._mark(False)
        finally:
            self._leave_autocommit()
        if kind is None and self._is_scoped:
            self._scope.begin()

    def begin(self) -> None:
        """Begin a transaction inside of the block."""
        if self._connection.in_transaction():
            self._connection.commit()
        self._connection._set_tx(*self._settings)
        self._scope.begin()

    def commit(self) -> None:
        """Commit it; statements commit by themselves again."""
        self._scope.commit()
        self._become_autocommit()

    def _mark(self, is_on: bool) -> None:
        """Mark the session, or take the mark away; one whose mark nobody knows is thrown away."""
        try:
            self._context._block_began(is_on)
        except BaseException as error:
            self._connection.invalidate(error)
            raise

    def _leave_autocommit(self) -> None:
        try:
            if self._connection.in_transaction():
                self._connection.rollback()
        finally:
            self._connection._set_tx(*self._settings)

    def _become_autocommit(self) -> None:
        self._connection._set_tx(_core.ISO_AUTOCOMMIT, *self._settings[1:])
