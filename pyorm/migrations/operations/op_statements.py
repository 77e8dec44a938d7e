"""Operations that are no change of the schema: SQL of the user's own, and rows."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.operations.op_base import MigrateOperation


class ExecuteSQLOp(MigrateOperation):
    """Execute a statement.

    Args:
        sqltext: text, or a construct that can be executed.
        execution_options: options of the execution.
    """

    def __init__(self, sqltext: Any, *, execution_options: dict[str, Any] | None = None) -> None:
        self.sqltext = sqltext
        self.execution_options = execution_options

    def to_diff_tuple(self) -> tuple[str, Any]:
        """Return `("execute", statement)`."""
        return ("execute", self.sqltext)


class BulkInsertOp(MigrateOperation):
    """Insert rows.

    Args:
        table: a Table or `table()` with the columns.
        rows: a dictionary a row; all have the same keys.
        multiinsert: whether one execution takes all rows.
    """

    def __init__(self, table: Any, rows: list[dict[str, Any]], *, multiinsert: bool = True) -> None:
        self.table = table
        self.rows = rows
        self.multiinsert = multiinsert
