"""The database's facts as they are once something has been renamed: names in keys, checks and indexes follow."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from pyorm.migrations.autogenerate.facts import (
    CheckFacts,
    ExcludeFacts,
    ForeignKeyFacts,
    IndexFacts,
    KeyFacts,
    TableFacts,
    TableKey,
)


def move_table(run: Any, old: TableKey, new: TableKey) -> None:
    """Give a table of the database its new name, in what refers to it, too."""

    def moved(key: ForeignKeyFacts) -> ForeignKeyFacts:
        return replace(key, ref_schema=new[0], ref_table=new[1]) if key.target == old else key

    tables: dict[TableKey, TableFacts] = {}
    for key, table in run.found.tables.items():
        table = replace(table, foreign_keys=tuple(moved(k) for k in table.foreign_keys))
        if key == old:
            table = replace(table, schema=new[0], name=new[1])
        tables[table.key] = table
    replace_found(run, tables)


def replace_found(run: Any, tables: dict[TableKey, TableFacts]) -> None:
    """Give a comparison other tables of the database."""
    run.found = replace(run.found, tables=tables)
    run.objects = type(run.objects)(run.found, run.connection)


def move_column(run: Any, key: TableKey, old: str, new: str) -> None:
    """Give a column of the database its new name, in keys, checks and indexes, too."""
    tables: dict[TableKey, TableFacts] = {}
    for at, table in run.found.tables.items():
        if at == key:
            table = _with_column(table, old, new)
        keys = tuple(
            replace(k, ref_columns=_swapped(k.ref_columns, old, new)) if k.target == key else k
            for k in table.foreign_keys
        )
        tables[at] = replace(table, foreign_keys=keys)
    replace_found(run, tables)


def _with_column(table: TableFacts, old: str, new: str) -> TableFacts:
    def text(sql: str | None) -> str | None:
        return None if sql is None else renamed_in_sql(sql, old, new)

    def key(fact: KeyFacts) -> KeyFacts:
        return replace(fact, columns=_swapped(fact.columns, old, new), include=_swapped(fact.include, old, new))

    def index(fact: IndexFacts) -> IndexFacts:
        elements = tuple(renamed_in_sql(element, old, new) for element in fact.elements)
        return replace(fact, elements=elements, include=_swapped(fact.include, old, new), where=text(fact.where))

    def check(fact: CheckFacts) -> CheckFacts:
        return replace(fact, text=renamed_in_sql(fact.text, old, new))

    def exclude(fact: ExcludeFacts) -> ExcludeFacts:
        return replace(fact, text=renamed_in_sql(fact.text, old, new))

    columns = {}
    for column in table.columns.values():
        name = new if column.name == old else column.name
        columns[name] = replace(column, name=name, computed=text(column.computed))
    return replace(
        table,
        columns=columns,
        primary_key=None if table.primary_key is None else key(table.primary_key),
        uniques=tuple(map(key, table.uniques)),
        foreign_keys=tuple(replace(k, columns=_swapped(k.columns, old, new)) for k in table.foreign_keys),
        checks=tuple(map(check, table.checks)),
        excludes=tuple(map(exclude, table.excludes)),
        indexes=tuple(map(index, table.indexes)),
    )


def _swapped(names: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?:::\s*)?[A-Za-z_][A-Za-z_0-9$]*\s*\(?|.", re.DOTALL)
_PLAIN = re.compile(r"[a-z_][a-z_0-9$]*\Z")


def renamed_in_sql(sql: str, old: str, new: str) -> str:
    """Return SQL with a column's name replaced where it stands as a name: not in strings, casts and function names."""
    shown = new if _PLAIN.match(new) else '"' + new.replace('"', '""') + '"'
    quoted_old = '"' + old.replace('"', '""') + '"'

    def swap(match: re.Match[str]) -> str:
        token = match.group()
        return shown if token == quoted_old or (token.rstrip() == old and _PLAIN.match(old)) else token

    def swap_keeping_space(match: re.Match[str]) -> str:
        token = match.group()
        return swap(match) + token[len(token.rstrip()) :] if token.rstrip() == old else swap(match)

    return _TOKEN.sub(swap_keeping_space, sql)
