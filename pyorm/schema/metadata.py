"""`MetaData`: the registry of tables, and the order in which they depend on each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from pyorm import exc
from pyorm.schema._base import SchemaItem, conv, quoted_name
from pyorm.schema.sorting import sort_tables

DEFAULT_NAMING_CONVENTION: dict[Any, Any] = {"ix": "ix_%(column_0_label)s"}


class MetaData(SchemaItem):
    """A collection of tables.

    Args:
        schema: default schema of its tables.
        quote_schema: quote that name always (True), never (False) or by the rules (None).
        naming_convention: constraint names by kind (`{"pk": "pk_%(table_name)s", …}`).
        info: a dict for the application.
    """

    __visit_name__ = "metadata"

    def __init__(
        self,
        schema: str | None = None,
        quote_schema: bool | None = None,
        naming_convention: dict[Any, Any] | None = None,
        info: dict[Any, Any] | None = None,
    ) -> None:
        """Start empty."""
        if schema is not None and not isinstance(schema, str):
            raise exc.ArgumentError(f"expected schema argument to be a string, got {type(schema)}.")
        self.schema = quoted_name(schema, quote_schema) if quote_schema is not None and schema is not None else schema
        self.naming_convention = naming_convention or DEFAULT_NAMING_CONVENTION
        self.tables: dict[str, Any] = {}
        self._sequences: dict[str, Any] = {}
        self._named_types: list[Any] = []  # types made with metadata=
        self._waiting: dict[str, list[Any]] = {}  # foreign keys by the key of the table they wait for
        self._untyped: dict[int, list[Any]] = {}  # foreign keys by id of the target column that has no type yet
        if info is not None:
            self.info = info

    def __contains__(self, table: Any) -> bool:
        """Return whether a table (or its key) is here."""
        key = table if isinstance(table, str) else getattr(table, "key", None)
        return key in self.tables

    def __repr__(self) -> str:
        """Show nothing but the kind, as the tables may be many."""
        return "MetaData()"

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the tables; waiting references are worked out again."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_untyped", "_dispatch")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore what __getstate__ kept."""
        self.__dict__.update(state)
        self._untyped = {}

    @property
    def sorted_tables(self) -> list[Any]:
        """The tables, referred-to first; ties by name; a cycle warns and is left in name order."""
        return sort_tables(sorted(self.tables.values(), key=lambda t: t.key))

    def remove(self, table: Any) -> None:
        """Take a table out of the collection."""
        self.tables.pop(table.key, None)

    def clear(self) -> None:
        """Take all tables out of the collection."""
        self.tables.clear()
        self._waiting.clear()
        self._untyped.clear()
        self._sequences.clear()
        self._named_types.clear()

    def create_all(self, bind: Any, tables: Collection[Any] | None = None, checkfirst: Any = True) -> None:
        """Create tables, their indexes, enum types and sequences, referred-to first.

        Args:
            bind: an Engine or a Connection.
            tables: only these; None means all.
            checkfirst: ask the database first and leave out what exists; a CheckFirst says of what.
        """
        from pyorm.schema.create import create_all

        create_all(bind, self, tables, checkfirst)

    def drop_all(self, bind: Any, tables: Collection[Any] | None = None, checkfirst: Any = True) -> None:
        """Drop tables, referring ones first, and the types and sequences that belong to them.

        Args:
            bind: an Engine or a Connection.
            tables: only these; None means all.
            checkfirst: ask the database first and leave out what does not exist.
        """
        from pyorm.schema.create import drop_all

        drop_all(bind, self, tables, checkfirst)

    def reflect(
        self,
        bind: Any,
        schema: str | None = None,
        views: bool = False,
        only: Any = None,
        extend_existing: bool = False,
        resolve_fks: bool = True,
        **options: Any,
    ) -> None:
        """Load the definitions of the database's tables.

        Args:
            bind: an Engine or a Connection.
            schema: where to look; None is the default schema.
            views: views too.
            only: names, or a callable `(name, metadata) -> bool`.
            extend_existing: load also what is declared here already.
        """
        from pyorm.schema.reflect import reflect_metadata

        reflect_metadata(self, bind, schema, views, only, extend_existing, resolve_fks, options)

    # ---- names -----------------------------------------------------------------------------------------------
    def _name_for(self, constraint: Any, table: Any) -> str | None:
        """Return the constraint's name after the convention, or None where none applies."""
        if isinstance(constraint.name, conv) or self.naming_convention is DEFAULT_NAMING_CONVENTION:
            return None
        from pyorm.schema.naming import constraint_name

        return constraint_name(constraint, table, self.naming_convention)

    def _constraint_added(self, constraint: Any, table: Any) -> None:
        """Name a constraint, once the whole table it may speak of is known."""
        if table.key in self.tables:
            constraint.name = self._name_for(constraint, table) or constraint.name

    # ---- references that wait for their table ------------------------------------------------------------------
    def _table_added(self, table: Any) -> None:
        self.tables[table.key] = table
        if self.naming_convention is not DEFAULT_NAMING_CONVENTION:
            for constraint in sorted(table.constraints, key=lambda c: c._order):
                self._constraint_added(constraint, table)
        for fk in self._waiting.pop(table.key, ()):
            self._try_target(fk)

    def _foreign_key_added(self, fk: Any) -> None:
        key = fk._target_table_key()
        if key in self.tables:
            self._try_target(fk)
        else:
            self._waiting.setdefault(key, []).append(fk)

    def _try_target(self, fk: Any) -> None:
        """Let the referring column take the target's type, now or when the target has one itself."""
        if not fk.parent.type._isnull:
            return
        try:
            target = fk.column
        except exc.NoReferencedColumnError:
            return  # the error is raised where the key is used
        if target.type._isnull:
            self._untyped.setdefault(id(target), []).append(fk)
        else:
            fk._target_ready()

    def _type_arrived(self, column: Any) -> None:
        for fk in self._untyped.pop(id(column), ()):
            fk._target_ready()

    def __iter__(self) -> Iterator[Any]:
        """Refuse iteration: `tables` or `sorted_tables` say which order is meant."""
        raise TypeError("MetaData is not iterable; use .tables.values() or .sorted_tables")
