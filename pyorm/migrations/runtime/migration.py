"""MigrationContext: a database, or a stream of SQL, as the runtime of migrations sees it.

It knows how the database is reached, its version table and its options; it opens transactions
and runs steps. Usable alone, without env.py, to ask for the current heads, to compare a schema
or to carry out operations.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from pyorm import _core
from pyorm.engine.mock import MockConnection
from pyorm.engine.url import URL, make_url
from pyorm.migrations.ddl.impl import DefaultImpl
from pyorm.migrations.runtime.heads import HeadMaintainer, VersionTable, make_version_table
from pyorm.migrations.runtime.plan import as_tuple
from pyorm.migrations.runtime.run import OnlineRun
from pyorm.migrations.runtime.transactions import Block, Scope, TextScope
from pyorm.migrations.util.exc import CommandError

__all__ = ["MigrationContext"]

log = logging.getLogger(__name__)


class MigrationContext:
    """Where migrations are carried out; `configure()` makes one.

    Args:
        dialect: the database's dialect.
        connection: a Connection, or None for SQL as text.
        opts: what `EnvironmentContext.configure()` takes, by argument name, and what a command
            adds: `fn` (called with heads and this, returns the steps), `as_sql`, `starting_rev`,
            `dont_mutate`, `purge`.
        environment_context: the environment it belongs to, if any.

    Attributes:
        impl: what knows the database's statements.
        as_sql: whether statements are written as text instead of being executed.
        gate: what knows the operations that a broken run has committed; None where nobody counts.
    """

    def __init__(self, dialect: Any, connection: Any, opts: dict[str, Any], environment_context: Any = None) -> None:
        """Ready the connection and the impl; nothing is executed."""
        self.environment_context = environment_context
        self.opts = opts
        self.dialect = dialect
        self.script: Any = opts.get("script")
        self.as_sql = bool(opts.get("as_sql", False))
        self.purge = bool(opts.get("purge", False))
        self.output_buffer = _output_buffer(opts)
        self.version_table: str = opts.get("version_table", "alembic_version")
        self.version_table_schema: str | None = opts.get("version_table_schema")
        self.on_version_apply_callbacks = as_tuple(opts.get("on_version_apply"))
        self.gate: Any = None
        self._transaction_per_migration = bool(opts.get("transaction_per_migration", False))
        self._migrations_fn = opts.get("fn")
        self._start_from_rev: Any = opts.get("starting_rev")
        self._scopes: list[Scope] = []
        self._run: OnlineRun | None = None
        self._is_running = False
        self.connection: Any = self._text_connection(connection) if self.as_sql else connection
        self._in_external_transaction = bool(connection is not None and not self.as_sql and connection.in_transaction())
        self.impl: Any = DefaultImpl.get_by_dialect(dialect)(
            dialect, self.connection, self.as_sql, opts.get("transactional_ddl"), self.output_buffer, opts
        )
        self.transactional_ddl = bool(self.impl.transactional_ddl)
        self._versions = VersionTable(self, self._make_version_table())
        log.info("Context impl %s.", type(self.impl).__name__)
        if self.as_sql:
            log.info("Generating static SQL")
        log.info("Will assume %s DDL.", "transactional" if self.impl.transactional_ddl else "non-transactional")

    @classmethod
    def configure(
        cls,
        connection: Any = None,
        url: str | URL | None = None,
        dialect_name: str | None = None,
        dialect: Any = None,
        environment_context: Any = None,
        dialect_opts: dict[str, Any] | None = None,
        opts: dict[str, Any] | None = None,
    ) -> MigrationContext:
        """Make a context; the first of connection, url, dialect_name and dialect says which database.

        Args:
            connection: a Connection; what runs is executed on it.
            url: a database URL; nothing is connected to.
            dialect_name: a database's name, such as "postgresql".
            dialect: a dialect object.
            environment_context: the environment it belongs to.
            dialect_opts: arguments of the dialect's class, with url or dialect_name.
            opts: see the class.

        Raises:
            CommandError: None of the four is given, or connection is no Connection.
        """
        if connection is not None:
            if not hasattr(connection, "in_transaction"):
                raise CommandError(
                    "'connection' argument to configure() is expected to be a sqlalchemy.engine.Connection instance, "
                    f"got {connection!r}; give it engine.connect()"
                )
            dialect = connection.dialect
        elif url is not None:
            dialect = make_url(url).get_dialect()(**(dialect_opts or {}))
        elif dialect_name is not None:
            dialect = make_url(f"{dialect_name}://").get_dialect()(**(dialect_opts or {}))
        elif dialect is None:
            raise CommandError("Connection, url, or dialect_name is required.")
        return cls(dialect, connection, {} if opts is None else opts, environment_context)

    # --- what others ask ---

    @property
    def bind(self) -> Any:
        """The Connection; offline, an object that writes what it is told to execute."""
        return self.connection

    @property
    def config(self) -> Any:
        """The Config of the environment, or None."""
        return None if self.environment_context is None else self.environment_context.config

    @property
    def _version(self) -> Any:
        """The version table, as a Table."""
        return self._versions.table

    def get_current_heads(self) -> tuple[str, ...]:
        """Return the rows of the version table; offline, the starting revision.

        An empty tuple where there is no version table.
        """
        if self.as_sql:
            start = self._start_from_rev
            if start == "base" or start is None:
                return ()
            if self.script is not None:
                return tuple(self.script.get_revision(revision).revision for revision in as_tuple(start))
            return as_tuple(start)
        if self.connection is None:
            raise CommandError("The current heads are read through a connection; give one to configure()")
        with self._reading():
            return self._versions.read()

    def get_current_revision(self) -> str | None:
        """Return the only row of the version table, None if there is none; offline, the starting revision.

        Raises:
            CommandError: There are several.
        """
        heads = self.get_current_heads()
        if len(heads) > 1:
            raise CommandError(
                f"Version table {self.version_table!r} has more than one head present; please use get_current_heads()"
            )
        return heads[0] if heads else None

    def _has_version_table(self) -> bool:
        return self._versions.exists()

    def _ensure_version_table(self, purge: bool = False) -> None:
        """Create the version table where it is missing; purge deletes its rows."""
        if self.as_sql:
            self._versions.create()
            return
        self._begin_now()
        with nullcontext() if self._in_connection_transaction() else self.connection.begin():
            if not self._versions.exists():
                self._versions.create()
            elif purge:
                self._versions.clear()

    def execute(self, sql: Any, execution_options: dict[str, Any] | None = None) -> None:
        """Execute a statement or a string; offline, write it."""
        self.impl.execute(sql, execution_options)

    # --- transactions ---

    def begin_transaction(self, _per_migration: bool = False) -> AbstractContextManager[Any]:
        """Return a context manager for the transaction of a run, as the options want it.

        It does nothing where the caller had a transaction open when this was configured: that one
        is the caller's to end. Offline it writes BEGIN and COMMIT. With `transaction_per_migration`
        each step has its own transaction, and this one does nothing.
        """
        if self._in_external_transaction:
            return nullcontext()
        if self.impl.transactional_ddl:
            is_now = _per_migration == self._transaction_per_migration
        else:
            is_now = _per_migration
        if not is_now or (self.as_sql and not self.impl.transactional_ddl):
            return nullcontext()
        return TextScope(self) if self.as_sql else Scope(self)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Leave no transaction behind that reading has begun."""
        was_idle = not self._in_connection_transaction()
        try:
            yield
        finally:
            if was_idle and self._in_connection_transaction():
                self.connection.rollback()

    def _in_connection_transaction(self) -> bool:
        return bool(getattr(self.connection, "in_transaction", bool)())

    def _begin_now(self) -> None:
        """Begin the innermost scope for real."""
        if self._scopes:
            self._scopes[-1].begin()

    def _operation_begins(self) -> None:
        """Begin the innermost scope, unless it did already: operations in begin_transaction() without revisions."""
        if self._scopes:
            self._scopes[-1].begin_once()

    def _transaction_began(self) -> None:
        """Prepare a transaction that has just begun."""
        if self._run is not None:
            self._run.transaction_began()

    def _block_began(self, is_on: bool) -> None:
        """Prepare the session for statements outside of transactions, or end that."""
        if self._run is not None:
            self._run.block_began(is_on)

    def _end_run(self) -> None:
        """Give up what a run holds: it is over, and so is the outermost scope around it."""
        if not self._scopes and not self._is_running and self._run is not None:
            run, self._run = self._run, None
            run.close()

    @contextmanager
    def autocommit_block(self) -> Iterator[None]:
        """Leave the transaction for a while: what runs in the block commits by itself.

        What came before is committed first. For statements that refuse to run in a transaction, such
        as CREATE INDEX CONCURRENTLY.

        Raises:
            CommandError: The transaction is the caller's, who alone can end it.
        """
        if self.as_sql:
            if self.impl.transactional_ddl:
                self.impl.emit_commit()
            yield
            if self.impl.transactional_ddl:
                self.impl.emit_begin()
            return
        if self._in_external_transaction:
            raise CommandError(
                "autocommit_block() has to commit, but the transaction was open already when context.configure() got "
                "the connection, so it is the caller's. Commit it before, or give configure() a connection of its own."
            )
        if self.connection._get_tx()[0] == _core.ISO_AUTOCOMMIT:
            yield
            return
        gate = self.gate
        if gate is not None:
            gate.before_commit()
        with Block(self) as block, nullcontext() if gate is None else gate.in_block(block):
            yield

    # --- running ---

    def stamp(self, script_directory: Any, revision: str) -> None:
        """Write a revision into the version table as if the database had been migrated to it.

        Args:
            script_directory: the ScriptDirectory that knows it.
            revision: its id, a symbol or a label; branches that do not lead to it stay.
        """
        heads = self.get_current_heads()
        if not self.as_sql and not heads:
            self._ensure_version_table()
        maintainer = HeadMaintainer(self, heads)
        for step in script_directory._stamp_revs(revision, heads):
            maintainer.update_to_step(step)

    def run_migrations(self, **kw: Any) -> None:
        """Run the steps that the command wants; keyword arguments go to upgrade() and downgrade().

        Raises:
            CommandError: Another deployer holds the lock too long, or has changed the version table.
        """
        self.impl.start_migrations()
        if self.as_sql:
            self._write_migrations(kw)
            return
        self._run, self._is_running = OnlineRun(self, kw), True
        try:
            self._run.run()
        finally:
            self._is_running = False
            self._end_run()

    def _write_migrations(self, kw: dict[str, Any]) -> None:
        """Write the steps as text; the version table is created before the first revision of all."""
        if self.purge:
            raise CommandError("Can't use --purge with --sql mode; write the DELETE into the script by hand")
        heads = self.get_current_heads()
        maintainer = HeadMaintainer(self, heads)
        for step in self._steps(heads):
            with self.begin_transaction(_per_migration=True):
                if not maintainer.heads:
                    self._versions.create()
                log.info("Running %s", step)
                self.impl.static_output(f"-- Running {step.short_log}")
                step.migration_fn(**kw)
                maintainer.update_to_step(step)
                self._tell_applied(step, maintainer, kw)

    def _steps(self, heads: tuple[str, ...]) -> list[Any]:
        """Ask the command for the steps from here."""
        return list(self._migrations_fn(heads, self) or ()) if self._migrations_fn is not None else []

    def _tell_applied(self, step: Any, maintainer: HeadMaintainer, kw: dict[str, Any]) -> None:
        for callback in self.on_version_apply_callbacks:
            callback(ctx=self, step=step.info, heads=set(maintainer.heads), run_args=kw)

    # --- parts ---

    def _make_version_table(self) -> Any:
        make = getattr(self.impl, "version_table_impl", None)
        with_pk = bool(self.opts.get("version_table_pk", True))
        if make is None:
            return make_version_table(self.version_table, self.version_table_schema, with_pk)
        return make(
            version_table=self.version_table, version_table_schema=self.version_table_schema, version_table_pk=with_pk
        )

    def _text_connection(self, connection: Any) -> Any:
        def write(construct: Any, parameters: Any = None) -> None:
            self.impl._exec(construct)

        return MockConnection(self.dialect, write)


def _output_buffer(opts: dict[str, Any]) -> Any:
    """Return the stream for offline SQL, which encodes where `output_encoding` says so."""
    buffer = opts.get("output_buffer") or sys.stdout
    encoding = opts.get("output_encoding")
    if encoding and not isinstance(buffer, io.StringIO):
        return _Encoded(buffer, encoding)
    return buffer


class _Encoded:
    """A text stream whose bytes are in a given encoding."""

    def __init__(self, stream: Any, encoding: str) -> None:
        """Write through the stream's bytes where it has them."""
        self._stream, self._encoding = stream, encoding

    def write(self, text: str) -> None:
        """Write text."""
        data = text.encode(self._encoding)
        target = getattr(self._stream, "buffer", self._stream)
        target.write(data)

    def flush(self) -> None:
        """Flush the stream below."""
        self._stream.flush()
