"""Renames: found first, then the database's facts are read as if they had been carried out.

After `apply_renames()` a renamed table or column has its new name on both sides, so everything
else is compared as usual: a rename with a change of type comes out as both. The operations that
rename stand first in the plan. What decides: `renamed_from=` of the model; then the score of
`score.py`, which a person or an option confirms (`ask.py`). Nothing is guessed silently, and
nothing that scores as a rename is dropped silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pyorm.migrations.autogenerate.ask import NONE, Candidate, decide
from pyorm.migrations.autogenerate.facts import (
    CheckFacts,
    ColumnFacts,
    ExcludeFacts,
    ForeignKeyFacts,
    IndexFacts,
    KeyFacts,
    TableFacts,
    TableKey,
)
from pyorm.migrations.autogenerate.score import POSSIBLE, Score, assign, score_columns, score_tables, score_values
from pyorm.migrations.operations import ops
from pyorm.migrations.util.exc import CommandError

_T = TypeVar("_T")


def apply_renames(run: Any) -> None:
    """Find what was renamed, plan it, and give it its new name in `run.found`.

    Raises:
        AmbiguousRename: something may be a rename, and nobody can be asked.
        CommandError: `renamed_from` names something that still exists beside its successor in the models.
    """
    _rename_tables(run)
    for key in [key for key in run.declared.tables if key in run.found.tables]:
        _rename_columns(run, key)


def full_name(key: TableKey) -> str:
    """Return `schema.table`, or the table's name."""
    return f"{key[0]}.{key[1]}" if key[0] else key[1]


# ---- tables ----------------------------------------------------------------------------------------------------
def _rename_tables(run: Any) -> None:
    pairs: dict[TableKey, TableKey] = {}
    for key, table in run.declared.tables.items():
        old = _declared_from(table.source)
        if old is not None:
            before = _key_of(old, key[0])
            if before in run.declared.tables and before in run.found.tables and key not in run.found.tables:
                raise CommandError(
                    f"Table {full_name(key)} says renamed_from={old!r}, but the models still have {full_name(before)}"
                )
            if key not in run.found.tables and before in run.found.tables:
                pairs[before] = key
    added = {k: t for k, t in run.declared.tables.items() if k not in run.found.tables and k not in pairs.values()}
    removed = {
        k: t for k, t in run.found.tables.items() if k not in run.declared.tables and k not in pairs and not t.partition
    }
    pairs.update(_likely_tables(run, added, removed))
    for old_key, new_key in pairs.items():
        run.plan.first.append(
            ops.RenameTableOp(old_key[1], new_key[1], schema=run.declared.tables[new_key].source.schema)
        )
        _tell(run, "table", full_name(old_key), full_name(new_key))
        _move_table(run, old_key, new_key)


def _key_of(name: str, schema: str | None) -> TableKey:
    before, _dot, last = name.rpartition(".")
    return (before or schema, last)


def _likely_tables(
    run: Any, added: dict[TableKey, TableFacts], removed: dict[TableKey, TableFacts]
) -> dict[TableKey, TableKey]:
    found: dict[TableKey, TableKey] = {}
    for schema in sorted({key[0] for key in added}, key=str):
        news = [t for k, t in sorted(added.items(), key=_by_name) if k[0] == schema]
        olds = [t for k, t in sorted(removed.items(), key=_by_name) if k[0] == schema]
        for old, new in _decided(run, olds, news, lambda old, new: score_tables(new, old), _table_candidate):
            found[old.key] = new.key
    return found


def _by_name(item: tuple[TableKey, Any]) -> tuple[str, str]:
    return (item[0][0] or "", item[0][1])


def _table_candidate(old: TableFacts, new: TableFacts, score: Score, margin: float) -> Candidate:
    return Candidate(
        "table", full_name(old.key), full_name(new.key), score, margin,
        f'op.rename_table("{old.name}", "{new.name}")',
        f'op.drop_table("{old.name}") and op.create_table("{new.name}", …): the rows are lost',
        f'Table("{new.name}", …, renamed_from="{old.name}"), or "renamed_from" in __table_args__',
    )  # fmt: skip


def _move_table(run: Any, old: TableKey, new: TableKey) -> None:
    """Give a table of the database its new name, in what refers to it, too."""

    def moved(key: ForeignKeyFacts) -> ForeignKeyFacts:
        return replace(key, ref_schema=new[0], ref_table=new[1]) if key.target == old else key

    tables: dict[TableKey, TableFacts] = {}
    for key, table in run.found.tables.items():
        table = replace(table, foreign_keys=tuple(moved(k) for k in table.foreign_keys))
        if key == old:
            table = replace(table, schema=new[0], name=new[1])
        tables[table.key] = table
    _replace_found(run, tables)


def _replace_found(run: Any, tables: dict[TableKey, TableFacts]) -> None:
    run.found = replace(run.found, tables=tables)
    run.objects = type(run.objects)(run.found, run.connection)


# ---- columns ---------------------------------------------------------------------------------------------------
def _rename_columns(run: Any, key: TableKey) -> None:
    model, found = run.declared.tables[key], run.found.tables[key]
    pairs: dict[str, str] = {}
    for name, column in model.columns.items():
        old = _declared_from(column.source)
        if old is None:
            continue
        if old in model.columns and old in found.columns and name not in found.columns:
            raise CommandError(
                f"Column {full_name(key)}.{name} says renamed_from={old!r}, but the model still has a column {old!r}"
            )
        if name not in found.columns and old in found.columns:
            pairs[old] = name
    added = [c for n, c in model.columns.items() if n not in found.columns and n not in pairs.values()]
    removed = [c for n, c in found.columns.items() if n not in model.columns and n not in pairs and not c.inherited]

    def score(old: ColumnFacts, new: ColumnFacts) -> Score:
        return score_columns(model, new, found, old)

    def candidate(old: ColumnFacts, new: ColumnFacts, score: Score, margin: float) -> Candidate:
        table = full_name(key)
        return Candidate(
            "column", f"{table}.{old.name}", f"{table}.{new.name}", score, margin,
            f'op.alter_column("{key[1]}", "{old.name}", new_column_name="{new.name}")',
            f'op.drop_column("{key[1]}", "{old.name}") and op.add_column(…): the values are lost',
            f'Column("{new.name}", …, renamed_from="{old.name}")',
        )  # fmt: skip

    pairs.update((old.name, new.name) for old, new in _decided(run, removed, added, score, candidate))
    for old, name in pairs.items():
        _plan_column(run, key, old, name)
        _move_column(run, key, old, name)


def _plan_column(run: Any, key: TableKey, old: str, new: str) -> None:
    _tell(run, "column", f"{full_name(key)}.{old}", f"{full_name(key)}.{new}")
    existing = run.objects.column(key, old)
    source = run.declared.tables[key].source
    operation = ops.AlterColumnOp(
        source.name, old, schema=source.schema, modify_name=new, existing_type=existing.type,
        existing_nullable=run.found.tables[key].columns[old].nullable,
    )  # fmt: skip
    run.plan.first.append(ops.ModifyTableOps(source.name, [operation], schema=source.schema))


def _move_column(run: Any, key: TableKey, old: str, new: str) -> None:
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
    _replace_found(run, tables)


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


# ---- enum values -----------------------------------------------------------------------------------------------
def renamed_values(run: Any, name: str, old: Sequence[str], new: Sequence[str], source: Any) -> dict[str, str]:
    """Return old → new of an enum type's values that were renamed.

    Args:
        run: the comparison.
        name: the type's name, with its schema.
        old: the values of the database.
        new: the values of the model.
        source: the model's type; its `renamed_from` maps new values to old ones.
    """
    declared = dict(getattr(source, "renamed_from", None) or {})
    pairs = {before: after for after, before in declared.items() if before in old and after not in old and after in new}
    removed = [value for value in old if value not in new and value not in pairs]
    added = [value for value in new if value not in old and value not in pairs.values()]

    def candidate(before: str, after: str, score: Score, margin: float) -> Candidate:
        return Candidate(
            "enum value", f"{name}.{before}", f"{name}.{after}", score, margin,
            f'op.rename_enum_value("{name}", "{before}", "{after}")',
            f'op.replace_enum("{name}", …): rows that have {before!r} stop it',
            f'Enum(…, name="{name}", renamed_from={{"{after}": "{before}"}})',
        )  # fmt: skip

    decided = _decided(run, removed, added, lambda b, a: score_values(old, new, b, a), candidate)
    pairs.update(decided)
    for before, after in pairs.items():
        _tell(run, "enum value", f"{name}.{before}", f"{name}.{after}")
    return pairs


# ---- deciding --------------------------------------------------------------------------------------------------
def _decided(
    run: Any,
    olds: Sequence[_T],
    news: Sequence[_T],
    score: Callable[[_T, _T], Score],
    candidate: Callable[[_T, _T, Score, float], Candidate],
) -> Iterable[tuple[_T, _T]]:
    """Return the pairs that somebody has confirmed; only the best assignment is asked about."""
    policy = run.opts.get("renames", NONE)
    if policy == NONE or not olds or not news:
        return []
    scores = [[score(old, new) for new in news] for old in olds]
    values = [[each.value for each in row] for row in scores]
    chosen: list[tuple[_T, _T]] = []
    candidates: list[Candidate] = []
    for row, column in assign(values):
        if values[row][column] >= POSSIBLE:
            chosen.append((olds[row], news[column]))
            candidates.append(candidate(olds[row], news[column], scores[row][column], _margin(values, row, column)))
    answers = decide(candidates, policy, run.opts.get("confirm_rename"))
    return [pair for pair, is_rename in zip(chosen, answers, strict=True) if is_rename]


def _margin(values: Sequence[Sequence[float]], row: int, column: int) -> float:
    """Return how much less the best other pair of the same old or new thing scores."""
    others = [value for at, value in enumerate(values[row]) if at != column]
    others += [line[column] for at, line in enumerate(values) if at != row]
    return values[row][column] - max(others, default=0.0)


def _declared_from(source: Any) -> str | None:
    """Return what a table or column says it was called before."""
    old = (getattr(source, "info", None) or {}).get("renamed_from")
    return None if old is None else str(old)


def _tell(run: Any, kind: str, old: str, new: str) -> None:
    from pyorm.migrations.autogenerate.compare.run import log

    log.info("Detected %s %r renamed to %r", kind, old, new)
