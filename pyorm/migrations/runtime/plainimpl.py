"""Executes or writes the statements of a migration, for databases without an impl of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pyorm.sql import text


class DefaultImpl:
    """What carries statements to a database, or into a text.

    Args:
        dialect: the database's dialect.
        connection: what executes; unused for text.
        as_sql: whether statements are written to `output_buffer`.
        transactional_ddl: overrides what the database can do; None leaves it.
        output_buffer: a stream.
        context_opts: the options of the MigrationContext.
    """

    __dialect__ = "default"
    transactional_ddl = False
    command_terminator = ";"
    _impls: ClassVar[dict[str, type[DefaultImpl]]] = {}

    def __init_subclass__(cls) -> None:
        """Register the class for its `__dialect__`."""
        DefaultImpl._impls[cls.__dialect__] = cls

    def __init__(
        self,
        dialect: Any,
        connection: Any,
        as_sql: bool,
        transactional_ddl: bool | None,
        output_buffer: Any,
        context_opts: Mapping[str, Any],
    ) -> None:
        """Keep them."""
        self.dialect, self.connection, self.as_sql = dialect, connection, as_sql
        self.output_buffer, self.context_opts = output_buffer, context_opts
        if transactional_ddl is not None:
            self.transactional_ddl = transactional_ddl

    @classmethod
    def get_by_dialect(cls, dialect: Any) -> type[DefaultImpl]:
        """Return the class for a dialect."""
        return cls._impls.get(dialect.name, DefaultImpl)

    @property
    def bind(self) -> Any:
        """What executes."""
        return self.connection

    def _exec(self, construct: Any, execution_options: Mapping[str, Any] | None = None) -> Any:
        """Execute or write a construct or a string."""
        if isinstance(construct, str):
            construct = text(construct)
        if not self.as_sql:
            return self.connection.execute(construct, execution_options=execution_options)
        compiled = construct.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True})
        self.static_output(str(compiled).replace("\t", "    ").strip() + self.command_terminator)
        return None

    def execute(self, sql: Any, execution_options: Mapping[str, Any] | None = None) -> None:
        """Execute or write a construct or a string."""
        self._exec(sql, execution_options)

    def static_output(self, text: str) -> None:
        """Write text and an empty line."""
        self.output_buffer.write(f"{text}\n\n")
        self.output_buffer.flush()

    def emit_begin(self) -> None:
        """Write BEGIN."""
        self.static_output("BEGIN" + self.command_terminator)

    def emit_commit(self) -> None:
        """Write COMMIT."""
        self.static_output("COMMIT" + self.command_terminator)

    def start_migrations(self) -> None:
        """Called when a run begins."""


class PostgresqlImpl(DefaultImpl):
    """PostgreSQL."""

    __dialect__ = "postgresql"
    transactional_ddl = True


class SQLiteImpl(DefaultImpl):
    """SQLite, whose DDL is transactional."""

    __dialect__ = "sqlite"
    transactional_ddl = True
