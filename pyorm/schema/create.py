"""CREATE and DROP of whole collections: which objects, in which order, and what exists already."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import Flag
from typing import Any

from pyorm import exc
from pyorm.schema import ddl
from pyorm.schema.events import fire
from pyorm.schema.named_types import create_type, drop_type, in_metadata, named_types_in
from pyorm.schema.sorting import sort_tables_and_constraints


class CheckFirst(Flag):
    """Which kinds of objects `create_all()`, `drop_all()`, `create()` and `drop()` look for before they act."""

    NONE = 0
    TABLES = 2
    VIEWS = 4
    INDEXES = 8
    SEQUENCES = 16
    TYPES = 32
    ALL = TABLES | VIEWS | INDEXES | SEQUENCES | TYPES

    @classmethod
    def of(cls, value: Any) -> CheckFirst:
        """Return the flags for what `checkfirst=` was given: True is ALL, False is NONE."""
        return value if isinstance(value, cls) else cls.ALL if value else cls.NONE


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


def _is_mock(connection: Any) -> bool:
    """Whether there is no database behind it, as with create_mock_engine()."""
    return bool(getattr(connection, "_is_mock", False))


class Existing:
    """Names that the database has, read once per schema."""

    def __init__(self, connection: Any, checkfirst: Any) -> None:
        from pyorm.schema.inspector import Inspector

        self.checkfirst = CheckFirst.NONE if _is_mock(connection) else CheckFirst.of(checkfirst)
        self._inspector: Any = Inspector(connection) if self.checkfirst else None
        self._tables: dict[Any, set[str]] = {}

    def has_table(self, table: Any, schema: str | None, default: bool) -> bool:
        """Return whether the table exists; `default` where nobody asked to look."""
        if not self.checkfirst & CheckFirst.TABLES:
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
        if not self.checkfirst & CheckFirst.INDEXES:
            return default
        found = self._inspector.get_indexes(index.table.name, schema)
        return any(entry["name"] == str(index.name) for entry in found)

    def has_sequence(self, sequence: Any, schema: str | None, default: bool) -> bool:
        """Return whether the sequence exists."""
        if not self.checkfirst & CheckFirst.SEQUENCES:
            return default
        return bool(self._inspector.has_sequence(sequence.name, schema))

    def has_type(self, type_: Any, schema: str | None, default: bool) -> bool:
        """Return whether the enum type or domain exists."""
        if not self.checkfirst & CheckFirst.TYPES:
            return default
        return bool(self._inspector.has_type(type_.name, schema))


def _translated(connection: Any, schema: Any) -> Any:
    translate = connection.get_execution_options().get("schema_translate_map")
    return translate.get(schema, schema) if translate else schema


def _schema(connection: Any, item: Any) -> Any:
    return _translated(connection, item.schema)


def create_all(bind: Any, metadata: Any, tables: Collection[Any] | None, checkfirst: Any) -> None:
    """Create sequences, named types, tables, indexes, comments, and the keys of cyclic tables."""
    with connection_for(bind) as connection:
        existing = Existing(connection, checkfirst)
        chosen = _chosen(metadata, tables)
        missing = [t for t in chosen if not existing.has_table(t, _schema(connection, t), False)]
        flags = existing.checkfirst
        fire(metadata, "before_create", metadata, connection, tables=missing, checkfirst=flags)
        if connection.dialect.name == "postgresql":
            _create_sequences(connection, metadata, missing, tables, existing)
            own = in_metadata(metadata) if tables is None else {}
            _create_types(connection, {**own, **named_types_in(missing)}, existing)
        for table, keys in sort_tables_and_constraints(missing):
            if table is None:
                _add_keys(connection, keys)
            else:
                _create_one(connection, table, keys, flags)
        fire(metadata, "after_create", metadata, connection, tables=missing, checkfirst=flags)


def create_table(bind: Any, table: Any, checkfirst: Any) -> None:
    """Create one table with its indexes, and before it the sequences and types that it needs."""
    with connection_for(bind) as connection:
        existing = Existing(connection, checkfirst)
        if existing.has_table(table, _schema(connection, table), False):
            return
        if connection.dialect.name == "postgresql":
            _create_sequences(connection, table.metadata, [table], [table], existing)
            _create_types(connection, named_types_in([table]), existing)
        _create_one(connection, table, None, existing.checkfirst)


def _create_one(connection: Any, table: Any, keys: list[Any] | None, checkfirst: CheckFirst) -> None:
    fire(table, "before_create", table, connection, checkfirst=checkfirst)
    creator = table._creator_ddl
    connection.execute(
        ddl.CreateTable(table, include_foreign_key_constraints=keys) if creator is None else creator
    )
    for index in sorted(table.indexes, key=lambda i: i._order):
        _create_index(connection, index)
    if connection.dialect.name == "postgresql":
        _comment(connection, table)
    fire(table, "after_create", table, connection, checkfirst=checkfirst)


def _comment(connection: Any, table: Any) -> None:
    if table.comment is not None:
        connection.execute(ddl.SetTableComment(table))
    for column in table.c:
        if column.comment is not None:
            connection.execute(ddl.SetColumnComment(column))
    for constraint in sorted(table.constraints, key=lambda c: c._order):
        if constraint.comment is not None and constraint.name is not None:
            connection.execute(ddl.SetConstraintComment(constraint))


def _is_wanted(connection: Any, statement: Any, item: Any) -> bool:
    """Return whether the condition of `ddl_if()` lets the statement be written here."""
    condition = item._ddl_if
    return condition is None or condition.holds(statement, item, connection, connection.dialect)


def _create_index(connection: Any, index: Any) -> None:
    statement = ddl.CreateIndex(index)
    if _is_wanted(connection, statement, index):
        fire(index, "before_create", index, connection)
        connection.execute(statement)
        fire(index, "after_create", index, connection)


def _add_keys(connection: Any, keys: list[Any]) -> None:
    if connection.dialect.name == "sqlite":
        return  # SQLite's CREATE TABLE has them inline: it may refer to a table that is made later
    for key in keys:
        statement = ddl.AddConstraint(key, isolate_from_table=False)
        if _is_wanted(connection, statement, key):
            connection.execute(statement)


def _chosen(metadata: Any, tables: Collection[Any] | None) -> list[Any]:
    if tables is None:
        return sorted(metadata.tables.values(), key=lambda t: t.key)
    return list(tables)


def _create_sequences(connection: Any, metadata: Any, missing: list[Any], only: Any, existing: Existing) -> None:
    wanted = _column_sequences(missing)
    if only is None:
        wanted |= set(metadata._sequences.values())
    for sequence in sorted(wanted, key=lambda s: str(s._key)):
        if not sequence.optional and not existing.has_sequence(sequence, _schema(connection, sequence), False):
            connection.execute(ddl.CreateSequence(sequence))


def _column_sequences(tables: list[Any]) -> set[Any]:
    return {c.default for t in tables for c in t.c if c.default is not None and c.default.is_sequence}


def _create_types(connection: Any, types: dict[tuple[Any, str], Any], existing: Existing) -> None:
    for (schema, _name), type_ in types.items():
        if not existing.has_type(type_, _translated(connection, schema), False):
            create_type(connection, type_, schema)


def drop_all(bind: Any, metadata: Any, tables: Collection[Any] | None, checkfirst: Any) -> None:
    """Drop the keys of cyclic tables, tables, named types and sequences."""
    with connection_for(bind) as connection:
        existing = Existing(connection, checkfirst)
        chosen = _chosen(metadata, tables)
        present = [t for t in chosen if existing.has_table(t, _schema(connection, t), True)]
        flags = existing.checkfirst
        fire(metadata, "before_drop", metadata, connection, tables=present, checkfirst=flags)
        if connection.dialect.name == "sqlite":
            ordered = _order_without_alter(present)
        else:
            pairs = sort_tables_and_constraints(present)
            for key in pairs[-1][1]:
                _drop_key(connection, key)
            ordered = [table for table, _ in pairs if table is not None]
        for table in reversed(ordered):
            _drop_one(connection, table, flags)
        if connection.dialect.name == "postgresql":
            _drop_types(connection, metadata, chosen, tables, existing)
            _drop_sequences(connection, metadata, present, tables, existing)
        fire(metadata, "after_drop", metadata, connection, tables=present, checkfirst=flags)


def drop_table(bind: Any, table: Any, checkfirst: Any) -> None:
    """Drop one table and the sequences of its columns; its types stay, as others may use them."""
    with connection_for(bind) as connection:
        existing = Existing(connection, checkfirst)
        if not existing.has_table(table, _schema(connection, table), True):
            return
        _drop_one(connection, table, existing.checkfirst)
        if connection.dialect.name == "postgresql":
            _drop_sequences(connection, table.metadata, [table], [table], existing)


def _drop_one(connection: Any, table: Any, checkfirst: CheckFirst) -> None:
    fire(table, "before_drop", table, connection, checkfirst=checkfirst)
    connection.execute(ddl.DropTable(table) if table._dropper_ddl is None else table._dropper_ddl)
    fire(table, "after_drop", table, connection, checkfirst=checkfirst)


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


def _drop_types(connection: Any, metadata: Any, dropped: list[Any], only: Any, existing: Existing) -> None:
    """Drop the types of the dropped tables that no other table of the MetaData uses."""
    gone = {id(t) for t in dropped}
    kept = named_types_in([t for t in metadata.tables.values() if id(t) not in gone])
    own = in_metadata(metadata)
    types = named_types_in(dropped)
    if only is None:
        types = {**own, **types}
    else:  # one table's types only; what names the MetaData itself stays
        kept = {**kept, **own}
    for (schema, name), type_ in reversed(types.items()):
        if (schema, name) not in kept and existing.has_type(type_, _translated(connection, schema), True):
            drop_type(connection, type_, schema)


def _drop_sequences(connection: Any, metadata: Any, dropped: list[Any], only: Any, existing: Existing) -> None:
    wanted = _column_sequences(dropped)
    if only is None:
        wanted |= set(metadata._sequences.values())
    for sequence in sorted(wanted, key=lambda s: str(s._key)):
        if not sequence.optional and existing.has_sequence(sequence, _schema(connection, sequence), True):
            connection.execute(ddl.DropSequence(sequence))


def create_index(bind: Any, index: Any, checkfirst: Any) -> None:
    """Create one index."""
    with connection_for(bind) as connection:
        existing = Existing(connection, checkfirst)
        if not existing.has_index(index, _schema(connection, index.table), False):
            _create_index(connection, index)


def drop_index(bind: Any, index: Any, checkfirst: Any) -> None:
    """Drop one index."""
    with connection_for(bind) as connection:
        existing = Existing(connection, checkfirst)
        if existing.has_index(index, _schema(connection, index.table), True):
            fire(index, "before_drop", index, connection)
            connection.execute(ddl.DropIndex(index))
            fire(index, "after_drop", index, connection)


def create_sequence(bind: Any, sequence: Any, checkfirst: Any) -> None:
    """Create one sequence; nothing on a database without sequences."""
    with connection_for(bind) as connection:
        existing = Existing(connection, checkfirst)
        if connection.dialect.name == "postgresql" and not existing.has_sequence(
            sequence, _schema(connection, sequence), False
        ):
            connection.execute(ddl.CreateSequence(sequence))


def drop_sequence(bind: Any, sequence: Any, checkfirst: Any) -> None:
    """Drop one sequence; nothing on a database without sequences."""
    with connection_for(bind) as connection:
        existing = Existing(connection, checkfirst)
        if connection.dialect.name == "postgresql" and existing.has_sequence(
            sequence, _schema(connection, sequence), True
        ):
            connection.execute(ddl.DropSequence(sequence))
