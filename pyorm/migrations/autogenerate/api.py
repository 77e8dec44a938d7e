"""Autogenerate as a library: what differs, as tuples, as operations, as source code.

`compare_metadata` and `produce_migrations` compare a MigrationContext's database with a MetaData;
`render_python_code` writes operations as source. `AutogenContext` is the state of one run that
comparators, hooks and renderers share.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyorm.migrations.operations import ops
from pyorm.migrations.util.exc import CommandError

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext
    from pyorm.schema import Inspector, MetaData, Table

_DEFAULTS: dict[str, Any] = {
    "sqlalchemy_module_prefix": "sa.",
    "alembic_module_prefix": "op.",
    "user_module_prefix": None,
    "render_item": None,
    "render_as_batch": False,
}


class AutogenContext:
    """What one run of autogenerate knows.

    Args:
        migration_context: the database's side.
        metadata: the program's side: a MetaData or a list of them; the environment's `target_metadata` by default.
        opts: options of `context.configure`; the migration context's by default.
        autogenerate: whether schemas are compared, which needs metadata and a connection.

    Raises:
        CommandError: schemas shall be compared, and there is no metadata, or no connection.
    """

    def __init__(
        self,
        migration_context: MigrationContext | None,
        metadata: MetaData | Sequence[MetaData] | None = None,
        opts: dict[str, Any] | None = None,
        autogenerate: bool = True,
    ) -> None:
        given = opts if opts is not None else (migration_context.opts if migration_context is not None else {})
        self.opts: dict[str, Any] = {**_DEFAULTS, **given}
        self.migration_context = migration_context
        self.imports: set[str] = set()
        """Lines of import that the rendered source needs."""
        self.compared = autogenerate
        """Whether schemas are compared in this run."""
        self.in_batch = False
        """Whether operations are rendered inside `with op.batch_alter_table(…) as batch_op`."""
        self.possible_renames: list[Any] = []
        """Removals and additions that may be renames, which nobody has decided about (`check` tells of them)."""
        self.metadata: Any = self.opts.get("target_metadata") if metadata is None else metadata
        if autogenerate:
            self._check_sides()
        self._object_filters = _listed(self.opts.get("include_object"))
        self._name_filters = _listed(self.opts.get("include_name"))

    def _check_sides(self) -> None:
        if self.metadata is None:
            script = getattr(self.migration_context, "script", None)
            where = getattr(script, "env_py_location", None) or "env.py"
            raise CommandError(
                f"Can't proceed with --autogenerate option; environment script {where} does not provide a MetaData "
                "object or sequence of objects to the context. Give context.configure() target_metadata=Base.metadata."
            )
        if self.migration_context is not None and self.migration_context.as_sql:
            raise CommandError("autogenerate can't use as_sql=True as it prevents querying the database")

    @property
    def connection(self) -> Any:
        """The connection of the run; None offline."""
        return None if self.migration_context is None else self.migration_context.connection

    @property
    def dialect(self) -> Any:
        """The dialect of the run; None without a migration context."""
        return None if self.migration_context is None else self.migration_context.dialect

    @property
    def library_name(self) -> str:
        """The package that rendered source imports: the name under which the project knows the library."""
        return str(self.opts.get("library_name") or "pyorm")

    @cached_property
    def inspector(self) -> Inspector:
        """An Inspector of the connection.

        Raises:
            TypeError: there is no connection.
        """
        from pyorm import inspect

        if self.connection is None:
            raise TypeError("can't return inspector as this AutogenContext has no database connection")
        return inspect(self.connection)

    @cached_property
    def sorted_tables(self) -> list[Table]:
        """The tables of all metadata, each after the tables its foreign keys refer to."""
        return [table for metadata in _listed(self.metadata) for table in metadata.sorted_tables]

    @cached_property
    def table_key_to_table(self) -> dict[str, Table]:
        """The tables of all metadata by their key.

        Raises:
            ValueError: two MetaData hold a table of the same key.
        """
        found: dict[str, Table] = {}
        for metadata in _listed(self.metadata):
            both = sorted(set(found) & set(metadata.tables))
            if both:
                shown = ", ".join(map(repr, both))
                raise ValueError(f"Duplicate table keys across multiple MetaData objects: {shown}")
            found.update(metadata.tables)
        return found

    def run_name_filters(self, name: str | None, type_: str, parent_names: dict[str, str | None]) -> bool:
        """Return whether every `include_name` lets a name of the database through.

        Args:
            name: the name; None for the default schema.
            type_: "schema", "table", "column", "index", "unique_constraint", "foreign_key_constraint" or
                "check_constraint".
            parent_names: "schema_name", and "table_name" below a table; "schema_qualified_table_name" is added.
        """
        if "schema_name" in parent_names:
            table = name if type_ == "table" else parent_names.get("table_name")
            if table:
                schema = parent_names["schema_name"]
                parent_names["schema_qualified_table_name"] = f"{schema}.{table}" if schema else table
        return all(accepts(name, type_, parent_names) for accepts in self._name_filters)

    def run_object_filters(self, object_: Any, name: str | None, type_: str, reflected: bool, compare_to: Any) -> bool:
        """Return whether every `include_object` lets a schema object through.

        Args:
            object_: a Table, Column, Index or constraint.
            name: its name.
            type_: "table", "column", "index", "unique_constraint", "foreign_key_constraint", "check_constraint".
            reflected: whether it comes from the database.
            compare_to: the object of the other side, or None.
        """
        return all(accepts(object_, name, type_, reflected, compare_to) for accepts in self._object_filters)

    run_filters = run_object_filters

    def render_item(self, type_: str, item: Any) -> str | None:
        """Ask the environment's `render_item` for source code; None where it leaves that to the library."""
        hook = self.opts.get("render_item")
        if hook is None:
            return None
        text = hook(type_, item, self)
        return None if text is False else ("" if text is None else str(text))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def compare_metadata(context: MigrationContext, metadata: Any) -> list[Any]:
    """Return what differs between a database and a MetaData, as tuples that begin with a verb.

    The changes of one column are one inner list. Nothing is written anywhere.

    Args:
        context: a MigrationContext with a connection.
        metadata: a MetaData, or a list of them.

    Raises:
        CommandError: the context is offline.
    """
    upgrade = produce_migrations(context, metadata).upgrade_ops
    assert upgrade is not None
    return upgrade.as_diffs()


def produce_migrations(context: MigrationContext, metadata: Any) -> ops.MigrationScript:
    """Return the MigrationScript that brings a database to a MetaData, and back.

    Args:
        context: a MigrationContext with a connection.
        metadata: a MetaData, or a list of them.
    """
    from pyorm.migrations.autogenerate.compare import populate_upgrade_ops

    autogen_context = AutogenContext(context, metadata=metadata)
    script = ops.MigrationScript(rev_id=None, upgrade_ops=ops.UpgradeOps([]), downgrade_ops=ops.DowngradeOps([]))
    upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
    assert upgrade is not None and downgrade is not None
    populate_upgrade_ops(autogen_context, upgrade)
    upgrade.reverse_into(downgrade)
    return script


def render_python_code(
    up_or_down_op: ops.UpgradeOps | ops.DowngradeOps,
    sqlalchemy_module_prefix: str = "sa.",
    alembic_module_prefix: str = "op.",
    render_as_batch: bool = False,
    imports: Sequence[str] = (),
    render_item: Any = None,
    migration_context: MigrationContext | None = None,
    user_module_prefix: str | None = None,
) -> str:
    """Return operations as source code: the body of a function, indented by four spaces but for its first line.

    Args:
        up_or_down_op: the operations.
        sqlalchemy_module_prefix: what stands before names of the library.
        alembic_module_prefix: what stands before operations.
        render_as_batch: whether changes of a table stand in `with op.batch_alter_table(…)`.
        imports: lines of import known already.
        render_item: a hook, as for `context.configure`.
        migration_context: the database's side; a PostgreSQL one by default.
        user_module_prefix: what stands before the program's own types; their module by default.
    """
    from pyorm.migrations.autogenerate.render import render_body

    if migration_context is None:
        from pyorm.migrations.runtime.migration import MigrationContext

        migration_context = MigrationContext.configure(dialect_name="postgresql")
    context = AutogenContext(
        migration_context,
        opts={
            **migration_context.opts,
            "sqlalchemy_module_prefix": sqlalchemy_module_prefix,
            "alembic_module_prefix": alembic_module_prefix,
            "render_item": render_item,
            "render_as_batch": render_as_batch,
            "user_module_prefix": user_module_prefix,
        },
        autogenerate=False,
    )
    context.imports = set(imports)
    return render_body(context, up_or_down_op)
