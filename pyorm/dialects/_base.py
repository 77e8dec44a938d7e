"""What a program may ask of a dialect: names, flags, quoting; SQL itself is rendered in C by the dialect's name."""

from __future__ import annotations

from typing import Any

from pyorm import _core


class IdentifierPreparer:
    """Quotes names the way the dialect's SQL does."""

    initial_quote = final_quote = '"'

    def __init__(self, dialect: Dialect) -> None:
        """Keep the dialect."""
        self.dialect = dialect

    def quote(self, ident: str, force: Any = None) -> str:
        """Return the name, quoted only where it has to be."""
        return _core.quote_identifier(ident, self.dialect.name)

    def quote_identifier(self, value: str) -> str:
        """Return the name, always quoted."""
        return '"' + value.replace('"', '""') + '"'

    def quote_schema(self, schema: str, force: Any = None) -> str:
        """Return a schema's name, quoted where it has to be."""
        return self.quote(schema)

    def format_table(self, table: Any, use_schema: bool = True, name: str | None = None) -> str:
        """Return a table's name with its schema."""
        text = self.quote(name or table.name)
        return f"{self.quote(table.schema)}.{text}" if use_schema and table.schema else text

    def format_column(self, column: Any, use_table: bool = False, name: str | None = None) -> str:
        """Return a column's name, behind its table's where asked."""
        text = self.quote(name or column.name)
        return f"{self.format_table(column.table)}.{text}" if use_table else text


class TypeCompiler:
    """Renders types as DDL names."""

    def __init__(self, dialect: Dialect) -> None:
        """Keep the dialect."""
        self.dialect = dialect

    def process(self, type_: Any, **kw: Any) -> str:
        """Return the type's name in DDL."""
        return str(type_.compile(dialect=self.dialect))


class Dialect:
    """A database's ways, as far as Python code asks for them.

    Args:
        paramstyle: accepted for compatibility; the native drivers have one style.
        json_serializer, json_deserializer: callables for JSON columns, or None.
        label_length: longest label that SQL may contain, characters; None is the identifier limit.
        **options: driver options that an engine passes.
    """

    name = "default"
    driver = "default"
    default_paramstyle = paramstyle = "named"
    positional = False
    supports_alter = True
    supports_native_boolean = False
    supports_native_enum = False
    supports_native_decimal = False
    supports_native_uuid = False
    supports_sequences = False
    supports_identity_columns = False
    supports_comments = False
    supports_schemas = True
    supports_default_values = False
    supports_multivalues_insert = False
    supports_sane_rowcount = True
    supports_sane_multi_rowcount = True
    supports_statement_cache = True
    insert_returning = update_returning = delete_returning = False
    use_insertmanyvalues = False
    is_async = False
    max_identifier_length = 9999
    default_schema_name: str | None = None
    server_version_info: tuple[int, ...] | None = None
    default_isolation_level: str | None = None
    dbapi: Any = None

    def __init__(
        self,
        *,
        paramstyle: str | None = None,
        json_serializer: Any = None,
        json_deserializer: Any = None,
        label_length: int | None = None,
        **options: Any,
    ) -> None:
        """Keep the options."""
        self._json_serializer, self._json_deserializer = json_serializer, json_deserializer
        self.label_length = label_length
        self.options = options
        self.identifier_preparer = IdentifierPreparer(self)
        self.type_compiler_instance = self.type_compiler = TypeCompiler(self)

    @property
    def dialect_description(self) -> str:
        """`name+driver`."""
        return f"{self.name}+{self.driver}"

    def type_descriptor(self, typeobj: Any) -> Any:
        """Return a type as the dialect has it: an instance, of whatever was given."""
        from pyorm.types import to_instance

        return to_instance(typeobj)

    def normalize_name(self, name: str) -> str:
        """Return a catalog name as Python code writes it; both databases keep names as they are."""
        return name

    def denormalize_name(self, name: str) -> str:
        """Return a name as the catalog writes it."""
        return name

    def __repr__(self) -> str:
        """Show the kind."""
        return f"<{type(self).__module__}.{type(self).__qualname__} object at {id(self):#x}>"


class DefaultDialect(Dialect):
    """The dialect of `str(statement)`: named parameters, standard SQL."""
