"""ALTER statements of migrations, as objects that a Connection runs and that `compile()` shows.

CREATE and DROP of whole objects stand in `pyorm.schema.ddl`. A statement here takes names, since
a migration knows a table by its name and nothing else.
"""

from __future__ import annotations

from typing import Any

from pyorm import exc
from pyorm.schema._ddl_text import DDLText
from pyorm.schema.ddl import ExecutableDDLElement

IDENTITY_OPTIONS = ("cache", "cycle", "increment", "maxvalue", "minvalue", "nomaxvalue", "nominvalue", "start")


class AlterTable(ExecutableDDLElement):
    """ALTER TABLE of a table known by name.

    Args:
        table_name: its name.
        schema: its schema, None for the default one.
    """

    __visit_name__ = "alter_table"

    def __init__(self, table_name: str, schema: str | None = None) -> None:
        """Keep the name."""
        self.name, self.schema = table_name, schema

    def _text(self, render: DDLText) -> str:
        return f"ALTER TABLE {render.table(self)} {self._action(render)}"

    def _action(self, render: DDLText) -> str:
        """Return what stands behind the table's name; every kind says it."""
        raise exc.CompileError(f"{type(self).__name__} does not say how it is written")


class AlterText(AlterTable):
    """ALTER TABLE with an action given as text: a connection runs what is written.

    Args:
        action: the text behind the table's name.
    """

    def __init__(self, table_name: str, action: str, schema: str | None = None) -> None:
        """Keep the action."""
        super().__init__(table_name, schema)
        self.action = action

    def _action(self, render: DDLText) -> str:
        return self.action


class RenameTable(AlterTable):
    """ALTER TABLE … RENAME TO."""

    def __init__(self, old_table_name: str, new_table_name: str, schema: str | None = None) -> None:
        """Keep both names."""
        super().__init__(old_table_name, schema)
        self.new_name = new_table_name

    def _action(self, render: DDLText) -> str:
        return f"RENAME TO {render.quote(self.new_name)}"


class AddColumn(AlterTable):
    """ALTER TABLE … ADD COLUMN.

    Args:
        column: a Column that has a table.
        if_not_exists: IF NOT EXISTS.
        inline_references: whether REFERENCES stands in the column's clause.
        inline_primary_key: whether PRIMARY KEY stands in the column's clause.
        inline_checks: whether the CHECK that the type brings along stands in the column's clause.
    """

    def __init__(
        self,
        table_name: str,
        column: Any,
        schema: str | None = None,
        *,
        if_not_exists: bool | None = None,
        inline_references: bool | None = None,
        inline_primary_key: bool | None = None,
        inline_checks: bool = False,
    ) -> None:
        """Keep what to render."""
        super().__init__(table_name, schema)
        self.column, self.if_not_exists = column, if_not_exists
        self.inline_references, self.inline_primary_key = inline_references, inline_primary_key
        self.inline_checks = inline_checks

    def _action(self, render: DDLText) -> str:
        exists = "IF NOT EXISTS " if self.if_not_exists else ""
        return f"ADD COLUMN {exists}{self.clause(render)}"

    def clause(self, render: DDLText) -> str:
        """Return the column's definition with its checks, and the keys that shall stand in it."""
        column = self.column
        text = render._column_in_table(column)
        if self.inline_checks and column._type_check is not None:
            check = render.constraint_in_table(column._type_check)
            text += f" {check}" if check else ""
        if self.inline_primary_key and column.primary_key and " PRIMARY KEY" not in text:
            text += " PRIMARY KEY"
        if self.inline_references:
            for key in sorted(column.foreign_keys, key=lambda fk: fk.constraint._order):
                text += f" {references(render, key.constraint, with_name=self.inline_checks)}"
        return text


def references(render: DDLText, constraint: Any, with_name: bool = False) -> str:
    """Return REFERENCES as a column's clause has it, behind the constraint's name where it is asked for."""
    text = render.constraint(constraint)
    clause = text[text.index(" REFERENCES ") + 1 :]
    return f"{render.constraint_name(constraint)}{clause}" if with_name else clause


class DropColumn(AlterTable):
    """ALTER TABLE … DROP COLUMN, optionally IF EXISTS."""

    def __init__(
        self, table_name: str, column_name: str, schema: str | None = None, *, if_exists: bool | None = None
    ) -> None:
        """Keep what to render."""
        super().__init__(table_name, schema)
        self.column_name, self.if_exists = column_name, if_exists

    def _action(self, render: DDLText) -> str:
        return f"DROP COLUMN {'IF EXISTS ' if self.if_exists else ''}{render.quote(self.column_name)}"


class AlterColumn(AlterTable):
    """Base of the changes of one column.

    Args:
        column_name: the column's name.
    """

    def __init__(self, table_name: str, column_name: str, schema: str | None = None) -> None:
        """Keep the names."""
        super().__init__(table_name, schema)
        self.column_name = column_name

    def _action(self, render: DDLText) -> str:
        return f"ALTER COLUMN {render.quote(self.column_name)} {self._change(render)}"

    def _change(self, render: DDLText) -> str:
        """Return what stands behind the column's name; every kind says it."""
        raise exc.CompileError(f"{type(self).__name__} does not say how it is written")


class ColumnName(AlterColumn):
    """ALTER TABLE … RENAME: the new name of a column."""

    def __init__(self, table_name: str, column_name: str, new_name: str, schema: str | None = None) -> None:
        """Keep the new name."""
        super().__init__(table_name, column_name, schema)
        self.new_name = new_name

    def _action(self, render: DDLText) -> str:
        word = "RENAME" if render.name == "postgresql" else "RENAME COLUMN"
        return f"{word} {render.quote(self.column_name)} TO {render.quote(self.new_name)}"


class ColumnType(AlterColumn):
    """ALTER COLUMN … TYPE.

    Args:
        type_: the new type.
        using: PostgreSQL's USING, an expression as text.
    """

    def __init__(
        self, table_name: str, column_name: str, type_: Any, schema: str | None = None, *, using: str | None = None
    ) -> None:
        """Keep what to render."""
        super().__init__(table_name, column_name, schema)
        self.type_, self.using = type_, using

    def _change(self, render: DDLText) -> str:
        from pyorm.types import to_instance

        text = f"TYPE {to_instance(self.type_).compile(dialect=render.dialect)}"
        return f"{text} USING {self.using}" if self.using else text


class ColumnNullable(AlterColumn):
    """ALTER COLUMN … SET NOT NULL or DROP NOT NULL."""

    def __init__(self, table_name: str, column_name: str, nullable: bool, schema: str | None = None) -> None:
        """Keep whether it may be NULL."""
        super().__init__(table_name, column_name, schema)
        self.nullable = nullable

    def _change(self, render: DDLText) -> str:
        return "DROP NOT NULL" if self.nullable else "SET NOT NULL"


class ColumnDefault(AlterColumn):
    """ALTER COLUMN … SET DEFAULT or DROP DEFAULT.

    Args:
        default: a str, an expression, a DefaultClause; None drops the default.
    """

    def __init__(self, table_name: str, column_name: str, default: Any, schema: str | None = None) -> None:
        """Keep the default."""
        super().__init__(table_name, column_name, schema)
        self.default = default

    def _change(self, render: DDLText) -> str:
        if self.default is None:
            return "DROP DEFAULT"
        return f"SET DEFAULT {default_text(render, self.default)}"


def default_text(render: DDLText, default: Any) -> str:
    """Return what stands behind DEFAULT for a str, an expression or a DefaultClause."""
    from pyorm.schema import Column
    from pyorm.types import NullType

    text = render.default(Column("c", NullType(), server_default=default))
    if text is None:
        raise exc.CompileError(f"{default!r} is a default that the database itself makes; it has no text")
    return text


class IdentityColumn(AlterColumn):
    """ALTER COLUMN … ADD GENERATED, SET its options, or DROP IDENTITY.

    Args:
        identity: the Identity afterwards; None drops it.
        existing: the Identity before; None where there was none.
    """

    def __init__(
        self, table_name: str, column_name: str, identity: Any, existing: Any, schema: str | None = None
    ) -> None:
        """Keep both."""
        super().__init__(table_name, column_name, schema)
        self.identity, self.existing = identity, existing

    def _change(self, render: DDLText) -> str:
        if self.identity is None:
            return "DROP IDENTITY"
        if self.existing is None:
            return f"ADD {render._identity(self.identity)}"
        return " ".join(f"SET {part}" for part in self._changes(render))

    def _changes(self, render: DDLText) -> list[str]:
        parts = []
        if bool(self.identity.always) is not bool(self.existing.always):
            parts.append(f"GENERATED {'ALWAYS' if self.identity.always else 'BY DEFAULT'}")
        for name in IDENTITY_OPTIONS:
            value = getattr(self.identity, name)
            if value is not None and value != getattr(self.existing, name):
                parts.append(render.sequence_options(_Option(name, value)))
        return parts

    def has_changes(self) -> bool:
        """Return whether anything would be written."""
        return self.identity is None or self.existing is None or bool(self._changes(DDLText(_NoDialect())))


class _NoDialect:
    name = "postgresql"


class _Option:
    """One option of a sequence, the others unset, in the form in which they are rendered."""

    increment = start = minvalue = maxvalue = nominvalue = nomaxvalue = cache = cycle = None

    def __init__(self, name: str, value: Any) -> None:
        setattr(self, name, value)


class ColumnComment(ExecutableDDLElement):
    """COMMENT ON COLUMN.

    Args:
        comment: the text; None removes it.
    """

    __visit_name__ = "column_comment"

    def __init__(self, table_name: str, column_name: str, comment: str | None, schema: str | None = None) -> None:
        """Keep the names."""
        self.name, self.schema, self.column_name, self.comment = table_name, schema, column_name, comment

    def _text(self, render: DDLText) -> str:
        value = "NULL" if self.comment is None else render.literal(self.comment)
        return f"COMMENT ON COLUMN {render.table(self)}.{render.quote(self.column_name)} IS {value}"
