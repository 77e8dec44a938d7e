"""Methods for what Alembic has no operations for: schemas, sequences, enum types, names of indexes and constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyorm.migrations.operations import ops
from pyorm.migrations.operations.abstract import AbstractOperations


class ObjectOperations(AbstractOperations):
    """Base of `Operations` with the methods of PostgreSQL's objects beside tables."""

    def create_schema(self, schema_name: str, *, if_not_exists: bool | None = None) -> None:
        """Create a schema (PostgreSQL)."""
        self.invoke(ops.CreateSchemaOp(schema_name, if_not_exists=if_not_exists))

    def drop_schema(self, schema_name: str, *, if_exists: bool | None = None) -> None:
        """Drop a schema that is empty (PostgreSQL)."""
        self.invoke(ops.DropSchemaOp(schema_name, if_exists=if_exists))

    def create_sequence(self, sequence_name: str, *, schema: str | None = None, **options: Any) -> None:
        """Create a sequence (PostgreSQL); options are those of `Sequence`: `start`, `increment`, `data_type`, …."""
        self.invoke(ops.CreateSequenceOp(sequence_name, schema=schema, **options))

    def alter_sequence(
        self,
        sequence_name: str,
        *,
        schema: str | None = None,
        existing: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Change options of a sequence (PostgreSQL); `existing` are their values now, which a reverse needs."""
        self.invoke(ops.AlterSequenceOp(sequence_name, schema=schema, existing=existing, **options))

    def drop_sequence(self, sequence_name: str, *, schema: str | None = None) -> None:
        """Drop a sequence (PostgreSQL)."""
        self.invoke(ops.DropSequenceOp(sequence_name, schema=schema))

    def rename_sequence(self, old_name: str, new_name: str, *, schema: str | None = None) -> None:
        """Rename a sequence, one that a column owns, too (PostgreSQL)."""
        self.invoke(ops.RenameSequenceOp(old_name, new_name, schema=schema))

    def create_enum(self, enum_name: str, values: Sequence[str], *, schema: str | None = None) -> None:
        """Create an enum type (PostgreSQL)."""
        self.invoke(ops.CreateEnumOp(enum_name, values, schema=schema))

    def drop_enum(self, enum_name: str, *, schema: str | None = None) -> None:
        """Drop an enum type that nothing uses any more (PostgreSQL)."""
        self.invoke(ops.DropEnumOp(enum_name, schema=schema))

    def add_enum_value(
        self,
        enum_name: str,
        value: str,
        *,
        before: str | None = None,
        after: str | None = None,
        schema: str | None = None,
        existing_values: Sequence[str] | None = None,
    ) -> None:
        """Add a value to an enum type, in a committed step of its own (PostgreSQL).

        Args:
            enum_name: the type's name.
            value: the new value; nothing happens if the type has it.
            before, after: the value it stands before or after; without either it is the last.
            schema: the type's schema.
            existing_values: the values the type has now, which a reverse needs.
        """
        self.invoke(
            ops.AddEnumValueOp(
                enum_name, value, before=before, after=after, schema=schema, existing_values=existing_values
            )
        )

    def rename_enum_value(
        self, enum_name: str, old_value: str, new_value: str, *, schema: str | None = None
    ) -> None:
        """Rename a value of an enum type; its rows follow (PostgreSQL)."""
        self.invoke(ops.RenameEnumValueOp(enum_name, old_value, new_value, schema=schema))

    def replace_enum(
        self,
        enum_name: str,
        values: Sequence[str],
        *,
        mapping: Mapping[str, str] | None = None,
        schema: str | None = None,
        existing_values: Sequence[str] | None = None,
    ) -> None:
        """Make an enum type anew with other values or another order (PostgreSQL).

        Args:
            enum_name: the type's name.
            values: its values afterwards, in order.
            mapping: old value → new value, for rows of values that go.
            schema: the type's schema.
            existing_values: the values the type has now, which a reverse needs.

        Raises:
            CommandError: rows have a value that goes and is not mapped; nothing was changed.
        """
        self.invoke(
            ops.ReplaceEnumOp(
                enum_name, values, schema=schema, mapping=mapping, existing_values=existing_values
            )
        )

    def rename_index(
        self, old_name: str, new_name: str, table_name: str | None = None, *, schema: str | None = None
    ) -> None:
        """Rename an index."""
        self.invoke(ops.RenameIndexOp(old_name, new_name, table_name, schema=schema))

    def rename_constraint(
        self, old_name: str, new_name: str, table_name: str, *, schema: str | None = None
    ) -> None:
        """Rename a constraint."""
        self.invoke(ops.RenameConstraintOp(old_name, new_name, table_name, schema=schema))
