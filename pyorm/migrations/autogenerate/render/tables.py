"""The source code of operations on tables and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyorm.migrations.autogenerate.render import values
from pyorm.migrations.autogenerate.render.constraints import inside_table
from pyorm.migrations.autogenerate.render.dispatch import renderers
from pyorm.migrations.autogenerate.render.types import render_type
from pyorm.migrations.operations import ops
from pyorm.schema import Computed, Identity

if TYPE_CHECKING:
    from pyorm.migrations.autogenerate.api import AutogenContext


@renderers.dispatch_for(ops.CreateTableOp)
def create_table(context: AutogenContext, op: ops.CreateTableOp) -> str:
    """Return `op.create_table("name", columns, constraints, options)`."""
    table = op.to_table(context.migration_context)
    shown = [values.identifier(op.table_name)]
    shown += [text for column in table.c if (text := render_column(column, context))]
    inside = [inside_table(constraint, context) for constraint in table.constraints]
    shown += sorted(text for text in inside if text)
    if op.schema:
        shown.append(f"schema={values.identifier(op.schema)}")
    if op.comment:
        shown.append(f"comment={op.comment!r}")
    info = {key: value for key, value in op.info.items() if key != "renamed_from"}  # it is new here
    if info:
        shown.append(f"info={info!r}")
    if op.prefixes:
        shown.append(f"prefixes={[str(prefix) for prefix in op.prefixes]!r}")
    if op.if_not_exists is not None:
        shown.append(f"if_not_exists={op.if_not_exists!r}")
    shown += values.options(op.kw, context)
    return f"{values.operation(context)}create_table({', '.join(shown)})"


@renderers.dispatch_for(ops.DropTableOp)
def drop_table(context: AutogenContext, op: ops.DropTableOp) -> str:
    """Return `op.drop_table("name")`."""
    shown = [values.identifier(op.table_name)]
    if op.schema:
        shown.append(f"schema={values.identifier(op.schema)}")
    if op.if_exists is not None:
        shown.append(f"if_exists={op.if_exists!r}")
    return f"{values.operation(context)}drop_table({', '.join(shown)})"


@renderers.dispatch_for(ops.RenameTableOp)
def rename_table(context: AutogenContext, op: ops.RenameTableOp) -> str:
    """Return `op.rename_table("old", "new")`."""
    shown = [values.identifier(op.table_name), values.identifier(op.new_table_name), *_schema(op, context)]
    return f"{values.operation(context)}rename_table({', '.join(shown)})"


@renderers.dispatch_for(ops.CreateTableCommentOp)
def create_table_comment(context: AutogenContext, op: ops.CreateTableCommentOp) -> str:
    """Return `op.create_table_comment("name", "comment", existing_comment=…)`."""
    shown = [*_table(op, context), repr(op.comment), f"existing_comment={op.existing_comment!r}"]
    return f"{values.operation(context)}create_table_comment({', '.join([*shown, *_schema(op, context)])})"


@renderers.dispatch_for(ops.DropTableCommentOp)
def drop_table_comment(context: AutogenContext, op: ops.DropTableCommentOp) -> str:
    """Return `op.drop_table_comment("name", existing_comment=…)`."""
    shown = [*_table(op, context), f"existing_comment={op.existing_comment!r}", *_schema(op, context)]
    return f"{values.operation(context)}drop_table_comment({', '.join(shown)})"


@renderers.dispatch_for(ops.AddColumnOp)
def add_column(context: AutogenContext, op: ops.AddColumnOp) -> str:
    """Return `op.add_column("table", sa.Column(…))`, with a foreign key of the column inside it."""
    column = render_column(op.column, context, with_references=True)
    shown = [*_table(op, context), column, *_schema(op, context)]
    for option in ("if_not_exists", "inline_references", "inline_primary_key"):
        if getattr(op, option) is not None:
            shown.append(f"{option}={getattr(op, option)!r}")
    shown += values.options(op.kw, context)
    return f"{values.operation(context)}add_column({', '.join(shown)})"


@renderers.dispatch_for(ops.DropColumnOp)
def drop_column(context: AutogenContext, op: ops.DropColumnOp) -> str:
    """Return `op.drop_column("table", "column")`."""
    shown = [*_table(op, context), values.identifier(op.column_name), *_schema(op, context)]
    if op.if_exists is not None:
        shown.append(f"if_exists={op.if_exists!r}")
    shown += values.options(op.kw, context)
    return f"{values.operation(context)}drop_column({', '.join(shown)})"


@renderers.dispatch_for(ops.AlterColumnOp)
def alter_column(context: AutogenContext, op: ops.AlterColumnOp) -> str:
    """Return `op.alter_column("table", "column", what there is, what changes)`."""
    shown = [*_table(op, context), values.identifier(op.column_name)]
    if op.modify_name is not None:
        shown.append(f"new_column_name={values.identifier(op.modify_name)}")
    if op.existing_type is not None:
        shown.append(f"existing_type={render_type(op.existing_type, context)}")
    if op.modify_server_default is not False:
        shown.append(f"server_default={values.server_default(op.modify_server_default, context)}")
    if op.modify_type is not None:
        shown.append(f"type_={render_type(op.modify_type, context)}")
    if op.modify_nullable is not None:
        shown.append(f"nullable={op.modify_nullable!r}")
    if op.modify_comment is not False:
        shown.append(f"comment={op.modify_comment!r}")
    if op.modify_nullable is None and op.existing_nullable is not None:
        shown.append(f"existing_nullable={op.existing_nullable!r}")
    if op.existing_comment is not None:
        shown.append(f"existing_comment={op.existing_comment!r}")
    known = op.existing_server_default
    special = any(isinstance(side, (Identity, Computed)) for side in (known, op.modify_server_default))
    if known and (op.modify_server_default is False or special):
        shown.append(f"existing_server_default={values.server_default(known, context)}")
    shown += values.options(op.kw, context)
    shown += _schema(op, context)
    return f"{values.operation(context)}alter_column({', '.join(shown)})"


def render_column(column: Any, context: AutogenContext, with_references: bool = False) -> str:
    """Return `sa.Column("name", type, …)`; an empty text where `render_item` leaves the column out.

    Args:
        column: the column.
        context: the state of this run.
        with_references: whether its foreign keys stand inside it, as they do when it is added alone.
    """
    own = context.render_item("column", column)
    if own is not None:
        return own
    positional: list[str] = [values.identifier(column.name), render_type(column.type, context)]
    keywords: list[str] = []
    default = column.server_default
    if default is not None:
        text = values.server_default(default, context)
        if isinstance(default, (Identity, Computed)):
            positional.append(str(text))
        elif text:
            keywords.append(f"server_default={text}")
    if with_references:
        from pyorm.migrations.autogenerate.render.constraints import column_reference

        positional += [column_reference(key, context) for key in _own_keys(column)]
    if column.primary_key and column.autoincrement not in (True, "auto"):
        keywords.append(f"autoincrement={column.autoincrement!r}")
    elif column.autoincrement is True:
        keywords.append("autoincrement=True")
    keywords.append(f"nullable={bool(column.nullable)!r}")
    if getattr(column, "system", False):
        keywords.append("system=True")
    if column.comment:
        keywords.append(f"comment={column.comment!r}")
    keywords += values.options(getattr(column, "dialect_kwargs", {}), context)
    return f"{values.prefix(context)}Column({', '.join([*positional, *keywords])})"


def _own_keys(column: Any) -> list[Any]:
    """Return the foreign keys declared on the column itself."""
    keys = [key for key in column.foreign_keys if getattr(key, "_is_own", True)]
    return sorted(keys, key=lambda key: str(key.target_fullname))


def _table(op: Any, context: AutogenContext) -> list[str]:
    return [] if context.in_batch else [values.identifier(op.table_name)]


def _schema(op: Any, context: AutogenContext) -> list[str]:
    return [f"schema={values.identifier(op.schema)}"] if op.schema and not context.in_batch else []
