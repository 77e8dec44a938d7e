"""Bulk methods of Session: rows from dicts and instances, and which bind a statement goes to.

Rows go to the Connection as lists; a run of dicts with the same keys is one execution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pyorm import _core, exc
from pyorm.orm._symbols import NO_VALUE

if TYPE_CHECKING:
    from pyorm.orm.session import Session


def find_bind(binds: Mapping[Any, Any], mapper: Any, clause: Any) -> Any:
    """Return the bind of a mapper's class or bases, of its table, or of a statement's tables."""
    if mapper is not None:
        for cls in mapper.class_.__mro__:
            if cls in binds:
                return binds[cls]
        if mapper.persist_selectable in binds:
            return binds[mapper.persist_selectable]
    for table in _tables(clause):
        if table in binds:
            return binds[table]
    return None


def _tables(clause: Any) -> Iterator[Any]:
    """Yield the FROM elements that a statement names."""
    if clause is None:
        return
    if isinstance(clause, _core.FromClause):
        yield clause
    if (table := getattr(clause, "table", None)) is not None:
        yield table
    if (final_froms := getattr(clause, "get_final_froms", None)) is not None:
        yield from final_froms()


def matching_keys(session: Session, mapper: Any, statement: Any, params: Any) -> list[tuple[Any, ...]] | None:
    """Select the primary keys of the rows that an UPDATE or DELETE will change.

    Returns:
        Tuples of primary key values; None for what no SELECT of one table can tell: several
        parameter sets, or other tables in the statement.
    """
    if isinstance(params, (list, tuple)) or getattr(statement, "_extra_froms", None):
        return None
    query = _core.select(*mapper.primary_key)
    if statement.whereclause is not None:
        query = query.where(statement.whereclause)
    connection = session.connection({"mapper": mapper, "clause": statement})
    return [tuple(row) for row in connection.execute(query, params)]


def _runs(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield contiguous rows that have the same keys."""
    for _, run in groupby(rows, key=lambda row: sorted(row)):
        yield list(run)


def _columns(mapper: Any, run: list[dict[str, Any]]) -> dict[str, Any]:
    """Return Column by attribute name for the keys of a run."""
    try:
        return {key: mapper.get_property(key).columns[0] for key in run[0]}
    except exc.InvalidRequestError as error:
        raise exc.InvalidRequestError(f"bulk operation on {mapper}: {error}") from error


def execute_sets(
    connection: Any, mapper: Any, statement: Any, rows: list[dict[str, Any]], options: Any
) -> Any:
    """Run an INSERT whose rows have different keys, or an UPDATE of rows by primary key.

    Returns:
        The last execution's result.
    """
    if isinstance(statement, _core.Insert):
        result = None
        for run in _runs(rows):
            result = connection.execute(statement, run, execution_options=options)
        return result
    return _update_rows(connection, mapper, rows)


def insert_mappings(session: Session, mapper: Any, mappings: Iterable[dict[str, Any]]) -> None:
    """Insert rows given by attribute name."""
    connection = session.connection({"mapper": mapper})
    for run in _runs(mappings):
        columns = _columns(mapper, run)
        rows = [{columns[key].key: value for key, value in row.items()} for row in run]
        connection.execute(_core.insert(mapper.local_table), rows)


def update_mappings(session: Session, mapper: Any, mappings: Iterable[dict[str, Any]]) -> None:
    """Update rows given by attribute name, each with its primary key."""
    _update_rows(session.connection({"mapper": mapper}), mapper, mappings)


def _update_rows(connection: Any, mapper: Any, mappings: Iterable[dict[str, Any]]) -> Any:
    """Update rows by primary key and return the last execution's result."""
    result = connection.execute(_core.select(*mapper.primary_key).limit(0))
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    for run in _runs(mappings):
        columns = _columns(mapper, run)
        if missing := [key for key in keys if key not in columns]:
            raise exc.InvalidRequestError(
                f"bulk update of {mapper} needs the primary key in every row; missing: {', '.join(missing)}"
            )
        statement = _core.update(mapper.local_table).values(
            {columns[key].key: _core.bindparam(f"v_{key}") for key in columns if key not in keys}
        )
        for key in keys:
            statement = statement.where(columns[key] == _core.bindparam(f"k_{key}"))
        rows = [{("k_" if key in keys else "v_") + key: value for key, value in row.items()} for row in run]
        if len(columns) > len(keys):
            result = connection.execute(statement, rows)
    return result


def save_objects(session: Session, objects: Iterable[object], changed_only: bool) -> None:
    """Insert transient instances and update the others, in their order."""

    def kind(instance: object) -> tuple[Any, bool]:
        state = _core.instance_state(instance)
        return state.mapper, state.has_identity

    for (mapper, known), run in groupby(objects, key=kind):
        if known:
            update_mappings(session, mapper, [_changes(mapper, obj, changed_only) for obj in run])
        else:
            insert_mappings(session, mapper, [_values(mapper, obj) for obj in run])


def _values(mapper: Any, instance: Any) -> dict[str, Any]:
    found = {prop.key: _core.loaded_value(instance, prop.key, NO_VALUE) for prop in mapper.column_attrs}
    return {key: value for key, value in found.items() if value is not NO_VALUE}


def _changes(mapper: Any, instance: Any, changed_only: bool) -> dict[str, Any]:
    """Return the primary key and what is to be written."""
    state = _core.instance_state(instance)
    values = _values(mapper, instance)
    keys = {mapper.get_property_by_column(column).key for column in mapper.primary_key}
    if not changed_only:
        return values
    changed = {key for key in values if state.get_history(key, 0).has_changes()}
    return {key: value for key, value in values.items() if key in keys or key in changed}
