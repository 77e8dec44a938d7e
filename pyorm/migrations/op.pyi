"""Operations as a module. Written by tools/proxy_stubs.py."""

# ruff: noqa: E501

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pyorm.migrations.operations import Operations as Operations
from pyorm.migrations.operations.abstract import _C, _T
from pyorm.migrations.operations.batch_operations import BatchOperations
from pyorm.migrations.operations.op_base import MigrateOperation
from pyorm.schema import Column, Table
from pyorm.schema._base import conv
from typing import Any, Literal

def add_column(table_name: str, column: Column, *, schema: str | None=None, if_not_exists: bool | None=None, inline_references: bool | None=None, inline_primary_key: bool | None=None) -> None:
    """Add a column, with the keys and indexes that it asks for."""

def add_enum_value(enum_name: str, value: str, *, before: str | None=None, after: str | None=None, schema: str | None=None, existing_values: Sequence[str] | None=None) -> None:
    """Add a value to an enum type, in a committed step of its own (PostgreSQL)."""

def alter_column(table_name: str, column_name: str, *, nullable: bool | None=None, comment: Any=False, server_default: Any=False, new_column_name: str | None=None, type_: Any=None, existing_type: Any=None, existing_server_default: Any=False, existing_nullable: bool | None=None, existing_comment: str | None=None, schema: str | None=None, **kw: Any) -> None:
    """Change a column."""

def alter_sequence(sequence_name: str, *, schema: str | None=None, existing: Mapping[str, Any] | None=None, **options: Any) -> None:
    """Change options of a sequence (PostgreSQL); `existing` are their values now, which a reverse needs."""

@contextmanager
def batch_alter_table(table_name: str, schema: str | None=None, recreate: Literal['auto', 'always', 'never']='auto', partial_reordering: Sequence[tuple[str, ...]] | None=None, copy_from: Table | None=None, table_args: tuple[Any, ...]=..., table_kwargs: Mapping[str, Any] | None=None, reflect_args: tuple[Any, ...]=..., reflect_kwargs: Mapping[str, Any] | None=None, naming_convention: Mapping[Any, Any] | None=None) -> Iterator[BatchOperations]:
    """Collect changes of one table, and carry them out together when the block ends."""

def bulk_insert(table: Any, rows: list[dict[str, Any]], *, multiinsert: bool=True) -> None:
    """Insert rows."""

@contextmanager
def context(migration_context: Any) -> Iterator[Operations]:
    """Make an Operations object, and let the module `pyorm.migrations.op` mean it within the block."""

def create_check_constraint(constraint_name: str | None, table_name: str, condition: Any, *, schema: str | None=None, **kw: Any) -> None:
    """Add a check; the condition is text or an expression of `sa.column(…)`."""

def create_enum(enum_name: str, values: Sequence[str], *, schema: str | None=None) -> None:
    """Create an enum type (PostgreSQL)."""

def create_exclude_constraint(constraint_name: str | None, table_name: str, *elements: Any, **kw: Any) -> Table | None:
    """Add an EXCLUDE constraint (PostgreSQL)."""

def create_foreign_key(constraint_name: str | None, source_table: str, referent_table: str, local_cols: Sequence[str], remote_cols: Sequence[str], *, onupdate: str | None=None, ondelete: str | None=None, deferrable: bool | None=None, initially: str | None=None, match: str | None=None, source_schema: str | None=None, referent_schema: str | None=None, **dialect_kw: Any) -> None:
    """Add a foreign key."""

def create_index(index_name: str | None, table_name: str, columns: Sequence[Any], *, schema: str | None=None, unique: bool=False, if_not_exists: bool | None=None, **kw: Any) -> None:
    """Create an index."""

def create_primary_key(constraint_name: str | None, table_name: str, columns: Sequence[str], *, schema: str | None=None) -> None:
    """Add a primary key; a name of None lets the database choose."""

def create_schema(schema_name: str, *, if_not_exists: bool | None=None) -> None:
    """Create a schema (PostgreSQL)."""

def create_sequence(sequence_name: str, *, schema: str | None=None, **options: Any) -> None:
    """Create a sequence (PostgreSQL); options are those of `Sequence`: `start`, `increment`, `data_type`, …."""

def create_table(table_name: str, *columns: Any, if_not_exists: bool | None=None, **kw: Any) -> Table:
    """Create a table, with the enum types and indexes that its columns ask for."""

def create_table_comment(table_name: str, comment: str | None, *, existing_comment: str | None=None, schema: str | None=None) -> None:
    """Set a table's comment."""

def create_unique_constraint(constraint_name: str | None, table_name: str, columns: Sequence[str], *, schema: str | None=None, **kw: Any) -> Any:
    """Add a unique constraint; `kw` are `deferrable`, `initially` and options of a dialect."""

def drop_column(table_name: str, column_name: str, *, schema: str | None=None, **kw: Any) -> None:
    """Drop a column; `if_exists=True` asks for IF EXISTS."""

def drop_constraint(constraint_name: str | None, table_name: str, type_: str | None=None, *, schema: str | None=None, if_exists: bool | None=None) -> None:
    """Drop a constraint."""

def drop_enum(enum_name: str, *, schema: str | None=None) -> None:
    """Drop an enum type that nothing uses any more (PostgreSQL)."""

def drop_index(index_name: str, table_name: str | None=None, *, schema: str | None=None, if_exists: bool | None=None, **kw: Any) -> None:
    """Drop an index; `postgresql_concurrently=True` does it without locking the table."""

def drop_schema(schema_name: str, *, if_exists: bool | None=None) -> None:
    """Drop a schema that is empty (PostgreSQL)."""

def drop_sequence(sequence_name: str, *, schema: str | None=None) -> None:
    """Drop a sequence (PostgreSQL)."""

def drop_table(table_name: str, *, schema: str | None=None, if_exists: bool | None=None, **kw: Any) -> None:
    """Drop a table."""

def drop_table_comment(table_name: str, *, existing_comment: str | None=None, schema: str | None=None) -> None:
    """Remove a table's comment."""

def execute(sqltext: Any, *, execution_options: dict[str, Any] | None=None) -> None:
    """Execute a statement."""

def f(name: str) -> conv:
    """Mark a constraint's name as final: a naming convention leaves it as it is."""

def get_bind() -> Any:
    """Return the connection of the migration; what it executes in a script's place is written there."""

def get_context() -> Any:
    """Return the MigrationContext."""

def implementation_for(op_cls: type[Any], replace: bool=False) -> Callable[[_C], _C]:
    """Return a decorator of the function that carries out operations of a class."""

def inline_literal(value: Any, type_: Any=None) -> Any:
    """Return a value that stands in the statement itself and is no parameter, also on a connection."""

def invoke(operation: MigrateOperation) -> Any:
    """Carry an operation out."""

def register_operation(name: str, sourcename: str | None=None) -> Callable[[type[_T]], type[_T]]:
    """Return a class decorator that adds a method which builds an operation."""

def rename_constraint(old_name: str, new_name: str, table_name: str, *, schema: str | None=None) -> None:
    """Rename a constraint."""

def rename_enum_value(enum_name: str, old_value: str, new_value: str, *, schema: str | None=None) -> None:
    """Rename a value of an enum type; its rows follow (PostgreSQL)."""

def rename_index(old_name: str, new_name: str, table_name: str | None=None, *, schema: str | None=None) -> None:
    """Rename an index."""

def rename_sequence(old_name: str, new_name: str, *, schema: str | None=None) -> None:
    """Rename a sequence, one that a column owns, too (PostgreSQL)."""

def rename_table(old_table_name: str, new_table_name: str, *, schema: str | None=None) -> None:
    """Rename a table; it stays in its schema."""

def replace_enum(enum_name: str, values: Sequence[str], *, mapping: Mapping[str, str] | None=None, schema: str | None=None, existing_values: Sequence[str] | None=None) -> None:
    """Make an enum type anew with other values or another order (PostgreSQL)."""

def run_async(async_function: Callable[..., Any], *args: Any, **kw_args: Any) -> Any:
    """Call an async function with an AsyncConnection over the migration's connection."""
