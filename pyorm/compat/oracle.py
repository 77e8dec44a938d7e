"""Oracle's types by name, for scripts that import `sqlalchemy.dialects.oracle`."""

from __future__ import annotations

from pyorm.compat.foreign import types_of

_OWN = "BFILE BINARY_DOUBLE BINARY_FLOAT INTERVAL LONG NCLOB NUMBER NVARCHAR2 RAW ROWID VARCHAR2 VECTOR"
globals().update(types_of("oracle", _OWN))
