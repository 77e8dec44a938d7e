"""Random edits of a schema: each takes a value and returns another, or the same where it does not apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.migrations.law.schemas import (
    NAMES,
    TABLES,
    TYPES,
    Draw,
    Spec,
    Tab,
    add_constraint,
    add_foreign_key,
    add_index,
    draw_column,
    draw_table,
)

Edit = Callable[[Draw, Spec], Spec]
EDITS: dict[str, Edit] = {}
_SELDOM = (
    "add or change a constraint", "change a check", "change generated", "change the primary key",
    "change the primary key", "add an index",
)  # fmt: skip
"""Edits that often do not apply are tried more often."""


def edit(function: Edit) -> Edit:
    """Register an edit under its name."""
    EDITS[function.__name__.replace("_", " ")] = function
    return function


def draw_edits(d: Draw, spec: Spec) -> Spec:
    """Apply one to six random edits."""
    for _ in range(d.number(1, 6)):
        name = d.one([*EDITS, *_SELDOM])
        changed = EDITS[name](d, spec)
        if changed != spec:
            d.note(f"edit: {name}")
        spec = changed
    return spec


def _on_table(change: Callable[[Draw, Spec, Tab], Tab]) -> Edit:
    def run(d: Draw, spec: Spec) -> Spec:
        for table in d.some(spec.tables, len(spec.tables), len(spec.tables)):
            changed = change(d, spec, table)
            if changed != table:
                return spec.with_table(changed)
        return spec

    run.__name__ = change.__name__
    return edit(run)


@edit
def add_a_table(d: Draw, spec: Spec) -> Spec:
    free = [name for name in TABLES if all(t.name != name for t in spec.tables)]
    if not free:
        return spec
    return replace(spec, tables=(*spec.tables, draw_table(d, spec, d.one(free))))


@edit
def drop_a_table(d: Draw, spec: Spec) -> Spec:
    if len(spec.tables) < 2:
        return spec
    gone = d.one(spec.tables).name
    left = [t for t in spec.tables if t.name != gone]
    return replace(spec, tables=tuple(_without_keys_to(t, gone) for t in left))


def _without_keys_to(table: Tab, target: str) -> Tab:
    return replace(table, constraints=tuple(c for c in table.constraints if c.target != target))


@_on_table
def add_a_column(d: Draw, spec: Spec, table: Tab) -> Tab:
    free = [name for name in NAMES if all(c.name != name for c in table.columns)]
    if not free:
        return table
    column = draw_column(d, spec, d.one(free))
    return replace(table, columns=(*table.columns, column))


@_on_table
def drop_a_column(d: Draw, spec: Spec, table: Tab) -> Tab:
    free = [c.name for c in table.columns if c.name not in table.key]
    return table if not free else _without_column(table, d.one(free))


def _without_column(table: Tab, name: str) -> Tab:
    def covers(options: tuple[tuple[str, object], ...]) -> bool:
        return any(isinstance(value, list) and name in value for _key, value in options)

    return replace(
        table,
        columns=tuple(c for c in table.columns if c.name != name),
        constraints=tuple(c for c in table.constraints if name not in c.columns and not covers(c.options)),
        indexes=tuple(i for i in table.indexes if name not in i.columns and i.kind != "include"),
    )


def _free_columns(table: Tab) -> list[str]:
    """Return columns that nothing else of the table is about."""
    used = set(table.key) | {n for part in (*table.constraints, *table.indexes) for n in part.columns}
    used |= {n for c in table.constraints for _k, v in c.options if isinstance(v, list) for n in v}
    return [c.name for c in table.columns if c.name not in used]


@_on_table
def change_a_type(d: Draw, spec: Spec, table: Tab) -> Tab:
    names = [n for n in _free_columns(table) if _column(table, n).computed is None]
    if not names:
        return table
    old = _column(table, d.one(names))
    if spec.enums and d.chance(15):
        return _with_column(table, replace(old, type="text", enum=d.one([name for name, _ in spec.enums])))
    kinds = [k for k, (_t, _d, where) in TYPES.items() if where in ("both", d.dialect)]
    kind = d.one(kinds)
    default = old.default and TYPES[kind][1] is not None
    return _with_column(table, replace(old, type=kind, enum=None, default=default))


def _column(table: Tab, name: str):  # type: ignore[no-untyped-def]
    return next(c for c in table.columns if c.name == name)


def _with_column(table: Tab, column) -> Tab:  # type: ignore[no-untyped-def]
    return replace(table, columns=tuple(column if c.name == column.name else c for c in table.columns))


@_on_table
def change_nullability(d: Draw, spec: Spec, table: Tab) -> Tab:
    names = [c.name for c in table.columns if c.name not in table.key and c.computed is None]
    if not names:
        return table
    old = _column(table, d.one(names))
    return _with_column(table, replace(old, nullable=not old.nullable))


@_on_table
def change_a_default(d: Draw, spec: Spec, table: Tab) -> Tab:
    names = [
        c.name for c in table.columns
        if c.name not in table.key and c.computed is None and (c.enum or TYPES[c.type][1] is not None)
    ]  # fmt: skip
    if not names:
        return table
    old = _column(table, d.one(names))
    return _with_column(table, replace(old, default=not old.default))


@_on_table
def change_a_comment(d: Draw, spec: Spec, table: Tab) -> Tab:
    if not d.is_pg:
        return table
    if d.chance(40):
        return replace(table, comment=d.one((None, "new", "it's")))
    old = d.one(table.columns)
    return _with_column(table, replace(old, comment=d.one((None, "new", "another"))))


@_on_table
def change_generated(d: Draw, spec: Spec, table: Tab) -> Tab:
    names = [n for n in _free_columns(table) if not _column(table, n).enum]
    if not names:
        return table
    old = _column(table, d.one(names))
    computed = d.one((None, 2, 3, 4))
    return table if computed == old.computed else _with_column(
        table, replace(old, type="integer", computed=computed, default=False, nullable=True)
    )  # fmt: skip


@_on_table
def change_identity(d: Draw, spec: Spec, table: Tab) -> Tab:
    old = _column(table, "id")
    if not d.is_pg or len(table.key) > 1:
        return table
    return _with_column(table, replace(old, identity=d.one((None, (True, 1, 1), (False, 5, 2)))))


@_on_table
def add_or_change_a_constraint(d: Draw, spec: Spec, table: Tab) -> Tab:
    return add_constraint(d, table)


@_on_table
def drop_a_constraint(d: Draw, spec: Spec, table: Tab) -> Tab:
    if not table.constraints:
        return table
    gone = d.one(table.constraints)
    return replace(table, constraints=tuple(c for c in table.constraints if c is not gone))


@_on_table
def change_a_check(d: Draw, spec: Spec, table: Tab) -> Tab:
    checks = [c for c in table.constraints if c.kind == "check" and c.name is not None]
    if not checks:
        return table
    old = d.one(checks)
    new = replace(old, number=(old.number + 1) % 5)
    return replace(table, constraints=tuple(new if c is old else c for c in table.constraints))


@_on_table
def change_a_foreign_key(d: Draw, spec: Spec, table: Tab) -> Tab:
    keys = [c for c in table.constraints if c.kind == "foreign"]
    if not keys:
        return add_foreign_key(d, spec, table)
    old = d.one(keys)
    options = tuple(o for o in old.options if o[0] != "ondelete")
    new = replace(old, options=(("ondelete", d.one(("CASCADE", "SET NULL"))), *options))
    return replace(table, constraints=tuple(new if c is old else c for c in table.constraints))


@_on_table
def change_the_primary_key(d: Draw, spec: Spec, table: Tab) -> Tab:
    if any(c.target == table.name for t in spec.tables for c in t.constraints):
        return table
    if len(table.key) > 1:
        return replace(table, key=("id",))
    names = [n for n in table.typed("integer", "text", "date") if n != "id" and not _column(table, n).nullable]
    return replace(table, key=("id", d.one(names))) if names else table


@_on_table
def add_an_index(d: Draw, spec: Spec, table: Tab) -> Tab:
    return add_index(d, table)


@_on_table
def drop_an_index(d: Draw, spec: Spec, table: Tab) -> Tab:
    return replace(table, indexes=table.indexes[1:])


@_on_table
def change_an_index(d: Draw, spec: Spec, table: Tab) -> Tab:
    if not table.indexes:
        return table
    old = table.indexes[0]
    new = replace(old, number=old.number + 1, unique=old.unique if old.kind in ("hash", "distinct") else not old.unique)
    return replace(table, indexes=(new, *table.indexes[1:]))


@edit
def change_enum_values(d: Draw, spec: Spec) -> Spec:
    if not spec.enums:
        return spec
    name, values = d.one(spec.enums)
    new = tuple(d.some("abcdefg", 2, 5))
    if d.chance(60):
        new = tuple(dict.fromkeys([*values, *new]))
    if any(c.enum == name and c.default for t in spec.tables for c in t.columns) and values[0] not in new:
        new = (values[0], *new)
    return replace(spec, enums=tuple((n, new if n == name else v) for n, v in spec.enums))


@edit
def change_sequences(d: Draw, spec: Spec) -> Spec:
    if not d.is_pg:
        return spec
    names = d.some(("numbers", "tickets"), 0, 2)
    return replace(spec, sequences=tuple((n, d.number(1, 5), d.number(1, 3)) for n in names))
