"""Executing what is no statement: functions and column expressions, as `SELECT <it>`."""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc


def execute(connection: Any, statement: Any, parameters: Any, options: Any) -> Any:
    """Execute a column expression, or say that it cannot be executed.

    Raises:
        ObjectNotExecutableError: It is not an expression.
    """
    if isinstance(statement, _core.ColumnElement):
        from pyorm.sql import select

        return connection.execute(select(statement), parameters, execution_options=options)
    raise exc.ObjectNotExecutableError(statement)
