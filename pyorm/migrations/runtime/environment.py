"""EnvironmentContext: what an env.py configures, and asks about the command that runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from pyorm.engine.url import URL
from pyorm.migrations.runtime.migration import MigrationContext
from pyorm.migrations.runtime.plan import as_tuple
from pyorm.migrations.runtime.proxy import CONTEXT, OP
from pyorm.migrations.util.exc import CommandError

__all__ = ["EnvironmentContext"]


class EnvironmentContext:
    """The environment of a command; entered as a context manager it is what `context` forwards to.

    Args:
        config: the Config.
        script: the ScriptDirectory.
        **kw: options for the MigrationContext that `configure()` makes: `fn`, `as_sql`,
            `starting_rev`, `destination_rev`, `tag`, `template_args`, `dont_mutate` and others.

    Example:
        >>> from pyorm.migrations import context
        >>> from pyorm.migrations.runtime.environment import EnvironmentContext
        >>> with EnvironmentContext(None, None, as_sql=True):
        ...     context.is_offline_mode()
        True
    """

    config: Any = None
    """The Config in use."""
    script: Any = None
    """The ScriptDirectory in use."""

    def __init__(self, config: Any, script: Any, **kw: Any) -> None:
        """Keep them; nothing is read."""
        self.config, self.script = config, script
        self.context_opts: dict[str, Any] = kw
        self._migration_context: MigrationContext | None = None

    def __enter__(self) -> Self:
        """Become the environment that `context` forwards to, in this thread or task."""
        CONTEXT.push(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let `context` forward to what it did before."""
        CONTEXT.pop(self)

    # --- what the command wants; needs no configure() ---

    def is_offline_mode(self) -> bool:
        """Return whether SQL is to be written instead of executed (`--sql`)."""
        return bool(self.context_opts.get("as_sql", False))

    def requires_connection(self) -> bool:
        """Return whether configure() needs a connection."""
        return not self.is_offline_mode()

    def get_head_revision(self) -> Any:
        """Return the id of the head of the scripts.

        Raises:
            CommandError: There are several; see get_head_revisions().
        """
        return self.script.as_revision_number("head")

    def get_head_revisions(self) -> Any:
        """Return the ids of all heads of the scripts, as a tuple."""
        return self.script.as_revision_number("heads")

    def get_starting_revision_argument(self) -> Any:
        """Return the revision before the colon of `--sql a:b`; None for base or where there is none.

        Raises:
            CommandError: Neither the command nor configure() has one.
        """
        if self._migration_context is not None:
            return self.script.as_revision_number(self._migration_context._start_from_rev)
        if "starting_rev" in self.context_opts:
            return self.script.as_revision_number(self.context_opts["starting_rev"])
        raise CommandError("No starting revision argument is available.")

    def get_revision_argument(self) -> Any:
        """Return the revision that the command goes to, as an id; None for base, a tuple for "heads"."""
        wanted = as_tuple(self.context_opts["destination_rev"])
        found = [self.script.as_revision_number(revision) for revision in wanted]
        return found[0] if len(found) == 1 else tuple(found)

    def get_tag_argument(self) -> str | None:
        """Return what `--tag` was given, or None."""
        return self.context_opts.get("tag")

    def get_x_argument(self, as_dictionary: bool = False) -> list[str] | dict[str, str]:
        """Return what `-x` was given, in order.

        Args:
            as_dictionary: split at the first "=", the last of equal names wins; a value without
                one is "".
        """
        given = list(getattr(getattr(self.config, "cmd_opts", None), "x", None) or ())
        if not as_dictionary:
            return given
        pairs = (item.partition("=") for item in given)
        return {name: value for name, _, value in pairs}

    # --- the database ---

    def configure(
        self,
        connection: Any = None,
        url: str | URL | None = None,
        dialect_name: str | None = None,
        dialect_opts: dict[str, Any] | None = None,
        transactional_ddl: bool | None = None,
        transaction_per_migration: bool = False,
        output_buffer: Any = None,
        starting_rev: str | None = None,
        tag: str | None = None,
        template_args: dict[str, Any] | None = None,
        render_as_batch: bool = False,
        target_metadata: Any = None,
        include_name: Callable[..., bool] | None = None,
        include_object: Callable[..., bool] | None = None,
        include_schemas: bool = False,
        process_revision_directives: Callable[..., None] | None = None,
        compare_type: bool | Callable[..., bool | None] = True,
        compare_server_default: bool | Callable[..., bool | None] | None = None,
        render_item: Callable[..., Any] | None = None,
        literal_binds: bool = False,
        upgrade_token: str = "upgrades",
        downgrade_token: str = "downgrades",
        alembic_module_prefix: str = "op.",
        sqlalchemy_module_prefix: str = "sa.",
        user_module_prefix: str | None = None,
        on_version_apply: Callable[..., None] | Sequence[Callable[..., None]] | None = None,
        autogenerate_plugins: Sequence[str] | None = None,
        **kw: Any,
    ) -> None:
        """Say which database is migrated and how; may be called once per database.

        Args:
            connection: a Connection; decides the dialect. Where a transaction is open on it, that
                one is used and never ended.
            url: a database URL, for the dialect alone.
            dialect_name: the dialect's name, where neither of them is given.
            dialect_opts: arguments of the dialect's class, with url or dialect_name.
            transactional_ddl: whether DDL runs in transactions; None asks the dialect.
            transaction_per_migration: one transaction per step instead of one for the run.
            output_buffer: the stream for `--sql`; None is the Config's, else stdout.
            starting_rev: overrides the revision that `--sql` starts from.
            tag: overrides `--tag`.
            template_args: more variables for the script template.
            render_as_batch: let autogenerate write changes of tables as batch blocks.
            target_metadata: a MetaData, or a sequence of them, that autogenerate compares with.
            include_name: `(name, type_, parent_names)`: whether autogenerate reads such an object.
            include_object: `(object, name, type_, reflected, compare_to)`: whether it compares it.
            include_schemas: let autogenerate look into all schemas.
            process_revision_directives: `(context, revision, directives)`: may change the script
                that is about to be written.
            compare_type: whether autogenerate compares types; a callable `(context,
                inspected_column, metadata_column, inspected_type, metadata_type)` returns True
                where they differ, None to let autogenerate decide.
            compare_server_default: likewise for server defaults, `(context, inspected_column,
                metadata_column, inspected_default, metadata_default, rendered_metadata_default)`;
                None compares them, but not in a project written for Alembic, where False is the default.
            render_item: `(type_, object, autogen_context)`: source code for an item, False for the
                usual.
            literal_binds: write values instead of parameters in `--sql`.
            upgrade_token, downgrade_token: variables of the script template.
            alembic_module_prefix, sqlalchemy_module_prefix, user_module_prefix: what is written
                before names of operations, of columns and types, and of types of your own.
            on_version_apply: called after each step, before its commit, with `ctx`, `step`,
                `heads` and `run_args`.
            autogenerate_plugins: names of the plugins that compare.
            **kw: further options: version_table ("alembic_version"), version_table_schema,
                version_table_pk (True), output_encoding, and those of pyorm's runtime.

        Raises:
            CommandError: Nothing says which database, or connection is no Connection.
        """
        opts = self.context_opts
        if transactional_ddl is not None:
            opts["transactional_ddl"] = transactional_ddl
        if output_buffer is not None:
            opts["output_buffer"] = output_buffer
        elif getattr(self.config, "output_buffer", None) is not None:
            opts["output_buffer"] = self.config.output_buffer
        if starting_rev:
            opts["starting_rev"] = starting_rev
        if tag:
            opts["tag"] = tag
        if template_args and "template_args" in opts:
            opts["template_args"].update(template_args)
        opts.update(
            transaction_per_migration=transaction_per_migration,
            target_metadata=target_metadata,
            include_name=include_name,
            include_object=include_object,
            include_schemas=include_schemas,
            render_as_batch=render_as_batch,
            upgrade_token=upgrade_token,
            downgrade_token=downgrade_token,
            sqlalchemy_module_prefix=sqlalchemy_module_prefix,
            alembic_module_prefix=alembic_module_prefix,
            user_module_prefix=user_module_prefix,
            literal_binds=literal_binds,
            process_revision_directives=process_revision_directives,
            on_version_apply=as_tuple(on_version_apply),
            compare_type=compare_type,
            script=self.script,
        )
        if compare_server_default is not None:
            opts["compare_server_default"] = compare_server_default
        elif getattr(self.script, "speaks_alembic", False):
            opts["compare_server_default"] = False
        if render_item is not None:
            opts["render_item"] = render_item
        if autogenerate_plugins is not None:
            opts["autogenerate_plugins"] = autogenerate_plugins
        opts.update(kw)
        self._migration_context = MigrationContext.configure(
            connection=connection,
            url=url,
            dialect_name=dialect_name,
            environment_context=self,
            dialect_opts=dialect_opts,
            opts=opts,
        )

    def get_context(self) -> MigrationContext:
        """Return the MigrationContext that configure() has made.

        Raises:
            CommandError: configure() was not called yet.
        """
        if self._migration_context is None:
            raise CommandError(
                "No context has been configured yet. env.py calls context.configure() before anything that needs "
                "the database."
            )
        return self._migration_context

    def get_bind(self) -> Any:
        """Return the Connection that is migrated; offline, what writes statements."""
        return self.get_context().bind

    def get_impl(self) -> Any:
        """Return what knows the database's statements."""
        return self.get_context().impl

    def is_transactional_ddl(self) -> bool:
        """Return whether DDL runs in transactions here."""
        return bool(self.get_context().impl.transactional_ddl)

    def begin_transaction(self) -> AbstractContextManager[Any]:
        """Return a context manager for the transaction of the run; see `MigrationContext`."""
        return self.get_context().begin_transaction()

    def run_migrations(self, **kw: Any) -> None:
        """Run the steps of the command; keyword arguments go to upgrade() and downgrade()."""
        operations = OP.make(self.get_context())
        OP.push(operations)
        try:
            self.get_context().run_migrations(**kw)
        finally:
            OP.pop(operations)

    def execute(self, sql: Any, execution_options: dict[str, Any] | None = None) -> None:
        """Execute a statement or a string; offline, write it."""
        self.get_context().execute(sql, execution_options)

    def static_output(self, text: str) -> None:
        """Write text into the SQL of an offline run as it is, such as a comment."""
        self.get_context().impl.static_output(text)
