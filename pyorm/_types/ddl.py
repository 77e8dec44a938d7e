"""Names of types in DDL, per dialect.

One function per database, by the type's `__visit_name__`; a type that a database has no name
for raises UnsupportedCompilationError. `@compiles` on a type class comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyorm import _core, exc
from pyorm._types.base import DialectName, TypeEngine

_UPPER = {
    "DOUBLE_PRECISION": "DOUBLE PRECISION",
    "DATE": "DATE",
    "DATETIME": "DATETIME",
    "TIME": "TIME",
    "TIMESTAMP": "TIMESTAMP",
    "INTEGER": "INTEGER",
    "SMALLINT": "SMALLINT",
    "BIGINT": "BIGINT",
    "REAL": "REAL",
    "FLOAT": "FLOAT",
    "DOUBLE": "DOUBLE",
    "BLOB": "BLOB",
    "BOOLEAN": "BOOLEAN",
    "UUID": "UUID",
}
"""Visit name -> name without arguments."""

_GENERIC = {
    "integer": "INTEGER",
    "small_integer": "SMALLINT",
    "big_integer": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "datetime": "DATETIME",
    "large_binary": "BLOB",
    "interval": "DATETIME",
    "uuid": "CHAR(32)",
}
"""The same for CamelCase types, in the default dialect and SQLite."""

_TEXTS = {
    "string": "VARCHAR",
    "unicode": "VARCHAR",
    "text": "TEXT",
    "unicode_text": "TEXT",
    "VARCHAR": "VARCHAR",
    "CHAR": "CHAR",
    "NVARCHAR": "NVARCHAR",
    "NCHAR": "NCHAR",
    "TEXT": "TEXT",
    "CLOB": "CLOB",
    "enum": "VARCHAR",
}
"""Types with a length and a collation."""

_PG_PLAIN = frozenset(
    "BYTEA INET CIDR MACADDR MACADDR8 MONEY OID REGCLASS REGCONFIG TSVECTOR TSQUERY CITEXT JSON "
    "JSONB JSONPATH HSTORE INT4RANGE INT8RANGE NUMRANGE DATERANGE TSRANGE TSTZRANGE "
    "INT4MULTIRANGE INT8MULTIRANGE NUMMULTIRANGE DATEMULTIRANGE TSMULTIRANGE TSTZMULTIRANGE".split()
)
"""PostgreSQL's own types that are written as their visit name."""


def compile_type(type_: TypeEngine, dialect: Any = None) -> str:
    """Return the name of a type in DDL.

    Args:
        type_: the type.
        dialect: a dialect object; None: the default one.

    Raises:
        UnsupportedCompilationError: the database has no such type.
        CompileError: something is missing, e.g. the name of an enum type.
    """
    name = getattr(dialect, "name", "default")
    if dialect is not None:
        type_ = type_.dialect_impl(dialect)
    elif type_._is_type_decorator:
        return compile_type(type_, DialectName("default"))
    if type_._is_type_decorator:
        return compile_type(type_.impl, dialect)  # type: ignore[attr-defined]
    hook = _find_hook(type_, name)
    if hook is not None:
        return str(hook(type_, getattr(dialect, "type_compiler_instance", None)))
    text = _pg_name(type_) if name == "postgresql" else None
    if text is None:
        text = _common_name(type_)
    if text is None and name == "sqlite" and type_.__visit_name__ in ("JSON", "JSONB"):
        text = type_.__visit_name__
    if text is None:
        raise exc.UnsupportedCompilationError(dialect or "default dialect", type(type_))
    return text


def _find_hook(type_: TypeEngine, dialect_name: str) -> Callable[..., str] | None:
    """Return the function that `@compiles` registered for the class or a base of it."""
    for cls in type(type_).__mro__:
        hooks = cls.__dict__.get("_compiles_hooks")
        if hooks:
            found = hooks.get(dialect_name, hooks.get("default"))
            if found is not None:
                return found  # type: ignore[no-any-return]
    return None


def _common_name(type_: Any) -> str | None:
    visit = type_.__visit_name__
    if visit in _TEXTS:
        return _text_name(type_, _TEXTS[visit])
    if visit in ("numeric", "NUMERIC", "DECIMAL"):
        return _numeric_name(type_, "DECIMAL" if visit == "DECIMAL" else "NUMERIC")
    if visit in ("BINARY", "VARBINARY"):
        return str(visit) + _argument(type_.length)
    if visit == "user_defined":
        return str(type_.get_col_spec())
    if visit == "null":
        raise exc.CompileError(
            f"Can't generate DDL for {type_!r}; did you forget to specify a type on this Column?"
        )
    return _GENERIC.get(visit) or _UPPER.get(visit)


def _pg_name(type_: Any) -> str | None:
    """Return PostgreSQL's name where it differs from the common one."""
    visit = type_.__visit_name__
    if visit in ("datetime", "TIMESTAMP"):
        return _pg_time_name("TIMESTAMP", type_)
    if visit in ("time", "TIME"):
        return _pg_time_name("TIME", type_)
    if visit in ("float", "FLOAT") and type_.precision is not None:
        return f"FLOAT({type_.precision})"
    if visit == "enum":
        return _pg_enum_name(type_)
    if visit == "interval" and not type_.native:
        return "TIMESTAMP WITHOUT TIME ZONE"
    if visit in ("interval", "INTERVAL"):
        return _pg_interval_name(type_)
    if visit == "uuid":
        return "UUID" if type_.native_uuid else "CHAR(32)"
    if visit == "ARRAY":
        return _pg_array_name(type_)
    if visit == "BIT":
        text = "BIT VARYING" if type_.varying else "BIT"
        return text + _argument(type_.length)
    if visit == "DOMAIN":
        return format_type_name(type_)
    if visit in _PG_PLAIN:
        return str(visit)
    return {"double": "DOUBLE PRECISION", "large_binary": "BYTEA"}.get(visit)


def _argument(value: int | None) -> str:
    return "" if value is None else f"({value})"


def _text_name(type_: Any, name: str) -> str:
    text = name + _argument(type_.length)
    collation = getattr(type_, "collation", None)
    if collation:
        schema = getattr(type_, "collation_schema", None)
        quoted = _always_quoted(collation)
        text += f" COLLATE {_quoted(schema)}.{quoted}" if schema else f" COLLATE {quoted}"
    return text


def _numeric_name(type_: Any, name: str) -> str:
    if type_.precision is None:
        return name
    if type_.scale is None:
        return f"{name}({type_.precision})"
    return f"{name}({type_.precision}, {type_.scale})"


def _pg_time_name(name: str, type_: Any) -> str:
    zone = "WITH" if type_.timezone else "WITHOUT"
    return f"{name}{_argument(getattr(type_, 'precision', None))} {zone} TIME ZONE"


def _pg_interval_name(type_: Any) -> str:
    text = "INTERVAL"
    fields = getattr(type_, "fields", None)
    precision = getattr(type_, "precision", None)
    if precision is None:
        precision = getattr(type_, "second_precision", None)
    if fields is not None:
        text += f" {fields}"
    if precision is not None:
        text += f" ({precision})"
    return text


def _pg_enum_name(type_: Any) -> str:
    if not type_.native_enum:
        return _text_name(type_, "VARCHAR")
    if type_.name is None:
        raise exc.CompileError(f"PostgreSQL {type(type_).__name__} type requires a name.")
    return format_type_name(type_)


def _pg_array_name(type_: Any) -> str:
    inner = compile_type(type_.item_type, _POSTGRESQL)
    name, collate, rest = inner.partition(" COLLATE ")
    return name + "[]" * (type_.dimensions or 1) + collate + rest


def _always_quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(name: str) -> str:
    return _core.quote_identifier(name, "postgresql")


def format_type_name(type_: Any) -> str:
    """Return the name of a type that the schema has, quoted, with its schema."""
    name = _quoted(type_.name)
    return f"{_quoted(type_.schema)}.{name}" if type_.schema else name


_POSTGRESQL = DialectName("postgresql")
