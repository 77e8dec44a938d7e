"""The types that a schema has under names of their own: CREATE and DROP of PostgreSQL's enums and domains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyorm import _core, exc
from pyorm.schema._ddl_text import DDLText
from pyorm.schema.ddl import ExecutableDDLElement


class _TypeDDL(ExecutableDDLElement):
    """Base of the statements about one named type.

    Args:
        element: the type.
    """

    def __init__(self, element: Any) -> None:
        """Keep the type."""
        self.element = self.target = element

    def _name(self, render: DDLText) -> str:
        return render.table(self.element)


class CreateEnumType(_TypeDDL):
    """CREATE TYPE … AS ENUM."""

    __visit_name__ = "create_enum_type"

    def _text(self, render: DDLText) -> str:
        labels = ", ".join(render.literal(label) for label in self.element.enums)
        return f"CREATE TYPE {self._name(render)} AS ENUM ({labels})"


class DropEnumType(_TypeDDL):
    """DROP TYPE of an enum."""

    __visit_name__ = "drop_enum_type"

    def _text(self, render: DDLText) -> str:
        return f"DROP TYPE {self._name(render)}"


class CreateDomainType(_TypeDDL):
    """CREATE DOMAIN."""

    __visit_name__ = "create_domain_type"

    def _text(self, render: DDLText) -> str:
        domain = self.element
        parts = [f"CREATE DOMAIN {self._name(render)} AS {domain.data_type.compile(dialect=render.dialect)}"]
        if domain.collation is not None:
            schema = f"{render.quote(domain.collation_schema)}." if domain.collation_schema else ""
            parts.append(f"COLLATE {schema}{render.quote(domain.collation)}")
        if domain.default is not None:
            is_text = isinstance(domain.default, str)
            parts.append(f"DEFAULT {render.literal(domain.default) if is_text else render.expression(domain.default)}")
        if domain.constraint_name is not None:
            parts.append(f"CONSTRAINT {render.quote(domain.constraint_name)}")
        if domain.not_null:
            parts.append("NOT NULL")
        if domain.check is not None:
            check = _core.text(domain.check) if isinstance(domain.check, str) else domain.check
            parts.append(f"CHECK ({render.expression(check)})")
        return " ".join(parts)


class DropDomainType(_TypeDDL):
    """DROP DOMAIN."""

    __visit_name__ = "drop_domain_type"

    def _text(self, render: DDLText) -> str:
        return f"DROP DOMAIN {self._name(render)}"


class _Placed:
    """A named type where it is created: its own schema, or the table's or MetaData's that it inherits."""

    def __init__(self, type_: Any, schema: str | None) -> None:
        self.__dict__.update(type_.__dict__)
        self.schema = schema


def is_domain(type_: Any) -> bool:
    """Return whether a type is a domain (and not an enum)."""
    return bool(type_.__visit_name__ == "DOMAIN")


def named_types_in(tables: Iterable[Any]) -> dict[tuple[Any, str], Any]:
    """Return the types that columns use and that are created with their tables, by schema and name.

    Args:
        tables: Table objects; the types come in their order.

    Raises:
        CompileError: a native enum without a name.
    """
    found: dict[tuple[Any, str], Any] = {}
    for table in tables:
        for column in table.c:
            for type_ in _parts(column.type):
                if type_.name is None:
                    raise exc.CompileError(
                        f"PostgreSQL ENUM type of column '{column}' requires a name: Enum(…, name=\"…\")"
                    )
                schema = type_.schema if type_.schema is not None else table.metadata.schema
                found.setdefault((schema, type_.name), type_)
    return found


def _parts(type_: Any) -> list[Any]:
    """Return the named types in a column's type: itself, what an array holds, what a domain is made of."""
    type_ = getattr(type_, "item_type", type_)
    type_ = type_._variants.get("postgresql", type_)
    if not hasattr(type_, "enums") and hasattr(getattr(type_, "impl", None), "enums"):
        type_ = type_.impl  # a TypeDecorator over an Enum
    if getattr(type_, "__visit_name__", None) == "DOMAIN":
        below = _parts(type_.data_type)
        return [*below, type_] if type_.create_type else below
    if getattr(type_, "native_enum", False) and hasattr(type_, "enums") and getattr(type_, "create_type", True):
        return [type_]
    return []


def in_metadata(metadata: Any) -> dict[tuple[Any, str], Any]:
    """Return the types that name this MetaData themselves (`Enum(metadata=…)`), by schema and name."""
    found: dict[tuple[Any, str], Any] = {}
    for type_ in metadata._named_types:
        for part in _parts(type_):
            found.setdefault((part.schema if part.schema is not None else metadata.schema, part.name), part)
    return found


def create_type(connection: Any, type_: Any, schema: str | None) -> None:
    """Emit CREATE TYPE or CREATE DOMAIN."""
    made = _Placed(type_, schema)
    connection.execute(CreateDomainType(made) if is_domain(type_) else CreateEnumType(made))


def drop_type(connection: Any, type_: Any, schema: str | None) -> None:
    """Emit DROP TYPE or DROP DOMAIN."""
    gone = _Placed(type_, schema)
    connection.execute(DropDomainType(gone) if is_domain(type_) else DropEnumType(gone))


def create_one(type_: Any, bind: Any, checkfirst: bool) -> None:
    """Create one type by itself; nothing on a database without named types."""
    from pyorm.schema.create import Existing, connection_for

    with connection_for(bind) as connection:
        if connection.dialect.name != "postgresql" or not _is_native(type_):
            return
        if not Existing(connection, checkfirst).has_type(type_, type_.schema, False):
            create_type(connection, type_, type_.schema)


def drop_one(type_: Any, bind: Any, checkfirst: bool) -> None:
    """Drop one type by itself; nothing on a database without named types."""
    from pyorm.schema.create import Existing, connection_for

    with connection_for(bind) as connection:
        if connection.dialect.name != "postgresql" or not _is_native(type_):
            return
        if Existing(connection, checkfirst).has_type(type_, type_.schema, True):
            drop_type(connection, type_, type_.schema)


def _is_native(type_: Any) -> bool:
    return is_domain(type_) or bool(getattr(type_, "native_enum", False))
