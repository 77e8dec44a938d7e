"""The older place of `EnvironmentContext`; its module is `pyorm.migrations.runtime.environment`."""

from __future__ import annotations

from pyorm.migrations.runtime.environment import EnvironmentContext

__all__ = ["EnvironmentContext"]
