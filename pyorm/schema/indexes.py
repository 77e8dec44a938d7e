"""`Index`: an index of a table."""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc
from pyorm.schema._base import conv, quoted_name
from pyorm.schema.constraints import ColumnCollectionConstraint, columns_in


class Index(ColumnCollectionConstraint):
    """An index: columns, expressions or text.

    Args:
        name: its name; None takes the naming convention's (`ix_<table>_<column>`).
        *expressions: columns by key or object, SQL expressions, `text()`.
        unique: UNIQUE INDEX.
        quote: quote the name always (True), never (False), by the rules (None).
        **dialect_kw: `postgresql_using=`, `postgresql_where=`, `sqlite_where=` and so on.
    """

    __visit_name__ = "index"

    def __init__(
        self,
        name: str | None,
        *expressions: Any,
        unique: bool = False,
        quote: bool | None = None,
        info: dict[Any, Any] | None = None,
        _table: Any = None,
        _column_flag: bool = False,
        _attach: bool = True,
        **dialect_kw: Any,
    ) -> None:
        """Keep the expressions; the first that belongs to a table attaches the index."""
        self.unique, self._column_flag = unique, _column_flag
        self.expressions: list[Any] = []
        if name is not None and quote is not None:
            name = quoted_name(name, quote)
        super().__init__(*expressions, name=name, info=info, _autoattach=False, **dialect_kw)
        table = None
        if _attach:
            table = _table if _table is not None else _table_of(self._pending)
        if table is not None:
            self._set_parent(table)

    def _set_parent(self, parent: Any) -> None:
        self.parent = parent
        self.table = parent
        parent.indexes.add(self)
        self.expressions = [self._find(parent, e) if isinstance(e, str) else e for e in self._pending]
        self._resolved = [e for e in self.expressions if isinstance(e, _core.ColumnClause)]
        if self.name is None:
            self.name = parent.metadata._name_for(self, parent) or self._default_name(parent)

    def _default_name(self, table: Any) -> str:
        """Return `ix_[schema_]table_column`."""
        column = getattr(self.expressions[0], "name", None) if self.expressions else None
        if column is None:
            raise exc.ArgumentError(f"Index over an expression of table '{table.description}' needs a name")
        return conv("_".join(str(part) for part in ("ix", table.schema, table.name, column) if part))

    def create(self, bind: Any, checkfirst: bool = False) -> None:
        """Emit CREATE INDEX; `checkfirst` asks the database whether it exists."""
        from pyorm.schema.create import create_index

        create_index(bind, self, checkfirst)

    def drop(self, bind: Any, checkfirst: bool = False) -> None:
        """Emit DROP INDEX; `checkfirst` asks the database whether it exists."""
        from pyorm.schema.create import drop_index

        drop_index(bind, self, checkfirst)

    def _copy(self, **kw: Any) -> Index:
        copy = Index(
            self.name, *[e.key if isinstance(e, _core.ColumnClause) else e for e in self._pending],
            unique=self.unique, info=dict(self.info) if "_info" in self.__dict__ else None, _attach=False,
            **self.dialect_kwargs,
        )  # fmt: skip
        return self._copied(copy)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        """Return the definition in the form it would be written."""
        parts = [repr(self.name)] + [
            repr(e) if not isinstance(e, _core.ColumnClause) else e.name for e in self._pending
        ]
        if self.unique:
            parts.append("unique=True")
        return f"Index({', '.join(map(str, parts))})"


def _table_of(expressions: list[Any]) -> Any:
    """Return the table that the first column among the expressions belongs to, or None."""
    for expression in expressions:
        if isinstance(expression, str):
            continue
        if isinstance(expression, _core.ColumnClause):
            if expression.table is not None:
                return expression.table
            continue
        for column in columns_in(expression):
            if column.table is not None and hasattr(column.table, "indexes"):
                return column.table
    return None
