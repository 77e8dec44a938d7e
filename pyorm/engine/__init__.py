"""Engines, connections, transactions, results and URLs."""

from __future__ import annotations

from collections.abc import KeysView, Mapping

from pyorm._core import (
    ChunkedIteratorResult,
    CursorResult,
    IteratorResult,
    MappingResult,
    Result,
    RMKeyView,
    Row,
    RowMapping,
    ScalarResult,
    TupleResult,
)
from pyorm.engine.base import Connection, Engine
from pyorm.engine.context import ExecutionContext
from pyorm.engine.create import create_engine, create_pool_from_url, engine_from_config
from pyorm.engine.mock import create_mock_engine
from pyorm.engine.result import FrozenResult, MergedResult, result_tuple
from pyorm.engine.transaction import (
    NestedTransaction,
    RootTransaction,
    Transaction,
    TwoPhaseTransaction,
)
from pyorm.engine.url import URL, make_url

Mapping.register(RowMapping)  # pyright: ignore
KeysView.register(RMKeyView)

__all__ = [
    "URL",
    "ChunkedIteratorResult",
    "Connection",
    "CursorResult",
    "Engine",
    "ExecutionContext",
    "FrozenResult",
    "IteratorResult",
    "MappingResult",
    "MergedResult",
    "NestedTransaction",
    "RMKeyView",
    "Result",
    "RootTransaction",
    "Row",
    "RowMapping",
    "ScalarResult",
    "Transaction",
    "TupleResult",
    "TwoPhaseTransaction",
    "create_engine",
    "create_mock_engine",
    "create_pool_from_url",
    "engine_from_config",
    "make_url",
    "result_tuple",
]
