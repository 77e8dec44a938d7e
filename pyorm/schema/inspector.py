"""`Inspector`: what a database contains, as plain dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import _core, exc
from pyorm.inspection import register_inspector


class Inspector:
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

    def clear_cache(self) -> None:
        """Forget what was read."""
        self._cache.clear()

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
        name = str(table_name)
        if not self.has_table(name, schema):
            raise exc.NoSuchTableError(f"{schema}.{name}" if schema else name)
        return self._ask(question, name, schema)

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

    def get_sequence_names(self, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the sequences of a schema.

        Raises:
            NotImplementedError: the database has none (SQLite).
        """
        return list(self._ask(self._catalog.sequence_names, schema))

    def get_view_definition(self, view_name: str, schema: str | None = None, **kw: Any) -> str:
        """Return the SELECT (SQLite: the CREATE VIEW) of a view."""
        return self._of_table(self._catalog.view_definition, view_name, schema)  # type: ignore[no-any-return]

    def get_sorted_table_and_fkc_names(
        self, schema: str | None = None, **kw: Any
    ) -> list[tuple[str | None, list[Any]]]:
        """Return `(table, foreign key names that need no ALTER)`, referred-to tables first; `(None, others)` last."""
        names = self.get_table_names(schema)
        refers = {n: self.get_foreign_keys(n, schema) for n in names}
        before = {n: {f["referred_table"] for f in refers[n]} & set(names) - {n} for n in names}
        done: list[str] = []
        late: list[Any] = []
        rest = sorted(names)
        while rest:
            ready = [n for n in rest if before[n] <= set(done)]
            if not ready:  # a cycle: the first table's keys into the rest come by ALTER
                ready = rest[:1]
                late += [(ready[0], f["name"]) for f in refers[ready[0]] if f["referred_table"] in rest[1:]]
            done += ready
            rest = [n for n in rest if n not in done]
        late_names = set(late)
        inline = [
            (n, list({(n, f["name"]): None for f in refers[n] if (n, f["name"]) not in late_names})) for n in done
        ]
        return [*inline, (None, late)]

    # ---- existence ---------------------------------------------------------------------------------------------
    def has_table(self, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Return whether a table or view of this name exists."""
        name = str(table_name)
        if name in self.get_table_names(schema) or name in self.get_view_names(schema):
            return True
        if self.dialect.name == "postgresql" and name in self.get_materialized_view_names(schema):
            return True
        return schema is None and name in self.get_temp_table_names()

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


register_inspector(_core.EngineCore, Inspector)
register_inspector(_core.Connection, Inspector)
