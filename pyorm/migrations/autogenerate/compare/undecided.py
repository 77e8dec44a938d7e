"""Which tables have expressions that only the server can compare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyorm.migrations.autogenerate import pgtypes, sqltext
from pyorm.migrations.autogenerate.compare.constraints import same_check
from pyorm.migrations.autogenerate.compare.defaults import same_default
from pyorm.migrations.autogenerate.compare.run import Run
from pyorm.migrations.autogenerate.compare.types import same_type
from pyorm.migrations.autogenerate.facts import ColumnFacts, TableFacts

Pair = tuple[TableFacts, TableFacts]


def ask_server(run: Run, pairs: list[Pair]) -> list[Pair]:
    """Return the pairs with declared expressions as the server writes them, where that is needed to compare them."""
    if not run.is_pg:
        return pairs
    asked = [model for model, found in pairs if is_undecided(run, model, found)]
    if not asked:
        return pairs
    from pyorm.migrations.autogenerate.shadow import normalise

    spelled = normalise(run.connection, run.model, run.found, run.declared.enums, asked)
    pairs = [(spelled.get(model.key, model), found) for model, found in pairs]
    apart = [(model, found) for model, found in pairs if model.key in spelled and is_undecided(run, model, found)]
    if not apart:
        return pairs
    again = normalise(run.connection, run.model, run.found, run.declared.enums, [model for model, _ in apart])
    # Whole, with what include_name refuses: an index of a refused column needs it.
    wholes = {found.key: run.found.tables[found.key] for _, found in apart}
    twice = normalise(run.connection, run.model, run.found, {}, list(wholes.values()))
    return [
        (_settled(model, again[model.key], wholes[found.key], twice[found.key]), found)
        if model.key in again and found.key in twice else (model, found)
        for model, found in pairs
    ]  # fmt: skip


def _settled(model: TableFacts, again: TableFacts, found: TableFacts, twice: TableFacts) -> TableFacts:
    """Return the model with the texts of the database where both sides are read by the server as the same.

    What the server writes is not always what it writes when it has read that: `x IN ('a')` becomes an array of
    VARCHAR cast to TEXT[], which becomes an array of casts. A constraint that a downgrade made anew from its text is
    the second form of the model's first.

    Args:
        model: the declared table as the server writes it.
        again: what the server writes when it has read that.
        found: the table of the database.
        twice: what the server writes when it has read that one's texts.
    """
    texts = _same_texts(found, twice)

    def text(old: str | None, read: str | None) -> Any:
        return old if read is None else texts.get(read, old)

    columns = {
        name: replace(c, default=text(c.default, again.columns[name].default),
                      computed=text(c.computed, again.columns[name].computed))
        for name, c in model.columns.items()
    }  # fmt: skip
    pairs = zip(model.indexes, again.indexes, strict=True)
    return replace(
        model,
        columns=columns,
        checks=tuple(replace(c, text=text(c.text, a.text)) for c, a in zip(model.checks, again.checks, strict=True)),
        excludes=tuple(
            replace(x, text=text(x.text, a.text)) for x, a in zip(model.excludes, again.excludes, strict=True)
        ),
        indexes=tuple(
            replace(
                index, where=text(index.where, read.where),
                elements=tuple(text(e, r) for e, r in zip(index.elements, read.elements, strict=True)),
            )
            for index, read in pairs
        ),
    )  # fmt: skip


def _same_texts(found: TableFacts, twice: TableFacts) -> dict[str, str]:
    """Return the database's texts by what the server writes when it has read them."""
    texts: dict[str, str] = {}
    for name, column in found.columns.items():
        read = twice.columns[name]
        for old, new in ((column.default, read.default), (column.computed, read.computed)):
            if old is not None and new is not None:
                texts[new] = old
    for part, read_part in zip(found.excludes, twice.excludes, strict=True):
        texts[read_part.text] = part.text
    for check, read_check in zip(found.checks, twice.checks, strict=True):
        texts[read_check.text] = check.text
    for index, read_index in zip(found.indexes, twice.indexes, strict=True):
        olds, news = (*index.elements, index.where), (*read_index.elements, read_index.where)
        for old, new in zip(olds, news, strict=True):
            if old is not None and new is not None:
                texts[new] = old
    return texts


def is_undecided(run: Run, model: TableFacts, found: TableFacts) -> bool:
    """Return whether Python cannot tell if two tables are the same."""
    rule = run.opts.get("compare_server_default")
    for name, column in model.columns.items():
        other = found.columns.get(name)
        if other is None or (column.type == other.type and column.default == other.default and not column.computed):
            continue
        if _column(run, column, other, rule is not False and not callable(rule)):
            return True
    return _checks(model, found) or _excludes(model, found) or _indexes(model, found)


def _column(run: Run, model: ColumnFacts, found: ColumnFacts, with_default: bool) -> bool:
    both = with_default and model.default is not None and found.default is not None
    if both and not same_default(str(model.default), str(found.default)):
        return True
    if model.computed is not None and found.computed is not None and not sqltext.same(model.computed, found.computed):
        return True
    known = pgtypes.normal_type(model.type)[2]
    return bool(model.type) and not known and not same_type(run, model, found)


def _checks(model: TableFacts, found: TableFacts) -> bool:
    named = {check.name: check for check in found.checks}
    for check in model.checks:
        other = named.get(check.name)
        candidates = found.checks if other is None else (other,)
        if candidates and not any(same_check(check, each) for each in candidates):
            return True
    return False


def _excludes(model: TableFacts, found: TableFacts) -> bool:
    return bool(found.excludes) and any(
        not any(sqltext.same(each.text, other.text) for other in found.excludes) for each in model.excludes
    )


def _indexes(model: TableFacts, found: TableFacts) -> bool:
    named = {index.name: index for index in found.indexes}
    for index in model.indexes:
        other = named.get(index.name)
        if other is None or index.flags != other.flags:
            continue
        texts = zip((*index.elements, index.where), (*other.elements, other.where), strict=True)
        if any(not sqltext.same(left, right) for left, right in texts):
            return True
    return False
