"""SQLite: its dialect object, `insert()` with ON CONFLICT, and its own types."""

from pyorm.dialects.sqlite.base import SQLiteDialect, dialect

__all__ = ["SQLiteDialect", "dialect"]
