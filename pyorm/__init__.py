"""pyorm: an object-relational mapper with the public shape of SQLAlchemy 2 and a core in C.

Names are imported when they are first asked for: `import pyorm` alone loads nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_SUBMODULES = (
    "dbapi",
    "dialects",
    "engine",
    "event",
    "exc",
    "ext",
    "inspection",
    "log",
    "orm",
    "pool",
    "schema",
    "sql",
    "types",
)
_NAMES = {
    "pyorm._core": (
        "Alias AliasedReturnsRows BinaryExpression BindParameter BooleanClauseList CTE Case "
        "Cast ClauseElement ClauseList CollectionAggregate ColumnClause ColumnCollection "
        "ColumnElement CompoundSelect Delete Executable Exists Extract False_ "
        "FromClause Function FunctionElement FunctionFilter Grouping Insert Join Label Lateral "
        "Null Over ScalarSelect Select SelectBase Subquery TableClause TableSample "
        "TableValuedAlias TableValuedColumn TextClause TextualSelect True_ Tuple TypeCoerce "
        "UnaryExpression Update UpdateBase Values ValuesBase WithinGroup aggregate_order_by "
        "alias all_ and_ any_ asc between bindparam bitwise_not case cast collate column cte "
        "delete desc distinct except_ except_all exists extract false from_dml_column func "
        "funcfilter insert intersect intersect_all join lateral literal literal_column not_ "
        "null nulls_first nulls_last or_ outerjoin over select table tablesample text true "
        "try_cast tuple_ type_coerce union union_all update values within_group"
    ),
    "pyorm.engine": (
        "ChunkedIteratorResult Connection CursorResult Engine ExecutionContext FrozenResult "
        "IteratorResult MappingResult MergedResult NestedTransaction Result RootTransaction Row "
        "RowMapping ScalarResult Transaction TupleResult TwoPhaseTransaction URL create_engine "
        "create_mock_engine create_pool_from_url engine_from_config make_url result_tuple"
    ),
    "pyorm.dialects._base": "Dialect",
    "pyorm.inspection": "inspect",
    "pyorm.pool": (
        "AssertionPool AsyncAdaptedQueuePool NullPool Pool PoolProxiedConnection PoolResetState "
        "QueuePool SingletonThreadPool StaticPool"
    ),
    "pyorm.schema": (
        "BLANK_SCHEMA CheckConstraint CheckFirst Column ColumnDefault Computed Constraint DDL DDLElement "
        "DefaultClause ExecutableDDLElement FetchedValue ForeignKey ForeignKeyConstraint "
        "Identity Index Inspector MetaData "
        "PrimaryKeyConstraint SchemaItem Sequence Table UniqueConstraint quoted_name"
    ),
    "pyorm.sql": (
        "LABEL_STYLE_DEFAULT LABEL_STYLE_DISAMBIGUATE_ONLY LABEL_STYLE_NONE "
        "FrameClause FrameClauseType LABEL_STYLE_TABLENAME_PLUS_COL label lambda_stmt nullsfirst nullslast"
    ),
    "pyorm.types": (
        "ARRAY BIGINT BINARY BLOB BOOLEAN CHAR CLOB DATE DATETIME DECIMAL DOUBLE "
        "DOUBLE_PRECISION FLOAT INT INTEGER JSON NCHAR NUMERIC NVARCHAR REAL SMALLINT TEXT TIME "
        "TIMESTAMP UUID VARBINARY VARCHAR BigInteger Boolean Date DateTime Double Enum Float "
        "Integer Interval LargeBinary NullType Numeric NumericCommon PickleType SmallInteger "
        "String Text Time TupleType TypeDecorator Unicode UnicodeText Uuid"
    ),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import a public name, or a submodule, at its first use."""
    if name in _SUBMODULES:
        return importlib.import_module(f"pyorm.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'pyorm' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    """List what can be asked for."""
    return sorted({*globals(), *_HOMES, *_SUBMODULES})


__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - computed from the table above
