"""Operations of migrations: what `op.…` calls and autogenerate build, and how they are carried out."""

from __future__ import annotations

from pyorm.migrations.operations import toimpl
from pyorm.migrations.operations.base import AbstractOperations, BatchOperations, Operations
from pyorm.migrations.operations.op_base import MigrateOperation, MigrationScript

__all__ = ["AbstractOperations", "BatchOperations", "MigrateOperation", "MigrationScript", "Operations", "toimpl"]
