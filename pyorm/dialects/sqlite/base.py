"""The SQLite dialect object."""

from __future__ import annotations

from pyorm.dialects._base import Dialect


class SQLiteDialect(Dialect):
    """SQLite over the native driver."""

    name = "sqlite"
    driver = "pyorm"
    default_paramstyle = paramstyle = "qmark"
    positional = True
    supports_alter = False
    supports_default_values = True
    supports_multivalues_insert = True
    insert_returning = update_returning = delete_returning = True
    use_insertmanyvalues = True
    default_schema_name = "main"
    default_isolation_level = "SERIALIZABLE"


dialect = SQLiteDialect
