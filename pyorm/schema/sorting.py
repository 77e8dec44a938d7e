"""Dependency order of tables, by their foreign keys."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from pyorm import exc


def sort_tables(
    tables: Iterable[Any],
    skip_fn: Callable[[Any], bool] | None = None,
    extra_dependencies: Iterable[tuple[Any, Any]] | None = None,
) -> list[Any]:
    """Return the tables, referred-to first.

    Args:
        tables: Table objects; among independent ones the given order stays.
        skip_fn: leaves out the foreign keys for which it returns True.
        extra_dependencies: pairs `(first, second)`.

    Returns:
        The same tables. A cycle warns; its tables keep the given order.
    """
    tables = list(tables)
    ordered, cycle = _order(tables, _edges(tables, skip_fn, extra_dependencies))
    if cycle:
        names = ", ".join(repr(t.key) for t in cycle)
        warnings.warn(
            f"Cannot correctly sort tables; there are unresolvable cycles between tables {names}, which is usually "
            "caused by mutually dependent foreign key constraints. Foreign key constraints involving these tables "
            "will not be considered: give one of them use_alter=True",
            exc.SAWarning,
            stacklevel=3,
        )
    return ordered + cycle


def sort_tables_and_constraints(
    tables: Iterable[Any],
    filter_fn: Callable[[Any], bool | None] | None = None,
    extra_dependencies: Iterable[tuple[Any, Any]] | None = None,
) -> list[tuple[Any, list[Any]]]:
    """Return `[(table, its foreign keys that can be inline), …, (None, those that need ALTER)]`.

    Args:
        tables: Table objects.
        filter_fn: True forces ALTER for a constraint, False forces inline, None leaves it open.
        extra_dependencies: pairs `(first, second)`.
    """
    tables = list(tables)
    forced = {c for t in tables for c in t.foreign_key_constraints if _needs_alter(c, filter_fn)}

    def skip(fk: Any) -> bool:
        return fk.constraint in forced

    ordered, cycle = _order(tables, _edges(tables, skip, extra_dependencies))
    if cycle:  # every key inside the cycle becomes an ALTER
        inside = set(cycle)
        forced |= {
            c
            for t in cycle
            for c in t.foreign_key_constraints
            if c.referred_table in inside and c.referred_table is not t
        }
        ordered, cycle = _order(tables, _edges(tables, skip, extra_dependencies))
    result: list[tuple[Any, list[Any]]] = []
    for table in ordered + cycle:
        result.append((table, [c for c in _sorted_keys(table) if c not in forced]))
    rest = [c for t in ordered + cycle for c in _sorted_keys(t) if c in forced]
    result.append((None, rest))
    return result


def _needs_alter(constraint: Any, filter_fn: Callable[[Any], bool | None] | None) -> bool:
    verdict = filter_fn(constraint) if filter_fn is not None else None
    return constraint.use_alter if verdict is None else verdict


def _sorted_keys(table: Any) -> list[Any]:
    """Return the table's foreign keys in the order they were declared, by their first column."""
    position = {id(column): i for i, column in enumerate(table.c)}
    return sorted(
        table.foreign_key_constraints,
        key=lambda c: ([position.get(id(e.parent), 0) for e in c.elements], str(c.name)),
    )


def _edges(
    tables: list[Any], skip: Callable[[Any], bool] | None, extra: Iterable[tuple[Any, Any]] | None
) -> dict[Any, set[Any]]:
    """Return `{table: tables that must come before it}`."""
    known = set(tables)
    before: dict[Any, set[Any]] = {t: set() for t in tables}
    for table in tables:
        for fk in table.foreign_keys:
            if skip is not None and skip(fk):
                continue
            if isinstance(fk._target, str) and fk._target_table_key() not in table.metadata.tables:
                fk.column  # noqa: B018  raises NoReferencedTableError, which names both sides
            target = fk.column.table
            if target in known and target is not table:
                before[table].add(target)
        before[table] |= {t for t in table._extra_dependencies if t in known and t is not table}
    for first, second in extra or ():
        if first in known and second in known:
            before[second].add(first)
    return before


def _order(tables: list[Any], before: dict[Any, set[Any]]) -> tuple[list[Any], list[Any]]:
    """Return the sorted tables and what is left in cycles (or behind them)."""
    done: set[Any] = set()
    ordered: list[Any] = []
    rest = list(tables)
    while rest:
        ready = [t for t in rest if before[t] <= done]
        if not ready:
            break
        ordered += ready
        done.update(ready)
        rest = [t for t in rest if t not in done]
    return ordered, rest
