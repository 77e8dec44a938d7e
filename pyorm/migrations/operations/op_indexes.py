"""Operations on indexes: create, drop, rename."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyorm.migrations.operations import schemaobj
from pyorm.migrations.operations.op_base import MigrateOperation

if TYPE_CHECKING:
    from pyorm.schema import Index


class CreateIndexOp(MigrateOperation):
    """Create an index.

    Args:
        index_name: its name; None takes the naming convention's.
        table_name: the table's name.
        columns: names of columns and expressions, in the index's order.
        schema: the table's schema.
        unique: whether equal keys are refused.
        if_not_exists: whether an index of that name is left as it is.
        kw: options of a dialect, such as `postgresql_where`.
    """

    def __init__(
        self,
        index_name: str | None,
        table_name: str,
        columns: Sequence[Any],
        *,
        schema: str | None = None,
        unique: bool = False,
        if_not_exists: bool | None = None,
        **kw: Any,
    ) -> None:
        self.index_name = index_name
        self.table_name = table_name
        self.columns = list(columns)
        self.schema = schema
        self.unique = unique
        self.if_not_exists = if_not_exists
        self.kw = kw
        self._source: Index | None = None

    @classmethod
    def from_index(cls, index: Index) -> CreateIndexOp:
        """Return the operation that creates `index`."""
        table: Any = index.table
        made = cls(
            index.name,
            table.name,
            list(index.expressions),
            schema=table.schema,
            unique=bool(index.unique),
            **dict(index.dialect_kwargs),
        )
        made._source = index
        return made

    def to_index(self, migration_context: Any = None) -> Index:
        """Return the Index: the one it was made from, or one on a table of its own."""
        if self._source is not None:
            return self._source
        return schemaobj.index(
            self.index_name,
            self.table_name,
            self.columns,
            migration_context=migration_context,
            schema=self.schema,
            unique=self.unique,
            **self.kw,
        )

    def reverse(self) -> DropIndexOp:
        """Return the operation that drops the index."""
        name = self.index_name if self.index_name is not None else self.to_index().name
        return DropIndexOp(name, self.table_name, schema=self.schema, _reverse=self, **self.kw)

    def to_diff_tuple(self) -> tuple[str, Index]:
        """Return `("add_index", index)`."""
        return ("add_index", self.to_index())


class DropIndexOp(MigrateOperation):
    """Drop an index.

    Args:
        index_name: its name.
        table_name: the table's name, where it is known.
        schema: the table's schema.
        if_exists: whether nothing happens where there is no such index.
        kw: options of a dialect, such as `postgresql_concurrently`.
    """

    def __init__(
        self,
        index_name: str | None,
        table_name: str | None = None,
        *,
        schema: str | None = None,
        if_exists: bool | None = None,
        _reverse: CreateIndexOp | None = None,
        **kw: Any,
    ) -> None:
        self.index_name = index_name
        self.table_name = table_name
        self.schema = schema
        self.if_exists = if_exists
        self.kw = kw
        self._reverse = _reverse

    @classmethod
    def from_index(cls, index: Index) -> DropIndexOp:
        """Return the operation that drops `index` and knows how to make it again."""
        return CreateIndexOp.from_index(index).reverse()

    def to_index(self, migration_context: Any = None) -> Index:
        """Return the Index: whole where it was made from one, else with its name and a column `x`."""
        if self._reverse is not None:
            return self._reverse.to_index(migration_context)
        return schemaobj.index(
            self.index_name,
            self.table_name or "no_table",
            ["x"],
            migration_context=migration_context,
            schema=self.schema,
            **self.kw,
        )

    def reverse(self) -> CreateIndexOp:
        """Return the operation that creates the index again.

        Raises:
            ValueError: the operation knows the index's name only.
        """
        if self._reverse is None:
            raise ValueError("operation is not reversible; original index is not present")
        return self._reverse

    def to_diff_tuple(self) -> tuple[str, Index]:
        """Return `("remove_index", index)`."""
        return ("remove_index", self.to_index())


class RenameIndexOp(MigrateOperation):
    """Rename an index; SQLite drops it and makes it again under the new name.

    Args:
        old_name: its name.
        new_name: its name afterwards.
        table_name: the table's name; SQLite reads the index's text from it.
        schema: the table's schema.
    """

    def __init__(
        self, old_name: str, new_name: str, table_name: str | None = None, *, schema: str | None = None
    ) -> None:
        self.old_name = old_name
        self.new_name = new_name
        self.table_name = table_name
        self.schema = schema

    def reverse(self) -> RenameIndexOp:
        """Return the operation that gives the old name back."""
        return RenameIndexOp(self.new_name, self.old_name, self.table_name, schema=self.schema)

    def to_diff_tuple(self) -> tuple[str, str | None, str | None, str, str]:
        """Return `("rename_index", schema, table name, old, new)`."""
        return ("rename_index", self.schema, self.table_name, self.old_name, self.new_name)
