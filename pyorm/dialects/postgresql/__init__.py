"""PostgreSQL: its dialect object, `insert()` with ON CONFLICT, and its own types."""

from pyorm.dialects.postgresql.base import PGDialect, dialect

__all__ = ["PGDialect", "dialect"]
