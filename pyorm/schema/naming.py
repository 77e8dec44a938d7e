"""Naming conventions: constraint names from templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyorm import exc
from pyorm.schema._base import conv
from pyorm.schema.constraints import (
    CheckConstraint,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    UniqueConstraint,
)
from pyorm.schema.indexes import Index

_KINDS: dict[type, str] = {
    Index: "ix",
    PrimaryKeyConstraint: "pk",
    CheckConstraint: "ck",
    UniqueConstraint: "uq",
    ForeignKeyConstraint: "fk",
}


def constraint_name(constraint: Any, table: Any, convention: Mapping[Any, Any]) -> str | None:
    """Return the constraint's full name after the convention.

    Args:
        constraint: a constraint or an index.
        table: the table it belongs to.
        convention: templates by kind ("ix", "uq", "ck", "fk", "pk") or by class; callables for own tokens.

    Returns:
        The name, marked as final; None where the convention has no template for its kind, or where the template
        asks for the constraint's own name and it has none.

    Raises:
        InvalidRequestError: a token that does not exist.
    """
    template = None
    for cls in type(constraint).__mro__:
        if cls in convention:
            template = convention[cls]
        elif _KINDS.get(cls) in convention:
            template = convention[_KINDS[cls]]
        if template is not None:
            break
    if template is None:
        return None
    if constraint.name is not None and "constraint_name" not in template:
        return None
    if constraint.name is None and "constraint_name" in template:
        if isinstance(constraint, CheckConstraint):
            return None
        raise exc.InvalidRequestError(
            f"Naming convention including %(constraint_name)s token requires that constraint is explicitly named "
            f"(a {type(constraint).__name__} of table '{table.description}' has no name)"
        )
    return conv(template % _Tokens(constraint, table, convention))


class _Tokens(Mapping[str, Any]):
    """The values of the tokens of one constraint, worked out as the template asks for them."""

    def __init__(self, constraint: Any, table: Any, convention: Mapping[Any, Any]) -> None:
        self._constraint, self._table, self._convention = constraint, table, convention

    def __getitem__(self, token: str) -> Any:
        if token in self._convention and callable(self._convention[token]):
            return self._convention[token](self._constraint, self._table)
        if token == "table_name":
            return self._table.name
        if token == "constraint_name":
            return self._constraint.name
        if token.startswith("referred_"):
            return self._referred(token)
        if token.startswith("column_"):
            return self._column(token)
        raise exc.InvalidRequestError(
            f"Naming convention token %({token})s does not exist; tokens are table_name, constraint_name, "
            "referred_table_name, column_0_name, column_0_key, column_0_label, column_0N_name, column_0_N_name and "
            "callables of the convention"
        )

    def _referred(self, token: str) -> str:
        element = self._constraint.elements[0]
        if token == "referred_table_name":
            return str(element._tokens()[1] if isinstance(element._target, str) else element.column.table.name)
        names = []
        for fk in self._constraint.elements:
            names.append(str((fk._tokens()[2] if isinstance(fk._target, str) else None) or fk.column.name))
        return self._pick(token.removeprefix("referred_"), names)

    def _column(self, token: str) -> str:
        kind = token.rpartition("_")[2]
        columns = self._constraint.expressions if isinstance(self._constraint, Index) else self._columns()
        names = []
        for column in columns:
            name = str(getattr(column, "key" if kind == "key" else "name", None) or "expr")
            names.append(f"{self._table.name}_{name}" if kind == "label" else name)
        return self._pick(token, names)

    def _columns(self) -> list[Any]:
        if isinstance(self._constraint, CheckConstraint):
            from pyorm.schema.constraints import columns_in

            parent = self._constraint.parent
            return list(columns_in(self._constraint.sqltext)) or ([parent] if hasattr(parent, "key") else [])
        return list(self._constraint)

    @staticmethod
    def _pick(token: str, names: list[str]) -> str:
        """Choose one name (`column_2_name`) or all (`column_0N_name`, `column_0_N_name`)."""
        number = token.split("_", 1)[1].rpartition("_")[0]
        if number == "0N":
            return "".join(names)
        if number == "0_N":
            return "_".join(names)
        if not number.isdigit() or int(number) >= len(names):
            raise exc.InvalidRequestError(f"Naming convention token %({token})s names a column that does not exist")
        return names[int(number)]

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0
