"""PostgreSQL: its dialect object, `insert()` with ON CONFLICT, its own types and what creates them.

What creates types is imported when it is first asked for.
"""

import importlib
from typing import Any as _Any

from pyorm._core import aggregate_order_by, array, distinct_on
from pyorm._core import dialect_insert as insert
from pyorm._types.postgresql import (
    ARRAY,
    BIT,
    BYTEA,
    CIDR,
    CITEXT,
    DOMAIN,
    ENUM,
    INET,
    INTERVAL,
    JSON,
    JSONB,
    JSONPATH,
    MACADDR,
    MACADDR8,
    OID,
    REGCLASS,
    REGCONFIG,
    TIME,
    TIMESTAMP,
    TSVECTOR,
    NamedType,
)
from pyorm.dialects.postgresql.base import PGDialect, dialect
from pyorm.types import (
    BIGINT,
    BOOLEAN,
    CHAR,
    DATE,
    DOUBLE_PRECISION,
    FLOAT,
    INTEGER,
    NUMERIC,
    REAL,
    SMALLINT,
    TEXT,
    UUID,
    VARCHAR,
)

_FROM = dict.fromkeys(
    ("CreateDomainType", "CreateEnumType", "DropDomainType", "DropEnumType"), "pyorm.schema.named_types"
)


def __getattr__(name: str) -> _Any:
    """Import what is not needed for queries at its first use."""
    if name in _FROM:
        return getattr(importlib.import_module(_FROM[name]), name)
    raise AttributeError(f"module 'pyorm.dialects.postgresql' has no attribute {name!r}")


__all__ = [
    "ARRAY",
    "BIGINT",
    "BIT",
    "BOOLEAN",
    "BYTEA",
    "CHAR",
    "CIDR",
    "CITEXT",
    "CreateDomainType",
    "CreateEnumType",
    "DATE",
    "DOMAIN",
    "DOUBLE_PRECISION",
    "DropDomainType",
    "DropEnumType",
    "ENUM",
    "FLOAT",
    "INET",
    "INTEGER",
    "INTERVAL",
    "JSON",
    "JSONB",
    "JSONPATH",
    "MACADDR",
    "MACADDR8",
    "NUMERIC",
    "OID",
    "REAL",
    "REGCLASS",
    "REGCONFIG",
    "SMALLINT",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "TSVECTOR",
    "UUID",
    "VARCHAR",
    "NamedType",
    "PGDialect",
    "aggregate_order_by",
    "array",
    "dialect",
    "distinct_on",
    "insert",
]
