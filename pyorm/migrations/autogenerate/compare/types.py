"""Whether a column's type changed: the user's word, the type's own, then the database's text."""

from __future__ import annotations

import re
from typing import Any

from pyorm.migrations.autogenerate import pgtypes, sqltext
from pyorm.migrations.autogenerate.compare.changes import TableChange
from pyorm.migrations.autogenerate.compare.run import Run, log
from pyorm.migrations.autogenerate.facts import ColumnFacts


def compare_type(change: TableChange, alter: Any, model: ColumnFacts, found: ColumnFacts) -> None:
    """Put a new type into the AlterColumnOp; with USING where no cast leads there by itself."""
    if not differs(change, model, found):
        return
    source = model.source
    existing = change.run.objects.column(change.found.key, found.name).type
    log.info("Detected type change from %r to %r on '%s.%s'", existing, source.type, change.shown, model.name)
    alter.modify_type = without_unnamed_check(source.type)
    change.retyped.add(model.name)
    change.changes_keys = True
    if not change.run.is_pg:
        return
    old, new = pgtypes.normal_type(found.type)[0], pgtypes.normal_type(model.type)[0]
    if pgtypes.needs_using(old, new):
        written = source.type.compile(dialect=change.run.dialect).partition(" COLLATE ")[0]
        alter.kw["postgresql_using"] = _using(found.name, old, written)
        change.recast.add(model.name)
    if pgtypes.needs_using(new, old):
        alter.reverse_using = _using(model.name, new, found.type)


def is_beyond_cast(change: TableChange, model: ColumnFacts, found: ColumnFacts) -> bool:
    """Return whether a column's type changed to one that none of its values can be cast to (PostgreSQL)."""
    if not change.run.is_pg or not change.run.wants("types"):
        return False
    old, new = pgtypes.normal_type(found.type)[0], pgtypes.normal_type(model.type)[0]
    return not pgtypes.can_cast(old, new) and differs(change, model, found)


def without_unnamed_check(type_: Any) -> Any:
    """Return a type that brings no CHECK along, if it would be an unnamed one, which no downgrade could drop."""
    if not getattr(type_, "create_constraint", False) or type_.name is not None or type_._is_type_decorator:
        return type_
    plain = type_.copy()
    plain.create_constraint = False
    return plain


def _using(column: str, old: str, new: str) -> str:
    """Return the expression that casts a column."""
    from pyorm import _core

    return pgtypes.using(_core.quote_identifier(column, "postgresql"), old, new)


def differs(change: TableChange, model: ColumnFacts, found: ColumnFacts) -> bool:
    """Return whether the type is another one."""
    run = change.run
    rule = run.opts.get("compare_type", True)
    if rule is False or not model.type:
        return False
    verdict = _user_verdict(change, rule, model, found)
    if verdict is None:
        verdict = _own_verdict(run, change, model, found)
    if verdict is not None:
        return verdict
    return not same_type(run, model, found)


def _user_verdict(change: TableChange, rule: Any, model: ColumnFacts, found: ColumnFacts) -> bool | None:
    """Ask `compare_type(context, inspected column, metadata column, inspected type, metadata type)`."""
    if not callable(rule):
        return None
    existing = change.run.objects.column(change.found.key, found.name)
    source = model.source
    verdict = rule(change.run.context.migration_context, existing, source, existing.type, source.type)
    return None if verdict is None else bool(verdict)


def _own_verdict(run: Run, change: TableChange, model: ColumnFacts, found: ColumnFacts) -> bool | None:
    """Ask the type's `compare_against_backend(dialect, type)`, then an impl of the user's own."""
    source = model.source
    compare = getattr(source.type, "compare_against_backend", None)
    if compare is not None:
        verdict = compare(run.dialect, run.objects.column(change.found.key, found.name).type)
        if verdict is not None:
            return not verdict
    impl = getattr(run.context.migration_context, "impl", None)
    compare = getattr(type(impl), "compare_type", None)
    if compare is not None and not str(getattr(compare, "__module__", "")).startswith("pyorm.migrations"):
        verdict = compare(impl, run.objects.column(change.found.key, found.name), source)
        return None if verdict is None else bool(verdict)
    return None


def same_type(run: Run, model: ColumnFacts, found: ColumnFacts) -> bool:
    """Return whether two types are written the same; True may not be wrong, False may have to be asked."""
    if not run.is_pg:
        return same_sqlite_type(model, found)
    if model.collation != found.collation and not (model.collation == "default" and found.collation is None):
        return False
    left = pgtypes.without_visible_schema(pgtypes.normal_type(model.type)[0], run.found.visible)
    right = pgtypes.without_visible_schema(pgtypes.normal_type(found.type)[0], run.found.visible)
    return left == right


# Names that SQLite gives the same affinity and that programs use for the same thing (SQLite, Datatypes, 3.1).
_SYNONYMS = (
    frozenset({"int", "integer"}), frozenset({"bool", "boolean"}), frozenset({"numeric", "decimal"}),
    frozenset({"float", "real", "double", "double precision"}), frozenset({"datetime", "timestamp"}),
    frozenset({"varchar", "character varying", "nvarchar", "varying character"}),
    frozenset({"char", "character", "nchar"}), frozenset({"text", "clob"}),
)  # fmt: skip


def same_sqlite_type(model: ColumnFacts, found: ColumnFacts) -> bool:
    """Return whether SQLite stores values of two declared types alike."""
    if (model.collation or "binary").lower() != (found.collation or "binary").lower():
        return False
    if sqltext.tokens(model.type) == sqltext.tokens(found.type):
        return True
    (left, left_args), (right, right_args) = _shape(model.type), _shape(found.type)
    if left_args != right_args:
        return False
    return left == right or any(left in names and right in names for names in _SYNONYMS)


def _shape(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, args = text.partition("(")
    return " ".join(name.lower().split()), tuple(re.findall(r"\w+", args))
