"""CREATE and DROP of whole collections: which objects, in which order, and what exists already."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from pyorm import exc
from pyorm.schema import ddl
from pyorm.schema._ddl_text import DDLText
from pyorm.schema.events import fire
from pyorm.schema.sorting import sort_tables_and_constraints


@contextmanager
def connection_for(bind: Any) -> Iterator[Any]:
    """Give a Connection for an Engine (in a transaction of its own) or the Connection itself.

    Raises:
        ArgumentError: neither an Engine nor a Connection.
    """
    if hasattr(bind, "exec_driver_sql"):
        yield bind
    elif hasattr(bind, "begin") and hasattr(bind, "dialect"):
        with bind.begin() as connection:
            yield connection
    else:
        raise exc.ArgumentError(f"Expected an Engine or a Connection, got {bind!r}")


class _Existing:
    """Names that the database has, read once per schema."""

    def __init__(self, connection: Any, checkfirst: bool) -> None:
        from pyorm.schema.inspector import Inspector

        self._checkfirst = checkfirst
        self._inspector = Inspector(connection) if checkfirst else None
        self._tables: dict[Any, set[str]] = {}

    def has_table(self, table: Any, schema: str | None, default: bool) -> bool:
        """Return whether the table exists; `default` where nobody asked to look."""
        if self._inspector is None:
            return default
        names = self._tables.get(schema)
        if names is None:
            names = set(self._inspector.get_table_names(schema)) | set(self._inspector.get_view_names(schema))
            if self._inspector.dialect.name == "postgresql":
                names |= set(self._inspector.get_materialized_view_names(schema))
            names |= set(self._inspector.get_temp_table_names())
            self._tables[schema] = names
        return str(table.name) in names

    def has_index(self, index: Any, schema: str | None, default: bool) -> bool:
        """Return whether the index exists."""
        if self._inspector is None:
            return default
        found = self._inspector.get_indexes(index.table.name, schema)
        return any(entry["name"] == str(index.name) for entry in found)

    def has_sequence(self, sequence: Any, schema: str | None, default: bool) -> bool:
        """Return whether the sequence exists."""
        return default if self._inspector is None else self._inspector.has_sequence(sequence.name, schema)

    def has_type(self, name: str, schema: str | None, default: bool) -> bool:
        """Return whether the enum type exists."""
        return default if self._inspector is None else self._inspector.has_type(name, schema)


def _schema(connection: Any, item: Any) -> Any:
    translate = connection.get_execution_options().get("schema_translate_map")
    return translate.get(item.schema, item.schema) if translate else item.schema


def create_all(bind: Any, metadata: Any, tables: Collection[Any] | None, checkfirst: bool) -> None:
    """Create sequences, enum types, tables, indexes, comments, and the keys of cyclic tables."""
    with connection_for(bind) as connection:
        existing = _Existing(connection, checkfirst)
        chosen = _chosen(metadata, tables)
        missing = [t for t in chosen if not existing.has_table(t, _schema(connection, t), False)]
        fire(metadata, "before_create", metadata, connection, tables=missing, checkfirst=checkfirst)
        if connection.dialect.name == "postgresql":
            _create_sequences(connection, metadata, missing, tables, existing)
            _create_enums(connection, missing, existing)
        for table, keys in sort_tables_and_constraints(missing):
            if table is None:
                _add_keys(connection, keys)
            else:
                fire(table, "before_create", table, connection, checkfirst=checkfirst)
                _create_one(connection, table, keys)
                fire(table, "after_create", table, connection, checkfirst=checkfirst)
        fire(metadata, "after_create", metadata, connection, tables=missing, checkfirst=checkfirst)


def _create_one(connection: Any, table: Any, keys: list[Any]) -> None:
    connection.execute(ddl.CreateTable(table, include_foreign_key_constraints=keys))
    for index in sorted(table.indexes, key=lambda i: i._order):
        connection.execute(ddl.CreateIndex(index))
    if connection.dialect.name == "postgresql":
        if table.comment is not None:
            connection.execute(ddl.SetTableComment(table))
        for column in table.c:
            if column.comment is not None:
                connection.execute(ddl.SetColumnComment(column))


def _add_keys(connection: Any, keys: list[Any]) -> None:
    if connection.dialect.name == "sqlite":
        return  # SQLite's CREATE TABLE has them inline: it may refer to a table that is made later
    for key in keys:
        connection.execute(ddl.AddConstraint(key))


def _chosen(metadata: Any, tables: Collection[Any] | None) -> list[Any]:
    if tables is None:
        return sorted(metadata.tables.values(), key=lambda t: t.key)
    return list(tables)


def _create_sequences(connection: Any, metadata: Any, missing: list[Any], only: Any, existing: _Existing) -> None:
    wanted = _column_sequences(missing)
    if only is None:
        wanted |= set(metadata._sequences.values())
    for sequence in sorted(wanted, key=lambda s: str(s._key)):
        if not sequence.optional and not existing.has_sequence(sequence, _schema(connection, sequence), False):
            connection.execute(ddl.CreateSequence(sequence))


def _column_sequences(tables: list[Any]) -> set[Any]:
    return {c.default for t in tables for c in t.c if c.default is not None and c.default.is_sequence}


def _enums(tables: list[Any]) -> dict[tuple[Any, str], Any]:
    """Return the native enum types that columns use, by schema and name, in table order."""
    found: dict[tuple[Any, str], Any] = {}
    for table in tables:
        for column in table.c:
            enum = getattr(column.type, "item_type", column.type)
            if getattr(enum, "native_enum", False) and getattr(enum, "create_type", True):
                if enum.name is None:
                    raise exc.CompileError(
                        f"PostgreSQL ENUM type of column '{column}' requires a name: Enum(…, name=\"…\")"
                    )
                schema = enum.schema if enum.schema is not None else table.metadata.schema
                found.setdefault((schema, enum.name), enum)
    return found


def _create_enums(connection: Any, missing: list[Any], existing: _Existing) -> None:
    for (schema, name), enum in _enums(missing).items():
        if not existing.has_type(name, schema, False):
            render = DDLText(connection.dialect)
            full = f"{render.quote(schema)}.{render.quote(name)}" if schema else render.quote(name)
            labels = ", ".join(render.literal(label) for label in enum.enums)
            connection.exec_driver_sql(f"CREATE TYPE {full} AS ENUM ({labels})")


def drop_all(bind: Any, metadata: Any, tables: Collection[Any] | None, checkfirst: bool) -> None:
    """Drop the keys of cyclic tables, tables, enum types and sequences."""
    with connection_for(bind) as connection:
        existing = _Existing(connection, checkfirst)
        chosen = _chosen(metadata, tables)
        present = [t for t in chosen if existing.has_table(t, _schema(connection, t), True)]
        fire(metadata, "before_drop", metadata, connection, tables=present, checkfirst=checkfirst)
        is_lite = connection.dialect.name == "sqlite"
        if is_lite:
            ordered = _order_without_alter(present)
        else:
            pairs = sort_tables_and_constraints(present)
            for key in pairs[-1][1]:
                _drop_key(connection, key)
            ordered = [table for table, _ in pairs if table is not None]
        for table in reversed(ordered):
            fire(table, "before_drop", table, connection, checkfirst=checkfirst)
            connection.execute(ddl.DropTable(table))
            fire(table, "after_drop", table, connection, checkfirst=checkfirst)
        if connection.dialect.name == "postgresql":
            _drop_enums(connection, metadata, present, tables, existing)
            _drop_sequences(connection, metadata, present, tables, existing)
        fire(metadata, "after_drop", metadata, connection, tables=present, checkfirst=checkfirst)


def _drop_key(connection: Any, key: Any) -> None:
    if key.name is None:
        raise exc.CircularDependencyError(
            f"Can't sort tables for DROP: the foreign keys between {key.table.key!r} and {key.referred_table.key!r} "
            "form a cycle and this one has no name to drop it by; name it: ForeignKey(…, name=\"…\")",
            (),
            (),
        )
    connection.execute(ddl.DropConstraint(key))


def _order_without_alter(tables: list[Any]) -> list[Any]:
    """Return the order for a database that cannot drop a key from a table that stays."""
    from pyorm.schema.sorting import _edges, _order

    ordered, cycle = _order(tables, _edges(tables, lambda fk: fk.constraint.use_alter, None))
    if cycle:
        names = ", ".join(sorted(t.key for t in cycle))
        warnings.warn(
            f"Can't sort tables for DROP; an unresolvable foreign key dependency exists between tables: {names}; and "
            "backend does not support ALTER. Give one of the keys use_alter=True.",
            exc.SAWarning,
            stacklevel=4,
        )
    return ordered + list(reversed(cycle))


def _drop_enums(connection: Any, metadata: Any, dropped: list[Any], only: Any, existing: _Existing) -> None:
    """Drop the types of the dropped tables that no other table of the MetaData uses."""
    gone = {id(t) for t in dropped}
    kept = _enums([t for t in metadata.tables.values() if only is not None and id(t) not in gone])
    render = DDLText(connection.dialect)
    for (schema, name), _enum in _enums(dropped).items():
        if (schema, name) not in kept and existing.has_type(name, schema, True):
            full = f"{render.quote(schema)}.{render.quote(name)}" if schema else render.quote(name)
            connection.exec_driver_sql(f"DROP TYPE {full}")


def _drop_sequences(connection: Any, metadata: Any, dropped: list[Any], only: Any, existing: _Existing) -> None:
    wanted = _column_sequences(dropped)
    if only is None:
        wanted |= set(metadata._sequences.values())
    for sequence in sorted(wanted, key=lambda s: str(s._key)):
        if not sequence.optional and existing.has_sequence(sequence, _schema(connection, sequence), True):
            connection.execute(ddl.DropSequence(sequence))


def create_index(bind: Any, index: Any, checkfirst: bool) -> None:
    """Create one index."""
    with connection_for(bind) as connection:
        existing = _Existing(connection, checkfirst)
        if not existing.has_index(index, _schema(connection, index.table), False):
            connection.execute(ddl.CreateIndex(index))


def drop_index(bind: Any, index: Any, checkfirst: bool) -> None:
    """Drop one index."""
    with connection_for(bind) as connection:
        existing = _Existing(connection, checkfirst)
        if existing.has_index(index, _schema(connection, index.table), True):
            connection.execute(ddl.DropIndex(index))
