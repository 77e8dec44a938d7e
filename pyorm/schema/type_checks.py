"""CHECK constraints that a type brings along: `Boolean(create_constraint=True)` and Enum's."""

from __future__ import annotations

from typing import Any

from pyorm import _core
from pyorm.schema.constraints import CheckConstraint, Constraint


class TypeCheck(CheckConstraint):
    """The check of one column's type; written only where the database has no such type of its own.

    Args:
        column: a Column whose type has `create_constraint`.
    """

    def __init__(self, column: Any) -> None:
        """Take name and values from the column's type."""
        Constraint.__init__(self, name=column.type.name, _type_bound=True)
        self.parent = column
        self._is_enum = hasattr(column.type, "enums")

    @property
    def sqltext(self) -> Any:
        """`column IN (…)`, made when it is asked for: the column may get its name late."""
        values = self.parent.type.enums if self._is_enum else (0, 1)
        return _core.column(self.parent.name).in_([_core.literal(v) for v in values])

    def _applies_to(self, dialect: Any) -> bool:
        if self._is_enum:
            return not (self.parent.type.native_enum and dialect.supports_native_enum)
        return bool(dialect.name == "sqlite")


def add_type_check(column: Any) -> None:
    """Give the column the check of its type."""
    column._type_check = TypeCheck(column)
