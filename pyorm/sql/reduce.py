"""`Select.reduce_columns()`: which columns of a SELECT say the same as another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyorm import _core
from pyorm.sql import operators


def reduce_columns(select: Any, only_synonyms: bool) -> Any:
    """Return the SELECT without the columns that equal another one of its columns.

    Args:
        select: The statement.
        only_synonyms: Leave out only a column that has the other one's name.

    Returns:
        A new statement. A column goes if its foreign key refers to another column of the list, or
        if WHERE says that it equals one that stands before it.
    """
    columns = list(select.selected_columns)
    gone: set[int] = set()

    def leave_out(column: Any, other: Any) -> None:
        if id(other) not in gone and (not only_synonyms or column.name == other.name):
            gone.add(id(column))

    for column in columns:
        targets = {id(key.column) for key in getattr(column, "foreign_keys", ())}
        for other in columns:
            if other is not column and id(other) in targets:
                leave_out(column, other)
    place = {id(column): i for i, column in enumerate(columns)}
    for left, right in _equalities(select.whereclause):
        if id(left) in place and id(right) in place and left is not right:
            first, second = sorted((left, right), key=lambda c: place[id(c)])
            leave_out(second, first)
    kept = [column for column in columns if id(column) not in gone]
    return select.with_only_columns(*kept, maintain_column_froms=True)


def _equalities(criterion: Any) -> Iterator[tuple[Any, Any]]:
    """Yield both sides of each `a = b` that a criterion demands."""
    waiting = [] if criterion is None else [criterion]
    while waiting:
        element = waiting.pop()
        if isinstance(element, _core.BooleanClauseList):
            if element.operator is operators.and_:
                waiting.extend(element.clauses)
        elif isinstance(element, _core.BinaryExpression) and element.operator is operators.eq:
            yield element.left, element.right
