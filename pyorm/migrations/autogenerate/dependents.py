"""Names that the server made of a table's or column's name: they follow a rename (PostgreSQL).

What a model leaves unnamed (keys, checks, the sequence of a number column) is named by the server when it is created:
`users_pkey`, `users_email_key`, `users_id_seq`. After a rename they get the names that the server would choose now, so
that the catalog is the one of a database that was created from the models. What somebody named is compared as usual,
and so is what a naming convention named: it has another name in the model. A name of another making stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pyorm.migrations.autogenerate import sqltext
from pyorm.migrations.autogenerate.facts import TableFacts, TableKey
from pyorm.migrations.autogenerate.moved import replace_found
from pyorm.migrations.operations import ops
from pyorm.migrations.operations.names import object_name

_NUMBERED = 20
_SEQUENCES = """
    SELECT a.attname::text, s.relname::text
      FROM pg_depend d
      JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
      JOIN pg_class t ON t.oid = d.refobjid
      JOIN pg_namespace n ON n.oid = t.relnamespace
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
           AND t.relname = $1 AND n.nspname = coalesce($2, current_schema())
     ORDER BY 1
"""


def follow_names(run: Any, before: TableFacts, key: TableKey) -> None:
    """Plan the renames of what the server named after a table, or after its columns.

    Args:
        run: the comparison; its facts have the new names of the table and its columns already.
        before: the table before the renames.
        key: the table's schema and name now.

    Notes: one statement for a table with a serial or an identity column.
    """
    if not run.is_pg or not run.wants("constraints"):
        return
    now, source = run.found.tables[key], run.declared.tables[key].source
    renames = dict(_constraints(before, now, run.declared.tables[key]))
    operations: list[Any] = [
        ops.RenameConstraintOp(old, new, source.name, schema=source.schema) for old, new in renames.items()
    ]
    if operations:
        run.plan.first.append(ops.ModifyTableOps(source.name, operations, schema=source.schema))
        _rename(run, now, renames)
    for old, new in _sequences(run, before, now):
        run.plan.first.append(ops.RenameSequenceOp(old, new, schema=source.schema))


def _constraints(before: TableFacts, now: TableFacts, model: TableFacts) -> Iterator[tuple[str, str]]:
    named = {(type(fact), fact.content) for fact in _facts(model) if fact.name is not None and hasattr(fact, "content")}
    taken = {fact.name for fact in _facts(now)} | {index.name for index in now.indexes}
    for old, new in zip(_facts(before), _facts(now), strict=True):
        if old.name is None or (type(new), getattr(new, "content", None)) in named:
            continue
        name = _following(old.name, before.name, _columns(before, old), now.name, _columns(now, new), _label(old))
        if name is not None and name not in taken:
            taken.add(name)
            yield old.name, name


def _facts(table: TableFacts) -> list[Any]:
    key = [] if table.primary_key is None else [table.primary_key]
    return [*key, *table.uniques, *table.foreign_keys, *table.checks, *table.excludes]


def _label(fact: Any) -> str:
    kind = getattr(fact, "kind", None)
    if kind is not None:
        return "pkey" if kind == "p" else "key"
    return {"ForeignKeyFacts": "fkey", "CheckFacts": "check", "ExcludeFacts": "excl"}[type(fact).__name__]


def _columns(table: TableFacts, fact: Any) -> list[str]:
    """Return the columns that stand in the name which the server gives."""
    label = _label(fact)
    if label == "pkey":
        return []
    if label in ("key", "fkey"):
        return list(fact.columns)
    words = {sqltext.unquoted(token) for token in sqltext.scan(fact.text) if token.kind in ("word", "name")}
    named = [name for name in table.columns if name in words]
    return named if label == "excl" or len(named) == 1 else []


def _following(
    name: str, table: str, columns: list[str], table_now: str, columns_now: list[str], label: str
) -> str | None:
    """Return the name that follows one of the server's making, None if it is none or stays the same."""
    for number in range(_NUMBERED):
        ending = label + (str(number) if number else "")
        if name == object_name(table, "_".join(columns), ending):
            now = object_name(table_now, "_".join(columns_now), ending)
            return now if now != name else None
    return None


def _rename(run: Any, table: TableFacts, renames: dict[str, str]) -> None:
    def renamed(fact: Any) -> Any:
        return replace(fact, name=renames.get(fact.name, fact.name))

    changed = replace(
        table,
        primary_key=None if table.primary_key is None else renamed(table.primary_key),
        uniques=tuple(map(renamed, table.uniques)),
        foreign_keys=tuple(map(renamed, table.foreign_keys)),
        checks=tuple(map(renamed, table.checks)),
        excludes=tuple(map(renamed, table.excludes)),
    )
    replace_found(run, {**run.found.tables, table.key: changed})


def _sequences(run: Any, before: TableFacts, now: TableFacts) -> Iterator[tuple[str, str]]:
    if not any(column.serial or column.identity is not None for column in before.columns.values()):
        return
    current = dict(zip(before.columns, now.columns, strict=True))
    for column, sequence in run.connection.exec_driver_sql(_SEQUENCES, (before.name, before.schema)).all():
        name = _following(sequence, before.name, [column], now.name, [current.get(column, column)], "seq")
        if name is not None:
            yield sequence, name
