"""How likely a table or column that went and one that came are the same, renamed.

A score is between 0 and 1. Its weights are a starting point, checked by the
labelled cases of `tests/migrations/autogenerate/renames/`: what has the same type, keys, default
and a similar name is the same thing more often than not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyorm.migrations.autogenerate.facts import ColumnFacts, TableFacts

LIKELY = 0.80
"""From here on a rename is the default answer, if the second best is `MARGIN` away."""
POSSIBLE = 0.50
"""Below, nobody is asked: it is a removal and an addition."""
MARGIN = 0.15

_SHORT = {
    "addr": "address", "amt": "amount", "cat": "category", "cnt": "count", "cust": "customer", "desc": "description",
    "dob": "birthdate", "dt": "date", "fname": "firstname", "lname": "lastname", "id": "identifier", "img": "image",
    "lang": "language", "msg": "message", "no": "number", "nr": "number", "num": "number", "org": "organization",
    "pos": "position", "pwd": "password", "qty": "quantity", "ref": "reference", "seq": "sequence", "tel": "phone",
    "tmp": "temporary", "ts": "timestamp", "usr": "user", "val": "value", "zip": "postcode",
}  # fmt: skip
_AFFIXES = ("is_", "has_", "the_", "tbl_", "t_", "_id", "_at", "_on", "_date", "_name", "_text", "_flag", "_uuid", "s")
_WIDENS = {
    "smallint": ("integer", "bigint", "numeric", "real", "double precision"),
    "integer": ("bigint", "numeric", "double precision"),
    "bigint": ("numeric",),
    "real": ("double precision",),
    "date": ("timestamp without time zone", "timestamp with time zone"),
    "timestamp without time zone": ("timestamp with time zone",),
    "json": ("jsonb",),
}


@dataclass(frozen=True, slots=True)
class Score:
    """A score with what it is made of, for the person who is asked."""

    value: float
    reasons: tuple[str, ...]


def jaccard(one: Iterable[Any], other: Iterable[Any]) -> float:
    """Return how much of two sets is common to both: 1 for equal sets, also for two empty ones."""
    left, right = set(one), set(other)
    return len(left & right) / len(left | right) if left or right else 1.0


def jaro_winkler(one: str, other: str) -> float:
    """Return Winkler's similarity of two texts, 0 to 1 (W. E. Winkler, String Comparator Metrics, 1990)."""
    if one == other:
        return 1.0
    reach = max(len(one), len(other)) // 2 - 1
    taken = [False] * len(other)
    common: list[str] = []
    for place, letter in enumerate(one):
        for at in range(max(0, place - reach), min(len(other), place + reach + 1)):
            if not taken[at] and other[at] == letter:
                taken[at] = True
                common.append(letter)
                break
    if not common:
        return 0.0
    matched = [letter for letter, is_taken in zip(other, taken, strict=True) if is_taken]
    swaps = sum(a != b for a, b in zip(common, matched, strict=True)) / 2
    count = len(common)
    jaro = (count / len(one) + count / len(other) + (count - swaps) / count) / 3
    prefix = 0
    for a, b in zip(one[:4], other[:4], strict=False):
        if a != b:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)


def name_similarity(one: str, other: str) -> float:
    """Return how alike two names are: as texts, as words, without common affixes, with abbreviations written out."""
    a, b = _words(one), _words(other)
    stripped = (_stripped("_".join(a)), _stripped("_".join(b)))
    best = max(jaro_winkler("_".join(a), "_".join(b)), jaccard(a, b))
    if stripped[0] and stripped[1]:
        best = max(best, 0.95 * jaro_winkler(*stripped))
    smaller, larger = sorted((set(a), set(b)), key=len)
    if smaller and smaller < larger:
        best = max(best, 0.9)
    return best


def _words(name: str) -> list[str]:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")
    return [_SHORT.get(word, word) for word in words if word]


def _stripped(name: str) -> str:
    for affix in _AFFIXES:
        if affix[0] == "_" or affix == "s":
            name = name.removesuffix(affix)
        else:
            name = name.removeprefix(affix)
    return name


def score_columns(model: TableFacts, new: ColumnFacts, found: TableFacts, old: ColumnFacts) -> Score:
    """Return how likely column `old` of the database is column `new` of the model.

    Args:
        model: the table as it is declared.
        new: a column that only the model has.
        found: the table as it is.
        old: a column that only the database has.
    """
    same_type = _type_score(old.type, new.type)
    memberships = jaccard(_memberships(found, old.name), _memberships(model, new.name))
    alike = name_similarity(old.name, new.name)
    near = _nearness(found, old.name, model, new.name)
    value = 0.30 * same_type + 0.15 * memberships + 0.20 * alike + 0.10 * near
    value += (
        0.10 * (old.nullable == new.nullable) + 0.10 * _same_default(old, new) + 0.05 * (old.comment == new.comment)
    )
    reasons = [f"names {alike:.0%} alike"]
    reasons.append(f"type {old.type}" if same_type == 1 else f"type {old.type} -> {new.type}")
    if memberships == 1 and _memberships(found, old.name):
        reasons.append("in the same keys and indexes")
    if near == 1:
        reasons.append("at the same place")
    return Score(round(value, 4), tuple(reasons))


def _type_score(old: str, new: str) -> float:
    if old == new:
        return 1.0
    a, b = _family(old), _family(new)
    return 0.5 if a == b or b in _WIDENS.get(a, ()) or (b == "text" and a.startswith("character")) else 0.0


def _family(type_: str) -> str:
    return re.sub(r"\s*\([^)]*\)", "", type_.lower())


def _same_default(old: ColumnFacts, new: ColumnFacts) -> bool:
    if old.identity is not None or new.identity is not None:
        return (old.identity is None) == (new.identity is None)
    if old.computed is not None or new.computed is not None:
        return (old.computed is None) == (new.computed is None)
    return (old.default is None) == (new.default is None)


def _memberships(table: TableFacts, name: str) -> set[Any]:
    """Return what a column is part of, its own name taken out."""
    found: set[Any] = set()
    if table.primary_key is not None and name in table.primary_key.columns:
        found.add(("primary key", _others(table.primary_key.columns, name)))
    found |= {("unique", _others(key.columns, name)) for key in table.uniques if name in key.columns}
    found |= {("key", key.target, key.ref_columns) for key in table.foreign_keys if name in key.columns}
    for index in table.indexes:
        if name in index.elements:
            found.add(("index", index.unique, _others(index.elements, name)))
    found |= {("check",) for check in table.checks if re.search(rf"\b{re.escape(name)}\b", check.text)}
    return found


def _others(names: Sequence[str], name: str) -> tuple[str, ...]:
    return tuple("*" if other == name else other for other in names)


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


def score_tables(new: TableFacts, old: TableFacts) -> Score:
    """Return how likely table `old` of the database is table `new` of the model."""
    columns = jaccard(_shapes(old), _shapes(new))
    names = jaccard(old.columns, new.columns)
    columns = max(columns, (columns + names) / 2)
    keys = 1.0 if _primary(old) == _primary(new) else 0.0
    targets = jaccard(_targets(old), _targets(new))
    alike = name_similarity(old.name, new.name)
    value = 0.55 * columns + 0.15 * keys + 0.15 * targets + 0.15 * alike
    return Score(round(value, 4), (f"{columns:.0%} of the columns are the same", f"names {alike:.0%} alike"))


def _shapes(table: TableFacts) -> set[tuple[str, str]]:
    return {(column.name, _family(column.type)) for column in table.columns.values()}


def _primary(table: TableFacts) -> tuple[str, ...]:
    return table.primary_key.columns if table.primary_key is not None else ()


def _targets(table: TableFacts) -> set[Any]:
    own = table.key
    return {(key.columns, None if key.target == own else key.target) for key in table.foreign_keys}


def score_values(old: Sequence[str], new: Sequence[str], before: str, after: str) -> Score:
    """Return how likely value `before` of an enum type is value `after`: by name, place and count.

    Args:
        old: all values of the database.
        new: all values of the model.
        before: a value that only the database has.
        after: a value that only the model has.
    """
    alike = name_similarity(before, after)
    place = 1.0 if old.index(before) == new.index(after) else 0.0
    count = 1.0 if len(old) == len(new) else 0.0
    value = 0.45 * alike + 0.35 * place + 0.20 * count
    where = "at the same place" if place else "at another place"
    return Score(round(value, 4), (f"names {alike:.0%} alike", where))


def assign(scores: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) whose sum of scores is the greatest possible (the Hungarian method).

    Args:
        scores: a row for each old thing, a number from 0 to 1 for each new one in it.
    """
    if not scores or not scores[0]:
        return []
    if len(scores) > len(scores[0]):
        turned = [list(column) for column in zip(*scores, strict=True)]
        return sorted((row, column) for column, row in assign(turned))
    return _cheapest([[1.0 - score for score in row] for row in scores])


def _cheapest(cost: list[list[float]]) -> list[tuple[int, int]]:
    """Return for each row its column, by shortest augmenting paths; there are at least as many columns as rows."""
    rows, columns = len(cost), len(cost[0])
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner, came_from = [0] * (columns + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0], at = row, 0
        nearest, seen = [float("inf")] * (columns + 1), [False] * (columns + 1)
        while owner[at]:
            seen[at] = True
            step, following = float("inf"), 0
            for column in range(1, columns + 1):
                if seen[column]:
                    continue
                reduced = cost[owner[at] - 1][column - 1] - row_price[owner[at]] - column_price[column]
                if reduced < nearest[column]:
                    nearest[column], came_from[column] = reduced, at
                if nearest[column] < step:
                    step, following = nearest[column], column
            for column in range(columns + 1):
                if seen[column]:
                    row_price[owner[column]] += step
                    column_price[column] -= step
                else:
                    nearest[column] -= step
            at = following
        while at:
            owner[at], at = owner[came_from[at]], came_from[at]
    return sorted((owner[column] - 1, column - 1) for column in range(1, columns + 1) if owner[column])
