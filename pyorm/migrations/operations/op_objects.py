"""Operations on what stands beside tables: schemas, sequences and PostgreSQL's enum types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyorm.migrations.operations.op_base import MigrateOperation


class CreateSchemaOp(MigrateOperation):
    """Create a schema (PostgreSQL).

    Args:
        schema_name: its name.
        if_not_exists: whether an existing schema is left as it is.
    """

    def __init__(self, schema_name: str, *, if_not_exists: bool | None = None) -> None:
        self.schema_name = schema_name
        self.if_not_exists = if_not_exists

    def reverse(self) -> DropSchemaOp:
        """Return the operation that drops the schema, if it is empty."""
        return DropSchemaOp(self.schema_name)

    def to_diff_tuple(self) -> tuple[str, str]:
        """Return `("add_schema", name)`."""
        return ("add_schema", self.schema_name)


class DropSchemaOp(MigrateOperation):
    """Drop a schema that is empty (PostgreSQL).

    Args:
        schema_name: its name.
        if_exists: whether nothing happens where there is no such schema.
    """

    def __init__(self, schema_name: str, *, if_exists: bool | None = None) -> None:
        self.schema_name = schema_name
        self.if_exists = if_exists

    def reverse(self) -> CreateSchemaOp:
        """Return the operation that creates the schema again."""
        return CreateSchemaOp(self.schema_name)

    def to_diff_tuple(self) -> tuple[str, str]:
        """Return `("remove_schema", name)`."""
        return ("remove_schema", self.schema_name)


class CreateSequenceOp(MigrateOperation):
    """Create a sequence that no column owns (PostgreSQL).

    Args:
        sequence_name: its name.
        schema: its schema, None for the default one.
        options: `data_type`, `start`, `increment`, `minvalue`, `maxvalue`, `cache`, `cycle`: those of Sequence.
    """

    def __init__(self, sequence_name: str, *, schema: str | None = None, **options: Any) -> None:
        self.sequence_name = sequence_name
        self.schema = schema
        self.options = options

    def reverse(self) -> DropSequenceOp:
        """Return the operation that drops the sequence."""
        return DropSequenceOp(self.sequence_name, schema=self.schema, _reverse=self)

    def to_diff_tuple(self) -> tuple[str, str | None, str, dict[str, Any]]:
        """Return `("add_sequence", schema, name, options)`."""
        return ("add_sequence", self.schema, self.sequence_name, self.options)


class DropSequenceOp(MigrateOperation):
    """Drop a sequence (PostgreSQL).

    Args:
        sequence_name: its name.
        schema: its schema, None for the default one.
    """

    def __init__(
        self, sequence_name: str, *, schema: str | None = None, _reverse: CreateSequenceOp | None = None
    ) -> None:
        self.sequence_name = sequence_name
        self.schema = schema
        self._reverse = _reverse

    def reverse(self) -> CreateSequenceOp:
        """Return the operation that creates the sequence again, at its start.

        Raises:
            ValueError: the operation knows the sequence's name only.
        """
        if self._reverse is None:
            raise ValueError("operation is not reversible; the sequence's options are not known")
        return self._reverse

    def to_diff_tuple(self) -> tuple[str, str | None, str]:
        """Return `("remove_sequence", schema, name)`."""
        return ("remove_sequence", self.schema, self.sequence_name)


class AlterSequenceOp(MigrateOperation):
    """Change options of a sequence (PostgreSQL).

    Args:
        sequence_name: its name.
        schema: its schema, None for the default one.
        options: the options that change, with their new values.
        existing: the values they have.
    """

    def __init__(
        self,
        sequence_name: str,
        *,
        schema: str | None = None,
        existing: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.sequence_name = sequence_name
        self.schema = schema
        self.options = options
        self.existing = dict(existing or {})

    def reverse(self) -> AlterSequenceOp:
        """Return the operation that brings the old options back.

        Raises:
            ValueError: the old options are not known.
        """
        missing = sorted(set(self.options) - set(self.existing))
        if missing:
            raise ValueError(f"operation is not reversible; the sequence's old {', '.join(missing)} is not known")
        old = {name: self.existing[name] for name in self.options}
        return AlterSequenceOp(self.sequence_name, schema=self.schema, existing=self.options, **old)

    def to_diff_tuple(self) -> tuple[str, str | None, str, dict[str, Any], dict[str, Any]]:
        """Return `("modify_sequence", schema, name, old options, new options)`."""
        return ("modify_sequence", self.schema, self.sequence_name, self.existing, self.options)


class RenameSequenceOp(MigrateOperation):
    """Rename a sequence, one that a column owns, too (PostgreSQL).

    Args:
        old_name: its name.
        new_name: its name afterwards.
        schema: its schema, None for the default one.
    """

    def __init__(self, old_name: str, new_name: str, *, schema: str | None = None) -> None:
        self.old_name = old_name
        self.new_name = new_name
        self.schema = schema

    def reverse(self) -> RenameSequenceOp:
        """Return the operation that gives the old name back."""
        return RenameSequenceOp(self.new_name, self.old_name, schema=self.schema)

    def to_diff_tuple(self) -> tuple[str, str | None, str, str]:
        """Return `("rename_sequence", schema, old, new)`."""
        return ("rename_sequence", self.schema, self.old_name, self.new_name)


class CreateEnumOp(MigrateOperation):
    """Create an enum type (PostgreSQL).

    Args:
        enum_name: its name.
        values: its values, in order.
        schema: its schema, None for the default one.
    """

    def __init__(self, enum_name: str, values: Sequence[str], *, schema: str | None = None) -> None:
        self.enum_name = enum_name
        self.values = list(values)
        self.schema = schema

    def reverse(self) -> DropEnumOp:
        """Return the operation that drops the type."""
        return DropEnumOp(self.enum_name, schema=self.schema, _reverse=self)

    def to_diff_tuple(self) -> tuple[str, str | None, str, list[str]]:
        """Return `("add_enum", schema, name, values)`."""
        return ("add_enum", self.schema, self.enum_name, self.values)


class DropEnumOp(MigrateOperation):
    """Drop an enum type that nothing uses any more (PostgreSQL).

    Args:
        enum_name: its name.
        schema: its schema, None for the default one.
    """

    def __init__(self, enum_name: str, *, schema: str | None = None, _reverse: CreateEnumOp | None = None) -> None:
        self.enum_name = enum_name
        self.schema = schema
        self._reverse = _reverse

    def reverse(self) -> CreateEnumOp:
        """Return the operation that creates the type again.

        Raises:
            ValueError: the operation knows the type's name only.
        """
        if self._reverse is None:
            raise ValueError("operation is not reversible; the enum's values are not known")
        return self._reverse

    def to_diff_tuple(self) -> tuple[str, str | None, str]:
        """Return `("remove_enum", schema, name)`."""
        return ("remove_enum", self.schema, self.enum_name)


class AddEnumValueOp(MigrateOperation):
    """Add a value to an enum type, in a committed step of its own (PostgreSQL).

    A new value can be used only after the transaction that added it has been committed
    (PostgreSQL, ALTER TYPE, Notes), and needs no rewrite of any table.

    Args:
        enum_name: the type's name.
        value: the new value.
        before: the value it stands before.
        after: the value it stands after; without either it is the last.
        schema: the type's schema, None for the default one.
        existing_values: the values before, which the reverse needs.
    """

    def __init__(
        self,
        enum_name: str,
        value: str,
        *,
        before: str | None = None,
        after: str | None = None,
        schema: str | None = None,
        existing_values: Sequence[str] | None = None,
    ) -> None:
        self.enum_name = enum_name
        self.value = value
        self.before = before
        self.after = after
        self.schema = schema
        self.existing_values = None if existing_values is None else list(existing_values)

    def new_values(self) -> list[str]:
        """Return all values afterwards.

        Raises:
            ValueError: the values before are not known.
        """
        if self.existing_values is None:
            raise ValueError(f"operation is not reversible; the values of enum {self.enum_name!r} are not known")
        values = [value for value in self.existing_values if value != self.value]
        if self.before is not None:
            values.insert(values.index(self.before), self.value)
        elif self.after is not None:
            values.insert(values.index(self.after) + 1, self.value)
        else:
            values.append(self.value)
        return values

    def reverse(self) -> ReplaceEnumOp:
        """Return the operation that makes the type anew without the value; rows that use it stop it.

        Raises:
            ValueError: the values before are not known.
        """
        after = self.new_values()
        before = [value for value in after if value != self.value]
        return ReplaceEnumOp(self.enum_name, before, schema=self.schema, existing_values=after)

    def to_diff_tuple(self) -> tuple[str, str | None, str, str, str | None, str | None]:
        """Return `("add_enum_value", schema, name, value, before, after)`."""
        return ("add_enum_value", self.schema, self.enum_name, self.value, self.before, self.after)


class RenameEnumValueOp(MigrateOperation):
    """Rename a value of an enum type; rows that have it have the new one (PostgreSQL).

    Args:
        enum_name: the type's name.
        old_value: the value.
        new_value: its name afterwards.
        schema: the type's schema, None for the default one.
    """

    def __init__(self, enum_name: str, old_value: str, new_value: str, *, schema: str | None = None) -> None:
        self.enum_name = enum_name
        self.old_value = old_value
        self.new_value = new_value
        self.schema = schema

    def reverse(self) -> RenameEnumValueOp:
        """Return the operation that gives the old value back."""
        return RenameEnumValueOp(self.enum_name, self.new_value, self.old_value, schema=self.schema)

    def to_diff_tuple(self) -> tuple[str, str | None, str, str, str]:
        """Return `("rename_enum_value", schema, name, old, new)`."""
        return ("rename_enum_value", self.schema, self.enum_name, self.old_value, self.new_value)


class ReplaceEnumOp(MigrateOperation):
    """Make an enum type anew with other values or another order (PostgreSQL).

    A new type takes the old one's name, and every column of the old type is cast by its text.
    A row whose value is neither in the new type nor in `mapping` stops it, and nothing is changed.

    Args:
        enum_name: the type's name.
        values: its values afterwards, in order.
        schema: the type's schema, None for the default one.
        mapping: old value → new value, for rows of values that go.
        existing_values: the values before, which the reverse needs.
    """

    def __init__(
        self,
        enum_name: str,
        values: Sequence[str],
        *,
        schema: str | None = None,
        mapping: Mapping[str, str] | None = None,
        existing_values: Sequence[str] | None = None,
    ) -> None:
        self.enum_name = enum_name
        self.values = list(values)
        self.schema = schema
        self.mapping = dict(mapping or {})
        self.existing_values = None if existing_values is None else list(existing_values)

    def reverse(self) -> ReplaceEnumOp:
        """Return the operation that brings the old values back; rows that were mapped keep their new value.

        Raises:
            ValueError: the old values are not known.
        """
        if self.existing_values is None:
            raise ValueError(f"operation is not reversible; the old values of enum {self.enum_name!r} are not known")
        return ReplaceEnumOp(self.enum_name, self.existing_values, schema=self.schema, existing_values=self.values)

    def to_diff_tuple(self) -> tuple[str, str | None, str, list[str] | None, list[str]]:
        """Return `("modify_enum", schema, name, old values, new values)`."""
        return ("modify_enum", self.schema, self.enum_name, self.existing_values, self.values)
