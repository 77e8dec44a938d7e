"""What a database lacks and what it has too much: differences as operations.

`populate_upgrade_ops` reads both sides as facts, decides in Python what Python can decide, asks the database's own
spelling of expressions through the shadow, and turns what is left into operations in an executable order.
"""

from __future__ import annotations

from typing import Any

from pyorm.migrations.autogenerate.compare.dispatch import (
    DispatchPriority,
    PriorityDispatcher,
    PriorityDispatchResult,
    comparators,
)

__all__ = [
    "DispatchPriority",
    "PriorityDispatchResult",
    "PriorityDispatcher",
    "comparators",
    "populate_upgrade_ops",
]


def populate_upgrade_ops(autogen_context: Any, upgrade_ops: Any) -> None:
    """Fill `upgrade_ops.ops` with what turns the database into the model.

    Args:
        autogen_context: the AutogenContext with connection, metadata and options.
        upgrade_ops: the UpgradeOps.

    Notes: at most 12 statements on PostgreSQL for any number of tables, and 6 more for each 200 tables with
    expressions that only the server can compare; one statement for each database file on SQLite.
    """
    from pyorm.migrations.autogenerate.compare import custom, named, tables
    from pyorm.migrations.autogenerate.compare.run import Run
    from pyorm.migrations.autogenerate.renames import apply_renames

    run = Run(autogen_context)
    apply_renames(run)
    if run.wants("schemas"):
        named.compare_schemas(run)
    if run.wants("tables"):
        tables.compare_tables(run)
    if run.is_pg and run.wants("enums"):
        named.compare_enums(run)
    if run.is_pg and run.wants("sequences"):
        named.compare_sequences(run)
    upgrade_ops.ops.extend(run.plan.operations())
    custom.dispatch_schema(run, upgrade_ops)
