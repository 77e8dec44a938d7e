"""One comparison: both sides as facts, the hooks, and the plan that differences are added to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from pyorm.migrations.autogenerate import catalog_postgresql, catalog_sqlite, declared
from pyorm.migrations.autogenerate.compare.dispatch import PriorityDispatcher, comparators
from pyorm.migrations.autogenerate.facts import DatabaseFacts, TableFacts, TableKey
from pyorm.migrations.autogenerate.objects import Objects
from pyorm.migrations.autogenerate.order import Plan
from pyorm.migrations.runtime.journal import journal_table_name
from pyorm.migrations.runtime.plugins import BUILTIN, Plugin, wants_builtin

log = logging.getLogger("pyorm.migrations.autogenerate.compare")

_DEFAULT_PLUGINS = ("alembic.autogenerate.*",)


class Run:
    """The state of one comparison.

    Args:
        autogen_context: the AutogenContext.

    Attributes:
        declared: the model as facts.
        found: the database as facts.
        objects: schema objects of the database, made when they are asked for.
        plan: the operations.
        value_renames: old → new of values of enum types, by type.
    """

    def __init__(self, autogen_context: Any) -> None:
        """Read both sides; at most ten statements on PostgreSQL, one for each database file on SQLite."""
        self.context = autogen_context
        self.opts: dict[str, Any] = autogen_context.opts
        self.connection = autogen_context.connection
        self.dialect = autogen_context.dialect
        self.is_pg = self.dialect.name == "postgresql"
        self.plan = Plan(merges=not self.is_pg)
        self.value_renames: dict[TableKey, dict[str, str]] = {}
        self.has_object_filters = bool(autogen_context._object_filters)
        self.has_name_filters = bool(autogen_context._name_filters)
        self._plugins = list(self.opts.get("autogenerate_plugins") or _DEFAULT_PLUGINS)
        self._wanted = {kind for kind in BUILTIN if wants_builtin(kind, self._plugins)}
        self.custom: PriorityDispatcher = comparators.branch()
        Plugin.populate_autogenerate_priority_dispatch(self.custom, self._plugins)
        self._made: dict[str, frozenset[TableKey]] = {}
        self._read()

    def wants(self, kind: str) -> bool:
        """Return whether our comparison of a kind ("tables", "types", …) takes part."""
        return kind in self._wanted

    @cached_property
    def has_column_hooks(self) -> bool:
        """Return whether somebody else may say that a column differs of which all facts are the same."""
        if any(self.custom.has(target) for target in ("column", "type", "server_default")):
            return True
        compare = getattr(type(getattr(self.context.migration_context, "impl", None)), "compare_type", None)
        own_impl = compare is not None and not str(compare.__module__).startswith("pyorm.migrations")
        return own_impl or callable(self.opts.get("compare_type")) or callable(self.opts.get("compare_server_default"))

    # ---- both sides --------------------------------------------------------------------------------------------
    def _read(self) -> None:
        default = "main" if not self.is_pg else None
        reader_of: Any = catalog_postgresql.Reader if self.is_pg else catalog_sqlite.Reader
        if self.is_pg:
            default = self.connection.exec_driver_sql("SELECT current_schema()::text").scalar()
        self.model = declared.Reader(self.context.metadata, self.dialect, default)
        self._reads_default = self.accepts_name(None, "schema", {})
        known = {*self.model.tables}
        known |= {old for key, t in self.model.tables.items() if (old := declared.earlier_key(t, key, default))}
        elsewhere = {key for key in known if key[0] is not None}
        reader = reader_of(self.connection, self._schema_filter(), elsewhere, self._wants_table)
        self.found: DatabaseFacts = reader.read()
        wanted = [key for key in self.model.tables if not self.is_own_table(*key)]
        self.declared: DatabaseFacts = self.model.read(wanted)
        self.objects = Objects(self.found, self.connection)
        for key in wanted:
            self.plan.named(key, self.model.tables[key].schema)

    def _schema_filter(self) -> Callable[[str], bool] | None:
        if not self.opts.get("include_schemas"):
            return None
        return lambda schema: self.accepts_name(schema, "schema", {})

    def _wants_table(self, schema: str | None, name: str) -> bool:
        if self.is_own_table(schema, name):
            return False
        if schema is None and not self._reads_default and (schema, name) not in self.model.tables:
            return False
        return self.accepts_name(name, "table", {"schema_name": schema})

    def is_own_table(self, schema: str | None, name: str) -> bool:
        """Return whether a table is one in which migrations keep their own state."""
        context = self.context.migration_context
        table = getattr(context, "version_table", None) or self.opts.get("version_table", "alembic_version")
        place = getattr(context, "version_table_schema", None) or self.opts.get("version_table_schema")
        return schema == self.model.schema(place) and name in (table, journal_table_name(table))

    def made(self, script: Any, kind: str) -> frozenset[TableKey]:
        """Return the "tables" or "sequences" that scripts make, the default schema as None; read once."""
        if kind not in self._made:
            named = getattr(script, f"made_{kind}")()
            self._made[kind] = frozenset((self.model.schema(schema), name) for schema, name in named)
        return self._made[kind]

    # ---- hooks -------------------------------------------------------------------------------------------------
    def accepts_name(self, name: str | None, type_: str, parents: dict[str, str | None]) -> bool:
        """Ask `include_name` about something that the database has."""
        return not self.has_name_filters or bool(self.context.run_name_filters(name, type_, dict(parents)))

    def accepts(
        self, made: Callable[[], Any], name: str | None, type_: str, reflected: bool, other: Callable[[], Any] | None
    ) -> bool:
        """Ask `include_object`; the objects are made only if there is somebody to ask."""
        if not self.has_object_filters:
            return True
        compare_to = None if other is None else other()
        return bool(self.context.run_object_filters(made(), name, type_, reflected, compare_to))

    def named_parts(self, table: TableFacts) -> TableFacts:
        """Return a table of the database without the columns, indexes and constraints `include_name` refuses."""
        if not self.has_name_filters:
            return table
        parents = {"schema_name": table.schema, "table_name": table.name}

        def kept(items: Iterable[Any], type_: str) -> Any:
            return tuple(item for item in items if self.accepts_name(item.name, type_, parents))

        return replace(
            table,
            columns={c.name: c for c in kept(table.columns.values(), "column")},
            uniques=kept(table.uniques, "unique_constraint"),
            foreign_keys=kept(table.foreign_keys, "foreign_key_constraint"),
            checks=kept(table.checks, "check_constraint"),
            indexes=kept(table.indexes, "index"),
        )


def full_name(key: TableKey) -> str:
    """Return `schema.table` or the table's name, as messages show it."""
    return f"{key[0]}.{key[1]}" if key[0] else key[1]


def may_drop(run: Any, key: TableKey, kind: str = "tables") -> bool:
    """Return whether a table or sequence that no model has is dropped: if a migration made it, or the user says so."""
    allowed = run.opts.get("allow_drop")
    if allowed:
        return True
    script = getattr(run.context.migration_context, "script", None) or run.opts.get("script")
    if script is None:
        return allowed is None
    return key in run.made(script, kind)
