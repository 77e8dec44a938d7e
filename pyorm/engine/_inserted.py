"""What an INSERT or UPDATE left behind: keys, defaults and parameters, worked out when asked.

A CursorResult keeps the statement, the parameters with the defaults that were made, and the
rows of a RETURNING that the library added by itself.
"""

from __future__ import annotations

from typing import Any

from pyorm import exc
from pyorm.engine.context import ExecutionContext
from pyorm.engine.result import result_tuple


def _table(result: Any, what: str = "insert") -> Any:
    statement = getattr(result, "_statement", None)
    table = getattr(statement, "table", None)
    if table is None or getattr(statement, "__visit_name__", what) != what:
        raise exc.InvalidRequestError(f"Statement is not an {what}() expression construct.")
    return table


def _sets(result: Any) -> list[dict[str, Any]]:
    params = getattr(result, "_params", None)
    if params is None:
        return [{}]
    return params if isinstance(params, list) else [params]


def _key_values(result: Any, table: Any, params: dict[str, Any], row: Any) -> list[Any]:
    """Return the primary key of one row: returned, given, or SQLite's rowid."""
    values = []
    returned = {} if row is None else row._mapping
    given = params
    if any(c.name not in returned and params.get(c.key) is None for c in table.primary_key):
        given = {**_statement_values(result, params), **params}
    for column in table.primary_key:
        value = returned[column.name] if column.name in returned else given.get(column.key)
        is_one = not isinstance(getattr(result, "_params", None), list)  # of many, it is the last one's
        if value is None and row is None and is_one and len(table.primary_key) == 1:
            value = result.lastrowid or None
        values.append(value)
    return values


def _statement_values(result: Any, keys: Any = ()) -> dict[str, Any]:
    """Return the values given by `.values()`, by column key."""
    statement = getattr(result, "_statement", None)
    if statement is None:
        return {}
    dialect = result.connection.dialect
    return dict(statement.compile(dialect=dialect, column_keys=list(keys)).params)


def inserted_primary_key_rows(result: Any) -> list[Any]:
    """Return a Row with the primary key for each row inserted."""
    table = _table(result)
    make = result_tuple([column.key for column in table.primary_key])
    sets = _sets(result)
    if result._statement._is_unkeyed and not isinstance(getattr(result, "_params", None), list):
        return [make([None] * len(table.primary_key))]  # of which row, nobody could say
    returned = getattr(result, "_returned", None) or [None] * len(sets)
    return [
        make(_key_values(result, table, params, row))
        for params, row in zip(sets, returned, strict=False)
    ]


def inserted_primary_key(result: Any) -> Any:
    """Return the primary key of the row inserted, as a Row.

    Raises:
        InvalidRequestError: The statement is no insert(), has RETURNING, or ran for many rows.
    """
    _table(result)
    if isinstance(getattr(result, "_params", None), list):
        raise exc.InvalidRequestError(
            "This statement was an executemany call; if primary key returning is supported, "
            "please use .inserted_primary_key_rows."
        )
    if result.returns_rows:
        raise exc.InvalidRequestError(
            "Can't call inserted_primary_key when returning() is used."
        )
    return inserted_primary_key_rows(result)[0]


def returned_defaults_rows(result: Any) -> Any:
    """Return what the database made for each row, in the order of the parameters, or None.

    With `return_defaults()` those are the columns asked for, and keys that nobody gave.
    """
    return getattr(result, "_returned", None) or None


def returned_defaults(result: Any) -> Any:
    """Return what the database made, as a Row, or None.

    Raises:
        InvalidRequestError: The statement ran for many rows.
    """
    if isinstance(getattr(result, "_params", None), list):
        raise exc.InvalidRequestError(
            "This statement was an executemany call; if return defaults is supported, please use "
            ".returned_defaults_rows."
        )
    rows = returned_defaults_rows(result)
    return rows[0] if rows else None


def _last_params(result: Any) -> Any:
    """Return what a statement was run with: its own values under those of the execution."""
    given = getattr(result, "_params", None)
    return given if isinstance(given, list) else {
        **_statement_values(result, given or ()),
        **(given or {}),
    }


def last_inserted_params(result: Any) -> Any:
    """Return the parameters of the last INSERT, with the defaults that were made."""
    _table(result)
    return _last_params(result)


def last_updated_params(result: Any) -> Any:
    """Return the parameters of the last UPDATE, with the defaults that were made."""
    _table(result, "update")
    return _last_params(result)


def prefetch_cols(result: Any) -> list[Any]:
    """Return the columns whose values were made on the client."""
    return [
        column
        for column in _table(result).columns
        if column.default is not None and not column.default.is_clause_element
    ]


def postfetch_cols(result: Any) -> list[Any]:
    """Return the columns whose values the database made and nobody has fetched."""
    return [
        column
        for column in _table(result).columns
        if column.server_default is not None
        or (column.default is not None and column.default.is_clause_element)
    ]


def lastrow_has_defaults(result: Any) -> bool:
    """Say whether the last row has values that only the database knows."""
    return bool(postfetch_cols(result))


def context(result: Any) -> ExecutionContext:
    """Return the execution's context."""
    return ExecutionContext(
        result.connection,
        getattr(result, "_statement", None),
        None,
        getattr(result, "_params", None),
        result.connection._options,
    )
