"""Operations on the columns of a table: add, drop, alter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyorm.migrations.operations import schemaobj
from pyorm.migrations.operations.op_tables import AlterTableOp

if TYPE_CHECKING:
    from pyorm.schema import Column


class AddColumnOp(AlterTableOp):
    """Add a column.

    Args:
        table_name: the table's name.
        column: the column, with its type, default and constraints.
        schema: the table's schema.
        if_not_exists: whether a column of that name is left as it is (PostgreSQL).
        inline_references: whether REFERENCES stands in the column's own clause.
        inline_primary_key: whether PRIMARY KEY stands in the column's own clause.
        kw: `insert_before` and `insert_after` in a batch.
    """

    def __init__(
        self,
        table_name: str,
        column: Column,
        *,
        schema: str | None = None,
        if_not_exists: bool | None = None,
        inline_references: bool | None = None,
        inline_primary_key: bool | None = None,
        **kw: Any,
    ) -> None:
        super().__init__(table_name, schema=schema)
        self.column = column
        self.if_not_exists = if_not_exists
        self.inline_references = inline_references
        self.inline_primary_key = inline_primary_key
        self.kw = kw

    @classmethod
    def from_column(cls, column: Column) -> AddColumnOp:
        """Return the operation that adds `column` to the table it stands in."""
        table: Any = column.table
        return cls(table.name, column, schema=table.schema)

    @classmethod
    def from_column_and_tablename(cls, schema: str | None, table_name: str, column: Column) -> AddColumnOp:
        """Return the operation that adds `column` to the table of that name."""
        return cls(table_name, column, schema=schema)

    def to_column(self) -> Column:
        """Return the column."""
        return self.column

    def reverse(self) -> DropColumnOp:
        """Return the operation that drops the column."""
        return DropColumnOp(self.table_name, self.column.name, schema=self.schema, _reverse=self)

    def to_diff_tuple(self) -> tuple[str, str | None, str, Column]:
        """Return `("add_column", schema, table name, column)`."""
        return ("add_column", self.schema, self.table_name, self.column)


class DropColumnOp(AlterTableOp):
    """Drop a column.

    Args:
        table_name: the table's name.
        column_name: the column's name.
        schema: the table's schema.
        if_exists: whether nothing happens where there is no such column (PostgreSQL).
        kw: options of a dialect.
    """

    def __init__(
        self,
        table_name: str,
        column_name: str,
        *,
        schema: str | None = None,
        if_exists: bool | None = None,
        _reverse: AddColumnOp | None = None,
        **kw: Any,
    ) -> None:
        super().__init__(table_name, schema=schema)
        self.column_name = column_name
        self.if_exists = if_exists
        self.kw = kw
        self._reverse = _reverse

    @classmethod
    def from_column_and_tablename(cls, schema: str | None, table_name: str, column: Column) -> DropColumnOp:
        """Return the operation that drops `column` and knows how to add it again."""
        return AddColumnOp(table_name, column, schema=schema).reverse()

    def to_column(self, migration_context: Any = None) -> Column:
        """Return the column: whole where it was made from one, else with its name only."""
        del migration_context
        return schemaobj.column(self.column_name) if self._reverse is None else self._reverse.column

    def reverse(self) -> AddColumnOp:
        """Return the operation that adds the column again, empty.

        Raises:
            ValueError: the operation knows the column's name only.
        """
        if self._reverse is None:
            raise ValueError("operation is not reversible; original column is not present")
        return self._reverse

    def to_diff_tuple(self) -> tuple[str, str | None, str, Column]:
        """Return `("remove_column", schema, table name, column)`."""
        return ("remove_column", self.schema, self.table_name, self.to_column())


class AlterColumnOp(AlterTableOp):
    """Change a column's name, type, nullability, default or comment.

    `modify_server_default` and `modify_comment` are False where nothing changes, since None takes
    the default or comment away.

    Args:
        table_name: the table's name.
        column_name: the column's name.
        schema: the table's schema.
        existing_type: the type it has.
        existing_server_default: the default it has; None for none, False for unknown.
        existing_nullable: whether it may be NULL now.
        existing_comment: the comment it has.
        modify_nullable: whether it may be NULL afterwards.
        modify_comment: the comment afterwards.
        modify_server_default: the default, Identity or Computed afterwards.
        modify_name: the name afterwards.
        modify_type: the type afterwards.
        kw: options of a dialect, such as `postgresql_using`, and `autoincrement`.
    """

    def __init__(
        self,
        table_name: str,
        column_name: str,
        *,
        schema: str | None = None,
        existing_type: Any = None,
        existing_server_default: Any = False,
        existing_nullable: bool | None = None,
        existing_comment: str | None = None,
        modify_nullable: bool | None = None,
        modify_comment: Any = False,
        modify_server_default: Any = False,
        modify_name: str | None = None,
        modify_type: Any = None,
        **kw: Any,
    ) -> None:
        super().__init__(table_name, schema=schema)
        self.column_name = column_name
        self.existing_type = existing_type
        self.existing_server_default = existing_server_default
        self.existing_nullable = existing_nullable
        self.existing_comment = existing_comment
        self.modify_nullable = modify_nullable
        self.modify_comment = modify_comment
        self.modify_server_default = modify_server_default
        self.modify_name = modify_name
        self.modify_type = modify_type
        self.kw = kw
        self.reverse_using: str | None = None
        """The `postgresql_using` of the reverse, which casts the other way."""

    def has_changes(self) -> bool:
        """Return whether anything changes."""
        return (
            self.modify_nullable is not None
            or self.modify_server_default is not False
            or self.modify_type is not None
            or self.modify_comment is not False
            or self.modify_name is not None
            or any(name.startswith("modify_") for name in self.kw)
        )

    def reverse(self) -> AlterColumnOp:
        """Return the operation that brings back what was there, as far as it is known."""
        changes: dict[str, Any] = {}
        for fact in ("type", "nullable", "server_default", "comment"):
            was, will = getattr(self, f"existing_{fact}"), getattr(self, f"modify_{fact}")
            unchanged = will is False if fact in ("server_default", "comment") else will is None
            if unchanged:
                changes[f"existing_{fact}"] = was
            else:
                changes[f"existing_{fact}"], changes[f"modify_{fact}"] = will, was
        kw = dict(self.kw)
        for name in [name for name in kw if name.startswith("modify_") and "existing_" + name[7:] in kw]:
            kw[name], kw["existing_" + name[7:]] = kw["existing_" + name[7:]], kw[name]
        using = kw.pop("postgresql_using", None)
        if self.reverse_using is not None:
            kw["postgresql_using"] = self.reverse_using
        name = self.column_name if self.modify_name is None else self.modify_name
        back = None if self.modify_name is None else self.column_name
        made = AlterColumnOp(self.table_name, name, schema=self.schema, modify_name=back, **changes, **kw)
        made.reverse_using = using
        return made

    def to_diff_tuple(self) -> list[tuple[Any, ...]]:
        """Return a list of `(verb, schema, table, column, {existing_…}, was, will be)`, one for each change."""
        known = {
            "existing_nullable": self.existing_nullable,
            "existing_type": self.existing_type,
            "existing_server_default": self.existing_server_default,
            "existing_comment": self.existing_comment,
        }
        found: list[tuple[Any, ...]] = []
        for verb, fact, will, unchanged in (
            ("modify_type", "type", self.modify_type, None),
            ("modify_nullable", "nullable", self.modify_nullable, None),
            ("modify_default", "server_default", self.modify_server_default, False),
            ("modify_comment", "comment", self.modify_comment, False),
        ):
            if will is not unchanged:
                others = {name: value for name, value in known.items() if name != f"existing_{fact}"}
                found.append(
                    (verb, self.schema, self.table_name, self.column_name, others, known[f"existing_{fact}"], will)
                )
        if self.modify_name is not None:
            found.append(
                (
                    "modify_name",
                    self.schema,
                    self.table_name,
                    self.column_name,
                    known,
                    self.column_name,
                    self.modify_name,
                )
            )
        return found
