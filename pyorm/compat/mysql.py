"""MySQL's types by name, for scripts that import `sqlalchemy.dialects.mysql`."""

from __future__ import annotations

from pyorm.compat.foreign import types_of

_OWN = (
    "BIT DECIMAL_UNSIGNED DOUBLE ENUM INET4 INET6 LONGBLOB LONGTEXT MEDIUMBLOB MEDIUMINT MEDIUMTEXT SET "
    "TINYBLOB TINYINT TINYTEXT VECTOR YEAR"
)
globals().update(types_of("mysql", _OWN))
