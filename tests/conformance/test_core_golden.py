"""The golden statements at work: each is run on a database with rows and answers the reference.

What the reference answered stands in tests/golden/rows_*.json; tests/golden/live.py says how a
statement is run and told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pyorm
import pyorm.exc
from pyorm.dialects import postgresql, sqlite
from tests.golden.live import cases, fill, open_space, run_case

GOLDEN = Path(__file__).parent.parent / "golden"
REFERENCE = {
    name: json.loads((GOLDEN / f"rows_{name}.json").read_text())["answers"]
    for name in ("sqlite", "postgresql")
}
# Ranges are no types of pyorm.
OPEN = {"pg_range_contains"}

# Statements that pyorm answers and the reference does not, or otherwise.
DIFFERENT = {
    "sqlite": {
        # Nested set operations and VALUES are written as SQLite's grammar has them.
        "union_nested", "union_nested_left", "union_nested_same", "union_except",
        "union_limited_parts", "values", "values_join", "values_alias", "values_one",
        # The reference's text binds the pair of operands in the wrong order.
        "op_bitwise_xor",
        # floor() is there in the library that is linked.
        "op_floordiv_float",
        # A refusal with another class: by the compiler, by the value.
        "conflict_pg_constraint", "op_interval_arithmetic", "cast_types", "cte_in_delete",
        "delete_using", "distinct_on", "pg_aggregate_order", "pg_array_literal",
        "pg_array_concat", "pg_cast_array", "pg_array_any_value", "pg_array_eq",
        "pg_array_contains", "pg_array_contained", "pg_array_overlap", "pg_array_index",
        "pg_array_slice", "pg_jsonb_has_any",
    },
    "postgresql": {
        # An int beyond the column's range is compared as a wider one.
        "op_big_integer",
        # The columns of an unnamed result are named by the server: no cast, no type's name.
        "text_bindparams",
        # The reference forgets the table that the function's argument comes from.
        "scalar_table_valued",
        # The reference does not render it.
        "values_alias", "conflict_lite_nothing", "conflict_lite_nothing_target",
        "conflict_lite_update", "conflict_lite_update_value", "conflict_lite_index_where",
        "conflict_lite_returning", "conflict_lite_keys",
    },
}  # fmt: skip


class Live:
    """A connection to a database that holds the golden rows."""

    def __init__(self, url: str) -> None:
        self.name = "sqlite" if url.startswith("sqlite") else "postgresql"
        self.space = open_space(pyorm, postgresql, sqlite, self.name == "sqlite")
        self.engine = pyorm.create_engine(url)
        self.connection = self.engine.connect()
        fill(self.space, self.connection, self.name == "sqlite")
        self.cases = cases(self.space)

    def answer(self, name: str) -> dict[str, Any]:
        """Return what a statement answers."""
        return run_case(self.space, self.connection, name, self.cases[name]())

    def close(self) -> None:
        """Leave nothing behind."""
        self.connection.close()
        self.engine.dispose()


@pytest.fixture(scope="module")
def live_sqlite() -> Iterator[Live]:
    live = Live("sqlite://")
    yield live
    live.close()


@pytest.fixture(scope="module")
def live_postgresql(pg_url: str) -> Iterator[Live]:
    live = Live(pg_url)
    yield live
    live.close()


def names(database: str) -> list[str]:
    return [n for n in REFERENCE[database] if n not in OPEN and n not in DIFFERENT[database]]


def is_kind(got: str | None, expected: str) -> bool:
    """Return whether an exception's class is the expected one or a finer one."""
    cls = getattr(pyorm.exc, got or "", None)
    return cls is not None and expected in [base.__name__ for base in cls.__mro__]


def check(live: Live, name: str) -> None:
    expected = REFERENCE[live.name][name]

    got = live.answer(name)

    if "error" in expected:
        assert is_kind(got.get("error"), expected["error"]), got
    else:
        assert got == expected


@pytest.mark.parametrize("name", names("sqlite"))
def test_statement_answers_as_the_reference_when_run_on_sqlite(
    live_sqlite: Live, name: str
) -> None:
    check(live_sqlite, name)


@pytest.mark.parametrize("name", names("postgresql"))
def test_statement_answers_as_the_reference_when_run_on_postgresql(
    live_postgresql: Live, name: str
) -> None:
    check(live_postgresql, name)
