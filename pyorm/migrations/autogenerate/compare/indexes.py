"""Indexes that were added, removed, renamed or changed."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.autogenerate import sqltext
from pyorm.migrations.autogenerate.compare.changes import TableChange
from pyorm.migrations.autogenerate.compare.constraints import match
from pyorm.migrations.autogenerate.compare.run import log
from pyorm.migrations.autogenerate.facts import IndexFacts
from pyorm.migrations.operations import ops


def compare_indexes(change: TableChange) -> None:
    """Compare the indexes that no constraint has made."""
    matched = match(change.model.indexes, change.found.indexes, same_index)
    for model, found in matched.renamed:
        if _accepts(change, model, found):
            log.info("Detected renamed index %r to %r on %r", found.name, model.name, change.shown)
            change.add("rename", ops.RenameIndexOp(found.name, model.name, change.name, schema=change.schema))
    for model, found in matched.changed:
        if _accepts(change, model, found):
            log.info("Detected changed index %r on %r: %s", model.name, change.shown, _differences(model, found))
            _drop(change, found)
            _add(change, model)
    for model, found in matched.same:
        if _names(found) & change.remade:
            _drop(change, found)
            _add(change, model)
    for found in matched.removed:
        if _accepts(change, None, found):
            log.info("Detected removed index %r on %r", found.name, change.shown)
            _drop(change, found)
    for model in matched.added:
        if _accepts(change, model, None):
            columns = tuple(getattr(e, "name", None) or str(e) for e in model.source.expressions)
            log.info("Detected added index %r on '%r'", model.name, columns)
            _add(change, model)


def same_index(model: IndexFacts, found: IndexFacts) -> bool:
    """Return whether two indexes are the same but for their name; an invalid one is not."""
    if model.flags != found.flags or not found.valid:
        return False
    same = all(sqltext.same(left, right) for left, right in zip(model.elements, found.elements, strict=True))
    return same and sqltext.same(model.where, found.where)


def _names(index: IndexFacts) -> set[str]:
    texts = [*index.elements, *index.include, index.where or ""]
    return {sqltext.unquoted(t) for text in texts for t in sqltext.scan(text) if t.kind in ("word", "name")}


def _differences(model: IndexFacts, found: IndexFacts) -> str:
    """Return what changed, as messages show it."""
    parts = []
    for name, old, new in (
        ("unique", found.unique, model.unique),
        ("expression", ", ".join(found.elements), ", ".join(model.elements)),
        ("using", found.method, model.method),
        ("include", list(found.include), list(model.include)),
        ("nulls_not_distinct", found.nulls_not_distinct, model.nulls_not_distinct),
        ("with", dict(found.storage), dict(model.storage)),
        ("where", found.where, model.where),
        ("valid", found.valid, True),
    ):
        if old != new:
            parts.append(f"{name}={old!r} to {name}={new!r}")
    return ", ".join(parts)


def _accepts(change: TableChange, model: IndexFacts | None, found: IndexFacts | None) -> bool:
    existing = None if found is None else (lambda: change.existing(found))
    if model is None:
        assert existing is not None and found is not None
        return change.run.accepts(existing, found.name, "index", True, None)
    return change.run.accepts(lambda: model.source, model.name, "index", False, existing)


def _drop(change: TableChange, found: IndexFacts) -> None:
    operation: Any = ops.DropIndexOp.from_index(change.existing(found))
    operation.schema = change.schema
    change.add("drop_index", operation)


def _add(change: TableChange, model: IndexFacts) -> None:
    change.add("add_index", ops.CreateIndexOp.from_index(model.source))
