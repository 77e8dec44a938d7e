"""The text of every golden statement is, to the newline, the reference library's.

tests/golden/sql_*.json was written by tools/golden.py under that library; here the same
list of statements runs under pyorm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyorm.dialects import postgresql, sqlite
from tests.golden.models import make_models
from tests.golden.schema import make_namespace
from tests.golden.statements import compile_case, make_cases, make_orm_attribute_cases
from tests.sql import space

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
DIALECTS = ("postgresql", "sqlite", "default")
CASES = make_cases(make_namespace(space.sa, space.pg, space.lite))
ORM_CASES = make_orm_attribute_cases(make_models("pyorm", plain=True))
REFERENCE = {
    name: json.loads((GOLDEN / f"sql_{name}.json").read_text("utf-8")) for name in DIALECTS
}

# Where pyorm differs on purpose, and why.
DIFFERENT = {
    "values_alias": "the reference names the columns of an alias by the table below it",
    "values_join": "the reference turns the operands of == around by their Python classes",
    "table_valued_ordinality": "the reference drops the name when it renders the columns",
    "op_bitwise_xor": "the reference writes SQLite's XOR without the parentheses it needs",
    "conflict_pg_constraint": "SQLite has no ON CONFLICT ON CONSTRAINT: an error, not a gap",
    "try_cast": "no database here has TRY_CAST",
    "scalar_table_valued": "the reference forgets the table of the function's argument",
    "orm_bundle": "bundles come with the whole of the Query",
    "pg_range_contains": "ranges are no types of pyorm",
    "pg_cast_array": "an array is a type of PostgreSQL",
}


def make_dialect(name: str) -> Any:
    """Return pyorm's dialect object of a golden file."""
    return {"postgresql": postgresql.dialect, "sqlite": sqlite.dialect}.get(name, lambda: None)()


def golden_cases() -> list[Any]:
    """Return one parameter per dialect and statement that the reference can compile."""
    return [
        pytest.param(dialect, name, id=f"{dialect}-{name}")
        for dialect in DIALECTS
        for name in CASES | ORM_CASES
        if name in REFERENCE[dialect]["statements"] and name not in DIFFERENT
    ]


@pytest.mark.parametrize(("dialect", "name"), golden_cases())
def test_text_is_the_references_when_compiled(dialect: str, name: str) -> None:
    expected = REFERENCE[dialect]["statements"][name]

    compiled = compile_case((CASES | ORM_CASES)[name](), make_dialect(dialect))

    assert compiled.string == expected["text"]
    shown = {key: repr(value) for key, value in compiled.params.items()}
    assert shown == expected["params"]
    assert list(compiled.positiontup or ()) == expected["positions"]
