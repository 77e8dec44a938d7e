"""SQLite: what ALTER TABLE can do there, and a table made anew for everything else.

The verbs here carry out one change at once; a batch hands over several. Which of them SQLite can do
by itself, and how a table is made anew, stands in `operations.changes` and `operations.rebuild`.
In a script nothing can be read, so there a change that needs a new table has to be in a batch with
`copy_from`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyorm.migrations.ddl import statements
from pyorm.migrations.ddl.impl import DefaultImpl
from pyorm.migrations.util.exc import CommandError
from pyorm.schema import ddl


class SQLiteImpl(DefaultImpl):
    """The verbs of operations on SQLite."""

    __dialect__ = "sqlite"
    transactional_ddl = True
    adds_keys_with_column = True

    # ---- one change ----------------------------------------------------------------------------------------------
    def _change(self, verb: str, table_name: str, schema: str | None, /, *arguments: Any, **kw: Any) -> None:
        """Carry out one verb on a table that is read first."""
        from pyorm.migrations.operations import rebuild
        from pyorm.migrations.operations.changes import Changes

        if self.as_sql:
            raise CommandError(_needs_copy(table_name))
        changes = Changes(self, rebuild.read(self, table_name, schema))
        getattr(changes, verb)(*arguments, **kw)
        changes.carry_out()

    def add_column(
        self,
        table_name: str,
        column: Any,
        *,
        schema: str | None = None,
        if_not_exists: bool | None = None,
        inline_references: bool | None = None,
        inline_primary_key: bool | None = None,
        **kw: Any,
    ) -> None:
        """Add a column with its keys, checks and indexes."""
        if not self.as_sql:
            self._change(
                "add_column", table_name, schema, table_name, column, schema=schema, if_not_exists=if_not_exists, **kw
            )
            return
        if any(constraint.__visit_name__ == "unique_constraint" for constraint in column.table.constraints):
            raise CommandError(_needs_copy(table_name))
        self._exec(
            statements.AddColumn(
                table_name,
                column,
                schema,
                if_not_exists=if_not_exists,
                inline_references=True,
                inline_primary_key=inline_primary_key,
                inline_checks=True,
            )
        )
        for index in sorted(column.table.indexes, key=lambda i: i._order):
            self._exec(ddl.CreateIndex(index))

    def drop_column(
        self, table_name: str, column: Any, *, schema: str | None = None, if_exists: bool | None = None, **kw: Any
    ) -> None:
        """Drop a column, and the keys, checks and indexes that name it."""
        if self.as_sql:
            super().drop_column(table_name, column, schema=schema, if_exists=if_exists, **kw)
        else:
            self._change("drop_column", table_name, schema, table_name, column, schema=schema, if_exists=if_exists)

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        schema: str | None = None,
        autoincrement: bool | None = None,
        existing_autoincrement: bool | None = None,
        **kw: Any,
    ) -> None:
        """Change a column; a new name is ALTER TABLE, anything else makes the table anew."""
        _warn_of_autoincrement(autoincrement, existing_autoincrement)
        if not self.as_sql:
            self._change("alter_column", table_name, schema, table_name, column_name, schema=schema, **kw)
            return
        if kw.get("nullable") is not None or kw.get("server_default", False) is not False or kw.get("type_"):
            raise CommandError(_needs_copy(table_name))
        if kw.get("name") is not None:
            self._exec(statements.ColumnName(table_name, column_name, kw["name"], schema))

    def add_constraint(self, const: Any, **kw: Any) -> None:
        """Add a constraint: the table is made anew."""
        del kw
        if self._is_wanted(const):
            self._change("add_constraint", const.table.name, const.table.schema, const)

    def drop_constraint(self, const: Any, **kw: Any) -> None:
        """Drop a constraint: the table is made anew."""
        self._change("drop_constraint", const.table.name, const.table.schema, const, **kw)

    def rename_constraint(self, old_name: str, new_name: str, table_name: str, schema: str | None) -> None:
        """Rename a constraint: the table is made anew."""
        self._change("rename_constraint", table_name, schema, old_name, new_name, table_name, schema)

    def rename_index(self, old_name: str, new_name: str, table_name: str | None, schema: str | None) -> None:
        """Rename an index: it is dropped and made again."""
        if table_name is None:
            table_name = self._table_of_index(old_name, schema)
        self._change("rename_index", table_name, schema, old_name, new_name, table_name, schema)

    def _table_of_index(self, name: str, schema: str | None) -> str:
        from pyorm.migrations.operations.rebuild import table_of_index

        if self.as_sql:
            raise CommandError(f"A script for SQLite cannot read index {name!r}: drop it and create it instead")
        return table_of_index(self, name, schema)

    def create_table_comment(self, table: Any) -> None:
        """Do nothing: SQLite has no comments."""

    def drop_table_comment(self, table: Any) -> None:
        """Do nothing: SQLite has no comments."""

    def create_column_comment(self, column: Any) -> None:
        """Do nothing: SQLite has no comments."""

    # ---- several changes -----------------------------------------------------------------------------------------
    @contextmanager
    def together(self, operations: Any, table_name: str, schema: str | None) -> Iterator[Any]:
        """Give a batch, so that the verbs of one operation make the table anew once."""
        if self.as_sql:
            yield self
            return
        from pyorm.migrations.operations.batch import BatchOperationsImpl

        batch = BatchOperationsImpl(operations, table_name, schema)
        yield batch
        self.flush_batch(batch)

    def requires_recreate_in_batch(self, batch_op: Any) -> bool:
        """Return whether ALTER TABLE surely cannot do what a batch has collected."""
        for name, arguments, keywords in batch_op.batch:
            if name in ("add_constraint", "drop_constraint", "rename_constraint"):
                return True
            if name == "alter_column" and any(
                keywords.get(key, empty) is not empty
                for key, empty in (("nullable", None), ("type_", None), ("server_default", False))
            ):
                return True
            if name == "add_column" and (_has_unique(arguments[1]) or "insert_before" in keywords):
                return True
        return False

    def recreate_batch(self, batch: Any) -> None:
        """Refuse, in a script that does not say what the table is."""
        raise CommandError(_needs_copy(batch.table_name))

    def flush_batch(self, batch: Any) -> None:
        """Carry out what a batch has collected.

        Raises:
            CommandError: in a script, the table has to be made anew and `copy_from` does not say what it is.
        """
        from pyorm.migrations.operations.batch_sqlite import flush

        if batch.batch or batch.recreate == "always":
            if self.as_sql and batch.copy_from is None:
                super().flush_batch(batch)
            else:
                flush(self, batch)


def _has_unique(column: Any) -> bool:
    return any(constraint.__visit_name__ == "unique_constraint" for constraint in column.table.constraints)


def _needs_copy(table_name: str) -> str:
    return (
        f"This operation cannot proceed in --sql mode; batch mode with dialect sqlite requires a live database "
        f'connection with which to reflect the table "{table_name}". Put it into op.batch_alter_table("{table_name}", '
        "copy_from=…) with a Table that says what is there."
    )


def _warn_of_autoincrement(*values: bool | None) -> None:
    if any(value is not None for value in values):
        warnings.warn(
            "autoincrement and existing_autoincrement only make sense for MySQL", UserWarning, stacklevel=3
        )
