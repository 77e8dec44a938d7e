"""`Inspector`, `ObjectKind` and `ObjectScope` under the name that programs import them by."""

from __future__ import annotations

from pyorm.schema.inspector import Inspector
from pyorm.schema.kinds import ObjectKind, ObjectScope

__all__ = ["Inspector", "ObjectKind", "ObjectScope"]
