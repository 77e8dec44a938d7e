"""Tables, columns and constraints made of names: what an operation needs before SQL is written.

A script names things (`op.create_foreign_key("fk", "posts", "users", ["author_id"], ["id"])`),
SQL is written of schema objects. Each function here makes one object in a MetaData of its own, so
that nothing of it is ever seen by the program's own tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pyorm.schema import (
    CheckConstraint,
    Column,
    Constraint,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from pyorm.types import Integer, NullType

if TYPE_CHECKING:
    from pyorm.migrations.runtime.migration import MigrationContext

_Key = TypeVar("_Key", PrimaryKeyConstraint, UniqueConstraint)


def metadata_for(migration_context: MigrationContext | None) -> MetaData:
    """Return a new MetaData with the naming convention of the migration's target metadata."""
    target = None if migration_context is None else migration_context.opts.get("target_metadata")
    first = target[0] if isinstance(target, (list, tuple)) and target else target
    convention = getattr(first, "naming_convention", None)
    return MetaData(naming_convention=convention) if convention else MetaData()


def table(
    name: str, *columns: Any, migration_context: MigrationContext | None = None, schema: str | None = None, **kw: Any
) -> Table:
    """Return a Table in a MetaData of its own.

    Columns and constraints that belong to a table already are copied. Tables that a foreign key
    refers to are made beside it, with the columns it names, so that the key can be written.
    """
    metadata = metadata_for(migration_context)
    items = [copied(item) for item in columns]
    made = Table(name, metadata, *items, schema=schema, **kw)
    for constraint in made.foreign_key_constraints:
        for element in constraint.elements:
            _ensure_target(metadata, element.target_fullname, schema)
    return made


def copied(item: Any) -> Any:
    """Return a copy of a Column or Constraint that has a table already, and anything else as it is."""
    if getattr(item, "table", None) is not None and hasattr(item, "_copy"):
        return item._copy()
    return item


def without_constraints(item: Any) -> Any:
    """Return a copy of a Column without the keys and checks declared on it, and anything else as it is."""
    if not isinstance(item, Column):
        return item
    copy = item._copy()
    copy.foreign_keys = frozenset()
    copy.constraints = type(copy.constraints)()
    copy.index = copy.unique = None
    return copy


def _ensure_target(metadata: MetaData, target: str, schema: str | None) -> None:
    names = target.split(".")
    column, name = names[-1], names[-2]
    where = ".".join(names[:-2]) or None
    key = name if where is None else f"{where}.{name}"
    known = metadata.tables.get(key)
    if known is None:
        Table(name, metadata, Column(column, NullType()), schema=where)
    elif column not in known.c:
        known.append_column(Column(column, NullType()))


def column(name: str, type_: Any = None, **kw: Any) -> Column:
    """Return a Column without a table."""
    return Column(name, NullType() if type_ is None else type_, **kw)


def key(
    kind: type[_Key],
    name: str | None,
    table_name: str,
    columns: Sequence[str],
    migration_context: Any = None,
    schema: str | None = None,
    **kw: Any,
) -> _Key:
    """Return a primary key or unique constraint, as `kind` says, on a table of its own."""
    metadata = metadata_for(migration_context)
    made = Table(table_name, metadata, *(Column(column, NullType()) for column in columns), schema=schema)
    constraint = kind(*(made.c[column] for column in columns), name=name, **kw)
    made.append_constraint(constraint)
    return constraint


def check(
    name: str | None,
    table_name: str,
    condition: Any,
    migration_context: Any = None,
    schema: str | None = None,
    **kw: Any,
) -> CheckConstraint:
    """Return a CheckConstraint on a table of its own."""
    made = Table(table_name, metadata_for(migration_context), Column("x", Integer()), schema=schema)
    constraint = CheckConstraint(condition, name=name, **kw)
    made.append_constraint(constraint)
    return constraint


def foreign_key(
    name: str | None,
    source: str,
    referent: str,
    local_cols: Sequence[str],
    remote_cols: Sequence[str],
    migration_context: Any = None,
    source_schema: str | None = None,
    referent_schema: str | None = None,
    **kw: Any,
) -> ForeignKeyConstraint:
    """Return a ForeignKeyConstraint between two tables of its own."""
    metadata = metadata_for(migration_context)
    same = source == referent and source_schema == referent_schema
    own = list(dict.fromkeys([*local_cols, *remote_cols])) if same else list(dict.fromkeys(local_cols))
    made = Table(source, metadata, *(Column(key, NullType()) for key in own), schema=source_schema)
    if not same:
        Table(
            referent, metadata, *(Column(key, NullType()) for key in dict.fromkeys(remote_cols)), schema=referent_schema
        )
    prefix = referent if referent_schema is None else f"{referent_schema}.{referent}"
    constraint = ForeignKeyConstraint(list(local_cols), [f"{prefix}.{key}" for key in remote_cols], name=name, **kw)
    made.append_constraint(constraint)
    return constraint


def index(
    name: str | None,
    table_name: str,
    columns: Iterable[Any],
    migration_context: Any = None,
    schema: str | None = None,
    **kw: Any,
) -> Index:
    """Return an Index on a table of its own; an element is a column's name or an expression."""
    made = Table(table_name, metadata_for(migration_context), schema=schema)
    elements: list[Any] = []
    for element in columns:
        if isinstance(element, str):
            if element not in made.c:
                made.append_column(Column(element, NullType()))
            elements.append(made.c[element])
        else:
            elements.append(element)
    return Index(name, *elements, _table=made, **kw)


def any_constraint(
    name: str | None, table_name: str, type_: str | None, *, schema: str | None = None, original: Any = None
) -> Any:
    """Return a constraint known by its name, on a table of its own, to drop it.

    Args:
        name: its name.
        table_name: the table's name.
        type_: "foreignkey", "primary", "unique", "check", "exclude" or None.
        schema: the table's schema.
        original: the AddConstraintOp that made it, where it is known: the constraint is then whole.

    Raises:
        TypeError: an unknown kind.
    """
    if original is not None:
        return original.to_constraint()
    made = Table(table_name, MetaData(), schema=schema)
    kinds: dict[str | None, Any] = {
        "foreignkey": lambda: ForeignKeyConstraint([], [], name=name),
        "primary": lambda: PrimaryKeyConstraint(name=name),
        "unique": lambda: UniqueConstraint(name=name),
        "check": lambda: CheckConstraint("", name=name),
        "exclude": lambda: Constraint(name=name),
        None: lambda: Constraint(name=name),
    }
    if type_ not in kinds:
        known = ", ".join(sorted(repr(kind) for kind in kinds if kind))
        raise TypeError(f"'type' can be one of {known}, None; got {type_!r}")
    constraint = kinds[type_]()
    constraint.table = made
    return constraint


def conventional_name(table_name: str, convention: Any, column: Any, clause: Any) -> str | None:
    """Return the name that a naming convention gives to a constraint known by its text, or None.

    Args:
        table_name: the table's name.
        convention: the naming convention.
        column: the ColumnText it stands in, or None.
        clause: the Clause.
    """
    names = list(clause.columns) if column is None else [column.name]
    metadata = MetaData(naming_convention=convention)
    made = Table(table_name, metadata, *(Column(name, NullType()) for name in dict.fromkeys(names)))
    constraint: Any
    if clause.kind == "primary":
        constraint = PrimaryKeyConstraint(*(made.c[name] for name in names))
    elif clause.kind == "unique":
        constraint = UniqueConstraint(*(made.c[name] for name in names))
    elif clause.kind == "check":
        constraint = CheckConstraint("x")
    else:
        if clause.target.lower() != table_name.lower():
            Table(clause.target, metadata, *(Column(name, NullType()) for name in clause.referred))
        referred = clause.referred or names
        constraint = ForeignKeyConstraint(names, [f"{clause.target}.{name}" for name in referred])
    if constraint.table is None:
        made.append_constraint(constraint)
    return None if constraint.name is None else str(constraint.name)
