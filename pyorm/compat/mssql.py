"""SQL Server's types by name, for scripts that import `sqlalchemy.dialects.mssql`."""

from __future__ import annotations

from pyorm.compat.foreign import types_of

_OWN = (
    "BIT DATETIME2 DATETIMEOFFSET IMAGE MONEY NTEXT ROWVERSION SMALLDATETIME SMALLMONEY SQL_VARIANT "
    "TINYINT UNIQUEIDENTIFIER XML"
)
globals().update(types_of("mssql", _OWN))
