"""Comparisons that users and plugins have registered, called with schema objects as they expect them."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.autogenerate.compare.run import Run
from pyorm.migrations.autogenerate.facts import TableKey


def dispatch_schema(run: Run, upgrade_ops: Any) -> None:
    """Call the functions for "autogenerate" and "schema": `(autogen_context, upgrade_ops, schemas)`."""
    if not run.custom:
        return
    schemas: set[str | None] = {None}
    if run.opts.get("include_schemas"):
        schemas |= {key[0] for key in run.found.tables}
    qualifier = run.dialect.name
    run.custom.dispatch("autogenerate", qualifier=qualifier)(run.context, upgrade_ops)
    run.custom.dispatch("schema", qualifier=qualifier)(run.context, upgrade_ops, schemas)


def dispatch_table(run: Run, key: TableKey, found: bool, table: Any) -> None:
    """Call the functions for "table"; what they put into the ModifyTableOps joins the plan.

    They take `(autogen_context, modify_ops, schema, table name, table of the database, table of the model)`.
    """
    if not run.custom.has("table"):
        return
    modify = run.plan.group(key, [])
    existing = run.objects.table(key) if found else None
    call = run.custom.dispatch("table", qualifier=run.dialect.name)
    call(run.context, modify, modify.schema, modify.table_name, existing, table)
    run.plan.extend(key, modify.ops)


def dispatch_column(run: Run, key: TableKey, alter: Any, name: str, column: Any) -> None:
    """Call the functions for "column", "type" and "server_default", which may add to the AlterColumnOp.

    They take `(autogen_context, alter_column_op, schema, table name, column name, column of the database, column of
    the model)`.
    """
    for target in ("column", "type", "server_default"):
        if run.custom.has(target):
            call = run.custom.dispatch(target, qualifier=run.dialect.name)
            existing = run.objects.column(key, name)
            call(run.context, alter, alter.schema, alter.table_name, name, existing, column)
