"""`BatchOperations`: the changes of one table inside `with op.batch_alter_table(…) as batch_op`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from pyorm.migrations.operations import ops
from pyorm.migrations.operations.abstract import AbstractOperations

if TYPE_CHECKING:
    from pyorm.schema import Column


class BatchOperations(AbstractOperations):
    """The methods of `Operations` without the table's name: they are collected and carried out together."""

    @property
    def _table(self) -> str:
        return str(self.impl.table_name)

    @property
    def _schema(self) -> str | None:
        schema: str | None = self.impl.schema
        return schema

    def _noop(self, operation: Any) -> NoReturn:
        raise NotImplementedError(f"The {operation} method does not apply to a batch table alter operation.")

    def add_column(
        self,
        column: Column,
        *,
        insert_before: str | None = None,
        insert_after: str | None = None,
        if_not_exists: bool | None = None,
        inline_references: bool | None = None,
        inline_primary_key: bool | None = None,
    ) -> None:
        """Add a column; `insert_before` and `insert_after` say where, in a table that is made anew."""
        named = {"insert_before": insert_before, "insert_after": insert_after}
        place = {name: value for name, value in named.items() if value}
        self.invoke(
            ops.AddColumnOp(
                self._table,
                column,
                schema=self._schema,
                if_not_exists=if_not_exists,
                inline_references=inline_references,
                inline_primary_key=inline_primary_key,
                **place,
            )
        )

    def alter_column(
        self,
        column_name: str,
        *,
        nullable: bool | None = None,
        comment: Any = False,
        server_default: Any = False,
        new_column_name: str | None = None,
        type_: Any = None,
        existing_type: Any = None,
        existing_server_default: Any = False,
        existing_nullable: bool | None = None,
        existing_comment: str | None = None,
        insert_before: str | None = None,
        insert_after: str | None = None,
        **kw: Any,
    ) -> None:
        """Change a column; arguments as `Operations.alter_column`, and where it shall stand."""
        for name, value in (("insert_before", insert_before), ("insert_after", insert_after)):
            if value:
                kw[name] = value
        self.invoke(
            ops.AlterColumnOp(
                self._table,
                column_name,
                schema=self._schema,
                existing_type=existing_type,
                existing_server_default=existing_server_default,
                existing_nullable=existing_nullable,
                existing_comment=existing_comment,
                modify_nullable=nullable,
                modify_comment=comment,
                modify_server_default=server_default,
                modify_name=new_column_name,
                modify_type=type_,
                **kw,
            )
        )

    def drop_column(self, column_name: str, **kw: Any) -> None:
        """Drop a column."""
        self.invoke(ops.DropColumnOp(self._table, column_name, schema=self._schema, **kw))

    def create_primary_key(self, constraint_name: str | None, columns: Sequence[str]) -> None:
        """Add a primary key."""
        self.invoke(ops.CreatePrimaryKeyOp(constraint_name, self._table, columns, schema=self._schema))

    def create_unique_constraint(self, constraint_name: str | None, columns: Sequence[str], **kw: Any) -> None:
        """Add a unique constraint."""
        kw.setdefault("schema", self._schema)
        self.invoke(ops.CreateUniqueConstraintOp(constraint_name, self._table, columns, **kw))

    def create_foreign_key(
        self,
        constraint_name: str | None,
        referent_table: str,
        local_cols: Sequence[str],
        remote_cols: Sequence[str],
        *,
        referent_schema: str | None = None,
        onupdate: str | None = None,
        ondelete: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        match: str | None = None,
        **dialect_kw: Any,
    ) -> None:
        """Add a foreign key to another table."""
        self.invoke(
            ops.CreateForeignKeyOp(
                constraint_name,
                self._table,
                referent_table,
                local_cols,
                remote_cols,
                onupdate=onupdate,
                ondelete=ondelete,
                deferrable=deferrable,
                initially=initially,
                match=match,
                source_schema=self._schema,
                referent_schema=referent_schema,
                **dialect_kw,
            )
        )

    def create_check_constraint(self, constraint_name: str | None, condition: Any, **kw: Any) -> None:
        """Add a check."""
        self.invoke(
            ops.CreateCheckConstraintOp(constraint_name, self._table, condition, schema=self._schema, **kw)
        )

    def create_exclude_constraint(self, constraint_name: str | None, *elements: Any, **kw: Any) -> Any:
        """Add an EXCLUDE constraint (PostgreSQL)."""
        kw.setdefault("schema", self._schema)
        return self.invoke(ops.CreateExcludeConstraintOp(constraint_name, self._table, elements, **kw))

    def drop_constraint(self, constraint_name: str | None, type_: str | None = None) -> None:
        """Drop a constraint."""
        self.invoke(ops.DropConstraintOp(constraint_name, self._table, type_=type_, schema=self._schema))

    def rename_constraint(self, old_name: str, new_name: str) -> None:
        """Rename a constraint."""
        self.invoke(ops.RenameConstraintOp(old_name, new_name, self._table, schema=self._schema))

    def create_index(self, index_name: str | None, columns: Sequence[Any], **kw: Any) -> None:
        """Create an index."""
        self.invoke(ops.CreateIndexOp(index_name, self._table, columns, schema=self._schema, **kw))

    def drop_index(self, index_name: str, **kw: Any) -> None:
        """Drop an index."""
        self.invoke(ops.DropIndexOp(index_name, table_name=self._table, schema=self._schema, **kw))

    def rename_index(self, old_name: str, new_name: str) -> None:
        """Rename an index."""
        self.invoke(ops.RenameIndexOp(old_name, new_name, self._table, schema=self._schema))

    def create_table_comment(self, comment: str | None, *, existing_comment: str | None = None) -> None:
        """Set the table's comment."""
        self.invoke(
            ops.CreateTableCommentOp(self._table, comment, existing_comment=existing_comment, schema=self._schema)
        )

    def drop_table_comment(self, *, existing_comment: str | None = None) -> None:
        """Remove the table's comment."""
        self.invoke(ops.DropTableCommentOp(self._table, existing_comment=existing_comment, schema=self._schema))

    def execute(self, sqltext: Any, *, execution_options: dict[str, Any] | None = None) -> None:
        """Execute a statement at once, before the changes of the block."""
        self.invoke(ops.ExecuteSQLOp(sqltext, execution_options=execution_options))
