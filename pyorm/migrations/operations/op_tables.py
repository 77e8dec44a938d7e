"""Operations on whole tables: create, drop, rename, comment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyorm.migrations.operations import schemaobj
from pyorm.migrations.operations.op_base import MigrateOperation

if TYPE_CHECKING:
    from pyorm.schema import MetaData, Table


class CreateTableOp(MigrateOperation):
    """Create a table.

    Args:
        table_name: its name.
        columns: its columns and constraints.
        schema: its schema, None for the default one.
        if_not_exists: whether an existing table of that name is left as it is.
        kw: `comment`, `prefixes`, `info`, and options of a dialect.
    """

    def __init__(
        self,
        table_name: str,
        columns: Sequence[Any],
        *,
        schema: str | None = None,
        if_not_exists: bool | None = None,
        _namespace_metadata: MetaData | None = None,
        _constraints_included: bool = False,
        **kw: Any,
    ) -> None:
        self.table_name = table_name
        self.columns = list(columns)
        self.schema = schema
        self.if_not_exists = if_not_exists
        self.comment = kw.pop("comment", None)
        self.prefixes = kw.pop("prefixes", None)
        self.info.update(kw.pop("info", None) or {})
        self.kw = kw
        self._namespace_metadata = _namespace_metadata
        self._constraints_included = _constraints_included

    @classmethod
    def from_table(cls, table: Table, *, _namespace_metadata: MetaData | None = None) -> CreateTableOp:
        """Return the operation that creates `table` as it stands, without its indexes."""
        in_order = sorted(
            (constraint for constraint in table.constraints if not constraint._type_bound),
            key=lambda constraint: constraint._order,
        )
        made = cls(
            table.name,
            [*table.c, *in_order],
            schema=table.schema,
            _namespace_metadata=_namespace_metadata or table.metadata,
            _constraints_included=True,
            comment=table.comment,
            prefixes=list(getattr(table, "_prefixes", None) or ()) or None,
            info=dict(table.info),
            **dict(table.dialect_kwargs),
        )
        return made

    def to_table(self, migration_context: Any = None) -> Table:
        """Return the Table, in a MetaData of its own."""
        kw = dict(self.kw)
        if self.prefixes:
            kw["prefixes"] = self.prefixes
        if self.comment is not None:
            kw["comment"] = self.comment
        if self._info:
            kw["info"] = dict(self._info)
        items = self.columns
        if self._constraints_included:
            items = [schemaobj.without_constraints(item) for item in items]
        return schemaobj.table(self.table_name, *items, migration_context=migration_context, schema=self.schema, **kw)

    def skipped_result(self, migration_context: Any = None) -> Table:
        """Return the Table, for a bulk_insert that follows."""
        return self.to_table(migration_context)

    def reverse(self) -> DropTableOp:
        """Return the operation that drops the table."""
        return DropTableOp(self.table_name, schema=self.schema, table_kw=self._table_kw(), _reverse=self)

    def _table_kw(self) -> dict[str, Any]:
        kw = dict(self.kw)
        if self.comment is not None:
            kw["comment"] = self.comment
        if self.prefixes:
            kw["prefixes"] = self.prefixes
        return kw

    def to_diff_tuple(self) -> tuple[str, Table]:
        """Return `("add_table", table)`."""
        return ("add_table", self.to_table())


class DropTableOp(MigrateOperation):
    """Drop a table.

    Args:
        table_name: its name.
        schema: its schema, None for the default one.
        if_exists: whether nothing happens where there is no such table.
        table_kw: options of the Table that stands for it.
    """

    def __init__(
        self,
        table_name: str,
        *,
        schema: str | None = None,
        if_exists: bool | None = None,
        table_kw: Mapping[str, Any] | None = None,
        _reverse: CreateTableOp | None = None,
    ) -> None:
        self.table_name = table_name
        self.schema = schema
        self.if_exists = if_exists
        self.table_kw = dict(table_kw or {})
        self.comment = self.table_kw.get("comment")
        self.prefixes = self.table_kw.get("prefixes")
        self._reverse = _reverse

    @classmethod
    def from_table(cls, table: Table, *, _namespace_metadata: MetaData | None = None) -> DropTableOp:
        """Return the operation that drops `table` and knows how to make it again."""
        return CreateTableOp.from_table(table, _namespace_metadata=_namespace_metadata).reverse()

    def to_table(self, migration_context: Any = None) -> Table:
        """Return the Table: whole where it was made from one, else without columns."""
        if self._reverse is not None:
            return self._reverse.to_table(migration_context)
        return schemaobj.table(
            self.table_name, migration_context=migration_context, schema=self.schema, **self.table_kw
        )

    def reverse(self) -> CreateTableOp:
        """Return the operation that creates the table again.

        Raises:
            ValueError: the operation knows no columns, because a script named the table only.
        """
        if self._reverse is None:
            raise ValueError("operation is not reversible; original table is not present")
        return self._reverse

    def to_diff_tuple(self) -> tuple[str, Table]:
        """Return `("remove_table", table)`."""
        return ("remove_table", self.to_table())


class AlterTableOp(MigrateOperation):
    """What all operations on a table that exists have: its name and schema.

    Args:
        table_name: the table's name.
        schema: its schema, None for the default one.
    """

    def __init__(self, table_name: str, *, schema: str | None = None) -> None:
        self.table_name = table_name
        self.schema = schema


class RenameTableOp(AlterTableOp):
    """Rename a table.

    Args:
        old_table_name: its name.
        new_table_name: its name afterwards.
        schema: its schema, which stays.
    """

    def __init__(self, old_table_name: str, new_table_name: str, *, schema: str | None = None) -> None:
        super().__init__(old_table_name, schema=schema)
        self.new_table_name = new_table_name

    def reverse(self) -> RenameTableOp:
        """Return the operation that gives the old name back."""
        return RenameTableOp(self.new_table_name, self.table_name, schema=self.schema)

    def to_diff_tuple(self) -> tuple[str, str | None, str, str]:
        """Return `("rename_table", schema, old, new)`."""
        return ("rename_table", self.schema, self.table_name, self.new_table_name)


class CreateTableCommentOp(AlterTableOp):
    """Set a table's comment.

    Args:
        table_name: the table's name.
        comment: the new comment.
        schema: the table's schema.
        existing_comment: the comment it has, None for none.
    """

    def __init__(
        self, table_name: str, comment: str | None, *, schema: str | None = None, existing_comment: str | None = None
    ) -> None:
        super().__init__(table_name, schema=schema)
        self.comment = comment
        self.existing_comment = existing_comment

    def reverse(self) -> CreateTableCommentOp | DropTableCommentOp:
        """Return the operation that brings the old comment back, or removes the new one."""
        if self.existing_comment is None:
            return DropTableCommentOp(self.table_name, existing_comment=self.comment, schema=self.schema)
        return CreateTableCommentOp(
            self.table_name, self.existing_comment, existing_comment=self.comment, schema=self.schema
        )

    def to_table(self, migration_context: Any = None) -> Table:
        """Return a Table with the comment and no columns."""
        return schemaobj.table(
            self.table_name, migration_context=migration_context, schema=self.schema, comment=self.comment
        )

    def to_diff_tuple(self) -> tuple[str, Table, str | None]:
        """Return `("add_table_comment", table, existing comment)`."""
        return ("add_table_comment", self.to_table(), self.existing_comment)


class DropTableCommentOp(AlterTableOp):
    """Remove a table's comment.

    Args:
        table_name: the table's name.
        schema: the table's schema.
        existing_comment: the comment it has.
    """

    def __init__(self, table_name: str, *, schema: str | None = None, existing_comment: str | None = None) -> None:
        super().__init__(table_name, schema=schema)
        self.existing_comment = existing_comment

    def reverse(self) -> CreateTableCommentOp:
        """Return the operation that sets the comment again."""
        return CreateTableCommentOp(self.table_name, self.existing_comment, schema=self.schema)

    def to_table(self, migration_context: Any = None) -> Table:
        """Return a Table without comment and columns."""
        return schemaobj.table(self.table_name, migration_context=migration_context, schema=self.schema)

    def to_diff_tuple(self) -> tuple[str, Table]:
        """Return `("remove_table_comment", table)`."""
        return ("remove_table_comment", self.to_table())
