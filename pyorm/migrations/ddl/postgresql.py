"""PostgreSQL: types of columns, identities, enums, sequences and renames."""

from __future__ import annotations

import re
from collections.abc import Sequence as Items
from typing import Any, ClassVar

from pyorm import exc
from pyorm.migrations.ddl import enums, statements
from pyorm.migrations.ddl.impl import DefaultImpl
from pyorm.schema import Column, Identity, MetaData, Sequence, Table, ddl
from pyorm.schema.create import CheckFirst, Existing
from pyorm.schema.named_types import create_type, named_types_in
from pyorm.types import to_instance


class PostgresqlImpl(DefaultImpl):
    """The verbs of operations on PostgreSQL."""

    __dialect__ = "postgresql"
    transactional_ddl = True
    type_synonyms: ClassVar[tuple[set[str], ...]] = ({"NUMERIC", "DECIMAL"}, {"FLOAT", "DOUBLE PRECISION"})

    def _create_types(self, table: Any) -> None:
        """Create the enums and domains of the columns; one that is there already is used as it is."""
        runner = Runner(self)
        existing = Existing(self.connection, CheckFirst.NONE if self.as_sql else CheckFirst.TYPES)
        for (schema, _name), type_ in named_types_in([table]).items():
            if not existing.has_type(type_, schema, False):
                create_type(runner, type_, schema)

    def add_column(self, table_name: str, column: Any, **kw: Any) -> None:
        """Add a column, after the enum or domain that it needs where the database has none such."""
        if not self.as_sql and column.table is not None:
            self._create_types(column.table)
        super().add_column(table_name, column, **kw)

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
        existing_type: Any = None,
        existing_server_default: Any = None,
        existing_nullable: bool | None = None,
        existing_autoincrement: bool | None = None,
        **kw: Any,
    ) -> None:
        """Change a column: its type first, then as everywhere; `postgresql_using` converts the rows."""
        using = kw.pop("postgresql_using", None)
        if using is not None and type_ is None:
            raise exc.CompileError("postgresql_using must be used with the type_ parameter")
        if type_ is not None:
            column = Column(column_name, type_)
            Table(table_name, MetaData(), column, schema=schema)
            if not self.as_sql:
                self._create_types(column.table)
            if using is None and _is_enum(column.type) and existing_type is not None and not _is_enum(existing_type):
                using = self._cast_to(column)
                if existing_server_default not in (None, False):  # PostgreSQL does not cast it either
                    self._exec(statements.ColumnDefault(table_name, column_name, None, schema))
                    server_default = existing_server_default if server_default is False else server_default
            self._exec(statements.ColumnType(table_name, column_name, type_, schema, using=using))
        numbered = isinstance(existing_server_default, Identity) and _is_serial(server_default, table_name, column_name)
        if numbered:
            self._exec(statements.IdentityColumn(table_name, column_name, None, existing_server_default, schema))
            self._exec(_serial_sequence(self, table_name, column_name, type_ or existing_type, schema))
            existing_server_default = None
        super().alter_column(
            table_name,
            column_name,
            nullable=nullable,
            server_default=server_default,
            name=name,
            schema=schema,
            autoincrement=autoincrement,
            existing_type=existing_type,
            existing_server_default=existing_server_default,
            existing_nullable=existing_nullable,
            existing_autoincrement=existing_autoincrement,
            **kw,
        )
        if numbered:
            self._exec(_continue_numbers(self, table_name, name or column_name, schema))

    def _cast_to(self, column: Column) -> str:
        """Return what converts a column of text to an enum: PostgreSQL does not do it by itself."""
        name = self.dialect.identifier_preparer.quote(column.name)
        return f"{name}::text::{column.type.compile(dialect=self.dialect)}"

    def _alter_identity(
        self, table_name: str, column_name: str, default: Any, existing: Any, schema: str | None
    ) -> None:
        was = existing if isinstance(existing, Identity) else None
        if isinstance(default, Identity):
            has_default = was is None and existing is not None and existing is not False
            if has_default:
                self._exec(statements.ColumnDefault(table_name, column_name, None, schema))
                if _is_serial(existing, table_name, column_name):
                    self._exec(ddl.DropSequence(Sequence(f"{table_name}_{column_name}_seq", schema=schema)))
            change = statements.IdentityColumn(table_name, column_name, default, was, schema)
            if change.has_changes():
                self._exec(change)
            if has_default:
                self._exec(_continue_numbers(self, table_name, column_name, schema))
            return
        self._exec(statements.IdentityColumn(table_name, column_name, None, was, schema))
        if default is not None:
            self._exec(statements.ColumnDefault(table_name, column_name, default, schema))

    def create_index(self, index: Any, **kw: Any) -> None:
        """Create an index; one made CONCURRENTLY is a committed step of its own."""
        if not index.expressions:
            raise exc.CompileError(f"Index {index.name!r} has no columns")
        super().create_index(index, **kw)

    def recreate_batch(self, batch: Any) -> None:
        """Carry out what a batch has collected on a table that is made anew, as `recreate="always"` asks."""
        from pyorm.migrations.operations.batch_postgresql import flush

        flush(self, batch)

    # ---- what stands beside tables ---------------------------------------------------------------------------
    def create_schema(self, name: str, if_not_exists: bool | None = None) -> None:
        """Create a schema."""
        self._exec(ddl.CreateSchema(name, if_not_exists=bool(if_not_exists)))

    def drop_schema(self, name: str, if_exists: bool | None = None) -> None:
        """Drop a schema that is empty."""
        self._exec(ddl.DropSchema(name, if_exists=bool(if_exists)))

    def create_sequence(self, sequence: Any) -> None:
        """Create a sequence."""
        self._exec(ddl.CreateSequence(sequence))

    def drop_sequence(self, sequence: Any) -> None:
        """Drop a sequence."""
        self._exec(ddl.DropSequence(sequence))

    def alter_sequence(self, sequence: Any) -> None:
        """Set the options of a sequence that are not None."""
        self._exec(AlterSequence(sequence))

    def rename_sequence(self, old_name: str, new_name: str, schema: str | None) -> None:
        """Rename a sequence."""
        self._exec(RenameObject("SEQUENCE", old_name, new_name, schema))

    def create_enum(self, name: str, values: Items[str], schema: str | None) -> None:
        """Create an enum type."""
        self._exec(enums.CreateEnum(name, values, schema))

    def drop_enum(self, name: str, schema: str | None) -> None:
        """Drop an enum type."""
        self._exec(enums.DropType(name, schema))

    def add_enum_value(
        self, name: str, value: str, before: str | None, after: str | None, schema: str | None
    ) -> None:
        """Add a value to an enum type."""
        self._exec(enums.AddValue(name, value, before, after, schema))

    def rename_enum_value(self, name: str, old: str, new: str, schema: str | None) -> None:
        """Rename a value of an enum type."""
        self._exec(enums.RenameValue(name, old, new, schema))

    def replace_enum(self, name: str, values: Items[str], mapping: dict[str, str], schema: str | None) -> None:
        """Make an enum type anew."""
        enums.EnumReplacement(self, name, values, mapping, schema).run()

    def rename_index(self, old_name: str, new_name: str, table_name: str | None, schema: str | None) -> None:
        """Rename an index."""
        del table_name
        self._exec(RenameObject("INDEX", old_name, new_name, schema))

    def rename_constraint(self, old_name: str, new_name: str, table_name: str, schema: str | None) -> None:
        """Rename a constraint."""
        self._exec(RenameConstraint(table_name, old_name, new_name, schema))


class Runner:
    """An impl where a connection is expected that executes DDL."""

    _is_mock = True

    def __init__(self, impl: DefaultImpl) -> None:
        """Keep the impl."""
        self.dialect, self._impl = impl.dialect, impl

    def execute(self, statement: Any) -> Any:
        """Run or write the statement."""
        return self._impl._exec(statement)


class AlterSequence(ddl._CreateDrop):
    """ALTER SEQUENCE, with the options that are set."""

    def _text(self, render: Any) -> str:
        sequence = self.element
        text = f"ALTER SEQUENCE {render.table(sequence)}"
        if sequence.data_type is not None:
            from pyorm.types import to_instance

            text += f" AS {to_instance(sequence.data_type).compile(dialect=render.dialect)}"
        options = render.sequence_options(sequence)
        return f"{text} {options}" if options else text


class RenameObject(ddl.ExecutableDDLElement):
    """ALTER INDEX or ALTER SEQUENCE … RENAME TO."""

    def __init__(self, kind: str, old_name: str, new_name: str, schema: str | None) -> None:
        """Keep kind and names."""
        self.kind, self.name, self.new_name, self.schema = kind, old_name, new_name, schema

    def _text(self, render: Any) -> str:
        return f"ALTER {self.kind} {render.table(self)} RENAME TO {render.quote(self.new_name)}"


class RenameConstraint(statements.AlterTable):
    """ALTER TABLE … RENAME CONSTRAINT."""

    def __init__(self, table_name: str, old_name: str, new_name: str, schema: str | None) -> None:
        """Keep the names."""
        super().__init__(table_name, schema)
        self.old_name, self.new_name = old_name, new_name

    def _action(self, render: Any) -> str:
        return f"RENAME CONSTRAINT {render.quote(self.old_name)} TO {render.quote(self.new_name)}"


def _is_enum(type_: Any) -> bool:
    """Return whether a type is an enum that the database knows by name."""
    return bool(getattr(type_, "native_enum", False)) and hasattr(type_, "enums")


def _is_serial(default: Any, table_name: str, column_name: str) -> bool:
    """Return whether a default takes the numbers of the sequence that SERIAL makes for the column."""
    text = str(getattr(default, "arg", default))
    found = re.search(r"nextval\('(?:[^']*\.)?\"?([^'\".]+)\"?'", text)
    return found is not None and found[1] == f"{table_name}_{column_name}_seq"


def _serial_sequence(impl: DefaultImpl, table_name: str, column_name: str, type_: Any, schema: str | None) -> str:
    """Return the statement that makes the sequence SERIAL would have made for a column that is there."""
    quote = impl.dialect.identifier_preparer.quote
    prefix = f"{quote(schema)}." if schema else ""
    kind = "" if type_ is None else f" AS {to_instance(type_).compile(dialect=impl.dialect)}"
    return (
        f"CREATE SEQUENCE IF NOT EXISTS {prefix}{quote(f'{table_name}_{column_name}_seq')}{kind} "
        f"OWNED BY {prefix}{quote(table_name)}.{quote(column_name)}"
    )


def _continue_numbers(impl: DefaultImpl, table_name: str, column_name: str, schema: str | None) -> str:
    """Return the statement that makes new numbers go on behind the highest one in the table."""
    quote = impl.dialect.identifier_preparer.quote
    table = f"{quote(schema)}.{quote(table_name)}" if schema else quote(table_name)
    text = table.replace("'", "''")
    name = column_name.replace("'", "''")
    return (
        f"SELECT setval(pg_get_serial_sequence('{text}', '{name}'), "
        f"max({quote(column_name)}) + 1, false) FROM {table} HAVING max({quote(column_name)}) IS NOT NULL"
    )


