"""A table of SQLite made anew: what `ALTER TABLE` cannot do there, without losing anything.

The twelve steps of SQLite's documentation, with what they leave to the reader: the text of the
table, of its indexes and triggers is kept, its rowids and the counter of AUTOINCREMENT too, the
rows are counted before the old table goes, and views and triggers that would no longer work stop
it. Everything happens in the transaction of the migration, so a crash leaves the old table.

Foreign keys must be off: with them on, DROP TABLE deletes the rows that refer to the table. They
can be switched off outside of a transaction only, which MigrationContext does before it begins
one; in somebody else's transaction a rebuild refuses.

Source: SQLite, ALTER TABLE, 7. "Making Other Kinds Of Table Schema Changes"; PRAGMA legacy_alter_table.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pyorm import _core, exc
from pyorm.migrations.operations import sqltext
from pyorm.migrations.operations.sqltext import qualified, quoted
from pyorm.migrations.operations.tabletext import TableText, parse
from pyorm.migrations.util.exc import CommandError

log = logging.getLogger("pyorm.migrations.operations.rebuild")
TEMPORARY = "_alembic_tmp_"
SMALL = 64 << 20  # bytes of a file or table whose copy is made without asking for room


@dataclass(slots=True)
class Facts:
    """What a database knows of a table.

    Attributes:
        name: the table's name, as the database has it.
        schema: the schema it was asked for in.
        table: its definition.
        indexes: the texts of its indexes, by name.
        triggers: the texts of its triggers, by name.
        comments: the comments of its columns by name, the table's own under None.
    """

    name: str
    schema: str | None
    table: TableText
    indexes: dict[str, str] = field(default_factory=dict)
    triggers: dict[str, str] = field(default_factory=dict)
    comments: dict[str | None, str] = field(default_factory=dict)


def _rows(impl: Any, sql: str, *parameters: Any) -> list[Any]:
    return list(impl.connection.exec_driver_sql(sql, parameters or None).all())


def _schema_table(schema: str | None) -> str:
    return f"{quoted(schema)}.sqlite_master" if schema else "sqlite_master"


def read(impl: Any, table_name: str, schema: str | None) -> Facts:
    """Return what the database knows of a table.

    Raises:
        NoSuchTableError: there is no such table.
        CommandError: it is a virtual one.
    """
    found = _rows(
        impl,
        f"SELECT type, name, sql FROM {_schema_table(schema)} WHERE tbl_name = ? COLLATE NOCASE ORDER BY rowid",
        table_name,
    )
    own = next((row for row in found if row[0] == "table"), None)
    if own is None:
        where = f"schema {schema!r}" if schema else "the database"
        raise exc.NoSuchTableError(f"{table_name}: there is no such table in {where} to change")
    try:
        table = parse(own[2])
    except ValueError as error:
        raise CommandError(f"Table {table_name!r} cannot be changed: {error}") from None
    facts = Facts(own[1], schema, table)
    for kind, name, sql in found:
        if kind == "index" and sql is not None:
            facts.indexes[name] = sql
        elif kind == "trigger":
            facts.triggers[name] = sql
    return facts


def require_space(impl: Any, facts: Facts) -> None:
    """Refuse to make a table anew where the disk has no room for twice its size, in the file and in its journal.

    Small tables are not looked at. The size is that of the table's pages where SQLite was built to
    tell it (dbstat), else of the whole file.

    Raises:
        CommandError: it says how much is needed and where.
    """
    schema = facts.schema or "main"
    path = next((row[2] for row in _rows(impl, "PRAGMA database_list") if row[1].lower() == schema.lower()), "")
    if not path or os.path.getsize(path) < SMALL:
        return
    size = os.path.getsize(path)
    if any(row[0] == "ENABLE_DBSTAT_VTAB" for row in _rows(impl, "PRAGMA compile_options")):
        asked = "SELECT sum(pgsize) FROM dbstat WHERE schema = ? AND name = ? AND aggregate = TRUE"
        size = _rows(impl, asked, schema, facts.name)[0][0] or 0
    free = shutil.disk_usage(os.path.dirname(path) or ".").free
    if size >= SMALL and free < 2 * size:
        raise CommandError(
            f"Making table {facts.name!r} anew needs {2 * size >> 20} MiB in {os.path.dirname(path)!r}, where "
            f"{free >> 20} MiB are free; nothing was changed"
        )


def table_of_index(impl: Any, name: str, schema: str | None) -> str:
    """Return the name of the table that an index is on.

    Raises:
        CommandError: there is no such index.
    """
    found = _rows(
        impl,
        f"SELECT tbl_name FROM {_schema_table(schema)} WHERE type = 'index' AND name = ? COLLATE NOCASE",
        name,
    )
    if not found:
        raise CommandError(f"There is no index {name!r} in the database to rename")
    return str(found[0][0])


def broken_schema(impl: Any, facts: Facts) -> str | None:
    """Return what SQLite finds wrong with its views and triggers as they stand, or None.

    Renaming a column to the name it has makes SQLite look through all of them; it is undone.
    """
    column = quoted(facts.table.columns[0].name)
    table = qualified(facts.name, facts.schema)
    impl.connection.exec_driver_sql("SAVEPOINT pyorm_look")
    try:
        impl.connection.exec_driver_sql(f"ALTER TABLE {table} RENAME COLUMN {column} TO {column}")
    except Exception as error:
        return str(getattr(error, "orig", None) or error).splitlines()[0]
    finally:
        impl.connection.exec_driver_sql("ROLLBACK TO pyorm_look")
        impl.connection.exec_driver_sql("RELEASE pyorm_look")
    return None


def require_whole(impl: Any, facts: Facts, before: str | None, what: str) -> None:
    """Refuse a change after which views or triggers do not work that did.

    Raises:
        CommandError: it names the view or trigger.
    """
    if before is not None:
        return
    problem = broken_schema(impl, facts)
    if problem is not None:
        raise CommandError(
            f"{what} table {facts.name!r} would break what depends on it: {problem}. Drop the view or trigger before, "
            "with op.execute('DROP …'), and create it again afterwards."
        )


@contextmanager
def transaction(impl: Any) -> Iterator[None]:
    """Make sure that foreign keys are off and that all of the block is one transaction.

    Where no transaction has begun in the database, the block begins it: the caller's, if foreign keys
    are off, which the caller then ends; else one of its own, since the caller's could not switch them off.

    Raises:
        CommandError: foreign keys are enforced in a transaction that somebody else has begun.
    """
    connection = impl.connection
    is_enforced = bool(_rows(impl, "PRAGMA foreign_keys")[0][0])
    is_open = connection.connection.dbapi_connection._tx_state == "open"
    if is_open:
        if is_enforced:
            raise CommandError(
                "SQLite: a table has to be made anew, but foreign keys are enforced in a transaction that is open "
                "already, where they cannot be switched off; dropping the old table would delete or break the rows "
                "that refer to it. Run PRAGMA foreign_keys=OFF before the transaction begins, or let "
                "MigrationContext.begin_transaction() begin it."
            )
        yield
        return
    is_autocommit = connection._get_tx()[0] == _core.ISO_AUTOCOMMIT
    if not is_enforced and not is_autocommit and connection.in_transaction():
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield
        return
    with _own_transaction(connection, is_enforced):
        yield


@contextmanager
def _own_transaction(connection: Any, is_enforced: bool) -> Iterator[None]:
    if is_enforced:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            broken = set(_broken_keys(connection)) if is_enforced else set()
            yield
            new = [row for row in _broken_keys(connection) if row not in broken] if is_enforced else []
            if new:
                raise CommandError(f"The change leaves rows whose foreign keys refer to nothing: {new[:10]}")
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
    finally:
        if is_enforced:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _broken_keys(connection: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql("PRAGMA foreign_key_check").all()]


class Rebuild:
    """One table made anew.

    Args:
        impl: what runs or writes the statements.
        old: what the database knows of the table; `indexes` and `triggers` are what is made again.
        new: the definition afterwards.
        values: of each column of the new table that is filled: its name → an expression over the old table.
        whole_before: what was wrong with views and triggers before any change, see `broken_schema`.
    """

    def __init__(
        self, impl: Any, old: Facts, new: TableText, values: dict[str, str], whole_before: str | None = None
    ) -> None:
        """Keep the plan."""
        self._impl, self._old, self._new, self._values = impl, old, new, values
        self._before = whole_before
        self._temporary = TEMPORARY + old.name

    def run(self) -> None:
        """Carry it out.

        Raises:
            CommandError: rows were lost on the way, or a view or trigger would break.
        """
        is_live = not self._impl.as_sql
        old, temporary = self._name(self._old.name), self._name(self._temporary)
        counter = self._counter() if is_live else None
        if is_live:
            require_space(self._impl, self._old)
            self._drop_leftover()
        self._impl._exec(self._new.write(temporary))
        self._impl._exec(self._copy(old, temporary))
        if is_live:
            self._count(old, temporary)
        self._impl._exec(f"DROP TABLE {old}")
        if is_live:
            self._rename_quietly(temporary)
        else:
            self._impl._exec(f"ALTER TABLE {temporary} RENAME TO {self._write_name(self._old.name)}")
        for sql in [*self._old.indexes.values(), *self._old.triggers.values()]:
            self._impl._exec(sqltext.in_schema(sql, self._old.schema))
        if is_live and self._new.is_autoincrement() and self._old.table.is_autoincrement():
            self._restore_counter(counter)
        if is_live:
            self._old.table = self._new
            require_whole(self._impl, self._old, self._before, "Changing")

    def _name(self, name: str) -> str:
        schema = f"{self._write_name(self._old.schema)}." if self._old.schema else ""
        return schema + self._write_name(name)

    def _write_name(self, name: str) -> str:
        return str(self._impl.dialect.identifier_preparer.quote(name))

    def _drop_leftover(self) -> None:
        """Drop the copy that a broken run of another tool has left; the table itself is still there."""
        found = _rows(
            self._impl,
            f"SELECT count(*) FROM {_schema_table(self._old.schema)} WHERE type = 'table' AND name = ?",
            self._temporary,
        )
        if found[0][0]:
            log.warning("Dropping %s, left behind by a migration that was broken off", self._temporary)
            self._impl._exec(f"DROP TABLE {self._name(self._temporary)}")

    def _copy(self, old: str, temporary: str) -> str:
        targets = [self._write_name(name) for name in self._values]
        sources = list(self._values.values())
        rowid = self._rowid()
        if rowid is not None:
            targets.insert(0, rowid)
            sources.insert(0, f"{old}.{rowid}")
        return f"INSERT INTO {temporary} ({', '.join(targets)}) SELECT {', '.join(sources)} \nFROM {old}"

    def _rowid(self) -> str | None:
        """Return the rowid's name where both tables have one that no column stands for; scripts leave it alone."""
        if self._impl.as_sql:
            return None
        for table in (self._old.table, self._new):
            if "WITHOUT" in table.options() or table.rowid_alias() is not None:
                return None
        taken = {column.name.lower() for table in (self._old.table, self._new) for column in table.columns}
        return next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), None)

    def _count(self, old: str, temporary: str) -> None:
        there, copied = (_rows(self._impl, f"SELECT count(*) FROM {name}")[0][0] for name in (old, temporary))
        if there != copied:
            raise CommandError(
                f"Table {self._old.name!r} has {there} rows, of which {copied} fit into the new one; nothing was "
                "changed. A constraint with ON CONFLICT IGNORE or REPLACE drops rows silently: correct them before."
            )

    def _rename_quietly(self, temporary: str) -> None:
        """Give the new table its name, without SQLite looking at what refers to it: that is whole again then."""
        was_on = bool(_rows(self._impl, "PRAGMA legacy_alter_table")[0][0])
        if not was_on:
            self._impl._exec("PRAGMA legacy_alter_table=ON")
        try:
            self._impl._exec(f"ALTER TABLE {temporary} RENAME TO {self._write_name(self._old.name)}")
        finally:
            if not was_on:
                self._impl._exec("PRAGMA legacy_alter_table=OFF")

    def _counter(self) -> int | None:
        """Return the highest number that AUTOINCREMENT has given, or None."""
        if not self._old.table.is_autoincrement():
            return None
        sequence = qualified("sqlite_sequence", self._old.schema)
        found = _rows(self._impl, f"SELECT seq FROM {sequence} WHERE name = ?", self._old.name)
        return found[0][0] if found else None

    def _restore_counter(self, counter: int | None) -> None:
        sequence = qualified("sqlite_sequence", self._old.schema)
        name = self._old.name.replace("'", "''")
        self._impl._exec(f"DELETE FROM {sequence} WHERE name = '{name}'")
        if counter is not None:
            self._impl._exec(f"INSERT INTO {sequence} (name, seq) VALUES ('{name}', {counter})")


def keys_to(impl: Any, facts: Facts) -> list[tuple[str, set[str]]]:
    """Return the foreign keys that refer to a table: the table that has each, and the columns it names, in lower case.

    A key that names no columns refers to the primary key.
    """
    found = []
    primary = {name.lower() for name in facts.table.primary_key()}
    for name, sql in _rows(
        impl, f"SELECT name, sql FROM {_schema_table(facts.schema)} WHERE type = 'table' AND sql LIKE '%references%'"
    ):
        if not sqltext.mentions(sql, [facts.name]):
            continue
        for _column, clause in parse(sql).clauses():
            if clause.target is not None and clause.target.lower() == facts.name.lower():
                found.append((name, {column.lower() for column in clause.referred} or primary))
    return found


def require_type(impl: Any, facts: Facts, column_name: str, wanted: str) -> None:
    """Refuse a new type of a column whose rows it cannot hold.

    Raises:
        CommandError: it counts the rows and shows one value.
    """
    column, table = quoted(column_name), qualified(facts.name, facts.schema)
    allowed = "'integer', 'null'" if wanted == "integer" else "'integer', 'real', 'null'"
    condition = f"typeof({column}) NOT IN ({allowed})"
    count, example = _rows(impl, f"SELECT count(*), min({column}) FROM {table} WHERE {condition}")[0]
    if count:
        raise CommandError(
            f"Column {column_name!r} of table {facts.name!r} has {count} rows whose value is no {wanted}, such as "
            f"{example!r}; nothing was changed. Correct them before the type changes, with op.execute('UPDATE …')."
        )
