"""`ExcludeConstraint`: PostgreSQL's EXCLUDE, no two rows of which all the comparisons hold."""

from __future__ import annotations

from typing import Any

from pyorm import _core, exc
from pyorm.schema.constraints import ColumnCollectionConstraint


class ExcludeConstraint(ColumnCollectionConstraint):
    """EXCLUDE: for no two rows do all of the operators hold.

    Args:
        *elements: Pairs `(column or expression, operator)`; a str is a column's key, `text()` is SQL.
        name, deferrable, initially, info: As for every constraint.
        using: The kind of index, "gist" by default.
        where: A condition for the rows that take part, as text or expression.
        ops: The operator classes of some columns by key.

    Source: PostgreSQL, CREATE TABLE, EXCLUDE.
    """

    __visit_name__ = "exclude_constraint"

    def __init__(
        self,
        *elements: tuple[Any, str],
        name: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        info: dict[Any, Any] | None = None,
        using: str = "gist",
        where: Any = None,
        ops: dict[str, str] | None = None,
        comment: str | None = None,
    ) -> None:
        """Keep the pairs; the columns among them attach the constraint to their table."""
        self._pairs = [self._checked(element) for element in elements]
        self.using, self.ops = using, dict(ops or {})
        self.where = _core.text(where) if isinstance(where, str) else where
        columns = [e for e, _ in self._pairs if isinstance(e, (str, _core.ColumnClause))]
        super().__init__(
            *columns, name=name, deferrable=deferrable, initially=initially, info=info, comment=comment
        )

    @staticmethod
    def _checked(element: Any) -> tuple[Any, str]:
        if not isinstance(element, (tuple, list)) or len(element) != 2 or not isinstance(element[1], str):
            raise exc.ArgumentError(
                f"ExcludeConstraint() takes pairs of a column and an operator, got {element!r}"
            )
        return element[0], element[1]

    @property
    def elements(self) -> list[tuple[Any, str]]:
        """The pairs, columns by object once the table is known."""
        found = iter(self._resolved or self._pending)
        return [
            (next(found) if isinstance(e, (str, _core.ColumnClause)) else e, operator)
            for e, operator in self._pairs
        ]

    def _text(self, render: Any) -> str:
        """Return the definition behind the constraint's name."""
        if render.name != "postgresql":
            raise exc.CompileError("EXCLUDE is PostgreSQL's; leave it out by ddl_if(dialect='postgresql')")
        from pyorm.schema._ddl_text import NEED_PARENTHESES

        parts = []
        for element, operator in self.elements:
            if isinstance(element, _core.ColumnClause):
                text, key = render.quote(element.name), element.key
            else:
                text = render.expression(element)
                key = getattr(element, "key", None)  # type: ignore[assignment]
                text = f"({text})" if isinstance(element, NEED_PARENTHESES) else text
            if key in self.ops:
                text += f" {self.ops[key]}"
            parts.append(f"{text} WITH {operator}")
        body = f"EXCLUDE USING {render.keyword(self.using)} ({', '.join(parts)})"
        if self.where is not None:
            body += f" WHERE ({render.expression(self.where)})"
        return body

    def _copy(self, **kw: Any) -> ExcludeConstraint:
        pairs = [(e.key if isinstance(e, _core.ColumnClause) else e, operator) for e, operator in self.elements]
        copy = ExcludeConstraint(
            *pairs, name=self.name, deferrable=self.deferrable, initially=self.initially, using=self.using,
            where=self.where, ops=self.ops, comment=self.comment,
        )  # fmt: skip
        return self._copied(copy)  # type: ignore[no-any-return]
