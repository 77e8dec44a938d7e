"""Bulk INSERT and UPDATE of classes over several tables: one execution per table and run of rows with the same keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pyorm import _core, exc
from pyorm.orm import _unit

if TYPE_CHECKING:
    from pyorm.orm.mapper import Mapper

Row = dict[str, Any]


def is_joined(mapper: Mapper) -> bool:
    """Return whether the mapper's rows lie in several tables."""
    return _unit.root_of(mapper).local_table is not mapper.local_table


def with_identity(mapper: Mapper, rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return rows that name the class by its discriminator where they say nothing of it."""
    key, identity = mapper._polymorphic_key, mapper.polymorphic_identity
    if key is None or identity is None or not isinstance(mapper.polymorphic_on, _core.ColumnClause):
        return [dict(row) for row in rows]
    return [{**row, key: identity} if key not in row else dict(row) for row in rows]


def _tables(mapper: Mapper) -> list[tuple[Any, dict[str, Any], tuple[tuple[Any, Any], ...]]]:
    """Return per table, the root's first: the table, its columns by attribute key, its key's (parent, own) columns."""
    root = _unit.root_of(mapper)
    found = []
    for one in reversed(list(mapper.iterate_to_root())):
        if one is not root and (one.single or one.inherits is None):
            continue
        columns = {
            p.key: c for p in mapper.column_attrs for c in p.columns if getattr(c, "table", 0) is one.local_table
        }
        found.append((one.local_table, columns, () if one is root else one._equated))
    return found


def _runs(rows: Sequence[Row]) -> Iterator[list[Row]]:
    for _, run in groupby(rows, key=lambda row: sorted(row)):
        yield list(run)


def _check_names(mapper: Mapper, run: list[Row]) -> None:
    known = mapper._props
    if unknown := [key for key in run[0] if key not in known]:
        raise exc.CompileError(f"Unconsumed column names: {', '.join(unknown)}")


def insert(connection: Any, mapper: Mapper, rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Insert rows given by attribute name into all tables of a class.

    Returns:
        The primary keys, in the order of the rows.

    Raises:
        CompileError: a name that is no attribute of the class.
    """
    keys: list[tuple[Any, ...]] = []
    for run in _runs(with_identity(mapper, rows)):
        _check_names(mapper, run)
        values: list[dict[Any, Any]] = [{} for _ in run]  # per row: column -> value, of keys
        for table, columns, pairs in _tables(mapper):
            given = [{columns[key].key: value for key, value in row.items() if key in columns} for row in run]
            for made, row in zip(values, given, strict=True):
                for parent, own in pairs:
                    row.setdefault(own.key, made[parent])
            if pairs:
                connection.execute(_core.insert(table), given)
            else:
                _insert_root(connection, mapper, table, given, values)
            for made, row in zip(values, given, strict=True):
                made.update({c: row[c.key] for c in table.primary_key if c.key in row})
        keys += [tuple(made[c] for c in mapper.primary_key) for made in values]
    return keys


def _insert_root(connection: Any, mapper: Mapper, table: Any, given: list[Row], values: list[dict[Any, Any]]) -> None:
    """Insert into the root's table and note the keys."""
    columns = mapper.primary_key
    if all(c.key in given[0] for c in columns):
        connection.execute(_core.insert(table), given)
        for made, row in zip(values, given, strict=True):
            made.update({c: row[c.key] for c in columns})
        return
    statement = _core.insert(table).returning(*columns, sort_by_parameter_order=True)
    for made, found in zip(values, connection.execute(statement, given), strict=True):
        made.update(zip(columns, found, strict=True))


def update(connection: Any, mapper: Mapper, rows: Sequence[Mapping[str, Any]], check: Any) -> None:
    """Update rows given by attribute name, each with its primary key; only the tables that they name columns of.

    Args:
        connection: where.
        mapper: the class.
        rows: the rows.
        check: called with the table, the rows that were met and those that had to be.
    """
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    for run in _runs([dict(row) for row in rows]):
        for table, columns, pairs in _tables(mapper):
            changed = [key for key in run[0] if key in columns and key not in keys]
            if not changed:
                continue
            statement = _core.update(table).values({columns[key].key: _core.bindparam(f"v_{key}") for key in changed})
            own = dict(pairs) if pairs else {}
            for key, column in zip(keys, mapper.primary_key, strict=True):
                where = columns.get(key) if pairs else column
                where = where if where is not None else own.get(column)
                statement = statement.where(where == _core.bindparam(f"k_{key}"))
            sets = [
                {**{f"v_{key}": row[key] for key in changed}, **{f"k_{key}": row[key] for key in keys}} for row in run
            ]
            check(table, connection.execute(statement, sets).rowcount, len(run))


def insert_returning(
    session: Any, mapper: Mapper, statement: Any, params: Any, items: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Insert rows of a class over several tables; return what RETURNING names, by another SELECT; C calls it.

    Returns:
        A Result with a row per inserted one, in their order; without RETURNING an empty one.
    """
    from pyorm.engine.result import result_from_rows

    rows = [params] if isinstance(params, Mapping) else list(params)
    connection = session.connection({"mapper": mapper, "clause": statement})
    keys = insert(connection, mapper, rows)
    if not items:
        return result_from_rows((), ())
    columns = mapper.primary_key
    query = _core.select(*items, *columns).select_from(mapper.class_)
    if len(columns) == 1:
        query = query.where(columns[0].in_([key[0] for key in keys]))
    else:
        query = query.where(_core.tuple_(*columns).in_(keys))
    result = session.execute(query, execution_options=dict(options))
    names = list(result.keys())[: len(items)]
    by_key = {tuple(row[len(items) :]): tuple(row[: len(items)]) for row in result}
    return result_from_rows(names, [by_key[key] for key in keys])
