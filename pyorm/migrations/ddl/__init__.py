"""The texts of operations per database, and where they go: a connection, or a script."""

from __future__ import annotations

from pyorm.migrations.ddl.impl import DefaultImpl
from pyorm.migrations.ddl.postgresql import PostgresqlImpl
from pyorm.migrations.ddl.sqlite import SQLiteImpl

__all__ = ["DefaultImpl", "PostgresqlImpl", "SQLiteImpl"]
