"""Columns and foreign keys of the two sides of a relationship."""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc
from pyorm.orm.relationships import FOREIGN
from pyorm.sql import and_

_Pairs = list[tuple[Any, Any]]


class NotFound(Exception):
    """The foreign keys do not say how to join: none of them, or several, do."""

    def __init__(self, candidates: list[_Pairs], hint: str = "") -> None:
        """Keep the possible paths, each a list of (referenced column, foreign key column)."""
        super().__init__()
        self.candidates, self.hint = candidates, hint


def columns(source: Any) -> frozenset[Any]:
    """Return the columns of a FROM clause; nothing for None."""
    return frozenset(() if source is None else source.c)


def base_column(column: Any) -> Any:
    """Return the table's column below attributes and aliases."""
    found = list(column.base_columns)
    return found[0] if len(found) == 1 else column


def plain_column(column: Any) -> Any:
    """Return the column that a mapped attribute stands for; of an alias, the alias's column."""
    if not isinstance(column, _core.InstrumentedAttribute):
        return column
    insp = column.parent
    of = column.property.columns[0]
    if not insp.is_aliased_class:
        return of
    found = insp.selectable.corresponding_column(of)
    return of if found is None else found


def normalized(expr: Any) -> Any:
    """Return the condition with plain columns in the place of attributes, marks kept."""
    return _core._rewrite(expr, lambda column, marks: _core._mark(plain_column(column), marks))


def references(column: Any, other: Any) -> bool:
    """Return whether a foreign key of `column` refers to `other`."""
    return other is not column and base_column(other) in _referenced(column)


def _referenced(column: Any) -> list[Any]:
    found = []
    for fk in getattr(base_column(column), "foreign_keys", ()):
        try:
            found.append(fk.column)
        except exc.NoReferenceError:
            continue
    return found


def _order(fk: Any) -> Any:
    """Return the place of a foreign key column in its constraint."""
    constraint = fk.constraint
    elements = [] if constraint is None else list(constraint.elements)
    return next((i for i, one in enumerate(elements) if one is fk), 0)


def _paths(left: Any, right: Any) -> dict[Any, _Pairs]:
    """Return, by constraint, the pairs of a column of `left` and the column of `right` that refers to it."""
    found: dict[Any, list[tuple[int, Any, Any]]] = {}
    for column in right.c:
        for fk in getattr(base_column(column), "foreign_keys", ()):
            try:
                referenced = left.corresponding_column(fk.column)
            except exc.NoReferenceError:
                continue
            if referenced is not None:
                key = fk if fk.constraint is None else fk.constraint
                found.setdefault(key, []).append((_order(fk), referenced, column))
    return {key: [(pk, fk) for _, pk, fk in sorted(pairs, key=lambda p: p[0])] for key, pairs in found.items()}


def _between(left: Any, right: Any) -> list[_Pairs]:
    found = _paths(left, right)
    if left is not right:
        for key, pairs in _paths(right, left).items():
            found.setdefault(key, pairs)
    distinct: list[_Pairs] = []
    for pairs in found.values():
        if not any(_same(pairs, other) for other in distinct):
            distinct.append(pairs)
    return distinct


def _same(one: _Pairs, other: _Pairs) -> bool:
    return {(id(a), id(b)) for a, b in one} == {(id(a), id(b)) for a, b in other}


def by_foreign_keys(left: Any, right: Any, local: Any, foreign: set[Any]) -> Any:
    """Return the condition that foreign keys give, its foreign columns marked.

    Args:
        left, right: the two FROM clauses.
        local: the part of `left` that is asked first, or None.
        foreign: if not empty, only these columns count as foreign keys.

    Raises:
        NotFound: there is no path, or more than one.
    """
    paths: list[_Pairs] = []
    for source in (local, left):
        if source is None or paths:
            continue
        paths = _between(source, right)
        if foreign:
            kept = [[pair for pair in path if pair[1] in foreign] for path in paths]
            paths = [path for path in kept if path]
    if len(paths) != 1:
        raise NotFound(paths)
    return and_(*(pk == _core._mark(fk, FOREIGN) for pk, fk in paths[0]))


__all__ = ["NotFound", "base_column", "by_foreign_keys", "columns", "normalized", "plain_column", "references"]
