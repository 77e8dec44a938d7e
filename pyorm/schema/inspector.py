"""`Inspector`: what a database contains, as plain dicts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import _core, exc
from pyorm.inspection import register_inspector
from pyorm.schema._inspect_many import Many
from pyorm.schema.kinds import ObjectKind, ObjectScope


class Inspector(Many):
    """Reads names and definitions from a database's catalog; `inspect(engine)` makes one.

    Args:
        bind: an Engine (a connection is taken for each question) or a Connection.

    Answers are kept: ask `clear_cache()` after the schema changed.
    """

    def __init__(self, bind: Any) -> None:
        """Choose the catalog by the bind's dialect."""
        self.bind = bind
        self.engine = getattr(bind, "engine", bind)
        self.dialect = bind.dialect
        if self.dialect.name == "sqlite":
            from pyorm.schema import _catalog_sqlite as catalog
        else:
            from pyorm.schema import _catalog_postgresql as catalog  # type: ignore[no-redef]
        self._catalog: Any = catalog
        self._cache: dict[tuple[Any, ...], Any] = {}
        self._facts: dict[str, dict[tuple[str | None, str], Any]] = {}  # by question and table

    @property
    def info_cache(self) -> dict[tuple[Any, ...], Any]:
        """What was read: emptied by `clear_cache()`."""
        return self._cache

    def clear_cache(self) -> None:
        """Forget what was read."""
        self._cache.clear()
        self._facts.clear()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        if hasattr(self.bind, "exec_driver_sql"):
            yield self.bind
        else:
            with self.bind.connect() as connection:
                yield connection

    def _ask(self, question: Callable[..., Any], *args: Any) -> Any:
        key = (question.__name__, *args)
        if key not in self._cache:
            with self._connection() as connection:
                self._cache[key] = question(connection, *args)
        return self._cache[key]

    def _of_table(self, question: Callable[..., Any], table_name: Any, schema: str | None) -> Any:
        """Return the answer about one table, from what was read before or the database."""
        name = str(table_name)
        known = self._facts.setdefault(question.__name__, {})
        if (schema, name) not in known:
            with self._connection() as connection:
                key = self._catalog.find(connection, name, schema)
                if key is None:
                    raise exc.NoSuchTableError(f"{schema}.{name}" if schema else name)
                known[schema, name] = question(connection, [key], schema)[key]
        return known[schema, name]

    def _of_many(
        self,
        question: Callable[..., Any],
        schema: str | None,
        filter_names: Collection[str] | None,
        kind: ObjectKind,
        scope: ObjectScope,
    ) -> dict[tuple[str | None, str], Any]:
        """Return the answers about all tables that are meant, by (schema, name)."""
        known = self._facts.setdefault(question.__name__, {})
        keys = self._ask(self._catalog.relations, schema, kind, scope)
        if filter_names is not None:
            keys = {name: key for name, key in keys.items() if name in filter_names}
        new = {name: key for name, key in keys.items() if (schema, name) not in known}
        if new:
            with self._connection() as connection:
                found = question(connection, list(new.values()), schema)
            known.update({(schema, name): found[key] for name, key in new.items()})
        return {(schema, name): known[schema, name] for name in keys}

    # ---- names -------------------------------------------------------------------------------------------------
    @property
    def default_schema_name(self) -> str:
        """The schema that an unqualified name means."""
        return self._ask(self._catalog.default_schema)  # type: ignore[no-any-return]

    def get_schema_names(self, **kw: Any) -> list[str]:
        """Return all schemas' names, sorted."""
        return list(self._ask(self._catalog.schema_names))

    def get_table_names(self, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the ordinary tables of a schema."""
        return list(self._ask(self._catalog.table_names, schema))

    def get_view_names(self, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the views of a schema."""
        return list(self._ask(self._catalog.view_names, schema))

    def get_materialized_view_names(self, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the materialized views of a schema.

        Raises:
            NotImplementedError: the database has none (SQLite).
        """
        return list(self._ask(self._catalog.materialized_view_names, schema))

    def get_temp_table_names(self, **kw: Any) -> list[str]:
        """Return the names of this connection's temporary tables."""
        return list(self._ask(self._catalog.temp_table_names))

    def get_temp_view_names(self, **kw: Any) -> list[str]:
        """Return the names of this connection's temporary views."""
        return list(self._ask(self._catalog.temp_view_names))

    def get_sequence_names(self, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the sequences of a schema.

        Raises:
            NotImplementedError: the database has none (SQLite).
        """
        return list(self._ask(self._catalog.sequence_names, schema))

    def get_view_definition(self, view_name: str, schema: str | None = None, **kw: Any) -> str:
        """Return the SELECT (SQLite: the CREATE VIEW) of a view."""
        if not self.has_table(view_name, schema):
            raise exc.NoSuchTableError(f"{schema}.{view_name}" if schema else str(view_name))
        return str(self._ask(self._catalog.view_definition, str(view_name), schema))

    def get_sorted_table_and_fkc_names(
        self, schema: str | None = None, **kw: Any
    ) -> list[tuple[str | None, list[Any]]]:
        """Return `(table, foreign key names that need no ALTER)`, referred-to tables first; `(None, others)` last."""
        return [
            (None if key is None else key[1], [(own[1], name) for own, name in names])
            for key, names in self.sort_tables_on_foreign_key_dependency((schema,))
        ]

    def sort_tables_on_foreign_key_dependency(
        self, consider_schemas: Collection[str | None] = (None,), **kw: Any
    ) -> list[tuple[Any, list[Any]]]:
        """Return the same for several schemas, tables and keys with `(schema, table)` for the table."""
        refers: dict[tuple[str | None, str], Any] = {}
        for schema in consider_schemas:
            refers.update(self.get_multi_foreign_keys(schema))
        return _sorted_by_keys(refers)

    # ---- existence ---------------------------------------------------------------------------------------------
    def has_table(self, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Return whether a table or view of this name exists."""
        return self._ask(self._catalog.find, str(table_name), schema) is not None

    def has_multi_table(
        self, table_names: Collection[str], schema: str | None = None, **kw: Any
    ) -> dict[tuple[str | None, str], bool]:
        """Return whether tables or views of these names exist, by (schema, name)."""
        found = self._ask(self._catalog.relations, schema, ObjectKind.ANY, ObjectScope.ANY)
        return {(schema, name): name in found for name in table_names}

    def has_index(self, table_name: str, index_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Return whether the table has an index of this name."""
        return self.has_table(table_name, schema) and self._ask(
            self._catalog.has_index, str(table_name), str(index_name), schema
        )

    def has_sequence(self, sequence_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Return whether a sequence of this name exists."""
        return str(sequence_name) in self.get_sequence_names(schema)

    def has_schema(self, schema_name: str, **kw: Any) -> bool:
        """Return whether the schema exists."""
        return schema_name in self.get_schema_names()

    def has_type(self, type_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Return whether an enum (or other own type) of this name exists; never on SQLite."""
        return bool(self._ask(self._catalog.has_type, type_name, schema))

    # ---- definitions -------------------------------------------------------------------------------------------
    def get_columns(self, table_name: str, schema: str | None = None, **kw: Any) -> list[dict[str, Any]]:
        """Return a dict for each column: name, type, nullable, default, autoincrement, comment, computed, identity.

        Raises:
            NoSuchTableError: no such table or view.
        """
        return list(self._of_table(self._catalog.columns, table_name, schema))

    def get_pk_constraint(self, table_name: str, schema: str | None = None, **kw: Any) -> dict[str, Any]:
        """Return `constrained_columns` and `name` of the primary key."""
        return dict(self._of_table(self._catalog.primary_key, table_name, schema))

    def get_foreign_keys(self, table_name: str, schema: str | None = None, **kw: Any) -> list[dict[str, Any]]:
        """Return a dict for each foreign key: columns on both sides, the table referred to, options, name."""
        return list(self._of_table(self._catalog.foreign_keys, table_name, schema))

    def get_indexes(self, table_name: str, schema: str | None = None, **kw: Any) -> list[dict[str, Any]]:
        """Return a dict for each index: name, column_names, unique, expressions, dialect_options."""
        return list(self._of_table(self._catalog.indexes, table_name, schema))

    def get_unique_constraints(self, table_name: str, schema: str | None = None, **kw: Any) -> list[dict[str, Any]]:
        """Return a dict for each unique constraint: name, column_names."""
        return list(self._of_table(self._catalog.unique_constraints, table_name, schema))

    def get_check_constraints(self, table_name: str, schema: str | None = None, **kw: Any) -> list[dict[str, Any]]:
        """Return a dict for each check constraint: name, sqltext."""
        return list(self._of_table(self._catalog.check_constraints, table_name, schema))

    def get_table_comment(self, table_name: str, schema: str | None = None, **kw: Any) -> dict[str, Any]:
        """Return `{"text": comment or None}`.

        Raises:
            NotImplementedError: the database has no comments (SQLite).
        """
        return dict(self._of_table(self._catalog.table_comment, table_name, schema))

    def get_table_options(self, table_name: str, schema: str | None = None, **kw: Any) -> dict[str, Any]:
        """Return the keywords that a Table takes to be created the same: `sqlite_strict`, …"""
        return dict(self._of_table(self._catalog.table_options, table_name, schema))

    def get_enums(self, schema: str | None = None, **kw: Any) -> list[dict[str, Any]]:
        """Return a dict for each enum type: name, schema, visible, labels (PostgreSQL)."""
        return list(self._ask(self._catalog.enums, schema))

    def get_domains(self, schema: str | None = None, **kw: Any) -> list[dict[str, Any]]:
        """Return a dict for each domain: name, schema, visible, type, nullable, default, constraints, collation.

        Raises:
            NotImplementedError: the database has none (SQLite).
        """
        return list(self._ask(self._catalog.domains, schema))

    def get_foreign_table_names(self, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the tables on other servers.

        Raises:
            NotImplementedError: the database has none (SQLite).
        """
        return list(self._ask(self._catalog.foreign_table_names, schema))

    def get_table_oid(self, table_name: str, schema: str | None = None, **kw: Any) -> int:
        """Return the number of a table in the catalog (PostgreSQL).

        Raises:
            NoSuchTableError: no such table or view.
            NotImplementedError: the database does not number tables (SQLite).
        """
        if self.dialect.name != "postgresql":
            raise NotImplementedError("SQLite has no numbers for tables")
        oid = self._ask(self._catalog.find, str(table_name), schema)
        if oid is None:
            raise exc.NoSuchTableError(f"{schema}.{table_name}" if schema else str(table_name))
        return int(oid)

    def reflect_table(
        self,
        table: Any,
        include_columns: Collection[str] | None = None,
        exclude_columns: Collection[str] = (),
        resolve_fks: bool = True,
        **kw: Any,
    ) -> None:
        """Give a Table the columns, keys and indexes that the database has.

        Raises:
            NoSuchTableError: no such table or view.
        """
        from pyorm.schema.reflect import reflect_table

        if exclude_columns:
            names = [c["name"] for c in self.get_columns(table.name, table.schema)]
            wanted = names if include_columns is None else include_columns
            include_columns = [n for n in names if n in wanted and n not in exclude_columns]
        reflect_table(table, self, include_columns, resolve_fks, True, ())


def _sorted_by_keys(refers: dict[Any, Any]) -> list[tuple[Any, list[Any]]]:
    """Return tables in the order of their foreign keys, and what a cycle leaves for ALTER."""
    before = {
        key: {(f["referred_schema"], f["referred_table"]) for f in keys} & set(refers) - {key}
        for key, keys in refers.items()
    }
    done: list[Any] = []
    late: list[Any] = []
    rest = sorted(refers, key=lambda key: (key[0] or "", key[1]))
    while rest:
        ready = [key for key in rest if before[key] <= set(done)]
        if not ready:  # a cycle: the first table's keys into the rest come by ALTER
            ready = rest[:1]
            late += [
                (ready[0], f["name"]) for f in refers[ready[0]]
                if (f["referred_schema"], f["referred_table"]) in rest[1:]
            ]  # fmt: skip
        done += ready
        rest = [key for key in rest if key not in ready]
    inline = [
        (key, list({(key, f["name"]): None for f in refers[key] if (key, f["name"]) not in late})) for key in done
    ]
    return [*inline, (None, late)]


register_inspector(_core.EngineCore, Inspector)
register_inspector(_core.Connection, Inspector)
