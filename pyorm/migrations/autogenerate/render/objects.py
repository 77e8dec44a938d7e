"""The source code of operations on schemas, sequences, enum types, statements and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyorm.migrations.autogenerate.render import values
from pyorm.migrations.autogenerate.render.dispatch import renderers
from pyorm.migrations.autogenerate.render.types import render_type
from pyorm.migrations.operations import ops

if TYPE_CHECKING:
    from pyorm.migrations.autogenerate.api import AutogenContext


def _call(context: AutogenContext, method: str, shown: list[str], schema: str | None = None) -> str:
    if schema:
        shown.append(f"schema={values.identifier(schema)}")
    return f"{values.operation(context)}{method}({', '.join(shown)})"


def _texts(items: Any) -> str:
    return repr([str(item) for item in items])


@renderers.dispatch_for(ops.CreateSchemaOp)
def create_schema(context: AutogenContext, op: ops.CreateSchemaOp) -> str:
    """Return `op.create_schema("name")`."""
    shown = [values.identifier(op.schema_name)]
    if op.if_not_exists is not None:
        shown.append(f"if_not_exists={op.if_not_exists!r}")
    return _call(context, "create_schema", shown)


@renderers.dispatch_for(ops.DropSchemaOp)
def drop_schema(context: AutogenContext, op: ops.DropSchemaOp) -> str:
    """Return `op.drop_schema("name")`."""
    shown = [values.identifier(op.schema_name)]
    if op.if_exists is not None:
        shown.append(f"if_exists={op.if_exists!r}")
    return _call(context, "drop_schema", shown)


def _sequence_options(options: dict[str, Any], context: AutogenContext) -> list[str]:
    shown = []
    for key, value in sorted(options.items()):
        if value is not None:
            shown.append(f"{key}={render_type(value, context) if key == 'data_type' else repr(value)}")
    return shown


@renderers.dispatch_for(ops.CreateSequenceOp)
def create_sequence(context: AutogenContext, op: ops.CreateSequenceOp) -> str:
    """Return `op.create_sequence("name", start=…)`."""
    shown = [values.identifier(op.sequence_name), *_sequence_options(op.options, context)]
    return _call(context, "create_sequence", shown, op.schema)


@renderers.dispatch_for(ops.DropSequenceOp)
def drop_sequence(context: AutogenContext, op: ops.DropSequenceOp) -> str:
    """Return `op.drop_sequence("name")`."""
    return _call(context, "drop_sequence", [values.identifier(op.sequence_name)], op.schema)


@renderers.dispatch_for(ops.AlterSequenceOp)
def alter_sequence(context: AutogenContext, op: ops.AlterSequenceOp) -> str:
    """Return `op.alter_sequence("name", increment=…)`."""
    shown = [values.identifier(op.sequence_name), *_sequence_options(op.options, context)]
    return _call(context, "alter_sequence", shown, op.schema)


@renderers.dispatch_for(ops.RenameSequenceOp)
def rename_sequence(context: AutogenContext, op: ops.RenameSequenceOp) -> str:
    """Return `op.rename_sequence("old", "new")`."""
    shown = [values.identifier(op.old_name), values.identifier(op.new_name)]
    return _call(context, "rename_sequence", shown, op.schema)


@renderers.dispatch_for(ops.CreateEnumOp)
def create_enum(context: AutogenContext, op: ops.CreateEnumOp) -> str:
    """Return `op.create_enum("name", ["value", …])`."""
    return _call(context, "create_enum", [values.identifier(op.enum_name), _texts(op.values)], op.schema)


@renderers.dispatch_for(ops.DropEnumOp)
def drop_enum(context: AutogenContext, op: ops.DropEnumOp) -> str:
    """Return `op.drop_enum("name")`."""
    return _call(context, "drop_enum", [values.identifier(op.enum_name)], op.schema)


@renderers.dispatch_for(ops.AddEnumValueOp)
def add_enum_value(context: AutogenContext, op: ops.AddEnumValueOp) -> str:
    """Return `op.add_enum_value("name", "value", after="…")`."""
    shown = [values.identifier(op.enum_name), repr(str(op.value))]
    for place in ("before", "after"):
        if getattr(op, place) is not None:
            shown.append(f"{place}={str(getattr(op, place))!r}")
    return _call(context, "add_enum_value", shown, op.schema)


@renderers.dispatch_for(ops.RenameEnumValueOp)
def rename_enum_value(context: AutogenContext, op: ops.RenameEnumValueOp) -> str:
    """Return `op.rename_enum_value("name", "old", "new")`."""
    shown = [values.identifier(op.enum_name), repr(str(op.old_value)), repr(str(op.new_value))]
    return _call(context, "rename_enum_value", shown, op.schema)


@renderers.dispatch_for(ops.ReplaceEnumOp)
def replace_enum(context: AutogenContext, op: ops.ReplaceEnumOp) -> str:
    """Return `op.replace_enum("name", ["value", …], mapping={…})`."""
    shown = [values.identifier(op.enum_name), _texts(op.values)]
    if op.mapping:
        shown.append(f"mapping={ {str(old): str(new) for old, new in op.mapping.items()}!r}")
    return _call(context, "replace_enum", shown, op.schema)


@renderers.dispatch_for(ops.ExecuteSQLOp)
def execute(context: AutogenContext, op: ops.ExecuteSQLOp) -> str:
    """Return `op.execute("statement")`."""
    statement = op.sqltext if isinstance(op.sqltext, str) else values.sql_of(op.sqltext, context)
    return _call(context, "execute", [repr(str(statement))])


@renderers.dispatch_for(ops.BulkInsertOp)
def bulk_insert(context: AutogenContext, op: ops.BulkInsertOp) -> str:
    """Return `op.bulk_insert(sa.table("name", columns), rows)`."""
    prefix = values.prefix(context)
    columns = [f"{prefix}column({str(column.name)!r}, {render_type(column.type, context)})" for column in op.table.c]
    table = f"{prefix}table({', '.join([repr(str(op.table.name)), *columns])})"
    shown = [table, repr(op.rows)]
    if not op.multiinsert:
        shown.append("multiinsert=False")
    return _call(context, "bulk_insert", shown)
