"""handle_error listeners: what they are told, and what becomes of their answer."""

from __future__ import annotations

from typing import Any


class ExceptionContext:
    """What a listener of `handle_error` learns.

    `is_disconnect` and `invalidate_pool_on_disconnect` may be changed by the listener, and
    what it returns or raises replaces the exception.
    """

    def __init__(
        self,
        connection: Any,
        exception: BaseException,
        statement: Any,
        parameters: Any,
        execution_context: Any,
        is_disconnect: bool,
    ) -> None:
        self.connection = connection
        self.engine = connection.engine
        self.dialect = connection.dialect
        self.cursor = None
        self.statement = statement
        self.parameters = parameters
        self.original_exception = getattr(exception, "orig", None) or exception
        self.sqlalchemy_exception = exception if hasattr(exception, "orig") else None
        self.chained_exception: BaseException | None = None
        self.execution_context = execution_context
        self.is_disconnect = is_disconnect
        self.invalidate_pool_on_disconnect = True
        self.is_pre_ping = False


def handle_error(
    connection: Any,
    exception: BaseException,
    statement: Any,
    parameters: Any,
    execution_context: Any,
    is_disconnect: bool,
) -> tuple[BaseException, bool]:
    """Ask the listeners; return the exception to raise and whether the connection is lost."""
    context = ExceptionContext(
        connection, exception, statement, parameters, execution_context, is_disconnect
    )
    raised = exception
    for listener in connection.dispatch.handle_error:
        try:
            answer = listener(context)
        except Exception as replacement:
            raised = context.chained_exception = replacement
            break
        if isinstance(answer, BaseException):
            raised = context.chained_exception = answer
    if raised is not exception and raised.__cause__ is None:
        raised.__cause__ = context.original_exception
    if context.is_disconnect != is_disconnect and hasattr(exception, "connection_invalidated"):
        exception.connection_invalidated = context.is_disconnect  # pyright: ignore
    return raised, context.is_disconnect
