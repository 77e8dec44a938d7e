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
    HSTORE,
    INET,
    INTERVAL,
    JSON,
    JSONB,
    JSONPATH,
    MACADDR,
    MACADDR8,
    MONEY,
    OID,
    REGCLASS,
    REGCONFIG,
    TIME,
    TIMESTAMP,
    TSQUERY,
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

_FROM = {
    name: module
    for module, names in {
        "pyorm.schema.named_types": "CreateDomainType CreateEnumType DropDomainType DropEnumType",
        "pyorm.schema.exclude": "ExcludeConstraint",
        "pyorm.dialects.postgresql.text_search": (
            "phraseto_tsquery plainto_tsquery to_tsquery to_tsvector ts_headline websearch_to_tsquery"
        ),
        "pyorm._types.ranges": (
            "AbstractMultiRange AbstractRange AbstractSingleRange DATEMULTIRANGE DATERANGE "
            "INT4MULTIRANGE INT4RANGE INT8MULTIRANGE INT8RANGE MultiRange NUMMULTIRANGE NUMRANGE "
            "Range TSMULTIRANGE TSRANGE TSTZMULTIRANGE TSTZRANGE"
        ),
    }.items()
    for name in names.split()
}


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
    "DATE",
    "DATEMULTIRANGE",
    "DATERANGE",
    "DOMAIN",
    "DOUBLE_PRECISION",
    "ENUM",
    "FLOAT",
    "HSTORE",
    "INET",
    "INT4MULTIRANGE",
    "INT4RANGE",
    "INT8MULTIRANGE",
    "INT8RANGE",
    "INTEGER",
    "INTERVAL",
    "JSON",
    "JSONB",
    "JSONPATH",
    "MACADDR",
    "MACADDR8",
    "MONEY",
    "NUMERIC",
    "NUMMULTIRANGE",
    "NUMRANGE",
    "OID",
    "REAL",
    "REGCLASS",
    "REGCONFIG",
    "SMALLINT",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "TSMULTIRANGE",
    "TSQUERY",
    "TSRANGE",
    "TSTZMULTIRANGE",
    "TSTZRANGE",
    "TSVECTOR",
    "UUID",
    "VARCHAR",
    "AbstractMultiRange",
    "AbstractRange",
    "AbstractSingleRange",
    "CreateDomainType",
    "CreateEnumType",
    "DropDomainType",
    "DropEnumType",
    "ExcludeConstraint",
    "MultiRange",
    "NamedType",
    "PGDialect",
    "Range",
    "aggregate_order_by",
    "array",
    "dialect",
    "distinct_on",
    "insert",
    "phraseto_tsquery",
    "plainto_tsquery",
    "to_tsquery",
    "to_tsvector",
    "ts_headline",
    "websearch_to_tsquery",
]
