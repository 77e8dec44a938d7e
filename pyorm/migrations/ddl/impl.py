"""`DefaultImpl`: carries an operation's verbs out on one database, or writes them into a script.

It stands between the operations (`operations.toimpl` calls its verbs) and the connection of the
MigrationContext. Each verb makes one or a few statements and hands them to `_exec`. A dialect
derives from it and names itself in `__dialect__`; the class defined last for a name is taken, so
that a program can put its own in place of ours.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TextIO

from pyorm import _core, exc
from pyorm.migrations.ddl import statements
from pyorm.migrations.ddl.hooks import AutogenHooks
from pyorm.migrations.util.exc import CommandError
from pyorm.schema import Computed, Identity, ddl

_IMPLS: dict[str, type[DefaultImpl]] = {}

# Verbs of PostgreSQL's objects → what the object is called in messages.
_ELSEWHERE = {
    "create_schema": "schemas",
    "drop_schema": "schemas",
    "create_sequence": "sequences",
    "alter_sequence": "sequences",
    "drop_sequence": "sequences",
    "rename_sequence": "sequences",
    "create_enum": "enum types",
    "drop_enum": "enum types",
    "add_enum_value": "enum types",
    "rename_enum_value": "enum types",
    "replace_enum": "enum types",
}


class DefaultImpl(AutogenHooks):
    """The verbs of operations in standard SQL, and the hooks of a dialect.

    Args:
        dialect: the dialect object.
        connection: what statements run on; None without a database.
        as_sql: whether statements are written to `output_buffer` and not run.
        transactional_ddl: whether DDL is part of a transaction; None takes the class's answer.
        output_buffer: where the script goes.
        context_opts: the arguments of `context.configure()`.
    """

    __dialect__: ClassVar[str] = "default"
    transactional_ddl = False
    command_terminator = ";"
    adds_keys_with_column = False
    """Whether add_column() also makes the keys, checks and indexes of the column."""

    def __init_subclass__(cls, **kw: Any) -> None:
        super().__init_subclass__(**kw)
        if "__dialect__" in cls.__dict__:
            _IMPLS[cls.__dialect__] = cls

    def __init__(
        self,
        dialect: Any,
        connection: Any,
        as_sql: bool,
        transactional_ddl: bool | None,
        output_buffer: TextIO | None,
        context_opts: dict[str, Any],
    ) -> None:
        """Keep where statements go."""
        self.dialect, self.connection, self.as_sql = dialect, connection, as_sql
        self.output_buffer, self.context_opts = output_buffer, context_opts
        self.literal_binds = bool(context_opts.get("literal_binds", False))
        self.in_script_transaction = False
        if transactional_ddl is not None:
            self.transactional_ddl = transactional_ddl

    @classmethod
    def get_by_dialect(cls, dialect: Any) -> type[DefaultImpl]:
        """Return the class for a dialect object, by its name.

        Raises:
            CompileError: no class is registered for it.
        """
        from pyorm.migrations import ddl as known  # registers ours

        del known
        found = _IMPLS.get(dialect.name)
        if found is None:
            raise exc.CompileError(
                f"Migrations have no DDL for the dialect {dialect.name!r}: they know {', '.join(sorted(_IMPLS))}; "
                "derive a class from DefaultImpl and give it __dialect__"
            )
        return found

    @property
    def bind(self) -> Any:
        """The connection; None where a script is written."""
        return self.connection

    # ---- where statements go -----------------------------------------------------------------------------------
    def static_output(self, text: str) -> None:
        """Write text and an empty line to the script."""
        assert self.output_buffer is not None
        self.output_buffer.write(text + "\n\n")
        self.output_buffer.flush()

    def emit_begin(self) -> None:
        """Write BEGIN to the script."""
        self.static_output("BEGIN" + self.command_terminator)
        self.in_script_transaction = True

    def emit_commit(self) -> None:
        """Write COMMIT to the script."""
        self.static_output("COMMIT" + self.command_terminator)
        self.in_script_transaction = False

    def start_migrations(self) -> None:
        """Do what a database needs before the first migration of a run: nothing here."""

    def _exec(
        self,
        construct: Any,
        execution_options: Mapping[str, Any] | None = None,
        multiparams: Sequence[Mapping[str, Any]] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a statement, or write it to the script with its values in it.

        Args:
            construct: text, an expression of SQL, or DDL.
            execution_options: options of this execution.
            multiparams: parameters of several executions.
            params: parameters of one.

        Returns:
            The result; None where a script is written.

        Raises:
            TypeError: parameters for a script.
        """
        if self.as_sql:
            if multiparams or params:
                raise TypeError("SQL parameters not allowed with as_sql")
            self.static_output(self._script_text(construct) + self.command_terminator)
            return None
        connection = self.connection
        if connection is None:
            raise exc.InvalidRequestError("There is no connection to run the statement on, and no script is written")
        if execution_options:
            connection = connection.execution_options(**execution_options)
        if isinstance(construct, str):
            return connection.exec_driver_sql(_plain(construct))
        return connection.execute(construct, multiparams or params or None)

    def _script_text(self, construct: Any) -> str:
        """Return a statement as a script has it: values inline, indented by blanks."""
        if isinstance(construct, str):
            text = _plain(construct)
        elif isinstance(construct, ddl.ExecutableDDLElement):
            text = construct.compile(dialect=self.dialect).string
        else:
            text = _core.compile_string(construct, self.dialect, literal_binds=True)
        return text.replace("\t", "    ").strip()

    def execute(self, sql: Any, execution_options: dict[str, Any] | None = None) -> None:
        """Run a statement of the user's, or write it to the script."""
        self._exec(sql, execution_options)

    # ---- tables ------------------------------------------------------------------------------------------------
    def create_table(self, table: Any, **kw: Any) -> None:
        """Create a table, the types it needs, its indexes and comments; `if_not_exists` applies to the table."""
        self._fire(table, "before_create")
        self._create_types(table)
        self._exec(ddl.CreateTable(table, **kw))
        for index in sorted(table.indexes, key=lambda i: i._order):
            self._exec(ddl.CreateIndex(index))
        if self.dialect.supports_comments:
            if table.comment:
                self.create_table_comment(table)
            for column in table.c:
                if column.comment:
                    self.create_column_comment(column)
        self._fire(table, "after_create")

    def _fire(self, table: Any, name: str) -> None:
        from pyorm.schema.events import fire

        fire(table, name, table, self.connection, checkfirst=False, _ddl_runner=self)

    def _create_types(self, table: Any) -> None:
        """Create the enums and domains that columns of a new table need; a dialect without them has none."""
        del table

    def drop_table(self, table: Any, **kw: Any) -> None:
        """Drop a table; `if_exists` as DropTable takes it."""
        self._fire(table, "before_drop")
        self._exec(ddl.DropTable(table, **kw))
        self._fire(table, "after_drop")

    def rename_table(self, old_table_name: str, new_table_name: str, schema: str | None = None) -> None:
        """Rename a table."""
        self._exec(statements.RenameTable(old_table_name, new_table_name, schema))

    def create_table_comment(self, table: Any) -> None:
        """Set a table's comment."""
        self._exec(ddl.SetTableComment(table))

    def drop_table_comment(self, table: Any) -> None:
        """Remove a table's comment."""
        self._exec(ddl.DropTableComment(table))

    def create_column_comment(self, column: Any) -> None:
        """Set a column's comment."""
        self._exec(ddl.SetColumnComment(column))

    # ---- columns -----------------------------------------------------------------------------------------------
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
        """Add a column; its keys, indexes and comment are operations of their own."""
        del kw
        self._exec(
            statements.AddColumn(
                table_name,
                column,
                schema,
                if_not_exists=if_not_exists,
                inline_references=inline_references,
                inline_primary_key=inline_primary_key,
            )
        )

    def drop_column(
        self, table_name: str, column: Any, *, schema: str | None = None, if_exists: bool | None = None, **kw: Any
    ) -> None:
        """Drop a column."""
        del kw
        self._exec(statements.DropColumn(table_name, column.name, schema, if_exists=if_exists))

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        nullable: bool | None = None,
        server_default: Any = False,
        name: str | None = None,
        type_: Any = None,
        schema: str | None = None,
        autoincrement: bool | None = None,
        comment: Any = False,
        existing_comment: str | None = None,
        existing_type: Any = None,
        existing_server_default: Any = None,
        existing_nullable: bool | None = None,
        existing_autoincrement: bool | None = None,
        **kw: Any,
    ) -> None:
        """Change a column: nullability, default, type, comment, then its name."""
        del existing_comment, existing_type, existing_nullable, kw
        if autoincrement is not None or existing_autoincrement is not None:
            warnings.warn(
                "autoincrement and existing_autoincrement only make sense for MySQL", UserWarning, stacklevel=2
            )
        if nullable is not None:
            self._exec(statements.ColumnNullable(table_name, column_name, nullable, schema))
        if server_default is not False:
            self._alter_default(table_name, column_name, server_default, existing_server_default, schema)
        if type_ is not None:
            self._exec(statements.ColumnType(table_name, column_name, type_, schema))
        if comment is not False:
            self._exec(statements.ColumnComment(table_name, column_name, comment, schema))
        if name is not None:
            self._exec(statements.ColumnName(table_name, column_name, name, schema))

    def _alter_default(
        self, table_name: str, column_name: str, default: Any, existing: Any, schema: str | None
    ) -> None:
        if isinstance(default, Computed) or isinstance(existing, Computed):
            raise exc.CompileError(
                'Adding or removing a "computed" construct, e.g. GENERATED ALWAYS AS, to or from an existing column is '
                f"not supported (column {column_name!r} of table {table_name!r}): drop the column and add it again"
            )
        if isinstance(default, Identity) or isinstance(existing, Identity):
            self._alter_identity(table_name, column_name, default, existing, schema)
        else:
            self._exec(statements.ColumnDefault(table_name, column_name, default, schema))

    def _alter_identity(
        self, table_name: str, column_name: str, default: Any, existing: Any, schema: str | None
    ) -> None:
        raise exc.CompileError(
            'Adding, removing or modifying an "identity" construct, e.g. GENERATED AS IDENTITY, to or from an existing '
            f"column is not supported in this dialect (column {column_name!r} of table {table_name!r})."
        )

    # ---- constraints and indexes -------------------------------------------------------------------------------
    def add_constraint(self, const: Any, **kw: Any) -> None:
        """Add a constraint, unless a rule of its own says that this database has none such."""
        del kw
        if self._is_wanted(const):
            self._exec(ddl.AddConstraint(const, isolate_from_table=False))

    def drop_constraint(self, const: Any, **kw: Any) -> None:
        """Drop a constraint by its name; `if_exists` as DropConstraint takes it."""
        self._exec(ddl.DropConstraint(const, isolate_from_table=False, **kw))

    def _is_wanted(self, const: Any) -> bool:
        rule = getattr(const, "_applies_to", None)
        return rule is None or bool(rule(self.dialect))

    def create_index(self, index: Any, **kw: Any) -> None:
        """Create an index; `if_not_exists` as CreateIndex takes it."""
        self._exec(ddl.CreateIndex(index, **_set(kw)))

    def drop_index(self, index: Any, **kw: Any) -> None:
        """Drop an index; `if_exists` as DropIndex takes it."""
        self._exec(ddl.DropIndex(index, **_set(kw)))

    def flush_batch(self, batch: Any) -> None:
        """Carry out what a batch has collected: one verb after the other, where ALTER can do everything."""
        if batch._should_recreate():
            self.recreate_batch(batch)
            return
        for name, arguments, keywords in batch.batch:
            if "insert_before" in keywords or "insert_after" in keywords:
                raise CommandError(
                    "Can't specify insert_before or insert_after when using ALTER; please specify recreate='always'"
                )
            getattr(self, name)(*arguments, **keywords)

    def recreate_batch(self, batch: Any) -> None:
        """Carry out what a batch has collected on a table that is made anew.

        Raises:
            CommandError: this dialect does not know how.
        """
        raise CommandError(f"A table of {self.dialect.name} is not made anew: leave recreate='always' away")

    @contextmanager
    def together(self, operations: Any, table_name: str, schema: str | None) -> Iterator[Any]:
        """Give what takes the verbs of one operation on a table: this object, where each is an ALTER of its own."""
        del operations, table_name, schema
        yield self

    def __getattr__(self, name: str) -> Any:
        """Refuse a verb of objects that this database does not have.

        Raises:
            CommandError: it says which.
        """
        if name in _ELSEWHERE:
            raise CommandError(
                f"op.{name}(): migrations make no {_ELSEWHERE[name]} on {self.dialect.name}; put it under "
                "`if op.get_context().dialect.name == 'postgresql'`"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ---- rows --------------------------------------------------------------------------------------------------
    def bulk_insert(self, table: Any, rows: list[dict[str, Any]], multiinsert: bool = True) -> None:
        """Insert rows: with one execution for all, one for each, or as one statement for each in a script.

        Raises:
            TypeError: not a list of dictionaries.
        """
        if not isinstance(rows, list):
            raise TypeError("List expected")
        if rows and not isinstance(rows[0], dict):
            raise TypeError("List of dictionaries expected")
        if not rows:
            return
        if self.as_sql:
            for row in rows:
                self._exec(_core.insert(table).values(**row))
        elif multiinsert and not any(isinstance(value, _core.ClauseElement) for row in rows for value in row.values()):
            self._exec(_core.insert(table), multiparams=rows)
        else:
            for row in rows:
                self._exec(_core.insert(table).values(**row))


def _set(kw: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that are not None."""
    return {name: value for name, value in kw.items() if value is not None}


def _plain(text: str) -> str:
    r"""Return the user's text as it is run: `\:` means a colon, and any other colon stays."""
    return text.replace("\\:", ":")
