"""Tables that were added, removed or changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyorm.migrations.autogenerate.compare import columns, constraints, custom, indexes
from pyorm.migrations.autogenerate.compare.changes import TableChange
from pyorm.migrations.autogenerate.compare.run import Run, full_name, log, may_drop
from pyorm.migrations.autogenerate.compare.undecided import ask_server
from pyorm.migrations.autogenerate.facts import KeyFacts, TableFacts, TableKey
from pyorm.migrations.autogenerate.objects import bare_column
from pyorm.migrations.autogenerate.order import dependency_order
from pyorm.migrations.operations import ops
from pyorm.migrations.operations.names import chosen_name
from pyorm.schema import conv


def compare_tables(run: Run) -> None:
    """Compare all tables: what both have by its parts, then what one side has alone."""
    added = {key: t for key, t in run.declared.tables.items() if key not in run.found.tables}
    removed = {key: t for key, t in run.found.tables.items() if key not in run.declared.tables}
    added = {key: t for key, t in added.items() if _accepts_added(run, t)}
    removed = {key: t for key, t in removed.items() if not t.partition and _accepts_removed(run, t)}
    both = [key for key in run.declared.tables if key in run.found.tables]
    pairs = [
        (replace(run.declared.tables[key]), run.named_parts(run.found.tables[key]))
        for key in sorted(both, key=lambda key: (key[0] or "", key[1]))
        if _accepts_both(run, key)
    ]
    pairs = ask_server(run, pairs)
    removed = {key: t for key, t in removed.items() if _may_drop(run, t)}
    changes = [_compare_parts(run, model, found) for model, found in pairs]
    _settle_foreign_keys(run, changes, set(removed))
    _create(run, added, {c.key for c in changes if c.changes_keys})
    _drop(run, removed)


# ---- hooks -----------------------------------------------------------------------------------------------------
def _accepts_added(run: Run, table: TableFacts) -> bool:
    return run.accepts(lambda: table.source, table.name, "table", False, None)


def _accepts_removed(run: Run, table: TableFacts) -> bool:
    return run.accepts(lambda: run.objects.table(table.key), table.name, "table", True, None)


def _accepts_both(run: Run, key: TableKey) -> bool:
    source = run.declared.tables[key].source
    return run.accepts(lambda: source, key[1], "table", False, lambda: run.objects.table(key))


def _may_drop(run: Run, table: TableFacts) -> bool:
    """Return whether a table that no model has is dropped; say so if it is not."""
    if may_drop(run, table.key):
        return True
    if getattr(run.context.migration_context, "script", None) or run.opts.get("script"):
        log.warning(
            "Table %r is in the database and in no model, but no migration made it: it is left alone; "
            "give --allow-drop (opts allow_drop=True) to drop it, or leave it out with include_name",
            full_name(table.key),
        )
    return False


# ---- tables that both sides have -------------------------------------------------------------------------------
def _compare_parts(run: Run, model: TableFacts, found: TableFacts) -> TableChange:
    change = TableChange(run, model, found)
    columns.compare_columns(change)
    if run.wants("constraints"):
        constraints.compare_constraints(change)
        indexes.compare_indexes(change)
    if run.wants("comments") and run.is_pg and model.comment != found.comment:
        log.info("Detected table comment %r", full_name(model.key))
        operation: Any = ops.DropTableCommentOp(
            change.name, existing_comment=found.comment, schema=change.schema
        )
        if model.comment is not None:
            operation = ops.CreateTableCommentOp(
                change.name, model.comment, existing_comment=found.comment, schema=change.schema
            )
        change.add("comment", operation)
    custom.dispatch_table(run, model.key, True, model.source)
    return change


def _settle_foreign_keys(run: Run, changes: list[TableChange], removed: set[TableKey]) -> None:
    """Put drops of foreign keys before, and new ones behind, changes of the tables that they lead to."""
    touched = {c.key for c in changes if c.changes_keys}
    for change in changes:
        for operation, target in change.dropped_keys:
            if target in removed or (target in touched and target != change.key):
                run.plan.early(change.key, operation)
            else:
                change.add("drop_fk", operation)
        for operation, target in change.added_keys:
            if target in touched and target != change.key:
                run.plan.late(change.key, operation)
            else:
                change.add("add_fk", operation)


# ---- new tables ------------------------------------------------------------------------------------------------
def _create(run: Run, added: dict[TableKey, TableFacts], touched: set[TableKey]) -> None:
    """Plan the creation of tables; keys of a cycle, and those to a key that is only now made, come late."""
    ordered, late = dependency_order(added.values())
    for table in ordered:
        waiting = [] if not run.is_pg else [
            k for k in table.foreign_keys
            if k in late.get(table.key, ()) or k.target in touched or getattr(k.source, "use_alter", False)
        ]  # fmt: skip
        log.info("Detected added table %r", full_name(table.key))
        run.plan.created.append(_create_op(table, {id(k.source) for k in waiting}))
        made = [ops.CreateIndexOp.from_index(index.source) for index in table.indexes]
        for index in table.indexes:
            names = tuple(getattr(e, "name", None) or str(e) for e in index.source.expressions)
            log.info("Detected added index %r on '%r'", index.name, names)
        if made:
            run.plan.created.append(run.plan.group(table.key, list(made)))
        for key in waiting:
            operation: Any = ops.CreateForeignKeyOp.from_constraint(key.source)
            if key.name is None:
                taken = {k.name for k in table.foreign_keys if k.name is not None}
                operation.constraint_name = conv(chosen_name(table.name, key.columns, "fkey", taken))
            run.plan.late(table.key, operation)
        custom.dispatch_table(run, table.key, False, table.source)


def _create_op(table: TableFacts, left_out: set[int]) -> ops.CreateTableOp:
    """Return the operation that creates a declared table without some of its foreign keys."""
    source = table.source
    operation = ops.CreateTableOp.from_table(source)
    parts: list[Any] = [*table.uniques, *table.foreign_keys, *table.checks, *table.excludes]
    chosen = [p.source for p in parts if id(p.source) not in left_out and not getattr(p, "of_type", False)]
    chosen.sort(key=lambda constraint: constraint._order)
    if len(source.primary_key):
        chosen.insert(0, source.primary_key)
    operation.columns = [*(bare_column(c) for c in source.c if not c.system), *chosen]
    return operation


# ---- tables that go --------------------------------------------------------------------------------------------
def _drop(run: Run, removed: dict[TableKey, TableFacts]) -> None:
    """Plan the drops: indexes, keys of a cycle, then the tables, referring ones first."""
    ordered, late = dependency_order(removed.values())
    cyclic = []
    for table in ordered:
        if run.is_pg:
            for key in late.get(table.key, ()):
                operation = ops.DropConstraintOp.from_constraint(run.objects.part(table.key, key))
                cyclic.append(run.plan.group(table.key, [operation]))
    drops: list[Any] = []
    for table in reversed(ordered):
        log.info("Detected removed table %r", full_name(table.key))
        made = run.objects.table(table.key)
        parts: list[Any] = [ops.DropIndexOp.from_index(run.objects.part(table.key, i)) for i in table.indexes]
        apart: list[Any] = _repeated_keys(table) if run.is_pg else []
        parts += [ops.DropConstraintOp.from_constraint(run.objects.part(table.key, key)) for key in apart]
        if parts:
            drops.append(run.plan.group(table.key, parts))
        drops.append(_drop_op(run, table, made, [*late.get(table.key, ()), *apart] if run.is_pg else []))
        custom.dispatch_table(run, table.key, True, None)
    run.plan.dropped += cyclic + drops


def _repeated_keys(table: TableFacts) -> list[KeyFacts]:
    """Return the keys that say what another one says: CREATE TABLE would make one of them (PostgreSQL)."""
    known = set() if table.primary_key is None else {table.primary_key.content}
    repeated = []
    for key in table.uniques:
        if key.content in known:
            repeated.append(key)
        known.add(key.content)
    return repeated


def _only_inherited(table: TableFacts) -> set[str]:
    """Return the columns that INHERITS brings along and that no key or index of the table's own names."""
    names = {name for name, column in table.columns.items() if column.inherited}
    for part in (*table.uniques, *table.foreign_keys, *([table.primary_key] if table.primary_key else ())):
        names -= set(part.columns)
    return names - {element for index in table.indexes for element in index.elements}


def _drop_op(run: Run, table: TableFacts, made: Any, apart: list[Any]) -> ops.DropTableOp:
    operation = ops.DropTableOp.from_table(made)
    left_out = {id(run.objects.part(table.key, key)) for key in apart}
    left_out |= {id(made.c[name]) for name in _only_inherited(table)}
    operation._reverse.columns = [  # type: ignore[union-attr]
        item for item in operation._reverse.columns if id(item) not in left_out  # type: ignore[union-attr]
    ]
    return operation
