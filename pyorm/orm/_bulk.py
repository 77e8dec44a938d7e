"""Bulk methods of Session: rows from dicts and instances, and which bind a statement goes to.

Rows go to the Connection as lists; a run of dicts with the same keys is one execution.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pyorm import _core, exc
from pyorm.engine.result import result_from_rows
from pyorm.orm import _bulk_joined
from pyorm.orm._symbols import NO_VALUE
from pyorm.orm.exc import StaleDataError

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
    query = _core.select(*(_own_column(mapper, column) for column in mapper.primary_key))
    if statement.whereclause is not None:
        query = query.where(statement.whereclause)
    connection = session.connection({"mapper": mapper, "clause": statement})
    return [tuple(row) for row in connection.execute(query, params)]


def _own_column(mapper: Any, column: Any) -> Any:
    """Return the column of the mapper's own table that has the same value as a column of the identity."""
    columns = mapper.get_property_by_column(column).columns
    return next((one for one in columns if one.table is mapper.local_table), column)


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


def insert_mappings(
    session: Session,
    mapper: Any,
    mappings: Iterable[dict[str, Any]],
    render_nulls: bool = False,
    return_defaults: bool = False,
) -> None:
    """Insert rows given by attribute name; return_defaults puts the primary keys into them."""
    connection = session.connection({"mapper": mapper})
    if _bulk_joined.is_joined(mapper):
        _bulk_joined.insert(connection, mapper, mappings)
        return
    given = list(mappings)
    written = list(_bulk_joined.with_identity(mapper, given))
    if not render_nulls:
        written = _without_nulls(mapper, written)
    names = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    done = 0
    for run in _runs(written):
        columns = _columns(mapper, run)
        rows = [{columns[key].key: value for key, value in row.items()} for row in run]
        statement = _core.insert(mapper.local_table)
        if return_defaults and not all(row.get(name) is not None for row in run for name in names):
            made = connection.execute(statement.returning(*mapper.primary_key, sort_by_parameter_order=True), rows)
            for row, key in zip(given[done : done + len(run)], made, strict=True):
                row.update(zip(names, key, strict=True))
        else:
            connection.execute(statement, rows)
        done += len(run)


def update_mappings(session: Session, mapper: Any, mappings: Iterable[dict[str, Any]]) -> None:
    """Update rows given by attribute name, each with its primary key.

    Raises:
        InvalidRequestError: A row without its primary key.
        StaleDataError: A primary key without a row.
    """
    connection = session.connection({"mapper": mapper})
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    if _bulk_joined.is_joined(mapper):
        _bulk_joined.update(connection, mapper, list(mappings), _check_table)
        return
    columns_of = dict(zip(keys, mapper.primary_key, strict=True))
    for run in _runs(mappings):
        columns = _columns(mapper, run)
        if missing := [key for key in keys if key not in columns]:
            named = ", ".join(str(columns_of[key]) for key in missing)
            error = exc.InvalidRequestError(
                f"No primary key value supplied for column(s) {named}; per-row ORM Bulk UPDATE by Primary Key "
                "requires that records contain primary key values"
            )
            error.code = "bupq"
            raise error
        statement = _core.update(mapper.local_table).values(
            {columns[key].key: _core.bindparam(f"v_{key}") for key in columns if key not in keys}
        )
        for key in keys:
            statement = statement.where(columns[key] == _core.bindparam(f"k_{key}"))
        rows = [{("k_" if key in keys else "v_") + key: value for key, value in row.items()} for row in run]
        if len(columns) > len(keys):
            _check_matched(mapper, connection.execute(statement, rows).rowcount, len(rows))


# --- execute(insert(Entity), rows), execute(update(Entity), rows) ---


def returning_pages(params: Sequence[dict[str, Any]], options: Mapping[str, Any] | None, ordered: bool) -> list[Any]:
    """Return rows of an INSERT that returns entities as one statement of many VALUES each; C calls it.

    Rows of one statement have the same keys, and are at most `insertmanyvalues_page_size` (1000),
    or as many as 32,000 parameters allow. Where the order of what comes back is asked for
    (`sort_by_parameter_order`), every row is a statement: many VALUES promise none.
    """
    if ordered:
        return list(params)
    most = int((options or {}).get("insertmanyvalues_page_size") or 1000)
    pages = []
    for run in _runs(params):
        size = max(1, min(most, 32_000 // max(1, len(run[0]))))
        pages += [run[start : start + size] for start in range(0, len(run), size)]
    return pages


def merge_results(results: list[Any]) -> Any:
    """Return several results as one; C calls it."""
    return results[0] if len(results) == 1 else results[0].merge(*results[1:])


def _without_nulls(mapper: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows without the None of columns that have a default or are made by the database."""
    made = {
        prop.key
        for prop in mapper.column_attrs
        for column in prop.columns[:1]
        if (column.primary_key or column.default is not None or column.server_default is not None)
        and not getattr(column.type, "should_evaluate_none", False)
    }
    if not any(row.get(key, made) is None for row in rows for key in made):
        return rows
    return [{key: value for key, value in row.items() if value is not None or key not in made} for row in rows]


def insert_runs(mapper: Any, params: Any, options: Mapping[str, Any] | None) -> list[Any]:
    """Return the parameters of INSERT by column, as one execution each; C calls it.

    Args:
        params: A dict by attribute name, or a list of them.
        options: Execution options; `render_nulls` writes the None of columns that have defaults.
    """
    _check_strategy(options, "insert", INSERT_STRATEGIES)
    renamed = {
        prop.key: prop.columns[0].key for prop in mapper.column_attrs if prop.key != prop.columns[0].key
    }
    if isinstance(params, Mapping):
        (params,) = _bulk_joined.with_identity(mapper, [params])
        if setters := _row_setters(mapper):
            params = _spread(mapper.class_, params, setters)
        return [{renamed.get(key, key): value for key, value in params.items()} if renamed else params]
    rows = _bulk_joined.with_identity(mapper, params)
    if not (options or {}).get("render_nulls"):
        rows = _without_nulls(mapper, list(rows))
    if setters := _row_setters(mapper):
        rows = [_spread(mapper.class_, row, setters) for row in rows]
    if renamed:
        rows = [{renamed.get(key, key): value for key, value in row.items()} for row in rows]
    if len(set(map(frozenset, rows))) <= 1:
        return [rows]
    return list(_runs(rows))


def _row_setters(mapper: Any) -> dict[str, Any]:
    """Return what writes several columns of a row from one key: composites, hybrids with bulk_dml."""
    found: dict[str, Any] = mapper.__dict__.get("_row_setters")
    if found is None:
        found = {}
        for cls in reversed(mapper.class_.__mro__):
            for value in vars(cls).values():
                setter = getattr(value, "bulk_dml_setter", None)
                if setter is not None and hasattr(value, "extension_type"):
                    found[value.__name__] = setter
        found.update({prop.key: prop.set_in_row for prop in mapper.composites})
        mapper.__dict__["_row_setters"] = found
    return found


def _spread(cls: type, row: Mapping[str, Any], setters: dict[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in row.items() if key not in setters}
    for key in setters.keys() & row.keys():
        setters[key](cls, made, row[key])
    return made


def _check_strategy(options: Mapping[str, Any] | None, verb: str, known: tuple[str, ...]) -> None:
    """Refuse a `dml_strategy` that does not exist."""
    if (options or {}).get("dml_strategy", "auto") not in known:
        names = ", ".join(map(repr, known))
        raise exc.ArgumentError(f"Valid strategies for ORM {verb} strategy are {names}")


INSERT_STRATEGIES = ("raw", "orm", "bulk", "auto")


def check_alone(options: Mapping[str, Any]) -> None:
    """Refuse a `dml_strategy` of an INSERT whose rows stand in the statement; C calls it.

    Raises:
        ArgumentError: there is no such strategy.
        InvalidRequestError: it is "bulk", which writes parameters.
    """
    _check_strategy(options, "insert", INSERT_STRATEGIES)
    if options["dml_strategy"] == "bulk":
        raise exc.InvalidRequestError('Can\'t use "bulk" ORM insert strategy without passing separate parameters')


def _refuse_update(statement: Any, mode: Any) -> None:
    """Raise for what an UPDATE by primary key cannot do."""
    if statement.exported_columns:
        raise exc.InvalidRequestError(
            "bulk ORM UPDATE by primary key does not support RETURNING: execute the statement per row, or with WHERE"
        )
    if mode == "fetch":
        raise exc.InvalidRequestError(
            "The 'fetch' synchronization strategy is not available for 'bulk' ORM updates "
            "(i.e. multiple parameter sets)"
        )
    if statement.whereclause is not None and mode not in (None, False):
        raise exc.InvalidRequestError(
            "bulk synchronize of persistent objects not supported when using bulk update with additional WHERE "
            "criteria right now.  add synchronize_session=None execution option to bypass synchronize of "
            "persistent objects."
        )


def update_rows(
    connection: Any, mapper: Any, statement: Any, rows: list[dict[str, Any]], options: Mapping[str, Any]
) -> tuple[Any, list[tuple[Any, ...]]]:
    """Run an UPDATE of a mapped class for rows that each name a primary key; C calls it.

    Returns:
        The result, and the primary keys of the instances that are to follow.

    Raises:
        InvalidRequestError: A row without its primary key, or what cannot go by primary key.
        StaleDataError: A primary key without a row.
    """
    mode = options.get("synchronize_session", "auto")
    _check_strategy(options, "UPDATE", ("orm", "auto", "bulk", "core_only"))
    _refuse_update(statement, mode)
    names = {prop.key: prop.columns[0] for prop in mapper.column_attrs}
    keys = [mapper.get_property_by_column(column).key for column in mapper.primary_key]
    result = None
    joined = _bulk_joined.is_joined(mapper)
    for run in _runs({key: value for key, value in row.items() if key in names} for row in rows):
        if missing := [key for key in keys if any(row.get(key) is None for row in run)]:
            columns = ", ".join(str(names[key]) for key in missing)
            raise exc.InvalidRequestError(
                f"No primary key value supplied for column(s) {columns}; per-row ORM Bulk UPDATE by Primary Key "
                "requires that records contain primary key values",
                code="bupq",
            )
        changed = [key for key in run[0] if key not in keys]
        if changed and joined:
            _bulk_joined.update(connection, mapper, run, _check_table)
        elif changed:
            by_key = _by_key(statement, names, keys, changed)
            result = connection.execute(by_key, _prefixed(run, keys), execution_options=options)
            _check_matched(mapper, result.rowcount, len(run))
    if result is None:
        result = result_from_rows((), ())
    found = [] if mode in (None, False) else [tuple(row[key] for key in keys) for row in rows]
    return result, found


def _by_key(statement: Any, names: dict[str, Any], keys: list[str], changed: list[str]) -> Any:
    """Return the UPDATE with a parameter per changed attribute, of the row with a primary key."""
    made = statement.values({names[key].key: _core.bindparam(f"v_{key}") for key in changed})
    return made.where(*[names[key] == _core.bindparam(f"k_{key}") for key in keys])


def _prefixed(run: list[dict[str, Any]], keys: list[str]) -> list[dict[str, Any]]:
    return [{("k_" if key in keys else "v_") + key: value for key, value in row.items()} for row in run]


def _check_matched(mapper: Any, matched: int, expected: int) -> None:
    _check_table(mapper.local_table, matched, expected)


def _check_table(table: Any, matched: int, expected: int) -> None:
    if 0 <= matched != expected:
        raise StaleDataError(
            f"UPDATE statement on table '{table.name}' expected to update {expected} row(s); {matched} were matched."
        )


def save_objects(
    session: Session,
    objects: Iterable[object],
    changed_only: bool,
    return_defaults: bool = False,
    preserve_order: bool = True,
) -> None:
    """Insert transient instances and update the others, in their order or class by class.

    With return_defaults the inserted instances get their primary key and are detached.
    """

    def kind(instance: object) -> tuple[Any, bool]:
        state = _core.instance_state(instance)
        return state.mapper, state.has_identity

    given = list(objects)
    if not preserve_order:
        order = {found: number for number, found in enumerate(dict.fromkeys(kind(obj)[0] for obj in given))}
        given.sort(key=lambda obj: (order[kind(obj)[0]], kind(obj)[1]))
    for (mapper, known), group in groupby(given, key=kind):
        run = list(group)
        if known:
            update_mappings(session, mapper, [_changes(mapper, obj, changed_only) for obj in run])
            continue
        rows = [_values(mapper, obj) for obj in run]
        insert_mappings(session, mapper, rows, return_defaults=return_defaults)
        for obj, row in zip(run, rows, strict=True) if return_defaults else ():
            for column in mapper.primary_key:
                key = mapper.get_property_by_column(column).key
                if row.get(key) is not None:
                    _core.set_committed_value(obj, key, row[key])
            _core.make_transient_to_detached(obj)


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
