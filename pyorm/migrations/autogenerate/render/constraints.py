"""The source code of constraints and indexes: inside create_table, and as operations of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyorm.migrations.autogenerate.render import values
from pyorm.migrations.autogenerate.render.dispatch import renderers
from pyorm.migrations.operations import ops
from pyorm.migrations.util.messaging import warn
from pyorm.schema import CheckConstraint, ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

if TYPE_CHECKING:
    from pyorm.migrations.autogenerate.api import AutogenContext

_UNNAMED = (
    "# WARNING: constraint name is None; this directive will fail as it stands.",
    "# Give the name that the constraint has in the database, or use a naming convention.",
)
_REFERENCE_OPTIONS = ("onupdate", "ondelete", "initially", "deferrable", "use_alter", "match")


def inside_table(constraint: Any, context: AutogenContext) -> str | None:
    """Return the source of a constraint inside create_table; None where it is not written there."""
    kind = _kind(constraint)
    own = context.render_item(kind, constraint)
    if own is not None:
        return own or None
    if isinstance(constraint, PrimaryKeyConstraint):
        return _columns("PrimaryKeyConstraint", constraint, context) if len(constraint.columns) else None
    if isinstance(constraint, UniqueConstraint):
        return _columns("UniqueConstraint", constraint, context)
    if isinstance(constraint, ForeignKeyConstraint):
        return _foreign_key(constraint, context)
    if isinstance(constraint, CheckConstraint):
        return None if getattr(constraint, "_type_bound", False) else _check(constraint, context)
    if kind == "exclude_constraint":
        return _exclude(constraint, context)
    return None


def _kind(constraint: Any) -> str:
    if isinstance(constraint, PrimaryKeyConstraint):
        return "primary_key"
    if isinstance(constraint, UniqueConstraint):
        return "unique_constraint"
    if isinstance(constraint, ForeignKeyConstraint):
        return "foreign_key"
    if isinstance(constraint, CheckConstraint):
        return "check"
    return "exclude_constraint"


def _named(constraint: Any, context: AutogenContext) -> list[str]:
    shown = [f"name={values.name(constraint.name, context)}"] if constraint.name is not None else []
    shown += [
        f"{option}={getattr(constraint, option)!r}"
        for option in ("deferrable", "initially")
        if getattr(constraint, option, None) is not None
    ]
    return shown + values.options(getattr(constraint, "dialect_kwargs", {}), context)


def _columns(cls: str, constraint: Any, context: AutogenContext) -> str:
    shown = [values.identifier(column.name) for column in constraint.columns] + _named(constraint, context)
    return f"{values.prefix(context)}{cls}({', '.join(shown)})"


def _check(constraint: Any, context: AutogenContext) -> str:
    shown = [repr(values.escaped(values.sql_of(constraint.sqltext, context))), *_named(constraint, context)]
    return f"{values.prefix(context)}CheckConstraint({', '.join(shown)})"


def _foreign_key(constraint: Any, context: AutogenContext) -> str:
    local = [str(column.name) for column in constraint.columns]
    remote = [str(element.target_fullname) for element in constraint.elements]
    shown = [repr(local), repr(remote)]
    if constraint.name is not None:
        shown.append(f"name={values.name(constraint.name, context)}")
    shown += _reference_options(constraint)
    shown += values.options(getattr(constraint, "dialect_kwargs", {}), context)
    return f"{values.prefix(context)}ForeignKeyConstraint({', '.join(shown)})"


def column_reference(key: Any, context: AutogenContext) -> str:
    """Return `sa.ForeignKey("users.id", …)`, as it stands inside a column that is added."""
    shown = [repr(str(key.target_fullname))]
    constraint = key.constraint if key.constraint is not None else key
    if constraint.name is not None:
        shown.append(f"name={values.name(constraint.name, context)}")
    shown += _reference_options(constraint)
    return f"{values.prefix(context)}ForeignKey({', '.join(shown)})"


def _reference_options(constraint: Any) -> list[str]:
    return [
        f"{option}={getattr(constraint, option)!r}"
        for option in _REFERENCE_OPTIONS
        if getattr(constraint, option, None) not in (None, False)
        or (option == "deferrable" and getattr(constraint, option, None) is False)
    ]


def _exclude_elements(elements: Any, context: AutogenContext) -> list[str]:
    shown = []
    for expression, operator in elements:
        if isinstance(expression, str):
            shown.append(f"({expression!r}, {operator!r})")
        elif getattr(expression, "table", None) is not None:
            shown.append(f"({str(expression.name)!r}, {operator!r})")
        else:
            shown.append(f"({values.expression(expression, context)}, {operator!r})")
    return shown


def _exclude_options(constraint: Any, context: AutogenContext) -> list[str]:
    shown = []
    if constraint.where is not None:
        shown.append(f"where={values.expression(constraint.where, context)}")
    if constraint.using:
        shown.append(f"using={str(constraint.using)!r}")
    if getattr(constraint, "ops", None):
        shown.append(f"ops={dict(constraint.ops)!r}")
    return shown


def _exclude(constraint: Any, context: AutogenContext) -> str:
    context.imports.add(f"from {context.library_name}.dialects import postgresql")
    shown = [*_exclude_elements(constraint.elements, context), *_exclude_options(constraint, context)]
    return f"postgresql.ExcludeConstraint({', '.join([*shown, *_named(constraint, context)])})"


def _call(method: str, shown: list[str], op: Any, context: AutogenContext) -> str:
    if op.schema and not context.in_batch:
        shown.append(f"schema={values.identifier(op.schema)}")
    return f"{values.operation(context)}{method}({', '.join(shown)})"


def _table(op: Any, context: AutogenContext) -> list[str]:
    return [] if context.in_batch else [values.identifier(op.table_name)]


@renderers.dispatch_for(ops.CreatePrimaryKeyOp)
@renderers.dispatch_for(ops.CreateUniqueConstraintOp)
def create_key(context: AutogenContext, op: Any) -> str:
    """Return `op.create_unique_constraint("name", "table", ["column"])`, or that of a primary key."""
    method = "create_primary_key" if op.constraint_type == "primary" else "create_unique_constraint"
    columns = [str(column) for column in op.columns]
    shown = [values.name(op.constraint_name, context), *_table(op, context), repr(columns)]
    return _call(method, shown + values.options(op.kw, context), op, context)


@renderers.dispatch_for(ops.CreateForeignKeyOp)
def create_foreign_key(context: AutogenContext, op: ops.CreateForeignKeyOp) -> str:
    """Return `op.create_foreign_key("name", "source", "referent", ["a"], ["b"], ondelete=…)`."""
    shown = [
        values.name(op.constraint_name, context),
        *_table(op, context),
        values.identifier(op.referent_table),
        repr([str(column) for column in op.local_cols]),
        repr([str(column) for column in op.remote_cols]),
    ]
    kw = dict(op.kw)
    for option in ("source_schema", "referent_schema", *_REFERENCE_OPTIONS):
        value = kw.pop(option, None)
        if value is not None and value is not False and not (option == "source_schema" and context.in_batch):
            shown.append(f"{option}={value!r}" if not isinstance(value, str) else f"{option}={str(value)!r}")
    shown += values.options(kw, context)
    return f"{values.operation(context)}create_foreign_key({', '.join(shown)})"


@renderers.dispatch_for(ops.CreateCheckConstraintOp)
def create_check_constraint(context: AutogenContext, op: ops.CreateCheckConstraintOp) -> str:
    """Return `op.create_check_constraint("name", "table", "condition")`."""
    condition = repr(values.escaped(values.sql_of(op.condition, context)))
    shown = [values.name(op.constraint_name, context), *_table(op, context), condition]
    return _call("create_check_constraint", shown + values.options(op.kw, context), op, context)


@renderers.dispatch_for(ops.CreateExcludeConstraintOp)
def create_exclude_constraint(context: AutogenContext, op: ops.CreateExcludeConstraintOp) -> str:
    """Return `op.create_exclude_constraint("name", "table", (column, operator), …)`."""
    constraint: Any = op.to_constraint(context.migration_context)
    shown = [values.name(op.constraint_name, context), *_table(op, context)]
    shown += [*_exclude_elements(op.elements, context), *_exclude_options(constraint, context)]
    shown += values.options({key: op.kw.get(key) for key in ("deferrable", "initially")}, context)
    return _call("create_exclude_constraint", shown, op, context)


@renderers.dispatch_for(ops.DropConstraintOp)
def drop_constraint(context: AutogenContext, op: ops.DropConstraintOp) -> list[str]:
    """Return `op.drop_constraint("name", "table", type_="…")`, below a warning where there is no name."""
    shown = [values.name(op.constraint_name, context), *_table(op, context)]
    if op.constraint_type:
        shown.append(f"type_={op.constraint_type!r}")
    if op.if_exists is not None:
        shown.append(f"if_exists={op.if_exists!r}")
    line = _call("drop_constraint", shown, op, context)
    if op.constraint_name is not None:
        return [line]
    warn(
        f"Autogenerate rendered a drop_constraint() directive for an unnamed constraint on table '{op.table_name}'; "
        "the migration will fail unless a constraint name is added to the directive: the one it has in the database. "
        "With a naming convention names are known beforehand."
    )
    return [*_UNNAMED, line]


@renderers.dispatch_for(ops.RenameConstraintOp)
def rename_constraint(context: AutogenContext, op: ops.RenameConstraintOp) -> str:
    """Return `op.rename_constraint("old", "new", "table")`."""
    shown = [values.identifier(op.old_name), values.identifier(op.new_name), *_table(op, context)]
    return _call("rename_constraint", shown, op, context)


@renderers.dispatch_for(ops.CreateIndexOp)
def create_index(context: AutogenContext, op: ops.CreateIndexOp) -> str:
    """Return `op.create_index("name", "table", ["column", expression], unique=…)`."""
    index = op.to_index(context.migration_context)
    elements = ", ".join(_index_element(element, context) for element in index.expressions)
    shown = [values.name(index.name, context), *_table(op, context), f"[{elements}]", f"unique={bool(index.unique)!r}"]
    if op.if_not_exists is not None:
        shown.append(f"if_not_exists={op.if_not_exists!r}")
    return _call("create_index", shown + values.options(op.kw, context), op, context)


def _index_element(element: Any, context: AutogenContext) -> str:
    if isinstance(element, str):
        return repr(str(element))
    if getattr(element, "table", None) is not None and getattr(element, "name", None) is not None:
        return values.identifier(element.name)
    return values.expression(element, context, "literal_column")


@renderers.dispatch_for(ops.DropIndexOp)
def drop_index(context: AutogenContext, op: ops.DropIndexOp) -> str:
    """Return `op.drop_index("name", table_name="table")`."""
    shown = [values.name(op.index_name, context)]
    if op.table_name and not context.in_batch:
        shown.append(f"table_name={values.identifier(op.table_name)}")
    if op.if_exists is not None:
        shown.append(f"if_exists={op.if_exists!r}")
    kept = {key: value for key, value in op.kw.items() if key.endswith("_concurrently")}
    return _call("drop_index", shown + values.options(kept, context), op, context)


@renderers.dispatch_for(ops.RenameIndexOp)
def rename_index(context: AutogenContext, op: ops.RenameIndexOp) -> str:
    """Return `op.rename_index("old", "new", "table")`."""
    shown = [values.identifier(op.old_name), values.identifier(op.new_name)]
    if op.table_name and not context.in_batch:
        shown.append(values.identifier(op.table_name))
    return _call("rename_index", shown, op, context)
