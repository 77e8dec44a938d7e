"""The statements of operations under the names by which programs import them."""

from __future__ import annotations

from pyorm.migrations.ddl.statements import (
    AddColumn,
    AlterColumn,
    AlterTable,
    ColumnComment,
    ColumnDefault,
    ColumnName,
    ColumnNullable,
    ColumnType,
    DropColumn,
    IdentityColumn,
    RenameTable,
)

IdentityColumnDefault = IdentityColumn

__all__ = [
    "AddColumn",
    "AlterColumn",
    "AlterTable",
    "ColumnComment",
    "ColumnDefault",
    "ColumnName",
    "ColumnNullable",
    "ColumnType",
    "DropColumn",
    "IdentityColumn",
    "IdentityColumnDefault",
    "RenameTable",
]
