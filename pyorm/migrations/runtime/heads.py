"""The version table: one row per head of the database, and how a step changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyorm import exc
from pyorm.inspection import inspect
from pyorm.migrations.runtime.plan import Move, Step, moves
from pyorm.migrations.util.exc import CommandError
from pyorm.schema import Column, MetaData, PrimaryKeyConstraint, Table
from pyorm.types import String

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext

__all__ = ["HeadMaintainer", "VersionTable", "make_version_table"]


def make_version_table(name: str, schema: str | None, with_pk: bool) -> Table:
    """Return the version table as it is created: one column, and a named primary key unless declined."""
    table = Table(name, MetaData(), Column("version_num", String(32), nullable=False), schema=schema)
    if with_pk:
        table.append_constraint(PrimaryKeyConstraint("version_num", name=f"{name}_pkc"))
    return table


class VersionTable:
    """The version table of a database.

    Args:
        context: whose connection is used; offline, statements go where its impl writes.
        table: what `make_version_table()` or a dialect's impl made.
    """

    def __init__(self, context: MigrationContext, table: Table) -> None:
        """Nothing is read yet."""
        self._context, self.table = context, table

    def exists(self) -> bool:
        """Look for the table; one query."""
        connection = self._context.connection
        schema = connection.schema_for_object(self.table)
        return bool(inspect(connection).has_table(self.table.name, schema=schema))

    def read(self) -> tuple[str, ...]:
        """Return the rows; an empty tuple where there is no table."""
        if not self.exists():
            return ()
        try:
            return tuple(self._context.connection.scalars(self.table.select()).all())
        except (exc.ProgrammingError, exc.OperationalError) as error:
            if self.table.c[0].name not in str(error.orig):
                raise
            raise CommandError(
                f"Can't read the version table {self.table.fullname!r}: {error.orig}. If it is another program's, "
                "name another one with context.configure(version_table=…); if it is broken, drop it, and `stamp` the "
                "revision that the database is at."
            ) from error

    def create(self) -> None:
        """Create the table."""
        self.table.create(self._context.connection, checkfirst=False)

    def clear(self) -> None:
        """Delete every row."""
        self._context.impl._exec(self.table.delete())

    def apply(self, move: Move) -> None:
        """Insert, update or delete one row.

        Raises:
            CommandError: The row is not as this run has read it: somebody else has changed it.
        """
        column = self.table.c.version_num
        statement: Any
        if move.old is None:
            statement = self.table.insert().values(version_num=move.new)
            verb = f"inserting {move.new!r} into"
        elif move.new is None:
            statement = self.table.delete().where(column == move.old)
            verb = f"deleting {move.old!r} from"
        else:
            statement = self.table.update().values(version_num=move.new).where(column == move.old)
            verb = f"updating {move.old!r} to {move.new!r} in"
        try:
            result = self._context.impl._exec(statement)
        except exc.IntegrityError as error:
            raise CommandError(self._conflict(verb, "the row was there")) from error
        if not self._context.as_sql and move.old is not None and result.rowcount != 1:
            raise CommandError(self._conflict(verb, f"{result.rowcount} found"))

    def _conflict(self, verb: str, found: str) -> str:
        return (
            f"Online migration expected to match one row when {verb} {self.table.name!r}; {found}. Another deployer "
            "has changed the version table since this run read it, without pyorm's lock; nothing of this "
            "transaction is kept. Look at `current`, and run the command again."
        )


class HeadMaintainer:
    """The heads of a database while steps are run.

    Args:
        context: the run's.
        heads: the rows of the version table now.
    """

    def __init__(self, context: MigrationContext, heads: Any) -> None:
        """Keep them; nothing is read."""
        self.context = context
        self.heads: set[str] = set(heads)

    def update_to_step(self, step: Step) -> None:
        """Change the version rows as a step says that was run."""
        for move in moves(step, self.heads):
            self.context._versions.apply(move)
            self.heads.discard(move.old or "")
            if move.new is not None:
                self.heads.add(move.new)
