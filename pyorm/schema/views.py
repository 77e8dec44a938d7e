"""Tables made of a SELECT: CREATE VIEW, CREATE TABLE AS, and DROP VIEW."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyorm import _core, exc
from pyorm.schema._ddl_text import DDLText
from pyorm.schema.column import Column
from pyorm.schema.ddl import DropTable, ExecutableDDLElement
from pyorm.schema.metadata import MetaData
from pyorm.schema.table import Table
from pyorm.sql.visitors import iterate


class TableFromSelect(ExecutableDDLElement):
    """Base of the statements that name a SELECT.

    Args:
        element: the SELECT (or UNION and so on).
        name: of the table or view.
        schema: its schema; None takes the MetaData's.
        metadata: where the Table is registered; `create_all()` and `drop_all()` then know it.
        temporary: for this connection only.
    """

    def __init__(
        self, element: Any, name: str, *, schema: str | None, metadata: Any, temporary: bool
    ) -> None:
        if not isinstance(element, _core.SelectBase):
            raise exc.ArgumentError(
                f"{type(self).__name__}() takes a SELECT and a name, got {element!r}"
            )
        self.element, self.temporary = element, temporary
        table = Table(name, metadata if metadata is not None else MetaData(), schema=schema)
        selected: Any = element  # each kind of SelectBase has its own `selected_columns`
        for column in selected.selected_columns:
            table.append_column(Column(column.name, column.type, key=column.key))
        for source in _tables_in(element):
            table.add_is_dependent_on(source)
        self.table = self.target = table
        table.set_creator_ddl(self)

    def _as_select(self, render: DDLText) -> str:
        return "AS " + _core.compile_string(self.element, render.dialect, literal_binds=True)


class CreateTableAs(TableFromSelect):
    """CREATE TABLE … AS: a table with the rows of a SELECT; also `select(…).into(name)`.

    Args:
        element, name, schema, metadata, temporary: as named.
        if_not_exists: IF NOT EXISTS.

    `table` is the Table, to be used in other statements.
    """

    __visit_name__ = "create_table_as"

    def __init__(
        self,
        element: Any,
        name: str,
        *,
        schema: str | None = None,
        metadata: Any = None,
        temporary: bool = False,
        if_not_exists: bool = False,
    ) -> None:
        """Make the Table."""
        super().__init__(element, name, schema=schema, metadata=metadata, temporary=temporary)
        self.if_not_exists = if_not_exists
        self.table.set_dropper_ddl(DropTable(self.table))

    def _text(self, render: DDLText) -> str:
        words = "TEMPORARY " if self.temporary else ""
        exists = "IF NOT EXISTS " if self.if_not_exists else ""
        return f"CREATE {words}TABLE {exists}{render.table(self.table)} {self._as_select(render)}"


class CreateView(TableFromSelect):
    """CREATE VIEW.

    Args:
        element, name, schema, metadata, temporary: as named.
        or_replace: OR REPLACE.
        materialized: MATERIALIZED (PostgreSQL).
        postgresql_with: options by name, `{"security_invoker": True}`.

    `table` is the Table, to be used in other statements.

    Source: PostgreSQL, CREATE VIEW, CREATE MATERIALIZED VIEW; SQLite, CREATE VIEW.
    """

    __visit_name__ = "create_view"

    def __init__(
        self,
        element: Any,
        name: str,
        *,
        schema: str | None = None,
        metadata: Any = None,
        temporary: bool = False,
        or_replace: bool = False,
        materialized: bool = False,
        postgresql_with: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the Table."""
        super().__init__(element, name, schema=schema, metadata=metadata, temporary=temporary)
        self.or_replace, self.materialized = or_replace, materialized
        self.postgresql_with = dict(postgresql_with or {})
        self.table.is_view = True
        self.table.set_dropper_ddl(DropView(self.table, materialized=materialized))

    def _text(self, render: DDLText) -> str:
        flags = ((self.or_replace, "OR REPLACE "), (self.temporary, "TEMPORARY "), (self.materialized, "MATERIALIZED "))
        words = "".join(word for flag, word in flags if flag)
        options = ""
        if self.postgresql_with and render.name == "postgresql":
            shown = (f"{key} = {_option(value)}" for key, value in self.postgresql_with.items())
            options = f" WITH ({', '.join(shown)})"
        return f"CREATE {words}VIEW {render.table(self.table)}{options} {self._as_select(render)}"


class DropView(ExecutableDDLElement):
    """DROP VIEW.

    Args:
        element: the view's Table.
        if_exists: IF EXISTS.
        materialized: MATERIALIZED (PostgreSQL).
    """

    __visit_name__ = "drop_view"

    def __init__(self, element: Any, *, if_exists: bool = False, materialized: bool = False) -> None:
        """Keep what to render."""
        self.element = self.target = element
        self.if_exists, self.materialized = if_exists, materialized

    def _text(self, render: DDLText) -> str:
        words = "MATERIALIZED " if self.materialized else ""
        exists = "IF EXISTS " if self.if_exists else ""
        return f"\nDROP {words}VIEW {exists}{render.table(self.element)}"


def _tables_in(element: Any) -> set[Table]:
    """Return the tables that a SELECT names, in its FROM or by a column."""
    found = set()
    for part in iterate(element):
        found |= {t for t in (part, getattr(part, "table", None)) if isinstance(t, Table)}
        if hasattr(part, "get_final_froms"):
            for source in part.get_final_froms():
                found |= {t for t in iterate(source) if isinstance(t, Table)}
    return found


def _option(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
