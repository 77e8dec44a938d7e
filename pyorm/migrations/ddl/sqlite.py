"""SQLite: what ALTER TABLE can do there, and a table made anew for everything else."""

from __future__ import annotations

from typing import Any

from pyorm.migrations.ddl.impl import DefaultImpl


class SQLiteImpl(DefaultImpl):
    """The verbs of operations on SQLite."""

    __dialect__ = "sqlite"
    transactional_ddl = True

    def add_constraint(self, const: Any, **kw: Any) -> None:
        """Refuse: a table's constraints stand in its CREATE TABLE."""
        raise NotImplementedError("No support for ALTER of constraints in SQLite dialect.")

    def drop_constraint(self, const: Any, **kw: Any) -> None:
        """Refuse: a table's constraints stand in its CREATE TABLE."""
        raise NotImplementedError("No support for ALTER of constraints in SQLite dialect.")

    def create_column_comment(self, column: Any) -> None:
        """Do nothing: SQLite has no comments."""
