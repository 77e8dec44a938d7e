"""`create_mock_engine()`: an engine without a database, for DDL as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyorm.engine._dsn import dialect_of
from pyorm.engine.url import URL, make_url

__all__ = ["MockConnection", "create_mock_engine"]


class MockConnection:
    """Engine and connection in one; statements go to a function and nothing comes back.

    Args:
        dialect: the dialect object that statements may be compiled for.
        execute: called with each statement and its parameters (None for DDL).
    """

    _is_mock = True

    def __init__(self, dialect: Any, execute: Callable[..., Any]) -> None:
        """Keep both."""
        self.dialect, self._execute = dialect, execute

    @property
    def engine(self) -> MockConnection:
        """Itself."""
        return self

    def connect(self, **kw: Any) -> MockConnection:
        """Return itself."""
        return self

    @contextmanager
    def begin(self) -> Iterator[MockConnection]:
        """Give itself; there is no transaction."""
        yield self

    def execution_options(self, **kw: Any) -> MockConnection:
        """Return itself; options mean nothing here."""
        return self

    def get_execution_options(self) -> dict[str, Any]:
        """Return no options."""
        return {}

    def execute(self, statement: Any, parameters: Any = None, execution_options: Any = None) -> Any:
        """Hand a statement to the function."""
        return self._execute(statement, parameters)


def create_mock_engine(url: str | URL, executor: Callable[..., Any], **kw: Any) -> MockConnection:
    """Return an engine that hands what would be executed to a function.

    Args:
        url: its dialect is used; nothing is connected to.
        executor: `(statement, parameters)`; `statement.compile(dialect=engine.dialect)` is the text.
        **kw: options of the dialect.

    Returns:
        What `create_all()` and `drop_all()` take in place of an Engine; nothing is looked for first.
    """
    return MockConnection(dialect_of(make_url(url))(**kw), executor)
