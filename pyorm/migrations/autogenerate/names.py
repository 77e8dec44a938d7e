"""Names for constraints that a model leaves unnamed: those that PostgreSQL would choose.

A constraint that is added to a table which exists needs a name, or a downgrade could not drop it. The name does not
make the constraint differ from the model's unnamed one (PostgreSQL, CREATE TABLE, Notes on names).
"""

from __future__ import annotations

from collections.abc import Collection

_BYTES = 63


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
        name = _object_name(table, "_".join(columns), label + (str(number) if number else ""))
        if name not in taken:
            return name
        number += 1


def _object_name(first: str, second: str, label: str) -> str:
    """Return the parts joined; the longer of the first two loses bytes until all fit."""
    room = _BYTES - len(label.encode()) - 1 - (1 if second else 0)
    left, right = first.encode(), second.encode()
    while len(left) + len(right) > room:
        if len(left) > len(right):
            left = left[:-1]
        else:
            right = right[:-1]
    parts = [left.decode(errors="ignore"), right.decode(errors="ignore"), label]
    return "_".join(part for part in parts if part)
