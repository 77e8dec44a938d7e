"""Whether what fills a column changed: DEFAULT, identity, the expression of a generated column."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.autogenerate import sqltext
from pyorm.migrations.autogenerate.compare.changes import TableChange
from pyorm.migrations.autogenerate.compare.run import log
from pyorm.migrations.autogenerate.facts import ColumnFacts
from pyorm.schema import Identity


def compare_default(change: TableChange, alter: Any, model: ColumnFacts, found: ColumnFacts) -> None:
    """Put a new default or identity into the AlterColumnOp."""
    if model.identity is not None or found.identity is not None:
        _compare_identity(change, alter, model, found)
    elif differs(change, model, found):
        log.info("Detected server default on column '%s.%s'", change.shown, model.name)
        alter.modify_server_default = None if model.default is None else model.source.server_default


def _compare_identity(change: TableChange, alter: Any, model: ColumnFacts, found: ColumnFacts) -> None:
    if model.identity == found.identity or (model.identity is None and model.serial):
        return  # SERIAL of the model, identity of the database: both number themselves
    if model.fetched:
        return
    names: list[str] = []
    if model.identity is not None and found.identity is not None:
        names = [n for n in type(model.identity).__slots__ if getattr(model.identity, n) != getattr(found.identity, n)]
    log.info(
        "Detected server default on column '%s.%s': identity options attributes %s", change.shown, model.name, names
    )
    source = model.source.server_default
    if model.identity is not None and found.identity is None and not found.serial:
        log.warning(
            "The identity of '%s.%s' begins at %s: where the table has rows, restart it above their greatest value",
            change.shown, model.name, model.identity.start,
        )  # fmt: skip
    if model.identity is not None:
        alter.modify_server_default = _with_options(model, names)
    else:
        alter.modify_server_default = source if model.default is not None else None


def _with_options(model: ColumnFacts, names: list[str]) -> Any:
    """Return the declared Identity, with those options spelled out that go back to the database's own choice."""
    source, facts = model.source.identity, model.identity
    silent = [name for name in names if name != "always" and getattr(source, name, None) is None]
    if not silent:
        return source
    options = ("start", "increment", "minvalue", "maxvalue", "cycle", "cache")
    given = {name: getattr(source, name) for name in options if getattr(source, name) is not None}
    return Identity(source.always, **given, **{name: getattr(facts, name) for name in silent})


def differs(change: TableChange, model: ColumnFacts, found: ColumnFacts) -> bool:
    """Return whether DEFAULT is another one."""
    rule = change.run.opts.get("compare_server_default")
    if rule is False or model.fetched or model.computed is not None or found.computed is not None:
        return False
    if found.serial and model.default is None:
        return False  # SERIAL: the database's own default of a column that numbers itself
    if callable(rule) and (model.default is not None or found.default is not None):
        verdict = _user_verdict(change, rule, model, found)
        if verdict is not None:
            return verdict
    if model.default is None or found.default is None:
        return model.default is not found.default
    return not same_default(model.default, found.default)


def _user_verdict(change: TableChange, rule: Any, model: ColumnFacts, found: ColumnFacts) -> bool | None:
    """Ask `compare_server_default(context, inspected column, metadata column, inspected default, metadata default,
    rendered metadata default)`."""
    existing = change.run.objects.column(change.found.key, found.name)
    default = model.source.server_default
    written = getattr(default, "arg", None)
    verdict = rule(
        change.run.context.migration_context, existing, model.source, found.default, default,
        str(written) if isinstance(written, str) else model.default,
    )  # fmt: skip
    return None if verdict is None else bool(verdict)


def same_default(left: str, right: str) -> bool:
    """Return whether two texts behind DEFAULT are certainly the same."""
    if sqltext.same(left, right):
        return True
    constant = sqltext.literal(left)
    return constant is not None and constant == sqltext.literal(right)


def differs_computed(model: ColumnFacts, found: ColumnFacts) -> bool:
    """Return whether a column is generated otherwise, or only on one side; such a column is made anew."""
    if model.computed is None and found.computed is None:
        return False
    if model.fetched and model.computed is None:
        return False
    if model.computed is None or found.computed is None:
        return True
    return model.stored != found.stored or not sqltext.same(model.computed, found.computed)
