"""SQLite: its dialect object, `insert()` with ON CONFLICT, and its own types."""

from pyorm._core import dialect_insert as insert
from pyorm._types.sqlite import (
    DATE,
    DATETIME,
    JSON,
    TIME,
)
from pyorm.dialects.sqlite.base import SQLiteDialect, dialect
from pyorm.types import (
    BLOB,
    BOOLEAN,
    CHAR,
    DECIMAL,
    FLOAT,
    INTEGER,
    NUMERIC,
    REAL,
    SMALLINT,
    TEXT,
    TIMESTAMP,
    VARCHAR,
)

__all__ = [
    "BLOB",
    "BOOLEAN",
    "CHAR",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "FLOAT",
    "INTEGER",
    "JSON",
    "NUMERIC",
    "REAL",
    "SMALLINT",
    "TEXT",
    "TIME",
    "TIMESTAMP",
    "VARCHAR",
    "SQLiteDialect",
    "dialect",
    "insert",
]
