"""ExecutionContext: what listeners and callable defaults learn about an execution.

C makes one only when somebody asks for it.
"""

from __future__ import annotations

from typing import Any

from pyorm import exc


class ExecutionContext:
    """One execution of one statement.

    Args:
        connection: The Connection it runs on.
        statement: The statement object; None for raw SQL.
        compiled: C's compiled form, opaque; None for raw SQL.
        params: A dict by name, or a list of dicts.
        options: The execution options in force.
    """

    def __init__(
        self, connection: Any, statement: Any, compiled: Any, params: Any, options: Any
    ) -> None:
        self.root_connection = self.connection = connection
        self.engine = connection.engine
        self.dialect = connection.dialect
        self.invoked_statement = statement
        self.compiled = compiled
        self.compiled_parameters = params if isinstance(params, list) else [params or {}]
        self.executemany = isinstance(params, list)
        self.execution_options = options or {}
        self.current_parameters: dict[str, Any] | None = None
        self.current_column: Any = None
        self._current_bind = ""
        self._cursor: Any = None
        kind = getattr(statement, "__visit_name__", "")
        self.isinsert = kind == "insert"
        self.isupdate = kind == "update"
        self.isdelete = kind == "delete"
        self.is_text = statement is None or kind == "textclause"

    @property
    def cursor(self) -> Any:
        """A cursor of the driver on the same connection."""
        if self._cursor is None:
            self._cursor = self.connection.connection.cursor()
        return self._cursor

    def get_current_parameters(self, isolate_multiinsert_groups: bool = True) -> dict[str, Any]:
        """Return the parameters of the row whose defaults are being made.

        Args:
            isolate_multiinsert_groups: Of an INSERT with several VALUES, only this row's, by
                the columns' names; False returns all, as the statement counts them.

        Raises:
            InvalidRequestError: No default is being made.
        """
        if self.current_parameters is None:
            raise exc.InvalidRequestError(
                "get_current_parameters() can only be invoked in the context of a Python side "
                "column default function"
            )
        key = str(getattr(self.current_column, "key", ""))
        group = self._current_bind.removeprefix(key)  # `_m1` of `name_m1`
        if not (isolate_multiinsert_groups and group and self._current_bind != key):
            return self.current_parameters
        return {
            name.removesuffix(group): value
            for name, value in self.current_parameters.items()
            if name.endswith(group)
        }


def tell_raw(connection: Any, sql: str, params: Any, many: bool) -> tuple[str, Any]:
    """Tell listeners and the log of a raw statement; return what is to be sent."""
    shown = params if params is not None else ()
    listeners = connection.dispatch.before_cursor_execute
    if listeners:
        context = ExecutionContext(connection, None, None, params, connection._options)
        for listener in listeners:
            answer = listener(connection, context.cursor, sql, shown, context, many)
            if isinstance(answer, tuple):
                sql, shown = answer
                params = shown if shown or params is not None else None
    if connection._echo:
        connection.engine._logger.statement(connection, sql, shown, 0, -1.0, many)
    return sql, params


def tell_raw_after(connection: Any, sql: str, params: Any, many: bool) -> None:
    """Tell listeners that a raw statement has run."""
    context = ExecutionContext(connection, None, None, params, connection._options)
    shown = params if params is not None else ()
    for listener in connection.dispatch.after_cursor_execute:
        listener(connection, context.cursor, sql, shown, context, many)
