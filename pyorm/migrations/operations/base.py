"""`Operations`: the methods behind `op.…` in migration scripts.

Each method builds an operation (`ops`) and invokes it; what happens then is said in `toimpl`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyorm.migrations.operations import ops
from pyorm.migrations.operations.abstract import AbstractOperations
from pyorm.migrations.operations.batch_operations import BatchOperations
from pyorm.migrations.operations.object_operations import ObjectOperations

if TYPE_CHECKING:
    from pyorm.schema import Column, Table

__all__ = ["AbstractOperations", "BatchOperations", "Operations"]


class Operations(ObjectOperations):
    """Changes of a schema and of its rows, by name.

    Args:
        migration_context: where the operations run.
        impl: what carries out their verbs; None takes the context's.
    """

    # ---- tables ------------------------------------------------------------------------------------------------
    def create_table(self, table_name: str, *columns: Any, if_not_exists: bool | None = None, **kw: Any) -> Table:
        """Create a table, with the enum types and indexes that its columns ask for.

        Args:
            table_name: its name.
            columns: its columns and constraints.
            if_not_exists: whether an existing table of that name is left as it is.
            kw: `schema`, `comment`, `prefixes`, `info`, and options of a dialect.

        Returns:
            The Table, as `bulk_insert` takes it.
        """
        table: Table = self.invoke(ops.CreateTableOp(table_name, columns, if_not_exists=if_not_exists, **kw))
        return table

    def drop_table(
        self, table_name: str, *, schema: str | None = None, if_exists: bool | None = None, **kw: Any
    ) -> None:
        """Drop a table.

        Args:
            table_name: its name.
            schema: its schema.
            if_exists: whether nothing happens where there is no such table.
            kw: options of the Table that listeners see.
        """
        self.invoke(ops.DropTableOp(table_name, schema=schema, if_exists=if_exists, table_kw=kw))

    def rename_table(self, old_table_name: str, new_table_name: str, *, schema: str | None = None) -> None:
        """Rename a table; it stays in its schema."""
        self.invoke(ops.RenameTableOp(old_table_name, new_table_name, schema=schema))

    def create_table_comment(
        self, table_name: str, comment: str | None, *, existing_comment: str | None = None, schema: str | None = None
    ) -> None:
        """Set a table's comment."""
        self.invoke(
            ops.CreateTableCommentOp(table_name, comment, existing_comment=existing_comment, schema=schema)
        )

    def drop_table_comment(
        self, table_name: str, *, existing_comment: str | None = None, schema: str | None = None
    ) -> None:
        """Remove a table's comment."""
        self.invoke(ops.DropTableCommentOp(table_name, existing_comment=existing_comment, schema=schema))

    # ---- columns -----------------------------------------------------------------------------------------------
    def add_column(
        self,
        table_name: str,
        column: Column,
        *,
        schema: str | None = None,
        if_not_exists: bool | None = None,
        inline_references: bool | None = None,
        inline_primary_key: bool | None = None,
    ) -> None:
        """Add a column, with the keys and indexes that it asks for.

        Args:
            table_name: the table's name.
            column: the column.
            schema: the table's schema.
            if_not_exists: whether a column of that name is left as it is.
            inline_references: whether REFERENCES stands in the column's own clause.
            inline_primary_key: whether PRIMARY KEY stands in the column's own clause.
        """
        self.invoke(
            ops.AddColumnOp(
                table_name,
                column,
                schema=schema,
                if_not_exists=if_not_exists,
                inline_references=inline_references,
                inline_primary_key=inline_primary_key,
            )
        )

    def drop_column(self, table_name: str, column_name: str, *, schema: str | None = None, **kw: Any) -> None:
        """Drop a column; `if_exists=True` asks for IF EXISTS."""
        self.invoke(ops.DropColumnOp(table_name, column_name, schema=schema, **kw))

    def alter_column(
        self,
        table_name: str,
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
        schema: str | None = None,
        **kw: Any,
    ) -> None:
        """Change a column.

        Args:
            table_name: the table's name.
            column_name: the column's name.
            nullable: whether it may be NULL afterwards.
            comment: its comment afterwards; None removes it, False leaves it.
            server_default: its default afterwards: a str, an expression, an Identity; None removes it, False leaves it.
            new_column_name: its name afterwards.
            type_: its type afterwards.
            existing_type: the type it has; the check that came with it is dropped when the type changes.
            existing_server_default: the default it has, needed to change an Identity.
            existing_nullable: whether it may be NULL now.
            existing_comment: the comment it has.
            schema: the table's schema.
            kw: `postgresql_using`, an expression that converts the rows, and options of other dialects.
        """
        self.invoke(
            ops.AlterColumnOp(
                table_name,
                column_name,
                schema=schema,
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

    # ---- constraints -------------------------------------------------------------------------------------------
    def create_primary_key(
        self, constraint_name: str | None, table_name: str, columns: Sequence[str], *, schema: str | None = None
    ) -> None:
        """Add a primary key; a name of None lets the database choose."""
        self.invoke(ops.CreatePrimaryKeyOp(constraint_name, table_name, columns, schema=schema))

    def create_unique_constraint(
        self,
        constraint_name: str | None,
        table_name: str,
        columns: Sequence[str],
        *,
        schema: str | None = None,
        **kw: Any,
    ) -> Any:
        """Add a unique constraint; `kw` are `deferrable`, `initially` and options of a dialect."""
        return self.invoke(ops.CreateUniqueConstraintOp(constraint_name, table_name, columns, schema=schema, **kw))

    def create_foreign_key(
        self,
        constraint_name: str | None,
        source_table: str,
        referent_table: str,
        local_cols: Sequence[str],
        remote_cols: Sequence[str],
        *,
        onupdate: str | None = None,
        ondelete: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        match: str | None = None,
        source_schema: str | None = None,
        referent_schema: str | None = None,
        **dialect_kw: Any,
    ) -> None:
        """Add a foreign key.

        Args:
            constraint_name: its name; None lets the database choose.
            source_table: the table that refers.
            referent_table: the table it refers to.
            local_cols: names of the referring columns, in order.
            remote_cols: names of the columns they refer to, in the same order.
            onupdate, ondelete: what happens to the row when the other one changes: "CASCADE", "SET NULL", ….
            deferrable, initially, match: as ForeignKeyConstraint takes them.
            source_schema, referent_schema: the tables' schemas.
            dialect_kw: options of a dialect, such as `postgresql_not_valid`.
        """
        self.invoke(
            ops.CreateForeignKeyOp(
                constraint_name,
                source_table,
                referent_table,
                local_cols,
                remote_cols,
                onupdate=onupdate,
                ondelete=ondelete,
                deferrable=deferrable,
                initially=initially,
                match=match,
                source_schema=source_schema,
                referent_schema=referent_schema,
                **dialect_kw,
            )
        )

    def create_check_constraint(
        self, constraint_name: str | None, table_name: str, condition: Any, *, schema: str | None = None, **kw: Any
    ) -> None:
        """Add a check; the condition is text or an expression of `sa.column(…)`."""
        self.invoke(ops.CreateCheckConstraintOp(constraint_name, table_name, condition, schema=schema, **kw))

    def create_exclude_constraint(
        self, constraint_name: str | None, table_name: str, *elements: Any, **kw: Any
    ) -> Table | None:
        """Add an EXCLUDE constraint (PostgreSQL).

        Args:
            constraint_name: its name; None lets the database choose.
            table_name: the table's name.
            elements: pairs of a column or expression and an operator.
            kw: `where`, `schema`, `using`, `ops`, `deferrable`, `initially`.
        """
        made: Table | None = self.invoke(
            ops.CreateExcludeConstraintOp(constraint_name, table_name, elements, **kw)
        )
        return made

    def drop_constraint(
        self,
        constraint_name: str | None,
        table_name: str,
        type_: str | None = None,
        *,
        schema: str | None = None,
        if_exists: bool | None = None,
    ) -> None:
        """Drop a constraint.

        Args:
            constraint_name: its name.
            table_name: the table's name.
            type_: "foreignkey", "primary", "unique", "check" or None.
            schema: the table's schema.
            if_exists: whether nothing happens where there is no such constraint.
        """
        self.invoke(
            ops.DropConstraintOp(constraint_name, table_name, type_=type_, schema=schema, if_exists=if_exists)
        )

    # ---- indexes -----------------------------------------------------------------------------------------------
    def create_index(
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
        """Create an index.

        Args:
            index_name: its name; None makes `ix_<table>_<column>`.
            table_name: the table's name.
            columns: names of columns, and expressions as `sa.text(…)` or `sa.func.…`.
            schema: the table's schema.
            unique: whether equal keys are refused.
            if_not_exists: whether an index of that name is left as it is.
            kw: options of a dialect: `postgresql_where`, `postgresql_using`, `postgresql_include`, ….
        """
        self.invoke(
            ops.CreateIndexOp(
                index_name, table_name, columns, schema=schema, unique=unique, if_not_exists=if_not_exists, **kw
            )
        )

    def drop_index(
        self,
        index_name: str,
        table_name: str | None = None,
        *,
        schema: str | None = None,
        if_exists: bool | None = None,
        **kw: Any,
    ) -> None:
        """Drop an index; `postgresql_concurrently=True` does it without locking the table."""
        self.invoke(ops.DropIndexOp(index_name, table_name, schema=schema, if_exists=if_exists, **kw))

    # ---- statements and rows -----------------------------------------------------------------------------------
    def execute(self, sqltext: Any, *, execution_options: dict[str, Any] | None = None) -> None:
        r"""Execute a statement.

        Args:
            sqltext: a str, which is run as it stands (`\:` means a colon, as does a colon), or a construct:
                `sa.text()` with its bound values, `table.update()`, a DDL object.
            execution_options: options of the execution.
        """
        self.invoke(ops.ExecuteSQLOp(sqltext, execution_options=execution_options))

    def bulk_insert(self, table: Any, rows: list[dict[str, Any]], *, multiinsert: bool = True) -> None:
        """Insert rows.

        Args:
            table: what `create_table` returned, or `sa.table()` with its columns.
            rows: a dictionary a row; all have the same keys.
            multiinsert: whether one execution takes all rows; False allows SQL expressions as values.
        """
        self.invoke(ops.BulkInsertOp(table, rows, multiinsert=multiinsert))
