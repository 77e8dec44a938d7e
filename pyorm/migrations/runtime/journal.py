"""The journal of a revision that commits on its way, and the gate that reads it after a crash.

A revision is one transaction unless it leaves it, by `autocommit_block()`. From then on a part of
it is committed while the version table still names the revision before. So each such commit
writes, in the same transaction, how far the revision is: a row of the journal table. It goes with
the commit that moves the version row, so a finished run leaves no trace.

A run that finds a row begins the revision anew and passes over what the row says is done:
operations are counted, compared with those of the broken run and not carried out; statements
that the script itself executes on the connection are answered with "no rows" as long as the run is
inside of what is committed, unless they only read. In an autocommit block an operation that can
run in a transaction is committed together with its row; for the others see `interrupted`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pyorm import event
from pyorm.inspection import inspect
from pyorm.migrations.runtime.interrupted import runs_alone, settle, statement_of
from pyorm.migrations.runtime.transactions import Block
from pyorm.migrations.util.exc import CommandError
from pyorm.schema import Column, MetaData, PrimaryKeyConstraint, Table
from pyorm.types import Integer, String

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext

__all__ = ["Gate", "Journal", "Mark", "journal_table_name"]

LONGEST_NAME = 59  # bytes, with "_pkc" behind it: PostgreSQL cuts at 63

_READS = re.compile(r"\s*(?:SELECT|VALUES|TABLE|SHOW|EXPLAIN|PRAGMA|SET)\b", re.IGNORECASE)
_WITH = re.compile(r"\s*WITH\b", re.IGNORECASE)
_WRITES_INSIDE = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)


def journal_table_name(version_table: str) -> str:
    """Return the name of the journal table that belongs to a version table; compare no schema with it."""
    name = f"{version_table}_journal"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return f"{version_table[:30]}_{hashlib.sha256(version_table.encode()).hexdigest()[:8]}_journal"


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a revision is.

    Attributes:
        revision: its id.
        direction: "upgrade" or "downgrade".
        blocks: autocommit blocks that it has entered.
        ops: operations that are committed.
        running: 1 while the next operation runs outside of a transaction.
        digest: of these operations; "" where somebody has corrected the row by hand.
    """

    revision: str
    direction: str
    blocks: int
    ops: int
    running: int
    digest: str


class Journal:
    """The journal table of a database.

    Args:
        context: whose connection is used.
    """

    def __init__(self, context: MigrationContext) -> None:
        """Nothing is read yet."""
        self._context = context
        self.name = journal_table_name(context.version_table)
        self.table = Table(
            self.name,
            MetaData(),
            Column("revision", String(32), nullable=False),
            Column("direction", String(9), nullable=False),
            Column("blocks", Integer, nullable=False),
            Column("ops", Integer, nullable=False),
            Column("running", Integer, nullable=False),
            Column("digest", String(64), nullable=False),
            PrimaryKeyConstraint("revision", "direction", name=f"{self.name}_pkc"),
            schema=context.version_table_schema,
        )
        self._exists: bool | None = None

    def read(self) -> list[Mark]:
        """Return its rows; none where there is no table."""
        connection = self._context.connection
        schema = connection.schema_for_object(self.table)
        self._exists = bool(inspect(connection).has_table(self.name, schema=schema))
        return [Mark(*row) for row in connection.execute(self.table.select())] if self._exists else []

    def write(self, mark: Mark) -> None:
        """Write a revision's row, with one statement; makes the table where it is missing."""
        connection = self._context.connection
        if not self._exists:
            self.table.create(connection, checkfirst=True)
            self._exists = True
        insert = import_module(f"pyorm.dialects.{connection.dialect.name}").insert(self.table).values(**asdict(mark))
        changed = {name: insert.excluded[name] for name in ("blocks", "ops", "running", "digest")}
        connection.execute(insert.on_conflict_do_update(index_elements=["revision", "direction"], set_=changed))

    def forget(self, revision: str | None) -> None:
        """Delete a revision's row, None: all, and drop the table where none is left."""
        if not self._exists:
            return
        connection = self._context.connection
        self._delete(revision)
        if connection.execute(self.table.select()).first() is None:
            self.table.drop(connection, checkfirst=False)
            self._exists = False

    def no_op(self, parameters: int) -> str:
        """Return a statement that changes nothing and takes a number of parameters."""
        dialect = self._context.dialect
        name = dialect.identifier_preparer.format_table(self.table)
        marks = [f"${at + 1}" if dialect.name == "postgresql" else "?" for at in range(parameters)]
        return f"DELETE FROM {name} WHERE 1 = 0" + "".join(f" AND CAST({mark} AS text) IS NULL" for mark in marks)

    def _delete(self, revision: str | None) -> None:
        statement = self.table.delete()
        if revision is not None:
            statement = statement.where(self.table.c.revision == revision)
        self._context.connection.execute(statement)


class Gate:
    """Counts the operations of one revision, and lets none through that is committed already.

    Args:
        context: the run's.
        journal: its journal.
        revision: the revision's id.
        direction: "upgrade" or "downgrade".
        mark: how far an earlier run has come, or None.
    """

    def __init__(
        self, context: MigrationContext, journal: Journal, revision: str, direction: str, mark: Mark | None
    ) -> None:
        """Nothing is counted yet."""
        self._context, self._journal = context, journal
        self._revision, self._direction, self._mark = revision, direction, mark
        self._ops = self._blocks = 0
        self._digest = ""
        self._operation: Any = None
        self._is_in_block = self._is_apart = False
        self._block: Any = None
        self.has_journal = mark is not None

    # --- asked by Operations.invoke() ---

    def done_before(self, operation: Any) -> bool:
        """Count an operation; True where it is committed and is to be passed over."""
        digest = _chain(self._digest, operation)
        mark = self._mark
        if mark is not None and self._ops < mark.ops:
            self._ops, self._digest = self._ops + 1, digest
            if self._ops == mark.ops and mark.digest not in (digest, ""):
                raise CommandError(self._other_script(mark))
            return True
        if mark is not None and mark.running and self._ops == mark.ops:
            self._mark = replace(mark, running=0)
            if self._settle(operation):
                self._ops, self._digest = self._ops + 1, digest
                self._journal.write(self._now(0))
                return True
        self._operation = operation
        if self._is_in_block:
            self._begin_in_block(operation)
        return False

    def finished(self, operation: Any) -> None:
        """Note that an operation is done."""
        if self._operation is not operation:
            return
        self._operation = None
        self._ops, self._digest = self._ops + 1, _chain(self._digest, operation)
        if self._is_in_block:
            self._end_in_block()

    # --- asked by autocommit_block() ---

    def before_commit(self) -> None:
        """Write how far the revision is, as the last thing of the transaction that is committed for a block."""
        running = 0 if self._operation is None else 1
        self._blocks += not running
        if not self._is_replaying():
            self._journal.write(self._now(running))
            self.has_journal = True

    @contextmanager
    def in_block(self, block: Block) -> Iterator[None]:
        """Mark what is inside of an explicit autocommit block."""
        self._is_in_block, self._block = self._operation is None, block
        try:
            yield
        finally:
            self._is_in_block = self._is_apart = False

    # --- the revision as a whole ---

    @contextmanager
    def replay(self) -> Iterator[None]:
        """Watch the statements that the script executes itself, where there is something to pass over."""
        if self._mark is None:
            yield
            return
        connection = self._context.connection
        event.listen(connection, "before_cursor_execute", self._swallow, retval=True)
        try:
            yield
        finally:
            event.remove(connection, "before_cursor_execute", self._swallow)
        if self._is_replaying():
            raise CommandError(self._other_script(self._mark))

    def close(self) -> None:
        """Delete the revision's row, in the transaction that moves the version."""
        if self.has_journal:
            self._journal.forget(self._revision)

    # --- inside ---

    def _is_replaying(self) -> bool:
        mark = self._mark
        return mark is not None and (
            self._ops < mark.ops or self._blocks < mark.blocks or (mark.running == 1 and self._ops == mark.ops)
        )

    def _now(self, running: int) -> Mark:
        return Mark(self._revision, self._direction, self._blocks, self._ops, running, self._digest)

    def _swallow(
        self, conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
    ) -> tuple[str, Any]:
        """Answer a statement of the script's own with "no rows" where it was committed by the broken run."""
        del conn, cursor, context
        if not self._is_replaying() or self._operation is not None or _only_reads(statement):
            return statement, parameters
        return self._journal.no_op(len(parameters[0]) if executemany else len(parameters or ())), parameters

    def _begin_in_block(self, operation: Any) -> None:
        if runs_alone(operation):
            self._journal.write(self._now(1))
        else:
            self._block.begin()
            self._is_apart = True

    def _end_in_block(self) -> None:
        self._journal.write(self._now(0))
        if self._is_apart:
            self._is_apart = False
            self._block.commit()

    def _settle(self, operation: Any) -> bool:
        """Find out what became of the operation that was running, outside of any transaction."""
        if self._is_in_block:
            return settle(self._context.connection, operation)
        with Block(self._context):
            return settle(self._context.connection, operation)

    def _other_script(self, mark: Mark) -> str:
        return (
            f"The {mark.direction} of {mark.revision} was broken off after {mark.ops} operations that are committed "
            f"(table {self._journal.name}), and what the script does now until there is something else. Restore that "
            f"part of the script and run the command again; or bring the database to {mark.revision} by hand and use "
            f"`stamp {mark.revision}`."
        )


def _only_reads(statement: str) -> bool:
    if _WITH.match(statement) is not None:
        return _WRITES_INSIDE.search(statement) is None
    return _READS.match(statement) is not None


def _chain(digest: str, operation: Any) -> str:
    """Return the digest of operations with one more."""
    facts = [type(operation).__name__, statement_of(operation) or ""]
    for name, value in sorted(vars(operation).items()):
        if not name.startswith("_") and isinstance(value, (str, int, float, type(None))):
            facts.append(f"{name}={value!r}")
    return hashlib.sha256("\0".join([digest, *facts]).encode()).hexdigest()
