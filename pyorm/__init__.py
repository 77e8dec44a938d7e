"""pyorm: an object-relational mapper with the public shape of SQLAlchemy 2 and a core in C.

Names are imported when they are first asked for: `import pyorm` alone loads nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_SUBMODULES = (
    "dbapi",
    "dialects",
    "engine",
    "event",
    "exc",
    "ext",
    "inspection",
    "log",
    "orm",
    "pool",
    "schema",
    "sql",
    "types",
)
_NAMES = {
    "pyorm.engine": (
        "ChunkedIteratorResult Connection CursorResult Engine ExecutionContext FrozenResult "
        "IteratorResult MappingResult MergedResult NestedTransaction Result RootTransaction Row "
        "RowMapping ScalarResult Transaction TupleResult URL create_engine create_pool_from_url "
        "engine_from_config make_url result_tuple"
    ),
    "pyorm.inspection": "inspect",
    "pyorm.pool": (
        "AssertionPool AsyncAdaptedQueuePool NullPool Pool PoolProxiedConnection QueuePool "
        "SingletonThreadPool StaticPool"
    ),
    "pyorm.schema": (
        "BLANK_SCHEMA CheckConstraint Column ColumnDefault Computed Constraint DefaultClause "
        "FetchedValue ForeignKey ForeignKeyConstraint Identity Index MetaData "
        "PrimaryKeyConstraint SchemaItem Sequence Table UniqueConstraint quoted_name"
    ),
    "pyorm.types": (
        "ARRAY BIGINT BINARY BLOB BOOLEAN CHAR CLOB DATE DATETIME DECIMAL DOUBLE "
        "DOUBLE_PRECISION FLOAT INT INTEGER JSON NCHAR NUMERIC NVARCHAR REAL SMALLINT TEXT TIME "
        "TIMESTAMP UUID VARBINARY VARCHAR BigInteger Boolean Date DateTime Double Enum Float "
        "Integer Interval LargeBinary NullType Numeric NumericCommon PickleType SmallInteger "
        "String Text Time TupleType TypeDecorator Unicode UnicodeText Uuid"
    ),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import a public name, or a submodule, at its first use."""
    if name in _SUBMODULES:
        return importlib.import_module(f"pyorm.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'pyorm' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    """List what can be asked for."""
    return sorted({*globals(), *_HOMES, *_SUBMODULES})


__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - computed from the table above
