"""An instance of each heap type of csrc/exec/, for tests/refcounts."""

from __future__ import annotations

import gc
from collections.abc import Callable

from pyorm import _core, create_engine
from pyorm.engine import result_tuple
from pyorm.pool import NullPool

ENGINE = create_engine("sqlite://")
NullPooled = create_engine("sqlite://", poolclass=NullPool)
QUERY = "SELECT 1 AS a, 'x' AS b"


def connection() -> object:
    return ENGINE.connect()


def result():
    with ENGINE.connect() as open_connection:
        return open_connection.exec_driver_sql(QUERY)


def row():
    return result_tuple(["a", "b"])((1, 2))


def from_rows(cls: type) -> object:
    return _core._result_from_iter(cls, ("a", "b"), [(1, 2)])


def inside(make: Callable[[], object], name: str) -> object:
    """Return what an object refers to that is of the type with this name."""
    return next(one for one in gc.get_referents(make()) if type(one).__name__ == name)


def pooled():
    return ENGINE.raw_connection()


def close_after(make: Callable[[object], object]) -> object:
    raw = ENGINE.raw_connection()
    try:
        return make(raw)
    finally:
        raw.close()


INSTANCES: dict[str, Callable[[], object]] = {
    "ChunkedIteratorResult": lambda: from_rows(_core.ChunkedIteratorResult),
    "Connection": connection,
    "ConnectionPoolEntry": lambda: close_after(lambda raw: raw._connection_record),
    "CursorResult": result,
    "DBConnection": lambda: NullPooled.raw_connection().dbapi_connection,
    "DBCursor": lambda: close_after(lambda raw: raw.cursor()),
    "Dispatch": lambda: create_engine("sqlite://").dispatch,
    "EngineCore": lambda: create_engine("sqlite://"),
    "IteratorResult": lambda: from_rows(_core.IteratorResult),
    "MappingResult": lambda: result().mappings(),
    "Partitions": lambda: result().partitions(2),
    "PoolCore": lambda: create_engine("sqlite://").pool,
    "PoolProxiedConnection": pooled,
    "RMKeyView": lambda: result().keys(),
    "Result": lambda: from_rows(_core.Result),
    "Row": row,
    "RowMapping": lambda: row()._mapping,
    "RowShape": lambda: inside(row, "RowShape"),
    "ScalarResult": lambda: result().scalars(),
    "TupleResult": lambda: result().tuples(),
}
UNMADE = {"RowNames": "inside a RowShape, out of every program's reach; test_row_names.py counts them"}
