"""Declared expressions as PostgreSQL itself writes them: created, read back and rolled back.

Two texts of one expression differ in casts, parentheses and names until the server has parsed both. So the declared
tables are created, without keys and rows, in a schema `pyorm_shadow` inside a savepoint, read through the same
catalog queries as the real ones and rolled back: nothing is ever committed, also if the process dies. The search
path puts that schema first, so that names are written as they are for the real tables. Where the role may create no
schema, temporary tables take its place, which anybody may create and which the rollback takes back the same way.

At most 200 tables are created at a time, since each of them takes locks until the rollback; a batch that the server
refuses (out of shared memory, an expression it does not understand) is halved.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pyorm import exc
from pyorm.migrations.autogenerate.catalog_postgresql import Reader
from pyorm.migrations.autogenerate.declared import Reader as Model
from pyorm.migrations.autogenerate.facts import ColumnFacts, DatabaseFacts, EnumFacts, TableFacts, TableKey
from pyorm.schema.named_types import CreateEnumType

log = logging.getLogger("pyorm.migrations.autogenerate.shadow")

SCHEMA = "pyorm_shadow"
_DENIED = "42501"
BATCH = 200
"""Tables that are created at a time."""

_PREPARE = f"""
    SELECT set_config('search_path', concat_ws(', ', '{SCHEMA}', nullif(current_setting('search_path'), '')), true),
           set_config('lock_timeout', '3s', true), set_config('client_min_messages', 'warning', true)
"""


def normalise(
    connection: Any,
    model: Model,
    found: DatabaseFacts,
    enums: Mapping[TableKey, EnumFacts],
    tables: Sequence[TableFacts],
) -> dict[TableKey, TableFacts]:
    """Return tables with expressions and types as the server writes them.

    A table that the server refuses is left out, with a warning in the log.

    Args:
        connection: in a transaction or not; it is as before afterwards.
        model: the reader of the declared side.
        found: the database's facts.
        enums: the declared enum types; those that the database has not, or has otherwise, are created along.
        tables: the tables, declared ones or those of the database.
    """
    own = {
        key: enum for key, enum in enums.items()
        if key not in found.enums or found.enums[key].labels != enum.labels
    }  # fmt: skip
    shadow = _Shadow(connection, model, found, own)
    result: dict[TableKey, TableFacts] = {}
    ordered = list(tables)
    for start in range(0, len(ordered), BATCH):
        result.update(shadow.spelled(ordered[start : start + BATCH]))
    return result


class _Shadow:
    """The batches of one comparison."""

    def __init__(self, connection: Any, model: Model, found: DatabaseFacts, enums: dict[TableKey, EnumFacts]) -> None:
        self.connection, self.model, self.found, self.enums = connection, model, found, enums
        self.quote = model.render.quote
        self.temporary = False
        self.type_names = {
            f"{self.quote(key[0])}.{self.quote(key[1])}": f"{self.quote(self.schema(key[0]))}.{self.quote(key[1])}"
            for key in enums if key[0] is not None
        }  # fmt: skip

    def schema(self, name: str | None) -> str:
        """Return the schema in which the objects of a schema are created."""
        if self.temporary:
            return "pg_temp"
        return SCHEMA if name is None else f"{SCHEMA}_{name}"

    def spelled(self, tables: list[TableFacts]) -> dict[TableKey, TableFacts]:
        """Return the tables as the server writes them; halves where it refuses."""
        try:
            with rolled_back(self.connection):
                self._create(tables)
                return self._read(tables)
        except exc.DBAPIError as error:
            if not self.temporary and getattr(error.orig, "sqlstate", None) == _DENIED:
                self.temporary = True  # no schema may be created: temporary tables may
                return self.spelled(tables)
            if len({t.schema for t in tables}) > 1 and self.temporary:
                return {k: t for s in sorted({t.schema or "" for t in tables})
                        for k, t in self.spelled([t for t in tables if (t.schema or "") == s]).items()}
            if len(tables) > 1:
                half = len(tables) // 2
                return {**self.spelled(tables[:half]), **self.spelled(tables[half:])}
            log.warning(
                "Expressions of table %r are compared as texts, since the database does not take its declaration: %s",
                tables[0].name, str(error.orig).strip(),
            )  # fmt: skip
            return {}

    # ---- creating ----------------------------------------------------------------------------------------------
    def _create(self, tables: list[TableFacts]) -> None:
        schemas = {self.schema(key[0]) for key in (*self.enums, *(t.key for t in tables))} | {SCHEMA}
        statements = [] if self.temporary else [f"CREATE SCHEMA {self.quote(name)}" for name in sorted(schemas)]
        for key, enum in self.enums.items():
            made = _Placed(enum.source, self.schema(key[0]))
            statements.append(CreateEnumType(made)._text(self.model.render))
        for number, table in enumerate(tables):
            statements += self._table(number, table)
        self.connection.exec_driver_sql(_PREPARE)
        body = ";\n".join(statements)
        self.connection.exec_driver_sql(f"DO $pyorm_shadow$ BEGIN\n{body};\nEND $pyorm_shadow$")

    def _table(self, number: int, table: TableFacts) -> Iterator[str]:
        """Yield the statements for one table: its columns, checks, EXCLUDE constraints and indexes."""
        name = f"{self.quote(self.schema(table.schema))}.{self.quote(table.name)}"
        parts = [self._column(column) for column in table.columns.values()]
        parts += [f"CONSTRAINT c{n} CHECK ({check.text})" for n, check in enumerate(table.checks)]
        yield f"CREATE TABLE {name} ({', '.join(parts)})"
        for n, exclude in enumerate(table.excludes):  # CREATE TABLE would make one of two that are the same
            yield f"ALTER TABLE {name} ADD CONSTRAINT x{number}_{n} {exclude.text}"
        for n, index in enumerate(table.indexes):
            made = f"CREATE INDEX i{number}_{n} ON {name} USING {index.method} ({', '.join(index.elements)})"
            yield made + (f" WHERE {index.where}" if index.where is not None else "")

    def _column(self, column: ColumnFacts) -> str:
        text = f"{self.quote(column.name)} {self._type(column)}"
        if column.computed is not None:
            return f"{text} GENERATED ALWAYS AS ({column.computed}) {'STORED' if column.stored else 'VIRTUAL'}"
        return text if column.default is None else f"{text} DEFAULT {column.default}"

    def _type(self, column: ColumnFacts) -> str:
        if not column.type:
            return "text"
        if column.source is None:
            return column.type + (f" COLLATE {self.quote(column.collation)}" if column.collation else "")
        text = str(column.source.type.compile(dialect=self.model.dialect))
        for name, own in self.type_names.items():
            if text == name or text.startswith((name + "[", name + " ")):
                return own + text[len(name) :]
        return text

    # ---- reading back ------------------------------------------------------------------------------------------
    def _read(self, tables: list[TableFacts]) -> dict[TableKey, TableFacts]:
        reader = Reader(self.connection)
        reader.version = self.found.version
        own = reader.rows("SELECT pg_my_temp_schema()::regnamespace::text")[0][0] if self.temporary else None
        schemas = sorted({own or self.schema(table.schema) for table in tables})
        made = reader.read_tables(reader.tables_of(schemas, set(schemas), self.temporary), {})
        return {
            table.key: self._spelled(number, table, made[own or self.schema(table.schema), table.name])
            for number, table in enumerate(tables)
        }

    def _spelled(self, number: int, table: TableFacts, made: TableFacts) -> TableFacts:
        """Return a declared table with the texts that the server made of it."""
        checks = {check.name: check.text for check in made.checks}
        excludes = {exclude.name: exclude.text for exclude in made.excludes}
        indexes = {index.name: index for index in made.indexes}
        columns = {
            name: replace(
                column, type=self._real(made.columns[name].type) if column.type else "",
                default=self._real_or_none(made.columns[name].default),
                computed=self._real_or_none(made.columns[name].computed),
            )
            for name, column in table.columns.items()
        }  # fmt: skip
        return replace(
            table,
            columns=columns,
            checks=tuple(replace(c, text=self._real(checks[f"c{n}"])) for n, c in enumerate(table.checks)),
            excludes=tuple(
                replace(x, text=self._real(excludes[f"x{number}_{n}"])) for n, x in enumerate(table.excludes)
            ),
            indexes=tuple(
                replace(
                    index, elements=tuple(map(self._real, indexes[f"i{number}_{n}"].elements)),
                    where=self._real_or_none(indexes[f"i{number}_{n}"].where),
                )
                for n, index in enumerate(table.indexes)
            ),
        )  # fmt: skip

    def _real(self, text: str) -> str:
        """Return a text with the names of real types in the place of those created along."""
        for name, own in self.type_names.items():
            text = text.replace(own, name)
        return text

    def _real_or_none(self, text: str | None) -> str | None:
        return None if text is None else self._real(text)


class _Placed:
    """An enum type in another schema."""

    def __init__(self, type_: Any, schema: str) -> None:
        self.enums, self.name, self.schema = type_.enums, type_.name, schema


@contextmanager
def rolled_back(connection: Any) -> Iterator[None]:
    """Run a block and take back everything it did, in a transaction that is open as in one that is not."""
    try:
        connection.exec_driver_sql("SAVEPOINT pyorm_shadow")
        undo = ("ROLLBACK TO SAVEPOINT pyorm_shadow", "RELEASE SAVEPOINT pyorm_shadow")
    except exc.DBAPIError:  # autocommit: there is no transaction to have a savepoint in
        connection.exec_driver_sql("BEGIN")
        undo = ("ROLLBACK",)  # type: ignore[assignment]
    try:
        yield
    finally:
        for statement in undo:
            connection.exec_driver_sql(statement)
