"""Tables, columns, constraints and the statements that make them."""

from pyorm.schema._base import SchemaItem, conv, quoted_name
from pyorm.schema.column import Column
from pyorm.schema.constraints import (
    CheckConstraint,
    ColumnCollectionConstraint,
    Constraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
)
from pyorm.schema.defaults import ColumnDefault, Computed, DefaultClause, FetchedValue, Identity, Sequence
from pyorm.schema.metadata import MetaData
from pyorm.schema.sorting import sort_tables, sort_tables_and_constraints
from pyorm.schema.table import BLANK_SCHEMA, Table

__all__ = [
    "BLANK_SCHEMA",
    "CheckConstraint",
    "Column",
    "ColumnCollectionConstraint",
    "ColumnDefault",
    "Computed",
    "Constraint",
    "DefaultClause",
    "FetchedValue",
    "ForeignKey",
    "ForeignKeyConstraint",
    "Identity",
    "Index",
    "MetaData",
    "PrimaryKeyConstraint",
    "SchemaItem",
    "Sequence",
    "Table",
    "UniqueConstraint",
    "conv",
    "quoted_name",
    "sort_tables",
    "sort_tables_and_constraints",
]
