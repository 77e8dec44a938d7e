"""The PostgreSQL dialect object."""

from __future__ import annotations

from pyorm.dialects._base import Dialect


class PGDialect(Dialect):
    """PostgreSQL over the native driver."""

    name = "postgresql"
    driver = "pyorm"
    default_paramstyle = paramstyle = "numeric_dollar"
    positional = True
    supports_native_boolean = True
    supports_native_enum = True
    supports_native_decimal = True
    supports_native_uuid = True
    supports_sequences = True
    supports_identity_columns = True
    supports_comments = True
    supports_default_values = True
    supports_multivalues_insert = True
    insert_returning = update_returning = delete_returning = True
    use_insertmanyvalues = True
    max_identifier_length = 63
    default_schema_name = "public"
    default_isolation_level = "READ COMMITTED"


dialect = PGDialect
