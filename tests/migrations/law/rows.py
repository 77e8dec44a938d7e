"""Rows that a migration must not lose: two in each table whose constraints, before and after, allow them.

The values of one column convert to those of any other type: 1 and 2, as numbers or as texts of different length.
PostgreSQL gets none yet: `fill` is the place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.migrations.law.schemas import Col, Spec, Tab

Rows = dict[str, list[dict[str, Any]]]

# What is stored in columns of a type; any other takes 1 and '02', which convert to the numbers 1 and 2 and stay apart.
_VALUES: dict[str, tuple[Any, Any]] = {
    "checked_boolean": (0, 1),
    "checked_words": ("a", "b"),
    "words": ("a", "b"),
    "date": ("2020-01-01", "2020-01-02"),
    "timestamp": ("2020-01-01 12:00:00", "2020-01-02 12:00:00"),
    "timestamptz": ("2020-01-01 12:00:00", "2020-01-02 12:00:00"),
    "json": ("{}", "[1]"),
    "blob": (b"\x00\xff", b""),
    **dict.fromkeys(("integer", "bigint", "smallint", "numeric", "numeric4", "boolean", "summed"), (1, 2)),
    "float": (1.5, 2.5),
}
_CHECKED = ("checked_boolean", "checked_words")


def fill(connection: Any, old: Spec, new: Spec) -> Rows:
    """Put two rows into each table of a database that is led from one schema to another, where both allow them.

    Args:
        connection: of a database that has the schema `old`.
        old: the schema.
        new: the next one.

    Returns: the rows as they were read back, by table; tables of only one of both schemas are left out.
    """
    if connection.dialect.name != "sqlite":
        return {}
    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    for table in old.tables:
        connection.exec_driver_sql(f'DELETE FROM "{table.name}"')
    filled = _filled(old, new)
    for table in old.tables:
        if table.name in filled:
            columns = [c for c in table.columns if c.computed is None]
            names = ", ".join(f'"{c.name}"' for c in columns)
            marks = ", ".join("?" * len(columns))
            for row in range(2):
                values = tuple(_value(c, table, new.table(table.name), row) for c in columns)
                connection.exec_driver_sql(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', values)
    connection.commit()
    connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    return read(connection, old, filled)


def read(connection: Any, spec: Spec | None, names: Any) -> Rows:
    """Return the rows of some tables, in the order of their keys."""
    if spec is None:
        return {}
    found: Rows = {}
    for name in sorted(names):
        columns = [c.name for c in spec.table(name).columns]
        listed = ", ".join(f'"{column}"' for column in columns)
        rows = connection.exec_driver_sql(f'SELECT {listed} FROM "{name}" ORDER BY "id"').all()
        found[name] = [dict(zip(columns, row, strict=True)) for row in rows]
    connection.rollback()
    return found


def check(wanted: Rows, found: Rows, old: Spec | None, new: Spec) -> None:
    """Compare the values of the columns that are the same in both schemas."""
    if old is None:
        return
    for name, rows in wanted.items():
        columns = [c.name for c, other in _pairs(old.table(name), new.table(name)) if not _is_other(c, other)]
        before, after = ([{c: row[c] for c in columns} for row in side] for side in (rows, found[name]))
        assert before == after, f"rows of {name}: {before} became {after}"


def _value(column: Col, table: Tab, after: Tab, row: int) -> Any:
    for key in table.constraints:
        if key.kind == "foreign" and column.name in key.columns:
            return row + 1 if any(c.name == column.name for c in after.columns) else None
    if column.name == "id":
        return row + 1
    other = next((c for c in after.columns if c.name == column.name), column)
    return _VALUES.get(column.type, ("1", "02"))[row] if not _is_other(column, other) else _convertible(column)[row]


def _convertible(column: Col) -> tuple[Any, Any]:
    values = _VALUES.get(column.type, ("1", "02"))
    return values if values == (1, 2) else ("1", "02")


# ---- which tables can have rows ----------------------------------------------------------------------------------
def _filled(old: Spec, new: Spec) -> set[str]:
    """Return the tables that both schemas have and in which rows are no obstacle on the way there and back."""
    both = {t.name for t in old.tables} & {t.name for t in new.tables}
    filled = {name for name in both if not _is_obstacle(old.table(name), new.table(name))}
    while True:
        lost = {name for name in filled if not set(_targets(old.table(name), new.table(name))) <= filled}
        if not lost:
            return filled
        filled -= lost


def _targets(old: Tab, new: Tab) -> Iterator[str]:
    """Yield the tables that rows refer to before or after."""
    names = {c.name for c, _other in _pairs(old, new)}
    for key in (*old.constraints, *new.constraints):
        if key.target is not None and names.issuperset(key.columns):
            yield key.target


def _is_obstacle(old: Tab, new: Tab) -> bool:
    """Return whether a change could not be made, or not be taken back, if there were rows."""
    pairs = _pairs(old, new)
    retyped = {c.name for c, other in pairs if c.type != other.type}
    if any(c.type in _CHECKED or other.type in _CHECKED for c, other in pairs if c.type != other.type):
        return True  # values of the one are not those of the other
    for side in (old, new):
        if any(i.kind == "expression" and i.unique and retyped & set(i.columns) for i in side.indexes):
            return True  # '1' and '02' become 1 and 2, whose texts are of one length
    kept = {c.name for c, other in pairs if (c.computed is None) == (other.computed is None)}
    for side in (old, new):
        for column in side.columns:
            if column.name not in kept and _needs_value(column, side):
                return True
    return False


def _needs_value(column: Col, table: Tab) -> bool:
    """Return whether a column that comes, or comes back, cannot be added to a table with rows."""
    if column.computed is not None:
        return any(i.unique and column.name in i.columns for i in table.indexes)
    if not column.default:
        return not column.nullable
    constrained = {n for c in table.constraints for n in c.columns} | set(table.key)
    return column.name in constrained | {n for i in table.indexes if i.unique for n in i.columns}


def _pairs(old: Tab, new: Tab) -> list[tuple[Col, Col]]:
    """Return the columns that both have."""
    after = {c.name: c for c in new.columns}
    return [(c, after[c.name]) for c in old.columns if c.name in after]


def _is_other(old: Col, new: Col) -> bool:
    """Return whether a column's values may become others."""
    return (old.type, old.enum, old.computed) != (new.type, new.enum, new.computed)
