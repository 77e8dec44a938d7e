"""SQLite's schema table as facts: one statement for each database file."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from pyorm.migrations.autogenerate.facts import (
    CheckFacts,
    ColumnFacts,
    DatabaseFacts,
    ForeignKeyFacts,
    IndexFacts,
    KeyFacts,
    TableFacts,
    TableKey,
)
from pyorm.migrations.autogenerate.sqlite_parse import ParsedTable, parse_index, parse_table, sqlite_rows


class Reader:
    """Reads one connection's database files.

    Args:
        connection: the connection.
        wants_schema: which attached files are read whole; None reads none of them.
        declared: (file, table) of a model in attached files.
        wants_table: `(schema or None, name) -> bool`.
    """

    def __init__(
        self,
        connection: Any,
        wants_schema: Callable[[str], bool] | None = None,
        declared: Collection[TableKey] = (),
        wants_table: Callable[[str | None, str], bool] | None = None,
    ) -> None:
        """Keep what is wanted."""
        self.connection = connection
        self.wants_schema = wants_schema
        self.declared = set(declared)
        self.wants_table = wants_table or (lambda schema, name: True)

    def read(self) -> DatabaseFacts:
        """Return the facts."""
        attached = [row[1] for row in self.connection.exec_driver_sql("PRAGMA database_list").all()]
        schemas = [name for name in attached if name not in ("main", "temp")]
        whole = {name for name in schemas if self.wants_schema is not None and self.wants_schema(name)}
        named = {schema for schema, _ in self.declared if schema in schemas}
        tables: dict[TableKey, TableFacts] = {}
        for schema in [None, *sorted(whole | {s for s in named if s is not None})]:
            complete = schema is None or schema in whole
            for name, parsed, indexes in self._file(schema):
                if (complete or (schema, name) in self.declared) and self.wants_table(schema, name):
                    tables[schema, name] = _table(schema, name, parsed, indexes)
        return DatabaseFacts("sqlite", "main", _with_targets(tables), frozenset(attached), visible=("main",))

    def _file(self, schema: str | None) -> list[tuple[str, ParsedTable, list[IndexFacts]]]:
        rows = sqlite_rows(self.connection, schema)
        virtual = {name for kind, name, _, sql in rows if kind == "table" and _is_virtual(sql)}
        tables: dict[str, tuple[ParsedTable, list[IndexFacts]]] = {}
        for kind, name, _, sql in rows:
            if kind != "table" or name.startswith("sqlite_") or _is_virtual(sql):
                continue
            if not any(name.startswith(f"{owner}_") and name[len(owner) :] in _OWN for owner in virtual):
                tables[name] = (parse_table(sql), [])
        for kind, name, table, sql in rows:
            if kind == "index" and table in tables:
                parsed = parse_index(sql)
                tables[table][1].append(IndexFacts(name, parsed.unique, tuple(parsed.elements), where=parsed.where))
        return [(name, parsed, sorted(indexes, key=lambda i: i.name)) for name, (parsed, indexes) in tables.items()]


# The tables in which virtual tables keep their data (FTS3 to 5, R*Tree).
_OWN = frozenset("_data _idx _content _docsize _config _segments _segdir _stat _node _parent _rowid".split())


def _is_virtual(sql: str) -> bool:
    return sql.upper().split()[:2] == ["CREATE", "VIRTUAL"]


def _table(schema: str | None, name: str, parsed: ParsedTable, indexes: list[IndexFacts]) -> TableFacts:
    columns = {
        c.name: ColumnFacts(
            c.name, c.type, not c.not_null, _default(c.default), None, c.collation, None, c.computed,
            c.stored if c.computed is not None else None,
        )
        for c in parsed.columns
    }  # fmt: skip
    key = parsed.primary_key
    options: dict[str, Any] = {}
    if parsed.strict:
        options["sqlite_strict"] = True
    if parsed.without_rowid:
        options["sqlite_with_rowid"] = False
    if parsed.autoincrement:
        options["sqlite_autoincrement"] = True
    return TableFacts(
        schema, name, columns,
        None if key is None else KeyFacts("p", key.name, _spelled(key.columns, columns)),
        tuple(KeyFacts("u", u.name, _spelled(u.columns, columns)) for u in parsed.uniques),
        tuple(
            ForeignKeyFacts(
                k.name, _spelled(k.columns, columns), schema, k.table, tuple(k.remote), k.ondelete, k.onupdate,
                None if k.match == "SIMPLE" else k.match, k.deferrable, k.deferred,
            )
            for k in parsed.foreign_keys
        ),
        tuple(CheckFacts(check, text) for check, text in parsed.checks), (), tuple(indexes), None, options,
    )  # fmt: skip


def _default(text: str | None) -> str | None:
    """Return the text behind DEFAULT; `DEFAULT NULL` is none."""
    return None if text is None or text.strip("() ").upper() == "NULL" else text


def _spelled(names: list[str], columns: dict[str, ColumnFacts]) -> tuple[str, ...]:
    """Return columns' names as their own clauses spell them; SQLite does not look at the case."""
    known = {name.lower(): name for name in columns}
    return tuple(known.get(name.lower(), name) for name in names)


def _with_targets(tables: dict[TableKey, TableFacts]) -> dict[TableKey, TableFacts]:
    """Fill in the columns of keys that refer to a table without naming any: its primary key."""
    from dataclasses import replace

    for key, table in tables.items():
        if all(k.ref_columns for k in table.foreign_keys):
            continue
        keys = []
        for one in table.foreign_keys:
            target = tables.get(one.target)
            if not one.ref_columns and target is not None and target.primary_key is not None:
                one = replace(one, ref_columns=target.primary_key.columns)
            keys.append(one)
        tables[key] = replace(table, foreign_keys=tuple(keys))
    return tables
