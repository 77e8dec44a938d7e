"""Columns that were added, removed or changed."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.autogenerate import sqltext
from pyorm.migrations.autogenerate.compare import custom, types
from pyorm.migrations.autogenerate.compare.changes import TableChange
from pyorm.migrations.autogenerate.compare.defaults import compare_default, differs_computed
from pyorm.migrations.autogenerate.compare.run import log
from pyorm.migrations.autogenerate.facts import ColumnFacts
from pyorm.migrations.autogenerate.objects import bare_column, text
from pyorm.migrations.operations import ops
from pyorm.schema import DefaultClause, Identity


def compare_columns(change: TableChange) -> None:
    """Compare the columns of a table that both sides have; their order means nothing."""
    run, model, found = change.run, change.model.columns, change.found.columns
    hooked = run.has_column_hooks
    added = {n: c for n, c in model.items() if n not in found and _accepts(change, c, None)}
    removed = {n: c for n, c in found.items() if n not in model and not c.inherited and _accepts(change, None, c)}
    for name, column in added.items():
        log.info("Detected added column '%s.%s'", change.shown, name)
        change.add("add_column" if column.computed is None else "add_generated", _add_op(change, column))
    for name in sorted(model, key=lambda name: model[name].computed is not None):
        if name not in found:
            continue
        same = not hooked and is_plainly_same(model[name], found[name]) and not _is_held_up(change, found[name])
        if _accepts(change, model[name], found[name]) and not same:
            _compare(change, model[name], found[name])
    for name, column in removed.items():
        log.info("Detected removed column '%s.%s'", change.shown, name)
        change.changes_keys = True
        existing = bare_column(run.objects.column(change.found.key, name))
        change.add("drop_column" if column.computed is None else "drop_generated", _drop_op(change, existing))


def _is_held_up(change: TableChange, found: ColumnFacts) -> bool:
    """Return whether a generated column keeps a column that it is made of from taking its new type (PostgreSQL)."""
    if found.computed is None or not change.run.is_pg:
        return False
    return any(sqltext.mentions(found.computed, name) for name in change.retyped)


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
    """Return the operation; the primary key is one of its own, so a column that would be SERIAL gets an identity."""
    bare = bare_column(column.source)
    bare.primary_key = False
    bare.type = types.without_unnamed_check(bare.type)
    if bare.type is not column.source.type:
        bare._type_check = None
    if column.serial:
        Identity()._set_parent(bare)
    return ops.AddColumnOp(change.name, bare, schema=change.schema)


def _drop_op(change: TableChange, column: Any) -> ops.DropColumnOp:
    column.primary_key = False
    return ops.DropColumnOp.from_column_and_tablename(change.schema, change.name, column)


def _compare(change: TableChange, model: ColumnFacts, found: ColumnFacts) -> None:
    if differs_computed(model, found) or _is_held_up(change, found):
        _remake(change, model, found, "Detected computed column change", "its values are worked out anew")
        return
    if types.is_beyond_cast(change, model, found):
        reason = f"Detected type change from {found.type} to {model.type}, which no cast makes,"
        change.retyped.add(model.name)
        _remake(change, model, found, reason, "its values are lost")
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
    log.info("Detected %s on column '%s.%s'", "NULL" if model.nullable else "NOT NULL", change.shown, model.name)
    alter.modify_nullable = model.nullable


def _tell_existing(change: TableChange, alter: ops.AlterColumnOp, found: ColumnFacts) -> None:
    """Fill in what the column is now, which the reverse and some databases need."""
    existing = change.run.objects.column(change.found.key, found.name)
    alter.existing_type = existing.type
    alter.existing_nullable = found.nullable
    alter.existing_comment = found.comment
    if alter.modify_server_default is not False or existing.server_default is not None:
        alter.existing_server_default = found_default(change, found)


def _steps(change: TableChange, alter: ops.AlterColumnOp, found: ColumnFacts) -> list[ops.AlterColumnOp]:
    """Return one operation, or more where a default stands in the way of a new type or an identity.

    The default goes first and comes last, so that it also does where the operations are reversed.
    """
    recast = "postgresql_using" in alter.kw or alter.reverse_using is not None
    identity = getattr(alter.modify_server_default, "is_identity", False)
    source = change.model.columns[alter.column_name].source
    before = None if found.identity is not None else found_default(change, found)
    after = alter.modify_server_default
    if after is False:
        after = before if found.serial else source.server_default
    held = identity and before is not None and not found.serial  # a SERIAL's default goes with its sequence
    if (not recast or before is after is None) and not held:
        return _apart(change, alter)
    steps = []
    if before is not None:
        steps.append(_default_op(change, alter, alter.existing_type, before, None))
    if identity:
        alter.existing_server_default = None
        return [*steps, *_apart(change, alter)]
    alter.existing_server_default, alter.modify_server_default = False, False
    if alter.has_changes():
        steps.append(alter)
    if after is not None:
        steps.append(_default_op(change, alter, source.type, None, after))
    return steps


def _apart(change: TableChange, alter: ops.AlterColumnOp) -> list[ops.AlterColumnOp]:
    """Return an identity that comes behind NOT NULL, and one that goes before it, each as an operation of its own."""
    was, will = (getattr(d, "is_identity", False) for d in (alter.existing_server_default, alter.modify_server_default))
    if alter.modify_nullable is None or alter.modify_server_default is False or was == will:
        return [alter]
    nullable = ops.AlterColumnOp(
        change.name, alter.column_name, schema=change.schema, existing_type=alter.existing_type,
        existing_nullable=alter.existing_nullable, modify_nullable=alter.modify_nullable,
    )  # fmt: skip
    if will:
        alter.existing_nullable, alter.modify_nullable = alter.modify_nullable, None
        return [nullable, alter]
    alter.modify_nullable = None
    return [alter, nullable]


def _default_op(change: TableChange, alter: ops.AlterColumnOp, type_: Any, was: Any, will: Any) -> ops.AlterColumnOp:
    """Return an operation that changes nothing but the default."""
    return ops.AlterColumnOp(
        change.name, alter.column_name, schema=change.schema, existing_type=type_,
        existing_nullable=alter.existing_nullable, existing_server_default=was, modify_server_default=will,
    )  # fmt: skip


def found_default(change: TableChange, found: ColumnFacts) -> Any:
    """Return the default that a column has, as an object; that of a SERIAL column too."""
    if found.serial and found.default is not None:
        return DefaultClause(text(found.default), _reflected=True)
    return change.run.objects.column(change.found.key, found.name).server_default


def _remake(change: TableChange, model: ColumnFacts, found: ColumnFacts, reason: str, values: str) -> None:
    """Plan a column's drop and new making, where its expression or its type cannot be altered."""
    log.warning(
        "%s on '%s.%s': the column is dropped and added again, and %s", reason, change.shown, model.name, values
    )
    change.remade.add(model.name)
    change.changes_keys = True
    existing = bare_column(change.run.objects.column(change.found.key, found.name))
    change.add("drop_generated" if found.computed is not None else "drop_column", _drop_op(change, existing))
    change.add("add_generated", _add_op(change, model))
