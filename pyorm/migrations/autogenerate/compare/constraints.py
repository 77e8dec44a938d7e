"""Constraints that were added, removed, renamed or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pyorm.migrations.autogenerate import sqltext
from pyorm.migrations.autogenerate.compare.changes import TableChange
from pyorm.migrations.autogenerate.compare.run import log
from pyorm.migrations.autogenerate.facts import CheckFacts, ForeignKeyFacts, KeyFacts
from pyorm.migrations.operations import ops
from pyorm.schema import conv


class Matched(NamedTuple):
    """Facts of both sides, brought together."""

    same: list[tuple[Any, Any]]
    changed: list[tuple[Any, Any]]
    renamed: list[tuple[Any, Any]]
    added: list[Any]
    removed: list[Any]


def match(model: Iterable[Any], found: Iterable[Any], same: Callable[[Any, Any], bool]) -> Matched:
    """Bring declared facts and those of the database together: by name, then by what they say.

    A declared one without a name takes any that says the same; one with a name that says the same as one of another
    name is renamed, unless the database has none for it (SQLite).
    """
    result = Matched([], [], [], [], [])
    by_name = {item.name: item for item in found if item.name is not None}
    left = list(found)
    waiting = []
    for item in model:
        other = by_name.get(item.name) if item.name is not None else None
        if other is None:
            waiting.append(item)
            continue
        del by_name[item.name]
        left = [each for each in left if each is not other]
        (result.same if same(item, other) else result.changed).append((item, other))
    for item in sorted(waiting, key=lambda each: each.name is None):  # names first: the unnamed take what is left
        other = next((each for each in left if same(item, each)), None)
        if other is None:
            result.added.append(item)
            continue
        left = [each for each in left if each is not other]
        is_renamed = item.name is not None and other.name is not None
        (result.renamed if is_renamed else result.same).append((item, other))
    result.removed.extend(left)
    return result


def _without_repeats(matched: Matched) -> list[Any]:
    """Return what is added, but for keys that say what another one says: CREATE TABLE makes one of them."""
    known = {item.content for item, _ in [*matched.same, *matched.changed, *matched.renamed]}
    kept = []
    for item in matched.added:
        if item.content not in known:
            kept.append(item)
        known.add(item.content)
    return kept


def compare_constraints(change: TableChange) -> None:
    """Compare everything but indexes."""
    _compare_primary_key(change)
    _compare_kind(change, _UNIQUE, change.model.uniques, change.found.uniques, _same_content, _key_columns)
    _compare_kind(change, _CHECK, change.model.checks, change.found.checks, same_check, _check_columns)
    _compare_kind(change, _EXCLUDE, change.model.excludes, change.found.excludes, _same_exclude, _text_columns)
    _compare_foreign_keys(change)


class _Kind(NamedTuple):
    """What hooks and messages call a kind of constraint, and the end of a name that is made for one."""

    hook: str
    shown: str
    label: str


_PRIMARY = _Kind("primary_key_constraint", "primary key", "pkey")
_UNIQUE = _Kind("unique_constraint", "unique constraint", "key")
_CHECK = _Kind("check_constraint", "check constraint", "check")
_EXCLUDE = _Kind("exclude_constraint", "exclude constraint", "excl")
_FOREIGN = _Kind("foreign_key_constraint", "foreign key", "fkey")


# ---- what is the same ------------------------------------------------------------------------------------------
def _same_content(model: Any, found: Any) -> bool:
    return bool(model.content == found.content)


def same_check(model: CheckFacts, found: CheckFacts) -> bool:
    """Return whether two checks demand the same; those of a type, whether they allow the same values."""
    if sqltext.same(model.text, found.text):
        return True
    if not model.of_type or sqltext.skeleton(model.text) != sqltext.skeleton(found.text):
        return False
    return set(sqltext.literals(model.text)) == set(sqltext.literals(found.text))


def _same_exclude(model: Any, found: Any) -> bool:
    if (model.deferrable, model.deferred) != (found.deferrable, found.deferred):
        return False
    return sqltext.same(model.text, found.text)


def _key_columns(fact: KeyFacts) -> set[str]:
    return {*fact.columns, *fact.include}


def _check_columns(fact: CheckFacts) -> set[str]:
    return {sqltext.unquoted(t) for t in sqltext.scan(fact.text) if t.kind in ("word", "name")}


_text_columns: Callable[[Any], set[str]] = _check_columns


def _comes_with_column(change: TableChange, fact: Any) -> bool:
    """Return whether a type's check is made by the operation that adds its column, or gives it the type."""
    if not getattr(fact, "of_type", False):
        return False
    name = fact.source.parent.name
    if fact.source.name is None and not fact.source.parent.type._is_type_decorator:
        return False  # it is made under a name
    return name not in change.found.columns or name in change.retyped


# ---- kinds -----------------------------------------------------------------------------------------------------
def _compare_primary_key(change: TableChange) -> None:
    model, found = change.model.primary_key, change.found.primary_key
    _compare_kind(
        change, _PRIMARY, [model] if model else [], [found] if found else [], _same_content, _key_columns
    )


def _compare_kind(
    change: TableChange,
    kind: _Kind,
    model: Iterable[Any],
    found: Iterable[Any],
    same: Callable[[Any, Any], bool],
    covers: Callable[[Any], set[str]],
) -> None:
    matched = match(list(model), list(found), same)
    for item, other in matched.renamed:
        _rename(change, kind, item, other)
    remade = [pair for pair in matched.same if covers(pair[1]) & change.remade]
    is_key = kind in (_PRIMARY, _UNIQUE)
    for item, other in [*matched.changed, *remade]:
        if _accepts(change, kind, item, other):
            _drop(change, kind, other)
            _add(change, kind, item)
            change.changes_keys = change.changes_keys or is_key
    for other in matched.removed:
        if _accepts(change, kind, None, other):
            _drop(change, kind, other)
            change.changes_keys = change.changes_keys or is_key
    for item in _without_repeats(matched) if kind in (_UNIQUE, _EXCLUDE) else matched.added:
        if _accepts(change, kind, item, None):
            _add(change, kind, item)
            change.changes_keys = change.changes_keys or is_key


def _accepts(change: TableChange, kind: _Kind, model: Any, found: Any) -> bool:
    existing = None if found is None else (lambda: change.existing(found))
    if model is None:
        assert existing is not None
        return change.run.accepts(existing, found.name, kind.hook, True, None)
    return change.run.accepts(lambda: model.source, model.name, kind.hook, False, existing)


def _rename(change: TableChange, kind: _Kind, model: Any, found: Any) -> None:
    if _accepts(change, kind, model, found):
        log.info("Detected renamed %s %r to %r on %r", kind.shown, found.name, model.name, change.shown)
        change.add("rename", ops.RenameConstraintOp(found.name, model.name, change.name, schema=change.schema))


def _drop(change: TableChange, kind: _Kind, found: Any) -> None:
    log.info("Detected removed %s %r on %r", kind.shown, found.name, change.shown)
    change.add("drop_constraint", _drop_op(change, found))


def _drop_op(change: TableChange, found: Any) -> ops.DropConstraintOp:
    """Return the drop, under the schema that the model writes; without a name (SQLite) under one that leads to it."""
    operation = ops.DropConstraintOp.from_constraint(change.existing(found))
    operation.schema = change.schema
    if found.name is None:
        operation.constraint_name = conv(change.name_of_unnamed(found))
    return operation


def _add(change: TableChange, kind: _Kind, model: Any) -> None:
    if _comes_with_column(change, model):
        return
    columns = getattr(model, "columns", None)
    where = f"'{columns!r}'" if columns is not None else repr(change.shown)
    log.info("Detected added %s %r on %s", kind.shown, model.name, where)
    operation: Any = ops.AddConstraintOp.from_constraint(model.source)
    if model.name is None:
        operation.constraint_name = _name_for(change, kind, model)
    change.add("add_constraint", operation)


def _name_for(change: TableChange, kind: _Kind, model: Any) -> Any:
    """Return a name for an unnamed constraint, which a downgrade can drop it by."""
    columns = list(getattr(model, "columns", ()))
    if kind is _PRIMARY:
        columns = []
    elif kind is _CHECK:
        columns = [name for name in change.model.columns if name in _check_columns(model)]
        columns = columns if len(columns) == 1 else []
    elif kind is _EXCLUDE:
        columns = [str(getattr(element, "name", "expr")) for element, _ in model.source.elements]
    return change.named(columns, kind.label)


# ---- foreign keys ----------------------------------------------------------------------------------------------
def _compare_foreign_keys(change: TableChange) -> None:
    found = change.found.foreign_keys
    matched = match(change.model.foreign_keys, found, _same_content)
    for item, other in matched.renamed:
        _rename(change, _FOREIGN, item, other)
    again = [pair for pair in matched.same if set(pair[1].columns) & (change.remade | change.recast)]
    for item, other in [*matched.changed, *again]:
        if _accepts(change, _FOREIGN, item, other):
            drop_foreign_key(change, other)
            add_foreign_key(change, item)
    for other in matched.removed:
        if _accepts(change, _FOREIGN, None, other):
            drop_foreign_key(change, other)
    for item in matched.added:
        if _accepts(change, _FOREIGN, item, None):
            add_foreign_key(change, item)


def _shown(change: TableChange, key: ForeignKeyFacts) -> tuple[str, str, str]:
    return ",".join(key.columns), ",".join(key.ref_columns), change.shown


def drop_foreign_key(change: TableChange, found: ForeignKeyFacts) -> None:
    """Plan the drop of a foreign key; when, is settled once all tables are known."""
    log.info("Detected removed foreign key (%s)(%s) on table %s", *_shown(change, found))
    change.dropped_keys.append((_drop_op(change, found), found.target))


def add_foreign_key(change: TableChange, model: ForeignKeyFacts) -> None:
    """Plan a new foreign key; when, is settled once all tables are known."""
    log.info("Detected added foreign key (%s)(%s) on table %s", *_shown(change, model))
    operation: Any = ops.CreateForeignKeyOp.from_constraint(model.source)
    if model.name is None:
        operation.constraint_name = _name_for(change, _FOREIGN, model)
    change.added_keys.append((operation, model.target))
