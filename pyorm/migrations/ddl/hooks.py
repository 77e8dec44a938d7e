"""Hooks of a dialect: what autogenerate and batch mode ask it, with the answers of most databases.

Autogenerate compares and renders by itself; a dialect class of a program's own that overrides one
of these is asked first.
"""

from __future__ import annotations

from typing import Any, ClassVar


class AutogenHooks:
    """The questions that a dialect may answer otherwise; base of `DefaultImpl`."""

    dialect: Any
    type_synonyms: ClassVar[tuple[set[str], ...]] = ({"NUMERIC", "DECIMAL"},)
    type_arg_extract: ClassVar[tuple[str, ...]] = ()
    identity_attrs_ignore: ClassVar[tuple[str, ...]] = ("order", "on_null")

    def compare_type(self, inspector_column: Any, metadata_column: Any) -> bool:
        """Return whether the types of two columns differ, after their names in DDL and what is a synonym."""
        return self._type_key(inspector_column) != self._type_key(metadata_column)

    def _type_key(self, column: Any) -> str:
        text = " ".join(column.type.compile(dialect=self.dialect).upper().split())
        name, parenthesis, rest = text.partition("(")
        for names in self.type_synonyms:
            if name.strip() in names:
                name = min(names)
        return f"{name.strip()}{parenthesis}{rest}"

    def compare_server_default(
        self,
        inspector_column: Any,
        metadata_column: Any,
        rendered_metadata_default: str | None,
        rendered_inspector_default: str | None,
    ) -> bool:
        """Return whether the defaults of two columns differ, after their text."""
        del inspector_column, metadata_column
        return rendered_metadata_default != rendered_inspector_default

    def correct_for_autogen_constraints(
        self,
        conn_uniques: set[Any],
        conn_indexes: set[Any],
        metadata_unique_constraints: set[Any],
        metadata_indexes: set[Any],
    ) -> None:
        """Change the four sets in place where the catalog shows more, or less, than was declared: nothing here."""

    def correct_for_autogen_foreignkeys(self, conn_fks: set[Any], metadata_fks: set[Any]) -> None:
        """Change the two sets in place where the catalog shows more, or less, than was declared: nothing here."""

    def autogen_column_reflect(self, inspector: Any, table: Any, column_info: dict[str, Any]) -> None:
        """Change what the inspector found of a column, before it is compared: nothing here."""

    def adjust_reflected_dialect_options(self, reflected_object: dict[str, Any], kind: str) -> dict[str, Any]:
        """Return the dialect's options of a reflected index or constraint."""
        del kind
        return dict(reflected_object.get("dialect_options") or {})

    def render_type(self, type_obj: Any, autogen_context: Any) -> str | bool:
        """Return the source code of a type, or False to have it rendered as others are."""
        del type_obj, autogen_context
        return False

    def render_ddl_sql_expr(self, expr: Any, is_server_default: bool = False, **kw: Any) -> str:
        """Return the text of an expression as DDL has it, values inline and columns without their table."""
        from pyorm.schema._ddl_text import DDLText

        del is_server_default, kw
        return DDLText(self.dialect).expression(expr)

    def requires_recreate_in_batch(self, batch_op: Any) -> bool:
        """Return whether a batch has to make the table anew: where ALTER can do everything, never."""
        del batch_op
        return False

    def prep_table_for_batch(self, batch_impl: Any, table: Any) -> None:
        """Ready a table before a batch makes it anew: nothing here."""

    def cast_for_batch_migrate(self, existing: Any, existing_transfer: dict[str, Any], new_type: Any) -> None:
        """Change `existing_transfer["expr"]` where rows need a cast to a column's new type: nothing here."""

    def version_table_impl(
        self, *, version_table: str, version_table_schema: str | None, version_table_pk: bool, **kw: Any
    ) -> Any:
        """Return the Table that keeps the revisions of a database: one column, `version_num`."""
        from pyorm.schema import Column, MetaData, PrimaryKeyConstraint, Table
        from pyorm.types import String

        del kw
        table = Table(
            version_table,
            MetaData(),
            Column("version_num", String(32), nullable=False),
            schema=version_table_schema,
        )
        if version_table_pk:
            table.append_constraint(PrimaryKeyConstraint("version_num", name=f"{version_table}_pkc"))
        return table
