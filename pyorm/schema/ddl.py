"""Executable DDL: objects that a Connection runs and that `compile()` shows as text."""

from __future__ import annotations

from typing import Any

from pyorm import exc
from pyorm.schema._base import DDLIf
from pyorm.schema._ddl_text import DDLText


class DDLCompiled:
    """The text of a DDL object for one dialect.

    Attributes:
        string: the statement.
        dialect: the dialect it was made for.
        params: always empty: DDL takes no parameters.
    """

    def __init__(self, string: str, dialect: Any, statement: ExecutableDDLElement) -> None:
        """Keep the text."""
        self.string, self.dialect, self.statement = string, dialect, statement
        self.params: dict[str, Any] = {}

    def __str__(self) -> str:
        """Return the text."""
        return self.string


class ExecutableDDLElement:
    """Base of DDL objects; `Connection.execute()` runs them and returns a result without rows."""

    __visit_name__ = "ddl_element"
    target: Any = None
    _ddl_if: DDLIf | None = None

    def _text(self, render: DDLText) -> str:
        """Return the statement; every kind says how it is written."""
        raise exc.CompileError(f"{type(self).__name__} does not say how it is written")

    def compile(
        self, bind: Any = None, dialect: Any = None, schema_translate_map: Any = None, **kw: Any
    ) -> DDLCompiled:
        """Return the text for a dialect.

        Args:
            bind: an Engine or Connection whose dialect is used.
            dialect: a dialect object; without either the default dialect.
            schema_translate_map: replaces schema names.
        """
        if dialect is None:
            from pyorm.dialects._base import DefaultDialect

            dialect = bind.dialect if bind is not None else DefaultDialect()
        return DDLCompiled(self._text(DDLText(dialect, schema_translate_map)), dialect, self)

    def __str__(self) -> str:
        """Return the default dialect's text."""
        return self.compile().string

    def execute_if(self, dialect: Any = None, callable_: Any = None, state: Any = None) -> ExecutableDDLElement:
        """Return a copy that an event runs only where the condition holds.

        Args:
            dialect: a dialect name or a tuple of names.
            callable_: `(ddl, target, bind, *, state, dialect, compiler, **kw) -> bool`.
            state: handed to the callable.
        """
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._ddl_if = DDLIf(dialect, callable_, state)
        return copy

    def _should_run(self, target: Any, bind: Any) -> bool:
        return self._ddl_if is None or self._ddl_if.holds(self, target, bind, bind.dialect)

    def __call__(self, target: Any, bind: Any, **kw: Any) -> Any:
        """Run as an event listener: for `target`, on the connection `bind`."""
        if not self._should_run(target, bind):
            return None
        return bind.execute(self.against(target))

    def against(self, target: Any) -> ExecutableDDLElement:
        """Return a copy for another target."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.target = target
        return copy

    def _execute_on_connection(self, connection: Any, parameters: Any = None, execution_options: Any = None) -> Any:
        """Run the statement; a connection's `schema_translate_map` applies."""
        translate = connection.get_execution_options().get("schema_translate_map")
        return connection.exec_driver_sql(self.compile(bind=connection, schema_translate_map=translate).string)


DDLElement = ExecutableDDLElement


class DDL(ExecutableDDLElement):
    """A DDL statement given as text.

    Args:
        statement: the text; `%(table)s`, `%(schema)s` and `%(fullname)s` are replaced by the target's names.
        context: further replacements.
    """

    def __init__(self, statement: str, context: dict[str, Any] | None = None) -> None:
        """Keep the text."""
        if not isinstance(statement, str):
            raise exc.ArgumentError(f"Expected a string or unicode SQL statement, got '{statement!r}'")
        self.statement, self.context = statement, context or {}

    def _text(self, render: DDLText) -> str:
        values = dict(self.context)
        if self.target is not None and hasattr(self.target, "c"):
            schema = render.schema_of(self.target)
            values.setdefault("table", render.quote(self.target.name))
            values.setdefault("schema", render.quote(schema) if schema else "")
            values.setdefault("fullname", render.table(self.target))
        return self.statement % values


class _CreateDrop(ExecutableDDLElement):
    def __init__(self, element: Any) -> None:
        self.element = self.target = element

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.element!r})"


class CreateTable(_CreateDrop):
    """CREATE TABLE.

    Args:
        element: the Table.
        include_foreign_key_constraints: the keys to render inline; None those that need no ALTER.
        if_not_exists: IF NOT EXISTS.
    """

    def __init__(self, element: Any, include_foreign_key_constraints: Any = None, if_not_exists: bool = False) -> None:
        """Keep what to render."""
        super().__init__(element)
        self.include_foreign_key_constraints, self.if_not_exists = include_foreign_key_constraints, if_not_exists

    def _text(self, render: DDLText) -> str:
        return render.create_table(self.element, self.if_not_exists, self.include_foreign_key_constraints)


class DropTable(_CreateDrop):
    """DROP TABLE, optionally IF EXISTS."""

    def __init__(self, element: Any, if_exists: bool = False) -> None:
        """Keep what to render."""
        super().__init__(element)
        self.if_exists = if_exists

    def _text(self, render: DDLText) -> str:
        return f"\nDROP TABLE {'IF EXISTS ' if self.if_exists else ''}{render.table(self.element)}"


class CreateIndex(_CreateDrop):
    """CREATE INDEX, optionally IF NOT EXISTS."""

    def __init__(self, element: Any, if_not_exists: bool = False) -> None:
        """Keep what to render."""
        super().__init__(element)
        self.if_not_exists = if_not_exists

    def _text(self, render: DDLText) -> str:
        return render.create_index(self.element, self.if_not_exists)


class DropIndex(_CreateDrop):
    """DROP INDEX, optionally IF EXISTS."""

    def __init__(self, element: Any, if_exists: bool = False) -> None:
        """Keep what to render."""
        super().__init__(element)
        self.if_exists = if_exists

    def _text(self, render: DDLText) -> str:
        index = self.element
        concurrently = index.dialect_options["postgresql"].get("concurrently") and render.name == "postgresql"
        schema = render.schema_of(index.table)
        name = f"{render.quote(schema)}.{render.quote(index.name)}" if schema else render.quote(index.name)
        return f"\nDROP INDEX {'CONCURRENTLY ' if concurrently else ''}{'IF EXISTS ' if self.if_exists else ''}{name}"


class CreateSchema(_CreateDrop):
    """CREATE SCHEMA, optionally IF NOT EXISTS."""

    def __init__(self, name: str, if_not_exists: bool = False) -> None:
        """Keep what to render."""
        super().__init__(name)
        self.if_not_exists = if_not_exists

    def _text(self, render: DDLText) -> str:
        return f"CREATE SCHEMA {'IF NOT EXISTS ' if self.if_not_exists else ''}{render.quote(self.element)}"


class DropSchema(_CreateDrop):
    """DROP SCHEMA, optionally IF EXISTS and CASCADE."""

    def __init__(self, name: str, cascade: bool = False, if_exists: bool = False) -> None:
        """Keep what to render."""
        super().__init__(name)
        self.cascade, self.if_exists = cascade, if_exists

    def _text(self, render: DDLText) -> str:
        text = f"DROP SCHEMA {'IF EXISTS ' if self.if_exists else ''}{render.quote(self.element)}"
        return text + (" CASCADE" if self.cascade else "")


class CreateSequence(_CreateDrop):
    """CREATE SEQUENCE, optionally IF NOT EXISTS."""

    def __init__(self, element: Any, if_not_exists: bool = False) -> None:
        """Keep what to render."""
        super().__init__(element)
        self.if_not_exists = if_not_exists

    def _text(self, render: DDLText) -> str:
        sequence = self.element
        text = f"CREATE SEQUENCE {'IF NOT EXISTS ' if self.if_not_exists else ''}{render.table(sequence)}"
        if sequence.data_type is not None and render.name == "postgresql":
            from pyorm.types import to_instance

            text += f" AS {to_instance(sequence.data_type).compile(dialect=render.dialect)}"
        options = render.sequence_options(sequence)
        return f"{text} {options}" if options else text


class DropSequence(_CreateDrop):
    """DROP SEQUENCE, optionally IF EXISTS."""

    def __init__(self, element: Any, if_exists: bool = False) -> None:
        """Keep what to render."""
        super().__init__(element)
        self.if_exists = if_exists

    def _text(self, render: DDLText) -> str:
        return f"DROP SEQUENCE {'IF EXISTS ' if self.if_exists else ''}{render.table(self.element)}"


class AddConstraint(_CreateDrop):
    """ALTER TABLE … ADD CONSTRAINT.

    Args:
        element: the constraint; CREATE TABLE leaves it out from now on unless `isolate_from_table` is False.
    """

    def __init__(self, element: Any, *, isolate_from_table: bool = True) -> None:
        """Keep what to render."""
        super().__init__(element)
        if isolate_from_table:
            element._isolated = True

    def _text(self, render: DDLText) -> str:
        return f"ALTER TABLE {render.table(self.element.table)} ADD {render.constraint(self.element)}"


class DropConstraint(_CreateDrop):
    """ALTER TABLE … DROP CONSTRAINT, optionally IF EXISTS and CASCADE."""

    def __init__(
        self, element: Any, *, cascade: bool = False, if_exists: bool = False, isolate_from_table: bool = True
    ) -> None:
        """Keep what to render."""
        super().__init__(element)
        self.cascade, self.if_exists = cascade, if_exists
        if isolate_from_table:
            element._isolated = True

    def _text(self, render: DDLText) -> str:
        if self.element.name is None:
            raise exc.CompileError(
                f"Can't emit DROP CONSTRAINT for constraint {self.element!r}; it has no name"
            )
        text = f"ALTER TABLE {render.table(self.element.table)} DROP CONSTRAINT "
        text += ("IF EXISTS " if self.if_exists else "") + render.quote(self.element.name)
        return text + (" CASCADE" if self.cascade else "")


class _Comment(_CreateDrop):
    _drops = False

    def _what(self, render: DDLText) -> str:
        return f"TABLE {render.table(self.element)}"

    def _text(self, render: DDLText) -> str:
        comment = self.element.comment
        value = "NULL" if self._drops or comment is None else render.literal(comment)
        return f"COMMENT ON {self._what(render)} IS {value}"


class SetTableComment(_Comment):
    """COMMENT ON TABLE … IS 'text'."""


class DropTableComment(_Comment):
    """COMMENT ON TABLE … IS NULL."""

    _drops = True


class SetColumnComment(_Comment):
    """COMMENT ON COLUMN … IS 'text'."""

    def _what(self, render: DDLText) -> str:
        return f"COLUMN {render.table(self.element.table)}.{render.quote(self.element.name)}"


class DropColumnComment(SetColumnComment):
    """COMMENT ON COLUMN … IS NULL."""

    _drops = True


class SetConstraintComment(_Comment):
    """COMMENT ON CONSTRAINT … IS 'text' (PostgreSQL)."""

    def _what(self, render: DDLText) -> str:
        if render.name != "postgresql":
            raise exc.UnsupportedCompilationError(render.dialect, type(self))
        return f"CONSTRAINT {render.quote(self.element.name)} ON {render.table(self.element.table)}"


class DropConstraintComment(SetConstraintComment):
    """COMMENT ON CONSTRAINT … IS NULL."""

    _drops = True
