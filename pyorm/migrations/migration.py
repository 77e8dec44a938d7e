"""The older place of `MigrationContext`; its module is `pyorm.migrations.runtime.migration`."""

from __future__ import annotations

from pyorm.migrations.runtime.migration import MigrationContext

__all__ = ["MigrationContext"]
