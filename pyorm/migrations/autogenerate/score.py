"""How likely a table or column that went and one that came are the same, renamed.

A score is between 0 and 1. Half of it is that both are of one make: type, nullability, default, place. The other half
is evidence that they are one thing: alike names, the same keys, indexes and checks, the same comment. Without evidence
nobody is advised to call it a rename; with it, and nothing else like it, a rename is the likely reading. The weights
are held to the labelled cases of `tests/migrations/autogenerate/renames/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyorm.migrations.autogenerate.alike import is_common, jaccard, name_similarity, shares_word, words
from pyorm.migrations.autogenerate.facts import ColumnFacts, TableFacts, TableKey

LIKELY = 0.80
"""From here on a rename is the default answer, if the second best is `MARGIN` away."""
POSSIBLE = 0.50
"""Below, nobody is asked: it is a removal and an addition."""
MARGIN = 0.15

_WIDENS = {
    "smallint": ("integer", "bigint", "numeric", "real", "double precision"),
    "integer": ("bigint", "numeric", "double precision"),
    "bigint": ("numeric",),
    "real": ("double precision", "numeric"),
    "double precision": ("numeric",),
    "date": ("timestamp without time zone", "timestamp with time zone"),
    "timestamp without time zone": ("timestamp with time zone",),
    "json": ("jsonb",),
}
_TEXTS = ("text", "character varying", "character", "varchar", "char")
_STRENGTH = {"key": 0.75, "primary key": 0.6, "check": 0.6, "unique": 0.5, "index": 0.4}
"""How much it says that both are part of the same thing."""

_SHARED_WORD = 0.62
"""What a word that two columns' names share is worth at least: all else being the same, it makes a rename likely."""

Moved = Mapping[TableKey, TableKey]


@dataclass(frozen=True, slots=True)
class Score:
    """A score with what it is made of, for the person who is asked; `certain`: nobody needs to be."""

    value: float
    reasons: tuple[str, ...]
    certain: bool = False


def _either(*chances: float) -> float:
    """Return the chance that at least one of several independent hints is right."""
    none = 1.0
    for chance in chances:
        none *= 1 - chance
    return 1 - none


# ---- columns ---------------------------------------------------------------------------------------------------
def score_columns(model: TableFacts, new: ColumnFacts, found: TableFacts, old: ColumnFacts) -> Score:
    """Return how likely column `old` of the database is column `new` of the model.

    Args:
        model: the table as it is declared.
        new: a column that only the model has.
        found: the table as it is; tables that were renamed already have their new names in it.
        old: a column that only the database has.
    """
    same_type = type_similarity(old.type, new.type)
    alike = name_similarity(old.name, new.name)
    shared = _shared_memberships(_memberships(found, old.name), _memberships(model, new.name))
    near = _nearness(found, old.name, model, new.name)
    said = 0.9 if old.comment is not None and old.comment == new.comment else 0.0
    named = max(alike, _SHARED_WORD) if shares_word(old.name, new.name) else alike
    make = 0.25 * same_type + 0.10 * near + 0.10 * (old.nullable == new.nullable) + 0.05 * _same_default(old, new)
    value = make + 0.50 * _either(named, shared, said)
    reasons = [f"names {alike:.0%} alike"]
    reasons.append(f"type {old.type}" if same_type == 1 else f"type {old.type} -> {new.type}")
    if shared:
        reasons.append("in the same keys and indexes")
    if said:
        reasons.append("the same comment")
    if near == 1:
        reasons.append("at the same place")
    return Score(round(value, 4), tuple(reasons))


def type_similarity(old: str, new: str) -> float:
    """Return 1 for the same type, 0.5 for one that takes all its values or differs in arguments only, else 0."""
    if old == new:
        return 1.0
    a, b = _family(old), _family(new)
    same = a == b or b in _WIDENS.get(a, ()) or (a in _TEXTS and b in _TEXTS)
    return 0.5 if same else 0.0


def _family(type_: str) -> str:
    return re.sub(r"\s*\([^)]*\)", "", type_.lower())


def _same_default(old: ColumnFacts, new: ColumnFacts) -> bool:
    if old.identity is not None or new.identity is not None:
        return (old.identity is None) == (new.identity is None)
    if old.computed is not None or new.computed is not None:
        return (old.computed is None) == (new.computed is None)
    return (old.default is None) == (new.default is None)


def _memberships(table: TableFacts, name: str) -> set[tuple[Any, ...]]:
    """Return what a column is part of, without names; its place stands for it in keys of several columns."""
    found: set[tuple[Any, ...]] = set()
    keys = [("primary key", table.primary_key)] if table.primary_key is not None else []
    for kind, key in [*keys, *(("unique", unique) for unique in table.uniques)]:
        if name in key.columns:
            found.add((kind, key.columns.index(name), len(key.columns)))
    found |= {("key", key.target, key.columns.index(name)) for key in table.foreign_keys if name in key.columns}
    for index in table.indexes:
        if name in index.elements:
            found.add(("index", index.unique, index.elements.index(name), len(index.elements)))
    for check in table.checks:
        if re.search(rf"\b{re.escape(name)}\b", check.text):
            found.add(("check", re.sub(rf"\b{re.escape(name)}\b", "*", check.text)))
    return found


def _shared_memberships(old: set[tuple[Any, ...]], new: set[tuple[Any, ...]]) -> float:
    """Return how much it says what both are part of, 0 where that is nothing."""
    if any(each[0] == "key" for each in old ^ new) and not any(each[0] == "key" for each in old & new):
        old, new = ({each for each in side if each[0] != "index"} for side in (old, new))
    return jaccard(old, new) * _either(*(_STRENGTH[each[0]] for each in old & new)) if old & new else 0.0


def _nearness(found: TableFacts, old: str, model: TableFacts, new: str) -> float:
    """Return 1 where both stand between the same neighbours or at the same place, less the further they are apart."""
    a, b = list(found.columns), list(model.columns)
    i, j = a.index(old), b.index(new)
    before = (a[i - 1] if i else None, b[j - 1] if j else None)
    after = (a[i + 1] if i + 1 < len(a) else None, b[j + 1] if j + 1 < len(b) else None)
    if i == j or (before[0] == before[1] and after[0] == after[1]):
        return 1.0
    if before[0] == before[1] or after[0] == after[1]:
        return 0.8
    return max(0.0, 1 - abs(i - j) / max(len(a), len(b)))


# ---- tables ----------------------------------------------------------------------------------------------------
def may_be_same(new: TableFacts, old: TableFacts, incoming: tuple[set[Any], set[Any]], moved: Moved) -> bool:
    """Return whether two tables are worth a closer look, which takes time: something speaks for a rename.

    Args:
        new, old, incoming, moved: See `score_tables()`.
    """
    left, right = _telling_names(old), _telling_names(new)
    if len(left & right) * 5 >= len(left | right):  # also where neither says anything: two lookup tables
        return True
    if _targets(old, moved) & _targets(new, {}) or {moved.get(key, key) for key in incoming[0]} & incoming[1]:
        return True
    return name_similarity(old.name, new.name) >= 0.5


def _telling_names(table: TableFacts) -> set[tuple[str, ...]]:
    return {words(name) for name in table.columns if name not in _primary(table)}


def score_tables(new: TableFacts, old: TableFacts, incoming: tuple[set[Any], set[Any]], moved: Moved) -> Score:
    """Return how likely table `old` of the database is table `new` of the model.

    Args:
        new: a table that only the model has.
        old: a table that only the database has.
        incoming: the tables that refer to the old and to the new one.
        moved: what else may have been renamed, old → new: references to it are the same.
    """
    moved = {**moved, old.key: new.key}
    pairs = _column_pairs(old, new, moved)
    common = sum(weight for _, _, weight in pairs)
    smaller = min(len(old.columns), len(new.columns)) or 1
    same = (common / (len(old.columns) + len(new.columns) - common) + common / smaller) / 2
    renamed = {a: b for a, b, _ in pairs}
    keys = 1.0 if {renamed.get(name) for name in _primary(old)} == set(_primary(new)) else 0.0
    left, right = _targets(old, moved), _targets(new, {})
    targets = jaccard(left, right)
    referring = {moved.get(key, key) for key in incoming[0]} & incoming[1]
    telling = sum(weight for a, _, weight in pairs if not is_common(a)) + len(left & right) + len(referring)
    telling += 0.5 * sum(weight for a, _, weight in pairs if is_common(a) and a not in _primary(old))
    known = same * (1 - 0.65**telling)
    alike = name_similarity(old.name, new.name)
    value = 0.40 * same + 0.10 * keys + 0.10 * targets + 0.40 * _either(alike, known)
    reasons = [f"{same:.0%} of the columns are the same", f"names {alike:.0%} alike"]
    if referring:
        reasons.append("the same tables refer to it")
    return Score(round(value, 4), tuple(reasons))


def _column_pairs(old: TableFacts, new: TableFacts, moved: Moved) -> list[tuple[str, str, float]]:
    """Return which columns of two tables are the same, and how surely: by name and type, then by alike names."""
    pairs = []
    rest_old, rest_new = dict(old.columns), dict(new.columns)
    for name in list(rest_old):
        if name in rest_new:
            weight = (1.0, 0.8, 0.4)[int(2 - 2 * type_similarity(rest_old[name].type, rest_new[name].type))]
            pairs.append((name, name, weight))
            del rest_old[name], rest_new[name]
    if not rest_old or not rest_new:
        return pairs
    targets_old, targets_new = _column_targets(old, moved), _column_targets(new, {})
    scored = []
    for a, column in rest_old.items():
        for b, other in rest_new.items():
            if type_similarity(column.type, other.type):
                target = targets_old.get(a)
                alike = 1.0 if target is not None and target == targets_new.get(b) else name_similarity(a, b)
                scored.append((-alike, a, b))
    for alike, a, b in sorted(scored):
        if -alike >= 0.5 and a in rest_old and b in rest_new:
            pairs.append((a, b, -alike))
            del rest_old[a], rest_new[b]
    return pairs


def _column_targets(table: TableFacts, moved: Moved) -> dict[str, TableKey]:
    return {key.columns[0]: moved.get(key.target, key.target) for key in table.foreign_keys if len(key.columns) == 1}


def _targets(table: TableFacts, moved: Moved) -> set[TableKey]:
    return {moved.get(key.target, key.target) for key in table.foreign_keys}


def _primary(table: TableFacts) -> tuple[str, ...]:
    return table.primary_key.columns if table.primary_key is not None else ()


# ---- enum values -----------------------------------------------------------------------------------------------
def score_values(old: Sequence[str], new: Sequence[str], before: str, after: str) -> Score:
    """Return how likely value `before` of an enum type is value `after`: by name and place.

    Args:
        old: all values of the database.
        new: all values of the model.
        before: a value that only the database has.
        after: a value that only the model has.
    """
    alike = name_similarity(before, after)
    at, now = old.index(before), new.index(after)
    is_between = old[at - 1 : at] == new[now - 1 : now] or old[at + 1 : at + 2] == new[now + 1 : now + 2]
    place = 1.0 if at == now or is_between else 0.0
    count = 1.0 if len(old) == len(new) else 0.5
    value = 0.50 * alike + 0.35 * place + 0.15 * count
    where = "at the same place" if place else "at another place"
    return Score(round(value, 4), (f"names {alike:.0%} alike", where))
