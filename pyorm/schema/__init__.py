"""Tables, columns, constraints and the statements that make them.

DDL objects and the Inspector are imported when they are first asked for: most programs only declare.
"""

from __future__ import annotations

import importlib
from typing import Any

from pyorm.schema._base import BLANK_SCHEMA, SchemaItem, conv, quoted_name
from pyorm.schema.column import Column
from pyorm.schema.constraints import (
    CheckConstraint,
    ColumnCollectionConstraint,
    Constraint,
    ForeignKey,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    UniqueConstraint,
)
from pyorm.schema.defaults import ColumnDefault, Computed, DefaultClause, FetchedValue, Identity, Sequence
from pyorm.schema.indexes import Index
from pyorm.schema.metadata import MetaData
from pyorm.schema.sorting import sort_tables, sort_tables_and_constraints
from pyorm.schema.table import Table

_DDL = frozenset(
    {
        "AddConstraint",
        "CreateIndex",
        "CreateSchema",
        "CreateSequence",
        "CreateTable",
        "DDL",
        "DDLElement",
        "DropColumnComment",
        "DropConstraint",
        "DropConstraintComment",
        "DropIndex",
        "DropSchema",
        "DropSequence",
        "DropTable",
        "DropTableComment",
        "ExecutableDDLElement",
        "SetColumnComment",
        "SetConstraintComment",
        "SetTableComment",
    }
)


def __getattr__(name: str) -> Any:
    """Import a DDL object, or the Inspector, at its first use."""
    if name in _DDL:
        return getattr(importlib.import_module("pyorm.schema.ddl"), name)
    if name in ("CreateTableAs", "CreateView", "DropView"):
        return getattr(importlib.import_module("pyorm.schema.views"), name)
    if name == "CheckFirst":
        return importlib.import_module("pyorm.schema.create").CheckFirst
    if name == "Inspector":
        return importlib.import_module("pyorm.schema.inspector").Inspector
    raise AttributeError(f"module 'pyorm.schema' has no attribute {name!r}")


__all__ = [
    "BLANK_SCHEMA",
    "DDL",
    "AddConstraint",
    "CheckConstraint",
    "CheckFirst",
    "Column",
    "ColumnCollectionConstraint",
    "ColumnDefault",
    "Computed",
    "Constraint",
    "CreateIndex",
    "CreateSchema",
    "CreateSequence",
    "CreateTable",
    "CreateTableAs",
    "CreateView",
    "DDLElement",
    "DefaultClause",
    "DropColumnComment",
    "DropConstraint",
    "DropConstraintComment",
    "DropIndex",
    "DropSchema",
    "DropSequence",
    "DropTable",
    "DropTableComment",
    "DropView",
    "ExecutableDDLElement",
    "FetchedValue",
    "ForeignKey",
    "ForeignKeyConstraint",
    "Identity",
    "Index",
    "Inspector",
    "MetaData",
    "PrimaryKeyConstraint",
    "SchemaItem",
    "Sequence",
    "SetColumnComment",
    "SetConstraintComment",
    "SetTableComment",
    "Table",
    "UniqueConstraint",
    "conv",
    "quoted_name",
    "sort_tables",
    "sort_tables_and_constraints",
]
