"""Names for constraints that have none.

A constraint that is added to a table which exists needs a name, or a downgrade could not drop it: it gets the one
that PostgreSQL would choose. The name does not make the constraint differ from the model's unnamed one. SQLite leaves
constraints without a name, but a table is made anew without the one that would be called so there.

Source: PostgreSQL, CREATE TABLE, Notes on names.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyorm.migrations.operations import sqltext

_BYTES = 63
LABELS = {"unique": "key", "foreignkey": "fkey", "check": "check", "primary": "pkey"}
"""How the name of each kind of constraint ends."""


def chosen_name(table: str, columns: Collection[str], label: str, taken: Collection[str]) -> str:
    """Return `table_columns_label`, shortened to 63 bytes, with a number where it is taken.

    Args:
        table: the table's name.
        columns: names that go into it, in order.
        label: "key", "fkey", "check", "pkey" or "excl".
        taken: names that exist already.
    """
    number = 0
    while True:
        name = object_name(table, "_".join(columns), label + (str(number) if number else ""))
        if name not in taken:
            return name
        number += 1


def object_name(first: str, second: str, label: str) -> str:
    """Return the parts joined; the longer of the first two loses bytes until all fit.

    Args:
        first: the table's name.
        second: the columns' names, joined; may be empty.
        label: the end.
    """
    room = _BYTES - len(label.encode()) - 1 - (1 if second else 0)
    left, right = first.encode(), second.encode()
    while len(left) + len(right) > room:
        if len(left) > len(right):
            left = left[:-1]
        else:
            right = right[:-1]
    parts = [left.decode(errors="ignore"), right.decode(errors="ignore"), label]
    return "_".join(part for part in parts if part)


# ---- constraints of a database that has no names for them ----------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Unnamed:
    """A constraint without a name.

    Attributes:
        kind: "unique", "foreignkey", "check" or "primary".
        columns: what goes into its name.
        content: what tells it from others of that kind and these columns.
    """

    kind: str
    columns: tuple[str, ...]
    content: tuple[str, ...] = ()

    @classmethod
    def check(cls, condition: str, table_columns: Iterable[str]) -> Unnamed:
        """Return a check; a column's name goes into its name where it is about one column."""
        known = sqltext.names_in(condition)
        named = tuple(name for name in table_columns if name.lower() in known)
        return cls("check", named if len(named) == 1 else (), sqltext.bare(condition))

    @classmethod
    def foreign_key(cls, columns: Iterable[str], target: str) -> Unnamed:
        """Return a foreign key."""
        return cls("foreignkey", tuple(columns), (target.lower(),))

    @classmethod
    def key(cls, kind: str, columns: Iterable[str]) -> Unnamed:
        """Return a primary key or a unique constraint."""
        return cls(kind, () if kind == "primary" else tuple(columns))

    def name(self, table: str) -> str:
        """Return the name it is known by, which others may share."""
        return chosen_name(table, self.columns, LABELS[self.kind], ())

    def long_name(self, table: str) -> str:
        """Return a name that says what it demands, too."""
        digest = hashlib.sha256("\0".join(self.content).encode()).hexdigest()[:8]
        return chosen_name(table, self.columns, f"{LABELS[self.kind]}_{digest}", ())


def names_of_unnamed(table: str, unnamed: Sequence[Unnamed], taken: Iterable[str]) -> list[str]:
    """Return a name for each of a table's unnamed constraints, by which `find_unnamed` finds it.

    Args:
        table: the table's name.
        unnamed: all of them.
        taken: the names of the others.
    """
    names = [each.name(table) for each in unnamed]
    counts = Counter(name.lower() for name in [*names, *taken])
    return [
        name if counts[name.lower()] == 1 else each.long_name(table) for name, each in zip(names, unnamed, strict=True)
    ]


def unnamed_of(table: Any) -> list[tuple[Any, Any, Unnamed]]:
    """Return the unnamed constraints of a TableText: the column each stands in, its clause, and what it is."""
    names = [column.name for column in table.columns]
    found = []
    for column, clause in table.clauses():
        if clause.name is not None or clause.kind not in LABELS:
            continue
        columns = (column.name,) if column is not None else clause.columns
        if clause.kind == "check":
            fact = Unnamed.check(clause.text.strip()[len("CHECK") :], names)
        elif clause.kind == "foreignkey":
            fact = Unnamed.foreign_key(columns, clause.target or "")
        else:
            fact = Unnamed.key(clause.kind, columns)
        found.append((column, clause, fact))
    return found


def known_names(table: Any, table_name: str) -> list[str]:
    """Return the names by which the constraints of a TableText can be dropped."""
    named = [clause.name for _, clause in table.clauses() if clause.name]
    return named + names_of_unnamed(table_name, [each[2] for each in unnamed_of(table)], named)


_KINDS = {
    "unique_constraint": "unique",
    "foreign_key_constraint": "foreignkey",
    "table_or_column_check_constraint": "check",
}


def find_unnamed(table: Any, table_name: str, const: Any) -> tuple[Any, Any] | None:
    """Return the column and the clause of an unnamed constraint of a TableText that a script drops by a name.

    Args:
        table: the TableText.
        table_name: the table's name.
        const: a constraint with that name; one of no kind means any.

    Raises:
        ValueError: several constraints could be meant.
    """
    kind, lower = _KINDS.get(const.__visit_name__), str(const.name).lower()
    found = [each for each in unnamed_of(table) if kind in (None, each[2].kind)]
    exact = [each for each in found if each[2].long_name(table_name).lower() == lower]
    meant = exact or [each for each in found if each[2].name(table_name).lower() == lower]
    if len({each[2] for each in meant}) > 1:
        names = ", ".join(f"{each[2].long_name(table_name)!r} for {each[1].text}" for each in meant)
        raise ValueError(
            f"Table {table_name!r} has several constraints without a name that '{const.name}' may mean: {names}"
        )
    return meant[0][:2] if meant else None
