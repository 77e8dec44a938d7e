"""Columns that were added, removed or changed."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.autogenerate.compare import custom, types
from pyorm.migrations.autogenerate.compare.changes import TableChange
from pyorm.migrations.autogenerate.compare.defaults import compare_default, differs_computed
from pyorm.migrations.autogenerate.compare.run import log
from pyorm.migrations.autogenerate.facts import ColumnFacts
from pyorm.migrations.autogenerate.objects import bare_column
from pyorm.migrations.operations import ops


def compare_columns(change: TableChange) -> None:
    """Compare the columns of a table that both sides have; their order means nothing."""
    run, model, found = change.run, change.model.columns, change.found.columns
    hooked = run.has_column_hooks
    added = {n: c for n, c in model.items() if n not in found and _accepts(change, c, None)}
    removed = {n: c for n, c in found.items() if n not in model and not c.inherited and _accepts(change, None, c)}
    for name, column in added.items():
        log.info("Detected added column '%s.%s'", change.shown, name)
        change.add("add_column", _add_op(change, column))
    for name in model:
        if name not in found or (not hooked and is_plainly_same(model[name], found[name])):
            continue
        if _accepts(change, model[name], found[name]):
            _compare(change, model[name], found[name])
    for name in removed:
        log.info("Detected removed column '%s.%s'", change.shown, name)
        change.changes_keys = True
        existing = bare_column(run.objects.column(change.found.key, name))
        change.add("drop_column", _drop_op(change, existing))


def is_plainly_same(model: ColumnFacts, found: ColumnFacts) -> bool:
    """Return whether every fact is the same as it stands; the type may still have its own opinion of that."""
    return (
        model.type == found.type
        and model.nullable == found.nullable
        and (model.default == found.default or (found.serial and model.serial))
        and model.identity == found.identity
        and model.computed == found.computed
        and model.stored == found.stored
        and model.comment == found.comment
        and model.collation == found.collation
        and not hasattr(model.source.type, "compare_against_backend")
    )


def _accepts(change: TableChange, model: ColumnFacts | None, found: ColumnFacts | None) -> bool:
    run, key = change.run, change.found.key
    if model is None:
        assert found is not None
        name = found.name
        return run.accepts(lambda: run.objects.column(key, name), name, "column", True, None)
    existing = None if found is None else (lambda: run.objects.column(key, found.name))
    return run.accepts(lambda: model.source, model.name, "column", False, existing)


def _add_op(change: TableChange, column: ColumnFacts) -> ops.AddColumnOp:
    return ops.AddColumnOp(change.name, bare_column(column.source), schema=change.schema)


def _drop_op(change: TableChange, column: Any) -> ops.DropColumnOp:
    return ops.DropColumnOp.from_column_and_tablename(change.schema, change.name, column)


def _compare(change: TableChange, model: ColumnFacts, found: ColumnFacts) -> None:
    if differs_computed(model, found):
        _remake(change, model, found)
        return
    run = change.run
    alter = ops.AlterColumnOp(change.name, model.name, schema=change.schema)
    if run.wants("types"):
        types.compare_type(change, alter, model, found)
    _compare_nullable(change, alter, model, found)
    if run.wants("defaults"):
        compare_default(change, alter, model, found)
    if run.wants("comments") and run.is_pg and model.comment != found.comment:
        log.info("Detected column comment '%s.%s'", change.shown, model.name)
        alter.modify_comment = model.comment
    custom.dispatch_column(run, change.key, alter, found.name, model.source)
    if not alter.has_changes():
        return
    _tell_existing(change, alter, found)
    for operation in _steps(change, alter, found):
        change.add("alter_column", operation)


def _compare_nullable(change: TableChange, alter: ops.AlterColumnOp, model: ColumnFacts, found: ColumnFacts) -> None:
    if model.nullable == found.nullable:
        return
    keys = [side.primary_key.columns if side.primary_key else () for side in (change.model, change.found)]
    if model.name in keys[0] and found.name in keys[1]:
        return  # a primary key says it already
    if model.serial and not model.source._user_nullable and change.run.is_pg and model.name in keys[0]:
        return
    log.info("Detected %s on column '%s.%s'", "NULL" if model.nullable else "NOT NULL", change.shown, model.name)
    alter.modify_nullable = model.nullable


def _tell_existing(change: TableChange, alter: ops.AlterColumnOp, found: ColumnFacts) -> None:
    """Fill in what the column is now, which the reverse and some databases need."""
    existing = change.run.objects.column(change.found.key, found.name)
    alter.existing_type = existing.type
    alter.existing_nullable = found.nullable
    alter.existing_comment = found.comment
    if alter.modify_server_default is not False or existing.server_default is not None:
        alter.existing_server_default = existing.server_default


def _steps(change: TableChange, alter: ops.AlterColumnOp, found: ColumnFacts) -> list[ops.AlterColumnOp]:
    """Return one operation, or three where a default stands in the way of a new type."""
    if "postgresql_using" not in alter.kw or found.default is None or found.serial:
        return [alter]
    before, after = found_default(change, found), alter.modify_server_default
    common: dict[str, Any] = {"schema": change.schema}
    first = ops.AlterColumnOp(
        change.name, alter.column_name, existing_type=alter.existing_type, existing_nullable=found.nullable,
        existing_server_default=before, modify_server_default=None, **common,
    )  # fmt: skip
    alter.existing_server_default, alter.modify_server_default = False, False
    model = change.model.columns[alter.modify_name or alter.column_name].source
    if after is False:
        after = model.server_default
    if after is None:
        return [first, alter]
    nullable = found.nullable if alter.modify_nullable is None else alter.modify_nullable
    last = ops.AlterColumnOp(
        change.name, model.name, existing_type=model.type, existing_nullable=nullable, existing_server_default=None,
        modify_server_default=after, **common,
    )  # fmt: skip
    return [first, alter, last]


def found_default(change: TableChange, found: ColumnFacts) -> Any:
    """Return the default that a column has, as an object."""
    return change.run.objects.column(change.found.key, found.name).server_default


def _remake(change: TableChange, model: ColumnFacts, found: ColumnFacts) -> None:
    """Plan a generated column's drop and new making: its expression cannot be altered."""
    log.warning(
        "Detected computed column change on '%s.%s': the column is dropped and added again, and its values are worked "
        "out anew",
        change.shown, model.name,
    )  # fmt: skip
    change.remade.add(model.name)
    change.changes_keys = True
    existing = bare_column(change.run.objects.column(change.found.key, found.name))
    change.add("recreate", _drop_op(change, existing))
    change.add("recreate", _add_op(change, model))

