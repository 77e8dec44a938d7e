"""How each operation is carried out: the verbs of the dialect that it comes down to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pyorm.migrations.operations import ops, schemaobj
from pyorm.migrations.operations.base import Operations
from pyorm.migrations.operations.steps import committed_step
from pyorm.schema import Sequence as SchemaSequence
from pyorm.schema import Table
from pyorm.schema._base import option

_for = Operations.implementation_for


@_for(ops.CreateTableOp)
def create_table(operations: Any, operation: ops.CreateTableOp) -> Table:
    """Create the table and return it."""
    table = operation.to_table(operations.migration_context)
    kw = {} if operation.if_not_exists is None else {"if_not_exists": operation.if_not_exists}
    operations.impl.create_table(table, **kw)
    return table


@_for(ops.DropTableOp)
def drop_table(operations: Any, operation: ops.DropTableOp) -> None:
    """Drop the table."""
    kw = {} if operation.if_exists is None else {"if_exists": operation.if_exists}
    operations.impl.drop_table(operation.to_table(operations.migration_context), **kw)


@_for(ops.RenameTableOp)
def rename_table(operations: Any, operation: ops.RenameTableOp) -> None:
    """Rename the table."""
    operations.impl.rename_table(operation.table_name, operation.new_table_name, schema=operation.schema)


@_for(ops.CreateTableCommentOp)
def create_table_comment(operations: Any, operation: ops.CreateTableCommentOp) -> None:
    """Set the comment."""
    operations.impl.create_table_comment(operation.to_table(operations.migration_context))


@_for(ops.DropTableCommentOp)
def drop_table_comment(operations: Any, operation: ops.DropTableCommentOp) -> None:
    """Remove the comment."""
    operations.impl.drop_table_comment(operation.to_table(operations.migration_context))


@_for(ops.AddColumnOp)
def add_column(operations: Any, operation: ops.AddColumnOp) -> None:
    """Add the column, then its keys, indexes and comment, where the database does not take them along."""
    column = operation.column
    if column.table is not None:
        column = column._copy()
    context = operations.migration_context
    table = schemaobj.table(operation.table_name, column, migration_context=context, schema=operation.schema)
    operations.impl.add_column(
        operation.table_name,
        column,
        schema=operation.schema,
        if_not_exists=operation.if_not_exists,
        inline_references=operation.inline_references,
        inline_primary_key=operation.inline_primary_key,
        **operation.kw,
    )
    if operations.impl.adds_keys_with_column:
        return
    for constraint in sorted(table.constraints, key=lambda c: c._order):
        if constraint is table.primary_key:
            continue
        if operation.inline_references and constraint.__visit_name__ == "foreign_key_constraint":
            continue
        if not constraint._type_bound:
            operations.impl.add_constraint(constraint)
    if column._type_check is not None:
        operations.impl.add_constraint(column._type_check)
    for index in sorted(table.indexes, key=lambda i: i._order):
        operations.impl.create_index(index)
    if column.comment and operations.impl.dialect.supports_comments:
        operations.impl.create_column_comment(column)


@_for(ops.DropColumnOp)
def drop_column(operations: Any, operation: ops.DropColumnOp) -> None:
    """Drop the column."""
    column = operation.to_column(operations.migration_context)
    operations.impl.drop_column(
        operation.table_name, column, schema=operation.schema, if_exists=operation.if_exists, **operation.kw
    )


@_for(ops.AlterColumnOp)
def alter_column(operations: Any, operation: ops.AlterColumnOp) -> None:
    """Change the column; the check that its type brought along goes, and that of the new type comes."""
    with operations.impl.together(operations, operation.table_name, operation.schema) as impl:
        _alter_column(impl, operations.migration_context, operation)


def _alter_column(impl: Any, context: Any, operation: ops.AlterColumnOp) -> None:
    changes_type = operation.modify_type is not None
    if changes_type and operation.existing_type is not None:
        old = _type_check(context, operation, operation.column_name, operation.existing_type)
        if old is not None and (old.name is not None or impl.adds_keys_with_column):
            impl.drop_constraint(old)
    impl.alter_column(
        operation.table_name,
        operation.column_name,
        nullable=operation.modify_nullable,
        server_default=operation.modify_server_default,
        name=operation.modify_name,
        type_=operation.modify_type,
        schema=operation.schema,
        comment=operation.modify_comment,
        existing_type=operation.existing_type,
        existing_server_default=operation.existing_server_default,
        existing_nullable=operation.existing_nullable,
        existing_comment=operation.existing_comment,
        **operation.kw,
    )
    if changes_type:
        new = _type_check(context, operation, operation.modify_name or operation.column_name, operation.modify_type)
        if new is not None:
            impl.add_constraint(new)


def _type_check(context: Any, operation: ops.AlterColumnOp, column_name: str, type_: Any) -> Any:
    """Return the CHECK that a type brings along on this database, on a table of its own; None for none."""
    column = schemaobj.column(column_name, type_)
    schemaobj.table(operation.table_name, column, migration_context=context, schema=operation.schema)
    check = column._type_check
    return check if check is not None and check._applies_to(context.impl.dialect) else None


def _add_constraint(operations: Any, operation: Any) -> None:
    operations.impl.add_constraint(operation.to_constraint(operations.migration_context))


for _kind in (
    ops.CreatePrimaryKeyOp,
    ops.CreateUniqueConstraintOp,
    ops.CreateForeignKeyOp,
    ops.CreateCheckConstraintOp,
    ops.CreateExcludeConstraintOp,
):
    _for(_kind)(_add_constraint)


@_for(ops.DropConstraintOp)
def drop_constraint(operations: Any, operation: ops.DropConstraintOp) -> None:
    """Drop the constraint by its name."""
    constraint = schemaobj.any_constraint(
        operation.constraint_name,
        operation.table_name,
        operation.constraint_type,
        schema=operation.schema,
        original=operation._reverse,
    )
    kw = {} if operation.if_exists is None else {"if_exists": operation.if_exists}
    operations.impl.drop_constraint(constraint, **kw)


@_for(ops.RenameConstraintOp)
def rename_constraint(operations: Any, operation: ops.RenameConstraintOp) -> None:
    """Rename the constraint."""
    operations.impl.rename_constraint(
        operation.old_name, operation.new_name, operation.table_name, operation.schema
    )


@_for(ops.CreateIndexOp)
def create_index(operations: Any, operation: ops.CreateIndexOp) -> None:
    """Create the index."""
    kw = {} if operation.if_not_exists is None else {"if_not_exists": operation.if_not_exists}
    index = operation.to_index(operations.migration_context)
    with _step_of(operations, index):
        operations.impl.create_index(index, **kw)


@_for(ops.DropIndexOp)
def drop_index(operations: Any, operation: ops.DropIndexOp) -> None:
    """Drop the index."""
    kw = {} if operation.if_exists is None else {"if_exists": operation.if_exists}
    index = operation.to_index(operations.migration_context)
    with _step_of(operations, index):
        operations.impl.drop_index(index, **kw)


def _step_of(operations: Any, index: Any) -> AbstractContextManager[None]:
    """Return a committed step for an index that is made or dropped CONCURRENTLY, else nothing special."""
    context = operations.migration_context
    is_apart = context.impl.dialect.name == "postgresql" and option(index, "postgresql", "concurrently")
    return committed_step(context) if is_apart else nullcontext()


@_for(ops.RenameIndexOp)
def rename_index(operations: Any, operation: ops.RenameIndexOp) -> None:
    """Rename the index."""
    operations.impl.rename_index(
        operation.old_name, operation.new_name, operation.table_name, operation.schema
    )


@_for(ops.BulkInsertOp)
def bulk_insert(operations: Any, operation: ops.BulkInsertOp) -> None:
    """Insert the rows."""
    operations.impl.bulk_insert(operation.table, operation.rows, multiinsert=operation.multiinsert)


@_for(ops.ExecuteSQLOp)
def execute_sql(operations: Any, operation: ops.ExecuteSQLOp) -> None:
    """Execute the statement, inside a batch too at once."""
    operations.migration_context.impl.execute(operation.sqltext, execution_options=operation.execution_options)


@_for(ops.CreateSchemaOp)
def create_schema(operations: Any, operation: ops.CreateSchemaOp) -> None:
    """Create the schema."""
    operations.impl.create_schema(operation.schema_name, operation.if_not_exists)


@_for(ops.DropSchemaOp)
def drop_schema(operations: Any, operation: ops.DropSchemaOp) -> None:
    """Drop the schema."""
    operations.impl.drop_schema(operation.schema_name, operation.if_exists)


def _sequence_verb(verb: str) -> Callable[[Any, Any], None]:
    def carry_out(operations: Any, operation: Any) -> None:
        options = getattr(operation, "options", {})
        getattr(operations.impl, verb)(
            SchemaSequence(operation.sequence_name, schema=operation.schema, **options)
        )

    return carry_out


_for(ops.CreateSequenceOp)(_sequence_verb("create_sequence"))
_for(ops.AlterSequenceOp)(_sequence_verb("alter_sequence"))
_for(ops.DropSequenceOp)(_sequence_verb("drop_sequence"))


@_for(ops.RenameSequenceOp)
def rename_sequence(operations: Any, operation: ops.RenameSequenceOp) -> None:
    """Rename the sequence."""
    operations.impl.rename_sequence(operation.old_name, operation.new_name, operation.schema)


@_for(ops.CreateEnumOp)
def create_enum(operations: Any, operation: ops.CreateEnumOp) -> None:
    """Create the type."""
    operations.impl.create_enum(operation.enum_name, operation.values, operation.schema)


@_for(ops.DropEnumOp)
def drop_enum(operations: Any, operation: ops.DropEnumOp) -> None:
    """Drop the type."""
    operations.impl.drop_enum(operation.enum_name, operation.schema)


@_for(ops.AddEnumValueOp)
def add_enum_value(operations: Any, operation: ops.AddEnumValueOp) -> None:
    """Add the value, in a committed step of its own."""
    with committed_step(operations.migration_context, is_needed=False):
        operations.impl.add_enum_value(
            operation.enum_name, operation.value, operation.before, operation.after, operation.schema
        )


@_for(ops.RenameEnumValueOp)
def rename_enum_value(operations: Any, operation: ops.RenameEnumValueOp) -> None:
    """Rename the value."""
    operations.impl.rename_enum_value(
        operation.enum_name, operation.old_value, operation.new_value, operation.schema
    )


@_for(ops.ReplaceEnumOp)
def replace_enum(operations: Any, operation: ops.ReplaceEnumOp) -> None:
    """Make the type anew."""
    operations.impl.replace_enum(operation.enum_name, operation.values, operation.mapping, operation.schema)


@_for(ops.ModifyTableOps)
def modify_table(operations: Any, operation: ops.ModifyTableOps) -> None:
    """Carry out the changes of one table; SQLite makes it anew once for all of them."""
    if not operation.ops:
        return
    with operations.impl.together(operations, operation.table_name, operation.schema) as impl:
        inner = Operations(operations.migration_context, impl=impl)
        inner._depth = 1
        for change in operation.ops:
            inner.invoke(change)


@_for(ops.OpContainer)
def invoke_all(operations: Any, operation: ops.OpContainer) -> None:
    """Carry out what is in a container, in its order."""
    for inner in operation.ops:
        operations.invoke(inner)
