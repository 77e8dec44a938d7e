"""Operations on constraints: add each kind, drop, rename."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pyorm.migrations.operations import schemaobj
from pyorm.migrations.operations.op_base import MigrateOperation
from pyorm.schema import (
    CheckConstraint,
    Column,
    Constraint,
    ForeignKeyConstraint,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from pyorm.types import NullType


class AddConstraintOp(MigrateOperation):
    """What the operations that add a constraint share; `from_constraint` chooses among them."""

    constraint_type: ClassVar[str] = ""
    constraint_name: str | None
    table_name: str
    schema: str | None

    @classmethod
    def from_constraint(cls, constraint: Constraint) -> AddConstraintOp:
        """Return the operation that adds `constraint`.

        Raises:
            ValueError: no operation adds constraints of that kind.
        """
        for kind, operation in _KINDS:
            if isinstance(constraint, kind):
                return operation._from(constraint)
        if getattr(constraint, "__visit_name__", "") == "exclude_constraint":
            return CreateExcludeConstraintOp._from(constraint)
        raise ValueError(f"no operation adds a {type(constraint).__name__}")

    @classmethod
    def _from(cls, constraint: Any) -> AddConstraintOp:
        raise NotImplementedError

    def to_constraint(self, migration_context: Any = None) -> Constraint:
        """Return the constraint: the one it was made from, or one on a table of its own."""
        raise NotImplementedError

    def reverse(self) -> DropConstraintOp:
        """Return the operation that drops the constraint."""
        return DropConstraintOp(
            self.constraint_name, self.table_name, self.constraint_type, schema=self.schema, _reverse=self
        )

    def to_diff_tuple(self) -> tuple[str, Constraint]:
        """Return `("add_constraint", constraint)`."""
        return ("add_constraint", self.to_constraint())


class _CreateKeyOp(AddConstraintOp):
    """What a primary key and a unique constraint have in common: a name and columns in order."""

    def __init__(
        self,
        constraint_name: str | None,
        table_name: str,
        columns: Sequence[str],
        *,
        schema: str | None = None,
        **kw: Any,
    ) -> None:
        self.constraint_name = constraint_name
        self.table_name = table_name
        self.columns = list(columns)
        self.schema = schema
        self.kw = kw

    @classmethod
    def _from(cls, constraint: Any) -> AddConstraintOp:
        table = _table_of(constraint)
        columns = [column.name for column in constraint.columns]
        options = {**_timing(constraint), **constraint.dialect_kwargs}
        return cls(constraint.name, table.name, columns, schema=table.schema, **options)


class CreatePrimaryKeyOp(_CreateKeyOp):
    """Add a primary key.

    Args:
        constraint_name: its name; None lets the database choose.
        table_name: the table's name.
        columns: names of its columns, in order.
        schema: the table's schema.
        kw: `deferrable`, `initially` and options of a dialect.
    """

    constraint_type = "primary"

    def to_constraint(self, migration_context: Any = None) -> PrimaryKeyConstraint:
        """Return the PrimaryKeyConstraint, on a table of its own."""
        return schemaobj.key(
            PrimaryKeyConstraint,
            self.constraint_name,
            self.table_name,
            self.columns,
            migration_context,
            self.schema,
            **self.kw,
        )


class CreateUniqueConstraintOp(_CreateKeyOp):
    """Add a unique constraint.

    Args:
        constraint_name: its name; None lets the database choose.
        table_name: the table's name.
        columns: names of its columns, in order.
        schema: the table's schema.
        kw: `deferrable`, `initially` and options of a dialect.
    """

    constraint_type = "unique"

    def to_constraint(self, migration_context: Any = None) -> UniqueConstraint:
        """Return the UniqueConstraint, on a table of its own."""
        return schemaobj.key(
            UniqueConstraint,
            self.constraint_name,
            self.table_name,
            self.columns,
            migration_context,
            self.schema,
            **self.kw,
        )


class CreateForeignKeyOp(AddConstraintOp):
    """Add a foreign key.

    Args:
        constraint_name: its name; None lets the database choose.
        source_table: the table that refers.
        referent_table: the table it refers to.
        local_cols: names of the referring columns, in order.
        remote_cols: names of the columns they refer to, in the same order.
        kw: `onupdate`, `ondelete`, `deferrable`, `initially`, `match`, `source_schema`,
            `referent_schema` and options of a dialect.
    """

    constraint_type = "foreignkey"

    def __init__(
        self,
        constraint_name: str | None,
        source_table: str,
        referent_table: str,
        local_cols: Sequence[str],
        remote_cols: Sequence[str],
        **kw: Any,
    ) -> None:
        self.constraint_name = constraint_name
        self.source_table = source_table
        self.referent_table = referent_table
        self.local_cols = list(local_cols)
        self.remote_cols = list(remote_cols)
        self.kw = kw

    @property
    def table_name(self) -> str:  # type: ignore[override]
        """The table that refers."""
        return self.source_table

    @property
    def schema(self) -> str | None:  # type: ignore[override]
        """The schema of the table that refers."""
        return self.kw.get("source_schema")

    @classmethod
    def _from(cls, constraint: ForeignKeyConstraint) -> CreateForeignKeyOp:
        table = _table_of(constraint)
        targets = [element.target_fullname.split(".") for element in constraint.elements]
        kw: dict[str, Any] = {
            name: getattr(constraint, name)
            for name in ("onupdate", "ondelete", "initially", "deferrable", "use_alter", "match")
            if getattr(constraint, name, None)
        }
        return cls(
            constraint.name,
            table.name,
            targets[0][-2],
            [column.name for column in constraint.columns],
            [target[-1] for target in targets],
            source_schema=table.schema,
            referent_schema=".".join(targets[0][:-2]) or None,
            **kw,
            **dict(constraint.dialect_kwargs),
        )

    def to_constraint(self, migration_context: Any = None) -> ForeignKeyConstraint:
        """Return the ForeignKeyConstraint, between two tables of its own."""
        return schemaobj.foreign_key(
            self.constraint_name,
            self.source_table,
            self.referent_table,
            self.local_cols,
            self.remote_cols,
            migration_context,
            **self.kw,
        )

    def to_diff_tuple(self) -> tuple[str, Constraint]:
        """Return `("add_fk", constraint)`."""
        return ("add_fk", self.to_constraint())


class CreateCheckConstraintOp(AddConstraintOp):
    """Add a check.

    Args:
        constraint_name: its name; None lets the database choose.
        table_name: the table's name.
        condition: what must hold, as text or expression.
        schema: the table's schema.
        kw: `deferrable`, `initially` and options of a dialect.
    """

    constraint_type = "check"

    def __init__(
        self, constraint_name: str | None, table_name: str, condition: Any, *, schema: str | None = None, **kw: Any
    ) -> None:
        self.constraint_name = constraint_name
        self.table_name = table_name
        self.condition = condition
        self.schema = schema
        self.kw = kw

    @classmethod
    def _from(cls, constraint: CheckConstraint) -> CreateCheckConstraintOp:
        table = _table_of(constraint)
        return cls(
            constraint.name,
            table.name,
            constraint.sqltext,
            schema=table.schema,
            **_timing(constraint),
            **dict(constraint.dialect_kwargs),
        )

    def to_constraint(self, migration_context: Any = None) -> CheckConstraint:
        """Return the CheckConstraint, on a table of its own."""
        return schemaobj.check(
            self.constraint_name, self.table_name, self.condition, migration_context, self.schema, **self.kw
        )


class CreateExcludeConstraintOp(AddConstraintOp):
    """Add an EXCLUDE constraint (PostgreSQL).

    Args:
        constraint_name: its name; None lets the database choose.
        table_name: the table's name.
        elements: pairs of a column or expression and an operator.
        where: the predicate of the rows it holds for.
        schema: the table's schema.
        kw: `using`, `ops`, `deferrable`, `initially`.
    """

    constraint_type = "exclude"

    def __init__(
        self,
        constraint_name: str | None,
        table_name: str,
        elements: Sequence[tuple[Any, str]],
        where: Any = None,
        schema: str | None = None,
        _orig_constraint: Any = None,
        **kw: Any,
    ) -> None:
        self.constraint_name = constraint_name
        self.table_name = table_name
        self.elements = list(elements)
        self.where = where
        self.schema = schema
        self._orig_constraint = _orig_constraint
        self.kw = kw

    @classmethod
    def _from(cls, constraint: Any) -> CreateExcludeConstraintOp:
        table = _table_of(constraint)
        kw: dict[str, Any] = {"using": constraint.using, **_timing(constraint)}
        if getattr(constraint, "ops", None):
            kw["ops"] = dict(constraint.ops)
        return cls(
            constraint.name,
            table.name,
            list(constraint.elements),
            where=constraint.where,
            schema=table.schema,
            _orig_constraint=constraint,
            **kw,
        )

    def to_constraint(self, migration_context: Any = None) -> Constraint:
        """Return the ExcludeConstraint: the one it was made from, or one on a table of its own."""
        from pyorm.dialects.postgresql import ExcludeConstraint

        if self._orig_constraint is not None:
            return self._orig_constraint  # type: ignore[no-any-return]
        names = dict.fromkeys(element for element, _operator in self.elements if isinstance(element, str))
        table = Table(self.table_name, MetaData(), *(Column(name, NullType()) for name in names), schema=self.schema)
        constraint = ExcludeConstraint(*self.elements, name=self.constraint_name, where=self.where, **self.kw)
        table.append_constraint(constraint)
        del migration_context
        return constraint  # type: ignore[no-any-return]


class DropConstraintOp(MigrateOperation):
    """Drop a constraint.

    Args:
        constraint_name: its name.
        table_name: the table's name.
        type_: "foreignkey", "primary", "unique", "check" or "exclude"; SQLite finds the constraint without it.
        schema: the table's schema.
        if_exists: whether nothing happens where there is no such constraint.
    """

    def __init__(
        self,
        constraint_name: str | None,
        table_name: str,
        type_: str | None = None,
        *,
        schema: str | None = None,
        if_exists: bool | None = None,
        _reverse: AddConstraintOp | None = None,
    ) -> None:
        self.constraint_name = constraint_name
        self.table_name = table_name
        self.constraint_type = type_
        self.schema = schema
        self.if_exists = if_exists
        self._reverse = _reverse

    @classmethod
    def from_constraint(cls, constraint: Constraint) -> DropConstraintOp:
        """Return the operation that drops `constraint` and knows how to add it again."""
        return AddConstraintOp.from_constraint(constraint).reverse()

    def to_constraint(self) -> Constraint:
        """Return the constraint it was made from.

        Raises:
            ValueError: a script named it only.
        """
        return self.reverse().to_constraint()

    def reverse(self) -> AddConstraintOp:
        """Return the operation that adds the constraint again.

        Raises:
            ValueError: the operation knows the constraint's name only.
        """
        if self._reverse is None:
            raise ValueError("constraint cannot be produced; original constraint is not present")
        return self._reverse

    def to_diff_tuple(self) -> tuple[str, Constraint]:
        """Return `("remove_fk", constraint)` for a foreign key, `("remove_constraint", constraint)` else."""
        verb = "remove_fk" if self.constraint_type == "foreignkey" else "remove_constraint"
        return (verb, self.to_constraint())


class RenameConstraintOp(MigrateOperation):
    """Rename a constraint.

    Args:
        old_name: its name.
        new_name: its name afterwards.
        table_name: the table's name.
        schema: the table's schema.
    """

    def __init__(self, old_name: str, new_name: str, table_name: str, *, schema: str | None = None) -> None:
        self.old_name = old_name
        self.new_name = new_name
        self.table_name = table_name
        self.schema = schema

    def reverse(self) -> RenameConstraintOp:
        """Return the operation that gives the old name back."""
        return RenameConstraintOp(self.new_name, self.old_name, self.table_name, schema=self.schema)

    def to_diff_tuple(self) -> tuple[str, str | None, str, str, str]:
        """Return `("rename_constraint", schema, table name, old, new)`."""
        return ("rename_constraint", self.schema, self.table_name, self.old_name, self.new_name)


def _table_of(constraint: Any) -> Any:
    table = getattr(constraint, "table", None)
    if table is None:
        raise ValueError(f"{type(constraint).__name__} {constraint.name!r} belongs to no table")
    return table


def _timing(constraint: Any) -> dict[str, Any]:
    """Return `deferrable` and `initially`, those that are set."""
    return {
        name: getattr(constraint, name)
        for name in ("deferrable", "initially")
        if getattr(constraint, name, None) is not None
    }


_KINDS: list[tuple[type[Any], type[AddConstraintOp]]] = [
    (PrimaryKeyConstraint, CreatePrimaryKeyOp),
    (UniqueConstraint, CreateUniqueConstraintOp),
    (ForeignKeyConstraint, CreateForeignKeyOp),
    (CheckConstraint, CreateCheckConstraintOp),
]
