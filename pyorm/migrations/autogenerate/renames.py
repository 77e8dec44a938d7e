"""Renames: found first, then the database's facts are read as if they had been carried out.

After `apply_renames()` a renamed table or column has its new name on both sides, so everything
else is compared as usual: a rename with a change of type comes out as both. The operations that
rename stand first in the plan. What decides: `renamed_from=` of the model; an attribute that keeps
its name while its column changes it; then the score of `score.py`, which a person or an option
confirms (`ask.py`). Nothing is guessed silently, and nothing that scores as a rename is dropped
silently.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, TypeVar

from pyorm.migrations.autogenerate.ask import NONE, Candidate, Decider
from pyorm.migrations.autogenerate.compare.run import full_name, log, may_drop
from pyorm.migrations.autogenerate.declared import earlier_key, earlier_name
from pyorm.migrations.autogenerate.dependents import follow_names
from pyorm.migrations.autogenerate.facts import ColumnFacts, TableFacts, TableKey
from pyorm.migrations.autogenerate.moved import move_column, move_table
from pyorm.migrations.autogenerate.score import (
    LIKELY,
    POSSIBLE,
    Score,
    may_be_same,
    score_columns,
    score_tables,
    score_values,
    type_similarity,
)
from pyorm.migrations.operations import ops
from pyorm.migrations.util.exc import CommandError

_K = TypeVar("_K", bound="str | TableKey")


def apply_renames(run: Any) -> None:
    """Find what was renamed, plan it, and give it its new name in `run.found`.

    Values of enum types that were renamed are kept in `run.value_renames`, by type.

    Raises:
        AmbiguousRename: something may be a rename, and nobody can be asked.
        CommandError: `renamed_from` names something that exists beside its successor.
    """
    Renames(run).apply()


class Renames:
    """Finds and carries out the renames of one comparison.

    Args:
        run: the comparison; its options `renames` (a policy, none by default) and `confirm_rename` decide.
    """

    def __init__(self, run: Any) -> None:
        self.run = run
        self.decider = Decider(run.opts.get("renames", NONE), run.opts.get("confirm_rename"))
        self._done: list[tuple[str, str, str]] = []
        self._before: dict[TableKey, TableFacts] = {}  # new key -> the table before anything in it was renamed
        self._attributes: dict[int, set[str]] | None = None

    def apply(self) -> None:
        """See `apply_renames()`."""
        run = self.run
        if run.wants("tables"):
            self._tables()
            for key in [key for key in run.declared.tables if key in run.found.tables]:
                self._columns(key)
        if run.is_pg and run.wants("enums"):
            for key in sorted(run.declared.enums.keys() & run.found.enums.keys(), key=lambda k: (k[0] or "", k[1])):
                self._values(key)
        run.context.possible_renames = self.decider.undecided
        self.decider.settle()
        for kind, old, new in self._done:
            log.info("Detected %s %r renamed to %r", kind, old, new)
        for key, table in self._before.items():
            follow_names(run, table, key)

    # ---- tables ------------------------------------------------------------------------------------------------
    def _tables(self) -> None:
        run = self.run
        tables, existing, default = run.declared.tables, run.found.tables, run.found.default_schema
        said = {key: old for key, t in tables.items() if (old := earlier_key(t.source, key, default))}
        pairs = _declared_pairs(said, tables, existing, lambda key: f"Table {full_name(key)}", full_name)
        for old, new in pairs.items():
            if old[0] != new[0]:
                raise CommandError(
                    f"Table {full_name(new)} says renamed_from={full_name(old)!r}, which is in another schema: "
                    "move it in a script of your own, op.execute('ALTER TABLE … SET SCHEMA …')"
                )
            self._rename_table(old, new)
        added = [t for k, t in run.declared.tables.items() if k not in run.found.tables]
        removed = [t for k, t in run.found.tables.items() if k not in run.declared.tables and not t.partition]
        for schema in sorted({table.schema for table in added}, key=str):
            self._likely_tables([t for t in removed if t.schema == schema], [t for t in added if t.schema == schema])

    def _likely_tables(self, olds: list[TableFacts], news: list[TableFacts]) -> None:
        run = self.run
        if self.decider.policy == NONE or not olds or not news:
            return
        olds = sorted((t for t in olds if self._accepts_table(t)), key=lambda t: t.name)
        news = sorted((t for t in news if run.accepts(*_declared(t, "table"))), key=lambda t: t.name)
        scores = _table_scores(run, olds, news)

        def least(old: TableFacts) -> float:
            return POSSIBLE if may_drop(run, old.key) else LIKELY  # what is not dropped anyway is not lost

        for old, new in list(self.decider.pairs(olds, news, scores, _table_candidate, least)):
            self._rename_table(old.key, new.key)

    def _accepts_table(self, table: TableFacts) -> bool:
        run = self.run
        return bool(run.accepts(lambda: run.objects.table(table.key), table.name, "table", True, None))

    def _rename_table(self, old: TableKey, new: TableKey) -> None:
        run = self.run
        self._before[new] = run.found.tables[old]
        schema = run.declared.tables[new].source.schema
        run.plan.first.append(ops.RenameTableOp(old[1], new[1], schema=schema))
        self._done.append(("table", full_name(old), full_name(new)))
        move_table(run, old, new)

    # ---- columns -----------------------------------------------------------------------------------------------
    def _columns(self, key: TableKey) -> None:
        run = self.run
        model, found = run.declared.tables[key], run.found.tables[key]
        if model.columns.keys() == found.columns.keys():
            return
        said = {name: old for name, column in model.columns.items() if (old := earlier_name(column.source))}
        pairs = _declared_pairs(said, model.columns, found.columns, lambda name: f"Column {full_name(key)}.{name}", str)
        for old, new in pairs.items():
            self._rename_column(key, old, new)
        found = run.found.tables[key]
        news = [c for n, c in model.columns.items() if n not in found.columns]
        olds = [c for n, c in found.columns.items() if n not in model.columns and not c.inherited]
        if self.decider.policy == NONE or not olds or not news:
            return
        olds = [c for c in olds if self._accepts_column(key, c.name)]
        news = [c for c in news if run.accepts(*_declared(c, "column"))]
        scores = [[self._score(model, new, found, old) for new in news] for old in olds]

        def candidate(old: ColumnFacts, new: ColumnFacts, score: Score, margin: float) -> Candidate:
            return _column_candidate(key, old.name, new.name, score, margin)

        for old_column, new_column in list(self.decider.pairs(olds, news, scores, candidate)):
            self._rename_column(key, old_column.name, new_column.name)

    def _accepts_column(self, key: TableKey, name: str) -> bool:
        run = self.run
        if not run.accepts_name(name, "column", {"schema_name": key[0], "table_name": key[1]}):
            return False
        return bool(run.accepts(lambda: run.objects.column(key, name), name, "column", True, None))

    def _score(self, model: TableFacts, new: ColumnFacts, found: TableFacts, old: ColumnFacts) -> Score:
        if type_similarity(old.type, new.type) and old.name in self._attributes_of(new.source):
            return Score(1.0, (f"the attribute is still called {old.name}",), certain=True)
        return score_columns(model, new, found, old)

    def _attributes_of(self, column: Any) -> set[str]:
        """Return the names by which programs know a column: its key, and mapped attributes."""
        if self._attributes is None:
            self._attributes = mapped_attributes()
        return {str(column.key), *self._attributes.get(id(column), ())}

    def _rename_column(self, key: TableKey, old: str, new: str) -> None:
        run = self.run
        self._before.setdefault(key, run.found.tables[key])
        existing, source = run.objects.column(key, old), run.declared.tables[key].source
        operation = ops.AlterColumnOp(
            source.name, old, schema=source.schema, modify_name=new, existing_type=existing.type,
            existing_nullable=run.found.tables[key].columns[old].nullable,
        )  # fmt: skip
        run.plan.first.append(ops.ModifyTableOps(source.name, [operation], schema=source.schema))
        self._done.append(("column", f"{full_name(key)}.{old}", f"{full_name(key)}.{new}"))
        move_column(run, key, old, new)

    # ---- enum values -------------------------------------------------------------------------------------------
    def _values(self, key: TableKey) -> None:
        model, found = self.run.declared.enums[key], self.run.found.enums[key]
        old, new, name = found.labels, model.labels, full_name(key)
        said = dict(getattr(model.source, "renamed_from", None) or {})
        pairs = {b: a for a, b in said.items() if b in old and a not in old and a in new}
        removed = [value for value in old if value not in new and value not in pairs]
        added = [value for value in new if value not in old and value not in pairs.values()]
        if removed and added:
            scores = [[score_values(old, new, before, after) for after in added] for before in removed]

            def candidate(before: str, after: str, score: Score, margin: float) -> Candidate:
                return _value_candidate(name, before, after, score, margin)

            pairs.update(self.decider.pairs(removed, added, scores, candidate))
        if pairs:
            self.run.value_renames[key] = pairs
        self._done += [("enum value", f"{name}.{before}", f"{name}.{after}") for before, after in pairs.items()]


# ---- what the models say ---------------------------------------------------------------------------------------
def _declared(fact: Any, kind: str) -> tuple[Callable[[], Any], str, str, bool, None]:
    """Return what `include_object` is asked about something that only the models have."""
    return (lambda: fact.source), fact.name, kind, False, None


def _declared_pairs(
    said: Mapping[_K, _K],
    model: Container[_K],
    found: Container[_K],
    shown: Callable[[_K], str],
    named: Callable[[_K], str],
) -> dict[_K, _K]:
    """Return old → new of the renames that the models declare and the database lacks, in an order that works.

    A name that another rename sets free may be taken: `a` becomes `b` while `b` becomes `c`.

    Args:
        said: new → old as declared.
        model: the names that the models have.
        found: the names that the database has.
        shown: what a new name is called in messages.
        named: an old name in messages.

    Raises:
        CommandError: both exist, and the old one is no longer in the models; or the new one does not exist, and the old
            one is still in the models.
    """
    pairs: dict[_K, _K] = {}
    waiting = {new: old for new, old in said.items() if old in found}
    is_new = True
    while is_new:
        is_new = False
        for new, old in waiting.items():
            is_kept = old in model and old not in waiting
            if old not in pairs and (new not in found or new in pairs) and not is_kept:
                pairs[old] = new
                is_new = True
    for new, old in waiting.items():
        if pairs.get(old) == new:
            continue
        says = f"{shown(new)} says renamed_from={named(old)!r}, but"
        if old in pairs:
            raise CommandError(f"{says} {shown(pairs[old])} says so, too")
        if new in found and old not in model:
            raise CommandError(
                f"{says} the database has both: bring the contents over and drop {named(old)!r} in a script of your "
                "own, or take renamed_from away to have it dropped"
            )
        if new not in found:
            raise CommandError(f"{says} the models still have {named(old)!r}")
    return pairs


def mapped_attributes() -> dict[int, set[str]]:
    """Return the names of the attributes that columns are mapped to, by the columns' ids."""
    registries = getattr(sys.modules.get("pyorm.orm._registry"), "_all_registries", ())
    found: dict[int, set[str]] = {}
    for registry in registries:
        for mapper in registry.mappers:
            for prop in mapper.column_attrs:
                for column in prop.columns:
                    found.setdefault(id(column), set()).add(prop.key)
    return found


# ---- candidates ------------------------------------------------------------------------------------------------
def _table_scores(run: Any, olds: Sequence[TableFacts], news: Sequence[TableFacts]) -> list[list[Score]]:
    """Return the scores of tables; twice, for tables refer to each other: what seems renamed counts as such then."""
    moved: dict[TableKey, TableKey] = {}
    incoming = [_referring(side.tables) for side in (run.found, run.declared)]
    scores: list[list[Score]] = []

    def score(old: TableFacts, new: TableFacts) -> Score:
        referring = (incoming[0].get(old.key, set()), incoming[1].get(new.key, set()))
        if not may_be_same(new, old, referring, moved):
            return Score(0.0, ())
        return score_tables(new, old, referring, moved)

    for _ in range(2):
        scores = [[score(old, new) for new in news] for old in olds]
        for old, row in zip(olds, scores, strict=True):
            best = max(range(len(news)), key=lambda at, row=row: row[at].value)  # type: ignore[misc]
            if row[best].value >= POSSIBLE:
                moved[old.key] = news[best].key
    return scores


def _referring(tables: Mapping[TableKey, TableFacts]) -> dict[TableKey, set[TableKey]]:
    found: dict[TableKey, set[TableKey]] = {}
    for table in tables.values():
        for key in table.foreign_keys:
            if key.target != table.key:
                found.setdefault(key.target, set()).add(table.key)
    return found


def _table_candidate(old: TableFacts, new: TableFacts, score: Score, margin: float) -> Candidate:
    return Candidate(
        "table", full_name(old.key), full_name(new.key), score, margin,
        f'op.rename_table("{old.name}", "{new.name}")',
        f'op.drop_table("{old.name}") and op.create_table("{new.name}", …): the rows are lost',
        f'Table("{new.name}", …, renamed_from="{old.name}"), or "renamed_from" in __table_args__',
    )  # fmt: skip


def _column_candidate(key: TableKey, old: str, new: str, score: Score, margin: float) -> Candidate:
    table = full_name(key)
    return Candidate(
        "column", f"{table}.{old}", f"{table}.{new}", score, margin,
        f'op.alter_column("{key[1]}", "{old}", new_column_name="{new}")',
        f'op.drop_column("{key[1]}", "{old}") and op.add_column(…): the values are lost',
        f'Column("{new}", …, renamed_from="{old}")',
    )  # fmt: skip


def _value_candidate(name: str, before: str, after: str, score: Score, margin: float) -> Candidate:
    return Candidate(
        "enum value", f"{name}.{before}", f"{name}.{after}", score, margin,
        f'op.rename_enum_value("{name}", "{before}", "{after}")',
        f'op.replace_enum("{name}", …): rows that have {before!r} stop it',
        f'Enum(…, name="{name}", renamed_from={{"{after}": "{before}"}})',
    )  # fmt: skip
