"""A batch on SQLite: what it was told about the table, then its changes, carried out together."""

from __future__ import annotations

import warnings
from typing import Any

from pyorm.migrations.ddl import statements
from pyorm.migrations.operations import rebuild
from pyorm.migrations.operations.changes import Changes
from pyorm.migrations.operations.rebuild import Facts
from pyorm.migrations.operations.tabletext import parse, parse_column, parse_constraint
from pyorm.schema import Column, MetaData, Table, ddl
from pyorm.schema._base import option
from pyorm.schema._ddl_text import DDLText


def flush(impl: Any, batch: Any) -> None:
    """Carry out what a batch has collected.

    Args:
        impl: the SQLiteImpl.
        batch: the BatchOperationsImpl, with the arguments of `batch_alter_table`.
    """
    if batch.copy_from is not None:
        facts = facts_of(impl, batch.copy_from, batch)
    else:
        facts = rebuild.read(impl, batch.table_name, batch.schema)
    recreate = batch.recreate
    if recreate == "auto" and batch._should_recreate():
        recreate = "always"
    changes = Changes(impl, facts, recreate, batch.partial_reordering)
    if batch.reflect_args or batch.reflect_kwargs:
        _correct(impl, changes, batch)
    apply(changes, batch)


def apply(changes: Changes, batch: Any) -> None:
    """Put what a batch has collected into the table's definition, and carry it out."""
    if batch.naming_convention:
        changes.name_unnamed(batch.naming_convention)
    for name, arguments, keywords in batch.batch:
        getattr(changes, name)(*arguments, **keywords)
    _add_table_arguments(changes, batch)
    changes.carry_out()


def facts_of(impl: Any, table: Any, batch: Any) -> Facts:
    """Return what a Table says; on a connection triggers and further indexes are read, and what is left out is told."""
    facts = Facts(str(table.name), batch.schema, parse(ddl.CreateTable(table).compile(dialect=impl.dialect).string))
    for index in sorted(table.indexes, key=lambda i: i._order):
        facts.indexes[str(index.name)] = ddl.CreateIndex(index).compile(dialect=impl.dialect).string
    if not impl.as_sql:
        known = rebuild.read(impl, batch.table_name, batch.schema)
        facts.name, facts.triggers = known.name, known.triggers
        facts.indexes = {**known.indexes, **facts.indexes}
        _warn_of_lost(facts, known)
    return facts


def _warn_of_lost(facts: Facts, known: Facts) -> None:
    """Warn of each constraint that the database has and the Table given as copy_from has not."""
    described = facts.table.clauses()
    names = {clause.name.lower() for _, clause in described if clause.name}
    shapes = [Changes.shape_of(*pair) for pair in described]
    for column, clause in known.table.clauses():
        if clause.kind not in ("check", "unique", "foreignkey") or (clause.name and clause.name.lower() in names):
            continue
        if Changes.shape_of(column, clause) not in shapes:
            what = "Unnamed" if clause.name is None else f"Named ({clause.name})"
            warnings.warn(
                f"{what} constraint {clause.text!r} on table {known.name!r} is being omitted from the table recreate: "
                "the Table given as copy_from does not have it. Leave copy_from away, or put it into table_args.",
                UserWarning,
                stacklevel=2,
            )


def _correct(impl: Any, changes: Changes, batch: Any) -> None:
    """Put the user's columns and constraints in the place of what was read.

    `reflect_kwargs` are arguments of the Table that is read: where its listeners change a column,
    the change is one of the new table.
    """
    render = DDLText(impl.dialect)
    own = Table(batch.table_name, MetaData(), *batch.reflect_args, schema=batch.schema)
    for column in own.c:
        _replace(changes, render, batch, column)
    for constraint in sorted(own.constraints, key=lambda c: c._order):
        if constraint is not own.primary_key and constraint.name is not None:
            changes.table.constraints.append(parse_constraint(render.constraint(constraint)))
    if batch.reflect_kwargs and not impl.as_sql:
        plain = Table(batch.table_name, MetaData(), schema=batch.schema, autoload_with=impl.connection)
        heard = Table(
            batch.table_name, MetaData(), schema=batch.schema, autoload_with=impl.connection, **batch.reflect_kwargs
        )
        for column in heard.c:
            was = plain.c.get(column.name)
            if column.name not in own.c and was is not None and _differ(render, was, column):
                _replace(changes, render, batch, column)


def _differ(render: DDLText, one: Any, other: Any) -> bool:
    return render.column(one) != render.column(other) or other._type_check is not None


def _replace(changes: Changes, render: DDLText, batch: Any, column: Any) -> None:
    """Write a column as a Column says, keeping the keys that stood in its clause."""
    present = changes.table.find(column.name)
    if present is None:
        return
    text = statements.AddColumn(batch.table_name, column, batch.schema, inline_checks=True).clause(render)
    made = parse_column(text)
    kinds = {clause.kind for clause in made.clauses}
    keys = {"primary", "unique", "foreignkey"} - kinds
    made.clauses += [clause for clause in present.clauses if clause.kind in keys]
    made.source = None
    changes.table.columns[changes.table.columns.index(present)] = made


def _add_table_arguments(changes: Changes, batch: Any) -> None:
    """Give the new table the constraints and options that it gets besides."""
    if batch.table_args:
        names = [column.name for column in changes.table.columns]
        columns = [item for item in batch.table_args if isinstance(item, Column)]
        others = [item for item in batch.table_args if not isinstance(item, Column)]
        given = {column.name for column in columns}
        table = Table(
            batch.table_name,
            MetaData(),
            *columns,
            *(Column(name, _no_type()) for name in names if name not in given),
            *others,
            schema=batch.schema,
        )
        for item in others:
            if item in table.constraints and not changes.has(item):
                changes.add_constraint(item)
    if batch.table_kwargs:
        table = Table("t", MetaData(), Column("id", _no_type()), **batch.table_kwargs)
        _set_options(changes, table)


def _no_type() -> Any:
    from pyorm.types import NullType

    return NullType()


def _set_options(changes: Changes, table: Table) -> None:
    """Set AUTOINCREMENT, WITHOUT ROWID and STRICT as the options of a Table ask."""
    column = changes.table.rowid_alias()
    if option(table, "sqlite", "autoincrement") and column is not None:
        changes._remove_key()
        column.put("primary", "PRIMARY KEY AUTOINCREMENT")
        changes.reasons.append("AUTOINCREMENT")
    if any(option(table, "sqlite", name) is not None for name in ("strict", "with_rowid")):
        words = changes.table.options()
        strict = option(table, "sqlite", "strict", "STRICT" in words)
        rowid = option(table, "sqlite", "with_rowid", "WITHOUT" not in words)
        flags = [] if rowid else [" WITHOUT ROWID"]
        flags += [" STRICT"] if strict else []
        changes.table.tail = "\n" + ",\n".join(flags) if flags else ""
        changes.reasons.append("options of the table")
